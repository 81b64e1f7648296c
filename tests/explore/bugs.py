# SPDX-License-Identifier: MIT
"""The bugs that the explored races must find: see mutate.py for what an edit is."""

ATTACH = "src/core/attach.c"
DEVICE = "src/core/device.c"
FWSPEC = "src/core/fwspec.c"
GROUP = "src/core/group.c"
INSTANCE = "src/core/instance.c"
PASID = "src/core/pasid.c"

BUGS = {
    # C011: the ready flag is not looked at, so a half made instance is used.
    "ready-unchecked": [
        {"file": FWSPEC, "in": "uiommu_fwspec_init", "expr": True,
         "old": "!instance->ready", "new": "false"},
    ],
    # C011, C025: the lock is dropped before the scan, which runs beside others.
    "scan-unlocked": [
        {"file": INSTANCE, "in": "uiommu_instance_register",
         "old": "uiommu_probe_all(sys);",
         "new": "uiommu_unlock(sys, &sys->probe); uiommu_probe_all(sys); "
                "uiommu_lock(sys, &sys->probe);"},
    ],
    # C024: probing takes no lock at all.
    "probe-unlocked": [
        {"file": DEVICE, "in": "uiommu_device_probe",
         "old": "uiommu_lock(dev->sys, &dev->sys->probe);", "new": ""},
        {"file": DEVICE, "in": "uiommu_device_probe",
         "old": "uiommu_unlock(dev->sys, &dev->sys->probe);", "new": ""},
    ],
    # C024: the lock is dropped between the two passes.
    "probe-unlocked-early": [
        {"file": DEVICE, "in": "probe_one",
         "old": "probe_second_pass(dev->sys);",
         "new": "uiommu_unlock(dev->sys, &dev->sys->probe); probe_second_pass(dev->sys); "
                "uiommu_lock(dev->sys, &dev->sys->probe);"},
    ],
    # C025: an instance leaves without the lock over who is known.
    "unregister-unlocked": [
        {"file": INSTANCE, "in": "uiommu_instance_unregister",
         "old": "uiommu_lock(sys, &sys->probe);", "new": ""},
        {"file": INSTANCE, "in": "uiommu_instance_unregister",
         "old": "uiommu_unlock(sys, &sys->probe);", "new": ""},
    ],
    # C081: the handle is published before the attach that may fail.
    "handle-before-attach": [
        {"file": ATTACH, "in": "attach_with_handle",
         "old": "rc = attach_checked(domain, group, replace);",
         "new": "uiommu_slot_publish(group, &group->rid, domain); "
                "rc = attach_checked(domain, group, replace); "
                "if (rc) uiommu_slot_erase(group, &group->rid);"},
    ],
    "pasid-before-attach": [
        {"file": PASID, "in": "uiommu_attach_device_pasid",
         "old": "rc = program(group, slot, domain, NULL);",
         "new": "uiommu_slot_publish(group, slot, domain); "
                "rc = program(group, slot, domain, NULL);"},
    ],
    # C093: the group's lock is dropped over a part of a member's removal.
    "leave-unlocked-early": [
        {"file": DEVICE, "in": "leave",
         "old": "uiommu_group_del_member(group, dev);",
         "new": "uiommu_unlock(dev->sys, &group->mutex); uiommu_group_del_member(group, dev); "
                "uiommu_lock(dev->sys, &group->mutex);"},
    ],
    "park-unlocked": [
        {"file": DEVICE, "in": "leave",
         "old": "park(dev);",
         "new": "uiommu_unlock(dev->sys, &group->mutex); park(dev); "
                "uiommu_lock(dev->sys, &group->mutex);"},
    ],
    # C093: attaching takes no lock; an empty group is not noticed.
    "attach-unlocked": [
        {"file": ATTACH, "in": "uiommu_attach_group",
         "old": "uiommu_lock(group->sys, &group->mutex);", "new": ""},
        {"file": ATTACH, "in": "uiommu_attach_group",
         "old": "uiommu_unlock(group->sys, &group->mutex);", "new": ""},
    ],
    "attach-empty": [
        {"file": ATTACH, "in": "attach_checked", "expr": True,
         "old": "!group->members", "new": "false"},
    ],
    # S003: the group of a device is taken for granted after the lock was waited for.
    "group-unchecked": [
        {"file": GROUP, "in": "uiommu_group_lock_of", "expr": True,
         "old": "dev->group == group", "new": "true"},
    ],
}

FILES = sorted({edit["file"] for edits in BUGS.values() for edit in edits})

if __name__ == "__main__":
    print("\n".join(FILES))
