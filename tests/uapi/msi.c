/* SPDX-License-Identifier: MIT */
/* msi.c - interrupt messages through an IOMMU that translates them, to an eventfd */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>

#include "machines/uapi_io.h"
#include "src/uapi/iommufd.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define CONFIG (UINT64_C(7) << 40)
#define WINDOW UINT64_C(0x8000000) /* the driver's */
#define WINDOW_LAST UINT64_C(0x80fffff)
#define DOORBELL UINT64_C(0xfee00000) /* the machine's */
#define EDU_RAISE 0x60u /* BAR 0: an interrupt with this status; 0x64: seen */

struct bench {
	struct world w;
	struct machine_device *device;
	struct uiommu_uapi_device *known;
	int iommufd, cdev, event;
	uint32_t id;
};

static long call(struct bench *b, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->w.process, fd, command, (uintptr_t)argument);
}

static void begin(struct bench *b, const char *machine, const char *label)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	uint16_t command = 6;
	char path[64];

	memset(b, 0, sizeof(*b));
	world_start(&b->w, machine, NULL);
	b->device = world_device(&b->w, label);
	assert_int_equal(machine_uapi_add(b->device, b->w.uapi, &b->known), 0);
	assert_int_equal(uiommu_uapi_bind_driver(b->known, "vfio-pci"), 0);
	b->iommufd = uiommu_uapi_open(b->w.process, "/dev/iommu");
	assert_true(uiommu_uapi_device_cdev_path(b->known, path, sizeof(path)) > 0);
	b->cdev = uiommu_uapi_open(b->w.process, path);
	bind.iommufd = b->iommufd;
	assert_int_equal(call(b, b->cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind), 0);
	b->id = bind.out_devid;
	assert_int_equal(uiommu_uapi_pwrite(b->w.process, b->cdev, &command, 2, CONFIG + 4), 2);
	b->event = eventfd(0, EFD_NONBLOCK);
}

static void end(struct bench *b)
{
	close(b->event);
	uiommu_uapi_close(b->w.process, b->cdev);
	uiommu_uapi_remove_device(b->known);
	machine_settle(b->w.machine);
	world_stop(&b->w);
}

static uint32_t new_ioas(struct bench *b)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	assert_int_equal(call(b, b->iommufd, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
	return alloc.out_ioas_id;
}

static uint32_t attach(struct bench *b, uint32_t pt)
{
	struct abi_vfio_device_attach_iommufd_pt at = { .argsz = 12, .pt_id = pt };

	assert_int_equal(call(b, b->cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at), 0);
	return at.pt_id;
}

static void detach(struct bench *b)
{
	struct abi_vfio_device_detach_iommufd_pt at = { .argsz = 8 };

	assert_int_equal(call(b, b->cdev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &at), 0);
}

/* What the domain of an HWPT has at @iova. */
static uint64_t phys(struct bench *b, uint32_t hwpt, uint64_t iova)
{
	struct uapi_file *file = uiommu_uapi_fd_get(b->w.process, b->iommufd);
	struct iommufd_object *object =
		uiommu_iommufd_object_find(uiommu_iommufd_of_file(file), hwpt, IOMMUFD_HWPT_PAGING);
	uint64_t at;

	assert_non_null(object);
	at = uiommu_iova_to_phys(iommufd_to_hwpt(object)->domain, iova);
	uiommu_uapi_file_put(file);
	return at;
}

static void messages(struct bench *b, bool on)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} arg = {
		.set = {
			.argsz = sizeof(arg),
			.flags = ABI_VFIO_IRQ_SET_ACTION_TRIGGER |
				 (on ? ABI_VFIO_IRQ_SET_DATA_EVENTFD : ABI_VFIO_IRQ_SET_DATA_NONE),
			.index = 1,
			.count = on,
		},
		.fd = b->event,
	};

	assert_int_equal(call(b, b->cdev, ABI_VFIO_DEVICE_SET_IRQS, &arg), 0);
}

/* The device interrupts: does the program hear of it? */
static bool heard(struct bench *b)
{
	uint32_t word = 1;
	uint64_t count = 0;

	assert_int_equal(uiommu_uapi_pwrite(b->w.process, b->cdev, &word, 4, EDU_RAISE), 4);
	machine_settle(b->w.machine);
	assert_int_equal(uiommu_uapi_pwrite(b->w.process, b->cdev, &word, 4, EDU_RAISE + 4), 4);
	if (read(b->event, &count, sizeof(count)) != sizeof(count))
		return false;
	assert_int_equal(count, 1);
	return true;
}

static bool shows(struct bench *b, uint32_t ioas, uint64_t start, uint64_t last)
{
	struct abi_iommu_iova_range range[8];
	struct abi_iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.num_iovas = 8,
		.allowed_iovas = (uintptr_t)range,
	};

	assert_int_equal(call(b, b->iommufd, ABI_IOMMU_IOAS_IOVA_RANGES, &arg), 0);
	for (uint32_t i = 0; i < arg.num_iovas; i++) {
		if (range[i].start <= last && start <= range[i].last)
			return true;
	}
	return false;
}

/* Where nothing translates it, a message goes as the host says, and nothing is mapped for it */
static void test_vtd(void **state)
{
	struct bench b;
	uint32_t hwpt;

	(void)state;
	begin(&b, "q35-vtd-scalable", "solo0");
	hwpt = attach(&b, new_ioas(&b));
	messages(&b, true);
	assert_int_equal(phys(&b, hwpt, WINDOW), 0);
	assert_int_equal(phys(&b, hwpt, DOORBELL), 0);
	assert_true(heard(&b));
	messages(&b, false);
	assert_false(heard(&b));
	end(&b);
}

/* The window is nobody's, the doorbell is in it once it is needed, and wherever the device goes */
static void test_attached(const char *machine)
{
	uint32_t ioas, other, hwpt;
	struct bench b;

	begin(&b, machine, "solo0");
	ioas = new_ioas(&b);
	other = new_ioas(&b);
	hwpt = attach(&b, ioas);
	assert_false(shows(&b, ioas, WINDOW, WINDOW_LAST));
	assert_true(shows(&b, ioas, WINDOW - 1, WINDOW - 1));
	assert_true(shows(&b, other, WINDOW, WINDOW_LAST));
	assert_int_equal(phys(&b, hwpt, WINDOW), 0); /* no messages yet */
	messages(&b, true);
	assert_true(phys(&b, hwpt, WINDOW) == DOORBELL);
	assert_int_equal(phys(&b, hwpt, WINDOW + PAGE), 0);
	assert_true(heard(&b));
	/* The address stays good in another domain. */
	hwpt = attach(&b, other);
	assert_true(phys(&b, hwpt, WINDOW) == DOORBELL);
	assert_true(heard(&b));
	messages(&b, false);
	assert_false(heard(&b));
	messages(&b, true);
	assert_int_equal(phys(&b, hwpt, WINDOW + PAGE), 0);
	assert_true(heard(&b));
	/* Nothing of a device's that is attached to nothing arrives, until it is again. */
	detach(&b);
	assert_false(heard(&b));
	attach(&b, ioas);
	assert_true(heard(&b));
	end(&b);
}

static void test_stage1(void **state)
{
	(void)state;
	test_attached("virt-smmuv3");
}

static void test_stage2(void **state)
{
	(void)state;
	test_attached("virt-smmuv3-s2");
}

/* Started first, attached then */
static void test_late(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "virt-smmuv3", "solo0");
	messages(&b, true);
	assert_false(heard(&b));
	attach(&b, new_ioas(&b));
	assert_true(heard(&b));
	end(&b);
}

/* Pages of doorbells are numbered as they come, and there are so many */
static void test_numbers(void **state)
{
	struct uapi_msi msi = { .count = 0 };

	(void)state;
	assert_int_equal(uiommu_uapi_msi_number(&msi, 0x1040), 0);
	assert_int_equal(uiommu_uapi_msi_number(&msi, 0x2040), 1);
	assert_int_equal(uiommu_uapi_msi_number(&msi, 0x1ffc), 0);
	for (unsigned int i = 2; i < UAPI_MSI_DOORBELLS; i++)
		assert_int_equal(uiommu_uapi_msi_number(&msi, i << 20), i);
	assert_int_equal(uiommu_uapi_msi_number(&msi, 0x3000), -UIOMMU_EOVERFLOW);
	assert_int_equal(uiommu_uapi_msi_number(&msi, 0x2000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vtd),	cmocka_unit_test(test_stage1),
		cmocka_unit_test(test_stage2),	cmocka_unit_test(test_late),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
