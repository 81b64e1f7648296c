/* SPDX-License-Identifier: MIT */
/*
 * vtd_queue.c - the VT-d driver's invalidation queue, and what becomes of it when hardware complains
 *
 * IQE, ITE and ICE each (6.5.2.9, 6.5.2.10): what was refused is reported, the right descriptors are carried
 * out in spite of it, and the queue goes on.  One error is not the unit's end; hardware that stands
 * still is, so that nobody waits for it twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/vtd_fake.h"

#define MANY 300 /* more than the ring has room for */
#define SID 0x0008u

static void start(struct fake *f, uint64_t more_ecap)
{
	fake_init(f);
	f->ecap |= more_ecap;
	assert_int_equal(fake_start(f, UIOMMU_DOMAIN_IDENTITY, 0), 0);
	assert_int_equal(f->unit->scalable, more_ecap != 0);
	f->notes = 0;
}

/* Descriptors that can be told apart: IOTLB by domain, device TLBs of 00:01.0 by the same bits. */
static int submit(struct fake *f, unsigned int first, unsigned int count, unsigned int type)
{
	uint64_t desc[MANY][2];

	for (unsigned int i = 0; i < count; i++) {
		desc[i][0] = type | vtd_set(first + i, VTD_DESC_DID);
		desc[i][0] |= type == VTD_DESC_DEVICE_TLB ?
				      vtd_set(SID, VTD_DESC_DTLB_SID) :
				      vtd_set(VTD_IOTLB_GRAN_DOMAIN, VTD_DESC_G);
		desc[i][1] = 0;
	}
	return uiommu_vtd_queue_submit(f->unit, (const uint64_t(*)[2])desc, count);
}

/* Notes from @from on are descriptors @first, @first + 1, ... */
static void expect(const struct fake *f, unsigned int from, unsigned int first, unsigned int count)
{
	assert_true(f->notes >= from + count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(vtd_get(f->note[from + i].q[0], VTD_DESC_DID), first + i);
}

static void goes_on(struct fake *f)
{
	unsigned int from = f->notes, errors = f->errors;

	assert_int_equal(submit(f, 100, 3, VTD_DESC_IOTLB), 0);
	assert_int_equal(f->notes, from + 3);
	expect(f, from, 100, 3);
	/* Once round the ring and more. */
	assert_int_equal(submit(f, 0, MANY, VTD_DESC_IOTLB), 0);
	assert_int_equal(f->notes, from + 3 + MANY);
	expect(f, from + 3, 0, MANY);
	assert_int_equal(f->errors, errors);
	assert_int_equal(f->fsts, 0);
	assert_false(f->unit->dead);
}

static void everything_in_order(void **state)
{
	struct fake f;

	for (unsigned int scalable = 0; scalable < 2; scalable++) {
		(void)state;
		start(&f, scalable ? VTD_ECAP_SMTS | VTD_ECAP_SSTS | VTD_ECAP_SMPWCS : 0);
		assert_int_equal(!!(f.iqa & VTD_IQA_DW), scalable);
		for (unsigned int i = 0; i < 5; i++)
			goes_on(&f);
		assert_int_equal(f.errors, 0);
		fake_stop(&f);
	}
}

static void refused(uint64_t more_ecap, unsigned int good, unsigned int count)
{
	struct fake f;

	start(&f, more_ecap);
	goes_on(&f); /* so that the ring is somewhere */
	f.notes = 0;
	f.type = VTD_DESC_DEVICE_TLB;
	f.trouble = FAKE_REFUSE;
	f.times = 1;
	f.good = good;
	assert_int_equal(submit(&f, 1, count, VTD_DESC_DEVICE_TLB), -UIOMMU_EIO);
	assert_true(f.errors >= 2); /* the descriptor, the failure */
	assert_non_null(strstr(f.line, "failed"));
	/* What came before and after was carried out. */
	expect(&f, 0, 1, good);
	f.times = 0;
	goes_on(&f);
	fake_stop(&f);
}

/* Every later one of the type is refused too, and each is replaced: more than a few in one batch. */
static void a_refused_descriptor(void **state)
{
	const uint64_t scalable = VTD_ECAP_SMTS | VTD_ECAP_SSTS | VTD_ECAP_SMPWCS;

	(void)state;
	refused(0, 0, 1);
	refused(0, 3, 4);
	refused(0, 0, 8);
	refused(scalable, 0, 1);
	refused(scalable, 2, 8);
}

static void one_among_good_ones(void **state)
{
	const uint64_t desc[3][2] = {
		{ VTD_DESC_IOTLB | vtd_set(1, VTD_DESC_DID), 0 },
		{ VTD_DESC_DEVICE_TLB | vtd_set(2, VTD_DESC_DID), 0 },
		{ VTD_DESC_IOTLB | vtd_set(3, VTD_DESC_DID), 0 },
	};
	struct fake f;

	(void)state;
	start(&f, 0);
	f.type = VTD_DESC_DEVICE_TLB;
	f.trouble = FAKE_REFUSE;
	f.times = 1;
	assert_int_equal(uiommu_vtd_queue_submit(f.unit, desc, 3), -UIOMMU_EIO);
	assert_int_equal(f.notes, 2);
	expect(&f, 0, 1, 1);
	expect(&f, 1, 3, 1);
	f.times = 0;
	goes_on(&f);
	fake_stop(&f);
}

/* Hardware that refuses even a plain wait is broken: reported once, not waited for again. */
static void whatever_comes_is_refused(void **state)
{
	struct fake f;
	unsigned int errors;

	(void)state;
	start(&f, 0);
	f.refuse_all = true;
	assert_int_equal(submit(&f, 1, 2, VTD_DESC_IOTLB), -UIOMMU_EIO);
	assert_true(f.unit->dead);
	errors = f.errors;
	submit(&f, 1, 2, VTD_DESC_IOTLB);
	assert_int_equal(f.errors, errors);
	f.refuse_all = false;
	fake_stop(&f);
}

static void a_device(enum fake_trouble trouble, unsigned int times, int rc,
		     unsigned int carried_out)
{
	struct fake f;

	start(&f, 0);
	goes_on(&f);
	f.notes = 0;
	f.type = VTD_DESC_DEVICE_TLB;
	f.trouble = trouble;
	f.times = times;
	assert_int_equal(submit(&f, 7, 1, VTD_DESC_DEVICE_TLB), rc);
	assert_int_equal(f.notes, carried_out);
	for (unsigned int i = 0; i < carried_out; i++)
		expect(&f, i, 7, 1);
	assert_int_equal(f.times, times > carried_out ? times - carried_out : 0);
	assert_int_equal(f.errors, rc ? 1 : 0);
	f.times = 0;
	goes_on(&f);
	fake_stop(&f);
}

/* It had its time: it is not asked again, whether or not hardware names it. */
static void a_device_that_does_not_answer(void **state)
{
	(void)state;
	a_device(FAKE_TIMEOUT, 1, -UIOMMU_ETIMEDOUT, 1);
	a_device(FAKE_TIMEOUT, 9, -UIOMMU_ETIMEDOUT, 1);
	a_device(FAKE_TIMEOUT_BEFORE_WAIT, 1, -UIOMMU_ETIMEDOUT, 1);
	a_device(FAKE_TIMEOUT_BEFORE_WAIT, 9, -UIOMMU_ETIMEDOUT, 1);
	a_device(FAKE_TIMEOUT_UNNAMED, 1, -UIOMMU_ETIMEDOUT, 1);
}

/* One of two devices, between invalidations of the unit's own: all but the silent one's are completed. */
static void the_others_are_asked_again(void **state)
{
	const uint64_t desc[5][2] = {
		{ VTD_DESC_IOTLB | vtd_set(1, VTD_DESC_DID), 0 },
		{ VTD_DESC_DEVICE_TLB | vtd_set(SID, VTD_DESC_DTLB_SID) | vtd_set(2, VTD_DESC_DID),
		  0 },
		{ VTD_DESC_DEVICE_TLB | vtd_set(SID + 8, VTD_DESC_DTLB_SID) |
			  vtd_set(3, VTD_DESC_DID),
		  0 },
		{ VTD_DESC_PASID_DEVICE_TLB | vtd_set(SID, VTD_DESC_PDTLB_SID), 0 },
		{ VTD_DESC_IOTLB | vtd_set(4, VTD_DESC_DID), 0 },
	};
	const uint64_t scalable = VTD_ECAP_SMTS | VTD_ECAP_SSTS | VTD_ECAP_SMPWCS;
	unsigned int again;
	struct fake f;

	(void)state;
	start(&f, scalable);
	f.type = VTD_DESC_DEVICE_TLB;
	f.trouble = FAKE_TIMEOUT;
	f.times = 1;
	assert_int_equal(uiommu_vtd_queue_submit(f.unit, desc, 5), -UIOMMU_ETIMEDOUT);
	/* What came in the first round, and then 1, 3, 4. */
	assert_true(f.notes >= 3);
	again = f.notes - 3;
	expect(&f, again, 1, 1);
	expect(&f, again + 1, 3, 1);
	expect(&f, again + 2, 4, 1);
	goes_on(&f);
	fake_stop(&f);
}

/* One that was given up before, and comes late: it is nothing to those who wait now. */
static void a_time_out_of_somebody_else(void **state)
{
	struct fake f;

	(void)state;
	start(&f, 0);
	f.type = VTD_DESC_IOTLB;
	f.trouble = FAKE_TIMEOUT;
	f.silent = 0x4321;
	f.times = 1;
	assert_int_equal(submit(&f, 5, 2, VTD_DESC_IOTLB), 0);
	assert_int_equal(f.notes, 4);
	expect(&f, 2, 5, 2);
	goes_on(&f);
	f.type = VTD_DESC_DEVICE_TLB;
	f.times = 1;
	f.notes = 0;
	assert_int_equal(submit(&f, 5, 1, VTD_DESC_DEVICE_TLB), 0);
	assert_int_equal(f.notes, 2);
	fake_stop(&f);
}

static void a_device_that_answers_wrongly(void **state)
{
	(void)state;
	a_device(FAKE_WRONG_ANSWER, 1, 0, 2);
	a_device(FAKE_WRONG_ANSWER, 2, 0, 3);
	a_device(FAKE_WRONG_ANSWER, 9, -UIOMMU_EIO, 3);
}

/* A large batch of them does not overrun the ring. */
static void many_that_do_not_answer(void **state)
{
	struct fake f;

	(void)state;
	start(&f, 0);
	f.type = VTD_DESC_DEVICE_TLB;
	f.trouble = FAKE_TIMEOUT;
	f.times = MANY * 4;
	assert_int_equal(submit(&f, 0, MANY, VTD_DESC_DEVICE_TLB), -UIOMMU_ETIMEDOUT);
	f.times = 0;
	goes_on(&f);
	fake_stop(&f);
}

static void hardware_that_stands_still(void **state)
{
	struct fake f;
	uint64_t before;
	unsigned int errors;

	(void)state;
	start(&f, 0);
	f.type = VTD_DESC_IOTLB;
	f.trouble = FAKE_STUCK;
	f.times = 1;
	before = uiommu_port_now_ns(f.test);
	assert_int_equal(submit(&f, 1, 1, VTD_DESC_IOTLB), -UIOMMU_ETIMEDOUT);
	assert_int_equal(uiommu_port_now_ns(f.test) - before, 1000000000);
	assert_true(f.unit->dead);
	assert_int_equal(f.errors, 1);
	/* Not waited for again. */
	errors = f.errors;
	before = uiommu_port_now_ns(f.test);
	submit(&f, 2, 1, VTD_DESC_IOTLB);
	assert_int_equal(uiommu_port_now_ns(f.test), before);
	assert_int_equal(f.errors, errors);
	fake_stop(&f);
}

/* Tickets wrap round; 0 is what memory holds before the first. */
static void tickets_wrap(void **state)
{
	struct fake f;

	(void)state;
	start(&f, 0);
	f.unit->queue.ticket = UINT32_MAX - 1;
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(submit(&f, i, 1, VTD_DESC_IOTLB), 0);
		assert_int_not_equal(f.unit->queue.ticket, 0);
	}
	expect(&f, 0, 0, 4);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_in_order),
		cmocka_unit_test(a_refused_descriptor),
		cmocka_unit_test(one_among_good_ones),
		cmocka_unit_test(whatever_comes_is_refused),
		cmocka_unit_test(a_device_that_does_not_answer),
		cmocka_unit_test(the_others_are_asked_again),
		cmocka_unit_test(a_time_out_of_somebody_else),
		cmocka_unit_test(a_device_that_answers_wrongly),
		cmocka_unit_test(many_that_do_not_answer),
		cmocka_unit_test(hardware_that_stands_still),
		cmocka_unit_test(tickets_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
