/* SPDX-License-Identifier: MIT */
/*
 * saboteur.h - drivers that break one rule each, to test the suite
 *
 * A saboteur is a hook round a good driver.  Every one has to be caught by some scenario: a rule with no
 * saboteur is a rule that nobody checks.
 */
#ifndef CONFORM_SABOTEUR_H
#define CONFORM_SABOTEUR_H

#include "conform/wrap.h"

struct conform_saboteur {
	const char *name; /* "drop-iotlb-sync" */
	const char *rule; /* the rule that it breaks, in one sentence */
	const char *
		config; /* the configuration of VT-d that shows it ("legacy"); others: the first, or all */
	/* Up to four operations are hooked. */
	struct {
		enum wrap_op op;
		wrap_hook hook;
	} hooks[4];
	unsigned int num_hooks;
	size_t state_size; /* zeroed memory handed to each hook as its context */
};

extern const struct conform_saboteur conform_saboteurs[]; /* ended by an entry without name */

#endif /* CONFORM_SABOTEUR_H */
