/* SPDX-License-Identifier: MIT */
/*
 * reset.c - resets a function as an operating system does: save, reset, restore
 *
 * Configuration space is written back in an order in which each register may be written: BARs first, PASID before
 * ATS (PCIe 6.0, 7.8.9.3), ATS before page requests, how many of these before that they are enabled (10.5.2.5),
 * and bus mastering last of all.
 */
#include <stdlib.h>

#include "machines/internal.h"
#include "spec/pci.h"

#define WHOLE UINT32_MAX

/* A register that a reset changes. */
static const struct saved_register {
	enum { HEADER, CAPABILITY, EXTENDED } where;
	unsigned int id, offset, size;
	uint32_t mask;
} registers[] = {
	{ HEADER, 0, PCI_BAR(0), 4, WHOLE },
	{ HEADER, 0, PCI_BAR(1), 4, WHOLE },
	{ HEADER, 0, PCI_BAR(2), 4, WHOLE },
	{ HEADER, 0, PCI_BAR(3), 4, WHOLE },
	{ HEADER, 0, PCI_BAR(4), 4, WHOLE },
	{ HEADER, 0, PCI_BAR(5), 4, WHOLE },
	{ HEADER, 0, PCI_INTERRUPT_LINE, 1, WHOLE },
	{ CAPABILITY, PCI_CAP_ID_PCIE, PCI_PCIE_DEVICE_CONTROL, 2,
	  ~(uint32_t)PCI_PCIE_DEVICE_CONTROL_FLR },
	{ EXTENDED, PCI_EXT_CAP_ID_ACS, PCI_ACS_CONTROL, 2, WHOLE },
	{ EXTENDED, PCI_EXT_CAP_ID_PASID, PCI_PASID_CONTROL, 2, WHOLE },
	{ EXTENDED, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL, 2, WHOLE },
	{ EXTENDED, PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOCATION, 4, WHOLE },
	{ EXTENDED, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL, 2, WHOLE },
	{ HEADER, 0, PCI_COMMAND, 2, WHOLE },
};
#define NUM_REGISTERS (sizeof(registers) / sizeof(registers[0]))

struct machine_saved {
	uint32_t values[NUM_REGISTERS];
};

/* Where it is in this function; 0: nowhere. */
static unsigned int place(struct uiommu_pci_function *fn, const struct saved_register *reg)
{
	unsigned int at = 0;

	if (reg->where == CAPABILITY)
		at = uiommu_pci_find_capability(fn, reg->id);
	else if (reg->where == EXTENDED)
		at = uiommu_pci_find_ext_capability(fn, reg->id);
	return at || reg->where == HEADER ? at + reg->offset : 0;
}

/* The register that starts a reset of the function, and the bit; false: there is none. */
static bool find_reset(struct uiommu_pci_function *fn, unsigned int *at, uint32_t *bit)
{
	unsigned int cap = uiommu_pci_find_capability(fn, PCI_CAP_ID_PCIE);

	*at = cap + PCI_PCIE_DEVICE_CONTROL;
	*bit = PCI_PCIE_DEVICE_CONTROL_FLR;
	if (cap && fn->topology->config_read(fn, cap + PCI_PCIE_DEVICE_CAPABILITIES, 4) &
			   PCI_PCIE_DEVICE_FLR)
		return true;
	cap = uiommu_pci_find_capability(fn, PCI_CAP_ID_AF);
	*at = cap + PCI_AF_CONTROL;
	*bit = PCI_AF_INITIATE_FLR;
	return cap && fn->topology->config_read(fn, cap + PCI_AF_CAPABILITIES, 1) & PCI_AF_FLR;
}

bool machine_can_reset(struct machine_device *device)
{
	unsigned int at;
	uint32_t bit;

	return device->fn && find_reset(device->fn, &at, &bit);
}

static int save(struct machine_device *device)
{
	struct uiommu_pci_function *fn = device->fn;

	if (device->saved)
		return -UIOMMU_EBUSY;
	device->saved = calloc(1, sizeof(*device->saved));
	if (!device->saved)
		return -UIOMMU_ENOMEM;
	for (size_t i = 0; i < NUM_REGISTERS; i++) {
		unsigned int where = place(fn, &registers[i]);

		if (where)
			device->saved->values[i] =
				fn->topology->config_read(fn, where, registers[i].size);
	}
	return 0;
}

int machine_device_reset_begin(struct machine_device *device)
{
	struct uiommu_pci_function *fn = device->fn;
	unsigned int at;
	uint32_t bit;
	int rc;

	if (!(device->traits & MACHINE_RESET) || !find_reset(fn, &at, &bit))
		return -UIOMMU_EOPNOTSUPP;
	rc = save(device);
	if (rc)
		return rc;
	/* Both are 16-bit words in which the rest may be written as it was. */
	fn->topology->config_write(fn, at, 2, fn->topology->config_read(fn, at, 2) | bit);
	return 0;
}

void machine_device_reset_end(struct machine_device *device)
{
	struct uiommu_pci_function *fn = device->fn;

	if (!device->saved)
		return;
	for (size_t i = 0; i < NUM_REGISTERS; i++) {
		unsigned int where = place(fn, &registers[i]);

		if (where)
			fn->topology->config_write(fn, where, registers[i].size,
						   device->saved->values[i] & registers[i].mask);
	}
	free(device->saved);
	device->saved = NULL;
}

int machine_device_reset(struct machine_device *device)
{
	int rc = machine_device_reset_begin(device);

	if (!rc)
		machine_device_reset_end(device);
	return rc;
}

/* ---- all of a bus ------------------------------------------------------------------------------ */

unsigned int machine_bus_reset_devices(struct machine_device *device,
				       struct machine_device **devices, unsigned int room)
{
	struct uiommu_pci_function *bridge = device->fn ? device->fn->parent : NULL;
	struct machine *m = device->machine;
	unsigned int count = 0, functions = 0;

	if (!bridge)
		return 0;
	for (size_t i = 0; i < m->topology.num_functions; i++) {
		const struct uiommu_pci_function *fn = m->topology.functions[i];

		functions += fn->parent == bridge;
	}
	for (unsigned int i = 0; i < m->num_devices; i++) {
		struct machine_device *other = &m->devices[i];

		if (!other->fn || other->fn->parent != bridge)
			continue;
		if (count < room)
			devices[count] = other;
		count++;
	}
	/* Bridges further down, and what is behind them, nobody would restore. */
	return count == functions ? count : 0;
}

#define MAX_ON_BUS 256u

int machine_bus_reset(struct machine_device *device)
{
	struct machine_device *devices[MAX_ON_BUS];
	unsigned int count = machine_bus_reset_devices(device, devices, MAX_ON_BUS), saved = 0;
	struct uiommu_pci_topology *topology = &device->machine->topology;
	uint32_t control;
	int rc = 0;

	if (!count || count > MAX_ON_BUS)
		return -UIOMMU_EOPNOTSUPP;
	while (!rc && saved < count)
		rc = save(devices[saved++]);
	if (rc) {
		/* The one that failed has nothing of this call's. */
		for (unsigned int i = 0; i + 1 < saved; i++) {
			free(devices[i]->saved);
			devices[i]->saved = NULL;
		}
		return rc;
	}
	control = topology->config_read(device->fn->parent, PCI_BRIDGE_CONTROL, 2);
	topology->config_write(device->fn->parent, PCI_BRIDGE_CONTROL, 2,
			       control | PCI_BRIDGE_BUS_RESET);
	topology->config_write(device->fn->parent, PCI_BRIDGE_CONTROL, 2, control);
	for (unsigned int i = 0; i < count; i++)
		machine_device_reset_end(devices[i]);
	return 0;
}
