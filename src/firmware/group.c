/* SPDX-License-Identifier: MIT */
/*
 * group.c - which PCI functions have to share a group
 *
 * Two functions are joined if the IOMMU cannot tell them apart, or if they can reach each other without
 * passing it.  joined() says so for a pair, from the topology alone; a group is everything that can be
 * reached over joined pairs.  That relation is symmetric and does not look at which groups exist already,
 * so the partition is the same in whatever order devices are probed.  Functions that were not added as
 * devices (bridges, mostly) take part: they join others.
 *
 * Pairs are joined by one of these:
 *   - one puts its ID on the other's requests: a bridge above it, or the function that sends for it;
 *   - one is the bridge above the other, and it, or a bridge further up, does not isolate;
 *   - they are on one bus, and one also sends under the other's ID;
 *   - they are functions of one device, and neither isolates.
 */
#include "src/firmware/pci.h"

/* The first from @fn up to the root that does not isolate; NULL: all do. */
static struct uiommu_pci_function *open_on_path(struct uiommu_pci_function *fn)
{
	while (fn && uiommu_pci_isolated(fn))
		fn = fn->parent;
	return fn;
}

static bool is_above(const struct uiommu_pci_function *above, const struct uiommu_pci_function *fn)
{
	for (fn = fn->parent; fn; fn = fn->parent) {
		if (fn == above)
			return true;
	}
	return false;
}

static int visit_is(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	(void)source_id;
	return fn == context;
}

static struct uiommu_pci_reason joined_to_above(struct uiommu_pci_function *fn,
						struct uiommu_pci_function *above)
{
	struct uiommu_pci_reason reason = { UIOMMU_PCI_APART, NULL };

	if (uiommu_pci_for_each_alias(fn, visit_is, above)) {
		reason.join = UIOMMU_PCI_BRIDGE_ID;
		reason.culprit = above;
	} else if (fn->parent == above) {
		reason.culprit = open_on_path(above);
		if (reason.culprit)
			reason.join = UIOMMU_PCI_BRIDGE_PASSES;
	}
	return reason;
}

/* @fn also sends under @other's ID; both are on one bus. */
static bool sends_as(struct uiommu_pci_function *fn, const struct uiommu_pci_function *other)
{
	struct uiommu_pci_traits traits;

	uiommu_pci_traits(fn, &traits);
	return traits.flags & (UIOMMU_PCI_ALIAS_DEVFN | UIOMMU_PCI_ALIAS_FUNCTION) &&
	       other->devfn >= traits.alias_first && other->devfn <= traits.alias_last;
}

static struct uiommu_pci_reason joined_on_bus(struct uiommu_pci_function *a,
					      struct uiommu_pci_function *b)
{
	if (sends_as(a, b))
		return (struct uiommu_pci_reason){ UIOMMU_PCI_SENDS_AS, a };
	if (sends_as(b, a))
		return (struct uiommu_pci_reason){ UIOMMU_PCI_SENDS_AS, b };
	if (PCI_SLOT(a->devfn) == PCI_SLOT(b->devfn) && !uiommu_pci_isolated(a) &&
	    !uiommu_pci_isolated(b))
		return (struct uiommu_pci_reason){ UIOMMU_PCI_SIBLINGS, a };
	return (struct uiommu_pci_reason){ UIOMMU_PCI_APART, NULL };
}

static struct uiommu_pci_reason joined(struct uiommu_pci_function *a, struct uiommu_pci_function *b)
{
	if (a->requester == b)
		return (struct uiommu_pci_reason){ UIOMMU_PCI_SAME_REQUESTER, b };
	if (b->requester == a)
		return (struct uiommu_pci_reason){ UIOMMU_PCI_SAME_REQUESTER, a };
	if (a->segment == b->segment) {
		if (a->bus == b->bus)
			return joined_on_bus(a, b);
		if (is_above(b, a))
			return joined_to_above(a, b);
		if (is_above(a, b))
			return joined_to_above(b, a);
	}
	return (struct uiommu_pci_reason){ UIOMMU_PCI_APART, NULL };
}

enum uiommu_pci_join uiommu_pci_joined(struct uiommu_pci_function *a, struct uiommu_pci_function *b,
				       struct uiommu_pci_reason *reason)
{
	struct uiommu_pci_reason found = joined(a, b);

	if (reason)
		*reason = found;
	return found.join;
}

/* Functions found so far; those before @done have been asked for their neighbours. */
struct reach {
	struct uiommu_pci_function **found;
	size_t count, done;
};

/* Move the functions joined to @fn from the rest of the list to what was found. */
static void add_neighbours(struct reach *reach, size_t total, struct uiommu_pci_function *fn)
{
	for (size_t i = reach->count; i < total; i++) {
		struct uiommu_pci_function *other = reach->found[i];

		if (joined(fn, other).join == UIOMMU_PCI_APART)
			continue;
		reach->found[i] = reach->found[reach->count];
		reach->found[reach->count++] = other;
	}
}

int uiommu_pci_device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);
	struct uiommu_system *sys = uiommu_device_system(dev);
	void *host = uiommu_system_host(sys);
	struct uiommu_pci_topology *topology;
	struct uiommu_group *group = NULL;
	struct reach reach = { 0 };
	size_t total, size;

	if (!fn || !fn->topology)
		return -UIOMMU_EINVAL;
	topology = fn->topology;
	total = topology->num_functions;
	if (!total)
		return -UIOMMU_EINVAL;
	size = total * sizeof(*reach.found);
	reach.found = uiommu_port_alloc(host, size);
	if (!reach.found)
		return -UIOMMU_ENOMEM;

	/* The function itself first: [0, count) is found, [count, total) is the rest. */
	for (size_t i = 0; i < total; i++) {
		reach.found[i] = topology->functions[i];
		if (reach.found[i] == fn) {
			reach.found[i] = reach.found[0];
			reach.found[0] = fn;
			reach.count = 1;
		}
	}
	while (!group && reach.done < reach.count) {
		struct uiommu_pci_function *next = reach.found[reach.done++];

		if (next->dev && next->dev != dev)
			group = uiommu_group_get_locked(next->dev);
		if (!group)
			add_neighbours(&reach, total, next);
	}
	uiommu_port_free(host, reach.found, size);

	if (!reach.count)
		return -UIOMMU_EINVAL;
	if (!group)
		return uiommu_group_alloc(sys, out);
	*out = group;
	return 0;
}
