/* SPDX-License-Identifier: MIT */
/* host.c - the host under the page-table tests: see host.h */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <uiommu/port.h>

#define PAGE 4096u
#define ALIGN (1u << 20) /* of the arena: 16 tables of 64 KiB in a row have to be aligned to that */
#define ORDERS 9

struct host {
	pthread_mutex_t lock;
	uint8_t *ram, *seen;
	uint64_t phys;
	size_t pages, used, objects;
	size_t fresh; /* pages from here on were never given out */
	uint32_t *free[ORDERS]; /* stacks of page numbers */
	size_t top[ORDERS];
	uint8_t *in_use; /* order + 1, of the first page of an allocation */
	long budget;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* A thread that looks up addresses may still be reading. */
static void set_all(uint64_t *pages, unsigned int order, uint64_t value)
{
	for (size_t i = 0; i < (size_t)PAGE / 8 << order; i++)
		__atomic_store_n(pages + i, value, __ATOMIC_RELAXED);
}

struct host *host_new(size_t pages, uint64_t base)
{
	struct host *host = calloc(1, sizeof(*host));

	require(host);
	pthread_mutex_init(&host->lock, NULL);
	host->pages = pages;
	host->ram = mmap(NULL, 2 * pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	require(host->ram != MAP_FAILED);
	host->seen = host->ram + pages * PAGE;
	/* Not the pointers, and not aligned to more than is promised. */
	host->phys = (base & ~(uint64_t)(ALIGN - 1)) + 5 * ALIGN;
	host->in_use = calloc(pages, sizeof(*host->in_use));
	require(host->in_use);
	for (unsigned int order = 0; order < ORDERS; order++) {
		host->free[order] = calloc((pages >> order) + 1, sizeof(*host->free[order]));
		require(host->free[order]);
	}
	host->budget = -1;
	return host;
}

void host_delete(struct host *host)
{
	munmap(host->ram, 2 * host->pages * PAGE);
	for (unsigned int order = 0; order < ORDERS; order++)
		free(host->free[order]);
	free(host->in_use);
	pthread_mutex_destroy(&host->lock);
	free(host);
}

size_t host_pages(const struct host *host)
{
	return host->used;
}

size_t host_objects(const struct host *host)
{
	return host->objects;
}

void host_fail_after(struct host *host, long n)
{
	host->budget = n;
}

bool host_in_use(const struct host *host, const void *page)
{
	size_t offset = (size_t)((const uint8_t *)page - host->ram);

	return (const uint8_t *)page >= host->ram && offset < host->pages * PAGE &&
	       offset % PAGE == 0 && host->in_use[offset / PAGE];
}

uint64_t *host_seen(const struct host *host, const uint64_t *entry)
{
	return (uint64_t *)(host->seen + ((const uint8_t *)entry - host->ram));
}

/* The number of the first of 1 << @order pages, or -1. */
static long take(struct host *host, unsigned int order)
{
	size_t n = (host->fresh + (1u << order) - 1) >> order << order;

	if (host->top[order])
		return host->free[order][--host->top[order]];
	if (n + (1u << order) > host->pages)
		return -1;
	host->fresh = n + (1u << order);
	return (long)n;
}

void *uiommu_port_alloc_pages(void *cookie, unsigned int order)
{
	struct host *host = cookie;
	void *pages = NULL;
	long n = -1;

	require(order < ORDERS);
	pthread_mutex_lock(&host->lock);
	if (host->budget)
		n = take(host, order);
	if (n >= 0) {
		if (host->budget > 0)
			host->budget--;
		host->in_use[n] = (uint8_t)(order + 1);
		host->used += 1u << order;
		pages = host->ram + (size_t)n * PAGE;
		set_all(pages, order, 0);
		/* What hardware finds in memory that nobody flushed: not zeroes. */
		set_all(host_seen(host, pages), order, ~0ull);
	}
	pthread_mutex_unlock(&host->lock);
	return pages;
}

void uiommu_port_free_pages(void *cookie, void *pages, unsigned int order)
{
	struct host *host = cookie;
	size_t n = (size_t)((uint8_t *)pages - host->ram) / PAGE;

	pthread_mutex_lock(&host->lock);
	require(host_in_use(host, pages) && host->in_use[n] == order + 1);
	set_all(pages, order, 0xa5a5a5a5a5a5a5a5);
	host->in_use[n] = 0;
	host->free[order][host->top[order]++] = (uint32_t)n;
	host->used -= 1u << order;
	pthread_mutex_unlock(&host->lock);
}

uintptr_t uiommu_port_direct_map(void *cookie)
{
	struct host *host = cookie;

	return (uintptr_t)host->ram - host->phys;
}

void uiommu_port_cache_flush(void *cookie, const void *start, size_t size)
{
	struct host *host = cookie;
	size_t offset = (size_t)((const uint8_t *)start - host->ram);

	require(size && offset + size <= host->pages * PAGE);
	pthread_mutex_lock(&host->lock);
	for (size_t i = 0; i < size / 8; i++) {
		uint64_t e = __atomic_load_n((const uint64_t *)start + i, __ATOMIC_RELAXED);

		__atomic_store_n((uint64_t *)(host->seen + offset) + i, e, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&host->lock);
}

void *uiommu_port_alloc(void *cookie, size_t size)
{
	struct host *host = cookie;
	void *mem = host->budget ? calloc(1, size) : NULL;

	if (mem && host->budget > 0)
		host->budget--;
	if (mem)
		host->objects++;
	return mem;
}

void uiommu_port_free(void *cookie, void *mem, size_t size)
{
	struct host *host = cookie;

	(void)size;
	if (mem)
		host->objects--;
	free(mem);
}
