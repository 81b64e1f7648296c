/* SPDX-License-Identifier: MIT */
/*
 * vtd_replace.c - what the VT-d driver lets hardware see of a PASID entry while a domain replaces another
 *
 * Whenever hardware is told anything the entry in memory is looked at: it is present, and every piece of it
 * belongs to the old domain or to the new one.  A new first-stage root never stands beside a domain ID under
 * which others may find the old one's translations, nor may a fetch have one of each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/vtd_fake.h"

#define PASID 5u

struct look {
	struct fake f;
	struct uiommu_device *dev;
	const uint64_t *entry;
	uint64_t old[3], last[3]; /* before the switch; at the last look */
	unsigned int looks, gaps, torn;
};

static bool first(uint64_t low)
{
	return vtd_get(low, VTD_PE0_PGTT) == VTD_PGTT_FIRST;
}

static void on_note(struct fake *f, const uint64_t q[2])
{
	struct look *l = f->context;
	const uint64_t *e = l->entry;

	l->looks++;
	l->gaps += !(e[0] & VTD_PE0_P);
	/* Both pieces have changed since hardware last had to forget the entry, and both count. */
	if ((e[0] != l->last[0] || e[1] != l->last[1]) && e[2] != l->last[2] &&
	    (first(e[0]) || first(l->last[0])))
		l->torn++;
	/* The new tables under the domain ID of the old. */
	if (first(l->old[0]) && e[2] != l->old[2] &&
	    vtd_get(e[1], VTD_PE1_DID) == vtd_get(l->old[1], VTD_PE1_DID))
		l->torn++;
	if (vtd_desc_type(q[0]) == VTD_DESC_PASID_CACHE)
		memcpy(l->last, e, sizeof(l->last));
}

static struct uiommu_domain *paging(struct look *l, unsigned int flags)
{
	struct uiommu_domain *domain;

	assert_int_equal(uiommu_domain_alloc_paging(l->dev, flags, &domain), 0);
	return domain;
}

/* @from and @to: allocation flags; UINT32_MAX: identity. */
static void replace(unsigned int from, unsigned int to, bool shared)
{
	struct uiommu_attach_handle handle[4] = { { 0 } };
	struct uiommu_domain *a, *b;
	struct vtd_device *device;
	struct look l;

	memset(&l, 0, sizeof(l));
	fake_init(&l.f);
	l.f.ecap |= VTD_ECAP_SMTS | VTD_ECAP_FSTS | VTD_ECAP_SSTS | VTD_ECAP_SMPWCS |
		    VTD_ECAP_SSADS | VTD_ECAP_PASID | VTD_ECAP_DT | vtd_set(9, VTD_ECAP_PSS);
	assert_int_equal(fake_start(&l.f, UIOMMU_DOMAIN_IDENTITY, 0), 0);
	l.dev = fake_add_pci(&l.f);
	if (from == UINT32_MAX)
		assert_int_equal(uiommu_domain_alloc_identity(l.dev, &a), 0);
	else
		a = paging(&l, from | UIOMMU_ALLOC_PASID);
	if (to == UINT32_MAX)
		assert_int_equal(uiommu_domain_alloc_identity(l.dev, &b), 0);
	else
		b = paging(&l, to | UIOMMU_ALLOC_PASID);
	assert_int_equal(uiommu_attach_device_pasid(a, l.dev, PASID, &handle[0]), 0);
	/* Others use both domains too, with other PASIDs. */
	if (shared) {
		assert_int_equal(uiommu_attach_device_pasid(a, l.dev, PASID + 1, &handle[2]), 0);
		assert_int_equal(uiommu_attach_device_pasid(b, l.dev, PASID + 2, &handle[3]), 0);
	}
	device = uiommu_device_priv(l.dev);
	l.entry = (uint64_t *)vtd_ptr(l.f.unit, device->dir[0] & VTD_PDE_SMPTBLPTR) + 8 * PASID;
	for (unsigned int i = 0; i < 3; i++) {
		memcpy(l.old, l.entry, sizeof(l.old));
		memcpy(l.last, l.entry, sizeof(l.last));
		l.f.context = &l;
		l.f.on_note = on_note;
		l.f.notes = 0;
		assert_int_equal(uiommu_replace_device_pasid(i & 1 ? a : b, l.dev, PASID,
							     &handle[~i & 1]),
				 0);
		l.f.on_note = NULL;
		/* Everything of the old one is forgotten. */
		assert_true(fake_noted(&l.f, 0, VTD_DESC_PASID_CACHE, VTD_PC_PASID,
				       (unsigned int)vtd_get(l.old[1], VTD_PE1_DID)));
		if (first(l.old[0]))
			assert_true(fake_noted(&l.f, 0, VTD_DESC_PASID_IOTLB, VTD_PIOTLB_PASID,
					       (unsigned int)vtd_get(l.old[1], VTD_PE1_DID)));
		else
			assert_true(fake_noted(&l.f, 0, VTD_DESC_IOTLB, VTD_IOTLB_GRAN_DOMAIN,
					       (unsigned int)vtd_get(l.old[1], VTD_PE1_DID)));
	}
	assert_true(l.looks >= 9);
	assert_int_equal(l.torn, 0);
	assert_int_equal(l.gaps, 0);
	uiommu_detach_device_pasid(b, l.dev, PASID);
	if (shared) {
		uiommu_detach_device_pasid(a, l.dev, PASID + 1);
		uiommu_detach_device_pasid(b, l.dev, PASID + 2);
	}
	uiommu_domain_free(a);
	uiommu_domain_free(b);
	/* No domain ID is lost: as many as there are can be had. */
	for (uint32_t did = VTD_FIRST_DID; did < l.f.unit->num_dids; did++)
		assert_false(l.f.unit->dids[did / 64] >> did % 64 & 1);
	fake_stop(&l.f);
}

static void each_kind_by_each(void **state)
{
	static const unsigned int kinds[] = { 0, UIOMMU_ALLOC_DIRTY_TRACKING, UINT32_MAX };

	(void)state;
	if (!uiommu_vtd_stores_pairs())
		skip();
	for (unsigned int from = 0; from < 3; from++)
		for (unsigned int to = 0; to < 3; to++)
			for (unsigned int shared = 0; shared < 2 && (from != 2 || to != 2);
			     shared++)
				replace(kinds[from], kinds[to], shared);
}

/* Without a spare domain ID there may be a gap, but the new domain is attached. */
static void no_domain_id_to_spare(void **state)
{
	struct uiommu_attach_handle handle[3] = { { 0 } };
	struct uiommu_domain *a, *b;
	struct look l;

	(void)state;
	memset(&l, 0, sizeof(l));
	fake_init(&l.f);
	l.f.cap &= ~VTD_CAP_ND; /* 16, 2 of which are taken */
	l.f.ecap |= VTD_ECAP_SMTS | VTD_ECAP_FSTS | VTD_ECAP_SMPWCS | VTD_ECAP_PASID |
		    vtd_set(9, VTD_ECAP_PSS);
	assert_int_equal(fake_start(&l.f, UIOMMU_DOMAIN_IDENTITY, 0), 0);
	l.dev = fake_add_pci(&l.f);
	a = paging(&l, UIOMMU_ALLOC_PASID);
	b = paging(&l, UIOMMU_ALLOC_PASID);
	assert_int_equal(uiommu_attach_device_pasid(a, l.dev, PASID, &handle[0]), 0);
	assert_int_equal(uiommu_attach_device_pasid(b, l.dev, PASID + 1, &handle[1]), 0);
	l.f.unit->dids[0] |= 0xffff;
	assert_int_equal(uiommu_replace_device_pasid(b, l.dev, PASID, &handle[2]), 0);
	uiommu_detach_device_pasid(b, l.dev, PASID);
	uiommu_detach_device_pasid(b, l.dev, PASID + 1);
	/* Only those two IDs were given back. */
	assert_int_equal(__builtin_popcountll(l.f.unit->dids[0]), 14);
	uiommu_domain_free(a);
	uiommu_domain_free(b);
	fake_stop(&l.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_by_each),
		cmocka_unit_test(no_domain_id_to_spare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
