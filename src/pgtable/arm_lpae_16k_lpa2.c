/* SPDX-License-Identifier: MIT */
/* arm_lpae_16k_lpa2.c - Arm tables with granules of 16K and 52-bit descriptors: see arm_lpae.h */
enum { ARM_BITS = 11, ARM_LPA2 = 1 };

#include "src/pgtable/arm_lpae_entry.h"
#include "src/pgtable/arm_lpae_variant.h"
#include "src/pgtable/walk.h"

int uiommu_pt_arm_lpae_16k_lpa2_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config)
{
	return pt_init(pt, config);
}

UIOMMU_PT_DEFINE(arm_lpae_16k_lpa2)
