/* SPDX-License-Identifier: MIT */
/* resv.c - reserved regions: asked of the driver once per device, mapped 1:1 where firmware demands it */
#include "src/core/core.h"

const char *uiommu_resv_type_name(enum uiommu_resv_type type)
{
	static const char *const names[] = {
		[UIOMMU_RESV_DIRECT] = "direct",
		[UIOMMU_RESV_DIRECT_RELAXABLE] = "direct-relaxable",
		[UIOMMU_RESV_RESERVED] = "reserved",
		[UIOMMU_RESV_MSI] = "msi",
		[UIOMMU_RESV_SW_MSI] = "msi",
	};

	return (unsigned int)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

int uiommu_resv_add(struct uiommu_resv_list *list, uiommu_iova_t start, uint64_t length,
		    unsigned int prot, enum uiommu_resv_type type)
{
	if (!length || start + length - 1 < start)
		return -UIOMMU_EINVAL;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 4;
		struct uiommu_resv_region *grown =
			uiommu_zalloc(list->sys, capacity * sizeof(*grown));

		if (!grown)
			return -UIOMMU_ENOMEM;
		if (list->count)
			memcpy(grown, list->regions, list->count * sizeof(*grown));
		uiommu_free(list->sys, list->regions, list->capacity * sizeof(*grown));
		list->regions = grown;
		list->capacity = capacity;
	}
	list->regions[list->count++] = (struct uiommu_resv_region){
		.start = start,
		.last = start + length - 1,
		.prot = prot,
		.type = type,
	};
	return 0;
}

void uiommu_resv_clear(struct uiommu_resv_list *list)
{
	uiommu_free(list->sys, list->regions, list->capacity * sizeof(*list->regions));
	list->regions = NULL;
	list->count = 0;
	list->capacity = 0;
}

int uiommu_resv_probe(struct uiommu_device *dev)
{
	const struct uiommu_ops *ops = dev->instance->ops;
	int rc;

	dev->resv.sys = dev->sys;
	dev->require_direct = false;
	if (!ops->get_resv_regions)
		return 0;
	rc = ops->get_resv_regions(dev, &dev->resv);
	if (rc) {
		uiommu_resv_clear(&dev->resv);
		return rc;
	}
	for (size_t i = 0; i < dev->resv.count; i++) {
		if (dev->resv.regions[i].type == UIOMMU_RESV_DIRECT)
			dev->require_direct = true;
	}
	return 0;
}

static bool is_direct(const struct uiommu_resv_region *region)
{
	return region->type == UIOMMU_RESV_DIRECT || region->type == UIOMMU_RESV_DIRECT_RELAXABLE;
}

/* Holes of one region are mapped, run by run; what is translated 1:1 already stays as it is. */
static int map_region(struct uiommu_domain *domain, const struct uiommu_resv_region *region)
{
	const uint64_t granule = domain->pgsizes & -domain->pgsizes;
	/* Outwards: every byte of the region has to translate. */
	const uiommu_iova_t start = region->start & ~(granule - 1);
	const uiommu_iova_t last = region->last | (granule - 1);
	uiommu_iova_t at = start, hole = start;
	uint64_t pending = 0;
	int rc = 0;

	for (;;) {
		/* Not the first byte: physical address 0 would look like a hole. */
		uiommu_phys_t phys = uiommu_iova_to_phys(domain, at + 1);

		if (phys && phys != at + 1)
			return -UIOMMU_EADDRINUSE;
		if (!phys) {
			if (!pending)
				hole = at;
			pending += granule;
		}
		if (pending && (phys || at + (granule - 1) == last)) {
			rc = uiommu_map(domain, hole, hole, pending, region->prot);
			pending = 0;
		}
		if (rc || at + (granule - 1) == last)
			return rc;
		at += granule;
	}
}

/* Only domains of the DMA API get them: identity translates 1:1 anyway, users fill their own. */
int uiommu_resv_map_direct(struct uiommu_device *dev, struct uiommu_domain *domain)
{
	enum uiommu_domain_type type = uiommu_domain_type(domain);

	if (type != UIOMMU_DOMAIN_DMA && type != UIOMMU_DOMAIN_DMA_FQ)
		return 0;
	for (size_t i = 0; i < dev->resv.count; i++) {
		int rc = is_direct(&dev->resv.regions[i]) ?
				 map_region(domain, &dev->resv.regions[i]) :
				 0;

		if (rc)
			return rc;
	}
	return 0;
}

/* Insertion by start, then one pass that merges regions of one type that overlap. */
static void sort_regions(struct uiommu_resv_region *regions, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct uiommu_resv_region region = regions[i];
		size_t at = i;

		for (; at && (regions[at - 1].start > region.start ||
			      (regions[at - 1].start == region.start &&
			       regions[at - 1].type > region.type));
		     at--)
			regions[at] = regions[at - 1];
		regions[at] = region;
	}
}

static size_t merge_regions(struct uiommu_resv_region *regions, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		size_t with = 0;

		while (with < kept && (regions[with].type != regions[i].type ||
				       regions[with].last < regions[i].start))
			with++;
		if (with == kept) {
			regions[kept++] = regions[i];
			continue;
		}
		if (regions[with].last < regions[i].last)
			regions[with].last = regions[i].last;
		regions[with].prot |= regions[i].prot;
	}
	return kept;
}

int uiommu_group_resv_regions(struct uiommu_group *group, struct uiommu_resv_region *regions,
			      size_t capacity, size_t *count)
{
	struct uiommu_system *sys = group->sys;
	struct uiommu_resv_region *all = NULL;
	size_t total = 0, used = 0, size;
	int rc = 0;

	*count = 0;
	uiommu_lock(sys, &group->mutex);
	if (!group->members) {
		rc = -UIOMMU_ENODEV;
		goto out;
	}
	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next)
		total += dev->resv.count;
	if (!total)
		goto out;
	all = uiommu_zalloc(sys, total * sizeof(*all));
	if (!all) {
		rc = -UIOMMU_ENOMEM;
		goto out;
	}
	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		for (size_t i = 0; i < dev->resv.count; i++)
			all[used++] = dev->resv.regions[i];
	}
	sort_regions(all, used);
	used = merge_regions(all, used);
	size = used < capacity ? used : capacity;
	if (size)
		memcpy(regions, all, size * sizeof(*regions));
	*count = used;
	uiommu_free(sys, all, total * sizeof(*all));
out:
	uiommu_unlock(sys, &group->mutex);
	return rc;
}
