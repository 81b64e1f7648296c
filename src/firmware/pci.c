/* SPDX-License-Identifier: MIT */
/* pci.c - configuration space of a PCI function: capabilities, ATS, PASID, PRI */
#include "src/firmware/pci.h"

static uint32_t read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	return fn->topology->config_read(fn, offset, size);
}

unsigned int uiommu_pci_find_capability(struct uiommu_pci_function *fn, unsigned int id)
{
	/* A list that fits below 256 has at most 48 entries of 4 bytes; a longer one is a loop. */
	unsigned int left = (PCI_CONFIG_SIZE_CONVENTIONAL - PCI_CAP_FIRST) / 4;
	unsigned int at;

	if (!(read(fn, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = read(fn, PCI_CAP_POINTER, 1) & 0xfcu;
	while (at >= PCI_CAP_FIRST && left--) {
		unsigned int found = read(fn, at + PCI_CAP_ID, 1);

		if (found == 0xff)
			return 0;
		if (found == id)
			return at;
		at = read(fn, at + PCI_CAP_NEXT, 1) & 0xfcu;
	}
	return 0;
}

unsigned int uiommu_pci_find_ext_capability(struct uiommu_pci_function *fn, unsigned int id)
{
	unsigned int left = (PCI_CONFIG_SIZE - PCI_EXT_CAP_FIRST) / 8;
	unsigned int at = PCI_EXT_CAP_FIRST;

	if (!uiommu_pci_find_capability(fn, PCI_CAP_ID_PCIE))
		return 0;
	while (at >= PCI_EXT_CAP_FIRST && left--) {
		uint32_t header = read(fn, at, 4);

		if (header == 0 || header == UINT32_MAX)
			return 0;
		if ((header & PCI_EXT_CAP_ID_MASK) == id)
			return at;
		at = header >> PCI_EXT_CAP_NEXT_SHIFT & 0xffcu;
	}
	return 0;
}

int uiommu_pci_express_type(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_capability(fn, PCI_CAP_ID_PCIE);

	if (!at)
		return -1;
	return (int)((read(fn, at + PCI_PCIE_CAPABILITIES, 2) & PCI_PCIE_TYPE) >>
		     PCI_PCIE_TYPE_SHIFT);
}

bool uiommu_pci_ats_supported(struct uiommu_pci_function *fn)
{
	return uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS);
}

unsigned int uiommu_pci_ats_queue_depth(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS);
	unsigned int depth = at ? read(fn, at + PCI_ATS_CAPABILITY, 2) & PCI_ATS_QUEUE_DEPTH : 0;

	return depth ? depth : 32;
}

int uiommu_pci_enable_ats(struct uiommu_pci_function *fn, unsigned int page_shift)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS);

	if (!at)
		return -UIOMMU_EOPNOTSUPP;
	if (page_shift < 12 || page_shift - 12 > PCI_ATS_STU)
		return -UIOMMU_EINVAL;
	if (read(fn, at + PCI_ATS_CONTROL, 2) & PCI_ATS_ENABLE)
		return -UIOMMU_EBUSY;
	fn->topology->config_write(fn, at + PCI_ATS_CONTROL, 2, PCI_ATS_ENABLE | (page_shift - 12));
	return 0;
}

void uiommu_pci_disable_ats(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS);

	if (at)
		fn->topology->config_write(fn, at + PCI_ATS_CONTROL, 2,
					   read(fn, at + PCI_ATS_CONTROL, 2) & ~PCI_ATS_ENABLE);
}

unsigned int uiommu_pci_pasid_bits(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PASID);
	unsigned int bits;

	if (!at)
		return 0;
	bits = (read(fn, at + PCI_PASID_CAPABILITY, 2) & PCI_PASID_WIDTH) >> PCI_PASID_WIDTH_SHIFT;
	return bits > 20 ? 20 : bits;
}

int uiommu_pci_enable_pasid(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PASID);
	unsigned int ats = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS);

	if (!at)
		return -UIOMMU_EOPNOTSUPP;
	if (read(fn, at + PCI_PASID_CONTROL, 2) & PCI_PASID_ENABLE)
		return -UIOMMU_EBUSY;
	if (ats && read(fn, ats + PCI_ATS_CONTROL, 2) & PCI_ATS_ENABLE)
		return -UIOMMU_EBUSY;
	fn->topology->config_write(fn, at + PCI_PASID_CONTROL, 2, PCI_PASID_ENABLE);
	return 0;
}

void uiommu_pci_disable_pasid(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PASID);

	if (at)
		fn->topology->config_write(fn, at + PCI_PASID_CONTROL, 2, 0);
}

bool uiommu_pci_pri_supported(struct uiommu_pci_function *fn)
{
	return uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PRI);
}

bool uiommu_pci_pri_pasid_required(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PRI);

	return at && (read(fn, at + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_PASID_REQUIRED);
}

int uiommu_pci_enable_pri(struct uiommu_pci_function *fn, uint32_t limit)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PRI);
	uint32_t capacity;

	if (!at)
		return -UIOMMU_EOPNOTSUPP;
	if ((read(fn, at + PCI_PRI_CONTROL, 2) & PCI_PRI_ENABLE) ||
	    !(read(fn, at + PCI_PRI_STATUS, 2) & PCI_PRI_STATUS_STOPPED))
		return -UIOMMU_EBUSY;
	capacity = read(fn, at + PCI_PRI_CAPACITY, 4);
	if (limit > capacity)
		limit = capacity;
	fn->topology->config_write(fn, at + PCI_PRI_ALLOCATION, 4, limit ? limit : 1);
	/* What it sent before is forgotten: credits and failures (10.5.2.2). */
	fn->topology->config_write(fn, at + PCI_PRI_CONTROL, 2, PCI_PRI_RESET);
	fn->topology->config_write(fn, at + PCI_PRI_CONTROL, 2, PCI_PRI_ENABLE);
	return 0;
}

void uiommu_pci_disable_pri(struct uiommu_pci_function *fn)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_PRI);

	if (at)
		fn->topology->config_write(fn, at + PCI_PRI_CONTROL, 2,
					   read(fn, at + PCI_PRI_CONTROL, 2) & ~PCI_PRI_ENABLE);
}
