/* SPDX-License-Identifier: MIT */
/*
 * request.c - the request queue (5.13.6)
 *
 * A request is a chain of two descriptors: what the device reads, and the tail that it writes.  Each slot
 * has its descriptors and its bytes for ever, so that sending is filling in bytes.  The device is
 * notified when somebody waits, or when all slots are taken: a batch costs one notification.
 *
 * Every answer is read.  A tail starts out with a status that does not exist, so that an answer that the
 * device did not write is not taken for success.
 */
#include "src/drivers/virtio/viommu.h"

#define REQUESTS_ORDER 2 /* pages for rings and slots */
#define SLOTS_OFFSET 8192u
#define SLOT_SIZE 64u /* the longest request of those (36) and a tail */
#define SLOT_TAIL 56u
#define UNANSWERED 0xffu
#define MAX_PROBE_SIZE 65536u

static uint8_t *slot_bytes(const struct viommu_requests *r, unsigned int slot)
{
	return (uint8_t *)r->memory + SLOTS_OFFSET + (size_t)slot * SLOT_SIZE;
}

static const char *request_name(uint8_t type)
{
	static const char *const names[] = { "?", "ATTACH", "DETACH", "MAP", "UNMAP", "PROBE" };

	return names[type < sizeof(names) / sizeof(names[0]) ? type : 0];
}

static const struct {
	int error;
	const char *words;
} statuses[] = {
	[VIRTIO_IOMMU_S_OK] = { 0, "done" },
	[VIRTIO_IOMMU_S_IOERR] = { UIOMMU_EIO, "virtio communication error" },
	[VIRTIO_IOMMU_S_UNSUPP] = { UIOMMU_EOPNOTSUPP, "unsupported request" },
	[VIRTIO_IOMMU_S_DEVERR] = { UIOMMU_EIO, "internal device error" },
	[VIRTIO_IOMMU_S_INVAL] = { UIOMMU_EINVAL, "invalid parameters" },
	[VIRTIO_IOMMU_S_RANGE] = { UIOMMU_ERANGE, "out of range" },
	[VIRTIO_IOMMU_S_NOENT] = { UIOMMU_ENOENT, "no such endpoint or domain" },
	[VIRTIO_IOMMU_S_FAULT] = { UIOMMU_EFAULT, "bad address" },
	[VIRTIO_IOMMU_S_NOMEM] = { UIOMMU_ENOMEM, "the device is out of memory" },
};
#define NUM_STATUSES (sizeof(statuses) / sizeof(statuses[0]))

static const char *status_words(uint8_t status)
{
	return status < NUM_STATUSES ? statuses[status].words :
	       status == UNANSWERED  ? "no answer was written" :
				       "a status that does not exist";
}

static void die(struct uiommu_virtio_iommu *viommu, const char *why)
{
	if (!viommu->requests.dead)
		uiommu_log(viommu->host, UIOMMU_LOG_ERROR, "%s: %s; it is not asked again",
			   viommu->config.name, why);
	viommu->requests.dead = true;
}

/* ---- answers ----------------------------------------------------------------------------------- */

static uint8_t *tail_of(struct uiommu_virtio_iommu *viommu, unsigned int index)
{
	struct viommu_requests *r = &viommu->requests;

	return r->slot[index].type == VIRTIO_IOMMU_T_PROBE ?
		       (uint8_t *)r->probe + viommu->probe_size :
		       slot_bytes(r, index) + SLOT_TAIL;
}

static void log_unmap(struct uiommu_virtio_iommu *viommu, unsigned int index, uint8_t status)
{
	const uint8_t *request = slot_bytes(&viommu->requests, index);

	uiommu_log(
		viommu->host, UIOMMU_LOG_ERROR,
		"%s: UNMAP of 0x%llx to 0x%llx in domain %u failed (%s): devices may still reach it",
		viommu->config.name,
		(unsigned long long)viommu_get64(request + VIRTIO_IOMMU_UNMAP_VIRT_START),
		(unsigned long long)viommu_get64(request + VIRTIO_IOMMU_UNMAP_VIRT_END),
		viommu_get32(request + VIRTIO_IOMMU_UNMAP_DOMAIN), status_words(status));
}

static void answer(struct uiommu_virtio_iommu *viommu, unsigned int index, uint32_t length)
{
	struct viommu_requests *r = &viommu->requests;
	struct viommu_slot *slot = &r->slot[index];
	uint8_t status = tail_of(viommu, index)[VIRTIO_IOMMU_TAIL_STATUS];
	int rc;

	/* Too short for a tail: it was not written (5.13.6). */
	if (length <= slot->tail)
		status = UNANSWERED;
	rc = status < NUM_STATUSES ? -statuses[status].error : -UIOMMU_EIO;
	if (rc && slot->mapping && !slot->mapping->error)
		slot->mapping->error = rc;
	if (rc && slot->type == VIRTIO_IOMMU_T_UNMAP)
		log_unmap(viommu, index, status);
	else if (rc)
		uiommu_log(viommu->host, UIOMMU_LOG_DEBUG, "%s: %s: %s", viommu->config.name,
			   request_name(slot->type), status_words(status));
	if (slot->result)
		*slot->result = rc;
	slot->busy = false;
	r->in_flight--;
	r->free[r->num_slots - r->in_flight - 1] = (uint16_t)index;
}

static void collect(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_requests *r = &viommu->requests;
	uint32_t head, length;

	/* Once given up, an answer has nobody to go to: mappings that were asked about may be gone. */
	while (!r->dead && r->in_flight && uiommu_viommu_ring_take(&r->ring, &head, &length)) {
		if (head % 2 || head / 2 >= r->num_slots || !r->slot[head / 2].busy) {
			die(viommu, "it gives back a request that it does not have");
			return;
		}
		answer(viommu, head / 2, length);
	}
}

static void notify(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_requests *r = &viommu->requests;

	if (r->unnotified && uiommu_viommu_ring_wants_notify(&r->ring))
		uiommu_viommu_notify(viommu, VIRTIO_IOMMU_REQUESTQ);
	r->unnotified = false;
}

/* Wait until at most @rest requests are on their way. */
static int wait_until(struct uiommu_virtio_iommu *viommu, unsigned int rest)
{
	struct viommu_requests *r = &viommu->requests;
	struct uiommu_patience patience;

	notify(viommu);
	uiommu_patience_begin(viommu->host, &patience);
	for (;;) {
		collect(viommu);
		if (r->dead)
			return -UIOMMU_EIO;
		if (r->in_flight <= rest)
			return 0;
		if (!uiommu_patience_turn(viommu->host, &patience)) {
			die(viommu, uiommu_viommu_status(viommu) & VIRTIO_STATUS_NEEDS_RESET ?
					    "it is broken and wants to be reset" :
					    "it does not answer a request");
			return -UIOMMU_EIO;
		}
	}
}

/* ---- requests ---------------------------------------------------------------------------------- */

/* A slot for a request of @type and @size bytes, zeroed but for the type; negative if dead. */
static int begin(struct uiommu_virtio_iommu *viommu, uint8_t type, uint32_t size)
{
	struct viommu_requests *r = &viommu->requests;
	unsigned int index;
	uint8_t *bytes;

	if (r->dead || (r->in_flight == r->num_slots && wait_until(viommu, r->num_slots - 1)))
		return -UIOMMU_EIO;
	index = r->free[r->num_slots - r->in_flight - 1];
	r->in_flight++;
	r->slot[index] = (struct viommu_slot){ .busy = true, .type = type };
	bytes = slot_bytes(r, index);
	for (unsigned int i = 0; i < SLOT_TAIL; i++)
		bytes[i] = 0;
	bytes[VIRTIO_IOMMU_HEAD_TYPE] = type;
	bytes[SLOT_TAIL + VIRTIO_IOMMU_TAIL_STATUS] = UNANSWERED;
	uiommu_viommu_ring_descriptor(&r->ring, (uint16_t)(2 * index), viommu_phys(viommu, bytes),
				      size, VIRTIO_DESC_F_NEXT, (uint16_t)(2 * index + 1));
	uiommu_viommu_ring_descriptor(&r->ring, (uint16_t)(2 * index + 1),
				      viommu_phys(viommu, bytes + SLOT_TAIL),
				      VIRTIO_IOMMU_TAIL_SIZE, VIRTIO_DESC_F_WRITE, 0);
	return (int)index;
}

static void end(struct uiommu_virtio_iommu *viommu, unsigned int index)
{
	uiommu_viommu_ring_add(&viommu->requests.ring, (uint16_t)(2 * index));
	viommu->requests.unnotified = true;
}

static void lock(struct uiommu_virtio_iommu *viommu)
{
	uiommu_port_mutex_lock(viommu->host, &viommu->requests.lock);
}

static void unlock(struct uiommu_virtio_iommu *viommu)
{
	uiommu_port_mutex_unlock(viommu->host, &viommu->requests.lock);
}

void uiommu_viommu_send_map(const struct viommu_binding *binding, struct viommu_mapping *mapping)
{
	struct uiommu_virtio_iommu *viommu = binding->viommu;
	int index;
	uint8_t *bytes;

	lock(viommu);
	index = begin(viommu, VIRTIO_IOMMU_T_MAP, VIRTIO_IOMMU_MAP_SIZE);
	if (index >= 0) {
		bytes = slot_bytes(&viommu->requests, (unsigned int)index);
		viommu_put32(bytes + VIRTIO_IOMMU_MAP_DOMAIN, binding->id);
		viommu_put64(bytes + VIRTIO_IOMMU_MAP_VIRT_START, mapping->start);
		viommu_put64(bytes + VIRTIO_IOMMU_MAP_VIRT_END, mapping->last);
		viommu_put64(bytes + VIRTIO_IOMMU_MAP_PHYS_START, mapping->phys);
		viommu_put32(bytes + VIRTIO_IOMMU_MAP_FLAGS, mapping->flags);
		viommu->requests.slot[index].mapping = mapping;
		end(viommu, (unsigned int)index);
	} else {
		mapping->error = index;
	}
	unlock(viommu);
}

void uiommu_viommu_send_unmap(const struct viommu_binding *binding, uiommu_iova_t start,
			      uiommu_iova_t last)
{
	struct uiommu_virtio_iommu *viommu = binding->viommu;
	int index;
	uint8_t *bytes;

	lock(viommu);
	index = begin(viommu, VIRTIO_IOMMU_T_UNMAP, VIRTIO_IOMMU_UNMAP_SIZE);
	if (index >= 0) {
		bytes = slot_bytes(&viommu->requests, (unsigned int)index);
		viommu_put32(bytes + VIRTIO_IOMMU_UNMAP_DOMAIN, binding->id);
		viommu_put64(bytes + VIRTIO_IOMMU_UNMAP_VIRT_START, start);
		viommu_put64(bytes + VIRTIO_IOMMU_UNMAP_VIRT_END, last);
		end(viommu, (unsigned int)index);
	}
	unlock(viommu);
}

int uiommu_viommu_wait(struct uiommu_virtio_iommu *viommu)
{
	int rc;

	lock(viommu);
	rc = wait_until(viommu, 0);
	unlock(viommu);
	return rc;
}

/* Both have the domain and the endpoint in the same places. */
static int attachment(struct uiommu_virtio_iommu *viommu, uint8_t type, uint32_t size, uint32_t id,
		      uint32_t endpoint, uint32_t flags)
{
	int result = -UIOMMU_EIO, index;
	uint8_t *bytes;

	lock(viommu);
	index = begin(viommu, type, size);
	if (index >= 0) {
		bytes = slot_bytes(&viommu->requests, (unsigned int)index);
		viommu_put32(bytes + VIRTIO_IOMMU_ATTACH_DOMAIN, id);
		viommu_put32(bytes + VIRTIO_IOMMU_ATTACH_ENDPOINT, endpoint);
		if (type == VIRTIO_IOMMU_T_ATTACH)
			viommu_put32(bytes + VIRTIO_IOMMU_ATTACH_FLAGS, flags);
		viommu->requests.slot[index].result = &result;
		end(viommu, (unsigned int)index);
		wait_until(viommu, 0);
		viommu->requests.slot[index].result = NULL;
	}
	unlock(viommu);
	return result;
}

int uiommu_viommu_attach_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t id,
				  uint32_t endpoint, uint32_t flags)
{
	return attachment(viommu, VIRTIO_IOMMU_T_ATTACH, VIRTIO_IOMMU_ATTACH_SIZE, id, endpoint,
			  flags);
}

int uiommu_viommu_detach_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t id,
				  uint32_t endpoint)
{
	return attachment(viommu, VIRTIO_IOMMU_T_DETACH, VIRTIO_IOMMU_DETACH_SIZE, id, endpoint, 0);
}

/* ---- properties of an endpoint (5.13.6.7) ------------------------------------------------------ */

static int visit_property(const uint8_t *property, uint32_t length,
			  int (*visit)(const struct viommu_resv *resv, void *context),
			  void *context)
{
	uint16_t type = viommu_get16(property + VIRTIO_IOMMU_PROPERTY_TYPE);
	struct viommu_resv resv;

	/* Properties that this driver does not know are to be passed over. */
	if (type & VIRTIO_IOMMU_PROPERTY_RSVD || type != VIRTIO_IOMMU_PROBE_T_RESV_MEM)
		return 0;
	if (length < VIRTIO_IOMMU_RESV_MEM_LENGTH)
		return -UIOMMU_EIO;
	resv.start = viommu_get64(property + VIRTIO_IOMMU_RESV_MEM_START);
	resv.last = viommu_get64(property + VIRTIO_IOMMU_RESV_MEM_END);
	resv.msi = property[VIRTIO_IOMMU_RESV_MEM_SUBTYPE] == VIRTIO_IOMMU_RESV_MEM_T_MSI;
	if (resv.start > resv.last)
		return -UIOMMU_EIO;
	return visit(&resv, context);
}

static int visit_properties(const uint8_t *at, uint32_t size,
			    int (*visit)(const struct viommu_resv *resv, void *context),
			    void *context)
{
	int rc = 0;

	while (!rc && size >= VIRTIO_IOMMU_PROPERTY_HEADER_SIZE) {
		uint32_t length = viommu_get16(at + VIRTIO_IOMMU_PROPERTY_LENGTH);

		if ((viommu_get16(at) & VIRTIO_IOMMU_PROPERTY_TYPE_MASK) ==
		    VIRTIO_IOMMU_PROBE_T_NONE)
			break;
		if (length > size - VIRTIO_IOMMU_PROPERTY_HEADER_SIZE)
			return -UIOMMU_EIO;
		rc = visit_property(at, length, visit, context);
		at += VIRTIO_IOMMU_PROPERTY_HEADER_SIZE + length;
		size -= VIRTIO_IOMMU_PROPERTY_HEADER_SIZE + length;
	}
	return rc;
}

/* Its readable part is longer than a slot: it lies behind the writable one. */
static void fill_probe(struct uiommu_virtio_iommu *viommu, unsigned int index, uint32_t endpoint)
{
	struct viommu_requests *r = &viommu->requests;
	uint8_t *writable = r->probe;
	uint8_t *readable = writable + viommu->probe_size + VIRTIO_IOMMU_TAIL_SIZE;

	for (uint32_t i = 0; i < viommu->probe_size + VIRTIO_IOMMU_TAIL_SIZE; i++)
		writable[i] = 0;
	writable[viommu->probe_size + VIRTIO_IOMMU_TAIL_STATUS] = UNANSWERED;
	for (uint32_t i = 0; i < VIRTIO_IOMMU_PROBE_SIZE; i++)
		readable[i] = 0;
	readable[VIRTIO_IOMMU_HEAD_TYPE] = VIRTIO_IOMMU_T_PROBE;
	viommu_put32(readable + VIRTIO_IOMMU_PROBE_ENDPOINT, endpoint);
	r->slot[index].tail = viommu->probe_size;
	uiommu_viommu_ring_descriptor(&r->ring, (uint16_t)(2 * index),
				      viommu_phys(viommu, readable), VIRTIO_IOMMU_PROBE_SIZE,
				      VIRTIO_DESC_F_NEXT, (uint16_t)(2 * index + 1));
	uiommu_viommu_ring_descriptor(&r->ring, (uint16_t)(2 * index + 1),
				      viommu_phys(viommu, writable),
				      viommu->probe_size + VIRTIO_IOMMU_TAIL_SIZE,
				      VIRTIO_DESC_F_WRITE, 0);
}

int uiommu_viommu_probe_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t endpoint,
				 int (*visit)(const struct viommu_resv *resv, void *context),
				 void *context)
{
	struct viommu_requests *r = &viommu->requests;
	int rc = -UIOMMU_EIO, index;

	lock(viommu);
	index = begin(viommu, VIRTIO_IOMMU_T_PROBE, 0);
	if (index >= 0) {
		fill_probe(viommu, (unsigned int)index, endpoint);
		r->slot[index].result = &rc;
		end(viommu, (unsigned int)index);
		wait_until(viommu, 0);
		r->slot[index].result = NULL;
	}
	if (rc == 0)
		rc = visit_properties(r->probe, viommu->probe_size, visit, context);
	unlock(viommu);
	return rc;
}

/* ---- life -------------------------------------------------------------------------------------- */

static unsigned int order_of(size_t size)
{
	unsigned int order = 0;

	while ((size_t)4096 << order < size)
		order++;
	return order;
}

/* PROBE: properties, tail, and the readable part behind them. */
static int init_probe(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_requests *r = &viommu->requests;

	if (!(viommu->features & VIRTIO_IOMMU_F_PROBE))
		return 0;
	if (viommu->probe_size > MAX_PROBE_SIZE) {
		uiommu_log(viommu->host, UIOMMU_LOG_ERROR,
			   "%s: %u bytes of properties are more than this driver reads (%u)",
			   viommu->config.name, viommu->probe_size, MAX_PROBE_SIZE);
		return -UIOMMU_EIO;
	}
	r->probe_order =
		order_of(viommu->probe_size + VIRTIO_IOMMU_TAIL_SIZE + VIRTIO_IOMMU_PROBE_SIZE);
	r->probe = uiommu_port_alloc_pages(viommu->host, r->probe_order);
	return r->probe ? 0 : -UIOMMU_ENOMEM;
}

int uiommu_viommu_requests_init(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_requests *r = &viommu->requests;
	uint16_t size = 2 * VIOMMU_MAX_SLOTS, most;
	int rc;

	most = uiommu_viommu_queue_max(viommu, VIRTIO_IOMMU_REQUESTQ);
	while (size > most)
		size /= 2;
	if (size < 2) {
		uiommu_log(viommu->host, UIOMMU_LOG_ERROR,
			   "%s: its request queue has no room for a request", viommu->config.name);
		return -UIOMMU_EIO;
	}
	rc = uiommu_port_mutex_init(viommu->host, &r->lock);
	if (rc)
		return rc;
	rc = -UIOMMU_ENOMEM;
	r->memory = uiommu_port_alloc_pages(viommu->host, REQUESTS_ORDER);
	if (!r->memory)
		goto destroy_lock;
	rc = init_probe(viommu);
	if (rc)
		goto free_memory;
	uiommu_viommu_ring_layout(&r->ring, r->memory, size);
	r->num_slots = size / 2;
	for (unsigned int i = 0; i < r->num_slots; i++)
		r->free[i] = (uint16_t)(r->num_slots - 1 - i);
	rc = uiommu_viommu_queue_enable(viommu, VIRTIO_IOMMU_REQUESTQ, &r->ring);
	if (rc == 0)
		return 0;
	if (r->probe)
		uiommu_port_free_pages(viommu->host, r->probe, r->probe_order);
free_memory:
	uiommu_port_free_pages(viommu->host, r->memory, REQUESTS_ORDER);
destroy_lock:
	uiommu_port_mutex_destroy(viommu->host, &r->lock);
	return rc;
}

void uiommu_viommu_requests_destroy(struct uiommu_virtio_iommu *viommu, bool lost)
{
	struct viommu_requests *r = &viommu->requests;

	if (r->probe && !lost)
		uiommu_port_free_pages(viommu->host, r->probe, r->probe_order);
	if (!lost)
		uiommu_port_free_pages(viommu->host, r->memory, REQUESTS_ORDER);
	uiommu_port_mutex_destroy(viommu->host, &r->lock);
}
