/* SPDX-License-Identifier: MIT */
/*
 * ring.c - a split virtqueue in memory (2.7), from the driver's side
 *
 * No state of its own, no locks: the owner of a ring serialises.
 */
#include "src/drivers/virtio/viommu.h"

static size_t align_up(size_t value, size_t align)
{
	return (value + align - 1) & ~(align - 1);
}

size_t uiommu_viommu_ring_layout(struct viommu_ring *ring, uint8_t *memory, uint16_t size)
{
	size_t avail = (size_t)size * VIRTIO_DESC_SIZE;
	size_t used = align_up(avail + virtio_avail_size(size), VIRTIO_USED_ALIGN);

	ring->size = size;
	ring->desc = memory;
	ring->avail = memory + avail;
	ring->used = memory + used;
	ring->added = 0;
	ring->taken = 0;
	/* This driver looks by itself; the device may interrupt all the same. */
	viommu_put16(ring->avail + VIRTIO_AVAIL_FLAGS, VIRTIO_AVAIL_F_NO_INTERRUPT);
	return used + virtio_used_size(size);
}

void uiommu_viommu_ring_descriptor(struct viommu_ring *ring, uint16_t index, uiommu_phys_t address,
				   uint32_t length, uint16_t flags, uint16_t next)
{
	uint8_t *desc = ring->desc + (size_t)index * VIRTIO_DESC_SIZE;

	viommu_put64(desc + VIRTIO_DESC_ADDR, address);
	viommu_put32(desc + VIRTIO_DESC_LEN, length);
	viommu_put16(desc + VIRTIO_DESC_FLAGS, flags);
	viommu_put16(desc + VIRTIO_DESC_NEXT, next);
}

/* Both indices are naturally aligned 16-bit words that the two sides read and write at once. */
static uint16_t *index_word(uint8_t *at)
{
	return (uint16_t *)(void *)at;
}

void uiommu_viommu_ring_add(struct viommu_ring *ring, uint16_t head)
{
	unsigned int slot = ring->added & (ring->size - 1u);

	viommu_put16(ring->avail + VIRTIO_AVAIL_RING + 2 * slot, head);
	ring->added++;
	/* The entry, and what it leads to, before the index (2.7.13.3). */
	__atomic_store_n(index_word(ring->avail + VIRTIO_AVAIL_IDX), ring->added, __ATOMIC_RELEASE);
}

bool uiommu_viommu_ring_wants_notify(const struct viommu_ring *ring)
{
	/* The index before a look at the flags (2.7.13.4.1). */
	atomic_thread_fence(memory_order_seq_cst);
	return !(__atomic_load_n(index_word(ring->used + VIRTIO_USED_FLAGS), __ATOMIC_RELAXED) &
		 VIRTIO_USED_F_NO_NOTIFY);
}

bool uiommu_viommu_ring_take(struct viommu_ring *ring, uint32_t *head, uint32_t *length)
{
	unsigned int slot = ring->taken & (ring->size - 1u);
	const uint8_t *used = ring->used + VIRTIO_USED_RING + (size_t)slot * VIRTIO_USED_ELEM_SIZE;

	if (__atomic_load_n(index_word(ring->used + VIRTIO_USED_IDX), __ATOMIC_ACQUIRE) ==
	    ring->taken)
		return false;
	*head = viommu_get32(used + VIRTIO_USED_ELEM_ID);
	*length = viommu_get32(used + VIRTIO_USED_ELEM_LEN);
	ring->taken++;
	return true;
}
