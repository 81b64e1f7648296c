/* SPDX-License-Identifier: MIT */
/*
 * property.c - random operations on page tables against a naive list of leaves
 *
 *	property [--ops N] [--seed S] [--config NAME]
 *
 * The list knows which leaf sizes a map uses, and nothing of tables. After each operation results,
 * gathers and some addresses are compared; every now and then, and at the end, a checker walks the raw
 * tables with its own idea of their layout (bits as numbers, from VT-d 9.7 and 9.8), compares leaf by
 * leaf, looks for bits that should not be there, and counts the pages: allocated == reachable, so
 * nothing leaks. Where walks do not snoop it reads the copy that holds only what was flushed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "host.h"
#include "src/pgtable/pgtable.h"

#define K4 0x1000ull
#define M2 0x200000ull
#define G1 0x40000000ull
#define MAX_LEAVES 40000u

/* ---- formats as the test knows them ------------------------------------------------------------ */

struct format {
	const char *name;
	int (*init)(struct uiommu_pt *pt, const struct uiommu_pt_config *config);
	void (*destroy)(struct uiommu_pt *pt);
	void (*geometry)(const struct uiommu_pt *pt, struct uiommu_geometry *out);
	int (*map)(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
		   unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather);
	int (*map_sg)(struct uiommu_pt *pt, uiommu_iova_t iova, const struct uiommu_sg *sg,
		      size_t count, unsigned int prot, uint64_t *mapped,
		      struct uiommu_iotlb_gather *gather);
	uint64_t (*unmap)(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
			  struct uiommu_iotlb_gather *gather);
	uiommu_phys_t (*iova_to_phys)(const struct uiommu_pt *pt, uiommu_iova_t iova);
	int (*dirty)(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size, unsigned int flags,
		     const struct uiommu_dirty_bitmap *bitmap, struct uiommu_iotlb_gather *gather);
	bool sign;
	uint64_t table_bits; /* of an entry that leads to a table */
	uint64_t soft_bits; /* that it may have besides */
	uint64_t present, large, dirty_bit;
};

#define OPS(F)                                                                        \
	.name = #F, .init = uiommu_pt_##F##_init, .destroy = uiommu_pt_##F##_destroy, \
	.geometry = uiommu_pt_##F##_geometry, .map = uiommu_pt_##F##_map,             \
	.map_sg = uiommu_pt_##F##_map_sg, .unmap = uiommu_pt_##F##_unmap,             \
	.iova_to_phys = uiommu_pt_##F##_iova_to_phys,                                 \
	.dirty = uiommu_pt_##F##_read_and_clear_dirty

static const struct format vtd_ss = { OPS(vtd_ss),    .table_bits = 0x3, .soft_bits = 1ull << 52,
				      .present = 0x3, .large = 0x80,	 .dirty_bit = 0x200 };
static const struct format x86_64 = { OPS(x86_64),	  .sign = true,
				      .table_bits = 0x27, .soft_bits = 1ull << 52,
				      .present = 0x1,	  .large = 0x80,
				      .dirty_bit = 0x40 };

struct setup {
	const char *name;
	const struct format *format;
	struct uiommu_pt_config config;
};

enum { FLUSH = 1, DIRTY = 2, SNOOP = 4, XD = 8 };

#define SETUP(n, f, va, pa, sizes, flags)                                         \
	{                                                                         \
		n, &f,                                                            \
		{                                                                 \
			.va_bits = va, .pa_bits = pa, .pgsizes = sizes,           \
			.coherent = !(FLUSH & (flags)), .dirty = DIRTY & (flags), \
			.force_snoop = SNOOP & (flags), .noexec = XD & (flags),   \
		}                                                                 \
	}

static const struct setup setups[] = {
	SETUP("ss39", vtd_ss, 39, 39, K4 | M2 | G1, DIRTY),
	SETUP("ss48", vtd_ss, 48, 46, K4 | M2 | G1, DIRTY),
	SETUP("ss57", vtd_ss, 57, 52, K4 | M2 | G1, DIRTY),
	SETUP("ss48-snoop", vtd_ss, 48, 46, K4 | M2 | G1, SNOOP),
	SETUP("ss48-flush", vtd_ss, 48, 46, K4 | M2 | G1, FLUSH | DIRTY),
	SETUP("ss39-4k", vtd_ss, 39, 46, K4, 0),
	SETUP("ss57-4k-2m", vtd_ss, 57, 46, K4 | M2, 0),
	SETUP("ss48-4k-1g", vtd_ss, 48, 46, K4 | G1, DIRTY),
	SETUP("x48", x86_64, 48, 46, K4 | M2 | G1, DIRTY),
	SETUP("x57", x86_64, 57, 52, K4 | M2 | G1, DIRTY | XD),
	SETUP("x48-preset", x86_64, 48, 46, K4 | M2 | G1, XD),
	SETUP("x57-flush", x86_64, 57, 52, K4 | M2 | G1, FLUSH),
	SETUP("x48-4k", x86_64, 48, 46, K4, DIRTY),
	SETUP("x48-4k-2m-flush", x86_64, 48, 46, K4 | M2, FLUSH),
};

static uint64_t leaf_bits(const struct setup *s, unsigned int prot)
{
	if (s->format == &vtd_ss)
		return (prot & 3) | (s->config.force_snoop ? 0x800 : 0);
	return 0x25 | (prot & UIOMMU_WRITE ? 2 | (s->config.dirty ? 0 : 0x40) : 0) |
	       ((prot & UIOMMU_NOEXEC) && s->config.noexec ? 1ull << 63 : 0);
}

/* ---- the naive list ---------------------------------------------------------------------------- */

struct leaf {
	uint64_t iova, paddr, size;
	unsigned int prot;
	bool dirty;
};

struct test {
	const struct setup *setup;
	struct host *host;
	struct uiommu_pt pt;
	struct uiommu_geometry geometry;
	uint64_t seed, rng, op;
	struct leaf *leaf; /* sorted by iova, without overlap */
	size_t count;
};

/* Options of the run, set by main() before any test. */
static struct {
	uint64_t ops, seed;
	const char *config;
} options = { .ops = 1000000 };

#define CHECK(t, c)                              \
	do {                                     \
		if (!(c))                        \
			broken(t, __LINE__, #c); \
	} while (0)

static void broken(const struct test *t, int line, const char *what)
{
	print_error("property.c:%d: %s, in operation %llu\nagain with: test-pgtable-property "
		    "--config %s --ops %llu --seed %llu\n",
		    line, what, (unsigned long long)t->op, t->setup->name,
		    (unsigned long long)options.ops, (unsigned long long)t->seed);
	fail();
}

static uint64_t rnd(struct test *t, uint64_t n)
{
	t->rng ^= t->rng << 13;
	t->rng ^= t->rng >> 7;
	t->rng ^= t->rng << 17;
	return (t->rng * 0x2545f4914f6cdd1dull >> 11) % n;
}

/* The first leaf that ends after @iova. */
static size_t find(const struct test *t, uint64_t iova)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (t->leaf[mid].iova + (t->leaf[mid].size - 1) < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Is anything mapped in [iova, iova + size - 1]? */
static bool taken(const struct test *t, uint64_t iova, uint64_t size)
{
	size_t i = find(t, iova);

	return i < t->count && t->leaf[i].iova <= iova + (size - 1);
}

static uint64_t leaf_size(const struct test *t, uint64_t addresses, uint64_t left)
{
	static const uint64_t sizes[] = { G1, M2 };

	for (size_t i = 0; i < 2; i++)
		if ((t->setup->config.pgsizes & sizes[i]) && left >= sizes[i] &&
		    addresses % sizes[i] == 0)
			return sizes[i];
	return K4;
}

/*
 * What mapping the piece must do: append the leaves to @out (or only count bytes, if @limit bytes are
 * known to have been mapped). Returns the bytes that can be mapped.
 */
static uint64_t plan(const struct test *t, uint64_t iova, uint64_t paddr, uint64_t size,
		     unsigned int prot, struct leaf *out, size_t *n)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t step = leaf_size(t, (iova + done) | (paddr + done), size - done);

		if (taken(t, iova + done, step))
			break;
		out[(*n)++] = (struct leaf){ iova + done, paddr + done, step, prot, false };
		done += step;
	}
	return done;
}

static void insert(struct test *t, const struct leaf *leaves, size_t n)
{
	size_t i;

	if (!n)
		return;
	i = find(t, leaves[0].iova);
	memmove(t->leaf + i + n, t->leaf + i, (t->count - i) * sizeof(*leaves));
	memcpy(t->leaf + i, leaves, n * sizeof(*leaves));
	t->count += n;
}

static uint64_t phys_of(const struct test *t, uint64_t iova)
{
	size_t i = find(t, iova);

	if (i == t->count || t->leaf[i].iova > iova)
		return 0;
	return t->leaf[i].paddr + (iova - t->leaf[i].iova);
}

/* ---- the raw tables ---------------------------------------------------------------------------- */

struct walk {
	struct test *t;
	size_t tables, leaves;
	uint64_t sign;
};

static void walk_raw(struct walk *w, const uint64_t *table, unsigned int level, uint64_t base)
{
	struct test *t = w->t;
	const struct format *f = t->setup->format;
	unsigned int shift = 12 + 9 * (level - 1);

	CHECK(t, host_in_use(t->host, table));
	w->tables++;
	for (unsigned int i = 0; i < 512; i++) {
		uint64_t iova = base + ((uint64_t)i << shift), real = table[i], e = real;

		if (f->sign && level == t->pt.levels && i >= 256)
			iova |= w->sign;
		if (!t->setup->config.coherent) {
			e = *host_seen(t->host, table + i);
			CHECK(t, (real & ~f->soft_bits) == (e & ~f->soft_bits));
		}
		if (!e)
			continue;
		CHECK(t, e & f->present);
		if (level > 1 && !(e & f->large)) {
			uint64_t addr = e & 0x000ffffffffff000;

			CHECK(t, (e & ~addr & ~f->soft_bits) == f->table_bits);
			CHECK(t, !t->setup->config.coherent || !(e & f->soft_bits));
			walk_raw(w, (const uint64_t *)(addr + t->pt.direct_map), level - 1, iova);
			continue;
		}
		CHECK(t, w->leaves < t->count);
		const struct leaf *leaf = &t->leaf[w->leaves++];

		CHECK(t, leaf->iova == iova && leaf->size == 1ull << shift);
		CHECK(t, e == (leaf->paddr | leaf_bits(t->setup, leaf->prot) |
			       (level > 1 ? f->large : 0) | (leaf->dirty ? f->dirty_bit : 0)));
	}
}

static void check_tables(struct test *t)
{
	struct walk w = { .t = t, .sign = -(1ull << (t->setup->config.va_bits - 1)) };

	walk_raw(&w, t->pt.root, t->pt.levels, 0);
	CHECK(t, w.leaves == t->count);
	uiommu_pt_trim(&t->pt);
	CHECK(t, host_pages(t->host) == w.tables);
}

/* The raw entry of a leaf. */
static uint64_t *raw_entry(struct test *t, const struct leaf *leaf)
{
	uint64_t *table = t->pt.root;
	unsigned int level = t->pt.levels;

	for (;; level--) {
		uint64_t *entry = table + (leaf->iova >> (12 + 9 * (level - 1)) & 511);

		if (1ull << (12 + 9 * (level - 1)) == leaf->size)
			return entry;
		table = (uint64_t *)((*entry & 0x000ffffffffff000) + t->pt.direct_map);
	}
}

/* What the core does after the invalidation. */
static void free_gathered(struct test *t, struct uiommu_iotlb_gather *gather)
{
	void *table = gather->freed;

	CHECK(t, gather->tables == (gather->num_freed > 0) || gather->num_freed == 0);
	for (size_t left = gather->num_freed; left; left--) {
		CHECK(t, host_in_use(t->host, table));
		uint64_t link = *(uint64_t *)table;

		CHECK(t, link % 4096 == 0 && (left > 1) == (link != 0));
		uiommu_port_free_pages(t->host, table, 0);
		table = (void *)(uintptr_t)(link + t->pt.direct_map);
	}
}

/* ---- operations -------------------------------------------------------------------------------- */

/* An address near a place where something can go wrong, the same ones again and again. */
static uint64_t pick_iova(struct test *t)
{
	static const uint64_t in_table[] = { 0, 0, 0, 1, 2, 7, 8, 9, 100, 255, 504, 510, 511 };
	static const uint64_t tables[] = { 0, 0, 1, 2, 3, 510, 511 };
	unsigned int range = (unsigned int)rnd(t, t->geometry.ranges);
	uint64_t offset = in_table[rnd(t, 13)] * K4 + tables[rnd(t, 7)] * M2 + rnd(t, 3) * G1;

	if (rnd(t, 8) < 3)
		return t->geometry.range[range].start + offset;
	return t->geometry.range[range].last - 3 * G1 + 1 + offset;
}

static uint64_t pick_size(struct test *t, uint64_t iova)
{
	unsigned int range = iova >= t->geometry.range[1].start && t->geometry.ranges > 1;
	uint64_t most = t->geometry.range[range].last - iova, size;

	switch (rnd(t, 16)) {
	case 0 ... 4:
		size = K4 * (1 + rnd(t, 3));
		break;
	case 5 ... 8:
		size = K4 * (1 + rnd(t, 40));
		break;
	case 9 ... 11:
		size = M2 * (1 + rnd(t, 3)) + K4 * (rnd(t, 2) * rnd(t, 4));
		break;
	case 12:
		size = M2 - iova % M2;
		break;
	case 13:
		size = t->setup->config.pgsizes & M2 ? G1 - iova % G1 : M2;
		break;
	case 14:
		size = t->setup->config.pgsizes & G1 ? G1 + K4 * rnd(t, 2) : M2;
		break;
	default:
		size = K4;
	}
	/* Without 1G leaves a long run is many entries: rarely. */
	if (size > 8 * M2 && leaf_size(t, iova, G1) != G1 && rnd(t, 8))
		size = M2;
	return size - 1 > most ? most + 1 : size;
}

static uint64_t pick_paddr(struct test *t, uint64_t iova)
{
	uint64_t mask = t->geometry.last_phys;
	uint64_t paddr = (rnd(t, 1ull << 40) << 12 | (rnd(t, 4) ? 0 : ~0ull << 34)) & mask;

	switch (rnd(t, 4)) {
	case 0:
		paddr = (paddr & ~(G1 - 1)) | (iova & (G1 - 1));
		break;
	case 1:
		paddr = (paddr & ~(M2 - 1)) | (iova & (M2 - 1));
		break;
	case 2:
		return (rnd(t, 1 << 16) + 1) << 12;
	default:
		break;
	}
	/* Room for the longest piece, and never 0, which iova_to_phys() cannot tell from a hole. */
	if (paddr > mask - 4 * G1)
		paddr -= 4 * G1;
	return paddr < 4 * G1 ? paddr + 4 * G1 : paddr;
}

static unsigned int pick_prot(struct test *t)
{
	return (unsigned int)(1 + rnd(t, 3)) | (unsigned int)(rnd(t, 4) ? 0 : rnd(t, 16) << 2);
}

static void check_map_gather(struct test *t, struct uiommu_iotlb_gather *gather, uint64_t iova,
			     uint64_t mapped)
{
	if (gather->num_freed)
		CHECK(t,
		      gather->tables && gather->start >= iova && gather->last - iova <= mapped - 1);
	else
		CHECK(t, uiommu_iotlb_gather_empty(gather));
	free_gathered(t, gather);
}

/* Map at random, or exactly @to. */
static void op_map(struct test *t, struct leaf *scratch, const struct leaf *to)
{
	uint64_t iova = pick_iova(t), size = pick_size(t, iova), mapped = ~0ull, can;
	uint64_t start = iova, total = 0, paddr;
	bool oom = rnd(t, 16) == 0, list = rnd(t, 3) == 0;
	unsigned int prot = pick_prot(t);
	struct uiommu_iotlb_gather gather;
	struct uiommu_sg sg[12];
	size_t n = 0, pieces = 1, i, j;
	int rc;

	if (to) {
		start = iova = to->iova;
		size = to->size;
		list = false;
	}
	paddr = to ? 8 * G1 : pick_paddr(t, iova);
	sg[0] = (struct uiommu_sg){ paddr, size };
	if (list) {
		uint64_t left = size;

		for (pieces = 0; left && pieces < 12; pieces++) {
			uint64_t part = pieces == 11 ? left : K4 * (1 + rnd(t, left / K4));

			if (part > K4 && rnd(t, 2))
				part = left > M2 && rnd(t, 2) ? M2 : K4;
			/* Often a neighbour of the last piece. */
			if (pieces && rnd(t, 3) == 0)
				paddr = sg[pieces - 1].paddr + sg[pieces - 1].size;
			else
				paddr = pick_paddr(t, iova + size - left);
			if (paddr > t->geometry.last_phys - part)
				paddr = 4 * G1 + (iova + size - left) % G1;
			sg[pieces] = (struct uiommu_sg){ paddr, part };
			left -= part;
		}
	}
	/* Neighbours count as one piece. */
	for (i = 0; i < pieces; i = j, iova += size) {
		size = sg[i].size;
		for (j = i + 1; j < pieces && sg[j].paddr == sg[i].paddr + size; j++)
			size += sg[j].size;
		can = plan(t, iova, sg[i].paddr, size, prot, scratch, &n);
		total += can;
		if (can < size)
			break;
	}
	bool whole = i >= pieces;

	uiommu_iotlb_gather_init(&gather, false);
	if (oom)
		host_fail_after(t->host, (long)rnd(t, 4));
	if (list)
		rc = t->setup->format->map_sg(&t->pt, start, sg, pieces, prot, &mapped, &gather);
	else
		rc = t->setup->format->map(&t->pt, start, sg[0].paddr, sg[0].size, prot, &mapped,
					   &gather);
	host_fail_after(t->host, -1);
	if (rc == -UIOMMU_ENOMEM) {
		CHECK(t, oom && mapped <= total);
		for (total = 0, i = 0; i < n && total < mapped; i++)
			total += scratch[i].size;
		CHECK(t, total == mapped);
		n = i;
	} else {
		CHECK(t, rc == (whole ? 0 : -UIOMMU_EADDRINUSE) && mapped == total);
	}
	insert(t, scratch, n);
	check_map_gather(t, &gather, start, mapped);
	CHECK(t, t->setup->format->iova_to_phys(&t->pt, start + mapped - 1) ==
			 phys_of(t, start + mapped - 1));
}

/* Unmap at random, or exactly one leaf. */
static void op_unmap(struct test *t, const struct leaf *from)
{
	uint64_t iova = pick_iova(t), size = pick_size(t, iova), done = 0, smallest = 0, got;
	struct uiommu_iotlb_gather gather;
	uint64_t before = 0;
	bool shared = false;
	size_t first, i;

	if (from) {
		iova = from->iova;
		size = from->size;
	} else if (t->count && rnd(t, 4)) {
		iova = t->leaf[rnd(t, t->count)].iova;
		size = rnd(t, 3) ? pick_size(t, iova) : M2 - iova % M2;
		if (rnd(t, 8) == 0)
			size = G1 - iova % G1;
	}
	first = i = find(t, iova);
	while (done < size && i < t->count && t->leaf[i].iova == iova + done) {
		if (!smallest || t->leaf[i].size < smallest)
			smallest = t->leaf[i].size;
		done += t->leaf[i++].size;
	}
	uiommu_iotlb_gather_init(&gather, rnd(t, 2));
	if (rnd(t, 4) == 0) {
		/* Not the first unmap that uses this gather. */
		gather.start = iova & ~(G1 - 1);
		gather.last = iova;
		before = gather.pgsize = rnd(t, 4) ? M2 : 0;
		shared = true;
	}
	got = t->setup->format->unmap(&t->pt, iova, size, &gather);
	CHECK(t, got == done);
	if (shared) {
		CHECK(t, gather.start == (iova & ~(G1 - 1)));
		CHECK(t, gather.last == (done ? iova + done - 1 : iova));
		CHECK(t, gather.pgsize == (done && smallest < before ? smallest : before));
	} else if (done) {
		CHECK(t, gather.start == iova && gather.last == iova + done - 1);
		CHECK(t, gather.pgsize == smallest);
	} else {
		CHECK(t, uiommu_iotlb_gather_empty(&gather));
	}
	memmove(t->leaf + first, t->leaf + i, (t->count - i) * sizeof(*t->leaf));
	t->count -= i - first;
	free_gathered(t, &gather);
}

/* Empty a region leaf by leaf, so that its lower tables stay, and put large leaves there. */
static void op_replace(struct test *t, struct leaf *scratch)
{
	uint64_t span = rnd(t, 4) ? M2 : G1, iova = pick_iova(t) & ~(span - 1);
	size_t i;

	if (find(t, iova + (span - 1)) - find(t, iova) > 1000)
		return;
	while ((i = find(t, iova)) < t->count && t->leaf[i].iova <= iova + (span - 1))
		op_unmap(t, &(struct leaf){ .iova = t->leaf[i].iova, .size = t->leaf[i].size });
	if (t->setup->config.pgsizes & span)
		op_map(t, scratch, &(struct leaf){ .iova = iova, .size = span });
}

/* Hardware writes through some leaves. */
static void op_write(struct test *t)
{
	for (unsigned int i = 0; i < 4 && t->count; i++) {
		struct leaf *leaf = &t->leaf[rnd(t, t->count)];
		uint64_t *entry;

		/* Large leaves are few: look for one. */
		for (unsigned int k = 0; k < 20 && leaf->size == K4; k++)
			leaf = &t->leaf[rnd(t, t->count)];
		entry = raw_entry(t, leaf);
		if (!(leaf->prot & UIOMMU_WRITE))
			continue;
		__atomic_fetch_or(entry, t->setup->format->dirty_bit, __ATOMIC_RELAXED);
		*host_seen(t->host, entry) |= t->setup->format->dirty_bit;
		leaf->dirty = true;
	}
}

static void op_dirty(struct test *t)
{
	static const uint64_t page_sizes[] = { K4, K4, 2 * K4, 16 * K4, M2, G1 };
	const uint64_t page = page_sizes[rnd(t, 6)];
	uint64_t iova = pick_iova(t) & ~(page - 1), size = page * (1 + rnd(t, 64)), most, lead;
	unsigned int range = iova >= t->geometry.range[1].start && t->geometry.ranges > 1;
	uint64_t bits[80], expected[80], low = UINT64_MAX, high = 0;
	bool clear = rnd(t, 3);
	struct uiommu_iotlb_gather gather;

	if (t->count && rnd(t, 2)) {
		/* From inside of a leaf, or from a little before it. */
		size_t i = rnd(t, t->count);

		for (unsigned int k = 0; k < 20 && t->leaf[i].size == K4; k++)
			i = rnd(t, t->count);
		iova = (t->leaf[i].iova + (rnd(t, t->leaf[i].size) & ~(K4 - 1))) & ~(page - 1);
		range = iova >= t->geometry.range[1].start && t->geometry.ranges > 1;
	}
	if (page == K4 && rnd(t, 2))
		size = K4 * (1 + rnd(t, 4500));
	most = t->geometry.range[range].last - iova;
	if (size - 1 > most)
		size = most + 1;
	lead = rnd(t, 100);
	if (lead * page > iova - t->geometry.range[range].start)
		lead = 0;
	struct uiommu_dirty_bitmap bitmap = { .iova = iova - lead * page,
					      .page_size = page,
					      .num_bits = lead + size / page + rnd(t, 70),
					      .bits = bits };

	for (size_t i = 0; i < 80; i++)
		bits[i] = expected[i] = rnd(t, 4) ? 0 : rnd(t, 1ull << 50);
	for (size_t i = find(t, iova); i < t->count && t->leaf[i].iova <= iova + (size - 1); i++) {
		struct leaf *leaf = &t->leaf[i];
		uint64_t a = leaf->iova > iova ? leaf->iova : iova;
		uint64_t b = leaf->iova + (leaf->size - 1);

		if (!leaf->dirty)
			continue;
		if (b > iova + (size - 1))
			b = iova + (size - 1);
		for (uint64_t bit = (a - bitmap.iova) / page; bit <= (b - bitmap.iova) / page;
		     bit++)
			expected[bit / 64] |= 1ull << bit % 64;
		if (!clear)
			continue;
		leaf->dirty = false;
		if (leaf->iova < low)
			low = leaf->iova;
		high = leaf->iova + (leaf->size - 1);
	}
	uiommu_iotlb_gather_init(&gather, false);
	CHECK(t, !t->setup->format->dirty(&t->pt, iova, size, clear ? 0 : UIOMMU_DIRTY_NO_CLEAR,
					  &bitmap, &gather));
	CHECK(t, !memcmp(bits, expected, sizeof(bits)));
	CHECK(t, gather.start == low && gather.last == high && !gather.num_freed);
}

static void check_some(struct test *t)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t iova = pick_iova(t) + rnd(t, K4);

		CHECK(t, t->setup->format->iova_to_phys(&t->pt, iova) == phys_of(t, iova));
	}
	/* In the hole, or above the width: nothing is there, whatever the low bits say. */
	if (t->setup->config.va_bits < 64) {
		uint64_t iova = pick_iova(t) ^ (1ull << (t->setup->config.va_bits));

		CHECK(t, !t->setup->format->iova_to_phys(&t->pt, iova));
	}
}

static void check_geometry(const struct test *t)
{
	const struct uiommu_pt_config *c = &t->setup->config;
	const struct uiommu_geometry *g = &t->geometry;

	CHECK(t, g->last_phys == ~0ull >> (64 - c->pa_bits) && g->range[0].start == 0);
	if (t->setup->format->sign) {
		CHECK(t, g->ranges == 2 && g->range[0].last == ~0ull >> (65 - c->va_bits));
		CHECK(t, g->range[1].start == ~g->range[0].last && g->range[1].last == ~0ull);
	} else {
		CHECK(t, g->ranges == 1 && g->range[0].last == ~0ull >> (64 - c->va_bits));
	}
}

static void run_setup(const struct setup *setup, uint64_t ops, uint64_t seed)
{
	struct test t = { .setup = setup, .seed = seed, .rng = seed * 2 + 1 };
	struct uiommu_pt_config config = setup->config;
	struct leaf *scratch = calloc(4 * 262144, sizeof(*scratch));

	t.leaf = calloc(MAX_LEAVES + 4 * 262144, sizeof(*t.leaf));
	assert_non_null(scratch);
	assert_non_null(t.leaf);
	t.host = host_new(20000);
	config.host = t.host;
	for (long n = 0; n < 2; n++) {
		host_fail_after(t.host, n);
		CHECK(&t, setup->format->init(&t.pt, &config) == -UIOMMU_ENOMEM);
		CHECK(&t, !host_pages(t.host) && !host_objects(t.host));
	}
	host_fail_after(t.host, -1);
	CHECK(&t, setup->format->init(&t.pt, &config) == 0);
	setup->format->geometry(&t.pt, &t.geometry);
	check_geometry(&t);
	for (t.op = 0; t.op < ops; t.op++) {
		uint64_t what = rnd(&t, 16);

		if (t.count > MAX_LEAVES / 4)
			what = 9;
		if (t.op % 64 == 63)
			op_replace(&t, scratch);
		else if (what < 7)
			op_map(&t, scratch, NULL);
		else if (what < 13 || !setup->config.dirty)
			op_unmap(&t, NULL);
		else if (what < 15)
			op_write(&t);
		else
			op_dirty(&t);
		check_some(&t);
		if (t.op % 256 == 0)
			check_tables(&t);
	}
	check_tables(&t);
	setup->format->destroy(&t.pt);
	CHECK(&t, !host_pages(t.host) && !host_objects(t.host));
	host_delete(t.host);
	free(t.leaf);
	free(scratch);
}

static void test_setup(void **state)
{
	const size_t n = sizeof(setups) / sizeof(setups[0]);

	run_setup(*state, options.config ? options.ops : options.ops / n, options.seed);
}

int main(int argc, char **argv)
{
	const size_t n = sizeof(setups) / sizeof(setups[0]);
	struct CMUnitTest tests[sizeof(setups) / sizeof(setups[0])];
	size_t count = 0;

	options.seed = (uint64_t)time(NULL);
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--ops"))
			options.ops = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			options.seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--config"))
			options.config = argv[i + 1];
	}
	for (size_t i = 0; i < n; i++) {
		if (options.config && strcmp(options.config, setups[i].name))
			continue;
		tests[count++] = (struct CMUnitTest){ .name = setups[i].name,
						      .test_func = test_setup,
						      .initial_state = (void *)&setups[i] };
	}
	return _cmocka_run_group_tests("pgtable", tests, count, NULL, NULL);
}
