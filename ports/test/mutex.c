/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - mutexes and the order in which they are taken
 *
 * A mutex is of the kind of the call that initialised it.  Whenever one is taken with others held, the
 * pairs of kinds are remembered; taking two kinds in an order from which the opposite can be concluded
 * is a deadlock that waits for its day, and is reported although nothing is stuck now.
 */
#include <stdlib.h>
#include <string.h>

#include "ports/test/internal.h"

static struct mutex *find(struct uiommu_test *test, const struct uiommu_mutex *at)
{
	struct mutex *m = test->mutexes;

	while (m && m->at != at)
		m = m->next;
	return m;
}

static unsigned int kind_of(struct uiommu_test *test, void *maker)
{
	unsigned int kind = 0;

	while (kind < test->kinds && test->kind[kind] != maker)
		kind++;
	if (kind == MAX_KINDS)
		abort(); /* there are about five */
	if (kind == test->kinds)
		test->kind[test->kinds++] = maker;
	return kind;
}

static bool reaches(const struct uiommu_test *test, unsigned int from, unsigned int to,
		    uint64_t *seen)
{
	if (from == to)
		return true;
	*seen |= 1ull << from;
	for (unsigned int next = 0; next < test->kinds; next++) {
		if ((test->inside[from] >> next & 1) && !(*seen >> next & 1) &&
		    reaches(test, next, to, seen))
			return true;
	}
	return false;
}

/* The held entry of @mutex, or of whatever this thread holds if @mutex is NULL. */
static struct held *held_of(struct uiommu_test *test, const struct mutex *mutex)
{
	for (unsigned int i = 0; i < test->num_held; i++) {
		if (mutex ? test->held[i].mutex == mutex : test->held[i].thread == uiommu_test_me())
			return &test->held[i];
	}
	return NULL;
}

static void drop(struct uiommu_test *test, struct held *held)
{
	*held = test->held[--test->num_held];
}

int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex)
{
	static const struct uiommu_mutex zero;
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct mutex *m;
	char where[300];

	if (uiommu_test_must_fail(test, UIOMMU_TEST_MUTEX_INITS, &here))
		return -UIOMMU_ENOMEM;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -UIOMMU_ENOMEM;
	test_lock(test);
	if (find(test, mutex)) {
		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_INIT, "a live mutex, by %s", where);
		test_unlock(test);
		free(m);
		return 0;
	}
	if (memcmp(mutex, &zero, sizeof(zero))) {
		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_INIT,
				      "memory that is not zero, by %s", where);
	}
	pthread_mutex_init(&m->native, NULL);
	m->at = mutex;
	m->made = here;
	m->kind = kind_of(test, here.frame[0]);
	m->next = test->mutexes;
	test->mutexes = m;
	test->live_mutexes++;
	memset(mutex, 0x5a, sizeof(*mutex)); /* opaque: nobody else looks */
	test_unlock(test);
	return 0;
}

static void unknown(struct uiommu_test *test, const char *call, const struct place *here)
{
	char where[300];

	uiommu_test_place(here, where, sizeof(where));
	uiommu_test_violation(test, UIOMMU_TEST_MUTEX_UNKNOWN, "%s by %s", call, where);
}

static void forget(struct uiommu_test *test, struct mutex *m)
{
	struct mutex **link = &test->mutexes;

	while (*link != m)
		link = &(*link)->next;
	*link = m->next;
	test->live_mutexes--;
	pthread_mutex_destroy(&m->native);
	free(m);
}

void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct held *held;
	struct mutex *m;

	test_lock(test);
	m = find(test, mutex);
	if (!m) {
		unknown(test, "destroyed", &here);
		test_unlock(test);
		return;
	}
	held = held_of(test, m);
	if (held) {
		char where[300], taken[300];

		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_place(&held->place, taken, sizeof(taken));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_DESTROYED_HELD, "by %s, taken by %s",
				      where, taken);
		if (held->thread == uiommu_test_me())
			pthread_mutex_unlock(&m->native);
		drop(test, held);
	}
	memset(mutex, UIOMMU_TEST_POISON, sizeof(*mutex));
	forget(test, m);
	test_unlock(test);
}

/* With @m about to be taken: what is held now lies outside of it. */
static void note_order(struct uiommu_test *test, struct mutex *m, const struct place *here)
{
	for (unsigned int i = 0; i < test->num_held; i++) {
		struct held *h = &test->held[i];
		unsigned int outer = h->mutex->kind, inner = m->kind;
		char where[200], made[200], outer_made[200], other[200];
		uint64_t seen = 0;
		bool known, wrong;

		if (h->thread != uiommu_test_me())
			continue;
		/* Two domains at once are taken in the order of their addresses, and of a kind anything else. */
		if (outer == inner && (uintptr_t)h->mutex->at < (uintptr_t)m->at)
			continue;
		known = test->inside[outer] >> inner & 1;
		wrong = !known && reaches(test, inner, outer, &seen);
		test->inside[outer] |= 1ull << inner;
		if (known)
			continue;
		test->inside_at[outer][inner] = *here;
		if (!wrong)
			continue;
		uiommu_test_place(here, where, sizeof(where));
		uiommu_test_place(&m->made, made, sizeof(made));
		uiommu_test_place(&h->mutex->made, outer_made, sizeof(outer_made));
		uiommu_test_place(&test->inside_at[inner][outer], other, sizeof(other));
		uiommu_test_violation(
			test, UIOMMU_TEST_MUTEX_ORDER,
			"the one made by %s is taken by %s with that made by %s held%s%s", made,
			where, outer_made,
			outer == inner ? ", which is of the same kind and lies above it" :
			other[0]       ? "; the opposite was done by " :
					 "; the opposite follows from others",
			outer == inner ? "" : other);
	}
	for (int irq = 0; irq < MAX_IRQS; irq++) {
		if (test->irq[irq].runs_on == uiommu_test_me())
			test->irq[irq].kinds |= 1ull << m->kind;
	}
}

void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct held *held;
	struct mutex *m;

	test_lock(test);
	uiommu_test_may_sleep(test, UIOMMU_TEST_NO_SLEEP, "mutex_lock", &here);
	m = find(test, mutex);
	if (!m) {
		unknown(test, "taken", &here);
		test_unlock(test);
		return;
	}
	held = held_of(test, m);
	if (held && held->thread == uiommu_test_me()) {
		char where[300], taken[300];

		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_place(&held->place, taken, sizeof(taken));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_TWICE, "by %s, before by %s", where,
				      taken);
		m->again++;
		test_unlock(test);
		return;
	}
	note_order(test, m, &here);
	test_unlock(test);

	pthread_mutex_lock(&m->native);
	test_lock(test);
	if (test->num_held == MAX_HELD)
		abort();
	test->held[test->num_held++] =
		(struct held){ .thread = uiommu_test_me(), .mutex = m, .place = here };
	test_unlock(test);
}

void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct held *held;
	struct mutex *m;

	test_lock(test);
	m = find(test, mutex);
	held = m ? held_of(test, m) : NULL;
	if (!m) {
		unknown(test, "released", &here);
	} else if (!held || held->thread != uiommu_test_me()) {
		char where[300], taken[300] = "";

		uiommu_test_place(&here, where, sizeof(where));
		if (held)
			uiommu_test_place(&held->place, taken, sizeof(taken));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_NOT_OWNER, "by %s, %s%s", where,
				      held ? "taken in another thread by " : "nobody holds it",
				      taken);
	} else if (m->again) {
		m->again--;
	} else {
		drop(test, held);
		pthread_mutex_unlock(&m->native);
	}
	test_unlock(test);
}

uint64_t uiommu_test_kinds_held(struct uiommu_test *test)
{
	uint64_t kinds = 0;

	for (unsigned int i = 0; i < test->num_held; i++) {
		if (test->held[i].thread == uiommu_test_me())
			kinds |= 1ull << test->held[i].mutex->kind;
	}
	return kinds;
}

void uiommu_test_none_held(struct uiommu_test *test, const char *where)
{
	struct held *held = held_of(test, NULL);
	char taken[300];

	if (!held)
		return;
	uiommu_test_place(&held->place, taken, sizeof(taken));
	uiommu_test_violation(test, UIOMMU_TEST_MUTEX_HELD, "%s, taken by %s", where, taken);
}

void uiommu_test_mutex_inside(struct uiommu_test *test, const void *start, uint64_t size,
			      const struct place *here)
{
	struct mutex *next;

	for (struct mutex *m = test->mutexes; m; m = next) {
		char where[300], made[300];
		struct held *held = held_of(test, m);

		next = m->next;
		if ((uintptr_t)m->at < (uintptr_t)start ||
		    (uintptr_t)m->at - (uintptr_t)start >= size)
			continue;
		uiommu_test_place(here, where, sizeof(where));
		uiommu_test_place(&m->made, made, sizeof(made));
		if (!m->reported)
			uiommu_test_violation(test, UIOMMU_TEST_MUTEX_LEAK,
					      "its memory is freed by %s, made by %s", where, made);
		if (held)
			drop(test, held);
		forget(test, m);
	}
}

void uiommu_test_mutex_leaks(struct uiommu_test *test)
{
	char where[300];

	for (unsigned int i = 0; i < test->num_held; i++) {
		if (test->held[i].mutex->reported)
			continue;
		uiommu_test_place(&test->held[i].place, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_HELD, "at the end, taken by %s",
				      where);
	}
	for (struct mutex *m = test->mutexes; m; m = m->next) {
		if (m->reported)
			continue;
		m->reported = true;
		uiommu_test_place(&m->made, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_MUTEX_LEAK, "made by %s", where);
	}
}

void uiommu_test_mutex_exit(struct uiommu_test *test)
{
	while (test->num_held) {
		struct held *held = &test->held[0];

		if (held->thread == uiommu_test_me())
			pthread_mutex_unlock(&held->mutex->native);
		drop(test, held);
	}
	while (test->mutexes)
		forget(test, test->mutexes);
}
