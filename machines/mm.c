/* SPDX-License-Identifier: MIT */
/* mm.c - processes whose page tables the machine's IOMMU can walk */
#include "machines/internal.h"
#include "spec/smmuv3.h"

/* The smallest granule that the unit has; 0: none. */
static unsigned int smmu_granule(struct machine_unit *unit)
{
	uint64_t idr5 = machine_mmio_read(unit->machine, unit->base + SMMUV3_REG_IDR5, 4);

	if (idr5 & SMMUV3_IDR5_GRAN4K)
		return 12;
	if (idr5 & SMMUV3_IDR5_GRAN16K)
		return 14;
	return idr5 & SMMUV3_IDR5_GRAN64K ? 16 : 0;
}

static struct machine_unit *unit_of(struct machine *m, struct machine_device *device)
{
	const struct uiommu_instance *instance = device->dev ? uiommu_device_instance(device->dev) :
							       NULL;

	for (unsigned int i = 0; instance && i < m->num_units; i++)
		if (machine_unit_instance(m, i) == instance)
			return &m->units[i];
	return NULL;
}

int machine_mm_create(struct machine *m, struct machine_device *device, struct uiommu_mm **out)
{
	struct machine_unit *unit = unit_of(m, device);
	struct uiommu_posix_mm_config config = { .va_bits = 48 };

	if (!unit)
		return -UIOMMU_ENODEV;
	if (unit->driver == &machine_driver_vtd) {
		config.format = UIOMMU_MM_X86_64;
		config.granule_shift = 12;
	} else if (unit->driver == &machine_driver_smmuv3) {
		config.format = UIOMMU_MM_ARM64;
		config.granule_shift = smmu_granule(unit);
	}
	if (!config.granule_shift)
		return -UIOMMU_EOPNOTSUPP;
	return uiommu_posix_mm_create(m->host, &config, out);
}
