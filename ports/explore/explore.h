/* SPDX-License-Identifier: MIT */
/*
 * explore.h - a port whose threads are coroutines, and a search over their schedules
 *
 * A race is a few functions that run at once on objects that were set up before.  Its schedules are
 * tried one after the other, deterministically: first those without a preemption, then with one, two,
 * ... up to a bound, until all are done or one fails.  A schedule that fails is printed as a seed, which
 * replays it.  docs/EXPLORE.md says how this works, what it proves and what it does not.
 *
 * Code that is to be explored is compiled with -fsanitize=thread and EXPLORE_RENAMES, and linked with
 * this port instead of the sanitizer's runtime: each atomic operation is then a point at which another
 * thread may run, each plain access is judged by happens-before.  Mutexes of port.h are such points too.
 * Everything else (models, this port) is compiled as always: it happens at once.
 *
 * All memory that threads share comes from the port or explore_alloc(): it is put back as it was after
 * the set-up before each schedule.  Nothing may be kept elsewhere.
 *
 * Thread-safety: none; one exploration at a time in a process.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <uiommu/port.h>

#define EXPLORE_THREADS 4
#define EXPLORE_SEED 256 /* bytes of a seed, with its end */
#define EXPLORE_UNBOUNDED 1000u

/* ---- a race ------------------------------------------------------------------------------------ */

struct explore_race {
	const char *name; /* begins its seeds */
	size_t state_size; /* zeroed memory that all functions are given */
	void (*setup)(void *state); /* once, alone: its effects are there before each schedule */
	void (*thread[EXPLORE_THREADS])(void *state); /* at once; NULL after the last */
	void (*check)(void *state); /* NULL, or alone when all threads have ended */
};

struct explore_options {
	unsigned int preemptions; /* the bound; EXPLORE_UNBOUNDED: all schedules */
	uint64_t max_schedules; /* 0: no limit; else the search ends unfinished */
	bool plain; /* no reduction: each schedule is run, equivalent or not */
	bool first_bound_only; /* search at the bound at once, and not at smaller ones before */
	bool races_allowed; /* data races do not fail; plain accesses are no points either way */
	uint64_t shorter; /* after a failure look among so many more schedules for a shorter one */
};

struct explore_result {
	uint64_t schedules; /* run to their ends, at all bounds */
	uint64_t cut; /* begun, and found to lead to what had been tried already */
	uint64_t states; /* different ones at the largest bound */
	uint64_t points; /* most operations of a schedule at which a choice was possible */
	unsigned int objects; /* that more than one thread works on */
	unsigned int bound; /* the largest that was searched */
	bool exhausted; /* there is no other schedule within the bound */
	double seconds;

	bool failed;
	char failure[512];
	char seed[EXPLORE_SEED];
	unsigned int preemptions; /* of the seed */
	unsigned int switches; /* of the seed: also where a thread waits or ends */
	uint64_t found_after; /* schedules */
	uint64_t trace; /* a sum over all operations of the last schedule in their order */
};

/** explore_search() - try schedules until one fails or none is left within the bound */
void explore_search(const struct explore_race *race, const struct explore_options *options,
		    struct explore_result *result);

/**
 * explore_replay() - the one schedule that a seed names
 * @trace: NULL, or called with a line of text for each operation
 *
 * Return: 0; -1: the seed is none of this race.
 */
int explore_replay(const struct explore_race *race, const char *seed, struct explore_result *result,
		   void (*trace)(void *context, const char *line), void *context);

/* ---- inside a race ----------------------------------------------------------------------------- */

/* The schedule has failed: does not return.  In the set-up it ends the program. */
void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Zeroed memory for the length of a schedule (in setup: for all of them). */
void *explore_alloc(size_t size);

/* What @object is called in traces and failures. */
void explore_name(const void *object, const char *name);

/*
 * The next thing that this thread does works on @object, which stands for something that is not explored
 * itself: another thread may run before.  Two that both only look do not concern each other.
 */
void explore_touch(const void *object, bool changes);

/*
 * The next thing is a step of the hardware: it may read all memory of alloc_pages() and its own registers.
 * What explored code stores there is ordered against it; what it loads only where hardware writes, which
 * the hardware has to say each time.
 */
void explore_hardware(void);
void explore_hardware_writes(uiommu_phys_t phys);

/* Which thread is this?  EXPLORE_THREADS in setup and check. */
unsigned int explore_self(void);

/* ---- hosts ------------------------------------------------------------------------------------- */

/*
 * A @host for uiommu_port_...().  Host memory is at physical addresses from EXPLORE_PHYS on; one block,
 * which explore_memory() names.
 */
#define EXPLORE_PHYS 0x40000000ull

struct explore_host_config {
	bool own; /* of models: their mutexes are no points, their memory is no hardware's */
	void *context;
	void (*pages_added)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*pages_removed)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*flushed)(void *context, uiommu_phys_t phys, size_t size);
	void (*relax)(void *context);
};

void *explore_host(const struct explore_host_config *config);
/* Lines logged at WARN or ERROR in this schedule; the last of them. */
unsigned int explore_warnings(void *host, const char **last);
void *explore_memory(uint64_t *size);

/* ---- bugs -------------------------------------------------------------------------------------- */

/*
 * Deliberate mistakes, compiled into copies of the explored sources by tests/explore/mutate.py.  One at a
 * time is switched on, and is made by the threads alone; in what is shipped there is nothing of the kind.
 */
bool explore_bug(const char *name);
void explore_set_bug(const char *name);

#endif /* EXPLORE_H */
