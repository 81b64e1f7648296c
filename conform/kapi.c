/* SPDX-License-Identifier: MIT */
/*
 * kapi.c - the back end that is this library's C API, and what is common to all back ends
 *
 * An owner is a claimed group, a space a paging domain.  Replacing needs an attach handle for the new
 * domain while the old one's is still in use: each RID or PASID has two that take turns.
 */
#include <stdlib.h>
#include <string.h>

#include "conform/conform.h"

#define PASIDS 8

struct slot {
	uint32_t pasid; /* the first slot: UIOMMU_RID */
	bool used; /* something is attached, with handle[turn] */
	unsigned int turn;
	struct uiommu_attach_handle handle[2];
};

struct kapi_owner {
	struct owner base;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct slot slot[1 + PASIDS]; /* the first: the RID */
};

struct kapi_space {
	struct space base;
	struct uiommu_domain *domain;
};

static struct kapi_owner *kapi_owner(struct owner *owner)
{
	return (struct kapi_owner *)owner;
}

static struct kapi_space *kapi_space(struct space *space)
{
	return (struct kapi_space *)space;
}

static int own(struct subject *s, const char *label, struct owner **out)
{
	struct uiommu_group *group = subject_group(s, label);
	struct kapi_owner *o;
	int rc;

	rc = uiommu_group_claim_dma_owner(group, s);
	if (rc) {
		uiommu_group_put(group);
		return rc;
	}
	o = calloc(1, sizeof(*o));
	CHECK(s, o, "no memory for an owner");
	o->base = (struct owner){ s, s->kind->backend };
	o->dev = subject_device(s, label);
	o->group = group;
	*out = &o->base;
	return 0;
}

static void disown(struct owner *owner)
{
	subject_release(owner->s, kapi_owner(owner)->group);
	free(owner);
}

static uint32_t max_pasids(struct owner *owner)
{
	return uiommu_device_max_pasids(kapi_owner(owner)->dev);
}

static bool capable(struct owner *owner, enum uiommu_cap cap)
{
	return uiommu_device_capable(kapi_owner(owner)->dev, cap);
}

static int create(struct owner *owner, unsigned int alloc_flags, struct space **out)
{
	struct uiommu_domain *domain;
	struct kapi_space *space;
	int rc;

	rc = uiommu_domain_alloc_paging(kapi_owner(owner)->dev, alloc_flags, &domain);
	if (rc)
		return rc;
	space = calloc(1, sizeof(*space));
	CHECK(owner->s, space, "no memory for a space");
	space->base = (struct space){ owner->s, owner->backend };
	space->domain = domain;
	*out = &space->base;
	return 0;
}

static void destroy(struct space *space)
{
	uiommu_domain_free(kapi_space(space)->domain);
	free(space);
}

static void geometry(struct space *space, struct uiommu_geometry *g)
{
	uiommu_domain_geometry(kapi_space(space)->domain, g);
}

static uint64_t page_sizes(struct space *space)
{
	return uiommu_domain_pgsizes(kapi_space(space)->domain);
}

/* A handle that is not in use, and after success is. */
static struct uiommu_attach_handle *free_handle(struct slot *slot)
{
	return &slot->handle[slot->used ? !slot->turn : slot->turn];
}

static int now_attached(struct slot *slot, const struct uiommu_attach_handle *handle, int rc)
{
	if (rc == 0) {
		slot->used = true;
		slot->turn = handle == &slot->handle[1];
	}
	return rc;
}

static int attach(struct owner *owner, struct space *space)
{
	struct kapi_owner *o = kapi_owner(owner);
	struct uiommu_attach_handle *handle = free_handle(&o->slot[0]);
	int rc = uiommu_attach_group_handle(kapi_space(space)->domain, o->group, handle);

	return now_attached(&o->slot[0], handle, rc);
}

static int replace(struct owner *owner, struct space *space)
{
	struct kapi_owner *o = kapi_owner(owner);
	struct uiommu_attach_handle *handle = free_handle(&o->slot[0]);
	int rc = uiommu_replace_group_handle(o->group, kapi_space(space)->domain, handle);

	return now_attached(&o->slot[0], handle, rc);
}

static void detach(struct owner *owner, struct space *space)
{
	struct kapi_owner *o = kapi_owner(owner);

	uiommu_detach_group_handle(kapi_space(space)->domain, o->group);
	o->slot[0].used = false;
}

/* The PASID's slot; an unused one if it has none. */
static struct slot *slot_of(struct kapi_owner *o, uint32_t pasid)
{
	struct slot *unused = NULL;

	for (unsigned int i = 1; i <= PASIDS; i++) {
		if (o->slot[i].used && o->slot[i].pasid == pasid)
			return &o->slot[i];
		if (!o->slot[i].used)
			unused = &o->slot[i];
	}
	CHECK(o->base.s, unused, "more than %d PASIDs of one owner", PASIDS);
	unused->pasid = pasid;
	return unused;
}

static int attach_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	struct kapi_owner *o = kapi_owner(owner);
	struct slot *slot = slot_of(o, pasid);
	struct uiommu_attach_handle *handle = free_handle(slot);
	int rc;

	rc = uiommu_attach_device_pasid(kapi_space(space)->domain, o->dev, pasid, handle);
	return now_attached(slot, handle, rc);
}

static int replace_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	struct kapi_owner *o = kapi_owner(owner);
	struct slot *slot = slot_of(o, pasid);
	struct uiommu_attach_handle *handle = free_handle(slot);
	int rc;

	rc = uiommu_replace_device_pasid(kapi_space(space)->domain, o->dev, pasid, handle);
	return now_attached(slot, handle, rc);
}

static void detach_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	struct kapi_owner *o = kapi_owner(owner);

	uiommu_detach_device_pasid(kapi_space(space)->domain, o->dev, pasid);
	slot_of(o, pasid)->used = false;
}

static int map(struct space *space, uint64_t iova, uint64_t phys, uint64_t size, unsigned int prot)
{
	return uiommu_map(kapi_space(space)->domain, iova, phys, size, prot);
}

static uint64_t unmap(struct space *space, uint64_t iova, uint64_t size)
{
	return uiommu_unmap(kapi_space(space)->domain, iova, size);
}

static int set_dirty_tracking(struct space *space, bool on)
{
	return uiommu_set_dirty_tracking(kapi_space(space)->domain, on);
}

static int read_dirty(struct space *space, uint64_t iova, uint64_t size, unsigned int flags,
		      const struct uiommu_dirty_bitmap *bitmap)
{
	return uiommu_read_and_clear_dirty(kapi_space(space)->domain, iova, size, flags, bitmap);
}

static uint64_t iova_to_phys(struct space *space, uint64_t iova)
{
	return uiommu_iova_to_phys(kapi_space(space)->domain, iova);
}

static struct uiommu_group *group_of(struct owner *owner)
{
	return kapi_owner(owner)->group;
}

static struct uiommu_domain *domain_of(struct space *space)
{
	return kapi_space(space)->domain;
}

#define KAPI_CALLS                                                                                \
	.own = own, .disown = disown, .max_pasids = max_pasids, .capable = capable,               \
	.create = create, .destroy = destroy, .geometry = geometry, .page_sizes = page_sizes,     \
	.attach = attach, .replace = replace, .detach = detach, .attach_pasid = attach_pasid,     \
	.replace_pasid = replace_pasid, .detach_pasid = detach_pasid, .map = map, .unmap = unmap, \
	.set_dirty_tracking = set_dirty_tracking, .read_dirty = read_dirty,                       \
	.taken = UIOMMU_EADDRINUSE, .outside = UIOMMU_ERANGE, .misaligned = UIOMMU_ENXIO

const struct conform_backend conform_kapi = {
	.name = "kapi",
	.summary = "this library's C API",
	KAPI_CALLS,
	.iova_to_phys = iova_to_phys,
	.group = group_of,
	.domain = domain_of,
};

const struct conform_backend conform_opaque = {
	.name = "opaque",
	.summary = "the C API with its objects hidden, to judge the scenarios",
	.judges_itself = true,
	KAPI_CALLS,
};

/* ---- common to all back ends --------------------------------------------------------------------- */

struct owner *subject_own(struct subject *s, const char *label)
{
	struct owner *owner = NULL;

	subject_machine_device(s, label);
	CHECK_OK(s, s->kind->backend->own(s, label, &owner));
	return owner;
}

struct space *owner_space(struct owner *owner, unsigned int alloc_flags)
{
	struct space *space = NULL;

	CHECK_OK(owner->s, owner->backend->create(owner, alloc_flags, &space));
	return space;
}

void owner_end(struct owner *owner)
{
	owner->backend->disown(owner);
}

void space_end(struct space *space)
{
	space->backend->destroy(space);
}

struct uiommu_group *owner_group(struct owner *owner)
{
	return owner->backend->group ? owner->backend->group(owner) : NULL;
}

struct uiommu_domain *space_domain(struct space *space)
{
	return space->backend->domain ? space->backend->domain(space) : NULL;
}

void space_unmap_all(struct space *space, uint64_t iova, uint64_t size)
{
	uint64_t got = space_unmap(space, iova, size);

	CHECK(space->s, got == size, "unmap of 0x%llx bytes at 0x%llx gave 0x%llx",
	      (unsigned long long)size, (unsigned long long)iova, (unsigned long long)got);
}

void space_check_phys(struct space *space, uint64_t iova, uint64_t expected)
{
	uint64_t got;

	if (!space->backend->iova_to_phys)
		return;
	got = space->backend->iova_to_phys(space, iova);
	CHECK(space->s, got == expected, "0x%llx is said to lead to 0x%llx and not to 0x%llx",
	      (unsigned long long)iova, (unsigned long long)got, (unsigned long long)expected);
}
