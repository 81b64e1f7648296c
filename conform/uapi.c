/* SPDX-License-Identifier: MIT */
/*
 * uapi.c - the back end that is Linux's user ABI: a program with an iommufd and devices' cdevs
 *
 * An owner is a cdev that is bound to the iommufd, a space an IOAS with one HWPT made for the owner's device.  The
 * program maps its own memory, at fixed addresses.  What the ABI does not tell (leaves' sizes, a few
 * capabilities) is asked of the driver.
 *
 * Some of what scenarios do no program can do, and then they end with a reason: a part of a mapping cannot be
 * taken away, memory that no program has cannot be mapped, nor can devices on no bus or without coherent DMA be had.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "conform/abi.h"

struct uapi_owner {
	struct owner base;
	struct abi *abi;
	struct abi_device *device;
};

struct mapping {
	uint64_t iova, size;
};

struct uapi_space {
	struct space base;
	struct abi *abi;
	struct uiommu_device *dev; /* that it was made for */
	uint32_t ioas, hwpt;
	pthread_mutex_t lock; /* mappings */
	struct mapping *mappings; /* to know what would be cut */
	size_t count, capacity;
};

static struct uapi_owner *uapi_owner(struct owner *owner)
{
	return (struct uapi_owner *)owner;
}

static struct uapi_space *uapi_space(struct space *space)
{
	return (struct uapi_space *)space;
}

/* One context for all of a scenario: the first descriptor of its process. */
enum { IOMMUFD = 0 };

static struct abi *abi_of(struct subject *s)
{
	if (!s->abi) {
		struct abi *a = abi_start(s, NULL);
		int fd = abi_iommufd(a);

		CHECK(s, fd == IOMMUFD, "the first descriptor is %d", fd);
	}
	return s->abi;
}

static int own(struct subject *s, const char *label, struct owner **out)
{
	struct uiommu_device *dev = subject_device(s, label);
	struct uapi_owner *o;
	struct abi *a;

	if (s->page > ABI_PAGE)
		conform_skip(s, "iommufd refuses domains with larger pages than the processor's");
	if (!uiommu_device_capable(dev, UIOMMU_CAP_CACHE_COHERENCY))
		conform_skip(s, "VFIO refuses devices whose DMA is not coherent");
	if (!uiommu_device_pci(dev))
		conform_skip(s, "%s is not on PCI", label);
	a = abi_of(s);
	o = calloc(1, sizeof(*o));
	CHECK(s, o, "no memory for an owner");
	o->base = (struct owner){ s, s->kind->backend };
	o->abi = a;
	o->device = abi_bind(a, IOMMUFD, label);
	*out = &o->base;
	return 0;
}

static void disown(struct owner *owner)
{
	struct uapi_owner *o = uapi_owner(owner);

	abi_unbind(o->device);
	CHECK_OK(owner->s, abi_unbind_driver(o->device));
	free(o);
}

static struct abi_iommu_hw_info hw_info(struct uapi_owner *o)
{
	struct abi_iommu_hw_info arg = { .size = sizeof(arg), .dev_id = o->device->devid };

	CHECK_OK(o->base.s, abi_ioctl(o->abi, IOMMUFD, ABI_IOMMU_GET_HW_INFO, &arg));
	return arg;
}

static uint32_t max_pasids(struct owner *owner)
{
	unsigned int bits = hw_info(uapi_owner(owner)).out_max_pasid_log2;

	return bits ? 1u << bits : 0;
}

static bool capable(struct owner *owner, enum uiommu_cap cap)
{
	if (cap == UIOMMU_CAP_DIRTY_TRACKING)
		return hw_info(uapi_owner(owner)).out_capabilities &
		       ABI_IOMMU_HW_CAP_DIRTY_TRACKING;
	return uiommu_device_capable(uapi_owner(owner)->device->dev, cap);
}

static int create(struct owner *owner, unsigned int alloc_flags, struct space **out)
{
	struct uapi_owner *o = uapi_owner(owner);
	struct uapi_space *space;
	unsigned int flags = 0;
	uint32_t ioas, hwpt;
	int rc;

	/* A program has to say that a HWPT is for PASIDs too; scenarios do not know beforehand. */
	if (alloc_flags & UIOMMU_ALLOC_PASID || max_pasids(owner))
		flags |= ABI_IOMMU_HWPT_ALLOC_PASID;
	if (alloc_flags & UIOMMU_ALLOC_DIRTY_TRACKING)
		flags |= ABI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	if (alloc_flags & UIOMMU_ALLOC_NEST_PARENT)
		flags |= ABI_IOMMU_HWPT_ALLOC_NEST_PARENT;
	ioas = abi_ioas(o->abi, IOMMUFD);
	rc = abi_hwpt(o->abi, IOMMUFD, o->device->devid, ioas, flags, &hwpt);
	if (rc) {
		CHECK_OK(owner->s, abi_destroy(o->abi, IOMMUFD, ioas));
		return rc;
	}
	space = calloc(1, sizeof(*space));
	CHECK(owner->s, space, "no memory for a space");
	*space = (struct uapi_space){
		.base = { owner->s, owner->backend },
		.abi = o->abi,
		.dev = o->device->dev,
		.ioas = ioas,
		.hwpt = hwpt,
	};
	pthread_mutex_init(&space->lock, NULL);
	*out = &space->base;
	return 0;
}

static void destroy(struct space *base)
{
	struct uapi_space *space = uapi_space(base);

	CHECK_OK(base->s, abi_destroy(space->abi, IOMMUFD, space->hwpt));
	CHECK_OK(base->s, abi_destroy(space->abi, IOMMUFD, space->ioas));
	pthread_mutex_destroy(&space->lock);
	free(space->mappings);
	free(space);
}

static void geometry(struct space *base, struct uiommu_geometry *g)
{
	struct uapi_space *space = uapi_space(base);
	struct abi_iommu_iova_range ranges[64];
	struct abi_iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = space->ioas,
		.num_iovas = 64,
		.allowed_iovas = (uintptr_t)ranges,
	};

	CHECK_OK(base->s, abi_ioctl(space->abi, IOMMUFD, ABI_IOMMU_IOAS_IOVA_RANGES, &arg));
	CHECK(base->s, arg.num_iovas, "an IOAS without addresses");
	*g = (struct uiommu_geometry){
		.ranges = 1,
		.range = { { ranges[0].start, ranges[0].last } },
		.last_phys = UINT64_MAX,
	};
	/* Sign-extended: both sides of the hole in the middle, whatever is reserved elsewhere. */
	for (uint32_t i = 1; i < arg.num_iovas; i++)
		if (ranges[i].start >> 63 && !(ranges[i - 1].last >> 63)) {
			g->ranges = 2;
			g->range[0].start = ranges[i - 1].start;
			g->range[0].last = ranges[i - 1].last;
			g->range[1].start = ranges[i].start;
			g->range[1].last = ranges[i].last;
		}
}

static uint64_t page_sizes(struct space *base)
{
	struct uiommu_domain *domain;
	uint64_t sizes;

	CHECK_OK(base->s, uiommu_domain_alloc_paging(uapi_space(base)->dev, 0, &domain));
	sizes = uiommu_domain_pgsizes(domain);
	uiommu_domain_free(domain);
	return sizes;
}

/* ---- attachment -------------------------------------------------------------------------------- */

static int attach(struct owner *owner, struct space *space)
{
	struct uapi_owner *o = uapi_owner(owner);
	uint32_t hwpt = uapi_space(space)->hwpt;

	return abi_attach(o->abi, o->device->cdev, &hwpt);
}

static void detach(struct owner *owner, struct space *space)
{
	struct uapi_owner *o = uapi_owner(owner);

	(void)space;
	CHECK_OK(owner->s, abi_detach(o->abi, o->device->cdev));
}

static int attach_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	struct uapi_owner *o = uapi_owner(owner);
	uint32_t hwpt = uapi_space(space)->hwpt;

	return abi_attach_pasid(o->abi, o->device->cdev, pasid, &hwpt);
}

static void detach_pasid(struct owner *owner, struct space *space, uint32_t pasid)
{
	struct uapi_owner *o = uapi_owner(owner);

	(void)space;
	CHECK_OK(owner->s, abi_detach_pasid(o->abi, o->device->cdev, pasid));
}

/* ---- mappings ---------------------------------------------------------------------------------- */

static void remember(struct uapi_space *space, uint64_t iova, uint64_t size)
{
	pthread_mutex_lock(&space->lock);
	if (space->count == space->capacity) {
		size_t capacity = space->capacity ? 2 * space->capacity : 16;
		struct mapping *grown =
			realloc(space->mappings, capacity * sizeof(*space->mappings));

		if (!grown)
			abort();
		space->mappings = grown;
		space->capacity = capacity;
	}
	space->mappings[space->count++] = (struct mapping){ iova, size };
	pthread_mutex_unlock(&space->lock);
}

static bool is_within(const struct mapping *m, uint64_t iova, uint64_t last)
{
	return m->iova >= iova && m->iova + m->size - 1 <= last;
}

/* What lies in the range is forgotten; true: a mapping is partly in it and partly not. */
static bool forget(struct uapi_space *space, uint64_t iova, uint64_t last, bool gone)
{
	bool cut = false;

	pthread_mutex_lock(&space->lock);
	for (size_t i = 0; i < space->count; i++) {
		const struct mapping *m = &space->mappings[i];

		if (m->iova > last || m->iova + m->size - 1 < iova)
			continue;
		cut |= !is_within(m, iova, last);
		if (gone)
			space->mappings[i--] = space->mappings[--space->count];
	}
	pthread_mutex_unlock(&space->lock);
	return cut;
}

static int map(struct space *base, uint64_t iova, uint64_t phys, uint64_t size, unsigned int prot)
{
	struct uapi_space *space = uapi_space(base);
	struct uiommu_posix *host = machine_host(base->s->machine);
	unsigned int flags = (prot & UIOMMU_READ ? ABI_R : 0) | (prot & UIOMMU_WRITE ? ABI_W : 0);
	const unsigned char *mem = uiommu_posix_phys_to_ptr(host, phys);
	int rc;

	if (prot & ~(unsigned int)(UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE))
		conform_skip(base->s, "a program's mappings are for reading and writing alone");
	if (!mem || uiommu_posix_phys_to_ptr(host, phys + size - 1) != mem + size - 1)
		conform_skip(base->s, "no program has memory at 0x%llx", (unsigned long long)phys);
	rc = abi_map(space->abi, IOMMUFD, space->ioas, iova, mem, size, flags);
	if (!rc)
		remember(space, iova, size);
	return rc;
}

static uint64_t unmap(struct space *base, uint64_t iova, uint64_t size)
{
	struct uapi_space *space = uapi_space(base);
	uint64_t gone = 0;
	int rc;

	rc = abi_unmap(space->abi, IOMMUFD, space->ioas, iova, size, &gone);
	if (!rc) {
		forget(space, iova, iova + size - 1, true);
		return gone;
	}
	if (rc == -UIOMMU_ENOENT && forget(space, iova, iova + size - 1, false))
		conform_skip(base->s, "iommufd takes a mapping away whole or not at all");
	return 0;
}

static int set_dirty_tracking(struct space *base, bool on)
{
	struct uapi_space *space = uapi_space(base);

	return abi_set_dirty_tracking(space->abi, IOMMUFD, space->hwpt, on);
}

static int read_dirty(struct space *base, uint64_t iova, uint64_t size, unsigned int flags,
		      const struct uiommu_dirty_bitmap *bitmap)
{
	struct uapi_space *space = uapi_space(base);
	const uint64_t first = (iova - bitmap->iova) / bitmap->page_size;
	const uint64_t count = size / bitmap->page_size;
	unsigned int how =
		flags & UIOMMU_DIRTY_NO_CLEAR ? ABI_IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR : 0;
	unsigned char *bits = calloc(1, count / 8 + 1);
	int rc;

	CHECK(base->s, bits, "no memory for a bitmap");
	rc = abi_get_dirty(space->abi, IOMMUFD, space->hwpt, iova, size, bitmap->page_size, how,
			   bits);
	for (uint64_t i = 0; !rc && i < count; i++)
		if (bits[i / 8] >> (i % 8) & 1)
			bitmap->bits[(first + i) / 64] |= UINT64_C(1) << ((first + i) % 64);
	free(bits);
	return rc;
}

const struct conform_backend conform_uapi = {
	.name = "uapi",
	.summary = "Linux's user ABI, in the process",
	.user = true,
	.taken = UIOMMU_EEXIST,
	.outside = UIOMMU_EINVAL,
	.misaligned = UIOMMU_EINVAL,
	.own = own,
	.disown = disown,
	.max_pasids = max_pasids,
	.capable = capable,
	.create = create,
	.destroy = destroy,
	.geometry = geometry,
	.page_sizes = page_sizes,
	.attach = attach,
	/* Attaching what is attached replaces. */
	.replace = attach,
	.detach = detach,
	.attach_pasid = attach_pasid,
	.replace_pasid = attach_pasid,
	.detach_pasid = detach_pasid,
	.map = map,
	.unmap = unmap,
	.set_dirty_tracking = set_dirty_tracking,
	.read_dirty = read_dirty,
};
