/* SPDX-License-Identifier: MIT */
/*
 * virtio_internal.h - the state of a virtio device model, shared by its files
 *
 *   virtio.c        life, device status, features, configuration, interrupts
 *   virtio_queue.c  split virtqueues
 *   virtio_mmio.c   the transport over MMIO
 *   virtio_pci.c    the transport over PCI
 *
 * Everything here is called with the device's lock held.
 */
#ifndef MODEL_VIRTIO_INTERNAL_H
#define MODEL_VIRTIO_INTERNAL_H

#include <uiommu/port.h>

#include "models/memory.h"
#include "models/virtio.h"
#include "spec/virtio.h"

#define VIRTIO_WINDOW 8u /* buffers of a queue that a lazy device works on at a time */

struct virtio_descriptor {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct model_virtio_chain {
	bool used; /* this record is */
	bool executed, kept;
	uint16_t head;
	uint32_t written;
	uint64_t order, cookie;
	uint32_t readable, writable; /* bytes */
	unsigned int count; /* of all descriptors, that of an indirect table included */
	unsigned int direct; /* how many of them are in the queue's table: the first ones */
	uint16_t index[MODEL_VIRTIO_MAX_CHAIN]; /* where they are there */
	uint64_t at[MODEL_VIRTIO_MAX_CHAIN];
	struct virtio_descriptor desc[MODEL_VIRTIO_MAX_CHAIN];
};

/* The areas of a queue (2.6). */
enum virtio_area { VIRTIO_AREA_DESC, VIRTIO_AREA_DRIVER, VIRTIO_AREA_DEVICE, VIRTIO_AREAS };

struct virtio_queue {
	uint16_t max, size;
	uint16_t vector;
	bool ready;
	bool suppressed; /* notifications: the device looks for itself */
	uint64_t area[VIRTIO_AREAS];
	uint16_t next; /* index of the first buffer that was not fetched */
	uint16_t seen; /* available index, as far as the driver told */
	uint16_t used; /* used index */
	unsigned int in_flight, kept; /* kept: of those in flight, never to be returned */
	uint64_t notifications;
	struct model_virtio_chain *chains; /* [max] */
	bool *busy; /* [max]: the descriptor is with the device */
};

/* How a transport interrupts; @vector is what the driver set, VIRTIO_MSI_NO_VECTOR without MSI-X. */
struct virtio_transport {
	/* False: by its line, and the interrupt status is to be set. */
	bool (*message)(void *context, uint16_t vector);
	/* The level of the line may have changed. */
	void (*line)(void *context, bool level);
	bool (*may_master)(void *context);
	bool selects_features; /* a word of the features has to be selected first (4.2.2.2) */
	bool waits_for_reset; /* software has to read 0 from the status after a reset (4.1.4.3.2) */
};

struct model_virtio {
	struct model_virtio_config config;
	struct model_memory *mem;
	void *host;
	struct uiommu_mutex lock;
	model_report_fn report;
	model_msi_fn msi;
	void *context;
	const struct virtio_transport *transport;
	void *transport_context;

	uint64_t random, orders;
	uint64_t offered, accepted;
	uint8_t status;
	bool features_checked; /* FEATURES_OK was read back */
	bool reset_unread;
	uint8_t reset_status, reset_delay; /* what the status still reads as, and how often */
	uint8_t isr, generation;
	uint32_t device_select, driver_select;
	bool device_selected, driver_selected;
	uint16_t queue_select;
	uint16_t config_vector;
	struct virtio_queue queues[MODEL_VIRTIO_MAX_QUEUES];
};

/* ---- virtio.c ---------------------------------------------------------------------------------- */

uint8_t virtio_read_status(struct model_virtio *v);
void virtio_write_status(struct model_virtio *v, uint32_t value);
uint32_t virtio_read_offered(struct model_virtio *v);
void virtio_write_accepted(struct model_virtio *v, uint32_t value);
uint32_t virtio_read_config(struct model_virtio *v, uint64_t offset, unsigned int size);
void virtio_write_config(struct model_virtio *v, uint64_t offset, unsigned int size,
			 uint32_t value);
/* A queue's buffer was used: its interrupt. */
void virtio_interrupt_queue(struct model_virtio *v, struct virtio_queue *queue);
void virtio_update_line(struct model_virtio *v);
bool virtio_step(struct model_virtio *v);

void virtio_illegal(struct model_virtio *v, const char *section, const char *text, uint64_t value);

static inline uint8_t virtio_word_size(unsigned int size)
{
	return size == 1 || size == 2 || size == 4;
}

/* ---- virtio_queue.c ---------------------------------------------------------------------------- */

int virtio_queue_init(struct model_virtio *v, struct virtio_queue *queue, uint16_t max);
void virtio_queue_free(struct model_virtio *v, struct virtio_queue *queue);
void virtio_queue_reset(struct virtio_queue *queue);
/* The selected queue; NULL: there is none. */
struct virtio_queue *virtio_selected(struct model_virtio *v);
void virtio_queue_set_size(struct model_virtio *v, uint32_t size);
void virtio_queue_set_address(struct model_virtio *v, enum virtio_area area, bool high,
			      uint32_t value);
void virtio_queue_enable(struct model_virtio *v);
void virtio_queue_disable(struct model_virtio *v, struct virtio_queue *queue);
void virtio_notify(struct model_virtio *v, uint32_t index);
bool virtio_queue_step(struct model_virtio *v, unsigned int index);

#endif /* MODEL_VIRTIO_INTERNAL_H */
