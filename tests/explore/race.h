/* SPDX-License-Identifier: MIT */
/*
 * race.h - the races that are explored: a table for each file, read by main.c
 *
 * A race comes with bugs that it must find: names of changes in tests/explore/bugs.py, or of switches
 * that the race itself asks for with explore_bug().
 */
#ifndef TEST_EXPLORE_RACE_H
#define TEST_EXPLORE_RACE_H

#include <uiommu/driver.h>
#include <uiommu/uiommu.h>

#include "ports/explore/explore.h"

#define RACE_BUGS 6
#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))

struct race {
	const char *title; /* what holds in every schedule */
	struct explore_race race; /* its name is SCENARIO/WHERE, and more if there are several */
	const char *bugs[RACE_BUGS];
};

/* Each ended by an entry without title. */
extern const struct race races_core[], races_attach[], races_faults[], races_reset[],
	races_hardware[];

/* What must hold in the set-up, in a thread or in a check. */
#define MUST(condition)                                                                  \
	do {                                                                             \
		if (!(condition))                                                        \
			explore_fail("%s, line %d: %s", __func__, __LINE__, #condition); \
	} while (0)

#endif /* TEST_EXPLORE_RACE_H */
