/* SPDX-License-Identifier: MIT */
/* type1_info.c - GET_INFO: page sizes, and what is told in capabilities behind them */
#include "src/uapi/container.h"

/* A bitmap may not be larger: 2^31 pages. */
#define MAX_BITMAP_BYTES UINT64_C(0x10000000)

/* Capabilities in the order in which they stand, each at a multiple of 8; the ranges follow the last. */
struct caps {
	struct abi_vfio_iommu_type1_info_cap_migration migration;
	struct abi_vfio_iommu_type1_info_dma_avail avail;
	uint32_t pad;
	struct abi_vfio_iommu_type1_info_cap_iova_range ranges;
};

static void fill_caps(const struct type1 *t, struct caps *caps)
{
	const uint32_t at = sizeof(struct abi_vfio_iommu_type1_info);

	*caps = (struct caps){
		.migration = {
			.header = { ABI_VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1,
				    at + offsetof(struct caps, avail) },
			.pgsize_bitmap = t->page,
			.max_dirty_bitmap_size = MAX_BITMAP_BYTES,
		},
		.avail = {
			.header = { ABI_VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1,
				    t->num_ranges ? at + offsetof(struct caps, ranges) : 0 },
			.avail = t->available,
		},
		.ranges = {
			.header = { ABI_VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, 0 },
			.nr_iovas = (uint32_t)t->num_ranges,
		},
	};
}

static int write_caps(const struct type1 *t, const struct caps *caps, uint64_t to)
{
	size_t size = t->num_ranges ? sizeof(*caps) : offsetof(struct caps, ranges);
	int rc = uapi_write_user(t->uapi, to, caps, size);

	for (size_t i = 0; i < t->num_ranges && !rc; i++) {
		const struct abi_vfio_iova_range range = { t->ranges[i].start, t->ranges[i].last };

		rc = uapi_write_user(t->uapi, to + size, &range, sizeof(range));
		size += sizeof(range);
	}
	return rc;
}

long uiommu_type1_get_info(struct vfio_container *container, uintptr_t argument)
{
	const size_t least = offsetof(struct abi_vfio_iommu_type1_info, cap_offset);
	const struct type1 *t = &container->type1;
	struct abi_vfio_iommu_type1_info info = { 0 };
	struct caps caps;
	size_t needed;
	int rc = uapi_read_user(t->uapi, &info, argument, least);
	uint32_t room = info.argsz;

	if (rc)
		return rc;
	if (room < least)
		return -UIOMMU_EINVAL;
	info.flags = ABI_VFIO_IOMMU_INFO_PGSIZES | ABI_VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = t->pgsizes;
	needed = sizeof(info) +
		 (t->num_ranges ?
			  sizeof(caps) + t->num_ranges * sizeof(struct abi_vfio_iova_range) :
			  offsetof(struct caps, ranges));
	if (room < needed) {
		info.argsz = (uint32_t)needed;
	} else {
		info.cap_offset = sizeof(info);
		fill_caps(t, &caps);
		rc = write_caps(t, &caps, argument + sizeof(info));
	}
	if (rc)
		return rc;
	return uapi_write_user(t->uapi, argument, &info, room < sizeof(info) ? room : sizeof(info));
}
