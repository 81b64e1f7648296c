/* SPDX-License-Identifier: MIT */
/* memory.c - memory as hardware fetches it: pieces of 16 bytes, with and without the processor's caches */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "models/memory.h"

#define ROUNDS 200000u

static _Alignas(4096) uint64_t ram[512];
static atomic_bool done;

static struct model_memory *create(int *live)
{
	struct model_memory *mem;

	*live = 0;
	assert_int_equal(model_memory_create(live, 0x10000, ram, sizeof(ram), &mem), 0);
	return mem;
}

static void pair_values(void **state)
{
	int live;
	struct model_memory *mem = create(&live);
	uint64_t pair[2];
	bool unflushed;

	(void)state;
	ram[2] = 11;
	ram[3] = 0;
	assert_false(model_memory_fetch_pair(mem, 0x10010, false, pair, &unflushed));
	model_memory_add(mem, 0x10000, 4096, MODEL_MEMORY_TABLES);
	assert_true(model_memory_fetch_pair(mem, 0x10010, false, pair, &unflushed));
	assert_int_equal(pair[0], 11);
	assert_int_equal(pair[1], 0);
	assert_int_equal(ram[2], 11);
	assert_false(model_memory_fetch_pair(mem, 0x10018, false, pair, &unflushed));
	ram[2] = 0;
	assert_true(model_memory_fetch_pair(mem, 0x10010, false, pair, &unflushed));
	assert_int_equal(pair[0], 0);
	model_memory_destroy(mem);
	assert_int_equal(live, 0);
}

static void pair_unflushed(void **state)
{
	int live;
	struct model_memory *mem = create(&live);
	uint64_t pair[2];
	bool unflushed;

	(void)state;
	assert_int_equal(model_memory_enable_shadow(mem), 0);
	model_memory_add(mem, 0x10000, 4096, MODEL_MEMORY_TABLES);
	ram[2] = 1;
	ram[3] = 2;
	model_memory_flush(mem, 0x10010, 16);
	assert_true(model_memory_fetch_pair(mem, 0x10010, true, pair, &unflushed));
	assert_false(unflushed);
	assert_int_equal(pair[1], 2);
	ram[3] = 3;
	assert_true(model_memory_fetch_pair(mem, 0x10010, true, pair, &unflushed));
	assert_true(unflushed);
	assert_int_equal(pair[0], 1);
	assert_int_equal(pair[1], 2);
	model_memory_destroy(mem);
	assert_int_equal(live, 0);
}

#if defined(__x86_64__)
/* Both words at once, as a driver does that needs no gap. */
static void store_pair(uint64_t *at, uint64_t from, uint64_t to)
{
	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*(uint64_t(*)[2])(void *)at), "+a"(from), "+d"(from)
			 : "b"(to), "c"(to)
			 : "cc", "memory");
}

static void *change(void *context)
{
	(void)context;
	for (uint64_t i = 1; !atomic_load(&done); i++)
		store_pair(&ram[4], i - 1, i);
	return NULL;
}

static void pair_never_torn(void **state)
{
	int live;
	struct model_memory *mem = create(&live);
	pthread_t thread;
	uint64_t pair[2], torn = 0;
	bool unflushed;

	(void)state;
	ram[4] = 0;
	ram[5] = 0;
	atomic_store(&done, false);
	model_memory_add(mem, 0x10000, 4096, MODEL_MEMORY_TABLES);
	assert_int_equal(pthread_create(&thread, NULL, change, NULL), 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!model_memory_fetch_pair(mem, 0x10020, false, pair, &unflushed))
			break;
		torn += pair[0] != pair[1];
	}
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	assert_int_equal(torn, 0);
	model_memory_destroy(mem);
	assert_int_equal(live, 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair_values),
		cmocka_unit_test(pair_unflushed),
#if defined(__x86_64__)
		cmocka_unit_test(pair_never_torn),
#endif
	};

	return cmocka_run_group_tests_name("model memory", tests, NULL, NULL);
}
