# SPDX-License-Identifier: MIT
"""The bugs that the explored races must find: see mutate.py for what an edit is.

Run as a program it prints the names of the sources that are read.
"""

ATTACH = "src/core/attach.c"
DEVICE = "src/core/device.c"
FWSPEC = "src/core/fwspec.c"
GROUP = "src/core/group.c"
INSTANCE = "src/core/instance.c"
PAGE_REQUEST = "src/core/page_request.c"
PASID = "src/core/pasid.c"
RESET = "src/core/reset.c"
VTD_DOMAIN = "src/drivers/vtd/domain.c"
VTD_TABLE = "src/drivers/vtd/table.c"
SMMU_ATTACH = "src/drivers/smmuv3/attach.c"
SMMU_CDS = "src/drivers/smmuv3/cds.c"
SMMU_STREAMS = "src/drivers/smmuv3/streams.c"
WALK = "src/pgtable/walk.h"

# Headers are put into the copies of these sources.
HEADERS = [WALK]
INCLUDERS = ["src/pgtable/vtd_ss.c", "src/pgtable/arm_lpae_4k.c"]


def edit(file, function, old, new):
    return {"kind": "edit", "file": file, "function": function, "old": old, "new": new}


def expr(file, function, old, new):
    return {"kind": "expr", "file": file, "function": function, "old": old, "new": new}


def first(file, function, new):
    return {"kind": "first", "file": file, "function": function, "new": new}


def last(file, function, new):
    return {"kind": "last", "file": file, "function": function, "new": new}


def gone(file, function, *olds):
    return [edit(file, function, old, "") for old in olds]


BUGS = {
    # C011: the ready flag is not looked at, so a half made instance is used.
    "ready-unchecked": [expr(FWSPEC, "uiommu_fwspec_init", "!instance->ready", "false")],
    # C011, C025: the lock is dropped before the scan, which runs beside others.
    "scan-unlocked": [
        edit(INSTANCE, "uiommu_instance_register", "uiommu_probe_all(sys);",
             "uiommu_unlock(sys, &sys->probe); uiommu_probe_all(sys); "
             "uiommu_lock(sys, &sys->probe);")],
    # C024: probing takes no lock at all.
    "probe-unlocked": gone(DEVICE, "uiommu_device_probe",
                           "uiommu_lock(dev->sys, &dev->sys->probe);",
                           "uiommu_unlock(dev->sys, &dev->sys->probe);"),
    # C024: the lock is dropped between the two passes.
    "probe-unlocked-early": [
        edit(DEVICE, "probe_one", "probe_second_pass(dev->sys);",
             "uiommu_unlock(dev->sys, &dev->sys->probe); probe_second_pass(dev->sys); "
             "uiommu_lock(dev->sys, &dev->sys->probe);")],
    # C025: an instance leaves without the lock over who is known.
    "unregister-unlocked": gone(INSTANCE, "uiommu_instance_unregister",
                                "uiommu_lock(sys, &sys->probe);",
                                "uiommu_unlock(sys, &sys->probe);"),
    # C081: the handle is published before the attach that may fail.
    "handle-before-attach": [
        edit(ATTACH, "attach_with_handle", "rc = attach_checked(domain, group, replace);",
             "uiommu_slot_publish(group, &group->rid, domain); "
             "rc = attach_checked(domain, group, replace); "
             "if (rc) uiommu_slot_erase(group, &group->rid);")],
    "pasid-before-attach": [
        edit(PASID, "uiommu_attach_device_pasid", "rc = program(group, slot, domain, NULL);",
             "uiommu_slot_publish(group, slot, domain); "
             "rc = program(group, slot, domain, NULL);")],
    # C093: the group's lock is dropped over a part of a member's removal.
    "leave-unlocked-early": [
        edit(DEVICE, "leave", "uiommu_group_del_member(group, dev);",
             "uiommu_unlock(dev->sys, &group->mutex); uiommu_group_del_member(group, dev); "
             "uiommu_lock(dev->sys, &group->mutex);")],
    "park-unlocked": [
        edit(DEVICE, "leave", "park(dev);",
             "uiommu_unlock(dev->sys, &group->mutex); park(dev); "
             "uiommu_lock(dev->sys, &group->mutex);")],
    # C093: attaching takes no lock; an empty group is not noticed.
    "attach-unlocked": gone(ATTACH, "uiommu_attach_group",
                            "uiommu_lock(group->sys, &group->mutex);",
                            "uiommu_unlock(group->sys, &group->mutex);"),
    "attach-empty": [expr(ATTACH, "attach_checked", "!group->members", "false")],
    # S003: the group of a device is taken for granted after the lock was waited for.
    "group-unchecked": [expr(GROUP, "uiommu_group_lock_of", "dev->group == group", "true")],

    # C125: a detach does not wait for the handler; it does not tell that it is under way.
    "flush-beside-handler": gone(PAGE_REQUEST, "flush",
                                 "uiommu_lock(sys, &faults->handling);",
                                 "uiommu_unlock(sys, &faults->handling);"),
    "changing-unnoticed": [expr(PAGE_REQUEST, "find_consumer", "changing(group, pasid)",
                                "false")],
    # C125: an answer is sent without the lock that keeps its group; who answers is decided without one.
    "response-unserialised": gone(PAGE_REQUEST, "uiommu_page_response",
                                  "uiommu_lock(sys, &faults->responding);",
                                  "uiommu_unlock(sys, &faults->responding);"),
    "claim-unlocked": gone(PAGE_REQUEST, "uiommu_page_response",
                           "uiommu_lock(sys, &sys->table);",
                           "uiommu_unlock(sys, &sys->table);"),
    # C125: what the core has answered stays in the consumer's queue.
    "queue-left-behind": [edit(PAGE_REQUEST, "flush", "uiommu_fault_queue_remove(group);",
                               "")],
    # C090: one of two resets lets both through; siblings are forgotten; resets do not nest.
    "reset-not-counted": [expr(RESET, "release_one", "dev->reset_blocked > 1", "false")],
    "reset-alias-missed": [first(RESET, "same_to_iommu", "if (BUG) return a == b;")],
    "reset-switched-through": [expr(ATTACH, "passed_over", "uiommu_blocked_by_reset(dev)",
                                    "false")],
    "reset-not-nested": [expr(RESET, "uiommu_device_reset_done", "--dev->resets", "false")],

    # C160, C092: hardware may walk a domain before invalidations reach it.
    "vtd-tag-late": [
        first(VTD_DOMAIN, "uiommu_vtd_attach_commit",
              "struct vtd_domain *late = vtd_paging(attach->domain); "
              "struct vtd_tag *hidden = NULL; "
              "if (BUG && late) { uiommu_port_mutex_lock(late->host, &late->lock); "
              "hidden = late->tags; late->tags = NULL; "
              "uiommu_port_mutex_unlock(late->host, &late->lock); }"),
        last(VTD_DOMAIN, "uiommu_vtd_attach_commit",
             "if (BUG && late) { uiommu_port_mutex_lock(late->host, &late->lock); "
             "late->tags = hidden; uiommu_port_mutex_unlock(late->host, &late->lock); }")],
    "smmu-tag-late": [
        first(SMMU_ATTACH, "uiommu_smmuv3_attach_commit",
              "struct smmu_domain *late = smmu_paging(attach->domain); "
              "struct smmu_tag *hidden = NULL; "
              "if (BUG && late) { uiommu_port_mutex_lock(late->host, &late->lock); "
              "hidden = late->tags; late->tags = NULL; "
              "uiommu_port_mutex_unlock(late->host, &late->lock); }"),
        last(SMMU_ATTACH, "uiommu_smmuv3_attach_commit",
             "if (BUG && late) { uiommu_port_mutex_lock(late->host, &late->lock); "
             "late->tags = hidden; uiommu_port_mutex_unlock(late->host, &late->lock); }")],
    # C160, C163: invalidations no longer reach hardware that still walks a domain.
    "vtd-unlink-early": [
        first(VTD_DOMAIN, "uiommu_vtd_attach_commit",
              "if (BUG && vtd_paging(attach->old) && attach->old != attach->domain) "
              "link_remove(vtd_paging(attach->old), uiommu_device_priv(attach->dev), "
              "attach->pasid);")],
    "smmu-unlink-early": [
        first(SMMU_ATTACH, "uiommu_smmuv3_attach_commit",
              "if (BUG && smmu_paging(attach->old) && attach->old != attach->domain) "
              "link_remove(smmu_paging(attach->old), smmu_nested(attach->old), "
              "uiommu_device_priv(attach->dev), attach->pasid);")],
    # C092: the list of a domain's devices is changed without its lock.
    "vtd-link-unlocked": gone(VTD_DOMAIN, "link_add",
                              "uiommu_port_mutex_lock(domain->host, &domain->lock);",
                              "uiommu_port_mutex_unlock(domain->host, &domain->lock);"),
    "smmu-link-unlocked": gone(SMMU_ATTACH, "link_add",
                               "uiommu_port_mutex_lock(domain->host, &domain->lock);",
                               "uiommu_port_mutex_unlock(domain->host, &domain->lock);"),
    # C076: an entry is replaced in two halves; what it left in the caches stays.
    "vtd-two-halves": [
        first(VTD_TABLE, "store_pair",
              "if (BUG) { store(&entry[1], high); store(&entry[0], low); return true; }")],
    "vtd-context-kept": [edit(VTD_TABLE, "legacy_set",
                              "uiommu_vtd_flush_context_device(unit, old, device->source_id[i]);",
                              "")],
    "vtd-first-halves": [
        edit(VTD_TABLE, "first_stage_replace",
             "uiommu_vtd_flush_pasid_cache(unit, entry_did(high), pasid);", "")],
    "vtd-no-forget": [edit(VTD_TABLE, "pasid_entry_replace",
                           "pasid_forget(unit, pasid, low, high);", "")],
    "smmu-no-sync": [first(SMMU_CDS, "invalidate", "if (BUG) return;"),
                     first(SMMU_STREAMS, "sync", "if (BUG) return;")],
    # C161: a table counts as visible for the hardware before it is.
    "synced-early": [
        edit(WALK, "pt_sync_link",
             "uiommu_port_cache_flush(pt->config.host, entry, sizeof(*entry)); "
             "atomic_fetch_or_explicit((pt_entry *)entry, FMT_SYNCED, memory_order_release);",
             "atomic_fetch_or_explicit((pt_entry *)entry, FMT_SYNCED, memory_order_release);")],
    # C162: a table is put where another thread has just put one.
    "install-blind": [
        expr(WALK, "pt_install",
             "atomic_compare_exchange_strong_explicit((pt_entry *)entry, &e, "
             "fmt_table((uintptr_t)page - pt->direct_map), "
             "memory_order_acq_rel, memory_order_acquire)",
             "(atomic_store_explicit((pt_entry *)entry, "
             "fmt_table((uintptr_t)page - pt->direct_map), memory_order_release), true)")],
    # C163: an ASID is free before what is cached under it is gone.
    "smmu-id-early": [
        first(SMMU_ATTACH, "tag_put",
              "if (BUG && tag->links == 1) "
              "id_free(tag->smmu, ids_of(tag->smmu, domain), tag->id);"),
        edit(SMMU_ATTACH, "tag_put",
             "id_free(tag->smmu, ids_of(tag->smmu, domain), tag->id);", "")],
}

SOURCES = sorted({e["file"] for edits in BUGS.values() for e in edits} | set(INCLUDERS))
FILES = [file for file in SOURCES if file.endswith(".c")]

if __name__ == "__main__":
    print("\n".join(SOURCES))
