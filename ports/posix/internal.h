/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of the hosted port know of each other */
#ifndef PORTS_POSIX_INTERNAL_H
#define PORTS_POSIX_INTERNAL_H

#include <uiommu/posix.h>

/* Never NULL. */
const struct uiommu_posix_hooks *uiommu_posix_hooks_of(const struct uiommu_posix *host);

/* How many address spaces have the page that starts at @phys, after @change. */
unsigned int uiommu_posix_page_users(struct uiommu_posix *host, uiommu_phys_t phys, int change);

#endif /* PORTS_POSIX_INTERNAL_H */
