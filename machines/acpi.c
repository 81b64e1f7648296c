/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - writes the tables DMAR (VT-d specification, chapter 8) and VIOT (ACPI 6.5, 5.2.34) of a machine
 *
 * A scope's path starts at the root bus and goes through the bridges, as firmware writes it: bus numbers
 * below do not stand in the table, since software may change them.
 */
#include <stdlib.h>
#include <string.h>

#include "machines/acpi.h"
#include "spec/acpi.h"
#include "spec/pci.h"

/* A table being written: grows; after a failure it takes nothing more. */
struct table {
	unsigned char *data;
	size_t size, room;
	int failed;
};

static void add(struct table *t, uint64_t value, unsigned int bytes)
{
	if (t->size + bytes > t->room) {
		size_t room = t->room ? 2 * t->room : 256;
		unsigned char *bigger = realloc(t->data, room);

		if (!bigger) {
			t->failed = 1;
			return;
		}
		t->data = bigger;
		t->room = room;
	}
	for (unsigned int i = 0; i < bytes; i++)
		t->data[t->size++] = (unsigned char)(value >> 8 * i);
}

static void add_text(struct table *t, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		add(t, (unsigned char)text[i], 1);
}

static void patch(struct table *t, size_t at, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes && at + i < t->size; i++)
		t->data[at + i] = (unsigned char)(value >> 8 * i);
}

/* Every table's header (ACPI 5.2.6). */
static void add_header(struct table *t, const char *signature, unsigned int revision)
{
	add_text(t, signature, 4);
	add(t, 0, 4);
	add(t, revision, 1);
	add(t, 0, 1);
	add_text(t, "UIOMMU", 6);
	add_text(t, "MACHINE ", 8);
	add(t, 1, 4);
	add_text(t, "UIOM", 4);
	add(t, 1, 4);
}

/* Length and checksum; NULL: there was no memory. */
static unsigned char *finish(struct table *t, size_t *size)
{
	unsigned char sum = 0;

	if (t->failed) {
		free(t->data);
		return NULL;
	}
	patch(t, ACPI_TABLE_LENGTH, t->size, 4);
	for (size_t i = 0; i < t->size; i++)
		sum = (unsigned char)(sum + t->data[i]);
	patch(t, ACPI_TABLE_CHECKSUM, (unsigned char)-sum, 1);
	*size = t->size;
	return t->data;
}

static size_t begin(struct table *t, enum acpi_dmar_type type)
{
	size_t start = t->size;

	add(t, type, 2);
	add(t, 0, 2);
	return start;
}

static void end(struct table *t, size_t start)
{
	patch(t, start + ACPI_DMAR_SUB_LENGTH, t->size - start, 2);
}

static void add_path(struct table *t, const struct describe *d, unsigned int function)
{
	const struct describe_function *fn = &d->functions[function];

	if (fn->parent != DESCRIBE_NONE)
		add_path(t, d, fn->parent);
	add(t, PCI_SLOT(fn->devfn), 1);
	add(t, PCI_FUNC(fn->devfn), 1);
}

static void add_scope(struct table *t, const struct describe *d, unsigned int function)
{
	const struct describe_function *fn = &d->functions[function];
	size_t start = t->size;

	add(t, describe_is_bridge(fn->kind) ? ACPI_SCOPE_BRIDGE : ACPI_SCOPE_ENDPOINT, 1);
	add(t, 0, 1);
	add(t, 0, 2);
	add(t, 0, 1);
	add(t, d->hosts[fn->host].first_bus, 1);
	add_path(t, d, function);
	patch(t, start + ACPI_SCOPE_LENGTH, t->size - start, 1);
}

static void add_unit(struct table *t, const struct describe *d, const struct describe_unit *unit)
{
	size_t start = begin(t, ACPI_DMAR_DRHD);

	add(t, unit->include_all ? ACPI_DMAR_DRHD_INCLUDE_PCI_ALL : 0, 1);
	add(t, 0, 1);
	add(t, unit->segment, 2);
	add(t, unit->base, 8);
	for (unsigned int i = 0; i < unit->num_scopes; i++)
		add_scope(t, d, unit->scopes[i]);
	end(t, start);
}

static void add_region(struct table *t, const struct describe *d, const struct describe_region *r)
{
	size_t start = begin(t, ACPI_DMAR_RMRR);

	add(t, 0, 2);
	add(t, r->num_functions ? d->hosts[d->functions[r->functions[0]].host].segment : 0, 2);
	add(t, r->base, 8);
	add(t, r->last, 8);
	for (unsigned int i = 0; i < r->num_functions; i++)
		add_scope(t, d, r->functions[i]);
	end(t, start);
}

static void add_ats(struct table *t, const struct describe *d)
{
	for (unsigned int h = 0; h < d->num_hosts; h++) {
		size_t start;

		if (!d->hosts[h].atsr)
			continue;
		start = begin(t, ACPI_DMAR_ATSR);
		add(t, ACPI_DMAR_ATSR_ALL_PORTS, 1);
		add(t, 0, 1);
		add(t, d->hosts[h].segment, 2);
		end(t, start);
	}
	for (unsigned int f = 0; f < d->num_functions; f++) {
		size_t start;

		if (!d->functions[f].satc)
			continue;
		start = begin(t, ACPI_DMAR_SATC);
		add(t, 0, 1);
		add(t, 0, 1);
		add(t, d->hosts[d->functions[f].host].segment, 2);
		add_scope(t, d, f);
		end(t, start);
	}
}

unsigned char *machine_acpi_dmar(const struct describe *d, size_t *size)
{
	struct table t = { 0 };

	add_header(&t, "DMAR", 1);
	add(&t, 52 - 1, 1);
	add(&t, 0, 1);
	add(&t, 0, 8);
	add(&t, 0, 2);
	/* Units that name their devices come before the one that takes the rest (8.3). */
	for (int rest = 0; rest < 2; rest++)
		for (unsigned int i = 0; i < d->num_units; i++)
			if (d->units[i].kind == DESCRIBE_UNIT_VTD &&
			    d->units[i].include_all == rest)
				add_unit(&t, d, &d->units[i]);
	for (unsigned int i = 0; i < d->num_regions; i++)
		add_region(&t, d, &d->regions[i]);
	add_ats(&t, d);
	return finish(&t, size);
}

/* ---- VIOT -------------------------------------------------------------------------------------- */

#define VIOT_NODE_COUNT 36 /* 16 bits; then the offset of the first node */
#define VIOT_NODES 48

enum viot_node { VIOT_PCI_RANGE = 1, VIOT_VIRTIO_PCI = 3, VIOT_VIRTIO_MMIO = 4 };

/* The device and its bus: firmware has numbered the buses as it goes, the root bus is what it begins with. */
static void add_virtio(struct table *t, const struct describe *d, const struct describe_unit *unit)
{
	const struct describe_function *fn;

	if (unit->size) {
		add(t, VIOT_VIRTIO_MMIO, 2);
		add(t, 16, 2);
		add(t, 0, 4);
		add(t, unit->base, 8);
		return;
	}
	fn = &d->functions[unit->function];
	add(t, VIOT_VIRTIO_PCI, 2);
	add(t, 16, 2);
	add(t, unit->segment, 2);
	add(t, (uint64_t)d->hosts[fn->host].first_bus << 8 | fn->devfn, 2);
	add(t, 0, 8);
}

static void add_range(struct table *t, const struct describe_host *host,
		      const struct describe_map *map, size_t output)
{
	add(t, VIOT_PCI_RANGE, 2);
	add(t, 24, 2);
	add(t, map->id, 4);
	add(t, host->segment, 2);
	add(t, host->segment, 2);
	add(t, map->first, 2);
	add(t, map->first + map->count - 1, 2);
	add(t, output, 2);
	add(t, 0, 6);
}

unsigned char *machine_acpi_viot(const struct describe *d, size_t *size)
{
	struct table t = { 0 };
	unsigned int count = 0;

	add_header(&t, "VIOT", 0);
	add(&t, 0, 2);
	add(&t, VIOT_NODES, 2);
	add(&t, 0, 8);
	for (unsigned int u = 0; u < d->num_units; u++) {
		size_t output = t.size;

		if (d->units[u].kind != DESCRIBE_UNIT_VIRTIO)
			continue;
		add_virtio(&t, d, &d->units[u]);
		count++;
		for (unsigned int h = 0; h < d->num_hosts; h++)
			for (unsigned int i = 0; i < d->hosts[h].num_maps; i++)
				if (d->hosts[h].maps[i].unit == u) {
					add_range(&t, &d->hosts[h], &d->hosts[h].maps[i], output);
					count++;
				}
	}
	patch(&t, VIOT_NODE_COUNT, count, 2);
	return finish(&t, size);
}
