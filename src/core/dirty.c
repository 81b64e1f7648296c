/* SPDX-License-Identifier: MIT */
/* dirty.c - which pages devices have written to */
#include "src/core/core.h"

static bool can_track(const struct uiommu_domain *domain)
{
	return (domain->alloc_flags & UIOMMU_ALLOC_DIRTY_TRACKING) &&
	       domain->ops->set_dirty_tracking && domain->ops->read_and_clear_dirty;
}

static int read_range(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
		      unsigned int flags, const struct uiommu_dirty_bitmap *bitmap)
{
	struct uiommu_iotlb_gather gather;
	int rc;

	uiommu_iotlb_gather_init(&gather, false);
	rc = domain->ops->read_and_clear_dirty(domain, iova, size, flags, bitmap, &gather);
	/* Also after an error: what was cleared before it must be recorded again from now on. */
	uiommu_iotlb_sync(domain, &gather);
	return rc;
}

/* Forget everything recorded.  One bit for each half of all addresses takes what the driver finds. */
static int clear_all(struct uiommu_domain *domain)
{
	uint64_t bits = 0;
	const struct uiommu_dirty_bitmap bitmap = {
		.page_size = 1ull << 63,
		.num_bits = 2,
		.bits = &bits,
	};
	int rc = 0;

	for (unsigned int i = 0; i < domain->geometry.ranges && !rc; i++) {
		uiommu_iova_t start = domain->geometry.range[i].start;
		uiommu_iova_t last = domain->geometry.range[i].last;

		/* A range of all 2^64 bytes has no size: take it in two. */
		if (start == 0 && last == UINT64_MAX) {
			rc = read_range(domain, 0, 1ull << 63, 0, &bitmap);
			start = 1ull << 63;
		}
		if (!rc)
			rc = read_range(domain, start, last - start + 1, 0, &bitmap);
	}
	return rc;
}

int uiommu_set_dirty_tracking(struct uiommu_domain *domain, bool enable)
{
	int rc = 0;

	if (!can_track(domain))
		return -UIOMMU_EOPNOTSUPP;
	if (enable)
		rc = clear_all(domain);
	return rc ? rc : domain->ops->set_dirty_tracking(domain, enable);
}

int uiommu_read_and_clear_dirty(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
				unsigned int flags, const struct uiommu_dirty_bitmap *bitmap)
{
	uint64_t page = bitmap->page_size, bytes, last = iova + size - 1;

	if (!can_track(domain))
		return -UIOMMU_EOPNOTSUPP;
	if (page < 4096 || (page & (page - 1)) || !size || !bitmap->num_bits ||
	    (flags & ~(unsigned int)UIOMMU_DIRTY_NO_CLEAR))
		return -UIOMMU_EINVAL;
	if ((iova | size) & ((page - 1) | ((domain->pgsizes & -domain->pgsizes) - 1)) ||
	    (bitmap->iova & (page - 1)))
		return -UIOMMU_EINVAL;
	if (last < iova)
		return -UIOMMU_EOVERFLOW;
	/* Bytes less one, so that a bitmap up to the last address does not wrap. */
	if (__builtin_mul_overflow(bitmap->num_bits - 1, page, &bytes) ||
	    __builtin_add_overflow(bytes, page - 1, &bytes) ||
	    __builtin_add_overflow(bytes, bitmap->iova, &bytes))
		return -UIOMMU_EOVERFLOW;
	if (iova < bitmap->iova || last > bytes)
		return -UIOMMU_EINVAL;
	return read_range(domain, iova, size, flags, bitmap);
}
