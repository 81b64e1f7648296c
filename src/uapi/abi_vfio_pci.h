/* SPDX-License-Identifier: MIT */
/*
 * abi_vfio_pci.h - Linux's user ABI of a VFIO device's own commands: numbers and layouts, as <linux/vfio.h> has them
 *
 * They are facts of an interface, spelled out because a host need not have that header.
 */
#ifndef UIOMMU_SRC_UAPI_ABI_VFIO_PCI_H
#define UIOMMU_SRC_UAPI_ABI_VFIO_PCI_H

#include <stdint.h>

enum abi_vfio_device_command {
	ABI_VFIO_DEVICE_GET_INFO = 0x3b6b,
	ABI_VFIO_DEVICE_GET_REGION_INFO = 0x3b6c,
	ABI_VFIO_DEVICE_GET_IRQ_INFO = 0x3b6d,
	ABI_VFIO_DEVICE_SET_IRQS = 0x3b6e,
	ABI_VFIO_DEVICE_RESET = 0x3b6f,
	ABI_VFIO_DEVICE_GET_PCI_HOT_RESET_INFO = 0x3b70,
	ABI_VFIO_DEVICE_PCI_HOT_RESET = 0x3b71,
	ABI_VFIO_DEVICE_IOEVENTFD = 0x3b74,
	ABI_VFIO_DEVICE_FEATURE = 0x3b75,
};

struct abi_vfio_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
	uint32_t cap_offset;
	uint32_t pad;
};
_Static_assert(sizeof(struct abi_vfio_device_info) == 24, "ABI");

enum abi_vfio_device_flags {
	ABI_VFIO_DEVICE_FLAGS_RESET = 1u << 0,
	ABI_VFIO_DEVICE_FLAGS_PCI = 1u << 1,
};

struct abi_vfio_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};
_Static_assert(sizeof(struct abi_vfio_region_info) == 32, "ABI");

enum abi_vfio_region_info_flags {
	ABI_VFIO_REGION_INFO_FLAG_READ = 1u << 0,
	ABI_VFIO_REGION_INFO_FLAG_WRITE = 1u << 1,
};

struct abi_vfio_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};
_Static_assert(sizeof(struct abi_vfio_irq_info) == 16, "ABI");

enum abi_vfio_irq_info_flags {
	ABI_VFIO_IRQ_INFO_EVENTFD = 1u << 0,
	ABI_VFIO_IRQ_INFO_MASKABLE = 1u << 1,
	ABI_VFIO_IRQ_INFO_AUTOMASKED = 1u << 2,
	ABI_VFIO_IRQ_INFO_NORESIZE = 1u << 3,
};

/* Data follows. */
struct abi_vfio_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};
_Static_assert(sizeof(struct abi_vfio_irq_set) == 20, "ABI");

enum abi_vfio_irq_set_flags {
	ABI_VFIO_IRQ_SET_DATA_NONE = 1u << 0,
	ABI_VFIO_IRQ_SET_DATA_BOOL = 1u << 1,
	ABI_VFIO_IRQ_SET_DATA_EVENTFD = 1u << 2,
	ABI_VFIO_IRQ_SET_ACTION_MASK = 1u << 3,
	ABI_VFIO_IRQ_SET_ACTION_UNMASK = 1u << 4,
	ABI_VFIO_IRQ_SET_ACTION_TRIGGER = 1u << 5,
};

struct abi_vfio_device_ioeventfd {
	uint32_t argsz;
	uint32_t flags; /* the width of the write, in bytes */
	uint64_t offset;
	uint64_t data;
	int32_t fd;
	uint32_t reserved;
};
_Static_assert(sizeof(struct abi_vfio_device_ioeventfd) == 32, "ABI");

enum abi_vfio_device_feature_flags {
	ABI_VFIO_DEVICE_FEATURE_MASK = 0xffffu,
	ABI_VFIO_DEVICE_FEATURE_GET = 1u << 16,
	ABI_VFIO_DEVICE_FEATURE_SET = 1u << 17,
	ABI_VFIO_DEVICE_FEATURE_PROBE = 1u << 18,
};

enum abi_vfio_device_feature {
	ABI_VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY = 3,
	ABI_VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP = 4,
	ABI_VFIO_DEVICE_FEATURE_LOW_POWER_EXIT = 5,
	ABI_VFIO_DEVICE_FEATURE_DMA_BUF = 11,
	ABI_VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOV2 = 12,
};

#endif /* UIOMMU_SRC_UAPI_ABI_VFIO_PCI_H */
