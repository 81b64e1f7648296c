/* SPDX-License-Identifier: MIT */
/*
 * mm.h - the smallest address space that a process can have, for tests of SVA
 *
 * One area, no pages and no tables: who subscribed, who holds it, what was asked for.  It takes its
 * mutexes and memory from whatever host it is linked with, so that over the port that polices the library the
 * order of its mutexes and the library's is checked: its lock is held over invalidate(), and taken by
 * uiommu_port_mm_fault().
 *
 * Thread-safety: every call from any thread.
 */
#ifndef UIOMMU_PORT_TEST_MM_H
#define UIOMMU_PORT_TEST_MM_H

#include <uiommu/port.h>

struct uiommu_mm {
	void *host;
	struct uiommu_mm_format_info
		info; /* x86-64, 48 bits; the test may alter it before it binds */

	/* Set by the test before faults come; may be NULL.  Called in mm_fault, with no mutex held. */
	void (*on_fault)(struct uiommu_mm *mm, uint64_t address, unsigned int prot);
	/* The same after it was described. */
	void (*on_describe)(struct uiommu_mm *mm);
	void *context;

	/* The rest is covered by @lock. */
	struct uiommu_mutex lock;
	struct uiommu_mutex calling; /* a subscriber is being called */
	unsigned int refs;
	bool exited;
	uint64_t start, last; /* its area; nothing if last is below start */
	unsigned int prot;
	struct uiommu_mm_subscriber *subscribers;
	unsigned int faults; /* that were asked for */
};

/** uiommu_test_mm_create() - an address space with one hold on it and an area; NULL: no memory */
struct uiommu_mm *uiommu_test_mm_create(void *host, uint64_t start, uint64_t last,
					unsigned int prot);
/** uiommu_test_mm_invalidate() - tell the subscribers of a change, with the lock held */
void uiommu_test_mm_invalidate(struct uiommu_mm *mm, uint64_t start, uint64_t last);
/** uiommu_test_mm_exit() - the process exits */
void uiommu_test_mm_exit(struct uiommu_mm *mm);

#endif /* UIOMMU_PORT_TEST_MM_H */
