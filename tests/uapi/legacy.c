/* SPDX-License-Identifier: MIT */
#include "tests/uapi/legacy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "machines/uapi_io.h"

long legacy_call(struct world *w, int fd, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(w->process, fd, command, (uintptr_t)argument);
}

void legacy_bind(struct legacy_device *d, struct world *w, const char *label)
{
	*d = (struct legacy_device){ .w = w, .group = -1, .fd = -1 };
	d->machine = world_device(w, label);
	assert_int_equal(machine_uapi_add(d->machine, w->uapi, &d->known), 0);
	assert_int_equal(uiommu_uapi_bind_driver(d->known, "vfio-pci"), 0);
}

int legacy_group(struct legacy_device *d)
{
	char path[64];

	assert_true(uiommu_uapi_device_group_path(d->known, path, sizeof(path)) > 0);
	d->group = uiommu_uapi_open(d->w->process, path);
	return d->group;
}

int legacy_container(struct world *w)
{
	int fd = uiommu_uapi_open(w->process, "/dev/vfio/vfio");

	assert_true(fd >= 0);
	return fd;
}

long legacy_set_container(struct world *w, int group, int container)
{
	int32_t fd = container;

	return legacy_call(w, group, ABI_VFIO_GROUP_SET_CONTAINER, &fd);
}

long legacy_unset_container(struct world *w, int group)
{
	return legacy_call(w, group, ABI_VFIO_GROUP_UNSET_CONTAINER, NULL);
}

long legacy_extension(struct world *w, int container, uintptr_t number)
{
	return uiommu_uapi_ioctl(w->process, container, ABI_VFIO_CHECK_EXTENSION, number);
}

long legacy_set_iommu(struct world *w, int container, uintptr_t type)
{
	return uiommu_uapi_ioctl(w->process, container, ABI_VFIO_SET_IOMMU, type);
}

int legacy_open(struct legacy_device *d)
{
	const char *name = uiommu_device_name(machine_device_uiommu(d->machine));
	uint16_t command = 6;

	d->fd = (int)legacy_call(d->w, d->group, ABI_VFIO_GROUP_GET_DEVICE_FD,
				 (void *)(uintptr_t)name);
	if (d->fd >= 0)
		assert_int_equal(uiommu_uapi_pwrite(d->w->process, d->fd, &command, 2,
						    (UINT64_C(7) << 40) + 4),
				 2);
	return d->fd;
}

void legacy_start(struct legacy_device *d, struct world *w, const char *label, int container,
		  uintptr_t type)
{
	legacy_bind(d, w, label);
	assert_true(legacy_group(d) >= 0);
	assert_int_equal(legacy_set_container(w, d->group, container), 0);
	if (type)
		assert_int_equal(legacy_set_iommu(w, container, type), 0);
	assert_true(legacy_open(d) >= 0);
}

void legacy_stop(struct legacy_device *d)
{
	if (d->fd >= 0)
		assert_int_equal(uiommu_uapi_close(d->w->process, d->fd), 0);
	if (d->group >= 0)
		assert_int_equal(uiommu_uapi_close(d->w->process, d->group), 0);
	d->fd = -1;
	d->group = -1;
}

long legacy_map(struct world *w, int container, uint64_t iova, const void *memory, uint64_t size,
		uint32_t flags)
{
	struct abi_vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = size,
	};

	return legacy_call(w, container, ABI_VFIO_IOMMU_MAP_DMA, &arg);
}

long legacy_unmap(struct world *w, int container, uint64_t iova, uint64_t size, uint32_t flags,
		  uint64_t *gone)
{
	struct abi_vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	long rc = legacy_call(w, container, ABI_VFIO_IOMMU_UNMAP_DMA, &arg);

	if (rc)
		assert_int_equal(arg.size, size);
	else if (gone)
		*gone = arg.size;
	return rc;
}

bool legacy_reaches(struct legacy_device *d, uint64_t iova, void *memory)
{
	static const uint32_t word = 0x5eed1e55;
	uint32_t before = 0, seen;

	memcpy(memory, &before, sizeof(before));
	machine_dma_write(d->machine, iova, &word, sizeof(word), 0, 0);
	machine_settle(d->w->machine);
	memcpy(&seen, memory, sizeof(seen));
	if (seen != word)
		assert_int_equal(seen, before);
	return seen == word;
}

uint64_t legacy_pins(struct world *w)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(machine_host(w->machine), &usage);
	return usage.pins;
}
