/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - map, unmap, invalidation, iova_to_phys
 *
 * Most scenarios work on one device alone in its group, with an address space of its own; struct work holds these.
 */
#include <pthread.h>
#include <string.h>

#include "conform/conform.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

struct work {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct owner *owner;
	struct space *space;
	struct uiommu_domain *domain; /* behind the space, for what is about the C API itself */
};

static struct work begin(struct subject *s, const char *label, unsigned int flags)
{
	struct work w;

	if (!s->machine)
		subject_boot(s, 0);
	w.device = subject_machine_device(s, label);
	w.dev = subject_device(s, label);
	w.owner = subject_own(s, label);
	w.space = owner_space(w.owner, flags);
	w.domain = space_domain(w.space);
	CHECK_OK(s, owner_attach(w.owner, w.space));
	return w;
}

static void end(struct work *w)
{
	owner_detach(w->owner, w->space);
	space_end(w->space);
	owner_end(w->owner);
}

static void check_phys(struct subject *s, struct uiommu_domain *domain, uint64_t iova,
		       uint64_t expected)
{
	uint64_t got = uiommu_iova_to_phys(domain, iova);

	CHECK(s, got == expected, "0x%llx is said to lead to 0x%llx and not to 0x%llx",
	      (unsigned long long)iova, (unsigned long long)got, (unsigned long long)expected);
}

/* A DMA through an emulator takes milliseconds: there a sample has to do. */
static bool is_slow(struct subject *s)
{
	return !(machine_hardware(s->machine)->traits & MACHINE_REPORTS);
}

static bool has_size(struct space *space, uint64_t size)
{
	return space_page_sizes(space) & size;
}

/* ---- sizes ------------------------------------------------------------------------------------- */

/* Of a mapping, the first and the last page behind which there is memory; false: there is none. */
static bool memory_behind(struct subject *s, const struct subject_span *span, uint64_t phys,
			  uint64_t size, uint64_t *first, uint64_t *last)
{
	const uint64_t start = span->buffer.phys, end = start + span->buffer.size;

	*first = phys > start ? phys : start;
	*last = (phys + size < end ? phys + size : end) - s->page;
	return *first <= *last && *first < end;
}

static void c134_sizes(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	const uint64_t table = s->large / s->page; /* pages in one */
	const uint64_t pages[] = { 1, 2, 3, table - 1, table, table + 1, 2 * table + 1 };
	const uint64_t shift[] = { 0, 1, table - 1 };
	struct subject_span b = subject_span(s, 4 * s->large);

	for (unsigned int n = 0; n < sizeof(pages) / sizeof(pages[0]); n++)
		for (unsigned int i = 0; i < 9; i += is_slow(s) ? 4 : 1) {
			uint64_t iova = s->base + s->huge + shift[i / 3] * s->page;
			uint64_t phys = b.phys + shift[i % 3] * s->page, first, last;
			uint64_t size = pages[n] * s->page;
			bool memory;

			/* What is small enough lies in memory wherever that is. */
			if (pages[n] < table - 1 && b.at)
				phys = b.buffer.phys + i % 3 * s->page;

			CHECK_OK(s, space_map(w.space, iova, phys, size, RW));
			for (uint64_t at = 0; at < size; at += s->page) {
				space_check_phys(w.space, iova + at, phys + at);
				space_check_phys(w.space, iova + at + s->page - 1,
						 phys + at + s->page - 1);
			}
			space_check_phys(w.space, iova - s->page, 0);
			space_check_phys(w.space, iova + size, 0);
			/* Where tables are large, what begins at the end of one misses it. */
			memory = memory_behind(s, &b, phys, size, &first, &last);
			CHECK(s, memory || i % 3 == 2, "none of 0x%llx bytes at 0x%llx is memory",
			      (unsigned long long)size, (unsigned long long)phys);
			if (memory) {
				first -= phys;
				last -= phys;
				subject_dma_reaches(s, w.device, iova + first, phys + first, RW,
						    NULL);
				subject_dma_reaches(s, w.device, iova + last, phys + last, RW,
						    NULL);
			}
			space_unmap_all(w.space, iova, size);
			space_check_phys(w.space, iova, 0);
			space_check_phys(w.space, iova + size - s->page, 0);
			if (memory)
				subject_dma_blocked(s, w.device, iova + last, phys + last, NULL);
		}
	subject_span_free(s, &b);
	end(&w);
}

/* ---- partial and failing maps ------------------------------------------------------------------ */

struct short_map {
	uint64_t bytes; /* that the driver maps at most in one call */
	int error; /* and then answers; 0: success */
};

static void map_short(struct wrap_call *call, void *context)
{
	const struct short_map *m = context;
	uint64_t wanted = call->size;

	if (call->size > m->bytes)
		call->size = m->bytes;
	if (call->size)
		wrap_call(call);
	call->size = wanted;
	if (m->error)
		call->rc = -m->error;
}

static void c135_partial_failure(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct short_map m = { 3 * s->page, UIOMMU_ENOMEM };
	struct subject_buffer b = subject_buffer(s, 16 * s->page);
	const uint64_t iova = s->base + 0x100 * s->page;

	CHECK_OK(s, space_map(w.space, iova - s->page, b.phys, s->page, RW));
	CHECK_OK(s, space_map(w.space, iova + 8 * s->page, b.phys + s->page, s->page, RW));
	wrap_set(s->wrap, WRAP_MAP, map_short, &m);
	CHECK(s, space_map(w.space, iova, b.phys + 2 * s->page, 8 * s->page, RW) == -UIOMMU_ENOMEM,
	      "the driver's error does not reach the caller");
	wrap_set(s->wrap, WRAP_MAP, NULL, NULL);
	for (unsigned int i = 0; i < 8; i++) {
		space_check_phys(w.space, iova + i * s->page, 0);
		subject_dma_blocked(s, w.device, iova + i * s->page, b.phys + (2 + i) * s->page,
				    NULL);
	}
	subject_dma_reaches(s, w.device, iova - s->page, b.phys, RW, NULL);
	subject_dma_reaches(s, w.device, iova + 8 * s->page, b.phys + s->page, RW, NULL);
	CHECK_OK(s, space_map(w.space, iova, b.phys + 2 * s->page, 8 * s->page, RW));
	subject_buffer_free(s, &b);
	end(&w);
}

static void c136_short_map(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct short_map m = { 3 * s->page, 0 };
	struct subject_buffer b = subject_buffer(s, 8 * s->page);
	const uint64_t iova = s->base + 0x100 * s->page;

	wrap_set(s->wrap, WRAP_MAP, map_short, &m);
	CHECK_OK(s, space_map(w.space, iova, b.phys, 8 * s->page, RW));
	for (unsigned int i = 0; i < 8; i++)
		space_check_phys(w.space, iova + i * s->page, b.phys + i * s->page);
	subject_dma_reaches(s, w.device, iova + 7 * s->page, b.phys + 7 * s->page, RW, NULL);
	space_unmap_all(w.space, iova, 8 * s->page);

	/* A driver that maps nothing and says that all is well must not be asked for ever. */
	m.bytes = 0;
	subject_expect_warnings(s, 1);
	CHECK(s, space_map(w.space, iova, b.phys, 8 * s->page, RW) < 0,
	      "a map that mapped nothing is a success");
	space_check_phys(w.space, iova, 0);
	wrap_set(s->wrap, WRAP_MAP, NULL, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c137_sync_map_fails(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 4 * s->page);
	const uint64_t iova = s->base + 0x200 * s->page;

	wrap_fail(s->wrap, WRAP_SYNC_MAP, NULL, 1, UIOMMU_EIO);
	CHECK(s, space_map(w.space, iova, b.phys, 4 * s->page, RW) < 0,
	      "the failing iotlb_sync_map does not reach the caller");
	for (unsigned int i = 0; i < 4; i++)
		space_check_phys(w.space, iova + i * s->page, 0);
	subject_dma_blocked(s, w.device, iova, b.phys, NULL);
	CHECK_OK(s, space_map(w.space, iova, b.phys, 4 * s->page, RW));
	subject_dma_reaches(s, w.device, iova, b.phys, RW, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c138_no_overwrite(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_span b = subject_span(s, 2 * s->large);
	const uint64_t iova = s->base + s->huge, phys = b.buffer.phys;

	CHECK_OK(s, space_map(w.space, iova + s->page, phys, s->page, RW));
	CHECK_RC(s, space_map(w.space, iova + s->page, phys + s->page, s->page, RW),
		 space_taken(w.space));
	CHECK_RC(s, space_map(w.space, iova, phys + s->page, 4 * s->page, RW),
		 space_taken(w.space));
	space_check_phys(w.space, iova, 0);
	space_check_phys(w.space, iova + 2 * s->page, 0);
	subject_dma_reaches(s, w.device, iova + s->page, phys, RW, NULL);
	CHECK_RC(s, space_map(w.space, iova, b.phys, s->large, RW), space_taken(w.space));
	subject_dma_reaches(s, w.device, iova + s->page, phys, RW, NULL);
	space_unmap_all(w.space, iova + s->page, s->page);

	/* Only an empty table is in the way of the large leaf now. */
	CHECK_OK(s, space_map(w.space, iova, b.phys, s->large, RW));
	CHECK_RC(s, space_map(w.space, iova + 5 * s->page, b.phys + s->large, s->page, RW),
		 space_taken(w.space));
	subject_dma_reaches(s, w.device, iova + b.at + 5 * s->page, phys + 5 * s->page, RW, NULL);
	subject_span_free(s, &b);
	end(&w);
}

/* ---- invalidation ------------------------------------------------------------------------------ */

static void c139_table_then_leaf(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer a = subject_buffer(s, 4 * s->page);
	struct subject_span b = subject_span(s, s->large);
	const uint64_t iova = s->base + s->huge;

	for (unsigned int i = 0; i < 4; i++)
		CHECK_OK(s,
			 space_map(w.space, iova + i * s->page, a.phys + i * s->page, s->page, RW));
	for (unsigned int i = 0; i < 4; i++)
		subject_dma_reaches(s, w.device, iova + i * s->page, a.phys + i * s->page, RW,
				    NULL);
	space_unmap_all(w.space, iova, 4 * s->page);
	CHECK_OK(s, space_map(w.space, iova, b.phys, s->large, RW));
	for (uint64_t at = b.at; at < b.at + 8 * s->page; at += s->page)
		subject_dma_reaches(s, w.device, iova + at, b.phys + at, RW, NULL);
	space_unmap_all(w.space, iova, s->large);
	/* And back: pages where a leaf was. */
	CHECK_OK(s, space_map(w.space, iova + b.at + s->page, a.phys, s->page, RW));
	subject_dma_reaches(s, w.device, iova + b.at + s->page, a.phys, RW, NULL);
	subject_dma_blocked(s, w.device, iova + b.at, b.buffer.phys, NULL);
	subject_buffer_free(s, &a);
	subject_span_free(s, &b);
	end(&w);
}

/* Fill the caches page by page, unmap all in one call, look at every page. */
static void fill_and_unmap(struct subject *s, struct work *w, uint64_t iova, unsigned int pages,
			   const struct subject_dma *how)
{
	struct subject_buffer b = subject_buffer(s, 32 * s->page);

	CHECK_OK(s, space_map(w->space, iova, b.phys, pages * s->page, RW));
	for (unsigned int i = 0; i < pages; i++)
		CHECK(s,
		      subject_dma_sees(s, w->device, iova + i * s->page, b.phys + i * s->page, how),
		      "page %u of %u at 0x%llx is not reached", i, pages, (unsigned long long)iova);
	space_unmap_all(w->space, iova, pages * s->page);
	for (unsigned int i = 0; i < pages; i++)
		subject_dma_blocked(s, w->device, iova + i * s->page, b.phys + i * s->page, how);
	subject_buffer_free(s, &b);
}

static void c140_unmap_is_seen(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	/* One page, and then across borders of tables and of powers of two. */
	const struct {
		uint64_t page;
		unsigned int count;
	} ranges[] = { { 0x40000, 1 }, { 0x3ffff, 2 },	{ 0x40000 + s->large / s->page - 2, 4 },
		       { 0x7fffc, 8 }, { 0x40000, 16 }, { 0x3fff8, 17 },
		       { 0x12345, 9 } };

	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (!is_slow(s) || ranges[i].count < 10)
			fill_and_unmap(s, &w, s->base + ranges[i].page * s->page, ranges[i].count,
				       NULL);
	end(&w);
}

static void c141_ats(struct subject *s)
{
	static const struct subject_dma ats = { 0, MACHINE_DMA_USE_ATS };
	struct work w = begin(s, "ats0", 0);

	CHECK(s, uiommu_device_capable(w.dev, UIOMMU_CAP_ATS), "ats0 may not use ATS");
	fill_and_unmap(s, &w, s->base + 0x40000 * s->page, 1, &ats);
	fill_and_unmap(s, &w, s->base + 0x3fffe * s->page, 5, &ats);
	fill_and_unmap(s, &w, s->base + 0x12345 * s->page, 16, &ats);
	end(&w);
}

static void c142_unaligned_ranges(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);

	for (unsigned int count = 2; count <= 9; count += is_slow(s) ? 3 : 1)
		for (unsigned int start = 1; start < 8; start += is_slow(s) ? 4 : 2)
			fill_and_unmap(s, &w, s->base + (0x80000 - start) * s->page, count, NULL);
	end(&w);
}

static void c143_neighbours_stay(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 4 * s->page);
	const uint64_t iova = s->base + 0x601 * s->page;

	for (unsigned int i = 0; i < 3; i++)
		CHECK_OK(s,
			 space_map(w.space, iova + i * s->page, b.phys + i * s->page, s->page, RW));
	for (unsigned int i = 0; i < 3; i++)
		subject_dma_reaches(s, w.device, iova + i * s->page, b.phys + i * s->page, RW,
				    NULL);
	space_unmap_all(w.space, iova + s->page, s->page);
	subject_dma_blocked(s, w.device, iova + s->page, b.phys + s->page, NULL);
	subject_dma_reaches(s, w.device, iova, b.phys, RW, NULL);
	subject_dma_reaches(s, w.device, iova + 2 * s->page, b.phys + 2 * s->page, RW, NULL);
	space_check_phys(w.space, iova + s->page, 0);
	space_check_phys(w.space, iova + 2 * s->page, b.phys + 2 * s->page);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c144_part_of_a_leaf(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_span b = subject_span(s, s->large);
	const uint64_t iova = s->base + s->huge, last = b.at + b.buffer.size - s->page;
	uint64_t got;

	if (!has_size(w.space, s->large)) {
		subject_span_free(s, &b);
		end(&w);
		conform_skip(s, "this hardware has no leaf in place of a table of pages");
	}
	CHECK_OK(s, space_map(w.space, iova, b.phys, s->large, RW));
	got = space_unmap(w.space, iova + s->large / 2, s->large / 2);
	CHECK(s, got == 0, "unmap from the middle of a leaf gave 0x%llx", (unsigned long long)got);
	got = space_unmap(w.space, iova + s->page, s->page);
	CHECK(s, got == 0, "unmap inside a leaf gave 0x%llx", (unsigned long long)got);
	subject_dma_reaches(s, w.device, iova + last, b.phys + last, RW, NULL);
	subject_dma_reaches(s, w.device, iova + b.at, b.phys + b.at, RW, NULL);
	got = space_unmap(w.space, iova, s->page);
	CHECK(s, got == s->large, "unmap of the front of a leaf gave 0x%llx",
	      (unsigned long long)got);
	subject_dma_blocked(s, w.device, iova + b.at, b.phys + b.at, NULL);
	subject_dma_blocked(s, w.device, iova + last, b.phys + last, NULL);
	space_check_phys(w.space, iova + s->large / 2, 0);
	subject_span_free(s, &b);
	end(&w);
}

static void c145_hole(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 8 * s->page);
	const uint64_t iova = s->base + 0x7fe * s->page;
	uint64_t got;

	CHECK_OK(s, space_map(w.space, iova, b.phys, 3 * s->page, RW));
	CHECK_OK(s, space_map(w.space, iova + 4 * s->page, b.phys + 4 * s->page, 2 * s->page, RW));
	got = space_unmap(w.space, iova, 6 * s->page);
	CHECK(s, got == 3 * s->page, "unmap up to a hole gave 0x%llx", (unsigned long long)got);
	subject_dma_blocked(s, w.device, iova + 2 * s->page, b.phys + 2 * s->page, NULL);
	subject_dma_reaches(s, w.device, iova + 4 * s->page, b.phys + 4 * s->page, RW, NULL);
	subject_dma_reaches(s, w.device, iova + 5 * s->page, b.phys + 5 * s->page, RW, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c146_never_mapped(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);

	const uint64_t iova = s->base + 0x123 * s->page;

	wrap_reset_counts(s->wrap);
	CHECK(s, space_unmap(w.space, iova, s->page) == 0, "a hole was unmapped");
	CHECK(s, space_unmap(w.space, s->base + s->huge, s->huge) == 0, "a hole was unmapped");
	CHECK(s, space_unmap(w.space, iova + s->page / 2, s->page) == 0,
	      "a misaligned unmap did something");
	CHECK(s, space_unmap(w.space, iova, 100) == 0, "a misaligned unmap did something");
	CHECK(s, wrap_count(s->wrap, WRAP_SYNC) == 0 && wrap_count(s->wrap, WRAP_FLUSH_ALL) == 0,
	      "%u invalidations for nothing", wrap_count(s->wrap, WRAP_SYNC));
	end(&w);
}

/* ---- the ends of the address space ------------------------------------------------------------- */

static void c147_aperture(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 2 * s->page);
	struct uiommu_geometry g;
	uint64_t first, last;

	space_geometry(w.space, &g);
	CHECK(s, g.ranges == 1 || g.ranges == 2, "a geometry of %u ranges", g.ranges);
	first = g.range[0].start;
	last = g.range[0].last - (s->page - 1);
	CHECK_OK(s, space_map(w.space, first, b.phys, s->page, RW));
	CHECK_OK(s, space_map(w.space, last, b.phys + s->page, s->page, RW));
	subject_dma_reaches(s, w.device, first, b.phys, RW, NULL);
	subject_dma_reaches(s, w.device, last, b.phys + s->page, RW, NULL);
	if (last + s->page) {
		CHECK_RC(s, space_map(w.space, last + s->page, b.phys, s->page, RW),
			 space_outside(w.space));
		space_check_phys(w.space, last + s->page, 0);
	}
	if (first) {
		CHECK_RC(s, space_map(w.space, first - s->page, b.phys, s->page, RW),
			 space_outside(w.space));
		CHECK_RC(s, space_map(w.space, first - s->page, b.phys, 2 * s->page, RW),
			 space_outside(w.space));
		space_check_phys(w.space, first - s->page, 0);
	}
	space_unmap_all(w.space, last, s->page);
	subject_dma_blocked(s, w.device, last, b.phys + s->page, NULL);
	if (last + s->page)
		CHECK_RC(s, space_map(w.space, last, b.phys, 2 * s->page, RW),
			 space_outside(w.space));
	space_check_phys(w.space, last, 0);
	space_unmap_all(w.space, first, s->page);
	subject_dma_blocked(s, w.device, first, b.phys, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c148_wrap(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	const uint64_t iova = s->base + s->page, last = UINT64_MAX - (s->page - 1),
		       half = 1ull << 63;
	struct uiommu_geometry g;
	int rc;

	space_geometry(w.space, &g);
	CHECK_RC(s, space_map(w.space, last, s->page, 2 * s->page, RW), -UIOMMU_EOVERFLOW);
	CHECK_RC(s, space_map(w.space, iova, last, 2 * s->page, RW), -UIOMMU_EOVERFLOW);
	/* Where addresses have 64 bits it is for the hardware to say no: reserved regions may be in the way. */
	rc = space_map(w.space, iova, s->page, half, RW);
	if (g.range[0].last >= half + iova - 1 && g.last_phys >= half + s->page - 1) {
		if (rc == 0)
			space_unmap_all(w.space, iova, half);
	} else {
		CHECK(s, rc == -UIOMMU_ERANGE || rc == -UIOMMU_EOVERFLOW,
		      "2^63 bytes are mapped: %d", rc);
	}
	CHECK_RC(s, space_map(w.space, iova, s->page, 0, RW), -UIOMMU_EINVAL);
	CHECK_RC(s, space_map(w.space, iova + 1, s->page, s->page, RW), -UIOMMU_ENXIO);
	CHECK_RC(s, space_map(w.space, iova, s->page + 1, s->page, RW), -UIOMMU_ENXIO);
	CHECK_RC(s, space_map(w.space, iova, s->page, s->page - 1, RW), -UIOMMU_ENXIO);
	if (g.range[g.ranges - 1].last == UINT64_MAX) {
		CHECK_OK(s, space_map(w.space, last, s->page, s->page, RW));
		space_check_phys(w.space, UINT64_MAX, 2 * s->page - 1);
		space_unmap_all(w.space, last, s->page);
	} else {
		CHECK_RC(s, space_map(w.space, last, s->page, s->page, RW), -UIOMMU_ERANGE);
	}
	CHECK(s, space_unmap(w.space, last, 2 * s->page) == 0, "a range that wraps was unmapped");
	space_check_phys(w.space, iova, 0);
	end(&w);
}

static void c150_sign_extension(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 2 * s->page);
	struct uiommu_geometry g;

	space_geometry(w.space, &g);
	if (g.ranges != 2) {
		subject_buffer_free(s, &b);
		end(&w);
		conform_skip(s, "this format is not sign-extended");
	}
	CHECK_OK(s, space_map(w.space, g.range[1].start, b.phys, s->page, RW));
	CHECK_OK(s, space_map(w.space, g.range[1].last - (s->page - 1), b.phys + s->page, s->page,
			      RW));
	subject_dma_reaches(s, w.device, g.range[1].start, b.phys, RW, NULL);
	subject_dma_reaches(s, w.device, g.range[1].last - (s->page - 1), b.phys + s->page, RW,
			    NULL);
	CHECK_RC(s, space_map(w.space, g.range[1].start - s->page, b.phys, s->page, RW),
		 space_outside(w.space));
	CHECK_RC(s, space_map(w.space, g.range[0].last + 1, b.phys, s->page, RW),
		 space_outside(w.space));
	CHECK_RC(s, space_map(w.space, g.range[0].last + 1 - s->page, b.phys, 2 * s->page, RW),
		 space_outside(w.space));
	space_check_phys(w.space, g.range[0].last, 0);
	space_unmap_all(w.space, g.range[1].start, s->page);
	subject_dma_blocked(s, w.device, g.range[1].start, b.phys, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c151_output_width(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	const uint64_t iova = s->base + 0x100 * s->page;
	struct uiommu_geometry g;

	space_geometry(w.space, &g);
	if (g.last_phys == UINT64_MAX) {
		end(&w);
		conform_skip(s, "every physical address can be mapped");
	}
	CHECK_RC(s, space_map(w.space, iova, g.last_phys + 1, s->page, RW), -UIOMMU_ERANGE);
	CHECK_RC(s, space_map(w.space, iova, g.last_phys + 1 - s->page, 2 * s->page, RW),
		 -UIOMMU_ERANGE);
	space_check_phys(w.space, iova, 0);
	CHECK_OK(s, space_map(w.space, iova, g.last_phys + 1 - s->page, s->page, RW));
	space_check_phys(w.space, iova + s->page - 1, g.last_phys);
	space_unmap_all(w.space, iova, s->page);
	end(&w);
}

/* ---- iova_to_phys ------------------------------------------------------------------------------ */

static void c152_every_offset(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	const uint64_t sizes[] = { s->page, s->large, s->huge };
	struct short_map m = { s->page, UIOMMU_ENOMEM };

	for (unsigned int i = 0; i < 3; i++) {
		const uint64_t iova = s->base + 4 * s->huge, phys = 2 * s->huge, size = sizes[i];

		CHECK_OK(s, space_map(w.space, iova, phys, size, RW));
		for (unsigned int k = 0; k < 200; k++) {
			uint64_t offset = subject_random(s) % size;

			space_check_phys(w.space, iova + offset, phys + offset);
		}
		space_check_phys(w.space, iova + size - 1, phys + size - 1);
		space_check_phys(w.space, iova + size, 0);
		space_check_phys(w.space, iova - 1, 0);
		space_unmap_all(w.space, iova, size);
		space_check_phys(w.space, iova + size - 1, 0);
	}
	wrap_set(s->wrap, WRAP_MAP, map_short, &m);
	CHECK(s, space_map(w.space, s->iova, s->page, 2 * s->page, RW) == -UIOMMU_ENOMEM,
	      "the driver's error does not reach the caller");
	wrap_set(s->wrap, WRAP_MAP, NULL, NULL);
	space_check_phys(w.space, s->iova, 0);
	end(&w);
}

static void c153_other_domains(struct subject *s)
{
	struct uiommu_domain *identity = NULL, *paging;
	struct uiommu_device *dev;
	int rc;
	uint64_t iova;

	subject_boot(s, 0);
	iova = s->iova;
	dev = subject_device(s, "solo0");
	paging = subject_domain(s, dev, 0);
	check_phys(s, paging, iova, 0);
	CHECK_OK(s, uiommu_map(paging, iova, 5 * s->page, s->page, RW));
	check_phys(s, paging, iova + 0xabc, 5 * s->page + 0xabc);
	if (uiommu_domain_blocked(dev))
		check_phys(s, uiommu_domain_blocked(dev), iova, 0);
	rc = uiommu_domain_alloc_identity(dev, &identity);
	if (rc == 0) {
		check_phys(s, identity, 0x123456789, 0x123456789);
		CHECK_RC(s, uiommu_map(identity, iova, iova, s->page, RW), -UIOMMU_EINVAL);
		uiommu_domain_free(identity);
	}
	uiommu_domain_free(paging);
}

static void c154_protection(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 4 * s->page);
	const uint64_t iova = s->base + 0x300 * s->page;

	CHECK_OK(s, space_map(w.space, iova, b.phys, s->page, UIOMMU_READ));
	CHECK_OK(s, space_map(w.space, iova + 2 * s->page, b.phys + 2 * s->page, s->page,
			      RW | UIOMMU_CACHE));
	subject_dma_reaches(s, w.device, iova, b.phys, UIOMMU_READ, NULL);
	subject_dma_reaches(s, w.device, iova + 2 * s->page, b.phys + 2 * s->page, RW, NULL);
	/* Where tables cannot say "write only", writing implies reading. */
	CHECK_OK(s, space_map(w.space, iova + s->page, b.phys + s->page, s->page, UIOMMU_WRITE));
	subject_dma_reaches(s, w.device, iova + s->page, b.phys + s->page,
			    owner_capable(w.owner, UIOMMU_CAP_WRITE_ONLY) ? UIOMMU_WRITE : RW,
			    NULL);
	CHECK_RC(s, space_map(w.space, iova + 3 * s->page, b.phys, s->page, 0), -UIOMMU_EINVAL);
	CHECK_RC(s, space_map(w.space, iova + 3 * s->page, b.phys, s->page, UIOMMU_CACHE),
		 -UIOMMU_EINVAL);
	/* A program's flags are others. */
	if (!s->kind->backend->user)
		CHECK_RC(s, space_map(w.space, iova + 3 * s->page, b.phys, s->page, RW | 1u << 20),
			 -UIOMMU_EINVAL);
	space_check_phys(w.space, iova + 3 * s->page, 0);
	subject_buffer_free(s, &b);
	end(&w);
}

/* ---- gathers ----------------------------------------------------------------------------------- */

struct seen_sync {
	unsigned int count;
	uint64_t start, last;
};

static void see_sync(struct wrap_call *call, void *context)
{
	struct seen_sync *seen = context;

	seen->count++;
	seen->start = call->gather->start;
	seen->last = call->gather->last;
	wrap_call(call);
}

static void c155_gather(struct subject *s)
{
	struct uiommu_iotlb_gather gather;
	struct seen_sync seen = { 0 };
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 8 * s->page);
	const uint64_t first = s->base + 0x100 * s->page, second = s->base + 0x900 * s->page;

	CHECK_OK(s, space_map(w.space, first, b.phys, 2 * s->page, RW));
	CHECK_OK(s, space_map(w.space, second, b.phys + 4 * s->page, s->page, RW));
	subject_dma_reaches(s, w.device, first + s->page, b.phys + s->page, RW, NULL);
	subject_dma_reaches(s, w.device, second, b.phys + 4 * s->page, RW, NULL);
	wrap_set(s->wrap, WRAP_SYNC, see_sync, &seen);
	uiommu_iotlb_gather_init(&gather, false);
	CHECK(s, uiommu_unmap_gather(w.domain, first, 2 * s->page, &gather) == 2 * s->page,
	      "the first unmap");
	CHECK(s, uiommu_unmap_gather(w.domain, second, s->page, &gather) == s->page,
	      "the second unmap");
	CHECK(s, seen.count == 0, "invalidated before the gather was synced");
	uiommu_iotlb_sync(w.domain, &gather);
	CHECK(s, seen.count == 1, "%u invalidations for one gather", seen.count);
	CHECK(s, seen.start <= first && seen.last >= second + s->page - 1,
	      "only 0x%llx to 0x%llx are invalidated", (unsigned long long)seen.start,
	      (unsigned long long)seen.last);
	CHECK(s, gather.start > gather.last && !gather.num_freed, "the gather is not empty");
	uiommu_iotlb_sync(w.domain, &gather);
	CHECK(s, seen.count == 1, "an empty gather was invalidated");
	wrap_set(s->wrap, WRAP_SYNC, NULL, NULL);
	subject_dma_blocked(s, w.device, first + s->page, b.phys + s->page, NULL);
	subject_dma_blocked(s, w.device, second, b.phys + 4 * s->page, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static uint64_t pages_used(struct subject *s)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(machine_host(s->machine), &usage);
	return usage.pages;
}

static void c156_tables_outlive_the_flush(struct subject *s)
{
	struct uiommu_iotlb_gather gather;
	struct work w = begin(s, "solo0", 0);
	struct subject_span b = subject_span(s, 4 * s->large);
	const uint64_t iova = s->base + s->huge;
	/* In memory; with pages of 4K the second table's first page, and the first one's middle. */
	const uint64_t one = b.at + b.buffer.size / 4, other = b.at + b.buffer.size / 8;
	uint64_t used;
	size_t tables;

	/* Odd pages, so that no large leaf fits and tables are needed. */
	CHECK_OK(s, space_map(w.space, iova, b.phys + s->page, 2 * s->large, RW));
	subject_dma_reaches(s, w.device, iova + one, b.phys + s->page + one, RW, NULL);
	used = pages_used(s);
	uiommu_iotlb_gather_init(&gather, false);
	CHECK(s, uiommu_unmap_gather(w.domain, iova, 2 * s->large, &gather) == 2 * s->large,
	      "unmap");
	tables = gather.num_freed;
	CHECK(s, pages_used(s) == used, "a table was freed before the flush");
	/* A device may still come by with an old translation, and must find no wild one. */
	subject_dma_sees(s, w.device, iova + other, b.phys + s->page + other, NULL);
	machine_settle(s->machine);
	CHECK(s, pages_used(s) == used, "a table was freed before the flush");
	uiommu_iotlb_sync(w.domain, &gather);
	CHECK(s, pages_used(s) <= used - tables, "%zu tables were not given back", tables);
	subject_dma_blocked(s, w.device, iova + one, b.phys + s->page + one, NULL);
	machine_clear_faults(s->machine);
	subject_span_free(s, &b);
	end(&w);
}

/* ---- attachment and invalidation --------------------------------------------------------------- */

static void c157_map_then_attach(struct subject *s)
{
	struct machine_device *device[2];
	struct owner *owner[2];
	struct space *space;
	struct subject_buffer b;

	subject_boot(s, 0);
	b = subject_buffer(s, s->page);
	owner[0] = subject_own(s, "solo0");
	owner[1] = subject_own(s, "solo1");
	space = owner_space(owner[0], 0);
	CHECK_OK(s, space_map(space, s->iova, b.phys, s->page, RW));
	for (int i = 0; i < 2; i++) {
		int rc = owner_attach(owner[i], space);

		if (i && rc == -UIOMMU_EINVAL) {
			owner_detach(owner[0], space);
			conform_skip(s, "the two devices' units share no format");
		}
		CHECK(s, rc == 0, "attach: %s", uiommu_strerror(rc));
		device[i] = subject_machine_device(s, i ? "solo1" : "solo0");
		subject_dma_reaches(s, device[i], s->iova, b.phys, RW, NULL);
	}
	space_unmap_all(space, s->iova, s->page);
	for (int i = 0; i < 2; i++) {
		subject_dma_blocked(s, device[i], s->iova, b.phys, NULL);
		owner_detach(owner[i], space);
	}
	space_end(space);
	for (int i = 0; i < 2; i++)
		owner_end(owner[i]);
	subject_buffer_free(s, &b);
}

static void c158_reattach(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 2 * s->page);

	CHECK_OK(s, space_map(w.space, s->iova, b.phys, s->page, RW));
	subject_dma_reaches(s, w.device, s->iova, b.phys, RW, NULL);
	owner_detach(w.owner, w.space);
	subject_dma_blocked(s, w.device, s->iova, b.phys, NULL);
	space_unmap_all(w.space, s->iova, s->page);
	CHECK_OK(s, space_map(w.space, s->iova, b.phys + s->page, s->page, RW));
	CHECK_OK(s, owner_attach(w.owner, w.space));
	subject_dma_reaches(s, w.device, s->iova, b.phys + s->page, RW, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c159_not_present_is_not_kept(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 4 * s->page);

	for (unsigned int i = 0; i < 4; i++) {
		subject_dma_blocked(s, w.device, s->base + s->huge + i * s->large, b.phys, NULL);
		CHECK_OK(s, space_map(w.space, s->base + s->huge + i * s->large,
				      b.phys + i * s->page, s->page, RW));
		subject_dma_reaches(s, w.device, s->base + s->huge + i * s->large,
				    b.phys + i * s->page, RW, NULL);
	}
	subject_buffer_free(s, &b);
	end(&w);
}

struct mapper {
	struct space *space;
	uint64_t iova, phys, page;
	int rc;
};

static void *map_pages(void *arg)
{
	struct mapper *m = arg;

	/* Every other page of one leaf table: the other thread has the rest. */
	for (unsigned int i = 0; i < 256 && !m->rc; i++)
		m->rc = space_map(m->space, m->iova + 2 * i * m->page, m->phys, m->page, RW);
	return NULL;
}

static void c161_disjoint_maps(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 2 * s->page);
	struct mapper m[2];
	pthread_t thread;

	for (unsigned int round = 0; round < 8; round++) {
		uint64_t iova = s->base + (1 + round) * s->huge;

		for (unsigned int i = 0; i < 2; i++)
			m[i] = (struct mapper){ w.space, iova + i * s->page, b.phys + i * s->page,
						s->page, 0 };
		CHECK(s, pthread_create(&thread, NULL, map_pages, &m[0]) == 0, "no thread");
		map_pages(&m[1]);
		pthread_join(thread, NULL);
		CHECK(s, m[0].rc == 0 && m[1].rc == 0, "map: %d and %d", m[0].rc, m[1].rc);
		for (unsigned int i = 0; i < 512; i++)
			space_check_phys(w.space, iova + i * s->page, b.phys + (i % 2) * s->page);
		subject_dma_reaches(s, w.device, iova + 510 * s->page, b.phys, RW, NULL);
		subject_dma_reaches(s, w.device, iova + 511 * s->page, b.phys + s->page, RW, NULL);
	}
	subject_buffer_free(s, &b);
	end(&w);
}

static void c163_id_reuse(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, s->page);

	for (unsigned int i = 0; i < (is_slow(s) ? 4u : 20u); i++) {
		CHECK_OK(s, space_map(w.space, s->iova, b.phys, s->page, RW));
		subject_dma_reaches(s, w.device, s->iova, b.phys, RW, NULL);
		owner_detach(w.owner, w.space);
		space_end(w.space);
		w.space = owner_space(w.owner, 0);
		CHECK_OK(s, owner_attach(w.owner, w.space));
		subject_dma_blocked(s, w.device, s->iova, b.phys, NULL);
	}
	subject_buffer_free(s, &b);
	end(&w);
}

static void c164_two_units(struct subject *s)
{
	struct machine_device *other;
	struct owner *owner;
	struct subject_buffer b;
	struct work w;
	uint64_t iova;
	int rc;

	subject_boot(s, 0);
	iova = s->base + 0x7ff * s->page;
	if (machine_num_units(s->machine) < 2)
		conform_skip(s, "this machine has one unit");
	w = begin(s, "solo0", 0);
	b = subject_buffer(s, 4 * s->page);
	other = subject_machine_device(s, "solo1");
	CHECK(s,
	      uiommu_device_instance(w.dev) != uiommu_device_instance(subject_device(s, "solo1")),
	      "solo0 and solo1 are behind the same unit");
	owner = subject_own(s, "solo1");
	rc = owner_attach(owner, w.space);
	if (rc == -UIOMMU_EINVAL) {
		end(&w);
		conform_skip(s, "the two units share no format");
	}
	CHECK(s, rc == 0, "attach to the second unit: %s", uiommu_strerror(rc));
	CHECK_OK(s, space_map(w.space, iova, b.phys, 4 * s->page, RW));
	for (unsigned int i = 0; i < 4; i++) {
		subject_dma_reaches(s, w.device, iova + i * s->page, b.phys + i * s->page, RW,
				    NULL);
		subject_dma_reaches(s, other, iova + i * s->page, b.phys + i * s->page, RW, NULL);
	}
	space_unmap_all(w.space, iova, 4 * s->page);
	for (unsigned int i = 0; i < 4; i++) {
		subject_dma_blocked(s, w.device, iova + i * s->page, b.phys + i * s->page, NULL);
		subject_dma_blocked(s, other, iova + i * s->page, b.phys + i * s->page, NULL);
	}
	owner_detach(owner, w.space);
	owner_end(owner);
	subject_buffer_free(s, &b);
	end(&w);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void c167_out_of_memory(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_span b = subject_span(s, 2 * s->large);
	/* The last page of the mapping, or of the memory that is behind it. */
	const uint64_t last =
		(b.buffer.size < b.size ? b.at + b.buffer.size - s->page : s->large) - s->page;
	unsigned int failed = 0;

	for (unsigned int n = 1; n <= 8; n++) {
		/* Tables of three levels on either side. */
		const uint64_t iova = s->base + (n + 1) * s->huge - s->large / 2;
		int rc;

		s->fail_at = s->steps + n;
		rc = space_map(w.space, iova, b.phys + s->page, s->large, RW);
		s->fail_at = 0;
		if (rc == 0) {
			space_unmap_all(w.space, iova, s->large);
			continue;
		}
		failed++;
		CHECK(s, rc == -UIOMMU_ENOMEM, "allocation %u fails: %s", n, uiommu_strerror(rc));
		for (uint64_t at = 0; at < s->large; at += s->page)
			space_check_phys(w.space, iova + at, 0);
		CHECK_OK(s, space_map(w.space, iova, b.phys + s->page, s->large, RW));
		subject_dma_reaches(s, w.device, iova + last, b.phys + s->page + last, RW, NULL);
	}
	CHECK(s, failed, "no allocation of a map could be made to fail");
	subject_span_free(s, &b);
	end(&w);
}

static void c168_free_with_mappings(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	uint64_t before = 0;

	owner_detach(w.owner, w.space);
	for (unsigned int i = 0; i < 3; i++) {
		space_end(w.space);
		if (i == 0)
			before = pages_used(s);
		CHECK(s, pages_used(s) == before, "%llu pages are left of a freed domain",
		      (unsigned long long)(pages_used(s) - before));
		w.space = owner_space(w.owner, 0);
		CHECK_OK(s, space_map(w.space, s->base + s->page, s->page, s->page, RW));
		CHECK_OK(s, space_map(w.space, s->base + s->huge + s->page, 2 * s->huge,
				      3 * s->large, RW));
		CHECK_OK(s, space_map(w.space, s->base + 16 * s->huge, 4 * s->huge, s->huge, RW));
	}
	CHECK_OK(s, owner_attach(w.owner, w.space));
	end(&w);
}

static void c233_map_sg(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 16 * s->page);
	struct uiommu_sg sg[8], *in_use = &sg[5];
	const uint64_t iova = s->base + 0x5ff * s->page;
	uint64_t mapped = 0, at = 0;

	for (unsigned int i = 0; i < 8; i++)
		sg[i] = (struct uiommu_sg){ b.phys + (15 - 2 * i) * s->page, s->page };
	CHECK_OK(s, uiommu_map_sg(w.domain, iova, sg, 8, RW, &mapped));
	CHECK(s, mapped == 8 * s->page, "0x%llx bytes are mapped", (unsigned long long)mapped);
	for (unsigned int i = 0; i < 8; i++, at += s->page)
		subject_dma_reaches(s, w.device, iova + at, sg[i].paddr, RW, NULL);
	space_unmap_all(w.space, iova, 8 * s->page);
	/* The sixth page is taken: nothing of the list may stay. */
	CHECK_OK(s, space_map(w.space, iova + 5 * s->page, in_use->paddr, s->page, UIOMMU_READ));
	CHECK_RC(s, uiommu_map_sg(w.domain, iova, sg, 8, RW, &mapped), -UIOMMU_EADDRINUSE);
	CHECK(s, mapped == 0, "a failed list says that 0x%llx bytes are mapped",
	      (unsigned long long)mapped);
	for (unsigned int i = 0; i < 8; i++)
		space_check_phys(w.space, iova + i * s->page, i == 5 ? in_use->paddr : 0);
	subject_dma_reaches(s, w.device, iova + 5 * s->page, in_use->paddr, UIOMMU_READ, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c234_large_leaf_dma(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, 2 * s->page);
	const uint64_t iova = s->base + 4 * s->huge;
	const uint64_t phys = b.phys & ~(s->huge - 1), at = b.phys - phys;

	/* All that is around the buffer, in the largest leaves that there are. */
	CHECK_OK(s, space_map(w.space, iova, phys, s->huge, RW));
	subject_dma_reaches(s, w.device, iova + at, b.phys, RW, NULL);
	subject_dma_reaches(s, w.device, iova + at + s->page, b.phys + s->page, RW, NULL);
	subject_dma_blocked(s, w.device, iova + s->huge + at, b.phys, NULL);
	space_unmap_all(w.space, iova, s->huge);
	subject_dma_blocked(s, w.device, iova + at, b.phys, NULL);
	subject_dma_blocked(s, w.device, iova + at + s->page, b.phys + s->page, NULL);
	subject_buffer_free(s, &b);
	end(&w);
}

static void c235_queued_gather(struct subject *s)
{
	struct uiommu_iotlb_gather gather;
	struct work w = begin(s, "solo0", 0);
	struct subject_buffer b = subject_buffer(s, s->page);

	CHECK_OK(s, space_map(w.space, s->iova, b.phys, s->page, RW));
	subject_dma_reaches(s, w.device, s->iova, b.phys, RW, NULL);
	uiommu_iotlb_gather_init(&gather, true);
	CHECK(s, uiommu_unmap_gather(w.domain, s->iova, s->page, &gather) == s->page, "unmap");
	uiommu_flush_iotlb_all(w.domain);
	subject_dma_blocked(s, w.device, s->iova, b.phys, NULL);
	uiommu_iotlb_sync(w.domain, &gather);
	subject_buffer_free(s, &b);
	end(&w);
}

/* One leaf around the buffer: reached, beside it nothing, gone after unmap. */
static void one_size(struct subject *s, struct work *w, const struct subject_buffer *b,
		     uint64_t page, uint64_t size)
{
	const uint64_t base = b->phys & ~(size - 1), start = s->base + 8 * s->huge;
	const uint64_t at = start + (b->phys - base);
	const uint64_t last = (b->size < size ? b->size : size) - page;

	CHECK_OK(s, space_map(w->space, start, base, size, RW));
	subject_dma_reaches(s, w->device, at, b->phys, RW, NULL);
	subject_dma_reaches(s, w->device, at + last, b->phys + last, RW, NULL);
	space_check_phys(w->space, start + size - 1, base + size - 1);
	subject_dma_blocked(s, w->device, start + size, 0, NULL);
	subject_dma_blocked(s, w->device, start - page, 0, NULL);
	/* A smaller one cannot take its place, nor be taken out of it. */
	CHECK_RC(s, space_map(w->space, start + size - page, b->phys, page, RW),
		 space_taken(w->space));
	space_unmap_all(w->space, start, size);
	subject_dma_blocked(s, w->device, at, b->phys, NULL);
	subject_dma_blocked(s, w->device, at + last, b->phys + last, NULL);
}

static void c237_every_size(struct subject *s)
{
	struct work w = begin(s, "solo0", 0);
	const uint64_t sizes = space_page_sizes(w.space), page = sizes & -sizes, iova = s->iova;

	/* A program maps its own memory alone, and has none for all of a huge leaf. */
	const bool user = s->kind->backend->user;
	const uint64_t most = user ? s->large : s->huge;
	struct subject_buffer b = subject_buffer(s, user ? s->large : 2 * s->page);
	struct space *other;

	for (uint64_t left = sizes; left && (left & -left) <= most; left &= left - 1)
		one_size(s, &w, &b, page, left & -left);
	CHECK_RC(s, space_map(w.space, iova + page / 2, b.phys, page, RW),
		 space_misaligned(w.space));
	CHECK_RC(s, space_map(w.space, iova, b.phys + page / 2, page, RW),
		 space_misaligned(w.space));
	CHECK_RC(s, space_map(w.space, iova, b.phys, page / 2, RW), space_misaligned(w.space));
	/* And another space in its place. */
	other = owner_space(w.owner, 0);
	CHECK_OK(s, space_map(w.space, iova, b.phys, page, RW));
	CHECK_OK(s, space_map(other, iova, b.phys + page, page, RW));
	subject_dma_reaches(s, w.device, iova, b.phys, RW, NULL);
	CHECK_OK(s, owner_replace(w.owner, other));
	subject_dma_reaches(s, w.device, iova, b.phys + page, RW, NULL);
	CHECK_OK(s, owner_replace(w.owner, w.space));
	subject_dma_reaches(s, w.device, iova, b.phys, RW, NULL);
	space_end(other);
	subject_buffer_free(s, &b);
	end(&w);
}

#define DMA CONFORM_HARDWARE
#define ANY CONFORM_ANY_BACKEND

const struct conform_scenario conform_mapping[] = {
	{ "C134", "Every size and alignment around a page-size boundary is translated byte-exact",
	  "Linux iommu_map; generic_pt and io-pgtable tests", AREA_MAPPING, DMA | ANY, 0,
	  c134_sizes },
	{ "C135", "A map that fails half-way leaves nothing behind and its neighbours alone",
	  "Linux iommu_map: unroll on error", AREA_MAPPING, DMA | ANY, 0, c135_partial_failure },
	{ "C136", "A driver may map less than asked and is asked again, but not for ever",
	  "Linux iommu_ops.map_pages contract", AREA_MAPPING, DMA | ANY, 0, c136_short_map },
	{ "C137", "If the flush after a map fails, the whole range is unmapped",
	  "Linux iotlb_sync_map contract", AREA_MAPPING, DMA | ANY, 0, c137_sync_map_fails },
	{ "C138", "Nothing that is mapped is overwritten; an empty table gives way to a large leaf",
	  "Linux generic_pt: -EADDRINUSE", AREA_MAPPING, DMA | ANY, 0, c138_no_overwrite },
	{ "C139", "A large leaf where pages were, and pages where it was, are seen at once",
	  "VT-d 6.5: paging-structure caches; Linux: aligned pages in calculate_psi_aligned_address",
	  AREA_MAPPING, DMA | ANY, 0, c139_table_then_leaf },
	{ "C140", "When unmap returns, no page of the range is reached any more",
	  "Linux iommu_unmap: invalidation guarantees", AREA_MAPPING, DMA | ANY, 0,
	  c140_unmap_is_seen },
	{ "C141", "Nor through the device's own TLB", "PCIe 10.3; Linux: ATC invalidation ordering",
	  AREA_MAPPING, DMA | ANY, MACHINE_ATS, c141_ats },
	{ "C142", "A range that is not aligned to its size is invalidated to the last page",
	  "VT-d 6.5.2.3 address mask; Linux: unaligned addresses for flush range", AREA_MAPPING,
	  DMA | ANY, 0, c142_unaligned_ranges },
	{ "C143", "Unmapping one page leaves its neighbours", "Linux iommu_unmap", AREA_MAPPING,
	  DMA | ANY, 0, c143_neighbours_stay },
	{ "C144", "A leaf is never split: its front takes it away whole, its inside nothing",
	  "Linux generic_pt unmap; include/uiommu/uiommu.h", AREA_MAPPING, DMA, 0,
	  c144_part_of_a_leaf },
	{ "C145", "Unmap stops at the first hole, and says how far it came",
	  "Linux iommu_unmap: partial results", AREA_MAPPING, DMA, 0, c145_hole },
	{ "C146", "Unmapping what was never mapped does nothing and invalidates nothing",
	  "Linux iommu_unmap", AREA_MAPPING, ANY, 0, c146_never_mapped },
	{ "C147", "The first and the last page of the aperture work, the page after it does not",
	  "Linux iommu_domain_geometry; Linux: incorrect aperture check", AREA_MAPPING, DMA | ANY,
	  0, c147_aperture },
	{ "C148", "Ranges that wrap, are misaligned or empty are refused by one table of errors",
	  "Linux generic_pt errors; Linux: overflow in iommu_pgsize", AREA_MAPPING, 0, 0,
	  c148_wrap },
	{ "C150", "Both halves of a sign-extended format can be mapped, the hole cannot",
	  "Intel SDM 3.3.7.1 canonical addresses; VT-d 3.6", AREA_MAPPING, DMA | ANY, 0,
	  c150_sign_extension },
	{ "C151", "A physical address beyond the format's output width is refused",
	  "Linux generic_pt: -ERANGE", AREA_MAPPING, 0, 0, c151_output_width },
	{ "C152", "iova_to_phys is exact at every offset of every leaf size",
	  "Linux: intel_iommu_iova_to_phys for huge pages", AREA_MAPPING, 0, 0, c152_every_offset },
	{ "C153", "iova_to_phys answers for identity, blocked and unattached domains too",
	  "Linux iommu_iova_to_phys", AREA_MAPPING, 0, 0, c153_other_domains },
	{ "C154", "Read, write and both are enforced; neither, or an unknown bit, is refused",
	  "Linux: R/W permission check", AREA_MAPPING, DMA | ANY, 0, c154_protection },
	{ "C155", "One gather over several unmaps is one invalidation that covers them",
	  "Linux iommu_iotlb_gather", AREA_MAPPING, DMA, 0, c155_gather },
	{ "C156", "A freed table is not used again before the invalidation",
	  "Linux iommu_iotlb_gather.freelist", AREA_MAPPING, DMA, 0,
	  c156_tables_outlive_the_flush },
	{ "C157", "What was mapped before any attach is seen by every device attached later",
	  "Linux domain_alloc_paging: domains are final at allocation", AREA_MAPPING, DMA | ANY, 0,
	  c157_map_then_attach },
	{ "C158", "After the last device has left, changes are seen by the next one that comes",
	  "Linux: size mapped for a detached domain", AREA_MAPPING, DMA | ANY, 0, c158_reattach },
	{ "C159", "Hardware that remembers what was not there sees a new mapping",
	  "VT-d 6.1 caching mode", AREA_MAPPING, DMA | ANY, 0, c159_not_present_is_not_kept },
	{ "C161", "Two threads map disjoint pages under one table", "Linux iommu_map concurrency",
	  AREA_MAPPING, DMA | ANY | CONFORM_RACE, 0, c161_disjoint_maps },
	{ "C163", "A new domain finds nothing in caches of the one whose hardware ID it got",
	  "Linux: ids leave the invalidation set clean", AREA_MAPPING, DMA | ANY, 0,
	  c163_id_reuse },
	{ "C164", "A domain on two units is invalidated on both",
	  "Linux: 2 HW sharing pgtable issue", AREA_MAPPING, DMA | ANY, 0, c164_two_units },
	{ "C167",
	  "Out of memory at any table of a map: an error, nothing mapped, and it works later",
	  "Linux iommu_map", AREA_MAPPING, DMA | ANY | CONFORM_NO_SWEEP, 0, c167_out_of_memory },
	{ "C168", "A domain freed with live mappings leaves no page behind",
	  "Linux iommu_domain_free", AREA_MAPPING, 0, 0, c168_free_with_mappings },
	{ "C233", "A list of pieces is mapped in order, or not at all", "Linux iommu_map_sg",
	  AREA_MAPPING, DMA, 0, c233_map_sg },
	{ "C234", "Every part of a gigabyte in one mapping is reached, and gone after unmap",
	  "Linux iommu_map; VT-d 3.7", AREA_MAPPING, DMA, 0, c234_large_leaf_dma },
	{ "C235", "flush_iotlb_all alone ends what queued unmaps left", "Linux flush queues",
	  AREA_MAPPING, DMA, 0, c235_queued_gather },
	{ "C237", "A leaf of each size that the hardware has is reached, and gone after unmap",
	  "include/uiommu/uiommu.h: uiommu_map, uiommu_domain_pgsizes", AREA_MAPPING, DMA | ANY, 0,
	  c237_every_size },
	{ 0 },
};
