/* SPDX-License-Identifier: MIT */
/* machine.c - functions of a machine that is built in or described by a Devicetree source */
#include <string.h>

#include "apps/uiommu/groups/groups.h"
#include "machines/machine.h"
#include "spec/pci.h"

static const char *kind_of(const struct groups_function *f)
{
	unsigned int class = f->config[PCI_CLASS_DEVICE + 1], sub = f->config[PCI_CLASS_DEVICE];

	switch (class) {
	case 0x01:
		return "Mass storage controller";
	case 0x02:
		return "Network controller";
	case 0x03:
		return "Display controller";
	case 0x06:
		return sub == 0x00 ? "Host bridge" : sub == 0x04 ? "PCI bridge" : "Bridge";
	case 0x08:
		return "System peripheral";
	case 0x0c:
		return "Serial bus controller";
	default:
		return "Device";
	}
}

static void take(struct uiommu_pci_function *fn, struct groups_world *world)
{
	struct groups_function *f =
		groups_add(world, fn->segment, fn->bus, PCI_SLOT(fn->devfn), PCI_FUNC(fn->devfn));

	for (unsigned int at = 0; at < sizeof(f->config); at += 4) {
		uint32_t value = fn->topology->config_read(fn, at, 4);

		memcpy(f->config + at, &value, 4);
	}
	f->config_size = sizeof(f->config);
	snprintf(f->what, sizeof(f->what), "%s [%04x:%04x]", kind_of(f),
		 f->config[PCI_VENDOR_ID] | f->config[PCI_VENDOR_ID + 1] << 8,
		 f->config[PCI_DEVICE_ID] | f->config[PCI_DEVICE_ID + 1] << 8);
}

/* What the library's core made of them, when its drivers probed. */
static void take_groups(struct machine *machine, struct groups_world *world)
{
	for (unsigned int i = 0; i < machine_num_devices(machine); i++) {
		struct machine_device *device = machine_device_at(machine, i);
		struct uiommu_pci_function *fn = machine_device_function(device);
		struct uiommu_device *dev = machine_device_uiommu(device);
		struct uiommu_group *group = dev ? uiommu_group_get(dev) : NULL;

		for (unsigned int k = 0; k < world->count; k++) {
			struct groups_function *f = &world->function[k];

			if (f->fn.segment != fn->segment || f->fn.bus != fn->bus ||
			    f->fn.devfn != fn->devfn)
				continue;
			snprintf(f->label, sizeof(f->label), "%s", machine_device_label(device));
			if (group)
				f->reported = (int)uiommu_group_id(group);
		}
		if (group)
			uiommu_group_put(group);
	}
	world->reporter = "the core, with the machine's drivers";
}

int groups_from_machine(const char *name, struct groups_world *world)
{
	const struct machine_options options = { .name = name, .hardware = "model", .seed = 1 };
	struct machine *machine;
	char error[256];

	if (machine_create(&options, &machine, error, sizeof(error))) {
		fprintf(stderr, "uiommu groups: %s: %s\n", name, error);
		return -1;
	}
	if (machine_boot(machine, 0, error, sizeof(error))) {
		fprintf(stderr, "uiommu groups: %s does not boot: %s\n", name, error);
		machine_destroy(machine);
		return -1;
	}
	for (size_t i = 0; i < machine_topology(machine)->num_functions; i++)
		take(machine_topology(machine)->functions[i], world);
	take_groups(machine, world);
	machine_destroy(machine);
	return groups_connect(world);
}
