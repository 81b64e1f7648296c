/* SPDX-License-Identifier: MIT */
/*
 * uiommu/viot.h - the ACPI table VIOT: which virtio-iommu a device is behind, and its endpoint ID
 *
 * Parsed once into structures that do not change any more; everything in the table is checked, and one
 * with something impossible is refused as a whole, with the place and the reason.
 *
 * Thread-safety: parse and free are the caller's to serialise; everything else only reads.
 * Stability: 0.x, may change with any minor release.
 *
 * Source: ACPI 6.4 and later, 5.2, "Virtual I/O Translation Table".
 */
#ifndef UIOMMU_VIOT_H
#define UIOMMU_VIOT_H

#include <uiommu/acpi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A virtio-iommu. */
struct uiommu_viot_iommu {
	struct uiommu_fwnode fwnode; /* its identity */
	char name[16]; /* "viommu0", counted in the table's order; what fwnode.name points to */
	bool pci; /* a PCI function; otherwise registers at @base */
	uint16_t segment, source_id; /* of the function: bus << 8 | devfn */
	uint64_t base; /* of virtio-mmio registers */
	size_t offset; /* in the table */
};

/* PCI functions: in each segment of the range, those with these IDs. */
struct uiommu_viot_range {
	uint16_t segment_first, segment_last; /* inclusive */
	uint16_t source_first, source_last; /* bus << 8 | devfn, inclusive */
	uint32_t endpoint; /* the first function's; then counted up, 65536 for each segment */
	const struct uiommu_viot_iommu *iommu;
};

/* A device with registers. */
struct uiommu_viot_endpoint {
	uint64_t base; /* of its registers */
	uint32_t endpoint;
	const struct uiommu_viot_iommu *iommu;
};

struct uiommu_viot {
	size_t num_iommus, num_ranges, num_endpoints;
	struct uiommu_viot_iommu *iommus;
	struct uiommu_viot_range *ranges;
	struct uiommu_viot_endpoint *endpoints;

	void *host; /* private */
};

/**
 * uiommu_viot_parse() - read a VIOT
 * @host: for the port's memory
 * @table: the table with its header; not needed any more afterwards
 * @size: bytes that may be read
 * @out: the result on success, the caller's until uiommu_viot_free()
 * @error: filled in with -UIOMMU_EINVAL; may be NULL
 *
 * The checksum is not looked at: tables reach us relocated.  Nodes of unknown types are passed over; what
 * points to one is not behind an IOMMU that we know.
 *
 * Return: 0; -UIOMMU_EINVAL: not a VIOT, or damaged; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_viot_parse(void *host, const void *table, size_t size,
				 struct uiommu_viot **out, struct uiommu_acpi_error *error);

/** uiommu_viot_free() - nothing may name its fwnodes any more; NULL does nothing */
UIOMMU_API void uiommu_viot_free(struct uiommu_viot *viot);

/**
 * uiommu_viot_pci() - the virtio-iommu of a PCI function, and its endpoint ID
 *
 * A virtio-iommu does not translate itself.  Return: NULL: none; @endpoint is then left alone.
 */
UIOMMU_API const struct uiommu_viot_iommu *uiommu_viot_pci(const struct uiommu_viot *viot,
							   uint16_t segment, uint16_t source_id,
							   uint32_t *endpoint);

/** uiommu_viot_mmio() - the same for a device with registers at @base */
UIOMMU_API const struct uiommu_viot_iommu *uiommu_viot_mmio(const struct uiommu_viot *viot,
							    uint64_t base, uint32_t *endpoint);

/**
 * uiommu_viot_configure_pci() - name the IOMMU of a PCI function and its endpoint IDs
 * @viot: the table
 * @dev: a PCI function, in its configure operation
 *
 * The endpoint IDs of all source IDs that its requests may carry, each once.
 *
 * Return: 0; -UIOMMU_ENODEV: not behind a virtio-iommu; what uiommu_fwspec_init() returned,
 * -UIOMMU_EPROBE_DEFER while the virtio-iommu is not registered; -UIOMMU_EINVAL: @dev is not PCI;
 * -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_viot_configure_pci(const struct uiommu_viot *viot, struct uiommu_device *dev);

/** uiommu_viot_configure_mmio() - the same for a device with registers at @base */
UIOMMU_API int uiommu_viot_configure_mmio(const struct uiommu_viot *viot, struct uiommu_device *dev,
					  uint64_t base);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_VIOT_H */
