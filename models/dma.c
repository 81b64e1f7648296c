/* SPDX-License-Identifier: MIT */
/* dma.c - the DMA engine: registers, commands, streams */
#include <string.h>

#include "models/dma_internal.h"

static void lock(struct engine *engine)
{
	uiommu_port_mutex_lock(model_pci_host(engine->fn), &engine->lock);
}

static void unlock(struct engine *engine)
{
	uiommu_port_mutex_unlock(model_pci_host(engine->fn), &engine->lock);
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* What the registers ask for, with the bus held; false if the function may not send it. */
static bool prepare(const struct engine *engine, bool write, struct engine_request *request)
{
	uint16_t pasid_control = model_pci_pasid_control(engine->fn);
	struct model_pci_dma *dma = &request->dma;
	uint32_t flags = engine->flags;

	*request = (struct engine_request){
		.dma = { .type = MODEL_UNTRANSLATED,
			 .address = engine->iova,
			 .access = write ? MODEL_WRITE : MODEL_READ },
		.left = engine->size,
		.ats = flags & DMA_ENGINE_FLAG_ATS &&
		       model_pci_ats_control(engine->fn) & PCI_ATS_ENABLE,
		.asks = flags & DMA_ENGINE_FLAG_PAGE_REQUEST,
		.group = (uint16_t)(engine->group & DMA_ENGINE_GROUP_INDEX),
	};
	if (flags & ~DMA_ENGINE_FLAGS_ALL)
		return false;
	if (flags & DMA_ENGINE_FLAG_NO_SNOOP)
		dma->access |= MODEL_NO_SNOOP;
	if (flags & DMA_ENGINE_FLAG_PASID) {
		if (!(pasid_control & PCI_PASID_ENABLE) ||
		    engine->pasid >> model_pci_pasid_bits(engine->fn))
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

/* With the lock and the bus: on with the request from where it is. */
static enum dma_engine_status go_on(struct engine *engine, struct engine_request *request,
				    uint8_t *data)
{
	while (request->left) {
		struct model_pci_dma *dma = &request->dma;
		enum engine_piece piece;

		dma->size = DMA_PAGE - dma->address % DMA_PAGE;
		if (dma->size > request->left)
			dma->size = request->left;
		piece = request->ats ? dma_through_atc(engine, request, data + request->done) :
				       dma_untranslated(engine, request, data + request->done);
		if (piece == ENGINE_PIECE_WAITS)
			return DMA_ENGINE_WAITING;
		if (piece == ENGINE_PIECE_REFUSED)
			return DMA_ENGINE_REFUSED_BY_BUS;
		request->done += dma->size;
		request->left -= dma->size;
		dma->address += dma->size;
	}
	return DMA_ENGINE_DONE_OK;
}

static enum dma_engine_status transfer(struct engine *engine, bool write)
{
	enum dma_engine_status status = DMA_ENGINE_REFUSED_BY_DEVICE;

	if (engine->size < 1 || engine->size > DMA_ENGINE_WINDOW_SIZE)
		return status;
	model_pci_bus_lock(engine->fn);
	if (prepare(engine, write, &engine->request))
		status = go_on(engine, &engine->request, engine->window);
	model_pci_bus_unlock(engine->fn);
	return status;
}

static void update_wire(struct engine *engine)
{
	uint32_t both = DMA_ENGINE_INTERRUPT_ENABLE | DMA_ENGINE_INTERRUPT_PENDING;

	model_pci_drive_wire(engine->fn, (engine->interrupt & both) == both);
}

/* A DMA is over, unless it waits. */
static void over(struct engine *engine)
{
	if (engine->status == DMA_ENGINE_WAITING)
		return;
	engine->interrupt |= DMA_ENGINE_INTERRUPT_PENDING;
	update_wire(engine);
}

/* What waits may have been answered. */
static void advance(struct engine *engine)
{
	if (engine->status != DMA_ENGINE_WAITING)
		return;
	model_pci_bus_lock(engine->fn);
	switch (dma_wait_over(engine)) {
	case ENGINE_WAIT_GOES_ON:
		break;
	case ENGINE_WAIT_RETRY:
		engine->status = go_on(engine, &engine->request, engine->window);
		break;
	case ENGINE_WAIT_REFUSED:
		engine->status = DMA_ENGINE_REFUSED_BY_BUS;
		break;
	}
	model_pci_bus_unlock(engine->fn);
	over(engine);
}

static void settle(void *device)
{
	struct engine *engine = device;

	lock(engine);
	advance(engine);
	unlock(engine);
}

/* ---- the stream -------------------------------------------------------------------------------- */

static bool stream_word(struct engine *engine, bool write, uint64_t *word)
{
	enum dma_engine_status status = DMA_ENGINE_REFUSED_BY_DEVICE;
	struct engine_request request;

	model_pci_bus_lock(engine->fn);
	if (prepare(engine, write, &request)) {
		request.dma.address = engine->iova + engine->stream_at;
		request.left = sizeof(*word);
		status = go_on(engine, &request, (uint8_t *)word);
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
	if (!engine->stream_size || engine->stream_size % 8 || engine->iova % 8 ||
	    engine->flags & DMA_ENGINE_FLAG_PAGE_REQUEST) {
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

static void page_request(struct engine *engine, bool marker)
{
	enum dma_engine_status status;

	model_pci_bus_lock(engine->fn);
	status = dma_bare_request(engine, marker);
	model_pci_bus_unlock(engine->fn);
	if (engine->status != DMA_ENGINE_WAITING)
		engine->status = status;
}

static void cancel(struct engine *engine)
{
	if (engine->status != DMA_ENGINE_WAITING)
		return;
	model_pci_bus_lock(engine->fn);
	dma_wait_cancel(engine);
	model_pci_bus_unlock(engine->fn);
	engine->status = DMA_ENGINE_REFUSED_BY_DEVICE;
	over(engine);
}

static void reset_locked(struct engine *engine)
{
	model_pci_bus_lock(engine->fn);
	dma_atc_reset(engine);
	dma_pages_reset(engine);
	engine->misbehave = 0;
	model_pci_bus_unlock(engine->fn);
	engine->status = DMA_ENGINE_IDLE;
	engine->size = 0;
	engine->pasid = 0;
	engine->flags = 0;
	engine->group = 0;
	engine->interrupt = 0;
	engine->iova = 0;
	engine->stream_size = 0;
	engine->expect_a = 0;
	engine->expect_b = 0;
	engine->streaming = false;
	memset(engine->window, 0, sizeof(engine->window));
	update_wire(engine);
}

static void command(struct engine *engine, uint32_t value)
{
	if (value == DMA_ENGINE_RESET) {
		reset_locked(engine);
	} else if (value == DMA_ENGINE_STREAM_STOP) {
		if (engine->streaming)
			engine->status = DMA_ENGINE_DONE_OK;
		engine->streaming = false;
	} else if (value == DMA_ENGINE_ATC_DROP) {
		model_pci_bus_lock(engine->fn);
		dma_atc_reset(engine);
		model_pci_bus_unlock(engine->fn);
	} else if (engine->streaming) {
		return; /* one thing at a time */
	} else if (value == DMA_ENGINE_PAGE_REQUEST || value == DMA_ENGINE_STOP_MARKER) {
		page_request(engine, value == DMA_ENGINE_STOP_MARKER);
	} else if (value == DMA_ENGINE_CANCEL) {
		cancel(engine);
	} else if (engine->status == DMA_ENGINE_WAITING) {
		return;
	} else if (value == DMA_ENGINE_STREAM_START) {
		stream_start(engine);
	} else if (value == DMA_ENGINE_READ || value == DMA_ENGINE_WRITE) {
		engine->status = transfer(engine, value == DMA_ENGINE_WRITE);
		over(engine);
	} else {
		engine->status = DMA_ENGINE_REFUSED_BY_DEVICE;
	}
}

/* Of what belongs to the bus. */
static uint64_t read_bus_word(struct engine *engine, uint64_t offset)
{
	uint64_t value = 0;

	model_pci_bus_lock(engine->fn);
	switch (offset) {
	case DMA_ENGINE_ATC_ENTRIES:
		value = dma_atc_entries(engine) | (uint64_t)engine->group << 32;
		break;
	case DMA_ENGINE_MISBEHAVE:
		value = engine->misbehave | (uint64_t)engine->num_responses << 32;
		break;
	case DMA_ENGINE_RESPONSE:
		if (engine->num_responses)
			value = engine->responses[engine->first_response];
		break;
	case DMA_ENGINE_SENT:
		value = engine->sent | (uint64_t)engine->interrupt << 32;
		break;
	default:
		break;
	}
	model_pci_bus_unlock(engine->fn);
	return value;
}

/* The register file as 64-bit words at multiples of 8. */
static uint64_t read_word(struct engine *engine, uint64_t offset)
{
	switch (offset) {
	case DMA_ENGINE_ID:
		advance(engine);
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
	default:
		return read_bus_word(engine, offset);
	}
}

static void take_response(struct engine *engine)
{
	model_pci_bus_lock(engine->fn);
	if (engine->num_responses) {
		engine->first_response = (engine->first_response + 1) % DMA_ENGINE_RESPONSES_MAX;
		engine->num_responses--;
	}
	model_pci_bus_unlock(engine->fn);
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
	if (offset + size == DMA_ENGINE_RESPONSE + 8 && size >= 4)
		take_response(engine);
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
	if (engine->streaming && offset != DMA_ENGINE_MISBEHAVE && offset != DMA_ENGINE_INTERRUPT)
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
	case DMA_ENGINE_ATC_ENTRIES:
		if (offset == DMA_ENGINE_GROUP)
			engine->group = value;
		break;
	case DMA_ENGINE_MISBEHAVE:
		if (offset != DMA_ENGINE_MISBEHAVE)
			break;
		model_pci_bus_lock(engine->fn);
		engine->misbehave = value;
		model_pci_bus_unlock(engine->fn);
		break;
	case DMA_ENGINE_SENT:
		if (offset != DMA_ENGINE_INTERRUPT)
			break;
		engine->interrupt &=
			value & DMA_ENGINE_INTERRUPT_PENDING ? 0 : DMA_ENGINE_INTERRUPT_PENDING;
		engine->interrupt |= value & DMA_ENGINE_INTERRUPT_ENABLE;
		update_wire(engine);
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
		if (engine->status != DMA_ENGINE_WAITING)
			memcpy(engine->window + (offset - DMA_ENGINE_WINDOW), &value, size);
	} else if (size >= 4) {
		write_register(engine, offset, (uint32_t)value);
		if (size == 8)
			write_register(engine, offset + 4, (uint32_t)(value >> 32));
	}
	unlock(engine);
}

static void reset(void *device)
{
	struct engine *engine = device;

	lock(engine);
	reset_locked(engine);
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
	.atc_invalidate = dma_atc_invalidate,
	.atc_reset = dma_atc_reset,
	.page_response = dma_page_response,
	.reset = reset,
	.settle = settle,
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
	config->flr = true;
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
