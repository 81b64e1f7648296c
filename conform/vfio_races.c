/* SPDX-License-Identifier: MIT */
/* vfio_races.c - a container that takes a group while members of the group come and go */
#include "conform/vfio.h"

#include <stdatomic.h>
#include <string.h>

#include "conform/races.h"

static const char *const trio_labels[] = { "trio0", "trio1", "trio2" };

struct meeting {
	struct subject *s;
	struct interleave i;
	struct abi *a;
	struct box *b;
	struct machine_device *device; /* that is pulled, or pushed in */
	struct abi_device *member; /* whose driver is taken away, or put back */
	int joined; /* what the container said */
	int rc; /* and the other side */
	bool keeps; /* it stays in the container */
};

/* ---- one side: a program ------------------------------------------------------------------------- */

/* No CHECKs: it runs beside somebody. */
static int join(struct meeting *m)
{
	int rc = abi_set_container(m->a, m->b->group[0], m->b->container);

	if (rc)
		return rc;
	rc = abi_set_iommu(m->a, m->b->container, ABI_VFIO_TYPE1V2_IOMMU);
	if (!rc)
		rc = box_map(m->b, m->s->iova, 0, 2);
	if (rc)
		abi_unset_container(m->a, m->b->group[0]);
	return rc;
}

static void program_joins(void *context)
{
	struct meeting *m = context;

	m->joined = join(m);
}

/* ---- the other: what happens to another member --------------------------------------------------- */

static void member_is_pulled(void *context)
{
	struct meeting *m = context;

	machine_remove_device(m->s->machine, m->device);
	m->rc = 0;
}

static void member_is_added(void *context)
{
	struct meeting *m = context;

	m->rc = machine_add_device(m->s->machine, m->device);
}

static void driver_leaves(void *context)
{
	struct meeting *m = context;

	m->rc = abi_unbind_driver(m->member);
}

static void driver_comes(void *context)
{
	struct meeting *m = context;

	m->rc = abi_bind_driver(m->member, "vfio-pci");
}

static const struct {
	const char *name;
	void (*run)(void *context);
	void (*before)(void *context), (*after)(void *context); /* as it was; NULL: nothing to do */
	bool there; /* afterwards */
} events[] = {
	{ "a member is pulled", member_is_pulled, NULL, member_is_added, false },
	{ "a member comes", member_is_added, member_is_pulled, NULL, true },
	{ "a member's driver leaves", driver_leaves, NULL, driver_comes, true },
	{ "a member's driver comes", driver_comes, driver_leaves, NULL, true },
};
#define EVENTS (sizeof(events) / sizeof(events[0]))

static void put(struct subject *s, struct meeting *m, void (*what)(void *context), const char *name)
{
	if (!what)
		return;
	what(m);
	CHECK(s, m->rc == 0, "%s: %s", name, uiommu_strerror(m->rc));
}

/* Everyone who is in the group is where the program's mappings are; who left is not. */
static void judge(struct subject *s, struct meeting *m, size_t event, unsigned int at)
{
	CHECK(s, m->rc == 0, "%s, point %u: %s", events[event].name, at, uiommu_strerror(m->rc));
	CHECK(s, m->joined == 0, "%s, point %u: the container says %s", events[event].name, at,
	      uiommu_strerror(m->joined));
	for (unsigned int d = 0; d < 3; d++) {
		struct machine_device *device = machine_device(s->machine, trio_labels[d]);
		uint64_t phys = m->b->buffer.phys;

		if (device == m->device && !events[event].there)
			subject_dma_blocked(s, device, s->iova, phys, NULL);
		else
			subject_dma_reaches(s, device, s->iova, phys, RW, NULL);
	}
	CHECK_OK(s, abi_unset_container(m->a, m->b->group[0]));
	CHECK(s, abi_pins(m->a) == 0, "%s, point %u: pages stay pinned", events[event].name, at);
}

static void meet(struct subject *s, struct meeting *m, size_t event)
{
	for (unsigned int order = 0; order < 2; order++) {
		m->i.first = order ? events[event].run : program_joins;
		m->i.second = order ? program_joins : events[event].run;
		for (unsigned int at = 1; at; at = interleave_next(&m->i, at, POINTS / 4)) {
			put(s, m, events[event].before, "before");
			interleave_run(&m->i, at);
			judge(s, m, event, at);
			put(s, m, events[event].after, "after");
		}
	}
}

/* ---- without order --------------------------------------------------------------------------------- */

#define ROUNDS 60

struct loop {
	struct meeting *m;
	size_t event; /* and the one after it, which undoes it */
	uint64_t seed;
	_Atomic int *stop;
	unsigned int rounds;
	struct note note;
};

static void *loop_main(void *context)
{
	struct loop *l = context;
	struct interleave_dice dice = { l->seed };
	struct meeting m = *l->m;

	do {
		events[l->event].run(&m);
		if (m.rc)
			note_wrong(&l->note, "%s: %s", events[l->event].name,
				   uiommu_strerror(m.rc));
		interleave_pause(&dice);
		events[l->event + 1].run(&m);
		if (m.rc)
			note_wrong(&l->note, "%s: %s", events[l->event + 1].name,
				   uiommu_strerror(m.rc));
		interleave_pause(&dice);
		l->rounds++;
	} while (!atomic_load_explicit(l->stop, memory_order_relaxed));
	return NULL;
}

static void all_at_once(struct subject *s, struct meeting *m)
{
	_Atomic int stop = 0;
	struct loop loop[2] = { { .m = m, .event = 0, .stop = &stop },
				{ .m = m, .event = 2, .stop = &stop } };
	struct machine_device *device = machine_device(s->machine, trio_labels[0]);
	struct note seen = { "" };
	pthread_t thread[2];

	for (unsigned int i = 0; i < 2; i++) {
		loop[i].seed = subject_random(s);
		CHECK(s, pthread_create(&thread[i], NULL, loop_main, &loop[i]) == 0, "no thread");
	}
	for (unsigned int n = 0; n < ROUNDS; n++) {
		unsigned char got[16];
		int rc = join(m);

		if (rc) {
			note_wrong(&seen, "round %u: %s", n, uiommu_strerror(rc));
			continue;
		}
		memset(got, 0, sizeof(got));
		if (machine_dma_read(device, s->iova, got, sizeof(got), 0, 0) ==
			    MACHINE_DMA_REFUSED ||
		    memcmp(got, m->b->buffer.mem, sizeof(got)) != 0)
			note_wrong(&seen, "round %u: trio0 does not reach the program's page", n);
		rc = abi_unset_container(m->a, m->b->group[0]);
		if (rc)
			note_wrong(&seen, "round %u: UNSET_CONTAINER: %s", n, uiommu_strerror(rc));
	}
	atomic_store_explicit(&stop, 1, memory_order_relaxed);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	note_judge(s, &seen, "the program", ROUNDS);
	for (unsigned int i = 0; i < 2; i++)
		note_judge(s, &loop[i].note, "beside it", loop[i].rounds);
	race_forget_faults(s);
}

/* The last member's driver leaves: who comes too late is told, and nothing is left. */
static void last_one(struct subject *s, struct meeting *m)
{
	struct box b = box_begin(m->a, 2);
	struct box *trio = m->b;
	struct abi_device *member = m->member;
	unsigned int told = 0, came = 0;

	m->b = &b;
	for (unsigned int order = 0; order < 2; order++) {
		m->i.first = order ? driver_leaves : program_joins;
		m->i.second = order ? program_joins : driver_leaves;
		for (unsigned int at = 1; at; at = interleave_next(&m->i, at, POINTS / 2)) {
			b.groups = 0;
			box_open(&b, "solo0");
			m->member = b.device[0];
			interleave_run(&m->i, at);
			CHECK(s, m->rc == 0, "point %u: unbind: %s", at, uiommu_strerror(m->rc));
			/* It was in before and is out again, or it came too late. */
			CHECK(s,
			      m->joined == 0 || m->joined == -UIOMMU_ENODEV ||
				      m->joined == -UIOMMU_EINVAL,
			      "point %u: the container says %s", at, uiommu_strerror(m->joined));
			told += m->joined != 0;
			came += m->joined == 0;
			CHECK(s, abi_pins(m->a) == 0, "point %u: pages stay pinned", at);
			CHECK_RC(s, abi_set_container(m->a, b.group[0], b.container),
				 -UIOMMU_ENODEV);
			CHECK_OK(s, abi_close(m->a, b.group[0]));
			b.group[0] = -1;
			vfio_is_free(s, "solo0");
		}
	}
	CHECK(s, told && came, "%u came in time and %u too late: both were to be seen", came, told);
	box_end(&b);
	m->b = trio;
	m->member = member;
}

static void c197_members_come_and_go(struct subject *s)
{
	struct meeting m = { .s = s };
	struct box b;

	interleave_install(s, &m.i);
	subject_boot(s, 0);
	m.i.context = &m;
	m.a = vfio_start(s, NULL, false);
	b = box_begin(m.a, 2);
	m.b = &b;
	m.device = subject_machine_device(s, "trio2");
	m.member = abi_vfio_device(m.a, "trio1");
	box_open(&b, "trio0");
	for (size_t event = 0; event < EVENTS; event++)
		meet(s, &m, event);
	last_one(s, &m);
	all_at_once(s, &m);
	box_end(&b);
	abi_end(m.a);
}

const struct conform_scenario conform_vfio_races[] = {
	{ "C197",
	  "A container takes a group while others of its devices are unbound and pulled: in, or a clean error",
	  "mailing list 2022-06 (the device may vanish during attach); CS 8.5", AREA_VFIO,
	  RACE | CONFORM_UAPI, 0, c197_members_come_and_go },
	{ 0 },
};
