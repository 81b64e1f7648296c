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

static enum uiommu_pci_isolation by_control(struct uiommu_pci_function *fn, uint16_t broken,
					    uint16_t *missing)
{
	unsigned int at = uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ACS);
	uint32_t needed, control;

	if (!at)
		return UIOMMU_PCI_OPEN_NO_ACS;
	/* A service that the hardware does not offer is one that it has no use for. */
	needed = NEEDED & fn->topology->config_read(fn, at + PCI_ACS_CAPABILITY, 2) &
		 ~(uint32_t)broken;
	control = fn->topology->config_read(fn, at + PCI_ACS_CONTROL, 2);
	*missing = (uint16_t)(needed & ~control);
	return *missing ? UIOMMU_PCI_OPEN_ACS_OFF : UIOMMU_PCI_ISOLATED_ACS;
}

/*
 * Is it one of several functions (7.5.1.1.9)?  Function 0 says so; the others need not repeat it, and
 * QEMU's do not.
 */
static bool is_multifunction(struct uiommu_pci_function *fn)
{
	const struct uiommu_pci_topology *topology = fn->topology;

	if (topology->config_read(fn, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MULTIFUNCTION)
		return true;
	/* A virtual function has no vendor ID of its own (SR-IOV, PCIe 9.3.4.1.1), and is a device alone. */
	if ((topology->config_read(fn, PCI_VENDOR_ID, 2) & 0xffff) == 0xffff)
		return false;
	for (size_t i = 0; PCI_FUNC(fn->devfn) && i < topology->num_functions; i++) {
		struct uiommu_pci_function *first = topology->functions[i];

		if (first->segment == fn->segment && first->bus == fn->bus &&
		    first->devfn == PCI_DEVFN(PCI_SLOT(fn->devfn), 0))
			return topology->config_read(first, PCI_HEADER_TYPE, 1) &
			       PCI_HEADER_TYPE_MULTIFUNCTION;
	}
	return false;
}

enum uiommu_pci_isolation uiommu_pci_isolation(struct uiommu_pci_function *fn, uint16_t *missing)
{
	struct uiommu_pci_traits traits;
	uint16_t ignored;

	if (!missing)
		missing = &ignored;
	*missing = 0;
	uiommu_pci_traits(fn, &traits);
	if (traits.flags & UIOMMU_PCI_NOT_ISOLATED)
		return UIOMMU_PCI_OPEN_QUIRK;
	if (traits.flags & UIOMMU_PCI_ISOLATED)
		return UIOMMU_PCI_ISOLATED_QUIRK;
	if (traits.flags & UIOMMU_PCI_ISOLATED_INTEGRATED &&
	    uiommu_pci_express_type(fn) == PCI_PCIE_RC_ENDPOINT)
		return UIOMMU_PCI_ISOLATED_QUIRK;

	switch (uiommu_pci_express_type(fn)) {
	case -1: /* a shared bus */
		return UIOMMU_PCI_OPEN_CONVENTIONAL;
	case PCI_PCIE_TO_PCI_BRIDGE:
	case PCI_PCI_TO_PCIE_BRIDGE:
	case PCI_PCIE_RC_EVENT_COLLECTOR:
		return UIOMMU_PCI_OPEN_BRIDGE;
	case PCI_PCIE_ROOT_PORT:
	case PCI_PCIE_DOWNSTREAM_PORT:
		return by_control(fn, traits.acs_broken, missing);
	case PCI_PCIE_ENDPOINT:
	case PCI_PCIE_LEGACY_ENDPOINT:
	case PCI_PCIE_RC_ENDPOINT:
	case PCI_PCIE_UPSTREAM_PORT:
		/* A function alone in its device has nobody to talk to. */
		if (!is_multifunction(fn))
			return UIOMMU_PCI_ISOLATED_ALONE;
		return by_control(fn, traits.acs_broken, missing);
	default:
		return UIOMMU_PCI_ISOLATED_TYPE;
	}
}

bool uiommu_pci_isolated(struct uiommu_pci_function *fn)
{
	return uiommu_pci_isolation(fn, NULL) <= UIOMMU_PCI_ISOLATED_TYPE;
}
