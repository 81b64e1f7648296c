/* SPDX-License-Identifier: MIT */
/*
 * queue.c - queued invalidation (6.5.2)
 *
 * Submitting is synchronous: the descriptors, a wait descriptor with a fresh ticket, the tail, and then
 * the queue's lock is kept until hardware has written the ticket.  The ring is therefore empty at each
 * start, but for what a batch that was given up left; a batch is small enough to be written TRIES times and
 * beside that.
 *
 * Errors (6.5.2.9, 6.5.2.10).  IQE: hardware stands at a descriptor that it cannot take; that one is replaced
 * by an idle wait, the error is cleared, and the tail written again.  ITE and ICE: a device did not answer
 * an invalidation of its TLB or answered wrongly, and waits that were pending are dropped: the error is
 * cleared and the batch submitted again; after TRIES times it is given up and reported.  The queue goes on.
 */
#include "src/drivers/vtd/unit.h"

#define TRIES 3

static unsigned int quadwords(const struct vtd_queue *q)
{
	return q->entry_size / 8;
}

static void put(struct uiommu_vtd *unit, unsigned int index, const uint64_t desc[2])
{
	struct vtd_queue *q = &unit->queue;
	uint64_t *slot = &q->ring[index * quadwords(q)];

	slot[0] = desc[0];
	slot[1] = desc[1];
	for (unsigned int i = 2; i < quadwords(q); i++)
		slot[i] = 0;
	if (!unit->coherent)
		uiommu_port_cache_flush(unit->host, slot, q->entry_size);
}

static void wait_descriptor(struct uiommu_vtd *unit, uint32_t ticket, uint32_t *where,
			    uint64_t desc[2])
{
	desc[0] = VTD_DESC_WAIT | VTD_DESC_WAIT_SW | vtd_set(ticket, VTD_DESC_WAIT_DATA);
	desc[1] = vtd_phys(unit, where);
}

static unsigned int shift(const struct vtd_queue *q)
{
	return q->entry_size == VTD_DESC_SIZE_256 ? 5 : 4;
}

static void replace_failed(struct uiommu_vtd *unit)
{
	struct vtd_queue *q = &unit->queue;
	uint64_t head = vtd_read64(unit, VTD_REG_IQH) & VTD_IQ_PTR;
	unsigned int index = (unsigned int)(head >> shift(q)) % q->entries;
	const uint64_t *bad = &q->ring[index * quadwords(q)];
	uint64_t idle[2];

	uiommu_log(unit->host, UIOMMU_LOG_ERROR,
		   "%s: invalidation descriptor %llx %llx is refused (reason %u)",
		   unit->config.name, (unsigned long long)bad[0], (unsigned long long)bad[1],
		   (unsigned int)vtd_get(vtd_read64(unit, VTD_REG_IQERCD), VTD_IQERCD_IQEI));
	wait_descriptor(unit, 0, q->status + 1, idle);
	put(unit, index, idle);
	vtd_write32(unit, VTD_REG_FSTS, VTD_FSTS_IQE);
	vtd_write64(unit, VTD_REG_IQT, (uint64_t)q->tail << shift(q));
}

/*
 * Until hardware has come to the end of a batch of @count descriptors.  0: it has; -UIOMMU_EAGAIN: dropped,
 * submit again; otherwise given up.  *@result: how bad what went wrong on the way is.
 */
static int wait_for(struct uiommu_vtd *unit, uint32_t ticket, unsigned int count, int *result)
{
	struct vtd_queue *q = &unit->queue;
	struct uiommu_patience patience;
	unsigned int refused = 0;

	*result = 0;
	uiommu_patience_begin(unit->host, &patience);
	for (;;) {
		uint32_t fsts;

		if (__atomic_load_n(&q->status[0], __ATOMIC_ACQUIRE) == ticket)
			return 0;
		fsts = vtd_read32(unit, VTD_REG_FSTS);
		if (fsts & VTD_FSTS_IQE) {
			*result = -UIOMMU_EIO;
			/* Each can be refused once: what takes its place cannot. */
			if (refused++ > count) {
				unit->dead = true;
				return -UIOMMU_EIO;
			}
			replace_failed(unit);
			continue;
		}
		if (fsts & (VTD_FSTS_ITE | VTD_FSTS_ICE)) {
			vtd_write32(unit, VTD_REG_FSTS, VTD_FSTS_ITE | VTD_FSTS_ICE);
			*result = fsts & VTD_FSTS_ITE ? -UIOMMU_ETIMEDOUT : -UIOMMU_EIO;
			return -UIOMMU_EAGAIN;
		}
		if (!uiommu_patience_turn(unit->host, &patience)) {
			unit->dead = (vtd_read64(unit, VTD_REG_IQH) & VTD_IQ_PTR) !=
				     (uint64_t)q->tail << shift(q);
			return -UIOMMU_ETIMEDOUT;
		}
	}
}

static int submit_batch(struct uiommu_vtd *unit, const uint64_t (*desc)[2], unsigned int count)
{
	struct vtd_queue *q = &unit->queue;
	uint64_t wait[2];
	int result = 0, rc;

	for (unsigned int tries = 0; tries < TRIES; tries++) {
		if (++q->ticket == 0)
			q->ticket = 1;
		for (unsigned int i = 0; i < count; i++) {
			put(unit, q->tail, desc[i]);
			q->tail = (q->tail + 1) % q->entries;
		}
		wait_descriptor(unit, q->ticket, q->status, wait);
		put(unit, q->tail, wait);
		q->tail = (q->tail + 1) % q->entries;
		/* Descriptors and table entries before the tail. */
		atomic_thread_fence(memory_order_seq_cst);
		vtd_write64(unit, VTD_REG_IQT, (uint64_t)q->tail << shift(q));
		rc = wait_for(unit, q->ticket, count, &result);
		if (rc != -UIOMMU_EAGAIN)
			return rc ? rc : result;
	}
	return result;
}

int uiommu_vtd_queue_submit(struct uiommu_vtd *unit, const uint64_t (*desc)[2], unsigned int count)
{
	struct vtd_queue *q = &unit->queue;
	unsigned int room = q->entries / (TRIES + 1) - 1; /* and a wait */
	int rc = 0;

	uiommu_port_mutex_lock(unit->host, &q->lock);
	while (count && !rc && !unit->dead) {
		unsigned int batch = count < room ? count : room;

		rc = submit_batch(unit, desc, batch);
		desc += batch;
		count -= batch;
	}
	if (rc)
		uiommu_log(unit->host, UIOMMU_LOG_ERROR, "%s: an invalidation failed: %s",
			   unit->config.name, uiommu_strerror(rc));
	uiommu_port_mutex_unlock(unit->host, &q->lock);
	return rc;
}

int uiommu_vtd_queue_init(struct uiommu_vtd *unit)
{
	struct vtd_queue *q = &unit->queue;
	int rc = uiommu_port_mutex_init(unit->host, &q->lock);

	if (rc)
		return rc;
	/* Scalable mode has descriptors that need the larger form (6.5.2). */
	q->entry_size = unit->scalable ? VTD_DESC_SIZE_256 : VTD_DESC_SIZE_128;
	q->entries = VTD_PAGE_SIZE / q->entry_size;
	q->ring = uiommu_port_alloc_pages(unit->host, 0);
	if (!q->ring)
		goto destroy_lock;
	q->status = uiommu_port_alloc_pages(unit->host, 0);
	if (!q->status)
		goto free_ring;
	if (!unit->coherent) {
		uiommu_port_cache_flush(unit->host, q->ring, VTD_PAGE_SIZE);
		uiommu_port_cache_flush(unit->host, q->status, VTD_PAGE_SIZE);
	}
	return 0;

free_ring:
	uiommu_port_free_pages(unit->host, q->ring, 0);
destroy_lock:
	uiommu_port_mutex_destroy(unit->host, &q->lock);
	return -UIOMMU_ENOMEM;
}

void uiommu_vtd_queue_destroy(struct uiommu_vtd *unit)
{
	uiommu_port_free_pages(unit->host, unit->queue.status, 0);
	uiommu_port_free_pages(unit->host, unit->queue.ring, 0);
	uiommu_port_mutex_destroy(unit->host, &unit->queue.lock);
}
