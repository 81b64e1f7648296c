/* SPDX-License-Identifier: MIT */
/*
 * explain.c - why a function is in its group, in sentences, and what would have to change
 *
 * A group is spanned by joined pairs.  From the function outwards, each member is reached over one pair that
 * was not needed before; the grounds of these pairs, told once for each culprit, are the explanation.  What
 * would separate it is found by trying: each culprit with ACS, and all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "apps/uiommu/groups/groups.h"
#include "spec/pci.h"

static const struct {
	uint16_t bit;
	const char *words;
} services[] = {
	{ PCI_ACS_SOURCE_VALIDATION, "Source Validation" },
	{ PCI_ACS_REQUEST_REDIRECT, "P2P Request Redirect" },
	{ PCI_ACS_COMPLETION_REDIRECT, "P2P Completion Redirect" },
	{ PCI_ACS_UPSTREAM_FORWARDING, "Upstream Forwarding" },
};

void groups_say_isolation(struct groups_function *f, char *text, size_t size)
{
	uint16_t missing;
	size_t at;

	switch (uiommu_pci_isolation(&f->fn, &missing)) {
	case UIOMMU_PCI_ISOLATED_ALONE:
		snprintf(text, size, "it is alone in its device");
		break;
	case UIOMMU_PCI_ISOLATED_ACS:
		snprintf(text, size, "its access control services (ACS) are enabled");
		break;
	case UIOMMU_PCI_ISOLATED_QUIRK:
		snprintf(text, size, "it is known to isolate");
		break;
	case UIOMMU_PCI_ISOLATED_TYPE:
		snprintf(text, size, "its kind passes nothing on");
		break;
	case UIOMMU_PCI_OPEN_CONVENTIONAL:
		snprintf(text, size, "it is conventional PCI, where all devices share one bus");
		break;
	case UIOMMU_PCI_OPEN_BRIDGE:
		snprintf(text, size, "bridges between PCI Express and PCI cannot isolate");
		break;
	case UIOMMU_PCI_OPEN_NO_ACS:
		snprintf(text, size, "it has no ACS capability");
		break;
	case UIOMMU_PCI_OPEN_QUIRK:
		snprintf(text, size, "it is known not to isolate, whatever its ACS says");
		break;
	case UIOMMU_PCI_OPEN_ACS_OFF:
		at = (size_t)snprintf(text, size, "these ACS bits are off:");
		for (unsigned int i = 0; i < sizeof(services) / sizeof(services[0]); i++)
			if (missing & services[i].bit && at < size)
				at += (size_t)snprintf(text + at, size - at, " %s,",
						       services[i].words);
		if (at && at < size)
			text[at - 1] = '\0';
		break;
	}
}

/* ---- why --------------------------------------------------------------------------------------- */

/* One pair on the way from the function to all others. */
struct edge {
	struct groups_function *a, *b;
	struct uiommu_pci_reason reason;
};

static unsigned int span(struct groups_world *world, struct groups_function *start,
			 struct edge *edges)
{
	bool *reached = calloc(world->count, sizeof(*reached));
	struct groups_function **queue = calloc(world->count, sizeof(struct groups_function *));
	unsigned int head = 0, tail = 0, count = 0;

	if (!reached || !queue) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	reached[start - world->function] = true;
	queue[tail++] = start;
	while (head < tail) {
		struct groups_function *a = queue[head++];

		for (unsigned int i = 0; i < world->count; i++) {
			struct groups_function *b = &world->function[i];
			struct uiommu_pci_reason reason;

			if (reached[i] || b->group != a->group ||
			    !uiommu_pci_joined(&a->fn, &b->fn, &reason))
				continue;
			reached[i] = true;
			queue[tail++] = b;
			edges[count++] = (struct edge){ a, b, reason };
		}
	}
	free(reached);
	free(queue);
	return count;
}

static void say_names(const struct edge *edges, unsigned int count, const struct edge *like,
		      FILE *out)
{
	const char *comma = "";

	for (unsigned int i = 0; i < count; i++) {
		const struct edge *e = &edges[i];

		if (e->reason.join != like->reason.join ||
		    e->reason.culprit != like->reason.culprit)
			continue;
		fprintf(out, "%s%s with %s", comma, e->a->name, e->b->name);
		comma = ", ";
	}
}

struct taken {
	const struct uiommu_pci_function *bridge;
	uint16_t source_id;
};

static int visit_alias(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	struct taken *taken = context;

	if (fn == taken->bridge)
		taken->source_id = source_id;
	return fn == taken->bridge;
}

static void say_bridge_id(const struct edge *e, FILE *out)
{
	struct taken taken = { .bridge = e->reason.culprit };
	struct groups_function *below = &e->a->fn == taken.bridge ? e->b : e->a;

	uiommu_pci_for_each_alias(&below->fn, visit_alias, &taken);
	fprintf(out,
		"- The bridge %s sends requests from below on as %02x:%02x.%x, so the IOMMU cannot tell "
		"the devices below it apart.",
		groups_of(e->reason.culprit)->name, taken.source_id >> 8,
		PCI_SLOT(taken.source_id & 0xff), PCI_FUNC(taken.source_id & 0xff));
}

static void say(const struct edge *e, FILE *out)
{
	struct groups_function *culprit = groups_of(e->reason.culprit);
	char why[256];

	groups_say_isolation(culprit, why, sizeof(why));
	switch (e->reason.join) {
	case UIOMMU_PCI_BRIDGE_ID:
		say_bridge_id(e, out);
		break;
	case UIOMMU_PCI_BRIDGE_PASSES:
		fprintf(out,
			"- The bridge %s does not isolate: %s.  Requests from below may turn round "
			"there and reach other devices without passing the IOMMU.",
			culprit->name, why);
		break;
	case UIOMMU_PCI_SIBLINGS:
		fprintf(out,
			"- %s is one of several functions of a device that may reach each other "
			"inside it: %s.",
			culprit->name, why);
		break;
	case UIOMMU_PCI_SENDS_AS:
		fprintf(out, "- %s is known to send requests under other functions' IDs too.",
			culprit->name);
		break;
	case UIOMMU_PCI_SAME_REQUESTER:
		fprintf(out, "- %s sends the requests of others under its own ID.", culprit->name);
		break;
	case UIOMMU_PCI_APART:
		break;
	}
}

static bool is_first(const struct edge *edges, unsigned int i)
{
	for (unsigned int k = 0; k < i; k++)
		if (edges[k].reason.join == edges[i].reason.join &&
		    edges[k].reason.culprit == edges[i].reason.culprit)
			return false;
	return true;
}

/* ---- what would have to change ----------------------------------------------------------------- */

static bool fixable(const struct edge *e)
{
	return e->reason.join == UIOMMU_PCI_BRIDGE_PASSES || e->reason.join == UIOMMU_PCI_SIBLINGS;
}

/* The size of @f's group if these had ACS; the images are put back. */
static unsigned int size_with_acs(struct groups_world *world, struct groups_function *f,
				  struct groups_function **with, unsigned int count, bool *possible)
{
	struct groups_function *saved = malloc(world->count * sizeof(*saved));
	unsigned int size;

	if (!saved) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	memcpy(saved, world->function, world->count * sizeof(*saved));
	*possible = true;
	for (unsigned int i = 0; i < count; i++)
		*possible &= groups_enable_acs(with[i]) == 0;
	groups_partition(world);
	size = groups_size(world, f->group);
	memcpy(world->function, saved, world->count * sizeof(*saved));
	free(saved);
	groups_partition(world);
	return size;
}

/* Whoever stands in the way, also behind the first ones: until nothing more can be given ACS. */
static void say_changes(struct groups_world *world, struct groups_function *f, FILE *out)
{
	struct groups_function **with = calloc(world->count + 1, sizeof(struct groups_function *));
	struct edge *edges = calloc(world->count + 1, sizeof(*edges));
	unsigned int before = groups_size(world, f->group), size = before, count = 0;

	if (!with || !edges) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	for (bool more = true; more && size > 1;) {
		struct groups_function *saved = malloc(world->count * sizeof(*saved));
		unsigned int num_edges, found = count;
		bool possible;

		if (!saved)
			break;
		memcpy(saved, world->function, world->count * sizeof(*saved));
		for (unsigned int i = 0; i < count; i++)
			groups_enable_acs(with[i]);
		groups_partition(world);
		num_edges = span(world, f, edges);
		memcpy(world->function, saved, world->count * sizeof(*saved));
		groups_partition(world);
		free(saved);
		for (unsigned int i = 0; i < num_edges; i++) {
			struct groups_function *culprit = groups_of(edges[i].reason.culprit);
			bool known = !fixable(&edges[i]);

			/* Both siblings are open: the one whose separation is asked for gets it. */
			if (edges[i].reason.join == UIOMMU_PCI_SIBLINGS &&
			    (edges[i].a == f || edges[i].b == f))
				culprit = f;
			for (unsigned int k = 0; k < found; k++)
				known |= with[k] == culprit;
			if (known)
				continue;
			with[found] = culprit;
			size_with_acs(world, f, &with[found], 1, &possible);
			if (possible)
				found++;
		}
		more = found > count;
		count = found;
		size = size_with_acs(world, f, with, count, &possible);
	}
	if (count && size < before) {
		fprintf(out, "\nWith ACS enabled on");
		for (unsigned int i = 0; i < count; i++)
			fprintf(out, "%s%s", i ? ", " : " ", with[i]->name);
		if (size == 1)
			fprintf(out, " it would be alone in its group.\n");
		else
			fprintf(out, " its group would have %u functions.\n", size);
		fprintf(out, "Try it:");
		for (unsigned int i = 0; i < count; i++)
			fprintf(out, " --what-if acs=%s", with[i]->name);
		fputc('\n', out);
	} else {
		fprintf(out, "\nNo ACS setting separates it: it would have to sit elsewhere.\n");
	}
	free(with);
	free(edges);
}

void groups_explain(struct groups_world *world, struct groups_function *f, FILE *out)
{
	struct edge *edges = calloc(world->count + 1, sizeof(*edges));
	unsigned int count, size = groups_size(world, f->group);

	if (!edges) {
		fputs("uiommu groups: no memory\n", stderr);
		exit(2);
	}
	fprintf(out, "%s (%s) is in group %d", f->name, f->what, f->group);
	if (!strcmp(f->iommu, "none"))
		fputs(" if it has one at all: firmware names no IOMMU above it", out);
	if (size == 1) {
		fprintf(out, ", alone: no other function's requests carry its ID, and %s.\n",
			f->fn.parent ? "each bridge above it sends requests up to the IOMMU" :
				       "no bridge lies between it and the IOMMU");
		free(edges);
		return;
	}
	fprintf(out, ", with");
	for (unsigned int i = 0, n = 0; i < world->count; i++)
		if (world->function[i].group == f->group && &world->function[i] != f)
			fprintf(out, "%s%s", n++ ? ", " : " ", world->function[i].name);
	fprintf(out, ".\n\n");
	count = span(world, f, edges);
	for (unsigned int i = 0; i < count; i++) {
		if (!is_first(edges, i))
			continue;
		say(&edges[i], out);
		fprintf(out, "\n  That joins ");
		say_names(edges, count, &edges[i], out);
		fprintf(out, ".\n");
	}
	free(edges);
	say_changes(world, f, out);
}
