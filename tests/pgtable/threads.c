/* SPDX-License-Identifier: MIT */
/*
 * threads.c - several threads on disjoint ranges of one set of tables, without a lock
 *
 * Three mappers own every third page of the same regions, so that all of them want the same tables
 * at the same moment. A fourth maps and unmaps whole tables and large leaves beside them, whose tables
 * are freed at once. A fifth asks for addresses anywhere. Made to be run under the thread sanitizer.
 *
 * After each map its owner walks the copy of memory that holds only what was flushed: a mapping that
 * hardware could not reach when map returned is found here.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "host.h"
#include "src/pgtable/arm_lpae.h"
#include "src/pgtable/pgtable.h"

#define K4 0x1000ull
#define M2 0x200000ull
#define G1 0x40000000ull
#define PHYS (1ull << 40)

enum { MAPPERS = 3, ROUNDS = 1500, REGIONS = 4, PAGES = 24 };

struct race {
	struct host *host;
	struct uiommu_pt pt;
	bool x86;
	pthread_barrier_t barrier;
	unsigned int wrong; /* atomic */
	bool stop; /* atomic */
};

struct thread {
	pthread_t id;
	struct race *race;
	unsigned int number;
};

static void wrong(struct race *race)
{
	__atomic_fetch_add(&race->wrong, 1, __ATOMIC_RELAXED);
}

static void map(struct race *race, uint64_t iova, uint64_t size)
{
	struct uiommu_iotlb_gather gather;
	uint64_t mapped = 0;
	int rc;

	uiommu_iotlb_gather_init(&gather, false);
	if (race->x86)
		rc = uiommu_pt_x86_64_map(&race->pt, iova, PHYS + iova, size, 3, &mapped, &gather);
	else
		rc = uiommu_pt_vtd_ss_map(&race->pt, iova, PHYS + iova, size, 3, &mapped, &gather);
	if (rc || mapped != size)
		wrong(race);
	for (void *table = gather.freed; gather.num_freed; gather.num_freed--) {
		uint64_t link = *(uint64_t *)table;

		uiommu_port_free_pages(race->host, table, 0);
		table = (void *)(uintptr_t)(link + race->pt.direct_map);
	}
}

static void unmap(struct race *race, uint64_t iova, uint64_t size)
{
	struct uiommu_iotlb_gather gather;
	uint64_t done;

	uiommu_iotlb_gather_init(&gather, false);
	if (race->x86)
		done = uiommu_pt_x86_64_unmap(&race->pt, iova, size, &gather);
	else
		done = uiommu_pt_vtd_ss_unmap(&race->pt, iova, size, &gather);
	if (done != size)
		wrong(race);
	for (void *table = gather.freed; gather.num_freed; gather.num_freed--) {
		uint64_t link = *(uint64_t *)table;

		uiommu_port_free_pages(race->host, table, 0);
		table = (void *)(uintptr_t)(link + race->pt.direct_map);
	}
}

static uint64_t look(struct race *race, uint64_t iova)
{
	return race->x86 ? uiommu_pt_x86_64_iova_to_phys(&race->pt, iova) :
			   uiommu_pt_vtd_ss_iova_to_phys(&race->pt, iova);
}

/* Does hardware that sees only what was flushed reach @iova? */
static bool hardware_reaches(struct race *race, uint64_t iova)
{
	const uint64_t *table = race->pt.root;
	uint64_t e = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		e = __atomic_load_n(host_seen(race->host, table + (iova >> shift & 511)),
				    __ATOMIC_RELAXED);
		if (!(e & 1) || e == ~0ull)
			return false;
		table = (const uint64_t *)((e & 0x000ffffffffff000) + race->pt.direct_map);
	}
	return (e & 0x000ffffffffff000) == PHYS + iova;
}

/* The page of mapper @number in a region that is new in each round. */
static uint64_t page(unsigned int round, unsigned int number, unsigned int i)
{
	return (uint64_t)(round % REGIONS + 1) * 512 * G1 + (round / REGIONS % 8) * M2 +
	       (i * MAPPERS + number) * K4;
}

static void *mapper(void *arg)
{
	struct thread *thread = arg;
	struct race *race = thread->race;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&race->barrier);
		for (unsigned int i = 0; i < PAGES; i++) {
			uint64_t iova = page(round, thread->number, i);

			map(race, iova, K4);
			if (look(race, iova + 5) != PHYS + iova + 5 ||
			    (!race->pt.config.coherent && !hardware_reaches(race, iova)))
				wrong(race);
		}
		for (unsigned int i = 0; i < PAGES; i++) {
			unmap(race, page(round, thread->number, i), K4);
			if (look(race, page(round, thread->number, i)))
				wrong(race);
		}
		/* One of them clears the way, so that the next rounds start without tables. */
		pthread_barrier_wait(&race->barrier);
		if (thread->number == 0) {
			uint64_t base = page(round, 0, 0) & ~(M2 - 1);

			map(race, base, M2);
			unmap(race, base, M2);
		}
	}
	return NULL;
}

/* Whole tables, beside the mappers' ones and below the same upper tables. */
static void *whole(void *arg)
{
	struct race *race = ((struct thread *)arg)->race;

	for (unsigned int i = 0; !__atomic_load_n(&race->stop, __ATOMIC_RELAXED); i++) {
		uint64_t iova = (uint64_t)(i % REGIONS + 1) * 512 * G1 + (9 + i % 3) * M2;

		map(race, iova, K4);
		map(race, iova + K4, M2 - K4);
		unmap(race, iova, M2);
		map(race, iova, M2);
		unmap(race, iova, M2);
	}
	return NULL;
}

static void *reader(void *arg)
{
	struct race *race = ((struct thread *)arg)->race;

	for (unsigned int i = 0; !__atomic_load_n(&race->stop, __ATOMIC_RELAXED); i++) {
		uint64_t iova = (uint64_t)(i % REGIONS + 1) * 512 * G1 + (i % 12) * M2 +
				(i * 7 % 80) * K4 + i % 100;
		uint64_t phys = look(race, iova);

		/* Whatever the others are doing: the right answer, or none. */
		if (phys && phys != PHYS + iova)
			wrong(race);
	}
	return NULL;
}

static size_t count_tables(struct race *race, const uint64_t *table, unsigned int level)
{
	size_t n = 1;

	for (unsigned int i = 0; level > 1 && i < 512; i++) {
		if (table[i] & 0x80)
			wrong(race);
		else if (table[i])
			n += count_tables(race,
					  (const uint64_t *)((table[i] & 0x000ffffffffff000) +
							     race->pt.direct_map),
					  level - 1);
	}
	return n;
}

static void run_race(bool x86, bool coherent)
{
	struct race race = { .host = host_new(4000, 1ull << 32), .x86 = x86 };
	struct thread thread[MAPPERS + 2];
	const struct uiommu_pt_config config = { .host = race.host,
						 .va_bits = 48,
						 .pa_bits = 46,
						 .pgsizes = K4 | M2 | G1,
						 .coherent = coherent };

	assert_int_equal(x86 ? uiommu_pt_x86_64_init(&race.pt, &config) :
			       uiommu_pt_vtd_ss_init(&race.pt, &config),
			 0);
	pthread_barrier_init(&race.barrier, NULL, MAPPERS);
	for (unsigned int i = 0; i < MAPPERS + 2; i++) {
		thread[i].race = &race;
		thread[i].number = i;
		assert_int_equal(pthread_create(&thread[i].id, NULL,
						i < MAPPERS  ? mapper :
						i == MAPPERS ? whole :
							       reader,
						&thread[i]),
				 0);
	}
	for (unsigned int i = 0; i < MAPPERS + 2; i++) {
		pthread_join(thread[i].id, NULL);
		if (i == MAPPERS - 1)
			__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	}
	assert_int_equal(race.wrong, 0);
	uiommu_pt_trim(&race.pt);
	assert_int_equal(host_pages(race.host), count_tables(&race, race.pt.root, 4));
	assert_int_equal(race.wrong, 0);
	if (x86)
		uiommu_pt_x86_64_destroy(&race.pt);
	else
		uiommu_pt_vtd_ss_destroy(&race.pt);
	assert_int_equal(host_pages(race.host), 0);
	pthread_barrier_destroy(&race.barrier);
	host_delete(race.host);
}

/* ---- a contiguous run, unmapped by several ----------------------------------------------------- */

enum { RUN = 128, OWNERS = 4, RUN_ROUNDS = 3000 };

#define K16 0x4000ull
#define RUN_IOVA (64 * G1 + 7 * RUN * K16)

/*
 * Each owns every fourth page of the run, and whoever is first drops the hint for all. Whether that is
 * atomic is for the thread sanitizer to see; the window is too narrow to be met by chance.
 */
static void *run_owner(void *arg)
{
	struct thread *thread = arg;
	struct race *race = thread->race;
	struct uiommu_iotlb_gather gather;
	uint64_t mapped;

	for (unsigned int round = 0; round < RUN_ROUNDS; round++) {
		uiommu_iotlb_gather_init(&gather, false);
		if (thread->number == 0 &&
		    (uiommu_pt_arm_lpae_map(&race->pt, RUN_IOVA, PHYS, RUN * K16, 3, &mapped,
					    &gather) ||
		     mapped != RUN * K16))
			wrong(race);
		pthread_barrier_wait(&race->barrier);
		for (unsigned int i = thread->number; i < RUN; i += OWNERS) {
			uint64_t iova = RUN_IOVA + i * K16;

			if (uiommu_pt_arm_lpae_iova_to_phys(&race->pt, iova) != PHYS + i * K16 ||
			    uiommu_pt_arm_lpae_unmap(&race->pt, iova, K16, &gather) != K16 ||
			    uiommu_pt_arm_lpae_iova_to_phys(&race->pt, iova))
				wrong(race);
		}
		pthread_barrier_wait(&race->barrier);
		/* A hint that came back would be left in an entry that is not valid. */
		if (thread->number == 0) {
			const uint64_t *table = race->pt.root;

			for (int shift = 36; shift > 14; shift -= 11)
				table = (const uint64_t *)((table[RUN_IOVA >> shift & 2047] &
							    0xffffffffc000) +
							   race->pt.direct_map);
			for (unsigned int i = 0; i < RUN; i++)
				if (table[(RUN_IOVA >> 14 & 2047) + i] ||
				    (!race->pt.config.coherent &&
				     *host_seen(race->host, table + (RUN_IOVA >> 14 & 2047) + i)))
					wrong(race);
		}
		pthread_barrier_wait(&race->barrier);
	}
	return NULL;
}

static void run_arm(bool coherent)
{
	struct race race = { .host = host_new(100, 1ull << 32) };
	struct thread thread[OWNERS];
	const struct uiommu_pt_config config = {
		.host = race.host,
		.va_bits = 47,
		.pa_bits = 48,
		.pgsizes = K16 | RUN * K16,
		.coherent = coherent,
		.arm = { .granule = 16384, .stage = 1, .bbml2 = true },
	};

	assert_int_equal(uiommu_pt_arm_lpae_init(&race.pt, &config), 0);
	pthread_barrier_init(&race.barrier, NULL, OWNERS);
	for (unsigned int i = 0; i < OWNERS; i++) {
		thread[i] = (struct thread){ .race = &race, .number = i };
		assert_int_equal(pthread_create(&thread[i].id, NULL, run_owner, &thread[i]), 0);
	}
	for (unsigned int i = 0; i < OWNERS; i++)
		pthread_join(thread[i].id, NULL);
	assert_int_equal(race.wrong, 0);
	uiommu_pt_arm_lpae_destroy(&race.pt);
	assert_int_equal(host_pages(race.host), 0);
	pthread_barrier_destroy(&race.barrier);
	host_delete(race.host);
}

static void test_arm_run(void **state)
{
	(void)state;
	run_arm(true);
}

static void test_arm_run_flush(void **state)
{
	(void)state;
	run_arm(false);
}

static void test_vtd_ss(void **state)
{
	(void)state;
	run_race(false, true);
}

static void test_vtd_ss_flush(void **state)
{
	(void)state;
	run_race(false, false);
}

static void test_x86_64(void **state)
{
	(void)state;
	run_race(true, true);
}

static void test_x86_64_flush(void **state)
{
	(void)state;
	run_race(true, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vtd_ss),	cmocka_unit_test(test_vtd_ss_flush),
		cmocka_unit_test(test_x86_64),	cmocka_unit_test(test_x86_64_flush),
		cmocka_unit_test(test_arm_run), cmocka_unit_test(test_arm_run_flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
