/* SPDX-License-Identifier: MIT */
/*
 * happens.c - which accesses are ordered by locks and atomics, and which are data races
 *
 * A vector clock for each thread, in the way of FastTrack and ThreadSanitizer: a thread's own component
 * counts its releases; acquiring takes over what was released.  For each byte of memory the clocks of the
 * last plain read and write of each thread are kept, for each granule those of the atomic accesses.
 *
 * Orders are those of C11 as the source has them: a relaxed load or store orders nothing but through
 * fences.  (The values that loads see are those of sequential consistency all the same.)
 *
 * What was freed must not be touched, and the free is a write to all of it.
 */
#include <stdio.h>
#include <string.h>

#include "ports/explore/internal.h"

static void join(struct explore_vector *to, const struct explore_vector *from)
{
	for (unsigned int i = 0; i < EXPLORE_THREADS; i++)
		if (to->at[i] < from->at[i])
			to->at[i] = from->at[i];
}

/* ---- acquire and release ----------------------------------------------------------------------- */

/* Weak: a relaxed load, which counts only with a fence behind it. */
void explore_acquire(struct explore *e, uintptr_t object, bool weak)
{
	struct explore_thread *t = &e->thread[e->current];
	const struct explore_object *o = explore_object(e, object);

	join(weak ? &t->fence_acquire : &t->clock, &o->released);
}

/* Weak: a relaxed store, which counts only with a fence before it.  Keep: what it replaces still counts. */
void explore_release(struct explore *e, uintptr_t object, bool weak, bool keep)
{
	struct explore_thread *t = &e->thread[e->current];
	struct explore_object *o = explore_object(e, object);

	if (!keep)
		memset(&o->released, 0, sizeof(o->released));
	join(&o->released, weak ? &t->fence_release : &t->clock);
	if (!weak)
		t->clock.at[e->current]++;
}

void explore_fence(struct explore *e, bool acquire, bool release)
{
	struct explore_thread *t = &e->thread[e->current];

	if (acquire)
		join(&t->clock, &t->fence_acquire);
	if (release) {
		t->fence_release = t->clock;
		t->clock.at[e->current]++;
	}
}

/* ---- accesses ---------------------------------------------------------------------------------- */

static struct explore_cell *cell_at(struct explore *e, uintptr_t address)
{
	struct explore_cell *cell = &e->cells[(address - (uintptr_t)e->base) / EXPLORE_GRANULE];

	if (cell->run != e->run) {
		memset(cell, 0, sizeof(*cell));
		cell->run = e->run;
	}
	return cell;
}

static void report(struct explore *e, uintptr_t address, const char *what, uintptr_t pc,
		   unsigned int other, const char *other_what, uintptr_t other_pc)
{
	char object[64];

	if (e->options.races_allowed)
		return;
	explore_object_name(e, address, object, sizeof(object));
	explore_fail("data race at %s: thread %u %s in {%zx}, thread %u %s in {%zx}", object,
		     e->current, what, (size_t)pc, other, other_what, (size_t)other_pc);
}

static void check_freed(struct explore *e, uintptr_t address, uintptr_t pc)
{
	if (e->freed[(address - (uintptr_t)e->base) / EXPLORE_GRANULE] != e->run)
		return;
	explore_fail("thread %u uses freed memory in {%zx}", e->current, (size_t)pc);
}

/* Is one of the bytes [from, to) later than what is known? */
static bool later(const explore_clock *at, unsigned int from, unsigned int to, explore_clock known)
{
	bool is = false;

	for (unsigned int b = from; b < to; b++)
		is |= at[b] > known;
	return is;
}

/* Bytes [from, to) of one granule. */
static void access_cell(struct explore *e, uintptr_t address, unsigned int from, unsigned int to,
			bool write, uintptr_t pc)
{
	struct explore_cell *c = cell_at(e, address);
	const unsigned int me = e->current;
	const struct explore_vector *now = &e->thread[me].clock;
	explore_clock *mine = write ? c->write[me] : c->read[me];
	bool again = true;

	check_freed(e, address, pc);
	/* A second access in the same epoch: whoever came between has been judged. */
	for (unsigned int b = from; b < to; b++)
		again &= mine[b] == now->at[me];
	if (again)
		return;
	for (unsigned int u = 0; u < e->num_threads; u++) {
		const explore_clock known = now->at[u];

		if (u == me)
			continue;
		if (later(c->write[u], from, to, known))
			report(e, address, write ? "writes" : "reads", pc, u, "wrote",
			       c->write_pc[u]);
		else if (later(c->atomic_write[u], from, to, known))
			report(e, address, write ? "writes" : "reads", pc, u, "wrote atomically",
			       c->write_pc[u]);
		else if (write && later(c->read[u], from, to, known))
			report(e, address, "writes", pc, u, "read", c->read_pc[u]);
		else if (write && later(c->atomic_read[u], from, to, known))
			report(e, address, "writes", pc, u, "read atomically", c->read_pc[u]);
	}
	for (unsigned int b = from; b < to; b++)
		mine[b] = now->at[me];
	if (write)
		c->write_pc[me] = pc;
	else
		c->read_pc[me] = pc;
}

void explore_access(struct explore *e, uintptr_t address, size_t size, bool write, uintptr_t pc)
{
	const uintptr_t end = address + size;

	while (address < end) {
		const unsigned int from = address % EXPLORE_GRANULE;
		const uintptr_t next = address - from + EXPLORE_GRANULE;
		const unsigned int to = next <= end ? EXPLORE_GRANULE :
						      from + (unsigned int)(end - address);

		access_cell(e, address, from, to, write, pc);
		address = next;
	}
}

/* Atomic ones race with plain ones only. */
void explore_atomic_access(struct explore *e, uintptr_t address, size_t size, bool write,
			   uintptr_t pc)
{
	struct explore_cell *c = cell_at(e, address);
	const unsigned int me = e->current, from = address % EXPLORE_GRANULE;
	const unsigned int to = from + size > EXPLORE_GRANULE ? EXPLORE_GRANULE :
								from + (unsigned int)size;
	const struct explore_vector *now = &e->thread[me].clock;

	check_freed(e, address, pc);
	for (unsigned int u = 0; u < e->num_threads; u++) {
		for (unsigned int b = from; u != me && b < to; b++) {
			if (c->write[u][b] > now->at[u])
				report(e, address, write ? "writes atomically" : "reads atomically",
				       pc, u, "wrote", c->write_pc[u]);
			if (write && c->read[u][b] > now->at[u])
				report(e, address, "writes atomically", pc, u, "read",
				       c->read_pc[u]);
		}
	}
	for (unsigned int b = from; b < to; b++) {
		if (write)
			c->atomic_write[me][b] = now->at[me];
		else
			c->atomic_read[me][b] = now->at[me];
	}
	if (write)
		c->write_pc[me] = pc;
	else
		c->read_pc[me] = pc;
}

/* Memory is given back: whoever still uses it, or will, is wrong. */
void explore_freed(struct explore *e, uintptr_t address, size_t size, uintptr_t pc)
{
	const uintptr_t end = address + size;

	for (uintptr_t at = address; at < end; at += EXPLORE_GRANULE) {
		const size_t granule = (at - (uintptr_t)e->base) / EXPLORE_GRANULE;

		if (e->freed[granule] == e->run)
			explore_fail("thread %u frees memory twice in {%zx}", e->current,
				     (size_t)pc);
		if (e->cells[granule].run == e->run)
			access_cell(e, at, 0, EXPLORE_GRANULE, true, pc);
		e->freed[granule] = e->run;
	}
}
