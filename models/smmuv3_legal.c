/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_legal.c - which STEs and CDs are ILLEGAL (5.2.2, 5.4.2), and which of their bits count
 *
 * The checks follow the fields of the sections in their order.  Reserved bits make a structure ILLEGAL,
 * one of the two things that chapter 5 lets hardware do with them.
 */
#include <string.h>

#include "models/smmuv3_internal.h"

static unsigned int field(uint64_t word, uint64_t mask)
{
	return (unsigned int)smmuv3_get(word, mask);
}

static unsigned int minimum(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static unsigned int maximum(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

/* log2 of the granule, or 0: reserved or not supported. */
static unsigned int granule(const struct model_smmuv3 *s, unsigned int tg)
{
	switch (tg) {
	case SMMUV3_TG0_4K:
		return s->config.gran4k ? 12 : 0;
	case SMMUV3_TG0_16K:
		return s->config.gran16k ? 14 : 0;
	case SMMUV3_TG0_64K:
		return s->config.gran64k ? 16 : 0;
	default:
		return 0;
	}
}

static bool beyond(uint64_t address, unsigned int bits)
{
	return address & ~smmu_mask(bits);
}

static unsigned int largest_txsz(const struct model_smmuv3 *s, unsigned int tg)
{
	if (!s->config.stt)
		return 39;
	return tg == 16 ? 47 : 48;
}

/* A table of @size encoded, with granule @tg: how far its base address may reach. */
static unsigned int base_bits(const struct model_smmuv3 *s, unsigned int size, unsigned int tg)
{
	unsigned int bits = minimum(smmuv3_size_bits(size), s->config.oas);

	return tg == 16 ? bits : minimum(bits, 48);
}

unsigned int smmu_s1cdmax(const struct model_smmuv3 *s, const uint64_t *ste)
{
	return s->config.ssidsize ? field(ste[0], SMMUV3_STE0_S1CDMAX) : 0;
}

/* ---- stage 2 of an STE ------------------------------------------------------------------------- */

/* Levels from the first to the last, 0: reserved; *first: the first. */
unsigned int smmu_s2_levels(const uint64_t *ste, unsigned int *first)
{
	static const uint8_t start[3][4] = {
		[SMMUV3_TG0_4K] = { 2, 1, 0, 3 },
		[SMMUV3_TG0_64K] = { 3, 2, 1, 0xff },
		[SMMUV3_TG0_16K] = { 3, 2, 1, 0xff },
	};
	unsigned int tg = field(ste[2], SMMUV3_STE2_S2TG);
	unsigned int level;

	if (tg > SMMUV3_TG0_16K)
		return 0;
	level = start[tg][field(ste[2], SMMUV3_STE2_S2SL0)];
	if (level > 3)
		return 0;
	*first = level;
	return 4 - level;
}

/* VMSAv8-64, stage 2: the first level, the granule and the size of the input must fit. */
static bool walk_inconsistent(const struct model_smmuv3 *s, const uint64_t *ste, unsigned int tg)
{
	unsigned int input = 64 - field(ste[2], SMMUV3_STE2_S2T0SZ);
	unsigned int first = 0, levels = smmu_s2_levels(ste, &first), stride = tg - 3;
	int index;

	if (!levels)
		return true;
	if (tg == 12 && first == 3 && !s->config.stt)
		return true;
	/* The largest tables need a physical address size that can use them. */
	if ((tg == 12 && first == 0 && s->config.oas < 44) ||
	    (tg == 14 && first == 1 && s->config.oas < 42) ||
	    (tg == 16 && first == 1 && s->config.oas < 44))
		return true;
	index = (int)input - (int)(tg + stride * (levels - 1));
	return index < 1 || index > (int)stride + 4; /* up to 16 tables side by side */
}

static bool stage2_illegal(const struct model_smmuv3 *s, const uint64_t *ste)
{
	const struct model_smmuv3_config *c = &s->config;
	bool aa64 = ste[2] & SMMUV3_STE2_S2AA64, stalls = ste[2] & SMMUV3_STE2_S2S;
	bool ha = ste[2] & SMMUV3_STE2_S2HA, hd = ste[2] & SMMUV3_STE2_S2HD;
	unsigned int tg = granule(s, field(ste[2], SMMUV3_STE2_S2TG));
	unsigned int t0sz = field(ste[2], SMMUV3_STE2_S2T0SZ);

	if (c->stall_model == SMMUV3_STALL_MODEL_TERMINATE ? stalls :
	    c->stall_model == SMMUV3_STALL_MODEL_FORCED	   ? !stalls :
							     false)
		return true;
	if (aa64 ? !(c->ttf & SMMUV3_TTF_AARCH64) : !(c->ttf & SMMUV3_TTF_AARCH32))
		return true;
	if (((ha || hd) && (!aa64 || !c->httu)) || (hd && c->httu < SMMUV3_HTTU_DIRTY))
		return true;
	if (!aa64)
		return ste[1] & SMMUV3_STE1_S2FWB && c->fwb;
	if (!tg ||
	    beyond(ste[3] & SMMUV3_STE3_S2TTB, base_bits(s, field(ste[2], SMMUV3_STE2_S2PS), tg)))
		return true;
	if (t0sz > largest_txsz(s, tg) || t0sz < maximum(tg == 16 ? 12 : 16, 64u - c->oas))
		return true;
	return walk_inconsistent(s, ste, tg) || (ste[2] & SMMUV3_STE2_S2ENDI);
}

/* ---- STEs -------------------------------------------------------------------------------------- */

static bool strw_unused(const struct model_smmuv3 *s, unsigned int config)
{
	return !s->config.s1p || !s->config.hyp || config >= SMMUV3_CONFIG_S2 ||
	       config == SMMUV3_CONFIG_BYPASS;
}

static bool ats_illegal(const struct model_smmuv3 *s, const uint64_t *ste, unsigned int config)
{
	bool stalls = ste[2] & SMMUV3_STE2_S2S;

	if (!s->config.ats || config == SMMUV3_CONFIG_BYPASS)
		return false;
	switch (field(ste[1], SMMUV3_STE1_EATS)) {
	case SMMUV3_EATS_SPLIT:
		return config != SMMUV3_CONFIG_NESTED || stalls || s->config.ns1ats;
	case SMMUV3_EATS_FULL:
		return stalls && config >= SMMUV3_CONFIG_S2;
	default:
		return false;
	}
}

static bool stage1_illegal(const struct model_smmuv3 *s, const uint64_t *ste)
{
	unsigned int fmt = field(ste[0], SMMUV3_STE0_S1FMT), max = smmu_s1cdmax(s, ste);

	if ((ste[1] & SMMUV3_STE1_S1STALLD) && s->config.stall_model != SMMUV3_STALL_MODEL_BOTH)
		return true;
	if (max > s->config.ssidsize)
		return true;
	if (max && !s->config.cd2l && (fmt == SMMUV3_S1FMT_4K || fmt == SMMUV3_S1FMT_64K))
		return true;
	return beyond(ste[0] & SMMUV3_STE0_S1CONTEXTPTR, s->config.oas);
}

uint64_t smmu_ste_reserved(const struct model_smmuv3 *s, const uint64_t *ste)
{
	static const uint64_t reserved[8] = {
		UINT64_C(0x07f0000000000000), /* 58:52 */
		UINT64_C(0x00000e0001000000) | SMMUV3_STE1_S1MPAM, /* 43:41, S1PIE */
		UINT64_C(0xf800000000000000), /* HAFT, PIE, POE, DPT_VMATCH */
		UINT64_C(0xfff000000000000f), /* Secure fields and S2DS */
		~UINT64_C(0xffff), /* below: implementation defined */
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
	};

	if (!(ste[0] & SMMUV3_STE0_V) || field(ste[0], SMMUV3_STE0_CONFIG) < SMMUV3_CONFIG_BYPASS)
		return 0;
	for (unsigned int i = 0; i < 8; i++)
		if (ste[i] & reserved[i])
			return ste[i] & reserved[i];
	return (s->config.fwb ? 0 : ste[1] & SMMUV3_STE1_S2FWB) |
	       (s->config.pri && s->config.ssidsize ? 0 : ste[1] & SMMUV3_STE1_PPAR);
}

bool smmu_ste_illegal(const struct model_smmuv3 *s, const uint64_t *ste)
{
	unsigned int config = field(ste[0], SMMUV3_STE0_CONFIG);
	bool stage1 = config & 1, stage2 = config & 2, vmid_ignored;

	if (!(ste[0] & SMMUV3_STE0_V))
		return true;
	if (config < SMMUV3_CONFIG_BYPASS)
		return false;
	if ((stage1 && !s->config.s1p) || (stage2 && !s->config.s2p))
		return true;
	if (smmu_ste_reserved(s, ste) || ats_illegal(s, ste, config))
		return true;
	if (!strw_unused(s, config) && (ste[1] & (UINT64_C(1) << 30)))
		return true; /* STRW 1 and 3 */
	if ((stage1 && stage1_illegal(s, ste)) || (stage2 && stage2_illegal(s, ste)))
		return true;
	vmid_ignored = !s->config.s2p || config == SMMUV3_CONFIG_BYPASS ||
		       (!strw_unused(s, config) && field(ste[1], SMMUV3_STE1_STRW));
	return !vmid_ignored && !s->config.vmid16 && (ste[2] & SMMUV3_STE2_S2VMID) > 0xff;
}

/* ---- CDs --------------------------------------------------------------------------------------- */

static bool is_el2(const struct model_smmuv3 *s, const uint64_t *ste)
{
	return !strw_unused(s, field(ste[0], SMMUV3_STE0_CONFIG)) &&
	       field(ste[1], SMMUV3_STE1_STRW) == SMMUV3_STRW_EL2;
}

/* EL2 without E2H: one table, no ASID. */
static bool plain_el2(const struct model_smmuv3 *s, const uint64_t *ste)
{
	return is_el2(s, ste) && !(s->cr2 & SMMUV3_CR2_E2H);
}

/* One half of the address space; @tg: log2 of the granule or 0. */
static bool half_illegal(const struct model_smmuv3 *s, const uint64_t *cd, unsigned int txsz,
			 unsigned int tg, uint64_t base)
{
	unsigned int least = s->config.vax == 52 && tg == 16 ? 12 : 16;

	if (!tg || txsz > largest_txsz(s, tg) || txsz < least)
		return true;
	return beyond(base, base_bits(s, field(cd[0], SMMUV3_CD0_IPS), tg));
}

static unsigned int tg1_as_tg0(unsigned int tg1)
{
	static const uint8_t map[4] = { 3, SMMUV3_TG0_16K, SMMUV3_TG0_4K, SMMUV3_TG0_64K };

	return map[tg1];
}

uint64_t smmu_cd_reserved(const struct model_smmuv3 *s, const uint64_t *cd)
{
	static const uint64_t reserved[8] = {
		0,
		UINT64_C(0x0ff000000000000c), /* 59:52, HAFT, E0PD0 */
		UINT64_C(0x0ff000000000000c), /* PIE, DS, 57:52, AIE, E0PD1 */
		0,
		0,
		~UINT64_C(0xffffffff), /* below: implementation defined */
		UINT64_MAX,
		UINT64_MAX,
	};

	(void)s;
	if (!(cd[0] & SMMUV3_CD0_V))
		return 0;
	for (unsigned int i = 0; i < 8; i++)
		if (cd[i] & reserved[i])
			return cd[i] & reserved[i];
	return 0;
}

bool smmu_cd_illegal(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *cd)
{
	const struct model_smmuv3_config *c = &s->config;
	bool el2 = plain_el2(s, ste), stalls = cd[0] & SMMUV3_CD0_S;
	bool epd0 = !el2 && (cd[0] & SMMUV3_CD0_EPD0), epd1 = el2 || (cd[0] & SMMUV3_CD0_EPD1);
	bool aa64 = cd[0] & SMMUV3_CD0_AA64;

	if (!(cd[0] & SMMUV3_CD0_V) || smmu_cd_reserved(s, cd))
		return true;
	if (stalls &&
	    ((ste[1] & SMMUV3_STE1_S1STALLD) || c->stall_model == SMMUV3_STALL_MODEL_TERMINATE))
		return true;
	if (!stalls && c->stall_model == SMMUV3_STALL_MODEL_FORCED)
		return true;
	if (c->term_model && !(cd[0] & SMMUV3_CD0_A))
		return true;
	if ((!epd0 || !epd1) && (cd[0] & SMMUV3_CD0_ENDI))
		return true;
	if (!aa64)
		return !(c->ttf & SMMUV3_TTF_AARCH32) || (is_el2(s, ste) && !el2);
	if (!(c->ttf & SMMUV3_TTF_AARCH64) ||
	    ((smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) & 2) && !(ste[2] & SMMUV3_STE2_S2AA64)))
		return true;
	if (((cd[0] & (SMMUV3_CD0_HA | SMMUV3_CD0_HD)) && !c->httu) ||
	    ((cd[0] & SMMUV3_CD0_HD) && c->httu < SMMUV3_HTTU_DIRTY))
		return true;
	if (!el2 && !c->asid16 && smmuv3_get(cd[0], SMMUV3_CD0_ASID) > 0xff)
		return true;
	if (!epd0 &&
	    half_illegal(s, cd, field(cd[0], SMMUV3_CD0_T0SZ),
			 granule(s, field(cd[0], SMMUV3_CD0_TG0)), cd[1] & SMMUV3_CD1_TTB0))
		return true;
	return !epd1 && half_illegal(s, cd, field(cd[0], SMMUV3_CD0_T1SZ),
				     granule(s, tg1_as_tg0(field(cd[0], SMMUV3_CD0_TG1))),
				     cd[2] & SMMUV3_CD2_TTB1);
}

/* ---- what counts ------------------------------------------------------------------------------- */

#define STE1_TYPES \
	(SMMUV3_STE1_MEMATTR | SMMUV3_STE1_MTCFG | SMMUV3_STE1_ALLOCCFG | SMMUV3_STE1_SHCFG)
#define STE1_PERMISSIONS (SMMUV3_STE1_PRIVCFG | SMMUV3_STE1_INSTCFG)

static void normal_stage1(const struct model_smmuv3 *s, const uint64_t *ste, uint64_t *out)
{
	uint64_t keep = SMMUV3_STE0_S1CONTEXTPTR;

	if (smmu_s1cdmax(s, ste)) {
		keep |= SMMUV3_STE0_S1CDMAX | SMMUV3_STE0_S1FMT;
		out[1] |= ste[1] & SMMUV3_STE1_S1DSS;
		if (field(out[1], SMMUV3_STE1_S1DSS) == 3)
			out[1] &= ~SMMUV3_STE1_S1DSS;
	}
	out[0] |= ste[0] & keep;
	if (field(out[0], SMMUV3_STE0_S1FMT) == 3)
		out[0] &= ~SMMUV3_STE0_S1FMT;
	out[1] |= ste[1] & (SMMUV3_STE1_S1CIR | SMMUV3_STE1_S1COR | SMMUV3_STE1_S1CSH |
			    SMMUV3_STE1_S1STALLD);
}

void smmu_ste_normal(const struct model_smmuv3 *s, const uint64_t *ste, uint64_t *out)
{
	unsigned int config = field(ste[0], SMMUV3_STE0_CONFIG);

	memset(out, 0, 8 * sizeof(*out));
	if (smmu_ste_illegal(s, ste) || config < SMMUV3_CONFIG_BYPASS)
		return;
	out[0] = SMMUV3_STE0_V | (ste[0] & SMMUV3_STE0_CONFIG);
	out[1] = ste[1] & ((s->config.attr_types_ovr ? STE1_TYPES : 0) |
			   (s->config.attr_perms_ovr ? STE1_PERMISSIONS : 0));
	if (config == SMMUV3_CONFIG_BYPASS)
		return;
	if (s->config.ats)
		out[1] |= ste[1] & SMMUV3_STE1_EATS;
	if (!strw_unused(s, config))
		out[1] |= ste[1] & SMMUV3_STE1_STRW;
	if (s->config.s2p && !is_el2(s, ste))
		out[2] = ste[2] & SMMUV3_STE2_S2VMID;
	if (config & 1)
		normal_stage1(s, ste, out);
	if (config & 2) {
		out[1] |= ste[1] & SMMUV3_STE1_S2FWB;
		out[2] |= ste[2] & ~UINT64_C(0xffff0000);
		out[3] = ste[3] & SMMUV3_STE3_S2TTB;
	}
}

#define CD0_HALF0                                                                              \
	(SMMUV3_CD0_T0SZ | SMMUV3_CD0_TG0 | SMMUV3_CD0_IR0 | SMMUV3_CD0_OR0 | SMMUV3_CD0_SH0 | \
	 SMMUV3_CD0_TBI0)
#define CD0_HALF1                                                                              \
	(SMMUV3_CD0_T1SZ | SMMUV3_CD0_TG1 | SMMUV3_CD0_IR1 | SMMUV3_CD0_OR1 | SMMUV3_CD0_SH1 | \
	 SMMUV3_CD0_TBI1)

void smmu_cd_normal(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *cd,
		    uint64_t *out)
{
	bool el2 = plain_el2(s, ste);

	memset(out, 0, 8 * sizeof(*out));
	if (smmu_cd_illegal(s, ste, cd))
		return;
	for (unsigned int i = 0; i < 4; i++)
		out[i] = cd[i];
	if (!el2 && (cd[0] & SMMUV3_CD0_EPD0)) {
		out[0] &= ~CD0_HALF0;
		out[1] = 0;
	}
	if (el2 || (cd[0] & SMMUV3_CD0_EPD1)) {
		out[0] &= ~CD0_HALF1;
		out[2] = 0;
	}
	if (el2)
		out[0] &= ~(SMMUV3_CD0_ASID | SMMUV3_CD0_EPD0 | SMMUV3_CD0_EPD1);
}
