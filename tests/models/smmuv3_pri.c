/* SPDX-License-Identifier: MIT */
/* smmuv3_pri.c - the SMMUv3 model: page requests, the PRI queue, responses (4.5.2, 8) */
#include "smmuv3_bench.h"

#define IOVA UINT64_C(0x12345000)
#define ALL (SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_PRIQEN | SMMUV3_CR0_SMMUEN)
#define PRIQ_BITS 2

/* A device with a TLB that hears responses, and the PRI queue. */
struct pri {
	struct bench b;
	uint64_t priq;
	uint32_t cons;
	unsigned int responses;
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;
	enum model_page_response code;
};

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

static void response(void *context, bool has_pasid, uint32_t pasid, uint16_t group,
		     enum model_page_response code)
{
	struct pri *p = context;

	p->responses++;
	p->has_pasid = has_pasid;
	p->pasid = pasid;
	p->group = group;
	p->code = code;
}

/* A stream with 64 CDs. */
static void set_stream(struct pri *p, bool ppar)
{
	uint64_t ste[8];

	ste_stage1(&p->b, ste, 6);
	ste[1] |= smmuv3_set(SMMUV3_EATS_FULL, SMMUV3_STE1_EATS) | (ppar ? SMMUV3_STE1_PPAR : 0);
	set_ste(&p->b, ste);
}

static void open_with(struct pri *p, const struct model_smmuv3_config *config, uint32_t cfg2)
{
	const struct model_atc atc = { .context = p,
				       .invalidate = invalidate,
				       .page_response = response };
	struct bench *b = &p->b;

	memset(p, 0, sizeof(*p));
	bench_create(b, config);
	p->priq = page(b);
	bench_queues(b);
	model_smmuv3_write64(b->smmu, SMMUV3_REG_PRIQ_BASE, p->priq | PRIQ_BITS);
	wr(b, SMMUV3_REG_PRIQ_PROD, 0);
	wr(b, SMMUV3_REG_PRIQ_CONS, 0);
	if (config->msi)
		model_smmuv3_write64(b->smmu, SMMUV3_REG_PRIQ_IRQ_CFG0, 0xfee00040);
	if (config->msi)
		wr(b, SMMUV3_REG_PRIQ_IRQ_CFG1, 0x55);
	wr(b, SMMUV3_REG_PRIQ_IRQ_CFG2, cfg2);
	wr(b, SMMUV3_REG_IRQ_CTRL, SMMUV3_IRQ_CTRL_PRIQ_IRQEN);
	cr0(b, ALL & ~SMMUV3_CR0_SMMUEN);
	cr0(b, ALL);
	assert_int_equal(model_smmuv3_set_atc(b->smmu, SID, &atc), 0);
	set_stream(p, true);
	assert_clean(b);
}

static void open_pri(struct pri *p)
{
	struct model_smmuv3_config config;

	assert_true(model_smmuv3_preset("nested-pri", &config));
	open_with(p, &config, 0);
}

static void close_pri(struct pri *p)
{
	bench_close(&p->b);
}

static void request(struct pri *p, uint32_t pasid, uint16_t group, unsigned int access, bool last)
{
	const struct model_page_request r = {
		.source_id = SID,
		.has_pasid = pasid,
		.pasid = pasid,
		.address = IOVA,
		.access = access,
		.last = last,
		.group = group,
	};

	assert_true(p->b.port.iommu.page_request(p->b.port.iommu.context, &r));
}

static unsigned int used(struct pri *p)
{
	return (rd(&p->b, SMMUV3_REG_PRIQ_PROD) - p->cons) & ((2u << PRIQ_BITS) - 1);
}

/* The next entry; @acknowledge: with the overflow flag. */
static bool entry(struct pri *p, uint64_t *record, bool acknowledge)
{
	uint32_t prod = rd(&p->b, SMMUV3_REG_PRIQ_PROD), cons = rd(&p->b, SMMUV3_REG_PRIQ_CONS);

	if (!used(p))
		return false;
	memcpy(record, word(&p->b, p->priq + (p->cons & ((1u << PRIQ_BITS) - 1)) * 16), 16);
	p->cons = (p->cons + 1) & ((2u << PRIQ_BITS) - 1);
	wr(&p->b, SMMUV3_REG_PRIQ_CONS,
	   p->cons | ((acknowledge ? prod : cons) & SMMUV3_Q_OVERFLOW));
	return true;
}

static void answer(struct pri *p, uint32_t pasid, uint16_t group, unsigned int code)
{
	queue(&p->b,
	      SMMUV3_CMD_PRI_RESP | smmuv3_set(SID, SMMUV3_CMD0_SID) |
		      (pasid ? SMMUV3_CMD0_SSV | smmuv3_set(pasid, SMMUV3_CMD0_SSID) : 0),
	      group | smmuv3_set(code, SMMUV3_CMD1_PRI_RESP));
}

static void assert_response(struct pri *p, uint32_t pasid, uint16_t group,
			    enum model_page_response code)
{
	assert_int_equal(p->responses, 1);
	assert_int_equal(p->has_pasid, pasid != 0);
	assert_int_equal(p->pasid, pasid);
	assert_int_equal(p->group, group);
	assert_int_equal(p->code, code);
	p->responses = 0;
}

static void assert_wrong(struct pri *p, const char *text)
{
	if (!strstr(p->b.last.text, text))
		fail_msg("reported: %s", p->b.last.text);
	assert_int_equal(p->b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_int_equal(all_reports(&p->b), 1);
	assert_int_equal(p->responses, 1); /* the device hears it all the same */
	p->responses = 0;
	forget(&p->b);
}

/* Entries as chapter 8 has them. */
static void records(void **state)
{
	struct pri p;
	uint64_t r[2];

	(void)state;
	open_pri(&p);
	request(&p, 0x12345 & 63, 0x1a5, MODEL_READ | MODEL_EXEC | MODEL_PRIV, false);
	request(&p, 0, 0x011, MODEL_WRITE | MODEL_EXEC | MODEL_PRIV, true);
	request(&p, 9, 0, 0, true); /* a stop marker */
	assert_int_equal(used(&p), 3);
	assert_true(entry(&p, r, false));
	assert_int_equal(smmuv3_get(r[0], SMMUV3_PRI0_SID), SID);
	assert_int_equal(smmuv3_get(r[0], SMMUV3_PRI0_SSID), 0x12345 & 63);
	assert_int_equal(r[0] >> 58,
			 (SMMUV3_PRI0_SSV | SMMUV3_PRI0_R | SMMUV3_PRI0_X | SMMUV3_PRI0_PRIV) >>
				 58);
	assert_int_equal(r[1], IOVA | 0x1a5);
	assert_true(entry(&p, r, false));
	assert_int_equal(r[0] >> 58, (SMMUV3_PRI0_LAST | SMMUV3_PRI0_W) >> 58);
	assert_int_equal(r[0] >> 52 & 63, 0);
	assert_true(entry(&p, r, false));
	assert_int_equal(r[0] >> 58, (SMMUV3_PRI0_SSV | SMMUV3_PRI0_LAST) >> 58);
	assert_false(entry(&p, r, false));
	assert_int_equal(p.responses, 0);
	assert_clean(&p.b);
	/* Nobody answers a stop marker. */
	answer(&p, 9, 0, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "not outstanding");
	close_pri(&p);
}

static void codes(void **state)
{
	static const enum model_page_response expected[] = { MODEL_PAGE_FAILURE, MODEL_PAGE_INVALID,
							     MODEL_PAGE_SUCCESS };
	struct pri p;

	(void)state;
	open_pri(&p);
	for (unsigned int i = 0; i < 3; i++) {
		uint64_t r[2];

		request(&p, 5, (uint16_t)(40 + i), MODEL_READ, true);
		assert_true(entry(&p, r, false));
		answer(&p, 5, (uint16_t)(40 + i), i);
		assert_response(&p, 5, (uint16_t)(40 + i), expected[i]);
	}
	assert_clean(&p.b);
	/* 3 is reserved. */
	request(&p, 5, 43, MODEL_READ, true);
	answer(&p, 5, 43, 3);
	assert_int_equal(smmuv3_get(rd(&p.b, SMMUV3_REG_CMDQ_CONS), SMMUV3_CMDQ_CONS_ERR),
			 SMMUV3_CERROR_ILL);
	assert_int_equal(p.responses, 0);
	assert_int_equal(p.b.reports[MODEL_REPORT_ILLEGAL], 1);
	close_pri(&p);
}

/* What software may not answer. */
static void wrong_answers(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "not outstanding");
	request(&p, 5, 7, MODEL_READ, false);
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "before the last");
	request(&p, 5, 7, MODEL_READ, true);
	answer(&p, 6, 7, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "PASID that the group does not have");
	answer(&p, 0, 7, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "without PASID");
	answer(&p, 5, 8, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "not outstanding");
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_response(&p, 5, 7, MODEL_PAGE_SUCCESS);
	assert_clean(&p.b);
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "not outstanding");
	close_pri(&p);
}

/* STE.PPAR says whether the device wants the PASID back. */
static void ppar(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	set_stream(&p, false);
	request(&p, 5, 7, MODEL_READ, true);
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "with PASID although");
	answer(&p, 0, 7, SMMUV3_PRI_SUCCESS);
	assert_response(&p, 0, 7, MODEL_PAGE_SUCCESS);
	/* A request without PASID is answered without. */
	request(&p, 0, 9, MODEL_READ, true);
	answer(&p, 0, 9, SMMUV3_PRI_SUCCESS);
	assert_response(&p, 0, 9, MODEL_PAGE_SUCCESS);
	assert_clean(&p.b);
	close_pri(&p);
}

/* One index, two PASIDs: two groups. */
static void same_index(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	request(&p, 5, 7, MODEL_READ, true);
	request(&p, 6, 7, MODEL_READ, true);
	answer(&p, 6, 7, SMMUV3_PRI_SUCCESS);
	assert_response(&p, 6, 7, MODEL_PAGE_SUCCESS);
	answer(&p, 5, 7, SMMUV3_PRI_INVALID);
	assert_response(&p, 5, 7, MODEL_PAGE_INVALID);
	/* The last of one is not the last of the other. */
	request(&p, 5, 8, MODEL_READ, false);
	request(&p, 6, 8, MODEL_READ, true);
	answer(&p, 6, 8, SMMUV3_PRI_SUCCESS);
	assert_response(&p, 6, 8, MODEL_PAGE_SUCCESS);
	assert_clean(&p.b);
	answer(&p, 5, 8, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "before the last");
	close_pri(&p);
}

/* 8.1: what does not fit is answered with success if it is the last of its group. */
static void overflow(void **state)
{
	struct pri p;
	uint64_t r[2];

	(void)state;
	open_pri(&p);
	for (uint16_t i = 0; i < 1u << PRIQ_BITS; i++)
		request(&p, 5, i, MODEL_READ, i > 0);
	assert_int_equal(rd(&p.b, SMMUV3_REG_PRIQ_PROD) & SMMUV3_Q_OVERFLOW, 0);
	request(&p, 5, 0, MODEL_READ, true); /* the last of group 0 */
	assert_response(&p, 5, 0, MODEL_PAGE_SUCCESS);
	assert_int_equal(rd(&p.b, SMMUV3_REG_PRIQ_PROD) & SMMUV3_Q_OVERFLOW, SMMUV3_Q_OVERFLOW);
	request(&p, 5, 20, MODEL_READ, false);
	request(&p, 5, 0, 0, true); /* a stop marker */
	assert_int_equal(p.responses, 0);
	request(&p, 0, 21, MODEL_READ, true);
	assert_response(&p, 0, 21, MODEL_PAGE_SUCCESS);
	/* There is room, but not before the overflow is acknowledged. */
	assert_true(entry(&p, r, false));
	request(&p, 5, 22, MODEL_READ, true);
	assert_response(&p, 5, 22, MODEL_PAGE_SUCCESS);
	assert_int_equal(used(&p), 3);
	assert_int_equal(p.b.msis, 1);
	assert_true(entry(&p, r, true));
	request(&p, 5, 23, MODEL_READ, true);
	assert_int_equal(p.responses, 0);
	assert_int_equal(used(&p), 3);
	/* Group 0 is over: nobody has to answer, and nobody may. */
	answer(&p, 5, 1, SMMUV3_PRI_SUCCESS);
	assert_response(&p, 5, 1, MODEL_PAGE_SUCCESS);
	assert_clean(&p.b);
	answer(&p, 5, 0, SMMUV3_PRI_SUCCESS);
	assert_wrong(&p, "not outstanding");
	close_pri(&p);
}

/* 8.1: the PASID of such a response, and its code, come from the STE. */
static void overflow_ppar(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	for (uint16_t i = 0; i < 1u << PRIQ_BITS; i++)
		request(&p, 5, i, MODEL_READ, true);
	set_stream(&p, false);
	request(&p, 5, 20, MODEL_READ, true);
	assert_response(&p, 0, 20, MODEL_PAGE_SUCCESS);
	put(&p.b, ste_at(&p.b), SMMUV3_STE0_V); /* still valid */
	cfgi_ste(&p.b);
	request(&p, 5, 20, MODEL_READ, true);
	assert_response(&p, 0, 20, MODEL_PAGE_SUCCESS);
	put(&p.b, ste_at(&p.b), 0);
	cfgi_ste(&p.b);
	request(&p, 5, 20, MODEL_READ, true);
	assert_response(&p, 0, 20, MODEL_PAGE_FAILURE);
	request(&p, 0, 20, MODEL_READ, true);
	assert_response(&p, 0, 20, MODEL_PAGE_SUCCESS);
	assert_clean(&p.b);
	close_pri(&p);
}

static void overflow_pps(void **state)
{
	struct model_smmuv3_config config;
	struct pri p;

	(void)state;
	assert_true(model_smmuv3_preset("nested-pri", &config));
	config.pps = true;
	open_with(&p, &config, 0);
	assert_int_equal(rd(&p.b, SMMUV3_REG_IDR3) & SMMUV3_IDR3_PPS, SMMUV3_IDR3_PPS);
	set_stream(&p, false);
	for (uint16_t i = 0; i < 1u << PRIQ_BITS; i++)
		request(&p, 5, i, MODEL_READ, true);
	request(&p, 5, 20, MODEL_READ, true);
	assert_response(&p, 5, 20, MODEL_PAGE_SUCCESS);
	close_pri(&p);
}

/* 8.2: without the queue every request fails at once, without PASID; stop markers are not answered. */
static void disabled(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	request(&p, 5, 7, MODEL_READ, false);
	cr0(&p.b, ALL & ~SMMUV3_CR0_PRIQEN);
	request(&p, 5, 7, MODEL_READ, true);
	assert_response(&p, 0, 7, MODEL_PAGE_FAILURE);
	request(&p, 5, 7, MODEL_READ, false);
	assert_response(&p, 0, 7, MODEL_PAGE_FAILURE);
	request(&p, 5, 0, 0, true);
	assert_int_equal(p.responses, 0);
	assert_int_equal(used(&p), 1);
	cr0(&p.b, ALL);
	assert_clean(&p.b);
	/* 3.9.1: not while a device uses ATS. */
	cr0(&p.b, ALL & ~SMMUV3_CR0_SMMUEN);
	assert_int_equal(p.b.reports[MODEL_REPORT_ILLEGAL], 1);
	assert_non_null(strstr(p.b.last.text, "ATS"));
	request(&p, 0, 8, MODEL_READ, true);
	assert_response(&p, 0, 8, MODEL_PAGE_FAILURE);
	assert_int_equal(all_reports(&p.b), 1);
	close_pri(&p);
}

static void aborted(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	model_memory_remove(p.b.mem, p.priq, 4096);
	request(&p, 5, 7, MODEL_READ, true);
	assert_response(&p, 0, 7, MODEL_PAGE_FAILURE);
	assert_int_equal(rd(&p.b, SMMUV3_REG_GERROR), SMMUV3_GERROR_PRIQ_ABT_ERR);
	assert_int_equal(rd(&p.b, SMMUV3_REG_PRIQ_PROD), 0);
	assert_int_equal(p.b.reports[MODEL_REPORT_WILD], 1);
	model_memory_add(p.b.mem, p.priq, 4096, MODEL_MEMORY_TABLES);
	/* As long as the error is active. */
	request(&p, 5, 8, MODEL_READ, true);
	assert_response(&p, 0, 8, MODEL_PAGE_FAILURE);
	wr(&p.b, SMMUV3_REG_GERRORN, SMMUV3_GERROR_PRIQ_ABT_ERR);
	request(&p, 5, 9, MODEL_READ, true);
	assert_int_equal(p.responses, 0);
	assert_int_equal(used(&p), 1);
	assert_int_equal(all_reports(&p.b), 1);
	close_pri(&p);
}

/* 3.18: one interrupt as the queue gets its first entry. */
static void interrupts(void **state)
{
	struct pri p;
	uint64_t r[2];

	(void)state;
	open_pri(&p);
	request(&p, 5, 7, MODEL_READ, false);
	assert_int_equal(p.b.msis, 1);
	assert_int_equal(p.b.msi_data, 0x55);
	assert_int_equal(p.b.msi_address, 0xfee00040);
	request(&p, 5, 7, MODEL_READ, true);
	assert_int_equal(p.b.msis, 1);
	assert_true(entry(&p, r, false));
	assert_true(entry(&p, r, false));
	request(&p, 5, 8, MODEL_READ, true);
	assert_int_equal(p.b.msis, 2);
	assert_clean(&p.b);
	close_pri(&p);
}

static void wire(void *context, enum model_smmuv3_irq irq)
{
	unsigned int *count = context;

	if (irq == MODEL_SMMUV3_IRQ_PRIQ)
		++*count;
}

/* 6.3.36: with LO at each last request, lost to an overflow or not; on wires too. */
static void last_only(void **state)
{
	struct model_smmuv3_config config;
	struct pri p;
	unsigned int count = 0;

	(void)state;
	assert_true(model_smmuv3_preset("nested-pri", &config));
	config.msi = false;
	config.wired = true;
	open_with(&p, &config, SMMUV3_PRIQ_IRQ_CFG2_LO);
	model_smmuv3_set_irq(p.b.smmu, wire, &count);
	request(&p, 5, 7, MODEL_READ, false);
	assert_int_equal(count, 0);
	request(&p, 5, 7, MODEL_READ, true);
	assert_int_equal(count, 1);
	request(&p, 5, 8, MODEL_READ, true);
	assert_int_equal(count, 2);
	request(&p, 5, 9, MODEL_READ, false);
	request(&p, 5, 9, MODEL_READ, false);
	assert_int_equal(count, 2);
	request(&p, 5, 9, MODEL_READ, true);
	assert_int_equal(count, 3);
	assert_clean(&p.b);
	close_pri(&p);
}

/* Who cannot be answered any more; the device that was switched off before is not missed. */
static void switched_off(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	request(&p, 5, 7, MODEL_READ, true);
	request(&p, 5, 8, MODEL_READ, false);
	cr0(&p.b, ALL & ~SMMUV3_CR0_SMMUEN);
	assert_int_equal(p.b.reports[MODEL_REPORT_ILLEGAL], 2); /* and one for ATS */
	/* 6.3.9.6: ignored. */
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_int_equal(p.responses, 0);
	assert_int_equal(all_reports(&p.b), 2);
	close_pri(&p);
}

static void device_gone(void **state)
{
	struct pri p;

	(void)state;
	open_pri(&p);
	request(&p, 5, 7, MODEL_READ, true);
	request(&p, 5, 8, MODEL_READ, false);
	request(&p, 5, 9, MODEL_READ, true);
	assert_int_equal(model_smmuv3_set_atc(p.b.smmu, SID, NULL), 0);
	/* Late, and harmless. */
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_int_equal(p.responses, 0);
	assert_clean(&p.b);
	answer(&p, 5, 7, SMMUV3_PRI_SUCCESS);
	assert_int_equal(p.b.reports[MODEL_REPORT_ILLEGAL], 1);
	cr0(&p.b, ALL & ~SMMUV3_CR0_SMMUEN);
	assert_int_equal(all_reports(&p.b), 1);
	close_pri(&p);
}

static void not_there(void **state)
{
	const struct model_page_request r = { .source_id = SID,
					      .access = MODEL_READ,
					      .last = true };
	struct bench b;

	(void)state;
	bench_open(&b, "nested-ats");
	assert_false(b.port.iommu.page_request(b.port.iommu.context, &r));
	assert_clean(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),	 cmocka_unit_test(codes),
		cmocka_unit_test(wrong_answers), cmocka_unit_test(ppar),
		cmocka_unit_test(same_index),	 cmocka_unit_test(overflow),
		cmocka_unit_test(overflow_ppar), cmocka_unit_test(overflow_pps),
		cmocka_unit_test(disabled),	 cmocka_unit_test(aborted),
		cmocka_unit_test(interrupts),	 cmocka_unit_test(last_only),
		cmocka_unit_test(switched_off),	 cmocka_unit_test(device_gone),
		cmocka_unit_test(not_there),
	};

	return cmocka_run_group_tests_name("model smmuv3 page requests", tests, NULL, NULL);
}
