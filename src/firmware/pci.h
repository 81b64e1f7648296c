/* SPDX-License-Identifier: MIT */
/* pci.h - what the files about PCI share */
#ifndef SRC_FIRMWARE_PCI_H
#define SRC_FIRMWARE_PCI_H

#include <uiommu/driver.h>
#include <uiommu/pci.h>
#include "spec/pci.h"

/* What the quirk tables say of one function, put together. */
struct uiommu_pci_traits {
	unsigned int flags; /* enum uiommu_pci_quirk_flags */
	uint8_t alias_first, alias_last; /* valid with one of the alias flags, as devfns */
	uint16_t acs_broken;
};

void uiommu_pci_traits(struct uiommu_pci_function *fn, struct uiommu_pci_traits *traits);

/* Does @bridge put its own ID on requests from below?  The ID goes to @source_id. */
bool uiommu_pci_bridge_takes_ids(struct uiommu_pci_function *bridge, uint16_t *source_id);

#endif /* SRC_FIRMWARE_PCI_H */
