/* SPDX-License-Identifier: MIT */
/*
 * event.c - refused translations: from buffers of the event queue to the core (5.13.6.9)
 *
 * The device fills buffers that it was given and loses reports while it has none: so each goes back as
 * soon as it was read.  It does not say that it lost some.
 */
#include "src/drivers/virtio/viommu.h"

#define MAX_BUFFERS 64u
#define BUFFERS_OFFSET 2048u
#define BUFFER_SIZE 32u /* a report has 24 bytes */

static uint8_t *buffer(const struct viommu_events *e, unsigned int index)
{
	return (uint8_t *)e->memory + BUFFERS_OFFSET + (size_t)index * BUFFER_SIZE;
}

static const char *reason(uint8_t code)
{
	switch (code) {
	case VIRTIO_IOMMU_FAULT_R_DOMAIN:
		return "the endpoint is attached to no domain";
	case VIRTIO_IOMMU_FAULT_R_MAPPING:
		return "not mapped, or not so";
	default:
		return "the device does not say why";
	}
}

static bool report(struct uiommu_virtio_iommu *viommu, const uint8_t *record, uint32_t length)
{
	uint32_t flags = viommu_get32(record + VIRTIO_IOMMU_FAULT_FLAGS);
	struct uiommu_fault fault = {
		.instance = &viommu->instance,
		.source_id = viommu_get32(record + VIRTIO_IOMMU_FAULT_ENDPOINT),
		.prot = (flags & VIRTIO_IOMMU_FAULT_F_READ ? UIOMMU_READ : 0u) |
			(flags & VIRTIO_IOMMU_FAULT_F_WRITE ? UIOMMU_WRITE : 0u),
		.code = record[VIRTIO_IOMMU_FAULT_REASON],
		.reason = reason(record[VIRTIO_IOMMU_FAULT_REASON]),
	};

	/* Reports of another form are to be ignored: 5.13.6.9.1. */
	if (length < VIRTIO_IOMMU_FAULT_SIZE || record[VIRTIO_IOMMU_FAULT_RESERVED] ||
	    record[VIRTIO_IOMMU_FAULT_RESERVED + 1] || record[VIRTIO_IOMMU_FAULT_RESERVED + 2])
		return false;
	if (flags & VIRTIO_IOMMU_FAULT_F_ADDRESS)
		fault.iova = viommu_get64(record + VIRTIO_IOMMU_FAULT_ADDRESS);
	uiommu_report_fault(&viommu->instance, &fault);
	return true;
}

unsigned int uiommu_viommu_poll(struct uiommu_instance *instance)
{
	struct uiommu_virtio_iommu *viommu = to_viommu(instance);
	struct viommu_events *e = &viommu->events;
	unsigned int reported = 0, given_back = 0;
	uint32_t head, length;

	/* One look takes at most what was there, so that a storm of faults cannot hold its reader. */
	uiommu_port_mutex_lock(viommu->host, &e->lock);
	while (given_back < e->ring.size && uiommu_viommu_ring_take(&e->ring, &head, &length)) {
		uint8_t record[VIRTIO_IOMMU_FAULT_SIZE];

		if (head >= e->ring.size) {
			uiommu_log(viommu->host, UIOMMU_LOG_ERROR,
				   "%s: it gives back an event buffer that does not exist",
				   viommu->config.name);
			continue;
		}
		for (unsigned int i = 0; i < VIRTIO_IOMMU_FAULT_SIZE; i++)
			record[i] = buffer(e, head)[i];
		uiommu_viommu_ring_add(&e->ring, (uint16_t)head);
		given_back++;
		/* The core may call back into the library: not with a lock of ours. */
		uiommu_port_mutex_unlock(viommu->host, &e->lock);
		reported += report(viommu, record, length);
		uiommu_port_mutex_lock(viommu->host, &e->lock);
	}
	if (given_back && uiommu_viommu_ring_wants_notify(&e->ring))
		uiommu_viommu_notify(viommu, VIRTIO_IOMMU_EVENTQ);
	uiommu_port_mutex_unlock(viommu->host, &e->lock);
	return reported;
}

int uiommu_viommu_events_init(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_events *e = &viommu->events;
	uint16_t size = MAX_BUFFERS, most = uiommu_viommu_queue_max(viommu, VIRTIO_IOMMU_EVENTQ);
	int rc;

	while (size > most)
		size /= 2;
	if (!size) {
		uiommu_log(viommu->host, UIOMMU_LOG_ERROR, "%s: it has no event queue",
			   viommu->config.name);
		return -UIOMMU_EIO;
	}
	rc = uiommu_port_mutex_init(viommu->host, &e->lock);
	if (rc)
		return rc;
	rc = -UIOMMU_ENOMEM;
	e->memory = uiommu_port_alloc_pages(viommu->host, 0);
	if (!e->memory)
		goto destroy_lock;
	uiommu_viommu_ring_layout(&e->ring, e->memory, size);
	for (uint16_t i = 0; i < size; i++) {
		uiommu_viommu_ring_descriptor(&e->ring, i, viommu_phys(viommu, buffer(e, i)),
					      VIRTIO_IOMMU_FAULT_SIZE, VIRTIO_DESC_F_WRITE, 0);
		uiommu_viommu_ring_add(&e->ring, i);
	}
	/* These are looked at when the device says that there is something to see. */
	viommu_put16(e->ring.avail + VIRTIO_AVAIL_FLAGS, 0);
	rc = uiommu_viommu_queue_enable(viommu, VIRTIO_IOMMU_EVENTQ, &e->ring);
	if (rc == 0)
		return 0;
	uiommu_port_free_pages(viommu->host, e->memory, 0);
destroy_lock:
	uiommu_port_mutex_destroy(viommu->host, &e->lock);
	return rc;
}

void uiommu_viommu_events_destroy(struct uiommu_virtio_iommu *viommu, bool lost)
{
	if (!lost)
		uiommu_port_free_pages(viommu->host, viommu->events.memory, 0);
	uiommu_port_mutex_destroy(viommu->host, &viommu->events.lock);
}
