/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_bytes.c - commands and entries as the specification draws them
 *
 * Each expected word was put together by hand from the figures of IHI 0070 (4.2 to 4.7 for commands, 5.2 and
 * 5.4 for entries), bit by bit; no constant of spec/smmuv3.h is used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/drivers/smmuv3/smmu.h"

static void check(struct smmu_command c, uint64_t word0, uint64_t word1)
{
	assert_int_equal(c.word[0], word0);
	assert_int_equal(c.word[1], word1);
}

static void test_commands(void **unused)
{
	(void)unused;
	/* Opcode in 7:0, StreamID in 63:32, SubstreamID in 31:12, SSV in 11. */
	check(smmu_cfgi_ste(0x12345678, true), 0x1234567800000003, 1);
	check(smmu_cfgi_ste(0x12345678, false), 0x1234567800000003, 0);
	check(smmu_cfgi_all(), 0x04, 31);
	check(smmu_cfgi_cd(0x10, 0xabcde, true), 0x00000010abcde005, 1);
	check(smmu_cfgi_cd(0x10, 0, false), 0x0000001000000005, 0);
	check(smmu_cfgi_cd_all(0xffffffff), 0xffffffff00000006, 0);
	/* VMID in 47:32, ASID in 63:48. */
	check(smmu_tlbi_asid(0x1234, 0x5678), 0x5678123400000011, 0);
	check(smmu_tlbi_va(0, 0xffff, 0xfffffffffffff000), 0xffff000000000012, 0xfffffffffffff000);
	check(smmu_tlbi_va(1, 2, 0x1fff), 0x0002000100000012, 0x1000);
	check(smmu_tlbi_vmid(0xffff), 0x0000ffff00000028, 0);
	check(smmu_tlbi_ipa(0x42, 0x123456789000), 0x000000420000002a, 0x123456789000);
	check(smmu_tlbi_nsnh_all(), 0x30, 0);
	check(smmu_tlbi_el2_all(), 0x20, 0);
	/* Size in 5:0 of the second word. */
	check(smmu_atc_inv(0x100, 0, 0x40000000, 9), 0x0000010000000040, 0x40000009);
	check(smmu_atc_inv(0x100, 5, 0, 52), 0x0000010000005840, 52);
	/* Ab in 13, STAG in 15:0 of the second word. */
	check(smmu_resume(9, 0xbeef, false), 0x0000000900002044, 0xbeef);
	check(smmu_resume(9, 0xbeef, true), 0x0000000900001044, 0xbeef);
	check(smmu_stall_term(9), 0x0000000900000045, 0);
	/* Success is 2, a failure 0 (4.5.2). */
	check(smmu_pri_resp(0x208, true, 5, 0x1ff, SMMUV3_PRI_SUCCESS), 0x0000020800005841, 0x21ff);
	check(smmu_pri_resp(0x208, false, 5, 7, SMMUV3_PRI_FAILURE), 0x0000020800000041, 7);
	check(smmu_pri_resp(0x208, false, 0, 7, SMMUV3_PRI_INVALID), 0x0000020800000041, 0x1007);
	/* CS in 13:12 (1: interrupt), MSH in 23:22 (3: inner), MSIAttr in 27:24, MSIData in 63:32. */
	check(smmu_sync(), 0x46, 0);
	check(smmu_sync_msi(0x80001004, 0xcafe), 0x0000cafe0fc01046, 0x80001004);
}

static void test_stage1(void **unused)
{
	const struct smmu_ste ste = {
		.kind = SMMU_STE_STAGE1,
		.cds = 0x876543000,
		.cd_log2 = 20,
		.cds_two_level = true,
		.s1dss = 2,
		.coherent = true,
		.ats = true,
	};
	uint64_t e[SMMU_QWORDS];

	(void)unused;
	uiommu_smmuv3_ste_make(&ste, e);
	/* V, Config 0b101 in 3:1, S1Fmt 0b01 in 5:4, S1CDMax 20 in 63:59. */
	assert_int_equal(e[0], 0xa00000087654301b);
	/* S1DSS 2, S1CIR 1 in 3:2, S1COR 1 in 5:4, S1CSH 3 in 7:6, EATS 1 in 29:28. */
	assert_int_equal(e[1], 0x100000d6);
	for (unsigned int i = 2; i < SMMU_QWORDS; i++)
		assert_int_equal(e[i], 0);
}

static void test_other_stages(void **unused)
{
	struct smmu_ste ste = { .kind = SMMU_STE_BYPASS, .incoming = true };
	uint64_t e[SMMU_QWORDS];

	(void)unused;
	uiommu_smmuv3_ste_make(&ste, e);
	assert_int_equal(e[0], 0x9); /* V, Config 0b100 */
	assert_int_equal(e[1], 0x0000100000000000); /* SHCFG 1 in 109:108 */
	ste = (struct smmu_ste){ .kind = SMMU_STE_REFUSE };
	uiommu_smmuv3_ste_make(&ste, e);
	assert_int_equal(e[0], 0);

	ste = (struct smmu_ste){
		.kind = SMMU_STE_STAGE2,
		.vmid = 0xabcd,
		.dirty = true,
		.s2 = { .ttb = 0x12345678000,
			.tsz = 20,
			.tg = 1,
			.irgn = 1,
			.orgn = 1,
			.sh = 3,
			.ps = 4,
			.sl0 = 1 },
	};
	uiommu_smmuv3_ste_make(&ste, e);
	assert_int_equal(e[0], 0xd); /* V, Config 0b110 */
	assert_int_equal(e[1], 0);
	/*
	 * From bit 128 on: VMID 15:0; T0SZ 20 in 37:32; SL0 1 in 39:38; IR0 1 in 41:40; OR0 1 in 43:42; SH0 3 in
	 * 45:44; TG 1 in 47:46; PS 4 in 50:48; AA64 51; HD 55; HA 56; R 58.
	 */
	assert_int_equal(e[2], 0x058c75540000abcd);
	assert_int_equal(e[3], 0x12345678000);
}

static void test_context(void **unused)
{
	const struct uiommu_pt_arm_regs regs = { .ttb = 0x9876543210c0,
						 .mair = 0x04ff44,
						 .tsz = 16,
						 .tg = 2,
						 .irgn = 1,
						 .orgn = 1,
						 .sh = 3,
						 .ps = 5 };
	struct smmu_cd cd = { .regs = &regs, .asid = 0x1234, .dirty = true };
	uint64_t e[SMMU_QWORDS];

	(void)unused;
	uiommu_smmuv3_cd_make(&cd, e);
	/*
	 * T0SZ 16 in 5:0; TG0 2 in 7:6; IR0 1 in 9:8; OR0 1 in 11:10; SH0 3 in 13:12; EPD1 30; V 31; IPS 5 in
	 * 34:32; AA64 41; HD 42; HA 43; R 45; A 46; ASET 47; ASID 63:48.
	 */
	assert_int_equal(e[0], 0x1234ee05c0003590);
	assert_int_equal(e[1], 0x9876543210c0);
	assert_int_equal(e[2], 0);
	assert_int_equal(e[3], 0x04ff44);
	cd = (struct smmu_cd){ .stall = true };
	uiommu_smmuv3_cd_make(&cd, e);
	/* EPD0 14, EPD1 30, V 31, AA64 41, S 44, R 45, A 46, ASET 47. */
	assert_int_equal(e[0], 0x0000f200c0004000);
	for (unsigned int i = 1; i < SMMU_QWORDS; i++)
		assert_int_equal(e[i], 0);
	/* A process that has exited: neither walks nor records, its ASID stays. */
	cd = (struct smmu_cd){ .asid = 0x1234, .quiet = true };
	uiommu_smmuv3_cd_make(&cd, e);
	assert_int_equal(e[0], 0x1234c200c0004000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_stage1),
		cmocka_unit_test(test_other_stages),
		cmocka_unit_test(test_context),
	};

	return cmocka_run_group_tests_name("smmuv3-bytes", tests, NULL, NULL);
}
