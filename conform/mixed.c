/* SPDX-License-Identifier: MIT */
/*
 * mixed.c - real drivers of two kinds in one machine
 *
 * What registration.c says with a second driver in software, on hardware: each scenario takes two devices that
 * different drivers serve, and is skipped where the machine has drivers of one kind.
 */
#include "conform/vfio.h"

#define PAGE 4096ull
#define IOVA 0x7650000ull
#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* One side: a device, its owner and a space of its own, with nothing attached yet. */
struct side {
	struct machine_device *device;
	struct uiommu_device *dev;
	const struct uiommu_ops *ops;
	struct owner *owner;
	struct space *space;
};

static struct side open_side(struct subject *s, const char *label)
{
	struct side side = {
		.device = subject_machine_device(s, label),
		.dev = subject_device(s, label),
	};

	side.ops = uiommu_device_instance(side.dev)->ops;
	side.owner = subject_own(s, label);
	side.space = owner_space(side.owner, 0);
	return side;
}

static void close_side(struct side *side)
{
	space_end(side->space);
	owner_end(side->owner);
}

/* The first two of the devices that are alone in their groups and have different drivers. */
static void begin(struct subject *s, struct side side[2])
{
	static const char *const labels[] = { "solo0", "solo1", "solo2", "pasid0", "pasid1" };
	const unsigned int count = sizeof(labels) / sizeof(labels[0]);
	unsigned int first = count, second = count;

	subject_boot(s, 0);
	for (unsigned int i = 0; i < count && second == count; i++) {
		struct machine_device *device = machine_device(s->machine, labels[i]);
		struct uiommu_device *dev = device ? machine_device_uiommu(device) : NULL;

		if (!dev || !uiommu_device_instance(dev))
			continue;
		if (first == count)
			first = i;
		else if (uiommu_device_instance(dev)->ops !=
			 uiommu_device_instance(subject_device(s, labels[first]))->ops)
			second = i;
	}
	if (second == count)
		conform_skip(s, "this machine has IOMMUs of one kind");
	side[0] = open_side(s, labels[first]);
	side[1] = open_side(s, labels[second]);
}

static void c004_two_kinds(struct subject *s)
{
	struct subject_buffer b;
	struct side side[2];
	const char *label[2];

	begin(s, side);
	b = subject_buffer(s, 2 * PAGE);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_OK(s, owner_attach(side[i].owner, side[i].space));
	/* What a container does that has a group behind each: every change goes to both domains. */
	for (unsigned int i = 0; i < 2; i++)
		CHECK_OK(s, space_map(side[i].space, IOVA, b.phys, 2 * PAGE, RW));
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int page = 0; page < 2; page++)
			subject_dma_reaches(s, side[i].device, IOVA + page * PAGE,
					    b.phys + page * PAGE, RW, NULL);
	space_unmap_all(side[0].space, IOVA, 2 * PAGE);
	subject_dma_blocked(s, side[0].device, IOVA, b.phys, NULL);
	/* The other one has its own: nothing of it went. */
	subject_dma_reaches(s, side[1].device, IOVA, b.phys, RW, NULL);
	space_unmap_all(side[1].space, IOVA, 2 * PAGE);
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int page = 0; page < 2; page++)
			subject_dma_blocked(s, side[i].device, IOVA + page * PAGE,
					    b.phys + page * PAGE, NULL);
	for (unsigned int i = 0; i < 2; i++)
		owner_detach(side[i].owner, side[i].space);
	subject_buffer_free(s, &b);
	for (unsigned int i = 0; i < 2; i++) {
		label[i] = machine_device_label(side[i].device);
		close_side(&side[i]);
	}
	if (s->kind->backend->user)
		vfio_two_drivers(s, label);
}

static unsigned int attach_calls(struct subject *s)
{
	return wrap_count(s->wrap, WRAP_PREPARE) + wrap_count(s->wrap, WRAP_COMMIT) +
	       wrap_count(s->wrap, WRAP_ABORT);
}

static void c238_foreign_domains(struct subject *s)
{
	struct subject_buffer b[2];
	struct side side[2];
	unsigned int calls;

	begin(s, side);
	for (unsigned int i = 0; i < 2; i++) {
		b[i] = subject_buffer(s, PAGE);
		CHECK_OK(s, space_map(side[i].space, IOVA, b[i].phys, PAGE, RW));
	}
	calls = attach_calls(s);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_RC(s, owner_attach(side[i].owner, side[!i].space), -UIOMMU_EINVAL);
	CHECK(s, attach_calls(s) == calls, "a driver was asked about another driver's domain");
	for (unsigned int i = 0; i < 2; i++)
		CHECK_OK(s, owner_attach(side[i].owner, side[i].space));
	calls = attach_calls(s);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_RC(s, owner_replace(side[i].owner, side[!i].space), -UIOMMU_EINVAL);
	CHECK(s, attach_calls(s) == calls, "a driver was asked about another driver's domain");
	/* And each still sees its own page, and that alone. */
	for (unsigned int i = 0; i < 2; i++)
		subject_dma_reaches(s, side[i].device, IOVA, b[i].phys, RW, NULL);
	for (unsigned int i = 0; i < 2; i++) {
		owner_detach(side[i].owner, side[i].space);
		subject_buffer_free(s, &b[i]);
		close_side(&side[i]);
	}
}

static void c239_foreign_static_domains(struct subject *s)
{
	struct side side[2];
	unsigned int calls;

	begin(s, side);
	calls = attach_calls(s);
	for (unsigned int i = 0; i < 2; i++) {
		struct uiommu_domain *identity =
			(struct uiommu_domain *)(uintptr_t)side[!i].ops->identity_domain;
		struct uiommu_domain *blocked =
			(struct uiommu_domain *)(uintptr_t)side[!i].ops->blocked_domain;

		CHECK(s, identity && blocked, "%s has no static domains", side[!i].ops->name);
		CHECK_RC(s, uiommu_attach_group(identity, owner_group(side[i].owner)),
			 -UIOMMU_EINVAL);
		CHECK_RC(s, uiommu_attach_group(blocked, owner_group(side[i].owner)),
			 -UIOMMU_EINVAL);
	}
	CHECK(s, attach_calls(s) == calls, "a driver was asked about another driver's domain");
	for (unsigned int i = 0; i < 2; i++)
		close_side(&side[i]);
}

const struct conform_scenario conform_mixed[] = {
	{ "C004",
	  "Two groups behind drivers of two kinds: one set of mappings reaches both, and then neither",
	  "CS 4.3; VFIO containers", AREA_GROUPS, CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0,
	  c004_two_kinds },
	{ "C238",
	  "Each of two drivers' domains is refused by the other's devices, without a call of either",
	  "CS 4.3", AREA_GROUPS, CONFORM_HARDWARE, 0, c238_foreign_domains },
	{ "C239", "Nor do one driver's static domains go to another driver's devices", "CS 4.3",
	  AREA_GROUPS, 0, 0, c239_foreign_static_domains },
	{ 0 },
};
