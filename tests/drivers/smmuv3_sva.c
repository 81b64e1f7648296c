/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_sva.c - the SMMUv3 driver on the tables of processes: context descriptors and commands, byte by byte
 *
 * Whether the tables are walked, and what is stale, is judged by the model (smmuv3_machine.c, conform).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/smmuv3_fake.h"

#define SID 0x208u
#define PASID 70u
#define ROOT 0x12345678c000ull

static const struct uiommu_mm_format_info usual = {
	.format = UIOMMU_MM_ARM64,
	.va_bits = 48,
	.granule_shift = 12,
	.phys_bits = 44,
	.root = ROOT,
	.mair = 0xff440c0400,
};

struct bench {
	struct fake f;
	struct uiommu_device *dev;
	struct uiommu_domain *domain;
	struct uiommu_attach attach;
};

static int alloc(struct bench *b, const struct uiommu_mm_format_info *info)
{
	return uiommu_smmuv3_driver_ops.domain_alloc_sva(b->dev, NULL, info, &b->domain);
}

static void start(struct bench *b)
{
	memset(&b->attach, 0, sizeof(b->attach));
	assert_int_equal(fake_start(&b->f), 0);
	b->dev = b->f.idr0 & SMMUV3_IDR0_ATS ? fake_add_pci(&b->f, 0) : fake_add(&b->f, "dev", 8);
	assert_non_null(b->dev);
	b->f.notes = 0;
}

static void setup(struct bench *b, uint32_t idr0)
{
	fake_init(&b->f);
	b->f.idr0 |= idr0;
	b->f.idr5 |= SMMUV3_IDR5_GRAN64K;
	start(b);
	assert_int_equal(alloc(b, &usual), 0);
	b->attach = (struct uiommu_attach){
		.dev = b->dev,
		.pasid = PASID,
		.domain = b->domain,
	};
}

static void commit(struct bench *b)
{
	assert_int_equal(b->domain->ops->attach_prepare(&b->attach), 0);
	b->domain->ops->attach_commit(&b->attach);
}

static void detach(struct bench *b)
{
	struct uiommu_attach attach = {
		.dev = b->dev,
		.pasid = PASID,
		.domain = (struct uiommu_domain *)(uintptr_t)&uiommu_smmuv3_blocked_domain,
		.old = b->domain,
	};

	assert_int_equal(attach.domain->ops->attach_prepare(&attach), 0);
	attach.domain->ops->attach_commit(&attach);
}

static void teardown(struct bench *b)
{
	if (b->domain)
		b->domain->ops->free(b->domain);
	uiommu_device_remove(b->dev);
	fake_stop(&b->f);
}

static void test_formats(void **unused)
{
	static const struct {
		uint32_t idr0, idr5; /* without, with */
		struct uiommu_mm_format_info info;
		int rc;
	} cases[] = {
		{ 0, 0, { UIOMMU_MM_ARM64, 48, 12, 48, ROOT, 0, false }, 0 },
		{ 0, 0, { UIOMMU_MM_ARM64, 39, 12, 40, ROOT, 0, false }, 0 },
		{ 0, 0, { UIOMMU_MM_X86_64, 48, 12, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		/* A granule that it has, and two that it has not. */
		{ 0, SMMUV3_IDR5_GRAN64K, { UIOMMU_MM_ARM64, 48, 16, 48, ROOT, 0, false }, 0 },
		{ 0, 0, { UIOMMU_MM_ARM64, 48, 16, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0, 0, { UIOMMU_MM_ARM64, 47, 14, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0, 0, { UIOMMU_MM_ARM64, 48, 13, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		/* Wider than it is, or than the format is. */
		{ 0, 0, { UIOMMU_MM_ARM64, 49, 12, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0, 0, { UIOMMU_MM_ARM64, 48, 12, 49, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0,
		  SMMUV3_IDR5_GRAN64K | 1u << 10,
		  { UIOMMU_MM_ARM64, 52, 16, 48, ROOT, 0, false },
		  0 },
		{ 0, 1u << 10, { UIOMMU_MM_ARM64, 52, 12, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0, 0, { UIOMMU_MM_ARM64, 24, 12, 48, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		/* The processor's changes would not be seen; no first stage. */
		{ SMMUV3_IDR0_COHACC,
		  0,
		  { UIOMMU_MM_ARM64, 48, 12, 48, ROOT, 0, false },
		  -UIOMMU_EOPNOTSUPP },
		{ SMMUV3_IDR0_S1P,
		  0,
		  { UIOMMU_MM_ARM64, 48, 12, 48, ROOT, 0, false },
		  -UIOMMU_EOPNOTSUPP },
	};
	struct bench b;

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_init(&b.f);
		b.f.idr0 &= ~cases[i].idr0;
		b.f.idr5 |= cases[i].idr5;
		b.domain = NULL;
		start(&b);
		if (alloc(&b, &cases[i].info) != cases[i].rc)
			fail_msg("case %zu", i);
		teardown(&b);
	}
}

static void test_descriptor(void **unused)
{
	const uint64_t *cd;
	struct bench b;

	(void)unused;
	setup(&b, 0);
	/* Neither for the RID, nor for a PASID that the device cannot send. */
	b.attach.pasid = UIOMMU_RID;
	assert_int_equal(b.domain->ops->attach_prepare(&b.attach), -UIOMMU_EINVAL);
	b.attach.pasid = 256;
	assert_int_equal(b.domain->ops->attach_prepare(&b.attach), -UIOMMU_EINVAL);
	b.attach.pasid = PASID;
	commit(&b);
	cd = fake_cd(&b.f, SID, PASID);
	/*
	 * T0SZ 16 in 5:0; TG0 0 in 7:6; IR0 1 in 9:8; OR0 1 in 11:10; SH0 3 in 13:12; EPD1 30; V 31; IPS 4 (44
	 * bits) in 34:32; AA64 41; R 45; A 46; ASET 47; no HA, no HD.
	 */
	assert_int_equal(cd[0] & ~SMMUV3_CD0_ASID, 0x0000e204c0003510);
	assert_true(cd[0] >> 48);
	assert_int_equal(cd[1], ROOT);
	assert_int_equal(cd[3], usual.mair);
	detach(&b);
	cd = fake_cd(&b.f, SID, PASID);
	assert_false(cd && cd[0] & SMMUV3_CD0_V);
	teardown(&b);
}

/* [start, last] by range, the last page of all too; everything by the ASID. */
static void test_invalidate(void **unused)
{
	static const struct {
		uint64_t start, last;
		unsigned int atc_size;
		bool all;
	} cases[] = {
		{ 0, 0xfff, 0, false },
		{ 0x1234, 0x1234, 0, false },
		{ 0xfffffffff000, 0xffffffffffff, 0, false },
		{ 0xfffffffffffff000, UINT64_MAX, 0, false },
		{ 0x7f0000001000, 0x7f0000002fff, 2, false },
		{ 0, 0xffffffffffff, 36, true },
		{ 0, UINT64_MAX, 52, true },
	};
	struct bench b;

	(void)unused;
	setup(&b, SMMUV3_IDR0_ATS);
	commit(&b);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct smmu_command *tlbi = &b.f.note[0], *atc = &b.f.note[1];
		const uint64_t start = cases[i].start & ~0xfffull;

		b.f.notes = 0;
		b.domain->ops->mm_invalidate(b.domain, cases[i].start, cases[i].last);
		assert_int_equal(b.f.notes, 2);
		/* Tables may be gone too: not only leaves. */
		assert_int_equal(tlbi->word[1] & SMMUV3_CMD1_TLBI_LEAF, 0);
		assert_int_equal(tlbi->word[0] & 0xff,
				 cases[i].all ? SMMUV3_CMD_TLBI_NH_ASID : SMMUV3_CMD_TLBI_NH_VA);
		if (!cases[i].all)
			assert_int_equal(tlbi->word[1] & SMMUV3_CMD1_TLBI_ADDR, start);
		assert_int_equal(atc->word[0],
				 (uint64_t)SID << 32 | PASID << 12 | 1 << 11 | SMMUV3_CMD_ATC_INV);
		assert_int_equal(atc->word[1] & 0x3f, cases[i].atc_size);
		assert_int_equal(atc->word[1] >> (12 + cases[i].atc_size % 52),
				 cases[i].atc_size == 52 ? 0 : start >> (12 + cases[i].atc_size));
	}
	detach(&b);
	/* Attached nowhere: nothing to do. */
	b.f.notes = 0;
	b.domain->ops->mm_invalidate(b.domain, 0, 0xfff);
	assert_int_equal(b.f.notes, 0);
	teardown(&b);
}

/* Without ranges a large one costs one command. The granule is the process's, not the SMMU's usual one. */
static void test_bounds(void **unused)
{
	struct uiommu_mm_format_info large = usual;
	struct bench b;

	(void)unused;
	fake_init(&b.f);
	b.f.idr3 &= ~SMMUV3_IDR3_RIL;
	b.f.idr5 |= SMMUV3_IDR5_GRAN64K;
	start(&b);
	large.granule_shift = 16;
	assert_int_equal(alloc(&b, &large), 0);
	b.attach = (struct uiommu_attach){ .dev = b.dev, .pasid = PASID, .domain = b.domain };
	commit(&b);
	assert_int_equal(fake_cd(&b.f, SID, PASID)[0] >> 6 & 3, SMMUV3_TG0_64K);
	b.f.notes = 0;
	b.domain->ops->mm_invalidate(b.domain, 0, 0x3ffff);
	assert_int_equal(b.f.notes, 4);
	b.f.notes = 0;
	b.domain->ops->mm_invalidate(b.domain, 0, 0x100000000);
	assert_int_equal(b.f.notes, 1);
	assert_int_equal(b.f.note[0].word[0] & 0xff, SMMUV3_CMD_TLBI_NH_ASID);
	detach(&b);
	teardown(&b);

	fake_init(&b.f);
	b.f.idr5 |= SMMUV3_IDR5_GRAN64K;
	start(&b);
	assert_int_equal(alloc(&b, &large), 0);
	b.attach = (struct uiommu_attach){ .dev = b.dev, .pasid = PASID, .domain = b.domain };
	commit(&b);
	b.f.notes = 0;
	b.domain->ops->mm_invalidate(b.domain, 0x10000, 0x2ffff);
	assert_int_equal(b.f.notes, 1);
	/* Two granules of 64K. */
	assert_int_equal(b.f.note[0].word[0] & (SMMUV3_CMD0_TLBI_NUM | SMMUV3_CMD0_TLBI_SCALE),
			 1 << 12);
	assert_int_equal(b.f.note[0].word[1], 0x10000 | SMMUV3_TLBI_TG_64K << 10);
	detach(&b);
	teardown(&b);
}

static void is_quiet(struct bench *b)
{
	const uint64_t *cd = fake_cd(&b->f, SID, PASID);

	assert_int_equal(cd[0] & (SMMUV3_CD0_V | SMMUV3_CD0_EPD0 | SMMUV3_CD0_EPD1 | SMMUV3_CD0_R |
				  SMMUV3_CD0_S),
			 SMMUV3_CD0_V | SMMUV3_CD0_EPD0 | SMMUV3_CD0_EPD1);
}

static void test_exit(void **unused)
{
	struct bench b;

	(void)unused;
	for (unsigned int when = 0; when < 4; when++) {
		setup(&b, SMMUV3_IDR0_ATS);
		if (when == 1)
			assert_int_equal(b.domain->ops->attach_prepare(&b.attach), 0);
		if (when >= 2)
			commit(&b);
		if (when == 3)
			detach(&b);
		b.f.notes = 0;
		b.domain->ops->mm_exit(b.domain);
		if (when == 2) {
			/* The CD, then what was cached, then the device. */
			assert_int_equal(b.f.note[0].word[0] & 0xff, SMMUV3_CMD_CFGI_CD);
			assert_int_equal(b.f.note[b.f.notes - 2].word[0] & 0xff,
					 SMMUV3_CMD_TLBI_NH_ASID);
			assert_int_equal(b.f.note[b.f.notes - 1].word[0] & 0xff,
					 SMMUV3_CMD_ATC_INV);
			is_quiet(&b);
		}
		if (when == 3) {
			const uint64_t *cd = fake_cd(&b.f, SID, PASID);

			assert_false(cd && cd[0] & SMMUV3_CD0_V);
		}
		/* An attachment that was under way, and one that comes later. */
		if (when == 1)
			b.domain->ops->attach_commit(&b.attach);
		if (when == 0 || when == 3)
			commit(&b);
		is_quiet(&b);
		detach(&b);
		teardown(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),	   cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_invalidate), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_exit),
	};

	return cmocka_run_group_tests_name("smmuv3-sva", tests, NULL, NULL);
}
