/* SPDX-License-Identifier: MIT */
/*
 * viommu.h - what a guest's IOMMU consists of
 *
 * Hardware's events come at any time and from any thread.  What they need of a vIOMMU, its devices and event
 * queues, is changed with the context's mutex and viommu->lock, a leaf, and read with either.
 */
#ifndef UIOMMU_SRC_UAPI_VIOMMU_H
#define UIOMMU_SRC_UAPI_VIOMMU_H

#include "src/uapi/iommufd.h"

struct iommufd_veventq; /* veventq.c */

struct iommufd_viommu {
	struct iommufd_object object;
	struct iommufd_hwpt *parent;
	struct uiommu_instance *instance;
	struct uiommu_domain *idle;
	struct uiommu_mutex lock;
	struct iommufd_vdevice *devices;
	struct iommufd_veventq *queues;
};

struct iommufd_vdevice {
	struct iommufd_object object;
	struct iommufd_vdevice *next; /* viommu->devices */
	struct iommufd_viommu *viommu;
	struct iommufd_device *device;
	uint64_t virt_id;
};

static inline struct iommufd_viommu *iommufd_to_viommu(struct iommufd_object *object)
{
	return (struct iommufd_viommu *)(void *)object;
}

static inline void viommu_lock(struct iommufd_viommu *viommu)
{
	uapi_lock(viommu->object.ctx->uapi, &viommu->lock);
}

static inline void viommu_unlock(struct iommufd_viommu *viommu)
{
	uapi_unlock(viommu->object.ctx->uapi, &viommu->lock);
}

/* ---- veventq.c --------------------------------------------------------------------------------- */

/* A fault handler of the guest's stages; @token is the vIOMMU. */
void uiommu_iommufd_viommu_fault(const struct uiommu_fault *fault, void *token);

int uiommu_iommufd_cmd_veventq_alloc(struct iommufd_command *command);

#endif /* UIOMMU_SRC_UAPI_VIOMMU_H */
