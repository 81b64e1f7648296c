/* SPDX-License-Identifier: MIT */
/*
 * fault_check.c - devices whose page requests cannot be handed to a program
 *
 * Virtual functions send page requests through the one interface that their physical function has (SR-IOV, PCIe
 * 6.0, 9.3.7.11): who has one of them would answer, and delay, for all.
 */
#include <uiommu/pci.h>

#include "spec/pci.h"
#include "src/uapi/iommufd.h"

/* PCIe 6.0, 9.3.3. */
#define SRIOV_CONTROL 0x08u
#define SRIOV_CONTROL_VF_ENABLE 1u
#define SRIOV_NUM_VFS 0x10u
#define SRIOV_FIRST_OFFSET 0x14u
#define SRIOV_STRIDE 0x16u

static uint32_t word(struct uiommu_pci_function *fn, unsigned int offset)
{
	return fn->topology->config_read(fn, offset, 2) & 0xffff;
}

/* Is @fn one of those that @pf makes?  9.2.1.2: their routing IDs are at a distance of each other. */
static bool is_virtual_of(const struct uiommu_pci_function *fn, struct uiommu_pci_function *pf)
{
	const unsigned int sriov = uiommu_pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
	unsigned int id, stride, index;

	if (!sriov || !(word(pf, sriov + SRIOV_CONTROL) & SRIOV_CONTROL_VF_ENABLE))
		return false;
	id = (uiommu_pci_source_id(fn) - uiommu_pci_source_id(pf) -
	      word(pf, sriov + SRIOV_FIRST_OFFSET)) &
	     0xffff;
	stride = word(pf, sriov + SRIOV_STRIDE);
	if (stride ? id % stride : id)
		return false;
	index = stride ? id / stride : 0;
	return index < word(pf, sriov + SRIOV_NUM_VFS);
}

int uiommu_iommufd_fault_check(const struct iommufd_device *device)
{
	const struct uiommu_pci_function *fn = uiommu_device_pci(device->dev);

	for (size_t i = 0; fn && i < fn->topology->num_functions; i++) {
		struct uiommu_pci_function *pf = fn->topology->functions[i];

		if (pf != fn && pf->segment == fn->segment && is_virtual_of(fn, pf) &&
		    uiommu_pci_pri_supported(pf))
			return -UIOMMU_EINVAL;
	}
	return 0;
}
