/* SPDX-License-Identifier: MIT */
/*
 * group.c - the smallest set of devices that can be isolated: members, references, numbers
 *
 * Each member holds one reference, users hold others.  A group without members has no domains left;
 * its object lives as long as the references, and everything asked of it fails with -UIOMMU_ENODEV.
 */
#include "src/core/core.h"

int uiommu_group_alloc(struct uiommu_system *sys, struct uiommu_group **out)
{
	struct uiommu_group *group, **link;
	unsigned int id = 0;

	*out = NULL;
	group = uiommu_zalloc(sys, sizeof(*group));
	if (!group)
		return -UIOMMU_ENOMEM;
	if (uiommu_port_mutex_init(sys->host, &group->mutex)) {
		uiommu_free(sys, group, sizeof(*group));
		return -UIOMMU_ENOMEM;
	}
	group->sys = sys;
	group->refs = 1;
	uiommu_lock(sys, &sys->table);
	/* The list is sorted: the first gap is the lowest free number. */
	for (link = &sys->groups; *link && (*link)->id == id; link = &(*link)->next)
		id++;
	group->id = id;
	group->next = *link;
	*link = group;
	uiommu_unlock(sys, &sys->table);
	*out = group;
	return 0;
}

struct uiommu_group *uiommu_group_get(struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_group *group;

	uiommu_lock(sys, &sys->table);
	group = dev->group;
	if (group)
		group->refs++;
	uiommu_unlock(sys, &sys->table);
	return group;
}

struct uiommu_group *uiommu_group_get_locked(struct uiommu_device *dev)
{
	return uiommu_group_get(dev);
}

/* The device's group, referenced and locked, with the device still in it; NULL if it has none. */
struct uiommu_group *uiommu_group_lock_of(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_get(dev);

	if (!group)
		return NULL;
	uiommu_lock(group->sys, &group->mutex);
	if (dev->group == group)
		return group;
	uiommu_group_unlock_put(group);
	return NULL;
}

void uiommu_group_unlock_put(struct uiommu_group *group)
{
	uiommu_unlock(group->sys, &group->mutex);
	uiommu_group_put(group);
}

unsigned int uiommu_group_id(const struct uiommu_group *group)
{
	return group->id;
}

unsigned int uiommu_group_num_devices(struct uiommu_group *group)
{
	unsigned int count;

	uiommu_lock(group->sys, &group->mutex);
	count = group->num_members;
	uiommu_unlock(group->sys, &group->mutex);
	return count;
}

int uiommu_group_for_each_device(struct uiommu_group *group,
				 int (*visit)(struct uiommu_device *dev, void *context),
				 void *context)
{
	int rc = 0;

	uiommu_lock(group->sys, &group->mutex);
	for (struct uiommu_device *dev = group->members; dev && !rc; dev = dev->group_next)
		rc = visit(dev, context);
	uiommu_unlock(group->sys, &group->mutex);
	return rc;
}

/* The caller's reference to the group becomes the member's. */
void uiommu_group_add_member(struct uiommu_group *group, struct uiommu_device *dev)
{
	struct uiommu_system *sys = group->sys;
	struct uiommu_device **link = &group->members;

	while (*link)
		link = &(*link)->group_next;
	dev->group_next = NULL;
	*link = dev;
	group->num_members++;
	dev->joined = group->sequence;
	uiommu_lock(sys, &sys->table);
	dev->group = group;
	uiommu_unlock(sys, &sys->table);
}

/* The member's reference becomes the caller's. */
void uiommu_group_del_member(struct uiommu_group *group, struct uiommu_device *dev)
{
	struct uiommu_system *sys = group->sys;
	struct uiommu_device **link = &group->members;

	while (*link != dev)
		link = &(*link)->group_next;
	*link = dev->group_next;
	group->num_members--;
	dev->group_next = NULL;
	uiommu_lock(sys, &sys->table);
	dev->group = NULL;
	uiommu_unlock(sys, &sys->table);
}

void uiommu_group_set_domain(struct uiommu_group *group, struct uiommu_domain *domain)
{
	struct uiommu_system *sys = group->sys;

	uiommu_lock(sys, &sys->table);
	group->domain = domain;
	uiommu_unlock(sys, &sys->table);
}

/* The last member has gone: nothing may outlive it. */
void uiommu_group_emptied(struct uiommu_group *group)
{
	struct uiommu_domain *blocking = group->blocking_domain;
	struct uiommu_domain *old = group->default_domain;

	if (group->owner || (group->domain && group->domain != old))
		uiommu_log(group->sys->host, UIOMMU_LOG_WARN,
			   "group %u lost its last device while it was %s", group->id,
			   group->owner ? "owned" : "attached to a user's domain");
	uiommu_pasid_drop_all(group);
	uiommu_slot_erase(group, &group->rid);
	uiommu_group_set_domain(group, NULL);
	group->default_domain = NULL;
	group->blocking_domain = NULL;
	group->owner = NULL;
	group->claims = 0;
	group->users = 0;
	uiommu_default_drop(old);
	if (blocking) {
		uiommu_domain_unhold(blocking);
		uiommu_domain_free(blocking);
	}
}

struct uiommu_domain *uiommu_group_domain(struct uiommu_group *group)
{
	struct uiommu_system *sys = group->sys;
	struct uiommu_domain *domain;

	uiommu_lock(sys, &sys->table);
	domain = group->domain;
	uiommu_unlock(sys, &sys->table);
	return domain;
}

int uiommu_generic_device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	return uiommu_group_alloc(dev->sys, out);
}

int uiommu_single_device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct uiommu_instance *instance = dev->instance;
	struct uiommu_system *sys = dev->sys;
	int rc;

	/* The instance keeps one reference until it is unregistered; sys->probe serialises this. */
	if (!instance->singleton_group) {
		rc = uiommu_group_alloc(sys, &instance->singleton_group);
		if (rc)
			return rc;
	}
	uiommu_lock(sys, &sys->table);
	instance->singleton_group->refs++;
	uiommu_unlock(sys, &sys->table);
	*out = instance->singleton_group;
	return 0;
}
