/* SPDX-License-Identifier: MIT */
/*
 * virtio_pci.c - virtio over PCI (4.1), without the legacy interface
 *
 * The structures lie where a driver finds them only if it reads the capabilities: in BARs 2 and 4, at odd
 * places, with notifications that are not at the start, behind a capability of a type that is reserved and
 * one in a BAR that is; that of the common structure is longer than it has to be (4.1.4.1).
 *
 * The bus is held for each access, so that a DMA is before it or after it.
 */
#include <string.h>

#include "models/virtio_internal.h"
#include "spec/pci.h"

#define VECTORS (MODEL_VIRTIO_MAX_QUEUES + 1)

#define BAR_MSIX 1u
#define BAR_CONFIG 2u
#define BAR_NOTIFY 4u
#define BAR_SIZE 0x1000u

#define TABLE 0x800u
#define PENDING 0xc00u
#define COMMON 0x104u
#define ISR 0x203u
#define DEVICE 0x408u
#define DEVICE_LENGTH 0x200u
#define NOTIFY 0x22u
#define NOTIFY_MULTIPLIER 8u
#define NOTIFY_LENGTH 0x80u

struct virtio_pci {
	struct model_virtio *v;
	struct model_pci_function *fn;
	unsigned int msix, window; /* where these capabilities are; 0: nowhere */
	uint32_t table[VECTORS][PCI_MSIX_ENTRY_SIZE / 4];
	uint32_t pending;
};

/* ---- capabilities ------------------------------------------------------------------------------ */

#define LE32(value) (value) & 0xff, (value) >> 8 & 0xff, (value) >> 16 & 0xff, (value) >> 24 & 0xff
#define STRUCTURE(length_of_cap, type, bar, offset, length) \
	PCI_CAP_ID_VENDOR, 0, length_of_cap, type, bar, 0, 0, 0, LE32(offset), LE32(length)

static const uint8_t cap_reserved_type[] = { STRUCTURE(16, 0x77, BAR_CONFIG, 0, 0x100) };
static const uint8_t cap_reserved_bar[] = { STRUCTURE(16, VIRTIO_PCI_CFG_COMMON, 6, 0, 0x100) };
static const uint8_t cap_common[] = { STRUCTURE(20, VIRTIO_PCI_CFG_COMMON, BAR_CONFIG, COMMON,
						VIRTIO_PCI_COMMON_SIZE),
				      LE32(0xffffffff) };
static const uint8_t cap_isr[] = { STRUCTURE(16, VIRTIO_PCI_CFG_ISR, BAR_CONFIG, ISR, 1) };
static const uint8_t cap_device[] = { STRUCTURE(16, VIRTIO_PCI_CFG_DEVICE, BAR_CONFIG, DEVICE,
						DEVICE_LENGTH) };
static const uint8_t cap_notify[] = { STRUCTURE(20, VIRTIO_PCI_CFG_NOTIFY, BAR_NOTIFY, NOTIFY,
						NOTIFY_LENGTH),
				      LE32(NOTIFY_MULTIPLIER) };
static const uint8_t cap_window[] = { STRUCTURE(20, VIRTIO_PCI_CFG_PCI, 0, 0, 0), LE32(0) };
static const uint8_t cap_window_writable[] = {
	0, 0, 0, 0, 0xff, 0, 0, 0, LE32(0xffffffff), LE32(0xffffffff), LE32(0xffffffff)
};
static const uint8_t cap_msix[] = {
	PCI_CAP_ID_MSIX, 0, VECTORS - 1, 0, LE32(TABLE | BAR_MSIX), LE32(PENDING | BAR_MSIX)
};
static const uint8_t cap_msix_writable[] = { 0, 0, 0, 0xc0, LE32(0), LE32(0) };

/* MSI-X last, to leave it out. */
static const struct model_pci_capability capabilities[] = {
	{ cap_reserved_type, NULL, sizeof(cap_reserved_type) },
	{ cap_reserved_bar, NULL, sizeof(cap_reserved_bar) },
	{ cap_common, NULL, sizeof(cap_common) },
	{ cap_window, cap_window_writable, sizeof(cap_window) },
	{ cap_notify, NULL, sizeof(cap_notify) },
	{ cap_isr, NULL, sizeof(cap_isr) },
	{ cap_device, NULL, sizeof(cap_device) },
	{ cap_msix, cap_msix_writable, sizeof(cap_msix) },
};
#define NUM_CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

void model_virtio_pci_config(struct model_pci_config *config, uint16_t device_id, bool intx)
{
	config->vendor_id = VIRTIO_PCI_VENDOR;
	config->device_id = (uint16_t)(VIRTIO_PCI_DEVICE_BASE + device_id);
	/* 4.1.2.1: what tells it from a transitional device. */
	config->revision = 1;
	config->subsystem_vendor_id = VIRTIO_PCI_VENDOR;
	config->subsystem_id = 0x1100;
	if (!config->class_code)
		config->class_code = 0x00ff00;
	config->interrupt_pin = 1;
	config->bar_size[BAR_MSIX] = intx ? 0 : BAR_SIZE;
	config->bar_size[BAR_CONFIG] = BAR_SIZE;
	config->bar_size[BAR_NOTIFY] = BAR_SIZE;
	config->capabilities = capabilities;
	config->num_capabilities = NUM_CAPABILITIES - intx;
}

static uint32_t get(const uint8_t *bytes, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)bytes[i] << 8 * i;
	return value;
}

static void put(uint8_t *bytes, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static void find_capabilities(struct virtio_pci *pci)
{
	const uint8_t *space = model_pci_space(pci->fn);

	for (unsigned int at = space[PCI_CAP_POINTER]; at; at = space[at + PCI_CAP_NEXT]) {
		if (space[at] == PCI_CAP_ID_MSIX)
			pci->msix = at;
		if (space[at] == PCI_CAP_ID_VENDOR &&
		    space[at + VIRTIO_PCI_CAP_CFG_TYPE] == VIRTIO_PCI_CFG_PCI)
			pci->window = at;
	}
}

/* ---- interrupts -------------------------------------------------------------------------------- */

static uint32_t msix_control(const struct virtio_pci *pci)
{
	return pci->msix ? get(model_pci_space(pci->fn) + pci->msix + PCI_MSIX_CONTROL, 2) : 0;
}

static void send(struct virtio_pci *pci, unsigned int vector)
{
	const uint32_t *entry = pci->table[vector];

	if (msix_control(pci) & PCI_MSIX_MASK_ALL ||
	    entry[PCI_MSIX_ENTRY_CONTROL / 4] & PCI_MSIX_ENTRY_MASKED) {
		pci->pending |= 1u << vector;
		return;
	}
	pci->pending &= ~(1u << vector);
	if (pci->v->msi && model_pci_may_master(pci->fn))
		pci->v->msi(pci->v->context,
			    entry[PCI_MSIX_ENTRY_ADDRESS_LOW / 4] |
				    (uint64_t)entry[PCI_MSIX_ENTRY_ADDRESS_HIGH / 4] << 32,
			    entry[PCI_MSIX_ENTRY_DATA / 4]);
}

static void send_pending(struct virtio_pci *pci)
{
	if (!(msix_control(pci) & PCI_MSIX_ENABLE))
		return;
	for (unsigned int i = 0; i < VECTORS; i++)
		if (pci->pending >> i & 1)
			send(pci, i);
}

static bool message(void *context, uint16_t vector)
{
	struct virtio_pci *pci = context;

	if (!(msix_control(pci) & PCI_MSIX_ENABLE))
		return false;
	if (vector < VECTORS)
		send(pci, vector);
	return true;
}

/* 4.1.4.5.1: the bit of the status register follows the ISR while MSI-X is off. */
static void line(void *context, bool level)
{
	struct virtio_pci *pci = context;
	uint8_t *status = model_pci_space(pci->fn) + PCI_STATUS;

	if (msix_control(pci) & PCI_MSIX_ENABLE)
		level = false;
	*status = (uint8_t)((*status & ~PCI_STATUS_INTERRUPT) | (level ? PCI_STATUS_INTERRUPT : 0));
}

static bool may_master(void *context)
{
	return model_pci_may_master(((struct virtio_pci *)context)->fn);
}

static const struct virtio_transport transport = {
	.message = message,
	.line = line,
	.may_master = may_master,
	.waits_for_reset = true,
};

/* ---- the common structure (4.1.4.3) ------------------------------------------------------------ */

static const struct {
	uint8_t offset, size;
	bool writable;
} fields[] = {
	{ VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT, 4, true },
	{ VIRTIO_PCI_COMMON_DEVICE_FEATURE, 4, false },
	{ VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT, 4, true },
	{ VIRTIO_PCI_COMMON_DRIVER_FEATURE, 4, true },
	{ VIRTIO_PCI_COMMON_CONFIG_MSIX_VECTOR, 2, true },
	{ VIRTIO_PCI_COMMON_NUM_QUEUES, 2, false },
	{ VIRTIO_PCI_COMMON_DEVICE_STATUS, 1, true },
	{ VIRTIO_PCI_COMMON_CONFIG_GENERATION, 1, false },
	{ VIRTIO_PCI_COMMON_QUEUE_SELECT, 2, true },
	{ VIRTIO_PCI_COMMON_QUEUE_SIZE, 2, true },
	{ VIRTIO_PCI_COMMON_QUEUE_MSIX_VECTOR, 2, true },
	{ VIRTIO_PCI_COMMON_QUEUE_ENABLE, 2, true },
	{ VIRTIO_PCI_COMMON_QUEUE_NOTIFY_OFF, 2, false },
	{ VIRTIO_PCI_COMMON_QUEUE_DESC, 4, true },
	{ VIRTIO_PCI_COMMON_QUEUE_DESC + 4, 4, true },
	{ VIRTIO_PCI_COMMON_QUEUE_DRIVER, 4, true },
	{ VIRTIO_PCI_COMMON_QUEUE_DRIVER + 4, 4, true },
	{ VIRTIO_PCI_COMMON_QUEUE_DEVICE, 4, true },
	{ VIRTIO_PCI_COMMON_QUEUE_DEVICE + 4, 4, true },
};

/* Reported if there is no such field, or none of this size. */
static bool field_at(struct model_virtio *v, uint64_t offset, unsigned int size, bool write)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].offset != offset || fields[i].size != size)
			continue;
		if (!write || fields[i].writable)
			return true;
		virtio_illegal(v, "4.1.4.3.2",
			       "a read-only field of the common configuration is "
			       "written",
			       offset);
		return false;
	}
	virtio_illegal(v, "4.1.3.1", "an access to the common configuration that is no field",
		       offset);
	return false;
}

static unsigned int notify_offset(unsigned int queue)
{
	return 1 + 2 * queue;
}

static uint32_t read_queue_field(const struct model_virtio *v, const struct virtio_queue *queue,
				 uint32_t offset)
{
	unsigned int word = (offset - VIRTIO_PCI_COMMON_QUEUE_DESC) / 4;

	switch (offset) {
	case VIRTIO_PCI_COMMON_QUEUE_SIZE:
		return queue->size;
	case VIRTIO_PCI_COMMON_QUEUE_MSIX_VECTOR:
		return queue->vector;
	case VIRTIO_PCI_COMMON_QUEUE_ENABLE:
		return queue->ready;
	case VIRTIO_PCI_COMMON_QUEUE_NOTIFY_OFF:
		return notify_offset(v->queue_select);
	default:
		return (uint32_t)(queue->area[word / 2] >> (word & 1 ? 32 : 0));
	}
}

static uint32_t read_common(struct model_virtio *v, uint32_t offset)
{
	struct virtio_queue *queue = virtio_selected(v);

	switch (offset) {
	case VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT:
		return v->device_select;
	case VIRTIO_PCI_COMMON_DEVICE_FEATURE:
		return virtio_read_offered(v);
	case VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT:
		return v->driver_select;
	case VIRTIO_PCI_COMMON_DRIVER_FEATURE:
		return v->driver_select < 2 ? (uint32_t)(v->accepted >> 32 * v->driver_select) : 0;
	case VIRTIO_PCI_COMMON_CONFIG_MSIX_VECTOR:
		return v->config_vector;
	case VIRTIO_PCI_COMMON_NUM_QUEUES:
		return v->config.num_queues;
	case VIRTIO_PCI_COMMON_DEVICE_STATUS:
		virtio_step(v);
		return virtio_read_status(v);
	case VIRTIO_PCI_COMMON_CONFIG_GENERATION:
		return v->generation;
	case VIRTIO_PCI_COMMON_QUEUE_SELECT:
		return v->queue_select;
	default:
		return queue ? read_queue_field(v, queue, offset) : 0;
	}
}

static uint16_t vector(struct virtio_pci *pci, uint32_t value)
{
	if (value == VIRTIO_MSI_NO_VECTOR || (pci->msix && value < VECTORS))
		return (uint16_t)value;
	virtio_illegal(pci->v, "4.1.5.1.2.2", "an interrupt vector that the function does not have",
		       value);
	return VIRTIO_MSI_NO_VECTOR;
}

static void write_queue_field(struct virtio_pci *pci, uint32_t offset, uint32_t value)
{
	struct model_virtio *v = pci->v;
	struct virtio_queue *queue = virtio_selected(v);
	unsigned int word = (offset - VIRTIO_PCI_COMMON_QUEUE_DESC) / 4;

	switch (offset) {
	case VIRTIO_PCI_COMMON_QUEUE_SIZE:
		virtio_queue_set_size(v, value);
		break;
	case VIRTIO_PCI_COMMON_QUEUE_MSIX_VECTOR:
		if (queue)
			queue->vector = vector(pci, value);
		break;
	case VIRTIO_PCI_COMMON_QUEUE_ENABLE:
		if (value == 1)
			virtio_queue_enable(v);
		else
			virtio_illegal(v, "4.1.4.3.2", "anything but 1 is written to queue_enable",
				       value);
		break;
	default:
		virtio_queue_set_address(v, word / 2, word & 1, value);
		break;
	}
}

static void write_common(struct virtio_pci *pci, uint32_t offset, uint32_t value)
{
	struct model_virtio *v = pci->v;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT:
		v->device_select = value;
		break;
	case VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT:
		v->driver_select = value;
		break;
	case VIRTIO_PCI_COMMON_DRIVER_FEATURE:
		virtio_write_accepted(v, value);
		break;
	case VIRTIO_PCI_COMMON_CONFIG_MSIX_VECTOR:
		v->config_vector = vector(pci, value);
		break;
	case VIRTIO_PCI_COMMON_DEVICE_STATUS:
		virtio_write_status(v, value);
		break;
	case VIRTIO_PCI_COMMON_QUEUE_SELECT:
		v->queue_select = (uint16_t)value;
		break;
	default:
		write_queue_field(pci, offset, value);
		break;
	}
}

/* ---- BARs -------------------------------------------------------------------------------------- */

static void notified(struct model_virtio *v, uint64_t offset, unsigned int size, uint32_t value)
{
	if (size != 2)
		virtio_illegal(v, "4.1.5.2", "a notification that is not 16 bits", size);
	else if (value >= v->config.num_queues ||
		 offset != (uint64_t)notify_offset(value) * NOTIFY_MULTIPLIER)
		virtio_illegal(v, "4.1.4.4", "a notification at another place than the queue's",
			       offset);
	else
		virtio_notify(v, value);
}

/* The word of the MSI-X table or of the pending bits at @offset; NULL: none. */
static uint32_t *msix_word(struct virtio_pci *pci, uint64_t offset)
{
	if (offset >= TABLE && offset - TABLE < sizeof(pci->table))
		return &pci->table[0][0] + (offset - TABLE) / 4;
	return offset == PENDING ? &pci->pending : NULL;
}

static uint64_t bar_read(struct virtio_pci *pci, unsigned int bar, uint64_t offset,
			 unsigned int size)
{
	struct model_virtio *v = pci->v;

	if (bar == BAR_MSIX) {
		uint32_t *word = msix_word(pci, offset);

		if (!word || size < 4)
			return 0;
		return size == 8 && offset < PENDING ? word[0] | (uint64_t)word[1] << 32 : *word;
	}
	if (bar == BAR_CONFIG && offset == ISR && size == 1) {
		uint8_t isr;

		virtio_step(v);
		isr = v->isr;
		v->isr = 0;
		virtio_update_line(v);
		return isr;
	}
	if (bar == BAR_CONFIG && offset >= COMMON && offset < COMMON + VIRTIO_PCI_COMMON_SIZE)
		return field_at(v, offset - COMMON, size, false) ?
			       read_common(v, (uint32_t)(offset - COMMON)) :
			       UINT32_MAX;
	if (bar == BAR_CONFIG && offset >= DEVICE && offset < DEVICE + DEVICE_LENGTH)
		return virtio_read_config(v, offset - DEVICE, size);
	virtio_illegal(v, "4.1.4", "a read of a BAR that is in no structure", offset);
	return UINT32_MAX;
}

static void bar_write(struct virtio_pci *pci, unsigned int bar, uint64_t offset, unsigned int size,
		      uint64_t value)
{
	struct model_virtio *v = pci->v;

	if (bar == BAR_MSIX) {
		uint32_t *word = msix_word(pci, offset);

		if (!word || size < 4 || word == &pci->pending)
			return;
		word[0] = (uint32_t)value;
		if (size == 8)
			word[1] = (uint32_t)(value >> 32);
		send_pending(pci);
	} else if (bar == BAR_NOTIFY && offset >= NOTIFY && offset < NOTIFY + NOTIFY_LENGTH) {
		notified(v, offset - NOTIFY, size, (uint32_t)value);
	} else if (bar == BAR_CONFIG && offset >= COMMON &&
		   offset < COMMON + VIRTIO_PCI_COMMON_SIZE) {
		if (field_at(v, offset - COMMON, size, true))
			write_common(pci, (uint32_t)(offset - COMMON), (uint32_t)value);
	} else if (bar == BAR_CONFIG && offset >= DEVICE && offset < DEVICE + DEVICE_LENGTH) {
		virtio_write_config(v, offset - DEVICE, size, (uint32_t)value);
	} else {
		virtio_illegal(v, "4.1.4", "a write to a BAR that is in no structure", offset);
	}
}

static uint64_t mmio_read(void *device, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct virtio_pci *pci = device;
	uint64_t value;

	model_pci_bus_lock(pci->fn);
	model_virtio_lock(pci->v);
	value = bar_read(pci, bar, offset, size);
	model_virtio_unlock(pci->v);
	model_pci_bus_unlock(pci->fn);
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static void mmio_write(void *device, unsigned int bar, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct virtio_pci *pci = device;

	model_pci_bus_lock(pci->fn);
	model_virtio_lock(pci->v);
	bar_write(pci, bar, offset, size, value);
	model_virtio_unlock(pci->v);
	model_pci_bus_unlock(pci->fn);
}

/* ---- the window in configuration space (4.1.4.9) ----------------------------------------------- */

struct access {
	unsigned int bar, size;
	uint32_t offset;
};

static uint32_t window_length(struct virtio_pci *pci)
{
	return get(model_pci_space(pci->fn) + pci->window + VIRTIO_PCI_CAP_LENGTH, 4);
}

static bool in_window(struct virtio_pci *pci, unsigned int offset, struct access *access)
{
	const uint8_t *cap = model_pci_space(pci->fn) + pci->window;

	if (offset != pci->window + VIRTIO_PCI_CAP_PCI_DATA)
		return false;
	access->bar = cap[VIRTIO_PCI_CAP_BAR];
	access->offset = get(cap + VIRTIO_PCI_CAP_OFFSET, 4);
	access->size = get(cap + VIRTIO_PCI_CAP_LENGTH, 4);
	if (virtio_word_size(access->size) && access->offset % access->size == 0 &&
	    (access->bar == BAR_CONFIG || access->bar == BAR_NOTIFY) && access->offset < BAR_SIZE)
		return true;
	virtio_illegal(pci->v, "4.1.4.9.2", "the window is used for no part of a structure",
		       access->offset);
	return false;
}

static void config_read(void *device, unsigned int offset, unsigned int size)
{
	struct virtio_pci *pci = device;
	struct access access;

	(void)size;
	model_virtio_lock(pci->v);
	/* Whoever lists all of configuration space reads the window, too, and has not set it up. */
	if (window_length(pci) && in_window(pci, offset, &access))
		put(model_pci_space(pci->fn) + offset, access.size,
		    (uint32_t)bar_read(pci, access.bar, access.offset, access.size));
	model_virtio_unlock(pci->v);
}

static void config_written(void *device, unsigned int offset, unsigned int size)
{
	struct virtio_pci *pci = device;
	struct access access;

	(void)size;
	model_virtio_lock(pci->v);
	if (in_window(pci, offset, &access))
		bar_write(pci, access.bar, access.offset, access.size,
			  get(model_pci_space(pci->fn) + offset, access.size));
	send_pending(pci);
	virtio_update_line(pci->v);
	model_virtio_unlock(pci->v);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void destroy(void *device)
{
	struct virtio_pci *pci = device;

	model_virtio_lock(pci->v);
	pci->v->transport = NULL;
	model_virtio_unlock(pci->v);
	uiommu_port_free(model_pci_host(pci->fn), pci, sizeof(*pci));
}

static const struct model_pci_device_ops pci_ops = {
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.config_read = config_read,
	.config_written = config_written,
	.destroy = destroy,
};

int model_virtio_pci_create(struct model_pci_function *fn, struct model_virtio *v)
{
	struct virtio_pci *pci = uiommu_port_alloc(model_pci_host(fn), sizeof(*pci));

	if (!pci)
		return -1;
	pci->v = v;
	pci->fn = fn;
	find_capabilities(pci);
	for (unsigned int i = 0; i < VECTORS; i++)
		pci->table[i][PCI_MSIX_ENTRY_CONTROL / 4] = PCI_MSIX_ENTRY_MASKED;
	model_virtio_lock(v);
	v->transport = &transport;
	v->transport_context = pci;
	model_virtio_unlock(v);
	model_pci_set_device(fn, &pci_ops, pci);
	return 0;
}
