/* SPDX-License-Identifier: MIT */
/* sysfs_sriov.c - the files and links of virtual functions, and of those that have some */
#include "spec/pci.h"
#include "src/uapi/sysfs.h"

/* PCIe 6.0, 9.3.3. */
#define SRIOV_CONTROL 0x08u
#define SRIOV_CONTROL_VF_ENABLE 1u
#define SRIOV_TOTAL_VFS 0x0eu
#define SRIOV_NUM_VFS 0x10u
#define SRIOV_FIRST_OFFSET 0x14u
#define SRIOV_STRIDE 0x16u
#define SRIOV_DEVICE_ID 0x1au

enum sriov_field {
	SRIOV_SHOW_TOTAL,
	SRIOV_SHOW_NUM,
	SRIOV_SHOW_OFFSET,
	SRIOV_SHOW_STRIDE,
	SRIOV_SHOW_DEVICE,
};

static unsigned int enabled_vfs(const struct sysfs_device *device, unsigned int cap)
{
	if (!(uiommu_sysfs_config(device, cap + SRIOV_CONTROL, 2) & SRIOV_CONTROL_VF_ENABLE))
		return 0;
	return uiommu_sysfs_config(device, cap + SRIOV_NUM_VFS, 2);
}

static bool is_physical(const struct sysfs_attr *attr, const void *object)
{
	(void)attr;
	return uiommu_sysfs_ext_capability(object, PCI_EXT_CAP_ID_SRIOV);
}

static int show_sriov(struct sysfs_text *text, struct sysfs_view *view,
		      const struct sysfs_attr *attr, const void *object)
{
	static const unsigned int registers[] = {
		[SRIOV_SHOW_TOTAL] = SRIOV_TOTAL_VFS,	  [SRIOV_SHOW_NUM] = SRIOV_NUM_VFS,
		[SRIOV_SHOW_OFFSET] = SRIOV_FIRST_OFFSET, [SRIOV_SHOW_STRIDE] = SRIOV_STRIDE,
		[SRIOV_SHOW_DEVICE] = SRIOV_DEVICE_ID,
	};
	unsigned int cap = uiommu_sysfs_ext_capability(object, PCI_EXT_CAP_ID_SRIOV);
	uint32_t value = uiommu_sysfs_config(object, cap + registers[attr->argument], 2);

	(void)view;
	if (attr->argument == SRIOV_SHOW_NUM)
		value = enabled_vfs(object, cap);
	uiommu_sysfs_print(text, attr->argument == SRIOV_SHOW_DEVICE ? "%x\n" : "%u\n", value);
	return 0;
}

/* No driver here makes virtual functions. */
static int store_num_vfs(const struct sysfs_store *store)
{
	unsigned long wanted;
	int rc = uiommu_sysfs_number(store->text, &wanted);

	if (rc)
		return rc;
	if (wanted > UINT16_MAX)
		return -UIOMMU_ERANGE;
	return -UIOMMU_ENOENT;
}

void uiommu_sysfs_find_virtual(struct sysfs_view *view)
{
	for (struct sysfs_device *pf = view->devices; pf; pf = pf->next) {
		unsigned int cap, count, first, stride;

		if (pf->bus != SYSFS_BUS_PCI || !pf->fn)
			continue;
		cap = uiommu_sysfs_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
		count = cap ? enabled_vfs(pf, cap) : 0;
		if (!count)
			continue;
		first = uiommu_sysfs_config(pf, cap + SRIOV_FIRST_OFFSET, 2);
		stride = uiommu_sysfs_config(pf, cap + SRIOV_STRIDE, 2);
		first += uiommu_pci_source_id(pf->fn);
		for (struct sysfs_device *vf = view->devices; vf; vf = vf->next) {
			unsigned int id;

			if (vf->bus != SYSFS_BUS_PCI || !vf->fn || vf == pf ||
			    vf->fn->segment != pf->fn->segment)
				continue;
			id = uiommu_pci_source_id(vf->fn);
			if (id < first || (stride ? (id - first) % stride : id - first))
				continue;
			id = stride ? (id - first) / stride : 0;
			if (id < count) {
				vf->physical = pf;
				vf->virtual_index = id;
			}
		}
	}
}

#define SRIOV(text, field)                                                                \
	{                                                                                 \
		.name = (text), .mode = 0444, .present = is_physical, .show = show_sriov, \
		.argument = (field),                                                      \
	}

const struct sysfs_attr uiommu_sysfs_sriov_attrs[] = {
	SRIOV("sriov_totalvfs", SRIOV_SHOW_TOTAL),
	{
		.name = "sriov_numvfs",
		.mode = 0644,
		.present = is_physical,
		.show = show_sriov,
		.store = store_num_vfs,
		.argument = SRIOV_SHOW_NUM,
	},
	SRIOV("sriov_offset", SRIOV_SHOW_OFFSET),
	SRIOV("sriov_stride", SRIOV_SHOW_STRIDE),
	SRIOV("sriov_vf_device", SRIOV_SHOW_DEVICE),
	{ 0 },
};
