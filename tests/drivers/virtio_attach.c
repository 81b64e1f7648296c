/* SPDX-License-Identifier: MIT */
/*
 * virtio_attach.c - attaching to a virtio IOMMU that forgets domains and refuses requests
 *
 * virtio 1.2, 5.13.6.3 to 5.13.6.6.  The device's own books say what devices can reach in the end, and after
 * each refusal that has to be what it was before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/virtio_fake.h"

#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))
#define BYPASS 0u /* the domain ID of endpoints that bypass: the lowest */

struct place {
	bool attached;
	uint32_t domain;
	unsigned int mapped;
};

static void look(const struct fake *f, struct place *places)
{
	for (unsigned int i = 0; i < FAKE_ENDPOINTS; i++)
		places[i] =
			(struct place){ f->attached[i], f->attached[i] ? f->domain[i] : 0,
					f->attached[i] ? fake_count_mapped(f, f->domain[i]) : 0 };
}

static void same(const struct fake *f, const struct place *before)
{
	struct place now[FAKE_ENDPOINTS];

	look(f, now);
	for (unsigned int i = 0; i < FAKE_ENDPOINTS; i++) {
		assert_int_equal(now[i].attached, before[i].attached);
		assert_int_equal(now[i].domain, before[i].domain);
		assert_int_equal(now[i].mapped, before[i].mapped);
	}
}

static struct uiommu_device *add(struct fake *f, const char *name, const uint32_t *ids,
				 unsigned int count)
{
	struct uiommu_device *dev = fake_add(f, name, ids, count);

	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_TRANSLATED);
	return dev;
}

/* A domain with @count pages, the n-th mapped to @phys + n pages. */
static struct uiommu_domain *filled(struct uiommu_device *dev, unsigned int count,
				    uiommu_phys_t phys)
{
	struct uiommu_domain *domain;

	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(uiommu_map(domain, 0x10000 + 0x2000ull * i, phys + 0x1000ull * i,
					    0x1000, RW),
				 0);
	return domain;
}

static bool reaches(const struct fake *f, uint32_t endpoint, uint64_t iova, uint64_t phys)
{
	const struct fake_mapping *m;

	if (!f->attached[endpoint])
		return false;
	m = fake_mapped(f, f->domain[endpoint], iova);
	return m && m->phys + (iova - m->start) == phys;
}

/* ---- one device -------------------------------------------------------------------------------- */

/* Mappings made before, while and after something is attached. */
static void replay(void **state)
{
	static const uint32_t ids[] = { 3 };
	struct uiommu_domain *domain;
	struct uiommu_device *dev;
	static struct fake f;
	unsigned int from;

	(void)state;
	fake_init(&f, true);
	assert_int_equal(fake_start(&f), 0);
	dev = add(&f, "a", ids, 1);
	assert_int_equal(f.domain[3], BYPASS);
	assert_int_equal(f.note[f.notes - 1].flags, VIRTIO_IOMMU_ATTACH_F_BYPASS);
	domain = filled(dev, 50, 0x100000);
	assert_int_equal(fake_noted(&f, 0, VIRTIO_IOMMU_T_MAP), 0);
	for (unsigned int round = 0; round < 3; round++) {
		assert_int_equal(uiommu_attach_device(domain, dev), 0);
		assert_true(f.domain[3] != BYPASS);
		assert_int_equal(f.note[f.notes - 51 - round].flags, 0);
		assert_int_equal(fake_count_mapped(&f, f.domain[3]), 50 + round);
		for (unsigned int i = 0; i < 50; i++)
			assert_true(
				reaches(&f, 3, 0x10000 + 0x2000ull * i, 0x100000 + 0x1000ull * i));
		assert_int_equal(
			uiommu_map(domain, 0x10000000 + 0x1000ull * round, 0x7000, 0x1000, RW), 0);
		assert_true(reaches(&f, 3, 0x10000000 + 0x1000ull * round, 0x7000));
		uiommu_detach_device(domain, dev);
		assert_int_equal(f.domain[3], BYPASS);
	}
	from = f.notes;
	assert_int_equal(uiommu_unmap(domain, 0x10000, 0x1000), 0x1000);
	assert_int_equal(f.notes, from); /* nobody has to be told */
	uiommu_domain_free(domain);
	uiommu_device_remove(dev);
	assert_int_equal(f.errors, 0);
	fake_stop(&f);
}

/* Each request of an attach is refused in its turn, and each time the old translation works again. */
static void each_request_refused(void **state)
{
	static const uint32_t ids[] = { 3, 8, 9 };
	struct place before[FAKE_ENDPOINTS];
	struct uiommu_domain *from, *to;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	static struct fake f;
	unsigned int good, notes;

	(void)state;
	for (unsigned int paging = 0; paging < 2; paging++) {
		fake_init(&f, false);
		f.default_type = UIOMMU_DOMAIN_DMA;
		if (!paging)
			f.default_type = UIOMMU_DOMAIN_IDENTITY;
		assert_int_equal(fake_start(&f), 0);
		dev = add(&f, "a", ids, 3);
		group = uiommu_group_get(dev);
		from = uiommu_group_domain(group);
		if (paging)
			for (unsigned int i = 0; i < 4; i++)
				assert_int_equal(
					uiommu_map(from, 0x4000ull * i, 0x900000, 0x1000, RW), 0);
		to = filled(dev, 5, 0x100000);
		look(&f, before);
		for (good = 0;; good++) {
			int rc;

			f.rules = 0;
			fake_script(&f, (struct fake_rule){ 0, good, 1, FAKE_STATUS,
							    VIRTIO_IOMMU_S_NOMEM });
			rc = uiommu_attach_group(to, group);
			if (!f.rule[0].times) {
				assert_int_equal(rc, -UIOMMU_ENOMEM);
				assert_ptr_equal(uiommu_group_domain(group), from);
				same(&f, before);
				assert_true(!paging || reaches(&f, 9, 0x4000, 0x900000));
				/* Nothing of it stays: no device hears of the domain any more. */
				notes = f.notes;
				assert_int_equal(uiommu_map(to, 0x40000000, 0, 0x1000, RW), 0);
				assert_int_equal(uiommu_unmap(to, 0x40000000, 0x1000), 0x1000);
				assert_int_equal(f.notes, notes);
				continue;
			}
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(good, 3 + 5); /* three ATTACH, five MAP */
		f.rules = 0;
		for (unsigned int i = 0; i < 3; i++)
			assert_true(reaches(&f, ids[i], 0x12000, 0x101000));
		uiommu_detach_group(to, group);
		same(&f, before);
		assert_int_equal(f.errors, 0);
		uiommu_group_put(group);
		uiommu_domain_free(to);
		fake_stop(&f);
	}
}

/* The second of two refusals hits the way back: it is said, and the endpoint reaches nothing. */
static void no_way_back(void **state)
{
	static const uint32_t ids[] = { 3 };
	struct uiommu_domain *first, *second;
	struct uiommu_device *dev;
	static struct fake f;

	(void)state;
	fake_init(&f, false);
	assert_int_equal(fake_start(&f), 0);
	dev = add(&f, "a", ids, 1);
	first = filled(dev, 1, 0x100000);
	second = filled(dev, 2, 0x200000);
	assert_int_equal(uiommu_attach_device(first, dev), 0);
	uiommu_detach_device(first, dev);
	/* The first page is refused, then going back to where it bypassed. */
	fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 0, 1, FAKE_STATUS,
					    VIRTIO_IOMMU_S_NOMEM });
	fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_ATTACH, 1, 1, FAKE_STATUS,
					    VIRTIO_IOMMU_S_DEVERR });
	assert_int_equal(uiommu_attach_device(second, dev), -UIOMMU_ENOMEM);
	assert_int_equal(f.errors, 1);
	assert_non_null(strstr(f.line, "endpoint 3 cannot go back to domain 0"));
	f.rules = 0;
	/* It is known where it is: the next attach begins there. */
	assert_int_equal(uiommu_attach_device(first, dev), 0);
	assert_true(reaches(&f, 3, 0x10000, 0x100000));
	assert_int_equal(fake_count_mapped(&f, f.domain[3]), 1);
	uiommu_detach_device(first, dev);
	assert_int_equal(f.domain[3], BYPASS);
	uiommu_domain_free(first);
	uiommu_domain_free(second);
	fake_stop(&f);
}

/* A map that the device refuses half-way leaves nothing of itself. */
static void a_map_refused(void **state)
{
	static const uint32_t ids[] = { 3 };
	struct uiommu_domain *domain;
	struct uiommu_device *dev;
	static struct fake f;

	(void)state;
	fake_init(&f, false);
	assert_int_equal(fake_start(&f), 0);
	dev = add(&f, "a", ids, 1);
	domain = filled(dev, 3, 0x100000);
	assert_int_equal(uiommu_attach_device(domain, dev), 0);
	for (unsigned int good = 0; good < 4; good++) {
		const struct uiommu_sg sg[] = { { 0x500000, 0x1000 },
						{ 0x600000, 0x2000 },
						{ 0x700000, 0x1000 },
						{ 0x800000, 0x3000 } };
		uint64_t mapped;

		f.rules = 0;
		fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, good, 1, FAKE_STATUS,
						    VIRTIO_IOMMU_S_NOMEM });
		assert_int_equal(uiommu_map_sg(domain, 0x40000000, sg, 4, RW, &mapped),
				 -UIOMMU_ENOMEM);
		assert_int_equal(mapped, 0);
		assert_int_equal(fake_count_mapped(&f, f.domain[3]), 3);
		for (unsigned int i = 0; i < 7; i++)
			assert_int_equal(uiommu_iova_to_phys(domain, 0x40000000 + 0x1000 * i), 0);
	}
	f.rules = 0;
	assert_int_equal(uiommu_map(domain, 0x40000000, 0x500000, 0x7000, RW), 0);
	assert_true(reaches(&f, 3, 0x40006000, 0x506000));
	uiommu_detach_device(domain, dev);
	uiommu_domain_free(domain);
	fake_stop(&f);
}

/* ---- endpoints that devices share -------------------------------------------------------------- */

/* Two devices of one group, with an endpoint each and one together, in all orders. */
static void shared(void **state)
{
	static const uint32_t a_ids[] = { 1, 5 }, b_ids[] = { 2, 5 };
	struct uiommu_domain *first, *second;
	struct uiommu_group *group;
	struct uiommu_device *a, *b;
	static struct fake f;

	(void)state;
	for (unsigned int remove_first = 0; remove_first < 2; remove_first++) {
		fake_init(&f, false);
		f.ops.device_group = uiommu_single_device_group;
		assert_int_equal(fake_start(&f), 0);
		a = add(&f, "a", a_ids, 2);
		b = add(&f, "b", b_ids, 2);
		group = uiommu_group_get(a);
		assert_int_equal(uiommu_group_num_devices(group), 2);
		first = filled(a, 4, 0x100000);
		second = filled(a, 2, 0x200000);

		assert_int_equal(uiommu_attach_group(first, group), 0);
		for (unsigned int i = 1; i < 6; i += i == 2 ? 3 : 1)
			assert_true(reaches(&f, i, 0x10000, 0x100000));
		assert_int_equal(f.domain[1], f.domain[2]);
		assert_int_equal(fake_count_mapped(&f, f.domain[1]), 4);
		uiommu_detach_group(first, group);
		assert_int_equal(f.domain[5], BYPASS);

		/* Owned, the group is blocked: no endpoint is anywhere. */
		assert_int_equal(uiommu_group_claim_dma_owner(group, &f), 0);
		assert_false(f.attached[1] || f.attached[2] || f.attached[5]);
		assert_int_equal(uiommu_attach_group(second, group), 0);
		assert_true(reaches(&f, 5, 0x12000, 0x201000));
		uiommu_detach_group(second, group);
		assert_false(f.attached[1] || f.attached[2] || f.attached[5]);
		assert_int_equal(uiommu_attach_group(second, group), 0);

		/* One device goes: what they shared stays with the other. */
		uiommu_device_remove(remove_first ? a : b);
		assert_false(f.attached[remove_first ? 1 : 2]);
		assert_true(reaches(&f, 5, 0x12000, 0x201000));
		assert_true(reaches(&f, remove_first ? 2 : 1, 0x12000, 0x201000));
		uiommu_detach_group(second, group);
		assert_false(f.attached[1] || f.attached[2] || f.attached[5]);
		uiommu_group_release_dma_owner(group);
		assert_int_equal(f.domain[5], BYPASS);
		assert_int_equal(f.errors, 0);
		uiommu_group_put(group);
		uiommu_domain_free(first);
		uiommu_domain_free(second);
		fake_stop(&f);
	}
}

/* The second member is refused: the first goes back with the endpoint that both have. */
static void shared_and_refused(void **state)
{
	static const uint32_t a_ids[] = { 1, 5 }, b_ids[] = { 5, 2 };
	struct place before[FAKE_ENDPOINTS];
	struct uiommu_domain *first, *second;
	struct uiommu_group *group;
	struct uiommu_device *a;
	static struct fake f;

	(void)state;
	for (unsigned int good = 0; good < 6; good++) {
		fake_init(&f, false);
		f.ops.device_group = uiommu_single_device_group;
		f.default_type = UIOMMU_DOMAIN_DMA;
		assert_int_equal(fake_start(&f), 0);
		a = add(&f, "a", a_ids, 2);
		add(&f, "b", b_ids, 2);
		group = uiommu_group_get(a);
		first = uiommu_group_domain(group);
		assert_int_equal(uiommu_map(first, 0x10000, 0x100000, 0x1000, RW), 0);
		assert_true(reaches(&f, 2, 0x10000, 0x100000));
		second = filled(a, 2, 0x200000);
		look(&f, before);
		fake_script(&f,
			    (struct fake_rule){ 0, good, 1, FAKE_STATUS, VIRTIO_IOMMU_S_NOMEM });
		/* ATTACH 1 and 5, MAP twice, ATTACH 2. */
		assert_int_equal(uiommu_attach_group(second, group), good < 5 ? -UIOMMU_ENOMEM : 0);
		f.rules = 0;
		if (good < 5) {
			same(&f, before);
			assert_true(reaches(&f, 5, 0x10000, 0x100000));
		} else {
			uiommu_detach_group(second, group);
		}
		assert_int_equal(f.errors, 0);
		uiommu_group_put(group);
		uiommu_domain_free(second);
		fake_stop(&f);
	}
}

/* ---- identity ---------------------------------------------------------------------------------- */

/* Without F_BYPASS_CONFIG identity is a domain with mappings, around what is reserved. */
static void identity_by_mappings(void **state)
{
	static const uint32_t ids[] = { 3 }, more[] = { 4 };
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	struct uiommu_device *dev;
	static struct fake f;
	uint32_t id;

	(void)state;
	fake_init(&f, false);
	f.features &= ~VIRTIO_IOMMU_F_BYPASS_CONFIG;
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_MSI, 0xfee00000, 0xfeefffff);
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x7800, 0x9000); /* not of pages */
	assert_int_equal(fake_start(&f), 0);
	dev = add(&f, "a", ids, 1);
	group = uiommu_group_get(dev);
	assert_int_equal(uiommu_group_default_type(group), UIOMMU_DOMAIN_IDENTITY);
	id = f.domain[3];
	assert_true(f.attached[3]);
	assert_int_equal(f.note[1].flags, 0); /* no bypass flag: there is no such feature */
	assert_int_equal(fake_count_mapped(&f, id), 3);
	assert_true(reaches(&f, 3, 0, 0));
	assert_true(reaches(&f, 3, 0x6fff, 0x6fff));
	assert_false(reaches(&f, 3, 0x7000, 0x7000));
	assert_false(reaches(&f, 3, 0x9fff, 0x9fff));
	assert_true(reaches(&f, 3, 0xa000, 0xa000));
	assert_false(reaches(&f, 3, 0xfee00000, 0xfee00000));
	assert_false(reaches(&f, 3, 0xfeefffff, 0xfeefffff));
	assert_true(reaches(&f, 3, 0xfef00000, 0xfef00000));
	assert_true(reaches(&f, 3, 0xffffffffffff, 0xffffffffffff));
	assert_int_equal(fake_mapped(&f, id, 0)->flags,
			 VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE);

	/* A second one comes to the same; the first leaves and finds it all when it is back. */
	add(&f, "b", more, 1);
	assert_int_equal(f.domain[4], id);
	assert_int_equal(fake_count_mapped(&f, id), 3);
	domain = filled(dev, 2, 0x100000);
	assert_int_equal(uiommu_attach_device(domain, dev), 0);
	assert_true(f.domain[3] != id);
	assert_int_equal(fake_count_mapped(&f, f.domain[3]), 2);
	assert_true(reaches(&f, 4, 0xa000, 0xa000));
	uiommu_detach_device(domain, dev);
	assert_int_equal(f.domain[3], id);
	assert_true(reaches(&f, 3, 0xa000, 0xa000));
	uiommu_domain_free(domain);
	assert_int_equal(f.errors, 0);
	uiommu_group_put(group);
	fake_stop(&f);
}

/* The device has one domain ID: it is for mappings, and nothing is left for a second domain. */
static void a_single_domain(void **state)
{
	static const uint32_t ids[] = { 3 };
	struct uiommu_domain *domain;
	struct uiommu_device *dev;
	static struct fake f;

	(void)state;
	fake_init(&f, false);
	f.first_id = f.last_id = 17;
	assert_int_equal(fake_start(&f), 0);
	dev = add(&f, "a", ids, 1);
	assert_int_equal(f.domain[3], 17);
	domain = filled(dev, 2, 0x100000);
	assert_int_equal(uiommu_attach_device(domain, dev), -UIOMMU_ENOSPC);
	assert_int_equal(f.domain[3], 17);
	assert_true(reaches(&f, 3, 0x5000, 0x5000));
	uiommu_domain_free(domain);
	assert_int_equal(f.errors, 0);
	fake_stop(&f);
}

/* ---- what the host refuses, and a device that dies --------------------------------------------- */

static void each_step_of_the_host(void **state)
{
	static const uint32_t ids[] = { 3, 4 };
	struct place before[FAKE_ENDPOINTS];
	struct uiommu_domain *domain;
	struct uiommu_device *dev;
	static struct fake f;
	bool failed = true;

	(void)state;
	fake_init(&f, false);
	assert_int_equal(fake_start(&f), 0);
	dev = add(&f, "a", ids, 2);
	look(&f, before);
	for (unsigned long nth = 1; failed; nth++) {
		int rc;

		domain = filled(dev, 3, 0x100000);
		uiommu_test_fail_nth(f.test, nth);
		rc = uiommu_attach_device(domain, dev);
		if (rc == 0)
			rc = uiommu_map(domain, 0x40000000, 0x500000, 0x3000, RW);
		failed = uiommu_test_failed(f.test);
		uiommu_test_fail_nth(f.test, 0);
		assert_int_equal(rc, failed ? -UIOMMU_ENOMEM : 0);
		if (f.domain[3] == BYPASS) {
			same(&f, before);
		} else {
			assert_int_equal(fake_count_mapped(&f, f.domain[3]), failed ? 3 : 4);
			uiommu_detach_device(domain, dev);
			same(&f, before);
		}
		uiommu_domain_free(domain);
	}
	assert_int_equal(f.errors, 0);
	fake_stop(&f);
}

/*
 * It goes silent at each request of a life in turn.  What follows fails or does nothing, nobody waits twice,
 * and when all is taken apart nothing is left.
 */
static void silent_from_some_request_on(void **state)
{
	static const uint32_t ids[] = { 3, 4 };
	struct uiommu_domain *domain, *other;
	struct uiommu_device *dev;
	static struct fake f;
	bool dead = true;

	(void)state;
	for (unsigned int good = 0; dead; good++) {
		uint64_t before;

		fake_init(&f, good % 2);
		fake_resv(&f, 4, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
		assert_int_equal(fake_start(&f), 0);
		fake_script(&f, (struct fake_rule){ 0, good, 1, FAKE_SILENT, 0 });
		before = uiommu_port_now_ns(f.test);
		dev = fake_add(&f, "a", ids, 2);
		if (uiommu_device_status(dev) == UIOMMU_STATUS_TRANSLATED) {
			domain = filled(dev, 2, 0x100000);
			other = filled(dev, 2, 0x200000);
			if (uiommu_attach_device(domain, dev) == 0) {
				uiommu_map(domain, 0x40000000, 0x500000, 0x3000, RW);
				uiommu_unmap(domain, 0x10000, 0x1000);
				uiommu_detach_device(domain, dev);
			}
			if (uiommu_attach_device(other, dev) == 0)
				uiommu_detach_device(other, dev);
			uiommu_device_remove(dev);
			uiommu_domain_free(domain);
			uiommu_domain_free(other);
		} else {
			uiommu_device_remove(dev);
		}
		dead = f.viommu->requests.dead;
		assert_int_equal(uiommu_port_now_ns(f.test) - before, dead ? 1000000000ull : 0);
		fake_stop(&f);
		assert_true(good < 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay),
		cmocka_unit_test(each_request_refused),
		cmocka_unit_test(no_way_back),
		cmocka_unit_test(a_map_refused),
		cmocka_unit_test(shared),
		cmocka_unit_test(shared_and_refused),
		cmocka_unit_test(identity_by_mappings),
		cmocka_unit_test(a_single_domain),
		cmocka_unit_test(each_step_of_the_host),
		cmocka_unit_test(silent_from_some_request_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
