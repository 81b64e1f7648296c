/* SPDX-License-Identifier: MIT */
/*
 * viommu.h - what the files of the virtio IOMMU driver share
 *
 * Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2".
 *
 * Objects.  A domain of the core has a binding to each device on which it is attached: the domain ID it
 * has there, and how many endpoints use it.  The device makes its domain with the first endpoint and
 * forgets it, mappings and all, with the last (5.13.6.3, 5.13.6.4); the mappings are kept in a tree here
 * and told again.  A request says nothing of order to a device that works on several at once, so what
 * depends on another request is sent after that one was answered.
 *
 * Locks, outermost first: a domain's (mappings, bindings; two domains' in the order of their addresses), the
 * device's (domain IDs, endpoints), the request queue's; the event queue's stands alone.  The core's group mutex lies outside of all of them.
 */
#ifndef SRC_DRIVERS_VIRTIO_VIOMMU_H
#define SRC_DRIVERS_VIRTIO_VIOMMU_H

#include <stdatomic.h>

#include <uiommu/pci.h>
#include <uiommu/virtio_iommu.h>

#include "spec/virtio-iommu.h"
#include "spec/virtio.h"
#include "src/core/patience.h"

#define VIOMMU_MAX_ENDPOINTS 4 /* of one device: its own and those of bridges */

/* A part of a BAR, or of the MMIO window. */
struct viommu_window {
	const struct uiommu_mmio *regs;
	uint64_t offset;
	uint32_t length;
};

struct viommu_transport {
	bool pci;
	struct viommu_window common; /* MMIO: all registers */
	struct viommu_window notify, isr, device; /* PCI; MMIO: device alone */
	uint32_t notify_multiplier;
	uint16_t notify_offset[2]; /* of the queues */
};

/* The parts of a split virtqueue in memory (2.7). */
struct viommu_ring {
	uint16_t size; /* a power of two */
	uint8_t *desc, *avail, *used;
	uint16_t added; /* what the driver has made available, ever */
	uint16_t taken; /* what it has taken from the used ring */
};

struct viommu_mapping {
	struct viommu_mapping *left, *right; /* the tree: mapping.c */
	uint32_t rank;
	uiommu_iova_t start, last;
	uiommu_phys_t phys;
	uint32_t flags; /* of the MAP request */
	int error; /* what a device answered, while its request was not asked about */
};

/* A request on its way: a slot's two descriptors and its bytes have a fixed place. */
struct viommu_slot {
	bool busy;
	uint8_t type;
	struct viommu_mapping *mapping; /* of a MAP */
	int *result; /* for who waits for this one */
	uint32_t tail; /* where the tail lies in the writable part */
};

#define VIOMMU_MAX_SLOTS 128

struct viommu_requests {
	struct uiommu_mutex lock;
	struct viommu_ring ring;
	void *memory; /* 2^VIOMMU_REQUESTS_ORDER pages: rings, then the slots' bytes */
	unsigned int num_slots, in_flight;
	uint16_t free[VIOMMU_MAX_SLOTS]; /* a stack of num_slots - in_flight */
	bool unnotified;
	struct viommu_slot slot[VIOMMU_MAX_SLOTS];
	void *probe; /* the writable part of PROBE */
	unsigned int probe_order;
	bool dead; /* it once did not answer, or answered nonsense: reported, not asked again */
};

struct viommu_events {
	struct uiommu_mutex lock;
	struct viommu_ring ring;
	void *memory; /* one page: rings, then the buffers */
};

struct viommu_binding;

struct uiommu_virtio_iommu {
	struct uiommu_instance instance;
	struct uiommu_virtio_iommu_config config;
	void *host;
	uintptr_t direct_map;
	struct viommu_transport transport;
	uint64_t features;

	/* From its configuration. */
	uint64_t pgsizes;
	uiommu_iova_t first, last;
	uint32_t first_id, last_id; /* of domains */
	uint32_t probe_size;

	struct uiommu_mutex lock;
	struct viommu_binding *bindings; /* by ID */
	struct viommu_endpoint *endpoints;
	/* With F_BYPASS_CONFIG a domain ID for all endpoints that bypass, else a domain that maps 1:1. */
	bool has_bypass;
	uint32_t bypass_id;
	struct viommu_domain *identity;

	struct viommu_requests requests;
	struct viommu_events events;
};

struct viommu_resv {
	uiommu_iova_t start, last;
	bool msi;
};

/* Where an endpoint is, in the device's eyes. */
struct viommu_place {
	bool attached;
	uint32_t id, flags; /* of the domain, and of the ATTACH request */
	struct viommu_binding *binding; /* NULL: none, or the domain that bypasses */
};

/*
 * An endpoint of the device.  Devices behind a bridge share the one that the bridge sends under; the members
 * of a group are switched one after the other, so it goes with the first and leaves with the last.
 */
struct viommu_endpoint {
	struct viommu_endpoint *next; /* of the virtio IOMMU */
	uint32_t id;
	unsigned int devices; /* that have it */
	unsigned int attached_devices; /* of these */
	struct viommu_place place;
};

struct viommu_device {
	struct uiommu_device *dev;
	struct uiommu_virtio_iommu *viommu;
	unsigned int num_endpoints;
	struct viommu_endpoint *endpoint[VIOMMU_MAX_ENDPOINTS];
	bool attached;
	unsigned int num_resv;
	struct viommu_resv *resv;
};

struct viommu_binding {
	struct viommu_domain *domain; /* NULL: freed; an endpoint is still there */
	struct viommu_binding *next; /* of the domain */
	struct viommu_binding *next_id; /* of the device, by ID */
	struct uiommu_virtio_iommu *viommu;
	uint32_t id;
	unsigned int endpoints; /* attached; the device knows the domain while it is not 0 */
};

struct viommu_domain {
	struct uiommu_domain domain;
	void *host;
	bool mmio; /* F_MMIO is there */
	struct uiommu_mutex lock;
	struct viommu_mapping *mappings;
	struct viommu_binding *bindings;
	bool maps_sent, unmaps_sent; /* since all devices were waited for */
};

static inline struct uiommu_virtio_iommu *to_viommu(struct uiommu_instance *instance)
{
	return (struct uiommu_virtio_iommu *)(void *)((char *)instance -
						      offsetof(struct uiommu_virtio_iommu,
							       instance));
}

static inline struct viommu_domain *to_viommu_domain(struct uiommu_domain *domain)
{
	return (struct viommu_domain *)(void *)((char *)domain -
						offsetof(struct viommu_domain, domain));
}

/* Static domains may be copies that a wrapper made: they are known by their type. */
static inline struct viommu_domain *viommu_paging(struct uiommu_domain *domain)
{
	if (!domain || domain->type == UIOMMU_DOMAIN_BLOCKED ||
	    domain->type == UIOMMU_DOMAIN_IDENTITY)
		return NULL;
	return to_viommu_domain(domain);
}

static inline uiommu_phys_t viommu_phys(const struct uiommu_virtio_iommu *viommu, const void *ptr)
{
	return (uintptr_t)ptr - viommu->direct_map;
}

/* Little-endian fields of structures that lie on both sides (1.4); every supported host is such. */
#define VIOMMU_FIELD(bits)                                                                  \
	static inline void viommu_put##bits(uint8_t *at, uint##bits##_t value)              \
	{                                                                                   \
		for (unsigned int i = 0; i < (bits) / 8; i++)                               \
			at[i] = (uint8_t)(value >> (8 * i));                                \
	}                                                                                   \
	static inline uint##bits##_t viommu_get##bits(const uint8_t *at)                    \
	{                                                                                   \
		uint##bits##_t value = 0;                                                   \
                                                                                            \
		for (unsigned int i = 0; i < (bits) / 8; i++)                               \
			value = (uint##bits##_t)(value | (uint##bits##_t)at[i] << (8 * i)); \
		return value;                                                               \
	}
VIOMMU_FIELD(16)
VIOMMU_FIELD(32)
VIOMMU_FIELD(64)

/* ---- transport.c ------------------------------------------------------------------------------- */

int uiommu_viommu_transport_init(struct uiommu_virtio_iommu *viommu);
uint8_t uiommu_viommu_status(struct uiommu_virtio_iommu *viommu);
void uiommu_viommu_set_status(struct uiommu_virtio_iommu *viommu, uint8_t status);
int uiommu_viommu_reset(struct uiommu_virtio_iommu *viommu);
uint64_t uiommu_viommu_device_features(struct uiommu_virtio_iommu *viommu);
void uiommu_viommu_set_driver_features(struct uiommu_virtio_iommu *viommu, uint64_t features);
/* The most entries that a queue can have; 0: there is no such queue. */
uint16_t uiommu_viommu_queue_max(struct uiommu_virtio_iommu *viommu, uint16_t queue);
int uiommu_viommu_queue_enable(struct uiommu_virtio_iommu *viommu, uint16_t queue,
			       const struct viommu_ring *ring);
void uiommu_viommu_notify(struct uiommu_virtio_iommu *viommu, uint16_t queue);
uint32_t uiommu_viommu_config32(struct uiommu_virtio_iommu *viommu, uint32_t offset);
uint8_t uiommu_viommu_config_generation(struct uiommu_virtio_iommu *viommu);
void uiommu_viommu_set_config8(struct uiommu_virtio_iommu *viommu, uint32_t offset, uint8_t value);
void uiommu_viommu_acknowledge(struct uiommu_virtio_iommu *viommu);

/* ---- ring.c ------------------------------------------------------------------------------------ */

/* Lay out a ring of @size entries at the start of zeroed @memory; the bytes that it takes. */
size_t uiommu_viommu_ring_layout(struct viommu_ring *ring, uint8_t *memory, uint16_t size);
void uiommu_viommu_ring_descriptor(struct viommu_ring *ring, uint16_t index, uiommu_phys_t address,
				   uint32_t length, uint16_t flags, uint16_t next);
void uiommu_viommu_ring_add(struct viommu_ring *ring, uint16_t head);
/* Does the device want to hear of what was added? */
bool uiommu_viommu_ring_wants_notify(const struct viommu_ring *ring);
/* The oldest used chain that was not taken yet. */
bool uiommu_viommu_ring_take(struct viommu_ring *ring, uint32_t *head, uint32_t *length);

/* ---- request.c --------------------------------------------------------------------------------- */

int uiommu_viommu_requests_init(struct uiommu_virtio_iommu *viommu);
/* @lost: the device does not let go of the memory, which is then never used again. */
void uiommu_viommu_requests_destroy(struct uiommu_virtio_iommu *viommu, bool lost);
/* Send and go on; what goes wrong is kept in the mapping, or logged (UNMAP). */
void uiommu_viommu_send_map(const struct viommu_binding *binding, struct viommu_mapping *mapping);
void uiommu_viommu_send_unmap(const struct viommu_binding *binding, uiommu_iova_t start,
			      uiommu_iova_t last);
/* Wait until all that was sent is answered; -UIOMMU_EIO if the device is dead. */
int uiommu_viommu_wait(struct uiommu_virtio_iommu *viommu);
/* Send and wait: 0 or an error. */
int uiommu_viommu_attach_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t id,
				  uint32_t endpoint, uint32_t flags);
int uiommu_viommu_detach_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t id,
				  uint32_t endpoint);
/*
 * The properties of an endpoint; @visit is called for each region, with the queue's lock held, and a
 * value other than 0 of it ends the walk and is returned.
 */
int uiommu_viommu_probe_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t endpoint,
				 int (*visit)(const struct viommu_resv *resv, void *context),
				 void *context);

/* ---- mapping.c: the mappings of a domain, by address ------------------------------------------- */

/* The mapping that contains @iova, or the first one above it; NULL. */
struct viommu_mapping *uiommu_viommu_mapping_at_or_after(struct viommu_mapping *root,
							 uiommu_iova_t iova);
void uiommu_viommu_mapping_insert(struct viommu_mapping **root, struct viommu_mapping *mapping);
void uiommu_viommu_mapping_remove(struct viommu_mapping **root, struct viommu_mapping *mapping);

/* ---- domain.c, device.c, event.c --------------------------------------------------------------- */

extern const struct uiommu_domain uiommu_viommu_identity_domain, uiommu_viommu_blocked_domain;
/* A domain that maps all of @viommu's addresses 1:1, as soon as it was filled; NULL: no memory. */
struct viommu_domain *uiommu_viommu_identity_alloc(struct uiommu_virtio_iommu *viommu);
void uiommu_viommu_identity_free(struct viommu_domain *domain);
/* For the first device: all but the regions that are reserved for it. 0 or -UIOMMU_ENOMEM. */
int uiommu_viommu_identity_fill(struct viommu_domain *domain, const struct viommu_device *device);
/* The device was reset: it knows no domain, also of those that endpoints could not leave. */
void uiommu_viommu_forget_bindings(struct uiommu_virtio_iommu *viommu);
int uiommu_viommu_domain_alloc(struct uiommu_device *dev, unsigned int flags,
			       struct uiommu_domain **out);
extern const struct uiommu_ops uiommu_viommu_driver_ops;
/* The device was reset: none of them is anywhere. */
void uiommu_viommu_forget_endpoints(struct uiommu_virtio_iommu *viommu);
int uiommu_viommu_events_init(struct uiommu_virtio_iommu *viommu);
void uiommu_viommu_events_destroy(struct uiommu_virtio_iommu *viommu, bool lost);
unsigned int uiommu_viommu_poll(struct uiommu_instance *instance);

#endif /* SRC_DRIVERS_VIRTIO_VIOMMU_H */
