/* SPDX-License-Identifier: MIT */
/*
 * virtio-iommu.h - the virtio IOMMU device: configuration, requests, properties, faults
 *
 * Facts from "Virtual I/O Device (VIRTIO) Version 1.2", OASIS, section 5.13; the section stands beside
 * each.  Everything is little-endian; VIRTIO_IOMMU_x offsets are in bytes from the start of the structure
 * named above them.  The virtqueues, transports and the device status are in virtio.h.
 */
#ifndef SPEC_VIRTIO_IOMMU_H
#define SPEC_VIRTIO_IOMMU_H

#include <stdint.h>

/* ---- queues (5.13.2) --------------------------------------------------------------------------- */

#define VIRTIO_IOMMU_REQUESTQ 0u
#define VIRTIO_IOMMU_EVENTQ 1u

/* ---- feature bits (5.13.3) --------------------------------------------------------------------- */

#define VIRTIO_IOMMU_F_INPUT_RANGE (UINT64_C(1) << 0)
#define VIRTIO_IOMMU_F_DOMAIN_RANGE (UINT64_C(1) << 1)
#define VIRTIO_IOMMU_F_MAP_UNMAP (UINT64_C(1) << 2)
#define VIRTIO_IOMMU_F_BYPASS (UINT64_C(1) << 3) /* once negotiated: unattached endpoints pass */
#define VIRTIO_IOMMU_F_PROBE (UINT64_C(1) << 4)
#define VIRTIO_IOMMU_F_MMIO (UINT64_C(1) << 5)
#define VIRTIO_IOMMU_F_BYPASS_CONFIG (UINT64_C(1) << 6) /* replaces F_BYPASS */

/* ---- configuration (5.13.4) -------------------------------------------------------------------- */

#define VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK \
	0 /* 64: the lowest bit is the granule, others are hints */
#define VIRTIO_IOMMU_CONFIG_INPUT_START 8 /* 64, with F_INPUT_RANGE */
#define VIRTIO_IOMMU_CONFIG_INPUT_END 16 /* 64, inclusive */
#define VIRTIO_IOMMU_CONFIG_DOMAIN_START 24 /* 32, with F_DOMAIN_RANGE */
#define VIRTIO_IOMMU_CONFIG_DOMAIN_END 28 /* 32, inclusive */
#define VIRTIO_IOMMU_CONFIG_PROBE_SIZE 32 /* 32, with F_PROBE */
#define VIRTIO_IOMMU_CONFIG_BYPASS \
	36 /* 8, writable with F_BYPASS_CONFIG: 0 or 1; outlives a reset */
#define VIRTIO_IOMMU_CONFIG_SIZE 40u

/* ---- requests (5.13.6) ------------------------------------------------------------------------- */

/* A readable part, that starts with a head, then a writable part, that ends with a tail.  A request that
 * comes back with used length 0 has failed: its tail was not written. */
#define VIRTIO_IOMMU_HEAD_TYPE 0 /* 8: VIRTIO_IOMMU_T_x; then 3 bytes of 0 */
#define VIRTIO_IOMMU_HEAD_SIZE 4u
#define VIRTIO_IOMMU_TAIL_STATUS 0 /* 8: enum virtio_iommu_status; then 3 bytes to be ignored */
#define VIRTIO_IOMMU_TAIL_SIZE 4u

#define VIRTIO_IOMMU_T_ATTACH 1u
#define VIRTIO_IOMMU_T_DETACH 2u
#define VIRTIO_IOMMU_T_MAP 3u
#define VIRTIO_IOMMU_T_UNMAP 4u
#define VIRTIO_IOMMU_T_PROBE 5u

enum virtio_iommu_status {
	VIRTIO_IOMMU_S_OK = 0,
	VIRTIO_IOMMU_S_IOERR = 1, /* virtio communication */
	VIRTIO_IOMMU_S_UNSUPP = 2, /* request is not supported */
	VIRTIO_IOMMU_S_DEVERR = 3, /* internal */
	VIRTIO_IOMMU_S_INVAL = 4, /* invalid parameters */
	VIRTIO_IOMMU_S_RANGE = 5, /* parameters out of range, or a mapping would be split */
	VIRTIO_IOMMU_S_NOENT = 6, /* no such endpoint or domain */
	VIRTIO_IOMMU_S_FAULT = 7, /* bad address */
	VIRTIO_IOMMU_S_NOMEM = 8,
};

/* ATTACH (5.13.6.3).  A domain comes to be with its first endpoint; an endpoint leaves its former one. */
#define VIRTIO_IOMMU_ATTACH_DOMAIN 4 /* 32 */
#define VIRTIO_IOMMU_ATTACH_ENDPOINT 8 /* 32 */
#define VIRTIO_IOMMU_ATTACH_FLAGS 12 /* 32; then 4 bytes that must be 0: else S_INVAL */
#define VIRTIO_IOMMU_ATTACH_RESERVED 16
#define VIRTIO_IOMMU_ATTACH_SIZE 20u /* of the readable part, as all x_SIZE */
#define VIRTIO_IOMMU_ATTACH_F_BYPASS \
	0x1u /* with F_BYPASS_CONFIG; the same for a domain's endpoints */

/* DETACH (5.13.6.4).  A domain ceases to be, mappings and all, with its last endpoint. */
#define VIRTIO_IOMMU_DETACH_DOMAIN 4 /* 32 */
#define VIRTIO_IOMMU_DETACH_ENDPOINT 8 /* 32 */
#define VIRTIO_IOMMU_DETACH_RESERVED 12 /* 8 bytes, 0, that the device ignores */
#define VIRTIO_IOMMU_DETACH_SIZE 20u

/* MAP (5.13.6.5).  Start, end + 1 and physical start are multiples of the granule: else S_RANGE. */
#define VIRTIO_IOMMU_MAP_DOMAIN 4 /* 32 */
#define VIRTIO_IOMMU_MAP_VIRT_START 8 /* 64 */
#define VIRTIO_IOMMU_MAP_VIRT_END 16 /* 64, inclusive, above the start */
#define VIRTIO_IOMMU_MAP_PHYS_START 24 /* 64 */
#define VIRTIO_IOMMU_MAP_FLAGS 32 /* 32; unknown ones: S_INVAL */
#define VIRTIO_IOMMU_MAP_SIZE 36u
#define VIRTIO_IOMMU_MAP_F_READ 0x1u
#define VIRTIO_IOMMU_MAP_F_WRITE 0x2u
#define VIRTIO_IOMMU_MAP_F_MMIO 0x4u /* with F_MMIO */

/* UNMAP (5.13.6.6).  Mappings wholly in the range go; one that would be split: S_RANGE, nothing goes. */
#define VIRTIO_IOMMU_UNMAP_DOMAIN 4 /* 32 */
#define VIRTIO_IOMMU_UNMAP_VIRT_START 8 /* 64 */
#define VIRTIO_IOMMU_UNMAP_VIRT_END 16 /* 64, inclusive */
#define VIRTIO_IOMMU_UNMAP_RESERVED 24 /* 4 bytes, 0; else S_INVAL is allowed */
#define VIRTIO_IOMMU_UNMAP_SIZE 28u

/* PROBE (5.13.6.7).  The writable part is PROBE_SIZE bytes of properties, and the tail. */
#define VIRTIO_IOMMU_PROBE_ENDPOINT 4 /* 32; then 64 bytes of 0, that the device ignores */
#define VIRTIO_IOMMU_PROBE_SIZE 72u

/* A property; the next one is LENGTH + 4 bytes further.  The list ends with type 0 or its size. */
#define VIRTIO_IOMMU_PROPERTY_TYPE 0 /* 16: bits 11:0; with one of 15:12 set it is ignored */
#define VIRTIO_IOMMU_PROPERTY_LENGTH 2 /* 16, without these 4 bytes */
#define VIRTIO_IOMMU_PROPERTY_HEADER_SIZE 4u
#define VIRTIO_IOMMU_PROPERTY_TYPE_MASK 0x0fffu
#define VIRTIO_IOMMU_PROPERTY_RSVD 0xf000u
#define VIRTIO_IOMMU_PROBE_T_NONE 0u
#define VIRTIO_IOMMU_PROBE_T_RESV_MEM 1u

/* Property RESV_MEM (5.13.6.8.1); offsets from the property's header. */
#define VIRTIO_IOMMU_RESV_MEM_SUBTYPE 4 /* 8; then 3 bytes to be ignored */
#define VIRTIO_IOMMU_RESV_MEM_START 8 /* 64 */
#define VIRTIO_IOMMU_RESV_MEM_END 16 /* 64, inclusive */
#define VIRTIO_IOMMU_RESV_MEM_LENGTH 20u /* the value of the property's LENGTH */
#define VIRTIO_IOMMU_RESV_MEM_T_RESERVED 0u /* unknown subtypes count as this */
#define VIRTIO_IOMMU_RESV_MEM_T_MSI 1u

/* ---- fault reports (5.13.6.9), in buffers of the event queue ----------------------------------- */

#define VIRTIO_IOMMU_FAULT_REASON 0 /* 8; then 3 bytes: if not 0 the report is ignored */
#define VIRTIO_IOMMU_FAULT_RESERVED 1
#define VIRTIO_IOMMU_FAULT_FLAGS 4 /* 32 */
#define VIRTIO_IOMMU_FAULT_ENDPOINT 8 /* 32; then 4 bytes to be ignored */
#define VIRTIO_IOMMU_FAULT_ADDRESS 16 /* 64, with VIRTIO_IOMMU_FAULT_F_ADDRESS */
#define VIRTIO_IOMMU_FAULT_SIZE 24u

#define VIRTIO_IOMMU_FAULT_R_UNKNOWN 0u
#define VIRTIO_IOMMU_FAULT_R_DOMAIN 1u /* the endpoint is not attached */
#define VIRTIO_IOMMU_FAULT_R_MAPPING 2u /* not mapped, or not so */
#define VIRTIO_IOMMU_FAULT_F_READ 0x001u
#define VIRTIO_IOMMU_FAULT_F_WRITE 0x002u
#define VIRTIO_IOMMU_FAULT_F_ADDRESS 0x100u

#endif /* SPEC_VIRTIO_IOMMU_H */
