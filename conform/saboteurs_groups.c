/* SPDX-License-Identifier: MIT */
/*
 * saboteurs_groups.c - the library's rule for PCI groups, asked about a topology that is not the real one
 *
 * What is known of the hardware (quirks), what its configuration space says, and which IDs its requests have are
 * made up for the time of one question.
 */
#include <string.h>

#include "conform/saboteur.h"
#include "spec/pci.h"

#define MAX_QUIRKS 32

/* A topology in place of the real one, for the time of one question. */
struct lie {
	struct uiommu_pci_topology topology; /* first: functions lead here */
	const struct uiommu_pci_topology *real;
	struct uiommu_pci_quirk quirks[MAX_QUIRKS];
};

static uint32_t true_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	const struct lie *lie = (const void *)fn->topology;

	return lie->real->config_read(fn, offset, size);
}

static void ask(struct uiommu_pci_topology *t, struct uiommu_pci_topology *instead)
{
	for (size_t i = 0; i < t->num_functions; i++)
		t->functions[i]->topology = instead;
}

/* The rule's answer if @first were known before all else, or @read what configuration space says. */
static int answer(struct uiommu_device *dev, struct uiommu_group **out,
		  const struct uiommu_pci_quirk *first, bool others,
		  uint32_t (*read)(struct uiommu_pci_function *fn, unsigned int offset,
				   unsigned int size))
{
	struct uiommu_pci_topology *t = uiommu_device_pci(dev)->topology;
	struct lie lie = { .topology = *t, .real = t };
	size_t n = 0;
	int rc;

	if (first)
		lie.quirks[n++] = *first;
	for (size_t i = 0; others && i < t->num_quirks && n < MAX_QUIRKS; i++)
		lie.quirks[n++] = t->quirks[i];
	lie.topology.quirks = lie.quirks;
	lie.topology.num_quirks = n;
	lie.topology.config_read = read ? read : true_read;
	ask(t, &lie.topology);
	rc = uiommu_pci_device_group(dev, out);
	ask(t, t);
	return rc;
}

#define ANY UIOMMU_PCI_ANY_ID
#define KNOWN(name, ...)                                                                \
	static int name(struct uiommu_device *dev, struct uiommu_group **out)           \
	{                                                                               \
		static const struct uiommu_pci_quirk quirk = { ANY, ANY, __VA_ARGS__ }; \
                                                                                        \
		return answer(dev, out, &quirk, true, NULL);                            \
	}

KNOWN(without_sv, .acs_broken = PCI_ACS_SOURCE_VALIDATION)
KNOWN(without_rr, .acs_broken = PCI_ACS_REQUEST_REDIRECT)
KNOWN(without_cr, .acs_broken = PCI_ACS_COMPLETION_REDIRECT)
KNOWN(without_uf, .acs_broken = PCI_ACS_UPSTREAM_FORWARDING)
KNOWN(all_isolate, .flags = UIOMMU_PCI_ISOLATED)
KNOWN(none_isolate, .flags = UIOMMU_PCI_NOT_ISOLATED)

static int nothing_known(struct uiommu_device *dev, struct uiommu_group **out)
{
	return answer(dev, out, NULL, false, NULL);
}

/* Where the ACS capability is, 0 without one; read as it really is. */
static unsigned int find_acs(struct uiommu_pci_function *fn)
{
	unsigned int at = PCI_EXT_CAP_FIRST;

	for (unsigned int i = 0; at >= PCI_EXT_CAP_FIRST && i < 64; i++) {
		uint32_t header = true_read(fn, at, 4);

		if (!header || header == UINT32_MAX)
			return 0;
		if ((header & PCI_EXT_CAP_ID_MASK) == PCI_EXT_CAP_ID_ACS)
			return at;
		at = header >> PCI_EXT_CAP_NEXT_SHIFT & 0xffcu;
	}
	return 0;
}

static uint32_t offered_is_enabled(struct uiommu_pci_function *fn, unsigned int offset,
				   unsigned int size)
{
	unsigned int acs = find_acs(fn);

	if (acs && offset == acs + PCI_ACS_CONTROL)
		offset = acs + PCI_ACS_CAPABILITY;
	return true_read(fn, offset, size);
}

static uint32_t one_function(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	uint32_t value = true_read(fn, offset, size);

	return offset == PCI_HEADER_TYPE ? value & ~(uint32_t)PCI_HEADER_TYPE_MULTIFUNCTION : value;
}

static int services_not_enabled(struct uiommu_device *dev, struct uiommu_group **out)
{
	return answer(dev, out, NULL, true, offered_is_enabled);
}

static int functions_alone(struct uiommu_device *dev, struct uiommu_group **out)
{
	return answer(dev, out, NULL, true, one_function);
}

/* Whoever is there already on the same bus, or below the same bridge. */
static int by_bus(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);

	for (size_t i = 0; i < fn->topology->num_functions; i++) {
		struct uiommu_pci_function *other = fn->topology->functions[i];

		if (other->dev && other->dev != dev && other->bus == fn->bus &&
		    (*out = uiommu_group_get(other->dev)))
			return 0;
	}
	return uiommu_pci_device_group(dev, out);
}

/* The first of a group is alone in it: who comes later finds another. */
static int by_order(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);
	struct uiommu_pci_function *above = fn->parent;

	fn->parent = NULL;
	for (size_t i = 0; i < fn->topology->num_functions && above; i++)
		if (fn->topology->functions[i]->dev && fn->topology->functions[i] != fn &&
		    fn->topology->functions[i]->parent == above) {
			fn->parent = above;
			break;
		}
	if (!above || fn->parent) {
		fn->parent = above;
		return uiommu_pci_device_group(dev, out);
	}
	fn->parent = above;
	return uiommu_generic_device_group(dev, out);
}

/* ---- IDs --------------------------------------------------------------------------------------- */

static void first_id_only(struct wrap_call *call, void *context)
{
	struct uiommu_fwspec *spec =
		(struct uiommu_fwspec *)(uintptr_t)uiommu_device_fwspec(call->dev);
	unsigned int all = spec ? spec->num_ids : 0;

	(void)context;
	/* The device's own, and not those that a bridge puts in their place. */
	if (all > 1)
		spec->num_ids = 1;
	wrap_call(call);
	if (all > 1)
		spec->num_ids = all;
}

#define EVERYWHERE                                      \
	NULL, .places = { { "vtd@model", "legacy" },    \
			  { "smmuv3@model", "stage1" }, \
			  { "virtio@model", "pci" },    \
			  { "mixed@model", "vtd-virtio" } }

/* VT-d's driver asks the bridges itself. */
#define WITH_IDS                                        \
	NULL, .places = { { "smmuv3@model", "stage1" }, \
			  { "virtio@model", "pci" },    \
			  { "mixed@model", "vtd-virtio" } }

const struct conform_saboteur conform_saboteurs_groups[] = {
	{ "pci-acs-without-sv", "isolation needs source validation", EVERYWHERE,
	  .group = without_sv },
	{ "pci-acs-without-rr", "isolation needs request redirect", EVERYWHERE,
	  .group = without_rr },
	{ "pci-acs-without-cr", "isolation needs completion redirect", EVERYWHERE,
	  .group = without_cr },
	{ "pci-acs-without-uf", "isolation needs upstream forwarding", EVERYWHERE,
	  .group = without_uf },
	{ "pci-acs-offered", "a service that is offered isolates once it is enabled", EVERYWHERE,
	  .group = services_not_enabled },
	{ "pci-all-isolate", "only what has ACS, or is known to, isolates", EVERYWHERE,
	  .group = all_isolate },
	{ "pci-none-isolate", "what has ACS, enabled, isolates", EVERYWHERE,
	  .group = none_isolate },
	{ "pci-quirks-ignored", "what is known of hardware goes before what it says", EVERYWHERE,
	  .group = nothing_known },
	{ "pci-functions-alone", "functions of a device without ACS share a group", EVERYWHERE,
	  .group = functions_alone },
	{ "pci-group-by-bus", "devices of one bus that isolate have groups of their own",
	  EVERYWHERE, .group = by_bus },
	{ "pci-group-by-order", "a group does not depend on who came first", EVERYWHERE,
	  .group = by_order },
	{ "pci-alias-untranslated",
	  "requests under a bridge's ID are translated as the device's own", WITH_IDS,
	  .hooks = { { WRAP_PROBE, first_id_only } }, .num_hooks = 1 },
	{ 0 },
};
