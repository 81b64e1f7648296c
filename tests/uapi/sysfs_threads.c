/* SPDX-License-Identifier: MIT */
/* sysfs_threads.c - many threads at files under /sys, while devices and drivers come and go */
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

/* ---- many at once ------------------------------------------------------------------------------ */

struct crowd {
	struct tree t;
	_Atomic(bool) stop;
	_Atomic(unsigned int) reads, errors;
};

struct crowd_walk {
	struct crowd *crowd;
	const char *path;
};

static void crowd_read(struct crowd *crowd, const char *path);

static int crowd_visit(const struct uiommu_uapi_entry *entry, void *context)
{
	const struct crowd_walk *walk = context;
	char path[TREE_PATH];

	tree_path(path, "%s/%s", walk->path, entry->name);
	if (entry->kind == UIOMMU_UAPI_NODE_DIRECTORY) {
		crowd_read(walk->crowd, path);
	} else if (entry->kind == UIOMMU_UAPI_NODE_FILE) {
		char text[SYSFS_PAGE];
		long rc = uiommu_uapi_sysfs_read(walk->crowd->t.w.process, path, text, 64, 0);

		walk->crowd->reads++;
		/* It may have gone since it was listed. */
		if (rc < 0 && rc != -UAPI_EACCES && rc != -UIOMMU_ENOENT && rc != -UIOMMU_EIO)
			walk->crowd->errors++;
	} else {
		struct uiommu_uapi_stat stat;
		int rc = uiommu_uapi_sysfs_stat(walk->crowd->t.w.uapi, path, &stat);

		if (rc && rc != -UIOMMU_ENOENT)
			walk->crowd->errors++;
	}
	return walk->crowd->stop;
}

static void crowd_read(struct crowd *crowd, const char *path)
{
	struct crowd_walk walk = { crowd, path };
	int rc = uiommu_uapi_sysfs_list(crowd->t.w.uapi, path, crowd_visit, &walk);

	if (rc < 0 && rc != -UIOMMU_ENOENT)
		crowd->errors++;
}

static void *crowd_reader(void *context)
{
	static const char *const places[] = {
		"/sys/bus/pci/drivers",
		"/sys/devices/pci0000:00/0000:00:02.0",
		"/sys/class",
		"/dev",
		"/sys/kernel/iommu_groups",
		"/sys/devices/virtual",
	};
	struct crowd *crowd = context;

	while (!crowd->stop)
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
			crowd_read(crowd, places[i]);
	return NULL;
}

/* Gives a device of its own to VFIO and takes it back, by files, and tries to do so with everybody's. */
static void *crowd_writer(void *context)
{
	struct crowd *crowd = context;
	struct tree *t = &crowd->t;

	for (unsigned int i = 0; i < 60; i++) {
		tree_write(t, i % 3 ? "vfio-pci" : "\n",
			   PCI "/devices/0000:00:02.0/driver_override");
		tree_write(t, "0000:00:02.0", PCI "/drivers_probe");
		tree_write(t, "0000:00:02.0", PCI "/drivers/vfio-pci/unbind");
		tree_write(t, "0000:00:02.0", PCI "/drivers/machine-dma/unbind");
		tree_write(t, i % 2 ? "1234 11e8" : "1234 1da0", PCI "/drivers/vfio-pci/new_id");
		tree_write(t, i % 2 ? "1234 11e8" : "1234 1da0", PCI "/drivers/vfio-pci/remove_id");
		tree_write(t, i % 2 ? "identity" : "DMA", "/sys/kernel/iommu_groups/0/type");
		tree_write(t, "1", PCI "/devices/0000:00:09.0/reset");
	}
	return NULL;
}

static void test_crowd(void **state)
{
	struct crowd crowd = { .errors = 0 };
	pthread_t readers[3], writers[2];
	struct tree *t = &crowd.t;

	(void)state;
	tree_start(t, "q35-vtd", NULL);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, crowd_reader, &crowd), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, crowd_writer, &crowd), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	crowd.stop = true;
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	/* Whichever came last. */
	uiommu_uapi_unbind_driver(tree_device(t, "solo0"));
	assert_int_equal(tree_write(t, "DMA", "/sys/kernel/iommu_groups/0/type"), 0);
	assert_true(crowd.reads > 100);
	assert_int_equal(crowd.errors, 0);
	tree_stop(t);
}

/* A device goes while somebody gives it to a driver by name: after that it has none, or is not there. */
static void *name_it(void *context)
{
	struct crowd *crowd = context;

	while (!crowd->stop) {
		tree_write(&crowd->t, "vfio-pci", PCI "/devices/0000:00:02.0/driver_override");
		tree_write(&crowd->t, "0000:00:02.0", PCI "/drivers/vfio-pci/bind");
		tree_write(&crowd->t, "0000:00:02.0", PCI "/devices/0000:00:02.0/driver/unbind");
		crowd->reads++;
	}
	return NULL;
}

static void test_unplug(void **state)
{
	struct crowd crowd = { .errors = 0 };
	struct tree *t = &crowd.t;
	pthread_t thread;

	(void)state;
	tree_start(t, "q35-vtd", NULL);
	assert_int_equal(pthread_create(&thread, NULL, name_it, &crowd), 0);
	for (unsigned int i = 0; i < 40; i++) {
		struct machine_device *device = world_device(&t->w, "solo0");
		unsigned int reads = crowd.reads;
		struct uiommu_uapi_device *known;

		while (crowd.reads == reads)
			;
		uiommu_uapi_remove_device(tree_device(t, "solo0"));
		assert_true(tree_exists(t, "/sys/kernel/iommu_groups/0"));
		assert_int_equal(machine_uapi_add(device, t->w.uapi, &known), 0);
	}
	crowd.stop = true;
	pthread_join(thread, NULL);
	tree_stop(t);
}

/*
 * The device goes while somebody who has found it waits for his turn to bind it: the host's own driver, which lets go
 * of it last, sees to that.
 */
struct late {
	struct tree t;
	_Atomic(struct uiommu_mutex *) mutex; /* of the device */
	_Atomic(bool) started, waits;
	pthread_t thread;
	long result;
};

static _Thread_local bool is_late;

static void late_locking(void *context, struct uiommu_mutex *mutex)
{
	struct late *late = context;

	if (is_late && mutex == late->mutex)
		late->waits = true;
}

static void *late_bind(void *context)
{
	struct late *late = context;

	is_late = true;
	late->result = tree_write(&late->t, "0000:00:02.0", PCI "/drivers/late/bind");
	return NULL;
}

static int late_native_bind(void *context)
{
	(void)context;
	return 0;
}

static void late_native_unbind(void *context)
{
	struct late *late = context;

	/* Only the first time: if it was bound again that is for the test to find. */
	if (late->started)
		return;
	late->started = true;
	assert_int_equal(pthread_create(&late->thread, NULL, late_bind, late), 0);
	while (!late->waits)
		;
}

static void test_bind_after_unplug(void **state)
{
	struct late late = { .result = 0 };
	const struct uiommu_posix_hooks hooks = {
		.context = &late,
		.mutex_locking = late_locking,
	};
	struct machine_uapi_io mine;
	struct uiommu_uapi_device_io io;
	struct uiommu_uapi_device_config config = {
		.io = &io,
		.native_driver = "late",
		.native_bound = true,
		.native_bind = late_native_bind,
		.native_unbind = late_native_unbind,
		.context = &late,
	};
	struct uiommu_uapi_device *known;

	(void)state;
	tree_start_hooked(&late.t, "q35-vtd", NULL, &hooks);
	uiommu_uapi_remove_device(tree_device(&late.t, "solo0"));
	config.dev = machine_device_uiommu(world_device(&late.t.w, "solo0"));
	assert_int_equal(machine_device_io(world_device(&late.t.w, "solo0"), &mine, &io), 0);
	assert_int_equal(uiommu_uapi_add_device(late.t.w.uapi, &config, &known), 0);
	late.mutex = &known->lock;
	uiommu_uapi_remove_device(known);
	pthread_join(late.thread, NULL);
	assert_int_equal(late.result, -UIOMMU_ENODEV);
	tree_stop(&late.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_unplug),
		cmocka_unit_test(test_bind_after_unplug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
