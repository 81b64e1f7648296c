/* SPDX-License-Identifier: MIT */
/* pristine.c - a program without bugs */
#include <stddef.h>

#include "tests/explore/mutants.h"

const bool mutants_are_here = false;
const char *const mutants_missing[] = { NULL };
