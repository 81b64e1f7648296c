/* SPDX-License-Identifier: MIT */
/* ids.h - the IDs of a device at its IOMMU, collected from whatever firmware says */
#ifndef SRC_FIRMWARE_IDS_H
#define SRC_FIRMWARE_IDS_H

#include <uiommu/driver.h>

/*
 * @dev is behind the IOMMU @fwnode, which knows it as @id (too).  An ID that the device has already is not
 * added again: aliases of a PCI function can fall on each other.  Return: as uiommu_fwspec_init() and
 * uiommu_fwspec_add_ids().
 */
int uiommu_firmware_add_id(struct uiommu_device *dev, const struct uiommu_fwnode *fwnode,
			   uint32_t id);

#endif /* SRC_FIRMWARE_IDS_H */
