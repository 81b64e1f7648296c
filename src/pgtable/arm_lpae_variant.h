/* SPDX-License-Identifier: MIT */
/*
 * arm_lpae_variant.h - the walker's instances for Arm's granules, which arm_lpae.c chooses from
 *
 * An instance for each way to place an address in a descriptor: what is a constant in it need not be
 * looked up at each level.
 */
#ifndef UIOMMU_SRC_PGTABLE_ARM_LPAE_VARIANT_H
#define UIOMMU_SRC_PGTABLE_ARM_LPAE_VARIANT_H

#include "src/pgtable/pgtable.h"

UIOMMU_PT_DECLARE(arm_lpae_4k);
UIOMMU_PT_DECLARE(arm_lpae_16k);
UIOMMU_PT_DECLARE(arm_lpae_64k);
UIOMMU_PT_DECLARE(arm_lpae_4k_lpa2);
UIOMMU_PT_DECLARE(arm_lpae_16k_lpa2);

#endif /* UIOMMU_SRC_PGTABLE_ARM_LPAE_VARIANT_H */
