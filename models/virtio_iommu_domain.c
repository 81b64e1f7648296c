/* SPDX-License-Identifier: MIT */
/*
 * virtio_iommu_domain.c - endpoints, domains, mappings, and what is on its way out of use
 *
 * A domain exists from the first ATTACH to the last DETACH (5.13.6.4).  What requests take away is kept in a
 * list until they are returned: a mapping of a domain, or all of a domain for one endpoint.  A domain that
 * ceased to exist lives on as long as that list names it; requests do not find it any more.
 */
#include <string.h>

#include "models/virtio_iommu_internal.h"

struct viommu_endpoint *viommu_endpoint(struct model_viommu *vi, uint32_t id, bool make)
{
	struct viommu_endpoint *endpoint = vi->endpoints;

	while (endpoint && endpoint->id != id)
		endpoint = endpoint->next;
	if (endpoint || !make)
		return endpoint;
	endpoint = uiommu_port_alloc(vi->host, sizeof(*endpoint));
	if (!endpoint)
		return NULL;
	endpoint->id = id;
	endpoint->next = vi->endpoints;
	vi->endpoints = endpoint;
	return endpoint;
}

/* ---- domains ----------------------------------------------------------------------------------- */

struct viommu_domain *viommu_domain(struct model_viommu *vi, uint32_t id)
{
	struct viommu_domain *domain = vi->domains;

	while (domain && (domain->id != id || !domain->endpoints))
		domain = domain->next;
	return domain;
}

struct viommu_domain *viommu_domain_new(struct model_viommu *vi, uint32_t id, bool bypass)
{
	struct viommu_domain *domain = uiommu_port_alloc(vi->host, sizeof(*domain));

	if (!domain)
		return NULL;
	domain->id = id;
	domain->bypass = bypass;
	domain->next = vi->domains;
	vi->domains = domain;
	return domain;
}

void viommu_domain_put(struct model_viommu *vi, struct viommu_domain *domain)
{
	struct viommu_domain **link = &vi->domains;

	if (domain->endpoints || domain->leaving)
		return;
	while (*link != domain)
		link = &(*link)->next;
	*link = domain->next;
	uiommu_port_free(vi->host, domain->mappings, domain->room * sizeof(*domain->mappings));
	uiommu_port_free(vi->host, domain, sizeof(*domain));
}

/* ---- what leaves ------------------------------------------------------------------------------- */

static struct viommu_leaving *leave(struct model_viommu *vi, struct viommu_domain *domain,
				    uint64_t request)
{
	struct viommu_leaving *leaving = uiommu_port_alloc(vi->host, sizeof(*leaving)),
			      **end = &vi->leaving;

	if (!leaving)
		return NULL;
	leaving->request = request;
	leaving->domain = domain;
	domain->leaving++;
	while (*end)
		end = &(*end)->next;
	*end = leaving;
	return leaving;
}

static void drop(struct model_viommu *vi, struct viommu_leaving **link)
{
	struct viommu_leaving *leaving = *link;

	*link = leaving->next;
	leaving->domain->leaving--;
	viommu_domain_put(vi, leaving->domain);
	uiommu_port_free(vi->host, leaving->mappings, leaving->count * sizeof(*leaving->mappings));
	uiommu_port_free(vi->host, leaving, sizeof(*leaving));
}

void viommu_gone(struct model_viommu *vi, uint64_t request)
{
	for (struct viommu_leaving **link = &vi->leaving; *link;) {
		if ((*link)->request == request)
			drop(vi, link);
		else
			link = &(*link)->next;
	}
}

int viommu_attach(struct model_viommu *vi, struct viommu_endpoint *endpoint,
		  struct viommu_domain *domain, uint64_t request)
{
	struct viommu_domain *old = endpoint->domain;
	struct viommu_leaving *leaving;

	if (old) {
		leaving = leave(vi, old, request);
		if (!leaving)
			return -1;
		leaving->all = true;
		leaving->endpoint = endpoint->id;
		if (!--old->endpoints) {
			vi->num_domains--;
			vi->num_mappings -= old->count;
		}
	}
	endpoint->domain = domain;
	if (domain && !domain->endpoints++)
		vi->num_domains++;
	return 0;
}

/* ---- mappings ---------------------------------------------------------------------------------- */

uint32_t viommu_find(const struct viommu_mapping *mappings, uint32_t size, uint64_t start,
		     uint64_t last, uint32_t *count)
{
	uint32_t low = 0, high = size, first;

	/* The first that does not end before the range. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mappings[middle].last < start)
			low = middle + 1;
		else
			high = middle;
	}
	first = low;
	while (low < size && mappings[low].start <= last)
		low++;
	*count = low - first;
	return first;
}

int viommu_map(struct model_viommu *vi, struct viommu_domain *domain,
	       const struct viommu_mapping *mapping)
{
	uint32_t ignored, at;

	if (domain->count == domain->room) {
		uint32_t room = domain->room ? 2 * domain->room : 16;
		void *bigger = uiommu_port_alloc(vi->host, room * sizeof(*mapping));

		if (!bigger)
			return -1;
		if (domain->count)
			memcpy(bigger, domain->mappings, domain->count * sizeof(*mapping));
		uiommu_port_free(vi->host, domain->mappings, domain->room * sizeof(*mapping));
		domain->mappings = bigger;
		domain->room = room;
	}
	at = viommu_find(domain->mappings, domain->count, mapping->start, mapping->last, &ignored);
	memmove(&domain->mappings[at + 1], &domain->mappings[at],
		(domain->count - at) * sizeof(*mapping));
	domain->mappings[at] = *mapping;
	domain->count++;
	vi->num_mappings++;
	return 0;
}

int viommu_unmap(struct model_viommu *vi, struct viommu_domain *domain, uint32_t first,
		 uint32_t count, uint64_t request)
{
	size_t size = count * sizeof(*domain->mappings);
	struct viommu_mapping *copy;
	struct viommu_leaving *leaving;

	if (!count)
		return 0;
	copy = uiommu_port_alloc(vi->host, size);
	leaving = copy ? leave(vi, domain, request) : NULL;
	if (!leaving) {
		uiommu_port_free(vi->host, copy, size);
		return -1;
	}
	memcpy(copy, &domain->mappings[first], size);
	leaving->mappings = copy;
	leaving->count = count;
	memmove(&domain->mappings[first], &domain->mappings[first + count],
		(domain->count - first - count) * sizeof(*domain->mappings));
	domain->count -= count;
	vi->num_mappings -= count;
	return 0;
}

/* ---- all of it --------------------------------------------------------------------------------- */

void viommu_forget(struct model_viommu *vi)
{
	while (vi->leaving)
		drop(vi, &vi->leaving);
	for (struct viommu_endpoint *e = vi->endpoints; e; e = e->next) {
		e->domain = NULL;
		e->probed = false;
	}
	while (vi->domains) {
		vi->domains->endpoints = 0;
		viommu_domain_put(vi, vi->domains);
	}
	vi->num_domains = vi->num_mappings = 0;
}

void viommu_free(struct model_viommu *vi)
{
	viommu_forget(vi);
	while (vi->endpoints) {
		struct viommu_endpoint *endpoint = vi->endpoints;

		vi->endpoints = endpoint->next;
		uiommu_port_free(vi->host, endpoint, sizeof(*endpoint));
	}
}

const struct model_viommu_region *viommu_region(const struct model_viommu *vi, uint32_t endpoint,
						uint64_t start, uint64_t last)
{
	for (uint32_t i = 0; i < vi->config.num_regions; i++) {
		const struct model_viommu_region *r = &vi->config.regions[i];

		if ((r->endpoint == endpoint || r->endpoint == MODEL_VIOMMU_ALL_ENDPOINTS) &&
		    r->start <= last && r->last >= start)
			return r;
	}
	return NULL;
}
