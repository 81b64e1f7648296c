/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_cache.c - the caches of the SMMUv3 model (3.21, 16.2)
 *
 * A cache is a hash table that grows.  Hardware may keep an entry until an invalidation
 * names it, so nothing here forgets on its own.  Nodes move when the table grows: a pointer is good
 * until the next smmu_cache_put().
 */
#include <string.h>

#include "models/smmuv3_internal.h"

#define FIRST_CAPACITY 64u

static uint32_t bucket(const struct smmu_cache *cache, uint64_t key0, uint64_t key1)
{
	uint64_t hash = (key0 ^ key1 * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	return (uint32_t)(hash >> 32) & (cache->capacity - 1);
}

struct smmu_node *smmu_cache_find(struct smmu_cache *cache, uint64_t key0, uint64_t key1)
{
	if (!cache->live)
		return NULL;
	for (uint32_t i = cache->buckets[bucket(cache, key0, key1)]; i != SMMU_NONE;
	     i = cache->nodes[i].next)
		if (cache->nodes[i].key[0] == key0 && cache->nodes[i].key[1] == key1)
			return &cache->nodes[i];
	return NULL;
}

static bool grow(void *host, struct smmu_cache *cache)
{
	uint32_t capacity = cache->capacity ? cache->capacity * 2 : FIRST_CAPACITY;
	struct smmu_node *nodes = uiommu_port_alloc(host, capacity * sizeof(*nodes));
	uint32_t *buckets = uiommu_port_alloc(host, capacity * sizeof(*buckets));
	struct smmu_cache old = *cache;

	if (!nodes || !buckets) {
		if (nodes)
			uiommu_port_free(host, nodes, capacity * sizeof(*nodes));
		if (buckets)
			uiommu_port_free(host, buckets, capacity * sizeof(*buckets));
		return false;
	}
	memset(buckets, 0xff, capacity * sizeof(*buckets));
	if (old.used)
		memcpy(nodes, old.nodes, old.used * sizeof(*nodes));
	cache->nodes = nodes;
	cache->buckets = buckets;
	cache->capacity = capacity;
	if (!old.capacity)
		cache->free = SMMU_NONE;
	for (uint32_t i = 0; i < cache->used; i++) {
		uint32_t at;

		if (!nodes[i].live)
			continue;
		at = bucket(cache, nodes[i].key[0], nodes[i].key[1]);
		nodes[i].next = buckets[at];
		buckets[at] = i;
	}
	smmu_cache_free(host, &old);
	return true;
}

struct smmu_node *smmu_cache_put(void *host, struct smmu_cache *cache, uint64_t key0, uint64_t key1)
{
	struct smmu_node *node = smmu_cache_find(cache, key0, key1);
	uint32_t index, at, next;

	if (node) {
		next = node->next;
	} else {
		if (cache->capacity && cache->free != SMMU_NONE) {
			index = cache->free;
			cache->free = cache->nodes[index].next;
		} else {
			if (cache->used == cache->capacity && !grow(host, cache))
				return NULL;
			index = cache->used++;
		}
		node = &cache->nodes[index];
		at = bucket(cache, key0, key1);
		next = cache->buckets[at];
		cache->buckets[at] = index;
		cache->live++;
	}
	memset(node, 0, sizeof(*node));
	node->key[0] = key0;
	node->key[1] = key1;
	node->next = next;
	node->live = true;
	return node;
}

void smmu_cache_drop(struct smmu_cache *cache, struct smmu_node *node)
{
	uint32_t index = (uint32_t)(node - cache->nodes);
	uint32_t *link = &cache->buckets[bucket(cache, node->key[0], node->key[1])];

	while (*link != index)
		link = &cache->nodes[*link].next;
	*link = node->next;
	node->live = false;
	node->next = cache->free;
	cache->free = index;
	cache->live--;
}

void smmu_cache_clear(struct smmu_cache *cache)
{
	if (!cache->used)
		return;
	memset(cache->buckets, 0xff, cache->capacity * sizeof(*cache->buckets));
	cache->used = 0;
	cache->live = 0;
	cache->free = SMMU_NONE;
}

void smmu_cache_free(void *host, struct smmu_cache *cache)
{
	if (!cache->capacity)
		return;
	uiommu_port_free(host, cache->nodes, cache->capacity * sizeof(*cache->nodes));
	uiommu_port_free(host, cache->buckets, cache->capacity * sizeof(*cache->buckets));
}
