/* SPDX-License-Identifier: MIT */
/* iommufd.c - address spaces, domains and devices through /dev/iommu, on a modelled machine */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "src/uapi/access.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define R ABI_IOMMU_IOAS_MAP_READABLE
#define W ABI_IOMMU_IOAS_MAP_WRITEABLE
#define F ABI_IOMMU_IOAS_MAP_FIXED_IOVA

static long call(struct world *w, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(w->process, fd, command, (uintptr_t)argument);
}

static uint32_t new_ioas(struct world *w, int fd)
{
	struct abi_iommu_ioas_alloc arg = { .size = sizeof(arg) };

	assert_int_equal(call(w, fd, ABI_IOMMU_IOAS_ALLOC, &arg), 0);
	return arg.out_ioas_id;
}

static long map(struct world *w, int fd, uint32_t ioas, const void *va, uint64_t length,
		uint32_t flags, uint64_t *iova)
{
	struct abi_iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = *iova,
	};
	long rc = call(w, fd, ABI_IOMMU_IOAS_MAP, &arg);

	*iova = arg.iova;
	return rc;
}

static long map_at(struct world *w, int fd, uint32_t ioas, const void *va, uint64_t length,
		   uint32_t flags, uint64_t iova)
{
	return map(w, fd, ioas, va, length, flags | F, &iova);
}

static long unmap(struct world *w, int fd, uint32_t ioas, uint64_t iova, uint64_t length,
		  uint64_t *gone)
{
	struct abi_iommu_ioas_unmap arg = { sizeof(arg), ioas, iova, length };
	long rc = call(w, fd, ABI_IOMMU_IOAS_UNMAP, &arg);

	if (gone)
		*gone = arg.length;
	return rc;
}

static long destroy(struct world *w, int fd, uint32_t id)
{
	struct abi_iommu_destroy arg = { sizeof(arg), id };

	return call(w, fd, ABI_IOMMU_DESTROY, &arg);
}

/* The size protocol, and errors that come before a command is looked at */
static void test_sizes(void **state)
{
	struct {
		struct abi_iommu_ioas_alloc arg;
		uint32_t tail[40];
	} big = { .arg.size = sizeof(big) };
	struct abi_iommu_destroy arg = { sizeof(arg), 7 };
	void *nothing;
	struct world w;
	int fd, other;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	assert_int_equal(uiommu_uapi_open(w.process, "/dev/nothing"), -UIOMMU_ENOENT);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	assert_int_equal(fd, 0);
	assert_int_equal(call(&w, 1, ABI_IOMMU_DESTROY, &arg), -UAPI_EBADF);
	assert_int_equal(call(&w, fd, ABI_IOMMU_DESTROY, &arg), -UIOMMU_ENOENT);
	assert_int_equal(call(&w, fd, ABI_IOMMU_DESTROY, NULL), -UIOMMU_EFAULT);
	assert_int_equal(call(&w, fd, 0x3b00, &arg), -UAPI_ENOTTY);
	assert_int_equal(call(&w, fd, 0x3b9f, &arg), -UAPI_ENOTTY);
	assert_int_equal(call(&w, fd, 0x100003b80ul, &arg), -UAPI_ENOTTY);
	arg.size = 7;
	assert_int_equal(call(&w, fd, ABI_IOMMU_DESTROY, &arg), -UIOMMU_EINVAL);
	assert_int_equal(call(&w, fd, ABI_IOMMU_IOAS_ALLOC, &big), 0);
	assert_int_equal(big.arg.out_ioas_id, 1);
	big.tail[39] = 1;
	assert_int_equal(call(&w, fd, ABI_IOMMU_IOAS_ALLOC, &big), -UIOMMU_E2BIG);
	big.tail[39] = 0;
	big.arg.flags = 1;
	assert_int_equal(call(&w, fd, ABI_IOMMU_IOAS_ALLOC, &big), -UIOMMU_EOPNOTSUPP);
	other = uiommu_uapi_dup(w.process, fd);
	assert_int_equal(other, 1);
	assert_int_equal(uiommu_uapi_close(w.process, fd), 0);
	assert_int_equal(destroy(&w, other, 1), 0);
	assert_int_equal(new_ioas(&w, other), 1); /* numbers are used again */
	assert_int_equal(uiommu_uapi_read(w.process, other, &arg, 8), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_uapi_mmap(w.process, other, 0, PAGE, &nothing), -UIOMMU_ENXIO);
	assert_int_equal(uiommu_uapi_mmap(w.process, other, 0, PAGE + 1, &nothing), -UIOMMU_EINVAL);
	world_stop(&w);
}

/* Mapping without any device: addresses, alignment, order of errors */
static void test_areas(void **state)
{
	struct world w;
	uint64_t iova = 0, second = 0, gone;
	uint32_t ioas;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	ioas = new_ioas(&w, fd);
	assert_int_equal(map(&w, fd, ioas, w.memory, PAGE, R | W, &iova), 0);
	assert_int_equal(iova, PAGE);
	assert_int_equal(map(&w, fd, ioas, w.memory + 100, 10, R, &second), 0);
	assert_int_equal(second, 2 * PAGE + 100);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, PAGE, R, PAGE), -UIOMMU_EEXIST);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 1, R, 2 * PAGE - 1), -UIOMMU_EEXIST);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 1, R, 2 * PAGE), 0);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 0, R, 3 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, PAGE, 0, 3 * PAGE), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, PAGE, R | 8, 3 * PAGE), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(map_at(&w, fd, 77, w.memory, PAGE, R, 3 * PAGE), -UIOMMU_ENOENT);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, UINT64_MAX, R, 0), -UIOMMU_EOVERFLOW);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 2 * PAGE, R, 0 - PAGE), -UIOMMU_EOVERFLOW);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, PAGE, R, 0 - PAGE), 0);
	/* The last page is only for those who ask for it. */
	iova = 0;
	assert_int_equal(map(&w, fd, ioas, w.memory, UINT64_C(1) << 63, R, &iova),
			 -UIOMMU_EOVERFLOW);

	assert_int_equal(unmap(&w, fd, ioas, PAGE, PAGE / 2, NULL), -UIOMMU_ENOENT);
	assert_int_equal(unmap(&w, fd, ioas, PAGE + 1, PAGE, NULL), -UIOMMU_ENOENT);
	assert_int_equal(unmap(&w, fd, ioas, 9 * PAGE, PAGE, NULL), -UIOMMU_ENOENT);
	assert_int_equal(unmap(&w, fd, ioas, 9 * PAGE, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(unmap(&w, fd, ioas, PAGE, UINT64_MAX, NULL), -UIOMMU_EOVERFLOW);
	assert_int_equal(unmap(&w, fd, ioas, PAGE, 2 * PAGE, &gone), 0);
	assert_int_equal(gone, PAGE + 11);
	assert_int_equal(unmap(&w, fd, ioas, 0, UINT64_MAX, &gone), 0);
	assert_int_equal(gone, PAGE);
	assert_int_equal(unmap(&w, fd, ioas, 0, UINT64_MAX, &gone), 0);
	assert_int_equal(gone, 0);
	world_stop(&w);
}

/* Against a naive list: places, holes, order, in any order of maps and unmaps */
static void test_places(void **state)
{
	enum { SLOTS = 64 };
	struct {
		uint64_t iova, length;
	} have[SLOTS] = { 0 };
	struct world w;
	uint32_t ioas, seed = 12345;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	ioas = new_ioas(&w, fd);
	for (unsigned int step = 0; step < 20000; step++) {
		unsigned int at;

		seed = seed * 1103515245 + 12345;
		at = seed >> 16 & (SLOTS - 1);
		if (have[at].length) {
			uint64_t gone;

			assert_int_equal(unmap(&w, fd, ioas, have[at].iova, have[at].length, &gone),
					 0);
			assert_int_equal(gone, have[at].length);
			have[at].length = 0;
			continue;
		}
		have[at].length = PAGE << (seed >> 24 & 3);
		have[at].iova = 0;
		assert_int_equal(map(&w, fd, ioas, w.memory, have[at].length, R, &have[at].iova),
				 0);
		assert_int_equal(have[at].iova % have[at].length, 0);
		/* The lowest place that nobody has. */
		for (uint64_t try = have[at].length; try < have[at].iova; try += have[at].length) {
			bool taken = false;

			for (unsigned int i = 0; i < SLOTS; i++)
				taken |= i != at && have[i].length &&
					 have[i].iova < try + have[at].length &&
					 try < have[i].iova + have[i].length;
			assert_true(taken);
		}
		for (unsigned int i = 0; i < SLOTS; i++)
			assert_true(i == at || !have[i].length ||
				    have[i].iova + have[i].length <= have[at].iova ||
				    have[at].iova + have[at].length <= have[i].iova);
	}
	world_stop(&w);
}

static uint64_t pins(struct world *w)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(machine_host(w->machine), &usage);
	return usage.pins;
}

/* A device: DMA to what is mapped and to nothing else, pins only while a domain needs them */
static void test_device(void **state)
{
	struct machine_device *solo;
	struct iommufd_device *device;
	struct abi_iommu_ioas_iova_ranges ranges = { .size = sizeof(ranges) };
	struct abi_iommu_iova_range range[8];
	struct abi_iommu_hwpt_alloc hwpt = { .size = sizeof(hwpt) };
	struct uapi_file *file;
	struct world w;
	uint32_t ioas, other, pt, word = 0x12345678, seen = 0;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd-scalable", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	ioas = new_ioas(&w, fd);
	memcpy(w.memory + PAGE, &word, 4);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 4 * PAGE, R | W, 0x100000), 0);
	assert_int_equal(pins(&w), 0);
	solo = world_device(&w, "pasid0");
	file = uiommu_uapi_fd_get(w.process, fd);
	assert_int_equal(uiommu_iommufd_device_bind(uiommu_iommufd_of_file(file),
						    machine_device_uiommu(solo), &device),
			 0);
	assert_int_equal(destroy(&w, fd, device->object.id), -UIOMMU_EBUSY);
	assert_int_equal(machine_dma_read(solo, 0x101000, &seen, 4, 0, 0), MACHINE_DMA_REFUSED);
	pt = ioas;
	assert_int_equal(uiommu_iommufd_device_attach(device, UIOMMU_RID, &pt), 0);
	assert_int_not_equal(pt, ioas);
	assert_int_equal(pins(&w), 4);
	assert_int_equal(destroy(&w, fd, ioas), -UIOMMU_EBUSY);
	assert_int_equal(destroy(&w, fd, pt), -UIOMMU_EBUSY);
	assert_int_not_equal(machine_dma_read(solo, 0x101000, &seen, 4, 0, 0), MACHINE_DMA_REFUSED);
	assert_int_equal(seen, word);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 1, R, 0x200000), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&w, fd, ioas, w.memory + 1, PAGE, R, 0x200000), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, PAGE, R, 0xfee00000), -UIOMMU_EINVAL);
	assert_int_equal(map_at(&w, fd, ioas, (void *)(uintptr_t)0x100000, PAGE, R, 0x200000),
			 -UIOMMU_EFAULT);
	ranges.ioas_id = ioas;
	ranges.num_iovas = 1;
	ranges.allowed_iovas = (uintptr_t)range;
	assert_int_equal(call(&w, fd, ABI_IOMMU_IOAS_IOVA_RANGES, &ranges), -UAPI_EMSGSIZE);
	assert_true(ranges.num_iovas > 1 && ranges.num_iovas <= 8);
	assert_int_equal(call(&w, fd, ABI_IOMMU_IOAS_IOVA_RANGES, &ranges), 0);
	assert_int_equal(ranges.out_iova_alignment, PAGE);
	assert_true(range[0].start == 0 && range[0].last == 0xfedfffff);

	/* Another IOAS, whose copy shares the pins. */
	other = new_ioas(&w, fd);
	{
		struct abi_iommu_ioas_copy copy = {
			.size = sizeof(copy),
			.flags = R | F,
			.dst_ioas_id = other,
			.src_ioas_id = ioas,
			.length = PAGE,
			.dst_iova = 0x500000,
			.src_iova = 0x101000,
		};

		assert_int_equal(call(&w, fd, ABI_IOMMU_IOAS_COPY, &copy), 0);
	}
	pt = other;
	assert_int_equal(uiommu_iommufd_device_attach(device, UIOMMU_RID, &pt), 0); /* replaced */
	assert_int_equal(pins(&w), 1);
	seen = 0;
	assert_int_not_equal(machine_dma_read(solo, 0x500000, &seen, 4, 0, 0), MACHINE_DMA_REFUSED);
	assert_int_equal(seen, word);
	assert_int_equal(machine_dma_read(solo, 0x101000, &seen, 4, 0, 0), MACHINE_DMA_REFUSED);
	assert_int_equal(unmap(&w, fd, ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(pins(&w), 1);
	hwpt.dev_id = device->object.id;
	hwpt.pt_id = ioas;
	assert_int_equal(call(&w, fd, ABI_IOMMU_HWPT_ALLOC, &hwpt), 0);
	pt = hwpt.out_hwpt_id;
	assert_int_equal(uiommu_iommufd_device_attach(device, UIOMMU_RID, &pt), 0);
	assert_int_equal(pins(&w), 0);
	assert_int_equal(destroy(&w, fd, pt), -UIOMMU_EBUSY);
	assert_int_equal(destroy(&w, fd, other), 0); /* its own domain went with the replace */
	uiommu_iommufd_device_detach(device, UIOMMU_RID);
	assert_int_equal(destroy(&w, fd, pt), 0);
	uiommu_iommufd_device_unbind(device);
	uiommu_uapi_file_put(file);
	machine_settle(w.machine);
	world_stop(&w);
}

/* Locked memory is charged once, up to the limit, and given back */
static void test_limits(void **state)
{
	struct uiommu_uapi_process_config poor = { .memlock = 8 * PAGE };
	struct uiommu_uapi_process *process;
	struct iommufd_device *device;
	struct uapi_file *file;
	struct world w;
	uint32_t ioas, pt;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	process = w.process;
	assert_int_equal(uiommu_uapi_process_create(w.uapi, &poor, &w.process), 0);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	ioas = new_ioas(&w, fd);
	file = uiommu_uapi_fd_get(w.process, fd);
	assert_int_equal(uiommu_iommufd_device_bind(
				 uiommu_iommufd_of_file(file),
				 machine_device_uiommu(world_device(&w, "solo0")), &device),
			 0);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 9 * PAGE, R, 0x100000), 0);
	pt = ioas;
	assert_int_equal(uiommu_iommufd_device_attach(device, UIOMMU_RID, &pt), -UIOMMU_ENOMEM);
	assert_int_equal(pins(&w), 0);
	assert_int_equal(unmap(&w, fd, ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(uiommu_iommufd_device_attach(device, UIOMMU_RID, &pt), 0);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 6 * PAGE, R, 0x100000), 0);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 6 * PAGE);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 3 * PAGE, R, 0x200000), -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 6 * PAGE);
	uiommu_uapi_process_set_capabilities(w.process, UIOMMU_UAPI_CAP_IPC_LOCK);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 3 * PAGE, R, 0x200000), 0);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 9 * PAGE);
	assert_int_equal(unmap(&w, fd, ioas, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(uiommu_uapi_process_pinned(w.process), 0);
	uiommu_iommufd_device_unbind(device);
	uiommu_uapi_file_put(file);
	uiommu_uapi_process_destroy(w.process);
	w.process = process;
	world_stop(&w);
}

struct pinner {
	struct iommufd_access *access;
	uint64_t iova;
	bool stubborn, pinned;
	unsigned int asked;
};

static void let_go(void *context, uint64_t iova, uint64_t length)
{
	struct pinner *p = context;

	p->asked++;
	if (!p->pinned || p->stubborn || p->iova < iova || p->iova - iova >= length)
		return;
	uiommu_iommufd_access_unpin(p->access, p->iova, PAGE);
	p->pinned = false;
}

/* An access without IOMMU: pins, copies, and lets go when the area goes */
static void test_access(void **state)
{
	static const struct iommufd_access_ops ops = { true, let_go };
	struct pinner p = { .iova = 0x101000 };
	struct uapi_file *file;
	struct iommufd *ctx;
	uiommu_phys_t phys[2];
	struct world w;
	uint32_t ioas, word = 5, seen = 0;
	int fd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	fd = uiommu_uapi_open(w.process, "/dev/iommu");
	file = uiommu_uapi_fd_get(w.process, fd);
	ctx = uiommu_iommufd_of_file(file);
	ioas = new_ioas(&w, fd);
	assert_int_equal(uiommu_iommufd_access_create(ctx, &ops, &p, &p.access), 0);
	assert_int_equal(uiommu_iommufd_access_pin(p.access, p.iova, PAGE, phys, 0),
			 -UIOMMU_ENOENT);
	assert_int_equal(uiommu_iommufd_access_attach(p.access, 99), -UIOMMU_ENOENT);
	assert_int_equal(uiommu_iommufd_access_attach(p.access, ioas), 0);
	assert_int_equal(destroy(&w, fd, ioas), -UIOMMU_EBUSY);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, 3 * PAGE, R, 0x100000), 0);
	assert_int_equal(map_at(&w, fd, ioas, w.memory, PAGE, R | W, 0x103000), 0);
	assert_int_equal(uiommu_iommufd_access_pin(p.access, p.iova, PAGE, phys,
						   IOMMUFD_ACCESS_WRITE),
			 -UIOMMU_EPERM);
	assert_int_equal(uiommu_iommufd_access_pin(p.access, 0x103000, 2 * PAGE, phys, 0),
			 -UIOMMU_ENOENT);
	assert_int_equal(pins(&w), 0);
	assert_int_equal(uiommu_iommufd_access_pin(p.access, p.iova, PAGE, phys, 0), 0);
	p.pinned = true;
	assert_int_equal(pins(&w), 1);
	assert_true(uiommu_port_user_ptr(machine_host(w.machine), phys[0]) == w.memory + PAGE);
	assert_int_equal(uiommu_iommufd_access_rw(p.access, 0x103ffe, &word, 4, 0), -UIOMMU_ENOENT);
	assert_int_equal(uiommu_iommufd_access_rw(p.access, 0x102ffe, &word, 4,
						  IOMMUFD_ACCESS_WRITE),
			 -UIOMMU_EPERM);
	assert_int_equal(
		uiommu_iommufd_access_rw(p.access, 0x103ff0, &word, 4, IOMMUFD_ACCESS_WRITE), 0);
	memcpy(&seen, w.memory + 0xff0, 4);
	assert_int_equal(seen, word);
	assert_int_equal(pins(&w), 1);
	p.stubborn = true;
	assert_int_equal(unmap(&w, fd, ioas, 0x100000, 3 * PAGE, NULL), -UAPI_EDEADLK);
	assert_int_equal(p.asked, 100);
	p.stubborn = false;
	assert_int_equal(unmap(&w, fd, ioas, 0x100000, 3 * PAGE, NULL), 0);
	assert_int_equal(p.asked, 101);
	assert_int_equal(pins(&w), 0);
	uiommu_iommufd_access_destroy(p.access);
	uiommu_uapi_file_put(file);
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),  cmocka_unit_test(test_areas),
		cmocka_unit_test(test_places), cmocka_unit_test(test_device),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_access),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
