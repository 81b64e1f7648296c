/* SPDX-License-Identifier: MIT */
/*
 * config.c - what is written into stream table entries and context descriptors, and what hardware uses
 *
 * The "used" functions are what entry.c stands on: for an entry, the bits that its other bits make
 * hardware look at (5.2, 5.4: fields that are ignored for a Config, with EPD0 and so on).
 */
#include "src/drivers/smmuv3/smmu.h"

/* ---- stream table entries (5.2) ---------------------------------------------------------------- */

static uint64_t shcfg(const struct smmu_ste *ste)
{
	return ste->incoming ? smmuv3_set(SMMUV3_SHCFG_INCOMING, SMMUV3_STE1_SHCFG) : 0;
}

static uint64_t eats(const struct smmu_ste *ste)
{
	return ste->ats ? smmuv3_set(SMMUV3_EATS_FULL, SMMUV3_STE1_EATS) : 0;
}

/* How the device may ask for pages, where a first stage is. */
static uint64_t requests(const struct smmu_ste *ste)
{
	return (ste->pri_pasid ? SMMUV3_STE1_PPAR : 0) | (ste->no_stall ? SMMUV3_STE1_S1STALLD : 0);
}

static void make_stage1(const struct smmu_ste *ste, uint64_t out[SMMU_QWORDS])
{
	const uint64_t cache = ste->coherent ? SMMUV3_CACHE_WBRAWA : SMMUV3_CACHE_NC;
	const uint64_t sh = ste->coherent ? SMMUV3_SH_INNER : SMMUV3_SH_OUTER;

	out[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_S1, SMMUV3_STE0_CONFIG) |
		 (ste->cds & SMMUV3_STE0_S1CONTEXTPTR) |
		 smmuv3_set(ste->cd_log2, SMMUV3_STE0_S1CDMAX) |
		 smmuv3_set(ste->cds_two_level ? SMMUV3_S1FMT_4K : SMMUV3_S1FMT_LINEAR,
			    SMMUV3_STE0_S1FMT);
	out[1] = smmuv3_set(cache, SMMUV3_STE1_S1CIR) | smmuv3_set(cache, SMMUV3_STE1_S1COR) |
		 smmuv3_set(sh, SMMUV3_STE1_S1CSH) | eats(ste) | requests(ste);
	if (ste->cd_log2)
		out[1] |= smmuv3_set(ste->s1dss, SMMUV3_STE1_S1DSS);
	if (ste->cd_log2 && ste->s1dss == SMMUV3_S1DSS_BYPASS)
		out[1] |= shcfg(ste);
}

static void make_stage2(const struct smmu_ste *ste, uint64_t out[SMMU_QWORDS])
{
	const struct uiommu_pt_arm_regs *s2 = &ste->s2;

	out[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_S2, SMMUV3_STE0_CONFIG);
	out[1] = shcfg(ste) | eats(ste);
	out[2] = smmuv3_set(ste->vmid, SMMUV3_STE2_S2VMID) |
		 smmuv3_set(s2->tsz, SMMUV3_STE2_S2T0SZ) | smmuv3_set(s2->sl0, SMMUV3_STE2_S2SL0) |
		 smmuv3_set(s2->irgn, SMMUV3_STE2_S2IR0) | smmuv3_set(s2->orgn, SMMUV3_STE2_S2OR0) |
		 smmuv3_set(s2->sh, SMMUV3_STE2_S2SH0) | smmuv3_set(s2->tg, SMMUV3_STE2_S2TG) |
		 smmuv3_set(s2->ps, SMMUV3_STE2_S2PS) | SMMUV3_STE2_S2AA64 | SMMUV3_STE2_S2R;
	if (ste->dirty)
		out[2] |= SMMUV3_STE2_S2HA | SMMUV3_STE2_S2HD;
	if (ste->stall)
		out[2] |= SMMUV3_STE2_S2S;
	out[3] = s2->ttb & SMMUV3_STE3_S2TTB;
	if (s2->ds)
		out[3] |= SMMUV3_STE3_S2DS;
	if (s2->sl0_2)
		out[3] |= SMMUV3_STE3_S2SL0_2;
}

static void make_nested(const struct smmu_ste *ste, uint64_t out[SMMU_QWORDS])
{
	make_stage2(ste, out);
	out[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_NESTED, SMMUV3_STE0_CONFIG) |
		 ste->guest[0];
	out[1] |= ste->guest[1] | requests(ste);
}

void uiommu_smmuv3_ste_make(const struct smmu_ste *ste, uint64_t out[SMMU_QWORDS])
{
	for (unsigned int i = 0; i < SMMU_QWORDS; i++)
		out[i] = 0;
	switch (ste->kind) {
	case SMMU_STE_REFUSE:
		return;
	case SMMU_STE_BYPASS:
		out[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_BYPASS, SMMUV3_STE0_CONFIG);
		out[1] = shcfg(ste);
		return;
	case SMMU_STE_STAGE1:
		make_stage1(ste, out);
		return;
	case SMMU_STE_STAGE2:
		make_stage2(ste, out);
		return;
	case SMMU_STE_NESTED:
		make_nested(ste, out);
		return;
	case SMMU_STE_ABORT:
		out[0] = SMMU_STE_REFUSING;
		return;
	}
}

/* Attributes that replace those of the request, where it is not stage 1 that gives them. */
static const uint64_t overrides = SMMUV3_STE1_SHCFG | SMMUV3_STE1_MTCFG | SMMUV3_STE1_MEMATTR |
				  SMMUV3_STE1_ALLOCCFG;

void uiommu_smmuv3_ste_used(const uint64_t ste[SMMU_QWORDS], uint64_t used[SMMU_QWORDS])
{
	const uint64_t config = smmuv3_get(ste[0], SMMUV3_STE0_CONFIG);

	for (unsigned int i = 0; i < SMMU_QWORDS; i++)
		used[i] = 0;
	used[0] = SMMUV3_STE0_V;
	if (!(ste[0] & SMMUV3_STE0_V))
		return;
	used[0] |= SMMUV3_STE0_CONFIG;
	if (!(config & SMMUV3_CONFIG_BYPASS))
		return; /* all kinds of abort: nothing else counts */
	used[1] |= SMMUV3_STE1_CONT | SMMUV3_STE1_PRIVCFG | SMMUV3_STE1_INSTCFG | SMMUV3_STE1_DRE |
		   SMMUV3_STE1_DCP;
	if (config == SMMUV3_CONFIG_BYPASS) {
		used[1] |= overrides;
		return;
	}
	used[1] |= SMMUV3_STE1_EATS | SMMUV3_STE1_MEV;
	used[2] |= SMMUV3_STE2_S2VMID;
	if (config & (SMMUV3_CONFIG_S1 & ~SMMUV3_CONFIG_BYPASS)) {
		used[0] |= SMMUV3_STE0_S1FMT | SMMUV3_STE0_S1CONTEXTPTR | SMMUV3_STE0_S1CDMAX;
		used[1] |= SMMUV3_STE1_S1CIR | SMMUV3_STE1_S1COR | SMMUV3_STE1_S1CSH |
			   SMMUV3_STE1_S1STALLD | SMMUV3_STE1_STRW | SMMUV3_STE1_PPAR;
		if (ste[0] & SMMUV3_STE0_S1CDMAX)
			used[1] |= SMMUV3_STE1_S1DSS;
		if ((ste[0] & SMMUV3_STE0_S1CDMAX) &&
		    smmuv3_get(ste[1], SMMUV3_STE1_S1DSS) == SMMUV3_S1DSS_BYPASS)
			used[1] |= overrides;
	}
	if (config & (SMMUV3_CONFIG_S2 & ~SMMUV3_CONFIG_BYPASS)) {
		used[1] |= overrides | SMMUV3_STE1_S2FWB | SMMUV3_STE1_S2HWU59 |
			   SMMUV3_STE1_S2HWU60 | SMMUV3_STE1_S2HWU61 | SMMUV3_STE1_S2HWU62;
		used[2] = ~UINT64_C(0);
		used[3] = ~UINT64_C(0);
	}
}

/* ---- context descriptors (5.4) ----------------------------------------------------------------- */

void uiommu_smmuv3_cd_make(const struct smmu_cd *cd, uint64_t out[SMMU_QWORDS])
{
	const struct uiommu_pt_arm_regs *r = cd->regs;

	for (unsigned int i = 0; i < SMMU_QWORDS; i++)
		out[i] = 0;
	/* Refused requests are aborted (A) and recorded (R); TTB1 is not there. */
	out[0] = SMMUV3_CD0_V | SMMUV3_CD0_AA64 | SMMUV3_CD0_R | SMMUV3_CD0_A | SMMUV3_CD0_ASET |
		 SMMUV3_CD0_EPD1;
	if (cd->stall)
		out[0] |= SMMUV3_CD0_S;
	if (cd->quiet)
		out[0] &= ~SMMUV3_CD0_R;
	if (!r) {
		out[0] |= SMMUV3_CD0_EPD0 | smmuv3_set(cd->asid, SMMUV3_CD0_ASID);
		return;
	}
	out[0] |= smmuv3_set(r->tsz, SMMUV3_CD0_T0SZ) | smmuv3_set(r->tg, SMMUV3_CD0_TG0) |
		  smmuv3_set(r->irgn, SMMUV3_CD0_IR0) | smmuv3_set(r->orgn, SMMUV3_CD0_OR0) |
		  smmuv3_set(r->sh, SMMUV3_CD0_SH0) | smmuv3_set(r->ps, SMMUV3_CD0_IPS) |
		  smmuv3_set(cd->asid, SMMUV3_CD0_ASID);
	if (cd->dirty)
		out[0] |= SMMUV3_CD0_HA | SMMUV3_CD0_HD;
	out[1] = r->ttb & SMMUV3_CD1_TTB0;
	if (r->ds)
		out[2] = SMMUV3_CD2_DS;
	out[3] = r->mair;
}

void uiommu_smmuv3_cd_used(const uint64_t cd[SMMU_QWORDS], uint64_t used[SMMU_QWORDS])
{
	static const uint64_t ttb0 = SMMUV3_CD0_T0SZ | SMMUV3_CD0_TG0 | SMMUV3_CD0_IR0 |
				     SMMUV3_CD0_OR0 | SMMUV3_CD0_SH0 | SMMUV3_CD0_TBI0;
	static const uint64_t ttb1 = SMMUV3_CD0_T1SZ | SMMUV3_CD0_TG1 | SMMUV3_CD0_IR1 |
				     SMMUV3_CD0_OR1 | SMMUV3_CD0_SH1 | SMMUV3_CD0_TBI1;
	static const uint64_t ds = SMMUV3_CD2_DS;

	for (unsigned int i = 0; i < SMMU_QWORDS; i++)
		used[i] = 0;
	used[0] = SMMUV3_CD0_V;
	if (!(cd[0] & SMMUV3_CD0_V))
		return;
	used[0] = ~(ttb0 | ttb1);
	if (!(cd[0] & SMMUV3_CD0_EPD0)) {
		used[0] |= ttb0;
		used[1] = ~UINT64_C(0);
	}
	if (!(cd[0] & SMMUV3_CD0_EPD1)) {
		used[0] |= ttb1;
		used[2] = ~UINT64_C(0);
	}
	if ((cd[0] & (SMMUV3_CD0_EPD0 | SMMUV3_CD0_EPD1)) == (SMMUV3_CD0_EPD0 | SMMUV3_CD0_EPD1))
		return;
	used[2] |= ds;
	for (unsigned int i = 3; i < SMMU_QWORDS; i++)
		used[i] = ~UINT64_C(0);
}
