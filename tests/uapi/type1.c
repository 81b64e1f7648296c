/* SPDX-License-Identifier: MIT */
/* type1.c - mappings of a container: what is refused and in which order, both kinds of unmap, addresses, dirty pages */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/uapi/legacy.h"

#define TYPE1 ABI_VFIO_TYPE1_IOMMU
#define TYPE1V2 ABI_VFIO_TYPE1V2_IOMMU
#define IOVA UINT64_C(0x100000)
#define R ABI_VFIO_DMA_MAP_FLAG_READ
#define W ABI_VFIO_DMA_MAP_FLAG_WRITE
#define VADDR ABI_VFIO_DMA_MAP_FLAG_VADDR
#define U_BITMAP ABI_VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
#define U_ALL ABI_VFIO_DMA_UNMAP_FLAG_ALL
#define U_VADDR ABI_VFIO_DMA_UNMAP_FLAG_VADDR

struct bench {
	struct world w;
	struct legacy_device d;
	int container;
};

static void begin(struct bench *b, const char *machine, uintptr_t type,
		  const struct uiommu_uapi_config *config)
{
	world_start(&b->w, machine, config);
	b->container = legacy_container(&b->w);
	legacy_start(&b->d, &b->w, "solo0", b->container, type);
}

static void end(struct bench *b)
{
	legacy_stop(&b->d);
	assert_int_equal(legacy_pins(&b->w), 0);
	assert_int_equal(uiommu_uapi_process_pinned(b->w.process), 0);
	world_stop(&b->w);
}

static long map(struct bench *b, uint64_t iova, uint64_t page, uint64_t pages)
{
	return legacy_map(&b->w, b->container, iova, b->w.memory + page * PAGE, pages * PAGE,
			  LEGACY_RW);
}

static long unmap(struct bench *b, uint64_t iova, uint64_t size, uint32_t flags, uint64_t *gone)
{
	return legacy_unmap(&b->w, b->container, iova, size, flags, gone);
}

/* MAP_DMA with a size of the argument, and anything else */
static long raw_map(struct bench *b, uint32_t argsz, uint32_t flags, uint64_t vaddr, uint64_t iova,
		    uint64_t size)
{
	struct abi_vfio_iommu_type1_dma_map arg = { argsz, flags, vaddr, iova, size };

	return legacy_call(&b->w, b->container, ABI_VFIO_IOMMU_MAP_DMA, &arg);
}

/* Each mistake has its error, and of two the one that is looked for first */
static void test_map_errors(void **state)
{
	struct uiommu_uapi_config config = { .dma_entry_limit = 2 };
	struct bench b;
	uint64_t va;

	(void)state;
	begin(&b, "q35-vtd", TYPE1V2, &config);
	va = (uintptr_t)b.w.memory;
	assert_int_equal(legacy_call(&b.w, b.container, ABI_VFIO_IOMMU_MAP_DMA, NULL),
			 -UIOMMU_EFAULT);
	assert_int_equal(raw_map(&b, 31, R, va, IOVA, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, R | 8, va, IOVA, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 31, R, UINT64_MAX, IOVA, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, R, UINT64_MAX, UINT64_MAX, 0), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, 0, va, -PAGE, 2 * PAGE), -UIOMMU_EOVERFLOW);
	assert_int_equal(raw_map(&b, 32, 0, -PAGE, IOVA, 2 * PAGE), -UIOMMU_EOVERFLOW);
	assert_int_equal(raw_map(&b, 32, 0, va, IOVA, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, R | VADDR, va, IOVA, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 1, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, R, va + 512, IOVA, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, R, va, IOVA, PAGE + 1), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA, PAGE), -UIOMMU_ENOENT);
	assert_int_equal(raw_map(&b, 40, R, va, IOVA, 2 * PAGE), 0);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA, 2 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(map(&b, IOVA, 0, 1), -UIOMMU_EEXIST);
	assert_int_equal(map(&b, IOVA + PAGE, 0, 1), -UIOMMU_EEXIST);
	assert_int_equal(map(&b, IOVA - PAGE, 0, 2), -UIOMMU_EEXIST);
	assert_int_equal(map(&b, IOVA - PAGE, 0, 9), -UIOMMU_EEXIST);
	assert_int_equal(map(&b, 0xfee00000, 0, 1), -UIOMMU_EINVAL);
	assert_int_equal(map(&b, UINT64_C(1) << 60, 0, 1), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, R, PAGE, 2 * IOVA, PAGE), -UIOMMU_EFAULT);
	assert_int_equal(raw_map(&b, 32, R, -PAGE, 2 * IOVA, PAGE), -UIOMMU_EFAULT);
	assert_int_equal(raw_map(&b, 32, R, va, IOVA << 20, UINT64_C(1) << 33), -UIOMMU_EFAULT);
	assert_int_equal(raw_map(&b, 32, R, UINT64_C(1) << 50, IOVA << 20, UINT64_C(1) << 45),
			 -UIOMMU_EFAULT);
	assert_int_equal(legacy_pins(&b.w), 2);
	assert_int_equal(map(&b, IOVA + 2 * PAGE, 2, 1), 0);
	assert_int_equal(map(&b, 0xfee00000, 0, 1), -UIOMMU_ENOSPC);
	assert_int_equal(map(&b, IOVA, 0, 1), -UIOMMU_EEXIST);
	assert_int_equal(unmap(&b, IOVA, 2 * PAGE, 0, NULL), 0);
	assert_int_equal(map(&b, IOVA, 0, 1), 0);
	assert_int_equal(map(&b, 0, 0, 1), -UIOMMU_ENOSPC);
	end(&b);
}

/* A mapping without WRITE is one */
static void test_access(void **state)
{
	uint32_t word = 77, seen = 0;
	struct bench b;

	(void)state;
	begin(&b, "q35-vtd-scalable", TYPE1V2, NULL);
	memcpy(b.w.memory, &word, sizeof(word));
	assert_int_equal(legacy_map(&b.w, b.container, IOVA, b.w.memory, PAGE, R), 0);
	machine_dma_read(b.d.machine, IOVA, &seen, sizeof(seen), 0, 0);
	assert_int_equal(seen, word);
	assert_false(legacy_reaches(&b.d, IOVA, b.w.memory));
	end(&b);
}

/* RLIMIT_MEMLOCK is a process's, and what a limit stops leaves nothing */
static void test_memlock(void **state)
{
	struct uiommu_uapi_process_config poor = {
		.memlock = 8 * PAGE + 100,
		.capabilities = UIOMMU_UAPI_CAP_SYS_ADMIN,
	};
	struct uiommu_uapi_process *rich;
	struct world w;
	struct legacy_device d;
	int container, other;

	(void)state;
	world_start(&w, "q35-mixed", NULL);
	rich = w.process;
	assert_int_equal(uiommu_uapi_process_create(w.uapi, &poor, &w.process), 0);
	container = legacy_container(&w);
	legacy_start(&d, &w, "solo0", container, TYPE1V2);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 9 * PAGE, LEGACY_RW),
			 -UIOMMU_ENOMEM);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 6 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, 2 * IOVA, w.memory, 3 * PAGE, LEGACY_RW),
			 -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 6 * PAGE);
	assert_int_equal(legacy_map(&w, container, 2 * IOVA, w.memory, 2 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, 3 * IOVA, w.memory, PAGE, LEGACY_RW),
			 -UIOMMU_ENOMEM);
	uiommu_uapi_process_set_capabilities(w.process, UIOMMU_UAPI_CAP_IPC_LOCK);
	assert_int_equal(legacy_map(&w, container, 3 * IOVA, w.memory, PAGE, LEGACY_RW), 0);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 9 * PAGE);
	/* A second domain pins nothing a second time. */
	legacy_bind(&d, &w, "trio0");
	assert_true(legacy_group(&d) >= 0);
	assert_int_equal(legacy_set_container(&w, d.group, container), 0);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 9 * PAGE);
	assert_int_equal(legacy_pins(&w), 9);
	uiommu_uapi_process_set_capabilities(w.process, 0);
	assert_int_equal(legacy_unmap(&w, container, 3 * IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 8 * PAGE);
	/* Each container pins for itself. */
	other = legacy_container(&w);
	assert_int_equal(legacy_unset_container(&w, d.group), 0);
	assert_int_equal(legacy_set_container(&w, d.group, other), 0);
	assert_int_equal(legacy_set_iommu(&w, other, TYPE1V2), 0);
	assert_int_equal(legacy_map(&w, other, IOVA, w.memory, PAGE, LEGACY_RW), -UIOMMU_ENOMEM);
	uiommu_uapi_process_destroy(w.process);
	w.process = rich;
	world_stop(&w);
}

/* UNMAP_DMA with a size of the argument, and a bitmap behind */
struct raw_unmap {
	struct abi_vfio_iommu_type1_dma_unmap arg;
	struct abi_vfio_bitmap bitmap;
};

static long raw_unmap(struct bench *b, struct raw_unmap *u)
{
	return legacy_call(&b->w, b->container, ABI_VFIO_IOMMU_UNMAP_DMA, u);
}

static void test_unmap_errors(void **state)
{
	uint64_t bits[4] = { 0 };
	const struct raw_unmap good = {
		.arg = { sizeof(good), U_BITMAP, IOVA, 4 * PAGE },
		.bitmap = { PAGE, sizeof(bits), (uintptr_t)bits },
	};
	struct raw_unmap u;
	struct bench b;
	uint64_t gone;

	(void)state;
	begin(&b, "q35-vtd", TYPE1V2, NULL);
	assert_int_equal(map(&b, IOVA, 0, 4), 0);
	assert_int_equal(legacy_call(&b.w, b.container, ABI_VFIO_IOMMU_UNMAP_DMA, NULL),
			 -UIOMMU_EFAULT);
	u = good;
	u.arg.argsz = 23;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, 4 * PAGE, 8, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA + 1, 4 * PAGE, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, 0, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, 4 * PAGE + 1, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, -PAGE, 2 * PAGE, 0, NULL), -UIOMMU_EOVERFLOW);
	assert_int_equal(unmap(&b, -PAGE, 2 * PAGE + 1, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, 0, U_ALL, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, 0, 4 * PAGE, U_ALL, NULL), -UIOMMU_EINVAL);
	/* A bitmap, while nothing is recorded. */
	u = good;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	assert_int_equal(legacy_pins(&b.w), 4);
	{
		struct abi_vfio_iommu_type1_dirty_bitmap start = {
			sizeof(start), ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_START
		};

		assert_int_equal(legacy_call(&b.w, b.container, ABI_VFIO_IOMMU_DIRTY_PAGES, &start),
				 0);
	}
	u = good;
	u.arg.argsz = sizeof(good) - 1;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.arg.flags |= U_ALL;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.arg.flags |= U_VADDR;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.size = 0;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.size = 7;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.size = 0x10000008;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.pgsize = 2 * PAGE;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.pgsize = 0;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.data = UINT64_MAX - 8;
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EINVAL);
	u = good;
	u.bitmap.data = 8; /* nobody's memory: nothing is unmapped */
	assert_int_equal(raw_unmap(&b, &u), -UIOMMU_EFAULT);
	assert_int_equal(legacy_pins(&b.w), 4);
	u = good;
	u.bitmap.size = 8;
	u.arg.iova -= 2 * PAGE;
	u.arg.size = 8 * PAGE;
	bits[0] = 1;
	assert_int_equal(raw_unmap(&b, &u), 0);
	assert_int_equal(u.arg.size, 4 * PAGE);
	assert_int_equal(bits[0], 0x3d); /* bits 0 and 1 are as they were */
	assert_int_equal(bits[1], 0);
	assert_int_equal(legacy_pins(&b.w), 0);
	/* Nothing there is a success. */
	assert_int_equal(unmap(&b, IOVA, 4 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(unmap(&b, 0, 0, U_ALL, &gone), 0);
	assert_int_equal(gone, 0);
	end(&b);
}

/* Version 2 never cuts a mapping, and takes all that lies inside */
static void test_version2(void **state)
{
	struct bench b;
	uint64_t gone;

	(void)state;
	begin(&b, "q35-vtd", TYPE1V2, NULL);
	assert_int_equal(map(&b, IOVA, 0, 4), 0);
	assert_int_equal(map(&b, IOVA + 4 * PAGE, 4, 4), 0);
	assert_int_equal(map(&b, IOVA + 16 * PAGE, 8, 4), 0);
	assert_int_equal(unmap(&b, IOVA + PAGE, PAGE, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, 3 * PAGE, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA + PAGE, 7 * PAGE, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA, 17 * PAGE, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(legacy_pins(&b.w), 12);
	assert_true(legacy_reaches(&b.d, IOVA, b.w.memory));
	assert_int_equal(unmap(&b, IOVA - PAGE, 12 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 8 * PAGE);
	assert_false(legacy_reaches(&b.d, IOVA + 7 * PAGE, b.w.memory + 7 * PAGE));
	assert_true(legacy_reaches(&b.d, IOVA + 19 * PAGE, b.w.memory + 11 * PAGE));
	assert_int_equal(map(&b, 0, 0, 4), 0);
	assert_int_equal(unmap(&b, 0, 0, U_ALL, &gone), 0);
	assert_int_equal(gone, 8 * PAGE);
	assert_int_equal(legacy_pins(&b.w), 0);
	end(&b);
}

/* Version 1 takes a mapping as a whole when it meets its first address, and stops when it meets its middle */
static void test_version1(void **state)
{
	struct bench b;
	uint64_t gone;

	(void)state;
	begin(&b, "q35-vtd", TYPE1, NULL);
	assert_int_equal(map(&b, IOVA, 0, 4), 0);
	assert_int_equal(map(&b, IOVA + 4 * PAGE, 4, 4), 0);
	assert_int_equal(unmap(&b, IOVA + PAGE, PAGE, 0, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(unmap(&b, IOVA + PAGE, 9 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 0);
	assert_true(legacy_reaches(&b.d, IOVA + 7 * PAGE, b.w.memory + 7 * PAGE));
	assert_int_equal(unmap(&b, IOVA - PAGE, 2 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 4 * PAGE);
	assert_false(legacy_reaches(&b.d, IOVA + 3 * PAGE, b.w.memory + 3 * PAGE));
	assert_true(legacy_reaches(&b.d, IOVA + 4 * PAGE, b.w.memory + 4 * PAGE));
	assert_int_equal(map(&b, IOVA, 0, 4), 0);
	assert_int_equal(unmap(&b, IOVA, 5 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 8 * PAGE);
	assert_int_equal(legacy_pins(&b.w), 0);
	assert_int_equal(map(&b, IOVA, 0, 4), 0);
	assert_int_equal(unmap(&b, 0, 0, U_ALL, &gone), 0);
	assert_int_equal(gone, 4 * PAGE);
	{
		struct abi_vfio_iommu_type1_dirty_bitmap start = {
			sizeof(start), ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_START
		};

		assert_int_equal(legacy_call(&b.w, b.container, ABI_VFIO_IOMMU_DIRTY_PAGES, &start),
				 -UAPI_EACCES);
		assert_int_equal(legacy_call(&b.w, b.container, ABI_VFIO_IOMMU_DIRTY_PAGES, NULL),
				 -UAPI_EACCES);
	}
	end(&b);
}

/* The last page of all */
static void test_end(void **state)
{
	const uint64_t last = -PAGE;
	struct bench b;
	uint64_t gone;

	(void)state;
	for (uintptr_t type = TYPE1; type <= TYPE1V2; type += TYPE1V2 - TYPE1) {
		begin(&b, "q35-vtd-scalable-first", type, NULL);
		assert_int_equal(map(&b, last, 0, 1), 0);
		assert_int_equal(map(&b, last - 4 * PAGE, 1, 4), 0);
		assert_int_equal(map(&b, last, 0, 1), -UIOMMU_EEXIST);
		assert_true(legacy_reaches(&b.d, UINT64_MAX - 3, b.w.memory + PAGE - 4));
		assert_true(legacy_reaches(&b.d, last - 4, b.w.memory + 5 * PAGE - 4));
		assert_int_equal(map(&b, UINT64_C(1) << 50, 0, 1), -UIOMMU_EINVAL); /* the hole */
		assert_int_equal(unmap(&b, last, PAGE, 0, &gone), 0);
		assert_int_equal(gone, PAGE);
		assert_false(legacy_reaches(&b.d, last, b.w.memory));
		assert_int_equal(map(&b, last, 0, 1), 0);
		assert_int_equal(unmap(&b, last - 4 * PAGE, 5 * PAGE, 0, &gone), 0);
		assert_int_equal(gone, 5 * PAGE);
		assert_int_equal(map(&b, last, 0, 1), 0);
		assert_int_equal(unmap(&b, 0, 0, U_ALL, &gone), 0);
		assert_int_equal(gone, PAGE);
		end(&b);
	}
}

/* Against an array: maps and unmaps in any order, of both versions */
static void random_steps(uintptr_t type)
{
	enum { SLOTS = 64 };
	unsigned int owner[SLOTS] = { 0 }, names = 0; /* which mapping a page is of, 0: none */
	struct bench b;
	uint32_t seed = 99;

	begin(&b, "q35-vtd", type, NULL);
	for (unsigned int step = 0; step < 6000; step++) {
		unsigned int first, count, cut = 0, taken = 0;
		uint64_t gone = 0, expected = 0;
		long rc;

		seed = seed * 1103515245 + 12345;
		first = seed >> 16 & (SLOTS - 1);
		count = 1 + (seed >> 24 & 7);
		if (first + count > SLOTS)
			count = SLOTS - first;
		for (unsigned int i = first; i < first + count; i++)
			taken += owner[i] != 0;
		if (seed >> 28 & 1) {
			rc = map(&b, IOVA + first * PAGE, first, count);
			assert_int_equal(rc, taken ? -UIOMMU_EEXIST : 0);
			names += !rc;
			for (unsigned int i = first; !rc && i < first + count; i++)
				owner[i] = names;
			continue;
		}
		if (first && owner[first] && owner[first - 1] == owner[first])
			cut |= 1;
		if (first + count < SLOTS && owner[first + count] &&
		    owner[first + count] == owner[first + count - 1])
			cut |= 2;
		rc = unmap(&b, IOVA + first * PAGE, count * PAGE, 0, &gone);
		if (type == TYPE1V2 && cut) {
			assert_int_equal(rc, -UIOMMU_EINVAL);
			continue;
		}
		assert_int_equal(rc, 0);
		while (cut & 2 && first + count < SLOTS &&
		       owner[first + count] == owner[first + count - 1])
			count++;
		for (unsigned int i = first; !(cut & 1) && i < first + count; i++) {
			expected += owner[i] ? PAGE : 0;
			owner[i] = 0;
		}
		assert_int_equal(gone, expected);
		if (step % 64 == 0) {
			uint64_t pins = 0;

			for (unsigned int i = 0; i < SLOTS; i++) {
				pins += owner[i] != 0;
				assert_int_equal(legacy_reaches(&b.d, IOVA + i * PAGE,
								b.w.memory + i * PAGE),
						 owner[i] != 0);
			}
			assert_int_equal(legacy_pins(&b.w), pins);
		}
	}
	end(&b);
}

static void test_random(void **state)
{
	(void)state;
	random_steps(TYPE1);
	random_steps(TYPE1V2);
}

/* What has gone is gone at once, whatever the hardware kept of it, when one unmap takes many mappings */
static void test_batch(void **state)
{
	struct bench b;
	uint64_t gone;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		begin(&b, i ? "virt-smmuv3" : "q35-vtd", TYPE1V2, NULL);
		for (unsigned int n = 0; n < 700; n++) {
			assert_int_equal(map(&b, IOVA + (n << (n % 3 ? 13 : 22)), n, 1), 0);
			if (n % 50 == 0)
				assert_true(legacy_reaches(&b.d, IOVA + (n << (n % 3 ? 13 : 22)),
							   b.w.memory + n * PAGE));
		}
		assert_int_equal(legacy_pins(&b.w), 700);
		assert_int_equal(unmap(&b, 0, 0, U_ALL, &gone), 0);
		assert_int_equal(gone, 700 * PAGE);
		assert_int_equal(legacy_pins(&b.w), 0);
		for (unsigned int n = 0; n < 700; n += 50)
			assert_false(legacy_reaches(&b.d, IOVA + (n << (n % 3 ? 13 : 22)),
						    b.w.memory + n * PAGE));
		end(&b);
	}
}

/* With disable_hugepages there are tables for pages that would do without */
static void test_hugepages(void **state)
{
	const uint64_t size = UINT64_C(0x200000);
	struct uiommu_uapi_config config = { 0 };
	struct uiommu_posix_usage before, after;
	uint64_t pages[2];
	struct bench b;

	(void)state;
	for (int i = 0; i < 2; i++) {
		config.disable_hugepages = i;
		begin(&b, "q35-vtd", TYPE1V2, &config);
		uiommu_posix_usage(machine_host(b.w.machine), &before);
		assert_int_equal((uintptr_t)b.w.memory % size, 0);
		assert_int_equal(map(&b, size, 0, size / PAGE), 0);
		uiommu_posix_usage(machine_host(b.w.machine), &after);
		pages[i] = after.pages - before.pages;
		assert_true(legacy_reaches(&b.d, 2 * size - 4, b.w.memory + size - 4));
		end(&b);
	}
	assert_int_equal(pages[1], pages[0] + 1);
}

/* Addresses are taken back for a while, and given anew, by another process perhaps */
static void test_vaddr(void **state)
{
	struct uiommu_uapi_process_config heir = { .memlock = 4 * PAGE, .user = 7 };
	struct uiommu_uapi_process *first, *second;
	struct legacy_device other;
	struct bench b;
	uint64_t gone, va;
	int32_t fd;

	(void)state;
	begin(&b, "q35-vtd", TYPE1V2, NULL);
	va = (uintptr_t)b.w.memory;
	assert_int_equal(map(&b, IOVA, 0, 4), 0);
	assert_int_equal(map(&b, IOVA + 4 * PAGE, 4, 4), 0);
	assert_int_equal(map(&b, IOVA + 8 * PAGE, 8, 4), 0);
	assert_int_equal(unmap(&b, IOVA + PAGE, 4 * PAGE, U_VADDR, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&b, IOVA + 4 * PAGE, 4 * PAGE, U_VADDR, &gone), 0);
	assert_int_equal(gone, 4 * PAGE);
	/* One of them is that already: none of them is. */
	assert_int_equal(unmap(&b, 0, 0, U_VADDR | U_ALL, NULL), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA, 4 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 8 * PAGE, 4 * PAGE), -UIOMMU_EINVAL);
	/* DMA goes on; a group cannot come meanwhile. */
	assert_true(legacy_reaches(&b.d, IOVA + 4 * PAGE, b.w.memory + 4 * PAGE));
	assert_int_equal(legacy_pins(&b.w), 12);
	legacy_bind(&other, &b.w, "solo1");
	assert_true(legacy_group(&other) >= 0);
	assert_int_equal(legacy_set_container(&b.w, other.group, b.container), -UIOMMU_EBUSY);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 20 * PAGE, PAGE), -UIOMMU_ENOENT);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 4 * PAGE, 3 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 5 * PAGE, 3 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 3 * PAGE, 5 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(raw_map(&b, 32, VADDR, va + 4 * PAGE, IOVA + 4 * PAGE, 4 * PAGE), 0);
	assert_int_equal(raw_map(&b, 32, VADDR, va, IOVA + 4 * PAGE, 4 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(legacy_set_container(&b.w, other.group, b.container), 0);
	assert_int_equal(legacy_unset_container(&b.w, other.group), 0);

	/* All at once, and what is unmapped meanwhile is not missed. */
	assert_int_equal(unmap(&b, 0, 0, U_VADDR | U_ALL, &gone), 0);
	assert_int_equal(gone, 12 * PAGE);
	assert_int_equal(unmap(&b, IOVA, 4 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 4 * PAGE);
	/* Another process gets the container, and is charged from now on. */
	first = b.w.process;
	assert_int_equal(uiommu_uapi_process_create(b.w.uapi, &heir, &second), 0);
	{
		struct uapi_file *file = uiommu_uapi_fd_get(first, b.container);

		fd = uiommu_uapi_fd_install(second, file);
	}
	b.w.process = second;
	assert_int_equal(legacy_map(&b.w, fd, IOVA + 4 * PAGE, b.w.memory, 4 * PAGE, VADDR), 0);
	assert_int_equal(uiommu_uapi_process_pinned(first), 4 * PAGE);
	assert_int_equal(uiommu_uapi_process_pinned(second), 4 * PAGE);
	assert_int_equal(legacy_map(&b.w, fd, IOVA + 8 * PAGE, b.w.memory, 4 * PAGE, VADDR),
			 -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_uapi_process_pinned(first), 4 * PAGE);
	uiommu_uapi_process_set_capabilities(second, UIOMMU_UAPI_CAP_IPC_LOCK);
	assert_int_equal(legacy_map(&b.w, fd, IOVA + 8 * PAGE, b.w.memory, 4 * PAGE, VADDR), 0);
	assert_int_equal(uiommu_uapi_process_pinned(first), 0);
	assert_int_equal(uiommu_uapi_process_pinned(second), 8 * PAGE);
	assert_int_equal(legacy_unmap(&b.w, fd, 0, 0, U_ALL, &gone), 0);
	assert_int_equal(gone, 8 * PAGE);
	assert_int_equal(uiommu_uapi_process_pinned(second), 0);
	b.w.process = first;
	assert_int_equal(legacy_set_container(&b.w, other.group, b.container), 0);
	legacy_stop(&other);
	uiommu_uapi_process_destroy(second);
	end(&b);
}

struct dirty {
	struct abi_vfio_iommu_type1_dirty_bitmap head;
	struct abi_vfio_iommu_type1_dirty_bitmap_get get;
};

static long dirty(struct bench *b, uint32_t argsz, uint32_t flags)
{
	struct dirty d = { { argsz, flags }, { 0 } };

	return legacy_call(&b->w, b->container, ABI_VFIO_IOMMU_DIRTY_PAGES, &d);
}

static long dirty_get(struct bench *b, uint64_t iova, uint64_t size, struct abi_vfio_bitmap bitmap)
{
	struct dirty d = {
		.head = { sizeof(d), ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
		.get = { iova, size, bitmap },
	};

	return legacy_call(&b->w, b->container, ABI_VFIO_IOMMU_DIRTY_PAGES, &d);
}

/* Of a device with an IOMMU everything counts as written, every time */
static void test_dirty(void **state)
{
	uint64_t bits[3];
	struct abi_vfio_bitmap bitmap = { PAGE, sizeof(bits), (uintptr_t)bits }, bad;
	struct bench b;

	(void)state;
	begin(&b, "q35-vtd", TYPE1V2, NULL);
	assert_int_equal(map(&b, IOVA, 0, 3), 0);
	assert_int_equal(legacy_call(&b.w, b.container, ABI_VFIO_IOMMU_DIRTY_PAGES, NULL),
			 -UIOMMU_EFAULT);
	assert_int_equal(dirty(&b, 7, 1), -UIOMMU_EINVAL);
	assert_int_equal(dirty(&b, 8, 0), -UIOMMU_EINVAL);
	assert_int_equal(dirty(&b, 8, 3), -UIOMMU_EINVAL);
	assert_int_equal(dirty(&b, 8, 8), -UIOMMU_EINVAL);
	assert_int_equal(dirty(&b, 47, 4), -UIOMMU_EINVAL);
	assert_int_equal(dirty(&b, 8, 2), 0); /* STOP, always */
	assert_int_equal(dirty_get(&b, IOVA, 3 * PAGE, bitmap), -UIOMMU_EINVAL);
	assert_int_equal(dirty(&b, 8, 1), 0);
	assert_int_equal(dirty(&b, 8, 1), 0);
	assert_int_equal(map(&b, IOVA + 5 * PAGE, 5, 100), 0);
	assert_int_equal(dirty_get(&b, -PAGE, 2 * PAGE, bitmap), -UIOMMU_EOVERFLOW);
	assert_int_equal(dirty_get(&b, IOVA, 0, bitmap), -UIOMMU_EINVAL);
	assert_int_equal(dirty_get(&b, IOVA + 1, PAGE, bitmap), -UIOMMU_EINVAL);
	assert_int_equal(dirty_get(&b, IOVA, PAGE + 1, bitmap), -UIOMMU_EINVAL);
	assert_int_equal(dirty_get(&b, IOVA + PAGE, 4 * PAGE, bitmap), -UIOMMU_EINVAL);
	assert_int_equal(dirty_get(&b, IOVA, 2 * PAGE, bitmap), -UIOMMU_EINVAL);
	assert_int_equal(dirty_get(&b, IOVA, 6 * PAGE, bitmap), -UIOMMU_EINVAL);
	bad = bitmap;
	bad.pgsize = 512;
	assert_int_equal(dirty_get(&b, IOVA, 3 * PAGE, bad), -UIOMMU_EINVAL);
	bad = bitmap;
	bad.size = 8;
	assert_int_equal(dirty_get(&b, IOVA, 105 * PAGE, bad), -UIOMMU_EINVAL);
	bad = bitmap;
	bad.data = 16;
	assert_int_equal(dirty_get(&b, IOVA, 105 * PAGE, bad), -UIOMMU_EFAULT);
	for (int i = 0; i < 2; i++) {
		memset(bits, 0, sizeof(bits));
		bits[0] = 3 << 3; /* the hole: cleared with the rest of a mapping's last word */
		bits[2] = 5;
		assert_int_equal(dirty_get(&b, IOVA, 105 * PAGE, bitmap), 0);
		assert_true(bits[0] == ~UINT64_C(0x18));
		assert_true(bits[1] == (UINT64_C(1) << 41) - 1);
		assert_int_equal(bits[2], 5);
	}
	/* From the hole on: what stands before a mapping's first bit stays. */
	memset(bits, 0, sizeof(bits));
	bits[0] = 6;
	assert_int_equal(dirty_get(&b, IOVA + 3 * PAGE, 102 * PAGE, bitmap), 0);
	assert_true(bits[0] == ~UINT64_C(1));
	assert_true(bits[1] == (UINT64_C(1) << 38) - 1);
	/* Nothing mapped: nothing written. */
	bits[0] = 42;
	assert_int_equal(dirty_get(&b, IOVA << 4, 105 * PAGE, bitmap), 0);
	assert_int_equal(bits[0], 42);
	assert_int_equal(dirty(&b, 8, 2), 0);
	assert_int_equal(dirty_get(&b, IOVA, 105 * PAGE, bitmap), -UIOMMU_EINVAL);
	end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_errors), cmocka_unit_test(test_access),
		cmocka_unit_test(test_memlock),	   cmocka_unit_test(test_unmap_errors),
		cmocka_unit_test(test_version2),   cmocka_unit_test(test_version1),
		cmocka_unit_test(test_end),	   cmocka_unit_test(test_random),
		cmocka_unit_test(test_batch),	   cmocka_unit_test(test_hugepages),
		cmocka_unit_test(test_vaddr),	   cmocka_unit_test(test_dirty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
