/* SPDX-License-Identifier: MIT */
/*
 * walk.h - the walker, written once and inlined into each format
 *
 * A format is a C file that states facts and then includes this one:
 *
 *   FMT_BITS			log2 of the entries in a table, which is as large as the smallest leaf
 *   FMT_PRESENT		an entry is present if any of these bits is set
 *   FMT_KIND, FMT_LARGE	a present entry above level 1 whose FMT_KIND bit is FMT_LARGE is a leaf
 *   FMT_PAGE			what FMT_KIND is in a leaf at level 1
 *   FMT_SYNCED			a bit of table entries that hardware ignores: see "Coherency"
 *   FMT_SIGN_EXTENDED		the input's upper bits repeat its top bit
 *   FMT_MIN_LEVELS		the fewest levels that a config can ask for
 *   FMT_CONCATENATED		the root may be several tables in a row
 *   FMT_SPLIT			addresses on two sides of a multiple of this do not fit a sequence of entries
 *				that each are the one before plus a constant; 0: there is no such place
 *   FMT_RUNS			the hint bit of a contiguous run; 0: there are no runs
 *   fmt_run_log2(level)	log2 of the entries of a run at levels 1 and 2
 *   fmt_addr(entry)		the address in an entry; fmt_place(phys): the bits for an address
 *   fmt_leaf(config, prot)	the bits of a leaf besides its address, FMT_KIND and FMT_RUNS
 *   fmt_table(phys)		an entry that leads to the table at phys
 *   fmt_dirty(config, entry)	was written through (of a leaf)
 *   fmt_clean(config, entry *)	make it not so, atomically
 *   fmt_may_change(config)	hardware bears a live entry that becomes a larger or smaller leaf at once,
 *				without being invalid in between: a leaf may replace an empty table, and
 *				the hint of a live run may be dropped
 *   fmt_levels(config)		levels of tables
 *
 * Entries have 8 bytes, level 1 is at the bottom, and leaves are at levels 1 to 3.
 *
 * Concurrency
 * -----------
 * Operations on disjoint ranges run beside each other without a lock, because each entry has one owner:
 *
 *   - a leaf entry, and an entry that is not present, belong to whoever owns the range of addresses
 *     that it stands for. Nobody else writes it, except that the range may be shared by several
 *     owners who all want a table there. That is the one race, decided by compare-and-swap: the loser
 *     takes its page back and uses the winner's table.
 *   - an entry that leads to a table may be shared by many owners. It is changed only by an operation
 *     whose range covers everything the table stands for, so that no owner of a part of it is at
 *     work: an unmap that covers it removes it, a map that covers it with one leaf may replace it if
 *     nothing is mapped below and the format allows it. An unmap of less leaves the table, even if it has become empty: a
 *     neighbour may be about to fill it, having read the entry above already.
 *   - the hint in the entries of a contiguous run is dropped by whoever unmaps a part of the run
 *     first, by several at a time if need be, with atomic operations that leave an entry as it is
 *     otherwise. It is set by nobody but a map of the whole run.
 *   - hardware sets accessed and dirty bits at any time, with atomic operations of its own. An entry
 *     of which it may change more than we overwrite is changed with atomic operations here too.
 *
 * iova_to_phys() owns nothing and may run beside an operation on the very range it asks about. The
 * tables that it stands on may thus be removed, freed and used for something else under its feet.
 * Tables are freed only after they left the tree, and @removals counts before that; so what
 * iova_to_phys() reads is believed only if @removals still has the value that it had at the start, and
 * nothing unconfirmed is followed. (Memory of the port stays readable: it is part of the direct map.)
 *
 * Arithmetic
 * ----------
 * A range may end with the last byte of the address space: only (iova + done) with done < size is ever
 * computed, never an end. An unmap may return more than @size (leaves go as a whole).
 *
 * Coherency
 * ---------
 * Where hardware does not snoop, a new table is flushed, then linked, then the link is flushed and
 * marked FMT_SYNCED. A thread that finds a table without the mark flushes the link itself: else it
 * could report a mapping that hardware cannot reach yet because another thread is between two
 * instructions. Other changed entries are flushed in runs.
 */
#ifndef UIOMMU_SRC_PGTABLE_WALK_H
#define UIOMMU_SRC_PGTABLE_WALK_H

#include <stdatomic.h>

#include "src/pgtable/entry.h"
#include "src/pgtable/pgtable.h"
#include "src/pgtable/pool.h"

/* ---- flushing and freeing ---------------------------------------------------------------------- */

/* Changed entries that hardware may not see yet, [start, end): grows while they are neighbours. */
struct pt_flush {
	const uint64_t *start;
	const uint64_t *end;
};

PT_COLD void pt_flush_now(const struct uiommu_pt *pt, struct pt_flush *flush)
{
	if (flush->start != flush->end)
		uiommu_port_cache_flush(pt->config.host, flush->start,
					(size_t)(flush->end - flush->start) * sizeof(uint64_t));
	flush->start = flush->end;
}

PT_COLD void pt_flush_grow(const struct uiommu_pt *pt, struct pt_flush *flush,
			   const uint64_t *entry, unsigned int n)
{
	if (entry != flush->end || !((uintptr_t)entry & (PT_TABLE_SIZE - 1))) {
		pt_flush_now(pt, flush);
		flush->start = entry;
	}
	flush->end = entry + n;
}

PT_INLINE void pt_flush_add(const struct uiommu_pt *pt, struct pt_flush *flush,
			    const uint64_t *entry, unsigned int n)
{
	if (pt_unlikely(!pt->config.coherent))
		pt_flush_grow(pt, flush, entry, n);
}

PT_INLINE void pt_flush_end(const struct uiommu_pt *pt, struct pt_flush *flush)
{
	if (pt_unlikely(!pt->config.coherent))
		pt_flush_now(pt, flush);
}

/* @table has left the tree; it is freed after the invalidation (driver.h, "Freed tables"). */
static void pt_chain(const struct uiommu_pt *pt, uint64_t *table,
		     struct uiommu_iotlb_gather *gather)
{
	uint64_t link = gather->freed ? (uintptr_t)gather->freed - pt->direct_map : 0;

	pt_store(table, link);
	gather->freed = table;
	gather->num_freed++;
	gather->freed_order = PT_ORDER;
	gather->tables = true;
}

/* After tables left the tree and before anybody may free them: see "Concurrency". */
static void pt_removed(struct uiommu_pt *pt)
{
	__atomic_fetch_add(&pt->removals, 1, __ATOMIC_ACQ_REL);
#if !PT_RUNS_ATOMIC /* the sanitizer knows no fences */
	atomic_thread_fence(memory_order_release);
#endif
}

/* ---- descending to map ------------------------------------------------------------------------- */

PT_COLD void pt_sync_link(const struct uiommu_pt *pt, uint64_t *entry)
{
	uiommu_port_cache_flush(pt->config.host, entry, sizeof(*entry));
	atomic_fetch_or_explicit((pt_entry *)entry, FMT_SYNCED, memory_order_release);
	/* The mark means nothing to hardware; flushed, memory and cache stay the same to the bit. */
	uiommu_port_cache_flush(pt->config.host, entry, sizeof(*entry));
}

/* Make @entry, found empty, lead to a table: ours, or that of a thread that was faster. */
static __attribute__((noinline)) int pt_install(struct uiommu_pt *pt, uint64_t *entry,
						uint64_t **table)
{
	uint64_t *page = uiommu_pt_pool_get(pt);
	uint64_t e = 0;

	if (!page)
		return -UIOMMU_ENOMEM;
	if (pt_unlikely(!pt->config.coherent))
		uiommu_port_cache_flush(pt->config.host, page, PT_ENTRIES * sizeof(*page));
	if (atomic_compare_exchange_strong_explicit((pt_entry *)entry, &e,
						    fmt_table((uintptr_t)page - pt->direct_map),
						    memory_order_acq_rel, memory_order_acquire)) {
		*table = page;
	} else {
		uiommu_pt_pool_put(pt, page);
		if (pt_large(e))
			return -UIOMMU_EADDRINUSE;
		*table = pt_table(pt, e);
	}
	if (pt_unlikely(!pt->config.coherent))
		pt_sync_link(pt, entry);
	return 0;
}

/* The table of @level that @iova goes through, made if need be. */
PT_INLINE int pt_descend(struct uiommu_pt *pt, uiommu_iova_t iova, unsigned int level,
			 uint64_t **out)
{
	uint64_t *table = pt_top(pt, iova);
	unsigned int l;

	for (l = pt->levels; l > level; l--) {
		uint64_t *entry = table + pt_index(iova, l);
		uint64_t e = pt_load(entry);

		if (pt_unlikely(!pt_present(e))) {
			int rc = pt_install(pt, entry, &table);

			if (rc)
				return rc;
			continue;
		}
		if (pt_unlikely(pt_large(e)))
			return -UIOMMU_EADDRINUSE;
		if (pt_unlikely(!pt->config.coherent) && !(e & FMT_SYNCED))
			pt_sync_link(pt, entry);
		table = pt_table(pt, e);
	}
	*out = table;
	return 0;
}

/* Is nothing mapped in @table and below? */
static bool pt_empty(const struct uiommu_pt *pt, const uint64_t *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < PT_ENTRIES; i++) {
		uint64_t e = pt_load(table + i);

		if (!pt_present(e))
			continue;
		if (pt_leaf(e, level) || !pt_empty(pt, pt_table(pt, e), level - 1))
			return false;
	}
	return true;
}

/* Chain an empty table that has left the tree, after those below it. */
static void pt_chain_empty(const struct uiommu_pt *pt, uint64_t *table, unsigned int level,
			   struct uiommu_iotlb_gather *gather)
{
	unsigned int i;

	for (i = 0; level > 1 && i < PT_ENTRIES; i++) {
		uint64_t e = pt_load(table + i);

		if (!pt_present(e))
			continue;
		pt_store(table + i, 0);
		pt_chain_empty(pt, pt_table(pt, e), level - 1, gather);
	}
	pt_chain(pt, table, gather);
}

/* What pt_replace() says of tables without a leaf that have to stay. */
enum { PT_TABLES_STAY = 1 };

/*
 * One leaf, or a run of @n, has to go where not every entry is empty: possible if those that are not
 * are tables without a leaf below, and if such a table may make way at once.
 */
PT_COLD int pt_replace(struct uiommu_pt *pt, uint64_t *entry, unsigned int n, unsigned int level,
		       uiommu_iova_t iova, uint64_t value, struct uiommu_iotlb_gather *gather)
{
	unsigned int i;
	uint64_t e;

	for (i = 0; i < n; i++) {
		e = pt_load(entry + i);
		if (pt_present(e) &&
		    (pt_leaf(e, level) || !pt_empty(pt, pt_table(pt, e), level - 1)))
			return -UIOMMU_EADDRINUSE;
	}
	if (!fmt_may_change(&pt->config))
		return PT_TABLES_STAY;
	for (i = 0; i < n; i++) {
		e = pt_load(entry + i);
		atomic_store_explicit((pt_entry *)(entry + i), value + i * pt_size(level),
				      memory_order_release);
		if (!pt_present(e))
			continue;
		pt_chain_empty(pt, pt_table(pt, e), level - 1, gather);
		uiommu_iotlb_gather_add(gather, iova + i * pt_size(level), pt_size(level));
	}
	pt_removed(pt);
	return 0;
}

/* ---- map --------------------------------------------------------------------------------------- */

/* The table that was filled last, so that the next piece of a list need not descend again. */
struct pt_cursor {
	uint64_t *table;
	uiommu_iova_t prefix; /* iova >> shift of what the whole table stands for */
	unsigned int level; /* 0: none yet */
};

/* The level of the largest leaf, of @sizes, that both addresses and @left bytes allow. */
PT_INLINE unsigned int pt_best_level(uint64_t sizes, uint64_t addresses, uint64_t left)
{
	unsigned int level = 1;

	if (left >= pt_size(2) && (sizes & pt_size(2)) && !(addresses & (pt_size(2) - 1)))
		level = 2;
	if (left >= pt_size(3) && (sizes & pt_size(3)) && !(addresses & (pt_size(3) - 1)))
		level = 3;
	return level;
}

/* How many leaves from @iova on one run of stores can do; *run: so many of them are a contiguous run. */
PT_INLINE unsigned int pt_stretch(uint64_t sizes, uiommu_iova_t iova, uiommu_phys_t paddr,
				  uint64_t left, unsigned int level, unsigned int *run)
{
	const unsigned int index = pt_index(iova, level), in_run = pt_run(level);
	const uint64_t run_size = in_run * pt_size(level);
	unsigned int n = PT_ENTRIES - index;

	*run = 1;
	if (n > left >> pt_shift(level))
		n = (unsigned int)(left >> pt_shift(level));
	if (FMT_SPLIT) {
		uint64_t before = ((uint64_t)FMT_SPLIT - (paddr & (FMT_SPLIT - 1))) >>
				  pt_shift(level);

		if (pt_unlikely(n > before))
			n = (unsigned int)before;
	}
	if (!pt_has_runs(sizes, level) || ((iova ^ paddr) & (run_size - 1)))
		return n;
	if ((index & (in_run - 1)) || n < in_run) {
		/* Up to where a run may begin. */
		unsigned int before = in_run - (index & (in_run - 1));

		return n < before ? n : before;
	}
	*run = in_run;
	return n & ~(in_run - 1);
}

/*
 * Map one piece; *mapped grows by what was done, also on error. Where a table has to stay, smaller leaves
 * go into it: @sizes are those allowed up to @until.
 */
PT_INLINE int pt_map_piece(struct uiommu_pt *pt, struct pt_cursor *cursor, struct pt_flush *flush,
			   uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size, uint64_t bits,
			   uint64_t *mapped, struct uiommu_iotlb_gather *gather)
{
	uint64_t done = 0, sizes = pt->config.pgsizes, until = size;
	int rc = 0;

	while (done < size) {
		uiommu_iova_t at = iova + done;
		uint64_t left = until - done;
		unsigned int level = pt_best_level(sizes, at | (paddr + done), left);
		unsigned int run, n = pt_stretch(sizes, at, paddr + done, left, level, &run),
				  filled;
		uiommu_iova_t prefix = at >> pt_shift(level + 1);
		uint64_t value = fmt_place(paddr + done) | bits | pt_leaf_kind(level) |
				 (run > 1 ? FMT_RUNS : 0);
		uint64_t *entry;

		if (cursor->level != level || cursor->prefix != prefix) {
			cursor->level = 0;
			rc = pt_descend(pt, at, level, &cursor->table);
			if (pt_unlikely(rc))
				break;
			cursor->level = level;
			cursor->prefix = prefix;
		}
		entry = cursor->table + pt_index(at, level);
		filled = run > 1 ? pt_fill_runs(entry, n, run, value, pt_size(level)) :
				   pt_fill(entry, n, value, pt_size(level));
		if (pt_unlikely(filled < n)) {
			rc = pt_replace(pt, entry + filled, run, level,
					at + filled * pt_size(level),
					value + filled * pt_size(level), gather);
			if (!rc)
				filled += run;
		}
		if (filled)
			pt_flush_add(pt, flush, entry, filled);
		done += filled * pt_size(level);
		if (pt_unlikely(rc == PT_TABLES_STAY)) {
			sizes &= run * pt_size(level) - 1;
			until = done + run * pt_size(level);
			rc = 0;
		} else if (pt_unlikely(rc)) {
			break;
		} else if (pt_unlikely(done == until)) {
			/* A larger leaf that did not fit begins here no more: its address is too odd. */
			sizes = pt->config.pgsizes;
			until = size;
		}
	}
	*mapped += done;
	return rc;
}

/* More than one leaf, or one that is in trouble. */
static __attribute__((noinline)) int pt_map_bulk(struct uiommu_pt *pt, uiommu_iova_t iova,
						 uiommu_phys_t paddr, uint64_t size, uint64_t bits,
						 uint64_t *mapped,
						 struct uiommu_iotlb_gather *gather)
{
	struct pt_cursor cursor = { 0 };
	struct pt_flush flush = { 0 };
	int rc;

	*mapped = 0;
	rc = pt_map_piece(pt, &cursor, &flush, iova, paddr, size, bits, mapped, gather);
	pt_flush_end(pt, &flush);
	return rc;
}

static inline int pt_map(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr,
			 uint64_t size, unsigned int prot, uint64_t *mapped,
			 struct uiommu_iotlb_gather *gather)
{
	const uint64_t bits = fmt_leaf(&pt->config, prot);
	unsigned int level = pt_best_level(pt->config.pgsizes, iova | paddr, size);
	uint64_t *table;

	if (size == pt_size(level) && !pt_descend(pt, iova, level, &table)) {
		uint64_t *entry = table + pt_index(iova, level);

		if (!pt_load(entry)) {
			pt_store(entry, fmt_place(paddr) | bits | pt_leaf_kind(level));
			if (pt_unlikely(!pt->config.coherent))
				uiommu_port_cache_flush(pt->config.host, entry, sizeof(*entry));
			*mapped = size;
			return 0;
		}
	}
	return pt_map_bulk(pt, iova, paddr, size, bits, mapped, gather);
}

static inline int pt_map_sg(struct uiommu_pt *pt, uiommu_iova_t iova, const struct uiommu_sg *sg,
			    size_t count, unsigned int prot, uint64_t *mapped,
			    struct uiommu_iotlb_gather *gather)
{
	const uint64_t bits = fmt_leaf(&pt->config, prot);
	struct pt_cursor cursor = { 0 };
	struct pt_flush flush = { 0 };
	uint64_t done = 0;
	size_t i = 0;
	int rc = 0;

	while (i < count && !rc) {
		uiommu_iova_t at = iova + done;
		uiommu_phys_t paddr = sg[i].paddr;
		uint64_t size = sg[i].size;

		/* Neighbours in memory are one piece: larger leaves may fit. */
		for (i++; i < count && sg[i].paddr == paddr + size; i++)
			size += sg[i].size;
		/* The usual list: single pages, into the table of the one before. */
		if (size == pt_size(1) && cursor.level == 1 && cursor.prefix == at >> pt_shift(2)) {
			uint64_t *entry = cursor.table + pt_index(at, 1);

			if (!pt_load(entry)) {
				pt_store(entry, fmt_place(paddr) | bits | FMT_PAGE);
				pt_flush_add(pt, &flush, entry, 1);
				done += size;
				continue;
			}
		}
		rc = pt_map_piece(pt, &cursor, &flush, at, paddr, size, bits, &done, gather);
	}
	pt_flush_end(pt, &flush);
	*mapped = done;
	return rc;
}

/* ---- unmap ------------------------------------------------------------------------------------- */

/* The gather learns of [iova, iova + size) with leaves of @smallest bytes and more. */
PT_INLINE void pt_gather(struct uiommu_iotlb_gather *gather, uiommu_iova_t iova, uint64_t size,
			 uint64_t smallest)
{
	if (gather->start > gather->last || smallest < gather->pgsize)
		gather->pgsize = smallest;
	uiommu_iotlb_gather_add(gather, iova, size);
}

/*
 * The range from @at - @done has been unmapped to the end of the @table of @level in which the last
 * run began at @at. Take it out of the tree, and those above it that the range covers from their start.
 */
static void pt_remove_covered(struct uiommu_pt *pt, unsigned int level, uiommu_iova_t at,
			      uint64_t done, struct pt_flush *flush,
			      struct uiommu_iotlb_gather *gather)
{
	for (; level < pt->levels && (at & (pt_size(level + 1) - 1)) <= done; level++) {
		uint64_t *entry = pt_top(pt, at) + pt_index(at, pt->levels), *table;
		unsigned int l;

		for (l = pt->levels - 1; l > level; l--)
			entry = pt_table(pt, pt_load(entry)) + pt_index(at, l);
		table = pt_table(pt, pt_load(entry));
		pt_store(entry, 0);
		pt_flush_add(pt, flush, entry, 1);
		pt_chain(pt, table, gather);
		if (pt_index(at, level + 1) != PT_ENTRIES - 1)
			break;
	}
}

/* The entry of the leaf at @iova and its level; NULL if there is none. */
PT_INLINE uint64_t *pt_find(const struct uiommu_pt *pt, uiommu_iova_t iova, unsigned int *level)
{
	uint64_t *table = pt_top(pt, iova), *entry, e;

	for (*level = pt->levels;; --*level) {
		entry = table + pt_index(iova, *level);
		e = pt_load(entry);
		if (pt_unlikely(!pt_present(e)))
			return NULL;
		if (pt_leaf(e, *level))
			return entry;
		table = pt_table(pt, e);
	}
}

/* Drop the hint from the run that @entry is in: what is left of it will be leaves of their own. */
PT_COLD void pt_drop_hint(const struct uiommu_pt *pt, uint64_t *entry, unsigned int level,
			  struct pt_flush *flush)
{
	const unsigned int run = pt_run(level);
	uint64_t *first = (uint64_t *)((uintptr_t)entry & ~((uintptr_t)run * sizeof(*entry) - 1));

	for (unsigned int i = 0; i < run; i++)
		atomic_fetch_and_explicit((pt_entry *)(first + i), ~(uint64_t)FMT_RUNS,
					  memory_order_relaxed);
	pt_flush_add(pt, flush, first, run);
}

/*
 * @n entries from @entry on are to go, and the first is in a run, which does not begin there or of
 * which they are a part only. How many go: those in it, after its hint was dropped; all of it, where
 * the hint of a live run must stay as it is; or none, if the range begins inside of such a run.
 */
PT_COLD unsigned int pt_unmap_part(const struct uiommu_pt *pt, uint64_t *entry, unsigned int n,
				   unsigned int level, struct pt_flush *flush)
{
	const unsigned int run = pt_run(level);
	unsigned int before = (unsigned int)((uintptr_t)entry / sizeof(*entry)) & (run - 1);

	if (fmt_may_change(&pt->config)) {
		pt_drop_hint(pt, entry, level, flush);
		return n < run - before ? n : run - before;
	}
	return before ? 0 : run;
}

/* More than one leaf, or a part of a run; the first has been found and begins at @iova. */
static __attribute__((noinline)) uint64_t pt_unmap_bulk(struct uiommu_pt *pt, uiommu_iova_t iova,
							uint64_t size, uint64_t *entry,
							unsigned int level,
							struct uiommu_iotlb_gather *gather)
{
	const size_t num_freed = gather->num_freed;
	struct pt_flush flush = { 0 };
	uint64_t done = 0, sizes = 0;

	/* The next leaf begins where this one ends, or they would overlap: no need to check again. */
	while (entry) {
		uiommu_iova_t at = iova + done;
		uint64_t wanted = ((size - done - 1) >> pt_shift(level)) + 1;
		unsigned int index = pt_index(at, level), n = PT_ENTRIES - index, taken;
		/* A table that goes as a whole need not be cleared, if there is no hole in it. */
		bool whole = wanted >= PT_ENTRIES && !index && level < pt->levels;

		if (n > wanted)
			n = (unsigned int)wanted;
		if (pt_has_runs(pt->config.pgsizes, level)) {
			const unsigned int in_run = pt_run(level), before = index & (in_run - 1);

			if ((pt_load(entry) & FMT_RUNS) && (before || n < in_run))
				n = pt_unmap_part(pt, entry, n, level, &flush);
			else if (before + n > in_run)
				n = ((before + n) & ~(in_run - 1)) - before; /* whole runs */
			if (!n)
				break;
		}
		if (whole) {
			taken = pt_take(entry, PT_ENTRIES, level, false);
			if (pt_unlikely(taken < PT_ENTRIES)) {
				pt_take(entry, taken, level, true);
				whole = false;
			}
		} else {
			taken = pt_take(entry, n, level, true);
		}
		if (!whole)
			pt_flush_add(pt, &flush, entry, taken);
		sizes |= pt_size(level);
		if (index + taken == PT_ENTRIES)
			pt_remove_covered(pt, level, at, done, &flush, gather);
		done += taken * pt_size(level);
		if (done >= size)
			break;
		entry = pt_find(pt, iova + done, &level);
	}
	pt_flush_end(pt, &flush);
	if (gather->num_freed != num_freed)
		pt_removed(pt);
	if (done)
		pt_gather(gather, iova, done, sizes & -sizes);
	return done;
}

static inline uint64_t pt_unmap(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
				struct uiommu_iotlb_gather *gather)
{
	unsigned int level;
	uint64_t *entry = pt_find(pt, iova, &level);

	if (pt_unlikely(!entry || (iova & (pt_size(level) - 1))))
		return 0; /* nothing, or a leaf that starts before the range */
	if (size > pt_size(level) || (FMT_RUNS && pt_unlikely(pt_load(entry) & FMT_RUNS)))
		return pt_unmap_bulk(pt, iova, size, entry, level, gather);

	/* One leaf, never all of a table. */
	pt_store(entry, 0);
	if (pt_unlikely(!pt->config.coherent))
		uiommu_port_cache_flush(pt->config.host, entry, sizeof(*entry));
	pt_gather(gather, iova, pt_size(level), pt_size(level));
	return pt_size(level);
}

/* ---- looking ----------------------------------------------------------------------------------- */

enum pt_step { PT_DOWN, PT_LEAF, PT_HOLE, PT_AGAIN };

/* One level of a walk that owns nothing: *entry is what @table has there, confirmed. */
PT_INLINE enum pt_step pt_step(const struct uiommu_pt *pt, const uint64_t **table,
			       uiommu_iova_t iova, unsigned int level, uint64_t removals,
			       uint64_t *entry)
{
	uint64_t e = pt_load(*table + pt_index(iova, level));

	if (pt_unlikely(__atomic_load_n(&pt->removals, __ATOMIC_ACQUIRE) != removals))
		return PT_AGAIN;
	if (!pt_present(e))
		return PT_HOLE;
	*entry = e;
	if (level <= PT_MAX_LEAF_LEVEL && pt_leaf(e, level))
		return PT_LEAF;
	*table = pt_table(pt, e);
	return PT_DOWN;
}

PT_INLINE uiommu_phys_t pt_phys(uint64_t e, uiommu_iova_t iova, unsigned int level)
{
	return (fmt_addr(e) & ~(pt_size(level) - 1)) | (iova & (pt_size(level) - 1));
}

/* Written out level by level, so that each has its own constants and its own branches to predict. */
static inline uiommu_phys_t pt_iova_to_phys(const struct uiommu_pt *pt, uiommu_iova_t iova)
{
	if (pt_unlikely(!pt_in_range(pt, iova)))
		return 0;
	for (;;) {
		uint64_t removals = __atomic_load_n(&pt->removals, __ATOMIC_ACQUIRE), e = 0;
		const uint64_t *table = pt_top(pt, iova);
		enum pt_step step = PT_DOWN;

		if (pt->levels == 5)
			step = pt_step(pt, &table, iova, 5, removals, &e);
		if (step == PT_DOWN && pt->levels >= 4)
			step = pt_step(pt, &table, iova, 4, removals, &e);
		if (step == PT_DOWN && (FMT_MIN_LEVELS >= 3 || pt->levels >= 3)) {
			step = pt_step(pt, &table, iova, 3, removals, &e);
			if (step == PT_LEAF)
				return pt_phys(e, iova, 3);
		}
		if (step == PT_DOWN && (FMT_MIN_LEVELS >= 2 || pt->levels >= 2)) {
			step = pt_step(pt, &table, iova, 2, removals, &e);
			if (step == PT_LEAF)
				return pt_phys(e, iova, 2);
		}
		if (step == PT_DOWN) {
			step = pt_step(pt, &table, iova, 1, removals, &e);
			if (step == PT_LEAF)
				return pt_phys(e, iova, 1);
		}
		if (step == PT_HOLE)
			return 0;
	}
}

/* A loop, because some processors have no such instruction and a freestanding host no helper for it. */
static unsigned int pt_log2(uint64_t power)
{
	unsigned int log = 0;

	while (power >> log > 1)
		log++;
	return log;
}

/* Set the bits of [iova, iova + size). */
static void pt_set_bits(const struct uiommu_dirty_bitmap *bitmap, uiommu_iova_t iova, uint64_t size)
{
	unsigned int shift = pt_log2(bitmap->page_size);
	uint64_t bit = (iova - bitmap->iova) >> shift;
	uint64_t last = (iova - bitmap->iova + size - 1) >> shift;

	while (bit <= last) {
		unsigned int low = bit % 64, n = 64 - low;
		uint64_t mask = ~(uint64_t)0 << low;

		if (n > last - bit + 1) {
			n = (unsigned int)(last - bit + 1);
			mask &= ~(~(uint64_t)0 << (low + n));
		}
		bitmap->bits[bit / 64] |= mask;
		bit += n;
	}
}

static inline int pt_read_and_clear_dirty(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
					  unsigned int flags,
					  const struct uiommu_dirty_bitmap *bitmap,
					  struct uiommu_iotlb_gather *gather)
{
	struct pt_flush flush = { 0 };
	uint64_t done = 0;

	if (!pt->config.dirty)
		return -UIOMMU_EOPNOTSUPP;
	while (done < size) {
		uiommu_iova_t at = iova + done;
		unsigned int level = pt->levels, index;
		uint64_t *table = pt_top(pt, at), e;

		for (;; level--) {
			e = pt_load(table + pt_index(at, level));
			if (!pt_present(e) || pt_leaf(e, level))
				break;
			table = pt_table(pt, e);
		}
		/* The rest of this table; holes of any size are skipped as a whole. */
		for (index = pt_index(at, level); index < PT_ENTRIES && done < size; index++) {
			uint64_t inside, part;

			at = iova + done;
			e = pt_load(table + index);
			if (pt_present(e) && !pt_leaf(e, level))
				break;
			inside = at & (pt_size(level) - 1);
			part = pt_size(level) - inside;
			if (part > size - done)
				part = size - done;
			done += part;
			if (!pt_present(e) || !fmt_dirty(&pt->config, e))
				continue;
			pt_set_bits(bitmap, at, part);
			if (flags & UIOMMU_DIRTY_NO_CLEAR)
				continue;
			fmt_clean(&pt->config, (_Atomic(uint64_t) *)(table + index));
			pt_flush_add(pt, &flush, table + index, 1);
			/* The whole leaf: any cached piece of it may still say "dirty". */
			pt_gather(gather, at - inside, pt_size(level), pt_size(level));
		}
	}
	pt_flush_end(pt, &flush);
	return 0;
}

/* ---- the beginning and the end ----------------------------------------------------------------- */

static void pt_free_below(const struct uiommu_pt *pt, uint64_t *table, unsigned int level)
{
	unsigned int tables = level == pt->levels ? 1u << (pt->root_order - PT_ORDER) : 1;

	for (unsigned int i = 0; level > 1 && i < tables * PT_ENTRIES; i++) {
		uint64_t e = pt_load(table + i);

		if (pt_present(e) && !pt_leaf(e, level))
			pt_free_below(pt, pt_table(pt, e), level - 1);
	}
	uiommu_port_free_pages(pt->config.host, table,
			       level == pt->levels ? pt->root_order : PT_ORDER);
}

static inline void pt_destroy(struct uiommu_pt *pt)
{
	if (pt->root)
		pt_free_below(pt, pt->root, pt->levels);
	pt->root = NULL;
	uiommu_pt_pool_destroy(pt);
}

/* The config's widths are those of the format. */
static inline int pt_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config)
{
	uint64_t all = pt_size(1) | pt_size(2) | pt_size(3);
	unsigned int levels = fmt_levels(config), top = pt_shift(levels + 1);

	for (unsigned int level = 1; FMT_RUNS && level <= 2; level++)
		all |= pt_run(level) * pt_size(level);
	if ((config->pgsizes & ~all) || !(config->pgsizes & pt_size(1)) || config->pa_bits > 52 ||
	    config->pa_bits < 32)
		return -UIOMMU_EINVAL;
	*pt = (struct uiommu_pt){
		.config = *config,
		.direct_map = uiommu_port_direct_map(config->host),
		.levels = levels,
		.order = PT_ORDER,
		.root_order = PT_ORDER + (config->va_bits > top ? config->va_bits - top : 0),
	};
	if (uiommu_pt_pool_init(pt))
		return -UIOMMU_ENOMEM;
	pt->root = uiommu_port_alloc_pages(config->host, pt->root_order);
	if (!pt->root) {
		uiommu_pt_pool_destroy(pt);
		return -UIOMMU_ENOMEM;
	}
	if (!config->coherent)
		uiommu_port_cache_flush(config->host, pt->root, (size_t)4096 << pt->root_order);
	return 0;
}

static inline void pt_geometry(const struct uiommu_pt *pt, struct uiommu_geometry *out)
{
	const uint64_t span = (uint64_t)1 << (pt->config.va_bits - (FMT_SIGN_EXTENDED ? 1 : 0));

	*out = (struct uiommu_geometry){
		.ranges = FMT_SIGN_EXTENDED ? 2 : 1,
		.range[0] = { 0, span - 1 },
		.last_phys = ((uint64_t)1 << pt->config.pa_bits) - 1,
	};
	if (FMT_SIGN_EXTENDED) {
		out->range[1].start = -span;
		out->range[1].last = UINT64_MAX;
	}
}

/* The functions that pgtable.h declares for a format. */
#define UIOMMU_PT_DEFINE(F)                                                                        \
	int uiommu_pt_##F##_map(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr,     \
				uint64_t size, unsigned int prot, uint64_t *mapped,                \
				struct uiommu_iotlb_gather *gather)                                \
	{                                                                                          \
		return pt_map(pt, iova, paddr, size, prot, mapped, gather);                        \
	}                                                                                          \
	int uiommu_pt_##F##_map_sg(struct uiommu_pt *pt, uiommu_iova_t iova,                       \
				   const struct uiommu_sg *sg, size_t count, unsigned int prot,    \
				   uint64_t *mapped, struct uiommu_iotlb_gather *gather)           \
	{                                                                                          \
		return pt_map_sg(pt, iova, sg, count, prot, mapped, gather);                       \
	}                                                                                          \
	uint64_t uiommu_pt_##F##_unmap(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,    \
				       struct uiommu_iotlb_gather *gather)                         \
	{                                                                                          \
		return pt_unmap(pt, iova, size, gather);                                           \
	}                                                                                          \
	uiommu_phys_t uiommu_pt_##F##_iova_to_phys(const struct uiommu_pt *pt, uiommu_iova_t iova) \
	{                                                                                          \
		return pt_iova_to_phys(pt, iova);                                                  \
	}                                                                                          \
	int uiommu_pt_##F##_read_and_clear_dirty(struct uiommu_pt *pt, uiommu_iova_t iova,         \
						 uint64_t size, unsigned int flags,                \
						 const struct uiommu_dirty_bitmap *bitmap,         \
						 struct uiommu_iotlb_gather *gather)               \
	{                                                                                          \
		return pt_read_and_clear_dirty(pt, iova, size, flags, bitmap, gather);             \
	}                                                                                          \
	void uiommu_pt_##F##_geometry(const struct uiommu_pt *pt, struct uiommu_geometry *out)     \
	{                                                                                          \
		pt_geometry(pt, out);                                                              \
	}                                                                                          \
	void uiommu_pt_##F##_destroy(struct uiommu_pt *pt)                                         \
	{                                                                                          \
		pt_destroy(pt);                                                                    \
	}

#endif /* UIOMMU_SRC_PGTABLE_WALK_H */
