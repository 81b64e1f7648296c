/* SPDX-License-Identifier: MIT */
/* bytes.h - numbers of either endianness at any alignment, and text */
#ifndef SRC_FIRMWARE_BYTES_H
#define SRC_FIRMWARE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint16_t bytes_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t bytes_le32(const uint8_t *p)
{
	return (uint32_t)bytes_le16(p) | (uint32_t)bytes_le16(p + 2) << 16;
}

static inline uint64_t bytes_le64(const uint8_t *p)
{
	return (uint64_t)bytes_le32(p) | (uint64_t)bytes_le32(p + 4) << 32;
}

static inline uint32_t bytes_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline bool bytes_equal(const uint8_t *p, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (p[i] != (uint8_t)text[i])
			return false;
	}
	return true;
}

static inline bool bytes_text_is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

#endif /* SRC_FIRMWARE_BYTES_H */
