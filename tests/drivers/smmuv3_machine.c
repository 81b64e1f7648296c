/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_machine.c - the SMMUv3 driver and a modelled SMMU: devices that share a process's addresses, or a guest's
 *
 * By PRI and by stalls, with several seeds of the model; and devices that do not answer.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/machine.h"
#include "models/model.h"
#include "spec/smmuv3.h"

#define PAGE 0x1000u
#define AREA 0x7f0000000000u
#define LAST_PAGE 0xfffffffff000u
#define SEEDS 8u

static const char *const names[] = { "virt-smmuv3-pri", "virt-smmuv3-stall" };

struct bench {
	struct machine *m;
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva;
	uint32_t pasid;
};

static void begin(struct bench *b, const char *name, uint64_t seed)
{
	struct machine_options options = { .name = name, .hardware = "model", .seed = seed };
	char error[256] = "";

	if (machine_create(&options, &b->m, error, sizeof(error)) ||
	    machine_boot(b->m, 0, error, sizeof(error)))
		fail_msg("%s: %s", name, error);
	b->device = machine_device(b->m, "pri0");
	assert_non_null(b->device);
	b->dev = machine_device_uiommu(b->device);
	assert_int_equal(machine_mm_create(b->m, b->device, &b->mm), 0);
	assert_int_equal(uiommu_posix_mm_map(b->mm, AREA, 16 * PAGE, UIOMMU_READ | UIOMMU_WRITE),
			 0);
	assert_int_equal(uiommu_posix_mm_map(b->mm, LAST_PAGE, PAGE, UIOMMU_READ | UIOMMU_WRITE),
			 0);
	assert_int_equal(uiommu_sva_bind_device(b->dev, b->mm, &b->sva), 0);
	b->pasid = uiommu_sva_pasid(b->sva);
}

static void end(struct bench *b)
{
	machine_settle(b->m);
	if (machine_num_reports(b->m))
		fail_msg("%s: model: %s", machine_name(b->m), machine_report(b->m, 0)->text);
	if (machine_num_warnings(b->m))
		fail_msg("%s: library: %s", machine_name(b->m), machine_warning(b->m, 0));
	machine_destroy(b->m);
}

static enum machine_dma_status dma(struct bench *b, bool write, uint64_t address, uint64_t *value)
{
	const unsigned int flags = MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST;

	return write ? machine_dma_write(b->device, address, value, sizeof(*value), b->pasid,
					 flags) :
		       machine_dma_read(b->device, address, value, sizeof(*value), b->pasid, flags);
}

static void writes(struct bench *b, uint64_t address, uint64_t value)
{
	uint64_t found = 0;

	assert_int_equal(dma(b, true, address, &value), MACHINE_DMA_DONE);
	assert_int_equal(uiommu_posix_mm_read(b->mm, address, &found, sizeof(found)), 0);
	assert_int_equal(found, value);
}

static void reads(struct bench *b, uint64_t address, uint64_t value)
{
	uint64_t found = 0;

	assert_int_equal(uiommu_posix_mm_write(b->mm, address, &value, sizeof(value)), 0);
	assert_int_equal(dma(b, false, address, &found), MACHINE_DMA_DONE);
	assert_int_equal(found, value);
}

static void is_refused(struct bench *b, bool write, uint64_t address)
{
	uint64_t value = 1;

	assert_int_equal(dma(b, write, address, &value), MACHINE_DMA_REFUSED);
}

static void shares(struct bench *b)
{
	/* Missing pages, first by the device and then by the processor. */
	for (unsigned int i = 0; i < 8; i++) {
		writes(b, AREA + i * PAGE + 8, 0x1111 * (i + 1));
		reads(b, AREA + (8 + i) * PAGE, 0x2222 * (i + 1));
		reads(b, AREA + i * PAGE + 16, i);
	}
	writes(b, LAST_PAGE + 0xff8, 3);
	is_refused(b, false, AREA - PAGE);
	/* Writing to what may only be read; and after it may be written again. */
	assert_int_equal(uiommu_posix_mm_protect(b->mm, AREA, PAGE, UIOMMU_READ), 0);
	is_refused(b, true, AREA);
	reads(b, AREA + PAGE, 4);
	assert_int_equal(uiommu_posix_mm_protect(b->mm, AREA, PAGE, UIOMMU_READ | UIOMMU_WRITE), 0);
	writes(b, AREA, 5);
	/* Gone, and back: another page. */
	assert_int_equal(uiommu_posix_mm_unmap(b->mm, LAST_PAGE, PAGE), 0);
	is_refused(b, false, LAST_PAGE);
	assert_int_equal(uiommu_posix_mm_map(b->mm, LAST_PAGE, PAGE, UIOMMU_READ | UIOMMU_WRITE),
			 0);
	writes(b, LAST_PAGE, 6);
	assert_int_equal(uiommu_posix_mm_unmap(b->mm, AREA, 16 * PAGE), 0);
	is_refused(b, true, AREA + 3 * PAGE);
}

static void test_share(void **unused)
{
	struct bench b;

	(void)unused;
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int seed = 1; seed <= SEEDS; seed++) {
			begin(&b, names[i], seed);
			shares(&b);
			uiommu_sva_unbind_device(b.sva);
			is_refused(&b, true, LAST_PAGE);
			uiommu_posix_mm_put(b.mm);
			end(&b);
		}
}

static void test_exit(void **unused)
{
	struct bench b;

	(void)unused;
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int seed = 1; seed <= SEEDS; seed++) {
			begin(&b, names[i], seed);
			writes(&b, AREA, 1);
			machine_clear_faults(b.m);
			uiommu_posix_mm_exit(b.mm);
			is_refused(&b, true, AREA);
			is_refused(&b, false, AREA + PAGE);
			machine_settle(b.m);
			assert_int_equal(machine_num_faults(b.m), 0);
			uiommu_sva_unbind_device(b.sva);
			uiommu_posix_mm_put(b.mm);
			end(&b);
		}
}

/* A DMA waits for a page, and nobody looks at the queue before the bond ends. */
static void test_unbind(void **unused)
{
	const unsigned int flags = MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST;
	uint64_t value = 1;
	struct bench b;

	(void)unused;
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int seed = 1; seed <= SEEDS; seed++) {
			begin(&b, names[i], seed);
			assert_int_equal(machine_dma_start(b.device, true, AREA, &value,
							   sizeof(value), b.pasid, flags),
					 0);
			uiommu_sva_unbind_device(b.sva);
			machine_settle(b.m);
			assert_int_equal(machine_dma_finish(b.device, &value, sizeof(value)),
					 MACHINE_DMA_REFUSED);
			uiommu_posix_mm_put(b.mm);
			end(&b);
		}
}

/* The process's device TLB does not answer; the other device of the same process goes on. */
static void test_silent(void **unused)
{
	struct machine_device *other;
	struct uiommu_sva *second;
	uint64_t value = 1;
	struct bench b;

	(void)unused;
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		begin(&b, "virt-smmuv3-pri", seed);
		other = machine_device(b.m, "pri1");
		assert_int_equal(
			uiommu_sva_bind_device(machine_device_uiommu(other), b.mm, &second), 0);
		assert_ptr_not_equal(second, b.sva);
		writes(&b, AREA, 1);
		assert_int_equal(machine_dma_write(other, AREA + PAGE, &value, 8, b.pasid,
						   MACHINE_DMA_WITH_PASID |
							   MACHINE_DMA_PAGE_REQUEST),
				 MACHINE_DMA_DONE);
		machine_clear_faults(b.m);
		assert_int_equal(machine_misbehave(b.device, MACHINE_ATC_SILENT, 0), 0);
		assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA, 16 * PAGE), 0);
		assert_true(uiommu_device_quarantined(b.dev));
		assert_false(uiommu_device_quarantined(machine_device_uiommu(other)));
		is_refused(&b, true, AREA);
		assert_int_equal(machine_dma_write(other, AREA + PAGE, &value, 8, b.pasid,
						   MACHINE_DMA_WITH_PASID |
							   MACHINE_DMA_PAGE_REQUEST),
				 MACHINE_DMA_REFUSED);
		/* Nobody waits for it any more. */
		assert_int_equal(
			uiommu_posix_mm_map(b.mm, AREA, 16 * PAGE, UIOMMU_READ | UIOMMU_WRITE), 0);
		assert_int_equal(machine_misbehave(b.device, MACHINE_BEHAVES, 0), 0);
		assert_int_equal(uiommu_device_reset_prepare(b.dev), 0);
		assert_int_equal(machine_device_reset(b.device), 0);
		uiommu_device_reset_done(b.dev);
		assert_false(uiommu_device_quarantined(b.dev));
		writes(&b, AREA + 2 * PAGE, 7);
		assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA, 16 * PAGE), 0);
		assert_false(uiommu_device_quarantined(b.dev));
		uiommu_sva_unbind_device(second);
		uiommu_sva_unbind_device(b.sva);
		uiommu_posix_mm_put(b.mm);
		machine_clear_warnings(b.m);
		end(&b);
	}
}

/* ---- threads ----------------------------------------------------------------------------------- */

#define ROUNDS 60u

struct worker {
	struct bench *b;
	struct machine_device *device;
	_Atomic(bool) *stop;
	_Atomic(unsigned int) done;
};

/* What a device gets is the page or a refusal; that it was none that is gone, the model says. */
static void *ask(void *arg)
{
	struct worker *w = arg;

	for (uint64_t i = 0; !atomic_load(w->stop); i++)
		if (machine_dma_write(
			    w->device, AREA + i * 7 % 16 * PAGE, &i, sizeof(i), w->b->pasid,
			    MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST) == MACHINE_DMA_DONE)
			atomic_fetch_add(&w->done, 1);
	return NULL;
}

/*
 * Two devices ask, the process gives and takes, and a bond comes and goes, all at once. At least
 * ROUNDS, and as many more as it takes until the device whose bond stays has written once: on a
 * busy machine its thread may start late.
 */
static void test_threads(void **unused)
{
	pthread_t threads[2];
	struct worker worker[2];
	struct bench b;

	(void)unused;
	for (unsigned int i = 0; i < 2; i++) {
		_Atomic(bool) stop = false;
		struct uiommu_device *other;
		struct uiommu_sva *second;

		begin(&b, names[i], 1);
		worker[0] = (struct worker){ &b, b.device, &stop, 0 };
		worker[1] = (struct worker){ &b, machine_device(b.m, "pri1"), &stop, 0 };
		other = machine_device_uiommu(worker[1].device);
		assert_int_equal(uiommu_sva_bind_device(other, b.mm, &second), 0);
		for (unsigned int t = 0; t < 2; t++)
			assert_int_equal(pthread_create(&threads[t], NULL, ask, &worker[t]), 0);
		for (unsigned int round = 0; round < ROUNDS || !atomic_load(&worker[0].done);
		     round++) {
			const uint64_t at = AREA + round % 8 * PAGE;

			assert_int_equal(uiommu_posix_mm_unmap(b.mm, at, 8 * PAGE), 0);
			assert_int_equal(uiommu_posix_mm_map(b.mm, at, 8 * PAGE,
							     UIOMMU_READ | UIOMMU_WRITE),
					 0);
			if (round % 3)
				continue;
			uiommu_sva_unbind_device(second);
			assert_int_equal(uiommu_sva_bind_device(other, b.mm, &second), 0);
		}
		atomic_store(&stop, true);
		for (unsigned int t = 0; t < 2; t++)
			pthread_join(threads[t], NULL);
		uiommu_sva_unbind_device(second);
		uiommu_sva_unbind_device(b.sva);
		uiommu_posix_mm_put(b.mm);
		end(&b);
	}
}

/* ---- guests ------------------------------------------------------------------------------------ */

/* Pages of a guest. */
enum { L1_CDS, LEAF_CDS, LEVEL_1, LEVEL_2, LEVEL_3, DATA, PAGES };

#define IPA 0x40000000u
#define SSID 70u /* in the second leaf */
#define ASID 9u
#define GUEST_IOVA 0x1234567000u

struct guest {
	struct machine *m;
	struct uiommu_domain *parent, *nested;
	uint64_t *page[PAGES]; /* of 512 words each; those before DATA in @tables */
	uint64_t *tables;
	bool stall;
	unsigned int requests;
};

static uint64_t ipa(unsigned int page)
{
	return IPA + (uint64_t)page * PAGE;
}

static void guest_map(struct guest *g, bool there)
{
	const uint64_t table = 3, leaf = 3 | 1u << 6 | 3u << 8 | 1u << 10 | 1u << 11;

	g->page[LEVEL_1][GUEST_IOVA >> 30 & 511] = ipa(LEVEL_2) | table;
	g->page[LEVEL_2][GUEST_IOVA >> 21 & 511] = ipa(LEVEL_3) | table;
	__atomic_store_n(&g->page[LEVEL_3][GUEST_IOVA >> 12 & 511], there ? ipa(DATA) | leaf : 0,
			 __ATOMIC_SEQ_CST);
}

static int answer(struct uiommu_fault_group *group, void *token)
{
	const struct uiommu_page_request *request = uiommu_fault_group_request(group, 0);
	struct guest *g = token;

	assert_true(request->flags & UIOMMU_PAGE_REQUEST_PASID);
	assert_int_equal(request->pasid, SSID);
	assert_int_equal(request->address & ~(uint64_t)(PAGE - 1), GUEST_IOVA);
	g->requests++;
	guest_map(g, true);
	uiommu_page_response(group, UIOMMU_PAGE_SUCCESS);
	return 0;
}

static void guest_begin(struct guest *g, const char *name, uint64_t seed)
{
	struct machine_options options = { .name = name, .hardware = "model", .seed = seed };
	uint64_t ste[2], *cd;
	struct uiommu_device *dev;
	char error[256] = "";
	uint64_t phys;
	void *host;

	memset(g, 0, sizeof(*g));
	g->stall = strstr(name, "stall");
	if (machine_create(&options, &g->m, error, sizeof(error)) ||
	    machine_boot(g->m, 0, error, sizeof(error)))
		fail_msg("%s: %s", name, error);
	host = machine_host(g->m);
	dev = machine_device_uiommu(machine_device(g->m, "pri0"));
	g->tables = uiommu_port_alloc_pages(host, 3);
	for (unsigned int i = 0; i < DATA; i++)
		g->page[i] = g->tables + i * PAGE / sizeof(uint64_t);
	g->page[DATA] = machine_buffer(g->m, PAGE, PAGE, &phys);
	assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_NEST_PARENT, &g->parent), 0);
	assert_int_equal(uiommu_map(g->parent, IPA,
				    (uintptr_t)g->tables - uiommu_port_direct_map(host),
				    DATA * PAGE, UIOMMU_READ | UIOMMU_WRITE),
			 0);
	assert_int_equal(uiommu_map(g->parent, ipa(DATA), phys, PAGE, UIOMMU_READ | UIOMMU_WRITE),
			 0);
	/* Two levels of CDs, 256 of them; write-back, inner shareable. */
	ste[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_S1, SMMUV3_STE0_CONFIG) |
		 smmuv3_set(SMMUV3_S1FMT_4K, SMMUV3_STE0_S1FMT) | ipa(L1_CDS) |
		 smmuv3_set(8, SMMUV3_STE0_S1CDMAX);
	ste[1] = smmuv3_set(SMMUV3_S1DSS_TERMINATE, SMMUV3_STE1_S1DSS) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE1_S1CIR) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE1_S1COR) |
		 smmuv3_set(SMMUV3_SH_INNER, SMMUV3_STE1_S1CSH);
	if (!g->stall)
		ste[1] |= smmuv3_set(SMMUV3_EATS_FULL, SMMUV3_STE1_EATS);
	g->page[L1_CDS][SSID >> 6] = ipa(LEAF_CDS) | SMMUV3_L1CD_V;
	cd = g->page[LEAF_CDS] + 8 * (SSID & 63);
	cd[1] = ipa(LEVEL_1);
	cd[3] = SMMUV3_MAIR_NORMAL_WB;
	/* 39 bits. */
	cd[0] = smmuv3_set(25, SMMUV3_CD0_T0SZ) | smmuv3_set(1, SMMUV3_CD0_IR0) |
		smmuv3_set(1, SMMUV3_CD0_OR0) | smmuv3_set(3, SMMUV3_CD0_SH0) | SMMUV3_CD0_EPD1 |
		SMMUV3_CD0_V | smmuv3_set(SMMUV3_SIZE_48, SMMUV3_CD0_IPS) | SMMUV3_CD0_AA64 |
		SMMUV3_CD0_R | SMMUV3_CD0_A | SMMUV3_CD0_ASET | smmuv3_set(ASID, SMMUV3_CD0_ASID) |
		(g->stall ? SMMUV3_CD0_S : 0);
	guest_map(g, false);
	assert_int_equal(uiommu_domain_alloc_nested(dev, g->parent, UIOMMU_NESTED_SMMUV3, ste,
						    sizeof(ste), 0, &g->nested),
			 0);
	assert_int_equal(uiommu_set_page_request_handler(g->nested, answer, g), 0);
}

/* One guest with two devices: what they ask for with a PASID of the guest's reaches its one domain. */
static void test_guest(void **unused)
{
	const uint64_t commands[][2] = {
		{ SMMUV3_CMD_TLBI_NH_ASID | (uint64_t)ASID << 48, 0 },
		{ SMMUV3_CMD_ATC_INV | SMMUV3_CMD0_SSV | SSID << 12, SMMUV3_ATC_SIZE_ALL },
	};
	static const char *const labels[] = { "pri0", "pri1" };
	struct guest g;

	(void)unused;
	for (unsigned int n = 0; n < 2 * SEEDS; n++) {
		guest_begin(&g, names[n & 1], n / 2 + 1);
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(uiommu_attach_device(
						 g.nested, machine_device_uiommu(
								   machine_device(g.m, labels[i]))),
					 0);
		for (unsigned int i = 0; i < 6; i++) {
			size_t count = g.stall ? 1 : 2;
			uint64_t value = i + 1;

			assert_int_equal(machine_dma_write(machine_device(g.m, labels[i & 1]),
							   GUEST_IOVA, &value, sizeof(value), SSID,
							   MACHINE_DMA_WITH_PASID |
								   MACHINE_DMA_PAGE_REQUEST),
					 MACHINE_DMA_DONE);
			assert_int_equal(g.page[DATA][0], value);
			assert_int_equal(g.requests, i / 2 + 1);
			/* Twice each page: the first asks, the second finds it. */
			if (!(i & 1))
				continue;
			guest_map(&g, false);
			assert_int_equal(uiommu_domain_cache_invalidate(
						 g.nested, UIOMMU_NESTED_SMMUV3, commands,
						 sizeof(commands[0]), &count),
					 0);
		}
		for (unsigned int i = 0; i < 2; i++)
			uiommu_detach_device(g.nested,
					     machine_device_uiommu(machine_device(g.m, labels[i])));
		uiommu_domain_free(g.nested);
		uiommu_domain_free(g.parent);
		uiommu_port_free_pages(machine_host(g.m), g.tables, 3);
		machine_buffer_free(g.m, g.page[DATA], PAGE);
		machine_settle(g.m);
		if (machine_num_reports(g.m))
			fail_msg("%s: model: %s", machine_name(g.m), machine_report(g.m, 0)->text);
		assert_int_equal(machine_num_warnings(g.m), 0);
		machine_destroy(g.m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),	cmocka_unit_test(test_exit),
		cmocka_unit_test(test_unbind),	cmocka_unit_test(test_silent),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_guest),
	};

	return cmocka_run_group_tests_name("smmuv3-machine", tests, NULL, NULL);
}
