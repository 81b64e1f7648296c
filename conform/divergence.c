/* SPDX-License-Identifier: MIT */
/*
 * divergence.c - where hardware that is not ours is known to differ from its specification
 *
 * A scenario that fails for a reason that stands here is shown as a divergence and not as a failure; one
 * that passes in spite of it is reported too, so that no entry outlives its reason.
 */
#include "conform/report.h"

const struct conform_divergence conform_divergences[] = {
	{ "vtd@qemu", "scalable*", "QEMU *", "C231",
	  "a device that leaves pass-through (PGTT 4) keeps its direct address space until its context entry is "
	  "invalidated: QEMU chooses it then; by 6.5.2.2 a PASID-cache invalidation is enough" },
	{ NULL, NULL, NULL, NULL, NULL },
};
