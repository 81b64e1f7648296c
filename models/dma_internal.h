/* SPDX-License-Identifier: MIT */
/*
 * dma_internal.h - what the files of the DMA engine share; nobody else includes it
 *
 * The device TLB, responses and waits belong to the bus: they are read and changed with the bus held only, so that
 * lookup, translated request and access to memory are one step, an invalidation finds nothing in flight, and
 * an IOMMU can answer from within an access to its registers.  The device's own lock guards its registers
 * and is taken before the bus; so who answers only leaves a note, and the device acts on it when time passes
 * or its status is read.
 */
#ifndef MODELS_DMA_INTERNAL_H
#define MODELS_DMA_INTERNAL_H

#include <uiommu/port.h>

#include "models/dma.h"
#include "spec/dma-engine.h"
#include "spec/pci.h"

#define DMA_PAGE UINT64_C(4096)
#define DMA_MODES (MODEL_PRIV | MODEL_EXEC)
#define DMA_STALLS 64u /* requests that an IOMMU may hold at a time */

struct engine;

struct engine_translation {
	bool valid, has_pasid, global, privileged;
	uint32_t pasid;
	uint64_t iova, size, phys; /* iova is a multiple of size */
	unsigned int access;
};

/* A DMA on its way; the lock's. */
struct engine_request {
	struct model_pci_dma dma; /* the piece that is next */
	uint64_t done, left;
	bool ats;
	bool asks; /* for missing pages */
	uint16_t group;
	unsigned int tries; /* page requests or stalls so far */
};

/* One piece of a request. */
enum engine_piece {
	ENGINE_PIECE_DONE,
	ENGINE_PIECE_REFUSED,
	ENGINE_PIECE_WAITS,
};

/* A request that the IOMMU keeps until it ends it, whether or not somebody waits for that any more. */
struct engine_stall {
	struct engine *engine;
	bool held;
	bool forgotten; /* before a reset: nobody wants to know */
	uint64_t number;
};

/* What the request waits for; the bus's. */
struct engine_wait {
	enum {
		ENGINE_WAIT_NONE,
		ENGINE_WAIT_CREDIT, /* the request for the page is still to be sent */
		ENGINE_WAIT_PAGE,
		ENGINE_WAIT_STALL,
	} kind;
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;
	uint64_t stall; /* number */
	bool answered, retry;
};

enum engine_wait_state {
	ENGINE_WAIT_GOES_ON,
	ENGINE_WAIT_RETRY,
	ENGINE_WAIT_REFUSED,
};

struct engine {
	struct model_pci_function *fn;
	struct uiommu_mutex lock;
	uint32_t status, size, pasid, flags, group;
	uint32_t interrupt;
	uint64_t iova, stream_size, expect_a, expect_b;
	uint64_t stream_at, done, refused, wrong;
	bool streaming;
	struct engine_request request; /* while the status is WAITING */
	uint8_t window[DMA_ENGINE_WINDOW_SIZE];

	/* The bus's. */
	struct engine_translation atc[DMA_ENGINE_ATC_SIZE];
	unsigned int atc_oldest;
	uint32_t misbehave, sent;
	struct engine_wait wait;
	uint64_t responses[DMA_ENGINE_RESPONSES_MAX];
	unsigned int first_response, num_responses;
	struct engine_stall stalls[DMA_STALLS];
	uint64_t num_stalls; /* ever */
};

/* All with the bus held. dma_atc.c: */
bool dma_atc_invalidate(void *device, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size,
			bool global);
void dma_atc_reset(void *device);
unsigned int dma_atc_entries(const struct engine *engine);
enum engine_piece dma_through_atc(struct engine *engine, struct engine_request *request,
				  uint8_t *data);

/* dma_pages.c: a piece without device TLB, which may be stalled. */
enum engine_piece dma_untranslated(struct engine *engine, struct engine_request *request,
				   uint8_t *data);
/* The page of the next piece is missing. */
enum engine_piece dma_ask_for_page(struct engine *engine, struct engine_request *request);
enum engine_wait_state dma_wait_over(struct engine *engine);
void dma_wait_cancel(struct engine *engine);
void dma_pages_reset(struct engine *engine);
void dma_page_response(void *device, const struct model_pci_page_response *response);
/* What the registers describe, as a page request of its own. */
enum dma_engine_status dma_bare_request(struct engine *engine, bool marker);

#endif /* MODELS_DMA_INTERNAL_H */
