/* SPDX-License-Identifier: MIT */
/*
 * divergence.c - where hardware that is not ours is known to differ from its specification, or shows less
 *
 * A scenario that fails for a reason that stands here is shown as a divergence and not as a failure; one
 * that passes in spite of it is reported too, so that no entry outlives its reason.  The same for saboteurs that
 * hardware cannot show.  docs/conformance/qemu.md tells how each was found.
 */
#include "conform/report.h"

const struct conform_divergence conform_divergences[] = {
	{ NULL, NULL, NULL, NULL, NULL },
};

#define VTD "vtd@qemu"
#define ANY "QEMU *"

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
	{ NULL, NULL, NULL, NULL },
};
