/* SPDX-License-Identifier: MIT */
/*
 * backend.h - address spaces and their owners, through whichever interface a subject offers
 *
 * A driver can be judged through this library's C API, and through an ABI that is built on it.  A scenario
 * that says only what both can say is written with the calls below, has the flag CONFORM_ANY_BACKEND, and
 * runs through either.  One that is about the C API itself (a driver's operation made to fail, a gather, a
 * handle) asks owner_group() and space_domain() for the objects behind, and runs on kapi only.
 *
 * An owner has a device's group for itself: while nothing is attached the group is blocked.  A space is an
 * address space with mappings, made for an owner's device and attached to any owner's group.
 *
 * Thread-safety: that of the interface; map and unmap of disjoint ranges in parallel are always fine.
 */
#ifndef CONFORM_BACKEND_H
#define CONFORM_BACKEND_H

#include <uiommu/uiommu.h>

struct conform_backend;
struct subject;

struct owner {
	struct subject *s;
	const struct conform_backend *backend;
};

struct space {
	struct subject *s;
	const struct conform_backend *backend;
};

/* All functions with an int result: 0 or a negative errno of include/uiommu/types.h. */
struct conform_backend {
	const char *name; /* what stands after the colon: "kapi" */
	const char *summary;
	bool judges_itself; /* shows that scenarios keep to this interface; not part of the matrix */
	/* What a map answers where something is mapped, outside of the aperture, and where it is misaligned. */
	int taken, outside, misaligned;
	bool user; /* Linux's user ABI: subject_buffer() is memory of a program, pinned by those who map it */

	int (*own)(struct subject *s, const char *label, struct owner **out);
	void (*disown)(struct owner *owner);
	uint32_t (*max_pasids)(struct owner *owner); /* 0: none */
	bool (*capable)(struct owner *owner, enum uiommu_cap cap);

	int (*create)(struct owner *owner, unsigned int alloc_flags, struct space **out);
	void (*destroy)(struct space *space);
	void (*geometry)(struct space *space, struct uiommu_geometry *geometry);
	uint64_t (*page_sizes)(struct space *space);

	/* For requests without PASID, of every device in the owner's group. */
	int (*attach)(struct owner *owner, struct space *space);
	int (*replace)(struct owner *owner, struct space *space);
	void (*detach)(struct owner *owner, struct space *space);
	/* For requests with it, of the device by whose label the group was taken. */
	int (*attach_pasid)(struct owner *owner, struct space *space, uint32_t pasid);
	int (*replace_pasid)(struct owner *owner, struct space *space, uint32_t pasid);
	void (*detach_pasid)(struct owner *owner, struct space *space, uint32_t pasid);

	/* @phys lies in a subject_buffer.  unmap: the bytes that are gone. */
	int (*map)(struct space *space, uint64_t iova, uint64_t phys, uint64_t size,
		   unsigned int prot);
	uint64_t (*unmap)(struct space *space, uint64_t iova, uint64_t size);
	int (*set_dirty_tracking)(struct space *space, bool on);
	int (*read_dirty)(struct space *space, uint64_t iova, uint64_t size, unsigned int flags,
			  const struct uiommu_dirty_bitmap *bitmap);

	/* NULL where the interface has no such thing. */
	uint64_t (*iova_to_phys)(struct space *space, uint64_t iova);
	struct uiommu_group *(*group)(struct owner *owner);
	struct uiommu_domain *(*domain)(struct space *space);
};

/* The C API. */
extern const struct conform_backend conform_kapi;
/* The C API with its objects hidden: a scenario that reaches round the interface fails on it. */
extern const struct conform_backend conform_opaque;
/* Linux's user ABI, in the process. */
extern const struct conform_backend conform_uapi;

/* ---- what scenarios call: these fail the scenario where they fail ------------------------------- */

struct owner *subject_own(struct subject *s, const char *label);
struct space *owner_space(struct owner *owner, unsigned int alloc_flags);
void owner_end(struct owner *owner);
void space_end(struct space *space);
/* The C API's objects behind; NULL on another back end. */
struct uiommu_group *owner_group(struct owner *owner);
struct uiommu_domain *space_domain(struct space *space);
/* Exactly these bytes are gone. */
void space_unmap_all(struct space *space, uint64_t iova, uint64_t size);
/* iova_to_phys() says this, where the interface has it. */
void space_check_phys(struct space *space, uint64_t iova, uint64_t expected);

/* ---- the same as calls, for CHECK_OK and CHECK_RC ----------------------------------------------- */

static inline int owner_create(struct owner *owner, unsigned int alloc_flags, struct space **out)
{
	return owner->backend->create(owner, alloc_flags, out);
}

static inline int owner_attach(struct owner *owner, struct space *space)
{
	return owner->backend->attach(owner, space);
}

static inline int owner_replace(struct owner *owner, struct space *space)
{
	return owner->backend->replace(owner, space);
}

static inline void owner_detach(struct owner *owner, struct space *space)
{
	owner->backend->detach(owner, space);
}

static inline int owner_attach_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	return owner->backend->attach_pasid(owner, space, pasid);
}

static inline int owner_replace_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	return owner->backend->replace_pasid(owner, space, pasid);
}

static inline void owner_detach_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	owner->backend->detach_pasid(owner, space, pasid);
}

static inline int space_map(struct space *space, uint64_t iova, uint64_t phys, uint64_t size,
			    unsigned int prot)
{
	return space->backend->map(space, iova, phys, size, prot);
}

/* The errors of a map, for CHECK_RC(). */
static inline int space_taken(const struct space *space)
{
	return -space->backend->taken;
}

static inline int space_outside(const struct space *space)
{
	return -space->backend->outside;
}

static inline int space_misaligned(const struct space *space)
{
	return -space->backend->misaligned;
}

static inline uint64_t space_unmap(struct space *space, uint64_t iova, uint64_t size)
{
	return space->backend->unmap(space, iova, size);
}

static inline void space_geometry(struct space *space, struct uiommu_geometry *geometry)
{
	space->backend->geometry(space, geometry);
}

static inline uint64_t space_page_sizes(struct space *space)
{
	return space->backend->page_sizes(space);
}

static inline int space_set_dirty_tracking(struct space *space, bool on)
{
	return space->backend->set_dirty_tracking(space, on);
}

static inline int space_read_dirty(struct space *space, uint64_t iova, uint64_t size,
				   unsigned int flags, const struct uiommu_dirty_bitmap *bitmap)
{
	return space->backend->read_dirty(space, iova, size, flags, bitmap);
}

static inline uint32_t owner_max_pasids(struct owner *owner)
{
	return owner->backend->max_pasids(owner);
}

static inline bool owner_capable(struct owner *owner, enum uiommu_cap cap)
{
	return owner->backend->capable(owner, cap);
}

#endif /* CONFORM_BACKEND_H */
