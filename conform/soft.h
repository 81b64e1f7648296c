/* SPDX-License-Identifier: MIT */
/*
 * soft.h - a second driver, in software
 *
 * For scenarios about several drivers in one system, and about answers that no real driver gives.  A soft
 * IOMMU has a list of pages for each domain and remembers what every device of its is attached to;
 * soft_translate() is its hardware.  Its devices do what their script says.  It takes all memory from
 * the system's host, so that what it leaks or cannot get is noticed.
 *
 * A device that asks for pages has its requests reported at once, or kept in a queue until the instance is
 * polled or the device's queue is drained; every response is kept in a list, and the order of what the core
 * asks for in another one.
 *
 * Thread-safety: as far as the core serialises; a script is written while the core is not at work on it.
 */
#ifndef CONFORM_SOFT_H
#define CONFORM_SOFT_H

#include "conform/conform.h"

#define SOFT_INSTANCES 2
#define SOFT_DEVICES 6
#define SOFT_PASIDS 8
#define SOFT_PAGES 64
#define SOFT_GRANULE 4096ull
#define SOFT_REGIONS 4
#define SOFT_BLOCKED UINT64_MAX
#define SOFT_RESPONSES 64
#define SOFT_EVENTS 128
#define SOFT_WAITING 16

struct soft;

struct soft_device {
	/* The script; zeros are a plain device in a group of its own.  Set before soft_add(). */
	const char *name; /* NULL: "soft" */
	const char *bus; /* NULL: "soft" */
	struct uiommu_pci_function *pci; /* NULL: it is none */
	const uint32_t *ids; /* what its firmware calls it; NULL: its own number */
	unsigned int num_ids;
	unsigned int instance; /* the one that its firmware names */
	const struct uiommu_fwnode *second; /* another one that its firmware names afterwards */
	unsigned int group; /* devices with the same number, not 0, share a group */
	bool single; /* the group that all devices of the instance share */
	bool no_iommu; /* firmware names none */
	enum uiommu_domain_type demand; /* BLOCKED: no opinion */
	bool untrusted, flush_queue, incoherent;
	int probe_error, attach_error; /* negative; attach: of anything but the blocked domain */
	uint32_t pasid_bits;
	bool asks; /* makes page requests */
	int enable_error; /* negative: what enabling them answers */
	bool sva; /* walks a process's tables */
	struct uiommu_resv_region resv[SOFT_REGIONS];
	unsigned int num_resv;

	/* What has happened. */
	struct soft *soft;
	struct uiommu_device *dev; /* NULL while it is not added */
	struct uiommu_instance *probed_by;
	unsigned int probes, releases, finalizes, attaches;
	int second_rc; /* what the second uiommu_fwspec_init() gave */
	const struct uiommu_domain *domain; /* in hardware, for requests without PASID */
	const struct uiommu_domain *pasid[SOFT_PASIDS]; /* NULL: blocked */
	enum uiommu_domain_type parked; /* the type of what it was released with */
	bool asking; /* page requests are enabled */
	unsigned int enables, disables, resets;
	unsigned int pasids_left; /* PASIDs that were attached when it was released */
};

struct soft_response {
	struct uiommu_page_request last;
	enum uiommu_page_response_code code;
};

enum soft_step {
	SOFT_COMMIT,
	SOFT_BLOCK,
	SOFT_ENABLE,
	SOFT_DISABLE,
	SOFT_DRAIN,
	SOFT_RESPONSE,
	SOFT_FREE
};

/* What the core asked for, in order. */
struct soft_event {
	enum soft_step step;
	uint32_t source_id; /* not of SOFT_FREE */
	uiommu_pasid_t pasid; /* of commits, drains, responses */
};

struct soft_instance {
	struct uiommu_instance instance;
	struct soft *soft;
};

struct soft {
	struct uiommu_system *sys;
	void *host;
	struct uiommu_ops ops[SOFT_INSTANCES]; /* may be changed before soft_start() */
	unsigned int table[SOFT_INSTANCES]; /* which of @ops an instance has; 0 for both at first */
	struct uiommu_fwnode fwnode[SOFT_INSTANCES];
	struct soft_instance instance[SOFT_INSTANCES];
	struct soft_device device[SOFT_DEVICES];
	int identity_error; /* what its domain_alloc_identity answers; used without a static one */
	/* Where a process's page is: uiommu_posix_mm_phys() on that host; NULL: processes have no pages. */
	uiommu_phys_t (*mm_phys)(struct uiommu_mm *mm, uint64_t address);
	unsigned int domains; /* alive */
	struct soft_response response[SOFT_RESPONSES];
	struct soft_event event[SOFT_EVENTS];
	_Atomic(unsigned int) responses, events; /* so many; the first of them are kept */
	struct uiommu_page_request waiting[SOFT_WAITING]; /* in hardware's queue */
	unsigned int num_waiting;
	/* Told of changes to a process's tables. */
	struct {
		uint64_t start, last;
	} change[SOFT_RESPONSES];
	_Atomic(unsigned int) changes, exits;
	/* Called by page_requests_drain(), before it reports what waits; may be NULL. */
	void (*on_drain)(struct soft *soft, unsigned int device, void *context);
	void *context;
	bool too_early; /* probed through an instance that was not ready */
	bool mixed_up; /* an operation was given another driver's domain or device */
};

/* A driver for @sys without instances in service; ends the scenario if there is no memory. */
struct soft *soft_create(struct subject *s, struct uiommu_system *sys);
/* Devices removed, instances unregistered, gone. */
void soft_destroy(struct soft *soft);

/* Register, unregister one instance. */
int soft_start(struct soft *soft, unsigned int instance);
void soft_stop(struct soft *soft, unsigned int instance);

/* The device appears with its script, disappears. */
int soft_add(struct soft *soft, unsigned int device);
void soft_remove(struct soft *soft, unsigned int device);

/* Where a request of the device goes: a physical address, or SOFT_BLOCKED. */
uint64_t soft_translate(const struct soft *soft, unsigned int device, uiommu_pasid_t pasid,
			uiommu_iova_t iova);

/* ---- page requests ----------------------------------------------------------------------------- */

/* A request of the device for a page; @pasid 0: without one. */
struct uiommu_page_request soft_page(const struct soft *soft, unsigned int device,
				     uiommu_pasid_t pasid, uint32_t group, uint64_t address,
				     unsigned int prot, bool last);
/* The driver reports it: what uiommu_report_page_request() says. */
int soft_ask(struct soft *soft, unsigned int device, const struct uiommu_page_request *request);
/* It waits in hardware's queue until soft_poll(), or until the device is drained. */
void soft_ask_later(struct soft *soft, const struct uiommu_page_request *request);
void soft_poll(struct soft *soft);
/* How many responses were sent for (device, PASID, group); *code: the last one's. */
unsigned int soft_answers(const struct soft *soft, unsigned int device, uiommu_pasid_t pasid,
			  uint32_t group, enum uiommu_page_response_code *code);
/* The number of the first such event from @from on, UINT_MAX if there is none. */
unsigned int soft_find(const struct soft *soft, unsigned int from, enum soft_step step,
		       unsigned int device, uiommu_pasid_t pasid);

#endif /* CONFORM_SOFT_H */
