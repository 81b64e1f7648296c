/* SPDX-License-Identifier: MIT */
/*
 * msi.c - interrupt messages that an IOMMU translates: doorbells in the windows that drivers reserve for them
 *
 * A doorbell stays in a domain as long as that: whoever has the domain has sent messages there before.
 */
#include "src/uapi/msi.h"
#include "src/uapi/vfio.h"

#define MAX_REGIONS 128u

int uiommu_uapi_msi_number(struct uapi_msi *msi, uiommu_phys_t doorbell)
{
	const uiommu_phys_t page = doorbell & ~(UAPI_PAGE - 1);
	unsigned int number = 0;

	while (number < msi->count && msi->page[number] != page)
		number++;
	if (number == UAPI_MSI_DOORBELLS)
		return -UIOMMU_EOVERFLOW;
	if (number == msi->count)
		msi->page[msi->count++] = page;
	return (int)number;
}

/* Where messages pass, that counts: there is nothing for software to do. */
static bool find_window(struct uiommu_group *group, struct uiommu_resv_region *window)
{
	struct uiommu_resv_region regions[MAX_REGIONS];
	bool found = false;
	size_t count;

	if (uiommu_group_resv_regions(group, regions, MAX_REGIONS, &count))
		return false;
	for (size_t i = 0; i < count && i < MAX_REGIONS; i++) {
		if (regions[i].type == UIOMMU_RESV_MSI)
			return false;
		if (regions[i].type != UIOMMU_RESV_SW_MSI || found)
			continue;
		*window = regions[i];
		found = true;
	}
	return found;
}

bool uiommu_uapi_msi_iova(struct uiommu_group *group, unsigned int number, uiommu_iova_t *iova)
{
	struct uiommu_resv_region window;

	if (!find_window(group, &window) || (window.last - window.start) / UAPI_PAGE < number)
		return false;
	*iova = window.start + number * UAPI_PAGE;
	return true;
}

int uiommu_uapi_msi_map(const struct uapi_msi *msi, struct uiommu_group *group,
			struct uiommu_domain *domain, unsigned int number)
{
	uiommu_iova_t iova;

	if (!uiommu_uapi_msi_iova(group, number, &iova))
		return 0;
	/* Not its first byte: what is at physical address 0 would look like nothing. */
	if (uiommu_iova_to_phys(domain, iova + 1) == msi->page[number] + 1)
		return 0;
	return uiommu_map(domain, iova, msi->page[number], UAPI_PAGE,
			  UIOMMU_WRITE | UIOMMU_NOEXEC | UIOMMU_MMIO);
}

int uiommu_vfio_msi_address(struct vfio_device *device, uint64_t doorbell, uint64_t *address)
{
	*address = doorbell;
	if (device->in_container)
		return uiommu_vfio_container_msi(device->group, address);
	return device->bound ? uiommu_iommufd_device_msi(device->bound, address) : 0;
}
