/* SPDX-License-Identifier: MIT */
/* container.c - groups and containers: the whole way to DMA, who may what when, messages, an iommufd instead */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_iommufd.h>

#include "machines/uapi_io.h"
#include "tests/uapi/legacy.h"

#define TYPE1 ABI_VFIO_TYPE1_IOMMU
#define TYPE1V2 ABI_VFIO_TYPE1V2_IOMMU
#define IOVA UINT64_C(0x100000)

static const char *const machines[] = { "q35-vtd", "q35-vtd-scalable", "virt-smmuv3",
					"q35-virtio" };

/* Open, SET_CONTAINER, SET_IOMMU, MAP, DMA, UNMAP: on each kind of hardware */
static void test_whole_way(void **state)
{
	struct legacy_device d;
	struct world w;
	uint64_t gone;
	int container;

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		world_start(&w, machines[i], NULL);
		container = legacy_container(&w);
		legacy_start(&d, &w, "solo0", container, TYPE1V2);
		assert_false(legacy_reaches(&d, IOVA, w.memory));
		assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 16 * PAGE, LEGACY_RW),
				 0);
		assert_int_equal(legacy_pins(&w), 16);
		assert_int_equal(uiommu_uapi_process_pinned(w.process), 16 * PAGE);
		assert_true(legacy_reaches(&d, IOVA, w.memory));
		assert_true(legacy_reaches(&d, IOVA + 0xfffc, w.memory + 16 * PAGE - 4));
		assert_false(legacy_reaches(&d, IOVA + 0x10000, w.memory + 16 * PAGE));
		assert_int_equal(legacy_unmap(&w, container, IOVA, 16 * PAGE, 0, &gone), 0);
		assert_int_equal(gone, 16 * PAGE);
		assert_int_equal(legacy_pins(&w), 0);
		assert_int_equal(uiommu_uapi_process_pinned(w.process), 0);
		assert_false(legacy_reaches(&d, IOVA, w.memory));
		legacy_stop(&d);
		world_stop(&w);
	}
}

/* A container's commands, before a group, before a backend, and with one */
static void test_container_states(void **state)
{
	struct abi_vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	struct legacy_device d;
	struct world w;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_GET_API_VERSION, NULL), 0);
	for (uintptr_t i = 0; i < 12; i++)
		assert_int_equal(legacy_extension(&w, container, i), i == 1 || i == 3 || i == 9);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1), -UIOMMU_EINVAL);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &info),
			 -UIOMMU_EINVAL);
	assert_int_equal(legacy_call(&w, container, 0x3b7f, NULL), -UIOMMU_EINVAL);
	legacy_bind(&d, &w, "solo0");
	assert_true(legacy_group(&d) >= 0);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	for (uintptr_t i = 0; i < 12; i++)
		assert_int_equal(legacy_extension(&w, container, i), i == 1 || i == 3 || i == 9);
	assert_int_equal(legacy_open(&d), -UIOMMU_EINVAL);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW),
			 -UIOMMU_EINVAL);
	for (uintptr_t i = 0; i < 12; i++) {
		if (i != 1 && i != 3)
			assert_int_equal(legacy_set_iommu(&w, container, i), -UIOMMU_ENODEV);
	}
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1), 0);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1), -UIOMMU_EINVAL);
	for (uintptr_t i = 0; i < 12; i++) {
		if (i != ABI_VFIO_DMA_CC_IOMMU) /* what the hardware can */
			assert_int_equal(legacy_extension(&w, container, i),
					 i == 1 || i == 3 || i == 9 || i == 10);
	}
	assert_int_equal(legacy_call(&w, container, 0x3b7f, NULL), -UAPI_ENOTTY);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &info), 0);
	/* The backend goes with the last group, and the container can be used again. */
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_pins(&w), 1);
	assert_int_equal(legacy_unset_container(&w, d.group), 0);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &info),
			 -UIOMMU_EINVAL);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1V2), 0);
	assert_true(legacy_open(&d) >= 0);
	assert_false(legacy_reaches(&d, IOVA, w.memory));
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	/* Nobody needs the container's own descriptor, nor the group's, while a device is open. */
	assert_int_equal(uiommu_uapi_close(w.process, container), 0);
	assert_true(legacy_reaches(&d, IOVA, w.memory));
	assert_int_equal(uiommu_uapi_close(w.process, d.group), 0);
	assert_true(legacy_reaches(&d, IOVA, w.memory));
	assert_int_equal(legacy_group(&d), -UIOMMU_EBUSY);
	assert_int_equal(legacy_pins(&w), 1);
	assert_int_equal(uiommu_uapi_close(w.process, d.fd), 0);
	assert_int_equal(legacy_pins(&w), 0);
	assert_true(legacy_group(&d) >= 0);
	world_stop(&w);
}

static long status(struct world *w, int group, uint32_t *flags)
{
	struct abi_vfio_group_status arg = { .argsz = sizeof(arg), .flags = 0xdead };
	long rc = legacy_call(w, group, ABI_VFIO_GROUP_GET_STATUS, &arg);

	*flags = arg.flags;
	return rc;
}

/* A group's commands and their errors, in their order */
static void test_group(void **state)
{
	struct abi_vfio_group_status small = { .argsz = 7 };
	struct legacy_device d;
	struct world w;
	uint32_t flags;
	char name[4200];
	int container, copy;
	int32_t fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	legacy_bind(&d, &w, "solo0");
	assert_int_equal(uiommu_uapi_open(w.process, "/dev/vfio/999"), -UIOMMU_ENOENT);
	assert_true(legacy_group(&d) >= 0);
	copy = d.group;
	assert_int_equal(legacy_group(&d), -UIOMMU_EBUSY);
	d.group = uiommu_uapi_dup(w.process, copy);
	assert_int_equal(uiommu_uapi_close(w.process, copy), 0);
	assert_int_equal(legacy_call(&w, d.group, ABI_VFIO_GROUP_GET_STATUS, &small),
			 -UIOMMU_EINVAL);
	assert_int_equal(legacy_call(&w, d.group, ABI_VFIO_GROUP_GET_STATUS, NULL), -UIOMMU_EFAULT);
	assert_int_equal(status(&w, d.group, &flags), 0);
	assert_int_equal(flags, ABI_VFIO_GROUP_FLAGS_VIABLE);
	assert_int_equal(legacy_call(&w, d.group, 0x3b7f, NULL), -UAPI_ENOTTY);
	assert_int_equal(legacy_unset_container(&w, d.group), -UIOMMU_EINVAL);
	assert_int_equal(legacy_open(&d), -UIOMMU_EINVAL);
	assert_int_equal(legacy_call(&w, d.group, ABI_VFIO_GROUP_SET_CONTAINER, NULL),
			 -UIOMMU_EFAULT);
	assert_int_equal(legacy_set_container(&w, d.group, 99), -UAPI_EBADF);
	assert_int_equal(legacy_set_container(&w, d.group, -1), -UAPI_EBADF);
	assert_int_equal(legacy_set_container(&w, d.group, d.group), -UAPI_EBADFD);
	container = legacy_container(&w);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	assert_int_equal(legacy_set_container(&w, d.group, container), -UIOMMU_EINVAL);
	assert_int_equal(legacy_set_container(&w, d.group, 99), -UAPI_EBADF);
	assert_int_equal(status(&w, d.group, &flags), 0);
	assert_int_equal(flags, ABI_VFIO_GROUP_FLAGS_VIABLE | ABI_VFIO_GROUP_FLAGS_CONTAINER_SET);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1), 0);
	memset(name, 'x', sizeof(name));
	assert_int_equal(legacy_call(&w, d.group, ABI_VFIO_GROUP_GET_DEVICE_FD, NULL),
			 -UIOMMU_EFAULT);
	assert_int_equal(legacy_call(&w, d.group, ABI_VFIO_GROUP_GET_DEVICE_FD, name),
			 -UIOMMU_EINVAL);
	name[4095] = 0;
	assert_int_equal(legacy_call(&w, d.group, ABI_VFIO_GROUP_GET_DEVICE_FD, name),
			 -UIOMMU_ENODEV);
	assert_true(legacy_open(&d) >= 0);
	fd = d.fd;
	assert_true(legacy_open(&d) >= 0); /* as often as one likes */
	assert_int_equal(uiommu_uapi_close(w.process, fd), 0);
	assert_int_equal(legacy_unset_container(&w, d.group), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_uapi_close(w.process, d.fd), 0);
	assert_int_equal(legacy_unset_container(&w, d.group), 0);
	assert_int_equal(status(&w, d.group, &flags), 0);
	assert_int_equal(flags, ABI_VFIO_GROUP_FLAGS_VIABLE);
	world_stop(&w);
}

/* Read, write and mmap are not for these files */
static void test_files(void **state)
{
	struct legacy_device d;
	struct world w;
	int container;
	void *at;
	char byte;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	legacy_bind(&d, &w, "solo0");
	assert_true(legacy_group(&d) >= 0);
	for (int i = 0; i < 2; i++) {
		int fd = i ? container : d.group;

		assert_int_equal(uiommu_uapi_read(w.process, fd, &byte, 1), -UIOMMU_EINVAL);
		assert_int_equal(uiommu_uapi_write(w.process, fd, &byte, 1), -UIOMMU_EINVAL);
		assert_int_equal(uiommu_uapi_mmap(w.process, fd, 0, PAGE, &at), -UIOMMU_ENODEV);
		assert_int_equal(uiommu_uapi_poll(w.process, fd), 5);
	}
	world_stop(&w);
}

/* A group has its owner: drivers of its other devices, other files, firmware */
static void test_ownership(void **state)
{
	struct abi_vfio_group_status arg = { .argsz = sizeof(arg) };
	struct uiommu_uapi_device *sibling;
	struct legacy_device d, rmrr;
	struct world w;
	uint32_t flags;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	legacy_bind(&d, &w, "trio0");
	assert_int_equal(machine_uapi_add(world_device(&w, "trio1"), w.uapi, &sibling), 0);
	assert_int_equal(uiommu_uapi_bind_driver(sibling, "machine-dma"), 0);
	assert_true(legacy_group(&d) >= 0);
	assert_int_equal(status(&w, d.group, &flags), 0);
	assert_int_equal(flags, 0);
	assert_int_equal(legacy_set_container(&w, d.group, container), -UIOMMU_EPERM);
	assert_int_equal(uiommu_uapi_unbind_driver(sibling), 0);
	assert_int_equal(status(&w, d.group, &flags), 0);
	assert_int_equal(flags, ABI_VFIO_GROUP_FLAGS_VIABLE);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	assert_int_equal(uiommu_uapi_bind_driver(sibling, "machine-dma"), -UIOMMU_EBUSY);
	assert_int_equal(legacy_unset_container(&w, d.group), 0);
	assert_int_equal(uiommu_uapi_bind_driver(sibling, "machine-dma"), 0);
	/* What firmware needs mapped can never be blocked. */
	legacy_bind(&rmrr, &w, "rmrr0");
	assert_true(legacy_group(&rmrr) >= 0);
	assert_int_equal(legacy_set_container(&w, rmrr.group, container), -UIOMMU_EINVAL);
	assert_int_equal(status(&w, rmrr.group, &flags), 0);
	assert_int_equal(flags, ABI_VFIO_GROUP_FLAGS_VIABLE);
	/* The last device leaves while its group is open. */
	assert_int_equal(uiommu_uapi_unbind_driver(rmrr.known), 0);
	assert_int_equal(status(&w, rmrr.group, &flags), -UIOMMU_ENODEV);
	assert_int_equal(legacy_set_container(&w, rmrr.group, container), -UIOMMU_ENODEV);
	world_stop(&w);
}

static bool never_isolated(void *context, struct uiommu_device *dev)
{
	(void)dev;
	*(bool *)context = true;
	return false;
}

/* Devices whose interrupts could be anybody's need an option */
static void test_isolated(void **state)
{
	bool asked = false;
	struct uiommu_uapi_config config = { .isolated_msi = never_isolated, .context = &asked };
	struct legacy_device d;
	struct world w;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", &config);
	container = legacy_container(&w);
	legacy_bind(&d, &w, "solo0");
	assert_true(legacy_group(&d) >= 0);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1), -UIOMMU_EPERM);
	assert_true(asked);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW),
			 -UIOMMU_EINVAL);
	world_stop(&w);
	config.allow_unsafe_interrupts = true; /* iommufd's, not this one's */
	world_start(&w, "q35-vtd", &config);
	container = legacy_container(&w);
	legacy_bind(&d, &w, "solo0");
	assert_true(legacy_group(&d) >= 0);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1), -UIOMMU_EPERM);
	world_stop(&w);
	config.type1_allow_unsafe_interrupts = true;
	world_start(&w, "q35-vtd", &config);
	container = legacy_container(&w);
	legacy_start(&d, &w, "solo0", container, TYPE1);
	world_stop(&w);
}

/* An iommufd as the container */
static void test_iommufd(void **state)
{
	struct abi_iommu_vfio_ioas get = { .size = sizeof(get), .op = ABI_IOMMU_VFIO_IOAS_GET };
	struct legacy_device d[2];
	struct world w;
	uint32_t flags;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	assert_int_equal(legacy_call(&w, fd, ABI_IOMMU_VFIO_IOAS, &get), -UIOMMU_ENODEV);
	legacy_bind(&d[0], &w, "solo0");
	assert_true(legacy_group(&d[0]) >= 0);
	assert_int_equal(legacy_set_container(&w, d[0].group, fd), 0);
	assert_int_equal(legacy_set_container(&w, d[0].group, fd), -UIOMMU_EINVAL);
	assert_int_equal(status(&w, d[0].group, &flags), 0);
	assert_int_equal(flags, ABI_VFIO_GROUP_FLAGS_VIABLE | ABI_VFIO_GROUP_FLAGS_CONTAINER_SET);
	assert_int_equal(legacy_call(&w, fd, ABI_IOMMU_VFIO_IOAS, &get), 0);
	assert_int_equal(legacy_set_iommu(&w, fd, TYPE1V2), 0);
	assert_true(legacy_open(&d[0]) >= 0);
	assert_int_equal(legacy_map(&w, fd, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	legacy_start(&d[1], &w, "solo1", fd, 0);
	for (int n = 0; n < 2; n++)
		assert_true(legacy_reaches(&d[n], IOVA, w.memory));
	/* Neither the device nor its file is asked when a group gives it up. */
	assert_int_equal(legacy_unset_container(&w, d[1].group), 0);
	assert_int_equal(legacy_unset_container(&w, d[1].group), -UIOMMU_EINVAL);
	assert_true(legacy_reaches(&d[1], IOVA, w.memory));
	assert_int_equal(uiommu_uapi_close(w.process, fd), 0);
	assert_true(legacy_reaches(&d[0], IOVA, w.memory));
	legacy_stop(&d[1]);
	assert_false(legacy_reaches(&d[1], IOVA, w.memory));
	legacy_stop(&d[0]);
	assert_int_equal(legacy_pins(&w), 0);
	/* /dev/vfio/vfio itself can be one. */
	world_stop(&w);
	world_start(&w, "q35-vtd",
		    &(struct uiommu_uapi_config){ .vfio_container_by_iommufd = true });
	fd = legacy_container(&w);
	legacy_start(&d[0], &w, "solo0", fd, TYPE1);
	assert_int_equal(legacy_map(&w, fd, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	assert_true(legacy_reaches(&d[0], IOVA, w.memory));
	world_stop(&w);
}

/* Messages pass through a container's domain, at the address of the window */
static void test_messages(void **state)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} arg = {
		.set = {
			.argsz = sizeof(arg),
			.flags = ABI_VFIO_IRQ_SET_ACTION_TRIGGER | ABI_VFIO_IRQ_SET_DATA_EVENTFD,
			.index = 1,
			.count = 1,
		},
	};
	struct legacy_device d;
	struct world w;
	uint32_t word = 1;
	uint64_t count = 0;
	int container, event = eventfd(0, EFD_NONBLOCK);

	(void)state;
	for (int i = 0; i < 2; i++) {
		world_start(&w, i ? "virt-smmuv3" : "q35-vtd", NULL);
		container = legacy_container(&w);
		legacy_start(&d, &w, "solo0", container, TYPE1V2);
		arg.fd = event;
		assert_int_equal(legacy_call(&w, d.fd, ABI_VFIO_DEVICE_SET_IRQS, &arg), 0);
		assert_int_equal(
			legacy_unmap(&w, container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL, NULL), 0);
		assert_int_equal(uiommu_uapi_pwrite(w.process, d.fd, &word, 4, 0x60), 4);
		machine_settle(w.machine);
		assert_int_equal(read(event, &count, sizeof(count)), sizeof(count));
		assert_int_equal(count, 1);
		legacy_stop(&d);
		world_stop(&w);
	}
	close(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_way), cmocka_unit_test(test_container_states),
		cmocka_unit_test(test_group),	  cmocka_unit_test(test_files),
		cmocka_unit_test(test_ownership), cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_iommufd),	  cmocka_unit_test(test_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
