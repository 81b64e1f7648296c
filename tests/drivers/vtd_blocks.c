/* SPDX-License-Identifier: MIT */
/*
 * vtd_blocks.c - the VT-d driver's arithmetic of ranges, against a reading of the encodings
 *
 * Ranges are cut for page-selective invalidation (6.5.2.3), or covered by one block as device TLBs are told
 * of it (6.5.2.5; PCIe 10.3.1).  Checked on every small range, and on random ones up to the last page of
 * the address space.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "src/drivers/vtd/unit.h"

#define PAGES (1ull << 52)
#define CAPACITY 100

/* The fewest aligned blocks of at most 2^max pages that make up [first, last], found from above. */
static uint64_t fewest(uint64_t node, unsigned int order, uint64_t first, uint64_t last,
		       unsigned int max)
{
	uint64_t end = node + ((1ull << order) - 1);

	if (end < first || node > last)
		return 0;
	if (node >= first && end <= last)
		return order <= max ? 1 : 1ull << (order - max);
	return fewest(node, order - 1, first, last, max) +
	       fewest(node + (1ull << (order - 1)), order - 1, first, last, max);
}

static bool power_of_two_covers(uint64_t first, uint64_t last, unsigned int max)
{
	for (unsigned int order = 0; order <= max; order++) {
		if (first >> order == last >> order)
			return 1ull << order <= 2 * (last - first + 1);
	}
	return false;
}

static void check_blocks(uint64_t first, uint64_t last, unsigned int max, unsigned int capacity)
{
	struct vtd_block blocks[CAPACITY + 1];
	uint64_t next = first << 12, count, wanted = fewest(0, 52, first, last, max);
	unsigned int i;

	blocks[capacity] = (struct vtd_block){ 0x5a5a, 99 };
	count = uiommu_vtd_blocks(first << 12, (last << 12) + 0xfff, max, blocks, capacity);
	assert_true(blocks[capacity].start == 0x5a5a && blocks[capacity].order == 99);
	if (power_of_two_covers(first, last, max)) {
		uint64_t size = 4096ull << blocks[0].order;

		assert_int_equal(count, 1);
		/* Order 52 is everything: 2^64 bytes, which is 0 here. */
		assert_true(blocks[0].order <= max);
		assert_true((blocks[0].start & (size - 1)) == 0);
		assert_true(blocks[0].start <= first << 12);
		assert_true(blocks[0].start + (size - 1) >= (last << 12) + 0xfff);
		assert_true(1ull << blocks[0].order <= 2 * (last - first + 1));
		return;
	}
	assert_int_equal(count, wanted > capacity ? 0 : wanted);
	for (i = 0; i < count; i++) {
		assert_true(blocks[i].order <= max);
		assert_true(blocks[i].start == next);
		assert_int_equal(blocks[i].start % (4096ull << blocks[i].order), 0);
		next += 4096ull << blocks[i].order;
	}
	if (count)
		assert_true(next == (last + 1) << 12);
}

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void random_range(uint64_t *seed, uint64_t *first, uint64_t *last)
{
	uint64_t size = 1 + (random64(seed) >> (12 + random64(seed) % 52));
	uint64_t at = random64(seed) >> 12;

	if (random64(seed) % 4 == 0) /* at the end of the address space */
		at = PAGES - size;
	else if (random64(seed) % 2) /* round addresses are the interesting ones */
		at &= ~0ull << random64(seed) % 52;
	if (at > PAGES - size)
		at = PAGES - size;
	*first = at;
	*last = at + (size - 1);
}

static void every_small_range(void **state)
{
	(void)state;
	for (unsigned int max = 0; max <= 6; max++)
		for (uint64_t first = 0; first < 40; first++)
			for (uint64_t last = first; last < 80; last++)
				check_blocks(first, last, max, max % 2 ? 8 : 3);
}

static void random_ranges(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15, first, last;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		random_range(&seed, &first, &last);
		check_blocks(first, last, (unsigned int)(random64(&seed) % 53),
			     1 + (unsigned int)(random64(&seed) % CAPACITY));
	}
	check_blocks(0, PAGES - 1, 52, 8);
	check_blocks(0, PAGES - 1, 18, 8);
	check_blocks(PAGES - 1, PAGES - 1, 9, 1);
	check_blocks(PAGES - 3, PAGES - 1, 9, 2);
}

/* Addresses inside of pages stand for their pages. */
static void bytes_are_pages(void **state)
{
	struct vtd_block blocks[2];

	(void)state;
	assert_int_equal(uiommu_vtd_blocks(0x1234, 0x1fff, 9, blocks, 2), 1);
	assert_true(blocks[0].start == 0x1000 && blocks[0].order == 0);
	assert_int_equal(uiommu_vtd_device_tlb_address(0x1234, 0x1800), 0x1000);
}

/* What a device makes of address and S: the block that it forgets. */
static void decode(uint64_t value, uint64_t *start, uint64_t *last)
{
	unsigned int bit = 12;

	assert_int_equal(value & 0xffe, 0);
	if (!(value & 1)) {
		*start = value;
		*last = value + 0xfff;
		return;
	}
	while (value >> bit & 1)
		bit++;
	assert_true(bit < 64);
	if (bit == 63) { /* 2^64 bytes */
		*start = 0;
		*last = UINT64_MAX;
		return;
	}
	*start = value & ~((2ull << bit) - 1);
	*last = *start + ((2ull << bit) - 1);
}

static void check_device_tlb(uint64_t first, uint64_t last)
{
	uint64_t start, end, size;

	decode(uiommu_vtd_device_tlb_address(first << 12, (last << 12) + 0xfff), &start, &end);
	assert_true(start <= first << 12 && end >= (last << 12) + 0xfff);
	size = end - start + 1;
	/* The smallest one: neither half of it would do.  2^63 bytes may be everything. */
	if (size > 4096)
		assert_true(first << 12 < start + size / 2 &&
			    (last << 12) + 0xfff >= start + size / 2);
	if (size == 0)
		assert_true(first >> 50 != last >> 50);
}

static void device_tlbs_are_told_the_smallest_block(void **state)
{
	uint64_t seed = 0x2545f4914f6cdd1d, first, last;

	(void)state;
	for (first = 0; first < 70; first++)
		for (last = first; last < 140; last++)
			check_device_tlb(first, last);
	for (unsigned int i = 0; i < 20000; i++) {
		random_range(&seed, &first, &last);
		check_device_tlb(first, last);
	}
	check_device_tlb(0, PAGES - 1);
	check_device_tlb(PAGES - 1, PAGES - 1);
	assert_int_equal(uiommu_vtd_device_tlb_address(0, UINT64_MAX), 0x7ffffffffffff001);
	assert_int_equal(uiommu_vtd_device_tlb_address(0x4000, 0x5fff), 0x4001);
	assert_int_equal(uiommu_vtd_device_tlb_address(0x200000, 0x3fffff), 0x2ff001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_small_range),
		cmocka_unit_test(random_ranges),
		cmocka_unit_test(bytes_are_pages),
		cmocka_unit_test(device_tlbs_are_told_the_smallest_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
