/* SPDX-License-Identifier: MIT */
/* sysfs_write.c - files under /sys that act: drivers, default domains, parameters, mediated devices */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/uapi_io.h"
#include "src/uapi/sysfs.h"
#include "tests/uapi/tree.h"

#define PCI "/sys/bus/pci"

static const char *driver_of(struct tree *t, const char *label)
{
	return uiommu_uapi_device_driver(tree_device(t, label));
}

/* ---- driver_override, bind, unbind ------------------------------------------------------------- */

static void test_override(void **state)
{
	const char *path = PCI "/devices/0000:00:02.0/driver_override";
	char text[5000];
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(tree_write(&t, "vfio-pci", "%s", path), 0);
	tree_says(&t, "vfio-pci\n", "%s", path);
	assert_int_equal(tree_write(&t, "any\nthing\n", "%s", path), 0);
	tree_says(&t, "any\n", "%s", path);
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, "x", 0, 0), 0);
	tree_says(&t, "any\n", "%s", path);
	assert_int_equal(tree_write(&t, "\n", "%s", path), 0);
	tree_says(&t, "(null)\n", "%s", path);
	memset(text, 'a', sizeof(text));
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, text, 4095, 0), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, text, 4096, 0), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, text, 4094, 0), 4094);
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, text, sizeof(text), 0), 4095);
	/* It goes with the device. */
	uiommu_uapi_remove_device(tree_device(&t, "solo0"));
	assert_int_equal(tree_write(&t, "a", "%s", path), -UIOMMU_ENOENT);
	tree_stop(&t);
}

static void test_bind(void **state)
{
	const char *override = PCI "/devices/0000:00:02.0/driver_override";
	const char *vfio = PCI "/drivers/vfio-pci", *own = PCI "/drivers/machine-dma";
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	/* vfio-pci takes only what it is told to. */
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0\n", "%s/bind", own), 0);
	assert_string_equal(driver_of(&t, "solo0"), "machine-dma");
	assert_int_equal(tree_write(&t, "0000:00:02.0\n", "%s/bind", own), -UIOMMU_EBUSY);
	assert_int_equal(tree_write(&t, "vfio-pci", "%s", override), 0);
	/* A word does not take it away from anybody. */
	assert_string_equal(driver_of(&t, "solo0"), "machine-dma");
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", vfio), -UIOMMU_EBUSY);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/unbind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/unbind", own), 0);
	assert_null(driver_of(&t, "solo0"));
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/unbind", own), -UIOMMU_ENODEV);
	/* With the override its own driver cannot have it. */
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", own), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", vfio), 0);
	assert_string_equal(driver_of(&t, "solo0"), "vfio-pci");
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/unbind", own), -UIOMMU_ENODEV);
	assert_string_equal(driver_of(&t, "solo0"), "vfio-pci");
	/* The way that scripts take. */
	assert_int_equal(
		tree_write(&t, "0000:00:02.0\n", PCI "/devices/0000:00:02.0/driver/unbind"), 0);
	assert_null(driver_of(&t, "solo0"));
	/* Who is not there, or is a bridge that nobody told of, or is nobody's. */
	assert_int_equal(tree_write(&t, "0000:00:02.1", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:03.0", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0 ", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0\n\n", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "no-such-driver", "%s", override), 0);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0",
				    "/sys/bus/platform/drivers/vfio-platform/bind"),
			 -UIOMMU_ENODEV);
	assert_int_equal(uiommu_uapi_sysfs_write(t.nobody, PCI "/drivers/vfio-pci/bind",
						 "0000:00:02.0", 12, 0),
			 -UAPI_EACCES);
	tree_stop(&t);
}

/* Drivers' own errors come through bind. */
static void test_bind_errors(void **state)
{
	struct uiommu_group *group;
	struct tree t;
	int owner;

	(void)state;
	tree_start(&t, "q35-mixed", NULL);
	assert_int_equal(tree_write(&t, "vfio-pci", PCI "/devices/%s/driver_override",
				    tree_name(&t, "hidden0")),
			 0);
	assert_int_equal(tree_write(&t, tree_name(&t, "hidden0"), PCI "/drivers/vfio-pci/bind"),
			 -UIOMMU_EINVAL);
	/* A driver's own probe failed: for drivers_probe that is as if there were none. */
	assert_int_equal(tree_write(&t, tree_name(&t, "hidden0"), PCI "/drivers_probe"), 0);
	assert_null(driver_of(&t, "hidden0"));

	group = uiommu_group_get(machine_device_uiommu(world_device(&t.w, "solo1")));
	assert_int_equal(uiommu_group_claim_dma_owner(group, &owner), 0);
	assert_int_equal(tree_write(&t, tree_name(&t, "solo1"), PCI "/drivers/machine-dma/bind"),
			 -UIOMMU_EBUSY);
	assert_int_equal(tree_write(&t, tree_name(&t, "solo1"), PCI "/drivers_probe"),
			 -UIOMMU_EINVAL);
	uiommu_group_release_dma_owner(group);
	uiommu_group_put(group);
	assert_int_equal(tree_write(&t, tree_name(&t, "solo1"), PCI "/drivers_probe"), 0);
	assert_string_equal(driver_of(&t, "solo1"), "machine-dma");
	tree_stop(&t);
}

static void test_drivers_probe(void **state)
{
	const char *probe = PCI "/drivers_probe";
	const char *override = PCI "/devices/0000:00:02.0/driver_override";
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(tree_write(&t, "0000:00:02.0\n", "%s", probe), 0);
	assert_string_equal(driver_of(&t, "solo0"), "machine-dma");
	/* It has one: nothing to do. */
	assert_int_equal(tree_write(&t, "vfio-pci", "%s", override), 0);
	assert_int_equal(tree_write(&t, "0000:00:02.0\n", "%s", probe), 0);
	assert_string_equal(driver_of(&t, "solo0"), "machine-dma");
	assert_int_equal(tree_write(&t, "0000:00:02.0", PCI "/drivers/machine-dma/unbind"), 0);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s", probe), 0);
	assert_string_equal(driver_of(&t, "solo0"), "vfio-pci");
	assert_int_equal(tree_write(&t, "0000:00:02.0", PCI "/drivers/vfio-pci/unbind"), 0);
	assert_int_equal(tree_write(&t, "no-such-driver", "%s", override), 0);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s", probe), 0);
	assert_null(driver_of(&t, "solo0"));
	assert_int_equal(tree_write(&t, "0000:00:02.7", "%s", probe), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "/sys/bus/platform/drivers_probe"),
			 -UIOMMU_ENODEV);
	/* A bridge is there, and has no driver to look for. */
	assert_int_equal(tree_write(&t, "0000:00:03.0", "%s", probe), 0);
	tree_stop(&t);
}

static void test_new_id(void **state)
{
	const char *vfio = PCI "/drivers/vfio-pci";
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "solo1"), "machine-dma"), 0);
	assert_int_equal(tree_write(&t, "other", PCI "/devices/%s/driver_override",
				    tree_name(&t, "solo2")),
			 0);
	assert_int_equal(tree_write(&t, "1234", "%s/new_id", vfio), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "edu", "%s/new_id", vfio), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "1234 11e8", "%s/remove_id", vfio), -UIOMMU_ENODEV);
	/* Another class, subsystem, device. */
	assert_int_equal(
		tree_write(&t, "1234 11e8 ffffffff ffffffff 20000 ff0000", "%s/new_id", vfio), 0);
	assert_int_equal(tree_write(&t, "1234 11e8 1af4 1100", "%s/new_id", vfio), 0);
	assert_int_equal(tree_write(&t, "1234 11e9", "%s/new_id", vfio), 0);
	assert_null(driver_of(&t, "solo0"));
	/* All of this kind that are free. */
	assert_int_equal(tree_write(&t, "1234 11e8\n", "%s/new_id", vfio), 0);
	assert_string_equal(driver_of(&t, "solo0"), "vfio-pci");
	assert_string_equal(driver_of(&t, "trio2"), "vfio-pci");
	assert_string_equal(driver_of(&t, "solo1"), "machine-dma");
	assert_null(driver_of(&t, "solo2"));
	assert_null(driver_of(&t, "pasid0"));
	assert_int_equal(tree_write(&t, "1234 11e8", "%s/new_id", vfio), -UIOMMU_EEXIST);
	/* It is bound by the ID from now on. */
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/unbind", vfio), 0);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", vfio), 0);
	assert_int_equal(tree_write(&t, "1234", "%s/remove_id", vfio), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "1234 11e8", "%s/remove_id", vfio), 0);
	/* Who has it keeps it. */
	assert_string_equal(driver_of(&t, "solo0"), "vfio-pci");
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/unbind", vfio), 0);
	assert_int_equal(tree_write(&t, "0000:00:02.0", "%s/bind", vfio), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "1234 11e8", "%s/remove_id", vfio), -UIOMMU_ENODEV);
	tree_stop(&t);
}

/* ---- an open device is waited for -------------------------------------------------------------- */

struct unbinder {
	struct tree *t;
	_Atomic(bool) done;
	long result;
};

static void *unbind_thread(void *context)
{
	struct unbinder *unbinder = context;

	unbinder->result = uiommu_uapi_sysfs_write(
		unbinder->t->w.process, PCI "/drivers/vfio-pci/unbind", "0000:00:02.0", 12, 0);
	unbinder->done = true;
	return NULL;
}

static void test_unbind_waits(void **state)
{
	struct unbinder unbinder = { 0 };
	pthread_t thread;
	struct tree t;
	int fd;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	unbinder.t = &t;
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "solo0"), "vfio-pci"), 0);
	fd = uiommu_uapi_open(t.w.process, "/dev/vfio/devices/vfio0");
	assert_true(fd >= 0);
	assert_int_equal(pthread_create(&thread, NULL, unbind_thread, &unbinder), 0);
	while (tree_exists(&t, PCI "/devices/0000:00:02.0/driver"))
		;
	/* Nobody finds it any more; its group is there as long as somebody uses it. */
	assert_false(tree_exists(&t, "/dev/vfio/devices"));
	assert_int_equal(tree_count(&t, "/sys/class/vfio-dev"), 0);
	assert_true(tree_exists(&t, "/dev/vfio/0"));
	assert_false(unbinder.done);
	assert_int_equal(uiommu_uapi_close(t.w.process, fd), 0);
	pthread_join(thread, NULL);
	assert_int_equal(unbinder.result, 12);
	assert_false(tree_exists(&t, "/dev/vfio/0"));
	tree_stop(&t);
}

/* ---- default domains --------------------------------------------------------------------------- */

static void test_type(void **state)
{
	static const char *const refused[] = {
		"blocked", "unmanaged", "unknown", "dma", "", " DMA"
	};
	const char *path = "/sys/kernel/iommu_groups/0/type";
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	tree_says(&t, "DMA\n", "%s", path);
	/* Both capabilities are needed, before anything is looked at. */
	for (unsigned int i = 0; i < 2; i++) {
		uiommu_uapi_process_set_capabilities(
			t.w.process, UIOMMU_UAPI_CAP_ALL & ~(i ? UIOMMU_UAPI_CAP_SYS_ADMIN :
								 UIOMMU_UAPI_CAP_SYS_RAWIO));
		assert_int_equal(tree_write(&t, "identity", "%s", path), -UAPI_EACCES);
		assert_int_equal(tree_write(&t, "nonsense", "%s", path), -UAPI_EACCES);
	}
	uiommu_uapi_process_set_capabilities(t.w.process, UIOMMU_UAPI_CAP_ALL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (*refused[i])
			assert_int_equal(tree_write(&t, refused[i], "%s", path), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "identity\n", "%s", path), 0);
	tree_says(&t, "identity\n", "%s", path);
	assert_int_equal(tree_write(&t, "DMA-FQ", "%s", path), 0);
	tree_says(&t, "DMA-FQ\n", "%s", path);
	assert_int_equal(tree_write(&t, "auto", "%s", path), 0);
	tree_says(&t, "DMA\n", "%s", path);

	/* With its driver only the flush queue can be had, and not be given back. */
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "solo0"), "machine-dma"), 0);
	assert_int_equal(tree_write(&t, "identity", "%s", path), -UIOMMU_EPERM);
	assert_int_equal(tree_write(&t, "nonsense", "%s", path), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "DMA-FQ", "%s", path), 0);
	tree_says(&t, "DMA-FQ\n", "%s", path);
	assert_int_equal(tree_write(&t, "DMA", "%s", path), -UIOMMU_EPERM);
	assert_int_equal(uiommu_uapi_unbind_driver(tree_device(&t, "solo0")), 0);
	assert_int_equal(tree_write(&t, "DMA", "%s", path), 0);
	tree_says(&t, "DMA\n", "%s", path);

	/* Owned by a program. */
	{
		struct uiommu_group *group =
			uiommu_group_get(machine_device_uiommu(world_device(&t.w, "solo0")));

		assert_int_equal(uiommu_group_claim_dma_owner(group, &t), 0);
		assert_int_equal(tree_write(&t, "identity", "%s", path), -UIOMMU_EPERM);
		assert_int_equal(tree_write(&t, "DMA-FQ", "%s", path), -UIOMMU_EPERM);
		uiommu_group_release_dma_owner(group);
		uiommu_group_put(group);
	}
	/* Through the device. */
	assert_int_equal(tree_write(&t, "identity", PCI "/devices/0000:00:02.0/iommu_group/type"),
			 0);
	tree_says(&t, "identity\n", "%s", path);
	assert_int_equal(tree_write(&t, "DMA", "%s", path), 0);
	tree_stop(&t);
}

/* Who may not be trusted gets neither identity nor a flush queue, bound or not. */
static void test_type_untrusted(void **state)
{
	struct machine_device *device;
	struct uiommu_device_desc desc;
	struct uiommu_device *dev;
	char path[TREE_PATH];
	struct world w;
	struct tree t;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	t.w = w;
	device = world_device(&w, "solo0");
	machine_device_desc(device, &desc);
	/* Who reads keeps no group: its number is free when its device is gone. */
	assert_true(tree_exists(&t, "/sys/kernel/iommu_groups/0/type"));
	uiommu_device_remove(machine_device_uiommu(device));
	machine_device_set_uiommu(device, NULL);
	desc.untrusted = true;
	assert_int_equal(uiommu_device_add(machine_system(w.machine), &desc, &dev), 0);
	machine_device_set_uiommu(device, dev);
	/* The core alone knows the device: its group is shown all the same. */
	{
		struct uiommu_group *group = uiommu_group_get(dev);

		assert_int_equal(uiommu_group_id(group), 0);
		tree_path(path, "/sys/kernel/iommu_groups/%u/type", uiommu_group_id(group));
		uiommu_group_put(group);
	}
	tree_says(&t, "DMA\n", "%s", path);
	for (unsigned int bound = 0; bound < 2; bound++) {
		assert_int_equal(tree_write(&t, "DMA-FQ", "%s", path), -UIOMMU_EINVAL);
		assert_int_equal(tree_write(&t, "identity", "%s", path),
				 bound ? -UIOMMU_EPERM : -UIOMMU_EINVAL);
		tree_says(&t, "DMA\n", "%s", path);
		if (!bound)
			assert_int_equal(uiommu_device_bind_driver(dev, 0), 0);
	}
	uiommu_device_unbind_driver(dev);
	world_stop(&w);
}

static struct uiommu_ops hurried; /* a driver that cannot flush later; filled in by the machine */

static bool not_later(struct uiommu_device *dev, enum uiommu_cap cap)
{
	return cap != UIOMMU_CAP_DEFERRED_FLUSH && cap == UIOMMU_CAP_CACHE_COHERENCY && dev;
}

static const struct uiommu_ops *hurry(void *context, const struct uiommu_ops *ops)
{
	(void)context;
	hurried = *ops;
	hurried.capable = not_later;
	return &hurried;
}

static void test_type_flush(void **state)
{
	struct machine_options options = {
		.name = "q35-vtd",
		.hardware = "model",
		.seed = 1,
		.wrap_ops = hurry,
	};
	const struct uiommu_uapi_process_config process = { .capabilities = UIOMMU_UAPI_CAP_ALL };
	struct uiommu_uapi_config config = { 0 };
	char error[256];
	struct tree t = { 0 };

	(void)state;
	assert_int_equal(machine_create(&options, &t.w.machine, error, sizeof(error)), 0);
	assert_int_equal(machine_boot(t.w.machine, 0, error, sizeof(error)), 0);
	config.sys = machine_system(t.w.machine);
	assert_int_equal(uiommu_uapi_create(&config, &t.w.uapi), 0);
	assert_int_equal(uiommu_uapi_process_create(t.w.uapi, &process, &t.w.process), 0);
	assert_int_equal(tree_write(&t, "DMA-FQ", "/sys/kernel/iommu_groups/0/type"),
			 -UIOMMU_EINVAL);
	tree_says(&t, "DMA\n", "/sys/kernel/iommu_groups/0/type");
	assert_int_equal(tree_write(&t, "identity", "/sys/kernel/iommu_groups/0/type"), 0);
	uiommu_uapi_process_destroy(t.w.process);
	uiommu_uapi_destroy(t.w.uapi);
	machine_shutdown(t.w.machine);
	machine_destroy(t.w.machine);
}

/* ---- events -------------------------------------------------------------------------------------- */

static void test_uevent(void **state)
{
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(tree_write(&t, "add\n", PCI "/devices/0000:00:02.0/uevent"), 0);
	assert_int_equal(tree_write(&t, "added", PCI "/devices/0000:00:02.0/uevent"),
			 -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "change", PCI "/drivers/vfio-pci/uevent"), 0);
	assert_int_equal(tree_write(&t, "remove", "/sys/class/iommu/dmar0/uevent"), 0);
	tree_stop(&t);
}

/* ---- platform devices -------------------------------------------------------------------------- */

static uint32_t bank_read(void *context, unsigned int region, uint64_t offset, unsigned int size)
{
	(void)context;
	(void)region;
	(void)offset;
	(void)size;
	return 0;
}

static void bank_write(void *context, unsigned int region, uint64_t offset, unsigned int size,
		       uint32_t value)
{
	(void)context;
	(void)region;
	(void)offset;
	(void)size;
	(void)value;
}

static void test_platform(void **state)
{
	const struct uiommu_uapi_config config = { .platform_reset_not_required = true };
	const struct uiommu_uapi_platform_region region = { .address = 0x9070000, .size = 0x2000 };
	struct uiommu_uapi_platform_io io = {
		.regions = &region,
		.num_regions = 1,
		.read = bank_read,
		.write = bank_write,
		.compatible = "uiommu,platform-dma",
	};
	const char *path = "/sys/bus/platform/devices/9070000.dma";
	const char *driver = "/sys/bus/platform/drivers/vfio-platform";
	struct uiommu_uapi_device *known;
	struct tree t;

	(void)state;
	tree_start(&t, "virt-smmuv3-platform", &config);
	/* The core knows of it: that is not enough to give it to anybody. */
	tree_says(&t, "platform:9070000.dma\n", "%s/modalias", path);
	assert_false(tree_exists(&t, "%s/driver_override", path));
	assert_int_equal(tree_write(&t, "9070000.dma", "%s/bind", driver), -UIOMMU_ENODEV);
	assert_int_equal(uiommu_uapi_add_device(t.w.uapi,
						&(struct uiommu_uapi_device_config){
							.dev = machine_device_uiommu(
								world_device(&t.w, "platform0")),
							.bus = UIOMMU_UAPI_PLATFORM,
							.platform = &io,
						},
						&known),
			 0);
	tree_says(&t, "of:NdmaT(null)Cuiommu,platform-dma\n", "%s/modalias", path);
	tree_says(&t,
		  "OF_COMPATIBLE_0=uiommu,platform-dma\nOF_COMPATIBLE_N=1\n"
		  "MODALIAS=of:NdmaT(null)Cuiommu,platform-dma\n",
		  "%s/uevent", path);
	assert_int_equal(tree_write(&t, "9070000.dma", "%s/bind", driver), -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "vfio-platform", "%s/driver_override", path), 0);
	assert_int_equal(tree_write(&t, "9070000.dma", PCI "/drivers/vfio-pci/bind"),
			 -UIOMMU_ENODEV);
	assert_int_equal(tree_write(&t, "9070000.dma", "/sys/bus/platform/drivers_probe"), 0);
	tree_links(&t, "../../../bus/platform/drivers/vfio-platform", "%s/driver", path);
	tree_links(&t, "../../../../devices/platform/9070000.dma", "%s/9070000.dma", driver);
	tree_links(&t, "../../../9070000.dma", "%s/vfio-dev/vfio0/device", path);
	tree_says(&t,
		  "DRIVER=vfio-platform\n"
		  "OF_COMPATIBLE_0=uiommu,platform-dma\nOF_COMPATIBLE_N=1\n"
		  "MODALIAS=of:NdmaT(null)Cuiommu,platform-dma\n",
		  "%s/uevent", path);
	assert_int_equal(tree_write(&t, "9070000.dma", "%s/driver/unbind", path), 0);
	assert_int_equal(tree_write(&t, "9070000.dma", "%s/bind", driver), 0);
	uiommu_uapi_remove_device(known);
	assert_false(tree_exists(&t, "%s/driver", path));
	tree_stop(&t);
}

/* ---- parameters of modules --------------------------------------------------------------------- */

static void test_parameters(void **state)
{
	static const struct {
		const char *word;
		int result; /* 1, 0, or an error */
	} words[] = {
		{ "1\n", 1 }, { "N", 0 },  { "y", 1 },	 { "off", 0 }, { "on\n", 1 }, { "0", 0 },
		{ "T", 1 },   { "of", 0 }, { "2", -22 }, { "o", -22 }, { "", 0 },     { "\n", -22 },
	};
	static const char *const options[] = {
		"vfio/parameters/enable_unsafe_noiommu_mode",
		"iommufd/parameters/allow_unsafe_interrupts",
		"vfio_iommu_type1/parameters/allow_unsafe_interrupts",
		"vfio_iommu_type1/parameters/disable_hugepages",
	};
	const char *limit = "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit";
	struct tree t;

	(void)state;
	tree_start(&t, "q35-mixed", NULL);
	for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++)
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			long rc = tree_write(&t, words[i].word, "/sys/module/%s", options[o]);

			assert_int_equal(rc, words[i].result < 0 ? words[i].result : 0);
			/* Nothing is written by nothing, or by nonsense. */
			if (i < 8)
				tree_says(&t, words[i].result ? "Y\n" : "N\n", "/sys/module/%s",
					  options[o]);
			else
				tree_says(&t, "N\n", "/sys/module/%s", options[o]);
		}
	assert_int_equal(tree_write(&t, "12\n", "%s", limit), 0);
	tree_says(&t, "12\n", "%s", limit);
	assert_int_equal(tree_write(&t, "0", "%s", limit), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "-1", "%s", limit), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "4294967296", "%s", limit), -UIOMMU_ERANGE);
	tree_says(&t, "12\n", "%s", limit);
	assert_int_equal(tree_write(&t, "N", "/sys/module/vfio_platform/parameters/reset_required"),
			 -UAPI_EACCES);

	/* The device without an IOMMU can be had from now on. */
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "hidden0"), "vfio-pci"),
			 -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, "1", "/sys/module/%s", options[0]), 0);
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "hidden0"), "vfio-pci"), 0);
	tree_stop(&t);
}

/* ---- mediated devices -------------------------------------------------------------------------- */

#define TYPES "/sys/class/mdev_bus/mdma/mdev_supported_types"
#define UUID "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"

static void test_mediated(void **state)
{
	char path[64], group[64];
	struct uiommu_uapi_mdev *mdev;
	struct tree t;
	int fd;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	tree_says(&t, "16\n", TYPES "/mdma-8/available_instances");
	tree_says(&t, "vfio-platform\n", TYPES "/mdma-8/device_api");
	assert_int_equal(tree_write(&t, "nonsense", TYPES "/mdma-8/create"), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, UUID "0", TYPES "/mdma-8/create"), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(&t, UUID "\n", TYPES "/mdma-8/create"), 0);
	assert_int_equal(tree_write(&t, UUID, TYPES "/mdma-256/create"), -UIOMMU_EEXIST);
	tree_says(&t, "15\n", TYPES "/mdma-256/available_instances");
	mdev = uiommu_uapi_mdev_find(t.w.uapi, UUID);
	assert_non_null(mdev);
	tree_links(&t, "../../../devices/virtual/mdma/mdma/" UUID, "/sys/bus/mdev/devices/" UUID);
	tree_links(&t, "../mdev_supported_types/mdma-8",
		   "/sys/bus/mdev/devices/" UUID "/mdev_type");
	tree_links(&t, "../../../" UUID, TYPES "/mdma-8/devices/" UUID);
	tree_links(&t, "../../../../../bus/mdev/drivers/mdma",
		   "/sys/bus/mdev/devices/" UUID "/driver");
	tree_links(&t, "../../../" UUID, "/sys/bus/mdev/devices/" UUID "/vfio-dev/vfio0/device");
	/* A group of its own, which is no no-IOMMU one. */
	assert_true(uiommu_uapi_mdev_group_path(mdev, group, sizeof(group)) > 0);
	assert_true(tree_exists(&t, "%s", group));
	tree_says(&t, "vfio-noiommu\n", "/sys/bus/mdev/devices/" UUID "/iommu_group/name");
	tree_links(&t, "../../../../devices/virtual/mdma/mdma/" UUID,
		   "/sys/kernel/iommu_groups/%s/devices/" UUID, strrchr(group, '/') + 1);
	assert_false(tree_exists(&t, "/sys/bus/mdev/devices/" UUID "/iommu"));
	assert_true(uiommu_uapi_mdev_cdev_path(mdev, path, sizeof(path)) > 0);
	fd = uiommu_uapi_open(t.w.process, path);
	assert_true(fd >= 0);
	assert_int_equal(uiommu_uapi_close(t.w.process, fd), 0);

	assert_int_equal(tree_write(&t, "0", "/sys/bus/mdev/devices/" UUID "/remove"), 0);
	assert_int_equal(tree_write(&t, "x", "/sys/bus/mdev/devices/" UUID "/remove"),
			 -UIOMMU_EINVAL);
	assert_true(tree_exists(&t, "/sys/bus/mdev/devices/" UUID));
	assert_int_equal(tree_write(&t, "1", "/sys/bus/mdev/devices/" UUID "/remove"), 0);
	assert_false(tree_exists(&t, "/sys/bus/mdev/devices/" UUID));
	assert_false(tree_exists(&t, "%s", group));
	tree_says(&t, "16\n", TYPES "/mdma-8/available_instances");
	for (unsigned int i = 0; i <= 16; i++) {
		char uuid[64];

		snprintf(uuid, sizeof(uuid), "83b8f4f2-509f-382f-3c1e-e6bfe0fa%04x", i);
		assert_int_equal(tree_write(&t, uuid, TYPES "/mdma-8/create"),
				 i < 16 ? 0 : -UAPI_EUSERS);
	}
	assert_int_equal(tree_count(&t, TYPES "/mdma-8/devices"), 16);
	tree_stop(&t);
}

static void *remove_thread(void *context)
{
	struct unbinder *unbinder = context;

	unbinder->result = uiommu_uapi_sysfs_write(
		unbinder->t->w.process, "/sys/bus/mdev/devices/" UUID "/remove", "1", 1, 0);
	unbinder->done = true;
	return NULL;
}

/* Of several who remove it one does, and waits until it is closed. */
static void test_mediated_leaves(void **state)
{
	struct unbinder unbinder[2] = { { 0 } };
	unsigned int removed = 0;
	pthread_t threads[2];
	struct tree t;
	int fd;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(tree_write(&t, UUID, TYPES "/mdma-8/create"), 0);
	fd = uiommu_uapi_open(t.w.process, "/dev/vfio/devices/vfio0");
	assert_true(fd >= 0);
	for (unsigned int i = 0; i < 2; i++) {
		unbinder[i].t = &t;
		assert_int_equal(pthread_create(&threads[i], NULL, remove_thread, &unbinder[i]), 0);
	}
	while (tree_exists(&t, "/dev/vfio/devices/vfio0") ||
	       (!unbinder[0].done && !unbinder[1].done))
		;
	assert_int_not_equal(unbinder[0].done, unbinder[1].done);
	assert_true(tree_exists(&t, "/sys/bus/mdev/devices/" UUID));
	assert_int_equal(uiommu_uapi_close(t.w.process, fd), 0);
	for (unsigned int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		removed += unbinder[i].result == 1;
		assert_true(unbinder[i].result == 1 || unbinder[i].result == -UIOMMU_ENODEV);
	}
	assert_int_equal(removed, 1);
	assert_false(tree_exists(&t, "/sys/bus/mdev/devices/" UUID));
	tree_stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_override),    cmocka_unit_test(test_bind),
		cmocka_unit_test(test_bind_errors), cmocka_unit_test(test_drivers_probe),
		cmocka_unit_test(test_new_id),	    cmocka_unit_test(test_unbind_waits),
		cmocka_unit_test(test_type),	    cmocka_unit_test(test_type_untrusted),
		cmocka_unit_test(test_type_flush),  cmocka_unit_test(test_uevent),
		cmocka_unit_test(test_platform),    cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_mediated),    cmocka_unit_test(test_mediated_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
