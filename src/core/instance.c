/* SPDX-License-Identifier: MIT */
/*
 * instance.c - hardware IOMMUs come and go
 *
 * An instance is listed before the probe mutex is taken and becomes ready with it held.  A device that
 * is probed in between finds it known but not ready, is deferred, and is adopted by the scan that
 * follows: nobody can miss it and nobody sees it half made.
 */
#include "src/core/core.h"

/* sys->table held */
struct uiommu_instance *uiommu_instance_find(struct uiommu_system *sys,
					     const struct uiommu_fwnode *fwnode)
{
	struct uiommu_instance *instance = sys->instances;

	while (instance && instance->fwnode != fwnode)
		instance = instance->next;
	return instance;
}

/* sys->table held */
int uiommu_defer_error(const struct uiommu_system *sys)
{
	switch (sys->config.defer_policy) {
	case UIOMMU_DEFER_NEVER:
		return -UIOMMU_ENODEV;
	case UIOMMU_DEFER_TIMED_OUT:
		return -UIOMMU_ETIMEDOUT;
	default:
		return -UIOMMU_EPROBE_DEFER;
	}
}

int uiommu_instance_register(struct uiommu_system *sys, struct uiommu_instance *instance)
{
	const struct uiommu_ops *ops = instance->ops;
	struct uiommu_instance **link;

	if (!ops || !ops->name || !ops->probe_device || !ops->device_group || !instance->fwnode)
		return -UIOMMU_EINVAL;

	uiommu_lock(sys, &sys->table);
	if (uiommu_instance_find(sys, instance->fwnode)) {
		uiommu_unlock(sys, &sys->table);
		return -UIOMMU_EEXIST;
	}
	instance->sys = sys;
	instance->next = NULL;
	instance->singleton_group = NULL;
	instance->num_devices = 0;
	instance->ready = false;
	for (link = &sys->instances; *link; link = &(*link)->next)
		;
	*link = instance;
	uiommu_unlock(sys, &sys->table);

	uiommu_lock(sys, &sys->probe);
	uiommu_lock(sys, &sys->table);
	instance->ready = true;
	uiommu_unlock(sys, &sys->table);
	uiommu_probe_all(sys);
	uiommu_unlock(sys, &sys->probe);
	return 0;
}

void uiommu_instance_unregister(struct uiommu_instance *instance)
{
	struct uiommu_system *sys = instance->sys;
	struct uiommu_instance **link;
	struct uiommu_group *group;

	if (!sys)
		return;
	uiommu_lock(sys, &sys->probe);
	for (struct uiommu_device *dev = sys->devices; dev; dev = dev->next) {
		if (dev->instance == instance)
			uiommu_release_device(dev);
	}
	uiommu_lock(sys, &sys->table);
	for (link = &sys->instances; *link && *link != instance; link = &(*link)->next)
		;
	if (*link)
		*link = instance->next;
	instance->next = NULL;
	instance->sys = NULL;
	instance->ready = false;
	group = instance->singleton_group;
	instance->singleton_group = NULL;
	uiommu_unlock(sys, &sys->table);
	uiommu_unlock(sys, &sys->probe);
	uiommu_group_put(group);
}

unsigned int uiommu_instance_num_devices(struct uiommu_instance *instance)
{
	struct uiommu_system *sys = instance->sys;
	unsigned int count;

	if (!sys)
		return 0;
	uiommu_lock(sys, &sys->table);
	count = instance->num_devices;
	uiommu_unlock(sys, &sys->table);
	return count;
}

unsigned int uiommu_instance_poll(struct uiommu_instance *instance)
{
	unsigned int count = instance->ops->poll ? instance->ops->poll(instance) : 0;

	return count + uiommu_quarantine_report_pending(instance);
}
