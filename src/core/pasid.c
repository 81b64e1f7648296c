/* SPDX-License-Identifier: MIT */
/*
 * pasid.c - address spaces of single processes and contexts
 *
 * One sorted array of slots for each group; each member has a hardware table of its own, which belongs
 * to the device and not to what its RID is attached to.  Members without PASIDs are passed over.  A
 * member that joined after an attach does not have it (slot->sequence tells), so its requests with
 * that PASID fault.
 *
 * group->mutex is held over every change.  Pointers to slots are valid until the array changes.
 */
#include "src/core/core.h"

/* Either group->mutex or sys->table is held. */
struct uiommu_slot *uiommu_pasid_find(struct uiommu_group *group, uiommu_pasid_t pasid)
{
	unsigned int low = 0, high = group->num_slots;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (group->slots[mid].pasid == pasid)
			return &group->slots[mid];
		if (group->slots[mid].pasid < pasid)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Make a reserved slot, not live.  NULL: no memory. */
static struct uiommu_slot *slot_insert(struct uiommu_group *group, uiommu_pasid_t pasid)
{
	struct uiommu_system *sys = group->sys;
	struct uiommu_slot *old = NULL;
	unsigned int old_max = group->max_slots, at = 0;

	if (group->num_slots == group->max_slots) {
		unsigned int max = old_max ? 2 * old_max : 4;
		struct uiommu_slot *grown = uiommu_zalloc(sys, max * sizeof(*grown));

		if (!grown)
			return NULL;
		if (group->num_slots)
			memcpy(grown, group->slots, group->num_slots * sizeof(*grown));
		uiommu_lock(sys, &sys->table);
		old = group->slots;
		group->slots = grown;
		group->max_slots = max;
		uiommu_unlock(sys, &sys->table);
		uiommu_free(sys, old, old_max * sizeof(*old));
	}
	while (at < group->num_slots && group->slots[at].pasid < pasid)
		at++;
	uiommu_lock(sys, &sys->table);
	memmove(&group->slots[at + 1], &group->slots[at],
		(group->num_slots - at) * sizeof(*group->slots));
	memset(&group->slots[at], 0, sizeof(*group->slots));
	group->slots[at].pasid = pasid;
	group->slots[at].sequence = ++group->sequence;
	group->num_slots++;
	uiommu_unlock(sys, &sys->table);
	return &group->slots[at];
}

static void slot_remove(struct uiommu_group *group, struct uiommu_slot *slot)
{
	struct uiommu_system *sys = group->sys;
	struct uiommu_slot *empty = NULL;
	unsigned int max = group->max_slots;

	uiommu_lock(sys, &sys->table);
	group->num_slots--;
	memmove(slot, slot + 1, (size_t)(&group->slots[group->num_slots] - slot) * sizeof(*slot));
	/* A first attach that fails leaves no memory behind either. */
	if (!group->num_slots) {
		empty = group->slots;
		group->slots = NULL;
		group->max_slots = 0;
	}
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, empty, max * sizeof(*empty));
}

/* Is the slot in the table of @dev?  Either group->mutex or sys->table is held. */
bool uiommu_pasid_has(const struct uiommu_device *dev, const struct uiommu_slot *slot)
{
	return dev->max_pasids && slot->sequence > dev->joined;
}

static void block_one(struct uiommu_device *dev, uiommu_pasid_t pasid, struct uiommu_domain *old)
{
	struct uiommu_domain *blocked = uiommu_static_domain(dev->instance->ops->blocked_domain);
	int rc = uiommu_attach_step(dev, pasid, blocked, old);

	if (rc)
		uiommu_log(dev->sys->host, UIOMMU_LOG_ERROR, "%s: PASID %u cannot be blocked: %s",
			   dev->name, pasid, uiommu_strerror(rc));
}

/* All members with PASIDs that have the slot go from @old (NULL: nothing) to @domain, or none does. */
static int program(struct uiommu_group *group, const struct uiommu_slot *slot,
		   struct uiommu_domain *domain, struct uiommu_domain *old)
{
	struct uiommu_device *dev, *failed;
	int rc = 0;

	for (dev = group->members; dev; dev = dev->group_next) {
		if (!uiommu_pasid_has(dev, slot))
			continue;
		rc = uiommu_attach_step(dev, slot->pasid, domain, old);
		if (rc)
			break;
		uiommu_domain_hold(domain);
		uiommu_domain_unhold(old);
	}
	failed = dev;
	if (!rc)
		return 0;
	for (dev = group->members; dev != failed; dev = dev->group_next) {
		if (!uiommu_pasid_has(dev, slot))
			continue;
		if (old && uiommu_attach_step(dev, slot->pasid, old, domain) == 0) {
			uiommu_domain_hold(old);
			uiommu_domain_unhold(domain);
			continue;
		}
		if (old) {
			uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
				   "%s: PASID %u did not go back to its old domain: blocked",
				   dev->name, slot->pasid);
			/* The slot still names the old domain and counts it for this member. */
			uiommu_domain_hold(old);
		}
		block_one(dev, slot->pasid, domain);
		uiommu_domain_unhold(domain);
	}
	return rc;
}

static int check(struct uiommu_domain *domain, struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	const struct uiommu_ops *ops = dev->instance->ops;
	const struct uiommu_domain *blocked = ops->blocked_domain;

	if (!domain)
		return -UIOMMU_EINVAL;
	if (!dev->max_pasids || !blocked || !blocked->ops->pasid)
		return -UIOMMU_EOPNOTSUPP;
	/* Whose it is comes before what it can: nothing of a foreign domain says anything here. */
	if (uiommu_check_domain(ops, dev->sys, domain) || domain == blocked)
		return -UIOMMU_EINVAL;
	if (!domain->ops->pasid)
		return -UIOMMU_EOPNOTSUPP;
	if (pasid == UIOMMU_RID)
		return -UIOMMU_EINVAL;
	for (const struct uiommu_device *member = dev->group->members; member;
	     member = member->group_next) {
		if (member->max_pasids && pasid >= member->max_pasids)
			return -UIOMMU_EINVAL;
	}
	return 0;
}

int uiommu_attach_device_pasid(struct uiommu_domain *domain, struct uiommu_device *dev,
			       uiommu_pasid_t pasid, struct uiommu_attach_handle *handle)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	struct uiommu_slot *slot;
	int rc;

	if (!group)
		return -UIOMMU_ENODEV;
	rc = check(domain, dev, pasid);
	if (rc)
		goto out;
	if (group->resets || uiommu_pasid_find(group, pasid)) {
		rc = -UIOMMU_EBUSY;
		goto out;
	}
	slot = slot_insert(group, pasid);
	if (!slot) {
		rc = -UIOMMU_ENOMEM;
		goto out;
	}
	uiommu_domain_pin(group->sys, domain);
	uiommu_faults_changing(group, pasid, false);
	rc = uiommu_slot_reserve(group, slot, handle);
	if (!rc)
		rc = program(group, slot, domain, NULL);
	if (rc)
		slot_remove(group, slot);
	else
		uiommu_slot_publish(group, slot, domain);
	uiommu_faults_changed(group);
	uiommu_domain_unhold(domain);
out:
	uiommu_group_unlock_put(group);
	return rc;
}

int uiommu_replace_device_pasid(struct uiommu_domain *domain, struct uiommu_device *dev,
				uiommu_pasid_t pasid, struct uiommu_attach_handle *handle)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	struct uiommu_slot *slot;
	int rc;

	if (!group)
		return -UIOMMU_ENODEV;
	rc = check(domain, dev, pasid);
	if (rc)
		goto out;
	slot = uiommu_pasid_find(group, pasid);
	if (!slot || !handle) {
		rc = -UIOMMU_EINVAL;
		goto out;
	}
	rc = group->resets ? -UIOMMU_EBUSY : uiommu_slot_reserve(group, slot, handle);
	if (rc)
		goto out;
	uiommu_domain_pin(group->sys, domain);
	uiommu_faults_changing(group, pasid, false);
	if (slot->domain != domain)
		rc = program(group, slot, domain, slot->domain);
	else
		uiommu_faults_forget(group, pasid);
	if (rc)
		uiommu_slot_cancel(group, slot);
	else
		uiommu_slot_publish(group, slot, domain);
	uiommu_faults_changed(group);
	uiommu_domain_unhold(domain);
out:
	uiommu_group_unlock_put(group);
	return rc;
}

static void detach_locked(struct uiommu_group *group, struct uiommu_slot *slot)
{
	struct uiommu_domain *domain = slot->domain;

	uiommu_faults_changing(group, slot->pasid, true);
	for (struct uiommu_device *member = group->members; member; member = member->group_next) {
		if (!uiommu_pasid_has(member, slot))
			continue;
		if (!member->reset_blocked)
			block_one(member, slot->pasid, domain);
		uiommu_domain_unhold(domain);
	}
	/* The hardware first: a late fault still finds its handle. */
	slot_remove(group, slot);
	uiommu_faults_changed(group);
}

/* For one who has attached through a device that may have left its group since. */
void uiommu_pasid_detach_handle(struct uiommu_group *group, uiommu_pasid_t pasid,
				const struct uiommu_attach_handle *handle)
{
	struct uiommu_slot *slot;

	uiommu_lock(group->sys, &group->mutex);
	slot = uiommu_pasid_find(group, pasid);
	if (slot && slot->handle == handle)
		detach_locked(group, slot);
	uiommu_unlock(group->sys, &group->mutex);
}

void uiommu_detach_device_pasid(struct uiommu_domain *domain, struct uiommu_device *dev,
				uiommu_pasid_t pasid)
{
	struct uiommu_group *group = uiommu_group_lock_of(dev);
	struct uiommu_slot *slot;

	if (!group)
		return;
	slot = uiommu_pasid_find(group, pasid);
	if (!slot || slot->domain != domain) {
		uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
			   "%s: detach of PASID %u, which does not have this domain", dev->name,
			   pasid);
	} else {
		detach_locked(group, slot);
	}
	uiommu_group_unlock_put(group);
}

/* A member leaves: its own table forgets everything, the group's slots stay. */
void uiommu_pasid_block_device(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;

	for (unsigned int i = 0; i < group->num_slots; i++) {
		if (!uiommu_pasid_has(dev, &group->slots[i]))
			continue;
		if (!dev->reset_blocked)
			block_one(dev, group->slots[i].pasid, group->slots[i].domain);
		uiommu_domain_unhold(group->slots[i].domain);
	}
}

/* Into a reset: blocked in hardware, while the slots stay and still count for the member. */
void uiommu_pasid_suspend_device(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;

	for (unsigned int i = 0; i < group->num_slots; i++) {
		if (uiommu_pasid_has(dev, &group->slots[i]))
			block_one(dev, group->slots[i].pasid, group->slots[i].domain);
	}
}

/* Out of it, with the slots that there are by now. */
void uiommu_pasid_resume_device(struct uiommu_device *dev)
{
	struct uiommu_group *group = dev->group;

	for (unsigned int i = 0; i < group->num_slots; i++) {
		const struct uiommu_slot *slot = &group->slots[i];
		int rc;

		if (!uiommu_pasid_has(dev, slot))
			continue;
		rc = uiommu_attach_step(dev, slot->pasid, slot->domain, NULL);
		if (rc)
			uiommu_log(dev->sys->host, UIOMMU_LOG_WARN,
				   "%s: PASID %u stays blocked after a reset: %s", dev->name,
				   slot->pasid, uiommu_strerror(rc));
	}
}

/* No member is left that could use a slot. */
void uiommu_pasid_drop_all(struct uiommu_group *group)
{
	struct uiommu_system *sys = group->sys;

	uiommu_lock(sys, &sys->table);
	group->num_slots = 0;
	uiommu_unlock(sys, &sys->table);
}
