/* SPDX-License-Identifier: MIT */
/*
 * search.c - a depth-first search through the choices, and what it need not look at again
 *
 * A node is a point at which more than one thread could go on.  Schedules are run from their start each
 * time, and the last node that has a choice left takes it.
 *
 * Two reductions, each sound for a bound on preemptions (docs/EXPLORE.md has the arguments):
 *
 *   - Only operations on objects that two threads work on are points.  Which these are is learned; when
 *     another one turns up the search at this bound begins again.
 *   - A state (schedule.c: orders of independent operations do not count) that has been reached before,
 *     with the same thread running and as few preemptions, or with another thread running and one less,
 *     is not looked at again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ports/explore/internal.h"

/* The finaliser of splitmix64. */
uint64_t explore_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) + 0x9e3779b97f4a7c15ull;
	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9ull;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111ebull;
	return hash ^ hash >> 31;
}

static void *grow(void *mem, size_t count, size_t size)
{
	mem = realloc(mem, count * size);
	if (!mem) {
		fprintf(stderr, "explore: no memory\n");
		exit(2);
	}
	return mem;
}

/* ---- states ------------------------------------------------------------------------------------ */

static struct explore_seen *find(struct explore_seen *seen, size_t max, uint64_t state)
{
	size_t at = explore_mix(state, 0) & (max - 1);

	while (seen[at].state && seen[at].state != state)
		at = (at + 1) & (max - 1);
	return &seen[at];
}

static void forget_all(struct explore *e)
{
	memset(e->seen, 0, e->max_seen * sizeof(*e->seen));
	e->num_seen = 0;
}

static void make_room(struct explore *e)
{
	struct explore_seen *old = e->seen;
	const size_t max = e->max_seen;

	if (e->num_seen < max / 2)
		return;
	e->max_seen = 2 * max;
	e->seen = grow(NULL, e->max_seen, sizeof(*e->seen));
	memset(e->seen, 0, e->max_seen * sizeof(*e->seen));
	for (size_t i = 0; i < max; i++)
		if (old[i].state)
			*find(e->seen, e->max_seen, old[i].state) = old[i];
	free(old);
}

/* Is this state new, or reached more cheaply than ever?  Then it is noted. */
static bool is_news(struct explore *e, uint64_t state, unsigned int thread, unsigned int cost)
{
	const bool bounded = e->bound != EXPLORE_UNBOUNDED;
	struct explore_seen *s;

	make_room(e);
	s = find(e->seen, e->max_seen, state);
	for (unsigned int u = 0; u < e->num_threads; u++) {
		if (s->cost[u] && s->cost[u] - 1u + (bounded && u != thread) <= cost)
			return false;
	}
	if (!s->state) {
		s->state = state;
		e->num_seen++;
	}
	s->cost[thread] = (uint16_t)(cost + 1);
	return true;
}

bool explore_is_new_end(struct explore *e, uint64_t state)
{
	return e->options.plain || is_news(e, explore_mix(state, 1) | 1, 0, 0);
}

/* ---- choices ----------------------------------------------------------------------------------- */

/* The next choice of a node; the usual one first. */
static bool choose_next(struct explore *e, struct explore_node *n)
{
	const unsigned int usual = n->previous_can ? n->previous :
						     (unsigned int)__builtin_ctz(n->enabled);

	for (unsigned int i = 0; i < EXPLORE_THREADS; i++) {
		const unsigned int t = (usual + i) % EXPLORE_THREADS;
		unsigned int cost = n->cost + (n->previous_can && t != n->previous);

		if (!(n->enabled & ~n->tried & 1u << t))
			continue;
		n->tried |= (uint8_t)(1u << t);
		if (e->bound == EXPLORE_UNBOUNDED)
			cost = 0;
		if (cost > e->bound)
			continue;
		if (!e->options.plain && !is_news(e, n->child[t], t, cost))
			continue;
		n->choice = (uint8_t)t;
		return true;
	}
	return false;
}

bool explore_choose(struct explore *e, unsigned int enabled, bool can, unsigned int *choice)
{
	struct explore_node *n;

	if (e->at_node == e->num_nodes) {
		if (e->num_nodes == e->max_nodes) {
			e->max_nodes *= 2;
			e->nodes = grow(e->nodes, e->max_nodes, sizeof(*e->nodes));
		}
		n = &e->nodes[e->num_nodes++];
		memset(n, 0, sizeof(*n));
		n->step = e->step;
		n->previous = (uint8_t)e->current;
		n->previous_can = can;
		n->enabled = (uint8_t)enabled;
		n->cost = (uint16_t)e->cost;
		for (unsigned int t = 0; t < e->num_threads; t++)
			if (enabled & 1u << t)
				n->child[t] = explore_state_after(e, t);
		if (!choose_next(e, n))
			return false;
	} else {
		n = &e->nodes[e->at_node];
		if (n->step != e->step || n->enabled != enabled) {
			fprintf(stderr, "explore: %s took another way at %u than before\n",
				e->race->name, e->step);
			exit(2);
		}
	}
	e->at_node++;
	e->expected = n->child[n->choice];
	*choice = n->choice;
	return true;
}

/* To the last node that has a choice left; false: none has. */
static bool backtrack(struct explore *e)
{
	for (; e->num_nodes; e->num_nodes--)
		if (choose_next(e, &e->nodes[e->num_nodes - 1]))
			return true;
	return false;
}

/* ---- the search -------------------------------------------------------------------------------- */

static void begin(struct explore *e, const struct explore_race *race,
		  const struct explore_options *options)
{
	memset(e, 0, sizeof(*e));
	e->race = race;
	e->options = *options;
	e->current = EXPLORE_NOBODY;
	while (e->num_threads < EXPLORE_THREADS && race->thread[e->num_threads])
		e->num_threads++;
	e->max_nodes = 1024;
	e->nodes = grow(NULL, e->max_nodes, sizeof(*e->nodes));
	e->max_seen = 1 << 12;
	e->seen = grow(NULL, e->max_seen, sizeof(*e->seen));
	e->max_objects = 1 << 15;
	e->objects = calloc(e->max_objects, sizeof(*e->objects));
	if (!e->objects)
		exit(2);
	explore_memory_create(e);
	explore_now = e;
	e->state = explore_take(e, race->state_size ? race->state_size : 1, 64);
	if (race->setup)
		race->setup(e->state);
	e->set_up = true;
	explore_signals(e, true);
	explore_memory_snapshot(e);
}

static void end(struct explore *e)
{
	explore_signals(e, false);
	explore_now = NULL;
	explore_memory_destroy(e);
	free(e->nodes);
	free(e->seen);
	free(e->objects);
}

/* {hex} in a failure is a place in the code. */
static void put_places(const char *from, char *to, size_t size)
{
	size_t used = 0;

	while (*from && used + 1 < size) {
		if (*from == '{') {
			char *after;
			const uintptr_t pc = (uintptr_t)strtoull(from + 1, &after, 16);

			explore_where(pc, to + used, size - used);
			used += strlen(to + used);
			from = *after ? after + 1 : after;
		} else {
			to[used++] = *from++;
		}
	}
	to[used] = '\0';
}

static void put_seed(const struct explore *e, char *seed)
{
	size_t used = (size_t)snprintf(seed, EXPLORE_SEED, "%s@", e->race->name);

	for (unsigned int i = 0; i < e->num_deviations && used < EXPLORE_SEED; i++)
		used += (size_t)snprintf(seed + used, EXPLORE_SEED - used, "%s%u:%u", i ? "+" : "",
					 e->deviation[i].step, e->deviation[i].thread);
}

static void note_failure(struct explore *e, struct explore_result *r)
{
	r->failed = true;
	put_places(e->failure, r->failure, sizeof(r->failure));
	put_seed(e, r->seed);
	r->preemptions = e->cost;
	r->switches = e->switches;
}

/* One that a person follows more easily. */
static bool simpler(const struct explore *e, uint64_t deviations, uint64_t steps)
{
	return e->num_deviations < deviations ||
	       (e->num_deviations == deviations && e->step < steps);
}

/* All schedules with at most e->bound preemptions; false: it is over. */
static bool search_bound(struct explore *e, struct explore_result *r)
{
	const struct explore_result before = *r;
	uint64_t deviations = 0, steps = 0, stop_at = 0;

again:
	e->num_nodes = 0;
	forget_all(e);
	do {
		e->learned = false;
		explore_run(e);
		if (e->cut)
			r->cut++;
		else
			r->schedules++;
		r->trace = e->trace_hash;
		if (e->points > r->points)
			r->points = e->points;
		if (e->failed && (!r->failed || simpler(e, deviations, steps))) {
			if (!r->failed) {
				r->found_after = r->schedules;
				stop_at = r->schedules + e->options.shorter;
			}
			note_failure(e, r);
			deviations = e->num_deviations;
			steps = e->step;
		}
		if (r->failed && r->schedules >= stop_at)
			return false;
		if (e->options.max_schedules && r->schedules >= e->options.max_schedules)
			return false;
		if (e->learned && !e->options.plain) {
			if (!r->failed) {
				r->schedules = before.schedules;
				r->cut = before.cut;
			}
			goto again;
		}
	} while (backtrack(e));
	r->states = e->num_seen;
	return !r->failed;
}

void explore_search(const struct explore_race *race, const struct explore_options *options,
		    struct explore_result *result)
{
	struct timespec from, to;
	struct explore e;

	memset(result, 0, sizeof(*result));
	clock_gettime(CLOCK_MONOTONIC, &from);
	begin(&e, race, options);
	e.bound = options->first_bound_only || options->preemptions == EXPLORE_UNBOUNDED ?
			  options->preemptions :
			  0;
	for (;; e.bound++) {
		result->bound = e.bound;
		if (!search_bound(&e, result))
			break;
		if (e.bound == options->preemptions) {
			result->exhausted = true;
			break;
		}
	}
	for (size_t i = 0; i < e.max_objects; i++)
		result->objects += e.objects[i].shared;
	end(&e);
	clock_gettime(CLOCK_MONOTONIC, &to);
	result->seconds =
		(double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* ---- replay ------------------------------------------------------------------------------------ */

static int read_seed(struct explore *e, const char *seed)
{
	const size_t length = strlen(e->race->name);
	const char *at = seed + length + 1;

	if (strncmp(seed, e->race->name, length) != 0 || seed[length] != '@')
		return -1;
	while (*at) {
		unsigned int step, thread;
		int used = 0;

		if (sscanf(at, "%u:%u%n", &step, &thread, &used) != 2 || thread >= e->num_threads ||
		    e->num_deviations == EXPLORE_DEVIATIONS)
			return -1;
		e->deviation[e->num_deviations].step = step;
		e->deviation[e->num_deviations].thread = (uint8_t)thread;
		e->num_deviations++;
		at += used;
		if (*at == '+')
			at++;
		else if (*at)
			return -1;
	}
	return 0;
}

int explore_replay(const struct explore_race *race, const char *seed, struct explore_result *result,
		   void (*trace)(void *context, const char *line), void *context)
{
	const struct explore_options options = { .preemptions = EXPLORE_UNBOUNDED };
	struct explore e;
	int rc;

	memset(result, 0, sizeof(*result));
	begin(&e, race, &options);
	rc = read_seed(&e, seed);
	if (!rc) {
		e.replaying = true;
		e.trace = trace;
		e.trace_context = context;
		explore_run(&e);
		result->schedules = 1;
		result->trace = e.trace_hash;
		if (e.failed)
			note_failure(&e, result);
	}
	end(&e);
	return rc;
}
