/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_pri.c - page requests, the PRI queue and its responses (4.5.2, 6.3.33 to 6.3.36, 8)
 *
 * Whether a request is taken does not depend on the STE (8.2): the queue takes it, or the unit answers by
 * itself.  The SMMU does not have to know which groups wait for a response; the model does, to judge what
 * software answers.  A response goes to the device in any case.
 *
 * A group is known by StreamID, PASID and index from its first request on.  It waits for a response from
 * its last one on, until that is sent, or until the SMMU is switched off.  With the device's ATS switched off it
 * is abandoned: one late response is no mistake then.
 */
#include "models/smmuv3_internal.h"

/* ---- groups ------------------------------------------------------------------------------------ */

static bool same(const struct smmu_group *g, uint32_t sid, const struct model_page_request *r)
{
	return g->sid == sid && g->has_pasid == r->has_pasid &&
	       (!g->has_pasid || g->pasid == r->pasid) && g->index == r->group;
}

static void remove_group(struct model_smmuv3 *s, uint32_t index)
{
	s->num_groups--;
	for (uint32_t i = index; i < s->num_groups; i++)
		s->groups[i] = s->groups[i + 1];
}

/* What began with @r's group, or was abandoned under its name, is over. */
static void forget(struct model_smmuv3 *s, uint32_t sid, const struct model_page_request *r)
{
	for (uint32_t i = 0; i < s->num_groups;)
		if (same(&s->groups[i], sid, r) &&
		    (!s->groups[i].complete || s->groups[i].abandoned))
			remove_group(s, i);
		else
			i++;
}

static void remember(struct model_smmuv3 *s, uint32_t sid, const struct model_page_request *r)
{
	forget(s, sid, r);
	if (s->num_groups == SMMU_GROUPS)
		remove_group(s, 0);
	s->groups[s->num_groups++] = (struct smmu_group){
		.sid = sid,
		.has_pasid = r->has_pasid,
		.pasid = r->has_pasid ? r->pasid : 0,
		.index = r->group,
		.complete = r->last,
	};
}

void smmu_pri_abandon(struct model_smmuv3 *s, uint32_t sid)
{
	for (uint32_t i = 0; i < s->num_groups;) {
		if (s->groups[i].sid == sid && !s->groups[i].complete) {
			remove_group(s, i);
			continue;
		}
		if (s->groups[i].sid == sid)
			s->groups[i].abandoned = true;
		i++;
	}
}

void smmu_pri_disabled(struct model_smmuv3 *s)
{
	for (uint32_t i = 0; i < s->num_groups; i++)
		if (s->groups[i].complete && !s->groups[i].abandoned)
			smmu_complain_stream(
				s, MODEL_REPORT_ILLEGAL, "6.3.9.6",
				"SMMUEN is cleared before a page request group got its "
				"response, which cannot be sent any more; its index",
				s->groups[i].sid, s->groups[i].index);
	s->num_groups = 0;
	for (uint32_t i = 0; s->config.ats && i < s->num_atcs; i++)
		if (s->atcs[i].set)
			smmu_complain_stream(
				s, MODEL_REPORT_ILLEGAL, "3.9.1",
				"SMMUEN is cleared while ATS is enabled in an endpoint",
				s->atcs[i].sid, s->cr0);
}

/* ---- responses --------------------------------------------------------------------------------- */

static void deliver(struct model_smmuv3 *s, uint32_t sid, bool has_pasid, uint32_t pasid,
		    uint16_t index, enum model_page_response code)
{
	const struct smmu_atc *atc = smmu_atc_slot(s, sid, false);

	if (atc && atc->set && atc->atc.page_response)
		atc->atc.page_response(atc->atc.context, has_pasid, has_pasid ? pasid : 0, index,
				       code);
}

enum ppar {
	PPAR_NO,
	PPAR_YES,
	PPAR_UNKNOWN, /* there is no STE to say it */
};

/* Do responses to requests with PASID have one? */
static enum ppar ppar_of(struct model_smmuv3 *s, uint32_t sid, bool fresh)
{
	static const struct model_request none = { 0 };
	struct smmu_walk w = { .request = &none, .sid = sid, .fresh = fresh, .quiet = true };

	if (s->config.pps)
		return PPAR_YES;
	/* Whoever judges leaves an STE alone that lets nothing pass. */
	if (!smmu_find_ste(s, &w) && (fresh || !w.fault.silent))
		return PPAR_UNKNOWN;
	return w.ste[1] & SMMUV3_STE1_PPAR ? PPAR_YES : PPAR_NO;
}

/* 8.2: without PASID, whatever the request had. */
static void refuse(struct model_smmuv3 *s, uint32_t sid, const struct model_page_request *r,
		   bool stop)
{
	forget(s, sid, r);
	if (!stop)
		deliver(s, sid, false, 0, r->group, MODEL_PAGE_FAILURE);
}

/* 8.1: the last request of a group is lost, and the device is told to try again. */
static void answer_overflow(struct model_smmuv3 *s, uint32_t sid,
			    const struct model_page_request *r, bool stop)
{
	enum ppar ppar;

	if (!r->last || stop)
		return;
	forget(s, sid, r);
	if (!r->has_pasid) {
		deliver(s, sid, false, 0, r->group, MODEL_PAGE_SUCCESS);
		return;
	}
	ppar = ppar_of(s, sid, false);
	deliver(s, sid, ppar == PPAR_YES, r->pasid, r->group,
		ppar == PPAR_UNKNOWN ? MODEL_PAGE_FAILURE : MODEL_PAGE_SUCCESS);
}

/* ---- the queue --------------------------------------------------------------------------------- */

static bool write_record(struct model_smmuv3 *s, uint32_t index, uint32_t sid,
			 const struct model_page_request *r)
{
	uint64_t size = smmu_mask((unsigned int)(s->priq_base & SMMUV3_Q_BASE_LOG2SIZE)) + 1;
	uint64_t at = (s->priq_base & SMMUV3_Q_BASE_ADDR & ~(size * SMMUV3_PRIQ_ENTRY_SIZE - 1)) +
		      (uint64_t)index * SMMUV3_PRIQ_ENTRY_SIZE;
	uint64_t record[2] = {
		sid | (r->last ? SMMUV3_PRI0_LAST : 0) |
			(r->access & MODEL_READ ? SMMUV3_PRI0_R : 0) |
			(r->access & MODEL_WRITE ? SMMUV3_PRI0_W : 0),
		smmuv3_set(r->group, SMMUV3_PRI1_PRGINDEX) | (r->address & SMMUV3_PRI1_ADDR),
	};

	if (r->has_pasid)
		record[0] |= SMMUV3_PRI0_SSV | smmuv3_set(r->pasid, SMMUV3_PRI0_SSID) |
			     (r->access & MODEL_EXEC ? SMMUV3_PRI0_X : 0) |
			     (r->access & MODEL_PRIV ? SMMUV3_PRI0_PRIV : 0);
	else
		/* UNKNOWN without SSV: nobody may look at it. */
		record[0] |= smmuv3_set(smmu_random(s), SMMUV3_PRI0_SSID);
	if (model_memory_store(s->mem, at, record[0], 8) &&
	    model_memory_store(s->mem, at + 8, record[1], 8))
		return true;
	smmu_complain(s, MODEL_REPORT_WILD, "8.2",
		      "the PRI queue lies in memory that is not for tables", at);
	return false;
}

static void take(struct model_smmuv3 *s, uint32_t sid, const struct model_page_request *r)
{
	unsigned int bits = (unsigned int)(s->priq_base & SMMUV3_Q_BASE_LOG2SIZE);
	uint32_t mask = (uint32_t)smmu_mask(bits), wrap = mask << 1 | 1;
	uint32_t prod = s->priq_prod & wrap, cons = s->priq_cons & wrap;
	bool last_only = s->priq_irq.attributes & SMMUV3_PRIQ_IRQ_CFG2_LO;
	/* Without PASID it is an ordinary request (8). */
	bool stop = r->last && r->has_pasid && !(r->access & (MODEL_READ | MODEL_WRITE));

	if (!smmu_enabled(s, SMMUV3_CR0_SMMUEN) || !smmu_enabled(s, SMMUV3_CR0_PRIQEN) ||
	    ((s->gerror ^ s->gerrorn) & SMMUV3_GERROR_PRIQ_ABT_ERR)) {
		refuse(s, sid, r, stop);
		return;
	}
	if ((prod ^ cons) == mask + 1 && !((s->priq_prod ^ s->priq_cons) & SMMUV3_Q_OVERFLOW))
		s->priq_prod ^= SMMUV3_Q_OVERFLOW;
	if ((s->priq_prod ^ s->priq_cons) & SMMUV3_Q_OVERFLOW) {
		answer_overflow(s, sid, r, stop);
		if (last_only && r->last)
			smmu_interrupt(s, MODEL_SMMUV3_IRQ_PRIQ);
		return;
	}
	if (!write_record(s, prod & mask, sid, r)) {
		smmu_global_error(s, SMMUV3_GERROR_PRIQ_ABT_ERR);
		refuse(s, sid, r, stop);
		return;
	}
	s->priq_prod = (s->priq_prod & ~wrap) | ((prod + 1) & wrap);
	if (!stop)
		remember(s, sid, r);
	if (last_only ? r->last : prod == cons)
		smmu_interrupt(s, MODEL_SMMUV3_IRQ_PRIQ);
}

bool smmu_page_request(struct model_smmuv3 *s, uint32_t sid, const struct model_page_request *from)
{
	struct model_page_request r = *from;

	if (!s->config.pri)
		return false;
	/* 8: a unit without substreams does not see PASIDs. */
	if (!s->config.ssidsize)
		r.has_pasid = false;
	take(s, sid, &r);
	return true;
}

/* ---- CMD_PRI_RESP ------------------------------------------------------------------------------ */

static bool answers(const struct smmu_group *g, bool has_pasid, uint32_t pasid, enum ppar ppar)
{
	if (has_pasid)
		return g->has_pasid && g->pasid == pasid && ppar != PPAR_NO;
	return !g->has_pasid || ppar != PPAR_YES;
}

static const char *what_is_wrong(const struct model_smmuv3 *s, uint32_t sid, bool has_pasid,
				 uint32_t pasid, uint16_t index)
{
	const char *text = "CMD_PRI_RESP for a group that is not outstanding (never asked for, "
			   "answered already, or by the SMMU after an overflow); its index";

	for (uint32_t i = 0; i < s->num_groups; i++) {
		const struct smmu_group *g = &s->groups[i];

		if (g->sid != sid || g->index != index)
			continue;
		if (!g->complete)
			text = "CMD_PRI_RESP before the last request of the group; its index";
		else if (has_pasid && (!g->has_pasid || g->pasid != pasid))
			return "CMD_PRI_RESP with a PASID that the group does not have; its index";
		else
			return has_pasid ? "CMD_PRI_RESP with PASID although STE.PPAR is 0; the "
					   "group's index" :
					   "CMD_PRI_RESP without PASID although STE.PPAR is 1; "
					   "the group's index";
	}
	return text;
}

void smmu_page_response(struct model_smmuv3 *s, uint32_t sid, bool has_pasid, uint32_t pasid,
			uint16_t index, enum model_page_response code)
{
	enum ppar ppar = ppar_of(s, sid, true);
	uint32_t found = SMMU_NONE;

	for (uint32_t i = 0; i < s->num_groups && found == SMMU_NONE; i++) {
		const struct smmu_group *g = &s->groups[i];

		if (g->sid == sid && g->index == index && g->complete &&
		    answers(g, has_pasid, pasid, ppar))
			found = i;
	}
	if (found == SMMU_NONE)
		smmu_complain_stream(s, MODEL_REPORT_ILLEGAL, "4.5.2",
				     what_is_wrong(s, sid, has_pasid, pasid, index), sid, index);
	else
		remove_group(s, found);
	deliver(s, sid, has_pasid, pasid, index, code);
}
