/* SPDX-License-Identifier: MIT */
/*
 * pages.h - a buddy allocator over one block of RAM
 *
 * Blocks of 2^order pages, aligned to their size relative to physical address 0.  Bookkeeping lies beside
 * the RAM, never in it: hardware may still look at what was freed.  Not locked: the host has a lock.
 */
#ifndef POSIX_PAGES_H
#define POSIX_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define POSIX_PAGE_SHIFT 12
#define POSIX_PAGE_SIZE (1ull << POSIX_PAGE_SHIFT)
#define POSIX_MAX_ORDER 18 /* 1 GiB */
#define POSIX_NO_PAGE UINT32_MAX

struct posix_page {
	uint32_t next, prev; /* in the free list of its order */
	uint32_t users; /* address spaces that have it, for pages of processes */
	uint32_t pins;
	uint8_t order; /* of the block that starts here */
	bool free; /* a free block starts here */
	bool used; /* a block in use starts here */
};

struct posix_pages {
	uint64_t first; /* frame number of page 0 */
	uint32_t count;
	uint32_t free_head[POSIX_MAX_ORDER + 1];
	struct posix_page *page;
};

/* Frames [first, first + count); those below @usable are never handed out.  0 or -1: no memory. */
int uiommu_posix_pages_init(struct posix_pages *pages, uint64_t first, uint32_t count,
			    uint64_t usable);
void uiommu_posix_pages_destroy(struct posix_pages *pages);
/* The index of the first page of a block, or POSIX_NO_PAGE. */
uint32_t uiommu_posix_pages_alloc(struct posix_pages *pages, unsigned int order);
/* False if no block of this order was handed out there. */
bool uiommu_posix_pages_free(struct posix_pages *pages, uint32_t index, unsigned int order);

/* How many pages from @index on belong to one block that is in use; 0: none. */
uint32_t uiommu_posix_pages_in_use(const struct posix_pages *pages, uint32_t index);

#endif /* POSIX_PAGES_H */
