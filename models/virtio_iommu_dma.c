/* SPDX-License-Identifier: MIT */
/*
 * virtio_iommu_dma.c - the way of an endpoint's request through the virtio IOMMU, and fault reports
 *
 * What is on its way out is looked at first: an access that it permits is made with it, as a device does
 * that keeps translations.  It is a violation only if software said that it waits for nothing any more.
 */
#include "models/report.h"
#include "models/virtio_iommu_internal.h"

#define PAGE UINT64_C(4096)

/* An access as it is looked up. */
struct access {
	uint32_t endpoint;
	uint64_t start, last;
	unsigned int rights; /* MODEL_READ, MODEL_WRITE */
};

static unsigned int rights_of(const struct model_viommu *vi, uint32_t flags)
{
	unsigned int rights = 0;

	if (flags & VIRTIO_IOMMU_MAP_F_READ)
		rights |= MODEL_READ;
	if (flags & VIRTIO_IOMMU_MAP_F_WRITE)
		rights |= MODEL_WRITE | (vi->config.write_implies_read ? MODEL_READ : 0);
	return rights;
}

/* Fills in @out if one mapping has all of the access, with the rights for it. */
static bool in_mappings(const struct model_viommu *vi, const struct viommu_mapping *mappings,
			uint32_t size, const struct access *access, struct model_translation *out)
{
	const struct viommu_mapping *m;
	uint32_t count, first = viommu_find(mappings, size, access->start, access->last, &count);

	/* None, or the access would be cut: a device need not put it together. */
	if (count != 1)
		return false;
	m = &mappings[first];
	if (m->start > access->start || m->last < access->last ||
	    access->rights & ~rights_of(vi, m->flags))
		return false;
	*out = (struct model_translation){
		.phys = m->phys + (access->start - m->start),
		.size = vi->granule < PAGE ? vi->granule : PAGE,
		.access = rights_of(vi, m->flags),
		.snoop = true,
	};
	return true;
}

static bool identity(const struct access *access, struct model_translation *out)
{
	*out = (struct model_translation){
		.phys = access->start,
		.size = PAGE,
		.access = MODEL_READ | MODEL_WRITE,
		.snoop = true,
	};
	return true;
}

static bool in_domain(const struct model_viommu *vi, const struct viommu_domain *domain,
		      const struct access *access, struct model_translation *out)
{
	if (domain->bypass)
		return identity(access, out);
	return in_mappings(vi, domain->mappings, domain->count, access, out);
}

/* 5.13.6: endpoints without a domain. */
static bool bypasses(const struct model_viommu *vi)
{
	if (vi->config.f_bypass_config)
		return vi->bypass;
	return model_virtio_has(vi->v, VIRTIO_IOMMU_F_BYPASS);
}

static bool now(const struct model_viommu *vi, const struct viommu_domain *domain,
		const struct access *access, struct model_translation *out)
{
	if (domain)
		return in_domain(vi, domain, access, out);
	return bypasses(vi) && identity(access, out);
}

/* What was taken away and not returned yet. */
static bool leaving(const struct model_viommu *vi, const struct viommu_domain *domain,
		    const struct access *access, struct model_translation *out)
{
	for (const struct viommu_leaving *l = vi->leaving; l; l = l->next) {
		if (l->all && l->endpoint == access->endpoint &&
		    in_domain(vi, l->domain, access, out))
			return true;
		if (!l->all && l->domain == domain &&
		    in_mappings(vi, l->mappings, l->count, access, out))
			return true;
	}
	return false;
}

static void report_stale(struct model_viommu *vi, const struct viommu_domain *domain,
			 const struct access *access, const struct model_translation *used)
{
	struct model_report report = {
		.kind = MODEL_REPORT_STALE,
		.model = "virtio-iommu",
		.section = "5.13.6",
		.source_id = access->endpoint,
		.iova = access->start,
		.phys_used = used->phys,
		.phys_now = UINT64_MAX,
	};
	struct model_translation there;

	if (now(vi, domain, access, &there))
		report.phys_now = there.phys;
	if (!vi->report || report.phys_now == report.phys_used)
		return;
	model_report_append(&report, "endpoint ");
	model_report_append_hex(&report, access->endpoint);
	model_report_append(&report, " at IOVA ");
	model_report_append_hex(&report, access->start);
	model_report_append(&report, " reached ");
	model_report_append_hex(&report, used->phys);
	model_report_append(&report,
			    " through what an UNMAP, DETACH or ATTACH takes away that was not "
			    "returned yet: the driver did not wait for it");
	vi->report(vi->context, &report);
}

/* ---- fault reports (5.13.6.9) ------------------------------------------------------------------ */

static void put32(uint8_t *at, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void fault(struct model_viommu *vi, const struct access *access, uint8_t reason)
{
	struct model_virtio_chain *buffer;
	uint8_t bytes[VIRTIO_IOMMU_FAULT_SIZE] = { reason };
	uint32_t flags = (access->rights & MODEL_READ ? VIRTIO_IOMMU_FAULT_F_READ : 0) |
			 (access->rights & MODEL_WRITE ? VIRTIO_IOMMU_FAULT_F_WRITE : 0);

	vi->stats.faults++;
	if (!vi->config.no_fault_address) {
		flags |= VIRTIO_IOMMU_FAULT_F_ADDRESS;
		put32(bytes + VIRTIO_IOMMU_FAULT_ADDRESS, (uint32_t)access->start);
		put32(bytes + VIRTIO_IOMMU_FAULT_ADDRESS + 4, (uint32_t)(access->start >> 32));
	}
	put32(bytes + VIRTIO_IOMMU_FAULT_FLAGS, flags);
	put32(bytes + VIRTIO_IOMMU_FAULT_ENDPOINT, access->endpoint);
	buffer = model_virtio_take(vi->v, VIRTIO_IOMMU_EVENTQ);
	if (!buffer) {
		vi->stats.dropped++;
		return;
	}
	if (model_virtio_readable(buffer))
		model_virtio_complain(vi->v, MODEL_REPORT_ILLEGAL, "5.13.6.9",
				      "a buffer of the event queue that is not device-writable",
				      model_virtio_readable(buffer));
	if (model_virtio_writable(buffer) < sizeof(bytes)) {
		model_virtio_complain(vi->v, MODEL_REPORT_ILLEGAL, "5.13.6.9",
				      "a buffer that is too small for a fault report",
				      model_virtio_writable(buffer));
		vi->stats.dropped++;
	} else if (model_virtio_write(vi->v, buffer, 0, bytes, sizeof(bytes))) {
		model_virtio_set_used(buffer, sizeof(bytes));
	}
	model_virtio_give_back(vi->v, VIRTIO_IOMMU_EVENTQ, buffer);
}

/* ---- requests ---------------------------------------------------------------------------------- */

static enum model_status route(struct model_viommu *vi, const struct model_request *request,
			       struct model_translation *out)
{
	struct access access = {
		.endpoint = (uint32_t)request->segment << 16 | request->source_id,
		.start = request->iova,
		.last = request->iova + request->size - 1,
		.rights = request->access & (MODEL_READ | MODEL_WRITE),
	};
	const struct viommu_endpoint *endpoint = viommu_endpoint(vi, access.endpoint, false);
	const struct viommu_domain *domain = endpoint ? endpoint->domain : NULL;
	const struct model_viommu_region *region =
		viommu_region(vi, access.endpoint, access.start, access.last);

	/* There are neither PASIDs nor address translation services. */
	if (request->type != MODEL_UNTRANSLATED)
		return MODEL_FAULT;
	if (request->has_pasid) {
		fault(vi, &access, VIRTIO_IOMMU_FAULT_R_UNKNOWN);
		return MODEL_FAULT;
	}
	if (region && region->subtype == VIRTIO_IOMMU_RESV_MEM_T_MSI)
		return MODEL_INTERRUPT;
	if (leaving(vi, domain, &access, out)) {
		if (vi->clean)
			report_stale(vi, domain, &access, out);
		return MODEL_OK;
	}
	if (now(vi, domain, &access, out)) {
		/* As on a bus without an IOMMU: interrupt messages do not reach memory. */
		return !domain || domain->bypass ? model_pci_untranslated(request, out) : MODEL_OK;
	}
	fault(vi, &access, domain ? VIRTIO_IOMMU_FAULT_R_MAPPING : VIRTIO_IOMMU_FAULT_R_DOMAIN);
	return MODEL_FAULT;
}

enum model_status viommu_translate(void *context, const struct model_request *request,
				   struct model_translation *out)
{
	struct model_viommu *vi = context;
	enum model_status status;

	model_virtio_lock(vi->v);
	status = route(vi, request, out);
	model_virtio_unlock(vi->v);
	return status;
}
