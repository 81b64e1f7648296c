/* SPDX-License-Identifier: MIT */
/*
 * host.c - the least of a port that models need: the host is a counter of live allocations
 */
#include <pthread.h>
#include <stdlib.h>

#include <uiommu/port.h>

void *uiommu_port_alloc(void *host, size_t size)
{
	++*(int *)host;
	return calloc(1, size);
}

void uiommu_port_free(void *host, void *mem, size_t size)
{
	(void)size;
	if (mem)
		--*(int *)host;
	free(mem);
}

int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	return pthread_mutex_init((pthread_mutex_t *)(void *)mutex, NULL);
}

void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	pthread_mutex_destroy((pthread_mutex_t *)(void *)mutex);
}

void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	pthread_mutex_lock((pthread_mutex_t *)(void *)mutex);
}

void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	pthread_mutex_unlock((pthread_mutex_t *)(void *)mutex);
}
