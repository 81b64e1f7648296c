/* SPDX-License-Identifier: MIT */
/* wide.c - runs of entries, 32 bytes at a time: see wide.h, and entry.h on the accesses */
#include "src/pgtable/wide.h"

#if defined(__x86_64__) && __STDC_HOSTED__

#define AVX2 __attribute__((target("avx2")))

typedef uint64_t vec __attribute__((vector_size(32), may_alias));
typedef long long vec_bits __attribute__((vector_size(32)));

enum { BLOCK = 4 }; /* vectors: 16 entries */

/* Where the last whole block of @n entries ends. */
static volatile vec *blocks_end(uint64_t *entry, unsigned int n)
{
	return (volatile vec *)(entry + (n & ~15u));
}

static unsigned int entries(const uint64_t *entry, const volatile vec *p)
{
	return (unsigned int)((const volatile uint64_t *)p - entry);
}

AVX2 unsigned int uiommu_pt_wide_fill(uint64_t *entry, unsigned int n, uint64_t value,
				      uint64_t step)
{
	volatile vec *p = (volatile vec *)entry, *const end = blocks_end(entry, n);
	const vec one = { step, step, step, step }, next = 4 * one;
	vec v = { value, value + step, value + 2 * step, value + 3 * step };

	for (; p != end; p += BLOCK) {
		const vec_bits any = (vec_bits)((p[0] | p[1]) | (p[2] | p[3]));

		if (!__builtin_ia32_ptestz256(any, any))
			break;
		p[0] = v;
		p[1] = v + next;
		p[2] = v + 2 * next;
		p[3] = v + 3 * next;
		v += 4 * next;
	}
	return entries(entry, p);
}

/* Does an entry of the block at @p differ from @want in a bit of @mask? */
AVX2 static inline __attribute__((always_inline)) bool differs(const volatile vec *p,
							       const vec *want, const vec *mask)
{
	const vec bits = ((p[0] ^ *want) | (p[1] ^ *want)) | ((p[2] ^ *want) | (p[3] ^ *want));

	return !__builtin_ia32_ptestz256((vec_bits)bits, (vec_bits)*mask);
}

AVX2 unsigned int uiommu_pt_wide_count(uint64_t *entry, unsigned int n, uint64_t want,
				       uint64_t mask)
{
	const volatile vec *p = (volatile vec *)entry, *const end = blocks_end(entry, n);
	const vec w = { want, want, want, want }, m = { mask, mask, mask, mask };

	while (p != end && !differs(p, &w, &m))
		p += BLOCK;
	return entries(entry, p);
}

AVX2 unsigned int uiommu_pt_wide_clear(uint64_t *entry, unsigned int n, uint64_t want,
				       uint64_t mask)
{
	volatile vec *p = (volatile vec *)entry, *const end = blocks_end(entry, n);
	const vec w = { want, want, want, want }, m = { mask, mask, mask, mask };
	const vec none = { 0, 0, 0, 0 };

	for (; p != end && !differs(p, &w, &m); p += BLOCK) {
		p[0] = none;
		p[1] = none;
		p[2] = none;
		p[3] = none;
	}
	return entries(entry, p);
}

#endif
