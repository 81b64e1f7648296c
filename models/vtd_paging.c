/* SPDX-License-Identifier: MIT */
/*
 * vtd_paging.c - paging structures of both stages, and nested (3.6 to 3.8, 9.7, 9.8)
 *
 * The IOTLB answers first, then the deepest table that a paging-structure cache knows is where the walk
 * starts.  A translation request is told what is permitted; any other is denied what it may not have.
 */
#include "models/vtd_internal.h"

#define ALL_ACCESS (MODEL_READ | MODEL_WRITE | MODEL_EXEC)

/* Of page-table entries: what the hardware ignores may stay unflushed (9.8, 9.9). */
#define PTE_IGNORED (UINT64_C(0x7f) << 52)

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
		if (!vtd_fetch(v, w, at, s->incoherent, PTE_IGNORED, &pte))
			return !scalable	     ? VTD_FR_PAGING_ACCESS :
			       s->level == s->levels ? VTD_FR_SS_ROOT :
						       VTD_FR_SS_ACCESS;
		if (!(pte & (VTD_SS_R | VTD_SS_W))) {
			s->access = 0;
			return 0;
		}
		if (second_reserved(v, s, pte)) {
			uint8_t reason = scalable ? VTD_FR_SS_RSVD : VTD_FR_PAGING_RSVD;

			vtd_fail_reserved(v, w, reason, at, "9.8");
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
		if (!vtd_fetch(v, w, at, s->incoherent, PTE_IGNORED, &pte))
			return s->level == s->levels ? VTD_FR_FS_ROOT_ACCESS : VTD_FR_FS_ACCESS;
		if (!(pte & VTD_FS_P))
			return VTD_FR_FS_NOT_PRESENT;
		if (first_reserved(v, w, s, pte)) {
			vtd_fail_reserved(v, w, VTD_FR_FS_RSVD, at, "9.7");
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
