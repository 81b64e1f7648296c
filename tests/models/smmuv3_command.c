/* SPDX-License-Identifier: MIT */
/* smmuv3_command.c - the command queue: what each command drops and when, what is illegal, device TLBs */
#include "smmuv3_bench.h"

#define IOVA 0x1000u

/* Three pages that are cached and then taken from the tables. */
static uint64_t cached_pages(struct bench *b)
{
	uint64_t root = stage1(b);

	for (uint64_t i = 0; i < 3; i++) {
		map(b, root, IOVA + i * 4096, DMA_BASE + i * 4096, PTE_RW);
		assert_int_equal(to(b, IOVA + i * 4096), DMA_BASE + i * 4096);
		put(b, pte_at(b, root, IOVA + i * 4096, 3), 0);
	}
	return root;
}

/* Which of the three are still cached, as bits. */
static unsigned int left(struct bench *b)
{
	unsigned int bits = 0;
	uint64_t record[4];

	for (uint64_t i = 0; i < 3; i++)
		bits |= (to(b, IOVA + i * 4096) != UINT64_MAX) << i;
	while (event(b, record))
		;
	return bits;
}

static void tlbi_tags(void **state)
{
	static const struct {
		uint64_t c0, c1;
		unsigned int left;
	} cases[] = {
		{ SMMUV3_CMD_TLBI_NSNH_ALL, 0, 0 },
		{ SMMUV3_CMD_TLBI_NH_ALL | (uint64_t)VMID << 32, 0, 0 },
		{ SMMUV3_CMD_TLBI_NH_ALL | (uint64_t)(VMID + 1) << 32, 0, 7 },
		{ SMMUV3_CMD_TLBI_S12_VMALL | (uint64_t)VMID << 32, 0, 0 },
		{ SMMUV3_CMD_TLBI_NH_ASID | (uint64_t)VMID << 32 | (uint64_t)ASID << 48, 0, 0 },
		{ SMMUV3_CMD_TLBI_NH_ASID | (uint64_t)VMID << 32 | (uint64_t)(ASID + 1) << 48, 0,
		  7 },
		{ SMMUV3_CMD_TLBI_NH_VA | (uint64_t)VMID << 32 | (uint64_t)ASID << 48, 0x2000, 5 },
		{ SMMUV3_CMD_TLBI_NH_VA | (uint64_t)VMID << 32 | (uint64_t)ASID << 48, 0x2001, 5 },
		{ SMMUV3_CMD_TLBI_NH_VA | (uint64_t)VMID << 32, 0x2000, 7 },
		{ SMMUV3_CMD_TLBI_NH_VAA | (uint64_t)VMID << 32, 0x3000, 3 },
		{ SMMUV3_CMD_TLBI_NH_VAA, 0x3000, 7 },
		{ SMMUV3_CMD_TLBI_S2_IPA | (uint64_t)VMID << 32, 0x1000, 7 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_open(&b, "nested");
		cached_pages(&b);
		queue(&b, cases[i].c0, cases[i].c1);
		/* 4.7.3: nothing is sure before the CMD_SYNC. */
		assert_int_equal(left(&b), 7);
		sync(&b);
		if (left(&b) != cases[i].left)
			fail_msg("case %u", i);
		assert_clean(&b);
		bench_close(&b);
	}
}

/* 4.4.1.1: ranges, and hints that must be right. */
static void tlbi_range(void **state)
{
	const uint64_t op = SMMUV3_CMD_TLBI_NH_VA | (uint64_t)ASID << 48;
	static const struct {
		uint64_t num, scale, ttl, tg, address;
		unsigned int left, reports;
	} cases[] = {
		{ 0, 0, 3, SMMUV3_TLBI_TG_4K, 0x1000, 6, 0 },
		{ 1, 0, 3, SMMUV3_TLBI_TG_4K, 0x1000, 4, 0 },
		{ 2, 0, 0, SMMUV3_TLBI_TG_4K, 0x1000, 0, 0 },
		{ 0, 1, 0, SMMUV3_TLBI_TG_4K, 0x2000, 1, 0 },
		{ 1, 0, 2, SMMUV3_TLBI_TG_4K, 0x1000, 7, 0 }, /* no leaf is at level 2 */
		{ 1, 0, 3, SMMUV3_TLBI_TG_16K, 0, 7, 0 }, /* no leaf has this granule */
		{ 0, 0, 0, SMMUV3_TLBI_TG_4K, 0x1000, 7, 1 }, /* reserved */
		{ 1, 0, 3, SMMUV3_TLBI_TG_16K, 0x1000, 7, 1 }, /* not aligned */
		{ 31, 31, 0, SMMUV3_TLBI_TG_4K, 0, 0, 0 }, /* everything */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_open(&b, "s1");
		cached_pages(&b);
		queue(&b,
		      op | smmuv3_set(cases[i].num, SMMUV3_CMD0_TLBI_NUM) |
			      smmuv3_set(cases[i].scale, SMMUV3_CMD0_TLBI_SCALE),
		      cases[i].address | smmuv3_set(cases[i].ttl, SMMUV3_CMD1_TLBI_TTL) |
			      smmuv3_set(cases[i].tg, SMMUV3_CMD1_TLBI_TG) | SMMUV3_CMD1_TLBI_LEAF);
		sync(&b);
		if (left(&b) != cases[i].left || all_reports(&b) != cases[i].reports)
			fail_msg("case %u: %u left, %u reports", i, left(&b), all_reports(&b));
		bench_close(&b);
	}
}

static void tlbi_range_without_ril(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1-noril");
	cached_pages(&b);
	queue(&b,
	      SMMUV3_CMD_TLBI_NH_VA | (uint64_t)ASID << 48 | smmuv3_set(2, SMMUV3_CMD0_TLBI_NUM),
	      0x1000 | smmuv3_set(SMMUV3_TLBI_TG_4K, SMMUV3_CMD1_TLBI_TG));
	sync(&b);
	assert_int_equal(left(&b), 6);
	assert_int_equal(b.reports[MODEL_REPORT_RESERVED], 1);
	bench_close(&b);
}

/* A global entry answers any ASID, survives an invalidation by ASID, and goes by address. */
static void global_entries(void **state)
{
	struct bench b;
	uint64_t root;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, IOVA, DMA_BASE, PTE_RW & ~PTE_NG);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	put(&b, pte_at(&b, root, IOVA, 3), 0);
	queue(&b, SMMUV3_CMD_TLBI_NH_ASID | (uint64_t)ASID << 48, 0);
	sync(&b);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	queue(&b, SMMUV3_CMD_TLBI_NH_VA | (uint64_t)(ASID + 1) << 48, IOVA);
	sync(&b);
	assert_int_equal(to(&b, IOVA), UINT64_MAX);
	assert_clean(&b);
	bench_close(&b);
}

/* Leaf = 1 keeps what is known of tables: one that was freed and replaced is still walked. */
static void walk_cache(void **state)
{
	struct bench b;
	uint64_t root, old, fresh;

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	old = pte_at(&b, root, IOVA, 2);
	fresh = page(&b);
	put(&b, fresh + 8, (DMA_BASE + 0x9000) | PTE_PAGE | PTE_RW);
	put(&b, old, fresh | PTE_TABLE);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, true);
	sync(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, false);
	sync(&b);
	assert_int_equal(to(&b, IOVA), DMA_BASE + 0x9000);
	bench_close(&b);
}

static void no_sync(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	cached_pages(&b);
	queue(&b, SMMUV3_CMD_TLBI_NH_ASID | (uint64_t)ASID << 48, 0);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_non_null(strstr(b.last.text, "CMD_SYNC"));
	sync(&b);
	assert_int_equal(to(&b, IOVA), UINT64_MAX);
	bench_close(&b);
}

static void stale(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	cached_pages(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_clean(&b);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_int_equal(b.last.phys_used, DMA_BASE);
	assert_int_equal(b.last.phys_now, UINT64_MAX);
	assert_int_equal(b.last.iova, IOVA);
	bench_close(&b);
}

/* 7.1: each stops the queue at itself with CERROR_ILL, and acknowledging lets it go on. */
static void illegal_commands(void **state)
{
	static const struct {
		const char *preset;
		uint64_t c0, c1;
	} cases[] = {
		{ "nested", 0x00, 0 },
		{ "nested", 0xff, 0 },
		{ "nested", SMMUV3_CMD_TLBI_EL3_ALL, 0 },
		{ "nested", SMMUV3_CMD_CFGI_STE | SMMUV3_CMD0_SSEC, 0 },
		{ "nested", SMMUV3_CMD_TLBI_EL2_ALL, 0 }, /* no IDR0.HYP */
		{ "s1", SMMUV3_CMD_TLBI_S12_VMALL, 0 },
		{ "s1", SMMUV3_CMD_TLBI_S2_IPA, 0 },
		{ "s2", SMMUV3_CMD_TLBI_NH_ALL, 0 },
		{ "s2", SMMUV3_CMD_CFGI_CD, 0 },
		{ "s2", SMMUV3_CMD_CFGI_CD_ALL, 0 },
		{ "nested", SMMUV3_CMD_ATC_INV, 0 }, /* no IDR0.ATS */
		{ "nested-ats", SMMUV3_CMD_ATC_INV, 53 },
		{ "nested-ats", SMMUV3_CMD_PRI_RESP, 0 }, /* no IDR0.PRI */
		{ "nested", SMMUV3_CMD_RESUME, 0 },
		{ "nested", SMMUV3_CMD_STALL_TERM, 0 },
		{ "nested", SMMUV3_CMD_SYNC | 3u << 12, 0 },
		{ "s1-small", SMMUV3_CMD_CFGI_CD | 1u << 12, 0 }, /* no substreams */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		uint32_t at;

		bench_open(&b, cases[i].preset);
		at = rd(&b, SMMUV3_REG_CMDQ_CONS);
		queue(&b, cases[i].c0, cases[i].c1);
		queue(&b, SMMUV3_CMD_SYNC, 0);
		if (rd(&b, SMMUV3_REG_CMDQ_CONS) != (at | SMMUV3_CERROR_ILL << 24))
			fail_msg("case %u", i);
		assert_int_equal(rd(&b, SMMUV3_REG_GERROR), SMMUV3_GERROR_CMDQ_ERR);
		assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
		/* Software puts a CMD_SYNC in its place. */
		put(&b, b.cmdq + at * 16, SMMUV3_CMD_SYNC);
		put(&b, b.cmdq + at * 16 + 8, 0);
		wr(&b, SMMUV3_REG_GERRORN, SMMUV3_GERROR_CMDQ_ERR);
		assert_int_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), at + 2);
		assert_int_equal(all_reports(&b), 1);
		bench_close(&b);
	}
}

static void wild_queue(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	model_memory_remove(b.mem, b.cmdq, 4096);
	wr(&b, SMMUV3_REG_CMDQ_PROD, b.cmd_prod + 1);
	assert_int_equal(smmuv3_get(rd(&b, SMMUV3_REG_CMDQ_CONS), SMMUV3_CMDQ_CONS_ERR),
			 SMMUV3_CERROR_ABT);
	assert_int_equal(b.reports[MODEL_REPORT_WILD], 1);
	bench_close(&b);
}

static void sync_signals(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	queue(&b,
	      SMMUV3_CMD_SYNC | smmuv3_set(SMMUV3_SYNC_IRQ, SMMUV3_CMD0_SYNC_CS) |
		      smmuv3_set(0xabcd1234, SMMUV3_CMD0_SYNC_MSIDATA),
	      b.message + 8);
	assert_int_equal(*word(&b, b.message + 8), 0xabcd1234);
	assert_int_equal(b.msis, 0);
	queue(&b,
	      SMMUV3_CMD_SYNC | smmuv3_set(SMMUV3_SYNC_IRQ, SMMUV3_CMD0_SYNC_CS) |
		      smmuv3_set(0x77, SMMUV3_CMD0_SYNC_MSIDATA),
	      0xfee00000);
	assert_int_equal(b.msis, 1);
	assert_int_equal(b.msi_data, 0x77);
	queue(&b, SMMUV3_CMD_SYNC | smmuv3_set(SMMUV3_SYNC_SEV, SMMUV3_CMD0_SYNC_CS), 0);
	assert_int_equal(b.msis, 1);
	assert_clean(&b);
	bench_close(&b);
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

struct device {
	bool answers;
	unsigned int calls;
	bool has_pasid, global;
	uint32_t pasid;
	uint64_t iova, size;
};

static bool invalidate(void *context, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size,
		       bool global)
{
	struct device *d = context;

	d->calls++;
	d->has_pasid = has_pasid;
	d->pasid = pasid;
	d->iova = iova;
	d->size = size;
	d->global = global;
	return d->answers;
}

static uint64_t ats_stream(struct bench *b, struct device *d, unsigned int eats)
{
	struct model_atc atc = { .context = d, .invalidate = invalidate };
	uint64_t ste[8], cd[8], root;

	bench_open(b, "nested-ats");
	root = page(b);
	cd_words(cd, root, ASID);
	for (unsigned int i = 0; i < 8; i++)
		put(b, b->cds + 8 * i, cd[i]);
	ste_stage1(b, ste, 0);
	ste[1] |= smmuv3_set(eats, SMMUV3_STE1_EATS);
	set_ste(b, ste);
	d->answers = true;
	assert_int_equal(model_smmuv3_set_atc(b->smmu, SID, &atc), 0);
	return root;
}

/* CR0.ATSCHK, which takes that the unit and the device's ATS are off meanwhile. */
static void check_translated(struct bench *b, struct device *d)
{
	const uint32_t queues = SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN;
	struct model_atc atc = { .context = d, .invalidate = invalidate };

	assert_int_equal(model_smmuv3_set_atc(b->smmu, SID, NULL), 0);
	cr0(b, queues);
	cr0(b, queues | SMMUV3_CR0_ATSCHK);
	cr0(b, queues | SMMUV3_CR0_ATSCHK | SMMUV3_CR0_SMMUEN);
	assert_int_equal(model_smmuv3_set_atc(b->smmu, SID, &atc), 0);
}

static void atc_inv(struct bench *b, uint64_t address, unsigned int size)
{
	queue(b, SMMUV3_CMD_ATC_INV | smmuv3_set(SID, SMMUV3_CMD0_SID), address | size);
}

static void translation_requests(void **state)
{
	struct device d = { 0 };
	struct bench b;
	struct model_translation t;
	uint64_t root, record[4];

	(void)state;
	root = ats_stream(&b, &d, SMMUV3_EATS_FULL);
	map(&b, root, IOVA, DMA_BASE, PTE_RW | PTE_RO);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, IOVA, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE);
	assert_int_equal(t.access & (MODEL_READ | MODEL_WRITE), MODEL_READ);
	/* What is not there is an answer, no fault. */
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, 0x5000, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.access, 0);
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);

	root = ats_stream(&b, &d, SMMUV3_EATS_ABORT);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, IOVA, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_BAD_ATS_TREQ);
	bench_close(&b);
}

/* 6.3.9: with ATSCHK, translated requests of a stream that must not send them are refused. */
static void translated_requests(void **state)
{
	struct device d = { 0 };
	struct bench b;
	struct model_translation t;
	uint64_t record[4];

	(void)state;
	ats_stream(&b, &d, SMMUV3_EATS_ABORT);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE);
	check_translated(&b, &d);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSL_FORBIDDEN);
	assert_int_equal(record[2], DMA_BASE);
	assert_clean(&b);
	bench_close(&b);
}

static void device_invalidation(void **state)
{
	struct device d = { 0 };
	struct bench b;
	struct model_translation t;
	uint64_t root;

	(void)state;
	root = ats_stream(&b, &d, SMMUV3_EATS_FULL);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, IOVA, MODEL_READ, &t), MODEL_OK);
	put(&b, pte_at(&b, root, IOVA, 3), 0);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, true);
	sync(&b);
	/* The device still may hold it. */
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_non_null(strstr(b.last.text, "ATC_INV"));
	forget(&b);
	atc_inv(&b, 0x4000, 1);
	sync(&b);
	assert_int_equal(d.calls, 1);
	assert_int_equal(d.iova, 0x4000);
	assert_int_equal(d.size, 8192);
	assert_false(d.has_pasid);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	forget(&b);
	atc_inv(&b, 0, SMMUV3_ATC_SIZE_ALL);
	sync(&b);
	assert_int_equal(d.size, UINT64_MAX);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_clean(&b);
	bench_close(&b);
}

static void device_before_tlb(void **state)
{
	struct device d = { 0 };
	struct bench b;
	struct model_translation t;
	uint64_t root;

	(void)state;
	root = ats_stream(&b, &d, SMMUV3_EATS_FULL);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, IOVA, MODEL_READ, &t), MODEL_OK);
	put(&b, pte_at(&b, root, IOVA, 3), 0);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, true);
	atc_inv(&b, IOVA, 0);
	sync(&b);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_non_null(strstr(b.last.text, "ATC_INV"));
	bench_close(&b);
}

static void device_times_out(void **state)
{
	struct device d = { 0 };
	struct bench b;
	uint32_t at;

	(void)state;
	ats_stream(&b, &d, SMMUV3_EATS_FULL);
	d.answers = false;
	atc_inv(&b, 0, SMMUV3_ATC_SIZE_ALL);
	at = rd(&b, SMMUV3_REG_CMDQ_CONS);
	queue(&b, SMMUV3_CMD_SYNC, 0);
	assert_int_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), at | SMMUV3_CERROR_ATC_INV_SYNC << 24);
	assert_int_equal(rd(&b, SMMUV3_REG_GERROR), SMMUV3_GERROR_CMDQ_ERR);
	wr(&b, SMMUV3_REG_GERRORN, SMMUV3_GERROR_CMDQ_ERR);
	assert_int_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), b.cmd_prod);
	assert_clean(&b);
	bench_close(&b);
}

/* 4.7.3: the CMD_SYNC that fails completes nothing, not even a TLBI; the next one does. */
static void failed_sync(void **state)
{
	struct device d = { 0 };
	struct bench b;
	uint64_t root;

	(void)state;
	root = ats_stream(&b, &d, SMMUV3_EATS_FULL);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	put(&b, pte_at(&b, root, IOVA, 3), 0);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, true);
	d.answers = false;
	atc_inv(&b, IOVA, 0);
	queue(&b, SMMUV3_CMD_SYNC, 0);
	assert_int_equal(rd(&b, SMMUV3_REG_GERROR), SMMUV3_GERROR_CMDQ_ERR);
	assert_int_equal(to(&b, IOVA), DMA_BASE);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 2);
	model_smmuv3_expect_clean(b.smmu, false);
	forget(&b);
	wr(&b, SMMUV3_REG_GERRORN, SMMUV3_GERROR_CMDQ_ERR);
	assert_int_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), b.cmd_prod);
	assert_int_equal(to(&b, IOVA), UINT64_MAX);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_clean(&b);
	bench_close(&b);
}

/* 3.9.1.4: what a silent device holds is dangerous until its translated requests are refused. */
static void silent_device(void **state)
{
	struct device d = { 0 };
	struct bench b;
	struct model_translation t;
	uint64_t root, record[4];

	(void)state;
	root = ats_stream(&b, &d, SMMUV3_EATS_FULL);
	check_translated(&b, &d);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATION, IOVA, MODEL_READ, &t), MODEL_OK);
	put(&b, pte_at(&b, root, IOVA, 3), 0);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, true);
	sync(&b);
	d.answers = false;
	atc_inv(&b, IOVA, 0);
	queue(&b, SMMUV3_CMD_SYNC, 0);
	wr(&b, SMMUV3_REG_GERRORN, SMMUV3_GERROR_CMDQ_ERR);
	assert_int_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), b.cmd_prod);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_non_null(strstr(b.last.text, "never completed"));
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 2);
	model_smmuv3_expect_clean(b.smmu, false);
	forget(&b);
	/* In memory is not enough. */
	put(&b, ste_at(&b) + 8,
	    *word(&b, ste_at(&b) + 8) & ~smmuv3_set(SMMUV3_EATS_FULL, SMMUV3_STE1_EATS));
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	forget(&b);
	cfgi_ste(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(ask_ats(&b, MODEL_ATS_TRANSLATED, DMA_BASE, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSL_FORBIDDEN);
	assert_clean(&b);
	/* Allowed again without an invalidation that it completes: as bad as before. */
	put(&b, ste_at(&b) + 8,
	    *word(&b, ste_at(&b) + 8) | smmuv3_set(SMMUV3_EATS_FULL, SMMUV3_STE1_EATS));
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	cfgi_ste(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 2);
	d.answers = true;
	atc_inv(&b, IOVA, 0);
	sync(&b);
	forget(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_clean(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tlbi_tags),
		cmocka_unit_test(tlbi_range),
		cmocka_unit_test(tlbi_range_without_ril),
		cmocka_unit_test(global_entries),
		cmocka_unit_test(walk_cache),
		cmocka_unit_test(no_sync),
		cmocka_unit_test(stale),
		cmocka_unit_test(illegal_commands),
		cmocka_unit_test(wild_queue),
		cmocka_unit_test(sync_signals),
		cmocka_unit_test(translation_requests),
		cmocka_unit_test(translated_requests),
		cmocka_unit_test(device_invalidation),
		cmocka_unit_test(device_before_tlb),
		cmocka_unit_test(device_times_out),
		cmocka_unit_test(failed_sync),
		cmocka_unit_test(silent_device),
	};

	return cmocka_run_group_tests_name("model smmuv3 commands", tests, NULL, NULL);
}
