/* SPDX-License-Identifier: MIT */
/*
 * unit.h - what the files of the VT-d driver share
 *
 * Section numbers are those of the Intel Virtualization Technology for Directed I/O Architecture
 * Specification, revision 4.x.
 *
 * Objects.  A unit has root, context and, in scalable mode, PASID tables; a PASID table belongs to a
 * device and to nothing else, so that RID and PASID attachments cannot disturb one another: the RID is
 * entry 0 of that table.  In legacy mode the RID's entry is the context entry.  A domain has a tag for
 * each unit on which it is attached, that is, the domain ID under which the unit caches it, and a link for
 * each (device, PASID), by which device TLBs are found.
 *
 * Locks, outermost first: that of the parent of nested domains, the domain's (tags, links, what it became of
 * an address space), the unit's (entries, domain IDs, devices and what is enabled in them), the queue's
 * (invalidation).  That of the page request queue stands alone: nothing is called with it held.  The
 * core's group mutex lies outside of all of them.
 */
#ifndef SRC_DRIVERS_VTD_UNIT_H
#define SRC_DRIVERS_VTD_UNIT_H

#include <stdatomic.h>

#include <uiommu/pci.h>
#include <uiommu/vtd.h>

#include "spec/vtd.h"
#include "src/core/patience.h"
#include "src/pgtable/pgtable.h"

#define VTD_DID_NONE 0u /* never given out: caching-mode hardware tags faults with it (6.1) */
#define VTD_DID_PASS_THROUGH 1u /* of all pass-through entries: they cache the same thing */
#define VTD_FIRST_DID 2u

#define VTD_MAX_SOURCE_IDS 4

struct vtd_device {
	struct uiommu_device *dev;
	struct uiommu_vtd *unit;
	struct vtd_device *next; /* on the unit */
	struct uiommu_pci_function *pci;
	unsigned int num_source_ids; /* its own first, then those of bridges that answer for it */
	uint16_t source_id[VTD_MAX_SOURCE_IDS];
	/* Its device TLB is in use: what is invalidated is invalidated there. Written under the unit's lock. */
	_Atomic(bool) ats;
	unsigned int ats_queue_depth; /* 1 to 32 */
	bool pasid;
	_Atomic(bool) page_requests; /* are enabled; likewise */
	bool wants_page_requests; /* somebody does; not enabled in quarantine */
	bool response_pasid; /* responses carry the PASID */
	bool attached; /* legacy mode: the RID is not blocked */

	/* Scalable mode: the PASID directory, 2^dir_order pages. */
	uint64_t *dir;
	unsigned int dir_order, pdts;
};

struct vtd_queue {
	struct uiommu_mutex lock;
	uint64_t *ring; /* one page of descriptors */
	unsigned int entry_size, entries, tail;
	uint32_t *status; /* where wait descriptors write */
	uint32_t ticket; /* the last value that was asked for */
};

/* A page request that was taken out of the queue and is being reported. */
struct vtd_page_reader {
	struct vtd_page_reader *next;
	uint16_t source_id;
	uiommu_pasid_t pasid;
	bool last; /* of its group: a handler may be called */
};

struct vtd_page_queue {
	struct uiommu_mutex lock;
	uint64_t (*ring)[4]; /* NULL: no page requests */
	unsigned int entries, head;
	uint64_t taken; /* descriptors, ever */
	struct vtd_page_reader *readers;
	bool recovering; /* from an overflow */
	int irq; /* negative: none */
};

struct uiommu_vtd {
	struct uiommu_instance instance;
	struct uiommu_vtd_config config;
	struct uiommu_system *sys;
	void *host;
	uintptr_t direct_map;
	uint64_t cap, ecap;
	bool scalable;
	bool queued;
	bool coherent; /* root, context and PASID tables are read by snooping (ECAP.C) */
	bool dead; /* it once did not answer: reported, not waited for again */

	struct uiommu_mutex lock;
	uint64_t *root;
	struct vtd_device *devices;
	uint32_t num_dids;
	uint64_t *dids; /* a bit for each that is in use */

	struct vtd_queue queue;
	struct vtd_page_queue pages;
	int irq; /* negative: none */
};

/* One (unit, domain ID, PASID) under which a domain is cached.  PASID: first stage only. */
struct vtd_tag {
	struct vtd_tag *next;
	struct uiommu_vtd *unit;
	uint16_t did;
	uiommu_pasid_t pasid;
	unsigned int links;
	bool alone; /* one device is being switched to it: not to be shared until that is over */
};

struct vtd_link {
	struct vtd_link *next;
	struct vtd_device *device;
	uiommu_pasid_t pasid;
	struct vtd_tag *tag;
	bool live; /* the entry is this domain's: after commit */
};

struct vtd_domain {
	struct uiommu_domain domain;
	void *host;
	struct uiommu_pt pt; /* of SVA and nested domains its configuration only: how it is walked */
	bool first; /* first-stage tables */
	/* First stage: what PASID entries say of it (quadword 2). */
	uint64_t first_stage;
	bool exited; /* SVA: there is nothing to walk any more */
	/* Nested: whose second stage it stands on; of a parent: the domains that stand on it. */
	struct vtd_domain *parent, *nested, *nested_next;
	bool dirty; /* dirty tracking is on */
	bool snoop; /* every access snoops */
	struct uiommu_mutex lock;
	struct vtd_tag *tags;
	struct vtd_link *links;
	/* Units that want to hear of new mappings (caching mode, write buffers). */
	_Atomic(unsigned int) eager_links;
};

static inline struct vtd_domain *to_vtd_domain(struct uiommu_domain *domain)
{
	return (struct vtd_domain *)(void *)((char *)domain - offsetof(struct vtd_domain, domain));
}

static inline struct uiommu_vtd *to_vtd(struct uiommu_instance *instance)
{
	return (struct uiommu_vtd *)(void *)((char *)instance -
					     offsetof(struct uiommu_vtd, instance));
}

/* Static domains may be copies that a wrapper made: they are known by their type. */
static inline struct vtd_domain *vtd_paging(struct uiommu_domain *domain)
{
	if (!domain || domain->type == UIOMMU_DOMAIN_BLOCKED ||
	    domain->type == UIOMMU_DOMAIN_IDENTITY)
		return NULL;
	return to_vtd_domain(domain);
}

/* Hardware sets accessed and dirty bits of the second stage only in walks that snoop (9.6, SSADE). */
static inline bool vtd_tracks_dirty(const struct uiommu_vtd *unit)
{
	return unit->scalable && (unit->ecap & VTD_ECAP_SSADS) && (unit->ecap & VTD_ECAP_SMPWCS);
}

/* Guests' first stages on top of the host's second. */
static inline bool uiommu_vtd_nests(const struct uiommu_vtd *unit)
{
	const uint64_t needs = VTD_ECAP_NEST | VTD_ECAP_FSTS | VTD_ECAP_SSTS;

	return unit->scalable && (unit->ecap & needs) == needs;
}

/* Quadword 2 of a PASID entry. Leaves may carry XD, which is reserved without NXE. */
static inline uint64_t uiommu_vtd_first_stage(uiommu_phys_t root, unsigned int levels)
{
	return root | VTD_PE2_NXE |
	       vtd_set(levels == 5 ? VTD_FSPM_5_LEVELS : VTD_FSPM_4_LEVELS, VTD_PE2_FSPM);
}

static inline uiommu_phys_t vtd_phys(const struct uiommu_vtd *unit, const void *ptr)
{
	return (uintptr_t)ptr - unit->direct_map;
}

static inline void *vtd_ptr(const struct uiommu_vtd *unit, uiommu_phys_t phys)
{
	return (void *)(uintptr_t)(phys + unit->direct_map);
}

static inline uint32_t vtd_read32(const struct uiommu_vtd *unit, uint32_t reg)
{
	return unit->config.mmio.read32(unit->config.mmio.context, reg);
}

static inline uint64_t vtd_read64(const struct uiommu_vtd *unit, uint32_t reg)
{
	return unit->config.mmio.read64(unit->config.mmio.context, reg);
}

static inline void vtd_write32(const struct uiommu_vtd *unit, uint32_t reg, uint32_t value)
{
	unit->config.mmio.write32(unit->config.mmio.context, reg, value);
}

static inline void vtd_write64(const struct uiommu_vtd *unit, uint32_t reg, uint64_t value)
{
	unit->config.mmio.write64(unit->config.mmio.context, reg, value);
}

/* ---- table.c: root, context and PASID entries -------------------------------------------------- */

/* All tables that the device's entries need, so that entries can be written without allocation. */
int uiommu_vtd_tables_alloc(struct vtd_device *device);
/* The table for @pasid; -UIOMMU_ENOMEM. */
int uiommu_vtd_pasid_table_alloc(struct vtd_device *device, uiommu_pasid_t pasid);
/* Scalable mode: connect or disconnect the device's PASID directory. */
void uiommu_vtd_context_connect(struct vtd_device *device);
void uiommu_vtd_context_disconnect(struct vtd_device *device);
void uiommu_vtd_tables_free(struct vtd_device *device);
void uiommu_vtd_root_free(struct uiommu_vtd *unit);

/* What an entry for (device, PASID) shall do. */
struct vtd_target {
	enum {
		VTD_BLOCK,
		VTD_PASS,
		VTD_WALK,
		VTD_SILENT, /* block, and record no faults */
	} kind;
	struct vtd_domain *domain; /* VTD_WALK */
	uint16_t did;
	bool alone; /* nobody else has @did with this PASID */
};
/* Can this CPU replace 16 bytes of an entry at once? */
bool uiommu_vtd_stores_pairs(void);
/* Switch, and invalidate what was cached of the old.  Cannot fail. */
void uiommu_vtd_entry_set(struct vtd_device *device, uiommu_pasid_t pasid,
			  const struct vtd_target *target);
/* What is enabled of the device (device TLB, page requests) has changed; the unit's lock is held. */
void uiommu_vtd_context_update(struct vtd_device *device);
/* Change the dirty or snoop bit of a present PASID entry in one store. */
void uiommu_vtd_entry_update(struct vtd_device *device, uiommu_pasid_t pasid,
			     const struct vtd_domain *domain, uint16_t did);

/* ---- queue.c, inval.c -------------------------------------------------------------------------- */

int uiommu_vtd_queue_init(struct uiommu_vtd *unit);
int uiommu_vtd_queue_enable(struct uiommu_vtd *unit);
void uiommu_vtd_queue_disable(struct uiommu_vtd *unit);
void uiommu_vtd_queue_destroy(struct uiommu_vtd *unit);
/*
 * @count descriptors of two quadwords and a wait for their completion.  0 or a negative error;
 * -UIOMMU_ETIMEDOUT if a device did not answer an invalidation: all others have been completed then.
 */
int uiommu_vtd_queue_submit(struct uiommu_vtd *unit, const uint64_t (*desc)[2], unsigned int count);
/* The same; each wait has these bits too (VTD_DESC_WAIT_x). */
int uiommu_vtd_queue_submit_wait(struct uiommu_vtd *unit, const uint64_t (*desc)[2],
				 unsigned int count, uint64_t wait_bits);

void uiommu_vtd_write_buffer_flush(struct uiommu_vtd *unit);
void uiommu_vtd_flush_context_global(struct uiommu_vtd *unit);
void uiommu_vtd_flush_context_device(struct uiommu_vtd *unit, uint16_t did, uint16_t source_id);
void uiommu_vtd_flush_pasid_cache(struct uiommu_vtd *unit, uint16_t did, uiommu_pasid_t pasid);
void uiommu_vtd_flush_pasid_cache_global(struct uiommu_vtd *unit);
void uiommu_vtd_flush_iotlb_global(struct uiommu_vtd *unit);
void uiommu_vtd_flush_iotlb_domain(struct uiommu_vtd *unit, uint16_t did);
/* Everything that is cached of one PASID's first-stage tables. */
void uiommu_vtd_flush_iotlb_pasid(struct uiommu_vtd *unit, uint16_t did, uiommu_pasid_t pasid);

struct vtd_range {
	uiommu_iova_t start, last;
	bool tables; /* tables were removed: no leaf-only hint */
};
/* The cheapest set of invalidations that covers the range. */
void uiommu_vtd_flush_tag(const struct vtd_tag *tag, bool first, const struct vtd_range *range);
/* Descriptors of the two kinds. */
void uiommu_vtd_piotlb_all(uint16_t did, uiommu_pasid_t pasid, uint64_t desc[2]);
void uiommu_vtd_device_tlb(const struct vtd_device *device, uiommu_pasid_t pasid,
			   const struct vtd_range *range, uint64_t desc[2]);
/*
 * Nothing for a device whose device TLB is not in use; one that does not answer goes into quarantine.
 * @locked: the unit's lock is held.
 */
void uiommu_vtd_flush_device_tlb(struct vtd_device *device, uiommu_pasid_t pasid,
				 const struct vtd_range *range, bool locked);

/*
 * Cuts [start, last] into naturally aligned blocks of at most 2^max_order pages, or into one block that is
 * at most twice as large as the range.  Returns how many, 0 if it takes more than @capacity.
 */
struct vtd_block {
	uiommu_iova_t start;
	unsigned int order;
};
unsigned int uiommu_vtd_blocks(uiommu_iova_t start, uiommu_iova_t last, unsigned int max_order,
			       struct vtd_block *blocks, unsigned int capacity);
/* The one block, as device TLB descriptors encode it (address and S), that covers the range. */
uint64_t uiommu_vtd_device_tlb_address(uiommu_iova_t start, uiommu_iova_t last);

/* ---- domain.c ---------------------------------------------------------------------------------- */

extern const struct uiommu_domain uiommu_vtd_identity_domain, uiommu_vtd_blocked_domain;
/* Does a domain that is allocated with these flags (enum uiommu_alloc_flags) use first-stage tables? */
bool uiommu_vtd_choose_first(const struct uiommu_vtd *unit, unsigned int flags);
int uiommu_vtd_domain_alloc(struct uiommu_device *dev, unsigned int flags,
			    struct uiommu_domain **out);
/* A domain without page tables of its own. NULL: no memory. */
struct vtd_domain *uiommu_vtd_domain_new(void *host);
void uiommu_vtd_domain_delete(struct vtd_domain *domain);
/* Can @unit walk it? */
bool uiommu_vtd_fits(const struct vtd_domain *domain, const struct uiommu_vtd *unit);
int uiommu_vtd_attach_prepare(struct uiommu_attach *attach);
void uiommu_vtd_attach_commit(struct uiommu_attach *attach);
void uiommu_vtd_attach_abort(struct uiommu_attach *attach);
/* Translations of the domain's own; its lock is held. */
void uiommu_vtd_flush_range(struct vtd_domain *domain, const struct vtd_range *range);

/* ---- sva.c, nested.c --------------------------------------------------------------------------- */

int uiommu_vtd_domain_alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
				const struct uiommu_mm_format_info *info,
				struct uiommu_domain **out);
int uiommu_vtd_domain_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
				   enum uiommu_nested_type type, const void *data, size_t size,
				   struct uiommu_domain **out);
/* The parent has changed, and its own caches are clean: everything that its nested domains made of it.
 * The parent's lock is held. */
void uiommu_vtd_flush_nested(struct vtd_domain *parent);

/* ---- features.c: what is enabled in a device -------------------------------------------------- */

void uiommu_vtd_enable_features(struct vtd_device *device);
void uiommu_vtd_disable_features(struct vtd_device *device);
/* The device does not answer. @locked: the unit's lock is held. */
void uiommu_vtd_quarantine(struct vtd_device *device, bool locked);
int uiommu_vtd_page_requests_enable(struct uiommu_device *dev);
void uiommu_vtd_page_requests_disable(struct uiommu_device *dev);
void uiommu_vtd_reset_done(struct uiommu_device *dev);

/* ---- pages.c: page requests ------------------------------------------------------------------- */

int uiommu_vtd_pages_init(struct uiommu_vtd *unit);
void uiommu_vtd_pages_exit(struct uiommu_vtd *unit);
/* Report what has come in. */
void uiommu_vtd_pages_poll(struct uiommu_vtd *unit);
void uiommu_vtd_page_requests_drain(struct uiommu_device *dev, uiommu_pasid_t pasid);
void uiommu_vtd_page_response(struct uiommu_instance *instance,
			      const struct uiommu_page_request *last,
			      enum uiommu_page_response_code code);

/* ---- device.c, fault.c ------------------------------------------------------------------------- */

extern const struct uiommu_ops uiommu_vtd_driver_ops;
unsigned int uiommu_vtd_poll(struct uiommu_instance *instance);
void uiommu_vtd_fault_interrupt(void *unit);
int uiommu_vtd_fault_init(struct uiommu_vtd *unit);
void uiommu_vtd_fault_exit(struct uiommu_vtd *unit);

#endif /* SRC_DRIVERS_VTD_UNIT_H */
