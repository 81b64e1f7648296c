/* SPDX-License-Identifier: MIT */
/*
 * alias.c - the source IDs that a function's requests may carry when they reach the IOMMU
 *
 * Sources: PCI Express 6.0, 2.2.6.2 (requester IDs); PCI Express to PCI/PCI-X Bridge Specification 1.0,
 * 2.3 (a bridge takes requests over under its secondary bus number, device 0, function 0).
 */
#include "src/firmware/pci.h"

bool uiommu_pci_bridge_takes_ids(struct uiommu_pci_function *bridge, uint16_t *source_id)
{
	struct uiommu_pci_traits traits;
	int type = uiommu_pci_express_type(bridge);
	uint8_t secondary;

	uiommu_pci_traits(bridge, &traits);
	if (traits.flags & UIOMMU_PCI_BRIDGE_NO_ALIAS)
		return false;
	if (type == PCI_PCIE_TO_PCI_BRIDGE ||
	    (type < 0 && traits.flags & UIOMMU_PCI_BRIDGE_SECONDARY)) {
		secondary = (uint8_t)bridge->topology->config_read(bridge, PCI_SECONDARY_BUS, 1);
		*source_id = (uint16_t)(secondary << 8);
		return true;
	}
	/* Conventional PCI, and PCI to PCI Express: requests go on under the bridge's own ID. */
	if (type == PCI_PCI_TO_PCIE_BRIDGE || type < 0) {
		*source_id = uiommu_pci_source_id(bridge);
		return true;
	}
	return false; /* root and switch ports leave them alone */
}

int uiommu_pci_for_each_alias(struct uiommu_pci_function *fn,
			      int (*visit)(struct uiommu_pci_function *fn, uint16_t source_id,
					   void *context),
			      void *context)
{
	struct uiommu_pci_function *requester = fn->requester ? fn->requester : fn;
	struct uiommu_pci_traits traits;
	int rc;

	rc = visit(requester, uiommu_pci_source_id(requester), context);
	if (rc)
		return rc;

	uiommu_pci_traits(requester, &traits);
	if (traits.flags & (UIOMMU_PCI_ALIAS_DEVFN | UIOMMU_PCI_ALIAS_FUNCTION)) {
		for (unsigned int devfn = traits.alias_first; devfn <= traits.alias_last; devfn++) {
			if (devfn == requester->devfn)
				continue;
			rc = visit(requester, (uint16_t)(requester->bus << 8 | devfn), context);
			if (rc)
				return rc;
		}
	}

	for (struct uiommu_pci_function *up = requester->parent; up; up = up->parent) {
		uint16_t source_id;

		uiommu_pci_traits(up, &traits);
		if (traits.flags & UIOMMU_PCI_TRANSLATION_ROOT)
			return 0;
		if (!uiommu_pci_bridge_takes_ids(up, &source_id))
			continue;
		rc = visit(up, source_id, context);
		if (rc)
			return rc;
	}
	return 0;
}
