/* SPDX-License-Identifier: MIT */
/*
 * reset.c - devices that are out of service: in reset, or in quarantine
 *
 * A function that is reset must not do DMA meanwhile, and what its device TLB holds is worth nothing.  So
 * its RID is attached to a blocking domain and its PASIDs are blocked, while group->domain and the slots
 * keep what they had: that is what comes back.  The switches of attach.c and pasid.c pass such a member over.
 *
 * Devices with a source ID in common are one device to the IOMMU: a reset of one blocks all of them, and
 * each counts how many of them are in reset (dev->reset_blocked).  dev->resets counts the nested calls for
 * the device itself.  A member that is blocked holds group->domain, as its attachment would.
 *
 * All of it is under group->mutex, but for the flags that anybody may read.
 */
#include "src/core/core.h"

static bool same_to_iommu(const struct uiommu_device *a, const struct uiommu_device *b)
{
	if (a == b)
		return true;
	if (a->instance != b->instance)
		return false;
	for (unsigned int i = 0; i < a->fwspec.num_ids; i++) {
		for (unsigned int j = 0; j < b->fwspec.num_ids; j++) {
			if (a->fwspec.ids[i] == b->fwspec.ids[j])
				return true;
		}
	}
	return false;
}

static bool stays_translated(const struct uiommu_device *dev)
{
	return dev->attach_deferred || dev->require_direct;
}

static int block(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;
	int rc;

	if (dev->require_direct && uiommu_device_capable(dev, UIOMMU_CAP_ATS)) {
		uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
			   "%s: firmware demands direct mappings, it cannot be reset", dev->name);
		return -UIOMMU_EINVAL;
	}
	uiommu_faults_close(dev, true);
	/* A device that nothing was attached to yet has nothing to lose either. */
	dev->reset_kept = stays_translated(dev);
	if (!dev->reset_kept) {
		rc = uiommu_group_make_blocking(group);
		if (!rc)
			rc = uiommu_device_switch(dev, group->blocking_domain);
		if (rc) {
			uiommu_faults_close(dev, false);
			return rc;
		}
	}
	uiommu_pasid_suspend_device(dev);
	dev->reset_hold = group->domain;
	uiommu_domain_hold(dev->reset_hold);
	group->resets++;
	return 0;
}

static void unblock(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;

	/* Only now: what follows must not be passed over. */
	dev->reset_blocked = 0;
	group->resets--;
	uiommu_faults_changing(group, UIOMMU_RID, false);
	if (!dev->reset_kept && group->domain)
		uiommu_device_park(dev, group->domain);
	uiommu_pasid_resume_device(dev);
	uiommu_faults_close(dev, false);
	uiommu_faults_changed(group);
	uiommu_domain_unhold(dev->reset_hold);
	dev->reset_hold = NULL;
	dev->reset_kept = false;
}

static void release_one(struct uiommu_device *dev)
{
	if (dev->reset_blocked > 1)
		dev->reset_blocked--;
	else
		unblock(dev);
}

/* @dev goes into its first reset: it and its aliases are blocked, or none. */
static int enter(struct uiommu_device *dev)
{
	struct uiommu_device *member, *failed;
	int rc = 0;

	for (member = dev->group->members; member; member = member->group_next) {
		if (!same_to_iommu(member, dev))
			continue;
		if (!member->reset_blocked)
			rc = block(member);
		if (rc)
			break;
		member->reset_blocked++;
	}
	failed = member;
	if (!rc)
		return 0;
	for (member = dev->group->members; member != failed; member = member->group_next) {
		if (same_to_iommu(member, dev))
			release_one(member);
	}
	return rc;
}

static void leave(struct uiommu_device *dev)
{
	for (struct uiommu_device *member = dev->group->members; member;
	     member = member->group_next) {
		if (same_to_iommu(member, dev))
			release_one(member);
	}
}

int uiommu_device_reset_prepare(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	int rc = 0;

	if (!group)
		return 0;
	if (!dev->resets)
		rc = enter(dev);
	if (!rc)
		dev->resets++;
	uiommu_group_unlock_put(group);
	return rc;
}

void uiommu_device_reset_done(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	const struct uiommu_ops *ops;

	if (!group)
		return;
	if (!dev->resets) {
		uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
			   "%s: a reset is done that was not prepared", dev->name);
	} else if (!--dev->resets) {
		ops = dev->instance->ops;
		if (ops->reset_done)
			ops->reset_done(dev);
		__atomic_store_n(&dev->quarantined, false, __ATOMIC_RELEASE);
		leave(dev);
	}
	uiommu_group_unlock_put(group);
}

/* A newcomer that the IOMMU cannot tell from a member in reset is blocked from the start. */
int uiommu_reset_join(struct uiommu_device *dev)
{
	unsigned int count = 0;
	int rc;

	for (const struct uiommu_device *member = dev->group->members; member;
	     member = member->group_next) {
		if (member->resets && same_to_iommu(member, dev))
			count++;
	}
	if (!count)
		return 0;
	rc = block(dev);
	if (!rc)
		dev->reset_blocked = count;
	return rc;
}

/* The device has been parked and is about to leave its group. */
void uiommu_reset_leave(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;

	if (dev->reset_blocked) {
		group->resets--;
		uiommu_domain_unhold(dev->reset_hold);
	}
	dev->reset_blocked = 0;
	dev->reset_hold = NULL;
	dev->reset_kept = false;
	if (dev->resets) {
		for (struct uiommu_device *member = group->members; member;
		     member = member->group_next) {
			if (member != dev && same_to_iommu(member, dev))
				release_one(member);
		}
	}
	dev->resets = 0;
	__atomic_store_n(&dev->quarantined, false, __ATOMIC_RELEASE);
}

/* The group is attached to something else: members in reset will come back to that. */
void uiommu_reset_follow(struct uiommu_group *group)
{
	if (!group->resets)
		return;
	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		if (!dev->reset_blocked)
			continue;
		uiommu_domain_hold(group->domain);
		uiommu_domain_unhold(dev->reset_hold);
		dev->reset_hold = group->domain;
	}
}

bool uiommu_device_in_reset(const struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of((struct uiommu_device *)(uintptr_t)dev);
	bool in_reset;

	if (!group)
		return false;
	in_reset = dev->reset_blocked;
	uiommu_group_unlock_put(group);
	return in_reset;
}

struct uiommu_domain *uiommu_device_domain(struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_domain *domain;

	uiommu_lock(sys, &sys->table);
	domain = dev->domain;
	if (!domain && dev->group)
		domain = dev->group->domain; /* its attach is deferred */
	uiommu_unlock(sys, &sys->table);
	return domain;
}

/* ---- quarantine -------------------------------------------------------------------------------- */

bool uiommu_device_quarantined(const struct uiommu_device *dev)
{
	return __atomic_load_n(&dev->quarantined, __ATOMIC_ACQUIRE);
}

void uiommu_report_quarantine(struct uiommu_instance *instance, uint32_t source_id,
			      const char *reason)
{
	struct uiommu_system *sys = instance->sys;
	struct uiommu_device *dev;

	if (!sys)
		return;
	uiommu_lock(sys, &sys->table);
	for (dev = sys->devices; dev; dev = dev->next) {
		if (dev->instance != instance || !uiommu_device_has_id(dev, source_id))
			continue;
		__atomic_store_n(&dev->quarantined, true, __ATOMIC_RELEASE);
		dev->quarantine_id = source_id;
		dev->quarantine_reason = reason;
		uiommu_log(sys->host, UIOMMU_LOG_ERROR, "%s: in quarantine: %s", dev->name, reason);
	}
	uiommu_unlock(sys, &sys->table);
}

/* What report_quarantine could not tell users of because locks were held. */
unsigned int uiommu_quarantine_report_pending(struct uiommu_instance *instance)
{
	struct uiommu_system *sys = instance->sys;
	unsigned int count = 0;

	while (sys) {
		struct uiommu_fault fault = { 0 };
		struct uiommu_device *dev;

		uiommu_lock(sys, &sys->table);
		for (dev = sys->devices; dev; dev = dev->next) {
			if (dev->instance == instance && dev->quarantine_reason)
				break;
		}
		if (dev) {
			fault.source_id = dev->quarantine_id;
			fault.reason = dev->quarantine_reason;
			dev->quarantine_reason = NULL;
		}
		uiommu_unlock(sys, &sys->table);
		if (!dev)
			break;
		uiommu_deliver_fault(instance, &fault);
		count++;
	}
	return count;
}
