/* SPDX-License-Identifier: MIT */
/* abi.c - structs of programs that may be older or newer than ours */
#include "src/uapi/abi.h"

int uiommu_uapi_fetch(struct uiommu_uapi *uapi, void *to, uintptr_t from, size_t size, size_t min)
{
	unsigned char more[64];
	uint32_t argsz;

	if (uapi_read_user(uapi, &argsz, from, sizeof(argsz)))
		return -UIOMMU_EFAULT;
	if (argsz < min)
		return -UIOMMU_EINVAL;
	for (size_t at = size; at < argsz;) {
		size_t piece = argsz - at < sizeof(more) ? argsz - at : sizeof(more);

		if (uapi_read_user(uapi, more, from + at, piece))
			return -UIOMMU_EFAULT;
		for (size_t i = 0; i < piece; i++) {
			if (more[i])
				return -UIOMMU_E2BIG;
		}
		at += piece;
	}
	memset(to, 0, size);
	return uapi_read_user(uapi, to, from, argsz < size ? argsz : size) ? -UIOMMU_EFAULT : 0;
}
