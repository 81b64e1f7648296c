/* SPDX-License-Identifier: MIT */
/*
 * qtest.h - an emulator process without a guest, driven over its test socket
 *
 * The emulator's processor stands still; its devices, memory and time are ours.  RAM is a memory file that
 * both processes map.  Accesses are synchronous: when a write returns, the device has taken it.
 *
 * Versions differ: those that have the "qtest" accelerator stop time until it is stepped; older packages run
 * a halted processor with an instruction clock that jumps to the next timer.
 *
 * Thread-safety: calls lock; start and stop alone.  If the emulator dies, reads give all ones and qtest_dead() says so.
 */
#ifndef PORTS_QTEST_H
#define PORTS_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtest;

struct qtest_config {
	const char *program; /* NULL: $UIOMMU_QEMU, or qemu-system-x86_64 from PATH */
	uint64_t ram_size;
	/* Further arguments by version, in place; returns how many. */
	unsigned int (*arguments)(void *context, unsigned int major, char **argv,
				  unsigned int room);
	void *context;
};

/* 0, -UIOMMU_ENOENT without an emulator, or another negative errno; one line in @error. */
int qtest_start(const struct qtest_config *config, struct qtest **out, char *error,
		size_t error_size);
void qtest_stop(struct qtest *q);
bool qtest_dead(const struct qtest *q);
/* "QEMU 7.2.22" */
const char *qtest_version(const struct qtest *q);
unsigned int qtest_major(const struct qtest *q);
void *qtest_ram(const struct qtest *q);

/* Physical memory and I/O ports; sizes 1, 2, 4, and for memory 8. */
uint64_t qtest_read(struct qtest *q, uint64_t address, unsigned int size);
void qtest_write(struct qtest *q, uint64_t address, unsigned int size, uint64_t value);
uint32_t qtest_in(struct qtest *q, uint16_t port, unsigned int size);
void qtest_out(struct qtest *q, uint16_t port, unsigned int size, uint32_t value);
/* Let timers of the next @ns nanoseconds fire. */
void qtest_step(struct qtest *q, uint64_t ns);

/* A firmware file by name (fw_cfg): allocated, the caller frees; NULL if there is none. */
void *qtest_firmware_file(struct qtest *q, const char *name, size_t *size);

#endif /* PORTS_QTEST_H */
