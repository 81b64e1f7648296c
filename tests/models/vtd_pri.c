/* SPDX-License-Identifier: MIT */
/*
 * vtd_pri.c - page requests in the VT-d model: the queue, responses, drains, and what software may not do
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "vtd_bench.h"

#define IOVA UINT64_C(0x7f12345000)
#define DID 5u
#define PASID 70u
#define FS (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define NO_PASID UINT32_MAX
#define MSI_DATA 0x77u

struct answer {
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;
	enum model_page_response code;
};

static struct bench bench;
static uint64_t directory, first_top, requests;
static struct answer answers[1024];
static unsigned int num_answers;
static bool ask_when_answered; /* the device uses the unit from within its page_response */

static uint64_t context_entry(void)
{
	return bench.context + (SID & 0x7f) * 32;
}

static uint64_t pasid_entry(uint32_t pasid)
{
	uint64_t at = directory + (pasid >> 6) * 8;

	if (!*word(&bench, at))
		put(&bench, at, page(&bench) | VTD_PDE_P);
	return (*word(&bench, at) & VTD_ADDR_MASK) + (pasid & 63) * 64;
}

static void set_pasid(uint32_t pasid, uint64_t top, uint16_t did)
{
	uint64_t at = pasid_entry(pasid);

	put(&bench, at + 8, did | VTD_PE1_PWSNP);
	put(&bench, at + 16, top);
	put(&bench, at, VTD_PE0_P | vtd_set(VTD_PGTT_FIRST, VTD_PE0_PGTT));
}

static enum model_status send(enum model_request_type type, uint32_t pasid, uint64_t iova,
			      unsigned int access, struct model_translation *t)
{
	struct model_request r = {
		.type = type,
		.source_id = SID,
		.has_pasid = pasid != NO_PASID,
		.pasid = pasid,
		.iova = iova,
		.size = 4,
		.access = access,
	};

	memset(t, 0, sizeof(*t));
	return bench.iommu->translate(bench.iommu->context, &r, t);
}

static unsigned int answers_before; /* the last invalidation of the device TLB */

static bool invalidate(void *context, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size,
		       bool global)
{
	answers_before = num_answers;
	(void)context;
	(void)has_pasid;
	(void)pasid;
	(void)iova;
	(void)size;
	(void)global;
	return true;
}

static void page_response(void *context, bool has_pasid, uint32_t pasid, uint16_t group,
			  enum model_page_response code)
{
	struct model_translation t;

	(void)context;
	assert_in_range(num_answers, 0, 1023);
	answers[num_answers++] = (struct answer){ has_pasid, pasid, group, code };
	if (ask_when_answered)
		send(MODEL_ATS_TRANSLATION, pasid, IOVA, MODEL_READ, &t);
}

static void open_config(const struct model_vtd_config *config)
{
	const struct model_atc atc = { .invalidate = invalidate, .page_response = page_response };

	bench_open(&bench, config);
	directory = page(&bench);
	first_top = page(&bench);
	requests = page(&bench);
	num_answers = 0;
	ask_when_answered = false;
	put(&bench, context_entry(),
	    directory | VTD_SCE0_P | VTD_SCE0_PASIDE | VTD_SCE0_DTE | VTD_SCE0_PRE);
	assert_int_equal(model_vtd_set_atc(bench.vtd, SID, &atc), 0);
	model_vtd_write64(bench.vtd, VTD_REG_PQA, requests);
	model_vtd_write32(bench.vtd, VTD_REG_PEDATA, MSI_DATA);
	model_vtd_write32(bench.vtd, VTD_REG_PECTL, 0);
	bench_enable_wide(&bench);
	set_pasid(PASID, first_top, DID);
}

static void open_preset(void (*change)(struct model_vtd_config *))
{
	struct model_vtd_config config;

	assert_true(model_vtd_preset("scalable-pri", &config));
	if (change)
		change(&config);
	open_config(&config);
}

static int setup(void **state)
{
	(void)state;
	open_preset(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bench_close(&bench);
	return 0;
}

static bool ask(uint32_t pasid, uint16_t group, bool last, unsigned int access)
{
	const struct model_page_request r = {
		.source_id = SID,
		.has_pasid = pasid != NO_PASID,
		.pasid = pasid == NO_PASID ? 0 : pasid,
		.address = IOVA,
		.access = access,
		.last = last,
		.group = group,
	};

	return bench.iommu->page_request(bench.iommu->context, &r);
}

static void answer(uint32_t pasid, uint16_t group, unsigned int code)
{
	submit_wide(&bench,
		    VTD_DESC_PAGE_RESPONSE | vtd_set(SID, VTD_DESC_PR_RID) |
			    vtd_set(code, VTD_DESC_PR_RC) |
			    (pasid == NO_PASID ? 0 :
						 VTD_DESC_PR_PP | vtd_set(pasid, VTD_DESC_PASID)),
		    VTD_DESC_PR1_LPIG | vtd_set(group, VTD_DESC_PR1_PRGI));
}

static uint32_t prs(void)
{
	return model_vtd_read32(bench.vtd, VTD_REG_PRS);
}

static uint64_t queued(void)
{
	return (model_vtd_read64(bench.vtd, VTD_REG_PQT) -
		model_vtd_read64(bench.vtd, VTD_REG_PQH)) %
	       4096 / VTD_PRQ_SIZE;
}

/* Software takes all requests. */
static void consume(void)
{
	model_vtd_write32(bench.vtd, VTD_REG_PRS, VTD_PRS_PPR);
	model_vtd_write64(bench.vtd, VTD_REG_PQH, model_vtd_read64(bench.vtd, VTD_REG_PQT));
}

static void expect_answer(uint32_t pasid, uint16_t group, enum model_page_response code)
{
	assert_int_equal(num_answers, 1);
	assert_int_equal(answers[0].has_pasid, pasid != NO_PASID);
	if (pasid != NO_PASID)
		assert_int_equal(answers[0].pasid, pasid);
	assert_int_equal(answers[0].group, group);
	assert_int_equal(answers[0].code, code);
	num_answers = 0;
}

/* 7.4.1.1: the descriptor; 7.5: one event until both conditions are cleared; 7.6: the response. */
static void descriptor(void **state)
{
	const uint64_t *d = word(&bench, requests);

	(void)state;
	assert_true(ask(PASID, 0x1ab, false, MODEL_READ | MODEL_EXEC | MODEL_PRIV));
	assert_int_equal(bench.msis, 1);
	assert_int_equal(bench.msi_data, MSI_DATA);
	assert_int_equal(prs(), VTD_PRS_PPR);
	assert_true(d[0] == (VTD_PRQ0_TYPE_REQUEST | VTD_PRQ0_PP | (uint64_t)SID << 16 |
			     (uint64_t)PASID << 32 | VTD_PRQ0_EXE | VTD_PRQ0_PRIV));
	assert_true(d[1] == (IOVA | VTD_PRQ1_RD | 0x1ab << 3));
	assert_true(d[2] == 0 && d[3] == 0);
	assert_true(ask(PASID, 0x1ab, true, MODEL_READ | MODEL_WRITE));
	assert_int_equal(bench.msis, 1); /* PPR was set still */
	assert_true(d[5] == (IOVA | VTD_PRQ1_RD | VTD_PRQ1_WR | VTD_PRQ1_LPIG | 0x1ab << 3));
	assert_int_equal(queued(), 2);
	assert_int_equal(num_answers, 0);
	consume();
	answer(PASID, 0x1ab, VTD_PR_INVALID);
	expect_answer(PASID, 0x1ab, MODEL_PAGE_INVALID);
	assert_true(ask(NO_PASID, 3, true, MODEL_WRITE));
	assert_int_equal(bench.msis, 2);
	assert_true(d[8] == (VTD_PRQ0_TYPE_REQUEST | (uint64_t)SID << 16));
	consume();
	answer(NO_PASID, 3, VTD_PR_FAILURE);
	expect_answer(NO_PASID, 3, MODEL_PAGE_FAILURE);
	assert_int_equal(all_reports(&bench), 0);
}

static void expect_illegal(const char *words)
{
	assert_int_equal(bench.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_int_equal(all_reports(&bench), 1);
	assert_non_null(strstr(bench.last.text, words));
	forget(&bench);
}

static uint64_t fault_record(void)
{
	return model_vtd_read64(bench.vtd,
				vtd_cap_fro(model_vtd_read64(bench.vtd, VTD_REG_CAP)) + 8);
}

static void flush_all_contexts(void)
{
	submit_wide(&bench, VTD_DESC_CONTEXT | vtd_set(VTD_CC_GLOBAL, VTD_DESC_G), 0);
}

static void flush_pasid(void)
{
	submit_wide(&bench,
		    VTD_DESC_PASID_CACHE | vtd_set(VTD_PC_PASID, VTD_DESC_G) |
			    vtd_set(DID, VTD_DESC_DID) | vtd_set(PASID, VTD_DESC_PASID),
		    0);
}

static void wait(uint32_t data, bool drain)
{
	submit_wide(&bench,
		    VTD_DESC_WAIT | VTD_DESC_WAIT_SW | VTD_DESC_WAIT_FN |
			    (drain ? VTD_DESC_WAIT_PD : 0) | vtd_set(data, VTD_DESC_WAIT_DATA),
		    bench.status);
}

/* 7.1.3: what the unit refuses by itself: recorded as a page request, answered if it is the last. */
static void refused(void **state)
{
	uint64_t context = *word(&bench, context_entry());

	(void)state;
	put(&bench, context_entry(), context & ~VTD_SCE0_PRE);
	assert_true(ask(PASID, 9, false, MODEL_READ));
	assert_int_equal(num_answers, 0);
	assert_int_equal(vtd_get(fault_record(), VTD_FRCD1_T1), 0);
	assert_int_equal(vtd_get(fault_record(), VTD_FRCD1_T2), 1);
	assert_int_equal(vtd_get(fault_record(), VTD_FRCD1_PV), PASID);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_PRE);
	assert_true(ask(PASID, 9, true, MODEL_READ));
	expect_answer(PASID, 9, MODEL_PAGE_INVALID);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_PRE);
	put(&bench, context_entry(), context & ~VTD_SCE0_PASIDE);
	flush_all_contexts();
	assert_true(ask(PASID, 9, true, MODEL_READ));
	expect_answer(PASID, 9, MODEL_PAGE_INVALID);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_PASIDE);
	put(&bench, context_entry(), context);
	flush_all_contexts();
	assert_true(ask(64 << 7, 9, true, MODEL_READ));
	expect_answer(64 << 7, 9, MODEL_PAGE_INVALID);
	assert_int_equal(fault(&bench), VTD_FR_SM_PASID_BEYOND);
	put(&bench, context_entry(), 0);
	flush_all_contexts();
	assert_true(ask(PASID, 9, true, MODEL_READ));
	expect_answer(PASID, 9, MODEL_PAGE_FAILURE);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_NOT_PRESENT);
	assert_int_equal(queued(), 0);
	model_vtd_write64(bench.vtd, VTD_REG_RTADDR, bench.root);
	gcmd(&bench, VTD_GCMD_SRTP);
	assert_true(ask(PASID, 9, true, MODEL_READ));
	expect_answer(PASID, 9, MODEL_PAGE_FAILURE);
	assert_int_equal(fault(&bench), VTD_FR_RTADDR_LEGACY_PAGE_REQUEST);
	model_vtd_write32(bench.vtd, VTD_REG_GCMD, VTD_GSTS_QIES);
	assert_false(ask(PASID, 9, true, MODEL_READ));
	assert_int_equal(num_answers, 0);
	assert_int_equal(all_reports(&bench), 0);
}

static void with_walk(struct model_vtd_config *config)
{
	config->page_request_walk = true;
}

/* A PASID that is not there is software's to refuse, or already the unit's. */
static void pasid_not_there(void **state)
{
	(void)state;
	assert_true(ask(PASID + 1, 9, true, MODEL_READ));
	assert_int_equal(queued(), 1);
	consume();
	answer(PASID + 1, 9, VTD_PR_INVALID);
	expect_answer(PASID + 1, 9, MODEL_PAGE_INVALID);
	bench_close(&bench);
	open_preset(with_walk);
	assert_true(ask(PASID + 1, 9, true, MODEL_READ));
	expect_answer(PASID + 1, 9, MODEL_PAGE_INVALID);
	assert_int_equal(fault(&bench), VTD_FR_PASID_NOT_PRESENT);
	assert_true(ask(PASID, 9, true, MODEL_READ | MODEL_PRIV));
	expect_answer(PASID, 9, MODEL_PAGE_INVALID);
	assert_int_equal(fault(&bench), VTD_FR_PASID_SRE);
	assert_true(ask(PASID, 9, true, MODEL_READ));
	assert_int_equal(queued(), 1);
	assert_int_equal(all_reports(&bench), 0);
}

/* 7.4: full is one less than all; then last requests succeed at once and others vanish until PRO is cleared. */
static void overflow(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 127; i++)
		assert_true(ask(PASID, i, i & 1, MODEL_READ));
	assert_int_equal(queued(), 127);
	assert_int_equal(prs(), VTD_PRS_PPR);
	model_vtd_write32(bench.vtd, VTD_REG_PRS, VTD_PRS_PPR);
	forget(&bench);
	assert_true(ask(PASID, 200, false, MODEL_READ));
	assert_int_equal(prs(), VTD_PRS_PRO);
	assert_int_equal(bench.msis, 1);
	assert_int_equal(num_answers, 0);
	assert_true(ask(PASID, 0, true, MODEL_READ));
	expect_answer(PASID, 0, MODEL_PAGE_SUCCESS);
	assert_int_equal(queued(), 127);
	/* Room alone does not help. */
	consume();
	assert_true(ask(PASID, 201, true, MODEL_READ));
	expect_answer(PASID, 201, MODEL_PAGE_SUCCESS);
	assert_int_equal(queued(), 0);
	assert_int_equal(bench.msis, 1);
	model_vtd_write32(bench.vtd, VTD_REG_PRS, VTD_PRS_PRO);
	assert_int_equal(prs(), 0);
	assert_true(ask(PASID, 202, true, MODEL_READ));
	assert_int_equal(queued(), 1);
	assert_int_equal(bench.msis, 2);
	assert_int_equal(num_answers, 0);
	assert_int_equal(all_reports(&bench), 0);
	/* Group 0: its first request was queued, its last one answered by the unit. */
	answer(PASID, 0, VTD_PR_SUCCESS);
	expect_illegal("wrong group index");
}

/* 11.4.11: the event is pending while it is masked, until the conditions are cleared. */
static void event(void **state)
{
	(void)state;
	model_vtd_write32(bench.vtd, VTD_REG_PECTL, VTD_ECTL_IM);
	assert_true(ask(PASID, 1, true, MODEL_READ));
	assert_int_equal(bench.msis, 0);
	assert_int_equal(model_vtd_read32(bench.vtd, VTD_REG_PECTL), VTD_ECTL_IM | VTD_ECTL_IP);
	model_vtd_write32(bench.vtd, VTD_REG_PECTL, 0);
	assert_int_equal(bench.msis, 1);
	assert_int_equal(model_vtd_read32(bench.vtd, VTD_REG_PECTL), 0);
	model_vtd_write32(bench.vtd, VTD_REG_PECTL, VTD_ECTL_IM);
	consume();
	assert_true(ask(PASID, 2, true, MODEL_READ));
	assert_true(model_vtd_read32(bench.vtd, VTD_REG_PECTL) & VTD_ECTL_IP);
	consume();
	assert_false(model_vtd_read32(bench.vtd, VTD_REG_PECTL) & VTD_ECTL_IP);
	model_vtd_write32(bench.vtd, VTD_REG_PECTL, 0);
	assert_int_equal(bench.msis, 1);
}

/* 7.6: a response is for a group that waits. */
static void wrong_responses(void **state)
{
	(void)state;
	answer(PASID, 4, VTD_PR_SUCCESS);
	expect_illegal("no last request was queued");
	expect_answer(PASID, 4, MODEL_PAGE_SUCCESS); /* it goes out all the same */
	assert_true(ask(PASID, 4, true, MODEL_READ));
	consume();
	answer(PASID + 1, 4, VTD_PR_SUCCESS);
	expect_illegal("wrong PASID");
	/* A function may take no PASID with its responses: whether this one does is not the unit's to know. */
	answer(NO_PASID, 4, VTD_PR_SUCCESS);
	assert_int_equal(all_reports(&bench), 0);
	answer(NO_PASID, 4, VTD_PR_SUCCESS);
	expect_illegal("second time");
	answer(PASID, 4, VTD_PR_SUCCESS);
	expect_illegal("second time");
	assert_true(ask(PASID, 4, true, MODEL_READ));
	consume();
	answer(PASID, 5, VTD_PR_SUCCESS);
	expect_illegal("wrong group index");
	answer(PASID, 4, VTD_PR_SUCCESS);
	assert_int_equal(all_reports(&bench), 0);
	answer(PASID, 4, VTD_PR_SUCCESS);
	expect_illegal("second time");
	/* The same group, again and again. */
	assert_true(ask(PASID, 4, true, MODEL_READ));
	answer(PASID, 4, VTD_PR_SUCCESS);
	assert_true(ask(PASID, 4, false, MODEL_READ));
	assert_int_equal(all_reports(&bench), 0);
	answer(PASID, 4, VTD_PR_SUCCESS);
	expect_illegal("second time");
}

static void expect_queue_error(unsigned int info)
{
	assert_true(model_vtd_read32(bench.vtd, VTD_REG_FSTS) & VTD_FSTS_IQE);
	assert_int_equal(model_vtd_read64(bench.vtd, VTD_REG_IQERCD) & VTD_IQERCD_IQEI, info);
	assert_int_equal(num_answers, 0);
	/* Past the bad descriptor. */
	*word(&bench, bench.queue + model_vtd_read64(bench.vtd, VTD_REG_IQH)) = VTD_DESC_WAIT;
	*word(&bench, bench.queue + model_vtd_read64(bench.vtd, VTD_REG_IQH) + 8) = 0;
	*word(&bench, bench.queue + model_vtd_read64(bench.vtd, VTD_REG_IQH) + 16) = 0;
	model_vtd_write32(bench.vtd, VTD_REG_FSTS, VTD_FSTS_IQE);
	assert_int_equal(model_vtd_read64(bench.vtd, VTD_REG_IQH), bench.tail);
	assert_int_equal(all_reports(&bench), 1);
	forget(&bench);
}

/* The descriptor of a response. */
static void response_descriptor(void **state)
{
	uint64_t good = VTD_DESC_PAGE_RESPONSE | VTD_DESC_PR_PP | vtd_set(SID, VTD_DESC_PR_RID) |
			vtd_set(PASID, VTD_DESC_PASID);

	(void)state;
	assert_true(ask(PASID, 4, true, MODEL_READ));
	for (unsigned int code = 2; code < 15; code++) {
		answer(PASID, 4, code);
		expect_queue_error(VTD_IQEI_RSVD);
	}
	submit_wide(&bench, good | 1 << 5, 4 << 3);
	expect_queue_error(VTD_IQEI_RSVD);
	submit_wide(&bench, good | UINT64_C(1) << 60, 4 << 3);
	expect_queue_error(VTD_IQEI_RSVD);
	submit_wide(&bench, good, 4 << 3 | 1);
	expect_queue_error(VTD_IQEI_RSVD);
	submit_wide(&bench, good, 4 << 3 | 1 << 12);
	expect_queue_error(VTD_IQEI_RSVD);
	submit_wide(&bench, good & ~VTD_DESC_PR_PP, 4 << 3);
	expect_queue_error(VTD_IQEI_RSVD);
	*word(&bench, bench.queue + bench.tail + 16) = 1;
	*word(&bench, bench.queue + bench.tail) = good;
	*word(&bench, bench.queue + bench.tail + 8) = 4 << 3;
	bench.tail += 32;
	model_vtd_write64(bench.vtd, VTD_REG_IQT, bench.tail);
	expect_queue_error(VTD_IQEI_RSVD);
	submit_wide(&bench, good, 4 << 3);
	expect_answer(PASID, 4, MODEL_PAGE_SUCCESS);
	/* Descriptors of 128 bits have no room for it. */
	model_vtd_write32(bench.vtd, VTD_REG_GCMD, VTD_GSTS_TES);
	model_vtd_write64(bench.vtd, VTD_REG_IQT, 0);
	model_vtd_write64(bench.vtd, VTD_REG_IQA, bench.queue);
	gcmd(&bench, VTD_GCMD_QIE);
	bench.tail = 0;
	submit(&bench, good, 4 << 3);
	expect_queue_error(VTD_IQEI_WIDTH);
}

/* 11.4.11: what software may write. */
static void registers(void **state)
{
	(void)state;
	assert_true(ask(PASID, 1, true, MODEL_READ));
	model_vtd_write64(bench.vtd, VTD_REG_PQH, 0x40);
	expect_illegal("passes its tail");
	model_vtd_write64(bench.vtd, VTD_REG_PQH, 0);
	forget(&bench);
	model_vtd_write64(bench.vtd, VTD_REG_PQT, 0);
	expect_illegal("is written while");
	model_vtd_write64(bench.vtd, VTD_REG_PQT, 0x20);
	forget(&bench);
	model_vtd_write64(bench.vtd, VTD_REG_PQA, requests + 0x1000);
	expect_illegal("is moved while");
	model_vtd_write64(bench.vtd, VTD_REG_PQA, requests);
	forget(&bench);
	consume();
	model_vtd_write64(bench.vtd, VTD_REG_PQT, 0);
	model_vtd_write64(bench.vtd, VTD_REG_PQH, 0);
	model_vtd_write64(bench.vtd, VTD_REG_PQA, DMA_BASE);
	assert_int_equal(all_reports(&bench), 0);
	assert_true(ask(PASID, 2, true, MODEL_READ));
	assert_int_equal(bench.reports[MODEL_REPORT_WILD], 1);
	expect_answer(PASID, 2, MODEL_PAGE_FAILURE);
	model_vtd_write64(bench.vtd, VTD_REG_PQA, requests | 8);
	assert_int_equal(bench.reports[MODEL_REPORT_RESERVED], 1);
}

static void lazily(struct model_vtd_config *config)
{
	config->lazy = true;
}

static void settle(void)
{
	while (model_vtd_step(bench.vtd))
		;
}

/* 7.7: a request may be under way long after the device sent it; a wait with PD gets it into the queue. */
static void held_back(void **state)
{
	const uint64_t *status;
	unsigned int late = 0, early = 0;

	(void)state;
	bench_close(&bench);
	open_preset(lazily);
	status = word(&bench, bench.status);
	settle();
	for (uint32_t i = 1; i <= 40; i++) {
		assert_true(ask(PASID, (uint16_t)i, true, MODEL_READ));
		wait(i, true);
		while (*status != i && model_vtd_step(bench.vtd))
			;
		assert_int_equal(*status, i);
		assert_int_equal(queued(), 1);
		consume();
	}
	for (uint32_t i = 41; i <= 80; i++) {
		bool there;

		assert_true(ask(PASID, (uint16_t)i, true, MODEL_READ));
		there = bench.msis;
		forget(&bench);
		late += !there;
		early += there;
		settle();
		assert_int_equal(queued(), 1);
		consume();
		forget(&bench);
	}
	assert_true(late > 0);
	assert_int_equal(early + late, 40);
	/* More than can be held: none is lost, and their order stays. */
	for (uint16_t i = 0; i < 20; i++)
		assert_true(ask(PASID, i, true, MODEL_READ));
	settle();
	assert_int_equal(queued(), 20);
	for (uint16_t i = 0; i < 20; i++)
		assert_int_equal(vtd_get(*word(&bench, requests + (80 + i) % 128 * 32 + 8),
					 VTD_PRQ1_PRGI),
				 i);
	assert_int_equal(all_reports(&bench), 0);
}

/* Teardown of PASID's entry, as far as the entry itself goes. */
static void tear_down(void)
{
	put(&bench, pasid_entry(PASID), 0);
	flush_pasid();
}

static void use_again(uint16_t did)
{
	struct model_translation t;

	set_pasid(PASID, page(&bench), did);
	send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_READ, &t);
}

/* 7.10, 7.11: a PASID gets a new use only when the requests of its former one are through. */
static void pasid_reuse(void **state)
{
	(void)state;
	/* All done as it should be. */
	assert_true(ask(PASID, 1, true, MODEL_READ));
	tear_down();
	wait(1, true);
	consume();
	answer(PASID, 1, VTD_PR_INVALID);
	use_again(DID);
	assert_int_equal(all_reports(&bench), 0);
	/* Still in the queue. */
	assert_true(ask(PASID, 2, true, MODEL_READ));
	tear_down();
	wait(2, true);
	use_again(DID);
	expect_illegal("are in the queue");
	consume();
	answer(PASID, 2, VTD_PR_INVALID);
	/* A partial group in the queue, too. */
	assert_true(ask(PASID, 2, false, MODEL_READ));
	tear_down();
	wait(2, true);
	use_again(DID);
	expect_illegal("are in the queue");
	consume();
	/* Taken and not answered. */
	assert_true(ask(PASID, 3, true, MODEL_READ));
	consume();
	tear_down();
	wait(3, true);
	use_again(DID);
	expect_illegal("not answered");
	answer(PASID, 3, VTD_PR_INVALID);
	/* Answered, but what was on its way was not drained. */
	assert_true(ask(PASID, 4, true, MODEL_READ));
	consume();
	answer(PASID, 4, VTD_PR_INVALID);
	wait(4, true); /* too early */
	tear_down();
	wait(5, false);
	use_again(DID);
	expect_illegal("no wait descriptor drained");
	/* The same use again, or a replacement in place, needs no drain. */
	assert_true(ask(PASID, 5, true, MODEL_READ));
	put(&bench, pasid_entry(PASID), *word(&bench, pasid_entry(PASID)) & ~VTD_PE0_P);
	flush_pasid();
	put(&bench, pasid_entry(PASID), *word(&bench, pasid_entry(PASID)) | VTD_PE0_P);
	assert_true(ask(PASID, 6, true, MODEL_READ));
	put(&bench, pasid_entry(PASID) + 16, page(&bench));
	flush_pasid();
	use_again(DID);
	assert_int_equal(all_reports(&bench), 0);
}

/* A request that arrives after the teardown belongs to the former use, even if it is the first. */
static void torn_down_first(void **state)
{
	struct model_translation t;

	(void)state;
	send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_READ, &t);
	tear_down();
	assert_true(ask(PASID, 1, true, MODEL_READ));
	wait(1, true);
	use_again(DID);
	expect_illegal("are in the queue");
	consume();
	answer(PASID, 1, VTD_PR_INVALID);
	tear_down();
	use_again(DID);
	expect_illegal("no wait descriptor drained");
	/* Nobody has to drain where pages cannot be asked for. */
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_PRE);
	flush_all_contexts();
	send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_READ, &t);
	tear_down();
	use_again(DID);
	assert_int_equal(all_reports(&bench), 0);
}

/* The new use shows by a bare page request as well; a device that was reset waits no more. */
static void reuse_seen_late(void **state)
{
	(void)state;
	assert_true(ask(PASID, 1, true, MODEL_READ));
	consume();
	tear_down();
	wait(1, true);
	set_pasid(PASID, page(&bench), DID);
	assert_true(ask(PASID, 2, true, MODEL_READ));
	expect_illegal("not answered");
	consume();
	answer(PASID, 1, VTD_PR_INVALID);
	tear_down();
	wait(2, true);
	assert_int_equal(model_vtd_set_atc(bench.vtd, SID, NULL), 0);
	set_pasid(PASID, page(&bench), DID);
	assert_true(ask(PASID, 3, true, MODEL_READ));
	answer(PASID, 2, VTD_PR_INVALID); /* nobody listens, nobody minds */
	assert_int_equal(all_reports(&bench), 0);
}

/* 6.5.3.1: a page request drops what is cached of its page, so that the next translation is a new one. */
static void implicit_invalidation(void **state)
{
	uint64_t at = entry(&bench, first_top, 4, IOVA, 1, FS);
	struct model_translation t;

	(void)state;
	put(&bench, at, DMA_BASE | VTD_FS_P | VTD_FS_US);
	put(&bench, at + 8, (DMA_BASE + 0x1000) | VTD_FS_P | VTD_FS_US);
	send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_WRITE, &t);
	assert_int_equal(t.access, MODEL_READ);
	send(MODEL_ATS_TRANSLATION, PASID, IOVA + 0x1000, MODEL_WRITE, &t);
	put(&bench, at, DMA_BASE | FS);
	put(&bench, at + 8, (DMA_BASE + 0x1000) | FS);
	send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_WRITE, &t);
	assert_int_equal(t.access, MODEL_READ);
	assert_true(ask(PASID, 1, true, MODEL_WRITE));
	send(MODEL_ATS_TRANSLATION, PASID, IOVA, MODEL_WRITE, &t);
	assert_int_equal(t.access, MODEL_READ | MODEL_WRITE);
	/* Not of its neighbour. */
	send(MODEL_ATS_TRANSLATION, PASID, IOVA + 0x1000, MODEL_WRITE, &t);
	assert_int_equal(t.access, MODEL_READ);
}

static void without_markers(struct model_vtd_config *config)
{
	config->sms = false;
}

/* PCIe 6.0, 10.4.1.2.1: a stop marker is queued with ECAP.SMS, and never answered. */
static void stop_marker(void **state)
{
	(void)state;
	assert_true(ask(PASID, 0, true, 0));
	assert_int_equal(queued(), 1);
	assert_true(*word(&bench, requests + 8) == (IOVA | VTD_PRQ1_LPIG));
	consume();
	assert_int_equal(all_reports(&bench), 0);
	answer(PASID, 0, VTD_PR_SUCCESS);
	expect_illegal("no last request was queued");
	num_answers = 0;
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_PRE);
	flush_all_contexts();
	assert_true(ask(PASID, 0, true, 0));
	assert_int_equal(num_answers, 0);
	assert_int_equal(fault(&bench), VTD_FR_SM_CONTEXT_PRE);
	bench_close(&bench);
	open_preset(without_markers);
	assert_true(ask(PASID, 0, true, 0));
	assert_int_equal(queued(), 0);
}

/* A device may use the unit from within its page_response, whatever caused that. */
static void device_goes_on(void **state)
{
	(void)state;
	ask_when_answered = true;
	assert_true(ask(PASID, 1, true, MODEL_READ));
	answer(PASID, 1, VTD_PR_SUCCESS);
	expect_answer(PASID, 1, MODEL_PAGE_SUCCESS);
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_PRE);
	flush_all_contexts();
	assert_true(ask(PASID, 1, true, MODEL_READ));
	expect_answer(PASID, 1, MODEL_PAGE_INVALID);
}

/* Many responses at once, with a wait behind them: all arrive, in order. */
static void many(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		assert_true(ask(PASID, i, true, MODEL_READ));
	for (uint16_t i = 0; i < 100; i++) {
		*word(&bench, bench.queue + bench.tail) = VTD_DESC_PAGE_RESPONSE | VTD_DESC_PR_PP |
							  vtd_set(SID, VTD_DESC_PR_RID) |
							  vtd_set(PASID, VTD_DESC_PASID);
		*word(&bench, bench.queue + bench.tail + 8) = vtd_set(i, VTD_DESC_PR1_PRGI);
		bench.tail += 32;
	}
	wait(3, true);
	assert_int_equal(*word(&bench, bench.status), 3);
	assert_int_equal(num_answers, 100);
	for (uint16_t i = 0; i < 100; i++)
		assert_int_equal(answers[i].group, i);
	assert_int_equal(all_reports(&bench), 0);
}

/* 7.8: a response is late, but not behind an invalidation of the device's TLB. */
static void late_responses(void **state)
{
	unsigned int late = 0;

	(void)state;
	for (unsigned int lazy = 0; lazy < 2; lazy++) {
		const uint64_t *status;

		bench_close(&bench);
		open_preset(lazy ? lazily : NULL);
		status = word(&bench, bench.status);
		settle();
		for (uint32_t i = 1; i <= 60; i++) {
			uint64_t at = bench.queue + bench.tail;

			num_answers = answers_before = 0;
			assert_true(ask(PASID, (uint16_t)i, true, MODEL_READ));
			settle();
			consume();
			/* Without the invalidation in every second round. */
			*word(&bench, at) = VTD_DESC_PAGE_RESPONSE | VTD_DESC_PR_PP |
					    vtd_set(SID, VTD_DESC_PR_RID) |
					    vtd_set(PASID, VTD_DESC_PASID);
			*word(&bench, at + 8) = vtd_set(i, VTD_DESC_PR1_PRGI);
			*word(&bench, at + 16) = *word(&bench, at + 24) = 0;
			bench.tail = (bench.tail + 32) % 4096;
			if (i & 1)
				submit_wide(&bench,
					    VTD_DESC_PASID_DEVICE_TLB |
						    vtd_set(SID, VTD_DESC_PDTLB_SID) |
						    vtd_set(PASID, VTD_DESC_PASID),
					    IOVA);
			wait(i, true);
			while (*status != i)
				model_vtd_step(bench.vtd);
			if (i & 1)
				assert_int_equal(answers_before, 1);
			else if (lazy)
				late += !num_answers;
			else
				assert_int_equal(num_answers, 1);
			settle();
			assert_int_equal(num_answers, 1);
		}
	}
	assert_true(late > 0);
	/* However many the unit answers itself, none is lost. */
	put(&bench, context_entry(), *word(&bench, context_entry()) & ~VTD_SCE0_PRE);
	flush_all_contexts();
	settle();
	num_answers = 0;
	for (uint16_t i = 0; i < 200; i++)
		assert_true(ask(PASID, i, true, MODEL_READ));
	settle();
	assert_int_equal(num_answers, 200);
	for (uint16_t i = 0; i < 200; i++)
		assert_int_equal(answers[i].group, i);
	assert_int_equal(all_reports(&bench), 0);
}

/* 11.4.11: a queue of two pages. */
static void two_pages(void **state)
{
	uint64_t both = page(&bench);

	(void)state;
	page(&bench);
	model_vtd_write64(bench.vtd, VTD_REG_PQA, both | 1);
	for (uint16_t i = 0; i < 255; i++)
		assert_true(ask(PASID, i, true, MODEL_READ));
	assert_int_equal(prs(), VTD_PRS_PPR);
	assert_int_equal(model_vtd_read64(bench.vtd, VTD_REG_PQT), 8192 - 32);
	assert_int_equal(vtd_get(*word(&bench, both + 254 * 32 + 8), VTD_PRQ1_PRGI), 254);
	assert_true(ask(PASID, 255, true, MODEL_READ));
	assert_int_equal(prs(), VTD_PRS_PPR | VTD_PRS_PRO);
	expect_answer(PASID, 255, MODEL_PAGE_SUCCESS);
	model_vtd_write64(bench.vtd, VTD_REG_PQH, 8192 - 32);
	model_vtd_write32(bench.vtd, VTD_REG_PRS, VTD_PRS_PPR | VTD_PRS_PRO);
	assert_true(ask(PASID, 255, true, MODEL_READ));
	assert_int_equal(model_vtd_read64(bench.vtd, VTD_REG_PQT), 0);
	assert_int_equal(all_reports(&bench), 0);
}

/* ---- two threads ------------------------------------------------------------------------------- */

#define ROUNDS 500u

static atomic_uint responses_seen;

static void count_response(void *context, bool has_pasid, uint32_t pasid, uint16_t group,
			   enum model_page_response code)
{
	struct model_translation t;

	(void)context;
	(void)has_pasid;
	(void)group;
	(void)code;
	send(MODEL_ATS_TRANSLATION, pasid, IOVA, MODEL_READ, &t);
	atomic_fetch_add(&responses_seen, 1);
}

/* The device: one group at a time, the next when it has its response. */
static void *device_thread(void *arg)
{
	(void)arg;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		ask(PASID, (uint16_t)(i & 511), true, MODEL_READ);
		while (atomic_load(&responses_seen) == i)
			sched_yield();
	}
	return NULL;
}

/* Device and software at the same time: each request is answered once, and nothing is out of order. */
static void threads(void **state)
{
	const struct model_atc atc = { .invalidate = invalidate, .page_response = count_response };
	pthread_t thread;
	uint64_t head = 0;

	(void)state;
	atomic_store(&responses_seen, 0);
	assert_int_equal(model_vtd_set_atc(bench.vtd, SID, &atc), 0);
	model_vtd_write32(bench.vtd, VTD_REG_PECTL, VTD_ECTL_IM);
	assert_int_equal(pthread_create(&thread, NULL, device_thread, NULL), 0);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		while (model_vtd_read64(bench.vtd, VTD_REG_PQT) == head)
			sched_yield();
		assert_int_equal(vtd_get(*word(&bench, requests + head + 8), VTD_PRQ1_PRGI),
				 i & 511);
		head = (head + 32) % 4096;
		model_vtd_write64(bench.vtd, VTD_REG_PQH, head);
		answer(PASID, (uint16_t)(i & 511), VTD_PR_SUCCESS);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&responses_seen), ROUNDS);
	assert_int_equal(all_reports(&bench), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(pasid_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(overflow, setup, teardown),
		cmocka_unit_test_setup_teardown(event, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_responses, setup, teardown),
		cmocka_unit_test_setup_teardown(response_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(registers, setup, teardown),
		cmocka_unit_test_setup_teardown(held_back, setup, teardown),
		cmocka_unit_test_setup_teardown(pasid_reuse, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_down_first, setup, teardown),
		cmocka_unit_test_setup_teardown(reuse_seen_late, setup, teardown),
		cmocka_unit_test_setup_teardown(implicit_invalidation, setup, teardown),
		cmocka_unit_test_setup_teardown(stop_marker, setup, teardown),
		cmocka_unit_test_setup_teardown(device_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(many, setup, teardown),
		cmocka_unit_test_setup_teardown(late_responses, setup, teardown),
		cmocka_unit_test_setup_teardown(two_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
