/* SPDX-License-Identifier: MIT */
/*
 * groups.h - what the files of "uiommu groups" share: the functions of a machine, and their groups
 *
 * Wherever they come from, functions end up as images of their configuration space; the library's own rules
 * (uiommu/pci.h) look at these, so that a what-if is a changed image and nothing else.
 */
#ifndef APPS_GROUPS_H
#define APPS_GROUPS_H

#include <stdio.h>

#include <uiommu/pci.h>

#define GROUPS_NONE (-1)

struct groups_function {
	struct uiommu_pci_function fn; /* first */
	char name[16]; /* "0000:00:1c.0" */
	char label[24]; /* of a machine's description; else "" */
	char what[128]; /* class and name, for people */
	char iommu[16]; /* above it, by firmware's tables: "dmar0", "none"; "": not known */
	uint8_t config[4096];
	unsigned int config_size; /* how much of it is known: 64, 256 or 4096 */
	int group; /* by the rules */
	int reported; /* by whoever runs the machine */
};

/* A device that is no PCI function, from a Devicetree: its group is made by the IDs that it sends under. */
struct groups_other {
	char *name;
	char *ids; /* in words */
	int group;
};

struct groups_world {
	struct groups_function *function;
	unsigned int count;
	struct uiommu_pci_topology topology;
	struct groups_other *other;
	unsigned int num_others;
	const char *reporter; /* who reported groups, for people; NULL: nobody */
	int num_groups;
};

/* Sources: 0, or -1 after a line on standard error that says what, where and what to do. */
int groups_from_lspci(const char *file, struct groups_world *world);
int groups_from_sysfs(struct groups_world *world);
int groups_from_machine(const char *name, struct groups_world *world);
int groups_from_dtb(const char *file, struct groups_world *world);

/* acpi.c: the tables in a folder say which IOMMU is above each function; 0 or -1 as above */
int groups_read_acpi(const char *folder, struct groups_world *world);

/* world.c */
struct groups_function *groups_add(struct groups_world *world, unsigned int segment,
				   unsigned int bus, unsigned int device, unsigned int function);
/* After the last one was added: parents, topology. */
int groups_connect(struct groups_world *world);
/* "0000:00:1c.0", "00:1c.0" or a label; NULL after a line on standard error. */
struct groups_function *groups_find(struct groups_world *world, const char *name);
/* Sort all functions into groups by the rules. */
void groups_partition(struct groups_world *world);
unsigned int groups_size(const struct groups_world *world, int group);
/* As if the function had, and had enabled, access control services; -1: it is of a kind that has none. */
int groups_enable_acs(struct groups_function *f);
void groups_free(struct groups_world *world);

/* print.c */
void groups_print_tree(const struct groups_world *world, FILE *out);
void groups_print_json(const struct groups_world *world, FILE *out);
void groups_print_dot(const struct groups_world *world, FILE *out);
/* Where the reported groups differ; how many functions do. */
unsigned int groups_compare(const struct groups_world *world, FILE *out);

/* explain.c */
void groups_explain(struct groups_world *world, struct groups_function *f, FILE *out);
void groups_say_isolation(struct groups_function *f, char *text, size_t size);

static inline struct groups_function *groups_of(struct uiommu_pci_function *fn)
{
	return (struct groups_function *)(void *)fn;
}

#endif /* APPS_GROUPS_H */
