/* SPDX-License-Identifier: MIT */
/* races_map.c - map and unmap beside each other and beside attach */
#include "conform/races.h"

#include <stdatomic.h>

/* ---- attach and change at once ----------------------------------------------------------------- */

struct newcomer {
	struct subject *s;
	struct lane lane[2];
	unsigned int lanes;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	uint64_t word;
	int rc[2];
	uint64_t unmapped;
	struct note note[2];
};

static void newcomer_attach(struct newcomer *c, unsigned int lane, unsigned int thread)
{
	c->rc[thread] = lane_attach(&c->lane[lane], c->domain);
}

static void attach_first(void *context)
{
	newcomer_attach(context, 0, 0);
}

/* The other lane if there are two, else the only one. */
static void attach_and_read(void *context)
{
	struct newcomer *c = context;

	newcomer_attach(c, c->lanes - 1, 1);
	for (unsigned int l = 0; l < c->lanes; l++)
		lane_may_read(&c->lane[l], c->s->iova, c->word, &c->note[1]);
}

static void unmap_noted(struct newcomer *c, unsigned int thread)
{
	c->unmapped = uiommu_unmap(c->domain, c->s->iova, c->s->page);
	for (unsigned int l = 0; l < c->lanes; l++)
		lane_refused(&c->lane[l], c->s->iova, &c->note[thread], "after it was unmapped");
}

static void unmap_first(void *context)
{
	unmap_noted(context, 0);
}

static void read_and_unmap(void *context)
{
	struct newcomer *c = context;

	c->rc[1] = c->lanes > 1 ? lane_attach(&c->lane[1], c->domain) : 0;
	for (unsigned int l = 0; l < c->lanes; l++)
		lane_may_read(&c->lane[l], c->s->iova, c->word, &c->note[1]);
	unmap_noted(c, 1);
}

static void map_first(void *context)
{
	struct newcomer *c = context;

	c->rc[0] = uiommu_map(c->domain, c->s->iova, c->buffer.phys, c->s->page, RW);
}

static void read_and_map(void *context)
{
	struct newcomer *c = context;

	c->rc[1] = c->lanes > 1 ? lane_attach(&c->lane[1], c->domain) : 0;
	/* What is not there may be remembered too. */
	for (unsigned int l = 0; l < c->lanes; l++)
		lane_may_read(&c->lane[l], c->s->iova, c->word, &c->note[1]);
	if (!c->rc[1])
		c->rc[1] = uiommu_map(c->domain, c->s->iova, c->buffer.phys, c->s->page, RW);
}

static const struct {
	const char *name;
	void (*first)(void *context), (*second)(void *context);
	bool mapped, attached; /* before: the page, lane 0 where there are two */
	bool reached; /* afterwards */
} meetings[] = {
	{ "unmap during attach", attach_first, read_and_unmap, true, false, false },
	{ "attach during unmap", unmap_first, attach_and_read, true, true, false },
	{ "map during attach", attach_first, read_and_map, false, false, true },
	{ "attach during map", map_first, attach_and_read, false, true, true },
};

static void meet(struct subject *s, struct interleave *i, struct newcomer *c)
{
	for (size_t m = 0; m < sizeof(meetings) / sizeof(meetings[0]); m++) {
		i->context = c;
		i->first = meetings[m].first;
		i->second = meetings[m].second;
		for (unsigned int at = 1; at; at = interleave_next(i, at, POINTS)) {
			c->rc[0] = 0;
			c->rc[1] = 0;
			if (meetings[m].mapped)
				CHECK_OK(s, uiommu_map(c->domain, s->iova, c->buffer.phys, s->page,
						       RW));
			if (meetings[m].attached && c->lanes > 1)
				CHECK_OK(s, lane_attach(&c->lane[0], c->domain));
			interleave_run(i, at);
			CHECK(s, c->rc[0] == 0 && c->rc[1] == 0, "%s, point %u: %s and %s",
			      meetings[m].name, at, uiommu_strerror(c->rc[0]),
			      uiommu_strerror(c->rc[1]));
			note_judge(s, &c->note[0], meetings[m].name, at);
			note_judge(s, &c->note[1], meetings[m].name, at);
			for (unsigned int l = 0; l < c->lanes; l++) {
				if (meetings[m].reached)
					lane_reads(&c->lane[l], s->iova, c->word, &c->note[0],
						   "after both");
				else
					lane_refused(&c->lane[l], s->iova, &c->note[0],
						     "after both");
			}
			note_judge(s, &c->note[0], meetings[m].name, at);
			if (meetings[m].reached)
				c->unmapped = uiommu_unmap(c->domain, s->iova, s->page);
			CHECK(s, c->unmapped == s->page, "%s, point %u: unmap gave 0x%llx",
			      meetings[m].name, at, (unsigned long long)c->unmapped);
			c->unmapped = 0;
			for (unsigned int l = 0; l < c->lanes; l++)
				lane_detach(&c->lane[l], c->domain);
		}
	}
	race_forget_faults(s);
}

static void newcomer_begin(struct subject *s, struct newcomer *c)
{
	c->s = s;
	c->buffer = subject_buffer(s, s->page);
	c->word = subject_random(s);
	race_fill(s, &c->buffer, 0, c->word);
	/* The leaf table stays in place: only the page comes and goes. */
	CHECK_OK(s, uiommu_map(c->domain, s->iova + s->page, c->buffer.phys, s->page, RW));
}

static void newcomer_end(struct subject *s, struct newcomer *c)
{
	uiommu_domain_free(c->domain);
	subject_buffer_free(s, &c->buffer);
}

static void map_beside_attach(struct subject *s, struct interleave *i, struct lane lane)
{
	struct newcomer c = { .lane = { lane }, .lanes = 1 };

	c.domain = subject_domain(s, lane.dev, lane_alloc_flags(&lane));
	newcomer_begin(s, &c);
	meet(s, i, &c);
	newcomer_end(s, &c);
}

static void c160_map_beside_attach(struct subject *s)
{
	struct interleave i = { 0 };

	interleave_install(s, &i);
	subject_boot(s, 0);
	lane_for_each(s, &i, map_beside_attach);
}
/* ---- one domain, two groups -------------------------------------------------------------------- */

struct rider {
	struct lane *lane;
	struct uiommu_domain *domain;
	struct interleave_dice dice;
	const _Atomic bool *stop;
	_Atomic unsigned int rounds;
	int rc;
};

static void *come_and_go(void *context)
{
	struct rider *r = context;

	while (!r->rc && !atomic_load_explicit(r->stop, memory_order_relaxed)) {
		r->rc = lane_attach(r->lane, r->domain);
		interleave_pause(&r->dice);
		if (!r->rc)
			lane_detach(r->lane, r->domain);
		interleave_pause(&r->dice);
		atomic_fetch_add_explicit(&r->rounds, 1, memory_order_relaxed);
	}
	return NULL;
}

#define ENOUGH 30 /* words that each device has read while it was attached */

/* Each was attached and detached, and seen in between. */
static bool have_ridden(struct rider rider[2], const unsigned int seen[2])
{
	bool done = true;

	for (unsigned int l = 0; l < 2; l++)
		done &= seen[l] >= ENOUGH &&
			atomic_load_explicit(&rider[l].rounds, memory_order_relaxed) > 1;
	return done;
}

static void map_while_they_ride(struct subject *s, struct newcomer *c)
{
	_Atomic bool stop = false;
	struct rider rider[2];
	pthread_t thread[2];
	unsigned int seen[2] = { 0, 0 }, round;
	struct interleave_dice dice = { subject_random(s) };
	struct interleave_wait wait = { 0 };

	for (unsigned int l = 0; l < 2; l++) {
		rider[l] = (struct rider){ .lane = &c->lane[l],
					   .domain = c->domain,
					   .dice = { subject_random(s) },
					   .stop = &stop };
		CHECK(s, !pthread_create(&thread[l], NULL, come_and_go, &rider[l]), "no thread");
	}
	for (round = 0; !have_ridden(rider, seen); round++) {
		if (uiommu_map(c->domain, s->iova, c->buffer.phys, s->page, RW))
			note_wrong(&c->note[0], "map failed");
		interleave_pause(&dice);
		for (unsigned int l = 0; l < 2; l++)
			seen[l] += lane_may_read(&c->lane[l], s->iova, c->word, &c->note[0]);
		if (uiommu_unmap(c->domain, s->iova, s->page) != s->page)
			note_wrong(&c->note[0], "unmap gave back less than a page");
		for (unsigned int l = 0; l < 2; l++)
			lane_refused(&c->lane[l], s->iova, &c->note[0], "after it was unmapped");
		if (c->note[0].text[0] || !interleave_wait(&wait))
			break;
	}
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned int l = 0; l < 2; l++)
		pthread_join(thread[l], NULL);
	note_judge(s, &c->note[0], "free running", round);
	for (unsigned int l = 0; l < 2; l++) {
		unsigned int rounds = atomic_load_explicit(&rider[l].rounds, memory_order_relaxed);

		CHECK(s, rider[l].rc == 0, "attach: %s", uiommu_strerror(rider[l].rc));
		CHECK(s, seen[l] && rounds > 1,
		      "device %u was seen %u times in %u rounds: nothing was shown", l, seen[l],
		      rounds);
	}
	race_forget_faults(s);
}

static void c092_two_groups_and_a_mapper(struct subject *s)
{
	struct newcomer c = { .lanes = 2 };
	struct interleave i = { 0 };
	int rc = -UIOMMU_EINVAL;

	interleave_install(s, &i);
	subject_boot(s, 0);
	for (unsigned int l = 0; l < 2; l++)
		if (!lane_open(s, &c.lane[l], l ? "pasid1" : "pasid0", (struct subject_dma){ 0 }))
			conform_skip(s, "this machine has fewer than two DMA engines");
	/* Units may differ: a domain that is made for the lesser one fits both, if any does. */
	for (unsigned int l = 0; l < 2 && rc == -UIOMMU_EINVAL; l++) {
		c.domain = subject_domain(s, c.lane[l].dev, 0);
		rc = uiommu_attach_group(c.domain, c.lane[!l].group);
		if (!rc)
			uiommu_detach_group(c.domain, c.lane[!l].group);
		else
			uiommu_domain_free(c.domain);
	}
	if (rc == -UIOMMU_EINVAL) {
		for (unsigned int l = 0; l < 2; l++)
			subject_release(s, c.lane[l].group);
		conform_skip(s, "the two devices' units share no format");
	}
	CHECK(s, rc == 0, "attach: %s", uiommu_strerror(rc));
	newcomer_begin(s, &c);
	meet(s, &i, &c);
	map_while_they_ride(s, &c);
	newcomer_end(s, &c);
	for (unsigned int l = 0; l < 2; l++)
		subject_release(s, c.lane[l].group);
}
/* ---- tables that grow -------------------------------------------------------------------------- */

struct growth {
	struct subject *s;
	struct lane lane;
	struct uiommu_domain *domain;
	struct subject_buffer buffer; /* page 0 and 1 */
	uint64_t word[2];
	int rc[2];
	uint64_t unmapped;
};

/* Each takes a page of its own under tables that nobody has made yet. */
static void grow_first(void *context)
{
	struct growth *g = context;

	g->rc[0] = uiommu_map(g->domain, g->s->iova, g->buffer.phys, g->s->page, RW);
}

static void grow_second(void *context)
{
	struct growth *g = context;

	g->rc[1] = uiommu_map(g->domain, g->s->iova + g->s->page, g->buffer.phys + g->s->page,
			      g->s->page, RW);
}

static void grow_and_attach(void *context)
{
	struct growth *g = context;

	g->rc[1] = lane_attach(&g->lane, g->domain);
	if (!g->rc[1])
		g->rc[1] = uiommu_map(g->domain, g->s->iova + g->s->page,
				      g->buffer.phys + g->s->page, g->s->page, RW);
}

/* Where the next leaf table begins. */
static uint64_t beside(struct subject *s)
{
	return (s->iova & ~(s->large - 1)) + s->large;
}

/* The leaf table next to it goes while new ones come. */
static void shrink_and_grow(void *context)
{
	struct growth *g = context;

	g->unmapped = uiommu_unmap(g->domain, beside(g->s), g->s->large);
	grow_second(g);
}

static void grow_by_attach(void *context)
{
	struct growth *g = context;

	g->rc[0] = lane_attach(&g->lane, g->domain);
}

static const struct {
	const char *name;
	void (*first)(void *context), (*second)(void *context);
	bool both; /* the first maps its page too */
	bool attaches; /* one of them attaches */
	bool neighbour; /* a full leaf table beside them, which the second takes away */
} growths[] = {
	{ "two maps", grow_first, grow_second, true, false, false },
	{ "a map and an attach", grow_first, grow_and_attach, true, true, false },
	{ "an attach and a map", grow_by_attach, grow_second, false, true, false },
	{ "a map and an unmap", grow_first, shrink_and_grow, true, false, true },
};

static void growth_check(struct subject *s, struct growth *g, unsigned int first, const char *what,
			 unsigned int at)
{
	struct note n = { "" };

	for (unsigned int p = first; p < 2; p++) {
		uint64_t got = uiommu_iova_to_phys(g->domain, s->iova + p * s->page + 5);

		CHECK(s, got == g->buffer.phys + p * s->page + 5,
		      "%s, point %u: page %u leads to 0x%llx", what, at, p,
		      (unsigned long long)got);
		lane_reads(&g->lane, s->iova + p * s->page, g->word[p], &n,
			   "when both have returned");
	}
	note_judge(s, &n, what, at);
}

static void grow_interleaved(struct subject *s, struct interleave *i, struct growth *g)
{
	for (size_t k = 0; k < sizeof(growths) / sizeof(growths[0]); k++) {
		i->context = g;
		i->first = growths[k].first;
		i->second = growths[k].second;
		for (unsigned int at = 1; at; at = interleave_next(i, at, POINTS)) {
			g->rc[0] = 0;
			g->rc[1] = 0;
			g->domain = subject_domain(s, g->lane.dev, 0);
			/* All its pages, one by one: no larger leaf fits. */
			if (growths[k].neighbour)
				CHECK_OK(s, uiommu_map(g->domain, beside(s), s->large + s->page,
						       s->large, RW));
			interleave_run(i, at);
			CHECK(s, g->rc[0] == 0 && g->rc[1] == 0, "%s, point %u: %s and %s",
			      growths[k].name, at, uiommu_strerror(g->rc[0]),
			      uiommu_strerror(g->rc[1]));
			if (growths[k].neighbour)
				CHECK(s,
				      g->unmapped == s->large &&
					      !uiommu_iova_to_phys(g->domain, beside(s)),
				      "%s, point %u: unmap gave 0x%llx", growths[k].name, at,
				      (unsigned long long)g->unmapped);
			if (!growths[k].attaches)
				CHECK_OK(s, lane_attach(&g->lane, g->domain));
			growth_check(s, g, !growths[k].both, growths[k].name, at);
			lane_detach(&g->lane, g->domain);
			uiommu_domain_free(g->domain);
		}
	}
}

#define GROWERS 3

struct grower {
	struct growth *g;
	pthread_barrier_t *start;
	struct interleave_dice dice;
	uint64_t iova; /* the first page; the others follow GROWERS pages apart */
	unsigned int pages;
	unsigned int churn; /* beside it: maps and unmaps this range, whole leaf tables */
	int rc;
};

static void *grow_freely(void *context)
{
	struct grower *w = context;
	struct growth *g = w->g;

	pthread_barrier_wait(w->start);
	for (unsigned int n = 0; n < w->pages && !w->rc; n++) {
		w->rc = uiommu_map(g->domain, w->iova + n * GROWERS * g->s->page,
				   g->buffer.phys + (n % 2) * g->s->page, g->s->page, RW);
		interleave_pause(&w->dice);
	}
	return NULL;
}

/* The last grower's tables come and go; the page in the middle is large enough to cover some whole. */
static void *churn_freely(void *context)
{
	struct grower *w = context;
	struct growth *g = w->g;

	pthread_barrier_wait(w->start);
	for (unsigned int n = 0; n < 12 && !w->rc; n++) {
		for (unsigned int p = 0; p < 4 && !w->rc; p++)
			w->rc = uiommu_map(g->domain, w->iova + p * g->s->page, g->buffer.phys,
					   g->s->page, RW);
		interleave_pause(&w->dice);
		if (uiommu_unmap(g->domain, w->iova, 4 * g->s->page) != 4 * g->s->page)
			w->rc = -UIOMMU_EIO;
		/* The table is left, empty: a leaf takes its place, and its memory is given back. */
		if (!w->rc)
			w->rc = uiommu_map(g->domain, w->iova, g->s->large, g->s->large,
					   UIOMMU_READ);
		if (!w->rc && uiommu_unmap(g->domain, w->iova, g->s->large) != g->s->large)
			w->rc = -UIOMMU_EIO;
	}
	return NULL;
}

static void grow_all_at_once(struct subject *s, struct growth *g)
{
	for (unsigned int round = 0; round < 8; round++) {
		/* Around a border between two tables of the third level. */
		const uint64_t base = s->base + 4 * s->huge - 24 * s->page;
		struct grower w[GROWERS + 1];
		pthread_t thread[GROWERS + 1];
		_Atomic bool stop = false;
		pthread_barrier_t start;
		struct rider rider;
		pthread_t riding;
		struct note n = { "" };

		g->domain = subject_domain(s, g->lane.dev, 0);
		pthread_barrier_init(&start, NULL, GROWERS + 1);
		rider = (struct rider){ .lane = &g->lane,
					.domain = g->domain,
					.dice = { subject_random(s) },
					.stop = &stop };
		CHECK(s, !pthread_create(&riding, NULL, come_and_go, &rider), "no thread");
		for (unsigned int t = 0; t < GROWERS + 1; t++) {
			w[t] = (struct grower){ .g = g,
						.start = &start,
						.dice = { subject_random(s) },
						.iova = t < GROWERS ? base + t * s->page :
								      s->base + 4 * s->huge +
									      4 * s->large,
						.pages = 16 };
			CHECK(s,
			      !pthread_create(&thread[t], NULL,
					      t < GROWERS ? grow_freely : churn_freely, &w[t]),
			      "no thread");
		}
		for (unsigned int t = 0; t < GROWERS + 1; t++)
			pthread_join(thread[t], NULL);
		atomic_store_explicit(&stop, true, memory_order_relaxed);
		pthread_join(riding, NULL);
		pthread_barrier_destroy(&start);
		CHECK(s, rider.rc == 0, "attach: %s", uiommu_strerror(rider.rc));
		for (unsigned int t = 0; t < GROWERS + 1; t++)
			CHECK(s, w[t].rc == 0, "round %u, thread %u: %s", round, t,
			      uiommu_strerror(w[t].rc));
		CHECK_OK(s, lane_attach(&g->lane, g->domain));
		for (unsigned int p = 0; p < 16 * GROWERS; p++) {
			unsigned int to = p / GROWERS % 2;
			uint64_t got = uiommu_iova_to_phys(g->domain, base + p * s->page);

			CHECK(s, got == g->buffer.phys + to * s->page,
			      "round %u: page %u leads to 0x%llx", round, p,
			      (unsigned long long)got);
			lane_reads(&g->lane, base + p * s->page, g->word[to], &n, "at the end");
		}
		lane_refused(&g->lane, s->base + 4 * s->huge + 4 * s->large, &n,
			     "after it was unmapped");
		note_judge(s, &n, "free running", round);
		lane_detach(&g->lane, g->domain);
		uiommu_domain_free(g->domain);
	}
}

static void c162_tables_grow(struct subject *s)
{
	struct interleave i = { 0 };
	struct growth g = { .s = s };

	interleave_install(s, &i);
	subject_boot(s, 0);
	subject_machine_device(s, "pasid0");
	lane_open(s, &g.lane, "pasid0", (struct subject_dma){ 0 });
	g.buffer = subject_buffer(s, 2 * s->page);
	for (unsigned int p = 0; p < 2; p++) {
		g.word[p] = subject_random(s);
		race_fill(s, &g.buffer, p, g.word[p]);
	}
	grow_interleaved(s, &i, &g);
	grow_all_at_once(s, &g);
	race_forget_faults(s);
	subject_buffer_free(s, &g.buffer);
	subject_release(s, g.lane.group);
}

const struct conform_scenario conform_races_map[] = {
	{ "C092", "Two groups come to a domain while it changes; no invalidation misses either",
	  "Linux: invalidation guarantees against a concurrent attach", AREA_RACES, RACE,
	  MACHINE_STREAM, c092_two_groups_and_a_mapper },
	{ "C160",
	  "A device that is being attached never keeps what is unmapped, nor misses what is mapped",
	  "Linux: page-table writes against a concurrent attach", AREA_RACES, RACE, MACHINE_STREAM,
	  c160_map_beside_attach },
	{ "C162",
	  "Tables made by several threads at once, beside attach and unmap, lose no mapping",
	  "Linux: race in increase_address_space()", AREA_RACES, RACE, MACHINE_STREAM,
	  c162_tables_grow },
	{ 0 },
};
