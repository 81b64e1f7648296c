/* SPDX-License-Identifier: MIT */
/* nested.c - what a virtual machine needs of an IOMMU: what it is, and stages of a guest's on top of the host's */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/smmuv3.h>
#include <uiommu/vtd.h>

#include "src/uapi/iommufd.h"
#include "tests/uapi/world.h"

struct guest {
	struct world w;
	int fd;
	struct uapi_file *file;
	struct machine_device *hardware;
	struct iommufd_device *device;
};

static long call(struct guest *g, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(g->w.process, g->fd, command, (uintptr_t)argument);
}

static struct iommufd_device *bind(struct guest *g, const char *label)
{
	struct machine_device *hardware = world_device(&g->w, label);
	struct iommufd_device *device;

	assert_int_equal(uiommu_iommufd_device_bind(uiommu_iommufd_of_file(g->file),
						    machine_device_uiommu(hardware), &device),
			 0);
	return device;
}

static void begin(struct guest *g, const char *machine, const char *label)
{
	memset(g, 0, sizeof(*g));
	world_start(&g->w, machine, NULL);
	g->fd = uiommu_uapi_open(g->w.process, "/dev/iommu");
	g->file = uiommu_uapi_fd_get(g->w.process, g->fd);
	g->hardware = world_device(&g->w, label);
	g->device = bind(g, label);
}

static void end(struct guest *g)
{
	uiommu_iommufd_device_unbind(g->device);
	uiommu_uapi_file_put(g->file);
	machine_settle(g->w.machine);
	world_stop(&g->w);
}

/* ---- what the hardware is ---------------------------------------------------------------------- */

/* The size protocol of the data: cut off, whole, zeros behind it */
static void check_info(struct guest *g, uint32_t type, uint32_t size, unsigned char *whole)
{
	unsigned char room[64];
	struct abi_iommu_hw_info arg = { .size = sizeof(arg), .dev_id = g->device->object.id };

	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_type, type);
	assert_int_equal(arg.data_len, size);
	memset(room, 0xa5, sizeof(room));
	arg.data_type = 0;
	arg.data_len = sizeof(room) - 1;
	arg.data_uptr = (uintptr_t)room;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_len, size);
	for (size_t i = size; i < sizeof(room) - 1; i++)
		assert_int_equal(room[i], 0);
	assert_int_equal(room[sizeof(room) - 1], 0xa5);
	memcpy(whole, room, size);
	memset(room, 0xa5, sizeof(room));
	arg.data_type = 0;
	arg.data_len = size - 3;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_len, size);
	assert_memory_equal(room, whole, size - 3);
	assert_int_equal(room[size - 3], 0xa5);
	arg.flags = ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE;
	arg.data_type = type;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_type, type);
	arg.data_type = type ^ 3;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EOPNOTSUPP);
	arg.flags = 0;
	arg.data_type = type;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EOPNOTSUPP);
	arg.data_type = 0;
	arg.data_uptr = 0;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EFAULT);
	arg.dev_id = 99;
	assert_int_equal(call(g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_ENOENT);
}

static void test_info_vtd(void **state)
{
	struct abi_iommu_hw_info_vtd info;
	struct guest g;

	(void)state;
	begin(&g, "q35-vtd-scalable", "pasid0");
	check_info(&g, ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD, sizeof(info), (unsigned char *)&info);
	assert_int_equal(info.flags | info.reserved, 0);
	assert_true(info.ecap_reg >> 43 & 1); /* SMTS, 11.4.3 */
	assert_true(info.ecap_reg >> 26 & 1); /* NEST */
	assert_int_equal((info.cap_reg >> 16 & 0x3f) + 1, 48); /* MGAW, 11.4.2 */
	end(&g);
	begin(&g, "q35-vtd", "solo0");
	check_info(&g, ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD, sizeof(info), (unsigned char *)&info);
	assert_false(info.ecap_reg >> 43 & 1);
	end(&g);
}

static void test_info_smmuv3(void **state)
{
	struct abi_iommu_hw_info_arm_smmuv3 info;
	struct guest g;

	(void)state;
	begin(&g, "virt-smmuv3", "solo0");
	check_info(&g, ABI_IOMMU_HW_INFO_TYPE_ARM_SMMUV3, sizeof(info), (unsigned char *)&info);
	assert_int_equal(info.flags | info.reserved, 0);
	assert_int_equal(info.idr[0] & 3, 3); /* S1P, S2P, 6.3.1 */
	assert_true(info.idr[5] >> 4 & 1); /* GRAN4K, 6.3.6 */
	end(&g);
}

/* A driver without registers to show */
static void test_info_none(void **state)
{
	struct abi_iommu_hw_info arg = { .size = sizeof(arg) };
	unsigned char room[4] = { 1, 2, 3, 4 };
	struct guest g;

	(void)state;
	begin(&g, "q35-virtio", "solo0");
	arg.dev_id = g.device->object.id;
	arg.data_uptr = (uintptr_t)room;
	arg.data_len = 3;
	assert_int_equal(call(&g, ABI_IOMMU_GET_HW_INFO, &arg), 0);
	assert_int_equal(arg.data_type, ABI_IOMMU_HW_INFO_TYPE_NONE);
	assert_int_equal(arg.data_len, 0);
	assert_true(!room[0] && !room[1] && !room[2] && room[3] == 4);
	arg.flags = ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE;
	arg.data_type = ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD;
	assert_int_equal(call(&g, ABI_IOMMU_GET_HW_INFO, &arg), -UIOMMU_EOPNOTSUPP);
	end(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_info_vtd),
		cmocka_unit_test(test_info_smmuv3),
		cmocka_unit_test(test_info_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
