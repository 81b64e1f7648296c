/* SPDX-License-Identifier: MIT */
/*
 * property.c - random operations on page tables against a naive list of leaves
 *
 *	property [--ops N] [--seed S] [--config NAME]
 *
 * The list knows which leaf sizes a map uses, and nothing of tables. After each operation results,
 * gathers and some addresses are compared; every now and then, and at the end, a checker walks the raw
 * tables with its own idea of their layout (formats.h), compares leaf by leaf, looks for bits that should not be there, and counts the pages: allocated == reachable, so
 * nothing leaks. Where walks do not snoop it reads the copy that holds only what was flushed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "formats.h"
#include "host.h"

#define MAX_LEAVES 40000u
#define MOST_NEW 300000u /* leaves that one map makes */

/* ---- the naive list ---------------------------------------------------------------------------- */

struct leaf {
	uint64_t iova, paddr, size;
	unsigned int prot;
	bool dirty;
};

struct test {
	const struct setup *setup;
	unsigned int bits; /* log2 of the entries in a table */
	uint64_t page, mid, big; /* the sizes of leaves at levels 1, 2 and 3, allowed or not */
	struct host *host;
	struct uiommu_pt pt;
	struct uiommu_geometry geometry;
	uint64_t seed, rng, op;
	struct leaf *leaf; /* sorted by iova, without overlap */
	size_t count;
};

/* An address sanitizer costs a factor of ten, and does not need as many to see a wild access. */
#if defined(__SANITIZE_ADDRESS__)
#define DEFAULT_OPS 200000
#else
#define DEFAULT_OPS 1000000
#endif

/* Options of the run, set by main() before any test. */
static struct {
	uint64_t ops, seed;
	const char *config;
} options = { .ops = DEFAULT_OPS };

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

/* What one entry at @level stands for. */
static uint64_t level_size(const struct test *t, unsigned int level)
{
	return 8ull << t->bits * level;
}

/* The level of a leaf, or of the entries that a run of @size consists of. */
static unsigned int level_of(const struct test *t, uint64_t size)
{
	return size < t->mid ? 1 : size < t->big ? 2 : 3;
}

static uint64_t *table_at(const struct test *t, uint64_t phys)
{
	return (uint64_t *)(uintptr_t)(phys + t->pt.direct_map);
}

static bool leads_to_table(const struct test *t, uint64_t e, unsigned int level)
{
	const struct format *f = t->setup->format;

	return level > 1 && (e & f->present) && (e & f->kind) == f->table_kind;
}

/* The raw entry for @iova at @level; NULL if there is no table that has it. */
static uint64_t *raw_entry(const struct test *t, uint64_t iova, unsigned int level)
{
	uint64_t top = iova & (~0ull >> (64 - t->setup->config.va_bits));
	uint64_t *entry = t->pt.root + (top >> (3 + t->bits * t->pt.levels));

	for (unsigned int l = t->pt.levels; l > level; l--) {
		if (!leads_to_table(t, *entry, l))
			return NULL;
		entry = table_at(t, setup_addr(t->setup, *entry)) +
			(iova >> (3 + t->bits * (l - 1)) & ((1u << t->bits) - 1));
	}
	return entry;
}

/* Is there a table where a leaf or a run of @size would go? */
static bool table_in_the_way(const struct test *t, uint64_t iova, uint64_t size)
{
	unsigned int level = level_of(t, size);
	const uint64_t *entry = raw_entry(t, iova, level);

	for (uint64_t i = 0; entry && i < size / level_size(t, level); i++)
		if (leads_to_table(t, entry[i], level))
			return true;
	return false;
}

/*
 * The largest leaf for these addresses; 0: there is one that fits, but for what is mapped already. Tables
 * that must stay make the leaf smaller: a fact that cannot be told from what is mapped.
 */
static uint64_t leaf_size(const struct test *t, uint64_t iova, uint64_t paddr, uint64_t left)
{
	for (uint64_t size = 1ull << 51; size > t->page; size /= 2) {
		if (!(t->setup->config.pgsizes & size) || left < size || (iova | paddr) % size)
			continue;
		if (taken(t, iova, size))
			return 0;
		if (!setup_keeps_tables(t->setup) || !table_in_the_way(t, iova, size))
			return size;
	}
	return taken(t, iova, t->page) ? 0 : t->page;
}

/* What mapping the piece must do: append its leaves to @out. Returns the bytes that can be mapped. */
static uint64_t plan(const struct test *t, uint64_t iova, uint64_t paddr, uint64_t size,
		     unsigned int prot, struct leaf *out, size_t *n)
{
	uint64_t done = 0;

	while (done < size) {
		uint64_t step = leaf_size(t, iova + done, paddr + done, size - done);

		if (!step)
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
	size_t pages, leaves;
	uint64_t run; /* how much of a contiguous run has been seen */
	uint64_t sign;
};

/* @e is what hardware sees at @level for @iova: the next leaf of the list, or the next part of a run. */
static void check_leaf(struct walk *w, uint64_t e, unsigned int level, uint64_t iova)
{
	struct test *t = w->t;
	const struct format *f = t->setup->format;
	const struct leaf *leaf = &t->leaf[w->leaves];
	const uint64_t size = level_size(t, level);
	uint64_t expected;

	CHECK(t, w->leaves < t->count);
	CHECK(t, leaf->iova + w->run == iova && level_of(t, leaf->size) == level);
	expected = setup_place(t->setup, leaf->paddr + w->run) |
		   f->leaf_bits(&t->setup->config, leaf->prot) |
		   (level > 1 ? f->large_bits : f->page_bits) |
		   (leaf->size > size ? f->run_bits : 0);
	CHECK(t, e == (leaf->dirty ? expected ^ f->dirty_flip : expected));
	w->run += size;
	if (w->run < leaf->size)
		return;
	w->run = 0;
	w->leaves++;
}

static void walk_raw(struct walk *w, const uint64_t *table, unsigned int level, uint64_t base)
{
	struct test *t = w->t;
	const struct format *f = t->setup->format;
	unsigned int order = level == t->pt.levels ? t->pt.root_order : t->pt.order;

	CHECK(t, host_in_use(t->host, table));
	/* A table is aligned to its size, and so are several in a row. */
	CHECK(t, ((uintptr_t)table - t->pt.direct_map) % (4096ull << order) == 0);
	w->pages += 1ull << order;
	for (size_t i = 0; i < 512ull << order; i++) {
		uint64_t iova = base + i * level_size(t, level), real = table[i], e = real;

		if (f->sign && level == t->pt.levels && i >= 256)
			iova |= w->sign;
		if (!t->setup->config.coherent) {
			e = *host_seen(t->host, table + i);
			CHECK(t, (real & ~f->soft_bits) == (e & ~f->soft_bits));
		}
		if (!e)
			continue;
		CHECK(t, e & f->present);
		if (leads_to_table(t, e, level)) {
			uint64_t addr = setup_addr(t->setup, e),
				 place = setup_place(t->setup, addr);

			CHECK(t, (e & ~place & ~f->soft_bits) == f->table_bits && !w->run);
			CHECK(t, !t->setup->config.coherent || !(e & f->soft_bits));
			walk_raw(w, table_at(t, addr), level - 1, iova);
		} else {
			check_leaf(w, e, level, iova);
		}
	}
}

static void check_tables(struct test *t)
{
	struct walk w = { .t = t, .sign = -(1ull << (t->setup->config.va_bits - 1)) };

	walk_raw(&w, t->pt.root, t->pt.levels, 0);
	CHECK(t, w.leaves == t->count);
	uiommu_pt_trim(&t->pt);
	CHECK(t, host_pages(t->host) == w.pages);
}

/* What the core does after the invalidation. */
static void free_gathered(struct test *t, struct uiommu_iotlb_gather *gather)
{
	void *table = gather->freed;

	CHECK(t, gather->tables == (gather->num_freed > 0) || gather->num_freed == 0);
	CHECK(t, !gather->num_freed || gather->freed_order == t->pt.order);
	for (size_t left = gather->num_freed; left; left--) {
		CHECK(t, host_in_use(t->host, table));
		uint64_t link = *(uint64_t *)table;

		CHECK(t, link % 4096 == 0 && (left > 1) == (link != 0));
		uiommu_port_free_pages(t->host, table, gather->freed_order);
		table = table_at(t, link);
	}
}

/* ---- operations -------------------------------------------------------------------------------- */

/* An address near a place where something can go wrong, the same ones again and again. */
static uint64_t pick_iova(struct test *t)
{
	const uint64_t n = 1ull << t->bits;
	const uint64_t in_table[] = { 0,   0,	      0,     1,	     2,	    7,	   8,
				      9,   15,	      16,    31,     32,    100,   127,
				      128, n / 2 - 1, n / 2, n - 16, n - 8, n - 2, n - 1 };
	const uint64_t tables[] = { 0, 0, 1, 2, 3, 16, n - 2, n - 1 };
	unsigned int range = (unsigned int)rnd(t, t->geometry.ranges);
	uint64_t offset =
		in_table[rnd(t, 21)] * t->page + tables[rnd(t, 8)] * t->mid + rnd(t, 3) * t->big;

	if (rnd(t, 8) < 3)
		return t->geometry.range[range].start + offset;
	return t->geometry.range[range].last - 3 * t->big + 1 + offset;
}

/* Any of the leaf sizes. */
static uint64_t pick_leaf_size(struct test *t)
{
	uint64_t size = 0;

	while (!(t->setup->config.pgsizes & size))
		size = t->page << rnd(t, 2 * t->bits + 1);
	return size;
}

static uint64_t pick_size(struct test *t, uint64_t iova)
{
	unsigned int range = iova >= t->geometry.range[1].start && t->geometry.ranges > 1;
	uint64_t most = t->geometry.range[range].last - iova, size;

	switch (rnd(t, 18)) {
	case 0 ... 4:
		size = t->page * (1 + rnd(t, 3));
		break;
	case 5 ... 8:
		size = t->page * (1 + rnd(t, 40));
		break;
	case 9 ... 11:
		size = t->mid * (1 + rnd(t, 3)) + t->page * (rnd(t, 2) * rnd(t, 4));
		break;
	case 12:
		size = t->mid - iova % t->mid;
		break;
	case 13:
		size = t->setup->config.pgsizes & t->mid ? t->big - iova % t->big : t->mid;
		break;
	case 14:
		size = t->setup->config.pgsizes & t->big ? t->big + t->page * rnd(t, 2) : t->mid;
		break;
	case 15 ... 16:
		size = pick_leaf_size(t) * (1 + rnd(t, 4));
		size = rnd(t, 2) ? size : size - iova % size;
		break;
	default:
		size = t->page;
	}
	/* Without the largest leaves a long run is many entries: rarely. */
	if (size > 8 * t->mid && leaf_size(t, iova, 0, t->big) != t->big && rnd(t, 8))
		size = t->mid;
	return size - 1 > most ? most + 1 : size;
}

static uint64_t pick_paddr(struct test *t, uint64_t iova)
{
	uint64_t mask = t->geometry.last_phys;
	uint64_t paddr = (rnd(t, 1ull << 40) * t->page | (rnd(t, 4) ? 0 : ~0ull << 34)) & mask &
			 ~(t->page - 1);
	uint64_t size = pick_leaf_size(t);

	switch (rnd(t, 6)) {
	case 0:
		paddr = (paddr & ~(t->big - 1)) | (iova & (t->big - 1));
		break;
	case 1:
		paddr = (paddr & ~(t->mid - 1)) | (iova & (t->mid - 1));
		break;
	case 2:
		paddr = (paddr & ~(size - 1)) | (iova & (size - 1));
		break;
	case 3:
		return (rnd(t, 1 << 16) + 1) * t->page;
	case 4:
		/* Before a place where the address bits in an entry are apart. */
		if (mask >> 51)
			return (rnd(t, 2) ? 1ull << 48 : 3ull << 50) -
			       pick_leaf_size(t) * rnd(t, 3) - t->page * rnd(t, 20);
		break;
	default:
		break;
	}
	/* Room for the longest piece, and never 0, which iova_to_phys() cannot tell from a hole. */
	if (paddr > mask - 4 * t->big)
		paddr -= 4 * t->big;
	return paddr < 4 * t->big ? paddr + 4 * t->big : paddr;
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
	paddr = to ? 8 * t->big : pick_paddr(t, iova);
	/* Not more leaves than there is room for. */
	if (size / t->page > MOST_NEW &&
	    (list || (iova ^ paddr) % t->mid || !(t->setup->config.pgsizes & t->mid)))
		size = t->mid;
	sg[0] = (struct uiommu_sg){ paddr, size };
	if (list) {
		uint64_t left = size;

		for (pieces = 0; left && pieces < 12; pieces++) {
			uint64_t part = pieces == 11 ? left :
						       t->page * (1 + rnd(t, left / t->page));

			if (part > t->page && rnd(t, 2))
				part = left > t->mid && rnd(t, 2) ? t->mid : t->page;
			/* Often a neighbour of the last piece. */
			if (pieces && rnd(t, 3) == 0)
				paddr = sg[pieces - 1].paddr + sg[pieces - 1].size;
			else
				paddr = pick_paddr(t, iova + size - left);
			if (paddr > t->geometry.last_phys - part)
				paddr = 4 * t->big + (iova + size - left) % t->big;
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

static bool is_run(const struct test *t, size_t i)
{
	return t->leaf[i].size > level_size(t, level_of(t, t->leaf[i].size));
}

/* A run of which a part will be unmapped falls into its entries. */
static void split_run(struct test *t, size_t i)
{
	const struct leaf run = t->leaf[i];
	const uint64_t size = level_size(t, level_of(t, run.size)), n = run.size / size;

	memmove(t->leaf + i + n, t->leaf + i + 1, (t->count - i - 1) * sizeof(run));
	t->count += n - 1;
	for (uint64_t k = 0; k < n; k++)
		t->leaf[i + k] = (struct leaf){ run.iova + k * size, run.paddr + k * size, size,
						run.prot, run.dirty };
}

static void split_runs(struct test *t, uint64_t iova, uint64_t size)
{
	const uint64_t last = iova + (size - 1);

	if (!t->setup->config.arm.bbml2)
		return;
	for (unsigned int end = 0; end < 2; end++) {
		size_t i = find(t, end ? last : iova);
		const struct leaf *leaf = &t->leaf[i];

		if (i == t->count || leaf->iova > last ||
		    (leaf->iova >= iova && leaf->iova + (leaf->size - 1) <= last))
			continue;
		if (is_run(t, i))
			split_run(t, i);
	}
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
		size = rnd(t, 3) ? pick_size(t, iova) : t->mid - iova % t->mid;
		if (rnd(t, 8) == 0)
			size = t->big - iova % t->big;
	}
	/* Only what is mapped without a gap goes, and only that may fall apart. */
	for (i = find(t, iova); i < t->count && done < size; i++) {
		uint64_t entry = level_size(t, level_of(t, t->leaf[i].size));

		if (t->leaf[i].iova > iova + done ||
		    (t->leaf[i].iova < iova && (!is_run(t, i) || iova % entry)))
			break;
		done = t->leaf[i].iova + t->leaf[i].size - iova;
	}
	if (done)
		split_runs(t, iova, done < size ? done : size);
	done = 0;
	first = i = find(t, iova);
	while (done < size && i < t->count && t->leaf[i].iova == iova + done) {
		uint64_t entry = level_size(t, level_of(t, t->leaf[i].size));

		if (!smallest || entry < smallest)
			smallest = entry;
		done += t->leaf[i++].size;
	}
	uiommu_iotlb_gather_init(&gather, rnd(t, 2));
	if (rnd(t, 4) == 0) {
		/* Not the first unmap that uses this gather. */
		gather.start = iova & ~(t->big - 1);
		gather.last = iova;
		before = gather.pgsize = rnd(t, 4) ? t->mid : 0;
		shared = true;
	}
	got = t->setup->format->unmap(&t->pt, iova, size, &gather);
	CHECK(t, got == done);
	if (shared) {
		CHECK(t, gather.start == (iova & ~(t->big - 1)));
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
	uint64_t span = rnd(t, 2) ? t->mid : rnd(t, 2) ? pick_leaf_size(t) : t->big;
	uint64_t iova = pick_iova(t) & ~(span - 1);
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
		for (unsigned int k = 0; k < 20 && leaf->size == t->page; k++)
			leaf = &t->leaf[rnd(t, t->count)];
		if (!(leaf->prot & UIOMMU_WRITE) || leaf->dirty)
			continue;
		entry = raw_entry(t, leaf->iova, level_of(t, leaf->size));
		__atomic_fetch_xor(entry, t->setup->format->dirty_flip, __ATOMIC_RELAXED);
		*host_seen(t->host, entry) ^= t->setup->format->dirty_flip;
		leaf->dirty = true;
	}
}

static void op_dirty(struct test *t)
{
	const uint64_t units[] = { t->page, t->page, 2 * t->page, 16 * t->page, t->mid, t->big };
	const uint64_t unit = units[rnd(t, 6)]; /* of a bit */
	uint64_t iova = pick_iova(t) & ~(unit - 1), size = unit * (1 + rnd(t, 64)), most, lead;
	unsigned int range = iova >= t->geometry.range[1].start && t->geometry.ranges > 1;
	uint64_t bits[80], expected[80], low = UINT64_MAX, high = 0;
	bool clear = rnd(t, 3);
	struct uiommu_iotlb_gather gather;

	if (t->count && rnd(t, 2)) {
		/* From inside of a leaf, or from a little before it. */
		size_t i = rnd(t, t->count);

		for (unsigned int k = 0; k < 20 && t->leaf[i].size == t->page; k++)
			i = rnd(t, t->count);
		iova = (t->leaf[i].iova + (rnd(t, t->leaf[i].size) & ~(t->page - 1))) & ~(unit - 1);
		range = iova >= t->geometry.range[1].start && t->geometry.ranges > 1;
	}
	if (unit == t->page && rnd(t, 2))
		size = unit * (1 + rnd(t, 4500));
	most = t->geometry.range[range].last - iova;
	if (size - 1 > most)
		size = most + 1;
	lead = rnd(t, 100);
	if (lead * unit > iova - t->geometry.range[range].start)
		lead = 0;
	struct uiommu_dirty_bitmap bitmap = { .iova = iova - lead * unit,
					      .page_size = unit,
					      .num_bits = lead + size / unit + rnd(t, 70),
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
		for (uint64_t bit = (a - bitmap.iova) / unit; bit <= (b - bitmap.iova) / unit;
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
		uint64_t iova = pick_iova(t) + rnd(t, t->page);

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
	const unsigned int bits = setup_bits(setup);
	struct test t = { .setup = setup,
			  .bits = bits,
			  .page = 8ull << bits,
			  .mid = 8ull << 2 * bits,
			  .big = 8ull << 3 * bits,
			  .seed = seed,
			  .rng = seed * 2 + 1 };
	struct uiommu_pt_config config = setup->config;
	struct leaf *scratch = calloc(4 * MOST_NEW, sizeof(*scratch));

	t.leaf = calloc(MAX_LEAVES + 4 * MOST_NEW, sizeof(*t.leaf));
	assert_non_null(scratch);
	assert_non_null(t.leaf);
	/* Tables in the upper half of memory, so that all address bits of their entries are used. */
	t.host = host_new(20000, 3ull << (setup->config.pa_bits - 2));
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
	run_setup(*state, options.config ? options.ops : options.ops / num_setups, options.seed);
}

int main(int argc, char **argv)
{
	struct CMUnitTest *tests = calloc(num_setups, sizeof(*tests));
	size_t count = 0;
	int rc;

	if (!tests)
		return 1;
	options.seed = (uint64_t)time(NULL);
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--ops"))
			options.ops = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			options.seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--config"))
			options.config = argv[i + 1];
	}
	for (size_t i = 0; i < num_setups; i++) {
		if (options.config && strcmp(options.config, setups[i].name))
			continue;
		tests[count++] = (struct CMUnitTest){ .name = setups[i].name,
						      .test_func = test_setup,
						      .initial_state = (void *)&setups[i] };
	}
	rc = _cmocka_run_group_tests("pgtable", tests, count, NULL, NULL);
	free(tests);
	return rc;
}
