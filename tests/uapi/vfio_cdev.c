/* SPDX-License-Identifier: MIT */
/* vfio_cdev.c - devices and drivers, and a device's own file: bind, attach, detach, and what takes it away */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>
#include <uiommu/uapi.h>

#include "machines/uapi_io.h"
#include "src/uapi/uapi.h"
#include "tests/uapi/world.h"

#define IOVA UINT64_C(0x100000)
#define MAPPED UINT64_C(0x10000)

struct bench {
	struct world w;
	struct machine_device *device;
	struct uiommu_uapi_device *known;
	int iommufd, cdev;
	uint32_t ioas, devid;
};

static long call(struct bench *b, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->w.process, fd, command, (uintptr_t)argument);
}

static int open_cdev(struct bench *b)
{
	char path[64];

	assert_true(uiommu_uapi_device_cdev_path(b->known, path, sizeof(path)) > 0);
	return uiommu_uapi_open(b->w.process, path);
}

static long bind_fd(struct bench *b, int fd, int iommufd)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	long rc = call(b, fd, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind);

	b->devid = bind.out_devid;
	return rc;
}

static long attach(struct bench *b, uint32_t *pt_id)
{
	struct abi_vfio_device_attach_iommufd_pt at = { .argsz = 12, .pt_id = *pt_id };
	long rc = call(b, b->cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at);

	*pt_id = at.pt_id;
	return rc;
}

static long detach(struct bench *b)
{
	struct abi_vfio_device_detach_iommufd_pt at = { .argsz = 8 };

	return call(b, b->cdev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &at);
}

static uint32_t make_ioas(struct bench *b)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct abi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = ABI_IOMMU_IOAS_MAP_FIXED_IOVA | ABI_IOMMU_IOAS_MAP_READABLE |
			 ABI_IOMMU_IOAS_MAP_WRITEABLE,
		.user_va = (uintptr_t)b->w.memory,
		.length = MAPPED,
		.iova = IOVA,
	};

	assert_int_equal(call(b, b->iommufd, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
	map.ioas_id = alloc.out_ioas_id;
	assert_int_equal(call(b, b->iommufd, ABI_IOMMU_IOAS_MAP, &map), 0);
	return alloc.out_ioas_id;
}

/* Up to a bound device with an IOAS; @machine's device @label. */
static void begin(struct bench *b, const char *machine, const char *label)
{
	memset(b, 0, sizeof(*b));
	world_start(&b->w, machine, NULL);
	b->device = world_device(&b->w, label);
	assert_int_equal(machine_uapi_add(b->device, b->w.uapi, &b->known), 0);
	assert_int_equal(uiommu_uapi_bind_driver(b->known, "vfio-pci"), 0);
	b->iommufd = uiommu_uapi_open(b->w.process, "/dev/iommu");
	assert_true(b->iommufd >= 0);
	b->ioas = make_ioas(b);
	b->cdev = open_cdev(b);
	assert_true(b->cdev >= 0);
}

/* Whether it is refused not every device can tell. */
static bool reaches(struct bench *b, uint64_t offset)
{
	static const char text[] = "through the cdev";

	memset(b->w.memory + offset, 0, sizeof(text));
	machine_dma_write(b->device, IOVA + offset, text, sizeof(text), 0, 0);
	return !memcmp(b->w.memory + offset, text, sizeof(text));
}

static void enable_master(struct bench *b)
{
	uint16_t command = 6;

	assert_int_equal(
		uiommu_uapi_pwrite(b->w.process, b->cdev, &command, 2, (UINT64_C(7) << 40) + 4), 2);
}

/* The whole way, on both kinds of hardware. */
static void test_dma(void **unused)
{
	static const char *const machines[] = { "q35-vtd-scalable", "virt-smmuv3", "q35-virtio" };
	struct bench b;

	(void)unused;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		uint32_t pt;

		begin(&b, machines[i], "solo0");
		assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), 0);
		assert_int_not_equal(b.devid, 0);
		enable_master(&b);
		assert_false(reaches(&b, 0)); /* bound and not attached: blocked */
		pt = b.ioas;
		assert_int_equal(attach(&b, &pt), 0);
		assert_int_not_equal(pt, b.ioas); /* the HWPT that was made */
		assert_true(reaches(&b, 0x1000));
		assert_int_equal(detach(&b), 0);
		assert_int_equal(detach(&b), 0); /* again: nothing */
		assert_false(reaches(&b, 0x2000));
		pt = b.ioas;
		assert_int_equal(attach(&b, &pt), 0);
		assert_true(reaches(&b, 0x3000));
		assert_int_equal(uiommu_uapi_close(b.w.process, b.cdev), 0);
		assert_false(reaches(&b, 0x4000));
		world_stop(&b.w);
	}
}

static void test_replace(void **unused)
{
	struct bench b;
	uint32_t first, second;

	(void)unused;
	begin(&b, "q35-vtd", "solo0");
	assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), 0);
	enable_master(&b);
	first = b.ioas;
	assert_int_equal(attach(&b, &first), 0);
	second = make_ioas(&b);
	assert_int_equal(attach(&b, &second), 0);
	assert_int_not_equal(first, second);
	assert_true(reaches(&b, 0));
	/* The automatic HWPT has gone with its last device. */
	assert_int_equal(attach(&b, &first), -UIOMMU_ENOENT);
	assert_true(reaches(&b, 0x1000));
	world_stop(&b.w);
}

static void test_bind_errors(void **unused)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct {
		struct abi_vfio_device_bind_iommufd bind;
		uint64_t more;
	} newer = { .bind = { .argsz = sizeof(newer) }, .more = 1 };
	struct bench b;
	uint32_t word = 0, pt;
	int second;

	(void)unused;
	begin(&b, "q35-vtd", "solo0");
	/* Nothing but BIND goes before BIND. */
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_GET_INFO, &word), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_pread(b.w.process, b.cdev, &word, 4, UINT64_C(7) << 40),
			 -UIOMMU_EINVAL);
	pt = b.ioas;
	assert_int_equal(attach(&b, &pt), -UIOMMU_EINVAL);

	bind.argsz = 15;
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind), -UIOMMU_EINVAL);
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &newer), -UIOMMU_E2BIG);
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, NULL), -UIOMMU_EFAULT);
	bind.argsz = sizeof(bind);
	bind.flags = 2;
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind), -UIOMMU_EINVAL);
	bind.flags = ABI_VFIO_DEVICE_BIND_FLAG_TOKEN;
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind), -UIOMMU_EINVAL);
	assert_int_equal(bind_fd(&b, b.cdev, -1), -UIOMMU_EINVAL);
	assert_int_equal(bind_fd(&b, b.cdev, 77), -UAPI_EBADF);
	assert_int_equal(bind_fd(&b, b.cdev, b.cdev), -UAPI_EBADFD);

	assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), 0);
	assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), -UIOMMU_EINVAL);
	second = open_cdev(&b);
	assert_true(second >= 0);
	assert_int_equal(bind_fd(&b, second, b.iommufd), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_close(b.w.process, b.cdev), 0);
	assert_int_equal(bind_fd(&b, second, b.iommufd), 0);
	world_stop(&b.w);
}

static void test_drivers(void **unused)
{
	struct uiommu_uapi_device *again;
	struct world w;
	char path[64];

	(void)unused;
	world_start(&w, "q35-vtd", NULL);
	for (int i = 0; i < 2; i++) {
		struct uiommu_uapi_device *known;

		assert_int_equal(machine_uapi_add(world_device(&w, "solo0"), w.uapi, &known), 0);
		assert_int_equal(machine_uapi_add(world_device(&w, "solo0"), w.uapi, &again),
				 -UIOMMU_EEXIST);
		assert_ptr_equal(uiommu_uapi_find_device(w.uapi,
							 uiommu_device_name(machine_device_uiommu(
								 world_device(&w, "solo0")))),
				 known);
		assert_null(uiommu_uapi_find_device(w.uapi, "0000:ff:1f.7"));
		assert_null(uiommu_uapi_device_driver(known));
		assert_int_equal(uiommu_uapi_device_cdev_path(known, path, sizeof(path)),
				 -UIOMMU_ENODEV);
		assert_int_equal(uiommu_uapi_bind_driver(known, "vfio-platform"), -UIOMMU_ENODEV);
		assert_int_equal(uiommu_uapi_bind_driver(known, "machine-dma"), 0);
		assert_string_equal(uiommu_uapi_device_driver(known), "machine-dma");
		assert_int_equal(uiommu_uapi_bind_driver(known, "vfio-pci"), -UIOMMU_EBUSY);
		assert_int_equal(uiommu_uapi_unbind_driver(known), 0);
		assert_int_equal(uiommu_uapi_unbind_driver(known), -UIOMMU_ENODEV);
		assert_int_equal(uiommu_uapi_bind_driver(known, "vfio-pci"), 0);
		assert_string_equal(uiommu_uapi_device_driver(known), "vfio-pci");
		assert_true(uiommu_uapi_device_cdev_path(known, path, sizeof(path)) > 0);
		assert_string_equal(path, "/dev/vfio/devices/vfio0");
		uiommu_uapi_remove_device(known);
		assert_int_equal(uiommu_uapi_open(w.process, path), -UIOMMU_ENOENT);
	}
	for (size_t i = 0; i < 4; i++) {
		static const char *const bad[] = { "/dev/vfio/devices/vfio",
						   "/dev/vfio/devices/vfio00",
						   "/dev/vfio/devices/vfio-1",
						   "/dev/vfio/devices/vfio0x" };

		assert_int_equal(uiommu_uapi_open(w.process, bad[i]), -UIOMMU_ENOENT);
	}
	world_stop(&w);
}

/* The owner wants it back: the program is asked, and has all the time that it takes. */
struct taker {
	struct uiommu_uapi_device *known;
	_Atomic(bool) back;
};

static void *take(void *arg)
{
	struct taker *taker = arg;

	uiommu_uapi_unbind_driver(taker->known);
	atomic_store(&taker->back, true);
	return NULL;
}

static void test_unbind_waits(void **unused)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} req = { .set = { .argsz = sizeof(req),
			   .flags = ABI_VFIO_IRQ_SET_DATA_EVENTFD | ABI_VFIO_IRQ_SET_ACTION_TRIGGER,
			   .index = 4,
			   .count = 1 } };
	struct taker taker = { 0 };
	pthread_t thread;
	struct bench b;
	uint64_t count;
	uint32_t pt;

	(void)unused;
	begin(&b, "q35-vtd", "solo0");
	assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), 0);
	enable_master(&b);
	pt = b.ioas;
	assert_int_equal(attach(&b, &pt), 0);
	req.fd = eventfd(0, 0);
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_SET_IRQS, &req), 0);
	taker.known = b.known;
	assert_int_equal(pthread_create(&thread, NULL, take, &taker), 0);
	/* Blocks until REQ. */
	assert_int_equal(read(req.fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	assert_false(atomic_load(&taker.back));
	assert_true(reaches(&b, 0));
	assert_int_equal(uiommu_uapi_close(b.w.process, b.cdev), 0);
	pthread_join(thread, NULL);
	assert_true(atomic_load(&taker.back));
	assert_null(uiommu_uapi_device_driver(b.known));
	close(req.fd);
	world_stop(&b.w);
}

/* ---- a reset of a whole bus ---------------------------------------------------------------------- */

struct answer {
	struct abi_vfio_pci_hot_reset_info info;
	struct abi_vfio_pci_dependent_device on_bus[2];
};

static long ask(struct bench *b, uint32_t room, struct answer *answer)
{
	*answer = (struct answer){ .info.argsz = room };
	return call(b, b->cdev, ABI_VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, answer);
}

/* Two functions behind a bridge, each of which loses what it was told when the bus is reset. */
static void test_hot_reset(void **unused)
{
	const uint64_t config = UINT64_C(7) << 40;
	struct abi_vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	const uint32_t owned = ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID |
			       ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	struct uiommu_uapi_device *other;
	struct answer answer;
	uint16_t command = 0;
	struct bench b;
	uint32_t pt;

	(void)unused;
	begin(&b, "q35-vtd", "bridged0");
	assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), 0);
	enable_master(&b);
	pt = b.ioas;
	assert_int_equal(attach(&b, &pt), 0);
	assert_true(reaches(&b, 0));
	assert_int_equal(ask(&b, 11, &answer), -UIOMMU_EINVAL);
	assert_int_equal(ask(&b, sizeof(answer.info), &answer), -UIOMMU_ENOSPC);
	assert_int_equal(answer.info.count, 2);

	/* Nobody owns the other. */
	assert_int_equal(ask(&b, sizeof(answer), &answer), 0);
	assert_int_equal(answer.info.flags, ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID);
	assert_int_equal(answer.on_bus[0].group_id, b.devid);
	assert_int_equal(answer.on_bus[1].group_id, UINT32_MAX);
	assert_int_equal(answer.on_bus[0].devfn, 1 << 3);
	assert_int_equal(answer.on_bus[1].devfn, 2 << 3);
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_PCI_HOT_RESET, &reset), -UIOMMU_EINVAL);

	/* With a VFIO driver it is its group's. */
	assert_int_equal(machine_uapi_add(world_device(&b.w, "bridged1"), b.w.uapi, &other), 0);
	assert_int_equal(uiommu_uapi_bind_driver(other, "vfio-pci"), 0);
	assert_int_equal(ask(&b, sizeof(answer), &answer), 0);
	assert_int_equal(answer.info.flags, owned);
	assert_int_equal(answer.on_bus[1].group_id, ABI_VFIO_PCI_DEVID_OWNED);

	assert_int_equal(uiommu_uapi_pread(b.w.process, b.cdev, &command, 2, config + 4), 2);
	assert_true(command & 4);
	reset.count = 1;
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_PCI_HOT_RESET, &reset), -UIOMMU_EINVAL);
	reset.count = 0;
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_PCI_HOT_RESET, &reset), 0);
	/* It is as it was: what was saved is back, and translation goes on. */
	assert_int_equal(uiommu_uapi_pread(b.w.process, b.cdev, &command, 2, config + 4), 2);
	assert_true(command & 4);
	assert_true(reaches(&b, 0x1000));
	world_stop(&b.w);
}

/* On a root bus nobody can. */
static void test_no_hot_reset(void **unused)
{
	struct abi_vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };
	struct answer answer;
	struct bench b;

	(void)unused;
	begin(&b, "q35-vtd", "solo0");
	assert_int_equal(bind_fd(&b, b.cdev, b.iommufd), 0);
	assert_int_equal(ask(&b, sizeof(answer), &answer), -UIOMMU_ENODEV);
	assert_int_equal(call(&b, b.cdev, ABI_VFIO_DEVICE_PCI_HOT_RESET, &reset), -UIOMMU_ENODEV);
	world_stop(&b.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma),	     cmocka_unit_test(test_replace),
		cmocka_unit_test(test_bind_errors),  cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_unbind_waits), cmocka_unit_test(test_hot_reset),
		cmocka_unit_test(test_no_hot_reset),
	};

	return cmocka_run_group_tests_name("uapi-vfio-cdev", tests, NULL, NULL);
}
