/* SPDX-License-Identifier: MIT */
/* platform.c - vfio-platform: information, regions, interrupts, and what binding asks for */
#include <linux/vfio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/uapi/uapi.h"
#include "tests/uapi/platform_bank.h"

#define REGION(n) ((uint64_t)(n) << 40)
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK VFIO_IRQ_SET_ACTION_MASK
#define UNMASK VFIO_IRQ_SET_ACTION_UNMASK
#define NONE VFIO_IRQ_SET_DATA_NONE
#define BOOL VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD

static struct bank bank;

static int resets, reset_result;

static int fake_reset(struct uiommu_uapi_platform_reset *reset)
{
	assert_string_equal(reset->compatible, "test,bank");
	resets++;
	return reset_result;
}

static uint8_t direct[0x4000];

static void *map_direct(void *context, unsigned int region, uint64_t offset, uint64_t size)
{
	(void)context;
	if (region == 2)
		return NULL;
	assert_true(offset + size <= sizeof(direct));
	return direct + offset;
}

/*
 * Four regions: whole pages, a part of one, whole pages that the host does not give away, ports; a level interrupt, an edge,
 * one that the host refuses.
 */
static int start(void **state)
{
	struct bank *b = &bank;

	resets = 0;
	reset_result = 0;
	bank_start(b, NULL);
	assert_int_equal(
		uiommu_uapi_register_platform_reset(b->w.uapi, "test,bank", fake_reset, NULL), 0);
	bank_add_region(b, 0x9070000, 0x4000);
	bank_add_region(b, 0x9074100, 0xffe);
	bank_add_region(b, 0x9078000, 0x1000);
	bank_add_region(b, 0x3f8, 8);
	b->regions[3].port = true;
	b->io.map = map_direct;
	bank_add_irq(b, true);
	bank_add_irq(b, false);
	bank_add_irq(b, true);
	b->lines[2].error = -UIOMMU_EBUSY;
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(bank_open(b), 0);
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bank *b = *state;

	bank_stop(b);
	return 0;
}

/* ---- information ------------------------------------------------------------------------------- */

static void test_info(void **state)
{
	struct bank *b = *state;
	struct vfio_device_info info;

	memset(&info, 0x55, sizeof(info));
	info.argsz = sizeof(info);
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 4);
	assert_int_equal(info.num_irqs, 3);
	/* There are no capabilities, and nothing is said of them. */
	assert_int_equal(info.cap_offset, 0x55555555);
	info.argsz = 15;
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_INFO, &info), -UIOMMU_EINVAL);
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_INFO, NULL), -UIOMMU_EFAULT);
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info), -UAPI_ENOTTY);
	assert_int_equal(bank_call(b, VFIO_DEVICE_FEATURE, &info), -UAPI_ENOTTY);
	assert_string_equal(uiommu_uapi_device_driver(b->known), "vfio-platform");
}

static void test_region_info(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
	} expect[] = { { 0x4000, 7 }, { 0xffe, 3 }, { 0x1000, 3 }, { 8, 0 } };
	struct bank *b = *state;
	struct vfio_region_info info = { .argsz = 31, .cap_offset = 77 };

	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_REGION_INFO, &info), -UIOMMU_EINVAL);
	info.argsz = 32;
	for (uint32_t i = 0; i < 4; i++) {
		info.index = i;
		assert_int_equal(bank_call(b, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
		assert_int_equal(info.size, expect[i].size);
		assert_int_equal(info.flags, expect[i].flags);
		assert_int_equal(info.offset, REGION(i));
		assert_int_equal(info.cap_offset, 77);
	}
	info.index = 4;
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_REGION_INFO, &info), -UIOMMU_EINVAL);
}

static void test_irq_info(void **state)
{
	static const uint32_t flags[] = { 7, 1, 7 };
	struct bank *b = *state;
	struct vfio_irq_info info = { .argsz = 15 };

	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_IRQ_INFO, &info), -UIOMMU_EINVAL);
	info.argsz = 16;
	for (uint32_t i = 0; i < 3; i++) {
		info.index = i;
		assert_int_equal(bank_call(b, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
		assert_int_equal(info.flags, flags[i]);
		assert_int_equal(info.count, 1);
	}
	info.index = 3;
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_IRQ_INFO, &info), -UIOMMU_EINVAL);
}

/* ---- regions ----------------------------------------------------------------------------------- */

static long rd(struct bank *b, void *buffer, size_t size, uint64_t offset)
{
	return uiommu_uapi_pread(b->w.process, b->cdev, buffer, size, offset);
}

static long wr(struct bank *b, const void *buffer, size_t size, uint64_t offset)
{
	return uiommu_uapi_pwrite(b->w.process, b->cdev, buffer, size, offset);
}

static void test_access(void **state)
{
	static const unsigned int sizes[] = { 1, 2, 4, 4, 4, 1 };
	struct bank *b = *state;
	uint8_t buffer[64];

	for (unsigned int i = 0; i < 0x4000; i++)
		b->memory[0][i] = (uint8_t)(i ^ i >> 8);
	assert_int_equal(b->maps[0], 0);
	assert_int_equal(rd(b, buffer, 16, REGION(0) + 1), 16);
	assert_memory_equal(buffer, b->memory[0] + 1, 16);
	assert_int_equal(b->accesses, 6);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(b->access[i].size, sizes[i]);
		assert_false(b->access[i].relaxed);
	}
	memset(buffer, 0xa5, sizeof(buffer));
	assert_int_equal(wr(b, buffer, 7, REGION(0) + 0x20), 7);
	assert_memory_equal(b->memory[0] + 0x20, buffer, 7);
	assert_int_equal(b->memory[0][0x27], 0x27);
	/* Made reachable once, and this region alone. */
	assert_int_equal(b->maps[0], 1);
	assert_int_equal(b->maps[1] + b->maps[2] + b->maps[3], 0);

	assert_int_equal(rd(b, buffer, 64, REGION(1) + 0xff0), 14);
	assert_int_equal(b->access[b->accesses - 1].size, 2);
	assert_int_equal(rd(b, buffer, 1, REGION(1) + 0xffe), -UIOMMU_EINVAL);
	assert_int_equal(wr(b, buffer, 1, REGION(1) + 0xffe), -UIOMMU_EINVAL);
	/* Ports, and what is not there. */
	assert_int_equal(rd(b, buffer, 1, REGION(3)), -UIOMMU_EINVAL);
	assert_int_equal(wr(b, buffer, 1, REGION(3)), -UIOMMU_EINVAL);
	assert_int_equal(rd(b, buffer, 1, REGION(4)), -UIOMMU_EINVAL);
	/* read() begins at the first region's first byte. */
	assert_int_equal(uiommu_uapi_read(b->w.process, b->cdev, buffer, 4), 4);
	assert_memory_equal(buffer, b->memory[0], 4);
	assert_int_equal(uiommu_uapi_read(b->w.process, b->cdev, buffer, 4), 4);
	assert_memory_equal(buffer, b->memory[0] + 4, 4);
}

static void test_out_of_memory(void **state)
{
	struct bank *b = *state;
	uint32_t value = 0;

	b->map_result = -UIOMMU_ENOMEM;
	assert_int_equal(rd(b, &value, 4, REGION(0)), -UIOMMU_ENOMEM);
	assert_int_equal(wr(b, &value, 4, REGION(0)), -UIOMMU_ENOMEM);
	assert_int_equal(b->accesses, 0);
	b->map_result = 0;
	assert_int_equal(rd(b, &value, 4, REGION(0)), 4);
	/* And anew when it is opened again. */
	bank_close(b);
	assert_int_equal(b->unmaps[0], 1);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(rd(b, &value, 4, REGION(0)), 4);
	assert_int_equal(b->maps[0], 2);
}

static void test_mmap(void **state)
{
	struct bank *b = *state;
	void *at;

	assert_int_equal(uiommu_uapi_mmap(b->w.process, b->cdev, REGION(0), 0x4000, &at), 0);
	assert_ptr_equal(at, direct);
	assert_int_equal(uiommu_uapi_mmap(b->w.process, b->cdev, REGION(0) + 0x1000, 4, &at), 0);
	assert_ptr_equal(at, direct + 0x1000);

	static const struct {
		uint64_t offset;
		size_t size;
	} bad[] = {
		{ REGION(0), 0x4001 },
		{ REGION(0) + 0x800, 0x1000 },
		{ REGION(0), 0 },
		{ REGION(0) + 0x4000, 1 },
		{ REGION(0) + 0x3000, 0x1001 },
		{ REGION(1), 0x100 },
		{ REGION(2), 0x1000 },
		{ REGION(3), 8 },
		{ REGION(4), 0x1000 },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(uiommu_uapi_mmap(b->w.process, b->cdev, bad[i].offset, bad[i].size,
						  &at),
				 -UIOMMU_EINVAL);
}

static void test_read_only(void **unused)
{
	struct uiommu_uapi_config config = { .platform_reset_not_required = true };
	struct vfio_region_info info = { .argsz = 32 };
	struct bank *b = &bank;
	uint32_t value = 5;

	(void)unused;
	bank_start(b, &config);
	bank_add_region(b, 0x9070000, 0x1000);
	b->regions[0].read_only = true;
	b->io.map = map_direct;
	/* The rest of its last page is somebody else's. */
	bank_add_region(b, 0x9074000, 0x1ffc);
	assert_int_equal(bank_bind(b), 0);
	assert_int_equal(bank_open(b), 0);
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ);
	info.index = 1;
	assert_int_equal(bank_call(b, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_int_equal(wr(b, &value, 4, 0), -UIOMMU_EINVAL);
	assert_int_equal(rd(b, &value, 4, 0), 4);
	assert_int_equal(value, 0);
	bank_stop(b);
}

/* ---- interrupts -------------------------------------------------------------------------------- */

static long irqs(struct bank *b, uint32_t index, uint32_t flags, uint32_t start, uint32_t count,
		 const void *data, size_t size)
{
	uint8_t buffer[64] = { 0 };
	struct vfio_irq_set *set = (struct vfio_irq_set *)buffer;

	set->argsz = (uint32_t)(sizeof(*set) + size);
	set->index = index;
	set->flags = flags;
	set->start = start;
	set->count = count;
	if (size)
		memcpy(set->data, data, size);
	return bank_call(b, VFIO_DEVICE_SET_IRQS, set);
}

static unsigned int events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? (unsigned int)count : 0;
}

/* Threads take a while. */
static unsigned int wait_events(int fd)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < 2000 && !count; i++) {
		count = events(fd);
		if (!count)
			usleep(1000);
	}
	return count;
}

static void test_level(void **state)
{
	struct bank *b = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), none = -1;

	assert_true(bank_masked(b, 0));
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_false(bank_masked(b, 0));
	/* It masks itself; the line stays up, and so it comes again when it is unmasked. */
	bank_raise(b, 0);
	assert_int_equal(events(fd), 1);
	assert_true(bank_masked(b, 0));
	bank_raise(b, 0);
	assert_int_equal(events(fd), 0);
	assert_int_equal(irqs(b, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 1);
	assert_true(bank_masked(b, 0));
	bank_drop(b, 0);
	assert_int_equal(irqs(b, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 0);
	assert_false(bank_masked(b, 0));
	/* Masked by the program it waits. */
	assert_int_equal(irqs(b, 0, NONE | MASK, 0, 1, NULL, 0), 0);
	assert_true(bank_masked(b, 0));
	bank_raise(b, 0);
	assert_int_equal(events(fd), 0);
	assert_int_equal(irqs(b, 0, BOOL | UNMASK, 0, 1, "\0", 1), 0);
	assert_int_equal(events(fd), 0);
	assert_int_equal(irqs(b, 0, BOOL | UNMASK, 0, 1, "\1", 1), 0);
	assert_int_equal(events(fd), 1);
	/* No eventfd: masked at the controller, and it comes when there is one again. */
	assert_int_equal(irqs(b, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 1);
	bank_drop(b, 0);
	assert_int_equal(irqs(b, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &none, 4), 0);
	assert_true(bank_masked(b, 0));
	bank_raise(b, 0);
	assert_int_equal(events(fd), 0);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_int_equal(events(fd), 1);
	close(fd);
}

/* A program's own trigger is an interrupt like any other: it masks. */
static void test_loop_back(void **state)
{
	struct bank *b = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_int_equal(irqs(b, 0, BOOL | TRIGGER, 0, 1, "\0", 1), 0);
	assert_int_equal(events(fd), 0);
	assert_int_equal(irqs(b, 0, NONE | TRIGGER, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 1);
	assert_true(bank_masked(b, 0));
	assert_int_equal(irqs(b, 0, NONE | TRIGGER, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 0);
	assert_int_equal(irqs(b, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(irqs(b, 0, BOOL | TRIGGER, 0, 1, "\1", 1), 0);
	assert_int_equal(events(fd), 1);
	/* Edges do not. */
	assert_int_equal(irqs(b, 1, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_int_equal(irqs(b, 1, NONE | TRIGGER, 0, 1, NULL, 0), 0);
	assert_int_equal(irqs(b, 1, NONE | TRIGGER, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 2);
	assert_false(bank_masked(b, 1));
	close(fd);
}

static void test_edge(void **state)
{
	struct bank *b = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);

	assert_int_equal(irqs(b, 1, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	bank_raise(b, 1);
	bank_raise(b, 1);
	assert_int_equal(events(fd), 2);
	assert_int_equal(irqs(b, 1, EVENTFD | TRIGGER, 0, 1, &other, 4), 0);
	bank_raise(b, 1);
	assert_int_equal(events(fd), 0);
	assert_int_equal(events(other), 1);
	/* Not maskable. */
	assert_int_equal(irqs(b, 1, NONE | MASK, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 1, NONE | UNMASK, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 1, EVENTFD | UNMASK, 0, 1, &fd, 4), -UIOMMU_EINVAL);
	/* NONE with a count of 0: off. */
	assert_int_equal(irqs(b, 1, NONE | TRIGGER, 0, 0, NULL, 0), 0);
	bank_raise(b, 1);
	assert_int_equal(events(other), 0);
	close(fd);
	close(other);
}

static void test_mask_eventfds(void **state)
{
	struct bank *b = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), unmask = eventfd(0, EFD_NONBLOCK),
		mask = eventfd(0, EFD_NONBLOCK), none = -1, bad = 1000;
	const uint64_t one = 1;

	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_int_equal(irqs(b, 0, EVENTFD | UNMASK, 0, 1, &unmask, 4), 0);
	/* What is wrong with the descriptor comes first. */
	assert_int_equal(irqs(b, 0, EVENTFD | UNMASK, 0, 1, &bad, 4), -UAPI_EBADF);
	assert_int_equal(irqs(b, 0, EVENTFD | UNMASK, 0, 1, &unmask, 4), -UIOMMU_EBUSY);
	bank_raise(b, 0);
	assert_int_equal(events(fd), 1);
	assert_int_equal(write(unmask, &one, 8), 8);
	assert_int_equal(wait_events(fd), 1);
	bank_drop(b, 0);
	assert_int_equal(irqs(b, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(irqs(b, 0, EVENTFD | MASK, 0, 1, &mask, 4), 0);
	assert_int_equal(write(mask, &one, 8), 8);
	for (unsigned int i = 0; i < 2000 && !bank_masked(b, 0); i++)
		usleep(1000);
	assert_true(bank_masked(b, 0));
	assert_int_equal(irqs(b, 0, EVENTFD | MASK, 0, 1, &none, 4), 0);
	assert_int_equal(irqs(b, 0, EVENTFD | UNMASK, 0, 1, &none, 4), 0);
	/* Nobody waits for it any more: it is as we left it. */
	assert_int_equal(write(unmask, &one, 8), 8);
	usleep(10000);
	assert_int_equal(events(unmask), 1);
	assert_true(bank_masked(b, 0));
	/* One that is open still when the device is closed ends with that. */
	assert_int_equal(irqs(b, 0, EVENTFD | UNMASK, 0, 1, &unmask, 4), 0);
	bank_close(b);
	assert_int_equal(write(unmask, &one, 8), 8);
	usleep(10000);
	assert_int_equal(events(unmask), 1);
	close(fd);
	close(unmask);
	close(mask);
}

static void test_irq_errors(void **state)
{
	struct bank *b = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), bad = 1000, file = dup(0);
	int32_t pair[2];

	assert_int_equal(irqs(b, 3, NONE | TRIGGER, 0, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE | TRIGGER, 3, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE | TRIGGER, 0, 4, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE | TRIGGER, 0, 2, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE | TRIGGER, 1, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE | BOOL | TRIGGER, 0, 1, "\1", 1), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE | TRIGGER | 64, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &fd, 3), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, NONE, 0, 1, NULL, 0), -UAPI_ENOTTY);
	assert_int_equal(irqs(b, 0, NONE | MASK | UNMASK, 0, 1, NULL, 0), -UAPI_ENOTTY);
	pair[0] = pair[1] = fd;
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 2, pair, 8), -UIOMMU_EINVAL);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &bad, 4), -UAPI_EBADF);
	assert_int_equal(irqs(b, 0, EVENTFD | TRIGGER, 0, 1, &file, 4), -UIOMMU_EINVAL);
	/* What was there before still is. */
	bank_raise(b, 0);
	assert_int_equal(events(fd), 1);
	/* An interrupt that the host refuses is missed by nobody but its user. */
	assert_int_equal(irqs(b, 2, EVENTFD | TRIGGER, 0, 1, &fd, 4), -UIOMMU_EBUSY);
	assert_int_equal(irqs(b, 2, NONE | MASK, 0, 1, NULL, 0), -UIOMMU_EBUSY);
	assert_int_equal(bank_call(b, VFIO_DEVICE_SET_IRQS, NULL), -UIOMMU_EFAULT);
	close(fd);
	close(file);
}

/* ---- binding ----------------------------------------------------------------------------------- */

static void test_incomplete(void **unused)
{
	struct bank *b = &bank;
	struct uiommu_uapi_platform_io io;

	(void)unused;
	bank_start(b, NULL);
	bank_add_region(b, 0x9070000, 0x1000);
	bank_add_irq(b, true);
	io = b->io;
	b->io.read = NULL;
	assert_int_equal(bank_add(b), -UIOMMU_EINVAL);
	b->io = io;
	b->io.mask_irq = NULL;
	assert_int_equal(bank_add(b), -UIOMMU_EINVAL);
	b->io = io;
	b->io.unmap_registers = NULL;
	assert_int_equal(bank_add(b), -UIOMMU_EINVAL);
	b->io = io;
	b->io.write_relaxed = NULL;
	assert_int_equal(bank_add(b), -UIOMMU_EINVAL);
	b->io = io;
	b->regions[0].size = 0;
	assert_int_equal(bank_add(b), -UIOMMU_EINVAL);
	b->regions[0].size = 0x1000;
	assert_int_equal(bank_add(b), 0);
	/* The other bus's driver. */
	assert_int_equal(uiommu_uapi_bind_driver(b->known, "vfio-pci"), -UIOMMU_ENODEV);
	/* Neither a HID nor a compatible. */
	b->io.compatible = NULL;
	assert_int_equal(bank_bind(b), -UIOMMU_EINVAL);
	bank_stop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, start, stop),
		cmocka_unit_test_setup_teardown(test_region_info, start, stop),
		cmocka_unit_test_setup_teardown(test_irq_info, start, stop),
		cmocka_unit_test_setup_teardown(test_access, start, stop),
		cmocka_unit_test_setup_teardown(test_out_of_memory, start, stop),
		cmocka_unit_test_setup_teardown(test_mmap, start, stop),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test_setup_teardown(test_level, start, stop),
		cmocka_unit_test_setup_teardown(test_loop_back, start, stop),
		cmocka_unit_test_setup_teardown(test_edge, start, stop),
		cmocka_unit_test_setup_teardown(test_mask_eventfds, start, stop),
		cmocka_unit_test_setup_teardown(test_irq_errors, start, stop),
		cmocka_unit_test(test_incomplete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
