/* SPDX-License-Identifier: MIT */
/*
 * compat.c - VFIO's commands on an iommufd context: a container's, by way of one IOAS
 *
 * Groups that have the context as their container share that IOAS; a program may name another, or none.  Errors are
 * iommufd's where it does the work, and so not always those that a container has.  A context of no-IOMMU groups has
 * no such IOAS, and never gets one.
 */
#include <uiommu/abi_vfio.h>

#include "src/uapi/vfio.h"

/* With the context locked. */
static int ioas_of(const struct iommufd *ctx, struct iommufd_ioas **out)
{
	*out = ctx->vfio_ioas;
	return *out ? 0 : -UIOMMU_ENODEV;
}

int uiommu_iommufd_compat_ioas(struct iommufd *ctx, uint32_t *id)
{
	struct iommufd_ioas *ioas;
	int rc;

	iommufd_lock(ctx);
	rc = ctx->no_iommu ? -UIOMMU_EINVAL : ioas_of(ctx, &ioas);
	if (rc == -UIOMMU_ENODEV) {
		rc = uiommu_iommufd_ioas_create(ctx, &ioas);
		if (!rc)
			ctx->vfio_ioas = ioas;
	}
	if (!rc)
		*id = ioas->object.id;
	iommufd_unlock(ctx);
	return rc;
}

int uiommu_iommufd_compat_ioas_id(struct iommufd *ctx, uint32_t *id)
{
	struct iommufd_ioas *ioas;
	int rc;

	iommufd_lock(ctx);
	rc = ioas_of(ctx, &ioas);
	if (!rc)
		*id = ioas->object.id;
	iommufd_unlock(ctx);
	return rc;
}

int uiommu_iommufd_compat_no_iommu(struct iommufd *ctx)
{
	int rc = 0;

	iommufd_lock(ctx);
	if (ctx->vfio_ioas)
		rc = -UIOMMU_EINVAL;
	else
		ctx->no_iommu = true;
	iommufd_unlock(ctx);
	return rc;
}

/* ---- what there is ----------------------------------------------------------------------------- */

static long enforces_coherency(const struct iommufd *ctx)
{
	struct iommufd_ioas *ioas;
	int rc = ioas_of(ctx, &ioas);

	if (rc)
		return rc;
	for (const struct iommufd_hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		if (!hwpt->enforces)
			return 0;
	}
	return 1;
}

static long check_extension(const struct iommufd *ctx, uintptr_t extension)
{
	switch (extension) {
	case ABI_VFIO_TYPE1_IOMMU:
	case ABI_VFIO_TYPE1V2_IOMMU:
	case ABI_VFIO_UNMAP_ALL:
		return !ctx->no_iommu;
	case ABI_VFIO_NOIOMMU_IOMMU:
		return 1; /* whether or not the host lets anybody have it */
	case ABI_VFIO_DMA_CC_IOMMU:
		return enforces_coherency(ctx);
	default:
		return 0;
	}
}

static long set_iommu(struct iommufd *ctx, struct uiommu_uapi_process *caller, uintptr_t type)
{
	struct iommufd_ioas *ioas;
	int rc;

	if (type == ABI_VFIO_NOIOMMU_IOMMU && ctx->no_iommu)
		return uapi_capable(caller, UIOMMU_UAPI_CAP_SYS_RAWIO) ? 0 : -UIOMMU_EPERM;
	if ((type != ABI_VFIO_TYPE1_IOMMU && type != ABI_VFIO_TYPE1V2_IOMMU) || ctx->no_iommu)
		return -UIOMMU_EINVAL;
	rc = ioas_of(ctx, &ioas);
	/* The old type unmaps by any address, which needs entries that can be taken out one by one. */
	return rc || type != ABI_VFIO_TYPE1_IOMMU ? rc : uiommu_iommufd_ioas_small_pages(ioas);
}

static uint64_t page_sizes(const struct iommufd_ioas *ioas)
{
	uint64_t sizes = UINT64_MAX;

	for (const struct iommufd_hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		sizes &= uiommu_domain_pgsizes(hwpt->domain);
	if (sizes & (UAPI_PAGE - 1))
		sizes = (sizes & ~(UAPI_PAGE - 1)) | UAPI_PAGE;
	return sizes > ioas->alignment ? sizes : ioas->alignment;
}

/*
 * Capabilities behind the program's struct: each is written if there is room for it.  @total counts what all
 * of them need; @last is where the one before has its "next".
 */
struct caps {
	struct uiommu_uapi *uapi;
	uint64_t base;
	uint32_t argsz, total, last;
};

/* Room for a capability of @size bytes that is linked to the one before. 0, -UIOMMU_EFAULT. */
static int add_cap(struct caps *caps, uint32_t size, uint32_t *at)
{
	const uint32_t next = offsetof(struct abi_vfio_info_cap_header, next);
	int rc = 0;

	*at = caps->argsz >= caps->total && caps->argsz - caps->total >= size ? caps->total : 0;
	if (caps->last && *at)
		rc = uapi_write_user(caps->uapi, caps->base + caps->last + next, &caps->total,
				     sizeof(caps->total));
	caps->last = *at;
	caps->total += (size + 7) & ~7u;
	return rc;
}

static int add_avail(struct caps *caps)
{
	const struct abi_vfio_iommu_type1_info_dma_avail cap = {
		.header = { .id = ABI_VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, .version = 1 },
		.avail = UINT32_MAX, /* nobody counts */
	};
	uint32_t at;
	int rc = add_cap(caps, sizeof(cap), &at);

	return rc || !at ? rc : uapi_write_user(caps->uapi, caps->base + at, &cap, sizeof(cap));
}

static uint32_t count_ranges(const struct iommufd_ioas *ioas)
{
	uint64_t start, last, from = 0;
	uint32_t count = 0;

	while (uiommu_iommufd_usable_range(ioas, from, &start, &last)) {
		count++;
		if (last == UINT64_MAX)
			break;
		from = last + 1;
	}
	return count;
}

static int add_ranges(struct caps *caps, const struct iommufd_ioas *ioas)
{
	const uint32_t count = count_ranges(ioas);
	const struct abi_vfio_iommu_type1_info_cap_iova_range cap = {
		.header = { .id = ABI_VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, .version = 1 },
		.nr_iovas = count,
	};
	struct abi_vfio_iova_range range;
	uint64_t from = 0, to;
	uint32_t at;
	int rc = add_cap(caps, (uint32_t)(sizeof(cap) + count * sizeof(range)), &at);

	if (rc || !at)
		return rc;
	to = caps->base + at;
	rc = uapi_write_user(caps->uapi, to, &cap, sizeof(cap));
	to += sizeof(cap);
	for (uint32_t i = 0; !rc && i < count; i++, to += sizeof(range)) {
		uiommu_iommufd_usable_range(ioas, from, &range.start, &range.end);
		rc = uapi_write_user(caps->uapi, to, &range, sizeof(range));
		from = range.end + 1;
	}
	return rc;
}

static long get_info(const struct iommufd *ctx, uint64_t argument)
{
	struct abi_vfio_iommu_type1_info info;
	const size_t min = offsetof(struct abi_vfio_iommu_type1_info, cap_offset);
	struct caps caps = { .uapi = ctx->uapi, .base = argument, .total = sizeof(info) };
	struct iommufd_ioas *ioas;
	int rc = uapi_read_user(ctx->uapi, &info, argument, min);

	if (rc)
		return rc;
	if (info.argsz < min)
		return -UIOMMU_EINVAL;
	rc = ioas_of(ctx, &ioas);
	if (rc)
		return rc;
	caps.argsz = info.argsz;
	rc = add_avail(&caps);
	if (!rc)
		rc = add_ranges(&caps, ioas);
	if (rc)
		return rc;
	/* What is needed, whether or not it was there. */
	info = (struct abi_vfio_iommu_type1_info){
		.argsz = caps.total,
		.flags = ABI_VFIO_IOMMU_INFO_PGSIZES | ABI_VFIO_IOMMU_INFO_CAPS,
		.iova_pgsizes = page_sizes(ioas),
		.cap_offset = caps.argsz >= caps.total ? sizeof(info) : 0,
	};
	return uapi_write_user(ctx->uapi, argument, &info,
			       caps.argsz < sizeof(info) ? caps.argsz : sizeof(info));
}

/* ---- mapping ----------------------------------------------------------------------------------- */

static long map_dma(const struct iommufd *ctx, struct uiommu_uapi_process *caller,
		    uint64_t argument)
{
	const uint32_t known = ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE;
	struct abi_vfio_iommu_type1_dma_map arg;
	struct iommufd_ioas *ioas;
	unsigned int prot = 0;
	int rc = uapi_read_user(ctx->uapi, &arg, argument, sizeof(arg));

	if (rc)
		return rc;
	if (arg.argsz < sizeof(arg) || arg.flags & ~known)
		return -UIOMMU_EINVAL;
	rc = ioas_of(ctx, &ioas);
	if (rc)
		return rc;
	if (arg.flags & ABI_VFIO_DMA_MAP_FLAG_READ)
		prot |= UIOMMU_READ;
	if (arg.flags & ABI_VFIO_DMA_MAP_FLAG_WRITE)
		prot |= UIOMMU_WRITE;
	return uiommu_iommufd_ioas_map_user(ioas, caller, arg.vaddr, arg.size, prot, true,
					    &arg.iova);
}

/* An area that lies across either end is cut there first. */
static int cut(struct iommufd_ioas *ioas, uint64_t iova, uint64_t last)
{
	int rc = last < UINT64_MAX ? uiommu_iommufd_ioas_split(ioas, last + 1) : 0;

	return rc ? rc : uiommu_iommufd_ioas_split(ioas, iova);
}

static int unmap_range(struct iommufd_ioas *ioas, uint64_t iova, uint64_t size, uint64_t *unmapped)
{
	const struct iommufd_area *area;
	int rc;

	if (!size)
		return -UIOMMU_EINVAL;
	if (iova > UINT64_MAX - (size - 1))
		return -UIOMMU_EOVERFLOW;
	rc = ioas->small_pages ? cut(ioas, iova, iova + size - 1) : 0;
	if (rc)
		return rc;
	/* To unmap what is not there is no mistake to VFIO. */
	area = uiommu_iommufd_area_from(ioas, iova);
	if (!area || area->iova > iova + size - 1)
		return 0;
	return uiommu_iommufd_ioas_unmap(ioas, iova, iova + size - 1, unmapped);
}

static long unmap_dma(const struct iommufd *ctx, uint64_t argument)
{
	struct abi_vfio_iommu_type1_dma_unmap arg;
	struct iommufd_ioas *ioas;
	uint64_t unmapped = 0;
	int rc = uapi_read_user(ctx->uapi, &arg, argument, sizeof(arg)), back;

	if (rc)
		return rc;
	if (arg.argsz < sizeof(arg) || arg.flags & ~(uint32_t)ABI_VFIO_DMA_UNMAP_FLAG_ALL)
		return -UIOMMU_EINVAL;
	rc = ioas_of(ctx, &ioas);
	if (rc)
		return rc;
	if (!(arg.flags & ABI_VFIO_DMA_UNMAP_FLAG_ALL))
		rc = unmap_range(ioas, arg.iova, arg.size, &unmapped);
	else if (arg.iova || arg.size)
		return -UIOMMU_EINVAL;
	else
		rc = uiommu_iommufd_ioas_unmap(ioas, 0, UINT64_MAX, &unmapped);
	/* Also with an error: areas before the one that would not go have gone. */
	arg.size = unmapped;
	back = uapi_write_user(ctx->uapi, argument, &arg, sizeof(arg));
	return back ? back : rc;
}

/* ---- which of them ----------------------------------------------------------------------------- */

long uiommu_iommufd_compat_ioctl(struct iommufd *ctx, struct uiommu_uapi_process *caller,
				 uint32_t command, uintptr_t argument)
{
	long rc;

	iommufd_lock(ctx);
	switch (command) {
	case ABI_VFIO_GET_API_VERSION:
		rc = ABI_VFIO_API_VERSION;
		break;
	case ABI_VFIO_CHECK_EXTENSION:
		rc = check_extension(ctx, argument);
		break;
	case ABI_VFIO_SET_IOMMU:
		rc = set_iommu(ctx, caller, argument);
		break;
	case ABI_VFIO_IOMMU_GET_INFO:
		rc = get_info(ctx, argument);
		break;
	case ABI_VFIO_IOMMU_MAP_DMA:
		rc = map_dma(ctx, caller, argument);
		break;
	case ABI_VFIO_IOMMU_UNMAP_DMA:
		rc = unmap_dma(ctx, argument);
		break;
	default:
		rc = -UAPI_ENOTTY;
		break;
	}
	iommufd_unlock(ctx);
	return rc;
}
