/* SPDX-License-Identifier: MIT */
/* noiommu.c - devices that nothing stands behind: only with the option, only with the right, and never by mistake */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/abi_iommufd.h>

#include "machines/uapi_io.h"
#include "tests/uapi/legacy.h"

#define TYPE1V2 ABI_VFIO_TYPE1V2_IOMMU
#define NOIOMMU ABI_VFIO_NOIOMMU_IOMMU
#define IOVA UINT64_C(0x100000)

static void rights(struct world *w, bool raw)
{
	uiommu_uapi_process_set_capabilities(
		w->process,
		UIOMMU_UAPI_CAP_ALL & ~(raw ? 0u : (unsigned int)UIOMMU_UAPI_CAP_SYS_RAWIO));
}

/* Without the option there is no driver for such a device, and no backend */
static void test_off(void **state)
{
	struct uiommu_uapi_device *known;
	struct world w;
	int container;

	(void)state;
	world_start(&w, "q35-mixed", NULL);
	assert_int_equal(machine_uapi_add(world_device(&w, "hidden0"), w.uapi, &known), 0);
	assert_int_equal(uiommu_uapi_bind_driver(known, "vfio-pci"), -UIOMMU_EINVAL);
	assert_false(w.uapi->vfio->tainted);
	container = legacy_container(&w);
	assert_int_equal(legacy_extension(&w, container, NOIOMMU), 0);
	world_stop(&w);
}

/* Each step needs CAP_SYS_RAWIO; a device does DMA to all memory there is */
static void test_steps(void **state)
{
	struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	struct abi_vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	static const char *const machines[] = { "q35-mixed", "virt-mixed" };
	struct legacy_device d;
	struct world w;
	uint64_t phys;
	char path[64];
	int container;

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		world_start(&w, machines[i], &config);
		container = legacy_container(&w);
		assert_int_equal(legacy_extension(&w, container, NOIOMMU), 1);
		legacy_bind(&d, &w, "hidden0");
		assert_true(w.uapi->vfio->tainted);
		assert_true(uiommu_uapi_device_group_path(d.known, path, sizeof(path)) > 0);
		assert_memory_equal(path, "/dev/vfio/noiommu-", 18);
		assert_int_equal(uiommu_uapi_device_cdev_path(d.known, path, sizeof(path)),
				 -UIOMMU_ENODEV);
		rights(&w, false);
		assert_int_equal(legacy_group(&d), -UIOMMU_EPERM);
		rights(&w, true);
		assert_true(legacy_group(&d) >= 0);
		rights(&w, false);
		assert_int_equal(legacy_set_container(&w, d.group, container), -UIOMMU_EPERM);
		rights(&w, true);
		assert_int_equal(legacy_set_container(&w, d.group, container), 0);
		for (uintptr_t n = 0; n < 12; n++) {
			assert_int_equal(legacy_extension(&w, container, n), n == NOIOMMU);
			if (n != NOIOMMU)
				assert_int_equal(legacy_set_iommu(&w, container, n),
						 -UIOMMU_ENODEV);
		}
		rights(&w, false);
		assert_int_equal(legacy_set_iommu(&w, container, NOIOMMU), -UIOMMU_EPERM);
		assert_int_equal(legacy_open(&d), -UIOMMU_EINVAL);
		rights(&w, true);
		assert_int_equal(legacy_set_iommu(&w, container, NOIOMMU), 0);
		assert_int_equal(legacy_set_iommu(&w, container, NOIOMMU), -UIOMMU_EINVAL);
		rights(&w, false);
		assert_int_equal(legacy_open(&d), -UIOMMU_EPERM);
		rights(&w, true);
		assert_true(legacy_open(&d) >= 0);
		assert_int_equal(legacy_map(&w, container, IOVA, w.memory, PAGE, LEGACY_RW),
				 -UAPI_ENOTTY);
		assert_int_equal(legacy_unmap(&w, container, IOVA, PAGE, 0, NULL), -UAPI_ENOTTY);
		assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_GET_INFO, &info),
				 -UAPI_ENOTTY);
		phys = uiommu_posix_ptr_to_phys(machine_host(w.machine), w.memory);
		/* What the program has not pinned stays where it is only by luck: here it is told of. */
		assert_int_equal(uiommu_port_user_pin(machine_host(w.machine), (uintptr_t)w.memory,
						      1, true, &phys),
				 0);
		assert_true(legacy_reaches(&d, phys, w.memory));
		uiommu_port_user_unpin(machine_host(w.machine), &phys, 1);
		assert_int_equal(legacy_unset_container(&w, d.group), -UIOMMU_EBUSY);
		assert_int_equal(uiommu_uapi_close(w.process, d.fd), 0);
		assert_int_equal(legacy_unset_container(&w, d.group), 0);
		assert_int_equal(legacy_extension(&w, container, TYPE1V2), 1);
		world_stop(&w);
	}
}

/* The two kinds never meet; on the same bus each device is what it is */
static void test_mixing(void **state)
{
	struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	struct legacy_device real, bare;
	struct world w;
	int one, two;

	(void)state;
	world_start(&w, "q35-mixed", &config);
	one = legacy_container(&w);
	two = legacy_container(&w);
	legacy_bind(&real, &w, "solo0");
	assert_false(w.uapi->vfio->tainted);
	legacy_bind(&bare, &w, "hidden0");
	assert_true(legacy_group(&real) >= 0);
	assert_true(legacy_group(&bare) >= 0);
	assert_int_equal(legacy_set_container(&w, real.group, one), 0);
	assert_int_equal(legacy_set_container(&w, bare.group, one), -UIOMMU_EPERM);
	assert_int_equal(legacy_set_iommu(&w, one, NOIOMMU), -UIOMMU_ENODEV);
	assert_int_equal(legacy_set_iommu(&w, one, TYPE1V2), 0);
	assert_int_equal(legacy_set_container(&w, bare.group, one), -UIOMMU_EPERM);
	assert_int_equal(legacy_set_container(&w, bare.group, two), 0);
	assert_int_equal(legacy_set_iommu(&w, two, NOIOMMU), 0);
	assert_int_equal(legacy_unset_container(&w, real.group), 0);
	assert_int_equal(legacy_set_container(&w, real.group, two), -UIOMMU_EPERM);
	assert_int_equal(legacy_set_container(&w, real.group, one), 0);
	assert_int_equal(legacy_set_iommu(&w, one, TYPE1V2), 0);
	assert_true(legacy_open(&real) >= 0);
	assert_true(legacy_open(&bare) >= 0);
	assert_int_equal(legacy_map(&w, one, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	assert_true(legacy_reaches(&real, IOVA, w.memory));
	/* When both have left it, a container takes either kind. */
	legacy_stop(&real);
	legacy_stop(&bare);
	assert_true(legacy_group(&bare) >= 0);
	assert_int_equal(legacy_set_container(&w, bare.group, one), 0);
	world_stop(&w);
}

/* With an iommufd: that is in no-IOMMU mode then, and has no address space for VFIO */
static void test_iommufd(void **state)
{
	struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	struct abi_iommu_vfio_ioas get = { .size = sizeof(get), .op = ABI_IOMMU_VFIO_IOAS_GET };
	struct legacy_device real, bare;
	struct world w;
	int fd, other;

	(void)state;
	world_start(&w, "q35-mixed", &config);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	other = uiommu_uapi_open(w.process, "/dev/iommu");
	legacy_bind(&real, &w, "solo0");
	legacy_bind(&bare, &w, "hidden0");
	assert_true(legacy_group(&real) >= 0);
	assert_true(legacy_group(&bare) >= 0);
	rights(&w, false);
	assert_int_equal(legacy_set_container(&w, bare.group, fd), -UIOMMU_EPERM);
	rights(&w, true);
	assert_int_equal(legacy_set_container(&w, bare.group, fd), 0);
	assert_int_equal(legacy_call(&w, fd, ABI_IOMMU_VFIO_IOAS, &get), -UIOMMU_ENODEV);
	assert_int_equal(legacy_set_container(&w, real.group, fd), -UIOMMU_EINVAL);
	assert_int_equal(legacy_set_iommu(&w, fd, TYPE1V2), -UIOMMU_EINVAL);
	assert_int_equal(legacy_set_iommu(&w, fd, NOIOMMU), 0);
	rights(&w, false);
	assert_int_equal(legacy_open(&bare), -UIOMMU_EPERM);
	rights(&w, true);
	assert_true(legacy_open(&bare) >= 0);
	/* A group gives an iommufd up at any time, and may take a container: the device is not that one's. */
	assert_int_equal(legacy_unset_container(&w, bare.group), 0);
	assert_int_equal(legacy_set_container(&w, bare.group, legacy_container(&w)), 0);
	assert_int_equal(uiommu_uapi_close(w.process, bare.fd), 0);
	bare.fd = -1;
	assert_int_equal(legacy_unset_container(&w, bare.group), 0);
	assert_int_equal(legacy_set_container(&w, real.group, other), 0);
	assert_int_equal(legacy_set_container(&w, bare.group, other), -UIOMMU_EINVAL);
	assert_true(legacy_open(&real) >= 0);
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_mixing),
		cmocka_unit_test(test_iommufd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
