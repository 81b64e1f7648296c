/* SPDX-License-Identifier: MIT */
/*
 * vtd_walk.c - the structures in memory: root, context, PASID, paging (3.4 to 3.8, 9.1 to 9.8)
 *
 * Caches answer first, memory is read for what they do not hold.  A walk stops at the first thing that
 * is wrong; the order of the checks is the order of the structures, and within an entry: present,
 * reserved bits, unsupported values, then what the request needs.
 */
#include "models/vtd_internal.h"

#define ALL_ACCESS (MODEL_READ | MODEL_WRITE | MODEL_EXEC)

#define POISON UINT64_C(0xa5a5a5a5a5a5a5a5)

/* Of page-table entries: what the hardware ignores may stay unflushed (9.8, 9.9). */
#define PTE_IGNORED (UINT64_C(0x7f) << 52)

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

/* False: not memory of tables; the walk ends there and nothing is followed. */
static bool fetch_masked(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys,
			 bool incoherent, uint64_t ignored, uint64_t *value)
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

static bool fetch(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys, bool incoherent,
		  uint64_t *value)
{
	return fetch_masked(v, w, phys, incoherent, 0, value);
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

static bool fail_reserved(struct model_vtd *v, struct vtd_walk *w, uint8_t fault, uint64_t at,
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
		return fail_reserved(v, w, scalable ? VTD_FR_SM_ROOT_RSVD : VTD_FR_ROOT_RSVD, at,
				     scalable ? "9.2" : "9.1");
	*table = re & VTD_RE0_CTP;
	return true;
}

static bool walk_context_entry(struct model_vtd *v, struct vtd_walk *w, uint64_t *at)
{
	bool scalable = vtd_scalable_root(v);
	unsigned int words = scalable ? 4 : 2;
	uint8_t devfn = (uint8_t)w->request->source_id;
	uint64_t table;

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
		return fail_reserved(v, w, VTD_FR_CONTEXT_RSVD, at, "9.3");
	if (tt == 3 || (pass && !v->config.pass_through) ||
	    (tt == VTD_TT_DEVICE_TLB && !v->config.dt) || aw > 3 || !(v->config.sagaw >> aw & 1) ||
	    (pass && v->config.sagaw >> (aw + 1)))
		return fail_reserved(v, w, VTD_FR_CONTEXT_INVALID, at, "9.3");
	return true;
}

static bool check_scalable(struct model_vtd *v, struct vtd_walk *w, uint64_t at)
{
	uint64_t unsupported = (v->config.dt ? 0 : VTD_SCE0_DTE) |
			       (v->config.pasid ? 0 : VTD_SCE0_PASIDE) |
			       (v->config.prs ? 0 : VTD_SCE0_PRE);

	if ((w->ce[0] & (VTD_SCE0_RSVD | haw_rsvd(v))) ||
	    (w->ce[1] & (VTD_SCE1_RSVD | VTD_SCE1_RID_PRIV)) || w->ce[2] || w->ce[3])
		return fail_reserved(v, w, VTD_FR_SM_CONTEXT_RSVD, at, "9.4");
	if (w->ce[0] & unsupported)
		return fail_reserved(v, w, VTD_FR_SM_CONTEXT_INVALID, at, "9.4");
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
		return fail_reserved(v, w, VTD_FR_PASID_RSVD, at, "9.6");
	if ((!first && !second && (pgtt != VTD_PGTT_PASS_THROUGH || !c->pass_through)) ||
	    (pgtt == VTD_PGTT_FIRST && !c->first_stage) ||
	    (pgtt == VTD_PGTT_SECOND && !c->second_stage) ||
	    (pgtt == VTD_PGTT_NESTED && !c->nested) ||
	    (second && (aw > 3 || !(c->sagaw >> aw & 1))) ||
	    (first && (fspm > 1 || (fspm && !c->fl5lp))))
		return fail_reserved(v, w, VTD_FR_PASID_INVALID, at, "9.6");
	return true;
}

static bool walk_pasid_entry(struct model_vtd *v, struct vtd_walk *w, uint64_t *at)
{
	bool incoherent = !v->config.coherent;
	uint64_t dir = (w->ce[0] & VTD_SCE0_PASIDDIRPTR) +
		       (uint64_t)(w->pasid >> VTD_PASID_TABLE_BITS) * VTD_PDE_SIZE;
	uint64_t pde;

	if (!fetch(v, w, dir, incoherent, &pde))
		return fail(w, VTD_FR_PASID_DIR_ACCESS);
	w->fpd |= !!(pde & VTD_PDE_FPD);
	if (!(pde & VTD_PDE_P))
		return fail(w, VTD_FR_PASID_DIR_NOT_PRESENT);
	if (pde & (VTD_PDE_RSVD | haw_rsvd(v)))
		return fail_reserved(v, w, VTD_FR_PASID_DIR_RSVD, dir, "9.5");
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

/* ---- paging structures ------------------------------------------------------------------------- */

/* One walk through one stage: where it starts, how its entries are read, where it got to. */
struct stage {
	uint64_t tag; /* vtd_map_tag() */
	enum vtd_stage kind;
	uint64_t root; /* the top table, of @levels */
	uint64_t table; /* at @level */
	bool writable; /* nested: the second stage lets the table be written */
	unsigned int levels, level;
	bool incoherent;
	bool ad; /* second stage: accessed and dirty are kept */
	/* Result. */
	uint8_t access;
	bool user, snoop, global, dirty;
	uint64_t phys;
};

/* The lowest table that a paging-structure cache knows for @address (6.2.5). */
static void start(struct model_vtd *v, const struct vtd_walk *w, struct stage *s, uint64_t address)
{
	s->level = s->levels;
	s->table = s->root;
	s->writable = true;
	s->access = MODEL_READ | MODEL_WRITE | MODEL_EXEC;
	s->user = true;
	if (w->fresh)
		return;
	for (unsigned int level = 1; level < s->levels; level++) {
		const struct vtd_node *node =
			model_cache_find(&v->tables, s->tag, vtd_level_key(address, level + 1));

		if (!node)
			continue;
		s->level = level;
		s->table = node->phys;
		s->access = node->access;
		s->user = node->user;
		s->writable = !node->read_only;
		return;
	}
}

static void remember(struct model_vtd *v, const struct vtd_walk *w, const struct stage *s,
		     uint64_t address)
{
	struct vtd_node *node;

	if (w->fresh)
		return;
	node = model_cache_put(&v->tables, s->tag, vtd_level_key(address, s->level + 1));
	if (!node)
		return;
	node->did = w->did;
	node->pasid = s->kind == VTD_STAGE_SECOND ? VTD_NO_PASID : w->pasid;
	node->stage = (uint8_t)s->kind;
	node->level = (uint8_t)s->level;
	node->address = address & ~(vtd_level_size(s->level + 1) - 1);
	node->phys = s->table;
	node->access = s->access;
	node->user = s->user;
	node->read_only = !s->writable;
}

static uint64_t entry_at(const struct stage *s, uint64_t address)
{
	return s->table + (address >> (12 + 9 * (s->level - 1)) & 511) * 8;
}

static bool second_reserved(const struct model_vtd *v, const struct stage *s, uint64_t pte)
{
	static const uint64_t large[] = { 0, 0, VTD_SS_RSVD_2M, VTD_SS_RSVD_1G };
	bool leaf = s->level == 1 || (pte & VTD_SS_PS);
	uint64_t rsvd = vtd_addr_rsvd(v->config.haw) | VTD_SS_RSVD_62;

	if (!leaf)
		return pte & (rsvd | VTD_SS_RSVD_TABLE);
	if (!v->config.snoop_control)
		rsvd |= VTD_SS_SNP;
	if (s->level > 1) {
		if (s->level > 3 || !(v->config.sllps >> (s->level - 2) & 1))
			return true;
		rsvd |= large[s->level];
	}
	return pte & rsvd;
}

/* A second-stage walk. @need: what the permissions must allow, 0: the caller looks. */
static uint8_t walk_second(struct model_vtd *v, struct vtd_walk *w, struct stage *s,
			   uint64_t address, unsigned int need)
{
	bool scalable = w->by_pasid;
	uint64_t pte, at, bits;

	start(v, w, s, address);
	for (;;) {
		bool leaf;

		at = entry_at(s, address);
		if (!fetch_masked(v, w, at, s->incoherent, PTE_IGNORED, &pte))
			return !scalable	     ? VTD_FR_PAGING_ACCESS :
			       s->level == s->levels ? VTD_FR_SS_ROOT :
						       VTD_FR_SS_ACCESS;
		if (!(pte & (VTD_SS_R | VTD_SS_W))) {
			s->access = 0;
			return 0;
		}
		if (second_reserved(v, s, pte)) {
			uint8_t reason = scalable ? VTD_FR_SS_RSVD : VTD_FR_PAGING_RSVD;

			fail_reserved(v, w, reason, at, "9.8");
			return reason;
		}
		leaf = s->level == 1 || (pte & VTD_SS_PS);
		s->access &= (pte & VTD_SS_R ? MODEL_READ : 0) |
			     (pte & VTD_SS_W ? MODEL_WRITE : 0) | MODEL_EXEC;
		bits = VTD_SS_A;
		if (leaf && (need & MODEL_WRITE) && (s->access & MODEL_WRITE))
			bits |= VTD_SS_D;
		if (s->ad && !w->fresh && (pte & bits) != bits) {
			if (s->incoherent)
				return VTD_FR_SS_AD_NO_SNOOP;
			if (!model_memory_set_bits(v->mem, at, pte, bits))
				continue; /* changed under us: look again */
			pte |= bits;
		}
		if (leaf)
			break;
		s->table = pte & VTD_SS_ADDR;
		s->level--;
		remember(v, w, s, address);
	}
	s->dirty = !s->ad || (pte & VTD_SS_D);
	s->snoop = v->config.snoop_control && (pte & VTD_SS_SNP);
	s->phys = (pte & VTD_SS_ADDR & ~(vtd_level_size(s->level) - 1)) |
		  (address & (vtd_level_size(s->level) - 1));
	return 0;
}

static bool paging_incoherent(const struct model_vtd *v, const struct vtd_walk *w)
{
	if (!w->by_pasid)
		return !v->config.coherent;
	return !(v->config.smpwcs && (w->pe[1] & VTD_PE1_PWSNP));
}

static void second_stage(const struct model_vtd *v, const struct vtd_walk *w, struct stage *s)
{
	*s = (struct stage){
		.kind = VTD_STAGE_SECOND,
		.tag = vtd_map_tag(VTD_STAGE_SECOND, w->did, VTD_NO_PASID),
		.incoherent = paging_incoherent(v, w),
	};
	if (w->by_pasid) {
		s->root = w->pe[0] & VTD_PE0_SSPTPTR;
		s->levels = (unsigned int)vtd_get(w->pe[0], VTD_PE0_AW) + 2;
		s->ad = w->pe[0] & VTD_PE0_SSADE;
	} else {
		s->root = w->ce[0] & VTD_CE0_SSPTPTR;
		s->levels = (unsigned int)vtd_get(w->ce[1], VTD_CE1_AW) + 2;
	}
}

static bool beyond(uint64_t address, unsigned int bits)
{
	return bits < 64 && address >> bits;
}

static unsigned int second_width(const struct model_vtd *v, const struct stage *s)
{
	unsigned int width = 12 + 9 * s->levels;

	return width < v->config.mgaw ? width : v->config.mgaw;
}

/* Nested: the second stage under a first-stage table. 0, or the fault. */
static uint8_t nest_table(struct model_vtd *v, struct vtd_walk *w, uint64_t *table, bool root,
			  bool *writable)
{
	struct stage s;
	uint8_t fault;

	second_stage(v, w, &s);
	if (beyond(*table, second_width(v, &s)))
		return VTD_FR_FS_NESTED_BEYOND;
	fault = walk_second(v, w, &s, *table, MODEL_WRITE);
	if (fault)
		return fault;
	if (!(s.access & MODEL_READ))
		return root ? VTD_FR_FS_NESTED_ROOT_READ : VTD_FR_FS_NESTED_READ;
	*writable = s.access & MODEL_WRITE;
	*table = s.phys;
	return 0;
}

static bool first_reserved(const struct model_vtd *v, const struct vtd_walk *w,
			   const struct stage *s, uint64_t pte)
{
	static const uint64_t large[] = { 0, 0, VTD_FS_RSVD_2M, VTD_FS_RSVD_1G };
	bool nested = s->kind == VTD_STAGE_NESTED;
	uint64_t rsvd = nested ? 0 : vtd_addr_rsvd(v->config.haw);

	if (!(w->pe[2] & VTD_PE2_NXE))
		rsvd |= VTD_FS_XD;
	if (s->level > 1 && (pte & VTD_FS_PS)) {
		if (s->level > 3 || (s->level == 3 && !v->config.fl1gp))
			return true;
		rsvd |= large[s->level];
	}
	return pte & rsvd;
}

/*
 * What first-stage permissions deny to this request (3.6.1); 0: nothing.  A translation request is told what
 * is permitted, so it is denied only what is closed to its privilege altogether.
 */
static uint8_t deny_first(const struct vtd_walk *w, uint8_t access, bool user)
{
	bool supervisor = w->request->has_pasid && (w->request->access & MODEL_PRIV);

	if (!supervisor && !user)
		return VTD_FR_SM_USER;
	if (w->request->type == MODEL_ATS_TRANSLATION)
		return 0;
	if ((w->request->access & MODEL_EXEC) &&
	    (!(access & MODEL_EXEC) || (supervisor && user && (w->pe[2] & VTD_PE2_SMEP))))
		return VTD_FR_SM_EXECUTE;
	if ((w->request->access & MODEL_WRITE) && !(access & MODEL_WRITE) &&
	    (!supervisor || (w->pe[2] & VTD_PE2_WPE)))
		return VTD_FR_SM_WRITE;
	return 0;
}

/* Supervisor requests write what is read-only, unless WPE says otherwise. */
static bool supervisor_writes(const struct vtd_walk *w)
{
	return w->request->has_pasid && (w->request->access & MODEL_PRIV) &&
	       !(w->pe[2] & VTD_PE2_WPE);
}

static uint8_t walk_first(struct model_vtd *v, struct vtd_walk *w, struct stage *s)
{
	bool nested = s->kind == VTD_STAGE_NESTED, leaf;
	uint64_t address = w->request->iova, pte, at, bits;
	uint8_t fault;

	start(v, w, s, address);
	if (nested && s->level == s->levels) {
		fault = nest_table(v, w, &s->table, true, &s->writable);
		if (fault)
			return fault;
	}
	for (;;) {
		at = entry_at(s, address);
		if (!fetch_masked(v, w, at, s->incoherent, PTE_IGNORED, &pte))
			return s->level == s->levels ? VTD_FR_FS_ROOT_ACCESS : VTD_FR_FS_ACCESS;
		if (!(pte & VTD_FS_P))
			return VTD_FR_FS_NOT_PRESENT;
		if (first_reserved(v, w, s, pte)) {
			fail_reserved(v, w, VTD_FR_FS_RSVD, at, "9.7");
			return VTD_FR_FS_RSVD;
		}
		leaf = s->level == 1 || (pte & VTD_FS_PS);
		if (!(pte & VTD_FS_RW))
			s->access &= (uint8_t)~MODEL_WRITE;
		if (pte & VTD_FS_XD)
			s->access &= (uint8_t)~MODEL_EXEC;
		s->user &= !!(pte & VTD_FS_US);
		bits = VTD_FS_A | (w->pe[2] & VTD_PE2_EAFE ? VTD_FS_EA : 0);
		if (leaf) {
			fault = deny_first(w, s->access, s->user);
			if (fault)
				return fault;
			if ((w->request->access & MODEL_WRITE) &&
			    ((s->access & MODEL_WRITE) || supervisor_writes(w)))
				bits |= VTD_FS_D;
		}
		if (!w->fresh && (pte & bits) != bits) {
			if (s->incoherent)
				return VTD_FR_FS_AD_NO_SNOOP;
			if (!s->writable)
				return VTD_FR_FS_NESTED_WRITE;
			if (!model_memory_set_bits(v->mem, at, pte, bits)) {
				start(v, w, s, address);
				if (nested && s->level == s->levels &&
				    (fault = nest_table(v, w, &s->table, true, &s->writable)))
					return fault;
				continue; /* changed under us: from the start again */
			}
			pte |= bits;
		}
		if (leaf)
			break;
		s->table = pte & VTD_FS_ADDR;
		if (nested) {
			fault = nest_table(v, w, &s->table, false, &s->writable);
			if (fault)
				return fault;
		}
		s->level--;
		remember(v, w, s, address);
	}
	s->dirty = pte & VTD_FS_D;
	s->global = pte & VTD_FS_G;
	s->phys = (pte & VTD_FS_ADDR & ~(vtd_level_size(s->level) - 1)) |
		  (address & (vtd_level_size(s->level) - 1));
	return 0;
}

/* ---- an address -------------------------------------------------------------------------------- */

/* What second-stage permissions deny; zero-length reads need R only without CAP.ZLR (3.7.1). */
static uint8_t deny_second(const struct model_vtd *v, const struct vtd_walk *w, uint8_t access,
			   bool nested)
{
	unsigned int need = w->request->access & (MODEL_READ | MODEL_WRITE);

	if (need == MODEL_READ && !w->request->size && v->config.zlr && (access & MODEL_WRITE))
		return 0;
	need &= ~(unsigned int)access;
	if (!need)
		return 0;
	if (nested)
		return VTD_FR_SS_PERMISSION;
	if (need & MODEL_WRITE)
		return w->by_pasid ? VTD_FR_SM_WRITE : VTD_FR_WRITE;
	return w->by_pasid ? VTD_FR_SM_READ : VTD_FR_READ;
}

static uint8_t deny(const struct model_vtd *v, const struct vtd_walk *w, enum vtd_stage kind,
		    uint8_t access, bool user)
{
	uint8_t fault = 0;

	if (kind != VTD_STAGE_SECOND)
		fault = deny_first(w, access, user);
	if (w->request->type == MODEL_ATS_TRANSLATION)
		return fault || (access & w->under & (MODEL_READ | MODEL_WRITE)) ?
			       fault :
			       deny_second(v, w, 0, kind == VTD_STAGE_NESTED);
	if (kind == VTD_STAGE_SECOND)
		return deny_second(v, w, access, false);
	return fault || kind == VTD_STAGE_FIRST ? fault : deny_second(v, w, w->under, true);
}

/* The IOTLB's answer. True: it had one, in @w. */
static bool cached_address(struct model_vtd *v, struct vtd_walk *w, enum vtd_stage kind,
			   uint64_t tag)
{
	struct vtd_node *node = NULL;

	for (unsigned int level = 1; level <= 3 && !node; level++)
		node = model_cache_find(&v->iotlb, tag, vtd_level_key(w->request->iova, level));
	if (!node)
		return false;
	if (node->fault) {
		w->fault = node->fault;
		w->paging_fault = true;
		return true;
	}
	/* A write through a clean entry sets D in memory first, so it looks there (3.6.2, 3.7.2). */
	if ((w->request->access & MODEL_WRITE) && (node->access & node->under & MODEL_WRITE) &&
	    !node->dirty)
		return false;
	w->phys = node->phys + (w->request->iova - node->address);
	w->level = node->level;
	w->access = node->access;
	w->under = node->under;
	w->user = node->user;
	w->snoop = node->snoop;
	w->global = node->global;
	w->dirty = node->dirty;
	w->fault = deny(v, w, kind, w->access, w->user);
	w->paging_fault = w->fault;
	return true;
}

/* 6.2: hardware may forget whenever it likes; by the configuration, one entry each so many fills. */
static void evict(struct model_vtd *v)
{
	struct model_cache *cache = vtd_random(v) & 1 ? &v->iotlb : &v->tables;
	struct vtd_node *node;

	if (!v->config.evict_one_in || vtd_random(v) % v->config.evict_one_in || !cache->used)
		return;
	node = model_cache_at(cache, (uint32_t)(vtd_random(v) % cache->used));
	if (node)
		model_cache_drop(cache, node);
}

static void cache_address(struct model_vtd *v, const struct vtd_walk *w, enum vtd_stage kind,
			  uint64_t tag, uint8_t fault)
{
	unsigned int level = fault ? 1 : w->level;
	struct vtd_node *node;

	if (w->fresh || (fault && !v->config.caching_mode))
		return;
	evict(v);
	node = model_cache_put(&v->iotlb, tag, vtd_level_key(w->request->iova, level));
	if (!node)
		return;
	node->did = w->did;
	node->pasid = kind == VTD_STAGE_SECOND ? VTD_NO_PASID : w->pasid;
	node->stage = (uint8_t)kind;
	node->level = (uint8_t)level;
	node->fault = fault;
	node->address = w->request->iova & ~(vtd_level_size(level) - 1);
	node->phys = w->phys & ~(vtd_level_size(level) - 1);
	node->access = w->access;
	node->under = w->under;
	node->user = w->user;
	node->snoop = w->snoop;
	node->global = w->global;
	node->dirty = w->dirty;
}

static bool in_interrupt_range(uint64_t phys)
{
	return phys >= VTD_INTERRUPT_FIRST && phys <= VTD_INTERRUPT_LAST;
}

static uint8_t walk_first_and_second(struct model_vtd *v, struct vtd_walk *w, bool nested)
{
	struct stage s = {
		.kind = nested ? VTD_STAGE_NESTED : VTD_STAGE_FIRST,
		.root = w->pe[2] & VTD_PE2_FSPTPTR,
		.levels = vtd_get(w->pe[2], VTD_PE2_FSPM) == VTD_FSPM_5_LEVELS ? 5 : 4,
		.incoherent = paging_incoherent(v, w),
	};
	struct stage under;
	uint8_t fault;

	s.tag = vtd_map_tag(s.kind, w->did, w->pasid);
	fault = walk_first(v, w, &s);
	if (fault)
		return fault;
	w->access = s.access;
	w->under = ALL_ACCESS;
	w->user = s.user;
	w->phys = s.phys;
	w->level = (uint8_t)s.level;
	w->global = s.global;
	w->dirty = s.dirty;
	w->snoop = w->pe[1] & VTD_PE1_PGSNP;
	if (!nested)
		return 0;
	second_stage(v, w, &under);
	if (beyond(w->phys, second_width(v, &under)))
		return VTD_FR_SM_NESTED_BEYOND;
	fault = walk_second(v, w, &under, w->phys, w->request->access);
	if (fault)
		return fault;
	w->under = under.access;
	fault = deny(v, w, s.kind, w->access, w->user);
	w->phys = under.phys;
	w->level = w->level < under.level ? w->level : (uint8_t)under.level;
	w->dirty &= under.dirty;
	w->snoop |= under.snoop;
	return fault;
}

static uint8_t walk_second_only(struct model_vtd *v, struct vtd_walk *w, struct stage *s)
{
	uint8_t fault = walk_second(v, w, s, w->request->iova, w->request->access);

	if (fault)
		return fault;
	w->access = s->access & (MODEL_READ | MODEL_WRITE);
	w->under = ALL_ACCESS;
	w->user = true;
	w->phys = s->phys;
	w->level = (uint8_t)s->level;
	w->dirty = s->dirty;
	w->snoop = s->snoop || (w->by_pasid && (w->pe[1] & VTD_PE1_PGSNP));
	return deny(v, w, VTD_STAGE_SECOND, w->access, true);
}

static void pass(struct model_vtd *v, struct vtd_walk *w)
{
	if (beyond(w->request->iova, v->config.haw)) {
		w->fault = w->by_pasid ? VTD_FR_SM_ADDRESS_BEYOND : VTD_FR_ADDRESS_BEYOND;
		return;
	}
	w->pass_through = true;
	w->phys = w->request->iova;
	w->level = 1;
	w->access = MODEL_READ | MODEL_WRITE;
	w->under = ALL_ACCESS;
	w->dirty = true;
	w->snoop = w->by_pasid && (w->pe[1] & VTD_PE1_PGSNP);
}

static bool canonical(uint64_t address, unsigned int bits)
{
	uint64_t top = address >> (bits - 1);

	return !top || top == UINT64_MAX >> (bits - 1);
}

static void walk_address(struct model_vtd *v, struct vtd_walk *w)
{
	unsigned int pgtt = w->by_pasid ? (unsigned int)vtd_get(w->pe[0], VTD_PE0_PGTT) :
			    vtd_get(w->ce[0], VTD_CE0_TT) == VTD_TT_PASS_THROUGH ?
					  VTD_PGTT_PASS_THROUGH :
					  VTD_PGTT_SECOND;
	bool nested = pgtt == VTD_PGTT_NESTED;
	enum vtd_stage kind = nested		     ? VTD_STAGE_NESTED :
			      pgtt == VTD_PGTT_FIRST ? VTD_STAGE_FIRST :
						       VTD_STAGE_SECOND;
	struct stage s;
	uint64_t tag;

	if (pgtt == VTD_PGTT_PASS_THROUGH || w->request->type == MODEL_ATS_TRANSLATED) {
		pass(v, w);
		return;
	}
	second_stage(v, w, &s);
	if (kind == VTD_STAGE_SECOND) {
		if (beyond(w->request->iova, second_width(v, &s))) {
			w->fault = w->by_pasid ? VTD_FR_SM_ADDRESS_BEYOND : VTD_FR_ADDRESS_BEYOND;
			return;
		}
	} else if (!canonical(w->request->iova, vtd_get(w->pe[2], VTD_PE2_FSPM) ? 57 : 48)) {
		w->fault = VTD_FR_SM_NOT_CANONICAL;
		return;
	}
	tag = vtd_map_tag(kind, w->did, kind == VTD_STAGE_SECOND ? VTD_NO_PASID : w->pasid);
	if (!w->fresh && cached_address(v, w, kind, tag))
		return;
	w->fault = kind == VTD_STAGE_SECOND ? walk_second_only(v, w, &s) :
					      walk_first_and_second(v, w, nested);
	if (!w->fault && in_interrupt_range(w->phys))
		w->fault = w->by_pasid ? VTD_FR_SM_INTERRUPT_ADDRESS : VTD_FR_INTERRUPT_ADDRESS;
	switch (w->fault) {
	case VTD_FR_READ:
	case VTD_FR_WRITE:
	case VTD_FR_SM_READ:
	case VTD_FR_SM_WRITE:
	case VTD_FR_SM_EXECUTE:
	case VTD_FR_SM_USER:
	case VTD_FR_FS_NOT_PRESENT:
	case VTD_FR_SS_PERMISSION:
		w->paging_fault = true;
		break;
	default:
		break;
	}
	/* A denial with some permission left is a present entry, and cached as one. */
	if (kind == VTD_STAGE_SECOND && w->paging_fault && w->access)
		cache_address(v, w, kind, tag, 0);
	else
		cache_address(v, w, kind, tag, w->fault);
}

void vtd_walk_address(struct model_vtd *v, struct vtd_walk *w)
{
	walk_address(v, w);
	w->access &= w->under;
}
