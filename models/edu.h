/* SPDX-License-Identifier: MIT */
/* edu.h - a model of the "edu" device: what spec/edu.h describes, register for register */
#ifndef MODEL_EDU_H
#define MODEL_EDU_H

#include "models/pci.h"

/* Fills in the device's part of @config: IDs, class (unless it is set), BAR, MSI. */
void model_edu_config(struct model_pci_config *config);
/* The device behind @fn, freed with it. 0 or -1: no memory. */
int model_edu_create(struct model_pci_function *fn);

#endif /* MODEL_EDU_H */
