/* SPDX-License-Identifier: MIT */
/*
 * divergence.c - where hardware is known to differ from its specification, or cannot show something
 *
 * A scenario that fails for a reason that stands here is shown as a divergence and not as a failure; one
 * that passes in spite of it is reported too, so that no entry outlives its reason.  The same for saboteurs that
 * hardware cannot show, ours among it.  docs/conformance/qemu.md tells how each was found on QEMU.
 */
#include "conform/report.h"

const struct conform_divergence conform_divergences[] = {
	{ NULL, NULL, NULL, NULL, NULL },
};

#define VTD "vtd@qemu"
#define SMMUV3 "smmuv3@model"
#define VIRTIO "virtio@model"
#define MIXED "mixed@model"
#define ANY "QEMU *"
/* No TLB holds an entry that faults (DDI 0487, D8). */
#define NOTHING_KEPT "an SMMU keeps nothing that was not there"
#define RANGE_IN_UNMAP "UNMAP requests name the range, and a sync waits for all of them"

const struct conform_blindness conform_blindnesses[] = {
	{ VTD, "QEMU [789].*", "drop-iotlb-sync-first-stage", "it has no first-stage tables" },
	{ VTD, ANY, "sync-leaves-only",
	  "it keeps no paging structures: each miss of its IOTLB walks from the root" },
	{ VTD, ANY, "drop-sync-map",
	  "with caching mode, too, it keeps nothing that was not present" },
	{ VTD, ANY, "rid-takes-pasid-along", "no device of it sends requests with PASID" },
	{ VTD, ANY, "pasid-*", "no device of it sends requests with PASID" },
	{ VTD, ANY, "dirty-*", "it has no dirty tracking" },
	{ VTD, ANY, "set-dirty-pretends", "it has no dirty tracking" },
	{ VTD, ANY, "resv-without-direct", "its DMAR table reserves no memory for devices" },
	{ VTD, ANY, "sync*-before-newcomer", "no device of it does DMA while the driver works" },

	{ SMMUV3, "model", "drop-sync-map", NOTHING_KEPT },
	{ SMMUV3, "model", "sync-map-before-newcomer", NOTHING_KEPT },
	{ SMMUV3, "model", "enforce-lies", "no domain of it can force snooping" },
	{ SMMUV3, "model", "set-dirty-pretends",
	  "its domains record writes all the time: there is nothing to switch on" },

	{ VIRTIO, "model", "sync-first-page", RANGE_IN_UNMAP },
	{ VIRTIO, "model", "sync-all-but-*", RANGE_IN_UNMAP },
	{ VIRTIO, "model", "sync-aligned-down", RANGE_IN_UNMAP },
	{ VIRTIO, "model", "sync-leaves-only", "it has no tables" },
	{ VIRTIO, "model", "map-forgets-progress", "a mapping is one entry: there is no half" },
	{ VIRTIO, "model", "map-sg-*", "its driver has no operation for lists" },
	{ VIRTIO, "model", "unmap-loses-tables", "it has no tables" },
	{ VIRTIO, "model", "abort-forgotten", "attaching has one phase there" },
	{ VIRTIO, "model", "rid-takes-pasid-along", "it has no PASIDs" },
	{ VIRTIO, "model", "pasid-*", "it has no PASIDs" },
	{ VIRTIO, "model", "enforce-lies", "no domain of it can force snooping" },
	{ VIRTIO, "model", "dirty-*", "it has no dirty tracking" },
	{ VIRTIO, "model", "set-dirty-pretends", "it has no dirty tracking" },

	{ MIXED, "model", "enforce-lies", "no domain of solo0 can force snooping" },
	{ MIXED, "model", "dirty-*", "none of these IOMMUs has dirty tracking" },
	{ MIXED, "model", "set-dirty-pretends", "none of these IOMMUs has dirty tracking" },
	{ NULL, NULL, NULL, NULL },
};
