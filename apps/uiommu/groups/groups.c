/* SPDX-License-Identifier: MIT */
/* groups.c - the command line of "uiommu groups" */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "apps/uiommu/groups/command.h"
#include "apps/uiommu/groups/groups.h"

enum {
	KEY_MACHINE = 256,
	KEY_SYSFS,
	KEY_LSPCI,
	KEY_DTB,
	KEY_ACPI,
	KEY_EXPLAIN,
	KEY_WHAT_IF,
	KEY_FORMAT
};

static const struct argp_option arguments[] = {
	{ "machine", KEY_MACHINE, "NAME|FILE", 0, "Of a machine: built in, .dts or .dtb", 0 },
	{ "sysfs", KEY_SYSFS, NULL, 0, "Of this machine, compared with what Linux says (default)",
	  0 },
	{ "lspci", KEY_LSPCI, "FILE", 0, "Of a machine by its dump: lspci -xxxx, as root", 0 },
	{ "acpi", KEY_ACPI, "FOLDER", 0,
	  "With --lspci or --sysfs: tables (DMAR, IORT, VIOT) that say which IOMMU is above whom",
	  0 },
	{ "dtb", KEY_DTB, "FILE", 0, "Of the platform devices in a flattened Devicetree", 0 },
	{ "explain", KEY_EXPLAIN, "DEVICE", 0, "Why this device is in its group", 0 },
	{ "what-if", KEY_WHAT_IF, "acs=DEVICE", 0,
	  "As if this bridge or function had ACS enabled; may be given several times", 0 },
	{ "format", KEY_FORMAT, "NAME", 0, "tree (for people), json or dot", 0 },
	{ 0 },
};

struct options {
	int source;
	const char *name, *acpi, *explain, *format;
	const char **what_if;
	unsigned int num_what_if;
};

static int set_source(struct options *o, int key, const char *name)
{
	if (o->source && o->source != key)
		return -1;
	o->source = key;
	o->name = name;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case KEY_MACHINE:
	case KEY_SYSFS:
	case KEY_LSPCI:
	case KEY_DTB:
		if (set_source(o, key, arg))
			argp_error(state, "one of --machine, --sysfs, --lspci and --dtb");
		return 0;
	case KEY_ACPI:
		o->acpi = arg;
		return 0;
	case KEY_EXPLAIN:
		o->explain = arg;
		return 0;
	case KEY_WHAT_IF:
		if (strncmp(arg, "acs=", 4))
			argp_error(state, "--what-if: acs=DEVICE and not \"%s\"", arg);
		o->what_if = reallocarray(o->what_if, o->num_what_if + 1, sizeof(const char *));
		if (!o->what_if)
			argp_failure(state, 2, 0, "no memory");
		o->what_if[o->num_what_if++] = arg + 4;
		return 0;
	case KEY_FORMAT:
		if (strcmp(arg, "tree") && strcmp(arg, "json") && strcmp(arg, "dot"))
			argp_error(state, "--format: tree, json or dot and not \"%s\"", arg);
		o->format = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->acpi && (o->source == KEY_MACHINE || o->source == KEY_DTB))
			argp_error(state, "--acpi goes with --lspci or --sysfs");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int load(const struct options *o, struct groups_world *world)
{
	switch (o->source) {
	case KEY_MACHINE:
		return groups_from_machine(o->name, world);
	case KEY_LSPCI:
		return groups_from_lspci(o->name, world);
	case KEY_DTB:
		return groups_from_dtb(o->name, world);
	default:
		return groups_from_sysfs(world);
	}
}

static int apply_what_if(const struct options *o, struct groups_world *world)
{
	for (unsigned int i = 0; i < o->num_what_if; i++) {
		struct groups_function *f = groups_find(world, o->what_if[i]);
		char why[256];

		if (!f)
			return -1;
		if (groups_enable_acs(f)) {
			groups_say_isolation(f, why, sizeof(why));
			fprintf(stderr, "uiommu groups: ACS would not help at %s: %s\n", f->name,
				why);
			return -1;
		}
	}
	return 0;
}

static int show(const struct options *o, struct groups_world *world)
{
	struct groups_function *f;

	groups_partition(world);
	if (o->explain) {
		f = groups_find(world, o->explain);
		if (!f)
			return 2;
		groups_explain(world, f, stdout);
		return 0;
	}
	if (!strcmp(o->format, "json"))
		groups_print_json(world, stdout);
	else if (!strcmp(o->format, "dot"))
		groups_print_dot(world, stdout);
	else
		groups_print_tree(world, stdout);
	/* A what-if differs from what is there on purpose. */
	if (!world->reporter || o->num_what_if)
		return 0;
	if (groups_compare(world, stderr))
		return 1;
	if (!strcmp(o->format, "tree"))
		printf("\nThe same groups as those of %s.\n", world->reporter);
	return 0;
}

int groups_main(int argc, char **argv)
{
	static const struct argp argp = {
		arguments,
		parse,
		NULL,
		"Show which devices share an IOMMU group, and explain why.\v"
		"Exit status: 0; 1 the groups differ from those that were reported; 2 usage or input "
		"error.",
		NULL,
		NULL,
		NULL,
	};
	struct options o = { .format = "tree" };
	struct groups_world world = { 0 };
	int rc = 2;

	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return 2;
	if (!load(&o, &world) && (!o.acpi || !groups_read_acpi(o.acpi, &world)) &&
	    !apply_what_if(&o, &world))
		rc = show(&o, &world);
	groups_free(&world);
	free(o.what_if);
	return rc;
}
