/* SPDX-License-Identifier: MIT */
/* map_file.c - files of memory in an IOAS, and contexts that go from one process to another */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/uapi/iommufd.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define R ABI_IOMMU_IOAS_MAP_READABLE
#define W ABI_IOMMU_IOAS_MAP_WRITEABLE
#define F ABI_IOMMU_IOAS_MAP_FIXED_IOVA
#define IOVA UINT64_C(0x100000)
#define FILE_PAGES 16u

struct bench {
	struct world w;
	struct machine_device *dma;
	struct iommufd_device *device;
	struct uapi_file *file;
	int fd, memory;
	uint32_t ioas;
};

static long call(struct bench *b, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->w.process, b->fd, command, (uintptr_t)argument);
}

static void begin(struct bench *b)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	memset(b, 0, sizeof(*b));
	world_start(&b->w, "q35-vtd-scalable", NULL);
	b->fd = uiommu_uapi_open(b->w.process, "/dev/iommu");
	b->file = uiommu_uapi_fd_get(b->w.process, b->fd);
	assert_int_equal(call(b, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
	b->ioas = alloc.out_ioas_id;
	b->dma = world_device(&b->w, "pasid0");
	b->memory = memfd_create("guest", MFD_CLOEXEC);
	assert_true(b->memory >= 0);
	assert_int_equal(ftruncate(b->memory, FILE_PAGES * PAGE), 0);
}

static int attach(struct bench *b)
{
	uint32_t pt = b->ioas;

	if (!b->device)
		assert_int_equal(uiommu_iommufd_device_bind(uiommu_iommufd_of_file(b->file),
							    machine_device_uiommu(b->dma),
							    &b->device),
				 0);
	return uiommu_iommufd_device_attach(b->device, UIOMMU_RID, &pt);
}

static void end(struct bench *b)
{
	if (b->device)
		uiommu_iommufd_device_unbind(b->device);
	close(b->memory);
	uiommu_uapi_file_put(b->file);
	machine_settle(b->w.machine);
	world_stop(&b->w);
}

static long map(struct bench *b, int fd, uint64_t start, uint64_t length, uint32_t flags,
		uint64_t *iova)
{
	struct abi_iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = flags,
		.ioas_id = b->ioas,
		.fd = fd,
		.start = start,
		.length = length,
		.iova = *iova,
	};
	long rc = call(b, ABI_IOMMU_IOAS_MAP_FILE, &arg);

	*iova = arg.iova;
	return rc;
}

static long map_at(struct bench *b, int fd, uint64_t start, uint64_t length, uint32_t flags,
		   uint64_t iova)
{
	return map(b, fd, start, length, flags | F, &iova);
}

static long unmap(struct bench *b, uint64_t iova, uint64_t length)
{
	struct abi_iommu_ioas_unmap arg = { sizeof(arg), b->ioas, iova, length };

	return call(b, ABI_IOMMU_IOAS_UNMAP, &arg);
}

static uint64_t pins(struct bench *b)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(machine_host(b->w.machine), &usage);
	return usage.pins;
}

static bool writes(struct bench *b, uint64_t iova, uint32_t word)
{
	return machine_dma_write(b->dma, iova, &word, 4, 0, 0) != MACHINE_DMA_REFUSED;
}

static uint32_t in_file(struct bench *b, uint64_t offset)
{
	uint32_t word = 0;

	assert_int_equal(pread(b->memory, &word, 4, (off_t)offset), 4);
	return word;
}

/* Mistakes that are found at once */
static void test_arguments(void **state)
{
	struct bench b;
	uint64_t iova = 0;

	(void)state;
	begin(&b);
	assert_int_equal(map_at(&b, b.memory, 0, PAGE, R | 8, IOVA), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(map_at(&b, b.memory, 0, PAGE, R, UINT64_MAX), -UIOMMU_EOVERFLOW);
	assert_int_equal(map_at(&b, b.memory, 0, UINT64_MAX, R, IOVA), -UIOMMU_EOVERFLOW);
	assert_int_equal(map_at(&b, b.memory, 0, PAGE, 0, IOVA), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&b, -1, 0, 0, R, IOVA), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&b, -1, UINT64_MAX, 2, R, IOVA), -UIOMMU_EOVERFLOW);
	assert_int_equal(map_at(&b, -1, 0, PAGE, R, IOVA), -UAPI_EBADF);
	assert_int_equal(map_at(&b, 999, 0, PAGE, R, IOVA), -UAPI_EBADF);
	b.ioas += 7;
	assert_int_equal(map_at(&b, -1, 0, PAGE, R, IOVA), -UIOMMU_ENOENT);
	b.ioas -= 7;
	/* Its place in the file is kept as far as it matters. */
	assert_int_equal(map(&b, b.memory, 0x123, 10, R, &iova), 0);
	assert_true(iova == PAGE + 0x123);
	assert_int_equal(map_at(&b, b.memory, 0, PAGE, R, iova), -UIOMMU_EEXIST);
	end(&b);
}

/* The file's pages are what devices reach, whoever else has them */
static void test_dma(void **state)
{
	struct bench b;
	uint32_t seen = 0;
	int copy;

	(void)state;
	begin(&b);
	copy = dup(b.memory);
	assert_int_equal(map_at(&b, copy, PAGE, 4 * PAGE, R | W, IOVA), 0);
	close(copy);
	assert_int_equal(pins(&b), 0);
	assert_int_equal(attach(&b), 0);
	assert_int_equal(pins(&b), 4);
	assert_int_equal(uiommu_uapi_process_pinned(b.w.process), 4 * PAGE);
	assert_true(writes(&b, IOVA + PAGE, 0x11223344));
	assert_int_equal(in_file(&b, 2 * PAGE), 0x11223344);
	seen = 0x55667788;
	assert_int_equal(pwrite(b.memory, &seen, 4, 4 * PAGE), 4);
	assert_int_not_equal(machine_dma_read(b.dma, IOVA + 3 * PAGE, &seen, 4, 0, 0),
			     MACHINE_DMA_REFUSED);
	assert_int_equal(seen, 0x55667788);
	/* Once more, and only to be read. */
	assert_int_equal(map_at(&b, b.memory, 0, FILE_PAGES * PAGE, R, 2 * IOVA), 0);
	assert_int_not_equal(machine_dma_read(b.dma, 2 * IOVA + 2 * PAGE, &seen, 4, 0, 0),
			     MACHINE_DMA_REFUSED);
	assert_int_equal(seen, 0x11223344);
	assert_false(writes(&b, 2 * IOVA, 1));
	assert_int_equal(unmap(&b, IOVA, 4 * PAGE), 0);
	assert_int_equal(pins(&b), FILE_PAGES);
	assert_int_equal(unmap(&b, 0, UINT64_MAX), 0);
	assert_int_equal(pins(&b), 0);
	assert_int_equal(in_file(&b, 2 * PAGE), 0x11223344);
	/* More than there would be room for if something stayed behind. */
	for (unsigned int i = 0; i < 2000; i++) {
		assert_int_equal(map_at(&b, b.memory, 0, FILE_PAGES * PAGE, R, IOVA), 0);
		assert_int_equal(unmap(&b, IOVA, FILE_PAGES * PAGE), 0);
	}
	machine_clear_faults(b.w.machine);
	end(&b);
}

/* What is no memory, or not there, is found when pages are needed, and leaves nothing behind */
static void test_no_memory(void **state)
{
	char name[32];
	struct bench b;
	int other;

	(void)state;
	begin(&b);
	other = open("/dev/zero", O_RDWR);
	assert_int_equal(map_at(&b, other, 0, PAGE, R, IOVA), 0);
	assert_int_equal(attach(&b), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, PAGE), 0);
	assert_int_equal(map_at(&b, b.memory, FILE_PAGES * PAGE, 1, R, IOVA), 0);
	assert_int_equal(attach(&b), -UIOMMU_EADDRINUSE); /* one byte is no page */
	assert_int_equal(unmap(&b, IOVA, 1), 0);
	assert_int_equal(attach(&b), 0);
	assert_int_equal(map_at(&b, other, 0, PAGE, R, IOVA), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&b, b.memory, FILE_PAGES * PAGE, PAGE, R, IOVA), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&b, b.memory, PAGE, FILE_PAGES * PAGE, R, IOVA), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&b, b.memory, (uint64_t)INT64_MAX, PAGE, R, IOVA), -UIOMMU_EINVAL);
	close(other);
	/* Long enough, but on a disk. */
	other = open("/proc/self/exe", O_RDONLY);
	assert_int_equal(map_at(&b, other, 0, PAGE, R, IOVA), -UIOMMU_EINVAL);
	close(other);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", b.memory);
	other = open(name, O_RDONLY);
	assert_int_equal(map_at(&b, other, 0, PAGE, R | W, IOVA), -UIOMMU_EFAULT);
	assert_int_equal(pins(&b), 0);
	assert_int_equal(map_at(&b, other, 0, PAGE, R, IOVA), 0);
	close(other);
	end(&b);
}

static struct uiommu_uapi_process *another(struct bench *b, uint64_t memlock)
{
	struct uiommu_uapi_process_config config = { .memlock = memlock, .user = 1 };
	struct uiommu_uapi_process *process;

	assert_int_equal(uiommu_uapi_process_create(b->w.uapi, &config, &process), 0);
	uiommu_uapi_file_get(b->file);
	assert_int_equal(uiommu_uapi_fd_install(process, b->file), 0);
	return process;
}

static long change(struct uiommu_uapi_process *process, uint32_t reserved)
{
	struct abi_iommu_ioas_change_process arg = { sizeof(arg), reserved };

	return uiommu_uapi_ioctl(process, 0, ABI_IOMMU_IOAS_CHANGE_PROCESS, (uintptr_t)&arg);
}

/* The account goes to whoever takes it over, all or nothing */
static void test_change_process(void **state)
{
	struct abi_iommu_ioas_map own = {
		.size = sizeof(own),
		.flags = R | F,
		.length = PAGE,
		.iova = 9 * IOVA,
	};
	struct uiommu_uapi_process *heir, *poor;
	struct bench b;

	(void)state;
	begin(&b);
	heir = another(&b, 8 * PAGE);
	poor = another(&b, 4 * PAGE);
	assert_int_equal(change(heir, 0), 0);
	assert_int_equal(change(heir, 1), -UIOMMU_EOPNOTSUPP);
	own.ioas_id = b.ioas;
	own.user_va = (uintptr_t)b.w.memory;
	assert_int_equal(call(&b, ABI_IOMMU_IOAS_MAP, &own), 0);
	assert_int_equal(change(heir, 0), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, own.iova, PAGE), 0);

	assert_int_equal(map_at(&b, b.memory, 0, 4 * PAGE, R | W, IOVA), 0);
	assert_int_equal(map_at(&b, b.memory, 0, 4 * PAGE, R | W, 2 * IOVA), 0);
	assert_int_equal(attach(&b), 0);
	assert_int_equal(uiommu_uapi_process_pinned(b.w.process), 8 * PAGE);
	assert_int_equal(change(poor, 0), -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_uapi_process_pinned(b.w.process), 8 * PAGE);
	assert_int_equal(uiommu_uapi_process_pinned(poor), 0);
	assert_int_equal(change(heir, 0), 0);
	assert_int_equal(uiommu_uapi_process_pinned(b.w.process), 0);
	assert_int_equal(uiommu_uapi_process_pinned(heir), 8 * PAGE);
	assert_int_equal(change(heir, 0), 0);
	assert_int_equal(uiommu_uapi_process_pinned(heir), 8 * PAGE);
	/* A process of the same user needs no room of the user's, which is used up. */
	uiommu_uapi_process_destroy(poor);
	poor = another(&b, 8 * PAGE);
	assert_int_equal(change(poor, 0), 0);
	assert_int_equal(uiommu_uapi_process_pinned(heir), 0);
	assert_int_equal(uiommu_uapi_process_pinned(poor), 8 * PAGE);
	assert_int_equal(unmap(&b, IOVA, 4 * PAGE), 0);
	assert_int_equal(uiommu_uapi_process_pinned(poor), 4 * PAGE);
	/* It may go: what it has still pinned is its own until the end. */
	uiommu_uapi_process_destroy(poor);
	uiommu_uapi_process_destroy(heir);
	assert_int_equal(unmap(&b, 0, UINT64_MAX), 0);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_dma),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_change_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
