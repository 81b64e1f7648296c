/* SPDX-License-Identifier: MIT */
/* internal.h - the exploration: memory, threads, objects, clocks, the tree of choices */
#ifndef EXPLORE_INTERNAL_H
#define EXPLORE_INTERNAL_H

#include <signal.h>
#include <ucontext.h>

#include "ports/explore/explore.h"

#define EXPLORE_NOBODY EXPLORE_THREADS
#define EXPLORE_STACK ((size_t)128 << 10)
#define EXPLORE_REGION ((size_t)1 << 20) /* of memory for each thread */
#define EXPLORE_SETUP ((size_t)4 << 20) /* and for the set-up */
#define EXPLORE_SIZE (EXPLORE_THREADS * (EXPLORE_STACK + EXPLORE_REGION) + EXPLORE_SETUP)
#define EXPLORE_THE_HARDWARE ((uintptr_t)1)
#define EXPLORE_DEVIATIONS 64
#define EXPLORE_MAX_STEPS 50000u
#define EXPLORE_SIGNALS 4u
#define EXPLORE_GRANULE 8u
#define EXPLORE_PAGE 4096u
#define EXPLORE_IDLE 8u /* turns of a waiting loop before the others have to move */

enum explore_kind {
	EXPLORE_START,
	EXPLORE_LOCK,
	EXPLORE_UNLOCK,
	EXPLORE_LOAD,
	EXPLORE_STORE,
	EXPLORE_RMW,
	EXPLORE_HARDWARE,
	EXPLORE_RELAX,
	EXPLORE_LOOK,
	EXPLORE_CHANGE,
	EXPLORE_READ, /* plain ones, of memory that hardware works on: events, no points */
	EXPLORE_WRITE,
};

/* One operation that others can notice. */
struct explore_op {
	enum explore_kind kind;
	uintptr_t object; /* 0: none */
	uintptr_t pc;
	bool changes;
	bool hardware, hardware_changes; /* the hardware is concerned too */
};

typedef uint16_t explore_clock;

struct explore_vector {
	explore_clock at[EXPLORE_THREADS];
};

/* What threads meet at: a mutex, an atomic, the hardware, something that a test names. */
struct explore_object {
	uintptr_t address; /* 0: the entry is free */
	const char *name;
	bool shared; /* for good: two threads work on it, and not only to look */

	uint32_t run; /* the rest is of this run */
	uint8_t readers, writers; /* masks of threads */
	uint8_t owner; /* of a mutex: thread + 1 */
	uint64_t written; /* hash of the last change */
	struct explore_vector released;
};

struct explore_thread {
	ucontext_t context;
	bool ended;
	struct explore_op pending;
	unsigned int idle;
	uint64_t chain; /* hash of its last operation and all that went before it */
	uint64_t now_ns;
	struct explore_vector clock;
	struct explore_vector fence_release, fence_acquire;
};

/* A choice between threads. */
struct explore_node {
	uint32_t step;
	uint8_t previous; /* who ran before */
	bool previous_can; /* and could go on */
	uint8_t enabled, tried; /* masks */
	uint8_t choice;
	uint16_t cost; /* preemptions before */
	uint64_t child[EXPLORE_THREADS]; /* the state that follows each choice */
};

/* One access of each thread to the bytes of a granule (happens.c). */
struct explore_cell {
	uint32_t run;
	explore_clock write[EXPLORE_THREADS][EXPLORE_GRANULE];
	explore_clock read[EXPLORE_THREADS][EXPLORE_GRANULE];
	explore_clock atomic_write[EXPLORE_THREADS][EXPLORE_GRANULE];
	explore_clock atomic_read[EXPLORE_THREADS][EXPLORE_GRANULE];
	uintptr_t write_pc[EXPLORE_THREADS], read_pc[EXPLORE_THREADS];
};

struct explore_seen {
	uint64_t state; /* 0: free */
	uint16_t cost[EXPLORE_THREADS]; /* + 1, by who ran last; 0: never */
};

struct explore {
	const struct explore_race *race;
	struct explore_options options;
	unsigned int num_threads;
	void *state;

	/* Memory: stacks, then one region for the set-up and one for each thread. */
	uint8_t *base;
	uint8_t *region[EXPLORE_THREADS + 1];
	size_t used[EXPLORE_THREADS + 1];
	uint8_t *snapshot;
	size_t snapshot_size;
	bool set_up;
	struct explore_cell *cells;
	uint32_t *freed; /* by granule: the run in which it was */
	uint8_t *written; /* by page: hardware writes there too, as was learned */
	uint32_t *tables; /* by page: the run in which it became the hardware's, ~0: in the set-up */

	/* This run. */
	uint32_t run;
	bool running, checking;
	unsigned int current;
	uint32_t step;
	unsigned int cost, switches;
	ucontext_t main;
	struct sigaction signals[EXPLORE_SIGNALS]; /* as they were before */
	struct explore_thread thread[EXPLORE_THREADS];
	bool failed, cut;
	char failure[512];
	uint64_t trace_hash;
	uint64_t expected; /* the state after the next operation, or 0 */
	uint32_t points;
	struct {
		uint32_t step;
		uint8_t thread;
	} deviation[EXPLORE_DEVIATIONS];
	unsigned int num_deviations;

	/* Replay of a seed. */
	bool replaying;
	unsigned int replayed;
	void (*trace)(void *context, const char *line);
	void *trace_context;

	/* The search. */
	unsigned int bound;
	struct explore_node *nodes;
	size_t num_nodes, max_nodes, at_node;
	struct explore_seen *seen;
	size_t num_seen, max_seen;
	struct explore_object *objects;
	size_t num_objects, max_objects;
	bool learned; /* an object turned out to be shared */
};

/* The exploration under way, or NULL: the sanitizer's entry points have no argument for it. */
extern struct explore *explore_now;

/* memory.c */
void explore_memory_create(struct explore *e);
void explore_memory_destroy(struct explore *e);
void explore_memory_snapshot(struct explore *e);
void explore_memory_restore(struct explore *e);
void *explore_take(struct explore *e, size_t size, size_t align);
bool explore_is_table(const struct explore *e, uintptr_t address);
bool explore_is_written(const struct explore *e, uintptr_t address);

/* schedule.c */
void explore_point(struct explore *e, const struct explore_op *op);
void explore_event(struct explore *e, const struct explore_op *op);
void explore_run(struct explore *e);
void explore_signals(struct explore *e, bool on);
/* What its pending operation would make of the state. */
uint64_t explore_state_after(struct explore *e, unsigned int thread);
struct explore_object *explore_object(struct explore *e, uintptr_t address);
/* The run cannot go on. */
void explore_stop(struct explore *e) __attribute__((noreturn));

/* search.c */
bool explore_choose(struct explore *e, unsigned int enabled, bool can, unsigned int *choice);
/* All threads have ended in @state; false: as in a schedule before. */
bool explore_is_new_end(struct explore *e, uint64_t state);
uint64_t explore_mix(uint64_t hash, uint64_t value);

/* happens.c */
void explore_access(struct explore *e, uintptr_t address, size_t size, bool write, uintptr_t pc);
void explore_atomic_access(struct explore *e, uintptr_t address, size_t size, bool write,
			   uintptr_t pc);
void explore_freed(struct explore *e, uintptr_t address, size_t size, uintptr_t pc);
void explore_acquire(struct explore *e, uintptr_t object, bool weak);
void explore_release(struct explore *e, uintptr_t object, bool weak, bool keep);
void explore_fence(struct explore *e, bool acquire, bool release);

/* where.c */
void explore_where(uintptr_t pc, char *text, size_t size);
const char *explore_kind_name(enum explore_kind kind);
void explore_object_name(struct explore *e, uintptr_t object, char *text, size_t size);

#endif /* EXPLORE_INTERNAL_H */
