/* SPDX-License-Identifier: MIT */
/*
 * vtd_legacy.c - the VT-d model in legacy mode, section by section of the specification
 */
#include "vtd_bench.h"

#define IOVA UINT64_C(0x7f12345000)
#define DID 5u

static struct bench bench;
static uint64_t top; /* of the second stage */

static uint64_t context_entry(void)
{
	return bench.context + (SID & 0xff) * 16;
}

static void set_context(uint64_t low, uint64_t aw, uint64_t did)
{
	put(&bench, context_entry() + 8, aw | vtd_set(did, VTD_CE1_DID));
	put(&bench, context_entry(), low);
}

static void open_preset(const char *name, bool queue)
{
	struct model_vtd_config config;

	assert_true(model_vtd_preset(name, &config));
	bench_open(&bench, &config);
	top = page(&bench);
	set_context(top | VTD_CE0_P, VTD_AW_48, DID);
	bench_enable(&bench, false, queue);
}

static int setup(void **state)
{
	(void)state;
	open_preset("legacy", true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static uint64_t map(uint64_t iova, uint64_t phys, uint64_t flags)
{
	uint64_t at = second(&bench, top, iova, 1);

	put(&bench, at, phys | flags);
	return at;
}

static void expect_fault(uint64_t iova, unsigned int access, unsigned int reason)
{
	struct model_translation t;

	assert_int_equal(dma(&bench, iova, access, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), reason);
}

static void expect_phys(uint64_t iova, uint64_t phys)
{
	struct model_translation t;

	assert_int_equal(dma(&bench, iova, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, phys);
}

/* 3.7: a walk of four levels, and leaves of 2M and 1G. */
static void walks(void **state)
{
	struct model_translation t;

	(void)state;
	map(IOVA, DMA_BASE, VTD_SS_R | VTD_SS_W);
	put(&bench, second(&bench, top, 0x200000, 2), DMA_BASE | VTD_SS_R | VTD_SS_PS);
	put(&bench, second(&bench, top, 0x80000000, 3), 0x40000000 | VTD_SS_R | VTD_SS_PS);
	expect_phys(IOVA + 0x123, DMA_BASE + 0x123);
	assert_int_equal(dma(&bench, 0x212345, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x12345);
	assert_int_equal(t.size, 0x200000);
	assert_int_equal(dma(&bench, 0x80345678, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, 0x40345678);
	assert_int_equal(t.size, 0x40000000);
	assert_int_equal(all_reports(&bench), 0);
}

/* 7.1.3: the reasons of legacy mode. */
static void fault_reasons(void **state)
{
	struct model_translation t;
	uint64_t at;

	(void)state;
	expect_fault(IOVA, MODEL_READ, VTD_FR_READ);
	expect_fault(IOVA, MODEL_WRITE, VTD_FR_WRITE);
	expect_fault(UINT64_C(1) << 48, MODEL_READ, VTD_FR_ADDRESS_BEYOND);
	at = map(IOVA, DMA_BASE, VTD_SS_R | VTD_SS_RSVD_62);
	expect_fault(IOVA, MODEL_READ, VTD_FR_PAGING_RSVD);
	assert_int_equal(bench.reports[MODEL_REPORT_RESERVED], 1);
	put(&bench, at, 0xfee00000 | VTD_SS_R | VTD_SS_W);
	expect_fault(IOVA, MODEL_READ, VTD_FR_INTERRUPT_ADDRESS);
	put(&bench, second(&bench, top, IOVA + (1 << 21), 2), 0x1000 | VTD_SS_R);
	expect_fault(IOVA + (1 << 21), MODEL_READ, VTD_FR_PAGING_ACCESS);
	assert_int_equal(bench.reports[MODEL_REPORT_WILD], 1);

	put(&bench, second(&bench, top, IOVA + (2 << 21), 2), page(&bench) | VTD_SS_R | VTD_SS_SNP);
	expect_fault(IOVA + (2 << 21), MODEL_READ, VTD_FR_PAGING_RSVD); /* SNP of a table */

	flush_contexts(&bench);
	set_context(top | VTD_CE0_P | 0x10, VTD_AW_48, DID);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_RSVD);
	set_context(top | VTD_CE0_P, 4, DID);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_INVALID);
	set_context(top | VTD_CE0_P | vtd_set(VTD_TT_DEVICE_TLB, VTD_CE0_TT), VTD_AW_48, DID);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_INVALID); /* no ECAP.DT */
	set_context(top, VTD_AW_48, DID);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_NOT_PRESENT);
	set_context(top | VTD_CE0_FPD, VTD_AW_48, DID);
	assert_int_equal(dma(&bench, IOVA, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), 0); /* FPD counts without P */
	put(&bench, bench.root + (SID >> 8) * 16, bench.context | VTD_RE0_P | 2);
	expect_fault(IOVA, MODEL_READ, VTD_FR_ROOT_RSVD);
	put(&bench, bench.root + (SID >> 8) * 16, 0x1000 | VTD_RE0_P);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_ACCESS);
	put(&bench, bench.root + (SID >> 8) * 16, 0);
	expect_fault(IOVA, MODEL_READ, VTD_FR_ROOT_NOT_PRESENT);
	model_vtd_write64(bench.vtd, VTD_REG_RTADDR, 0x1000);
	gcmd(&bench, VTD_GCMD_SRTP);
	expect_fault(IOVA, MODEL_READ, VTD_FR_ROOT_ACCESS);
}

/* 3.9: pass-through; 9.3: with the largest AW. */
static void pass_through(void **state)
{
	(void)state;
	set_context(VTD_CE0_P | vtd_set(VTD_TT_PASS_THROUGH, VTD_CE0_TT), VTD_AW_39, DID);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_INVALID);
	set_context(VTD_CE0_P | vtd_set(VTD_TT_PASS_THROUGH, VTD_CE0_TT), VTD_AW_48, DID);
	expect_phys(DMA_BASE, DMA_BASE);
}

/* 6.2: a translation is kept, used and reported; expect_clean decides about the report alone. */
static void stale_translation(void **state)
{
	uint64_t at = map(IOVA, DMA_BASE, VTD_SS_R);

	(void)state;
	expect_phys(IOVA, DMA_BASE);
	put(&bench, at, (DMA_BASE + 0x1000) | VTD_SS_R);
	expect_phys(IOVA, DMA_BASE);
	assert_int_equal(bench.reports[MODEL_REPORT_STALE], 0);
	model_vtd_expect_clean(bench.vtd, true);
	expect_phys(IOVA, DMA_BASE);
	assert_int_equal(bench.reports[MODEL_REPORT_STALE], 1);
	assert_int_equal(bench.last.phys_used, DMA_BASE);
	assert_int_equal(bench.last.phys_now, DMA_BASE + 0x1000);
	flush_iotlb(&bench);
	expect_phys(IOVA, DMA_BASE + 0x1000);
	assert_int_equal(bench.reports[MODEL_REPORT_STALE], 1);
}

/* 6.2.2: a context entry is kept until a context-cache invalidation of its SID and domain. */
static void stale_context(void **state)
{
	uint64_t other = page(&bench);

	(void)state;
	map(IOVA, DMA_BASE, VTD_SS_R);
	put(&bench, second(&bench, other, IOVA, 1), (DMA_BASE + 0x5000) | VTD_SS_R);
	expect_phys(IOVA, DMA_BASE);
	set_context(other | VTD_CE0_P, VTD_AW_48, DID + 1);
	expect_phys(IOVA, DMA_BASE);
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DEVICE, VTD_DESC_G) | vtd_set(DID, VTD_DESC_DID) |
		       vtd_set(SID + 8, VTD_DESC_CC_SID),
	       0);
	expect_phys(IOVA, DMA_BASE); /* another source */
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DEVICE, VTD_DESC_G) |
		       vtd_set(DID + 1, VTD_DESC_DID) | vtd_set(SID, VTD_DESC_CC_SID),
	       0);
	expect_phys(IOVA, DMA_BASE); /* another domain */
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DOMAIN, VTD_DESC_G) |
		       vtd_set(DID + 1, VTD_DESC_DID),
	       0);
	expect_phys(IOVA, DMA_BASE);
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DEVICE, VTD_DESC_G) | vtd_set(DID, VTD_DESC_DID) |
		       vtd_set(SID + 1, VTD_DESC_CC_SID) | vtd_set(1, VTD_DESC_CC_FM),
	       0);
	expect_phys(IOVA, DMA_BASE); /* FM 1 ignores function bit 2 only */
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DEVICE, VTD_DESC_G) | vtd_set(DID, VTD_DESC_DID) |
		       vtd_set(SID + 7, VTD_DESC_CC_SID) | vtd_set(3, VTD_DESC_CC_FM),
	       0);
	expect_phys(IOVA, DMA_BASE + 0x5000);
}

/* 6.5.2.3: pages by address and mask; another domain, and the pages beside, stay. */
static void page_selective(void **state)
{
	uint64_t base = 0x100000, at[8];

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		at[i] = map(base + i * 4096, DMA_BASE + i * 4096, VTD_SS_R);
		expect_phys(base + i * 4096, DMA_BASE + i * 4096);
		put(&bench, at[i], (DMA_BASE + 0x10000) | VTD_SS_R);
	}
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
		       vtd_set(DID + 1, VTD_DESC_DID),
	       base | 3);
	expect_phys(base, DMA_BASE);
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID),
	       (base + 0x4000) | 1);
	for (unsigned int i = 0; i < 8; i++)
		expect_phys(base + i * 4096,
			    i == 4 || i == 5 ? DMA_BASE + 0x10000 : DMA_BASE + i * 4096);
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_DOMAIN, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID),
	       0);
	expect_phys(base, DMA_BASE + 0x10000);
}

/* 6.5.2.3: IH = 1 keeps the paging-structure caches, IH = 0 drops those above the page. */
static void invalidation_hint(void **state)
{
	uint64_t leaf = page(&bench), table = second(&bench, top, IOVA, 2);
	uint64_t index = (IOVA >> 12 & 511) * 8;

	(void)state;
	map(IOVA, DMA_BASE, VTD_SS_R);
	expect_phys(IOVA, DMA_BASE);
	put(&bench, leaf + index, (DMA_BASE + 0x3000) | VTD_SS_R);
	put(&bench, table, leaf | VTD_SS_R | VTD_SS_W);
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID),
	       IOVA | VTD_DESC_IOTLB1_IH);
	model_vtd_expect_clean(bench.vtd, true);
	expect_phys(IOVA, DMA_BASE); /* the old table, out of the paging-structure cache */
	assert_int_equal(bench.reports[MODEL_REPORT_STALE], 1);
	submit(&bench,
	       VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_PAGE, VTD_DESC_G) |
		       vtd_set(DID, VTD_DESC_DID),
	       IOVA);
	expect_phys(IOVA, DMA_BASE + 0x3000);
	assert_int_equal(all_reports(&bench), 1);
}

/* 6.1: without CM a not-present entry is never kept; with CM it is, faults of contexts under DID 0. */
static void caching_mode(void **state)
{
	(void)state;
	expect_fault(IOVA, MODEL_READ, VTD_FR_READ);
	map(IOVA, DMA_BASE, VTD_SS_R);
	expect_phys(IOVA, DMA_BASE);
	bench_close(&bench);
	open_preset("legacy-cm", true);
	expect_fault(IOVA, MODEL_READ, VTD_FR_READ);
	map(IOVA, DMA_BASE, VTD_SS_R);
	expect_fault(IOVA, MODEL_READ, VTD_FR_READ);
	flush_iotlb(&bench);
	expect_phys(IOVA, DMA_BASE);
	set_context(0, 0, 0);
	flush_contexts(&bench);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_NOT_PRESENT);
	set_context(top | VTD_CE0_P, VTD_AW_48, DID);
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DEVICE, VTD_DESC_G) | vtd_set(DID, VTD_DESC_DID) |
		       vtd_set(SID, VTD_DESC_CC_SID),
	       0);
	expect_fault(IOVA, MODEL_READ, VTD_FR_CONTEXT_NOT_PRESENT);
	submit(&bench,
	       VTD_DESC_CONTEXT | vtd_set(VTD_CC_DEVICE, VTD_DESC_G) |
		       vtd_set(SID, VTD_DESC_CC_SID),
	       0);
	expect_phys(IOVA, DMA_BASE);
}

/* 7.2: records in turn, repeats collapsed, overflow, FRI, and the event with its mask. */
static void recording(void **state)
{
	struct model_translation t;

	(void)state;
	model_vtd_write32(bench.vtd, VTD_REG_FEDATA, 0x41);
	model_vtd_write32(bench.vtd, VTD_REG_FEADDR, 0xfee00000);
	assert_int_equal(dma(&bench, IOVA, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(bench.msis, 0);
	assert_true(model_vtd_read32(bench.vtd, VTD_REG_FECTL) & VTD_ECTL_IP);
	model_vtd_write32(bench.vtd, VTD_REG_FECTL, 0);
	assert_int_equal(bench.msis, 1);
	assert_int_equal(bench.msi_data, 0x41);
	assert_false(model_vtd_read32(bench.vtd, VTD_REG_FECTL) & VTD_ECTL_IP);
	assert_int_equal(dma(&bench, IOVA, MODEL_READ, &t), MODEL_FAULT);
	for (unsigned int i = 1; i < 8; i++)
		assert_int_equal(dma(&bench, IOVA + i * 4096, MODEL_READ, &t), MODEL_FAULT);
	assert_false(model_vtd_read32(bench.vtd, VTD_REG_FSTS) & VTD_FSTS_PFO);
	assert_int_equal(dma(&bench, IOVA + 0x8000, MODEL_READ, &t), MODEL_FAULT);
	assert_true(model_vtd_read32(bench.vtd, VTD_REG_FSTS) & VTD_FSTS_PFO);
	assert_int_equal(bench.msis, 1); /* nothing was served in between */
	for (unsigned int i = 0; i < 8; i++)
		model_vtd_write32(bench.vtd, 0x400 + i * 16 + 12, 0x80000000);
	assert_int_equal(model_vtd_read32(bench.vtd, VTD_REG_FSTS), VTD_FSTS_PFO);
	assert_int_equal(dma(&bench, IOVA, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(fault(&bench), 0); /* nothing is recorded under PFO */
	model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_PFO);
	expect_fault(IOVA, MODEL_READ, VTD_FR_READ);
	assert_int_equal(bench.msis, 2);
}

/* 6.5.2: status write, completion event, errors that stop the queue and how it goes on. */
static void queue(void **state)
{
	(void)state;
	submit(&bench, VTD_DESC_WAIT | VTD_DESC_WAIT_SW | vtd_set(0xabcd, VTD_DESC_WAIT_DATA),
	       bench.status);
	assert_int_equal(*word(&bench, bench.status), 0xabcd);
	model_vtd_write32(bench.vtd, VTD_REG_IECTL, 0);
	submit(&bench, VTD_DESC_WAIT | VTD_DESC_WAIT_IF, 0);
	assert_int_equal(bench.msis, 1);
	assert_int_equal(model_vtd_read32(bench.vtd, VTD_REG_ICS), VTD_ICS_IWC);
	submit(&bench, VTD_DESC_WAIT | VTD_DESC_WAIT_IF, 0);
	assert_int_equal(bench.msis, 1); /* not served yet */
	assert_int_equal(all_reports(&bench), 0);

	submit(&bench, 0xf, 0);
	assert_true(model_vtd_read32(bench.vtd, VTD_REG_FSTS) & VTD_FSTS_IQE);
	assert_int_equal(model_vtd_read64(bench.vtd, VTD_REG_IQERCD), VTD_IQEI_TYPE);
	assert_int_equal(model_vtd_read64(bench.vtd, VTD_REG_IQH), bench.tail - 16);
	assert_int_equal(bench.reports[MODEL_REPORT_ILLEGAL], 1);
	put(&bench, bench.queue + bench.tail - 16,
	    VTD_DESC_WAIT | VTD_DESC_WAIT_SW | vtd_set(7, VTD_DESC_WAIT_DATA));
	put(&bench, bench.queue + bench.tail - 8, bench.status);
	model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_IQE);
	assert_int_equal(*word(&bench, bench.status), 7);
	submit(&bench, VTD_DESC_CONTEXT | vtd_set(VTD_CC_GLOBAL, VTD_DESC_G), 1);
	assert_int_equal(bench.reports[MODEL_REPORT_RESERVED], 1);
}

/* 11.4.4, 6.5.1, 11.4.9: what software must not do. */
static void illegal_steps(void **state)
{
	(void)state;
	model_vtd_write64(bench.vtd, VTD_REG_IQA, bench.queue);
	assert_int_equal(bench.reports[MODEL_REPORT_ILLEGAL], 1);
	model_vtd_write64(bench.vtd, VTD_REG_CCMD,
			  VTD_CCMD_ICC | vtd_set(VTD_CC_GLOBAL, VTD_CCMD_CIRG));
	assert_int_equal(vtd_get(model_vtd_read64(bench.vtd, VTD_REG_CCMD), VTD_CCMD_CAIG), 0);
	forget(&bench);
	gcmd(&bench, VTD_GCMD_SRTP | VTD_GCMD_WBF);
	assert_int_equal(bench.reports[MODEL_REPORT_ILLEGAL], 2); /* two at once; no RWBF */
	forget(&bench);
	model_vtd_write64(bench.vtd, VTD_REG_IQT, 32);
	model_vtd_read32(bench.vtd, 0x22);
	assert_true(bench.reports[MODEL_REPORT_ILLEGAL] >= 1);
}

/* 6.5.1: invalidation through registers. */
static void by_registers(void **state)
{
	uint64_t at;

	(void)state;
	bench_close(&bench);
	open_preset("legacy-noqi", false);
	at = map(IOVA, DMA_BASE, VTD_SS_R);
	expect_phys(IOVA, DMA_BASE);
	put(&bench, at, (DMA_BASE + 0x1000) | VTD_SS_R);
	model_vtd_write64(bench.vtd, 0x300, IOVA);
	model_vtd_write64(bench.vtd, 0x308,
			  VTD_IOTLB_IVT | vtd_set(3, VTD_IOTLB_IIRG) |
				  vtd_set(DID + 1, VTD_IOTLB_DID));
	expect_phys(IOVA, DMA_BASE);
	model_vtd_write64(bench.vtd, 0x308,
			  VTD_IOTLB_IVT | vtd_set(3, VTD_IOTLB_IIRG) | vtd_set(DID, VTD_IOTLB_DID));
	assert_int_equal(model_vtd_read64(bench.vtd, 0x308) >> 63, 0);
	assert_int_equal(vtd_get(model_vtd_read64(bench.vtd, 0x308), VTD_IOTLB_IAIG), 3);
	expect_phys(IOVA, DMA_BASE + 0x1000);
	assert_int_equal(all_reports(&bench), 0);
}

/* 6.2.1, 11.4.3 C: a walker that does not snoop sees what was written back, and poison before that. */
static void incoherent(void **state)
{
	struct model_translation t;
	uint64_t at;

	(void)state;
	bench_close(&bench);
	open_preset("legacy-incoherent", true);
	at = map(IOVA, DMA_BASE, VTD_SS_R);
	expect_phys(IOVA, DMA_BASE);
	flush_iotlb(&bench);
	*word(&bench, at) = (DMA_BASE + 0x1000) | VTD_SS_R;
	expect_phys(IOVA, DMA_BASE);
	assert_int_equal(bench.reports[MODEL_REPORT_UNFLUSHED], 0);
	flush_iotlb(&bench);
	model_vtd_expect_clean(bench.vtd, true);
	expect_phys(IOVA, DMA_BASE);
	assert_int_equal(bench.reports[MODEL_REPORT_UNFLUSHED], 1);
	model_memory_flush(bench.mem, at, 8);
	flush_iotlb(&bench);
	expect_phys(IOVA, DMA_BASE + 0x1000);
	/* A table that was linked and never written back. */
	model_memory_add(bench.mem, bench.next, 4096, MODEL_MEMORY_TABLES);
	memset(word(&bench, bench.next), 0, 4096);
	model_vtd_expect_clean(bench.vtd, false);
	put(&bench, second(&bench, top, IOVA + (1 << 21), 2), bench.next | VTD_SS_R);
	forget(&bench);
	assert_int_equal(dma(&bench, IOVA + (1 << 21), MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(bench.reports[MODEL_REPORT_UNFLUSHED], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(walks, setup, teardown),
		cmocka_unit_test_setup_teardown(fault_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(pass_through, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_translation, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_context, setup, teardown),
		cmocka_unit_test_setup_teardown(page_selective, setup, teardown),
		cmocka_unit_test_setup_teardown(invalidation_hint, setup, teardown),
		cmocka_unit_test_setup_teardown(caching_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(recording, setup, teardown),
		cmocka_unit_test_setup_teardown(queue, setup, teardown),
		cmocka_unit_test_setup_teardown(illegal_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(by_registers, setup, teardown),
		cmocka_unit_test_setup_teardown(incoherent, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
