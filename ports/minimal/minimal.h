/* SPDX-License-Identifier: MIT */
/*
 * minimal.h - the smallest host: one processor, one stretch of memory, no libc
 *
 * Everything of uiommu/port.h that the library cannot do without, in what a freestanding compiler offers.
 * docs/PORTING.md walks through it.  It is built for x86-64, aarch64 and riscv64 at each test run, and run.
 *
 * Thread-safety: none; one thread.  Interrupts: none; call uiommu_instance_poll() now and then.
 */
#ifndef UIOMMU_PORT_MINIMAL_H
#define UIOMMU_PORT_MINIMAL_H

#include <uiommu/port.h>

/* Blocks of 2^4 (the smallest small allocation) to 2^22 bytes (pages of order 10). */
#define UIOMMU_MINIMAL_FIRST_SHIFT 4
#define UIOMMU_MINIMAL_LAST_SHIFT 22

struct uiommu_minimal {
	/* The host's, before the first call. */
	uintptr_t direct_map; /* pointer - physical address; a multiple of 2^22 */
	void (*print)(const char *line); /* a line for the console; NULL: none */

	/* The port's. */
	uintptr_t next, end; /* memory that was never handed out */
	void *free[UIOMMU_MINIMAL_LAST_SHIFT + 1]; /* lists of blocks, by the shift of their size */
	uint64_t now;
	uint64_t in_use; /* bytes */
};

/**
 * uiommu_minimal_init() - a host over [@memory, @memory + @size)
 * @host: zeroed, with its first two members set
 * @memory: contiguous physical memory that nobody else uses
 * @size: bytes
 */
void uiommu_minimal_init(struct uiommu_minimal *host, void *memory, size_t size);

#endif /* UIOMMU_PORT_MINIMAL_H */
