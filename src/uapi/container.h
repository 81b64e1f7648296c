/* SPDX-License-Identifier: MIT */
/*
 * container.h - what an open /dev/vfio/vfio is made of: groups, and one backend for all of them
 *
 * Without a group a container is nothing; with one, SET_IOMMU gives it a backend: type 1, which translates, or
 * no-IOMMU, which does nothing.  The backend goes with the last group, and everything mapped with it.
 *
 * Type 1 keeps mappings, keyed by IOVA, which never overlap and are neither merged nor split.  Each is in all
 * domains, and there is a domain for each kind of hardware that cannot share one.  Groups of mediated devices have
 * none: with no other groups nothing is pinned but what those devices pin themselves.
 *
 * One mutex per container covers all of it and is held over a whole command, also while the core attaches and
 * maps.  It is not held while a mediated device is asked to let go of pages; whatever was seen before has to be
 * looked at again then.
 */
#ifndef UIOMMU_SRC_UAPI_CONTAINER_H
#define UIOMMU_SRC_UAPI_CONTAINER_H

#include <uiommu/abi_vfio.h>
#include "src/uapi/msi.h"
#include "src/uapi/vfio.h"

/* Kinds of backends, by the numbers of SET_IOMMU. */
enum container_backend {
	CONTAINER_UNSET = 0,
	CONTAINER_TYPE1 = ABI_VFIO_TYPE1_IOMMU,
	CONTAINER_TYPE1V2 = ABI_VFIO_TYPE1V2_IOMMU,
	CONTAINER_NOIOMMU = ABI_VFIO_NOIOMMU_IOMMU,
};

struct type1_range {
	uint64_t start, last; /* inclusive */
};

/* An address space of the core, with all mappings of the container. */
struct type1_domain {
	struct type1_domain *next;
	struct uiommu_domain *domain;
	unsigned int groups;
	bool coherent; /* made for devices that can all be made to snoop */
	bool enforces; /* and it does that */
	struct uiommu_iotlb_gather gather; /* what is unmapped and not yet invalidated */
};

/* A group in a container. */
struct container_group {
	struct container_group *next;
	struct vfio_group *group;
	unsigned int users; /* its open devices */
	struct type1_domain *domain; /* NULL: it has no IOMMU, or there is no backend yet */
	struct type1_range *forbidden; /* where its hardware allows no mapping */
	size_t num_forbidden, max_forbidden;
};

struct type1_mapping {
	RB_ENTRY(type1_mapping) node;
	struct type1_mapping *next_removed;
	uint64_t iova, last; /* inclusive */
	struct iommufd_pages *pages;
	unsigned int prot; /* UIOMMU_READ, UIOMMU_WRITE */
	bool mapped; /* pinned as a whole, and in all domains */
	bool stale; /* its address was taken back (UNMAP_DMA with VADDR) */
	size_t pins; /* of pages, by mediated devices */
	uint64_t *written; /* a bit for each page, while that is recorded; NULL: not */
};

RB_HEAD(type1_mappings, type1_mapping);

struct type1 {
	struct uiommu_uapi *uapi;
	bool v2;
	bool tracking; /* dirty pages are recorded */
	struct type1_mappings mappings;
	uint32_t available; /* how many more mappings there may be */
	size_t num_stale;
	uint64_t pgsizes, page; /* what all domains have in common; the least of them */
	struct type1_domain *domains; /* in the order of making */
	struct type1_range *ranges; /* where mappings may be, in order; none: anywhere */
	size_t num_ranges, max_ranges;
	struct uapi_msi msi;
};

struct vfio_container {
	struct uiommu_uapi *uapi;
	_Atomic(unsigned int) refs; /* its file and its groups */
	struct uiommu_mutex lock;
	struct container_group *groups;
	bool noiommu; /* of what kind its groups are */
	enum container_backend backend;
	struct type1 type1;
};

static inline void container_lock(struct vfio_container *container)
{
	uapi_lock(container->uapi, &container->lock);
}

static inline void container_unlock(struct vfio_container *container)
{
	uapi_unlock(container->uapi, &container->lock);
}

/* Has it groups that reach memory by pinning alone? */
static inline bool container_emulated(const struct vfio_container *container)
{
	for (const struct container_group *m = container->groups; m; m = m->next) {
		if (!m->group->core)
			return true;
	}
	return false;
}

/* ---- type1.c: mappings; all with the container locked ------------------------------------------ */

void uiommu_type1_open(struct vfio_container *container, bool v2);
/* Its groups have been detached. */
void uiommu_type1_close(struct vfio_container *container);
long uiommu_type1_map(struct vfio_container *container, struct uiommu_uapi_process *caller,
		      const struct abi_vfio_iommu_type1_dma_map *arg);
/* arg->size: what was unmapped.  @bitmap: NULL without GET_DIRTY_BITMAP.  May let the lock go in between. */
long uiommu_type1_unmap(struct vfio_container *container,
			struct abi_vfio_iommu_type1_dma_unmap *arg,
			const struct abi_vfio_bitmap *bitmap);

/* The first mapping that ends at @iova or behind; the one after; NULL: none. */
struct type1_mapping *uiommu_type1_from(struct type1 *t, uint64_t iova);
struct type1_mapping *uiommu_type1_next(struct type1_mapping *mapping);

/* Pinned and into every domain, or as before. */
int uiommu_type1_fill(struct type1 *t, struct type1_mapping *mapping);
/* Into a new domain, and pinned if it is the @first; or as before. */
int uiommu_type1_fill_domain(struct type1 *t, struct type1_mapping *mapping,
			     struct type1_domain *domain, bool first);

/* ---- type1_group.c: groups and their domains --------------------------------------------------- */

int uiommu_type1_attach(struct vfio_container *container, struct container_group *member);
void uiommu_type1_detach(struct vfio_container *container, struct container_group *member);
/* Where a device of the group, which is open, reaches the doorbell at *address; it is mapped there. */
int uiommu_type1_msi(struct vfio_container *container, const struct container_group *member,
		     uint64_t *address);

/* ---- type1_info.c ------------------------------------------------------------------------------ */

long uiommu_type1_get_info(struct vfio_container *container, uintptr_t argument);

/* ---- type1_dirty.c ----------------------------------------------------------------------------- */

long uiommu_type1_dirty_pages(struct vfio_container *container, uintptr_t argument);
/* A new mapping, while pages are recorded; and its end. 0, -UIOMMU_EINVAL: too large, -UIOMMU_ENOMEM. */
int uiommu_type1_record(struct type1 *t, struct type1_mapping *mapping);
void uiommu_type1_forget(struct type1 *t, struct type1_mapping *mapping);
/* -UIOMMU_EINVAL: a bitmap that is not there, or not one for @size bytes. */
int uiommu_type1_check_bitmap(const struct abi_vfio_bitmap *bitmap, uint64_t size);
/* The mapping's pages into a bitmap that begins at @base. */
int uiommu_type1_report(struct type1 *t, const struct type1_mapping *mapping, uint64_t base,
			const struct abi_vfio_bitmap *bitmap);

/* ---- type1_pin.c: mediated devices ------------------------------------------------------------- */

/*
 * Asks all mediated devices of the container to let go of [iova, last], with the container unlocked in
 * between.
 */
void uiommu_type1_revoke(struct vfio_container *container, uint64_t iova, uint64_t last);
/* Whether a mediated device has pinned this page of the mapping. */
bool uiommu_type1_is_pinned(const struct type1_mapping *mapping, size_t page);

#endif /* UIOMMU_SRC_UAPI_CONTAINER_H */
