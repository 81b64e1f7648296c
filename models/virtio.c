/* SPDX-License-Identifier: MIT */
/*
 * virtio.c - the virtio device model: life, device status, features, configuration, interrupts
 *
 * The order of initialisation is that of 3.1.1; each step out of order is reported.  After a reset a lazy
 * device reads as what it was for a while: its queues are at rest at once, as 2.4.1 wants of a reset that is
 * complete, so that software which does not wait is reported and not obeyed.
 */
#include <string.h>

#include "models/report.h"
#include "models/virtio_internal.h"

#define STATUS_KNOWN                                                                  \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_DRIVER_OK | \
	 VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_NEEDS_RESET | VIRTIO_STATUS_FAILED)

/* Of the transport and the queues, what a model may offer. */
#define COMMON_FEATURES                                                     \
	(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 | \
	 VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_IN_ORDER)
#define DEVICE_FEATURES UINT64_C(0xffffff) /* 2.2: bits 0 to 23 */

/* ---- reports ----------------------------------------------------------------------------------- */

void model_virtio_complain(struct model_virtio *v, enum model_report_kind kind, const char *section,
			   const char *text, uint64_t value)
{
	struct model_report report = {
		.kind = kind,
		.model = v->config.name,
		.section = section,
		.phys_used = value,
		.phys_now = UINT64_MAX,
	};

	if (!v->report)
		return;
	model_report_append(&report, text);
	model_report_append(&report, ": ");
	model_report_append_hex(&report, value);
	v->report(v->context, &report);
}

void virtio_illegal(struct model_virtio *v, const char *section, const char *text, uint64_t value)
{
	model_virtio_complain(v, MODEL_REPORT_ILLEGAL, section, text, value);
}

/* ---- life -------------------------------------------------------------------------------------- */

uint64_t model_virtio_random(struct model_virtio *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 7;
	v->random ^= v->random << 17;
	return v->random;
}

static bool config_possible(const struct model_virtio_config *c)
{
	if (c->num_queues > MODEL_VIRTIO_MAX_QUEUES || !c->ops ||
	    c->features & ~(COMMON_FEATURES | DEVICE_FEATURES))
		return false;
	for (unsigned int i = 0; i < c->num_queues; i++) {
		uint16_t size = c->queue_size[i];

		if (!size || size & (size - 1) || size > MODEL_VIRTIO_MAX_QUEUE_SIZE)
			return false;
	}
	return true;
}

/* What a reset by software, or power on, does to what this file keeps. */
static void clear(struct model_virtio *v)
{
	v->accepted = 0;
	v->status = 0;
	v->features_checked = false;
	v->isr = 0;
	v->device_selected = v->driver_selected = false;
	v->device_select = v->driver_select = 0;
	v->queue_select = 0;
	v->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int i = 0; i < v->config.num_queues; i++)
		virtio_queue_reset(&v->queues[i]);
}

int model_virtio_create(const struct model_virtio_config *config, struct model_memory *memory,
			model_report_fn report, model_msi_fn msi, void *context,
			struct model_virtio **out)
{
	void *host = model_memory_host(memory);
	struct model_virtio *v;
	unsigned int made;

	if (!config_possible(config))
		return -1;
	v = uiommu_port_alloc(host, sizeof(*v));
	if (!v)
		return -1;
	v->config = *config;
	v->mem = memory;
	v->host = host;
	v->report = report;
	v->msi = msi;
	v->context = context;
	v->offered = config->features | VIRTIO_F_VERSION_1;
	v->random = config->behaviour.seed * 2 + 1;
	for (made = 0; made < config->num_queues; made++)
		if (virtio_queue_init(v, &v->queues[made], config->queue_size[made]))
			goto free;
	if (uiommu_port_mutex_init(host, &v->lock))
		goto free;
	clear(v);
	*out = v;
	return 0;

free:
	while (made)
		virtio_queue_free(v, &v->queues[--made]);
	uiommu_port_free(host, v, sizeof(*v));
	return -1;
}

void model_virtio_destroy(struct model_virtio *v)
{
	if (!v)
		return;
	for (unsigned int i = 0; i < v->config.num_queues; i++)
		virtio_queue_free(v, &v->queues[i]);
	uiommu_port_mutex_destroy(v->host, &v->lock);
	uiommu_port_free(v->host, v, sizeof(*v));
}

void model_virtio_lock(struct model_virtio *v)
{
	uiommu_port_mutex_lock(v->host, &v->lock);
}

void model_virtio_unlock(struct model_virtio *v)
{
	uiommu_port_mutex_unlock(v->host, &v->lock);
}

/* ---- interrupts -------------------------------------------------------------------------------- */

void virtio_update_line(struct model_virtio *v)
{
	if (v->transport)
		v->transport->line(v->transport_context, v->isr != 0);
}

static void interrupt(struct model_virtio *v, uint16_t vector, uint8_t bit)
{
	if (v->transport && v->transport->message(v->transport_context, vector))
		return;
	v->isr |= bit;
	virtio_update_line(v);
}

void virtio_interrupt_queue(struct model_virtio *v, struct virtio_queue *queue)
{
	interrupt(v, queue->vector, VIRTIO_PCI_ISR_QUEUE);
}

/* 4.1.4.5.1: the configuration bit is set with MSI-X, too. */
static void interrupt_config(struct model_virtio *v)
{
	v->isr |= VIRTIO_PCI_ISR_CONFIG;
	interrupt(v, v->config_vector, VIRTIO_PCI_ISR_CONFIG);
}

bool model_virtio_line(struct model_virtio *v)
{
	bool level;

	model_virtio_lock(v);
	level = v->isr;
	model_virtio_unlock(v);
	return level;
}

void model_virtio_break(struct model_virtio *v)
{
	if (v->status & VIRTIO_STATUS_NEEDS_RESET)
		return;
	v->status |= VIRTIO_STATUS_NEEDS_RESET;
	if (v->status & VIRTIO_STATUS_DRIVER_OK)
		interrupt_config(v);
}

/* ---- device status (2.1, 3.1.1) ---------------------------------------------------------------- */

bool model_virtio_live(const struct model_virtio *v)
{
	return (v->status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)) ==
	       VIRTIO_STATUS_DRIVER_OK;
}

bool model_virtio_has(const struct model_virtio *v, uint64_t feature)
{
	return v->status & VIRTIO_STATUS_FEATURES_OK && v->accepted & feature;
}

uint64_t model_virtio_features(struct model_virtio *v)
{
	uint64_t features;

	model_virtio_lock(v);
	features = v->status & VIRTIO_STATUS_FEATURES_OK ? v->accepted : 0;
	model_virtio_unlock(v);
	return features;
}

static void reset(struct model_virtio *v)
{
	uint8_t old = v->status;

	clear(v);
	v->reset_unread = true;
	v->reset_status = old;
	v->reset_delay =
		v->config.behaviour.lazy && old ? (uint8_t)(1 + model_virtio_random(v) % 3) : 0;
	virtio_update_line(v);
	v->config.ops->reset(v->config.device);
}

/* 2.2.2: may the device work with what the driver accepted? */
static bool features_acceptable(struct model_virtio *v)
{
	if (v->accepted & ~v->offered) {
		virtio_illegal(v, "2.2.1", "the driver accepts features that were not offered",
			       v->accepted & ~v->offered);
		return false;
	}
	if (!(v->accepted & VIRTIO_F_VERSION_1)) {
		virtio_illegal(v, "6.1", "the driver does not accept VIRTIO_F_VERSION_1",
			       v->accepted);
		return false;
	}
	return true;
}

uint8_t virtio_read_status(struct model_virtio *v)
{
	if (v->reset_delay) {
		v->reset_delay--;
		return v->reset_status;
	}
	v->reset_unread = false;
	if (v->status & VIRTIO_STATUS_FEATURES_OK)
		v->features_checked = true;
	return v->status;
}

static void check_order(struct model_virtio *v, uint32_t old, uint32_t value)
{
	if (value & ~(uint32_t)STATUS_KNOWN)
		model_virtio_complain(v, MODEL_REPORT_RESERVED, "2.1", "unknown status bits",
				      value);
	if (old & ~value & STATUS_KNOWN & ~(uint32_t)VIRTIO_STATUS_NEEDS_RESET)
		virtio_illegal(v, "2.1.1", "the driver clears bits of the status", value);
	if (value & ~old & VIRTIO_STATUS_NEEDS_RESET)
		virtio_illegal(v, "2.1", "the driver sets the device's status bit", value);
	if (old & VIRTIO_STATUS_FAILED)
		virtio_illegal(v, "2.1.1", "FAILED, and then anything but a reset", value);
	if (value & VIRTIO_STATUS_FAILED)
		return;
	if (value & VIRTIO_STATUS_DRIVER && !(value & VIRTIO_STATUS_ACKNOWLEDGE))
		virtio_illegal(v, "3.1.1", "DRIVER without ACKNOWLEDGE", value);
	if (value & ~old & VIRTIO_STATUS_FEATURES_OK && !(old & VIRTIO_STATUS_DRIVER))
		virtio_illegal(v, "3.1.1", "FEATURES_OK before DRIVER", value);
	if (value & ~old & VIRTIO_STATUS_DRIVER_OK && !(old & VIRTIO_STATUS_FEATURES_OK))
		virtio_illegal(v, "3.1.1", "DRIVER_OK without FEATURES_OK", value);
	else if (value & ~old & VIRTIO_STATUS_DRIVER_OK && !v->features_checked)
		virtio_illegal(v, "3.1.1", "DRIVER_OK, and FEATURES_OK was not read back", value);
}

void virtio_write_status(struct model_virtio *v, uint32_t value)
{
	uint32_t old = v->status;

	if (!value) {
		reset(v);
		return;
	}
	if (v->reset_unread && v->transport && v->transport->waits_for_reset)
		virtio_illegal(v, "4.1.4.3.2",
			       "initialised again before the status was read as 0 after a reset",
			       value);
	v->reset_unread = false;
	v->reset_delay = 0;
	check_order(v, old, value);
	value = (value & STATUS_KNOWN & ~(uint32_t)VIRTIO_STATUS_NEEDS_RESET) | old;
	if (value & ~old & VIRTIO_STATUS_FEATURES_OK && !features_acceptable(v))
		value &= ~(uint32_t)VIRTIO_STATUS_FEATURES_OK;
	/* The driver was told that its features are refused. */
	if (!(value & VIRTIO_STATUS_FEATURES_OK))
		value &= ~(uint32_t)VIRTIO_STATUS_DRIVER_OK;
	v->status = (uint8_t)value;
}

/* ---- features (2.2) ---------------------------------------------------------------------------- */

uint32_t virtio_read_offered(struct model_virtio *v)
{
	if (!v->device_selected && v->transport->selects_features)
		virtio_illegal(v, "4.2.2.2", "features are read before a word of them is selected",
			       0);
	return v->device_select < 2 ? (uint32_t)(v->offered >> 32 * v->device_select) : 0;
}

void virtio_write_accepted(struct model_virtio *v, uint32_t value)
{
	unsigned int shift = 32 * v->driver_select;

	if (!v->driver_selected && v->transport->selects_features)
		virtio_illegal(v, "4.2.2.2",
			       "features are written before a word of them is selected", value);
	if (!(v->status & VIRTIO_STATUS_DRIVER))
		virtio_illegal(v, "3.1.1", "features are written before DRIVER", value);
	if (v->status & VIRTIO_STATUS_FEATURES_OK) {
		virtio_illegal(v, "3.1.1", "features are written after FEATURES_OK", value);
		return;
	}
	if (v->driver_select > 1) {
		if (value)
			virtio_illegal(v, "2.2.1", "features above 63 are not offered", value);
		return;
	}
	v->accepted = (v->accepted & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

/* ---- device configuration (2.5) ---------------------------------------------------------------- */

static bool config_inside(struct model_virtio *v, uint64_t offset, unsigned int size)
{
	uint64_t feature;

	if (!virtio_word_size(size) || offset % size || offset >= v->config.config_size ||
	    size > v->config.config_size - offset) {
		virtio_illegal(v, "4.1.3.1", "an access to no field of the configuration", offset);
		return false;
	}
	feature = v->config.ops->config_feature(v->config.device, (uint32_t)offset);
	if (feature & ~v->offered)
		virtio_illegal(v, "2.5.1",
			       "a field of the configuration whose feature is not offered", offset);
	return true;
}

uint32_t virtio_read_config(struct model_virtio *v, uint64_t offset, unsigned int size)
{
	if (!config_inside(v, offset, size))
		return UINT32_MAX;
	return v->config.ops->config_read(v->config.device, (uint32_t)offset, size);
}

void virtio_write_config(struct model_virtio *v, uint64_t offset, unsigned int size, uint32_t value)
{
	if (!config_inside(v, offset, size))
		return;
	if (!(v->status & VIRTIO_STATUS_FEATURES_OK)) {
		virtio_illegal(v, "3.1.1", "the configuration is written before FEATURES_OK",
			       offset);
		return;
	}
	v->config.ops->config_write(v->config.device, (uint32_t)offset, size, value);
}

/* ---- time -------------------------------------------------------------------------------------- */

bool virtio_step(struct model_virtio *v)
{
	bool pending = false;

	if (!model_virtio_live(v))
		return false;
	for (unsigned int i = 0; i < v->config.num_queues; i++)
		pending |= virtio_queue_step(v, i);
	return pending;
}

bool model_virtio_step(struct model_virtio *v)
{
	bool pending;

	model_virtio_lock(v);
	pending = virtio_step(v);
	model_virtio_unlock(v);
	return pending;
}
