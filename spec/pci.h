/* SPDX-License-Identifier: MIT */
/*
 * pci.h - PCI and PCI Express configuration space
 *
 * Facts from the "PCI Local Bus Specification" 3.0 (6.1, 6.7), the "PCI-to-PCI Bridge Architecture
 * Specification" 1.2 (3.2) and the "PCI Express Base Specification" 6.0, whose sections stand beside.
 * Names follow the specifications; offsets are in bytes, from the start of the configuration space or,
 * for capabilities, from the start of the capability.
 */
#ifndef SPEC_PCI_H
#define SPEC_PCI_H

#define PCI_CONFIG_SIZE 4096
#define PCI_CONFIG_SIZE_CONVENTIONAL 256

/** PCI_DEVFN() and its parts: a device number (0 to 31) and a function number (0 to 7) in 8 bits */
#define PCI_DEVFN(device, function) (((device) << 3) | (function))
#define PCI_SLOT(devfn) (((devfn) >> 3) & 0x1f)
#define PCI_FUNC(devfn) (0x7 & (devfn))

/* ---- header, both types (PCIe 7.5.1.1) --------------------------------------------------------- */

#define PCI_VENDOR_ID 0x00 /* 16; 0xffff: nobody there */
#define PCI_DEVICE_ID 0x02 /* 16 */
#define PCI_COMMAND 0x04 /* 16 */
#define PCI_COMMAND_IO (1u << 0)
#define PCI_COMMAND_MEMORY (1u << 1)
#define PCI_COMMAND_MASTER (1u << 2)
#define PCI_COMMAND_INTX_DISABLE (1u << 10)
#define PCI_STATUS 0x06 /* 16 */
/* The function asserts INTx, whether or not that is disabled. */
#define PCI_STATUS_INTERRUPT (1u << 3)
#define PCI_STATUS_CAP_LIST (1u << 4)
#define PCI_REVISION 0x08 /* 8 */
#define PCI_CLASS_PROG 0x09 /* 8 */
#define PCI_CLASS_DEVICE 0x0a /* 16: base class in the high byte, subclass in the low */
#define PCI_HEADER_TYPE 0x0e /* 8 */
#define PCI_HEADER_TYPE_MASK 0x7fu
#define PCI_HEADER_TYPE_NORMAL 0u
#define PCI_HEADER_TYPE_BRIDGE 1u
#define PCI_HEADER_TYPE_MULTIFUNCTION 0x80u
#define PCI_BAR(n) (0x10 + 4 * (n)) /* 32; 0 to 5, of bridges 0 and 1 */
#define PCI_BAR_IO (1u << 0)
#define PCI_BAR_TYPE 0x6u
#define PCI_BAR_TYPE_64 0x4u
#define PCI_BAR_PREFETCH (1u << 3)
#define PCI_BAR_MEMORY_MASK 0xfffffff0u
#define PCI_CAP_POINTER 0x34 /* 8; low two bits to be ignored */
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_INTERRUPT_PIN 0x3d

/* Header type 0 only. */
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c
#define PCI_SUBSYSTEM_ID 0x2e
/* Header type 1 only (7.5.1.3). */
#define PCI_PRIMARY_BUS 0x18
#define PCI_SECONDARY_BUS 0x19
#define PCI_SUBORDINATE_BUS 0x1a
#define PCI_IO_BASE 0x1c
#define PCI_IO_LIMIT 0x1d
#define PCI_MEMORY_BASE 0x20 /* 16: address bits 31:20 in bits 15:4 */
#define PCI_MEMORY_LIMIT 0x22
#define PCI_PREFETCH_BASE 0x24
#define PCI_PREFETCH_LIMIT 0x26
#define PCI_PREFETCH_BASE_UPPER 0x28
#define PCI_PREFETCH_LIMIT_UPPER 0x2c
#define PCI_BRIDGE_CONTROL 0x3e
#define PCI_BRIDGE_BUS_RESET 0x40u /* PCIe 6.0, 7.5.1.3.13 */

/* Classes that matter here (PCI Code and ID Assignment Specification). */
#define PCI_BASE_CLASS_DISPLAY 0x03u
#define PCI_CLASS_BRIDGE_HOST 0x0600u
#define PCI_CLASS_BRIDGE_PCI 0x0604u
#define PCI_CLASS_SERIAL_USB 0x0c03u

/* ---- capabilities (7.5.3, 7.9) ----------------------------------------------------------------- */

#define PCI_CAP_FIRST 0x40 /* nothing lies below */
#define PCI_CAP_ID 0 /* 8 */
#define PCI_CAP_NEXT 1 /* 8; 0 ends; low two bits to be ignored */
#define PCI_CAP_ID_PM 0x01u
#define PCI_CAP_ID_MSI 0x05u
#define PCI_CAP_ID_PCIX 0x07u
#define PCI_CAP_ID_VENDOR 0x09u
#define PCI_CAP_ID_PCIE 0x10u
#define PCI_CAP_ID_MSIX 0x11u
#define PCI_CAP_ID_AF 0x13u

/* Advanced features of conventional PCI (PCI-SIG ECN "Advanced Capabilities for Conventional PCI"). */
#define PCI_AF_LENGTH 0x02 /* 8 */
#define PCI_AF_LENGTH_VALUE 6u
#define PCI_AF_CAPABILITIES 0x03 /* 8 */
#define PCI_AF_TP (1u << 0) /* transactions pending is reported */
#define PCI_AF_FLR (1u << 1)
#define PCI_AF_CONTROL 0x04 /* 8 */
#define PCI_AF_INITIATE_FLR (1u << 0) /* reads 0 */
#define PCI_AF_STATUS 0x05 /* 8 */
#define PCI_AF_STATUS_PENDING (1u << 0)

/* MSI-X (7.7.2): the table and the pending bits lie in BARs. */
#define PCI_MSIX_CONTROL 0x02 /* 16 */
#define PCI_MSIX_SIZE 0x07ffu /* entries of the table, less one; read-only */
#define PCI_MSIX_MASK_ALL (1u << 14)
#define PCI_MSIX_ENABLE (1u << 15)
#define PCI_MSIX_TABLE 0x04 /* 32: offset in a BAR, and which BAR in bits 2:0 */
#define PCI_MSIX_PENDING 0x08 /* 32: the same */
#define PCI_MSIX_BAR 0x7u
/* An entry of the table. */
#define PCI_MSIX_ENTRY_SIZE 16u
#define PCI_MSIX_ENTRY_ADDRESS_LOW 0x0 /* bits 1:0 are 0 */
#define PCI_MSIX_ENTRY_ADDRESS_HIGH 0x4
#define PCI_MSIX_ENTRY_DATA 0x8
#define PCI_MSIX_ENTRY_CONTROL 0xc
#define PCI_MSIX_ENTRY_MASKED (1u << 0) /* set at reset */

/* PCI Express capability (7.5.3). */
#define PCI_PCIE_CAPABILITIES 0x02 /* 16 */
#define PCI_PCIE_VERSION 0x000fu
#define PCI_PCIE_TYPE 0x00f0u
#define PCI_PCIE_TYPE_SHIFT 4
#define PCI_PCIE_SLOT (1u << 8) /* a port with a slot */
#define PCI_PCIE_DEVICE_CAPABILITIES 0x04 /* 32 */
#define PCI_PCIE_DEVICE_FLR (1u << 28)
#define PCI_PCIE_DEVICE_CONTROL 0x08 /* 16 */
#define PCI_PCIE_DEVICE_NO_SNOOP (1u << 11)
#define PCI_PCIE_DEVICE_CONTROL_FLR (1u << 15)
#define PCI_PCIE_DEVICE_STATUS 0x0a /* 16 */
#define PCI_PCIE_DEVICE_PENDING (1u << 5)

enum pci_pcie_type {
	PCI_PCIE_ENDPOINT = 0x0,
	PCI_PCIE_LEGACY_ENDPOINT = 0x1,
	PCI_PCIE_ROOT_PORT = 0x4,
	PCI_PCIE_UPSTREAM_PORT = 0x5,
	PCI_PCIE_DOWNSTREAM_PORT = 0x6,
	PCI_PCIE_TO_PCI_BRIDGE = 0x7,
	PCI_PCI_TO_PCIE_BRIDGE = 0x8,
	PCI_PCIE_RC_ENDPOINT = 0x9, /* root complex integrated endpoint */
	PCI_PCIE_RC_EVENT_COLLECTOR = 0xa,
};

/* ---- extended capabilities (7.6.3) ------------------------------------------------------------- */

#define PCI_EXT_CAP_FIRST 0x100 /* a header of 0 there: there are none */
#define PCI_EXT_CAP_ID_MASK 0x0000ffffu
#define PCI_EXT_CAP_VERSION 0x000f0000u
#define PCI_EXT_CAP_NEXT_SHIFT 20 /* 0 ends; low two bits to be ignored */
#define PCI_EXT_CAP_ID_AER 0x0001u
#define PCI_EXT_CAP_ID_ACS 0x000du
#define PCI_EXT_CAP_ID_ARI 0x000eu
#define PCI_EXT_CAP_ID_ATS 0x000fu
#define PCI_EXT_CAP_ID_SRIOV 0x0010u
#define PCI_EXT_CAP_ID_PRI 0x0013u
#define PCI_EXT_CAP_ID_PASID 0x001bu

/* Access control services (7.7.11): the same bits in both registers. */
#define PCI_ACS_CAPABILITY 0x04 /* 16 */
#define PCI_ACS_CONTROL 0x06 /* 16 */
#define PCI_ACS_SOURCE_VALIDATION (1u << 0)
#define PCI_ACS_TRANSLATION_BLOCKING (1u << 1)
#define PCI_ACS_REQUEST_REDIRECT (1u << 2)
#define PCI_ACS_COMPLETION_REDIRECT (1u << 3)
#define PCI_ACS_UPSTREAM_FORWARDING (1u << 4)
#define PCI_ACS_EGRESS_CONTROL (1u << 5)
#define PCI_ACS_DIRECT_TRANSLATED (1u << 6)

/* Alternative routing ID (7.8.7). */
#define PCI_ARI_CAPABILITY 0x04 /* 16 */
#define PCI_ARI_NEXT_FUNCTION_SHIFT 8
#define PCI_ARI_CONTROL 0x06 /* 16 */

/* Address translation services (10.5.1). */
#define PCI_ATS_CAPABILITY 0x04 /* 16 */
#define PCI_ATS_QUEUE_DEPTH 0x1fu /* 0: 32 */
#define PCI_ATS_PAGE_ALIGNED (1u << 5)
#define PCI_ATS_GLOBAL_INVALIDATE (1u << 6)
#define PCI_ATS_CONTROL 0x06 /* 16 */
#define PCI_ATS_STU 0x1fu /* smallest translation unit: 4096 << STU bytes; fixed while enabled */
#define PCI_ATS_ENABLE (1u << 15)

/* Page requests (10.5.2). */
#define PCI_PRI_CONTROL 0x04 /* 16 */
#define PCI_PRI_ENABLE (1u << 0)
#define PCI_PRI_RESET (1u << 1) /* while not enabled: outstanding requests are forgotten; reads 0 */
#define PCI_PRI_STATUS 0x06 /* 16 */
#define PCI_PRI_STATUS_FAILURE (1u << 0) /* a Response Failure came; cleared by writing 1 */
#define PCI_PRI_STATUS_UPRGI (1u << 1) /* a response fitted no request; cleared by writing 1 */
#define PCI_PRI_STATUS_STOPPED (1u << 8)
#define PCI_PRI_STATUS_PASID_REQUIRED (1u << 15) /* responses need the PASID */
#define PCI_PRI_CAPACITY 0x08 /* 32 */
#define PCI_PRI_ALLOCATION 0x0c /* 32 */

/* PASID (7.8.9). */
#define PCI_PASID_CAPABILITY 0x04 /* 16 */
#define PCI_PASID_EXECUTE (1u << 1)
#define PCI_PASID_PRIVILEGED (1u << 2)
#define PCI_PASID_WIDTH_SHIFT 8
#define PCI_PASID_WIDTH 0x1f00u /* at most 20 */
#define PCI_PASID_CONTROL 0x06 /* 16 */
#define PCI_PASID_ENABLE (1u << 0)
#define PCI_PASID_CONTROL_EXECUTE (1u << 1)
#define PCI_PASID_CONTROL_PRIVILEGED (1u << 2)

#endif /* SPEC_PCI_H */
