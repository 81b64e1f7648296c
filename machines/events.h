/* SPDX-License-Identifier: MIT */
/* events.h - connects a machine to what its hardware, host and library tell */
#ifndef MACHINES_EVENTS_H
#define MACHINES_EVENTS_H

#include "machines/internal.h"

/* Fills in machine->hooks from the hardware's and the options', and receives the hardware's reports. */
void machine_connect(struct machine *machine);
/* For struct uiommu_system_config; the context is the machine. */
void machine_on_fault(void *context, const struct uiommu_fault *fault);

#endif /* MACHINES_EVENTS_H */
