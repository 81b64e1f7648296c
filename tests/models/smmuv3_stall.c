/* SPDX-License-Identifier: MIT */
/* smmuv3_stall.c - the SMMUv3 model: transactions that wait for software (3.12.2, 4.7.1, 4.7.2, 7.2.1) */
#include "smmuv3_bench.h"

#define IOVA UINT64_C(0x12345000)
#define TAG(record) ((uint16_t)((record)[1] & SMMUV3_EVT1_STAG))

/* A device that sends one request and waits. */
struct waiter {
	struct model_stall stall;
	unsigned int resumed, retries;
	uint16_t tag;
};

static void resume(void *context, uint16_t tag, bool retry)
{
	struct waiter *w = context;

	w->resumed++;
	w->retries += retry;
	w->tag = tag;
}

static void waiter_init(struct waiter *w)
{
	*w = (struct waiter){ .stall = { .context = w, .resume = resume } };
}

static enum model_status send(struct bench *b, struct waiter *w, uint64_t iova)
{
	struct model_translation t;
	struct model_request request = {
		.source_id = SID,
		.iova = iova,
		.size = 4,
		.access = MODEL_READ,
		.stall = &w->stall,
	};

	waiter_init(w);
	return b->port.iommu.translate(b->port.iommu.context, &request, &t);
}

/* Stage 1 that stalls; an empty table. */
static uint64_t stalling(struct bench *b)
{
	uint64_t ste[8], cd[8], root = page(b);

	cd_words(cd, root, ASID);
	cd[0] |= SMMUV3_CD0_S;
	for (unsigned int i = 0; i < 8; i++)
		put(b, b->cds + 8 * i, cd[i]);
	ste_stage1(b, ste, 0);
	set_ste(b, ste);
	return root;
}

static void open_with(struct bench *b, uint16_t max, bool merge, bool early, bool lazy)
{
	struct model_smmuv3_config config;

	assert_true(model_smmuv3_preset("nested-stall", &config));
	config.stall_max = max;
	config.merge_stalls = merge;
	config.early_retry = early;
	config.lazy = lazy;
	bench_create(b, &config);
	bench_enable(b);
}

static void answer(struct bench *b, uint32_t sid, uint16_t tag, bool retry)
{
	queue(b,
	      SMMUV3_CMD_RESUME | smmuv3_set(sid, SMMUV3_CMD0_SID) |
		      (retry ? SMMUV3_CMD0_RESUME_AC : SMMUV3_CMD0_RESUME_AB),
	      tag);
}

static void end_stream(struct bench *b)
{
	queue(b, SMMUV3_CMD_STALL_TERM | smmuv3_set(SID, SMMUV3_CMD0_SID), 0);
}

/* An STE that ends everything without an event. */
static void abort_stream(struct bench *b)
{
	put(b, ste_at(b), SMMUV3_STE0_V);
	cfgi_ste(b);
}

/* An event with STALL and a tag; after CMD_RESUME(Retry) the request is translated anew. */
static void retry(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4], root;

	(void)state;
	bench_open(&b, "nested-stall");
	root = stalling(&b);
	assert_int_equal(smmuv3_get(rd(&b, SMMUV3_REG_IDR5), SMMUV3_IDR5_STALL_MAX), 16);
	assert_int_equal(send(&b, &w, IOVA + 0x20), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[1] & SMMUV3_EVT1_STALL, SMMUV3_EVT1_STALL);
	assert_int_equal(record[1] & SMMUV3_EVT1_RNW, SMMUV3_EVT1_RNW);
	assert_int_equal(record[2], IOVA + 0x20);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SID), SID);
	sync(&b);
	assert_int_equal(w.resumed, 0);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w.resumed, 1);
	assert_int_equal(w.retries, 1);
	assert_int_equal(w.tag, TAG(record));
	assert_int_equal(send(&b, &w, IOVA), MODEL_OK);
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

static void terminate(void **state)
{
	struct bench b;
	struct waiter w[2];
	uint64_t record[4], other[4];

	(void)state;
	bench_open(&b, "nested-stall");
	stalling(&b);
	assert_int_equal(send(&b, &w[0], IOVA), MODEL_STALLED);
	assert_int_equal(send(&b, &w[1], IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(event_type(&b, other), SMMUV3_F_TRANSLATION);
	assert_int_not_equal(TAG(record), TAG(other));
	/* In any order. */
	answer(&b, SID, TAG(other), false);
	assert_int_equal(w[1].resumed, 1);
	assert_int_equal(w[1].retries, 0);
	assert_int_equal(w[0].resumed, 0);
	answer(&b, SID, TAG(record), false);
	assert_int_equal(w[0].resumed, 1);
	/* Ended ones are not recorded once more. */
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

/* 4.7.1: what software may not answer has no effect, and is reported. */
static void wrong_answers(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4];

	(void)state;
	bench_open(&b, "nested-stall");
	stalling(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	answer(&b, SID, (uint16_t)(TAG(record) + 1), true);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_non_null(strstr(b.last.text, "not stalled"));
	answer(&b, SID + 1, TAG(record), true);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 2);
	assert_non_null(strstr(b.last.text, "another stream"));
	assert_int_equal(w.resumed, 0);
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w.resumed, 1);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 2);
	/* Twice. */
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w.resumed, 1);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 3);
	assert_int_equal(all_reports(&b), 3);
	bench_close(&b);
}

/* PCIe: what cannot stall is ended, and stalling must not be configured for it (3.12). */
static void cannot_stall(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t record[4];

	(void)state;
	bench_open(&b, "nested-stall");
	stalling(&b);
	assert_int_equal(ask(&b, IOVA, MODEL_READ, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[1] & (SMMUV3_EVT1_STALL | SMMUV3_EVT1_STAG), 0);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_int_equal(all_reports(&b), 1);
	bench_close(&b);
}

/* With CD.S 0 nothing waits, though the device could. */
static void not_configured(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4];

	(void)state;
	bench_open(&b, "nested-stall");
	stage1(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[1] & SMMUV3_EVT1_STALL, 0);
	assert_int_equal(w.resumed, 0);
	assert_clean(&b);
	bench_close(&b);
}

static void stage2(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t ste[8], record[4];

	(void)state;
	bench_open(&b, "nested-stall");
	ste_stage2(&b, ste, page(&b));
	ste[2] |= SMMUV3_STE2_S2S;
	ste[2] &= ~SMMUV3_STE2_S2R; /* counts as 1 (5.5) */
	set_ste(&b, ste);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[1] & (SMMUV3_EVT1_STALL | SMMUV3_EVT1_S2),
			 SMMUV3_EVT1_STALL | SMMUV3_EVT1_S2);
	answer(&b, SID, TAG(record), false);
	assert_int_equal(w.resumed, 1);
	assert_clean(&b);
	bench_close(&b);
}

/* Fills the event queue but for one entry; returns how many waiters that took. */
static unsigned int fill(struct bench *b, struct waiter *w)
{
	for (unsigned int i = 0; i + 1 < 1u << QUEUE_BITS; i++)
		assert_int_equal(send(b, &w[i], IOVA + i * 0x1000), MODEL_STALLED);
	return (1u << QUEUE_BITS) - 1;
}

/* 7.2.1: with a full queue its event waits, the overflow flag is not for it. */
static void full_queue(void **state)
{
	struct bench b;
	struct waiter w[20], late;
	uint64_t record[4];
	unsigned int n;

	(void)state;
	open_with(&b, 64, false, false, false);
	stalling(&b);
	n = fill(&b, w);
	assert_int_equal(send(&b, &w[n], IOVA + n * 0x1000), MODEL_STALLED);
	assert_int_equal(send(&b, &late, IOVA + 0x100000), MODEL_STALLED);
	assert_int_equal(rd(&b, SMMUV3_REG_EVENTQ_PROD) & SMMUV3_Q_OVERFLOW, 0);
	for (unsigned int i = 0; i <= n; i++) {
		assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
		assert_int_equal(record[2], IOVA + i * 0x1000);
		answer(&b, SID, TAG(record), false);
		assert_int_equal(w[i].resumed, 1);
	}
	assert_int_equal(late.resumed, 0);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[2], IOVA + 0x100000);
	assert_int_equal(record[1] & SMMUV3_EVT1_STALL, SMMUV3_EVT1_STALL);
	answer(&b, SID, TAG(record), false);
	assert_int_equal(late.resumed, 1);
	assert_clean(&b);
	bench_close(&b);
}

/* ... and after an invalidation no event of the old state may follow. */
static void full_queue_invalidated(void **state)
{
	struct bench b;
	struct waiter w[20], good, bad;
	uint64_t record[4], root;
	unsigned int n;

	(void)state;
	open_with(&b, 64, false, false, false);
	root = stalling(&b);
	n = fill(&b, w) + 1;
	assert_int_equal(send(&b, &w[n - 1], IOVA + (n - 1) * 0x1000), MODEL_STALLED);
	assert_int_equal(send(&b, &good, IOVA + 0x100000), MODEL_STALLED);
	assert_int_equal(send(&b, &bad, IOVA + 0x200000), MODEL_STALLED);
	map(&b, root, IOVA + 0x100000, DMA_BASE, PTE_RW);
	map(&b, root, IOVA + 0x200000, DMA_BASE, PTE_RW & ~PTE_AF);
	tlbi(&b, SMMUV3_CMD_TLBI_NH_VA, IOVA + 0x100000, true);
	sync(&b);
	assert_int_equal(good.resumed, 0);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(good.resumed, 1);
	assert_int_equal(good.retries, 1);
	/* The other one fails in another way now. */
	assert_int_equal(event_type(&b, record), SMMUV3_F_ACCESS);
	assert_int_equal(record[1] & SMMUV3_EVT1_STALL, SMMUV3_EVT1_STALL);
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

/* While the queue is disabled nothing is lost either. */
static void disabled_queue(void **state)
{
	const uint32_t others = SMMUV3_CR0_CMDQEN | SMMUV3_CR0_SMMUEN;
	struct bench b;
	struct waiter w;
	uint64_t record[4];

	(void)state;
	bench_open(&b, "nested-stall");
	stalling(&b);
	cr0(&b, others);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), 0);
	cr0(&b, others | SMMUV3_CR0_EVENTQEN);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[1] & SMMUV3_EVT1_STALL, SMMUV3_EVT1_STALL);
	assert_clean(&b);
	bench_close(&b);
}

/* 6.3.6: no more unanswered events than IDR5.STALL_MAX; who is beyond waits for a tag. */
static void limit(void **state)
{
	struct bench b;
	struct waiter w[3];
	uint64_t record[3][4];

	(void)state;
	open_with(&b, 2, false, false, false);
	stalling(&b);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(send(&b, &w[i], IOVA + i * 0x1000), MODEL_STALLED);
	assert_int_equal(event_type(&b, record[0]), SMMUV3_F_TRANSLATION);
	assert_int_equal(event_type(&b, record[1]), SMMUV3_F_TRANSLATION);
	assert_int_equal(event_type(&b, record[2]), 0);
	answer(&b, SID, TAG(record[0]), false);
	assert_int_equal(event_type(&b, record[2]), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[2][2], IOVA + 0x2000);
	assert_int_equal(w[2].resumed, 0);
	assert_clean(&b);
	bench_close(&b);
}

/* 3.12.2.1: one event for a page; the others are translated anew once it is answered. */
static void duplicates(void **state)
{
	struct bench b;
	struct waiter w[3];
	uint64_t record[4], root;

	(void)state;
	open_with(&b, 16, true, false, false);
	root = stalling(&b);
	assert_int_equal(send(&b, &w[0], IOVA), MODEL_STALLED);
	assert_int_equal(send(&b, &w[1], IOVA + 0x80), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(send(&b, &w[2], IOVA + 0x1000), MODEL_STALLED);
	answer(&b, SID, TAG(record), false);
	assert_int_equal(w[0].resumed, 1);
	assert_int_equal(w[1].resumed, 0);
	/* Another page had its own. */
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[2], IOVA + 0x1000);
	/* The second still faults, and says so now. */
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[2], IOVA + 0x80);
	assert_int_equal(send(&b, &w[0], IOVA), MODEL_STALLED);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w[1].retries, 1);
	assert_int_equal(w[0].retries, 1);
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

/* 3.12.2.2: it may succeed by itself; the answer is owed all the same. */
static void early(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4], root;

	(void)state;
	open_with(&b, 1, false, true, false);
	root = stalling(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	model_smmuv3_step(b.smmu);
	assert_int_equal(w.resumed, 0);
	assert_int_equal(event_type(&b, record), 0);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	model_smmuv3_step(b.smmu);
	assert_int_equal(w.retries, 1);
	/* Its tag is not free. */
	assert_int_equal(send(&b, &w, IOVA + 0x1000), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), 0);
	bench_close(&b);
}

static void early_answered(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4], root;

	(void)state;
	open_with(&b, 1, false, true, false);
	root = stalling(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	map(&b, root, IOVA, DMA_BASE, PTE_RW);
	model_smmuv3_step(b.smmu);
	assert_int_equal(w.resumed, 1);
	answer(&b, SID, TAG(record), false);
	assert_int_equal(w.resumed, 1);
	assert_clean(&b);
	answer(&b, SID, TAG(record), false);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	bench_close(&b);
}

/* On a lazy unit the answer is consumed before it takes effect. */
static void late_answer(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4];

	(void)state;
	open_with(&b, 16, false, false, true);
	stalling(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w.resumed, 0);
	for (unsigned int i = 0; i < 20 && model_smmuv3_step(b.smmu); i++)
		;
	assert_int_equal(w.resumed, 1);
	assert_int_equal(w.retries, 1);
	assert_clean(&b);
	bench_close(&b);
}

/* The table is gone meanwhile: legal, and a retry faults on what is there now. */
static void changed_meanwhile(void **state)
{
	struct bench b;
	struct waiter w;
	uint64_t record[4];

	(void)state;
	bench_open(&b, "nested-stall");
	stalling(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	put(&b, b.cds, 0);
	cfgi_cd(&b, 0);
	assert_int_equal(w.resumed, 0);
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w.retries, 1);
	assert_int_equal(send(&b, &w, IOVA), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_CD);
	assert_clean(&b);
	bench_close(&b);
}

/* Those that have no event of their own are of the stream too. */
static void whole_stream_merged(void **state)
{
	struct bench b;
	struct waiter w[2];
	uint64_t record[4], ste;

	(void)state;
	open_with(&b, 16, true, false, false);
	stalling(&b);
	assert_int_equal(send(&b, &w[0], IOVA), MODEL_STALLED);
	assert_int_equal(send(&b, &w[1], IOVA), MODEL_STALLED);
	ste = *word(&b, ste_at(&b));
	abort_stream(&b);
	/* Open again in memory: the unit might see that any time. */
	put(&b, ste_at(&b), ste);
	end_stream(&b);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_int_equal(w[0].resumed, 0);
	forget(&b);
	abort_stream(&b);
	end_stream(&b);
	assert_int_equal(w[0].resumed, 1);
	assert_int_equal(w[1].resumed, 1);
	assert_int_equal(w[1].retries, 0);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(event_type(&b, record), 0);
	assert_clean(&b);
	bench_close(&b);
}

/* 4.7.2: all of a stream, its unrecorded ones too, without further events. */
static void whole_stream(void **state)
{
	struct bench b;
	struct waiter w[3];
	uint64_t record[4];

	(void)state;
	open_with(&b, 2, false, false, false);
	stalling(&b);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(send(&b, &w[i], IOVA + i * 0x1000), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	/* Too early: software has to end new ones first. */
	end_stream(&b);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_int_equal(w[0].resumed, 0);
	put(&b, ste_at(&b), SMMUV3_STE0_V);
	end_stream(&b);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 2);
	assert_int_equal(w[0].resumed, 0);
	forget(&b);
	abort_stream(&b);
	end_stream(&b);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(w[i].resumed, 1);
		assert_int_equal(w[i].retries, 0);
	}
	assert_clean(&b);
	/* The tags are free: who answers now is wrong. */
	answer(&b, SID, TAG(record), true);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	bench_close(&b);
}

/* 6.3.9.6 */
static void switched_off(void **state)
{
	struct bench b;
	struct waiter w;

	(void)state;
	bench_open(&b, "nested-stall");
	stalling(&b);
	assert_int_equal(send(&b, &w, IOVA), MODEL_STALLED);
	cr0(&b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN);
	assert_int_equal(w.resumed, 1);
	assert_int_equal(w.retries, 0);
	assert_clean(&b);
	bench_close(&b);
}

/* Of a substream the event carries the SubstreamID. */
static void substream(void **state)
{
	struct bench b;
	struct waiter w;
	struct model_translation t;
	struct model_request request = {
		.source_id = SID,
		.iova = IOVA,
		.size = 4,
		.access = MODEL_WRITE,
		.has_pasid = true,
		.pasid = 3,
		.stall = &w.stall,
	};
	uint64_t ste[8], cd[8], record[4];

	(void)state;
	waiter_init(&w);
	bench_open(&b, "nested-stall");
	cd_words(cd, page(&b), ASID);
	cd[0] |= SMMUV3_CD0_S;
	for (unsigned int i = 0; i < 8; i++)
		put(&b, b.cds + 3 * 64 + 8 * i, cd[i]);
	ste_stage1(&b, ste, 6);
	set_ste(&b, ste);
	assert_int_equal(b.port.iommu.translate(b.port.iommu.context, &request, &t), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[0] & SMMUV3_EVT0_SSV, SMMUV3_EVT0_SSV);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SSID), 3);
	assert_int_equal(record[1] & SMMUV3_EVT1_RNW, 0);
	assert_clean(&b);
	bench_close(&b);
}

/* A stage 2 of identity, 2M blocks, from RAM_BASE on. */
static uint64_t identity2(struct bench *b)
{
	uint64_t root = page(b);

	for (uint64_t ipa = RAM_BASE; ipa < RAM_BASE + RAM_SIZE; ipa += 0x200000)
		put(b, pte_at(b, root, ipa, 2), ipa | PTE_BLOCK | S2_RW);
	return root;
}

/*
 * A guest's two-level CD table (5.3): S1ContextPtr, the L1CD's pointer and TTB0 are intermediate addresses.  It
 * stalls, as the host lets it, and the events carry its SubstreamIDs.
 */
static void guest(void **state)
{
	const uint64_t l1 = RAM_BASE + 0x10000000, l2 = l1 + 0x1000;
	struct bench b;
	struct waiter w;
	struct model_translation t;
	struct model_request request = {
		.source_id = SID,
		.iova = IOVA,
		.size = 4,
		.access = MODEL_READ,
		.has_pasid = true,
		.pasid = 64 + 3,
		.stall = &w.stall,
	};
	uint64_t ste[8], cd[8], record[4], table1, table2, root1, root2, tt;

	(void)state;
	waiter_init(&w);
	bench_open(&b, "nested-stall");
	root2 = identity2(&b);
	table1 = page(&b);
	table2 = page(&b);
	root1 = page(&b);
	tt = l2 + 0x1000;
	put(&b, pte_at(&b, root2, l1, 3), table1 | PTE_PAGE | S2_RW);
	put(&b, table1 + 8, l2 | SMMUV3_L1CD_V); /* SubstreamIDs 64 to 127 */
	cd_words(cd, tt, ASID);
	cd[0] |= SMMUV3_CD0_S;
	for (unsigned int i = 0; i < 8; i++)
		put(&b, table2 + 3 * 64 + 8 * i, cd[i]);
	ste_stage2(&b, ste, root2);
	ste[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_NESTED, SMMUV3_STE0_CONFIG) | l1 |
		 smmuv3_set(SMMUV3_S1FMT_4K, SMMUV3_STE0_S1FMT) |
		 smmuv3_set(8, SMMUV3_STE0_S1CDMAX);
	ste[1] |= smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE1_S1CIR) |
		  smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE1_S1COR) |
		  smmuv3_set(SMMUV3_SH_INNER, SMMUV3_STE1_S1CSH);
	ste[2] |= SMMUV3_STE2_S2S;
	set_ste(&b, ste);
	/* The leaf table is not there: the host's fault, of a CD fetch. */
	assert_int_equal(b.port.iommu.translate(b.port.iommu.context, &request, &t), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(smmuv3_get(record[1], SMMUV3_EVT1_CLASS), SMMUV3_CLASS_CD);
	assert_int_equal(record[1] & (SMMUV3_EVT1_S2 | SMMUV3_EVT1_STALL),
			 SMMUV3_EVT1_S2 | SMMUV3_EVT1_STALL);
	assert_int_equal(record[3], (l2 + 3 * 64) & SMMUV3_EVT3_IPA);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SSID), 64 + 3);
	put(&b, pte_at(&b, root2, l2, 3), table2 | PTE_PAGE | S2_RW);
	answer(&b, SID, TAG(record), true);
	/* Then the guest's page table. */
	assert_int_equal(b.port.iommu.translate(b.port.iommu.context, &request, &t), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(smmuv3_get(record[1], SMMUV3_EVT1_CLASS), SMMUV3_CLASS_TT);
	put(&b, pte_at(&b, root2, tt, 3), root1 | PTE_PAGE | S2_RW);
	answer(&b, SID, TAG(record), true);
	/* Then the guest's own fault, by its CD.S. */
	assert_int_equal(b.port.iommu.translate(b.port.iommu.context, &request, &t), MODEL_STALLED);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(record[1] & (SMMUV3_EVT1_S2 | SMMUV3_EVT1_STALL), SMMUV3_EVT1_STALL);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SSID), 64 + 3);
	map(&b, root1, IOVA, DMA_BASE, PTE_RW);
	answer(&b, SID, TAG(record), true);
	assert_int_equal(w.retries, 3);
	assert_int_equal(b.port.iommu.translate(b.port.iommu.context, &request, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE);
	/* S1STALLD: the host does not let it stall, so CD.S is ILLEGAL. */
	ste[1] |= SMMUV3_STE1_S1STALLD;
	set_ste(&b, ste);
	assert_int_equal(b.port.iommu.translate(b.port.iommu.context, &request, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_CD);
	assert_clean(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry),
		cmocka_unit_test(terminate),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(cannot_stall),
		cmocka_unit_test(not_configured),
		cmocka_unit_test(stage2),
		cmocka_unit_test(full_queue),
		cmocka_unit_test(full_queue_invalidated),
		cmocka_unit_test(disabled_queue),
		cmocka_unit_test(limit),
		cmocka_unit_test(duplicates),
		cmocka_unit_test(early),
		cmocka_unit_test(early_answered),
		cmocka_unit_test(late_answer),
		cmocka_unit_test(changed_meanwhile),
		cmocka_unit_test(whole_stream),
		cmocka_unit_test(whole_stream_merged),
		cmocka_unit_test(switched_off),
		cmocka_unit_test(substream),
		cmocka_unit_test(guest),
	};

	return cmocka_run_group_tests_name("model smmuv3 stalls", tests, NULL, NULL);
}
