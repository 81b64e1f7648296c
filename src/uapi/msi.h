/* SPDX-License-Identifier: MIT */
/*
 * msi.h - interrupt messages that an IOMMU translates: where their doorbells are in a device's address space
 *
 * Some IOMMUs let messages pass (a region UIOMMU_RESV_MSI); others take them for any write, and the driver says where
 * software may map the doorbells (UIOMMU_RESV_SW_MSI, a window that no user gets).  There the nth doorbell of a
 * container or context is the nth page of each window, in every domain, so that a message's address stays good when
 * its device moves from one domain to another.
 */
#ifndef UIOMMU_SRC_UAPI_MSI_H
#define UIOMMU_SRC_UAPI_MSI_H

#include "src/uapi/uapi.h"

#define UAPI_MSI_DOORBELLS 64u

/* The doorbells of a container or context, whose lock is the owner's. */
struct uapi_msi {
	uiommu_phys_t page[UAPI_MSI_DOORBELLS];
	unsigned int count;
};

/*
 * The number of a doorbell's page, given at the first question. -UIOMMU_EOVERFLOW: there are too many.
 */
int uiommu_uapi_msi_number(struct uapi_msi *msi, uiommu_phys_t doorbell);

/* Where @group's devices reach doorbell @number; false: nowhere else than where it is. */
bool uiommu_uapi_msi_iova(struct uiommu_group *group, unsigned int number, uiommu_iova_t *iova);

/*
 * Into @domain, unless it is there, the page of a doorbell at the place that @group's window has for it; nothing
 * to do where there is no window. 0 or an error of uiommu_map().
 */
int uiommu_uapi_msi_map(const struct uapi_msi *msi, struct uiommu_group *group,
			struct uiommu_domain *domain, unsigned int number);

#endif /* UIOMMU_SRC_UAPI_MSI_H */
