/* SPDX-License-Identifier: MIT */
/*
 * qtest.h - an emulator process without a guest, driven over its test socket
 *
 * The emulator's processor stands still; its devices, memory and time are ours.  RAM is a memory file that
 * both processes map.  Accesses are synchronous: when a write returns, the device has taken it.
 *
 * Which program runs: $UIOMMU_QEMU for x86-64 and $UIOMMU_QEMU_AARCH64 for 64-bit Arm, a name that is looked
 * up in PATH or a path; without these, qemu-system-x86_64 and qemu-system-aarch64 from PATH.
 *
 * Versions differ, and the program is asked rather than guessed at: once, before the first start, for its
 * version, for the properties of the devices in question, and whether it has the "qtest" accelerator.  Programs
 * with that accelerator stop time until it is stepped; others run a halted processor with an instruction
 * clock that jumps to the next timer.
 *
 * A process that was stopped is kept and reset when the same is started again.
 *
 * Thread-safety: calls lock; start and stop alone.  If the emulator dies, reads give all ones and
 * qtest_dead() says so.
 */
#ifndef PORTS_QTEST_H
#define PORTS_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qtest;

enum qtest_architecture {
	QTEST_X86_64, /* RAM from 0; firmware files over I/O ports */
	QTEST_AARCH64, /* the "virt" machine: RAM from 1 GiB; firmware files over memory */
};

struct qtest_config {
	enum qtest_architecture architecture;
	const char *program; /* NULL: as above */
	uint64_t ram_size;
	/*
	 * Further arguments, "-M" and the machine among them: strings that live until qtest_start() returns;
	 * returns how many.  Questions about the program can be asked of @q.
	 */
	unsigned int (*arguments)(void *context, const struct qtest *q, char **argv,
				  unsigned int room);
	/* Can this program do what is wanted?  If not: false, and one line in @error.  NULL: yes. */
	bool (*suits)(void *context, const struct qtest *q, char *error, size_t error_size);
	void *context;
};

/*
 * 0; -UIOMMU_ENOENT without an emulator, -UIOMMU_EOPNOTSUPP with one that cannot do it, -UIOMMU_EIO if it
 * dies, or another negative errno; one line in @error.
 */
int qtest_start(const struct qtest_config *config, struct qtest **out, char *error,
		size_t error_size);
void qtest_stop(struct qtest *q);
bool qtest_dead(const struct qtest *q);
/* If the emulator has died: true, and one line in @text on who, how, what it said, and what to try. */
bool qtest_problem(const struct qtest *q, char *text, size_t size);
enum qtest_architecture qtest_architecture(const struct qtest *q);
/* "QEMU 7.2.22" */
const char *qtest_version(const struct qtest *q);
unsigned int qtest_major(const struct qtest *q);
/*
 * Does the program know this device type (one of qtest_types[]), and if @property is not NULL, has the type
 * that property?
 */
bool qtest_has(const struct qtest *q, const char *type, const char *property);
extern const char *const qtest_types[]; /* ended by NULL */
void *qtest_ram(const struct qtest *q);
uint64_t qtest_ram_base(const struct qtest *q); /* the physical address of its first byte */

/* Physical memory and I/O ports; sizes 1, 2, 4, and for memory 8. */
uint64_t qtest_read(struct qtest *q, uint64_t address, unsigned int size);
void qtest_write(struct qtest *q, uint64_t address, unsigned int size, uint64_t value);
/*
 * A write that need not have arrived when the call returns.  It arrives in its turn: before every other
 * call on @q has its effect.  Saves a round trip.
 */
void qtest_post(struct qtest *q, uint64_t address, unsigned int size, uint64_t value);
uint32_t qtest_in(struct qtest *q, uint16_t port, unsigned int size);
void qtest_out(struct qtest *q, uint16_t port, unsigned int size, uint32_t value);
/* Let timers of the next @ns nanoseconds fire; may be as late as a posted write. */
void qtest_step(struct qtest *q, uint64_t ns);

/*
 * Memory of the emulator's process that is no memory of its machine, such as a device's inner buffer.  Find: an
 * address where these bytes stand, 0 if there is none or the system does not let us look; whether it is the right
 * one the caller can tell by changing it.  What was found under a name is not searched for again, resets
 * included.
 */
uint64_t qtest_find_inside(struct qtest *q, const char *name, const void *bytes, size_t size);
bool qtest_read_inside(struct qtest *q, uint64_t address, void *data, size_t size);
bool qtest_write_inside(struct qtest *q, uint64_t address, const void *data, size_t size);

/* A firmware file by name (fw_cfg): allocated, the caller frees; NULL if there is none. */
void *qtest_firmware_file(struct qtest *q, const char *name, size_t *size);

#endif /* PORTS_QTEST_H */
