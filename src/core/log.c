/* SPDX-License-Identifier: MIT */
/* log.c - lines for people: the part of printf that the library needs, into 256 bytes on the stack */
#include "src/core/core.h"

#define LINE_SIZE 256

struct line {
	char text[LINE_SIZE];
	size_t length;
};

static void put(struct line *line, char c)
{
	if (line->length < LINE_SIZE - 1)
		line->text[line->length++] = c;
}

static void put_string(struct line *line, const char *string, unsigned int width)
{
	size_t length = 0;

	for (; string[length]; length++)
		;
	for (; width > length; width--)
		put(line, ' ');
	for (; *string; string++)
		put(line, *string);
}

static void put_number(struct line *line, unsigned long long value, unsigned int base,
		       bool negative, unsigned int width, char pad)
{
	char digits[24];
	unsigned int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (negative && pad == '0')
		put(line, '-');
	for (unsigned int i = count + negative; i < width; i++)
		put(line, pad);
	if (negative && pad != '0')
		put(line, '-');
	while (count)
		put(line, digits[--count]);
}

void uiommu_log(void *host, enum uiommu_log_level level, const char *format, ...)
{
	struct line line = { .length = 0 };
	va_list args;

	va_start(args, format);
	for (const char *p = format; *p; p++) {
		unsigned int width = 0, longs = 0;
		unsigned long long value;
		long long number;
		char pad = ' ';

		if (*p != '%') {
			put(&line, *p);
			continue;
		}
		p++;
		if (*p == '0')
			pad = '0';
		for (; *p >= '0' && *p <= '9'; p++)
			width = width * 10 + (unsigned int)(*p - '0');
		/* A size is as wide as a long wherever this runs. */
		for (; *p == 'l' || *p == 'z'; p++)
			longs++;
		switch (*p) {
		case 's':
			put_string(&line, va_arg(args, const char *), width);
			break;
		case 'c':
			put(&line, (char)va_arg(args, int));
			break;
		case 'd':
			number = longs > 1 ? va_arg(args, long long) :
				 longs	   ? va_arg(args, long) :
					     va_arg(args, int);
			value = (unsigned long long)number;
			put_number(&line, number < 0 ? 0 - value : value, 10, number < 0, width,
				   pad);
			break;
		case 'u':
		case 'x':
			value = longs > 1 ? va_arg(args, unsigned long long) :
				longs	  ? va_arg(args, unsigned long) :
					    va_arg(args, unsigned int);
			put_number(&line, value, *p == 'x' ? 16 : 10, false, width, pad);
			break;
		case 'p':
			put_string(&line, "0x", 0);
			put_number(&line, (uintptr_t)va_arg(args, void *), 16, false, 0, ' ');
			break;
		case '\0':
			p--; /* a lone % at the end */
			break;
		default:
			put(&line, *p);
			break;
		}
	}
	va_end(args);
	line.text[line.length] = '\0';
	uiommu_port_log(host, level, line.text);
}
