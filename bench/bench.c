/* SPDX-License-Identifier: MIT */
/* bench.c - uiommu bench: runs areas, prints tables for people or JSON for programs */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	RUN_NS = 150 * 1000 * 1000, /* of each case, its preparations included */
	RUNS_MIN = 9,
	RUNS_MAX = 4000,
};

static const struct {
	const char *name;
	int (*run)(struct bench_report *report);
} areas[] = {
	{ "pasid", bench_pasid },
	{ "pgtable", bench_pgtable },
	{ "uapi", bench_uapi },
};

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void bench_sample(bench_case run, void *context, unsigned int count, double *ns_min,
		  double *ns_median)
{
	static double sample[RUNS_MAX];
	uint64_t start;
	size_t n = 0;

	run(context);
	start = bench_now();
	while (n < RUNS_MAX && (n < RUNS_MIN || bench_now() - start < RUN_NS))
		sample[n++] = (double)run(context) / count;
	qsort(sample, n, sizeof(sample[0]), compare);
	*ns_min = sample[0];
	*ns_median = sample[n / 2];
}

void bench_add(struct bench_report *report, const struct bench_result *result)
{
	if (report->count == report->capacity) {
		report->capacity = report->capacity ? 2 * report->capacity : 64;
		report->result =
			realloc(report->result, report->capacity * sizeof(report->result[0]));
		if (!report->result)
			abort();
	}
	report->result[report->count++] = *result;
}

static void print_json(const struct bench_report *report)
{
	printf("{\"results\":[");
	for (size_t i = 0; i < report->count; i++) {
		const struct bench_result *r = &report->result[i];

		printf("%s\n{\"area\":\"%s\",\"format\":\"%s\",\"case\":\"%s\",\"ns_min\":%.2f,"
		       "\"ns_median\":%.2f,\"limit_ns\":",
		       i ? "," : "", r->area, r->format, r->name, r->ns_min, r->ns_median);
		if (r->limit_ns > 0)
			printf("%.2f}", r->limit_ns);
		else
			printf("null}");
	}
	printf("\n]}\n");
}

static void print_table(const struct bench_report *report)
{
	const char *format = "";

	printf("Nanoseconds for one call. limit: memset over the same bytes of table, or writing the same\n"
	       "list of pages, in this run.\n"
	       "Linux: 7.2, measured on another machine of the same kind (AMD Zen 4), not here.\n");
	for (size_t i = 0; i < report->count; i++) {
		const struct bench_result *r = &report->result[i];

		if (strcmp(format, r->format)) {
			format = r->format;
			printf("\n%-22s %10s %10s %10s %7s %10s %7s\n", format, "min", "median",
			       "limit", "x limit", "Linux", "faster");
		}
		printf("%-22s %10.1f %10.1f", r->name, r->ns_min, r->ns_median);
		if (r->limit_ns > 0)
			printf(" %10.1f %7.2f", r->limit_ns, r->ns_min / r->limit_ns);
		else
			printf(" %10s %7s", "-", "-");
		if (r->linux_ns > 0)
			printf(" %10.1f %6.1fx\n", r->linux_ns, r->linux_ns / r->ns_min);
		else
			printf(" %10s %7s\n", "-", "-");
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: uiommu bench [AREA] [--format table|json]\nareas:");
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		fprintf(stderr, " %s", areas[i].name);
	fprintf(stderr, "\n");
	return 2;
}

int bench_main(int argc, char **argv)
{
	struct bench_report report = { 0 };
	const char *area = NULL;
	bool json = false, found = false;
	int status = 0;

	for (int i = 1; i < argc; i++) {
		const char *format = NULL;

		if (!strncmp(argv[i], "--format=", 9))
			format = argv[i] + 9;
		else if (!strcmp(argv[i], "--format") && i + 1 < argc)
			format = argv[++i];
		else if (argv[i][0] == '-' || area)
			return usage();
		else
			area = argv[i];
		if (format && strcmp(format, "json") && strcmp(format, "table"))
			return usage();
		if (format)
			json = !strcmp(format, "json");
	}
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		if (area && strcmp(area, areas[i].name))
			continue;
		found = true;
		if (areas[i].run(&report))
			status = 2;
	}
	if (!found)
		return usage();
	if (!status && json)
		print_json(&report);
	else if (!status)
		print_table(&report);
	free(report.result);
	return status;
}
