/* SPDX-License-Identifier: MIT */
/*
 * formats.h - the page-table formats as the tests know them
 *
 * A second reading of the specifications, made without the library's: bits are numbers here, and what
 * they mean stands beside them. A setup is a format with a configuration that is worth testing.
 */
#ifndef TESTS_PGTABLE_FORMATS_H
#define TESTS_PGTABLE_FORMATS_H

#include "src/pgtable/arm_lpae.h"
#include "src/pgtable/pgtable.h"

struct format {
	int (*init)(struct uiommu_pt *pt, const struct uiommu_pt_config *config);
	void (*destroy)(struct uiommu_pt *pt);
	void (*geometry)(const struct uiommu_pt *pt, struct uiommu_geometry *out);
	int (*map)(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
		   unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather);
	int (*map_sg)(struct uiommu_pt *pt, uiommu_iova_t iova, const struct uiommu_sg *sg,
		      size_t count, unsigned int prot, uint64_t *mapped,
		      struct uiommu_iotlb_gather *gather);
	uint64_t (*unmap)(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
			  struct uiommu_iotlb_gather *gather);
	uiommu_phys_t (*iova_to_phys)(const struct uiommu_pt *pt, uiommu_iova_t iova);
	int (*dirty)(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size, unsigned int flags,
		     const struct uiommu_dirty_bitmap *bitmap, struct uiommu_iotlb_gather *gather);
	bool sign; /* upper bits of the input repeat the top one */
	uint64_t present; /* any of these */
	uint64_t kind, table_kind; /* above level 1: e & kind == table_kind leads to a table */
	uint64_t table_bits; /* of an entry that leads to a table, besides the address */
	uint64_t soft_bits; /* that it may have as well */
	uint64_t page_bits, large_bits; /* that leaves have at level 1, and above */
	uint64_t run_bits; /* and in contiguous runs */
	uint64_t dirty_flip; /* the bit that changes when hardware writes through a clean leaf */
	uint64_t (*leaf_bits)(const struct uiommu_pt_config *config, unsigned int prot);
};

struct setup {
	const char *name;
	const struct format *format;
	struct uiommu_pt_config config;
};

extern const struct setup setups[];
extern const size_t num_setups;

/** setup_bits() - log2 of the entries in a table; the smallest leaf has as many bytes as a table */
unsigned int setup_bits(const struct setup *s);
/** setup_place(), setup_addr() - an address as an entry has it, and back */
uint64_t setup_place(const struct setup *s, uint64_t phys);
uint64_t setup_addr(const struct setup *s, uint64_t entry);
/** setup_keeps_tables() - an empty table must not make way for a leaf (break before make) */
bool setup_keeps_tables(const struct setup *s);

#endif /* TESTS_PGTABLE_FORMATS_H */
