/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_life.c - an SMMU from reset to its end, what its domains invalidate, and each step of it failing
 *
 * What the tables lead to is judged by the model (conform, smmuv3@model); here it is registers, the order and
 * the coverage of commands, and that nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/smmuv3_fake.h"

static unsigned int op(const struct fake *f, unsigned int note)
{
	return f->note[note].word[0] & 0xff;
}

/* ---- reset ------------------------------------------------------------------------------------- */

static void test_reset(void **unused)
{
	struct fake f;

	(void)unused;
	fake_init(&f);
	/* Firmware left it translating, with an error, and with GBPA letting everything pass. */
	f.cr0 = SMMUV3_CR0_SMMUEN;
	f.gerror = SMMUV3_GERROR_CMDQ_ERR | SMMUV3_GERROR_EVENTQ_ABT_ERR;
	assert_int_equal(fake_start(&f), 0);
	assert_false(f.open);
	assert_int_equal(f.cr0, SMMUV3_CR0_SMMUEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_CMDQEN);
	assert_int_equal(f.gerror, f.gerrorn);
	/* Write-back and inner shareable, queues and tables; linear would be 0 in bits 17:16. */
	assert_int_equal(f.cr1, 0xd75);
	assert_int_equal(f.cr2 & SMMUV3_CR2_RECINVSID, SMMUV3_CR2_RECINVSID);
	assert_int_equal(f.strtab_cfg, 1u << 16 | 8u << 6 | 16);
	assert_int_equal(f.notes, 2);
	assert_int_equal(op(&f, 0), SMMUV3_CMD_CFGI_STE_RANGE);
	assert_int_equal(f.note[0].word[1], 31);
	assert_int_equal(op(&f, 1), SMMUV3_CMD_TLBI_NSNH_ALL);
	uiommu_smmuv3_stop(f.smmu);
	f.smmu = NULL;
	assert_int_equal(f.cr0, 0);
	assert_false(f.open);
	fake_stop(&f);
}

static void test_unfit(void **unused)
{
	static const struct {
		uint32_t idr0, idr1, idr5;
	} clear[] = {
		{ SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P, 0, 0 }, /* no stage */
		{ SMMUV3_IDR0_TTF, 0, 0 }, /* no AArch64 */
		{ 0, 0, SMMUV3_IDR5_GRAN4K }, /* no granule */
		{ 0, SMMUV3_IDR1_CMDQS, 0 }, /* no room for a command and its CMD_SYNC */
	};
	struct fake f;

	(void)unused;
	for (size_t i = 0; i < sizeof(clear) / sizeof(clear[0]); i++) {
		fake_init(&f);
		f.idr0 &= ~clear[i].idr0;
		f.idr1 &= ~clear[i].idr1;
		f.idr5 &= ~clear[i].idr5;
		assert_int_equal(fake_start(&f), -UIOMMU_EOPNOTSUPP);
		assert_int_equal(f.errors, 1);
		fake_stop(&f);
	}
	fake_init(&f);
	f.idr1 |= SMMUV3_IDR1_TABLES_PRESET;
	assert_int_equal(fake_start(&f), -UIOMMU_EOPNOTSUPP);
	fake_stop(&f);
}

/* ---- ranges ------------------------------------------------------------------------------------ */

/* What one TLBI command covers, [first, last], by the text of 4.4.1.1. */
static void covers(const struct smmu_command *c, unsigned int granule_shift, uint64_t *first,
		   uint64_t *last)
{
	unsigned int tg = c->word[1] >> 10 & 3, num = c->word[0] >> 12 & 31;
	unsigned int scale = c->word[0] >> 20 & 31, ttl = c->word[1] >> 8 & 3;
	static const unsigned int shifts[] = { 0, 12, 14, 16 };

	*first = c->word[1] & ~0xfffull;
	*last = *first;
	if (!tg) {
		assert_true(!num && !scale && !ttl);
		return;
	}
	assert_int_equal(shifts[tg], granule_shift);
	assert_true(num || scale || ttl); /* reserved */
	assert_int_equal(*first & ((1ull << granule_shift) - 1), 0);
	*last = *first + (((uint64_t)num + 1) << scale << granule_shift) - 1;
}

static void check_range(struct fake *f, bool stage2, uint64_t start, uint64_t size)
{
	const unsigned int shift = f->smmu->has.granule_shift;
	const struct smmu_range range = {
		.start = start,
		.last = start + size - 1,
		.leaf = 1ull << shift,
	};
	uint64_t at = start >> shift << shift, first, last;
	struct smmu_batch batch;

	f->notes = 0;
	smmu_batch_begin(&batch, f->smmu);
	uiommu_smmuv3_tlbi_add(&batch, stage2, 9, &range);
	assert_int_equal(uiommu_smmuv3_batch_end(&batch), 0);
	assert_true(f->notes);
	if (op(f, 0) == SMMUV3_CMD_TLBI_NH_ASID || op(f, 0) == SMMUV3_CMD_TLBI_S12_VMALL) {
		assert_int_equal(f->notes, 1);
		return;
	}
	/* One after the other, without a gap; nothing beside the granules that were asked for. */
	for (unsigned int i = 0; i < f->notes; i++) {
		assert_int_equal(op(f, i), stage2 ? SMMUV3_CMD_TLBI_S2_IPA : SMMUV3_CMD_TLBI_NH_VA);
		assert_int_equal(f->note[i].word[1] & 1, 1);
		covers(&f->note[i], shift, &first, &last);
		assert_int_equal(first, at);
		at = ((last >> shift) + 1) << shift;
	}
	assert_int_equal(at, (((start + size - 1) >> shift) + 1) << shift);
}

static void test_ranges(void **unused)
{
	static const uint32_t granules[] = { SMMUV3_IDR5_GRAN4K, SMMUV3_IDR5_GRAN16K,
					     SMMUV3_IDR5_GRAN64K };
	struct fake f;
	uint64_t state = 88172645463325252;

	(void)unused;
	for (unsigned int round = 0; round < 6; round++) {
		fake_init(&f);
		f.idr5 = granules[round % 3] | SMMUV3_SIZE_48;
		f.config.flags = round < 3 ? 0 : UIOMMU_SMMUV3_NO_RANGE;
		assert_int_equal(fake_start(&f), 0);
		for (unsigned int i = 0; i < 3000; i++) {
			uint64_t page = 1ull << f.smmu->has.granule_shift, start, size;

			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			start = (state >> 16) & 0x7fffffffffff & ~(page - 1);
			size = ((state & 0xffff) << state % 23) * page;
			size &= 0x7fffffffffff;
			check_range(&f, state >> 60 & 1, start, size ? size : page);
			check_range(&f, i & 1, start, page * (i % 80 + 1));
		}
		f.notes = 0;
		fake_stop(&f);
	}
}

/* ---- tags -------------------------------------------------------------------------------------- */

static unsigned int count(const struct fake *f, unsigned int opcode)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < f->notes; i++)
		n += op(f, i) == opcode;
	return n;
}

static void test_tags(void **unused)
{
	struct uiommu_domain *a, *b;
	struct uiommu_group *group;
	struct uiommu_device *dev;
	uint64_t asid_a, last;
	struct fake f;

	(void)unused;
	fake_init(&f);
	f.num_sids = 2;
	assert_int_equal(fake_start(&f), 0);
	dev = fake_add(&f, "dev", 0);
	assert_non_null(dev);
	group = uiommu_group_get(dev);
	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &a), 0);
	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &b), 0);
	assert_int_equal(uiommu_map(a, 0x1000, 0x5000, 0x1000, UIOMMU_READ), 0);
	assert_int_equal(uiommu_map(b, 0x1000, 0x6000, 0x1000, UIOMMU_READ), 0);

	/* Nothing is attached: nothing to invalidate. */
	f.notes = 0;
	assert_int_equal(uiommu_unmap(a, 0x1000, 0x1000), 0x1000);
	assert_int_equal(f.notes, 0);
	assert_int_equal(uiommu_map(a, 0x1000, 0x5000, 0x1000, UIOMMU_READ), 0);
	assert_int_equal(uiommu_attach_group(a, group), 0);
	/* Both StreamIDs, and CDs before STEs. */
	assert_true(count(&f, SMMUV3_CMD_CFGI_STE) >= 2);
	assert_int_equal(op(&f, 0), SMMUV3_CMD_CFGI_CD);
	assert_int_equal(f.note[0].word[0] >> 32, 0x208);
	assert_int_equal(f.note[1].word[0] >> 32, 0x300);

	f.notes = 0;
	assert_int_equal(uiommu_unmap(a, 0x1000, 0x1000), 0x1000);
	assert_int_equal(f.notes, 1);
	assert_int_equal(op(&f, 0), SMMUV3_CMD_TLBI_NH_VA);
	asid_a = f.note[0].word[0] >> 48;
	assert_true(asid_a);

	/* Leaving it, all that its ASID stands for goes last, before that can be used again. */
	f.notes = 0;
	uiommu_detach_group(a, group);
	last = f.notes - 1;
	assert_int_equal(op(&f, (unsigned int)last), SMMUV3_CMD_TLBI_NH_ASID);
	assert_int_equal(f.note[last].word[0] >> 48, asid_a);
	assert_int_equal(uiommu_attach_group(b, group), 0);
	f.notes = 0;
	assert_int_equal(uiommu_unmap(b, 0x1000, 0x1000), 0x1000);
	assert_int_not_equal(f.note[0].word[0] >> 48, asid_a);
	uiommu_detach_group(b, group);
	uiommu_domain_free(a);
	uiommu_domain_free(b);
	uiommu_group_put(group);
	uiommu_device_remove(dev);
	fake_stop(&f);
}

/* Hardware IDs run out: the error says so, nothing has changed, and they come back. */
static void test_no_ids(void **unused)
{
	struct uiommu_domain *domain[256];
	struct uiommu_device *dev;
	struct fake f;
	unsigned int n;

	(void)unused;
	fake_init(&f);
	f.idr0 &= ~SMMUV3_IDR0_ASID16;
	assert_int_equal(fake_start(&f), 0);
	dev = fake_add(&f, "dev", 16);
	assert_int_equal(uiommu_device_max_pasids(dev), 256);
	/* ASID 0 is not given out, PASID 0 is the RID. */
	for (n = 0; n < 256; n++)
		assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_PASID, &domain[n]),
				 0);
	for (n = 1; n < 256; n++) {
		f.notes = 0;
		assert_int_equal(uiommu_attach_device_pasid(domain[n], dev, n, NULL), 0);
	}
	assert_int_equal(uiommu_attach_device(domain[0], dev), -UIOMMU_ENOSPC);
	f.notes = 0;
	uiommu_detach_device_pasid(domain[77], dev, 77);
	assert_int_equal(uiommu_attach_device(domain[0], dev), 0);
	uiommu_detach_device(domain[0], dev);
	for (n = 1; n < 256; n++) {
		f.notes = 0;
		if (n != 77)
			uiommu_detach_device_pasid(domain[n], dev, n);
	}
	for (n = 0; n < 256; n++)
		uiommu_domain_free(domain[n]);
	uiommu_device_remove(dev);
	fake_stop(&f);
}

/* A StreamID beyond the table is refused with a line that says so. */
static void test_far_stream(void **unused)
{
	struct uiommu_device *dev;
	struct fake f;

	(void)unused;
	fake_init(&f);
	f.sids[0] = 0x10000;
	assert_int_equal(fake_start(&f), 0);
	dev = fake_add(&f, "dev", 0);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_FAILED);
	assert_int_equal(uiommu_device_error(dev), -UIOMMU_EINVAL);
	assert_true(f.errors);
	uiommu_device_remove(dev);
	fake_stop(&f);
}

/* ---- nested ------------------------------------------------------------------------------------ */

/* What a guest's commands become: the parent's VMID, the device's StreamIDs, and nothing that is illegal. */
static void test_guest_commands(void **unused)
{
	static const uint64_t ste[2] = { 1 | 5 << 1 | 0x40000, 0 };
	static const uint64_t good[][2] = {
		{ SMMUV3_CMD_CFGI_CD | 0x77ull << 32, 1 },
		{ SMMUV3_CMD_TLBI_NH_VA | 0x1234ull << 32 | 9ull << 48, 0x5000 | 1 },
		{ SMMUV3_CMD_TLBI_NSNH_ALL, 0 },
	};
	static const uint64_t bad[][2] = {
		{ SMMUV3_CMD_SYNC, 0 },
		{ SMMUV3_CMD_CFGI_STE_RANGE, 31 },
		{ SMMUV3_CMD_TLBI_S12_VMALL, 0 },
		{ SMMUV3_CMD_TLBI_NH_VA | 3 << 12, 0x5000 }, /* a number without a granule */
		{ SMMUV3_CMD_TLBI_NH_VA,
		  0x5000 | 1 << 10 }, /* a granule, and all else 0: reserved */
		{ SMMUV3_CMD_CFGI_CD | 1 << 10, 0 }, /* SSec */
		{ SMMUV3_CMD_ATC_INV, 53 },
	};
	struct uiommu_domain *parent, *nested;
	struct uiommu_group *group;
	struct uiommu_device *dev;
	size_t count = 3;
	uint64_t vmid;
	struct fake f;

	(void)unused;
	fake_init(&f);
	f.num_sids = 2;
	assert_int_equal(fake_start(&f), 0);
	dev = fake_add(&f, "dev", 0);
	assert_non_null(dev);
	group = uiommu_group_get(dev);
	assert_int_equal(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_NEST_PARENT, &parent), 0);
	assert_int_equal(uiommu_domain_alloc_nested(dev, parent, UIOMMU_NESTED_SMMUV3, ste,
						    sizeof(ste), 0, &nested),
			 0);
	/* Attached nowhere: judged, and nothing to do. */
	f.notes = 0;
	assert_int_equal(
		uiommu_domain_cache_invalidate(nested, UIOMMU_NESTED_SMMUV3, good, 16, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(f.notes, 0);

	assert_int_equal(uiommu_attach_group(nested, group), 0);
	f.notes = 0;
	assert_int_equal(
		uiommu_domain_cache_invalidate(nested, UIOMMU_NESTED_SMMUV3, good, 16, &count), 0);
	assert_int_equal(f.notes, 4);
	assert_int_equal(f.note[0].word[0], SMMUV3_CMD_CFGI_CD | 0x208ull << 32);
	assert_int_equal(f.note[1].word[0], SMMUV3_CMD_CFGI_CD | 0x300ull << 32);
	vmid = f.note[2].word[0] >> 32 & 0xffff;
	assert_int_not_equal(vmid, 0x1234);
	assert_int_not_equal(vmid, 0);
	assert_int_equal(f.note[2].word[0], SMMUV3_CMD_TLBI_NH_VA | vmid << 32 | 9ull << 48);
	assert_int_equal(f.note[2].word[1], 0x5001);
	assert_int_equal(f.note[3].word[0], SMMUV3_CMD_TLBI_NH_ALL | vmid << 32);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f.notes = 0;
		count = 1;
		assert_int_equal(uiommu_domain_cache_invalidate(nested, UIOMMU_NESTED_SMMUV3,
								bad[i], 16, &count),
				 -UIOMMU_EIO);
		assert_int_equal(count, 0);
		assert_int_equal(f.notes, 0);
	}

	/* The parent: its own entries first, then what was combined with them. */
	assert_int_equal(uiommu_map(parent, 0x1000, 0x5000, 0x1000, UIOMMU_READ), 0);
	f.notes = 0;
	assert_int_equal(uiommu_unmap(parent, 0x1000, 0x1000), 0x1000);
	assert_int_equal(f.notes, 2);
	assert_int_equal(op(&f, 0), SMMUV3_CMD_TLBI_S2_IPA);
	assert_int_equal(f.note[1].word[0], SMMUV3_CMD_TLBI_NH_ALL | vmid << 32);
	uiommu_detach_group(nested, group);
	uiommu_domain_free(nested);
	uiommu_domain_free(parent);
	uiommu_group_put(group);
	uiommu_device_remove(dev);
	fake_stop(&f);
}

/* ---- failing steps ----------------------------------------------------------------------------- */

/* This is what it says; the first time it may lack memory or an interrupt, if that failed in it. */
#define EXPECT(call, expected)                                        \
	do {                                                          \
		int rc = (call);                                      \
                                                                      \
		if (rc == -UIOMMU_ENOMEM || rc == -UIOMMU_ENOSPC) {   \
			assert_non_null(uiommu_test_failed(f->test)); \
			rc = (call);                                  \
		}                                                     \
		assert_int_equal(rc, expected);                       \
	} while (0)

static void use(struct fake *f)
{
	static const struct uiommu_mm_format_info mm = {
		.format = UIOMMU_MM_ARM64,
		.va_bits = 48,
		.granule_shift = 12,
		.phys_bits = 48,
	};
	struct uiommu_domain *domain, *pasid, *parent, *sva;
	struct uiommu_device *dev;

	EXPECT(fake_start(f), 0);
	dev = fake_add(f, "dev", 8);
	if (!dev)
		dev = fake_add(f, "dev", 8);
	assert_non_null(dev);
	if (uiommu_device_error(dev))
		EXPECT(uiommu_device_probe(dev), 0);
	assert_true(uiommu_device_is_translated(dev));
	EXPECT(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_DIRTY_TRACKING, &domain), 0);
	EXPECT(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_PASID, &pasid), 0);
	EXPECT(uiommu_domain_alloc_paging(dev, UIOMMU_ALLOC_NEST_PARENT, &parent), 0);
	EXPECT(uiommu_smmuv3_driver_ops.domain_alloc_sva(dev, NULL, &mm, &sva), 0);
	sva->ops->free(sva);
	EXPECT(uiommu_attach_device(domain, dev), 0);
	EXPECT(uiommu_attach_device_pasid(pasid, dev, 200, NULL), 0);
	EXPECT(uiommu_map(pasid, 0x12345000, 0x1000, 0x1000, UIOMMU_READ), 0);
	/* No second stage beside PASIDs, and the other way round. */
	uiommu_detach_device(domain, dev);
	EXPECT(uiommu_attach_device(parent, dev), -UIOMMU_EBUSY);
	uiommu_detach_device_pasid(pasid, dev, 200);
	EXPECT(uiommu_attach_device(parent, dev), 0);
	EXPECT(uiommu_attach_device_pasid(pasid, dev, 200, NULL), -UIOMMU_EINVAL);
	uiommu_detach_device(parent, dev);
	uiommu_domain_free(parent);
	uiommu_domain_free(pasid);
	uiommu_domain_free(domain);
	uiommu_device_remove(dev);
	uiommu_smmuv3_stop(f->smmu);
	f->smmu = NULL;
	uiommu_system_destroy(f->sys);
	f->sys = NULL;
}

static void test_sweep(void **unused)
{
	bool failed = true;

	(void)unused;
	for (unsigned long nth = 1; failed; nth++) {
		struct fake f;

		assert_true(nth < 1000);
		fake_init(&f);
		f.idr0 |= SMMUV3_IDR0_ATS | SMMUV3_IDR0_PRI;
		f.idr1 |= 4u << 11; /* 16 page requests */
		f.config.irq = UIOMMU_SMMUV3_IRQ_MSI;
		uiommu_test_fail_nth(f.test, nth);
		use(&f);
		failed = uiommu_test_failed(f.test);
		uiommu_test_fail_nth(f.test, 0);
		assert_int_equal(f.gbpa & SMMUV3_GBPA_ABORT, SMMUV3_GBPA_ABORT);
		fake_stop(&f);
		assert_true(failed || nth > 30);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset),  cmocka_unit_test(test_unfit),
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_tags),
		cmocka_unit_test(test_no_ids), cmocka_unit_test(test_far_stream),
		cmocka_unit_test(test_sweep),  cmocka_unit_test(test_guest_commands),
	};

	return cmocka_run_group_tests_name("smmuv3-life", tests, NULL, NULL);
}
