/* SPDX-License-Identifier: MIT */
/*
 * virtio_bench.h - a virtio IOMMU model, and a driver of the tests' own that does what virtio 1.2 says
 *
 * Every step of the driver is a function that a test can leave out or do wrongly.  The same functions work
 * over both transports.  RAM from RAM_BASE: the first pages hold the queues, then come buffers of requests;
 * all of it is registered, but for the page at UNREGISTERED.
 */
#ifndef VIRTIO_BENCH_H
#define VIRTIO_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/memory.h"
#include "models/virtio_iommu.h"
#include "spec/pci.h"
#include "spec/virtio-iommu.h"
#include "spec/virtio.h"

#define RAM_BASE 0x100000u
#define RAM_SIZE 0x40000u
#define UNREGISTERED (RAM_BASE + 0x3f000u)
#define REQUESTS (RAM_BASE + 0x10000u) /* 256 bytes for each descriptor of the request queue */
#define EVENTS (RAM_BASE + 0x30000u) /* 64 bytes for each of the event queue */
#define BARS 0xe0000000u
#define DEVFN 0x08u

enum transport { MMIO, PCI };

struct ring {
	unsigned int size;
	uint64_t desc, avail, used;
	uint16_t exposed, seen; /* available index as the driver has it, used index as it saw it */
	uint64_t notify; /* PCI: where */
};

struct bench {
	int host;
	unsigned char *ram;
	struct model_memory *memory;
	struct model_pci *pci; /* in any case: the bus */
	struct model_pci_function *fn;
	struct model_viommu *vi;
	struct model_virtio *v;
	enum transport transport;
	bool intx;
	uint64_t common, isr, device, notify, multiplier;
	uint8_t window; /* configuration access capability */
	uint8_t msix;
	struct ring ring[2];

	unsigned int reports, msis;
	struct model_report report;
	uint64_t msi_address;
	uint32_t msi_data;
	uint32_t absent; /* an endpoint that does not exist; all others do */
};

static inline void bench_report(void *context, const struct model_report *report)
{
	struct bench *b = context;

	b->reports++;
	b->report = *report;
}

static inline void bench_msi(void *context, uint64_t address, uint32_t data)
{
	struct bench *b = context;

	b->msis++;
	b->msi_address = address;
	b->msi_data = data;
}

static inline bool bench_behind(void *context, uint32_t endpoint)
{
	return endpoint != ((struct bench *)context)->absent;
}

/* Exactly one report since the last call, of this section. */
static inline void expect_report(struct bench *b, enum model_report_kind kind, const char *section)
{
	if (b->reports != 1 || b->report.kind != kind || strcmp(b->report.section, section))
		fail_msg("%u reports, the last one of kind %d, section %s: %s", b->reports,
			 (int)b->report.kind, b->reports ? b->report.section : "-", b->report.text);
	b->reports = 0;
}

static inline void expect_quiet(struct bench *b)
{
	if (b->reports)
		fail_msg("%u reports, the last one: %s: %s", b->reports, b->report.section,
			 b->report.text);
}

static inline void *at(struct bench *b, uint64_t phys)
{
	assert_true(phys >= RAM_BASE && phys < RAM_BASE + RAM_SIZE);
	return b->ram + (phys - RAM_BASE);
}

static inline void put16(struct bench *b, uint64_t phys, unsigned int value)
{
	uint16_t half = (uint16_t)value;

	memcpy(at(b, phys), &half, 2);
}

static inline void put32(struct bench *b, uint64_t phys, uint32_t value)
{
	memcpy(at(b, phys), &value, 4);
}

static inline void put64(struct bench *b, uint64_t phys, uint64_t value)
{
	memcpy(at(b, phys), &value, 8);
}

static inline uint16_t get16(struct bench *b, uint64_t phys)
{
	uint16_t value;

	memcpy(&value, at(b, phys), 2);
	return value;
}

static inline uint32_t get32(struct bench *b, uint64_t phys)
{
	uint32_t value;

	memcpy(&value, at(b, phys), 4);
	return value;
}

static inline uint64_t get64(struct bench *b, uint64_t phys)
{
	uint64_t value;

	memcpy(&value, at(b, phys), 8);
	return value;
}

/* ---- registers --------------------------------------------------------------------------------- */

static inline uint32_t cfg_read(struct bench *b, unsigned int offset, unsigned int size)
{
	return model_pci_config_read(b->pci, 0, 0, DEVFN, offset, size);
}

static inline void cfg_write(struct bench *b, unsigned int offset, unsigned int size,
			     uint32_t value)
{
	model_pci_config_write(b->pci, 0, 0, DEVFN, offset, size, value);
}

static inline uint64_t mem_read(struct bench *b, uint64_t address, unsigned int size)
{
	return model_pci_mmio_read(b->pci, address, size);
}

static inline void mem_write(struct bench *b, uint64_t address, unsigned int size, uint64_t value)
{
	model_pci_mmio_write(b->pci, address, size, value);
}

static inline uint64_t reg_read(struct bench *b, uint32_t offset)
{
	return model_virtio_mmio_read(b->v, offset, 4);
}

static inline void reg_write(struct bench *b, uint32_t offset, uint64_t value)
{
	model_virtio_mmio_write(b->v, offset, 4, value);
}

static inline uint8_t get_status(struct bench *b)
{
	if (b->transport == MMIO)
		return (uint8_t)reg_read(b, VIRTIO_MMIO_STATUS);
	return (uint8_t)mem_read(b, b->common + VIRTIO_PCI_COMMON_DEVICE_STATUS, 1);
}

static inline void set_status(struct bench *b, unsigned int value)
{
	if (b->transport == MMIO)
		reg_write(b, VIRTIO_MMIO_STATUS, value);
	else
		mem_write(b, b->common + VIRTIO_PCI_COMMON_DEVICE_STATUS, 1, value);
}

static inline uint64_t get_offered(struct bench *b)
{
	uint64_t features = 0;

	for (unsigned int i = 0; i < 2; i++) {
		if (b->transport == MMIO) {
			reg_write(b, VIRTIO_MMIO_DEVICE_FEATURES_SEL, i);
			features |= reg_read(b, VIRTIO_MMIO_DEVICE_FEATURES) << 32 * i;
		} else {
			mem_write(b, b->common + VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT, 4, i);
			features |= mem_read(b, b->common + VIRTIO_PCI_COMMON_DEVICE_FEATURE, 4)
				    << 32 * i;
		}
	}
	return features;
}

static inline void set_accepted(struct bench *b, uint64_t features)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(features >> 32 * i);

		if (b->transport == MMIO) {
			reg_write(b, VIRTIO_MMIO_DRIVER_FEATURES_SEL, i);
			reg_write(b, VIRTIO_MMIO_DRIVER_FEATURES, word);
		} else {
			mem_write(b, b->common + VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT, 4, i);
			mem_write(b, b->common + VIRTIO_PCI_COMMON_DRIVER_FEATURE, 4, word);
		}
	}
}

static inline void select_queue(struct bench *b, unsigned int queue)
{
	if (b->transport == MMIO)
		reg_write(b, VIRTIO_MMIO_QUEUE_SEL, queue);
	else
		mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_SELECT, 2, queue);
}

static inline unsigned int get_queue_max(struct bench *b)
{
	if (b->transport == MMIO)
		return (unsigned int)reg_read(b, VIRTIO_MMIO_QUEUE_NUM_MAX);
	return (unsigned int)mem_read(b, b->common + VIRTIO_PCI_COMMON_QUEUE_SIZE, 2);
}

static inline void set_queue_size(struct bench *b, unsigned int size)
{
	if (b->transport == MMIO)
		reg_write(b, VIRTIO_MMIO_QUEUE_NUM, size);
	else
		mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_SIZE, 2, size);
}

/* @area: 0 descriptors, 1 available ring, 2 used ring */
static inline void set_queue_area(struct bench *b, unsigned int area, uint64_t phys)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t word = (uint32_t)(phys >> 32 * i);

		if (b->transport == MMIO)
			reg_write(b, VIRTIO_MMIO_QUEUE_DESC_LOW + 0x10 * area + 4 * i, word);
		else
			mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_DESC + 8 * area + 4 * i, 4,
				  word);
	}
}

static inline void enable_queue(struct bench *b)
{
	if (b->transport == MMIO)
		reg_write(b, VIRTIO_MMIO_QUEUE_READY, 1);
	else
		mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_ENABLE, 2, 1);
}

static inline void notify(struct bench *b, unsigned int queue)
{
	if (b->transport == MMIO)
		reg_write(b, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	else
		mem_write(b, b->ring[queue].notify, 2, queue);
}

static inline uint32_t config_at(struct bench *b, uint32_t offset, unsigned int size)
{
	if (b->transport == MMIO)
		return (uint32_t)model_virtio_mmio_read(b->v, VIRTIO_MMIO_CONFIG + offset, size);
	return (uint32_t)mem_read(b, b->device + offset, size);
}

static inline void set_config(struct bench *b, uint32_t offset, unsigned int size, uint32_t value)
{
	if (b->transport == MMIO)
		model_virtio_mmio_write(b->v, VIRTIO_MMIO_CONFIG + offset, size, value);
	else
		mem_write(b, b->device + offset, size, value);
}

/* ---- initialisation (3.1.1) -------------------------------------------------------------------- */

/* 4.1.4: the first capability of each kind that can be used. */
static inline void find_structures(struct bench *b)
{
	for (unsigned int cap = cfg_read(b, PCI_CAP_POINTER, 1); cap;
	     cap = cfg_read(b, cap + PCI_CAP_NEXT, 1)) {
		unsigned int type = cfg_read(b, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1);
		unsigned int bar = cfg_read(b, cap + VIRTIO_PCI_CAP_BAR, 1);
		uint64_t *place = NULL, base;

		if (cfg_read(b, cap, 1) == PCI_CAP_ID_MSIX)
			b->msix = (uint8_t)cap;
		if (cfg_read(b, cap, 1) != PCI_CAP_ID_VENDOR)
			continue;
		if (type == VIRTIO_PCI_CFG_PCI)
			b->window = (uint8_t)cap;
		if (bar > 5)
			continue;
		if (type == VIRTIO_PCI_CFG_COMMON)
			place = &b->common;
		if (type == VIRTIO_PCI_CFG_ISR)
			place = &b->isr;
		if (type == VIRTIO_PCI_CFG_DEVICE)
			place = &b->device;
		if (type == VIRTIO_PCI_CFG_NOTIFY) {
			place = &b->notify;
			b->multiplier = cfg_read(b, cap + VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER, 4);
		}
		if (!place || *place)
			continue;
		base = cfg_read(b, PCI_BAR(bar), 4) & ~0xfu;
		*place = base + cfg_read(b, cap + VIRTIO_PCI_CAP_OFFSET, 4);
	}
}

static inline void add_function(struct bench *b)
{
	struct model_pci_config config = { .devfn = DEVFN, .untranslated = true };

	model_virtio_pci_config(&config, VIRTIO_ID_IOMMU, b->intx);
	assert_int_equal(model_pci_add(b->pci, &config, &b->fn), 0);
	assert_int_equal(model_virtio_pci_create(b->fn, b->v), 0);
	for (unsigned int i = 0; i < 6; i++)
		cfg_write(b, PCI_BAR(i), 4, BARS + 0x10000 * i);
	cfg_write(b, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	find_structures(b);
}

static inline void bench_open(struct bench *b, enum transport transport,
			      const struct model_viommu_config *config)
{
	memset(b, 0, sizeof(*b));
	b->absent = 0xdead;
	b->transport = transport;
	b->ram = aligned_alloc(4096, RAM_SIZE);
	memset(b->ram, 0, RAM_SIZE);
	assert_int_equal(model_memory_create(&b->host, RAM_BASE, b->ram, RAM_SIZE, &b->memory), 0);
	model_memory_add(b->memory, RAM_BASE, UNREGISTERED - RAM_BASE, MODEL_MEMORY_TABLES);
	assert_int_equal(model_pci_create(&b->host, b->memory, bench_report, bench_msi, b, &b->pci),
			 0);
	assert_int_equal(model_viommu_create(config, b->memory, bench_report, bench_msi,
					     bench_behind, b, &b->vi),
			 0);
	b->v = model_viommu_virtio(b->vi);
	if (transport == PCI)
		add_function(b);
}

/* The number of allocations that are still alive. */
static inline int bench_close(struct bench *b)
{
	int left;

	model_pci_destroy(b->pci);
	model_viommu_destroy(b->vi);
	model_memory_destroy(b->memory);
	left = b->host;
	free(b->ram);
	return left;
}

static inline void open_preset(struct bench *b, enum transport transport, const char *name)
{
	struct model_viommu_config config;

	assert_true(model_viommu_preset(name, &config));
	bench_open(b, transport, &config);
}

/* Up to features; FEATURES_OK is read back. */
static inline void negotiate(struct bench *b, uint64_t accept)
{
	set_status(b, 0);
	for (unsigned int i = 0; get_status(b) && i < 10; i++)
		;
	set_status(b, VIRTIO_STATUS_ACKNOWLEDGE);
	set_status(b, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	set_accepted(b, accept & get_offered(b));
	set_status(b, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
	assert_true(get_status(b) & VIRTIO_STATUS_FEATURES_OK);
}

static inline void place_ring(struct bench *b, unsigned int queue, unsigned int size)
{
	struct ring *r = &b->ring[queue];

	r->size = size;
	r->desc = RAM_BASE + 0x4000 * queue;
	r->avail = r->desc + 0x2000;
	r->used = r->desc + 0x3000;
	r->exposed = r->seen = 0;
	memset(at(b, r->desc), 0, 0x4000);
}

static inline void set_up_queue(struct bench *b, unsigned int queue, unsigned int size)
{
	struct ring *r = &b->ring[queue];

	place_ring(b, queue, size);
	select_queue(b, queue);
	set_queue_size(b, size);
	set_queue_area(b, 0, r->desc);
	set_queue_area(b, 1, r->avail);
	set_queue_area(b, 2, r->used);
	if (b->transport == PCI)
		r->notify = b->notify +
			    b->multiplier *
				    mem_read(b, b->common + VIRTIO_PCI_COMMON_QUEUE_NOTIFY_OFF, 2);
	enable_queue(b);
}

static inline void drive(struct bench *b)
{
	set_status(b, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
			      VIRTIO_STATUS_DRIVER_OK);
}

static inline void start(struct bench *b, uint64_t accept)
{
	negotiate(b, accept);
	set_up_queue(b, VIRTIO_IOMMU_REQUESTQ, 8);
	set_up_queue(b, VIRTIO_IOMMU_EVENTQ, 4);
	drive(b);
	expect_quiet(b);
}

/* ---- buffers ----------------------------------------------------------------------------------- */

static inline void set_desc(struct bench *b, unsigned int queue, unsigned int i, uint64_t addr,
			    uint32_t length, unsigned int flags, unsigned int next)
{
	uint64_t desc = b->ring[queue].desc + 16 * i;

	put64(b, desc + VIRTIO_DESC_ADDR, addr);
	put32(b, desc + VIRTIO_DESC_LEN, length);
	put16(b, desc + VIRTIO_DESC_FLAGS, flags);
	put16(b, desc + VIRTIO_DESC_NEXT, next);
}

/* Makes the chain at @head available, without a notification. */
static inline void expose(struct bench *b, unsigned int queue, unsigned int head)
{
	struct ring *r = &b->ring[queue];

	put16(b, r->avail + VIRTIO_AVAIL_RING + 2 * (r->exposed & (r->size - 1)), head);
	put16(b, r->avail + VIRTIO_AVAIL_IDX, ++r->exposed);
}

static inline bool next_used(struct bench *b, unsigned int queue, uint32_t *id, uint32_t *length)
{
	struct ring *r = &b->ring[queue];
	uint64_t element;

	if (get16(b, r->used + VIRTIO_USED_IDX) == r->seen)
		return false;
	element = r->used + VIRTIO_USED_RING + 8 * (r->seen++ & (r->size - 1));
	*id = get32(b, element);
	*length = get32(b, element + 4);
	return true;
}

/* The request at descriptors @head and @head + 1: @readable bytes, then room for @writable. */
static inline uint64_t prepare(struct bench *b, unsigned int head, const void *request,
			       uint32_t readable, uint32_t writable)
{
	uint64_t in = REQUESTS + 0x400 * head, out = in + 0x200;

	memcpy(at(b, in), request, readable);
	memset(at(b, out), 0xee, 0x200);
	set_desc(b, 0, head, in, readable, VIRTIO_DESC_F_NEXT, head + 1);
	set_desc(b, 0, head + 1, out, writable, VIRTIO_DESC_F_WRITE, 0);
	return out;
}

/* Exposes it, notifies, waits: the used length; *out is where the answer is. */
static inline uint32_t send(struct bench *b, const void *request, uint32_t readable,
			    uint32_t writable, uint64_t *out)
{
	uint32_t id, length = 0;

	*out = prepare(b, 0, request, readable, writable);
	expose(b, 0, 0);
	notify(b, 0);
	for (unsigned int i = 0; !next_used(b, 0, &id, &length); i++) {
		if (i > 1000)
			fail_msg("the request does not come back");
		model_viommu_step(b->vi);
	}
	assert_int_equal(id, 0);
	return length;
}

#define NO_STATUS 0xffu

/* Sends a request that has nothing but a tail to answer: its status; NO_STATUS: it was not written. */
static inline uint8_t status_of(struct bench *b, const void *request, uint32_t size)
{
	uint64_t out;
	uint32_t length = send(b, request, size, 4, &out);

	if (!length)
		return NO_STATUS;
	assert_int_equal(length, 4);
	assert_int_equal(get32(b, out) >> 8, 0);
	return (uint8_t)get32(b, out);
}

struct attach_request {
	uint8_t type, zero[3];
	uint32_t domain, endpoint, flags, reserved;
};

struct map_request {
	uint8_t type, zero[3];
	uint32_t domain;
	uint64_t start, last, phys;
	uint32_t flags;
} __attribute__((packed));

struct unmap_request {
	uint8_t type, zero[3];
	uint32_t domain;
	uint64_t start, last;
	uint32_t reserved;
} __attribute__((packed));

struct probe_request {
	uint8_t type, zero[3];
	uint32_t endpoint;
	uint8_t reserved[64];
};

static inline uint8_t probe(struct bench *b, uint32_t endpoint, uint32_t probe_size,
			    uint8_t *properties)
{
	struct probe_request request = { .type = VIRTIO_IOMMU_T_PROBE, .endpoint = endpoint };
	uint64_t out;
	uint32_t length = send(b, &request, sizeof(request), probe_size + 4, &out);

	if (length < probe_size + 4)
		return NO_STATUS;
	assert_int_equal(length, probe_size + 4);
	if (properties)
		memcpy(properties, at(b, out), probe_size);
	return *(uint8_t *)at(b, out + probe_size);
}

static inline uint8_t attach(struct bench *b, uint32_t domain, uint32_t endpoint, uint32_t flags)
{
	struct attach_request request = { .type = VIRTIO_IOMMU_T_ATTACH,
					  .domain = domain,
					  .endpoint = endpoint,
					  .flags = flags };

	return status_of(b, &request, VIRTIO_IOMMU_ATTACH_SIZE);
}

static inline uint8_t detach(struct bench *b, uint32_t domain, uint32_t endpoint)
{
	struct attach_request request = { .type = VIRTIO_IOMMU_T_DETACH,
					  .domain = domain,
					  .endpoint = endpoint };

	return status_of(b, &request, VIRTIO_IOMMU_DETACH_SIZE);
}

static inline uint8_t map(struct bench *b, uint32_t domain, uint64_t start, uint64_t last,
			  uint64_t phys, uint32_t flags)
{
	struct map_request request = { .type = VIRTIO_IOMMU_T_MAP,
				       .domain = domain,
				       .start = start,
				       .last = last,
				       .phys = phys,
				       .flags = flags };

	return status_of(b, &request, VIRTIO_IOMMU_MAP_SIZE);
}

static inline uint8_t unmap(struct bench *b, uint32_t domain, uint64_t start, uint64_t last)
{
	struct unmap_request request = {
		.type = VIRTIO_IOMMU_T_UNMAP, .domain = domain, .start = start, .last = last
	};

	return status_of(b, &request, VIRTIO_IOMMU_UNMAP_SIZE);
}

/* ---- endpoints --------------------------------------------------------------------------------- */

static inline enum model_status access_by(struct bench *b, uint32_t endpoint, uint64_t iova,
					  unsigned int access, uint64_t *phys)
{
	const struct model_iommu *iommu = model_viommu_iommu(b->vi);
	struct model_request request = {
		.type = MODEL_UNTRANSLATED,
		.segment = (uint16_t)(endpoint >> 16),
		.source_id = (uint16_t)endpoint,
		.iova = iova,
		.size = 4,
		.access = access,
	};
	struct model_translation out = { .phys = 0 };
	enum model_status status = iommu->translate(iommu->context, &request, &out);

	*phys = status == MODEL_OK ? out.phys : 0;
	return status;
}

static inline void expect_access(struct bench *b, uint32_t endpoint, uint64_t iova,
				 unsigned int access, uint64_t phys)
{
	uint64_t got;

	assert_int_equal(access_by(b, endpoint, iova, access, &got), MODEL_OK);
	if (got != phys)
		fail_msg("IOVA %llx reached %llx and not %llx", (unsigned long long)iova,
			 (unsigned long long)got, (unsigned long long)phys);
}

static inline void expect_refused(struct bench *b, uint32_t endpoint, uint64_t iova,
				  unsigned int access)
{
	uint64_t phys;

	assert_int_equal(access_by(b, endpoint, iova, access, &phys), MODEL_FAULT);
}

/* Gives @count buffers to the event queue. */
static inline void offer_events(struct bench *b, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		set_desc(b, 1, i, EVENTS + 64 * i, VIRTIO_IOMMU_FAULT_SIZE, VIRTIO_DESC_F_WRITE, 0);
		expose(b, 1, i);
	}
	notify(b, 1);
}

#endif /* VIRTIO_BENCH_H */
