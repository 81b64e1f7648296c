/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the files of the test port share
 *
 * test->lock covers all books.  It is a leaf: no mutex of the library is taken and no callback is called
 * with it.
 */
#ifndef UIOMMU_PORT_TEST_INTERNAL_H
#define UIOMMU_PORT_TEST_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "ports/test/test.h"

#define PAGE 4096ull
#define RAM_SIZE (256ull << 20) /* of addresses; memory is taken as it is used */
#define MAX_KINDS 64 /* of mutexes */
#define MAX_HELD 128
#define MAX_IRQS 16
#define LINE 768

/* Who called: return addresses, innermost first, as many as are not NULL. */
#define PLACE_DEPTH 4
struct place {
	void *frame[PLACE_DEPTH];
};

/* One piece of memory.  Kept after it was freed, until its addresses are used again. */
struct block {
	struct block *next;
	unsigned char *mem; /* what the library got */
	uint64_t size; /* what it asked for */
	uint32_t first, pages; /* in units of PAGE from the beginning of the memory */
	unsigned int order;
	bool small; /* of uiommu_port_alloc() */
	bool live;
	bool reported; /* as a leak */
	struct place allocated, freed;
};

struct mutex {
	struct mutex *next;
	struct uiommu_mutex *at;
	pthread_mutex_t native;
	unsigned int kind;
	unsigned int again; /* times that its holder took it again */
	bool reported;
	struct place made;
};

struct held {
	const void *thread;
	struct mutex *mutex;
	struct place place;
};

struct irq {
	void (*handler)(void *arg); /* NULL: not requested */
	void *arg;
	bool pending, reported;
	const void *runs_on; /* the thread that runs the handler now */
	uint64_t kinds; /* of mutexes that the handler has taken */
	struct place requested;
};

struct context {
	struct context *next;
	const void *thread;
	unsigned int forbidden;
	const char *why;
};

struct uiommu_test {
	struct uiommu_test_config config;
	pthread_mutex_t lock;
	_Atomic(uint64_t) now;

	unsigned int count[UIOMMU_TEST_RULES + 1];
	char last[LINE], last_out[LINE];

	unsigned long steps[UIOMMU_TEST_STEPS + 1];
	unsigned long fail_in;
	char failed[LINE];

	unsigned char *ram;
	uint64_t ram_size;
	struct block *blocks;
	struct block **owner; /* of each page, live or not */
	uint32_t next_page;
	unsigned long live_blocks;

	struct mutex *mutexes;
	unsigned long live_mutexes;
	void *kind[MAX_KINDS]; /* the place that initialises them */
	unsigned int kinds;
	uint64_t inside[MAX_KINDS]; /* bit b of inside[a]: b was taken with a held */
	struct place inside_at[MAX_KINDS][MAX_KINDS];
	struct held held[MAX_HELD];
	unsigned int num_held;

	struct irq irq[MAX_IRQS];
	struct context *contexts;
};

/* where.c */
struct place uiommu_test_here(void *caller);
void uiommu_test_place(const struct place *place, char *text, size_t size);
#define HERE() uiommu_test_here(__builtin_return_address(0))

/* test.c; the lock is held */
void uiommu_test_violation(struct uiommu_test *test, enum uiommu_test_rule rule, const char *format,
			   ...) __attribute__((format(printf, 3, 4)));
void uiommu_test_may_sleep(struct uiommu_test *test, unsigned int what, const char *call,
			   const struct place *here);
const void *uiommu_test_me(void);

/* test.c; the lock is not held.  True: this step has to fail. */
bool uiommu_test_must_fail(struct uiommu_test *test, enum uiommu_test_step step,
			   const struct place *here);

/* memory.c */
int uiommu_test_memory_init(struct uiommu_test *test);
void uiommu_test_memory_exit(struct uiommu_test *test);
void uiommu_test_memory_leaks(struct uiommu_test *test);
uintptr_t uiommu_test_constant(const struct uiommu_test *test);

/* mutex.c; the lock is held */
void uiommu_test_mutex_leaks(struct uiommu_test *test);
void uiommu_test_mutex_exit(struct uiommu_test *test);
void uiommu_test_mutex_inside(struct uiommu_test *test, const void *start, uint64_t size,
			      const struct place *here);
/* This thread holds no mutex; @where: "in on_fault" */
void uiommu_test_none_held(struct uiommu_test *test, const char *where);
uint64_t uiommu_test_kinds_held(struct uiommu_test *test);

/* irq.c; the lock is held */
void uiommu_test_irq_leaks(struct uiommu_test *test);

static inline void test_lock(struct uiommu_test *test)
{
	pthread_mutex_lock(&test->lock);
}

static inline void test_unlock(struct uiommu_test *test)
{
	pthread_mutex_unlock(&test->lock);
}

#endif /* UIOMMU_PORT_TEST_INTERNAL_H */
