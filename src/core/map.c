/* SPDX-License-Identifier: MIT */
/*
 * map.c - mappings: the checks, the call of the driver, and the way back when it fails
 *
 * The hot path.  No lock, no allocation: a few compares on fields of the domain and one indirect call.
 * Ranges are compared by their last byte, because the last page of a 64-bit address space ends where
 * +1 wraps to 0.
 *
 * Invalidation: a gather carries what must be invalidated and the tables that may be freed only after
 * that.  The tables are freed in one place, uiommu_gather_free_tables(), after the driver's sync.
 */
#include "src/core/core.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

static inline bool is_paging(const struct uiommu_domain *domain)
{
	enum uiommu_domain_type type = uiommu_domain_type(domain);

	return type >= UIOMMU_DOMAIN_PAGING && type <= UIOMMU_DOMAIN_DMA_FQ;
}

static inline uint64_t granule_mask(const struct uiommu_domain *domain)
{
	return (domain->pgsizes & -domain->pgsizes) - 1;
}

static inline bool in_geometry(const struct uiommu_domain *domain, uiommu_iova_t iova,
			       uiommu_iova_t last)
{
	const struct uiommu_geometry *g = &domain->geometry;

	if (iova >= g->range[0].start && last <= g->range[0].last)
		return true;
	return g->ranges > 1 && iova >= g->range[1].start && last <= g->range[1].last;
}

static inline int check_map(const struct uiommu_domain *domain, uint64_t size, unsigned int prot)
{
	if (unlikely(!size || !(prot & (UIOMMU_READ | UIOMMU_WRITE)) || (prot & ~UIOMMU_PROT_ALL) ||
		     !is_paging(domain)))
		return -UIOMMU_EINVAL;
	return 0;
}

static inline int check_range(const struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size)
{
	uiommu_iova_t last = iova + size - 1;

	if (unlikely(last < iova))
		return -UIOMMU_EOVERFLOW;
	if (unlikely(!in_geometry(domain, iova, last)))
		return -UIOMMU_ERANGE;
	return 0;
}

static inline int check_phys(const struct uiommu_domain *domain, uiommu_phys_t paddr, uint64_t size)
{
	uiommu_phys_t last = paddr + size - 1;

	if (unlikely(last < paddr))
		return -UIOMMU_EOVERFLOW;
	if (unlikely(last > domain->geometry.last_phys))
		return -UIOMMU_ERANGE;
	return 0;
}

void uiommu_gather_free_tables(struct uiommu_system *sys, struct uiommu_iotlb_gather *gather)
{
	void *table = gather->freed;

	for (size_t left = gather->num_freed; left; left--) {
		uint64_t link = *(const uint64_t *)table;

		uiommu_port_free_pages(sys->host, table, gather->freed_order);
		table = (void *)((uintptr_t)link + sys->direct_map);
	}
	gather->freed = NULL;
	gather->num_freed = 0;
}

void uiommu_iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	if (uiommu_iotlb_gather_empty(gather))
		return;
	if (!is_paging(domain))
		return;
	if (gather->queued)
		domain->ops->flush_iotlb_all(domain);
	else
		domain->ops->iotlb_sync(domain, gather);
	uiommu_gather_free_tables(domain->sys, gather);
	uiommu_iotlb_gather_init(gather, gather->queued);
}

void uiommu_flush_iotlb_all(struct uiommu_domain *domain)
{
	if (domain->ops->flush_iotlb_all)
		domain->ops->flush_iotlb_all(domain);
}

/* The arguments are good.  Stops where the driver finds a hole. */
static uint64_t unmap_range(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			    struct uiommu_iotlb_gather *gather)
{
	const uiommu_iova_t start = gather->start, last = gather->last;
	uint64_t done = 0;

	while (done < size) {
		uint64_t part = domain->ops->unmap(domain, iova + done, size - done, gather);

		if (!part)
			break;
		done += part;
	}
	/* A driver that noted nothing (one of a queued gather, or a lazy one) still gets its sync. */
	if (done && gather->start == start && gather->last == last &&
	    (start > iova || last < iova + done - 1))
		uiommu_iotlb_gather_add(gather, iova, done);
	return done;
}

uint64_t uiommu_unmap_gather(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			     struct uiommu_iotlb_gather *gather)
{
	if (unlikely(!size || !is_paging(domain) || ((iova | size) & granule_mask(domain)) ||
		     check_range(domain, iova, size)))
		return 0;
	return unmap_range(domain, iova, size, gather);
}

uint64_t uiommu_unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size)
{
	struct uiommu_iotlb_gather gather;
	uint64_t done;

	uiommu_iotlb_gather_init(&gather, false);
	done = uiommu_unmap_gather(domain, iova, size, &gather);
	uiommu_iotlb_sync(domain, &gather);
	return done;
}

/* Take back the first @size bytes that a failing map has installed. */
static void undo_map(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size)
{
	struct uiommu_iotlb_gather gather;

	if (!size)
		return;
	uiommu_iotlb_gather_init(&gather, false);
	if (unmap_range(domain, iova, size, &gather) != size)
		uiommu_log(domain->sys->host, UIOMMU_LOG_ERROR,
			   "driver %s: a failed map of 0x%llx bytes at 0x%llx cannot be undone",
			   domain->owner->name, (unsigned long long)size, (unsigned long long)iova);
	uiommu_iotlb_sync(domain, &gather);
}

/* What a driver says it has mapped, or its error; 0 bytes without an error would loop for ever. */
static int check_progress(struct uiommu_domain *domain, int rc, uint64_t *part, uint64_t size)
{
	if (unlikely(*part > size || (!rc && !*part))) {
		uiommu_log(domain->sys->host, UIOMMU_LOG_ERROR,
			   "driver %s: map of 0x%llx bytes reports 0x%llx", domain->owner->name,
			   (unsigned long long)size, (unsigned long long)*part);
		if (*part > size)
			*part = size;
		return rc ? rc : -UIOMMU_EIO;
	}
	return rc;
}

static int map_rest(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,
		    uint64_t size, unsigned int prot, uint64_t *done,
		    struct uiommu_iotlb_gather *gather)
{
	int rc = 0;

	while (!rc && *done < size) {
		uint64_t part = 0;

		rc = domain->ops->map(domain, iova + *done, paddr + *done, size - *done, prot,
				      &part, gather);
		rc = check_progress(domain, rc, &part, size - *done);
		*done += part;
	}
	return rc;
}

/* Everything is in place, or nothing stays: the end of every map. */
static int finish_map(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t done, int rc,
		      struct uiommu_iotlb_gather *gather)
{
	/* Tables that made way for a leaf leave the paging-structure caches before they are freed. */
	uiommu_iotlb_sync(domain, gather);
	if (!rc && domain->ops->iotlb_sync_map)
		rc = domain->ops->iotlb_sync_map(domain, iova, done);
	if (rc)
		undo_map(domain, iova, done);
	return rc;
}

int uiommu_map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
	       unsigned int prot)
{
	struct uiommu_iotlb_gather gather;
	uint64_t done = 0;
	int rc = check_map(domain, size, prot);

	if (unlikely(rc))
		return rc;
	if (unlikely((iova | paddr | size) & granule_mask(domain)))
		return -UIOMMU_ENXIO;
	/* A wrap of either range comes before the limits of both. */
	if (unlikely(paddr + size - 1 < paddr))
		return -UIOMMU_EOVERFLOW;
	rc = check_range(domain, iova, size);
	if (unlikely(rc))
		return rc;
	rc = check_phys(domain, paddr, size);
	if (unlikely(rc))
		return rc;

	uiommu_iotlb_gather_init(&gather, false);
	rc = domain->ops->map(domain, iova, paddr, size, prot, &done, &gather);
	if (unlikely(rc || done != size)) {
		rc = check_progress(domain, rc, &done, size);
		if (!rc)
			rc = map_rest(domain, iova, paddr, size, prot, &done, &gather);
	}
	if (unlikely(rc || domain->ops->iotlb_sync_map || !uiommu_iotlb_gather_empty(&gather)))
		return finish_map(domain, iova, done, rc, &gather);
	return 0;
}

static int check_sg(const struct uiommu_domain *domain, const struct uiommu_sg *sg, size_t count,
		    uint64_t *size)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		if (!sg[i].size)
			return -UIOMMU_EINVAL;
		if ((sg[i].paddr | sg[i].size) & granule_mask(domain))
			return -UIOMMU_ENXIO;
		if (total + sg[i].size < total || sg[i].paddr + sg[i].size - 1 < sg[i].paddr)
			return -UIOMMU_EOVERFLOW;
		if (sg[i].paddr + sg[i].size - 1 > domain->geometry.last_phys)
			return -UIOMMU_ERANGE;
		total += sg[i].size;
	}
	*size = total;
	return 0;
}

int uiommu_map_sg(struct uiommu_domain *domain, uiommu_iova_t iova, const struct uiommu_sg *sg,
		  size_t count, unsigned int prot, uint64_t *mapped)
{
	struct uiommu_iotlb_gather gather;
	uint64_t size = 0, done = 0;
	int rc;

	*mapped = 0;
	rc = check_map(domain, count, prot);
	if (!rc)
		rc = check_sg(domain, sg, count, &size);
	if (!rc && (iova & granule_mask(domain)))
		rc = -UIOMMU_ENXIO;
	if (!rc)
		rc = check_range(domain, iova, size);
	if (rc)
		return rc;

	uiommu_iotlb_gather_init(&gather, false);
	if (domain->ops->map_sg) {
		rc = domain->ops->map_sg(domain, iova, sg, count, prot, &done, &gather);
		rc = check_progress(domain, rc, &done, size);
	}
	/* Without map_sg, or where it stopped early: piece by piece, adjacent ones as one. */
	for (size_t i = 0, skip = (size_t)done; i < count && !rc;) {
		uint64_t part = sg[i].size, moved = 0;
		uiommu_phys_t paddr = sg[i].paddr;

		for (i++; i < count && paddr + part == sg[i].paddr; i++)
			part += sg[i].size;
		if (skip >= part) {
			skip -= (size_t)part;
			continue;
		}
		moved = skip;
		rc = map_rest(domain, iova + done - moved, paddr, part, prot, &moved, &gather);
		done += moved - skip;
		skip = 0;
	}
	rc = finish_map(domain, iova, done, rc, &gather);
	if (!rc)
		*mapped = size;
	return rc;
}

uiommu_phys_t uiommu_iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	switch (uiommu_domain_type(domain)) {
	case UIOMMU_DOMAIN_IDENTITY:
		return iova;
	case UIOMMU_DOMAIN_BLOCKED:
		return 0;
	default:
		if (!domain->ops->iova_to_phys)
			return 0;
		if (is_paging(domain) && !in_geometry(domain, iova, iova))
			return 0;
		return domain->ops->iova_to_phys(domain, iova);
	}
}

bool uiommu_enforce_cache_coherency(struct uiommu_domain *domain)
{
	return domain->ops->enforce_cache_coherency && domain->ops->enforce_cache_coherency(domain);
}
