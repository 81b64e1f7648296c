/* SPDX-License-Identifier: MIT */
/* flexrm.c - the ring manager behind an IOMMU that the test plays itself */
#include "models/flexrm.h"
#include "spec/flexrm.h"
#include "tests/models/devices_bench.h"

#define RINGS_SIZE 0x60000u /* rings 0, 2, 3 and 5 of six windows */
#define RINGS 0x2du

struct test {
	struct world *w;
	struct model_flexrm *flexrm;
};

static void build(struct test *t, void **state, struct model_flexrm_config config)
{
	struct model_pci_config pci = { .devfn = 0x38 };
	struct model_pci_function *fn;

	t->w = *state;
	if (!config.size)
		config.size = RINGS_SIZE;
	if (!config.rings)
		config.rings = RINGS;
	config.report = on_report;
	config.context = t->w;
	model_flexrm_config(&pci, config.size);
	fn = add(t->w, &pci);
	assert_int_equal(model_flexrm_create(fn, &config, &t->flexrm), 0);
	enable(t->w, 0, 0x38, BAR);
}

static uint32_t peek(struct test *t, unsigned int ring, uint64_t offset)
{
	return (uint32_t)get(t->w, ring * (uint64_t)FLEXRM_WINDOW + offset, 4);
}

static void poke(struct test *t, unsigned int ring, uint64_t offset, uint32_t value)
{
	put(t->w, ring * (uint64_t)FLEXRM_WINDOW + offset, 4, value);
}

static enum model_flexrm_state state_of(struct test *t, unsigned int ring)
{
	struct model_flexrm_ring seen;

	model_flexrm_ring(t->flexrm, ring, &seen);
	return seen.state;
}

static uint64_t dma_of(struct test *t, unsigned int ring)
{
	struct model_flexrm_ring seen;

	model_flexrm_ring(t->flexrm, ring, &seen);
	return seen.fetched + seen.completed + seen.refused;
}

/* Descriptors and completions both are at the start of the bench's two pages. */
static void run_ring(struct test *t, unsigned int ring)
{
	poke(t, ring, FLEXRM_BD_START, IOVA >> FLEXRM_BD_START_SHIFT);
	poke(t, ring, FLEXRM_COMPLETION_START, IOVA >> FLEXRM_COMPLETION_START_SHIFT);
	poke(t, ring, FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
}

static unsigned int wait_done(struct test *t, unsigned int ring, uint32_t value)
{
	unsigned int polls = 0;

	while (polls < FLEXRM_PATIENCE && peek(t, ring, FLEXRM_FLUSH_DONE) != value)
		polls++;
	return polls;
}

static void shut_down(struct test *t, unsigned int ring)
{
	poke(t, ring, FLEXRM_CONTROL, 0);
	poke(t, ring, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	if (wait_done(t, ring, 1) == FLEXRM_PATIENCE)
		return;
	poke(t, ring, FLEXRM_CONTROL, 0);
	wait_done(t, ring, 0);
}

static void reported(struct test *t, enum model_report_kind kind)
{
	assert_int_equal(t->w->reports, 1);
	assert_int_equal(t->w->report.kind, kind);
	t->w->reports = 0;
}

/* ---- what is there ----------------------------------------------------------------------------- */

static void test_windows(void **state)
{
	struct test t;

	build(&t, state, (struct model_flexrm_config){ .seed = 3 });
	for (unsigned int ring = 0; ring < 6; ring++)
		for (unsigned int i = 0; i < 50; i++)
			assert_int_equal(peek(&t, ring, FLEXRM_VERSION) == FLEXRM_VERSION_VALUE,
					 RINGS >> ring & 1);
	assert_int_equal(t.w->reports, 0);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_QUIET);
	assert_int_equal(state_of(&t, 1), MODEL_FLEXRM_HOLE);
	assert_int_equal(state_of(&t, 40), MODEL_FLEXRM_HOLE);

	/* Neither another register of a hole, nor what is beyond the last window. */
	peek(&t, 1, FLEXRM_FLUSH_DONE);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 4, FLEXRM_CONTROL, 0);
	reported(&t, MODEL_REPORT_ILLEGAL);
	peek(&t, 6, FLEXRM_VERSION);
	reported(&t, MODEL_REPORT_ILLEGAL);
}

static void test_accesses(void **state)
{
	struct test t;

	build(&t, state, (struct model_flexrm_config){ .seed = 3 });
	get(t.w, FLEXRM_CONTROL, 2);
	reported(&t, MODEL_REPORT_ILLEGAL);
	get(t.w, FLEXRM_VERSION, 8);
	reported(&t, MODEL_REPORT_ILLEGAL);
	put(t.w, FLEXRM_CONTROL, 1, 0);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_VERSION, 0);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_FLUSH_DONE, 0);
	reported(&t, MODEL_REPORT_ILLEGAL);
	peek(&t, 0, 0x100);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_CONTROL, 0x40);
	reported(&t, MODEL_REPORT_RESERVED);
	poke(&t, 0, FLEXRM_BD_START, 0x10000000);
	reported(&t, MODEL_REPORT_RESERVED);
	poke(&t, 0, FLEXRM_COMPLETION_START, 0x08000000);
	reported(&t, MODEL_REPORT_RESERVED);
	assert_int_equal(peek(&t, 0, FLEXRM_CONTROL), 0);
	assert_int_equal(peek(&t, 0, FLEXRM_BD_START), 0);
}

/* From none to all that there can be, the last window cut short. */
static void test_sizes(void **state)
{
	struct model_flexrm_config config = { .size = 0x8000, .rings = 1 };
	struct test t;
	struct model_pci_config pci = { .devfn = 0x40 };
	struct model_pci_function *fn;

	build(&t, state, config);
	assert_int_equal(peek(&t, 0, FLEXRM_VERSION), FLEXRM_VERSION_VALUE);
	shut_down(&t, 0);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_QUIET);
	assert_int_equal(t.w->reports, 0);
	get(t.w, 0x8000, 4); /* the next address is nobody's */
	assert_int_equal(t.w->reports, 0);

	config.size = 0x200000;
	config.rings = 0xffffffff;
	model_flexrm_config(&pci, config.size);
	assert_int_equal(pci.bar_size[0], 0x200000);
	fn = add(t.w, &pci);
	assert_int_equal(model_flexrm_create(fn, &config, &t.flexrm), 0);
	assert_int_equal(state_of(&t, 31), MODEL_FLEXRM_QUIET);

	config.size = 0x1f0000;
	pci.devfn = 0x48;
	fn = add(t.w, &pci);
	assert_int_equal(model_flexrm_create(fn, &config, &t.flexrm), -1);
	config.size = 0x200001;
	assert_int_equal(model_flexrm_create(fn, &config, &t.flexrm), -1);
}

/* ---- DMA --------------------------------------------------------------------------------------- */

static void test_dma(void **state)
{
	struct test t;
	uint64_t *memory, before;

	build(&t, state, (struct model_flexrm_config){ .seed = 9 });
	memory = (uint64_t *)(void *)t.w->ram;
	run_ring(&t, 2);
	model_pci_settle(t.w->pci);
	assert_int_equal(memory[0], UINT64_C(2) << 48 | 1);
	model_pci_settle(t.w->pci);
	assert_int_equal(memory[1], UINT64_C(2) << 48 | 2);
	assert_int_equal(peek(&t, 2, FLEXRM_BD_READ), 2 * FLEXRM_DESCRIPTOR);
	assert_int_equal(peek(&t, 2, FLEXRM_COMPLETION_WRITE), 2 * FLEXRM_DESCRIPTOR);
	assert_int_equal(dma_of(&t, 0), 0);

	/* While it is active it cannot be moved. */
	poke(&t, 2, FLEXRM_BD_START, 1);
	reported(&t, MODEL_REPORT_ILLEGAL);

	shut_down(&t, 2);
	assert_int_equal(state_of(&t, 2), MODEL_FLEXRM_QUIET);
	before = dma_of(&t, 2);
	for (unsigned int i = 0; i < 10; i++)
		model_pci_settle(t.w->pci);
	assert_int_equal(dma_of(&t, 2), before);
	assert_int_equal(t.w->reports, 0);

	/* Refused DMA is counted, and a ring that runs goes on. */
	t.w->access = 0;
	run_ring(&t, 2);
	model_pci_settle(t.w->pci);
	model_pci_settle(t.w->pci);
	assert_int_equal(dma_of(&t, 2), before + 4);
}

/* Taken out of use and not flushed: what is under way still arrives. */
static void test_under_way(void **state)
{
	struct test t;
	uint64_t before, late;

	for (uint64_t seed = 0; seed < 8; seed++) {
		struct model_flexrm_config config = { .seed = seed, .size = RINGS_SIZE };

		if (seed) {
			teardown(state);
			setup(state);
		}
		build(&t, state, config);
		run_ring(&t, 0);
		model_pci_settle(t.w->pci);
		poke(&t, 0, FLEXRM_CONTROL, 0);
		assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_INACTIVE);
		before = dma_of(&t, 0);
		if (seed % 2) {
			for (unsigned int i = 0; i < 10; i++)
				model_pci_settle(t.w->pci);
			late = dma_of(&t, 0) - before;
			assert_in_range(late, 1, 4);
			continue;
		}
		/* ... at the latest when the flush is done, and then never again. */
		poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
		assert_int_equal(dma_of(&t, 0), before);
		wait_done(&t, 0, 1);
		late = dma_of(&t, 0) - before;
		assert_in_range(late, 1, 4);
		model_pci_settle(t.w->pci);
		assert_int_equal(dma_of(&t, 0), before + late);
	}
}

static void test_power_on(void **state)
{
	struct test t;

	build(&t, state, (struct model_flexrm_config){ .active = 0x9 });
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_ACTIVE);
	assert_int_equal(state_of(&t, 2), MODEL_FLEXRM_QUIET);
	assert_int_equal(peek(&t, 3, FLEXRM_CONTROL), FLEXRM_CONTROL_ACTIVE);
	model_pci_settle(t.w->pci);
	assert_int_equal(dma_of(&t, 3), 2);
	shut_down(&t, 0);
	shut_down(&t, 3);
	assert_int_equal(t.w->reports, 0);
	assert_int_equal(state_of(&t, 3), MODEL_FLEXRM_QUIET);
}

/* ---- the order --------------------------------------------------------------------------------- */

static void test_order(void **state)
{
	struct test t;

	build(&t, state, (struct model_flexrm_config){ .fixed_polls = true, .polls = 3 });
	run_ring(&t, 0);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH | FLEXRM_CONTROL_ACTIVE);
	reported(&t, MODEL_REPORT_ILLEGAL);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_ACTIVE);

	poke(&t, 0, FLEXRM_CONTROL, 0);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_CONTROL, 0);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
	reported(&t, MODEL_REPORT_ILLEGAL);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_FLUSHING);
	assert_int_equal(wait_done(&t, 0, 1), 3);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
	reported(&t, MODEL_REPORT_ILLEGAL);

	poke(&t, 0, FLEXRM_CONTROL, 0);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
	reported(&t, MODEL_REPORT_ILLEGAL);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	reported(&t, MODEL_REPORT_ILLEGAL);
	assert_int_equal(wait_done(&t, 0, 0), 3);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_QUIET);
	poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
	assert_int_equal(t.w->reports, 0);
}

/* The last read that software makes is the first that finds it done; and one more would have been needed. */
static void test_patience(void **state)
{
	struct test t;

	build(&t, state, (struct model_flexrm_config){ .fixed_polls = true, .polls = 999 });
	shut_down(&t, 0);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_QUIET);
	assert_int_equal(t.w->reports, 0);
	teardown(state);
	setup(state);
	build(&t, state, (struct model_flexrm_config){ .fixed_polls = true, .polls = 1000 });
	shut_down(&t, 0);
	assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_FLUSHING);
}

static void test_stuck(void **state)
{
	struct model_flexrm_ring seen;
	struct test t;

	build(&t, state,
	      (struct model_flexrm_config){
		      .stuck_flush = 1 << 2, .stuck_clear = 1 << 3, .seed = 4 });
	/* A second time, software begins anew after it gave up. */
	for (unsigned int round = 0; round < 2; round++) {
		run_ring(&t, 0);
		for (unsigned int ring = 0; ring < 6; ring++)
			if (RINGS >> ring & 1)
				shut_down(&t, ring);
		assert_int_equal(state_of(&t, 0), MODEL_FLEXRM_QUIET);
		assert_int_equal(state_of(&t, 5), MODEL_FLEXRM_QUIET);
		model_flexrm_ring(t.flexrm, 2, &seen);
		assert_int_equal(seen.state, MODEL_FLEXRM_FLUSHING);
		assert_int_equal(seen.polls, FLEXRM_PATIENCE);
		model_flexrm_ring(t.flexrm, 3, &seen);
		assert_int_equal(seen.state, MODEL_FLEXRM_CLEARING);
		assert_int_equal(seen.polls, FLEXRM_PATIENCE);
		assert_int_equal(t.w->reports, 0);
	}
	/* One read too few is impatience. */
	poke(&t, 2, FLEXRM_CONTROL, 0);
	poke(&t, 2, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	for (unsigned int i = 0; i < FLEXRM_PATIENCE - 1; i++)
		peek(&t, 2, FLEXRM_FLUSH_DONE);
	poke(&t, 2, FLEXRM_CONTROL, 0);
	reported(&t, MODEL_REPORT_ILLEGAL);
}

/* The same seed, the same number of reads; and not always the same one. */
static void test_seed(void **state)
{
	unsigned int first[8], again[8], different = 0;

	for (unsigned int round = 0; round < 2; round++) {
		unsigned int *polls = round ? again : first;
		struct test t;

		if (round) {
			teardown(state);
			setup(state);
		}
		build(&t, state, (struct model_flexrm_config){ .seed = 7 });
		for (unsigned int i = 0; i < 8; i++) {
			poke(&t, 0, FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
			polls[i] = wait_done(&t, 0, 1);
			assert_in_range(polls[i], 0, 15);
			poke(&t, 0, FLEXRM_CONTROL, 0);
			assert_in_range(wait_done(&t, 0, 0), 0, 15);
		}
	}
	assert_memory_equal(first, again, sizeof(first));
	for (unsigned int i = 1; i < 8; i++)
		different += first[i] != first[0];
	assert_true(different > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_accesses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dma, setup, teardown),
		cmocka_unit_test_setup_teardown(test_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_power_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
