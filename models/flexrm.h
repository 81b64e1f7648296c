/* SPDX-License-Identifier: MIT */
/*
 * flexrm.h - a model of the ring manager of spec/flexrm.h
 *
 * A ring that is active does DMA without end: each time that the device has work, or time passes, it fetches a
 * descriptor and writes a completion.  There is no doorbell and no engine behind it; a completion is the number
 * of the ring in bits 63:48 and a count.  A ring that was taken out of use still has completions under way: they
 * are written whenever it suits the device, at the latest when the flush is done.  So a ring that nobody took
 * out of use, or that nobody flushed, is seen in memory later.
 *
 * FLUSH_DONE changes after a number of reads that the configuration says or the seed; a ring may be stuck on either
 * way.  What the order in spec/flexrm.h forbids is reported and not done; so is an access that is not 32 bits,
 * to a window that is not populated (but for its version), or to what is no register.
 */
#ifndef MODEL_FLEXRM_H
#define MODEL_FLEXRM_H

#include "models/pci.h"

struct model_flexrm;

/* Rings as masks: bit n is the window at n * FLEXRM_WINDOW. */
struct model_flexrm_config {
	uint64_t size; /* of the registers: up to FLEXRM_RINGS_MAX windows, the last may be cut */
	uint32_t rings; /* that are populated */
	uint32_t active; /* after power-on, with what is at addresses 0 */
	uint32_t stuck_flush; /* FLUSH_DONE never gets 1 */
	uint32_t stuck_clear; /* FLUSH_DONE never gets 0 again */
	bool fixed_polls; /* so many reads of FLUSH_DONE that are too early: */
	uint32_t polls;
	uint64_t seed; /* else: 0 to 15 of them, another number each time */
	model_report_fn report;
	void *context;
};

enum model_flexrm_state {
	MODEL_FLEXRM_HOLE,
	MODEL_FLEXRM_ACTIVE,
	MODEL_FLEXRM_INACTIVE, /* not flushed since: has DMA under way, or may have */
	MODEL_FLEXRM_FLUSHING,
	MODEL_FLEXRM_FLUSHED,
	MODEL_FLEXRM_CLEARING,
	MODEL_FLEXRM_QUIET, /* nothing under way, nothing going on */
};

struct model_flexrm_ring {
	enum model_flexrm_state state;
	uint32_t polls; /* of FLUSH_DONE, in this flush or this clear */
	uint64_t fetched, completed, refused; /* DMA so far */
};

/* Fills in the device's part of @config: the BAR, the next power of two of @size. */
void model_flexrm_config(struct model_pci_config *config, uint64_t size);
/* The device behind @fn, freed with it. 0 or -1: no memory, or a ring beyond the size. */
int model_flexrm_create(struct model_pci_function *fn, const struct model_flexrm_config *config,
			struct model_flexrm **out);
/* How a ring is, past its registers; MODEL_FLEXRM_HOLE beyond the last window, too. */
void model_flexrm_ring(struct model_flexrm *flexrm, unsigned int ring,
		       struct model_flexrm_ring *out);

#endif /* MODEL_FLEXRM_H */
