/* SPDX-License-Identifier: MIT */
/*
 * abi_vfio.c - the layouts of VFIO's user ABI: sizes, offsets, numbers
 *
 * The table is the ABI as documented for Linux 7.2.  It is held against uiommu/abi_vfio.h while this is compiled, and
 * against the system's <linux/vfio.h> if that has at least what Linux 6.1 had (UAPI_TEST_VFIO).  Parts that came
 * later are compared where the header has them: the build finds members, macros say the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/abi_vfio.h>

#ifdef UAPI_TEST_VFIO
#include <linux/vfio.h>
#define LINUX_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), "Linux's " #type)
#define LINUX_AT(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), "Linux's " #type "." #field)
#define LINUX_NUMBER(name, number) _Static_assert((long)(name) == (number), "Linux's " #name)
#else /* declares again what there is */
#define LINUX_SIZE(type, bytes) struct abi_##type
#define LINUX_AT(type, field, offset) struct abi_##type
#define LINUX_NUMBER(name, number) struct abi_vfio_group_status
#endif

/* What Linux has had for long ... */
#define SIZE(type, bytes)      \
	OWN_SIZE(type, bytes); \
	LINUX_SIZE(type, bytes)
#define AT(type, field, offset)      \
	OWN_AT(type, field, offset); \
	LINUX_AT(type, field, offset)
/* By itself, since Linux's names are macros that would be expanded on the way to another. */
#define NUMBER(name, number)                                   \
	_Static_assert((long)(ABI_##name) == (number), #name); \
	LINUX_NUMBER(name, number)
#define NUMBER_NAMED(name, linux_name, number)                 \
	_Static_assert((long)(ABI_##name) == (number), #name); \
	LINUX_NUMBER(linux_name, number)
/* ... and what it may not have yet. */
#define OWN_SIZE(type, bytes) _Static_assert(sizeof(struct abi_##type) == (bytes), #type)
#define OWN_AT(type, field, offset) \
	_Static_assert(offsetof(struct abi_##type, field) == (offset), #type "." #field)
#define OWN_NUMBER(name, number) _Static_assert((long)(ABI_##name) == (number), #name)

/* ---- containers -------------------------------------------------------------------------------- */

NUMBER(VFIO_API_VERSION, 0);
NUMBER(VFIO_GET_API_VERSION, 0x3b64);
NUMBER(VFIO_CHECK_EXTENSION, 0x3b65);
NUMBER(VFIO_SET_IOMMU, 0x3b66);
NUMBER(VFIO_IOMMU_GET_INFO, 0x3b70);
NUMBER(VFIO_IOMMU_MAP_DMA, 0x3b71);
NUMBER(VFIO_IOMMU_UNMAP_DMA, 0x3b72);
NUMBER(VFIO_IOMMU_DIRTY_PAGES, 0x3b75);

NUMBER(VFIO_TYPE1_IOMMU, 1);
NUMBER(VFIO_SPAPR_TCE_IOMMU, 2);
NUMBER_NAMED(VFIO_TYPE1V2_IOMMU, VFIO_TYPE1v2_IOMMU, 3);
NUMBER(VFIO_DMA_CC_IOMMU, 4);
NUMBER(VFIO_EEH, 5);
OWN_NUMBER(VFIO_TYPE1_NESTING_IOMMU, 6); /* gone from newer headers */
NUMBER_NAMED(VFIO_SPAPR_TCE_V2_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU, 7);
NUMBER(VFIO_NOIOMMU_IOMMU, 8);
NUMBER(VFIO_UNMAP_ALL, 9);
NUMBER(VFIO_UPDATE_VADDR, 10);

SIZE(vfio_info_cap_header, 8);
AT(vfio_info_cap_header, id, 0);
AT(vfio_info_cap_header, version, 2);
AT(vfio_info_cap_header, next, 4);

SIZE(vfio_iommu_type1_info, 24);
AT(vfio_iommu_type1_info, argsz, 0);
AT(vfio_iommu_type1_info, flags, 4);
AT(vfio_iommu_type1_info, iova_pgsizes, 8);
AT(vfio_iommu_type1_info, cap_offset, 16);
OWN_AT(vfio_iommu_type1_info, pad, 20);
#ifdef UAPI_TEST_VFIO_TYPE1_PAD
LINUX_AT(vfio_iommu_type1_info, pad, 20);
#endif
NUMBER(VFIO_IOMMU_INFO_PGSIZES, 1);
NUMBER(VFIO_IOMMU_INFO_CAPS, 2);

NUMBER(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1);
NUMBER(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 2);
NUMBER(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 3);

SIZE(vfio_iova_range, 16);
AT(vfio_iova_range, start, 0);
AT(vfio_iova_range, end, 8);

SIZE(vfio_iommu_type1_info_cap_iova_range, 16);
AT(vfio_iommu_type1_info_cap_iova_range, header, 0);
AT(vfio_iommu_type1_info_cap_iova_range, nr_iovas, 8);
AT(vfio_iommu_type1_info_cap_iova_range, reserved, 12);

SIZE(vfio_iommu_type1_info_cap_migration, 32);
AT(vfio_iommu_type1_info_cap_migration, header, 0);
AT(vfio_iommu_type1_info_cap_migration, flags, 8);
AT(vfio_iommu_type1_info_cap_migration, pgsize_bitmap, 16);
AT(vfio_iommu_type1_info_cap_migration, max_dirty_bitmap_size, 24);

SIZE(vfio_iommu_type1_info_dma_avail, 12);
AT(vfio_iommu_type1_info_dma_avail, header, 0);
AT(vfio_iommu_type1_info_dma_avail, avail, 8);

SIZE(vfio_iommu_type1_dma_map, 32);
AT(vfio_iommu_type1_dma_map, argsz, 0);
AT(vfio_iommu_type1_dma_map, flags, 4);
AT(vfio_iommu_type1_dma_map, vaddr, 8);
AT(vfio_iommu_type1_dma_map, iova, 16);
AT(vfio_iommu_type1_dma_map, size, 24);
NUMBER(VFIO_DMA_MAP_FLAG_READ, 1);
NUMBER(VFIO_DMA_MAP_FLAG_WRITE, 2);
NUMBER(VFIO_DMA_MAP_FLAG_VADDR, 4);

SIZE(vfio_bitmap, 24);
AT(vfio_bitmap, pgsize, 0);
AT(vfio_bitmap, size, 8);
AT(vfio_bitmap, data, 16);

SIZE(vfio_iommu_type1_dma_unmap, 24);
AT(vfio_iommu_type1_dma_unmap, argsz, 0);
AT(vfio_iommu_type1_dma_unmap, flags, 4);
AT(vfio_iommu_type1_dma_unmap, iova, 8);
AT(vfio_iommu_type1_dma_unmap, size, 16);
NUMBER(VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, 1);
NUMBER(VFIO_DMA_UNMAP_FLAG_ALL, 2);
NUMBER(VFIO_DMA_UNMAP_FLAG_VADDR, 4);

SIZE(vfio_iommu_type1_dirty_bitmap, 8);
AT(vfio_iommu_type1_dirty_bitmap, argsz, 0);
AT(vfio_iommu_type1_dirty_bitmap, flags, 4);
NUMBER(VFIO_IOMMU_DIRTY_PAGES_FLAG_START, 1);
NUMBER(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP, 2);
NUMBER(VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP, 4);

SIZE(vfio_iommu_type1_dirty_bitmap_get, 40);
AT(vfio_iommu_type1_dirty_bitmap_get, iova, 0);
AT(vfio_iommu_type1_dirty_bitmap_get, size, 8);
AT(vfio_iommu_type1_dirty_bitmap_get, bitmap, 16);

/* ---- groups ------------------------------------------------------------------------------------ */

NUMBER(VFIO_GROUP_GET_STATUS, 0x3b67);
NUMBER(VFIO_GROUP_SET_CONTAINER, 0x3b68);
NUMBER(VFIO_GROUP_UNSET_CONTAINER, 0x3b69);
NUMBER(VFIO_GROUP_GET_DEVICE_FD, 0x3b6a);

SIZE(vfio_group_status, 8);
AT(vfio_group_status, argsz, 0);
AT(vfio_group_status, flags, 4);
NUMBER(VFIO_GROUP_FLAGS_VIABLE, 1);
NUMBER(VFIO_GROUP_FLAGS_CONTAINER_SET, 2);

/* ---- devices ----------------------------------------------------------------------------------- */

NUMBER(VFIO_DEVICE_GET_INFO, 0x3b6b);
NUMBER(VFIO_DEVICE_GET_REGION_INFO, 0x3b6c);
NUMBER(VFIO_DEVICE_GET_IRQ_INFO, 0x3b6d);
NUMBER(VFIO_DEVICE_SET_IRQS, 0x3b6e);
NUMBER(VFIO_DEVICE_RESET, 0x3b6f);
NUMBER(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, 0x3b70);
NUMBER(VFIO_DEVICE_PCI_HOT_RESET, 0x3b71);
NUMBER(VFIO_DEVICE_IOEVENTFD, 0x3b74);
NUMBER(VFIO_DEVICE_FEATURE, 0x3b75);
OWN_NUMBER(VFIO_DEVICE_BIND_IOMMUFD, 0x3b76);
OWN_NUMBER(VFIO_DEVICE_ATTACH_IOMMUFD_PT, 0x3b77);
OWN_NUMBER(VFIO_DEVICE_DETACH_IOMMUFD_PT, 0x3b78);

OWN_SIZE(vfio_device_bind_iommufd, 24);
OWN_AT(vfio_device_bind_iommufd, argsz, 0);
OWN_AT(vfio_device_bind_iommufd, flags, 4);
OWN_AT(vfio_device_bind_iommufd, iommufd, 8);
OWN_AT(vfio_device_bind_iommufd, out_devid, 12);
OWN_AT(vfio_device_bind_iommufd, token_uuid_ptr, 16);
OWN_NUMBER(VFIO_DEVICE_BIND_FLAG_TOKEN, 1);

OWN_SIZE(vfio_device_attach_iommufd_pt, 16);
OWN_AT(vfio_device_attach_iommufd_pt, argsz, 0);
OWN_AT(vfio_device_attach_iommufd_pt, flags, 4);
OWN_AT(vfio_device_attach_iommufd_pt, pt_id, 8);
OWN_AT(vfio_device_attach_iommufd_pt, pasid, 12);
OWN_NUMBER(VFIO_DEVICE_ATTACH_PASID, 1);

OWN_SIZE(vfio_device_detach_iommufd_pt, 12);
OWN_AT(vfio_device_detach_iommufd_pt, argsz, 0);
OWN_AT(vfio_device_detach_iommufd_pt, flags, 4);
OWN_AT(vfio_device_detach_iommufd_pt, pasid, 8);
OWN_NUMBER(VFIO_DEVICE_DETACH_PASID, 1);

/* Linux 6.6, and what it got later. */
#ifdef VFIO_DEVICE_BIND_IOMMUFD
LINUX_NUMBER(VFIO_DEVICE_BIND_IOMMUFD, 0x3b76);
LINUX_NUMBER(VFIO_DEVICE_ATTACH_IOMMUFD_PT, 0x3b77);
LINUX_NUMBER(VFIO_DEVICE_DETACH_IOMMUFD_PT, 0x3b78);
LINUX_AT(vfio_device_bind_iommufd, argsz, 0);
LINUX_AT(vfio_device_bind_iommufd, flags, 4);
LINUX_AT(vfio_device_bind_iommufd, iommufd, 8);
LINUX_AT(vfio_device_bind_iommufd, out_devid, 12);
LINUX_AT(vfio_device_attach_iommufd_pt, argsz, 0);
LINUX_AT(vfio_device_attach_iommufd_pt, flags, 4);
LINUX_AT(vfio_device_attach_iommufd_pt, pt_id, 8);
LINUX_AT(vfio_device_detach_iommufd_pt, argsz, 0);
LINUX_AT(vfio_device_detach_iommufd_pt, flags, 4);
#endif
#ifdef UAPI_TEST_VFIO_TOKEN
LINUX_SIZE(vfio_device_bind_iommufd, 24);
LINUX_AT(vfio_device_bind_iommufd, token_uuid_ptr, 16);
LINUX_NUMBER(VFIO_DEVICE_BIND_FLAG_TOKEN, 1);
#endif
#ifdef UAPI_TEST_VFIO_PASID
LINUX_SIZE(vfio_device_attach_iommufd_pt, 16);
LINUX_AT(vfio_device_attach_iommufd_pt, pasid, 12);
LINUX_NUMBER(VFIO_DEVICE_ATTACH_PASID, 1);
LINUX_SIZE(vfio_device_detach_iommufd_pt, 12);
LINUX_AT(vfio_device_detach_iommufd_pt, pasid, 8);
LINUX_NUMBER(VFIO_DEVICE_DETACH_PASID, 1);
#endif

OWN_SIZE(vfio_device_info, 24);
AT(vfio_device_info, argsz, 0);
AT(vfio_device_info, flags, 4);
AT(vfio_device_info, num_regions, 8);
AT(vfio_device_info, num_irqs, 12);
AT(vfio_device_info, cap_offset, 16);
OWN_AT(vfio_device_info, pad, 20);
#ifdef UAPI_TEST_VFIO_INFO_PAD
LINUX_SIZE(vfio_device_info, 24);
LINUX_AT(vfio_device_info, pad, 20);
#endif
NUMBER(VFIO_DEVICE_FLAGS_RESET, 1);
NUMBER(VFIO_DEVICE_FLAGS_PCI, 2);
NUMBER(VFIO_DEVICE_FLAGS_PLATFORM, 4);
NUMBER(VFIO_DEVICE_FLAGS_CAPS, 0x80);

SIZE(vfio_region_info, 32);
AT(vfio_region_info, argsz, 0);
AT(vfio_region_info, flags, 4);
AT(vfio_region_info, index, 8);
AT(vfio_region_info, cap_offset, 12);
AT(vfio_region_info, size, 16);
AT(vfio_region_info, offset, 24);
NUMBER(VFIO_REGION_INFO_FLAG_READ, 1);
NUMBER(VFIO_REGION_INFO_FLAG_WRITE, 2);
NUMBER(VFIO_REGION_INFO_FLAG_MMAP, 4);
NUMBER(VFIO_REGION_INFO_FLAG_CAPS, 8);
NUMBER(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 3);

SIZE(vfio_irq_info, 16);
AT(vfio_irq_info, argsz, 0);
AT(vfio_irq_info, flags, 4);
AT(vfio_irq_info, index, 8);
AT(vfio_irq_info, count, 12);
NUMBER(VFIO_IRQ_INFO_EVENTFD, 1);
NUMBER(VFIO_IRQ_INFO_MASKABLE, 2);
NUMBER(VFIO_IRQ_INFO_AUTOMASKED, 4);
NUMBER(VFIO_IRQ_INFO_NORESIZE, 8);

SIZE(vfio_irq_set, 20);
AT(vfio_irq_set, argsz, 0);
AT(vfio_irq_set, flags, 4);
AT(vfio_irq_set, index, 8);
AT(vfio_irq_set, start, 12);
AT(vfio_irq_set, count, 16);
NUMBER(VFIO_IRQ_SET_DATA_NONE, 1);
NUMBER(VFIO_IRQ_SET_DATA_BOOL, 2);
NUMBER(VFIO_IRQ_SET_DATA_EVENTFD, 4);
NUMBER(VFIO_IRQ_SET_ACTION_MASK, 8);
NUMBER(VFIO_IRQ_SET_ACTION_UNMASK, 0x10);
NUMBER(VFIO_IRQ_SET_ACTION_TRIGGER, 0x20);

SIZE(vfio_pci_hot_reset_info, 12);
AT(vfio_pci_hot_reset_info, argsz, 0);
AT(vfio_pci_hot_reset_info, flags, 4);
AT(vfio_pci_hot_reset_info, count, 8);
OWN_NUMBER(VFIO_PCI_HOT_RESET_FLAG_DEV_ID, 1);
OWN_NUMBER(VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED, 2);
OWN_NUMBER(VFIO_PCI_DEVID_OWNED, 0);
OWN_NUMBER(VFIO_PCI_DEVID_NOT_OWNED, -1);
#ifdef VFIO_PCI_DEVID_OWNED /* 6.6 */
LINUX_NUMBER(VFIO_PCI_HOT_RESET_FLAG_DEV_ID, 1);
LINUX_NUMBER(VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED, 2);
LINUX_NUMBER(VFIO_PCI_DEVID_OWNED, 0);
LINUX_NUMBER(VFIO_PCI_DEVID_NOT_OWNED, -1);
LINUX_AT(vfio_pci_dependent_device, devid, 0);
#endif

SIZE(vfio_pci_dependent_device, 8);
AT(vfio_pci_dependent_device, group_id, 0);
AT(vfio_pci_dependent_device, segment, 4);
AT(vfio_pci_dependent_device, bus, 6);
AT(vfio_pci_dependent_device, devfn, 7);

SIZE(vfio_pci_hot_reset, 12);
AT(vfio_pci_hot_reset, argsz, 0);
AT(vfio_pci_hot_reset, flags, 4);
AT(vfio_pci_hot_reset, count, 8);

SIZE(vfio_device_ioeventfd, 32);
AT(vfio_device_ioeventfd, argsz, 0);
AT(vfio_device_ioeventfd, flags, 4);
AT(vfio_device_ioeventfd, offset, 8);
AT(vfio_device_ioeventfd, data, 16);
AT(vfio_device_ioeventfd, fd, 24);
OWN_AT(vfio_device_ioeventfd, reserved, 28);
#ifdef UAPI_TEST_VFIO_IOEVENTFD_RESERVED
LINUX_AT(vfio_device_ioeventfd, reserved, 28);
#endif

SIZE(vfio_device_feature, 8);
AT(vfio_device_feature, argsz, 0);
AT(vfio_device_feature, flags, 4);
NUMBER(VFIO_DEVICE_FEATURE_MASK, 0xffff);
NUMBER(VFIO_DEVICE_FEATURE_GET, 0x10000);
NUMBER(VFIO_DEVICE_FEATURE_SET, 0x20000);
NUMBER(VFIO_DEVICE_FEATURE_PROBE, 0x40000);
NUMBER(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, 3);
NUMBER(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, 4);
NUMBER(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, 5);
OWN_NUMBER(VFIO_DEVICE_FEATURE_DMA_BUF, 11);
#ifdef VFIO_DEVICE_FEATURE_DMA_BUF
LINUX_NUMBER(VFIO_DEVICE_FEATURE_DMA_BUF, 11);
#endif
OWN_NUMBER(VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOV2, 12);

/* ---- what was compared ------------------------------------------------------------------------- */

/* The comparison with the system's header is made while compiling: here one sees whether it was */
static void test_linux(void **state)
{
	(void)state;
#ifndef UAPI_TEST_VFIO
	print_message("<linux/vfio.h> is not installed, or older than Linux 6.1\n");
	skip();
#endif
}

/* The same for what came with Linux 6.6: a device's own file */
static void test_linux_cdev(void **state)
{
	(void)state;
#ifndef VFIO_DEVICE_BIND_IOMMUFD
	print_message("<linux/vfio.h> is not installed, or older than Linux 6.6\n");
	skip();
#endif
}

/* And with 6.15 and 6.18: PASIDs and tokens */
static void test_linux_newest(void **state)
{
	(void)state;
#if !defined(UAPI_TEST_VFIO_PASID) || !defined(UAPI_TEST_VFIO_TOKEN)
	print_message("<linux/vfio.h> is not installed, or older than Linux 6.18\n");
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux),
		cmocka_unit_test(test_linux_cdev),
		cmocka_unit_test(test_linux_newest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
