/* SPDX-License-Identifier: MIT */
/*
 * wide.h - runs of entries, 32 bytes at a time, where the processor can
 *
 * A fill is bound by stores, one in a cycle: half as many of them make it twice as fast. AVX2 is looked
 * for at run time, so that one build serves all x86-64. Only in a hosted build, as part of a process: the
 * kernel or firmware that is built freestanding may not save the upper halves of those registers.
 *
 * Whole blocks of 16 entries are handled; all functions stop at the first block that is not as it has
 * to be, and return how many entries were handled. @entry is aligned to 32 bytes.
 */
#ifndef UIOMMU_SRC_PGTABLE_WIDE_H
#define UIOMMU_SRC_PGTABLE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

enum { UIOMMU_PT_WIDE_MIN = 32 }; /* fewer entries do not pay for the call */

/** uiommu_pt_has_wide() - may the functions below be called? They are there only where it can say yes */
static inline bool uiommu_pt_has_wide(void)
{
#if defined(__x86_64__) && __STDC_HOSTED__
	return __builtin_cpu_supports("avx2");
#else
	return false;
#endif
}

/** uiommu_pt_wide_fill() - fill blocks that are empty with @value, @value + @step, ... */
unsigned int uiommu_pt_wide_fill(uint64_t *entry, unsigned int n, uint64_t value, uint64_t step);

/** uiommu_pt_wide_count() - pass over blocks whose entries all are @want in the bits of @mask */
unsigned int uiommu_pt_wide_count(uint64_t *entry, unsigned int n, uint64_t want, uint64_t mask);

/** uiommu_pt_wide_clear() - the same, and clear them */
unsigned int uiommu_pt_wide_clear(uint64_t *entry, unsigned int n, uint64_t want, uint64_t mask);

#endif /* UIOMMU_SRC_PGTABLE_WIDE_H */
