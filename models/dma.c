/* SPDX-License-Identifier: MIT */
/*
 * dma.c - the DMA engine
 *
 * The device TLB belongs to the bus: it is read and changed with the bus held only, so that lookup,
 * translated request and access to memory are one step, and an invalidation finds nothing in flight.  The
 * device's own lock guards its registers and is taken before the bus.
 */
#include <string.h>

#include <uiommu/port.h>

#include "models/dma.h"
#include "spec/dma-engine.h"
#include "spec/pci.h"

#define PAGE UINT64_C(4096)
#define MODES (MODEL_PRIV | MODEL_EXEC)

struct atc_entry {
	bool valid, has_pasid, global, privileged;
	uint32_t pasid;
	uint64_t iova, size, phys; /* iova is a multiple of size */
	unsigned int access;
};

struct engine {
	struct model_pci_function *fn;
	struct uiommu_mutex lock;
	uint32_t status, size, pasid, flags;
	uint64_t iova, stream_size, expect_a, expect_b;
	uint64_t stream_at, done, refused, wrong;
	bool streaming;
	uint8_t window[DMA_ENGINE_WINDOW_SIZE];

	/* The bus's. */
	struct atc_entry atc[DMA_ENGINE_ATC_SIZE];
	unsigned int atc_oldest;
};

static void lock(struct engine *engine)
{
	uiommu_port_mutex_lock(model_pci_host(engine->fn), &engine->lock);
}

static void unlock(struct engine *engine)
{
	uiommu_port_mutex_unlock(model_pci_host(engine->fn), &engine->lock);
}

/* ---- device TLB, with the bus held ------------------------------------------------------------- */

static bool atc_invalidate(void *device, bool has_pasid, uint32_t pasid, uint64_t iova,
			   uint64_t size, bool global)
{
	struct engine *engine = device;
	uint64_t last = iova + size - 1;

	/* A range to the end of the address space may be given as a size of 0 or wrap: cut it there. */
	if (!size || last < iova)
		last = UINT64_MAX;
	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++) {
		struct atc_entry *e = &engine->atc[i];

		if (!e->valid || e->iova > last || e->iova + e->size - 1 < iova)
			continue;
		if (global ? e->has_pasid : e->has_pasid == has_pasid && e->pasid == pasid)
			e->valid = false;
	}
	return true;
}

static void atc_reset(void *device)
{
	struct engine *engine = device;

	memset(engine->atc, 0, sizeof(engine->atc));
}

static const struct atc_entry *atc_find(const struct engine *engine,
					const struct model_pci_dma *dma)
{
	unsigned int need = dma->access & (MODEL_READ | MODEL_WRITE | MODEL_EXEC);

	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++) {
		const struct atc_entry *e = &engine->atc[i];

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
static struct atc_entry *atc_add(struct engine *engine, const struct model_pci_dma *dma,
				 const struct model_translation *t)
{
	struct atc_entry *free = NULL;
	uint64_t start = dma->address & ~(t->size - 1);

	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++) {
		struct atc_entry *e = &engine->atc[i];

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
	*free = (struct atc_entry){
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

/* One piece inside a page, through the device TLB. */
static enum model_status through_atc(struct engine *engine, const struct model_pci_dma *dma,
				     uint8_t *data)
{
	const struct atc_entry *e = atc_find(engine, dma);
	struct model_pci_dma translated = *dma;

	if (!e) {
		unsigned int need = dma->access & (MODEL_READ | MODEL_WRITE | MODEL_EXEC);
		struct model_translation t;

		if (model_pci_translate_locked(engine->fn, dma, &t) != MODEL_OK)
			return MODEL_FAULT;
		if ((t.access & need) != need)
			return MODEL_FAULT;
		e = atc_add(engine, dma, &t);
	}
	translated.type = MODEL_ATS_TRANSLATED;
	translated.address = e->phys + (dma->address - e->iova);
	/* A translated request carries no privilege and nothing to be executed (PCIe 6.0, 10.2). */
	translated.access &= ~(unsigned int)MODES;
	return model_pci_dma_locked(engine->fn, &translated, data);
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* What the registers ask for, with the bus held; false if the function may not send it. */
static bool prepare(const struct engine *engine, bool write, struct model_pci_dma *dma)
{
	uint16_t pasid_control = model_pci_pasid_control(engine->fn);
	uint32_t flags = engine->flags;

	*dma = (struct model_pci_dma){
		.type = MODEL_UNTRANSLATED,
		.address = engine->iova,
		.size = engine->size,
		.access = write ? MODEL_WRITE : MODEL_READ,
	};
	if (flags & ~DMA_ENGINE_FLAGS_ALL)
		return false;
	if (flags & DMA_ENGINE_FLAG_NO_SNOOP)
		dma->access |= MODEL_NO_SNOOP;
	if (flags & DMA_ENGINE_FLAG_PASID) {
		if (!(pasid_control & PCI_PASID_ENABLE) || engine->pasid >> DMA_ENGINE_PASID_BITS)
			return false;
		dma->has_pasid = true;
		dma->pasid = engine->pasid;
	}
	if (flags & DMA_ENGINE_FLAG_PRIVILEGED) {
		if (!dma->has_pasid || !(pasid_control & PCI_PASID_CONTROL_PRIVILEGED))
			return false;
		dma->access |= MODEL_PRIV;
	}
	if (flags & DMA_ENGINE_FLAG_EXECUTE) {
		if (!dma->has_pasid || write || !(pasid_control & PCI_PASID_CONTROL_EXECUTE))
			return false;
		dma->access |= MODEL_EXEC;
	}
	return true;
}

static enum dma_engine_status transfer_locked(struct engine *engine, struct model_pci_dma *dma,
					      uint8_t *data)
{
	bool ats = engine->flags & DMA_ENGINE_FLAG_ATS &&
		   model_pci_ats_control(engine->fn) & PCI_ATS_ENABLE;
	uint64_t left = dma->size;

	while (left) {
		enum model_status status;

		dma->size = PAGE - dma->address % PAGE;
		if (dma->size > left)
			dma->size = left;
		status = ats ? through_atc(engine, dma, data) :
			       model_pci_dma_locked(engine->fn, dma, data);
		if (status != MODEL_OK)
			return DMA_ENGINE_REFUSED_BY_BUS;
		data += dma->size;
		left -= dma->size;
		dma->address += dma->size;
	}
	return DMA_ENGINE_DONE_OK;
}

static enum dma_engine_status transfer(struct engine *engine, bool write)
{
	enum dma_engine_status status = DMA_ENGINE_REFUSED_BY_DEVICE;
	struct model_pci_dma dma;

	if (engine->size < 1 || engine->size > DMA_ENGINE_WINDOW_SIZE)
		return status;
	model_pci_bus_lock(engine->fn);
	if (prepare(engine, write, &dma))
		status = transfer_locked(engine, &dma, engine->window);
	model_pci_bus_unlock(engine->fn);
	return status;
}

/* ---- the stream -------------------------------------------------------------------------------- */

static bool stream_word(struct engine *engine, bool write, uint64_t *word)
{
	enum dma_engine_status status = DMA_ENGINE_REFUSED_BY_DEVICE;
	struct model_pci_dma dma;

	model_pci_bus_lock(engine->fn);
	if (prepare(engine, write, &dma)) {
		dma.address = engine->iova + engine->stream_at;
		dma.size = sizeof(*word);
		status = transfer_locked(engine, &dma, (uint8_t *)word);
	}
	model_pci_bus_unlock(engine->fn);
	return status == DMA_ENGINE_DONE_OK;
}

static bool work(void *device)
{
	struct engine *engine = device;
	uint64_t word = 0;
	bool streaming;

	lock(engine);
	streaming = engine->streaming;
	if (!streaming)
		goto out;
	if (!stream_word(engine, false, &word)) {
		engine->refused++;
	} else {
		engine->done++;
		if (word != engine->expect_a && word != engine->expect_b)
			engine->wrong++;
		else if (!stream_word(engine, true, &word))
			engine->refused++;
	}
	engine->stream_at += sizeof(word);
	if (engine->stream_at >= engine->stream_size)
		engine->stream_at = 0;
out:
	unlock(engine);
	return streaming;
}

static void stream_start(struct engine *engine)
{
	if (!engine->stream_size || engine->stream_size % 8 || engine->iova % 8) {
		engine->status = DMA_ENGINE_REFUSED_BY_DEVICE;
		return;
	}
	engine->stream_at = 0;
	engine->done = 0;
	engine->refused = 0;
	engine->wrong = 0;
	engine->streaming = true;
	engine->status = DMA_ENGINE_STREAMING;
}

/* ---- registers --------------------------------------------------------------------------------- */

static void command(struct engine *engine, uint32_t value)
{
	if (value == DMA_ENGINE_STREAM_STOP) {
		if (engine->streaming)
			engine->status = DMA_ENGINE_DONE_OK;
		engine->streaming = false;
	} else if (value == DMA_ENGINE_ATC_DROP) {
		model_pci_bus_lock(engine->fn);
		atc_reset(engine);
		model_pci_bus_unlock(engine->fn);
	} else if (engine->streaming) {
		return; /* one thing at a time */
	} else if (value == DMA_ENGINE_STREAM_START) {
		stream_start(engine);
	} else if (value == DMA_ENGINE_READ || value == DMA_ENGINE_WRITE) {
		engine->status = transfer(engine, value == DMA_ENGINE_WRITE);
	} else {
		engine->status = DMA_ENGINE_REFUSED_BY_DEVICE;
	}
}

static uint32_t atc_entries(struct engine *engine)
{
	uint32_t count = 0;

	model_pci_bus_lock(engine->fn);
	for (unsigned int i = 0; i < DMA_ENGINE_ATC_SIZE; i++)
		count += engine->atc[i].valid;
	model_pci_bus_unlock(engine->fn);
	return count;
}

/* The register file as 64-bit words at multiples of 8. */
static uint64_t read_word(struct engine *engine, uint64_t offset)
{
	switch (offset) {
	case DMA_ENGINE_ID:
		return DMA_ENGINE_ID_VALUE | (uint64_t)engine->status << 32;
	case DMA_ENGINE_IOVA:
		return engine->iova;
	case DMA_ENGINE_SIZE:
		return engine->size | (uint64_t)engine->pasid << 32;
	case DMA_ENGINE_FLAGS:
		return engine->flags;
	case DMA_ENGINE_STREAM_SIZE:
		return engine->stream_size;
	case DMA_ENGINE_EXPECT_A:
		return engine->expect_a;
	case DMA_ENGINE_EXPECT_B:
		return engine->expect_b;
	case DMA_ENGINE_DONE:
		return engine->done;
	case DMA_ENGINE_REFUSED:
		return engine->refused;
	case DMA_ENGINE_WRONG:
		return engine->wrong;
	case DMA_ENGINE_ATC_ENTRIES:
		return atc_entries(engine);
	default:
		return 0;
	}
}

static uint64_t mmio_read(void *device, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct engine *engine = device;
	uint64_t value = 0;

	(void)bar;
	if (offset % size)
		return UINT64_MAX;
	lock(engine);
	if (offset >= DMA_ENGINE_WINDOW)
		memcpy(&value, engine->window + (offset - DMA_ENGINE_WINDOW), size);
	else if (size >= 4)
		value = read_word(engine, offset & ~UINT64_C(7)) >> (offset & 4) * 8;
	unlock(engine);
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static void write_half(uint64_t *word, uint64_t offset, uint32_t value)
{
	unsigned int shift = (offset & 4) * 8;

	*word = (*word & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)value << shift;
}

static void write_register(struct engine *engine, uint64_t offset, uint32_t value)
{
	if (offset == DMA_ENGINE_COMMAND) {
		command(engine, value);
		return;
	}
	if (engine->streaming)
		return;
	switch (offset & ~UINT64_C(7)) {
	case DMA_ENGINE_IOVA:
		write_half(&engine->iova, offset, value);
		break;
	case DMA_ENGINE_SIZE:
		if (offset == DMA_ENGINE_SIZE)
			engine->size = value;
		else
			engine->pasid = value;
		break;
	case DMA_ENGINE_FLAGS:
		engine->flags = value;
		break;
	case DMA_ENGINE_STREAM_SIZE:
		write_half(&engine->stream_size, offset, value);
		break;
	case DMA_ENGINE_EXPECT_A:
		write_half(&engine->expect_a, offset, value);
		break;
	case DMA_ENGINE_EXPECT_B:
		write_half(&engine->expect_b, offset, value);
		break;
	default:
		break;
	}
}

static void mmio_write(void *device, unsigned int bar, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct engine *engine = device;

	(void)bar;
	if (offset % size)
		return;
	lock(engine);
	if (offset >= DMA_ENGINE_WINDOW) {
		memcpy(engine->window + (offset - DMA_ENGINE_WINDOW), &value, size);
	} else if (size >= 4) {
		write_register(engine, offset, (uint32_t)value);
		if (size == 8)
			write_register(engine, offset + 4, (uint32_t)(value >> 32));
	}
	unlock(engine);
}

static void destroy(void *device)
{
	struct engine *engine = device;
	void *host = model_pci_host(engine->fn);

	uiommu_port_mutex_destroy(host, &engine->lock);
	uiommu_port_free(host, engine, sizeof(*engine));
}

static const struct model_pci_device_ops engine_ops = {
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.atc_invalidate = atc_invalidate,
	.atc_reset = atc_reset,
	.work = work,
	.destroy = destroy,
};

void model_dma_config(struct model_pci_config *config)
{
	config->vendor_id = DMA_ENGINE_VENDOR_ID;
	config->device_id = DMA_ENGINE_DEVICE_ID;
	if (!config->class_code)
		config->class_code = 0x088000;
	config->bar_size[0] = DMA_ENGINE_BAR_SIZE;
}

int model_dma_create(struct model_pci_function *fn)
{
	void *host = model_pci_host(fn);
	struct engine *engine = uiommu_port_alloc(host, sizeof(*engine));

	if (!engine)
		return -1;
	engine->fn = fn;
	if (uiommu_port_mutex_init(host, &engine->lock)) {
		uiommu_port_free(host, engine, sizeof(*engine));
		return -1;
	}
	model_pci_set_device(fn, &engine_ops, engine);
	return 0;
}
