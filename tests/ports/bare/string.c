/* SPDX-License-Identifier: MIT */
/* string.c - the one string function that the models of tests/ports/bare use */
#include "tests/ports/bare/string.h"

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}
