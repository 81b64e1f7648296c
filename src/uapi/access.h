/* SPDX-License-Identifier: MIT */
/*
 * access.h - devices without an IOMMU of their own, whose driver reaches memory through an IOAS
 *
 * The driver pins the pages that its device uses and lets go of them when it is asked to.
 */
#ifndef UIOMMU_SRC_UAPI_ACCESS_H
#define UIOMMU_SRC_UAPI_ACCESS_H

#include "src/uapi/iommufd.h"

struct iommufd_access_ops {
	bool needs_pin;
	/* Let go of what is pinned in [iova, iova + length - 1]; with no lock of the context's held. */
	void (*unmap)(void *context, uint64_t iova, uint64_t length);
};

struct iommufd_access {
	struct iommufd_object object;
	struct iommufd_access *next; /* ioas->accesses */
	struct iommufd_ioas *ioas; /* NULL: not attached, nothing can be pinned */
	struct iommufd_ioas *leaving; /* what it still has pins in */
	const struct iommufd_access_ops *ops;
	void *context;
};

int uiommu_iommufd_access_create(struct iommufd *ctx, const struct iommufd_access_ops *ops,
				 void *context, struct iommufd_access **out);
void uiommu_iommufd_access_destroy(struct iommufd_access *access);
/* From whatever it has to IOAS @id (0: none): 0, -UIOMMU_ENOENT, -UAPI_EDEADLK. */
int uiommu_iommufd_access_attach(struct iommufd_access *access, uint32_t ioas_id);

enum iommufd_access_flags {
	IOMMUFD_ACCESS_WRITE = 1u << 0,
};

/*
 * Pages of [iova, iova + length - 1], both multiples of UAPI_PAGE once an access that needs pins is there: their
 * physical addresses in @phys. 0; -UIOMMU_ENOENT: a hole; -UIOMMU_EPERM: not readable, or not writable;
 * -UIOMMU_EFAULT, -UIOMMU_ENOMEM.
 */
int uiommu_iommufd_access_pin(struct iommufd_access *access, uint64_t iova, uint64_t length,
			      uiommu_phys_t *phys, unsigned int flags);
void uiommu_iommufd_access_unpin(struct iommufd_access *access, uint64_t iova, uint64_t length);
/* Copies between @data and the IOAS; errors as above. */
int uiommu_iommufd_access_rw(struct iommufd_access *access, uint64_t iova, void *data, size_t size,
			     unsigned int flags);

/* The context is locked, and is unlocked in between: every access is asked to let go of @area. 0 or -UAPI_EDEADLK. */
int uiommu_iommufd_access_revoke(struct iommufd_ioas *ioas, struct iommufd_area *area);

#endif /* UIOMMU_SRC_UAPI_ACCESS_H */
