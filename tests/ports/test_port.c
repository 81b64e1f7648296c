/* SPDX-License-Identifier: MIT */
/*
 * test_port.c - the port that polices the library: each rule is broken on purpose and has to be reported
 *
 * A test's own function names have to appear in the reports, so what breaks a rule is in functions
 * of its own that are not inlined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "ports/test/test.h"

#define CULPRIT __attribute__((noinline)) static

/* Mutexes are taken in all orders here, on purpose: ThreadSanitizer need not say so too. */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
	return "detect_deadlocks=0";
}

static struct uiommu_test *start(void)
{
	const struct uiommu_test_config config = { .quiet = true };
	struct uiommu_test *test;

	assert_int_equal(uiommu_test_create(&config, &test), 0);
	return test;
}

/* Since the last call there was one violation, of @rule, and its line says all of @words. */
static void expect_words(struct uiommu_test *test, unsigned int total, enum uiommu_test_rule rule,
			 unsigned int count, const char *const *words)
{
	const char *last = uiommu_test_last(test);

	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), total);
	assert_int_equal(uiommu_test_count(test, rule), count);
	assert_null(strchr(last, '\n'));
	for (; *words; words++) {
		if (!strstr(last, *words))
			fail_msg("\"%s\" does not say \"%s\"", last, *words);
	}
}

#define expect(test, total, rule, count, ...) \
	expect_words(test, total, rule, count, (const char *const[]){ __VA_ARGS__, NULL })

CULPRIT void *make_pages(struct uiommu_test *test, unsigned int order)
{
	void *mem = uiommu_port_alloc_pages(test, order);

	assert_non_null(mem);
	return mem;
}

CULPRIT void *make_small(struct uiommu_test *test, size_t size)
{
	void *mem = uiommu_port_alloc(test, size);

	assert_non_null(mem);
	return mem;
}

CULPRIT void give_back(struct uiommu_test *test, void *mem, unsigned int order)
{
	uiommu_port_free_pages(test, mem, order);
	__asm__ volatile("" ::: "memory"); /* no tail call: the frame is wanted */
}

CULPRIT void touch(volatile unsigned char *at)
{
	*at = 1;
	__asm__ volatile("" ::: "memory");
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void good_memory_is_not_reported(void **state)
{
	struct uiommu_test *test = start();
	unsigned char *mem[40];

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		size_t size = i % 2 ? 1 + i * 731 : 4096ull << (i / 4);

		mem[i] = i % 2 ? make_small(test, size) : make_pages(test, i / 4);
		assert_int_equal((uintptr_t)mem[i] % 16, 0);
		if (i % 2 == 0)
			assert_int_equal((uintptr_t)mem[i] % size, 0);
		for (size_t b = 0; b < size; b++)
			assert_int_equal(mem[i][b], 0);
		memset(mem[i], 0xff, size);
	}
	assert_int_equal(uiommu_test_live(test), 40);
	for (unsigned int i = 0; i < 40; i++) {
		if (i % 2)
			uiommu_port_free(test, mem[i], 1 + i * 731);
		else
			uiommu_port_free_pages(test, mem[i], i / 4);
	}
	uiommu_port_free(test, NULL, 1);
	assert_int_equal(uiommu_test_live(test), 0);
	assert_int_equal(uiommu_test_destroy(test), 0);
}

/* The addresses are used up several times over, and what is given out again is zero again. */
static void addresses_are_used_again(void **state)
{
	struct uiommu_test *test = start();
	unsigned char *kept = make_pages(test, 0);

	(void)state;
	*kept = 0x77;
	for (unsigned int i = 0; i < 300; i++) {
		unsigned char *mem = make_pages(test, 10);

		assert_int_equal(mem[0] | mem[(4096u << 10) - 1], 0);
		memset(mem, 0x11, 64);
		uiommu_port_free_pages(test, mem, 10);
	}
	assert_int_equal(*kept, 0x77);
	uiommu_port_free_pages(test, kept, 0);
	assert_int_equal(uiommu_test_destroy(test), 0);
}

static void pages_are_freed_once(void **state)
{
	struct uiommu_test *test = start();
	void *mem = make_pages(test, 2);

	(void)state;
	give_back(test, mem, 2);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);
	give_back(test, mem, 2);
	expect(test, 1, UIOMMU_TEST_DOUBLE_FREE, 1, "freed twice", "give_back", "make_pages",
	       "one owner");
	mem = make_small(test, 24);
	uiommu_port_free(test, mem, 24);
	uiommu_port_free(test, mem, 24);
	expect(test, 2, UIOMMU_TEST_DOUBLE_FREE, 2, "make_small", "pages_are_freed_once");
	assert_int_equal(uiommu_test_destroy(test), 2);
}

static void only_what_was_allocated_is_freed(void **state)
{
	struct uiommu_test *test = start();
	unsigned char *mem = make_pages(test, 1), stack = 0, *small = make_small(test, 4096);

	(void)state;
	uiommu_port_free_pages(test, &stack, 0);
	expect(test, 1, UIOMMU_TEST_WILD_FREE, 1, "only_what_was");
	uiommu_port_free_pages(test, mem + 4096, 0);
	expect(test, 2, UIOMMU_TEST_WILD_FREE, 2, "only_what_was");
	uiommu_port_free(test, mem, 8192);
	expect(test, 3, UIOMMU_TEST_WILD_FREE, 3, "other function");
	uiommu_port_free_pages(test, small, 0);
	expect(test, 4, UIOMMU_TEST_WILD_FREE, 4, "other function");
	uiommu_port_free_pages(test, NULL, 0);
	expect(test, 5, UIOMMU_TEST_WILD_FREE, 5, "nil");
	/* Nothing of it freed anything. */
	*mem = *small = 1;
	uiommu_port_free_pages(test, mem, 1);
	uiommu_port_free(test, small, 4096);
	assert_int_equal(uiommu_test_destroy(test), 5);
}

static void sizes_are_those_of_the_allocation(void **state)
{
	struct uiommu_test *test = start();

	(void)state;
	give_back(test, make_pages(test, 2), 1);
	expect(test, 1, UIOMMU_TEST_WRONG_SIZE, 1, "8192 bytes instead of 16384", "give_back",
	       "make_pages");
	uiommu_port_free(test, make_small(test, 40), 48);
	expect(test, 2, UIOMMU_TEST_WRONG_SIZE, 2, "48 bytes instead of 40", "make_small");
	assert_int_equal(uiommu_test_live(test), 0);
	assert_null(uiommu_port_alloc(test, 0));
	expect(test, 3, UIOMMU_TEST_BAD_SIZE, 1, "bytes 0");
	assert_null(uiommu_port_alloc_pages(test, 11));
	expect(test, 4, UIOMMU_TEST_BAD_SIZE, 2, "order 11");
	assert_int_equal(uiommu_test_destroy(test), 4);
}

static void freed_memory_is_closed(void **state)
{
	struct uiommu_test *test = start();
	unsigned char *mem = make_pages(test, 1);
	unsigned char *small = make_small(test, 100);

	(void)state;
	memset(mem, 0x42, 8192);
	give_back(test, mem, 1);
	touch(mem + 4196);
	expect(test, 1, UIOMMU_TEST_USE_AFTER_FREE, 1, "byte 4196 of 8192", "by touch",
	       "allocated by make_pages", "freed by give_back");
	/* What is read there is not what was written, and not zero. */
	assert_int_equal(((volatile unsigned char *)mem)[4097], UIOMMU_TEST_POISON);
	uiommu_port_free(test, small, 100);
	touch(small + 99);
	expect(test, 2, UIOMMU_TEST_USE_AFTER_FREE, 2, "byte 99 of 100", "make_small");
	assert_int_equal(uiommu_test_destroy(test), 2);
}

static void there_is_a_wall(void **state)
{
	struct uiommu_test *test = start();
	unsigned char *mem = make_pages(test, 0), *small = make_small(test, 100);

	(void)state;
	touch(mem + 4096);
	expect(test, 1, UIOMMU_TEST_OVERRUN, 1, "4096 bytes behind", "by touch", "make_pages");
	give_back(test, mem, 0);
	touch(small + 112); /* behind the alignment: the wall */
	expect(test, 2, UIOMMU_TEST_OVERRUN, 2, "by touch", "make_small");
	touch(small + 100); /* before it: noticed at the free */
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 2);
	uiommu_port_free(test, small, 100);
	expect(test, 3, UIOMMU_TEST_OVERRUN, 3, "byte 100 of 100 was written", "make_small");
	small = make_small(test, 16);
	touch(small - 1);
	uiommu_port_free(test, small, 16);
	expect(test, 4, UIOMMU_TEST_OVERRUN, 4, "byte -1 of 16 was written");
	assert_int_equal(uiommu_test_destroy(test), 4);
}

static void leaks_name_their_place(void **state)
{
	struct uiommu_test *test = start();

	(void)state;
	make_pages(test, 3);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);
	uiommu_test_check_empty(test);
	expect(test, 1, UIOMMU_TEST_MEMORY_LEAK, 1, "32768 bytes of pages", "make_pages");
	make_small(test, 7);
	uiommu_test_check_empty(test);
	expect(test, 2, UIOMMU_TEST_MEMORY_LEAK, 2, "7 bytes, allocated by make_small",
	       "every way out");
	assert_int_equal(uiommu_test_destroy(test), 2); /* each is reported once */
}

static void hardware_is_told_of_pages(void **state)
{
	struct uiommu_test *test = start();
	unsigned char *mem = make_pages(test, 1), *small = make_small(test, 64);
	uiommu_phys_t phys = (uintptr_t)mem - uiommu_port_direct_map(test);

	(void)state;
	assert_true(phys != (uintptr_t)mem);
	assert_int_equal(phys % 8192, 0);
	assert_ptr_equal(uiommu_test_phys(test, phys + 4096, 4096), mem + 4096);
	uiommu_port_cache_flush(test, mem + 8191, 1);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);

	assert_null(uiommu_test_phys(test, (uintptr_t)mem, 8));
	expect(test, 1, UIOMMU_TEST_PHYS, 1, "which is a pointer");
	assert_null(uiommu_test_phys(test, phys + 4096, 4097));
	assert_null(uiommu_test_phys(test, (uintptr_t)small - uiommu_port_direct_map(test), 8));
	assert_null(uiommu_test_phys(test, 0, 8));
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_PHYS), 4);
	uiommu_port_cache_flush(test, mem, 0);
	expect(test, 5, UIOMMU_TEST_FLUSH, 1, "0 bytes");
	uiommu_port_cache_flush(test, mem + 8191, 2);
	uiommu_port_cache_flush(test, small, 64);
	expect(test, 7, UIOMMU_TEST_FLUSH, 3, "64 bytes");
	uiommu_port_free(test, small, 64);
	uiommu_port_free_pages(test, mem, 1);
	assert_null(uiommu_test_phys(test, phys, 8));
	assert_int_equal(uiommu_test_destroy(test), 8);
}

struct registry {
	struct uiommu_test *test;
	unsigned int added, removed;
	uiommu_phys_t phys;
	uint64_t size;
	unsigned char first; /* what the pages hold when they are removed */
};

static void added(void *context, uiommu_phys_t phys, uint64_t size)
{
	struct registry *r = context;

	r->added++;
	r->phys = phys;
	r->size = size;
}

static void removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	struct registry *r = context;

	r->removed++;
	assert_int_equal(phys, r->phys);
	assert_int_equal(size, r->size);
	r->first = *(unsigned char *)uiommu_test_phys(r->test, phys, size);
}

static void a_model_hears_of_pages(void **state)
{
	struct registry r = { 0 };
	const struct uiommu_test_config config = { .quiet = true,
						   .ram_size = 8u << 20,
						   .pages_added = added,
						   .pages_removed = removed,
						   .context = &r };
	unsigned char *mem, *ram;
	uiommu_phys_t base;
	uint64_t size;

	(void)state;
	assert_int_equal(uiommu_test_create(&config, &r.test), 0);
	ram = uiommu_test_ram(r.test, &base, &size);
	assert_int_equal(size, 8u << 20);
	uiommu_port_free(r.test, make_small(r.test, 5000), 5000);
	assert_int_equal(r.added, 0);
	mem = make_pages(r.test, 1);
	assert_int_equal(r.added, 1);
	assert_int_equal(r.size, 8192);
	assert_int_equal(r.phys, (uintptr_t)mem - uiommu_port_direct_map(r.test));
	assert_ptr_equal(ram + (r.phys - base), mem);
	*mem = 0x99;
	/* Nothing is removed by what is no free, nor for want of memory added. */
	uiommu_port_free_pages(r.test, mem + 4096, 0);
	assert_null(uiommu_port_alloc_pages(r.test, 10)); /* no 4 MiB with walls on either side */
	assert_int_equal(r.added, 1);
	assert_int_equal(r.removed, 0);
	give_back(r.test, mem, 1);
	assert_int_equal(r.removed, 1);
	assert_int_equal(r.first, 0x99);
	give_back(r.test, mem, 1);
	assert_int_equal(r.removed, 1);
	expect(r.test, 2, UIOMMU_TEST_DOUBLE_FREE, 1, "give_back");
	assert_int_equal(uiommu_test_destroy(r.test), 2);
}

/* ---- mutexes ----------------------------------------------------------------------------------- */

CULPRIT void init_a(struct uiommu_test *test, struct uiommu_mutex *mutex)
{
	memset(mutex, 0, sizeof(*mutex));
	assert_int_equal(uiommu_port_mutex_init(test, mutex), 0);
}

CULPRIT void init_b(struct uiommu_test *test, struct uiommu_mutex *mutex)
{
	memset(mutex, 0, sizeof(*mutex));
	assert_int_equal(uiommu_port_mutex_init(test, mutex), 0);
}

CULPRIT void init_c(struct uiommu_test *test, struct uiommu_mutex *mutex)
{
	memset(mutex, 0, sizeof(*mutex));
	assert_int_equal(uiommu_port_mutex_init(test, mutex), 0);
}

CULPRIT void take(struct uiommu_test *test, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_lock(test, mutex);
	__asm__ volatile("" ::: "memory");
}

static void both(struct uiommu_test *test, struct uiommu_mutex *outer, struct uiommu_mutex *inner)
{
	take(test, outer);
	take(test, inner);
	uiommu_port_mutex_unlock(test, inner);
	uiommu_port_mutex_unlock(test, outer);
}

static void a_mutex_begins_as_zero(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex;

	(void)state;
	init_a(test, &mutex);
	assert_int_equal(uiommu_port_mutex_init(test, &mutex), 0);
	expect(test, 1, UIOMMU_TEST_MUTEX_INIT, 1, "a live mutex", "a_mutex_begins");
	take(test, &mutex);
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	assert_int_equal(uiommu_port_mutex_init(test, &mutex), 0);
	expect(test, 2, UIOMMU_TEST_MUTEX_INIT, 2, "not zero");
	uiommu_port_mutex_destroy(test, &mutex);
	assert_int_equal(uiommu_test_destroy(test), 2);
}

static void only_mutexes_are_taken(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex = { 0 };

	(void)state;
	take(test, &mutex);
	expect(test, 1, UIOMMU_TEST_MUTEX_UNKNOWN, 1, "taken by take");
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	init_a(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	expect(test, 4, UIOMMU_TEST_MUTEX_UNKNOWN, 4, "destroyed by only_mutexes");
	assert_int_equal(uiommu_test_destroy(test), 4);
}

static void a_mutex_is_taken_once(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex;

	(void)state;
	init_a(test, &mutex);
	take(test, &mutex);
	take(test, &mutex);
	expect(test, 1, UIOMMU_TEST_MUTEX_TWICE, 1, "by take", "before by take", "not recursive");
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_mutex_unlock(test, &mutex);
	expect(test, 2, UIOMMU_TEST_MUTEX_NOT_OWNER, 1, "nobody holds it");
	uiommu_port_mutex_destroy(test, &mutex);
	assert_int_equal(uiommu_test_destroy(test), 2);
}

struct other_thread {
	struct uiommu_test *test;
	struct uiommu_mutex *mutex;
};

static void *unlock_elsewhere(void *arg)
{
	struct other_thread *other = arg;

	uiommu_port_mutex_unlock(other->test, other->mutex);
	return NULL;
}

static void the_owner_releases(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex;
	struct other_thread other = { test, &mutex };
	pthread_t thread;

	(void)state;
	init_a(test, &mutex);
	take(test, &mutex);
	assert_int_equal(pthread_create(&thread, NULL, unlock_elsewhere, &other), 0);
	pthread_join(thread, NULL);
	expect(test, 1, UIOMMU_TEST_MUTEX_NOT_OWNER, 1, "by unlock_elsewhere", "another thread",
	       "by take");
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	assert_int_equal(uiommu_test_destroy(test), 1);
}

static void mutexes_have_an_order(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex a, a2, b, c;

	(void)state;
	init_a(test, &a);
	init_a(test, &a2);
	init_b(test, &b);
	init_c(test, &c);
	both(test, &a, &b);
	both(test, &a2, &b);
	both(test, &b, &c);
	both(test, &a, &c);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);
	both(test, &b, &a); /* another a than before: the kind counts */
	expect(test, 1, UIOMMU_TEST_MUTEX_ORDER, 1, "init_a", "init_b",
	       "the opposite was done by take");
	both(test, &b, &a);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 1); /* a pair is told once */
	/* Two of a kind: upwards in memory, and not downwards. */
	both(test, (uintptr_t)&a < (uintptr_t)&a2 ? &a : &a2,
	     (uintptr_t)&a < (uintptr_t)&a2 ? &a2 : &a);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 1);
	both(test, (uintptr_t)&a < (uintptr_t)&a2 ? &a2 : &a,
	     (uintptr_t)&a < (uintptr_t)&a2 ? &a : &a2);
	expect(test, 2, UIOMMU_TEST_MUTEX_ORDER, 2, "same kind");
	uiommu_port_mutex_destroy(test, &a);
	uiommu_port_mutex_destroy(test, &a2);
	uiommu_port_mutex_destroy(test, &b);
	uiommu_port_mutex_destroy(test, &c);
	assert_int_equal(uiommu_test_destroy(test), 2);
}

static void an_order_follows_from_others(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex a, b, c;

	(void)state;
	init_a(test, &a);
	init_b(test, &b);
	init_c(test, &c);
	both(test, &a, &b);
	both(test, &b, &c);
	both(test, &c, &a);
	expect(test, 1, UIOMMU_TEST_MUTEX_ORDER, 1, "follows from others");
	uiommu_port_mutex_destroy(test, &a);
	uiommu_port_mutex_destroy(test, &b);
	uiommu_port_mutex_destroy(test, &c);
	assert_int_equal(uiommu_test_destroy(test), 1);
}

static void a_held_mutex_is_not_destroyed(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex, *inside = make_small(test, sizeof(*inside));

	(void)state;
	init_a(test, &mutex);
	take(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	expect(test, 1, UIOMMU_TEST_MUTEX_DESTROYED_HELD, 1, "by a_held_mutex", "taken by take");
	init_b(test, inside);
	uiommu_port_free(test, inside, sizeof(*inside));
	expect(test, 2, UIOMMU_TEST_MUTEX_LEAK, 1, "its memory is freed", "made by init_b");
	init_c(test, &mutex);
	uiommu_test_check_empty(test);
	expect(test, 3, UIOMMU_TEST_MUTEX_LEAK, 2, "made by init_c");
	assert_int_equal(uiommu_test_destroy(test), 3);
}

static void nothing_is_held_in_callbacks(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex;

	(void)state;
	init_a(test, &mutex);
	uiommu_test_callback(test, "in on_fault");
	take(test, &mutex);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);
	uiommu_test_callback(test, "in on_fault");
	expect(test, 1, UIOMMU_TEST_MUTEX_HELD, 1, "in on_fault, taken by take");
	uiommu_test_check_empty(test);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_MUTEX_HELD), 2);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_MUTEX_LEAK), 1);
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_mutex_destroy(test, &mutex);
	assert_int_equal(uiommu_test_destroy(test), 3);
}

static void contexts_forbid(void **state)
{
	struct uiommu_test *test = start();
	struct uiommu_mutex mutex;

	(void)state;
	init_a(test, &mutex);
	uiommu_test_forbid(test, UIOMMU_TEST_NO_ALLOC, "unmap may not allocate");
	take(test, &mutex);
	uiommu_port_mutex_unlock(test, &mutex);
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);
	uiommu_port_free(test, make_small(test, 1), 1);
	expect(test, 1, UIOMMU_TEST_CONTEXT, 1, "alloc by make_small",
	       "but unmap may not allocate");
	uiommu_test_forbid(test, UIOMMU_TEST_NO_SLEEP, "this is no place to sleep");
	take(test, &mutex);
	expect(test, 2, UIOMMU_TEST_CONTEXT, 2, "mutex_lock by take", "no place to sleep");
	uiommu_port_mutex_unlock(test, &mutex);
	uiommu_port_free_pages(test, make_pages(test, 0), 0);
	expect(test, 3, UIOMMU_TEST_CONTEXT, 3, "alloc_pages by make_pages");
	uiommu_test_forbid(test, 0, NULL);
	uiommu_port_free(test, make_small(test, 1), 1);
	uiommu_port_mutex_destroy(test, &mutex);
	assert_int_equal(uiommu_test_destroy(test), 3);
}

/* ---- interrupts -------------------------------------------------------------------------------- */

struct irq_case {
	struct uiommu_test *test;
	struct uiommu_mutex mutex;
	unsigned int runs;
	int irq;
	bool take, keep, free_itself;
};

static void handler(void *arg)
{
	struct irq_case *c = arg;

	c->runs++;
	if (c->take || c->keep)
		take(c->test, &c->mutex);
	if (c->take)
		uiommu_port_mutex_unlock(c->test, &c->mutex);
	if (c->free_itself)
		uiommu_port_irq_free(c->test, c->irq);
}

CULPRIT int request(struct irq_case *c, struct uiommu_msi *msi)
{
	int irq = uiommu_port_irq_request(c->test, handler, c, msi);

	assert_true(irq >= 0);
	return irq;
}

static void interrupts_arrive_and_balance(void **state)
{
	struct irq_case c = { .test = start() };
	struct uiommu_msi msi;

	(void)state;
	c.irq = request(&c, &msi);
	assert_int_equal(uiommu_test_deliver(c.test), 0);
	assert_true(uiommu_test_msi(c.test, msi.address, msi.data));
	assert_true(uiommu_test_msi(c.test, msi.address, msi.data));
	assert_int_equal(c.runs, 0);
	assert_int_equal(uiommu_test_deliver(c.test), 1);
	assert_int_equal(c.runs, 1);
	assert_int_equal(uiommu_test_live(c.test), 1);
	uiommu_port_irq_free(c.test, c.irq);
	assert_int_equal(uiommu_test_count(c.test, UIOMMU_TEST_RULES), 0);

	uiommu_port_irq_free(c.test, c.irq);
	expect(c.test, 1, UIOMMU_TEST_IRQ_FREE, 1, "number 0, by interrupts_arrive");
	assert_false(uiommu_test_msi(c.test, msi.address, msi.data));
	expect(c.test, 2, UIOMMU_TEST_IRQ_MESSAGE, 1, "fee00000", "mask before");
	assert_true(uiommu_port_irq_request(c.test, NULL, &c, &msi) < 0);
	assert_true(uiommu_port_irq_request(c.test, handler, &c, NULL) < 0);
	expect(c.test, 4, UIOMMU_TEST_IRQ_REQUEST, 2, "interrupts_arrive");
	request(&c, &msi);
	uiommu_test_check_empty(c.test);
	expect(c.test, 5, UIOMMU_TEST_IRQ_LEAK, 1, "number 0, requested by request");
	assert_int_equal(uiommu_test_destroy(c.test), 5);
}

static void handlers_and_their_end(void **state)
{
	struct irq_case c = { .test = start() };
	struct uiommu_msi msi;

	(void)state;
	init_a(c.test, &c.mutex);
	c.irq = request(&c, &msi);
	c.keep = true;
	uiommu_test_msi(c.test, msi.address, msi.data);
	uiommu_test_deliver(c.test);
	expect(c.test, 1, UIOMMU_TEST_MUTEX_HELD, 1, "after an interrupt handler, taken by take");
	uiommu_port_mutex_unlock(c.test, &c.mutex);

	c.keep = false;
	take(c.test, &c.mutex);
	uiommu_port_irq_free(c.test, c.irq);
	expect(c.test, 2, UIOMMU_TEST_IRQ_DEADLOCK, 1, "a mutex that the handler takes");
	c.irq = request(&c, &msi);
	uiommu_port_irq_free(c.test, c.irq); /* this handler never took it */
	assert_int_equal(uiommu_test_count(c.test, UIOMMU_TEST_RULES), 2);
	uiommu_port_mutex_unlock(c.test, &c.mutex);

	c.irq = request(&c, &msi);
	c.free_itself = true;
	uiommu_test_msi(c.test, msi.address, msi.data);
	uiommu_test_deliver(c.test);
	expect(c.test, 3, UIOMMU_TEST_IRQ_DEADLOCK, 2, "by its own handler");
	uiommu_port_mutex_destroy(c.test, &c.mutex);
	assert_int_equal(uiommu_test_destroy(c.test), 3);
}

/* ---- time, words, failing ---------------------------------------------------------------------- */

static void count_line(void *context, enum uiommu_log_level level, const char *line)
{
	(void)level;
	(void)line;
	++*(unsigned int *)context;
}

static void lines_are_lines(void **state)
{
	unsigned int lines = 0;
	const struct uiommu_test_config config = { .quiet = true,
						   .log = count_line,
						   .context = &lines };
	struct uiommu_test *test;
	char line[257];

	(void)state;
	assert_int_equal(uiommu_test_create(&config, &test), 0);
	memset(line, 'x', sizeof(line));
	line[255] = '\0';
	uiommu_port_log(test, UIOMMU_LOG_ERROR, line);
	uiommu_port_log(test, UIOMMU_LOG_DEBUG, "");
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_RULES), 0);
	line[255] = 'x';
	line[256] = '\0';
	uiommu_port_log(test, UIOMMU_LOG_INFO, line);
	expect(test, 1, UIOMMU_TEST_LOG_LINE, 1, "256 bytes", "lines_are_lines");
	uiommu_port_log(test, UIOMMU_LOG_INFO, "two\nlines");
	assert_int_equal(uiommu_test_count(test, UIOMMU_TEST_LOG_LINE), 2);
	uiommu_port_log(test, (enum uiommu_log_level)4, "loud");
	expect(test, 3, UIOMMU_TEST_LOG_LINE, 3, "level 4");
	assert_int_equal(lines, 5);
	assert_int_equal(uiommu_test_destroy(test), 3);
}

static void the_clock_is_the_tests(void **state)
{
	struct uiommu_test *test = start();
	uint64_t before = uiommu_port_now_ns(test);

	(void)state;
	assert_int_equal(uiommu_port_now_ns(test), before);
	uiommu_port_relax(test);
	assert_int_equal(uiommu_port_now_ns(test), before + 1000);
	uiommu_test_advance(test, 5000000000u);
	assert_int_equal(uiommu_port_now_ns(test), before + 5000001000u);
	assert_int_equal(uiommu_test_destroy(test), 0);
}

/* One step of each kind; how many succeeded. */
static unsigned int four_steps(struct uiommu_test *test)
{
	struct uiommu_mutex mutex = { 0 };
	struct uiommu_msi msi;
	void *pages = uiommu_port_alloc_pages(test, 0);
	void *small = uiommu_port_alloc(test, 8);
	int init = uiommu_port_mutex_init(test, &mutex);
	int irq = uiommu_port_irq_request(test, handler, NULL, &msi);

	if (pages)
		uiommu_port_free_pages(test, pages, 0);
	uiommu_port_free(test, small, 8);
	if (!init)
		uiommu_port_mutex_destroy(test, &mutex);
	if (irq >= 0)
		uiommu_port_irq_free(test, irq);
	return (pages != NULL) + (small != NULL) + (init == 0) + (irq >= 0);
}

static void each_kind_of_step_can_fail(void **state)
{
	struct uiommu_test *test = start();

	(void)state;
	assert_int_equal(four_steps(test), 4);
	assert_null(uiommu_test_failed(test));
	for (unsigned int nth = 1; nth <= 5; nth++) {
		uiommu_test_fail_nth(test, nth);
		assert_int_equal(four_steps(test), nth < 5 ? 3 : 4);
		if (nth == 5) {
			assert_null(uiommu_test_failed(test));
			break;
		}
		assert_non_null(strstr(uiommu_test_failed(test), "four_steps"));
		assert_int_equal(strncmp(uiommu_test_failed(test),
					 uiommu_test_step_name((enum uiommu_test_step)(nth - 1)),
					 4),
				 0);
	}
	for (unsigned int step = 0; step < UIOMMU_TEST_STEPS; step++)
		assert_int_equal(uiommu_test_steps(test, (enum uiommu_test_step)step), 6);
	assert_int_equal(uiommu_test_steps(test, UIOMMU_TEST_STEPS), 24);
	assert_int_equal(uiommu_test_destroy(test), 0);
}

static void a_host_may_have_no_interrupts(void **state)
{
	const struct uiommu_test_config config = { .no_interrupts = true };
	struct uiommu_test *test;
	struct uiommu_msi msi;

	(void)state;
	assert_int_equal(uiommu_test_create(&config, &test), 0);
	assert_int_equal(uiommu_port_irq_request(test, handler, NULL, &msi), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_test_destroy(test), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_memory_is_not_reported),
		cmocka_unit_test(addresses_are_used_again),
		cmocka_unit_test(pages_are_freed_once),
		cmocka_unit_test(only_what_was_allocated_is_freed),
		cmocka_unit_test(sizes_are_those_of_the_allocation),
		cmocka_unit_test(freed_memory_is_closed),
		cmocka_unit_test(there_is_a_wall),
		cmocka_unit_test(leaks_name_their_place),
		cmocka_unit_test(hardware_is_told_of_pages),
		cmocka_unit_test(a_model_hears_of_pages),
		cmocka_unit_test(a_mutex_begins_as_zero),
		cmocka_unit_test(only_mutexes_are_taken),
		cmocka_unit_test(a_mutex_is_taken_once),
		cmocka_unit_test(the_owner_releases),
		cmocka_unit_test(mutexes_have_an_order),
		cmocka_unit_test(an_order_follows_from_others),
		cmocka_unit_test(a_held_mutex_is_not_destroyed),
		cmocka_unit_test(nothing_is_held_in_callbacks),
		cmocka_unit_test(contexts_forbid),
		cmocka_unit_test(interrupts_arrive_and_balance),
		cmocka_unit_test(handlers_and_their_end),
		cmocka_unit_test(lines_are_lines),
		cmocka_unit_test(the_clock_is_the_tests),
		cmocka_unit_test(each_kind_of_step_can_fail),
		cmocka_unit_test(a_host_may_have_no_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
