/* SPDX-License-Identifier: MIT */
/*
 * intel.h - what the entries of Intel's two formats have in common
 *
 * 512 entries in a table, the address in bits 51:12 (those above the implemented width are reserved), a
 * bit for leaves above level 1, and a dirty bit that is set when something was written.
 * VT-d 9.7 and 9.8; SDM volume 3, 4.5. Included after FMT_DIRTY.
 */
#ifndef UIOMMU_SRC_PGTABLE_INTEL_H
#define UIOMMU_SRC_PGTABLE_INTEL_H

#include <stdatomic.h>

#include "src/pgtable/pgtable.h"

enum { FMT_BITS = 9, FMT_CONCATENATED = 0, FMT_SPLIT = 0, FMT_RUNS = 0 };

static const uint64_t FMT_KIND = 1ull << 7; /* PS at levels 2 and 3 */
static const uint64_t FMT_LARGE = 1ull << 7;
static const uint64_t FMT_PAGE = 0; /* at level 1 the bit means something else, or nothing */
static const uint64_t FMT_SYNCED = 1ull << 52; /* ignored in entries that lead to a table */

static inline uint64_t fmt_addr(uint64_t e)
{
	return e & 0x000ffffffffff000;
}

static inline uint64_t fmt_place(uint64_t phys)
{
	return phys;
}

static inline bool fmt_dirty(const struct uiommu_pt_config *config, uint64_t e)
{
	(void)config;
	return e & FMT_DIRTY;
}

static inline void fmt_clean(const struct uiommu_pt_config *config, _Atomic(uint64_t) *entry)
{
	(void)config;
	atomic_fetch_and_explicit(entry, ~FMT_DIRTY, memory_order_acq_rel);
}

static inline unsigned int fmt_levels(const struct uiommu_pt_config *config)
{
	return (config->va_bits - 12 + 8) / 9;
}

/* No contiguous runs. */
static inline unsigned int fmt_run_log2(unsigned int level)
{
	(void)level;
	return 0;
}

/* What was read of an entry is invalidated afterwards; there is no rule on what it was (VT-d 6.5.2). */
static inline bool fmt_may_change(const struct uiommu_pt_config *config)
{
	(void)config;
	return true;
}

#endif /* UIOMMU_SRC_PGTABLE_INTEL_H */
