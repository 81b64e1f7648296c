/* SPDX-License-Identifier: MIT */
/*
 * event.c - refused requests and errors: from the event queue and GERROR to the core (chapter 7)
 *
 * Hardware writes records at PROD, software reads them at CONS.  When a record found no place, hardware turns
 * OVFLG in PROD over; that is acknowledged with the same bit in CONS, once the queue has been emptied
 * (7.4), and the last fault before it says that others were lost.
 */
#include "src/drivers/smmuv3/smmu.h"

#define EVENT_QWORDS (SMMUV3_EVENTQ_ENTRY_SIZE / sizeof(uint64_t))

enum {
	ADDRESS = 1u << 0, /* word 2 is the input address */
	DIRECTION = 1u << 1, /* RNW says what was tried */
	SUBSTREAM = 1u << 2, /* there is a SubstreamID, even without SSV */
};

static const struct {
	uint8_t type;
	uint8_t has;
	const char *words;
} reasons[] = {
	{ SMMUV3_F_UUT, ADDRESS | DIRECTION, "a request that the SMMU does not support" },
	{ SMMUV3_C_BAD_STREAMID, 0, "no device with this StreamID is known" },
	{ SMMUV3_F_STE_FETCH, 0, "the stream table could not be read" },
	{ SMMUV3_C_BAD_STE, 0, "the device is blocked, or nothing is known of it" },
	{ SMMUV3_F_BAD_ATS_TREQ, ADDRESS, "ATS request of a device that may not use ATS" },
	{ SMMUV3_F_STREAM_DISABLED, 0, "the device is blocked but for its PASIDs" },
	{ SMMUV3_F_TRANSL_FORBIDDEN, ADDRESS | DIRECTION,
	  "translated request of a device that may not use ATS" },
	{ SMMUV3_C_BAD_SUBSTREAMID, SUBSTREAM, "PASID beyond what the device may use" },
	{ SMMUV3_F_CD_FETCH, 0, "the context descriptor could not be read" },
	{ SMMUV3_C_BAD_CD, 0, "nothing is attached to the PASID" },
	{ SMMUV3_F_WALK_EABT, ADDRESS | DIRECTION, "a page table could not be read" },
	{ SMMUV3_F_TRANSLATION, ADDRESS | DIRECTION, "not mapped" },
	{ SMMUV3_F_ADDR_SIZE, ADDRESS | DIRECTION, "an address beyond its width in a page table" },
	{ SMMUV3_F_ACCESS, ADDRESS | DIRECTION, "a leaf without its access flag" },
	{ SMMUV3_F_PERMISSION, ADDRESS | DIRECTION, "no permission" },
	{ SMMUV3_F_TLB_CONFLICT, ADDRESS | DIRECTION, "translations that contradict each other" },
	{ SMMUV3_F_CFG_CONFLICT, 0, "configurations that contradict each other" },
	{ SMMUV3_F_VMS_FETCH, 0, "the structure of a virtual machine could not be read" },
};

enum { REASONS = sizeof(reasons) / sizeof(reasons[0]) };

static void describe(const uint64_t event[EVENT_QWORDS], struct uiommu_fault *fault)
{
	unsigned int has = 0;

	fault->reason = "refused for a reason that this driver does not know";
	for (size_t i = 0; i < REASONS; i++)
		if (reasons[i].type == fault->code) {
			fault->reason = reasons[i].words;
			has = reasons[i].has;
		}
	fault->has_pasid = (event[0] & SMMUV3_EVT0_SSV) || (has & SUBSTREAM);
	if (fault->has_pasid)
		fault->pasid = (uiommu_pasid_t)smmuv3_get(event[0], SMMUV3_EVT0_SSID);
	if (has & ADDRESS)
		fault->iova = event[2];
	if (has & DIRECTION)
		fault->prot = event[1] & SMMUV3_EVT1_RNW ? UIOMMU_READ : UIOMMU_WRITE;
}

/* Where hardware cannot but stall, the transaction waits for an answer (3.12.2). */
static void answer_stall(struct uiommu_smmuv3 *smmu, const uint64_t event[EVENT_QWORDS])
{
	const uint32_t sid = (uint32_t)smmuv3_get(event[0], SMMUV3_EVT0_SID);
	const uint64_t type = event[0] & SMMUV3_EVT0_TYPE;
	struct smmu_command resume;

	if (!smmu->has.resume || type < SMMUV3_F_TRANSLATION || type > SMMUV3_F_PERMISSION ||
	    !(event[1] & SMMUV3_EVT1_STALL))
		return;
	resume = smmu_resume_abort(sid, (uint16_t)(event[1] & SMMUV3_EVT1_STAG));
	uiommu_smmuv3_submit(smmu, &resume, 1);
}

/* The next record, if there is one; *@lost: it is the last, and others found no place. */
static bool take(struct uiommu_smmuv3 *smmu, uint64_t event[EVENT_QWORDS], bool *lost)
{
	struct smmu_queue *q = &smmu->eventq.q;
	const uint32_t wrap = (2u << q->log2) - 1;
	const uint64_t *slot;
	uint32_t prod;

	prod = smmu_read32(smmu, SMMUV3_REG_EVENTQ_PROD);
	if ((prod & wrap) == (q->cons & wrap))
		return false;
	smmu_barrier(); /* the index, then the record */
	slot = &q->ring[EVENT_QWORDS * smmu_queue_slot(q, q->cons)];
	smmu_clean(smmu, slot, SMMUV3_EVENTQ_ENTRY_SIZE);
	for (unsigned int i = 0; i < EVENT_QWORDS; i++)
		event[i] = __atomic_load_n(&slot[i], __ATOMIC_RELAXED);
	q->cons = smmu_queue_next(q, q->cons) | (q->cons & SMMUV3_Q_OVERFLOW);
	*lost = (prod & wrap) == (q->cons & wrap) && ((prod ^ q->cons) & SMMUV3_Q_OVERFLOW);
	if (*lost)
		q->cons ^= SMMUV3_Q_OVERFLOW;
	smmu_write32(smmu, SMMUV3_REG_EVENTQ_CONS, q->cons);
	return true;
}

static unsigned int drain(struct uiommu_smmuv3 *smmu)
{
	uint64_t event[EVENT_QWORDS];
	unsigned int reported = 0;
	bool more, lost = false;

	/* Twice the queue: what arrives meanwhile comes with the next interrupt or poll. */
	for (uint32_t i = 0; i < 2u << smmu->eventq.q.log2; i++) {
		struct uiommu_fault fault = { .instance = &smmu->instance };

		uiommu_port_mutex_lock(smmu->host, &smmu->eventq.lock);
		more = take(smmu, event, &lost);
		uiommu_port_mutex_unlock(smmu->host, &smmu->eventq.lock);
		if (!more)
			break;
		answer_stall(smmu, event);
		fault.code = (unsigned int)(event[0] & SMMUV3_EVT0_TYPE);
		if (fault.code == SMMUV3_E_PAGE_REQUEST)
			continue; /* a hint, nothing was refused */
		fault.source_id = (uint32_t)smmuv3_get(event[0], SMMUV3_EVT0_SID);
		fault.lost = lost;
		describe(event, &fault);
		uiommu_report_fault(&smmu->instance, &fault);
		reported++;
	}
	return reported;
}

unsigned int uiommu_smmuv3_poll(struct uiommu_instance *instance)
{
	struct uiommu_smmuv3 *smmu = to_smmu(instance);

	uiommu_smmuv3_errors(smmu);
	return drain(smmu);
}

int uiommu_smmuv3_events_init(struct uiommu_smmuv3 *smmu)
{
	unsigned int log2 = (unsigned int)smmuv3_get(smmu->idr1, SMMUV3_IDR1_EVENTQS);
	int rc = uiommu_port_mutex_init(smmu->host, &smmu->eventq.lock);

	if (rc)
		return rc;
	if (log2 > smmu->config.queue_log2)
		log2 = smmu->config.queue_log2;
	rc = uiommu_smmuv3_queue_alloc(smmu, &smmu->eventq.q, SMMUV3_EVENTQ_ENTRY_SIZE, log2);
	if (rc)
		uiommu_port_mutex_destroy(smmu->host, &smmu->eventq.lock);
	return rc;
}

void uiommu_smmuv3_events_destroy(struct uiommu_smmuv3 *smmu)
{
	uiommu_smmuv3_queue_free(smmu, &smmu->eventq.q);
	uiommu_port_mutex_destroy(smmu->host, &smmu->eventq.lock);
}

/* ---- interrupts -------------------------------------------------------------------------------- */

static void event_interrupt(void *arg)
{
	drain(arg);
}

static void error_interrupt(void *arg)
{
	uiommu_smmuv3_errors(arg);
}

/* Where a message goes; address 0: none, the interrupt is a wire (6.3.21). */
static void write_msi(struct uiommu_smmuv3 *smmu, uint32_t cfg0, const struct uiommu_msi *msi)
{
	if (!smmu->has.msi)
		return;
	smmu_write64(smmu, cfg0, msi->address & SMMUV3_IRQ_CFG0_ADDR);
	smmu_write32(smmu, cfg0 + 8, msi->data);
	smmu_write32(smmu, cfg0 + 12, SMMUV3_MEMATTR_DEVICE_NGNRE);
}

static int request(struct uiommu_smmuv3 *smmu, void (*handler)(void *arg), uint32_t cfg0, int *irq)
{
	struct uiommu_msi msi;

	*irq = uiommu_port_irq_request(smmu->host, handler, smmu, &msi);
	if (*irq < 0)
		return *irq;
	write_msi(smmu, cfg0, &msi);
	return 0;
}

static void free_irqs(struct uiommu_smmuv3 *smmu)
{
	if (smmu->event_irq >= 0)
		uiommu_port_irq_free(smmu->host, smmu->event_irq);
	if (smmu->error_irq >= 0)
		uiommu_port_irq_free(smmu->host, smmu->error_irq);
	smmu->event_irq = -1;
	smmu->error_irq = -1;
}

int uiommu_smmuv3_irqs_enable(struct uiommu_smmuv3 *smmu)
{
	static const struct uiommu_msi none;
	const enum uiommu_smmuv3_irq how = smmu->config.irq;
	int rc = 0;

	smmu->event_irq = -1;
	smmu->error_irq = -1;
	write_msi(smmu, SMMUV3_REG_EVENTQ_IRQ_CFG0, &none);
	write_msi(smmu, SMMUV3_REG_GERROR_IRQ_CFG0, &none);
	if (how == UIOMMU_SMMUV3_IRQ_POLL || (how == UIOMMU_SMMUV3_IRQ_MSI && !smmu->has.msi))
		return 0;
	if (how == UIOMMU_SMMUV3_IRQ_MSI) {
		rc = request(smmu, event_interrupt, SMMUV3_REG_EVENTQ_IRQ_CFG0, &smmu->event_irq);
		if (rc == 0)
			rc = request(smmu, error_interrupt, SMMUV3_REG_GERROR_IRQ_CFG0,
				     &smmu->error_irq);
	}
	if (rc == 0)
		rc = uiommu_smmuv3_write_ack(smmu, SMMUV3_REG_IRQ_CTRL, SMMUV3_REG_IRQ_CTRLACK,
					     SMMUV3_IRQ_CTRL_EVENTQ_IRQEN |
						     SMMUV3_IRQ_CTRL_GERROR_IRQEN);
	if (rc)
		free_irqs(smmu);
	return rc == -UIOMMU_EOPNOTSUPP ? 0 : rc;
}

void uiommu_smmuv3_irqs_disable(struct uiommu_smmuv3 *smmu)
{
	uiommu_smmuv3_write_ack(smmu, SMMUV3_REG_IRQ_CTRL, SMMUV3_REG_IRQ_CTRLACK, 0);
	free_irqs(smmu);
}
