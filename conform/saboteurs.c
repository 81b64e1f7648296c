/* SPDX-License-Identifier: MIT */
/*
 * saboteurs.c - one broken rule each
 *
 * Each hook sits between an honest driver and the core.  What is broken is said in the rule; several are
 * things that real drivers have done.
 */
#include "conform/saboteur.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define PAGE 4096ull

static void do_nothing(struct wrap_call *call, void *context)
{
	(void)call;
	(void)context;
}

/* ---- invalidation ------------------------------------------------------------------------------ */

static void sync_first_page(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->gather->start < call->gather->last)
		call->gather->last = call->gather->start + PAGE - 1;
	wrap_call(call);
}

static void sync_all_but_last(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->gather->start < call->gather->last &&
	    call->gather->last - call->gather->start >= PAGE)
		call->gather->last -= PAGE;
	wrap_call(call);
}

static void sync_all_but_first(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->gather->start < call->gather->last &&
	    call->gather->last - call->gather->start >= PAGE)
		call->gather->start += PAGE;
	wrap_call(call);
}

static void sync_aligned_down(struct wrap_call *call, void *context)
{
	uint64_t size = call->gather->last - call->gather->start + 1;

	(void)context;
	if (call->gather->start < call->gather->last && !(size & (size - 1))) {
		/* As if the hardware aligned the range to its size by itself. */
		call->gather->start &= ~(size - 1);
		call->gather->last = call->gather->start + size - 1;
	}
	wrap_call(call);
}

static void sync_leaves_only(struct wrap_call *call, void *context)
{
	(void)context;
	call->gather->tables = false;
	wrap_call(call);
}

static void sync_every_other(struct wrap_call *call, void *context)
{
	unsigned int *count = context;

	if (++*count % 2)
		wrap_call(call);
}

static void sync_late(struct wrap_call *call, void *context)
{
	struct late {
		struct uiommu_iotlb_gather last;
		bool have;
	} *late = context;
	struct uiommu_iotlb_gather now = *call->gather;

	/* This one with the next one. */
	if (late->have) {
		*call->gather = late->last;
		wrap_call(call);
	}
	late->last = now;
	late->have = true;
	*call->gather = now;
}

/* ---- map and unmap ----------------------------------------------------------------------------- */

static void map_writable(struct wrap_call *call, void *context)
{
	(void)context;
	call->prot |= UIOMMU_WRITE;
	wrap_call(call);
}

static void map_read_only(struct wrap_call *call, void *context)
{
	(void)context;
	call->prot = (call->prot & ~(unsigned int)UIOMMU_WRITE) | UIOMMU_READ;
	wrap_call(call);
}

static void map_readable(struct wrap_call *call, void *context)
{
	(void)context;
	call->prot |= UIOMMU_READ;
	wrap_call(call);
}

static void map_next_page(struct wrap_call *call, void *context)
{
	(void)context;
	call->paddr += PAGE;
	wrap_call(call);
}

static void map_pretend(struct wrap_call *call, void *context)
{
	(void)context;
	call->value = call->size;
	call->rc = 0;
}

static void map_all_but_last(struct wrap_call *call, void *context)
{
	uint64_t size = call->size;

	(void)context;
	if (size > PAGE)
		call->size -= PAGE;
	wrap_call(call);
	call->size = size;
	if (call->rc == 0)
		call->value = size;
}

static void map_one_more(struct wrap_call *call, void *context)
{
	struct wrap_call more = *call;

	(void)context;
	wrap_call(call);
	if (call->rc)
		return;
	more.iova += call->size;
	more.paddr += call->size;
	more.size = PAGE;
	wrap_call(&more);
}

static void map_overwrite(struct wrap_call *call, void *context)
{
	struct wrap_call unmap = *call;

	(void)context;
	wrap_call(call);
	if (call->rc != -UIOMMU_EADDRINUSE)
		return;
	unmap.op = WRAP_UNMAP;
	for (uint64_t at = 0; at < call->size; at += PAGE) {
		unmap.iova = call->iova + at;
		unmap.size = PAGE;
		wrap_call(&unmap);
	}
	call->rc = 0;
	call->value = 0;
	wrap_call(call);
}

static void map_other_error(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->rc == -UIOMMU_EADDRINUSE)
		call->rc = -UIOMMU_EEXIST;
}

static void map_error_lost(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->rc) {
		call->rc = 0;
		call->value = call->size;
	}
}

static void map_forgets_progress(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->rc)
		call->value = 0;
}

static void unmap_one_more(struct wrap_call *call, void *context)
{
	uint64_t size = call->size;

	(void)context;
	call->size += PAGE;
	wrap_call(call);
	call->size = size;
	if (call->value > size)
		call->value = size;
}

static void unmap_one_less(struct wrap_call *call, void *context)
{
	uint64_t size = call->size;

	(void)context;
	if (size > PAGE) {
		call->size -= PAGE;
		wrap_call(call);
		call->size = size;
		if (call->value == size - PAGE)
			call->value = size;
	} else {
		wrap_call(call);
	}
}

static void unmap_says_more(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	call->value = call->size;
}

static void unmap_says_less(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->value)
		call->value -= PAGE;
}

static void unmap_through_holes(struct wrap_call *call, void *context)
{
	uint64_t start = call->iova, size = call->size, total = 0;

	(void)context;
	wrap_call(call);
	total = call->value;
	while (total < size) {
		total += PAGE;
		if (total >= size)
			break;
		call->iova = start + total;
		call->size = size - total;
		call->value = 0;
		wrap_call(call);
		total += call->value;
	}
	call->iova = start;
	call->size = size;
	if (call->value || total > size)
		call->value = size;
}

static void unmap_frees_tables_now(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	/* Given up: the pages are lost. */
	call->gather->freed = NULL;
	call->gather->num_freed = 0;
}

static void phys_of_page(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	call->value &= ~(PAGE - 1);
}

static void phys_of_small_offset(struct wrap_call *call, void *context)
{
	uint64_t iova = call->iova;

	(void)context;
	/* As if every leaf were 4 KiB: the offset inside a large one is lost. */
	call->iova &= ~((1ull << 21) - 1);
	wrap_call(call);
	if (call->value)
		call->value += iova & (PAGE - 1);
	call->iova = iova;
}

static void phys_of_nothing(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (!call->value)
		call->value = call->iova;
}

/* ---- attach ------------------------------------------------------------------------------------ */

static bool is_blocked(const struct wrap_call *call)
{
	return call->attach->domain->type == UIOMMU_DOMAIN_BLOCKED;
}

static void commit_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	if (is_blocked(call))
		wrap_call(call);
}

static void block_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	if (!is_blocked(call))
		wrap_call(call);
}

static void commit_once(struct wrap_call *call, void *context)
{
	unsigned int *count = context;

	/* A replace keeps the old translation. */
	if (call->attach->old && call->attach->old->type != UIOMMU_DOMAIN_BLOCKED &&
	    !is_blocked(call) && ++*count)
		return;
	wrap_call(call);
}

static struct uiommu_domain *blocked_of(struct wrap_call *call)
{
	return (struct uiommu_domain *)(uintptr_t)uiommu_device_instance(call->dev)
		->ops->blocked_domain;
}

static struct uiommu_domain *identity_of(struct wrap_call *call)
{
	return (struct uiommu_domain *)(uintptr_t)uiommu_device_instance(call->dev)
		->ops->identity_domain;
}

/* A switch behind the core's back to a static domain, from what the device is attached to; NULL: no such domain. */
static void slip_to(struct wrap_call *call, uiommu_pasid_t pasid, struct uiommu_domain *to,
		    struct uiommu_domain *from)
{
	struct uiommu_attach attach = { .dev = call->dev, .pasid = pasid, .domain = to };

	if (!to)
		return;
	if (to->ops->attach_single) {
		attach.old = from;
		to->ops->attach_single(&attach);
	} else {
		/* What the old one keeps for this device is taken from it when the core goes on. */
		to->ops->attach_commit(&attach);
	}
}

static void commit_with_gap(struct wrap_call *call, void *context)
{
	(void)context;
	if (call->attach->old && call->attach->old->type == UIOMMU_DOMAIN_PAGING &&
	    call->attach->domain->type == UIOMMU_DOMAIN_PAGING)
		slip_to(call, call->attach->pasid, blocked_of(call), call->attach->old);
	wrap_call(call);
}

static void prepare_blocks_first(struct wrap_call *call, void *context)
{
	(void)context;
	/* The device is off its old domain before anything was checked. */
	if (!is_blocked(call) && call->attach->old &&
	    call->attach->old->type != UIOMMU_DOMAIN_BLOCKED)
		slip_to(call, call->attach->pasid, blocked_of(call), call->attach->old);
	wrap_call(call);
}

static void prepare_odd_error(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (!is_blocked(call) && call->attach->pasid)
		call->rc = -UIOMMU_EOPNOTSUPP;
}

static void prepare_refuses_second(struct wrap_call *call, void *context)
{
	struct uiommu_domain **first = context;

	/* One domain on one device only. */
	if (call->attach->domain->type == UIOMMU_DOMAIN_PAGING) {
		if (*first == call->attach->domain) {
			call->rc = -UIOMMU_EINVAL;
			return;
		}
		*first = call->attach->domain;
	}
	wrap_call(call);
}

static void abort_forgotten(struct wrap_call *call, void *context)
{
	(void)context;
	(void)call;
}

static void rid_takes_pasid_along(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	/* The PASID table belongs to the RID's attachment: PASID 5 goes with it. */
	if (call->attach->pasid == UIOMMU_RID && uiommu_device_max_pasids(call->dev) > 5)
		slip_to(call, 5, blocked_of(call), NULL);
}

static void pasid_takes_rid_along(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (call->attach->pasid != UIOMMU_RID)
		slip_to(call, UIOMMU_RID, blocked_of(call), NULL);
}

static void pasid_block_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	if (!is_blocked(call) || call->attach->pasid == UIOMMU_RID)
		wrap_call(call);
}

static void pasid_commit_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	if (is_blocked(call) || call->attach->pasid == UIOMMU_RID)
		wrap_call(call);
}

static void block_is_identity(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	if (is_blocked(call) && call->attach->pasid == UIOMMU_RID)
		slip_to(call, UIOMMU_RID, identity_of(call), call->attach->domain);
}

/* ---- devices ----------------------------------------------------------------------------------- */

static void group_of_its_own(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = uiommu_generic_device_group(call->dev, &call->group_out);
}

static void group_for_all(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = uiommu_single_device_group(call->dev, &call->group_out);
}

static void probe_lies(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = -UIOMMU_ENODEV;
}

static void capable_of_all(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 1;
}

static void capable_of_nothing(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 0;
}

static void resv_without_direct(struct wrap_call *call, void *context)
{
	(void)context;
	/* Only the interrupt range: what firmware reserved is not said. */
	call->rc = uiommu_resv_add(call->resv, 0xfee00000, 0x100000, UIOMMU_WRITE, UIOMMU_RESV_MSI);
}

static void demands_identity(struct wrap_call *call, void *context)
{
	(void)context;
	call->type_out = UIOMMU_DOMAIN_IDENTITY;
}

static void demands_dma(struct wrap_call *call, void *context)
{
	(void)context;
	call->type_out = UIOMMU_DOMAIN_DMA;
}

static void always_deferred(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 1;
}

static void alloc_ignores_flags(struct wrap_call *call, void *context)
{
	(void)context;
	call->prot = 0;
	wrap_call(call);
}

static void free_never(struct wrap_call *call, void *context)
{
	(void)context;
	(void)call;
}

/* ---- coherency and dirty tracking -------------------------------------------------------------- */

static void enforce_lies(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = !uiommu_domain_type(call->domain);
}

static void dirty_never_clears(struct wrap_call *call, void *context)
{
	(void)context;
	call->prot |= UIOMMU_DIRTY_NO_CLEAR;
	wrap_call(call);
}

static void dirty_always_clears(struct wrap_call *call, void *context)
{
	(void)context;
	call->prot = 0;
	wrap_call(call);
}

static void dirty_without_gather(struct wrap_call *call, void *context)
{
	struct uiommu_iotlb_gather nothing = *call->gather;

	(void)context;
	wrap_call(call);
	*call->gather = nothing; /* so nobody invalidates, and the next write sets no bit */
}

static void dirty_nothing(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 0;
}

static void dirty_everything(struct wrap_call *call, void *context)
{
	(void)context;
	wrap_call(call);
	for (uint64_t bit = 0; bit < call->bitmap->num_bits && bit < 64; bit++)
		call->bitmap->bits[0] |= 1ull << bit;
}

static void set_dirty_pretends(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = 0;
}

/* ---- two threads ------------------------------------------------------------------------------- */

/* A domain on its way to devices: from the first prepare to the last commit or abort. */
struct newcomer {
	struct uiommu_domain *_Atomic domain;
	_Atomic unsigned int devices;
};

static void newcomer_prepare(struct wrap_call *call, void *context)
{
	struct newcomer *n = context;

	wrap_call(call);
	if (call->rc || call->attach->domain->type != UIOMMU_DOMAIN_PAGING)
		return;
	atomic_store(&n->domain, call->attach->domain);
	atomic_fetch_add(&n->devices, 1);
}

static void newcomer_done(struct wrap_call *call, void *context)
{
	struct newcomer *n = context;

	wrap_call(call);
	if (call->attach->domain == atomic_load(&n->domain) &&
	    atomic_fetch_sub(&n->devices, 1) == 1)
		atomic_store(&n->domain, NULL);
}

static void sync_before_newcomer(struct wrap_call *call, void *context)
{
	struct newcomer *n = context;

	/* Whoever is not there yet is not asked to forget anything. */
	if (call->domain != atomic_load(&n->domain))
		wrap_call(call);
}

static void map_one_at_a_time(struct wrap_call *call, void *context)
{
	_Atomic unsigned int *inside = context;

	/* Two that make the same table: one of the two, and what is in it, is lost. */
	if (atomic_fetch_add(inside, 1))
		map_pretend(call, NULL);
	else
		wrap_call(call);
	atomic_fetch_sub(inside, 1);
}

static void commit_through_identity(struct wrap_call *call, void *context)
{
	(void)context;
	/* From one address space to another by way of none. */
	if (call->attach->old && call->attach->old->type == UIOMMU_DOMAIN_PAGING &&
	    call->attach->domain->type == UIOMMU_DOMAIN_PAGING)
		slip_to(call, call->attach->pasid, identity_of(call), call->attach->old);
	wrap_call(call);
}

#define HOOK(op, function) .hooks = { { WRAP_##op, function } }, .num_hooks = 1
#define NEWCOMER(op)                                      \
	.hooks = { { WRAP_PREPARE, newcomer_prepare },    \
		   { WRAP_COMMIT, newcomer_done },        \
		   { WRAP_ABORT, newcomer_done },         \
		   { WRAP_##op, sync_before_newcomer } }, \
	.num_hooks = 4

const struct conform_saboteur conform_saboteurs_operations[] = {
	{ "drop-iotlb-sync", "unmap returns before the IOTLB has forgotten the range", "legacy",
	  HOOK(SYNC, do_nothing), 0 },
	{ "drop-iotlb-sync-first-stage", "the same with PASID-based invalidation", "scalable-first",
	  HOOK(SYNC, do_nothing), 0 },
	{ "drop-iotlb-sync-registers", "the same with register-based invalidation", "legacy-noqi",
	  HOOK(SYNC, do_nothing), 0 },
	{ "sync-first-page", "a range is invalidated to its end", "legacy",
	  HOOK(SYNC, sync_first_page), 0 },
	{ "sync-all-but-last", "the last page of a range is invalidated", "legacy",
	  HOOK(SYNC, sync_all_but_last), 0 },
	{ "sync-all-but-first", "the first page of a range is invalidated", "legacy",
	  HOOK(SYNC, sync_all_but_first), 0 },
	{ "sync-aligned-down", "an unaligned range is invalidated where it lies", "legacy",
	  HOOK(SYNC, sync_aligned_down), 0 },
	{ "sync-leaves-only", "paging-structure caches forget a removed table", "legacy",
	  HOOK(SYNC, sync_leaves_only), 0 },
	{ "sync-every-other", "every unmap is invalidated", "legacy", HOOK(SYNC, sync_every_other),
	  sizeof(unsigned int) },
	{ "sync-late", "an unmap is invalidated before it returns", "legacy", HOOK(SYNC, sync_late),
	  sizeof(struct uiommu_iotlb_gather) + 16 },
	{ "drop-flush-all", "flush_iotlb_all invalidates everything", "legacy",
	  HOOK(FLUSH_ALL, do_nothing), 0 },
	{ "drop-sync-map", "hardware that caches what was not there hears of new mappings",
	  "legacy-cm", HOOK(SYNC_MAP, do_nothing), 0 },

	{ "map-writable", "a read-only mapping cannot be written", "legacy",
	  HOOK(MAP, map_writable), 0 },
	{ "map-read-only", "a writable mapping can be written", "legacy", HOOK(MAP, map_read_only),
	  0 },
	{ "map-readable", "a write-only mapping cannot be read", "legacy", HOOK(MAP, map_readable),
	  0 },
	{ "map-next-page", "a mapping leads where it was asked to", "legacy",
	  HOOK(MAP, map_next_page), 0 },
	{ "map-pretend", "what map says is mapped, is", "legacy", HOOK(MAP, map_pretend), 0 },
	{ "map-all-but-last", "a mapping reaches to its end", "legacy", HOOK(MAP, map_all_but_last),
	  0 },
	{ "map-one-more", "a mapping ends at its end", "legacy", HOOK(MAP, map_one_more), 0 },
	{ "map-overwrite", "nothing that is mapped is overwritten", "legacy",
	  HOOK(MAP, map_overwrite), 0 },
	{ "map-other-error", "one table of errors for all drivers", "legacy",
	  HOOK(MAP, map_other_error), 0 },
	{ "map-error-lost", "an error of the hardware or the tables reaches the caller", "legacy",
	  HOOK(MAP, map_error_lost), 0 },
	{ "map-forgets-progress", "a failed map says how much it had installed", "legacy",
	  HOOK(MAP, map_forgets_progress), 0 },
	{ "map-sg-read-only", "a list is mapped with the permissions that were asked for", "legacy",
	  HOOK(MAP_SG, map_read_only), 0 },
	{ "map-sg-pretend", "what map_sg says is mapped, is", "legacy", HOOK(MAP_SG, map_pretend),
	  0 },
	{ "unmap-one-more", "unmap leaves the neighbours", "legacy", HOOK(UNMAP, unmap_one_more),
	  0 },
	{ "unmap-one-less", "unmap takes the last page too", "legacy", HOOK(UNMAP, unmap_one_less),
	  0 },
	{ "unmap-says-more", "unmap says how far it came", "legacy", HOOK(UNMAP, unmap_says_more),
	  0 },
	{ "unmap-says-less", "unmap counts what it took", "legacy", HOOK(UNMAP, unmap_says_less),
	  0 },
	{ "unmap-through-holes", "unmap stops at the first hole", "legacy",
	  HOOK(UNMAP, unmap_through_holes), 0 },
	{ "unmap-loses-tables", "tables that unmap removes are given back", "legacy",
	  HOOK(UNMAP, unmap_frees_tables_now), 0 },
	{ "phys-of-page", "iova_to_phys is exact to the byte", "legacy",
	  HOOK(TO_PHYS, phys_of_page), 0 },
	{ "phys-of-small-offset", "iova_to_phys is exact inside a large leaf", "legacy",
	  HOOK(TO_PHYS, phys_of_small_offset), 0 },
	{ "phys-of-nothing", "iova_to_phys gives 0 where nothing is mapped", "legacy",
	  HOOK(TO_PHYS, phys_of_nothing), 0 },

	{ "commit-pretends", "an attached domain translates", "legacy",
	  HOOK(COMMIT, commit_pretends), 0 },
	{ "block-pretends", "a blocked device does no DMA", "legacy", HOOK(COMMIT, block_pretends),
	  0 },
	{ "block-is-identity", "a blocked device does not see memory", "legacy",
	  HOOK(COMMIT, block_is_identity), 0 },
	{ "replace-pretends", "after a replace the new domain translates", "legacy",
	  HOOK(COMMIT, commit_once), sizeof(unsigned int) },
	{ "commit-with-gap", "a replace that claims to have no gap has none", "legacy",
	  HOOK(COMMIT, commit_with_gap), 0 },
	{ "prepare-blocks-first", "an attach that fails leaves the old translation working",
	  "legacy", HOOK(PREPARE, prepare_blocks_first), 0 },
	{ "prepare-one-device", "a domain serves every device that can walk it", "legacy",
	  HOOK(PREPARE, prepare_refuses_second), sizeof(void *) },
	{ "abort-forgotten", "an abort undoes what prepare did", "legacy",
	  HOOK(ABORT, abort_forgotten), 0 },
	{ "rid-takes-pasid-along", "changing the RID leaves PASIDs alone", "scalable-second",
	  HOOK(COMMIT, rid_takes_pasid_along), 0 },
	{ "pasid-takes-rid-along", "changing a PASID leaves the RID alone", "scalable-second",
	  HOOK(COMMIT, pasid_takes_rid_along), 0 },
	{ "pasid-block-pretends", "a detached PASID is blocked", "scalable-second",
	  HOOK(COMMIT, pasid_block_pretends), 0 },
	{ "pasid-commit-pretends", "an attached PASID translates", "scalable-second",
	  HOOK(COMMIT, pasid_commit_pretends), 0 },
	{ "pasid-prepare-refuses", "a PASID can be attached where the hardware has them",
	  "scalable-second", HOOK(PREPARE, prepare_odd_error), 0 },

	{ "group-of-its-own", "devices that cannot be isolated share a group", "legacy",
	  HOOK(GROUP, group_of_its_own), 0 },
	{ "group-for-all", "devices that can be isolated do not share a group", "legacy",
	  HOOK(GROUP, group_for_all), 0 },
	{ "probe-lies", "a device that firmware puts behind the IOMMU is taken", "legacy",
	  HOOK(PROBE, probe_lies), 0 },
	{ "release-forgotten", "a device that leaves gives back what it had", "legacy",
	  HOOK(RELEASE, do_nothing), 0 },
	{ "capable-of-all", "a capability is there only if it works", "legacy",
	  HOOK(CAPABLE, capable_of_all), 0 },
	{ "capable-of-nothing", "a capability that works is said to be there", "scalable-second",
	  HOOK(CAPABLE, capable_of_nothing), 0 },
	{ "resv-without-direct", "what firmware reserved for a device stays mapped", "legacy",
	  HOOK(RESV, resv_without_direct), 0 },
	{ "demands-identity", "a driver demands a default type only if it must", "legacy",
	  HOOK(DEF_TYPE, demands_identity), 0 },
	{ "demands-dma", "the system's default type is honoured", "legacy",
	  HOOK(DEF_TYPE, demands_dma), 0 },
	{ "always-deferred", "attachment is deferred only in a crash kernel", "legacy",
	  HOOK(DEFERRED, always_deferred), 0 },
	{ "alloc-ignores-flags", "a flag that the hardware lacks is refused", "legacy",
	  HOOK(ALLOC_PAGING, alloc_ignores_flags), 0 },
	{ "free-never", "a freed domain gives back its tables", "legacy", HOOK(FREE, free_never),
	  0 },

	{ "enforce-lies", "enforcing coherency says the truth", "legacy",
	  HOOK(ENFORCE, enforce_lies), 0 },
	{ "dirty-never-clears", "reading dirty bits clears them", "scalable-second",
	  HOOK(READ_DIRTY, dirty_never_clears), 0 },
	{ "dirty-always-clears", "looking at dirty bits leaves them", "scalable-second",
	  HOOK(READ_DIRTY, dirty_always_clears), 0 },
	{ "dirty-without-gather", "a write after clearing is recorded anew", "scalable-second",
	  HOOK(READ_DIRTY, dirty_without_gather), 0 },
	{ "dirty-nothing", "a written page is dirty", "scalable-second",
	  HOOK(READ_DIRTY, dirty_nothing), 0 },
	{ "dirty-everything", "a page that was not written is clean", "scalable-second",
	  HOOK(READ_DIRTY, dirty_everything), 0 },
	{ "set-dirty-pretends", "enabling dirty tracking enables it", "scalable-second",
	  HOOK(SET_DIRTY, set_dirty_pretends), 0 },

	{ "sync-before-newcomer", "an unmap reaches a device that is being attached", "legacy",
	  NEWCOMER(SYNC), sizeof(struct newcomer) },
	{ "sync-map-before-newcomer",
	  "a mapping reaches a device that is being attached and remembers what was not there",
	  "legacy-cm", NEWCOMER(SYNC_MAP), sizeof(struct newcomer) },
	{ "map-one-at-a-time", "maps of disjoint ranges may run beside each other", "legacy",
	  HOOK(MAP, map_one_at_a_time), sizeof(unsigned int) },
	{ "commit-through-identity", "a switch shows the old or the new, never a third", "legacy",
	  HOOK(COMMIT, commit_through_identity), 0 },
	{ 0 },
};
