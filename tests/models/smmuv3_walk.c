/* SPDX-License-Identifier: MIT */
/* smmuv3_walk.c - translation: tables of both stages, the TLB, and what becomes of a fault */
#include "smmuv3_bench.h"

static void one_page(void **state)
{
	struct bench b;
	struct model_translation t;
	uint64_t root, record[4];

	(void)state;
	bench_open(&b, "s1");
	root = stage1(&b);
	map(&b, root, 0x1234000, DMA_BASE + 0x3000, PTE_RW);
	assert_int_equal(ask(&b, 0x1234567, MODEL_READ, &t), MODEL_OK);
	assert_int_equal(t.phys, DMA_BASE + 0x3567);
	assert_int_equal(t.size, 4096);
	assert_int_equal(t.access, MODEL_READ | MODEL_WRITE | MODEL_EXEC);
	assert_int_equal(ask(&b, 0x1235000, MODEL_WRITE, &t), MODEL_FAULT);
	assert_int_equal(event_type(&b, record), SMMUV3_F_TRANSLATION);
	assert_int_equal(smmuv3_get(record[0], SMMUV3_EVT0_SID), SID);
	assert_int_equal(record[1], smmuv3_set(SMMUV3_CLASS_IN, SMMUV3_EVT1_CLASS));
	assert_int_equal(record[2], 0x1235000);
	assert_int_equal(record[3], 0);
	assert_clean(&b);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_page),
	};

	return cmocka_run_group_tests_name("model smmuv3 walk", tests, NULL, NULL);
}
