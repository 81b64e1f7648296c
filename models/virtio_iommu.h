/* SPDX-License-Identifier: MIT */
/*
 * virtio_iommu.h - a model of the virtio IOMMU device, as adverse as its specification permits
 *
 * Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2"; queues, features and transports
 * are those of models/virtio.h.  A translation that a request takes away (UNMAP, DETACH, ATTACH of an
 * endpoint that is attached elsewhere) stays in use until that request is returned in the used ring, and is
 * gone then: who frees memory earlier sees a wild DMA reported, and who claims to be done earlier
 * (model_viommu_expect_clean()) a stale one.
 *
 * Thread-safety: as models/virtio.h.  On PCI, or where @behind looks at PCI, each call but create and
 * destroy is made with the bus held.
 */
#ifndef MODEL_VIRTIO_IOMMU_H
#define MODEL_VIRTIO_IOMMU_H

#include "models/virtio.h"

#define MODEL_VIOMMU_MAX_REGIONS 4u
#define MODEL_VIOMMU_ALL_ENDPOINTS UINT32_MAX

struct model_viommu;

/* What PROBE tells of endpoints: a property RESV_MEM (5.13.6.8). */
struct model_viommu_region {
	uint64_t start, last; /* inclusive */
	uint8_t subtype; /* VIRTIO_IOMMU_RESV_MEM_T_x, or one that nobody knows */
	uint32_t endpoint; /* or MODEL_VIOMMU_ALL_ENDPOINTS */
};

struct model_viommu_config {
	/* What the device has. Features are named after VIRTIO_IOMMU_F_x (5.13.3) and VIRTIO_F_x (6). */
	bool f_input_range, f_domain_range, f_map_unmap, f_bypass, f_probe, f_mmio, f_bypass_config;
	bool f_indirect_desc, f_event_idx, f_in_order;
	uint64_t page_size_mask; /* not 0 */
	uint64_t input_start, input_last;
	uint32_t domain_start, domain_last;
	uint32_t probe_size;
	bool bypass; /* initial value of the field in the configuration */
	uint16_t request_queue, event_queue; /* largest size */
	struct model_viommu_region regions[MODEL_VIOMMU_MAX_REGIONS];
	uint32_t num_regions;

	/* Limits that the device may have (5.13.6.3.2, 5.13.6.5). */
	bool one_endpoint; /* a domain takes one endpoint, others get S_UNSUPP */
	bool no_move; /* an attached endpoint has to be detached first, else S_UNSUPP */
	uint32_t max_domains, max_mappings; /* then S_NOMEM; 0: no limit */
	bool write_implies_read;

	/* How it behaves where the specification leaves it free. */
	bool unknown_properties; /* PROBE begins with properties that a driver has to pass over */
	bool no_fault_address; /* fault reports come without it */
	uint64_t seed;
	bool lazy, suppress; /* see struct model_virtio_behaviour */
	uint8_t order; /* enum model_virtio_order */
};

/*
 * "standard": all features but F_BYPASS, boots in bypass; "strict": boots blocked, small ranges and queues,
 * strange properties; "minimal": MAP and UNMAP alone; "f-bypass"; "lazy": late, returned out of order;
 * "any-order": executed so, too; "in-order": late, with VIRTIO_F_IN_ORDER; "no-move": no endpoint goes from
 * one domain to another at once; "granule-16k"; "granule-64k".  False: no such preset, @config is untouched.
 */
bool model_viommu_preset(const char *name, struct model_viommu_config *config);
/* The names above, ending with NULL. */
const char *const *model_viommu_presets(void);

/* Whether an endpoint of this ID exists behind the device. */
typedef bool (*model_viommu_behind_fn)(void *context, uint32_t endpoint);

/*
 * @config is copied; @memory is used until destroy.  @report and @msi may be NULL; all callbacks are given
 * @context.  0, or -1: no memory, or a configuration that no device can have.
 */
int model_viommu_create(const struct model_viommu_config *config, struct model_memory *memory,
			model_report_fn report, model_msi_fn msi, model_viommu_behind_fn behind,
			void *context, struct model_viommu **out);
void model_viommu_destroy(struct model_viommu *vi);

/* For the transports: MMIO accesses, model_virtio_pci_create(), the interrupt line. */
struct model_virtio *model_viommu_virtio(struct model_viommu *vi);

/* The device as endpoints see it, by requests with their ID in segment:source_id; valid until destroy. */
const struct model_iommu *model_viommu_iommu(struct model_viommu *vi);

/* Lets pending work go one step on. Returns whether anything is still pending. */
bool model_viommu_step(struct model_viommu *vi);

/*
 * Software claims that nothing which it took away may be used any more (true), or it is in the middle of a
 * change (false, the initial state).  While claimed, each use of what a request that was not returned takes
 * away is reported.
 */
void model_viommu_expect_clean(struct model_viommu *vi, bool clean);

/* ---- mishaps: what a driver has to live with --------------------------------------------------- */

enum model_viommu_mishap {
	MODEL_VIOMMU_STATUS, /* it fails with a status, and nothing is done */
	MODEL_VIOMMU_UNWRITTEN, /* it comes back with used length 0, and nothing is done */
	MODEL_VIOMMU_SHORT, /* nothing is done; status S_OK lies in memory, but the used length ends before it */
	MODEL_VIOMMU_LOST, /* it is done, with its status, and used length 0 */
	MODEL_VIOMMU_NEVER, /* it does not come back before a reset */
};

/*
 * The next request of @type (VIRTIO_IOMMU_T_x, 0: any) after @skip others meets @mishap, with @status if it is
 * MODEL_VIOMMU_STATUS.  One at a time: a new call forgets the former.
 */
void model_viommu_mishap(struct model_viommu *vi, uint8_t type, unsigned int skip,
			 enum model_viommu_mishap mishap, uint8_t status);
/* The device stops working by itself, as after an internal error (2.1.2). */
void model_viommu_break(struct model_viommu *vi);

/* ---- what tests ask ---------------------------------------------------------------------------- */

struct model_viommu_stats {
	uint64_t requests[6]; /* executed, by type; 0: unknown ones */
	uint64_t notifications; /* of the request queue */
	uint64_t faults, dropped; /* accesses refused; reports for which there was no buffer */
	uint32_t domains, mappings; /* now */
};
void model_viommu_stats(struct model_viommu *vi, struct model_viommu_stats *out);
/* What the driver attached an endpoint to; false: to nothing. */
bool model_viommu_domain_of(struct model_viommu *vi, uint32_t endpoint, uint32_t *domain);

#endif /* MODEL_VIRTIO_IOMMU_H */
