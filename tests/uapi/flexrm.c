/* SPDX-License-Identifier: MIT */
/*
 * flexrm.c - FlexRM ring managers under vfio-platform: what its reset does to rings that run
 *
 * The model knows the order in which a ring is shut down and reports what else is done; a ring that was not
 * shut down writes to memory, or is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_vfio.h>
#include <uiommu/uapi.h>

#include "machines/uapi_io.h"
#include "spec/dma-engine.h"
#include "spec/flexrm.h"
#include "src/uapi/uapi.h"
#include "tests/uapi/world.h"

#define IOVA UINT64_C(0x4000000)
#define RING_MEMORY UINT64_C(0x4000) /* of each ring: descriptors, and completions behind them */
#define MS UINT64_C(1000000)

struct bench {
	struct world w;
	struct machine_device *machine;
	const struct uiommu_uapi_platform_io *io;
	struct uiommu_uapi_device *known;
	int container, group, device;
};

static long call(struct bench *b, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->w.process, fd, command, (uintptr_t)argument);
}

/* @label, ready to be opened, with memory for 32 rings. */
static void begin(struct bench *b, const char *label, bool required)
{
	const struct uiommu_uapi_config config = {
		.platform_reset_not_required = !required,
		.load_platform_reset = machine_load_platform_reset,
	};
	struct abi_vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE,
		.iova = IOVA,
		.size = FLEXRM_RINGS_MAX * RING_MEMORY,
	};
	char path[64];

	memset(b, 0, sizeof(*b));
	world_start(&b->w, "virt-smmuv3-flexrm", &config);
	b->machine = world_device(&b->w, label);
	assert_int_equal(machine_platform_io(b->machine, &b->io), 0);
	assert_int_equal(machine_uapi_add(b->machine, b->w.uapi, &b->known), 0);
	assert_int_equal(uiommu_uapi_bind_driver(b->known, "vfio-platform"), 0);
	assert_true(uiommu_uapi_device_group_path(b->known, path, sizeof(path)) > 0);
	b->group = uiommu_uapi_open(b->w.process, path);
	b->container = uiommu_uapi_open(b->w.process, "/dev/vfio/vfio");
	assert_int_equal(call(b, b->group, ABI_VFIO_GROUP_SET_CONTAINER, &b->container), 0);
	assert_int_equal(uiommu_uapi_ioctl(b->w.process, b->container, ABI_VFIO_SET_IOMMU,
					   ABI_VFIO_TYPE1V2_IOMMU),
			 0);
	map.vaddr = (uintptr_t)b->w.memory;
	assert_int_equal(call(b, b->container, ABI_VFIO_IOMMU_MAP_DMA, &map), 0);
	b->device = -1;
}

static int open_device(struct bench *b)
{
	const char *name = uiommu_device_name(machine_device_uiommu(b->machine));

	b->device = (int)call(b, b->group, ABI_VFIO_GROUP_GET_DEVICE_FD, (char *)(uintptr_t)name);
	return b->device;
}

static void close_device(struct bench *b)
{
	assert_int_equal(uiommu_uapi_close(b->w.process, b->device), 0);
	b->device = -1;
}

static void finish(struct bench *b)
{
	if (b->device >= 0)
		close_device(b);
	uiommu_uapi_close(b->w.process, b->group);
	uiommu_uapi_close(b->w.process, b->container);
	assert_int_equal(machine_num_faults(b->w.machine), 0);
	world_stop(&b->w);
}

static void poke(struct bench *b, unsigned int ring, uint64_t offset, uint32_t value)
{
	assert_int_equal(uiommu_uapi_pwrite(b->w.process, b->device, &value, 4,
					    ring * (uint64_t)FLEXRM_WINDOW + offset),
			 4);
}

static uint64_t *completions(struct bench *b, unsigned int ring)
{
	return (uint64_t *)(void *)(b->w.memory + ring * RING_MEMORY + 0x2000);
}

/* The rings of a mask run, and have done something. */
static void run(struct bench *b, uint32_t rings)
{
	for (unsigned int i = 0; i < FLEXRM_RINGS_MAX; i++) {
		uint64_t at = IOVA + i * RING_MEMORY;

		if (!(rings >> i & 1))
			continue;
		completions(b, i)[0] = 0;
		poke(b, i, FLEXRM_BD_START, (uint32_t)(at >> FLEXRM_BD_START_SHIFT));
		poke(b, i, FLEXRM_COMPLETION_START,
		     (uint32_t)((at + 0x2000) >> FLEXRM_COMPLETION_START_SHIFT));
		poke(b, i, FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
	}
	machine_settle(b->w.machine);
	for (unsigned int i = 0; i < FLEXRM_RINGS_MAX; i++)
		if (rings >> i & 1)
			assert_true(completions(b, i)[0] >> 48 == i);
}

/* Which rings still write. */
static uint32_t running(struct bench *b)
{
	const size_t size = RING_MEMORY - 0x2000;
	uint32_t rings = 0;

	for (unsigned int i = 0; i < FLEXRM_RINGS_MAX; i++)
		memset(completions(b, i), 0xee, size);
	for (unsigned int i = 0; i < 8; i++)
		machine_settle(b->w.machine);
	for (unsigned int i = 0; i < FLEXRM_RINGS_MAX; i++)
		for (size_t at = 0; at < size / 8; at++)
			if (completions(b, i)[at] != UINT64_C(0xeeeeeeeeeeeeeeee))
				rings |= 1u << i;
	return rings;
}

static uint32_t control(struct bench *b, unsigned int ring)
{
	return b->io->read(b->io->context, 0, ring * (uint64_t)FLEXRM_WINDOW + FLEXRM_CONTROL, 4);
}

static bool warned(struct bench *b, const char *text)
{
	for (size_t i = 0; i < machine_num_warnings(b->w.machine); i++)
		if (strstr(machine_warning(b->w.machine, i), text))
			return true;
	return false;
}

/* That the function will not be there for ever is said once, and no more than that. */
static void expect_notice(struct bench *b)
{
	for (size_t i = 0; i < machine_num_warnings(b->w.machine); i++)
		if (!strstr(machine_warning(b->w.machine, i), "deprecated"))
			fail_msg("%s", machine_warning(b->w.machine, i));
	machine_clear_warnings(b->w.machine);
}

/* ---- rings that can be shut down ---------------------------------------------------------------- */

static void check_rings(const char *label, uint32_t rings)
{
	struct bench b;

	begin(&b, label, true);
	assert_true(open_device(&b) >= 0);
	expect_notice(&b);
	run(&b, rings);
	assert_int_equal(running(&b), rings);
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(running(&b), 0);
	for (unsigned int i = 0; i < FLEXRM_RINGS_MAX; i++)
		if (rings >> i & 1)
			assert_int_equal(control(&b, i), 0);
	/* And again: the last close and the next open do it, too. */
	run(&b, rings);
	close_device(&b);
	assert_int_equal(running(&b), 0);
	assert_true(open_device(&b) >= 0);
	run(&b, rings);
	assert_int_equal(running(&b), rings);
	assert_int_equal(machine_num_warnings(b.w.machine), 0);
	finish(&b);
}

static void test_holes(void **state)
{
	(void)state;
	check_rings("flexrm0", 0x2d);
}

static void test_none(void **state)
{
	struct bench b;

	(void)state;
	check_rings("flexrm1", 0);
	begin(&b, "flexrm1", true);
	assert_true(open_device(&b) >= 0);
	expect_notice(&b);
	assert_int_equal(machine_platform_delayed(b.machine), 0);
	finish(&b);
}

static void test_all(void **state)
{
	(void)state;
	check_rings("flexrm2", 0xffffffff);
}

/* The last of a thousand reads is in time. */
static void test_slow(void **state)
{
	struct bench b;

	(void)state;
	check_rings("flexrm4", 0x5);
	begin(&b, "flexrm4", true);
	assert_true(open_device(&b) >= 0);
	expect_notice(&b);
	/* Two rings, two waits each, of 999 reads that were too early. */
	assert_int_equal(machine_platform_delayed(b.machine), 4 * 999 * MS);
	finish(&b);
}

/* ---- rings that cannot ------------------------------------------------------------------------- */

/* Windows 1 and 6 are stuck in the flush, 3 in its end; 2 is a hole, which is no ring. */
static void test_stuck(void **state)
{
	const uint32_t stuck = 0x42 | 0x08, others = 0xfb & ~stuck;
	uint64_t delayed;
	struct bench b;

	(void)state;
	begin(&b, "flexrm3", false);
	assert_true(open_device(&b) >= 0);
	machine_clear_warnings(b.w.machine);
	run(&b, others);
	delayed = machine_platform_delayed(b.machine);
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_RESET, NULL), -UIOMMU_ETIMEDOUT);
	delayed = machine_platform_delayed(b.machine) - delayed;
	/* 1000 reads a millisecond apart for each that is stuck, at most 15 for each wait that is not. */
	assert_in_range(delayed, 3 * 999 * MS, 3 * 1000 * MS + 9 * 15 * MS);
	assert_int_equal(running(&b), 0);
	for (unsigned int i = 0; i < 8; i++)
		if (others >> i & 1)
			assert_int_equal(control(&b, i), 0);
	/* By their numbers as rings. */
	assert_true(warned(&b, "ring 1"));
	assert_true(warned(&b, "ring 2"));
	assert_true(warned(&b, "ring 5"));
	assert_int_equal(machine_num_warnings(b.w.machine), 3);
	machine_clear_warnings(b.w.machine);

	/* One that runs, after its flush was given up, is taken out of use all the same; what it has under way may come. */
	poke(&b, 1, FLEXRM_CONTROL, 0);
	run(&b, others | 0x02);
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_RESET, NULL), -UIOMMU_ETIMEDOUT);
	running(&b);
	assert_int_equal(running(&b), 0);
	machine_clear_warnings(b.w.machine);
	close_device(&b);
	machine_clear_warnings(b.w.machine);
	finish(&b);
}

/* Where a reset is demanded nobody gets a device that cannot be reset. */
static void test_demanded(void **state)
{
	struct bench b;

	(void)state;
	begin(&b, "flexrm3", true);
	assert_int_equal(open_device(&b), -UIOMMU_ETIMEDOUT);
	machine_clear_warnings(b.w.machine);
	finish(&b);
}

/* ---- the machine's own DMA engine --------------------------------------------------------------- */

/* A stream and an interrupt, through all the layers: what a reset ends. */
static void test_engine(void **state)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} irq = { { sizeof(irq), ABI_VFIO_IRQ_SET_ACTION_TRIGGER | ABI_VFIO_IRQ_SET_DATA_EVENTFD, 0,
		    0, 1 },
		  eventfd(0, EFD_NONBLOCK) };
	struct abi_vfio_irq_set unmask = {
		sizeof(unmask), ABI_VFIO_IRQ_SET_ACTION_UNMASK | ABI_VFIO_IRQ_SET_DATA_NONE, 0, 0, 1
	};
	const uint32_t acknowledge = DMA_ENGINE_INTERRUPT_ENABLE | DMA_ENGINE_INTERRUPT_PENDING;
	uint64_t count = 0, word = UINT64_C(0x1234567890abcdef);
	struct bench b;

	(void)state;
	begin(&b, "platform0", true);
	assert_true(open_device(&b) >= 0);
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_SET_IRQS, &irq), 0);
	poke(&b, 0, DMA_ENGINE_INTERRUPT, DMA_ENGINE_INTERRUPT_ENABLE);
	assert_int_equal(uiommu_uapi_pwrite(b.w.process, b.device, &word, 8, DMA_ENGINE_WINDOW), 8);
	poke(&b, 0, DMA_ENGINE_IOVA, (uint32_t)IOVA + 64);
	poke(&b, 0, DMA_ENGINE_SIZE, 8);
	poke(&b, 0, DMA_ENGINE_COMMAND, DMA_ENGINE_WRITE);
	assert_memory_equal(b.w.memory + 64, &word, 8);
	assert_int_equal(read(irq.fd, &count, 8), 8);
	assert_int_equal(count, 1);
	/* Not served: it comes again when it is unmasked, and served: it does not. */
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_SET_IRQS, &unmask), 0);
	assert_int_equal(read(irq.fd, &count, 8), 8);
	poke(&b, 0, DMA_ENGINE_INTERRUPT, acknowledge);
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_SET_IRQS, &unmask), 0);
	assert_int_equal(read(irq.fd, &count, 8), -1);

	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(b.io->read(b.io->context, 0, DMA_ENGINE_SIZE, 4), 0);
	close(irq.fd);
	finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_holes),  cmocka_unit_test(test_none),
		cmocka_unit_test(test_all),    cmocka_unit_test(test_slow),
		cmocka_unit_test(test_stuck),  cmocka_unit_test(test_demanded),
		cmocka_unit_test(test_engine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
