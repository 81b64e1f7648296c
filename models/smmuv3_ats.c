/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_ats.c - what device TLBs may hold (3.9, 13.6)
 *
 * Each translation that was given to a device is remembered until a CMD_ATC_INV names it and the device completes
 * that, or the device stops to use ATS.  What a device did not give up is harmless as long as the SMMU lets no
 * translated request of it through.  A device may keep it that long, whether it does or not; so all of them are
 * compared with the tables when software claims to be done.
 */
#include <string.h>

#include "models/smmuv3_internal.h"

#define FIRST_GRANTS 64u
#define MAX_GRANTS 65536u

struct smmu_atc *smmu_atc_slot(struct model_smmuv3 *s, uint32_t sid, bool create)
{
	for (uint32_t i = 0; i < s->num_atcs; i++)
		if (s->atcs[i].sid == sid)
			return &s->atcs[i];
	if (!create || s->num_atcs == SMMU_ATCS)
		return NULL;
	s->atcs[s->num_atcs].sid = sid;
	return &s->atcs[s->num_atcs++];
}

static void remove_grant(struct model_smmuv3 *s, uint32_t index)
{
	s->grants[index] = s->grants[--s->num_grants];
}

void smmu_atc_forget(struct model_smmuv3 *s, uint32_t sid)
{
	for (uint32_t i = 0; i < s->num_grants;)
		if (s->grants[i].sid == sid)
			remove_grant(s, i);
		else
			i++;
}

static bool grow(struct model_smmuv3 *s)
{
	uint32_t room = s->max_grants ? 2 * s->max_grants : FIRST_GRANTS;
	struct smmu_grant *grants;

	if (room > MAX_GRANTS)
		return false;
	grants = uiommu_port_alloc(s->host, room * sizeof(*grants));
	if (!grants)
		return false;
	if (s->num_grants)
		memcpy(grants, s->grants, s->num_grants * sizeof(*grants));
	if (s->max_grants)
		uiommu_port_free(s->host, s->grants, s->max_grants * sizeof(*grants));
	s->grants = grants;
	s->max_grants = room;
	return true;
}

void smmu_granted(struct model_smmuv3 *s, const struct smmu_walk *w,
		  const struct model_translation *t)
{
	struct smmu_grant grant = {
		.sid = w->sid,
		.request = *w->request,
		.has_pasid = w->request->has_pasid,
		.pasid = w->request->has_pasid ? w->request->pasid : 0,
		.global = t->global,
		.privileged = w->privileged,
		.iova = w->request->iova & ~(t->size - 1),
		.size = t->size,
		.phys = t->phys,
		.access = t->access,
	};

	for (uint32_t i = 0; i < s->num_grants; i++) {
		struct smmu_grant *g = &s->grants[i];

		if (g->sid == grant.sid && g->has_pasid == grant.has_pasid &&
		    g->pasid == grant.pasid && g->privileged == grant.privileged &&
		    g->iova == grant.iova && g->size == grant.size && g->phys == grant.phys &&
		    g->access == grant.access)
			return;
	}
	if (s->num_grants == s->max_grants && !grow(s))
		return;
	s->grants[s->num_grants++] = grant;
}

/* What memory, or with @cached what the unit, says of it now. */
static bool still_true(struct model_smmuv3 *s, const struct smmu_grant *g, bool cached,
		       uint64_t *now)
{
	struct model_request request = g->request;
	struct smmu_walk w = { .request = &request, .sid = g->sid, .fresh = !cached, .quiet = true };
	unsigned int read, write;

	/* Asked for nothing: permissions are looked at below. */
	request.access &= ~(unsigned int)(MODEL_READ | MODEL_WRITE);
	smmu_walk(s, &w);
	*now = smmu_failed(&w) ? UINT64_MAX : w.phys;
	if (smmu_failed(&w))
		return false;
	read = g->privileged ? SMMU_PR : SMMU_UR;
	write = g->privileged ? SMMU_PW : SMMU_UW;
	return w.phys == g->phys + (request.iova - g->iova) &&
	       (!(g->access & MODEL_READ) || (w.permissions & read)) &&
	       (!(g->access & MODEL_WRITE) || (w.permissions & write));
}

static void stale(struct model_smmuv3 *s, const struct smmu_grant *g, uint64_t now)
{
	smmu_complain_request(s, MODEL_REPORT_STALE, "3.9", &g->request,
			      g->phys + (g->request.iova - g->iova), now,
			      g->unanswered ? "a device TLB that never completed the CMD_ATC_INV "
					      "may use a stale translation: STE.EATS or ATS of the "
					      "device is still on" :
					      "a device TLB may hold a stale translation: a "
					      "CMD_ATC_INV of this address is missing");
}

void smmu_atc_invalidated(struct model_smmuv3 *s, uint32_t sid, bool has_pasid, uint32_t pasid,
			  bool global, uint64_t from, uint64_t last, bool answered)
{
	for (uint32_t i = 0; i < s->num_grants;) {
		struct smmu_grant *g = &s->grants[i];
		uint64_t now;

		if (g->sid != sid || g->iova > last || g->iova + (g->size - 1) < from ||
		    (global ? !g->has_pasid :
			      g->has_pasid != has_pasid || (has_pasid && g->pasid != pasid))) {
			i++;
			continue;
		}
		/* The device may ask again at once, and must not be told the same (3.9.1). */
		if (!still_true(s, g, false, &now) && still_true(s, g, true, &now))
			smmu_complain_request(s, MODEL_REPORT_ILLEGAL, "3.9", &g->request, now,
					      UINT64_MAX,
					      "CMD_ATC_INV while the SMMU still has the stale "
					      "translation: its TLBI must be complete before");
		if (answered) {
			remove_grant(s, i);
		} else {
			g->unanswered = true;
			i++;
		}
	}
}

void smmu_check_grants(struct model_smmuv3 *s)
{
	uint64_t now;

	for (uint32_t i = 0; i < s->num_grants; i++)
		if (!still_true(s, &s->grants[i], false, &now) &&
		    !(s->grants[i].unanswered && !smmu_translated_pass(s, s->grants[i].sid)))
			stale(s, &s->grants[i], now);
}

void smmu_check_translated(struct model_smmuv3 *s, uint32_t sid,
			   const struct model_request *request)
{
	const struct smmu_grant *wrong = NULL;
	uint64_t now = 0;

	if (!s->clean)
		return;
	for (uint32_t i = 0; i < s->num_grants; i++) {
		const struct smmu_grant *g = &s->grants[i];

		if (g->sid != sid || request->iova - g->phys >= g->size)
			continue;
		if (still_true(s, g, false, &now))
			return;
		wrong = g;
	}
	if (wrong)
		stale(s, wrong, now);
}
