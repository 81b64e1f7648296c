/* SPDX-License-Identifier: MIT */
/*
 * mm_table.h - the page table of a process, in a processor's format
 *
 * Leaves are pages of the granule only.  Entries are changed with single atomic operations, since an IOMMU
 * walks them, and sets accessed and dirty bits in them, at any time.  The lock of the address space is held by
 * whoever changes the table.
 */
#ifndef PORTS_POSIX_MM_TABLE_H
#define PORTS_POSIX_MM_TABLE_H

#include <uiommu/posix.h>

struct mm_table {
	struct uiommu_posix *host;
	enum uiommu_mm_format format;
	unsigned int va_bits, granule_shift, levels;
	uint64_t *root;
};

/* 0; -UIOMMU_EINVAL: no such format; -UIOMMU_ENOMEM. */
int uiommu_mm_table_init(struct mm_table *table, struct uiommu_posix *host,
			 const struct uiommu_posix_mm_config *config);
/* All tables; no leaf is left in them. */
void uiommu_mm_table_destroy(struct mm_table *table);

static inline uint64_t mm_table_granule(const struct mm_table *table)
{
	return UINT64_C(1) << table->granule_shift;
}

/* Addresses below this can be mapped. */
uint64_t uiommu_mm_table_limit(const struct mm_table *table);

/* The leaf entry of @address; with @alloc the tables on the way are made.  NULL: none, no memory. */
uint64_t *uiommu_mm_table_entry(const struct mm_table *table, uint64_t address, bool alloc);
/* The first present leaf in [*address, last], and its address; NULL: no more. */
uint64_t *uiommu_mm_table_next(const struct mm_table *table, uint64_t *address, uint64_t last);

/* A leaf for @prot (READ, WRITE, NOEXEC); never 0. */
uint64_t uiommu_mm_table_leaf(const struct mm_table *table, uiommu_phys_t phys, unsigned int prot);
uiommu_phys_t uiommu_mm_table_leaf_phys(const struct mm_table *table, uint64_t leaf);
bool uiommu_mm_table_leaf_writable(const struct mm_table *table, uint64_t leaf);
/* Takes the right to write away from a present leaf, and leaves what hardware has set. */
void uiommu_mm_table_write_protect(const struct mm_table *table, uint64_t *entry);

/*
 * Takes the tables that are empty and lie in [start, last] wholly or in part out of the tree.  They must not be
 * freed before nobody walks them any more; the list runs through their first entries, which stay not present.
 */
void uiommu_mm_table_prune(struct mm_table *table, uint64_t start, uint64_t last, uint64_t **list);
void uiommu_mm_table_free_list(struct mm_table *table, uint64_t *list);

#endif /* PORTS_POSIX_MM_TABLE_H */
