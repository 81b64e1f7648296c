/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_request.c - page requests of the SMMUv3 driver: PRI and stalls, their answers, their end
 *
 * Registers and queues are scripted (smmuv3_fake.c); the core is the real one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/smmuv3_fake.h"

#define SID 0x210ull
#define PASID 5u
/* A page request with PASID 5. */
#define FROM(flags) (SID | (uint64_t)PASID << 32 | SMMUV3_PRI0_SSV | (flags))

struct seen {
	struct fake *f;
	unsigned int groups;
	struct uiommu_fault_group *kept[8]; /* not answered yet */
	unsigned int num_kept;
	bool keep;
	unsigned int count; /* of the last group */
	struct uiommu_page_request request[8];
	enum uiommu_page_response_code code;
};

static int handle(struct uiommu_fault_group *group, void *token)
{
	struct seen *seen = token;

	seen->groups++;
	seen->count = uiommu_fault_group_count(group);
	assert_true(seen->count <= 8);
	for (unsigned int i = 0; i < seen->count; i++)
		seen->request[i] = *uiommu_fault_group_request(group, i);
	if (seen->keep)
		seen->kept[seen->num_kept++] = group;
	else
		uiommu_page_response(group, seen->code);
	return 0;
}

static unsigned int find(const struct fake *f, unsigned int op)
{
	for (unsigned int i = 0; i < f->notes; i++)
		if ((f->note[i].word[0] & 0xff) == op)
			return i;
	fail_msg("no command %x", op);
	return 0;
}

static unsigned int count(const struct fake *f, unsigned int op)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->notes; i++)
		n += (f->note[i].word[0] & 0xff) == op;
	return n;
}

struct bench {
	struct fake f;
	struct seen seen;
	struct uiommu_device *dev;
	struct uiommu_domain *domain;
};

static void begin(struct bench *b, enum uiommu_smmuv3_irq irq)
{
	memset(&b->seen, 0, sizeof(b->seen));
	fake_init(&b->f);
	b->f.idr0 |= SMMUV3_IDR0_ATS | SMMUV3_IDR0_PRI;
	b->f.idr1 |= 4u << 11; /* 16 page requests */
	b->f.config.irq = irq;
}

static void attach(struct bench *b)
{
	assert_non_null(b->dev);
	assert_int_equal(uiommu_device_error(b->dev), 0);
	assert_int_equal(uiommu_domain_alloc_paging(b->dev, UIOMMU_ALLOC_PASID, &b->domain), 0);
	assert_int_equal(uiommu_set_page_request_handler(b->domain, handle, &b->seen), 0);
	assert_int_equal(uiommu_attach_device_pasid(b->domain, b->dev, PASID, NULL), 0);
	b->f.notes = 0;
}

static void setup_pci(struct bench *b, enum uiommu_smmuv3_irq irq)
{
	begin(b, irq);
	assert_int_equal(fake_start(&b->f), 0);
	b->dev = fake_add_pci(&b->f, 1);
	attach(b);
}

static void setup_stall(struct bench *b, unsigned int model)
{
	begin(b, UIOMMU_SMMUV3_IRQ_POLL);
	b->f.idr0 = (b->f.idr0 & ~SMMUV3_IDR0_STALL_MODEL) | model << 24;
	b->f.sids[0] = SID;
	b->f.fwspec_flags = UIOMMU_FWSPEC_STALL;
	assert_int_equal(fake_start(&b->f), 0);
	b->dev = fake_add(&b->f, "dev", 8);
	attach(b);
}

static void teardown(struct bench *b)
{
	uiommu_domain_free(b->domain);
	uiommu_device_remove(b->dev);
	fake_stop(&b->f);
}

static void poll(struct bench *b)
{
	uiommu_instance_poll(&b->f.smmu->instance);
}

/* ---- PRI --------------------------------------------------------------------------------------- */

static void test_groups(void **unused)
{
	static const struct {
		enum uiommu_page_response_code code;
		uint64_t wire;
	} answers[] = {
		{ UIOMMU_PAGE_SUCCESS, 0x2000 },
		{ UIOMMU_PAGE_INVALID, 0x1000 },
		{ UIOMMU_PAGE_FAILURE, 0 },
	};
	struct bench b;

	(void)unused;
	setup_pci(&b, UIOMMU_SMMUV3_IRQ_POLL);
	/* Two groups, one between the other. */
	for (unsigned int i = 0; i < 3; i++) {
		b.f.notes = 0;
		b.seen.code = answers[i].code;
		fake_request(&b.f, FROM(SMMUV3_PRI0_R), 0x1000 | 0x1ff);
		fake_request(&b.f, FROM(SMMUV3_PRI0_W | SMMUV3_PRI0_PRIV),
			     0xfffffffffffff000 | 0x1ff);
		fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x7000 | 3);
		poll(&b);
		assert_int_equal(b.seen.groups, 2 * i + 1);
		assert_int_equal(b.seen.count, 1);
		assert_int_equal(b.seen.request[0].group, 3);
		assert_int_equal(b.f.notes, 1);
		assert_int_equal(b.f.note[0].word[0], 0x0000021000005841);
		assert_int_equal(b.f.note[0].word[1], 3 | answers[i].wire);
		fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_X | SMMUV3_PRI0_LAST),
			     0x2000 | 0x1ff);
		poll(&b);
		assert_int_equal(b.seen.count, 3);
		assert_int_equal(b.seen.request[0].address, 0x1000);
		assert_int_equal(b.seen.request[0].prot, UIOMMU_READ);
		assert_int_equal(b.seen.request[1].address, 0xfffffffffffff000);
		assert_int_equal(b.seen.request[1].prot, UIOMMU_WRITE | UIOMMU_PRIV);
		assert_true(b.seen.request[2].execute);
		assert_int_equal(b.seen.request[2].pasid, PASID);
		assert_int_equal(b.f.notes, 2);
		assert_int_equal(b.f.note[1].word[1], 0x1ff | answers[i].wire);
	}
	/* Nobody is attached to PASID 6. */
	b.f.notes = 0;
	fake_request(&b.f,
		     (FROM(SMMUV3_PRI0_LAST | SMMUV3_PRI0_R) & ~SMMUV3_PRI0_SSID) | 6ull << 32, 9);
	poll(&b);
	assert_int_equal(b.f.notes, 1);
	assert_int_equal(b.f.note[0].word[0], 0x0000021000006841);
	assert_int_equal(b.f.note[0].word[1], 9 | 0x1000);
	assert_int_equal(b.seen.groups, 6);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

/* Some functions must not get the PASID in a response. */
static void test_no_pasid_in_response(void **unused)
{
	struct bench b;

	(void)unused;
	begin(&b, UIOMMU_SMMUV3_IRQ_POLL);
	b.f.config_space[1][FAKE_PRI + PCI_PRI_STATUS + 1] = PCI_PRI_STATUS_STOPPED >> 8;
	assert_int_equal(fake_start(&b.f), 0);
	b.dev = fake_add_pci(&b.f, 1);
	attach(&b);
	assert_false(fake_ste(&b.f, SID)[1] & SMMUV3_STE1_PPAR);
	fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x7000 | 3);
	poll(&b);
	assert_int_equal(b.seen.groups, 1);
	assert_int_equal(b.f.note[0].word[0], 0x0000021000000041);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

static void test_enabled(void **unused)
{
	struct bench b;

	(void)unused;
	begin(&b, UIOMMU_SMMUV3_IRQ_POLL);
	assert_int_equal(fake_start(&b.f), 0);
	assert_true(b.f.cr0 & SMMUV3_CR0_PRIQEN);
	b.dev = fake_add_pci(&b.f, 1);
	assert_int_equal(fake_config(&b.f, 1, FAKE_PRI + PCI_PRI_CONTROL), 0);
	assert_int_equal(fake_config(&b.f, 1, FAKE_PASID + PCI_PASID_CONTROL), PCI_PASID_ENABLE);
	attach(&b);
	assert_int_equal(fake_config(&b.f, 1, FAKE_PRI + PCI_PRI_CONTROL), PCI_PRI_ENABLE);
	assert_int_equal(fake_config(&b.f, 1, FAKE_PRI + PCI_PRI_ALLOCATION), 32);
	assert_int_equal(fake_config(&b.f, 1, FAKE_ATS + PCI_ATS_CONTROL), PCI_ATS_ENABLE);
	assert_true(fake_ste(&b.f, SID)[1] & SMMUV3_STE1_PPAR);
	assert_int_equal(smmuv3_get(fake_ste(&b.f, SID)[1], SMMUV3_STE1_EATS), SMMUV3_EATS_FULL);
	assert_false(fake_cd(&b.f, SID, PASID)[0] & SMMUV3_CD0_S);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	assert_int_equal(fake_config(&b.f, 1, FAKE_PRI + PCI_PRI_CONTROL), 0);
	assert_int_equal(fake_config(&b.f, 1, FAKE_ATS + PCI_ATS_CONTROL), 0);

	/* A domain that nobody answers for. */
	assert_int_equal(uiommu_set_page_request_handler(b.domain, NULL, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, NULL), 0);
	assert_int_equal(fake_config(&b.f, 1, FAKE_ATS + PCI_ATS_CONTROL), PCI_ATS_ENABLE);
	assert_int_equal(fake_config(&b.f, 1, FAKE_PRI + PCI_PRI_CONTROL), 0);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

static void test_stop_marker(void **unused)
{
	struct bench b;

	(void)unused;
	setup_pci(&b, UIOMMU_SMMUV3_IRQ_POLL);
	fake_request(&b.f, FROM(SMMUV3_PRI0_LAST), 0);
	poll(&b);
	assert_int_equal(b.f.priq_cons, b.f.priq_prod);
	assert_int_equal(b.seen.groups, 0);
	assert_int_equal(b.f.notes, 0);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

/* What is incomplete stays so, and is forgotten before hardware may write again. */
static void test_overflow(void **unused)
{
	struct bench b;

	(void)unused;
	setup_pci(&b, UIOMMU_SMMUV3_IRQ_POLL);
	for (unsigned int round = 0; round < 3; round++) {
		b.seen.groups = 0;
		fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x1000 | 1);
		for (unsigned int i = 0; i < 20; i++)
			fake_request(&b.f, FROM(SMMUV3_PRI0_R), 0x1000 * i | 7);
		assert_true((b.f.priq_prod ^ b.f.priq_cons) & SMMUV3_Q_OVERFLOW);
		poll(&b);
		/* The group that was complete was answered; all is acknowledged. */
		assert_int_equal(b.seen.groups, 1);
		assert_int_equal(b.f.priq_cons, b.f.priq_prod);
		fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x9000 | 7);
		poll(&b);
		assert_int_equal(b.seen.groups, 2);
		assert_int_equal(b.seen.count, 1);
		assert_int_equal(b.seen.request[0].address, 0x9000);
	}
	/* One that could not be written. */
	b.seen.groups = 0;
	fake_request(&b.f, FROM(SMMUV3_PRI0_R), 0x1000 | 7);
	fake_error(&b.f, SMMUV3_GERROR_PRIQ_ABT_ERR);
	poll(&b);
	fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x9000 | 7);
	poll(&b);
	assert_int_equal(b.seen.groups, 1);
	assert_int_equal(b.seen.count, 1);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

static void test_interrupt(void **unused)
{
	struct bench b;

	(void)unused;
	setup_pci(&b, UIOMMU_SMMUV3_IRQ_MSI);
	fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x7000 | 3);
	assert_int_equal(b.seen.groups, 0);
	assert_int_equal(uiommu_test_deliver(b.f.test), 1);
	assert_int_equal(b.seen.groups, 1);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

/* Nobody has looked at the queue when the domain goes: its requests are answered all the same, once. */
static void test_drain(void **unused)
{
	struct bench b;

	(void)unused;
	setup_pci(&b, UIOMMU_SMMUV3_IRQ_POLL);
	b.seen.keep = true;
	fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x7000 | 3);
	poll(&b);
	assert_int_equal(b.seen.num_kept, 1);
	fake_request(&b.f, FROM(SMMUV3_PRI0_R | SMMUV3_PRI0_LAST), 0x8000 | 4);
	b.f.notes = 0;
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	assert_int_equal(b.f.priq_cons, b.f.priq_prod);
	assert_int_equal(b.seen.groups, 1);
	assert_int_equal(count(&b.f, SMMUV3_CMD_PRI_RESP), 2);
	for (unsigned int i = 0; i < b.f.notes; i++)
		if ((b.f.note[i].word[0] & 0xff) == SMMUV3_CMD_PRI_RESP)
			assert_int_equal(b.f.note[i].word[1] & SMMUV3_CMD1_PRI_RESP, 0x1000);
	/* The CD first, then the answers. */
	assert_true(find(&b.f, SMMUV3_CMD_CFGI_CD) < find(&b.f, SMMUV3_CMD_PRI_RESP));
	/* What comes too late is dropped. */
	b.f.notes = 0;
	uiommu_page_response(b.seen.kept[0], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(b.f.notes, 0);
	teardown(&b);
}

/* ---- stalls ------------------------------------------------------------------------------------ */

static void stall(struct bench *b, uint64_t type, uint32_t pasid, uint16_t stag, uint64_t bits)
{
	const uint64_t event[4] = { SID << 32 | (uint64_t)pasid << 12 | SMMUV3_EVT0_SSV | type,
				    SMMUV3_EVT1_STALL | stag | bits, 0x123456789abc, 0 };

	fake_event(&b->f, event);
}

static void test_stall(void **unused)
{
	static const uint64_t types[] = { SMMUV3_F_TRANSLATION, SMMUV3_F_ACCESS,
					  SMMUV3_F_PERMISSION };
	struct bench b;

	(void)unused;
	for (unsigned int model = 0; model <= 2; model += 2) {
		setup_stall(&b, model);
		assert_true(fake_cd(&b.f, SID, PASID)[0] & SMMUV3_CD0_S);
		assert_false(fake_ste(&b.f, SID)[1] & SMMUV3_STE1_S1STALLD);
		for (unsigned int i = 0; i < 3; i++) {
			b.f.notes = 0;
			b.seen.code = i == 2 ? UIOMMU_PAGE_INVALID : UIOMMU_PAGE_SUCCESS;
			stall(&b, types[i], PASID, (uint16_t)(0xbee0 + i), i ? 0 : SMMUV3_EVT1_RNW);
			poll(&b);
			assert_int_equal(b.seen.groups, i + 1);
			assert_int_equal(b.seen.count, 1);
			assert_int_equal(b.seen.request[0].address, 0x123456789abc);
			assert_int_equal(b.seen.request[0].prot, i ? UIOMMU_WRITE : UIOMMU_READ);
			assert_int_equal(b.seen.request[0].flags,
					 UIOMMU_PAGE_REQUEST_STALL | UIOMMU_PAGE_REQUEST_LAST |
						 UIOMMU_PAGE_REQUEST_PASID);
			assert_int_equal(b.f.notes, 1);
			assert_int_equal(b.f.note[0].word[0],
					 SID << 32 | (i == 2 ? 0x2044 : 0x1044));
			assert_int_equal(b.f.note[0].word[1], 0xbee0 + i);
		}
		assert_int_equal(b.f.faults, 0);
		/* Nobody is there for it: aborted, and told as a fault. */
		b.f.notes = 0;
		stall(&b, SMMUV3_F_TRANSLATION, 6, 7, 0);
		poll(&b);
		assert_int_equal(b.f.notes, 1);
		assert_int_equal(b.f.note[0].word[0], SID << 32 | 0x2044);
		assert_int_equal(b.f.faults, 1);
		/* The second stage's: not for the first's consumer. */
		b.f.notes = 0;
		stall(&b, SMMUV3_F_TRANSLATION, PASID, 8, SMMUV3_EVT1_S2);
		poll(&b);
		assert_int_equal(b.seen.groups, 3);
		assert_int_equal(b.f.notes, 1);
		assert_int_equal(b.f.note[0].word[0], SID << 32 | 0x2044);
		assert_int_equal(b.f.faults, 2);
		uiommu_detach_device_pasid(b.domain, b.dev, PASID);
		teardown(&b);
	}
}

/* Only those stall for which somebody answers, and only devices whose firmware permits it. */
static void test_who_stalls(void **unused)
{
	struct bench b;

	(void)unused;
	setup_stall(&b, 0);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	/* The last consumer is gone: nothing waits for ever. */
	b.f.notes = 0;
	stall(&b, SMMUV3_F_TRANSLATION, PASID, 7, 0);
	poll(&b);
	assert_int_equal(b.f.note[0].word[0], SID << 32 | 0x2044);
	assert_int_equal(b.f.faults, 1);
	assert_int_equal(uiommu_set_page_request_handler(b.domain, NULL, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, NULL), 0);
	assert_false(fake_cd(&b.f, SID, PASID)[0] & SMMUV3_CD0_S);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	uiommu_domain_free(b.domain);
	b.f.notes = 0;
	uiommu_device_remove(b.dev);
	assert_true(find(&b.f, SMMUV3_CMD_CFGI_STE) < find(&b.f, SMMUV3_CMD_STALL_TERM));
	assert_int_equal(b.f.note[find(&b.f, SMMUV3_CMD_STALL_TERM)].word[0], SID << 32 | 0x45);
	fake_stop(&b.f);

	begin(&b, UIOMMU_SMMUV3_IRQ_POLL);
	b.f.idr0 &= ~SMMUV3_IDR0_STALL_MODEL;
	b.f.sids[0] = SID;
	assert_int_equal(fake_start(&b.f), 0);
	b.dev = fake_add(&b.f, "dev", 8);
	assert_int_equal(uiommu_domain_alloc_paging(b.dev, UIOMMU_ALLOC_PASID, &b.domain), 0);
	assert_int_equal(uiommu_set_page_request_handler(b.domain, handle, &b.seen), 0);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, NULL),
			 -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_set_page_request_handler(b.domain, NULL, NULL), 0);
	assert_int_equal(uiommu_attach_device_pasid(b.domain, b.dev, PASID, NULL), 0);
	assert_true(fake_ste(&b.f, SID)[1] & SMMUV3_STE1_S1STALLD);
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	teardown(&b);
}

static void test_stall_drain(void **unused)
{
	struct bench b;

	(void)unused;
	setup_stall(&b, 0);
	b.seen.keep = true;
	stall(&b, SMMUV3_F_TRANSLATION, PASID, 1, 0);
	poll(&b);
	assert_int_equal(b.seen.num_kept, 1);
	stall(&b, SMMUV3_F_TRANSLATION, PASID, 2, 0);
	b.f.notes = 0;
	uiommu_detach_device_pasid(b.domain, b.dev, PASID);
	assert_int_equal(b.f.eventq_cons, b.f.eventq_prod);
	assert_int_equal(b.seen.groups, 1);
	assert_int_equal(count(&b.f, SMMUV3_CMD_RESUME), 2);
	for (unsigned int i = 0; i < b.f.notes; i++)
		if ((b.f.note[i].word[0] & 0xff) == SMMUV3_CMD_RESUME)
			assert_int_equal(b.f.note[i].word[0], SID << 32 | 0x2044);
	b.f.notes = 0;
	uiommu_page_response(b.seen.kept[0], UIOMMU_PAGE_SUCCESS);
	assert_int_equal(b.f.notes, 0);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),	   cmocka_unit_test(test_no_pasid_in_response),
		cmocka_unit_test(test_enabled),	   cmocka_unit_test(test_stop_marker),
		cmocka_unit_test(test_overflow),   cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_drain),	   cmocka_unit_test(test_stall),
		cmocka_unit_test(test_who_stalls), cmocka_unit_test(test_stall_drain),
	};

	return cmocka_run_group_tests_name("smmuv3-request", tests, NULL, NULL);
}
