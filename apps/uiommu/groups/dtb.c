/* SPDX-License-Identifier: MIT */
/*
 * dtb.c - what a flattened Devicetree says: platform devices, by the IDs under which they send
 *
 * Two devices that share an ID at one IOMMU cannot be told apart.  PCI functions are not in such a tree.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu/fdt.h>
#include <uiommu/posix.h>

#include "apps/uiommu/groups/groups.h"

static void *read_file(const char *file, size_t *size)
{
	FILE *in = fopen(file, "rb");
	void *data = NULL;
	long length;

	if (in && fseek(in, 0, SEEK_END) == 0 && (length = ftell(in)) > 0 &&
	    (data = malloc((size_t)length))) {
		rewind(in);
		*size = fread(data, 1, (size_t)length, in);
	}
	if (!data)
		fprintf(stderr, "uiommu groups: %s: %s\n", file,
			in ? "it is empty" : strerror(errno));
	if (in)
		fclose(in);
	return data;
}

static bool share(const struct uiommu_dt_master *a, const struct uiommu_dt_master *b)
{
	for (size_t i = 0; i < a->num_references; i++)
		for (size_t k = 0; k < b->num_references; k++) {
			const struct uiommu_dt_reference *x = &a->references[i],
							 *y = &b->references[k];

			/* Without IDs an IOMMU takes all that is behind it for one. */
			if (x->iommu == y->iommu &&
			    !memcmp(x->ids, y->ids, x->iommu->cells * sizeof(uint32_t)))
				return true;
		}
	return false;
}

static void say_ids(const struct uiommu_dt_master *m, char *text, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < m->num_references && at < size; i++) {
		const struct uiommu_dt_reference *r = &m->references[i];

		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "", r->iommu->path);
		for (unsigned int c = 0; c < r->iommu->cells && at < size; c++)
			at += (size_t)snprintf(text + at, size - at, " 0x%x", r->ids[c]);
	}
}

static void take(const struct uiommu_dt *dt, struct groups_world *world)
{
	unsigned int *from = calloc(dt->num_masters + 1, sizeof(*from));
	char text[256];

	world->other = calloc(dt->num_masters + 1, sizeof(*world->other));
	if (!world->other || !from) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	for (size_t i = 0; i < dt->num_masters; i++) {
		const struct uiommu_dt_master *m = &dt->masters[i];
		struct groups_other *other = &world->other[world->num_others];
		int group = GROUPS_NONE;

		if (m->pci || !m->num_references)
			continue;
		say_ids(m, text, sizeof(text));
		other->name = strdup(m->path);
		other->ids = strdup(text);
		from[world->num_others] = (unsigned int)i;
		/* It may bring groups together that were apart so far. */
		for (unsigned int k = 0; k < world->num_others; k++) {
			if (!share(m, &dt->masters[from[k]]))
				continue;
			if (group == GROUPS_NONE)
				group = world->other[k].group;
			for (unsigned int n = 0; n < world->num_others; n++)
				if (n != k && world->other[n].group == world->other[k].group)
					world->other[n].group = group;
			world->other[k].group = group;
		}
		other->group = group == GROUPS_NONE ? (int)world->num_others : group;
		world->num_others++;
	}
	free(from);
}

int groups_from_dtb(const char *file, struct groups_world *world)
{
	const struct uiommu_posix_config config = { .ram_size = 4096, .ram_fd = -1 };
	struct uiommu_dt_error where = { .property = "", .why = "" };
	struct uiommu_dt_source source;
	struct uiommu_posix *host;
	struct uiommu_dt *dt;
	const char *why = "";
	size_t size = 0;
	void *data = read_file(file, &size);
	int rc;

	if (!data)
		return -1;
	if (uiommu_posix_create(&config, &host)) {
		fputs("uiommu groups: no memory\n", stderr);
		free(data);
		return -1;
	}
	rc = uiommu_fdt_source(data, size, &source, &why);
	if (rc) {
		fprintf(stderr, "uiommu groups: %s: no flattened Devicetree: %s (dtc makes them)\n",
			file, why);
	} else {
		rc = uiommu_dt_parse(host, &source, &dt, &where);
		if (rc)
			fprintf(stderr, "uiommu groups: %s: %s, %s, cell %zu: %s\n", file,
				where.path, where.property, where.cell, where.why);
	}
	if (!rc) {
		for (size_t i = 0; i < dt->num_masters; i++)
			if (dt->masters[i].pci)
				fprintf(stderr,
					"uiommu groups: %s is a PCI host bridge: a Devicetree does not "
					"list its functions; use --lspci for these\n",
					dt->masters[i].path);
		take(dt, world);
		uiommu_dt_free(dt);
	}
	uiommu_posix_destroy(host);
	free(data);
	return rc ? -1 : 0;
}
