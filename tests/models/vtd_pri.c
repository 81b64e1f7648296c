/* SPDX-License-Identifier: MIT */
/*
 * vtd_pri.c - page requests in the VT-d model: the queue, responses, drains, and what software may not do
 */
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

static bool invalidate(void *context, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size,
		       bool global)
{
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(descriptor, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
