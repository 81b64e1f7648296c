/* SPDX-License-Identifier: MIT */
/*
 * saboteurs_requests.c - broken rules of page requests, processes, PASIDs, resets and nested domains
 *
 * Between the core and a driver.  Those between a driver and its hardware: saboteurs_vtd.c, saboteurs_smmuv3.c.
 */
#include <string.h>

#include "conform/saboteur.h"

#define PAGE 4096ull

static void do_nothing(struct wrap_call *call, void *context)
{
	(void)call;
	(void)context;
}

static bool is_blocked(const struct wrap_call *call)
{
	return call->attach->domain->type == UIOMMU_DOMAIN_BLOCKED;
}

/* ---- responses --------------------------------------------------------------------------------- */

static void response_twice(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	wrap_call(call);
}

static void response_code(struct wrap_call *call, enum uiommu_page_response_code from,
			  enum uiommu_page_response_code to)
{
	if (call->code == from)
		call->code = to;
	wrap_call(call);
}

static void response_always_success(struct wrap_call *call, void *context)
{
	(void)context;
	response_code(call, UIOMMU_PAGE_INVALID, UIOMMU_PAGE_SUCCESS);
}

static void response_never_success(struct wrap_call *call, void *context)
{
	(void)context;
	response_code(call, UIOMMU_PAGE_SUCCESS, UIOMMU_PAGE_INVALID);
}

static void response_no_failure(struct wrap_call *call, void *context)
{
	(void)context;
	response_code(call, UIOMMU_PAGE_FAILURE, UIOMMU_PAGE_INVALID);
}

static void response_too_hard(struct wrap_call *call, void *context)
{
	(void)context;
	response_code(call, UIOMMU_PAGE_INVALID, UIOMMU_PAGE_FAILURE);
}

static void response_of(struct wrap_call *call, struct uiommu_page_request *changed)
{
	const struct uiommu_page_request *last = call->request;

	call->request = changed;
	wrap_call(call);
	call->request = last;
}

static void response_wrong_pasid(struct wrap_call *call, void *context)
{
	struct uiommu_page_request changed = *call->request;

	(void)context;
	changed.pasid ^= 1;
	response_of(call, &changed);
}

static void response_without_pasid(struct wrap_call *call, void *context)
{
	struct uiommu_page_request changed = *call->request;

	(void)context;
	changed.flags &= ~(unsigned int)UIOMMU_PAGE_REQUEST_PASID;
	changed.pasid = 0;
	response_of(call, &changed);
}

static void response_wrong_group(struct wrap_call *call, void *context)
{
	struct uiommu_page_request changed = *call->request;

	(void)context;
	changed.group ^= 1;
	response_of(call, &changed);
}

static void response_wrong_device(struct wrap_call *call, void *context)
{
	struct uiommu_page_request changed = *call->request;

	(void)context;
	changed.source_id ^= 8;
	response_of(call, &changed);
}

/* One response behind: each is sent when the next one is due. */
struct behind {
	struct uiommu_page_request last;
	enum uiommu_page_response_code code;
	bool have;
};

static void response_late(struct wrap_call *call, void *context)
{
	struct behind *b = context, now = { *call->request, call->code, true };

	if (b->have) {
		call->code = b->code;
		response_of(call, &b->last);
	}
	*b = now;
}

static void response_every_other(struct wrap_call *call, void *context)
{
	unsigned int *count = context;

	if (++*count % 2)
		wrap_call(call);
}

static void enable_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 0;
}

static void enable_refuses(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = -UIOMMU_EOPNOTSUPP;
}

/* ---- processes --------------------------------------------------------------------------------- */

static void mm_first_page(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->size >= PAGE)
		call->size = PAGE - 1;
	wrap_call(call);
}

static void mm_last_page(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->size >= PAGE) {
		call->iova += call->size + 1 - PAGE;
		call->size = PAGE - 1;
	}
	wrap_call(call);
}

static void mm_end_is_last(struct wrap_call *call, void *context)
{
	(void)context;
	/* As if the end that the host told were the last page, and not the one after it. */
	if (call->size >= PAGE)
		call->size -= PAGE;
	wrap_call(call);
}

static void mm_every_other(struct wrap_call *call, void *context)
{
	unsigned int *count = context;

	if (++*count % 2)
		wrap_call(call);
}

static void mm_page_by_page(struct wrap_call *call, void *context)
{
	const uint64_t start = call->iova, size = call->size;

	(void)context;
	for (uint64_t at = 0; at <= size && at < 4096 * PAGE; at += PAGE) {
		call->iova = start + at;
		call->size = size - at < PAGE ? size - at : PAGE - 1;
		wrap_call(call);
	}
	call->iova = start;
	call->size = size;
	wrap_call(call);
}

static void mm_32_bits(struct wrap_call *call, void *context)
{
	(void)context;
	call->iova &= UINT32_MAX;
	wrap_call(call);
}

static void sva_other_root(struct wrap_call *call, void *context)
{
	struct uiommu_mm_format_info info = *call->mm_info;
	const struct uiommu_mm_format_info *real = call->mm_info;

	(void)context;
	info.root += PAGE;
	call->mm_info = &info;
	wrap_call(call);
	call->mm_info = real;
}

static void sva_refused(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = -UIOMMU_ENOSPC;
}

/* ---- PASIDs ------------------------------------------------------------------------------------ */

static struct uiommu_domain *blocked_of(const struct uiommu_device *dev)
{
	return (struct uiommu_domain *)(uintptr_t)uiommu_device_instance(dev)->ops->blocked_domain;
}

/* Behind the core's back. */
static void slip(struct uiommu_device *dev, uiommu_pasid_t pasid, struct uiommu_domain *to)
{
	struct uiommu_attach attach = { .dev = dev, .pasid = pasid, .domain = to };

	if (to && to->ops->attach_commit)
		to->ops->attach_commit(&attach);
}

static void rid_block_takes_pasids(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->attach->pasid == UIOMMU_RID && is_blocked(call))
		for (uiommu_pasid_t pasid = 1;
		     pasid < 16 && pasid < uiommu_device_max_pasids(call->dev); pasid++)
			slip(call->dev, pasid, blocked_of(call->dev));
}

static void rid_identity_takes_pasids(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->attach->pasid == UIOMMU_RID &&
	    call->attach->domain->type == UIOMMU_DOMAIN_IDENTITY)
		for (uiommu_pasid_t pasid = 1;
		     pasid < 16 && pasid < uiommu_device_max_pasids(call->dev); pasid++)
			slip(call->dev, pasid, blocked_of(call->dev));
}

static void pasid_replace_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->attach->pasid == UIOMMU_RID || is_blocked(call) || !call->attach->old ||
	    call->attach->old->type == UIOMMU_DOMAIN_BLOCKED)
		wrap_call(call);
}

/* One PASID table for two devices: what one of them gets the other one gets. */
struct shared_table {
	struct uiommu_device *dev[2];
	bool busy;
};

static void shared_pasids(struct wrap_call *call, void *context)
{
	struct shared_table *t = context;
	struct uiommu_device *other;
	struct uiommu_attach attach = *call->attach;

	wrap_call(call);
	if (t->busy || !uiommu_device_max_pasids(call->dev))
		return;
	if (t->dev[0] != call->dev && t->dev[1] != call->dev)
		t->dev[t->dev[0] != NULL] = call->dev;
	other = t->dev[t->dev[0] == call->dev];
	if (!other || other == call->dev || call->attach->pasid == UIOMMU_RID)
		return;
	attach.dev = other;
	attach.old = NULL;
	attach.priv = NULL;
	t->busy = true;
	if (attach.domain->ops->attach_prepare && !attach.domain->ops->attach_prepare(&attach))
		attach.domain->ops->attach_commit(&attach);
	t->busy = false;
}

/* ---- resets ------------------------------------------------------------------------------------ */

struct reset {
	struct uiommu_device *dev; /* whose RID was blocked last */
	unsigned int forget; /* PASIDs that are not attached again */
};

static void reset_leaves_pasids(struct wrap_call *call, void *context)
{
	struct reset *r = context;

	/* The RID is blocked, and the PASIDs go on. */
	if (call->attach->pasid == UIOMMU_RID)
		r->dev = is_blocked(call) ? call->dev : NULL;
	else if (is_blocked(call) && r->dev == call->dev)
		return;
	wrap_call(call);
}

static void reset_over(struct wrap_call *call, void *context)
{
	struct reset *r = context;

	r->forget = 2;
	wrap_call(call);
}

static void reset_forgets_pasids(struct wrap_call *call, void *context)
{
	struct reset *r = context;

	if (r->forget && call->attach->pasid != UIOMMU_RID && !is_blocked(call))
		r->forget--;
	else
		wrap_call(call);
}

/* ---- nested domains ---------------------------------------------------------------------------- */

static void parent_sync_forgotten(struct wrap_call *call, void *context)
{
	(void)context;
	if (!(call->domain->alloc_flags & UIOMMU_ALLOC_NEST_PARENT))
		wrap_call(call);
}

static void guest_invalidate_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 0;
}

static void guest_invalidate_counts_all(struct wrap_call *call, void *context)
{
	const uint64_t count = call->value;

	(void)context;
	wrap_call(call);
	call->value = count;
}

static void guest_invalidate_goes_on(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	call->rc = call->rc == -UIOMMU_EIO ? 0 : call->rc;
}

static void nested_is_parent(struct wrap_call *call, void *context)
{
	struct uiommu_attach attach = *call->attach;

	(void)context;
	/* The guest's stage is left out, and the guest's addresses are taken for those of the parent. */
	wrap_call(call);
	if (attach.domain->type != UIOMMU_DOMAIN_NESTED)
		return;
	attach.old = attach.domain;
	attach.domain = attach.domain->parent;
	attach.priv = NULL;
	if (!attach.domain->ops->attach_prepare(&attach))
		attach.domain->ops->attach_commit(&attach);
}

static void nested_any_entry(struct wrap_call *call, void *context)
{
	uint64_t entry[2];

	(void)context;
	/* What the guest may not have is left out, as if it had not asked. */
	if (call->size == sizeof(entry)) {
		memcpy(entry, call->data, sizeof(entry));
		wrap_call(call);
		if (call->rc != -UIOMMU_EIO)
			return;
		entry[0] = 1 | 4ull << 1;
		entry[1] = 0;
		call->data = entry;
	}
	wrap_call(call);
}

#define HOOK(op, function) .hooks = { { WRAP_##op, function } }, .num_hooks = 1
#define HOOKS(op1, function1, op2, function2) \
	.hooks = { { WRAP_##op1, function1 }, { WRAP_##op2, function2 } }, .num_hooks = 2
#define PRI NULL, .places = { { "vtd@model", "pri" }, { "smmuv3@model", "pri" } }
#define VTD_PRI NULL, .places = { { "vtd@model", "pri" } }
#define STALL NULL, .places = { { "smmuv3@model", "stall" } }
#define NESTED NULL, .places = { { "smmuv3@model", "stage1" } }

const struct conform_saboteur conform_saboteurs_requests[] = {
	{ "response-twice", "a group is answered once", PRI, HOOK(RESPONSE, response_twice) },
	{ "response-dropped", "a group is answered", PRI, HOOK(RESPONSE, do_nothing) },
	{ "response-dropped-stall", "a stalled request goes on or is ended", STALL,
	  HOOK(RESPONSE, do_nothing) },
	{ "response-every-other", "every group is answered", PRI,
	  HOOK(RESPONSE, response_every_other), .state_size = sizeof(unsigned int) },
	{ "response-always-success", "what cannot be had is refused", PRI,
	  HOOK(RESPONSE, response_always_success) },
	{ "response-always-retry", "a stalled request for what cannot be had is ended", STALL,
	  HOOK(RESPONSE, response_always_success) },
	{ "response-never-success", "what has come may be used", PRI,
	  HOOK(RESPONSE, response_never_success) },
	{ "response-no-failure", "a failure is told as one", PRI,
	  HOOK(RESPONSE, response_no_failure) },
	{ "response-too-hard", "one page that cannot be had does not end all requests", PRI,
	  HOOK(RESPONSE, response_too_hard) },
	{ "response-wrong-pasid", "a response names the PASID that asked", PRI,
	  HOOK(RESPONSE, response_wrong_pasid) },
	{ "response-without-pasid", "a response has a PASID where the request had one", PRI,
	  HOOK(RESPONSE, response_without_pasid) },
	{ "response-wrong-group", "a response names the group", PRI,
	  HOOK(RESPONSE, response_wrong_group) },
	{ "response-wrong-device", "a response goes to the device that asked", PRI,
	  HOOK(RESPONSE, response_wrong_device) },
	{ "response-late", "a response is sent when it is given", PRI,
	  HOOK(RESPONSE, response_late), .state_size = sizeof(struct behind) },
	{ "requests-enable-pretends", "page requests that are on can be made", PRI,
	  HOOK(REQUESTS_ENABLE, enable_pretends) },
	{ "requests-enable-refuses", "a device with page requests can make them", PRI,
	  HOOK(REQUESTS_ENABLE, enable_refuses) },
	{ "requests-disable-forgotten", "nobody asks where nobody answers", VTD_PRI,
	  HOOK(REQUESTS_DISABLE, do_nothing) },
	{ "requests-drain-skipped", "a PASID that was left has nothing in hardware's queue", PRI,
	  HOOK(REQUESTS_DRAIN, do_nothing) },

	{ "mm-invalidate-dropped", "what a process unmaps its devices lose", PRI,
	  HOOK(MM_INVALIDATE, do_nothing) },
	{ "mm-invalidate-dropped-stall", "the same where devices have no TLB", STALL,
	  HOOK(MM_INVALIDATE, do_nothing) },
	{ "mm-invalidate-first-page", "all of what a process unmaps is lost", PRI,
	  HOOK(MM_INVALIDATE, mm_first_page) },
	{ "mm-invalidate-last-page", "the first page of what a process unmaps is lost too", PRI,
	  HOOK(MM_INVALIDATE, mm_last_page) },
	{ "mm-invalidate-short", "the last page of what a process unmaps is lost too", PRI,
	  HOOK(MM_INVALIDATE, mm_end_is_last) },
	{ "mm-invalidate-every-other", "every change of a process reaches its devices", PRI,
	  HOOK(MM_INVALIDATE, mm_every_other), .state_size = sizeof(unsigned int) },
	{ "mm-invalidate-page-by-page", "a large range is a bounded number of commands", PRI,
	  HOOK(MM_INVALIDATE, mm_page_by_page) },
	{ "mm-invalidate-32-bits", "a process has addresses beyond 4G", PRI,
	  HOOK(MM_INVALIDATE, mm_32_bits) },
	{ "mm-exit-ignored", "the tables of a process that exits are not walked", PRI,
	  HOOK(MM_EXIT, do_nothing) },
	{ "mm-exit-ignored-stall", "the same where faults stall", STALL,
	  HOOK(MM_EXIT, do_nothing) },
	{ "sva-other-root", "what is walked is the process's table", PRI,
	  HOOK(ALLOC_SVA, sva_other_root) },
	{ "sva-refused", "a device that can share an address space does", PRI,
	  HOOK(ALLOC_SVA, sva_refused) },

	{ "rid-block-takes-pasids", "a RID that is blocked leaves its PASIDs", PRI,
	  HOOK(COMMIT, rid_block_takes_pasids) },
	{ "rid-identity-takes-pasids", "a RID without translation leaves its PASIDs", PRI,
	  HOOK(COMMIT, rid_identity_takes_pasids) },
	{ "pasid-replace-pretends", "a replaced PASID reaches the new domain", PRI,
	  HOOK(COMMIT, pasid_replace_pretends) },
	{ "shared-pasid-table", "every device has its own PASIDs", PRI, HOOK(COMMIT, shared_pasids),
	  .state_size = sizeof(struct shared_table) },

	{ "reset-leaves-pasids", "a function in reset does no DMA with PASID", PRI,
	  HOOK(COMMIT, reset_leaves_pasids), .state_size = sizeof(struct reset) },
	{ "reset-forgets-pasids", "after a reset every PASID is back", PRI,
	  HOOKS(RESET_DONE, reset_over, COMMIT, reset_forgets_pasids),
	  .state_size = sizeof(struct reset) },

	{ "nested-parent-sync-forgotten", "what the parent loses its nested domains lose", NESTED,
	  HOOK(SYNC, parent_sync_forgotten) },
	{ "nested-invalidate-pretends", "a guest's invalidation invalidates", NESTED,
	  HOOK(CACHE_INVALIDATE, guest_invalidate_pretends) },
	{ "nested-invalidate-counts-all", "entries of a guest that were not done are not counted",
	  NESTED, HOOK(CACHE_INVALIDATE, guest_invalidate_counts_all) },
	{ "nested-invalidate-goes-on", "a bad entry of a guest is an error", NESTED,
	  HOOK(CACHE_INVALIDATE, guest_invalidate_goes_on) },
	{ "nested-is-parent", "a guest's own stage translates", NESTED,
	  HOOK(COMMIT, nested_is_parent) },
	{ "nested-any-entry", "what a guest may not have is refused", NESTED,
	  HOOK(ALLOC_NESTED, nested_any_entry) },
	{ 0 },
};
