/* SPDX-License-Identifier: MIT */
/* print.c - the groups as a tree for people, as JSON, as a picture for dot; and where others see them otherwise */
#include <string.h>

#include "apps/uiommu/groups/groups.h"
#include "spec/pci.h"

static void print_function(const struct groups_function *f, unsigned int depth, FILE *out)
{
	fprintf(out, "  %*s%s", (int)(2 * depth), "", f->name);
	if (f->label[0])
		fprintf(out, " \"%s\"", f->label);
	fprintf(out, "  %s", f->what);
	if (!strcmp(f->iommu, "none"))
		fputs("  (behind no IOMMU)", out);
	else if (f->iommu[0])
		fprintf(out, "  (%s)", f->iommu);
	fputc('\n', out);
}

/* Members below a bridge of the same group are printed below it. */
static void print_below(const struct groups_world *world, const struct groups_function *up,
			int group, unsigned int depth, FILE *out)
{
	for (unsigned int i = 0; i < world->count; i++) {
		const struct groups_function *f = &world->function[i];
		const struct uiommu_pci_function *parent = f->fn.parent;

		if (f->group != group)
			continue;
		if (parent && groups_of(f->fn.parent)->group != group)
			parent = NULL;
		if (parent != (up ? &up->fn : NULL))
			continue;
		print_function(f, depth, out);
		print_below(world, f, group, depth + 1, out);
	}
}

void groups_print_tree(const struct groups_world *world, FILE *out)
{
	for (int group = 0; group < world->num_groups; group++) {
		unsigned int size = groups_size(world, group);

		fprintf(out, "group %d: ", group);
		fprintf(out, size == 1 ? "1 function\n" : "%u functions\n", size);
		print_below(world, NULL, group, 0, out);
	}
	for (unsigned int i = 0; i < world->num_others; i++)
		fprintf(out, "group %d\n  %s  (%s)\n", world->other[i].group, world->other[i].name,
			world->other[i].ids);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static void print_string(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < 0x20)
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputc('"', out);
}

static void json_function(struct groups_function *f, FILE *out)
{
	char isolation[256];

	fprintf(out, "{\"name\": \"%s\", ", f->name);
	if (f->label[0]) {
		fputs("\"label\": ", out);
		print_string(f->label, out);
		fputs(", ", out);
	}
	fputs("\"what\": ", out);
	print_string(f->what, out);
	groups_say_isolation(f, isolation, sizeof(isolation));
	fprintf(out, ", \"isolated\": %s, \"because\": ",
		uiommu_pci_isolated(&f->fn) ? "true" : "false");
	print_string(isolation, out);
	if (f->fn.parent)
		fprintf(out, ", \"below\": \"%s\"", groups_of(f->fn.parent)->name);
	if (f->iommu[0])
		fprintf(out, ", \"iommu\": \"%s\"", f->iommu);
	if (f->reported != GROUPS_NONE)
		fprintf(out, ", \"reported_group\": %d", f->reported);
	fputc('}', out);
}

void groups_print_json(const struct groups_world *world, FILE *out)
{
	fputs("{\"groups\": [", out);
	for (int group = 0; group < world->num_groups; group++) {
		const char *comma = "";

		fprintf(out, "%s\n  {\"id\": %d, \"functions\": [", group ? "," : "", group);
		for (unsigned int i = 0; i < world->count; i++) {
			if (world->function[i].group != group)
				continue;
			fprintf(out, "%s\n    ", comma);
			json_function(&world->function[i], out);
			comma = ",";
		}
		fputs("\n  ]}", out);
	}
	for (unsigned int i = 0; i < world->num_others; i++) {
		fprintf(out, "%s\n  {\"id\": %d, \"device\": ", world->num_groups || i ? "," : "",
			world->other[i].group);
		print_string(world->other[i].name, out);
		fputs(", \"ids\": ", out);
		print_string(world->other[i].ids, out);
		fputc('}', out);
	}
	fputs("\n]}\n", out);
}

/* ---- dot --------------------------------------------------------------------------------------- */

void groups_print_dot(const struct groups_world *world, FILE *out)
{
	fputs("graph groups {\n"
	      "\tgraph [fontname=\"sans-serif\", rankdir=TB, style=rounded, color=gray50];\n"
	      "\tnode [shape=box, fontname=\"sans-serif\", fontsize=10];\n",
	      out);
	for (int group = 0; group < world->num_groups; group++) {
		fprintf(out, "\tsubgraph cluster_%d {\n\t\tlabel=\"group %d\";\n", group, group);
		for (unsigned int i = 0; i < world->count; i++) {
			struct groups_function *f = &world->function[i];

			if (f->group != group)
				continue;
			fprintf(out, "\t\t\"%s\" [label=\"%s\\n%.40s\"%s];\n", f->name, f->name,
				f->label[0] ? f->label : f->what,
				uiommu_pci_isolated(&f->fn) ? "" : ", color=red");
		}
		fputs("\t}\n", out);
	}
	for (unsigned int i = 0; i < world->count; i++)
		if (world->function[i].fn.parent)
			fprintf(out, "\t\"%s\" -- \"%s\";\n",
				groups_of(world->function[i].fn.parent)->name,
				world->function[i].name);
	fputs("}\n", out);
}

/* ---- comparison -------------------------------------------------------------------------------- */

/* Pairs that are together here and apart there, or the other way round: one line for each function. */
unsigned int groups_compare(const struct groups_world *world, FILE *out)
{
	unsigned int different = 0;

	for (unsigned int i = 0; i < world->count; i++) {
		const struct groups_function *a = &world->function[i];

		for (unsigned int k = 0; k < world->count; k++) {
			const struct groups_function *b = &world->function[k];
			bool here = a->group == b->group, there = a->reported == b->reported;

			if (a->reported == GROUPS_NONE || b->reported == GROUPS_NONE ||
			    here == there)
				continue;
			fprintf(out, "differs: %s and %s share %s, but not %s\n", a->name, b->name,
				here ? "a group by the rules" : "a group there",
				here ? "there" : "by the rules");
			different++;
			break;
		}
	}
	return different;
}
