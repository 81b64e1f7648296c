/* SPDX-License-Identifier: MIT */
/* core_probe.c - devices and instances that come and go while others look for them, in the core alone */
#include "src/core/core.h"
#include "tests/explore/soft_world.h"

struct probing {
	struct soft_world w;
	struct uiommu_device *dev[2];
	int rc[2];
};

/* ---- C011: a client that binds while the instance registers ------------------------------------ */

static void waiting_setup(void *state)
{
	struct probing *p = state;

	soft_world_open(&p->w);
	p->dev[0] = soft_world_add(&p->w, 0, 0);
	MUST(uiommu_device_status(p->dev[0]) == UIOMMU_STATUS_DEFERRED);
}

static void start_first(void *state)
{
	struct probing *p = state;

	p->rc[0] = soft_start(p->w.soft, 0);
}

static void client_binds(void *state)
{
	struct probing *p = state;

	p->rc[1] = uiommu_device_probe(p->dev[0]);
	if (p->rc[1]) {
		MUST(p->rc[1] == -UIOMMU_EPROBE_DEFER);
		return;
	}
	/* Whoever is let in finds everything made. */
	MUST(uiommu_device_is_translated(p->dev[0]));
	MUST(uiommu_device_bind_driver(p->dev[0], 0) == 0);
	uiommu_device_unbind_driver(p->dev[0]);
}

static void adopted(void *state)
{
	struct probing *p = state;

	MUST(p->rc[0] == 0);
	MUST(!p->w.soft->too_early);
	MUST(p->w.soft->device[0].probes == 1 && p->w.soft->device[0].finalizes == 1);
	MUST(uiommu_device_is_translated(p->dev[0]));
	soft_world_close(&p->w, 0);
}

/* ---- C024: two threads probe one device -------------------------------------------------------- */

static void unwanted_setup(void *state)
{
	struct probing *p = state;

	soft_world_open(&p->w);
	MUST(soft_start(p->w.soft, 0) == 0);
	p->w.soft->device[0].probe_error = -UIOMMU_ENODEV;
	p->dev[0] = soft_world_add(&p->w, 0, 0);
	p->w.soft->device[0].probe_error = 0;
	p->w.soft->device[0].probes = 0;
}

static void probe_once(void *state)
{
	struct probing *p = state;
	struct uiommu_group *group;

	p->rc[explore_self()] = uiommu_device_probe(p->dev[0]);
	/* Whoever asked finds it as it will be, and not on its way there. */
	MUST(uiommu_device_is_translated(p->dev[0]));
	group = uiommu_group_get(p->dev[0]);
	MUST(group && uiommu_group_domain(group));
	uiommu_group_put(group);
}

static void probed_once(void *state)
{
	struct probing *p = state;

	MUST(p->rc[0] == 0 && p->rc[1] == 0);
	MUST(p->w.soft->device[0].probes == 1 && p->w.soft->device[0].finalizes == 1);
	MUST(uiommu_instance_num_devices(&p->w.soft->instance[0].instance) == 1);
	MUST(p->dev[0]->group && p->dev[0]->group->num_members == 1);
	soft_world_close(&p->w, 0);
}

/* ---- C025: two instances at once --------------------------------------------------------------- */

static void two_waiting_setup(void *state)
{
	struct probing *p = state;

	soft_world_open(&p->w);
	p->w.soft->device[1].instance = 1;
	p->dev[0] = soft_world_add(&p->w, 0, 0);
	p->dev[1] = soft_world_add(&p->w, 1, 0);
}

static void start_own(void *state)
{
	struct probing *p = state;
	const unsigned int me = explore_self();

	p->rc[me] = soft_start(p->w.soft, me);
	/* Those of an instance are there when its registration has returned. */
	MUST(uiommu_device_is_translated(p->dev[me]));
}

static void each_by_its_own(void *state)
{
	struct probing *p = state;

	for (unsigned int i = 0; i < 2; i++) {
		const struct soft_device *d = &p->w.soft->device[i];

		MUST(p->rc[i] == 0);
		MUST(d->probes == 1 && d->finalizes == 1);
		MUST(d->probed_by == &p->w.soft->instance[i].instance);
	}
	MUST(p->dev[0]->group->id != p->dev[1]->group->id);
	MUST(!p->w.soft->too_early);
	soft_world_close(&p->w, 0);
}

static void two_running_setup(void *state)
{
	struct probing *p = state;

	two_waiting_setup(state);
	MUST(soft_start(p->w.soft, 0) == 0 && soft_start(p->w.soft, 1) == 0);
}

static void stop_own(void *state)
{
	struct probing *p = state;

	soft_stop(p->w.soft, explore_self());
}

static void each_waits_again(void *state)
{
	struct probing *p = state;

	for (unsigned int i = 0; i < 2; i++) {
		MUST(uiommu_device_status(p->dev[i]) == UIOMMU_STATUS_DEFERRED);
		MUST(!uiommu_device_has_group(p->dev[i]));
		MUST(p->w.soft->device[i].releases == 1);
	}
	MUST(!p->w.sys->groups && !p->w.sys->instances);
	soft_world_close(&p->w, 0);
}

#define RACE(id, a, b, c, d)                                                      \
	{                                                                         \
		.name = (id), .state_size = sizeof(struct probing), .setup = (a), \
		.thread = { (b), (c) }, .check = (d)                              \
	}

const struct race races_core[] = {
	{ "a device that is probed while its instance registers waits, or finds it ready",
	  RACE("C011/core", waiting_setup, start_first, client_binds, adopted),
	  { "ready-unchecked", "scan-unlocked" } },
	{ "two threads probe a device: its driver is asked once",
	  RACE("C024/core", unwanted_setup, probe_once, probe_once, probed_once),
	  { "probe-unlocked", "probe-unlocked-early" } },
	{ "two instances register at once: each device is probed once, by its own",
	  RACE("C025/core-register", two_waiting_setup, start_own, start_own, each_by_its_own),
	  { "scan-unlocked", "ready-unchecked" } },
	{ "two instances leave at once: each device is released once",
	  RACE("C025/core-leave", two_running_setup, stop_own, stop_own, each_waits_again),
	  { "unregister-unlocked" } },
	{ 0 },
};
