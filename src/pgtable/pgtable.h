/* SPDX-License-Identifier: MIT */
/*
 * pgtable.h - page tables: one walker, many formats, as drivers use them
 *
 * A driver embeds a struct uiommu_pt in its domain, initialises it for a format, and calls that
 * format's functions from its domain operations.  The caller has checked alignment, wrap and geometry.
 *
 * Concurrency: operations on disjoint ranges run in parallel without a lock, beside iova_to_phys on any
 * range; tables are installed with compare-and-swap.  init and destroy run alone.
 *
 * Coherency: where the walker does not snoop (config.coherent false), each table is flushed before
 * it is linked and each changed entry before the function returns (one flush for a run of entries).
 */
#ifndef UIOMMU_SRC_PGTABLE_H
#define UIOMMU_SRC_PGTABLE_H

#include <uiommu/driver.h>

/* Of the Arm formats; arm_lpae.h says more. */
struct uiommu_pt_arm {
	uint32_t granule; /* 4096, 16384 or 65536 */
	uint8_t stage; /* 1 or 2 */
	bool lpa2; /* 4K and 16K: 52-bit descriptors (CD.DS, STE.S2DS) */
	bool fwb; /* stage 2: MemAttr as with STE.S2FWB */
	bool bbml2; /* break-before-make level 2: a live entry may change its size at once */
};

struct uiommu_pt_config {
	void *host;
	unsigned int va_bits; /* width of the input: 39, 48 or 57 (x86-64: 48 or 57, sign-extended) */
	unsigned int pa_bits; /* width of the output */
	uint64_t pgsizes; /* leaf sizes allowed: 4K always, 2M, 1G */
	bool coherent; /* the walker snoops processor caches */
	bool force_snoop; /* second stage: set SNP in each leaf (may be changed before the first map) */
	bool dirty; /* A and D bits are maintained by hardware: dirty read-and-clear works */
	bool noexec; /* x86-64: the XD bit is enabled (else reserved), NOEXEC is honoured */
	struct uiommu_pt_arm arm; /* arm_lpae alone */
};

struct uiommu_pt_arm_variant;
struct uiommu_pt_pool; /* zeroed table pages kept for the next map */

struct uiommu_pt {
	struct uiommu_pt_config config;
	uintptr_t direct_map;
	uint64_t *root; /* the top table; never moves */
	unsigned int levels; /* of tables, 1 to 5 */
	unsigned int order; /* a table below the root is 4096 << order bytes */
	unsigned int root_order; /* and the root, which may be several tables in a row */
	uint64_t removals; /* atomic: grows when tables were taken out of the tree */
	struct uiommu_pt_pool *pool;
	const struct uiommu_pt_arm_variant *arm; /* arm_lpae: the walker for this granule */
};

/** uiommu_pt_root() - the physical address of the top table, for a context or PASID entry */
static inline uiommu_phys_t uiommu_pt_root(const struct uiommu_pt *pt)
{
	return (uintptr_t)pt->root - pt->direct_map;
}

/*
 * For each format F of vtd_ss (VT-d second stage), x86_64 (also VT-d first stage) and arm_lpae (Arm
 * VMSAv8-64, either stage: see arm_lpae.h):
 *
 *   init       0, -UIOMMU_EINVAL (a config that the format does not have), -UIOMMU_ENOMEM
 *   destroy    frees all tables; no device walks them any more
 *   geometry   what can be mapped
 *   map, map_sg, unmap, iova_to_phys, read_and_clear_dirty: as in struct uiommu_domain_ops
 *   trim       (all formats) gives pooled pages back to the host
 */
#define UIOMMU_PT_DECLARE(F)                                                                    \
	int uiommu_pt_##F##_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config);  \
	void uiommu_pt_##F##_destroy(struct uiommu_pt *pt);                                     \
	void uiommu_pt_##F##_geometry(const struct uiommu_pt *pt, struct uiommu_geometry *out); \
	int uiommu_pt_##F##_map(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr,  \
				uint64_t size, unsigned int prot, uint64_t *mapped,             \
				struct uiommu_iotlb_gather *gather);                            \
	int uiommu_pt_##F##_map_sg(struct uiommu_pt *pt, uiommu_iova_t iova,                    \
				   const struct uiommu_sg *sg, size_t count, unsigned int prot, \
				   uint64_t *mapped, struct uiommu_iotlb_gather *gather);       \
	uint64_t uiommu_pt_##F##_unmap(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size, \
				       struct uiommu_iotlb_gather *gather);                     \
	uiommu_phys_t uiommu_pt_##F##_iova_to_phys(const struct uiommu_pt *pt,                  \
						   uiommu_iova_t iova);                         \
	int uiommu_pt_##F##_read_and_clear_dirty(struct uiommu_pt *pt, uiommu_iova_t iova,      \
						 uint64_t size, unsigned int flags,             \
						 const struct uiommu_dirty_bitmap *bitmap,      \
						 struct uiommu_iotlb_gather *gather)

UIOMMU_PT_DECLARE(vtd_ss);
UIOMMU_PT_DECLARE(x86_64);
UIOMMU_PT_DECLARE(arm_lpae);

void uiommu_pt_trim(struct uiommu_pt *pt);

#endif /* UIOMMU_SRC_PGTABLE_H */
