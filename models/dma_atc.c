/* SPDX-License-Identifier: MIT */
/* dma_atc.c - the DMA engine's device TLB, and how it breaks the rules; all of it with the bus held */
#include <string.h>

#include "models/dma_internal.h"

/* What the next invalidation meets. */
static uint32_t misbehaviour(struct engine *engine)
{
	uint32_t now = engine->misbehave;
	uint32_t count = (now & DMA_ENGINE_MISBEHAVE_COUNT) >> DMA_ENGINE_MISBEHAVE_COUNT_SHIFT;

	if (count == 1)
		engine->misbehave = 0;
	else if (count)
		engine->misbehave -= 1u << DMA_ENGINE_MISBEHAVE_COUNT_SHIFT;
	return now;
}

bool dma_atc_invalidate(void *device, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size,
			bool global)
{
	struct engine *engine = device;
	uint64_t last = iova + size - 1;
	uint32_t how = misbehaviour(engine);

	/* A device that does not answer has not looked, either. */
	if (how & DMA_ENGINE_MISBEHAVE_SILENT)
		return false;
	if (how & DMA_ENGINE_MISBEHAVE_DEAF)
		return true;

	/* A range to the end of the address space may be given as a size of 0 or wrap: cut it there. */
	if (!size || last < iova)
		last = UINT64_MAX;
	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++) {
		struct engine_translation *e = &engine->atc[i];

		if (!e->valid || e->iova > last || e->iova + e->size - 1 < iova)
			continue;
		if (global ? e->has_pasid : e->has_pasid == has_pasid && e->pasid == pasid)
			e->valid = false;
	}
	return true;
}

void dma_atc_reset(void *device)
{
	struct engine *engine = device;

	memset(engine->atc, 0, sizeof(engine->atc));
}

static const struct engine_translation *atc_find(const struct engine *engine,
						 const struct model_pci_dma *dma)
{
	unsigned int need = dma->access & (MODEL_READ | MODEL_WRITE | MODEL_EXEC);

	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++) {
		const struct engine_translation *e = &engine->atc[i];

		if (!e->valid || e->has_pasid != dma->has_pasid ||
		    (e->has_pasid && e->pasid != dma->pasid) ||
		    e->privileged != !!(dma->access & MODEL_PRIV) ||
		    dma->address - e->iova >= e->size)
			continue;
		if ((e->access & need) == need)
			return e;
	}
	return NULL;
}

/* Room for a translation that takes the place of all which it overlaps. */
static struct engine_translation *atc_add(struct engine *engine, const struct model_pci_dma *dma,
					  const struct model_translation *t)
{
	struct engine_translation *free = NULL;
	uint64_t start = dma->address & ~(t->size - 1);

	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++) {
		struct engine_translation *e = &engine->atc[i];

		if (e->valid && e->has_pasid == dma->has_pasid && e->pasid == dma->pasid &&
		    e->privileged == !!(dma->access & MODEL_PRIV) &&
		    e->iova <= start + t->size - 1 && start <= e->iova + e->size - 1)
			e->valid = false;
		if (!e->valid && !free)
			free = e;
	}
	if (!free) {
		free = &engine->atc[engine->atc_oldest];
		engine->atc_oldest = (engine->atc_oldest + 1) % DMA_ENGINE_ATC_SIZE;
	}
	*free = (struct engine_translation){
		.valid = true,
		.has_pasid = dma->has_pasid,
		.global = t->global,
		.privileged = dma->access & MODEL_PRIV,
		.pasid = dma->has_pasid ? dma->pasid : 0,
		.iova = start,
		.size = t->size,
		.phys = t->phys & ~(t->size - 1),
		.access = t->access,
	};
	return free;
}

unsigned int dma_atc_entries(const struct engine *engine)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++)
		count += engine->atc[i].valid;
	return count;
}

/* One piece inside a page, through the device TLB. */
enum engine_piece dma_through_atc(struct engine *engine, struct engine_request *request,
				  uint8_t *data)
{
	const struct model_pci_dma *dma = &request->dma;
	const struct engine_translation *e = atc_find(engine, dma);
	struct model_pci_dma translated = *dma;

	if (!e) {
		unsigned int need = dma->access & (MODEL_READ | MODEL_WRITE | MODEL_EXEC);
		struct model_translation t;

		if (model_pci_translate_locked(engine->fn, dma, &t) != MODEL_OK)
			return ENGINE_PIECE_REFUSED;
		if ((t.access & need) != need)
			return dma_ask_for_page(engine, request);
		e = atc_add(engine, dma, &t);
	}
	translated.type = MODEL_ATS_TRANSLATED;
	translated.address = e->phys + (dma->address - e->iova);
	/* A translated request carries no privilege and nothing to be executed (PCIe 6.0, 10.2). */
	translated.access &= ~(unsigned int)DMA_MODES;
	return model_pci_dma_locked(engine->fn, &translated, data) == MODEL_OK ?
		       ENGINE_PIECE_DONE :
		       ENGINE_PIECE_REFUSED;
}
