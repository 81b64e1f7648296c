/* SPDX-License-Identifier: MIT */
/*
 * schedule.c - threads as coroutines, and what they do that others can notice
 *
 * Before each operation that others can notice a thread stops and somebody chooses who goes on: the
 * search, a seed, or nobody if there is no choice.  A thread that goes on does its operation and
 * everything up to the next one.
 *
 * Each operation is an event of a partial order: it comes after the one before it in its thread and after
 * those on the same object that it does not commute with.  The hash of an event covers all events before
 * it; the hashes of the threads' last events together name the state that was reached, whatever the order
 * was in which independent operations came.  (A look has the hash of the change that it sees; a change
 * need not know who looked before it.)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/explore/internal.h"

struct explore *explore_now;

/* ---- objects ----------------------------------------------------------------------------------- */

struct explore_object *explore_object(struct explore *e, uintptr_t address)
{
	size_t at = explore_mix(0, address) & (e->max_objects - 1);
	struct explore_object *o;

	while (e->objects[at].address && e->objects[at].address != address)
		at = (at + 1) & (e->max_objects - 1);
	o = &e->objects[at];
	if (!o->address) {
		if (++e->num_objects > e->max_objects / 2) {
			fprintf(stderr, "explore: more than %zu objects\n", e->max_objects / 2);
			exit(2);
		}
		o->address = address;
	}
	if (o->run != e->run) {
		o->run = e->run;
		o->readers = 0;
		o->writers = 0;
		o->owner = 0;
		o->written = 0;
		memset(&o->released, 0, sizeof(o->released));
	}
	return o;
}

static void learn(struct explore *e, struct explore_object *o, bool changes)
{
	const uint8_t me = (uint8_t)(1u << e->current);
	uint8_t all;

	if (changes)
		o->writers |= me;
	else
		o->readers |= me;
	all = o->readers | o->writers;
	if (o->shared || !o->writers || !(all & (all - 1)))
		return;
	o->shared = true;
	e->learned = true;
}

/* Can the order of this operation and one of another thread matter, as far as is known? */
static bool concerns_others(struct explore *e, const struct explore_op *op)
{
	if (e->options.plain)
		return true;
	if (op->object && explore_object(e, op->object)->shared)
		return true;
	return op->hardware && explore_object(e, EXPLORE_THE_HARDWARE)->shared;
}

/* ---- events ------------------------------------------------------------------------------------ */

/* The hash of @op as the next event of @thread. */
static uint64_t event_hash(struct explore *e, unsigned int thread, const struct explore_op *op)
{
	uint64_t hash = explore_mix(e->thread[thread].chain, op->kind + thread * 64ull);

	if (op->object) {
		hash = explore_mix(hash, op->object - (uintptr_t)e->base);
		hash = explore_mix(hash, explore_object(e, op->object)->written);
	}
	if (op->hardware)
		hash = explore_mix(hash, explore_object(e, EXPLORE_THE_HARDWARE)->written);
	return hash;
}

/* The state in which the last event of @thread has the hash @chain. */
static uint64_t state_hash(const struct explore *e, unsigned int thread, uint64_t chain)
{
	uint64_t hash = 1;

	for (unsigned int t = 0; t < e->num_threads; t++)
		hash = explore_mix(hash, t == thread ? chain : e->thread[t].chain);
	return hash | 1;
}

uint64_t explore_state_after(struct explore *e, unsigned int thread)
{
	return state_hash(e, thread, event_hash(e, thread, &e->thread[thread].pending));
}

static void tell(struct explore *e, const struct explore_op *op)
{
	char line[256], object[64] = "", where[128] = "";

	if (op->object)
		explore_object_name(e, op->object, object, sizeof(object));
	if (op->pc)
		explore_where(op->pc, where, sizeof(where));
	snprintf(line, sizeof(line), "%5u  thread %u  %-8s %-24s %s", e->step, e->current,
		 explore_kind_name(op->kind), object, where);
	e->trace(e->trace_context, line);
}

static void count_step(struct explore *e, const struct explore_op *op)
{
	const uint64_t what = (op->object ? op->object - (uintptr_t)e->base : 0) * 64 + op->kind;

	e->trace_hash = explore_mix(e->trace_hash, what * EXPLORE_THREADS + e->current);
	for (unsigned int u = 0; u < e->num_threads; u++)
		if (u != e->current)
			e->thread[u].idle = 0;
	if (op->kind == EXPLORE_RELAX)
		e->thread[e->current].idle++;
	if (++e->step > EXPLORE_MAX_STEPS)
		explore_fail("no end after %u operations", e->step);
}

void explore_event(struct explore *e, const struct explore_op *op)
{
	struct explore_thread *t = &e->thread[e->current];
	const uint64_t hash = event_hash(e, e->current, op);

	if (e->trace)
		tell(e, op);
	t->chain = hash;
	if (e->expected && e->expected != state_hash(e, e->current, hash)) {
		fprintf(stderr,
			"explore: %s is not deterministic: something is kept outside of "
			"the port's memory\n",
			e->race->name);
		exit(2);
	}
	e->expected = 0;
	count_step(e, op);
	if (op->object) {
		struct explore_object *o = explore_object(e, op->object);

		learn(e, o, op->changes);
		if (op->changes)
			o->written = hash;
	}
	if (op->hardware) {
		struct explore_object *o = explore_object(e, EXPLORE_THE_HARDWARE);

		learn(e, o, op->hardware_changes);
		if (op->hardware_changes)
			o->written = hash;
	}
}

/* ---- who goes on ------------------------------------------------------------------------------- */

static bool can_go_on(struct explore *e, unsigned int thread)
{
	const struct explore_thread *t = &e->thread[thread];

	if (t->ended)
		return false;
	return t->pending.kind != EXPLORE_LOCK || !explore_object(e, t->pending.object)->owner;
}

static unsigned int who_can(struct explore *e)
{
	unsigned int can = 0, busy = 0;

	for (unsigned int t = 0; t < e->num_threads; t++) {
		if (!can_go_on(e, t))
			continue;
		can |= 1u << t;
		if (e->thread[t].idle < EXPLORE_IDLE)
			busy |= 1u << t;
	}
	/* One that waits in a loop lets the others move. */
	return busy ? busy : can;
}

static void deadlock(struct explore *e)
{
	char text[400] = "";
	size_t used = 0;

	for (unsigned int t = 0; t < e->num_threads; t++) {
		char object[64];

		if (e->thread[t].ended)
			continue;
		explore_object_name(e, e->thread[t].pending.object, object, sizeof(object));
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, ", thread %u waits for %s of thread %u",
			t, object, explore_object(e, e->thread[t].pending.object)->owner - 1u);
		if (used >= sizeof(text))
			break;
	}
	explore_fail("deadlock%s", text);
}

static void go_to(struct explore *e, unsigned int next)
{
	struct explore_thread *from = e->current == EXPLORE_NOBODY ? NULL : &e->thread[e->current];

	if (next == e->current)
		return;
	e->switches += from != NULL;
	e->current = next;
	swapcontext(from ? &from->context : &e->main, &e->thread[next].context);
}

void explore_stop(struct explore *e)
{
	e->running = false;
	setcontext(&e->main);
	abort();
}

/* A seed says where a thread other than the usual one goes on. */
static unsigned int by_seed(struct explore *e, unsigned int can, unsigned int usual)
{
	const unsigned int at = e->replayed;
	unsigned int next;

	if (at == e->num_deviations || e->deviation[at].step != e->step)
		return usual;
	next = e->deviation[at].thread;
	e->replayed++;
	if (can & 1u << next)
		return next;
	explore_fail("the seed does not fit: thread %u cannot go on at %u", next, e->step);
}

static void note(struct explore *e, unsigned int next)
{
	if (e->num_deviations == EXPLORE_DEVIATIONS) {
		fprintf(stderr, "explore: %s: a schedule with too many switches\n", e->race->name);
		exit(2);
	}
	e->deviation[e->num_deviations].step = e->step;
	e->deviation[e->num_deviations].thread = (uint8_t)next;
	e->num_deviations++;
}

static void decide(struct explore *e)
{
	const unsigned int can = who_can(e), me = e->current;
	const bool i_can = me != EXPLORE_NOBODY && (can & 1u << me);
	unsigned int usual, next;

	if (!can) {
		for (unsigned int t = 0; t < e->num_threads; t++)
			if (!e->thread[t].ended)
				deadlock(e);
		e->cut = !e->replaying && !explore_is_new_end(e, state_hash(e, EXPLORE_NOBODY, 0));
		explore_stop(e);
	}
	usual = i_can ? me : (unsigned int)__builtin_ctz(can);
	next = usual;
	if (e->replaying) {
		next = by_seed(e, can, usual);
	} else if (!i_can || concerns_others(e, &e->thread[me].pending)) {
		e->points += !!(can & (can - 1));
		if (!explore_choose(e, can, i_can, &next)) {
			e->cut = true;
			explore_stop(e);
		}
		if (next != usual)
			note(e, next);
	}
	e->cost += i_can && next != me;
	go_to(e, next);
}

/* Most operations are nobody else's business, as far as is known: no choice, and no place in the order. */
static bool is_private(struct explore *e, const struct explore_op *op)
{
	struct explore_object *o;

	if (e->options.plain || e->replaying || op->hardware || !op->object ||
	    op->kind == EXPLORE_LOCK || op->kind == EXPLORE_UNLOCK)
		return false;
	o = explore_object(e, op->object);
	if (o->shared)
		return false;
	learn(e, o, op->changes);
	return !o->shared;
}

void explore_point(struct explore *e, const struct explore_op *op)
{
	if (is_private(e, op)) {
		count_step(e, op);
		return;
	}
	e->thread[e->current].pending = *op;
	decide(e);
	explore_event(e, op);
}

/* ---- one schedule ------------------------------------------------------------------------------ */

static void thread_main(void)
{
	struct explore *e = explore_now;
	const unsigned int me = e->current;

	explore_event(e, &e->thread[me].pending);
	e->race->thread[me](e->state);
	e->thread[me].ended = true;
	decide(e);
	abort();
}

static void prepare(struct explore *e, unsigned int index)
{
	struct explore_thread *t = &e->thread[index];

	memset(&t->pending, 0, sizeof(t->pending));
	memset(&t->clock, 0, sizeof(t->clock));
	memset(&t->fence_acquire, 0, sizeof(t->fence_acquire));
	memset(&t->fence_release, 0, sizeof(t->fence_release));
	t->ended = false;
	t->idle = 0;
	t->chain = index + 1;
	t->now_ns = 0;
	t->clock.at[index] = 1;
	/* What getcontext() asks the system for does not change. */
	if (e->run == 1)
		getcontext(&t->context);
	t->context.uc_stack.ss_sp = e->base + index * EXPLORE_STACK;
	t->context.uc_stack.ss_size = EXPLORE_STACK;
	t->context.uc_link = NULL;
	makecontext(&t->context, thread_main, 0);
}

/* The processor refuses: a pointer was wrong. */
static void on_signal(int number)
{
	struct explore *e = explore_now;

	if (!e || !(e->running || e->checking)) {
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	if (e->checking)
		explore_fail("check: %s", strsignal(number));
	explore_fail("thread %u: %s", e->current, strsignal(number));
}

static const int signals[EXPLORE_SIGNALS] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };

void explore_signals(struct explore *e, bool on)
{
	static uint8_t signal_stack[64 << 10];
	const stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	const struct sigaction action = { .sa_handler = on_signal,
					  .sa_flags = SA_ONSTACK | SA_NODEFER };

	if (on)
		sigaltstack(&stack, NULL);
	for (size_t i = 0; i < EXPLORE_SIGNALS; i++)
		sigaction(signals[i], on ? &action : &e->signals[i], on ? &e->signals[i] : NULL);
}

void explore_run(struct explore *e)
{
	volatile bool begun = false;

	explore_memory_restore(e);
	e->run++;
	e->step = 0;
	e->cost = 0;
	e->switches = 0;
	e->points = 0;
	e->failed = false;
	e->cut = false;
	e->trace_hash = 0;
	e->expected = 0;
	e->at_node = 0;
	if (!e->replaying)
		e->num_deviations = 0;
	e->replayed = 0;
	for (unsigned int t = 0; t < e->num_threads; t++)
		prepare(e, t);

	getcontext(&e->main);
	if (!begun) {
		begun = true;
		e->current = EXPLORE_NOBODY;
		e->running = true;
		decide(e);
	}
	e->running = false;
	e->current = EXPLORE_NOBODY;
	if (e->failed || e->cut || !e->race->check)
		return;
	/* A check that fails comes back here too. */
	begun = false;
	getcontext(&e->main);
	if (!begun) {
		begun = true;
		e->checking = true;
		e->race->check(e->state);
	}
	e->checking = false;
}
