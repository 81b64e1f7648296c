/* SPDX-License-Identifier: MIT */
/*
 * queue.c - the command queue (3.5, chapter 4) and its errors (7.1)
 *
 * Submitting is synchronous: the commands, a CMD_SYNC, PROD, and then the queue's lock is kept until the
 * CMD_SYNC is done.  That is so when CONS has passed it, since it is consumed only once everything before
 * it is complete (4.7.3), or, where the SMMU can write to memory, when it has written a fresh ticket: a
 * look at memory costs less than one at a register.  The queue is therefore empty at each start.
 *
 * Errors.  Hardware stops, sets GERROR.CMDQ_ERR, and says in CONS.ERR what it is:
 *
 *   CERROR_ILL            a command that it does not take: a CMD_SYNC takes its place, and the rest goes on
 *   CERROR_ABT            the queue could not be read: it is tried again
 *   CERROR_ATC_INV_SYNC   a device did not answer ATC_INV: the CMD_SYNC is tried again; ats.c goes on from there
 *
 * It goes on when the error is acknowledged.  In each case the batch is done and its submission fails.
 */
#include "src/drivers/smmuv3/smmu.h"

#define MAX_ERRORS 64 /* that one batch may run into: as many as it has commands, and some more */
#define COMMAND_QWORDS (SMMUV3_CMDQ_ENTRY_SIZE / sizeof(uint64_t))

/* ---- queues of all kinds ----------------------------------------------------------------------- */

int uiommu_smmuv3_queue_alloc(struct uiommu_smmuv3 *smmu, struct smmu_queue *q,
			      unsigned int entry_size, unsigned int log2)
{
	q->log2 = log2;
	q->order = 0;
	while (((size_t)SMMU_PAGE_SIZE << q->order) >> log2 < entry_size)
		q->order++;
	q->ring = uiommu_port_alloc_pages(smmu->host, q->order);
	if (!q->ring)
		return -UIOMMU_ENOMEM;
	smmu_clean(smmu, q->ring, (size_t)SMMU_PAGE_SIZE << q->order);
	return 0;
}

void uiommu_smmuv3_queue_free(struct uiommu_smmuv3 *smmu, struct smmu_queue *q)
{
	uiommu_port_free_pages(smmu->host, q->ring, q->order);
}

int uiommu_smmuv3_cmdq_init(struct uiommu_smmuv3 *smmu)
{
	unsigned int log2 = (unsigned int)smmuv3_get(smmu->idr1, SMMUV3_IDR1_CMDQS);
	struct smmu_cmdq *cmdq = &smmu->cmdq;
	int rc = uiommu_port_mutex_init(smmu->host, &cmdq->lock);

	if (rc)
		return rc;
	if (log2 > smmu->config.queue_log2)
		log2 = smmu->config.queue_log2;
	rc = uiommu_smmuv3_queue_alloc(smmu, &cmdq->q, SMMUV3_CMDQ_ENTRY_SIZE, log2);
	if (rc)
		goto destroy_lock;
	if (smmu->has.sync_msi) {
		rc = -UIOMMU_ENOMEM;
		cmdq->status = uiommu_port_alloc_pages(smmu->host, 0);
		if (!cmdq->status)
			goto free_queue;
	}
	return 0;

free_queue:
	uiommu_smmuv3_queue_free(smmu, &cmdq->q);
destroy_lock:
	uiommu_port_mutex_destroy(smmu->host, &cmdq->lock);
	return rc;
}

void uiommu_smmuv3_cmdq_destroy(struct uiommu_smmuv3 *smmu)
{
	if (smmu->cmdq.status)
		uiommu_port_free_pages(smmu->host, smmu->cmdq.status, 0);
	uiommu_smmuv3_queue_free(smmu, &smmu->cmdq.q);
	uiommu_port_mutex_destroy(smmu->host, &smmu->cmdq.lock);
}

/* ---- errors; with the queue's lock held -------------------------------------------------------- */

static uint32_t active_errors(struct uiommu_smmuv3 *smmu)
{
	return (smmu_read32(smmu, SMMUV3_REG_GERROR) ^ smmu->cmdq.gerrorn) & SMMUV3_GERROR_VALID;
}

static void acknowledge(struct uiommu_smmuv3 *smmu, uint32_t bits)
{
	smmu->cmdq.gerrorn ^= bits;
	smmu_write32(smmu, SMMUV3_REG_GERRORN, smmu->cmdq.gerrorn);
}

static void put(struct uiommu_smmuv3 *smmu, uint32_t index, const struct smmu_command *command)
{
	const struct smmu_queue *q = &smmu->cmdq.q;
	uint64_t *slot = &q->ring[COMMAND_QWORDS * smmu_queue_slot(q, index)];

	slot[0] = command->word[0];
	slot[1] = command->word[1];
	smmu_clean(smmu, slot, SMMUV3_CMDQ_ENTRY_SIZE);
}

static void replace_illegal(struct uiommu_smmuv3 *smmu, uint32_t index)
{
	const struct smmu_queue *q = &smmu->cmdq.q;
	const uint64_t *slot = &q->ring[COMMAND_QWORDS * smmu_queue_slot(q, index)];
	const struct smmu_command harmless = smmu_sync();

	uiommu_log(smmu->host, UIOMMU_LOG_ERROR, "%s: command %llx %llx is refused",
		   smmu->config.name, (unsigned long long)slot[0], (unsigned long long)slot[1]);
	put(smmu, index, &harmless);
	smmu_barrier();
}

/* What the batch becomes because of an error that stopped the queue. */
static int queue_error(struct uiommu_smmuv3 *smmu)
{
	uint32_t cons = smmu_read32(smmu, SMMUV3_REG_CMDQ_CONS);
	unsigned int error = (unsigned int)smmuv3_get(cons, SMMUV3_CMDQ_CONS_ERR);
	int rc = -UIOMMU_EIO;

	switch (error) {
	case SMMUV3_CERROR_ILL:
		replace_illegal(smmu, cons);
		break;
	case SMMUV3_CERROR_ATC_INV_SYNC:
		/* Who it was is told when it is known: ats.c. */
		rc = -UIOMMU_ETIMEDOUT;
		break;
	case SMMUV3_CERROR_ABT:
		uiommu_log(smmu->host, UIOMMU_LOG_ERROR, "%s: the command queue cannot be read",
			   smmu->config.name);
		break;
	default:
		uiommu_log(smmu->host, UIOMMU_LOG_ERROR, "%s: unknown command queue error %u",
			   smmu->config.name, error);
		break;
	}
	acknowledge(smmu, SMMUV3_GERROR_CMDQ_ERR);
	return rc;
}

static const struct {
	uint32_t bit;
	const char *words;
} errors[] = {
	{ SMMUV3_GERROR_CMDQ_ERR, "the command queue stopped" },
	{ SMMUV3_GERROR_EVENTQ_ABT_ERR, "an event could not be written" },
	{ SMMUV3_GERROR_PRIQ_ABT_ERR, "a page request could not be written" },
	{ SMMUV3_GERROR_MSI_CMDQ_ABT_ERR, "the message of a CMD_SYNC could not be written" },
	{ SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR, "an interrupt for events could not be written" },
	{ SMMUV3_GERROR_MSI_PRIQ_ABT_ERR, "an interrupt for page requests could not be written" },
	{ SMMUV3_GERROR_MSI_GERROR_ABT_ERR, "an interrupt for errors could not be written" },
	{ SMMUV3_GERROR_SFM_ERR, "service failure mode: it terminates all requests from now on" },
	{ SMMUV3_GERROR_CMDQP_ERR, "an enhanced command queue stopped" },
	{ SMMUV3_GERROR_DPT_ERR, "a device permission table could not be read" },
};

void uiommu_smmuv3_errors(struct uiommu_smmuv3 *smmu)
{
	uint32_t active;

	uiommu_port_mutex_lock(smmu->host, &smmu->cmdq.lock);
	active = active_errors(smmu);
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (active & errors[i].bit)
			uiommu_log(smmu->host, UIOMMU_LOG_ERROR, "%s: %s", smmu->config.name,
				   errors[i].words);
	if (active & SMMUV3_GERROR_CMDQ_ERR)
		queue_error(smmu);
	active &= ~SMMUV3_GERROR_CMDQ_ERR;
	if (active)
		acknowledge(smmu, active);
	uiommu_port_mutex_unlock(smmu->host, &smmu->cmdq.lock);
	/* The group of what could not be written will never be complete. */
	if (active & SMMUV3_GERROR_PRIQ_ABT_ERR) {
		uiommu_smmuv3_requests_take(smmu);
		uiommu_page_requests_lost(&smmu->instance);
	}
}

/* ---- submitting -------------------------------------------------------------------------------- */

static bool ticket_written(const struct smmu_cmdq *cmdq)
{
	return cmdq->status && __atomic_load_n(cmdq->status, __ATOMIC_ACQUIRE) == cmdq->ticket;
}

/* Has hardware taken everything up to PROD? */
static bool consumed(struct uiommu_smmuv3 *smmu)
{
	struct smmu_queue *q = &smmu->cmdq.q;
	uint32_t cons = smmu_read32(smmu, SMMUV3_REG_CMDQ_CONS);

	q->cons = cons & ((2u << q->log2) - 1);
	return q->cons == q->prod;
}

/* *@result: what the batch has become.  Returns 0 when it is done, or -UIOMMU_ETIMEDOUT. */
static int wait_for(struct uiommu_smmuv3 *smmu, bool atc, int *result)
{
	struct smmu_patience patience;
	bool by_register = !smmu->cmdq.status;
	unsigned int stops = 0;
	uint32_t active;

	uiommu_smmuv3_patience_begin(smmu, &patience);
	if (atc)
		patience.limit_ns = SMMU_ATC_PATIENCE_NS;
	for (;;) {
		if (ticket_written(&smmu->cmdq)) {
			smmu->cmdq.q.cons = smmu->cmdq.q.prod;
			return 0;
		}
		if (by_register && consumed(smmu))
			return 0;
		active = active_errors(smmu);
		if (active & SMMUV3_GERROR_CMDQ_ERR) {
			*result = queue_error(smmu);
			if (++stops > MAX_ERRORS)
				return -UIOMMU_ETIMEDOUT;
		}
		/* No message will come: its CMD_SYNC was replaced perhaps, or the write was aborted. */
		if (*result || (active & SMMUV3_GERROR_MSI_CMDQ_ABT_ERR))
			by_register = true;
		if (!uiommu_smmuv3_patience_turn(smmu, &patience))
			return -UIOMMU_ETIMEDOUT;
	}
}

static int submit_batch(struct uiommu_smmuv3 *smmu, const struct smmu_command *commands,
			unsigned int count)
{
	struct smmu_cmdq *cmdq = &smmu->cmdq;
	struct smmu_command sync = smmu_sync();
	bool atc = false;
	int result = 0, rc;

	for (unsigned int i = 0; i < count; i++) {
		put(smmu, cmdq->q.prod, &commands[i]);
		atc |= (commands[i].word[0] & SMMUV3_CMD0_OP) == SMMUV3_CMD_ATC_INV;
		cmdq->q.prod = smmu_queue_next(&cmdq->q, cmdq->q.prod);
	}
	if (cmdq->status) {
		if (++cmdq->ticket == 0)
			cmdq->ticket = 1;
		sync = smmu_sync_msi(smmu_phys(smmu, cmdq->status), cmdq->ticket);
	}
	put(smmu, cmdq->q.prod, &sync);
	cmdq->q.prod = smmu_queue_next(&cmdq->q, cmdq->q.prod);
	smmu_barrier();
	smmu_write32(smmu, SMMUV3_REG_CMDQ_PROD, cmdq->q.prod);
	rc = wait_for(smmu, atc, &result);
	return rc ? rc : result;
}

int uiommu_smmuv3_submit(struct uiommu_smmuv3 *smmu, const struct smmu_command *commands,
			 unsigned int count)
{
	const unsigned int most = (1u << smmu->cmdq.q.log2) - 1; /* and a CMD_SYNC */
	int rc = 0, first = 0;

	/* Also the order of table entries and of looking at who has to hear of them. */
	smmu_barrier();
	uiommu_port_mutex_lock(smmu->host, &smmu->cmdq.lock);
	while (count && !smmu->dead) {
		unsigned int batch = count < most ? count : most;

		rc = submit_batch(smmu, commands, batch);
		if (rc && !first)
			first = rc;
		/* It stands still with commands in its queue: nothing more can be asked of it. */
		if (rc == -UIOMMU_ETIMEDOUT && smmu->cmdq.q.cons != smmu->cmdq.q.prod)
			smmu->dead = true;
		commands += batch;
		count -= batch;
	}
	uiommu_port_mutex_unlock(smmu->host, &smmu->cmdq.lock);
	if (first && (first != -UIOMMU_ETIMEDOUT || smmu->dead))
		uiommu_log(smmu->host, UIOMMU_LOG_ERROR, "%s: commands failed: %s",
			   smmu->config.name, uiommu_strerror(first));
	return smmu->dead ? -UIOMMU_ETIMEDOUT : first;
}

int uiommu_smmuv3_sync(struct uiommu_smmuv3 *smmu)
{
	const struct smmu_command sync = smmu_sync();

	return uiommu_smmuv3_submit(smmu, &sync, 1);
}
