/* SPDX-License-Identifier: MIT */
/*
 * host.c - the host of the core's tests: it counts, and runs out of memory on request
 *
 * tests/ports/core_host.c is the other one, over the port that polices the library.  This one keeps no
 * books under a lock of its own but counters, so a thread sanitizer sees the library's races.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/core/mock.h"

void mock_host_init(struct mock_host *host)
{
	host->port = host;
}

void mock_host_exit(struct mock_host *host)
{
	assert_int_equal(host->live, 0);
}

void mock_host_callback(struct mock_host *host, const char *name)
{
	(void)host;
	(void)name;
}

static bool may_alloc(struct mock_host *host)
{
	bool ok;

	pthread_mutex_lock(&host->lock);
	ok = host->fail_after != 0;
	if (host->fail_after > 0)
		host->fail_after--;
	if (ok)
		host->live++;
	pthread_mutex_unlock(&host->lock);
	return ok;
}

static void gave_back(struct mock_host *host)
{
	pthread_mutex_lock(&host->lock);
	host->live--;
	pthread_mutex_unlock(&host->lock);
}

void *uiommu_port_alloc(void *host, size_t size)
{
	return may_alloc(host) ? calloc(1, size) : NULL;
}

void uiommu_port_free(void *host, void *mem, size_t size)
{
	(void)size;
	if (mem)
		gave_back(host);
	free(mem);
}

void *uiommu_port_alloc_pages(void *host, unsigned int order)
{
	void *mem;

	if (!may_alloc(host))
		return NULL;
	mem = aligned_alloc(4096u << order, 4096u << order);
	memset(mem, 0, 4096u << order);
	return mem;
}

void uiommu_port_free_pages(void *host, void *pages, unsigned int order)
{
	(void)order;
	gave_back(host);
	free(pages);
}

uintptr_t uiommu_port_direct_map(void *host)
{
	(void)host;
	return 0;
}

int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex)
{
	if (!may_alloc(host))
		return -UIOMMU_ENOMEM;
	pthread_mutex_init((pthread_mutex_t *)mutex, NULL);
	return 0;
}

void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex)
{
	gave_back(host);
	if (pthread_mutex_destroy((pthread_mutex_t *)mutex))
		abort();
}

void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	pthread_mutex_lock((pthread_mutex_t *)mutex);
}

void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	pthread_mutex_unlock((pthread_mutex_t *)mutex);
}

void uiommu_port_relax(void *host)
{
	(void)host;
	sched_yield();
}

void uiommu_port_log(void *cookie, enum uiommu_log_level level, const char *line)
{
	struct mock_host *host = cookie;

	pthread_mutex_lock(&host->lock);
	host->warnings += level == UIOMMU_LOG_WARN;
	host->errors += level == UIOMMU_LOG_ERROR;
	pthread_mutex_unlock(&host->lock);
	if (getenv("MOCK_VERBOSE"))
		fprintf(stderr, "# %s\n", line);
}
