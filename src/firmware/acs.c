/* SPDX-License-Identifier: MIT */
/*
 * acs.c - does a function send everything upstream, where the IOMMU checks it?
 *
 * Source: PCI Express 6.0, 6.12 (access control services) and 7.7.11.  A function without that must be
 * thought of as passing requests on to its neighbours behind the IOMMU's back.
 */
#include "src/firmware/pci.h"

/*
 * What it takes: requests with forged IDs are dropped, requests and completions between functions go up
 * first, and what comes from above is not turned round.  Translation blocking is another matter: it keeps
 * devices from using ATS, not from each other.
 */
#define NEEDED                                                                                \
	(PCI_ACS_SOURCE_VALIDATION | PCI_ACS_REQUEST_REDIRECT | PCI_ACS_COMPLETION_REDIRECT | \
	 PCI_ACS_UPSTREAM_FORWARDING)

static bool control_isolates(struct uiommu_pci_function *fn, uint16_t broken)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ACS);
	uint32_t needed, control;

	if (!at)
		return false;
	/* A service that the hardware does not offer is one that it has no use for. */
	needed = NEEDED & fn->topology->config_read(fn, at + PCI_ACS_CAPABILITY, 2) &
		 ~(uint32_t)broken;
	control = fn->topology->config_read(fn, at + PCI_ACS_CONTROL, 2);
	return (control & needed) == needed;
}

bool uiommu_pci_isolated(struct uiommu_pci_function *fn)
{
	struct uiommu_pci_traits traits;

	uiommu_pci_traits(fn, &traits);
	if (traits.flags & UIOMMU_PCI_NOT_ISOLATED)
		return false;
	if (traits.flags & UIOMMU_PCI_ISOLATED)
		return true;

	switch (uiommu_pci_express_type(fn)) {
	case -1: /* conventional PCI: a shared bus */
	case PCI_PCIE_TO_PCI_BRIDGE:
	case PCI_PCI_TO_PCIE_BRIDGE:
	case PCI_PCIE_RC_EVENT_COLLECTOR:
		return false;
	case PCI_PCIE_ROOT_PORT:
	case PCI_PCIE_DOWNSTREAM_PORT:
		return control_isolates(fn, traits.acs_broken);
	case PCI_PCIE_ENDPOINT:
	case PCI_PCIE_LEGACY_ENDPOINT:
	case PCI_PCIE_RC_ENDPOINT:
	case PCI_PCIE_UPSTREAM_PORT:
		/* A function alone in its device has nobody to talk to. */
		if (!(fn->topology->config_read(fn, PCI_HEADER_TYPE, 1) &
		      PCI_HEADER_TYPE_MULTIFUNCTION))
			return true;
		return control_isolates(fn, traits.acs_broken);
	default:
		return true;
	}
}
