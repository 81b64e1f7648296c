/* SPDX-License-Identifier: MIT */
/* reset.c - resets and quarantine in the core, against a scripted driver */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "tests/core/mock.h"

struct world {
	struct mock m;
	struct uiommu_device *dev[4];
	struct uiommu_group *group;
	struct uiommu_domain *d1, *d2;
};

/* @count devices in one group, on a domain of their own. */
static void start(struct world *w, unsigned int count)
{
	memset(w, 0, sizeof(*w));
	mock_init(&w->m);
	assert_int_equal(mock_start(&w->m, UIOMMU_DOMAIN_DMA), 0);
	assert_int_equal(uiommu_instance_register(w->m.sys, &w->m.instance[0]), 0);
	for (unsigned int i = 0; i < count; i++) {
		w->m.script[i].group = 1;
		w->dev[i] = mock_add(&w->m, i);
	}
	w->group = uiommu_group_get(w->dev[0]);
	assert_int_equal(uiommu_domain_alloc_paging(w->dev[0], 0, &w->d1), 0);
	assert_int_equal(uiommu_domain_alloc_paging(w->dev[0], 0, &w->d2), 0);
	assert_int_equal(uiommu_attach_group(w->d1, w->group), 0);
}

static void stop(struct world *w)
{
	uiommu_group_put(w->group);
	uiommu_domain_free(w->d1);
	uiommu_domain_free(w->d2);
	assert_int_equal(w->m.host.warnings, 0);
	assert_int_equal(w->m.host.errors, 0);
	mock_stop(&w->m);
}

static bool blocked(const struct world *w, unsigned int i)
{
	const struct uiommu_domain *rid = w->m.script[i].rid;

	return rid && uiommu_domain_type(rid) == UIOMMU_DOMAIN_BLOCKED;
}

/* C086, C087, C088: everything is blocked, calls nest, attach waits, detach works */
static void test_one(void **state)
{
	struct uiommu_attach_handle handle = { 0 };
	struct world w;

	(void)state;
	start(&w, 1);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 3, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(w.d2, w.dev[0], 4, &handle), 0);
	assert_false(uiommu_device_in_reset(w.dev[0]));
	assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
	assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
	assert_true(uiommu_device_in_reset(w.dev[0]));
	assert_true(blocked(&w, 0));
	assert_null(w.m.script[0].pasids[3]);
	assert_null(w.m.script[0].pasids[4]);
	assert_ptr_equal(uiommu_group_domain(w.group), w.d1);
	assert_ptr_equal(uiommu_device_domain(w.dev[0]), w.m.script[0].rid);

	assert_int_equal(uiommu_replace_group_handle(w.group, w.d2,
						     &(struct uiommu_attach_handle){ 0 }),
			 -UIOMMU_EBUSY);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 5, NULL), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_replace_device_pasid(w.d1, w.dev[0], 4,
						     &(struct uiommu_attach_handle){ 0 }),
			 -UIOMMU_EBUSY);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 3);
	assert_true(blocked(&w, 0));

	uiommu_device_reset_done(w.dev[0]);
	assert_true(blocked(&w, 0));
	assert_int_equal(w.m.script[0].resets, 0);
	uiommu_device_reset_done(w.dev[0]);
	assert_int_equal(w.m.script[0].resets, 1);
	assert_ptr_equal(w.m.script[0].rid, w.d1);
	assert_null(w.m.script[0].pasids[3]);
	assert_ptr_equal(w.m.script[0].pasids[4], w.d2);
	assert_false(uiommu_device_in_reset(w.dev[0]));

	uiommu_device_reset_done(w.dev[0]);
	assert_int_equal(w.m.host.warnings, 1);
	w.m.host.warnings = 0;
	assert_ptr_equal(w.m.script[0].rid, w.d1);
	assert_int_equal(uiommu_attach_device_pasid(w.d1, w.dev[0], 5, NULL), 0);
	uiommu_detach_device_pasid(w.d1, w.dev[0], 5);
	uiommu_detach_device_pasid(w.d2, w.dev[0], 4);
	uiommu_detach_group(w.d1, w.group);
	stop(&w);
}

/* What a device in reset will come back to cannot be freed under it; a detach tells it otherwise. */
static void test_kept_domain(void **state)
{
	struct world w;

	(void)state;
	start(&w, 1);
	assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
	uiommu_domain_free(w.d1);
	assert_int_equal(w.m.host.warnings, 1); /* in use: left alone */
	w.m.host.warnings = 0;
	uiommu_detach_group(w.d1, w.group);
	assert_true(blocked(&w, 0));
	uiommu_domain_free(w.d1);
	assert_int_equal(w.m.host.warnings, 0);
	assert_int_equal(uiommu_attach_group(w.d2, w.group), -UIOMMU_EBUSY);
	uiommu_device_reset_done(w.dev[0]);
	assert_ptr_equal(w.m.script[0].rid, uiommu_group_domain(w.group));
	assert_int_equal(uiommu_attach_group(w.d2, w.group), 0);
	uiommu_detach_group(w.d2, w.group);
	w.d1 = NULL;
	stop(&w);
}

/* C089: the others of the group move at once, the one in reset when it is over */
static void test_group(void **state)
{
	struct world w;

	(void)state;
	start(&w, 2);
	assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
	assert_true(blocked(&w, 0));
	assert_ptr_equal(w.m.script[1].rid, w.d1);
	uiommu_detach_group(w.d1, w.group);
	assert_true(blocked(&w, 0));
	assert_ptr_equal(w.m.script[1].rid, uiommu_group_domain(w.group));
	assert_ptr_not_equal(w.m.script[1].rid, w.d1);
	uiommu_device_reset_done(w.dev[0]);
	assert_ptr_equal(w.m.script[0].rid, w.m.script[1].rid);
	stop(&w);
}

/* C090: two devices with one source ID come back together, in whatever order their resets end */
static void test_aliases(void **state)
{
	struct world w;

	(void)state;
	for (unsigned int first = 0; first < 2; first++) {
		memset(&w, 0, sizeof(w));
		mock_init(&w.m);
		w.m.script[0].alias = w.m.script[1].alias = 7;
		assert_int_equal(mock_start(&w.m, UIOMMU_DOMAIN_DMA), 0);
		assert_int_equal(uiommu_instance_register(w.m.sys, &w.m.instance[0]), 0);
		for (unsigned int i = 0; i < 3; i++) {
			w.m.script[i].group = 1;
			w.dev[i] = mock_add(&w.m, i);
		}
		w.group = uiommu_group_get(w.dev[0]);
		assert_int_equal(uiommu_domain_alloc_paging(w.dev[0], 0, &w.d1), 0);
		assert_int_equal(uiommu_attach_group(w.d1, w.group), 0);

		assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
		assert_true(blocked(&w, 0) && blocked(&w, 1) && !blocked(&w, 2));
		assert_true(uiommu_device_in_reset(w.dev[1]));
		assert_int_equal(uiommu_device_reset_prepare(w.dev[1]), 0);
		uiommu_device_reset_done(w.dev[first]);
		assert_true(blocked(&w, 0) && blocked(&w, 1));
		uiommu_device_reset_done(w.dev[!first]);
		assert_ptr_equal(w.m.script[0].rid, w.d1);
		assert_ptr_equal(w.m.script[1].rid, w.d1);

		/* One that leaves in its reset does not keep the other blocked; a newcomer is. */
		assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
		w.m.script[3].alias = 7;
		w.m.script[3].group = 1;
		w.dev[3] = mock_add(&w.m, 3);
		assert_true(blocked(&w, 3));
		uiommu_device_remove(w.dev[0]);
		assert_ptr_equal(w.m.script[1].rid, w.d1);
		assert_ptr_equal(w.m.script[3].rid, w.d1);
		assert_int_equal(uiommu_device_reset_prepare(w.dev[1]), 0);
		uiommu_device_remove(w.dev[3]);
		uiommu_device_reset_done(w.dev[1]);
		assert_ptr_equal(w.m.script[1].rid, w.d1);
		uiommu_detach_group(w.d1, w.group);
		stop(&w);
	}
}

/* A device that firmware forbids to block stays translated, or is not reset if it has a device TLB. */
static void test_direct(void **state)
{
	struct world w;

	(void)state;
	for (unsigned int ats = 0; ats < 2; ats++) {
		memset(&w, 0, sizeof(w));
		mock_init(&w.m);
		w.m.script[0].resv = (struct uiommu_resv_region){ 0x1000, 0x1fff,
								  UIOMMU_READ | UIOMMU_WRITE,
								  UIOMMU_RESV_DIRECT };
		w.m.script[0].ats = ats;
		assert_int_equal(mock_start(&w.m, UIOMMU_DOMAIN_DMA), 0);
		assert_int_equal(uiommu_instance_register(w.m.sys, &w.m.instance[0]), 0);
		w.dev[0] = mock_add(&w.m, 0);
		w.group = uiommu_group_get(w.dev[0]);
		assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), ats ? -UIOMMU_EINVAL : 0);
		assert_false(blocked(&w, 0));
		assert_int_equal(uiommu_device_in_reset(w.dev[0]), !ats);
		assert_int_equal(w.m.host.warnings, ats);
		w.m.host.warnings = 0;
		if (!ats)
			uiommu_device_reset_done(w.dev[0]);
		assert_false(uiommu_device_in_reset(w.dev[0]));
		stop(&w);
	}
}

/* A reset that cannot be prepared has changed nothing, for any failing allocation or attach. */
static void test_failures(void **state)
{
	bool done = false;

	(void)state;
	for (long n = 0; !done; n++) {
		struct world w;
		int rc;

		memset(&w, 0, sizeof(w));
		mock_init(&w.m);
		w.m.ops[0].blocked_domain = NULL; /* an address space has to be made for it */
		assert_int_equal(mock_start(&w.m, UIOMMU_DOMAIN_DMA), 0);
		assert_int_equal(uiommu_instance_register(w.m.sys, &w.m.instance[0]), 0);
		w.dev[0] = mock_add(&w.m, 0);
		w.group = uiommu_group_get(w.dev[0]);
		w.m.host.fail_after = n;
		rc = uiommu_device_reset_prepare(w.dev[0]);
		w.m.host.fail_after = -1;
		assert_true(rc == 0 || rc == -UIOMMU_ENOMEM);
		done = rc == 0;
		if (rc)
			assert_ptr_equal(w.m.script[0].rid, uiommu_group_domain(w.group));
		else
			assert_ptr_not_equal(w.m.script[0].rid, uiommu_group_domain(w.group));
		assert_int_equal(uiommu_device_in_reset(w.dev[0]), done);
		if (done) {
			assert_true(n > 0);
			uiommu_device_reset_done(w.dev[0]);
		}
		assert_ptr_equal(w.m.script[0].rid, uiommu_group_domain(w.group));
		stop(&w);
	}
}

/* The users hear of a quarantine once, when no lock is held; a reset ends it. */
static void test_quarantine(void **state)
{
	struct world w;

	(void)state;
	start(&w, 2);
	uiommu_report_quarantine(&w.m.instance[0], 1, "does not answer");
	assert_int_equal(w.m.faults, 0);
	assert_int_equal(w.m.host.errors, 1);
	w.m.host.errors = 0;
	assert_true(uiommu_device_quarantined(w.dev[1]));
	assert_false(uiommu_device_quarantined(w.dev[0]));
	assert_int_equal(uiommu_instance_poll(&w.m.instance[0]), 1);
	assert_int_equal(w.m.faults, 1);
	assert_ptr_equal(w.m.fault.device, w.dev[1]);
	assert_string_equal(w.m.fault.reason, "does not answer");
	assert_int_equal(uiommu_instance_poll(&w.m.instance[0]), 0);
	assert_int_equal(uiommu_device_reset_prepare(w.dev[1]), 0);
	assert_true(uiommu_device_quarantined(w.dev[1]));
	uiommu_device_reset_done(w.dev[1]);
	assert_false(uiommu_device_quarantined(w.dev[1]));
	uiommu_detach_group(w.d1, w.group);
	stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),	   cmocka_unit_test(test_kept_domain),
		cmocka_unit_test(test_group),	   cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_direct),	   cmocka_unit_test(test_failures),
		cmocka_unit_test(test_quarantine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
