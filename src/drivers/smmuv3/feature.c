/* SPDX-License-Identifier: MIT */
/* feature.c - what an SMMU has, by its ID registers (6.3.1 to 6.3.6), and whether this driver can use it */
#include "src/drivers/smmuv3/smmu.h"

/* A linear CD table is copied for some changes: 64 KiB at most. */
#define LINEAR_CDS_LOG2 10u

static bool wants(const struct uiommu_smmuv3 *smmu, enum uiommu_smmuv3_flags without)
{
	return !(smmu->config.flags & without);
}

static unsigned int granule(const struct uiommu_smmuv3 *smmu)
{
	static const struct {
		uint32_t bit;
		unsigned int shift;
	} in_order[] = {
		{ SMMUV3_IDR5_GRAN4K, 12 },
		{ SMMUV3_IDR5_GRAN64K, 16 },
		{ SMMUV3_IDR5_GRAN16K, 14 },
	};

	if (!wants(smmu, UIOMMU_SMMUV3_GRANULE_16K))
		return smmu->idr5 & SMMUV3_IDR5_GRAN16K ? 14 : 0;
	if (!wants(smmu, UIOMMU_SMMUV3_GRANULE_64K))
		return smmu->idr5 & SMMUV3_IDR5_GRAN64K ? 16 : 0;
	for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++)
		if (smmu->idr5 & in_order[i].bit)
			return in_order[i].shift;
	return 0;
}

static void decide_streams(struct uiommu_smmuv3 *smmu)
{
	struct smmu_features *has = &smmu->has;

	has->two_level_streams = smmuv3_get(smmu->idr0, SMMUV3_IDR0_ST_LEVEL) == 1 &&
				 wants(smmu, UIOMMU_SMMUV3_LINEAR_STREAMS);
	has->two_level_cds = (smmu->idr0 & SMMUV3_IDR0_CD2L) &&
			     wants(smmu, UIOMMU_SMMUV3_LINEAR_CDS);
	has->sid_bits = (unsigned int)smmuv3_get(smmu->idr1, SMMUV3_IDR1_SIDSIZE);
	if (has->sid_bits > 32)
		has->sid_bits = 32;
	if (has->stage1 && wants(smmu, UIOMMU_SMMUV3_NO_PASIDS))
		has->ssid_bits = (unsigned int)smmuv3_get(smmu->idr1, SMMUV3_IDR1_SSIDSIZE);
	if (has->ssid_bits > 20)
		has->ssid_bits = 20;
	if (!has->two_level_cds && has->ssid_bits > LINEAR_CDS_LOG2)
		has->ssid_bits = LINEAR_CDS_LOG2;
	has->asid_bits = smmu->idr0 & SMMUV3_IDR0_ASID16 ? 16 : 8;
	has->vmid_bits = smmu->idr0 & SMMUV3_IDR0_VMID16 ? 16 : 8;
}

static void decide(struct uiommu_smmuv3 *smmu)
{
	const uint64_t stall = smmuv3_get(smmu->idr0, SMMUV3_IDR0_STALL_MODEL);
	const bool firmware = smmu->config.coherent == UIOMMU_SMMUV3_COHERENT_IDR;
	struct smmu_features *has = &smmu->has;

	has->stage1 = (smmu->idr0 & SMMUV3_IDR0_S1P) && wants(smmu, UIOMMU_SMMUV3_NO_STAGE1);
	has->stage2 = (smmu->idr0 & SMMUV3_IDR0_S2P) && wants(smmu, UIOMMU_SMMUV3_NO_STAGE2);
	has->coherent = firmware ? smmu->idr0 & SMMUV3_IDR0_COHACC :
				   smmu->config.coherent == UIOMMU_SMMUV3_COHERENT_YES;
	has->ats = (smmu->idr0 & SMMUV3_IDR0_ATS) && wants(smmu, UIOMMU_SMMUV3_NO_ATS);
	has->pri = has->ats && (smmu->idr0 & SMMUV3_IDR0_PRI);
	has->msi = smmu->idr0 & SMMUV3_IDR0_MSI;
	has->sync_msi = has->msi && has->coherent && wants(smmu, UIOMMU_SMMUV3_NO_MSI_SYNC);
	has->range = (smmu->idr3 & SMMUV3_IDR3_RIL) && wants(smmu, UIOMMU_SMMUV3_NO_RANGE);
	/* What hardware writes into leaves has to be seen by the processor. */
	has->httu = smmuv3_get(smmu->idr0, SMMUV3_IDR0_HTTU) >= SMMUV3_HTTU_DIRTY &&
		    has->coherent && wants(smmu, UIOMMU_SMMUV3_NO_HTTU);
	has->force_stall = stall == SMMUV3_STALL_MODEL_FORCED;
	has->may_stall = stall == SMMUV3_STALL_MODEL_BOTH;
	has->resume = stall != SMMUV3_STALL_MODEL_TERMINATE;
	has->hyp = smmu->idr0 & SMMUV3_IDR0_HYP;
	has->shareability = smmu->idr1 & SMMUV3_IDR1_ATTR_TYPES_OVR;
	has->granule_shift = granule(smmu);
	has->output_bits = smmuv3_size_bits(smmuv3_get(smmu->idr5, SMMUV3_IDR5_OAS));
	if (has->output_bits > 52)
		has->output_bits = 52;
	/* 52-bit descriptors of the smaller granules cost nothing where 52 bits are there. */
	has->lpa2 = (smmu->idr5 & SMMUV3_IDR5_DS) && has->output_bits == 52 &&
		    has->granule_shift != 16;
	if (has->granule_shift != 16 && !has->lpa2 && has->output_bits > 48)
		has->output_bits = 48;
	has->input_bits = smmuv3_get(smmu->idr5, SMMUV3_IDR5_VAX) &&
					  (has->granule_shift == 16 || has->lpa2) ?
				  52 :
				  48;
	has->bbml2 = smmuv3_get(smmu->idr3, SMMUV3_IDR3_BBML) == 2;
	decide_streams(smmu);
}

/* NULL: it will do. */
static const char *missing(const struct uiommu_smmuv3 *smmu)
{
	const uint64_t endian = smmuv3_get(smmu->idr0, SMMUV3_IDR0_TTENDIAN);

	if (smmu->idr0 == UINT32_MAX)
		return "its registers do not answer";
	if (!smmu->has.stage1 && !smmu->has.stage2)
		return "it translates no stage";
	if (!(smmuv3_get(smmu->idr0, SMMUV3_IDR0_TTF) & SMMUV3_TTF_AARCH64))
		return "it has no AArch64 tables";
	if (endian != SMMUV3_TTENDIAN_MIXED && endian != SMMUV3_TTENDIAN_LITTLE)
		return "its tables are not little-endian";
	if (smmu->idr1 & (SMMUV3_IDR1_TABLES_PRESET | SMMUV3_IDR1_QUEUES_PRESET))
		return "its tables or queues are preset";
	if (!smmu->has.granule_shift)
		return "it lacks the granule";
	if (!smmuv3_get(smmu->idr1, SMMUV3_IDR1_CMDQS))
		return "its command queue has one entry";
	return NULL;
}

int uiommu_smmuv3_features(struct uiommu_smmuv3 *smmu)
{
	const char *why;

	smmu->idr0 = smmu_read32(smmu, SMMUV3_REG_IDR0);
	smmu->idr1 = smmu_read32(smmu, SMMUV3_REG_IDR1);
	smmu->idr3 = smmu_read32(smmu, SMMUV3_REG_IDR3);
	smmu->idr5 = smmu_read32(smmu, SMMUV3_REG_IDR5);
	decide(smmu);
	why = missing(smmu);
	if (!why)
		return 0;
	uiommu_log(smmu->host, UIOMMU_LOG_ERROR, "%s: %s (IDR0 %x, IDR1 %x, IDR5 %x)",
		   smmu->config.name, why, smmu->idr0, smmu->idr1, smmu->idr5);
	return -UIOMMU_EOPNOTSUPP;
}
