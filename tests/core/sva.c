/* SPDX-License-Identifier: MIT */
/* sva.c - binding and unbinding against a scripted driver and the smallest address space there is */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <string.h>
#include <cmocka.h>
#include "ports/test/mm.h"
#include "tests/core/mock.h"

#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))
#define FIRST 0x10000ull /* the area of each address space */
#define LAST 0x1ffffull

struct world {
	struct mock m;
	struct uiommu_device *dev[4];
	struct uiommu_mm *mm;
};

static struct uiommu_mm *new_mm(struct world *w)
{
	struct uiommu_mm *mm = uiommu_test_mm_create(w->m.host.port, FIRST, LAST, RW);

	assert_non_null(mm);
	return mm;
}

static void put_mm(struct world *w, struct uiommu_mm *mm)
{
	uiommu_port_mm_put(w->m.host.port, mm);
}

static void start(struct world *w, unsigned int count)
{
	memset(w, 0, sizeof(*w));
	mock_init(&w->m);
	assert_int_equal(mock_start(&w->m, UIOMMU_DOMAIN_DMA), 0);
	assert_int_equal(uiommu_instance_register(w->m.sys, &w->m.instance[0]), 0);
	for (unsigned int i = 0; i < count; i++)
		w->dev[i] = mock_add(&w->m, i);
	w->mm = new_mm(w);
}

static void stop(struct world *w)
{
	put_mm(w, w->mm);
	assert_int_equal(w->m.sva_live, 0);
	assert_int_equal(w->m.host.errors, 0);
	mock_stop(&w->m);
}

static struct uiommu_sva *bind(struct world *w, unsigned int i, struct uiommu_mm *mm)
{
	struct uiommu_sva *sva;

	assert_int_equal(uiommu_sva_bind_device(w->dev[i], mm, &sva), 0);
	assert_non_null(sva);
	return sva;
}

/* The error of a bind that fails, and that it gives nothing. */
static int bind_error(struct world *w, unsigned int i, struct uiommu_mm *mm)
{
	struct uiommu_sva *sva = (void *)w;
	int rc = uiommu_sva_bind_device(w->dev[i], mm, &sva);

	assert_null(sva);
	return rc;
}

static struct uiommu_domain *walks(const struct world *w, unsigned int i, uiommu_pasid_t pasid)
{
	return w->m.script[i].pasids[pasid];
}

/* C116: the lowest free one, limits of devices, exhaustion, what is freed is used again */
static void test_pool(void **state)
{
	struct world w;
	uiommu_pasid_t pasid;

	(void)state;
	memset(&w, 0, sizeof(w));
	start(&w, 0);
	w.m.script[1].pasid_bits = 2;
	w.dev[0] = mock_add(&w.m, 0);
	w.dev[1] = mock_add(&w.m, 1);
	assert_int_equal(uiommu_device_max_pasids(w.dev[1]), 4);
	for (uiommu_pasid_t i = 1; i < 16; i++) {
		assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
		assert_int_equal(pasid, i);
	}
	assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), -UIOMMU_ENOSPC);
	assert_int_equal(pasid, UIOMMU_PASID_INVALID);
	uiommu_pasid_free(w.m.sys, 9);
	assert_int_equal(uiommu_pasid_alloc(w.dev[1], &pasid), -UIOMMU_ENOSPC);
	uiommu_pasid_free(w.m.sys, 2);
	assert_int_equal(uiommu_pasid_alloc(w.dev[1], &pasid), 0);
	assert_int_equal(pasid, 2);
	assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
	assert_int_equal(pasid, 9);
	for (uiommu_pasid_t i = 1; i < 16; i++)
		uiommu_pasid_free(w.m.sys, i);
	assert_int_equal(w.m.host.warnings, 0);
	uiommu_pasid_free(w.m.sys, 3);
	uiommu_pasid_free(w.m.sys, 0);
	uiommu_pasid_free(w.m.sys, UIOMMU_PASID_INVALID);
	assert_int_equal(w.m.host.warnings, 3);
	stop(&w);
}

/* Beyond one word of the pool: 2^9 of them, in order, twice. */
static void test_large_pool(void **state)
{
	struct world w;
	uiommu_pasid_t pasid;

	(void)state;
	start(&w, 0);
	w.m.instance[0].max_pasids = 1u << 20;
	w.m.script[0].pasid_bits = 9;
	w.dev[0] = mock_add(&w.m, 0);
	for (unsigned int round = 0; round < 2; round++) {
		for (uiommu_pasid_t i = 1; i < 512; i++) {
			assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
			assert_int_equal(pasid, i);
		}
		assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), -UIOMMU_ENOSPC);
		uiommu_pasid_free(w.m.sys, 400);
		uiommu_pasid_free(w.m.sys, 3);
		assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
		assert_int_equal(pasid, 3);
		assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
		assert_int_equal(pasid, 400);
		for (uiommu_pasid_t i = 511; i; i--)
			uiommu_pasid_free(w.m.sys, i);
	}
	assert_int_equal(w.m.host.warnings, 0);
	stop(&w);
}

/* C110, C115: users are counted, one PASID for all groups, the RID is left alone */
static void test_bind(void **state)
{
	struct uiommu_attach_handle *handle;
	struct uiommu_sva *a, *again, *b;
	struct uiommu_group *group;
	struct uiommu_domain *rid;
	struct world w;

	(void)state;
	start(&w, 2);
	rid = w.m.script[0].rid;
	a = bind(&w, 0, w.mm);
	assert_int_equal(uiommu_sva_pasid(a), 1);
	assert_non_null(walks(&w, 0, 1));
	assert_true(w.m.script[0].page_requests);
	assert_ptr_equal(w.m.script[0].rid, rid);
	again = bind(&w, 0, w.mm);
	assert_ptr_equal(again, a);
	b = bind(&w, 1, w.mm);
	assert_ptr_not_equal(b, a);
	assert_int_equal(uiommu_sva_pasid(b), 1);
	/* The second group is content with the domain of the first. */
	assert_ptr_equal(walks(&w, 1, 1), walks(&w, 0, 1));
	assert_int_equal(w.m.sva_allocs, 1);
	group = uiommu_group_get(w.dev[0]);
	assert_int_equal(uiommu_attach_handle_get(group, 1, UIOMMU_DOMAIN_SVA, &handle), 0);
	uiommu_group_put(group);

	uiommu_sva_unbind_device(a);
	assert_non_null(walks(&w, 0, 1));
	uiommu_sva_unbind_device(again);
	assert_null(walks(&w, 0, 1));
	assert_non_null(walks(&w, 1, 1));
	assert_int_equal(w.m.script[0].drains, 1);
	assert_false(w.m.script[0].page_requests);
	assert_true(w.m.script[1].page_requests);
	assert_int_equal(w.m.sva_live, 1);
	uiommu_sva_unbind_device(b);
	assert_int_equal(w.m.sva_live, 0);
	assert_int_equal(w.mm->refs, 1);
	uiommu_sva_unbind_device(NULL);
	assert_int_equal(w.m.host.warnings, 0);
	stop(&w);
}

/* C115, C117: the PASID stays with the address space until that is gone, then it is the lowest again */
static void test_pasid_life(void **state)
{
	struct uiommu_mm *other;
	struct uiommu_sva *a, *b;
	uiommu_pasid_t pasid;
	struct world w;

	(void)state;
	start(&w, 2);
	uiommu_sva_unbind_device(bind(&w, 0, w.mm));
	other = new_mm(&w);
	b = bind(&w, 0, other);
	assert_int_equal(uiommu_sva_pasid(b), 2);
	a = bind(&w, 1, w.mm);
	assert_int_equal(uiommu_sva_pasid(a), 1);
	/* Not the user's to free, and not in the way of who allocates. */
	uiommu_pasid_free(w.m.sys, 1);
	assert_int_equal(w.m.host.warnings, 1);
	assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
	assert_int_equal(pasid, 3);
	uiommu_pasid_free(w.m.sys, pasid);
	uiommu_sva_unbind_device(a);

	/* The bond's domain holds it last: gone comes out of the unbind. */
	uiommu_test_mm_exit(other);
	put_mm(&w, other);
	uiommu_sva_unbind_device(b);
	assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
	assert_int_equal(pasid, 2);
	uiommu_pasid_free(w.m.sys, pasid);
	/* Gone without having been bound at the end. */
	put_mm(&w, w.mm);
	w.mm = new_mm(&w);
	assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
	assert_int_equal(pasid, 1);
	uiommu_pasid_free(w.m.sys, pasid);
	assert_int_equal(w.m.host.warnings, 1);
	stop(&w);
}

/* C111, C116: widths, exhaustion, the formats, tags, what is in the way */
static void test_bind_errors(void **state)
{
	struct uiommu_mm *other;
	struct uiommu_domain *domain;
	struct uiommu_sva *a;
	uiommu_pasid_t taken[3], pasid;
	struct world w;

	(void)state;
	start(&w, 0);
	w.m.script[1].pasid_bits = 2;
	w.m.script[2].fwnode = &w.m.fwnode[1]; /* its IOMMU is not there */
	for (unsigned int i = 0; i < 3; i++)
		w.dev[i] = mock_add(&w.m, i);
	assert_int_equal(bind_error(&w, 2, w.mm), -UIOMMU_ENODEV);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(uiommu_pasid_alloc(w.dev[1], &taken[i]), 0);
	assert_int_equal(bind_error(&w, 1, w.mm), -UIOMMU_ENOSPC);
	a = bind(&w, 0, w.mm);
	assert_int_equal(uiommu_sva_pasid(a), 4);
	for (unsigned int i = 0; i < 3; i++)
		uiommu_pasid_free(w.m.sys, taken[i]);
	assert_int_equal(bind_error(&w, 1, w.mm), -UIOMMU_EOVERFLOW);
	uiommu_sva_unbind_device(a);

	other = new_mm(&w);
	other->info.tagged_pointers = true;
	assert_int_equal(bind_error(&w, 0, other), -UIOMMU_EBUSY);
	other->info.tagged_pointers = false;
	other->info.format = UIOMMU_MM_ARM64;
	assert_int_equal(bind_error(&w, 0, other), -UIOMMU_EOPNOTSUPP);
	other->info.format = UIOMMU_MM_X86_64;
	w.m.ops[0].domain_alloc_sva = NULL;
	assert_int_equal(bind_error(&w, 0, other), -UIOMMU_EOPNOTSUPP);
	w.m.ops[0] = w.m.ops[1];
	/* A failed first bind has left no PASID behind. */
	assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
	assert_int_equal(pasid, 1);
	uiommu_pasid_free(w.m.sys, pasid);

	/* Somebody has attached another domain to the number that it would get. */
	assert_int_equal(uiommu_domain_alloc_paging(w.dev[0], 0, &domain), 0);
	assert_int_equal(uiommu_attach_device_pasid(domain, w.dev[0], 1, NULL), 0);
	assert_int_equal(bind_error(&w, 0, other), -UIOMMU_EBUSY);
	uiommu_detach_device_pasid(domain, w.dev[0], 1);
	uiommu_domain_free(domain);
	assert_int_equal(uiommu_device_reset_prepare(w.dev[0]), 0);
	assert_int_equal(bind_error(&w, 0, other), -UIOMMU_EBUSY);
	uiommu_device_reset_done(w.dev[0]);
	assert_int_equal(w.m.sva_live, 0);
	assert_int_equal(other->refs, 1);
	assert_null(other->subscribers);
	put_mm(&w, other);
	stop(&w);
}

/* An SVA domain that does not fit this device is passed over, and a new one made. */
static void test_second_domain(void **state)
{
	struct uiommu_sva *a, *b;
	struct world w;

	(void)state;
	start(&w, 2);
	a = bind(&w, 0, w.mm);
	w.m.script[1].attach_error = -UIOMMU_EINVAL;
	w.m.script[1].attach_error_domain = walks(&w, 0, 1);
	b = bind(&w, 1, w.mm);
	assert_ptr_not_equal(walks(&w, 0, 1), walks(&w, 1, 1));
	assert_int_equal(w.m.sva_allocs, 2);
	/* Both hear of changes. */
	uiommu_test_mm_invalidate(w.mm, 0x11000, 0x11fff);
	assert_int_equal(w.m.invalidates, 2);
	assert_true(w.m.invalidate_start == 0x11000 && w.m.invalidate_last == 0x11fff);
	uiommu_sva_unbind_device(a);
	uiommu_test_mm_invalidate(w.mm, ~0ull << 12, ~0ull);
	assert_int_equal(w.m.invalidates, 3);
	assert_true(w.m.invalidate_start == ~0ull << 12 && w.m.invalidate_last == ~0ull);
	uiommu_sva_unbind_device(b);
	uiommu_test_mm_invalidate(w.mm, 0x11000, 0x11fff);
	assert_int_equal(w.m.invalidates, 3);

	/* And one that fits nowhere is freed again. */
	w.m.script[1].attach_error_domain = NULL;
	assert_int_equal(bind_error(&w, 1, w.mm), -UIOMMU_EOPNOTSUPP);
	w.m.script[1].attach_error = -UIOMMU_ENOSPC;
	assert_int_equal(bind_error(&w, 1, w.mm), -UIOMMU_ENOSPC);
	assert_int_equal(w.m.sva_live, 0);
	assert_int_equal(w.mm->refs, 1);
	stop(&w);
}

/* A device or driver without page requests can be bound; one whose enabling breaks cannot. */
static void test_without_requests(void **state)
{
	struct uiommu_sva *a;
	struct world w;

	(void)state;
	start(&w, 1);
	w.m.script[0].page_enable_error = -UIOMMU_EOPNOTSUPP;
	a = bind(&w, 0, w.mm);
	uiommu_sva_unbind_device(a);
	assert_int_equal(w.m.script[0].drains, 0);
	w.m.script[0].page_enable_error = -UIOMMU_ENOMEM;
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOMEM);
	assert_null(walks(&w, 0, 1));
	assert_int_equal(w.m.sva_live, 0);
	stop(&w);
}

static void request(struct world *w, unsigned int i, uiommu_pasid_t pasid, uint64_t address,
		    unsigned int prot)
{
	struct uiommu_page_request r = {
		.source_id = i,
		.flags = UIOMMU_PAGE_REQUEST_PASID | UIOMMU_PAGE_REQUEST_LAST,
		.pasid = pasid,
		.group = 5,
		.address = address,
		.prot = prot,
	};

	assert_int_equal(uiommu_report_page_request(&w->m.instance[0], &r), 0);
}

static enum uiommu_page_response_code answer(const struct world *w)
{
	assert_true(w->m.num_responses > 0 && w->m.num_responses <= MOCK_RESPONSES);
	return w->m.response[w->m.num_responses - 1].code;
}

static void check_prot(struct uiommu_mm *mm, uint64_t address, unsigned int prot)
{
	(void)address;
	*(unsigned int *)mm->context = prot;
	assert_true(prot & RW);
	assert_int_equal(prot & ~(RW | UIOMMU_NOEXEC | UIOMMU_PRIV), 0);
}

/* C119: the area decides; the first error of a group decides for all of it */
static void test_requests(void **state)
{
	struct uiommu_page_request r = {
		.flags = UIOMMU_PAGE_REQUEST_PASID,
		.pasid = 1,
		.group = 7,
		.address = LAST + 1,
		.prot = UIOMMU_READ,
	};
	unsigned int asked = 0;
	struct uiommu_sva *a;
	struct world w;

	(void)state;
	start(&w, 1);
	w.mm->on_fault = check_prot;
	w.mm->context = &asked;
	a = bind(&w, 0, w.mm);
	request(&w, 0, 1, FIRST, UIOMMU_READ);
	assert_int_equal(answer(&w), UIOMMU_PAGE_SUCCESS);
	request(&w, 0, 1, LAST, UIOMMU_WRITE);
	assert_int_equal(answer(&w), UIOMMU_PAGE_SUCCESS);
	request(&w, 0, 1, FIRST, 0);
	assert_int_equal(answer(&w), UIOMMU_PAGE_SUCCESS);
	request(&w, 0, 1, LAST + 1, UIOMMU_READ);
	assert_int_equal(answer(&w), UIOMMU_PAGE_INVALID);
	request(&w, 0, 1, FIRST, UIOMMU_READ | UIOMMU_PRIV);
	assert_int_equal(answer(&w), UIOMMU_PAGE_INVALID);
	w.mm->prot = UIOMMU_READ;
	request(&w, 0, 1, FIRST, UIOMMU_WRITE);
	assert_int_equal(answer(&w), UIOMMU_PAGE_INVALID);
	assert_int_equal(w.m.num_responses, 6);

	assert_int_equal(w.mm->faults, 6);
	assert_int_equal(uiommu_report_page_request(&w.m.instance[0], &r), 0);
	r.address = FIRST;
	assert_int_equal(uiommu_report_page_request(&w.m.instance[0], &r), 0);
	assert_int_equal(w.m.num_responses, 6);
	r.flags |= UIOMMU_PAGE_REQUEST_LAST;
	assert_int_equal(uiommu_report_page_request(&w.m.instance[0], &r), 0);
	assert_int_equal(w.m.num_responses, 7);
	assert_int_equal(answer(&w), UIOMMU_PAGE_INVALID);
	assert_int_equal(w.mm->faults, 7); /* the others were not tried */
	assert_int_equal(asked, UIOMMU_READ | UIOMMU_NOEXEC);
	r.execute = true;
	assert_int_equal(uiommu_report_page_request(&w.m.instance[0], &r), 0);
	assert_int_equal(asked, UIOMMU_READ);
	w.m.num_responses--;
	uiommu_sva_unbind_device(a);
	assert_int_equal(w.m.num_responses, 7);
	stop(&w);
}

/* C112: the process exits while it is bound */
static void test_exit(void **state)
{
	struct uiommu_sva *a, *b;
	struct world w;

	(void)state;
	start(&w, 2);
	a = bind(&w, 0, w.mm);
	b = bind(&w, 1, w.mm);
	uiommu_test_mm_exit(w.mm);
	assert_int_equal(w.m.exits, 1); /* one domain */
	request(&w, 0, 1, FIRST, UIOMMU_READ);
	assert_int_equal(answer(&w), UIOMMU_PAGE_INVALID);
	/* Bonds live on, and no new one comes, not even where there is one. */
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOENT);
	assert_non_null(walks(&w, 0, 1));
	uiommu_sva_unbind_device(a);
	assert_null(walks(&w, 0, 1));
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOENT);
	uiommu_sva_unbind_device(b);
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOENT);
	assert_int_equal(w.m.exits, 1);
	stop(&w);
}

static void exit_in_commit(struct mock *m, const struct uiommu_attach *attach)
{
	struct uiommu_mm *mm = attach->domain->mm;

	if (mm && !mm->exited)
		uiommu_test_mm_exit(mm);
	(void)m;
}

/* The exit comes while the first bond is being attached: the domain hears of it, the bind fails. */
static void test_exit_beside_bind(void **state)
{
	struct world w;

	(void)state;
	start(&w, 1);
	w.m.on_commit = exit_in_commit;
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOENT);
	assert_int_equal(w.m.exits, 1);
	assert_null(walks(&w, 0, 1));
	assert_int_equal(w.m.sva_live, 0);
	assert_int_equal(w.mm->refs, 1);
	stop(&w);
}

static void exit_once(struct uiommu_mm *mm)
{
	mm->on_describe = NULL;
	uiommu_test_mm_exit(mm);
}

/* The same just before, and where there is a bond already. */
static void test_exit_before_bind(void **state)
{
	struct uiommu_sva *a;
	struct world w;

	(void)state;
	start(&w, 1);
	a = bind(&w, 0, w.mm);
	w.mm->on_describe = exit_once;
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOENT);
	uiommu_sva_unbind_device(a);
	assert_null(walks(&w, 0, 1));
	put_mm(&w, w.mm);
	w.mm = new_mm(&w);
	w.mm->on_describe = exit_once;
	assert_int_equal(bind_error(&w, 0, w.mm), -UIOMMU_ENOENT);
	assert_int_equal(w.mm->refs, 1);
	stop(&w);
}

/* A group that was empty for a while: the old bond is not the new one's. */
static void test_stale_bond(void **state)
{
	struct uiommu_sva *a, *b;
	struct world w;

	(void)state;
	start(&w, 0);
	w.m.ops[0].device_group = uiommu_single_device_group;
	w.dev[0] = mock_add(&w.m, 0);
	a = bind(&w, 0, w.mm);
	uiommu_device_remove(w.dev[0]);
	assert_null(walks(&w, 0, 1));
	w.dev[0] = mock_add(&w.m, 0);
	b = bind(&w, 0, w.mm);
	assert_ptr_not_equal(a, b);
	assert_non_null(walks(&w, 0, 1));
	uiommu_sva_unbind_device(a);
	assert_non_null(walks(&w, 0, 1));
	uiommu_sva_unbind_device(b);
	assert_null(walks(&w, 0, 1));
	stop(&w);
}

/* A bond outlives its device, and does not get hold of what comes to its place. */
static void test_removal(void **state)
{
	struct uiommu_sva *a, *b, *c;
	struct world w;

	(void)state;
	start(&w, 0);
	for (unsigned int i = 0; i < 3; i++)
		w.m.script[i].group = 1;
	w.dev[0] = mock_add(&w.m, 0);
	w.dev[1] = mock_add(&w.m, 1);
	a = bind(&w, 0, w.mm);
	assert_non_null(walks(&w, 1, 1)); /* the whole group */
	uiommu_device_remove(w.dev[0]);
	assert_null(walks(&w, 0, 1));
	assert_non_null(walks(&w, 1, 1));
	/* A late joiner does not have it, and cannot be told apart. */
	w.dev[2] = mock_add(&w.m, 2);
	assert_null(walks(&w, 2, 1));
	assert_int_equal(bind_error(&w, 2, w.mm), -UIOMMU_EBUSY);
	b = bind(&w, 1, w.mm);
	assert_ptr_equal(b, a);
	uiommu_sva_unbind_device(b);
	uiommu_device_remove(w.dev[1]);
	uiommu_device_remove(w.dev[2]);
	/* A new group. */
	w.dev[0] = mock_add(&w.m, 0);
	c = bind(&w, 0, w.mm);
	assert_ptr_not_equal(c, a);
	assert_int_equal(uiommu_sva_pasid(c), 1);
	uiommu_sva_unbind_device(a);
	assert_non_null(walks(&w, 0, 1));
	uiommu_instance_unregister(&w.m.instance[0]);
	assert_null(walks(&w, 0, 1));
	uiommu_sva_unbind_device(c);
	stop(&w);
}

/* Bonds that are forgotten are reported, and can be unbound later. */
static void test_forgotten(void **state)
{
	struct uiommu_sva *a, *b;
	struct world w;

	(void)state;
	start(&w, 2);
	a = bind(&w, 0, w.mm);
	b = bind(&w, 1, w.mm);
	uiommu_system_destroy(w.m.sys);
	assert_true(w.m.host.warnings > 0);
	assert_int_equal(w.m.sva_live, 0);
	assert_int_equal(w.mm->refs, 1);
	uiommu_test_mm_exit(w.mm);
	assert_int_equal(w.m.exits, 0);
	put_mm(&w, w.mm);
	uiommu_sva_unbind_device(a);
	uiommu_sva_unbind_device(b);
	w.m.sys = NULL;
	mock_stop(&w.m);
}

/* Each allocation of a bind fails once: nothing is left, and the next bind succeeds. */
static void test_sweep(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		struct uiommu_sva *sva;
		uiommu_pasid_t pasid;
		struct world w;
		int rc;

		start(&w, 1);
		w.m.host.fail_after = nth;
		rc = uiommu_sva_bind_device(w.dev[0], w.mm, &sva);
		w.m.host.fail_after = -1;
		if (!rc) {
			assert_true(nth > 5);
			uiommu_sva_unbind_device(sva);
			stop(&w);
			break;
		}
		assert_int_equal(rc, -UIOMMU_ENOMEM);
		assert_null(sva);
		assert_null(walks(&w, 0, 1));
		assert_false(w.m.script[0].page_requests);
		assert_int_equal(w.m.sva_live, 0);
		assert_int_equal(w.mm->refs, 1);
		assert_null(w.mm->subscribers);
		assert_int_equal(uiommu_pasid_alloc(w.dev[0], &pasid), 0);
		assert_int_equal(pasid, 1);
		uiommu_pasid_free(w.m.sys, pasid);
		sva = bind(&w, 0, w.mm);
		uiommu_sva_unbind_device(sva);
		stop(&w);
	}
}

/* Bind, ask, unbind, again and again: nothing grows, neither with the bonds nor with processes. */
static void test_no_growth(void **state)
{
	long live = 0;
	struct world w;

	(void)state;
	start(&w, 1);
	for (unsigned int i = 0; i < 500; i++) {
		struct uiommu_mm *mm = new_mm(&w);

		for (unsigned int j = 0; j < 2; j++) {
			struct uiommu_sva *sva = bind(&w, 0, mm);

			assert_int_equal(uiommu_sva_pasid(sva), 1);
			request(&w, 0, 1, FIRST, UIOMMU_READ);
			uiommu_sva_unbind_device(sva);
		}
		uiommu_test_mm_exit(mm);
		put_mm(&w, mm);
		if (!i)
			live = w.m.host.live;
		assert_int_equal(w.m.host.live, live);
	}
	assert_int_equal(w.m.num_responses, 1000);
	stop(&w);
}

struct race {
	struct world w;
	atomic_bool stop;
};

static void *bind_thread(void *arg)
{
	struct race *race = arg;

	for (unsigned int i = 0; i < 200; i++) {
		struct uiommu_sva *sva;

		if (!uiommu_sva_bind_device(race->w.dev[i & 1], race->w.mm, &sva))
			uiommu_sva_unbind_device(sva);
	}
	return NULL;
}

static void *change_thread(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->stop)) {
		struct uiommu_page_request r = {
			.flags = UIOMMU_PAGE_REQUEST_PASID | UIOMMU_PAGE_REQUEST_LAST,
			.pasid = 1,
			.address = FIRST,
			.prot = UIOMMU_READ,
		};

		uiommu_test_mm_invalidate(race->w.mm, FIRST, LAST);
		uiommu_report_page_request(&race->w.m.instance[0], &r);
	}
	return NULL;
}

static void *exit_thread(void *arg)
{
	struct race *race = arg;

	uiommu_test_mm_exit(race->w.mm);
	return NULL;
}

/* Two binders, who changes the tables and asks for pages, and an exit somewhere. */
static void test_races(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < 4; round++) {
		static struct race race;
		pthread_t thread[4];

		memset(&race, 0, sizeof(race));
		start(&race.w, 2);
		pthread_create(&thread[0], NULL, bind_thread, &race);
		pthread_create(&thread[1], NULL, bind_thread, &race);
		pthread_create(&thread[2], NULL, change_thread, &race);
		if (round & 1) {
			pthread_create(&thread[3], NULL, exit_thread, &race);
			pthread_join(thread[3], NULL);
		}
		pthread_join(thread[0], NULL);
		pthread_join(thread[1], NULL);
		atomic_store(&race.stop, true);
		pthread_join(thread[2], NULL);
		assert_int_equal(race.w.mm->refs, 1);
		stop(&race.w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_large_pool),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_pasid_life),
		cmocka_unit_test(test_bind_errors),
		cmocka_unit_test(test_second_domain),
		cmocka_unit_test(test_without_requests),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_exit_beside_bind),
		cmocka_unit_test(test_exit_before_bind),
		cmocka_unit_test(test_stale_bond),
		cmocka_unit_test(test_removal),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_no_growth),
		cmocka_unit_test(test_races),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
