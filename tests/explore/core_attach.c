/* SPDX-License-Identifier: MIT */
/* core_attach.c - attaching beside lookups, removals and resets, in the core alone */
#include "src/core/core.h"
#include "tests/explore/soft_world.h"

struct attaching {
	struct soft_world w;
	struct uiommu_device *dev[2];
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	struct uiommu_attach_handle *handle;
	int rc;
	unsigned int warnings;
};

static void group_of_two(struct attaching *a)
{
	soft_world_open(&a->w);
	MUST(soft_start(a->w.soft, 0) == 0);
	a->dev[0] = soft_world_add(&a->w, 0, 1);
	a->dev[1] = soft_world_add(&a->w, 1, 1);
	a->group = uiommu_group_get(a->dev[0]);
	a->domain = soft_world_domain(&a->w, 0, 0x5000);
}

static void close_group(struct attaching *a)
{
	uiommu_domain_free(a->domain);
	uiommu_group_put(a->group);
	soft_world_close(&a->w, a->warnings);
}

/* ---- C081: a fault between the hardware and the handle ----------------------------------------- */

static void failing_setup(void *state)
{
	struct attaching *a = state;

	group_of_two(a);
	a->w.soft->device[1].attach_error = -UIOMMU_ENOMEM;
}

static void attach_and_fail(void *state)
{
	struct attaching *a = state;

	a->handle = uiommu_port_alloc(a->w.host, sizeof(*a->handle));
	a->rc = uiommu_attach_group_handle(a->domain, a->group, a->handle);
	MUST(a->rc == -UIOMMU_ENOMEM);
	/* It has never been anybody's. */
	uiommu_port_free(a->w.host, a->handle, sizeof(*a->handle));
}

static void look_up(void *state)
{
	struct attaching *a = state;
	struct uiommu_attach_handle *handle;

	for (unsigned int i = 0; i < 2; i++)
		MUST(uiommu_attach_handle_get(a->group, UIOMMU_RID, UIOMMU_DOMAIN_AUTO, &handle) ==
		     -UIOMMU_ENOENT);
}

static void nothing_attached(void *state)
{
	struct attaching *a = state;

	MUST(a->group->domain == a->group->default_domain);
	MUST(a->dev[0]->domain == a->group->default_domain);
	close_group(a);
}

static void pasid_setup(void *state)
{
	struct attaching *a = state;

	soft_world_open(&a->w);
	MUST(soft_start(a->w.soft, 0) == 0);
	a->w.soft->device[0].pasid_bits = 3;
	a->w.soft->device[1].pasid_bits = 3;
	a->dev[0] = soft_world_add(&a->w, 0, 1);
	a->dev[1] = soft_world_add(&a->w, 1, 1);
	a->group = uiommu_group_get(a->dev[0]);
	a->domain = soft_world_domain(&a->w, 0, 0x5000);
	a->w.soft->device[1].attach_error = -UIOMMU_ENOMEM;
}

static void attach_pasid_and_fail(void *state)
{
	struct attaching *a = state;

	a->handle = uiommu_port_alloc(a->w.host, sizeof(*a->handle));
	a->rc = uiommu_attach_device_pasid(a->domain, a->dev[0], 3, a->handle);
	MUST(a->rc == -UIOMMU_ENOMEM);
	uiommu_port_free(a->w.host, a->handle, sizeof(*a->handle));
}

static void look_up_pasid(void *state)
{
	struct attaching *a = state;
	struct uiommu_attach_handle *handle;

	for (unsigned int i = 0; i < 2; i++)
		MUST(uiommu_attach_handle_get(a->group, 3, UIOMMU_DOMAIN_AUTO, &handle) ==
		     -UIOMMU_ENOENT);
}

static void no_pasid_attached(void *state)
{
	struct attaching *a = state;

	MUST(a->group->num_slots == 0);
	MUST(!a->w.soft->device[0].pasid[3] && !a->w.soft->device[1].pasid[3]);
	close_group(a);
}

/* ---- C093: a member leaves while its group attaches -------------------------------------------- */

static void two_setup(void *state)
{
	group_of_two(state);
}

static void attach_group(void *state)
{
	struct attaching *a = state;

	a->rc = uiommu_attach_group(a->domain, a->group);
}

static void remove_second(void *state)
{
	struct attaching *a = state;

	soft_remove(a->w.soft, 1);
}

static void first_stays(void *state)
{
	struct attaching *a = state;

	MUST(a->rc == 0);
	MUST(a->group->num_members == 1 && a->group->domain == a->domain);
	MUST(soft_translate(a->w.soft, 0, UIOMMU_RID, 0x1234) == 0x5234);
	MUST(soft_translate(a->w.soft, 1, UIOMMU_RID, 0x1234) == SOFT_BLOCKED);
	MUST(a->w.soft->device[1].releases == 1);
	MUST(a->w.soft->device[1].parked == UIOMMU_DOMAIN_BLOCKED);
	uiommu_detach_group(a->domain, a->group);
	close_group(a);
}

static void alone_setup(void *state)
{
	struct attaching *a = state;

	soft_world_open(&a->w);
	MUST(soft_start(a->w.soft, 0) == 0);
	a->dev[0] = soft_world_add(&a->w, 0, 0);
	a->group = uiommu_group_get(a->dev[0]);
	a->domain = soft_world_domain(&a->w, 0, 0x5000);
	a->warnings = 1; /* of a group that lost its last device while attached */
}

static void remove_first(void *state)
{
	struct attaching *a = state;

	soft_remove(a->w.soft, 0);
}

/* Either order: the group is empty, nothing is counted any more. */
static void nobody_stays(void *state)
{
	struct attaching *a = state;

	MUST(a->rc == 0 || a->rc == -UIOMMU_ENODEV);
	MUST(!a->group->members && !a->group->domain && !a->group->default_domain);
	MUST(a->w.soft->device[0].releases == 1);
	MUST(a->w.soft->device[0].parked == UIOMMU_DOMAIN_BLOCKED);
	MUST(*a->domain->users == 0);
	close_group(a);
}

/* ---- attach while the instance leaves ---------------------------------------------------------- */

static void unregister(void *state)
{
	struct attaching *a = state;

	soft_stop(a->w.soft, 0);
}

static void attach_device(void *state)
{
	struct attaching *a = state;

	a->rc = uiommu_attach_device(a->domain, a->dev[0]);
}

#define RACE(id, a, b, c, d)                                                        \
	{                                                                           \
		.name = (id), .state_size = sizeof(struct attaching), .setup = (a), \
		.thread = { (b), (c) }, .check = (d)                                \
	}

const struct race races_attach[] = {
	{ "a handle is found after its attach has succeeded, and never if it fails",
	  RACE("C081/core", failing_setup, attach_and_fail, look_up, nothing_attached),
	  { "handle-before-attach" } },
	{ "the same of a PASID",
	  RACE("C081/core-pasid", pasid_setup, attach_pasid_and_fail, look_up_pasid,
	       no_pasid_attached),
	  { "pasid-before-attach" } },
	{ "a member is removed while its group attaches: the others are attached",
	  RACE("C093/core", two_setup, attach_group, remove_second, first_stays),
	  { "leave-unlocked-early", "attach-unlocked" } },
	{ "the last member is removed while its group attaches: either order is clean",
	  RACE("C093/core-last", alone_setup, attach_group, remove_first, nobody_stays),
	  { "attach-empty", "leave-unlocked-early" } },
	{ "a device is attached while its IOMMU unregisters: either order is clean",
	  RACE("S003/core", alone_setup, attach_device, unregister, nobody_stays),
	  { "group-unchecked", "park-unlocked" } },
	{ 0 },
};
