/* SPDX-License-Identifier: MIT */
/* devicetree_map.c - questions about a Devicetree: from a device to its IOMMU, its IDs and its regions */
#include <uiommu/devicetree.h>
#include <uiommu/pci.h>
#include "src/firmware/bytes.h"
#include "src/firmware/ids.h"

const struct uiommu_dt_master *uiommu_dt_master(const struct uiommu_dt *dt, const char *path)
{
	for (size_t i = 0; i < dt->num_masters; i++) {
		if (bytes_text_is(dt->masters[i].path, path))
			return &dt->masters[i];
	}
	return NULL;
}

const struct uiommu_dt_master *uiommu_dt_pci_host(const struct uiommu_dt *dt, uint16_t segment)
{
	const struct uiommu_dt_master *counted = NULL;
	bool numbered = false;
	size_t number = 0;

	for (size_t i = 0; i < dt->num_masters; i++) {
		const struct uiommu_dt_master *master = &dt->masters[i];

		if (!master->pci)
			continue;
		if (master->has_segment && master->segment == segment)
			return master;
		numbered |= master->has_segment;
		if (number++ == segment)
			counted = master;
	}
	return numbered ? NULL : counted;
}

const struct uiommu_dt_iommu *uiommu_dt_map_id(const struct uiommu_dt_master *host,
					       uint16_t source_id, uint32_t *id)
{
	uint32_t masked = source_id & host->map_mask;

	for (size_t i = 0; i < host->num_maps; i++) {
		const struct uiommu_dt_map *map = &host->maps[i];

		if (masked < map->first || masked > map->last)
			continue;
		*id = map->id + (masked - map->first);
		return map->iommu;
	}
	return NULL;
}

int uiommu_dt_configure(const struct uiommu_dt_master *master, struct uiommu_device *dev)
{
	int rc = -UIOMMU_ENODEV;

	for (size_t i = 0; i < master->num_references; i++) {
		const struct uiommu_dt_reference *reference = &master->references[i];

		if (!reference->iommu->available)
			return -UIOMMU_ENODEV;
		rc = uiommu_fwspec_init(dev, &reference->iommu->fwnode);
		if (!rc)
			rc = uiommu_fwspec_add_ids(dev, reference->ids, reference->iommu->cells);
		if (rc)
			return rc;
	}
	if (!rc && master->stall)
		uiommu_fwspec_set_flags(dev, UIOMMU_FWSPEC_STALL);
	return rc;
}

struct configure {
	const struct uiommu_dt_master *host;
	struct uiommu_device *dev;
};

static int configure_alias(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	struct configure *c = context;
	const struct uiommu_dt_iommu *iommu;
	uint32_t id;

	(void)fn;
	iommu = uiommu_dt_map_id(c->host, source_id, &id);
	if (!iommu || !iommu->available)
		return -UIOMMU_ENODEV;
	return uiommu_firmware_add_id(c->dev, &iommu->fwnode, id);
}

int uiommu_dt_configure_pci(const struct uiommu_dt_master *host, struct uiommu_device *dev)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);
	struct configure c = { host, dev };
	int rc;

	if (!fn)
		return -UIOMMU_EINVAL;
	rc = uiommu_pci_for_each_alias(fn, configure_alias, &c);
	if (!rc && host->ats)
		uiommu_fwspec_set_flags(dev, UIOMMU_FWSPEC_ATS);
	return rc;
}

int uiommu_dt_resv_regions(const struct uiommu_dt_master *master, struct uiommu_resv_list *list)
{
	unsigned int prot = UIOMMU_READ | UIOMMU_WRITE | (master->coherent ? UIOMMU_CACHE : 0u);

	for (size_t i = 0; i < master->num_regions; i++) {
		const struct uiommu_dt_region *region = &master->regions[i];
		int rc =
			uiommu_resv_add(list, region->start, region->last - region->start + 1, prot,
					region->direct ? UIOMMU_RESV_DIRECT : UIOMMU_RESV_RESERVED);

		if (rc)
			return rc;
	}
	return 0;
}
