/* SPDX-License-Identifier: MIT */
/* arm_lpae_64k.c - Arm tables with granules of 64K: see arm_lpae.h and arm_lpae_entry.h */
enum { ARM_BITS = 13, ARM_LPA2 = 0 };

#include "src/pgtable/arm_lpae_entry.h"
#include "src/pgtable/arm_lpae_variant.h"
#include "src/pgtable/walk.h"

int uiommu_pt_arm_lpae_64k_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config)
{
	return pt_init(pt, config);
}

UIOMMU_PT_DEFINE(arm_lpae_64k)
