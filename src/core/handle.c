/* SPDX-License-Identifier: MIT */
/*
 * handle.c - who is attached at (group, PASID), and the user's object for it
 *
 * A slot is reserved before the hardware is touched and published after it has succeeded, so a lookup
 * never finds a handle whose attach may still fail.  A handle counts as in use from its reservation on:
 * the same object cannot enter two slots, not even from two threads.
 */
#include "src/core/core.h"

static bool handle_in_use(const struct uiommu_system *sys,
			  const struct uiommu_attach_handle *handle)
{
	for (const struct uiommu_group *group = sys->groups; group; group = group->next) {
		if (group->rid.handle == handle || group->rid.next == handle)
			return true;
		for (unsigned int i = 0; i < group->num_slots; i++) {
			if (group->slots[i].handle == handle || group->slots[i].next == handle)
				return true;
		}
	}
	return false;
}

int uiommu_slot_reserve(struct uiommu_group *group, struct uiommu_slot *slot,
			struct uiommu_attach_handle *handle)
{
	struct uiommu_system *sys = group->sys;
	int rc = 0;

	if (!handle)
		return 0;
	uiommu_lock(sys, &sys->table);
	if (handle_in_use(sys, handle))
		rc = -UIOMMU_EINVAL;
	else
		slot->next = handle;
	uiommu_unlock(sys, &sys->table);
	return rc;
}

void uiommu_slot_publish(struct uiommu_group *group, struct uiommu_slot *slot,
			 struct uiommu_domain *domain)
{
	struct uiommu_system *sys = group->sys;

	uiommu_lock(sys, &sys->table);
	slot->domain = domain;
	slot->handle = slot->next;
	slot->next = NULL;
	slot->live = true;
	if (slot->handle)
		slot->handle->domain = domain;
	uiommu_unlock(sys, &sys->table);
}

void uiommu_slot_cancel(struct uiommu_group *group, struct uiommu_slot *slot)
{
	struct uiommu_system *sys = group->sys;

	uiommu_lock(sys, &sys->table);
	slot->next = NULL;
	uiommu_unlock(sys, &sys->table);
}

void uiommu_slot_erase(struct uiommu_group *group, struct uiommu_slot *slot)
{
	struct uiommu_system *sys = group->sys;

	uiommu_lock(sys, &sys->table);
	slot->domain = NULL;
	slot->handle = NULL;
	slot->next = NULL;
	slot->live = false;
	uiommu_unlock(sys, &sys->table);
}

int uiommu_attach_handle_get(struct uiommu_group *group, uiommu_pasid_t pasid,
			     enum uiommu_domain_type type, struct uiommu_attach_handle **out)
{
	struct uiommu_system *sys = group->sys;
	const struct uiommu_slot *slot;
	int rc = 0;

	*out = NULL;
	uiommu_lock(sys, &sys->table);
	slot = pasid == UIOMMU_RID ? &group->rid : uiommu_pasid_find(group, pasid);
	if (!slot || !slot->live || !slot->handle)
		rc = -UIOMMU_ENOENT;
	else if (type != UIOMMU_DOMAIN_AUTO && uiommu_domain_type(slot->domain) != type)
		rc = -UIOMMU_EBUSY;
	else
		*out = slot->handle;
	uiommu_unlock(sys, &sys->table);
	return rc;
}
