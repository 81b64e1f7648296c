/* SPDX-License-Identifier: MIT */
/*
 * virtio_fake.h - a virtio IOMMU that does what the test says
 *
 * Registers over PCI or MMIO, two split queues, and the bookkeeping of virtio 1.2, 5.13.6: which endpoint
 * is in which domain, and what is mapped there.  No DMA is translated.  Requests are carried out when the
 * queue is notified, noted, and answered as the script wants.  Memory is that of the test port, so each
 * address that the device is told of is checked.
 */
#ifndef TESTS_DRIVERS_VIRTIO_FAKE_H
#define TESTS_DRIVERS_VIRTIO_FAKE_H

#include "ports/test/test.h"
#include "src/drivers/virtio/viommu.h"

#define FAKE_NOTES 4096
#define FAKE_MAPPINGS 512
#define FAKE_RULES 4
#define FAKE_PROPERTIES 256u /* probe_size */
#define FAKE_ENDPOINTS 16 /* 0 to 15 are there */

/* What is wrong with an answer. */
enum fake_answer {
	FAKE_STATUS, /* nothing: the rule's status, and nothing is carried out */
	FAKE_EMPTY, /* used length 0, no tail was written */
	FAKE_SHORT, /* a tail was written, and the used length leaves it out */
	FAKE_ODD, /* the used ring names a descriptor that heads no chain */
	FAKE_BEYOND, /* one that the table does not have */
	FAKE_TWICE, /* it is given back twice */
	FAKE_SILENT, /* it is never given back, and nothing is after it */
	FAKE_BROKEN, /* likewise, and the status says NEEDS_RESET */
};

/* The script: requests of @type (0: of any), after @good of them, @times times. */
struct fake_rule {
	uint8_t type;
	unsigned int good, times;
	enum fake_answer answer;
	uint8_t status;
};

struct fake_note {
	uint8_t type, status;
	uint32_t domain, endpoint; /* endpoint: of ATTACH, DETACH and PROBE */
	uint32_t flags;
	uint64_t start, last, phys;
};

struct fake_mapping {
	bool used;
	uint32_t domain, flags;
	uint64_t start, last, phys;
};

struct fake_queue {
	uint16_t size;
	uint32_t most;
	uint64_t desc, avail, used;
	bool enabled;
	uint16_t seen, done; /* of the available ring, in the used ring */
};

struct fake {
	struct uiommu_test *test;
	bool pci;

	/* What it is; may be changed before fake_start(). */
	uint64_t features, page_size_mask, first, last;
	uint32_t first_id, last_id;
	uint32_t magic, version, id; /* of the MMIO window */
	bool refuse_features, stuck_in_reset;
	unsigned int unsteady; /* so often its configuration changes while it is read */
	unsigned char space[256]; /* PCI configuration space, see fake_init() */
	unsigned char properties[FAKE_ENDPOINTS][FAKE_PROPERTIES];
	unsigned int next_property[FAKE_ENDPOINTS];
	struct uiommu_ops ops; /* a copy of the driver's own */
	enum uiommu_domain_type default_type; /* of the system */
	uint32_t notify_offset, notify_step, notify_multiplier; /* queue n: offset + n * step */
	unsigned long fail_nth; /* step of the host from the driver's first on; 0: none */
	char failed[160]; /* which one it was, "" if none */

	/* Its registers. */
	uint8_t status, generation, bypass;
	uint32_t device_select, driver_select, queue_select;
	uint64_t accepted; /* features */
	struct fake_queue queue[2];
	bool silent;
	unsigned int notified[2], stray; /* stray: accesses of nothing, or with a wrong width */

	struct fake_rule rule[FAKE_RULES];
	unsigned int rules;

	bool attached[FAKE_ENDPOINTS];
	uint32_t domain[FAKE_ENDPOINTS];
	struct fake_mapping mapping[FAKE_MAPPINGS];

	struct fake_note note[FAKE_NOTES];
	unsigned int notes;
	unsigned int errors; /* lines logged at that level */
	char line[256]; /* the latest of them */
	unsigned int faults;
	struct uiommu_fault fault; /* the latest */

	struct uiommu_pci_topology topology;
	struct uiommu_pci_function fn, *fns[1];
	struct uiommu_system *sys;
	struct uiommu_fwnode node;
	struct uiommu_virtio_iommu *viommu;
};

/* A host and a device with all features; over PCI its capabilities are in order. */
void fake_init(struct fake *fake, bool pci);
/* A system and the driver: what uiommu_virtio_iommu_create() says.  After an error nothing is left. */
int fake_start(struct fake *fake);
/* Driver, system and host gone; no violation is allowed. */
void fake_stop(struct fake *fake);

/* A PCI capability at @at: see virtio 1.2, 4.1.4; it links to @next. */
void fake_capability(struct fake *fake, unsigned int at, unsigned int next, uint8_t cfg_type,
		     uint8_t bar, uint32_t offset, uint32_t length);

void fake_script(struct fake *fake, struct fake_rule rule);
/* A property of an endpoint: RESV_MEM, or @length bytes of another type. */
void fake_resv(struct fake *fake, uint32_t endpoint, uint8_t subtype, uint64_t start,
	       uint64_t last);
void fake_property(struct fake *fake, uint32_t endpoint, uint16_t type, uint16_t length,
		   unsigned int written);

/* It goes on after all, beginning with the request on which it stopped. */
void fake_wake(struct fake *fake);

/* Adds a device with these endpoint IDs; its status is the caller's to look at. */
struct uiommu_device *fake_add(struct fake *fake, const char *name, const uint32_t *ids,
			       unsigned int count);

/* Notes of @type from @from on. */
unsigned int fake_noted(const struct fake *fake, unsigned int from, uint8_t type);
/* The mapping of a domain that contains @iova, NULL. */
const struct fake_mapping *fake_mapped(const struct fake *fake, uint32_t domain, uint64_t iova);
unsigned int fake_count_mapped(const struct fake *fake, uint32_t domain);

/*
 * A report in the next event buffer, with this used length; false if there is no buffer.  @reason goes on in
 * the reserved bytes.
 */
bool fake_fault(struct fake *fake, uint32_t reason, uint32_t flags, uint32_t endpoint,
		uint64_t iova, uint32_t length);
/* Gives back an event buffer, its own or not. */
void fake_event_id(struct fake *fake, uint32_t id);

#endif
