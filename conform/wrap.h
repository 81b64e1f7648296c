/* SPDX-License-Identifier: MIT */
/*
 * wrap.h - a layer between the core and a driver: it watches, fails and lies
 *
 * Every call that the core makes to a driver passes through here.  Scenarios use it to make a real
 * driver's operation fail at a chosen place, and to see what was called; saboteurs use it to break a rule.
 * The wrapped tables are copies: operations that the driver lacks stay absent.
 *
 * Thread-safety: calls may come from several threads; rules are set before.
 */
#ifndef CONFORM_WRAP_H
#define CONFORM_WRAP_H

#include <uiommu/driver.h>

enum wrap_op {
	WRAP_PROBE,
	WRAP_RELEASE,
	WRAP_FINALIZE,
	WRAP_GROUP,
	WRAP_CAPABLE,
	WRAP_RESV,
	WRAP_DEF_TYPE,
	WRAP_DEFERRED,
	WRAP_ALLOC_PAGING,
	WRAP_ALLOC_NESTED,
	WRAP_ALLOC_IDENTITY,
	WRAP_ALLOC_SVA,
	WRAP_REQUESTS_ENABLE,
	WRAP_REQUESTS_DISABLE,
	WRAP_REQUESTS_DRAIN,
	WRAP_RESPONSE,
	WRAP_RESET_DONE,
	WRAP_POLL,
	WRAP_PREPARE,
	WRAP_COMMIT,
	WRAP_ABORT,
	WRAP_MAP,
	WRAP_MAP_SG,
	WRAP_SYNC_MAP,
	WRAP_UNMAP,
	WRAP_SYNC,
	WRAP_FLUSH_ALL,
	WRAP_TO_PHYS,
	WRAP_ENFORCE,
	WRAP_SET_DIRTY,
	WRAP_READ_DIRTY,
	WRAP_CACHE_INVALIDATE,
	WRAP_MM_INVALIDATE,
	WRAP_MM_EXIT,
	WRAP_FREE,
	WRAP_OPS
};

struct wrap;

/*
 * One call on its way to the driver.  A hook may change the arguments, call wrap_call() to let the
 * driver do it (once, never, or with something before and after), and set the result.
 */
struct wrap_call {
	struct wrap *wrap;
	enum wrap_op op;
	struct uiommu_instance *instance; /* probe, poll, page_response */
	struct uiommu_device *dev; /* where the call is about one */
	struct uiommu_domain *domain; /* where the call is about one */
	struct uiommu_attach *attach;
	struct uiommu_iotlb_gather *gather;
	struct uiommu_resv_list *resv;
	uint64_t iova, paddr, size; /* mm_invalidate: the first byte, and how many less one */
	unsigned int prot; /* or flags: alloc, dirty */
	bool enable; /* set_dirty_tracking */
	enum uiommu_cap cap;
	const struct uiommu_sg *sg;
	size_t sg_count;
	const struct uiommu_dirty_bitmap *bitmap;
	struct uiommu_domain *parent; /* alloc_nested */
	enum uiommu_nested_type nested; /* alloc_nested, cache_invalidate */
	uiommu_pasid_t pasid; /* page_requests_drain */
	struct uiommu_mm *mm; /* alloc_sva */
	const struct uiommu_mm_format_info *mm_info;
	const struct uiommu_page_request *request; /* page_response */
	enum uiommu_page_response_code code;
	const void *data; /* of alloc_nested: @size bytes; entries of @size bytes each: @value */
	/* Results */
	int rc; /* also bool and unsigned int results */
	uint64_t value; /* unmap: bytes; iova_to_phys; map: bytes mapped; entries done */
	struct uiommu_domain *domain_out;
	struct uiommu_group *group_out;
	enum uiommu_domain_type type_out;
	const void *driver; /* the layer's own: the driver's table */
	int stage; /* the layer's own */
};

/* The driver's own operation, with the call's arguments; fills in the results. */
void wrap_call(struct wrap_call *call);

typedef void (*wrap_hook)(struct wrap_call *call, void *context);

int wrap_create(struct wrap **out);
void wrap_destroy(struct wrap *wrap);
/* For machine_options.wrap_ops: the context is the struct wrap. */
const struct uiommu_ops *wrap_ops(void *context, const struct uiommu_ops *ops);

/*
 * wrap_set() - put a hook before an operation; NULL removes it
 * Two places: the saboteur's hook is closest to the driver, the scenario's is above it.
 */
void wrap_set(struct wrap *wrap, enum wrap_op op, wrap_hook hook, void *context);
void wrap_set_saboteur(struct wrap *wrap, enum wrap_op op, wrap_hook hook, void *context);

/* How often an operation was called since the last wrap_reset_counts(). */
unsigned int wrap_count(const struct wrap *wrap, enum wrap_op op);
void wrap_reset_counts(struct wrap *wrap);

/*
 * The @nth next call (1: the next) of @op that is about @dev (NULL: any device) fails with -@error, without
 * reaching the driver.  One such rule for each operation; nth 0 removes it.
 */
void wrap_fail(struct wrap *wrap, enum wrap_op op, const struct uiommu_device *dev,
	       unsigned int nth, int error);

/*
 * Registers: for machine_options.wrap_mmio, with the same context.  While a watcher is set, it is called
 * before and after each access of a driver to its unit's registers, in the thread of the access; what it
 * provokes is not watched.
 */
void wrap_mmio(void *context, unsigned int unit, struct uiommu_mmio *mmio);
void wrap_watch_registers(struct wrap *wrap, void (*watch)(void *context), void *context);

/*
 * A second watcher, of what is written and where, before it reaches the hardware; beside a saboteur it sees
 * what the driver wrote.
 */
void wrap_watch_writes(struct wrap *wrap,
		       void (*watch)(void *context, unsigned int window, uint64_t offset,
				     uint64_t value),
		       void *context);

/*
 * One access of a driver to a register.  A saboteur's hook stands in its way: it may change @value, look at
 * and alter what the driver put into memory, and lets wrap_access_call() do the access once, or never.
 */
struct wrap_access {
	unsigned int window; /* as wrap_mmio()'s unit */
	uint64_t offset;
	unsigned int size; /* 1, 2, 4, 8 */
	bool write;
	uint64_t value; /* to be written, or what was read */
	/* Called last, after a scenario has had its look (wrap_watch_registers()); NULL: nothing is left. */
	void (*after)(void *context);
	void *after_context;
	const struct uiommu_mmio *registers; /* the layer's own */
};
void wrap_access_call(struct wrap_access *access);
typedef void (*wrap_access_hook)(struct wrap_access *access, void *context);
void wrap_set_access(struct wrap *wrap, wrap_access_hook hook, void *context);

/* A driver with operations of one phase: attach_single in place of the trio, over the same driver. */
void wrap_one_phase(struct wrap *wrap, bool on);
/* Before boot: the driver seems to have no static blocked domain for its RIDs. */
void wrap_hide_blocked(struct wrap *wrap, bool on);

#endif /* CONFORM_WRAP_H */
