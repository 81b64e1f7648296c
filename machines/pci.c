/* SPDX-License-Identifier: MIT */
/*
 * pci.c - enumerates PCI as an operating system does: bus numbers, BARs, windows, ACS, and labels
 *
 * Only the root bus is known in advance.  Buses are numbered depth first; each bridge gets a memory window
 * of whole MiB round the BARs below it.  A device's label is that of the described function which has the same
 * devices and functions on its way down from the root bus.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machines/internal.h"
#include "spec/pci.h"

#define MIB UINT64_C(0x100000)
#define ACS_WANTED                                                                            \
	(PCI_ACS_SOURCE_VALIDATION | PCI_ACS_REQUEST_REDIRECT | PCI_ACS_COMPLETION_REDIRECT | \
	 PCI_ACS_UPSTREAM_FORWARDING)

struct scan {
	struct machine *machine;
	unsigned int count, room;
	struct uiommu_pci_function **found;
	uint64_t next, end; /* of the memory window */
	uint16_t segment;
	uint8_t last_bus; /* highest number given so far */
	const char *problem;
};

static uint32_t config_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	struct machine *m = fn->context;

	return m->hw->ops->config_read(m->hw, fn->segment, fn->bus, fn->devfn, offset, size);
}

static void config_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	struct machine *m = fn->context;

	m->hw->ops->config_write(m->hw, fn->segment, fn->bus, fn->devfn, offset, size, value);
}

static struct uiommu_pci_function *add_function(struct scan *scan, uint8_t bus, uint8_t devfn,
						struct uiommu_pci_function *parent)
{
	struct uiommu_pci_function *fn = calloc(1, sizeof(*fn));

	if (fn && scan->count == scan->room) {
		unsigned int room = scan->room ? 2 * scan->room : 32;
		void *bigger = realloc(scan->found, room * sizeof(*scan->found));

		if (bigger) {
			scan->found = bigger;
			scan->room = room;
		}
	}
	if (!fn || scan->count == scan->room) {
		free(fn);
		scan->problem = "no memory";
		return NULL;
	}
	fn->segment = scan->segment;
	fn->bus = bus;
	fn->devfn = devfn;
	fn->parent = parent;
	fn->topology = &scan->machine->topology;
	fn->context = scan->machine;
	scan->found[scan->count++] = fn;
	return fn;
}

static unsigned int find_pcie(struct uiommu_pci_function *fn)
{
	unsigned int at;

	if (!(config_read(fn, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = config_read(fn, PCI_CAP_POINTER, 1) & 0xfcu;
	for (unsigned int i = 0; at >= PCI_CAP_FIRST && i < 48; i++) {
		if (config_read(fn, at + PCI_CAP_ID, 1) == PCI_CAP_ID_PCIE)
			return at;
		at = config_read(fn, at + PCI_CAP_NEXT, 1) & 0xfcu;
	}
	return 0;
}

/* Requests go upstream, where the IOMMU sees them, as far as the function can do it. */
static void enable_acs(struct uiommu_pci_function *fn)
{
	unsigned int at = PCI_EXT_CAP_FIRST;

	for (unsigned int i = 0; at >= PCI_EXT_CAP_FIRST && i < 256; i++) {
		uint32_t header = config_read(fn, at, 4);

		if (!header || header == UINT32_MAX)
			return;
		if ((header & PCI_EXT_CAP_ID_MASK) == PCI_EXT_CAP_ID_ACS) {
			uint32_t can = config_read(fn, at + PCI_ACS_CAPABILITY, 2);

			config_write(fn, at + PCI_ACS_CONTROL, 2, can & ACS_WANTED);
			return;
		}
		at = header >> PCI_EXT_CAP_NEXT_SHIFT & 0xffcu;
	}
}

static void assign_bars(struct scan *scan, struct uiommu_pci_function *fn, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		uint32_t now = config_read(fn, PCI_BAR(i), 4), mask;
		bool wide = (now & PCI_BAR_TYPE) == PCI_BAR_TYPE_64 && !(now & PCI_BAR_IO);
		uint64_t size;

		config_write(fn, PCI_BAR(i), 4, UINT32_MAX);
		mask = config_read(fn, PCI_BAR(i), 4);
		config_write(fn, PCI_BAR(i), 4, now);
		if (now & PCI_BAR_IO || !(mask & PCI_BAR_MEMORY_MASK)) {
			i += wide;
			continue;
		}
		size = (~(mask & PCI_BAR_MEMORY_MASK) & UINT32_MAX) + UINT64_C(1);
		scan->next = (scan->next + size - 1) & ~(size - 1);
		if (scan->next + size > scan->end) {
			scan->problem = "the memory window is too small for the devices' BARs";
			return;
		}
		config_write(fn, PCI_BAR(i), 4, (uint32_t)scan->next);
		if (wide)
			config_write(fn, PCI_BAR(++i), 4, 0);
		scan->next += size;
	}
}

static void scan_bus(struct scan *scan, uint8_t bus, struct uiommu_pci_function *parent,
		     unsigned int devices);

static void scan_bridge(struct scan *scan, struct uiommu_pci_function *fn, unsigned int pcie)
{
	unsigned int type = 0, devices = 32;
	uint64_t base;
	uint8_t bus;

	if (scan->last_bus == 255) {
		scan->problem = "there are more buses than numbers";
		return;
	}
	if (pcie)
		type = (config_read(fn, pcie + PCI_PCIE_CAPABILITIES, 2) & PCI_PCIE_TYPE) >>
		       PCI_PCIE_TYPE_SHIFT;
	/* A link has one device at its other end (PCIe 6.0, 7.3.1). */
	if (pcie && (type == PCI_PCIE_ROOT_PORT || type == PCI_PCIE_DOWNSTREAM_PORT))
		devices = 1;
	bus = ++scan->last_bus;
	config_write(fn, PCI_PRIMARY_BUS, 1, fn->bus);
	config_write(fn, PCI_SECONDARY_BUS, 1, bus);
	config_write(fn, PCI_SUBORDINATE_BUS, 1, 0xff);
	scan->next = (scan->next + MIB - 1) & ~(MIB - 1);
	base = scan->next;
	scan_bus(scan, bus, fn, devices);
	scan->next = (scan->next + MIB - 1) & ~(MIB - 1);
	config_write(fn, PCI_SUBORDINATE_BUS, 1, scan->last_bus);
	if (scan->next > base) {
		config_write(fn, PCI_MEMORY_BASE, 2, (uint32_t)(base >> 16));
		config_write(fn, PCI_MEMORY_LIMIT, 2, (uint32_t)((scan->next - 1) >> 16) & 0xfff0u);
	} else {
		/* Closed: the base is above the limit. */
		config_write(fn, PCI_MEMORY_BASE, 2, 0xfff0);
		config_write(fn, PCI_MEMORY_LIMIT, 2, 0);
	}
}

static bool scan_function(struct scan *scan, uint8_t bus, uint8_t devfn,
			  struct uiommu_pci_function *parent, bool *multifunction)
{
	struct machine *m = scan->machine;
	struct uiommu_pci_function *fn;
	unsigned int header, pcie;

	if ((m->hw->ops->config_read(m->hw, scan->segment, bus, devfn, PCI_VENDOR_ID, 2) &
	     0xffffu) == 0xffffu)
		return false;
	fn = add_function(scan, bus, devfn, parent);
	if (!fn)
		return true;
	header = config_read(fn, PCI_HEADER_TYPE, 1);
	*multifunction = header & PCI_HEADER_TYPE_MULTIFUNCTION;
	pcie = find_pcie(fn);
	if (pcie)
		enable_acs(fn);
	header &= PCI_HEADER_TYPE_MASK;
	assign_bars(scan, fn, header == PCI_HEADER_TYPE_BRIDGE ? 2 : 6);
	if (header == PCI_HEADER_TYPE_BRIDGE && !scan->problem)
		scan_bridge(scan, fn, pcie);
	config_write(fn, PCI_COMMAND, 2,
		     config_read(fn, PCI_COMMAND, 2) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return true;
}

static void scan_bus(struct scan *scan, uint8_t bus, struct uiommu_pci_function *parent,
		     unsigned int devices)
{
	for (unsigned int device = 0; device < devices; device++) {
		bool multifunction = false, ignored;

		if (scan->problem ||
		    !scan_function(scan, bus, (uint8_t)(device << 3), parent, &multifunction))
			continue;
		for (unsigned int f = 1; multifunction && f < 8 && !scan->problem; f++)
			scan_function(scan, bus, (uint8_t)(device << 3 | f), parent, &ignored);
	}
}

/* The function that was described at this place, found by the way down to it. */
static struct uiommu_pci_function *described(struct scan *scan, struct machine *m,
					     struct uiommu_pci_function *const *known,
					     unsigned int index)
{
	const struct describe_function *from = &m->d->functions[index];
	struct uiommu_pci_function *parent = NULL;

	if (from->parent != DESCRIBE_NONE) {
		parent = known[from->parent];
		if (!parent)
			return NULL;
	}
	for (unsigned int i = 0; i < scan->count; i++)
		if (scan->found[i]->parent == parent && scan->found[i]->devfn == from->devfn &&
		    scan->found[i]->segment == m->d->hosts[from->host].segment)
			return scan->found[i];
	return NULL;
}

static void add_device(struct machine *m, struct uiommu_pci_function *fn,
		       const struct describe_function *from)
{
	struct machine_device *device = &m->devices[m->num_devices++];
	unsigned int command;

	device->machine = m;
	device->label = from->label;
	device->phandle = from->phandle;
	device->fn = fn;
	snprintf(device->name, sizeof(device->name), "%04x:%02x:%02x.%x", fn->segment, fn->bus,
		 PCI_SLOT(fn->devfn), PCI_FUNC(fn->devfn));
	command = config_read(fn, PCI_COMMAND, 2);
	if (command & PCI_COMMAND_MEMORY)
		device->bar = config_read(fn, PCI_BAR(0), 4) & PCI_BAR_MEMORY_MASK;
	device->pasid_bits = uiommu_pci_pasid_bits(fn);
	machine_find_stimulus(device);
}

/* Devices that no enumeration finds are where the description says. */
static void add_platforms(struct machine *m)
{
	for (unsigned int i = 0; i < m->d->num_platforms; i++) {
		struct machine_device *device = &m->devices[m->num_devices++];
		const struct describe_platform *from = &m->d->platforms[i];

		device->machine = m;
		device->platform = from;
		device->label = from->label;
		device->bar = from->base;
		device->pasid_bits = from->pasid_bits;
		device->can_stall = from->stall;
		/* As Linux calls them. */
		snprintf(device->name, sizeof(device->name), "%llx.%.*s",
			 (unsigned long long)from->base, (int)strcspn(from->name, "@"), from->name);
		machine_find_stimulus(device);
	}
}

static int find_labels(struct scan *scan, char *error, size_t error_size)
{
	struct machine *m = scan->machine;
	const struct describe *d = m->d;
	struct uiommu_pci_function **known = calloc(d->num_functions + 1, sizeof(*known));
	bool model = strcmp(m->hw->ops->name, "model") == 0;
	int rc = 0;

	m->devices = calloc(d->num_functions + d->num_platforms + 1, sizeof(*m->devices));
	if (!known || !m->devices) {
		rc = machine_error(error, error_size, -UIOMMU_ENOMEM, "no memory");
		goto out;
	}
	for (unsigned int i = 0; i < d->num_functions; i++) {
		known[i] = described(scan, m, known, i);
		if (known[i] && d->functions[i].label) {
			add_device(m, known[i], &d->functions[i]);
		} else if (!known[i] && (model || !d->functions[i].model_only)) {
			rc = machine_error(error, error_size, -UIOMMU_ENODEV,
					   "the hardware has no function at %02x.%x for \"%s\"",
					   PCI_SLOT(d->functions[i].devfn),
					   PCI_FUNC(d->functions[i].devfn),
					   d->functions[i].label ? d->functions[i].label : "");
			goto out;
		}
	}
	if (model)
		add_platforms(m);
out:
	free(known);
	return rc;
}

int machine_enumerate(struct machine *m, char *error, size_t error_size)
{
	struct scan scan = {
		.machine = m,
		.next = m->hw->mmio_window,
		.end = m->hw->mmio_window + m->hw->mmio_window_size,
	};
	int rc;

	m->topology.config_read = config_read;
	m->topology.config_write = config_write;
	for (unsigned int h = 0; h < m->d->num_hosts && !scan.problem; h++) {
		scan.segment = m->d->hosts[h].segment;
		scan.last_bus = m->d->hosts[h].first_bus;
		scan_bus(&scan, scan.last_bus, NULL, 32);
	}
	m->topology.functions = scan.found;
	m->topology.num_functions = scan.count;
	if (scan.problem)
		rc = machine_error(error, error_size, -UIOMMU_ENOMEM, "PCI: %s", scan.problem);
	else
		rc = find_labels(&scan, error, error_size);
	if (rc)
		machine_forget_pci(m);
	return rc;
}

void machine_forget_pci(struct machine *m)
{
	for (size_t i = 0; i < m->topology.num_functions; i++)
		free(m->topology.functions[i]);
	free(m->topology.functions);
	m->topology.functions = NULL;
	m->topology.num_functions = 0;
	for (unsigned int i = 0; i < m->num_devices; i++) {
		free(m->devices[i].saved);
		free(m->devices[i].uapi_io);
		machine_forget_platform_io(&m->devices[i]);
	}
	free(m->devices);
	m->devices = NULL;
	m->num_devices = 0;
}
