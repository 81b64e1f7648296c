/* SPDX-License-Identifier: MIT */
/* pages.c - a buddy allocator over one block of RAM */
#include "ports/posix/pages.h"

#include <stdlib.h>

static void push(struct posix_pages *pages, uint32_t index, unsigned int order)
{
	struct posix_page *page = &pages->page[index];

	page->order = (uint8_t)order;
	page->free = true;
	page->prev = POSIX_NO_PAGE;
	page->next = pages->free_head[order];
	if (page->next != POSIX_NO_PAGE)
		pages->page[page->next].prev = index;
	pages->free_head[order] = index;
}

static void take(struct posix_pages *pages, uint32_t index)
{
	struct posix_page *page = &pages->page[index];

	if (page->prev != POSIX_NO_PAGE)
		pages->page[page->prev].next = page->next;
	else
		pages->free_head[page->order] = page->next;
	if (page->next != POSIX_NO_PAGE)
		pages->page[page->next].prev = page->prev;
	page->free = false;
}

int uiommu_posix_pages_init(struct posix_pages *pages, uint64_t first, uint32_t count,
			    uint64_t usable)
{
	uint32_t index = 0;

	pages->first = first;
	pages->count = count;
	pages->page = calloc(count, sizeof(*pages->page));
	if (!pages->page)
		return -1;
	for (unsigned int order = 0; order <= POSIX_MAX_ORDER; order++)
		pages->free_head[order] = POSIX_NO_PAGE;

	if (usable > first)
		index = usable - first < count ? (uint32_t)(usable - first) : count;
	/* Cover the rest with the largest aligned blocks; pushed low to high, so high ones go first. */
	while (index < count) {
		unsigned int order = 0;

		while (order < POSIX_MAX_ORDER && ((first + index) & ((2ull << order) - 1)) == 0 &&
		       (2ull << order) <= count - index)
			order++;
		push(pages, index, order);
		index += 1u << order;
	}
	return 0;
}

void uiommu_posix_pages_destroy(struct posix_pages *pages)
{
	free(pages->page);
}

uint32_t uiommu_posix_pages_alloc(struct posix_pages *pages, unsigned int order)
{
	unsigned int from = order;
	uint32_t index;

	while (from <= POSIX_MAX_ORDER && pages->free_head[from] == POSIX_NO_PAGE)
		from++;
	if (from > POSIX_MAX_ORDER)
		return POSIX_NO_PAGE;
	index = pages->free_head[from];
	take(pages, index);
	while (from > order) {
		from--;
		push(pages, index + (1u << from), from);
	}
	pages->page[index].order = (uint8_t)order;
	pages->page[index].used = true;
	return index;
}

bool uiommu_posix_pages_free(struct posix_pages *pages, uint32_t index, unsigned int order)
{
	if (index >= pages->count || !pages->page[index].used || pages->page[index].order != order)
		return false;
	pages->page[index].used = false;
	while (order < POSIX_MAX_ORDER) {
		uint64_t buddy = ((pages->first + index) ^ (1ull << order)) - pages->first;

		if (buddy >= pages->count || !pages->page[buddy].free ||
		    pages->page[buddy].order != order)
			break;
		take(pages, (uint32_t)buddy);
		if (buddy < index)
			index = (uint32_t)buddy;
		order++;
	}
	push(pages, index, order);
	return true;
}

uint32_t uiommu_posix_pages_in_use(const struct posix_pages *pages, uint32_t index)
{
	for (unsigned int order = 0; index < pages->count && order <= POSIX_MAX_ORDER; order++) {
		uint64_t frame = (pages->first + index) >> order << order;
		uint32_t start;

		if (frame < pages->first)
			break;
		start = (uint32_t)(frame - pages->first);
		if (pages->page[start].used && index - start < 1u << pages->page[start].order)
			return (1u << pages->page[start].order) - (index - start);
	}
	return 0;
}
