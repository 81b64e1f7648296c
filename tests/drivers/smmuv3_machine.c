/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_machine.c - the SMMUv3 driver and a modelled SMMU: a device that shares a process's addresses
 *
 * By PRI and by stalls, with several seeds of the model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/machine.h"
#include "models/model.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_unbind),
	};

	return cmocka_run_group_tests_name("smmuv3-machine", tests, NULL, NULL);
}
