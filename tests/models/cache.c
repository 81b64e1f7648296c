/* SPDX-License-Identifier: MIT */
/* cache.c - the hash table under the models' caches */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models/cache.h"

#define MANY 1000u

struct entry {
	struct model_cache_node node;
	uint64_t value;
};

static struct model_cache cache;
static int allocations; /* the host of these tests counts here */

static int setup(void **state)
{
	(void)state;
	model_cache_init(&cache, &allocations, sizeof(struct entry));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	model_cache_free(&cache);
	assert_int_equal(allocations, 0);
	return 0;
}

static void fill(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		struct entry *e = model_cache_put(&cache, i / 3, i % 3);

		assert_non_null(e);
		assert_int_equal(e->value, 0);
		e->value = i + 1;
	}
}

static uint64_t value(uint64_t i)
{
	const struct entry *e = model_cache_find(&cache, i / 3, i % 3);

	return e ? e->value : 0;
}

/* Nothing is forgotten while it grows; what is dropped is gone, and its place is used again. */
static void grows_and_drops(void **state)
{
	uint32_t used;

	(void)state;
	assert_null(model_cache_find(&cache, 0, 0));
	fill(0, MANY);
	assert_int_equal(cache.live, MANY);
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(value(i), i + 1);
	for (uint64_t i = 0; i < MANY; i += 2)
		model_cache_drop(&cache, model_cache_find(&cache, i / 3, i % 3));
	assert_int_equal(cache.live, MANY / 2);
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(value(i), i % 2 ? i + 1 : 0);
	used = cache.used;
	fill(MANY, MANY + MANY / 2);
	assert_int_equal(cache.used, used);
	for (uint64_t i = 1; i < MANY; i += 2)
		assert_int_equal(value(i), i + 1);
}

/* at() visits each entry once, and none that is gone. */
static void visits(void **state)
{
	uint64_t sum = 0;

	(void)state;
	fill(0, MANY);
	for (uint32_t i = 0; i < cache.used; i++) {
		struct entry *e = model_cache_at(&cache, i);

		assert_non_null(e);
		if (e->value > 10)
			model_cache_drop(&cache, e);
	}
	for (uint32_t i = 0; i < cache.used; i++) {
		const struct entry *e = model_cache_at(&cache, i);

		sum += e ? e->value : 0;
	}
	assert_int_equal(sum, 55);
}

/* put() of a key that is there starts anew; clear() leaves nothing, and the cache usable. */
static void again(void **state)
{
	(void)state;
	fill(0, 100);
	fill(50, 100);
	assert_int_equal(cache.live, 100);
	model_cache_clear(&cache);
	assert_int_equal(cache.live, 0);
	assert_int_equal(value(3), 0);
	fill(0, 100);
	assert_int_equal(value(3), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(grows_and_drops, setup, teardown),
		cmocka_unit_test_setup_teardown(visits, setup, teardown),
		cmocka_unit_test_setup_teardown(again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
