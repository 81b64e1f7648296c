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
 * by an idle wait, the error is cleared, and the tail written again.  ICE: a device answered an invalidation
 * of its TLB wrongly, and waits that were pending are dropped: the error is cleared and the batch
 * submitted again; after TRIES times it is given up and reported.
 *
 * ITE: a device did not answer, and hardware fetches nothing until the error is cleared; pending waits
 * are dropped here too.  IQERCD names the device.  What was meant for it is not sent again: it had all the time
 * that PCI Express gives it; the others' descriptors are.  The caller hears of the time-out and puts the device
 * into quarantine.  The queue goes on.
 */
#include "src/drivers/vtd/unit.h"

#define TRIES 3
#define MOST (VTD_PAGE_SIZE / VTD_DESC_SIZE_128 / (TRIES + 1)) /* descriptors of a batch */
/* A device has 60 seconds, and half as much again, before hardware gives it up (PCIe 6.0, 10.3.1). */
#define PERIODS_FOR_DEVICES 100

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

/* What went wrong on the way of a batch. */
struct trouble {
	int rc; /* the worst of it */
	bool timed_out; /* a device did not answer ... */
	uint16_t silent; /* ... this one; 0: hardware does not say which */
};

/* Whom a descriptor is sent to, beyond the unit; false: nobody. */
static bool is_for_device(const uint64_t desc[2], uint16_t *source_id)
{
	switch (vtd_desc_type(desc[0])) {
	case VTD_DESC_DEVICE_TLB:
		*source_id = (uint16_t)vtd_get(desc[0], VTD_DESC_DTLB_SID);
		return true;
	case VTD_DESC_PASID_DEVICE_TLB:
		*source_id = (uint16_t)vtd_get(desc[0], VTD_DESC_PDTLB_SID);
		return true;
	default:
		return false;
	}
}

static bool any_for_device(const uint64_t (*desc)[2], unsigned int count, uint16_t *source_id)
{
	for (unsigned int i = 0; i < count; i++)
		if (is_for_device(desc[i], source_id))
			return true;
	return false;
}

/* As long as hardware may take: @periods of them. */
static bool more_patience(struct uiommu_vtd *unit, struct uiommu_patience *patience,
			  unsigned int *periods)
{
	if (uiommu_patience_turn(unit->host, patience))
		return true;
	if (--*periods == 0)
		return false;
	uiommu_patience_begin(unit->host, patience);
	return true;
}

/*
 * Until hardware has come to the end of a batch of @count descriptors.  0: it has; -UIOMMU_EAGAIN: the wait
 * was dropped, submit again; otherwise given up.
 */
static int wait_for(struct uiommu_vtd *unit, uint32_t ticket, unsigned int count,
		    unsigned int periods, struct trouble *trouble)
{
	struct vtd_queue *q = &unit->queue;
	struct uiommu_patience patience;
	unsigned int refused = 0;

	uiommu_patience_begin(unit->host, &patience);
	for (;;) {
		uint32_t fsts;

		if (__atomic_load_n(&q->status[0], __ATOMIC_ACQUIRE) == ticket)
			return 0;
		fsts = vtd_read32(unit, VTD_REG_FSTS);
		if (fsts & VTD_FSTS_IQE) {
			trouble->rc = -UIOMMU_EIO;
			/* Each can be refused once: what takes its place cannot. */
			if (refused++ > count) {
				unit->dead = true;
				return -UIOMMU_EIO;
			}
			replace_failed(unit);
			continue;
		}
		if (fsts & (VTD_FSTS_ITE | VTD_FSTS_ICE)) {
			/* Valid until ITE is cleared (11.4.9.8). */
			trouble->timed_out = fsts & VTD_FSTS_ITE;
			trouble->silent = (uint16_t)vtd_get(vtd_read64(unit, VTD_REG_IQERCD),
							    VTD_IQERCD_ITESID);
			vtd_write32(unit, VTD_REG_FSTS, VTD_FSTS_ITE | VTD_FSTS_ICE);
			return -UIOMMU_EAGAIN;
		}
		if (!more_patience(unit, &patience, &periods)) {
			unit->dead = (vtd_read64(unit, VTD_REG_IQH) & VTD_IQ_PTR) !=
				     (uint64_t)q->tail << shift(q);
			return -UIOMMU_ETIMEDOUT;
		}
	}
}

/* Take out what is for the device that did not answer; how many are left. */
static unsigned int drop_silent(uint64_t (*desc)[2], unsigned int count, uint16_t silent)
{
	unsigned int kept = 0;
	uint16_t source_id;

	for (unsigned int i = 0; i < count; i++) {
		if (is_for_device(desc[i], &source_id) && source_id == silent)
			continue;
		desc[kept][0] = desc[i][0];
		desc[kept++][1] = desc[i][1];
	}
	return kept;
}

static void put_batch(struct uiommu_vtd *unit, const uint64_t (*desc)[2], unsigned int count,
		      uint64_t wait_bits)
{
	struct vtd_queue *q = &unit->queue;
	uint64_t wait[2];

	if (++q->ticket == 0)
		q->ticket = 1;
	for (unsigned int i = 0; i < count; i++) {
		put(unit, q->tail, desc[i]);
		q->tail = (q->tail + 1) % q->entries;
	}
	wait_descriptor(unit, q->ticket, q->status, wait);
	wait[0] |= wait_bits;
	put(unit, q->tail, wait);
	q->tail = (q->tail + 1) % q->entries;
	/* Descriptors and table entries before the tail. */
	atomic_thread_fence(memory_order_seq_cst);
	vtd_write64(unit, VTD_REG_IQT, (uint64_t)q->tail << shift(q));
}

static int submit_batch(struct uiommu_vtd *unit, const uint64_t (*desc)[2], unsigned int count,
			uint64_t wait_bits)
{
	struct trouble trouble = { 0 };
	uint64_t left[MOST][2];
	int rc = 0;

	for (unsigned int i = 0; i < count; i++) {
		left[i][0] = desc[i][0];
		left[i][1] = desc[i][1];
	}
	for (unsigned int tries = 0; tries < TRIES; tries++) {
		unsigned int before = count;
		uint16_t source_id;
		bool devices = any_for_device((const uint64_t(*)[2])left, count, &source_id);

		put_batch(unit, (const uint64_t(*)[2])left, count, wait_bits);
		trouble.timed_out = false;
		rc = wait_for(unit, unit->queue.ticket, count, devices ? PERIODS_FOR_DEVICES : 1,
			      &trouble);
		if (rc != -UIOMMU_EAGAIN)
			return rc ? rc : trouble.rc;
		rc = -UIOMMU_EIO;
		if (!trouble.timed_out)
			continue;
		rc = -UIOMMU_ETIMEDOUT;
		/* Unless it names one that was given up before, it is about this batch. */
		count = drop_silent(left, count,
				    devices && !trouble.silent ? source_id : trouble.silent);
		if (count != before)
			trouble.rc = -UIOMMU_ETIMEDOUT;
		if (!count)
			return trouble.rc;
	}
	return rc;
}

int uiommu_vtd_queue_submit_wait(struct uiommu_vtd *unit, const uint64_t (*desc)[2],
				 unsigned int count, uint64_t wait_bits)
{
	struct vtd_queue *q = &unit->queue;
	unsigned int room = q->entries / (TRIES + 1) - 1; /* and a wait */
	int rc = 0;

	uiommu_port_mutex_lock(unit->host, &q->lock);
	while (count && !unit->dead) {
		unsigned int batch = count < room ? count : room;
		int error = submit_batch(unit, desc, batch, wait_bits);

		rc = rc ? rc : error;
		desc += batch;
		count -= batch;
	}
	if (rc)
		uiommu_log(unit->host, UIOMMU_LOG_ERROR, "%s: an invalidation failed: %s",
			   unit->config.name, uiommu_strerror(rc));
	uiommu_port_mutex_unlock(unit->host, &q->lock);
	return rc;
}

int uiommu_vtd_queue_submit(struct uiommu_vtd *unit, const uint64_t (*desc)[2], unsigned int count)
{
	return uiommu_vtd_queue_submit_wait(unit, desc, count, 0);
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
