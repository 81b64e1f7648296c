/* SPDX-License-Identifier: MIT */
/* mutants.h - whether this program was built with the bugs of bugs.py, and which of them fit no more */
#ifndef TEST_EXPLORE_MUTANTS_H
#define TEST_EXPLORE_MUTANTS_H

#include <stdbool.h>

extern const bool mutants_are_here;
extern const char *const mutants_missing[]; /* ended by NULL */

#endif /* TEST_EXPLORE_MUTANTS_H */
