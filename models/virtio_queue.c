/* SPDX-License-Identifier: MIT */
/*
 * virtio_queue.c - split virtqueues (2.7) as the device reads them
 *
 * A buffer goes through: exposed by the driver (available index), told of (a notification; or the device
 * looks, while it suppresses notifications), fetched (its descriptors are read, and are the device's from
 * then on), executed, returned (used ring, used index, interrupt).  A device that is not lazy does all of it
 * in the notification.
 *
 * Rings, tables and buffers are looked up in the registry of memory at each access: nothing that a driver
 * wrote is followed to memory which is not in use by it.  What cannot be followed breaks the device, as a
 * real one would come to a stop or do worse.
 */
#include <stdatomic.h>
#include <string.h>

#include "models/report.h"
#include "models/virtio_internal.h"

#define KNOWN_FLAGS (VIRTIO_DESC_F_NEXT | VIRTIO_DESC_F_WRITE | VIRTIO_DESC_F_INDIRECT)

static const struct {
	uint32_t align, fixed, each;
} areas[VIRTIO_AREAS] = {
	/* 2.7: alignment and size; the two bytes at the end of rings are there in any case. */
	[VIRTIO_AREA_DESC] = { VIRTIO_DESC_ALIGN, 0, VIRTIO_DESC_SIZE },
	[VIRTIO_AREA_DRIVER] = { VIRTIO_AVAIL_ALIGN, 6, 2 },
	[VIRTIO_AREA_DEVICE] = { VIRTIO_USED_ALIGN, 6, VIRTIO_USED_ELEM_SIZE },
};

int virtio_queue_init(struct model_virtio *v, struct virtio_queue *queue, uint16_t max)
{
	queue->max = max;
	queue->chains = uiommu_port_alloc(v->host, max * sizeof(*queue->chains));
	queue->busy = uiommu_port_alloc(v->host, max * sizeof(*queue->busy));
	if (queue->chains && queue->busy)
		return 0;
	virtio_queue_free(v, queue);
	return -1;
}

void virtio_queue_free(struct model_virtio *v, struct virtio_queue *queue)
{
	if (queue->chains)
		uiommu_port_free(v->host, queue->chains, queue->max * sizeof(*queue->chains));
	if (queue->busy)
		uiommu_port_free(v->host, queue->busy, queue->max * sizeof(*queue->busy));
	queue->chains = NULL;
	queue->busy = NULL;
}

void virtio_queue_reset(struct virtio_queue *queue)
{
	memset(queue->chains, 0, queue->max * sizeof(*queue->chains));
	memset(queue->busy, 0, queue->max * sizeof(*queue->busy));
	memset(queue->area, 0, sizeof(queue->area));
	queue->size = queue->max;
	queue->vector = VIRTIO_MSI_NO_VECTOR;
	queue->ready = queue->suppressed = false;
	queue->next = queue->seen = queue->used = 0;
	queue->in_flight = queue->kept = 0;
}

/* ---- memory ------------------------------------------------------------------------------------ */

/* Where the driver's memory is; queues and requests may be in any memory that is in use. */
static void *driver_memory(struct model_virtio *v, uint64_t phys, uint64_t size)
{
	void *at = model_memory_pointer(v->mem, phys, size, MODEL_MEMORY_TABLES);

	return at ? at : model_memory_pointer(v->mem, phys, size, MODEL_MEMORY_DMA);
}

static void *memory_or_break(struct model_virtio *v, uint64_t phys, uint64_t size, const char *what)
{
	void *at = driver_memory(v, phys, size);

	if (!at) {
		model_virtio_complain(v, MODEL_REPORT_WILD, "2.6", what, phys);
		model_virtio_break(v);
	}
	return at;
}

static void *area(struct model_virtio *v, const struct virtio_queue *queue, enum virtio_area which,
		  uint32_t offset, uint32_t size)
{
	return memory_or_break(v, queue->area[which] + offset, size,
			       "a virtqueue in memory that nobody registered");
}

static bool load16(struct model_virtio *v, const struct virtio_queue *queue, enum virtio_area which,
		   uint32_t offset, uint16_t *value)
{
	_Atomic uint16_t *at = area(v, queue, which, offset, 2);

	if (at)
		*value = atomic_load_explicit(at, memory_order_acquire);
	return at;
}

static void store16(struct model_virtio *v, const struct virtio_queue *queue,
		    enum virtio_area which, uint32_t offset, uint16_t value)
{
	_Atomic uint16_t *at = area(v, queue, which, offset, 2);

	/* Sequentially consistent: what follows is a look at the driver's side of the same question. */
	if (at)
		atomic_store(at, value);
}

static bool available_index(struct model_virtio *v, struct virtio_queue *queue)
{
	uint16_t index = queue->seen;

	if (!load16(v, queue, VIRTIO_AREA_DRIVER, VIRTIO_AVAIL_IDX, &index))
		return false;
	if ((uint16_t)(index - queue->next) + queue->in_flight > queue->size) {
		virtio_illegal(v, "2.7.13",
			       "the available index went back, or ahead by more than the queue has",
			       index);
		model_virtio_break(v);
		return false;
	}
	queue->seen = index;
	return true;
}

/* ---- configuration of a queue (4.1.4.3, 4.2.2) ------------------------------------------------- */

struct virtio_queue *virtio_selected(struct model_virtio *v)
{
	return v->queue_select < v->config.num_queues ? &v->queues[v->queue_select] : NULL;
}

/* The queue, if it may be configured now. */
static struct virtio_queue *configurable(struct model_virtio *v)
{
	struct virtio_queue *queue = virtio_selected(v);

	if (!queue) {
		virtio_illegal(v, "4.1.4.3", "a queue is configured that is not there",
			       v->queue_select);
		return NULL;
	}
	if (!(v->status & VIRTIO_STATUS_FEATURES_OK))
		virtio_illegal(v, "3.1.1", "a queue is configured before FEATURES_OK",
			       v->queue_select);
	if (v->status & VIRTIO_STATUS_DRIVER_OK)
		virtio_illegal(v, "3.1.1", "a queue is configured after DRIVER_OK",
			       v->queue_select);
	if (queue->ready) {
		virtio_illegal(v, "4.1.4.3.2", "a queue is configured while it is enabled",
			       v->queue_select);
		return NULL;
	}
	return queue;
}

void virtio_queue_set_size(struct model_virtio *v, uint32_t size)
{
	struct virtio_queue *queue = configurable(v);

	if (!queue)
		return;
	if (!size || size & (size - 1) || size > queue->max)
		virtio_illegal(v, "4.1.4.3.2",
			       "a queue size that is no power of two, or more than the device has",
			       size);
	else
		queue->size = (uint16_t)size;
}

void virtio_queue_set_address(struct model_virtio *v, enum virtio_area which, bool high,
			      uint32_t value)
{
	struct virtio_queue *queue = configurable(v);

	if (!queue)
		return;
	if (high)
		queue->area[which] = (uint32_t)queue->area[which] | (uint64_t)value << 32;
	else
		queue->area[which] = (queue->area[which] & ~(uint64_t)UINT32_MAX) | value;
}

void virtio_queue_enable(struct model_virtio *v)
{
	struct virtio_queue *queue = configurable(v);
	uint16_t flags = 0, index = 0;

	if (!queue)
		return;
	for (unsigned int i = 0; i < VIRTIO_AREAS; i++) {
		if (queue->area[i] % areas[i].align) {
			virtio_illegal(v, "2.6", "a part of a virtqueue is not aligned",
				       queue->area[i]);
			model_virtio_break(v);
			return;
		}
		if (!area(v, queue, i, 0, areas[i].fixed + areas[i].each * queue->size))
			return;
	}
	/* 2.7.10.1, and where indices start; the driver allocates the rings as zeros. */
	if (load16(v, queue, VIRTIO_AREA_DEVICE, VIRTIO_USED_FLAGS, &flags) &&
	    load16(v, queue, VIRTIO_AREA_DEVICE, VIRTIO_USED_IDX, &index) && (flags || index))
		virtio_illegal(v, "2.7.10.1", "a used ring that does not start as zeros",
			       queue->area[VIRTIO_AREA_DEVICE]);
	queue->ready = true;
}

void virtio_queue_disable(struct model_virtio *v, struct virtio_queue *queue)
{
	(void)v;
	queue->ready = false;
	queue->suppressed = false;
	queue->next = queue->seen = queue->used = 0;
	queue->in_flight = queue->kept = 0;
	memset(queue->chains, 0, queue->max * sizeof(*queue->chains));
	memset(queue->busy, 0, queue->max * sizeof(*queue->busy));
}

/* ---- descriptors (2.7.5) ----------------------------------------------------------------------- */

/* False: reported, and the device is broken. */
static bool bad_chain(struct model_virtio *v, const char *section, const char *text, uint64_t value)
{
	virtio_illegal(v, section, text, value);
	model_virtio_break(v);
	return false;
}

static bool read_descriptor(struct model_virtio *v, uint64_t at, struct virtio_descriptor *desc)
{
	const void *from = memory_or_break(v, at, VIRTIO_DESC_SIZE,
					   "a descriptor in memory that nobody registered");

	if (from)
		memcpy(desc, from, sizeof(*desc));
	return from;
}

/* A table of descriptors: the queue's own or an indirect one. */
struct table {
	uint64_t base;
	uint32_t size;
	bool indirect;
};

static bool enter_indirect(struct model_virtio *v, const struct virtio_descriptor *desc,
			   struct table *table)
{
	if (!model_virtio_has(v, VIRTIO_F_INDIRECT_DESC))
		return bad_chain(v, "2.7.5.3.1", "an indirect descriptor was not negotiated",
				 desc->flags);
	if (table->indirect)
		return bad_chain(v, "2.7.5.3.1", "an indirect descriptor in an indirect table",
				 desc->flags);
	if (desc->flags & VIRTIO_DESC_F_NEXT)
		return bad_chain(v, "2.7.5.3.1", "an indirect descriptor with a next one",
				 desc->flags);
	if (!desc->len || desc->len % VIRTIO_DESC_SIZE)
		return bad_chain(v, "2.7.5.3", "an indirect table of no whole descriptors",
				 desc->len);
	table->base = desc->addr;
	table->size = desc->len / VIRTIO_DESC_SIZE;
	table->indirect = true;
	return memory_or_break(v, desc->addr, desc->len,
			       "an indirect table in memory that nobody registered");
}

static bool add_element(struct model_virtio *v, struct model_virtio_chain *chain,
			const struct virtio_descriptor *desc)
{
	bool writable = desc->flags & VIRTIO_DESC_F_WRITE;

	if (!writable && chain->writable)
		return bad_chain(v, "2.7.4.2", "a device-readable element after a writable one",
				 desc->addr);
	if ((uint64_t)chain->readable + chain->writable + desc->len > UINT32_MAX)
		return bad_chain(v, "2.7.5.2", "a buffer of more than 2^32 bytes", desc->len);
	if (writable)
		chain->writable += desc->len;
	else
		chain->readable += desc->len;
	return !desc->len || memory_or_break(v, desc->addr, desc->len,
					     "a buffer in memory that nobody registered");
}

/* One descriptor of the chain. False: it was the last, or (then *good is false) nonsense. */
static bool walk(struct model_virtio *v, struct virtio_queue *queue,
		 struct model_virtio_chain *chain, struct table *table, uint32_t *index, bool *good)
{
	struct virtio_descriptor *desc = &chain->desc[chain->count];

	*good = false;
	if (*index >= table->size)
		return bad_chain(v, "2.7.5", "a descriptor outside its table", *index);
	if (!table->indirect && queue->busy[*index])
		return bad_chain(v, "2.7.5.2",
				 "a descriptor that the device has already: a loop, or used twice",
				 *index);
	if (chain->count == MODEL_VIRTIO_MAX_CHAIN || chain->count > queue->size)
		return bad_chain(v, "2.7.5.3.1",
				 "a loop, or more descriptors than a buffer may have", chain->head);
	chain->at[chain->count] = table->base + (uint64_t)*index * VIRTIO_DESC_SIZE;
	if (!read_descriptor(v, chain->at[chain->count], desc))
		return false;
	if (!table->indirect) {
		queue->busy[*index] = true;
		chain->index[chain->direct++] = (uint16_t)*index;
	}
	chain->count++;
	if (desc->flags & ~KNOWN_FLAGS)
		model_virtio_complain(v, MODEL_REPORT_RESERVED, "2.7.5",
				      "unknown flags of a descriptor", desc->flags);
	if (desc->flags & VIRTIO_DESC_F_INDIRECT) {
		*index = 0;
		*good = enter_indirect(v, desc, table);
		return *good;
	}
	*good = add_element(v, chain, desc);
	*index = desc->next;
	return *good && desc->flags & VIRTIO_DESC_F_NEXT;
}

static void release(struct virtio_queue *queue, struct model_virtio_chain *chain)
{
	for (unsigned int i = 0; i < chain->direct; i++)
		queue->busy[chain->index[i]] = false;
	chain->used = false;
	queue->in_flight--;
}

static struct model_virtio_chain *free_record(struct virtio_queue *queue)
{
	for (unsigned int i = 0; i < queue->max; i++)
		if (!queue->chains[i].used)
			return &queue->chains[i];
	return NULL;
}

/* Takes the next buffer that was told of. NULL: there is none, or it is nonsense. */
static struct model_virtio_chain *fetch(struct model_virtio *v, struct virtio_queue *queue)
{
	struct table table = { queue->area[VIRTIO_AREA_DESC], queue->size, false };
	struct model_virtio_chain *chain;
	uint16_t head = 0;
	uint32_t index;
	bool good = true;

	if (queue->next == queue->seen ||
	    !load16(v, queue, VIRTIO_AREA_DRIVER,
		    VIRTIO_AVAIL_RING + 2u * (queue->next & (queue->size - 1)), &head))
		return NULL;
	chain = free_record(queue);
	if (!chain)
		return NULL;
	memset(chain, 0, sizeof(*chain));
	chain->used = true;
	chain->head = head;
	chain->order = v->orders++;
	queue->in_flight++;
	queue->next++;
	index = head;
	while (walk(v, queue, chain, &table, &index, &good))
		;
	if (good)
		return chain;
	release(queue, chain);
	return NULL;
}

/* ---- what is in a buffer ----------------------------------------------------------------------- */

uint32_t model_virtio_readable(const struct model_virtio_chain *chain)
{
	return chain->readable;
}

uint32_t model_virtio_writable(const struct model_virtio_chain *chain)
{
	return chain->writable;
}

uint64_t *model_virtio_cookie(struct model_virtio_chain *chain)
{
	return &chain->cookie;
}

void model_virtio_keep(struct model_virtio_chain *chain)
{
	chain->kept = true;
}

uint64_t model_virtio_notifications(const struct model_virtio *v, unsigned int queue)
{
	return v->queues[queue].notifications;
}

void model_virtio_set_used(struct model_virtio_chain *chain, uint32_t bytes)
{
	chain->written = bytes;
}

/* Copies between @data and the elements of one direction. */
static bool copy(struct model_virtio *v, const struct model_virtio_chain *chain, uint32_t direction,
		 uint32_t offset, uint8_t *data, uint32_t size)
{
	for (unsigned int i = 0; i < chain->count && size; i++) {
		const struct virtio_descriptor *desc = &chain->desc[i];
		uint32_t part;
		void *at;

		if (desc->flags & VIRTIO_DESC_F_INDIRECT ||
		    (desc->flags & VIRTIO_DESC_F_WRITE) != direction)
			continue;
		if (offset >= desc->len) {
			offset -= desc->len;
			continue;
		}
		part = desc->len - offset < size ? desc->len - offset : size;
		at = memory_or_break(
			v, desc->addr + offset, part,
			"a buffer whose memory was given back while the device has it");
		if (!at)
			return false;
		if (direction)
			memcpy(at, data, part);
		else
			memcpy(data, at, part);
		data += part;
		size -= part;
		offset = 0;
	}
	return !size;
}

bool model_virtio_read(struct model_virtio *v, const struct model_virtio_chain *chain,
		       uint32_t offset, void *data, uint32_t size)
{
	return copy(v, chain, 0, offset, data, size);
}

bool model_virtio_write(struct model_virtio *v, struct model_virtio_chain *chain, uint32_t offset,
			const void *data, uint32_t size)
{
	/* Written to from here only if it is a device-writable part, and then @data is only read. */
	return copy(v, chain, VIRTIO_DESC_F_WRITE, offset, (uint8_t *)(uintptr_t)data, size);
}

/* ---- notifications, both ways (2.7.7, 2.7.10) -------------------------------------------------- */

static void notify_driver(struct model_virtio *v, struct virtio_queue *queue, uint16_t old)
{
	uint16_t word = 0;

	if (model_virtio_has(v, VIRTIO_F_EVENT_IDX)) {
		if (load16(v, queue, VIRTIO_AREA_DRIVER, VIRTIO_AVAIL_RING + 2u * queue->size,
			   &word) &&
		    word == old)
			virtio_interrupt_queue(v, queue);
		return;
	}
	if (!load16(v, queue, VIRTIO_AREA_DRIVER, VIRTIO_AVAIL_FLAGS, &word))
		return;
	if (word & ~VIRTIO_AVAIL_F_NO_INTERRUPT)
		model_virtio_complain(v, MODEL_REPORT_RESERVED, "2.7.7.1",
				      "flags of the available ring other than 0 and 1", word);
	if (!(word & VIRTIO_AVAIL_F_NO_INTERRUPT))
		virtio_interrupt_queue(v, queue);
}

/* Says whether the device wants to be told of new buffers, and looks again if it does from now on. */
static void suppress(struct model_virtio *v, struct virtio_queue *queue, bool on)
{
	uint32_t avail_event = VIRTIO_USED_RING + VIRTIO_USED_ELEM_SIZE * queue->size;

	if (!queue->ready)
		return;
	if (model_virtio_has(v, VIRTIO_F_EVENT_IDX)) {
		/* 2.7.10.2: an index that the driver does not come to for long. */
		uint16_t event = (uint16_t)(queue->seen + (on ? 0x8000u : 0));

		store16(v, queue, VIRTIO_AREA_DEVICE, avail_event, event);
	} else if (on != queue->suppressed) {
		store16(v, queue, VIRTIO_AREA_DEVICE, VIRTIO_USED_FLAGS,
			on ? VIRTIO_USED_F_NO_NOTIFY : 0);
	}
	if (!on && (queue->suppressed || model_virtio_has(v, VIRTIO_F_EVENT_IDX))) {
		uint16_t seen = queue->seen;

		queue->suppressed = false;
		if (available_index(v, queue) && queue->seen != seen)
			suppress(v, queue, false);
	}
	queue->suppressed = on;
}

/* ---- return ------------------------------------------------------------------------------------ */

static void check_unaltered(struct model_virtio *v, const struct model_virtio_chain *chain)
{
	for (unsigned int i = 0; i < chain->count; i++) {
		struct virtio_descriptor now;

		if (!read_descriptor(v, chain->at[i], &now))
			return;
		if (memcmp(&now, &chain->desc[i], sizeof(now)))
			virtio_illegal(v, "3.3.1",
				       "a descriptor was altered while the device has it",
				       chain->at[i]);
	}
}

static void give_back(struct model_virtio *v, struct virtio_queue *queue,
		      struct model_virtio_chain *chain)
{
	uint16_t old = queue->used;
	uint32_t element[2] = { chain->head, chain->written };
	void *at;

	check_unaltered(v, chain);
	release(queue, chain);
	at = area(v, queue, VIRTIO_AREA_DEVICE,
		  VIRTIO_USED_RING + VIRTIO_USED_ELEM_SIZE * (old & (queue->size - 1u)),
		  sizeof(element));
	if (!at)
		return;
	memcpy(at, element, sizeof(element));
	queue->used++;
	store16(v, queue, VIRTIO_AREA_DEVICE, VIRTIO_USED_IDX, queue->used);
	notify_driver(v, queue, old);
}

struct model_virtio_chain *model_virtio_take(struct model_virtio *v, unsigned int index)
{
	struct virtio_queue *queue = &v->queues[index];
	struct model_virtio_chain *chain;

	if (!model_virtio_live(v) || !queue->ready)
		return NULL;
	chain = fetch(v, queue);
	if (model_virtio_live(v))
		suppress(v, queue, false);
	return chain;
}

void model_virtio_give_back(struct model_virtio *v, unsigned int index,
			    struct model_virtio_chain *chain)
{
	give_back(v, &v->queues[index], chain);
}

/* ---- steps ------------------------------------------------------------------------------------- */

static enum model_virtio_order order(const struct model_virtio *v)
{
	return model_virtio_has(v, VIRTIO_F_IN_ORDER) ? MODEL_VIRTIO_IN_ORDER :
							v->config.behaviour.order;
}

/* The oldest, or any, of the buffers in flight that were executed or not. */
static struct model_virtio_chain *pick(struct model_virtio *v, struct virtio_queue *queue,
				       bool executed, bool any)
{
	struct model_virtio_chain *found = NULL;
	unsigned int count = 0;

	for (unsigned int i = 0, left = queue->in_flight; left && i < queue->max; i++) {
		struct model_virtio_chain *chain = &queue->chains[i];

		if (!chain->used)
			continue;
		left--;
		if (chain->executed != executed || chain->kept)
			continue;
		count++;
		if (!found ||
		    (any ? model_virtio_random(v) % count == 0 : chain->order < found->order))
			found = chain;
	}
	return found;
}

static void execute(struct model_virtio *v, unsigned int index, struct model_virtio_chain *chain)
{
	v->config.ops->execute(v->config.device, index, chain);
	chain->executed = true;
	v->queues[index].kept += chain->kept;
}

static void complete(struct model_virtio *v, unsigned int index, struct model_virtio_chain *chain)
{
	if (v->config.ops->returned)
		v->config.ops->returned(v->config.device, index, chain);
	give_back(v, &v->queues[index], chain);
}

/* All there is, at once. */
static void drain(struct model_virtio *v, unsigned int index)
{
	struct model_virtio_chain *chain;

	while (model_virtio_live(v) &&
	       !(v->queues[index].kept && model_virtio_has(v, VIRTIO_F_IN_ORDER)) &&
	       (chain = fetch(v, &v->queues[index]))) {
		execute(v, index, chain);
		if (model_virtio_live(v) && !chain->kept)
			complete(v, index, chain);
		if (model_virtio_live(v) && v->queues[index].next == v->queues[index].seen)
			suppress(v, &v->queues[index], false);
	}
}

static void lazy_step(struct model_virtio *v, unsigned int index)
{
	struct virtio_queue *queue = &v->queues[index];
	struct model_virtio_chain *chain;
	uint64_t dice = model_virtio_random(v) >> 8;

	while (model_virtio_live(v) && queue->in_flight < VIRTIO_WINDOW && fetch(v, queue))
		;
	chain = pick(v, queue, false, order(v) == MODEL_VIRTIO_ANY);
	if (model_virtio_live(v) && chain && dice & 3)
		execute(v, index, chain);
	/* In order: none that was executed is older than one that was not. */
	chain = pick(v, queue, true, order(v) != MODEL_VIRTIO_IN_ORDER);
	if (model_virtio_live(v) && chain && dice & 4)
		complete(v, index, chain);
}

bool virtio_queue_step(struct model_virtio *v, unsigned int index)
{
	struct virtio_queue *queue = &v->queues[index];
	bool busy;

	if (!queue->ready || v->config.held[index])
		return false;
	/* Nothing overtakes a buffer that never comes back (2.7.13). */
	if (queue->kept && model_virtio_has(v, VIRTIO_F_IN_ORDER))
		return false;
	if (queue->suppressed && !available_index(v, queue))
		return false;
	if (v->config.behaviour.lazy)
		lazy_step(v, index);
	else
		drain(v, index);
	if (!model_virtio_live(v))
		return false;
	busy = queue->in_flight > queue->kept || queue->next != queue->seen;
	suppress(v, queue, v->config.behaviour.suppress && busy);
	return queue->in_flight > queue->kept || queue->next != queue->seen;
}

void virtio_notify(struct model_virtio *v, uint32_t index)
{
	struct virtio_queue *queue = index < v->config.num_queues ? &v->queues[index] : NULL;

	if (!queue || !queue->ready) {
		virtio_illegal(v, "4.1.5.2", "a notification of a queue that is not enabled",
			       index);
		return;
	}
	if (!(v->status & VIRTIO_STATUS_DRIVER_OK)) {
		virtio_illegal(v, "3.1.1", "a notification before DRIVER_OK", index);
		return;
	}
	if (!model_virtio_live(v))
		return;
	if (v->transport && !v->transport->may_master(v->transport_context)) {
		virtio_illegal(v, "4.1", "a notification while the device may not reach memory",
			       index);
		return;
	}
	queue->notifications++;
	if (!available_index(v, queue))
		return;
	if (v->config.held[index])
		suppress(v, queue, false);
	else if (!v->config.behaviour.lazy)
		virtio_queue_step(v, index);
}
