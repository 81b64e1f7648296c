/* SPDX-License-Identifier: MIT */
/*
 * mdev.h - the mediated sample device: a DMA engine in software (spec/mdma.h), one for each UUID
 *
 * Locks: a device's own, for registers and pins, is outside of those of containers and iommufd contexts, since pages
 * are pinned and unpinned under it; and so those are not held when the device is asked to let go.
 */
#ifndef UIOMMU_SRC_UAPI_MDEV_H
#define UIOMMU_SRC_UAPI_MDEV_H

#include "src/uapi/vfio.h"
#include "spec/mdma.h"

#define MDEV_UUID 36u /* characters */
#define UIOMMU_MDEV_MAX 16u /* devices, of whatever type */

struct mdev_pin {
	bool valid, write;
	uint64_t iova; /* a multiple of UAPI_PAGE */
	uiommu_phys_t phys;
};

struct uiommu_uapi_mdev {
	struct vfio_device device;
	struct uiommu_uapi_mdev *next; /* vfio->mdevs */
	const struct uiommu_uapi_mdev_type *type;
	char uuid[MDEV_UUID + 1];

	struct uiommu_mutex lock; /* all that follows */
	uint32_t reg[MDMA_REGISTERS_END / 4];
	struct mdev_pin *pins; /* type->pages of them */
	unsigned int next_pin; /* the oldest, or free */
	int eventfd; /* of the interrupt; -1 */
	uint8_t buffer[UAPI_PAGE];
};

/* mdev_dma.c */
extern const struct vfio_driver uiommu_mdev_driver;

/* By its UUID, once; -UIOMMU_ENODEV: there is none, or it is leaving. */
int uiommu_mdev_remove_named(struct uiommu_uapi *uapi, const char *uuid);

/* With uapi_destroy: what is still there goes. */
void uiommu_mdev_destroy(struct uiommu_uapi *uapi);

#endif /* UIOMMU_SRC_UAPI_MDEV_H */
