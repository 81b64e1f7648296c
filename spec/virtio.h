/* SPDX-License-Identifier: MIT */
/*
 * virtio.h - virtio devices: status, features, split virtqueues, the PCI and MMIO transports
 *
 * Facts from "Virtual I/O Device (VIRTIO) Version 1.2", OASIS; the section stands beside each.  Only
 * devices with VIRTIO_F_VERSION_1: everything is little-endian.  VIRTIO_x offsets are in bytes from the
 * start of the structure named above them.  No behaviour, no state; usable by drivers and models.
 */
#ifndef SPEC_VIRTIO_H
#define SPEC_VIRTIO_H

#include <stdint.h>

/* ---- device status (2.1): one byte ------------------------------------------------------------- */

/* 0 is written to reset; the device is reset once 0 is read.  Bits are set one after the other in this
 * order (3.1.1) and never cleared but by a reset. */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER 0x02u
#define VIRTIO_STATUS_FEATURES_OK 0x08u /* read back: not set means that the device refuses */
#define VIRTIO_STATUS_DRIVER_OK 0x04u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u /* set by the device */
#define VIRTIO_STATUS_FAILED 0x80u

/* ---- feature bits (2.2, 6): 64, in two words of 32; 0 to 23 and 50 on are the device type's ---- */

#define VIRTIO_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32) /* 0: a legacy device */
#define VIRTIO_F_ACCESS_PLATFORM (UINT64_C(1) << 33) /* addresses are IOVAs, behind an IOMMU */
#define VIRTIO_F_RING_PACKED (UINT64_C(1) << 34)
#define VIRTIO_F_IN_ORDER (UINT64_C(1) << 35)
#define VIRTIO_F_ORDER_PLATFORM (UINT64_C(1) << 36)
#define VIRTIO_F_SR_IOV (UINT64_C(1) << 37)
#define VIRTIO_F_NOTIFICATION_DATA (UINT64_C(1) << 38)
#define VIRTIO_F_NOTIF_CONFIG_DATA (UINT64_C(1) << 39)
#define VIRTIO_F_RING_RESET (UINT64_C(1) << 40)

/* ---- device types (5) -------------------------------------------------------------------------- */

#define VIRTIO_ID_NONE 0u /* a placeholder: to be ignored */
#define VIRTIO_ID_NET 1u
#define VIRTIO_ID_BLOCK 2u
#define VIRTIO_ID_CONSOLE 3u
#define VIRTIO_ID_ENTROPY 4u
#define VIRTIO_ID_SCSI 8u
#define VIRTIO_ID_IOMMU 23u

/* ---- split virtqueues (2.7) -------------------------------------------------------------------- */

/* Of N entries, a power of 2 up to 32768: three areas of physically contiguous memory each. */
#define VIRTIO_QUEUE_MAX 32768u

/* Descriptor table (2.7.5): N of 16 bytes, aligned to 16. */
#define VIRTIO_DESC_SIZE 16u
#define VIRTIO_DESC_ALIGN 16u
#define VIRTIO_DESC_ADDR 0 /* 64 bits */
#define VIRTIO_DESC_LEN 8 /* 32 bits */
#define VIRTIO_DESC_FLAGS 12 /* 16 bits */
#define VIRTIO_DESC_NEXT 14 /* 16 bits, with VIRTIO_DESC_F_NEXT */
#define VIRTIO_DESC_F_NEXT 0x1u
#define VIRTIO_DESC_F_WRITE 0x2u /* the device writes; all of a chain's readable ones come first */
#define VIRTIO_DESC_F_INDIRECT 0x4u /* with VIRTIO_F_INDIRECT_DESC */

/* Available ring (2.7.6): written by the driver, 6 + 2N bytes, aligned to 2. */
#define VIRTIO_AVAIL_ALIGN 2u
#define VIRTIO_AVAIL_FLAGS 0 /* 16 bits */
#define VIRTIO_AVAIL_IDX 2 /* 16 bits: entries ever added, wraps at 65536 */
#define VIRTIO_AVAIL_RING 4 /* 16 bits each: the head of a chain */
#define VIRTIO_AVAIL_F_NO_INTERRUPT 0x1u /* without VIRTIO_F_EVENT_IDX */

/* Used ring (2.7.8): written by the device, 6 + 8N bytes, aligned to 4. */
#define VIRTIO_USED_ALIGN 4u
#define VIRTIO_USED_FLAGS 0 /* 16 bits */
#define VIRTIO_USED_IDX 2 /* 16 bits: entries ever used, wraps at 65536 */
#define VIRTIO_USED_RING 4
#define VIRTIO_USED_F_NO_NOTIFY 0x1u /* without VIRTIO_F_EVENT_IDX */
#define VIRTIO_USED_ELEM_SIZE 8u
#define VIRTIO_USED_ELEM_ID 0 /* 32 bits: head of the chain */
#define VIRTIO_USED_ELEM_LEN 4 /* 32 bits: bytes written into the chain's writable part */

/** virtio_avail_size() - bytes of an available ring of @n; the last two are used_event (2.7.7) */
static inline uint32_t virtio_avail_size(uint32_t n)
{
	return 6 + 2 * n;
}

/** virtio_used_size() - bytes of a used ring of @n; the last two are avail_event (2.7.10) */
static inline uint32_t virtio_used_size(uint32_t n)
{
	return 6 + 8 * n;
}

/* ---- PCI (4.1) --------------------------------------------------------------------------------- */

#define VIRTIO_PCI_VENDOR 0x1af4u
#define VIRTIO_PCI_DEVICE_BASE \
	0x1040u /* and the device type (4.1.2); 0x1000 to 0x103f: transitional */
#define VIRTIO_MSI_NO_VECTOR 0xffffu /* 4.1.5.1.2 */

/* Vendor-specific capabilities (ID 9) in configuration space (4.1.4).  Several of a kind may be there:
 * the driver takes the first that it can use.  With bar above 5 they are to be ignored. */
#define VIRTIO_PCI_CAP_LEN 2 /* 8 bits, at least VIRTIO_PCI_CAP_SIZE */
#define VIRTIO_PCI_CAP_CFG_TYPE 3 /* 8 bits: VIRTIO_PCI_CFG_x */
#define VIRTIO_PCI_CAP_BAR 4 /* 8 bits */
#define VIRTIO_PCI_CAP_ID 5 /* 8 bits, of shared memory */
#define VIRTIO_PCI_CAP_OFFSET 8 /* 32 bits */
#define VIRTIO_PCI_CAP_LENGTH 12 /* 32 bits */
#define VIRTIO_PCI_CAP_SIZE 16u
#define VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER 16 /* 32 bits, of the notification capability (4.1.4.4) */
#define VIRTIO_PCI_CAP_PCI_DATA 16 /* 32 bits, of the configuration access capability (4.1.4.9) */

#define VIRTIO_PCI_CFG_COMMON 1u
#define VIRTIO_PCI_CFG_NOTIFY 2u
#define VIRTIO_PCI_CFG_ISR 3u
#define VIRTIO_PCI_CFG_DEVICE 4u
#define VIRTIO_PCI_CFG_PCI 5u
#define VIRTIO_PCI_CFG_SHARED_MEMORY 8u
#define VIRTIO_PCI_CFG_VENDOR 9u

/* Common configuration (4.1.4.3). */
#define VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT 0x00 /* 32: 0 or 1, which word */
#define VIRTIO_PCI_COMMON_DEVICE_FEATURE 0x04 /* 32, read-only */
#define VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT 0x08 /* 32 */
#define VIRTIO_PCI_COMMON_DRIVER_FEATURE 0x0c /* 32 */
#define VIRTIO_PCI_COMMON_CONFIG_MSIX_VECTOR 0x10 /* 16 */
#define VIRTIO_PCI_COMMON_NUM_QUEUES 0x12 /* 16, read-only */
#define VIRTIO_PCI_COMMON_DEVICE_STATUS 0x14 /* 8 */
#define VIRTIO_PCI_COMMON_CONFIG_GENERATION 0x15 /* 8, read-only */
#define VIRTIO_PCI_COMMON_QUEUE_SELECT 0x16 /* 16; the rest is the selected queue's */
#define VIRTIO_PCI_COMMON_QUEUE_SIZE 0x18 /* 16: reset to the most; 0: there is no such queue */
#define VIRTIO_PCI_COMMON_QUEUE_MSIX_VECTOR \
	0x1a /* 16: reads back VIRTIO_MSI_NO_VECTOR if refused */
#define VIRTIO_PCI_COMMON_QUEUE_ENABLE 0x1c /* 16: 1 is written last; 0 must not be written */
#define VIRTIO_PCI_COMMON_QUEUE_NOTIFY_OFF 0x1e /* 16, read-only */
#define VIRTIO_PCI_COMMON_QUEUE_DESC 0x20 /* 64, accessed as two of 32 */
#define VIRTIO_PCI_COMMON_QUEUE_DRIVER 0x28 /* 64: the available ring */
#define VIRTIO_PCI_COMMON_QUEUE_DEVICE 0x30 /* 64: the used ring */
#define VIRTIO_PCI_COMMON_QUEUE_NOTIFY_DATA 0x38 /* 16, with VIRTIO_F_NOTIF_CONFIG_DATA */
#define VIRTIO_PCI_COMMON_QUEUE_RESET 0x3a /* 16, with VIRTIO_F_RING_RESET */
#define VIRTIO_PCI_COMMON_SIZE 0x38u /* what every device has */

/* A queue is notified at: the notification capability's offset + QUEUE_NOTIFY_OFF * the multiplier, by
 * writing its number, 16 bits (4.1.5.2). */

/* ISR status (4.1.4.5): 8 bits, reading clears. */
#define VIRTIO_PCI_ISR_QUEUE 0x1u
#define VIRTIO_PCI_ISR_CONFIG 0x2u

/* ---- MMIO (4.2.2): registers of 32 bits -------------------------------------------------------- */

#define VIRTIO_MMIO_MAGIC_VALUE 0x000 /* read-only: VIRTIO_MMIO_MAGIC */
#define VIRTIO_MMIO_VERSION 0x004 /* read-only: 2; 1 is a legacy device */
#define VIRTIO_MMIO_DEVICE_ID 0x008 /* read-only: VIRTIO_ID_x */
#define VIRTIO_MMIO_VENDOR_ID 0x00c /* read-only */
#define VIRTIO_MMIO_DEVICE_FEATURES 0x010 /* read-only */
#define VIRTIO_MMIO_DEVICE_FEATURES_SEL 0x014 /* write-only */
#define VIRTIO_MMIO_DRIVER_FEATURES 0x020 /* write-only */
#define VIRTIO_MMIO_DRIVER_FEATURES_SEL 0x024 /* write-only */
#define VIRTIO_MMIO_QUEUE_SEL 0x030 /* write-only */
#define VIRTIO_MMIO_QUEUE_NUM_MAX 0x034 /* read-only; 0: there is no such queue */
#define VIRTIO_MMIO_QUEUE_NUM 0x038 /* write-only */
#define VIRTIO_MMIO_QUEUE_READY 0x044
#define VIRTIO_MMIO_QUEUE_NOTIFY 0x050 /* write-only: the queue's number */
#define VIRTIO_MMIO_INTERRUPT_STATUS 0x060 /* read-only */
#define VIRTIO_MMIO_INTERRUPT_ACK 0x064 /* write-only */
#define VIRTIO_MMIO_STATUS 0x070
#define VIRTIO_MMIO_QUEUE_DESC_LOW 0x080 /* write-only, as all addresses */
#define VIRTIO_MMIO_QUEUE_DESC_HIGH 0x084
#define VIRTIO_MMIO_QUEUE_DRIVER_LOW 0x090 /* the available ring */
#define VIRTIO_MMIO_QUEUE_DRIVER_HIGH 0x094
#define VIRTIO_MMIO_QUEUE_DEVICE_LOW 0x0a0 /* the used ring */
#define VIRTIO_MMIO_QUEUE_DEVICE_HIGH 0x0a4
#define VIRTIO_MMIO_SHM_SEL 0x0ac
#define VIRTIO_MMIO_SHM_LEN_LOW 0x0b0
#define VIRTIO_MMIO_SHM_LEN_HIGH 0x0b4
#define VIRTIO_MMIO_SHM_BASE_LOW 0x0b8
#define VIRTIO_MMIO_SHM_BASE_HIGH 0x0bc
#define VIRTIO_MMIO_QUEUE_RESET 0x0c0 /* with VIRTIO_F_RING_RESET */
#define VIRTIO_MMIO_CONFIG_GENERATION 0x0fc /* read-only */
#define VIRTIO_MMIO_CONFIG 0x100 /* the device's own; accesses as wide as its fields, 32 for 64 */

#define VIRTIO_MMIO_MAGIC 0x74726976u
#define VIRTIO_MMIO_VERSION_1 2u /* the value of VERSION for VIRTIO_F_VERSION_1 */

/* INTERRUPT_STATUS and INTERRUPT_ACK. */
#define VIRTIO_MMIO_INT_QUEUE 0x1u
#define VIRTIO_MMIO_INT_CONFIG 0x2u

#endif /* SPEC_VIRTIO_H */
