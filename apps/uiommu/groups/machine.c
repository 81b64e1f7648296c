/* SPDX-License-Identifier: MIT */
/* machine.c - functions of a machine that is built in or described by a Devicetree source */
#include <stdlib.h>
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

static int group_number(struct machine_device *device)
{
	struct uiommu_device *dev = machine_device_uiommu(device);
	struct uiommu_group *group = dev ? uiommu_group_get(dev) : NULL;
	int number = group ? (int)uiommu_group_id(group) : GROUPS_NONE;

	if (group)
		uiommu_group_put(group);
	return number;
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

/* A device on no bus: its group is known to the core alone. */
static void take_other(struct machine_device *device, struct groups_world *world)
{
	struct groups_other *all =
		reallocarray(world->other, world->num_others + 1, sizeof(*world->other));

	if (!all) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	world->other = all;
	all[world->num_others++] = (struct groups_other){
		.name = strdup(machine_device_label(device)),
		.ids = strdup("on no bus"),
		.group = GROUPS_NONE,
	};
}

/* Behind those of the functions, by the core's numbers. */
static void number_others(struct machine *machine, struct groups_world *world)
{
	unsigned int next = 0;
	int first = 0;

	groups_partition(world);
	first = world->num_groups;
	for (unsigned int i = 0; i < machine_num_devices(machine); i++) {
		struct machine_device *device = machine_device_at(machine, i);

		if (machine_device_function(device))
			continue;
		world->other[next].group = first + (int)next;
		for (unsigned int k = 0, n = 0; k < i; k++) {
			struct machine_device *before = machine_device_at(machine, k);

			if (machine_device_function(before))
				continue;
			if (group_number(before) == group_number(device))
				world->other[next].group = world->other[n].group;
			n++;
		}
		next++;
	}
}

/* What the library's core made of them, when its drivers probed. */
static void take_groups(struct machine *machine, struct groups_world *world)
{
	for (unsigned int i = 0; i < machine_num_devices(machine); i++) {
		struct machine_device *device = machine_device_at(machine, i);
		struct uiommu_pci_function *fn = machine_device_function(device);

		if (!fn) {
			take_other(device, world);
			continue;
		}
		for (unsigned int k = 0; k < world->count; k++) {
			struct groups_function *f = &world->function[k];

			if (f->fn.segment != fn->segment || f->fn.bus != fn->bus ||
			    f->fn.devfn != fn->devfn)
				continue;
			snprintf(f->label, sizeof(f->label), "%s", machine_device_label(device));
			f->reported = group_number(device);
		}
	}
	world->reporter = "the core, with the machine's drivers";
}

int groups_from_machine(const char *name, struct groups_world *world)
{
	const struct machine_options options = { .name = name, .hardware = "model", .seed = 1 };
	struct machine *machine;
	char error[256];
	int rc;

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
	rc = groups_connect(world);
	if (!rc)
		number_others(machine, world);
	machine_destroy(machine);
	return rc;
}
