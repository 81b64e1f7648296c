/* SPDX-License-Identifier: MIT */
/*
 * virtio_iommu_internal.h - the state of the virtio IOMMU model, shared by its files
 *
 *   virtio_iommu.c         life, configuration, presets, mishaps
 *   virtio_iommu_request.c requests and their statuses
 *   virtio_iommu_domain.c  endpoints, domains, mappings, and what is on its way out of use
 *   virtio_iommu_dma.c     the way of a request of an endpoint, fault reports
 *
 * Everything here is called with the device's lock held.
 */
#ifndef MODEL_VIRTIO_IOMMU_INTERNAL_H
#define MODEL_VIRTIO_IOMMU_INTERNAL_H

#include <uiommu/port.h>

#include "models/memory.h"
#include "models/virtio_iommu.h"
#include "spec/virtio-iommu.h"
#include "spec/virtio.h"

struct viommu_mapping {
	uint64_t start, last, phys;
	uint32_t flags;
};

/* A domain; exists for requests while endpoints are attached, and is kept while it can be in use. */
struct viommu_domain {
	struct viommu_domain *next;
	uint32_t id;
	bool bypass;
	unsigned int endpoints;
	unsigned int leaving; /* struct viommu_leaving that name it */
	struct viommu_mapping *mappings; /* by address */
	uint32_t count, room;
};

struct viommu_endpoint {
	struct viommu_endpoint *next;
	uint32_t id;
	bool probed;
	struct viommu_domain *domain; /* NULL: not attached */
};

/* What a request took away that was not returned yet, oldest first. */
struct viommu_leaving {
	struct viommu_leaving *next;
	uint64_t request; /* cookie of its buffer */
	struct viommu_domain *domain;
	bool all; /* of @endpoint: everything in @domain; else for all its endpoints these mappings: */
	uint32_t endpoint;
	uint32_t count;
	struct viommu_mapping *mappings; /* by address */
};

struct model_viommu {
	struct model_viommu_config config;
	struct model_virtio *v;
	void *host;
	model_report_fn report;
	model_viommu_behind_fn behind;
	void *context;
	struct model_iommu iommu;

	struct viommu_domain *domains;
	struct viommu_endpoint *endpoints;
	struct viommu_leaving *leaving;
	uint64_t features; /* offered */
	uint64_t granule;
	uint64_t requests; /* cookies */
	uint32_t num_domains, num_mappings;
	bool bypass; /* the field of the configuration */
	bool clean;
	struct {
		bool armed;
		uint8_t type, status;
		unsigned int skip;
		enum model_viommu_mishap what;
	} mishap;
	struct model_viommu_stats stats;
};

/* ---- virtio_iommu_domain.c --------------------------------------------------------------------- */

/* NULL: no memory, or (without @make) there is no state of it yet. */
struct viommu_endpoint *viommu_endpoint(struct model_viommu *vi, uint32_t id, bool make);
/* NULL: it does not exist. */
struct viommu_domain *viommu_domain(struct model_viommu *vi, uint32_t id);
/* A new one without endpoints: to be attached to, or to be put. NULL: no memory. */
struct viommu_domain *viommu_domain_new(struct model_viommu *vi, uint32_t id, bool bypass);
void viommu_domain_put(struct model_viommu *vi, struct viommu_domain *domain);
/* @request: until it is returned the endpoint keeps the access to its former domain. -1: no memory. */
int viommu_attach(struct model_viommu *vi, struct viommu_endpoint *endpoint,
		  struct viommu_domain *domain, uint64_t request);
/* Of the mappings, which are sorted, that overlap the range: the index of the first, and how many. */
uint32_t viommu_find(const struct viommu_mapping *mappings, uint32_t size, uint64_t start,
		     uint64_t last, uint32_t *count);
int viommu_map(struct model_viommu *vi, struct viommu_domain *domain,
	       const struct viommu_mapping *mapping);
int viommu_unmap(struct model_viommu *vi, struct viommu_domain *domain, uint32_t first,
		 uint32_t count, uint64_t request);
/* @request was returned: what it took away is gone. */
void viommu_gone(struct model_viommu *vi, uint64_t request);
/* As after a reset: nothing is attached, and no domain exists. */
void viommu_forget(struct model_viommu *vi);
void viommu_free(struct model_viommu *vi);

/* The region of this endpoint that overlaps the range; NULL: none. */
const struct model_viommu_region *viommu_region(const struct model_viommu *vi, uint32_t endpoint,
						uint64_t start, uint64_t last);

/* ---- virtio_iommu_request.c -------------------------------------------------------------------- */

void viommu_execute(void *device, unsigned int queue, struct model_virtio_chain *chain);
void viommu_returned(void *device, unsigned int queue, struct model_virtio_chain *chain);

/* ---- virtio_iommu_dma.c ------------------------------------------------------------------------ */

enum model_status viommu_translate(void *context, const struct model_request *request,
				   struct model_translation *out);

#endif /* MODEL_VIRTIO_IOMMU_INTERNAL_H */
