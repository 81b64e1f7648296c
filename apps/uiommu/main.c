/* SPDX-License-Identifier: MIT */
/* main.c - the command: hands over to its parts */
#include <stdio.h>
#include <string.h>

#include "apps/uiommu/groups/command.h"
#include "bench/bench.h"
#include "conform/conform.h"

static int machines_main(int argc, char **argv)
{
	const struct machine_builtin *m = machine_builtins();

	if (argc > 2) {
		fputs("usage: uiommu machines [NAME]\n", stderr);
		return 2;
	}
	for (; m->name; m++) {
		if (argc == 1)
			printf("%-24s %s\n", m->name, m->summary);
		else if (!strcmp(argv[1], m->name))
			return fwrite(m->dtb, m->dtb_size, 1, stdout) == 1 ? 0 : 2;
	}
	if (argc == 1)
		return 0;
	fprintf(stderr, "uiommu machines: no built-in machine is called \"%s\"\n", argv[1]);
	return 2;
}

static const struct {
	const char *name, *summary;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "conform", "judge drivers by the contract of the IOMMU subsystem", conform_main },
	{ "groups", "show and explain the IOMMU groups of a machine", groups_main },
	{ "bench", "measure", bench_main },
	{ "machines", "list the built-in machines; with a name, its flattened Devicetree",
	  machines_main },
};

int main(int argc, char **argv)
{
	size_t count = sizeof(commands) / sizeof(commands[0]);
	bool help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"));

	for (size_t i = 0; argc > 1 && i < count; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	if (argc > 1 && !help)
		fprintf(stderr, "uiommu: \"%s\" is not a command\n", argv[1]);
	fprintf(help ? stdout : stderr, "usage: uiommu COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < count; i++)
		fprintf(help ? stdout : stderr, "  %-10s %s\n", commands[i].name,
			commands[i].summary);
	return help ? 0 : 2;
}
