/* SPDX-License-Identifier: MIT */
/* smmuv3_config.c - stream tables and CD tables: shapes, substreams, illegal ones, and their changes */
#include "smmuv3_bench.h"

static void streams(void **state)
{
	struct bench b;
	struct model_request r = { .source_id = 1 << STREAM_BITS, .size = 4, .access = MODEL_READ };
	struct model_translation t;
	uint64_t record[4];

	(void)state;
	bench_open(&b, "s1");
	/* Not valid. */
	assert_int_equal(ask(&b, 0, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_STE);
	/* Beyond the table; recorded since CR2.RECINVSID is set. */
	assert_int_equal(b.port.iommu.translate(&b.port, &r, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_STREAMID);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SID), 1u << STREAM_BITS);
	assert_clean(&b);
	bench_close(&b);
}

static void abort_and_bypass(void **state)
{
	struct bench b;
	uint64_t ste[8] = { SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_BYPASS, SMMUV3_STE0_CONFIG),
			    smmuv3_set(SMMUV3_SHCFG_INCOMING, SMMUV3_STE1_SHCFG) };
	uint64_t record[4];

	(void)state;
	bench_open(&b, "s1");
	set_ste(&b, ste);
	assert_int_equal(to(&b, 0x12345678), 0x12345678);
	assert_int_equal(to(&b, UINT64_C(1) << 48), UINT64_MAX);
	assert_int_equal(event_type(&b, record), SMMUV3_F_ADDR_SIZE);
	ste[0] = SMMUV3_STE0_V;
	put(&b, ste_at(&b), ste[0]);
	cfgi_ste(&b);
	assert_int_equal(to(&b, 0x12345678), UINT64_MAX);
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

/* 6.3.14, 6.3.9: without SMMUEN, GBPA decides. */
static void disabled(void **state)
{
	struct model_smmuv3_config config;
	struct bench b;

	(void)state;
	assert_true(model_smmuv3_preset("s1", &config));
	bench_create(&b, &config);
	assert_int_equal(to(&b, 0x1000), 0x1000);
	wr(&b, SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE | SMMUV3_GBPA_ABORT);
	assert_int_equal(rd(&b, SMMUV3_REG_GBPA), SMMUV3_GBPA_ABORT);
	assert_int_equal(to(&b, 0x1000), UINT64_MAX);
	assert_clean(&b);
	bench_close(&b);
}

static void two_levels(void **state)
{
	struct model_smmuv3_config config;
	struct bench b;
	uint64_t l1, l2, record[4];

	(void)state;
	assert_true(model_smmuv3_preset("s1", &config));
	bench_create(&b, &config);
	l1 = page(&b);
	l2 = page(&b);
	bench_queues(&b);
	model_smmuv3_write64(b.smmu, SMMUV3_REG_STRTAB_BASE, l1);
	wr(&b, SMMUV3_REG_STRTAB_BASE_CFG,
	   10 | (uint32_t)smmuv3_set(SMMUV3_SPLIT_4K, SMMUV3_STRTAB_BASE_CFG_SPLIT) |
		   (uint32_t)smmuv3_set(SMMUV3_STRTAB_2LEVEL, SMMUV3_STRTAB_BASE_CFG_FMT));
	cr0(&b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_SMMUEN);
	put(&b, l2 + SID * 64 + 8, smmuv3_set(SMMUV3_SHCFG_INCOMING, SMMUV3_STE1_SHCFG));
	put(&b, l2 + SID * 64,
	    SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_BYPASS, SMMUV3_STE0_CONFIG));
	put(&b, l1, l2 | 7);
	/* The L1STD was cached as it was when the unit was enabled; LEAF = 1 does not name it (4.3.1). */
	queue(&b, SMMUV3_CMD_CFGI_STE | smmuv3_set(SID, SMMUV3_CMD0_SID), SMMUV3_CMD1_CFGI_LEAF);
	sync(&b);
	assert_int_equal(to(&b, 0x1000), UINT64_MAX);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_STREAMID);
	queue(&b, SMMUV3_CMD_CFGI_STE | smmuv3_set(SID, SMMUV3_CMD0_SID), 0);
	sync(&b);
	assert_int_equal(to(&b, 0x1000), 0x1000);
	assert_clean(&b);
	bench_close(&b);
}

/* 5.2: each of these makes an STE ILLEGAL, and so C_BAD_STE. */
static void illegal_stes(void **state)
{
	static const struct {
		const char *preset;
		unsigned int config, word;
		uint64_t clear, set;
	} cases[] = {
		{ "s1", SMMUV3_CONFIG_S2, 0, 0, 0 }, /* no stage 2 */
		{ "s2", SMMUV3_CONFIG_S1, 0, 0, 0 },
		{ "s1", SMMUV3_CONFIG_S1, 0, 0, UINT64_C(21) << 59 }, /* S1CDMAX */
		{ "s1", SMMUV3_CONFIG_S1, 1, 0, SMMUV3_STE1_S1STALLD },
		{ "s2", SMMUV3_CONFIG_S2, 2, SMMUV3_STE2_S2TG, UINT64_C(3) << 46 },
		{ "s2", SMMUV3_CONFIG_S2, 2, SMMUV3_STE2_S2T0SZ, UINT64_C(10) << 32 },
		{ "s2", SMMUV3_CONFIG_S2, 2, 0, SMMUV3_STE2_S2HA },
		{ "s2", SMMUV3_CONFIG_S2, 2, 0, SMMUV3_STE2_S2S },
		{ "s2", SMMUV3_CONFIG_S2, 2, SMMUV3_STE2_S2SL0, UINT64_C(2) << 38 },
		{ "s2", SMMUV3_CONFIG_S2, 2, SMMUV3_STE2_S2AA64, 0 },
		{ "nested-ats", SMMUV3_CONFIG_S1, 1, 0,
		  UINT64_C(2) << 28 }, /* split stages without a second one */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		uint64_t ste[8], cd[8], root, record[4];

		bench_open(&b, cases[i].preset);
		root = page(&b);
		cd_words(cd, root, ASID);
		for (unsigned int w = 0; w < 8; w++)
			put(&b, b.cds + 8 * w, cd[w]);
		if (cases[i].config == SMMUV3_CONFIG_S1)
			ste_stage1(&b, ste, 0);
		else
			ste_stage2(&b, ste, root);
		ste[cases[i].word] = (ste[cases[i].word] & ~cases[i].clear) | cases[i].set;
		set_ste(&b, ste);
		assert_int_equal(to(&b, 0x1000), UINT64_MAX);
		if (event_type(&b, record) != SMMUV3_C_BAD_STE)
			fail_msg("case %u: event %u", i, (unsigned int)(record[0] & 0xff));
		bench_close(&b);
	}
}

static void illegal_cds(void **state)
{
	static const struct {
		unsigned int word;
		uint64_t clear, set;
	} cases[] = {
		{ 0, SMMUV3_CD0_V, 0 },
		{ 0, SMMUV3_CD0_A, 0 }, /* IDR0.TERM_MODEL */
		{ 0, 0, SMMUV3_CD0_S }, /* STALL_MODEL */
		{ 0, SMMUV3_CD0_AA64, 0 },
		{ 0, 0, SMMUV3_CD0_ENDI },
		{ 0, 0, SMMUV3_CD0_HA }, /* no HTTU */
		{ 0, SMMUV3_CD0_TG0, UINT64_C(3) << 6 },
		{ 0, SMMUV3_CD0_T0SZ, 49 },
		{ 0, SMMUV3_CD0_T0SZ, 12 },
		{ 1, 0, UINT64_C(1) << 50 }, /* TTB0 beyond IPS */
		{ 0, SMMUV3_CD0_EPD1, UINT64_C(25) << 16 }, /* TG1 reserved */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		uint64_t ste[8], cd[8], record[4];

		bench_open(&b, "s1");
		cd_words(cd, page(&b), ASID);
		cd[cases[i].word] = (cd[cases[i].word] & ~cases[i].clear) | cases[i].set;
		for (unsigned int w = 0; w < 8; w++)
			put(&b, b.cds + 8 * w, cd[w]);
		ste_stage1(&b, ste, 0);
		set_ste(&b, ste);
		assert_int_equal(to(&b, 0x1000), UINT64_MAX);
		if (event_type(&b, record) != SMMUV3_C_BAD_CD)
			fail_msg("case %u: event %u", i, (unsigned int)(record[0] & 0xff));
		bench_close(&b);
	}
}

static void reserved_bits(void **state)
{
	struct bench b;
	uint64_t ste[8], cd[8], root;

	(void)state;
	bench_open(&b, "s1");
	root = page(&b);
	cd_words(cd, root, ASID);
	for (unsigned int w = 0; w < 8; w++)
		put(&b, b.cds + 8 * w, cd[w]);
	ste_stage1(&b, ste, 0);
	ste[5] = 1;
	set_ste(&b, ste);
	assert_int_equal(to(&b, 0x1000), UINT64_MAX);
	assert_true(b.reports[MODEL_REPORT_RESERVED] >= 1);
	bench_close(&b);
}

/* S1DSS (5.2): what a request without SubstreamID meets beside substreams. */
static void substreams(void **state)
{
	static const unsigned int dss[] = { SMMUV3_S1DSS_TERMINATE, SMMUV3_S1DSS_BYPASS,
					    SMMUV3_S1DSS_SSID0 };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		struct model_translation t;
		struct bench b;
		uint64_t ste[8], cd[8], roots[2], record[4];

		bench_open(&b, "s1");
		for (uint32_t n = 0; n < 2; n++) {
			roots[n] = page(&b);
			map(&b, roots[n], 0x1000, DMA_BASE + n * 0x1000, PTE_RW);
			cd_words(cd, roots[n], (uint16_t)(ASID + n));
			for (unsigned int w = 0; w < 8; w++)
				put(&b, b.cds + 5 * n * 64 + 8 * w, cd[w]);
		}
		ste_stage1(&b, ste, 6);
		ste[1] = (ste[1] & ~SMMUV3_STE1_S1DSS) | dss[i];
		set_ste(&b, ste);
		assert_int_equal(ask_pasid(&b, 5, 0x1000, MODEL_READ, &t), MODEL_OK);
		assert_int_equal(t.phys, DMA_BASE + 0x1000);
		if (dss[i] == SMMUV3_S1DSS_TERMINATE) {
			assert_int_equal(to(&b, 0x1000), UINT64_MAX);
			assert_int_equal(event_type(&b, record), SMMUV3_F_STREAM_DISABLED);
		} else {
			assert_int_equal(to(&b, 0x1000),
					 dss[i] == SMMUV3_S1DSS_BYPASS ? 0x1000 : DMA_BASE);
		}
		if (dss[i] == SMMUV3_S1DSS_SSID0) {
			assert_int_equal(ask_pasid(&b, 0, 0x1000, MODEL_READ, &t), MODEL_FAULT);
			assert_int_equal(event_type(&b, record), SMMUV3_F_STREAM_DISABLED);
		}
		assert_int_equal(ask_pasid(&b, 64, 0x1000, MODEL_READ, &t), MODEL_FAULT);
		assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_SUBSTREAMID);
		assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SSID), 64);
		assert_int_equal(ask_pasid(&b, 7, 0x1000, MODEL_READ, &t), MODEL_FAULT);
		assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_CD);
		assert_clean(&b);
		bench_close(&b);
	}
}

static void cd_two_levels(void **state)
{
	struct model_translation t;
	struct bench b;
	uint64_t ste[8], cd[8], root, leaf, record[4];

	(void)state;
	bench_open(&b, "s1");
	root = page(&b);
	leaf = page(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	ste_stage1(&b, ste, 10);
	ste[0] |= smmuv3_set(SMMUV3_S1FMT_4K, SMMUV3_STE0_S1FMT);
	ste[1] &= ~SMMUV3_STE1_S1DSS;
	set_ste(&b, ste);
	assert_int_equal(ask_pasid(&b, 200, 0x1000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_SUBSTREAMID);
	cd_words(cd, root, ASID);
	for (unsigned int w = 0; w < 8; w++)
		put(&b, leaf + (200 % 64) * 64 + 8 * w, cd[w]);
	put(&b, b.cds + 200 / 64 * 8, leaf | SMMUV3_L1CD_V);
	cfgi_cd(&b, 200); /* with Leaf = 1: the L1CD stays cached */
	assert_int_equal(ask_pasid(&b, 200, 0x1000, MODEL_READ, &t), MODEL_FAULT);
	queue(&b,
	      SMMUV3_CMD_CFGI_CD | smmuv3_set(SID, SMMUV3_CMD0_SID) |
		      smmuv3_set(200, SMMUV3_CMD0_SSID),
	      0);
	sync(&b);
	assert_int_equal(ask_pasid(&b, 200, 0x1000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE);
	assert_clean(&b);
	bench_close(&b);
}

/* An STE that changes without CMD_CFGI_STE stays what it was, and its use is reported. */
static void stale_ste(void **state)
{
	struct bench b;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	put(&b, ste_at(&b), SMMUV3_STE0_V);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	assert_clean(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_non_null(strstr(b.last.text, "CFGI_STE"));
	bench_close(&b);
}

/* A CD that was not valid when hardware looked is remembered so (5.4.1). */
static void stale_cd(void **state)
{
	struct model_translation t;
	struct bench b;
	uint64_t ste[8], cd[8], root;

	(void)state;
	bench_open(&b, "s1");
	root = page(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	ste_stage1(&b, ste, 6);
	set_ste(&b, ste);
	cd_words(cd, root, ASID);
	for (unsigned int w = 8; w-- > 0;)
		put(&b, b.cds + 3 * 64 + 8 * w, cd[w]);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(ask_pasid(&b, 3, 0x1000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_non_null(strstr(b.last.text, "CFGI_CD"));
	cfgi_cd(&b, 3);
	assert_int_equal(ask_pasid(&b, 3, 0x1000, MODEL_READ, &t), MODEL_OK);
	/* Its words were filled in and it was made valid in one go: a mixture could have been seen. */
	assert_int_equal(b.reports[MODEL_REPORT_TORN], 1);
	bench_close(&b);
}

/* 3.21.3: from stage 1 to stage 2 two words count on both sides; there is no way without a gap ... */
static void torn_ste(void **state)
{
	struct bench b;
	uint64_t ste[8], root, two;

	(void)state;
	bench_open(&b, "nested");
	root = stage1(&b);
	two = page(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	ste_stage2(&b, ste, two);
	ste[2] = (ste[2] & ~SMMUV3_STE2_S2VMID) | 9;
	for (unsigned int w = 0; w < 4; w++)
		put(&b, ste_at(&b) + 8 * w, ste[w]);
	cfgi_ste(&b);
	assert_int_equal(b.reports[MODEL_REPORT_TORN], 1);
	bench_close(&b);
}

/* ... but with bypass there is: words that do not count yet, the one that does, the rest. */
static void hitless_ste(void **state)
{
	struct bench b;
	uint64_t ste[8], root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	ste_stage1(&b, ste, 0);
	put(&b, ste_at(&b), SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_BYPASS, SMMUV3_STE0_CONFIG));
	cfgi_ste(&b);
	assert_int_equal(to(&b, 0x1000), 0x1000);
	put(&b, ste_at(&b) + 8, smmuv3_set(SMMUV3_SHCFG_INCOMING, SMMUV3_STE1_SHCFG));
	cfgi_ste(&b);
	assert_int_equal(to(&b, 0x1000), 0x1000);
	put(&b, ste_at(&b) + 8, ste[1]);
	cfgi_ste(&b);
	put(&b, ste_at(&b), ste[0]);
	cfgi_ste(&b);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	assert_clean(&b);
	bench_close(&b);
}

/* A valid CD whose ASID and table change together. */
static void torn_cd(void **state)
{
	struct bench b;
	uint64_t cd[8], root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	cd_words(cd, page(&b), ASID + 1);
	put(&b, b.cds, cd[0]);
	put(&b, b.cds + 8, cd[1]);
	cfgi_cd(&b, 0);
	assert_int_equal(b.reports[MODEL_REPORT_TORN], 1);
	forget(&b);
	/* One word alone is one step. */
	put(&b, b.cds + 8, root);
	cfgi_cd(&b, 0);
	assert_clean(&b);
	/* The same through an invalid one. */
	cd_words(cd, page(&b), ASID);
	set_cd(&b, 0, cd);
	assert_clean(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),	 cmocka_unit_test(abort_and_bypass),
		cmocka_unit_test(disabled),	 cmocka_unit_test(two_levels),
		cmocka_unit_test(illegal_stes),	 cmocka_unit_test(illegal_cds),
		cmocka_unit_test(reserved_bits), cmocka_unit_test(substreams),
		cmocka_unit_test(cd_two_levels), cmocka_unit_test(stale_ste),
		cmocka_unit_test(stale_cd),	 cmocka_unit_test(torn_ste),
		cmocka_unit_test(hitless_ste),	 cmocka_unit_test(torn_cd),
	};

	return cmocka_run_group_tests_name("model smmuv3 configuration", tests, NULL, NULL);
}
