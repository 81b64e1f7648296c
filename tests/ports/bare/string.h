/* SPDX-License-Identifier: MIT */
/* string.h - what models use of a libc, for a program that has none: mem.c and string.c define it */
#ifndef TESTS_PORTS_BARE_STRING_H
#define TESTS_PORTS_BARE_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);
int strcmp(const char *a, const char *b);

#endif
