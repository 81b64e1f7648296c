/* SPDX-License-Identifier: MIT */
/* error.c - errors in words */
#include "src/core/core.h"

static const struct {
	int error;
	const char *text;
} messages[] = {
	{ 0, "success" },
	{ UIOMMU_EPERM, "it belongs to somebody else" },
	{ UIOMMU_ENOENT, "there is no such thing" },
	{ UIOMMU_EIO, "the hardware misbehaved" },
	{ UIOMMU_ENXIO, "not a multiple of the smallest page" },
	{ UIOMMU_E2BIG, "the structure is newer than this library" },
	{ UIOMMU_EAGAIN, "try again" },
	{ UIOMMU_ENOMEM, "out of memory" },
	{ UIOMMU_EFAULT, "bad pointer" },
	{ UIOMMU_EBUSY, "in use" },
	{ UIOMMU_EEXIST, "it is there already" },
	{ UIOMMU_ENODEV, "no IOMMU for this device" },
	{ UIOMMU_EINVAL, "the arguments do not fit" },
	{ UIOMMU_ENOSPC, "out of hardware identifiers" },
	{ UIOMMU_ERANGE, "outside of the domain's address range" },
	{ UIOMMU_EOVERFLOW, "the range wraps around" },
	{ UIOMMU_EOPNOTSUPP, "not supported by the hardware or driver" },
	{ UIOMMU_EADDRINUSE, "something is mapped there already" },
	{ UIOMMU_ETIMEDOUT, "timed out" },
	{ UIOMMU_EPROBE_DEFER, "the IOMMU is not there yet" },
};

const char *uiommu_strerror(int error)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		if (messages[i].error == error || messages[i].error == -error)
			return messages[i].text;
	}
	return "unknown error";
}
