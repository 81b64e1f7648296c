/* SPDX-License-Identifier: MIT */
/* vtd_pair.c - the 16-byte store of the VT-d driver: hardware sees the old entry or the new one */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

/* Its own copy of the file, for a function that is static there. */
#include "src/drivers/vtd/table.c"

static void exactly_sixteen_bytes(void **state)
{
	_Alignas(16) uint64_t entry[6] = { 1, 2, 3, 4, 5, 6 };

	(void)state;
	if (!uiommu_vtd_stores_pairs()) {
		assert_false(store_pair(&entry[2], 7, 8));
		assert_true(entry[2] == 3 && entry[3] == 4);
		skip();
	}
	assert_true(store_pair(&entry[2], 0x1122334455667788, UINT64_MAX));
	assert_true(entry[0] == 1 && entry[1] == 2 && entry[4] == 5 && entry[5] == 6);
	assert_int_equal(entry[2], 0x1122334455667788);
	assert_int_equal(entry[3], UINT64_MAX);
	/* The same again is a store too. */
	assert_true(store_pair(&entry[2], 0x1122334455667788, UINT64_MAX));
	assert_int_equal(entry[2], 0x1122334455667788);
}

#if defined(__x86_64__)

struct shared {
	_Alignas(16) uint64_t entry[2];
	_Atomic(bool) stop;
	_Atomic(uint64_t) torn, changes; /* seen from one look to the next */
};

/* As hardware fetches: 16 aligned bytes at once.  It writes nothing: no entry here is 0. */
static void fetch(uint64_t entry[2], uint64_t seen[2])
{
	seen[0] = seen[1] = 0;
	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*(uint64_t(*)[2])entry), "+a"(seen[0]), "+d"(seen[1])
			 : "b"(0ull), "c"(0ull)
			 : "cc", "memory");
}

static void *look(void *arg)
{
	struct shared *s = arg;
	uint64_t before = 0;

	while (!s->stop) {
		uint64_t seen[2];

		fetch(s->entry, seen);
		s->torn += seen[0] != ~seen[1];
		s->changes += seen[0] != before;
		before = seen[0];
	}
	return NULL;
}

static void never_half_of_it(void **state)
{
	struct shared s = { .entry = { 1, ~1ull } };
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, look, &s), 0);
	for (uint64_t i = 2; s.changes < 2000; i++)
		assert_true(store_pair(s.entry, i, ~i));
	s.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(s.torn, 0);
}

#else

static void never_half_of_it(void **state)
{
	(void)state;
	skip();
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_sixteen_bytes),
		cmocka_unit_test(never_half_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
