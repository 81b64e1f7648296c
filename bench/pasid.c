/* SPDX-License-Identifier: MIT */
/*
 * pasid.c - what a PASID costs: attaching, binding a process, a page that a device asks for
 *
 * On modelled hardware with the real drivers, so the figures contain the models' work, which is the larger part; they
 * say what a change of core or driver does to them.  The last case is also a test: after many cycles as
 * much memory is in use as before, or the benchmark fails.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu/sva.h>

#include "machines/machine.h"

#define PAIRS 64u
#define STEP 1000u
#define BASE UINT64_C(0x10000000)

struct work {
	struct machine *machine;
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_domain *domain;
	struct uiommu_mm *mm;
	uint64_t page;
	uint32_t seed;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "uiommu bench: pasid: %s\n", what);
	exit(2);
}

static uint64_t run_attach(void *context)
{
	struct work *w = context;
	uint64_t start = bench_now();

	for (unsigned int i = 0; i < PAIRS; i++) {
		must(!uiommu_attach_device_pasid(w->domain, w->dev, 1 + i, NULL), "attach");
		uiommu_detach_device_pasid(w->domain, w->dev, 1 + i);
	}
	return bench_now() - start;
}

static uint64_t run_bind(void *context)
{
	struct work *w = context;
	uint64_t start = bench_now();

	for (unsigned int i = 0; i < PAIRS; i++) {
		struct uiommu_sva *sva;

		must(!uiommu_sva_bind_device(w->dev, w->mm, &sva), "bind");
		uiommu_sva_unbind_device(sva);
	}
	return bench_now() - start;
}

/* A page that is not there yet is asked for by the device, found by the process, and given up again. */
static void cycle(struct work *w)
{
	struct uiommu_sva *sva;
	uint32_t value = w->seed++, seen = 0;

	must(!uiommu_posix_mm_map(w->mm, BASE, w->page, UIOMMU_READ | UIOMMU_WRITE), "map");
	must(!uiommu_sva_bind_device(w->dev, w->mm, &sva), "bind");
	must(machine_dma_write(w->device, BASE + 64, &value, sizeof(value), uiommu_sva_pasid(sva),
			       MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST) ==
		     MACHINE_DMA_DONE,
	     "DMA");
	must(!uiommu_posix_mm_read(w->mm, BASE + 64, &seen, sizeof(seen)) && seen == value,
	     "what the device wrote is not what the process reads");
	uiommu_sva_unbind_device(sva);
	must(!uiommu_posix_mm_unmap(w->mm, BASE, w->page), "unmap");
}

static uint64_t run_cycle(void *context)
{
	uint64_t start = bench_now();

	for (unsigned int i = 0; i < PAIRS; i++)
		cycle(context);
	return bench_now() - start;
}

/* Kilobytes of the process that are in memory. */
static unsigned long resident(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file) {
		if (fscanf(file, "%*s %lu", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return pages * 4;
}

/* All cycles once; growth ends the benchmark. */
static double many_cycles(struct work *w, const char *name, unsigned int cycles)
{
	struct uiommu_posix_usage before, after;
	unsigned long resident_before, resident_after;
	uint64_t start;

	for (unsigned int i = 0; i < STEP; i++)
		cycle(w);
	uiommu_posix_usage(machine_host(w->machine), &before);
	resident_before = resident();
	start = bench_now();
	for (unsigned int i = 0; i < cycles; i++)
		cycle(w);
	start = bench_now() - start;
	uiommu_posix_usage(machine_host(w->machine), &after);
	resident_after = resident();
	if (memcmp(&before, &after, sizeof(before)) || resident_after > resident_before + 1024) {
		fprintf(stderr,
			"uiommu bench: pasid: %s: after %u cycles %llu objects instead of %llu, "
			"%llu pages instead of %llu, %lu KiB instead of %lu\n",
			name, cycles, (unsigned long long)after.objects,
			(unsigned long long)before.objects, (unsigned long long)after.pages,
			(unsigned long long)before.pages, resident_after, resident_before);
		exit(1);
	}
	return (double)start / cycles;
}

static void add(struct bench_report *report, struct work *w, const char *format, const char *name,
		bench_case run, unsigned int cycles)
{
	struct bench_result r = { .area = "pasid", .format = format, .name = name };

	if (run)
		bench_sample(run, w, PAIRS, &r.ns_min, &r.ns_median);
	else
		r.ns_min = r.ns_median = many_cycles(w, format, cycles);
	bench_add(report, &r);
}

/* The model of the SMMUv3 looks at all CDs of a stream after each invalidation: there fewer have to do. */
static void run_machine(struct bench_report *report, const char *name, const char *format,
			const char *cycles, unsigned int count)
{
	struct machine_options options = { .name = name, .hardware = "model", .seed = 1 };
	struct work w = { .page = 4096 };
	struct uiommu_group *group;
	char error[256] = "";

	must(!machine_create(&options, &w.machine, error, sizeof(error)) &&
		     !machine_boot(w.machine, 0, error, sizeof(error)),
	     error);
	w.device = machine_device(w.machine, "pri0");
	must(w.device, "the machine has no device that asks for pages");
	w.dev = machine_device_uiommu(w.device);
	group = uiommu_group_get(w.dev);
	must(group && !uiommu_group_claim_dma_owner(group, &w), "claim");
	must(!uiommu_domain_alloc_paging(w.dev, UIOMMU_ALLOC_PASID, &w.domain), "domain");
	must(!machine_mm_create(w.machine, w.device, &w.mm), "process");
	add(report, &w, format, "attach + detach", run_attach, 0);
	add(report, &w, format, "bind + unbind", run_bind, 0);
	add(report, &w, format, "bind, fault, unbind", run_cycle, 0);
	add(report, &w, format, cycles, NULL, count);
	uiommu_posix_mm_put(w.mm);
	uiommu_domain_free(w.domain);
	uiommu_group_release_dma_owner(group);
	uiommu_group_put(group);
	machine_shutdown(w.machine);
	machine_destroy(w.machine);
}

int bench_pasid(struct bench_report *report)
{
	run_machine(report, "q35-vtd-pri", "vtd@model", "1,000,000 of these", 1000000);
	run_machine(report, "virt-smmuv3-pri", "smmuv3@model", "5,000 of these", 5000);
	run_machine(report, "virt-smmuv3-stall", "smmuv3@model, stalls", "20,000 of these", 20000);
	return 0;
}
