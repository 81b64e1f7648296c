/* SPDX-License-Identifier: MIT */
/*
 * patience.h - a limit for waiting on hardware
 *
 * One second by the host's clock, or a number of turns on a host whose clock stands still.
 */
#ifndef UIOMMU_SRC_CORE_PATIENCE_H
#define UIOMMU_SRC_CORE_PATIENCE_H

#include <uiommu/port.h>

#define UIOMMU_PATIENCE_NS 1000000000ull
#define UIOMMU_PATIENCE_TURNS (1u << 24)

struct uiommu_patience {
	uint64_t start;
	uint32_t turns;
};

static inline void uiommu_patience_begin(void *host, struct uiommu_patience *p)
{
	p->start = uiommu_port_now_ns(host);
	p->turns = 0;
}

/* Takes a turn; false when it has been too long. */
static inline bool uiommu_patience_turn(void *host, struct uiommu_patience *p)
{
	uiommu_port_relax(host);
	if (++p->turns >= UIOMMU_PATIENCE_TURNS)
		return false;
	return uiommu_port_now_ns(host) - p->start < UIOMMU_PATIENCE_NS;
}

#endif /* UIOMMU_SRC_CORE_PATIENCE_H */
