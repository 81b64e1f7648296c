/* SPDX-License-Identifier: MIT */
/*
 * platform_machine.c - vfio-platform over modelled devices: FlexRM's rings, and a DMA engine that a program drives
 *
 * The models report whatever is done to them in another order than theirs, and world_stop() fails with it.
 */
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>

#include "machines/uapi_io.h"
#include "spec/dma-engine.h"
#include "tests/uapi/world.h"

#define MACHINE "virt-smmuv3-flexrm"
#define IOVA UINT64_C(0x100000)
#define MAPPED UINT64_C(0x10000)
#define MS UINT64_C(1000000)
#define TYPE1 3u /* v2 */

/* A device, opened by its cdev or by its group. */
struct bench {
	struct world w;
	struct machine_device *device;
	struct uiommu_uapi_device *known;
	int iommufd, fd;
};

static long call(struct bench *b, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->w.process, fd, command, (uintptr_t)argument);
}

static void start(struct bench *b, const char *label, bool not_required, bool noiommu)
{
	const struct uiommu_uapi_config config = {
		.load_platform_reset = machine_load_platform_reset,
		.platform_reset_not_required = not_required,
		.enable_unsafe_noiommu_mode = noiommu,
	};

	world_start(&b->w, MACHINE, &config);
	b->device = world_device(&b->w, label);
	assert_int_equal(machine_uapi_add(b->device, b->w.uapi, &b->known), 0);
	b->iommufd = -1;
	b->fd = -1;
}

static long open_cdev(struct bench *b)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = 16 };
	char path[64];
	long rc;

	assert_int_equal(uiommu_uapi_bind_driver(b->known, "vfio-platform"), 0);
	assert_true(uiommu_uapi_device_cdev_path(b->known, path, sizeof(path)) > 0);
	b->iommufd = uiommu_uapi_open(b->w.process, "/dev/iommu");
	b->fd = uiommu_uapi_open(b->w.process, path);
	assert_true(b->fd >= 0);
	bind.iommufd = b->iommufd;
	rc = call(b, b->fd, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (rc)
		assert_int_equal(uiommu_uapi_close(b->w.process, b->fd), 0);
	return rc;
}

static uint64_t rd(struct bench *b, uint64_t offset, size_t size)
{
	uint64_t value = 0;

	assert_int_equal(uiommu_uapi_pread(b->w.process, b->fd, &value, size, offset), size);
	return value;
}

static void wr(struct bench *b, uint64_t offset, size_t size, uint64_t value)
{
	assert_int_equal(uiommu_uapi_pwrite(b->w.process, b->fd, &value, size, offset), size);
}

/* ---- FlexRM ------------------------------------------------------------------------------------ */

/* Rings that are there and off, as their registers tell. */
static unsigned int rings_off(struct bench *b)
{
	struct vfio_region_info info = { .argsz = sizeof(info) };
	unsigned int count = 0;

	assert_int_equal(call(b, b->fd, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	for (uint64_t ring = 0; ring < info.size; ring += 0x10000) {
		if (rd(b, ring, 4) == 0x76303031 && rd(b, ring + 0x34, 4) == 0 &&
		    !(rd(b, ring + 0x38, 4) & 1))
			count++;
	}
	return count;
}

/* No ring, four between holes, all 32, and two that take as long as they may. */
static void test_rings(void **unused)
{
	static const struct {
		const char *label;
		unsigned int rings;
		uint64_t most;
	} devices[] = {
		{ "flexrm0", 4, 4 * 2000 * MS },
		{ "flexrm1", 0, 0 },
		{ "flexrm2", 32, 32 * 2000 * MS },
		{ "flexrm4", 2, 2 * 2000 * MS },
	};
	struct bench b;

	(void)unused;
	for (unsigned int i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		struct vfio_device_info info = { .argsz = 16 };

		start(&b, devices[i].label, false, false);
		assert_int_equal(open_cdev(&b), 0);
		assert_int_equal(call(&b, b.fd, VFIO_DEVICE_GET_INFO, &info), 0);
		assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET);
		assert_int_equal(info.num_regions, 1);
		assert_int_equal(info.num_irqs, 0);
		assert_int_equal(rings_off(&b), devices[i].rings);
		assert_true(machine_platform_delayed(b.device) <= devices[i].most);
		assert_int_equal(call(&b, b.fd, VFIO_DEVICE_RESET, NULL), 0);
		assert_int_equal(rings_off(&b), devices[i].rings);
		world_stop(&b.w);
	}
}

/* As slow as a ring may be is not too slow: 999 looks that say no, and one more. */
static void test_slow_rings(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b, "flexrm4", false, false);
	assert_int_equal(open_cdev(&b), 0);
	assert_true(machine_platform_delayed(b.device) >= 2 * 999 * MS);
	assert_int_equal(rings_off(&b), 2);
	world_stop(&b.w);
}

/* Windows 1 and 6 are the second ring and the sixth, 3 is the third: the second window has none. */
static unsigned int stuck_lines(struct bench *b, unsigned int ring, const char *where)
{
	unsigned int count = 0;
	char text[32];

	snprintf(text, sizeof(text), "ring %u is stuck in %s", ring, where);
	for (size_t i = 0; i < machine_num_warnings(b->w.machine); i++)
		count += strstr(machine_warning(b->w.machine, i), text) != NULL;
	return count;
}

static void check_stuck_log(struct bench *b)
{
	assert_int_equal(stuck_lines(b, 1, "flush"), 1);
	assert_int_equal(stuck_lines(b, 2, "clear"), 1);
	assert_int_equal(stuck_lines(b, 5, "flush"), 1);
}

/* C207 */
static void test_stuck_rings(void **unused)
{
	struct bench b;

	(void)unused;
	start(&b, "flexrm3", false, false);
	assert_int_equal(open_cdev(&b), -UIOMMU_ETIMEDOUT);
	check_stuck_log(&b);
	assert_int_equal(machine_num_warnings(b.w.machine), 4); /* and: not opened */
	assert_true(machine_platform_delayed(b.device) >= 3 * 1000 * MS);
	machine_clear_warnings(b.w.machine);
	world_stop(&b.w);

	/* Not required: one can look at what has become of the others. */
	start(&b, "flexrm3", true, false);
	assert_int_equal(open_cdev(&b), 0);
	check_stuck_log(&b);
	machine_clear_warnings(b.w.machine);
	assert_int_equal(rings_off(&b), 4);
	assert_int_equal(call(&b, b.fd, VFIO_DEVICE_RESET, NULL), -UIOMMU_ETIMEDOUT);
	check_stuck_log(&b);
	assert_int_equal(machine_num_warnings(b.w.machine), 3);
	assert_int_equal(rings_off(&b), 4);
	assert_int_equal(uiommu_uapi_close(b.w.process, b.fd), 0);
	machine_clear_warnings(b.w.machine);
	world_stop(&b.w);
}

/* ---- the DMA engine ---------------------------------------------------------------------------- */

/* The program lets the engine write to @iova, by its registers, whose 64 bits go in halves. Did it arrive at @offset of the memory? */
static bool engine_reaches(struct bench *b, uint64_t iova, uint64_t offset)
{
	const uint64_t word = UINT64_C(0x5eed1e55600df00d);
	uint64_t seen;

	memset(b->w.memory + offset, 0, sizeof(word));
	wr(b, DMA_ENGINE_WINDOW, 8, word);
	wr(b, DMA_ENGINE_IOVA, 8, iova);
	wr(b, DMA_ENGINE_SIZE, 4, 8);
	wr(b, DMA_ENGINE_FLAGS, 4, 0);
	wr(b, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_WRITE);
	memcpy(&seen, b->w.memory + offset, sizeof(seen));
	if (seen != word)
		assert_int_equal(seen, 0);
	assert_int_equal(rd(b, DMA_ENGINE_STATUS, 4) == DMA_ENGINE_DONE_OK, seen == word);
	return seen == word;
}

static void test_engine_by_cdev(void **unused)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct abi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_READABLE |
			 ABI_IOMMU_IOAS_MAP_WRITEABLE,
		.length = MAPPED,
		.iova = IOVA,
	};
	struct abi_vfio_device_attach_iommufd_pt at = { .argsz = 12 };
	struct abi_vfio_device_detach_iommufd_pt off = { .argsz = 8 };
	struct bench b;

	(void)unused;
	start(&b, "platform0", false, false);
	assert_int_equal(open_cdev(&b), 0);
	assert_int_equal(rd(&b, DMA_ENGINE_ID, 4), DMA_ENGINE_ID_VALUE);
	assert_int_equal(call(&b, b.iommufd, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
	map.ioas_id = alloc.out_ioas_id;
	map.user_va = (uintptr_t)b.w.memory;
	assert_int_equal(call(&b, b.iommufd, ABI_IOMMU_IOAS_MAP, &map), 0);
	assert_false(engine_reaches(&b, IOVA, 0)); /* bound, not attached */
	at.pt_id = alloc.out_ioas_id;
	assert_int_equal(call(&b, b.fd, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at), 0);
	assert_true(engine_reaches(&b, IOVA, 0));
	assert_true(engine_reaches(&b, IOVA + MAPPED - 8, MAPPED - 8));
	assert_false(engine_reaches(&b, IOVA + MAPPED, MAPPED));
	assert_int_equal(call(&b, b.fd, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &off), 0);
	assert_false(engine_reaches(&b, IOVA, 0));
	/* vfio-platform attaches no PASIDs. */
	at = (struct abi_vfio_device_attach_iommufd_pt){
		.argsz = 16, .flags = 1, .pt_id = alloc.out_ioas_id, .pasid = 1
	};
	assert_int_equal(call(&b, b.fd, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at),
			 -UIOMMU_EOPNOTSUPP);
	world_stop(&b.w);
}

static int open_group(struct bench *b, int *container, unsigned int type)
{
	char path[64];
	int group;

	assert_int_equal(uiommu_uapi_bind_driver(b->known, "vfio-platform"), 0);
	assert_true(uiommu_uapi_device_group_path(b->known, path, sizeof(path)) > 0);
	group = uiommu_uapi_open(b->w.process, path);
	*container = uiommu_uapi_open(b->w.process, "/dev/vfio/vfio");
	assert_true(group >= 0 && *container >= 0);
	assert_int_equal(call(b, group, ABI_VFIO_GROUP_SET_CONTAINER, container), 0);
	assert_int_equal(uiommu_uapi_ioctl(b->w.process, *container, ABI_VFIO_SET_IOMMU, type), 0);
	b->fd = (int)call(b, group, ABI_VFIO_GROUP_GET_DEVICE_FD,
			  (void *)(uintptr_t)uiommu_device_name(machine_device_uiommu(b->device)));
	assert_true(b->fd >= 0);
	return group;
}

static void test_engine_by_group(void **unused)
{
	struct abi_vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .iova = IOVA, .size = MAPPED
	};
	struct abi_vfio_iommu_type1_dma_unmap unmap = { .argsz = 24, .iova = IOVA, .size = MAPPED };
	struct bench b;
	int container;

	(void)unused;
	start(&b, "platform0", false, false);
	open_group(&b, &container, TYPE1);
	assert_false(engine_reaches(&b, IOVA, 0));
	map.vaddr = (uintptr_t)b.w.memory;
	assert_int_equal(call(&b, container, ABI_VFIO_IOMMU_MAP_DMA, &map), 0);
	assert_true(engine_reaches(&b, IOVA + 0x1000, 0x1000));
	assert_int_equal(call(&b, container, ABI_VFIO_IOMMU_UNMAP_DMA, &unmap), 0);
	assert_int_equal(unmap.size, MAPPED);
	assert_false(engine_reaches(&b, IOVA + 0x1000, 0x1000));
	world_stop(&b.w);
}

/* The reset at open and close forgets what somebody else had asked for. */
static void test_engine_reset(void **unused)
{
	struct bench b;
	char path[64];

	(void)unused;
	start(&b, "platform0", false, false);
	assert_int_equal(open_cdev(&b), 0);
	wr(&b, DMA_ENGINE_INTERRUPT, 4, DMA_ENGINE_INTERRUPT_ENABLE);
	assert_int_equal(rd(&b, DMA_ENGINE_INTERRUPT, 4), DMA_ENGINE_INTERRUPT_ENABLE);
	assert_int_equal(call(&b, b.fd, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(rd(&b, DMA_ENGINE_INTERRUPT, 4), 0);
	wr(&b, DMA_ENGINE_INTERRUPT, 4, DMA_ENGINE_INTERRUPT_ENABLE);
	assert_int_equal(uiommu_uapi_close(b.w.process, b.fd), 0);
	assert_true(uiommu_uapi_device_cdev_path(b.known, path, sizeof(path)) > 0);
	assert_int_equal(uiommu_uapi_unbind_driver(b.known), 0);
	assert_int_equal(open_cdev(&b), 0);
	assert_int_equal(rd(&b, DMA_ENGINE_INTERRUPT, 4), 0);
	/* Found at the bind, kept until the unbind. */
	assert_int_equal(uiommu_uapi_unregister_platform_reset(b.w.uapi, "uiommu,platform-dma",
							       machine_platform_reset),
			 -UIOMMU_EBUSY);
	world_stop(&b.w);
}

/* ---- its interrupt ----------------------------------------------------------------------------- */

static long irq(struct bench *b, uint32_t flags, int32_t fd)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} arg = {
		.set = { .argsz = 24, .flags = flags, .count = 1 },
		.fd = fd,
	};

	return call(b, b->fd, VFIO_DEVICE_SET_IRQS, &arg);
}

static unsigned int events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? (unsigned int)count : 0;
}

static void test_engine_interrupt(void **unused)
{
	const uint32_t on = DMA_ENGINE_INTERRUPT_ENABLE;
	const uint32_t clear = on | DMA_ENGINE_INTERRUPT_PENDING;
	int fd = eventfd(0, EFD_NONBLOCK);
	struct bench b;

	(void)unused;
	start(&b, "platform0", false, false);
	assert_int_equal(open_cdev(&b), 0);
	assert_int_equal(irq(&b, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, fd), 0);
	wr(&b, DMA_ENGINE_INTERRUPT, 4, on);
	assert_int_equal(events(fd), 0);
	/* Each DMA that ends, be it refused. */
	assert_false(engine_reaches(&b, IOVA, 0));
	assert_int_equal(events(fd), 1);
	/* Still up: it comes again. */
	assert_int_equal(irq(&b, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 0), 0);
	assert_int_equal(events(fd), 1);
	wr(&b, DMA_ENGINE_INTERRUPT, 4, clear);
	/* Masked since it came. */
	assert_false(engine_reaches(&b, IOVA, 0));
	assert_int_equal(events(fd), 0);
	wr(&b, DMA_ENGINE_INTERRUPT, 4, clear);
	assert_int_equal(irq(&b, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 0), 0);
	assert_int_equal(events(fd), 0);
	assert_false(engine_reaches(&b, IOVA, 0));
	assert_int_equal(events(fd), 1);
	/* Nobody is signalled once it is closed. */
	assert_int_equal(uiommu_uapi_close(b.w.process, b.fd), 0);
	assert_int_equal(events(fd), 0);
	close(fd);
	world_stop(&b.w);
}

/* ---- no IOMMU ---------------------------------------------------------------------------------- */

/* On one and the same bus: whether there is an IOMMU is the device's, and asked of the device. */
static void test_no_iommu(void **unused)
{
	struct uiommu_uapi_device *translated;
	uiommu_phys_t phys;
	struct bench b;
	char path[64];
	int container;
	void *host;

	(void)unused;
	start(&b, "hidden0", false, false);
	assert_int_equal(machine_uapi_add(world_device(&b.w, "platform0"), b.w.uapi, &translated),
			 0);
	assert_int_equal(uiommu_uapi_bind_driver(b.known, "vfio-platform"), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_bind_driver(translated, "vfio-platform"), 0);
	world_stop(&b.w);

	start(&b, "hidden0", false, true);
	host = machine_host(b.w.machine);
	assert_int_equal(machine_uapi_add(world_device(&b.w, "platform0"), b.w.uapi, &translated),
			 0);
	assert_int_equal(uiommu_uapi_bind_driver(translated, "vfio-platform"), 0);
	open_group(&b, &container, 8);
	assert_true(uiommu_uapi_device_group_path(b.known, path, sizeof(path)) > 0);
	assert_memory_equal(path, "/dev/vfio/noiommu-", 18);
	assert_int_equal(uiommu_uapi_device_cdev_path(b.known, path, sizeof(path)), -UIOMMU_ENODEV);
	assert_true(uiommu_uapi_device_group_path(translated, path, sizeof(path)) > 0);
	assert_memory_not_equal(path, "/dev/vfio/noiommu-", 18);
	assert_true(uiommu_uapi_device_cdev_path(translated, path, sizeof(path)) > 0);
	/* The very device answers, and what it is told is a physical address; the model wants to know of the page. */
	assert_int_equal(rd(&b, DMA_ENGINE_ID, 4), DMA_ENGINE_ID_VALUE);
	phys = uiommu_posix_ptr_to_phys(host, b.w.memory);
	assert_int_equal(uiommu_port_user_pin(host, (uintptr_t)b.w.memory, 1, true, &phys), 0);
	assert_true(engine_reaches(&b, phys, 0));
	uiommu_port_user_unpin(host, &phys, 1);
	world_stop(&b.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_slow_rings),
		cmocka_unit_test(test_stuck_rings),
		cmocka_unit_test(test_engine_by_cdev),
		cmocka_unit_test(test_engine_by_group),
		cmocka_unit_test(test_engine_reset),
		cmocka_unit_test(test_engine_interrupt),
		cmocka_unit_test(test_no_iommu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
