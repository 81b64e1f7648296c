/* SPDX-License-Identifier: MIT */
/*
 * abi.c - the layouts of the user ABI: sizes, offsets, numbers, and how large a struct a command wants
 *
 * The table is the ABI as documented for Linux 7.2.  It is held against uiommu/abi_iommufd.h while this is
 * compiled, and where the system's <linux/iommufd.h> is as new (UAPI_TEST_LINUX) against that as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/uapi/uapi.h"
#include <uiommu/abi_iommufd.h>
#include "tests/uapi/world.h"

#ifdef UAPI_TEST_LINUX
#include <linux/iommufd.h>
#define LINUX_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), "Linux's " #type)
#define LINUX_AT(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), "Linux's " #type "." #field)
#define LINUX_NUMBER(name, number) \
	_Static_assert((unsigned int)(name) == (number), "Linux's " #name)
#else /* declares again what there is */
#define LINUX_SIZE(type, bytes) struct abi_##type
#define LINUX_AT(type, field, offset) struct abi_##type
#define LINUX_NUMBER(name, number) struct abi_iommu_destroy
#endif

#define SIZE(type, bytes)                                            \
	_Static_assert(sizeof(struct abi_##type) == (bytes), #type); \
	LINUX_SIZE(type, bytes)
/* Where the two call a field by different names. */
#define AT_NAMED(type, field, linux_field, offset)                                        \
	_Static_assert(offsetof(struct abi_##type, field) == (offset), #type "." #field); \
	LINUX_AT(type, linux_field, offset)
#define AT(type, field, offset) AT_NAMED(type, field, field, offset)
#define NUMBER(name, number)                                           \
	_Static_assert((unsigned int)(ABI_##name) == (number), #name); \
	LINUX_NUMBER(name, number)

SIZE(iommu_destroy, 8);
AT(iommu_destroy, size, 0);
AT(iommu_destroy, id, 4);

SIZE(iommu_ioas_alloc, 12);
AT(iommu_ioas_alloc, size, 0);
AT(iommu_ioas_alloc, flags, 4);
AT(iommu_ioas_alloc, out_ioas_id, 8);

SIZE(iommu_iova_range, 16);
AT(iommu_iova_range, start, 0);
AT(iommu_iova_range, last, 8);

SIZE(iommu_ioas_iova_ranges, 32);
AT(iommu_ioas_iova_ranges, size, 0);
AT(iommu_ioas_iova_ranges, ioas_id, 4);
AT(iommu_ioas_iova_ranges, num_iovas, 8);
AT_NAMED(iommu_ioas_iova_ranges, reserved, __reserved, 12);
AT(iommu_ioas_iova_ranges, allowed_iovas, 16);
AT(iommu_ioas_iova_ranges, out_iova_alignment, 24);

SIZE(iommu_ioas_allow_iovas, 24);
AT(iommu_ioas_allow_iovas, size, 0);
AT(iommu_ioas_allow_iovas, ioas_id, 4);
AT(iommu_ioas_allow_iovas, num_iovas, 8);
AT_NAMED(iommu_ioas_allow_iovas, reserved, __reserved, 12);
AT(iommu_ioas_allow_iovas, allowed_iovas, 16);

SIZE(iommu_ioas_map, 40);
AT(iommu_ioas_map, size, 0);
AT(iommu_ioas_map, flags, 4);
AT(iommu_ioas_map, ioas_id, 8);
AT_NAMED(iommu_ioas_map, reserved, __reserved, 12);
AT(iommu_ioas_map, user_va, 16);
AT(iommu_ioas_map, length, 24);
AT(iommu_ioas_map, iova, 32);

SIZE(iommu_ioas_map_file, 40);
AT(iommu_ioas_map_file, size, 0);
AT(iommu_ioas_map_file, flags, 4);
AT(iommu_ioas_map_file, ioas_id, 8);
AT(iommu_ioas_map_file, fd, 12);
AT(iommu_ioas_map_file, start, 16);
AT(iommu_ioas_map_file, length, 24);
AT(iommu_ioas_map_file, iova, 32);

SIZE(iommu_ioas_copy, 40);
AT(iommu_ioas_copy, size, 0);
AT(iommu_ioas_copy, flags, 4);
AT(iommu_ioas_copy, dst_ioas_id, 8);
AT(iommu_ioas_copy, src_ioas_id, 12);
AT(iommu_ioas_copy, length, 16);
AT(iommu_ioas_copy, dst_iova, 24);
AT(iommu_ioas_copy, src_iova, 32);

SIZE(iommu_ioas_unmap, 24);
AT(iommu_ioas_unmap, size, 0);
AT(iommu_ioas_unmap, ioas_id, 4);
AT(iommu_ioas_unmap, iova, 8);
AT(iommu_ioas_unmap, length, 16);

SIZE(iommu_option, 24);
AT(iommu_option, size, 0);
AT(iommu_option, option_id, 4);
AT(iommu_option, op, 8);
AT_NAMED(iommu_option, reserved, __reserved, 10);
AT(iommu_option, object_id, 12);
AT(iommu_option, val64, 16);

SIZE(iommu_vfio_ioas, 12);
AT(iommu_vfio_ioas, size, 0);
AT(iommu_vfio_ioas, ioas_id, 4);
AT(iommu_vfio_ioas, op, 8);
AT_NAMED(iommu_vfio_ioas, reserved, __reserved, 10);

SIZE(iommu_hwpt_vtd_s1, 24);
AT(iommu_hwpt_vtd_s1, flags, 0);
AT(iommu_hwpt_vtd_s1, pgtbl_addr, 8);
AT(iommu_hwpt_vtd_s1, addr_width, 16);
AT_NAMED(iommu_hwpt_vtd_s1, reserved, __reserved, 20);

SIZE(iommu_hwpt_arm_smmuv3, 16);
AT(iommu_hwpt_arm_smmuv3, ste, 0);

SIZE(iommu_hwpt_alloc, 48);
AT(iommu_hwpt_alloc, size, 0);
AT(iommu_hwpt_alloc, flags, 4);
AT(iommu_hwpt_alloc, dev_id, 8);
AT(iommu_hwpt_alloc, pt_id, 12);
AT(iommu_hwpt_alloc, out_hwpt_id, 16);
AT_NAMED(iommu_hwpt_alloc, reserved, __reserved, 20);
AT(iommu_hwpt_alloc, data_type, 24);
AT(iommu_hwpt_alloc, data_len, 28);
AT(iommu_hwpt_alloc, data_uptr, 32);
AT(iommu_hwpt_alloc, fault_id, 40);
AT_NAMED(iommu_hwpt_alloc, reserved2, __reserved2, 44);

SIZE(iommu_hw_info_vtd, 24);
AT(iommu_hw_info_vtd, flags, 0);
AT_NAMED(iommu_hw_info_vtd, reserved, __reserved, 4);
AT(iommu_hw_info_vtd, cap_reg, 8);
AT(iommu_hw_info_vtd, ecap_reg, 16);

SIZE(iommu_hw_info_arm_smmuv3, 40);
AT(iommu_hw_info_arm_smmuv3, flags, 0);
AT_NAMED(iommu_hw_info_arm_smmuv3, reserved, __reserved, 4);
AT(iommu_hw_info_arm_smmuv3, idr, 8);
AT(iommu_hw_info_arm_smmuv3, iidr, 32);
AT(iommu_hw_info_arm_smmuv3, aidr, 36);

SIZE(iommu_hw_info, 40);
AT(iommu_hw_info, size, 0);
AT(iommu_hw_info, flags, 4);
AT(iommu_hw_info, dev_id, 8);
AT(iommu_hw_info, data_len, 12);
AT(iommu_hw_info, data_uptr, 16);
AT_NAMED(iommu_hw_info, data_type, out_data_type, 24);
AT(iommu_hw_info, out_max_pasid_log2, 28);
AT_NAMED(iommu_hw_info, reserved, __reserved, 29);
AT(iommu_hw_info, out_capabilities, 32);

SIZE(iommu_hwpt_set_dirty_tracking, 16);
AT(iommu_hwpt_set_dirty_tracking, size, 0);
AT(iommu_hwpt_set_dirty_tracking, flags, 4);
AT(iommu_hwpt_set_dirty_tracking, hwpt_id, 8);
AT_NAMED(iommu_hwpt_set_dirty_tracking, reserved, __reserved, 12);

SIZE(iommu_hwpt_get_dirty_bitmap, 48);
AT(iommu_hwpt_get_dirty_bitmap, size, 0);
AT(iommu_hwpt_get_dirty_bitmap, hwpt_id, 4);
AT(iommu_hwpt_get_dirty_bitmap, flags, 8);
AT_NAMED(iommu_hwpt_get_dirty_bitmap, reserved, __reserved, 12);
AT(iommu_hwpt_get_dirty_bitmap, iova, 16);
AT(iommu_hwpt_get_dirty_bitmap, length, 24);
AT(iommu_hwpt_get_dirty_bitmap, page_size, 32);
AT(iommu_hwpt_get_dirty_bitmap, data, 40);

SIZE(iommu_hwpt_vtd_s1_invalidate, 24);
AT(iommu_hwpt_vtd_s1_invalidate, addr, 0);
AT(iommu_hwpt_vtd_s1_invalidate, npages, 8);
AT(iommu_hwpt_vtd_s1_invalidate, flags, 16);
AT_NAMED(iommu_hwpt_vtd_s1_invalidate, reserved, __reserved, 20);

SIZE(iommu_viommu_arm_smmuv3_invalidate, 16);
AT(iommu_viommu_arm_smmuv3_invalidate, cmd, 0);

SIZE(iommu_hwpt_invalidate, 32);
AT(iommu_hwpt_invalidate, size, 0);
AT(iommu_hwpt_invalidate, hwpt_id, 4);
AT(iommu_hwpt_invalidate, data_uptr, 8);
AT(iommu_hwpt_invalidate, data_type, 16);
AT(iommu_hwpt_invalidate, entry_len, 20);
AT(iommu_hwpt_invalidate, entry_num, 24);
AT_NAMED(iommu_hwpt_invalidate, reserved, __reserved, 28);

SIZE(iommu_fault_alloc, 16);
AT(iommu_fault_alloc, size, 0);
AT(iommu_fault_alloc, flags, 4);
AT(iommu_fault_alloc, out_fault_id, 8);
AT(iommu_fault_alloc, out_fault_fd, 12);

SIZE(iommu_hwpt_pgfault, 40);
AT(iommu_hwpt_pgfault, flags, 0);
AT(iommu_hwpt_pgfault, dev_id, 4);
AT(iommu_hwpt_pgfault, pasid, 8);
AT(iommu_hwpt_pgfault, grpid, 12);
AT(iommu_hwpt_pgfault, perm, 16);
AT_NAMED(iommu_hwpt_pgfault, reserved, __reserved, 20);
AT(iommu_hwpt_pgfault, addr, 24);
AT(iommu_hwpt_pgfault, length, 32);
AT(iommu_hwpt_pgfault, cookie, 36);

SIZE(iommu_hwpt_page_response, 8);
AT(iommu_hwpt_page_response, cookie, 0);
AT(iommu_hwpt_page_response, code, 4);

SIZE(iommu_viommu_alloc, 40);
AT(iommu_viommu_alloc, size, 0);
AT(iommu_viommu_alloc, flags, 4);
AT(iommu_viommu_alloc, type, 8);
AT(iommu_viommu_alloc, dev_id, 12);
AT(iommu_viommu_alloc, hwpt_id, 16);
AT(iommu_viommu_alloc, out_viommu_id, 20);
AT(iommu_viommu_alloc, data_len, 24);
AT_NAMED(iommu_viommu_alloc, reserved, __reserved, 28);
AT(iommu_viommu_alloc, data_uptr, 32);

SIZE(iommu_vdevice_alloc, 24);
AT(iommu_vdevice_alloc, size, 0);
AT(iommu_vdevice_alloc, viommu_id, 4);
AT(iommu_vdevice_alloc, dev_id, 8);
AT(iommu_vdevice_alloc, out_vdevice_id, 12);
AT(iommu_vdevice_alloc, virt_id, 16);

SIZE(iommu_ioas_change_process, 8);
AT(iommu_ioas_change_process, size, 0);
AT_NAMED(iommu_ioas_change_process, reserved, __reserved, 4);

SIZE(iommu_veventq_alloc, 32);
AT(iommu_veventq_alloc, size, 0);
AT(iommu_veventq_alloc, flags, 4);
AT(iommu_veventq_alloc, viommu_id, 8);
AT(iommu_veventq_alloc, type, 12);
AT(iommu_veventq_alloc, veventq_depth, 16);
AT(iommu_veventq_alloc, out_veventq_id, 20);
AT(iommu_veventq_alloc, out_veventq_fd, 24);
AT_NAMED(iommu_veventq_alloc, reserved, __reserved, 28);

SIZE(iommufd_vevent_header, 8);
AT(iommufd_vevent_header, flags, 0);
AT(iommufd_vevent_header, sequence, 4);

SIZE(iommu_vevent_arm_smmuv3, 32);
AT(iommu_vevent_arm_smmuv3, evt, 0);

SIZE(iommu_hw_queue_alloc, 40);
AT(iommu_hw_queue_alloc, size, 0);
AT(iommu_hw_queue_alloc, flags, 4);
AT(iommu_hw_queue_alloc, viommu_id, 8);
AT(iommu_hw_queue_alloc, type, 12);
AT(iommu_hw_queue_alloc, index, 16);
AT(iommu_hw_queue_alloc, out_hw_queue_id, 20);
AT(iommu_hw_queue_alloc, nesting_parent_iova, 24);
AT(iommu_hw_queue_alloc, length, 32);

NUMBER(IOMMU_DESTROY, 0x3b80);
NUMBER(IOMMU_IOAS_ALLOC, 0x3b81);
NUMBER(IOMMU_IOAS_ALLOW_IOVAS, 0x3b82);
NUMBER(IOMMU_IOAS_COPY, 0x3b83);
NUMBER(IOMMU_IOAS_IOVA_RANGES, 0x3b84);
NUMBER(IOMMU_IOAS_MAP, 0x3b85);
NUMBER(IOMMU_IOAS_UNMAP, 0x3b86);
NUMBER(IOMMU_OPTION, 0x3b87);
NUMBER(IOMMU_VFIO_IOAS, 0x3b88);
NUMBER(IOMMU_HWPT_ALLOC, 0x3b89);
NUMBER(IOMMU_GET_HW_INFO, 0x3b8a);
NUMBER(IOMMU_HWPT_SET_DIRTY_TRACKING, 0x3b8b);
NUMBER(IOMMU_HWPT_GET_DIRTY_BITMAP, 0x3b8c);
NUMBER(IOMMU_HWPT_INVALIDATE, 0x3b8d);
NUMBER(IOMMU_FAULT_QUEUE_ALLOC, 0x3b8e);
NUMBER(IOMMU_IOAS_MAP_FILE, 0x3b8f);
NUMBER(IOMMU_VIOMMU_ALLOC, 0x3b90);
NUMBER(IOMMU_VDEVICE_ALLOC, 0x3b91);
NUMBER(IOMMU_IOAS_CHANGE_PROCESS, 0x3b92);
NUMBER(IOMMU_VEVENTQ_ALLOC, 0x3b93);
NUMBER(IOMMU_HW_QUEUE_ALLOC, 0x3b94);

NUMBER(IOMMU_IOAS_MAP_FIXED_IOVA, 1);
NUMBER(IOMMU_IOAS_MAP_WRITEABLE, 2);
NUMBER(IOMMU_IOAS_MAP_READABLE, 4);
NUMBER(IOMMU_OPTION_RLIMIT_MODE, 0);
NUMBER(IOMMU_OPTION_HUGE_PAGES, 1);
NUMBER(IOMMU_OPTION_OP_SET, 0);
NUMBER(IOMMU_OPTION_OP_GET, 1);
NUMBER(IOMMU_VFIO_IOAS_GET, 0);
NUMBER(IOMMU_VFIO_IOAS_SET, 1);
NUMBER(IOMMU_VFIO_IOAS_CLEAR, 2);
NUMBER(IOMMU_HWPT_ALLOC_NEST_PARENT, 1);
NUMBER(IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 2);
NUMBER(IOMMU_HWPT_FAULT_ID_VALID, 4);
NUMBER(IOMMU_HWPT_ALLOC_PASID, 8);
NUMBER(IOMMU_HWPT_DATA_NONE, 0);
NUMBER(IOMMU_HWPT_DATA_VTD_S1, 1);
NUMBER(IOMMU_HWPT_DATA_ARM_SMMUV3, 2);
NUMBER(IOMMU_HWPT_DATA_AMD_GUEST, 3);
NUMBER(IOMMU_HW_INFO_TYPE_NONE, 0);
NUMBER(IOMMU_HW_INFO_TYPE_INTEL_VTD, 1);
NUMBER(IOMMU_HW_INFO_TYPE_ARM_SMMUV3, 2);
NUMBER(IOMMU_HW_CAP_DIRTY_TRACKING, 1);
NUMBER(IOMMU_HWPT_DIRTY_TRACKING_ENABLE, 1);
NUMBER(IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 1);
NUMBER(IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, 0);
NUMBER(IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, 1);
NUMBER(IOMMU_PGFAULT_FLAGS_PASID_VALID, 1);
NUMBER(IOMMU_PGFAULT_FLAGS_LAST_PAGE, 2);
NUMBER(IOMMU_PGFAULT_PERM_READ, 1);
NUMBER(IOMMU_PGFAULT_PERM_WRITE, 2);
NUMBER(IOMMU_PGFAULT_PERM_EXEC, 4);
NUMBER(IOMMU_PGFAULT_PERM_PRIV, 8);
NUMBER(IOMMU_VIOMMU_TYPE_DEFAULT, 0);
NUMBER(IOMMU_VIOMMU_TYPE_ARM_SMMUV3, 1);
NUMBER(IOMMU_VEVENTQ_FLAG_LOST_EVENTS, 1);

struct command {
	const char *name;
	uint32_t number, size,
		min; /* of its struct: as it is, and as little as a program may give */
};

#define COMMAND(name, number, size, min) \
	{                                \
#name, number, size, min \
	}

static const struct command commands[] = {
	COMMAND(IOMMU_DESTROY, 0x3b80, 8, 8),
	COMMAND(IOMMU_IOAS_ALLOC, 0x3b81, 12, 12),
	COMMAND(IOMMU_IOAS_ALLOW_IOVAS, 0x3b82, 24, 24),
	COMMAND(IOMMU_IOAS_COPY, 0x3b83, 40, 40),
	COMMAND(IOMMU_IOAS_IOVA_RANGES, 0x3b84, 32, 32),
	COMMAND(IOMMU_IOAS_MAP, 0x3b85, 40, 40),
	COMMAND(IOMMU_IOAS_UNMAP, 0x3b86, 24, 24),
	COMMAND(IOMMU_OPTION, 0x3b87, 24, 24),
	COMMAND(IOMMU_VFIO_IOAS, 0x3b88, 12, 12),
	COMMAND(IOMMU_HWPT_ALLOC, 0x3b89, 48, 24),
	COMMAND(IOMMU_GET_HW_INFO, 0x3b8a, 40, 32),
	COMMAND(IOMMU_HWPT_SET_DIRTY_TRACKING, 0x3b8b, 16, 16),
	COMMAND(IOMMU_HWPT_GET_DIRTY_BITMAP, 0x3b8c, 48, 48),
	COMMAND(IOMMU_HWPT_INVALIDATE, 0x3b8d, 32, 32),
	COMMAND(IOMMU_FAULT_QUEUE_ALLOC, 0x3b8e, 16, 16),
	COMMAND(IOMMU_IOAS_MAP_FILE, 0x3b8f, 40, 40),
	COMMAND(IOMMU_VIOMMU_ALLOC, 0x3b90, 40, 24),
	COMMAND(IOMMU_VDEVICE_ALLOC, 0x3b91, 24, 24),
	COMMAND(IOMMU_IOAS_CHANGE_PROCESS, 0x3b92, 8, 8),
	COMMAND(IOMMU_VEVENTQ_ALLOC, 0x3b93, 32, 28),
	COMMAND(IOMMU_HW_QUEUE_ALLOC, 0x3b94, 40, 40),
};

static long call(struct world *w, int fd, const struct command *c, uint32_t size, uint32_t last)
{
	_Alignas(8) uint8_t bytes[80] = { 0 };

	memcpy(bytes, &size, sizeof(size));
	memcpy(bytes + c->size, &last, sizeof(last));
	return uiommu_uapi_ioctl(w->process, fd, c->number, (uintptr_t)bytes);
}

/* Every command wants exactly the documented least, and looks at what it does not know */
static void test_struct_sizes(void **state)
{
	const size_t count = sizeof(commands) / sizeof(commands[0]);
	unsigned int known = 0;
	struct world w;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	for (size_t i = 0; i < count; i++) {
		const struct command *c = &commands[i];

		assert_int_equal(c->number, ABI_IOMMU_DESTROY + i);
		if (call(&w, fd, c, c->size, 0) == -UAPI_ENOTTY)
			continue;
		known++;
		if (call(&w, fd, c, c->min - 1, 0) != -UIOMMU_EINVAL)
			fail_msg("%s takes less than %u bytes", c->name, c->min);
		/* One byte beyond what there is: zero is as good as absent. */
		if (call(&w, fd, c, c->size + 1, 0x00) != call(&w, fd, c, c->size, 0xff))
			fail_msg("%s looks beyond its %u bytes", c->name, c->size);
		if (call(&w, fd, c, c->size + 1, 0x01) != -UIOMMU_E2BIG)
			fail_msg("%s has more than %u bytes", c->name, c->size);
	}
	assert_int_equal(known, count);
	world_stop(&w);
}

/* The least that a command wants is enough: what comes back is of the command, and no more is written */
static void test_least(void **state)
{
	struct {
		uint32_t size, flags, id, beyond;
	} alloc = { .size = 12, .beyond = 0x5a5a5a5a };
	struct abi_iommu_hw_info info = { .size = 32, .dev_id = 99 };
	struct abi_iommu_hwpt_alloc hwpt = { .size = 24, .dev_id = 99 };
	struct world w;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	assert_int_equal(uiommu_uapi_ioctl(w.process, fd, ABI_IOMMU_IOAS_ALLOC, (uintptr_t)&alloc),
			 0);
	assert_int_equal(alloc.id, 1);
	assert_int_equal(alloc.beyond, 0x5a5a5a5a);
	/* What the program leaves out counts as zero, whatever lies there. */
	info.out_capabilities = UINT64_MAX;
	assert_int_equal(uiommu_uapi_ioctl(w.process, fd, ABI_IOMMU_GET_HW_INFO, (uintptr_t)&info),
			 -UIOMMU_ENOENT);
	hwpt.data_type = 7;
	assert_int_equal(uiommu_uapi_ioctl(w.process, fd, ABI_IOMMU_HWPT_ALLOC, (uintptr_t)&hwpt),
			 -UIOMMU_ENOENT);
	hwpt.size = sizeof(hwpt);
	assert_int_equal(uiommu_uapi_ioctl(w.process, fd, ABI_IOMMU_HWPT_ALLOC, (uintptr_t)&hwpt),
			 -UIOMMU_EINVAL);
	world_stop(&w);
}

/* The comparison with the system's header is made while compiling: here one sees whether it was */
static void test_linux(void **state)
{
	(void)state;
#ifndef UAPI_TEST_LINUX
	print_message("<linux/iommufd.h> is not installed, or older than Linux 6.17\n");
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_struct_sizes),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_linux),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
