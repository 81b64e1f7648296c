/* SPDX-License-Identifier: MIT */
/*
 * arm.c - what the Arm formats tell a driver, and what they refuse
 *
 * The numbers are those of the Arm ARM (DDI 0487): VTCR_EL2.SL0 (D24) and D8.2.2 for the level at which
 * stage 2 starts, and with how many tables; TCR_EL1.TG0, T0SZ, IPS. The property test knows the
 * descriptors; this one knows the fields beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "host.h"
#include "src/pgtable/arm_lpae.h"

#define K4 0x1000ull
#define K16 0x4000ull
#define K64 0x10000ull
#define M2 0x200000ull
#define M32 0x2000000ull
#define M512 0x20000000ull
#define G1 0x40000000ull
#define G64 0x1000000000ull
#define T4 0x40000000000ull

static struct uiommu_pt_config config(void *host, uint8_t stage, uint32_t granule, bool lpa2,
				      unsigned int va_bits, unsigned int pa_bits, uint64_t pgsizes)
{
	return (struct uiommu_pt_config){
		.host = host,
		.va_bits = va_bits,
		.pa_bits = pa_bits,
		.pgsizes = pgsizes,
		.coherent = true,
		.arm = { .stage = stage, .granule = granule, .lpa2 = lpa2 },
	};
}

static void test_regs(void **state)
{
	static const struct {
		uint8_t stage;
		uint32_t granule;
		bool lpa2;
		uint8_t va_bits, pa_bits;
		/* and what must come out: */
		uint8_t tsz, tg, ps, sl0, tables;
	} cases[] = {
		{ 1, K4, false, 48, 48, 16, 0, 5, 0, 1 },
		{ 1, K4, false, 39, 32, 25, 0, 0, 0, 1 },
		{ 1, K4, true, 52, 52, 12, 0, 6, 0, 1 },
		{ 1, K16, false, 47, 44, 17, 2, 4, 0, 1 },
		{ 1, K64, false, 48, 40, 16, 1, 2, 0, 1 },
		{ 1, K64, false, 52, 52, 12, 1, 6, 0, 1 },
		/* Stage 2, 4K: SL0 0 is level 2, 1 level 1, 2 level 0. */
		{ 2, K4, false, 34, 36, 30, 0, 1, 0, 16 },
		{ 2, K4, false, 35, 36, 29, 0, 1, 1, 1 },
		{ 2, K4, false, 40, 40, 24, 0, 2, 1, 2 },
		{ 2, K4, false, 43, 42, 21, 0, 3, 1, 16 },
		{ 2, K4, false, 44, 44, 20, 0, 4, 2, 1 },
		{ 2, K4, false, 48, 48, 16, 0, 5, 2, 1 },
		{ 2, K4, true, 52, 52, 12, 0, 6, 2, 16 },
		/* 16K and 64K: SL0 1 is level 2, 2 level 1, 3 level 0. */
		{ 2, K16, false, 40, 40, 24, 2, 2, 1, 16 },
		{ 2, K16, false, 41, 42, 23, 2, 3, 2, 1 },
		{ 2, K16, false, 48, 48, 16, 2, 5, 2, 2 },
		{ 2, K16, true, 51, 52, 13, 2, 6, 2, 16 },
		{ 2, K16, true, 52, 52, 12, 2, 6, 3, 1 },
		{ 2, K64, false, 46, 48, 18, 1, 5, 1, 16 },
		{ 2, K64, false, 47, 48, 17, 1, 5, 2, 1 },
		{ 2, K64, false, 52, 52, 12, 1, 6, 2, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host *host = host_new(1024, 1ull << 30);
		struct uiommu_pt_config c = config(host, cases[i].stage, cases[i].granule,
						   cases[i].lpa2, cases[i].va_bits,
						   cases[i].pa_bits, cases[i].granule);
		struct uiommu_pt_arm_regs regs;
		struct uiommu_pt pt;
		uint64_t bytes = (uint64_t)cases[i].granule * cases[i].tables;

		print_message("case %zu: stage %u, granule %u, %u bits\n", i, cases[i].stage,
			      cases[i].granule, cases[i].va_bits);
		for (unsigned int coherent = 0; coherent < 2; coherent++) {
			c.coherent = coherent;
			assert_int_equal(uiommu_pt_arm_lpae_init(&pt, &c), 0);
			uiommu_pt_arm_lpae_regs(&pt, &regs);
			assert_int_equal(host_pages(host), bytes / 4096);
			assert_int_equal(regs.ttb % bytes, 0);
			assert_int_equal(regs.ttb, (uintptr_t)pt.root - pt.direct_map);
			assert_int_equal(regs.tsz, cases[i].tsz);
			assert_int_equal(regs.tg, cases[i].tg);
			assert_int_equal(regs.ps, cases[i].ps);
			assert_int_equal(regs.sl0, cases[i].sl0);
			assert_int_equal(regs.sl0_2, 0);
			assert_int_equal(regs.ds, cases[i].lpa2);
			assert_int_equal(regs.irgn, coherent);
			assert_int_equal(regs.orgn, coherent);
			assert_int_equal(regs.sh, coherent ? 3 : 2);
			/* Attr0 Normal non-cacheable, Attr1 Normal write-back, Attr2 Device-nGnRE. */
			assert_int_equal(regs.mair, cases[i].stage == 1 ? 0x04ff44 : 0);
			uiommu_pt_arm_lpae_destroy(&pt);
		}
		host_delete(host);
	}
}

static void test_sizes(void **state)
{
	struct uiommu_pt_config c = config(NULL, 1, K4, false, 48, 48, 0);

	(void)state;
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, false), K4 | M2 | G1);
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, true), K4 | 16 * K4 | M2 | 16 * M2 | G1);
	c.arm.granule = K16;
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, false), K16 | M32);
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, true), K16 | 128 * K16 | M32 | 32 * M32);
	c.arm.lpa2 = true;
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, false), K16 | M32 | G64);
	c = config(NULL, 1, K64, false, 48, 48, 0);
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, true), K64 | 32 * K64 | M512 | 32 * M512);
	c.pa_bits = 52;
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, false), K64 | M512 | T4);
	c.arm.granule = 8192;
	assert_int_equal(uiommu_pt_arm_lpae_sizes(&c, true), 0);
}

static void test_refused(void **state)
{
	struct host *host = host_new(64, 0);
	struct uiommu_pt_config bad[] = {
		config(host, 0, K4, false, 48, 48, K4), /* no stage */
		config(host, 3, K4, false, 48, 48, K4),
		config(host, 1, 8192, false, 48, 48, 8192), /* no granule */
		config(host, 1, K64, true, 48, 48, K64), /* 64K has 52 bits without LPA2 */
		config(host, 1, K4, false, 49, 48, K4), /* more than 48 bits need LPA2 */
		config(host, 1, K16, false, 48, 52, K16),
		config(host, 1, K4, true, 53, 52, K4),
		config(host, 1, K4, false, 31, 48, K4),
		config(host, 1, K4, false, 48, 46, K4), /* no such code */
		config(host, 1, K4, false, 48, 48, M2), /* the granule must be allowed */
		config(host, 1, K4, false, 48, 48, K4 | 32 * K4), /* no such leaf */
		config(host, 1, K16, false, 48, 48, K16 | G64), /* LPA2 only */
		config(host, 1, K64, false, 48, 48, K64 | T4), /* 52-bit addresses only */
		config(host, 1, K4, false, 48, 48,
		       K4 | 16 * M2), /* a run of blocks without blocks */
		config(host, 1, K4, false, 48, 48, K4 | 16 * K4), /* runs and dirty bits, below */
	};
	const size_t n = sizeof(bad) / sizeof(bad[0]);

	(void)state;
	bad[n - 1].dirty = true;
	for (size_t i = 0; i < n; i++) {
		struct uiommu_pt pt;

		print_message("case %zu\n", i);
		assert_int_equal(uiommu_pt_arm_lpae_init(&pt, &bad[i]), -UIOMMU_EINVAL);
		assert_int_equal(host_pages(host) + host_objects(host), 0);
	}
	host_delete(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regs),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
