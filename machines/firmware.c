/* SPDX-License-Identifier: MIT */
/*
 * firmware.c - what a machine's firmware tells of its IOMMUs, read by src/firmware at every boot
 *
 * Which unit translates a device, under which IDs, its reserved regions and whether it may use ATS come from
 * here, never from the machine's description.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>

#include "machines/internal.h"

static int add_unit(struct machine *m, const struct machine_unit *unit)
{
	struct machine_unit *units = reallocarray(m->units, m->num_units + 1, sizeof(*m->units));

	if (!units)
		return -UIOMMU_ENOMEM;
	m->units = units;
	units[m->num_units] = *unit;
	units[m->num_units].machine = m;
	units[m->num_units].index = m->num_units;
	m->num_units++;
	return 0;
}

static int table_error(const char *table, int rc, const struct uiommu_acpi_error *where,
		       char *error, size_t error_size)
{
	if (rc == -UIOMMU_EINVAL)
		return machine_error(error, error_size, rc, "%s, byte %zu: %s: %s", table,
				     where->offset, where->what, where->why);
	return machine_error(error, error_size, rc, "%s: %s", table, uiommu_strerror(rc));
}

/* ---- DMAR -------------------------------------------------------------------------------------- */

static const struct machine_firmware dmar;

static int dmar_read(struct machine *m, char *error, size_t error_size)
{
	struct uiommu_acpi_error where = { 0 };
	size_t size;
	const void *table = m->hw->ops->acpi_table(m->hw, "DMAR", &size);
	int rc;

	if (!table)
		return 0;
	rc = uiommu_dmar_parse(m->host, table, size, &m->dmar, &where);
	for (size_t i = 0; !rc && i < m->dmar->num_units; i++) {
		const struct uiommu_dmar_unit *from = &m->dmar->units[i];
		const struct machine_unit unit = {
			.driver = &machine_driver_vtd,
			.firmware = &dmar,
			.fwnode = &from->fwnode,
			.name = from->name,
			.base = from->base,
			.segment = from->scope.segment,
		};

		rc = add_unit(m, &unit);
	}
	return rc ? table_error("DMAR", rc, &where, error, error_size) : 0;
}

static int add_alias(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	uint32_t id = source_id;

	(void)fn;
	return uiommu_fwspec_add_ids(context, &id, 1);
}

static int dmar_configure(struct machine_device *device, struct uiommu_device *dev)
{
	struct machine *m = device->machine;
	const struct uiommu_dmar_unit *unit;
	int rc;

	unit = m->dmar ? uiommu_dmar_unit_of(m->dmar, device->fn) : NULL;
	if (!unit)
		return -UIOMMU_ENODEV;
	rc = uiommu_fwspec_init(dev, &unit->fwnode);
	if (rc)
		return rc;
	rc = uiommu_pci_for_each_alias(device->fn, add_alias, dev);
	if (rc)
		return rc;
	if (uiommu_dmar_ats_allowed(m->dmar, device->fn))
		uiommu_fwspec_set_flags(dev, UIOMMU_FWSPEC_ATS);
	return 0;
}

static int dmar_resv_regions(struct machine *m, struct uiommu_device *dev,
			     struct uiommu_resv_list *list)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);

	return fn ? uiommu_dmar_resv_regions(m->dmar, fn, list) : 0;
}

static bool dmar_ats_allowed(struct machine *m, struct uiommu_device *dev)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);

	return fn && uiommu_dmar_ats_allowed(m->dmar, fn);
}

static void dmar_free(struct machine *m)
{
	uiommu_dmar_free(m->dmar);
	m->dmar = NULL;
}

static const struct machine_firmware dmar = {
	.name = "DMAR",
	.read = dmar_read,
	.configure = dmar_configure,
	.resv_regions = dmar_resv_regions,
	.ats_allowed = dmar_ats_allowed,
	.free = dmar_free,
};

uint64_t machine_vtd_base(struct machine *m, const struct uiommu_pci_function *fn)
{
	const struct uiommu_dmar_unit *unit = m->dmar ? uiommu_dmar_unit_of(m->dmar, fn) : NULL;

	return unit ? unit->base : 0;
}

/* ---- VIOT -------------------------------------------------------------------------------------- */

static const struct machine_firmware viot;

static int viot_read(struct machine *m, char *error, size_t error_size)
{
	struct uiommu_acpi_error where = { 0 };
	size_t size;
	const void *table = m->hw->ops->acpi_table(m->hw, "VIOT", &size);
	int rc;

	if (!table)
		return 0;
	rc = uiommu_viot_parse(m->host, table, size, &m->viot, &where);
	for (size_t i = 0; !rc && i < m->viot->num_iommus; i++) {
		const struct uiommu_viot_iommu *from = &m->viot->iommus[i];
		const struct machine_unit unit = {
			.driver = &machine_driver_virtio,
			.firmware = &viot,
			.fwnode = &from->fwnode,
			.name = from->name,
			.base = from->pci ? 0 : from->base,
			.segment = from->segment,
			.source_id = from->source_id,
		};

		rc = add_unit(m, &unit);
	}
	return rc ? table_error("VIOT", rc, &where, error, error_size) : 0;
}

static int viot_configure(struct machine_device *device, struct uiommu_device *dev)
{
	struct machine *m = device->machine;

	return m->viot ? uiommu_viot_configure_pci(m->viot, dev) : -UIOMMU_ENODEV;
}

static void viot_free(struct machine *m)
{
	uiommu_viot_free(m->viot);
	m->viot = NULL;
}

static const struct machine_firmware viot = {
	.name = "VIOT",
	.read = viot_read,
	.configure = viot_configure,
	.free = viot_free,
};

/* ---- IORT -------------------------------------------------------------------------------------- */

static const struct machine_firmware iort;

static int iort_read(struct machine *m, char *error, size_t error_size)
{
	struct uiommu_acpi_error where = { 0 };
	size_t size;
	const void *table = m->hw->ops->acpi_table(m->hw, "IORT", &size);
	int rc;

	if (!table)
		return 0;
	rc = uiommu_iort_parse(m->host, table, size, &m->iort, &where);
	for (size_t i = 0; !rc && i < m->iort->num_nodes; i++) {
		const struct uiommu_iort_node *from = &m->iort->nodes[i];
		const struct machine_unit unit = {
			.driver = &machine_driver_smmuv3,
			.firmware = &iort,
			.fwnode = &from->fwnode,
			.name = from->name,
			.base = from->base,
			.coherent = from->coherent,
		};

		if (from->type == UIOMMU_IORT_SMMUV3)
			rc = add_unit(m, &unit);
	}
	return rc ? table_error("IORT", rc, &where, error, error_size) : 0;
}

static int iort_configure(struct machine_device *device, struct uiommu_device *dev)
{
	struct machine *m = device->machine;

	return m->iort ? uiommu_iort_configure_pci(m->iort, dev) : -UIOMMU_ENODEV;
}

static int iort_resv_regions(struct machine *m, struct uiommu_device *dev,
			     struct uiommu_resv_list *list)
{
	return uiommu_iort_resv_regions(m->iort, uiommu_device_fwspec(dev), list);
}

static void iort_free(struct machine *m)
{
	uiommu_iort_free(m->iort);
	m->iort = NULL;
}

static const struct machine_firmware iort = {
	.name = "IORT",
	.read = iort_read,
	.configure = iort_configure,
	.resv_regions = iort_resv_regions,
	.free = iort_free,
};

/* ---- Devicetree -------------------------------------------------------------------------------- */

static const struct machine_firmware devicetree;

static bool is_compatible(const void *dtb, int node, const char *what)
{
	return fdt_node_check_compatible(dtb, node, what) == 0;
}

/* The first address of a node with two cells of it; of a PCI function, where it is. */
static void locate(const void *dtb, int node, struct machine_unit *unit)
{
	int size, parent = fdt_parent_offset(dtb, node);
	const fdt32_t *reg = fdt_getprop(dtb, node, "reg", &size), *domain;

	if (!reg || size < 8)
		return;
	if (is_compatible(dtb, node, "virtio,pci-iommu")) {
		unit->source_id = (uint16_t)(fdt32_to_cpu(reg[0]) >> 8);
		domain = fdt_getprop(dtb, parent, "linux,pci-domain", &size);
		unit->segment = domain && size >= 4 ? (uint16_t)fdt32_to_cpu(domain[0]) : 0;
	} else {
		unit->base = (uint64_t)fdt32_to_cpu(reg[0]) << 32 | fdt32_to_cpu(reg[1]);
	}
}

static int add_dt_unit(struct machine *m, const void *dtb, const struct uiommu_dt_iommu *from)
{
	struct machine_unit unit = {
		.firmware = &devicetree,
		.fwnode = &from->fwnode,
		.name = from->path,
		.coherent = from->coherent,
	};

	if (!from->available)
		return 0;
	if (is_compatible(dtb, from->node, "arm,smmu-v3"))
		unit.driver = &machine_driver_smmuv3;
	else if (is_compatible(dtb, from->node, "virtio,pci-iommu") ||
		 is_compatible(dtb, from->node, "virtio,mmio"))
		unit.driver = &machine_driver_virtio;
	else
		return 0; /* nobody drives it: what is behind it waits */
	locate(dtb, from->node, &unit);
	return add_unit(m, &unit);
}

static int dt_read(struct machine *m, char *error, size_t error_size)
{
	struct uiommu_dt_error where = { .property = "", .why = "" };
	struct uiommu_dt_source source;
	const char *why = "";
	size_t size;
	const void *dtb = m->hw->ops->devicetree ? m->hw->ops->devicetree(m->hw, &size) : NULL;
	int rc;

	if (!dtb)
		return 0;
	rc = uiommu_fdt_source(dtb, size, &source, &why);
	if (rc)
		return machine_error(error, error_size, rc, "the Devicetree: %s", why);
	rc = uiommu_dt_parse(m->host, &source, &m->dt, &where);
	if (rc == -UIOMMU_EINVAL)
		return machine_error(error, error_size, rc, "%s, %s, cell %zu: %s", where.path,
				     where.property, where.cell, where.why);
	for (size_t i = 0; !rc && i < m->dt->num_iommus; i++)
		rc = add_dt_unit(m, dtb, &m->dt->iommus[i]);
	return rc ? machine_error(error, error_size, rc, "the Devicetree: %s",
				  uiommu_strerror(rc)) :
		    0;
}

/* A device on no bus: a node below the root. */
static const struct uiommu_dt_master *master_of(struct machine *m, const char *name)
{
	char path[64];

	for (unsigned int i = 0; m->dt && i < m->num_devices; i++) {
		if (!m->devices[i].platform || strcmp(m->devices[i].name, name) != 0)
			continue;
		snprintf(path, sizeof(path), "/%s", m->devices[i].platform->name);
		return uiommu_dt_master(m->dt, path);
	}
	return NULL;
}

static int dt_configure(struct machine_device *device, struct uiommu_device *dev)
{
	struct machine *m = device->machine;
	const struct uiommu_dt_master *host;

	if (!device->fn) {
		host = master_of(m, device->name);
		return host ? uiommu_dt_configure(host, dev) : -UIOMMU_ENODEV;
	}
	host = m->dt ? uiommu_dt_pci_host(m->dt, device->fn->segment) : NULL;
	return host ? uiommu_dt_configure_pci(host, dev) : -UIOMMU_ENODEV;
}

/* The node of a function, if the tree has one, is known by the phandle that reserved memory uses. */
static uint32_t phandle_of(struct machine *m, const struct uiommu_pci_function *fn)
{
	for (unsigned int i = 0; i < m->num_devices; i++)
		if (m->devices[i].fn == fn)
			return m->devices[i].phandle;
	return 0;
}

static int dt_resv_regions(struct machine *m, struct uiommu_device *dev,
			   struct uiommu_resv_list *list)
{
	const struct uiommu_pci_function *fn = uiommu_device_pci(dev);
	uint32_t phandle = fn ? phandle_of(m, fn) : 0;
	const struct uiommu_dt_master *master;
	int rc = 0;

	if (!fn) {
		master = master_of(m, uiommu_device_name(dev));
		return master ? uiommu_dt_resv_regions(master, list) : 0;
	}

	for (size_t i = 0; phandle && !rc && i < m->dt->num_masters; i++)
		if (m->dt->masters[i].phandle == phandle)
			rc = uiommu_dt_resv_regions(&m->dt->masters[i], list);
	return rc;
}

static void dt_free(struct machine *m)
{
	uiommu_dt_free(m->dt);
	m->dt = NULL;
}

static const struct machine_firmware devicetree = {
	.name = "Devicetree",
	.read = dt_read,
	.configure = dt_configure,
	.resv_regions = dt_resv_regions,
	.free = dt_free,
};

/* ---- all of them ------------------------------------------------------------------------------- */

static const struct machine_firmware *const sources[] = { &dmar, &iort, &viot, &devicetree };
#define NUM_SOURCES (sizeof(sources) / sizeof(sources[0]))

int machine_read_firmware(struct machine *m, char *error, size_t error_size)
{
	int rc = 0;

	for (size_t i = 0; i < NUM_SOURCES && !rc; i++)
		rc = sources[i]->read(m, error, error_size);
	return rc;
}

void machine_forget_firmware(struct machine *m)
{
	free(m->units);
	m->units = NULL;
	m->num_units = 0;
	for (size_t i = 0; i < NUM_SOURCES; i++)
		sources[i]->free(m);
}

int machine_configure(struct uiommu_device *dev, void *context)
{
	int rc = -UIOMMU_ENODEV;

	for (size_t i = 0; i < NUM_SOURCES && rc == -UIOMMU_ENODEV; i++)
		rc = sources[i]->configure(context, dev);
	return rc;
}

int machine_resv_regions(void *context, struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	const struct machine_unit *unit = context;

	return unit->firmware->resv_regions ?
		       unit->firmware->resv_regions(unit->machine, dev, list) :
		       0;
}

bool machine_ats_allowed(void *context, struct uiommu_device *dev)
{
	const struct machine_unit *unit = context;

	return unit->firmware->ats_allowed && unit->firmware->ats_allowed(unit->machine, dev);
}
