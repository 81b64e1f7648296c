/* SPDX-License-Identifier: MIT */
/*
 * area.c - who has which IOVAs: areas in a tree, reserved and allowed ranges, and the search for a free place
 *
 * Each area knows the gap before it and the largest gap of its subtree, so that a place is found in
 * a time that grows with the logarithm of the number of areas.  Reserved ranges are few: a list.
 */
#include "src/uapi/iommufd.h"

static int compare(const struct iommufd_area *a, const struct iommufd_area *b)
{
	return a->iova < b->iova ? -1 : a->iova > b->iova;
}

static uint64_t max_gap(const struct iommufd_area *area)
{
	return area ? area->max_gap : 0;
}

static void augment(struct iommufd_area *area)
{
	uint64_t left = max_gap(RB_LEFT(area, node)), right = max_gap(RB_RIGHT(area, node));

	area->max_gap = area->gap;
	if (area->max_gap < left)
		area->max_gap = left;
	if (area->max_gap < right)
		area->max_gap = right;
}

#undef RB_AUGMENT
#define RB_AUGMENT(area) augment(area)
RB_PROTOTYPE_INTERNAL(iommufd_areas, iommufd_area, node, compare, static __attribute__((unused)));
RB_GENERATE_INTERNAL(iommufd_areas, iommufd_area, node, compare, static __attribute__((unused)))

static void augment_up(struct iommufd_area *area)
{
	for (; area; area = RB_PARENT(area, node))
		augment(area);
}

/* The gap before @area, or what its removal leaves to its successor. */
static void update_gap(struct iommufd_area *area)
{
	const struct iommufd_area *before;

	if (!area)
		return;
	before = RB_PREV(iommufd_areas, NULL, area);
	area->gap = before ? area->iova - before->last - 1 : area->iova;
	augment_up(area);
}

struct iommufd_area *uiommu_iommufd_area_from(struct iommufd_ioas *ioas, uint64_t iova)
{
	struct iommufd_area *area = RB_ROOT(&ioas->areas), *best = NULL;

	while (area) {
		if (area->last < iova) {
			area = RB_RIGHT(area, node);
		} else {
			best = area;
			area = RB_LEFT(area, node);
		}
	}
	return best;
}

struct iommufd_area *uiommu_iommufd_area_next(struct iommufd_area *area)
{
	return RB_NEXT(iommufd_areas, NULL, area);
}

void uiommu_iommufd_area_insert(struct iommufd_ioas *ioas, struct iommufd_area *area)
{
	area->gap = 0;
	area->max_gap = 0;
	RB_INSERT(iommufd_areas, &ioas->areas, area);
	update_gap(area);
	update_gap(uiommu_iommufd_area_next(area));
	ioas->num_areas++;
}

void uiommu_iommufd_area_remove(struct iommufd_ioas *ioas, struct iommufd_area *area)
{
	struct iommufd_area *next = uiommu_iommufd_area_next(area);

	RB_REMOVE(iommufd_areas, &ioas->areas, area);
	/* The tree tells only some of the ancestors that a node has gone. */
	augment_up(RB_PARENT(area, node));
	update_gap(next);
	ioas->num_areas--;
}

/* ---- reserved ranges --------------------------------------------------------------------------- */

bool uiommu_iommufd_is_reserved(const struct iommufd_ioas *ioas, uint64_t start, uint64_t last)
{
	for (const struct iommufd_reserved *r = ioas->reserved; r; r = r->next) {
		if (r->start <= last && start <= r->last)
			return true;
	}
	return false;
}

int uiommu_iommufd_reserve(struct iommufd_ioas *ioas, uint64_t start, uint64_t last,
			   const void *owner)
{
	const struct iommufd_area *area = uiommu_iommufd_area_from(ioas, start);
	struct iommufd_reserved *r;

	if (area && area->iova <= last)
		return -UIOMMU_EADDRINUSE;
	for (size_t i = 0; i < ioas->num_allowed; i++) {
		if (ioas->allowed[i].start <= last && start <= ioas->allowed[i].last)
			return -UIOMMU_EADDRINUSE;
	}
	r = uapi_alloc(ioas->object.ctx->uapi, sizeof(*r));
	if (!r)
		return -UIOMMU_ENOMEM;
	*r = (struct iommufd_reserved){ ioas->reserved, start, last, owner };
	ioas->reserved = r;
	return 0;
}

void uiommu_iommufd_unreserve(struct iommufd_ioas *ioas, const void *owner)
{
	struct iommufd_reserved **link = &ioas->reserved;

	while (*link) {
		struct iommufd_reserved *r = *link;

		if (r->owner != owner) {
			link = &r->next;
			continue;
		}
		*link = r->next;
		uapi_free(ioas->object.ctx->uapi, r, sizeof(*r));
	}
}

bool uiommu_iommufd_usable_range(const struct iommufd_ioas *ioas, uint64_t from, uint64_t *start,
				 uint64_t *last)
{
	const struct iommufd_reserved *r;

	/* Past whatever lies over @from ... */
	for (r = ioas->reserved; r;) {
		if (r->start > from || r->last < from) {
			r = r->next;
			continue;
		}
		if (r->last == UINT64_MAX)
			return false;
		from = r->last + 1;
		r = ioas->reserved;
	}
	/* ... and up to what comes next. */
	*start = from;
	*last = UINT64_MAX;
	for (r = ioas->reserved; r; r = r->next) {
		if (r->start > from && r->start - 1 < *last)
			*last = r->start - 1;
	}
	return true;
}

/* ---- a free place ------------------------------------------------------------------------------ */

/* The leftmost area of the subtree that ends behind @from and has at least @length free before it. */
static struct iommufd_area *gap_before(struct iommufd_area *area, uint64_t from, uint64_t length)
{
	struct iommufd_area *found;

	if (!area || area->max_gap < length)
		return NULL;
	if (area->iova > from) {
		found = gap_before(RB_LEFT(area, node), from, length);
		if (found)
			return found;
		if (area->gap >= length)
			return area;
	}
	return gap_before(RB_RIGHT(area, node), from, length);
}

/* The first address in [low, high] that is @offset modulo @align and begins @length free ones. */
static bool place_between(uint64_t low, uint64_t high, uint64_t length, uint64_t align,
			  uint64_t offset, uint64_t *place)
{
	uint64_t at = low + ((offset - low) & (align - 1));

	if (at < low || at > high || high - at < length - 1)
		return false;
	*place = at;
	return true;
}

static bool place_in(struct iommufd_ioas *ioas, uint64_t start, uint64_t last, uint64_t length,
		     uint64_t align, uint64_t offset, uint64_t *place)
{
	uint64_t from = start;

	for (;;) {
		struct iommufd_area *area = uiommu_iommufd_area_from(ioas, from), *next;

		if (!area || area->iova > from) {
			uint64_t high = area && area->iova - 1 < last ? area->iova - 1 : last;

			if (place_between(from, high, length, align, offset, place))
				return true;
			if (!area || area->iova > last)
				return false;
		}
		/* Too small: to the next gap that is large enough at least. */
		next = gap_before(RB_ROOT(&ioas->areas), area->iova, length);
		if (next) {
			from = next->iova - next->gap;
		} else {
			const struct iommufd_area *end = RB_MAX(iommufd_areas, &ioas->areas);

			if (end->last >= last)
				return false;
			from = end->last + 1;
		}
	}
}

int uiommu_iommufd_find_place(struct iommufd_ioas *ioas, uint64_t length, uint64_t address,
			      uint64_t *iova)
{
	const uint64_t low = UAPI_PAGE, high = UINT64_MAX - UAPI_PAGE;
	const uint64_t offset = address & (UAPI_PAGE - 1);
	uint64_t align = 1, start, last, from = low;

	if (length >= UINT64_C(1) << 63)
		return -UIOMMU_EOVERFLOW;
	while (align < length)
		align <<= 1;
	if (address && align > (address & -address))
		align = address & -address;
	if (align > UINT64_C(0x200000))
		align = UINT64_C(0x200000);
	/* The page offset of the memory is kept whatever its alignment. */
	if (align < UAPI_PAGE)
		align = UAPI_PAGE;
	if (ioas->alignment > align)
		return -UIOMMU_EINVAL;
	while (from <= high && uiommu_iommufd_usable_range(ioas, from, &start, &last)) {
		if (start > high)
			break;
		if (last > high)
			last = high;
		if (!ioas->num_allowed && place_in(ioas, start, last, length, align, offset, iova))
			return 0;
		for (size_t i = 0; i < ioas->num_allowed; i++) {
			const struct abi_iommu_iova_range *a = &ioas->allowed[i];
			uint64_t s = a->start > start ? a->start : start;
			uint64_t l = a->last < last ? a->last : last;

			if (s <= l && place_in(ioas, s, l, length, align, offset, iova))
				return 0;
		}
		if (last == high)
			break;
		from = last + 1;
	}
	return -UIOMMU_ENOSPC;
}
