/* SPDX-License-Identifier: MIT */
/* flexrm.c - the ring manager: registers, the states of a ring, and its DMA */
#include <string.h>

#include <uiommu/port.h>

#include "models/flexrm.h"
#include "models/report.h"
#include "spec/flexrm.h"

#define FETCHES 512u /* descriptors before a ring starts over: a page of them */
#define COMPLETIONS 1024u /* 8 KiB */
#define POLLS_MAX 16u
#define UNDER_WAY_MAX 4u

struct ring {
	struct model_flexrm_ring seen; /* what the model tells */
	uint32_t bd_start, completion_start, control;
	uint32_t read, write; /* descriptors since the start was set */
	uint32_t wait; /* reads of FLUSH_DONE that are still too early */
	unsigned int under_way; /* completions of a ring that is out of use */
	bool done; /* FLUSH_DONE */
};

struct model_flexrm {
	struct model_pci_function *fn;
	struct model_flexrm_config config;
	struct uiommu_mutex lock;
	uint64_t random;
	unsigned int windows;
	struct ring ring[FLEXRM_RINGS_MAX];
};

static void lock(struct model_flexrm *flexrm)
{
	uiommu_port_mutex_lock(model_pci_host(flexrm->fn), &flexrm->lock);
}

static void unlock(struct model_flexrm *flexrm)
{
	uiommu_port_mutex_unlock(model_pci_host(flexrm->fn), &flexrm->lock);
}

/* Below @limit; xorshift64. */
static uint32_t random_below(struct model_flexrm *flexrm, uint32_t limit)
{
	flexrm->random ^= flexrm->random << 13;
	flexrm->random ^= flexrm->random >> 7;
	flexrm->random ^= flexrm->random << 17;
	return (uint32_t)(flexrm->random >> 33) % limit;
}

static void complain(struct model_flexrm *flexrm, enum model_report_kind kind, const char *section,
		     uint64_t offset, const char *what)
{
	struct model_report report = {
		.kind = kind,
		.model = "flexrm",
		.section = section,
		.iova = offset,
		.phys_now = UINT64_MAX,
	};

	if (!flexrm->config.report)
		return;
	model_report_append(&report, "register at ");
	model_report_append_hex(&report, offset);
	model_report_append(&report, ": ");
	model_report_append(&report, what);
	flexrm->config.report(flexrm->config.context, &report);
}

/* ---- DMA --------------------------------------------------------------------------------------- */

static bool dma(struct model_flexrm *flexrm, struct ring *ring, unsigned int access,
		uint64_t address, uint64_t *word)
{
	struct model_pci_dma request = {
		.type = MODEL_UNTRANSLATED,
		.address = address,
		.size = FLEXRM_DESCRIPTOR,
		.access = access,
	};

	if (model_pci_dma(flexrm->fn, &request, word) == MODEL_OK)
		return true;
	ring->seen.refused++;
	return false;
}

static void fetch(struct model_flexrm *flexrm, struct ring *ring)
{
	uint64_t base = (uint64_t)(ring->bd_start & FLEXRM_BD_START_MASK) << FLEXRM_BD_START_SHIFT;
	uint64_t word;

	if (!dma(flexrm, ring, MODEL_READ, base + ring->read * FLEXRM_DESCRIPTOR, &word))
		return;
	ring->read = (ring->read + 1) % FETCHES;
	ring->seen.fetched++;
}

static void complete(struct model_flexrm *flexrm, struct ring *ring)
{
	uint64_t base = (uint64_t)(ring->completion_start & FLEXRM_COMPLETION_START_MASK)
			<< FLEXRM_COMPLETION_START_SHIFT;
	uint64_t word = (uint64_t)(ring - flexrm->ring) << 48 | (ring->seen.completed + 1);

	if (!dma(flexrm, ring, MODEL_WRITE, base + ring->write * FLEXRM_DESCRIPTOR, &word))
		return;
	ring->write = (ring->write + 1) % COMPLETIONS;
	ring->seen.completed++;
}

static bool has_work(const struct ring *ring)
{
	return ring->seen.state == MODEL_FLEXRM_ACTIVE || ring->under_way;
}

static void step(struct model_flexrm *flexrm, struct ring *ring)
{
	if (ring->seen.state == MODEL_FLEXRM_ACTIVE) {
		fetch(flexrm, ring);
		complete(flexrm, ring);
	} else if (ring->under_way) {
		ring->under_way--;
		complete(flexrm, ring);
	}
}

static bool work(void *device)
{
	struct model_flexrm *flexrm = device;
	bool more = false;

	lock(flexrm);
	for (unsigned int i = 0; i < flexrm->windows; i++) {
		step(flexrm, &flexrm->ring[i]);
		more |= has_work(&flexrm->ring[i]);
	}
	unlock(flexrm);
	return more;
}

static void settle(void *device)
{
	work(device);
}

/* ---- a ring's states --------------------------------------------------------------------------- */

static bool is(uint32_t mask, const struct model_flexrm *flexrm, const struct ring *ring)
{
	return mask >> (ring - flexrm->ring) & 1;
}

static void go(struct model_flexrm *flexrm, struct ring *ring, enum model_flexrm_state state)
{
	ring->seen.state = state;
	ring->seen.polls = 0;
	ring->wait = flexrm->config.fixed_polls ? flexrm->config.polls :
						  random_below(flexrm, POLLS_MAX);
}

/* Software has waited as long as it has to. */
static bool given_up(const struct ring *ring)
{
	return ring->seen.polls >= FLEXRM_PATIENCE;
}

/* Each gives NULL, or what is wrong with it; then nothing happens. */
static const char *activate(struct model_flexrm *flexrm, struct ring *ring)
{
	switch (ring->seen.state) {
	case MODEL_FLEXRM_FLUSHING:
	case MODEL_FLEXRM_FLUSHED:
		return "a ring is made active in the middle of its flush";
	case MODEL_FLEXRM_CLEARING:
		return "a ring is made active before FLUSH_DONE is 0 again";
	default:
		if (ring->seen.state != MODEL_FLEXRM_ACTIVE)
			go(flexrm, ring, MODEL_FLEXRM_ACTIVE);
		return NULL;
	}
}

static const char *flush(struct model_flexrm *flexrm, struct ring *ring)
{
	switch (ring->seen.state) {
	case MODEL_FLEXRM_ACTIVE:
		return "an active ring is flushed";
	case MODEL_FLEXRM_FLUSHING:
	case MODEL_FLEXRM_FLUSHED:
		return "a ring that is being flushed is flushed again";
	case MODEL_FLEXRM_CLEARING:
		if (!given_up(ring))
			return "a ring is flushed before FLUSH_DONE is 0 again";
		/* Stuck: the bit is still there from the last time. */
		go(flexrm, ring, ring->done ? MODEL_FLEXRM_FLUSHED : MODEL_FLEXRM_FLUSHING);
		return NULL;
	default:
		go(flexrm, ring, MODEL_FLEXRM_FLUSHING);
		return NULL;
	}
}

static const char *clear(struct model_flexrm *flexrm, struct ring *ring)
{
	switch (ring->seen.state) {
	case MODEL_FLEXRM_ACTIVE:
		go(flexrm, ring, MODEL_FLEXRM_INACTIVE);
		ring->under_way = 1 + random_below(flexrm, UNDER_WAY_MAX);
		return NULL;
	case MODEL_FLEXRM_FLUSHING:
		if (!given_up(ring))
			return "a flush is ended before it is done";
		go(flexrm, ring, MODEL_FLEXRM_INACTIVE);
		return NULL;
	case MODEL_FLEXRM_FLUSHED:
		go(flexrm, ring, MODEL_FLEXRM_CLEARING);
		return NULL;
	default:
		return NULL;
	}
}

static void write_control(struct model_flexrm *flexrm, struct ring *ring, uint64_t offset,
			  uint32_t value)
{
	const char *wrong;

	if (value & ~(FLEXRM_CONTROL_ACTIVE | FLEXRM_CONTROL_FLUSH)) {
		complain(flexrm, MODEL_REPORT_RESERVED, "CONTROL", offset, "a reserved bit is set");
		return;
	}
	if (value == (FLEXRM_CONTROL_ACTIVE | FLEXRM_CONTROL_FLUSH))
		wrong = "an active ring is flushed";
	else if (value & FLEXRM_CONTROL_ACTIVE)
		wrong = activate(flexrm, ring);
	else if (value & FLEXRM_CONTROL_FLUSH)
		wrong = flush(flexrm, ring);
	else
		wrong = clear(flexrm, ring);
	if (wrong)
		complain(flexrm, MODEL_REPORT_ILLEGAL, "CONTROL", offset, wrong);
	else
		ring->control = value;
}

static uint32_t read_done(struct model_flexrm *flexrm, struct ring *ring)
{
	enum model_flexrm_state state = ring->seen.state;
	bool stuck;

	if (state != MODEL_FLEXRM_FLUSHING && state != MODEL_FLEXRM_CLEARING)
		goto out;
	stuck = is(state == MODEL_FLEXRM_FLUSHING ? flexrm->config.stuck_flush :
						    flexrm->config.stuck_clear,
		   flexrm, ring);
	ring->seen.polls++;
	if (stuck || ring->wait) {
		ring->wait -= ring->wait > 0;
		goto out;
	}
	if (state == MODEL_FLEXRM_FLUSHING) {
		while (ring->under_way)
			step(flexrm, ring);
		ring->done = true;
		go(flexrm, ring, MODEL_FLEXRM_FLUSHED);
	} else {
		ring->done = false;
		go(flexrm, ring, MODEL_FLEXRM_QUIET);
	}
out:
	return ring->done ? FLEXRM_FLUSH_DONE_BIT : 0;
}

/* ---- registers --------------------------------------------------------------------------------- */

/* The ring that may be accessed like this, or NULL: that was a mistake, which is reported. */
static struct ring *find(struct model_flexrm *flexrm, uint64_t offset, unsigned int size)
{
	struct ring *ring = &flexrm->ring[offset / FLEXRM_WINDOW % FLEXRM_RINGS_MAX];
	const char *wrong = NULL;

	if (offset + size > flexrm->config.size)
		wrong = "it is beyond the registers";
	else if (size != 4 || offset % 4)
		wrong = "an access is not 32 bits";
	else if (ring->seen.state == MODEL_FLEXRM_HOLE && offset % FLEXRM_WINDOW != FLEXRM_VERSION)
		wrong = "there is no ring at this window";
	if (!wrong)
		return ring;
	complain(flexrm, MODEL_REPORT_ILLEGAL, "registers", offset, wrong);
	return NULL;
}

/* Whatever is in a window without a ring is nearly its version. */
static uint32_t version(struct model_flexrm *flexrm, const struct ring *ring)
{
	static const uint32_t others[] = {
		0,
		UINT32_MAX,
		0x31303076,
		FLEXRM_VERSION_VALUE & 0xffff,
		FLEXRM_VERSION_VALUE & 0xffff0000,
	};
	uint32_t bit = 1u << random_below(flexrm, 32), pick = random_below(flexrm, 6);

	if (ring->seen.state != MODEL_FLEXRM_HOLE)
		return FLEXRM_VERSION_VALUE;
	return pick < 5 ? others[pick] : FLEXRM_VERSION_VALUE ^ bit;
}

static uint32_t read_register(struct model_flexrm *flexrm, struct ring *ring, uint64_t offset)
{
	switch (offset % FLEXRM_WINDOW) {
	case FLEXRM_VERSION:
		return version(flexrm, ring);
	case FLEXRM_BD_START:
		return ring->bd_start;
	case FLEXRM_BD_READ:
		return ring->read * FLEXRM_DESCRIPTOR;
	case FLEXRM_COMPLETION_START:
		return ring->completion_start;
	case FLEXRM_COMPLETION_WRITE:
		return ring->write * FLEXRM_DESCRIPTOR;
	case FLEXRM_CONTROL:
		return ring->control;
	case FLEXRM_FLUSH_DONE:
		return read_done(flexrm, ring);
	default:
		complain(flexrm, MODEL_REPORT_ILLEGAL, "registers", offset,
			 "nothing that the model knows is there");
		return 0;
	}
}

static uint64_t mmio_read(void *device, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct model_flexrm *flexrm = device;
	uint64_t value = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
	struct ring *ring;

	(void)bar;
	lock(flexrm);
	ring = find(flexrm, offset, size);
	if (ring)
		value = read_register(flexrm, ring, offset);
	unlock(flexrm);
	return value;
}

static void write_start(struct model_flexrm *flexrm, struct ring *ring, uint64_t offset,
			uint32_t value)
{
	bool descriptors = offset % FLEXRM_WINDOW == FLEXRM_BD_START;

	if (ring->seen.state == MODEL_FLEXRM_ACTIVE) {
		complain(flexrm, MODEL_REPORT_ILLEGAL,
			 descriptors ? "BD_START" : "COMPLETION_START", offset,
			 "an active ring is moved");
	} else if (value & ~(descriptors ? FLEXRM_BD_START_MASK : FLEXRM_COMPLETION_START_MASK)) {
		complain(flexrm, MODEL_REPORT_RESERVED,
			 descriptors ? "BD_START" : "COMPLETION_START", offset,
			 "a reserved bit is set");
	} else if (descriptors) {
		ring->bd_start = value;
		ring->read = 0;
	} else {
		ring->completion_start = value;
		ring->write = 0;
	}
}

static void mmio_write(void *device, unsigned int bar, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct model_flexrm *flexrm = device;
	struct ring *ring;

	(void)bar;
	lock(flexrm);
	ring = find(flexrm, offset, size);
	if (!ring)
		goto out;
	switch (offset % FLEXRM_WINDOW) {
	case FLEXRM_BD_START:
	case FLEXRM_COMPLETION_START:
		write_start(flexrm, ring, offset, (uint32_t)value);
		break;
	case FLEXRM_CONTROL:
		write_control(flexrm, ring, offset, (uint32_t)value);
		break;
	default:
		complain(flexrm, MODEL_REPORT_ILLEGAL, "registers", offset,
			 "what is there cannot be written");
		break;
	}
out:
	unlock(flexrm);
}

/* ---- the device -------------------------------------------------------------------------------- */

static void destroy(void *device)
{
	struct model_flexrm *flexrm = device;
	void *host = model_pci_host(flexrm->fn);

	uiommu_port_mutex_destroy(host, &flexrm->lock);
	uiommu_port_free(host, flexrm, sizeof(*flexrm));
}

static const struct model_pci_device_ops flexrm_ops = {
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.settle = settle,
	.work = work,
	.destroy = destroy,
};

void model_flexrm_config(struct model_pci_config *config, uint64_t size)
{
	config->bar_size[0] = 0x1000;
	while (config->bar_size[0] < size)
		config->bar_size[0] <<= 1;
}

void model_flexrm_ring(struct model_flexrm *flexrm, unsigned int ring,
		       struct model_flexrm_ring *out)
{
	*out = (struct model_flexrm_ring){ .state = MODEL_FLEXRM_HOLE };
	if (ring >= flexrm->windows)
		return;
	lock(flexrm);
	*out = flexrm->ring[ring].seen;
	unlock(flexrm);
}

int model_flexrm_create(struct model_pci_function *fn, const struct model_flexrm_config *config,
			struct model_flexrm **out)
{
	uint64_t windows = (config->size + FLEXRM_WINDOW - 1) / FLEXRM_WINDOW;
	void *host = model_pci_host(fn);
	struct model_flexrm *flexrm;

	if (windows > FLEXRM_RINGS_MAX || (uint64_t)config->rings >> windows)
		return -1;
	flexrm = uiommu_port_alloc(host, sizeof(*flexrm));
	if (!flexrm)
		return -1;
	flexrm->fn = fn;
	flexrm->config = *config;
	flexrm->windows = (unsigned int)windows;
	flexrm->random = (config->seed * 2 + 1) * UINT64_C(0x9e3779b97f4a7c15);
	if (uiommu_port_mutex_init(host, &flexrm->lock)) {
		uiommu_port_free(host, flexrm, sizeof(*flexrm));
		return -1;
	}
	for (unsigned int i = 0; i < flexrm->windows; i++) {
		struct ring *ring = &flexrm->ring[i];

		if (!is(config->rings, flexrm, ring))
			continue;
		ring->seen.state = MODEL_FLEXRM_QUIET;
		if (is(config->active, flexrm, ring)) {
			ring->seen.state = MODEL_FLEXRM_ACTIVE;
			ring->control = FLEXRM_CONTROL_ACTIVE;
		}
	}
	model_pci_set_device(fn, &flexrm_ops, flexrm);
	*out = flexrm;
	return 0;
}
