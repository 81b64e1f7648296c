/* SPDX-License-Identifier: MIT */
/* posix.c - the hosted port: memory, direct map, interrupts, failing on demand */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/posix.h>

#define MiB (1024ull * 1024)

static struct uiommu_posix *make(uint64_t base, uint64_t size,
				 const struct uiommu_posix_hooks *hooks)
{
	struct uiommu_posix_config config = {
		.ram_base = base, .ram_size = size, .ram_fd = -1, .hooks = hooks
	};
	struct uiommu_posix *posix;

	assert_int_equal(uiommu_posix_create(&config, &posix), 0);
	return posix;
}

static void pages_are_aligned_zeroed_and_merge_again(void **state)
{
	struct uiommu_posix *posix = make(0x40000000, 16 * MiB, NULL);
	struct uiommu_posix_usage usage;
	unsigned char *block[64];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 64; i++) {
			unsigned int order = i % 5;

			block[i] = uiommu_port_alloc_pages(posix, order);
			assert_non_null(block[i]);
			assert_int_equal(uiommu_posix_ptr_to_phys(posix, block[i]) &
						 ((4096ull << order) - 1),
					 0);
			for (size_t b = 0; b < 4096ull << order; b += 512)
				assert_int_equal(block[i][b], 0);
			memset(block[i], 0xaa, 4096ull << order);
		}
		for (unsigned int i = 0; i < 64; i++)
			uiommu_port_free_pages(posix, block[(i * 37) % 64], ((i * 37) % 64) % 5);
	}
	/* Everything has merged: 8 MiB are there in one piece. */
	block[0] = uiommu_posix_alloc_ram(posix, 8 * MiB, 4096, NULL);
	assert_non_null(block[0]);
	uiommu_posix_free_ram(posix, block[0], 8 * MiB);
	uiommu_posix_usage(posix, &usage);
	assert_int_equal(usage.pages, 0);
	uiommu_posix_destroy(posix);
}

static void memory_runs_out_and_comes_back(void **state)
{
	struct uiommu_posix *posix = make(0, 1 * MiB, NULL);
	void *pages[256];
	unsigned int n = 0;

	(void)state;
	while ((pages[n] = uiommu_port_alloc_pages(posix, 0)))
		n++;
	assert_int_equal(n, 255); /* all but physical address 0 */
	for (unsigned int i = 0; i < n; i++)
		assert_true(uiommu_posix_ptr_to_phys(posix, pages[i]) != 0);
	while (n)
		uiommu_port_free_pages(posix, pages[--n], 0);
	assert_non_null(pages[0] = uiommu_port_alloc_pages(posix, 7));
	uiommu_port_free_pages(posix, pages[0], 7);
	uiommu_posix_destroy(posix);
}

static void physical_addresses_are_not_pointers(void **state)
{
	struct uiommu_posix *posix = make(0x100000000, 1 * MiB, NULL);
	unsigned char *page = uiommu_port_alloc_pages(posix, 0);
	uiommu_phys_t phys = uiommu_posix_ptr_to_phys(posix, page);

	(void)state;
	assert_true(phys >= 0x100000000 && phys < 0x100000000 + 1 * MiB);
	assert_ptr_equal((void *)(uintptr_t)(phys + uiommu_port_direct_map(posix)), page);
	assert_ptr_equal(uiommu_posix_phys_to_ptr(posix, phys), page);
	assert_null(uiommu_posix_phys_to_ptr(posix, 0xffffffff));
	uiommu_port_free_pages(posix, page, 0);
	uiommu_posix_destroy(posix);
}

static void count_interrupt(void *arg)
{
	++*(int *)arg;
}

static void an_interrupt_arrives_once(void **state)
{
	struct uiommu_posix *posix = make(0, 1 * MiB, NULL);
	struct uiommu_msi msi;
	int count = 0;
	int irq = uiommu_port_irq_request(posix, count_interrupt, &count, &msi);

	(void)state;
	assert_true(irq >= 0);
	assert_false(uiommu_posix_msi(posix, msi.address, msi.data + 1));
	assert_true(uiommu_posix_msi(posix, msi.address, msi.data));
	assert_int_equal(count, 0);
	assert_int_equal(uiommu_posix_deliver(posix), 1);
	assert_int_equal(uiommu_posix_deliver(posix), 0);
	assert_int_equal(count, 1);
	uiommu_port_irq_free(posix, irq);
	assert_false(uiommu_posix_msi(posix, msi.address, msi.data));
	uiommu_posix_destroy(posix);
}

static bool fail_third(void *context, enum uiommu_posix_step step, size_t size)
{
	(void)step;
	(void)size;
	return ++*(int *)context == 3;
}

static void the_third_allocation_fails(void **state)
{
	int count = 0;
	struct uiommu_posix_hooks hooks = { .context = &count, .fail = fail_third };
	struct uiommu_posix *posix = make(0, 1 * MiB, &hooks);
	struct uiommu_posix_usage usage;
	void *a = uiommu_port_alloc(posix, 10), *b = uiommu_port_alloc_pages(posix, 0);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_null(uiommu_port_alloc(posix, 10));
	uiommu_posix_usage(posix, &usage);
	assert_int_equal(usage.objects, 1);
	assert_int_equal(usage.bytes, 10);
	uiommu_port_free(posix, a, 10);
	uiommu_port_free_pages(posix, b, 0);
	uiommu_posix_destroy(posix);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_aligned_zeroed_and_merge_again),
		cmocka_unit_test(memory_runs_out_and_comes_back),
		cmocka_unit_test(physical_addresses_are_not_pointers),
		cmocka_unit_test(an_interrupt_arrives_once),
		cmocka_unit_test(the_third_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
