/* SPDX-License-Identifier: MIT */
/*
 * vtd_pages.c - the VT-d driver's page requests, descriptor by descriptor, and what it tells hardware when a
 * process changes or exits and when a device does not answer
 *
 * The fake unit has a queue of page requests and one PCI function.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "spec/pci.h"
#include "tests/drivers/vtd_fake.h"

#define PASID 5u
#define ROOT 0x7654000ull
#define PAGE 4096ull
#define SVA_TABLES UIOMMU_MM_X86_64

struct bench {
	struct fake f;
	struct uiommu_device *dev;
	struct uiommu_domain *domain;
	struct uiommu_attach_handle handle;

	/* What the handler got, and what it does. */
	unsigned int groups;
	struct uiommu_page_request request;
	enum uiommu_page_response_code code;
	unsigned int during_drain; /* requests that hardware still had when it was asked to drain */
};

static int on_group(struct uiommu_fault_group *group, void *token)
{
	struct bench *b = token;

	b->groups++;
	b->request = *uiommu_fault_group_request(group, uiommu_fault_group_count(group) - 1);
	uiommu_page_response(group, b->code);
	return 0;
}

static void start(struct bench *b, uint64_t more)
{
	memset(b, 0, sizeof(*b));
	fake_init(&b->f);
	b->f.ecap |= VTD_ECAP_SMTS | VTD_ECAP_FSTS | VTD_ECAP_SSTS | VTD_ECAP_SMPWCS |
		     VTD_ECAP_PASID | VTD_ECAP_DT | vtd_set(9, VTD_ECAP_PSS) | more;
	assert_int_equal(fake_start(&b->f, UIOMMU_DOMAIN_IDENTITY, 0), 0);
	b->dev = fake_add_pci(&b->f);
}

static void start_asking(struct bench *b, uint64_t more)
{
	start(b, VTD_ECAP_PRS | more);
	assert_int_equal(uiommu_domain_alloc_paging(b->dev, UIOMMU_ALLOC_PASID, &b->domain), 0);
	assert_int_equal(uiommu_set_page_request_handler(b->domain, on_group, b), 0);
	assert_int_equal(uiommu_attach_device_pasid(b->domain, b->dev, PASID, &b->handle), 0);
	b->f.notes = 0;
}

static void stop_asking(struct bench *b)
{
	uiommu_detach_device_pasid(b->domain, b->dev, PASID);
	uiommu_domain_free(b->domain);
	fake_stop(&b->f);
}

static uint32_t space(const struct bench *b, unsigned int at, unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, b->f.space + at, size);
	return value;
}

static uint64_t q0(uint64_t pasid)
{
	return VTD_PRQ0_TYPE_REQUEST | VTD_PRQ0_PP | vtd_set(FAKE_PCI_SID, VTD_PRQ0_RID) |
	       vtd_set(pasid, VTD_PRQ0_PASID);
}

static uint64_t q1(uint64_t address, unsigned int group)
{
	return address | VTD_PRQ1_RD | VTD_PRQ1_LPIG | vtd_set(group, VTD_PRQ1_PRGI);
}

static void poll(struct bench *b)
{
	uiommu_instance_poll(uiommu_vtd_instance(b->f.unit));
}

/* The only response since the notes were cleared. */
static const uint64_t *response(const struct bench *b)
{
	const uint64_t *found = NULL;

	for (unsigned int i = 0; i < b->f.notes; i++) {
		if (vtd_desc_type(b->f.note[i].q[0]) != VTD_DESC_PAGE_RESPONSE)
			continue;
		assert_null(found);
		found = b->f.note[i].q;
	}
	return found;
}

static const uint64_t *context_entry(struct bench *b)
{
	const uint64_t *root =
		uiommu_test_phys(b->f.test, b->f.rtaddr & VTD_RTADDR_RTA, VTD_PAGE_SIZE);
	const uint64_t *table = uiommu_test_phys(b->f.test, root[0] & VTD_SRE_CTP, VTD_PAGE_SIZE);

	return &table[4 * FAKE_PCI_SID];
}

static const uint64_t *pasid_entry(struct bench *b, uint32_t pasid)
{
	const uint64_t *dir = uiommu_test_phys(
		b->f.test, context_entry(b)[0] & VTD_SCE0_PASIDDIRPTR, VTD_PAGE_SIZE);
	const uint64_t *table = uiommu_test_phys(
		b->f.test, dir[pasid >> VTD_PASID_TABLE_BITS] & VTD_PDE_SMPTBLPTR, VTD_PAGE_SIZE);

	return &table[8 * (pasid & 63)];
}

/* ---- descriptors ------------------------------------------------------------------------------- */

static void a_request_and_its_response(void **state)
{
	static const struct {
		enum uiommu_page_response_code code;
		unsigned int sent;
	} codes[] = {
		{ UIOMMU_PAGE_SUCCESS, 0x0 },
		{ UIOMMU_PAGE_INVALID, 0x1 },
		{ UIOMMU_PAGE_FAILURE, 0xf },
	};
	const uint64_t *sent;
	struct bench b;

	(void)state;
	start_asking(&b, VTD_ECAP_PDS);
	assert_true(context_entry(&b)[0] & VTD_SCE0_PRE);
	assert_int_equal(space(&b, FAKE_PRI_AT + PCI_PRI_CONTROL, 2), PCI_PRI_ENABLE);
	for (unsigned int i = 0; i < 3; i++) {
		b.code = codes[i].code;
		b.f.notes = 0;
		assert_true(fake_page_request(&b.f, q0(PASID) | VTD_PRQ0_EXE | VTD_PRQ0_PRIV,
					      q1(0xfffffff000, 0x1ab) | VTD_PRQ1_WR));
		poll(&b);
		assert_int_equal(b.groups, i + 1);
		assert_int_equal(b.request.source_id, FAKE_PCI_SID);
		assert_int_equal(b.request.flags,
				 UIOMMU_PAGE_REQUEST_PASID | UIOMMU_PAGE_REQUEST_LAST);
		assert_int_equal(b.request.pasid, PASID);
		assert_int_equal(b.request.group, 0x1ab);
		assert_int_equal(b.request.address, 0xfffffff000);
		assert_int_equal(b.request.prot, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_PRIV);
		assert_true(b.request.execute);
		sent = response(&b);
		assert_non_null(sent);
		assert_int_equal(sent[0], VTD_DESC_PAGE_RESPONSE | VTD_DESC_PR_PP |
						  (uint64_t)codes[i].sent << VTD_DESC_PR_RC_SHIFT |
						  (uint64_t)FAKE_PCI_SID << VTD_DESC_PR_RID_SHIFT |
						  (uint64_t)PASID << VTD_DESC_PASID_SHIFT);
		assert_int_equal(sent[1], VTD_DESC_PR1_LPIG | 0x1abull << VTD_DESC_PR1_PRGI_SHIFT);
	}
	assert_false(b.f.tail_seen_pending);
	assert_int_equal(b.f.pqh, b.f.pqt);
	/* Not for this PASID, and not with one: nobody answers, but the core. */
	b.f.notes = 0;
	assert_true(fake_page_request(&b.f, q0(PASID + 1), q1(0, 1)));
	poll(&b);
	assert_int_equal(vtd_get(response(&b)[0], VTD_DESC_PR_RC), VTD_PR_INVALID);
	b.f.notes = 0;
	assert_true(fake_page_request(&b.f, q0(0) & ~VTD_PRQ0_PP, q1(0, 1)));
	poll(&b);
	assert_false(response(&b)[0] & VTD_DESC_PR_PP);
	assert_int_equal(b.groups, 3);
	assert_int_equal(b.f.errors, 0);
	stop_asking(&b);
}

/* A function that does not ask for the PASID must not get it. */
static void responses_without_pasid(void **state)
{
	struct bench b;

	(void)state;
	start(&b, VTD_ECAP_PRS);
	b.f.space[FAKE_PRI_AT + PCI_PRI_STATUS + 1] &= 0x7f;
	assert_int_equal(uiommu_domain_alloc_paging(b.dev, UIOMMU_ALLOC_PASID, &b.domain), 0);
	assert_int_equal(uiommu_set_page_request_handler(b.domain, on_group, &b), 0);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, &b.handle), 0);
	b.f.notes = 0;
	assert_true(fake_page_request(&b.f, q0(PASID), q1(0, 3)));
	poll(&b);
	assert_int_equal(b.request.pasid, PASID);
	assert_int_equal(response(&b)[0],
			 VTD_DESC_PAGE_RESPONSE | (uint64_t)FAKE_PCI_SID << VTD_DESC_PR_RID_SHIFT);
	stop_asking(&b);
}

/* A function that has not stopped since it last asked is waited for, but not for ever. */
static void a_function_that_does_not_stop(void **state)
{
	uint64_t before;
	struct bench b;

	(void)state;
	start(&b, VTD_ECAP_PRS);
	b.f.space[FAKE_PRI_AT + PCI_PRI_STATUS + 1] &= 0xfe;
	assert_int_equal(uiommu_domain_alloc_paging(b.dev, UIOMMU_ALLOC_PASID, &b.domain), 0);
	assert_int_equal(uiommu_set_page_request_handler(b.domain, on_group, &b), 0);
	before = uiommu_port_now_ns(b.f.test);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, &b.handle),
			 -UIOMMU_EBUSY);
	assert_int_equal(uiommu_port_now_ns(b.f.test) - before, 1000000000);
	assert_false(context_entry(&b)[0] & VTD_SCE0_PRE);
	b.f.space[FAKE_PRI_AT + PCI_PRI_STATUS + 1] |= 1;
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, &b.handle), 0);
	assert_true(context_entry(&b)[0] & VTD_SCE0_PRE);
	stop_asking(&b);
}

static void what_is_no_request(void **state)
{
	struct bench b;

	(void)state;
	start_asking(&b, 0);
	/* A stop marker: neither reported nor answered. */
	assert_true(fake_page_request(&b.f, q0(PASID), VTD_PRQ1_LPIG));
	poll(&b);
	assert_null(response(&b));
	assert_int_equal(b.groups + b.f.errors, 0);
	/* Reserved bits: whoever waits is told. */
	assert_true(fake_page_request(&b.f, q0(PASID) | UINT64_C(1) << 63, q1(0, 1)));
	poll(&b);
	assert_int_equal(b.groups, 0);
	assert_int_equal(b.f.errors, 1);
	assert_int_equal(vtd_get(response(&b)[0], VTD_DESC_PR_RC), VTD_PR_INVALID);
	/* Another type: nobody knows what waits. */
	b.f.notes = 0;
	assert_true(fake_page_request(&b.f, q0(PASID) ^ 3, q1(0, 1)));
	poll(&b);
	assert_null(response(&b));
	assert_int_equal(b.f.errors, 2);
	assert_int_equal(b.groups, 0);
	assert_int_equal(b.f.pqh, b.f.pqt);
	stop_asking(&b);
}

static void an_overflow(void **state)
{
	unsigned int fit = 0;
	struct bench b;

	(void)state;
	start_asking(&b, VTD_ECAP_PDS);
	/* Once round and more, so that the queue is somewhere. */
	for (unsigned int i = 0; i < 300; i++) {
		assert_true(fake_page_request(&b.f, q0(PASID), q1(i * PAGE, i & 511)));
		poll(&b);
		assert_int_equal(b.request.address, i * PAGE);
	}
	b.groups = 0;
	/* An end that is lost, and the same index again. */
	assert_true(fake_page_request(&b.f, q0(PASID), q1(0, 9) & ~VTD_PRQ1_LPIG));
	while (fake_page_request(&b.f, q0(PASID), q1(PAGE, fit & 7)))
		fit++;
	assert_int_equal(b.f.prs, VTD_PRS_PPR | VTD_PRS_PRO);
	poll(&b);
	assert_int_equal(b.groups, fit);
	assert_int_equal(b.f.prs, 0);
	assert_true(fake_page_request(&b.f, q0(PASID), q1(2 * PAGE, 9)));
	poll(&b);
	assert_int_equal(b.groups, fit + 1);
	stop_asking(&b);
}

/* ---- draining ---------------------------------------------------------------------------------- */

/* Hardware has a request of the device still on its way when it is asked to drain. */
static void late(struct fake *f, const uint64_t q[2])
{
	struct bench *b = f->context;

	if (vtd_desc_type(q[0]) == VTD_DESC_WAIT && (q[0] & VTD_DESC_WAIT_PD) && b->during_drain) {
		b->during_drain--;
		assert_true(fake_page_request(f, q0(PASID), q1(PAGE, 6)));
	}
}

static void drained_at_the_end(void **state)
{
	unsigned int at = 0;
	struct bench b;

	(void)state;
	start_asking(&b, VTD_ECAP_PDS);
	b.f.note_waits = true;
	b.f.on_note = late;
	b.f.context = &b;
	b.during_drain = 1;
	assert_true(fake_page_request(&b.f, q0(PASID), q1(0, 5)));
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	/* A fence, the IOTLB, the device TLB, and a wait that drains (7.10); nothing between. */
	while (!(b.f.note[at].q[0] & VTD_DESC_WAIT_PD) ||
	       vtd_desc_type(b.f.note[at].q[0]) != VTD_DESC_WAIT)
		assert_true(++at < b.f.notes);
	assert_true(at >= 3);
	assert_int_equal(vtd_desc_type(b.f.note[at - 1].q[0]), VTD_DESC_PASID_DEVICE_TLB);
	assert_int_equal(vtd_get(b.f.note[at - 1].q[0], VTD_DESC_PDTLB_SID), FAKE_PCI_SID);
	assert_int_equal(vtd_desc_type(b.f.note[at - 2].q[0]), VTD_DESC_PASID_IOTLB);
	assert_int_equal(b.f.note[at - 3].q[0], VTD_DESC_WAIT | VTD_DESC_WAIT_FN);
	/* Both were answered, by the core, before the detachment returned. */
	b.f.on_note = NULL;
	assert_int_equal(b.groups, 0);
	assert_int_equal(b.during_drain, 0);
	assert_int_equal(b.f.pqh, b.f.pqt);
	at = 0;
	for (unsigned int i = 0; i < b.f.notes; i++)
		if (vtd_desc_type(b.f.note[i].q[0]) == VTD_DESC_PAGE_RESPONSE) {
			at++;
			assert_int_equal(vtd_get(b.f.note[i].q[0], VTD_DESC_PR_RC), VTD_PR_INVALID);
		}
	assert_int_equal(at, 2);
	/* Nobody wants any more. */
	assert_false(context_entry(&b)[0] & VTD_SCE0_PRE);
	assert_int_equal(space(&b, FAKE_PRI_AT + PCI_PRI_CONTROL, 2), 0);
	uiommu_domain_free(b.domain);
	fake_stop(&b.f);
}

/* ---- devices that do not answer ---------------------------------------------------------------- */

static unsigned int for_devices(const struct bench *b)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < b->f.notes; i++) {
		unsigned int type = vtd_desc_type(b->f.note[i].q[0]);

		count += type == VTD_DESC_DEVICE_TLB || type == VTD_DESC_PASID_DEVICE_TLB;
	}
	return count;
}

static void quarantine(void **state)
{
	struct bench b;

	(void)state;
	start_asking(&b, 0);
	assert_int_equal(uiommu_map(b.domain, 0, 0, PAGE, UIOMMU_READ), 0);
	b.f.type = VTD_DESC_PASID_DEVICE_TLB;
	b.f.trouble = FAKE_TIMEOUT;
	b.f.times = 1;
	b.f.notes = 0;
	assert_int_equal(uiommu_unmap(b.domain, 0, PAGE), PAGE);
	assert_true(uiommu_device_quarantined(b.dev));
	assert_int_equal(for_devices(&b), 1);
	assert_false(context_entry(&b)[0] & (VTD_SCE0_DTE | VTD_SCE0_PRE));
	assert_true(context_entry(&b)[0] & VTD_SCE0_PASIDE);
	assert_true(fake_noted(&b.f, 0, VTD_DESC_CONTEXT, VTD_CC_DEVICE, 0));
	assert_int_equal(space(&b, FAKE_ATS_AT + PCI_ATS_CONTROL, 2) & PCI_ATS_ENABLE, 0);
	assert_int_equal(space(&b, FAKE_PRI_AT + PCI_PRI_CONTROL, 2), 0);
	assert_int_equal(space(&b, FAKE_PASID_AT + PCI_PASID_CONTROL, 2), PCI_PASID_ENABLE);
	/* Nothing more is sent to it. */
	b.f.notes = 0;
	assert_int_equal(uiommu_map(b.domain, 0, 0, PAGE, UIOMMU_READ), 0);
	assert_int_equal(uiommu_unmap(b.domain, 0, PAGE), PAGE);
	assert_int_equal(for_devices(&b), 0);
	assert_int_equal(uiommu_device_reset_prepare(b.dev), 0);
	uiommu_device_reset_done(b.dev);
	assert_false(uiommu_device_quarantined(b.dev));
	assert_true(context_entry(&b)[0] & VTD_SCE0_DTE);
	assert_true(context_entry(&b)[0] & VTD_SCE0_PRE);
	assert_int_equal(space(&b, FAKE_ATS_AT + PCI_ATS_CONTROL, 2) & PCI_ATS_ENABLE,
			 PCI_ATS_ENABLE);
	assert_int_equal(space(&b, FAKE_PRI_AT + PCI_PRI_CONTROL, 2), PCI_PRI_ENABLE);
	b.f.notes = 0;
	assert_int_equal(uiommu_map(b.domain, 0, 0, PAGE, UIOMMU_READ), 0);
	assert_int_equal(uiommu_unmap(b.domain, 0, PAGE), PAGE);
	assert_int_equal(for_devices(&b), 1);
	stop_asking(&b);
}

/* It does not answer while its entry is being taken away, under the unit's lock. */
static void quarantine_at_the_end(void **state)
{
	struct bench b;

	(void)state;
	start_asking(&b, 0);
	b.f.type = VTD_DESC_PASID_DEVICE_TLB;
	b.f.trouble = FAKE_TIMEOUT_UNNAMED;
	b.f.times = 1;
	b.f.notes = 0;
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	assert_true(uiommu_device_quarantined(b.dev));
	assert_int_equal(for_devices(&b), 1);
	assert_false(pasid_entry(&b, PASID)[0] & VTD_PE0_P);
	assert_false(context_entry(&b)[0] & VTD_SCE0_DTE);
	uiommu_domain_free(b.domain);
	fake_stop(&b.f);
}

/* ---- processes --------------------------------------------------------------------------------- */

static const struct uiommu_mm_format_info format = {
	.format = SVA_TABLES, .va_bits = 48, .granule_shift = 12, .phys_bits = 46, .root = ROOT
};

static struct uiommu_domain *alloc_sva(struct bench *b)
{
	struct uiommu_domain *domain;

	assert_int_equal(uiommu_vtd_domain_alloc_sva(b->dev, NULL, &format, &domain), 0);
	return domain;
}

static void which_formats(void **state)
{
	static const struct {
		uint64_t cap, without;
		struct uiommu_mm_format_info format;
		int rc;
	} rows[] = {
		{ 0, 0, { SVA_TABLES, 48, 12, 46, ROOT, 0, false }, 0 },
		{ 0, 0, { SVA_TABLES, 57, 12, 46, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ VTD_CAP_FS5LP, 0, { SVA_TABLES, 57, 12, 46, ROOT, 0, false }, 0 },
		{ 0, 0, { UIOMMU_MM_ARM64, 48, 12, 46, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0,
		  VTD_ECAP_SMPWCS,
		  { SVA_TABLES, 48, 12, 46, ROOT, 0, false },
		  -UIOMMU_EOPNOTSUPP },
		{ 0, VTD_ECAP_FSTS, { SVA_TABLES, 48, 12, 46, ROOT, 0, false }, -UIOMMU_EOPNOTSUPP },
		{ 0,
		  VTD_ECAP_PASID,
		  { SVA_TABLES, 48, 12, 46, ROOT, 0, false },
		  -UIOMMU_EOPNOTSUPP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uiommu_domain *domain = NULL;
		struct bench b;

		memset(&b, 0, sizeof(b));
		fake_init(&b.f);
		b.f.cap |= rows[i].cap;
		b.f.ecap |= VTD_ECAP_SMTS | VTD_ECAP_FSTS | VTD_ECAP_SSTS | VTD_ECAP_SMPWCS |
			    VTD_ECAP_PASID | VTD_ECAP_DT | vtd_set(9, VTD_ECAP_PSS);
		b.f.ecap &= ~rows[i].without;
		assert_int_equal(fake_start(&b.f, UIOMMU_DOMAIN_IDENTITY, 0), 0);
		b.dev = fake_add_pci(&b.f);
		if (uiommu_vtd_domain_alloc_sva(b.dev, NULL, &rows[i].format, &domain) !=
		    rows[i].rc)
			fail_msg("row %zu", i);
		if (domain)
			domain->ops->free(domain);
		fake_stop(&b.f);
	}
}

static struct uiommu_attach switch_to(struct bench *b, struct uiommu_domain *domain)
{
	return (struct uiommu_attach){ .dev = b->dev, .pasid = PASID, .domain = domain };
}

static void walked(struct bench *b)
{
	const uint64_t *entry = pasid_entry(b, PASID);

	assert_true(entry[0] & VTD_PE0_P);
	assert_int_equal(vtd_get(entry[0], VTD_PE0_PGTT), VTD_PGTT_FIRST);
	assert_true(entry[1] & VTD_PE1_PWSNP);
	assert_int_equal(entry[2] & VTD_PE2_FSPTPTR, ROOT);
	assert_int_equal(vtd_get(entry[2], VTD_PE2_FSPM), VTD_FSPM_4_LEVELS);
	assert_true(entry[2] & VTD_PE2_NXE);
	assert_false(entry[2] & VTD_PE2_SRE);
}

static void blocked_silently(struct bench *b)
{
	const uint64_t *entry = pasid_entry(b, PASID);

	assert_int_equal(entry[0], VTD_PE0_FPD);
	assert_int_equal(entry[2], 0);
}

static void end(struct bench *b, struct uiommu_domain *domain)
{
	struct uiommu_domain blocked = uiommu_vtd_blocked_domain;
	struct uiommu_attach attach = {
		.dev = b->dev, .pasid = PASID, .domain = &blocked, .old = domain
	};

	assert_int_equal(blocked.ops->attach_prepare(&attach), 0);
	blocked.ops->attach_commit(&attach);
	assert_int_equal(pasid_entry(b, PASID)[0], 0);
	assert_int_equal(pasid_entry(b, PASID)[1], 0);
	domain->ops->free(domain);
	fake_stop(&b->f);
}

/* The exit comes after the attachment, in the middle of it, or before. */
static void an_exit_and_an_attachment(void **state)
{
	struct uiommu_domain *domain;
	struct uiommu_attach attach;
	struct bench b;

	(void)state;
	start(&b, 0);
	domain = alloc_sva(&b);
	attach = switch_to(&b, domain);
	assert_int_equal(domain->ops->attach_prepare(&attach), 0);
	domain->ops->attach_commit(&attach);
	walked(&b);
	b.f.notes = 0;
	domain->ops->mm_exit(domain);
	blocked_silently(&b);
	assert_true(fake_noted(&b.f, 0, VTD_DESC_PASID_CACHE, VTD_PC_PASID, 2));
	assert_true(fake_noted(&b.f, 0, VTD_DESC_PASID_IOTLB, VTD_PIOTLB_PASID, 2));
	assert_int_equal(for_devices(&b), 1);
	/* Nothing is cached any more: nothing to invalidate. */
	b.f.notes = 0;
	domain->ops->mm_invalidate(domain, 0, UINT64_MAX);
	assert_int_equal(b.f.notes, 0);
	end(&b, domain);

	start(&b, 0);
	domain = alloc_sva(&b);
	attach = switch_to(&b, domain);
	assert_int_equal(domain->ops->attach_prepare(&attach), 0);
	domain->ops->mm_exit(domain);
	assert_int_equal(pasid_entry(&b, PASID)[0], 0); /* not this domain's yet */
	domain->ops->attach_commit(&attach);
	blocked_silently(&b);
	end(&b, domain);

	start(&b, 0);
	domain = alloc_sva(&b);
	attach = switch_to(&b, domain);
	domain->ops->mm_exit(domain);
	assert_int_equal(domain->ops->attach_prepare(&attach), -UIOMMU_ENOENT);
	domain->ops->free(domain);
	fake_stop(&b.f);
}

static void exact_ranges(void **state)
{
	static const struct {
		uint64_t start, last;
		unsigned int count; /* of invalidations; 0: one of the whole PASID */
		uint64_t first; /* the first one's address and mask */
	} rows[] = {
		{ 0, 0, 1, 0 },
		{ 5 * PAGE, 6 * PAGE - 1, 1, 5 * PAGE },
		{ 5 * PAGE + 17, 5 * PAGE + 17, 1, 5 * PAGE },
		{ 0x7ffffffff000, 0x7fffffffffff, 1, 0x7ffffffff000 },
		{ UINT64_MAX - 4095, UINT64_MAX, 1, UINT64_MAX - 4095 },
		{ 8 * PAGE, 16 * PAGE - 1, 1, 8 * PAGE | 3 },
		{ 7 * PAGE, 9 * PAGE - 1, 2, 7 * PAGE },
		{ 0, UINT64_MAX, 0, 0 },
		{ PAGE, 0x7fffffffefff, 0, 0 },
	};
	struct uiommu_domain *domain;
	struct uiommu_attach attach;
	struct bench b;

	(void)state;
	start(&b, 0);
	domain = alloc_sva(&b);
	attach = switch_to(&b, domain);
	assert_int_equal(domain->ops->attach_prepare(&attach), 0);
	domain->ops->attach_commit(&attach);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const unsigned int count = rows[i].count ? rows[i].count : 1;

		b.f.notes = 0;
		domain->ops->mm_invalidate(domain, rows[i].start, rows[i].last);
		/* And the device TLB after it. */
		assert_int_equal(b.f.notes, count + 1);
		for (unsigned int n = 0; n < count; n++) {
			assert_int_equal(vtd_desc_type(b.f.note[n].q[0]), VTD_DESC_PASID_IOTLB);
			assert_int_equal(vtd_get(b.f.note[n].q[0], VTD_DESC_PASID), PASID);
			assert_int_equal(vtd_get(b.f.note[n].q[0], VTD_DESC_G),
					 rows[i].count ? VTD_PIOTLB_PAGE : VTD_PIOTLB_PASID);
		}
		assert_int_equal(b.f.note[0].q[1], rows[i].first);
		assert_int_equal(vtd_desc_type(b.f.note[count].q[0]), VTD_DESC_PASID_DEVICE_TLB);
		assert_int_equal(vtd_get(b.f.note[count].q[0], VTD_DESC_PASID), PASID);
	}
	end(&b, domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_its_response),
		cmocka_unit_test(responses_without_pasid),
		cmocka_unit_test(a_function_that_does_not_stop),
		cmocka_unit_test(what_is_no_request),
		cmocka_unit_test(an_overflow),
		cmocka_unit_test(drained_at_the_end),
		cmocka_unit_test(quarantine),
		cmocka_unit_test(quarantine_at_the_end),
		cmocka_unit_test(which_formats),
		cmocka_unit_test(an_exit_and_an_attachment),
		cmocka_unit_test(exact_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
