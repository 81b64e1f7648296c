/* SPDX-License-Identifier: MIT */
/*
 * abi.h - arguments of VFIO's commands: reading them, and writing answers
 *
 * Each begins with argsz, the size of what the program has there.
 */
#ifndef UIOMMU_SRC_UAPI_ABI_H
#define UIOMMU_SRC_UAPI_ABI_H

#include <stddef.h>

#include <uiommu/abi_vfio.h>

#include "src/uapi/uapi.h"

/* The first @min bytes: 0, -UIOMMU_EFAULT, -UIOMMU_EINVAL: argsz says that there are less. */
static inline int uiommu_uapi_fetch_argsz(struct uiommu_uapi *uapi, void *to, uintptr_t from,
					  size_t min)
{
	uint32_t argsz;

	if (uapi_read_user(uapi, to, from, min))
		return -UIOMMU_EFAULT;
	memcpy(&argsz, to, sizeof(argsz));
	return argsz < min ? -UIOMMU_EINVAL : 0;
}

/*
 * A struct that may grow, at least @min of its @size bytes; what the program does not have is 0 here, and what we do not
 * know must be 0 there.  0, -UIOMMU_EFAULT, -UIOMMU_EINVAL, -UIOMMU_E2BIG.  abi.c
 */
int uiommu_uapi_fetch(struct uiommu_uapi *uapi, void *to, uintptr_t from, size_t size, size_t min);

/* As much of the answer as the program has room for. 0, -UIOMMU_EFAULT. */
static inline int uiommu_uapi_store(struct uiommu_uapi *uapi, uintptr_t to, const void *from,
				    uint32_t argsz, size_t size)
{
	if (argsz < size)
		size = argsz;
	return uapi_write_user(uapi, to, from, size) ? -UIOMMU_EFAULT : 0;
}

#endif /* UIOMMU_SRC_UAPI_ABI_H */
