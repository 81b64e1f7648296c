/* SPDX-License-Identifier: MIT */
/* test.c - the host itself: reports, steps that fail, contexts, clock, log lines */
#include "ports/test/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ports/test/internal.h"

/* What is wrong, in a few words, and what to do about it. */
static const struct {
	const char *what, *advice;
} rules[UIOMMU_TEST_RULES] = {
	[UIOMMU_TEST_DOUBLE_FREE] = { "memory freed twice", "let one owner free it, once" },
	[UIOMMU_TEST_WILD_FREE] = { "memory freed that is not allocated",
				    "free what the same kind of allocation returned" },
	[UIOMMU_TEST_WRONG_SIZE] = { "memory freed with a wrong size",
				     "free with what it was allocated with" },
	[UIOMMU_TEST_BAD_SIZE] = { "allocation of an impossible size",
				   "ask for at least a byte, or an order of 0 to 10" },
	[UIOMMU_TEST_USE_AFTER_FREE] = { "memory used after it was freed",
					 "free it when nothing uses it any more" },
	[UIOMMU_TEST_OVERRUN] = { "memory used beside what was allocated", "stay inside" },
	[UIOMMU_TEST_MEMORY_LEAK] = { "memory never freed", "free it on every way out" },
	[UIOMMU_TEST_PHYS] = { "hardware told of memory that is not the library's pages",
			       "subtract uiommu_port_direct_map() from a pointer to live pages" },
	[UIOMMU_TEST_FLUSH] = { "cache flush of what is not pages",
				"flush at least a byte, inside of pages" },
	[UIOMMU_TEST_MUTEX_INIT] = { "mutex initialised over something",
				     "initialise zeroed memory, once" },
	[UIOMMU_TEST_MUTEX_UNKNOWN] = { "mutex used that is none",
					"initialise it before, destroy it after all use" },
	[UIOMMU_TEST_MUTEX_TWICE] = { "mutex taken twice by one thread",
				      "mutexes are not recursive" },
	[UIOMMU_TEST_MUTEX_NOT_OWNER] = { "mutex released by a thread that does not hold it",
					  "release it where it was taken" },
	[UIOMMU_TEST_MUTEX_ORDER] = { "mutexes taken in no order",
				      "keep to the order of uiommu_port_mutex_lock()" },
	[UIOMMU_TEST_MUTEX_DESTROYED_HELD] = { "mutex destroyed while it is held",
					       "release it before" },
	[UIOMMU_TEST_MUTEX_HELD] = { "mutex held where none may be", "release it before" },
	[UIOMMU_TEST_MUTEX_LEAK] = { "mutex never destroyed",
				     "destroy it before its memory is freed" },
	[UIOMMU_TEST_CONTEXT] = { "call in a context that forbids it",
				  "allocate and lock before, or after" },
	[UIOMMU_TEST_IRQ_REQUEST] = { "interrupt requested without a handler or a message",
				      "pass both" },
	[UIOMMU_TEST_IRQ_FREE] = { "interrupt freed that is not requested",
				   "free what the request returned, once" },
	[UIOMMU_TEST_IRQ_DEADLOCK] = { "interrupt freed where its handler cannot end",
				       "free it outside of the handler and of the handler's mutexes" },
	[UIOMMU_TEST_IRQ_MESSAGE] = { "interrupt message that nobody asked for",
				      "program what the request filled in, and mask before freeing" },
	[UIOMMU_TEST_IRQ_LEAK] = { "interrupt never freed", "free it on every way out" },
	[UIOMMU_TEST_LOG_LINE] = { "line that is none",
				   "at most 255 bytes, no newline, a known level" },
};

static const char *const step_names[UIOMMU_TEST_STEPS] = {
	[UIOMMU_TEST_ALLOC_PAGES] = "alloc_pages",
	[UIOMMU_TEST_ALLOC] = "alloc",
	[UIOMMU_TEST_MUTEX_INITS] = "mutex_init",
	[UIOMMU_TEST_IRQ_REQUESTS] = "irq_request",
};

/* A thread is known by the address of something of its own. */
const void *uiommu_test_me(void)
{
	static _Thread_local char me;

	return &me;
}

void uiommu_test_violation(struct uiommu_test *test, enum uiommu_test_rule rule, const char *format,
			   ...)
{
	char detail[LINE / 2 + 200];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	snprintf(test->last, sizeof(test->last), "%s: %s: %s", rules[rule].what, detail,
		 rules[rule].advice);
	test->count[rule]++;
	test->count[UIOMMU_TEST_RULES]++;
	if (!test->config.quiet)
		dprintf(STDERR_FILENO, "uiommu test port: %s\n", test->last);
}

unsigned int uiommu_test_count(struct uiommu_test *test, enum uiommu_test_rule rule)
{
	unsigned int count;

	test_lock(test);
	count = test->count[rule];
	test_unlock(test);
	return count;
}

const char *uiommu_test_last(struct uiommu_test *test)
{
	test_lock(test);
	memcpy(test->last_out, test->last, sizeof(test->last));
	test_unlock(test);
	return test->last_out;
}

unsigned long uiommu_test_live(struct uiommu_test *test)
{
	unsigned long live;

	test_lock(test);
	live = test->live_blocks + test->live_mutexes;
	for (int i = 0; i < MAX_IRQS; i++)
		live += test->irq[i].handler != NULL;
	test_unlock(test);
	return live;
}

/* ---- steps that fail --------------------------------------------------------------------------- */

bool uiommu_test_must_fail(struct uiommu_test *test, enum uiommu_test_step step,
			   const struct place *here)
{
	bool fail;

	test_lock(test);
	test->steps[step]++;
	test->steps[UIOMMU_TEST_STEPS]++;
	fail = test->fail_in && --test->fail_in == 0;
	if (fail) {
		char where[300];

		uiommu_test_place(here, where, sizeof(where));
		snprintf(test->failed, sizeof(test->failed), "%s in %s", step_names[step], where);
	}
	test_unlock(test);
	if (!fail && test->config.fail)
		fail = test->config.fail(test->config.context, step);
	return fail;
}

void uiommu_test_fail_nth(struct uiommu_test *test, unsigned long nth)
{
	test_lock(test);
	test->fail_in = nth;
	test->failed[0] = '\0';
	test_unlock(test);
}

const char *uiommu_test_failed(struct uiommu_test *test)
{
	return test->failed[0] ? test->failed : NULL;
}

unsigned long uiommu_test_steps(struct uiommu_test *test, enum uiommu_test_step step)
{
	unsigned long steps;

	test_lock(test);
	steps = test->steps[step];
	test_unlock(test);
	return steps;
}

const char *uiommu_test_step_name(enum uiommu_test_step step)
{
	return step_names[step];
}

/* ---- contexts ---------------------------------------------------------------------------------- */

void uiommu_test_forbid(struct uiommu_test *test, unsigned int what, const char *why)
{
	struct context **link = &test->contexts, *context;

	test_lock(test);
	while (*link && (*link)->thread != uiommu_test_me())
		link = &(*link)->next;
	context = *link;
	if (what && !context) {
		context = calloc(1, sizeof(*context));
		if (!context)
			abort();
		context->thread = uiommu_test_me();
		*link = context;
	}
	if (what) {
		context->forbidden = what;
		context->why = why;
	} else if (context) {
		*link = context->next;
		free(context);
	}
	test_unlock(test);
}

void uiommu_test_may_sleep(struct uiommu_test *test, unsigned int what, const char *call,
			   const struct place *here)
{
	for (struct context *c = test->contexts; c; c = c->next) {
		char where[300];

		if (c->thread != uiommu_test_me() || !(c->forbidden & what))
			continue;
		uiommu_test_place(here, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_CONTEXT, "%s by %s, but %s", call, where,
				      c->why);
	}
}

void uiommu_test_callback(struct uiommu_test *test, const char *name)
{
	test_lock(test);
	uiommu_test_none_held(test, name);
	test_unlock(test);
}

/* ---- time and words ---------------------------------------------------------------------------- */

uint64_t uiommu_port_now_ns(void *host)
{
	return ((struct uiommu_test *)host)->now;
}

void uiommu_port_relax(void *host)
{
	struct uiommu_test *test = host;

	test->now += test->config.relax_ns;
	if (test->config.relax)
		test->config.relax(test->config.context);
}

void uiommu_test_advance(struct uiommu_test *test, uint64_t ns)
{
	test->now += ns;
}

void uiommu_port_log(void *host, enum uiommu_log_level level, const char *line)
{
	struct uiommu_test *test = host;
	size_t length = line ? strlen(line) : 0;

	if (!line || length > 255 || strchr(line, '\n') || (unsigned int)level > UIOMMU_LOG_DEBUG) {
		struct place here = HERE();
		char where[300];

		test_lock(test);
		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_LOG_LINE,
				      "level %d, %zu bytes, \"%.40s\", by %s", (int)level, length,
				      line ? line : "(null)", where);
		test_unlock(test);
	}
	if (test->config.log && line)
		test->config.log(test->config.context, level, line);
}

/* ---- beginning and end ------------------------------------------------------------------------- */

int uiommu_test_create(const struct uiommu_test_config *config, struct uiommu_test **out)
{
	struct uiommu_test *test = calloc(1, sizeof(*test));
	int rc;

	if (!test)
		return -UIOMMU_ENOMEM;
	if (config)
		test->config = *config;
	if (!test->config.relax_ns)
		test->config.relax_ns = 1000;
	pthread_mutex_init(&test->lock, NULL);
	rc = uiommu_test_memory_init(test);
	if (rc) {
		pthread_mutex_destroy(&test->lock);
		free(test);
		return rc;
	}
	*out = test;
	return 0;
}

void uiommu_test_check_empty(struct uiommu_test *test)
{
	test_lock(test);
	uiommu_test_mutex_leaks(test);
	uiommu_test_irq_leaks(test);
	uiommu_test_memory_leaks(test);
	test_unlock(test);
}

unsigned int uiommu_test_destroy(struct uiommu_test *test)
{
	unsigned int count;

	if (!test)
		return 0;
	uiommu_test_check_empty(test);
	count = test->count[UIOMMU_TEST_RULES];
	uiommu_test_mutex_exit(test);
	uiommu_test_memory_exit(test);
	while (test->contexts) {
		struct context *context = test->contexts;

		test->contexts = context->next;
		free(context);
	}
	pthread_mutex_destroy(&test->lock);
	free(test);
	return count;
}
