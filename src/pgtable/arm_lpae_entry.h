/* SPDX-License-Identifier: MIT */
/*
 * arm_lpae_entry.h - the entries of Arm's tables, for one granule
 *
 * Arm Architecture Reference Manual (DDI 0487), D8.3 (descriptor formats), D8.4 (permissions), D8.5
 * (hardware updates of access flag and dirty state), D8.6 (memory attributes), D8.7 (the Contiguous
 * bit). Level 1 here is the architecture's level 3, level 2 its level 2, and so on up to its level -1.
 *
 * A file states ARM_BITS, log2 of the entries in a table (9, 11 or 13 for granules of 4K, 16K and 64K),
 * and ARM_LPA2, whether descriptors are those of FEAT_LPA2 (TCR.DS), and includes this one. What
 * depends on the stage is looked up in the config, once in a call.
 *
 * Dirty state. A leaf with DBM that must not be written to is "writable and clean"; hardware makes it
 * "writable and dirty" by giving it the permission: AP[2] = 0 at stage 1, S2AP[1] = 1 at stage 2 (D8.5.2).
 * Both are bit 7.
 *
 * Contiguous runs are made of pages and of the blocks above them, not of those of the next level.
 */
#ifndef UIOMMU_SRC_PGTABLE_ARM_LPAE_ENTRY_H
#define UIOMMU_SRC_PGTABLE_ARM_LPAE_ENTRY_H

#include <stdatomic.h>

#include "src/pgtable/arm_lpae.h"

enum { FMT_BITS = ARM_BITS, FMT_MIN_LEVELS = 2, FMT_SIGN_EXTENDED = 0, FMT_CONCATENATED = 1 };

static const uint64_t FMT_PRESENT = 1ull << 0;
static const uint64_t FMT_KIND = 1ull << 1; /* set: table, or page; clear: block */
static const uint64_t FMT_LARGE = 0;
static const uint64_t FMT_PAGE = 1ull << 1;
static const uint64_t FMT_SYNCED = 1ull << 55; /* ignored in table descriptors (58:51) */
static const uint64_t FMT_RUNS = 1ull << 52; /* Contiguous */
/* The upper address bits stand apart. */
static const uint64_t FMT_SPLIT = ARM_BITS == 13 ? 1ull << 48 : ARM_LPA2 ? 1ull << 50 : 0;

static const uint64_t ARM_AF = 1ull << 10;
static const uint64_t ARM_BIT7 = 1ull << 7; /* AP[2] read-only, or S2AP[1] may be written */
static const uint64_t ARM_DBM = 1ull << 51;

/* Stage 1. */
static const uint64_t ARM_UNPRIVILEGED = 1ull << 6; /* AP[1] */
static const uint64_t ARM_NOT_GLOBAL = 1ull << 11; /* nG: cached under the ASID */
static const uint64_t ARM_PXN = 1ull << 53;
static const uint64_t ARM_UXN = 1ull << 54;
/* Stage 2. */
static const uint64_t ARM_S2_READ = 1ull << 6; /* S2AP[0] */
static const uint64_t ARM_S2_XN = 1ull << 54; /* XN[1:0] = 0b10: no execution at all */

static inline uint64_t fmt_addr(uint64_t e)
{
	if (ARM_BITS == 13) /* OA[51:48] in bits 15:12 */
		return (e & 0x0000ffffffff0000) | (e & 0xf000) << 36;
	if (ARM_LPA2) /* OA[51:50] in bits 9:8 */
		return (e & 0x0003fffffffff000) | (e & 0x300) << 42;
	return e & 0x0000fffffffff000;
}

static inline uint64_t fmt_place(uint64_t phys)
{
	if (ARM_BITS == 13)
		return (phys & 0x0000ffffffff0000) | (phys >> 36 & 0xf000);
	if (ARM_LPA2)
		return (phys & 0x0003fffffffff000) | (phys >> 42 & 0x300);
	return phys;
}

static inline uint64_t fmt_table(uint64_t phys)
{
	return fmt_place(phys) | FMT_PRESENT | FMT_KIND;
}

/* SH, bits 9:8; with LPA2 these are address bits, and TCR's SH0 is in force. */
static inline uint64_t arm_sh(unsigned int prot)
{
	uint64_t sh = (prot & UIOMMU_CACHE) && !(prot & UIOMMU_MMIO) ? 3 : 2;

	return ARM_LPA2 ? 0 : sh << 8;
}

static inline uint64_t arm_leaf_s1(const struct uiommu_pt_config *config, unsigned int prot)
{
	uint64_t index = prot & UIOMMU_MMIO  ? UIOMMU_PT_ARM_ATTR_DEVICE :
			 prot & UIOMMU_CACHE ? UIOMMU_PT_ARM_ATTR_CACHED :
					       UIOMMU_PT_ARM_ATTR_UNCACHED;
	uint64_t bits = FMT_PRESENT | ARM_AF | ARM_NOT_GLOBAL | arm_sh(prot) | index << 2;

	if (!(prot & UIOMMU_WRITE))
		bits |= ARM_BIT7;
	else if (config->dirty)
		bits |= ARM_BIT7 | ARM_DBM;
	/* Without UXN the unprivileged could execute what they cannot read. */
	bits |= prot & UIOMMU_PRIV ? ARM_UXN : ARM_UNPRIVILEGED;
	if (prot & UIOMMU_NOEXEC)
		bits |= ARM_UXN | ARM_PXN;
	return bits;
}

static inline uint64_t arm_leaf_s2(const struct uiommu_pt_config *config, unsigned int prot)
{
	/* MemAttr: Device-nGnRE; Normal write-back; Normal non-cacheable (D8.6.5, D8.6.6 with FWB). */
	uint64_t attr = prot & UIOMMU_MMIO     ? 1 :
			!(prot & UIOMMU_CACHE) ? 5 :
			config->arm.fwb	       ? 6 :
						 15;
	uint64_t bits = FMT_PRESENT | ARM_AF | arm_sh(prot) | attr << 2;

	if (prot & UIOMMU_READ)
		bits |= ARM_S2_READ;
	if (prot & UIOMMU_WRITE)
		bits |= config->dirty ? ARM_DBM : ARM_BIT7;
	if (prot & UIOMMU_NOEXEC)
		bits |= ARM_S2_XN;
	return bits;
}

static inline uint64_t fmt_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	return config->arm.stage == 1 ? arm_leaf_s1(config, prot) : arm_leaf_s2(config, prot);
}

static inline bool fmt_dirty(const struct uiommu_pt_config *config, uint64_t e)
{
	return (e & ARM_DBM) && !(e & ARM_BIT7) == (config->arm.stage == 1);
}

static inline void fmt_clean(const struct uiommu_pt_config *config, _Atomic(uint64_t) *entry)
{
	if (config->arm.stage == 1)
		atomic_fetch_or_explicit(entry, ARM_BIT7, memory_order_acq_rel);
	else
		atomic_fetch_and_explicit(entry, ~ARM_BIT7, memory_order_acq_rel);
}

/* Stage 2 resolves 4 bits more at its top, with up to 16 tables in a row (D8.2.2). */
static inline unsigned int fmt_levels(const struct uiommu_pt_config *config)
{
	unsigned int bits = config->va_bits - (config->arm.stage == 2 ? 4 : 0);
	unsigned int levels = (bits - (ARM_BITS + 3) + ARM_BITS - 1) / ARM_BITS;

	return levels < FMT_MIN_LEVELS ? FMT_MIN_LEVELS : levels;
}

/* D8.7.1: 16 entries with 4K granules; 128 pages or 32 blocks with 16K; 32 with 64K. */
static inline unsigned int fmt_run_log2(unsigned int level)
{
	return ARM_BITS == 9 ? 4 : ARM_BITS == 11 && level == 1 ? 7 : 5;
}

/* Else break before make: the entry is invalid until the TLB has forgotten it (D8.16). */
static inline bool fmt_may_change(const struct uiommu_pt_config *config)
{
	return config->arm.bbml2;
}

#endif /* UIOMMU_SRC_PGTABLE_ARM_LPAE_ENTRY_H */
