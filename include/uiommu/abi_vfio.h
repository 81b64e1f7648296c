/* SPDX-License-Identifier: MIT */
/*
 * uiommu/abi_vfio.h - Linux's user ABI for VFIO: numbers and layouts, as <linux/vfio.h> has them
 *
 * They are facts of an interface, as it stands in Linux 7.2, spelled out because a host need not have that header, or
 * has an older one; the names are its own behind "abi_".  A program may as well include the system's: sizes,
 * offsets and numbers are compared in tests/uapi.  Commands mean what they mean to the kind of file that gets them:
 * some numbers have several meanings.
 *
 * Structs begin with argsz, the size that the caller's buffer has; in structs that a command fills in it may be
 * larger, for capabilities that follow.
 */
#ifndef UIOMMU_ABI_VFIO_H
#define UIOMMU_ABI_VFIO_H

#include <stdint.h>

/* ---- containers -------------------------------------------------------------------------------- */

enum abi_vfio_container_command {
	ABI_VFIO_GET_API_VERSION = 0x3b64,
	ABI_VFIO_CHECK_EXTENSION = 0x3b65,
	ABI_VFIO_SET_IOMMU = 0x3b66,
	/* Of type 1: */
	ABI_VFIO_IOMMU_GET_INFO = 0x3b70,
	ABI_VFIO_IOMMU_MAP_DMA = 0x3b71,
	ABI_VFIO_IOMMU_UNMAP_DMA = 0x3b72,
	ABI_VFIO_IOMMU_DIRTY_PAGES = 0x3b75,
};

#define ABI_VFIO_API_VERSION 0

enum abi_vfio_extension {
	ABI_VFIO_TYPE1_IOMMU = 1,
	ABI_VFIO_SPAPR_TCE_IOMMU = 2,
	ABI_VFIO_TYPE1V2_IOMMU = 3,
	ABI_VFIO_DMA_CC_IOMMU = 4,
	ABI_VFIO_EEH = 5,
	ABI_VFIO_TYPE1_NESTING_IOMMU = 6, /* reserved now */
	ABI_VFIO_SPAPR_TCE_V2_IOMMU = 7,
	ABI_VFIO_NOIOMMU_IOMMU = 8,
	ABI_VFIO_UNMAP_ALL = 9,
	ABI_VFIO_UPDATE_VADDR = 10,
};

struct abi_vfio_info_cap_header {
	uint16_t id;
	uint16_t version;
	uint32_t next; /* from the start of the struct; 0: the last */
};

struct abi_vfio_iommu_type1_info {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova_pgsizes;
	uint32_t cap_offset;
	uint32_t pad;
};

enum abi_vfio_iommu_info_flags {
	ABI_VFIO_IOMMU_INFO_PGSIZES = 1u << 0,
	ABI_VFIO_IOMMU_INFO_CAPS = 1u << 1,
};

enum abi_vfio_iommu_type1_info_cap {
	ABI_VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1,
	ABI_VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION = 2,
	ABI_VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL = 3,
};

struct abi_vfio_iova_range {
	uint64_t start;
	uint64_t end; /* inclusive */
};

/* Ranges follow. */
struct abi_vfio_iommu_type1_info_cap_iova_range {
	struct abi_vfio_info_cap_header header;
	uint32_t nr_iovas;
	uint32_t reserved;
};

struct abi_vfio_iommu_type1_info_cap_migration {
	struct abi_vfio_info_cap_header header;
	uint32_t flags;
	uint64_t pgsize_bitmap;
	uint64_t max_dirty_bitmap_size; /* in bytes */
};

struct abi_vfio_iommu_type1_info_dma_avail {
	struct abi_vfio_info_cap_header header;
	uint32_t avail;
};

struct abi_vfio_iommu_type1_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t vaddr;
	uint64_t iova;
	uint64_t size;
};

enum abi_vfio_dma_map_flags {
	ABI_VFIO_DMA_MAP_FLAG_READ = 1u << 0,
	ABI_VFIO_DMA_MAP_FLAG_WRITE = 1u << 1,
	ABI_VFIO_DMA_MAP_FLAG_VADDR = 1u << 2,
};

struct abi_vfio_bitmap {
	uint64_t pgsize;
	uint64_t size; /* in bytes */
	uint64_t data; /* a pointer */
};

/* A struct abi_vfio_bitmap may follow. */
struct abi_vfio_iommu_type1_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size; /* out: what was unmapped */
};

enum abi_vfio_dma_unmap_flags {
	ABI_VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP = 1u << 0,
	ABI_VFIO_DMA_UNMAP_FLAG_ALL = 1u << 1,
	ABI_VFIO_DMA_UNMAP_FLAG_VADDR = 1u << 2,
};

/* A struct abi_vfio_iommu_type1_dirty_bitmap_get may follow. */
struct abi_vfio_iommu_type1_dirty_bitmap {
	uint32_t argsz;
	uint32_t flags;
};

enum abi_vfio_dirty_pages_flags {
	ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_START = 1u << 0,
	ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP = 1u << 1,
	ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP = 1u << 2,
};

struct abi_vfio_iommu_type1_dirty_bitmap_get {
	uint64_t iova;
	uint64_t size;
	struct abi_vfio_bitmap bitmap;
};

/* ---- groups ------------------------------------------------------------------------------------ */

enum abi_vfio_group_command {
	ABI_VFIO_GROUP_GET_STATUS = 0x3b67,
	ABI_VFIO_GROUP_SET_CONTAINER = 0x3b68, /* a pointer to a descriptor, int32_t */
	ABI_VFIO_GROUP_UNSET_CONTAINER = 0x3b69,
	ABI_VFIO_GROUP_GET_DEVICE_FD = 0x3b6a, /* a pointer to a string */
};

struct abi_vfio_group_status {
	uint32_t argsz;
	uint32_t flags;
};

enum abi_vfio_group_flags {
	ABI_VFIO_GROUP_FLAGS_VIABLE = 1u << 0,
	ABI_VFIO_GROUP_FLAGS_CONTAINER_SET = 1u << 1,
};

/* ---- devices ----------------------------------------------------------------------------------- */

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
	ABI_VFIO_DEVICE_BIND_IOMMUFD = 0x3b76,
	ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT = 0x3b77,
	ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT = 0x3b78,
};

struct abi_vfio_device_bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr;
};

enum abi_vfio_device_bind_flags {
	ABI_VFIO_DEVICE_BIND_FLAG_TOKEN = 1u << 0,
};

struct abi_vfio_device_attach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id; /* an IOAS or HWPT; out: the HWPT */
	uint32_t pasid;
};

enum abi_vfio_device_attach_flags {
	ABI_VFIO_DEVICE_ATTACH_PASID = 1u << 0,
};

struct abi_vfio_device_detach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};

enum abi_vfio_device_detach_flags {
	ABI_VFIO_DEVICE_DETACH_PASID = 1u << 0,
};

struct abi_vfio_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
	uint32_t cap_offset;
	uint32_t pad;
};

enum abi_vfio_device_flags {
	ABI_VFIO_DEVICE_FLAGS_RESET = 1u << 0,
	ABI_VFIO_DEVICE_FLAGS_PCI = 1u << 1,
	ABI_VFIO_DEVICE_FLAGS_PLATFORM = 1u << 2,
	ABI_VFIO_DEVICE_FLAGS_CAPS = 1u << 7,
};

struct abi_vfio_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};

enum abi_vfio_region_info_flags {
	ABI_VFIO_REGION_INFO_FLAG_READ = 1u << 0,
	ABI_VFIO_REGION_INFO_FLAG_WRITE = 1u << 1,
	ABI_VFIO_REGION_INFO_FLAG_MMAP = 1u << 2,
	ABI_VFIO_REGION_INFO_FLAG_CAPS = 1u << 3,
};

#define ABI_VFIO_REGION_INFO_CAP_MSIX_MAPPABLE 3 /* only a header */

struct abi_vfio_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

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

enum abi_vfio_irq_set_flags {
	ABI_VFIO_IRQ_SET_DATA_NONE = 1u << 0,
	ABI_VFIO_IRQ_SET_DATA_BOOL = 1u << 1,
	ABI_VFIO_IRQ_SET_DATA_EVENTFD = 1u << 2,
	ABI_VFIO_IRQ_SET_ACTION_MASK = 1u << 3,
	ABI_VFIO_IRQ_SET_ACTION_UNMASK = 1u << 4,
	ABI_VFIO_IRQ_SET_ACTION_TRIGGER = 1u << 5,
};

/* Entries follow: a struct abi_vfio_pci_dependent_device each. */
struct abi_vfio_pci_hot_reset_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t count;
};

enum abi_vfio_pci_hot_reset_flags {
	ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID = 1u << 0,
	ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED = 1u << 1,
};

#define ABI_VFIO_PCI_DEVID_OWNED 0
#define ABI_VFIO_PCI_DEVID_NOT_OWNED (-1)

struct abi_vfio_pci_dependent_device {
	uint32_t group_id; /* or devid */
	uint16_t segment;
	uint8_t bus;
	uint8_t devfn;
};

/* Descriptors of groups follow, int32_t each. */
struct abi_vfio_pci_hot_reset {
	uint32_t argsz;
	uint32_t flags;
	uint32_t count;
};

struct abi_vfio_device_ioeventfd {
	uint32_t argsz;
	uint32_t flags; /* the width of the write, in bytes */
	uint64_t offset;
	uint64_t data;
	int32_t fd;
	uint32_t reserved;
};

/* Data follows. */
struct abi_vfio_device_feature {
	uint32_t argsz;
	uint32_t flags;
};

enum abi_vfio_device_feature_flags {
	ABI_VFIO_DEVICE_FEATURE_MASK = 0xffffu,
	ABI_VFIO_DEVICE_FEATURE_GET = 1u << 16,
	ABI_VFIO_DEVICE_FEATURE_SET = 1u << 17,
	ABI_VFIO_DEVICE_FEATURE_PROBE = 1u << 18,
};

enum abi_vfio_device_feature_number {
	ABI_VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY = 3,
	ABI_VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP = 4,
	ABI_VFIO_DEVICE_FEATURE_LOW_POWER_EXIT = 5,
	ABI_VFIO_DEVICE_FEATURE_DMA_BUF = 11,
	ABI_VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOV2 = 12,
};

#endif /* UIOMMU_ABI_VFIO_H */
