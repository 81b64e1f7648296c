/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the four functions that a freestanding compiler calls by itself
 *
 * For hosts that have none yet.  Byte by byte; the empty assembly keeps the compiler from recognising the
 * loop and calling the function that it is in.
 */
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *a, const void *b, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((char *)to)[i] = ((const char *)from)[i];
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((const char *)to <= (const char *)from)
		return memcpy(to, from, size);
	while (size--) {
		((char *)to)[size] = ((const char *)from)[size];
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *memset(void *to, int value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((char *)to)[i] = (char)value;
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const unsigned char *x = a, *y = b;

	for (size_t i = 0; i < size; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}
