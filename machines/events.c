/* SPDX-License-Identifier: MIT */
/*
 * events.c - what happened on a machine: faults, reports of models, warnings, and the hooks behind them
 *
 * Each list keeps the last entries of a ring; entry 0 is the oldest that is kept.  The machine's own lock
 * guards them; it is a leaf.
 */
#include <stdio.h>
#include <string.h>

#include "machines/events.h"

static const struct uiommu_posix_hooks *others(const struct machine *m)
{
	static const struct uiommu_posix_hooks none;

	return m->options.hooks ? m->options.hooks : &none;
}

static const struct uiommu_posix_hooks *hardware(const struct machine *m)
{
	static const struct uiommu_posix_hooks none;

	return m->hw_hooks ? m->hw_hooks : &none;
}

static bool on_fail(void *context, enum uiommu_posix_step step, size_t size)
{
	const struct uiommu_posix_hooks *h = others(context);

	return h->fail && h->fail(h->context, step, size);
}

static void on_pages_added(void *context, uiommu_phys_t phys, uint64_t size)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	if (h->pages_added)
		h->pages_added(h->context, phys, size);
	if (o->pages_added)
		o->pages_added(o->context, phys, size);
}

static void on_pages_removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	if (h->pages_removed)
		h->pages_removed(h->context, phys, size);
	if (o->pages_removed)
		o->pages_removed(o->context, phys, size);
}

static void on_user_pages_added(void *context, uiommu_phys_t phys, uint64_t size)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	if (h->user_pages_added)
		h->user_pages_added(h->context, phys, size);
	if (o->user_pages_added)
		o->user_pages_added(o->context, phys, size);
}

static void on_user_pages_removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	if (h->user_pages_removed)
		h->user_pages_removed(h->context, phys, size);
	if (o->user_pages_removed)
		o->user_pages_removed(o->context, phys, size);
}

static void on_cache_flush(void *context, uiommu_phys_t phys, uint64_t size)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	if (h->cache_flush)
		h->cache_flush(h->context, phys, size);
	if (o->cache_flush)
		o->cache_flush(o->context, phys, size);
}

static void on_relax(void *context)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	if (h->relax)
		h->relax(h->context);
	if (o->relax)
		o->relax(o->context);
}

static bool on_user_write_fails(void *context, uint64_t to, size_t size)
{
	const struct uiommu_posix_hooks *o = others(context);

	return o->user_write_fails && o->user_write_fails(o->context, to, size);
}

static void on_mutex_locking(void *context, struct uiommu_mutex *mutex)
{
	const struct uiommu_posix_hooks *o = others(context);

	if (o->mutex_locking)
		o->mutex_locking(o->context, mutex);
}

static void on_mutex_unlocked(void *context, struct uiommu_mutex *mutex)
{
	const struct uiommu_posix_hooks *o = others(context);

	if (o->mutex_unlocked)
		o->mutex_unlocked(o->context, mutex);
}

static uint64_t on_now_ns(void *context)
{
	const struct uiommu_posix_hooks *h = hardware(context), *o = others(context);

	return o->now_ns ? o->now_ns(o->context) : h->now_ns(h->context);
}

static void on_log(void *context, enum uiommu_log_level level, const char *line)
{
	struct machine *m = context;
	const struct uiommu_posix_hooks *o = others(m);

	if (level <= UIOMMU_LOG_WARN) {
		pthread_mutex_lock(&m->lock);
		snprintf(m->warnings[m->num_warnings++ % MACHINE_LINES], sizeof(m->warnings[0]),
			 "%s", line);
		pthread_mutex_unlock(&m->lock);
	}
	if (o->log)
		o->log(o->context, level, line);
}

static void on_report(void *context, const struct model_report *report)
{
	struct machine *m = context;

	pthread_mutex_lock(&m->lock);
	m->reports[m->num_reports++ % MACHINE_LINES] = *report;
	pthread_mutex_unlock(&m->lock);
}

void machine_on_fault(void *context, const struct uiommu_fault *fault)
{
	struct machine *m = context;

	pthread_mutex_lock(&m->lock);
	m->faults[m->num_faults++ % MACHINE_FAULTS] = *fault;
	pthread_mutex_unlock(&m->lock);
}

void machine_connect(struct machine *m)
{
	const struct uiommu_posix_hooks *o = others(m), *h;

	m->hw_hooks = m->hw->ops->hooks ? m->hw->ops->hooks(m->hw) : NULL;
	h = hardware(m);
	m->hooks = (struct uiommu_posix_hooks){
		.context = m,
		.fail = on_fail,
		.pages_added = on_pages_added,
		.pages_removed = on_pages_removed,
		.user_pages_added = on_user_pages_added,
		.user_pages_removed = on_user_pages_removed,
		.user_write_fails = on_user_write_fails,
		.cache_flush = on_cache_flush,
		.relax = on_relax,
		.mutex_locking = o->mutex_locking ? on_mutex_locking : NULL,
		.mutex_unlocked = o->mutex_unlocked ? on_mutex_unlocked : NULL,
		.log = on_log,
		.now_ns = o->now_ns || h->now_ns ? on_now_ns : NULL,
	};
	m->hw->report = on_report;
	m->hw->report_context = m;
}

/* ---- the lists --------------------------------------------------------------------------------- */

static size_t kept(size_t count, size_t room)
{
	return count < room ? count : room;
}

/* Where the entry stands that is number @index of those kept. */
static size_t place(size_t count, size_t room, size_t index)
{
	return (count - kept(count, room) + index) % room;
}

size_t machine_num_faults(struct machine *m)
{
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = kept(m->num_faults, MACHINE_FAULTS);
	pthread_mutex_unlock(&m->lock);
	return n;
}

const struct uiommu_fault *machine_fault(struct machine *m, size_t index)
{
	return &m->faults[place(m->num_faults, MACHINE_FAULTS, index)];
}

void machine_clear_faults(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	m->num_faults = 0;
	pthread_mutex_unlock(&m->lock);
}

size_t machine_num_reports(struct machine *m)
{
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = kept(m->num_reports, MACHINE_LINES);
	pthread_mutex_unlock(&m->lock);
	return n;
}

const struct model_report *machine_report(struct machine *m, size_t index)
{
	return &m->reports[place(m->num_reports, MACHINE_LINES, index)];
}

void machine_clear_reports(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	m->num_reports = 0;
	pthread_mutex_unlock(&m->lock);
}

size_t machine_num_warnings(struct machine *m)
{
	size_t n;

	pthread_mutex_lock(&m->lock);
	n = kept(m->num_warnings, MACHINE_LINES);
	pthread_mutex_unlock(&m->lock);
	return n;
}

const char *machine_warning(struct machine *m, size_t index)
{
	return m->warnings[place(m->num_warnings, MACHINE_LINES, index)];
}

void machine_clear_warnings(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	m->num_warnings = 0;
	pthread_mutex_unlock(&m->lock);
}
