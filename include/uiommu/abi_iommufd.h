/* SPDX-License-Identifier: MIT */
/*
 * uiommu/abi_iommufd.h - what user space sends through /dev/iommu: numbers and layouts
 *
 * They are facts of Linux's user ABI, as it stands in version 7.2 (its linux/iommufd.h, whose names these have
 * behind "abi_").  tests/uapi compares each size and offset with that header where it is installed.  All
 * structs begin with their size as the user knows it; fields called reserved must be zero.
 */
#ifndef UIOMMU_ABI_IOMMUFD_H
#define UIOMMU_ABI_IOMMUFD_H

#include <stdint.h>

#define ABI_IOCTL_BASE 0x3b00u /* _IO(';', n) */

enum abi_iommufd_command {
	ABI_IOMMU_DESTROY = 0x3b80,
	ABI_IOMMU_IOAS_ALLOC = 0x3b81,
	ABI_IOMMU_IOAS_ALLOW_IOVAS = 0x3b82,
	ABI_IOMMU_IOAS_COPY = 0x3b83,
	ABI_IOMMU_IOAS_IOVA_RANGES = 0x3b84,
	ABI_IOMMU_IOAS_MAP = 0x3b85,
	ABI_IOMMU_IOAS_UNMAP = 0x3b86,
	ABI_IOMMU_OPTION = 0x3b87,
	ABI_IOMMU_VFIO_IOAS = 0x3b88,
	ABI_IOMMU_HWPT_ALLOC = 0x3b89,
	ABI_IOMMU_GET_HW_INFO = 0x3b8a,
	ABI_IOMMU_HWPT_SET_DIRTY_TRACKING = 0x3b8b,
	ABI_IOMMU_HWPT_GET_DIRTY_BITMAP = 0x3b8c,
	ABI_IOMMU_HWPT_INVALIDATE = 0x3b8d,
	ABI_IOMMU_FAULT_QUEUE_ALLOC = 0x3b8e,
	ABI_IOMMU_IOAS_MAP_FILE = 0x3b8f,
	ABI_IOMMU_VIOMMU_ALLOC = 0x3b90,
	ABI_IOMMU_VDEVICE_ALLOC = 0x3b91,
	ABI_IOMMU_IOAS_CHANGE_PROCESS = 0x3b92,
	ABI_IOMMU_VEVENTQ_ALLOC = 0x3b93,
	ABI_IOMMU_HW_QUEUE_ALLOC = 0x3b94,
};

struct abi_iommu_destroy {
	uint32_t size;
	uint32_t id;
};

struct abi_iommu_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

struct abi_iommu_iova_range {
	uint64_t start;
	uint64_t last; /* inclusive */
};

struct abi_iommu_ioas_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas; /* in: room; out: how many there are */
	uint32_t reserved;
	uint64_t allowed_iovas; /* pointer to abi_iommu_iova_range */
	uint64_t out_iova_alignment;
};

struct abi_iommu_ioas_allow_iovas {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas;
};

enum abi_iommu_ioas_map_flags {
	ABI_IOMMU_IOAS_MAP_FIXED_IOVA = 1u << 0,
	ABI_IOMMU_IOAS_MAP_WRITEABLE = 1u << 1,
	ABI_IOMMU_IOAS_MAP_READABLE = 1u << 2,
};

struct abi_iommu_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};

struct abi_iommu_ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

struct abi_iommu_ioas_copy {
	uint32_t size;
	uint32_t flags;
	uint32_t dst_ioas_id;
	uint32_t src_ioas_id;
	uint64_t length;
	uint64_t dst_iova;
	uint64_t src_iova;
};

struct abi_iommu_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};

enum abi_iommu_option_id {
	ABI_IOMMU_OPTION_RLIMIT_MODE = 0,
	ABI_IOMMU_OPTION_HUGE_PAGES = 1,
};

enum abi_iommu_option_op {
	ABI_IOMMU_OPTION_OP_SET = 0,
	ABI_IOMMU_OPTION_OP_GET = 1,
};

struct abi_iommu_option {
	uint32_t size;
	uint32_t option_id;
	uint16_t op;
	uint16_t reserved;
	uint32_t object_id;
	uint64_t val64;
};

enum abi_iommu_vfio_ioas_op {
	ABI_IOMMU_VFIO_IOAS_GET = 0,
	ABI_IOMMU_VFIO_IOAS_SET = 1,
	ABI_IOMMU_VFIO_IOAS_CLEAR = 2,
};

struct abi_iommu_vfio_ioas {
	uint32_t size;
	uint32_t ioas_id;
	uint16_t op;
	uint16_t reserved;
};

enum abi_iommu_hwpt_alloc_flags {
	ABI_IOMMU_HWPT_ALLOC_NEST_PARENT = 1u << 0,
	ABI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 1u << 1,
	ABI_IOMMU_HWPT_FAULT_ID_VALID = 1u << 2,
	ABI_IOMMU_HWPT_ALLOC_PASID = 1u << 3,
};

enum abi_iommu_hwpt_data_type {
	ABI_IOMMU_HWPT_DATA_NONE = 0,
	ABI_IOMMU_HWPT_DATA_VTD_S1 = 1,
	ABI_IOMMU_HWPT_DATA_ARM_SMMUV3 = 2,
	ABI_IOMMU_HWPT_DATA_AMD_GUEST = 3,
};

struct abi_iommu_hwpt_vtd_s1 {
	uint64_t flags; /* bits: SRE, EAFE, WPE */
	uint64_t pgtbl_addr;
	uint32_t addr_width;
	uint32_t reserved;
};

struct abi_iommu_hwpt_arm_smmuv3 {
	uint64_t ste[2];
};

struct abi_iommu_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pt_id;
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t fault_id;
	uint32_t reserved2; /* not checked */
};

enum abi_iommu_hw_info_type {
	ABI_IOMMU_HW_INFO_TYPE_NONE = 0,
	ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD = 1,
	ABI_IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2,
};

enum abi_iommu_hw_info_flags {
	ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE = 1u << 0,
};

enum abi_iommu_hw_capabilities {
	ABI_IOMMU_HW_CAP_DIRTY_TRACKING = 1u << 0,
	ABI_IOMMU_HW_CAP_PCI_PASID_EXEC = 1u << 1,
	ABI_IOMMU_HW_CAP_PCI_PASID_PRIV = 1u << 2,
	ABI_IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED = 1u << 3,
};

struct abi_iommu_hw_info_vtd {
	uint32_t flags;
	uint32_t reserved;
	uint64_t cap_reg;
	uint64_t ecap_reg;
};

struct abi_iommu_hw_info_arm_smmuv3 {
	uint32_t flags;
	uint32_t reserved;
	uint32_t idr[6];
	uint32_t iidr;
	uint32_t aidr;
};

struct abi_iommu_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len;
	uint64_t data_uptr;
	uint32_t data_type; /* in, with the flag; out */
	uint8_t out_max_pasid_log2;
	uint8_t reserved[3];
	uint64_t out_capabilities;
};

enum abi_iommu_hwpt_set_dirty_tracking_flags {
	ABI_IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1u << 0,
};

struct abi_iommu_hwpt_set_dirty_tracking {
	uint32_t size;
	uint32_t flags;
	uint32_t hwpt_id;
	uint32_t reserved; /* not checked */
};

enum abi_iommu_hwpt_get_dirty_bitmap_flags {
	ABI_IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1u << 0,
};

struct abi_iommu_hwpt_get_dirty_bitmap {
	uint32_t size;
	uint32_t hwpt_id;
	uint32_t flags;
	uint32_t reserved;
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint64_t data; /* pointer to a bitmap, little-endian within bytes */
};

enum abi_iommu_hwpt_invalidate_data_type {
	ABI_IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0,
	ABI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1,
};

struct abi_iommu_hwpt_vtd_s1_invalidate {
	uint64_t addr;
	uint64_t npages;
	uint32_t flags; /* bit: LEAF */
	uint32_t reserved;
};

struct abi_iommu_viommu_arm_smmuv3_invalidate {
	uint64_t cmd[2];
};

struct abi_iommu_hwpt_invalidate {
	uint32_t size;
	uint32_t hwpt_id;
	uint64_t data_uptr;
	uint32_t data_type;
	uint32_t entry_len;
	uint32_t entry_num;
	uint32_t reserved;
};

struct abi_iommu_fault_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_fault_id;
	uint32_t out_fault_fd;
};

enum abi_iommu_hwpt_pgfault_flags {
	ABI_IOMMU_PGFAULT_FLAGS_PASID_VALID = 1u << 0,
	ABI_IOMMU_PGFAULT_FLAGS_LAST_PAGE = 1u << 1,
};

enum abi_iommu_hwpt_pgfault_perm {
	ABI_IOMMU_PGFAULT_PERM_READ = 1u << 0,
	ABI_IOMMU_PGFAULT_PERM_WRITE = 1u << 1,
	ABI_IOMMU_PGFAULT_PERM_EXEC = 1u << 2,
	ABI_IOMMU_PGFAULT_PERM_PRIV = 1u << 3,
};

/* What is read from a fault queue. */
struct abi_iommu_hwpt_pgfault {
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pasid;
	uint32_t grpid;
	uint32_t perm;
	uint32_t reserved;
	uint64_t addr;
	uint32_t length;
	uint32_t cookie;
};

/* What is written to it. */
struct abi_iommu_hwpt_page_response {
	uint32_t cookie;
	uint32_t code; /* 0: success, 1: invalid */
};

enum abi_iommu_viommu_type {
	ABI_IOMMU_VIOMMU_TYPE_DEFAULT = 0,
	ABI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1,
};

struct abi_iommu_viommu_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t type;
	uint32_t dev_id;
	uint32_t hwpt_id;
	uint32_t out_viommu_id;
	uint32_t data_len;
	uint32_t reserved;
	uint64_t data_uptr;
};

struct abi_iommu_vdevice_alloc {
	uint32_t size;
	uint32_t viommu_id;
	uint32_t dev_id;
	uint32_t out_vdevice_id;
	uint64_t virt_id;
};

struct abi_iommu_ioas_change_process {
	uint32_t size;
	uint32_t reserved;
};

struct abi_iommu_veventq_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t veventq_depth;
	uint32_t out_veventq_id;
	uint32_t out_veventq_fd;
	uint32_t reserved;
};

enum abi_iommu_veventq_type {
	ABI_IOMMU_VEVENTQ_TYPE_DEFAULT = 0,
	ABI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 = 1,
	ABI_IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV = 2,
};

enum abi_iommu_veventq_flags {
	ABI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS = 1u << 0,
};

struct abi_iommufd_vevent_header {
	uint32_t flags;
	uint32_t sequence;
};

struct abi_iommu_vevent_arm_smmuv3 {
	uint64_t evt[4];
};

enum abi_iommu_hw_queue_type {
	ABI_IOMMU_HW_QUEUE_TYPE_DEFAULT = 0,
	ABI_IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV = 1,
};

struct abi_iommu_hw_queue_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t viommu_id;
	uint32_t type;
	uint32_t index;
	uint32_t out_hw_queue_id;
	uint64_t nesting_parent_iova;
	uint64_t length;
};

#endif /* UIOMMU_ABI_IOMMUFD_H */
