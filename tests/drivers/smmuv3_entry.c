/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_entry.c - what hardware can see of an entry while it changes
 *
 * Hardware fetches each quadword of an STE or a CD when it likes and keeps it until an invalidation.  So
 * between two invalidations it may combine any values that the quadwords had meanwhile.  After each store
 * all these combinations are judged by behave(), which knows the architecture's rules on which fields count
 * (IHI 0070, 5.2 and 5.4) and shares nothing with the driver but the constants: each has to do what the
 * old entry did, or the new one, or, in a change that is not called hitless, refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/drivers/smmuv3/smmu.h"

#define ROUNDS 20000
#define MAX_VALUES 4

/* ---- what an entry does ------------------------------------------------------------------------ */

/* All that a request can notice.  Fields that do not count are 0. */
struct behaviour {
	enum { REFUSES, BYPASSES, WALKS } kind;
	uint64_t fields[16];
};

typedef void behave_t(const uint64_t e[SMMU_QWORDS], struct behaviour *b);

static void ste_behaves(const uint64_t e[SMMU_QWORDS], struct behaviour *b)
{
	unsigned int config = e[0] >> 1 & 7, n = 0;
	bool substreams = e[0] >> 59;

	memset(b, 0, sizeof(*b));
	if (!(e[0] & 1) || config < 4)
		return;
	b->kind = config == 4 ? BYPASSES : WALKS;
	b->fields[n++] = config;
	b->fields[n++] = e[1] >> 48 & 0xf; /* PRIVCFG, INSTCFG */
	if (config == 4 || (config & 2) || (substreams && (e[1] & 3) == 1))
		b->fields[n++] = e[1] >> 32 & 0x31ff; /* MEMATTR, MTCFG, ALLOCCFG, SHCFG */
	n = 4;
	if (config == 4)
		return;
	b->fields[n++] = e[1] >> 28 & 3; /* EATS */
	b->fields[n++] = e[2] & 0xffff; /* S2VMID */
	if (config & 1) {
		b->fields[n++] = e[0] & 0xf80fffffffffffc0; /* S1CDMAX, S1ContextPtr */
		b->fields[n++] = substreams ? (e[0] >> 4 & 3) | (e[1] & 3) << 2 : 0;
		b->fields[n++] = e[1] & 0xfc; /* S1CIR, S1COR, S1CSH */
		b->fields[n++] = e[1] >> 30 & 3; /* STRW */
	}
	n = 10;
	if (config & 2) {
		b->fields[n++] = e[2] >> 16;
		b->fields[n++] = e[3];
		b->fields[n++] = e[1] >> 25 & 1; /* S2FWB */
	}
}

static void cd_behaves(const uint64_t e[SMMU_QWORDS], struct behaviour *b)
{
	bool epd0 = e[0] >> 14 & 1, epd1 = e[0] >> 30 & 1;
	unsigned int n = 0;

	memset(b, 0, sizeof(*b));
	if (!(e[0] >> 31 & 1))
		return;
	/* A walk that is not permitted is a refusal with an address: nothing else, and nothing less. */
	b->kind = WALKS;
	b->fields[n++] = e[0] & 0xfffffe3700000000; /* from IPS on, less TBI0 and TBI1 */
	b->fields[n++] = epd0 | epd1 << 1;
	if (!epd0) {
		b->fields[n++] = e[0] & 0x4000003fff;
		b->fields[n++] = e[1];
	}
	n = 4;
	if (!epd1) {
		b->fields[n++] = e[0] & 0x803fff0000;
		b->fields[n++] = e[2];
	}
	n = 6;
	if (!epd0 || !epd1) {
		b->fields[n++] = e[2] >> 58 & 1; /* DS */
		b->fields[n++] = e[3];
		b->fields[n++] = e[4];
	}
}

/* ---- hardware that sees everything it may ------------------------------------------------------ */

struct watch {
	behave_t *behave;
	uint64_t entry[SMMU_QWORDS];
	uint64_t seen[SMMU_QWORDS][MAX_VALUES]; /* since the last invalidation */
	unsigned int count[SMMU_QWORDS];
	struct behaviour from, to;
	bool left; /* an invalidation was done after the last refusal or old behaviour */
	bool may_refuse;
	bool refused;
	unsigned int stores, syncs;
};

static void judge(struct watch *w, const uint64_t e[SMMU_QWORDS])
{
	struct behaviour b;

	w->behave(e, &b);
	if (!memcmp(&b, &w->from, sizeof(b)) || !memcmp(&b, &w->to, sizeof(b)))
		return;
	if (b.kind == REFUSES && w->may_refuse) {
		w->refused = true;
		return;
	}
	fail_msg("hardware can see %llx %llx %llx %llx", (unsigned long long)e[0],
		 (unsigned long long)e[1], (unsigned long long)e[2], (unsigned long long)e[3]);
}

static void judge_all(struct watch *w, unsigned int q, uint64_t e[SMMU_QWORDS])
{
	if (q == SMMU_QWORDS) {
		judge(w, e);
		return;
	}
	for (unsigned int i = 0; i < w->count[q]; i++) {
		e[q] = w->seen[q][i];
		judge_all(w, q + 1, e);
	}
}

static void store(void *context, unsigned int qword, uint64_t value)
{
	struct watch *w = context;
	uint64_t e[SMMU_QWORDS];

	assert_true(qword < SMMU_QWORDS);
	assert_true(w->count[qword] < MAX_VALUES);
	w->entry[qword] = value;
	w->seen[qword][w->count[qword]++] = value;
	w->stores++;
	judge_all(w, 0, e);
}

static void sync(void *context)
{
	struct watch *w = context;

	for (unsigned int q = 0; q < SMMU_QWORDS; q++) {
		w->seen[q][0] = w->entry[q];
		w->count[q] = 1;
	}
	w->syncs++;
}

/* One change; false if it was not hitless. */
static bool change(const struct smmu_entry_ops *kind, behave_t *behave,
		   const uint64_t from[SMMU_QWORDS], const uint64_t to[SMMU_QWORDS])
{
	struct smmu_entry_ops ops = *kind;
	struct watch w = { .behave = behave };
	uint64_t now[SMMU_QWORDS];
	bool promised, hitless;

	ops.store = store;
	ops.sync = sync;
	memcpy(w.entry, from, sizeof(w.entry));
	memcpy(now, from, sizeof(now));
	behave(from, &w.from);
	behave(to, &w.to);
	sync(&w);
	promised = uiommu_smmuv3_entry_hitless(&ops, from, to);
	w.may_refuse = !promised;
	hitless = uiommu_smmuv3_entry_write(&ops, &w, now, to);
	assert_int_equal(hitless, promised);
	assert_true(hitless || w.refused);
	assert_memory_equal(w.entry, to, sizeof(w.entry));
	assert_memory_equal(now, to, sizeof(now));
	/* Everything older has been invalidated. */
	for (unsigned int q = 0; q < SMMU_QWORDS; q++)
		assert_int_equal(w.count[q], 1);
	if (memcmp(from, to, sizeof(w.entry)) == 0)
		assert_int_equal(w.stores, 0);
	return hitless;
}

static const struct smmu_entry_ops ste_kind = {
	.used = uiommu_smmuv3_ste_used,
	.refuse = SMMU_STE_REFUSING,
};
static const struct smmu_entry_ops cd_kind = {
	.used = uiommu_smmuv3_cd_used,
	.refuse = SMMU_CD_REFUSING,
};

/* ---- entries ----------------------------------------------------------------------------------- */

static uint64_t state = 0x9e3779b97f4a7c15;

static uint64_t random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static struct uiommu_pt_arm_regs random_regs(void)
{
	uint64_t r = random64();

	return (struct uiommu_pt_arm_regs){
		.ttb = random64() & 0x000ffffffffff000,
		.mair = 0x04ff44,
		.tsz = (uint8_t)(12 + r % 20),
		.tg = (uint8_t)(r >> 8) % 3,
		.irgn = r >> 16 & 1,
		.orgn = r >> 16 & 1,
		.sh = r >> 16 & 1 ? 3 : 2,
		.ps = (uint8_t)(r >> 20) % 7,
		.sl0 = r >> 24 & 3,
		.ds = r >> 32 & 1,
	};
}

static void random_ste(uint64_t out[SMMU_QWORDS])
{
	uint64_t r = random64();
	struct smmu_ste ste = {
		.kind = (enum smmu_ste_kind)(r % 4),
		.incoming = r >> 8 & 1,
		.cds = random64() & 0x000ffffffffff000,
		.cd_log2 = r >> 9 & 1 ? 0 : 8,
		.s1dss = (unsigned int)(r >> 10) % 3,
		.cds_two_level = r >> 12 & 1,
		.coherent = r >> 13 & 1,
		.ats = r >> 14 & 1,
		.stall = r >> 15 & 1,
		.pri_pasid = r >> 17 & 1,
		.no_stall = r >> 18 & 1,
		.dirty = r >> 16 & 1,
		.s2 = random_regs(),
		.vmid = (uint16_t)(r >> 32),
	};

	uiommu_smmuv3_ste_make(&ste, out);
}

static void random_cd(uint64_t out[SMMU_QWORDS])
{
	uint64_t r = random64();
	struct uiommu_pt_arm_regs regs = random_regs();
	struct smmu_cd cd = {
		.regs = r & 1 ? &regs : NULL,
		.asid = r & 5 ? (uint16_t)(r >> 32) : 0,
		.dirty = r >> 1 & 1,
		.stall = r >> 4 & 1,
		.quiet = (r & 5) == 4, /* its process has exited */
	};

	memset(out, 0, SMMU_QWORDS * sizeof(*out));
	if (r >> 2 & 3)
		uiommu_smmuv3_cd_make(&cd, out);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void test_streams(void **unused)
{
	uint64_t from[SMMU_QWORDS], to[SMMU_QWORDS];
	unsigned int hitless = 0;

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		random_ste(from);
		random_ste(to);
		hitless += change(&ste_kind, ste_behaves, from, to);
	}
	assert_in_range(hitless, ROUNDS / 4, ROUNDS - 1);
}

static void test_contexts(void **unused)
{
	uint64_t from[SMMU_QWORDS], to[SMMU_QWORDS];
	unsigned int hitless = 0;

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		random_cd(from);
		random_cd(to);
		hitless += change(&cd_kind, cd_behaves, from, to);
	}
	assert_in_range(hitless, ROUNDS / 4, ROUNDS - 1);
}

/* Entries with anything in them, as far as "used" depends on what it names. */
static void test_garbage(void **unused)
{
	uint64_t from[SMMU_QWORDS], to[SMMU_QWORDS];

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		for (unsigned int q = 0; q < SMMU_QWORDS; q++) {
			from[q] = random64();
			to[q] = random64() & 1 ? from[q] : random64();
		}
		change(&ste_kind, ste_behaves, from, to);
		change(&cd_kind, cd_behaves, from, to);
	}
}

static void make_stage1(uint64_t cds, unsigned int log2, unsigned int s1dss,
			uint64_t out[SMMU_QWORDS])
{
	const struct smmu_ste ste = {
		.kind = SMMU_STE_STAGE1,
		.incoming = true,
		.cds = cds,
		.cd_log2 = log2,
		.s1dss = s1dss,
		.coherent = true,
	};

	uiommu_smmuv3_ste_make(&ste, out);
}

/* What the driver promises to do without a gap. */
static void test_promises(void **unused)
{
	static const struct smmu_ste refuse = { .kind = SMMU_STE_REFUSE };
	static const struct smmu_ste bypass = { .kind = SMMU_STE_BYPASS, .incoming = true };
	struct smmu_ste s2 = { .kind = SMMU_STE_STAGE2, .vmid = 1, .s2 = random_regs() };
	uint64_t a[SMMU_QWORDS], b[SMMU_QWORDS];

	(void)unused;
	/* Another CD table; between the ways of the RID beside PASIDs. */
	make_stage1(0x1000, 0, 0, a);
	make_stage1(0x2000, 0, 0, b);
	assert_true(change(&ste_kind, ste_behaves, a, b));
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int j = 0; j < 3; j++) {
			make_stage1(0x1000, 8, i, a);
			make_stage1(0x1000, 8, j, b);
			assert_true(change(&ste_kind, ste_behaves, a, b));
		}
	/* Bypass and stage 1, refusal and anything. */
	make_stage1(0x1000, 0, 0, a);
	uiommu_smmuv3_ste_make(&bypass, b);
	assert_true(change(&ste_kind, ste_behaves, a, b));
	assert_true(change(&ste_kind, ste_behaves, b, a));
	uiommu_smmuv3_ste_make(&refuse, b);
	assert_true(change(&ste_kind, ste_behaves, a, b));
	assert_true(change(&ste_kind, ste_behaves, b, a));
	uiommu_smmuv3_ste_make(&s2, b);
	assert_false(change(&ste_kind, ste_behaves, a, b));
	assert_false(change(&ste_kind, ste_behaves, b, a));
}

/* A CD that permits no walks is a way out of one that does, and into it. */
static void test_closed(void **unused)
{
	struct uiommu_pt_arm_regs regs = random_regs(), other = random_regs();
	const struct smmu_cd open = { .regs = &regs, .asid = 7 }, closed = { .regs = NULL },
			     second = { .regs = &other, .asid = 8 };
	uint64_t a[SMMU_QWORDS], b[SMMU_QWORDS], c[SMMU_QWORDS];

	(void)unused;
	uiommu_smmuv3_cd_make(&open, a);
	uiommu_smmuv3_cd_make(&closed, b);
	uiommu_smmuv3_cd_make(&second, c);
	assert_true(change(&cd_kind, cd_behaves, a, b));
	assert_true(change(&cd_kind, cd_behaves, b, a));
	assert_false(change(&cd_kind, cd_behaves, a, c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams), cmocka_unit_test(test_contexts),
		cmocka_unit_test(test_garbage), cmocka_unit_test(test_promises),
		cmocka_unit_test(test_closed),
	};

	return cmocka_run_group_tests_name("smmuv3-entry", tests, NULL, NULL);
}
