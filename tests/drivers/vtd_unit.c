/* SPDX-License-Identifier: MIT */
/*
 * vtd_unit.c - what the VT-d driver makes of a unit's capabilities, and how it hands out domain IDs
 *
 * Registers are those of vtd_fake.h.  Domain IDs: none is given twice; when they are used up an attach says
 * so and changes nothing; one is used again only after what was cached under it is gone (6.2.1, 6.5.3.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/vtd_fake.h"

#define SCALABLE (VTD_ECAP_SMTS | VTD_ECAP_SMPWCS)
#define G4K (1ull << 12)
#define G2M (1ull << 21)
#define G1G (1ull << 30)

/* ---- capabilities ------------------------------------------------------------------------------ */

static const struct unit_case {
	const char *name;
	uint64_t cap_without, cap, ecap_without, ecap; /* changes of the plain unit */
	unsigned int flags;
	unsigned int caps; /* bits of enum uiommu_cap beside those that are always there */
	uint64_t pgsizes;
	unsigned int bits; /* of an address; first stage: of both halves together */
	uint32_t pasids;
	const char *words[3];
} cases[] = {
	{ .name = "plain legacy mode",
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .words = { "legacy mode", "48 bits", "queued" } },
	{ .name = "snoop control",
	  .ecap = VTD_ECAP_SC,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE | 1u << UIOMMU_CAP_ENFORCE_CACHE_COHERENCY,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48 },
	{ .name = "small pages only, because the unit says so",
	  .cap_without = VTD_CAP_SSLPS,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K,
	  .bits = 48 },
	{ .name = "small pages only, because the caller says so",
	  .flags = UIOMMU_VTD_NO_SUPERPAGES,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K,
	  .bits = 48 },
	{ .name = "tables wider than addresses",
	  .cap_without = VTD_CAP_MGAW,
	  .cap = 38ull << VTD_CAP_MGAW_SHIFT,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 39 },
	{ .name = "39 bits only",
	  .cap_without = VTD_CAP_SAGAW,
	  .cap = (uint64_t)VTD_SAGAW_39 << VTD_CAP_SAGAW_SHIFT,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 39,
	  .words = { "39 bits" } },
	{ .name = "57 bits only",
	  .cap_without = VTD_CAP_SAGAW | VTD_CAP_MGAW,
	  .cap = (uint64_t)VTD_SAGAW_57 << VTD_CAP_SAGAW_SHIFT | 56ull << VTD_CAP_MGAW_SHIFT,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 57,
	  .words = { "57 bits" } },
	{ .name = "no queue",
	  .ecap_without = VTD_ECAP_QI,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .words = { "register invalidation" } },
	{ .name = "second stage, dirty bits",
	  .ecap = SCALABLE | VTD_ECAP_SSTS | VTD_ECAP_SSADS,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE | 1u << UIOMMU_CAP_DIRTY_TRACKING,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .words = { "scalable mode", "second stage 48" } },
	{ .name = "dirty bits without walks that snoop",
	  .ecap = VTD_ECAP_SMTS | VTD_ECAP_SSTS | VTD_ECAP_SSADS,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48 },
	{ .name = "first stage",
	  .ecap = SCALABLE | VTD_ECAP_FSTS,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M,
	  .bits = 48,
	  .words = { "first stage 48" } },
	{ .name = "first stage, wide, large pages",
	  .cap = VTD_CAP_FS1GP | VTD_CAP_FS5LP,
	  .ecap = SCALABLE | VTD_ECAP_FSTS | VTD_ECAP_SSTS,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 57,
	  .words = { "first stage 57", "second stage 48" } },
	{ .name = "second stage preferred",
	  .ecap = SCALABLE | VTD_ECAP_FSTS | VTD_ECAP_SSTS,
	  .flags = UIOMMU_VTD_PREFER_SECOND_STAGE,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48 },
	{ .name = "legacy mode by request",
	  .ecap = SCALABLE | VTD_ECAP_FSTS | VTD_ECAP_SSTS | VTD_ECAP_PASID |
		  9ull << VTD_ECAP_PSS_SHIFT,
	  .flags = UIOMMU_VTD_NO_SCALABLE,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .words = { "legacy mode" } },
	{ .name = "legacy mode, since scalable mode has no stage",
	  .ecap = SCALABLE,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .words = { "legacy mode" } },
	{ .name = "legacy mode, since scalable mode needs a queue",
	  .ecap = SCALABLE | VTD_ECAP_SSTS,
	  .flags = UIOMMU_VTD_NO_QI,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .words = { "legacy mode", "register invalidation" } },
	{ .name = "PASIDs",
	  .ecap = SCALABLE | VTD_ECAP_SSTS | VTD_ECAP_PASID | 9ull << VTD_ECAP_PSS_SHIFT,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48,
	  .pasids = 1024,
	  .words = { "PASIDs" } },
	{ .name = "the most domain IDs",
	  .cap_without = VTD_CAP_ND,
	  .cap = 6,
	  .caps = 1u << UIOMMU_CAP_HITLESS_REPLACE,
	  .pgsizes = G4K | G2M | G1G,
	  .bits = 48 },
};

static void check_capabilities(const struct unit_case *c, struct uiommu_device *dev)
{
	unsigned int wanted = c->caps | 1u << UIOMMU_CAP_CACHE_COHERENCY |
			      1u << UIOMMU_CAP_DEFERRED_FLUSH;

	if (!uiommu_vtd_stores_pairs())
		wanted &= ~(1u << UIOMMU_CAP_HITLESS_REPLACE);
	for (unsigned int cap = 0; cap <= UIOMMU_CAP_HITLESS_REPLACE; cap++) {
		if (uiommu_device_capable(dev, (enum uiommu_cap)cap) != (wanted >> cap & 1))
			fail_msg("%s: capability %u", c->name, cap);
	}
}

static void check_domain(const struct unit_case *c, struct fake *f, struct uiommu_device *dev)
{
	bool dirty = c->caps >> UIOMMU_CAP_DIRTY_TRACKING & 1;
	struct uiommu_geometry geometry;
	struct uiommu_domain *domain;

	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	assert_int_equal(uiommu_domain_pgsizes(domain), c->pgsizes);
	uiommu_domain_geometry(domain, &geometry);
	if (geometry.ranges == 2) {
		assert_int_equal(geometry.range[0].last, (1ull << (c->bits - 1)) - 1);
		assert_int_equal(geometry.range[1].start, -(1ull << (c->bits - 1)));
		assert_int_equal(geometry.range[1].last, UINT64_MAX);
	} else {
		assert_int_equal(geometry.range[0].last, (1ull << c->bits) - 1);
	}
	uiommu_domain_free(domain);

	assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_DIRTY_TRACKING, &domain),
			 dirty ? 0 : -UIOMMU_EOPNOTSUPP);
	if (dirty)
		uiommu_domain_free(domain);
	assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_PASID, &domain),
			 c->pasids ? 0 : -UIOMMU_EOPNOTSUPP);
	if (c->pasids)
		uiommu_domain_free(domain);
	assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_NEST_PARENT, &domain),
			 -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_vtd_instance(f->unit)->max_pasids, c->pasids);
}

static void capabilities(void **state)
{
	const uint32_t source_id = 0x0108;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct unit_case *c = &cases[i];
		struct uiommu_device *dev;
		struct fake f;
		char text[160];

		fake_init(&f);
		f.cap = (f.cap & ~c->cap_without) | c->cap;
		f.ecap = (f.ecap & ~c->ecap_without) | c->ecap;
		if (fake_start(&f, UIOMMU_DOMAIN_IDENTITY, c->flags))
			fail_msg("%s: refused", c->name);
		uiommu_vtd_describe(f.unit, text, sizeof(text));
		for (unsigned int w = 0; w < 3 && c->words[w]; w++) {
			if (!strstr(text, c->words[w]))
				fail_msg("%s: \"%s\" does not say \"%s\"", c->name, text,
					 c->words[w]);
		}
		dev = fake_add(&f, "dev", &source_id);
		check_capabilities(c, dev);
		check_domain(c, &f, dev);
		assert_int_equal(f.errors, 0);
		fake_stop(&f);
	}
}

static void what_it_cannot_drive(void **state)
{
	static const struct {
		uint64_t cap_without, cap, ecap;
		const char *word;
	} bad[] = {
		{ 0, UINT64_MAX, 0, "do not answer" },
		{ VTD_CAP_SAGAW, 0, 0, "address width" },
		{ VTD_CAP_SAGAW, 1ull << VTD_CAP_SAGAW_SHIFT, 0, "address width" },
		{ 0, 7, 0, "domain IDs" },
		{ VTD_CAP_SAGAW, 0, SCALABLE | VTD_ECAP_SSTS, "address width" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fake f;

		fake_init(&f);
		f.cap = (f.cap & ~bad[i].cap_without) | bad[i].cap;
		f.ecap |= bad[i].ecap;
		assert_int_equal(fake_start(&f, UIOMMU_DOMAIN_DMA, 0), -UIOMMU_EOPNOTSUPP);
		assert_int_equal(f.errors, 1);
		assert_non_null(strstr(f.line, bad[i].word));
		assert_int_equal(f.rtaddr, 0);
	}
}

/* Without pass-through there is no identity: devices get addresses of their own. */
static void no_pass_through(void **state)
{
	const uint32_t source_id = 0x0108;
	struct uiommu_domain *domain;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct fake f;

	(void)state;
	fake_init(&f);
	f.ecap &= ~VTD_ECAP_PT;
	assert_int_equal(fake_start(&f, UIOMMU_DOMAIN_IDENTITY, 0), 0);
	dev = fake_add(&f, "dev", &source_id);
	group = uiommu_group_get(dev);
	assert_int_equal(uiommu_group_default_type(group), UIOMMU_DOMAIN_DMA);
	assert_int_equal(uiommu_domain_alloc_identity(dev, &domain), 0);
	assert_int_equal(uiommu_attach_group(domain, group), -UIOMMU_EINVAL);
	uiommu_domain_free(domain);
	uiommu_group_put(group);
	fake_stop(&f);
}

/* ---- domain IDs -------------------------------------------------------------------------------- */

#define IDS 14 /* of 16: 0 is nobody's, 1 passes through */

struct ids {
	struct fake f;
	uint32_t source_id[IDS + 2];
	struct uiommu_device *dev[IDS + 2];
	struct uiommu_domain *domain[IDS + 2];
	unsigned int watched; /* a domain ID; 0: none */
	unsigned int clean; /* flushes of it while no entry had it */
	unsigned int given_back; /* flushes of it when it was free already */
};

static unsigned int id_of(struct ids *ids, unsigned int i)
{
	const uint64_t *entry = fake_context_entry(&ids->f, (uint16_t)ids->source_id[i]);

	return entry && (entry[0] & VTD_CE0_P) ? (unsigned int)vtd_get(entry[1], VTD_CE1_DID) : 0;
}

static void watch(struct fake *f, const uint64_t q[2])
{
	struct ids *ids = f->context;
	const struct uiommu_vtd *unit = f->unit;
	bool used = false;

	if (!ids->watched || vtd_desc_type(q[0]) != VTD_DESC_IOTLB ||
	    vtd_get(q[0], VTD_DESC_DID) != ids->watched ||
	    vtd_get(q[0], VTD_DESC_G) != VTD_IOTLB_GRAN_DOMAIN)
		return;
	for (unsigned int i = 0; i < IDS + 2; i++)
		used |= id_of(ids, i) == ids->watched;
	ids->clean += !used;
	ids->given_back += !(unit->dids[ids->watched / 64] >> ids->watched % 64 & 1);
}

/* @owned: what is detached is blocked, and does not pass through. */
static void ids_start(struct ids *ids, unsigned int flags, bool owned)
{
	char name[16];

	memset(ids, 0, sizeof(*ids));
	fake_init(&ids->f);
	ids->f.cap &= ~VTD_CAP_ND; /* 16 */
	assert_int_equal(fake_start(&ids->f, UIOMMU_DOMAIN_IDENTITY, flags), 0);
	for (unsigned int i = 0; i < IDS + 2; i++) {
		ids->source_id[i] = 0x0100 + 8 * i;
		snprintf(name, sizeof(name), "dev%u", i);
		ids->dev[i] = fake_add(&ids->f, name, &ids->source_id[i]);
		assert_int_equal(id_of(ids, i), VTD_DID_PASS_THROUGH);
		if (owned)
			assert_int_equal(uiommu_device_claim_dma_owner(ids->dev[i], ids), 0);
		assert_int_equal(uiommu_domain_alloc_paging(ids->dev[i], 0, &ids->domain[i]), 0);
	}
	ids->f.on_note = watch;
	ids->f.context = ids;
}

static void ids_stop(struct ids *ids)
{
	ids->f.on_note = NULL;
	for (unsigned int i = 0; i < IDS + 2; i++) {
		uiommu_detach_device(ids->domain[i], ids->dev[i]);
		uiommu_domain_free(ids->domain[i]);
	}
	assert_int_equal(ids->f.errors, 0);
	fake_stop(&ids->f);
}

static void use_all(struct ids *ids)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < IDS; i++) {
		assert_int_equal(uiommu_attach_device(ids->domain[i], ids->dev[i]), 0);
		assert_true(id_of(ids, i) > VTD_DID_PASS_THROUGH && id_of(ids, i) < 16);
		assert_false(used >> id_of(ids, i) & 1);
		used |= 1u << id_of(ids, i);
	}
}

static void ids_are_used_up(void **state)
{
	struct uiommu_attach_handle handle = { 0 };
	struct uiommu_group *group;
	const uint64_t *entry;
	struct ids ids;
	uint64_t before[2];

	(void)state;
	ids_start(&ids, 0, false);
	use_all(&ids);
	assert_int_equal(uiommu_attach_device(ids.domain[IDS], ids.dev[IDS]), -UIOMMU_ENOSPC);
	assert_int_equal(id_of(&ids, IDS), VTD_DID_PASS_THROUGH);
	/* A domain that has one already needs no other. */
	assert_int_equal(uiommu_attach_device(ids.domain[0], ids.dev[IDS]), 0);
	assert_int_equal(id_of(&ids, IDS), id_of(&ids, 0));
	uiommu_detach_device(ids.domain[0], ids.dev[IDS]);
	assert_int_not_equal(id_of(&ids, 0), 0);
	/* A replace needs the new one before the old is free. */
	entry = fake_context_entry(&ids.f, (uint16_t)ids.source_id[5]);
	memcpy(before, entry, sizeof(before));
	group = uiommu_group_get(ids.dev[5]);
	assert_int_equal(uiommu_replace_group_handle(group, ids.domain[IDS], &handle),
			 -UIOMMU_ENOSPC);
	uiommu_group_put(group);
	assert_memory_equal(before, entry, sizeof(before));
	ids_stop(&ids);
}

/* Gone from the entries, then from the caches, then free. */
static void ids_are_used_again_after_a_flush(void **state)
{
	struct ids ids;

	(void)state;
	for (unsigned int way = 0; way < 4; way++) {
		bool owned = way & 1;

		ids_start(&ids, way & 2 ? UIOMMU_VTD_NO_QI : 0, owned);
		use_all(&ids);
		for (unsigned int i = 0; i < IDS; i++) {
			unsigned int id = id_of(&ids, i), next = i ? i - 1 : IDS;

			ids.watched = id;
			ids.clean = ids.given_back = 0;
			uiommu_detach_device(ids.domain[i], ids.dev[i]);
			assert_int_equal(id_of(&ids, i), owned ? 0 : VTD_DID_PASS_THROUGH);
			assert_true(ids.clean > 0);
			assert_int_equal(ids.given_back, 0);
			ids.watched = 0;
			assert_int_equal(uiommu_attach_device(ids.domain[next], ids.dev[next]), 0);
			assert_int_equal(id_of(&ids, next), id); /* the only one that is free */
			assert_int_equal(uiommu_attach_device(ids.domain[i], ids.dev[i]),
					 -UIOMMU_ENOSPC);
		}
		ids_stop(&ids);
	}
}

/* An attach that fails for another reason gives its ID back. */
static void a_failed_attach_keeps_no_id(void **state)
{
	struct ids ids;

	(void)state;
	ids_start(&ids, 0, false);
	for (unsigned int round = 0; round < 40; round++) {
		unsigned long nth = 1 + round % 3;
		int rc;

		uiommu_test_fail_nth(ids.f.test, nth);
		rc = uiommu_attach_device(ids.domain[0], ids.dev[0]);
		if (uiommu_test_failed(ids.f.test))
			assert_int_equal(rc, -UIOMMU_ENOMEM);
		else
			assert_int_equal(rc, 0);
		uiommu_test_fail_nth(ids.f.test, 0);
		if (!rc)
			uiommu_detach_device(ids.domain[0], ids.dev[0]);
	}
	use_all(&ids);
	ids_stop(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities),
		cmocka_unit_test(what_it_cannot_drive),
		cmocka_unit_test(no_pass_through),
		cmocka_unit_test(ids_are_used_up),
		cmocka_unit_test(ids_are_used_again_after_a_flush),
		cmocka_unit_test(a_failed_attach_keeps_no_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
