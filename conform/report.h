/* SPDX-License-Identifier: MIT */
/* report.h - results, and the forms in which they are printed */
#ifndef CONFORM_REPORT_H
#define CONFORM_REPORT_H

#include <stdio.h>

#include "conform/conform.h"

struct conform_outcome {
	const struct conform_subject *subject;
	const struct conform_config *config;
	const struct conform_scenario *scenario;
	enum conform_result result;
	bool diverges; /* it failed, and a known divergence of the hardware says why */
	bool unexpected_pass; /* it passed although a known divergence says that it cannot */
	const char *divergence; /* its evidence */
	unsigned int retried; /* sweep */
	unsigned int ended; /* sweep: runs that could not be judged after the failure */
	double seconds;
	char version[48]; /* of the hardware; "": it was not asked */
	char message[1024];
};

struct conform_results {
	struct conform_outcome *outcome;
	size_t count;
	uint64_t seed;
	bool sweep;
};

void report_table(FILE *out, const struct conform_results *results);
void report_ktap(FILE *out, const struct conform_results *results);
void report_junit(FILE *out, const struct conform_results *results);
const char *conform_area_name(enum conform_area area);

/* Known divergences of hardware that is not ours: conform/divergence.c. */
struct conform_divergence {
	const char *subject; /* "vtd@qemu" */
	const char *config; /* glob */
	const char *version; /* glob over machine_hardware.version: "QEMU 7.2*" */
	const char *scenario; /* glob */
	const char *evidence; /* what was seen, and the section that says otherwise */
};
extern const struct conform_divergence conform_divergences[];

/*
 * Saboteurs that hardware cannot show, by what it is and not by what the suite does: there in conform/divergence.c,
 * too.  One that is caught all the same ends the run as a failure: its entry is wrong.
 */
struct conform_blindness {
	const char *subject; /* "vtd@qemu" */
	const char *version; /* glob */
	const char *saboteur; /* glob */
	const char *why;
};
extern const struct conform_blindness conform_blindnesses[];

#endif /* CONFORM_REPORT_H */
