/* SPDX-License-Identifier: MIT */
/*
 * boot.c - what an operating system does with a machine: PCI, firmware tables, drivers, devices
 *
 * The firmware's table is parsed by src/firmware at every boot; which unit translates a device, its
 * reserved regions and whether it may use ATS come from there, never from the description.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machines/events.h"

/* ---- what firmware says of a device ------------------------------------------------------------ */

static int add_alias(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	uint32_t id = source_id;

	(void)fn;
	return uiommu_fwspec_add_ids(context, &id, 1);
}

static int configure(struct uiommu_device *dev, void *context)
{
	struct machine_device *device = context;
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

static int get_resv_regions(void *context, struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	struct machine *m = context;
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);

	return fn ? uiommu_dmar_resv_regions(m->dmar, fn, list) : 0;
}

static bool ats_allowed(void *context, struct uiommu_device *dev)
{
	struct machine *m = context;
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);

	return fn && uiommu_dmar_ats_allowed(m->dmar, fn);
}

uint64_t machine_unit_base(struct machine *m, const struct uiommu_pci_function *fn)
{
	const struct uiommu_dmar_unit *unit = m->dmar ? uiommu_dmar_unit_of(m->dmar, fn) : NULL;

	return unit ? unit->base : 0;
}

/* ---- units ------------------------------------------------------------------------------------- */

static uint32_t unit_read32(void *context, uint64_t offset)
{
	struct machine_unit *unit = context;

	return (uint32_t)machine_mmio_read(unit->machine, unit->firmware->base + offset, 4);
}

static uint64_t unit_read64(void *context, uint64_t offset)
{
	struct machine_unit *unit = context;

	return machine_mmio_read(unit->machine, unit->firmware->base + offset, 8);
}

static void unit_write32(void *context, uint64_t offset, uint32_t value)
{
	struct machine_unit *unit = context;

	machine_mmio_write(unit->machine, unit->firmware->base + offset, 4, value);
}

static void unit_write64(void *context, uint64_t offset, uint64_t value)
{
	struct machine_unit *unit = context;

	machine_mmio_write(unit->machine, unit->firmware->base + offset, 8, value);
}

static unsigned int described_flags(const struct machine *m, uint64_t base)
{
	for (unsigned int i = 0; i < m->d->num_units; i++)
		if (m->d->units[i].base == base)
			return m->d->units[i].driver_flags;
	return 0;
}

unsigned int machine_num_units(struct machine *m)
{
	return m->num_units;
}

int machine_start_unit(struct machine *m, unsigned int index)
{
	struct uiommu_vtd_config config = {
		.get_resv_regions = get_resv_regions,
		.ats_allowed = ats_allowed,
		.context = m,
	};
	struct machine_unit *unit;

	if (index >= m->num_units)
		return -UIOMMU_ENOENT;
	unit = &m->units[index];
	if (unit->vtd)
		return -UIOMMU_EEXIST;
	unit->mmio = (struct uiommu_mmio){
		.read32 = unit_read32,
		.read64 = unit_read64,
		.write32 = unit_write32,
		.write64 = unit_write64,
		.context = unit,
	};
	if (m->options.wrap_mmio)
		m->options.wrap_mmio(m->options.context, index, &unit->mmio);
	config.fwnode = &unit->firmware->fwnode;
	config.name = unit->firmware->name;
	config.mmio = unit->mmio;
	config.segment = unit->firmware->scope.segment;
	config.flags = m->options.driver_flags | described_flags(m, unit->firmware->base);
	if (m->options.wrap_ops)
		config.ops = m->options.wrap_ops(m->options.context, uiommu_vtd_ops());
	return uiommu_vtd_create(m->sys, &config, &unit->vtd);
}

void machine_stop_unit(struct machine *m, unsigned int index)
{
	if (index >= m->num_units)
		return;
	uiommu_vtd_destroy(m->units[index].vtd);
	m->units[index].vtd = NULL;
}

struct uiommu_instance *machine_unit_instance(struct machine *m, unsigned int index)
{
	if (index >= m->num_units || !m->units[index].vtd)
		return NULL;
	return uiommu_vtd_instance(m->units[index].vtd);
}

static int start_units(struct machine *m, char *error, size_t error_size)
{
	for (unsigned int i = 0; i < m->num_units; i++) {
		size_t warnings = machine_num_warnings(m);
		int rc = machine_start_unit(m, i);

		if (rc && machine_num_warnings(m) > warnings)
			return machine_error(error, error_size, rc, "%s: %s",
					     m->units[i].firmware->name,
					     machine_warning(m, machine_num_warnings(m) - 1));
		if (rc)
			return machine_error(error, error_size, rc, "%s: %s",
					     m->units[i].firmware->name, uiommu_strerror(rc));
	}
	return 0;
}

/* ---- devices ----------------------------------------------------------------------------------- */

void machine_device_desc(struct machine_device *device, struct uiommu_device_desc *desc)
{
	*desc = (struct uiommu_device_desc){
		.name = device->name,
		.bus = "pci",
		.configure = configure,
		.context = device,
		.pci = device->fn,
		.pasid_bits = device->pasid_bits,
	};
}

int machine_add_device(struct machine *m, struct machine_device *device)
{
	struct uiommu_device_desc desc;

	if (device->dev)
		return -UIOMMU_EEXIST;
	machine_device_desc(device, &desc);
	return uiommu_device_add(m->sys, &desc, &device->dev);
}

void machine_remove_device(struct machine *m, struct machine_device *device)
{
	struct uiommu_device *dev = device->dev;

	(void)m;
	device->dev = NULL;
	if (dev)
		uiommu_device_remove(dev);
}

static int add_devices(struct machine *m, char *error, size_t error_size)
{
	for (unsigned int i = 0; i < m->num_devices; i++) {
		int rc = machine_add_device(m, &m->devices[i]);

		if (rc)
			return machine_error(error, error_size, rc, "%s (%s): %s",
					     m->devices[i].label, m->devices[i].name,
					     uiommu_strerror(rc));
	}
	return 0;
}

/* ---- boot -------------------------------------------------------------------------------------- */

static int read_firmware(struct machine *m, char *error, size_t error_size)
{
	struct uiommu_acpi_error where = { 0 };
	size_t size;
	const void *table = m->hw->ops->acpi_table(m->hw, "DMAR", &size);
	int rc;

	if (!table)
		return 0;
	rc = uiommu_dmar_parse(m->host, table, size, &m->dmar, &where);
	if (rc == -UIOMMU_EINVAL)
		return machine_error(error, error_size, rc, "DMAR, byte %zu: %s: %s", where.offset,
				     where.what, where.why);
	if (rc)
		return machine_error(error, error_size, rc, "DMAR: %s", uiommu_strerror(rc));
	m->units = calloc(m->dmar->num_units + 1, sizeof(*m->units));
	if (!m->units)
		return machine_error(error, error_size, -UIOMMU_ENOMEM, "no memory");
	m->num_units = (unsigned int)m->dmar->num_units;
	for (unsigned int i = 0; i < m->num_units; i++) {
		m->units[i].machine = m;
		m->units[i].index = i;
		m->units[i].firmware = &m->dmar->units[i];
	}
	return 0;
}

static int boot(struct machine *m, unsigned int flags, char *error, size_t error_size)
{
	bool devices = !(flags & MACHINE_BOOT_NO_DEVICES);
	int rc;

	if (!m->topology.functions) {
		rc = machine_enumerate(m, error, error_size);
		if (rc)
			return rc;
	}
	rc = read_firmware(m, error, error_size);
	if (rc)
		return rc;
	m->options.system.host = m->host;
	m->options.system.on_fault = machine_on_fault;
	m->options.system.context = m;
	rc = uiommu_system_create(&m->options.system, &m->sys);
	if (rc)
		return machine_error(error, error_size, rc, "the system: %s", uiommu_strerror(rc));
	if (devices && flags & MACHINE_BOOT_DEVICES_FIRST)
		rc = add_devices(m, error, error_size);
	if (!rc && !(flags & MACHINE_BOOT_NO_UNITS))
		rc = start_units(m, error, error_size);
	if (!rc && devices && !(flags & MACHINE_BOOT_DEVICES_FIRST))
		rc = add_devices(m, error, error_size);
	return rc;
}

int machine_boot(struct machine *m, unsigned int flags, char *error, size_t error_size)
{
	int rc;

	if (m->sys)
		return machine_error(error, error_size, -UIOMMU_EEXIST, "it is running already");
	rc = boot(m, flags, error, error_size);
	if (rc)
		machine_shutdown(m);
	return rc;
}

void machine_shutdown(struct machine *m)
{
	for (unsigned int i = 0; i < m->num_devices; i++)
		machine_remove_device(m, &m->devices[i]);
	for (unsigned int i = 0; i < m->num_units; i++)
		machine_stop_unit(m, i);
	uiommu_system_destroy(m->sys);
	m->sys = NULL;
	free(m->units);
	m->units = NULL;
	m->num_units = 0;
	uiommu_dmar_free(m->dmar);
	m->dmar = NULL;
}

void machine_settle(struct machine *m)
{
	/* What the first round reports may let more happen: a cleared fault makes room for the next. */
	for (unsigned int round = 0; round < 2; round++) {
		m->hw->ops->settle(m->hw);
		uiommu_posix_deliver(m->host);
		for (unsigned int i = 0; i < m->num_units; i++)
			if (m->units[i].vtd)
				uiommu_instance_poll(uiommu_vtd_instance(m->units[i].vtd));
	}
}
