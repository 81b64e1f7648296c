/* SPDX-License-Identifier: MIT */
/*
 * inside.c - looks into the emulator's process
 *
 * QEMU's edu shows its buffer to DMA alone.  Filling or reading it through the IOMMU under test would need a
 * mapping of its own, or translation off for a moment, and either may change what the IOMMU remembers.  So the
 * buffer is found once, by what a first DMA left in it, and then read and written where it stands.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "ports/qtest/internal.h"

/* Larger mappings are the machine's RAM and the space for translated code, never a device. */
#define MAX_MAPPING (UINT64_C(64) << 20)

bool qtest_read_inside(struct qtest *q, uint64_t address, void *data, size_t size)
{
	struct iovec here = { data, size }, there = { (void *)(uintptr_t)address, size };

	return process_vm_readv(q->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

bool qtest_write_inside(struct qtest *q, uint64_t address, const void *data, size_t size)
{
	struct iovec here = { (void *)(uintptr_t)data, size };
	struct iovec there = { (void *)(uintptr_t)address, size };

	return process_vm_writev(q->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* Where @bytes stand in this stretch, the first place; 0: nowhere. */
static uint64_t search(struct qtest *q, uint64_t first, uint64_t end, const void *bytes,
		       size_t size)
{
	static const size_t step = 0x40000;
	unsigned char *copy = malloc(step);
	uint64_t where = 0;

	/* Each piece begins with the end of the one before, in case they stand across the two. */
	for (uint64_t at = first; copy && !where && at + size <= end; at += step - size) {
		size_t piece = end - at < step ? (size_t)(end - at) : step;
		const unsigned char *found;

		if (!qtest_read_inside(q, at, copy, piece))
			break;
		found = memmem(copy, piece, bytes, size);
		if (found)
			where = at + (uint64_t)(found - copy);
	}
	free(copy);
	return where;
}

/* The same in each mapping that can hold a device, as far as it reaches between @from and @to. */
static uint64_t search_all(struct qtest *q, uint64_t from, uint64_t to, const void *bytes,
			   size_t size)
{
	uint64_t where = 0;
	char line[512];
	FILE *maps;

	snprintf(line, sizeof(line), "/proc/%d/maps", (int)q->pid);
	maps = fopen(line, "re");
	while (maps && !where && fgets(line, sizeof(line), maps)) {
		uint64_t first, end;
		char access[5], file[8] = "";

		/* Private, writable, and no file's. */
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %7s", &first, &end,
			   access, file) < 3 ||
		    strcmp(access, "rw-p") || file[0] == '/' || !strncmp(file, "[st", 3) ||
		    end - first > MAX_MAPPING)
			continue;
		first = first < from ? from : first;
		end = end > to ? to : end;
		if (first < end)
			where = search(q, first, end, bytes, size);
	}
	if (maps)
		fclose(maps);
	return where;
}

uint64_t qtest_find_inside(struct qtest *q, const char *name, const void *bytes, size_t size)
{
	uint64_t where, last = 0;

	for (unsigned int i = 0; i < q->num_places; i++) {
		last = q->places[i].address;
		if (!strcmp(q->places[i].name, name))
			return last;
	}
	/* Devices of one kind are often neighbours. */
	where = search_all(q, last, UINT64_MAX, bytes, size);
	if (!where)
		where = search_all(q, 0, last, bytes, size);
	if (q->num_places < QTEST_MAX_PLACES) {
		snprintf(q->places[q->num_places].name, sizeof(q->places[0].name), "%s", name);
		q->places[q->num_places++].address = where;
	}
	return where;
}
