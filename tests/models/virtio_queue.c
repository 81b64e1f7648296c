/* SPDX-License-Identifier: MIT */
/* virtio_queue.c - what the virtio model says of virtqueues that a driver fills wrongly (virtio 1.2, 2.7) */
#include "virtio_bench.h"

#define ALL UINT64_MAX
#define EP 8u
#define DATA (RAM_BASE + 0x38000u)
#define DATA_MEMORY (RAM_BASE + 0x20000u)

static struct bench bench;

static int setup(void **state)
{
	(void)state;
	open_preset(&bench, MMIO, "minimal");
	start(&bench, ALL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return bench_close(&bench);
}

/* Starts another device than that of setup(). */
static struct bench *other(const char *preset, uint64_t accept)
{
	assert_int_equal(bench_close(&bench), 0);
	open_preset(&bench, MMIO, preset);
	start(&bench, accept);
	return &bench;
}

static void put_attach(struct bench *b, uint64_t phys)
{
	struct attach_request request = { .type = VIRTIO_IOMMU_T_ATTACH,
					  .domain = 1,
					  .endpoint = EP };

	memcpy(at(b, phys), &request, VIRTIO_IOMMU_ATTACH_SIZE);
}

static bool broken(struct bench *b)
{
	return get_status(b) & VIRTIO_STATUS_NEEDS_RESET;
}

/* It was reported, and the device stopped: nothing was returned, nothing was done. */
static void expect_stop(struct bench *b, enum model_report_kind kind, const char *section)
{
	uint32_t id = 0, length = 0, domain;

	expect_report(b, kind, section);
	assert_true(broken(b));
	assert_false(next_used(b, 0, &id, &length));
	assert_false(model_viommu_domain_of(b->vi, EP, &domain));
}

static void expect_attached(struct bench *b, uint32_t head)
{
	uint32_t id = 0, length = 0, domain = 0;

	assert_true(next_used(b, 0, &id, &length));
	assert_int_equal(id, head);
	assert_int_equal(length, 4);
	assert_true(model_viommu_domain_of(b->vi, EP, &domain));
	expect_quiet(b);
}

static void submit(struct bench *b, unsigned int head)
{
	expose(b, 0, head);
	notify(b, 0);
}

/* A request cut into pieces of any size is the same request (2.7.4.2). */
static void test_scattered(void **state)
{
	struct bench *b = &bench;
	static const uint8_t cuts[] = { 1, 6, 0, 11, 2 };
	uint32_t offset = 0;

	(void)state;
	put_attach(b, DATA);
	for (unsigned int i = 0; i < 5; i++) {
		set_desc(b, 0, i, DATA + offset, cuts[i], VIRTIO_DESC_F_NEXT, i + 1);
		offset += cuts[i];
	}
	assert_int_equal(offset, VIRTIO_IOMMU_ATTACH_SIZE);
	set_desc(b, 0, 5, DATA + 64, 1, VIRTIO_DESC_F_WRITE | VIRTIO_DESC_F_NEXT, 6);
	set_desc(b, 0, 6, DATA + 128, 3, VIRTIO_DESC_F_WRITE, 0);
	memset(at(b, DATA + 64), 0xee, 80);
	submit(b, 0);
	expect_attached(b, 0);
	assert_int_equal(get16(b, DATA + 64), 0xee00);
	assert_int_equal(get32(b, DATA + 128), 0xee000000u);
}

static void test_loop(void **state)
{
	struct bench *b = &bench;

	(void)state;
	set_desc(b, 0, 0, DATA, 4, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, DATA, 4, VIRTIO_DESC_F_NEXT, 0);
	submit(b, 0);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.5.2");
}

static void test_outside_table(void **state)
{
	struct bench *b = &bench;

	(void)state;
	set_desc(b, 0, 0, DATA, 4, VIRTIO_DESC_F_NEXT, 8);
	submit(b, 0);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.5");
}

static void test_head_outside(void **state)
{
	(void)state;
	submit(&bench, 8);
	expect_stop(&bench, MODEL_REPORT_ILLEGAL, "2.7.5");
}

static void test_readable_after_writable(void **state)
{
	struct bench *b = &bench;

	(void)state;
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA + 64, 4, VIRTIO_DESC_F_WRITE | VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, DATA, VIRTIO_IOMMU_ATTACH_SIZE, 0, 0);
	submit(b, 0);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.4.2");
}

static void test_unknown_flags(void **state)
{
	struct bench *b = &bench;

	(void)state;
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT | 8, 1);
	set_desc(b, 0, 1, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
	submit(b, 0);
	expect_report(b, MODEL_REPORT_RESERVED, "2.7.5");
	expect_attached(b, 0);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void test_wild_buffer(void **state)
{
	struct bench *b = &bench;

	(void)state;
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, UNREGISTERED - 2, 4, VIRTIO_DESC_F_WRITE, 0);
	submit(b, 0);
	expect_stop(b, MODEL_REPORT_WILD, "2.6");
}

static void test_huge_buffer(void **state)
{
	struct bench *b = &bench;

	(void)state;
	set_desc(b, 0, 0, DATA, 0xfffffff0u, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, UINT64_MAX - 7, 64, VIRTIO_DESC_F_WRITE, 0);
	submit(b, 0);
	expect_stop(b, MODEL_REPORT_WILD, "2.6");
}

static void test_more_than_4g(void **state)
{
	struct bench *b = other("standard", ALL & ~VIRTIO_F_EVENT_IDX);

	(void)state;
	model_memory_add(b->memory, DATA, 0x1000, MODEL_MEMORY_DMA);
	for (unsigned int i = 0; i < 2; i++)
		set_desc(b, 0, i, DATA, 0x1000, VIRTIO_DESC_F_NEXT, i + 1);
	/* The third makes it 2^32; the memory is not even looked at. */
	set_desc(b, 0, 2, DATA, UINT32_MAX - 0x1fff, 0, 0);
	submit(b, 0);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.5.2");
}

/* Memory that was given back while the device has the buffer. */
static void test_buffer_given_back(void **state)
{
	struct bench *b = other("lazy", ALL & ~VIRTIO_F_EVENT_IDX & ~VIRTIO_IOMMU_F_PROBE);
	unsigned int found = 0;

	(void)state;
	for (unsigned int round = 0; round < 20 && !found; round++) {
		uint32_t id = 0, length = 0;

		put_attach(b, DATA_MEMORY);
		set_desc(b, 0, 0, DATA_MEMORY, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
		set_desc(b, 0, 1, DATA_MEMORY + 64, 4, VIRTIO_DESC_F_WRITE, 0);
		submit(b, 0);
		/* It is fetched with the first step, and may be executed by then. */
		model_viommu_step(b->vi);
		model_memory_remove(b->memory, DATA_MEMORY, 0x1000);
		while (!b->reports && !next_used(b, 0, &id, &length))
			model_viommu_step(b->vi);
		model_memory_add(b->memory, DATA_MEMORY, 0x1000, MODEL_MEMORY_TABLES);
		if (b->reports) {
			if (!strstr(b->report.text, "given back"))
				fail_msg("%s", b->report.text);
			expect_report(b, MODEL_REPORT_WILD, "2.6");
			found++;
		}
	}
	assert_int_equal(found, 1);
	assert_true(broken(b));
}

static void test_ring_given_back(void **state)
{
	struct bench *b = &bench;

	(void)state;
	model_memory_remove(b->memory, b->ring[0].used & ~0xfffull, 0x1000);
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
	submit(b, 0);
	expect_report(b, MODEL_REPORT_WILD, "2.6");
	assert_true(broken(b));
}

/* ---- the available ring ------------------------------------------------------------------------ */

static void test_index_jumps(void **state)
{
	struct bench *b = &bench;

	(void)state;
	put16(b, b->ring[0].avail + VIRTIO_AVAIL_IDX, 9);
	notify(b, 0);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.13");
}

static void test_index_goes_back(void **state)
{
	struct bench *b = &bench;

	(void)state;
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	put16(b, b->ring[0].avail + VIRTIO_AVAIL_IDX, 0);
	notify(b, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.7.13");
	assert_true(broken(b));
}

/* Indices wrap at 2^16, long after the ring does (2.7.6). */
static void test_wrap(void **state)
{
	struct bench *b = &bench;

	(void)state;
	for (unsigned int i = 0; i < 0x10010; i++)
		if (attach(b, 1, EP, 0) != VIRTIO_IOMMU_S_OK)
			fail_msg("request %u", i);
	assert_int_equal(b->ring[0].seen, 0x10);
	expect_quiet(b);
}

/* A descriptor that the device has is used for another buffer, or changed. */
static void test_reuse(void **state)
{
	struct bench *b = other("lazy", ALL & ~VIRTIO_F_EVENT_IDX);

	(void)state;
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
	expose(b, 0, 0);
	submit(b, 0);
	for (unsigned int i = 0; i < 100 && !b->reports; i++)
		model_viommu_step(b->vi);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.7.5.2");
	assert_true(broken(b));
}

static void test_changed(void **state)
{
	struct bench *b = other("lazy", ALL & ~VIRTIO_F_EVENT_IDX & ~VIRTIO_IOMMU_F_PROBE);

	(void)state;
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
	submit(b, 0);
	for (unsigned int i = 0; i < 100 && !b->reports; i++) {
		model_viommu_step(b->vi);
		set_desc(b, 0, 1, DATA + 72, 4, VIRTIO_DESC_F_WRITE, 0);
	}
	expect_report(b, MODEL_REPORT_ILLEGAL, "3.3.1");
}

/* Not told, not looked at: without a notification nothing happens (2.7.13.3). */
static void test_no_notification(void **state)
{
	struct bench *b = &bench;
	uint32_t id = 0, length = 0;

	(void)state;
	put_attach(b, DATA);
	set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
	set_desc(b, 0, 1, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
	expose(b, 0, 0);
	for (unsigned int i = 0; i < 100; i++)
		model_viommu_step(b->vi);
	assert_false(next_used(b, 0, &id, &length));
	notify(b, 0);
	expect_attached(b, 0);
}

/* ---- suppressed notifications (2.7.10) and interrupts (2.7.7) ---------------------------------- */

/* While the device says that it looks for itself it does; it never says so and goes to sleep. */
static void test_suppressed(void **state)
{
	struct model_viommu_config config;
	struct bench *b = &bench;
	unsigned int quiet = 0;

	(void)state;
	assert_int_equal(bench_close(b), 0);
	model_viommu_preset("lazy", &config);
	config.f_event_idx = false;
	bench_open(b, MMIO, &config);
	start(b, ALL);
	for (unsigned int i = 0; i < 200; i++) {
		uint32_t id = 0, length = 0;

		put_attach(b, DATA);
		set_desc(b, 0, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 1);
		set_desc(b, 0, 1, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
		put_attach(b, DATA + 128);
		set_desc(b, 0, 2, DATA + 128, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 3);
		set_desc(b, 0, 3, DATA + 192, 4, VIRTIO_DESC_F_WRITE, 0);
		submit(b, 0);
		model_viommu_step(b->vi);
		expose(b, 0, 2);
		if (get16(b, b->ring[0].used + VIRTIO_USED_FLAGS) & VIRTIO_USED_F_NO_NOTIFY)
			quiet++;
		else
			notify(b, 0);
		for (unsigned int n = 0, steps = 0; n < 2; steps++) {
			assert_true(steps < 1000);
			model_viommu_step(b->vi);
			n += next_used(b, 0, &id, &length);
		}
		b->reports = 0; /* it was not probed */
	}
	assert_true(quiet > 10);
}

static unsigned int interrupts(struct bench *b)
{
	unsigned int status = (unsigned int)reg_read(b, VIRTIO_MMIO_INTERRUPT_STATUS);

	if (status)
		reg_write(b, VIRTIO_MMIO_INTERRUPT_ACK, status);
	return status & VIRTIO_MMIO_INT_QUEUE;
}

static void test_interrupts(void **state)
{
	struct bench *b = &bench;

	(void)state;
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_true(model_virtio_line(b->v));
	assert_int_equal(interrupts(b), 1);
	assert_false(model_virtio_line(b->v));
	put16(b, b->ring[0].avail + VIRTIO_AVAIL_FLAGS, VIRTIO_AVAIL_F_NO_INTERRUPT);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(interrupts(b), 0);
	put16(b, b->ring[0].avail + VIRTIO_AVAIL_FLAGS, 2);
	expect_quiet(b);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_report(b, MODEL_REPORT_RESERVED, "2.7.7.1");
}

/* 2.7.7.2, 2.7.10.2: the index at which each side wants to hear of it. */
static void test_event_index(void **state)
{
	struct bench *b = other("standard", ALL);
	uint64_t used_event = b->ring[0].avail + VIRTIO_AVAIL_RING + 2 * b->ring[0].size;
	uint64_t avail_event = b->ring[0].used + VIRTIO_USED_RING + 8 * b->ring[0].size;

	(void)state;
	assert_int_equal(probe(b, EP, 512, NULL), VIRTIO_IOMMU_S_OK);
	interrupts(b);
	put16(b, used_event, 3);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK); /* 1 */
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK); /* 2 */
	assert_int_equal(interrupts(b), 0);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK); /* 3 */
	assert_int_equal(interrupts(b), 1);
	assert_int_equal(get16(b, avail_event), 4);
	expect_quiet(b);
}

/* ---- indirect descriptors (2.7.5.3) ------------------------------------------------------------ */

static void put_indirect(struct bench *b, uint64_t table, unsigned int i, uint64_t addr,
			 uint32_t length, unsigned int flags, unsigned int next)
{
	put64(b, table + 16 * i, addr);
	put32(b, table + 16 * i + 8, length);
	put16(b, table + 16 * i + 12, flags);
	put16(b, table + 16 * i + 14, next);
}

static struct bench *with_indirect(uint64_t accept)
{
	struct bench *b = other("standard", accept);

	assert_int_equal(probe(b, EP, 512, NULL), VIRTIO_IOMMU_S_OK);
	put_attach(b, DATA);
	put_indirect(b, DATA + 512, 0, DATA, VIRTIO_IOMMU_ATTACH_SIZE, VIRTIO_DESC_F_NEXT, 2);
	put_indirect(b, DATA + 512, 2, DATA + 64, 4, VIRTIO_DESC_F_WRITE, 0);
	return b;
}

static void test_indirect(void **state)
{
	struct bench *b = with_indirect(ALL & ~VIRTIO_F_EVENT_IDX);

	(void)state;
	set_desc(b, 0, 5, DATA + 512, 48, VIRTIO_DESC_F_INDIRECT, 0);
	submit(b, 5);
	expect_attached(b, 5);
}

static void test_indirect_wrong(void **state)
{
	static const struct {
		uint32_t length;
		unsigned int flags;
		const char *section;
	} wrong[] = {
		{ 47, VIRTIO_DESC_F_INDIRECT, "2.7.5.3" },
		{ 0, VIRTIO_DESC_F_INDIRECT, "2.7.5.3" },
		{ 48, VIRTIO_DESC_F_INDIRECT | VIRTIO_DESC_F_NEXT, "2.7.5.3.1" },
		{ 32, VIRTIO_DESC_F_INDIRECT, "2.7.5" }, /* the second is outside */
	};
	struct bench *b;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		b = with_indirect(ALL);
		set_desc(b, 0, 5, DATA + 512, wrong[i].length, wrong[i].flags, 6);
		submit(b, 5);
		expect_stop(b, MODEL_REPORT_ILLEGAL, wrong[i].section);
	}
	b = with_indirect(ALL);
	put_indirect(b, DATA + 512, 0, DATA, 16, VIRTIO_DESC_F_INDIRECT, 0);
	set_desc(b, 0, 5, DATA + 512, 48, VIRTIO_DESC_F_INDIRECT, 0);
	submit(b, 5);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.5.3.1");
	b = with_indirect(ALL & ~VIRTIO_F_INDIRECT_DESC);
	set_desc(b, 0, 5, DATA + 512, 48, VIRTIO_DESC_F_INDIRECT, 0);
	submit(b, 5);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.5.3.1");
}

/* A loop inside an indirect table, where no descriptor of the queue's own is used twice. */
static void test_indirect_loop(void **state)
{
	struct bench *b = with_indirect(ALL);

	(void)state;
	put_indirect(b, DATA + 512, 0, DATA, 4, VIRTIO_DESC_F_NEXT, 1);
	put_indirect(b, DATA + 512, 1, DATA, 4, VIRTIO_DESC_F_NEXT, 0);
	set_desc(b, 0, 5, DATA + 512, 48, VIRTIO_DESC_F_INDIRECT, 0);
	submit(b, 5);
	expect_stop(b, MODEL_REPORT_ILLEGAL, "2.7.5.3.1");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_scattered),
		T(test_loop),
		T(test_outside_table),
		T(test_head_outside),
		T(test_readable_after_writable),
		T(test_unknown_flags),
		T(test_wild_buffer),
		T(test_huge_buffer),
		T(test_more_than_4g),
		T(test_buffer_given_back),
		T(test_ring_given_back),
		T(test_index_jumps),
		T(test_index_goes_back),
		T(test_wrap),
		T(test_reuse),
		T(test_changed),
		T(test_no_notification),
		T(test_suppressed),
		T(test_interrupts),
		T(test_event_index),
		T(test_indirect),
		T(test_indirect_wrong),
		T(test_indirect_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
