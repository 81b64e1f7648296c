/* SPDX-License-Identifier: MIT */
/*
 * vfio_pci.c - vfio-pci's own operations, over a device made of bytes and over a modelled one
 *
 * The driver is called as the frame calls it; numbers and layouts are the system's header's.
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "machines/uapi_io.h"
#include "spec/dma-engine.h"
#include "spec/edu.h"
#include "src/uapi/vfio_pci.h"
#include "tests/uapi/world.h"

#define CONFIG (UINT64_C(7) << 40)
#define BAR(n) ((uint64_t)(n) << 40)

/* ---- a device made of bytes -------------------------------------------------------------------- */

struct fake {
	struct world w;
	struct vfio_pci *pci;
	struct vfio_device *device;
	uint8_t space[4096];
	uint8_t bar0[0x4000];
	uint64_t last_offset;
	unsigned int last_size, accesses, resets, msi_vectors, msi_room;
	int reset_result;
	void (*msi)(void *token, unsigned int vector);
	void (*intx)(void *token);
	void *token;
};

/* The driver's threads look at the device while a test changes it. */
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

static void copy_fake(void *to, const void *from, size_t size)
{
	pthread_mutex_lock(&fake_lock);
	memcpy(to, from, size);
	pthread_mutex_unlock(&fake_lock);
}

static uint32_t fake_config_read(void *context, unsigned int offset, unsigned int size)
{
	struct fake *f = context;
	uint32_t value = 0;

	assert_true(offset % size == 0 && offset + size <= sizeof(f->space));
	copy_fake(&value, f->space + offset, size);
	return value;
}

static void fake_config_write(void *context, unsigned int offset, unsigned int size, uint32_t value)
{
	struct fake *f = context;

	assert_true(offset % size == 0 && offset + size <= sizeof(f->space));
	copy_fake(f->space + offset, &value, size);
}

static uint64_t fake_bar_read(void *context, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct fake *f = context;
	uint64_t value = 0;

	assert_int_equal(bar, 0);
	assert_true(offset % size == 0 && offset + size <= sizeof(f->bar0));
	pthread_mutex_lock(&fake_lock);
	memcpy(&value, f->bar0 + offset, size);
	f->last_offset = offset;
	f->last_size = size;
	f->accesses++;
	pthread_mutex_unlock(&fake_lock);
	return value;
}

static void fake_bar_write(void *context, unsigned int bar, uint64_t offset, unsigned int size,
			   uint64_t value)
{
	struct fake *f = context;

	fake_bar_read(context, bar, offset, size);
	copy_fake(f->bar0 + offset, &value, size);
}

static int fake_reset(void *context)
{
	struct fake *f = context;

	f->resets++;
	return f->reset_result;
}

static int fake_msi(void *context, unsigned int vectors,
		    void (*deliver)(void *token, unsigned int vector), void *token)
{
	struct fake *f = context;

	if (vectors > f->msi_room)
		return (int)f->msi_room;
	f->msi_vectors = vectors;
	f->msi = deliver;
	f->token = token;
	return 0;
}

static int fake_intx(void *context, void (*deliver)(void *token), void *token)
{
	struct fake *f = context;

	f->intx = deliver;
	f->token = token;
	return 0;
}

static void set(struct fake *f, unsigned int offset, unsigned int size, uint32_t value)
{
	copy_fake(f->space + offset, &value, size);
}

/* PM, a hidden SSVID, MSI of four vectors, MSI-X in BAR 0, PCIe with FLR, AF, a vendor's; AER, PASID, DSN. */
static void fill(struct fake *f)
{
	set(f, 0x00, 4, 0x11e81234);
	set(f, 0x04, 4, 0x00100006);
	set(f, 0x08, 4, 0xff000010);
	set(f, 0x10, 4, 0xe0000004); /* 64 bits */
	set(f, 0x34, 1, 0x40);
	set(f, 0x3c, 2, 0x010b);
	set(f, 0x40, 4, 0xc8035001);
	set(f, 0x44, 4, 0x00008100);
	set(f, 0x50, 4, 0x0000600d);
	set(f, 0x54, 4, 0xabcd1af4);
	set(f, 0x60, 4, 0x01847805); /* 64 bits, maskable, 4 vectors */
	set(f, 0x78, 4, 0x00039011);
	set(f, 0x7c, 4, 0x00002000); /* table at 0x2000 */
	set(f, 0x80, 4, 0x00003000);
	set(f, 0x90, 4, 0x0002d010);
	set(f, 0x94, 4, 1u << 28);
	set(f, 0x98, 4,
	    0x00092840); /* control 0x2840: payload 2, read 2; status has bits that a 1 clears */
	set(f, 0xd0, 4, 0x0306e013);
	set(f, 0xe0, 4, 0x00100009);
	set(f, 0x100, 4, 0x1401001b); /* PASID first */
	set(f, 0x104, 4, 0x00011406);
	set(f, 0x140, 4, 0x18010001); /* AER */
	set(f, 0x180, 4, 0x00010003); /* serial number */
}

static int start(void **state)
{
	static struct fake fakes;
	struct fake *f = &fakes;
	struct uiommu_uapi_device_io io = {
		.config_read = fake_config_read,
		.config_write = fake_config_write,
		.bar_read = fake_bar_read,
		.bar_write = fake_bar_write,
		.bar_size = { 0x4000 },
		.bar_address = { UINT64_C(0x1e0000000) },
		.reset = fake_reset,
		.set_msi = fake_msi,
		.set_intx = fake_intx,
		.context = f,
	};

	memset(f, 0, sizeof(*f));
	world_start(&f->w, "q35-vtd", NULL);
	fill(f);
	f->msi_room = 4;
	assert_int_equal(uiommu_vfio_pci_create(f->w.uapi,
						machine_device_uiommu(world_device(&f->w, "solo0")),
						&io, &f->pci),
			 0);
	f->device = &f->pci->device;
	assert_int_equal(f->device->driver->open(f->device), 0);
	*state = f;
	return 0;
}

static int stop(void **state)
{
	struct fake *f = *state;

	f->device->driver->close(f->device);
	uiommu_vfio_pci_destroy(f->pci);
	world_stop(&f->w);
	return 0;
}

static long call(struct fake *f, unsigned long command, void *argument)
{
	return f->device->driver->ioctl(f->device, f->w.process, (uint32_t)command,
					(uintptr_t)argument);
}

static uint32_t rd(struct fake *f, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	assert_int_equal(f->device->driver->read(f->device, &value, size, CONFIG + offset), size);
	return value;
}

static void wr(struct fake *f, unsigned int offset, unsigned int size, uint32_t value)
{
	assert_int_equal(f->device->driver->write(f->device, &value, size, CONFIG + offset), size);
}

static uint32_t hw(struct fake *f, unsigned int offset, unsigned int size)
{
	return fake_config_read(f, offset, size);
}

/* ---- information ------------------------------------------------------------------------------- */

static void test_info(void **state)
{
	struct fake *f = *state;
	struct vfio_device_info info = { .argsz = sizeof(info), .flags = 0x55 };

	assert_int_equal(call(f, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	info.argsz = 15;
	assert_int_equal(call(f, VFIO_DEVICE_GET_INFO, &info), -UIOMMU_EINVAL);
	assert_int_equal(call(f, VFIO_DEVICE_GET_INFO, NULL), -UIOMMU_EFAULT);
	assert_int_equal(call(f, VFIO_GROUP_GET_STATUS, &info), -UAPI_ENOTTY);
	assert_int_equal(call(f, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(f->resets, 2);
	f->reset_result = -UIOMMU_EIO;
	assert_int_equal(call(f, VFIO_DEVICE_RESET, NULL), -UIOMMU_EIO);
}

static void test_regions(void **state)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
		long rc;
	} expect[] = {
		{ 0x4000, 3, 0 }, { 0, 0, 0 },	 { 0, 0, 0 },	{ 0, 0, 0 },
		{ 0, 0, 0 },	  { 0, 0, 0 },	 { 0, 0, 0 },	{ 4096, 3, 0 },
		{ 0, 0, -22 },	  { 0, 0, -22 }, { 0, 0, -22 },
	};
	struct fake *f = *state;

	for (uint32_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		struct vfio_region_info info = { .argsz = sizeof(info),
						 .index = i,
						 .cap_offset = 77 };

		assert_int_equal(call(f, VFIO_DEVICE_GET_REGION_INFO, &info), expect[i].rc);
		if (expect[i].rc)
			continue;
		assert_int_equal(info.size, expect[i].size);
		assert_int_equal(info.flags, expect[i].flags);
		assert_int_equal(info.offset, BAR(i));
		assert_int_equal(info.cap_offset, 77);
	}
}

static void test_bars(void **state)
{
	struct fake *f = *state;
	const struct vfio_driver *d = f->device->driver;
	uint8_t buffer[64], ones[64];

	memset(ones, 0xff, sizeof(ones));
	for (unsigned int i = 0; i < sizeof(f->bar0); i++)
		f->bar0[i] = (uint8_t)(i ^ i >> 8);
	/* 1, 2, 4, 8, 1: aligned each. */
	assert_int_equal(d->read(f->device, buffer, 16, BAR(0) + 1), 16);
	assert_int_equal(f->accesses, 5);
	assert_memory_equal(buffer, f->bar0 + 1, 16);
	assert_int_equal(d->read(f->device, buffer, 64, BAR(0) + 0x4000 - 8), 8);
	assert_int_equal(f->last_size, 8);
	assert_int_equal(d->read(f->device, buffer, 1, BAR(0) + 0x4000), -UIOMMU_EINVAL);
	assert_int_equal(d->read(f->device, buffer, 0, BAR(0) + 0x4000), 0);
	assert_int_equal(d->read(f->device, buffer, 4, BAR(2)), -UIOMMU_EINVAL);
	assert_int_equal(d->read(f->device, buffer, 4, BAR(6)), -UIOMMU_EINVAL);
	assert_int_equal(d->read(f->device, buffer, 4, BAR(9)), -UIOMMU_EINVAL);
	/* The table of MSI-X, four entries, from both sides. */
	assert_int_equal(d->read(f->device, buffer, 16, BAR(0) + 0x1ff8), 16);
	assert_memory_equal(buffer, f->bar0 + 0x1ff8, 8);
	assert_memory_equal(buffer + 8, ones, 8);
	memset(buffer, 0x5a, sizeof(buffer));
	assert_int_equal(d->write(f->device, buffer, 16, BAR(0) + 0x2038), 16);
	assert_int_equal(f->bar0[0x203f], (0x3f ^ 0x20));
	assert_int_equal(f->bar0[0x2040], 0x5a);
	/* Memory off, or asleep. */
	wr(f, PCI_COMMAND, 2, 0);
	assert_int_equal(d->read(f->device, buffer, 4, BAR(0)), -UIOMMU_EIO);
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(d->read(f->device, buffer, 4, BAR(0)), 4);
	wr(f, 0x44, 2, 3);
	assert_int_equal(d->write(f->device, buffer, 4, BAR(0)), -UIOMMU_EIO);
}

/* ---- configuration space ----------------------------------------------------------------------- */

static void test_header(void **state)
{
	struct fake *f = *state;

	/* Bus mastering is off after open. */
	assert_int_equal(rd(f, PCI_COMMAND, 2), PCI_COMMAND_MEMORY);
	wr(f, 0, 4, 0);
	assert_int_equal(rd(f, 0, 4), 0x11e81234);
	set(f, PCI_STATUS, 2, 0xf910);
	wr(f, PCI_COMMAND, 4, 0xffff0406);
	assert_int_equal(hw(f, PCI_COMMAND, 2), 0x0006);
	assert_int_equal(hw(f, PCI_STATUS, 2), 0xf910);
	assert_int_equal(rd(f, PCI_COMMAND, 4), 0xf9100406);
	wr(f, 0x08, 4, 0);
	assert_int_equal(rd(f, 0x08, 4), 0xff000010);
	wr(f, 0x3c, 2, 0x0499);
	assert_int_equal(rd(f, 0x3c, 2), 0x0199);
	assert_int_equal(hw(f, 0x3c, 1), 0x0b);
}

static void test_config_bars(void **state)
{
	struct fake *f = *state;

	assert_int_equal(rd(f, 0x10, 4), 0xe0000004);
	assert_int_equal(rd(f, 0x14, 4), 1);
	wr(f, 0x10, 4, UINT32_MAX);
	wr(f, 0x14, 4, UINT32_MAX);
	wr(f, 0x18, 4, UINT32_MAX);
	assert_int_equal(rd(f, 0x10, 4), 0xffffc004);
	assert_int_equal(rd(f, 0x14, 4), UINT32_MAX);
	assert_int_equal(rd(f, 0x18, 4), 0);
	wr(f, 0x30, 4, UINT32_MAX);
	assert_int_equal(rd(f, 0x30, 4), 0);
	assert_int_equal(hw(f, 0x10, 4), 0xe0000004);
	/* A byte at a time. */
	wr(f, 0x13, 1, 0x12);
	assert_int_equal(rd(f, 0x10, 4), 0x12ffc004);
	/* A reset that nobody told of. */
	set(f, 0x10, 4, 4);
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(hw(f, 0x10, 4), 0xe0000004);
}

static void test_capabilities(void **state)
{
	static const uint8_t chain[] = { 0x40, 0x60, 0x78, 0x90, 0xd0, 0xe0, 0 };
	struct fake *f = *state;
	uint32_t at = rd(f, PCI_CAP_POINTER, 1);

	for (unsigned int i = 0; i < sizeof(chain); i++) {
		assert_int_equal(at, chain[i]);
		if (at)
			at = rd(f, at + 1, 1);
	}
	/* What is hidden is the device's own, as is what a vendor made. */
	wr(f, 0x54, 4, 0x12345678);
	assert_int_equal(hw(f, 0x54, 4), 0x12345678);
	wr(f, 0xe0, 4, 0x77550000);
	assert_int_equal(hw(f, 0xe0, 4), 0x77550009);
	/* PM has no PME. */
	assert_int_equal(rd(f, 0x42, 2), 0x0003);
	assert_int_equal(rd(f, 0x44, 2), 0);
	wr(f, 0x44, 2, 0x8102);
	assert_int_equal(hw(f, 0x44, 2), 0x8102);
	wr(f, 0x44, 2, 0);
	assert_int_equal(hw(f, 0x44, 2), 0x8100);
	wr(f, 0x78, 4, UINT32_MAX);
	assert_int_equal(hw(f, 0x78, 4), 0x00039011);
}

static void test_express(void **state)
{
	struct fake *f = *state;
	unsigned int resets = f->resets;

	/* No phantom functions; payload stays, the read request is not below it, the status is not written back. */
	wr(f, 0x98, 2, 0x0ee0);
	assert_int_equal(rd(f, 0x98, 2), 0x0ce0);
	assert_int_equal(hw(f, 0x98, 2), 0x2c40);
	assert_int_equal(hw(f, 0x9a, 2), 0x0009);
	wr(f, 0x98, 2, 0x5840);
	assert_int_equal(hw(f, 0x98, 2), 0x5840);
	assert_int_equal(f->resets, resets);
	wr(f, 0x98, 2, 0xd840);
	assert_int_equal(f->resets, resets + 1);
	assert_int_equal(rd(f, 0x98, 2), 0x5840);
	assert_int_equal(hw(f, 0x98, 2), 0x5840);
	wr(f, 0xd4, 1, 1);
	assert_int_equal(f->resets, resets + 2);
	assert_int_equal(rd(f, 0xd4, 1), 0);
	set(f, 0x94, 4, 0);
	wr(f, 0x98, 2, 0xd840);
	assert_int_equal(f->resets, resets + 2);
}

static void test_extended(void **state)
{
	struct fake *f = *state;
	uint8_t buffer[8];

	/* PASID comes first and is not shown: its place has only the link. */
	assert_int_equal(rd(f, 0x100, 4), 0x14000000);
	assert_int_equal(rd(f, 0x140, 4), 0x18010001);
	assert_int_equal(rd(f, 0x180, 4), 0x00010003);
	wr(f, 0x104, 4, 0);
	assert_int_equal(hw(f, 0x104, 4), 0x00011406);
	wr(f, 0x148, 4, 0xa5);
	assert_int_equal(hw(f, 0x148, 4), 0xa5);
	wr(f, 0x184, 4, 0xa5);
	assert_int_equal(hw(f, 0x184, 4), 0);
	/* The end. */
	assert_int_equal(f->device->driver->read(f->device, buffer, 8, CONFIG + 4092),
			 -UIOMMU_EFAULT);
	assert_int_equal(f->device->driver->write(f->device, buffer, 1, CONFIG + 4096),
			 -UIOMMU_EFAULT);
	assert_int_equal(f->device->driver->read(f->device, buffer, 4, CONFIG + 4092), 4);
}

/* ---- interrupts -------------------------------------------------------------------------------- */

#define NONE VFIO_IRQ_SET_DATA_NONE
#define BOOL VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK VFIO_IRQ_SET_ACTION_MASK
#define UNMASK VFIO_IRQ_SET_ACTION_UNMASK

static long irqs(struct fake *f, uint32_t index, uint32_t flags, uint32_t from, uint32_t count,
		 const void *data, size_t size)
{
	/* The struct and what follows it. */
	uint32_t arg[5 + 8] = { (uint32_t)(20 + size), flags, index, from, count };

	if (size)
		memcpy(&arg[5], data, size);
	return call(f, VFIO_DEVICE_SET_IRQS, arg);
}

static unsigned int events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? (unsigned int)count : 0;
}

static void test_irq_info(void **state)
{
	static const struct {
		uint32_t count, flags;
	} expect[] = { { 1, 7 }, { 4, 9 }, { 4, 9 }, { 1, 9 }, { 1, 9 } };
	struct fake *f = *state;
	struct vfio_irq_info info = { .argsz = sizeof(info) };

	for (info.index = 0; info.index < 5; info.index++) {
		assert_int_equal(call(f, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
		assert_int_equal(info.count, expect[info.index].count);
		assert_int_equal(info.flags, expect[info.index].flags);
	}
	assert_int_equal(call(f, VFIO_DEVICE_GET_IRQ_INFO, &info), -UIOMMU_EINVAL);
}

static void test_irq_validation(void **state)
{
	struct fake *f = *state;
	struct vfio_irq_set set = { 19, NONE | TRIGGER, 1, 0, 0 };
	const int32_t fd = -1;

	assert_int_equal(call(f, VFIO_DEVICE_SET_IRQS, &set), -UIOMMU_EINVAL);
	assert_int_equal(call(f, VFIO_DEVICE_SET_IRQS, NULL), -UIOMMU_EFAULT);
	assert_int_equal(irqs(f, 5, NONE | TRIGGER, 0, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 2, UINT32_MAX - 2, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER | 64, 0, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 4, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 3, 2, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 4, NONE | BOOL | TRIGGER, 0, 1, &fd, 4), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 4, TRIGGER, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 4, EVENTFD | TRIGGER, 0, 1, &fd, 3), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 4, EVENTFD, 0, 1, &fd, 4), -UAPI_ENOTTY);
	assert_int_equal(irqs(f, 4, EVENTFD | TRIGGER | MASK, 0, 1, &fd, 4), -UAPI_ENOTTY);
	assert_int_equal(irqs(f, 1, EVENTFD | MASK, 0, 1, &fd, 4), -UAPI_ENOTTY);
	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 0, 0, NULL, 0), -UIOMMU_ERANGE);
}

static void test_msi(void **state)
{
	struct fake *f = *state;
	int32_t fds[3] = { eventfd(0, EFD_NONBLOCK), -1, eventfd(0, EFD_NONBLOCK) };
	const int32_t closed = 1000, other = open("/dev/null", O_RDWR);
	const uint8_t bools[3] = { 1, 1, 0 };

	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 0, 0, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	f->msi_room = 2;
	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 0, 3, fds, 12), 2);
	assert_int_equal(f->pci->irqs.active, VFIO_PCI_NO_IRQ);
	f->msi_room = 4;
	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 0, 1, &other, 4), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 0, 1, &closed, 4), -UAPI_EBADF);
	assert_int_equal(f->msi_vectors, 0);
	wr(f, 0x62, 2, 0x31);
	assert_int_equal(rd(f, 0x62, 1) & 0x71, 0);

	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 0, 3, fds, 12), 0);
	assert_int_equal(f->msi_vectors, 3);
	for (unsigned int i = 0; i < 4; i++)
		f->msi(f->token, i);
	assert_int_equal(events(fds[0]), 1);
	assert_int_equal(events(fds[2]), 1);
	assert_int_equal(irqs(f, 1, BOOL | TRIGGER, 0, 3, bools, 3), 0);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 0, 3, NULL, 0), 0);
	assert_int_equal(events(fds[0]), 2);
	assert_int_equal(events(fds[2]), 1);
	/* Only what has been asked for can be chosen, and only while it is the one. */
	wr(f, 0x62, 2, 0x71);
	assert_int_equal(rd(f, 0x62, 1) & 0x71, 0x21);
	assert_int_equal(hw(f, 0x62, 2), 0x0184);
	wr(f, 0x64, 4, 0xfee00000);
	assert_int_equal(rd(f, 0x64, 4), 0xfee00000);
	assert_int_equal(hw(f, 0x64, 4), 0);
	assert_int_equal(irqs(f, 2, EVENTFD | TRIGGER, 0, 1, fds, 4), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 0, EVENTFD | TRIGGER, 0, 1, fds, 4), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 3, 1, fds, 4), -UIOMMU_EINVAL);
	/* Ours goes on when the program's is closed, and one that fails is gone. */
	assert_int_equal(irqs(f, 1, EVENTFD | TRIGGER, 0, 1, &other, 4), -UIOMMU_EINVAL);
	f->msi(f->token, 0);
	f->msi(f->token, 2);
	assert_int_equal(events(fds[0]), 0);
	assert_int_equal(events(fds[2]), 1);
	assert_int_equal(irqs(f, 1, NONE | TRIGGER, 0, 0, NULL, 0), 0);
	assert_int_equal(f->msi_vectors, 0);
	assert_int_equal(rd(f, 0x62, 1) & 0x71, 0);
	close(fds[0]);
	close(fds[2]);
	close(other);
}

static void test_intx(void **state)
{
	struct fake *f = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), none = -1;

	assert_int_equal(irqs(f, 0, NONE | TRIGGER, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 0, NONE | MASK, 0, 1, NULL, 0), -UIOMMU_EINVAL);
	assert_int_equal(irqs(f, 0, EVENTFD | TRIGGER, 0, 1, &none, 4), 0);
	assert_int_equal(irqs(f, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	/* Each masks the next. */
	f->intx(f->token);
	f->intx(f->token);
	assert_int_equal(events(fd), 1);
	set(f, PCI_STATUS, 2, 0x18);
	assert_int_equal(irqs(f, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 1);
	f->intx(f->token);
	assert_int_equal(events(fd), 0);
	set(f, PCI_STATUS, 2, 0x10);
	assert_int_equal(irqs(f, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	f->intx(f->token);
	assert_int_equal(events(fd), 1);
	assert_int_equal(irqs(f, 0, NONE | UNMASK, 0, 1, NULL, 0), 0);
	/* The bit of the command register does the same. */
	wr(f, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	f->intx(f->token);
	assert_int_equal(events(fd), 0);
	wr(f, PCI_COMMAND, 2, 0);
	f->intx(f->token);
	assert_int_equal(events(fd), 1);
	assert_int_equal(irqs(f, 0, EVENTFD | MASK, 0, 1, &fd, 4), -UAPI_ENOTTY);
	assert_int_equal(irqs(f, 0, NONE | TRIGGER, 0, 1, NULL, 0), 0);
	assert_int_equal(events(fd), 1);
	assert_int_equal(irqs(f, 0, NONE | TRIGGER, 0, 0, NULL, 0), 0);
	assert_null(f->intx);
	close(fd);
}

/* Another thread is at it: at most a second. */
static bool comes(const uint8_t *byte, uint8_t value)
{
	uint8_t seen = 0;

	for (unsigned int i = 0; i < 1000; i++) {
		copy_fake(&seen, byte, 1);
		if (seen == value)
			return true;
		usleep(1000);
	}
	return false;
}

static void test_unmask_eventfd(void **state)
{
	struct fake *f = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), unmask = eventfd(0, EFD_NONBLOCK), none = -1;
	unsigned int count = 0;

	assert_int_equal(irqs(f, 0, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	assert_int_equal(irqs(f, 0, EVENTFD | UNMASK, 0, 1, &unmask, 4), 0);
	assert_int_equal(irqs(f, 0, EVENTFD | UNMASK, 0, 1, &unmask, 4), -UIOMMU_EBUSY);
	f->intx(f->token);
	assert_int_equal(events(fd), 1);
	/* Still asserted: it comes again. */
	set(f, PCI_STATUS, 2, 0x18);
	uiommu_vfio_signal(unmask);
	for (unsigned int i = 0; i < 1000 && !count; i++) {
		usleep(1000);
		count = events(fd);
	}
	assert_int_equal(count, 1);
	assert_int_equal(irqs(f, 0, EVENTFD | UNMASK, 0, 1, &none, 4), 0);
	uiommu_vfio_signal(unmask);
	usleep(10000);
	assert_int_equal(events(fd), 0);
	assert_int_equal(events(unmask), 1);
	assert_int_equal(irqs(f, 0, EVENTFD | UNMASK, 0, 1, &unmask, 4), 0);
	close(fd);
	close(unmask);
}

static void test_ioeventfd(void **state)
{
	struct fake *f = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK);
	struct vfio_device_ioeventfd arg = {
		.argsz = 28, .flags = 4, .offset = 0x100, .data = 0x11223344, .fd = fd
	};

	static const struct {
		uint32_t argsz, flags;
		uint64_t offset;
		int32_t fd;
	} bad[] = {
		{ 27, 4, 0x100, -1 },  { 28, 8, 0x100, -1 },  { 28, 3, 0x100, -1 },
		{ 28, 16, 0x100, -1 }, { 28, 4, 0x100, -2 },  { 28, 4, BAR(7), -1 },
		{ 28, 4, 0x4000, -1 }, { 28, 4, 0x203c, -1 },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct vfio_device_ioeventfd wrong = { .argsz = bad[i].argsz,
						       .flags = bad[i].flags,
						       .offset = bad[i].offset,
						       .fd = bad[i].fd };

		assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &wrong), -UIOMMU_EINVAL);
	}
	arg.fd = -1;
	assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &arg), -UIOMMU_ENODEV);
	arg.fd = 1000;
	assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &arg), -UAPI_EBADF);
	arg.fd = fd;
	assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &arg), 0);
	assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &arg), -UIOMMU_EEXIST);
	uiommu_vfio_signal(fd);
	assert_true(comes(&f->bar0[0x103], 0x11));
	arg.fd = -1;
	assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &arg), 0);
	f->bar0[0x103] = 0;
	uiommu_vfio_signal(fd);
	usleep(10000);
	assert_int_equal(f->bar0[0x103], 0);
	/* Closing the device ends the rest. */
	assert_int_equal(events(fd), 1);
	arg.fd = fd;
	assert_int_equal(call(f, VFIO_DEVICE_IOEVENTFD, &arg), 0);
	close(fd);
}

static void test_err_req(void **state)
{
	struct fake *f = *state;
	int32_t fd = eventfd(0, EFD_NONBLOCK), none = -1, less = -2;
	const uint8_t yes = 1, no = 0;

	for (uint32_t index = 3; index < 5; index++) {
		assert_int_equal(irqs(f, index, NONE | TRIGGER, 0, 1, NULL, 0), -UIOMMU_EINVAL);
		assert_int_equal(irqs(f, index, EVENTFD | TRIGGER, 0, 0, NULL, 0), -UIOMMU_EINVAL);
		assert_int_equal(irqs(f, index, EVENTFD | TRIGGER, 0, 1, &less, 4), -UIOMMU_EINVAL);
		assert_int_equal(irqs(f, index, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
		assert_int_equal(irqs(f, index, NONE | TRIGGER, 0, 1, NULL, 0), 0);
		assert_int_equal(irqs(f, index, BOOL | TRIGGER, 0, 1, &yes, 1), 0);
		assert_int_equal(irqs(f, index, BOOL | TRIGGER, 0, 1, &no, 1), 0);
		assert_int_equal(events(fd), 2);
		f->device->driver->request(f->device, 0);
		assert_int_equal(events(fd), index == 4);
		assert_int_equal(irqs(f, index, NONE | TRIGGER, 0, 0, NULL, 0), 0);
		assert_int_equal(irqs(f, index, NONE | TRIGGER, 0, 0, NULL, 0), -UIOMMU_EINVAL);
		assert_int_equal(irqs(f, index, BOOL | TRIGGER, 0, 1, &yes, 1), 0);
		assert_int_equal(irqs(f, index, EVENTFD | TRIGGER, 0, 1, &none, 4), 0);
	}
	close(fd);
}

/* ---- features ---------------------------------------------------------------------------------- */

static long feature(struct fake *f, uint32_t argsz, uint32_t flags, int32_t fd)
{
	struct {
		uint32_t argsz, flags;
		int32_t fd;
		uint32_t reserved;
	} arg = { argsz, flags, fd, 0 };

	return call(f, VFIO_DEVICE_FEATURE, &arg);
}

static void test_features(void **state)
{
	const uint32_t get = VFIO_DEVICE_FEATURE_GET, set_ = VFIO_DEVICE_FEATURE_SET,
		       probe = VFIO_DEVICE_FEATURE_PROBE;
	struct fake *f = *state;
	int fd = eventfd(0, EFD_NONBLOCK);
	uint32_t value;

	assert_int_equal(feature(f, 7, set_ | 3, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, set_ | 1u << 19 | 3, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, set_ | get | 1, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, probe | get | 1, 0), -UAPI_ENOTTY);
	assert_int_equal(feature(f, 8, get | 3, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, 3, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, probe | 3, 0), 0);
	assert_int_equal(feature(f, 8, probe | set_ | get | 3, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, set_ | 3, 0), 0);
	assert_int_equal(feature(f, 8, set_ | 3, 0), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 8, set_ | 5, 0), 0);
	assert_int_equal(feature(f, 8, set_ | 5, 0), 0);
	assert_int_equal(feature(f, 12, set_ | 4, fd), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 16, set_ | 4, -1), -UIOMMU_EINVAL);
	assert_int_equal(feature(f, 16, set_ | 4, fd), 0);
	assert_int_equal(feature(f, 16, set_ | 4, fd), -UIOMMU_EINVAL);
	assert_int_equal(events(fd), 0);
	assert_int_equal(f->device->driver->read(f->device, &value, 4, CONFIG), 4);
	assert_int_equal(events(fd), 1);
	assert_int_equal(feature(f, 8, set_ | 3, 0), 0);
	assert_int_equal(feature(f, 8, get | 11, 0), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(feature(f, 8, set_ | 12, 0), -UIOMMU_EINVAL);
	close(fd);
}

/* BARs that are memory can be mapped, the MSI-X table with the rest. */
static void *fake_map(void *context, unsigned int bar, uint64_t offset, uint64_t size)
{
	struct fake *f = context;

	assert_int_equal(bar, 0);
	assert_true(size <= sizeof(f->bar0) - offset);
	return f->bar0 + offset;
}

static void test_map(void **state)
{
	struct fake *f = *state;
	const struct vfio_driver *d = f->device->driver;
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
	} r = { .info = { .argsz = sizeof(r.info) } };

	assert_null(d->map(f->device, BAR(0), 4096));
	f->pci->io.bar_map = fake_map;
	assert_ptr_equal(d->map(f->device, BAR(0) + 4096, 4096), f->bar0 + 4096);
	assert_null(d->map(f->device, BAR(0) + 4096, 0x4000 - 4095));
	assert_null(d->map(f->device, BAR(0) + 0x4000, 1));
	assert_null(d->map(f->device, BAR(1), 4096));
	assert_null(d->map(f->device, BAR(7), 4096));
	/* Too small for the capability: told how large it has to be. */
	assert_int_equal(call(f, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	assert_int_equal(r.info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
					       VFIO_REGION_INFO_FLAG_MMAP |
					       VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(r.info.argsz, sizeof(r));
	assert_int_equal(r.info.cap_offset, 0);
	assert_int_equal(r.cap.id, 0);
	assert_int_equal(call(f, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	assert_int_equal(r.info.cap_offset, sizeof(r.info));
	assert_int_equal(r.cap.id, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
	assert_int_equal(r.cap.next, 0);
}

static void test_names(void **state)
{
	struct fake *f = *state;
	const struct vfio_driver *d = f->device->driver;
	char name[96];

	assert_int_equal(d->match(f->device, f->device->name), 1);
	assert_int_equal(d->match(f->device, "0000:00"), 0);
	snprintf(name, sizeof(name), "%s1", f->device->name);
	assert_int_equal(d->match(f->device, name), 0);
	snprintf(name, sizeof(name), "%s ", f->device->name);
	assert_int_equal(d->match(f->device, name), 1);
	snprintf(name, sizeof(name), "%s vf_token=2ab74924-c335-45f4-9b16-8569e5b08258",
		 f->device->name);
	assert_int_equal(d->match(f->device, name), -UIOMMU_EINVAL);
	snprintf(name, sizeof(name), "%s nonsense", f->device->name);
	assert_int_equal(d->match(f->device, name), -UIOMMU_EINVAL);
}

/* ---- a modelled device ------------------------------------------------------------------------- */

static void test_model(void **state)
{
	struct world w;
	struct machine_uapi_io behind;
	struct uiommu_uapi_device_io io;
	struct machine_device *device;
	struct fake f = { 0 };
	int32_t fd = eventfd(0, EFD_NONBLOCK);
	uint32_t value = 1;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	device = world_device(&w, "solo0");
	assert_int_equal(machine_device_io(device, &behind, &io), 0);
	assert_int_equal(io.bar_size[0], EDU_BAR_SIZE);
	assert_int_equal(uiommu_vfio_pci_create(w.uapi, machine_device_uiommu(device), &io, &f.pci),
			 0);
	f.device = &f.pci->device;
	f.w = w;
	assert_int_equal(f.device->driver->open(f.device), 0);
	assert_int_equal(f.device->driver->read(f.device, &value, 4, BAR(0)), 4);
	assert_int_equal(value, EDU_ID);
	value = 0x1234;
	assert_int_equal(f.device->driver->write(f.device, &value, 4, BAR(0) + EDU_REG_LIVENESS),
			 4);
	assert_int_equal(f.device->driver->read(f.device, &value, 4, BAR(0) + EDU_REG_LIVENESS), 4);
	assert_int_equal(value, ~0x1234u);
	/* It has no reset, and interrupts only while it is a master. */
	assert_int_equal(call(&f, VFIO_DEVICE_RESET, NULL), -UIOMMU_EINVAL);
	wr(&f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	assert_int_equal(irqs(&f, 1, EVENTFD | TRIGGER, 0, 1, &fd, 4), 0);
	value = 1;
	assert_int_equal(f.device->driver->write(f.device, &value, 4, BAR(0) + EDU_REG_IRQ_RAISE),
			 4);
	machine_settle(w.machine);
	assert_int_equal(events(fd), 1);
	f.device->driver->close(f.device);
	uiommu_vfio_pci_destroy(f.pci);
	close(fd);
	world_stop(&w);
}

/* A function that can be reset forgets what it was told. */
static void test_model_reset(void **state)
{
	struct world w;
	struct machine_uapi_io behind;
	struct uiommu_uapi_device_io io;
	struct machine_device *device;
	struct fake f = { 0 };
	uint32_t value = 0x77;

	(void)state;
	world_start(&w, "q35-vtd-pri", NULL);
	device = world_device(&w, "pri0");
	assert_int_equal(machine_device_io(device, &behind, &io), 0);
	assert_int_equal(uiommu_vfio_pci_create(w.uapi, machine_device_uiommu(device), &io, &f.pci),
			 0);
	f.device = &f.pci->device;
	f.w = w;
	assert_int_equal(f.device->driver->open(f.device), 0);
	assert_int_equal(f.device->driver->write(f.device, &value, 4, BAR(0) + DMA_ENGINE_SIZE), 4);
	assert_int_equal(call(&f, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(f.device->driver->read(f.device, &value, 4, BAR(0) + DMA_ENGINE_SIZE), 4);
	assert_int_equal(value, 0);
	f.device->driver->close(f.device);
	uiommu_vfio_pci_destroy(f.pci);
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_info, start, stop),
		cmocka_unit_test_setup_teardown(test_regions, start, stop),
		cmocka_unit_test_setup_teardown(test_bars, start, stop),
		cmocka_unit_test_setup_teardown(test_header, start, stop),
		cmocka_unit_test_setup_teardown(test_config_bars, start, stop),
		cmocka_unit_test_setup_teardown(test_capabilities, start, stop),
		cmocka_unit_test_setup_teardown(test_express, start, stop),
		cmocka_unit_test_setup_teardown(test_extended, start, stop),
		cmocka_unit_test_setup_teardown(test_irq_info, start, stop),
		cmocka_unit_test_setup_teardown(test_irq_validation, start, stop),
		cmocka_unit_test_setup_teardown(test_msi, start, stop),
		cmocka_unit_test_setup_teardown(test_intx, start, stop),
		cmocka_unit_test_setup_teardown(test_unmask_eventfd, start, stop),
		cmocka_unit_test_setup_teardown(test_ioeventfd, start, stop),
		cmocka_unit_test_setup_teardown(test_err_req, start, stop),
		cmocka_unit_test_setup_teardown(test_features, start, stop),
		cmocka_unit_test_setup_teardown(test_map, start, stop),
		cmocka_unit_test_setup_teardown(test_names, start, stop),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_model_reset),
	};

	return cmocka_run_group_tests_name("vfio-pci", tests, NULL, NULL);
}
