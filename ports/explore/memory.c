/* SPDX-License-Identifier: MIT */
/*
 * memory.c - all memory that threads share, and how it comes back to what the set-up left
 *
 * One block: the threads' stacks, a region for each thread, a region for the set-up.  Each thread takes
 * from its own region and nothing is used twice within a schedule: an address says nothing of the order
 * in which threads asked, and what was freed is never somebody else's memory.  Only the region of the
 * set-up has to be copied back before a schedule.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ports/explore/internal.h"

static void *reserve(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED) {
		fprintf(stderr, "explore: no memory\n");
		exit(2);
	}
	return mem;
}

void explore_memory_create(struct explore *e)
{
	uint8_t *at;

	e->base = reserve(EXPLORE_SIZE);
	at = e->base + EXPLORE_THREADS * EXPLORE_STACK;
	for (unsigned int i = 0; i <= EXPLORE_THREADS; i++, at += EXPLORE_REGION)
		e->region[i] = at;
	e->cells = reserve(EXPLORE_SIZE / EXPLORE_GRANULE * sizeof(*e->cells));
	e->freed = reserve(EXPLORE_SIZE / EXPLORE_GRANULE * sizeof(*e->freed));
	e->written = reserve(EXPLORE_SIZE / EXPLORE_PAGE);
	e->tables = reserve(EXPLORE_SIZE / EXPLORE_PAGE * sizeof(*e->tables));
}

void explore_memory_destroy(struct explore *e)
{
	munmap(e->base, EXPLORE_SIZE);
	munmap(e->cells, EXPLORE_SIZE / EXPLORE_GRANULE * sizeof(*e->cells));
	munmap(e->freed, EXPLORE_SIZE / EXPLORE_GRANULE * sizeof(*e->freed));
	munmap(e->tables, EXPLORE_SIZE / EXPLORE_PAGE * sizeof(*e->tables));
	munmap(e->written, EXPLORE_SIZE / EXPLORE_PAGE);
	free(e->snapshot);
}

void explore_memory_snapshot(struct explore *e)
{
	e->snapshot_size = e->used[EXPLORE_NOBODY];
	e->snapshot = malloc(e->snapshot_size + 1);
	if (!e->snapshot) {
		fprintf(stderr, "explore: no memory\n");
		exit(2);
	}
	memcpy(e->snapshot, e->region[EXPLORE_NOBODY], e->snapshot_size);
}

void explore_memory_restore(struct explore *e)
{
	memcpy(e->region[EXPLORE_NOBODY], e->snapshot, e->snapshot_size);
	e->used[EXPLORE_NOBODY] = e->snapshot_size;
	for (unsigned int i = 0; i < EXPLORE_THREADS; i++)
		e->used[i] = 0;
}

void *explore_take(struct explore *e, size_t size, size_t align)
{
	const unsigned int who = e->running ? e->current : EXPLORE_NOBODY;
	const size_t limit = who == EXPLORE_NOBODY ? EXPLORE_SETUP : EXPLORE_REGION;
	size_t start = (e->used[who] + align - 1) & ~(align - 1);
	uint8_t *mem = e->region[who] + start;

	/* Never two objects in one granule. */
	size = (size + EXPLORE_GRANULE - 1) & ~(size_t)(EXPLORE_GRANULE - 1);
	if (start + size > limit)
		explore_fail("more than %zu bytes of memory", limit);
	e->used[who] = start + size;
	memset(mem, 0, size);
	return mem;
}

bool explore_is_table(const struct explore *e, uintptr_t address)
{
	const uint32_t since = e->tables[(address - (uintptr_t)e->base) / EXPLORE_PAGE];

	return since == UINT32_MAX || (since && since == e->run);
}

bool explore_is_written(const struct explore *e, uintptr_t address)
{
	return e->written[(address - (uintptr_t)e->base) / EXPLORE_PAGE] &&
	       explore_is_table(e, address);
}

void explore_hardware_writes(uiommu_phys_t phys)
{
	struct explore *e = explore_now;
	uint8_t *written = &e->written[(phys - EXPLORE_PHYS) / EXPLORE_PAGE];

	if (phys - EXPLORE_PHYS >= EXPLORE_SIZE || *written)
		return;
	*written = 1;
	e->learned = true;
}
