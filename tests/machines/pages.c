/* SPDX-License-Identifier: MIT */
/* pages.c - a device writes into a process that has not touched its memory yet, on every machine that can show it */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/sva.h>

#include "machines/machine.h"
#include "models/model.h"

#define AREA 0x7f0000000000u
#define SIZE 0x40000u

static const struct {
	const char *machine;
	bool stall;
} rows[] = {
	{ "q35-vtd-pri", false },
	{ "virt-smmuv3-pri", false },
	{ "virt-smmuv3-stall", true },
};
#define NUM_ROWS (sizeof(rows) / sizeof(rows[0]))

struct world {
	struct machine *m;
	struct machine_device *device;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva;
	uint32_t pasid;
};

static void open_world(struct world *w, size_t row)
{
	struct machine_options options = { .name = rows[row].machine,
					   .hardware = "model",
					   .seed = 1 };
	char error[256] = "";
	int rc;

	if (machine_create(&options, &w->m, error, sizeof(error)) ||
	    machine_boot(w->m, 0, error, sizeof(error)))
		fail_msg("%s: %s", rows[row].machine, error);
	w->device = machine_device(w->m, "pri0");
	assert_non_null(w->device);
	assert_true(machine_device_traits(w->device) &
		    (rows[row].stall ? MACHINE_STALL : MACHINE_PAGE_REQUESTS));
	assert_int_equal(machine_mm_create(w->m, w->device, &w->mm), 0);
	assert_int_equal(uiommu_posix_mm_map(w->mm, AREA, SIZE, UIOMMU_READ | UIOMMU_WRITE), 0);
	rc = uiommu_sva_bind_device(machine_device_uiommu(w->device), w->mm, &w->sva);
	if (rc)
		fail_msg("%s: bind: %s", rows[row].machine, uiommu_strerror(rc));
	w->pasid = uiommu_sva_pasid(w->sva);
}

static void close_world(struct world *w)
{
	uiommu_sva_unbind_device(w->sva);
	uiommu_posix_mm_put(w->mm);
	machine_settle(w->m);
	if (machine_num_reports(w->m))
		fail_msg("%s: model: %s", machine_name(w->m), machine_report(w->m, 0)->text);
	if (machine_num_warnings(w->m))
		fail_msg("%s: library: %s", machine_name(w->m), machine_warning(w->m, 0));
	machine_destroy(w->m);
}

static enum machine_dma_status dma(struct world *w, bool write, uint64_t address, uint64_t *word)
{
	const unsigned int flags = MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST;

	return write ? machine_dma_write(w->device, address, word, 8, w->pasid, flags) :
		       machine_dma_read(w->device, address, word, 8, w->pasid, flags);
}

/* The page comes when the device asks for it, and is the process's own. */
static void test_missing_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		struct machine_page_response response;
		struct world w;
		uint64_t word = UINT64_C(0x1122334455667788), got = 0;

		open_world(&w, i);
		assert_int_equal(dma(&w, true, AREA + 0x20008, &word), MACHINE_DMA_DONE);
		assert_int_equal(uiommu_posix_mm_read(w.mm, AREA + 0x20008, &got, 8), 0);
		assert_true(got == word);
		assert_true(machine_page_response(w.device, &response));
		assert_int_equal(response.stall, rows[i].stall);
		assert_int_equal(response.code, 0);
		if (!rows[i].stall) {
			assert_true(response.has_pasid && response.pasid == w.pasid);
			assert_true(response.group >= 0x100);
		}
		assert_false(machine_page_response(w.device, &response));
		/* What is there needs nobody's answer. */
		got = 0;
		assert_int_equal(dma(&w, false, AREA + 0x20008, &got), MACHINE_DMA_DONE);
		assert_true(got == word);
		assert_false(machine_page_response(w.device, &response));
		assert_int_equal(machine_num_faults(w.m), 0);
		close_world(&w);
	}
}

/* Where the process has nothing, the device gets nothing, and is told so. */
static void test_no_area(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		struct machine_page_response response;
		struct world w;
		uint64_t word = 1;

		open_world(&w, i);
		assert_int_equal(dma(&w, true, AREA + SIZE, &word), MACHINE_DMA_REFUSED);
		assert_true(machine_page_response(w.device, &response));
		assert_int_equal(response.code, 1);
		machine_settle(w.m);
		machine_clear_faults(w.m);
		close_world(&w);
	}
}

/* In two steps: it waits until the hardware was let go on, and a cancelled one waits no more. */
static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		const unsigned int flags = MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST;
		enum machine_dma_status status;
		struct world w;
		uint64_t got = 1;

		open_world(&w, i);
		assert_int_equal(machine_dma_start(w.device, false, AREA, NULL, 8, w.pasid, flags),
				 0);
		assert_int_equal(machine_dma_finish(w.device, &got, 8), MACHINE_DMA_WAITING);
		assert_int_equal(machine_dma_start(w.device, false, AREA, NULL, 8, w.pasid, flags),
				 -UIOMMU_EBUSY);
		do {
			machine_settle(w.m);
			status = machine_dma_finish(w.device, &got, 8);
		} while (status == MACHINE_DMA_WAITING);
		assert_int_equal(status, MACHINE_DMA_DONE);
		assert_int_equal(got, 0);
		assert_int_equal(machine_dma_start(w.device, false, AREA + 0x10000, NULL, 8,
						   w.pasid, flags),
				 0);
		machine_dma_cancel(w.device);
		assert_int_equal(machine_dma_finish(w.device, &got, 8), MACHINE_DMA_REFUSED);
		machine_settle(w.m);
		assert_int_equal(machine_dma_start(w.device, false, AREA, NULL, 4097, w.pasid,
						   flags),
				 -UIOMMU_EINVAL);
		close_world(&w);
	}
}

/* Bare requests are answered in their group, and nothing answers a stop marker. */
static void test_bare(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		struct machine_page_response response;
		struct machine_page_request request = {
			.iova = AREA,
			.flags = MACHINE_DMA_WITH_PASID,
			.prot = UIOMMU_READ | UIOMMU_WRITE,
			.group = 0x33,
		};
		struct world w;

		open_world(&w, i);
		request.pasid = w.pasid;
		if (rows[i].stall) {
			assert_int_equal(machine_page_request(w.device, &request),
					 -UIOMMU_EOPNOTSUPP);
			assert_int_equal(machine_stop_marker(w.device, w.pasid, 0),
					 -UIOMMU_EOPNOTSUPP);
			close_world(&w);
			continue;
		}
		assert_int_equal(machine_page_request(w.device, &request), 0);
		request.iova += 0x1000;
		request.last = true;
		assert_int_equal(machine_page_request(w.device, &request), 0);
		for (unsigned int round = 0; round < 10; round++)
			machine_settle(w.m);
		assert_true(machine_page_response(w.device, &response));
		assert_int_equal(response.group, 0x33);
		assert_int_equal(response.code, 0);
		assert_false(machine_page_response(w.device, &response));
		assert_true(uiommu_posix_mm_phys(w.mm, AREA) &&
			    uiommu_posix_mm_phys(w.mm, AREA + 0x1000));
		assert_int_equal(machine_stop_marker(w.device, w.pasid, 0), 0);
		machine_settle(w.m);
		assert_false(machine_page_response(w.device, &response));
		/* A PASID that the function cannot have is not sent. */
		request.pasid = 1u << 20;
		assert_int_equal(machine_page_request(w.device, &request), -UIOMMU_EINVAL);
		close_world(&w);
	}
}

/* A device TLB that keeps what it was told to forget goes on using it; then it behaves again. */
static void test_misbehaviour(void **state)
{
	(void)state;
	for (size_t i = 0; i < NUM_ROWS; i++) {
		struct world w;
		uint64_t word = 7, got = 0;

		open_world(&w, i);
		if (rows[i].stall) {
			assert_int_equal(machine_misbehave(w.device, MACHINE_ATC_DEAF, 1),
					 -UIOMMU_EOPNOTSUPP);
			close_world(&w);
			continue;
		}
		assert_int_equal(machine_misbehave(w.device, MACHINE_ATC_SILENT, 256),
				 -UIOMMU_EINVAL);
		assert_int_equal(dma(&w, true, AREA, &word), MACHINE_DMA_DONE);
		assert_int_equal(machine_misbehave(w.device, MACHINE_ATC_DEAF, 0), 0);
		assert_int_equal(uiommu_posix_mm_protect(w.mm, AREA, SIZE, UIOMMU_READ), 0);
		assert_int_equal(dma(&w, true, AREA, &word), MACHINE_DMA_DONE);
		assert_int_equal(machine_misbehave(w.device, MACHINE_BEHAVES, 0), 0);
		assert_int_equal(
			uiommu_posix_mm_protect(w.mm, AREA, SIZE, UIOMMU_READ | UIOMMU_WRITE), 0);
		assert_int_equal(uiommu_posix_mm_protect(w.mm, AREA, SIZE, UIOMMU_READ), 0);
		assert_int_equal(dma(&w, true, AREA, &word), MACHINE_DMA_REFUSED);
		assert_int_equal(dma(&w, false, AREA, &got), MACHINE_DMA_DONE);
		machine_settle(w.m);
		machine_clear_reports(w.m); /* of what the deaf one did */
		machine_clear_faults(w.m);
		close_world(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_pages), cmocka_unit_test(test_no_area),
		cmocka_unit_test(test_steps),	      cmocka_unit_test(test_bare),
		cmocka_unit_test(test_misbehaviour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
