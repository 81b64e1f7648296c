/* SPDX-License-Identifier: MIT */
/*
 * x86_64.c - the processor's tables, which are VT-d's first stage too
 *
 * Intel SDM volume 3, chapter 4 (4.5: 4-level and 5-level paging); VT-d 3.6 (first-stage translation)
 * and 9.7 (its entries). 4 or 5 levels; leaves of 4 KiB, 2 MiB and 1 GiB. Addresses are canonical: the
 * bits above the width repeat its top bit, so there are two halves with a hole between.
 */
#include "src/pgtable/pgtable.h"

enum { FMT_MIN_LEVELS = 4, FMT_SIGN_EXTENDED = 1 };

static const uint64_t FMT_PRESENT = 1ull << 0; /* P */
static const uint64_t FMT_WRITE = 1ull << 1; /* R/W; there is no way to forbid reading */
static const uint64_t FMT_USER = 1ull << 2; /* U/S: requests without a PASID are user ones (3.6) */
static const uint64_t FMT_ACCESSED = 1ull << 5; /* A; set here, hardware need not write it back */
static const uint64_t FMT_DIRTY = 1ull << 6; /* D */
static const uint64_t FMT_NOEXEC = 1ull << 63; /* XD: reserved unless enabled (config.noexec) */

#include "src/pgtable/intel.h"

static inline uint64_t fmt_table(uint64_t phys)
{
	return phys | FMT_PRESENT | FMT_WRITE | FMT_USER | FMT_ACCESSED;
}

static inline uint64_t fmt_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	uint64_t bits = FMT_PRESENT | FMT_USER | FMT_ACCESSED;

	if (prot & UIOMMU_WRITE)
		bits |= FMT_WRITE | (config->dirty ? 0 : FMT_DIRTY);
	if ((prot & UIOMMU_NOEXEC) && config->noexec)
		bits |= FMT_NOEXEC;
	return bits;
}

#include "src/pgtable/walk.h"

int uiommu_pt_x86_64_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config)
{
	if (config->va_bits != 48 && config->va_bits != 57)
		return -UIOMMU_EINVAL;
	return pt_init(pt, config);
}

UIOMMU_PT_DEFINE(x86_64)
