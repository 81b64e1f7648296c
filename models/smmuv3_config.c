/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_config.c - stream tables and CD tables: where an entry lies, fetch, cache (3.3, 5.1 to 5.4)
 *
 * Whatever was fetched is cached, valid or not (5.2.1, 5.4.1), and each kind of structure on its own: an
 * L1STD by its index, an STE by its StreamID, an L1CD and a CD by StreamID and SubstreamID.  A fetch that
 * fails is not remembered.
 */
#include <string.h>

#include "models/smmuv3_internal.h"

#define POISON UINT64_C(0xa5a5a5a5a5a5a5a5)
#define PREFETCHED_CDS 64u
#define PREFETCHED_L1CDS 1024u
#define PREFETCHED_L1STDS 1024u

bool smmu_fail(struct smmu_walk *w, uint8_t type)
{
	w->fault.type = type;
	return false;
}

static bool fail_fetch(struct smmu_walk *w, uint8_t type, uint64_t at)
{
	w->fault.address = at;
	return smmu_fail(w, type);
}

bool smmu_fetch(struct model_smmuv3 *s, const struct smmu_walk *w, uint64_t phys, uint64_t *value)
{
	bool silent = w->fresh || w->quiet, unflushed;

	if ((phys & ~smmu_mask(s->config.oas)) ||
	    !model_memory_fetch(s->mem, phys, !s->config.cohacc, value, &unflushed)) {
		if (!silent)
			smmu_complain_request(s, MODEL_REPORT_WILD, "3.21", w->request, phys,
					      UINT64_MAX,
					      "a structure lies in memory that is not for tables");
		return false;
	}
	/* Memory being changed just now may differ; what was never written back is a mistake. */
	if (unflushed && !silent && (s->clean || *value == POISON))
		smmu_complain_request(s, MODEL_REPORT_UNFLUSHED, "3.15", w->request, phys,
				      UINT64_MAX, "an entry was not written back to memory");
	return true;
}

/* The words of a structure are fetched in any order (3.21.3). */
static bool fetch_words(struct model_smmuv3 *s, const struct smmu_walk *w, uint64_t at, uint64_t *q)
{
	unsigned int turn = w->fresh ? 0 : (unsigned int)(smmu_random(s) & 7);

	for (unsigned int i = 0; i < 8; i++)
		if (!smmu_fetch(s, w, at + 8 * (i ^ turn), &q[i ^ turn]))
			return false;
	return true;
}

bool smmu_read_words(struct model_smmuv3 *s, uint64_t at, uint64_t *q, unsigned int words)
{
	bool unflushed;

	for (unsigned int i = 0; i < words; i++)
		if (!model_memory_fetch(s->mem, at + 8 * i, false, &q[i], &unflushed))
			return false;
	return true;
}

/* ---- stream tables ----------------------------------------------------------------------------- */

static unsigned int log2_streams(const struct model_smmuv3 *s)
{
	unsigned int bits =
		(unsigned int)smmuv3_get(s->strtab_cfg, SMMUV3_STRTAB_BASE_CFG_LOG2SIZE);

	return bits < s->config.sidsize ? bits : s->config.sidsize;
}

/* Bits of a StreamID in the second level; 0: a linear table. */
static unsigned int split(const struct model_smmuv3 *s)
{
	unsigned int bits = (unsigned int)smmuv3_get(s->strtab_cfg, SMMUV3_STRTAB_BASE_CFG_SPLIT);

	if (!s->config.st_level ||
	    smmuv3_get(s->strtab_cfg, SMMUV3_STRTAB_BASE_CFG_FMT) != SMMUV3_STRTAB_2LEVEL)
		return 0;
	return bits == SMMUV3_SPLIT_16K || bits == SMMUV3_SPLIT_64K ? bits : SMMUV3_SPLIT_4K;
}

static uint64_t l1std_at(const struct model_smmuv3 *s, uint32_t index)
{
	unsigned int bits = log2_streams(s), low = split(s), size;

	size = bits > low ? bits - low + 3 : 3;
	return (s->strtab_base & SMMUV3_STRTAB_BASE_ADDR & ~smmu_mask(size < 6 ? 6 : size)) +
	       (uint64_t)index * SMMUV3_L1STD_SIZE;
}

static struct smmu_node *cache_word(struct model_cache *cache, uint64_t key, uint64_t at,
				    uint64_t value)
{
	struct smmu_node *node = model_cache_put(cache, key, 0);

	if (node) {
		node->at = at;
		node->q[0] = value;
	}
	return node;
}

/* The L1STD, from its cache if there is one. */
static bool find_l1std(struct model_smmuv3 *s, struct smmu_walk *w, uint32_t index, uint64_t *l1std)
{
	struct smmu_node *node = w->fresh ? NULL : model_cache_find(&s->l1stds, index, 0);
	uint64_t at = l1std_at(s, index);

	if (node) {
		*l1std = node->q[0];
		return true;
	}
	if (!smmu_fetch(s, w, at, l1std))
		return fail_fetch(w, SMMUV3_F_STE_FETCH, at);
	if (w->fresh)
		return true;
	node = cache_word(&s->l1stds, index, at, *l1std);
	if (node)
		node->shift = (uint8_t)split(s);
	return true;
}

static bool ste_in_second_level(struct model_smmuv3 *s, struct smmu_walk *w, uint64_t *at)
{
	unsigned int low = split(s), span;
	uint32_t index = w->sid & (uint32_t)smmu_mask(low);
	uint64_t l1std;

	if (!find_l1std(s, w, w->sid >> low, &l1std))
		return false;
	span = (unsigned int)smmuv3_get(l1std, SMMUV3_L1STD_SPAN);
	if (!span || span > 11 || span > low + 1 || index >> (span - 1))
		return smmu_fail(w, SMMUV3_C_BAD_STREAMID);
	if ((l1std & ~(SMMUV3_L1STD_SPAN | SMMUV3_L1STD_L2PTR)) && !w->fresh && !w->quiet)
		smmu_complain_stream(s, MODEL_REPORT_RESERVED, "5.1", "reserved bits in an L1STD",
				     w->sid, l1std);
	*at = (l1std & SMMUV3_L1STD_L2PTR & ~smmu_mask(span + 5)) +
	      (uint64_t)index * SMMUV3_STE_SIZE;
	return true;
}

static bool ste_address(struct model_smmuv3 *s, struct smmu_walk *w, uint64_t *at)
{
	unsigned int bits = log2_streams(s);

	if (bits < 32 && w->sid >> bits)
		return smmu_fail(w, SMMUV3_C_BAD_STREAMID);
	if (split(s))
		return ste_in_second_level(s, w, at);
	*at = (s->strtab_base & SMMUV3_STRTAB_BASE_ADDR & ~smmu_mask(bits + 6)) +
	      (uint64_t)w->sid * SMMUV3_STE_SIZE;
	return true;
}

bool smmu_locate_ste(struct model_smmuv3 *s, uint32_t sid, uint64_t *at)
{
	struct smmu_walk w = { .sid = sid, .fresh = true };

	return smmu_enabled(s, SMMUV3_CR0_SMMUEN) && ste_address(s, &w, at);
}

/* CONT: hardware may use any STE of the span, so all of them must be the same (5.2). */
static void check_cont(struct model_smmuv3 *s, const struct smmu_walk *w)
{
	unsigned int cont = (unsigned int)smmuv3_get(w->ste[1], SMMUV3_STE1_CONT);
	uint32_t first = w->sid & ~(uint32_t)smmu_mask(cont);
	uint64_t at, q[8];

	for (uint32_t sid = first; cont && cont <= 10 && sid - first < 1u << cont; sid++) {
		if (!smmu_locate_ste(s, sid, &at) || !smmu_read_words(s, at, q, 8))
			continue;
		q[1] = (q[1] & ~SMMUV3_STE1_CONT) | (w->ste[1] & SMMUV3_STE1_CONT);
		if (!memcmp(q, w->ste, sizeof(q)))
			continue;
		smmu_complain_stream(s, MODEL_REPORT_ILLEGAL, "5.2",
				     "STE.CONT spans STEs that are not the same", w->sid, at);
		return;
	}
}

/* With COHACC, tables that are read past the caches miss what the processor wrote (3.15). */
static void check_cacheable(struct model_smmuv3 *s, const struct smmu_walk *w, uint64_t inner,
			    uint64_t outer, uint64_t shareable, const char *text)
{
	if (!s->config.cohacc || w->fresh || (inner && outer && shareable >= 2))
		return;
	smmu_complain_stream(s, MODEL_REPORT_ILLEGAL, "3.15", text, w->sid, inner | outer << 2);
}

static void check_ste(struct model_smmuv3 *s, const struct smmu_walk *w)
{
	unsigned int config = (unsigned int)smmuv3_get(w->ste[0], SMMUV3_STE0_CONFIG);

	if (w->fresh)
		return;
	if (smmu_ste_reserved(s, w->ste))
		smmu_complain_stream(s, MODEL_REPORT_RESERVED, "5.2", "reserved bits in an STE",
				     w->sid, smmu_ste_reserved(s, w->ste));
	if (smmu_ste_illegal(s, w->ste) || config < SMMUV3_CONFIG_BYPASS)
		return;
	check_cont(s, w);
	if (config & 1)
		check_cacheable(s, w, smmuv3_get(w->ste[1], SMMUV3_STE1_S1CIR),
				smmuv3_get(w->ste[1], SMMUV3_STE1_S1COR),
				smmuv3_get(w->ste[1], SMMUV3_STE1_S1CSH),
				"CDs are fetched past the caches although access is coherent");
	if (config & 2)
		check_cacheable(s, w, smmuv3_get(w->ste[2], SMMUV3_STE2_S2IR0),
				smmuv3_get(w->ste[2], SMMUV3_STE2_S2OR0),
				smmuv3_get(w->ste[2], SMMUV3_STE2_S2SH0),
				"stage 2 is walked past the caches although access is coherent");
}

bool smmu_find_ste(struct model_smmuv3 *s, struct smmu_walk *w)
{
	struct smmu_node *node = w->fresh ? NULL : model_cache_find(&s->stes, w->sid, 0);
	uint64_t at;

	if (node) {
		memcpy(w->ste, node->q, sizeof(w->ste));
	} else {
		if (!ste_address(s, w, &at))
			return false;
		if (!fetch_words(s, w, at, w->ste))
			return fail_fetch(w, SMMUV3_F_STE_FETCH, at);
		if (!w->fresh) {
			node = model_cache_put(&s->stes, w->sid, 0);
			if (node) {
				node->sid = w->sid;
				node->at = at;
				memcpy(node->q, w->ste, sizeof(node->q));
			}
		}
		check_ste(s, w);
	}
	if (smmu_ste_illegal(s, w->ste))
		return smmu_fail(w, SMMUV3_C_BAD_STE);
	if (smmuv3_get(w->ste[0], SMMUV3_STE0_CONFIG) < SMMUV3_CONFIG_BYPASS) {
		w->fault.silent = true;
		return false;
	}
	return true;
}

/* ---- CD tables --------------------------------------------------------------------------------- */

struct cd_table {
	uint64_t base;
	unsigned int leaf; /* bits of the second level; 0: linear */
	unsigned int bits; /* of all */
};

static struct cd_table cd_table(const struct model_smmuv3 *s, const uint64_t *ste)
{
	struct cd_table t = { .bits = smmu_s1cdmax(s, ste) };
	unsigned int fmt = t.bits ? (unsigned int)smmuv3_get(ste[0], SMMUV3_STE0_S1FMT) : 0, align;

	t.leaf = fmt == SMMUV3_S1FMT_4K ? 6 : fmt == SMMUV3_S1FMT_64K ? 10 : 0;
	align = !t.leaf ? t.bits + 6 : t.bits > t.leaf ? t.bits - t.leaf + 3 : 6;
	t.base = ste[0] & SMMUV3_STE0_S1CONTEXTPTR & ~smmu_mask(align < 6 ? 6 : align);
	return t;
}

/* A fetch of the CD table: through stage 2 where that translates. */
static bool cd_physical(struct model_smmuv3 *s, struct smmu_walk *w, uint64_t ipa, uint64_t *phys)
{
	*phys = ipa;
	return !(smmuv3_get(w->ste[0], SMMUV3_STE0_CONFIG) & 2) ||
	       smmu_stage2(s, w, ipa, SMMUV3_CLASS_CD, false, phys);
}

static bool find_l1cd(struct model_smmuv3 *s, struct smmu_walk *w, const struct cd_table *t,
		      uint32_t index, uint64_t *l1cd)
{
	uint64_t key = (uint64_t)w->sid << 32 | index, at;
	struct smmu_node *node = w->fresh ? NULL : model_cache_find(&s->l1cds, key, 0);

	if (node) {
		*l1cd = node->q[0];
		return true;
	}
	if (!cd_physical(s, w, t->base + (uint64_t)index * SMMUV3_L1CD_SIZE, &at))
		return false;
	if (!smmu_fetch(s, w, at, l1cd))
		return fail_fetch(w, SMMUV3_F_CD_FETCH, at);
	if (w->fresh)
		return true;
	node = cache_word(&s->l1cds, key, at, *l1cd);
	if (node) {
		node->sid = w->sid;
		node->ssid = index << t->leaf;
		node->shift = (uint8_t)t->leaf;
	}
	return true;
}

static bool cd_address(struct model_smmuv3 *s, struct smmu_walk *w, uint64_t *ipa)
{
	struct cd_table t = cd_table(s, w->ste);
	uint64_t l1cd, reserved;

	if (!t.leaf) {
		*ipa = t.base + (uint64_t)w->ssid * SMMUV3_CD_SIZE;
		return true;
	}
	if (!find_l1cd(s, w, &t, w->ssid >> t.leaf, &l1cd))
		return false;
	if (!(l1cd & SMMUV3_L1CD_V) || (l1cd & SMMUV3_L1CD_L2PTR & ~smmu_mask(s->config.oas)))
		return smmu_fail(w, SMMUV3_C_BAD_SUBSTREAMID);
	reserved = l1cd & ~(SMMUV3_L1CD_V | SMMUV3_L1CD_L2PTR);
	if (t.leaf == 10)
		reserved |= l1cd & 0xf000;
	if (reserved && !w->fresh && !w->quiet)
		smmu_complain_stream(s, MODEL_REPORT_RESERVED, "5.3", "reserved bits in an L1CD",
				     w->sid, l1cd);
	*ipa = (l1cd & SMMUV3_L1CD_L2PTR & ~smmu_mask(t.leaf + 6)) +
	       (w->ssid & smmu_mask(t.leaf)) * SMMUV3_CD_SIZE;
	return true;
}

bool smmu_locate_cd(struct model_smmuv3 *s, const uint64_t *ste, uint32_t ssid, uint64_t *at)
{
	struct smmu_walk w = { .ssid = ssid, .fresh = true };
	uint64_t ipa;

	/* Only what software itself laid out: behind stage 2 it belongs to a guest. */
	if (smmu_ste_illegal(s, ste) ||
	    smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) != SMMUV3_CONFIG_S1 ||
	    ssid >> smmu_s1cdmax(s, ste))
		return false;
	memcpy(w.ste, ste, sizeof(w.ste));
	if (!cd_address(s, &w, &ipa))
		return false;
	*at = ipa;
	return true;
}

static void check_cd(struct model_smmuv3 *s, const struct smmu_walk *w)
{
	uint64_t cd = w->cd[0];

	if (w->fresh)
		return;
	if (smmu_cd_reserved(s, w->cd))
		smmu_complain_stream(s, MODEL_REPORT_RESERVED, "5.4", "reserved bits in a CD",
				     w->sid, smmu_cd_reserved(s, w->cd));
	if (smmu_cd_illegal(s, w->ste, w->cd))
		return;
	if (!(cd & SMMUV3_CD0_EPD0))
		check_cacheable(s, w, smmuv3_get(cd, SMMUV3_CD0_IR0),
				smmuv3_get(cd, SMMUV3_CD0_OR0), smmuv3_get(cd, SMMUV3_CD0_SH0),
				"TTB0 is walked past the caches although access is coherent");
	if (!(cd & SMMUV3_CD0_EPD1) && w->regime != SMMU_EL2)
		check_cacheable(s, w, smmuv3_get(cd, SMMUV3_CD0_IR1),
				smmuv3_get(cd, SMMUV3_CD0_OR1), smmuv3_get(cd, SMMUV3_CD0_SH1),
				"TTB1 is walked past the caches although access is coherent");
}

static bool fetch_cd(struct model_smmuv3 *s, struct smmu_walk *w)
{
	uint64_t key = (uint64_t)w->sid << 32 | w->ssid, ipa, at;
	struct smmu_node *node = w->fresh ? NULL : model_cache_find(&s->cds, key, 0);

	if (node) {
		memcpy(w->cd, node->q, sizeof(w->cd));
		return true;
	}
	if (!cd_address(s, w, &ipa) || !cd_physical(s, w, ipa, &at))
		return false;
	if (!fetch_words(s, w, at, w->cd))
		return fail_fetch(w, SMMUV3_F_CD_FETCH, at);
	if (!w->fresh) {
		smmu_watch_cd(s, w->sid, w->ssid, w->ste);
		node = model_cache_put(&s->cds, key, 0);
		if (node) {
			node->sid = w->sid;
			node->ssid = w->ssid;
			node->at = at;
			memcpy(node->q, w->cd, sizeof(node->q));
		}
	}
	check_cd(s, w);
	return true;
}

/* ---- what they mean for a request -------------------------------------------------------------- */

static void find_regime(const struct model_smmuv3 *s, struct smmu_walk *w)
{
	bool el2 = s->config.hyp && smmuv3_get(w->ste[0], SMMUV3_STE0_CONFIG) == SMMUV3_CONFIG_S1 &&
		   smmuv3_get(w->ste[1], SMMUV3_STE1_STRW) == SMMUV3_STRW_EL2;

	w->regime = !el2 ? SMMU_EL1 : s->cr2 & SMMUV3_CR2_E2H ? SMMU_EL2_E2H : SMMU_EL2;
	w->vmid = s->config.s2p && !el2 ? (uint16_t)smmuv3_get(w->ste[2], SMMUV3_STE2_S2VMID) : 0;
}

static void find_attributes(const struct model_smmuv3 *s, struct smmu_walk *w)
{
	unsigned int access = w->request->access;
	uint64_t priv = smmuv3_get(w->ste[1], SMMUV3_STE1_PRIVCFG);
	uint64_t inst = smmuv3_get(w->ste[1], SMMUV3_STE1_INSTCFG);

	w->privileged = w->request->has_pasid && (access & MODEL_PRIV);
	w->execute = (access & MODEL_EXEC) && !(access & MODEL_WRITE);
	if (!s->config.attr_perms_ovr)
		return;
	if (priv & 2)
		w->privileged = priv & 1;
	if ((inst & 2) && !(access & MODEL_WRITE))
		w->execute = inst & 1;
}

/* Which CD, if any: S1DSS and S1CDMax (5.2). */
static bool choose_cd(const struct model_smmuv3 *s, struct smmu_walk *w)
{
	unsigned int max = smmu_s1cdmax(s, w->ste);
	unsigned int dss = (unsigned int)smmuv3_get(w->ste[1], SMMUV3_STE1_S1DSS);

	w->has_ssid = w->request->has_pasid;
	w->ssid = w->has_ssid ? w->request->pasid : 0;
	if (w->has_ssid) {
		if (!w->s1 || !max || w->ssid >> max)
			return smmu_fail(w, SMMUV3_C_BAD_SUBSTREAMID);
		if (!w->ssid && dss == SMMUV3_S1DSS_SSID0)
			return smmu_fail(w, SMMUV3_F_STREAM_DISABLED);
		return true;
	}
	if (!w->s1 || !max)
		return true;
	if (dss == SMMUV3_S1DSS_BYPASS)
		w->s1 = false;
	else if (dss != SMMUV3_S1DSS_SSID0)
		return smmu_fail(w, SMMUV3_F_STREAM_DISABLED);
	return true;
}

bool smmu_find_cd(struct model_smmuv3 *s, struct smmu_walk *w)
{
	unsigned int config = (unsigned int)smmuv3_get(w->ste[0], SMMUV3_STE0_CONFIG);

	w->s1 = config & 1;
	w->s2 = config & 2;
	find_regime(s, w);
	find_attributes(s, w);
	if (w->request->type == MODEL_ATS_TRANSLATED) {
		w->s1 = false; /* what is translated still is the second stage (13.6.3) */
		return true;
	}
	if (!choose_cd(s, w))
		return false;
	if (!w->s1)
		return true;
	if (!fetch_cd(s, w))
		return false;
	if (smmu_cd_illegal(s, w->ste, w->cd))
		return smmu_fail(w, SMMUV3_C_BAD_CD);
	w->asid = w->regime == SMMU_EL2 ? 0 : (uint16_t)smmuv3_get(w->cd[0], SMMUV3_CD0_ASID);
	return true;
}

/* ---- prefetch ---------------------------------------------------------------------------------- */

/* The first CDs of a linear or leaf table, from SubstreamID @first. */
static void prefetch_cds(struct model_smmuv3 *s, struct smmu_walk *w, uint32_t first, uint32_t end)
{
	for (w->ssid = first; w->ssid < end && w->ssid - first < PREFETCHED_CDS; w->ssid++) {
		w->fault = (struct smmu_fault){ 0 };
		if (!fetch_cd(s, w))
			return;
	}
}

void smmu_prefetch_first_level(struct model_smmuv3 *s)
{
	static const struct model_request none = { 0 };
	struct smmu_walk w = { .request = &none, .quiet = true };
	unsigned int low = split(s), bits = log2_streams(s);
	uint64_t l1std;

	for (uint32_t i = 0; low && bits > low && i >> (bits - low) == 0; i++)
		if (i == PREFETCHED_L1STDS || !find_l1std(s, &w, i, &l1std))
			return;
}

void smmu_prefetch(struct model_smmuv3 *s, uint32_t sid)
{
	static const struct model_request none = { 0 };
	struct smmu_walk w = { .request = &none, .sid = sid, .quiet = true };
	struct cd_table t;
	uint32_t end;

	if (!smmu_enabled(s, SMMUV3_CR0_SMMUEN) || !smmu_find_ste(s, &w) ||
	    smmuv3_get(w.ste[0], SMMUV3_STE0_CONFIG) != SMMUV3_CONFIG_S1)
		return;
	t = cd_table(s, w.ste);
	end = 1u << t.bits;
	if (!t.leaf) {
		prefetch_cds(s, &w, 0, end);
		return;
	}
	for (uint32_t i = 0; i << t.leaf < end && i < PREFETCHED_L1CDS; i++) {
		uint64_t l1cd;

		w.fault = (struct smmu_fault){ 0 };
		if (!find_l1cd(s, &w, &t, i, &l1cd))
			return;
		if (l1cd & SMMUV3_L1CD_V)
			prefetch_cds(s, &w, i << t.leaf, end);
	}
}
