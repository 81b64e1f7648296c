/* SPDX-License-Identifier: MIT */
/*
 * event.c - refused requests and errors: from the event queue and GERROR to the core (chapter 7)
 *
 * Records that found no place are acknowledged once the queue has been emptied (7.4), and the last fault before
 * that says that others were lost.
 *
 * A transaction that is stalled waits for an answer (3.12.2).  The device whose domain has somebody to answer
 * asks for a page in this way; others that stall, since hardware cannot but stall, are aborted at once.
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

/* ---- stalls ------------------------------------------------------------------------------------ */

static bool is_stalled(const struct uiommu_smmuv3 *smmu, const uint64_t event[EVENT_QWORDS])
{
	const uint64_t type = event[0] & SMMUV3_EVT0_TYPE;

	return smmu->has.resume && type >= SMMUV3_F_TRANSLATION && type <= SMMUV3_F_PERMISSION &&
	       (event[1] & SMMUV3_EVT1_STALL);
}

/* What a second stage lacks is not for those who answer for a first. */
static bool may_ask(struct uiommu_smmuv3 *smmu, uint32_t sid, bool stage2)
{
	const struct smmu_device *device;
	bool may;

	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	device = uiommu_smmuv3_find_device(smmu, sid);
	may = device && device->can_stall && device->requests &&
	      stage2 == (device->ste.kind == SMMU_STE_STAGE2);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	return may;
}

/* True: somebody answers, or will. */
static bool ask(struct uiommu_smmuv3 *smmu, const uint64_t event[EVENT_QWORDS])
{
	const bool pasid = event[0] & SMMUV3_EVT0_SSV;
	const uint16_t stag = (uint16_t)(event[1] & SMMUV3_EVT1_STAG);
	const struct uiommu_page_request request = {
		.source_id = (uint32_t)smmuv3_get(event[0], SMMUV3_EVT0_SID),
		.flags = UIOMMU_PAGE_REQUEST_STALL | UIOMMU_PAGE_REQUEST_LAST |
			 (pasid ? UIOMMU_PAGE_REQUEST_PASID : 0),
		.pasid = pasid ? (uiommu_pasid_t)smmuv3_get(event[0], SMMUV3_EVT0_SSID) : 0,
		.group = stag,
		.address = event[2],
		.prot = (event[1] & SMMUV3_EVT1_RNW ? UIOMMU_READ : UIOMMU_WRITE) |
			(event[1] & SMMUV3_EVT1_PNU ? UIOMMU_PRIV : 0),
		.execute = event[1] & SMMUV3_EVT1_IND,
		.private_data = { stag },
	};
	struct smmu_command abort;

	if (may_ask(smmu, request.source_id, event[1] & SMMUV3_EVT1_S2))
		return uiommu_report_page_request(&smmu->instance, &request) == 0;
	abort = smmu_resume(request.source_id, stag, false);
	uiommu_smmuv3_submit(smmu, &abort, 1);
	return false;
}

/* ---- the queue --------------------------------------------------------------------------------- */

/* True: it is a fault that was reported. */
static bool report(struct uiommu_smmuv3 *smmu, const uint64_t event[EVENT_QWORDS], bool lost)
{
	struct uiommu_fault fault = {
		.instance = &smmu->instance,
		.code = (unsigned int)(event[0] & SMMUV3_EVT0_TYPE),
		.source_id = (uint32_t)smmuv3_get(event[0], SMMUV3_EVT0_SID),
		.lost = lost,
		.record = event,
		.record_words = EVENT_QWORDS,
	};

	if (is_stalled(smmu, event) && ask(smmu, event))
		return false;
	if (fault.code == SMMUV3_E_PAGE_REQUEST)
		return false; /* a hint, nothing was refused */
	describe(event, &fault);
	uiommu_report_fault(&smmu->instance, &fault);
	return true;
}

unsigned int uiommu_smmuv3_events_take(struct uiommu_smmuv3 *smmu)
{
	struct smmu_inbox *inbox = &smmu->events;
	uint64_t event[SMMU_RECORD_QWORDS];
	struct smmu_report taken;
	unsigned int reported = 0;
	bool more, lost;

	/* Twice the queue: what arrives meanwhile comes with the next interrupt or poll. */
	for (uint32_t i = 0; i < 2u << inbox->q.log2; i++) {
		uiommu_port_mutex_lock(smmu->host, &inbox->lock);
		more = uiommu_smmuv3_inbox_take(smmu, inbox, event, &taken);
		lost = uiommu_smmuv3_inbox_overflowed(smmu, inbox);
		if (lost)
			uiommu_smmuv3_inbox_acknowledge(smmu, inbox);
		uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
		if (!more)
			break;
		reported += report(smmu, event, lost);
		uiommu_smmuv3_inbox_reported(smmu, inbox, &taken);
	}
	return reported;
}

unsigned int uiommu_smmuv3_poll(struct uiommu_instance *instance)
{
	struct uiommu_smmuv3 *smmu = to_smmu(instance);

	uiommu_smmuv3_errors(smmu);
	uiommu_smmuv3_requests_take(smmu);
	return uiommu_smmuv3_events_take(smmu);
}

int uiommu_smmuv3_inboxes_init(struct uiommu_smmuv3 *smmu)
{
	int rc;

	smmu->events.prod_reg = SMMUV3_REG_EVENTQ_PROD;
	smmu->events.cons_reg = SMMUV3_REG_EVENTQ_CONS;
	smmu->requests.prod_reg = SMMUV3_REG_PRIQ_PROD;
	smmu->requests.cons_reg = SMMUV3_REG_PRIQ_CONS;
	rc = uiommu_smmuv3_inbox_init(smmu, &smmu->events, SMMUV3_EVENTQ_ENTRY_SIZE,
				      (unsigned int)smmuv3_get(smmu->idr1, SMMUV3_IDR1_EVENTQS));
	if (rc || !smmu->has.pri)
		return rc;
	rc = uiommu_smmuv3_inbox_init(smmu, &smmu->requests, SMMUV3_PRIQ_ENTRY_SIZE,
				      (unsigned int)smmuv3_get(smmu->idr1, SMMUV3_IDR1_PRIQS));
	if (rc)
		uiommu_smmuv3_inbox_destroy(smmu, &smmu->events);
	return rc;
}

void uiommu_smmuv3_inboxes_destroy(struct uiommu_smmuv3 *smmu)
{
	if (smmu->has.pri)
		uiommu_smmuv3_inbox_destroy(smmu, &smmu->requests);
	uiommu_smmuv3_inbox_destroy(smmu, &smmu->events);
}

/* ---- interrupts -------------------------------------------------------------------------------- */

static void event_interrupt(void *arg)
{
	uiommu_smmuv3_events_take(arg);
}

static void request_interrupt(void *arg)
{
	uiommu_smmuv3_requests_take(arg);
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
	if (smmu->request_irq >= 0)
		uiommu_port_irq_free(smmu->host, smmu->request_irq);
	smmu->event_irq = -1;
	smmu->error_irq = -1;
	smmu->request_irq = -1;
}

int uiommu_smmuv3_irqs_enable(struct uiommu_smmuv3 *smmu)
{
	static const struct uiommu_msi none;
	const enum uiommu_smmuv3_irq how = smmu->config.irq;
	uint32_t enable = SMMUV3_IRQ_CTRL_EVENTQ_IRQEN | SMMUV3_IRQ_CTRL_GERROR_IRQEN;
	int rc = 0;

	if (smmu->has.pri)
		enable |= SMMUV3_IRQ_CTRL_PRIQ_IRQEN;
	smmu->event_irq = -1;
	smmu->error_irq = -1;
	smmu->request_irq = -1;
	write_msi(smmu, SMMUV3_REG_EVENTQ_IRQ_CFG0, &none);
	write_msi(smmu, SMMUV3_REG_GERROR_IRQ_CFG0, &none);
	if (smmu->has.pri)
		write_msi(smmu, SMMUV3_REG_PRIQ_IRQ_CFG0, &none);
	if (how == UIOMMU_SMMUV3_IRQ_POLL || (how == UIOMMU_SMMUV3_IRQ_MSI && !smmu->has.msi))
		return 0;
	if (how == UIOMMU_SMMUV3_IRQ_MSI) {
		rc = request(smmu, event_interrupt, SMMUV3_REG_EVENTQ_IRQ_CFG0, &smmu->event_irq);
		if (rc == 0)
			rc = request(smmu, error_interrupt, SMMUV3_REG_GERROR_IRQ_CFG0,
				     &smmu->error_irq);
		if (rc == 0 && smmu->has.pri)
			rc = request(smmu, request_interrupt, SMMUV3_REG_PRIQ_IRQ_CFG0,
				     &smmu->request_irq);
	}
	if (rc == 0)
		rc = uiommu_smmuv3_write_ack(smmu, SMMUV3_REG_IRQ_CTRL, SMMUV3_REG_IRQ_CTRLACK,
					     enable);
	if (rc)
		free_irqs(smmu);
	return rc == -UIOMMU_EOPNOTSUPP ? 0 : rc;
}

void uiommu_smmuv3_irqs_disable(struct uiommu_smmuv3 *smmu)
{
	uiommu_smmuv3_write_ack(smmu, SMMUV3_REG_IRQ_CTRL, SMMUV3_REG_IRQ_CTRLACK, 0);
	free_irqs(smmu);
}
