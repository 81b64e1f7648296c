/* SPDX-License-Identifier: MIT */
/*
 * attach.c - switching a group from one domain to another
 *
 * dev->domain is what the hardware of one member uses, group->domain what the group as a whole has.
 * They differ only for a member whose attach is deferred (it has NULL) and for one that could be put
 * nowhere but on a blocking domain (which has been reported).
 *
 * A switch prepares all members and then commits all of them; if one prepare fails the ones before it
 * are aborted in reverse order and nothing has happened.  Drivers with attach_single switch one member
 * after the other; after a failure those already switched go back.  The must-succeed mode serves
 * detach, release of ownership and removal, where there is no old state to stay in: members that fail
 * end on a blocking domain and the group has the new one.
 *
 * The argument of the driver's operations lives in the device: a detach cannot fail for want of memory.
 * group->mutex is held throughout.  Members in reset are passed over: reset.c attaches them to what the
 * group has when it is over.
 */
#include "src/core/core.h"

/* Drivers may return a few errors from attach; everything else means that the device is broken. */
int uiommu_driver_error(int error)
{
	switch (error) {
	case 0:
	case -UIOMMU_EINVAL:
	case -UIOMMU_ENOMEM:
	case -UIOMMU_ENOSPC:
	case -UIOMMU_EBUSY:
	case -UIOMMU_ENODEV:
	case -UIOMMU_EOPNOTSUPP:
		return error;
	default:
		return -UIOMMU_ENODEV;
	}
}

static bool two_phase(const struct uiommu_domain *domain)
{
	return domain->ops->attach_prepare || domain->ops->attach_commit;
}

static int prepare(struct uiommu_device *dev, uiommu_pasid_t pasid, struct uiommu_domain *domain,
		   struct uiommu_domain *old)
{
	const struct uiommu_domain_ops *ops = domain->ops;
	int rc = uiommu_faults_prepare(dev, domain);

	if (rc)
		return rc;
	dev->attach = (struct uiommu_attach){
		.dev = dev,
		.pasid = pasid,
		.domain = domain,
		.old = old,
	};
	if (two_phase(domain))
		rc = ops->attach_prepare ? ops->attach_prepare(&dev->attach) : 0;
	else
		rc = ops->attach_single ? ops->attach_single(&dev->attach) : -UIOMMU_EOPNOTSUPP;
	if (!rc && !two_phase(domain))
		uiommu_faults_ended(dev, pasid, old);
	return uiommu_driver_error(rc);
}

static void commit(struct uiommu_device *dev)
{
	const struct uiommu_domain_ops *ops = dev->attach.domain->ops;

	if (ops->attach_commit)
		ops->attach_commit(&dev->attach);
	uiommu_faults_ended(dev, dev->attach.pasid, dev->attach.old);
}

static void abort_prepared(struct uiommu_device *dev)
{
	const struct uiommu_domain_ops *ops = dev->attach.domain->ops;

	if (ops->attach_abort)
		ops->attach_abort(&dev->attach);
}

/* One device and one PASID, both phases. */
int uiommu_attach_step(struct uiommu_device *dev, uiommu_pasid_t pasid,
		       struct uiommu_domain *domain, struct uiommu_domain *old)
{
	int rc = prepare(dev, pasid, domain, old);

	if (!rc && two_phase(domain))
		commit(dev);
	return rc;
}

/* The hardware of @dev uses @domain now. */
static void switched(struct uiommu_device *dev, struct uiommu_domain *domain)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_domain *old = dev->domain;

	uiommu_domain_hold(domain);
	uiommu_lock(sys, &sys->table);
	dev->domain = domain;
	uiommu_unlock(sys, &sys->table);
	dev->attach_deferred = false;
	uiommu_domain_unhold(old);
}

static bool is_blocking(const struct uiommu_group *group, const struct uiommu_domain *domain)
{
	return domain == group->blocking_domain ||
	       uiommu_domain_type(domain) == UIOMMU_DOMAIN_BLOCKED;
}

static int check_direct(struct uiommu_device *dev, const struct uiommu_domain *domain)
{
	if (!dev->require_direct || !is_blocking(dev->group, domain))
		return 0;
	uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
		   "%s: firmware demands direct mappings, it cannot be blocked", dev->name);
	return -UIOMMU_EINVAL;
}

static bool passed_over(const struct uiommu_device *dev, const struct uiommu_domain *domain)
{
	if (dev->domain == domain || uiommu_blocked_by_reset(dev))
		return true;
	return dev->attach_deferred && domain == dev->group->default_domain;
}

/* One member alone: a late joiner, a deferred attach. */
int uiommu_device_switch(struct uiommu_device *dev, struct uiommu_domain *domain)
{
	int rc;

	if (passed_over(dev, domain))
		return 0;
	rc = check_direct(dev, domain);
	if (rc)
		return rc;
	uiommu_faults_changing(dev->group, UIOMMU_RID, false);
	rc = uiommu_attach_step(dev, UIOMMU_RID, domain, dev->domain);
	if (!rc)
		switched(dev, domain);
	uiommu_faults_changed(dev->group);
	return rc;
}

/* Nothing else worked: no DMA at all, and a word about it. */
static void last_resort(struct uiommu_device *dev, int error)
{
	struct uiommu_group *group = dev->group;
	const struct uiommu_ops *ops = dev->instance->ops;
	struct uiommu_domain *blocked = uiommu_static_domain(ops->blocked_domain);

	if (!blocked)
		blocked = group ? group->blocking_domain : NULL;
	uiommu_log(dev->sys->host, UIOMMU_LOG_WARN, "%s: a switch that must succeed failed: %s",
		   dev->name, uiommu_strerror(error));
	if (blocked && blocked != dev->domain &&
	    uiommu_attach_step(dev, UIOMMU_RID, blocked, dev->domain) == 0) {
		switched(dev, blocked);
		return;
	}
	if (!blocked || blocked != dev->domain)
		uiommu_log(dev->sys->host, UIOMMU_LOG_ERROR, "%s: cannot even be blocked",
			   dev->name);
}

/* A single device leaves for @domain, whatever happens. */
void uiommu_device_park(struct uiommu_device *dev, struct uiommu_domain *domain)
{
	int rc;

	if (dev->domain == domain)
		return;
	rc = uiommu_attach_step(dev, UIOMMU_RID, domain, dev->domain);
	if (rc)
		last_resort(dev, rc);
	else
		switched(dev, domain);
}

/* Undo what was done to the members before @end. */
static void roll_back(struct uiommu_group *group, const struct uiommu_device *end,
		      struct uiommu_domain *domain)
{
	/* In reverse: the list has one direction, the groups are small. */
	for (const struct uiommu_device *stop = end; stop != group->members;) {
		struct uiommu_device *dev = group->members;

		while (dev->group_next != stop)
			dev = dev->group_next;
		stop = dev;
		if (!dev->step_done)
			continue;
		dev->step_done = false;
		if (two_phase(domain)) {
			abort_prepared(dev);
		} else {
			struct uiommu_domain *old = dev->attach.old;
			int rc = 0;

			/* A first attach has nothing to go back to but blocking. */
			if (old)
				rc = uiommu_attach_step(dev, UIOMMU_RID, old, domain);
			if (!old || rc) {
				switched(dev, domain);
				last_resort(dev, rc ? rc : -UIOMMU_ENODEV);
			}
		}
	}
}

static int switch_members(struct uiommu_group *group, struct uiommu_domain *domain,
			  enum uiommu_switch_mode mode)
{
	struct uiommu_device *dev;
	int rc, result = 0;

	for (dev = group->members; dev; dev = dev->group_next) {
		dev->step_done = false;
		rc = check_direct(dev, domain);
		if (rc && mode == UIOMMU_MAY_FAIL)
			return rc;
	}
	for (dev = group->members; dev; dev = dev->group_next) {
		if (passed_over(dev, domain))
			continue;
		rc = prepare(dev, UIOMMU_RID, domain, dev->domain);
		if (!rc) {
			dev->step_done = true;
			continue;
		}
		if (mode == UIOMMU_MAY_FAIL) {
			roll_back(group, dev, domain);
			return rc;
		}
		result = rc;
		last_resort(dev, rc);
	}
	for (dev = group->members; dev; dev = dev->group_next) {
		if (!dev->step_done)
			continue;
		dev->step_done = false;
		if (two_phase(domain))
			commit(dev);
		switched(dev, domain);
	}
	uiommu_group_set_domain(group, domain);
	uiommu_reset_follow(group);
	return result;
}

int uiommu_group_switch(struct uiommu_group *group, struct uiommu_domain *domain,
			enum uiommu_switch_mode mode)
{
	int rc;

	if (group->domain == domain && mode == UIOMMU_MAY_FAIL)
		return 0;
	if (group->resets && mode == UIOMMU_MAY_FAIL)
		return -UIOMMU_EBUSY;
	uiommu_faults_changing(group, UIOMMU_RID, mode == UIOMMU_MUST_SUCCEED);
	rc = switch_members(group, domain, mode);
	uiommu_faults_changed(group);
	return rc;
}

/* What the group has when no user has attached anything. */
struct uiommu_domain *uiommu_core_domain(struct uiommu_group *group)
{
	return group->owner ? group->blocking_domain : group->default_domain;
}

static int attach_checked(struct uiommu_domain *domain, struct uiommu_group *group, bool replace)
{
	int rc;

	if (!group->members)
		return -UIOMMU_ENODEV;
	rc = uiommu_check_domain(uiommu_group_ops(group), group->sys, domain);
	if (rc)
		return rc;
	if (group->domain == domain)
		return 0;
	if (!replace && group->domain != group->default_domain &&
	    group->domain != group->blocking_domain)
		return -UIOMMU_EBUSY;
	/* Nobody may change its consumer of page requests from now on. */
	uiommu_domain_pin(group->sys, domain);
	rc = uiommu_group_switch(group, domain, UIOMMU_MAY_FAIL);
	uiommu_domain_unhold(domain);
	return rc;
}

static void detach_locked(struct uiommu_domain *domain, struct uiommu_group *group)
{
	if (!group->members)
		return;
	if (group->domain != domain) {
		uiommu_log(group->sys->host, UIOMMU_LOG_WARN,
			   "group %u: detach of a domain that is not attached", group->id);
		return;
	}
	uiommu_group_switch(group, uiommu_core_domain(group), UIOMMU_MUST_SUCCEED);
	/* The hardware first: a late fault still finds its handle. */
	uiommu_slot_erase(group, &group->rid);
}

int uiommu_attach_group(struct uiommu_domain *domain, struct uiommu_group *group)
{
	int rc;

	uiommu_lock(group->sys, &group->mutex);
	rc = attach_checked(domain, group, false);
	uiommu_unlock(group->sys, &group->mutex);
	return rc;
}

void uiommu_detach_group(struct uiommu_domain *domain, struct uiommu_group *group)
{
	uiommu_lock(group->sys, &group->mutex);
	detach_locked(domain, group);
	uiommu_unlock(group->sys, &group->mutex);
}

void uiommu_detach_group_handle(struct uiommu_domain *domain, struct uiommu_group *group)
{
	uiommu_detach_group(domain, group);
}

int uiommu_attach_device(struct uiommu_domain *domain, struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	int rc = -UIOMMU_EINVAL;

	if (!group)
		return -UIOMMU_ENODEV;
	if (group->num_members == 1)
		rc = attach_checked(domain, group, false);
	uiommu_group_unlock_put(group);
	return rc;
}

void uiommu_detach_device(struct uiommu_domain *domain, struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);

	if (!group)
		return;
	if (group->num_members == 1)
		detach_locked(domain, group);
	else
		uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
			   "%s: detach of one device in a group of %u", dev->name,
			   group->num_members);
	uiommu_group_unlock_put(group);
}

static int attach_with_handle(struct uiommu_domain *domain, struct uiommu_group *group,
			      struct uiommu_attach_handle *handle, bool replace)
{
	int rc;

	if (!handle)
		return -UIOMMU_EINVAL;
	uiommu_lock(group->sys, &group->mutex);
	rc = group->members ? 0 : -UIOMMU_ENODEV;
	if (!rc && !replace && group->rid.live)
		rc = -UIOMMU_EBUSY;
	if (!rc)
		rc = uiommu_slot_reserve(group, &group->rid, handle);
	if (!rc) {
		bool same = group->domain == domain;

		uiommu_faults_changing(group, UIOMMU_RID, false);
		rc = attach_checked(domain, group, replace);
		if (!rc && same)
			uiommu_faults_forget(group, UIOMMU_RID);
		if (rc)
			uiommu_slot_cancel(group, &group->rid);
		else
			uiommu_slot_publish(group, &group->rid, domain);
		uiommu_faults_changed(group);
	}
	uiommu_unlock(group->sys, &group->mutex);
	return rc;
}

int uiommu_attach_group_handle(struct uiommu_domain *domain, struct uiommu_group *group,
			       struct uiommu_attach_handle *handle)
{
	return attach_with_handle(domain, group, handle, false);
}

int uiommu_replace_group_handle(struct uiommu_group *group, struct uiommu_domain *domain,
				struct uiommu_attach_handle *handle)
{
	return attach_with_handle(domain, group, handle, true);
}

int uiommu_device_deferred_attach(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	int rc = 0;

	if (!group)
		return 0;
	if (dev->attach_deferred && group->resets) {
		rc = -UIOMMU_EBUSY;
	} else if (dev->attach_deferred) {
		dev->attach_deferred = false;
		rc = uiommu_device_switch(dev, group->domain);
		if (rc)
			dev->attach_deferred = true;
	}
	uiommu_group_unlock_put(group);
	return rc;
}
