/* SPDX-License-Identifier: MIT */
/*
 * vtd_ss.c - Intel VT-d second-stage tables
 *
 * Intel Virtualization Technology for Directed I/O, 3.7 (second-stage translation) and 9.8 (its
 * entries). 3, 4 or 5 levels for 39, 48 or 57 bits of input; leaves of 4 KiB, 2 MiB and 1 GiB.
 */
#include "src/pgtable/pgtable.h"

enum { FMT_MIN_LEVELS = 3, FMT_SIGN_EXTENDED = 0 };

static const uint64_t FMT_READ = 1ull << 0; /* in tables too: an access needs it at every level */
static const uint64_t FMT_WRITE = 1ull << 1;
static const uint64_t FMT_PRESENT = 3; /* 3.7: an entry with neither is not present */
static const uint64_t FMT_DIRTY = 1ull << 9; /* D, with SSADE in the PASID entry */
static const uint64_t FMT_SNOOP = 1ull << 11; /* SNP, reserved where the ECAP lacks SC */

#include "src/pgtable/intel.h"

static inline uint64_t fmt_table(uint64_t phys)
{
	return phys | FMT_READ | FMT_WRITE;
}

static inline uint64_t fmt_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	return (prot & UIOMMU_READ ? FMT_READ : 0) | (prot & UIOMMU_WRITE ? FMT_WRITE : 0) |
	       (config->force_snoop ? FMT_SNOOP : 0);
}

#include "src/pgtable/walk.h"

int uiommu_pt_vtd_ss_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config)
{
	if (config->va_bits != 39 && config->va_bits != 48 && config->va_bits != 57)
		return -UIOMMU_EINVAL;
	return pt_init(pt, config);
}

UIOMMU_PT_DEFINE(vtd_ss)
