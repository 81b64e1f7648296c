/* SPDX-License-Identifier: MIT */
/*
 * virtio_ring.c - a split queue's memory and its indices, which wrap at 65536 (virtio 1.2, 2.7)
 *
 * The device's side is written here once more, from the specification.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/drivers/virtio/viommu.h"

#define LARGEST 256u
#define ROOM 16384u
#define ROUNDS 200000u /* three times round */

static uint8_t memory[ROOM + 1] __attribute__((aligned(16)));

static unsigned int word(const uint8_t *at)
{
	return at[0] | (unsigned int)at[1] << 8;
}

static void put_word(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* Three areas, each aligned and as long as it has to be, none in another, all in what is taken. */
static void layout(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= LARGEST; size = (uint16_t)(size * 2)) {
		struct viommu_ring r;
		size_t taken;

		memset(memory, 0, sizeof(memory));
		memory[ROOM] = 0x5a;
		taken = uiommu_viommu_ring_layout(&r, memory, size);
		assert_int_equal(r.size, size);
		assert_int_equal((uintptr_t)r.desc % VIRTIO_DESC_ALIGN, 0);
		assert_int_equal((uintptr_t)r.avail % VIRTIO_AVAIL_ALIGN, 0);
		assert_int_equal((uintptr_t)r.used % VIRTIO_USED_ALIGN, 0);
		assert_true(r.desc >= memory);
		assert_true(r.avail >= r.desc + (size_t)size * VIRTIO_DESC_SIZE);
		assert_true(r.used >= r.avail + 6 + 2 * (size_t)size);
		assert_true(r.used + 6 + 8 * (size_t)size <= memory + taken);
		assert_true(taken <= ROOM);
		assert_int_equal(word(r.avail + VIRTIO_AVAIL_IDX), 0);
		assert_int_equal(word(r.avail + VIRTIO_AVAIL_FLAGS), VIRTIO_AVAIL_F_NO_INTERRUPT);
	}
}

static void descriptors(void **state)
{
	static const uint8_t expected[16] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
					      0xdd, 0xcc, 0xbb, 0xaa, 0x03, 0x00, 0x34, 0x12 };
	struct viommu_ring r;

	(void)state;
	memset(memory, 0, sizeof(memory));
	uiommu_viommu_ring_layout(&r, memory, 8);
	uiommu_viommu_ring_descriptor(&r, 7, 0x1122334455667788, 0xaabbccdd,
				      VIRTIO_DESC_F_NEXT | VIRTIO_DESC_F_WRITE, 0x1234);
	assert_memory_equal(r.desc + 7 * VIRTIO_DESC_SIZE, expected, sizeof(expected));
	for (unsigned int i = 0; i < 7 * VIRTIO_DESC_SIZE; i++)
		assert_int_equal(r.desc[i], 0);
	assert_int_equal(word(r.avail + VIRTIO_AVAIL_IDX), 0);
}

static void notifications(void **state)
{
	struct viommu_ring r;

	(void)state;
	memset(memory, 0, sizeof(memory));
	uiommu_viommu_ring_layout(&r, memory, 8);
	assert_true(uiommu_viommu_ring_wants_notify(&r));
	put_word(r.used + VIRTIO_USED_FLAGS, VIRTIO_USED_F_NO_NOTIFY);
	assert_false(uiommu_viommu_ring_wants_notify(&r));
	put_word(r.used + VIRTIO_USED_FLAGS, 0xfffe); /* other bits say nothing */
	assert_true(uiommu_viommu_ring_wants_notify(&r));
}

/* Chains come and go in bunches of all sizes; nothing is lost, doubled or seen twice. */
static void round_and_round(uint16_t size)
{
	struct viommu_ring r;
	uint32_t added = 0, done = 0, taken = 0, head, length;

	memset(memory, 0, sizeof(memory));
	uiommu_viommu_ring_layout(&r, memory, size);
	while (taken < ROUNDS) {
		unsigned int bunch = 1 + added * 7 % size;

		for (unsigned int i = 0; i < bunch; i++, added++)
			uiommu_viommu_ring_add(&r, (uint16_t)(added * 5 % size));
		assert_int_equal(word(r.avail + VIRTIO_AVAIL_IDX), added & 0xffff);
		assert_false(uiommu_viommu_ring_take(&r, &head, &length));
		for (; done < added; done++) {
			const uint8_t *from = r.avail + VIRTIO_AVAIL_RING + 2 * (done % size);
			uint8_t *elem = r.used + VIRTIO_USED_RING + 8 * (size_t)(done % size);

			assert_int_equal(word(from), done * 5 % size);
			memset(elem, 0, 8);
			put_word(elem + VIRTIO_USED_ELEM_ID, word(from));
			put_word(elem + VIRTIO_USED_ELEM_LEN, done & 0xffff);
			put_word(elem + VIRTIO_USED_ELEM_LEN + 2, done >> 16);
		}
		put_word(r.used + VIRTIO_USED_IDX, done & 0xffff);
		for (; taken < done; taken++) {
			assert_true(uiommu_viommu_ring_take(&r, &head, &length));
			assert_int_equal(head, taken * 5 % size);
			assert_int_equal(length, taken);
		}
		assert_false(uiommu_viommu_ring_take(&r, &head, &length));
	}
}

static void indices_wrap(void **state)
{
	(void)state;
	for (uint16_t size = 1; size <= LARGEST; size = (uint16_t)(size * 4))
		round_and_round(size);
}

/* A whole ring at once, its end on the wrap of the index. */
static void a_full_ring_on_the_edge(void **state)
{
	struct viommu_ring r;
	uint32_t head, length;

	(void)state;
	memset(memory, 0, sizeof(memory));
	uiommu_viommu_ring_layout(&r, memory, 16);
	r.added = r.taken = 65536 - 8;
	put_word(r.used + VIRTIO_USED_IDX, 65536 - 8);
	for (uint16_t i = 0; i < 16; i++)
		uiommu_viommu_ring_add(&r, i);
	assert_int_equal(word(r.avail + VIRTIO_AVAIL_IDX), 8);
	assert_false(uiommu_viommu_ring_take(&r, &head, &length));
	for (unsigned int i = 0; i < 16; i++)
		put_word(r.used + VIRTIO_USED_RING + 8 * (size_t)((65536 - 8 + i) % 16), i);
	put_word(r.used + VIRTIO_USED_IDX, 8);
	for (unsigned int i = 0; i < 16; i++) {
		assert_true(uiommu_viommu_ring_take(&r, &head, &length));
		assert_int_equal(head, i);
	}
	assert_false(uiommu_viommu_ring_take(&r, &head, &length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(notifications),
		cmocka_unit_test(indices_wrap),
		cmocka_unit_test(a_full_ring_on_the_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
