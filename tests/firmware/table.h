/* SPDX-License-Identifier: MIT */
/* table.h - ACPI tables from tests/data, and every damaged form of them, for tests of a parser */
#ifndef TESTS_FIRMWARE_TABLE_H
#define TESTS_FIRMWARE_TABLE_H

#include <uiommu/acpi.h>
#include "tests/firmware/host.h"

/* The parser of one kind of table. */
struct test_parser {
	const char *folder; /* of tests/data */
	size_t header_size;
	int (*parse)(void *host, const void *table, size_t size, void **out,
		     struct uiommu_acpi_error *error);
	void (*free)(void *result);
	void (*ask)(const void *result); /* every question, with any answer */
};

/* The bytes of tests/data/FOLDER/NAME.aml, from malloc(), with 64 more bytes of room behind them. */
uint8_t *test_table_load(const struct test_parser *parser, const char *name, size_t *size);

/*
 * Every truncation: with the header's length left alone it is refused; with the length made to agree it
 * may be accepted.  The copy has exactly the bytes, so that AddressSanitizer sees a read behind them.
 * Returns how many were accepted.
 */
size_t test_table_truncated(const struct test_parser *parser, const char *name);

/* Every byte set to every value: accepted or refused, never out of bounds, nothing leaks. */
void test_table_corrupted(const struct test_parser *parser, const char *name);

/* Each allocation fails once: -UIOMMU_ENOMEM and nothing stays behind.  Returns how many there are. */
size_t test_table_no_memory(const struct test_parser *parser, const char *name);

/* @size bytes of @name with @width bytes at @at set to @value are refused for @why in @what at @where. */
void test_table_refused(const struct test_parser *parser, const char *name, size_t at,
			unsigned int width, uint64_t value, const char *what, const char *why);

#endif /* TESTS_FIRMWARE_TABLE_H */
