/* SPDX-License-Identifier: MIT */
/*
 * reset.c - from whatever firmware left to translation, and back (3.11, 6.3)
 *
 * At any time in between devices are stopped: GBPA aborts what comes in while SMMUEN is 0, and is made to
 * do so before SMMUEN is cleared.  Registers that tell where tables and queues are change only while what
 * uses them is disabled.
 */
#include "src/drivers/smmuv3/smmu.h"

/* For hosts whose clock stands still: a turn is at least a register read, so this is seconds too. */
#define MAX_TURNS (1u << 24)

void uiommu_smmuv3_patience_begin(struct uiommu_smmuv3 *smmu, struct smmu_patience *p)
{
	p->start = uiommu_port_now_ns(smmu->host);
	p->limit_ns = SMMU_PATIENCE_NS;
	p->turns = 0;
}

bool uiommu_smmuv3_patience_turn(struct uiommu_smmuv3 *smmu, struct smmu_patience *p)
{
	uint64_t now;

	uiommu_port_relax(smmu->host);
	now = uiommu_port_now_ns(smmu->host);
	return now == p->start ? ++p->turns < MAX_TURNS : now - p->start < p->limit_ns;
}

static int wait_until(struct uiommu_smmuv3 *smmu, uint32_t reg, uint32_t mask, uint32_t value)
{
	struct smmu_patience patience;

	uiommu_smmuv3_patience_begin(smmu, &patience);
	while ((smmu_read32(smmu, reg) & mask) != value)
		if (!uiommu_smmuv3_patience_turn(smmu, &patience)) {
			uiommu_log(smmu->host, UIOMMU_LOG_ERROR,
				   "%s: register %x does not become %x", smmu->config.name, reg,
				   value);
			return -UIOMMU_ETIMEDOUT;
		}
	return 0;
}

int uiommu_smmuv3_write_ack(struct uiommu_smmuv3 *smmu, uint32_t reg, uint32_t ack, uint32_t value)
{
	const uint32_t mask = reg == SMMUV3_REG_CR0 ? SMMUV3_CR0_VALID : UINT32_MAX;

	smmu_write32(smmu, reg, value);
	return wait_until(smmu, ack, mask, value);
}

static int cr0(struct uiommu_smmuv3 *smmu, uint32_t value)
{
	return uiommu_smmuv3_write_ack(smmu, SMMUV3_REG_CR0, SMMUV3_REG_CR0ACK, value);
}

/* What comes in while SMMUEN is 0 is aborted (6.3.14). */
static int abort_when_disabled(struct uiommu_smmuv3 *smmu)
{
	uint32_t gbpa;
	int rc = wait_until(smmu, SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE, 0);

	if (rc)
		return rc;
	gbpa = smmu_read32(smmu, SMMUV3_REG_GBPA);
	smmu_write32(smmu, SMMUV3_REG_GBPA, gbpa | SMMUV3_GBPA_ABORT | SMMUV3_GBPA_UPDATE);
	return wait_until(smmu, SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE, 0);
}

static int quiesce(struct uiommu_smmuv3 *smmu)
{
	int rc = abort_when_disabled(smmu);

	if (rc == 0)
		rc = cr0(smmu, 0);
	if (rc == 0)
		rc = uiommu_smmuv3_write_ack(smmu, SMMUV3_REG_IRQ_CTRL, SMMUV3_REG_IRQ_CTRLACK, 0);
	return rc;
}

static void write_attributes(struct uiommu_smmuv3 *smmu)
{
	const uint32_t cache = smmu->has.coherent ? SMMUV3_CR1_CACHE_WB : SMMUV3_CR1_CACHE_NC;
	const uint32_t sh = smmu->has.coherent ? SMMUV3_SH_INNER : SMMUV3_SH_OUTER;
	uint32_t cr2 = SMMUV3_CR2_RECINVSID;

	smmu_write32(smmu, SMMUV3_REG_CR1,
		     (uint32_t)(smmuv3_set(cache, SMMUV3_CR1_QUEUE_IC) |
				smmuv3_set(cache, SMMUV3_CR1_QUEUE_OC) |
				smmuv3_set(sh, SMMUV3_CR1_QUEUE_SH) |
				smmuv3_set(cache, SMMUV3_CR1_TABLE_IC) |
				smmuv3_set(cache, SMMUV3_CR1_TABLE_OC) |
				smmuv3_set(sh, SMMUV3_CR1_TABLE_SH)));
	/* The processors' invalidations are about ASIDs and VMIDs of their own. */
	if (smmu->idr0 & SMMUV3_IDR0_BTM)
		cr2 |= SMMUV3_CR2_PTM;
	smmu_write32(smmu, SMMUV3_REG_CR2, cr2);
}

static void write_streams(struct uiommu_smmuv3 *smmu)
{
	const struct smmu_streams *s = &smmu->streams;
	const uint32_t format = s->split ? SMMUV3_STRTAB_2LEVEL : SMMUV3_STRTAB_LINEAR;

	smmu_write64(smmu, SMMUV3_REG_STRTAB_BASE,
		     smmu_phys(smmu, s->table) | SMMUV3_STRTAB_BASE_RA);
	smmu_write32(smmu, SMMUV3_REG_STRTAB_BASE_CFG,
		     (uint32_t)(smmuv3_set(s->log2, SMMUV3_STRTAB_BASE_CFG_LOG2SIZE) |
				smmuv3_set(s->split, SMMUV3_STRTAB_BASE_CFG_SPLIT) |
				smmuv3_set(format, SMMUV3_STRTAB_BASE_CFG_FMT)));
}

static uint64_t queue_base(const struct uiommu_smmuv3 *smmu, const struct smmu_queue *q)
{
	return smmu_phys(smmu, q->ring) | q->log2 | SMMUV3_Q_BASE_HINT;
}

static void write_inbox(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox, uint32_t base_reg)
{
	inbox->q.cons = 0;
	smmu_write64(smmu, base_reg, queue_base(smmu, &inbox->q));
	smmu_write32(smmu, inbox->prod_reg, 0);
	smmu_write32(smmu, inbox->cons_reg, 0);
}

static void write_queues(struct uiommu_smmuv3 *smmu)
{
	struct smmu_queue *cmd = &smmu->cmdq.q;

	cmd->prod = 0;
	cmd->cons = 0;
	smmu_write64(smmu, SMMUV3_REG_CMDQ_BASE, queue_base(smmu, cmd));
	smmu_write32(smmu, SMMUV3_REG_CMDQ_PROD, 0);
	smmu_write32(smmu, SMMUV3_REG_CMDQ_CONS, 0);
	write_inbox(smmu, &smmu->events, SMMUV3_REG_EVENTQ_BASE);
	if (smmu->has.pri)
		write_inbox(smmu, &smmu->requests, SMMUV3_REG_PRIQ_BASE);
	/* Errors of whoever was here before are nobody's. */
	smmu->cmdq.gerrorn = smmu_read32(smmu, SMMUV3_REG_GERROR) & SMMUV3_GERROR_VALID;
	smmu_write32(smmu, SMMUV3_REG_GERRORN, smmu->cmdq.gerrorn);
}

/* Nothing that was cached before counts any more (3.21). */
static int forget_everything(struct uiommu_smmuv3 *smmu)
{
	struct smmu_batch batch;

	smmu_batch_begin(&batch, smmu);
	uiommu_smmuv3_batch_add(&batch, smmu_cfgi_all());
	if (smmu->has.hyp)
		uiommu_smmuv3_batch_add(&batch, smmu_tlbi_el2_all());
	uiommu_smmuv3_batch_add(&batch, smmu_tlbi_nsnh_all());
	return uiommu_smmuv3_batch_end(&batch);
}

int uiommu_smmuv3_reset(struct uiommu_smmuv3 *smmu)
{
	uint32_t enable = SMMUV3_CR0_CMDQEN;
	int rc = quiesce(smmu);

	if (rc)
		return rc;
	write_attributes(smmu);
	write_streams(smmu);
	write_queues(smmu);
	rc = cr0(smmu, enable);
	if (rc == 0)
		rc = forget_everything(smmu);
	enable |= SMMUV3_CR0_EVENTQEN | (smmu->has.pri ? SMMUV3_CR0_PRIQEN : 0);
	if (rc == 0)
		rc = cr0(smmu, enable);
	if (rc == 0)
		rc = uiommu_smmuv3_irqs_enable(smmu);
	if (rc)
		goto disable;
	if (smmu->has.ats) {
		enable |= SMMUV3_CR0_ATSCHK;
		rc = cr0(smmu, enable);
	}
	if (rc == 0)
		rc = cr0(smmu, enable | SMMUV3_CR0_SMMUEN);
	if (rc == 0)
		return 0;
	uiommu_smmuv3_irqs_disable(smmu);
disable:
	cr0(smmu, 0);
	return rc;
}

void uiommu_smmuv3_disable(struct uiommu_smmuv3 *smmu)
{
	uiommu_smmuv3_irqs_disable(smmu);
	if (abort_when_disabled(smmu) == 0)
		cr0(smmu, 0);
}
