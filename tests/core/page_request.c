/* SPDX-License-Identifier: MIT */
/* page_request.c - page requests against a scripted driver: each group is answered once */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/core/mock.h"

#define GROUPS 8
#define PASID ((unsigned int)UIOMMU_PAGE_REQUEST_PASID)
#define LAST ((unsigned int)UIOMMU_PAGE_REQUEST_LAST)

/* What the handler has got, and what it does with it. */
struct consumer {
	int error;
	bool keep; /* answer later */
	enum uiommu_page_response_code code;
	struct uiommu_fault_group *group[GROUPS];
	unsigned int num_groups;
	unsigned int count; /* of the last group */
	struct uiommu_page_request request[8];
	struct uiommu_device *dev;
	pthread_mutex_t *wait; /* taken and released in the handler */
	atomic_bool inside;
};

struct world {
	struct mock m;
	struct uiommu_device *dev[2];
	struct uiommu_group *group;
	struct uiommu_domain *d1, *d2;
	struct consumer c1, c2;
};

static int consume(struct uiommu_fault_group *group, void *token)
{
	struct consumer *c = token;

	c->count = uiommu_fault_group_count(group);
	c->dev = uiommu_fault_group_device(group);
	for (unsigned int i = 0; i < c->count && i < 8; i++)
		c->request[i] = *uiommu_fault_group_request(group, i);
	if (uiommu_fault_group_request(group, c->count))
		return -UIOMMU_EINVAL;
	if (c->num_groups < GROUPS)
		c->group[c->num_groups] = group;
	c->num_groups++;
	if (c->wait) {
		atomic_store(&c->inside, true);
		pthread_mutex_lock(c->wait);
		pthread_mutex_unlock(c->wait);
	}
	if (c->error)
		return c->error;
	if (!c->keep)
		uiommu_page_response(group, c->code);
	return 0;
}

/* Two devices in groups of their own, two domains that ask the two consumers. */
static void start(struct world *w)
{
	memset(w, 0, sizeof(*w));
	mock_init(&w->m);
	assert_int_equal(mock_start(&w->m, UIOMMU_DOMAIN_DMA), 0);
	assert_int_equal(uiommu_instance_register(w->m.sys, &w->m.instance[0]), 0);
	for (unsigned int i = 0; i < 2; i++)
		w->dev[i] = mock_add(&w->m, i);
	w->group = uiommu_group_get(w->dev[0]);
	assert_int_equal(uiommu_domain_alloc_paging(w->dev[0], 0, &w->d1), 0);
	assert_int_equal(uiommu_domain_alloc_paging(w->dev[0], 0, &w->d2), 0);
	assert_int_equal(uiommu_set_page_request_handler(w->d1, consume, &w->c1), 0);
	assert_int_equal(uiommu_set_page_request_handler(w->d2, consume, &w->c2), 0);
}

static void stop(struct world *w)
{
	uiommu_domain_free(w->d1);
	uiommu_domain_free(w->d2);
	uiommu_group_put(w->group);
	assert_int_equal(w->m.host.warnings, 0);
	assert_int_equal(w->m.host.errors, 0);
	mock_stop(&w->m);
}

static int report(struct world *w, unsigned int source, uiommu_pasid_t pasid, uint32_t group,
		  unsigned int flags, uint64_t address)
{
	struct uiommu_page_request request = {
		.source_id = source,
		.flags = flags | (pasid ? PASID : 0),
		.pasid = pasid,
		.group = group,
		.address = address,
		.prot = UIOMMU_READ,
		.private_data = { address, group },
	};

	return uiommu_report_page_request(&w->m.instance[0], &request);
}

/* There have been @number answers, and the latest is @code to the request for @address. */
static void check_answer(const struct world *w, unsigned int number,
			 enum uiommu_page_response_code code, uint64_t address)
{
	assert_int_equal(w->m.num_responses, number);
	assert_int_equal(w->m.response[number - 1].code, code);
	assert_int_equal(w->m.response[number - 1].last.address, address);
	assert_int_equal(w->m.response[number - 1].last.private_data[0], address);
}

/* C120, C121: groups are complete and in order; index, PASID and having one all count */
static void test_groups(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d2, w.dev[0], 2, NULL), 0);
	assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
	assert_int_equal(report(&w, 0, 1, 7, 0, 0x1000), 0);
	assert_int_equal(report(&w, 0, 2, 7, 0, 0x2000), 0);
	assert_int_equal(report(&w, 0, 1, 8, 0, 0x3000), 0);
	assert_int_equal(report(&w, 0, 0, 7, 0, 0x4000), 0);
	assert_int_equal(report(&w, 0, 1, 7, 0, 0x5000), 0);
	assert_int_equal(w.m.num_responses, 0);
	w.c1.code = UIOMMU_PAGE_INVALID;
	assert_int_equal(report(&w, 0, 1, 7, LAST, 0x6000), 0);
	check_answer(&w, 1, UIOMMU_PAGE_INVALID, 0x6000);
	assert_int_equal(w.c1.count, 3);
	assert_int_equal(w.c1.request[0].address, 0x1000);
	assert_int_equal(w.c1.request[1].address, 0x5000);
	assert_int_equal(w.c1.request[2].address, 0x6000);
	assert_ptr_equal(w.c1.dev, w.dev[0]);
	assert_int_equal(w.c2.num_groups, 0);
	assert_int_equal(report(&w, 0, 2, 7, LAST, 0x7000), 0);
	check_answer(&w, 2, UIOMMU_PAGE_SUCCESS, 0x7000);
	assert_int_equal(w.c2.count, 2);
	assert_int_equal(w.c2.request[0].address, 0x2000);
	/* A stall is alone, whatever its tag. */
	assert_int_equal(report(&w, 0, 1, 8, UIOMMU_PAGE_REQUEST_STALL, 0x8000), 0);
	check_answer(&w, 3, UIOMMU_PAGE_INVALID, 0x8000);
	assert_int_equal(w.c1.count, 1);
	assert_int_equal(report(&w, 0, 1, 8, LAST, 0x9000), 0);
	assert_int_equal(w.c1.count, 2);
	assert_int_equal(w.c1.request[0].address, 0x3000);
	assert_int_equal(report(&w, 0, 0, 7, LAST, 0xa000), 0);
	assert_int_equal(w.c1.count, 2);
	assert_int_equal(w.c1.request[0].address, 0x4000);
	assert_int_equal(w.m.num_responses, 5);
	/* PASID 0 is the RID's attachment, and still another requester. */
	assert_int_equal(report(&w, 0, 0, 9, 0, 0xb000), 0);
	assert_int_equal(report(&w, 0, 0, 9, LAST | PASID, 0xc000), 0);
	assert_int_equal(w.c1.count, 1);
	assert_int_equal(w.m.num_responses, 6);
	uiommu_detach_group(w.d1, w.group);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	uiommu_detach_device_pasid(w.d2, w.dev[0], 2);
	assert_int_equal(w.m.num_responses, 6);
	stop(&w);
}

/* C122: what is incomplete when requests were lost is forgotten, and stays away from later groups */
static void test_lost(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[1], 1, NULL), 0);
	assert_int_equal(report(&w, 0, 1, 7, 0, 0x1000), 0);
	assert_int_equal(report(&w, 1, 1, 7, 0, 0x2000), 0);
	uiommu_page_requests_lost(&w.m.instance[0]);
	assert_int_equal(w.m.num_responses, 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(report(&w, i, 1, 7, LAST, 0x3000), 0);
		assert_int_equal(w.c1.count, 1);
	}
	assert_int_equal(w.m.num_responses, 2);
	/* Also without an overflow a device may leave a group incomplete: up to a limit, then at detach. */
	for (unsigned int i = 0; i < 4096; i++)
		assert_int_equal(report(&w, 0, 1, 8, 0, 0x1000), 0);
	assert_int_equal(report(&w, 0, 1, 8, 0, 0x1000), -UIOMMU_ENOMEM);
	assert_int_equal(report(&w, 0, 1, 8, LAST, 0x1000), 0);
	check_answer(&w, 3, UIOMMU_PAGE_FAILURE, 0x1000);
	assert_int_equal(w.c1.num_groups, 2);
	assert_int_equal(report(&w, 0, 1, 8, 0, 0x1000), 0);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	assert_int_equal(uiommu_attach_device_pasid(w.d2, w.dev[0], 1, NULL), 0);
	assert_int_equal(report(&w, 0, 1, 8, LAST, 0x2000), 0);
	assert_int_equal(w.c2.count, 1);
	uiommu_detach_device_pasid(w.d2, w.dev[0], 1);
	uiommu_detach_device_pasid(w.d1, w.dev[1], 1);
	stop(&w);
}

/* C123, C124: nobody answers, or the one who should cannot: one answer for each group */
static void test_no_consumer(void **state)
{
	struct uiommu_domain *plain;
	struct world w;

	(void)state;
	start(&w);
	/* No device, no attachment, no PASID, a domain without a consumer. */
	assert_int_equal(report(&w, 99, 1, 1, 0, 0x1000), -UIOMMU_EINVAL);
	assert_int_equal(w.m.num_responses, 0);
	assert_int_equal(report(&w, 99, 1, 1, LAST, 0x1000), -UIOMMU_EINVAL);
	check_answer(&w, 1, UIOMMU_PAGE_INVALID, 0x1000);
	assert_int_equal(report(&w, 0, 0, 1, LAST, 0x2000), -UIOMMU_EINVAL);
	check_answer(&w, 2, UIOMMU_PAGE_INVALID, 0x2000);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(report(&w, 0, 2, 1, 0, 0x3000), -UIOMMU_EINVAL);
	assert_int_equal(report(&w, 0, 2, 1, 0, 0x3000), -UIOMMU_EINVAL);
	assert_int_equal(report(&w, 0, 2, 1, LAST, 0x4000), -UIOMMU_EINVAL);
	check_answer(&w, 3, UIOMMU_PAGE_INVALID, 0x4000);
	assert_int_equal(uiommu_domain_alloc_paging(w.dev[0], 0, &plain), 0);
	assert_int_equal(uiommu_attach_device_pasid(plain, w.dev[0], 3, NULL), 0);
	assert_int_equal(report(&w, 0, 3, 1, LAST, 0x5000), -UIOMMU_EINVAL);
	check_answer(&w, 4, UIOMMU_PAGE_INVALID, 0x5000);
	uiommu_detach_device_pasid(plain, w.dev[0], 3);
	uiommu_domain_free(plain);

	w.c1.error = -UIOMMU_EBUSY;
	assert_int_equal(report(&w, 0, 1, 2, 0, 0x6000), 0);
	assert_int_equal(report(&w, 0, 1, 2, LAST, 0x7000), 0);
	check_answer(&w, 5, UIOMMU_PAGE_FAILURE, 0x7000);
	assert_int_equal(w.c1.num_groups, 1);
	w.c1.error = 0;
	/* No memory for the group, then for a part of one. */
	w.m.host.fail_after = 0;
	assert_int_equal(report(&w, 0, 1, 3, LAST, 0x8000), 0);
	check_answer(&w, 6, UIOMMU_PAGE_FAILURE, 0x8000);
	assert_int_equal(report(&w, 0, 1, 4, 0, 0x9000), -UIOMMU_ENOMEM);
	w.m.host.fail_after = -1;
	assert_int_equal(report(&w, 0, 1, 4, 0, 0xa000), 0);
	assert_int_equal(report(&w, 0, 1, 5, LAST, 0xb000), 0);
	check_answer(&w, 7, UIOMMU_PAGE_SUCCESS, 0xb000);
	assert_int_equal(report(&w, 0, 1, 4, LAST, 0xc000), 0);
	check_answer(&w, 8, UIOMMU_PAGE_FAILURE, 0xc000);
	assert_int_equal(report(&w, 0, 1, 4, LAST, 0xd000), 0);
	check_answer(&w, 9, UIOMMU_PAGE_SUCCESS, 0xd000);
	assert_int_equal(w.c1.count, 1);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	stop(&w);
}

/* C133: a PASID that is not attached belongs to the guest behind the RID's nested domain */
static void test_user_table(void **state)
{
	const unsigned char one = 1;
	struct uiommu_domain *parent, *nested;
	struct uiommu_attach_handle handle;
	struct world w;

	(void)state;
	start(&w);
	w.c1.keep = true;
	assert_int_equal(uiommu_domain_alloc_paging(w.dev[0], UIOMMU_ALLOC_NEST_PARENT, &parent),
			 0);
	assert_int_equal(uiommu_domain_alloc_nested(w.dev[0], parent, UIOMMU_NESTED_SMMUV3, &one, 1,
						    0, &nested),
			 0);
	assert_int_equal(uiommu_set_page_request_handler(nested, consume, &w.c1), 0);
	assert_int_equal(uiommu_attach_group_handle(nested, w.group, &handle), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d2, w.dev[0], 2, NULL), 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), -UIOMMU_EINVAL);
	assert_int_equal(w.m.num_responses, 1);
	w.m.ops[0].user_pasid_table = true;
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), 0);
	assert_int_equal(w.c1.num_groups, 1);
	assert_int_equal(report(&w, 0, 2, 1, LAST, 0x2000), 0);
	assert_int_equal(w.c2.num_groups, 1);
	assert_int_equal(w.m.num_responses, 2);
	/* It ends with the RID's attachment. */
	uiommu_detach_group_handle(nested, w.group);
	check_answer(&w, 3, UIOMMU_PAGE_INVALID, 0x1000);
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(w.m.num_responses, 3);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), -UIOMMU_EINVAL);
	/* Another kind of domain there has no guest's PASIDs. */
	assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), -UIOMMU_EINVAL);
	uiommu_detach_group(w.d1, w.group);
	uiommu_detach_device_pasid(w.d2, w.dev[0], 2);
	uiommu_domain_free(nested);
	uiommu_domain_free(parent);
	stop(&w);
}

/* Who may be set, and what an attachment needs of the device. */
static void test_enable(void **state)
{
	struct uiommu_domain *plain;
	struct world w;

	(void)state;
	start(&w);
	assert_int_equal(uiommu_set_page_request_handler(NULL, consume, &w), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_set_page_request_handler(uiommu_domain_blocked(w.dev[0]), consume,
							 &w),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_set_page_request_handler(uiommu_group_domain(w.group), consume, &w),
			 -UIOMMU_EINVAL);
	w.m.script[0].page_enable_error = -UIOMMU_EOPNOTSUPP;
	assert_int_equal(uiommu_attach_group(w.d1, w.group), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), -UIOMMU_EOPNOTSUPP);
	w.m.script[0].page_enable_error = 0;

	w.m.script[0].attach_error = -UIOMMU_ENOMEM;
	w.m.script[0].attach_error_domain = w.d1;
	assert_int_equal(uiommu_attach_group(w.d1, w.group), -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), -UIOMMU_ENOMEM);
	assert_int_equal(w.m.script[0].enables, 2);
	assert_false(w.m.script[0].page_requests);
	w.m.script[0].attach_error = 0;

	assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
	assert_int_equal(uiommu_set_page_request_handler(w.d1, NULL, NULL), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_set_fault_queue(w.d1, NULL), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(w.m.script[0].enables, 3);
	uiommu_detach_group(w.d1, w.group);
	assert_true(w.m.script[0].page_requests);
	assert_int_equal(w.m.script[0].drains, 1);
	assert_int_equal(uiommu_domain_alloc_paging(w.dev[0], 0, &plain), 0);
	assert_int_equal(uiommu_replace_device_pasid(plain, w.dev[0], 1,
						     &(struct uiommu_attach_handle){ 0 }),
			 0);
	assert_false(w.m.script[0].page_requests);
	assert_int_equal(w.m.script[0].drains, 2);
	uiommu_detach_device_pasid(plain, w.dev[0], 1);
	assert_int_equal(w.m.script[0].drains, 2);
	uiommu_domain_free(plain);
	assert_int_equal(uiommu_set_page_request_handler(w.d1, NULL, NULL), 0);
	assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
	assert_int_equal(w.m.script[0].enables, 3);
	uiommu_detach_group(w.d1, w.group);
	stop(&w);
}

/* C130: the old domain's groups are answered, new ones go to the new one; a failure changes nothing */
static void test_replace(void **state)
{
	struct uiommu_attach_handle h1 = { 0 }, h2 = { 0 }, h3 = { 0 };
	struct world w;

	(void)state;
	start(&w);
	w.c1.keep = true;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, &h1), 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), 0);
	w.m.script[0].attach_error = -UIOMMU_ENOSPC;
	w.m.script[0].attach_error_domain = w.d2;
	assert_int_equal(uiommu_replace_device_pasid(w.d2, w.dev[0], 1, &h2), -UIOMMU_ENOSPC);
	assert_int_equal(w.m.num_responses, 0);
	assert_int_equal(report(&w, 0, 1, 2, LAST, 0x2000), 0);
	assert_int_equal(w.c1.num_groups, 2);
	w.m.script[0].attach_error = 0;
	assert_int_equal(uiommu_replace_device_pasid(w.d2, w.dev[0], 1, &h2), 0);
	check_answer(&w, 2, UIOMMU_PAGE_INVALID, 0x2000);
	assert_int_equal(w.m.response[0].last.address, 0x1000);
	assert_int_equal(w.m.script[0].enables, 1);
	assert_int_equal(report(&w, 0, 1, 3, LAST, 0x3000), 0);
	assert_int_equal(w.c2.num_groups, 1);
	check_answer(&w, 3, UIOMMU_PAGE_SUCCESS, 0x3000);
	/* Late answers are ignored. */
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	uiommu_page_response(w.c1.group[1], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(w.m.num_responses, 3);
	/* Only the handle changes: what belongs to the old one is answered as well. */
	w.c2.keep = true;
	assert_int_equal(report(&w, 0, 1, 4, LAST, 0x4000), 0);
	assert_int_equal(uiommu_replace_device_pasid(w.d2, w.dev[0], 1, &h3), 0);
	check_answer(&w, 4, UIOMMU_PAGE_INVALID, 0x4000);
	uiommu_page_response(w.c2.group[1], UIOMMU_PAGE_SUCCESS);
	uiommu_detach_device_pasid(w.d2, w.dev[0], 1);

	/* The same for the RID. */
	w.c1.num_groups = 0;
	w.c2.keep = false;
	assert_int_equal(uiommu_attach_group_handle(w.d1, w.group, &h1), 0);
	assert_int_equal(report(&w, 0, 0, 1, LAST, 0x5000), 0);
	assert_int_equal(uiommu_replace_group_handle(w.group, w.d1, &h2), 0);
	check_answer(&w, 5, UIOMMU_PAGE_INVALID, 0x5000);
	assert_int_equal(report(&w, 0, 0, 2, LAST, 0x6000), 0);
	assert_int_equal(uiommu_replace_group_handle(w.group, w.d2, &h3), 0);
	check_answer(&w, 6, UIOMMU_PAGE_INVALID, 0x6000);
	assert_int_equal(report(&w, 0, 0, 3, LAST, 0x7000), 0);
	check_answer(&w, 7, UIOMMU_PAGE_SUCCESS, 0x7000);
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	uiommu_page_response(w.c1.group[1], UIOMMU_PAGE_SUCCESS);
	uiommu_detach_group_handle(w.d2, w.group);
	assert_int_equal(w.m.num_responses, 7);
	stop(&w);
}

static void ask_in_commit(struct mock *m, const struct uiommu_attach *attach)
{
	struct uiommu_page_request request = {
		.flags = LAST | (attach->pasid ? PASID : 0),
		.pasid = attach->pasid,
		.address = 0xc000,
		.private_data = { 0xc000 },
	};

	uiommu_report_page_request(&m->instance[0], &request);
}

static void ask_in_drain(struct mock *m, struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	struct uiommu_page_request request = {
		.flags = pasid ? PASID : 0,
		.pasid = pasid,
		.address = 0xd000,
		.private_data = { 0xd000 },
	};

	(void)dev;
	uiommu_report_page_request(&m->instance[0], &request);
	request.flags |= LAST;
	uiommu_report_page_request(&m->instance[0], &request);
}

/* C081: between the hardware's switch and the publication no consumer sees anything */
static void test_window(void **state)
{
	struct uiommu_attach_handle h1 = { 0 }, h2 = { 0 };
	struct world w;

	(void)state;
	start(&w);
	w.m.on_commit = ask_in_commit;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	check_answer(&w, 1, UIOMMU_PAGE_SUCCESS, 0xc000);
	assert_int_equal(uiommu_attach_group_handle(w.d1, w.group, &h1), 0);
	check_answer(&w, 2, UIOMMU_PAGE_SUCCESS, 0xc000);
	w.m.on_drain = ask_in_drain;
	assert_int_equal(uiommu_replace_device_pasid(w.d2, w.dev[0], 1, &h2), 0);
	check_answer(&w, 4, UIOMMU_PAGE_SUCCESS, 0xd000);
	assert_int_equal(w.m.response[2].last.address, 0xc000);
	uiommu_detach_device_pasid(w.d2, w.dev[0], 1);
	assert_int_equal(w.m.response[4].code, UIOMMU_PAGE_INVALID);
	check_answer(&w, 6, UIOMMU_PAGE_INVALID, 0xd000);
	uiommu_detach_group_handle(w.d1, w.group);
	assert_int_equal(w.m.response[6].code, UIOMMU_PAGE_INVALID);
	check_answer(&w, 8, UIOMMU_PAGE_INVALID, 0xd000);
	assert_int_equal(w.c1.num_groups + w.c2.num_groups, 0);
	/* A device that leaves. */
	assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
	w.m.num_responses = 0;
	uiommu_device_remove(w.dev[0]);
	assert_int_equal(w.m.num_responses, 2);
	assert_int_equal(w.m.response[0].code, UIOMMU_PAGE_INVALID);
	assert_int_equal(w.m.response[1].code, UIOMMU_PAGE_INVALID);
	assert_int_equal(w.c1.num_groups, 0);
	w.m.host.warnings = 0; /* the group's last device left it attached */
	stop(&w);
}

/* A member that joined later, and one whose attach fails: what the first has stays. */
static void test_members(void **state)
{
	struct uiommu_device *late;
	struct world w;

	(void)state;
	start(&w);
	w.m.script[2].group = 1;
	w.m.script[3].group = 1;
	w.m.script[4].group = 1;
	w.dev[0] = mock_add(&w.m, 2);
	w.dev[1] = mock_add(&w.m, 3);
	w.m.script[3].attach_error = -UIOMMU_ENOMEM;
	w.m.script[3].attach_error_domain = w.d1;
	w.m.on_commit = ask_in_commit;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), -UIOMMU_ENOMEM);
	assert_false(w.m.script[2].page_requests || w.m.script[3].page_requests);
	assert_int_equal(w.c1.num_groups, 0);
	w.m.on_commit = NULL;
	w.m.script[3].attach_error = 0;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	late = mock_add(&w.m, 4);
	assert_int_equal(report(&w, 2, 1, 1, LAST, 0x1000), 0);
	assert_int_equal(report(&w, 3, 1, 1, LAST, 0x1000), 0);
	assert_ptr_equal(w.c1.dev, w.dev[1]);
	assert_int_equal(uiommu_attach_device_pasid(w.d2, late, 2, NULL), 0);
	assert_int_equal(report(&w, 4, 1, 1, LAST, 0x1000), -UIOMMU_EINVAL);
	assert_int_equal(w.c1.num_groups, 2);
	uiommu_detach_device_pasid(w.d2, late, 2);
	/* The replace fails at the second member: the first has never stopped asking. */
	w.m.script[3].attach_error = -UIOMMU_ENOSPC;
	w.m.script[3].attach_error_domain = w.d2;
	assert_int_equal(uiommu_replace_device_pasid(w.d2, w.dev[0], 1,
						     &(struct uiommu_attach_handle){ 0 }),
			 -UIOMMU_ENOSPC);
	assert_int_equal(w.m.script[2].enables, 2);
	assert_int_equal(report(&w, 2, 1, 1, LAST, 0x1000), 0);
	assert_int_equal(w.c1.num_groups, 3);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	assert_false(w.m.script[2].page_requests || w.m.script[3].page_requests);
	uiommu_device_remove(late);
	stop(&w);
}

/* C127, C128: the device goes while groups are pending */
static void test_removal(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.c1.keep = true;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 2, NULL), 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), 0);
	assert_int_equal(report(&w, 0, 2, 2, LAST, 0x2000), 0);
	assert_int_equal(report(&w, 0, 1, 3, 0, 0x3000), 0);
	assert_int_equal(uiommu_fault_group_device(w.c1.group[0]) == w.dev[0], 1);
	uiommu_device_remove(w.dev[0]);
	assert_int_equal(w.m.num_responses, 2);
	assert_int_equal(w.m.response[0].code, UIOMMU_PAGE_INVALID);
	assert_int_equal(w.m.response[1].code, UIOMMU_PAGE_INVALID);
	assert_false(w.m.script[0].page_requests);
	assert_null(uiommu_fault_group_device(w.c1.group[0]));
	assert_int_equal(uiommu_fault_group_request(w.c1.group[0], 0)->address, 0x1000);
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(report(&w, 0, 1, 3, LAST, 0x3000), -UIOMMU_EINVAL);
	assert_int_equal(w.m.num_responses, 3);
	/* A new device in its place knows nothing of it. */
	w.dev[0] = mock_add(&w.m, 0);
	uiommu_instance_unregister(&w.m.instance[0]);
	uiommu_page_response(w.c1.group[1], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(w.m.num_responses, 3);
	stop(&w);
}

/* Nothing of the system is left but a group that nobody has given back: that is harmless. */
static void test_late_after_all(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.c1.keep = true;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(report(&w, 0, 1, 1, 0, 0x1000), 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x2000), 0);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	uiommu_domain_free(w.d1);
	uiommu_domain_free(w.d2);
	uiommu_group_put(w.group);
	uiommu_system_destroy(w.m.sys);
	assert_int_equal(w.m.host.warnings, 1);
	assert_null(uiommu_fault_group_device(w.c1.group[0]));
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(w.m.num_responses, 1);
	w.m.sys = NULL;
	mock_stop(&w.m);
}

/* A driver that has no release domain parks the device itself: the core still ends everything. */
static void test_self_parking(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.m.ops[0].release_domain = NULL;
	w.c1.keep = true;
	assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
	assert_int_equal(report(&w, 0, 0, 1, LAST, 0x1000), 0);
	uiommu_device_remove(w.dev[0]);
	check_answer(&w, 1, UIOMMU_PAGE_INVALID, 0x1000);
	assert_int_equal(w.m.script[0].drains, 1);
	assert_false(w.m.script[0].page_requests);
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	w.m.host.warnings = 0; /* the group's last device left it attached */
	stop(&w);
}

/* While a device is in reset nothing reaches a consumer; afterwards everything is as it was. */
static void test_reset(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.c1.keep = true;
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(uiommu_attach_group(w.d2, w.group), 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), 0);
	w.m.on_drain = ask_in_drain;
	assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
	assert_int_equal(w.m.num_responses, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(w.m.response[i].code, UIOMMU_PAGE_INVALID);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), -UIOMMU_EINVAL);
	assert_int_equal(w.c1.num_groups, 1);
	assert_int_equal(w.c2.num_groups, 0);
	uiommu_device_reset_done(w.dev[0]);
	uiommu_page_response(w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(w.m.num_responses, 4);
	w.c1.keep = false;
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x1000), 0);
	check_answer(&w, 5, UIOMMU_PAGE_SUCCESS, 0x1000);
	assert_int_equal(report(&w, 0, 0, 1, LAST, 0x1000), 0);
	assert_int_equal(w.c2.num_groups, 1);
	w.m.on_drain = NULL;
	uiommu_detach_group(w.d2, w.group);
	assert_true(w.m.script[0].page_requests);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	assert_false(w.m.script[0].page_requests);
	stop(&w);
}

/* ---- queues ---- */

static void count_notify(void *token)
{
	++*(unsigned int *)token;
}

/* C129: whole groups, first come, unread, cookies, codes */
static void test_queue(void **state)
{
	struct uiommu_attach_handle handle = { 0 };
	struct uiommu_fault_record record[4];
	struct uiommu_fault_queue *queue;
	unsigned int notified = 0;
	uint32_t first, second;
	struct world w;
	size_t count;

	(void)state;
	start(&w);
	assert_int_equal(uiommu_fault_queue_create(w.m.sys, count_notify, &notified, &queue), 0);
	assert_int_equal(uiommu_set_fault_queue(w.d1, queue), 0);
	assert_int_equal(uiommu_set_fault_queue(w.d2, queue), 0);
	assert_int_equal(uiommu_fault_queue_destroy(queue), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_set_page_request_handler(w.d2, NULL, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, &handle), 0);
	assert_false(uiommu_fault_queue_pending(queue));
	assert_int_equal(uiommu_fault_queue_read(queue, record, 4, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(report(&w, 0, 1, 1, 0, 0x1000), 0);
	assert_int_equal(notified, 0);
	assert_int_equal(report(&w, 0, 1, 1, LAST, 0x2000), 0);
	assert_int_equal(report(&w, 0, 1, 2, LAST, 0x3000), 0);
	assert_int_equal(notified, 2);
	assert_true(uiommu_fault_queue_pending(queue));
	assert_int_equal(uiommu_fault_queue_read(queue, record, 1, &count), -UIOMMU_EINVAL);
	assert_int_equal(count, 0);
	assert_int_equal(uiommu_fault_queue_read(queue, record, 2, &count), 0);
	assert_int_equal(count, 2);
	first = record[0].cookie;
	assert_int_equal(record[1].cookie, first);
	assert_int_equal(record[0].request.address, 0x1000);
	assert_int_equal(record[1].request.address, 0x2000);
	assert_ptr_equal(record[0].device, w.dev[0]);
	assert_ptr_equal(record[1].handle, &handle);
	/* It could not be copied out: it comes first again, and cannot be answered until it was read. */
	uiommu_fault_queue_unread(queue, first);
	assert_int_equal(uiommu_fault_queue_respond(queue, first, UIOMMU_PAGE_SUCCESS),
			 -UIOMMU_EINVAL);
	uiommu_fault_queue_unread(queue, first + 100);
	assert_int_equal(uiommu_fault_queue_read(queue, record, 4, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(record[0].cookie, first);
	assert_int_equal(uiommu_fault_queue_read(queue, record, 4, &count), 0);
	assert_int_equal(count, 1);
	second = record[0].cookie;
	assert_int_not_equal(first, second);
	assert_int_equal(record[0].request.address, 0x3000);
	assert_false(uiommu_fault_queue_pending(queue));
	assert_int_equal(w.m.num_responses, 0);

	assert_int_equal(uiommu_fault_queue_respond(queue, second + 7, UIOMMU_PAGE_SUCCESS),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_fault_queue_respond(queue, second, UIOMMU_PAGE_FAILURE),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_fault_queue_respond(queue, second,
						    (enum uiommu_page_response_code)3),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_fault_queue_respond(queue, second, UIOMMU_PAGE_SUCCESS), 0);
	check_answer(&w, 1, UIOMMU_PAGE_SUCCESS, 0x3000);
	assert_int_equal(uiommu_fault_queue_respond(queue, second, UIOMMU_PAGE_SUCCESS),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_fault_queue_respond(queue, first, UIOMMU_PAGE_INVALID), 0);
	check_answer(&w, 2, UIOMMU_PAGE_INVALID, 0x2000);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	assert_int_equal(w.m.num_responses, 2);
	/* A domain that is freed lets go of its queue. */
	uiommu_domain_free(w.d1);
	w.d1 = NULL;
	assert_int_equal(uiommu_fault_queue_destroy(queue), 0);
	assert_int_equal(uiommu_fault_queue_destroy(NULL), 0);
	stop(&w);
}

/* C125: detach with groups unread and read; each is answered once, and has left the queue */
static void test_queue_detach(void **state)
{
	struct uiommu_fault_record record[4];
	struct uiommu_fault_queue *queue;
	struct world w;
	size_t count;

	(void)state;
	start(&w);
	assert_int_equal(uiommu_fault_queue_create(w.m.sys, NULL, NULL, &queue), 0);
	assert_int_equal(uiommu_set_fault_queue(w.d1, queue), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 1, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[1], 1, NULL), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(report(&w, i & 1, 1, i, LAST, 0x1000ull * i), 0);
	assert_int_equal(uiommu_fault_queue_read(queue, record, 4, &count), 0);
	assert_int_equal(uiommu_fault_queue_read(queue, record + 1, 3, &count), 0);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 1);
	assert_int_equal(w.m.num_responses, 2);
	assert_int_equal(w.m.response[0].last.address, 0);
	check_answer(&w, 2, UIOMMU_PAGE_INVALID, 0x2000);
	assert_int_equal(uiommu_fault_queue_respond(queue, record[0].cookie, UIOMMU_PAGE_SUCCESS),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_fault_queue_respond(queue, record[1].cookie, UIOMMU_PAGE_SUCCESS),
			 0);
	assert_int_equal(uiommu_fault_queue_read(queue, record, 4, &count), 0);
	assert_int_equal(record[0].request.address, 0x3000);
	uiommu_fault_queue_unread(queue, record[0].cookie);
	uiommu_device_remove(w.dev[1]);
	check_answer(&w, 4, UIOMMU_PAGE_INVALID, 0x3000);
	assert_false(uiommu_fault_queue_pending(queue));
	assert_int_equal(uiommu_set_page_request_handler(w.d1, NULL, NULL), 0);
	assert_int_equal(uiommu_fault_queue_destroy(queue), 0);
	stop(&w);
}

/* ---- memory and threads ---- */

/* Each allocation of an attach with a consumer fails once. */
static void test_sweep(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		struct world w;
		int rc;

		start(&w);
		w.m.host.fail_after = nth;
		rc = uiommu_attach_group(w.d1, w.group);
		w.m.host.fail_after = -1;
		if (rc) {
			assert_int_equal(rc, -UIOMMU_ENOMEM);
			assert_ptr_not_equal(uiommu_group_domain(w.group), w.d1);
			assert_false(w.m.script[0].page_requests);
			assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);
		}
		uiommu_detach_group(w.d1, w.group);
		stop(&w);
		if (!rc) {
			assert_true(nth >= 3);
			break;
		}
	}
}

struct race {
	struct world w;
	atomic_bool stop, detached;
	atomic_uint asked;
};

static void *report_thread(void *arg)
{
	struct race *race = arg;

	report(&race->w, 0, 1, 1, LAST, 0x1000);
	return NULL;
}

static void *detach_thread(void *arg)
{
	struct race *race = arg;

	uiommu_detach_device_pasid(race->w.d1, race->w.dev[0], 1);
	atomic_store(&race->detached, true);
	return NULL;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

/* C125: the handler is at work when the detach comes: it waits, and what the handler kept is answered */
static void test_detach_waits(void **state)
{
	(void)state;
	for (unsigned int keep = 0; keep < 2; keep++) {
		static struct race race;
		struct world *w = &race.w;
		pthread_mutex_t wait = PTHREAD_MUTEX_INITIALIZER;
		pthread_t reporter, detacher;

		memset(&race, 0, sizeof(race));
		start(w);
		w->c1.wait = &wait;
		w->c1.keep = keep;
		assert_int_equal(uiommu_attach_device_pasid(w->d1, w->dev[0], 1, NULL), 0);
		pthread_mutex_lock(&wait);
		pthread_create(&reporter, NULL, report_thread, &race);
		while (!atomic_load(&w->c1.inside))
			nap();
		pthread_create(&detacher, NULL, detach_thread, &race);
		nap();
		assert_false(atomic_load(&race.detached));
		pthread_mutex_unlock(&wait);
		pthread_join(reporter, NULL);
		pthread_join(detacher, NULL);
		check_answer(w, 1, keep ? UIOMMU_PAGE_INVALID : UIOMMU_PAGE_SUCCESS, 0x1000);
		if (keep)
			uiommu_page_response(w->c1.group[0], UIOMMU_PAGE_SUCCESS);
		assert_int_equal(w->m.num_responses, 1);
		stop(w);
	}
}

static pthread_mutex_t *response_wait;
static atomic_bool response_inside;

static void wait_in_response(struct mock *m, const struct uiommu_page_request *last)
{
	(void)m;
	(void)last;
	atomic_store(&response_inside, true);
	pthread_mutex_lock(response_wait);
	pthread_mutex_unlock(response_wait);
}

static void *respond_thread(void *arg)
{
	struct race *race = arg;

	uiommu_page_response(race->w.c1.group[0], UIOMMU_PAGE_SUCCESS);
	return NULL;
}

/* A response is on its way to the hardware when the detach comes: that waits for it. */
static void test_detach_waits_for_response(void **state)
{
	static struct race race;
	struct world *w = &race.w;
	pthread_mutex_t wait = PTHREAD_MUTEX_INITIALIZER;
	pthread_t responder, detacher;

	(void)state;
	memset(&race, 0, sizeof(race));
	start(w);
	w->c1.keep = true;
	assert_int_equal(uiommu_attach_device_pasid(w->d1, w->dev[0], 1, NULL), 0);
	assert_int_equal(report(w, 0, 1, 1, LAST, 0x1000), 0);
	response_wait = &wait;
	atomic_store(&response_inside, false);
	w->m.on_response = wait_in_response;
	pthread_mutex_lock(&wait);
	pthread_create(&responder, NULL, respond_thread, &race);
	while (!atomic_load(&response_inside))
		nap();
	pthread_create(&detacher, NULL, detach_thread, &race);
	nap();
	assert_false(atomic_load(&race.detached));
	pthread_mutex_unlock(&wait);
	pthread_join(responder, NULL);
	pthread_join(detacher, NULL);
	check_answer(w, 1, UIOMMU_PAGE_SUCCESS, 0x1000);
	stop(w);
}

static void *ask_thread(void *arg)
{
	struct race *race = arg;

	for (uint32_t i = 0; !atomic_load(&race->stop); i++) {
		report(&race->w, 0, 1, i & 511, 0, 0x1000);
		report(&race->w, 0, 1, i & 511, LAST, 0x2000);
		atomic_fetch_add(&race->asked, 1);
		if (i % 64 == 0)
			uiommu_page_requests_lost(&race->w.m.instance[0]);
	}
	return NULL;
}

static void *read_thread(void *arg)
{
	struct race *race = arg;
	struct uiommu_fault_queue *queue = race->w.d2->page_token;

	while (!atomic_load(&race->stop)) {
		struct uiommu_fault_record record[4];
		size_t count;

		if (!uiommu_fault_queue_read(queue, record, 4, &count) && count) {
			if (record[0].cookie & 1)
				uiommu_fault_queue_unread(queue, record[0].cookie);
			uiommu_fault_queue_respond(queue, record[0].cookie, UIOMMU_PAGE_SUCCESS);
		}
	}
	return NULL;
}

/* Requests, a reader, and attachments that come, change and go: as many answers as questions. */
static void test_races(void **state)
{
	static struct race race;
	struct world *w = &race.w;
	struct uiommu_fault_queue *queue;
	pthread_t asker, reader;

	(void)state;
	memset(&race, 0, sizeof(race));
	start(w);
	assert_int_equal(uiommu_fault_queue_create(w->m.sys, NULL, NULL, &queue), 0);
	assert_int_equal(uiommu_set_fault_queue(w->d2, queue), 0);
	pthread_create(&asker, NULL, ask_thread, &race);
	pthread_create(&reader, NULL, read_thread, &race);
	for (unsigned int i = 0; i < 100; i++) {
		struct uiommu_attach_handle h1 = { 0 }, h2 = { 0 };

		assert_int_equal(uiommu_attach_device_pasid(w->d1, w->dev[0], 1, &h1), 0);
		assert_int_equal(uiommu_replace_device_pasid(w->d2, w->dev[0], 1, &h2), 0);
		if (i % 10 == 0)
			nap();
		uiommu_detach_device_pasid(w->d2, w->dev[0], 1);
		assert_false(uiommu_fault_queue_pending(queue));
		if (i % 25 == 24) {
			uiommu_device_remove(w->dev[0]);
			w->dev[0] = mock_add(&w->m, 0);
		}
	}
	atomic_store(&race.stop, true);
	pthread_join(asker, NULL);
	pthread_join(reader, NULL);
	assert_int_equal(w->m.num_responses, atomic_load(&race.asked));
	assert_int_equal(uiommu_set_fault_queue(w->d2, NULL), 0);
	assert_int_equal(uiommu_fault_queue_destroy(queue), 0);
	stop(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_no_consumer),
		cmocka_unit_test(test_user_table),
		cmocka_unit_test(test_enable),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_late_after_all),
		cmocka_unit_test(test_self_parking),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_queue_detach),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_detach_waits),
		cmocka_unit_test(test_detach_waits_for_response),
		cmocka_unit_test(test_races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
