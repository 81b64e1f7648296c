/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_walk.c - translation tables (VMSAv8-64): stage 1, stage 2, and one on the other
 *
 * Section numbers without a letter are those of the SMMU's specification; the format of descriptors is
 * that of the Arm Architecture Reference Manual for A-profile (DDI 0487), chapter D8.
 *
 * The TLB answers first, then the walk caches say where in the tables to go on, memory is read for what
 * they do not hold.  The order of faults is that of D8: translation, address size, access flag, permission,
 * level by level.  Faults of descriptors are not cached; a leaf that denies the access is.
 */
#include <string.h>

#include "models/smmuv3_internal.h"

#define POISON UINT64_C(0xa5a5a5a5a5a5a5a5)

#define DESC_VALID UINT64_C(1)
#define DESC_TABLE UINT64_C(2) /* at the last level: page */
#define DESC_AP_UNPRIVILEGED (UINT64_C(1) << 6)
#define DESC_AP_READ_ONLY (UINT64_C(1) << 7)
#define DESC_S2AP_READ (UINT64_C(1) << 6)
#define DESC_S2AP_WRITE (UINT64_C(1) << 7)
#define DESC_AF (UINT64_C(1) << 10)
#define DESC_NG (UINT64_C(1) << 11)
#define DESC_NT (UINT64_C(1) << 16)
#define DESC_DBM (UINT64_C(1) << 51)
#define DESC_CONTIGUOUS (UINT64_C(1) << 52)
#define DESC_PXN (UINT64_C(1) << 53)
#define DESC_UXN (UINT64_C(1) << 54)
#define DESC_SOFTWARE (UINT64_C(0xf) << 55)
#define DESC_IGNORED (UINT64_C(0x1f) << 59)
#define DESC_PXN_TABLE (UINT64_C(1) << 59)
#define DESC_UXN_TABLE (UINT64_C(1) << 60)
#define DESC_AP_TABLE_PRIVILEGED (UINT64_C(1) << 61)
#define DESC_AP_TABLE_READ_ONLY (UINT64_C(1) << 62)
#define DESC_ADDR UINT64_C(0x0000fffffffff000)
#define DESC_RSVD_49_48 (UINT64_C(3) << 48)

#define SMMU_WRITABLE (SMMU_UW | SMMU_PW)
#define SMMU_EXECUTABLE (SMMU_UX | SMMU_PX)
#define SMMU_READABLE (SMMU_UR | SMMU_PR)

/* One walk through one stage: where it starts, how descriptors are read, where it got to. */
struct stage {
	bool second;
	uint8_t class; /* stage 2: whose address it is */
	bool write_access; /* stage 2: the access needs to write */
	enum smmu_regime regime;
	uint8_t tg;
	unsigned int input, output; /* bits */
	bool ha, hd, affd, hierarchical;
	bool wxn, uwxn;
	bool disabled; /* no walks (CD.EPD0, EPD1): what the TLB has still is used */
	uint64_t table;
	unsigned int level, first;
	unsigned int still; /* permissions that the tables leave */
	/* Result. */
	uint64_t desc, phys; /* of the address */
	uint8_t shift, span, declared;
	unsigned int permissions;
	bool global, dirty;
};

/* ---- TLB --------------------------------------------------------------------------------------- */

#define TAG_GLOBAL (UINT64_C(1) << 16)

static uint64_t tag_of(enum smmu_regime regime, uint16_t vmid, uint16_t asid, bool global)
{
	if (regime == SMMU_S2 || regime == SMMU_EL2)
		asid = 0;
	return (uint64_t)regime << 40 | (uint64_t)vmid << 20 |
	       (global ? TAG_GLOBAL : (uint64_t)asid);
}

static uint64_t place_of(uint64_t address, unsigned int shift)
{
	return address >> shift << 6 | shift;
}

static struct smmu_node *tlb_find(struct model_smmuv3 *s, const struct smmu_walk *w,
				  enum smmu_regime regime, uint64_t address)
{
	uint64_t own = tag_of(regime, w->vmid, w->asid, false);
	uint64_t global = tag_of(regime, w->vmid, w->asid, true);

	for (unsigned int shift = 12; shift < 52; shift++) {
		struct smmu_node *node;

		if (!(s->tlb_shifts >> shift & 1))
			continue;
		node = model_cache_find(&s->tlb, own, place_of(address, shift));
		if (!node && regime != SMMU_S2)
			node = model_cache_find(&s->tlb, global, place_of(address, shift));
		if (node)
			return node;
	}
	return NULL;
}

static struct smmu_node *tlb_add(struct model_smmuv3 *s, const struct smmu_walk *w,
				 const struct stage *st, uint64_t address, unsigned int shift)
{
	bool global = st->global && st->regime != SMMU_S2;
	struct smmu_node *node;

	smmu_evict(s);
	node = model_cache_put(&s->tlb, tag_of(st->regime, w->vmid, w->asid, global),
			       place_of(address, shift));
	if (!node)
		return NULL;
	s->tlb_shifts |= UINT64_C(1) << shift;
	node->regime = (uint8_t)st->regime;
	node->tg = st->tg;
	node->level = (uint8_t)st->level;
	node->shift = (uint8_t)shift;
	node->span = st->span;
	node->declared = st->declared;
	node->vmid = w->vmid;
	node->asid = w->asid;
	node->global = global;
	node->address = address & ~smmu_mask(shift);
	node->permissions = st->permissions;
	node->permissions2 = SMMU_ALL_PERMISSIONS;
	node->dirty = st->dirty;
	node->dirty2 = true;
	return node;
}

/* ---- one stage --------------------------------------------------------------------------------- */

static bool fault(struct smmu_walk *w, const struct stage *st, uint64_t address, uint8_t type)
{
	w->fault = (struct smmu_fault){
		.type = type,
		.stage2 = st->second,
		.class = st->second ? st->class : SMMUV3_CLASS_IN,
		.walk_write = st->second && st->class != SMMUV3_CLASS_IN && st->write_access,
		.maskable = true,
		.address = address,
	};
	return false;
}

/* The lowest table that a walk cache knows. */
static void start(struct model_smmuv3 *s, const struct smmu_walk *w, struct stage *st,
		  uint64_t address)
{
	unsigned int stride = st->tg - 3u;

	st->level = st->first;
	st->still = SMMU_ALL_PERMISSIONS;
	if (w->fresh)
		return;
	for (unsigned int level = 3; level > st->first; level--) {
		unsigned int shift = st->tg + stride * (4 - level);
		const struct smmu_node *node =
			model_cache_find(&s->walks, tag_of(st->regime, w->vmid, w->asid, false),
					 place_of(address, shift));

		if (!node || node->tg != st->tg)
			continue;
		st->level = level;
		st->table = node->phys;
		st->still = node->permissions;
		return;
	}
}

static void remember(struct model_smmuv3 *s, const struct smmu_walk *w, const struct stage *st,
		     uint64_t address)
{
	unsigned int shift = st->tg + (st->tg - 3u) * (4 - st->level);
	struct smmu_node *node;

	if (w->fresh)
		return;
	node = model_cache_put(&s->walks, tag_of(st->regime, w->vmid, w->asid, false),
			       place_of(address, shift));
	if (!node)
		return;
	node->regime = (uint8_t)st->regime;
	node->tg = st->tg;
	node->level = (uint8_t)(st->level - 1);
	node->shift = (uint8_t)shift;
	node->span = (uint8_t)shift;
	node->vmid = w->vmid;
	node->asid = w->asid;
	node->address = address & ~smmu_mask(shift);
	node->phys = st->table;
	node->permissions = st->still;
}

static unsigned int level_shift(const struct stage *st, unsigned int level)
{
	return st->tg + (st->tg - 3u) * (3 - level);
}

static bool block_possible(const struct model_smmuv3 *s, const struct stage *st)
{
	switch (st->tg) {
	case 12:
		return st->level == 1 || st->level == 2;
	case 14:
		return st->level == 2;
	default:
		return st->level == 2 || (st->level == 1 && s->config.oas == 52);
	}
}

/* log2 of what a contiguous descriptor stands for; 0: the bit has no meaning here. */
static unsigned int contiguous_shift(const struct stage *st)
{
	static const uint8_t by_level[3][4] = {
		{ 0, 34, 25, 16 }, /* 4K */
		{ 0, 0, 30, 21 }, /* 16K */
		{ 0, 0, 34, 21 }, /* 64K */
	};

	return by_level[(st->tg - 12) / 2][st->level];
}

static uint64_t output_of(const struct model_smmuv3 *s, const struct stage *st, uint64_t desc)
{
	uint64_t address = desc & DESC_ADDR & ~smmu_mask(st->tg);

	if (st->tg == 16 && s->config.oas == 52)
		address |= (desc >> 12 & 15) << 48;
	return address;
}

/* Bits that software must leave 0; reported, and then ignored. */
static void check_reserved(struct model_smmuv3 *s, const struct smmu_walk *w,
			   const struct stage *st, uint64_t at, uint64_t desc, bool leaf)
{
	uint64_t reserved = DESC_RSVD_49_48;

	if (st->tg == 16 && s->config.oas < 52)
		reserved |= UINT64_C(0xf000);
	if (leaf)
		reserved |= smmu_mask(level_shift(st, st->level)) & ~smmu_mask(st->tg) &
			    ~(s->config.bbml && st->level < 3 ? DESC_NT : 0);
	if (leaf && st->tg > 12)
		reserved |= smmu_mask(st->tg) & ~UINT64_C(0xfff) &
			    ~(st->tg == 16 ? UINT64_C(0xf000) : 0);
	if (!(desc & reserved) || w->fresh || w->quiet)
		return;
	smmu_complain_request(s, MODEL_REPORT_RESERVED, "DDI 0487 D8.3", w->request, at, desc,
			      "reserved bits in a descriptor");
}

/* The entries that share a contiguous hint must be one range with the same properties (D8.6.1). */
static bool contiguous_agrees(struct model_smmuv3 *s, const struct stage *st, uint64_t at,
			      uint64_t desc, unsigned int shift)
{
	unsigned int size = level_shift(st, st->level);
	uint64_t count = UINT64_C(1) << (shift - size), step = UINT64_C(1) << size;
	uint64_t index = at / 8 % count, first = at - index * 8;
	uint64_t same = ~(DESC_AF | DESC_SOFTWARE | DESC_IGNORED | DESC_ADDR |
			  (st->second ? DESC_S2AP_WRITE : DESC_AP_READ_ONLY));
	uint64_t base = output_of(s, st, desc) - index * step, other;
	bool unflushed;

	if (base & (count * step - 1))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (!model_memory_fetch(s->mem, first + 8 * i, !s->config.cohacc, &other,
					&unflushed))
			return false;
		if (((other ^ desc) & same) || output_of(s, st, other) != base + i * step)
			return false;
	}
	return true;
}

static bool fetch_descriptor(struct model_smmuv3 *s, struct smmu_walk *w, const struct stage *st,
			     uint64_t address, uint64_t *at, uint64_t *desc)
{
	unsigned int shift = level_shift(st, st->level), bits = st->tg - 3u;
	uint64_t index;

	if (st->level == st->first)
		bits = st->input - shift;
	index = address >> shift & smmu_mask(bits);
	*at = st->table + index * 8;
	/* Tables of stage 1 are at intermediate addresses where stage 2 translates. */
	if (!st->second && w->s2 && !smmu_stage2(s, w, *at, SMMUV3_CLASS_TT, false, at))
		return false;
	if (smmu_fetch(s, w, *at, desc))
		return true;
	w->fault = (struct smmu_fault){
		.type = SMMUV3_F_WALK_EABT,
		.stage2 = st->second,
		.class = st->second ? st->class : SMMUV3_CLASS_TT,
		.address = *at,
	};
	return false;
}

static void inherit(struct stage *st, uint64_t desc)
{
	if (st->second || !st->hierarchical)
		return;
	if (desc & DESC_AP_TABLE_READ_ONLY)
		st->still &= ~SMMU_WRITABLE;
	if (st->regime == SMMU_EL2) {
		if (desc & DESC_UXN_TABLE)
			st->still &= ~SMMU_EXECUTABLE;
		return;
	}
	if (desc & DESC_AP_TABLE_PRIVILEGED)
		st->still &= ~(SMMU_UR | SMMU_UW | SMMU_UX);
	if (desc & DESC_UXN_TABLE)
		st->still &= ~SMMU_UX;
	if (desc & DESC_PXN_TABLE)
		st->still &= ~SMMU_PX;
}

static unsigned int permissions1(const struct stage *st, uint64_t desc)
{
	bool user = desc & DESC_AP_UNPRIVILEGED;
	bool writable = !(desc & DESC_AP_READ_ONLY) || (st->hd && (desc & DESC_DBM));
	unsigned int p = SMMU_PR | SMMU_PX | (user ? SMMU_UR : 0) | SMMU_UX;

	if (st->regime == SMMU_EL2) {
		p = SMMU_ALL_PERMISSIONS;
		if (!writable)
			p &= ~SMMU_WRITABLE;
		if (desc & DESC_UXN)
			p &= ~SMMU_EXECUTABLE;
		if (st->wxn && writable)
			p &= ~SMMU_EXECUTABLE;
		return p & st->still;
	}
	if (writable)
		p |= SMMU_PW | (user ? SMMU_UW : 0);
	if (desc & DESC_UXN)
		p &= ~SMMU_UX;
	if (desc & DESC_PXN)
		p &= ~SMMU_PX;
	p &= st->still;
	if (p & SMMU_UW)
		p &= ~SMMU_PX;
	if (st->wxn && (p & SMMU_UW))
		p &= ~SMMU_UX;
	if (st->wxn && (p & SMMU_PW))
		p &= ~SMMU_PX;
	if (st->uwxn && (p & SMMU_UW))
		p &= ~SMMU_PX;
	return p;
}

static unsigned int permissions2(const struct model_smmuv3 *s, const struct stage *st,
				 uint64_t desc)
{
	unsigned int xn = (unsigned int)(desc >> 53 & 3);
	unsigned int p = 0;

	if (desc & DESC_S2AP_READ)
		p |= SMMU_READABLE;
	if ((desc & DESC_S2AP_WRITE) || (st->hd && (desc & DESC_DBM)))
		p |= SMMU_WRITABLE;
	if (!s->config.xnx)
		return p | (xn & 2 ? 0 : SMMU_EXECUTABLE);
	/* 0: all, 1: unprivileged only, 2: nobody, 3: privileged only. */
	return p | (xn == 0 ? SMMU_EXECUTABLE : xn == 1 ? SMMU_UX : xn == 3 ? SMMU_PX : 0);
}

/* What the request needs of a leaf. */
static unsigned int needed(const struct smmu_walk *w)
{
	unsigned int access = w->request->access;
	unsigned int need = 0;

	if (access & MODEL_WRITE)
		need |= w->privileged ? SMMU_PW : SMMU_UW;
	if (w->execute)
		need |= w->privileged ? SMMU_PX : SMMU_UX;
	else if (access & MODEL_READ)
		need |= w->privileged ? SMMU_PR : SMMU_UR;
	return need;
}

static unsigned int needed2(const struct smmu_walk *w, const struct stage *st)
{
	if (st->class == SMMUV3_CLASS_IN)
		return needed(w);
	return SMMU_PR | (st->write_access ? SMMU_PW : 0);
}

/* False: the descriptor changed meanwhile, look again. */
static bool update_flags(struct model_smmuv3 *s, const struct smmu_walk *w, struct stage *st,
			 uint64_t at, unsigned int need)
{
	uint64_t to = st->desc;
	bool write = need & SMMU_WRITABLE;

	if (st->ha)
		to |= DESC_AF;
	if (st->hd && (st->desc & DESC_DBM) && write && (st->permissions & need) == need)
		to = st->second ? to | DESC_S2AP_WRITE : to & ~DESC_AP_READ_ONLY;
	if (to == st->desc || w->fresh || w->quiet)
		return true;
	if (!model_memory_update(s->mem, at, st->desc, to))
		return false;
	st->desc = to;
	return true;
}

static bool finish_leaf(struct model_smmuv3 *s, struct smmu_walk *w, struct stage *st,
			uint64_t address, uint64_t at)
{
	unsigned int size = level_shift(st, st->level), wide = 0;
	bool clean;

	st->span = (uint8_t)size;
	st->declared = (uint8_t)size;
	if ((st->desc & DESC_CONTIGUOUS) && (wide = contiguous_shift(st))) {
		st->declared = (uint8_t)wide;
		if (contiguous_agrees(s, st, at, st->desc, wide))
			st->span = (uint8_t)wide;
		else if (s->clean && !w->fresh && !w->quiet)
			smmu_complain_request(s, MODEL_REPORT_ILLEGAL, "DDI 0487 D8.6.1",
					      w->request, at, st->desc,
					      "descriptors with the contiguous hint are not one "
					      "range with one set of properties");
	}
	st->shift = st->span;
	st->phys = (output_of(s, st, st->desc) & ~smmu_mask(size)) | (address & smmu_mask(size));
	clean = st->second ? !(st->desc & DESC_S2AP_WRITE) : !!(st->desc & DESC_AP_READ_ONLY);
	st->dirty = !(st->hd && (st->desc & DESC_DBM) && clean);
	/* One entry that is clean cannot speak for its neighbours. */
	if (st->hd && (st->desc & DESC_DBM))
		st->shift = (uint8_t)size;
	st->global = !st->second && st->regime != SMMU_EL2 && !(st->desc & DESC_NG);
	return true;
}

/*
 * @address is the input without what the top byte ignores.  Permissions are for the caller to look at.
 */
static bool walk_stage(struct model_smmuv3 *s, struct smmu_walk *w, struct stage *st,
		       uint64_t address, unsigned int need)
{
	uint64_t reported = st->second ? address : w->request->iova, at;

	start(s, w, st, address);
	for (;;) {
		bool leaf;

		if (!fetch_descriptor(s, w, st, address, &at, &st->desc))
			return false;
		leaf = st->level == 3 || !(st->desc & DESC_TABLE);
		if (!(st->desc & DESC_VALID) || (st->level == 3 && !(st->desc & DESC_TABLE)) ||
		    (st->level < 3 && leaf && !block_possible(s, st)))
			return fault(w, st, reported, SMMUV3_F_TRANSLATION);
		check_reserved(s, w, st, at, st->desc, leaf);
		if (output_of(s, st, st->desc) & ~smmu_mask(st->output))
			return fault(w, st, reported, SMMUV3_F_ADDR_SIZE);
		if (leaf) {
			if (!(st->desc & DESC_AF) && !st->ha && !st->affd)
				return fault(w, st, reported, SMMUV3_F_ACCESS);
			st->permissions = st->second ? permissions2(s, st, st->desc) :
						       permissions1(st, st->desc);
			if (update_flags(s, w, st, at, need))
				break;
			continue;
		}
		inherit(st, st->desc);
		st->table = output_of(s, st, st->desc);
		st->level++;
		remember(s, w, st, address);
	}
	return finish_leaf(s, w, st, address, at);
}

static unsigned int effective_size(const struct model_smmuv3 *s, unsigned int encoded,
				   unsigned int tg)
{
	unsigned int bits = smmuv3_size_bits(encoded);

	if (bits > s->config.oas)
		bits = s->config.oas;
	return bits > 48 && tg != 16 ? 48 : bits;
}

static uint8_t granule_of(uint64_t tg0)
{
	return tg0 == SMMUV3_TG0_4K ? 12 : tg0 == SMMUV3_TG0_16K ? 14 : 16;
}

/* ---- stage 2 ----------------------------------------------------------------------------------- */

static void stage2_of(const struct model_smmuv3 *s, const struct smmu_walk *w, struct stage *st,
		      uint8_t class, bool write)
{
	const uint64_t *ste = w->ste;

	*st = (struct stage){
		.second = true,
		.class = class,
		.write_access = write,
		.regime = SMMU_S2,
		.tg = granule_of(smmuv3_get(ste[2], SMMUV3_STE2_S2TG)),
		.input = 64 - (unsigned int)smmuv3_get(ste[2], SMMUV3_STE2_S2T0SZ),
		.ha = ste[2] & SMMUV3_STE2_S2HA,
		.hd = (ste[2] & SMMUV3_STE2_S2HD) && (ste[2] & SMMUV3_STE2_S2HA),
		.affd = ste[2] & SMMUV3_STE2_S2AFFD,
		.table = ste[3] & SMMUV3_STE3_S2TTB,
	};
	st->output = effective_size(s, (unsigned int)smmuv3_get(ste[2], SMMUV3_STE2_S2PS), st->tg);
	smmu_s2_levels(ste, &st->first);
	/* Aligned to all of the tables that lie side by side. */
	st->table &= ~smmu_mask(st->input - level_shift(st, st->first) + 3);
}

static bool check2(struct smmu_walk *w, const struct stage *st, uint64_t ipa,
		   unsigned int permissions)
{
	unsigned int need = needed2(w, st);

	if ((permissions & need) == need)
		return true;
	/* A translation request is told what is permitted. */
	if (w->request->type == MODEL_ATS_TRANSLATION && st->class == SMMUV3_CLASS_IN)
		return true;
	return fault(w, st, ipa, SMMUV3_F_PERMISSION);
}

/* Walks, or the TLB; the result in @st. */
static bool find2(struct model_smmuv3 *s, struct smmu_walk *w, struct stage *st, uint64_t ipa)
{
	bool write = st->class == SMMUV3_CLASS_IN ? w->request->access & MODEL_WRITE :
						    st->write_access;
	const struct smmu_node *hit = w->fresh ? NULL : tlb_find(s, w, SMMU_S2, ipa);
	struct smmu_node *node;

	if (hit && (hit->dirty || !write)) {
		st->level = hit->level;
		st->shift = hit->shift;
		st->span = hit->span;
		st->declared = hit->declared;
		st->permissions = hit->permissions;
		st->dirty = hit->dirty;
		st->phys = hit->phys | (ipa & smmu_mask(hit->shift));
		return check2(w, st, ipa, st->permissions);
	}
	if (st->input < 64 && ipa >> st->input)
		return fault(w, st, ipa, SMMUV3_F_TRANSLATION);
	if (!walk_stage(s, w, st, ipa, needed2(w, st)))
		return false;
	if (!w->fresh) {
		node = tlb_add(s, w, st, ipa, st->shift);
		if (node)
			node->phys = st->phys & ~smmu_mask(st->shift);
	}
	return check2(w, st, ipa, st->permissions);
}

bool smmu_stage2(struct model_smmuv3 *s, struct smmu_walk *w, uint64_t ipa, uint8_t class,
		 bool write, uint64_t *phys)
{
	struct stage st;

	stage2_of(s, w, &st, class, write);
	if (!find2(s, w, &st, ipa))
		return false;
	*phys = st.phys;
	return true;
}

/* ---- stage 1 ----------------------------------------------------------------------------------- */

/* The half of the address space, and the address as tables see it. False: w->fault. */
static bool stage1_of(const struct model_smmuv3 *s, struct smmu_walk *w, struct stage *st,
		      uint64_t *address)
{
	static const uint8_t tg1[4] = { 0, 14, 12, 16 };
	const uint64_t *cd = w->cd;
	uint64_t iova = w->request->iova, sign;
	bool high = w->regime != SMMU_EL2 && (iova >> 55 & 1), top_ignored;

	*st = (struct stage){
		.regime = w->regime,
		.ha = cd[0] & SMMUV3_CD0_HA,
		.hd = (cd[0] & SMMUV3_CD0_HD) && (cd[0] & SMMUV3_CD0_HA),
		.affd = cd[0] & SMMUV3_CD0_AFFD,
		.wxn = cd[0] & SMMUV3_CD0_WXN,
		.uwxn = cd[0] & SMMUV3_CD0_UWXN,
	};
	if (high) {
		st->tg = tg1[smmuv3_get(cd[0], SMMUV3_CD0_TG1)];
		st->input = 64 - (unsigned int)smmuv3_get(cd[0], SMMUV3_CD0_T1SZ);
		st->table = cd[2] & SMMUV3_CD2_TTB1;
		st->hierarchical = !(s->config.had && (cd[2] & SMMUV3_CD2_HAD1));
		top_ignored = cd[0] & SMMUV3_CD0_TBI1;
	} else {
		st->tg = granule_of(smmuv3_get(cd[0], SMMUV3_CD0_TG0));
		st->input = 64 - (unsigned int)smmuv3_get(cd[0], SMMUV3_CD0_T0SZ);
		st->table = cd[1] & SMMUV3_CD1_TTB0;
		st->hierarchical = !(s->config.had && (cd[1] & SMMUV3_CD1_HAD0));
		top_ignored = cd[0] & SMMUV3_CD0_TBI0;
	}
	sign = high ? UINT64_MAX : 0;
	*address = top_ignored ? (iova & smmu_mask(56)) | (sign & ~smmu_mask(56)) : iova;
	st->disabled = w->regime != SMMU_EL2 &&
		       (cd[0] & (high ? SMMUV3_CD0_EPD1 : SMMUV3_CD0_EPD0));
	if (st->disabled)
		return true; /* nothing of this half counts (5.4) */
	if ((*address ^ sign) & ~smmu_mask(st->input))
		return fault(w, st, iova, SMMUV3_F_TRANSLATION);
	st->output = effective_size(s, (unsigned int)smmuv3_get(cd[0], SMMUV3_CD0_IPS), st->tg);
	st->first = 4 - (st->input - 4) / (st->tg - 3u);
	st->table &= ~smmu_mask(st->input - level_shift(st, st->first) + 3);
	return true;
}

static bool check1(struct smmu_walk *w, const struct stage *st, unsigned int permissions)
{
	unsigned int need = needed(w);

	/* PAN: privileged accesses to what is also unprivileged are denied, but for instructions. */
	if ((w->cd[0] & SMMUV3_CD0_PAN) && (permissions & SMMU_UR))
		permissions &= ~(SMMU_PR | SMMU_PW);
	if ((permissions & need) == need || w->request->type == MODEL_ATS_TRANSLATION)
		return true;
	return fault(w, st, w->request->iova, SMMUV3_F_PERMISSION);
}

static bool use_hit(struct smmu_walk *w, struct stage *st, const struct smmu_node *hit,
		    uint64_t address)
{
	struct stage second = { .second = true, .class = SMMUV3_CLASS_IN };

	st->global = hit->global;
	if (!check1(w, st, hit->permissions))
		return false;
	if (hit->nested &&
	    !check2(w, &second, hit->ipa | (address & smmu_mask(hit->shift)), hit->permissions2))
		return false;
	w->phys = hit->phys | (address & smmu_mask(hit->shift));
	w->shift = hit->shift;
	w->declared = hit->declared;
	w->permissions = hit->permissions & hit->permissions2;
	w->global = hit->global;
	w->writable_now = hit->dirty && hit->dirty2;
	return true;
}

static void walk_both(struct model_smmuv3 *s, struct smmu_walk *w, struct stage *st,
		      uint64_t address)
{
	struct stage second;
	struct smmu_node *node;
	unsigned int shift;
	bool nested = w->s2 && !w->split;

	if (!walk_stage(s, w, st, address, needed(w)))
		return;
	shift = st->shift;
	w->phys = st->phys;
	w->declared = st->declared;
	w->permissions = st->permissions;
	w->writable_now = st->dirty;
	w->global = st->global;
	if (check1(w, st, st->permissions) && nested) {
		stage2_of(s, w, &second, SMMUV3_CLASS_IN, false);
		if (!find2(s, w, &second, st->phys) && w->fault.type != SMMUV3_F_PERMISSION)
			return;
		if (!smmu_failed(w) || w->fault.stage2) {
			w->phys = second.phys;
			w->permissions &= second.permissions;
			w->writable_now &= second.dirty;
			shift = second.shift < shift ? second.shift : shift;
		}
	} else if (nested) {
		return; /* denied before stage 2 was asked: there is nothing whole to cache */
	}
	w->shift = (uint8_t)shift;
	if (w->fresh || w->split)
		return;
	node = tlb_add(s, w, st, address, shift);
	if (!node)
		return;
	node->phys = w->phys & ~smmu_mask(shift);
	node->nested = nested;
	node->ipa = st->phys & ~smmu_mask(shift);
	if (nested) {
		node->permissions2 = second.permissions;
		node->dirty2 = second.dirty;
	}
}

/* ---- requests ---------------------------------------------------------------------------------- */

static void translate_stage1(struct model_smmuv3 *s, struct smmu_walk *w)
{
	const struct smmu_node *hit;
	struct stage st;
	uint64_t address;

	if (!stage1_of(s, w, &st, &address))
		return;
	/* What stage 1 alone gives is not what other requests may find. */
	hit = w->fresh || w->split ? NULL : tlb_find(s, w, w->regime, address);
	if (hit && ((hit->dirty && hit->dirty2) || !(w->request->access & MODEL_WRITE))) {
		use_hit(w, &st, hit, address);
		return;
	}
	if (st.disabled)
		fault(w, &st, w->request->iova, SMMUV3_F_TRANSLATION);
	else
		walk_both(s, w, &st, address);
}

void smmu_translate(struct model_smmuv3 *s, struct smmu_walk *w)
{
	uint64_t iova = w->request->iova;
	struct stage st = { 0 };

	w->snoop = !(w->request->access & MODEL_NO_SNOOP);
	if (w->s1) {
		translate_stage1(s, w);
		return;
	}
	/* Without stage 1 the input is a physical address, of stage 2 an intermediate one (3.4). */
	if (iova & ~smmu_mask(s->config.oas)) {
		fault(w, &st, iova, SMMUV3_F_ADDR_SIZE);
		return;
	}
	w->phys = iova;
	w->shift = 12;
	w->permissions = SMMU_ALL_PERMISSIONS;
	w->writable_now = true;
	if (!w->s2)
		return;
	stage2_of(s, w, &st, SMMUV3_CLASS_IN, false);
	if (!find2(s, w, &st, iova))
		return;
	w->phys = st.phys;
	w->shift = st.shift;
	w->declared = st.declared;
	w->permissions = st.permissions;
	w->writable_now = st.dirty;
}

void smmu_walk(struct model_smmuv3 *s, struct smmu_walk *w)
{
	if (smmu_find_ste(s, w) && smmu_find_cd(s, w))
		smmu_translate(s, w);
}
