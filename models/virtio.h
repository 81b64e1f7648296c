/* SPDX-License-Identifier: MIT */
/*
 * virtio.h - a model of virtio devices: status, features, configuration, split virtqueues, transports
 *
 * Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2".  What a driver must not do is
 * reported, and where the device could not go on after it, it asks to be reset (DEVICE_NEEDS_RESET, 2.1).
 * Within what is left to it the device is adverse: it looks at new buffers only when it was notified, or
 * suppresses notifications and looks for itself; it uses buffers late and out of order; it resets slowly.
 *
 * Thread-safety: one lock inside; every function may be called from any thread.  A device on PCI is
 * stepped with its bus held (model_pci_lock()), as the transport does it itself for accesses: what a
 * request changes is then not in flight.  Reports and MSIs are delivered, and the device's operations
 * called, with the lock held: they must not call back, except for what stands below "for devices".
 *
 * Limits: no packed virtqueues, no shared memory, no queue reset; at most MODEL_VIRTIO_MAX_CHAIN
 * descriptors in a buffer (2.7.4.1 allows a limit).
 */
#ifndef MODEL_VIRTIO_H
#define MODEL_VIRTIO_H

#include "models/pci.h"

#define MODEL_VIRTIO_MAX_QUEUES 4u
#define MODEL_VIRTIO_MAX_QUEUE_SIZE 1024u
#define MODEL_VIRTIO_MAX_CHAIN 16u
#define MODEL_VIRTIO_MMIO_SIZE 0x200u

struct model_virtio;
struct model_virtio_chain; /* a buffer that the driver made available */

/* How buffers of one queue overtake each other, unless VIRTIO_F_IN_ORDER is negotiated (2.7.13). */
enum model_virtio_order {
	MODEL_VIRTIO_IN_ORDER, /* not at all */
	MODEL_VIRTIO_USED_ANY, /* executed in order, returned in any */
	MODEL_VIRTIO_ANY, /* executed in any order */
};

/* How the device behaves where the standard leaves it free. */
struct model_virtio_behaviour {
	uint64_t seed;
	bool lazy; /* buffers are used, and resets done, in later steps */
	bool suppress; /* asks for no notifications while it works (2.7.10) */
	enum model_virtio_order order;
};

/* What the device is behind its queues and its configuration. */
struct model_virtio_ops {
	/* Size 1, 2 or 4, aligned, inside config_size; a field is never written before FEATURES_OK. */
	uint32_t (*config_read)(void *device, uint32_t offset, unsigned int size);
	void (*config_write)(void *device, uint32_t offset, unsigned int size, uint32_t value);
	/* Which feature the field at @offset depends on, as a bit; 0: none (2.5.1). */
	uint64_t (*config_feature)(void *device, uint32_t offset);
	void (*reset)(void *device);
	/* Does what a buffer asks for, and writes the answer into it. */
	void (*execute)(void *device, unsigned int queue, struct model_virtio_chain *chain);
	/* The driver is told now. May be NULL. */
	void (*returned)(void *device, unsigned int queue, struct model_virtio_chain *chain);
};

struct model_virtio_config {
	const char *name; /* in reports */
	uint16_t device_id; /* chapter 5 */
	uint64_t features; /* offered, as bits; VIRTIO_F_VERSION_1 is added */
	unsigned int num_queues;
	uint16_t queue_size[MODEL_VIRTIO_MAX_QUEUES]; /* largest, a power of two */
	bool held[MODEL_VIRTIO_MAX_QUEUES]; /* buffers wait for model_virtio_take() */
	uint32_t config_size;
	struct model_virtio_behaviour behaviour;
	const struct model_virtio_ops *ops;
	void *device;
};

/*
 * @config is copied; @memory is used until destroy.  @report and @msi may be NULL.
 * 0, or -1: no memory, or a configuration that no device can have.
 */
int model_virtio_create(const struct model_virtio_config *config, struct model_memory *memory,
			model_report_fn report, model_msi_fn msi, void *context,
			struct model_virtio **out);
void model_virtio_destroy(struct model_virtio *v);

/* Lets pending work go one step on. Returns whether anything is still pending. */
bool model_virtio_step(struct model_virtio *v);
/* The level of the interrupt line (INTA of PCI, the one of MMIO). */
bool model_virtio_line(struct model_virtio *v);
/* What the driver accepted, as bits; 0 before FEATURES_OK. */
uint64_t model_virtio_features(struct model_virtio *v);

/* ---- transports: one for each device ----------------------------------------------------------- */

/* virtio-mmio (4.2): offsets from the base; size 1, 2, 4 or 8. */
uint64_t model_virtio_mmio_read(struct model_virtio *v, uint32_t offset, unsigned int size);
void model_virtio_mmio_write(struct model_virtio *v, uint32_t offset, unsigned int size,
			     uint64_t value);

/*
 * virtio-pci (4.1): fills in the device's part of @config, without MSI-X if @intx; the capabilities point to
 * static memory.  The structures lie in two BARs, in none of them at its start, behind capabilities that a
 * driver has to ignore (4.1.4.1).
 */
void model_virtio_pci_config(struct model_pci_config *config, uint16_t device_id, bool intx);
/* @v behind @fn, which must go away before @v.  0 or -1: no memory. */
int model_virtio_pci_create(struct model_pci_function *fn, struct model_virtio *v);

/* ---- for devices: with the lock held ----------------------------------------------------------- */

void model_virtio_lock(struct model_virtio *v);
void model_virtio_unlock(struct model_virtio *v);
/* Whether this feature (a mask) was negotiated. */
bool model_virtio_has(const struct model_virtio *v, uint64_t feature);
/* Live: DRIVER_OK, and no reset needed. */
bool model_virtio_live(const struct model_virtio *v);

uint32_t model_virtio_readable(const struct model_virtio_chain *chain);
uint32_t model_virtio_writable(const struct model_virtio_chain *chain);
/* Copies from the device-readable, to the device-writable part. False: not inside it, or wild. */
bool model_virtio_read(struct model_virtio *v, const struct model_virtio_chain *chain,
		       uint32_t offset, void *data, uint32_t size);
bool model_virtio_write(struct model_virtio *v, struct model_virtio_chain *chain, uint32_t offset,
			const void *data, uint32_t size);
/* The used length; 0 unless set. */
void model_virtio_set_used(struct model_virtio_chain *chain, uint32_t bytes);

/* The next buffer of a held queue that the driver notified of; NULL: there is none. */
struct model_virtio_chain *model_virtio_take(struct model_virtio *v, unsigned int queue);
void model_virtio_give_back(struct model_virtio *v, unsigned int queue,
			    struct model_virtio_chain *chain);

/* It is not returned before a reset, whatever else happens. */
void model_virtio_keep(struct model_virtio_chain *chain);
/* The device cannot go on: DEVICE_NEEDS_RESET (2.1.2). */
void model_virtio_break(struct model_virtio *v);
/* How often the driver notified of a queue, since the device was made. */
uint64_t model_virtio_notifications(const struct model_virtio *v, unsigned int queue);

/* A part of the device's own; see struct model_report. */
void model_virtio_complain(struct model_virtio *v, enum model_report_kind kind, const char *section,
			   const char *text, uint64_t value);
uint64_t model_virtio_random(struct model_virtio *v);
/* A number that stays with the buffer; 0 at first. */
uint64_t *model_virtio_cookie(struct model_virtio_chain *chain);

#endif /* MODEL_VIRTIO_H */
