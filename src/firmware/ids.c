/* SPDX-License-Identifier: MIT */
/* ids.c - the IDs of a device at its IOMMU: each once, and groups of those that share one */
#include "src/firmware/ids.h"

int uiommu_firmware_add_id(struct uiommu_device *dev, const struct uiommu_fwnode *fwnode,
			   uint32_t id)
{
	const struct uiommu_fwspec *spec;
	int rc = uiommu_fwspec_init(dev, fwnode);

	if (rc)
		return rc;
	spec = uiommu_device_fwspec(dev);
	for (unsigned int i = 0; i < spec->num_ids; i++) {
		if (spec->ids[i] == id)
			return 0;
	}
	return uiommu_fwspec_add_ids(dev, &id, 1);
}

struct search {
	struct uiommu_device *dev;
	struct uiommu_group *found;
};

static bool share_id(const struct uiommu_fwspec *a, const struct uiommu_fwspec *b)
{
	for (unsigned int i = 0; i < a->num_ids; i++) {
		for (unsigned int j = 0; j < b->num_ids; j++) {
			if (a->ids[i] == b->ids[j])
				return true;
		}
	}
	return false;
}

static int look_at(struct uiommu_device *other, void *context)
{
	struct search *search = context;
	struct uiommu_group *group;

	if (other == search->dev ||
	    uiommu_device_instance(other) != uiommu_device_instance(search->dev) ||
	    !share_id(uiommu_device_fwspec(search->dev), uiommu_device_fwspec(other)))
		return 0;
	group = uiommu_group_get_locked(other);
	if (!group)
		return 0;
	if (!search->found) {
		search->found = group;
		return 0;
	}
	uiommu_group_put(group);
	return group == search->found ? 0 : -UIOMMU_EINVAL;
}

int uiommu_shared_id_device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct search search = { .dev = dev };
	int rc = uiommu_system_for_each_device(uiommu_device_system(dev), look_at, &search);

	if (rc) {
		uiommu_group_put(search.found);
		return rc;
	}
	if (!search.found)
		return uiommu_generic_device_group(dev, out);
	*out = search.found;
	return 0;
}
