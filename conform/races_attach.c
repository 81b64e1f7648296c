/* SPDX-License-Identifier: MIT */
/* races_attach.c - a stream, or a removal, beside attach and replace */
#include "conform/races.h"

/* ---- replace under a stream -------------------------------------------------------------------- */

struct streamed {
	struct subject *s;
	struct interleave i;
	struct lane lane;
	struct uiommu_domain *domain[2];
	struct uiommu_attach_handle handle[2];
	struct subject_buffer buffer;
	bool streaming;
	unsigned int stood_still;
};

/* The device has finished a word since we came. */
static void wait_for_stream(void *context)
{
	struct streamed *t = context;
	struct machine_stream_stats before, now;
	struct interleave_wait wait = { 0 };

	if (!t->streaming)
		return;
	machine_stream_stats(t->lane.device, &before);
	do {
		machine_stream_stats(t->lane.device, &now);
		if (now.done + now.refused != before.done + before.refused)
			return;
	} while (interleave_wait(&wait));
	t->stood_still++;
}

/*
 * At a point of the replace: the device has finished a word since we came.  A driver that waits for late
 * answers may pass many points: after the first ones only each tenth is waited at, so that it ends in time.
 */
static void wait_at_point(void *context)
{
	const struct streamed *t = context;

	if (t->i.points <= POINTS || t->i.points % 10 == 0)
		wait_for_stream(context);
}

static void stream_start(struct streamed *t, uint64_t iova, uint64_t a, uint64_t b)
{
	CHECK_OK(t->s, machine_stream_start(t->lane.device, iova, t->s->page, t->lane.how.pasid,
					    t->lane.how.flags, a, b));
	t->streaming = true;
}

static void stream_stop(struct streamed *t, struct machine_stream_stats *stats)
{
	t->streaming = false;
	machine_stream_stop(t->lane.device, stats);
	CHECK(t->s, !t->stood_still, "the device did not go on with its stream");
}

static int streamed_replace(struct streamed *t, unsigned int to)
{
	return t->lane.how.pasid ?
		       uiommu_replace_device_pasid(t->domain[to], t->lane.dev, t->lane.how.pasid,
						   &t->handle[to]) :
		       uiommu_replace_group_handle(t->lane.group, t->domain[to], &t->handle[to]);
}

static void nothing(void *context)
{
	(void)context;
}

static void replace_to_second(void *context)
{
	struct streamed *t = context;

	if (streamed_replace(t, 1))
		t->stood_still++;
}

static void replace_to_first(void *context)
{
	struct streamed *t = context;

	if (streamed_replace(t, 0))
		t->stood_still++;
}

/*
 * Buffer: page 0 the same in both domains, 1 and 2 one for each, 3 and 4 what lies at these IOVAs untranslated:
 * the IOVAs are chosen so that a device that is let through for a moment reads something, and the wrong thing.
 */
static void stream_through_replace(struct subject *s, struct interleave *i, struct lane lane)
{
	struct streamed t = { .s = s, .i = *i, .lane = lane };
	struct machine_stream_stats stats;
	uint64_t word[4], iova;
	struct note seen = { "" };
	bool no_gap = !lane.how.pasid &&
		      uiommu_device_capable(lane.dev, UIOMMU_CAP_HITLESS_REPLACE);

	t.buffer = subject_buffer(s, 8 * s->page);
	iova = t.buffer.phys + 3 * s->page;
	for (unsigned int n = 0; n < 4; n++)
		word[n] = subject_random(s);
	race_fill(s, &t.buffer, 3, word[3]);
	race_fill(s, &t.buffer, 4, word[3]);
	for (unsigned int d = 0; d < 2; d++) {
		t.domain[d] = subject_domain(s, lane.dev, lane_alloc_flags(&lane));
		CHECK_OK(s, uiommu_map(t.domain[d], iova, t.buffer.phys, s->page, RW));
		CHECK_OK(s, uiommu_map(t.domain[d], iova + s->page,
				       t.buffer.phys + (1 + d) * s->page, s->page, RW));
	}
	for (unsigned int n = 0; n < 3; n++)
		race_fill(s, &t.buffer, n, word[n]);
	if (lane.how.pasid)
		CHECK_OK(s, uiommu_attach_device_pasid(t.domain[0], lane.dev, lane.how.pasid,
						       &t.handle[0]));
	else
		CHECK_OK(s, uiommu_attach_group_handle(t.domain[0], lane.group, &t.handle[0]));

	t.i.context = &t;
	t.i.at_point = wait_at_point;
	t.i.second = nothing;
	/* A page that differs: the old or the new.  Then one that both have: no other. */
	for (unsigned int both = 0; both < 2; both++) {
		stream_start(&t, iova + (both ? 0 : s->page), both ? word[0] : word[1],
			     both ? word[0] : word[2]);
		for (unsigned int n = 0; n < 6; n++) {
			t.i.first = n % 2 ? replace_to_first : replace_to_second;
			interleave_run(&t.i, UINT32_MAX);
			wait_for_stream(&t);
			CHECK(s, !t.stood_still,
			      "a replace failed, or the device did not go on with its stream");
		}
		stream_stop(&t, &stats);
		CHECK(s, stats.wrong == 0, "%llu of %llu words read during replace are wrong",
		      (unsigned long long)stats.wrong, (unsigned long long)stats.done);
		CHECK(s, !no_gap || !stats.refused,
		      "%llu words were refused during replace, which has no gap as the driver says",
		      (unsigned long long)stats.refused);
		/* One begins after each replace has returned and ends before the next one. */
		CHECK(s, stats.done >= 6, "only %llu words were read",
		      (unsigned long long)stats.done);
	}
	/* When it has returned: the new page alone, and without a refusal. */
	for (unsigned int n = 0; n < 6; n++) {
		unsigned int to = !(n % 2);

		race_fill(s, &t.buffer, 1, word[1]);
		race_fill(s, &t.buffer, 2, word[2]);
		stream_start(&t, iova + s->page, word[1], word[2]);
		wait_for_stream(&t);
		t.i.first = to ? replace_to_second : replace_to_first;
		interleave_run(&t.i, UINT32_MAX);
		stream_stop(&t, &stats);
		/* What it read before the switch it may have written after it. */
		race_fill(s, &t.buffer, 1, word[1]);
		race_fill(s, &t.buffer, 2, word[2]);
		lane_reads(&t.lane, iova + s->page, word[1 + to], &seen, "after replace");
		note_judge(s, &seen, "replace", n);
		stream_start(&t, iova + s->page, word[1 + to], word[1 + to]);
		for (unsigned int k = 0; k < 4; k++)
			wait_for_stream(&t);
		stream_stop(&t, &stats);
		CHECK(s, !stats.wrong && !stats.refused,
		      "after replace %llu words are wrong and %llu refused",
		      (unsigned long long)stats.wrong, (unsigned long long)stats.refused);
	}
	lane_detach(&t.lane, t.domain[0]);
	for (unsigned int d = 0; d < 2; d++)
		uiommu_domain_free(t.domain[d]);
	subject_buffer_free(s, &t.buffer);
	race_forget_faults(s);
}

static void c074_replace_under_dma(struct subject *s)
{
	struct interleave i = { 0 };

	interleave_install(s, &i);
	subject_boot(s, 0);
	lane_for_each(s, &i, stream_through_replace);
}
/* ---- removal ----------------------------------------------------------------------------------- */

static const char *const trio_labels[] = { "trio0", "trio1", "trio2" };

struct leaving {
	struct subject *s;
	struct interleave i;
	struct machine_device *device; /* that is removed */
	struct uiommu_group *group;
	struct uiommu_domain *domain, *other;
	struct uiommu_attach_handle handle;
	int rc;
};

static void leave(void *context)
{
	struct leaving *l = context;

	machine_remove_device(l->s->machine, l->device);
}

static void attach_group(void *context)
{
	struct leaving *l = context;

	l->rc = uiommu_attach_group(l->domain, l->group);
}

static void replace_group(void *context)
{
	struct leaving *l = context;

	l->rc = uiommu_replace_group_handle(l->group, l->other, &l->handle);
}

static void detach_group(void *context)
{
	struct leaving *l = context;

	uiommu_detach_group(l->domain, l->group);
	l->rc = 0;
}

static void claim_group(void *context)
{
	struct leaving *l = context;

	l->rc = uiommu_group_claim_dma_owner(l->group, l->s);
}

/* What meets the removal, and what the members that stay reach afterwards: page 0, 1, or -1: nothing. */
static const struct {
	const char *name;
	void (*run)(void *context);
	bool attached; /* before */
	int page;
} partings[] = {
	{ "attach", attach_group, false, 0 },
	{ "replace", replace_group, true, 1 },
	{ "detach", detach_group, true, -1 },
};
#define PARTINGS (sizeof(partings) / sizeof(partings[0]))

/* One of three members leaves. */
static void member_leaves(struct subject *s, struct leaving *l, const struct subject_buffer *buffer)
{
	for (size_t p = 0; p < 2 * PARTINGS; p++) {
		const size_t what = p / 2;

		l->i.first = p % 2 ? leave : partings[what].run;
		l->i.second = p % 2 ? partings[what].run : leave;
		for (unsigned int at = 1; at; at = interleave_next(&l->i, at, POINTS / 4)) {
			if (partings[what].attached)
				CHECK_OK(s, uiommu_attach_group(l->domain, l->group));
			interleave_run(&l->i, at);
			CHECK(s, l->rc == 0, "%s, point %u: %s", partings[what].name, at,
			      uiommu_strerror(l->rc));
			CHECK(s, uiommu_group_num_devices(l->group) == 2,
			      "%s, point %u: %u members are left", partings[what].name, at,
			      uiommu_group_num_devices(l->group));
			for (unsigned int d = 0; d < 3; d++) {
				struct machine_device *device =
					machine_device(s->machine, trio_labels[d]);

				if (device == l->device || partings[what].page < 0)
					subject_dma_blocked(s, device, s->iova, buffer->phys, NULL);
				else
					subject_dma_reaches(s, device, s->iova,
							    buffer->phys +
								    partings[what].page * s->page,
							    RW, NULL);
			}
			if (partings[what].page >= 0)
				uiommu_detach_group(partings[what].page ? l->other : l->domain,
						    l->group);
			CHECK_OK(s, machine_add_device(s->machine, l->device));
			CHECK(s, uiommu_group_num_devices(l->group) == 3, "it did not come back");
			subject_dma_blocked(s, l->device, s->iova, buffer->phys, NULL);
		}
	}
}

/* The only member leaves: whoever comes too late is told. */
static void last_one_leaves(struct subject *s, struct leaving *l,
			    const struct subject_buffer *buffer, bool owned)
{
	const char *what = owned ? "attach" : "claim";

	for (unsigned int order = 0; order < 2; order++) {
		void (*run)(void *context) = owned ? attach_group : claim_group;

		l->i.first = order ? leave : run;
		l->i.second = order ? run : leave;
		for (unsigned int at = 1; at; at = interleave_next(&l->i, at, POINTS / 2)) {
			l->group = subject_group(s, "solo0");
			if (owned)
				CHECK_OK(s, uiommu_group_claim_dma_owner(l->group, s));
			l->domain = subject_domain(s, subject_device(s, "solo0"), 0);
			CHECK_OK(s, uiommu_map(l->domain, s->iova, buffer->phys, s->page, RW));
			interleave_run(&l->i, at);
			CHECK(s, l->rc == 0 || l->rc == -UIOMMU_ENODEV, "%s, point %u: %s", what,
			      at, uiommu_strerror(l->rc));
			CHECK(s,
			      uiommu_group_num_devices(l->group) == 0 &&
				      !uiommu_group_domain(l->group) &&
				      !uiommu_group_dma_owner_claimed(l->group),
			      "%s, point %u: something is left of the empty group", what, at);
			subject_dma_blocked(s, l->device, s->iova, buffer->phys, NULL);
			/* Nobody has it any more; one that is still counted is never freed, and leaks. */
			uiommu_domain_free(l->domain);
			uiommu_group_put(l->group);
			CHECK_OK(s, machine_add_device(s->machine, l->device));
		}
	}
}

struct walker {
	struct leaving *l;
	struct machine_device *device;
	struct interleave_dice dice;
	unsigned int rounds;
	int rc;
};

static void *in_and_out(void *context)
{
	struct walker *w = context;

	for (unsigned int n = 0; n < w->rounds && !w->rc; n++) {
		machine_remove_device(w->l->s->machine, w->device);
		interleave_pause(&w->dice);
		w->rc = machine_add_device(w->l->s->machine, w->device);
		interleave_pause(&w->dice);
	}
	return NULL;
}

static void *on_and_off(void *context)
{
	struct walker *w = context;

	for (unsigned int n = 0; n < w->rounds && !w->rc; n++) {
		w->rc = uiommu_attach_group(w->l->domain, w->l->group);
		interleave_pause(&w->dice);
		uiommu_detach_group(w->l->domain, w->l->group);
		interleave_pause(&w->dice);
	}
	return NULL;
}

static void walk_freely(struct subject *s, struct leaving *l, const struct subject_buffer *buffer)
{
	struct walker w[3];
	pthread_t thread[3];

	for (unsigned int n = 0; n < 3; n++) {
		w[n] = (struct walker){ .l = l,
					.device = machine_device(s->machine, trio_labels[n]),
					.dice = { subject_random(s) },
					.rounds = 30 };
		CHECK(s, !pthread_create(&thread[n], NULL, n ? in_and_out : on_and_off, &w[n]),
		      "no thread");
	}
	for (unsigned int n = 0; n < 3; n++)
		pthread_join(thread[n], NULL);
	for (unsigned int n = 0; n < 3; n++)
		CHECK(s, w[n].rc == 0, "thread %u: %s", n, uiommu_strerror(w[n].rc));
	CHECK(s, uiommu_group_num_devices(l->group) == 3, "members were lost");
	CHECK_OK(s, uiommu_attach_group(l->domain, l->group));
	for (unsigned int d = 0; d < 3; d++)
		subject_dma_reaches(s, machine_device(s->machine, trio_labels[d]), s->iova,
				    buffer->phys, RW, NULL);
	uiommu_detach_group(l->domain, l->group);
}

static void c093_removed_beside_attach(struct subject *s)
{
	struct subject_buffer buffer;
	struct leaving l = { .s = s };

	interleave_install(s, &l.i);
	l.i.context = &l;
	subject_expect_warnings(s, 1); /* of a group that lost its last device while in use */
	subject_boot(s, 0);
	buffer = subject_buffer(s, 2 * s->page);
	l.device = subject_machine_device(s, "trio1");
	l.group = subject_claim(s, "trio0");
	l.domain = subject_domain(s, subject_device(s, "trio0"), 0);
	l.other = subject_domain(s, subject_device(s, "trio0"), 0);
	CHECK_OK(s, uiommu_map(l.domain, s->iova, buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_map(l.other, s->iova, buffer.phys + s->page, s->page, RW));
	member_leaves(s, &l, &buffer);
	walk_freely(s, &l, &buffer);
	uiommu_domain_free(l.domain);
	uiommu_domain_free(l.other);
	subject_release(s, l.group);

	l.device = subject_machine_device(s, "solo0");
	last_one_leaves(s, &l, &buffer, true);
	last_one_leaves(s, &l, &buffer, false);
	subject_buffer_free(s, &buffer);
}
const struct conform_scenario conform_races_attach[] = {
	{ "C074",
	  "A device that streams during replace reads the old or the new, then the new alone",
	  "Linux iommu_replace_group_handle, attach_dev contract", AREA_RACES, RACE, MACHINE_STREAM,
	  c074_replace_under_dma },
	{ "C093", "A member is removed while its group attaches, replaces, detaches or is claimed",
	  "mailing list 2022-06: the device may vanish during attach", AREA_RACES, RACE,
	  MACHINE_STREAM, c093_removed_beside_attach },
	{ 0 },
};
