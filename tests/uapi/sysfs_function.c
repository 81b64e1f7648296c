/* SPDX-License-Identifier: MIT */
/* sysfs_function.c - what a PCI function has under /sys: capabilities, BARs, virtual functions, resets, enable */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/uapi_io.h"
#include "src/uapi/sysfs.h"
#include "tests/uapi/tree.h"

#define PCI "/sys/bus/pci"

/* ---- a function made of bytes ------------------------------------------------------------------ */

#define FAKE_VFS 3u

struct fake {
	struct tree t;
	struct uiommu_pci_function function[1 + FAKE_VFS], *list[1 + FAKE_VFS];
	struct uiommu_pci_topology topology;
	uint8_t space[1 + FAKE_VFS][4096];
	uint8_t ports[32], memory[0x4000];
	unsigned int resets;
	int reset_result;
	struct uiommu_device *dev[1 + FAKE_VFS];
	struct uiommu_uapi_device *known[1 + FAKE_VFS];
};

static uint32_t space_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	assert_true(offset % size == 0 && offset + size <= 4096);
	memcpy(&value, (uint8_t *)fn->context + offset, size);
	return value;
}

static void space_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			uint32_t value)
{
	assert_true(offset % size == 0 && offset + size <= 4096);
	memcpy((uint8_t *)fn->context + offset, &value, size);
}

static uint32_t fake_config_read(void *context, unsigned int offset, unsigned int size)
{
	return space_read(&((struct fake *)context)->function[0], offset, size);
}

static void fake_config_write(void *context, unsigned int offset, unsigned int size, uint32_t value)
{
	space_write(&((struct fake *)context)->function[0], offset, size, value);
}

static uint64_t fake_bar_read(void *context, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct fake *f = context;
	uint64_t value = 0;

	assert_int_equal(bar, 2);
	memcpy(&value, f->ports + offset, size);
	return value;
}

static void fake_bar_write(void *context, unsigned int bar, uint64_t offset, unsigned int size,
			   uint64_t value)
{
	struct fake *f = context;

	assert_int_equal(bar, 2);
	memcpy(f->ports + offset, &value, size);
}

static void *fake_bar_map(void *context, unsigned int bar, uint64_t offset, uint64_t size)
{
	struct fake *f = context;

	assert_int_equal(bar, 0);
	assert_true(offset + size <= sizeof(f->memory));
	return f->memory + offset;
}

static int fake_reset(void *context)
{
	struct fake *f = context;

	f->resets++;
	return f->reset_result;
}

static void put(struct fake *f, unsigned int fn, unsigned int offset, unsigned int size,
		uint32_t value)
{
	memcpy(f->space[fn] + offset, &value, size);
}

/* A PCI Express function with virtual ones, memory and ports, on a bus that the machine does not have. */
static void fake_start(struct fake *f)
{
	const struct uiommu_uapi_device_io io = {
		.config_read = fake_config_read,
		.config_write = fake_config_write,
		.bar_read = fake_bar_read,
		.bar_write = fake_bar_write,
		.bar_map = fake_bar_map,
		.bar_size = { [0] = sizeof(f->memory), [2] = sizeof(f->ports) },
		.bar_address = { [0] = UINT64_C(0x123400000000), [2] = 0xc000 },
		.reset = fake_reset,
		.context = f,
	};

	memset(f, 0, sizeof(*f));
	tree_start(&f->t, "q35-vtd", NULL);
	f->topology = (struct uiommu_pci_topology){
		.functions = f->list,
		.num_functions = 1 + FAKE_VFS,
		.config_read = space_read,
		.config_write = space_write,
	};
	for (unsigned int i = 0; i <= FAKE_VFS; i++) {
		struct uiommu_device_desc desc = { .bus = "pci" };
		char name[32];

		f->list[i] = &f->function[i];
		f->function[i] = (struct uiommu_pci_function){
			.bus = 0x7f,
			.devfn = (uint8_t)(i ? 0x10 + 2 * (i - 1) : 0),
			.topology = &f->topology,
			.context = f->space[i],
		};
		snprintf(name, sizeof(name), "0000:7f:%02x.%x",
			 (unsigned int)f->function[i].devfn >> 3, f->function[i].devfn & 7u);
		desc.name = name;
		desc.pci = &f->function[i];
		put(f, i, 0x00, 4, 0xbeef8086);
		put(f, i, 0x08, 4, 0x02000003);
		if (!i)
			assert_int_equal(uiommu_device_add(machine_system(f->t.w.machine), &desc,
							   &f->dev[0]),
					 0);
	}
	put(f, 0, 0x06, 2, 0x0010);
	put(f, 0, 0x10, 4, 0x0000000c); /* memory, 64 bits, prefetchable */
	put(f, 0, 0x18, 4, 0x0000c001); /* ports */
	put(f, 0, 0x2c, 4, 0x12345678);
	put(f, 0, 0x34, 1, 0x40);
	put(f, 0, 0x3c, 2, 0x0109);
	put(f, 0, 0x40, 4, 0x00036001); /* power management */
	put(f, 0, 0x44, 4, 0x00000003); /* D3hot */
	put(f, 0, 0x60, 4, 0x00020010); /* PCI Express */
	put(f, 0, 0x6c, 4, 0x00000104); /* 16 lanes at 16 GT/s */
	put(f, 0, 0x72, 2, 0x00000041); /* 4 at 2.5 */
	put(f, 0, 0x100, 4, 0x15010001);
	put(f, 0, 0x150, 4, 0x00010010); /* virtual functions */
	put(f, 0, 0x15e, 2, 7);
	put(f, 0, 0x160, 2, 2);
	put(f, 0, 0x164, 2, 0x10);
	put(f, 0, 0x166, 2, 2);
	put(f, 0, 0x16a, 2, 0xcafe);
	assert_int_equal(uiommu_uapi_add_device(f->t.w.uapi,
						&(struct uiommu_uapi_device_config){
							.dev = f->dev[0],
							.bus = UIOMMU_UAPI_PCI,
							.io = &io,
						},
						&f->known[0]),
			 0);
}

static void fake_stop(struct fake *f)
{
	uiommu_uapi_remove_device(f->known[0]);
	uiommu_device_remove(f->dev[0]);
	tree_stop(&f->t);
}

#define FAKE PCI "/devices/0000:7f:00.0"

static void test_express(void **state)
{
	struct uiommu_uapi_stat stat;
	struct tree *t;
	struct fake f;

	(void)state;
	fake_start(&f);
	t = &f.t;
	tree_links(t, "../../../devices/pci0000:7f/0000:7f:00.0", FAKE);
	tree_says(t, "16.0 GT/s PCIe\n", FAKE "/max_link_speed");
	tree_says(t, "16\n", FAKE "/max_link_width");
	tree_says(t, "2.5 GT/s PCIe\n", FAKE "/current_link_speed");
	tree_says(t, "4\n", FAKE "/current_link_width");
	tree_says(t, "D3hot\n", FAKE "/power_state");
	tree_says(t, "9\n", FAKE "/irq");
	tree_says(t, "0x5678\n", FAKE "/subsystem_vendor");
	tree_says(t, "0x1234\n", FAKE "/subsystem_device");
	tree_says(t, "pci:v00008086d0000BEEFsv00005678sd00001234bc02sc00i00\n", FAKE "/modalias");
	tree_says(t,
		  "0x0000123400000000 0x0000123400003fff 0x000000000014220c\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x000000000000c000 0x000000000000c01f 0x0000000000040101\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		  "0x0000000000000000 0x0000000000000000 0x0000000000000000\n",
		  FAKE "/resource");
	assert_int_equal(uiommu_uapi_sysfs_stat(t->w.uapi, FAKE "/config", &stat), 0);
	assert_int_equal(stat.size, 4096);
	put(&f, 0, 0x72, 2, 0x0007);
	tree_says(t, "Unknown\n", FAKE "/current_link_speed");
	/* A capability list that runs in a circle. */
	put(&f, 0, 0x61, 1, 0x40);
	put(&f, 0, 0x60, 1, 0x11);
	assert_false(tree_exists(t, FAKE "/max_link_speed"));
	fake_stop(&f);
}

static void test_virtual_functions(void **state)
{
	struct tree *t;
	struct fake f;

	(void)state;
	fake_start(&f);
	t = &f.t;
	tree_says(t, "7\n", FAKE "/sriov_totalvfs");
	tree_says(t, "16\n", FAKE "/sriov_offset");
	tree_says(t, "2\n", FAKE "/sriov_stride");
	tree_says(t, "cafe\n", FAKE "/sriov_vf_device");
	/* Not enabled. */
	tree_says(t, "0\n", FAKE "/sriov_numvfs");
	assert_false(tree_exists(t, FAKE "/virtfn0"));
	put(&f, 0, 0x158, 2, 1);
	tree_says(t, "2\n", FAKE "/sriov_numvfs");
	tree_links(t, "../0000:7f:02.0", FAKE "/virtfn0");
	tree_links(t, "../0000:7f:02.2", FAKE "/virtfn1");
	tree_links(t, "../0000:7f:00.0", PCI "/devices/0000:7f:02.2/physfn");
	assert_true(tree_exists(t, PCI "/devices/0000:7f:02.4"));
	assert_false(tree_exists(t, PCI "/devices/0000:7f:02.4/physfn"));
	assert_false(tree_exists(t, FAKE "/virtfn2"));
	assert_false(tree_exists(t, PCI "/devices/0000:7f:02.0/sriov_totalvfs"));
	assert_int_equal(tree_write(t, "4", FAKE "/sriov_numvfs"), -UIOMMU_ENOENT);
	assert_int_equal(tree_write(t, "65536", FAKE "/sriov_numvfs"), -UIOMMU_ERANGE);
	assert_int_equal(tree_write(t, "four", FAKE "/sriov_numvfs"), -UIOMMU_EINVAL);
	fake_stop(&f);
}

static void test_bars(void **state)
{
	const char *memory = FAKE "/resource0", *ports = FAKE "/resource2";
	uint8_t buffer[8];
	struct tree *t;
	struct fake f;
	void *mapped;

	(void)state;
	fake_start(&f);
	t = &f.t;
	assert_int_equal(uiommu_uapi_sysfs_read(t->w.process, memory, buffer, 4, 0), -UIOMMU_EIO);
	assert_int_equal(uiommu_uapi_sysfs_write(t->w.process, memory, buffer, 4, 0), -UIOMMU_EIO);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t->w.process, memory, 4096, 8192, &mapped), 0);
	assert_ptr_equal(mapped, f.memory + 4096);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t->w.process, memory, 4096, 0x3001, &mapped),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t->w.process, memory, 0, 0, &mapped),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t->w.process, memory, 1, 8, &mapped),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_mmap(t->w.process, ports, 0, 8, &mapped),
			 -UIOMMU_ENODEV);
	assert_int_equal(uiommu_uapi_sysfs_write(t->w.process, ports, "\x11\x22\x33\x44", 4, 8), 4);
	assert_memory_equal(f.ports + 8, "\x11\x22\x33\x44", 4);
	assert_int_equal(uiommu_uapi_sysfs_read(t->w.process, ports, buffer, 2, 10), 2);
	assert_memory_equal(buffer, "\x33\x44", 2);
	assert_int_equal(uiommu_uapi_sysfs_read(t->w.process, ports, buffer, 3, 8), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_read(t->w.process, ports, buffer, 8, 8), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_read(t->w.process, ports, buffer, 2, 9), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_sysfs_read(t->w.process, ports, buffer, 4, 32), 0);
	fake_stop(&f);
}

static void test_reset(void **state)
{
	const char *path = FAKE "/reset";
	struct tree *t;
	struct fake f;

	(void)state;
	fake_start(&f);
	t = &f.t;
	assert_int_equal(tree_write(t, "1", "%s", path), 0);
	assert_int_equal(f.resets, 1);
	assert_int_equal(tree_write(t, "0x1\n", "%s", path), 0);
	assert_int_equal(f.resets, 2);
	assert_int_equal(tree_write(t, "0", "%s", path), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(t, "2", "%s", path), -UIOMMU_EINVAL);
	assert_int_equal(tree_write(t, "yes", "%s", path), -UIOMMU_EINVAL);
	assert_int_equal(f.resets, 2);
	f.reset_result = -UIOMMU_ETIMEDOUT;
	assert_int_equal(tree_write(t, "1", "%s", path), -UIOMMU_ETIMEDOUT);
	assert_int_equal(f.resets, 3);
	assert_false(uiommu_device_in_reset(f.dev[0]));
	assert_int_equal(uiommu_uapi_sysfs_write(t->nobody, path, "1", 1, 0), -UAPI_EACCES);
	/* Who cannot be reset has no such file. */
	assert_false(tree_exists(t, PCI "/devices/0000:00:03.0/reset"));
	fake_stop(&f);
}

/* A machine's device whose reset looks whether the library knows of it. */
struct watched {
	struct machine_uapi_io io; /* first: it is the context */
	struct uiommu_device *dev;
	int (*reset)(void *context);
	unsigned int resets;
};

static int watched_reset(void *context)
{
	struct watched *watched = context;

	assert_true(uiommu_device_in_reset(watched->dev));
	watched->resets++;
	return watched->reset(context);
}

static void watch(struct tree *t, const char *label, struct watched *watched)
{
	struct machine_device *device = world_device(&t->w, label);
	struct uiommu_uapi_device_io io;
	struct uiommu_uapi_device_config config = {
		.dev = machine_device_uiommu(device),
		.io = &io,
	};
	struct uiommu_uapi_device *known;

	uiommu_uapi_remove_device(tree_device(t, label));
	memset(watched, 0, sizeof(*watched));
	watched->dev = config.dev;
	assert_int_equal(machine_device_io(device, &watched->io, &io), 0);
	assert_ptr_equal(io.context, watched);
	watched->reset = io.reset;
	io.reset = watched_reset;
	assert_int_equal(uiommu_uapi_add_device(t->w.uapi, &config, &known), 0);
}

/* A device that is translated is blocked meanwhile, and comes back. */
static void test_reset_blocks(void **state)
{
	uint64_t word = UINT64_C(0x0123456789abcdef), phys;
	struct machine_device *device;
	struct watched watched;
	struct tree t;
	void *buffer;

	(void)state;
	tree_start(&t, "q35-vtd", NULL);
	device = world_device(&t.w, "pasid0");
	watch(&t, "pasid0", &watched);
	assert_true(machine_device_traits(device) & MACHINE_RESET);
	assert_int_equal(tree_write(&t, "identity", PCI "/devices/%s/iommu_group/type",
				    tree_name(&t, "pasid0")),
			 0);
	assert_int_equal(tree_write(&t, "1", PCI "/devices/%s/reset", tree_name(&t, "pasid0")), 0);
	assert_int_equal(watched.resets, 1);
	assert_false(uiommu_device_in_reset(machine_device_uiommu(device)));
	buffer = machine_buffer(t.w.machine, 4096, 4096, &phys);
	assert_non_null(buffer);
	assert_int_equal(machine_dma_write(device, phys, &word, sizeof(word), 0, 0),
			 MACHINE_DMA_DONE);
	assert_memory_equal(buffer, &word, sizeof(word));
	machine_buffer_free(t.w.machine, buffer, 4096);
	assert_int_equal(tree_write(&t, "DMA", PCI "/devices/%s/iommu_group/type",
				    tree_name(&t, "pasid0")),
			 0);
	uiommu_uapi_remove_device(tree_device(&t, "pasid0"));
	tree_stop(&t);
}

static void test_enable(void **state)
{
	const char *path = FAKE "/enable";
	struct tree *t;
	struct fake f;

	(void)state;
	fake_start(&f);
	t = &f.t;
	tree_says(t, "0\n", "%s", path);
	assert_int_equal(tree_write(t, "0", "%s", path), -UIOMMU_EIO);
	assert_int_equal(tree_write(t, "1", "%s", path), 0);
	tree_says(t, "1\n", "%s", path);
	assert_int_equal(f.space[0][4], 3);
	put(&f, 0, 4, 2, 7);
	assert_int_equal(tree_write(t, "0", "%s", path), 0);
	assert_int_equal(f.space[0][4], 0);
	assert_int_equal(tree_write(t, "on", "%s", path), -UIOMMU_EINVAL);
	uiommu_uapi_process_set_capabilities(t->w.process, 0);
	assert_int_equal(tree_write(t, "1", "%s", path), -UIOMMU_EPERM);
	uiommu_uapi_process_set_capabilities(t->w.process, UIOMMU_UAPI_CAP_ALL);
	/* Its driver decides. */
	assert_int_equal(uiommu_uapi_bind_driver(tree_device(t, "solo0"), "machine-dma"), 0);
	assert_int_equal(tree_write(t, "0", PCI "/devices/0000:00:02.0/enable"), -UIOMMU_EBUSY);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_express),	     cmocka_unit_test(test_virtual_functions),
		cmocka_unit_test(test_bars),	     cmocka_unit_test(test_reset),
		cmocka_unit_test(test_reset_blocks), cmocka_unit_test(test_enable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
