/* SPDX-License-Identifier: MIT */
/* core_host.c - the core's tests over the port that polices the library: no violation is allowed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ports/test/test.h"
#include "tests/core/mock.h"

/* Interrupts aside, what fails is memory: the tests count allocations and mutexes alike. */
static bool must_fail(void *context, enum uiommu_test_step step)
{
	struct mock_host *host = context;
	bool now;

	(void)step;
	pthread_mutex_lock(&host->lock);
	now = host->fail_after == 0;
	if (host->fail_after > 0)
		host->fail_after--;
	pthread_mutex_unlock(&host->lock);
	return now;
}

static void count_line(void *context, enum uiommu_log_level level, const char *line)
{
	struct mock_host *host = context;

	(void)line;
	pthread_mutex_lock(&host->lock);
	host->warnings += level == UIOMMU_LOG_WARN;
	host->errors += level == UIOMMU_LOG_ERROR;
	pthread_mutex_unlock(&host->lock);
}

void mock_host_init(struct mock_host *host)
{
	const struct uiommu_test_config config = { .fail = must_fail,
						   .log = count_line,
						   .context = host };
	struct uiommu_test *test;

	assert_int_equal(uiommu_test_create(&config, &test), 0);
	host->port = test;
}

void mock_host_exit(struct mock_host *host)
{
	assert_int_equal(uiommu_test_destroy(host->port), 0);
	host->port = NULL;
}

void mock_host_callback(struct mock_host *host, const char *name)
{
	uiommu_test_callback(host->port, name);
}
