/* SPDX-License-Identifier: MIT */
/*
 * interleave.h - two threads, and the point of the first one at which the second one runs
 *
 * The points are where the library takes or has released a mutex and where it has got a page: between
 * two of them a thread does nothing that others could see half done, but for stores that are meant to be
 * seen so.  At the chosen point the first thread stands still until the second one has ended or waits
 * for a mutex that the first one holds; from then on both run.  To try every point is to try every
 * schedule with one switch from the first to the second and back.
 *
 * The two threads find each other through relaxed atomics alone, so that ThreadSanitizer takes nothing of
 * this for synchronisation of the library's: it judges each schedule by the library's own locks.
 */
#ifndef CONFORM_INTERLEAVE_H
#define CONFORM_INTERLEAVE_H

#include <pthread.h>

#include "conform/conform.h"

#define INTERLEAVE_HELD 8

struct interleave {
	/* What runs; neither may end the scenario: they note what they see. */
	void (*first)(void *context);
	void (*second)(void *context);
	void *context;
	/* NULL, or called at each point of the first thread. */
	void (*at_point)(void *context);

	/* Results. */
	unsigned int points; /* that the first thread passed in the last run */
	unsigned int beside,
		alone; /* runs in which the second began before the first had ended, and others */
	unsigned int waited; /* of @beside: the second waited for a mutex of the first */

	/* The rest is interleave.c's. */
	struct subject *s;
	pthread_t thread;
	unsigned int at;
	_Atomic int state;
	_Atomic uintptr_t held[INTERLEAVE_HELD];
};

/* Before subject_boot().  It is used during interleave_run() alone, and may be a local variable. */
void interleave_install(struct subject *s, struct interleave *i);

/* The first on this thread, the second beside it from point @at on, or after it if there are fewer. */
void interleave_run(struct interleave *i, unsigned int at);

/*
 * The point after @at that should be tried, 0 after the last.  Begins with 1; about @limit points of a
 * longer way are chosen by the subject's seed; the last one lies after the end of the first.
 */
unsigned int interleave_next(struct interleave *i, unsigned int at, unsigned int limit);

/*
 * Lets others run; false when that has gone on for so long that what one waits for cannot come any more.
 * A verdict depends on it only when the library, the hardware or the host hangs.
 */
struct interleave_wait {
	int64_t until; /* 0 before the first call */
};
bool interleave_wait(struct interleave_wait *wait);

/* ---- threads that only run beside each other --------------------------------------------------- */

/* A source of small delays: yields, of a seed. */
struct interleave_dice {
	uint64_t state;
};
uint64_t interleave_roll(struct interleave_dice *dice);
/* Sometimes lets others run. */
void interleave_pause(struct interleave_dice *dice);

#endif /* CONFORM_INTERLEAVE_H */
