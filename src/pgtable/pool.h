/* SPDX-License-Identifier: MIT */
/*
 * pool.h - where table pages come from and where they go
 *
 * A domain keeps a few zeroed pages: those that lost the race to be installed. Any thread may call get
 * and put at any time; there is no lock.
 */
#ifndef UIOMMU_SRC_PGTABLE_POOL_H
#define UIOMMU_SRC_PGTABLE_POOL_H

#include "src/pgtable/pgtable.h"

/** uiommu_pt_pool_init() - make pt->pool; 0 or -UIOMMU_ENOMEM */
int uiommu_pt_pool_init(struct uiommu_pt *pt);
/** uiommu_pt_pool_destroy() - frees the pool and what is in it; does nothing without a pool */
void uiommu_pt_pool_destroy(struct uiommu_pt *pt);
/** uiommu_pt_pool_get() - a zeroed page, from the pool or the host; NULL: the host has none */
uint64_t *uiommu_pt_pool_get(struct uiommu_pt *pt);
/** uiommu_pt_pool_put() - takes back a page that is all zero and that hardware never saw */
void uiommu_pt_pool_put(struct uiommu_pt *pt, uint64_t *page);

#endif /* UIOMMU_SRC_PGTABLE_POOL_H */
