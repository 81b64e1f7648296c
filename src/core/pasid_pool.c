/* SPDX-License-Identifier: MIT */
/*
 * pasid_pool.c - the system's one pool of PASIDs
 *
 * The lowest free one is given out, because devices differ in how many bits of a PASID they have.  The
 * same number means the same address space everywhere, so SVA and users draw from one pool.
 */
#include "src/core/core.h"

#define BITS 64u
#define FULL (~0ull)

/* Find room below @limit and take it; sys->table held.  @limit: there is none.  @need: words it takes. */
static uint32_t take_lowest(struct uiommu_pasid_pool *pool, uint32_t limit, uint32_t *need)
{
	uint32_t word = pool->hint, bit = 0, pasid;

	while (word < pool->num_words && pool->words[word] == FULL)
		word++;
	pool->hint = word;
	if (word < pool->num_words) {
		while (pool->words[word] >> bit & 1)
			bit++;
	}
	pasid = word * BITS + bit;
	*need = word + 1;
	if (!pasid) {
		/* PASID 0 is the RID: the first word starts with it taken. */
		pasid = 1;
		bit = 1;
	}
	if (pasid >= limit || word >= pool->num_words)
		return pasid >= limit ? limit : pasid;
	pool->words[word] |= 1ull << bit;
	pool->used++;
	return pasid;
}

/* 0, -UIOMMU_ENOSPC: none below @limit, -UIOMMU_ENOMEM */
int uiommu_pasid_take(struct uiommu_system *sys, uint32_t limit, uiommu_pasid_t *out)
{
	struct uiommu_pasid_pool *pool = &sys->pasids;
	uint64_t *room = NULL;
	uint32_t num_room = 0;
	int rc = -UIOMMU_EAGAIN;

	if (limit > UIOMMU_PASID_MAX + 1u)
		limit = UIOMMU_PASID_MAX + 1u;
	while (rc == -UIOMMU_EAGAIN) {
		uint32_t need, pasid;

		uiommu_lock(sys, &sys->table);
		if (num_room > pool->num_words) {
			uint64_t *old = pool->words;
			uint32_t num_old = pool->num_words;

			if (num_old)
				memcpy(room, old, num_old * sizeof(*old));
			room[0] |= 1;
			pool->words = room;
			pool->num_words = num_room;
			room = old;
			num_room = num_old;
		}
		pasid = take_lowest(pool, limit, &need);
		if (pasid >= limit) {
			rc = -UIOMMU_ENOSPC;
		} else if (need <= pool->num_words) {
			*out = pasid;
			rc = 0;
		}
		need = pool->num_words ? 2 * pool->num_words : 1;
		uiommu_unlock(sys, &sys->table);
		uiommu_free(sys, room, num_room * sizeof(*room));
		room = NULL;
		num_room = 0;
		if (rc != -UIOMMU_EAGAIN)
			break;
		room = uiommu_zalloc(sys, need * sizeof(*room));
		if (!room)
			return -UIOMMU_ENOMEM;
		num_room = need;
	}
	return rc;
}

/* sys->table held; false: it was not taken.  What *@empty gets is freed by the caller afterwards. */
bool uiommu_pasid_give(struct uiommu_system *sys, uiommu_pasid_t pasid, uint64_t **empty,
		       size_t *size)
{
	struct uiommu_pasid_pool *pool = &sys->pasids;
	uint32_t word = pasid / BITS;
	uint64_t bit = 1ull << pasid % BITS;

	*empty = NULL;
	*size = 0;
	if (!pasid || word >= pool->num_words || !(pool->words[word] & bit))
		return false;
	pool->words[word] &= ~bit;
	if (pool->hint > word)
		pool->hint = word;
	if (--pool->used == 0) {
		*empty = pool->words;
		*size = pool->num_words * sizeof(*pool->words);
		*pool = (struct uiommu_pasid_pool){ 0 };
	}
	return true;
}

int uiommu_pasid_alloc(struct uiommu_device *dev, uiommu_pasid_t *out)
{
	uint32_t limit = uiommu_device_max_pasids(dev);
	int rc = limit ? uiommu_pasid_take(dev->sys, limit, out) : -UIOMMU_EOPNOTSUPP;

	if (rc)
		*out = UIOMMU_PASID_INVALID;
	return rc;
}

void uiommu_pasid_free(struct uiommu_system *sys, uiommu_pasid_t pasid)
{
	uint64_t *empty = NULL;
	size_t size = 0;
	bool given;

	uiommu_lock(sys, &sys->table);
	given = !uiommu_sva_owns_pasid(sys, pasid) && uiommu_pasid_give(sys, pasid, &empty, &size);
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, empty, size);
	if (!given)
		uiommu_log(sys->host, UIOMMU_LOG_WARN, "PASID %u freed, which nobody allocated",
			   pasid);
}
