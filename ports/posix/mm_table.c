/* SPDX-License-Identifier: MIT */
/*
 * mm_table.c - x86-64 (Intel SDM vol. 3, 4.5) and VMSAv8-64 (Arm DDI 0487, D8) tables of user memory
 *
 * Accessed and dirty bits of x86-64 are left to hardware; Arm's access flag is set from the start, since
 * an IOMMU need not be able to.
 */
#include "ports/posix/mm_table.h"

#define X86_P (UINT64_C(1) << 0)
#define X86_W (UINT64_C(1) << 1)
#define X86_U (UINT64_C(1) << 2)
#define X86_NX (UINT64_C(1) << 63)

#define ARM_VALID UINT64_C(1)
#define ARM_TABLE UINT64_C(3) /* also a page at the last level */
#define ARM_EL0 (UINT64_C(1) << 6) /* AP[1] */
#define ARM_RO (UINT64_C(1) << 7) /* AP[2] */
#define ARM_SH_INNER (UINT64_C(3) << 8)
#define ARM_AF (UINT64_C(1) << 10)
#define ARM_NG (UINT64_C(1) << 11)
#define ARM_PXN (UINT64_C(1) << 53)
#define ARM_UXN (UINT64_C(1) << 54)

#define PHYS_BITS UINT64_C(0x0000fffffffff000)

static unsigned int bits(const struct mm_table *table)
{
	return table->granule_shift - 3;
}

static unsigned int order(const struct mm_table *table)
{
	return table->granule_shift - 12;
}

/* Level 0 has the leaves. */
static unsigned int shift_of(const struct mm_table *table, unsigned int level)
{
	return table->granule_shift + level * bits(table);
}

static uint64_t *slot(const struct mm_table *table, uint64_t *entries, uint64_t address,
		      unsigned int level)
{
	return &entries[address >> shift_of(table, level) & ((UINT64_C(1) << bits(table)) - 1)];
}

static uint64_t *next_table(const struct mm_table *table, const uint64_t *entry)
{
	uint64_t value = __atomic_load_n(entry, __ATOMIC_ACQUIRE);

	return value & 1 ? uiommu_posix_phys_to_ptr(table->host,
						    uiommu_mm_table_leaf_phys(table, value)) :
			   NULL;
}

int uiommu_mm_table_init(struct mm_table *table, struct uiommu_posix *host,
			 const struct uiommu_posix_mm_config *config)
{
	const unsigned int va = config->va_bits ? config->va_bits : 48;
	const unsigned int granule = config->granule_shift ? config->granule_shift : 12;
	const bool x86 = config->format == UIOMMU_MM_X86_64;

	if (x86 ? (va != 48 && va != 57) || granule != 12 :
		  config->format != UIOMMU_MM_ARM64 || va < 32 || va > 48 ||
			    (granule != 12 && granule != 14 && granule != 16))
		return -UIOMMU_EINVAL;
	*table = (struct mm_table){
		.host = host,
		.format = config->format,
		.va_bits = va,
		.granule_shift = granule,
		.levels = (va - granule + granule - 4) / (granule - 3),
	};
	table->root = uiommu_port_alloc_pages(host, order(table));
	return table->root ? 0 : -UIOMMU_ENOMEM;
}

static void free_tables(struct mm_table *table, uint64_t *entries, unsigned int level)
{
	for (uint64_t i = 0; level && i < UINT64_C(1) << bits(table); i++) {
		uint64_t *below = next_table(table, &entries[i]);

		if (below)
			free_tables(table, below, level - 1);
	}
	uiommu_port_free_pages(table->host, entries, order(table));
}

void uiommu_mm_table_destroy(struct mm_table *table)
{
	if (table->root)
		free_tables(table, table->root, table->levels - 1);
	table->root = NULL;
}

uint64_t uiommu_mm_table_limit(const struct mm_table *table)
{
	/* The lower half of canonical addresses; all that TTBR0 covers. */
	return UINT64_C(1) << (table->va_bits - (table->format == UIOMMU_MM_X86_64));
}

uint64_t *uiommu_mm_table_entry(const struct mm_table *table, uint64_t address, bool alloc)
{
	uint64_t *entries = table->root;

	for (unsigned int level = table->levels - 1; level; level--) {
		uint64_t *entry = slot(table, entries, address, level);
		uint64_t *below = next_table(table, entry);

		if (!below && alloc) {
			uint64_t value;

			below = uiommu_port_alloc_pages(table->host, order(table));
			if (!below)
				return NULL;
			value = uiommu_posix_ptr_to_phys(table->host, below);
			value |= table->format == UIOMMU_MM_X86_64 ? X86_P | X86_W | X86_U :
								     ARM_TABLE;
			__atomic_store_n(entry, value, __ATOMIC_RELEASE);
		}
		if (!below)
			return NULL;
		entries = below;
	}
	return slot(table, entries, address, 0);
}

uint64_t *uiommu_mm_table_next(const struct mm_table *table, uint64_t *address, uint64_t last)
{
	uint64_t at = *address;

	while (at <= last) {
		uint64_t *entries = table->root, *entry = NULL;
		unsigned int level = table->levels - 1;

		for (;; level--) {
			entry = slot(table, entries, at, level);
			if (!(__atomic_load_n(entry, __ATOMIC_ACQUIRE) & 1))
				break;
			if (!level) {
				*address = at;
				return entry;
			}
			entries = next_table(table, entry);
		}
		at = (at | ((UINT64_C(1) << shift_of(table, level)) - 1)) + 1;
		if (!at)
			break;
	}
	return NULL;
}

uint64_t uiommu_mm_table_leaf(const struct mm_table *table, uiommu_phys_t phys, unsigned int prot)
{
	if (table->format == UIOMMU_MM_X86_64)
		return phys | X86_P | X86_U | (prot & UIOMMU_WRITE ? X86_W : 0) |
		       (prot & UIOMMU_NOEXEC ? X86_NX : 0);
	return phys | ARM_TABLE | ARM_EL0 | ARM_SH_INNER | ARM_AF | ARM_NG | ARM_PXN |
	       (prot & UIOMMU_WRITE ? 0 : ARM_RO) | (prot & UIOMMU_NOEXEC ? ARM_UXN : 0);
}

uiommu_phys_t uiommu_mm_table_leaf_phys(const struct mm_table *table, uint64_t leaf)
{
	return leaf & PHYS_BITS & ~(mm_table_granule(table) - 1);
}

bool uiommu_mm_table_leaf_writable(const struct mm_table *table, uint64_t leaf)
{
	return table->format == UIOMMU_MM_X86_64 ? leaf & X86_W : !(leaf & ARM_RO);
}

void uiommu_mm_table_write_protect(const struct mm_table *table, uint64_t *entry)
{
	if (table->format == UIOMMU_MM_X86_64)
		__atomic_and_fetch(entry, ~X86_W, __ATOMIC_SEQ_CST);
	else
		__atomic_or_fetch(entry, ARM_RO, __ATOMIC_SEQ_CST);
}

static bool is_empty(const struct mm_table *table, const uint64_t *entries)
{
	for (uint64_t i = 0; i < UINT64_C(1) << bits(table); i++) {
		if (__atomic_load_n(&entries[i], __ATOMIC_RELAXED) & 1)
			return false;
	}
	return true;
}

static void prune_below(struct mm_table *table, uint64_t *entries, unsigned int level,
			uint64_t start, uint64_t last, uint64_t **list)
{
	uint64_t *first = slot(table, entries, start, level);
	uint64_t *end = slot(table, entries, last, level);
	uint64_t base = start >> shift_of(table, level) << shift_of(table, level);

	for (uint64_t *entry = first; entry <= end; entry++) {
		uint64_t span = UINT64_C(1) << shift_of(table, level);
		uint64_t *below = next_table(table, entry);

		if (below && level > 1)
			prune_below(table, below, level - 1, start > base ? start : base,
				    last < base + span - 1 ? last : base + span - 1, list);
		if (below && is_empty(table, below)) {
			__atomic_store_n(entry, 0, __ATOMIC_SEQ_CST);
			__atomic_store_n(below,
					 *list ? uiommu_posix_ptr_to_phys(table->host, *list) : 0,
					 __ATOMIC_RELAXED);
			*list = below;
		}
		base += span;
	}
}

void uiommu_mm_table_prune(struct mm_table *table, uint64_t start, uint64_t last, uint64_t **list)
{
	prune_below(table, table->root, table->levels - 1, start, last, list);
}

void uiommu_mm_table_free_list(struct mm_table *table, uint64_t *list)
{
	while (list) {
		uint64_t link = *list;

		uiommu_port_free_pages(table->host, list, order(table));
		list = link ? uiommu_posix_phys_to_ptr(table->host, link) : NULL;
	}
}
