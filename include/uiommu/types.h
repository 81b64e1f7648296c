/* SPDX-License-Identifier: MIT */
/*
 * uiommu/types.h - the words and numbers that every other header uses
 *
 * Thread-safety: nothing here has state.  Stability: 0.x, may change with any minor release.
 *
 * Vocabulary, kept to in all of uiommu:
 *
 *   IOVA              an address that a device puts on its bus
 *   physical address  what the hardware puts on the memory bus after translation
 *   last, end         @last is the last byte of a range (inclusive); @end is the byte after it.
 *                     Ranges that may touch the top of the address space use @last.
 *   leaf, table       the two kinds of a present page-table entry
 *   RID               the identity of a device without a PASID; as an index, PASID 0
 *   instance          one hardware IOMMU; a driver may serve many
 */
#ifndef UIOMMU_TYPES_H
#define UIOMMU_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks the functions that libuiommu exports; everything else is hidden. */
#if defined(__GNUC__)
#define UIOMMU_API __attribute__((visibility("default")))
#else
#define UIOMMU_API
#endif

typedef uint64_t uiommu_iova_t; /* an address as the device sees it */
typedef uint64_t uiommu_phys_t; /* a physical address */
typedef uint32_t uiommu_pasid_t; /* 20 bits; 0 is the RID */

#define UIOMMU_RID ((uiommu_pasid_t)0)
#define UIOMMU_PASID_MAX 0xfffffu /* PCIe 6.0, 6.20: a PASID has 20 bits */

/*
 * Errors.  Every function that can fail returns 0 or one of these, negated.  The numbers are Linux's,
 * so that a VFIO or iommufd front end hands them on unchanged, and they are spelled out because a
 * freestanding host has no errno.h.  The meaning is the same in every function; a function's comment
 * names only what it adds.
 */
enum uiommu_error {
	UIOMMU_EPERM = 1, /* the group or device belongs to somebody else */
	UIOMMU_ENOENT = 2, /* no such attachment, instance, unit or file */
	UIOMMU_EIO = 5, /* the hardware did not do what its specification says */
	UIOMMU_E2BIG = 7, /* a structure is larger than this library knows and not zero there */
	UIOMMU_ENXIO = 6, /* an address or length is not a multiple of the smallest page */
	UIOMMU_EAGAIN = 11, /* a resource is briefly not there: the caller may simply try again */
	UIOMMU_ENOMEM = 12, /* the host had no memory; nothing changed */
	UIOMMU_EFAULT = 14, /* a pointer of the caller leads nowhere */
	UIOMMU_EBUSY = 16, /* the state of the group, device or domain forbids the change now */
	UIOMMU_EEXIST = 17, /* it is there already */
	UIOMMU_ENODEV = 19, /* no IOMMU behind this device, or the IOMMU disclaims it */
	UIOMMU_EINVAL =
		22, /* the arguments do not fit each other; for attach: try another domain */
	UIOMMU_ENOSPC = 28, /* out of hardware identifiers (domain IDs, PASIDs) */
	UIOMMU_ERANGE = 34, /* an address is outside of what the domain's format can express */
	UIOMMU_EOVERFLOW = 75, /* address plus length wraps around */
	UIOMMU_EOPNOTSUPP = 95, /* the hardware or driver has no such feature */
	UIOMMU_EADDRINUSE = 98, /* something is mapped there already */
	UIOMMU_ETIMEDOUT = 110, /* the hardware did not answer in time */
	UIOMMU_EPROBE_DEFER = 517, /* the device's IOMMU is known but not there yet: retry later */
};

/**
 * uiommu_strerror() - an error in words, for people
 * @error: a value of enum uiommu_error, negated or not
 *
 * Return: a static string, "unknown error" if the number is not in the table.
 */
UIOMMU_API const char *uiommu_strerror(int error);

/* What a mapping permits.  At least one of READ and WRITE is needed. */
enum uiommu_prot {
	UIOMMU_READ = 1u << 0, /* the device may read */
	UIOMMU_WRITE = 1u << 1, /* the device may write */
	UIOMMU_CACHE = 1u << 2, /* the device's accesses snoop the processor's caches */
	UIOMMU_NOEXEC = 1u
			<< 3, /* no instruction fetch through a PASID, where formats can say so */
	UIOMMU_MMIO = 1u << 4, /* the target is device memory, not RAM */
	UIOMMU_PRIV = 1u << 5, /* privileged requests only, where formats can say so */
};
#define UIOMMU_PROT_ALL 0x3fu

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_TYPES_H */
