/* SPDX-License-Identifier: MIT */
/*
 * core_faults.c - a domain is detached while page requests of it are on their way
 *
 * Each group is answered once, whoever was faster; when detach has returned nobody uses the domain any
 * more: the detaching thread frees it at once, and what was freed must not be touched.
 */
#include "src/core/core.h"
#include "tests/explore/soft_world.h"

#define PASID_USED 3u
#define FIRST 7u /* group indices */
#define SECOND 9u

struct faulting {
	struct soft_world w;
	struct uiommu_device *dev;
	struct uiommu_domain *domain;
	struct uiommu_fault_queue *queue;
	struct uiommu_fault_group *delivered, *second; /* to a handler that answers later */
	unsigned int handled;
	int asked, responded;
};

static void answer_at_once(struct uiommu_fault_group *group, struct faulting *f)
{
	/* Its domain is there as long as a handler is at work. */
	MUST(uiommu_domain_pgsizes(f->domain));
	f->handled++;
	uiommu_page_response(group, UIOMMU_PAGE_SUCCESS);
}

static int handler_answers(struct uiommu_fault_group *group, void *token)
{
	answer_at_once(group, token);
	return 0;
}

static int handler_keeps(struct uiommu_fault_group *group, void *token)
{
	struct faulting *f = token;

	if (uiommu_fault_group_request(group, 0)->group == FIRST)
		f->delivered = group;
	else
		f->second = group;
	return 0;
}

static void ask(struct faulting *f, uint32_t index, bool last)
{
	const struct uiommu_page_request request =
		soft_page(f->w.soft, 0, PASID_USED, index, 0x1000, UIOMMU_READ, last);

	f->asked = soft_ask(f->w.soft, 0, &request);
}

static void open(struct faulting *f, int (*handler)(struct uiommu_fault_group *, void *))
{
	soft_world_open(&f->w);
	MUST(soft_start(f->w.soft, 0) == 0);
	f->w.soft->device[0].pasid_bits = 3;
	f->w.soft->device[0].asks = true;
	f->dev = soft_world_add(&f->w, 0, 0);
	f->domain = soft_world_domain(&f->w, 0, 0x5000);
	if (handler) {
		MUST(uiommu_set_page_request_handler(f->domain, handler, f) == 0);
	} else {
		MUST(uiommu_fault_queue_create(f->w.sys, NULL, NULL, &f->queue) == 0);
		MUST(uiommu_set_fault_queue(f->domain, f->queue) == 0);
	}
	MUST(uiommu_attach_device_pasid(f->domain, f->dev, PASID_USED, NULL) == 0);
}

static void handled_setup(void *state)
{
	struct faulting *f = state;

	open(f, handler_answers);
	ask(f, FIRST, false); /* an incomplete group */
	MUST(f->asked == 0);
}

static void delivered_setup(void *state)
{
	struct faulting *f = state;

	open(f, handler_keeps);
	ask(f, FIRST, true);
	MUST(f->asked == 0 && f->delivered);
}

static void queued_setup(void *state)
{
	struct faulting *f = state;

	open(f, NULL);
	ask(f, FIRST, true);
	MUST(f->asked == 0 && uiommu_fault_queue_pending(f->queue));
}

static void asks_for_the_rest(void *state)
{
	ask(state, FIRST, true);
}

static void asks_again(void *state)
{
	ask(state, SECOND, true);
}

static void detach_and_free(void *state)
{
	struct faulting *f = state;

	uiommu_detach_device_pasid(f->domain, f->dev, PASID_USED);
	uiommu_domain_free(f->domain);
}

static void answers_late(void *state)
{
	struct faulting *f = state;

	uiommu_page_response(f->delivered, UIOMMU_PAGE_SUCCESS);
}

static void reads_and_answers(void *state)
{
	struct faulting *f = state;
	struct uiommu_fault_record record;
	size_t count;

	f->responded = -UIOMMU_ENOENT;
	MUST(uiommu_fault_queue_read(f->queue, &record, 1, &count) == 0);
	if (count)
		f->responded =
			uiommu_fault_queue_respond(f->queue, record.cookie, UIOMMU_PAGE_SUCCESS);
}

static enum uiommu_page_response_code answered_once(struct faulting *f, uint32_t index)
{
	enum uiommu_page_response_code code = UIOMMU_PAGE_FAILURE;
	const unsigned int answers = soft_answers(f->w.soft, 0, PASID_USED, index, &code);

	if (answers != 1)
		explore_fail("group %u was answered %u times", index, answers);
	MUST(code == UIOMMU_PAGE_SUCCESS || code == UIOMMU_PAGE_INVALID);
	return code;
}

static void close(struct faulting *f)
{
	MUST(!f->w.soft->device[0].pasid[PASID_USED]);
	MUST(!f->w.soft->device[0].asking);
	MUST(uiommu_fault_queue_destroy(f->queue) == 0);
	soft_world_close(&f->w, 0);
}

static void handled_check(void *state)
{
	struct faulting *f = state;
	const enum uiommu_page_response_code code = answered_once(f, FIRST);

	/* SUCCESS is the handler's; nobody else says so of an attachment that ends. */
	MUST((code == UIOMMU_PAGE_SUCCESS) == (f->handled == 1));
	MUST(f->handled <= 1);
	close(f);
}

static void delivered_check(void *state)
{
	struct faulting *f = state;

	answered_once(f, FIRST);
	close(f);
}

static void both_check(void *state)
{
	struct faulting *f = state;

	answered_once(f, FIRST);
	answered_once(f, SECOND);
	/* Its consumer comes too late, and gives it back. */
	if (f->second)
		uiommu_page_response(f->second, UIOMMU_PAGE_SUCCESS);
	answered_once(f, SECOND);
	close(f);
}

static void queued_check(void *state)
{
	struct faulting *f = state;
	const enum uiommu_page_response_code code = answered_once(f, FIRST);

	MUST(f->responded == 0 || f->responded == -UIOMMU_EINVAL || f->responded == -UIOMMU_ENOENT);
	MUST((f->responded == 0) == (code == UIOMMU_PAGE_SUCCESS));
	close(f);
}

#define RACE(id, a, b, c, d)                                                       \
	{                                                                          \
		.name = (id), .state_size = sizeof(struct faulting), .setup = (a), \
		.thread = { (b), (c) }, .check = (d)                               \
	}

const struct race races_faults[] = {
	{ "a domain is detached while a handler is at work for it: one answer, and no use afterwards",
	  RACE("C125/core-handled", handled_setup, asks_for_the_rest, detach_and_free,
	       handled_check),
	  { "flush-beside-handler", "changing-unnoticed" } },
	{ "a domain is detached while a delivered group is being answered: one answer",
	  RACE("C125/core-delivered", delivered_setup, answers_late, detach_and_free,
	       delivered_check),
	  { "response-unserialised" } },
	{ "a domain is detached while its group is read from a queue and answered: one answer",
	  RACE("C125/core-queued", queued_setup, reads_and_answers, detach_and_free, queued_check),
	  { "queue-left-behind" } },
	{ "a group is answered and another one comes while the domain is detached: one answer each",
	  { .name = "C125/core-all",
	    .state_size = sizeof(struct faulting),
	    .setup = delivered_setup,
	    .thread = { answers_late, detach_and_free, asks_again },
	    .check = both_check },
	  { "claim-unlocked" } },
	{ 0 },
};
