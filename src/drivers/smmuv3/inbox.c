/* SPDX-License-Identifier: MIT */
/*
 * inbox.c - the queues that hardware fills: events, and page requests (3.5, chapters 7 and 8)
 *
 * Hardware writes records at PROD, software takes them at CONS.  When a record finds no place, hardware turns
 * OVFLG in PROD over, and writes nothing more until software has acknowledged it with the same bit in CONS.
 *
 * Whoever takes a record reports it to the core with no lock held, so that for a while the record is neither in
 * the queue nor known to the core.  The list of reports says so: who has to know that nothing of a device is
 * under way any more waits until what was taken before has left it.
 */
#include "src/drivers/smmuv3/smmu.h"

int uiommu_smmuv3_inbox_init(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
			     unsigned int entry_size, unsigned int log2)
{
	int rc = uiommu_port_mutex_init(smmu->host, &inbox->lock);

	if (rc)
		return rc;
	if (log2 > smmu->config.queue_log2)
		log2 = smmu->config.queue_log2;
	inbox->qwords = entry_size / sizeof(uint64_t);
	rc = uiommu_smmuv3_queue_alloc(smmu, &inbox->q, entry_size, log2);
	if (rc)
		uiommu_port_mutex_destroy(smmu->host, &inbox->lock);
	return rc;
}

void uiommu_smmuv3_inbox_destroy(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox)
{
	uiommu_smmuv3_queue_free(smmu, &inbox->q);
	uiommu_port_mutex_destroy(smmu->host, &inbox->lock);
}

static uint32_t index_mask(const struct smmu_queue *q)
{
	return (2u << q->log2) - 1;
}

bool uiommu_smmuv3_inbox_take(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
			      uint64_t record[SMMU_RECORD_QWORDS], struct smmu_report *report)
{
	struct smmu_queue *q = &inbox->q;
	const uint32_t prod = smmu_read32(smmu, inbox->prod_reg);
	const uint64_t *slot;

	if (((prod ^ q->cons) & index_mask(q)) == 0)
		return false;
	smmu_barrier(); /* the index, then the record */
	slot = &q->ring[(size_t)inbox->qwords * smmu_queue_slot(q, q->cons)];
	smmu_clean(smmu, slot, inbox->qwords * sizeof(uint64_t));
	for (unsigned int i = 0; i < inbox->qwords; i++)
		record[i] = __atomic_load_n(&slot[i], __ATOMIC_RELAXED);
	q->cons = smmu_queue_next(q, q->cons) | (q->cons & SMMUV3_Q_OVERFLOW);
	smmu_write32(smmu, inbox->cons_reg, q->cons);
	/* The StreamID is at the same place in all events, and in its own in page requests. */
	report->sid = (uint32_t)(inbox->qwords == SMMU_RECORD_QWORDS ?
					 smmuv3_get(record[0], SMMUV3_EVT0_SID) :
					 smmuv3_get(record[0], SMMUV3_PRI0_SID));
	report->number = inbox->taken++;
	report->next = inbox->reports;
	inbox->reports = report;
	return true;
}

bool uiommu_smmuv3_inbox_empty(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox)
{
	bool empty;

	uiommu_port_mutex_lock(smmu->host, &inbox->lock);
	empty = ((smmu_read32(smmu, inbox->prod_reg) ^ inbox->q.cons) & index_mask(&inbox->q)) == 0;
	uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
	return empty;
}

void uiommu_smmuv3_inbox_reported(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
				  struct smmu_report *report)
{
	struct smmu_report **at;

	uiommu_port_mutex_lock(smmu->host, &inbox->lock);
	for (at = &inbox->reports; *at != report; at = &(*at)->next)
		;
	*at = report->next;
	uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
}

bool uiommu_smmuv3_inbox_overflowed(struct uiommu_smmuv3 *smmu, const struct smmu_inbox *inbox)
{
	const uint32_t difference = smmu_read32(smmu, inbox->prod_reg) ^ inbox->q.cons;

	return (difference & index_mask(&inbox->q)) == 0 && (difference & SMMUV3_Q_OVERFLOW);
}

void uiommu_smmuv3_inbox_acknowledge(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox)
{
	inbox->q.cons ^= SMMUV3_Q_OVERFLOW;
	smmu_write32(smmu, inbox->cons_reg, inbox->q.cons);
}

static bool is_under_way(const struct smmu_inbox *inbox, const struct smmu_device *device,
			 uint64_t before)
{
	for (const struct smmu_report *r = inbox->reports; r; r = r->next)
		for (unsigned int i = 0; r->number < before && i < device->num_sids; i++)
			if (r->sid == device->sids[i])
				return true;
	return false;
}

void uiommu_smmuv3_inbox_wait(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
			      const struct smmu_device *device)
{
	struct smmu_patience patience;
	uint64_t before = 0;
	bool first = true, under_way;

	uiommu_smmuv3_patience_begin(smmu, &patience);
	patience.limit_ns = SMMU_HANDLER_PATIENCE_NS;
	do {
		uiommu_port_mutex_lock(smmu->host, &inbox->lock);
		if (first)
			before = inbox->taken;
		first = false;
		under_way = is_under_way(inbox, device, before);
		uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
	} while (under_way && uiommu_smmuv3_patience_turn(smmu, &patience));
	if (under_way)
		uiommu_log(smmu->host, UIOMMU_LOG_WARN,
			   "%s: a page request of %s is being handled for too long",
			   smmu->config.name, uiommu_device_name(device->dev));
}
