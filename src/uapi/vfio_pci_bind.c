/* SPDX-License-Identifier: MIT */
/* vfio_pci_bind.c - vfio-pci takes devices, and gives them back */
#include "src/uapi/vfio_pci.h"

int uiommu_vfio_pci_bind(struct uiommu_uapi *uapi, struct uiommu_device *dev,
			 const struct uiommu_uapi_device_io *io, struct vfio_device **out)
{
	struct vfio_pci *pci;
	int rc = uiommu_vfio_pci_create(uapi, dev, io, &pci);

	if (rc)
		return rc;
	rc = uiommu_vfio_register(&pci->device);
	if (rc)
		uiommu_vfio_pci_destroy(pci);
	else
		*out = &pci->device;
	return rc;
}

void uiommu_vfio_pci_unbind(struct vfio_device *device)
{
	uiommu_vfio_unregister(device);
	uiommu_vfio_pci_destroy(to_pci(device));
}
