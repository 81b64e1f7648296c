/* SPDX-License-Identifier: MIT */
/*
 * hardware.c - maps, attaches and domain IDs at once, with devices that do DMA in between
 *
 * In each race a thread that has unmapped a page makes a device read it at once: by then nothing may be
 * left in any cache, whatever the other threads are in the middle of.
 */
#include <string.h>

#include "src/core/core.h"
#include "src/drivers/smmuv3/smmu.h"
#include "src/drivers/vtd/unit.h"
#include "tests/explore/hw_world.h"

struct meeting {
	struct hw_world w;
	struct uiommu_domain *domain, *other;
	int rc[EXPLORE_THREADS];
	uint64_t *ids, *ids_before; /* C163: what is taken, and what was before the rest was */
	size_t num_ids;
};

#define A (HW_BUFFER + 0x10000)
#define B (HW_BUFFER + 0x20000)

static void map(struct uiommu_domain *domain, uint64_t iova, uint64_t phys)
{
	MUST(uiommu_map(domain, iova, phys, HW_PAGE, RW) == 0);
}

static void attach(struct meeting *m, unsigned int device, struct uiommu_domain *domain)
{
	MUST(uiommu_attach_device(domain, m->w.device[device].dev) == 0);
}

static void detach(struct meeting *m, unsigned int device, struct uiommu_domain *domain)
{
	uiommu_detach_device(domain, m->w.device[device].dev);
}

static void must_be_refused(struct meeting *m, unsigned int device, uint64_t iova, const char *when)
{
	const uint64_t phys = hw_reads(&m->w, device, iova);

	if (phys)
		explore_fail("device %u reads 0x%llx at 0x%llx %s", device,
			     (unsigned long long)phys, (unsigned long long)iova, when);
}

static void must_read(struct meeting *m, unsigned int device, uint64_t iova, uint64_t expected,
		      const char *when)
{
	const uint64_t phys = hw_reads(&m->w, device, iova);

	if (phys != expected)
		explore_fail("device %u reads 0x%llx instead of 0x%llx at 0x%llx %s", device,
			     (unsigned long long)phys, (unsigned long long)expected,
			     (unsigned long long)iova, when);
}

/* Refused, or this. */
static bool may_read(struct meeting *m, unsigned int device, uint64_t iova, uint64_t expected)
{
	const uint64_t phys = hw_reads(&m->w, device, iova);

	if (phys && phys != expected)
		explore_fail("device %u reads 0x%llx at 0x%llx", device, (unsigned long long)phys,
			     (unsigned long long)iova);
	return phys;
}

/* The default domain is an empty address space: what is not attached is refused. */
static void open(struct meeting *m, const char *model, const char *preset)
{
	hw_world_open(&m->w, model, preset);
	m->domain = hw_domain(&m->w);
	m->other = hw_domain(&m->w);
	/* Its leaf table stays in place: only pages come and go. */
	map(m->domain, HW_IOVA + 7 * HW_PAGE, A);
	map(m->other, HW_IOVA + 7 * HW_PAGE, B);
}

static void close(struct meeting *m)
{
	uiommu_domain_free(m->domain);
	uiommu_domain_free(m->other);
	hw_world_close(&m->w);
}

/* ---- C160: an unmap beside the attach of a device ---------------------------------------------- */

static void attach_first(void *state)
{
	attach(state, 0, ((struct meeting *)state)->domain);
}

static void read_and_unmap(void *state)
{
	struct meeting *m = state;

	may_read(m, 0, HW_IOVA, A);
	MUST(uiommu_unmap(m->domain, HW_IOVA, HW_PAGE) == HW_PAGE);
	must_be_refused(m, 0, HW_IOVA, "after it was unmapped");
}

static void unmapped_check(void *state)
{
	struct meeting *m = state;

	hw_quiet(&m->w);
	must_be_refused(m, 0, HW_IOVA, "when both have returned");
	must_read(m, 0, HW_IOVA + 7 * HW_PAGE, A, "when both have returned");
	detach(m, 0, m->domain);
	close(m);
}

static void detach_first(void *state)
{
	detach(state, 0, ((struct meeting *)state)->domain);
}

static void unmapped_and_detached(void *state)
{
	struct meeting *m = state;

	hw_quiet(&m->w);
	must_be_refused(m, 0, HW_IOVA, "when both have returned");
	must_be_refused(m, 0, HW_IOVA + 7 * HW_PAGE, "when both have returned");
	close(m);
}

static void read_and_map(void *state)
{
	struct meeting *m = state;

	/* What is not there may be remembered too. */
	may_read(m, 0, HW_IOVA, A);
	map(m->domain, HW_IOVA, A);
}

static void mapped_check(void *state)
{
	struct meeting *m = state;

	hw_quiet(&m->w);
	must_read(m, 0, HW_IOVA, A, "when both have returned");
	detach(m, 0, m->domain);
	close(m);
}

/* ---- C076: reads beside a replace -------------------------------------------------------------- */

static void replace(void *state)
{
	struct meeting *m = state;
	struct uiommu_attach_handle *handle = explore_alloc(sizeof(*handle));

	MUST(uiommu_replace_group_handle(m->w.device[0].dev->group, m->other, handle) == 0);
}

/* The old, then the new; in between nothing, unless the driver says that there is no gap. */
static void read_twice(void *state)
{
	struct meeting *m = state;
	const bool no_gap = uiommu_device_capable(m->w.device[0].dev, UIOMMU_CAP_HITLESS_REPLACE);
	bool new_seen = false;

	for (unsigned int i = 0; i < 2; i++) {
		const uint64_t phys = hw_reads(&m->w, 0, HW_IOVA);

		if (phys != A && phys != B && (phys || no_gap))
			explore_fail("read 0x%llx during replace", (unsigned long long)phys);
		if (phys == A && new_seen)
			explore_fail("the old translation comes back after the new one");
		new_seen |= phys == B;
	}
}

static void replaced_check(void *state)
{
	struct meeting *m = state;

	hw_quiet(&m->w);
	must_read(m, 0, HW_IOVA, B, "after replace");
	detach(m, 0, m->other);
	close(m);
}

/* ---- C092: one domain, two groups, and a page that goes ---------------------------------------- */

static void attach_second(void *state)
{
	attach(state, 1, ((struct meeting *)state)->domain);
}

static void unmap_from_both(void *state)
{
	struct meeting *m = state;

	may_read(m, 0, HW_IOVA, A);
	MUST(uiommu_unmap(m->domain, HW_IOVA, HW_PAGE) == HW_PAGE);
	must_be_refused(m, 0, HW_IOVA, "after it was unmapped");
	must_be_refused(m, 1, HW_IOVA, "after it was unmapped");
}

static void both_attached(void *state)
{
	struct meeting *m = state;

	hw_quiet(&m->w);
	for (unsigned int d = 0; d < HW_DEVICES; d++) {
		must_be_refused(m, d, HW_IOVA, "when all have returned");
		must_read(m, d, HW_IOVA + 7 * HW_PAGE, A, "when all have returned");
		detach(m, d, m->domain);
	}
	close(m);
}

/* ---- C161: two pages of one table, a walker that does not snoop -------------------------------- */

#define FAR (HW_IOVA + 64 * HW_LEAF) /* under tables that nobody has made yet */

static void map_far(struct meeting *m, unsigned int page)
{
	map(m->domain, FAR + page * HW_PAGE, A + page * HW_PAGE);
	/* It is there for hardware when map has returned. */
	must_read(m, 0, FAR + page * HW_PAGE, A + page * HW_PAGE, "after it was mapped");
}

static void map_far_0(void *state)
{
	map_far(state, 0);
}

/* Another line of the cache than the first. */
static void map_far_9(void *state)
{
	map_far(state, 9);
}

static void both_mapped(void *state)
{
	struct meeting *m = state;

	hw_quiet(&m->w);
	for (unsigned int page = 0; page < 10; page += 9)
		must_read(m, 0, FAR + page * HW_PAGE, A + page * HW_PAGE,
			  "when both have returned");
	must_be_refused(m, 0, FAR + HW_PAGE, "though nobody mapped it");
	detach(m, 0, m->domain);
	close(m);
}

/* ---- C162: tables that grow -------------------------------------------------------------------- */

static void grow(struct meeting *m, unsigned int page)
{
	map(m->domain, FAR + page * HW_PAGE, A + page * HW_PAGE);
	MUST(uiommu_iova_to_phys(m->domain, FAR + page * HW_PAGE) == A + page * HW_PAGE);
}

static void grow_0(void *state)
{
	grow(state, 0);
}

static void grow_9(void *state)
{
	grow(state, 9);
}

static void both_grown(void *state)
{
	struct meeting *m = state;

	attach(m, 0, m->domain);
	both_mapped(state);
}

/* ---- C163: a TLB's name for a domain is used again --------------------------------------------- */

static void leave_and_free(void *state)
{
	struct meeting *m = state;

	detach(m, 0, m->domain);
	uiommu_domain_free(m->domain);
	m->domain = NULL;
}

static void come_with_another(void *state)
{
	struct meeting *m = state;

	m->rc[1] = uiommu_attach_device(m->other, m->w.device[1].dev);
	if (m->rc[1] == -UIOMMU_ENOSPC)
		return; /* the only name there is, is still the other's */
	MUST(m->rc[1] == 0);
	must_read(m, 1, HW_IOVA, B, "after it was attached");
	must_be_refused(m, 1, HW_IOVA + HW_PAGE, "though its domain has nothing there");
}

static void another_check(void *state)
{
	struct meeting *m = state;

	if (m->rc[1])
		attach(m, 1, m->other);
	hw_quiet(&m->w);
	must_read(m, 1, HW_IOVA, B, "when both have returned");
	must_be_refused(m, 1, HW_IOVA + HW_PAGE, "when both have returned");
	must_be_refused(m, 0, HW_IOVA, "when both have returned");
	detach(m, 1, m->other);
	for (size_t i = 0; i < m->num_ids / 64; i++)
		m->ids[i] &= m->ids_before[i];
	for (unsigned int d = 0; d < HW_DEVICES; d++)
		uiommu_device_release_dma_owner(m->w.device[d].dev);
	close(m);
}

/* ---- set-ups ----------------------------------------------------------------------------------- */

static void mapped(struct meeting *m, const char *model, const char *preset)
{
	open(m, model, preset);
	map(m->domain, HW_IOVA, A);
}

/* Attached, and nothing of it in any cache yet. */
static void cold(struct meeting *m, const char *model, const char *preset)
{
	mapped(m, model, preset);
	map(m->domain, HW_IOVA + HW_PAGE, A + HW_PAGE);
	map(m->other, HW_IOVA, B);
	attach(m, 0, m->domain);
}

static void attached(struct meeting *m, const char *model, const char *preset)
{
	cold(m, model, preset);
	must_read(m, 0, HW_IOVA, A, "before");
	must_read(m, 0, HW_IOVA + HW_PAGE, A + HW_PAGE, "before");
}

/*
 * As attached, and no domain ID or ASID is left for another domain.  The devices have an owner: what they
 * fall back to is blocking, and needs none.
 */
static void scarce(struct meeting *m, const char *model, const char *preset)
{
	mapped(m, model, preset);
	map(m->domain, HW_IOVA + HW_PAGE, A + HW_PAGE);
	map(m->other, HW_IOVA, B);
	for (unsigned int d = 0; d < HW_DEVICES; d++)
		MUST(uiommu_device_claim_dma_owner(m->w.device[d].dev, m) == 0);
	attach(m, 0, m->domain);
	must_read(m, 0, HW_IOVA, A, "before");
	must_read(m, 0, HW_IOVA + HW_PAGE, A + HW_PAGE, "before");

	m->ids = m->w.vtd ? m->w.vtd_unit->dids : m->w.smmu_unit->asids.bits;
	m->num_ids = m->w.vtd ? m->w.vtd_unit->num_dids : m->w.smmu_unit->asids.count;
	m->ids_before = explore_alloc(m->num_ids / 8);
	memcpy(m->ids_before, m->ids, m->num_ids / 8);
	memset(m->ids, 0xff, m->num_ids / 8);
}

/* A set-up function for each kind of hardware. */
#define SETUP(how, name, model, preset)       \
	static void how##_##name(void *state) \
	{                                     \
		how(state, model, preset);    \
	}
SETUP(open, legacy, "vtd", "legacy")
SETUP(open, caching, "vtd", "legacy-cm")
SETUP(mapped, legacy, "vtd", "legacy")
SETUP(mapped, scalable, "vtd", "scalable-first")
SETUP(attached, legacy, "vtd", "legacy")
SETUP(attached, scalable, "vtd", "scalable-second")
SETUP(attached, incoherent, "vtd", "legacy-incoherent")
SETUP(cold, legacy, "vtd", "legacy")
SETUP(cold, scalable_first, "vtd", "scalable-first")
SETUP(cold, smmu, "smmuv3", "s1")
SETUP(scarce, legacy, "vtd", "legacy")
SETUP(scarce, smmu, "smmuv3", "s1-small")
SETUP(mapped, smmu, "smmuv3", "s1")
SETUP(attached, smmu, "smmuv3", "s1")
SETUP(attached, smmu_incoherent, "smmuv3", "s1-incoherent")

#define RACE(id, a, b, c, d)                                                      \
	{                                                                         \
		.name = (id), .state_size = sizeof(struct meeting), .setup = (a), \
		.thread = { (b), (c) }, .check = (d)                              \
	}

const struct race races_hardware[] = {
	{ "a device that is attached during an unmap never reads the page afterwards",
	  RACE("C160/vtd", mapped_legacy, attach_first, read_and_unmap, unmapped_check),
	  { "vtd-tag-late" } },
	{ "the same in scalable mode",
	  RACE("C160/vtd-scalable", mapped_scalable, attach_first, read_and_unmap, unmapped_check),
	  { "vtd-tag-late" } },
	{ "a device that is detached during an unmap never reads the page afterwards",
	  RACE("C160/vtd-detach", attached_legacy, detach_first, read_and_unmap,
	       unmapped_and_detached),
	  { "vtd-unlink-early" } },
	{ "a page that is mapped during an attach is not remembered as missing",
	  RACE("C160/vtd-caching", open_caching, attach_first, read_and_map, mapped_check),
	  { "vtd-tag-late" } },
	{ "a device that is attached during an unmap never reads the page afterwards",
	  RACE("C160/smmuv3", mapped_smmu, attach_first, read_and_unmap, unmapped_check),
	  { "smmu-tag-late" } },
	{ "the same when it is detached",
	  RACE("C160/smmuv3-detach", attached_smmu, detach_first, read_and_unmap,
	       unmapped_and_detached),
	  { "smmu-unlink-early" } },
	{ "during replace a device reads the old or the new, and never the old after the new",
	  RACE("C076/vtd", attached_legacy, replace, read_twice, replaced_check),
	  { "vtd-context-kept" } },
	{ "the same with cold caches",
	  RACE("C076/vtd-cold", cold_legacy, replace, read_twice, replaced_check),
	  { "vtd-two-halves" } },
	{ "the same from one first stage to another",
	  RACE("C076/vtd-first", cold_scalable_first, replace, read_twice, replaced_check),
	  { "vtd-first-halves" } },
	{ "the same in scalable mode",
	  RACE("C076/vtd-scalable", attached_scalable, replace, read_twice, replaced_check),
	  { "vtd-no-forget" } },
	{ "the same on an SMMU",
	  RACE("C076/smmuv3", cold_smmu, replace, read_twice, replaced_check),
	  { "smmu-no-sync" } },
	{ "two groups attach a domain while a page of it goes: neither reads it afterwards",
	  { .name = "C092/vtd",
	    .state_size = sizeof(struct meeting),
	    .setup = mapped_legacy,
	    .thread = { attach_first, attach_second, unmap_from_both },
	    .check = both_attached },
	  { "vtd-tag-late", "vtd-link-unlocked" } },
	{ "the same on an SMMU",
	  { .name = "C092/smmuv3",
	    .state_size = sizeof(struct meeting),
	    .setup = mapped_smmu,
	    .thread = { attach_first, attach_second, unmap_from_both },
	    .check = both_attached },
	  { "smmu-tag-late", "smmu-link-unlocked" } },
	{ "two maps under tables that neither found: hardware sees each when it has returned",
	  RACE("C161/vtd", attached_incoherent, map_far_0, map_far_9, both_mapped),
	  { "synced-early" } },
	{ "the same on an SMMU",
	  RACE("C161/smmuv3", attached_smmu_incoherent, map_far_0, map_far_9, both_mapped),
	  { "synced-early" } },
	{ "two maps make the same tables: neither is lost",
	  RACE("C162/vtd", open_legacy, grow_0, grow_9, both_grown),
	  { "install-blind" } },
	{ "a domain ID that was given back leads to nothing of its last domain",
	  RACE("C163/vtd", scarce_legacy, leave_and_free, come_with_another, another_check),
	  { "vtd-unlink-early" } },
	{ "an ASID that was given back leads to nothing of its last domain",
	  RACE("C163/smmuv3", scarce_smmu, leave_and_free, come_with_another, another_check),
	  { "smmu-id-early" } },
	{ 0 },
};
