/* SPDX-License-Identifier: MIT */
/* dma_pages.c - the DMA engine asks for pages, is stalled, waits, and is answered */
#include <string.h>

#include "models/dma_internal.h"

static void record(struct engine *engine, uint64_t response)
{
	unsigned int at = engine->first_response + engine->num_responses;

	if (engine->num_responses == DMA_ENGINE_RESPONSES_MAX)
		return;
	engine->responses[at % DMA_ENGINE_RESPONSES_MAX] = response;
	engine->num_responses++;
}

/* ---- page requests ----------------------------------------------------------------------------- */

enum engine_piece dma_ask_for_page(struct engine *engine, struct engine_request *request)
{
	const struct model_pci_dma *dma = &request->dma;
	const struct model_page_request page = {
		.has_pasid = dma->has_pasid,
		.pasid = dma->pasid,
		.address = dma->address & ~(DMA_PAGE - 1),
		.access = dma->access & (MODEL_READ | MODEL_WRITE | DMA_MODES),
		.last = true,
		.group = request->group,
	};

	if (!request->asks || request->tries >= DMA_ENGINE_TRIES)
		return ENGINE_PIECE_REFUSED;
	/* First, for the answer may come before the call returns. */
	engine->wait = (struct engine_wait){
		.kind = ENGINE_WAIT_PAGE,
		.has_pasid = page.has_pasid,
		.pasid = page.pasid,
		.group = page.group,
	};
	switch (model_pci_page_request_locked(engine->fn, &page)) {
	case MODEL_PCI_PAGE_SENT:
		request->tries++;
		engine->sent++;
		return ENGINE_PIECE_WAITS;
	case MODEL_PCI_PAGE_FULL:
		engine->wait.kind = ENGINE_WAIT_CREDIT;
		return ENGINE_PIECE_WAITS;
	default:
		engine->wait.kind = ENGINE_WAIT_NONE;
		return ENGINE_PIECE_REFUSED;
	}
}

enum dma_engine_status dma_bare_request(struct engine *engine, bool marker)
{
	struct model_page_request page = {
		.has_pasid = engine->flags & DMA_ENGINE_FLAG_PASID,
		.last = true,
	};

	if (page.has_pasid)
		page.pasid = engine->pasid;
	if (marker && !page.has_pasid)
		return DMA_ENGINE_REFUSED_BY_DEVICE;
	if (!marker) {
		page.address = engine->iova & ~(DMA_PAGE - 1);
		page.group = (uint16_t)(engine->group & DMA_ENGINE_GROUP_INDEX);
		page.last = engine->group & DMA_ENGINE_GROUP_LAST;
		page.access =
			(engine->group & DMA_ENGINE_GROUP_READ ? (unsigned int)MODEL_READ : 0) |
			(engine->group & DMA_ENGINE_GROUP_WRITE ? (unsigned int)MODEL_WRITE : 0) |
			(engine->flags & DMA_ENGINE_FLAG_PRIVILEGED ? (unsigned int)MODEL_PRIV :
								      0) |
			(engine->flags & DMA_ENGINE_FLAG_EXECUTE ? (unsigned int)MODEL_EXEC : 0);
	}
	switch (model_pci_page_request_locked(engine->fn, &page)) {
	case MODEL_PCI_PAGE_SENT:
		engine->sent++;
		return DMA_ENGINE_DONE_OK;
	case MODEL_PCI_PAGE_REFUSED:
		return DMA_ENGINE_REFUSED_BY_BUS;
	default:
		return DMA_ENGINE_REFUSED_BY_DEVICE;
	}
}

static void answered(struct engine *engine, bool retry)
{
	engine->wait.answered = true;
	engine->wait.retry = retry;
}

void dma_page_response(void *device, const struct model_pci_page_response *response)
{
	struct engine *engine = device;
	struct engine_wait *wait = &engine->wait;
	uint64_t word = (uint64_t)response->code | (uint64_t)response->group
							   << DMA_ENGINE_RESPONSE_GROUP_SHIFT;

	if (response->has_pasid)
		word |= DMA_ENGINE_RESPONSE_PASID_VALID |
			(uint64_t)response->pasid << DMA_ENGINE_RESPONSE_PASID_SHIFT;
	record(engine, word);
	if (!response->expected)
		return;
	if (wait->kind == ENGINE_WAIT_PAGE && wait->group == response->group &&
	    wait->has_pasid == response->group_has_pasid &&
	    (!wait->has_pasid || wait->pasid == response->group_pasid))
		answered(engine, response->code == MODEL_PAGE_SUCCESS);
	/* No answer will come any more to anybody (10.4.2.1). */
	else if (response->code == MODEL_PAGE_FAILURE && wait->kind == ENGINE_WAIT_PAGE)
		answered(engine, false);
}

/* ---- stalls ------------------------------------------------------------------------------------ */

static void resume(void *context, uint16_t tag, bool retry)
{
	struct engine_stall *stall = context;
	struct engine *engine = stall->engine;

	stall->held = false;
	if (stall->forgotten)
		return;
	record(engine, DMA_ENGINE_RESPONSE_STALL |
			       (retry ? MODEL_PAGE_SUCCESS : MODEL_PAGE_INVALID) |
			       (uint64_t)tag << DMA_ENGINE_RESPONSE_GROUP_SHIFT);
	if (engine->wait.kind == ENGINE_WAIT_STALL && engine->wait.stall == stall->number)
		answered(engine, retry);
}

static struct engine_stall *free_stall(struct engine *engine)
{
	for (unsigned int i = 0; i < DMA_STALLS; i++)
		if (!engine->stalls[i].held)
			return &engine->stalls[i];
	return NULL;
}

enum engine_piece dma_untranslated(struct engine *engine, struct engine_request *request,
				   uint8_t *data)
{
	struct engine_stall *stall = NULL;
	struct model_stall to = { .resume = resume };
	enum model_status status;

	if (request->asks && !model_pci_has_pages(engine->fn)) {
		stall = free_stall(engine);
		if (!stall)
			return ENGINE_PIECE_REFUSED; /* too many that were given up are still held */
		*stall = (struct engine_stall){ .engine = engine, .number = ++engine->num_stalls };
		to.context = stall;
		request->dma.stall = &to;
	}
	status = model_pci_dma_locked(engine->fn, &request->dma, data);
	request->dma.stall = NULL; /* it was copied */
	switch (status) {
	case MODEL_OK:
		return ENGINE_PIECE_DONE;
	case MODEL_STALLED:
		if (!stall)
			return ENGINE_PIECE_REFUSED;
		stall->held = true;
		if (++request->tries > DMA_ENGINE_TRIES) {
			stall->forgotten = true;
			return ENGINE_PIECE_REFUSED;
		}
		engine->wait =
			(struct engine_wait){ .kind = ENGINE_WAIT_STALL, .stall = stall->number };
		return ENGINE_PIECE_WAITS;
	default:
		return ENGINE_PIECE_REFUSED;
	}
}

/* ---- waiting ----------------------------------------------------------------------------------- */

enum engine_wait_state dma_wait_over(struct engine *engine)
{
	const struct engine_wait *wait = &engine->wait;
	bool credit = wait->kind == ENGINE_WAIT_CREDIT, retry = wait->retry;

	if (!credit && !wait->answered)
		return ENGINE_WAIT_GOES_ON;
	engine->wait = (struct engine_wait){ 0 };
	return credit || retry ? ENGINE_WAIT_RETRY : ENGINE_WAIT_REFUSED;
}

void dma_wait_cancel(struct engine *engine)
{
	engine->wait = (struct engine_wait){ 0 };
}

void dma_pages_reset(struct engine *engine)
{
	engine->wait = (struct engine_wait){ 0 };
	engine->first_response = 0;
	engine->num_responses = 0;
	engine->sent = 0;
	/* Requests that an IOMMU holds come back all the same. */
	for (unsigned int i = 0; i < DMA_STALLS; i++)
		engine->stalls[i].forgotten = true;
}
