/* SPDX-License-Identifier: MIT */
/* driver.c - the library's drivers on a machine's hardware: registers, configuration, start and stop */
#include "machines/internal.h"
#include "spec/pci.h"

/* ---- registers --------------------------------------------------------------------------------- */

#define ACCESS(bits)                                                                   \
	static uint##bits##_t read##bits(void *context, uint64_t offset)               \
	{                                                                              \
		const struct machine_window *w = context;                              \
                                                                                       \
		return (uint##bits##_t)machine_mmio_read(w->machine, w->base + offset, \
							 (bits) / 8);                  \
	}                                                                              \
	static void write##bits(void *context, uint64_t offset, uint##bits##_t value)  \
	{                                                                              \
		const struct machine_window *w = context;                              \
                                                                                       \
		machine_mmio_write(w->machine, w->base + offset, (bits) / 8, value);   \
	}
ACCESS(8)
ACCESS(16)
ACCESS(32)
ACCESS(64)

struct uiommu_mmio machine_registers(struct machine_unit *unit, unsigned int window, uint64_t base)
{
	struct machine *m = unit->machine;
	struct uiommu_mmio mmio = {
		.read32 = read32,
		.read64 = read64,
		.write32 = write32,
		.write64 = write64,
		.context = &unit->window[window],
		.read8 = read8,
		.read16 = read16,
		.write8 = write8,
		.write16 = write16,
	};

	unit->window[window] = (struct machine_window){ m, base };
	if (m->options.wrap_mmio)
		m->options.wrap_mmio(m->options.context, unit->index * MACHINE_WINDOWS + window,
				     &mmio);
	return mmio;
}

/* ---- VT-d -------------------------------------------------------------------------------------- */

static unsigned int described_flags(const struct machine *m, uint64_t base)
{
	for (unsigned int i = 0; i < m->d->num_units; i++)
		if (m->d->units[i].base == base)
			return m->d->units[i].driver_flags;
	return 0;
}

static int start_vtd(struct machine_unit *unit, const struct uiommu_ops *ops)
{
	struct machine *m = unit->machine;
	struct uiommu_vtd_config config = {
		.fwnode = unit->fwnode,
		.name = unit->name,
		.mmio = machine_registers(unit, 0, unit->base),
		.address = unit->base,
		.segment = unit->segment,
		.flags = m->options.driver_flags | described_flags(m, unit->base),
		.get_resv_regions = machine_resv_regions,
		.ats_allowed = machine_ats_allowed,
		.context = unit,
		.ops = ops,
	};
	struct uiommu_vtd *vtd;
	int rc = uiommu_vtd_create(m->sys, &config, &vtd);

	if (rc == 0)
		unit->handle = vtd;
	return rc;
}

static void stop_vtd(struct machine_unit *unit)
{
	uiommu_vtd_destroy(unit->handle);
}

static struct uiommu_instance *vtd_instance(struct machine_unit *unit)
{
	return uiommu_vtd_instance(unit->handle);
}

const struct machine_driver machine_driver_vtd = {
	.kind = "vtd",
	.ops = uiommu_vtd_ops,
	.start = start_vtd,
	.stop = stop_vtd,
	.instance = vtd_instance,
};

/* ---- SMMUv3 ------------------------------------------------------------------------------------ */

static int start_smmuv3(struct machine_unit *unit, const struct uiommu_ops *ops)
{
	struct machine *m = unit->machine;
	struct uiommu_smmuv3_config config = {
		.fwnode = unit->fwnode,
		.name = unit->name,
		.mmio = machine_registers(unit, 0, unit->base),
		.address = unit->base,
		.flags = m->options.driver_flags | described_flags(m, unit->base),
		.coherent = unit->coherent ? UIOMMU_SMMUV3_COHERENT_YES : UIOMMU_SMMUV3_COHERENT_NO,
		.get_resv_regions = machine_resv_regions,
		.context = unit,
		.ops = ops,
	};
	struct uiommu_smmuv3 *smmu;
	int rc = uiommu_smmuv3_start(m->sys, &config, &smmu);

	if (rc == 0)
		unit->handle = smmu;
	return rc;
}

static void stop_smmuv3(struct machine_unit *unit)
{
	uiommu_smmuv3_stop(unit->handle);
}

static struct uiommu_instance *smmuv3_instance(struct machine_unit *unit)
{
	return uiommu_smmuv3_instance(unit->handle);
}

const struct machine_driver machine_driver_smmuv3 = {
	.kind = "smmuv3",
	.ops = uiommu_smmuv3_ops,
	.start = start_smmuv3,
	.stop = stop_smmuv3,
	.instance = smmuv3_instance,
};

/* ---- virtio IOMMU ------------------------------------------------------------------------------ */

static struct uiommu_pci_function *find_function(struct machine *m, uint16_t segment,
						 uint16_t source_id)
{
	for (size_t i = 0; i < m->topology.num_functions; i++)
		if (m->topology.functions[i]->segment == segment &&
		    uiommu_pci_source_id(m->topology.functions[i]) == source_id)
			return m->topology.functions[i];
	return NULL;
}

/* Its memory BARs, which enumeration has given addresses. */
static void virtio_bars(struct machine_unit *unit, struct uiommu_pci_function *fn,
			struct uiommu_mmio regs[UIOMMU_VIRTIO_BARS])
{
	struct uiommu_pci_topology *t = fn->topology;

	for (unsigned int i = 0; i < UIOMMU_VIRTIO_BARS; i++) {
		uint32_t low = t->config_read(fn, PCI_BAR(i), 4);
		uint64_t base = low & PCI_BAR_MEMORY_MASK;
		bool wide = (low & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;

		if (low & PCI_BAR_IO)
			continue;
		if (wide && i + 1 < UIOMMU_VIRTIO_BARS)
			base |= (uint64_t)t->config_read(fn, PCI_BAR(i + 1), 4) << 32;
		if (base)
			regs[i] = machine_registers(unit, i, base);
		i += wide;
	}
}

static int start_virtio(struct machine_unit *unit, const struct uiommu_ops *ops)
{
	struct machine *m = unit->machine;
	struct uiommu_virtio_iommu_config config = {
		.fwnode = unit->fwnode,
		.name = unit->name,
		.address = unit->base,
		.get_resv_regions = machine_resv_regions,
		.context = unit,
		.ops = ops,
	};
	struct uiommu_virtio_iommu *viommu;
	int rc;

	if (unit->base) {
		config.regs[0] = machine_registers(unit, 0, unit->base);
	} else {
		config.pci = find_function(m, unit->segment, unit->source_id);
		if (!config.pci)
			return -UIOMMU_ENODEV;
		virtio_bars(unit, config.pci, config.regs);
	}
	rc = uiommu_virtio_iommu_create(m->sys, &config, &viommu);
	if (rc == 0)
		unit->handle = viommu;
	return rc;
}

static void stop_virtio(struct machine_unit *unit)
{
	uiommu_virtio_iommu_destroy(unit->handle);
}

static struct uiommu_instance *virtio_instance(struct machine_unit *unit)
{
	return uiommu_virtio_iommu_instance(unit->handle);
}

const struct machine_driver machine_driver_virtio = {
	.kind = "virtio",
	.ops = uiommu_virtio_iommu_ops,
	.start = start_virtio,
	.stop = stop_virtio,
	.instance = virtio_instance,
};
