/* SPDX-License-Identifier: MIT */
/*
 * entry.c - the order of stores that changes an entry without a moment of nonsense
 *
 * An entry behaves as its used bits say; all others may have any value. So an update has three steps:
 *
 *   1. Every bit that the entry of now does not use takes its new value. Nothing changes for hardware.
 *   2. What still differs in bits that the new entry uses is critical. If it all is in one quadword, one
 *      store turns the old entry into the new one.
 *   3. Bits that only the old entry used take their new value. Nothing changes for hardware.
 *
 * Each step ends with an invalidation: a quadword that was fetched before step 1 must not be combined
 * with one from after step 2, and one from before step 3 must not survive until the next update.
 *
 * If several quadwords are critical there is no such order, since hardware could see one and not the
 * other. Then quadword 0 first becomes an entry that refuses everything, which uses nothing else: from
 * there to the new entry, the three steps always work.
 */
#include "src/drivers/smmuv3/entry.h"

/* Store each quadword that is not @value yet; true if there was one. */
static bool store_all(const struct smmu_entry_ops *ops, void *context, uint64_t now[SMMU_QWORDS],
		      const uint64_t value[SMMU_QWORDS])
{
	bool changed = false;

	for (unsigned int i = 0; i < SMMU_QWORDS; i++) {
		if (now[i] == value[i])
			continue;
		ops->store(context, i, value[i]);
		now[i] = value[i];
		changed = true;
	}
	if (changed)
		ops->sync(context);
	return changed;
}

/* What step 1 makes of the entry. */
static void merge(const struct smmu_entry_ops *ops, const uint64_t now[SMMU_QWORDS],
		  const uint64_t target[SMMU_QWORDS], uint64_t value[SMMU_QWORDS])
{
	uint64_t used[SMMU_QWORDS] = { 0 };

	ops->used(now, used);
	for (unsigned int i = 0; i < SMMU_QWORDS; i++)
		value[i] = (now[i] & used[i]) | (target[i] & ~used[i]);
}

static void store_unused(const struct smmu_entry_ops *ops, void *context, uint64_t now[SMMU_QWORDS],
			 const uint64_t target[SMMU_QWORDS])
{
	uint64_t value[SMMU_QWORDS];

	merge(ops, now, target, value);
	store_all(ops, context, now, value);
}

/* The quadwords that step 2 has to change, a bit each. */
static unsigned int critical(const struct smmu_entry_ops *ops, const uint64_t now[SMMU_QWORDS],
			     const uint64_t target[SMMU_QWORDS])
{
	uint64_t used[SMMU_QWORDS] = { 0 };
	unsigned int mask = 0;

	ops->used(target, used);
	for (unsigned int i = 0; i < SMMU_QWORDS; i++)
		if ((now[i] ^ target[i]) & used[i])
			mask |= 1u << i;
	return mask;
}

static void store_one(const struct smmu_entry_ops *ops, void *context, uint64_t now[SMMU_QWORDS],
		      unsigned int qword, uint64_t value)
{
	ops->store(context, qword, value);
	now[qword] = value;
	ops->sync(context);
}

bool uiommu_smmuv3_entry_write(const struct smmu_entry_ops *ops, void *context,
			       uint64_t now[SMMU_QWORDS], const uint64_t target[SMMU_QWORDS])
{
	unsigned int mask, qword = 0;
	bool hitless = true;

	store_unused(ops, context, now, target);
	mask = critical(ops, now, target);
	if (mask & (mask - 1)) {
		hitless = false;
		store_one(ops, context, now, 0, ops->refuse);
		store_unused(ops, context, now, target);
		mask = 1;
	}
	if (mask) {
		while (!(mask >> qword & 1))
			qword++;
		store_one(ops, context, now, qword, target[qword]);
	}
	store_all(ops, context, now, target);
	return hitless;
}

bool uiommu_smmuv3_entry_hitless(const struct smmu_entry_ops *ops, const uint64_t now[SMMU_QWORDS],
				 const uint64_t target[SMMU_QWORDS])
{
	uint64_t value[SMMU_QWORDS];
	unsigned int mask;

	merge(ops, now, target, value);
	mask = critical(ops, value, target);
	return !(mask & (mask - 1));
}
