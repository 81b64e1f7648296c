/* SPDX-License-Identifier: MIT */
/* world.c - the functions of a machine: their images, who is above whom, and the partition */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/uiommu/groups/groups.h"
#include "spec/pci.h"

#define ACS_CAPABILITY_SIZE 8u
#define ACS_ALL                                                                               \
	(PCI_ACS_SOURCE_VALIDATION | PCI_ACS_REQUEST_REDIRECT | PCI_ACS_COMPLETION_REDIRECT | \
	 PCI_ACS_UPSTREAM_FORWARDING)

/* ---- images ------------------------------------------------------------------------------------ */

static uint32_t image_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	const struct groups_function *f = groups_of(fn);
	uint32_t value = 0;

	if (offset + size > f->config_size)
		return UINT32_MAX >> (32 - 8 * size);
	memcpy(&value, f->config + offset, size);
	return value;
}

static void image_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			uint32_t value)
{
	struct groups_function *f = groups_of(fn);

	if (offset + size <= f->config_size)
		memcpy(f->config + offset, &value, size);
}

static void put16(struct groups_function *f, unsigned int at, uint32_t value)
{
	f->config[at] = (uint8_t)value;
	f->config[at + 1] = (uint8_t)(value >> 8);
}

static void put32(struct groups_function *f, unsigned int at, uint32_t value)
{
	put16(f, at, value & 0xffff);
	put16(f, at + 2, value >> 16);
}

/* An ACS capability at the end of the list, in bytes that nothing else uses. */
static unsigned int add_acs(struct groups_function *f)
{
	const unsigned int at = sizeof(f->config) - ACS_CAPABILITY_SIZE;
	unsigned int last = PCI_EXT_CAP_FIRST;
	uint32_t header;

	if (f->config_size < sizeof(f->config)) {
		memset(f->config + f->config_size, 0, sizeof(f->config) - f->config_size);
		f->config_size = sizeof(f->config);
	}
	memset(f->config + at, 0, ACS_CAPABILITY_SIZE);
	header = image_read(&f->fn, last, 4);
	if (header == 0 || header == UINT32_MAX) {
		/* None so far: the first place has to be one, of ID 0 if it is nothing else. */
		put32(f, last, (uint32_t)at << 20);
	} else {
		for (unsigned int i = 0; i < 1024 && header >> 20 >= PCI_EXT_CAP_FIRST; i++) {
			last = header >> 20 & ~3u;
			header = image_read(&f->fn, last, 4);
		}
		put32(f, last, (header & 0xfffff) | (uint32_t)at << 20);
	}
	put32(f, at, PCI_EXT_CAP_ID_ACS | 1u << 16);
	put16(f, at + PCI_ACS_CAPABILITY, ACS_ALL);
	return at;
}

int groups_enable_acs(struct groups_function *f)
{
	unsigned int at;

	switch (uiommu_pci_isolation(&f->fn, NULL)) {
	case UIOMMU_PCI_OPEN_CONVENTIONAL:
	case UIOMMU_PCI_OPEN_BRIDGE:
	case UIOMMU_PCI_OPEN_QUIRK:
		return -1;
	default:
		break;
	}
	at = uiommu_pci_find_ext_capability(&f->fn, PCI_EXT_CAP_ID_ACS);
	if (!at)
		at = add_acs(f);
	put16(f, at + PCI_ACS_CONTROL, image_read(&f->fn, at + PCI_ACS_CAPABILITY, 2) & ACS_ALL);
	return 0;
}

/* ---- functions --------------------------------------------------------------------------------- */

struct groups_function *groups_add(struct groups_world *world, unsigned int segment,
				   unsigned int bus, unsigned int device, unsigned int function)
{
	struct groups_function *all = reallocarray(world->function, world->count + 1, sizeof(*all)),
			       *f;

	if (!all) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	world->function = all;
	f = &all[world->count++];
	memset(f, 0, sizeof(*f));
	f->fn.segment = (uint16_t)segment;
	f->fn.bus = (uint8_t)bus;
	f->fn.devfn = (uint8_t)PCI_DEVFN(device, function);
	f->reported = GROUPS_NONE;
	f->group = GROUPS_NONE;
	snprintf(f->name, sizeof(f->name), "%04x:%02x:%02x.%x", segment & 0xffff, bus & 0xff,
		 device & 31, function & 7);
	return f;
}

static bool is_bridge(const struct groups_function *f)
{
	return (f->config[PCI_HEADER_TYPE] & PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE;
}

/* The bridge whose secondary bus is the function's; a bridge that leads to its own bus is none. */
static struct uiommu_pci_function *find_parent(const struct groups_world *world,
					       const struct groups_function *f)
{
	for (unsigned int i = 0; i < world->count; i++) {
		struct groups_function *up = &world->function[i];

		if (up != f && is_bridge(up) && up->fn.segment == f->fn.segment &&
		    up->config[PCI_SECONDARY_BUS] == f->fn.bus && up->fn.bus != f->fn.bus)
			return &up->fn;
	}
	return NULL;
}

int groups_connect(struct groups_world *world)
{
	struct uiommu_pci_topology *t = &world->topology;

	t->functions = calloc(world->count + 1, sizeof(struct uiommu_pci_function *));
	if (!t->functions) {
		fputs("uiommu groups: no memory\n", stderr);
		return -1;
	}
	t->num_functions = world->count;
	t->config_read = image_read;
	t->config_write = image_write;
	for (unsigned int i = 0; i < world->count; i++) {
		struct groups_function *f = &world->function[i];

		t->functions[i] = &f->fn;
		f->fn.topology = t;
		f->fn.parent = find_parent(world, f);
	}
	/* Bridges whose bus numbers lead round in a circle were not set up: nothing is above them. */
	for (unsigned int i = 0; i < world->count; i++) {
		struct uiommu_pci_function *up = world->function[i].fn.parent;

		for (unsigned int depth = 0; up; up = up->parent)
			if (++depth > 256) {
				fprintf(stderr,
					"uiommu groups: %s: the bus numbers of the bridges above it "
					"lead round in a circle; were they assigned?\n",
					world->function[i].name);
				return -1;
			}
	}
	return 0;
}

struct groups_function *groups_find(struct groups_world *world, const char *name)
{
	for (unsigned int i = 0; i < world->count; i++) {
		struct groups_function *f = &world->function[i];

		if (!strcmp(f->name, name) || !strcmp(f->name + 5, name) ||
		    (f->label[0] && !strcmp(f->label, name)))
			return f;
	}
	fprintf(stderr,
		"uiommu groups: there is no function \"%s\"; names are as in the list that is printed "
		"without --explain\n",
		name);
	return NULL;
}

/* ---- the partition ----------------------------------------------------------------------------- */

/* Number the groups in the order of their first functions. */
void groups_partition(struct groups_world *world)
{
	unsigned int *queue = calloc(world->count + 1, sizeof(*queue));

	if (!queue) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	world->num_groups = 0;
	for (unsigned int i = 0; i < world->count; i++)
		world->function[i].group = GROUPS_NONE;
	for (unsigned int i = 0; i < world->count; i++) {
		unsigned int head = 0, tail = 0;

		if (world->function[i].group != GROUPS_NONE)
			continue;
		world->function[i].group = world->num_groups;
		queue[tail++] = i;
		while (head < tail) {
			struct groups_function *f = &world->function[queue[head++]];

			for (unsigned int k = 0; k < world->count; k++) {
				struct groups_function *other = &world->function[k];

				if (other->group != GROUPS_NONE ||
				    !uiommu_pci_joined(&f->fn, &other->fn, NULL))
					continue;
				other->group = world->num_groups;
				queue[tail++] = k;
			}
		}
		world->num_groups++;
	}
	free(queue);
}

unsigned int groups_size(const struct groups_world *world, int group)
{
	unsigned int size = 0;

	for (unsigned int i = 0; i < world->count; i++)
		size += world->function[i].group == group;
	return size;
}

void groups_free(struct groups_world *world)
{
	for (unsigned int i = 0; i < world->num_others; i++) {
		free(world->other[i].name);
		free(world->other[i].ids);
	}
	free(world->other);
	free(world->topology.functions);
	free(world->function);
	*world = (struct groups_world){ 0 };
}
