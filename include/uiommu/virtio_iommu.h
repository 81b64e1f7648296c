/* SPDX-License-Identifier: MIT */
/*
 * uiommu/virtio_iommu.h - the driver for the virtio IOMMU device (virtio 1.2, 5.13)
 *
 * The host finds the device, over PCI or as a window of registers, hands it over, and gets an instance.
 * Devices behind it are named by their endpoint IDs (the IDs of their firmware spec), as VIOT or
 * Devicetree gives them.
 *
 * What is special about it.  There are no page tables: a mapping is told to the device by a request, and
 * exists there as one piece.  Each piece that is handed to uiommu_map() is one mapping, whatever its
 * size, and so behaves as one large leaf: an unmap that begins inside of it stops there, one that covers
 * its beginning only takes all of it and says so.  Mappings are kept here too, so that they can be made
 * before anything is attached, and be told again to a device that forgot them with its last endpoint.
 * Requests are sent in batches: a map waits once for all of its pieces, and reports what the device
 * answered.
 *
 * Thread-safety: as uiommu.h; create and destroy of one device are the caller's to serialise.
 */
#ifndef UIOMMU_VIRTIO_IOMMU_H
#define UIOMMU_VIRTIO_IOMMU_H

#include <uiommu/driver.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_virtio_iommu; /* one device */
struct uiommu_pci_function;

#define UIOMMU_VIRTIO_BARS 6

struct uiommu_virtio_iommu_config {
	const struct uiommu_fwnode *fwnode; /* how firmware names it; outlives the device */
	const char *name; /* "viommu0"; outlives the device */

	/*
	 * Over PCI: the function, whose capabilities are read through its topology, with memory decoding
	 * and bus mastering already enabled, and its memory BARs (virtio 1.2, 4.1).  NULL: over MMIO, and
	 * regs[0] are the registers (4.2).  All widths from 8 to 32 are used; 64 never.
	 */
	struct uiommu_pci_function *pci;
	struct uiommu_mmio regs[UIOMMU_VIRTIO_BARS];
	uint64_t address; /* of its registers over MMIO, physical, for people; 0: not said */

	/* Regions beyond those that the device tells of; may be NULL.  With uiommu_resv_add(). */
	int (*get_resv_regions)(void *context, struct uiommu_device *dev,
				struct uiommu_resv_list *list);
	void *context;

	/* Operations to register instead of the driver's own: for wrappers.  NULL: the driver's. */
	const struct uiommu_ops *ops;
};

/** uiommu_virtio_iommu_ops() - the driver's operations */
UIOMMU_API const struct uiommu_ops *uiommu_virtio_iommu_ops(void);

/**
 * uiommu_virtio_iommu_create() - take a virtio IOMMU into service
 * @sys: its system
 * @config: copied, but for what it points to
 * @out: the device on success
 *
 * The device is reset, and from then on refuses the DMA of endpoints that are attached to nothing.
 *
 * Return: 0; -UIOMMU_ENODEV: it is no virtio IOMMU; -UIOMMU_EOPNOTSUPP: a legacy device, one without
 * MAP and UNMAP, or one that refuses the features that this driver needs; -UIOMMU_EIO: its capabilities
 * or configuration contradict themselves; -UIOMMU_ETIMEDOUT: it does not answer; each of these with a
 * line in the log; -UIOMMU_ENOMEM; otherwise as uiommu_instance_register().
 */
UIOMMU_API int uiommu_virtio_iommu_create(struct uiommu_system *sys,
					  const struct uiommu_virtio_iommu_config *config,
					  struct uiommu_virtio_iommu **out);

/** uiommu_virtio_iommu_destroy() - unregister, reset the device, free; NULL does nothing */
UIOMMU_API void uiommu_virtio_iommu_destroy(struct uiommu_virtio_iommu *viommu);

UIOMMU_API struct uiommu_instance *uiommu_virtio_iommu_instance(struct uiommu_virtio_iommu *viommu);

/** uiommu_virtio_iommu_interrupt() - the device's interrupt line rose: acknowledge, report faults */
UIOMMU_API void uiommu_virtio_iommu_interrupt(struct uiommu_virtio_iommu *viommu);

/** uiommu_virtio_iommu_describe() - "PCI, 64 bits, pages from 4096 bytes, ..." into @text */
UIOMMU_API void uiommu_virtio_iommu_describe(const struct uiommu_virtio_iommu *viommu, char *text,
					     size_t size);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_VIRTIO_IOMMU_H */
