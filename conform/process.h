/* SPDX-License-Identifier: MIT */
/*
 * process.h - a process whose address space devices share
 *
 * The host's model of one (uiommu/posix.h) in the format that a device's IOMMU walks, and what it and a device
 * see of each other.  A device that can ask for pages does; for others the process touches them first.
 */
#ifndef CONFORM_PROCESS_H
#define CONFORM_PROCESS_H

#include "conform/conform.h"

#define PROCESS_WAYS 3

/* A device that is bound to a process, and the ways in which its requests can go out. */
struct process {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva;
	uiommu_pasid_t pasid;
	bool asks; /* for missing pages: by PRI, or because it is stalled */
	bool pri; /* by PRI */
	struct subject_dma
		way[PROCESS_WAYS]; /* plain, through its TLB, asking; stalled: asking alone */
	unsigned int ways;
	uint64_t base; /* an address with room around it: just below one of s->large */
	uint64_t last; /* the last byte that the process can have */
};

/* The label of the most able device that can send PASIDs: "pri0", or "pasid0". */
const char *process_label(struct subject *s);

/* A process in the format that the device's IOMMU walks; skips the scenario if that walks none. */
struct uiommu_mm *process_create(struct subject *s, const char *label);

/* Create and bind; skips the scenario where the hardware does not walk a process's tables. */
struct process process_begin(struct subject *s, const char *label);
/* Bind another address space, or the same one, to a device: fills in all of @p. */
int process_bind(struct subject *s, const char *label, struct uiommu_mm *mm, struct process *p);
/* Unbind and put, what is left of both. */
void process_end(struct subject *s, struct process *p);

/* An area of @pages pages. */
void process_map(struct subject *s, struct process *p, uint64_t address, uint64_t pages,
		 unsigned int prot);
void process_unmap(struct subject *s, struct process *p, uint64_t address, uint64_t pages);

/* What one of the two writes the other one reads, on this way; @prot: what the device may do. */
void process_shares(struct subject *s, struct process *p, uint64_t address, unsigned int prot,
		    const struct subject_dma *how);
/* The same on every way. */
void process_shares_all(struct subject *s, struct process *p, uint64_t address, unsigned int prot);
/* The device neither reads nor writes there. */
void process_refused(struct subject *s, struct process *p, uint64_t address,
		     const struct subject_dma *how);
void process_refused_all(struct subject *s, struct process *p, uint64_t address);

/* Responses that the device got since the last look: how many, and of these, with @code. */
unsigned int process_responses(struct process *p, unsigned int code, unsigned int *with_code);

#endif /* CONFORM_PROCESS_H */
