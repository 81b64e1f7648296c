/* SPDX-License-Identifier: MIT */
/*
 * unit.h - an IOMMU of a modelled machine, whatever its kind: unit_KIND.c makes one from its node
 *
 * All operations are called with the bus of models/pci.h held, but for destroy.
 */
#ifndef MACHINES_UNIT_H
#define MACHINES_UNIT_H

#include "machines/describe.h"
#include "models/pci.h"

struct unit;

/* What a unit is made from. */
struct unit_build {
	const struct describe *d;
	const struct describe_unit *from;
	struct model_memory *memory;
	uint64_t seed;
	char *error;
	size_t error_size;
};

/* All but destroy and, for units that are no PCI functions, read and write may be NULL. */
struct unit_ops {
	uint64_t (*read)(struct unit *unit, uint32_t offset, unsigned int size);
	void (*write)(struct unit *unit, uint32_t offset, unsigned int size, uint64_t value);
	/* Pending work goes one step on; whether anything is still pending. */
	bool (*step)(struct unit *unit);
	void (*expect_clean)(struct unit *unit, bool clean);
	/* A unit that is a PCI function: what it needs there, and then the function itself. 0 or -1. */
	void (*configure)(struct unit *unit, struct model_pci_config *config);
	int (*attach)(struct unit *unit, struct model_pci_function *fn);
	void (*destroy)(struct unit *unit);
};

struct unit {
	const struct unit_ops *ops; /* NULL: not made */
	const struct describe_unit *from;
	void *model;
	struct model_pci_iommu
		iommu; /* requests carry the ID that firmware gave, in segment:source_id */
	bool intx; /* virtio: no MSI-X */

	/* Set before the unit is made; with the first, whether there is an endpoint of this ID behind it. */
	bool (*behind)(void *context, const struct unit *unit, uint32_t id);
	model_report_fn report;
	model_msi_fn msi;
	void *context;
};

/* 0, or a negative errno and a line in the build's error. */
int machine_unit_vtd(const struct unit_build *build, struct unit *unit);
int machine_unit_smmuv3(const struct unit_build *build, struct unit *unit);
int machine_unit_virtio(const struct unit_build *build, struct unit *unit);

/* A field of a model's configuration that a property of the node, by its name, sets. */
struct unit_field {
	const char *name;
	size_t offset, size; /* of bool or an unsigned integer */
};
/* A property without a value is true; one cell is 32 bits, two are 64. */
void machine_unit_fields(const void *dtb, int node, const struct unit_field *fields, size_t count,
			 void *config);

#endif /* MACHINES_UNIT_H */
