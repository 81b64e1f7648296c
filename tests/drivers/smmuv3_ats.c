/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_ats.c - devices that do not answer ATC_INV: found, put into quarantine, and back after a reset
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/smmuv3_fake.h"

#define FIRST 0x208u /* StreamIDs: FIRST + 8 * index */
#define NONE 1000u

struct bench {
	struct fake f;
	struct uiommu_device *dev[FAKE_PCI];
	struct uiommu_domain *domain;
};

static void setup(struct bench *b)
{
	fake_init(&b->f);
	b->f.idr0 |= SMMUV3_IDR0_ATS | SMMUV3_IDR0_PRI;
	b->f.idr1 |= 4u << 11;
	assert_int_equal(fake_start(&b->f), 0);
	for (unsigned int i = 0; i < FAKE_PCI; i++) {
		b->dev[i] = fake_add_pci(&b->f, i);
		assert_non_null(b->dev[i]);
	}
	assert_int_equal(uiommu_domain_alloc_paging(b->dev[0], UIOMMU_ALLOC_PASID, &b->domain), 0);
	for (unsigned int i = 0; i < FAKE_PCI; i++)
		assert_int_equal(uiommu_attach_device(b->domain, b->dev[i]), 0);
	assert_int_equal(uiommu_attach_device_pasid(b->domain, b->dev[1], 7, NULL), 0);
}

static void teardown(struct bench *b)
{
	uiommu_detach_device_pasid(b->domain, b->dev[1], 7);
	for (unsigned int i = 0; i < FAKE_PCI; i++)
		uiommu_detach_device(b->domain, b->dev[i]);
	uiommu_domain_free(b->domain);
	for (unsigned int i = 0; i < FAKE_PCI; i++)
		uiommu_device_remove(b->dev[i]);
	fake_stop(&b->f);
}

/* Map and unmap: the domain's invalidation, noted. */
static void invalidate(struct bench *b)
{
	assert_int_equal(uiommu_map(b->domain, 0x1000, 0x5000, 0x1000, UIOMMU_READ), 0);
	b->f.notes = 0;
	assert_int_equal(uiommu_unmap(b->domain, 0x1000, 0x1000), 0x1000);
}

static unsigned int sent_to(const struct bench *b, unsigned int index)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < b->f.notes; i++)
		n += (b->f.note[i].word[0] & 0xff) == SMMUV3_CMD_ATC_INV &&
		     b->f.note[i].word[0] >> 32 == FIRST + 8 * index;
	return n;
}

static bool allows_ats(struct bench *b, unsigned int index)
{
	const bool ste = fake_ste(&b->f, FIRST + 8 * index)[1] & SMMUV3_STE1_EATS;
	const bool config = fake_config(&b->f, index, FAKE_ATS + PCI_ATS_CONTROL) & PCI_ATS_ENABLE;

	assert_int_equal(ste, config);
	return ste;
}

static void check(struct bench *b, unsigned int bad)
{
	for (unsigned int i = 0; i < FAKE_PCI; i++) {
		assert_int_equal(allows_ats(b, i), i != bad);
		assert_int_equal(uiommu_device_quarantined(b->dev[i]), i == bad);
	}
}

static void reset(struct bench *b, unsigned int index)
{
	assert_int_equal(uiommu_device_reset_prepare(b->dev[index]), 0);
	assert_false(allows_ats(b, index));
	/* A reset leaves nothing enabled. */
	b->f.config_space[index][FAKE_PASID + PCI_PASID_CONTROL] = 0;
	uiommu_device_reset_done(b->dev[index]);
	assert_int_equal(fake_config(&b->f, index, FAKE_PASID + PCI_PASID_CONTROL),
			 PCI_PASID_ENABLE);
}

static void test_quarantine(void **unused)
{
	struct bench b;

	(void)unused;
	for (unsigned int bad = 0; bad < FAKE_PCI; bad++) {
		setup(&b);
		check(&b, NONE);
		invalidate(&b);
		for (unsigned int i = 0; i < FAKE_PCI; i++)
			assert_int_equal(sent_to(&b, i), i == 1 ? 2 : 1);
		b.f.silent_sid = FIRST + 8 * bad;
		b.f.silent = 100;
		invalidate(&b);
		check(&b, bad);
		for (unsigned int i = 0; i < FAKE_PCI; i++)
			assert_true(sent_to(&b, i));
		assert_false(b.f.smmu->dead);
		/* A fault tells of it, at the next poll. */
		b.f.faults = 0;
		uiommu_instance_poll(&b.f.smmu->instance);
		assert_int_equal(b.f.faults, 1);
		assert_int_equal(b.f.fault[0].source_id, FIRST + 8 * bad);
		assert_ptr_equal(b.f.fault[0].device, b.dev[bad]);
		/* It is not asked again, also where it is attached anew. */
		invalidate(&b);
		assert_int_equal(sent_to(&b, bad), 0);
		for (unsigned int i = 0; i < FAKE_PCI; i++)
			assert_true(i == bad || sent_to(&b, i));
		uiommu_detach_device(b.domain, b.dev[bad]);
		assert_int_equal(uiommu_attach_device(b.domain, b.dev[bad]), 0);
		check(&b, bad);
		b.f.silent = 0;
		reset(&b, bad);
		check(&b, NONE);
		invalidate(&b);
		for (unsigned int i = 0; i < FAKE_PCI; i++)
			assert_int_equal(sent_to(&b, i), i == 1 ? 2 : 1);
		teardown(&b);
	}
}

/* It answers when it is asked alone: nothing is stale, and nobody is locked up. */
static void test_hiccup(void **unused)
{
	struct bench b;

	(void)unused;
	setup(&b);
	b.f.silent_sid = FIRST + 8;
	b.f.silent = 1;
	invalidate(&b);
	check(&b, NONE);
	assert_true(sent_to(&b, 1) >= 3);
	teardown(&b);
}

/* While it is being detached; there is nobody else whose fault it could be. */
static void test_detach(void **unused)
{
	struct bench b;

	(void)unused;
	setup(&b);
	b.f.silent_sid = FIRST + 8;
	b.f.silent = 1;
	uiommu_detach_device_pasid(b.domain, b.dev[1], 7);
	check(&b, 1);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev[1], 7, NULL), 0);
	check(&b, 1);
	teardown(&b);
}

/* A reset of one that answers: its device TLB is on again afterwards. */
static void test_reset(void **unused)
{
	struct bench b;

	(void)unused;
	setup(&b);
	reset(&b, 0);
	reset(&b, 1);
	check(&b, NONE);
	invalidate(&b);
	for (unsigned int i = 0; i < FAKE_PCI; i++)
		assert_int_equal(sent_to(&b, i), i == 1 ? 2 : 1);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_hiccup),
		cmocka_unit_test(test_detach),
		cmocka_unit_test(test_reset),
	};

	return cmocka_run_group_tests_name("smmuv3-ats", tests, NULL, NULL);
}
