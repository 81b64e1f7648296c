/* SPDX-License-Identifier: MIT */
/* testdev.h - a model of "iommu-testdev": what spec/iommu-testdev.h describes, register for register */
#ifndef MODEL_TESTDEV_H
#define MODEL_TESTDEV_H

#include "models/pci.h"

/* Fills in the device's part of @config: IDs, class (unless it is set), BAR. */
void model_testdev_config(struct model_pci_config *config);
/* The device behind @fn, freed with it; it reads back from @memory. 0 or -1: no memory. */
int model_testdev_create(struct model_pci_function *fn, struct model_memory *memory);

#endif /* MODEL_TESTDEV_H */
