/* SPDX-License-Identifier: MIT */
/* quirks.c - PCI functions that send under other IDs than their own, or isolate in ways of their own */
#include "src/firmware/pci.h"

/* Errata and habits of hardware, by vendor and device. */
static const struct uiommu_pci_quirk known[] = {
	/* SATA controllers that send as function 1 although they have only function 0. */
	{ 0x1b4b, 0x9120, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	{ 0x1b4b, 0x9123, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	{ 0x1b4b, 0x9128, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	{ 0x1b4b, 0x9130, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	{ 0x1b4b, 0x9172, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	{ 0x1b4b, 0x9230, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	/* Card readers whose functions all send as function 0. */
	{ 0x1180, 0xe832, UIOMMU_PCI_ALIAS_FUNCTION, 0, 0, 0 },
	{ 0x1180, 0xe476, UIOMMU_PCI_ALIAS_FUNCTION, 0, 0, 0 },
	/* Bridges from PCI Express to PCI that have no PCI Express capability. */
	{ 0x1b21, 0x1080, UIOMMU_PCI_BRIDGE_SECONDARY, 0, 0, 0 },
	{ 0x10e3, 0x8113, UIOMMU_PCI_BRIDGE_SECONDARY, 0, 0, 0 },
	{ 0x1283, 0x8892, UIOMMU_PCI_BRIDGE_SECONDARY, 0, 0, 0 },
	{ 0x8086, 0x244e, UIOMMU_PCI_BRIDGE_SECONDARY, 0, 0, 0 },
	/* Network functions inside a chipset, each of which reaches memory alone. */
	{ 0x8086, 0x15b7, UIOMMU_PCI_ISOLATED, 0, 0, 0 },
	{ 0x8086, 0x15b8, UIOMMU_PCI_ISOLATED, 0, 0, 0 },
	/* Root complexes that reach peers by translated addresses alone (VT-d 3.1, 3.16). */
	{ 0x8086, UIOMMU_PCI_ANY_ID, UIOMMU_PCI_ISOLATED_INTEGRATED, 0, 0, 0 },
};

static void apply(const struct uiommu_pci_quirk *quirk, const struct uiommu_pci_function *fn,
		  struct uiommu_pci_traits *traits)
{
	const unsigned int isolation = UIOMMU_PCI_ISOLATED | UIOMMU_PCI_NOT_ISOLATED;
	const unsigned int aliases = UIOMMU_PCI_ALIAS_DEVFN | UIOMMU_PCI_ALIAS_FUNCTION;
	unsigned int flags = quirk->flags;

	/* Of several opinions on one subject the first counts. */
	if (traits->flags & isolation)
		flags &= ~isolation;
	if (traits->flags & aliases)
		flags &= ~aliases;
	if (flags & UIOMMU_PCI_ALIAS_FUNCTION) {
		traits->alias_first =
			(uint8_t)PCI_DEVFN(PCI_SLOT(fn->devfn), quirk->alias_first & 7);
		traits->alias_last = traits->alias_first;
	} else if (flags & UIOMMU_PCI_ALIAS_DEVFN) {
		traits->alias_first = quirk->alias_first;
		traits->alias_last = quirk->alias_last;
	}
	traits->flags |= flags;
	traits->acs_broken |= quirk->acs_broken;
}

void uiommu_pci_traits(struct uiommu_pci_function *fn, struct uiommu_pci_traits *traits)
{
	const struct uiommu_pci_topology *topology = fn->topology;
	uint32_t ids = topology->config_read(fn, PCI_VENDOR_ID, 4);
	const size_t num_known = sizeof(known) / sizeof(known[0]);

	*traits = (struct uiommu_pci_traits){ 0 };
	for (size_t i = 0; i < topology->num_quirks + num_known; i++) {
		const struct uiommu_pci_quirk *quirk = i < topology->num_quirks ?
							       &topology->quirks[i] :
							       &known[i - topology->num_quirks];

		if ((quirk->vendor == UIOMMU_PCI_ANY_ID || quirk->vendor == (ids & 0xffff)) &&
		    (quirk->device == UIOMMU_PCI_ANY_ID || quirk->device == ids >> 16))
			apply(quirk, fn, traits);
	}
}
