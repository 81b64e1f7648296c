/* SPDX-License-Identifier: MIT */
/* mediated.c - devices without an IOMMU in a container: pins, copies, dirty pages, and how they let go */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/uapi/legacy.h"

#define TYPE1V2 ABI_VFIO_TYPE1V2_IOMMU
#define IOVA UINT64_C(0x100000)
#define R ABI_VFIO_DMA_MAP_FLAG_READ
#define W ABI_VFIO_DMA_MAP_FLAG_WRITE

/* A device that is software; it pins a run of pages and lets go of it when asked. */
struct soft {
	struct vfio_device device;
	char name[16];
	uint64_t iova;
	size_t count; /* pinned */
	bool stubborn, one_by_one;
	unsigned int asked;
	uint64_t asked_iova, asked_length;
	uiommu_phys_t phys[64];
	int group, fd;
	enum { MEANWHILE_NOTHING, MEANWHILE_MAP, MEANWHILE_UNMAP } meanwhile;
	struct world *w;
	int container;
};

static struct soft *to_soft(struct vfio_device *device)
{
	return (struct soft *)(void *)device;
}

static int soft_open(struct vfio_device *device)
{
	(void)device;
	return 0;
}

static void soft_close(struct vfio_device *device)
{
	(void)device;
}

static long soft_ioctl(struct vfio_device *device, struct uiommu_uapi_process *caller,
		       uint32_t command, uintptr_t argument)
{
	(void)device;
	(void)caller;
	(void)command;
	(void)argument;
	return -UAPI_ENOTTY;
}

static void soft_unmap(struct vfio_device *device, uint64_t iova, uint64_t length)
{
	struct soft *s = to_soft(device);

	s->asked++;
	s->asked_iova = iova;
	s->asked_length = length;
	if (s->stubborn || !s->count || s->iova > iova + (length - 1) ||
	    s->iova + s->count * PAGE - 1 < iova)
		return;
	if (!s->one_by_one)
		uiommu_vfio_unpin_pages(device, s->iova, s->count);
	for (size_t i = s->one_by_one ? s->count : 0; i--;)
		uiommu_vfio_unpin_pages(device, s->iova + i * PAGE, 1);
	s->count = 0;
	if (s->meanwhile == MEANWHILE_MAP)
		assert_int_equal(legacy_map(s->w, s->container, IOVA + 6 * PAGE, s->w->memory,
					    4 * PAGE, LEGACY_RW),
				 0);
	if (s->meanwhile == MEANWHILE_UNMAP)
		assert_int_equal(legacy_unmap(s->w, s->container, IOVA, 2 * PAGE, 0, NULL), 0);
}

static const struct vfio_driver soft_driver = {
	.name = "soft",
	.open = soft_open,
	.close = soft_close,
	.ioctl = soft_ioctl,
	.dma_unmap = soft_unmap,
};

static void soft_register(struct soft *s, struct world *w, const char *name)
{
	*s = (struct soft){
		.device = { .driver = &soft_driver, .uapi = w->uapi, .flags = VFIO_EMULATED },
	};
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->device.name = s->name;
	assert_int_equal(uiommu_vfio_register(&s->device), 0);
}

static void soft_start(struct soft *s, struct world *w, const char *name, int container,
		       uintptr_t type)
{
	char path[64];

	soft_register(s, w, name);
	snprintf(path, sizeof(path), "/dev/vfio/%u", s->device.group->id);
	s->group = uiommu_uapi_open(w->process, path);
	assert_true(s->group >= 0);
	assert_int_equal(legacy_set_container(w, s->group, container), 0);
	if (type)
		assert_int_equal(legacy_set_iommu(w, container, type), 0);
	s->fd = (int)legacy_call(w, s->group, ABI_VFIO_GROUP_GET_DEVICE_FD, s->name);
	assert_true(s->fd >= 0);
}

static void soft_stop(struct soft *s, struct world *w)
{
	assert_int_equal(uiommu_uapi_close(w->process, s->fd), 0);
	assert_int_equal(uiommu_uapi_close(w->process, s->group), 0);
	uiommu_vfio_unregister(&s->device);
}

static int pin(struct soft *s, uint64_t iova, size_t count, unsigned int prot)
{
	int rc = uiommu_vfio_pin_pages(&s->device, iova, count, prot, s->phys);

	if (!rc) {
		s->iova = iova;
		s->count = count;
	}
	return rc;
}

static uint64_t charged(struct world *w)
{
	return uiommu_uapi_process_pinned(w->process) / PAGE;
}

/* Alone: only what is used is pinned and charged, and by page */
static void test_pins(void **state)
{
	struct world w;
	struct soft s;
	uint64_t gone;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	soft_start(&s, &w, "soft-0", container, TYPE1V2);
	assert_int_equal(pin(&s, IOVA, 1, UIOMMU_READ), -UIOMMU_ENOENT);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 8 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 8 * PAGE, w.memory + 20 * PAGE, PAGE, R),
			 0);
	/* There is no hardware whose limits count. */
	assert_int_equal(legacy_map(&w, container, 0xfee00000, w.memory, PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(charged(&w), 0);
	assert_int_equal(pin(&s, IOVA + 1, 1, UIOMMU_READ), -UIOMMU_EINVAL);
	assert_int_equal(pin(&s, IOVA, 0, UIOMMU_READ), -UIOMMU_EINVAL);
	assert_int_equal(pin(&s, -PAGE, 2, UIOMMU_READ), -UIOMMU_EOVERFLOW);
	assert_int_equal(pin(&s, IOVA + 7 * PAGE, 2, UIOMMU_READ | UIOMMU_WRITE), -UIOMMU_EPERM);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(pin(&s, IOVA + 7 * PAGE, 3, UIOMMU_READ), -UIOMMU_ENOENT);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(pin(&s, IOVA + 6 * PAGE, 3, UIOMMU_READ), 0);
	assert_int_equal(legacy_pins(&w), 3);
	assert_int_equal(charged(&w), 3);
	assert_ptr_equal(uiommu_port_user_ptr(machine_host(w.machine), s.phys[1]),
			 w.memory + 7 * PAGE);
	assert_ptr_equal(uiommu_port_user_ptr(machine_host(w.machine), s.phys[2]),
			 w.memory + 20 * PAGE);
	/* In other pieces than they were pinned in, and never more than was. */
	uiommu_vfio_unpin_pages(&s.device, IOVA + 8 * PAGE, 1);
	assert_int_equal(legacy_pins(&w), 2);
	uiommu_vfio_unpin_pages(&s.device, IOVA + 6 * PAGE, 3);
	assert_int_equal(legacy_pins(&w), 0);
	uiommu_vfio_unpin_pages(&s.device, IOVA + 6 * PAGE, 3);
	assert_int_equal(charged(&w), 0);
	/* The unmap asks. */
	assert_int_equal(pin(&s, IOVA, 8, UIOMMU_READ), 0);
	s.one_by_one = true;
	assert_int_equal(legacy_unmap(&w, container, IOVA, 9 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 9 * PAGE);
	assert_int_equal(s.asked, 1);
	assert_int_equal(s.asked_iova, IOVA);
	assert_int_equal(s.asked_length, 8 * PAGE);
	assert_int_equal(legacy_pins(&w), 0);
	/* What is not pinned needs nobody's leave. */
	assert_int_equal(legacy_unmap(&w, container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL, &gone), 0);
	assert_int_equal(s.asked, 1);
	soft_stop(&s, &w);
	world_stop(&w);
}

/* One that never lets go is asked ten times, and the mapping stays with all that it needs */
static void test_stubborn(void **state)
{
	struct soft s, other;
	struct world w;
	uint64_t gone;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	soft_start(&s, &w, "soft-0", container, TYPE1V2);
	soft_start(&other, &w, "soft-1", container, 0);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 4 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 4 * PAGE, w.memory, PAGE, LEGACY_RW), 0);
	s.stubborn = true;
	assert_int_equal(pin(&s, IOVA + 4 * PAGE, 1, UIOMMU_WRITE), 0);
	assert_int_equal(pin(&other, IOVA, 2, UIOMMU_WRITE), 0);
	assert_int_equal(legacy_unmap(&w, container, IOVA, 5 * PAGE, 0, NULL), -UAPI_EDEADLK);
	assert_int_equal(s.asked, 11); /* ten times, and once for the other's */
	assert_int_equal(other.asked, 11);
	assert_int_equal(other.count, 0);
	assert_int_equal(legacy_pins(&w), 1);
	assert_int_equal(machine_num_warnings(w.machine), 1);
	machine_clear_warnings(w.machine);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA, &gone, sizeof(gone), true), 0);
	s.stubborn = false;
	assert_int_equal(legacy_unmap(&w, container, IOVA, 5 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 5 * PAGE);
	assert_int_equal(legacy_pins(&w), 0);
	/* One that is closed with its pins: they go with the container. */
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 4 * PAGE, LEGACY_RW), 0);
	assert_int_equal(pin(&s, IOVA + PAGE, 2, UIOMMU_WRITE), 0);
	assert_int_equal(pin(&s, IOVA + 2 * PAGE, 1, UIOMMU_WRITE), 0);
	soft_stop(&other, &w);
	assert_int_equal(legacy_pins(&w), 2);
	soft_stop(&s, &w);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(charged(&w), 0);
	assert_int_equal(machine_num_warnings(w.machine), 1);
	machine_clear_warnings(w.machine);
	world_stop(&w);
}

/* What a callback does meanwhile: the unmap sees what there is afterwards */
static void test_meanwhile(void **state)
{
	struct world w;
	struct soft s;
	uint64_t gone;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	soft_start(&s, &w, "soft-0", container, TYPE1V2);
	s.w = &w;
	s.container = container;
	/* Another mapping, across the end of the range: it is not cut, nor taken. */
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 2 * PAGE, LEGACY_RW), 0);
	assert_int_equal(pin(&s, IOVA, 1, UIOMMU_READ), 0);
	s.meanwhile = MEANWHILE_MAP;
	assert_int_equal(legacy_unmap(&w, container, IOVA, 8 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 2 * PAGE);
	assert_int_equal(legacy_unmap(&w, container, IOVA + 6 * PAGE, 4 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 4 * PAGE);
	/* The same unmap. */
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 2 * PAGE, LEGACY_RW), 0);
	assert_int_equal(pin(&s, IOVA, 1, UIOMMU_READ), 0);
	s.meanwhile = MEANWHILE_UNMAP;
	assert_int_equal(legacy_unmap(&w, container, IOVA, 8 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 0);
	assert_int_equal(legacy_pins(&w), 0);
	soft_stop(&s, &w);
	world_stop(&w);
}

/* A device stays where it was opened, when its group has another container meanwhile */
static void test_other_way(void **state)
{
	struct world w;
	struct soft s;
	int container, iommufd;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	iommufd = uiommu_uapi_open(w.process, "/dev/iommu");
	soft_start(&s, &w, "soft-0", iommufd, TYPE1V2);
	assert_int_equal(legacy_map(&w, iommufd, IOVA, w.memory, PAGE, LEGACY_RW), 0);
	assert_int_equal(pin(&s, IOVA, 1, UIOMMU_READ), 0);
	assert_int_equal(legacy_unset_container(&w, s.group), 0);
	assert_int_equal(legacy_set_container(&w, s.group, container), 0);
	assert_int_equal(legacy_set_iommu(&w, container, TYPE1V2), 0);
	uiommu_vfio_unpin_pages(&s.device, IOVA, 1);
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(pin(&s, IOVA, 1, UIOMMU_READ), 0);
	assert_int_equal(legacy_unmap(&w, iommufd, IOVA, PAGE, 0, NULL), 0);
	assert_int_equal(s.asked, 1);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA, &container, 4, true), -UIOMMU_ENOENT);
	soft_stop(&s, &w);
	world_stop(&w);
}

/* Copies: across mappings, with what these allow; reading is always needed */
static void test_copy(void **state)
{
	struct uiommu_uapi_process_config poor = { 0 };
	struct uiommu_uapi_process *rich;
	unsigned char data[3 * PAGE];
	struct world w;
	struct soft s;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	rich = w.process;
	assert_int_equal(uiommu_uapi_process_create(w.uapi, &poor, &w.process), 0);
	container = legacy_container(&w);
	soft_start(&s, &w, "soft-0", container, TYPE1V2);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory + PAGE, 2 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 2 * PAGE, w.memory, PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 3 * PAGE, w.memory + 9 * PAGE, PAGE, R),
			 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 4 * PAGE, w.memory + 10 * PAGE, PAGE, W),
			 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 / 3);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 100, data, sizeof(data) - 100, true),
			 0);
	assert_memory_equal(w.memory + PAGE + 100, data, 2 * PAGE - 100);
	assert_memory_equal(w.memory, data + 2 * PAGE - 100, PAGE);
	memset(data, 0, sizeof(data));
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 2 * PAGE - 50, data, 100, false), 0);
	assert_memory_equal(data, w.memory + 3 * PAGE - 50, 50);
	assert_memory_equal(data + 50, w.memory, 50);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA, data, 0, false), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, UINT64_MAX, data, 2, false),
			 -UIOMMU_EOVERFLOW);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA - 1, data, 2, false), -UIOMMU_ENOENT);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 3 * PAGE, data, 2, true),
			 -UIOMMU_EPERM);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 4 * PAGE, data, 2, true),
			 -UIOMMU_EPERM);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 4 * PAGE - 1, data, 2, false),
			 -UIOMMU_EPERM);
	/* None of which anybody is charged for; a pin is. */
	assert_int_equal(legacy_pins(&w), 0);
	assert_int_equal(pin(&s, IOVA, 1, UIOMMU_READ), -UIOMMU_ENOMEM);
	soft_stop(&s, &w);
	uiommu_uapi_process_destroy(w.process);
	w.process = rich;
	world_stop(&w);
}

/* Beside a device with an IOMMU: what hardware needs pinned comes and goes with that */
static void test_beside(void **state)
{
	struct legacy_device d;
	struct world w;
	struct soft s;
	uint64_t gone;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	soft_start(&s, &w, "soft-0", container, TYPE1V2);
	assert_int_equal(uiommu_uapi_ioctl(w.process, container, ABI_VFIO_CHECK_EXTENSION,
					   ABI_VFIO_UPDATE_VADDR),
			 0);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 4 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 4 * PAGE, w.memory + 4 * PAGE, PAGE,
				    LEGACY_RW),
			 0);
	assert_int_equal(pin(&s, IOVA + PAGE, 4, UIOMMU_WRITE), 0);
	assert_int_equal(legacy_pins(&w), 4);
	assert_int_equal(legacy_unmap(&w, container, 0, 0,
				      ABI_VFIO_DMA_UNMAP_FLAG_ALL | ABI_VFIO_DMA_UNMAP_FLAG_VADDR,
				      NULL),
			 -UIOMMU_EBUSY);
	legacy_start(&d, &w, "solo0", container, 0);
	assert_int_equal(charged(&w), 5);
	assert_true(legacy_reaches(&d, IOVA, w.memory));
	assert_true(legacy_reaches(&d, IOVA + 4 * PAGE, w.memory + 4 * PAGE));
	/* Pinned anyway: nothing more to charge. */
	uiommu_vfio_unpin_pages(&s.device, IOVA + PAGE, 4);
	assert_int_equal(charged(&w), 5);
	uiommu_vfio_unpin_pages(&s.device, IOVA + PAGE, 4); /* not its own any more */
	assert_int_equal(legacy_pins(&w), 5);
	assert_int_equal(pin(&s, IOVA + 3 * PAGE, 2, UIOMMU_WRITE), 0);
	assert_int_equal(charged(&w), 5);
	legacy_stop(&d);
	assert_int_equal(charged(&w), 2);
	assert_int_equal(legacy_pins(&w), 2);
	legacy_start(&d, &w, "solo1", container, 0);
	assert_int_equal(charged(&w), 5);
	assert_int_equal(legacy_unmap(&w, container, IOVA, 5 * PAGE, 0, &gone), 0);
	assert_int_equal(gone, 5 * PAGE);
	assert_int_equal(s.count, 0);
	assert_int_equal(charged(&w), 0);
	assert_false(legacy_reaches(&d, IOVA, w.memory));
	/* The device with the IOMMU is the last: the container stays with it. */
	soft_stop(&s, &w);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 4 * PAGE, LEGACY_RW), 0);
	assert_true(legacy_reaches(&d, IOVA, w.memory));
	world_stop(&w);
}

/* Pages that were pinned or written since they were last asked about, or are pinned still */
static void test_dirty(void **state)
{
	uint64_t bits[2], word = 1;
	struct abi_vfio_iommu_type1_dirty_bitmap start = { sizeof(start), 1 };
	struct {
		struct abi_vfio_iommu_type1_dirty_bitmap head;
		struct abi_vfio_iommu_type1_dirty_bitmap_get get;
	} get = {
		.head = { sizeof(get), ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP },
		.get = { IOVA, 80 * PAGE, { PAGE, sizeof(bits), (uintptr_t)bits } },
	};
	struct {
		struct abi_vfio_iommu_type1_dma_unmap arg;
		struct abi_vfio_bitmap bitmap;
	} unmap = {
		.arg = { sizeof(unmap), ABI_VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, IOVA, 80 * PAGE },
		.bitmap = { PAGE, sizeof(bits), (uintptr_t)bits },
	};
	struct legacy_device d;
	struct world w;
	struct soft s;
	int container;

	(void)state;
	world_start(&w, "q35-vtd", NULL);
	container = legacy_container(&w);
	soft_start(&s, &w, "soft-0", container, TYPE1V2);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, 70 * PAGE, LEGACY_RW), 0);
	assert_int_equal(legacy_map(&w, container, IOVA + 70 * PAGE, w.memory + 70 * PAGE, PAGE,
				    LEGACY_RW),
			 0);
	assert_int_equal(pin(&s, IOVA + 65 * PAGE, 1, UIOMMU_WRITE), 0);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &start), 0);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 3 * PAGE, &word, 8, true), 0);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 4 * PAGE, &word, 8, false), 0);
	assert_int_equal(pin(&s, IOVA + 10 * PAGE, 2, UIOMMU_READ), 0);
	uiommu_vfio_unpin_pages(&s.device, IOVA + 10 * PAGE, 2);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
	assert_int_equal(bits[0], UINT64_C(1) << 3 | UINT64_C(3) << 10);
	assert_int_equal(bits[1], 1 << 1);
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 70 * PAGE, &word, 8, true), 0);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
	assert_int_equal(bits[0], 0);
	assert_int_equal(bits[1], 1 << 1 | 1 << 6);
	uiommu_vfio_unpin_pages(&s.device, IOVA + 65 * PAGE, 1);
	s.count = 0;
	/* Of the word in which it begins a mapping has what is not before it. */
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + PAGE, &word, 8, true), 0);
	bits[0] = UINT64_MAX;
	get.get.iova -= 3 * PAGE;
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
	assert_int_equal(bits[0], 7 | 1 << 4);
	get.get.iova += 3 * PAGE;
	assert_int_equal(uiommu_vfio_dma_rw(&s.device, IOVA + 65 * PAGE, &word, 8, true), 0);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
	assert_int_equal(bits[1], 1 << 1);
	/* One device with an IOMMU, and all is written. */
	legacy_start(&d, &w, "solo0", container, 0);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
	assert_true(bits[0] == UINT64_MAX && bits[1] == 0x7f);
	legacy_stop(&d);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &get), 0);
	assert_true(bits[0] == 0 && bits[1] == 0);
	assert_int_equal(pin(&s, IOVA + 20 * PAGE, 3, UIOMMU_WRITE), 0);
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_UNMAP_DMA, &unmap), 0);
	assert_int_equal(unmap.arg.size, 71 * PAGE);
	/* More pages than a bitmap can have. */
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, UINT64_C(1) << 43, LEGACY_RW),
			 -UIOMMU_EINVAL);
	start.flags = ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &start), 0);
	assert_int_equal(legacy_map(&w, container, IOVA, w.memory, UINT64_C(1) << 43, LEGACY_RW),
			 0);
	start.flags = ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
	assert_int_equal(legacy_call(&w, container, ABI_VFIO_IOMMU_DIRTY_PAGES, &start),
			 -UIOMMU_EINVAL);
	assert_int_equal(s.count, 0);
	assert_true(bits[0] == UINT64_C(7) << 20 && bits[1] == 0);
	soft_stop(&s, &w);
	world_stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins),	  cmocka_unit_test(test_stubborn),
		cmocka_unit_test(test_copy),	  cmocka_unit_test(test_beside),
		cmocka_unit_test(test_dirty),	  cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_other_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
