/* SPDX-License-Identifier: MIT */
/* core.c - the core against a scripted driver: each test names the scenario whose rule it checks */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>
#include "tests/core/mock.h"

#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))

static struct uiommu_group *group_of(struct uiommu_device *dev)
{
	struct uiommu_group *group = uiommu_group_get(dev);

	assert_non_null(group);
	uiommu_group_put(group); /* the member keeps it */
	return group;
}

static void start(struct mock *m)
{
	mock_init(m);
	assert_int_equal(mock_start(m, UIOMMU_DOMAIN_DMA), 0);
	assert_int_equal(uiommu_instance_register(m->sys, &m->instance[0]), 0);
}

static struct uiommu_domain *new_domain(struct uiommu_device *dev)
{
	struct uiommu_domain *domain;

	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	return domain;
}

/* C009, C010, C013, C014: deferral, adoption, a failing endpoint alone */
static void test_registration(void **state)
{
	struct mock m;
	struct uiommu_device *dev[4];

	(void)state;
	mock_init(&m);
	assert_int_equal(mock_start(&m, UIOMMU_DOMAIN_BLOCKED), 0);
	m.script[1].probe_error = -UIOMMU_ENODEV;
	m.script[2].probe_error = -UIOMMU_ENOMEM;
	for (unsigned int i = 0; i < 3; i++) {
		dev[i] = mock_add(&m, i);
		assert_int_equal(uiommu_device_status(dev[i]), UIOMMU_STATUS_DEFERRED);
	}
	assert_string_equal(uiommu_device_name(dev[2]), "dev.1");
	assert_int_equal(uiommu_device_bind_driver(dev[0], 0), -UIOMMU_EPROBE_DEFER);
	assert_int_equal(uiommu_instance_register(m.sys, &m.instance[0]), 0);
	assert_int_equal(uiommu_instance_register(m.sys, &m.instance[0]), -UIOMMU_EEXIST);
	assert_true(uiommu_device_is_translated(dev[0]));
	assert_int_equal(m.script[0].finalizes, 1);
	assert_int_equal(uiommu_device_status(dev[1]), UIOMMU_STATUS_NO_IOMMU);
	assert_int_equal(uiommu_device_status(dev[2]), UIOMMU_STATUS_FAILED);
	assert_int_equal(uiommu_device_error(dev[2]), -UIOMMU_ENOMEM);
	/* No IOMMU: it runs untranslated.  One that failed: nobody knows where its DMA goes. */
	assert_int_equal(uiommu_device_bind_driver(dev[1], 0), 0);
	uiommu_device_unbind_driver(dev[1]);
	assert_int_equal(uiommu_device_bind_driver(dev[2], 0), -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_device_bind_driver(dev[2], UIOMMU_BIND_MANAGED_DMA),
			 -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_instance_num_devices(&m.instance[0]), 1);
	assert_int_equal(uiommu_group_default_type(group_of(dev[0])), UIOMMU_DOMAIN_DMA);
	m.script[2].probe_error = 0;
	assert_int_equal(uiommu_device_probe(dev[2]), 0);
	assert_int_equal(uiommu_device_bind_driver(dev[2], 0), 0);
	uiommu_device_unbind_driver(dev[2]);

	uiommu_system_set_defer_policy(m.sys, UIOMMU_DEFER_TIMED_OUT);
	m.script[3].fwnode = &m.fwnode[1];
	dev[3] = mock_add(&m, 3);
	assert_int_equal(uiommu_device_error(dev[3]), -UIOMMU_ETIMEDOUT);
	assert_int_equal(uiommu_device_bind_driver(dev[3], 0), 0);
	assert_int_equal(uiommu_instance_register(m.sys, &m.instance[1]), 0);
	assert_false(uiommu_device_is_translated(dev[3]));
	uiommu_device_unbind_driver(dev[3]);
	assert_int_equal(uiommu_device_probe(dev[3]), 0);

	uiommu_instance_unregister(&m.instance[0]);
	assert_int_equal(m.script[0].releases, 1);
	assert_int_equal(m.script[3].releases, 0);
	assert_false(uiommu_device_has_group(dev[0]));
	mock_stop(&m);
}

/* C015, C016, C050 and the numbers of groups */
static void test_groups(void **state)
{
	struct mock m;
	struct uiommu_device *a, *b, *c;
	struct uiommu_group *group;
	struct uiommu_domain *domain;

	(void)state;
	start(&m);
	m.script[0].no_group = true;
	a = mock_add(&m, 0);
	assert_int_equal(uiommu_device_error(a), -UIOMMU_EINVAL);
	assert_int_equal(m.script[0].releases, 1);

	m.script[1].attach_error = -UIOMMU_ENOMEM;
	b = mock_add(&m, 1);
	assert_int_equal(uiommu_device_status(b), UIOMMU_STATUS_FAILED);
	assert_int_equal(m.script[1].releases, 1);
	assert_false(uiommu_device_has_group(b));
	m.script[1].attach_error = 0;
	assert_int_equal(uiommu_device_probe(b), 0);

	c = mock_add(&m, 2);
	assert_int_equal(uiommu_group_id(group_of(b)), 0);
	assert_int_equal(uiommu_group_id(group_of(c)), 1);
	domain = new_domain(b);
	group = uiommu_group_get(b);
	uiommu_device_remove(b);
	assert_int_equal(uiommu_attach_group(domain, group), -UIOMMU_ENODEV);
	assert_int_equal(uiommu_group_claim_dma_owner(group, &m), -UIOMMU_ENODEV);
	uiommu_domain_free(domain);
	uiommu_group_put(group);
	b = mock_add(&m, 3);
	assert_int_equal(uiommu_group_id(group_of(b)), 0);
	mock_stop(&m);
}

/* C051, C052, C053: every pair of demands, in both orders */
static void test_default_type(void **state)
{
	static const struct {
		enum uiommu_domain_type system, a, b, expect;
	} rows[] = {
		{ UIOMMU_DOMAIN_DMA, UIOMMU_DOMAIN_AUTO, UIOMMU_DOMAIN_AUTO, UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_IDENTITY, UIOMMU_DOMAIN_AUTO, UIOMMU_DOMAIN_DMA,
		  UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_DMA, UIOMMU_DOMAIN_IDENTITY, UIOMMU_DOMAIN_AUTO,
		  UIOMMU_DOMAIN_IDENTITY },
		{ UIOMMU_DOMAIN_DMA, UIOMMU_DOMAIN_DMA, UIOMMU_DOMAIN_IDENTITY,
		  UIOMMU_DOMAIN_IDENTITY },
		{ UIOMMU_DOMAIN_DMA_FQ, UIOMMU_DOMAIN_AUTO, UIOMMU_DOMAIN_AUTO,
		  UIOMMU_DOMAIN_DMA_FQ },
	};

	(void)state;
	for (unsigned int i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct mock m;
		struct uiommu_device *dev;

		mock_init(&m);
		assert_int_equal(mock_start(&m, rows[i / 2].system), 0);
		m.script[0].group = m.script[1].group = 1;
		m.script[i & 1].demand = rows[i / 2].a;
		m.script[!(i & 1)].demand = rows[i / 2].b;
		dev = mock_add(&m, 0);
		mock_add(&m, 1);
		assert_int_equal(uiommu_instance_register(m.sys, &m.instance[0]), 0);
		assert_int_equal(uiommu_group_default_type(group_of(dev)), rows[i / 2].expect);
		assert_ptr_equal(m.script[0].rid, m.script[1].rid);
		mock_stop(&m);
	}
}

/* C023, C053, C060: trust */
static void test_untrusted(void **state)
{
	struct mock m;
	struct uiommu_device_desc desc;
	struct uiommu_device *a, *b;

	(void)state;
	mock_init(&m);
	assert_int_equal(mock_start(&m, UIOMMU_DOMAIN_IDENTITY), 0);
	assert_int_equal(uiommu_instance_register(m.sys, &m.instance[0]), 0);
	m.script[0].group = m.script[1].group = 1;
	a = mock_add(&m, 0);
	mock_desc(&m, 1, &desc);
	desc.untrusted = true;
	assert_int_equal(uiommu_device_add(m.sys, &desc, &b), 0);
	assert_int_equal(uiommu_device_status(b), UIOMMU_STATUS_CONFLICT);
	assert_int_equal(uiommu_device_bind_driver(b, 0), -UIOMMU_EPERM);
	assert_int_equal(m.script[1].releases, 1);
	assert_int_equal(uiommu_group_set_default_type(group_of(a), UIOMMU_DOMAIN_DMA), 0);
	assert_int_equal(uiommu_device_probe(b), 0);
	assert_int_equal(uiommu_group_set_default_type(group_of(a), UIOMMU_DOMAIN_DMA_FQ),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_group_set_default_type(group_of(a), UIOMMU_DOMAIN_IDENTITY),
			 -UIOMMU_EINVAL);
	uiommu_device_remove(b);

	m.script[2].demand = UIOMMU_DOMAIN_IDENTITY;
	mock_desc(&m, 2, &desc);
	desc.untrusted = true;
	assert_int_equal(uiommu_device_add(m.sys, &desc, &b), 0);
	assert_int_equal(uiommu_device_error(b), -UIOMMU_EINVAL);
	assert_int_equal(m.script[2].attaches, 0);
	mock_stop(&m);
}

/* C058, C059, C062: changes of the type */
static void test_set_type(void **state)
{
	struct mock m;
	struct uiommu_device *dev[3];
	struct uiommu_group *group;
	struct uiommu_domain *old;

	(void)state;
	start(&m);
	for (unsigned int i = 0; i < 3; i++) {
		m.script[i].group = 1;
		dev[i] = mock_add(&m, i);
	}
	group = group_of(dev[0]);
	assert_int_equal(uiommu_device_bind_driver(dev[0], 0), 0);
	assert_int_equal(uiommu_device_bind_driver(dev[0], 0), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY),
			 -UIOMMU_EPERM);
	assert_int_equal(uiommu_group_claim_dma_owner(group, &m), -UIOMMU_EPERM);
	m.script[1].no_flush_queue = true;
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA_FQ),
			 -UIOMMU_EINVAL);
	m.script[1].no_flush_queue = false;
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA_FQ), 0);
	uiommu_device_unbind_driver(dev[0]);
	old = uiommu_group_domain(group);
	m.script[2].attach_error = -UIOMMU_ENOSPC;
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA), -UIOMMU_ENOSPC);
	for (unsigned int i = 0; i < 3; i++)
		assert_ptr_equal(m.script[i].rid, old);
	assert_int_equal(uiommu_group_default_type(group), UIOMMU_DOMAIN_DMA_FQ);
	m.script[2].attach_error = 0;
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY), 0);
	assert_ptr_equal(m.script[2].rid, &mock_identity);
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_PAGING),
			 -UIOMMU_EINVAL);

	/* Nobody owns it, but it is used: by a domain, by a PASID. */
	old = new_domain(dev[0]);
	assert_int_equal(uiommu_attach_group(old, group), 0);
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA), -UIOMMU_EBUSY);
	assert_ptr_equal(m.script[2].rid, old);
	uiommu_detach_group(old, group);
	assert_int_equal(uiommu_attach_device_pasid(old, dev[0], 1, NULL), 0);
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY), 0);
	uiommu_detach_device_pasid(old, dev[0], 1);
	assert_int_equal(uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA), 0);
	uiommu_domain_free(old);
	mock_stop(&m);
}

/* C019, C020, C064, C065, C066: direct regions, unaligned and at address 0 */
static void test_direct(void **state)
{
	struct mock m;
	struct uiommu_device *a, *b;
	struct uiommu_domain *domain;
	struct uiommu_resv_region regions[2];
	size_t count;

	(void)state;
	start(&m);
	m.script[0].group = m.script[1].group = 1;
	m.script[0].resv =
		(struct uiommu_resv_region){ 0x800, 0x2800, RW, UIOMMU_RESV_DIRECT_RELAXABLE };
	a = mock_add(&m, 0);
	domain = uiommu_group_domain(group_of(a));
	assert_int_equal(uiommu_iova_to_phys(domain, 1), 1);
	assert_int_equal(uiommu_iova_to_phys(domain, 0x2fff), 0x2fff);
	assert_int_equal(uiommu_iova_to_phys(domain, 0x3000), 0);
	assert_int_equal(uiommu_group_claim_dma_owner(group_of(a), &m), 0);
	uiommu_group_release_dma_owner(group_of(a));

	m.script[1].resv =
		(struct uiommu_resv_region){ 0x2000, 0x4fff, UIOMMU_READ, UIOMMU_RESV_DIRECT };
	b = mock_add(&m, 1);
	assert_true(uiommu_device_is_translated(b));
	assert_int_equal(uiommu_iova_to_phys(domain, 0x4abc), 0x4abc);
	assert_int_equal(uiommu_group_claim_dma_owner(group_of(a), &m), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_attach_group(uiommu_domain_blocked(b), group_of(b)),
			 -UIOMMU_EINVAL);
	assert_ptr_equal(m.script[0].rid, domain);
	assert_int_equal(uiommu_group_resv_regions(group_of(a), regions, 2, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(regions[1].last, 0x4fff);
	uiommu_device_remove(b);
	assert_ptr_equal(m.script[1].parked, &mock_identity);
	uiommu_device_remove(a);
	assert_ptr_equal(m.script[0].parked, &mock_blocked);
	assert_int_equal(m.host.errors, 0);
	mock_stop(&m);
}

/* C005 to C008: only the driver's own domains */
static void test_owner_check(void **state)
{
	struct uiommu_attach_handle handle = { 0 };
	struct mock m;
	struct uiommu_device *a, *b;
	struct uiommu_domain *foreign;
	static const struct uiommu_domain_ops no_ops;
	static const struct uiommu_domain other = { .type = UIOMMU_DOMAIN_IDENTITY,
						    .ops = &no_ops };

	(void)state;
	start(&m);
	m.script[1].fwnode = &m.fwnode[1];
	m.ops[1].identity_domain = &other;
	assert_int_equal(uiommu_instance_register(m.sys, &m.instance[1]), 0);
	a = mock_add(&m, 0);
	b = mock_add(&m, 1);
	foreign = new_domain(b);
	m.script[0].attaches = 0;
	assert_int_equal(uiommu_attach_group(foreign, group_of(a)), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_replace_group_handle(group_of(a), foreign, &handle),
			 -UIOMMU_EINVAL);
	assert_int_equal(uiommu_attach_device_pasid(foreign, a, 1, NULL), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_attach_group((struct uiommu_domain *)&other, group_of(a)),
			 -UIOMMU_EINVAL);
	assert_int_equal(m.script[0].attaches, 0);
	assert_int_equal(uiommu_attach_group((struct uiommu_domain *)&mock_identity, group_of(a)),
			 0);
	uiommu_detach_group((struct uiommu_domain *)&mock_identity, group_of(a));
	uiommu_domain_free(foreign);
	mock_stop(&m);
}

/* C179, C181: who can be a parent, how long it lives, what a nested domain is not, how far an array gets */
static void test_nested(void **state)
{
	static const unsigned char good[4] = { 1, 1, 1, 1 }, bad[4] = { 1, 1, 0, 1 };
	struct uiommu_domain *parent, *plain, *foreign, *nested, *other;
	struct uiommu_attach_handle handle = { 0 };
	struct uiommu_device *a, *b;
	size_t count;
	struct mock m;

	(void)state;
	start(&m);
	m.script[1].fwnode = &m.fwnode[1];
	m.ops[1].domain_alloc_nested = NULL;
	assert_int_equal(uiommu_instance_register(m.sys, &m.instance[1]), 0);
	a = mock_add(&m, 0);
	b = mock_add(&m, 1);
	plain = new_domain(a);
	assert_int_equal(uiommu_domain_alloc_paging(a, UIOMMU_ALLOC_NEST_PARENT, &parent), 0);
	assert_int_equal(uiommu_domain_alloc_paging(b, UIOMMU_ALLOC_NEST_PARENT, &foreign), 0);

#define NESTED(dev, on, type, data, size, flags) \
	uiommu_domain_alloc_nested(dev, on, type, data, size, flags, &nested)
	assert_int_equal(NESTED(a, plain, UIOMMU_NESTED_SMMUV3, good, 1, 0), -UIOMMU_EINVAL);
	assert_int_equal(NESTED(a, foreign, UIOMMU_NESTED_SMMUV3, good, 1, 0), -UIOMMU_EINVAL);
	assert_int_equal(NESTED(a, NULL, UIOMMU_NESTED_SMMUV3, good, 1, 0), -UIOMMU_EINVAL);
	assert_int_equal(NESTED(a, (struct uiommu_domain *)&mock_identity, UIOMMU_NESTED_SMMUV3,
				good, 1, 0),
			 -UIOMMU_EINVAL);
	assert_int_equal(NESTED(a, parent, UIOMMU_NESTED_SMMUV3, good, 0, 0), -UIOMMU_EINVAL);
	assert_int_equal(NESTED(a, parent, UIOMMU_NESTED_SMMUV3, good, 1, 1), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(NESTED(b, foreign, UIOMMU_NESTED_SMMUV3, good, 1, 0), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(m.nested_allocs, 0);
	assert_int_equal(NESTED(a, parent, (enum uiommu_nested_type)1, good, 1, 0),
			 -UIOMMU_EOPNOTSUPP);
	assert_int_equal(NESTED(a, parent, UIOMMU_NESTED_SMMUV3, bad + 2, 1, 0), -UIOMMU_EIO);
	assert_null(nested);
	m.host.fail_after = 1;
	assert_int_equal(NESTED(a, parent, UIOMMU_NESTED_SMMUV3, good, 1, 0), -UIOMMU_ENOMEM);
	m.host.fail_after = -1;
	assert_int_equal(NESTED(a, parent, UIOMMU_NESTED_SMMUV3, good, 1, 0), 0);
	other = nested;
	/* One on top of another is none. */
	assert_int_equal(NESTED(a, other, UIOMMU_NESTED_SMMUV3, good, 1, 0), -UIOMMU_EINVAL);
	nested = other;
#undef NESTED

	assert_int_equal(uiommu_domain_type(nested), UIOMMU_DOMAIN_NESTED);
	assert_int_equal(uiommu_map(nested, 0x1000, 0x1000, 0x1000, UIOMMU_READ), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_unmap(nested, 0x1000, 0x1000), 0);
	assert_int_equal(uiommu_attach_device_pasid(nested, a, 1, NULL), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_attach_group(nested, group_of(b)), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_attach_group_handle(nested, group_of(a), &handle), 0);
	assert_ptr_equal(m.script[0].rid, nested);

	count = 4;
	assert_int_equal(uiommu_domain_cache_invalidate(nested, UIOMMU_NESTED_SMMUV3, bad, 1,
							&count),
			 -UIOMMU_EIO);
	assert_int_equal(count, 2);
	count = 4;
	assert_int_equal(
		uiommu_domain_cache_invalidate(nested, UIOMMU_NESTED_SMMUV3, good, 1, &count), 0);
	assert_int_equal(count, 4);
	assert_int_equal(uiommu_domain_cache_invalidate(parent, UIOMMU_NESTED_SMMUV3, good, 1,
							&count),
			 -UIOMMU_EINVAL);
	assert_int_equal(count, 0);
	count = 1;
	assert_int_equal(uiommu_domain_cache_invalidate(nested, UIOMMU_NESTED_SMMUV3, NULL, 1,
							&count),
			 -UIOMMU_EINVAL);
	assert_int_equal(count, 0);

	/* Attached: neither it nor, as long as it is there, its parent. */
	m.host.warnings = 0;
	uiommu_domain_free(nested);
	uiommu_domain_free(parent);
	assert_int_equal(m.host.warnings, 2);
	uiommu_detach_group(nested, group_of(a));
	uiommu_domain_free(parent);
	assert_int_equal(m.host.warnings, 3);
	uiommu_domain_free(nested);
	uiommu_domain_free(parent);
	assert_int_equal(m.host.warnings, 3);
	uiommu_domain_free(plain);
	uiommu_domain_free(foreign);
	mock_stop(&m);
}

/* C068, C070, C071, C072, C094: both kinds of driver, each member failing */
static void test_attach_rollback(void **state)
{
	(void)state;
	for (unsigned int single = 0; single < 2; single++) {
		for (unsigned int bad = 0; bad < 3; bad++) {
			struct mock m;
			struct uiommu_device *dev = NULL;
			struct uiommu_group *group;
			struct uiommu_domain *domain, *other, *old;

			start(&m);
			m.single = single;
			for (unsigned int i = 0; i < 3; i++) {
				m.script[i].group = 1;
				dev = mock_add(&m, i);
			}
			group = group_of(dev);
			domain = new_domain(dev);
			other = new_domain(dev);
			old = uiommu_group_domain(group);
			m.script[bad].attach_error = -UIOMMU_EIO;
			m.script[bad].attach_error_domain = domain;
			assert_int_equal(uiommu_attach_group(domain, group), -UIOMMU_ENODEV);
			for (unsigned int i = 0; i < 3; i++)
				assert_ptr_equal(m.script[i].rid, old);
			assert_ptr_equal(uiommu_group_domain(group), old);
			assert_int_equal(m.script[0].aborts, !single && bad > 0);

			if (single && bad == 2) {
				/* Member 0 cannot go back either. */
				m.script[0].attach_error = -UIOMMU_EBUSY;
				m.script[0].attach_error_domain = old;
				assert_int_equal(uiommu_attach_group(domain, group),
						 -UIOMMU_ENODEV);
				assert_ptr_equal(m.script[0].rid, &mock_blocked);
				assert_ptr_equal(m.script[1].rid, old);
				assert_true(m.host.warnings > 0);
				m.script[0].attach_error = 0;
			}
			m.script[bad].attach_error = 0;
			assert_int_equal(uiommu_attach_group(domain, group), 0);
			m.script[0].attaches = 0;
			assert_int_equal(uiommu_attach_group(domain, group), 0);
			assert_int_equal(m.script[0].attaches, 0);
			assert_int_equal(uiommu_attach_group(other, group), -UIOMMU_EBUSY);
			assert_int_equal(uiommu_attach_device(other, dev), -UIOMMU_EINVAL);
			m.host.warnings = 0;
			uiommu_domain_free(domain); /* attached: left alone */
			assert_int_equal(m.host.warnings, 1);
			uiommu_detach_group(domain, group);
			assert_ptr_equal(m.script[2].rid, old);
			uiommu_domain_free(domain);
			uiommu_domain_free(other);
			mock_stop(&m);
		}
	}
}

/* C073, C077, C078, C080: ownership */
static void test_ownership(void **state)
{
	(void)state;
	for (unsigned int no_static = 0; no_static < 2; no_static++) {
		struct mock m;
		struct uiommu_device *a, *b;
		struct uiommu_group *group;
		struct uiommu_domain *domain;
		int other;

		mock_init(&m);
		if (no_static)
			m.ops[0].blocked_domain = NULL;
		assert_int_equal(mock_start(&m, UIOMMU_DOMAIN_DMA), 0);
		assert_int_equal(uiommu_instance_register(m.sys, &m.instance[0]), 0);
		m.script[0].group = m.script[1].group = 1;
		a = mock_add(&m, 0);
		b = mock_add(&m, 1);
		group = group_of(a);
		domain = new_domain(a);
		assert_int_equal(uiommu_device_claim_dma_owner(a, NULL), -UIOMMU_EINVAL);
		assert_int_equal(uiommu_device_claim_dma_owner(a, &m), 0);
		assert_int_equal(uiommu_device_claim_dma_owner(b, &m), 0);
		assert_int_equal(uiommu_device_claim_dma_owner(b, &other), -UIOMMU_EPERM);
		assert_int_equal(uiommu_device_bind_driver(a, 0), -UIOMMU_EBUSY);
		assert_int_equal(uiommu_device_bind_driver(a, UIOMMU_BIND_MANAGED_DMA), 0);
		assert_int_equal(uiommu_iova_to_phys(m.script[0].rid, 0x1000), 0);
		assert_int_equal(uiommu_attach_group(domain, group), 0);
		uiommu_detach_group(domain, group);
		assert_ptr_not_equal(m.script[0].rid, domain);
		if (!no_static) {
			assert_ptr_equal(m.script[0].rid, &mock_blocked);
			assert_int_equal(uiommu_attach_device_pasid(domain, a, 3, NULL), 0);
			uiommu_device_release_dma_owner(b);
			m.host.warnings = 0;
			uiommu_device_release_dma_owner(a);
			assert_int_equal(m.host.warnings, 1);
			assert_true(uiommu_group_dma_owner_claimed(group));
			uiommu_detach_device_pasid(domain, a, 3);
		} else {
			uiommu_device_release_dma_owner(b);
		}
		uiommu_device_release_dma_owner(a);
		assert_false(uiommu_group_dma_owner_claimed(group));
		assert_int_equal(uiommu_domain_type(m.script[1].rid), UIOMMU_DOMAIN_DMA);
		uiommu_domain_free(domain);
		mock_stop(&m);
	}
}

/* C022, C100 to C104, C107, and RID and PASID independent of each other (C095) */
static void test_pasids(void **state)
{
	struct uiommu_attach_handle h1 = { 0 }, h2 = { 0 }, *found;
	struct mock m;
	struct uiommu_device *a, *b, *c;
	struct uiommu_domain *d1, *d2;
	struct uiommu_device_desc desc;

	(void)state;
	start(&m);
	for (unsigned int i = 0; i < 3; i++)
		m.script[i].group = 1;
	a = mock_add(&m, 0);
	mock_desc(&m, 1, &desc);
	desc.pasid_bits = 0;
	assert_int_equal(uiommu_device_add(m.sys, &desc, &b), 0);
	d1 = new_domain(a);
	d2 = new_domain(a);
	assert_int_equal(uiommu_device_max_pasids(a), 16);
	assert_int_equal(uiommu_attach_device_pasid(d1, b, 1, NULL), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 0, NULL), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 16, NULL), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_replace_device_pasid(d1, a, 1, &h1), -UIOMMU_EINVAL);
	for (uiommu_pasid_t pasid = 15; pasid > 2; pasid--)
		assert_int_equal(uiommu_attach_device_pasid(d2, a, pasid, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 1, &h1), 0);
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 1, NULL), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 2, &h1), -UIOMMU_EINVAL);
	assert_null(m.script[0].pasids[2]);
	assert_null(m.script[1].pasids[1]);
	assert_int_equal(uiommu_attach_handle_get(group_of(a), 1, UIOMMU_DOMAIN_PAGING, &found), 0);
	assert_ptr_equal(found, &h1);
	assert_ptr_equal(h1.domain, d1);
	assert_int_equal(uiommu_attach_handle_get(group_of(a), 1, UIOMMU_DOMAIN_SVA, &found),
			 -UIOMMU_EBUSY);
	assert_int_equal(uiommu_attach_handle_get(group_of(a), 5, UIOMMU_DOMAIN_AUTO, &found),
			 -UIOMMU_ENOENT);

	c = mock_add(&m, 2);
	assert_null(m.script[2].pasids[1]); /* not replicated */
	m.script[0].attach_error = -UIOMMU_ENOSPC;
	m.script[0].attach_error_domain = d2;
	assert_int_equal(uiommu_replace_device_pasid(d2, a, 1, &h2), -UIOMMU_ENOSPC);
	assert_ptr_equal(m.script[0].pasids[1], d1);
	m.script[0].attach_error = 0;
	assert_int_equal(uiommu_replace_device_pasid(d1, a, 1, &h1), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_replace_device_pasid(d2, a, 1, &h2), 0);
	assert_ptr_equal(m.script[0].pasids[1], d2);
	assert_null(m.script[2].pasids[1]);

	m.script[2].attach_error = -UIOMMU_ENOMEM;
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 2, NULL), -UIOMMU_ENOMEM);
	assert_null(m.script[0].pasids[2]);
	m.script[2].attach_error = 0;
	assert_int_equal(uiommu_attach_device_pasid(d1, a, 2, NULL), 0);
	assert_ptr_equal(m.script[2].pasids[2], d1);

	assert_int_equal(uiommu_attach_group(d1, group_of(a)), 0);
	uiommu_detach_group(d1, group_of(a));
	assert_ptr_equal(m.script[0].pasids[1], d2);
	m.host.warnings = 0;
	uiommu_detach_device_pasid(d1, a, 1);
	assert_int_equal(m.host.warnings, 1);
	assert_ptr_equal(m.script[0].pasids[1], d2);
	uiommu_device_remove(c);
	assert_null(m.script[2].pasids[2]);
	for (uiommu_pasid_t pasid = 1; pasid < 16; pasid++)
		uiommu_detach_device_pasid(pasid == 2 ? d1 : d2, a, pasid);
	for (unsigned int i = 0; i < 16; i++)
		assert_null(m.script[0].pasids[i]);
	uiommu_domain_free(d1);
	uiommu_domain_free(d2);
	mock_stop(&m);
}

/* C082 and the handle of the RID */
static void test_handles(void **state)
{
	struct uiommu_attach_handle h1 = { 0 }, h2 = { 0 }, *found;
	struct mock m;
	struct uiommu_device *a;
	struct uiommu_group *group;
	struct uiommu_domain *d1, *d2;

	(void)state;
	start(&m);
	a = mock_add(&m, 0);
	group = group_of(a);
	d1 = new_domain(a);
	d2 = new_domain(a);
	assert_int_equal(uiommu_attach_group_handle(d1, group, NULL), -UIOMMU_EINVAL);
	m.script[0].attach_error = -UIOMMU_EINVAL;
	assert_int_equal(uiommu_attach_group_handle(d1, group, &h1), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_attach_handle_get(group, 0, UIOMMU_DOMAIN_AUTO, &found),
			 -UIOMMU_ENOENT);
	m.script[0].attach_error = 0;
	assert_int_equal(uiommu_attach_group_handle(d1, group, &h1), 0);
	assert_int_equal(uiommu_attach_group_handle(d2, group, &h2), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_replace_group_handle(group, d2, &h1), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_replace_group_handle(group, d2, &h2), 0);
	assert_int_equal(uiommu_attach_handle_get(group, 0, UIOMMU_DOMAIN_AUTO, &found), 0);
	assert_ptr_equal(found, &h2);
	uiommu_detach_group_handle(d2, group);
	assert_int_equal(uiommu_attach_handle_get(group, 0, UIOMMU_DOMAIN_AUTO, &found),
			 -UIOMMU_ENOENT);
	uiommu_domain_free(d1);
	uiommu_domain_free(d2);
	mock_stop(&m);
}

/* C135 to C137, C143 to C155: the error table and the ways back */
static void test_map(void **state)
{
	static const struct {
		uint64_t iova, paddr, size;
		unsigned int prot;
		int error;
	} rows[] = {
		{ 0x1000, 0x1000, 0, RW, -UIOMMU_EINVAL },
		{ 0x1000, 0x1000, 0x1000, UIOMMU_CACHE, -UIOMMU_EINVAL },
		{ 0x1000, 0x1000, 0x1000, RW | 0x1000, -UIOMMU_EINVAL },
		{ 0x1800, 0x1000, 0x1000, RW, -UIOMMU_ENXIO },
		{ 0x1000, 0x1800, 0x1000, RW, -UIOMMU_ENXIO },
		{ 0x1000, 0x1000, 0x1800, RW, -UIOMMU_ENXIO },
		{ ~0xfffull, 0x1000, 0x2000, RW, -UIOMMU_EOVERFLOW },
		{ 0x1000, ~0xfffull, 0x2000, RW, -UIOMMU_EOVERFLOW },
		{ 1ull << 47, 0x1000, 0x1000, RW, -UIOMMU_ERANGE },
		{ (1ull << 47) - 0x1000, 0x1000, 0x2000, RW, -UIOMMU_ERANGE },
		{ 0x1000, 1ull << 46, 0x1000, RW, -UIOMMU_ERANGE },
		{ ~0xfffull, 0x1000, 0x1000, RW, 0 },
		{ (1ull << 47) - 0x1000, 0x1000, 0x1000, RW, 0 },
		{ ~0xfffull, 0x1000, 0x1000, RW, -UIOMMU_EADDRINUSE },
	};
	struct uiommu_iotlb_gather gather;
	const struct uiommu_sg sg[] = { { 0x1000, 0x1000 },
					{ 0x2000, 0x2000 },
					{ 0x8000, 0x1000 } };
	struct mock m;
	struct uiommu_device *a;
	struct uiommu_domain *d;
	uint64_t mapped;

	(void)state;
	start(&m);
	a = mock_add(&m, 0);
	d = new_domain(a);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(uiommu_map(d, rows[i].iova, rows[i].paddr, rows[i].size,
					    rows[i].prot),
				 rows[i].error);
	assert_int_equal(uiommu_map((struct uiommu_domain *)&mock_identity, 0x1000, 0x1000, 0x1000,
				    RW),
			 -UIOMMU_EINVAL);

	m.map_limit = 2; /* fewer than asked: the core goes on */
	assert_int_equal(uiommu_map(d, 0x10000, 0x50000, 0x5000, RW), 0);
	assert_int_equal(uiommu_iova_to_phys(d, 0x14123), 0x54123);
	assert_int_equal(uiommu_unmap(d, 0x10800, 0x1000), 0);
	assert_int_equal(uiommu_unmap(d, 0x12000, 0x1000), 0x1000);
	assert_int_equal(uiommu_unmap(d, 0x10000, 0x5000), 0x2000);
	assert_int_equal(m.sync_last, 0x11fff);
	/* Runs into 0x13000: what went in before goes, what was there stays. */
	assert_int_equal(uiommu_map(d, 0x10000, 0x90000, 0x5000, RW), -UIOMMU_EADDRINUSE);
	assert_int_equal(uiommu_iova_to_phys(d, 0x10000), 0);
	assert_int_equal(uiommu_iova_to_phys(d, 0x13000), 0x53000);
	m.map_fail_after = 3;
	assert_int_equal(uiommu_map(d, 0x20000, 0x90000, 0x5000, RW), -UIOMMU_ENOMEM);
	assert_int_equal(uiommu_iova_to_phys(d, 0x20000), 0);
	m.map_fail_after = -1;
	m.sync_map_error = -UIOMMU_EIO;
	assert_int_equal(uiommu_map(d, 0x20000, 0x90000, 0x1000, RW), -UIOMMU_EIO);
	assert_int_equal(uiommu_iova_to_phys(d, 0x20000), 0);
	m.sync_map_error = 0;
	assert_int_equal(m.host.errors, 0);
	m.map_nothing = true;
	assert_int_equal(uiommu_map(d, 0x20000, 0x90000, 0x1000, RW), -UIOMMU_EIO);
	assert_int_equal(m.host.errors, 1);
	m.map_nothing = false;

	assert_int_equal(uiommu_map_sg(d, 0x30000, sg, 3, RW, &mapped), 0);
	assert_int_equal(mapped, 0x4000);
	assert_int_equal(uiommu_iova_to_phys(d, 0x32001), 0x3001);
	assert_int_equal(uiommu_iova_to_phys(d, 0x33001), 0x8001);
	assert_int_equal(uiommu_map_sg(d, 0x31000, sg, 0, RW, &mapped), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_map_sg(d, 0x2e000, sg, 3, RW, &mapped), -UIOMMU_EADDRINUSE);
	assert_int_equal(mapped, 0);
	assert_int_equal(uiommu_iova_to_phys(d, 0x2e000), 0);

	/* A driver that notes nothing is synced all the same, also into a shared gather. */
	m.lazy_gather = true;
	m.syncs = 0;
	uiommu_iotlb_gather_init(&gather, false);
	assert_int_equal(uiommu_unmap_gather(d, 0x30000, 0x1000, &gather), 0x1000);
	assert_int_equal(uiommu_unmap_gather(d, 0x33000, 0x1000, &gather), 0x1000);
	assert_int_equal(m.syncs, 0);
	uiommu_iotlb_sync(d, &gather);
	assert_int_equal(m.syncs, 1);
	assert_int_equal(m.sync_start, 0x30000);
	assert_int_equal(m.sync_last, 0x33fff);
	uiommu_iotlb_sync(d, &gather);
	assert_int_equal(m.syncs, 1);
	uiommu_iotlb_gather_init(&gather, true);
	assert_int_equal(uiommu_unmap_gather(d, 0x31000, 0x1000, &gather), 0x1000);
	uiommu_iotlb_sync(d, &gather);
	assert_int_equal(m.syncs, 1);
	assert_int_equal(m.flushes, 1);
	assert_int_equal(uiommu_set_dirty_tracking(d, true), -UIOMMU_EOPNOTSUPP);
	uiommu_domain_free(d);
	mock_stop(&m);
}

/* C033 and C081's lookup: deferred attach, faults */
static void test_deferred_and_faults(void **state)
{
	struct uiommu_fault fault = { .source_id = 1 };
	struct mock m;
	struct uiommu_device *a, *b;

	(void)state;
	start(&m);
	m.script[0].deferred = true;
	a = mock_add(&m, 0);
	assert_null(m.script[0].rid);
	b = mock_add(&m, 2);
	m.script[2].deferred = true;
	assert_int_equal(uiommu_device_deferred_attach(a), 0);
	assert_ptr_equal(m.script[0].rid, uiommu_group_domain(group_of(a)));
	uiommu_device_remove(a);
	a = mock_add(&m, 0);
	m.script[0].attaches = 0;
	uiommu_device_remove(a);
	assert_int_equal(m.script[0].attaches, 0);

	uiommu_report_fault(&m.instance[0], &fault);
	assert_null(m.fault.device);
	fault.source_id = 2;
	uiommu_report_fault(&m.instance[0], &fault);
	assert_ptr_equal(m.fault.device, b);
	mock_stop(&m);
}

/* Fail every allocation once: nothing leaks, and the state is as before or complete. */
static void test_alloc_sweep(void **state)
{
	bool finished = false;

	(void)state;
	for (long fail = 0; !finished; fail++) {
		struct uiommu_attach_handle handle = { 0 };
		struct uiommu_device_desc desc;
		struct uiommu_device *dev = NULL;
		struct uiommu_domain *d = NULL;
		struct uiommu_group *group;
		struct mock m;

		assert_true(fail < 200);
		mock_init(&m);
		m.ops[0].blocked_domain = NULL; /* claims allocate */
		m.script[0].resv = (struct uiommu_resv_region){ 0x1000, 0x1fff, RW,
								UIOMMU_RESV_DIRECT_RELAXABLE };
		m.host.fail_after = fail;
		if (mock_start(&m, UIOMMU_DOMAIN_DMA)) {
			mock_stop(&m);
			continue;
		}
		mock_desc(&m, 0, &desc);
		if (uiommu_instance_register(m.sys, &m.instance[0]) == 0 &&
		    uiommu_device_add(m.sys, &desc, &dev) == 0 &&
		    uiommu_device_is_translated(dev)) {
			struct uiommu_domain *first;

			group = group_of(dev);
			first = uiommu_group_domain(group);
			if (uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY) == 0 &&
			    uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA) == 0 &&
			    uiommu_group_claim_dma_owner(group, &m) == 0) {
				if (uiommu_domain_alloc_paging(dev, 0, &d) == 0 &&
				    uiommu_attach_group_handle(d, group, &handle) == 0) {
					uiommu_detach_group_handle(d, group);
					finished = true;
				}
				uiommu_group_release_dma_owner(group);
			} else {
				assert_true(uiommu_group_domain(group) == first ||
					    m.script[0].rid == uiommu_group_domain(group));
			}
			uiommu_domain_free(d);
		} else if (dev) {
			assert_int_equal(uiommu_device_error(dev), -UIOMMU_ENOMEM);
			m.host.fail_after = -1;
			assert_int_equal(uiommu_device_probe(dev), 0);
		}
		mock_stop(&m);
	}
}

/* ---- races: C011, C024, C025, C093; run under a thread sanitizer as well ---- */

struct race {
	struct mock m;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	pthread_barrier_t barrier;
	int which;
};

static void *probe_thread(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(&race->barrier);
	uiommu_device_probe(race->dev);
	return NULL;
}

static void *register_thread(void *arg)
{
	struct race *race = arg;
	int which = __atomic_fetch_add(&race->which, 1, __ATOMIC_ACQ_REL);

	pthread_barrier_wait(&race->barrier);
	uiommu_instance_register(race->m.sys, &race->m.instance[which]);
	return NULL;
}

static void *remove_thread(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(&race->barrier);
	uiommu_device_remove(race->dev);
	return NULL;
}

static void *attach_thread(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(&race->barrier);
	if (uiommu_attach_group(race->domain, race->group) == 0)
		uiommu_detach_group(race->domain, race->group);
	return NULL;
}

static void run(struct race *race, void *(*a)(void *), void *(*b)(void *))
{
	pthread_t thread[2];

	pthread_barrier_init(&race->barrier, NULL, 2);
	pthread_create(&thread[0], NULL, a, race);
	pthread_create(&thread[1], NULL, b, race);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	pthread_barrier_destroy(&race->barrier);
}

static void test_races(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct race race;
		struct mock *m = &race.m;
		struct uiommu_device *other;

		memset(&race, 0, sizeof(race));
		mock_init(m);
		assert_int_equal(mock_start(m, UIOMMU_DOMAIN_DMA), 0);
		race.dev = mock_add(m, 0);
		m->script[1].fwnode = &m->fwnode[1];
		other = mock_add(m, 1);
		run(&race, register_thread, probe_thread); /* C011 */
		assert_true(uiommu_device_is_translated(race.dev));
		assert_int_equal(m->script[0].probes, 1);
		run(&race, register_thread, probe_thread);
		assert_true(uiommu_device_is_translated(other));
		uiommu_instance_unregister(&m->instance[0]);
		uiommu_instance_unregister(&m->instance[1]);
		race.which = 0;
		run(&race, register_thread, register_thread); /* C025 */
		assert_int_equal(m->script[0].probes, 2);
		assert_int_equal(m->script[1].probes, 2);

		m->script[0].probe_error = 0;
		race.dev = mock_add(m, 2);
		race.group = uiommu_group_get(race.dev);
		race.domain = new_domain(race.dev);
		run(&race, remove_thread, attach_thread); /* C093 */
		uiommu_domain_free(race.domain);
		uiommu_group_put(race.group);

		m->script[3].probe_error = -UIOMMU_ENOMEM;
		race.dev = mock_add(m, 3);
		m->script[3].probe_error = 0;
		run(&race, probe_thread, probe_thread); /* C024 */
		assert_int_equal(m->script[3].probes, 2);
		mock_stop(m);
	}
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(uiommu_strerror(-UIOMMU_EBUSY), "in use");
	assert_string_equal(uiommu_strerror(UIOMMU_EBUSY), "in use");
	assert_string_equal(uiommu_strerror(-9999), "unknown error");
	assert_string_equal(uiommu_domain_type_name(UIOMMU_DOMAIN_DMA_FQ), "DMA-FQ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registration), cmocka_unit_test(test_groups),
		cmocka_unit_test(test_default_type), cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_set_type),     cmocka_unit_test(test_direct),
		cmocka_unit_test(test_owner_check),  cmocka_unit_test(test_attach_rollback),
		cmocka_unit_test(test_ownership),    cmocka_unit_test(test_pasids),
		cmocka_unit_test(test_handles),	     cmocka_unit_test(test_map),
		cmocka_unit_test(test_alloc_sweep),  cmocka_unit_test(test_deferred_and_faults),
		cmocka_unit_test(test_races),	     cmocka_unit_test(test_words),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
