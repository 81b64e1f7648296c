/* SPDX-License-Identifier: MIT */
/*
 * cache.h - a cache of hardware: a hash table that grows and forgets nothing by itself
 *
 * Hardware may keep an entry until an invalidation names it, so only drop() and clear() take entries
 * away; which ones an invalidation names is the model's business, which visits all with at().  An entry
 * is a structure of the model's whose first member is a struct model_cache_node.
 *
 * Entries move when the table grows: a pointer is good until the next put().
 *
 * Thread-safety: none; the model's lock is held.
 */
#ifndef MODEL_CACHE_H
#define MODEL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_cache_node {
	uint64_t key[2];
	uint32_t next; /* the cache's own */
	bool live;
};

struct model_cache {
	void *host; /* whom memory is asked of */
	size_t node_size; /* of the model's structure */
	unsigned char *nodes;
	uint32_t *buckets;
	uint32_t capacity; /* of nodes and of buckets, a power of two */
	uint32_t used; /* indices below this were in use some time */
	uint32_t free, live;
};

/* Empty; takes no memory before the first put(). */
void model_cache_init(struct model_cache *cache, void *host, size_t node_size);
void model_cache_free(struct model_cache *cache);

/* The entry of this key, or NULL. */
void *model_cache_find(const struct model_cache *cache, uint64_t key0, uint64_t key1);
/* A new entry, or the old one, zeroed but for its key; NULL: no memory, the entry is simply not cached. */
void *model_cache_put(struct model_cache *cache, uint64_t key0, uint64_t key1);
void model_cache_drop(struct model_cache *cache, void *entry);
void model_cache_clear(struct model_cache *cache);

/* The entry with this index, 0 to cache->used - 1; NULL: nothing there now. */
static inline void *model_cache_at(const struct model_cache *cache, uint32_t index)
{
	void *entry = cache->nodes + index * cache->node_size;

	return ((struct model_cache_node *)entry)->live ? entry : NULL;
}

#endif /* MODEL_CACHE_H */
