/* SPDX-License-Identifier: MIT */
/*
 * arm_lpae.h - Arm VMSAv8-64 tables: what a driver says to get them, and what it tells the hardware
 *
 * Arm Architecture Reference Manual (DDI 0487), chapter D8. Stage 1 (one range of addresses, from 0 up:
 * TTB0) and stage 2; granules of 4K, 16K and 64K.
 *
 * struct uiommu_pt_config for uiommu_pt_arm_lpae_init():
 *
 *   va_bits	input width, 32 to 48; to 52 with @lpa2 or 64K granules. Stage 2 concatenates up to 16
 *		tables at its top where that saves a level (D8.2.2)
 *   pa_bits	output width: 32, 36, 40, 42, 44, 48, and 52 with @lpa2 or 64K granules
 *   pgsizes	of uiommu_pt_arm_lpae_sizes(): the granule always; blocks; and sizes of contiguous runs
 *		(each needs the size of its entries) if the hint is wanted. Not together with @dirty:
 *		hardware may mark any entry of a run as written
 *   coherent	table walks are cacheable and snoop (see @irgn, @orgn, @sh)
 *   dirty	writable leaves start clean, with DBM: hardware must have HTTU on (CD.HD or STE.S2HD)
 *   arm	granule, stage and so on
 *
 * force_snoop and noexec mean nothing here: UIOMMU_NOEXEC is always honoured (UXN and PXN, or XN), and so
 * are, at stage 1, UIOMMU_PRIV (AP[1]), and UIOMMU_CACHE and UIOMMU_MMIO (AttrIndx or MemAttr).
 * The access flag is always set, nG too.
 *
 * Contiguous runs. A run is a leaf: it is made if a single map covers all of it, and refused if any part
 * of it is mapped. An unmap of a part of it takes it as a whole, if it begins where the run begins, and
 * nothing otherwise, as with a block; but with arm.bbml2 the hint is dropped from the whole run
 * and the rest stays mapped, since then hardware has to bear a change of the hint without
 * break-before-make (D8.16; SMMU_IDR3.BBML == 2). In either case no run is left whose entries differ.
 *
 * Break before make. No valid entry ever becomes another one, but for what arm.bbml2 permits: a table
 * without a leaf below is not replaced with a block or a run; smaller leaves go into it. An unmap that
 * covers a whole table removes it, and after its invalidation a block may stand there.
 */
#ifndef UIOMMU_SRC_PGTABLE_ARM_LPAE_H
#define UIOMMU_SRC_PGTABLE_ARM_LPAE_H

#include "src/pgtable/pgtable.h"

/**
 * uiommu_pt_arm_lpae_sizes() - all leaf sizes for config->arm and config->pa_bits
 * @config: arm.granule, arm.lpa2 and pa_bits are looked at; 0 comes back for a granule that is none
 * @contiguous: those of contiguous runs too
 */
uint64_t uiommu_pt_arm_lpae_sizes(const struct uiommu_pt_config *config, bool contiguous);

/* AttrIndx of stage-1 leaves: places in MAIR, whose value is in struct uiommu_pt_arm_regs. */
enum {
	UIOMMU_PT_ARM_ATTR_UNCACHED, /* Normal, non-cacheable */
	UIOMMU_PT_ARM_ATTR_CACHED, /* Normal, write-back, allocating: UIOMMU_CACHE */
	UIOMMU_PT_ARM_ATTR_DEVICE, /* Device-nGnRE: UIOMMU_MMIO */
};

/* Fields as they stand in a context descriptor or a stream table entry (or in TCR, VTCR and MAIR). */
struct uiommu_pt_arm_regs {
	uint64_t ttb; /* CD.TTB0, STE.S2TTB: the physical address, all 52 bits in their places */
	uint64_t mair; /* stage 1: CD.MAIR0 and MAIR1, low half first */
	uint8_t tsz; /* T0SZ, S2T0SZ: 64 - input width */
	uint8_t tg; /* TG0, S2TG: 0 4K, 1 64K, 2 16K */
	uint8_t irgn, orgn; /* IR0, OR0: 0 non-cacheable, 1 write-back and allocate */
	uint8_t sh; /* SH0: 2 outer, 3 inner shareable; with @ds for leaves too */
	uint8_t ps; /* IPS, S2PS: 0 32 bits, 1 36, 2 40, 3 42, 4 44, 5 48, 6 52 */
	uint8_t sl0; /* stage 2: S2SL0, 2 bits */
	uint8_t sl0_2; /* stage 2: S2SL0_2; 0, because concatenation saves the fifth level */
	bool ds; /* DS, S2DS */
};

/** uiommu_pt_arm_lpae_regs() - how to describe @pt, which has been initialised, to the hardware */
void uiommu_pt_arm_lpae_regs(const struct uiommu_pt *pt, struct uiommu_pt_arm_regs *out);

#endif /* UIOMMU_SRC_PGTABLE_ARM_LPAE_H */
