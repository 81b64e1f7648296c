/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - what a kernel does with the library once the port is there: the example of docs/PORTING.md
 *
 * One VT-d unit at a known address, devices without PCI, one address space for each device.  A real kernel
 * reads the addresses from its DMAR table with uiommu/acpi.h.
 */
#ifndef UIOMMU_PORT_MINIMAL_KERNEL_H
#define UIOMMU_PORT_MINIMAL_KERNEL_H

#include <uiommu/vtd.h>

#include "ports/minimal/minimal.h"

struct kernel {
	struct uiommu_minimal host;
	struct uiommu_fwnode unit_node; /* who the unit is: compared by address */
	struct uiommu_system *sys;
	struct uiommu_vtd *unit;
	unsigned int faults;
	struct uiommu_fault last_fault;
};

struct kernel_device {
	struct kernel *kernel;
	uint32_t source_id; /* bus << 8 | devfn */
	struct uiommu_device *dev;
	struct uiommu_domain *domain;
};

/* Registers in the kernel's own address space, at @base. */
struct uiommu_mmio kernel_mmio(volatile void *base);

int kernel_start(struct kernel *kernel, const struct uiommu_mmio *registers);
void kernel_stop(struct kernel *kernel);

/* @device: its first two members set; its DMA goes through a domain of its own from now on. */
int kernel_device_open(struct kernel_device *device, const char *name);
void kernel_device_close(struct kernel_device *device);

#endif /* UIOMMU_PORT_MINIMAL_KERNEL_H */
