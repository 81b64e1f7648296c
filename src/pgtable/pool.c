/* SPDX-License-Identifier: MIT */
/*
 * pool.c - zeroed table pages kept for the next map
 *
 * An array of slots, each holding a page or nothing. A page is taken and put with one atomic exchange
 * or compare-and-swap, so a page has one owner at any time whoever else is at work; nothing is ever
 * linked through a page, so there is no ABA to fear.
 */
#include "src/pgtable/pool.h"

#include <stdatomic.h>

#define POOL_SLOTS 16u

struct uiommu_pt_pool {
	_Atomic(uint64_t *) slot[POOL_SLOTS];
	atomic_uint filled; /* a hint: 0 means that looking is not worth while */
};

int uiommu_pt_pool_init(struct uiommu_pt *pt)
{
	pt->pool = uiommu_port_alloc(pt->config.host, sizeof(*pt->pool));
	return pt->pool ? 0 : -UIOMMU_ENOMEM;
}

static uint64_t *pool_take(struct uiommu_pt_pool *pool)
{
	unsigned int i;

	if (!atomic_load_explicit(&pool->filled, memory_order_relaxed))
		return NULL;
	for (i = 0; i < POOL_SLOTS; i++) {
		uint64_t *page = atomic_load_explicit(&pool->slot[i], memory_order_relaxed);

		if (!page)
			continue;
		page = atomic_exchange_explicit(&pool->slot[i], NULL, memory_order_acquire);
		if (page) {
			atomic_fetch_sub_explicit(&pool->filled, 1, memory_order_relaxed);
			return page;
		}
	}
	return NULL;
}

uint64_t *uiommu_pt_pool_get(struct uiommu_pt *pt)
{
	uint64_t *page = pool_take(pt->pool);

	return page ? page : uiommu_port_alloc_pages(pt->config.host, pt->order);
}

void uiommu_pt_pool_put(struct uiommu_pt *pt, uint64_t *page)
{
	struct uiommu_pt_pool *pool = pt->pool;
	unsigned int i;

	for (i = 0; i < POOL_SLOTS; i++) {
		uint64_t *none = NULL;

		if (atomic_load_explicit(&pool->slot[i], memory_order_relaxed))
			continue;
		/* Counted first, so that the hint never falls below zero. */
		atomic_fetch_add_explicit(&pool->filled, 1, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(&pool->slot[i], &none, page,
							    memory_order_release,
							    memory_order_relaxed))
			return;
		atomic_fetch_sub_explicit(&pool->filled, 1, memory_order_relaxed);
	}
	uiommu_port_free_pages(pt->config.host, page, pt->order);
}

void uiommu_pt_trim(struct uiommu_pt *pt)
{
	uint64_t *page;

	while ((page = pool_take(pt->pool)))
		uiommu_port_free_pages(pt->config.host, page, pt->order);
}

void uiommu_pt_pool_destroy(struct uiommu_pt *pt)
{
	if (!pt->pool)
		return;
	uiommu_pt_trim(pt);
	uiommu_port_free(pt->config.host, pt->pool, sizeof(*pt->pool));
	pt->pool = NULL;
}
