/* SPDX-License-Identifier: MIT */
/* compat.c - VFIO's commands of a container on an iommufd context */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/abi_vfio.h>

#include "src/uapi/vfio.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define R ABI_VFIO_DMA_MAP_FLAG_READ
#define W ABI_VFIO_DMA_MAP_FLAG_WRITE

/* A context with VFIO's IOAS, and perhaps a device in it. */
struct setup {
	struct world w;
	int fd;
	struct uapi_file *file;
	struct iommufd *ctx;
	struct machine_device *dma;
	struct iommufd_device *device;
};

static long number(struct setup *s, unsigned long command, uintptr_t argument)
{
	return uiommu_uapi_ioctl(s->w.process, s->fd, command, argument);
}

static long call(struct setup *s, unsigned long command, void *argument)
{
	return number(s, command, (uintptr_t)argument);
}

static void start(struct setup *s)
{
	memset(s, 0, sizeof(*s));
	world_start(&s->w, "q35-vtd-scalable", NULL);
	s->fd = uiommu_uapi_open(s->w.process, "/dev/iommu");
	assert_int_equal(s->fd, 0);
	s->file = uiommu_uapi_fd_get(s->w.process, s->fd);
	s->ctx = uiommu_iommufd_of_file(s->file);
	s->dma = world_device(&s->w, "pasid0");
}

static void attach(struct setup *s)
{
	uint32_t pt;

	assert_int_equal(
		uiommu_iommufd_device_bind(s->ctx, machine_device_uiommu(s->dma), &s->device), 0);
	assert_int_equal(uiommu_iommufd_compat_ioas_id(s->ctx, &pt), 0);
	assert_int_equal(uiommu_iommufd_device_attach(s->device, UIOMMU_RID, &pt), 0);
}

static void stop(struct setup *s)
{
	if (s->device)
		uiommu_iommufd_device_unbind(s->device);
	machine_settle(s->w.machine);
	uiommu_uapi_file_put(s->file);
	world_stop(&s->w);
}

static long map(struct setup *s, uint64_t offset, uint64_t size, uint32_t flags, uint64_t iova)
{
	struct abi_vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)s->w.memory + offset,
		.iova = iova,
		.size = size,
	};

	return call(s, ABI_VFIO_IOMMU_MAP_DMA, &arg);
}

static long unmap(struct setup *s, uint32_t flags, uint64_t iova, uint64_t size, uint64_t *gone)
{
	struct abi_vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	long rc = call(s, ABI_VFIO_IOMMU_UNMAP_DMA, &arg);

	*gone = arg.size;
	return rc;
}

static bool reaches(struct setup *s, uint64_t iova)
{
	uint32_t seen = 0;

	return machine_dma_read(s->dma, iova, &seen, 4, 0, 0) != MACHINE_DMA_REFUSED;
}

static uint64_t pins(struct setup *s)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(machine_host(s->w.machine), &usage);
	return usage.pins;
}

static long vfio_ioas(struct setup *s, uint16_t op, uint32_t *id)
{
	struct abi_iommu_vfio_ioas arg = { .size = sizeof(arg), .ioas_id = *id, .op = op };
	long rc = call(s, ABI_IOMMU_VFIO_IOAS, &arg);

	*id = arg.ioas_id;
	return rc;
}

/* Without an IOAS: what can be asked, and what cannot be done */
static void test_empty(void **state)
{
	struct abi_vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	uint64_t gone;
	struct setup s;

	(void)state;
	start(&s);
	assert_int_equal(number(&s, ABI_VFIO_GET_API_VERSION, 0), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_TYPE1_IOMMU), 1);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_TYPE1V2_IOMMU), 1);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_UNMAP_ALL), 1);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_NOIOMMU_IOMMU), 1);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_UPDATE_VADDR), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_TYPE1_NESTING_IOMMU), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, 77), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_DMA_CC_IOMMU),
			 -UIOMMU_ENODEV);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), -UIOMMU_ENODEV);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1V2_IOMMU), -UIOMMU_ENODEV);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_NOIOMMU_IOMMU), -UIOMMU_EINVAL);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, 99), -UIOMMU_EINVAL);
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, &info), -UIOMMU_ENODEV);
	info.argsz = 15;
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, &info), -UIOMMU_EINVAL);
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, NULL), -UIOMMU_EFAULT);
	assert_int_equal(map(&s, 0, PAGE, R, PAGE), -UIOMMU_ENODEV);
	assert_int_equal(map(&s, 0, PAGE, R | 4, PAGE), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&s, 0, PAGE, PAGE, &gone), -UIOMMU_ENODEV);
	assert_int_equal(unmap(&s, 1, PAGE, PAGE, &gone), -UIOMMU_EINVAL);
	assert_int_equal(number(&s, ABI_VFIO_IOMMU_DIRTY_PAGES, 0), -UAPI_ENOTTY);
	assert_int_equal(number(&s, ABI_VFIO_GROUP_GET_STATUS, 0), -UAPI_ENOTTY);
	stop(&s);
}

/* VFIO's IOAS is one like others: named, made on demand, taken away, destroyed */
static void test_ioas(void **state)
{
	struct abi_iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct abi_iommu_destroy destroy = { .size = sizeof(destroy) };
	uint32_t id = 0, again = 0;
	struct setup s;

	(void)state;
	start(&s);
	assert_int_equal(vfio_ioas(&s, ABI_IOMMU_VFIO_IOAS_GET, &id), -UIOMMU_ENODEV);
	assert_int_equal(vfio_ioas(&s, 3, &id), -UIOMMU_EOPNOTSUPP);
	id = 9;
	assert_int_equal(vfio_ioas(&s, ABI_IOMMU_VFIO_IOAS_SET, &id), -UIOMMU_ENOENT);
	assert_int_equal(vfio_ioas(&s, ABI_IOMMU_VFIO_IOAS_CLEAR, &id), 0);
	assert_int_equal(uiommu_iommufd_compat_ioas_id(s.ctx, &id), -UIOMMU_ENODEV);
	assert_int_equal(uiommu_iommufd_compat_ioas(s.ctx, &id), 0);
	assert_int_equal(uiommu_iommufd_compat_ioas(s.ctx, &again), 0);
	assert_int_equal(id, again);
	again = 0;
	assert_int_equal(vfio_ioas(&s, ABI_IOMMU_VFIO_IOAS_GET, &again), 0);
	assert_int_equal(id, again);
	assert_int_equal(uiommu_iommufd_compat_no_iommu(s.ctx), -UIOMMU_EINVAL);
	assert_int_equal(call(&s, ABI_IOMMU_IOAS_ALLOC, &alloc), 0);
	assert_int_equal(vfio_ioas(&s, ABI_IOMMU_VFIO_IOAS_SET, &alloc.out_ioas_id), 0);
	assert_int_equal(map(&s, 0, PAGE, R, PAGE), 0);
	destroy.id = alloc.out_ioas_id;
	assert_int_equal(call(&s, ABI_IOMMU_DESTROY, &destroy), 0);
	assert_int_equal(vfio_ioas(&s, ABI_IOMMU_VFIO_IOAS_GET, &again), -UIOMMU_ENODEV);
	assert_int_equal(map(&s, 0, PAGE, R, PAGE), -UIOMMU_ENODEV);
	stop(&s);
}

/* No-IOMMU groups: only their own type, with the right to */
static void test_no_iommu(void **state)
{
	uint32_t id;
	struct setup s;

	(void)state;
	start(&s);
	assert_int_equal(uiommu_iommufd_compat_no_iommu(s.ctx), 0);
	assert_int_equal(uiommu_iommufd_compat_no_iommu(s.ctx), 0);
	assert_int_equal(uiommu_iommufd_compat_ioas(s.ctx, &id), -UIOMMU_EINVAL);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_TYPE1_IOMMU), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_TYPE1V2_IOMMU), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_UNMAP_ALL), 0);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_NOIOMMU_IOMMU), 1);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), -UIOMMU_EINVAL);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_NOIOMMU_IOMMU), 0);
	uiommu_uapi_process_set_capabilities(s.w.process, UIOMMU_UAPI_CAP_SYS_ADMIN);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_NOIOMMU_IOMMU), -UIOMMU_EPERM);
	assert_int_equal(map(&s, 0, PAGE, R, PAGE), -UIOMMU_ENODEV);
	stop(&s);
}

/* GET_INFO: sizes and capabilities, whole or as far as there is room */
static void test_info(void **state)
{
	struct {
		struct abi_vfio_iommu_type1_info info;
		struct abi_vfio_iommu_type1_info_dma_avail avail;
		uint32_t pad;
		struct abi_vfio_iommu_type1_info_cap_iova_range cap;
		struct abi_vfio_iova_range range[8];
	} all = { .info.argsz = sizeof(all) };
	uint32_t id;
	struct setup s;

	(void)state;
	start(&s);
	assert_int_equal(uiommu_iommufd_compat_ioas(s.ctx, &id), 0);
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, &all), 0);
	assert_int_equal(all.info.argsz, 24 + 16 + 16 + 16);
	assert_int_equal(all.info.flags, 3);
	assert_int_equal(all.info.cap_offset, 24);
	assert_true(all.info.iova_pgsizes == ~(PAGE - 1));
	assert_int_equal(all.avail.header.id, ABI_VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	assert_int_equal(all.avail.header.version, 1);
	assert_int_equal(all.avail.header.next, 40);
	assert_int_equal(all.avail.avail, UINT32_MAX);
	assert_int_equal(all.cap.header.id, ABI_VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	assert_int_equal(all.cap.header.next, 0);
	assert_int_equal(all.cap.nr_iovas, 1);
	assert_true(all.range[0].start == 0 && all.range[0].end == UINT64_MAX);

	attach(&s);
	memset(&all, 0x5a, sizeof(all));
	all.info.argsz = 16;
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, &all), 0);
	assert_true(all.info.argsz > 72);
	assert_true(all.info.iova_pgsizes & PAGE && !(all.info.iova_pgsizes & (PAGE - 1)));
	assert_int_equal(all.info.cap_offset, 0x5a5a5a5a); /* there was no room for it */
	all.info.argsz = 40;
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, &all), 0);
	assert_int_equal(all.info.cap_offset, 0);
	assert_int_equal(all.avail.header.next, 0); /* nothing follows */
	assert_int_equal(all.cap.nr_iovas, 0x5a5a5a5a);
	assert_int_equal(all.info.argsz, 56 + 16 * 3);
	assert_int_equal(call(&s, ABI_VFIO_IOMMU_GET_INFO, &all), 0);
	assert_int_equal(all.info.cap_offset, 24);
	assert_int_equal(all.cap.nr_iovas, 3);
	assert_true(all.range[0].start == 0 && all.range[0].end == 0xfedfffff);
	assert_true(all.range[1].start == 0xfef00000);
	assert_int_equal(number(&s, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_DMA_CC_IOMMU),
			 uiommu_device_capable(machine_device_uiommu(s.dma),
					       UIOMMU_CAP_ENFORCE_CACHE_COHERENCY));
	stop(&s);
}

/* The new type: areas go as they came */
static void test_new_type(void **state)
{
	struct setup s;
	uint64_t gone;
	uint32_t id;

	(void)state;
	start(&s);
	assert_int_equal(uiommu_iommufd_compat_ioas(s.ctx, &id), 0);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1V2_IOMMU), 0);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1V2_IOMMU), 0);
	attach(&s);
	assert_int_equal(map(&s, 0, 4 * PAGE, R | W, 0x100000), 0);
	assert_int_equal(pins(&s), 4);
	assert_true(reaches(&s, 0x103000));
	assert_int_equal(map(&s, 0, PAGE, R, 0x103000), -UIOMMU_EEXIST);
	assert_int_equal(map(&s, 0, 0, R, 0x200000), -UIOMMU_EINVAL);
	assert_int_equal(map(&s, 0, 100, R, 0x200000), -UIOMMU_EINVAL);
	assert_int_equal(map(&s, 0, PAGE, R, 0xfee00000), -UIOMMU_EINVAL);
	assert_int_equal(map(&s, 0, 2 * PAGE, R, 0 - PAGE), -UIOMMU_EOVERFLOW);
	assert_int_equal(map(&s, 0 - (uintptr_t)s.w.memory + 0x100000, PAGE, R, 0x200000),
			 -UIOMMU_EFAULT);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), -UIOMMU_EINVAL);

	assert_int_equal(unmap(&s, 0, 0x101000, PAGE, &gone), -UIOMMU_ENOENT);
	assert_int_equal(gone, 0);
	assert_int_equal(unmap(&s, 0, 0x200000, PAGE, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(unmap(&s, 0, 0x100000, 0, &gone), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&s, 0, PAGE, UINT64_MAX, &gone), -UIOMMU_EOVERFLOW);
	assert_int_equal(unmap(&s, ABI_VFIO_DMA_UNMAP_FLAG_ALL, 0, PAGE, &gone), -UIOMMU_EINVAL);
	assert_int_equal(map(&s, 0x10000, PAGE, R, 0x90000), 0);
	/* What lies below the area that would be cut has gone, and is told. */
	assert_int_equal(unmap(&s, 0, 0x90000, 0x71000, &gone), -UIOMMU_ENOENT);
	assert_int_equal(gone, PAGE);
	assert_true(reaches(&s, 0x100000));
	assert_int_equal(unmap(&s, 0, 0x80001, 0x90000, &gone), 0); /* at any address */
	assert_int_equal(gone, 4 * PAGE);
	assert_false(reaches(&s, 0x100000));
	assert_int_equal(pins(&s), 0);
	assert_int_equal(map(&s, 0, PAGE, R, 0x100000), 0);
	assert_int_equal(unmap(&s, ABI_VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, &gone), 0);
	assert_int_equal(gone, PAGE);
	stop(&s);
}

/* The old type: an unmap cuts areas */
static void test_old_type(void **state)
{
	struct abi_iommu_ioas_iova_ranges ranges = { .size = sizeof(ranges) };
	struct setup s;
	uint64_t gone;
	uint32_t id;

	(void)state;
	start(&s);
	assert_int_equal(uiommu_iommufd_compat_ioas(s.ctx, &id), 0);
	assert_int_equal(map(&s, 1, 10, R, 1), 0);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), -UIOMMU_EADDRINUSE);
	assert_int_equal(unmap(&s, 0, 1, 10, &gone), 0);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), 0);
	ranges.ioas_id = id;
	assert_int_equal(call(&s, ABI_IOMMU_IOAS_IOVA_RANGES, &ranges), -UAPI_EMSGSIZE);
	assert_int_equal(ranges.out_iova_alignment, PAGE);
	assert_int_equal(map(&s, 1, 10, R, 1), -UIOMMU_EINVAL);
	attach(&s);
	/* As large as an entry that could not be cut. */
	assert_int_equal(map(&s, 0, 0x400000, R | W, 0x40000000), 0);
	assert_int_equal(number(&s, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), 0);
	assert_int_equal(pins(&s), 1024);
	assert_int_equal(unmap(&s, 0, 0x40001000, PAGE, &gone), 0);
	assert_int_equal(gone, PAGE);
	assert_int_equal(pins(&s), 1023);
	assert_true(reaches(&s, 0x40000000));
	assert_false(reaches(&s, 0x40001000));
	assert_true(reaches(&s, 0x40002000));
	assert_int_equal(unmap(&s, 0, 0x40001000, PAGE, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(unmap(&s, 0, 0x40000800, PAGE, &gone), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&s, 0, 0x3f000000, 0x1001000, &gone), 0);
	assert_int_equal(gone, PAGE);
	assert_int_equal(unmap(&s, 0, 0x40300000, 0x40000000, &gone), 0);
	assert_int_equal(gone, 0x100000);
	assert_true(reaches(&s, 0x402ff000));
	assert_false(reaches(&s, 0x40300000));
	assert_int_equal(pins(&s), 1024 - 2 - 256);
	assert_int_equal(unmap(&s, ABI_VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, &gone), 0);
	assert_int_equal(gone, (UINT64_C(1024) - 2 - 256) * PAGE);
	assert_int_equal(pins(&s), 0);
	stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	 cmocka_unit_test(test_ioas),
		cmocka_unit_test(test_no_iommu), cmocka_unit_test(test_info),
		cmocka_unit_test(test_new_type), cmocka_unit_test(test_old_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
