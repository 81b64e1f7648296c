/* SPDX-License-Identifier: MIT */
/*
 * vtd_walk.c - the structures that lead to paging structures: root, context, PASID (3.4, 9.1 to 9.6)
 *
 * Caches answer first, memory is read for what they do not hold.  A walk stops at the first thing that
 * is wrong; the order of the checks is the order of the structures, and within an entry: present,
 * reserved bits, unsupported values, then what the request needs.
 */
#include "models/vtd_internal.h"

#define POISON UINT64_C(0xa5a5a5a5a5a5a5a5)

static bool not_tables(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys)
{
	if (!w->fresh)
		vtd_complain_request(v, MODEL_REPORT_WILD, "9", w->request, phys, UINT64_MAX,
				     "a structure lies in memory that is not for tables");
	return false;
}

/* Memory being changed just now may differ; what was never written back is a mistake. */
static void check_flushed(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys,
			  uint64_t value)
{
	if (!w->fresh && (v->clean || value == POISON))
		vtd_complain_request(v, MODEL_REPORT_UNFLUSHED, "6.2.1", w->request, phys,
				     UINT64_MAX, "an entry was not written back to memory");
}

bool vtd_fetch(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys, bool incoherent,
	       uint64_t ignored, uint64_t *value)
{
	uint64_t now;
	bool unflushed, same;

	if (!model_memory_fetch(v->mem, phys, incoherent, value, &unflushed))
		return not_tables(v, w, phys);
	if (unflushed && model_memory_fetch(v->mem, phys, false, &now, &same) &&
	    !((now ^ *value) & ~ignored))
		unflushed = false;
	if (unflushed)
		check_flushed(v, w, phys, *value);
	return true;
}

/*
 * Entries of root, context and PASID tables are read 16 bytes at a time, each piece atomically: what
 * software changes in one piece is never seen half-way, what it changes in several may be (6.5.3).
 */
static bool fetch_entry(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys,
			uint64_t *value, unsigned int words)
{
	bool unflushed;

	for (unsigned int i = 0; i < words; i += 2) {
		if (!model_memory_fetch_pair(v->mem, phys + 8 * i, !v->config.coherent, &value[i],
					     &unflushed))
			return not_tables(v, w, phys + 8 * i);
		if (unflushed)
			check_flushed(v, w, phys + 8 * i, value[i]);
	}
	return true;
}

static bool fail(struct vtd_walk *w, uint8_t fault)
{
	w->fault = fault;
	return false;
}

bool vtd_fail_reserved(struct model_vtd *v, struct vtd_walk *w, uint8_t fault, uint64_t at,
		       const char *section)
{
	if (!w->fresh)
		vtd_complain_request(v, MODEL_REPORT_RESERVED, section, w->request, at, UINT64_MAX,
				     "reserved bits, or values that this unit does not support");
	return fail(w, fault);
}

static uint64_t haw_rsvd(const struct model_vtd *v)
{
	return v->config.haw >= 64 ? 0 : ~((UINT64_C(1) << v->config.haw) - 1);
}

static bool did_valid(struct model_vtd *v, const struct vtd_walk *w, uint16_t did)
{
	if (did >= vtd_cap_nd(v->cap))
		return false;
	if (!did && v->config.caching_mode && !w->fresh)
		vtd_complain_request(v, MODEL_REPORT_ILLEGAL, "6.1", w->request, did, UINT64_MAX,
				     "domain ID 0 is reserved with caching mode");
	return true;
}

/* ---- context entries --------------------------------------------------------------------------- */

/* Where the root entry for this request leads; false: w->fault. */
static bool walk_root(struct model_vtd *v, struct vtd_walk *w, uint64_t *table)
{
	bool scalable = vtd_scalable_root(v), upper = w->request->source_id & 0x80;
	uint64_t at =
		(v->root & VTD_RTADDR_RTA) + (w->request->source_id >> 8) * VTD_ROOT_ENTRY_SIZE;
	uint64_t entry[2], re, re1;

	if (!fetch_entry(v, w, at, entry, 2))
		return fail(w, scalable ? VTD_FR_SM_ROOT_ACCESS : VTD_FR_ROOT_ACCESS);
	re = entry[scalable && upper];
	re1 = scalable ? 0 : entry[1];
	if (!(re & VTD_RE0_P))
		return fail(w, scalable ? VTD_FR_SM_ROOT_NOT_PRESENT : VTD_FR_ROOT_NOT_PRESENT);
	if ((re & VTD_RE0_RSVD) || (re & haw_rsvd(v)) || re1)
		return vtd_fail_reserved(v, w, scalable ? VTD_FR_SM_ROOT_RSVD : VTD_FR_ROOT_RSVD,
					 at, scalable ? "9.2" : "9.1");
	*table = re & VTD_RE0_CTP;
	return true;
}

static bool walk_context_entry(struct model_vtd *v, struct vtd_walk *w, uint64_t *at)
{
	bool scalable = vtd_scalable_root(v);
	unsigned int words = scalable ? 4 : 2;
	uint8_t devfn = (uint8_t)w->request->source_id;
	uint64_t table = 0;

	if (!walk_root(v, w, &table))
		return false;
	*at = table + (scalable ? (devfn & 127u) * VTD_SCONTEXT_ENTRY_SIZE :
				  devfn * (uint64_t)VTD_CONTEXT_ENTRY_SIZE);
	if (!fetch_entry(v, w, *at, w->ce, words))
		return fail(w, scalable ? VTD_FR_SM_CONTEXT_ACCESS : VTD_FR_CONTEXT_ACCESS);
	w->fpd |= !!(w->ce[0] & VTD_CE0_FPD); /* counts even if P = 0 */
	if (!(w->ce[0] & VTD_CE0_P))
		return fail(w,
			    scalable ? VTD_FR_SM_CONTEXT_NOT_PRESENT : VTD_FR_CONTEXT_NOT_PRESENT);
	return true;
}

static bool check_legacy(struct model_vtd *v, struct vtd_walk *w, uint64_t at)
{
	unsigned int tt = (unsigned int)vtd_get(w->ce[0], VTD_CE0_TT);
	unsigned int aw = (unsigned int)vtd_get(w->ce[1], VTD_CE1_AW);
	uint16_t did = (uint16_t)vtd_get(w->ce[1], VTD_CE1_DID);
	bool pass = tt == VTD_TT_PASS_THROUGH;

	if ((w->ce[0] & VTD_CE0_RSVD) || (w->ce[1] & VTD_CE1_RSVD) || !did_valid(v, w, did) ||
	    (!pass && (w->ce[0] & haw_rsvd(v))))
		return vtd_fail_reserved(v, w, VTD_FR_CONTEXT_RSVD, at, "9.3");
	if (tt == 3 || (pass && !v->config.pass_through) ||
	    (tt == VTD_TT_DEVICE_TLB && !v->config.dt) || aw > 3 || !(v->config.sagaw >> aw & 1) ||
	    (pass && v->config.sagaw >> (aw + 1)))
		return vtd_fail_reserved(v, w, VTD_FR_CONTEXT_INVALID, at, "9.3");
	return true;
}

static bool check_scalable(struct model_vtd *v, struct vtd_walk *w, uint64_t at)
{
	uint64_t unsupported = (v->config.dt ? 0 : VTD_SCE0_DTE) |
			       (v->config.pasid ? 0 : VTD_SCE0_PASIDE) |
			       (v->config.prs ? 0 : VTD_SCE0_PRE);

	if ((w->ce[0] & (VTD_SCE0_RSVD | haw_rsvd(v))) ||
	    (w->ce[1] & (VTD_SCE1_RSVD | VTD_SCE1_RID_PRIV)) || w->ce[2] || w->ce[3])
		return vtd_fail_reserved(v, w, VTD_FR_SM_CONTEXT_RSVD, at, "9.4");
	if (w->ce[0] & unsupported)
		return vtd_fail_reserved(v, w, VTD_FR_SM_CONTEXT_INVALID, at, "9.4");
	return true;
}

/* What the request needs of a valid context entry. */
static bool permit_legacy(struct vtd_walk *w)
{
	w->did = (uint16_t)vtd_get(w->ce[1], VTD_CE1_DID);
	if (w->request->type != MODEL_UNTRANSLATED &&
	    vtd_get(w->ce[0], VTD_CE0_TT) != VTD_TT_DEVICE_TLB)
		return fail(w, VTD_FR_CONTEXT_TT);
	return true;
}

static bool permit_scalable(struct model_vtd *v, struct vtd_walk *w)
{
	uint64_t limit = (uint64_t)vtd_pdts_entries(w->ce[0]) << VTD_PASID_TABLE_BITS;
	bool has_pasid = w->request->has_pasid;

	if (w->request->type != MODEL_UNTRANSLATED && !(w->ce[0] & VTD_SCE0_DTE))
		return fail(w, VTD_FR_SM_CONTEXT_DTE);
	if (has_pasid && !(w->ce[0] & VTD_SCE0_PASIDE))
		return fail(w, VTD_FR_SM_CONTEXT_PASIDE);
	w->pasid = has_pasid ? w->request->pasid : (uint32_t)(w->ce[1] & VTD_SCE1_RID_PASID);
	if (w->pasid >= limit || (has_pasid && w->pasid >> vtd_ecap_pasid_bits(v->ecap)))
		return fail(w, has_pasid ? VTD_FR_SM_PASID_BEYOND : VTD_FR_SM_RID_PASID);
	return true;
}

/* ---- PASID entries ----------------------------------------------------------------------------- */

static bool check_pasid_entry(struct model_vtd *v, struct vtd_walk *w, uint64_t at)
{
	const struct model_vtd_config *c = &v->config;
	unsigned int pgtt = (unsigned int)vtd_get(w->pe[0], VTD_PE0_PGTT);
	unsigned int aw = (unsigned int)vtd_get(w->pe[0], VTD_PE0_AW);
	unsigned int fspm = (unsigned int)vtd_get(w->pe[2], VTD_PE2_FSPM);
	bool first = pgtt == VTD_PGTT_FIRST || pgtt == VTD_PGTT_NESTED;
	bool second = pgtt == VTD_PGTT_SECOND || pgtt == VTD_PGTT_NESTED;
	uint64_t rsvd0 = VTD_PE0_RSVD | (c->ssads ? 0 : VTD_PE0_SSADE);
	uint64_t rsvd1 = VTD_PE1_RSVD | (c->smpwcs ? 0 : VTD_PE1_PWSNP) |
			 (c->snoop_control ? 0 : VTD_PE1_PGSNP);
	uint64_t rsvd2 = VTD_PE2_RSVD | (c->srs ? 0 : VTD_PE2_SRE) | (c->ers ? 0 : VTD_PE2_ERE) |
			 (c->eafs ? 0 : VTD_PE2_EAFE);

	if (second)
		rsvd0 |= haw_rsvd(v);
	if (pgtt == VTD_PGTT_FIRST)
		rsvd2 |= haw_rsvd(v);
	if ((w->pe[0] & rsvd0) || (w->pe[1] & rsvd1) || (w->pe[2] & rsvd2) || w->pe[3] ||
	    w->pe[4] || w->pe[5] || w->pe[6] || w->pe[7] ||
	    !did_valid(v, w, (uint16_t)(w->pe[1] & VTD_PE1_DID)))
		return vtd_fail_reserved(v, w, VTD_FR_PASID_RSVD, at, "9.6");
	if ((!first && !second && (pgtt != VTD_PGTT_PASS_THROUGH || !c->pass_through)) ||
	    (pgtt == VTD_PGTT_FIRST && !c->first_stage) ||
	    (pgtt == VTD_PGTT_SECOND && !c->second_stage) ||
	    (pgtt == VTD_PGTT_NESTED && !c->nested) ||
	    (second && (aw > 3 || !(c->sagaw >> aw & 1))) ||
	    (first && (fspm > 1 || (fspm && !c->fl5lp))))
		return vtd_fail_reserved(v, w, VTD_FR_PASID_INVALID, at, "9.6");
	return true;
}

static bool walk_pasid_entry(struct model_vtd *v, struct vtd_walk *w, uint64_t *at)
{
	bool incoherent = !v->config.coherent;
	uint64_t dir = (w->ce[0] & VTD_SCE0_PASIDDIRPTR) +
		       (uint64_t)(w->pasid >> VTD_PASID_TABLE_BITS) * VTD_PDE_SIZE;
	uint64_t pde;

	if (!vtd_fetch(v, w, dir, incoherent, 0, &pde))
		return fail(w, VTD_FR_PASID_DIR_ACCESS);
	w->fpd |= !!(pde & VTD_PDE_FPD);
	if (!(pde & VTD_PDE_P))
		return fail(w, VTD_FR_PASID_DIR_NOT_PRESENT);
	if (pde & (VTD_PDE_RSVD | haw_rsvd(v)))
		return vtd_fail_reserved(v, w, VTD_FR_PASID_DIR_RSVD, dir, "9.5");
	*at = (pde & VTD_PDE_SMPTBLPTR) + (w->pasid & 63u) * VTD_PASID_ENTRY_SIZE;
	if (!fetch_entry(v, w, *at, w->pe, 8))
		return fail(w, VTD_FR_PASID_ACCESS);
	w->fpd |= !!(w->pe[0] & VTD_PE0_FPD);
	if (!(w->pe[0] & VTD_PE0_P))
		return fail(w, VTD_FR_PASID_NOT_PRESENT);
	return check_pasid_entry(v, w, *at);
}

static bool permit_pasid(struct vtd_walk *w)
{
	w->did = (uint16_t)(w->pe[1] & VTD_PE1_DID);
	w->by_pasid = true;
	if (!w->request->has_pasid)
		return true;
	if ((w->request->access & MODEL_EXEC) && !(w->pe[2] & VTD_PE2_ERE))
		return fail(w, VTD_FR_PASID_ERE);
	if ((w->request->access & MODEL_PRIV) && !(w->pe[2] & VTD_PE2_SRE))
		return fail(w, VTD_FR_PASID_SRE);
	return true;
}

/* Faults of structures are cached under caching mode alone, and then tagged with domain ID 0 (6.1). */
static bool lookup(struct model_vtd *v, struct vtd_walk *w, struct model_cache *cache, uint64_t key,
		   uint64_t *q, unsigned int words,
		   bool (*walk)(struct model_vtd *, struct vtd_walk *, uint64_t *))
{
	struct vtd_node *node = w->fresh ? NULL : model_cache_find(cache, key, 0);
	uint64_t at = 0;
	bool ok;

	if (node) {
		for (unsigned int i = 0; i < words; i++)
			q[i] = node->q[i];
		w->fpd |= !!(q[0] & VTD_CE0_FPD);
		return node->fault ? fail(w, node->fault) : true;
	}
	ok = walk(v, w, &at);
	if (w->fresh || (!ok && !v->config.caching_mode))
		return ok;
	node = model_cache_put(cache, key, 0);
	if (!node)
		return ok;
	for (unsigned int i = 0; i < words; i++)
		node->q[i] = q[i];
	node->sid = w->request->source_id;
	node->pasid = w->pasid;
	node->fault = w->fault;
	node->phys = at;
	return ok;
}

static bool walk_whole_context(struct model_vtd *v, struct vtd_walk *w, uint64_t *at)
{
	if (!walk_context_entry(v, w, at))
		return false;
	return vtd_scalable_root(v) ? check_scalable(v, w, *at) : check_legacy(v, w, *at);
}

/* The entry of w->pasid, and what it needs around it. */
static bool lookup_pasid(struct model_vtd *v, struct vtd_walk *w)
{
	uint64_t key = (uint64_t)w->request->source_id << 20 | w->pasid;
	struct vtd_node *node;
	bool known = !w->fresh && model_cache_find(&v->pasids, key, 0);

	if (!lookup(v, w, &v->pasids, key, w->pe, 8, walk_pasid_entry))
		return false;
	if (w->fresh)
		return true;
	node = model_cache_find(&v->pasids, key, 0);
	if (node)
		node->did = (uint16_t)(w->pe[1] & VTD_PE1_DID);
	if (!known)
		vtd_prq_pasid_used(v, w->request->source_id, w->pasid);
	return true;
}

bool vtd_walk_pasid(struct model_vtd *v, struct vtd_walk *w)
{
	if (!vtd_scalable_root(v) ||
	    !lookup(v, w, &v->contexts, w->request->source_id, w->ce, 4, walk_whole_context) ||
	    !permit_scalable(v, w))
		return false;
	return lookup_pasid(v, w);
}

bool vtd_walk_page_request(struct model_vtd *v, struct vtd_walk *w)
{
	unsigned int ttm = (unsigned int)vtd_get(v->root, VTD_RTADDR_TTM);

	if (ttm == VTD_TTM_LEGACY)
		return fail(w, VTD_FR_RTADDR_LEGACY_PAGE_REQUEST);
	if (ttm != VTD_TTM_SCALABLE)
		return fail(w, VTD_FR_RTADDR_TTM);
	if (!lookup(v, w, &v->contexts, w->request->source_id, w->ce, 4, walk_whole_context) ||
	    !permit_scalable(v, w))
		return false;
	if (!(w->ce[0] & VTD_SCE0_PRE))
		return fail(w, VTD_FR_SM_CONTEXT_PRE);
	return !v->config.page_request_walk || (lookup_pasid(v, w) && permit_pasid(w));
}

bool vtd_walk_context(struct model_vtd *v, struct vtd_walk *w)
{
	unsigned int ttm = (unsigned int)vtd_get(v->root, VTD_RTADDR_TTM);
	bool scalable = ttm == VTD_TTM_SCALABLE;
	uint64_t key = w->request->source_id;
	struct vtd_node *node;

	if (ttm != VTD_TTM_LEGACY && !(scalable && v->config.scalable))
		return fail(w, VTD_FR_RTADDR_TTM);
	if (!scalable && w->request->has_pasid)
		return fail(w, VTD_FR_RTADDR_LEGACY_PASID);
	if (!lookup(v, w, &v->contexts, key, w->ce, 4, walk_whole_context))
		return false;
	if (!scalable) {
		node = w->fresh ? NULL : model_cache_find(&v->contexts, key, 0);
		if (node)
			node->did = (uint16_t)vtd_get(w->ce[1], VTD_CE1_DID);
		return permit_legacy(w);
	}
	if (!permit_scalable(v, w))
		return false;
	if (w->request->type == MODEL_ATS_TRANSLATED) {
		/* 4.2.4: no PASID entry stands in the way of a translated address. */
		w->by_pasid = true;
		return true;
	}
	return lookup_pasid(v, w) && permit_pasid(w);
}
