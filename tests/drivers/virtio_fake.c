/* SPDX-License-Identifier: MIT */
/* virtio_fake.c - a virtio IOMMU that does what the test says */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "spec/pci.h"
#include "tests/drivers/virtio_fake.h"

/* Over PCI all is in one BAR. */
#define BAR 4
#define COMMON_AT 0x0000u
#define ISR_AT 0x1000u
#define DEVICE_AT 0x2000u
#define NOTIFY_AT 0x3000u
#define NOTIFY_LENGTH 0x10u
#define VENDOR_SPECIFIC 0x09u /* a capability's ID */

#define MAX_READ 128u /* bytes of a request's readable part */

static uint64_t get(const unsigned char *at, unsigned int size)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void put(unsigned char *at, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		at[i] = (unsigned char)(value >> (8 * i));
}

/* ---- what the device does ---------------------------------------------------------------------- */

static bool populated(const struct fake *f, uint32_t domain)
{
	for (unsigned int i = 0; i < FAKE_ENDPOINTS; i++)
		if (f->attached[i] && f->domain[i] == domain)
			return true;
	return false;
}

static void leave(struct fake *f, uint32_t endpoint)
{
	uint32_t domain = f->domain[endpoint];

	f->attached[endpoint] = false;
	if (populated(f, domain))
		return;
	for (unsigned int i = 0; i < FAKE_MAPPINGS; i++)
		if (f->mapping[i].domain == domain)
			f->mapping[i].used = false;
}

static uint8_t attach(struct fake *f, const struct fake_note *n)
{
	if (n->endpoint >= FAKE_ENDPOINTS)
		return VIRTIO_IOMMU_S_NOENT;
	if (n->domain < f->first_id || n->domain > f->last_id)
		return VIRTIO_IOMMU_S_RANGE;
	if (f->attached[n->endpoint])
		leave(f, n->endpoint);
	f->attached[n->endpoint] = true;
	f->domain[n->endpoint] = n->domain;
	return VIRTIO_IOMMU_S_OK;
}

static uint8_t detach(struct fake *f, const struct fake_note *n)
{
	if (n->endpoint >= FAKE_ENDPOINTS)
		return VIRTIO_IOMMU_S_NOENT;
	if (!f->attached[n->endpoint] || f->domain[n->endpoint] != n->domain)
		return VIRTIO_IOMMU_S_INVAL;
	leave(f, n->endpoint);
	return VIRTIO_IOMMU_S_OK;
}

static uint8_t map(struct fake *f, const struct fake_note *n)
{
	struct fake_mapping *room = NULL;

	if (!populated(f, n->domain))
		return VIRTIO_IOMMU_S_NOENT;
	for (unsigned int i = 0; i < FAKE_MAPPINGS; i++) {
		struct fake_mapping *m = &f->mapping[i];

		if (!m->used)
			room = m;
		else if (m->domain == n->domain && m->start <= n->last && m->last >= n->start)
			return VIRTIO_IOMMU_S_INVAL;
	}
	assert_non_null(room);
	*room = (struct fake_mapping){ true, n->domain, n->flags, n->start, n->last, n->phys };
	return VIRTIO_IOMMU_S_OK;
}

static uint8_t unmap(struct fake *f, const struct fake_note *n)
{
	if (!populated(f, n->domain))
		return VIRTIO_IOMMU_S_NOENT;
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (unsigned int i = 0; i < FAKE_MAPPINGS; i++) {
			struct fake_mapping *m = &f->mapping[i];

			if (!m->used || m->domain != n->domain || m->start > n->last ||
			    m->last < n->start)
				continue;
			if (m->start < n->start || m->last > n->last)
				return VIRTIO_IOMMU_S_RANGE;
			if (pass)
				m->used = false;
		}
	}
	return VIRTIO_IOMMU_S_OK;
}

static struct fake_note decode(const unsigned char *bytes)
{
	struct fake_note n = { .type = bytes[VIRTIO_IOMMU_HEAD_TYPE] };

	switch (n.type) {
	case VIRTIO_IOMMU_T_ATTACH:
		n.flags = (uint32_t)get(bytes + VIRTIO_IOMMU_ATTACH_FLAGS, 4);
		/* fallthrough */
	case VIRTIO_IOMMU_T_DETACH:
		n.domain = (uint32_t)get(bytes + VIRTIO_IOMMU_ATTACH_DOMAIN, 4);
		n.endpoint = (uint32_t)get(bytes + VIRTIO_IOMMU_ATTACH_ENDPOINT, 4);
		break;
	case VIRTIO_IOMMU_T_MAP:
		n.phys = get(bytes + VIRTIO_IOMMU_MAP_PHYS_START, 8);
		n.flags = (uint32_t)get(bytes + VIRTIO_IOMMU_MAP_FLAGS, 4);
		/* fallthrough */
	case VIRTIO_IOMMU_T_UNMAP:
		n.domain = (uint32_t)get(bytes + VIRTIO_IOMMU_MAP_DOMAIN, 4);
		n.start = get(bytes + VIRTIO_IOMMU_MAP_VIRT_START, 8);
		n.last = get(bytes + VIRTIO_IOMMU_MAP_VIRT_END, 8);
		break;
	case VIRTIO_IOMMU_T_PROBE:
		n.endpoint = (uint32_t)get(bytes + VIRTIO_IOMMU_PROBE_ENDPOINT, 4);
		break;
	}
	return n;
}

static uint32_t size_of(uint8_t type)
{
	static const uint8_t sizes[] = { 0,
					 VIRTIO_IOMMU_ATTACH_SIZE,
					 VIRTIO_IOMMU_DETACH_SIZE,
					 VIRTIO_IOMMU_MAP_SIZE,
					 VIRTIO_IOMMU_UNMAP_SIZE,
					 VIRTIO_IOMMU_PROBE_SIZE };

	return type < sizeof(sizes) ? sizes[type] : 0;
}

static uint8_t carry_out(struct fake *f, const struct fake_note *n, unsigned char *writable)
{
	switch (n->type) {
	case VIRTIO_IOMMU_T_ATTACH:
		return attach(f, n);
	case VIRTIO_IOMMU_T_DETACH:
		return detach(f, n);
	case VIRTIO_IOMMU_T_MAP:
		return map(f, n);
	case VIRTIO_IOMMU_T_UNMAP:
		return unmap(f, n);
	case VIRTIO_IOMMU_T_PROBE:
		if (n->endpoint >= FAKE_ENDPOINTS)
			return VIRTIO_IOMMU_S_NOENT;
		memcpy(writable, f->properties[n->endpoint], FAKE_PROPERTIES);
		return VIRTIO_IOMMU_S_OK;
	default:
		return VIRTIO_IOMMU_S_UNSUPP;
	}
}

static const struct fake_rule *rule_for(struct fake *f, uint8_t type)
{
	for (unsigned int i = 0; i < f->rules; i++) {
		struct fake_rule *r = &f->rule[i];

		if ((r->type && r->type != type) || !r->times)
			continue;
		if (r->good) {
			r->good--;
			continue;
		}
		r->times--;
		return r;
	}
	return NULL;
}

static void give_back(struct fake *f, struct fake_queue *q, uint32_t head, uint32_t length)
{
	unsigned char *used = uiommu_test_phys(f->test, q->used, virtio_used_size(q->size));
	unsigned char *elem =
		used + VIRTIO_USED_RING + (size_t)(q->done % q->size) * VIRTIO_USED_ELEM_SIZE;

	put(elem + VIRTIO_USED_ELEM_ID, 4, head);
	put(elem + VIRTIO_USED_ELEM_LEN, 4, length);
	put(used + VIRTIO_USED_IDX, 2, ++q->done);
}

/* The next head that the driver made available; false: none. */
static bool take(struct fake *f, struct fake_queue *q, uint16_t *head)
{
	const unsigned char *avail =
		uiommu_test_phys(f->test, q->avail, virtio_avail_size(q->size));

	if (!q->enabled || (uint16_t)get(avail + VIRTIO_AVAIL_IDX, 2) == q->seen)
		return false;
	*head = (uint16_t)get(avail + VIRTIO_AVAIL_RING + 2 * (size_t)(q->seen++ % q->size), 2);
	assert_true(*head < q->size);
	return true;
}

static unsigned char *descriptor(struct fake *f, const struct fake_queue *q, uint16_t index,
				 uint32_t *length, uint16_t *flags, uint16_t *next)
{
	const unsigned char *d = uiommu_test_phys(
		f->test, q->desc + (uint64_t)index * VIRTIO_DESC_SIZE, VIRTIO_DESC_SIZE);

	*length = (uint32_t)get(d + VIRTIO_DESC_LEN, 4);
	*flags = (uint16_t)get(d + VIRTIO_DESC_FLAGS, 2);
	*next = (uint16_t)get(d + VIRTIO_DESC_NEXT, 2);
	return uiommu_test_phys(f->test, get(d + VIRTIO_DESC_ADDR, 8), *length);
}

/* This driver's requests are one descriptor to read and one to write. */
static void request(struct fake *f, struct fake_queue *q, uint16_t head)
{
	unsigned char *readable, *writable;
	const struct fake_rule *rule;
	uint32_t read, written;
	uint16_t flags, next;
	struct fake_note n;

	readable = descriptor(f, q, head, &read, &flags, &next);
	assert_int_equal(flags, VIRTIO_DESC_F_NEXT);
	assert_true(next < q->size && next != head);
	writable = descriptor(f, q, next, &written, &flags, &next);
	assert_int_equal(flags, VIRTIO_DESC_F_WRITE);
	assert_true(read >= VIRTIO_IOMMU_HEAD_SIZE && read <= MAX_READ);
	assert_int_equal(read, size_of(readable[VIRTIO_IOMMU_HEAD_TYPE]));
	n = decode(readable);
	assert_int_equal(written, VIRTIO_IOMMU_TAIL_SIZE +
					  (n.type == VIRTIO_IOMMU_T_PROBE ? FAKE_PROPERTIES : 0));

	rule = rule_for(f, n.type);
	f->silent = rule && (rule->answer == FAKE_SILENT || rule->answer == FAKE_BROKEN);
	if (rule && rule->answer == FAKE_BROKEN)
		f->status |= VIRTIO_STATUS_NEEDS_RESET;
	if (f->silent)
		return;
	n.status = rule ? rule->status : carry_out(f, &n, writable);
	assert_true(f->notes < FAKE_NOTES);
	f->note[f->notes++] = n;
	if (rule && rule->answer == FAKE_EMPTY)
		written = 0;
	else
		writable[written - VIRTIO_IOMMU_TAIL_SIZE] = n.status;
	if (rule && rule->answer == FAKE_SHORT)
		written -= VIRTIO_IOMMU_TAIL_SIZE;
	if (rule && rule->answer == FAKE_ODD)
		head++;
	if (rule && rule->answer == FAKE_TWICE)
		give_back(f, q, head, written);
	give_back(f, q, rule && rule->answer == FAKE_BEYOND ? 0xfffffffe : head, written);
}

static void notified(struct fake *f, uint32_t queue)
{
	uint16_t head;

	assert_true(queue < 2);
	assert_true(f->status & VIRTIO_STATUS_DRIVER_OK);
	f->notified[queue]++;
	while (queue == VIRTIO_IOMMU_REQUESTQ && !f->silent && take(f, &f->queue[queue], &head))
		request(f, &f->queue[queue], head);
}

void fake_wake(struct fake *f)
{
	struct fake_queue *q = &f->queue[VIRTIO_IOMMU_REQUESTQ];
	uint16_t head;

	assert_true(f->silent);
	f->silent = false;
	q->seen--;
	while (!f->silent && take(f, q, &head))
		request(f, q, head);
}

bool fake_fault(struct fake *f, uint32_t reason, uint32_t flags, uint32_t endpoint, uint64_t iova,
		uint32_t length)
{
	struct fake_queue *q = &f->queue[VIRTIO_IOMMU_EVENTQ];
	unsigned char *record;
	uint16_t head, how, next;
	uint32_t room;

	if (!take(f, q, &head))
		return false;
	record = descriptor(f, q, head, &room, &how, &next);
	assert_int_equal(how, VIRTIO_DESC_F_WRITE);
	assert_true(room >= VIRTIO_IOMMU_FAULT_SIZE);
	memset(record, 0, room);
	put(record + VIRTIO_IOMMU_FAULT_REASON, 4, reason);
	put(record + VIRTIO_IOMMU_FAULT_FLAGS, 4, flags);
	put(record + VIRTIO_IOMMU_FAULT_ENDPOINT, 4, endpoint);
	put(record + VIRTIO_IOMMU_FAULT_ADDRESS, 8, iova);
	give_back(f, q, head, length);
	return true;
}

void fake_event_id(struct fake *f, uint32_t id)
{
	give_back(f, &f->queue[VIRTIO_IOMMU_EVENTQ], id, VIRTIO_IOMMU_FAULT_SIZE);
}

/* ---- registers --------------------------------------------------------------------------------- */

static void reset(struct fake *f)
{
	memset(f->attached, 0, sizeof(f->attached));
	memset(f->mapping, 0, sizeof(f->mapping));
	for (unsigned int i = 0; i < 2; i++)
		f->queue[i] = (struct fake_queue){ .most = f->queue[i].most,
						   .size = (uint16_t)f->queue[i].most };
	f->status = f->stuck_in_reset ? VIRTIO_STATUS_ACKNOWLEDGE : 0;
	f->silent = false;
	f->accepted = 0;
}

static void set_status(struct fake *f, uint32_t value)
{
	if (!value) {
		reset(f);
		return;
	}
	assert_int_equal(f->status & ~value & ~VIRTIO_STATUS_NEEDS_RESET, 0); /* none is cleared */
	f->status |= (uint8_t)value;
	if (f->refuse_features || f->accepted & ~f->features)
		f->status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
}

static void set_word(uint64_t *value, bool high, uint32_t word)
{
	*value = high ? (*value & 0xffffffff) | (uint64_t)word << 32 :
			(*value & ~(uint64_t)0xffffffff) | word;
}

/* What both transports have; names as over MMIO. */
static uint32_t read_common(struct fake *f, uint32_t at)
{
	switch (at) {
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return f->device_select < 2 ? (uint32_t)(f->features >> (32 * f->device_select)) :
					      0;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return f->queue_select < 2 ? f->queue[f->queue_select].most : 0;
	case VIRTIO_MMIO_STATUS:
		return f->status;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		if (f->unsteady) {
			f->unsteady--;
			f->generation++;
		}
		return f->generation;
	default:
		f->stray++;
		return 0;
	}
}

static void write_common(struct fake *f, uint32_t at, uint32_t value)
{
	struct fake_queue *q = &f->queue[f->queue_select & 1];

	switch (at) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		f->device_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		f->driver_select = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		assert_true(f->driver_select < 2);
		set_word(&f->accepted, f->driver_select, value);
		break;
	case VIRTIO_MMIO_STATUS:
		set_status(f, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		f->queue_select = value;
		break;
	case VIRTIO_MMIO_QUEUE_NUM:
		assert_false(q->enabled);
		assert_true(value && !(value & (value - 1)) && value <= q->most);
		q->size = (uint16_t)value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_word(&q->desc, at & 4, value);
		break;
	case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
	case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
		set_word(&q->avail, at & 4, value);
		break;
	case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
	case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
		set_word(&q->used, at & 4, value);
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		assert_int_equal(value, 1);
		assert_int_equal(q->desc % VIRTIO_DESC_ALIGN, 0);
		assert_int_equal(q->avail % VIRTIO_AVAIL_ALIGN, 0);
		assert_int_equal(q->used % VIRTIO_USED_ALIGN, 0);
		q->enabled = true;
		break;
	default:
		f->stray++;
	}
}

static uint32_t read_config(struct fake *f, uint32_t at, unsigned int size)
{
	unsigned char bytes[VIRTIO_IOMMU_CONFIG_SIZE] = { 0 };

	put(bytes + VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK, 8, f->page_size_mask);
	put(bytes + VIRTIO_IOMMU_CONFIG_INPUT_START, 8, f->first);
	put(bytes + VIRTIO_IOMMU_CONFIG_INPUT_END, 8, f->last);
	put(bytes + VIRTIO_IOMMU_CONFIG_DOMAIN_START, 4, f->first_id);
	put(bytes + VIRTIO_IOMMU_CONFIG_DOMAIN_END, 4, f->last_id);
	put(bytes + VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4, FAKE_PROPERTIES);
	bytes[VIRTIO_IOMMU_CONFIG_BYPASS] = f->bypass;
	if (at % size || at + size > sizeof(bytes)) {
		f->stray++;
		return 0;
	}
	return (uint32_t)get(bytes + at, size);
}

static void write_config(struct fake *f, uint32_t at, unsigned int size, uint32_t value)
{
	if (at == VIRTIO_IOMMU_CONFIG_BYPASS && size == 1)
		f->bypass = (uint8_t)value;
	else
		f->stray++;
}

/* Fields of the PCI common configuration, and what they are over MMIO. */
static const struct {
	uint8_t at, size, mmio;
} fields[] = {
	{ VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT, 4, VIRTIO_MMIO_DEVICE_FEATURES_SEL },
	{ VIRTIO_PCI_COMMON_DEVICE_FEATURE, 4, VIRTIO_MMIO_DEVICE_FEATURES },
	{ VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT, 4, VIRTIO_MMIO_DRIVER_FEATURES_SEL },
	{ VIRTIO_PCI_COMMON_DRIVER_FEATURE, 4, VIRTIO_MMIO_DRIVER_FEATURES },
	{ VIRTIO_PCI_COMMON_DEVICE_STATUS, 1, VIRTIO_MMIO_STATUS },
	{ VIRTIO_PCI_COMMON_CONFIG_GENERATION, 1, VIRTIO_MMIO_CONFIG_GENERATION },
	{ VIRTIO_PCI_COMMON_QUEUE_SELECT, 2, VIRTIO_MMIO_QUEUE_SEL },
	{ VIRTIO_PCI_COMMON_QUEUE_ENABLE, 2, VIRTIO_MMIO_QUEUE_READY },
	{ VIRTIO_PCI_COMMON_QUEUE_DESC, 4, VIRTIO_MMIO_QUEUE_DESC_LOW },
	{ VIRTIO_PCI_COMMON_QUEUE_DESC + 4, 4, VIRTIO_MMIO_QUEUE_DESC_HIGH },
	{ VIRTIO_PCI_COMMON_QUEUE_DRIVER, 4, VIRTIO_MMIO_QUEUE_DRIVER_LOW },
	{ VIRTIO_PCI_COMMON_QUEUE_DRIVER + 4, 4, VIRTIO_MMIO_QUEUE_DRIVER_HIGH },
	{ VIRTIO_PCI_COMMON_QUEUE_DEVICE, 4, VIRTIO_MMIO_QUEUE_DEVICE_LOW },
	{ VIRTIO_PCI_COMMON_QUEUE_DEVICE + 4, 4, VIRTIO_MMIO_QUEUE_DEVICE_HIGH },
};

static uint32_t notify_offset(const struct fake *f, uint32_t queue)
{
	return f->notify_offset + queue * f->notify_step;
}

static int field_at(uint32_t at, unsigned int size)
{
	for (unsigned int i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].at == at && fields[i].size == size)
			return fields[i].mmio;
	return -1;
}

static uint32_t read_pci(struct fake *f, uint32_t at, unsigned int size)
{
	int mmio = field_at(at, size);

	if (at >= DEVICE_AT && at < NOTIFY_AT)
		return read_config(f, at - DEVICE_AT, size);
	if (at == ISR_AT && size == 1)
		return 0;
	if (at == VIRTIO_PCI_COMMON_QUEUE_SIZE && size == 2)
		return read_common(f, VIRTIO_MMIO_QUEUE_NUM_MAX);
	if (at == VIRTIO_PCI_COMMON_QUEUE_NOTIFY_OFF && size == 2)
		return notify_offset(f, f->queue_select);
	if (mmio < 0) {
		f->stray++;
		return 0;
	}
	return read_common(f, (uint32_t)mmio);
}

static void write_pci(struct fake *f, uint32_t at, unsigned int size, uint32_t value)
{
	int mmio = field_at(at, size);

	if (at >= NOTIFY_AT && at < NOTIFY_AT + NOTIFY_LENGTH && size == 2) {
		assert_int_equal(at - NOTIFY_AT, f->notify_multiplier * notify_offset(f, value));
		notified(f, value);
	} else if (at >= DEVICE_AT && at < NOTIFY_AT) {
		write_config(f, at - DEVICE_AT, size, value);
	} else if (at == VIRTIO_PCI_COMMON_QUEUE_SIZE && size == 2) {
		write_common(f, VIRTIO_MMIO_QUEUE_NUM, value);
	} else if (mmio < 0) {
		f->stray++;
	} else {
		write_common(f, (uint32_t)mmio, value);
	}
}

static uint32_t read_mmio(struct fake *f, uint32_t at, unsigned int size)
{
	if (at >= VIRTIO_MMIO_CONFIG)
		return read_config(f, at - VIRTIO_MMIO_CONFIG, size);
	if (size != 4) {
		f->stray++;
		return 0;
	}
	switch (at) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return f->magic;
	case VIRTIO_MMIO_VERSION:
		return f->version;
	case VIRTIO_MMIO_DEVICE_ID:
		return f->id;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return 0;
	default:
		return read_common(f, at);
	}
}

static void write_mmio(struct fake *f, uint32_t at, unsigned int size, uint32_t value)
{
	if (at >= VIRTIO_MMIO_CONFIG)
		write_config(f, at - VIRTIO_MMIO_CONFIG, size, value);
	else if (at == VIRTIO_MMIO_QUEUE_NOTIFY && size == 4)
		notified(f, value);
	else if (size == 4)
		write_common(f, at, value);
	else
		f->stray++;
}

static uint32_t read(struct fake *f, uint64_t at, unsigned int size)
{
	return f->pci ? read_pci(f, (uint32_t)at, size) : read_mmio(f, (uint32_t)at, size);
}

static void write(struct fake *f, uint64_t at, unsigned int size, uint32_t value)
{
	if (f->pci)
		write_pci(f, (uint32_t)at, size, value);
	else
		write_mmio(f, (uint32_t)at, size, value);
}

static uint8_t read8(void *context, uint64_t at)
{
	return (uint8_t)read(context, at, 1);
}

static uint16_t read16(void *context, uint64_t at)
{
	return (uint16_t)read(context, at, 2);
}

static uint32_t read32(void *context, uint64_t at)
{
	return read(context, at, 4);
}

static uint64_t read64(void *context, uint64_t at)
{
	(void)at;
	((struct fake *)context)->stray++;
	return 0;
}

static void write8(void *context, uint64_t at, uint8_t value)
{
	write(context, at, 1, value);
}

static void write16(void *context, uint64_t at, uint16_t value)
{
	write(context, at, 2, value);
}

static void write32(void *context, uint64_t at, uint32_t value)
{
	write(context, at, 4, value);
}

static void write64(void *context, uint64_t at, uint64_t value)
{
	(void)at;
	(void)value;
	((struct fake *)context)->stray++;
}

static uint32_t space_read(struct uiommu_pci_function *fn, unsigned int at, unsigned int size)
{
	const struct fake *f = fn->context;

	return at + size <= sizeof(f->space) ? (uint32_t)get(f->space + at, size) : 0;
}

static void space_write(struct uiommu_pci_function *fn, unsigned int at, unsigned int size,
			uint32_t value)
{
	struct fake *f = fn->context;

	(void)at;
	(void)size;
	(void)value;
	f->stray++;
}

/* ---- the script -------------------------------------------------------------------------------- */

void fake_capability(struct fake *f, unsigned int at, unsigned int next, uint8_t cfg_type,
		     uint8_t bar, uint32_t offset, uint32_t length)
{
	unsigned char *cap = f->space + at;

	cap[PCI_CAP_ID] = VENDOR_SPECIFIC;
	cap[PCI_CAP_NEXT] = (unsigned char)next;
	cap[VIRTIO_PCI_CAP_LEN] = VIRTIO_PCI_CAP_SIZE + (cfg_type == VIRTIO_PCI_CFG_NOTIFY ? 4 : 0);
	cap[VIRTIO_PCI_CAP_CFG_TYPE] = cfg_type;
	cap[VIRTIO_PCI_CAP_BAR] = bar;
	put(cap + VIRTIO_PCI_CAP_OFFSET, 4, offset);
	put(cap + VIRTIO_PCI_CAP_LENGTH, 4, length);
	if (cfg_type == VIRTIO_PCI_CFG_NOTIFY)
		put(cap + VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER, 4, f->notify_multiplier);
}

void fake_script(struct fake *f, struct fake_rule rule)
{
	assert_true(f->rules < FAKE_RULES);
	f->rule[f->rules++] = rule;
}

void fake_property(struct fake *f, uint32_t endpoint, uint16_t type, uint16_t length,
		   unsigned int written)
{
	unsigned char *at = f->properties[endpoint] + f->next_property[endpoint];

	assert_true(f->next_property[endpoint] + VIRTIO_IOMMU_PROPERTY_HEADER_SIZE + written <=
		    FAKE_PROPERTIES);
	put(at + VIRTIO_IOMMU_PROPERTY_TYPE, 2, type);
	put(at + VIRTIO_IOMMU_PROPERTY_LENGTH, 2, length);
	memset(at + VIRTIO_IOMMU_PROPERTY_HEADER_SIZE, 0x55, written);
	f->next_property[endpoint] += VIRTIO_IOMMU_PROPERTY_HEADER_SIZE + written;
}

void fake_resv(struct fake *f, uint32_t endpoint, uint8_t subtype, uint64_t start, uint64_t last)
{
	unsigned char *at = f->properties[endpoint] + f->next_property[endpoint];

	fake_property(f, endpoint, VIRTIO_IOMMU_PROBE_T_RESV_MEM, VIRTIO_IOMMU_RESV_MEM_LENGTH,
		      VIRTIO_IOMMU_RESV_MEM_LENGTH);
	at[VIRTIO_IOMMU_RESV_MEM_SUBTYPE] = subtype;
	put(at + VIRTIO_IOMMU_RESV_MEM_START, 8, start);
	put(at + VIRTIO_IOMMU_RESV_MEM_END, 8, last);
}

unsigned int fake_noted(const struct fake *f, unsigned int from, uint8_t type)
{
	unsigned int found = 0;

	for (; from < f->notes; from++)
		found += f->note[from].type == type;
	return found;
}

const struct fake_mapping *fake_mapped(const struct fake *f, uint32_t domain, uint64_t iova)
{
	for (unsigned int i = 0; i < FAKE_MAPPINGS; i++) {
		const struct fake_mapping *m = &f->mapping[i];

		if (m->used && m->domain == domain && m->start <= iova && iova <= m->last)
			return m;
	}
	return NULL;
}

unsigned int fake_count_mapped(const struct fake *f, uint32_t domain)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < FAKE_MAPPINGS; i++)
		found += f->mapping[i].used && f->mapping[i].domain == domain;
	return found;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void on_line(void *context, enum uiommu_log_level level, const char *line)
{
	struct fake *f = context;

	if (level != UIOMMU_LOG_ERROR)
		return;
	f->errors++;
	strncpy(f->line, line, sizeof(f->line) - 1);
}

static void on_fault(void *context, const struct uiommu_fault *fault)
{
	struct fake *f = context;

	uiommu_test_callback(f->test, "on_fault");
	f->faults++;
	f->fault = *fault;
}

void fake_init(struct fake *f, bool pci)
{
	const struct uiommu_test_config config = { .log = on_line,
						   .context = f,
						   /* A second of waiting is a thousand turns. */
						   .relax_ns = 1000000 };

	memset(f, 0, sizeof(*f));
	assert_int_equal(uiommu_test_create(&config, &f->test), 0);
	f->pci = pci;
	f->features = VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_IOMMU_F_INPUT_RANGE |
		      VIRTIO_IOMMU_F_DOMAIN_RANGE | VIRTIO_IOMMU_F_MAP_UNMAP |
		      VIRTIO_IOMMU_F_PROBE | VIRTIO_IOMMU_F_MMIO | VIRTIO_IOMMU_F_BYPASS_CONFIG;
	f->page_size_mask = 0x1000;
	f->last = 0xffffffffffff;
	f->last_id = 31;
	f->bypass = 1;
	f->notify_multiplier = 4;
	f->notify_step = 1;
	f->magic = VIRTIO_MMIO_MAGIC;
	f->version = VIRTIO_MMIO_VERSION_1;
	f->id = VIRTIO_ID_IOMMU;
	f->queue[VIRTIO_IOMMU_REQUESTQ].most = 64;
	f->queue[VIRTIO_IOMMU_EVENTQ].most = 16;
	f->ops = *uiommu_virtio_iommu_ops();
	f->default_type = UIOMMU_DOMAIN_IDENTITY;

	put(f->space + PCI_VENDOR_ID, 2, VIRTIO_PCI_VENDOR);
	put(f->space + PCI_DEVICE_ID, 2, VIRTIO_PCI_DEVICE_BASE + VIRTIO_ID_IOMMU);
	f->space[PCI_CAP_POINTER] = 0x40;
	fake_capability(f, 0x40, 0x50, VIRTIO_PCI_CFG_COMMON, BAR, COMMON_AT, 0x38);
	fake_capability(f, 0x50, 0x60, VIRTIO_PCI_CFG_ISR, BAR, ISR_AT, 1);
	fake_capability(f, 0x60, 0x70, VIRTIO_PCI_CFG_DEVICE, BAR, DEVICE_AT,
			VIRTIO_IOMMU_CONFIG_SIZE);
	fake_capability(f, 0x70, 0, VIRTIO_PCI_CFG_NOTIFY, BAR, NOTIFY_AT, NOTIFY_LENGTH);
	f->topology = (struct uiommu_pci_topology){ .functions = f->fns,
						    .num_functions = 1,
						    .config_read = space_read,
						    .config_write = space_write };
	f->fns[0] = &f->fn;
	f->fn.topology = &f->topology;
	f->fn.context = f;
}

static int more_regions(void *context, struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	(void)context;
	(void)dev;
	(void)list;
	return 0;
}

int fake_start(struct fake *f)
{
	const struct uiommu_system_config system = {
		.host = f->test, .default_type = f->default_type, .on_fault = on_fault, .context = f
	};
	const struct uiommu_mmio regs = { read32, read64, write32, write64, f,
					  read8,  read16, write8,  write16 };
	struct uiommu_virtio_iommu_config config = {
		.fwnode = &f->node,
		.name = "fake",
		.pci = f->pci ? &f->fn : NULL,
		.ops = &f->ops,
		/* It also makes what lies behind the last BAR look like registers. */
		.get_resv_regions = more_regions,
	};
	int rc;

	config.regs[f->pci ? BAR : 0] = regs;
	assert_int_equal(uiommu_system_create(&system, &f->sys), 0);
	uiommu_test_fail_nth(f->test, f->fail_nth);
	rc = uiommu_virtio_iommu_create(f->sys, &config, &f->viommu);
	if (uiommu_test_failed(f->test))
		strncpy(f->failed, uiommu_test_failed(f->test), sizeof(f->failed) - 1);
	uiommu_test_fail_nth(f->test, 0);
	if (rc) {
		assert_false(f->queue[0].enabled || f->queue[1].enabled);
		assert_int_equal(f->stray, 0);
		uiommu_system_destroy(f->sys);
		assert_int_equal(uiommu_test_destroy(f->test), 0);
	}
	return rc;
}

void fake_stop(struct fake *f)
{
	uiommu_system_destroy(f->sys);
	uiommu_virtio_iommu_destroy(f->viommu);
	assert_int_equal(f->stray, 0);
	assert_int_equal(f->status, 0);
	assert_false(f->queue[0].enabled || f->queue[1].enabled);
	uiommu_test_check_empty(f->test);
	if (uiommu_test_count(f->test, UIOMMU_TEST_RULES))
		fail_msg("%s", uiommu_test_last(f->test));
	assert_int_equal(uiommu_test_destroy(f->test), 0);
}

struct configured {
	struct fake *fake;
	const uint32_t *ids;
	unsigned int count;
};

static int configure(struct uiommu_device *dev, void *context)
{
	const struct configured *c = context;
	int rc = uiommu_fwspec_init(dev, &c->fake->node);

	return rc ? rc : uiommu_fwspec_add_ids(dev, c->ids, c->count);
}

struct uiommu_device *fake_add(struct fake *f, const char *name, const uint32_t *ids,
			       unsigned int count)
{
	struct configured c = { f, ids, count };
	const struct uiommu_device_desc desc = {
		.name = name, .bus = "fake", .configure = configure, .context = &c
	};
	struct uiommu_device *dev;

	assert_int_equal(uiommu_device_add(f->sys, &desc, &dev), 0);
	return dev;
}
