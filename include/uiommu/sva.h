/* SPDX-License-Identifier: MIT */
/*
 * uiommu/sva.h - devices that walk the page tables of a process (shared virtual addressing)
 *
 * An address space of a process is a struct uiommu_mm, the host's (uiommu/port.h).  Binding a device to
 * one gives it a PASID: requests with that PASID use the process's own addresses, and what the process
 * unmaps the device loses.  An address space has one PASID in a system, whatever the number of devices;
 * the PASID stays with it until the address space itself is gone.
 *
 * Errors and thread-safety as in uiommu/uiommu.h.  Binding and unbinding take the system's SVA mutex,
 * which is the outermost lock of all.
 */
#ifndef UIOMMU_SVA_H
#define UIOMMU_SVA_H

#include <uiommu/uiommu.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_mm; /* the host's */
struct uiommu_sva; /* one (group, address space) that is bound */

#define UIOMMU_PASID_INVALID UINT32_MAX

/**
 * uiommu_sva_bind_device() - requests of @dev's group with the address space's PASID walk its tables
 * @dev: a device with PASIDs, whose driver can do it
 * @mm: the address space; its structure is held while anything is bound, its contents are not
 * @out: the bond; bound again, the same one with one user more
 *
 * Where the device can make page requests these are enabled and answered from the address space's
 * areas.  A device that cannot may still be bound: it then has to keep to pages that are there.
 *
 * Return: 0; -UIOMMU_ENODEV: no group or IOMMU; -UIOMMU_EOPNOTSUPP: the device, the driver, or the format
 * of the address space does not fit; -UIOMMU_EBUSY: its pointers carry tags that devices would not
 * ignore, or the PASID is in use by another domain, or the group is in reset, or is bound since before @dev
 * joined it; -UIOMMU_ENOENT: the address space has exited; -UIOMMU_ENOSPC: no PASID is left; -UIOMMU_EOVERFLOW: its PASID is too large for this
 * device; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_sva_bind_device(struct uiommu_device *dev, struct uiommu_mm *mm,
				      struct uiommu_sva **out);

/**
 * uiommu_sva_unbind_device() - one user less; the last one ends the bond
 * @sva: freed with its last user; NULL does nothing
 *
 * When the last one returns, no request with the PASID is translated, every page request with it has
 * been answered and none is being handled.  Also after the process has exited, or the
 * device was removed.  Cannot fail.
 */
UIOMMU_API void uiommu_sva_unbind_device(struct uiommu_sva *sva);

/** uiommu_sva_pasid() - what the device has to send */
UIOMMU_API uiommu_pasid_t uiommu_sva_pasid(const struct uiommu_sva *sva);

/**
 * uiommu_pasid_alloc() - a PASID from the system's one pool, for the caller's own use (Linux:
 * iommu_alloc_global_pasid)
 * @dev: it will fit this device
 * @out: 1 to uiommu_device_max_pasids() - 1, the lowest that is free
 *
 * Return: 0; -UIOMMU_EOPNOTSUPP: the device has no PASIDs; -UIOMMU_ENOSPC; -UIOMMU_ENOMEM.  On error *@out
 * is UIOMMU_PASID_INVALID.
 */
UIOMMU_API int uiommu_pasid_alloc(struct uiommu_device *dev, uiommu_pasid_t *out);

/** uiommu_pasid_free() - back to the pool; one that was not allocated is reported and left alone */
UIOMMU_API void uiommu_pasid_free(struct uiommu_system *sys, uiommu_pasid_t pasid);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_SVA_H */
