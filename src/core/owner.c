/* SPDX-License-Identifier: MIT */
/*
 * owner.c - who decides over a group's DMA: client drivers, or one owner
 *
 * Drivers that use the DMA API count in group->users and need the default domain; an owner excludes
 * them and starts from a blocked group.  Neither state can be entered or left while a PASID is attached.
 */
#include "src/core/core.h"

int uiommu_group_make_blocking(struct uiommu_group *group)
{
	const struct uiommu_ops *ops = uiommu_group_ops(group);
	struct uiommu_domain *domain;
	int rc;

	if (group->blocking_domain)
		return 0;
	if (ops->blocked_domain) {
		group->blocking_domain = uiommu_static_domain(ops->blocked_domain);
		return 0;
	}
	/* An address space without a mapping blocks as well. */
	rc = uiommu_domain_alloc_for(group->members, 0, &domain);
	if (rc)
		return rc;
	uiommu_domain_hold(domain);
	group->blocking_domain = domain;
	return 0;
}

/* A claim that failed leaves nothing behind that was not there before. */
static void unmake_blocking(struct uiommu_group *group)
{
	struct uiommu_domain *domain = group->blocking_domain;

	group->blocking_domain = NULL;
	if (domain->users) {
		uiommu_domain_unhold(domain);
		uiommu_domain_free(domain);
	}
}

static int claim_locked(struct uiommu_group *group, void *owner)
{
	bool had_blocking = group->blocking_domain;
	int rc;

	if (!group->members)
		return -UIOMMU_ENODEV;
	if (group->users || group->owner)
		return -UIOMMU_EPERM;
	if (!group->default_domain || group->domain != group->default_domain || group->num_slots)
		return -UIOMMU_EBUSY;
	for (const struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		if (dev->require_direct)
			return -UIOMMU_EINVAL;
	}
	rc = uiommu_group_make_blocking(group);
	if (rc)
		return rc;
	rc = uiommu_group_switch(group, group->blocking_domain, UIOMMU_MAY_FAIL);
	if (rc) {
		/* A one-phase driver may have been put there as a last resort. */
		if (!had_blocking && group->domain != group->blocking_domain)
			unmake_blocking(group);
		return rc;
	}
	group->owner = owner;
	group->claims = 1;
	return 0;
}

static void release_locked(struct uiommu_group *group)
{
	if (!group->owner || group->num_slots) {
		uiommu_log(group->sys->host, UIOMMU_LOG_WARN, "group %u: release refused: %s",
			   group->id, group->owner ? "a PASID is attached" : "not owned");
		return;
	}
	if (group->claims > 1) {
		group->claims--;
		return;
	}
	group->claims = 0;
	group->owner = NULL;
	if (group->members)
		uiommu_group_switch(group, group->default_domain, UIOMMU_MUST_SUCCEED);
	uiommu_slot_erase(group, &group->rid);
}

int uiommu_group_claim_dma_owner(struct uiommu_group *group, void *owner)
{
	int rc;

	if (!owner)
		return -UIOMMU_EINVAL;
	uiommu_lock(group->sys, &group->mutex);
	rc = claim_locked(group, owner);
	uiommu_unlock(group->sys, &group->mutex);
	return rc;
}

void uiommu_group_release_dma_owner(struct uiommu_group *group)
{
	uiommu_lock(group->sys, &group->mutex);
	if (group->claims > 1 && !group->num_slots)
		group->claims = 1;
	release_locked(group);
	uiommu_unlock(group->sys, &group->mutex);
}

int uiommu_device_claim_dma_owner(struct uiommu_device *dev, void *owner)
{
	struct uiommu_group *group;
	int rc = 0;

	if (!owner)
		return -UIOMMU_EINVAL;
	group = uiommu_group_lock_of(dev);
	if (!group)
		return -UIOMMU_ENODEV;
	if (group->owner == owner)
		group->claims++;
	else
		rc = claim_locked(group, owner);
	uiommu_group_unlock_put(group);
	return rc;
}

void uiommu_device_release_dma_owner(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);

	if (!group)
		return;
	/* Only the last release needs the PASIDs gone. */
	if (group->owner && group->claims > 1)
		group->claims--;
	else
		release_locked(group);
	uiommu_group_unlock_put(group);
}

bool uiommu_group_dma_owner_claimed(struct uiommu_group *group)
{
	bool owned;

	uiommu_lock(group->sys, &group->mutex);
	owned = group->owner;
	uiommu_unlock(group->sys, &group->mutex);
	return owned;
}

bool uiommu_group_dma_is_free(struct uiommu_group *group)
{
	bool is_free;

	uiommu_lock(group->sys, &group->mutex);
	is_free = !group->owner && !group->users;
	uiommu_unlock(group->sys, &group->mutex);
	return is_free;
}

static int bind_locked(struct uiommu_device *dev, unsigned int flags)
{
	struct uiommu_group *group;
	int rc = 0;

	if (dev->bound)
		return -UIOMMU_EBUSY;
	switch (uiommu_device_status(dev)) {
	case UIOMMU_STATUS_CONFLICT:
		return -UIOMMU_EPERM;
	case UIOMMU_STATUS_DEFERRED:
		return -UIOMMU_EPROBE_DEFER;
	case UIOMMU_STATUS_FAILED:
		/* There is an IOMMU, and nobody knows what it does with this device's DMA. */
		return uiommu_device_error(dev);
	case UIOMMU_STATUS_NO_IOMMU:
	case UIOMMU_STATUS_TRANSLATED:
		break;
	}
	group = uiommu_group_lock_of(dev);
	if (group && !(flags & UIOMMU_BIND_MANAGED_DMA)) {
		if (!group->default_domain)
			rc = -UIOMMU_EPROBE_DEFER;
		else if (group->owner || group->domain != group->default_domain || group->num_slots)
			rc = -UIOMMU_EBUSY;
		else
			group->users++;
	}
	if (group)
		uiommu_group_unlock_put(group);
	if (rc)
		return rc;
	dev->bound = true;
	dev->bound_managed = !group || (flags & UIOMMU_BIND_MANAGED_DMA);
	return 0;
}

int uiommu_device_bind_driver(struct uiommu_device *dev, unsigned int flags)
{
	int rc;

	if (flags & ~(unsigned int)UIOMMU_BIND_MANAGED_DMA)
		return -UIOMMU_EINVAL;
	uiommu_lock(dev->sys, &dev->sys->probe);
	rc = bind_locked(dev, flags);
	uiommu_unlock(dev->sys, &dev->sys->probe);
	return rc;
}

void uiommu_device_unbind_driver(struct uiommu_device *dev)
{
	struct uiommu_group *group;

	uiommu_lock(dev->sys, &dev->sys->probe);
	if (!dev->bound)
		uiommu_log(dev->sys->host, UIOMMU_LOG_WARN, "%s: unbind without a bind", dev->name);
	group = dev->bound && !dev->bound_managed ? uiommu_group_lock_of(dev) : NULL;
	if (group) {
		group->users--;
		uiommu_group_unlock_put(group);
	}
	dev->bound = false;
	dev->bound_managed = false;
	uiommu_unlock(dev->sys, &dev->sys->probe);
}
