/* SPDX-License-Identifier: MIT */
/* ids.c - the IDs of a device at its IOMMU, each once */
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
