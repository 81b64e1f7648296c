/* SPDX-License-Identifier: MIT */
/*
 * virtio_mmio.c - virtio over MMIO, version 2 (4.2)
 *
 * The transport needs no state beyond the device's: it is set when the first access comes, and it
 * interrupts by its line alone.
 */
#include "models/virtio_internal.h"

/* Which way a register may be accessed (4.2.2). */
enum direction { READ = 1, WRITE = 2 };

static const struct {
	uint16_t offset;
	uint16_t direction;
} registers[] = {
	{ VIRTIO_MMIO_MAGIC_VALUE, READ },	 { VIRTIO_MMIO_VERSION, READ },
	{ VIRTIO_MMIO_DEVICE_ID, READ },	 { VIRTIO_MMIO_VENDOR_ID, READ },
	{ VIRTIO_MMIO_DEVICE_FEATURES, READ },	 { VIRTIO_MMIO_DEVICE_FEATURES_SEL, WRITE },
	{ VIRTIO_MMIO_DRIVER_FEATURES, WRITE },	 { VIRTIO_MMIO_DRIVER_FEATURES_SEL, WRITE },
	{ VIRTIO_MMIO_QUEUE_SEL, WRITE },	 { VIRTIO_MMIO_QUEUE_NUM_MAX, READ },
	{ VIRTIO_MMIO_QUEUE_NUM, WRITE },	 { VIRTIO_MMIO_QUEUE_READY, READ | WRITE },
	{ VIRTIO_MMIO_QUEUE_NOTIFY, WRITE },	 { VIRTIO_MMIO_INTERRUPT_STATUS, READ },
	{ VIRTIO_MMIO_INTERRUPT_ACK, WRITE },	 { VIRTIO_MMIO_STATUS, READ | WRITE },
	{ VIRTIO_MMIO_QUEUE_DESC_LOW, WRITE },	 { VIRTIO_MMIO_QUEUE_DESC_HIGH, WRITE },
	{ VIRTIO_MMIO_QUEUE_DRIVER_LOW, WRITE }, { VIRTIO_MMIO_QUEUE_DRIVER_HIGH, WRITE },
	{ VIRTIO_MMIO_QUEUE_DEVICE_LOW, WRITE }, { VIRTIO_MMIO_QUEUE_DEVICE_HIGH, WRITE },
	{ VIRTIO_MMIO_CONFIG_GENERATION, READ },
};

static bool message(void *context, uint16_t vector)
{
	(void)context;
	(void)vector;
	return false;
}

/* The line's level is asked for: model_virtio_line(). */
static void line(void *context, bool level)
{
	(void)context;
	(void)level;
}

static bool may_master(void *context)
{
	(void)context;
	return true;
}

static const struct virtio_transport transport = {
	.message = message,
	.line = line,
	.may_master = may_master,
	.selects_features = true,
};

/* Reported if it may not be; true if it is done all the same. */
static bool allowed(struct model_virtio *v, uint32_t offset, unsigned int size,
		    enum direction direction)
{
	if (size != 4 || offset % 4) {
		virtio_illegal(v, "4.2.2.2", "an access to a register that is not 32 bits, aligned",
			       offset);
		return false;
	}
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		if (registers[i].offset != offset)
			continue;
		if (registers[i].direction & direction)
			return true;
		virtio_illegal(v, "4.2.2.2",
			       direction == READ ? "a read of a write-only register" :
						   "a write of a read-only register",
			       offset);
		return false;
	}
	virtio_illegal(v, "4.2.2.2", "an access to a register that is not there", offset);
	return false;
}

static uint32_t read_register(struct model_virtio *v, uint32_t offset)
{
	struct virtio_queue *queue = virtio_selected(v);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return VIRTIO_MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VIRTIO_MMIO_VERSION_1;
	case VIRTIO_MMIO_DEVICE_ID:
		return v->config.device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VIRTIO_PCI_VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return virtio_read_offered(v);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? queue->max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue && queue->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		virtio_step(v);
		return v->isr;
	case VIRTIO_MMIO_STATUS:
		virtio_step(v);
		return virtio_read_status(v);
	default:
		return v->generation; /* of the configuration: the last that can be read */
	}
}

static void write_ready(struct model_virtio *v, uint32_t value)
{
	struct virtio_queue *queue = virtio_selected(v);

	if (value > 1)
		model_virtio_complain(v, MODEL_REPORT_RESERVED, "4.2.2", "QueueReady is 0 or 1",
				      value);
	if (value & 1)
		virtio_queue_enable(v);
	else if (queue)
		virtio_queue_disable(v, queue);
}

static void write_register(struct model_virtio *v, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		v->device_select = value;
		v->device_selected = true;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		v->driver_select = value;
		v->driver_selected = true;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		virtio_write_accepted(v, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		v->queue_select = value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
		virtio_queue_set_size(v, value);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		write_ready(v, value);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		virtio_notify(v, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		if (value & ~(VIRTIO_MMIO_INT_QUEUE | VIRTIO_MMIO_INT_CONFIG))
			model_virtio_complain(v, MODEL_REPORT_RESERVED, "4.2.2.2",
					      "unknown interrupts are acknowledged", value);
		v->isr &= (uint8_t)~value;
		virtio_update_line(v);
		break;
	case VIRTIO_MMIO_STATUS:
		virtio_write_status(v, value);
		break;
	default:
		/* The areas: descriptors at 0x80, driver at 0x90, device at 0xa0; low, then high. */
		virtio_queue_set_address(v, (offset - VIRTIO_MMIO_QUEUE_DESC_LOW) / 0x10,
					 offset & 4, value);
		break;
	}
}

uint64_t model_virtio_mmio_read(struct model_virtio *v, uint32_t offset, unsigned int size)
{
	uint64_t value = UINT32_MAX;

	model_virtio_lock(v);
	v->transport = &transport;
	if (offset >= VIRTIO_MMIO_CONFIG)
		value = virtio_read_config(v, offset - VIRTIO_MMIO_CONFIG, size);
	else if (allowed(v, offset, size, READ))
		value = read_register(v, offset);
	model_virtio_unlock(v);
	return value;
}

void model_virtio_mmio_write(struct model_virtio *v, uint32_t offset, unsigned int size,
			     uint64_t value)
{
	model_virtio_lock(v);
	v->transport = &transport;
	if (offset >= VIRTIO_MMIO_CONFIG)
		virtio_write_config(v, offset - VIRTIO_MMIO_CONFIG, size, (uint32_t)value);
	else if (allowed(v, offset, size, WRITE))
		write_register(v, offset, (uint32_t)value);
	model_virtio_unlock(v);
}
