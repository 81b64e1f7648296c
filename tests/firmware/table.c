/* SPDX-License-Identifier: MIT */
/* table.c - ACPI tables from tests/data, and every damaged form of them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "spec/acpi.h"
#include "tests/firmware/table.h"

uint8_t *test_table_load(const struct test_parser *parser, const char *name, size_t *size)
{
	char path[512];
	uint8_t *data = calloc(1, 4096 + 64);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s.aml", TEST_DATA, parser->folder, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is missing", path);
	*size = fread(data, 1, 4096, file);
	fclose(file);
	assert_in_range(*size, parser->header_size, 4095);
	return data;
}

static void set_length(uint8_t *table, size_t length)
{
	for (unsigned int i = 0; i < 4; i++)
		table[ACPI_TABLE_LENGTH + i] = (uint8_t)(length >> 8 * i);
}

/* Parse, ask, free; the result of the parse. */
static int try(const struct test_parser *parser, const uint8_t *table, size_t size)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_acpi_error error = { .offset = SIZE_MAX };
	void *result = NULL;
	int rc = parser->parse(&host, table, size, &result, &error);

	if (rc) {
		assert_int_equal(rc, -UIOMMU_EINVAL);
		/* A place of the table; or, cut short, in its header. */
		assert_true(error.offset <= size + 4 && error.what && error.why);
	} else {
		parser->ask(result);
		parser->free(result);
	}
	assert_int_equal(host.live, 0);
	return rc;
}

size_t test_table_truncated(const struct test_parser *parser, const char *name)
{
	size_t size, accepted = 0;
	uint8_t *data = test_table_load(parser, name, &size);

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, data, cut);
		assert_int_equal(try(parser, copy, cut), -UIOMMU_EINVAL);
		if (cut >= parser->header_size) {
			set_length(copy, cut);
			accepted += !try(parser, copy, cut);
		}
		free(copy);
	}
	free(data);
	return accepted;
}

void test_table_corrupted(const struct test_parser *parser, const char *name)
{
	size_t size, accepted = 0, refused = 0;
	uint8_t *data = test_table_load(parser, name, &size), *copy = malloc(size);

	for (size_t at = 0; at < size; at++) {
		for (unsigned int value = 0; value < 256; value++) {
			memcpy(copy, data, size);
			copy[at] = (uint8_t)value;
			if (try(parser, copy, size))
				refused++;
			else
				accepted++;
		}
	}
	assert_true(accepted > 5000 && refused > 1000);
	free(copy);
	free(data);
}

size_t test_table_no_memory(const struct test_parser *parser, const char *name)
{
	size_t size, n;
	uint8_t *data = test_table_load(parser, name, &size);

	for (n = 0;; n++) {
		struct test_host host = { .fail_after = n };
		void *result = NULL;
		int rc = parser->parse(&host, data, size, &result, NULL);

		if (!rc)
			parser->free(result);
		assert_int_equal(host.live, 0);
		if (!rc)
			break;
		assert_int_equal(rc, -UIOMMU_ENOMEM);
	}
	free(data);
	return n;
}

void test_table_refused(const struct test_parser *parser, const char *name, size_t at,
			unsigned int width, uint64_t value, const char *what, const char *why)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_acpi_error error = { 0 };
	void *result = NULL;
	size_t size;
	uint8_t *data = test_table_load(parser, name, &size);
	int rc;

	for (unsigned int i = 0; i < width; i++)
		data[at + i] = (uint8_t)(value >> 8 * i);
	rc = parser->parse(&host, data, size, &result, &error);
	if (rc != -UIOMMU_EINVAL || strcmp(error.what, what) || strcmp(error.why, why))
		fail_msg("%s, %u bytes at %zx: %d, byte %zx: %s: %s", name, width, at, rc,
			 error.offset, error.what ? error.what : "", error.why ? error.why : "");
	assert_int_equal(host.live, 0);
	free(data);
}
