/* SPDX-License-Identifier: MIT */
/* acpi.h - firmware tables of modelled machines */
#ifndef MACHINES_ACPI_H
#define MACHINES_ACPI_H

#include "machines/describe.h"

/* The DMAR table of a machine, from malloc(); NULL: no memory. */
unsigned char *machine_acpi_dmar(const struct describe *d, size_t *size);
/* The VIOT table: its virtio IOMMUs, and what the iommu-maps send through them. */
unsigned char *machine_acpi_viot(const struct describe *d, size_t *size);

#endif /* MACHINES_ACPI_H */
