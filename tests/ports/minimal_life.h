/* SPDX-License-Identifier: MIT */
/* minimal_life.h - the example kernel of ports/minimal on a model of VT-d, with or without a libc */
#ifndef TESTS_PORTS_MINIMAL_LIFE_H
#define TESTS_PORTS_MINIMAL_LIFE_H

/* Configurations of the model that it is run on; ends with NULL. */
extern const char *const minimal_presets[];

/* Start, devices, mappings and their end.  NULL, or what was not as it should be. */
const char *minimal_life(const char *preset);

#endif
