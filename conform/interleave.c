/* SPDX-License-Identifier: MIT */
/* interleave.c - chooses where a second thread runs: see interleave.h */
#include "conform/interleave.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

/* A second thread that neither ends nor meets a mutex of the first waits for it in another way. */
#define PATIENCE 200000u
/* What has not happened after so many seconds will not happen; the limit of a scenario is above it. */
#define HANG 20

enum { PARKED, STARTED, WAITS, ENDED };

static int look(const struct interleave *i)
{
	return atomic_load_explicit(&i->state, memory_order_relaxed);
}

static void set(struct interleave *i, int state)
{
	atomic_store_explicit(&i->state, state, memory_order_relaxed);
}

static bool is_first(const struct interleave *i)
{
	return pthread_equal(pthread_self(), i->thread);
}

static void point(struct interleave *i)
{
	i->points++;
	if (i->at_point)
		i->at_point(i->context);
	if (i->points != i->at)
		return;
	set(i, STARTED);
	for (unsigned int n = 0; look(i) == STARTED && n < PATIENCE; n++)
		sched_yield();
	i->beside++;
	i->waited += look(i) != ENDED;
}

/* ---- the host's hooks -------------------------------------------------------------------------- */

static struct interleave *of(void *context)
{
	struct subject *s = context;

	return atomic_load_explicit(&s->interleave, memory_order_relaxed);
}

static void on_locking(void *context, struct uiommu_mutex *mutex)
{
	struct interleave *i = of(context);

	if (!i)
		return;
	if (is_first(i)) {
		point(i);
		for (unsigned int n = 0; n < INTERLEAVE_HELD; n++) {
			if (atomic_load_explicit(&i->held[n], memory_order_relaxed))
				continue;
			atomic_store_explicit(&i->held[n], (uintptr_t)mutex, memory_order_relaxed);
			break;
		}
		return;
	}
	for (unsigned int n = 0; n < INTERLEAVE_HELD; n++)
		if (look(i) == STARTED &&
		    atomic_load_explicit(&i->held[n], memory_order_relaxed) == (uintptr_t)mutex)
			set(i, WAITS);
}

static void on_unlocked(void *context, struct uiommu_mutex *mutex)
{
	struct interleave *i = of(context);

	if (!i || !is_first(i))
		return;
	for (unsigned int n = 0; n < INTERLEAVE_HELD; n++)
		if (atomic_load_explicit(&i->held[n], memory_order_relaxed) == (uintptr_t)mutex)
			atomic_store_explicit(&i->held[n], 0, memory_order_relaxed);
	point(i);
}

static void on_pages(void *context, uiommu_phys_t phys, uint64_t size)
{
	struct interleave *i = of(context);

	(void)phys;
	(void)size;
	if (i && is_first(i))
		point(i);
}

void interleave_install(struct subject *s, struct interleave *i)
{
	i->s = s;
	s->hooks.mutex_locking = on_locking;
	s->hooks.mutex_unlocked = on_unlocked;
	s->hooks.pages_added = on_pages;
}

/* ---- a run ------------------------------------------------------------------------------------- */

static void *second_main(void *arg)
{
	struct interleave *i = arg;

	while (look(i) == PARKED)
		sched_yield();
	i->second(i->context);
	set(i, ENDED);
	return NULL;
}

void interleave_run(struct interleave *i, unsigned int at)
{
	pthread_t thread;

	i->points = 0;
	i->at = at;
	i->thread = pthread_self();
	for (unsigned int n = 0; n < INTERLEAVE_HELD; n++)
		atomic_store_explicit(&i->held[n], 0, memory_order_relaxed);
	set(i, PARKED);
	CHECK(i->s, pthread_create(&thread, NULL, second_main, i) == 0, "no thread");
	atomic_store_explicit(&i->s->interleave, i, memory_order_relaxed);
	i->first(i->context);
	if (look(i) == PARKED) {
		i->alone++;
		set(i, STARTED);
	}
	pthread_join(thread, NULL);
	atomic_store_explicit(&i->s->interleave, NULL, memory_order_relaxed);
}

unsigned int interleave_next(struct interleave *i, unsigned int at, unsigned int limit)
{
	unsigned int step = 1;

	if (!at)
		return 1;
	if (at > i->points)
		return 0;
	if (i->points > limit)
		step += (unsigned int)(subject_random(i->s) % (2 * i->points / limit));
	return at + step > i->points ? i->points + 1 : at + step;
}

/* ---- waiting ----------------------------------------------------------------------------------- */

bool interleave_wait(struct interleave_wait *wait)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!wait->until)
		wait->until = (int64_t)now.tv_sec + HANG;
	sched_yield();
	return now.tv_sec < wait->until;
}

/* ---- dice -------------------------------------------------------------------------------------- */

uint64_t interleave_roll(struct interleave_dice *dice)
{
	/* xorshift64*: three shifts and a multiplication; the state is never 0. */
	dice->state |= !dice->state;
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return dice->state * 0x2545f4914f6cdd1dull >> 32;
}

void interleave_pause(struct interleave_dice *dice)
{
	uint64_t roll = interleave_roll(dice) % 8;

	for (uint64_t n = 4; n < roll; n++)
		sched_yield();
}
