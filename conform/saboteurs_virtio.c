/* SPDX-License-Identifier: MIT */
/*
 * saboteurs_virtio.c - what a driver asks of a virtio IOMMU, and what it is told, altered on the way
 *
 * Over PCI, whose common configuration is found by the byte that a driver writes first: the status.  Requests are altered when the queue is
 * notified, answers when the device has given them and before the driver looks.
 */
#include <string.h>

#include "conform/saboteur.h"
#include "spec/virtio-iommu.h"
#include "spec/virtio.h"

#define MAX_BATCH 512
#define QUEUES 2

struct queue {
	uint64_t desc, avail, used;
	uint32_t size;
	uint16_t next, seen; /* of the available and of the used ring */
};

struct virtio {
	struct queue queue[QUEUES];
	bool found; /* the common configuration, at @base of @window */
	unsigned int window;
	uint64_t base;
	uint32_t selected;
	uint32_t domain; /* of the first ATTACH */
	bool known;
	struct subject *subject;
};

static uint64_t get(const void *at, unsigned int offset, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)at + offset, size);
	return value;
}

static void put(void *at, unsigned int offset, size_t size, uint64_t value)
{
	memcpy((char *)at + offset, &value, size);
}

/* Of the common configuration, where a queue's addresses are: two words of 32 bits each. */
static uint64_t *address_of(struct queue *q, uint64_t offset)
{
	switch (offset & ~UINT64_C(4)) {
	case VIRTIO_PCI_COMMON_QUEUE_DESC:
		return &q->desc;
	case VIRTIO_PCI_COMMON_QUEUE_DRIVER:
		return &q->avail;
	case VIRTIO_PCI_COMMON_QUEUE_DEVICE:
		return &q->used;
	default:
		return NULL;
	}
}

/* What the driver tells of its queues; the number of the one that it notifies, or -1. */
static int learn(struct virtio *v, const struct wrap_access *access)
{
	struct queue *q = &v->queue[v->selected % QUEUES];
	uint64_t offset, *address;

	if (!access->write)
		return -1;
	if (!v->found && access->size == 1) {
		v->found = true;
		v->window = access->window;
		v->base = access->offset - VIRTIO_PCI_COMMON_DEVICE_STATUS;
	}
	if (!v->found)
		return -1;
	offset = access->offset - v->base;
	if (access->window != v->window || offset >= VIRTIO_PCI_COMMON_SIZE)
		return access->size == 2 ? (int)access->value : -1;
	address = access->size == 4 ? address_of(q, offset) : NULL;
	if (address && offset & 4)
		*address = (uint32_t)*address | access->value << 32;
	else if (address)
		*address = (*address >> 32 << 32) | (uint32_t)access->value;
	else if (offset == VIRTIO_PCI_COMMON_QUEUE_SELECT)
		v->selected = (uint32_t)access->value;
	else if (offset == VIRTIO_PCI_COMMON_QUEUE_SIZE)
		q->size = (uint32_t)access->value;
	else if (offset == VIRTIO_PCI_COMMON_DEVICE_STATUS && !access->value)
		memset(v->queue, 0, sizeof(v->queue));
	return -1;
}

static void watch_requests(struct wrap_access *access, struct subject *s, void *state)
{
	struct virtio *v = state;
	struct queue *q = &v->queue[VIRTIO_IOMMU_REQUESTQ];
	uint64_t *batch[MAX_BATCH];
	unsigned int count = 0;
	void *avail;
	uint16_t end;

	v->subject = s;
	if (learn(v, access) == (int)VIRTIO_IOMMU_REQUESTQ && (avail = saboteur_ram(s, q->avail))) {
		end = (uint16_t)get(avail, VIRTIO_AVAIL_IDX, 2);
		for (; q->next != end && count < MAX_BATCH; q->next++) {
			uint64_t head =
				get(avail, VIRTIO_AVAIL_RING + 2 * (q->next & (q->size - 1)), 2);
			void *desc = saboteur_ram(s, q->desc + head * VIRTIO_DESC_SIZE);

			batch[count] = desc ? saboteur_ram(s, get(desc, VIRTIO_DESC_ADDR, 8)) :
					      NULL;
			if (batch[count])
				count++;
		}
		if (count && s->saboteur->edit)
			s->saboteur->edit(s, v, batch, count);
	}
	wrap_access_call(access);
}

/* ---- requests ---------------------------------------------------------------------------------- */

static bool is(const uint64_t *request, unsigned int type)
{
	return get(request, VIRTIO_IOMMU_HEAD_TYPE, 1) == type;
}

#define EACH(name, type, what)                                                                     \
	static void name(struct subject *s, void *state, uint64_t *const *request, unsigned int n) \
	{                                                                                          \
		for (unsigned int i = 0; i < n; i++)                                               \
			if (is(request[i], type))                                                  \
				what(s, state, request[i]);                                        \
	}

static void flag_write(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	put(request, VIRTIO_IOMMU_MAP_FLAGS, 4,
	    get(request, VIRTIO_IOMMU_MAP_FLAGS, 4) | VIRTIO_IOMMU_MAP_F_WRITE);
}

static void flag_no_write(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	if (get(request, VIRTIO_IOMMU_MAP_FLAGS, 4) & VIRTIO_IOMMU_MAP_F_READ)
		put(request, VIRTIO_IOMMU_MAP_FLAGS, 4, VIRTIO_IOMMU_MAP_F_READ);
}

static void map_less(const struct subject *s, struct virtio *v, void *request)
{
	uint64_t start = get(request, VIRTIO_IOMMU_MAP_VIRT_START, 8);
	uint64_t last = get(request, VIRTIO_IOMMU_MAP_VIRT_END, 8);

	(void)v;
	if (last - start >= s->page)
		put(request, VIRTIO_IOMMU_MAP_VIRT_END, 8, last - s->page);
}

static void map_elsewhere(const struct subject *s, struct virtio *v, void *request)
{
	(void)v;
	put(request, VIRTIO_IOMMU_MAP_PHYS_START, 8,
	    get(request, VIRTIO_IOMMU_MAP_PHYS_START, 8) + s->page);
}

static void first_domain(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	/* One number for all address spaces. */
	if (!v->known)
		v->domain = (uint32_t)get(request, VIRTIO_IOMMU_ATTACH_DOMAIN, 4);
	v->known = true;
	put(request, VIRTIO_IOMMU_ATTACH_DOMAIN, 4, v->domain);
}

static void unmap_less(const struct subject *s, struct virtio *v, void *request)
{
	uint64_t start = get(request, VIRTIO_IOMMU_UNMAP_VIRT_START, 8);
	uint64_t last = get(request, VIRTIO_IOMMU_UNMAP_VIRT_END, 8);

	(void)v;
	if (last - start >= s->page)
		put(request, VIRTIO_IOMMU_UNMAP_VIRT_END, 8, last - s->page);
}

static void unmap_more(const struct subject *s, struct virtio *v, void *request)
{
	(void)v;
	put(request, VIRTIO_IOMMU_UNMAP_VIRT_END, 8,
	    get(request, VIRTIO_IOMMU_UNMAP_VIRT_END, 8) + s->page);
}

static void unmap_nowhere(const struct subject *s, struct virtio *v, void *request)
{
	(void)v;
	/* Answered with success, since nothing is there. */
	put(request, VIRTIO_IOMMU_UNMAP_VIRT_START, 8, s->base + 3 * s->page);
	put(request, VIRTIO_IOMMU_UNMAP_VIRT_END, 8, s->base + 4 * s->page - 1);
}

static void detach_again(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	/* Attached to where it is already: answered with success, and it stays. */
	put(request, VIRTIO_IOMMU_HEAD_TYPE, 1, VIRTIO_IOMMU_T_ATTACH);
	put(request, VIRTIO_IOMMU_ATTACH_FLAGS, 4, 0);
}

static void other_endpoint(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	put(request, VIRTIO_IOMMU_ATTACH_ENDPOINT, 4,
	    get(request, VIRTIO_IOMMU_ATTACH_ENDPOINT, 4) ^ 8);
}

static void bypass_too(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	put(request, VIRTIO_IOMMU_ATTACH_FLAGS, 4, VIRTIO_IOMMU_ATTACH_F_BYPASS);
}

static void other_domain(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	put(request, VIRTIO_IOMMU_UNMAP_DOMAIN, 4, get(request, VIRTIO_IOMMU_UNMAP_DOMAIN, 4) ^ 1);
}

static void refused(const struct subject *s, struct virtio *v, void *request)
{
	(void)s;
	(void)v;
	/* A flag that no device knows: S_INVAL. */
	put(request, VIRTIO_IOMMU_MAP_FLAGS, 4, UINT64_C(1) << 31);
}

EACH(maps_refused, VIRTIO_IOMMU_T_MAP, refused)
EACH(all_writable, VIRTIO_IOMMU_T_MAP, flag_write)
EACH(none_writable, VIRTIO_IOMMU_T_MAP, flag_no_write)
EACH(maps_less, VIRTIO_IOMMU_T_MAP, map_less)
EACH(maps_elsewhere, VIRTIO_IOMMU_T_MAP, map_elsewhere)
EACH(one_domain, VIRTIO_IOMMU_T_ATTACH, first_domain)
EACH(wrong_endpoint, VIRTIO_IOMMU_T_ATTACH, other_endpoint)
EACH(all_bypass, VIRTIO_IOMMU_T_ATTACH, bypass_too)
EACH(unmaps_less, VIRTIO_IOMMU_T_UNMAP, unmap_less)
EACH(unmaps_more, VIRTIO_IOMMU_T_UNMAP, unmap_more)
EACH(unmaps_nothing, VIRTIO_IOMMU_T_UNMAP, unmap_nowhere)
EACH(unmaps_others, VIRTIO_IOMMU_T_UNMAP, other_domain)
EACH(detach_lost, VIRTIO_IOMMU_T_DETACH, detach_again)

/* ---- answers ----------------------------------------------------------------------------------- */

/* The status of each answer that has come since: always success. */
static void all_is_well(struct virtio *v)
{
	struct queue *q = &v->queue[VIRTIO_IOMMU_REQUESTQ];
	void *used = v->subject ? saboteur_ram(v->subject, q->used) : NULL;
	uint16_t end;

	if (!used || !q->size)
		return;
	for (end = (uint16_t)get(used, VIRTIO_USED_IDX, 2); q->seen != end; q->seen++) {
		uint64_t id = get(
			used, VIRTIO_USED_RING + (q->seen & (q->size - 1)) * VIRTIO_USED_ELEM_SIZE,
			4);
		const char *desc = saboteur_ram(v->subject, q->desc);
		void *tail;

		while (desc &&
		       get(desc + id * VIRTIO_DESC_SIZE, VIRTIO_DESC_FLAGS, 2) & VIRTIO_DESC_F_NEXT)
			id = get(desc + id * VIRTIO_DESC_SIZE, VIRTIO_DESC_NEXT, 2);
		desc += id * VIRTIO_DESC_SIZE;
		tail = saboteur_ram(v->subject, get(desc, VIRTIO_DESC_ADDR, 8) +
							get(desc, VIRTIO_DESC_LEN, 4) -
							VIRTIO_IOMMU_TAIL_SIZE);
		if (tail)
			put(tail, VIRTIO_IOMMU_TAIL_STATUS, 1, VIRTIO_IOMMU_S_OK);
	}
}

static void status_lost(struct wrap_access *access, struct subject *s, void *state)
{
	watch_requests(access, s, state);
	all_is_well(state);
}

static void status_lost_meanwhile(struct subject *s, void *state)
{
	(void)s;
	all_is_well(state);
}

static void events_not_given(struct wrap_access *access, struct subject *s, void *state)
{
	struct virtio *v = state;
	void *avail;

	v->subject = s;
	/* The event queue's buffers are not there. */
	if (learn(v, access) == (int)VIRTIO_IOMMU_EVENTQ) {
		avail = saboteur_ram(s, v->queue[VIRTIO_IOMMU_EVENTQ].avail);
		if (avail)
			put(avail, VIRTIO_AVAIL_IDX, 2, 0);
		return;
	}
	wrap_access_call(access);
}

#define PCI NULL, .places = { { "virtio@model", "pci" } }
#define EDIT(function) \
	.state_size = sizeof(struct virtio), .access = watch_requests, .edit = function

const struct conform_saboteur conform_saboteurs_virtio[] = {
	{ "virtio-all-writable", "MAP asks for the permissions that the mapping has", PCI,
	  EDIT(all_writable) },
	{ "virtio-none-writable", "a writable mapping is asked for as writable", PCI,
	  EDIT(none_writable) },
	{ "virtio-maps-less", "MAP reaches to the end of the mapping", PCI, EDIT(maps_less) },
	{ "virtio-maps-elsewhere", "MAP leads where the mapping leads", PCI, EDIT(maps_elsewhere) },
	{ "virtio-one-domain", "each address space is a domain of its own", PCI, EDIT(one_domain) },
	{ "virtio-wrong-endpoint", "ATTACH names the endpoint that firmware gave", PCI,
	  EDIT(wrong_endpoint) },
	{ "virtio-all-bypass", "only identity attaches with the bypass flag", PCI,
	  EDIT(all_bypass) },
	{ "virtio-unmaps-less", "UNMAP covers the whole mapping: the device splits none", PCI,
	  EDIT(unmaps_less) },
	{ "virtio-unmaps-more", "UNMAP ends at the end of what is unmapped", PCI,
	  EDIT(unmaps_more) },
	{ "virtio-unmaps-nothing", "unmap returns after the device has unmapped", PCI,
	  EDIT(unmaps_nothing) },
	{ "virtio-unmaps-others", "UNMAP names the domain of the mapping", PCI,
	  EDIT(unmaps_others) },
	{ "virtio-detach-lost", "a detached endpoint is detached", PCI, EDIT(detach_lost) },
	{ "virtio-status-lost", "a MAP that the device refuses is not reported as done", PCI,
	  .state_size = sizeof(struct virtio), .access = status_lost, .edit = maps_refused,
	  .relax = status_lost_meanwhile },
	{ "virtio-events-not-given", "faults find a buffer in the event queue", PCI,
	  .state_size = sizeof(struct virtio), .access = events_not_given },
	{ 0 },
};
