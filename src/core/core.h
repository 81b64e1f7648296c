/* SPDX-License-Identifier: MIT */
/*
 * core.h - the objects of the core and how its files see each other
 *
 * Locks, outermost first:
 *
 *   sys->sva       binding and unbinding: which address spaces have which bonds
 *   sys->probe     who is known: the list of devices, probing and release, driver binding
 *   group->mutex   members, default, blocking and current domain, owner, PASID attachments; held
 *                  over every attach operation of a driver
 *   faults->handling   of one device: a handler of its page requests is at work.  Not taken by
 *                  whoever attaches but to wait for that handler, after the hardware is done
 *   faults->responding of one device: its driver's page_response is at work
 *   mm->mutex      of one address space (sva.c): which SVA domains hear of its changes; held over
 *                  the drivers' mm_invalidate and mm_exit, and never over a call of the port's mm
 *                  functions, because the host may hold its own locks when it tells of a change
 *   sys->table     short and innermost: no driver and no user is ever called with it.  It covers what
 *                  may be looked up beside an attach: dev->group, dev->instance, dev->domain, slots
 *                  and their handles, the lists of instances and groups, reference counts, page
 *                  requests that wait, PASIDs that are allocated
 *
 * What group->mutex covers is written with sys->table held too where it is listed there, so that
 * either lock is enough to read it.  Map and unmap take none of them.
 *
 * SVA domains attach through pasid.c with a handle like every other domain.
 */
#ifndef UIOMMU_SRC_CORE_H
#define UIOMMU_SRC_CORE_H

#include <stdatomic.h>
#include <uiommu/driver.h>
#include <uiommu/pci.h>

/* The host provides these, as every freestanding compiler demands (C11 4p6 has no string.h). */
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

/* PASIDs that were given out, one bit each; grows with the highest one, is freed with the last. */
struct uiommu_pasid_pool {
	uint64_t *words;
	uint32_t num_words;
	uint32_t hint; /* no word before this one has a PASID to give */
	uint32_t used;
};

struct uiommu_faults; /* faults.h */
struct uiommu_sva_mm; /* sva.c */

struct uiommu_system {
	struct uiommu_system_config config;
	void *host;
	uintptr_t direct_map;
	struct uiommu_mutex sva;
	struct uiommu_mutex probe;
	struct uiommu_mutex table;
	struct uiommu_instance *instances;
	struct uiommu_device *devices; /* in order of arrival */
	struct uiommu_group *groups; /* by id */
	bool destroyed; /* only the groups that users still hold keep it */
	struct uiommu_pasid_pool pasids; /* sys->table */
	struct uiommu_sva_mm *mms; /* sys->table */
};

struct uiommu_resv_list {
	struct uiommu_system *sys;
	struct uiommu_resv_region *regions;
	size_t count;
	size_t capacity;
};

struct uiommu_device {
	struct uiommu_system *sys;
	struct uiommu_device *next; /* sys->devices */
	struct uiommu_device *group_next;
	char *name;
	char *bus;
	size_t name_size;
	size_t bus_size;
	struct uiommu_device_desc desc; /* its strings are not used */

	_Atomic int status; /* enum uiommu_device_status */
	_Atomic int error;
	_Atomic uint32_t max_pasids;
	bool bound; /* sys->probe */
	bool bound_managed;

	struct uiommu_instance *instance;
	struct uiommu_group *group;
	bool has_fwspec;
	struct uiommu_fwspec fwspec;
	uint32_t *ids;
	void *priv;

	/* group->mutex */
	struct uiommu_resv_list resv; /* asked once, at probe */
	bool require_direct; /* has a DIRECT region: never blocked */
	bool attach_deferred;
	bool step_done; /* the switch under way has prepared this member */
	uint64_t joined; /* PASID slots with a larger sequence number are in its table */
	struct uiommu_domain *domain; /* what its RID really uses; NULL: never attached */
	struct uiommu_attach attach; /* the switch under way: needs no allocation */
	unsigned int resets; /* nested calls of reset_prepare */
	unsigned int reset_blocked; /* devices in reset that share its source ID, itself included */
	bool reset_kept; /* in reset it could not be blocked, or had nothing to block */
	struct uiommu_domain *reset_hold; /* what it comes back to */

	bool quarantined; /* atomic */
	uint32_t quarantine_id; /* sys->table, these two */
	const char *quarantine_reason; /* not NULL: users have not heard of it */

	struct uiommu_faults
		*faults; /* written with sys->table too; NULL: never wanted page requests */
	bool requests_closed; /* sys->table: it leaves, or is in reset: every page request is INVALID */
};

/* What one (group, PASID) is attached to. */
struct uiommu_slot {
	uiommu_pasid_t pasid;
	uint64_t sequence;
	bool live; /* the hardware uses it; before that the slot is only reserved */
	struct uiommu_domain *domain;
	struct uiommu_attach_handle *handle;
	struct uiommu_attach_handle *next; /* reserved by an attach or replace under way */
};

struct uiommu_group {
	struct uiommu_system *sys;
	struct uiommu_group *next;
	unsigned int id;
	unsigned int refs; /* sys->table; one for each member */
	struct uiommu_mutex mutex;
	struct uiommu_device *members;
	unsigned int num_members;
	bool fresh; /* sorted into by a probe, no default domain yet (sys->probe) */

	struct uiommu_domain *default_domain;
	struct uiommu_domain *blocking_domain;
	struct uiommu_domain *domain;

	void *owner;
	unsigned int claims;
	unsigned int users; /* bound drivers that rely on the default domain */
	unsigned int resets; /* members in reset: nothing can be attached */

	uint64_t sequence;
	struct uiommu_slot rid;
	struct uiommu_slot *slots; /* by PASID */
	unsigned int num_slots;
	unsigned int max_slots;

	/* What is being attached, replaced or detached now; sys->table too. */
	struct {
		unsigned int depth; /* 0: nothing */
		uiommu_pasid_t pasid;
		bool leaving; /* a detach */
	} changing;
};

static inline void *uiommu_zalloc(struct uiommu_system *sys, size_t size)
{
	return uiommu_port_alloc(sys->host, size);
}

static inline void uiommu_free(struct uiommu_system *sys, void *mem, size_t size)
{
	if (mem)
		uiommu_port_free(sys->host, mem, size);
}

static inline void uiommu_lock(struct uiommu_system *sys, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_lock(sys->host, mutex);
}

static inline void uiommu_unlock(struct uiommu_system *sys, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_unlock(sys->host, mutex);
}

/* Static domains are const objects that nobody writes to; domains travel without the const. */
static inline struct uiommu_domain *uiommu_static_domain(const struct uiommu_domain *domain)
{
	return (struct uiommu_domain *)(uintptr_t)domain;
}

/* The ops of a group are those of its first member: device.c lets no other table in. */
static inline const struct uiommu_ops *uiommu_group_ops(const struct uiommu_group *group)
{
	return group->members->instance->ops;
}

/* instance.c */
struct uiommu_instance *uiommu_instance_find(struct uiommu_system *sys,
					     const struct uiommu_fwnode *fwnode);
int uiommu_defer_error(const struct uiommu_system *sys);

/* device.c; sys->probe held */
void uiommu_probe_all(struct uiommu_system *sys);
void uiommu_release_device(struct uiommu_device *dev);
void uiommu_device_fail(struct uiommu_device *dev, int error);
int uiommu_device_demand(struct uiommu_device *dev);

/* fwspec.c */
void uiommu_fwspec_clear(struct uiommu_device *dev);

/* group.c; group->mutex held unless said otherwise */
struct uiommu_group *uiommu_group_lock_of(struct uiommu_device *dev);
void uiommu_group_unlock_put(struct uiommu_group *group);
void uiommu_group_add_member(struct uiommu_group *group, struct uiommu_device *dev);
void uiommu_group_del_member(struct uiommu_group *group, struct uiommu_device *dev);
void uiommu_group_set_domain(struct uiommu_group *group, struct uiommu_domain *domain);
void uiommu_group_emptied(struct uiommu_group *group);

/* default_domain.c; group->mutex held */
int uiommu_default_setup(struct uiommu_group *group);
void uiommu_default_drop(struct uiommu_domain *domain);

/* resv.c */
int uiommu_resv_probe(struct uiommu_device *dev);
void uiommu_resv_clear(struct uiommu_resv_list *list);
int uiommu_resv_map_direct(struct uiommu_device *dev, struct uiommu_domain *domain);

/* compat.c */
int uiommu_check_domain(const struct uiommu_ops *ops, const struct uiommu_system *sys,
			const struct uiommu_domain *domain);

/*
 * page_request.c; group->mutex held.  Whoever switches one device goes through uiommu_attach_step(), which
 * calls prepare and ended.  Around one public operation come changing and changed.
 */
void uiommu_faults_changing(struct uiommu_group *group, uiommu_pasid_t pasid, bool leaving);
void uiommu_faults_changed(struct uiommu_group *group);
int uiommu_faults_prepare(struct uiommu_device *dev, const struct uiommu_domain *domain);
void uiommu_faults_ended(struct uiommu_device *dev, uiommu_pasid_t pasid,
			 const struct uiommu_domain *old);
void uiommu_faults_forget(struct uiommu_group *group, uiommu_pasid_t pasid);
void uiommu_faults_close(struct uiommu_device *dev, bool closed);
void uiommu_faults_remove(struct uiommu_device *dev);

/* sva.c */
void uiommu_sva_end(struct uiommu_system *sys);
bool uiommu_sva_owns_pasid(const struct uiommu_system *sys, uiommu_pasid_t pasid);

/* pasid_pool.c */
int uiommu_pasid_take(struct uiommu_system *sys, uint32_t limit, uiommu_pasid_t *out);
bool uiommu_pasid_give(struct uiommu_system *sys, uiommu_pasid_t pasid, uint64_t **empty,
		       size_t *size);

/* attach.c; group->mutex held */
enum uiommu_switch_mode {
	UIOMMU_MAY_FAIL,
	UIOMMU_MUST_SUCCEED,
};
int uiommu_driver_error(int error);
int uiommu_attach_step(struct uiommu_device *dev, uiommu_pasid_t pasid,
		       struct uiommu_domain *domain, struct uiommu_domain *old);
int uiommu_device_switch(struct uiommu_device *dev, struct uiommu_domain *domain);
void uiommu_device_park(struct uiommu_device *dev, struct uiommu_domain *domain);
int uiommu_group_switch(struct uiommu_group *group, struct uiommu_domain *domain,
			enum uiommu_switch_mode mode);
struct uiommu_domain *uiommu_core_domain(struct uiommu_group *group);

/* handle.c; group->mutex held, sys->table not */
int uiommu_slot_reserve(struct uiommu_group *group, struct uiommu_slot *slot,
			struct uiommu_attach_handle *handle);
void uiommu_slot_publish(struct uiommu_group *group, struct uiommu_slot *slot,
			 struct uiommu_domain *domain);
void uiommu_slot_cancel(struct uiommu_group *group, struct uiommu_slot *slot);
void uiommu_slot_erase(struct uiommu_group *group, struct uiommu_slot *slot);

/* owner.c; group->mutex held */
int uiommu_group_make_blocking(struct uiommu_group *group);

/* reset.c; group->mutex held, but for the last */
int uiommu_reset_join(struct uiommu_device *dev);
void uiommu_reset_leave(struct uiommu_device *dev);
void uiommu_reset_follow(struct uiommu_group *group);
unsigned int uiommu_quarantine_report_pending(struct uiommu_instance *instance);

static inline bool uiommu_blocked_by_reset(const struct uiommu_device *dev)
{
	return dev->reset_blocked && !dev->reset_kept;
}

/* fault.c; the first two with sys->table held, the third without locks */
bool uiommu_device_has_id(const struct uiommu_device *dev, uint32_t id);
struct uiommu_device *uiommu_device_by_id(struct uiommu_instance *instance, uint32_t id);
void uiommu_deliver_fault(struct uiommu_instance *instance, const struct uiommu_fault *fault);

/* pasid.c; group->mutex held */
void uiommu_pasid_suspend_device(struct uiommu_device *dev);
void uiommu_pasid_resume_device(struct uiommu_device *dev);
void uiommu_pasid_block_device(struct uiommu_device *dev);
void uiommu_pasid_drop_all(struct uiommu_group *group);
struct uiommu_slot *uiommu_pasid_find(struct uiommu_group *group, uiommu_pasid_t pasid);
bool uiommu_pasid_has(const struct uiommu_device *dev, const struct uiommu_slot *slot);
/* pasid.c; no lock held */
void uiommu_pasid_detach_handle(struct uiommu_group *group, uiommu_pasid_t pasid,
				const struct uiommu_attach_handle *handle);

/* domain.c */
int uiommu_domain_adopt(struct uiommu_system *sys, const struct uiommu_ops *ops,
			struct uiommu_domain *domain);
int uiommu_domain_alloc_for(struct uiommu_device *dev, unsigned int flags,
			    struct uiommu_domain **out);
int uiommu_domain_identity_for(struct uiommu_device *dev, struct uiommu_domain **out);
void uiommu_domain_hold(struct uiommu_domain *domain);
void uiommu_domain_unhold(struct uiommu_domain *domain);
void uiommu_domain_pin(struct uiommu_system *sys, struct uiommu_domain *domain);
void uiommu_domain_set_type(struct uiommu_domain *domain, enum uiommu_domain_type type);

/* map.c: what was gathered is invalid everywhere now */
void uiommu_gather_free_tables(struct uiommu_system *sys, struct uiommu_iotlb_gather *gather);

#endif /* UIOMMU_SRC_CORE_H */
