/* SPDX-License-Identifier: MIT */
/*
 * core_reset.c - functions that the IOMMU cannot tell from each other are reset at once
 *
 * From prepare to done of either of them both are blocked, however the two overlap.
 */
#include "src/core/core.h"
#include "tests/explore/soft_world.h"

struct resetting {
	struct soft_world w;
	struct uiommu_device *dev[2];
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	uint32_t id; /* that both have */
};

static void aliases_setup(void *state)
{
	struct resetting *r = state;

	soft_world_open(&r->w);
	MUST(soft_start(r->w.soft, 0) == 0);
	r->id = 40;
	for (unsigned int d = 0; d < 2; d++) {
		r->w.soft->device[d].ids = &r->id;
		r->w.soft->device[d].num_ids = 1;
		r->dev[d] = soft_world_add(&r->w, d, 1);
	}
	r->group = uiommu_group_get(r->dev[0]);
	r->domain = soft_world_domain(&r->w, 0, 0x5000);
	MUST(uiommu_attach_group(r->domain, r->group) == 0);
}

static bool is_blocked(struct uiommu_device *dev)
{
	const struct uiommu_domain *domain = uiommu_device_domain(dev);

	return domain && uiommu_domain_type(domain) == UIOMMU_DOMAIN_BLOCKED;
}

static void reset(struct resetting *r, unsigned int d)
{
	MUST(uiommu_device_reset_prepare(r->dev[d]) == 0);
	MUST(is_blocked(r->dev[d]) && uiommu_device_in_reset(r->dev[d]));
	/* Here the function is reset; its sibling's DMA would look like its own. */
	MUST(is_blocked(r->dev[!d]));
	uiommu_device_reset_done(r->dev[d]);
}

static void reset_first(void *state)
{
	reset(state, 0);
}

static void reset_second(void *state)
{
	reset(state, 1);
}

static void detach(void *state)
{
	struct resetting *r = state;

	uiommu_detach_group(r->domain, r->group);
}

static void check(struct resetting *r, struct uiommu_domain *domain)
{
	for (unsigned int d = 0; d < 2; d++) {
		MUST(!uiommu_device_in_reset(r->dev[d]));
		MUST(r->dev[d]->domain == domain);
		MUST(r->w.soft->device[d].domain == domain);
		MUST(!r->dev[d]->resets && !r->dev[d]->reset_blocked);
	}
	MUST(!r->group->resets);
	if (domain == r->domain)
		uiommu_detach_group(domain, r->group);
	uiommu_domain_free(r->domain);
	uiommu_group_put(r->group);
	soft_world_close(&r->w, 0);
}

static void back_again(void *state)
{
	struct resetting *r = state;

	check(r, r->domain);
}

static void at_default(void *state)
{
	struct resetting *r = state;

	check(r, r->group->default_domain);
}

#define RACE(id, a, b, c, d)                                                        \
	{                                                                           \
		.name = (id), .state_size = sizeof(struct resetting), .setup = (a), \
		.thread = { (b), (c) }, .check = (d)                                \
	}

const struct race races_reset[] = {
	{ "aliases are reset at once: neither is let through before both are done",
	  RACE("C090/core", aliases_setup, reset_first, reset_second, back_again),
	  { "reset-not-counted", "reset-alias-missed" } },
	{ "two threads reset one function: it is blocked until the later of them is done",
	  RACE("C090/core-nested", aliases_setup, reset_first, reset_first, back_again),
	  { "reset-not-nested" } },
	{ "a group is detached during a reset: its members stay blocked, and come back to the default",
	  RACE("C090/core-detach", aliases_setup, reset_first, detach, at_default),
	  { "reset-switched-through" } },
	{ 0 },
};
