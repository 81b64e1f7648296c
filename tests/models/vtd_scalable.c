/* SPDX-License-Identifier: MIT */
/*
 * vtd_scalable.c - the VT-d model in scalable mode and with device TLBs
 */
#include <time.h>

#include "vtd_bench.h"

#define IOVA UINT64_C(0x7f12345000)
#define DID 5u
#define PASID 70u /* the second page of the directory */
#define FS (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define SS (VTD_SS_R | VTD_SS_W)

static struct bench bench;
static uint64_t directory, first_top, second_top;

static uint64_t context_entry(void)
{
	return bench.context + (SID & 0x7f) * 32;
}

static uint64_t pasid_entry(uint32_t pasid)
{
	uint64_t at = directory + (pasid >> 6) * 8;

	if (!*word(&bench, at))
		put(&bench, at, page(&bench) | VTD_PDE_P);
	return (*word(&bench, at) & VTD_ADDR_MASK) + (pasid & 63) * 64;
}

static void set_pasid(uint32_t pasid, unsigned int pgtt, uint64_t q1, uint64_t q2)
{
	uint64_t at = pasid_entry(pasid);

	put(&bench, at + 8, q1);
	put(&bench, at + 16, first_top | q2);
	put(&bench, at,
	    VTD_PE0_P | vtd_set(pgtt, VTD_PE0_PGTT) | vtd_set(VTD_AW_48, VTD_PE0_AW) | second_top);
}

static void open_preset(const char *name)
{
	struct model_vtd_config config;

	assert_true(model_vtd_preset(name, &config));
	bench_open(&bench, &config);
	directory = page(&bench);
	first_top = page(&bench);
	second_top = page(&bench);
	put(&bench, context_entry(),
	    directory | VTD_SCE0_P | VTD_SCE0_PASIDE | (config.dt ? VTD_SCE0_DTE : 0));
	bench_enable(&bench, true, true);
}

static int setup(void **state)
{
	(void)state;
	open_preset("scalable");
	return 0;
}

static int setup_ats(void **state)
{
	(void)state;
	open_preset("scalable-ats");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static enum model_status send(enum model_request_type type, uint32_t pasid, uint64_t iova,
			      unsigned int access, struct model_translation *t)
{
	struct model_request r = {
		.type = type,
		.source_id = SID,
		.has_pasid = pasid != UINT32_MAX,
		.pasid = pasid,
		.iova = iova,
		.size = 4,
		.access = access,
	};

	memset(t, 0, sizeof(*t));
	return bench.iommu->translate(bench.iommu->context, &r, t);
}

static void expect_phys(uint32_t pasid, uint64_t iova, unsigned int access, uint64_t phys)
{
	struct model_translation t;

	assert_int_equal(send(MODEL_UNTRANSLATED, pasid, iova, access, &t), MODEL_OK);
	assert_int_equal(t.phys, phys);
}

static void expect_fault(uint32_t pasid, uint64_t iova, unsigned int access, unsigned int reason)
{
	struct model_translation t;

	assert_int_equal(send(MODEL_UNTRANSLATED, pasid, iova, access, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), reason);
}

#define RID UINT32_MAX

static uint64_t map_first(uint64_t iova, uint64_t phys, uint64_t flags)
{
	uint64_t at = entry(&bench, first_top, 4, iova, 1, FS);

	put(&bench, at, phys | flags);
	return at;
}

static uint64_t map_second(uint64_t iova, uint64_t phys, uint64_t flags)
{
	uint64_t at = second(&bench, second_top, iova, 1);

	put(&bench, at, phys | flags);
	return at;
}

/* 3.6, 3.6.2: first stage; A in every entry, D with the first write, through a clean cached entry too. */
static void first_stage(void **state)
{
	uint64_t at = map_first(IOVA, DMA_BASE, FS);

	(void)state;
	set_pasid(PASID, VTD_PGTT_FIRST, DID | VTD_PE1_PWSNP, 0);
	expect_phys(PASID, IOVA + 8, MODEL_READ, DMA_BASE + 8);
	assert_int_equal(*word(&bench, at) & (VTD_FS_A | VTD_FS_D), VTD_FS_A);
	assert_true(*word(&bench, entry(&bench, first_top, 4, IOVA, 4, FS)) & VTD_FS_A);
	expect_phys(PASID, IOVA, MODEL_WRITE, DMA_BASE);
	assert_int_equal(*word(&bench, at) & VTD_FS_D, VTD_FS_D);
	expect_fault(PASID, UINT64_C(1) << 47, MODEL_READ, VTD_FR_SM_NOT_CANONICAL);
	expect_fault(PASID, IOVA + 0x1000, MODEL_READ, VTD_FR_FS_NOT_PRESENT);
	map_first(IOVA + 0x1000, DMA_BASE, VTD_FS_P | VTD_FS_US);
	expect_fault(PASID, IOVA + 0x1000, MODEL_WRITE, VTD_FR_SM_WRITE);
	map_first(IOVA + 0x2000, DMA_BASE, VTD_FS_P | VTD_FS_RW);
	expect_fault(PASID, IOVA + 0x2000, MODEL_READ, VTD_FR_SM_USER);
	expect_fault(PASID, IOVA, MODEL_READ | MODEL_PRIV, VTD_FR_PASID_SRE);
	expect_fault(PASID, IOVA, MODEL_READ | MODEL_EXEC, VTD_FR_PASID_ERE);
	assert_int_equal(all_reports(&bench), 0);
	map_first(IOVA + 0x3000, DMA_BASE, FS | VTD_FS_XD);
	expect_fault(PASID, IOVA + 0x3000, MODEL_READ, VTD_FR_FS_RSVD); /* no NXE */
	map_first(IOVA + 0x4000, 0xfee00000, FS);
	expect_fault(PASID, IOVA + 0x4000, MODEL_READ, VTD_FR_SM_INTERRUPT_ADDRESS);
	assert_int_equal(all_reports(&bench), 1);
}

/* 9.2 to 9.6: what is wrong with the structures. */
static void structure_faults(void **state)
{
	(void)state;
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_PASID_DIR_NOT_PRESENT);
	pasid_entry(PASID);
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_PASID_NOT_PRESENT);
	expect_fault(64 << 7, IOVA, MODEL_READ, VTD_FR_SM_PASID_BEYOND);
	set_pasid(PASID, VTD_PGTT_FIRST, DID | (1 << 16), 0);
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_PASID_RSVD);
	set_pasid(PASID, 0, DID, 0);
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_PASID_INVALID);
	put(&bench, directory + 8, *word(&bench, directory + 8) | 4);
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_PASID_DIR_RSVD);
	put(&bench, directory + 8, 0x1000 | VTD_PDE_P);
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_PASID_ACCESS);
	flush_contexts(&bench);
	put(&bench, context_entry(), 0x1000 | VTD_SCE0_P);
	expect_fault(PASID, IOVA, MODEL_READ, VTD_FR_SM_CONTEXT_PASIDE);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_PASID_DIR_ACCESS);
	flush_contexts(&bench);
	put(&bench, context_entry() + 8, VTD_SCE1_RID_PASID);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_SM_RID_PASID);
	flush_contexts(&bench);
	put(&bench, context_entry(), VTD_SCE0_P | VTD_SCE0_DTE);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_SM_CONTEXT_INVALID);
	put(&bench, context_entry(), VTD_SCE0_P | 0x20);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_SM_CONTEXT_RSVD);
	put(&bench, context_entry(), 0);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_SM_CONTEXT_NOT_PRESENT);
	put(&bench, bench.root + (SID >> 8) * 16, bench.context | 3);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_SM_ROOT_RSVD);
	put(&bench, bench.root + (SID >> 8) * 16, 0);
	expect_fault(RID, IOVA, MODEL_READ, VTD_FR_SM_ROOT_NOT_PRESENT);
}

/* 6.5.2.4: a PASID-based invalidation names domain and PASID, and leaves the second stage. */
static void pasid_iotlb(void **state)
{
	uint64_t at = map_first(IOVA, DMA_BASE, FS), below = map_second(IOVA, DMA_BASE, SS);
	uint64_t wrong = VTD_DESC_PASID_IOTLB | vtd_set(VTD_PIOTLB_PASID, VTD_DESC_G) |
			 vtd_set(DID, VTD_DESC_DID) | vtd_set(PASID + 1, VTD_DESC_PASID);
	uint64_t right = VTD_DESC_PASID_IOTLB | vtd_set(VTD_PIOTLB_PAGE, VTD_DESC_G) |
			 vtd_set(DID, VTD_DESC_DID) | vtd_set(PASID, VTD_DESC_PASID);

	(void)state;
	set_pasid(PASID, VTD_PGTT_FIRST, DID | VTD_PE1_PWSNP, 0);
	set_pasid(0, VTD_PGTT_SECOND, DID | VTD_PE1_PWSNP, 0);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	expect_phys(RID, IOVA, MODEL_READ, DMA_BASE);
	put(&bench, at, (DMA_BASE + 0x1000) | FS);
	put(&bench, below, (DMA_BASE + 0x2000) | SS);
	submit(&bench, wrong, 0);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	submit(&bench, right, IOVA + 0x1000);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID),
	       IOVA);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE); /* leaves the first stage */
	expect_phys(RID, IOVA, MODEL_READ, DMA_BASE + 0x2000);
	put(&bench, below, (DMA_BASE + 0x3000) | SS);
	submit(&bench, right, IOVA);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE + 0x1000);
	expect_phys(RID, IOVA, MODEL_READ, DMA_BASE + 0x2000);
	assert_int_equal(all_reports(&bench), 0);
}

/* 6.5.2.2: PASID cache; and an entry changed under it in several pieces. */
static void pasid_cache(void **state)
{
	(void)state;
	map_first(IOVA, DMA_BASE, FS);
	map_second(IOVA, DMA_BASE + 0x4000, SS);
	set_pasid(PASID, VTD_PGTT_FIRST, DID | VTD_PE1_PWSNP, 0);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	set_pasid(PASID, VTD_PGTT_SECOND, (DID + 1) | VTD_PE1_PWSNP, VTD_PE2_NXE);
	model_vtd_expect_clean(bench.vtd, true);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	assert_int_equal(bench.reports[MODEL_REPORT_STALE], 1);
	submit(&bench,
	       VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_PASID, VTD_DESC_G) |
		       vtd_set(DID + 1, VTD_DESC_DID) | vtd_set(PASID, VTD_DESC_PASID),
	       0);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE); /* tagged with the old domain */
	submit(&bench,
	       VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_PASID, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID) | vtd_set(PASID, VTD_DESC_PASID),
	       0);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE + 0x4000);
	assert_int_equal(bench.reports[MODEL_REPORT_TORN], 1);
}

/* 3.8: nested; its entries go with second-stage page invalidations. */
static void nested(void **state)
{
	uint64_t at;

	(void)state;
	/* The guest's tables at their own addresses, its page elsewhere. */
	map_first(IOVA, 0x5000, FS);
	for (uint64_t table = RAM_BASE; table < RAM_BASE + 0x40000; table += 4096)
		map_second(table, table, SS);
	at = map_second(0x5000, DMA_BASE, VTD_SS_R);
	set_pasid(PASID, VTD_PGTT_NESTED, DID | VTD_PE1_PWSNP, 0);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	map_first(IOVA + 0x1000, 0x5000, FS);
	expect_fault(PASID, IOVA + 0x1000, MODEL_WRITE, VTD_FR_SS_PERMISSION);
	put(&bench, at, (DMA_BASE + 0x1000) | VTD_SS_R);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE);
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID),
	       0x5000);
	expect_phys(PASID, IOVA, MODEL_READ, DMA_BASE + 0x1000);
	assert_int_equal(all_reports(&bench), 0);
}

/* 3.7.2: accessed and dirty in the second stage, with SSADE alone. */
static void second_stage_dirty(void **state)
{
	uint64_t at = map_second(IOVA, DMA_BASE, SS);

	(void)state;
	set_pasid(0, VTD_PGTT_SECOND, DID | VTD_PE1_PWSNP, 0);
	expect_phys(RID, IOVA, MODEL_WRITE, DMA_BASE);
	assert_int_equal(*word(&bench, at), DMA_BASE | SS);
	put(&bench, pasid_entry(0), *word(&bench, pasid_entry(0)) | VTD_PE0_SSADE);
	submit(&bench, VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_GLOBAL, VTD_DESC_G), 0);
	flush_iotlb(&bench);
	expect_phys(RID, IOVA, MODEL_READ, DMA_BASE);
	assert_int_equal(*word(&bench, at), DMA_BASE | SS | VTD_SS_A);
	expect_phys(RID, IOVA, MODEL_WRITE, DMA_BASE);
	assert_int_equal(*word(&bench, at), DMA_BASE | SS | VTD_SS_A | VTD_SS_D);
	assert_int_equal(all_reports(&bench), 0);
}

struct atc_log {
	bool answers;
	unsigned int calls;
	uint32_t pasid;
	uint64_t iova, size;
};

static bool log_invalidate(void *context, bool has_pasid, uint32_t pasid, uint64_t iova,
			   uint64_t size, bool global)
{
	struct atc_log *log = context;

	(void)has_pasid;
	(void)global;
	log->calls++;
	log->pasid = pasid;
	log->iova = iova;
	log->size = size;
	return log->answers;
}

/* 4.1, 6.5.2.6: translation requests, translated requests, device TLBs and the one that is silent. */
static void device_tlb(void **state)
{
	struct atc_log log = { .answers = true };
	struct model_atc atc = { .context = &log, .invalidate = log_invalidate };
	uint64_t d0 = VTD_DESC_PASID_DEVICE_TLB | vtd_set(SID, VTD_DESC_PDTLB_SID) |
		      vtd_set(PASID, VTD_DESC_PASID);
	struct model_translation t;

	(void)state;
	map_first(IOVA, DMA_BASE, FS);
	set_pasid(PASID, VTD_PGTT_FIRST, DID | VTD_PE1_PWSNP, 0);
	assert_int_equal(send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE);
	assert_true(t.access & MODEL_READ);
	assert_int_equal(send(MODEL_ATS_TRANSLATION, PASID, IOVA + 0x1000, MODEL_READ, &t),
			 MODEL_OK);
	assert_int_equal(t.access, 0);
	assert_int_equal(fault(&bench), 0);
	assert_int_equal(send(MODEL_ATS_TRANSLATED, PASID, DMA_BASE, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE);
	assert_int_equal(model_vtd_set_atc(bench.vtd, SID, &atc), 0);
	submit(&bench, d0, IOVA);
	assert_int_equal(log.calls, 1);
	assert_int_equal(log.iova, IOVA);
	assert_int_equal(log.size, 4096);
	submit(&bench, d0, 0x40003000 | VTD_DESC_PDTLB1_S);
	assert_int_equal(log.iova, 0x40000000);
	assert_int_equal(log.size, 0x8000);
	log.answers = false;
	submit(&bench, d0, IOVA);
	assert_true(model_vtd_read32(bench.vtd, VTD_REG_FSTS) & VTD_FSTS_ITE);
	assert_int_equal(vtd_get(model_vtd_read64(bench.vtd, VTD_REG_IQERCD), VTD_IQERCD_ITESID),
			 SID);
	submit(&bench, VTD_DESC_WAIT | VTD_DESC_WAIT_SW | vtd_set(9, VTD_DESC_WAIT_DATA),
	       bench.status);
	assert_int_equal(*word(&bench, bench.status), 0); /* stopped */
	model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_ITE);
	assert_int_equal(*word(&bench, bench.status), 9);
	assert_int_equal(all_reports(&bench), 0);
	flush_contexts(&bench);
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_DTE);
	assert_int_equal(send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_DTE);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Not judged, since machines differ: printed for who changes the look-up. */
static void speed(void **state)
{
	double start;

	(void)state;
	map_second(IOVA, DMA_BASE, SS);
	set_pasid(0, VTD_PGTT_SECOND, DID | VTD_PE1_PWSNP, 0);
	start = now_ns();
	for (unsigned int i = 0; i < 100000; i++)
		expect_phys(RID, IOVA, MODEL_READ, DMA_BASE);
	print_message("a cached translation: %.0f ns\n", (now_ns() - start) / 100000);
	start = now_ns();
	for (unsigned int i = 0; i < 100; i++) {
		bench_close(&bench);
		open_preset("scalable");
	}
	print_message("create and enable: %.0f ns\n", (now_ns() - start) / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_stage, setup, teardown),
		cmocka_unit_test_setup_teardown(structure_faults, setup, teardown),
		cmocka_unit_test_setup_teardown(pasid_iotlb, setup, teardown),
		cmocka_unit_test_setup_teardown(pasid_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(nested, setup, teardown),
		cmocka_unit_test_setup_teardown(second_stage_dirty, setup, teardown),
		cmocka_unit_test_setup_teardown(device_tlb, setup_ats, teardown),
		cmocka_unit_test_setup_teardown(speed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
