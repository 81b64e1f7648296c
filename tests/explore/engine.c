/* SPDX-License-Identifier: MIT */
/*
 * engine.c - the exploration itself, on programs whose schedules can be counted by hand
 *
 * Not checked: that it finds whatever an adversary could hide in values of hashes (64 bits).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ports/explore/explore.h"

static const struct explore_options all = { .preemptions = EXPLORE_UNBOUNDED };
static const struct explore_options all_plain = { .preemptions = EXPLORE_UNBOUNDED, .plain = true };

static struct explore_result search(const struct explore_race *race,
				    const struct explore_options *options)
{
	struct explore_result r;

	explore_search(race, options, &r);
	return r;
}

/* ---- counting ---------------------------------------------------------------------------------- */

struct counters {
	_Atomic unsigned int a, b, c;
};

static void three_a(void *state)
{
	struct counters *s = state;

	for (unsigned int i = 0; i < 3; i++)
		atomic_fetch_add(&s->a, 1);
}

static void two_a(void *state)
{
	struct counters *s = state;

	for (unsigned int i = 0; i < 2; i++)
		atomic_fetch_add(&s->a, 1);
}

static void three_b(void *state)
{
	struct counters *s = state;

	for (unsigned int i = 0; i < 3; i++)
		atomic_fetch_add(&s->b, 1);
}

static void look_at_a(void *state)
{
	struct counters *s = state;

	(void)atomic_load(&s->a);
	(void)atomic_load(&s->a);
}

/* n operations and m: (n + m)! / n! m!, with one more for each begin; three threads likewise. */
static void test_counts(void **unused)
{
	const struct explore_race two = { .name = "two",
					  .state_size = sizeof(struct counters),
					  .thread = { three_a, three_a } };
	const struct explore_race three = { .name = "three",
					    .state_size = sizeof(struct counters),
					    .thread = { two_a, two_a, two_a } };
	struct explore_result r;

	(void)unused;
	r = search(&two, &all_plain);
	assert_true(r.exhausted && !r.failed);
	assert_int_equal(r.schedules, 70); /* (4 + 4)! / 4! 4! */
	r = search(&three, &all_plain);
	assert_int_equal(r.schedules, 1680); /* 9! / 3! 3! 3! */
}

/* Orders that differ in nothing that matters are tried once. */
static void test_reduction(void **unused)
{
	const struct explore_race dependent = { .name = "dependent",
						.state_size = sizeof(struct counters),
						.thread = { three_a, three_a } };
	const struct explore_race independent = { .name = "independent",
						  .state_size = sizeof(struct counters),
						  .thread = { three_a, three_b } };
	const struct explore_race looks = { .name = "looks",
					    .state_size = sizeof(struct counters),
					    .thread = { look_at_a, look_at_a } };
	struct explore_result r;

	(void)unused;
	/* All orders of the six matter, those of the two begins do not: 6! / 3! 3!. */
	r = search(&dependent, &all);
	assert_true(r.exhausted && !r.failed);
	assert_int_equal(r.schedules, 20);
	r = search(&independent, &all);
	assert_true(r.exhausted);
	assert_int_equal(r.schedules, 1);
	r = search(&looks, &all);
	assert_int_equal(r.schedules, 1);
}

/* Of k operations in two threads, with at most p preemptions: counted by hand for (3, 3). */
static void test_bounds(void **unused)
{
	const struct explore_race two = { .name = "two",
					  .state_size = sizeof(struct counters),
					  .thread = { three_a, three_a } };
	/*
	 * Each has a begin and three operations.  A schedule is a word of four 0 and four 1; it has a
	 * preemption at each change of letter but the one at which a thread has ended: words of 2, 3, 4, 5
	 * runs number 2 (0 preemptions), 6 (1), 18 (2), 18 (3), 18 (4), 6 (5), 2 (6); the last run ends
	 * the other thread, so r runs are r - 2 preemptions.
	 */
	static const unsigned int schedules[] = { 2, 8, 26, 44, 62, 68, 70 };

	(void)unused;
	for (unsigned int p = 0; p < 7; p++) {
		const struct explore_options options = { .preemptions = p,
							 .plain = true,
							 .first_bound_only = true };
		struct explore_result r = search(&two, &options);

		assert_true(r.exhausted);
		assert_int_equal(r.schedules, schedules[p]);
	}
}

/* ---- bugs -------------------------------------------------------------------------------------- */

/* Needs two preemptions: of the first, where a is 1; and of the second, until the first has set b. */
struct window {
	_Atomic int a, b;
	int seen_a, seen_b;
};

static void open_window(void *state)
{
	struct window *w = state;

	atomic_store(&w->a, 1);
	atomic_store(&w->a, 0);
	atomic_store(&w->b, 1);
}

static void look_through(void *state)
{
	struct window *w = state;

	w->seen_a = atomic_load(&w->a);
	w->seen_b = atomic_load(&w->b);
	if (w->seen_a && w->seen_b)
		explore_fail("both were seen");
}

static const struct explore_race window = { .name = "window",
					    .state_size = sizeof(struct window),
					    .thread = { open_window, look_through } };

static void test_two_preemptions(void **unused)
{
	const struct explore_options one = { .preemptions = 1 };
	const struct explore_options three = { .preemptions = 3, .shorter = 100 };
	struct explore_result r, again;

	(void)unused;
	r = search(&window, &one);
	assert_true(r.exhausted && !r.failed);
	r = search(&window, &three);
	assert_true(r.failed && !r.exhausted);
	assert_string_equal(r.failure, "both were seen");
	assert_int_equal(r.preemptions, 2);
	assert_int_equal(r.bound, 2);
	assert_true(r.found_after > 1);

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(explore_replay(&window, r.seed, &again, NULL, NULL), 0);
		assert_true(again.failed);
		assert_string_equal(again.failure, "both were seen");
		assert_string_equal(again.seed, r.seed);
		assert_int_equal(again.preemptions, r.preemptions);
	}
	assert_int_equal(explore_replay(&window, "other@1:1", &again, NULL, NULL), -1);
	assert_int_equal(explore_replay(&window, "window@1;1", &again, NULL, NULL), -1);
	assert_int_equal(explore_replay(&window, "window@1:7", &again, NULL, NULL), -1);
	assert_int_equal(explore_replay(&window, "window@", &again, NULL, NULL), 0);
	assert_false(again.failed);
}

/* The same search twice does the same. */
static void test_determinism(void **unused)
{
	const struct explore_options three = { .preemptions = 3 };
	struct explore_result a = search(&window, &three), b = search(&window, &three);

	(void)unused;
	assert_string_equal(a.seed, b.seed);
	assert_int_equal(a.found_after, b.found_after);
	assert_true(a.trace == b.trace);
	assert_true(a.trace != 0);
	assert_int_equal(explore_replay(&window, a.seed, &b, NULL, NULL), 0);
	assert_true(a.trace == b.trace);
}

/* ---- mutexes ----------------------------------------------------------------------------------- */

struct locks {
	void *host;
	struct uiommu_mutex m, n;
	unsigned int count, *late;
	_Atomic unsigned int order;
	_Atomic(unsigned int *) pointer;
};

static void locks_setup(void *state)
{
	const struct explore_host_config config = { 0 };
	struct locks *l = state;

	l->host = explore_host(&config);
	uiommu_port_mutex_init(l->host, &l->m);
	uiommu_port_mutex_init(l->host, &l->n);
	explore_name(&l->m, "m");
	explore_name(&l->n, "n");
	explore_name(&l->count, "count");
}

static void m_then_n(void *state)
{
	struct locks *l = state;

	uiommu_port_mutex_lock(l->host, &l->m);
	uiommu_port_mutex_lock(l->host, &l->n);
	l->count++;
	uiommu_port_mutex_unlock(l->host, &l->n);
	uiommu_port_mutex_unlock(l->host, &l->m);
}

static void n_then_m(void *state)
{
	struct locks *l = state;

	uiommu_port_mutex_lock(l->host, &l->n);
	uiommu_port_mutex_lock(l->host, &l->m);
	l->count++;
	uiommu_port_mutex_unlock(l->host, &l->m);
	uiommu_port_mutex_unlock(l->host, &l->n);
}

static void check_two(void *state)
{
	const struct locks *l = state;

	if (l->count != 2)
		explore_fail("counted %u", l->count);
}

static void test_deadlock(void **unused)
{
	const struct explore_race good = { .name = "good",
					   .state_size = sizeof(struct locks),
					   .setup = locks_setup,
					   .thread = { m_then_n, m_then_n },
					   .check = check_two };
	const struct explore_race bad = { .name = "bad",
					  .state_size = sizeof(struct locks),
					  .setup = locks_setup,
					  .thread = { m_then_n, n_then_m },
					  .check = check_two };
	const struct explore_options three = { .preemptions = 3 };
	struct explore_result r = search(&good, &three);

	(void)unused;
	assert_true(r.exhausted && !r.failed);
	r = search(&bad, &three);
	assert_true(r.failed);
	assert_int_equal(r.preemptions, 1);
	assert_string_equal(r.failure, "deadlock, thread 0 waits for n of thread 1, thread 1 waits "
				       "for m of thread 0");
}

static void count_under_m(void *state)
{
	struct locks *l = state;

	uiommu_port_mutex_lock(l->host, &l->m);
	l->count++;
	uiommu_port_mutex_unlock(l->host, &l->m);
}

static void count_under_n(void *state)
{
	struct locks *l = state;

	uiommu_port_mutex_lock(l->host, &l->n);
	l->count++;
	uiommu_port_mutex_unlock(l->host, &l->n);
}

static void unlock_m(void *state)
{
	struct locks *l = state;

	uiommu_port_mutex_unlock(l->host, &l->m);
}

static void test_misuse(void **unused)
{
	const struct explore_race wrong_lock = { .name = "wrong-lock",
						 .state_size = sizeof(struct locks),
						 .setup = locks_setup,
						 .thread = { count_under_m, count_under_n } };
	const struct explore_race not_held = { .name = "not-held",
					       .state_size = sizeof(struct locks),
					       .setup = locks_setup,
					       .thread = { unlock_m } };
	const struct explore_options none = { .preemptions = 0 };
	struct explore_result r = search(&wrong_lock, &none);

	(void)unused;
	/* Whatever the schedule: nothing orders the two. */
	assert_true(r.failed);
	assert_non_null(strstr(r.failure, "data race at count: thread 1 "));
	r = search(&not_held, &none);
	assert_true(r.failed);
	assert_non_null(strstr(r.failure, "unlocks what it does not hold"));
}

/* ---- publication ------------------------------------------------------------------------------- */

static void publish(struct locks *l, int order)
{
	unsigned int *mem = uiommu_port_alloc(l->host, sizeof(*mem));

	*mem = 7;
	if (order == __ATOMIC_RELEASE)
		__atomic_store_n((unsigned int **)(void *)&l->pointer, mem, __ATOMIC_RELEASE);
	else
		__atomic_store_n((unsigned int **)(void *)&l->pointer, mem, __ATOMIC_RELAXED);
}

static void publish_well(void *state)
{
	publish(state, __ATOMIC_RELEASE);
}

static void publish_badly(void *state)
{
	publish(state, __ATOMIC_RELAXED);
}

static void publish_with_fence(void *state)
{
	struct locks *l = state;
	unsigned int *mem = uiommu_port_alloc(l->host, sizeof(*mem));

	*mem = 7;
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&l->pointer, mem, memory_order_relaxed);
}

static void subscribe(void *state)
{
	struct locks *l = state;
	const unsigned int *mem = atomic_load_explicit(&l->pointer, memory_order_acquire);

	if (mem && *mem != 7)
		explore_fail("published without its contents");
}

static void free_it(void *state)
{
	struct locks *l = state;
	unsigned int *mem = atomic_exchange(&l->pointer, NULL);

	uiommu_port_free(l->host, mem, sizeof(*mem));
}

static void keep_and_use(void *state)
{
	struct locks *l = state;
	unsigned int *mem = atomic_load(&l->pointer);

	atomic_fetch_add(&l->order, 1);
	if (mem)
		(*mem)++;
}

static void published_setup(void *state)
{
	struct locks *l = state;

	locks_setup(state);
	l->pointer = explore_alloc(sizeof(unsigned int));
}

static void test_publication(void **unused)
{
	static const struct {
		void (*publisher)(void *state);
		bool race;
	} ways[] = { { publish_well, false },
		     { publish_badly, true },
		     { publish_with_fence, false } };
	const struct explore_race freed = { .name = "freed",
					    .state_size = sizeof(struct locks),
					    .setup = published_setup,
					    .thread = { free_it, keep_and_use } };
	const struct explore_options three = { .preemptions = 3 };
	struct explore_result r;

	(void)unused;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct explore_race race = { .name = "publish",
						   .state_size = sizeof(struct locks),
						   .setup = locks_setup,
						   .thread = { ways[i].publisher, subscribe } };

		r = search(&race, &three);
		assert_int_equal(r.failed, ways[i].race);
		if (r.failed)
			assert_non_null(strstr(r.failure, "data race"));
	}
	r = search(&freed, &three);
	assert_true(r.failed);
}

static void follow_null(void *state)
{
	struct locks *l = state;

	*l->late = 1;
}

static void never_ends(void *state)
{
	struct locks *l = state;

	while (!atomic_load(&l->order))
		;
}

static void waits_politely(void *state)
{
	struct locks *l = state;

	while (!atomic_load(&l->order))
		uiommu_port_relax(l->host);
}

static void lets_go(void *state)
{
	atomic_store(&((struct locks *)state)->order, 1);
}

static void test_ends(void **unused)
{
	const struct explore_race crash = { .name = "crash",
					    .state_size = sizeof(struct locks),
					    .setup = locks_setup,
					    .thread = { follow_null } };
	const struct explore_race loop = { .name = "loop",
					   .state_size = sizeof(struct locks),
					   .setup = locks_setup,
					   .thread = { never_ends } };
	const struct explore_race polite = { .name = "polite",
					     .state_size = sizeof(struct locks),
					     .setup = locks_setup,
					     .thread = { waits_politely, lets_go } };
	const struct explore_options three = { .preemptions = 3 };
	struct explore_result r = search(&crash, &three);

	(void)unused;
	assert_true(r.failed);
	assert_non_null(strstr(r.failure, "Segmentation fault"));
	r = search(&loop, &three);
	assert_true(r.failed);
	assert_non_null(strstr(r.failure, "no end after"));
	r = search(&polite, &three);
	assert_true(r.exhausted && !r.failed);
}

/* ---- random programs --------------------------------------------------------------------------- */

#define PROGRAM 4
#define VARIABLES 3
#define FINALS 4096

struct program {
	struct {
		uint8_t what, variable, value;
	} op[EXPLORE_THREADS][PROGRAM];
	unsigned int length[EXPLORE_THREADS];
};

/* The program is no state, and what was reached is wanted of all schedules. */
static struct program program;
static uint64_t finals[FINALS];
static unsigned int num_finals;

struct machine_state {
	void *host;
	struct uiommu_mutex mutex[2];
	_Atomic uint32_t variable[VARIABLES];
	uint32_t seen[EXPLORE_THREADS];
};

static void program_setup(void *state)
{
	const struct explore_host_config config = { 0 };
	struct machine_state *m = state;

	m->host = explore_host(&config);
	uiommu_port_mutex_init(m->host, &m->mutex[0]);
	uiommu_port_mutex_init(m->host, &m->mutex[1]);
}

static void program_run(struct machine_state *m, unsigned int thread)
{
	uint32_t seen = 0;

	for (unsigned int i = 0; i < program.length[thread]; i++) {
		const uint8_t value = program.op[thread][i].value;
		_Atomic uint32_t *v = &m->variable[program.op[thread][i].variable];

		switch (program.op[thread][i].what) {
		case 0:
			seen = seen * 31 + atomic_load(v) + 1;
			break;
		case 1:
			atomic_store(v, value);
			break;
		case 2:
			seen = seen * 31 + atomic_fetch_add(v, value) + 1;
			break;
		case 3: {
			uint32_t expected = value % 3;

			seen = seen * 31 + atomic_compare_exchange_strong(v, &expected, value) + 1;
			break;
		}
		default:
			uiommu_port_mutex_lock(m->host, &m->mutex[value % 2]);
			seen = seen * 31 + atomic_load(v) + 1;
			atomic_store(v, value);
			uiommu_port_mutex_unlock(m->host, &m->mutex[value % 2]);
			break;
		}
	}
	m->seen[thread] = seen;
}

static void program_0(void *state)
{
	program_run(state, 0);
}

static void program_1(void *state)
{
	program_run(state, 1);
}

static void program_2(void *state)
{
	program_run(state, 2);
}

static void program_check(void *state)
{
	const struct machine_state *m = state;
	uint64_t sum = 17;

	for (unsigned int v = 0; v < VARIABLES; v++)
		sum = sum * 1000003 + m->variable[v];
	for (unsigned int t = 0; t < EXPLORE_THREADS; t++)
		sum = sum * 1000003 + m->seen[t];
	for (unsigned int i = 0; i < num_finals; i++)
		if (finals[i] == sum)
			return;
	if (num_finals < FINALS)
		finals[num_finals++] = sum;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t dice(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull >> 33;
}

/* With and without reduction the same final states are reached, at every bound. */
static void test_same_finals(void **unused)
{
	uint64_t state = 88172645463325252ull, saved = 0, total = 0;
	unsigned int differed = 0;

	(void)unused;
	for (unsigned int round = 0; round < 200; round++) {
		const unsigned int threads = 2 + round % 2;
		struct explore_race race = { .name = "random",
					     .state_size = sizeof(struct machine_state),
					     .setup = program_setup,
					     .thread = { program_0, program_1,
							 threads > 2 ? program_2 : NULL },
					     .check = program_check };
		const unsigned int bound = (unsigned int)(dice(&state) % 5);
		struct explore_options options = { .preemptions = bound == 4 ? EXPLORE_UNBOUNDED :
									       bound,
						   .first_bound_only = true };
		static uint64_t reduced[FINALS];
		unsigned int num_reduced;
		struct explore_result r;

		for (unsigned int t = 0; t < threads; t++) {
			program.length[t] =
				1 + (unsigned int)(dice(&state) % (threads > 2 ? 2 : PROGRAM));
			for (unsigned int i = 0; i < PROGRAM; i++) {
				program.op[t][i].what = (uint8_t)(dice(&state) % 5);
				program.op[t][i].variable = (uint8_t)(dice(&state) % VARIABLES);
				program.op[t][i].value = (uint8_t)(dice(&state) % 5);
			}
		}
		num_finals = 0;
		r = search(&race, &options);
		assert_true(r.exhausted && !r.failed);
		saved += r.schedules;
		memcpy(reduced, finals, sizeof(reduced));
		num_reduced = num_finals;

		options.plain = true;
		num_finals = 0;
		r = search(&race, &options);
		assert_true(r.exhausted && !r.failed);
		total += r.schedules;
		assert_int_equal(num_finals, num_reduced);
		qsort(finals, num_finals, sizeof(finals[0]), compare);
		qsort(reduced, num_reduced, sizeof(reduced[0]), compare);
		assert_memory_equal(finals, reduced, num_finals * sizeof(finals[0]));
		differed += num_finals > 1;
	}
	print_message("# %llu schedules instead of %llu\n", (unsigned long long)saved,
		      (unsigned long long)total);
	assert_true(differed > 100);
	assert_true(saved * 2 < total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),	    cmocka_unit_test(test_reduction),
		cmocka_unit_test(test_bounds),	    cmocka_unit_test(test_two_preemptions),
		cmocka_unit_test(test_determinism), cmocka_unit_test(test_deadlock),
		cmocka_unit_test(test_misuse),	    cmocka_unit_test(test_publication),
		cmocka_unit_test(test_ends),	    cmocka_unit_test(test_same_finals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
