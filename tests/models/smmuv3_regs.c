/* SPDX-License-Identifier: MIT */
/* smmuv3_regs.c - identification, guards of registers, handshakes, the event queue, global errors */
#include "smmuv3_bench.h"

static void presets(void **state)
{
	(void)state;
	for (const char *const *name = model_smmuv3_presets(); *name; name++) {
		struct model_smmuv3_config config;
		struct bench b;

		assert_true(model_smmuv3_preset(*name, &config));
		bench_create(&b, &config);
		bench_enable(&b);
		assert_clean(&b);
		bench_close(&b);
	}
	assert_false(model_smmuv3_preset("s3", &(struct model_smmuv3_config){ 0 }));
}

static void identification(void **state)
{
	struct bench b;
	uint32_t idr0, idr1, idr3, idr5;

	(void)state;
	bench_open(&b, "nested-ats");
	idr0 = rd(&b, SMMUV3_REG_IDR0);
	idr1 = rd(&b, SMMUV3_REG_IDR1);
	idr3 = rd(&b, SMMUV3_REG_IDR3);
	idr5 = rd(&b, SMMUV3_REG_IDR5);
	assert_int_equal(idr0 & (SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P | SMMUV3_IDR0_ATS |
				 SMMUV3_IDR0_COHACC | SMMUV3_IDR0_MSI | SMMUV3_IDR0_PRI),
			 SMMUV3_IDR0_S1P | SMMUV3_IDR0_S2P | SMMUV3_IDR0_ATS | SMMUV3_IDR0_COHACC |
				 SMMUV3_IDR0_MSI);
	assert_int_equal(smmuv3_get(idr0, SMMUV3_IDR0_TTF), SMMUV3_TTF_AARCH64);
	assert_int_equal(smmuv3_get(idr0, SMMUV3_IDR0_ST_LEVEL), 1);
	assert_int_equal(smmuv3_get(idr1, SMMUV3_IDR1_SIDSIZE), 16);
	assert_int_equal(smmuv3_get(idr1, SMMUV3_IDR1_SSIDSIZE), 20);
	assert_int_equal(smmuv3_get(idr1, SMMUV3_IDR1_CMDQS), 8);
	assert_int_equal(idr3 & SMMUV3_IDR3_RIL, SMMUV3_IDR3_RIL);
	assert_int_equal(smmuv3_get(idr3, SMMUV3_IDR3_BBML), 2);
	assert_int_equal(smmuv3_get(idr5, SMMUV3_IDR5_OAS), SMMUV3_SIZE_48);
	bench_close(&b);
}

static void impossible(void **state)
{
	struct model_smmuv3_config config;
	struct model_smmuv3 *smmu;
	struct bench b;

	(void)state;
	assert_true(model_smmuv3_preset("s1", &config));
	bench_create(&b, &config);
	config.s1p = false;
	assert_int_equal(model_smmuv3_create(&config, b.mem, NULL, NULL, NULL, &smmu), -1);
	config.s1p = true;
	config.oas = 47;
	assert_int_equal(model_smmuv3_create(&config, b.mem, NULL, NULL, NULL, &smmu), -1);
	bench_close(&b);
}

/* Each write that is not allowed while the unit runs: reported, and without effect. */
static void guards(void **state)
{
	static const struct {
		uint32_t offset, value;
		bool kept;
	} cases[] = {
		{ SMMUV3_REG_CR1, 0x035, true },
		{ SMMUV3_REG_CR1, 0xd40, true },
		{ SMMUV3_REG_CR2, 0, true },
		{ SMMUV3_REG_STRTAB_BASE, 0x1000, true },
		{ SMMUV3_REG_STRTAB_BASE + 4, 1, true },
		{ SMMUV3_REG_STRTAB_BASE_CFG, 7, true },
		{ SMMUV3_REG_CMDQ_BASE, 0x1000, true },
		{ SMMUV3_REG_CMDQ_CONS, 0, true },
		{ SMMUV3_REG_EVENTQ_BASE, 0x1000, true },
		{ SMMUV3_REG_EVENTQ_PROD, 3, true },
		{ SMMUV3_REG_EVENTQ_CONS, 3, false }, /* runs over PROD */
		{ SMMUV3_REG_CMDQ_PROD, 1, true }, /* takes commands back */
		{ SMMUV3_REG_GERRORN, SMMUV3_GERROR_CMDQ_ERR, true },
		{ SMMUV3_REG_GBPA, SMMUV3_GBPA_ABORT, true }, /* without Update */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		uint32_t old;

		bench_open(&b, "s1");
		old = rd(&b, cases[i].offset);
		wr(&b, cases[i].offset, cases[i].value);
		if (b.reports[MODEL_REPORT_ILLEGAL] != 1)
			fail_msg("case %u is not reported", i);
		if (cases[i].kept)
			assert_int_equal(rd(&b, cases[i].offset), old);
		bench_close(&b);
	}
}

static void reserved(void **state)
{
	static const struct {
		uint32_t offset, value;
	} cases[] = {
		{ SMMUV3_REG_CR0, 1u << 9 },
		{ SMMUV3_REG_CR1, 1u << 12 },
		{ SMMUV3_REG_CR2, 1u << 5 },
		{ SMMUV3_REG_IRQ_CTRL, 1u << 5 },
		{ SMMUV3_REG_STRTAB_BASE_CFG, 1u << 20 },
		{ SMMUV3_REG_CMDQ_PROD, 1u << 20 },
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model_smmuv3_config config;
		struct bench b;

		assert_true(model_smmuv3_preset("s1", &config));
		bench_create(&b, &config);
		wr(&b, cases[i].offset, cases[i].value);
		if (b.reports[MODEL_REPORT_RESERVED] != 1)
			fail_msg("case %u is not reported", i);
		bench_close(&b);
	}
}

/* 3.11: caches are in an unknown state after reset. */
static void enabled_too_early(void **state)
{
	struct model_smmuv3_config config;
	struct bench b;

	(void)state;
	assert_true(model_smmuv3_preset("s1", &config));
	bench_create(&b, &config);
	wr(&b, SMMUV3_REG_CR1, 0xd75);
	model_smmuv3_write64(b.smmu, SMMUV3_REG_STRTAB_BASE, b.strtab);
	wr(&b, SMMUV3_REG_STRTAB_BASE_CFG, STREAM_BITS);
	wr(&b, SMMUV3_REG_CR0, SMMUV3_CR0_SMMUEN);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 2);
	bench_close(&b);
}

static void wrong_tables(void **state)
{
	static const struct {
		uint64_t base;
		uint32_t cfg, cr1;
	} cases[] = {
		{ 0, 17, 0xd75 }, /* more streams than SIDSIZE */
		{ 64, STREAM_BITS, 0xd75 }, /* not aligned */
		{ 0, STREAM_BITS | 2u << 16, 0xd75 }, /* format */
		{ 0, STREAM_BITS | 1u << 16 | 7u << 6, 0xd75 }, /* split */
		{ 0, STREAM_BITS, 0xd35 & ~0x3c0u }, /* past the caches */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model_smmuv3_config config;
		struct bench b;

		assert_true(model_smmuv3_preset("s1", &config));
		bench_create(&b, &config);
		bench_queues(&b);
		cr0(&b, 0);
		wr(&b, SMMUV3_REG_CR1, cases[i].cr1);
		model_smmuv3_write64(b.smmu, SMMUV3_REG_STRTAB_BASE,
				     (b.strtab & ~UINT64_C(0x3fffff)) | cases[i].base);
		wr(&b, SMMUV3_REG_STRTAB_BASE_CFG, cases[i].cfg);
		assert_clean(&b);
		wr(&b, SMMUV3_REG_CR0, SMMUV3_CR0_SMMUEN);
		if (b.reports[MODEL_REPORT_ILLEGAL] != 1)
			fail_msg("case %u: %u reports", i, b.reports[MODEL_REPORT_ILLEGAL]);
		bench_close(&b);
	}
}

/* A lazy unit acknowledges later; what hurries it is reported. */
static void handshakes(void **state)
{
	struct model_smmuv3_config config;
	struct bench b;
	bool late = false;

	(void)state;
	assert_true(model_smmuv3_preset("s1-lazy", &config));
	bench_create(&b, &config);
	bench_queues(&b);
	assert_clean(&b);
	for (unsigned int i = 0; i < 20 && !late; i++) {
		wr(&b, SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE | SMMUV3_GBPA_ABORT);
		late = rd(&b, SMMUV3_REG_GBPA) & SMMUV3_GBPA_UPDATE;
		while (rd(&b, SMMUV3_REG_GBPA) & SMMUV3_GBPA_UPDATE)
			;
	}
	assert_true(late);
	wr(&b, SMMUV3_REG_CR0, SMMUV3_CR0_CMDQEN);
	wr(&b, SMMUV3_REG_CR0, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	forget(&b);
	/* The command queue is worked off as time passes. */
	while (model_smmuv3_step(b.smmu))
		;
	queue(&b, SMMUV3_CMD_SYNC, 0);
	queue(&b, SMMUV3_CMD_SYNC, 0);
	queue(&b, SMMUV3_CMD_SYNC, 0);
	assert_int_not_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), b.cmd_prod);
	assert_true(model_smmuv3_step(b.smmu));
	while (model_smmuv3_step(b.smmu))
		;
	assert_int_equal(rd(&b, SMMUV3_REG_CMDQ_CONS), b.cmd_prod);
	assert_clean(&b);
	bench_close(&b);
}

/* 7.2: a full queue loses records and says so once; an acknowledged overflow can come again. */
static void overflow(void **state)
{
	struct bench b;
	uint64_t record[4];
	uint32_t prod;

	(void)state;
	bench_open(&b, "s1");
	for (unsigned int i = 0; i < 1u << QUEUE_BITS; i++)
		assert_int_equal(to(&b, 0x1000 * i), UINT64_MAX);
	prod = rd(&b, SMMUV3_REG_EVENTQ_PROD);
	assert_int_equal(prod, 1u << QUEUE_BITS);
	to(&b, 0);
	assert_int_equal(rd(&b, SMMUV3_REG_EVENTQ_PROD), prod | SMMUV3_Q_OVERFLOW);
	to(&b, 0);
	assert_int_equal(rd(&b, SMMUV3_REG_EVENTQ_PROD), prod | SMMUV3_Q_OVERFLOW);
	for (unsigned int i = 0; i < 1u << QUEUE_BITS; i++)
		assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_STE);
	assert_int_equal(event_type(&b, record), 0);
	assert_int_equal((rd(&b, SMMUV3_REG_EVENTQ_PROD) ^ rd(&b, SMMUV3_REG_EVENTQ_CONS)) &
				 SMMUV3_Q_OVERFLOW,
			 0);
	to(&b, 0);
	assert_int_equal(event_type(&b, record), SMMUV3_C_BAD_STE);
	assert_clean(&b);
	bench_close(&b);
}

/* 3.18: an interrupt when the queue is no longer empty, none for the records after. */
static void interrupts(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	model_smmuv3_write64(b.smmu, SMMUV3_REG_EVENTQ_IRQ_CFG0, 0xfee00000);
	wr(&b, SMMUV3_REG_EVENTQ_IRQ_CFG1, 0x31);
	model_smmuv3_write64(b.smmu, SMMUV3_REG_GERROR_IRQ_CFG0, 0xfee00000);
	wr(&b, SMMUV3_REG_GERROR_IRQ_CFG1, 0x32);
	wr(&b, SMMUV3_REG_IRQ_CTRL, SMMUV3_IRQ_CTRL_EVENTQ_IRQEN | SMMUV3_IRQ_CTRL_GERROR_IRQEN);
	assert_int_equal(rd(&b, SMMUV3_REG_IRQ_CTRLACK),
			 SMMUV3_IRQ_CTRL_EVENTQ_IRQEN | SMMUV3_IRQ_CTRL_GERROR_IRQEN);
	to(&b, 0);
	to(&b, 0);
	assert_int_equal(b.msis, 1);
	assert_int_equal(b.msi_data, 0x31);
	assert_clean(&b);
	queue(&b, 0xff, 0);
	assert_int_equal(b.msis, 2);
	assert_int_equal(b.msi_data, 0x32);
	forget(&b);
	wr(&b, SMMUV3_REG_EVENTQ_IRQ_CFG1, 0x33);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	bench_close(&b);
}

static void wild_events(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	model_memory_remove(b.mem, b.eventq, 4096);
	to(&b, 0);
	assert_int_equal(rd(&b, SMMUV3_REG_GERROR), SMMUV3_GERROR_EVENTQ_ABT_ERR);
	assert_int_equal(b.reports[MODEL_REPORT_WILD], 1);
	bench_close(&b);
}

/* 6.2: half registers, aligned, and no 64-bit access to what has 32 bits. */
static void accesses(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, "s1");
	assert_int_equal(rd(&b, SMMUV3_REG_STRTAB_BASE), (uint32_t)b.strtab);
	assert_int_equal(rd(&b, SMMUV3_REG_STRTAB_BASE + 4), b.strtab >> 32);
	assert_int_equal(model_smmuv3_read64(b.smmu, SMMUV3_REG_STRTAB_BASE), b.strtab);
	rd(&b, 2);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 1);
	model_smmuv3_read64(b.smmu, SMMUV3_REG_CR0);
	assert_int_equal(b.reports[MODEL_REPORT_ILLEGAL], 2);
	bench_close(&b);
}

/* A message of a device is a write to the doorbell, through the tables. */
static void doorbell(void **state)
{
	struct model_smmuv3_config config;
	struct model_translation t;
	struct bench b;
	uint64_t root;

	(void)state;
	assert_true(model_smmuv3_preset("s1", &config));
	config.doorbell = 0xfee00000;
	config.doorbell_size = 0x1000;
	bench_create(&b, &config);
	bench_enable(&b);
	root = stage1(&b);
	map(&b, root, 0x8000000, 0xfee00000, PTE_RW);
	assert_int_equal(ask(&b, 0x8000040, MODEL_WRITE, &t), MODEL_INTERRUPT);
	assert_int_equal(t.phys, 0xfee00040);
	assert_int_equal(ask(&b, 0x8001040, MODEL_WRITE, &t), MODEL_FAULT);
	assert_clean(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presets),	cmocka_unit_test(identification),
		cmocka_unit_test(impossible),	cmocka_unit_test(guards),
		cmocka_unit_test(reserved),	cmocka_unit_test(enabled_too_early),
		cmocka_unit_test(wrong_tables), cmocka_unit_test(handshakes),
		cmocka_unit_test(overflow),	cmocka_unit_test(interrupts),
		cmocka_unit_test(wild_events),	cmocka_unit_test(accesses),
		cmocka_unit_test(doorbell),
	};

	return cmocka_run_group_tests_name("model smmuv3 registers", tests, NULL, NULL);
}
