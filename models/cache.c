/* SPDX-License-Identifier: MIT */
/* cache.c - the hash table that the models' caches are */
#include <string.h>

#include <uiommu/port.h>

#include "models/cache.h"

#define FIRST_CAPACITY 64u
#define NONE UINT32_MAX

static struct model_cache_node *node_at(const struct model_cache *cache, uint32_t index)
{
	return (struct model_cache_node *)(void *)(cache->nodes + index * cache->node_size);
}

static uint32_t bucket(const struct model_cache *cache, uint64_t key0, uint64_t key1)
{
	uint64_t hash = (key0 ^ key1 * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	return (uint32_t)(hash >> 32) & (cache->capacity - 1);
}

void model_cache_init(struct model_cache *cache, void *host, size_t node_size)
{
	*cache = (struct model_cache){ .host = host, .node_size = node_size, .free = NONE };
}

static void free_tables(const struct model_cache *cache)
{
	if (!cache->capacity)
		return;
	uiommu_port_free(cache->host, cache->nodes, cache->capacity * cache->node_size);
	uiommu_port_free(cache->host, cache->buckets, cache->capacity * sizeof(*cache->buckets));
}

void model_cache_free(struct model_cache *cache)
{
	free_tables(cache);
	model_cache_init(cache, cache->host, cache->node_size);
}

void *model_cache_find(const struct model_cache *cache, uint64_t key0, uint64_t key1)
{
	struct model_cache_node *node;

	if (!cache->live)
		return NULL;
	for (uint32_t i = cache->buckets[bucket(cache, key0, key1)]; i != NONE; i = node->next) {
		node = node_at(cache, i);
		if (node->key[0] == key0 && node->key[1] == key1)
			return node;
	}
	return NULL;
}

static bool grow(struct model_cache *cache)
{
	struct model_cache old = *cache;
	uint32_t capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
	unsigned char *nodes = uiommu_port_alloc(cache->host, capacity * cache->node_size);
	uint32_t *buckets = uiommu_port_alloc(cache->host, capacity * sizeof(*buckets));

	if (!nodes || !buckets) {
		if (nodes)
			uiommu_port_free(cache->host, nodes, capacity * cache->node_size);
		if (buckets)
			uiommu_port_free(cache->host, buckets, capacity * sizeof(*buckets));
		return false;
	}
	memset(buckets, 0xff, capacity * sizeof(*buckets));
	if (old.used)
		memcpy(nodes, old.nodes, old.used * cache->node_size);
	cache->nodes = nodes;
	cache->buckets = buckets;
	cache->capacity = capacity;
	for (uint32_t i = 0; i < cache->used; i++) {
		struct model_cache_node *node = node_at(cache, i);
		uint32_t at;

		if (!node->live)
			continue;
		at = bucket(cache, node->key[0], node->key[1]);
		node->next = buckets[at];
		buckets[at] = i;
	}
	free_tables(&old);
	return true;
}

void *model_cache_put(struct model_cache *cache, uint64_t key0, uint64_t key1)
{
	struct model_cache_node *node = model_cache_find(cache, key0, key1);
	uint32_t index, at, next;

	if (node) {
		next = node->next;
	} else {
		if (cache->free != NONE) {
			index = cache->free;
			cache->free = node_at(cache, index)->next;
		} else {
			if (cache->used == cache->capacity && !grow(cache))
				return NULL;
			index = cache->used++;
		}
		node = node_at(cache, index);
		at = bucket(cache, key0, key1);
		next = cache->buckets[at];
		cache->buckets[at] = index;
		cache->live++;
	}
	memset(node, 0, cache->node_size);
	node->key[0] = key0;
	node->key[1] = key1;
	node->next = next;
	node->live = true;
	return node;
}

void model_cache_drop(struct model_cache *cache, void *entry)
{
	struct model_cache_node *node = entry;
	uint32_t index =
		(uint32_t)((size_t)((unsigned char *)entry - cache->nodes) / cache->node_size);
	uint32_t *link = &cache->buckets[bucket(cache, node->key[0], node->key[1])];

	while (*link != index)
		link = &node_at(cache, *link)->next;
	*link = node->next;
	node->live = false;
	node->next = cache->free;
	cache->free = index;
	cache->live--;
}

void model_cache_clear(struct model_cache *cache)
{
	if (!cache->used)
		return;
	memset(cache->buckets, 0xff, cache->capacity * sizeof(*cache->buckets));
	cache->used = 0;
	cache->live = 0;
	cache->free = NONE;
}
