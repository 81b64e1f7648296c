/* SPDX-License-Identifier: MIT */
/*
 * races.h - what scenarios with two threads have in common
 *
 * Most of them try every schedule with one switch between two threads (interleave.h) and then let threads
 * run freely for a bounded number of rounds.  The threads note what they saw; it is judged after they have
 * ended.  Devices are DMA engines, which say whether a request was refused.
 *
 * None of them is part of the sweep: which allocation is the Nth depends on the schedule.
 */
#ifndef CONFORM_RACES_H
#define CONFORM_RACES_H

#include "conform/interleave.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASID 5u
#define POINTS 40 /* of a long way that are tried */

#define RACE (CONFORM_RACE | CONFORM_NO_SWEEP | CONFORM_HARDWARE)

/* ---- what a thread saw ------------------------------------------------------------------------- */

/* The first thing that was wrong; each thread has its own. */
struct note {
	char text[160];
};

void note_wrong(struct note *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* For the scenario's own thread, when the others have ended. */
void note_judge(struct subject *s, const struct note *n, const char *what, unsigned int at);

/* ---- devices ----------------------------------------------------------------------------------- */

/* A device that goes through a domain with its RID, or with a PASID. */
struct lane {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct subject_dma how;
};

/* Its group is claimed; false: this machine has no such device, or not with these PASIDs. */
bool lane_open(struct subject *s, struct lane *lane, const char *label, struct subject_dma how);
int lane_attach(struct lane *lane, struct uiommu_domain *domain);
void lane_detach(struct lane *lane, struct uiommu_domain *domain);
unsigned int lane_alloc_flags(const struct lane *lane);

/* One request at @iova each; what is wrong about the answer is noted, with @when. */
void lane_refused(struct lane *lane, uint64_t iova, struct note *n, const char *when);
void lane_reads(struct lane *lane, uint64_t iova, uint64_t expected, struct note *n,
		const char *when);
/* Refused, or the word: both are right while a switch goes on.  True if it was read. */
bool lane_may_read(struct lane *lane, uint64_t iova, uint64_t expected, struct note *n);

/* Each way in which a device of this machine can go through a domain. */
void lane_for_each(struct subject *s, struct interleave *i,
		   void (*run)(struct subject *s, struct interleave *i, struct lane lane));

/* The same word everywhere in page @page of a buffer. */
void race_fill(struct subject *s, const struct subject_buffer *buffer, uint64_t page,
	       uint64_t word);
/* Requests that were refused on purpose left faults behind. */
void race_forget_faults(struct subject *s);

#endif /* CONFORM_RACES_H */
