/* SPDX-License-Identifier: MIT */
/*
 * test.h - the port that polices the library
 *
 * A complete host over the memory of a process that checks whatever uiommu/port.h asks of its caller:
 * who frees what and how, what is used after it was given back, which thread unlocks which mutex and in
 * which order mutexes are taken, which memory hardware is told of, what is never given back.  Each
 * violation is one line (what, where, what to do) and is counted; the test that caused it asserts that
 * the count is 0.  After a violation the port goes on as well as it can.
 *
 *	struct uiommu_test *host;
 *
 *	uiommu_test_create(NULL, &host);
 *	... a system with .host = host, a life ...
 *	assert_int_equal(uiommu_test_destroy(host), 0);
 *
 * Each piece of memory lies on pages of its own, behind it a page that cannot be touched; freed memory
 * is filled with UIOMMU_TEST_POISON and cannot be touched either.  A stray access is caught by a handler
 * of SIGSEGV, reported with its place, and let through.
 *
 * Not checked: whether an IOMMU can still reach pages that are freed (models know that).  The port keeps
 * books under a lock of its own, which hides some races from ThreadSanitizer: race tests are to be
 * run over the posix port as well.
 *
 * Thread-safety: everything but create and destroy may be called by several threads.  Linux.
 */
#ifndef UIOMMU_PORT_TEST_H
#define UIOMMU_PORT_TEST_H

#include <uiommu/port.h>

struct uiommu_test;

#define UIOMMU_TEST_POISON 0xdbu

/* What can be violated. */
enum uiommu_test_rule {
	UIOMMU_TEST_DOUBLE_FREE, /* memory is freed that is free */
	UIOMMU_TEST_WILD_FREE, /* memory is freed that was never allocated, or by the other function */
	UIOMMU_TEST_WRONG_SIZE, /* freed with another size or order */
	UIOMMU_TEST_BAD_SIZE, /* an allocation of 0 bytes or an order above 10 */
	UIOMMU_TEST_USE_AFTER_FREE, /* memory is touched after it was freed */
	UIOMMU_TEST_OVERRUN, /* memory is touched beside what was allocated */
	UIOMMU_TEST_MEMORY_LEAK,
	UIOMMU_TEST_PHYS, /* hardware was told of memory that is not the library's pages */
	UIOMMU_TEST_FLUSH, /* a cache flush of nothing, or outside of pages */
	UIOMMU_TEST_MUTEX_INIT, /* over memory that is not zero, or twice */
	UIOMMU_TEST_MUTEX_UNKNOWN, /* use of a mutex that was not initialised, or is destroyed */
	UIOMMU_TEST_MUTEX_TWICE, /* taken by a thread that holds it */
	UIOMMU_TEST_MUTEX_NOT_OWNER, /* released by a thread that does not hold it */
	UIOMMU_TEST_MUTEX_ORDER, /* taken in both orders, or two of one kind downwards */
	UIOMMU_TEST_MUTEX_DESTROYED_HELD,
	UIOMMU_TEST_MUTEX_HELD, /* still held where none may be */
	UIOMMU_TEST_MUTEX_LEAK, /* never destroyed, or its memory freed before */
	UIOMMU_TEST_CONTEXT, /* an allocation or a mutex where uiommu_test_forbid() forbids it */
	UIOMMU_TEST_IRQ_REQUEST, /* without a handler or room for the message */
	UIOMMU_TEST_IRQ_FREE, /* of an interrupt that is not requested */
	UIOMMU_TEST_IRQ_DEADLOCK, /* freed by its handler, or under a mutex that its handler takes */
	UIOMMU_TEST_IRQ_MESSAGE, /* hardware writes a message that no interrupt has */
	UIOMMU_TEST_IRQ_LEAK,
	UIOMMU_TEST_LOG_LINE, /* a newline, more than 255 bytes, or an unknown level */
	UIOMMU_TEST_RULES
};

/* The steps that can fail. */
enum uiommu_test_step {
	UIOMMU_TEST_ALLOC_PAGES,
	UIOMMU_TEST_ALLOC,
	UIOMMU_TEST_MUTEX_INITS,
	UIOMMU_TEST_IRQ_REQUESTS,
	UIOMMU_TEST_STEPS
};

/* All of it may be zero. */
struct uiommu_test_config {
	bool quiet; /* violations are kept and counted, not written to stderr */
	bool no_interrupts; /* uiommu_port_irq_request() returns -UIOMMU_EOPNOTSUPP */
	uint64_t relax_ns; /* what a turn of waiting takes on the fake clock; 0: a microsecond */
	uint64_t ram_size; /* of addresses, a multiple of 4 MiB; 0: 256 MiB */

	/* Each may be NULL.  Called without the port's own lock. */
	bool (*fail)(void *context, enum uiommu_test_step step); /* true: fail this one */
	void (*relax)(void *context); /* time for hardware to do something */
	void (*flushed)(void *context, uiommu_phys_t phys, size_t size);
	/* Pages came into use, zeroed, or are about to be freed: for the registry of a model. */
	void (*pages_added)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*pages_removed)(void *context, uiommu_phys_t phys, uint64_t size);
	void (*log)(void *context, enum uiommu_log_level level, const char *line);
	void *context;
};

/** uiommu_test_create() - a host; 0 or -UIOMMU_ENOMEM; @config is copied, NULL means all zero */
int uiommu_test_create(const struct uiommu_test_config *config, struct uiommu_test **out);

/** uiommu_test_destroy() - check that nothing is left, free the host; how many violations in all */
unsigned int uiommu_test_destroy(struct uiommu_test *test);

/** uiommu_test_check_empty() - report what is still allocated, initialised, requested or held */
void uiommu_test_check_empty(struct uiommu_test *test);

/** uiommu_test_count() - violations of one rule; UIOMMU_TEST_RULES: of all */
unsigned int uiommu_test_count(struct uiommu_test *test, enum uiommu_test_rule rule);

/** uiommu_test_last() - the line of the latest violation, "" if there was none; valid until the next */
const char *uiommu_test_last(struct uiommu_test *test);

/** uiommu_test_live() - pieces of memory, mutexes and interrupts that are not given back */
unsigned long uiommu_test_live(struct uiommu_test *test);

/* ---- failing on purpose ------------------------------------------------------------------------ */

/**
 * uiommu_test_fail_nth() - the @nth step from now fails, whatever it is
 * @test: the host
 * @nth: 1: the very next; 0: none
 *
 * A sweep counts up until uiommu_test_failed() says NULL: then a whole run had no Nth step.
 */
void uiommu_test_fail_nth(struct uiommu_test *test, unsigned long nth);

/** uiommu_test_failed() - kind and place of the step that failed, NULL if none did */
const char *uiommu_test_failed(struct uiommu_test *test);

/** uiommu_test_steps() - how many steps of a kind there were; UIOMMU_TEST_STEPS: of all kinds */
unsigned long uiommu_test_steps(struct uiommu_test *test, enum uiommu_test_step step);

/** uiommu_test_step_name() - "alloc_pages", ...: a static string */
const char *uiommu_test_step_name(enum uiommu_test_step step);

/* ---- contexts ---------------------------------------------------------------------------------- */

enum uiommu_test_forbidden {
	UIOMMU_TEST_NO_ALLOC = 1u << 0, /* neither pages nor small allocations */
	UIOMMU_TEST_NO_SLEEP = 1u << 1, /* nothing that may sleep: allocations, mutexes, irq_free */
};

/**
 * uiommu_test_forbid() - from now on this thread may not do certain things
 * @test: the host
 * @what: enum uiommu_test_forbidden; 0: everything is allowed again
 * @why: for the report: "unmap may not allocate"; a static string
 */
void uiommu_test_forbid(struct uiommu_test *test, unsigned int what, const char *why);

/** uiommu_test_callback() - called first in a callback that the headers promise to call without locks */
void uiommu_test_callback(struct uiommu_test *test, const char *name);

/* ---- what hardware sees ------------------------------------------------------------------------ */

/**
 * uiommu_test_phys() - memory that hardware was told to use
 * @test: the host
 * @phys: a physical address that the library gave to hardware
 * @size: bytes
 *
 * Return: the memory; NULL, and a violation, if it is not inside of one live piece of pages.
 */
void *uiommu_test_phys(struct uiommu_test *test, uiommu_phys_t phys, uint64_t size);

/** uiommu_test_ram() - all memory there can be, for a model that keeps a registry of its own */
void *uiommu_test_ram(struct uiommu_test *test, uiommu_phys_t *phys, uint64_t *size);

/** uiommu_test_msi() - hardware writes an interrupt message; false, and a violation: nobody's */
bool uiommu_test_msi(struct uiommu_test *test, uint64_t address, uint32_t data);

/** uiommu_test_deliver() - run the handlers of pending messages here; how many ran */
unsigned int uiommu_test_deliver(struct uiommu_test *test);

/** uiommu_test_advance() - let time pass on the fake clock */
void uiommu_test_advance(struct uiommu_test *test, uint64_t ns);

#endif /* UIOMMU_PORT_TEST_H */
