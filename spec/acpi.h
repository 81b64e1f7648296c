/* SPDX-License-Identifier: MIT */
/*
 * acpi.h - layouts of the ACPI tables that describe IOMMUs
 *
 * Facts: root pointer and table headers from the "ACPI Specification" 6.5 (5.2.5 to 5.2.8); DMAR from
 * the "Intel Virtualization Technology for Directed I/O Architecture Specification", chapter 8; IORT from
 * Arm's "I/O Remapping Table" (DEN 0049), revision E.e, whose headings stand beside; VIOT from the "ACPI
 * Specification" 6.4 and later, 5.2, "Virtual I/O Translation Table".  ACPI_x are byte offsets in a
 * structure whose fields may lie at any alignment, little-endian.
 */
#ifndef SPEC_ACPI_H
#define SPEC_ACPI_H

/* ---- root system description pointer (ACPI 5.2.5.3) -------------------------------------------- */

#define ACPI_RSDP_SIGNATURE "RSD PTR " /* 8 bytes at 0, on a 16-byte boundary */
#define ACPI_RSDP_CHECKSUM 8 /* bytes 0 to 19 add up to 0 */
#define ACPI_RSDP_REVISION 15 /* 0: the first 20 bytes only; 2: all */
#define ACPI_RSDP_RSDT 16 /* 32 bits */
#define ACPI_RSDP_LENGTH 20 /* 32 bits; from here on with revision 2 */
#define ACPI_RSDP_XSDT 24 /* 64 bits */
#define ACPI_RSDP_EXTENDED_CHECKSUM 32 /* bytes 0 to LENGTH - 1 add up to 0 */
#define ACPI_RSDP_SIZE_V1 20
#define ACPI_RSDP_SIZE_V2 36

/* ---- header of every table (ACPI 5.2.6) -------------------------------------------------------- */

#define ACPI_TABLE_SIGNATURE 0 /* 4 bytes */
#define ACPI_TABLE_LENGTH 4 /* 32 bits, header included */
#define ACPI_TABLE_REVISION 8
#define ACPI_TABLE_CHECKSUM 9 /* all bytes add up to 0 */
#define ACPI_TABLE_HEADER_SIZE 36 /* RSDT: then 32-bit addresses; XSDT: then 64-bit ones */

/* ---- DMAR (VT-d 8.1) --------------------------------------------------------------------------- */

#define ACPI_DMAR_WIDTH 36 /* host address width, minus 1 */
#define ACPI_DMAR_FLAGS 37
#define ACPI_DMAR_INTR_REMAP (1u << 0)
#define ACPI_DMAR_X2APIC_OPT_OUT (1u << 1)
#define ACPI_DMAR_PLATFORM_OPT_IN (1u << 2) /* firmware kept devices from DMA before the OS */
#define ACPI_DMAR_HEADER_SIZE 48 /* then the remapping structures */

/* Every remapping structure (8.2). */
#define ACPI_DMAR_SUB_TYPE 0 /* 16 bits */
#define ACPI_DMAR_SUB_LENGTH 2 /* 16 bits, header included */
#define ACPI_DMAR_SUB_HEADER_SIZE 4

enum acpi_dmar_type {
	ACPI_DMAR_DRHD = 0, /* 8.3 a remapping unit */
	ACPI_DMAR_RMRR = 1, /* 8.4 a reserved memory region */
	ACPI_DMAR_ATSR = 2, /* 8.5 root ports below which ATS works */
	ACPI_DMAR_RHSA = 3, /* 8.6 proximity of a unit */
	ACPI_DMAR_ANDD = 4, /* 8.7 a device in the ACPI namespace */
	ACPI_DMAR_SATC = 5, /* 8.8 SoC integrated devices with an ATC */
	ACPI_DMAR_SIDP = 6, /* 8.9 SoC integrated device properties */
};

#define ACPI_DMAR_DRHD_FLAGS 4
#define ACPI_DMAR_DRHD_INCLUDE_PCI_ALL (1u << 0)
#define ACPI_DMAR_DRHD_SIZE 5 /* bits 3:0: the register set has 2^n pages; 0 before revision 4 */
#define ACPI_DMAR_DRHD_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_DRHD_BASE 8 /* 64 bits */
#define ACPI_DMAR_DRHD_SCOPES 16

#define ACPI_DMAR_RMRR_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_RMRR_BASE 8 /* 64 bits, multiple of 4096 */
#define ACPI_DMAR_RMRR_LIMIT 16 /* 64 bits, last byte; limit + 1 is a multiple of 4096 */
#define ACPI_DMAR_RMRR_SCOPES 24

#define ACPI_DMAR_ATSR_FLAGS 4
#define ACPI_DMAR_ATSR_ALL_PORTS (1u << 0) /* all root ports of the segment; no scopes */
#define ACPI_DMAR_ATSR_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_ATSR_SCOPES 8

#define ACPI_DMAR_RHSA_BASE 8 /* 64 bits: the unit's register base */
#define ACPI_DMAR_RHSA_DOMAIN 16 /* 32 bits */
#define ACPI_DMAR_RHSA_SIZE 20

#define ACPI_DMAR_ANDD_NUMBER 7 /* the enumeration ID of namespace scopes */
#define ACPI_DMAR_ANDD_NAME 8 /* NUL-terminated path */

#define ACPI_DMAR_SATC_FLAGS 4
#define ACPI_DMAR_SATC_ATC_REQUIRED (1u << 0) /* the devices do not work without ATS */
#define ACPI_DMAR_SATC_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_SATC_SCOPES 8

#define ACPI_DMAR_SIDP_SEGMENT 6 /* 16 bits */
#define ACPI_DMAR_SIDP_SCOPES 8

/* Device scope (8.3.1). */
#define ACPI_SCOPE_TYPE 0
#define ACPI_SCOPE_LENGTH 1 /* 6 + 2 for each step of the path */
#define ACPI_SCOPE_FLAGS 2 /* in SIDP only; reserved elsewhere */
#define ACPI_SCOPE_ENUMERATION_ID \
	4 /* I/O APIC: its ID; HPET: its number; namespace: ANDD's number */
#define ACPI_SCOPE_START_BUS 5
#define ACPI_SCOPE_PATH 6 /* {device, function} from the start bus downwards */
#define ACPI_SCOPE_HEADER_SIZE 6

enum acpi_scope_type {
	ACPI_SCOPE_ENDPOINT = 1,
	ACPI_SCOPE_BRIDGE = 2, /* the bridge and everything below it */
	ACPI_SCOPE_IOAPIC = 3,
	ACPI_SCOPE_HPET = 4,
	ACPI_SCOPE_NAMESPACE = 5,
};

/* ---- IORT (DEN 0049) --------------------------------------------------------------------------- */

#define ACPI_IORT_NUM_NODES 36 /* 32 bits */
#define ACPI_IORT_NODES 40 /* 32 bits: offset of the first node; each follows the one before */
#define ACPI_IORT_HEADER_SIZE 48
#define ACPI_IORT_REVISION_RMR \
	5 /* of the table: from here on RMR nodes have the form below (E.d) */

/* Every node. */
#define ACPI_IORT_NODE_TYPE 0 /* 8 bits */
#define ACPI_IORT_NODE_LENGTH 1 /* 16 bits, with header and ID mappings */
#define ACPI_IORT_NODE_REVISION 3 /* 8 bits */
#define ACPI_IORT_NODE_IDENTIFIER 4 /* 32 bits, reserved before table revision 1 */
#define ACPI_IORT_NODE_NUM_MAPPINGS 8 /* 32 bits */
#define ACPI_IORT_NODE_MAPPINGS 12 /* 32 bits, from the node's start */
#define ACPI_IORT_NODE_HEADER_SIZE 16

enum acpi_iort_type {
	ACPI_IORT_ITS_GROUP = 0,
	ACPI_IORT_NAMED_COMPONENT = 1,
	ACPI_IORT_ROOT_COMPLEX = 2,
	ACPI_IORT_SMMU = 3, /* SMMUv1 and v2 */
	ACPI_IORT_SMMUV3 = 4,
	ACPI_IORT_PMCG = 5, /* performance monitors */
	ACPI_IORT_RMR = 6, /* reserved memory ranges */
};

/* ID mapping. */
#define ACPI_IORT_MAPPING_INPUT 0 /* 32 bits, lowest */
#define ACPI_IORT_MAPPING_COUNT 4 /* 32 bits, number of IDs minus 1 */
#define ACPI_IORT_MAPPING_OUTPUT 8 /* 32 bits, lowest */
#define ACPI_IORT_MAPPING_REFERENCE 12 /* 32 bits: offset of the node, from the table's start */
#define ACPI_IORT_MAPPING_FLAGS 16 /* 32 bits */
#define ACPI_IORT_MAPPING_SINGLE \
	(1u << 0) /* any input becomes OUTPUT; INPUT and COUNT do not count */
#define ACPI_IORT_MAPPING_SIZE 20

/* Memory access properties, 8 bytes. */
#define ACPI_IORT_ACCESS_COHERENT 0 /* 32 bits: 1: the device is cache-coherent */
#define ACPI_IORT_ACCESS_HINTS 4 /* 8 bits */
#define ACPI_IORT_ACCESS_FLAGS 7 /* 8 bits */
#define ACPI_IORT_ACCESS_CPM (1u << 0) /* coherent path to memory */
#define ACPI_IORT_ACCESS_DACS (1u << 1) /* its attributes are cacheable and inner-shareable */

#define ACPI_IORT_ITS_COUNT 16 /* 32 bits */
#define ACPI_IORT_ITS_IDS 20 /* 32 bits each */

#define ACPI_IORT_COMPONENT_FLAGS 16 /* 32 bits */
#define ACPI_IORT_COMPONENT_STALL (1u << 0)
#define ACPI_IORT_COMPONENT_PASID_SHIFT 1 /* bits 5:1: width of its substream IDs */
#define ACPI_IORT_COMPONENT_PASID 0x3eu
#define ACPI_IORT_COMPONENT_ACCESS 20
#define ACPI_IORT_COMPONENT_ADDRESS_BITS 28 /* 8 bits */
#define ACPI_IORT_COMPONENT_NAME 29 /* NUL-terminated path */

#define ACPI_IORT_ROOT_ACCESS 16
#define ACPI_IORT_ROOT_ATS 24 /* 32 bits */
#define ACPI_IORT_ROOT_ATS_SUPPORTED (1u << 0)
#define ACPI_IORT_ROOT_ATS_PRI (1u << 1)
#define ACPI_IORT_ROOT_ATS_PASID (1u << 2) /* translated requests with PASIDs pass */
#define ACPI_IORT_ROOT_SEGMENT 28 /* 32 bits */
#define ACPI_IORT_ROOT_SIZE 32
#define ACPI_IORT_ROOT_ADDRESS_BITS 32 /* 8 bits, from revision 1 */
#define ACPI_IORT_ROOT_SIZE_1 36
#define ACPI_IORT_ROOT_PASID 33 /* 16 bits, from revision 3; bits 4:0: PASID width */
#define ACPI_IORT_ROOT_FLAGS 36 /* 32 bits, from revision 4 */
#define ACPI_IORT_ROOT_FLAGS_PASID (1u << 0)
#define ACPI_IORT_ROOT_SIZE_4 40

#define ACPI_IORT_SMMU_BASE 16 /* 64 bits */
#define ACPI_IORT_SMMU_SPAN 24 /* 64 bits */
#define ACPI_IORT_SMMU_MODEL 32 /* 32 bits */
#define ACPI_IORT_SMMU_FLAGS 36 /* 32 bits */
#define ACPI_IORT_SMMU_COHERENT (1u << 1) /* its walks are */
#define ACPI_IORT_SMMU_SIZE 60

#define ACPI_IORT_SMMUV3_BASE 16 /* 64 bits */
#define ACPI_IORT_SMMUV3_FLAGS 24 /* 32 bits */
#define ACPI_IORT_SMMUV3_COHERENT \
	(1u << 0) /* its accesses are coherent whatever IDR0.COHACC says */
#define ACPI_IORT_SMMUV3_HTTU_SHIFT 1 /* bits 2:1: overrides IDR0.HTTU if not 0 */
#define ACPI_IORT_SMMUV3_HTTU 0x6u
#define ACPI_IORT_SMMUV3_PROXIMITY_VALID (1u << 3)
#define ACPI_IORT_SMMUV3_MAPPING_VALID (1u << 4) /* from revision 5: DEVICE_MAPPING counts */
#define ACPI_IORT_SMMUV3_MODEL 40 /* 32 bits */
#define ACPI_IORT_SMMUV3_EVENT 44 /* 32 bits each: interrupts, 0: none or by message */
#define ACPI_IORT_SMMUV3_PRI 48
#define ACPI_IORT_SMMUV3_GERROR 52
#define ACPI_IORT_SMMUV3_SYNC 56
#define ACPI_IORT_SMMUV3_SIZE 60
#define ACPI_IORT_SMMUV3_PROXIMITY 60 /* 32 bits */
#define ACPI_IORT_SMMUV3_DEVICE_MAPPING \
	64 /* 32 bits, from revision 1: which ID mapping is its own */
#define ACPI_IORT_SMMUV3_SIZE_1 68

#define ACPI_IORT_RMR_FLAGS 16 /* 32 bits */
#define ACPI_IORT_RMR_REMAP (1u << 0) /* may be mapped elsewhere once its device is quiet */
#define ACPI_IORT_RMR_PRIVILEGED (1u << 1)
#define ACPI_IORT_RMR_ATTRIBUTE_SHIFT 2 /* bits 9:2 */
#define ACPI_IORT_RMR_ATTRIBUTE 0x3fcu
#define ACPI_IORT_RMR_COUNT 20 /* 32 bits */
#define ACPI_IORT_RMR_RANGES 24 /* 32 bits, from the node's start */
#define ACPI_IORT_RMR_SIZE 28

enum acpi_iort_rmr_attribute {
	ACPI_IORT_RMR_DEVICE_NGNRNE = 0,
	ACPI_IORT_RMR_DEVICE_NGNRE = 1,
	ACPI_IORT_RMR_DEVICE_NGRE = 2,
	ACPI_IORT_RMR_DEVICE_GRE = 3,
	ACPI_IORT_RMR_NORMAL_NON_CACHEABLE = 4,
	ACPI_IORT_RMR_NORMAL_WRITE_BACK = 5, /* inner and outer, inner-shareable */
};

#define ACPI_IORT_RANGE_BASE 0 /* 64 bits, multiple of 64 KiB */
#define ACPI_IORT_RANGE_LENGTH 8 /* 64 bits, likewise */
#define ACPI_IORT_RANGE_SIZE 20

/* ---- VIOT (ACPI 6.4, 5.2) ---------------------------------------------------------------------- */

#define ACPI_VIOT_NUM_NODES 36 /* 16 bits */
#define ACPI_VIOT_NODES 38 /* 16 bits: offset of the first node; each follows the one before */
#define ACPI_VIOT_HEADER_SIZE 48

#define ACPI_VIOT_NODE_TYPE 0 /* 8 bits */
#define ACPI_VIOT_NODE_LENGTH 2 /* 16 bits */
#define ACPI_VIOT_NODE_HEADER_SIZE 4

enum acpi_viot_type {
	ACPI_VIOT_PCI_RANGE = 1,
	ACPI_VIOT_MMIO_ENDPOINT = 2,
	ACPI_VIOT_VIRTIO_PCI = 3, /* a virtio-iommu that is a PCI function */
	ACPI_VIOT_VIRTIO_MMIO = 4, /* one with registers of its own */
};

#define ACPI_VIOT_RANGE_ENDPOINT 4 /* 32 bits: the ID of SEGMENT_FIRST, BDF_FIRST */
#define ACPI_VIOT_RANGE_SEGMENT_FIRST 8 /* 16 bits each; the last ones are inclusive */
#define ACPI_VIOT_RANGE_SEGMENT_LAST 10
#define ACPI_VIOT_RANGE_BDF_FIRST 12
#define ACPI_VIOT_RANGE_BDF_LAST 14
#define ACPI_VIOT_RANGE_OUTPUT 16 /* 16 bits: offset of the IOMMU's node, from the table's start */
#define ACPI_VIOT_RANGE_SIZE 24

#define ACPI_VIOT_MMIO_ENDPOINT_ID 4 /* 32 bits */
#define ACPI_VIOT_MMIO_ENDPOINT_BASE 8 /* 64 bits */
#define ACPI_VIOT_MMIO_ENDPOINT_OUTPUT 16 /* 16 bits */
#define ACPI_VIOT_MMIO_ENDPOINT_SIZE 24

#define ACPI_VIOT_VIRTIO_PCI_SEGMENT 4 /* 16 bits */
#define ACPI_VIOT_VIRTIO_PCI_BDF 6 /* 16 bits */
#define ACPI_VIOT_VIRTIO_PCI_SIZE 16

#define ACPI_VIOT_VIRTIO_MMIO_BASE 8 /* 64 bits */
#define ACPI_VIOT_VIRTIO_MMIO_SIZE 16

#endif /* SPEC_ACPI_H */
