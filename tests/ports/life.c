/* SPDX-License-Identifier: MIT */
/*
 * life.c - a whole life over the port that polices the library, once for each step of it failing
 *
 * System, instance, devices, groups, ownership, domains, mappings, PASIDs, and their end.  The Nth of all
 * allocations and mutexes fails.  The call in which it happens has to say -UIOMMU_ENOMEM and to leave
 * everything as it was: so the same call, made again, succeeds, and the life goes on as if nothing
 * had been.  A probe that fails is not the adding's failure: the device says so, and is probed again.
 *
 * Not checked: what a driver's own failures do (tests/core), and failures of hardware.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ports/test/test.h"
#include "tests/core/mock.h"
#include "tests/ports/try.h"

#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))

struct life {
	struct mock m;
	struct uiommu_test *test;
};

static struct uiommu_device *add(struct life *life, unsigned int index)
{
	struct uiommu_device_desc desc;
	struct uiommu_device *dev = NULL;

	mock_desc(&life->m, index, &desc);
	TRY(life->test, (uiommu_device_add(life->m.sys, &desc, &dev),
			 dev ? uiommu_device_error(dev) : -UIOMMU_ENOMEM));
	return dev;
}

static struct uiommu_device *add_or_probe(struct life *life, unsigned int index)
{
	struct uiommu_device_desc desc;
	struct uiommu_device *dev = NULL;
	int rc;

	mock_desc(&life->m, index, &desc);
	rc = uiommu_device_add(life->m.sys, &desc, &dev);
	if (rc) {
		assert_int_equal(rc, -UIOMMU_ENOMEM);
		assert_non_null(uiommu_test_failed(life->test));
		return add(life, index);
	}
	if (!uiommu_device_is_translated(dev)) {
		assert_non_null(uiommu_test_failed(life->test));
		assert_int_equal(uiommu_device_error(dev), -UIOMMU_ENOMEM);
		assert_int_equal(uiommu_device_probe(dev), 0);
	}
	assert_true(uiommu_device_is_translated(dev));
	return dev;
}

/* The devices that are there are adopted; one whose probe fails says so, and registering does not. */
static void register_again(struct life *life, struct uiommu_device *const devs[2])
{
	bool before = uiommu_test_failed(life->test);
	int rc = uiommu_instance_register(life->m.sys, &life->m.instance[0]);
	bool now = !before && uiommu_test_failed(life->test);

	if (rc) {
		assert_true(now);
		assert_int_equal(rc, -UIOMMU_ENOMEM);
		assert_int_equal(uiommu_instance_register(life->m.sys, &life->m.instance[0]), 0);
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (uiommu_device_is_translated(devs[i]))
			continue;
		assert_true(now);
		assert_int_equal(uiommu_device_error(devs[i]), -UIOMMU_ENOMEM);
		assert_int_equal(uiommu_device_probe(devs[i]), 0);
		assert_true(uiommu_device_is_translated(devs[i]));
	}
}

static void use_domain(struct life *life, struct uiommu_domain *domain)
{
	const struct uiommu_sg sg[] = { { 0x1000, 0x1000 }, { 0x9000, 0x2000 } };
	struct uiommu_iotlb_gather gather;
	uint64_t mapped;

	TRY(life->test, uiommu_map(domain, 0x100000, 0x500000, 0x8000, RW));
	TRY(life->test, uiommu_map_sg(domain, 0x200000, sg, 2, RW, &mapped));
	assert_int_equal(mapped, 0x3000);
	assert_int_equal(uiommu_iova_to_phys(domain, 0x103456), 0x503456);
	assert_int_equal(uiommu_iova_to_phys(domain, 0x202000), 0xa000);

	uiommu_test_forbid(life->test, UIOMMU_TEST_NO_ALLOC, "unmap may not allocate");
	assert_int_equal(uiommu_unmap(domain, 0x100000, 0x8000), 0x8000);
	uiommu_iotlb_gather_init(&gather, false);
	assert_int_equal(uiommu_unmap_gather(domain, 0x200000, 0x3000, &gather), 0x3000);
	uiommu_iotlb_sync(domain, &gather);
	uiommu_test_forbid(life->test, 0, NULL);
}

static void run_life(struct life *life, unsigned long nth, bool no_static)
{
	struct uiommu_attach_handle handle = { 0 }, second = { 0 };
	struct uiommu_fault fault = { .source_id = 0 };
	struct uiommu_domain *a = NULL, *b = NULL;
	struct mock *m = &life->m;
	struct uiommu_device *dev, *other, *alone;
	struct uiommu_resv_region regions[4];
	struct uiommu_group *group;
	size_t count;

	mock_init(m);
	life->test = m->host.port;
	uiommu_test_fail_nth(life->test, nth);
	if (no_static) /* blocking domains are allocated */
		m->ops[0].blocked_domain = m->ops[0].release_domain = NULL;
	m->script[0].group = m->script[1].group = 1;
	m->script[0].resv =
		(struct uiommu_resv_region){ 0x1000, 0x1fff, RW, UIOMMU_RESV_DIRECT_RELAXABLE };

	TRY(life->test, mock_start(m, UIOMMU_DOMAIN_DMA));
	TRY(life->test, uiommu_instance_register(m->sys, &m->instance[0]));
	dev = add_or_probe(life, 0);
	other = add_or_probe(life, 1);
	alone = add_or_probe(life, 2);
	group = uiommu_group_get(dev);
	assert_ptr_equal(m->script[0].rid, m->script[1].rid);
	TRY(life->test, uiommu_group_resv_regions(group, regions, 4, &count));

	TRY(life->test, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
	TRY(life->test, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA));
	TRY(life->test, uiommu_group_claim_dma_owner(group, life));
	TRY(life->test, uiommu_domain_alloc_paging(dev, 0, &a));
	TRY(life->test, uiommu_domain_alloc_paging(dev, 0, &b));
	TRY(life->test, uiommu_attach_group_handle(a, group, &handle));
	use_domain(life, a);
	TRY(life->test, uiommu_replace_group_handle(group, b, &second));
	use_domain(life, b);
	if (!no_static) {
		for (uiommu_pasid_t pasid = 1; pasid < 10; pasid++)
			TRY(life->test, uiommu_attach_device_pasid(a, dev, pasid, NULL));
		TRY(life->test, uiommu_replace_device_pasid(b, other, 3, &handle));
		for (uiommu_pasid_t pasid = 1; pasid < 10; pasid++)
			uiommu_detach_device_pasid(pasid == 3 ? b : a, dev, pasid);
	}
	uiommu_report_fault(&m->instance[0], &fault);
	assert_int_equal(m->faults, 1);
	uiommu_detach_group_handle(b, group);
	uiommu_domain_free(a);
	uiommu_domain_free(b);
	uiommu_group_release_dma_owner(group);
	uiommu_group_put(group);
	uiommu_device_remove(other);
	uiommu_instance_unregister(&m->instance[0]);
	register_again(life, (struct uiommu_device *const[]){ dev, alone });
}

static void sweep(bool no_static)
{
	unsigned long steps = 0;

	for (unsigned long nth = 0;; nth++) {
		struct life life;
		bool failed;

		run_life(&life, nth, no_static);
		failed = uiommu_test_failed(life.test);
		if (nth == 0)
			steps = uiommu_test_steps(life.test, UIOMMU_TEST_STEPS);
		mock_stop(&life.m);
		if (nth && !failed) {
			/* All steps of the life were reached, and it has not changed by that. */
			assert_true(nth > steps);
			print_message("# %lu steps\n", nth - 1);
			break;
		}
	}
	assert_true(steps > 30);
}

static void every_step_fails_once(void **state)
{
	(void)state;
	sweep(false);
}

static void every_step_fails_once_without_static_domains(void **state)
{
	(void)state;
	sweep(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_fails_once),
		cmocka_unit_test(every_step_fails_once_without_static_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
