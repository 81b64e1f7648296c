/* SPDX-License-Identifier: MIT */
/*
 * firmware.c - files that the emulator has ready for firmware (fw_cfg), fetched by its DMA interface
 *
 * Facts from docs/specs/fw_cfg of QEMU: everything is big-endian; a control word selects a key and says what to
 * do; file 0x19 is the directory: a count, then 64 bytes for each file (size, key, name).
 */
#include "ports/qtest/qtest.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_READ 2u
#define CONTROL_SELECT 8u
#define DIRECTORY 0x19
#define DIRECTORY_ENTRY 64u
#define DIRECTORY_SIZE 4096u

/* Memory that nobody else uses, in bytes from the start of RAM: past PC's first page, Arm's Devicetree. */
static const struct place {
	uint32_t access, data;
} places[] = {
	[QTEST_X86_64] = { 0x1000, 0x10000 },
	[QTEST_AARCH64] = { 0x100000, 0x110000 },
};
#define DATA_SIZE 0x80000u

static void put_be32(unsigned char *to, uint32_t value)
{
	to[0] = (unsigned char)(value >> 24);
	to[1] = (unsigned char)(value >> 16);
	to[2] = (unsigned char)(value >> 8);
	to[3] = (unsigned char)value;
}

static uint32_t get_be32(const unsigned char *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

/* The address of the control block starts the transfer; the second half does. */
static void start(struct qtest *q, uint64_t access)
{
	uint32_t high = __builtin_bswap32((uint32_t)(access >> 32));
	uint32_t low = __builtin_bswap32((uint32_t)access);

	if (qtest_architecture(q) == QTEST_X86_64) {
		qtest_out(q, 0x514, 4, high);
		qtest_out(q, 0x518, 4, low);
	} else {
		qtest_write(q, 0x09020010, 4, high);
		qtest_write(q, 0x09020014, 4, low);
	}
}

/* Select file @key and read its first @size bytes. */
static bool fetch(struct qtest *q, const struct place *place, uint16_t key, uint32_t size)
{
	unsigned char *access = (unsigned char *)qtest_ram(q) + place->access;
	uint64_t data = qtest_ram_base(q) + place->data;

	put_be32(access, (uint32_t)key << 16 | CONTROL_SELECT | CONTROL_READ);
	put_be32(access + 4, size);
	put_be32(access + 8, (uint32_t)(data >> 32));
	put_be32(access + 12, (uint32_t)data);
	start(q, qtest_ram_base(q) + place->access);
	return !qtest_dead(q) && get_be32(access) == 0;
}

void *qtest_firmware_file(struct qtest *q, const char *name, size_t *size)
{
	const struct place *place = &places[qtest_architecture(q)];
	unsigned char *data = (unsigned char *)qtest_ram(q) + place->data;
	unsigned char *access = (unsigned char *)qtest_ram(q) + place->access;
	void *copy = NULL;
	uint32_t count;

	if (!fetch(q, place, DIRECTORY, DIRECTORY_SIZE))
		return NULL;
	count = get_be32(data);
	for (uint32_t i = 0; i < count && i < DIRECTORY_SIZE / DIRECTORY_ENTRY - 1; i++) {
		const unsigned char *entry = data + 4 + i * DIRECTORY_ENTRY;
		uint32_t bytes = get_be32(entry);

		if (strncmp((const char *)entry + 8, name, 56))
			continue;
		if (bytes > DATA_SIZE ||
		    !fetch(q, place, (uint16_t)(entry[4] << 8 | entry[5]), bytes))
			break;
		copy = malloc(bytes);
		if (copy)
			memcpy(copy, data, bytes);
		*size = bytes;
		break;
	}
	/* Software finds its memory as it was. */
	memset(access, 0, 16);
	memset(data, 0, DATA_SIZE);
	return copy;
}
