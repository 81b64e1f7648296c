/* SPDX-License-Identifier: MIT */
/* uapi_io.h - a machine's devices, as the user ABI hands them to programs */
#ifndef MACHINES_UAPI_IO_H
#define MACHINES_UAPI_IO_H

#include <uiommu/uapi.h>

#include "machines/machine.h"

/* What stands behind a struct uiommu_uapi_device_io: nobody else looks inside. */
struct machine_uapi_io {
	struct machine_device *device;
	uint64_t bar[6];
	unsigned int msi; /* offset of the capability */
	int irq;
	uint64_t msi_address; /* 0: as the host says */
	void (*deliver)(void *token, unsigned int vector); /* NULL: off */
	void *token;
};

/*
 * How @device is reached.  @io has to stay as long as @out is used, and its BARs where they are; the
 * device's driver is gone while this looks at them. 0; -UIOMMU_EINVAL: it is not PCI.
 */
int machine_device_io(struct machine_device *device, struct machine_uapi_io *io,
		      struct uiommu_uapi_device_io *out);

/*
 * @uapi is told of @device, whose own driver is called "machine-dma" and does not have it.  What the user ABI knows of
 * it ends with uiommu_uapi_remove_device() or uiommu_uapi_destroy(), before the device leaves the system.
 * 0; -UIOMMU_ENODEV: it is in no system; errors of uiommu_uapi_add_device().
 */
int machine_uapi_add(struct machine_device *device, struct uiommu_uapi *uapi,
		     struct uiommu_uapi_device **out);

/* ---- devices on no bus, platform_io.c ----------------------------------------------------------- */

/*
 * The same for a device on no bus: one region, and its interrupt if there is a wire.  @out belongs to the device and
 * stays until the machine forgets its devices.  Time that a reset function lets pass is the hardware's: it does a
 * step and nobody waits.  0; -UIOMMU_EINVAL: it is PCI; -UIOMMU_ENOMEM.
 */
int machine_platform_io(struct machine_device *device, const struct uiommu_uapi_platform_io **out);
/* Nanoseconds that reset functions let pass for this device so far. */
uint64_t machine_platform_delayed(const struct machine_device *device);

/* platform_reset.c: resets the project's DMA engine; of devices that are compatible with "uiommu,platform-dma". */
int machine_platform_reset(struct uiommu_uapi_platform_reset *reset);
/* For the configuration of a user ABI: finds what the library has, and the one above. */
int machine_load_platform_reset(void *context, struct uiommu_uapi *uapi, const char *module);

#endif /* MACHINES_UAPI_IO_H */
