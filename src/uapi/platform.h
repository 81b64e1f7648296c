/* SPDX-License-Identifier: MIT */
/*
 * platform.h - what the files of vfio-platform share
 *
 * Locks: device->lock of the frame (open, close and commands), maps (which regions are reachable), line (over what is
 * told to the interrupt controller), irq (triggers and masks).  irq is a leaf and is all that a delivery takes: nothing
 * of the host's is called with it held.
 */
#ifndef UIOMMU_SRC_UAPI_PLATFORM_H
#define UIOMMU_SRC_UAPI_PLATFORM_H

#include "src/uapi/vfio.h"
#include "src/uapi/vfio_irq.h"

#define PLATFORM_REGION_SHIFT 40

struct platform_reset_entry;

/* One interrupt; -1 is no descriptor. */
struct platform_irq {
	struct vfio_platform *platform;
	int error; /* why the host does not deliver it */
	int trigger; /* our copy; irq_lock */
	bool masked; /* irq_lock */
	struct vfio_watch *mask, *unmask; /* device->lock */
};

struct vfio_platform {
	struct vfio_device device; /* first */
	const struct uiommu_uapi_platform_io *io;
	bool reset_required;
	struct platform_reset_entry *reset; /* NULL: ACPI's, or there is none */
	uint32_t *region_flags; /* as REGION_INFO tells */
	_Atomic(bool) *mapped; /* regions whose registers are reachable */
	struct platform_irq *irqs;
	struct uiommu_mutex map_lock, line_lock, irq_lock;
};

static inline struct vfio_platform *to_platform(struct vfio_device *device)
{
	return (struct vfio_platform *)device;
}

/* ---- platform.c -------------------------------------------------------------------------------- */

extern const struct vfio_driver uiommu_vfio_platform_driver;

/*
 * Not yet registered, or no more.  0; -UIOMMU_EINVAL: neither compatible nor HID, or something cannot be reached;
 * -UIOMMU_ENOENT: no reset, and it is required; -UIOMMU_ENOMEM.
 */
int uiommu_vfio_platform_create(struct uiommu_uapi *uapi, struct uiommu_device *dev,
				const struct uiommu_uapi_platform_io *io,
				struct vfio_platform **out);
void uiommu_vfio_platform_destroy(struct vfio_platform *platform);
/* Is everything there that is needed to reach the device? */
bool uiommu_vfio_platform_reachable(const struct uiommu_uapi_platform_io *io);
/* The registers of a region, before they are accessed. 0, -UIOMMU_EINVAL: no such region, -UIOMMU_ENOMEM. */
int uiommu_vfio_platform_map(struct vfio_platform *platform, unsigned int region);

/* ---- platform_irq.c ---------------------------------------------------------------------------- */

/* At open and at close. */
void uiommu_vfio_platform_irq_start(struct vfio_platform *platform);
void uiommu_vfio_platform_irq_stop(struct vfio_platform *platform);
long uiommu_vfio_platform_set_irqs(struct vfio_platform *platform, uintptr_t argument);

/* ---- platform_reset.c -------------------------------------------------------------------------- */

/* With uapi_destroy: all devices are gone. */
void uiommu_platform_reset_destroy(struct uiommu_uapi *uapi);
/* Look for a way to reset it, and keep that: 0, -UIOMMU_ENOENT. */
int uiommu_platform_reset_find(struct vfio_platform *platform);
void uiommu_platform_reset_put(struct vfio_platform *platform);
bool uiommu_platform_has_reset(const struct vfio_platform *platform);
/* What the function says; -UIOMMU_EINVAL: there is none. */
int uiommu_platform_reset(struct vfio_platform *platform);

/* ---- the library's own reset functions --------------------------------------------------------- */

int uiommu_platform_reset_flexrm(struct uiommu_uapi_platform_reset *reset);
int uiommu_platform_reset_calxeda(struct uiommu_uapi_platform_reset *reset);
int uiommu_platform_reset_xgbe(struct uiommu_uapi_platform_reset *reset);

#endif /* UIOMMU_SRC_UAPI_PLATFORM_H */
