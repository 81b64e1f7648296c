/* SPDX-License-Identifier: MIT */
/*
 * sweep.c - commands of iommufd whose every allocation fails once
 *
 * Each operation is made as often as it has allocations, and once more; before the last the nth of them fails.  Then
 * the command has failed with nothing left behind, or it has done without.  It is not looked at what a failure in
 * the undoing of another does: undoing allocates nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <uiommu/abi_vfio.h>

#include "src/uapi/vfio.h"
#include "tests/uapi/world.h"

#define PAGE UINT64_C(4096)
#define IOVA UINT64_C(0x40000000)

struct sweep {
	struct world w;
	struct uiommu_posix_hooks hooks;
	unsigned int nth; /* so many more until one fails; 0: none does */
	bool fired;
	int fd, memory;
	struct uapi_file *file;
	struct iommufd *ctx;
	struct iommufd_device *device;
	uint32_t ioas, hwpt, id;
};

static bool on_step(void *context, enum uiommu_posix_step step, size_t size)
{
	struct sweep *s = context;

	(void)step;
	(void)size;
	if (!s->nth || --s->nth)
		return false;
	s->fired = true;
	return true;
}

static long call(struct sweep *s, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(s->w.process, s->fd, command, (uintptr_t)argument);
}

static void destroy(struct sweep *s, uint32_t id)
{
	struct abi_iommu_destroy arg = { sizeof(arg), id };

	assert_int_equal(call(s, ABI_IOMMU_DESTROY, &arg), 0);
}

static void begin(struct sweep *s, const char *machine)
{
	memset(s, 0, sizeof(*s));
	s->hooks.context = s;
	s->hooks.fail = on_step;
	world_start_hooked(&s->w, machine, NULL, &s->hooks);
	s->fd = uiommu_uapi_open(s->w.process, "/dev/iommu");
	s->file = uiommu_uapi_fd_get(s->w.process, s->fd);
	s->ctx = uiommu_iommufd_of_file(s->file);
	assert_int_equal(uiommu_iommufd_compat_ioas(s->ctx, &s->ioas), 0);
	assert_int_equal(uiommu_iommufd_device_bind(
				 s->ctx, machine_device_uiommu(world_device(&s->w, "solo0")),
				 &s->device),
			 0);
	s->memory = memfd_create("guest", MFD_CLOEXEC);
	assert_int_equal(ftruncate(s->memory, 64 * PAGE), 0);
}

static void end(struct sweep *s)
{
	close(s->memory);
	uiommu_iommufd_device_unbind(s->device);
	uiommu_uapi_file_put(s->file);
	machine_settle(s->w.machine);
	world_stop(&s->w);
}

struct operation {
	long (*make)(struct sweep *s);
	void (*undo)(struct sweep *s);
};

static void compare(struct sweep *s, const struct uiommu_posix_usage *before)
{
	struct uiommu_posix_usage after;

	uiommu_posix_usage(machine_host(s->w.machine), &after);
	assert_int_equal(after.objects, before->objects);
	assert_int_equal(after.bytes, before->bytes);
	assert_int_equal(after.pages, before->pages);
	assert_int_equal(after.pins, before->pins);
	assert_int_equal(after.mutexes, before->mutexes);
	assert_int_equal(uiommu_uapi_process_pinned(s->w.process), before->pins * PAGE);
}

/* The lowest descriptor that this process does not use. */
static int lowest(struct sweep *s)
{
	int fd = dup(s->memory);

	close(fd);
	return fd;
}

static unsigned int sweep(struct sweep *s, const struct operation *o)
{
	struct uiommu_posix_usage before;
	const int descriptor = lowest(s);
	unsigned int failed = 0;

	/* What is kept from one time to the next is there after the first. */
	assert_int_equal(o->make(s), 0);
	o->undo(s);
	uiommu_posix_usage(machine_host(s->w.machine), &before);
	for (unsigned int nth = 1;; nth++) {
		long rc;

		s->fired = false;
		s->nth = nth;
		rc = o->make(s);
		s->nth = 0;
		if (!rc)
			o->undo(s);
		else
			assert_int_equal(rc, -UIOMMU_ENOMEM);
		failed += rc != 0;
		machine_settle(s->w.machine);
		compare(s, &before);
		assert_int_equal(lowest(s), descriptor);
		if (!s->fired) {
			assert_int_equal(rc, 0);
			return failed;
		}
	}
}

/* ---- mapping ----------------------------------------------------------------------------------- */

static long make_attached(struct sweep *s)
{
	uint32_t pt = s->ioas;

	return uiommu_iommufd_device_attach(s->device, UIOMMU_RID, &pt);
}

static void undo_attached(struct sweep *s)
{
	uiommu_iommufd_device_detach(s->device, UIOMMU_RID);
}

static long make_file(struct sweep *s)
{
	struct abi_iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = ABI_IOMMU_IOAS_MAP_READABLE | ABI_IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = s->ioas,
		.fd = s->memory,
		.start = PAGE,
		.length = 20 * PAGE,
		.iova = IOVA,
	};

	return call(s, ABI_IOMMU_IOAS_MAP_FILE, &arg);
}

static long make_dma(struct sweep *s)
{
	struct abi_vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = ABI_VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)s->w.memory,
		.iova = IOVA,
		.size = 20 * PAGE,
	};

	return call(s, ABI_VFIO_IOMMU_MAP_DMA, &arg);
}

static long unmap(struct sweep *s, uint64_t iova, uint64_t size, uint64_t *gone)
{
	struct abi_vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = size ? 0 : ABI_VFIO_DMA_UNMAP_FLAG_ALL,
		.iova = iova,
		.size = size,
	};
	long rc = call(s, ABI_VFIO_IOMMU_UNMAP_DMA, &arg);

	*gone = arg.size;
	return rc;
}

static void undo_map(struct sweep *s)
{
	uint64_t gone;

	assert_int_equal(unmap(s, 0, 0, &gone), 0);
	assert_int_equal(gone, 20 * PAGE);
}

static void test_mapping(void **state)
{
	static const struct operation file = { make_file, undo_map }, dma = { make_dma, undo_map },
				      attach = { make_attached, undo_attached };
	struct sweep s;

	(void)state;
	begin(&s, "q35-vtd-scalable");
	sweep(&s, &file);
	sweep(&s, &dma);
	assert_int_equal(make_dma(&s), 0);
	assert_true(sweep(&s, &attach) > 3);
	undo_map(&s);
	assert_int_equal(make_attached(&s), 0);
	assert_true(sweep(&s, &file) >= 3);
	assert_true(sweep(&s, &dma) >= 3);
	end(&s);
}

/* Of an unmap that cuts nothing goes as long as it fails, and everything can go after it */
static void test_cut(void **state)
{
	struct sweep s;
	unsigned int failed = 0;

	(void)state;
	begin(&s, "q35-vtd-scalable");
	assert_int_equal(
		uiommu_uapi_ioctl(s.w.process, s.fd, ABI_VFIO_SET_IOMMU, ABI_VFIO_TYPE1_IOMMU), 0);
	assert_int_equal(make_attached(&s), 0);
	for (bool more = true; more; failed++) {
		uint64_t gone, rest;
		long rc;

		assert_int_equal(make_dma(&s), 0);
		s.fired = false;
		s.nth = failed + 1;
		rc = unmap(&s, IOVA + 5 * PAGE, 5 * PAGE, &gone);
		s.nth = 0;
		more = s.fired;
		assert_int_equal(rc, more ? -UIOMMU_ENOMEM : 0);
		if (more)
			gone = 0;
		assert_int_equal(gone, rc ? 0 : 5 * PAGE);
		assert_int_equal(unmap(&s, 0, 0, &rest), 0);
		assert_int_equal(rest, 20 * PAGE - gone);
		assert_int_equal(uiommu_uapi_process_pinned(s.w.process), 0);
	}
	assert_true(failed > 3);
	end(&s);
}

/* ---- messages and guests ----------------------------------------------------------------------- */

static long make_viommu(struct sweep *s)
{
	struct abi_iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = ABI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3,
		.dev_id = s->device->object.id,
		.hwpt_id = s->hwpt,
	};
	long rc = call(s, ABI_IOMMU_VIOMMU_ALLOC, &arg);

	s->id = arg.out_viommu_id;
	return rc;
}

static void undo_object(struct sweep *s)
{
	destroy(s, s->id);
}

static struct abi_iommu_veventq_alloc queue;

static long make_queue(struct sweep *s)
{
	queue = (struct abi_iommu_veventq_alloc){
		.size = sizeof(queue),
		.viommu_id = s->id,
		.type = ABI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3,
		.veventq_depth = 4,
	};
	return call(s, ABI_IOMMU_VEVENTQ_ALLOC, &queue);
}

static void undo_queue(struct sweep *s)
{
	assert_int_equal(uiommu_uapi_close(s->w.process, (int)queue.out_veventq_fd), 0);
	destroy(s, queue.out_veventq_id);
}

static void test_smmuv3(void **state)
{
	static const struct operation attach = { make_attached, undo_attached },
				      viommu = { make_viommu, undo_object },
				      events = { make_queue, undo_queue };
	struct abi_iommu_hwpt_alloc parent = { .size = sizeof(parent) };
	uint64_t doorbell = 0xfee00000;
	struct sweep s;

	(void)state;
	begin(&s, "virt-smmuv3");
	assert_int_equal(uiommu_iommufd_device_msi(s.device, &doorbell), 0);
	assert_true(doorbell == 0x8000000);
	assert_true(sweep(&s, &attach) > 3);
	parent.flags = ABI_IOMMU_HWPT_ALLOC_NEST_PARENT;
	parent.dev_id = s.device->object.id;
	parent.pt_id = s.ioas;
	assert_int_equal(call(&s, ABI_IOMMU_HWPT_ALLOC, &parent), 0);
	s.hwpt = parent.out_hwpt_id;
	assert_true(sweep(&s, &viommu) > 2);
	assert_int_equal(make_viommu(&s), 0);
	assert_true(sweep(&s, &events) >= 2);
	destroy(&s, s.id);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_smmuv3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
