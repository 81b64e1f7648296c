/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the benchmarks share: measuring a case and reporting it
 *
 * A case is a function that does its work @count times and returns how long that took, measured round
 * the whole batch so that reading the clock costs nothing worth counting. It is run again and again;
 * minimum and median of the time of one piece of work are reported. The minimum is what the code can
 * do, the median what this machine let it do.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct bench_result {
	const char *area, *format, *name;
	double ns_min, ns_median;
	double limit_ns; /* memset over the same bytes, in this run; 0: none */
	double linux_ns; /* Linux 7.2, measured elsewhere; 0: not known */
};

struct bench_report {
	struct bench_result *result;
	size_t count, capacity;
};

/** bench_case() - one run; nanoseconds for all of it */
typedef uint64_t (*bench_case)(void *context);

static inline uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/** bench_sample() - run a case for a while; per piece of work of @count in one run */
void bench_sample(bench_case run, void *context, unsigned int count, double *ns_min,
		  double *ns_median);

/** bench_add() - keep a result; the strings are not copied */
void bench_add(struct bench_report *report, const struct bench_result *result);

/* The areas: each runs its cases; 0, or -1 after a word on stderr. */
int bench_pasid(struct bench_report *report);
int bench_pgtable(struct bench_report *report);
int bench_uapi(struct bench_report *report);
int bench_container(struct bench_report *report); /* a part of uapi's */

/** bench_main() - uiommu bench [AREA] [--format table|json]; the exit status */
int bench_main(int argc, char **argv);

#endif /* BENCH_H */
