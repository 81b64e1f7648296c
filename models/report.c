/* SPDX-License-Identifier: MIT */
/* report.c - the words of a report */
#include <string.h>

#include "models/report.h"

void model_report_append(struct model_report *report, const char *text)
{
	size_t at = strlen(report->text);

	while (*text && at + 1 < sizeof(report->text))
		report->text[at++] = *text++;
	report->text[at] = '\0';
}

void model_report_append_hex(struct model_report *report, uint64_t value)
{
	char digits[19] = "0x";
	unsigned int n = 2;

	for (int shift = 60; shift >= 0; shift -= 4)
		if (value >> shift || !shift)
			digits[n++] = "0123456789abcdef"[value >> shift & 15];
	digits[n] = '\0';
	model_report_append(report, digits);
}
