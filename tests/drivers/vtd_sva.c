/* SPDX-License-Identifier: MIT */
/*
 * vtd_sva.c - processes, page requests and device TLBs behind the VT-d driver, on modelled hardware
 *
 * The model reports each use of a translation that should be gone, each entry that changes in a way it may
 * not, and each request that nobody answers; no test here accepts any such report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "machines/machine.h"
#include "models/model.h"
#include "spec/vtd.h"

#define PAGE 4096u
#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define ASK (MACHINE_DMA_WITH_PASID | MACHINE_DMA_USE_ATS | MACHINE_DMA_PAGE_REQUEST)
#define AREA 0x10000000ull
#define LAST_PAGE 0x7ffffffff000ull /* of the lower half, 48 bits */

struct bench {
	struct machine *m;
	struct machine_device *md;
	struct uiommu_device *dev;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva;
	uint32_t pasid;
	unsigned int ring; /* descriptors that the queue of page requests has room for */
};

static struct machine *boot(void)
{
	struct machine_options options = { .name = "q35-vtd-pri", .hardware = "model", .seed = 1 };
	struct machine *m;
	char error[256] = "";

	if (machine_create(&options, &m, error, sizeof(error)) ||
	    machine_boot(m, 0, error, sizeof(error)))
		fail_msg("%s", error);
	return m;
}

static void start(struct bench *b, const char *label)
{
	memset(b, 0, sizeof(*b));
	b->m = boot();
	b->md = machine_device(b->m, label);
	assert_non_null(b->md);
	b->dev = machine_device_uiommu(b->md);
	b->ring = 128;
}

static void no_reports(struct bench *b)
{
	machine_settle(b->m);
	if (machine_num_reports(b->m))
		fail_msg("model %s, %s: %s", machine_report(b->m, 0)->model,
			 machine_report(b->m, 0)->section, machine_report(b->m, 0)->text);
}

/* @warnings: that many lines of the library were wanted; they are not looked at. */
static void stop(struct bench *b, bool warnings)
{
	no_reports(b);
	if (!warnings && machine_num_warnings(b->m))
		fail_msg("library: %s", machine_warning(b->m, 0));
	if (warnings)
		assert_true(machine_num_warnings(b->m));
	machine_destroy(b->m);
}

static void bind(struct bench *b)
{
	const struct uiommu_posix_mm_config config = { .format = UIOMMU_MM_X86_64 };

	assert_int_equal(uiommu_posix_mm_create(machine_host(b->m), &config, &b->mm), 0);
	assert_int_equal(uiommu_posix_mm_map(b->mm, AREA, 64 * PAGE, RW), 0);
	assert_int_equal(uiommu_sva_bind_device(b->dev, b->mm, &b->sva), 0);
	b->pasid = uiommu_sva_pasid(b->sva);
}

static void unbind(struct bench *b)
{
	uiommu_sva_unbind_device(b->sva);
	uiommu_posix_mm_put(b->mm);
}

static enum machine_dma_status put(struct bench *b, uint64_t at, uint64_t value)
{
	return machine_dma_write(b->md, at, &value, sizeof(value), b->pasid, ASK);
}

static enum machine_dma_status get(struct bench *b, uint64_t at, uint64_t *value)
{
	return machine_dma_read(b->md, at, value, sizeof(*value), b->pasid, ASK);
}

/* ---- processes --------------------------------------------------------------------------------- */

static void a_process_and_its_device(void **state)
{
	uint64_t value = 0;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(put(&b, AREA + i * PAGE, 1000 + i), MACHINE_DMA_DONE);
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(uiommu_posix_mm_read(b.mm, AREA + i * PAGE, &value, sizeof(value)),
				 0);
		assert_int_equal(value, 1000 + i);
	}
	/* What the process writes the device reads, from the last page of all too. */
	assert_int_equal(uiommu_posix_mm_map(b.mm, LAST_PAGE, PAGE, RW), 0);
	value = 77;
	assert_int_equal(uiommu_posix_mm_write(b.mm, LAST_PAGE, &value, sizeof(value)), 0);
	value = 0;
	assert_int_equal(get(&b, LAST_PAGE, &value), MACHINE_DMA_DONE);
	assert_int_equal(value, 77);
	/* Outside of all areas nobody gives it anything. */
	assert_int_equal(put(&b, AREA + 64 * PAGE, 1), MACHINE_DMA_REFUSED);
	unbind(&b);
	stop(&b, false);
}

/* Each change of the tables reaches IOTLB and device TLB, and nothing but what it names has to be asked for again. */
static void what_the_process_takes_away(void **state)
{
	uint64_t value = 0;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	assert_int_equal(uiommu_posix_mm_map(b.mm, LAST_PAGE, PAGE, RW), 0);
	assert_int_equal(put(&b, LAST_PAGE, 5), MACHINE_DMA_DONE);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(put(&b, AREA + i * PAGE, i), MACHINE_DMA_DONE);
	assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA + 3 * PAGE, PAGE), 0);
	assert_int_equal(put(&b, AREA + 3 * PAGE, 1), MACHINE_DMA_REFUSED);
	assert_int_equal(get(&b, AREA + 4 * PAGE, &value), MACHINE_DMA_DONE);
	assert_int_equal(value, 4);
	assert_int_equal(uiommu_posix_mm_protect(b.mm, AREA + 8 * PAGE, PAGE, UIOMMU_READ), 0);
	assert_int_equal(put(&b, AREA + 8 * PAGE, 1), MACHINE_DMA_REFUSED);
	assert_int_equal(get(&b, AREA + 8 * PAGE, &value), MACHINE_DMA_DONE);
	assert_int_equal(value, 8);
	assert_int_equal(uiommu_posix_mm_unmap(b.mm, LAST_PAGE, PAGE), 0);
	assert_int_equal(put(&b, LAST_PAGE, 1), MACHINE_DMA_REFUSED);
	assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA, 64 * PAGE), 0);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(put(&b, AREA + i * PAGE, 1), MACHINE_DMA_REFUSED);
	unbind(&b);
	stop(&b, false);
}

static void a_process_that_exits(void **state)
{
	uint64_t value = 0;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	assert_int_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	machine_clear_faults(b.m);
	uiommu_posix_mm_exit(b.mm);
	/* Also without asking; nothing is recorded, and page requests are answered. */
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(put(&b, AREA + i * PAGE, 1), MACHINE_DMA_REFUSED);
		assert_int_equal(machine_dma_read(b.md, AREA, &value, sizeof(value), b.pasid,
						  MACHINE_DMA_WITH_PASID),
				 MACHINE_DMA_REFUSED);
	}
	machine_settle(b.m);
	assert_int_equal(machine_num_faults(b.m), 0);
	unbind(&b);
	/* Detached as usual: now it is a fault. */
	assert_int_equal(machine_dma_read(b.md, AREA, &value, sizeof(value), b.pasid,
					  MACHINE_DMA_WITH_PASID),
			 MACHINE_DMA_REFUSED);
	machine_settle(b.m);
	assert_int_not_equal(machine_num_faults(b.m), 0);
	stop(&b, false);
}

/* ---- page requests ----------------------------------------------------------------------------- */

static void ask(struct bench *b, uint64_t iova, uint16_t group, bool last)
{
	const struct machine_page_request request = { .iova = iova,
						      .pasid = b->pasid,
						      .flags = MACHINE_DMA_WITH_PASID,
						      .prot = RW,
						      .group = group,
						      .last = last };

	assert_int_equal(machine_page_request(b->md, &request), 0);
}

static unsigned int answers(struct bench *b, unsigned int code)
{
	struct machine_page_response response;
	unsigned int count = 0;

	while (machine_page_response(b->md, &response)) {
		assert_false(response.stall);
		assert_int_equal(response.has_pasid,
				 response.has_pasid ? b->pasid == response.pasid : 0);
		assert_int_equal(response.code, code);
		count++;
	}
	return count;
}

static void groups_and_their_answers(void **state)
{
	struct machine_page_response response;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	/* Two groups mixed, one with a page that cannot be had. */
	ask(&b, AREA, 3, false);
	ask(&b, AREA + PAGE, 4, false);
	ask(&b, AREA + 1024 * PAGE, 3, false);
	machine_settle(b.m);
	assert_false(machine_page_response(b.md, &response));
	ask(&b, AREA + 2 * PAGE, 4, true);
	ask(&b, AREA + 3 * PAGE, 3, true);
	machine_settle(b.m);
	assert_true(machine_page_response(b.md, &response));
	assert_int_equal(response.group, 4);
	assert_int_equal(response.code, 0);
	assert_true(response.has_pasid);
	assert_int_equal(response.pasid, b.pasid);
	assert_true(machine_page_response(b.md, &response));
	assert_int_equal(response.group, 3);
	assert_int_equal(response.code, 1);
	assert_false(machine_page_response(b.md, &response));
	/* A stop marker is nobody's question. */
	assert_int_equal(machine_stop_marker(b.md, b.pasid, MACHINE_DMA_WITH_PASID), 0);
	machine_settle(b.m);
	assert_false(machine_page_response(b.md, &response));
	unbind(&b);
	stop(&b, false);
}

/* Requests that are still in the queue when the process is unbound: each is answered, and none later. */
static void unbound_with_requests_under_way(void **state)
{
	struct bench b;

	(void)state;
	for (unsigned int many = 1; many <= 30; many += 29) {
		start(&b, "pri0");
		bind(&b);
		for (unsigned int i = 0; i < many; i++)
			ask(&b, AREA + i * PAGE, (uint16_t)i, true);
		uiommu_sva_unbind_device(b.sva);
		assert_int_equal(answers(&b, 1), many);
		machine_settle(b.m);
		assert_int_equal(answers(&b, 1), 0);
		uiommu_posix_mm_put(b.mm);
		stop(&b, false);
	}
}

/* Beside a process, a PASID whose requests nobody answers: it is taken away and used again under them. */
static void a_pasid_that_nobody_answers_for(void **state)
{
	struct uiommu_attach_handle handle[2] = { { 0 } };
	struct machine_page_response response;
	struct uiommu_domain *domain[2];
	uint32_t process;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	process = b.pasid;
	b.pasid = process + 1;
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(uiommu_domain_alloc_paging(b.dev, UIOMMU_ALLOC_PASID, &domain[i]),
				 0);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(uiommu_attach_device_pasid(domain[0], b.dev, b.pasid, &handle[0]),
				 0);
		ask(&b, AREA, (uint16_t)i, true);
		assert_int_equal(uiommu_replace_device_pasid(domain[1], b.dev, b.pasid, &handle[1]),
				 0);
		ask(&b, AREA, (uint16_t)(i + 8), true);
		uiommu_detach_device_pasid(domain[1], b.dev, b.pasid);
	}
	machine_settle(b.m);
	/* Under a replacement: try again; at the end: no. */
	for (unsigned int i = 0; i < 8; i++) {
		assert_true(machine_page_response(b.md, &response));
		assert_int_equal(response.code, i & 1);
	}
	assert_false(machine_page_response(b.md, &response));
	b.pasid = process;
	assert_int_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	unbind(&b);
	for (unsigned int i = 0; i < 2; i++)
		uiommu_domain_free(domain[i]);
	stop(&b, false);
}

/*
 * The queue overflows with the last of a group still to come.  Hardware answers what it drops, with success;
 * what software has of the group is forgotten, and whoever asks next is served.
 */
static void more_requests_than_fit(void **state)
{
	struct machine_page_response response;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	ask(&b, AREA + 1024 * PAGE, 7, false);
	/* These need no credit of the device's. */
	for (unsigned int i = 0; i < b.ring; i++)
		assert_int_equal(machine_stop_marker(b.md, b.pasid, MACHINE_DMA_WITH_PASID), 0);
	ask(&b, AREA, 7, true);
	/* At once: nobody has looked into the queue yet. */
	assert_int_equal(answers(&b, 0), 1);
	assert_int_equal(machine_num_warnings(b.m), 0);
	machine_settle(b.m);
	assert_int_equal(machine_num_warnings(b.m), 1);
	assert_int_equal(answers(&b, 0), 0);
	ask(&b, AREA + 1024 * PAGE, 8, true);
	ask(&b, AREA, 7, true);
	machine_settle(b.m);
	/* Had the core kept one of an area that is not there it would not be a success. */
	assert_true(machine_page_response(b.md, &response));
	assert_int_equal(response.group, 8);
	assert_int_equal(response.code, 1);
	assert_int_equal(answers(&b, 0), 1);
	assert_int_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	unbind(&b);
	stop(&b, true);
}

/* ---- device TLBs that do not answer ------------------------------------------------------------ */

static void a_device_in_quarantine(void **state)
{
	struct machine_device *other;
	struct uiommu_sva *also;
	uint64_t value = 3;
	struct bench b;

	(void)state;
	start(&b, "pri0");
	other = machine_device(b.m, "ats0");
	bind(&b);
	assert_int_equal(uiommu_sva_bind_device(machine_device_uiommu(other), b.mm, &also), 0);
	assert_int_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	assert_int_equal(machine_dma_write(other, AREA, &value, sizeof(value), b.pasid, ASK),
			 MACHINE_DMA_DONE);
	machine_clear_faults(b.m);
	assert_int_equal(machine_misbehave(b.md, MACHINE_ATC_SILENT, 0), 0);
	assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA, PAGE), 0);
	assert_true(uiommu_device_quarantined(b.dev));
	assert_false(uiommu_device_quarantined(machine_device_uiommu(other)));
	machine_settle(b.m);
	assert_int_equal(machine_num_faults(b.m), 1);
	/* Neither reaches the page that is gone; the other one goes on. */
	assert_int_not_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	assert_int_equal(machine_dma_write(other, AREA, &value, sizeof(value), b.pasid, ASK),
			 MACHINE_DMA_REFUSED);
	assert_int_equal(machine_dma_write(other, AREA + PAGE, &value, sizeof(value), b.pasid, ASK),
			 MACHINE_DMA_DONE);
	/* Its untranslated requests are translated. */
	assert_int_equal(machine_dma_write(b.md, AREA + PAGE, &value, sizeof(value), b.pasid,
					   MACHINE_DMA_WITH_PASID),
			 MACHINE_DMA_DONE);
	assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA + PAGE, PAGE), 0);
	assert_int_equal(uiommu_device_reset_prepare(b.dev), 0);
	assert_int_equal(machine_device_reset(b.md), 0);
	uiommu_device_reset_done(b.dev);
	assert_false(uiommu_device_quarantined(b.dev));
	assert_int_equal(put(&b, AREA + 2 * PAGE, 9), MACHINE_DMA_DONE);
	assert_int_equal(uiommu_posix_mm_unmap(b.mm, AREA + 2 * PAGE, PAGE), 0);
	assert_int_equal(put(&b, AREA + 2 * PAGE, 9), MACHINE_DMA_REFUSED);
	assert_false(uiommu_device_quarantined(b.dev));
	uiommu_sva_unbind_device(also);
	unbind(&b);
	stop(&b, true);
}

/* Silent while it is being detached: that ends all the same. */
static void detached_while_silent(void **state)
{
	struct bench b;

	(void)state;
	start(&b, "pri0");
	bind(&b);
	assert_int_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	assert_int_equal(machine_misbehave(b.md, MACHINE_ATC_SILENT, 1), 0);
	unbind(&b);
	assert_true(uiommu_device_quarantined(b.dev));
	assert_int_not_equal(put(&b, AREA, 1), MACHINE_DMA_DONE);
	stop(&b, true);
}

/* ---- replace ----------------------------------------------------------------------------------- */

/* A stream of DMA over a change of the first stage sees one or the other, all the time. */
static void replaced_without_a_gap(void **state)
{
	struct uiommu_attach_handle handle[2] = { { 0 } };
	struct machine_stream_stats stats;
	struct uiommu_domain *domain[2];
	uint64_t phys[2], *page[2];
	struct bench b;

	(void)state;
	start(&b, "pri0");
	assert_true(uiommu_device_capable(b.dev, UIOMMU_CAP_HITLESS_REPLACE));
	for (unsigned int i = 0; i < 2; i++) {
		page[i] = machine_buffer(b.m, PAGE, PAGE, &phys[i]);
		for (unsigned int w = 0; w < PAGE / 8; w++)
			page[i][w] = 0xa + i;
		assert_int_equal(uiommu_domain_alloc_paging(b.dev, UIOMMU_ALLOC_PASID, &domain[i]),
				 0);
		assert_int_equal(uiommu_map(domain[i], AREA, phys[i], PAGE, RW), 0);
	}
	assert_int_equal(uiommu_attach_device_pasid(domain[0], b.dev, 5, &handle[0]), 0);
	assert_int_equal(
		machine_stream_start(b.md, AREA, PAGE, 5, MACHINE_DMA_WITH_PASID, 0xa, 0xb), 0);
	stats.done = 0;
	for (unsigned int i = 1; i <= 200; i++) {
		const uint64_t before = stats.done;

		assert_int_equal(
			uiommu_replace_device_pasid(domain[i & 1], b.dev, 5, &handle[i & 1]), 0);
		do
			machine_stream_stats(b.md, &stats);
		while (stats.done == before && !stats.refused);
	}
	machine_stream_stop(b.md, &stats);
	assert_int_equal(stats.refused, 0);
	assert_int_equal(stats.wrong, 0);
	uiommu_detach_device_pasid(domain[0], b.dev, 5);
	for (unsigned int i = 0; i < 2; i++) {
		uiommu_domain_free(domain[i]);
		machine_buffer_free(b.m, page[i], PAGE);
	}
	stop(&b, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_and_its_device),
		cmocka_unit_test(what_the_process_takes_away),
		cmocka_unit_test(a_process_that_exits),
		cmocka_unit_test(groups_and_their_answers),
		cmocka_unit_test(unbound_with_requests_under_way),
		cmocka_unit_test(a_pasid_that_nobody_answers_for),
		cmocka_unit_test(more_requests_than_fit),
		cmocka_unit_test(a_device_in_quarantine),
		cmocka_unit_test(detached_while_silent),
		cmocka_unit_test(replaced_without_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
