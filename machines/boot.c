/* SPDX-License-Identifier: MIT */
/* boot.c - what an operating system does with a machine: PCI, firmware tables, drivers, devices */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machines/events.h"

/* ---- units ------------------------------------------------------------------------------------- */

unsigned int machine_num_units(struct machine *m)
{
	return m->num_units;
}

int machine_start_unit(struct machine *m, unsigned int index)
{
	const struct uiommu_ops *ops = NULL;
	struct machine_unit *unit;

	if (index >= m->num_units)
		return -UIOMMU_ENOENT;
	unit = &m->units[index];
	if (unit->handle)
		return -UIOMMU_EEXIST;
	if (m->options.wrap_ops)
		ops = m->options.wrap_ops(m->options.context, unit->driver->ops());
	return unit->driver->start(unit, ops);
}

void machine_stop_unit(struct machine *m, unsigned int index)
{
	if (index >= m->num_units || !m->units[index].handle)
		return;
	m->units[index].driver->stop(&m->units[index]);
	m->units[index].handle = NULL;
}

struct uiommu_instance *machine_unit_instance(struct machine *m, unsigned int index)
{
	if (index >= m->num_units || !m->units[index].handle)
		return NULL;
	return m->units[index].driver->instance(&m->units[index]);
}

static int start_units(struct machine *m, char *error, size_t error_size)
{
	for (unsigned int i = 0; i < m->num_units; i++) {
		size_t warnings = machine_num_warnings(m);
		int rc = machine_start_unit(m, i);

		if (rc && machine_num_warnings(m) > warnings)
			return machine_error(error, error_size, rc, "%s: %s", m->units[i].name,
					     machine_warning(m, machine_num_warnings(m) - 1));
		if (rc)
			return machine_error(error, error_size, rc, "%s: %s", m->units[i].name,
					     uiommu_strerror(rc));
	}
	return 0;
}

/* ---- devices ----------------------------------------------------------------------------------- */

void machine_device_desc(struct machine_device *device, struct uiommu_device_desc *desc)
{
	*desc = (struct uiommu_device_desc){
		.name = device->name,
		.bus = device->fn ? "pci" : "platform",
		.configure = machine_configure,
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

static int boot(struct machine *m, unsigned int flags, char *error, size_t error_size)
{
	bool devices = !(flags & MACHINE_BOOT_NO_DEVICES);
	int rc;

	if (!m->topology.functions) {
		rc = machine_enumerate(m, error, error_size);
		if (rc)
			return rc;
	}
	rc = machine_read_firmware(m, error, error_size);
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
	machine_forget_firmware(m);
}

void machine_settle(struct machine *m)
{
	/* What the first round reports may let more happen: a cleared fault makes room for the next. */
	for (unsigned int round = 0; round < 2; round++) {
		m->hw->ops->settle(m->hw);
		uiommu_posix_deliver(m->host);
		for (unsigned int i = 0; i < m->num_units; i++)
			if (m->units[i].handle)
				uiommu_instance_poll(machine_unit_instance(m, i));
	}
}
