/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_sva.c - the SMMUv3 model: substreams on the page tables of processes
 *
 * A process is a CD with TTB0 alone (EPD1), an ASID of its own, tables that a processor changes behind the
 * SMMU's back: descriptors without the access flag, with and without user access, nG.
 */
#include "smmuv3_bench.h"

#define IOVA UINT64_C(0x7f12345000)
#define PROCESS 5u
#define OTHER 6u

static void process_cd(struct bench *b, uint32_t pasid, uint64_t root, uint16_t asid)
{
	uint64_t cd[8];

	cd_words(cd, root, asid);
	cd[0] &= ~SMMUV3_CD0_ASET;
	set_cd(b, pasid, cd);
}

/* Two processes on one stream; the first one's root. */
static uint64_t open_processes(struct bench *b, const char *preset, uint64_t *other)
{
	uint64_t ste[8], root;

	bench_open(b, preset);
	ste_stage1(b, ste, 6);
	set_ste(b, ste);
	root = page(b);
	*other = page(b);
	process_cd(b, PROCESS, root, ASID);
	process_cd(b, OTHER, *other, ASID + 1);
	return root;
}

static uint64_t at(struct bench *b, uint32_t pasid, uint64_t iova, unsigned int access)
{
	struct model_translation t;

	return ask_pasid(b, pasid, iova, access, &t) == MODEL_OK ? t.phys : UINT64_MAX;
}

static void assert_event(struct bench *b, uint32_t pasid, enum smmuv3_event type)
{
	uint64_t record[4];

	assert_int_equal(event_type(b, record), type);
	assert_int_equal(record[0] & SMMUV3_EVT0_SSV, SMMUV3_EVT0_SSV);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SSID), pasid);
	assert_int_equal(record[2], IOVA);
}

static void tlbi_asid(struct bench *b, uint16_t asid)
{
	queue(b,
	      SMMUV3_CMD_TLBI_NH_ASID | smmuv3_set(asid, SMMUV3_CMD0_TLBI_ASID) |
		      smmuv3_set(b->config.s2p ? VMID : 0, SMMUV3_CMD0_TLBI_VMID),
	      0);
	sync(b);
}

/* One address, two processes, two pages; and the upper half belongs to nobody. */
static void separate(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other), record[4];

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	map(&b, other, IOVA, DMA_BASE + 0x1000, PTE_RW);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(at(&b, OTHER, IOVA, MODEL_READ), DMA_BASE + 0x1000);
	assert_int_equal(at(&b, PROCESS, UINT64_MAX << 39, MODEL_READ), UINT64_MAX);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[2], UINT64_MAX << 39);
	/* No CD, no process. */
	assert_int_equal(at(&b, OTHER + 1, IOVA, MODEL_READ), UINT64_MAX);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_CD);
	assert_clean(&b);
	bench_close(&b);
}

/* Without HTTU nobody but software sets the access flag; with it the walk does. */
static void access_flag(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other), pte, cd[8];

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW & ~PTE_AF);
	pte = pte_at(&b, root, IOVA, 3);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), UINT64_MAX);
	assert_event(&b, PROCESS, SMMUV3_F_ACCESS);
	assert_int_equal(*word(&b, pte) & PTE_AF, 0);
	/* A fault is not cached: no TLBI is needed. */
	model_smmuv3_expect_clean(b.smmu, true);
	put(&b, pte, *word(&b, pte) | PTE_AF);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_clean(&b);
	bench_close(&b);

	root = open_processes(&b, "s1-httu", &other);
	cd_words(cd, root, ASID);
	cd[0] |= SMMUV3_CD0_HA;
	set_cd(&b, PROCESS, cd);
	map(&b, root, IOVA, DMA_BASE, PTE_RW & ~PTE_AF);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(*word(&b, pte_at(&b, root, IOVA, 3)) & PTE_AF, PTE_AF);
	assert_clean(&b);
	bench_close(&b);
}

/* AP: what a process may read only, and what is the kernel's. */
static void permissions(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other);

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW | PTE_RO);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_WRITE), UINT64_MAX);
	assert_event(&b, PROCESS, SMMUV3_F_PERMISSION);
	map(&b, other, IOVA, DMA_BASE, PTE_RW & ~PTE_USER);
	assert_int_equal(at(&b, OTHER, IOVA, MODEL_READ), UINT64_MAX);
	assert_event(&b, OTHER, SMMUV3_F_PERMISSION);
	assert_int_equal(at(&b, OTHER, IOVA, MODEL_READ | MODEL_PRIV), DMA_BASE);
	assert_clean(&b);
	bench_close(&b);
}

/* Copy on write: the page moves and becomes writable; without a TLBI the old one stays in use. */
static void copied(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other);

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW | PTE_RO);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	model_smmuv3_expect_clean(b.smmu, true);
	put(&b, pte_at(&b, root, IOVA, 3), 0);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	assert_non_null(strstr(b.last.text, "TLBI"));
	assert_int_equal(b.last.pasid, PROCESS);
	model_smmuv3_expect_clean(b.smmu, false);
	forget(&b);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA, true);
	sync(&b);
	map(&b, root, IOVA, DMA_BASE + 0x1000, PTE_RW);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_WRITE), DMA_BASE + 0x1000);
	assert_clean(&b);
	bench_close(&b);
}

/* Without nG a page is everybody's: another process finds it too. */
static void not_global(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other);

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW & ~PTE_NG);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(at(&b, OTHER, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	bench_close(&b);
}

/* 5.4: with EPD0 nothing is walked any more, but what the TLB has stays good until a TLBI names it. */
static void exited(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other);
	uint64_t at_cd = b.cds + PROCESS * 64u, record[4];

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	map(&b, root, IOVA + 0x1000, DMA_BASE + 0x1000, PTE_RW);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	/* In place, one word: legal while the device works. */
	put(&b, at_cd, (*word(&b, at_cd) | SMMUV3_CD0_EPD0) & ~SMMUV3_CD0_R);
	cfgi_cd(&b, PROCESS);
	assert_int_equal(at(&b, PROCESS, IOVA + 0x1000, MODEL_READ), UINT64_MAX);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_clean(&b);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	model_smmuv3_expect_clean(b.smmu, false);
	forget(&b);
	tlbi_asid(&b, ASID);
	put(&b, at_cd + 8, 0); /* the tables are gone */
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), UINT64_MAX);
	/* Quiet. */
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

/* The ASID is given to another process before its translations are gone. */
static void reused(void **state)
{
	struct bench b;
	uint64_t other, root = open_processes(&b, "nested", &other);

	(void)state;
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	assert_int_equal(at(&b, PROCESS, IOVA, MODEL_READ), DMA_BASE);
	process_cd(&b, OTHER, other, ASID);
	map(&b, other, IOVA, DMA_BASE + 0x1000, PTE_RW);
	model_smmuv3_expect_clean(b.smmu, true);
	assert_int_equal(at(&b, OTHER, IOVA, MODEL_READ), DMA_BASE);
	assert_int_equal(b.reports[MODEL_REPORT_STALE], 1);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(separate),    cmocka_unit_test(access_flag),
		cmocka_unit_test(permissions), cmocka_unit_test(copied),
		cmocka_unit_test(not_global),  cmocka_unit_test(exited),
		cmocka_unit_test(reused),
	};

	return cmocka_run_group_tests_name("model smmuv3 processes", tests, NULL, NULL);
}
