/* SPDX-License-Identifier: MIT */
/* soft_world.h - a system with the software driver alone: for races of the core */
#ifndef TEST_EXPLORE_SOFT_WORLD_H
#define TEST_EXPLORE_SOFT_WORLD_H

#include "conform/soft.h"
#include "tests/explore/race.h"

struct soft_world {
	void *host;
	struct uiommu_system *sys;
	struct soft *soft;
};

/* A system, and two instances that are not registered. */
void soft_world_open(struct soft_world *w);
/* Device @device in group @group (0: alone), added. */
struct uiommu_device *soft_world_add(struct soft_world *w, unsigned int device, unsigned int group);
/* A domain for it with one page: 0x1000 to @phys. */
struct uiommu_domain *soft_world_domain(struct soft_world *w, unsigned int device, uint64_t phys);
/* Nothing was warned of, nothing was mixed up; all goes away and leaves nothing. */
void soft_world_close(struct soft_world *w, unsigned int warnings);

#endif /* TEST_EXPLORE_SOFT_WORLD_H */
