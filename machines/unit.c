/* SPDX-License-Identifier: MIT */
/* unit.c - what the kinds of units share: properties that change a model's configuration */
#include <string.h>

#include <libfdt.h>

#include "machines/unit.h"

static void store(void *to, size_t size, uint64_t number)
{
	uint32_t word = (uint32_t)number;
	uint16_t half = (uint16_t)number;
	uint8_t byte = (uint8_t)number;

	if (size == sizeof(number))
		memcpy(to, &number, size);
	else if (size == sizeof(word))
		memcpy(to, &word, size);
	else if (size == sizeof(half))
		memcpy(to, &half, size);
	else
		memcpy(to, &byte, size);
}

void machine_unit_fields(const void *dtb, int node, const struct unit_field *fields, size_t count,
			 void *config)
{
	for (size_t i = 0; i < count; i++) {
		int length;
		const fdt32_t *value = fdt_getprop(dtb, node, fields[i].name, &length);
		uint64_t number = 1;

		if (!value)
			continue;
		if (length >= 4)
			number = fdt32_to_cpu(value[0]);
		if (length >= 8)
			number = number << 32 | fdt32_to_cpu(value[1]);
		store((char *)config + fields[i].offset, fields[i].size, number);
	}
}
