/* SPDX-License-Identifier: MIT */
/*
 * container.c - what MAP_DMA and UNMAP_DMA of a container cost, with one device behind the driver of null_driver.h
 *
 * As in uapi.c: a map's unmap, and the other way round, is outside of the measured time, and the limit of the
 * larger sizes is what writing the list of their pages costs.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

#include <uiommu/abi_vfio.h>

#include "bench/null_driver.h"
#include "src/uapi/vfio.h"

#define K4 UINT64_C(0x1000)
#define M2 UINT64_C(0x200000)
#define G1 UINT64_C(0x40000000)
#define BASE (4 * G1)

struct work {
	struct null_iommu iommu;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process *process;
	struct vfio_device device;
	uint8_t *memory;
	int container;
	uint64_t size, calls;
	bool unmap;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s failed\n", what);
	exit(2);
}

static void map(struct work *w, uint64_t offset, uint64_t iova)
{
	struct abi_vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)w->memory + offset,
		.iova = iova,
		.size = w->size,
	};

	must(!uiommu_uapi_ioctl(w->process, w->container, ABI_VFIO_IOMMU_MAP_DMA, (uintptr_t)&arg),
	     "MAP_DMA");
}

static void unmap(struct work *w, uint64_t iova, uint64_t size)
{
	struct abi_vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = size ? 0 : ABI_VFIO_DMA_UNMAP_FLAG_ALL,
		.iova = iova,
		.size = size,
	};

	must(!uiommu_uapi_ioctl(w->process, w->container, ABI_VFIO_IOMMU_UNMAP_DMA,
				(uintptr_t)&arg) &&
		     (!size || arg.size == size),
	     "UNMAP_DMA");
}

static uint64_t run_map(void *context)
{
	struct work *w = context;
	uint64_t t[3];

	t[0] = bench_now();
	for (uint64_t i = 0; i < w->calls; i++)
		map(w, i * w->size, BASE + i * w->size);
	t[1] = bench_now();
	for (uint64_t i = 0; i < w->calls; i++)
		unmap(w, BASE + i * w->size, w->size);
	t[2] = bench_now();
	return w->unmap ? t[2] - t[1] : t[1] - t[0];
}

static uint64_t run_list(void *context)
{
	struct work *w = context;
	uint64_t start = bench_now();
	uint64_t *list = malloc(w->size / K4 * sizeof(*list));

	for (uint64_t i = 0; i < w->size / K4; i++)
		list[i] = BASE + i * K4;
	__asm__ volatile("" : : "r"(list) : "memory");
	free(list);
	return bench_now() - start;
}

static void run_sizes(struct work *w, struct bench_report *report)
{
	static const struct {
		const char *map, *unmap;
		uint64_t size;
		unsigned int calls;
	} sizes[] = {
		{ "map 4K", "unmap 4K", K4, 512 },
		{ "map 2M", "unmap 2M", M2, 64 },
		{ "map 64M", "unmap 64M", 32 * M2, 8 },
		{ "map 1G", "unmap 1G", G1, 1 },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double limit = 500, median;

		w->size = sizes[i].size;
		w->calls = sizes[i].calls;
		if (w->size != K4)
			bench_sample(run_list, w, 1, &limit, &median);
		for (unsigned int u = 0; u < 2; u++) {
			struct bench_result r = { .area = "uapi",
						  .format = "type1",
						  .name = u ? sizes[i].unmap : sizes[i].map,
						  .limit_ns = limit };

			w->unmap = u;
			bench_sample(run_map, w, sizes[i].calls, &r.ns_min, &r.ns_median);
			bench_add(report, &r);
		}
	}
}

/* One map, and its unmap, beside so many others; and the end of all of them at once. */
static void run_growth(struct work *w, struct bench_report *report)
{
	static const struct {
		const char *map, *all;
		uint64_t mappings;
	} steps[] = {
		{ "map 10^3th", "unmap all 10^3", 1000 },
		{ "map 10^4th", "unmap all 10^4", 10000 },
		{ "map 10^5th", "unmap all 10^5", 100000 },
		{ "map 10^6th", "unmap all 10^6", 1000000 },
	};

	w->size = K4;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct bench_result r = { .area = "uapi", .format = "mappings, type1" };
		uint64_t start;

		for (uint64_t n = 0; n < steps[i].mappings; n++)
			map(w, n % 4096 * K4, BASE + n * 2 * K4);
		r.name = steps[i].map;
		r.ns_min = 1e30;
		for (unsigned int run = 0; run < 9; run++) {
			double ns;

			start = bench_now();
			for (uint64_t k = 0; k < 512; k++)
				map(w, k * K4, BASE + (steps[i].mappings + k) * 2 * K4);
			ns = (double)(bench_now() - start) / 512;
			if (ns < r.ns_min)
				r.ns_min = ns;
			if (run == 4)
				r.ns_median = ns;
			for (uint64_t k = 0; k < 512; k++)
				unmap(w, BASE + (steps[i].mappings + k) * 2 * K4, K4);
		}
		bench_add(report, &r);
		start = bench_now();
		unmap(w, 0, 0);
		r.name = steps[i].all;
		r.ns_min = (double)(bench_now() - start) / (double)steps[i].mappings;
		r.ns_median = r.ns_min;
		bench_add(report, &r);
	}
}

static int device_open(struct vfio_device *device)
{
	(void)device;
	return 0;
}

static void device_close(struct vfio_device *device)
{
	(void)device;
}

int bench_container(struct bench_report *report)
{
	static const struct vfio_driver driver = {
		.name = "bench",
		.open = device_open,
		.close = device_close,
	};
	const struct uiommu_uapi_process_config config = {
		.capabilities = UIOMMU_UAPI_CAP_ALL,
		.memlock = UINT64_MAX,
	};
	struct work *w = calloc(1, sizeof(*w));
	struct uiommu_uapi_config front = { .dma_entry_limit = 2000000 };
	char path[32];
	int32_t fd;
	int group;

	must(w && !null_iommu_create(&w->iommu, 2 * G1), "set-up");
	w->iommu.pgsizes = K4 | M2 | G1;
	w->memory = uiommu_posix_alloc_ram(w->iommu.host, G1, M2, NULL);
	must(w->memory, "memory");
	front.sys = w->iommu.sys;
	must(!uiommu_uapi_create(&front, &w->uapi) &&
		     !uiommu_uapi_process_create(w->uapi, &config, &w->process),
	     "set-up");
	w->device.driver = &driver;
	w->device.uapi = w->uapi;
	w->device.name = uiommu_device_name(w->iommu.dev);
	w->device.dev = w->iommu.dev;
	must(!uiommu_vfio_register(&w->device), "registration");
	w->container = uiommu_uapi_open(w->process, "/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/dev/vfio/%u", w->device.group->id);
	group = uiommu_uapi_open(w->process, path);
	fd = w->container;
	must(!uiommu_uapi_ioctl(w->process, group, ABI_VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd) &&
		     !uiommu_uapi_ioctl(w->process, w->container, ABI_VFIO_SET_IOMMU,
					ABI_VFIO_TYPE1V2_IOMMU),
	     "the container");
	run_sizes(w, report);
	run_growth(w, report);
	uiommu_uapi_close(w->process, group);
	uiommu_vfio_unregister(&w->device);
	uiommu_uapi_process_destroy(w->process);
	uiommu_uapi_destroy(w->uapi);
	uiommu_posix_free_ram(w->iommu.host, w->memory, G1);
	null_iommu_destroy(&w->iommu);
	free(w);
	return 0;
}
