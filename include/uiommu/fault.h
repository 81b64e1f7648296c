/* SPDX-License-Identifier: MIT */
/*
 * uiommu/fault.h - page requests: faults that are answered (PCIe PRI, SMMUv3 stalls)
 *
 * A device that finds a page missing may ask for it and wait.  Requests come in groups: the last request
 * of a group is marked, and one response answers the whole group.  The core collects the requests of a
 * group, keyed by (device, with or without PASID, PASID, group index), finds the domain that the PASID is
 * attached to, and hands the complete group to whoever registered there; every group is answered
 * exactly once, whatever happens to its consumer, its domain or its device.
 *
 * There are two consumers to choose from: a handler, called at once, or a queue that is read later
 * (Linux: iommufd's fault object).  SVA domains have the core's own handler.  A domain with a consumer
 * needs devices that can make page requests.
 *
 * The library has no threads: a handler runs on the thread that took the interrupt or polled the
 * instance, with none of the library's locks that attach or map need.  One device's groups are handled
 * one after the other.  A handler may map, unmap, and answer; it may not attach or detach anything of that
 * device, nor wait for a thread that does: a detach waits for the handler.
 *
 * A request that comes while its attachment is just being made or replaced is answered SUCCESS, so that
 * the device tries again and meets the outcome; while it is being ended, or the device is in reset, INVALID.
 *
 * When a domain is detached from a PASID (or replaced there) the core waits for a handler that is at
 * work for it, forgets incomplete groups, and answers what nobody has answered with INVALID, in the
 * order: hardware entry, invalidation, drain of the hardware's queue, then this.
 */
#ifndef UIOMMU_FAULT_H
#define UIOMMU_FAULT_H

#include <uiommu/uiommu.h>

#ifdef __cplusplus
extern "C" {
#endif

enum uiommu_page_request_flags {
	UIOMMU_PAGE_REQUEST_PASID = 1u << 0, /* @pasid is valid */
	UIOMMU_PAGE_REQUEST_LAST = 1u << 1, /* the last of its group: answer now */
	UIOMMU_PAGE_REQUEST_STALL =
		1u << 2, /* a stalled transaction, a group of its own; @private is its tag */
};

struct uiommu_page_request {
	uint32_t source_id; /* as the hardware reports it */
	unsigned int flags; /* enum uiommu_page_request_flags */
	uiommu_pasid_t pasid;
	uint32_t group; /* group index: 9 bits of PRI, 16 bits of a stall tag */
	uiommu_iova_t address; /* the page, or the byte where hardware says it */
	unsigned int prot; /* UIOMMU_READ, UIOMMU_WRITE, UIOMMU_PRIV; 0: a page is only announced */
	bool execute; /* it wants to execute what it reads */
	uint64_t private_data[2]; /* the driver's, for the response */
};

enum uiommu_page_response_code {
	UIOMMU_PAGE_SUCCESS = 0, /* the pages are there, or may be: try again */
	UIOMMU_PAGE_INVALID = 1, /* some page of the group cannot be had */
	UIOMMU_PAGE_FAILURE = 2, /* nothing can be had: the device shall not ask any more for now */
};

struct uiommu_fault_group; /* requests that are answered together */

/** uiommu_fault_group_count() - requests in the group, at least 1 */
UIOMMU_API unsigned int uiommu_fault_group_count(const struct uiommu_fault_group *group);
/** uiommu_fault_group_request() - in the order of arrival, the one marked last at the end */
UIOMMU_API const struct uiommu_page_request *
uiommu_fault_group_request(const struct uiommu_fault_group *group, unsigned int index);
/** uiommu_fault_group_device() - who asks; NULL once that device has been removed */
UIOMMU_API struct uiommu_device *uiommu_fault_group_device(const struct uiommu_fault_group *group);

/**
 * uiommu_page_response() - answer a group, and give it back
 * @group: as a handler got it; not to be used afterwards
 * @code: what the device is told
 *
 * Exactly once for each group that a handler has accepted, from any thread, also from the handler.  If the
 * core has answered in between (detach, removal) nothing is sent.
 */
UIOMMU_API void uiommu_page_response(struct uiommu_fault_group *group,
				     enum uiommu_page_response_code code);

/**
 * uiommu_set_page_request_handler() - who answers for a domain
 * @domain: a paging or nested domain that is attached nowhere
 * @handler: gets each complete group; 0: it answers with uiommu_page_response(), now or later; an error:
 *	the core answers FAILURE.  NULL: page requests of this domain are refused again.
 * @token: handed to @handler
 *
 * Return: 0; -UIOMMU_EBUSY: it is attached; -UIOMMU_EINVAL: not such a domain.
 */
UIOMMU_API int uiommu_set_page_request_handler(struct uiommu_domain *domain,
					       int (*handler)(struct uiommu_fault_group *group,
							      void *token),
					       void *token);

/* ---- queues ------------------------------------------------------------------------------------ */

struct uiommu_fault_queue;

/**
 * uiommu_fault_queue_create() - groups wait here to be read
 * @sys: its system
 * @notify: called when a group has arrived, on the thread that reported it; may be NULL
 * @token: handed to @notify
 * @out: the queue, to be destroyed before the system
 *
 * Return: 0, -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_fault_queue_create(struct uiommu_system *sys, void (*notify)(void *token),
					 void *token, struct uiommu_fault_queue **out);
/** uiommu_fault_queue_destroy() - no domain has it any more; -UIOMMU_EBUSY if one does; NULL: 0 */
UIOMMU_API int uiommu_fault_queue_destroy(struct uiommu_fault_queue *queue);

/**
 * uiommu_set_fault_queue() - the groups of @domain go to @queue; NULL ends it
 *
 * One queue may serve several domains.  Return: as uiommu_set_page_request_handler().
 */
UIOMMU_API int uiommu_set_fault_queue(struct uiommu_domain *domain,
				      struct uiommu_fault_queue *queue);

/* A request as it is read from a queue. */
struct uiommu_fault_record {
	struct uiommu_page_request request;
	struct uiommu_device *device;
	uint32_t cookie; /* names the group, the same in all its records */
	struct uiommu_attach_handle *handle; /* what (group, PASID) was attached with; may be NULL */
};

/**
 * uiommu_fault_queue_read() - take the oldest group that was not read, as a whole
 * @queue: the queue
 * @records: room for @capacity of them
 * @capacity: how many
 * @count: how many were written; 0 if nothing waits
 *
 * Return: 0; -UIOMMU_EINVAL: the group has more records than fit; it stays first.
 */
UIOMMU_API int uiommu_fault_queue_read(struct uiommu_fault_queue *queue,
				       struct uiommu_fault_record *records, size_t capacity,
				       size_t *count);
/** uiommu_fault_queue_unread() - the group that was read last could not be delivered: it is first again */
UIOMMU_API void uiommu_fault_queue_unread(struct uiommu_fault_queue *queue, uint32_t cookie);
/** uiommu_fault_queue_pending() - does a group wait to be read? */
UIOMMU_API bool uiommu_fault_queue_pending(struct uiommu_fault_queue *queue);

/**
 * uiommu_fault_queue_respond() - answer a group that was read
 * @code: SUCCESS or INVALID
 *
 * Return: 0; -UIOMMU_EINVAL: no group with this cookie waits for an answer (never read, answered, or
 * answered by the core), or another code.
 */
UIOMMU_API int uiommu_fault_queue_respond(struct uiommu_fault_queue *queue, uint32_t cookie,
					  enum uiommu_page_response_code code);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_FAULT_H */
