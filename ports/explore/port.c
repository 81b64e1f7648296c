/* SPDX-License-Identifier: MIT */
/*
 * port.c - include/uiommu/port.h for explored code, and what a race may say
 *
 * A mutex is a name: who holds it is kept with the other objects (schedule.c) while threads run.  Misuse
 * fails the schedule.  Clocks are the threads' own and stand still but for waiting loops, so that one
 * thread's waiting is no business of another.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ports/explore/internal.h"

#define PC ((uintptr_t)__builtin_return_address(0))
#define MUTEX_ALIVE 0x6d75746578ull

struct explore_the_host {
	struct explore_host_config config;
	unsigned int warnings;
	char last[256];
	uint64_t now_ns;
};

static const char *bug_now;

static bool explored(const void *host)
{
	const struct explore_the_host *h = host;

	return explore_now->running && !h->config.own;
}

/* ---- for races --------------------------------------------------------------------------------- */

void explore_fail(const char *format, ...)
{
	struct explore *e = explore_now;
	va_list args;

	va_start(args, format);
	vsnprintf(e->failure, sizeof(e->failure), format, args);
	va_end(args);
	if (!e->set_up) {
		fprintf(stderr, "explore: %s: set-up: %s\n", e->race->name, e->failure);
		exit(2);
	}
	e->failed = true;
	explore_stop(e);
}

void *explore_alloc(size_t size)
{
	return explore_take(explore_now, size, 64);
}

void explore_name(const void *object, const char *name)
{
	explore_object(explore_now, (uintptr_t)object)->name = name;
}

void explore_touch(const void *object, bool changes)
{
	const struct explore_op op = { .kind = changes ? EXPLORE_CHANGE : EXPLORE_LOOK,
				       .object = (uintptr_t)object,
				       .pc = PC,
				       .changes = changes };

	if (explore_now->running)
		explore_point(explore_now, &op);
}

void explore_hardware(void)
{
	const struct explore_op op = {
		.kind = EXPLORE_HARDWARE, .pc = PC, .hardware = true, .hardware_changes = true
	};

	if (explore_now->running)
		explore_point(explore_now, &op);
}

unsigned int explore_self(void)
{
	return explore_now->running ? explore_now->current : EXPLORE_THREADS;
}

void *explore_host(const struct explore_host_config *config)
{
	struct explore_the_host *h = explore_alloc(sizeof(*h));

	h->config = *config;
	return h;
}

unsigned int explore_warnings(void *host, const char **last)
{
	const struct explore_the_host *h = host;

	if (last)
		*last = h->last;
	return h->warnings;
}

void *explore_memory(uint64_t *size)
{
	*size = EXPLORE_SIZE;
	return explore_now->base;
}

void explore_set_bug(const char *name)
{
	bug_now = name;
}

bool explore_bug(const char *name)
{
	return bug_now && explore_now && explore_now->running && strcmp(bug_now, name) == 0;
}

/* ---- memory ------------------------------------------------------------------------------------ */

static uiommu_phys_t phys_of(const void *mem)
{
	return EXPLORE_PHYS + (uint64_t)((const uint8_t *)mem - explore_now->base);
}

void *uiommu_port_alloc_pages(void *host, unsigned int order)
{
	struct explore *e = explore_now;
	const struct explore_the_host *h = host;
	const size_t size = (size_t)EXPLORE_PAGE << order;
	uint8_t *mem = explore_take(e, size, size);

	if (h->config.own)
		return mem;
	for (size_t i = 0; i < size; i += EXPLORE_PAGE)
		e->tables[(size_t)(mem + i - e->base) / EXPLORE_PAGE] = e->running ? e->run :
										     UINT32_MAX;
	if (h->config.pages_added)
		h->config.pages_added(h->config.context, phys_of(mem), size);
	return mem;
}

void uiommu_port_free_pages(void *host, void *pages, unsigned int order)
{
	const struct explore_the_host *h = host;
	const size_t size = (size_t)EXPLORE_PAGE << order;

	if (explored(host)) {
		/* From here on hardware that looks there is reported by its model. */
		const struct explore_op op = { .kind = EXPLORE_CHANGE, .pc = PC, .hardware = true };

		explore_point(explore_now, &op);
		explore_freed(explore_now, (uintptr_t)pages, size, PC);
	}
	if (h->config.pages_removed)
		h->config.pages_removed(h->config.context, phys_of(pages), size);
}

uintptr_t uiommu_port_direct_map(void *host)
{
	(void)host;
	return (uintptr_t)explore_now->base - (uintptr_t)EXPLORE_PHYS;
}

void uiommu_port_cache_flush(void *host, const void *start, size_t size)
{
	const struct explore_the_host *h = host;
	const struct explore_op op = { .kind = EXPLORE_CHANGE, .pc = PC, .hardware = true };

	if (!h->config.flushed)
		return;
	if (explored(host))
		explore_point(explore_now, &op);
	h->config.flushed(h->config.context, phys_of(start), size);
}

void *uiommu_port_alloc(void *host, size_t size)
{
	(void)host;
	return explore_take(explore_now, size, 16);
}

void uiommu_port_free(void *host, void *mem, size_t size)
{
	if (mem && explored(host))
		explore_freed(explore_now, (uintptr_t)mem, size, PC);
}

/* ---- mutexes ----------------------------------------------------------------------------------- */

int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	mutex->opaque[0] = MUTEX_ALIVE;
	return 0;
}

static void check_alive(void *host, const struct uiommu_mutex *mutex, uintptr_t pc)
{
	if (explored(host))
		explore_atomic_access(explore_now, (uintptr_t)mutex, 8, true, pc);
	if (mutex->opaque[0] != MUTEX_ALIVE)
		explore_fail("a mutex is used that does not exist, in {%zx}", (size_t)pc);
}

void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex)
{
	check_alive(host, mutex, PC);
	if (explored(host) && explore_object(explore_now, (uintptr_t)mutex)->owner)
		explore_fail("a locked mutex is destroyed in {%zx}", (size_t)PC);
	mutex->opaque[0] = 0;
}

void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex)
{
	struct explore *e = explore_now;
	const struct explore_op op = {
		.kind = EXPLORE_LOCK, .object = (uintptr_t)mutex, .pc = PC, .changes = true
	};

	if (explored(host)) {
		explore_point(e, &op);
		explore_object(e, (uintptr_t)mutex)->owner = (uint8_t)(e->current + 1);
		explore_acquire(e, (uintptr_t)mutex, false);
		check_alive(host, mutex, PC);
		return;
	}
	check_alive(host, mutex, PC);
	if (mutex->opaque[1])
		explore_fail("a mutex is locked twice in {%zx}", (size_t)PC);
	mutex->opaque[1] = 1;
}

void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex)
{
	struct explore *e = explore_now;
	const struct explore_op op = {
		.kind = EXPLORE_UNLOCK, .object = (uintptr_t)mutex, .pc = PC, .changes = true
	};

	check_alive(host, mutex, PC);
	if (explored(host)) {
		if (explore_object(e, (uintptr_t)mutex)->owner != e->current + 1)
			explore_fail("thread %u unlocks what it does not hold, in {%zx}",
				     e->current, (size_t)PC);
		explore_point(e, &op);
		explore_release(e, (uintptr_t)mutex, false, false);
		explore_object(e, (uintptr_t)mutex)->owner = 0;
		return;
	}
	if (!mutex->opaque[1])
		explore_fail("a mutex is unlocked twice in {%zx}", (size_t)PC);
	mutex->opaque[1] = 0;
}

/* ---- time, interrupts, words ------------------------------------------------------------------- */

uint64_t uiommu_port_now_ns(void *host)
{
	const struct explore_the_host *h = host;

	return explored(host) ? explore_now->thread[explore_now->current].now_ns : h->now_ns;
}

void uiommu_port_relax(void *host)
{
	struct explore_the_host *h = host;
	const struct explore_op op = {
		.kind = EXPLORE_RELAX, .pc = PC, .hardware = true, .hardware_changes = true
	};

	if (explored(host)) {
		explore_point(explore_now, &op);
		explore_now->thread[explore_now->current].now_ns += 1000000;
	} else {
		h->now_ns += 1000000;
	}
	if (h->config.relax)
		h->config.relax(h->config.context);
}

/* Whoever explores interrupts calls uiommu_instance_poll() from a thread. */
int uiommu_port_irq_request(void *host, void (*handler)(void *arg), void *arg,
			    struct uiommu_msi *msi)
{
	(void)host;
	(void)handler;
	(void)arg;
	(void)msi;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_irq_free(void *host, int irq)
{
	(void)host;
	(void)irq;
}

void uiommu_port_log(void *host, enum uiommu_log_level level, const char *line)
{
	struct explore_the_host *h = host;

	if (level > UIOMMU_LOG_WARN)
		return;
	h->warnings++;
	snprintf(h->last, sizeof(h->last), "%s", line);
}
