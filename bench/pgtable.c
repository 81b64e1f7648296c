/* SPDX-License-Identifier: MIT */
/*
 * pgtable.c - what mapping costs, through the library's public calls, without hardware
 *
 * One call is one piece of work: "map 256x4K" is one uiommu_map() of 1 MiB in a domain that has only
 * 4 KiB leaves. The tables exist, but for the cases that say "cold". What a case needs before and
 * after is done outside of the measured time.
 *
 * "unmap 1G as 4K" takes 512 whole tables out of the tree; it is uiommu_unmap_gather(), so that the
 * tables are handed back to the host outside of the measured time. "cold" is uiommu_unmap(), which
 * hands them back.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

#include "bench/null_driver.h"

#define K4 0x1000ull
#define M2 0x200000ull
#define G1 0x40000000ull
#define T512 (512 * G1)
#define PHYS (1ull << 40)
#define RW (UIOMMU_READ | UIOMMU_WRITE)

enum { LOOKUPS = 4096, PIECES = 256 };

struct work {
	struct null_iommu iommu;
	struct uiommu_domain *domain;
	/* Calls in one run: @calls of @size bytes each, @stride apart. */
	unsigned int calls;
	uint64_t size, stride, base;
	bool unmap; /* measure unmap, else map */
	uiommu_iova_t *iova; /* LOOKUPS addresses */
	struct uiommu_sg *sg; /* PIECES scattered ones */
	uint8_t *memory; /* as large as the tables of 1 GiB */
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s failed\n", what);
	exit(2);
}

static void new_domain(struct work *w, uint64_t pgsizes)
{
	uiommu_domain_free(w->domain);
	w->iommu.pgsizes = pgsizes;
	must(!uiommu_domain_alloc_paging(w->iommu.dev, 0, &w->domain), "domain");
}

static void map(struct work *w, uint64_t iova, uint64_t size)
{
	must(!uiommu_map(w->domain, iova, PHYS + iova, size, RW), "map");
}

static void unmap(struct work *w, uint64_t iova, uint64_t size)
{
	must(uiommu_unmap(w->domain, iova, size) == size, "unmap");
}

/* Calls side by side that leave all tables in place. */
static uint64_t run_calls(void *context)
{
	struct work *w = context;
	struct uiommu_domain *domain = w->domain;
	const uint64_t size = w->size, stride = w->stride, last = w->base + w->calls * stride;
	uint64_t iova, t[3], bad = 0;

	t[0] = bench_now();
	for (iova = w->base; iova < last; iova += stride)
		bad |= uiommu_map(domain, iova, PHYS + iova, size, RW) != 0;
	t[1] = bench_now();
	for (iova = w->base; iova < last; iova += stride)
		bad |= uiommu_unmap(domain, iova, size) != size;
	t[2] = bench_now();
	must(!bad, "map or unmap");
	return w->unmap ? t[2] - t[1] : t[1] - t[0];
}

/* The bytes of table that these calls write, written with memset(). */
static uint64_t run_memset(void *context)
{
	struct work *w = context;
	const size_t size = w->size / w->base * 8;
	uint64_t start = bench_now();

	for (unsigned int i = 0; i < w->calls; i++) {
		memset(w->memory + i * size, (int)i, size);
		__asm__ volatile("" : : "r"(w->memory) : "memory");
	}
	return bench_now() - start;
}

static uint64_t run_gib(void *context)
{
	struct work *w = context;
	struct uiommu_iotlb_gather gather;
	uint64_t t[3];

	/* Make the tables, and unmap in halves of a table so that they stay. */
	map(w, G1, G1);
	for (uint64_t i = 0; i < 1024; i++)
		unmap(w, G1 + i * M2 / 2, M2 / 2);
	uiommu_iotlb_gather_init(&gather, false);
	t[0] = bench_now();
	map(w, G1, G1);
	t[1] = bench_now();
	must(uiommu_unmap_gather(w->domain, G1, G1, &gather) == G1, "unmap");
	t[2] = bench_now();
	uiommu_iotlb_sync(w->domain, &gather);
	return w->unmap ? t[2] - t[1] : t[1] - t[0];
}

static uint64_t run_gib_cold(void *context)
{
	struct work *w = context;
	uint64_t t[3];

	t[0] = bench_now();
	map(w, G1, G1);
	t[1] = bench_now();
	unmap(w, G1, G1);
	t[2] = bench_now();
	return w->unmap ? t[2] - t[1] : t[1] - t[0];
}

/* One page where its lowest table, or three tables, are missing. */
static uint64_t run_cold(void *context)
{
	struct work *w = context;
	uint64_t start = bench_now(), time;

	for (uint64_t i = 0; i < w->calls; i++)
		map(w, w->base + i * w->stride, K4);
	time = bench_now() - start;
	/* Fill what the new tables stand for, so that an unmap of it removes them. */
	for (uint64_t i = 0; i < w->calls; i++) {
		uint64_t iova = w->base + i * w->stride;

		map(w, iova + K4, w->stride - K4);
		unmap(w, iova, w->stride);
	}
	return time;
}

static uint64_t run_lookup(void *context)
{
	struct work *w = context;
	uint64_t start = bench_now(), sum = 0, time;

	for (unsigned int i = 0; i < LOOKUPS; i++)
		sum += uiommu_iova_to_phys(w->domain, w->iova[i]) - w->iova[i];
	time = bench_now() - start;
	must(sum == LOOKUPS * PHYS, "iova_to_phys");
	return time;
}

static uint64_t run_sg(void *context)
{
	struct work *w = context;
	uint64_t start, time, mapped;

	start = bench_now();
	for (unsigned int i = 0; i < w->calls; i++)
		must(!uiommu_map_sg(w->domain, w->base + i * w->stride, w->sg, PIECES, RW, &mapped),
		     "map_sg");
	time = bench_now() - start;
	for (unsigned int i = 0; i < w->calls; i++)
		unmap(w, w->base + i * w->stride, w->size);
	return time;
}

/* ---- the cases --------------------------------------------------------------------------------- */

struct kind {
	const char *name;
	bench_case run;
	unsigned int calls;
	uint64_t size, stride;
	uint64_t pgsizes;
	uint64_t leaf; /* bulk cases: size / leaf entries are written; 0: no limit */
	bool unmap;
	double linux_ns[3]; /* vtd_ss, x86_64, arm_lpae_s1; of arm_lpae_s2 there are no figures */
};

static const struct kind kinds[] = {
	{ "map 4K", run_calls, 512, K4, K4, K4 | M2 | G1, 0, false, { 29.7, 29.7, 28.6 } },
	{ "unmap 4K", run_calls, 512, K4, K4, K4 | M2 | G1, 0, true, { 32.9, 33.6, 24.1 } },
	{ "map 2M", run_calls, 512, M2, M2, K4 | M2 | G1, 0, false, { 42.1, 42.9, 27.1 } },
	{ "unmap 2M", run_calls, 512, M2, M2, K4 | M2 | G1, 0, true, { 28.6, 29.2, 22.2 } },
	{ "map 1G", run_calls, 200, G1, G1, K4 | M2 | G1, 0, false, { 36.3, 37.2, 24.6 } },
	{ "unmap 1G", run_calls, 200, G1, G1, K4 | M2 | G1, 0, true, { 22.4, 24.1, 20 } },
	{ "map 256x4K", run_calls, 8, M2 / 2, M2 / 2, K4, K4, false, { 356, 372, 328 } },
	{ "unmap 256x4K", run_calls, 8, M2 / 2, M2 / 2, K4, K4, true, { 307, 242, 978 } },
	{ "map 256x2M", run_calls, 8, G1 / 2, G1 / 2, K4 | M2, M2, false, { 350, 367, 445 } },
	{ "unmap 256x2M", run_calls, 8, G1 / 2, G1 / 2, K4 | M2, M2, true, { 302, 304, 1092 } },
	{ "map 1G as 4K", run_gib, 1, G1, G1, K4, K4, false, { 328000, 346000, 304000 } },
	{ "unmap 1G as 4K", run_gib, 1, G1, G1, K4, K4, true, { 315000, 249000, 1010000 } },
	{ "map 1G as 4K cold", run_gib_cold, 1, G1, G1, K4, K4, false, { 390000, 416000, 382000 } },
	{ "unmap 1G as 4K cold", run_gib_cold, 1, G1, G1, K4, K4, true, { 322000, 252000, 32000 } },
	{ "cold 1 table", run_cold, 256, K4, M2, K4 | M2 | G1, 0, false, { 199, 202, 185 } },
	{ "cold 3 tables", run_cold, 32, K4, T512, K4 | M2 | G1, 0, false, { 526, 541, 511 } },
	{ "iova_to_phys seq", run_lookup, LOOKUPS, K4, K4, K4, 0, false, { 18.4, 18.6, 25.5 } },
	{ "iova_to_phys random", run_lookup, LOOKUPS, K4, K4, K4, 0, true, { 27.6, 27.9, 26.4 } },
	{ "map_sg 256x4K", run_sg, 8, M2 / 2, M2 / 2, K4, 0, false, { 7671, 7611, 7100 } },
};

static void prepare(struct work *w, const struct kind *kind)
{
	uint64_t x = 88172645463325252ull;

	new_domain(w, kind->pgsizes);
	w->calls = kind->calls;
	w->size = kind->size;
	w->stride = kind->stride;
	w->base = T512;
	w->unmap = kind->unmap;
	if (kind->run == run_calls || kind->run == run_sg) {
		/* One leaf makes each table, and its unmap leaves it there. */
		const uint64_t leaf = (kind->pgsizes & kind->size) ? kind->size :
				      kind->leaf		   ? kind->leaf :
								     K4;

		for (uint64_t i = 0; i < kind->calls; i++)
			map(w, w->base + i * w->stride, leaf);
		for (uint64_t i = 0; i < kind->calls; i++)
			unmap(w, w->base + i * w->stride, leaf);
	}
	if (kind->run == run_cold)
		map(w, w->base - K4, K4);
	if (kind->run == run_cold && kind->stride == M2)
		map(w, w->base + 511 * M2, M2);
	if (kind->run == run_lookup) {
		map(w, G1, G1);
		for (unsigned int i = 0; i < LOOKUPS; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			w->iova[i] = G1 + (kind->unmap ? x % G1 : i * K4 + 8);
		}
	}
	for (uint64_t i = 0; i < PIECES; i++)
		w->sg[i] = (struct uiommu_sg){ PHYS + (i * 97 % 256) * 3 * K4, K4 };
}

static void run_kind(struct work *w, const struct kind *kind, unsigned int format,
		     struct bench_report *report)
{
	struct bench_result r = { .area = "pgtable",
				  .format = w->iommu.format->name,
				  .name = kind->name,
				  .linux_ns = format < 3 ? kind->linux_ns[format] : 0 };

	prepare(w, kind);
	bench_sample(kind->run, w, kind->calls, &r.ns_min, &r.ns_median);
	if (kind->leaf) {
		double median;

		w->base = kind->leaf;
		bench_sample(run_memset, w, kind->calls, &r.limit_ns, &median);
	}
	bench_add(report, &r);
}

int bench_pgtable(struct bench_report *report)
{
	static const struct null_format *const formats[] = { &null_vtd_ss, &null_x86_64,
							     &null_arm_lpae_s1, &null_arm_lpae_s2 };
	struct work *w = calloc(1, sizeof(*w));

	must(w && !null_iommu_create(&w->iommu, 64ull << 20), "set-up");
	w->iova = calloc(LOOKUPS, sizeof(*w->iova));
	w->sg = calloc(PIECES, sizeof(*w->sg));
	w->memory = aligned_alloc(4096, M2);
	must(w->iova && w->sg && w->memory, "memory");
	for (unsigned int f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
		w->iommu.format = formats[f];
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			run_kind(w, &kinds[i], f, report);
	}
	uiommu_domain_free(w->domain);
	null_iommu_destroy(&w->iommu);
	free(w->iova);
	free(w->sg);
	free(w->memory);
	free(w);
	return 0;
}
