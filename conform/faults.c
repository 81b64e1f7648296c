/* SPDX-License-Identifier: MIT */
/*
 * faults.c - what the core makes of page requests, in all detail
 *
 * Over the driver in software, which reports exactly what a scenario wants, when it wants it, and keeps every
 * response.  The same rules over hardware's queues: faults_device.c.
 */
#include "conform/faults.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "conform/either.h"
#include "conform/interleave.h"
#include "conform/soft.h"

#define ADDRESS 0x40000ull
#define GROUP 17u

/* ---- who answers ------------------------------------------------------------------------------- */

int faults_take(struct uiommu_fault_group *group, void *token)
{
	struct faults_taken *t = token;
	struct faults_group *g = &t->group[t->groups % FAULTS_GROUPS];

	t->groups++;
	g->count = uiommu_fault_group_count(group);
	for (unsigned int i = 0; i < g->count && i < FAULTS_REQUESTS; i++)
		g->request[i] = *uiommu_fault_group_request(group, i);
	g->dev = uiommu_fault_group_device(group);
	g->open = NULL;
	if (t->refuse)
		return t->refuse;
	if (t->keep)
		g->open = group;
	else
		uiommu_page_response(group, t->code);
	return 0;
}

/* ---- a device in software, with domains that somebody answers for ------------------------------ */

#define DOMAINS 3

struct work {
	struct soft *soft;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct uiommu_domain *domain[DOMAINS];
	struct faults_taken taken[DOMAINS];
};

static struct work begin(struct subject *s)
{
	struct work w = { 0 };

	if (!s->machine)
		subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	w.soft = soft_create(s, s->sys);
	w.soft->mm_phys = uiommu_posix_mm_phys;
	for (unsigned int i = 0; i < 2; i++) {
		w.soft->device[i].asks = true;
		w.soft->device[i].pasid_bits = 3;
	}
	CHECK_OK(s, soft_start(w.soft, 0));
	CHECK_OK(s, soft_add(w.soft, 0));
	w.dev = w.soft->device[0].dev;
	w.group = uiommu_group_get(w.dev);
	CHECK(s, w.group, "the device has no group: %s",
	      uiommu_strerror(uiommu_device_error(w.dev)));
	CHECK_OK(s, uiommu_group_claim_dma_owner(w.group, s));
	for (unsigned int i = 0; i < DOMAINS; i++)
		CHECK_OK(s, uiommu_domain_alloc_paging(w.dev, UIOMMU_ALLOC_PASID, &w.domain[i]));
	return w;
}

static void handle(struct subject *s, struct work *w, unsigned int domain)
{
	CHECK_OK(s, uiommu_set_page_request_handler(w->domain[domain], faults_take,
						    &w->taken[domain]));
}

static void end(struct subject *s, struct work *w)
{
	(void)s;
	for (unsigned int i = 0; i < DOMAINS; i++)
		uiommu_domain_free(w->domain[i]);
	uiommu_group_release_dma_owner(w->group);
	uiommu_group_put(w->group);
	CHECK(s, w->soft->device[0].enables == w->soft->device[0].disables,
	      "page requests were enabled %u times and disabled %u times",
	      w->soft->device[0].enables, w->soft->device[0].disables);
	soft_destroy(w->soft);
}

static int ask(struct work *w, uiommu_pasid_t pasid, uint32_t group, unsigned int page, bool last)
{
	struct uiommu_page_request request =
		soft_page(w->soft, 0, pasid, group, ADDRESS + page * 4096, UIOMMU_READ, last);

	return soft_ask(w->soft, 0, &request);
}

/* Exactly one response, with this code, and with what the driver gave for the last request. */
static void answered(struct subject *s, struct work *w, uiommu_pasid_t pasid, uint32_t group,
		     enum uiommu_page_response_code code)
{
	enum uiommu_page_response_code got = UIOMMU_PAGE_SUCCESS;
	unsigned int count = soft_answers(w->soft, 0, pasid, group, &got);

	CHECK(s, count == 1, "PASID %u, group %u: %u responses", pasid, group, count);
	CHECK(s, got == code, "PASID %u, group %u: code %d and not %d", pasid, group, got, code);
	for (unsigned int i = 0; i < atomic_load(&w->soft->responses); i++) {
		const struct uiommu_page_request *last = &w->soft->response[i].last;

		CHECK(s,
		      last->private_data[0] == (last->address ^ 0x5a5a) &&
			      last->private_data[1] == ~last->address &&
			      last->flags & UIOMMU_PAGE_REQUEST_LAST,
		      "a response does not bring back what the driver gave with the last request");
	}
}

static void not_answered(struct subject *s, struct work *w, uiommu_pasid_t pasid, uint32_t group)
{
	CHECK(s, !soft_answers(w->soft, 0, pasid, group, NULL),
	      "PASID %u, group %u was answered and must not be", pasid, group);
}

/* The pages of a group that was handed over, in this order. */
static void handed(struct subject *s, const struct faults_taken *t, unsigned int at,
		   uiommu_pasid_t pasid, const unsigned int *pages, unsigned int count)
{
	const struct faults_group *g = &t->group[at];

	CHECK(s, t->groups > at, "only %u groups were handed over", t->groups);
	CHECK(s, g->count == count, "the group has %u requests and not %u", g->count, count);
	for (unsigned int i = 0; i < count; i++) {
		const struct uiommu_page_request *r = &g->request[i];

		CHECK(s, r->address == ADDRESS + pages[i] * 4096,
		      "request %u of the group is for 0x%llx and not 0x%llx", i,
		      (unsigned long long)r->address,
		      (unsigned long long)(ADDRESS + pages[i] * 4096));
		CHECK(s, (r->flags & UIOMMU_PAGE_REQUEST_PASID ? r->pasid : 0) == pasid,
		      "a request with PASID %u is in a group of PASID %u", r->pasid, pasid);
		CHECK(s, !(r->flags & UIOMMU_PAGE_REQUEST_LAST) == (i + 1 < count),
		      "the last request is not at the end");
	}
}

/* ---- scenarios --------------------------------------------------------------------------------- */

static void c120_groups(struct subject *s)
{
	static const unsigned int one[] = { 0, 2, 1, 7 }, two[] = { 5, 4 };
	struct work w = begin(s);

	handle(s, &w, 0);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	CHECK_OK(s, ask(&w, 3, GROUP, 0, false));
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 5, false));
	CHECK_OK(s, ask(&w, 3, GROUP, 2, false));
	CHECK_OK(s, ask(&w, 3, GROUP, 1, false));
	CHECK(s, !w.taken[0].groups && !atomic_load(&w.soft->responses),
	      "something was done before a group was complete");
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 4, true));
	handed(s, &w.taken[0], 0, 3, two, 2);
	CHECK(s, w.taken[0].group[0].dev == w.dev, "another device is said to have asked");
	answered(s, &w, 3, GROUP + 1, UIOMMU_PAGE_SUCCESS);
	not_answered(s, &w, 3, GROUP);
	w.taken[0].code = UIOMMU_PAGE_INVALID;
	CHECK_OK(s, ask(&w, 3, GROUP, 7, true));
	handed(s, &w.taken[0], 1, 3, one, 4);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_INVALID);
	/* The index is free again, for a group that has nothing of the one before. */
	w.taken[0].code = UIOMMU_PAGE_FAILURE;
	CHECK_OK(s, ask(&w, 3, GROUP + 2, 4, true));
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 4, true));
	handed(s, &w.taken[0], 3, 3, &two[1], 1);
	answered(s, &w, 3, GROUP + 2, UIOMMU_PAGE_FAILURE);
	CHECK(s, atomic_load(&w.soft->responses) == 4, "%u responses to 4 groups",
	      atomic_load(&w.soft->responses));
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	end(s, &w);
}

static void c121_same_index(struct subject *s)
{
	static const unsigned int pages[DOMAINS][2] = { { 0, 3 }, { 1, 4 }, { 2, 5 } };
	static const uiommu_pasid_t pasid[DOMAINS] = { 0, 3, 4 };
	struct work w = begin(s);

	for (unsigned int i = 0; i < DOMAINS; i++)
		handle(s, &w, i);
	CHECK_OK(s, uiommu_attach_group(w.domain[0], w.group));
	for (unsigned int i = 1; i < DOMAINS; i++)
		CHECK_OK(s, uiommu_attach_device_pasid(w.domain[i], w.dev, pasid[i], NULL));
	for (unsigned int at = 0; at < 2; at++)
		for (unsigned int i = 0; i < DOMAINS; i++)
			CHECK_OK(s, ask(&w, pasid[i], GROUP, pages[i][at], at));
	for (unsigned int i = 0; i < DOMAINS; i++) {
		handed(s, &w.taken[i], 0, pasid[i], pages[i], 2);
		answered(s, &w, pasid[i], GROUP, UIOMMU_PAGE_SUCCESS);
	}
	/* Two devices: one's index is not the other's either. */
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 0, false));
	CHECK_OK(s, soft_add(w.soft, 1));
	{
		struct uiommu_page_request request =
			soft_page(w.soft, 1, 3, GROUP + 1, ADDRESS, UIOMMU_READ, true);

		CHECK_RC(s, soft_ask(w.soft, 1, &request), -UIOMMU_EINVAL);
		CHECK(s, soft_answers(w.soft, 1, 3, GROUP + 1, NULL) == 1,
		      "the other device was not answered once");
	}
	not_answered(s, &w, 3, GROUP + 1);
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 3, true));
	handed(s, &w.taken[1], 1, 3, pages[0], 2);
	uiommu_detach_group(w.domain[0], w.group);
	for (unsigned int i = 1; i < DOMAINS; i++)
		uiommu_detach_device_pasid(w.domain[i], w.dev, pasid[i]);
	end(s, &w);
}

static void c122_overflow(struct subject *s)
{
	static const unsigned int after = 6;
	struct work w = begin(s);

	handle(s, &w, 0);
	handle(s, &w, 1);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, 4, NULL));
	/* A complete group that waits for its answer is not lost with the others. */
	w.taken[0].keep = true;
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 0, true));
	w.taken[0].keep = false;
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_OK(s, ask(&w, 3, GROUP, i, false));
		CHECK_OK(s, ask(&w, 4, GROUP, i, false));
	}
	uiommu_page_requests_lost(&w.soft->instance[0].instance);
	CHECK(s, w.taken[0].groups == 1 && !atomic_load(&w.soft->responses),
	      "an overflow answers incomplete groups");
	CHECK_OK(s, ask(&w, 3, GROUP, after, true));
	handed(s, &w.taken[0], 1, 3, &after, 1);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_SUCCESS);
	CHECK_OK(s, ask(&w, 4, GROUP, after, true));
	handed(s, &w.taken[1], 0, 4, &after, 1);
	not_answered(s, &w, 3, GROUP + 1);
	uiommu_page_response(w.taken[0].group[0].open, UIOMMU_PAGE_SUCCESS);
	answered(s, &w, 3, GROUP + 1, UIOMMU_PAGE_SUCCESS);
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	uiommu_detach_device_pasid(w.domain[1], w.dev, 4);
	end(s, &w);
}

/* While it is told to, the host has no memory for anybody. */
struct shortage {
	unsigned int refused;
};

static bool none_left(void *context, enum uiommu_posix_step step, size_t size)
{
	struct shortage *shortage = context;

	(void)step;
	(void)size;
	shortage->refused++;
	return true;
}

static unsigned int without_memory(struct subject *s, struct work *w, uiommu_pasid_t pasid,
				   uint32_t group, bool last, int *rc)
{
	struct uiommu_posix_hooks hooks = s->hooks;
	struct shortage shortage = { 0 };

	s->hooks.context = &shortage;
	s->hooks.fail = none_left;
	*rc = ask(w, pasid, group, 0, last);
	s->hooks = hooks;
	return shortage.refused;
}

static void c123_no_memory(struct subject *s)
{
	static const unsigned int one = 1;
	enum uiommu_page_response_code code = UIOMMU_PAGE_SUCCESS;
	struct work w = begin(s);
	int rc;

	handle(s, &w, 0);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	/* The handler gives up: FAILURE, and the group is the core's. */
	w.taken[0].refuse = -UIOMMU_EBUSY;
	CHECK_OK(s, ask(&w, 3, GROUP, 0, false));
	CHECK_OK(s, ask(&w, 3, GROUP, 1, true));
	CHECK(s, w.taken[0].groups == 1 && w.taken[0].group[0].count == 2, "not handed over");
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_FAILURE);
	w.taken[0].refuse = 0;
	/* No memory for the last request: nobody sees the group, and it is answered. */
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 0, false));
	if (without_memory(s, &w, 3, GROUP + 1, true, &rc)) {
		CHECK(s, rc == 0, "a group that is answered is the core's: %s",
		      uiommu_strerror(rc));
		CHECK(s, w.taken[0].groups == 1, "a group was handed over without memory for it");
		answered(s, &w, 3, GROUP + 1, UIOMMU_PAGE_FAILURE);
	}
	/* None for one before: the group is spoilt. */
	if (without_memory(s, &w, 3, GROUP + 2, false, &rc)) {
		unsigned int groups = w.taken[0].groups;

		CHECK(s, rc == -UIOMMU_ENOMEM, "a lost request: %s", uiommu_strerror(rc));
		not_answered(s, &w, 3, GROUP + 2);
		ask(&w, 3, GROUP + 2, 1, true);
		if (w.taken[0].groups == groups) {
			answered(s, &w, 3, GROUP + 2, UIOMMU_PAGE_FAILURE);
		} else {
			CHECK(s,
			      soft_answers(w.soft, 0, 3, GROUP + 2, &code) == 1 &&
				      code != UIOMMU_PAGE_SUCCESS,
			      "a group with a request that was lost is said to be complete");
		}
	}
	/* All that is over: the same indices serve again. */
	atomic_store(&w.soft->responses, 0);
	w.taken[0].groups = 0;
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_OK(s, ask(&w, 3, GROUP + i, 1, true));
		handed(s, &w.taken[0], i, 3, &one, 1);
		answered(s, &w, 3, GROUP + i, UIOMMU_PAGE_SUCCESS);
	}
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	end(s, &w);
}

static void c124_nobody(struct subject *s)
{
	static const uiommu_pasid_t pasid[] = { 0, 3, 4 };
	struct work w = begin(s);
	struct uiommu_page_request stranger;

	/* PASID 4 has a domain that somebody answers for: the RID, and 3, have none; 5 has no domain. */
	handle(s, &w, 2);
	CHECK_OK(s, uiommu_attach_group(w.domain[0], w.group));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, 3, NULL));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[2], w.dev, 4, NULL));
	for (unsigned int i = 0; i < 3; i++) {
		const uiommu_pasid_t p = i == 2 ? 5 : pasid[i];

		for (unsigned int page = 0; page < 3; page++) {
			CHECK(s,
			      ask(&w, p, GROUP, page, false) == -UIOMMU_EINVAL ||
				      !soft_answers(w.soft, 0, p, GROUP, NULL),
			      "a request that is not the last was answered");
			not_answered(s, &w, p, GROUP);
		}
		CHECK_RC(s, ask(&w, p, GROUP, 3, true), -UIOMMU_EINVAL);
		answered(s, &w, p, GROUP, UIOMMU_PAGE_INVALID);
	}
	/* A device that nobody knows. */
	stranger = soft_page(w.soft, 0, 3, GROUP, ADDRESS, UIOMMU_READ, true);
	stranger.source_id = 77;
	CHECK_RC(s, soft_ask(w.soft, 0, &stranger), -UIOMMU_EINVAL);
	CHECK(s, atomic_load(&w.soft->responses) == 4, "%u responses to 4 groups",
	      atomic_load(&w.soft->responses));
	CHECK(s,
	      w.soft->response[3].last.source_id == 77 &&
		      w.soft->response[3].code == UIOMMU_PAGE_INVALID,
	      "a stranger was not answered INVALID");
	CHECK(s, !w.taken[2].groups, "somebody else's handler was asked");
	uiommu_detach_group(w.domain[0], w.group);
	uiommu_detach_device_pasid(w.domain[1], w.dev, 3);
	uiommu_detach_device_pasid(w.domain[2], w.dev, 4);
	end(s, &w);
}

/* Entry first, then the drain, then every answer: and all of it before the domain goes. */
static void check_order(struct subject *s, struct work *w, unsigned int from, uiommu_pasid_t pasid,
			enum soft_step switched)
{
	unsigned int entry = soft_find(w->soft, from, switched, 0, pasid);
	unsigned int drain = soft_find(w->soft, from, SOFT_DRAIN, 0, pasid);
	unsigned int answer = soft_find(w->soft, from, SOFT_RESPONSE, 0, pasid);

	CHECK(s, entry != UINT_MAX, "the entry was not changed");
	CHECK(s, drain != UINT_MAX, "hardware's queue was not drained");
	CHECK(s, entry < drain, "hardware's queue was drained before the entry was changed");
	CHECK(s, answer == UINT_MAX || entry < answer,
	      "groups were given up before the entry was changed");
}

/* A handler at work on another thread, and whoever waits for it. */
struct at_work {
	struct work *w;
	_Atomic(int) inside, left, detached;
	_Atomic(bool) too_early;
};

static int slow_handler(struct uiommu_fault_group *group, void *token)
{
	struct at_work *a = token;
	struct interleave_wait wait = { 0 };

	atomic_store(&a->inside, 1);
	/* Long enough that a detach that does not wait would be over. */
	for (unsigned int i = 0; i < 2000 && !atomic_load(&a->detached) && interleave_wait(&wait);
	     i++)
		;
	atomic_store(&a->too_early, atomic_load(&a->detached));
	uiommu_page_response(group, UIOMMU_PAGE_SUCCESS);
	atomic_store(&a->left, 1);
	return 0;
}

static void *ask_on_thread(void *context)
{
	struct at_work *a = context;

	ask(a->w, 3, GROUP, 0, true);
	return NULL;
}

static void being_handled(struct subject *s)
{
	struct work w = begin(s);
	struct at_work a = { .w = &w };
	struct interleave_wait wait = { 0 };
	pthread_t thread;

	CHECK_OK(s, uiommu_set_page_request_handler(w.domain[0], slow_handler, &a));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	CHECK(s, !pthread_create(&thread, NULL, ask_on_thread, &a), "no thread");
	while (!atomic_load(&a.inside) && interleave_wait(&wait))
		;
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	atomic_store(&a.detached, 1);
	pthread_join(thread, NULL);
	CHECK(s, atomic_load(&a.inside) && atomic_load(&a.left), "the handler was not called");
	CHECK(s, !atomic_load(&a.too_early),
	      "the PASID was detached while its handler was at work");
	CHECK(s, soft_answers(w.soft, 0, 3, GROUP, NULL) == 1, "%u answers to one group",
	      soft_answers(w.soft, 0, 3, GROUP, NULL));
	end(s, &w);
}

static void c125_detach(struct subject *s)
{
	struct uiommu_fault_record record[FAULTS_REQUESTS];
	struct uiommu_fault_queue *queue;
	struct uiommu_page_request late;
	struct work w = begin(s);
	unsigned int from;
	size_t count;

	CHECK_OK(s, uiommu_fault_queue_create(s->sys, NULL, NULL, &queue));
	handle(s, &w, 0);
	CHECK_OK(s, uiommu_set_fault_queue(w.domain[1], queue));
	w.taken[0].keep = true;
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, 4, NULL));
	/* Of each: incomplete; complete and unanswered; in hardware's queue still. */
	CHECK_OK(s, ask(&w, 3, GROUP, 0, false));
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 0, true));
	late = soft_page(w.soft, 0, 3, GROUP + 2, ADDRESS, UIOMMU_READ, true);
	soft_ask_later(w.soft, &late);
	CHECK_OK(s, ask(&w, 4, GROUP, 0, true));
	CHECK_OK(s, ask(&w, 4, GROUP + 1, 0, true));
	CHECK_OK(s, uiommu_fault_queue_read(queue, record, FAULTS_REQUESTS, &count));
	CHECK(s, count == 1 && record[0].request.group == GROUP, "the oldest group is not first");
	late = soft_page(w.soft, 0, 4, GROUP + 2, ADDRESS, UIOMMU_READ, true);
	soft_ask_later(w.soft, &late);
	CHECK(s, !atomic_load(&w.soft->responses), "answered too early");

	from = atomic_load(&w.soft->events);
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	check_order(s, &w, from, 3, SOFT_BLOCK);
	not_answered(s, &w, 3, GROUP);
	answered(s, &w, 3, GROUP + 1, UIOMMU_PAGE_INVALID);
	answered(s, &w, 3, GROUP + 2, UIOMMU_PAGE_INVALID);
	not_answered(s, &w, 4, GROUP);
	/* The one who kept it gives it back: nothing is sent. */
	uiommu_page_response(w.taken[0].group[0].open, UIOMMU_PAGE_SUCCESS);
	answered(s, &w, 3, GROUP + 1, UIOMMU_PAGE_INVALID);
	/* What was incomplete is forgotten; its last request finds nobody. */
	CHECK_RC(s, ask(&w, 3, GROUP, 1, true), -UIOMMU_EINVAL);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_INVALID);

	from = atomic_load(&w.soft->events);
	uiommu_detach_device_pasid(w.domain[1], w.dev, 4);
	check_order(s, &w, from, 4, SOFT_BLOCK);
	for (unsigned int i = 0; i < 3; i++)
		answered(s, &w, 4, GROUP + i, UIOMMU_PAGE_INVALID);
	CHECK_RC(s, uiommu_fault_queue_respond(queue, record[0].cookie, UIOMMU_PAGE_SUCCESS),
		 -UIOMMU_EINVAL);
	CHECK(s, !uiommu_fault_queue_pending(queue), "a group of a detached domain waits");
	CHECK_OK(s, uiommu_fault_queue_read(queue, record, FAULTS_REQUESTS, &count));
	CHECK(s, count == 0, "a group of a detached domain was read");
	answered(s, &w, 4, GROUP, UIOMMU_PAGE_INVALID);
	CHECK_OK(s, uiommu_set_fault_queue(w.domain[1], NULL));
	CHECK_OK(s, uiommu_fault_queue_destroy(queue));
	/* The same group index, of whoever has the PASID next, is another group. */
	handle(s, &w, 2);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[2], w.dev, 3, NULL));
	atomic_store(&w.soft->responses, 0);
	CHECK_OK(s, ask(&w, 3, GROUP, 5, true));
	CHECK(s, w.taken[2].groups == 1 && w.taken[2].group[0].count == 1,
	      "a new group has requests of one that was given up");
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_SUCCESS);
	uiommu_detach_device_pasid(w.domain[2], w.dev, 3);
	end(s, &w);
	being_handled(s);
}

static void c127_device_removed(struct subject *s)
{
	struct work w = begin(s);
	struct uiommu_page_request late;

	handle(s, &w, 0);
	handle(s, &w, 1);
	w.taken[0].keep = w.taken[1].keep = true;
	CHECK_OK(s, uiommu_attach_group(w.domain[1], w.group));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	CHECK_OK(s, ask(&w, 3, GROUP, 0, true));
	CHECK_OK(s, ask(&w, 0, GROUP, 0, true));
	CHECK_OK(s, ask(&w, 3, GROUP + 1, 0, false));
	late = soft_page(w.soft, 0, 3, GROUP + 2, ADDRESS, UIOMMU_READ, true);
	soft_ask_later(w.soft, &late);
	CHECK(s, uiommu_fault_group_device(w.taken[0].group[0].open) == w.dev, "another device");
	/* Gone with everything that is attached to it; that it was owned is said. */
	subject_expect_warnings(s, 1);
	soft_remove(w.soft, 0);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_INVALID);
	answered(s, &w, 0, GROUP, UIOMMU_PAGE_INVALID);
	answered(s, &w, 3, GROUP + 2, UIOMMU_PAGE_INVALID);
	not_answered(s, &w, 3, GROUP + 1);
	CHECK(s, !uiommu_fault_group_device(w.taken[0].group[0].open),
	      "a group still leads to a device that is gone");
	uiommu_page_response(w.taken[0].group[0].open, UIOMMU_PAGE_SUCCESS);
	uiommu_page_response(w.taken[1].group[0].open, UIOMMU_PAGE_SUCCESS);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_INVALID);
	answered(s, &w, 0, GROUP, UIOMMU_PAGE_INVALID);
	for (unsigned int i = 0; i < DOMAINS; i++)
		uiommu_domain_free(w.domain[i]);
	uiommu_group_put(w.group);
	soft_destroy(w.soft);
}

static void c128_switched_off(struct subject *s)
{
	struct soft_device *d;
	struct work w = begin(s);

	d = &w.soft->device[0];
	handle(s, &w, 0);
	handle(s, &w, 1);
	w.taken[0].keep = true;
	/* On for the first attachment that wants it, off after the last. */
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[2], w.dev, 5, NULL));
	CHECK(s, !d->asking, "page requests are on, and nobody would answer");
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
	CHECK(s, d->asking, "page requests are not on");
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, 4, NULL));
	CHECK(s, d->enables == 1, "enabled %u times", d->enables);
	CHECK_RC(s, uiommu_set_page_request_handler(w.domain[0], NULL, NULL), -UIOMMU_EBUSY);
	CHECK_RC(s, uiommu_set_page_request_handler(uiommu_domain_blocked(w.dev), faults_take, &w),
		 -UIOMMU_EINVAL);
	CHECK_OK(s, ask(&w, 3, GROUP, 0, true));
	uiommu_detach_device_pasid(w.domain[1], w.dev, 4);
	CHECK(s, d->asking, "page requests are off, and one waits");
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	CHECK(s, !d->asking && d->disables == 1, "page requests are still on");
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_INVALID);
	CHECK(s,
	      soft_find(w.soft, 0, SOFT_RESPONSE, 0, 3) < soft_find(w.soft, 0, SOFT_DISABLE, 0, 0),
	      "page requests were off before all were answered");
	/* From now on nothing is sent for what is old. */
	uiommu_page_response(w.taken[0].group[0].open, UIOMMU_PAGE_SUCCESS);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_INVALID);
	uiommu_detach_device_pasid(w.domain[2], w.dev, 5);

	/* They cannot be had: such a domain cannot be attached, and nothing has changed. */
	d->enable_error = -UIOMMU_EOPNOTSUPP;
	CHECK_RC(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL), -UIOMMU_EOPNOTSUPP);
	CHECK(s, !d->pasid[3], "the PASID is attached all the same");
	CHECK_RC(s, uiommu_attach_group(w.domain[0], w.group), -UIOMMU_EOPNOTSUPP);
	CHECK(s, uiommu_group_domain(w.group) != w.domain[0], "the group is attached all the same");
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[2], w.dev, 3, NULL));
	uiommu_detach_device_pasid(w.domain[2], w.dev, 3);
	d->enable_error = 0;
	/* An attach that fails otherwise leaves them off. */
	d->attach_error = -UIOMMU_ENOSPC;
	CHECK_RC(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL), -UIOMMU_ENOSPC);
	CHECK(s, !d->asking, "page requests stay on after an attach that failed");
	d->attach_error = 0;
	end(s, &w);
}

static void count_call(void *token)
{
	(*(unsigned int *)token)++;
}

static void c129_queue(struct subject *s)
{
	struct uiommu_fault_record record[4], again[4];
	struct uiommu_fault_queue *queue;
	struct uiommu_attach_handle attached = { 0 };
	struct work w = begin(s);
	unsigned int told = 0;
	size_t count = 9;

	CHECK_OK(s, uiommu_fault_queue_create(s->sys, count_call, &told, &queue));
	CHECK_OK(s, uiommu_fault_queue_read(queue, record, 4, &count));
	CHECK(s, count == 0 && !uiommu_fault_queue_pending(queue), "a new queue is not empty");
	CHECK_OK(s, uiommu_set_fault_queue(w.domain[0], queue));
	CHECK_OK(s, uiommu_set_fault_queue(w.domain[1], queue));
	CHECK_RC(s, uiommu_fault_queue_destroy(queue), -UIOMMU_EBUSY);
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, &attached));
	CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, 4, NULL));
	CHECK_OK(s, ask(&w, 3, GROUP, 0, false));
	CHECK(s, told == 0 && !uiommu_fault_queue_pending(queue), "told of half a group");
	CHECK_OK(s, ask(&w, 3, GROUP, 1, false));
	CHECK_OK(s, ask(&w, 3, GROUP, 2, true));
	CHECK(s, told == 1 && uiommu_fault_queue_pending(queue), "nobody was told of a group");
	CHECK_OK(s, ask(&w, 4, GROUP, 0, true));
	CHECK(s, told == 2, "told %u times of 2 groups", told);

	/* Whole groups only. */
	CHECK_RC(s, uiommu_fault_queue_read(queue, record, 2, &count), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_fault_queue_respond(queue, 0, UIOMMU_PAGE_SUCCESS), -UIOMMU_EINVAL);
	CHECK_OK(s, uiommu_fault_queue_read(queue, record, 3, &count));
	CHECK(s, count == 3, "%zu records of a group of 3", count);
	for (unsigned int i = 0; i < 3; i++)
		CHECK(s,
		      record[i].request.address == ADDRESS + i * 4096 &&
			      record[i].request.group == GROUP && record[i].device == w.dev &&
			      record[i].cookie == record[0].cookie && record[i].handle == &attached,
		      "record %u is not of this group", i);
	/* Given back it comes first again, before the one that came after it. */
	uiommu_fault_queue_unread(queue, record[0].cookie);
	CHECK_OK(s, uiommu_fault_queue_read(queue, again, 4, &count));
	CHECK(s, count == 3 && again[0].request.pasid == 3, "what was given back is not first");
	CHECK_OK(s, uiommu_fault_queue_read(queue, record, 4, &count));
	CHECK(s, count == 1 && record[0].request.pasid == 4 && !record[0].handle,
	      "the second group");
	CHECK(s, record[0].cookie != again[0].cookie, "two groups have one name");
	CHECK(s, !uiommu_fault_queue_pending(queue), "an empty queue has something to read");

	CHECK_RC(s, uiommu_fault_queue_respond(queue, record[0].cookie, UIOMMU_PAGE_FAILURE),
		 -UIOMMU_EINVAL);
	CHECK_RC(s,
		 uiommu_fault_queue_respond(queue, record[0].cookie ^ 0x1000, UIOMMU_PAGE_SUCCESS),
		 -UIOMMU_EINVAL);
	CHECK(s, !atomic_load(&w.soft->responses), "a wrong answer was sent");
	CHECK_OK(s, uiommu_fault_queue_respond(queue, record[0].cookie, UIOMMU_PAGE_INVALID));
	answered(s, &w, 4, GROUP, UIOMMU_PAGE_INVALID);
	CHECK_OK(s, uiommu_fault_queue_respond(queue, again[0].cookie, UIOMMU_PAGE_SUCCESS));
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_SUCCESS);
	CHECK_RC(s, uiommu_fault_queue_respond(queue, again[0].cookie, UIOMMU_PAGE_SUCCESS),
		 -UIOMMU_EINVAL);
	answered(s, &w, 3, GROUP, UIOMMU_PAGE_SUCCESS);
	uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
	uiommu_detach_device_pasid(w.domain[1], w.dev, 4);
	CHECK_OK(s, uiommu_set_fault_queue(w.domain[0], NULL));
	CHECK_OK(s, uiommu_set_fault_queue(w.domain[1], NULL));
	CHECK_OK(s, uiommu_fault_queue_destroy(queue));
	end(s, &w);
}

static void c129(struct subject *s)
{
	(s->kind->backend->user ? iommufd_fault_file : c129_queue)(s);
}

static void c130_replace(struct subject *s)
{
	struct uiommu_attach_handle attached[3];
	struct uiommu_fault_queue *queue[2];
	struct uiommu_fault_record record;
	struct work w = begin(s);

	memset(attached, 0, sizeof(attached));
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, uiommu_fault_queue_create(s->sys, NULL, NULL, &queue[i]));
		CHECK_OK(s, uiommu_set_fault_queue(w.domain[i], queue[i]));
	}
	/* On a PASID, and on the RID. */
	for (uiommu_pasid_t pasid = 0; pasid <= 3; pasid += 3) {
		size_t count[3];
		unsigned int from;

		if (pasid)
			CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, pasid,
							       &attached[0]));
		else
			CHECK_OK(s, uiommu_attach_group_handle(w.domain[0], w.group, &attached[0]));
		for (unsigned int i = 0; i < 2; i++)
			CHECK_OK(s, ask(&w, pasid, GROUP + i, i, true));
		CHECK_OK(s, ask(&w, pasid, GROUP + 2, 0, false));
		CHECK_OK(s, uiommu_fault_queue_read(queue[0], &record, 1, &count[0]));
		from = atomic_load(&w.soft->events);
		if (pasid)
			CHECK_OK(s, uiommu_replace_device_pasid(w.domain[1], w.dev, pasid,
								&attached[1]));
		else
			CHECK_OK(s,
				 uiommu_replace_group_handle(w.group, w.domain[1], &attached[1]));
		check_order(s, &w, from, pasid, SOFT_COMMIT);
		for (unsigned int i = 0; i < 2; i++)
			answered(s, &w, pasid, GROUP + i, UIOMMU_PAGE_INVALID);
		CHECK(s, !uiommu_fault_queue_pending(queue[0]), "the old queue has an old group");
		CHECK_RC(s,
			 uiommu_fault_queue_respond(queue[0], record.cookie, UIOMMU_PAGE_SUCCESS),
			 -UIOMMU_EINVAL);
		CHECK_OK(s, ask(&w, pasid, GROUP + 2, 1, true));
		CHECK(s, !uiommu_fault_queue_pending(queue[0]), "the old queue has a new group");
		CHECK_OK(s, uiommu_fault_queue_read(queue[1], &record, 1, &count[1]));
		CHECK(s, count[1] == 1 && record.handle == &attached[1],
		      "the new group is not the new handle's alone");
		CHECK_OK(s,
			 uiommu_fault_queue_respond(queue[1], record.cookie, UIOMMU_PAGE_SUCCESS));
		answered(s, &w, pasid, GROUP + 2, UIOMMU_PAGE_SUCCESS);
		/* By one that nobody answers for. */
		CHECK_OK(s, ask(&w, pasid, GROUP + 3, 1, true));
		if (pasid)
			CHECK_OK(s, uiommu_replace_device_pasid(w.domain[2], w.dev, pasid,
								&attached[2]));
		else
			CHECK_OK(s,
				 uiommu_replace_group_handle(w.group, w.domain[2], &attached[2]));
		answered(s, &w, pasid, GROUP + 3, UIOMMU_PAGE_INVALID);
		CHECK(s, !w.soft->device[0].asking, "page requests are on, and nobody answers");
		if (pasid)
			uiommu_detach_device_pasid(w.domain[2], w.dev, pasid);
		else
			uiommu_detach_group_handle(w.domain[2], w.group);
	}
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, uiommu_set_fault_queue(w.domain[i], NULL));
		CHECK_OK(s, uiommu_fault_queue_destroy(queue[i]));
	}
	end(s, &w);
}

static void c130(struct subject *s)
{
	(s->kind->backend->user ? iommufd_fault_replace : c130_replace)(s);
}

static void c133_user_pasids(struct subject *s)
{
	struct faults_taken taken;
	struct uiommu_domain *parent, *nested;
	const uint64_t data[2] = { 0, 0 };
	struct work w;

	for (unsigned int user = 0; user < 2; user++) {
		memset(&taken, 0, sizeof(taken));
		w = begin(s);
		w.soft->ops[0].user_pasid_table = user;
		CHECK_OK(s, uiommu_domain_alloc_paging(w.dev, UIOMMU_ALLOC_NEST_PARENT, &parent));
		CHECK_OK(s, uiommu_domain_alloc_nested(w.dev, parent, UIOMMU_NESTED_SMMUV3, data,
						       sizeof(data), 0, &nested));
		CHECK_OK(s, uiommu_set_page_request_handler(nested, faults_take, &taken));
		handle(s, &w, 0);
		CHECK_OK(s, uiommu_attach_group(nested, w.group));
		CHECK_OK(s, uiommu_attach_device_pasid(w.domain[0], w.dev, 3, NULL));
		/* The guest's own PASIDs are the guest's affair; one that is attached here is not. */
		CHECK_RC(s, ask(&w, 6, GROUP, 0, true), user ? 0 : -UIOMMU_EINVAL);
		answered(s, &w, 6, GROUP, user ? UIOMMU_PAGE_SUCCESS : UIOMMU_PAGE_INVALID);
		CHECK(s, taken.groups == user, "the nested domain's handler was called %u times",
		      taken.groups);
		CHECK(s, !user || taken.group[0].request[0].pasid == 6,
		      "the guest's PASID is lost");
		CHECK_OK(s, ask(&w, 3, GROUP, 0, true));
		CHECK(s, w.taken[0].groups == 1 && taken.groups == user,
		      "a PASID of the host's was the guest's");
		/* Gone with the nested domain; a paging domain on the RID has no such claim. */
		taken.keep = true;
		if (user)
			CHECK_OK(s, ask(&w, 6, GROUP + 1, 0, true));
		uiommu_detach_group(nested, w.group);
		if (user) {
			answered(s, &w, 6, GROUP + 1, UIOMMU_PAGE_INVALID);
			uiommu_page_response(taken.group[1].open, UIOMMU_PAGE_SUCCESS);
			answered(s, &w, 6, GROUP + 1, UIOMMU_PAGE_INVALID);
		}
		handle(s, &w, 1);
		CHECK_OK(s, uiommu_attach_group(w.domain[1], w.group));
		CHECK_RC(s, ask(&w, 6, GROUP + 2, 0, true), -UIOMMU_EINVAL);
		answered(s, &w, 6, GROUP + 2, UIOMMU_PAGE_INVALID);
		uiommu_detach_group(w.domain[1], w.group);
		uiommu_detach_device_pasid(w.domain[0], w.dev, 3);
		uiommu_domain_free(nested);
		uiommu_domain_free(parent);
		end(s, &w);
	}
}

#define ONCE CONFORM_ONCE
#define CORE "Linux iommu_report_device_fault, iopf_queue; "

#define EITHER (CONFORM_UAPI | CONFORM_KAPI)

const struct conform_scenario conform_faults[] = {
	{ "C120", "A group is handed over when it is complete, in the order in which it came",
	  "PCIe 6.0, 10.4.1; " CORE "iopf_group_alloc", AREA_FAULTS, ONCE, 0, c120_groups },
	{ "C121", "The same group index of two PASIDs, or two devices, is two groups",
	  "PCIe 6.0, 10.4.1; Linux compares the index alone", AREA_FAULTS, ONCE, 0,
	  c121_same_index },
	{ "C122", "After an overflow incomplete groups are forgotten, complete ones are not",
	  CORE "iopf_queue_discard_partial", AREA_FAULTS, ONCE, 0, c122_overflow },
	{ "C123", "A group that cannot be handed over is answered FAILURE, and forgotten", CORE,
	  AREA_FAULTS, ONCE, 0, c123_no_memory },
	{ "C124", "Where nobody answers, a group gets one INVALID: not one for each request",
	  "PCIe 6.0, 10.4.2; Linux answers each", AREA_FAULTS, ONCE, 0, c124_nobody },
	{ "C125", "Detach ends every group: forgotten if incomplete, else answered once, in order",
	  CORE "iopf_queue_remove_device; the contract of uiommu/fault.h", AREA_FAULTS,
	  ONCE | CONFORM_RACE, 0, c125_detach },
	{ "C127",
	  "A device that is removed leaves no group behind, and late answers count for nothing",
	  CORE "iopf_queue_remove_device", AREA_FAULTS,
	  ONCE | CONFORM_NO_SWEEP, /* a group without memory is answered FAILURE: C123 */
	  0, c127_device_removed },
	{ "C128", "Page requests are on while somebody answers, and off before and after",
	  CORE "iopf_queue_add_device", AREA_FAULTS, ONCE, 0, c128_switched_off },
	{ "C129", "A queue of groups: whole groups, by name, each answered once",
	  "Linux iommufd_fault_fops", AREA_FAULTS, EITHER | ONCE, 0, c129 },
	{ "C130", "A replaced domain's groups are answered; new ones are the new domain's",
	  "Linux iommufd_auto_response_faults", AREA_FAULTS, EITHER | ONCE, 0, c130 },
	{ "C133", "Where the PASID table is a guest's, its requests are the nested domain's",
	  CORE "user_pasid_table", AREA_FAULTS, ONCE, 0, c133_user_pasids },
	{ 0 },
};
