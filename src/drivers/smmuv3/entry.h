/* SPDX-License-Identifier: MIT */
/*
 * entry.h - changing an entry of 64 bytes while hardware may read it
 *
 * Stream table entries and context descriptors are fetched by the SMMU whenever it likes, in pieces of
 * 8 bytes that may come from different moments, and are kept for as long as it likes (IHI 0070, 3.21.3).
 * What it can see at any time is therefore: for each quadword any value that it had since the last
 * completed invalidation, in any combination. entry.c finds an order of stores for which each such
 * combination behaves as the old entry or as the new one, if there is one.
 */
#ifndef SRC_DRIVERS_SMMUV3_ENTRY_H
#define SRC_DRIVERS_SMMUV3_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#define SMMU_QWORDS 8

/* A kind of entry, and how to reach one. */
struct smmu_entry_ops {
	/*
	 * The bits of @entry that hardware looks at, given what is in it. It may name too many, which costs
	 * an interruption; it may not name too few. What it says depends on named bits alone.
	 */
	void (*used)(const uint64_t entry[SMMU_QWORDS], uint64_t used[SMMU_QWORDS]);

	/* Quadword 0 of an entry that refuses everything, whatever the others are. */
	uint64_t refuse;

	/* One quadword at once, visible to hardware before the next store. */
	void (*store)(void *context, unsigned int qword, uint64_t value);

	/* Invalidate what is cached of the entry, and wait: nothing older is seen or used any more. */
	void (*sync)(void *context);
};

/**
 * uiommu_smmuv3_entry_write() - change an entry to @target
 * @ops: what it is
 * @context: handed to store and sync
 * @now: what it is now, as far as the caller knows the only writer of it; left as @target
 * @target: what it shall be
 *
 * When it returns hardware uses the new entry alone.
 *
 * Return: true if hardware used the old or the new entry all the time; false if there was no such way,
 * and it refused requests in between.
 */
bool uiommu_smmuv3_entry_write(const struct smmu_entry_ops *ops, void *context,
			       uint64_t now[SMMU_QWORDS], const uint64_t target[SMMU_QWORDS]);

/* Would uiommu_smmuv3_entry_write() return true? */
bool uiommu_smmuv3_entry_hitless(const struct smmu_entry_ops *ops, const uint64_t now[SMMU_QWORDS],
				 const uint64_t target[SMMU_QWORDS]);

#endif /* SRC_DRIVERS_SMMUV3_ENTRY_H */
