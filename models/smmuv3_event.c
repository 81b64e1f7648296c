/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_event.c - event records (7.2, 7.3), global errors (7.5), interrupts (3.18), reports
 */
#include "models/report.h"
#include "models/smmuv3_internal.h"

/* ---- interrupts -------------------------------------------------------------------------------- */

bool smmu_write_message(struct model_smmuv3 *s, uint64_t address, uint32_t data)
{
	if (address & ~smmu_mask(s->config.oas))
		return false;
	if (model_memory_store(s->mem, address, data, 4))
		return true;
	/* What is memory but not given to hardware must not be written. */
	if (s->msi)
		s->msi(s->context, address, data);
	return true;
}

void smmu_interrupt(struct model_smmuv3 *s, enum model_smmuv3_irq irq)
{
	static const struct {
		uint32_t enable, error;
	} facts[] = {
		[MODEL_SMMUV3_IRQ_EVENTQ] = { SMMUV3_IRQ_CTRL_EVENTQ_IRQEN,
					      SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR },
		[MODEL_SMMUV3_IRQ_PRIQ] = { SMMUV3_IRQ_CTRL_PRIQ_IRQEN,
					    SMMUV3_GERROR_MSI_PRIQ_ABT_ERR },
		[MODEL_SMMUV3_IRQ_GERROR] = { SMMUV3_IRQ_CTRL_GERROR_IRQEN,
					      SMMUV3_GERROR_MSI_GERROR_ABT_ERR },
		[MODEL_SMMUV3_IRQ_SYNC] = { 0, 0 },
	};
	const struct smmu_irq_cfg *cfg = irq == MODEL_SMMUV3_IRQ_EVENTQ ? &s->eventq_irq :
					 irq == MODEL_SMMUV3_IRQ_PRIQ	? &s->priq_irq :
									  &s->gerror_irq;

	if (irq != MODEL_SMMUV3_IRQ_SYNC) {
		if (!(s->irq_ctrlack & facts[irq].enable))
			return;
		if (s->config.msi && cfg->address &&
		    !smmu_write_message(s, cfg->address, cfg->data))
			smmu_global_error(s, facts[irq].error);
	}
	if (s->config.wired && s->irq)
		s->irq(s->irq_context, irq);
}

/* ---- global errors (7.5) ----------------------------------------------------------------------- */

/* An error that is active already is not signalled again. */
void smmu_global_error(struct model_smmuv3 *s, uint32_t bits)
{
	uint32_t news = bits & ~(s->gerror ^ s->gerrorn);

	if (!news)
		return;
	s->gerror ^= news;
	if (news != SMMUV3_GERROR_MSI_GERROR_ABT_ERR)
		smmu_interrupt(s, MODEL_SMMUV3_IRQ_GERROR);
}

/* ---- records ----------------------------------------------------------------------------------- */

static uint32_t queue_mask(uint64_t base)
{
	return (uint32_t)smmu_mask((unsigned int)(base & SMMUV3_Q_BASE_LOG2SIZE));
}

static bool event_queue_full(const struct model_smmuv3 *s)
{
	uint32_t mask = queue_mask(s->eventq_base), wrap = mask << 1 | 1;

	return ((s->eventq_prod ^ s->eventq_cons) & wrap) == mask + 1;
}

/* 7.2.1: enabled, and without an error. */
static bool event_queue_works(const struct model_smmuv3 *s)
{
	return smmu_enabled(s, SMMUV3_CR0_EVENTQEN) &&
	       !((s->gerror ^ s->gerrorn) & SMMUV3_GERROR_EVENTQ_ABT_ERR);
}

bool smmu_event_writable(const struct model_smmuv3 *s)
{
	return event_queue_works(s) && !event_queue_full(s);
}

/* 7.4: with a full queue records are lost, and the overflow flag turns once. */
void smmu_add_event(struct model_smmuv3 *s, const uint64_t *record)
{
	uint32_t mask = queue_mask(s->eventq_base), wrap = mask << 1 | 1;
	uint32_t prod = s->eventq_prod & wrap, cons = s->eventq_cons & wrap;
	uint64_t at = (s->eventq_base & SMMUV3_Q_BASE_ADDR & ~(((uint64_t)mask + 1) * 32 - 1)) +
		      (uint64_t)(prod & mask) * SMMUV3_EVENTQ_ENTRY_SIZE;

	if (!event_queue_works(s))
		return;
	if (event_queue_full(s)) {
		if (!((s->eventq_prod ^ s->eventq_cons) & SMMUV3_Q_OVERFLOW))
			s->eventq_prod ^= SMMUV3_Q_OVERFLOW;
		return;
	}
	for (unsigned int i = 0; i < 4; i++) {
		if (model_memory_store(s->mem, at + 8 * i, record[i], 8))
			continue;
		smmu_complain(s, MODEL_REPORT_WILD, "7.2",
			      "the event queue lies in memory that is not for tables", at);
		smmu_global_error(s, SMMUV3_GERROR_EVENTQ_ABT_ERR);
		return;
	}
	s->eventq_prod = (s->eventq_prod & ~wrap) | ((prod + 1) & wrap);
	if (prod == cons)
		smmu_interrupt(s, MODEL_SMMUV3_IRQ_EVENTQ);
}

static bool recorded(const struct model_smmuv3 *s, const struct smmu_walk *w)
{
	if (w->request->type == MODEL_ATS_TRANSLATION && w->fault.type != SMMUV3_F_BAD_ATS_TREQ)
		return false; /* 3.9.1: of the others only with CR2.REC_CFG_ATS, which is not there */
	if (w->fault.type == SMMUV3_C_BAD_STREAMID)
		return s->cr2 & SMMUV3_CR2_RECINVSID;
	if (!w->fault.maskable || (!w->fault.stage2 && !w->s1))
		return true;
	return w->fault.stage2 ? !!(w->ste[2] & SMMUV3_STE2_S2R) : !!(w->cd[0] & SMMUV3_CD0_R);
}

static uint64_t access_bits(const struct smmu_walk *w)
{
	return (w->privileged ? SMMUV3_EVT1_PNU : 0) | (w->execute ? SMMUV3_EVT1_IND : 0) |
	       (w->request->access & MODEL_WRITE ? 0 : SMMUV3_EVT1_RNW);
}

void smmu_event_of(const struct smmu_walk *w, uint64_t *record)
{
	const struct smmu_fault *f = &w->fault;

	record[0] = f->type | smmuv3_set(w->sid, SMMUV3_EVT0_SID);
	record[1] = 0;
	record[2] = 0;
	record[3] = 0;
	if (w->request->has_pasid)
		record[0] |= SMMUV3_EVT0_SSV | smmuv3_set(w->request->pasid, SMMUV3_EVT0_SSID);
	switch (f->type) {
	case SMMUV3_F_STE_FETCH:
	case SMMUV3_F_CD_FETCH:
		record[3] = f->address & SMMUV3_EVT3_FETCHADDR;
		break;
	case SMMUV3_F_TRANSL_FORBIDDEN:
		record[1] = access_bits(w) & SMMUV3_EVT1_RNW;
		/* fall through */
	case SMMUV3_F_BAD_ATS_TREQ:
		record[2] = w->request->iova;
		break;
	case SMMUV3_F_WALK_EABT:
	case SMMUV3_F_TRANSLATION:
	case SMMUV3_F_ADDR_SIZE:
	case SMMUV3_F_ACCESS:
	case SMMUV3_F_PERMISSION:
		record[1] = access_bits(w) | smmuv3_set(f->class, SMMUV3_EVT1_CLASS) |
			    (f->stage2 ? SMMUV3_EVT1_S2 : 0);
		if (f->type == SMMUV3_F_PERMISSION && f->class == SMMUV3_CLASS_TT && !f->walk_write)
			record[1] |= SMMUV3_EVT1_TTRNW;
		record[2] = w->request->iova;
		if (f->type == SMMUV3_F_WALK_EABT)
			record[3] = f->address & SMMUV3_EVT3_FETCHADDR;
		else if (f->stage2)
			record[3] = f->address & SMMUV3_EVT3_IPA;
		break;
	default:
		break;
	}
}

void smmu_record(struct model_smmuv3 *s, const struct smmu_walk *w, bool always)
{
	uint64_t record[4];

	if (!w->fault.type || !(always || recorded(s, w)))
		return;
	smmu_event_of(w, record);
	smmu_add_event(s, record);
}

/* ---- reports ----------------------------------------------------------------------------------- */

void smmu_complain(struct model_smmuv3 *s, enum model_report_kind kind, const char *section,
		   const char *text, uint64_t value)
{
	struct model_report report = {
		.kind = kind,
		.model = "smmuv3",
		.section = section,
		.phys_used = value,
		.phys_now = UINT64_MAX,
	};

	if (!s->report)
		return;
	model_report_append(&report, text);
	model_report_append(&report, ": ");
	model_report_append_hex(&report, value);
	s->report(s->context, &report);
}

void smmu_complain_stream(struct model_smmuv3 *s, enum model_report_kind kind, const char *section,
			  const char *text, uint32_t sid, uint64_t value)
{
	struct model_report report = {
		.kind = kind,
		.model = "smmuv3",
		.section = section,
		.source_id = sid,
		.phys_used = value,
		.phys_now = UINT64_MAX,
	};

	if (!s->report)
		return;
	model_report_append(&report, text);
	model_report_append(&report, " (StreamID ");
	model_report_append_hex(&report, sid);
	model_report_append(&report, "): ");
	model_report_append_hex(&report, value);
	s->report(s->context, &report);
}

void smmu_complain_request(struct model_smmuv3 *s, enum model_report_kind kind, const char *section,
			   const struct model_request *request, uint64_t used, uint64_t now,
			   const char *text)
{
	struct model_report report = {
		.kind = kind,
		.model = "smmuv3",
		.section = section,
		.source_id = request->source_id,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.iova = request->iova,
		.phys_used = used,
		.phys_now = now,
	};

	if (!s->report)
		return;
	model_report_append(&report, text);
	model_report_append(&report, " (iova ");
	model_report_append_hex(&report, request->iova);
	model_report_append(&report, ", used ");
	model_report_append_hex(&report, used);
	model_report_append(&report, ", now ");
	if (now == UINT64_MAX) {
		model_report_append(&report, "nothing)");
	} else {
		model_report_append_hex(&report, now);
		model_report_append(&report, ")");
	}
	s->report(s->context, &report);
}
