/* SPDX-License-Identifier: MIT */
/* system.c - one machine: made empty, destroyed with everything that is still in it */
#include "src/core/core.h"

int uiommu_system_create(const struct uiommu_system_config *config, struct uiommu_system **out)
{
	enum uiommu_domain_type type = config->default_type;
	struct uiommu_system *sys;

	*out = NULL;
	if (type == UIOMMU_DOMAIN_BLOCKED)
		type = UIOMMU_DOMAIN_DMA;
	if (type != UIOMMU_DOMAIN_IDENTITY && type != UIOMMU_DOMAIN_DMA &&
	    type != UIOMMU_DOMAIN_DMA_FQ)
		return -UIOMMU_EINVAL;
	if (type == UIOMMU_DOMAIN_IDENTITY && config->memory_encrypted &&
	    !config->identity_on_purpose)
		type = UIOMMU_DOMAIN_DMA;

	sys = uiommu_port_alloc(config->host, sizeof(*sys));
	if (!sys)
		return -UIOMMU_ENOMEM;
	sys->config = *config;
	sys->config.default_type = type;
	sys->host = config->host;
	sys->direct_map = uiommu_port_direct_map(config->host);
	if (uiommu_port_mutex_init(sys->host, &sys->sva))
		goto err_free;
	if (uiommu_port_mutex_init(sys->host, &sys->probe))
		goto err_sva;
	if (uiommu_port_mutex_init(sys->host, &sys->table))
		goto err_probe;
	*out = sys;
	return 0;

err_probe:
	uiommu_port_mutex_destroy(sys->host, &sys->probe);
err_sva:
	uiommu_port_mutex_destroy(sys->host, &sys->sva);
err_free:
	uiommu_port_free(config->host, sys, sizeof(*sys));
	return -UIOMMU_ENOMEM;
}

static void system_free(struct uiommu_system *sys)
{
	uiommu_port_mutex_destroy(sys->host, &sys->table);
	uiommu_port_mutex_destroy(sys->host, &sys->probe);
	uiommu_port_mutex_destroy(sys->host, &sys->sva);
	uiommu_free(sys, sys->pasids.words, sys->pasids.num_words * sizeof(*sys->pasids.words));
	uiommu_port_free(sys->host, sys, sizeof(*sys));
}

void uiommu_system_destroy(struct uiommu_system *sys)
{
	bool held;

	if (!sys)
		return;
	while (sys->devices)
		uiommu_device_remove(sys->devices);
	while (sys->instances)
		uiommu_instance_unregister(sys->instances);
	uiommu_sva_end(sys);

	uiommu_lock(sys, &sys->table);
	held = sys->groups;
	sys->destroyed = held;
	for (struct uiommu_group *group = sys->groups; group; group = group->next)
		uiommu_log(sys->host, UIOMMU_LOG_WARN,
			   "system destroyed while group %u is still referenced", group->id);
	uiommu_unlock(sys, &sys->table);

	/* Whoever holds a group may still put it: the last put frees the system, see group.c. */
	if (!held)
		system_free(sys);
}

void uiommu_group_put(struct uiommu_group *group)
{
	struct uiommu_system *sys;
	bool last = false, last_of_system = false;

	if (!group)
		return;
	sys = group->sys;
	uiommu_lock(sys, &sys->table);
	if (--group->refs == 0) {
		struct uiommu_group **link = &sys->groups;

		while (*link != group)
			link = &(*link)->next;
		*link = group->next;
		last = true;
		last_of_system = sys->destroyed && !sys->groups;
	}
	uiommu_unlock(sys, &sys->table);
	if (!last)
		return;
	uiommu_free(sys, group->slots, group->max_slots * sizeof(*group->slots));
	uiommu_port_mutex_destroy(sys->host, &group->mutex);
	uiommu_port_free(sys->host, group, sizeof(*group));
	if (last_of_system)
		system_free(sys);
}

void *uiommu_system_host(const struct uiommu_system *sys)
{
	return sys->host;
}

void uiommu_system_set_defer_policy(struct uiommu_system *sys, enum uiommu_defer_policy policy)
{
	uiommu_lock(sys, &sys->table);
	sys->config.defer_policy = policy;
	uiommu_unlock(sys, &sys->table);
}

int uiommu_system_for_each_device(struct uiommu_system *sys,
				  int (*visit)(struct uiommu_device *dev, void *context),
				  void *context)
{
	int rc = 0;

	for (struct uiommu_device *dev = sys->devices; dev && !rc; dev = dev->next)
		rc = visit(dev, context);
	return rc;
}

int uiommu_system_walk_devices(struct uiommu_system *sys,
			       int (*visit)(struct uiommu_device *dev, void *context),
			       void *context)
{
	int rc;

	uiommu_lock(sys, &sys->probe);
	rc = uiommu_system_for_each_device(sys, visit, context);
	uiommu_unlock(sys, &sys->probe);
	return rc;
}

/* What is ready stays so while the probe mutex is held. */
int uiommu_system_walk_instances(struct uiommu_system *sys,
				 int (*visit)(struct uiommu_instance *instance, void *context),
				 void *context)
{
	struct uiommu_instance *instance;
	int rc = 0;

	uiommu_lock(sys, &sys->probe);
	uiommu_lock(sys, &sys->table);
	for (instance = sys->instances; instance && !rc; instance = instance->next) {
		if (!instance->ready)
			continue;
		uiommu_unlock(sys, &sys->table);
		rc = visit(instance, context);
		uiommu_lock(sys, &sys->table);
	}
	uiommu_unlock(sys, &sys->table);
	uiommu_unlock(sys, &sys->probe);
	return rc;
}
