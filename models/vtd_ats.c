/* SPDX-License-Identifier: MIT */
/*
 * vtd_ats.c - what device TLBs may hold (4.1, 4.2, 6.5.2.5, 6.5.2.6)
 *
 * Each translation that was given to a device is remembered until an invalidation of its TLB names it, or
 * the device stops to use ATS.  A device may keep it that long, whether it does or not: all are compared with
 * the tables when software claims to be done, and the one that is used when it is used.  A device whose
 * translated requests are blocked can do no harm with what it holds, and is left alone.
 *
 * A translated request with an address that the device was not given, or told to forget, is let through,
 * since hardware cannot know (4.2.4): it is the device's fault and not software's, and only counted.
 */
#include "models/vtd_internal.h"

static uint64_t grant_key(const struct model_request *r)
{
	return r->source_id | (uint64_t)r->has_pasid << 16 |
	       (r->has_pasid ? (uint64_t)r->pasid << 17 : 0) |
	       (r->access & MODEL_PRIV ? UINT64_C(1) << 40 : 0);
}

void vtd_ats_granted(struct model_vtd *v, const struct model_request *r,
		     const struct model_translation *t)
{
	uint64_t page = r->iova & ~(t->size - 1);
	unsigned int size = (t->size > vtd_level_size(1)) + (t->size > vtd_level_size(2));
	struct vtd_grant *grant = model_cache_put(&v->grants, grant_key(r), page | size);

	if (!grant)
		return;
	grant->request = *r;
	/* Asked for nothing: permissions are looked at by themselves. */
	grant->request.access &= ~(unsigned int)(MODEL_READ | MODEL_WRITE);
	grant->request.iova = page;
	grant->size = t->size;
	grant->phys = t->phys;
	grant->access = t->access & (MODEL_READ | MODEL_WRITE);
}

void vtd_ats_invalidated(struct model_vtd *v, uint16_t sid, bool has_pasid, uint32_t pasid,
			 bool global, uint64_t iova, uint64_t size)
{
	uint64_t last = size == UINT64_MAX ? UINT64_MAX : iova + (size - 1);

	for (uint32_t i = 0; i < v->grants.used; i++) {
		const struct vtd_grant *g = model_cache_at(&v->grants, i);

		if (!g || g->request.source_id != sid || g->request.iova > last ||
		    g->request.iova + (g->size - 1) < iova)
			continue;
		if (global ? g->request.has_pasid :
			     g->request.has_pasid == has_pasid &&
				     (!has_pasid || g->request.pasid == pasid))
			model_cache_drop(&v->grants, model_cache_at(&v->grants, i));
	}
}

void vtd_ats_device_gone(struct model_vtd *v, uint16_t sid)
{
	for (uint32_t i = 0; i < v->grants.used; i++) {
		struct vtd_grant *g = model_cache_at(&v->grants, i);

		if (g && g->request.source_id == sid)
			model_cache_drop(&v->grants, g);
	}
}

/* Would the unit let translated requests of this device through, by what memory says? */
static bool blocked(struct model_vtd *v, const struct vtd_grant *g)
{
	struct model_request r = g->request;
	struct vtd_walk w = { .request = &r, .fresh = true };

	r.type = MODEL_ATS_TRANSLATED;
	return !(vtd_reg32(v, VTD_REG_GSTS) & VTD_GSTS_TES) || !vtd_walk_context(v, &w);
}

/* The address in memory's tables; UINT64_MAX: none, or less is permitted than was given. */
static uint64_t address_now(struct model_vtd *v, const struct vtd_grant *g)
{
	struct vtd_walk w = { .request = &g->request, .fresh = true };

	if (!vtd_walk_context(v, &w))
		return UINT64_MAX;
	vtd_walk_address(v, &w);
	return w.fault || (g->access & ~w.access) ? UINT64_MAX : w.phys;
}

static bool judge(struct model_vtd *v, const struct vtd_grant *g)
{
	uint64_t now = address_now(v, g);

	if (now == g->phys || blocked(v, g))
		return true;
	vtd_complain_request(v, MODEL_REPORT_STALE, "6.5.2.5", &g->request, g->phys, now,
			     "a device TLB may hold a stale translation: an invalidation of the "
			     "device TLB for this page is missing");
	return false;
}

void vtd_ats_judge_all(struct model_vtd *v)
{
	for (uint32_t i = 0; i < v->grants.used; i++) {
		const struct vtd_grant *g = model_cache_at(&v->grants, i);

		/* Said once. */
		if (g && !judge(v, g))
			model_cache_drop(&v->grants, model_cache_at(&v->grants, i));
	}
}

void vtd_ats_used(struct model_vtd *v, const struct model_request *r)
{
	unsigned int need = r->access & (MODEL_READ | MODEL_WRITE);
	const struct vtd_grant *stale = NULL;

	for (uint32_t i = 0; i < v->grants.used; i++) {
		const struct vtd_grant *g = model_cache_at(&v->grants, i);

		if (!g || g->request.source_id != r->source_id || r->iova - g->phys >= g->size ||
		    (need & ~g->access))
			continue;
		if (!v->clean || address_now(v, g) == g->phys)
			return;
		stale = g;
	}
	if (stale)
		judge(v, stale);
	else
		v->misused++;
}
