/* SPDX-License-Identifier: MIT */
/*
 * virtio_mapping.c - the tree of a domain's mappings against a list of places
 *
 * Random maps and unmaps, crowded and sparse, and the two ends of the address space; after each the
 * tree answers as the list does, and now and then the whole of it is looked at: order, ranks, depth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/drivers/virtio/viommu.h"

#define PLACES 1024u /* where a mapping may start */
#define OPERATIONS 100000u
#define MAX_DEPTH 64u /* 2 log2 n is 20; chance needs some room, a list has 1024 */

struct world {
	struct viommu_mapping mapping[PLACES];
	bool there[PLACES];
	struct viommu_mapping *root;
	unsigned int shift; /* of a place's size */
	uiommu_iova_t base;
	unsigned int count;
};

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uiommu_iova_t start_of(const struct world *w, unsigned int place)
{
	return w->base + ((uint64_t)place << w->shift);
}

static struct viommu_mapping *naive(struct world *w, uiommu_iova_t iova)
{
	for (unsigned int i = 0; i < PLACES; i++)
		if (w->there[i] && w->mapping[i].last >= iova)
			return &w->mapping[i];
	return NULL;
}

/* Returns how many there are, in order: *@after is above all that came before. */
static unsigned int look(const struct viommu_mapping *m, const struct viommu_mapping **before,
			 unsigned int depth)
{
	unsigned int count = 1;

	if (!m)
		return 0;
	assert_true(depth < MAX_DEPTH);
	assert_true(!m->left || m->left->rank <= m->rank);
	assert_true(!m->right || m->right->rank <= m->rank);
	count += look(m->left, before, depth + 1);
	assert_true(!*before || (*before)->last < m->start);
	*before = m;
	return count + look(m->right, before, depth + 1);
}

static void check(struct world *w)
{
	const struct viommu_mapping *before = NULL;

	assert_int_equal(look(w->root, &before, 0), w->count);
}

static void toggle(struct world *w, unsigned int place, uint64_t random)
{
	struct viommu_mapping *m = &w->mapping[place];

	if (w->there[place]) {
		uiommu_viommu_mapping_remove(&w->root, m);
		memset(m, 0xdb, sizeof(*m));
		w->count--;
	} else {
		memset(m, 0, sizeof(*m));
		m->start = start_of(w, place);
		/* As large as the place, or smaller. */
		m->last = m->start + (random % 3 ? (1ull << w->shift) : 4096) - 1;
		uiommu_viommu_mapping_insert(&w->root, m);
		w->count++;
	}
	w->there[place] = !w->there[place];
}

static void run(unsigned int shift, uiommu_iova_t base, unsigned int places, uint64_t seed)
{
	static struct world w;

	memset(&w, 0, sizeof(w));
	w.shift = shift;
	w.base = base;
	for (unsigned int i = 0; i < OPERATIONS / 5; i++) {
		uint64_t random = next(&seed);
		uiommu_iova_t iova;

		toggle(&w, (unsigned int)(random >> 20) % places, random);
		random = next(&seed);
		iova = start_of(&w, (unsigned int)(random >> 20) % PLACES);
		/* Its first and last byte, those beside it, or anywhere. */
		iova += random % 5 == 4 ? (random >> 40) & ((1ull << shift) - 1) :
					  (uint64_t[]){ 0, (1ull << shift) - 1, 1,
							UINT64_MAX }[random % 5 & 3];
		assert_ptr_equal(uiommu_viommu_mapping_at_or_after(w.root, iova), naive(&w, iova));
		if (i % 512 == 0)
			check(&w);
	}
	check(&w);
	for (unsigned int i = 0; i < PLACES; i++)
		if (w.there[i])
			toggle(&w, i, 0);
	assert_null(w.root);
}

static void crowded(void **state)
{
	(void)state;
	run(12, 0, PLACES, 0x9e3779b97f4a7c15);
}

static void a_few(void **state)
{
	(void)state;
	run(16, 0x100000000, 9, 0xbf58476d1ce4e5b9);
}

static void large(void **state)
{
	(void)state;
	run(30, 0x4000000000, PLACES, 0x94d049bb133111eb);
}

static void up_to_the_last_byte(void **state)
{
	(void)state;
	run(21, 0 - ((uint64_t)PLACES << 21), PLACES, 0x2545f4914f6cdd1d);
}

static void all_there_is(void **state)
{
	(void)state;
	run(54, 0, PLACES, 0xd6e8feb86659fd93);
}

/* In ascending order, as a program maps its memory: no list comes of it. */
static void in_order(void **state)
{
	static struct world w;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.shift = 12;
	for (unsigned int i = 0; i < PLACES; i++)
		toggle(&w, i, 1);
	check(&w);
	for (unsigned int i = PLACES; i-- > PLACES / 2;)
		toggle(&w, i, 1);
	check(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowded),	cmocka_unit_test(a_few),
		cmocka_unit_test(large),	cmocka_unit_test(up_to_the_last_byte),
		cmocka_unit_test(all_there_is), cmocka_unit_test(in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
