/* SPDX-License-Identifier: MIT */
/*
 * minimal.c - the smallest host, and the example kernel on it
 *
 * With a libc around it, so that sanitizers see it; tests/house/freestanding.py runs the same life
 * without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ports/minimal/kernel.h"
#include "tests/ports/minimal_life.h"

#define MIB ((size_t)1 << 20)

static void the_kernel_lives(void **state)
{
	(void)state;
	for (unsigned int i = 0; minimal_presets[i]; i++) {
		const char *wrong = minimal_life(minimal_presets[i]);

		if (wrong)
			fail_msg("%s: %s", minimal_presets[i], wrong);
	}
}

static bool all_zero(const void *mem, size_t size)
{
	const unsigned char *at = mem;

	while (size && !*at) {
		at++;
		size--;
	}
	return !size;
}

static void blocks_are_aligned_and_zero(void **state)
{
	unsigned char *memory = aligned_alloc(4096, 16 * MIB);
	struct uiommu_minimal host = { 0 };
	void *pages[11], *small[50];

	(void)state;
	memset(memory, 0xee, 16 * MIB);
	uiommu_minimal_init(&host, memory + 5, 16 * MIB - 5);
	for (int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 50; i++) {
			small[i] = uiommu_port_alloc(&host, 1 + i * 97);
			assert_non_null(small[i]);
			assert_int_equal((uintptr_t)small[i] % 16, 0);
			assert_true(all_zero(small[i], 1 + i * 97));
			memset(small[i], (int)i + 1, 1 + i * 97);
		}
		for (unsigned int order = 0; order < 10; order++) {
			pages[order] = uiommu_port_alloc_pages(&host, order);
			assert_non_null(pages[order]);
			assert_int_equal((uintptr_t)pages[order] % (4096u << order), 0);
			assert_true((unsigned char *)pages[order] >= memory + 5);
			assert_true((unsigned char *)pages[order] + (4096u << order) <=
				    memory + 16 * MIB);
			assert_true(all_zero(pages[order], 4096u << order));
			memset(pages[order], 0xaa, 4096u << order);
		}
		for (unsigned int i = 0; i < 50; i++) {
			for (unsigned int b = 0; b < 1 + i * 97; b++)
				assert_int_equal(((unsigned char *)small[i])[b], i + 1);
			uiommu_port_free(&host, small[i], 1 + i * 97);
		}
		for (unsigned int order = 0; order < 10; order++)
			uiommu_port_free_pages(&host, pages[order], order);
		uiommu_port_free(&host, NULL, 8);
		assert_int_equal(host.in_use, 0);
	}
	free(memory);
}

/* How many pages there are; all are given back. */
static unsigned int count_pages(struct uiommu_minimal *host)
{
	unsigned int count = 0;
	void *list = NULL, *page;

	while ((page = uiommu_port_alloc_pages(host, 0))) {
		*(void **)page = list;
		list = page;
		count++;
	}
	while (list) {
		page = list;
		list = *(void **)page;
		uiommu_port_free_pages(host, page, 0);
	}
	return count;
}

static void memory_is_used_up_to_the_last_page(void **state)
{
	unsigned char *memory = aligned_alloc(4 * MIB, 8 * MIB);
	struct uiommu_minimal host = { 0 };
	void *large;

	(void)state;
	uiommu_minimal_init(&host, memory, 8 * MIB);
	assert_null(uiommu_port_alloc_pages(&host, 11));
	assert_null(uiommu_port_alloc(&host, 5 * MIB));
	uiommu_port_free(&host, uiommu_port_alloc(&host, 16), 16);
	/* The second 4 MiB are a large block; what lies before it is cut into smaller ones. */
	large = uiommu_port_alloc_pages(&host, 10);
	assert_ptr_equal(large, memory + 4 * MIB);
	assert_null(uiommu_port_alloc_pages(&host, 10));
	assert_int_equal(count_pages(&host), 1023);
	uiommu_port_free_pages(&host, large, 10);
	assert_int_equal(count_pages(&host), 2047);
	assert_null(uiommu_port_alloc_pages(&host, 10)); /* halves are not joined */
	assert_int_equal(count_pages(&host), 2047);
	assert_int_equal(host.in_use, 0);

	/* The end of the address space is no room. */
	host = (struct uiommu_minimal){ 0 };
	uiommu_minimal_init(&host, (void *)(UINTPTR_MAX - 4096), 4096);
	assert_null(uiommu_port_alloc_pages(&host, 1));
	free(memory);
}

static unsigned int lines;

static void count_line(const char *line)
{
	assert_string_equal(line, "words");
	lines++;
}

static void the_rest_of_the_port(void **state)
{
	struct uiommu_minimal host = { .direct_map = 0x1234000 };
	uint64_t before = uiommu_port_now_ns(&host);
	char buffer[300] = { 1, 2, 3 };
	struct uiommu_msi msi;

	(void)state;
	assert_int_equal(uiommu_port_direct_map(&host), 0x1234000);
	uiommu_port_relax(&host);
	assert_true(uiommu_port_now_ns(&host) > before);
	uiommu_port_cache_flush(&host, buffer + 1, sizeof(buffer) - 2);
	assert_int_equal(buffer[2], 3);
	assert_int_equal(uiommu_port_irq_request(&host, NULL, NULL, &msi), -UIOMMU_EOPNOTSUPP);
	lines = 0;
	uiommu_port_log(&host, UIOMMU_LOG_ERROR, "words");
	host.print = count_line;
	uiommu_port_log(&host, UIOMMU_LOG_ERROR, "words");
	uiommu_port_log(&host, UIOMMU_LOG_DEBUG, "words");
	assert_int_equal(lines, 1);
}

static void registers_are_plain_accesses(void **state)
{
	_Alignas(8) unsigned char page[32] = { 0 };
	struct uiommu_mmio mmio = kernel_mmio(page);

	(void)state;
	mmio.write64(mmio.context, 8, 0x1122334455667788ull);
	assert_int_equal(mmio.read64(mmio.context, 8), 0x1122334455667788ull);
	assert_int_equal(mmio.read32(mmio.context, 12), 0x11223344);
	mmio.write32(mmio.context, 8, 0xaabbccdd);
	assert_int_equal(mmio.read64(mmio.context, 8), 0x11223344aabbccddull);
	assert_true(all_zero(page, 8) && all_zero(page + 16, 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned_and_zero),
		cmocka_unit_test(memory_is_used_up_to_the_last_page),
		cmocka_unit_test(the_rest_of_the_port),
		cmocka_unit_test(registers_are_plain_accesses),
		cmocka_unit_test(the_kernel_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
