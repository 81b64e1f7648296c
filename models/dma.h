/* SPDX-License-Identifier: MIT */
/* dma.h - the DMA engine of spec/dma-engine.h, with a device TLB */
#ifndef MODEL_DMA_H
#define MODEL_DMA_H

#include "models/pci.h"

/* Fills in the device's part of @config: IDs, class (unless it is set), BAR. */
void model_dma_config(struct model_pci_config *config);
/* The device behind @fn, freed with it. 0 or -1: no memory. */
int model_dma_create(struct model_pci_function *fn);

#endif /* MODEL_DMA_H */
