/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_queue.c - the SMMUv3 driver's queues, and what becomes of them when hardware complains
 *
 * CERROR_ILL, CERROR_ABT and CERROR_ATC_INV_SYNC (IHI 0070, 7.1): what was refused is reported, the right
 * commands are carried out in spite of it, and the queue goes on.  The same for a CMD_SYNC whose message
 * is lost, for events that found no place (7.4), and for the other errors of GERROR (7.5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/smmuv3_fake.h"

#define MANY 300 /* nearly ten times what the queue has room for */

static void start(struct fake *f, unsigned int flags)
{
	fake_init(f);
	f->config.flags = flags;
	assert_int_equal(fake_start(f), 0);
	f->notes = 0;
	f->syncs = 0;
}

/* Commands that can be told apart. */
static int submit(struct fake *f, uint32_t first, unsigned int count)
{
	struct smmu_command commands[MANY];

	for (unsigned int i = 0; i < count; i++)
		commands[i] = smmu_cfgi_ste(first + i, true);
	return uiommu_smmuv3_submit(f->smmu, commands, count);
}

static void expect(const struct fake *f, unsigned int from, uint32_t first, unsigned int count)
{
	assert_int_equal(f->notes, from + count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(f->note[from + i].word[0] >> 32, first + i);
}

static void goes_on(struct fake *f)
{
	unsigned int from = f->notes, errors = f->errors;

	assert_int_equal(submit(f, 1000, MANY), 0);
	expect(f, from, 1000, MANY);
	assert_int_equal(f->errors, errors);
	assert_false(f->smmu->dead);
}

static const unsigned int ways[] = { 0, UIOMMU_SMMUV3_NO_MSI_SYNC };

static void test_wrap(void **unused)
{
	struct fake f;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		start(&f, ways[i]);
		assert_int_equal(f.smmu->cmdq.status != NULL, i == 0);
		for (unsigned int count = 1; count < 70; count++) {
			unsigned int from = f.notes;

			assert_int_equal(submit(&f, 1, count), 0);
			expect(&f, from, 1, count);
		}
		goes_on(&f);
		fake_stop(&f);
	}
}

static void test_illegal(void **unused)
{
	struct fake f;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		start(&f, ways[i]);
		f.op = SMMUV3_CMD_CFGI_STE;
		f.trouble = FAKE_ILLEGAL;
		f.good = 2;
		f.times = 1;
		/* The third is refused; the others are carried out, once each. */
		assert_int_equal(submit(&f, 0, 5), -UIOMMU_EIO);
		assert_int_equal(f.notes, 4);
		assert_int_equal(f.note[1].word[0] >> 32, 1);
		assert_int_equal(f.note[2].word[0] >> 32, 3);
		assert_true(f.errors);
		goes_on(&f);
		/* All of a batch. */
		f.notes = 0;
		f.times = 20;
		assert_int_equal(submit(&f, 0, 20), -UIOMMU_EIO);
		assert_int_equal(f.notes, 0);
		goes_on(&f);
		/* The CMD_SYNC itself. */
		f.notes = 0;
		f.op = SMMUV3_CMD_SYNC;
		f.times = 1;
		assert_int_equal(submit(&f, 7, 2), -UIOMMU_EIO);
		expect(&f, 0, 7, 2);
		goes_on(&f);
		fake_stop(&f);
	}
}

static void test_abort(void **unused)
{
	struct fake f;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		start(&f, ways[i]);
		f.op = SMMUV3_CMD_CFGI_STE;
		f.trouble = FAKE_ABORT;
		f.good = 1;
		f.times = 2;
		assert_int_equal(submit(&f, 0, 4), -UIOMMU_EIO);
		expect(&f, 0, 0, 4);
		goes_on(&f);
		fake_stop(&f);
	}
}

static void test_atc(void **unused)
{
	const struct smmu_command atc = smmu_atc_inv(0x208, 0, 0, SMMUV3_ATC_SIZE_ALL);
	struct fake f;

	(void)unused;
	for (size_t i = 0; i < 2; i++) {
		start(&f, ways[i]);
		f.op = SMMUV3_CMD_SYNC;
		f.trouble = FAKE_ATC_TIMEOUT;
		f.times = 1;
		assert_int_equal(uiommu_smmuv3_submit(f.smmu, &atc, 1), -UIOMMU_ETIMEDOUT);
		assert_int_equal(f.notes, 1);
		assert_int_equal(f.syncs, 1);
		goes_on(&f);
		fake_stop(&f);
	}
}

static void test_stuck(void **unused)
{
	struct fake f;

	(void)unused;
	start(&f, 0);
	f.op = SMMUV3_CMD_CFGI_STE;
	f.trouble = FAKE_STUCK;
	f.times = 1;
	assert_int_equal(submit(&f, 0, 4), -UIOMMU_ETIMEDOUT);
	assert_true(f.smmu->dead);
	/* Nobody waits for it twice, or writes into a queue that nobody reads. */
	f.stuck = false;
	assert_int_equal(submit(&f, 0, 4), -UIOMMU_ETIMEDOUT);
	assert_int_equal(f.notes, 0);
	fake_stop(&f);
}

static void test_lost_message(void **unused)
{
	struct fake f;
	unsigned int errors;

	(void)unused;
	start(&f, 0);
	f.msi_abort = true;
	assert_int_equal(submit(&f, 5, 3), 0);
	expect(&f, 0, 5, 3);
	errors = f.errors;
	uiommu_instance_poll(&f.smmu->instance);
	assert_int_equal(f.errors, errors + 1);
	assert_int_equal(f.gerror, f.gerrorn);
	f.msi_abort = false;
	goes_on(&f);
	fake_stop(&f);
}

static void test_errors(void **unused)
{
	struct fake f;

	(void)unused;
	start(&f, 0);
	for (unsigned int bit = 2; bit < 11; bit++) {
		unsigned int errors = f.errors;

		f.gerror ^= 1u << bit;
		uiommu_instance_poll(&f.smmu->instance);
		assert_int_equal(f.gerror, f.gerrorn);
		assert_int_equal(f.errors, errors + 1);
		uiommu_instance_poll(&f.smmu->instance);
		assert_int_equal(f.errors, errors + 1);
	}
	goes_on(&f);
	fake_stop(&f);
}

/* ---- events ------------------------------------------------------------------------------------ */

static void test_events(void **unused)
{
	/* F_TRANSLATION of a read with PASID 5, F_PERMISSION of a write, C_BAD_STE, C_BAD_SUBSTREAMID. */
	static const uint64_t events[4][4] = {
		{ 0x0000020800005810, 0x0000000800000000, 0xffff000012345678, 0 },
		{ 0x0000020800000013, 0, 0x1000, 0 },
		{ 0x0000999900000004, 0, 0x1234, 0 },
		{ 0x0000020800077008, 0, 0x5678, 0 },
	};
	struct uiommu_device *dev;
	struct fake f;

	(void)unused;
	start(&f, 0);
	dev = fake_add(&f, "dev", 8);
	assert_non_null(dev);
	for (unsigned int i = 0; i < 4; i++)
		fake_event(&f, events[i]);
	assert_int_equal(uiommu_instance_poll(&f.smmu->instance), 4);
	assert_int_equal(f.faults, 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_ptr_equal(f.fault[i].device, i == 2 ? NULL : dev);
		assert_int_equal(f.fault[i].code, events[i][0] & 0xff);
		assert_true(strlen(f.fault[i].reason) > 3);
		assert_false(f.fault[i].lost);
	}
	assert_true(f.fault[0].has_pasid && f.fault[0].pasid == 5);
	assert_int_equal(f.fault[0].iova, 0xffff000012345678);
	assert_int_equal(f.fault[0].prot, UIOMMU_READ);
	assert_false(f.fault[1].has_pasid);
	assert_int_equal(f.fault[1].iova, 0x1000);
	assert_int_equal(f.fault[1].prot, UIOMMU_WRITE);
	assert_int_equal(f.fault[2].source_id, 0x9999);
	assert_int_equal(f.fault[2].iova, 0);
	assert_int_equal(f.fault[2].prot, 0);
	assert_true(f.fault[3].has_pasid && f.fault[3].pasid == 0x77);
	uiommu_device_remove(dev);
	fake_stop(&f);
}

static void test_overflow(void **unused)
{
	uint64_t event[4] = { 0x0000020800000010, 0, 0, 0 };
	struct fake f;

	(void)unused;
	start(&f, 0);
	for (unsigned int round = 0; round < 5; round++) {
		f.faults = 0;
		for (unsigned int i = 0; i < 20; i++) {
			event[2] = i;
			fake_event(&f, event);
		}
		assert_int_equal(uiommu_instance_poll(&f.smmu->instance), 16);
		for (unsigned int i = 0; i < 16; i++) {
			assert_int_equal(f.fault[i].iova, i);
			assert_int_equal(f.fault[i].lost, i == 15);
		}
		/* Acknowledged, and empty. */
		assert_int_equal(f.eventq_prod, f.eventq_cons);
		f.faults = 0;
		fake_event(&f, event);
		assert_int_equal(uiommu_instance_poll(&f.smmu->instance), 1);
		assert_false(f.fault[0].lost);
	}
	fake_stop(&f);
}

static void test_interrupts(void **unused)
{
	const uint64_t event[4] = { 0x0000020800000010, 0, 0x1000, 0 };
	struct fake f;

	(void)unused;
	fake_init(&f);
	f.config.irq = UIOMMU_SMMUV3_IRQ_MSI;
	assert_int_equal(fake_start(&f), 0);
	fake_event(&f, event);
	assert_int_equal(f.faults, 0);
	assert_int_equal(uiommu_test_deliver(f.test), 1);
	assert_int_equal(f.faults, 1);
	fake_error(&f, SMMUV3_GERROR_EVENTQ_ABT_ERR);
	assert_int_equal(uiommu_test_deliver(f.test), 1);
	assert_int_equal(f.gerror, f.gerrorn);
	assert_int_equal(f.errors, 1);
	fake_stop(&f);
	assert_int_equal(f.irq_ctrl, 0);

	/* Without messages of its own it is asked. */
	fake_init(&f);
	f.idr0 &= ~SMMUV3_IDR0_MSI;
	f.config.irq = UIOMMU_SMMUV3_IRQ_MSI;
	assert_int_equal(fake_start(&f), 0);
	assert_int_equal(f.irq_ctrl, 0);
	fake_event(&f, event);
	assert_int_equal(uiommu_instance_poll(&f.smmu->instance), 1);
	fake_stop(&f);
}

static void test_stall(void **unused)
{
	const uint64_t event[4] = { 0x0000020800000010, 0x000000008000beef, 0x1000, 0 };
	struct fake f;

	(void)unused;
	fake_init(&f);
	f.idr0 = (f.idr0 & ~SMMUV3_IDR0_STALL_MODEL) | 2u << 24;
	assert_int_equal(fake_start(&f), 0);
	f.notes = 0;
	fake_event(&f, event);
	assert_int_equal(uiommu_instance_poll(&f.smmu->instance), 1);
	/* CMD_RESUME, terminate with an abort: the transaction does not wait for ever. */
	assert_int_equal(f.notes, 1);
	assert_int_equal(f.note[0].word[0], 0x0000020800002044);
	assert_int_equal(f.note[0].word[1], 0xbeef);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrap),	   cmocka_unit_test(test_illegal),
		cmocka_unit_test(test_abort),	   cmocka_unit_test(test_atc),
		cmocka_unit_test(test_stuck),	   cmocka_unit_test(test_lost_message),
		cmocka_unit_test(test_errors),	   cmocka_unit_test(test_events),
		cmocka_unit_test(test_overflow),   cmocka_unit_test(test_stall),
		cmocka_unit_test(test_interrupts),
	};

	return cmocka_run_group_tests_name("smmuv3-queue", tests, NULL, NULL);
}
