/* SPDX-License-Identifier: MIT */
/*
 * uapi.c - what commands on /dev/iommu cost, in the process and without hardware
 *
 * "ioas" has no device, "device" one behind the driver of null_driver.h, whose page tables are real.  A map's
 * unmap, and the other way round, is outside of the measured time.  The limit of 1 GiB is what writing the list
 * of its pages costs; that of the rest is what is asked for.  Nth: one map, and its unmap, beside N areas.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "bench/null_driver.h"
#include "src/uapi/iommufd.h"

#define K4 UINT64_C(0x1000)
#define M2 UINT64_C(0x200000)
#define G1 UINT64_C(0x40000000)
#define BASE (4 * G1)
#define RW (ABI_IOMMU_IOAS_MAP_READABLE | ABI_IOMMU_IOAS_MAP_WRITEABLE)

struct work {
	struct null_iommu iommu;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process *process;
	struct uapi_file *file;
	struct iommufd_device *device;
	uint8_t *memory;
	int fd;
	uint32_t ioas, other;
	uint64_t size, calls;
	bool unmap, automatic;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s failed\n", what);
	exit(2);
}

static long call(struct work *w, uint32_t command, void *argument)
{
	return uiommu_uapi_ioctl(w->process, w->fd, command, (uintptr_t)argument);
}

static uint32_t new_ioas(struct work *w)
{
	struct abi_iommu_ioas_alloc arg = { .size = sizeof(arg) };

	must(!call(w, ABI_IOMMU_IOAS_ALLOC, &arg), "IOAS_ALLOC");
	return arg.out_ioas_id;
}

static uint64_t map(struct work *w, uint64_t offset, uint64_t iova)
{
	struct abi_iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = RW | (w->automatic ? 0 : ABI_IOMMU_IOAS_MAP_FIXED_IOVA),
		.ioas_id = w->ioas,
		.user_va = (uintptr_t)w->memory + offset,
		.length = w->size,
		.iova = iova,
	};

	must(!call(w, ABI_IOMMU_IOAS_MAP, &arg), "IOAS_MAP");
	return arg.iova;
}

static void unmap(struct work *w, uint32_t ioas, uint64_t iova, uint64_t length)
{
	struct abi_iommu_ioas_unmap arg = { sizeof(arg), ioas, iova, length };

	must(!call(w, ABI_IOMMU_IOAS_UNMAP, &arg), "IOAS_UNMAP");
}

static uint64_t run_unknown(void *context)
{
	struct work *w = context;
	struct abi_iommu_destroy arg = { sizeof(arg), 0 };
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < w->calls; i++)
		must(call(w, 0x3b9f, &arg) == -UAPI_ENOTTY, "an unknown command");
	return bench_now() - start;
}

static uint64_t run_cheap(void *context)
{
	struct work *w = context;
	struct abi_iommu_destroy arg = { sizeof(arg), 999 };
	uint64_t start = bench_now();

	for (uint64_t i = 0; i < w->calls; i++)
		must(call(w, ABI_IOMMU_DESTROY, &arg) == -UIOMMU_ENOENT, "DESTROY");
	return bench_now() - start;
}

static uint64_t run_map(void *context)
{
	struct work *w = context;
	const uint64_t stride = w->size;
	uint64_t t[3];

	t[0] = bench_now();
	for (uint64_t i = 0; i < w->calls; i++)
		map(w, i * stride, BASE + i * stride);
	t[1] = bench_now();
	for (uint64_t i = 0; i < w->calls; i++)
		unmap(w, w->ioas, BASE + i * stride, w->size);
	t[2] = bench_now();
	return w->unmap ? t[2] - t[1] : t[1] - t[0];
}

/* An address for every page, as a list of pages has one. */
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

static uint64_t run_copy(void *context)
{
	struct work *w = context;
	struct abi_iommu_ioas_copy arg = {
		.size = sizeof(arg),
		.flags = RW | ABI_IOMMU_IOAS_MAP_FIXED_IOVA,
		.src_ioas_id = w->other,
		.dst_ioas_id = w->ioas,
		.length = G1,
		.dst_iova = BASE,
		.src_iova = BASE,
	};
	uint64_t t[3];

	t[0] = bench_now();
	must(!call(w, ABI_IOMMU_IOAS_COPY, &arg), "IOAS_COPY");
	t[1] = bench_now();
	unmap(w, w->ioas, BASE, G1);
	t[2] = bench_now();
	return w->unmap ? t[2] - t[1] : t[1] - t[0];
}

static uint64_t run_attach(void *context)
{
	struct work *w = context;
	uint64_t t[3], sum = 0;

	for (uint64_t i = 0; i < w->calls; i++) {
		uint32_t pt = w->other;

		t[0] = bench_now();
		must(!uiommu_iommufd_device_attach(w->device, UIOMMU_RID, &pt), "attach");
		t[1] = bench_now();
		uiommu_iommufd_device_detach(w->device, UIOMMU_RID);
		t[2] = bench_now();
		sum += w->unmap ? t[2] - t[1] : t[1] - t[0];
	}
	return sum;
}

static void sample(struct work *w, struct bench_report *report, const char *format,
		   const char *name, bench_case run, unsigned int calls, double limit,
		   double linux_ns)
{
	struct bench_result r = { .area = "uapi", .format = format, .name = name };

	w->calls = calls;
	bench_sample(run, w, calls, &r.ns_min, &r.ns_median);
	r.limit_ns = limit;
	r.linux_ns = linux_ns;
	bench_add(report, &r);
}

static const struct size {
	const char *map, *unmap;
	uint64_t size;
	unsigned int calls;
} sizes[] = {
	{ "map 4K", "unmap 4K", K4, 512 },
	{ "map 2M", "unmap 2M", M2, 64 },
	{ "map 64M", "unmap 64M", 32 * M2, 8 },
	{ "map 1G", "unmap 1G", G1, 1 },
};

static void run_sizes(struct work *w, struct bench_report *report, const char *format, bool device)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const struct size *s = &sizes[i];
		double limit = 500, median;

		w->size = s->size;
		if (s->size != K4)
			bench_sample(run_list, w, 1, &limit, &median);
		for (unsigned int u = 0; u < 2; u++) {
			double linux_ns = s->size != K4 ? 0 :
					  device	? (u ? 510 : 790) :
					  u		? 210 :
							  220;

			w->unmap = u;
			sample(w, report, format, u ? s->unmap : s->map, run_map, s->calls, limit,
			       linux_ns);
		}
	}
}

/* Pages of one piece of memory at ever new addresses: what the tree of areas costs as it grows. */
static void run_growth(struct work *w, struct bench_report *report, const char *format)
{
	static const struct {
		const char *map, *automatic;
		uint64_t areas;
	} steps[] = {
		{ "map 10^3th", "auto 10^3th", 1000 },
		{ "map 10^4th", "auto 10^4th", 10000 },
		{ "map 10^5th", "auto 10^5th", 100000 },
		{ "map 10^6th", "auto 10^6th", 1000000 },
	};
	uint64_t areas = 0, iova[512];

	w->size = K4;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		/* Every other page, so that there are as many gaps as areas. */
		for (; areas < steps[i].areas; areas++)
			map(w, areas % 4096 * K4, BASE + areas * 2 * K4);
		for (unsigned int automatic = 0; automatic < 2; automatic++) {
			struct bench_result r = { .area = "uapi",
						  .format = format,
						  .name = automatic ? steps[i].automatic :
								      steps[i].map,
						  .ns_min = 1e30 };

			w->automatic = automatic;
			for (unsigned int run = 0; run < 9; run++) {
				uint64_t start = bench_now();
				double ns;

				for (unsigned int k = 0; k < 512; k++)
					iova[k] = map(w, k * K4, BASE + (areas + k) * 2 * K4);
				ns = (double)(bench_now() - start) / 512;
				if (ns < r.ns_min)
					r.ns_min = ns;
				if (run == 4)
					r.ns_median = ns;
				for (unsigned int k = 0; k < 512; k++)
					unmap(w, w->ioas, iova[k], K4);
			}
			w->automatic = false;
			bench_add(report, &r);
		}
	}
	unmap(w, w->ioas, 0, UINT64_MAX);
}

int bench_uapi(struct bench_report *report)
{
	const struct uiommu_uapi_process_config config = {
		.capabilities = UIOMMU_UAPI_CAP_ALL,
		.memlock = UINT64_MAX,
	};
	struct work *w = calloc(1, sizeof(*w));
	struct uiommu_uapi_config front = { 0 };
	uint32_t pt;

	must(w && !null_iommu_create(&w->iommu, 2 * G1), "set-up");
	w->iommu.pgsizes = K4 | M2 | G1;
	w->memory = uiommu_posix_alloc_ram(w->iommu.host, G1, M2, NULL);
	must(w->memory, "memory");
	front.sys = w->iommu.sys;
	must(!uiommu_uapi_create(&front, &w->uapi) &&
		     !uiommu_uapi_process_create(w->uapi, &config, &w->process),
	     "set-up");
	w->fd = uiommu_uapi_open(w->process, "/dev/iommu");
	w->file = uiommu_uapi_fd_get(w->process, w->fd);
	must(!uiommu_iommufd_device_bind(uiommu_iommufd_of_file(w->file), w->iommu.dev, &w->device),
	     "bind");
	sample(w, report, "ioctl", "unknown command", run_unknown, 4096, 0, 0);
	sample(w, report, "ioctl", "destroy nothing", run_cheap, 4096, 0, 0);
	w->ioas = new_ioas(w);
	run_sizes(w, report, "ioas", false);
	run_growth(w, report, "areas, ioas");
	w->other = new_ioas(w);
	sample(w, report, "device", "attach", run_attach, 64, 0, 0);
	w->unmap = true;
	sample(w, report, "device", "detach", run_attach, 64, 0, 0);
	pt = w->ioas;
	must(!uiommu_iommufd_device_attach(w->device, UIOMMU_RID, &pt), "attach");
	run_sizes(w, report, "device", true);
	run_growth(w, report, "areas, device");
	/* The source is pinned already: it is mapped in a domain of its own. */
	w->size = G1;
	{
		const uint32_t ioas = w->ioas;
		struct abi_iommu_hwpt_alloc arg = { .size = sizeof(arg),
						    .dev_id = w->device->object.id,
						    .pt_id = w->other };

		must(!call(w, ABI_IOMMU_HWPT_ALLOC, &arg), "HWPT_ALLOC");
		w->ioas = w->other;
		map(w, 0, BASE);
		w->ioas = ioas;
	}
	w->unmap = false;
	sample(w, report, "device", "copy 1G", run_copy, 1, 0, 4.3e6);
	w->unmap = true;
	sample(w, report, "device", "unmap the copy", run_copy, 1, 0, 1800);
	uiommu_iommufd_device_unbind(w->device);
	uiommu_uapi_file_put(w->file);
	uiommu_uapi_process_destroy(w->process);
	uiommu_uapi_destroy(w->uapi);
	uiommu_posix_free_ram(w->iommu.host, w->memory, G1);
	null_iommu_destroy(&w->iommu);
	free(w);
	return bench_container(report);
}
