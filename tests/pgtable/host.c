/* SPDX-License-Identifier: MIT */
/* host.c - the host under the page-table tests: see host.h */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <uiommu/port.h>

#define PAGE 4096u
#define PHYS_BASE 0x123456000ull

struct host {
	pthread_mutex_t lock;
	uint8_t *ram, *seen;
	size_t pages, used, objects, top;
	uint32_t *free; /* a stack of page numbers */
	bool *in_use;
	long budget;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* A thread that looks up addresses may still be reading. */
static void set_all(uint64_t *page, uint64_t value)
{
	for (size_t i = 0; i < PAGE / 8; i++)
		__atomic_store_n(page + i, value, __ATOMIC_RELAXED);
}

struct host *host_new(size_t pages)
{
	struct host *host = calloc(1, sizeof(*host));
	size_t i;

	require(host);
	pthread_mutex_init(&host->lock, NULL);
	host->pages = pages;
	host->ram = mmap(NULL, 2 * pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	require(host->ram != MAP_FAILED);
	host->seen = host->ram + pages * PAGE;
	host->free = calloc(pages, sizeof(*host->free));
	host->in_use = calloc(pages, sizeof(*host->in_use));
	require(host->free && host->in_use);
	for (i = 0; i < pages; i++)
		host->free[i] = (uint32_t)(pages - 1 - i);
	host->top = pages;
	host->budget = -1;
	return host;
}

void host_delete(struct host *host)
{
	munmap(host->ram, 2 * host->pages * PAGE);
	free(host->free);
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

void *uiommu_port_alloc_pages(void *cookie, unsigned int order)
{
	struct host *host = cookie;
	void *page = NULL;

	require(order == 0);
	pthread_mutex_lock(&host->lock);
	if (host->budget && host->top) {
		uint32_t n = host->free[--host->top];

		if (host->budget > 0)
			host->budget--;
		host->in_use[n] = true;
		host->used++;
		page = host->ram + (size_t)n * PAGE;
		set_all(page, 0);
		/* What hardware finds in memory that nobody flushed: not zeroes. */
		set_all(host_seen(host, page), ~0ull);
	}
	pthread_mutex_unlock(&host->lock);
	return page;
}

void uiommu_port_free_pages(void *cookie, void *pages, unsigned int order)
{
	struct host *host = cookie;

	require(order == 0);
	pthread_mutex_lock(&host->lock);
	require(host_in_use(host, pages));
	set_all(pages, 0xa5a5a5a5a5a5a5a5);
	host->in_use[((uint8_t *)pages - host->ram) / PAGE] = false;
	host->free[host->top++] = (uint32_t)(((uint8_t *)pages - host->ram) / PAGE);
	host->used--;
	pthread_mutex_unlock(&host->lock);
}

uintptr_t uiommu_port_direct_map(void *cookie)
{
	struct host *host = cookie;

	return (uintptr_t)host->ram - PHYS_BASE;
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
