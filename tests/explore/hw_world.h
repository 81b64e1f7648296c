/* SPDX-License-Identifier: MIT */
/*
 * hw_world.h - a driver over a model of its hardware, and two devices: for races of mappings and caches
 *
 * Each access to a register, each DMA and each turn of a waiting loop is one step of the hardware.  What
 * the model reports fails the schedule.
 */
#ifndef TEST_EXPLORE_HW_WORLD_H
#define TEST_EXPLORE_HW_WORLD_H

#include "models/model.h"
#include "tests/explore/race.h"

#define HW_DEVICES 2
#define HW_IOVA 0x7fe00000ull
#define HW_PAGE 0x1000ull
#define HW_LEAF 0x200000ull /* what one leaf table spans */
#define HW_BUFFER 0x140000000ull /* nobody looks at what is there */

struct model_memory;
struct model_smmuv3;
struct model_vtd;

struct hw_world {
	void *host, *own;
	struct uiommu_system *sys;
	struct uiommu_fwnode node;
	struct model_memory *memory;
	struct model_vtd *vtd; /* one of the two */
	struct model_smmuv3 *smmu;
	struct uiommu_vtd *vtd_unit;
	struct uiommu_smmuv3 *smmu_unit;
	const struct model_iommu *iommu;
	struct {
		struct hw_world *w;
		uint32_t id;
		struct uiommu_device *dev;
	} device[HW_DEVICES];
};

/* @model: "vtd" or "smmuv3", and the preset of its model */
void hw_world_open(struct hw_world *w, const char *model, const char *preset);
void hw_world_close(struct hw_world *w);

/* A domain for the first device. */
struct uiommu_domain *hw_domain(struct hw_world *w);

/* One read of a device: where it arrives, 0: refused. */
uint64_t hw_reads(struct hw_world *w, unsigned int device, uint64_t iova);

/* From now on a stale translation that is used is reported, and not only seen by where it leads. */
void hw_quiet(struct hw_world *w);

#endif /* TEST_EXPLORE_HW_WORLD_H */
