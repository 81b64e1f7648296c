/* SPDX-License-Identifier: MIT */
/* sysfs.c - the tree under /sys and /dev: what is in it, and paths that lead somewhere or nowhere */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/pci.h>
#include <uiommu/vtd.h>

#include "spec/pci.h"
#include "src/uapi/sysfs.h"
#include "tests/uapi/tree.h"

static const char *const machines[] = {
	"q35-vtd",
	"virt-smmuv3",
	"virt-smmuv3-platform",
	"q35-mixed",
};
#define NUM_MACHINES (sizeof(machines) / sizeof(machines[0]))

/* ---- all of it --------------------------------------------------------------------------------- */

struct walk {
	struct tree *t;
	const char *path; /* "" for the root */
	unsigned int entries, files, links, nodes, directories;
	char names[256][64]; /* of the directory that is listed */
	uint64_t inodes[256];
	enum uiommu_uapi_node_kind kinds[256];
};

static int take_name(const struct uiommu_uapi_entry *entry, void *context)
{
	struct walk *walk = context;

	assert_true(walk->entries < 256);
	assert_true(strlen(entry->name) < sizeof(walk->names[0]));
	assert_null(strchr(entry->name, '/'));
	for (unsigned int i = 0; i < walk->entries; i++)
		assert_string_not_equal(walk->names[i], entry->name);
	strcpy(walk->names[walk->entries], entry->name);
	walk->inodes[walk->entries] = entry->inode;
	walk->kinds[walk->entries++] = entry->kind;
	return 0;
}

/* A second listing is the first one. */
static int same_name(const struct uiommu_uapi_entry *entry, void *context)
{
	struct walk *walk = context;

	assert_string_equal(walk->names[walk->files], entry->name);
	assert_int_equal(walk->inodes[walk->files++], entry->inode);
	return 0;
}

/* What a shell makes of a link: its text from the directory where it is, name by name. */
static void follow_by_hand(const char *directory, const char *text, char *out)
{
	char copy[TREE_PATH], *rest = copy;

	strcpy(out, directory);
	strcpy(copy, text);
	assert_int_not_equal(*text, '/');
	for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		if (!strcmp(name, "..")) {
			assert_non_null(strrchr(out, '/'));
			*strrchr(out, '/') = 0;
		} else {
			strcat(out, "/");
			strcat(out, name);
		}
	}
}

static void check_link(struct tree *t, const char *directory, const char *path)
{
	char text[TREE_PATH], by_hand[TREE_PATH], real[TREE_PATH];
	struct uiommu_uapi_stat here, there;
	long size = uiommu_uapi_sysfs_readlink(t->w.uapi, path, text, sizeof(text) - 1);

	assert_true(size > 0);
	text[size] = 0;
	follow_by_hand(directory, text, by_hand);
	size = uiommu_uapi_sysfs_realpath(t->w.uapi, path, real, sizeof(real));
	if (size < 0)
		fail_msg("%s -> %s: %ld", path, text, size);
	assert_int_equal(size, strlen(real));
	assert_string_equal(real, by_hand);
	assert_int_equal(uiommu_uapi_sysfs_stat(t->w.uapi, path, &there), 0);
	assert_int_equal(uiommu_uapi_sysfs_lstat(t->w.uapi, real, &here), 0);
	assert_int_equal(here.inode, there.inode);
	assert_int_not_equal(here.kind, UIOMMU_UAPI_NODE_LINK);
}

static void check_file(struct tree *t, const char *path, const struct uiommu_uapi_stat *stat)
{
	char text[SYSFS_PAGE + 1];
	bool config = !strcmp(strrchr(path, '/'), "/config");
	long size = uiommu_uapi_sysfs_read(t->w.process, path, text, sizeof(text), 0);

	if (!(stat->mode & 0400)) {
		assert_int_equal(size, -UAPI_EACCES);
		return;
	}
	/* Memory behind resourceN is there to be mapped. */
	if (strncmp(strrchr(path, '/'), "/resource", 9) == 0 && strrchr(path, '/')[9]) {
		assert_int_equal(size, -UIOMMU_EIO);
		return;
	}
	if (size < 0)
		fail_msg("%s: %ld", path, size);
	assert_true((uint64_t)size <= stat->size);
	/* A text ends with a newline, if there is one. */
	if (!config && size)
		assert_int_equal(text[size - 1], '\n');
}

static void walk_directory(struct tree *t, const char *path, struct walk *sum)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	char child[TREE_PATH];

	assert_non_null(walk);
	walk->t = t;
	assert_int_equal(uiommu_uapi_sysfs_list(t->w.uapi, *path ? path : "/", take_name, walk), 0);
	assert_int_equal(uiommu_uapi_sysfs_list(t->w.uapi, *path ? path : "/", same_name, walk), 0);
	assert_int_equal(walk->files, walk->entries);
	for (unsigned int i = 0; i < walk->entries; i++) {
		struct uiommu_uapi_stat stat;

		tree_path(child, "%s/%s", path, walk->names[i]);
		assert_int_equal(uiommu_uapi_sysfs_lstat(t->w.uapi, child, &stat), 0);
		assert_int_equal(stat.kind, walk->kinds[i]);
		sum->entries++;
		if (stat.kind == UIOMMU_UAPI_NODE_LINK) {
			sum->links++;
			assert_int_equal(stat.mode, 0777);
			check_link(t, path, child);
			continue;
		}
		assert_int_equal(stat.inode, walk->inodes[i]);
		if (stat.kind == UIOMMU_UAPI_NODE_FILE) {
			sum->files++;
			check_file(t, child, &stat);
		} else if (stat.kind == UIOMMU_UAPI_NODE_CHAR_DEVICE) {
			sum->nodes++;
		} else {
			assert_int_equal(stat.kind, UIOMMU_UAPI_NODE_DIRECTORY);
			assert_int_equal(stat.mode, 0755);
			sum->directories++;
			walk_directory(t, child, sum);
		}
	}
	free(walk);
}

static void test_walk(void **state)
{
	const struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };

	(void)state;
	for (size_t m = 0; m < NUM_MACHINES; m++) {
		struct walk sum = { 0 };
		unsigned int bound = 0;
		struct tree t;

		tree_start(&t, machines[m], &config);
		for (unsigned int i = 0; i < machine_num_devices(t.w.machine); i++) {
			struct machine_device *device = machine_device_at(t.w.machine, i);
			const char *name = uiommu_device_name(machine_device_uiommu(device));
			struct uiommu_uapi_device *known = uiommu_uapi_find_device(t.w.uapi, name);

			if (known && i % 2 == 0 && uiommu_uapi_bind_driver(known, "vfio-pci") == 0)
				bound++;
		}
		assert_true(bound >= 5);
		assert_int_equal(
			tree_write(&t, "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
				   "/sys/class/mdev_bus/mdma/mdev_supported_types/mdma-8/create"),
			0);
		bound++;
		walk_directory(&t, "", &sum);
		/* Each has a class, a driver, a group and more; each group and cdev a node or two. */
		assert_true(sum.links > 10 * machine_num_devices(t.w.machine));
		assert_true(sum.files > 20 * machine_num_devices(t.w.machine));
		assert_true(sum.nodes > 2 + bound && sum.nodes <= 2 + 2 * bound);
		tree_stop(&t);
	}
}

/* ---- a PCI device ------------------------------------------------------------------------------ */

static uint32_t config_of(struct tree *t, const char *label, unsigned int offset, unsigned int size)
{
	struct uiommu_pci_function *fn = machine_device_function(world_device(&t->w, label));

	return fn->topology->config_read(fn, offset, size);
}

static void test_identity(void **state)
{
	static const char *const labels[] = { "solo0", "solo1", "bridged0", "relaxed0" };
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	for (size_t i = 0; i < 4; i++) {
		const char *name = tree_name(&t, labels[i]);
		unsigned int vendor = config_of(&t, labels[i], PCI_VENDOR_ID, 2);
		unsigned int device = config_of(&t, labels[i], PCI_DEVICE_ID, 2);
		unsigned int class_code = config_of(&t, labels[i], PCI_REVISION, 4) >> 8;
		char text[512];

		snprintf(text, sizeof(text), "0x%04x\n", vendor);
		tree_says(&t, text, "/sys/bus/pci/devices/%s/vendor", name);
		snprintf(text, sizeof(text), "0x%04x\n", device);
		tree_says(&t, text, "/sys/bus/pci/devices/%s/device", name);
		snprintf(text, sizeof(text), "0x%06x\n", class_code);
		tree_says(&t, text, "/sys/bus/pci/devices/%s/class", name);
		snprintf(text, sizeof(text), "0x%02x\n", config_of(&t, labels[i], PCI_REVISION, 1));
		tree_says(&t, text, "/sys/bus/pci/devices/%s/revision", name);
		snprintf(text, sizeof(text),
			 "pci:v%08Xd%08Xsv00000000sd00000000bc%02Xsc%02Xi%02X\n", vendor, device,
			 class_code >> 16, class_code >> 8 & 0xff, class_code & 0xff);
		tree_says(&t, text, "/sys/bus/pci/devices/%s/modalias", name);
		snprintf(text, sizeof(text),
			 "PCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=0000:0000\n"
			 "PCI_SLOT_NAME=%s\n"
			 "MODALIAS=pci:v%08Xd%08Xsv00000000sd00000000bc%02Xsc%02Xi%02X\n",
			 class_code, vendor, device, name, vendor, device, class_code >> 16,
			 class_code >> 8 & 0xff, class_code & 0xff);
		tree_says(&t, text, "/sys/bus/pci/devices/%s/uevent", name);
		tree_says(&t, "-1\n", "/sys/bus/pci/devices/%s/numa_node", name);
		tree_says(&t, "(null)\n", "/sys/bus/pci/devices/%s/driver_override", name);
	}
	/* Of a device with a driver. */
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "solo0"), "machine-dma"), 0);
	tree_says(&t,
		  "DRIVER=machine-dma\nPCI_CLASS=FF00\nPCI_ID=1234:11E8\nPCI_SUBSYS_ID=0000:0000\n"
		  "PCI_SLOT_NAME=0000:00:02.0\n"
		  "MODALIAS=pci:v00001234d000011E8sv00000000sd00000000bc00scFFi00\n",
		  "/sys/bus/pci/devices/0000:00:02.0/uevent");
	tree_stop(&t);
}

static int ascending(const struct uiommu_uapi_entry *entry, void *context)
{
	char *last = context;

	assert_true(strcmp(last, entry->name) < 0);
	strcpy(last, entry->name);
	return 0;
}

static void test_links(void **state)
{
	char last[64] = "";
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	tree_links(&t, "../../../devices/pci0000:00/0000:00:02.0",
		   "/sys/bus/pci/devices/0000:00:02.0");
	tree_links(&t, "../../../devices/pci0000:00/0000:00:06.0/0000:03:00.0/0000:04:01.0",
		   "/sys/bus/pci/devices/0000:04:01.0");
	/* In whatever order they were told of. */
	assert_int_equal(uiommu_uapi_sysfs_list(t.w.uapi, "/sys/bus/pci/devices", ascending, last),
			 0);
	assert_string_equal(last, "0000:04:02.0");
	/* Bridges too, which nobody told of. */
	tree_links(&t, "../../../devices/pci0000:00/0000:00:06.0",
		   "/sys/bus/pci/devices/0000:00:06.0");
	tree_says(&t, "0x060400\n", "/sys/bus/pci/devices/0000:00:06.0/class");
	assert_false(tree_exists(&t, "/sys/bus/pci/devices/0000:00:06.0/driver_override"));
	tree_links(&t, "../../../bus/pci", "/sys/bus/pci/devices/0000:00:02.0/subsystem");
	tree_links(&t, "../../virtual/iommu/dmar0", "/sys/bus/pci/devices/0000:00:02.0/iommu");
	tree_links(&t, "../../../kernel/iommu_groups/0",
		   "/sys/bus/pci/devices/0000:00:02.0/iommu_group");
	assert_false(tree_exists(&t, "/sys/bus/pci/devices/0000:00:02.0/driver"));

	assert_int_equal(uiommu_uapi_bind_driver(tree_device(&t, "solo0"), "vfio-pci"), 0);
	tree_links(&t, "../../../bus/pci/drivers/vfio-pci",
		   "/sys/bus/pci/devices/0000:00:02.0/driver");
	tree_links(&t, "../../../../devices/pci0000:00/0000:00:02.0",
		   "/sys/bus/pci/drivers/vfio-pci/0000:00:02.0");
	tree_links(&t, "../../../../module/vfio_pci", "/sys/bus/pci/drivers/vfio-pci/module");
	tree_links(&t, "../../../bus/pci/drivers/vfio-pci",
		   "/sys/module/vfio_pci/drivers/pci:vfio-pci");
	tree_links(&t, "../../../0000:00:02.0",
		   "/sys/bus/pci/devices/0000:00:02.0/vfio-dev/vfio0/device");
	tree_links(&t, "../../devices/pci0000:00/0000:00:02.0/vfio-dev/vfio0",
		   "/sys/class/vfio-dev/vfio0");
	tree_links(&t, "../../devices/virtual/vfio/0", "/sys/class/vfio/0");
	tree_links(&t, "../../devices/virtual/misc/vfio", "/sys/class/misc/vfio");
	tree_links(&t, "../vfio/vfio", "/dev/char/10:196");
	tree_stop(&t);
}

static void test_resource(void **state)
{
	char expected[13 * 57 + 1] = "", path[TREE_PATH];
	struct uiommu_uapi_stat stat;
	uint32_t bar;
	struct tree t;
	void *memory;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	bar = config_of(&t, "solo0", PCI_BAR(0), 4);
	snprintf(expected, sizeof(expected), "0x%016x 0x%016x 0x0000000000040200\n", bar,
		 bar + 0xfffff);
	for (unsigned int i = 1; i < 13; i++)
		strcat(expected, "0x0000000000000000 0x0000000000000000 0x0000000000000000\n");
	tree_says(&t, expected, "/sys/bus/pci/devices/0000:00:02.0/resource");
	tree_path(path, "/sys/bus/pci/devices/0000:00:02.0/resource0");
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, path, &stat), 0);
	assert_int_equal(stat.size, 0x100000);
	assert_int_equal(stat.mode, 0600);
	assert_false(tree_exists(&t, "/sys/bus/pci/devices/0000:00:02.0/resource1"));
	/* Registers of a model are no memory. */
	assert_int_equal(uiommu_uapi_sysfs_mmap(t.w.process, path, 0, 4096, &memory),
			 -UIOMMU_ENODEV);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t.nobody, path, 0, 4096, &memory), -UAPI_EACCES);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t.w.process, path, 0x100000, 4096, &memory),
			 -UIOMMU_EINVAL);
	tree_path(path, "/sys/bus/pci/devices/0000:00:02.0/driver_override");
	assert_int_equal(uiommu_uapi_sysfs_mmap(t.w.process, path, 0, 1, &memory), -UIOMMU_ENODEV);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t.w.process, "/dev/vfio", 0, 1, &memory),
			 -UIOMMU_ENODEV);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t.w.process, "/dev/vfi", 0, 1, &memory),
			 -UIOMMU_ENOENT);
	tree_stop(&t);
}

static void test_config(void **state)
{
	const char *path = "/sys/bus/pci/devices/0000:00:02.0/config";
	uint8_t all[4096], part[256];
	struct uiommu_uapi_stat stat;
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, path, &stat), 0);
	assert_int_equal(stat.size, 256);
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, all, sizeof(all), 0), 256);
	for (unsigned int i = 0; i < 256; i++)
		assert_int_equal(all[i], config_of(&t, "solo0", i, 1));
	/* Any piece of it. */
	for (unsigned int offset = 0; offset < 12; offset++)
		for (size_t size = 0; size < 12; size++) {
			assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, part, size,
								offset),
					 size);
			assert_memory_equal(part, all + offset, size);
		}
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, part, 100, 250), 6);
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, part, 1, 256), 0);
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, part, 1, UINT64_MAX), 0);
	/* The header is for everybody, the rest for administrators. */
	assert_int_equal(uiommu_uapi_sysfs_read(t.nobody, path, part, 256, 0), 64);
	assert_memory_equal(part, all, 64);
	assert_int_equal(uiommu_uapi_sysfs_read(t.nobody, path, part, 256, 64), 0);
	assert_int_equal(uiommu_uapi_sysfs_write(t.nobody, path, part, 1, 0x3c), -UAPI_EACCES);

	/* The interrupt line is software's. */
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, "\x0b", 1, 0x3c), 1);
	assert_int_equal(config_of(&t, "solo0", 0x3c, 1), 0x0b);
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, all, 8, 252), 4);
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, path, all, 8, 256), 0);
	if (config_of(&t, "solo0", 0x3d, 1))
		tree_says(&t, "11\n", "/sys/bus/pci/devices/0000:00:02.0/irq");
	else
		tree_says(&t, "0\n", "/sys/bus/pci/devices/0000:00:02.0/irq");
	/* Of PCI Express, all of it. */
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi,
						"/sys/bus/pci/devices/0000:00:06.0/config", &stat),
			 0);
	assert_int_equal(stat.size, 4096);
	tree_stop(&t);
}

static void test_processors(void **state)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char text[4097], list[32];
	uint64_t count = 0;
	struct tree t;
	long size;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	size = uiommu_uapi_sysfs_read(t.w.process, "/sys/bus/pci/devices/0000:00:02.0/local_cpus",
				      text, sizeof(text) - 1, 0);
	assert_true(size > 0);
	text[size] = 0;
	for (const char *c = text; *c && *c != '\n'; c++)
		if (*c != ',')
			count += (unsigned int)__builtin_popcount(
				(unsigned int)strtoul((char[]){ *c, 0 }, NULL, 16));
	assert_int_equal(count, cpus);
	snprintf(list, sizeof(list), cpus > 1 ? "0-%ld\n" : "%ld\n", cpus - 1);
	tree_says(&t, list, "/sys/bus/pci/devices/0000:00:02.0/local_cpulist");
	tree_stop(&t);
}

/* ---- groups ------------------------------------------------------------------------------------ */

static void test_groups(void **state)
{
	struct tree t;
	unsigned int id;

	(void)state;
	for (size_t m = 0; m < NUM_MACHINES; m++) {
		tree_start(&t, machines[m], NULL);
		for (unsigned int i = 0; i < machine_num_devices(t.w.machine); i++) {
			struct uiommu_device *dev =
				machine_device_uiommu(machine_device_at(t.w.machine, i));
			struct uiommu_group *group = uiommu_group_get(dev);
			const char *name = uiommu_device_name(dev);
			const char *bus =
				machine_device_function(machine_device_at(t.w.machine, i)) ?
					"pci" :
					"platform";
			char real[TREE_PATH], expected[64], path[TREE_PATH];

			tree_path(path, "/sys/bus/%s/devices/%s/iommu_group", bus, name);
			if (!group) {
				assert_false(tree_exists(&t, "%s", path));
				continue;
			}
			id = uiommu_group_id(group);
			snprintf(expected, sizeof(expected), "/sys/kernel/iommu_groups/%u", id);
			assert_true(uiommu_uapi_sysfs_realpath(t.w.uapi, path, real, sizeof(real)) >
				    0);
			assert_string_equal(real, expected);
			assert_true(tree_exists(&t, "%s/devices/%s", expected, name));
			assert_true(tree_count(&t, "%s/devices", expected) >=
				    uiommu_group_num_devices(group));
			tree_says(&t, "DMA\n", "%s/type", expected);
			assert_false(tree_exists(&t, "%s/name", expected));
			uiommu_group_put(group);
		}
		tree_stop(&t);
	}
	tree_start(&t, "q35-vtd", NULL);
	tree_says(&t, "0x00000000fee00000 0x00000000feefffff msi\n",
		  "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", tree_name(&t, "solo0"));
	tree_says(&t,
		  "0x0000000000100000 0x0000000000103fff direct\n"
		  "0x00000000fee00000 0x00000000feefffff msi\n",
		  "/sys/bus/pci/devices/%s/iommu_group/reserved_regions", tree_name(&t, "rmrr0"));
	tree_says(&t,
		  "0x0000000000110000 0x0000000000111fff direct-relaxable\n"
		  "0x00000000fee00000 0x00000000feefffff msi\n",
		  "/sys/bus/pci/devices/%s/iommu_group/reserved_regions",
		  tree_name(&t, "relaxed0"));
	/* The three functions of one device; the bridge is told of by the topology alone, and in no group. */
	assert_int_equal(tree_count(&t, "/sys/bus/pci/devices/%s/iommu_group/devices",
				    tree_name(&t, "trio1")),
			 3);
	tree_stop(&t);
}

/* ---- IOMMUs ------------------------------------------------------------------------------------ */

static void test_vtd(void **state)
{
	struct uiommu_vtd_hw_info info;
	size_t size = sizeof(info);
	uint32_t type = UIOMMU_HW_INFO_VTD;
	char text[64];
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	assert_int_equal(uiommu_device_hw_info(machine_device_uiommu(world_device(&t.w, "solo0")),
					       &type, &info, &size),
			 0);
	snprintf(text, sizeof(text), "%llx\n", (unsigned long long)info.cap_reg);
	tree_says(&t, text, "/sys/bus/pci/devices/0000:00:02.0/iommu/intel-iommu/cap");
	snprintf(text, sizeof(text), "%llx\n", (unsigned long long)info.ecap_reg);
	tree_says(&t, text, "/sys/class/iommu/dmar0/intel-iommu/ecap");
	tree_says(&t, "fed90000\n", "/sys/class/iommu/dmar0/intel-iommu/address");
	tree_says(&t, "6:0\n", "/sys/class/iommu/dmar0/intel-iommu/version");
	snprintf(text, sizeof(text), "%u\n", 1u << (4 + 2 * (info.cap_reg & 7)));
	tree_says(&t, text, "/sys/class/iommu/dmar0/intel-iommu/domains_supported");
	/* Each group has a domain; two groups that share a tag would be less. */
	snprintf(text, sizeof(text), "%u\n", tree_count(&t, "/sys/kernel/iommu_groups"));
	tree_says(&t, text, "/sys/class/iommu/dmar0/intel-iommu/domains_used");
	tree_links(&t, "../../devices/virtual/iommu/dmar0", "/sys/class/iommu/dmar0");
	assert_int_equal(tree_count(&t, "/sys/class/iommu/dmar0/devices"),
			 machine_num_devices(t.w.machine));
	tree_stop(&t);
}

static void test_smmu(void **state)
{
	struct tree t;

	(void)state;
	tree_start(&t, "virt-smmuv3-platform", NULL);
	tree_links(&t, "../../devices/platform/9050000.iommu/iommu/smmu3.0x0000000009050000",
		   "/sys/class/iommu/smmu3.0x0000000009050000");
	tree_links(&t, "../9050000.iommu/iommu/smmu3.0x0000000009050000",
		   "/sys/bus/platform/devices/9070000.dma/iommu");
	assert_false(tree_exists(&t, "/sys/class/iommu/smmu3.0x0000000009050000/intel-iommu"));
	assert_int_equal(tree_count(&t, "/sys/class/iommu/smmu3.0x0000000009050000/devices"),
			 machine_num_devices(t.w.machine));
	/* Its own driver cannot be taken from it. */
	tree_links(&t, "../../../bus/platform/drivers/arm-smmu-v3",
		   "/sys/devices/platform/9050000.iommu/driver");
	assert_false(tree_exists(&t, "/sys/bus/platform/drivers/arm-smmu-v3/unbind"));
	tree_stop(&t);
}

static void test_mixed(void **state)
{
	struct tree t;

	(void)state;
	tree_start(&t, "q35-mixed", NULL);
	assert_int_equal(tree_count(&t, "/sys/class/iommu"), 2);
	tree_links(&t, "../../devices/pci0000:00/0000:00:01.0/virtio0/iommu/0000:00:01.0",
		   "/sys/class/iommu/0000:00:01.0");
	tree_links(&t, "../0000:00:01.0/virtio0/iommu/0000:00:01.0",
		   "/sys/bus/pci/devices/%s/iommu", tree_name(&t, "solo0"));
	tree_links(&t, "../../../virtual/iommu/dmar0", "/sys/bus/pci/devices/%s/iommu",
		   tree_name(&t, "solo1"));
	tree_links(&t, "../../../bus/pci/drivers/virtio-pci",
		   "/sys/bus/pci/devices/0000:00:01.0/driver");
	tree_links(&t, "../../../devices/pci0000:00/0000:00:01.0/virtio0",
		   "/sys/bus/virtio/devices/virtio0");
	tree_says(&t, "0x0017\n", "/sys/bus/virtio/devices/virtio0/device");
	assert_true(tree_exists(&t, "/sys/class/iommu/dmar0/devices/%s", tree_name(&t, "solo1")));
	assert_false(tree_exists(&t, "/sys/class/iommu/dmar0/devices/%s", tree_name(&t, "solo0")));
	/* Behind neither. */
	assert_false(tree_exists(&t, "/sys/bus/pci/devices/%s/iommu", tree_name(&t, "hidden0")));
	assert_false(
		tree_exists(&t, "/sys/bus/pci/devices/%s/iommu_group", tree_name(&t, "hidden0")));
	tree_stop(&t);
}

/* ---- nodes, modules ---------------------------------------------------------------------------- */

static void check_node(struct tree *t, const char *path, int error)
{
	struct uiommu_uapi_stat stat;
	char real[TREE_PATH], number[TREE_PATH], text[32];
	int fd;

	assert_int_equal(uiommu_uapi_sysfs_stat(t->w.uapi, path, &stat), 0);
	assert_int_equal(stat.kind, UIOMMU_UAPI_NODE_CHAR_DEVICE);
	tree_path(number, "/dev/char/%u:%u", stat.device_major, stat.device_minor);
	assert_int_equal(uiommu_uapi_sysfs_realpath(t->w.uapi, number, real, sizeof(real)),
			 strlen(path));
	assert_string_equal(real, path);
	snprintf(text, sizeof(text), "%u:%u\n", stat.device_major, stat.device_minor);
	tree_says(t, text, "/sys/dev/char/%u:%u/dev", stat.device_major, stat.device_minor);
	fd = uiommu_uapi_open(t->w.process, path);
	if (error)
		assert_int_equal(fd, error);
	else
		assert_int_equal(uiommu_uapi_close(t->w.process, fd), 0);
}

static void test_nodes(void **state)
{
	const struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	char path[TREE_PATH], group[64], cdev[64];
	struct uiommu_uapi_device *device;
	struct tree t;

	(void)state;
	tree_start(&t, "q35-mixed", &config);
	assert_int_equal(tree_count(&t, "/dev"), 3); /* char, iommu, vfio */
	assert_int_equal(tree_count(&t, "/dev/vfio"), 1);
	check_node(&t, "/dev/iommu", 0);
	check_node(&t, "/dev/vfio/vfio", 0);
	device = tree_device(&t, "solo1");
	assert_int_equal(uiommu_uapi_bind_driver(device, "vfio-pci"), 0);
	assert_true(uiommu_uapi_device_group_path(device, group, sizeof(group)) > 0);
	assert_true(uiommu_uapi_device_cdev_path(device, cdev, sizeof(cdev)) > 0);
	check_node(&t, group, 0);
	check_node(&t, cdev, 0);
	assert_true(tree_exists(&t, "/sys/class%s", group + strlen("/dev")));
	assert_true(tree_exists(&t, "/sys/bus/pci/devices/%s/vfio-dev/%s/dev",
				tree_name(&t, "solo1"), strrchr(cdev, '/') + 1));
	assert_int_equal(tree_count(&t, "/sys/bus/pci/devices/%s/vfio-dev", tree_name(&t, "solo1")),
			 1);
	tree_path(path, "/sys/bus/pci/devices/%s/vfio-dev/vfio0/uevent", tree_name(&t, "solo1"));
	tree_says(&t, "MAJOR=242\nMINOR=0\nDEVNAME=vfio/devices/vfio0\n", "%s", path);

	/* Without an IOMMU: a group of its own, and no file of its own. */
	device = tree_device(&t, "hidden0");
	assert_int_equal(uiommu_uapi_bind_driver(device, "vfio-pci"), 0);
	assert_true(uiommu_uapi_device_group_path(device, group, sizeof(group)) > 0);
	assert_memory_equal(group, "/dev/vfio/noiommu-", 18);
	check_node(&t, group, 0);
	tree_path(path, "/sys/kernel/iommu_groups/%s", group + 18);
	tree_says(&t, "vfio-noiommu\n", "%s/name", path);
	tree_says(&t, "unknown\n", "%s/type", path);
	tree_says(&t, "", "%s/reserved_regions", path);
	assert_true(tree_exists(&t, "%s/devices/%s", path, tree_name(&t, "hidden0")));
	assert_int_equal(tree_write(&t, "DMA", "%s/type", path), -UIOMMU_EINVAL);
	assert_false(tree_exists(&t, "/sys/bus/pci/devices/%s/vfio-dev", tree_name(&t, "hidden0")));

	/* And all of that is gone with the driver. */
	assert_int_equal(uiommu_uapi_unbind_driver(device), 0);
	assert_false(tree_exists(&t, "%s", group));
	assert_false(tree_exists(&t, "%s", path));
	assert_int_equal(uiommu_uapi_unbind_driver(tree_device(&t, "solo1")), 0);
	assert_int_equal(tree_count(&t, "/dev/vfio"), 1);
	assert_int_equal(tree_count(&t, "/sys/class/vfio"), 0);
	assert_int_equal(tree_count(&t, "/sys/class/vfio-dev"), 0);
	tree_stop(&t);
}

static void test_modules(void **state)
{
	struct uiommu_uapi_config config = { 0 };
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", &config);
	tree_says(&t, "N\n", "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	tree_says(&t, "65535\n", "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit");
	tree_says(&t, "N\n", "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
	tree_says(&t, "N\n", "/sys/module/vfio_iommu_type1/parameters/disable_hugepages");
	tree_says(&t, "N\n", "/sys/module/iommufd/parameters/allow_unsafe_interrupts");
	tree_says(&t, "Y\n", "/sys/module/vfio_platform/parameters/reset_required");
	tree_says(&t, "live\n", "/sys/module/vfio_pci/initstate");
	tree_stop(&t);

	config.enable_unsafe_noiommu_mode = true;
	config.allow_unsafe_interrupts = true;
	config.disable_hugepages = true;
	config.dma_entry_limit = 7;
	tree_start(&t, "q35-vtd", &config);
	tree_says(&t, "Y\n", "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	tree_says(&t, "7\n", "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit");
	tree_says(&t, "N\n", "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
	tree_says(&t, "Y\n", "/sys/module/vfio_iommu_type1/parameters/disable_hugepages");
	tree_says(&t, "Y\n", "/sys/module/iommufd/parameters/allow_unsafe_interrupts");
	tree_stop(&t);

	config = (struct uiommu_uapi_config){
		.type1_allow_unsafe_interrupts = true,
		.platform_reset_not_required = true,
	};
	tree_start(&t, "q35-vtd", &config);
	tree_says(&t, "Y\n", "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
	tree_says(&t, "N\n", "/sys/module/vfio_platform/parameters/reset_required");
	tree_stop(&t);

	config = (struct uiommu_uapi_config){ .vfio_container_by_iommufd = true };
	tree_start(&t, "q35-vtd", &config);
	assert_false(tree_exists(&t, "/sys/module/vfio_iommu_type1"));
	assert_true(tree_exists(&t, "/sys/module/vfio"));
	tree_stop(&t);
}

/* ---- paths ------------------------------------------------------------------------------------- */

static int refuse(const struct uiommu_uapi_entry *entry, void *context)
{
	(void)entry;
	++*(unsigned int *)context;
	return 17;
}

static void test_paths(void **state)
{
	static const struct {
		const char *path;
		int error;
	} bad[] = {
		{ "", -UIOMMU_ENOENT },
		{ "sys", -UIOMMU_ENOENT },
		{ "/proc", -UIOMMU_ENOENT },
		{ "/sys/bus/usb", -UIOMMU_ENOENT },
		{ "/sys/bus/pci/devices/0000:00:02", -UIOMMU_ENOENT },
		{ "/sys/bus/pci/devices/0000:00:02.0x", -UIOMMU_ENOENT },
		{ "/sys/bus/pci/devices/0000:00:02.0/vendor/", -SYSFS_ENOTDIR },
		{ "/sys/bus/pci/devices/0000:00:02.0/vendor/..", -SYSFS_ENOTDIR },
		{ "/dev/iommu/x", -SYSFS_ENOTDIR },
		{ "/sys/kernel/iommu_groups/00", -UIOMMU_ENOENT },
		{ "/sys/kernel/iommu_groups/-1", -UIOMMU_ENOENT },
	};
	static const struct {
		const char *path, *real;
	} good[] = {
		{ "/", "/" },
		{ "/..", "/" },
		{ "//sys///bus/./pci/", "/sys/bus/pci" },
		{ "/sys/bus/pci/devices/0000:00:02.0/..", "/sys/devices/pci0000:00" },
		{ "/sys/bus/pci/devices/0000:00:02.0/subsystem/devices/0000:00:02.0/vendor",
		  "/sys/devices/pci0000:00/0000:00:02.0/vendor" },
		{ "/sys/bus/pci/devices/0000:00:02.0/iommu_group/devices/0000:00:02.0/"
		  "iommu_group/type",
		  "/sys/kernel/iommu_groups/0/type" },
		{ "/dev/char/10:196", "/dev/vfio/vfio" },
		{ "/dev/../sys/../dev/vfio/../iommu", "/dev/iommu" },
	};
	char real[TREE_PATH], path[2 * TREE_PATH];
	struct uiommu_uapi_stat stat;
	unsigned int calls = 0;
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, bad[i].path, &stat),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_lstat(t.w.uapi, bad[i].path, &stat),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_realpath(t.w.uapi, bad[i].path, real, 64),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_readlink(t.w.uapi, bad[i].path, real, 64),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, bad[i].path, real, 64, 0),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, bad[i].path, "1", 1, 0),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_access(t.w.process, bad[i].path, 0),
				 bad[i].error);
		assert_int_equal(uiommu_uapi_sysfs_list(t.w.uapi, bad[i].path, refuse, &calls),
				 bad[i].error);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size_t length = strlen(good[i].real);

		memset(real, 'x', sizeof(real));
		assert_int_equal(uiommu_uapi_sysfs_realpath(t.w.uapi, good[i].path, real,
							    length + 1),
				 length);
		assert_string_equal(real, good[i].real);
		assert_int_equal(uiommu_uapi_sysfs_realpath(t.w.uapi, good[i].path, real, length),
				 -UIOMMU_ERANGE);
	}
	/* Names that are too long, and paths. */
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[TREE_PATH - 1] = 0;
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, path, &stat), -UIOMMU_ENOENT);
	path[TREE_PATH - 1] = 'x';
	path[TREE_PATH] = 0;
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, path, &stat), -SYSFS_ENAMETOOLONG);
	/* Forty links are enough for everybody. */
	strcpy(path, "/sys/bus/pci/devices/0000:00:02.0");
	for (unsigned int i = 0; i < 19; i++)
		strcat(path, "/iommu_group/devices/0000:00:02.0");
	strcat(path, "/subsystem");
	assert_int_equal(uiommu_uapi_sysfs_lstat(t.w.uapi, path, &stat), 0);
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, path, &stat), 0);
	strcat(path, "/devices/0000:00:02.0");
	assert_int_equal(uiommu_uapi_sysfs_lstat(t.w.uapi, path, &stat), 0);
	assert_int_equal(uiommu_uapi_sysfs_stat(t.w.uapi, path, &stat), -SYSFS_ELOOP);
	/* A file is no directory, a directory no file, and neither a link. */
	assert_int_equal(uiommu_uapi_sysfs_list(t.w.uapi, "/dev/iommu", refuse, &calls),
			 -SYSFS_ENOTDIR);
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, "/sys", real, 8, 0), -SYSFS_EISDIR);
	assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, "/sys", real, 8, 0), -SYSFS_EISDIR);
	assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, "/dev/iommu", real, 8, 0),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_readlink(t.w.uapi, "/sys", real, 8), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_readlink(t.w.uapi, "/sys/module/vfio/initstate", real,
						    8),
			 -UIOMMU_EINVAL);
	/* A link with a slash behind it is where it leads. */
	assert_int_equal(uiommu_uapi_sysfs_readlink(t.w.uapi, "/sys/bus/pci/devices/0000:00:02.0/",
						    real, 64),
			 -UIOMMU_EINVAL);
	assert_int_equal(calls, 0);
	assert_int_equal(uiommu_uapi_sysfs_list(t.w.uapi, "/sys", refuse, &calls), 17);
	assert_int_equal(calls, 1);
	tree_stop(&t);
}

static void test_short_buffers(void **state)
{
	const char *path = "/sys/bus/pci/devices/0000:00:02.0/vendor";
	const char *link = "/sys/bus/pci/devices/0000:00:02.0";
	const char *target = "../../../devices/pci0000:00/0000:00:02.0";
	char buffer[64];
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	for (size_t offset = 0; offset <= 9; offset++)
		for (size_t size = 0; size <= 9; size++) {
			size_t left = offset < 7 ? 7 - offset : 0;
			size_t expected = size < left ? size : left;

			memset(buffer, '?', sizeof(buffer));
			assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, path, buffer, size,
								offset),
					 expected);
			assert_memory_equal(buffer, &"0x1234\n"[offset < 7 ? offset : 7], expected);
			assert_int_equal(buffer[expected], '?');
		}
	for (size_t size = 1; size < 50; size++) {
		size_t expected = size < strlen(target) ? size : strlen(target);

		memset(buffer, '?', sizeof(buffer));
		assert_int_equal(uiommu_uapi_sysfs_readlink(t.w.uapi, link, buffer, size),
				 expected);
		assert_memory_equal(buffer, target, expected);
		assert_int_equal(buffer[expected], '?');
	}
	assert_int_equal(uiommu_uapi_sysfs_readlink(t.w.uapi, link, buffer, 0), -UIOMMU_EINVAL);
	tree_stop(&t);
}

static void test_rights(void **state)
{
	static const struct {
		const char *path;
		unsigned int root, nobody; /* MAY_READ, MAY_WRITE */
	} rights[] = {
		{ "/sys/bus/pci/devices/0000:00:02.0/vendor", 4, 4 },
		{ "/sys/bus/pci/devices/0000:00:02.0/driver_override", 6, 4 },
		{ "/sys/bus/pci/devices/0000:00:02.0/config", 6, 4 },
		{ "/sys/bus/pci/devices/0000:00:02.0/resource0", 6, 0 },
		{ "/sys/bus/pci/drivers/vfio-pci/bind", 2, 0 },
		{ "/sys/bus/pci/drivers_probe", 2, 0 },
		{ "/sys/kernel/iommu_groups/0/type", 6, 4 },
		{ "/sys/kernel/iommu_groups/0/reserved_regions", 4, 4 },
		{ "/dev/vfio/vfio", 6, 6 },
		{ "/dev/iommu", 6, 0 },
		{ "/sys", 6, 4 },
	};
	char buffer[64];
	struct tree t;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		for (unsigned int mode = 0; mode <= 6; mode += 2) {
			int root = uiommu_uapi_sysfs_access(t.w.process, rights[i].path, mode);
			int nobody = uiommu_uapi_sysfs_access(t.nobody, rights[i].path, mode);

			assert_int_equal(root, mode & ~rights[i].root ? -UAPI_EACCES : 0);
			assert_int_equal(nobody, mode & ~rights[i].nobody ? -UAPI_EACCES : 0);
		}
	/* Reading and writing ask the same. */
	for (size_t i = 0; i < 8; i++) {
		if (!(rights[i].nobody & 4))
			assert_int_equal(uiommu_uapi_sysfs_read(t.nobody, rights[i].path, buffer,
								sizeof(buffer), 0),
					 -UAPI_EACCES);
		assert_int_equal(uiommu_uapi_sysfs_write(t.nobody, rights[i].path, "x", 1, 0),
				 -UAPI_EACCES);
		if (!(rights[i].root & 4))
			assert_int_equal(uiommu_uapi_sysfs_read(t.w.process, rights[i].path, buffer,
								sizeof(buffer), 0),
					 -UAPI_EACCES);
		if (!(rights[i].root & 2))
			assert_int_equal(uiommu_uapi_sysfs_write(t.w.process, rights[i].path, "x",
								 1, 0),
					 -UAPI_EACCES);
	}
	tree_stop(&t);
}

/* ---- no memory --------------------------------------------------------------------------------- */

struct nth {
	_Atomic(int) left; /* negative: nothing fails */
};

static bool fail_nth(void *context, enum uiommu_posix_step step, size_t size)
{
	struct nth *nth = context;

	(void)size;
	return step == UIOMMU_POSIX_ALLOC && nth->left >= 0 && nth->left-- == 0;
}

static int ignore(const struct uiommu_uapi_entry *entry, void *context)
{
	(void)entry;
	(void)context;
	return 0;
}

/* Each allocation of each call fails once; what the sweep does not see is that results are right in between. */
static void test_no_memory(void **state)
{
	struct nth nth = { .left = -1 };
	const struct uiommu_posix_hooks hooks = { .context = &nth, .fail = fail_nth };
	const char *device = "/sys/bus/pci/devices/0000:00:02.0";
	char buffer[TREE_PATH], path[TREE_PATH];
	struct uiommu_uapi_stat stat;
	unsigned int failed = 0;
	struct tree t;

	(void)state;
	tree_start_hooked(&t, "q35-vtd", NULL, &hooks);
	tree_path(path, "%s/driver_override", device);
	for (unsigned int call = 0; call < 6; call++)
		for (int n = 0;; n++) {
			long rc = 0;

			nth.left = n;
			if (call == 0)
				rc = uiommu_uapi_sysfs_stat(t.w.uapi, device, &stat);
			else if (call == 1)
				rc = uiommu_uapi_sysfs_realpath(t.w.uapi, device, buffer,
								sizeof(buffer));
			else if (call == 2)
				rc = uiommu_uapi_sysfs_read(t.w.process, path, buffer, 64, 0);
			else if (call == 3)
				rc = uiommu_uapi_sysfs_write(t.w.process, path, "a", 1, 0);
			else if (call == 4)
				rc = uiommu_uapi_sysfs_list(t.w.uapi, device, ignore, NULL);
			else
				rc = uiommu_uapi_sysfs_write(t.w.process,
							     "/sys/bus/pci/drivers/vfio-pci/new_id",
							     "abcd ef01", 9, 0);
			if (nth.left >= 0)
				break;
			assert_int_equal(rc, -UIOMMU_ENOMEM);
			failed++;
		}
	nth.left = -1;
	assert_true(failed >= 8);
	tree_says(&t, "a\n", "%s", path);
	assert_int_equal(tree_write(&t, "\n", "%s", path), 0);
	tree_stop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),   cmocka_unit_test(test_identity),
		cmocka_unit_test(test_links),  cmocka_unit_test(test_resource),
		cmocka_unit_test(test_config), cmocka_unit_test(test_processors),
		cmocka_unit_test(test_groups), cmocka_unit_test(test_vtd),
		cmocka_unit_test(test_smmu),   cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_nodes),  cmocka_unit_test(test_modules),
		cmocka_unit_test(test_paths),  cmocka_unit_test(test_short_buffers),
		cmocka_unit_test(test_rights), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
