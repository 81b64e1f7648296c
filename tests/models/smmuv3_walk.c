/* SPDX-License-Identifier: MIT */
/* smmuv3_walk.c - translation: tables of both stages, the TLB, and what becomes of a fault */
#include "smmuv3_bench.h"

static void one_page(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, record[4];

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1234000, DMA_BASE + 0x3000, PTE_RW);
	assert_int_equal(ask(&b, 0x1234567, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x3567);
	assert_int_equal(t.size, 4096);
	assert_int_equal(t.access, MODEL_READ | MODEL_WRITE | MODEL_EXEC);
	assert_int_equal(ask(&b, 0x1235000, MODEL_WRITE, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SID), SID);
	assert_int_equal(record[1], smmuv3_set(SMMUV3_CLASS_IN, SMMUV3_EVT1_CLASS));
	assert_int_equal(record[2], 0x1235000);
	assert_int_equal(record[3], 0);
	assert_clean(&b);
	bench_close(&b);
}

/* DDI 0487 D8.4: unprivileged accesses need AP[1], writes AP[2] = 0; the record tells which access. */
static void permissions(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, record[4];

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW | PTE_RO);
	map(&b, root, 0x2000, DMA_BASE, PTE_AF | PTE_NG);
	map(&b, root, 0x3000, DMA_BASE, PTE_RW & ~PTE_AF);
	assert_int_equal(ask(&b, 0x1000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(ask(&b, 0x1000, MODEL_WRITE, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_PERMISSION);
	assert_int_equal(record[1] & SMMUV3_EVT1_RNW, 0);
	assert_int_equal(ask(&b, 0x2000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_PERMISSION);
	assert_int_not_equal(record[1] & SMMUV3_EVT1_RNW, 0);
	assert_int_equal(ask(&b, 0x3000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_ACCESS);
	assert_clean(&b);
	bench_close(&b);
}

/* The hierarchical bits of a table take away what its pages give. */
static void table_permissions(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, at;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	at = pte_at(&b, root, 0x1000, 2);
	put(&b, at, *word(&b, at) | UINT64_C(1) << 62);
	assert_int_equal(ask(&b, 0x1000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.access & MODEL_WRITE, 0);
	assert_int_equal(ask(&b, 0x1000, MODEL_WRITE, &t), MODEL_FAULT);
	bench_close(&b);
}

static void blocks(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	put(&b, pte_at(&b, root, 0x40000000, 1), 0x40000000 | PTE_BLOCK | PTE_RW);
	put(&b, pte_at(&b, root, 0x200000, 2),
	    (DMA_BASE & ~UINT64_C(0x1fffff)) | PTE_BLOCK | PTE_RW);
	assert_int_equal(ask(&b, 0x45678000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, 0x45678000);
	assert_int_equal(t.size, 1u << 30);
	assert_int_equal(ask(&b, 0x212345, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.size, 1u << 21);
	assert_clean(&b);
	/* Bits of the address below the block's size have to be 0. */
	put(&b, pte_at(&b, root, 0x400000, 2), (DMA_BASE + 0x3000) | PTE_BLOCK | PTE_RW);
	assert_int_equal(ask(&b, 0x400000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(b.reports[MODEL_REPORT_RESERVED], 1);
	bench_close(&b);
}

static void contiguous(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	for (uint64_t i = 0; i < 16; i++)
		map(&b, root, 0x10000 + i * 4096, DMA_BASE + 0x20000 + i * 4096, PTE_RW | PTE_CONT);
	assert_int_equal(ask(&b, 0x13004, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x23004);
	assert_int_equal(t.size, 1u << 16);
	/* All sixteen are one entry: another of them is answered by it. */
	put(&b, pte_at(&b, root, 0x1f000, 3), 0);
	assert_int_equal(to(&b, 0x1f000), DMA_BASE + 0x2f000);
	assert_clean(&b);
	bench_close(&b);
}

static void contiguous_wrong(void **state)
{
	struct bench b;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	for (uint64_t i = 0; i < 16; i++)
		map(&b, root, 0x10000 + i * 4096, DMA_BASE + 0x20000 + i * 4096,
		    PTE_RW | PTE_CONT | (i == 5 ? PTE_RO : 0));
	map(&b, root, 0x1a000, DMA_BASE, PTE_RW | PTE_CONT);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(to(&b, 0x13000), DMA_BASE + 0x23000);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	bench_close(&b);
}

/* Tables of the two other granules, and the 52-bit output addresses that 64K has. */
static void granules(void **state)
{
	static const struct {
		const char *preset;
		unsigned int tg, bits, levels, oas;
		uint64_t high;
	} cases[] = {
		{ "s1-16k", SMMUV3_TG0_16K, 14, 2, SMMUV3_SIZE_48, 0 },
		{ "s1-64k", SMMUV3_TG0_64K, 16, 2, SMMUV3_SIZE_48, 0 },
		{ "s1-52", SMMUV3_TG0_64K, 16, 2, SMMUV3_SIZE_52, UINT64_C(0xa) << 48 },
	};

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int bits = cases[i].bits;
		uint64_t size = UINT64_C(1) << bits, ste[8], cd[8], l2, l3;
		uint64_t iova = (UINT64_C(5) << (2 * bits - 3)) | UINT64_C(3) << bits;
		struct model_translation t;
		struct bench b;

		bench_open(&b, cases[i].preset);
		l2 = table(&b, size);
		l3 = table(&b, size);
		cd_words(cd, l2, ASID);
		/* As many bits as two levels have. */
		cd[0] &= ~(SMMUV3_CD0_T0SZ | SMMUV3_CD0_TG0 | SMMUV3_CD0_IPS);
		cd[0] |= smmuv3_set(64 - (bits + 2 * (bits - 3)), SMMUV3_CD0_T0SZ) |
			 smmuv3_set(cases[i].tg, SMMUV3_CD0_TG0) |
			 smmuv3_set(cases[i].oas, SMMUV3_CD0_IPS);
		for (unsigned int w = 0; w < 8; w++)
			put(&b, b.cds + 8 * w, cd[w]);
		ste_stage1(&b, ste, 0);
		set_ste(&b, ste);
		put(&b, l2 + 5 * 8, l3 | PTE_TABLE);
		/* OA[51:48] in bits 15:12. */
		put(&b, l3 + 3 * 8, DMA_BASE | cases[i].high >> 36 | PTE_PAGE | PTE_RW);
		assert_int_equal(ask(&b, iova | 0x123, MODEL_READ, &t), MODEL_OK);
		assert_int_equal(t.phys, DMA_BASE | cases[i].high | 0x123);
		assert_int_equal(t.size, size);
		assert_clean(&b);
		bench_close(&b);
	}
}

/* 3.4: an input address beyond T0SZ, and an output address beyond IPS. */
static void sizes(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, cd[8], record[4];

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	assert_int_equal(ask(&b, UINT64_C(1) << 39, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(ask(&b, UINT64_MAX - 4095, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	cd_words(cd, root, ASID);
	cd[0] = (cd[0] & ~SMMUV3_CD0_IPS) | smmuv3_set(SMMUV3_SIZE_36, SMMUV3_CD0_IPS);
	set_cd(&b, 0, cd);
	map(&b, root, 0x1000, UINT64_C(1) << 36, PTE_RW);
	assert_int_equal(ask(&b, 0x1000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_ADDR_SIZE);
	assert_clean(&b);
	/* Bits that would be addresses with 52 bits. */
	map(&b, root, 0x2000, DMA_BASE | UINT64_C(1) << 48, PTE_RW);
	assert_int_equal(ask(&b, 0x2000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(b.reports[MODEL_REPORT_RESERVED], 1);
	bench_close(&b);
}

/* TTB1 answers for addresses with bit 55 set; TBI lets the top byte be anything. */
static void upper_half(void **state)
{
	struct bench b;
	uint64_t ste[8], cd[8], low, high, top = UINT64_C(0xffffff8000000000);

	(void)state;
	bench_open(&b, "s1");
	low = page(&b);
	high = page(&b);
	cd_words(cd, low, ASID);
	cd[0] &= ~SMMUV3_CD0_EPD1;
	cd[0] |= smmuv3_set(25, SMMUV3_CD0_T1SZ) | smmuv3_set(SMMUV3_TG1_4K, SMMUV3_CD0_TG1) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_CD0_IR1) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_CD0_OR1) |
		 smmuv3_set(SMMUV3_SH_INNER, SMMUV3_CD0_SH1) | SMMUV3_CD0_TBI0;
	cd[2] = high;
	for (unsigned int i = 0; i < 8; i++)
		put(&b, b.cds + 8 * i, cd[i]);
	ste_stage1(&b, ste, 0);
	set_ste(&b, ste);
	map(&b, low, 0x1000, DMA_BASE, PTE_RW);
	map(&b, high, 0x1000, DMA_BASE + 0x1000, PTE_RW);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	assert_int_equal(to(&b, top | 0x1000), DMA_BASE + 0x1000);
	assert_int_equal(to(&b, UINT64_C(0x5a) << 56 | 0x1000), DMA_BASE);
	assert_int_equal(to(&b, (top | 0x1000) & ~(UINT64_C(1) << 63)), UINT64_MAX);
	assert_clean(&b);
	bench_close(&b);
}

static void stage2_only(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t ste[8], root, record[4];

	(void)state;
	bench_open(&b, "s2");
	root = page(&b);
	ste_stage2(&b, ste, root);
	set_ste(&b, ste);
	map(&b, root, 0x5000, DMA_BASE + 0x7000, S2_RW);
	map(&b, root, 0x6000, DMA_BASE, S2_RW & ~UINT64_C(0x80));
	assert_int_equal(ask(&b, 0x5010, MODEL_WRITE, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x7010);
	assert_int_equal(ask(&b, 0x6000, MODEL_WRITE, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_PERMISSION);
	assert_int_not_equal(record[1] & SMMUV3_EVT1_S2, 0);
	assert_int_equal(record[3], 0x6000);
	assert_int_equal(ask(&b, UINT64_C(1) << 39, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_clean(&b);
	bench_close(&b);
}

/* Tables side by side: 40 bits from level 1 are two of them (DDI 0487 D8.2.2). */
static void stage2_concatenated(void **state)
{
	struct bench b;
	uint64_t ste[8], root;

	(void)state;
	bench_open(&b, "s2");
	root = table(&b, 8192);
	ste_stage2(&b, ste, root);
	ste[2] = (ste[2] & ~SMMUV3_STE2_S2T0SZ) | smmuv3_set(24, SMMUV3_STE2_S2T0SZ);
	set_ste(&b, ste);
	put(&b, root + 513 * 8, 0x40000000 | PTE_BLOCK | S2_RW);
	assert_int_equal(to(&b, UINT64_C(513) << 30 | 0x1234), 0x40001234);
	assert_clean(&b);
	bench_close(&b);
}

/* A nested stream: @s2 identity over the bench's RAM, @s1 in intermediate addresses. */
static void nest(struct bench *b, uint64_t *s1, uint64_t *s2)
{
	uint64_t ste[8], two[8], cd[8];

	*s1 = page(b);
	*s2 = page(b);
	for (uint64_t at = 0; at < RAM_SIZE; at += 0x200000)
		put(b, pte_at(b, *s2, RAM_BASE + at, 2), (RAM_BASE + at) | PTE_BLOCK | S2_RW);
	cd_words(cd, *s1, ASID);
	for (unsigned int i = 0; i < 8; i++)
		put(b, b->cds + 8 * i, cd[i]);
	ste_stage1(b, ste, 0);
	ste_stage2(b, two, *s2);
	ste[0] = (ste[0] & ~SMMUV3_STE0_CONFIG) |
		 smmuv3_set(SMMUV3_CONFIG_NESTED, SMMUV3_STE0_CONFIG);
	ste[2] = two[2];
	ste[3] = two[3];
	set_ste(b, ste);
}

static void nested(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t s1, s2, record[4];

	(void)state;
	bench_open(&b, "nested");
	nest(&b, &s1, &s2);
	map(&b, s1, 0x1000, 0x9000, PTE_RW);
	put(&b, pte_at(&b, s2, 0x9000, 3), (DMA_BASE + 0x5000) | PTE_PAGE | S2_RW);
	assert_int_equal(ask(&b, 0x1008, MODEL_WRITE, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x5008);
	/* A page whose intermediate address stage 2 does not know. */
	map(&b, s1, 0x2000, 0x8000, PTE_RW);
	assert_int_equal(ask(&b, 0x2008, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(smmuv3_get(record[1], SMMUV3_EVT1_CLASS), SMMUV3_CLASS_IN);
	assert_int_not_equal(record[1] & SMMUV3_EVT1_S2, 0);
	assert_int_equal(record[2], 0x2008);
	assert_int_equal(record[3], 0x8000);
	/* A table of stage 1 that stage 2 does not know. */
	put(&b, pte_at(&b, s1, 0x40000000, 1), 0x7000 | PTE_TABLE);
	assert_int_equal(ask(&b, 0x40000000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(smmuv3_get(record[1], SMMUV3_EVT1_CLASS), SMMUV3_CLASS_TT);
	assert_int_equal(record[3], 0x7000);
	assert_clean(&b);
	bench_close(&b);
}

/* 4.4.3: what both stages gave together stays after TLBI_S2_IPA, and goes with TLBI_NH_ALL. */
static void nested_invalidation(void **state)
{
	struct bench b;
	uint64_t s1, s2, at;

	(void)state;
	bench_open(&b, "nested");
	nest(&b, &s1, &s2);
	map(&b, s1, 0x1000, 0x9000, PTE_RW);
	at = pte_at(&b, s2, 0x9000, 3);
	put(&b, at, (DMA_BASE + 0x5000) | PTE_PAGE | S2_RW);
	assert_int_equal(to(&b, 0x1000), DMA_BASE + 0x5000);
	put(&b, at, 0);
	tlbi(&b, SMMUV3_CMD_TLBI_S2_IPA, 0x9000, true);
	sync(&b);
	assert_int_equal(to(&b, 0x1000), DMA_BASE + 0x5000);
	queue(&b, SMMUV3_CMD_TLBI_NH_ALL | smmuv3_set(VMID, SMMUV3_CMD0_TLBI_VMID), 0);
	sync(&b);
	assert_int_equal(to(&b, 0x1000), UINT64_MAX);
	assert_clean(&b);
	bench_close(&b);
}

/* 3.13: the flags that hardware keeps. */
static void flags(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, ste[8], cd[8], at;

	(void)state;
	bench_open(&b, "s1-httu");
	root = page(&b);
	cd_words(cd, root, ASID);
	cd[0] |= SMMUV3_CD0_HA | SMMUV3_CD0_HD;
	for (unsigned int i = 0; i < 8; i++)
		put(&b, b.cds + 8 * i, cd[i]);
	ste_stage1(&b, ste, 0);
	set_ste(&b, ste);
	at = pte_at(&b, root, 0x1000, 3);
	put(&b, at, DMA_BASE | PTE_PAGE | PTE_NG | PTE_USER | PTE_RO | PTE_DBM);
	assert_int_equal(ask(&b, 0x1000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(*word(&b, at) & (PTE_AF | PTE_RO), PTE_AF | PTE_RO);
	assert_int_equal(ask(&b, 0x1000, MODEL_WRITE, &t), MODEL_OK);
	assert_int_equal(*word(&b, at) & (PTE_AF | PTE_RO | PTE_DBM), PTE_AF | PTE_DBM);
	/* Cleaned without an invalidation, the cached dirty entry answers and nothing is marked. */
	put(&b, at, *word(&b, at) | PTE_RO);
	assert_int_equal(ask(&b, 0x1000, MODEL_WRITE, &t), MODEL_OK);
	assert_int_equal(*word(&b, at) & PTE_RO, PTE_RO);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, 0x1000, true);
	sync(&b);
	assert_int_equal(ask(&b, 0x1000, MODEL_WRITE, &t), MODEL_OK);
	assert_int_equal(*word(&b, at) & PTE_RO, 0);
	assert_clean(&b);
	bench_close(&b);
}

/* A table outside the memory that hardware was given. */
static void wild_table(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, record[4];

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	put(&b, pte_at(&b, root, 0x40000000, 1), (DMA_BASE + 0x1000) | PTE_TABLE);
	assert_int_equal(ask(&b, 0x40001000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(b.reports[MODEL_REPORT_WILD], 1);
	assert_int_equal(event_type(&b, record), SMMUV3_F_WALK_EABT);
	assert_int_equal(record[3], DMA_BASE + 0x1000 + 8 * 0);
	bench_close(&b);
}

static void unflushed(void **state)
{
	struct bench b;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1-incoherent");
	root = stage1(&b);
	map(&b, root, 0x1000, DMA_BASE, PTE_RW);
	assert_int_equal(to(&b, 0x1000), DMA_BASE);
	assert_clean(&b);
	*word(&b, pte_at(&b, root, 0x2000, 3)) = (DMA_BASE + 0x1000) | PTE_PAGE | PTE_RW;
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(to(&b, 0x2000), UINT64_MAX);
	assert_int_equal(b.reports[MODEL_REPORT_UNFLUSHED], 1);
	bench_close(&b);
}

/* DDI 0487 D8.14: another address, or without BBML another size, only through an invalid descriptor. */
static void break_before_make(void **state)
{
	static const char *const presets[] = { "s1", "s1-noril" };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct bench b;
		uint64_t root, at, block = DMA_BASE & ~UINT64_C(0x1fffff);

		bench_open(&b, presets[i]);
		root = stage1(&b);
		at = pte_at(&b, root, 0x200000, 3);
		put(&b, at, DMA_BASE | PTE_PAGE | PTE_RW);
		assert_int_equal(to(&b, 0x200000), DMA_BASE);
		put(&b, at, (DMA_BASE + 0x1000) | PTE_PAGE | PTE_RW);
		assert_int_equal(to(&b, 0x200000), DMA_BASE);
		assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
		put(&b, at, DMA_BASE | PTE_PAGE | PTE_RW);
		forget(&b);
		/* The page becomes part of a block at the same address. */
		put(&b, pte_at(&b, root, 0x200000, 2), block | PTE_BLOCK | PTE_RW);
		assert_int_equal(to(&b, 0x200000), DMA_BASE);
		assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], i);
		bench_close(&b);
	}
}

/* A group with the contiguous hint goes away page by page while a device still reads the rest of it. */
static void contiguous_unmap(void **state)
{
	struct bench b;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1-noril");
	root = stage1(&b);
	for (uint64_t i = 0; i < 16; i++)
		map(&b, root, 0x10000 + i * 4096, DMA_BASE + 0x20000 + i * 4096, PTE_RW | PTE_CONT);
	assert_int_equal(to(&b, 0x1f000), DMA_BASE + 0x2f000);
	put(&b, pte_at(&b, root, 0x10000, 3), 0);
	assert_int_equal(to(&b, 0x1f000), DMA_BASE + 0x2f000);
	assert_clean(&b);
	/* Taking the hint away is another thing. */
	map(&b, root, 0x1f000, DMA_BASE + 0x2f000, PTE_RW);
	assert_int_equal(to(&b, 0x1f000), DMA_BASE + 0x2f000);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	bench_close(&b);
}

/* 3.9.1: a device of a split stream is told intermediate addresses, and sends them through stage 2. */
static void split_stages(void **state)
{
	struct model_smmuv3_config config;
	struct bench b;
	struct model_translation t;
	uint64_t s1, s2, record[4];

	(void)state;
	assert_true(model_smmuv3_preset("nested-ats", &config));
	bench_create(&b, &config);
	bench_queues(&b);
	cr0(&b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_ATSCHK);
	cr0(&b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_ATSCHK | SMMUV3_CR0_SMMUEN);
	nest(&b, &s1, &s2);
	put(&b, ste_at(&b) + 8,
	    *word(&b, ste_at(&b) + 8) | smmuv3_set(SMMUV3_EATS_SPLIT, SMMUV3_STE1_EATS));
	cfgi_ste(&b);
	map(&b, s1, 0x1000, 0x9000, PTE_RW);
	put(&b, pte_at(&b, s2, 0x9000, 3), (DMA_BASE + 0x5000) | PTE_PAGE | S2_RW);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, 0x1000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, 0x9000);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATED, 0x9010, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x5010);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATED, 0xa000, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_not_equal(record[1] & SMMUV3_EVT1_S2, 0);
	/* What is not translated goes all the way. */
	assert_int_equal(to(&b, 0x1000), DMA_BASE + 0x5000);
	assert_clean(&b);
	bench_close(&b);
}

/* STE.STRW: the regime of EL2 has commands of its own; with E2H it has ASIDs. */
static void regimes(void **state)
{
	(void)state;
	for (unsigned int e2h = 0; e2h < 2; e2h++) {
		struct model_smmuv3_config config;
		struct bench b;
		uint64_t ste[8], cd[8], root;

		assert_true(model_smmuv3_preset("nested", &config));
		config.hyp = true;
		bench_create(&b, &config);
		bench_queues(&b);
		wr(&b, SMMUV3_REG_CR2,
		   SMMUV3_CR2_RECINVSID | SMMUV3_CR2_PTM | (e2h ? SMMUV3_CR2_E2H : 0));
		queue(&b, SMMUV3_CMD_TLBI_EL2_ALL, 0);
		sync(&b);
		cr0(&b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_SMMUEN);
		root = page(&b);
		cd_words(cd, root, ASID);
		for (unsigned int i = 0; i < 8; i++)
			put(&b, b.cds + 8 * i, cd[i]);
		ste_stage1(&b, ste, 0);
		ste[1] |= smmuv3_set(SMMUV3_STRW_EL2, SMMUV3_STE1_STRW);
		set_ste(&b, ste);
		map(&b, root, 0x1000, DMA_BASE, PTE_RW);
		assert_int_equal(to(&b, 0x1000), DMA_BASE);
		put(&b, pte_at(&b, root, 0x1000, 3), 0);
		queue(&b, SMMUV3_CMD_TLBI_NSNH_ALL, 0);
		queue(&b, SMMUV3_CMD_TLBI_EL2_VA | (uint64_t)(ASID + 1) << 48, 0x2000);
		sync(&b);
		assert_int_equal(to(&b, 0x1000), DMA_BASE);
		/* Of another ASID; without E2H there are none. */
		queue(&b, SMMUV3_CMD_TLBI_EL2_VA | (uint64_t)(ASID + 1) << 48, 0x1000);
		sync(&b);
		assert_int_equal(to(&b, 0x1000), e2h ? DMA_BASE : UINT64_MAX);
		queue(&b, SMMUV3_CMD_TLBI_EL2_ALL, 0);
		sync(&b);
		assert_int_equal(to(&b, 0x1000), UINT64_MAX);
		assert_clean(&b);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_page),
		cmocka_unit_test(permissions),
		cmocka_unit_test(table_permissions),
		cmocka_unit_test(blocks),
		cmocka_unit_test(contiguous),
		cmocka_unit_test(contiguous_wrong),
		cmocka_unit_test(contiguous_unmap),
		cmocka_unit_test(granules),
		cmocka_unit_test(sizes),
		cmocka_unit_test(upper_half),
		cmocka_unit_test(stage2_only),
		cmocka_unit_test(stage2_concatenated),
		cmocka_unit_test(nested),
		cmocka_unit_test(nested_invalidation),
		cmocka_unit_test(flags),
		cmocka_unit_test(wild_table),
		cmocka_unit_test(unflushed),
		cmocka_unit_test(break_before_make),
		cmocka_unit_test(split_stages),
		cmocka_unit_test(regimes),
	};

	return cmocka_run_group_tests_name("model smmuv3 walk", tests, NULL, NULL);
}
