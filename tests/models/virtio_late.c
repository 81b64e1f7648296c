/* SPDX-License-Identifier: MIT */
/*
 * virtio_late.c - what the virtio IOMMU model keeps in use until a request is returned, and no longer
 *
 * Virtio 1.2, 5.13.6: "when this request completes" an endpoint cannot access any more what was taken away.
 */
#include "virtio_bench.h"

#define EP 0x30008u
#define OTHER 0x10u
#define PHYS 0x7654000u
#define RW (VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE)
#define SIZE 512u

static struct bench bench;

static int setup(void **state)
{
	struct bench *b = &bench;

	(void)state;
	open_preset(b, MMIO, "lazy");
	start(b, UINT64_MAX);
	/* Endpoints without a domain are to be told from others. */
	set_config(b, VIRTIO_IOMMU_CONFIG_BYPASS, 1, 0);
	assert_int_equal(probe(b, EP, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return bench_close(&bench);
}

/* Executed and not returned, as far as accesses tell: the used ring does not move meanwhile. */
static void queue_one(struct bench *b, const void *request, uint32_t size)
{
	prepare(b, 0, request, size, 4);
	expose(b, 0, 0);
	notify(b, 0);
}

static bool returned(struct bench *b)
{
	uint32_t id = 0, length = 0;

	return next_used(b, 0, &id, &length);
}

/*
 * Steps until the request is back, with an access between steps: it is made as before all the time, and with
 * @clean each of them that came after the request was executed is reported.
 */
static void watch(struct bench *b, bool clean)
{
	struct model_viommu_stats before, now;

	model_viommu_stats(b->vi, &before);
	model_viommu_expect_clean(b->vi, clean);
	for (unsigned int i = 0; !returned(b); i++) {
		bool executed;

		assert_true(i < 1000);
		model_viommu_stats(b->vi, &now);
		executed = memcmp(now.requests, before.requests, sizeof(now.requests));
		expect_access(b, EP, 0x5000, MODEL_WRITE, PHYS);
		if (clean && executed)
			expect_report(b, MODEL_REPORT_STALE, "5.13.6");
		expect_quiet(b);
		model_viommu_step(b->vi);
	}
	model_viommu_expect_clean(b->vi, false);
}

static void test_unmap_is_late(void **state)
{
	struct unmap_request request = {
		.type = VIRTIO_IOMMU_T_UNMAP, .domain = 1, .start = 0x5000, .last = 0x5fff
	};
	struct bench *b = &bench;

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
		queue_one(b, &request, VIRTIO_IOMMU_UNMAP_SIZE);
		watch(b, round & 1);
		expect_refused(b, EP, 0x5000, MODEL_WRITE);
	}
}

static void test_detach_is_late(void **state)
{
	struct attach_request request = { .type = VIRTIO_IOMMU_T_DETACH,
					  .domain = 1,
					  .endpoint = EP };
	struct bench *b = &bench;

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
		queue_one(b, &request, VIRTIO_IOMMU_DETACH_SIZE);
		watch(b, round & 1);
		expect_refused(b, EP, 0x5000, MODEL_WRITE);
		assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
		expect_refused(b, EP, 0x5000, MODEL_WRITE);
	}
}

/* The former domain is used until the ATTACH is back. */
static void test_attach_is_late(void **state)
{
	struct attach_request request = { .type = VIRTIO_IOMMU_T_ATTACH,
					  .domain = 2,
					  .endpoint = EP };
	struct bench *b = &bench;

	(void)state;
	assert_int_equal(probe(b, OTHER, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 2, OTHER, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
	assert_int_equal(map(b, 2, 0x5000, 0x5fff, 0x9000, RW), VIRTIO_IOMMU_S_OK);
	queue_one(b, &request, VIRTIO_IOMMU_ATTACH_SIZE);
	watch(b, true);
	expect_access(b, EP, 0x5000, MODEL_WRITE, 0x9000);
}

/* What leaves is of the domain and of the endpoint that it was taken from, and of nobody else. */
static void test_late_for_one(void **state)
{
	struct unmap_request unmapping = {
		.type = VIRTIO_IOMMU_T_UNMAP, .domain = 1, .start = 0x5000, .last = 0x5fff
	};
	struct attach_request detaching = { .type = VIRTIO_IOMMU_T_DETACH,
					    .domain = 1,
					    .endpoint = EP };
	struct bench *b = &bench;

	(void)state;
	assert_int_equal(probe(b, OTHER, SIZE, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 2, OTHER, 0), VIRTIO_IOMMU_S_OK);
	for (unsigned int round = 0; round < 20; round++) {
		assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
		if (round & 1)
			queue_one(b, &unmapping, VIRTIO_IOMMU_UNMAP_SIZE);
		else
			queue_one(b, &detaching, VIRTIO_IOMMU_DETACH_SIZE);
		while (!returned(b)) {
			expect_refused(b, OTHER, 0x5000, MODEL_WRITE);
			model_viommu_step(b->vi);
		}
		if (!(round & 1))
			assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	}
}

/* A domain that lost its last endpoint does not exist, even while that is not told yet. */
static void test_late_end_of_domain(void **state)
{
	struct attach_request detaching = { .type = VIRTIO_IOMMU_T_DETACH,
					    .domain = 1,
					    .endpoint = EP };
	struct map_request mapping = { .type = VIRTIO_IOMMU_T_MAP,
				       .domain = 1,
				       .start = 0x8000,
				       .last = 0x8fff,
				       .flags = RW };
	struct model_viommu_stats before, now;
	struct bench *b = &bench;
	unsigned int late = 0;

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		uint64_t out;

		model_viommu_stats(b->vi, &before);
		queue_one(b, &detaching, VIRTIO_IOMMU_DETACH_SIZE);
		do {
			model_viommu_step(b->vi);
			model_viommu_stats(b->vi, &now);
		} while (now.requests[VIRTIO_IOMMU_T_DETACH] ==
			 before.requests[VIRTIO_IOMMU_T_DETACH]);
		late += get16(b, b->ring[0].used + VIRTIO_USED_IDX) == b->ring[0].seen;
		out = prepare(b, 2, &mapping, VIRTIO_IOMMU_MAP_SIZE, 4);
		expose(b, 0, 2);
		notify(b, 0);
		for (unsigned int n = 0; n < 2; n += returned(b))
			model_viommu_step(b->vi);
		assert_int_equal(get32(b, out), VIRTIO_IOMMU_S_NOENT);
		assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	}
	assert_true(late > 0);
	expect_quiet(b);
}

/* Several requests take from one domain; it is there until the last of them is returned. */
static void test_several_late(void **state)
{
	struct unmap_request unmapping = {
		.type = VIRTIO_IOMMU_T_UNMAP, .domain = 1, .start = 0x5000, .last = 0x5fff
	};
	struct attach_request detaching = { .type = VIRTIO_IOMMU_T_DETACH,
					    .domain = 1,
					    .endpoint = EP };
	struct bench *b = &bench;

	(void)state;
	for (unsigned int round = 0; round < 40; round++) {
		uint64_t phys;

		assert_int_equal(map(b, 1, 0x5000, 0x5fff, PHYS, RW), VIRTIO_IOMMU_S_OK);
		assert_int_equal(map(b, 1, 0x6000, 0x6fff, PHYS + 0x1000, RW), VIRTIO_IOMMU_S_OK);
		prepare(b, 0, &unmapping, VIRTIO_IOMMU_UNMAP_SIZE, 4);
		prepare(b, 2, &detaching, VIRTIO_IOMMU_DETACH_SIZE, 4);
		expose(b, 0, 0);
		expose(b, 0, 2);
		notify(b, 0);
		for (unsigned int n = 0; n < 2; n += returned(b)) {
			if (access_by(b, EP, 0x6000, MODEL_WRITE, &phys) == MODEL_OK)
				assert_true(phys == PHYS + 0x1000);
			if (access_by(b, EP, 0x5000, MODEL_WRITE, &phys) == MODEL_OK)
				assert_true(phys == PHYS);
			model_viommu_step(b->vi);
		}
		expect_refused(b, EP, 0x5000, MODEL_WRITE);
		expect_refused(b, EP, 0x6000, MODEL_WRITE);
		assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	}
	expect_quiet(b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(test_unmap_is_late), T(test_detach_is_late),	   T(test_attach_is_late),
		T(test_late_for_one),  T(test_late_end_of_domain), T(test_several_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
