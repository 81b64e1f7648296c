/* SPDX-License-Identifier: MIT */
/*
 * mdev.c - the mediated sample device, by each of the ways to it
 *
 * Its own file and an iommufd; its group and a type 1 container; its group and an iommufd in the place of a container.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>
#include <uiommu/uapi.h>

#include "spec/mdma.h"
#include "src/uapi/uapi.h"
#include "tests/uapi/world.h"

#define UUID "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
#define IOVA UINT64_C(0x100000)
#define SIZE UINT64_C(0x20000) /* the mapping that there is from the start */
#define PAGE UINT64_C(4096)
#define ERRNO_EUSERS 87

enum way {
	BY_CDEV,
	BY_CONTAINER,
	BY_COMPAT,
	WAYS,
};

static const char *const way_names[] = { "cdev", "group and container", "group and iommufd" };

struct bench {
	struct world w;
	struct uiommu_uapi_process *process; /* who opens all this */
	struct uiommu_uapi_mdev *mdev;
	enum way way;
	int memory, group,
		device; /* descriptors: of an iommufd or container, a group, the device */
	uint32_t ioas;
};

static long call(struct bench *b, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->process, fd, command, (uintptr_t)argument);
}

static long map(struct bench *b, uint64_t iova, uint64_t offset, uint64_t size, unsigned int prot)
{
	struct abi_iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = ABI_IOMMU_IOAS_MAP_FIXED_IOVA |
			 (prot & UIOMMU_READ ? ABI_IOMMU_IOAS_MAP_READABLE : 0) |
			 (prot & UIOMMU_WRITE ? ABI_IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = b->ioas,
		.user_va = (uintptr_t)b->w.memory + offset,
		.length = size,
		.iova = iova,
	};
	struct abi_vfio_iommu_type1_dma_map legacy = {
		.argsz = sizeof(legacy),
		.flags = (prot & UIOMMU_READ ? ABI_VFIO_DMA_MAP_FLAG_READ : 0) |
			 (prot & UIOMMU_WRITE ? ABI_VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)b->w.memory + offset,
		.iova = iova,
		.size = size,
	};

	if (b->way == BY_CDEV)
		return call(b, b->memory, ABI_IOMMU_IOAS_MAP, &map);
	return call(b, b->memory, ABI_VFIO_IOMMU_MAP_DMA, &legacy);
}

static long unmap(struct bench *b, uint64_t iova, uint64_t size)
{
	struct abi_iommu_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas_id = b->ioas, .iova = iova, .length = size
	};
	struct abi_vfio_iommu_type1_dma_unmap legacy = { .argsz = sizeof(legacy),
							 .iova = iova,
							 .size = size };

	if (b->way == BY_CDEV)
		return call(b, b->memory, ABI_IOMMU_IOAS_UNMAP, &unmap);
	return call(b, b->memory, ABI_VFIO_IOMMU_UNMAP_DMA, &legacy);
}

static int open_path(struct bench *b,
		     int (*path_of)(const struct uiommu_uapi_mdev *mdev, char *path, size_t size))
{
	char path[64];

	assert_true(path_of(b->mdev, path, sizeof(path)) > 0);
	return uiommu_uapi_open(b->process, path);
}

static int open_cdev(struct bench *b)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = b->memory };
	struct abi_vfio_device_attach_iommufd_pt at = { .argsz = 12, .pt_id = b->ioas };
	int fd = open_path(b, uiommu_uapi_mdev_cdev_path);

	assert_true(fd >= 0);
	assert_int_equal(call(b, fd, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind), 0);
	assert_int_equal(call(b, fd, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at), 0);
	return fd;
}

static void open_device(struct bench *b)
{
	if (b->way == BY_CDEV)
		b->device = open_cdev(b);
	else
		b->device = (int)call(b, b->group, ABI_VFIO_GROUP_GET_DEVICE_FD, (char *)UUID);
	assert_true(b->device >= 0);
}

static void close_fd(struct bench *b, int *fd)
{
	if (*fd >= 0)
		assert_int_equal(uiommu_uapi_close(b->process, *fd), 0);
	*fd = -1;
}

static void prepare_memory(struct bench *b)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (b->way == BY_CDEV) {
		b->memory = uiommu_uapi_open(b->process, "/dev/iommu");
		assert_int_equal(call(b, b->memory, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
		b->ioas = alloc.out_ioas_id;
		return;
	}
	b->memory =
		uiommu_uapi_open(b->process, b->way == BY_COMPAT ? "/dev/iommu" : "/dev/vfio/vfio");
	b->group = open_path(b, uiommu_uapi_mdev_group_path);
	assert_true(b->group >= 0);
	assert_int_equal(call(b, b->group, ABI_VFIO_GROUP_SET_CONTAINER, &b->memory), 0);
	assert_int_equal(uiommu_uapi_ioctl(b->process, b->memory, ABI_VFIO_SET_IOMMU,
					   ABI_VFIO_TYPE1V2_IOMMU),
			 0);
}

/* Up to an open device with memory, for a process that may pin so much. */
static void begin(struct bench *b, enum way way, const char *type, uint64_t memlock)
{
	const struct uiommu_uapi_process_config config = { .memlock = memlock, .user = 7 };

	memset(b, 0, sizeof(*b));
	b->way = way;
	b->group = -1;
	world_start(&b->w, "q35-vtd", NULL);
	assert_int_equal(uiommu_uapi_process_create(b->w.uapi, &config, &b->process), 0);
	assert_int_equal(uiommu_uapi_mdev_create(b->w.uapi, type, UUID, &b->mdev), 0);
	prepare_memory(b);
	assert_int_equal(map(b, IOVA, 0, SIZE, UIOMMU_READ | UIOMMU_WRITE), 0);
	open_device(b);
}

static void finish(struct bench *b)
{
	close_fd(b, &b->device);
	assert_int_equal(uiommu_uapi_process_pinned(b->process), 0);
	close_fd(b, &b->group);
	close_fd(b, &b->memory);
	uiommu_uapi_mdev_remove(b->mdev);
	uiommu_uapi_process_destroy(b->process);
	world_stop(&b->w);
}

/* ---- its registers ----------------------------------------------------------------------------- */

static uint64_t get(struct bench *b, uint64_t offset, size_t size)
{
	uint64_t value = 0;

	assert_int_equal(uiommu_uapi_pread(b->process, b->device, &value, size, offset), size);
	return value;
}

static void put(struct bench *b, uint64_t offset, uint64_t value, size_t size)
{
	assert_int_equal(uiommu_uapi_pwrite(b->process, b->device, &value, size, offset), size);
}

/* 0 or the errno that the device tells. */
static uint32_t copy(struct bench *b, uint64_t to, uint64_t from, uint32_t length, uint32_t flags)
{
	uint32_t error;

	put(b, MDMA_SOURCE, from, 8);
	put(b, MDMA_DESTINATION, to, 8);
	put(b, MDMA_LENGTH, length, 4);
	put(b, MDMA_FLAGS, flags, 4);
	put(b, MDMA_COMMAND, MDMA_COPY, 4);
	error = (uint32_t)get(b, MDMA_ERROR, 4);
	assert_int_equal(get(b, MDMA_STATUS, 4), error ? MDMA_FAILED : MDMA_DONE);
	return error;
}

static uint32_t pinned(struct bench *b)
{
	return (uint32_t)get(b, MDMA_PINNED, 4);
}

static void fill(struct bench *b, uint64_t offset, size_t size, unsigned int seed)
{
	for (size_t i = 0; i < size; i++)
		b->w.memory[offset + i] = (unsigned char)(seed + i * 7 + i / 251);
}

static void same(struct bench *b, uint64_t one, uint64_t other, size_t size)
{
	assert_memory_equal(b->w.memory + one, b->w.memory + other, size);
}

/* ---- devices come and go ----------------------------------------------------------------------- */

static void test_create(void **state)
{
	struct uiommu_uapi_mdev *mdev[17], *more;
	struct world w;
	char uuid[] = "00000000-0000-0000-0000-000000000000", path[64], other[64];

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-9", UUID, &more), -UIOMMU_ENOENT);
	assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-8", "", &more), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-8", UUID "0", &more),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-8",
						 "83b8f4f2-509f-382f-3c1e-e6bfe0fa100g", &more),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-8",
						 "83b8f4f20509f-382f-3c1e-e6bfe0fa1001", &more),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_mdev_available(w.uapi), 16);
	for (unsigned int i = 0; i < 16; i++) {
		uuid[35] = "0123456789ABCDEF"[i];
		assert_int_equal(uiommu_uapi_mdev_create(w.uapi, i % 2 ? "mdma-8" : "mdma-256",
							 uuid, &mdev[i]),
				 0);
		assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-8", uuid, &more),
				 -UIOMMU_EEXIST);
	}
	assert_int_equal(uiommu_uapi_mdev_available(w.uapi), 0);
	assert_int_equal(uiommu_uapi_mdev_create(w.uapi, "mdma-8", UUID, &more), -ERRNO_EUSERS);

	/* Named by small letters; each in a group of its own. */
	assert_null(uiommu_uapi_mdev_find(w.uapi, "00000000-0000-0000-0000-00000000000F"));
	assert_ptr_equal(uiommu_uapi_mdev_find(w.uapi, "00000000-0000-0000-0000-00000000000f"),
			 mdev[15]);
	assert_string_equal(uiommu_uapi_mdev_type(mdev[15])->id, "mdma-8");
	uiommu_uapi_mdev_group_path(mdev[0], path, sizeof(path));
	uiommu_uapi_mdev_group_path(mdev[1], other, sizeof(other));
	assert_string_not_equal(path, other);
	uiommu_uapi_mdev_cdev_path(mdev[1], other, sizeof(other));
	assert_string_equal(other, "/dev/vfio/devices/vfio1");

	uiommu_uapi_mdev_remove(mdev[3]);
	assert_int_equal(uiommu_uapi_mdev_available(w.uapi), 1);
	assert_null(uiommu_uapi_mdev_find(w.uapi, "00000000-0000-0000-0000-000000000003"));
	/* The rest goes with the user ABI. */
	world_stop(&w);
}

static void test_info(void **state)
{
	struct abi_vfio_device_info info = { .argsz = sizeof(info) };
	struct abi_vfio_region_info region = { .argsz = sizeof(region) };
	struct abi_vfio_irq_info irq = { .argsz = sizeof(irq) };
	unsigned char bytes[8];
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_GET_INFO, &info), 0);
		assert_int_equal(info.flags,
				 ABI_VFIO_DEVICE_FLAGS_PLATFORM | ABI_VFIO_DEVICE_FLAGS_RESET);
		assert_int_equal(info.num_regions, 1);
		assert_int_equal(info.num_irqs, 1);
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_GET_REGION_INFO, &region), 0);
		assert_int_equal(region.size, MDMA_REGION_SIZE);
		assert_int_equal(region.flags,
				 ABI_VFIO_REGION_INFO_FLAG_READ | ABI_VFIO_REGION_INFO_FLAG_WRITE);
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_GET_IRQ_INFO, &irq), 0);
		assert_int_equal(irq.count, 1);
		region.index = 1;
		irq.index = 1;
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_GET_REGION_INFO, &region),
				 -UIOMMU_EINVAL);
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_GET_IRQ_INFO, &irq),
				 -UIOMMU_EINVAL);
		region.index = 0;
		irq.index = 0;
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_PCI_HOT_RESET, &irq),
				 -UAPI_ENOTTY);

		assert_int_equal(get(&b, MDMA_ID, 4), MDMA_ID_VALUE);
		put(&b, MDMA_ID, 0, 4);
		assert_int_equal(get(&b, MDMA_ID + 2, 2), MDMA_ID_VALUE >> 16);
		assert_int_equal(uiommu_uapi_pread(b.process, b.device, bytes, 8, 0xffc), 4);
		assert_int_equal(uiommu_uapi_pread(b.process, b.device, bytes, 4, 0x1000),
				 -UIOMMU_EINVAL);
		assert_int_equal(uiommu_uapi_pread(b.process, b.device, bytes, 4,
						   UINT64_C(1) << 40),
				 -UIOMMU_EINVAL);
		assert_int_equal(uiommu_uapi_pwrite(b.process, b.device, bytes, 2, MDMA_FLAGS),
				 -UIOMMU_EINVAL);
		assert_int_equal(uiommu_uapi_pwrite(b.process, b.device, bytes, 8, 0xffc),
				 -UIOMMU_EINVAL);
		finish(&b);
	}
}

/* ---- copies ------------------------------------------------------------------------------------ */

static void test_copy(void **state)
{
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-256", UINT64_MAX);
		fill(&b, 0x123, 0x5000, 1);
		assert_int_equal(copy(&b, IOVA + 0x10456, IOVA + 0x123, 0x5000, 0), 0);
		same(&b, 0x10456, 0x123, 0x5000);
		assert_int_equal(b.w.memory[0x10455], 0);
		assert_int_equal(b.w.memory[0x15456], 0);
		/* Five pages and a bit, twice. */
		assert_int_equal(pinned(&b), 12);
		assert_int_equal(copy(&b, IOVA + 0x10000, IOVA, 0x5000, 0), 0);
		assert_int_equal(pinned(&b), 12);
		put(&b, MDMA_COMMAND, MDMA_DROP, 4);
		assert_int_equal(pinned(&b), 0);

		fill(&b, 0x5ffe, 0x1004, 2);
		assert_int_equal(copy(&b, IOVA + 0xfff, IOVA + 0x5ffe, 0x1004, MDMA_FLAG_BUFFER),
				 0);
		same(&b, 0xfff, 0x5ffe, 0x1004);
		assert_int_equal(pinned(&b), 0);

		/* From a page to itself: pinned to be read, then to be written, and that once. */
		fill(&b, 0x8000, 0x10, 3);
		for (unsigned int i = 0; i < 3; i++)
			assert_int_equal(copy(&b, IOVA + 0x8800, IOVA + 0x8000, 0x10, 0), 0);
		same(&b, 0x8800, 0x8000, 0x10);
		assert_int_equal(pinned(&b), 1);

		assert_int_equal(copy(&b, IOVA, IOVA, 0, 0), UIOMMU_EINVAL);
		assert_int_equal(copy(&b, IOVA, IOVA, MDMA_LENGTH_MAX + 1, 0), UIOMMU_EINVAL);
		assert_int_equal(copy(&b, IOVA, IOVA, 1, 2), UIOMMU_EINVAL);
		assert_int_equal(copy(&b, UINT64_MAX, IOVA, 2, 0), UIOMMU_EOVERFLOW);
		finish(&b);
	}
}

/* More pages than it can keep: the oldest go, and the data arrives all the same. */
static void test_eviction(void **state)
{
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		fill(&b, 0, 0xc000, 5);
		assert_int_equal(copy(&b, IOVA + 0x10000, IOVA, 0xc000, 0), 0);
		same(&b, 0x10000, 0, 0xc000);
		assert_int_equal(pinned(&b), 8);
		/* A page that is read from is not the one that goes, though it were the oldest. */
		put(&b, MDMA_COMMAND, MDMA_DROP, 4);
		for (uint64_t page = 0; page < 24; page++) {
			uint64_t from = page % 4;

			assert_int_equal(copy(&b, IOVA + 0x10000 + page % 16 * PAGE,
					      IOVA + from * PAGE, PAGE, 0),
					 0);
			same(&b, 0x10000 + page % 16 * PAGE, from * PAGE, PAGE);
		}
		finish(&b);
	}
}

static void test_rights(void **state)
{
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		assert_int_equal(map(&b, 0x400000, 0x40000, PAGE, UIOMMU_READ), 0);
		assert_int_equal(map(&b, 0x500000, 0x50000, PAGE, UIOMMU_WRITE), 0);
		fill(&b, 0x40000, PAGE, 9);
		for (uint32_t flags = 0; flags < 2; flags++) {
			assert_int_equal(copy(&b, 0x400000, IOVA, 8, flags), UIOMMU_EPERM);
			assert_int_equal(copy(&b, IOVA, 0x500000, 8, flags), UIOMMU_EPERM);
			/* Who writes must be able to read, too. */
			assert_int_equal(copy(&b, 0x500000, IOVA, 8, flags), UIOMMU_EPERM);
			assert_int_equal(copy(&b, IOVA, 0x400000, PAGE, flags), 0);
			same(&b, 0, 0x40000, PAGE);
			assert_int_equal(copy(&b, IOVA, 0x600000, 8, flags), UIOMMU_ENOENT);
			/* A page that could be read is no help. */
			assert_int_equal(copy(&b, 0x400000, 0x400000, 8, flags), UIOMMU_EPERM);
		}
		finish(&b);
	}
}

/* ---- what is taken away ------------------------------------------------------------------------ */

static void test_unmap(void **state)
{
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		assert_int_equal(map(&b, 0x400000, 0x40000, 4 * PAGE, UIOMMU_READ | UIOMMU_WRITE),
				 0);
		fill(&b, 0, PAGE, 1);
		assert_int_equal(copy(&b, 0x401000, IOVA, PAGE, 0), 0);
		same(&b, 0x41000, 0, PAGE);
		assert_int_equal(pinned(&b), 2);
		assert_int_equal(get(&b, MDMA_ASKED, 4), 0);
		assert_int_equal(unmap(&b, 0x400000, 4 * PAGE), 0);
		assert_int_equal(get(&b, MDMA_ASKED, 4), 1);
		/* What was not in it stays. */
		assert_int_equal(pinned(&b), 1);

		fill(&b, 0, PAGE, 2);
		fill(&b, 0x41000, PAGE, 77);
		assert_int_equal(copy(&b, 0x401000, IOVA, PAGE, 0), UIOMMU_ENOENT);
		assert_int_equal(copy(&b, 0x401000, IOVA, PAGE, MDMA_FLAG_BUFFER), UIOMMU_ENOENT);
		fill(&b, 0x60000, PAGE, 77);
		same(&b, 0x41000, 0x60000, PAGE);
		/* Other memory at the same address is other memory. */
		assert_int_equal(map(&b, 0x400000, 0x50000, 4 * PAGE, UIOMMU_READ | UIOMMU_WRITE),
				 0);
		assert_int_equal(copy(&b, 0x401000, IOVA, PAGE, 0), 0);
		same(&b, 0x51000, 0, PAGE);
		same(&b, 0x41000, 0x60000, PAGE);
		finish(&b);
	}
}

/* Nobody waits for ever on a device that does not let go, and nothing is taken from under it. */
static void test_deaf(void **state)
{
	struct bench b;
	uint64_t asked;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		fill(&b, 0, PAGE, 1);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), 0);
		put(&b, MDMA_MISBEHAVE, MDMA_MISBEHAVE_DEAF, 4);
		assert_int_equal(unmap(&b, IOVA, SIZE), -UAPI_EDEADLK);
		asked = get(&b, MDMA_ASKED, 4);
		assert_in_range(asked, 2, 100);
		assert_int_equal(pinned(&b), 2);
		if (way == BY_CONTAINER) {
			assert_int_equal(machine_num_warnings(b.w.machine), 1);
			machine_clear_warnings(b.w.machine);
		}
		/* The mapping is still there, all of it. */
		fill(&b, 0, PAGE, 9);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), 0);
		same(&b, PAGE, 0, PAGE);
		assert_int_equal(copy(&b, IOVA + 5 * PAGE, IOVA, PAGE, MDMA_FLAG_BUFFER), 0);

		put(&b, MDMA_MISBEHAVE, 0, 4);
		assert_int_equal(unmap(&b, IOVA, SIZE), 0);
		assert_int_equal(pinned(&b), 0);
		/* Deaf to the end: what it has goes when it is closed. */
		assert_int_equal(map(&b, IOVA, 0, SIZE, UIOMMU_READ | UIOMMU_WRITE), 0);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), 0);
		put(&b, MDMA_MISBEHAVE, MDMA_MISBEHAVE_DEAF, 4);
		close_fd(&b, &b.device);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 0);
		finish(&b);
	}
}

/* An address space that is taken away takes the pins with it, from a deaf device too. */
static void test_detach(void **state)
{
	struct abi_vfio_device_detach_iommufd_pt none = { .argsz = 8 };
	struct abi_vfio_device_attach_iommufd_pt at = { .argsz = 12 };
	struct abi_iommu_destroy destroy = { .size = sizeof(destroy) };
	struct bench b;

	(void)state;
	begin(&b, BY_CDEV, "mdma-8", UINT64_MAX);
	put(&b, MDMA_MISBEHAVE, MDMA_MISBEHAVE_DEAF, 4);
	assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), 0);
	destroy.id = b.ioas;
	assert_int_equal(call(&b, b.memory, ABI_IOMMU_DESTROY, &destroy), -UIOMMU_EBUSY);
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &none), 0);
	assert_int_equal(pinned(&b), 0);
	assert_int_equal(uiommu_uapi_process_pinned(b.process), 0);
	assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), UIOMMU_ENOENT);
	at.pt_id = b.ioas;
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at), 0);
	assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), 0);
	/* To another one: the same. */
	{
		struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

		assert_int_equal(call(&b, b.memory, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
		at.pt_id = alloc.out_ioas_id;
	}
	assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at), 0);
	assert_int_equal(pinned(&b), 0);
	assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), UIOMMU_ENOENT);
	assert_int_equal(call(&b, b.memory, ABI_IOMMU_DESTROY, &destroy), 0);
	finish(&b);
}

/* ---- accounts ---------------------------------------------------------------------------------- */

static void test_pinned(void **state)
{
	struct uiommu_posix_usage usage;
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-256", UINT64_MAX);
		/* There is no IOMMU: what is mapped is not pinned for that. */
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 0);
		assert_int_equal(copy(&b, IOVA + 0x8000, IOVA, 3 * PAGE, 0), 0);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 6 * PAGE);
		uiommu_posix_usage(machine_host(b.w.machine), &usage);
		assert_int_equal(usage.pins, 6);
		/* Pages are counted once, whoever uses them again. */
		assert_int_equal(copy(&b, IOVA, IOVA + 0x8000, 3 * PAGE, 0), 0);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 6 * PAGE);
		assert_int_equal(call(&b, b.device, ABI_VFIO_DEVICE_RESET, NULL), 0);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 0);
		assert_int_equal(copy(&b, IOVA + 0x8000, IOVA, PAGE, 0), 0);
		close_fd(&b, &b.device);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 0);
		uiommu_posix_usage(machine_host(b.w.machine), &usage);
		assert_int_equal(usage.pins, 0);
		/* Opened again it knows of nothing. */
		open_device(&b);
		assert_int_equal(pinned(&b), 0);
		assert_int_equal(get(&b, MDMA_SOURCE, 8), 0);
		finish(&b);
	}
}

static void test_memlock(void **state)
{
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-256", 3 * PAGE);
		fill(&b, 0, 2 * PAGE, 4);
		/* Source and destination of a first page, a source, and then it is one too many. */
		assert_int_equal(copy(&b, IOVA + 0x8000, IOVA, 2 * PAGE, 0), UIOMMU_ENOMEM);
		same(&b, 0x8000, 0, PAGE);
		assert_int_equal(b.w.memory[0x9000], 0);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 3 * PAGE);
		/* What it has it may use, and pages for a moment cost nothing. */
		assert_int_equal(copy(&b, IOVA + 0x8000, IOVA, PAGE, 0), 0);
		assert_int_equal(copy(&b, IOVA + 0x8000, IOVA, 2 * PAGE, MDMA_FLAG_BUFFER),
				 way == BY_CONTAINER ? 0 : UIOMMU_ENOMEM);
		put(&b, MDMA_COMMAND, MDMA_DROP, 4);
		assert_int_equal(copy(&b, IOVA + 0x8000, IOVA, 2 * PAGE, MDMA_FLAG_BUFFER), 0);
		same(&b, 0x8000, 0, 2 * PAGE);
		assert_int_equal(uiommu_uapi_process_pinned(b.process), 0);
		finish(&b);
	}
}

/* ---- its interrupt ----------------------------------------------------------------------------- */

static long set_irq(struct bench *b, uint32_t flags, uint32_t count, int fd)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} arg = { { sizeof(arg), flags, 0, 0, count }, fd };

	return call(b, b->device, ABI_VFIO_DEVICE_SET_IRQS, &arg);
}

static uint64_t events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void test_interrupt(void **state)
{
	const uint32_t trigger = ABI_VFIO_IRQ_SET_ACTION_TRIGGER;
	int fd = eventfd(0, EFD_NONBLOCK), pipe_fds[2];
	struct bench b;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		assert_int_equal(set_irq(&b, trigger | ABI_VFIO_IRQ_SET_DATA_EVENTFD, 1, fd), 0);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, 8, 0), 0);
		assert_int_equal(copy(&b, 0, IOVA, 8, 0), UIOMMU_ENOENT);
		assert_int_equal(events(fd), 2);
		put(&b, MDMA_COMMAND, MDMA_DROP, 4);
		assert_int_equal(events(fd), 0);
		assert_int_equal(set_irq(&b, trigger | ABI_VFIO_IRQ_SET_DATA_NONE, 1, 0), 0);
		assert_int_equal(events(fd), 1);
		assert_int_equal(set_irq(&b,
					 ABI_VFIO_IRQ_SET_ACTION_MASK | ABI_VFIO_IRQ_SET_DATA_NONE,
					 1, 0),
				 -UAPI_ENOTTY);
		/* What is no eventfd changes nothing. */
		assert_int_equal(set_irq(&b, trigger | ABI_VFIO_IRQ_SET_DATA_EVENTFD, 1,
					 pipe_fds[0]),
				 -UIOMMU_EINVAL);
		assert_int_equal(set_irq(&b, trigger | ABI_VFIO_IRQ_SET_DATA_EVENTFD, 1, 1 << 20),
				 -UAPI_EBADF);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, 8, 0), 0);
		assert_int_equal(events(fd), 1);
		assert_int_equal(set_irq(&b, trigger | ABI_VFIO_IRQ_SET_DATA_EVENTFD, 1, -1), 0);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, 8, 0), 0);
		assert_int_equal(events(fd), 0);
		/* It does not outlast the device file. */
		assert_int_equal(set_irq(&b, trigger | ABI_VFIO_IRQ_SET_DATA_EVENTFD, 1, fd), 0);
		close_fd(&b, &b.device);
		open_device(&b);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, 8, 0), 0);
		assert_int_equal(events(fd), 0);
		finish(&b);
	}
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(fd);
}

/* ---- at the same time -------------------------------------------------------------------------- */

/* Two ways to one device exclude each other. */
static void test_exclusive(void **state)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct bench b;
	int iommufd, cdev;

	(void)state;
	begin(&b, BY_CDEV, "mdma-8", UINT64_MAX);
	assert_int_equal(open_path(&b, uiommu_uapi_mdev_group_path), -UIOMMU_EBUSY);
	finish(&b);
	begin(&b, BY_CONTAINER, "mdma-8", UINT64_MAX);
	iommufd = uiommu_uapi_open(b.process, "/dev/iommu");
	cdev = open_path(&b, uiommu_uapi_mdev_cdev_path);
	bind.iommufd = iommufd;
	assert_int_equal(call(&b, cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_uapi_close(b.process, cdev), 0);
	assert_int_equal(uiommu_uapi_close(b.process, iommufd), 0);
	finish(&b);
}

static void *remove_it(void *context)
{
	struct bench *b = context;

	uiommu_uapi_mdev_remove(b->mdev);
	return NULL;
}

/* Whoever removes it waits for whoever uses it. */
static void test_remove(void **state)
{
	struct uiommu_uapi_mdev *again;
	struct bench b;
	pthread_t thread;
	char path[64];
	int fd;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		begin(&b, way, "mdma-8", UINT64_MAX);
		uiommu_uapi_mdev_cdev_path(b.mdev, path, sizeof(path));
		assert_int_equal(pthread_create(&thread, NULL, remove_it, &b), 0);
		/* Until it is leaving the device can be opened. */
		while ((fd = uiommu_uapi_open(b.process, path)) >= 0)
			uiommu_uapi_close(b.process, fd);
		assert_int_equal(fd, -UIOMMU_ENODEV);
		assert_int_equal(uiommu_uapi_mdev_create(b.w.uapi, "mdma-8", UUID, &again),
				 -UIOMMU_EEXIST);
		assert_int_equal(copy(&b, IOVA + PAGE, IOVA, PAGE, 0), 0);
		close_fd(&b, &b.device);
		pthread_join(thread, NULL);
		assert_int_equal(uiommu_uapi_open(b.process, path), -UIOMMU_ENOENT);
		assert_int_equal(uiommu_uapi_mdev_create(b.w.uapi, "mdma-8", UUID, &b.mdev), 0);
		finish(&b);
	}
}

struct copier {
	struct bench *b;
	_Atomic(bool) stop;
	unsigned int done, refused;
};

static void *copies(void *context)
{
	struct copier *c = context;

	while (!atomic_load(&c->stop)) {
		uint32_t error = copy(c->b, 0x400000, IOVA, 2 * PAGE, 0);

		if (error && error != UIOMMU_ENOENT)
			break;
		c->done += !error;
		c->refused += error != 0;
	}
	return NULL;
}

/* Memory that was unmapped is the program's again, whatever the device is doing. */
static void test_race(void **state)
{
	struct bench b;

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct copier c = { .b = &b };
		pthread_t thread;

		begin(&b, way, "mdma-8", UINT64_MAX);
		fill(&b, 0, 2 * PAGE, 1);
		fill(&b, 0x60000, 2 * PAGE, 99);
		assert_int_equal(pthread_create(&thread, NULL, copies, &c), 0);
		for (unsigned int i = 0; i < 300; i++) {
			assert_int_equal(map(&b, 0x400000, 0x40000, 2 * PAGE,
					     UIOMMU_READ | UIOMMU_WRITE),
					 0);
			usleep(50);
			assert_int_equal(unmap(&b, 0x400000, 2 * PAGE), 0);
			memcpy(b.w.memory + 0x40000, b.w.memory + 0x60000, 2 * PAGE);
			usleep(50);
			same(&b, 0x40000, 0x60000, 2 * PAGE);
		}
		atomic_store(&c.stop, true);
		pthread_join(thread, NULL);
		if (!c.done || !c.refused)
			fail_msg("%s: %u copies, %u refused: it was no race", way_names[way],
				 c.done, c.refused);
		finish(&b);
	}
}

/* ---- when memory is short ---------------------------------------------------------------------- */

struct shortage {
	uint64_t at, steps; /* the step that fails, from 1; 0: none */
};

static bool on_step(void *context, enum uiommu_posix_step step, size_t size)
{
	struct shortage *s = context;

	(void)step;
	(void)size;
	return ++s->steps == s->at;
}

static int ioas_alloc(struct bench *b)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int rc = (int)call(b, b->memory, ABI_IOMMU_IOAS_ALLOC, &alloc);

	b->ioas = alloc.out_ioas_id;
	return rc;
}

/* Memory, and a way for the device to it; 0 or an error. */
static long try_memory(struct bench *b)
{
	char path[64];
	long rc;

	b->memory = uiommu_uapi_open(b->process,
				     b->way == BY_CONTAINER ? "/dev/vfio/vfio" : "/dev/iommu");
	if (b->memory < 0)
		return b->memory;
	if (b->way == BY_CDEV)
		return ioas_alloc(b);
	uiommu_uapi_mdev_group_path(b->mdev, path, sizeof(path));
	b->group = uiommu_uapi_open(b->process, path);
	if (b->group < 0)
		return b->group;
	rc = call(b, b->group, ABI_VFIO_GROUP_SET_CONTAINER, &b->memory);
	return rc ? rc :
		    uiommu_uapi_ioctl(b->process, b->memory, ABI_VFIO_SET_IOMMU,
				      ABI_VFIO_TYPE1V2_IOMMU);
}

static long try_device(struct bench *b)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = b->memory };
	struct abi_vfio_device_attach_iommufd_pt at = { .argsz = 12, .pt_id = b->ioas };
	long rc;

	if (b->way != BY_CDEV) {
		b->device = (int)call(b, b->group, ABI_VFIO_GROUP_GET_DEVICE_FD, (char *)UUID);
		return b->device < 0 ? b->device : 0;
	}
	b->device = open_path(b, uiommu_uapi_mdev_cdev_path);
	if (b->device < 0)
		return b->device;
	rc = call(b, b->device, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind);
	return rc ? rc : call(b, b->device, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &at);
}

/* All the way to a copy: 0, or the first error. */
static long try_all(struct bench *b)
{
	long rc = uiommu_uapi_mdev_create(b->w.uapi, "mdma-8", UUID, &b->mdev);

	if (!rc)
		rc = try_memory(b);
	if (!rc)
		rc = map(b, IOVA, 0, SIZE, UIOMMU_READ | UIOMMU_WRITE);
	if (!rc)
		rc = try_device(b);
	return rc ? rc : -(long)copy(b, IOVA + 0x8000, IOVA, 3 * PAGE, 0);
}

static void undo_all(struct bench *b)
{
	close_fd(b, &b->device);
	close_fd(b, &b->group);
	close_fd(b, &b->memory);
	if (b->mdev)
		uiommu_uapi_mdev_remove(b->mdev);
	assert_int_equal(uiommu_uapi_process_pinned(b->process), 0);
}

/* Each step fails once: it is told, nothing is left behind, and the next try goes one step further. */
static void test_shortage(void **state)
{
	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct shortage shortage = { 0 };
		const struct uiommu_posix_hooks hooks = { .context = &shortage, .fail = on_step };
		struct uiommu_posix_usage before, after;
		struct bench b = { 0 };
		uint64_t at = 0;
		long rc;

		world_start_hooked(&b.w, "q35-vtd", NULL, &hooks);
		b.process = b.w.process;
		b.way = way;
		uiommu_posix_usage(machine_host(b.w.machine), &before);
		do {
			b.mdev = NULL;
			b.memory = b.group = b.device = -1;
			shortage = (struct shortage){ .at = ++at };
			rc = try_all(&b);
			if (rc != (shortage.steps < at ? 0 : -UIOMMU_ENOMEM))
				fail_msg("%s: step %u fails, and it ends with %ld", way_names[way],
					 (unsigned int)at, rc);
			shortage.at = 0;
			undo_all(&b);
			uiommu_posix_usage(machine_host(b.w.machine), &after);
			assert_int_equal(after.objects, before.objects);
			assert_int_equal(after.mutexes, before.mutexes);
			assert_int_equal(after.pins, 0);
		} while (rc);
		assert_in_range(at, 10, 200);
		world_stop(&b.w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),	  cmocka_unit_test(test_info),
		cmocka_unit_test(test_copy),	  cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_rights),	  cmocka_unit_test(test_unmap),
		cmocka_unit_test(test_deaf),	  cmocka_unit_test(test_detach),
		cmocka_unit_test(test_pinned),	  cmocka_unit_test(test_memlock),
		cmocka_unit_test(test_interrupt), cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_remove),	  cmocka_unit_test(test_race),
		cmocka_unit_test(test_shortage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
