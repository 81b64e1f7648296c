/* SPDX-License-Identifier: MIT */
/* internal.h - what the files of the hosted port know of each other */
#ifndef PORTS_POSIX_INTERNAL_H
#define PORTS_POSIX_INTERNAL_H

#include <uiommu/posix.h>

/* Never NULL. */
const struct uiommu_posix_hooks *uiommu_posix_hooks_of(const struct uiommu_posix *host);

/* How many address spaces have the page that starts at @phys, after @change. */
/* May pages of the RAM be replaced? */
bool uiommu_posix_ram_private(const struct uiommu_posix *host);
unsigned int uiommu_posix_page_users(struct uiommu_posix *host, uiommu_phys_t phys, int change);

/* Around uiommu_posix_pin_pages() and what the hooks are told of it. */
void uiommu_posix_pin_lock(struct uiommu_posix *host, bool lock);

/*
 * Pins (@change 1) or unpins (-1) @count pages from @phys on, and says in @edge how many of them, from the
 * first on, were pinned for the first, or unpinned for the last time; in @same how many then follow for which that is
 * not so.  False: not all of them are memory in use; nothing has changed.
 */
bool uiommu_posix_pin_pages(struct uiommu_posix *host, uiommu_phys_t phys, size_t count, int change,
			    size_t *edge, size_t *same);

#endif /* PORTS_POSIX_INTERNAL_H */
