/* SPDX-License-Identifier: MIT */
/*
 * entry.h - entries of a table: one at a time, and in runs
 *
 * A part of walk.h, which says what FMT_... a format states before it.
 *
 * Runs of entries are filled, counted and cleared 16 bytes at a time, or 32 (wide.h), with volatile accesses,
 * which a compiler neither splits into bytes nor turns into memset(), whose stores could be of any width.
 * Processors that have such accesses perform each aligned 8-byte element of them at once (Intel SDM vol.
 * 3, 9.1.1; Arm ARM, B2.2.1); on others the compiler uses two 8-byte ones. Under the thread sanitizer,
 * which knows nothing of that, they are relaxed atomics.
 */
#ifndef UIOMMU_SRC_PGTABLE_ENTRY_H
#define UIOMMU_SRC_PGTABLE_ENTRY_H

#include <stdatomic.h>

#include "src/pgtable/pgtable.h"
#include "src/pgtable/wide.h"

#define PT_INLINE static inline __attribute__((always_inline))
#define PT_COLD static __attribute__((noinline, cold))
#define pt_unlikely(x) __builtin_expect(!!(x), 0)

enum {
	PT_ENTRIES = 1 << FMT_BITS,
	PT_TABLE_SIZE = PT_ENTRIES * 8, /* and the size of the smallest leaf */
	PT_ORDER = FMT_BITS + 3 - 12,
	PT_MAX_LEVELS = 5,
	PT_MAX_LEAF_LEVEL = 3,
};

typedef _Atomic(uint64_t) pt_entry;

/* ---- entries and addresses --------------------------------------------------------------------- */

PT_INLINE unsigned int pt_shift(unsigned int level)
{
	return 3 + FMT_BITS * level; /* 12, 21, 30, ... where tables have 512 entries */
}

PT_INLINE uint64_t pt_size(unsigned int level)
{
	return (uint64_t)1 << pt_shift(level);
}

PT_INLINE unsigned int pt_index(uiommu_iova_t iova, unsigned int level)
{
	return (unsigned int)(iova >> pt_shift(level)) & (PT_ENTRIES - 1);
}

PT_INLINE uint64_t pt_load(const uint64_t *entry)
{
	return atomic_load_explicit((const pt_entry *)entry, memory_order_acquire);
}

PT_INLINE void pt_store(uint64_t *entry, uint64_t value)
{
	atomic_store_explicit((pt_entry *)entry, value, memory_order_relaxed);
}

PT_INLINE bool pt_present(uint64_t e)
{
	return e & FMT_PRESENT;
}

/* Of a present entry above level 1. */
PT_INLINE bool pt_large(uint64_t e)
{
	return (e & FMT_KIND) == FMT_LARGE;
}

/* Of a present entry. */
PT_INLINE bool pt_leaf(uint64_t e, unsigned int level)
{
	return level == 1 || pt_large(e);
}

/* What makes a leaf of its level one. */
PT_INLINE uint64_t pt_leaf_kind(unsigned int level)
{
	return level == 1 ? FMT_PAGE : FMT_LARGE;
}

PT_INLINE uint64_t *pt_table(const struct uiommu_pt *pt, uint64_t e)
{
	return (uint64_t *)((uintptr_t)fmt_addr(e) + pt->direct_map);
}

/* The table at the top that @iova goes through: one of several in a row where they are concatenated. */
PT_INLINE uint64_t *pt_top(const struct uiommu_pt *pt, uiommu_iova_t iova)
{
	if (!FMT_CONCATENATED)
		return pt->root;
	return pt->root + ((size_t)(iova >> pt_shift(pt->levels + 1)) << FMT_BITS);
}

/* Entries of a contiguous run; 1 where there are none. */
PT_INLINE unsigned int pt_run(unsigned int level)
{
	return FMT_RUNS && level <= 2 ? 1u << fmt_run_log2(level) : 1;
}

/* Are runs among @sizes, at @level? */
PT_INLINE bool pt_has_runs(uint64_t sizes, unsigned int level)
{
	return FMT_RUNS && level <= 2 && (sizes & pt_size(level) << fmt_run_log2(level));
}

PT_INLINE bool pt_in_range(const struct uiommu_pt *pt, uiommu_iova_t iova)
{
	unsigned int bits = pt->config.va_bits;

	if (FMT_SIGN_EXTENDED)
		return (int64_t)(iova << (64 - bits)) >> (64 - bits) == (int64_t)iova;
	return iova >> bits == 0;
}

/* Are accesses to runs of entries made of atomic ones? */
#if defined(__SANITIZE_THREAD__)
#define PT_RUNS_ATOMIC 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PT_RUNS_ATOMIC 1
#endif
#endif
#ifndef PT_RUNS_ATOMIC
#define PT_RUNS_ATOMIC 0
#endif

typedef uint64_t pt_vec __attribute__((vector_size(16), may_alias));

PT_INLINE pt_vec pt_vec_load(const uint64_t *entry)
{
#if PT_RUNS_ATOMIC
	return (pt_vec){ pt_load(entry), pt_load(entry + 1) };
#else
	return *(const volatile pt_vec *)entry;
#endif
}

PT_INLINE void pt_vec_store(uint64_t *entry, pt_vec v)
{
#if PT_RUNS_ATOMIC
	pt_store(entry, v[0]);
	pt_store(entry + 1, v[1]);
#else
	*(volatile pt_vec *)entry = v;
#endif
}

enum { PT_LINE = 8, PT_BLOCK = 16 }; /* entries in a cache line, and handled at once in a run */

PT_INLINE pt_vec pt_line_any(const uint64_t *entry)
{
	return (pt_vec_load(entry) | pt_vec_load(entry + 2)) |
	       (pt_vec_load(entry + 4) | pt_vec_load(entry + 6));
}

PT_INLINE pt_vec pt_line_all(const uint64_t *entry)
{
	return (pt_vec_load(entry) & pt_vec_load(entry + 2)) &
	       (pt_vec_load(entry + 4) & pt_vec_load(entry + 6));
}

PT_INLINE void pt_line_store(uint64_t *entry, pt_vec v, pt_vec step)
{
	const pt_vec two = step + step;

	pt_vec_store(entry, v);
	pt_vec_store(entry + 2, v + step);
	pt_vec_store(entry + 4, v + two);
	pt_vec_store(entry + 6, v + two + step);
}

/* The entries of a block, or-ed or and-ed together. */
PT_INLINE uint64_t pt_block_any(const uint64_t *entry)
{
	pt_vec v = pt_line_any(entry) | pt_line_any(entry + PT_LINE);

	return v[0] | v[1];
}

PT_INLINE uint64_t pt_block_all(const uint64_t *entry)
{
	pt_vec v = pt_line_all(entry) & pt_line_all(entry + PT_LINE);

	return v[0] & v[1];
}

PT_INLINE void pt_block_store(uint64_t *entry, pt_vec v, pt_vec step)
{
	pt_line_store(entry, v, step);
	pt_line_store(entry + PT_LINE, v + 4 * step, step);
}

/* Is it worth while to have the entries from @p to @end handled by a function of wide.h? */
PT_INLINE bool pt_wide_pays(const uint64_t *p, const uint64_t *end)
{
	return !PT_RUNS_ATOMIC && end - p >= UIOMMU_PT_WIDE_MIN && !((uintptr_t)p & 31) &&
	       uiommu_pt_has_wide();
}

/* How many entries are like the leaf at @p, cleared if @clear; 0: look at them one by one. */
PT_INLINE unsigned int pt_wide_take(uint64_t *p, unsigned int n, unsigned int level, bool clear)
{
	const uint64_t present = pt_load(p) & FMT_PRESENT, one = present & -present;
	const uint64_t want = one | (level > 1 ? FMT_LARGE : 0);
	const uint64_t mask = one | (level > 1 ? FMT_KIND : 0);

	if (pt_unlikely(!present))
		return 0;
	return clear ? uiommu_pt_wide_clear(p, n, want, mask) :
		       uiommu_pt_wide_count(p, n, want, mask);
}

/*
 * Fill up to @n entries with @value, @value + @step, ... and stop at the first that is not empty.
 * Returns how many were filled.
 */
PT_INLINE unsigned int pt_fill(uint64_t *entry, unsigned int n, uint64_t value, uint64_t step)
{
	uint64_t *p = entry, *const end = entry + n;

	while (p < end) {
		if (pt_wide_pays(p, end)) {
			unsigned int wide =
				uiommu_pt_wide_fill(p, (unsigned int)(end - p), value, step);

			p += wide;
			value += wide * step;
			if (p == end)
				break;
		}
		if (pt_unlikely(((uintptr_t)p & 15) || end - p < PT_BLOCK || pt_block_any(p))) {
			if (pt_unlikely(pt_load(p)))
				break;
			pt_store(p++, value);
			value += step;
			continue;
		}
		pt_block_store(p, (pt_vec){ value, value + step }, (pt_vec){ 2 * step, 2 * step });
		p += PT_BLOCK;
		value += PT_BLOCK * step;
	}
	return (unsigned int)(p - entry);
}

/* The same for whole runs of @run entries: each is filled if all of it is empty, or is the end. */
PT_INLINE unsigned int pt_fill_runs(uint64_t *entry, unsigned int n, unsigned int run,
				    uint64_t value, uint64_t step)
{
	unsigned int done, i;

	for (done = 0; done < n; done += run) {
		for (i = 0; i < run; i += PT_BLOCK)
			if (pt_unlikely(pt_block_any(entry + done + i)))
				return done;
		pt_fill(entry + done, run, value + done * step, step);
	}
	return done;
}

/* Are all entries of a block leaves of @level? May say no when rights differ oddly. */
PT_INLINE bool pt_block_leaves(const uint64_t *entry, unsigned int level)
{
	uint64_t all = pt_block_all(entry);

	if (!pt_present(all))
		return false;
	if (level == 1)
		return true;
	/* The bit that tells leaves from tables is set in all, or in none. */
	return pt_large(FMT_LARGE ? all : pt_block_any(entry));
}

/*
 * How many of @n entries are leaves, up to the first that is not; these are cleared if @clear.
 */
PT_INLINE unsigned int pt_take(uint64_t *entry, unsigned int n, unsigned int level, bool clear)
{
	const pt_vec none = { 0, 0 };
	uint64_t *p = entry, *const end = entry + n;

	while (p < end) {
		uint64_t e;

		if (pt_wide_pays(p, end))
			p += pt_wide_take(p, (unsigned int)(end - p), level, clear);
		if (p == end)
			break;
		if (!((uintptr_t)p & 15) && end - p >= PT_BLOCK && pt_block_leaves(p, level)) {
			if (clear)
				pt_block_store(p, none, none);
			p += PT_BLOCK;
			continue;
		}
		e = pt_load(p);
		if (pt_unlikely(!pt_present(e) || !pt_leaf(e, level)))
			break;
		if (clear)
			pt_store(p, 0);
		p++;
	}
	return (unsigned int)(p - entry);
}

#endif /* UIOMMU_SRC_PGTABLE_ENTRY_H */
