/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - which IOMMU is above each function, from the tables of a machine
 *
 * A folder as /sys/firmware/acpi/tables, with DMAR, IORT or VIOT in files of these names (acpidump and acpixtract
 * make dmar.dat and the like, which are taken too).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu/acpi.h>
#include <uiommu/iort.h>
#include <uiommu/posix.h>
#include <uiommu/viot.h>

#include "apps/uiommu/groups/groups.h"

struct tables {
	struct uiommu_posix *host;
	struct uiommu_dmar *dmar;
	struct uiommu_iort *iort;
	struct uiommu_viot *viot;
};

static FILE *open_table(const char *folder, const char *name)
{
	char path[4096], lower[8];
	size_t i;
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = fopen(path, "rb");
	if (in)
		return in;
	for (i = 0; name[i]; i++)
		lower[i] = (char)(name[i] | 0x20);
	lower[i] = '\0';
	snprintf(path, sizeof(path), "%s/%s.dat", folder, lower);
	return fopen(path, "rb");
}

/* NULL without a message: there is no such table. */
static void *read_table(const char *folder, const char *name, size_t *size)
{
	FILE *in = open_table(folder, name);
	unsigned char *data = NULL;
	size_t room = 0;

	*size = 0;
	while (in) {
		if (*size == room) {
			unsigned char *more = realloc(data, room + 65536);

			if (!more)
				break;
			data = more;
			room += 65536;
		}
		room = *size + fread(data + *size, 1, room - *size, in);
		if (room == *size)
			break;
		*size = room;
	}
	if (in)
		fclose(in);
	return data;
}

static int complain(const char *folder, const char *name, int rc,
		    const struct uiommu_acpi_error *error)
{
	if (rc == -UIOMMU_EINVAL)
		fprintf(stderr, "uiommu groups: %s: %s, byte %zu: %s: %s\n", folder, name,
			error->offset, error->what, error->why);
	else
		fprintf(stderr, "uiommu groups: %s: %s: %s\n", folder, name, uiommu_strerror(rc));
	return -1;
}

static int read_tables(const char *folder, struct tables *t)
{
	struct uiommu_acpi_error error = { 0 };
	unsigned int found = 0;
	size_t size;
	void *data;
	int rc = 0;

	data = read_table(folder, "DMAR", &size);
	if (data && ++found && (rc = uiommu_dmar_parse(t->host, data, size, &t->dmar, &error)))
		rc = complain(folder, "DMAR", rc, &error);
	free(data);
	data = rc ? NULL : read_table(folder, "IORT", &size);
	if (data && ++found && (rc = uiommu_iort_parse(t->host, data, size, &t->iort, &error)))
		rc = complain(folder, "IORT", rc, &error);
	free(data);
	data = rc ? NULL : read_table(folder, "VIOT", &size);
	if (data && ++found && (rc = uiommu_viot_parse(t->host, data, size, &t->viot, &error)))
		rc = complain(folder, "VIOT", rc, &error);
	free(data);
	if (!rc && !found) {
		fprintf(stderr,
			"uiommu groups: %s: there is no DMAR, IORT or VIOT in it; copy "
			"/sys/firmware/acpi/tables of the machine, as root\n",
			folder);
		rc = -1;
	}
	return rc;
}

static const char *iort_name(const struct uiommu_iort *iort, const struct uiommu_pci_function *fn)
{
	uint32_t id = uiommu_pci_source_id(fn);
	const struct uiommu_iort_node *node = uiommu_iort_root_complex(iort, fn->segment, id);

	/* A graph in a table could be a circle. */
	for (size_t steps = 0; node && steps <= iort->num_nodes; steps++) {
		if (uiommu_iort_is_smmu(node))
			return node->name;
		node = uiommu_iort_map(node, id, &id);
	}
	return NULL;
}

static const char *name_above(const struct tables *t, struct uiommu_pci_function *fn)
{
	const struct uiommu_dmar_unit *unit = t->dmar ? uiommu_dmar_unit_of(t->dmar, fn) : NULL;
	const struct uiommu_viot_iommu *viommu;
	const char *name;
	uint32_t endpoint;

	if (unit)
		return unit->name;
	name = t->iort ? iort_name(t->iort, fn) : NULL;
	if (name)
		return name;
	viommu = t->viot ? uiommu_viot_pci(t->viot, fn->segment, uiommu_pci_source_id(fn),
					   &endpoint) :
			   NULL;
	return viommu ? viommu->name : "none";
}

int groups_read_acpi(const char *folder, struct groups_world *world)
{
	const struct uiommu_posix_config config = { .ram_size = 4096, .ram_fd = -1 };
	struct tables t = { 0 };
	int rc;

	if (uiommu_posix_create(&config, &t.host)) {
		fputs("uiommu groups: no memory\n", stderr);
		return -1;
	}
	rc = read_tables(folder, &t);
	for (unsigned int i = 0; i < world->count && !rc; i++)
		snprintf(world->function[i].iommu, sizeof(world->function[i].iommu), "%s",
			 name_above(&t, &world->function[i].fn));
	uiommu_dmar_free(t.dmar);
	uiommu_iort_free(t.iort);
	uiommu_viot_free(t.viot);
	uiommu_posix_destroy(t.host);
	return rc;
}
