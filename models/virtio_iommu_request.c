/* SPDX-License-Identifier: MIT */
/*
 * virtio_iommu_request.c - requests of the virtio IOMMU device, and their statuses (5.13.6)
 *
 * Statuses are those that the specification names; where it names none, the meaning of the code in 5.13.6
 * decides: S_RANGE for a domain or an address outside of what the configuration says, S_FAULT for physical
 * addresses that wrap around.  A request which is refused changes nothing.
 */
#include <string.h>

#include "models/report.h"
#include "models/virtio_iommu_internal.h"

#define LARGEST VIRTIO_IOMMU_PROBE_SIZE /* of the readable parts */

struct request {
	uint64_t cookie;
	uint8_t bytes[LARGEST];
	struct model_virtio_chain *chain;
};

static uint32_t get32(const struct request *r, unsigned int at)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++)
		value |= (uint32_t)r->bytes[at + i] << 8 * i;
	return value;
}

static uint64_t get64(const struct request *r, unsigned int at)
{
	return get32(r, at) | (uint64_t)get32(r, at + 4) << 32;
}

static bool zero(const struct request *r, unsigned int at, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		if (r->bytes[at + i])
			return false;
	return true;
}

static void illegal(struct model_viommu *vi, const char *section, const char *text, uint64_t value)
{
	model_virtio_complain(vi->v, MODEL_REPORT_ILLEGAL, section, text, value);
}

static void reserved(struct model_viommu *vi, const char *section, const char *text, uint64_t value)
{
	model_virtio_complain(vi->v, MODEL_REPORT_RESERVED, section, text, value);
}

/* ---- what several requests check --------------------------------------------------------------- */

static bool domain_in_range(struct model_viommu *vi, uint32_t domain)
{
	if (!vi->config.f_domain_range ||
	    (domain >= vi->config.domain_start && domain <= vi->config.domain_last))
		return true;
	if (model_virtio_has(vi->v, VIRTIO_IOMMU_F_DOMAIN_RANGE))
		illegal(vi, "5.13.6.1", "a domain outside of domain_range", domain);
	return false;
}

static bool input_in_range(struct model_viommu *vi, uint64_t start, uint64_t last)
{
	if (!vi->config.f_input_range ||
	    (start >= vi->config.input_start && last <= vi->config.input_last))
		return true;
	if (model_virtio_has(vi->v, VIRTIO_IOMMU_F_INPUT_RANGE))
		illegal(vi, "5.13.6.1", "virtual addresses outside of input_range",
			start < vi->config.input_start ? start : last);
	return false;
}

static bool exists(struct model_viommu *vi, uint32_t endpoint)
{
	return !vi->behind || vi->behind(vi->context, endpoint);
}

/* ---- ATTACH (5.13.6.3), DETACH (5.13.6.4) ------------------------------------------------------ */

/* May this endpoint share the domain with what is there? */
static bool compatible(const struct model_viommu *vi, const struct viommu_domain *domain,
		       uint32_t endpoint)
{
	for (uint32_t i = 0; i < domain->count; i++)
		if (viommu_region(vi, endpoint, domain->mappings[i].start,
				  domain->mappings[i].last))
			return false;
	return true;
}

static uint8_t attach(struct model_viommu *vi, const struct request *r)
{
	uint32_t id = get32(r, VIRTIO_IOMMU_ATTACH_DOMAIN);
	uint32_t flags = get32(r, VIRTIO_IOMMU_ATTACH_FLAGS), known = 0;
	bool bypass = flags & VIRTIO_IOMMU_ATTACH_F_BYPASS, made = false;
	struct viommu_endpoint *endpoint;
	struct viommu_domain *domain;

	if (model_virtio_has(vi->v, VIRTIO_IOMMU_F_BYPASS_CONFIG))
		known |= VIRTIO_IOMMU_ATTACH_F_BYPASS;
	if (!zero(r, VIRTIO_IOMMU_ATTACH_RESERVED, 4)) {
		reserved(vi, "5.13.6.3.1", "the reserved field of ATTACH is not zero",
			 get32(r, VIRTIO_IOMMU_ATTACH_RESERVED));
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (flags & ~known) {
		reserved(vi, "5.13.6.3.2", "flags of ATTACH that are unknown or not negotiated",
			 flags);
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (!domain_in_range(vi, id))
		return VIRTIO_IOMMU_S_RANGE;
	if (!exists(vi, get32(r, VIRTIO_IOMMU_ATTACH_ENDPOINT)))
		return VIRTIO_IOMMU_S_NOENT;
	endpoint = viommu_endpoint(vi, get32(r, VIRTIO_IOMMU_ATTACH_ENDPOINT), true);
	if (!endpoint)
		return VIRTIO_IOMMU_S_NOMEM;
	if (model_virtio_has(vi->v, VIRTIO_IOMMU_F_PROBE) && !endpoint->probed)
		illegal(vi, "5.13.5.1", "an endpoint is attached that was not probed before",
			endpoint->id);
	domain = viommu_domain(vi, id);
	if (domain && domain->bypass != bypass) {
		illegal(vi, "5.13.6.3.1",
			"a domain is a bypass domain, or is not, for all its endpoints", id);
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (domain && endpoint->domain == domain)
		return VIRTIO_IOMMU_S_OK;
	if (domain && (vi->config.one_endpoint || !compatible(vi, domain, endpoint->id)))
		return VIRTIO_IOMMU_S_UNSUPP;
	if (endpoint->domain && vi->config.no_move)
		return VIRTIO_IOMMU_S_UNSUPP;
	if (!domain) {
		if (vi->config.max_domains && vi->num_domains >= vi->config.max_domains)
			return VIRTIO_IOMMU_S_NOMEM;
		domain = viommu_domain_new(vi, id, bypass);
		made = true;
	}
	if (!domain || viommu_attach(vi, endpoint, domain, r->cookie)) {
		if (made && domain)
			viommu_domain_put(vi, domain);
		return VIRTIO_IOMMU_S_NOMEM;
	}
	return VIRTIO_IOMMU_S_OK;
}

static uint8_t detach(struct model_viommu *vi, const struct request *r)
{
	struct viommu_endpoint *endpoint;
	struct viommu_domain *domain;

	if (!zero(r, VIRTIO_IOMMU_DETACH_RESERVED, 8))
		reserved(vi, "5.13.6.4.1", "the reserved field of DETACH is not zero",
			 get64(r, VIRTIO_IOMMU_DETACH_RESERVED));
	if (!domain_in_range(vi, get32(r, VIRTIO_IOMMU_DETACH_DOMAIN)))
		return VIRTIO_IOMMU_S_RANGE;
	if (!exists(vi, get32(r, VIRTIO_IOMMU_DETACH_ENDPOINT)))
		return VIRTIO_IOMMU_S_NOENT;
	endpoint = viommu_endpoint(vi, get32(r, VIRTIO_IOMMU_DETACH_ENDPOINT), false);
	domain = viommu_domain(vi, get32(r, VIRTIO_IOMMU_DETACH_DOMAIN));
	if (!endpoint || !domain || endpoint->domain != domain)
		return VIRTIO_IOMMU_S_INVAL;
	return viommu_attach(vi, endpoint, NULL, r->cookie) ? VIRTIO_IOMMU_S_NOMEM :
							      VIRTIO_IOMMU_S_OK;
}

/* ---- MAP (5.13.6.5), UNMAP (5.13.6.6) ---------------------------------------------------------- */

/* Whether a mapping of this domain would lie over a region of one of its endpoints. */
static bool over_region(const struct model_viommu *vi, const struct viommu_domain *domain,
			uint64_t start, uint64_t last)
{
	for (const struct viommu_endpoint *e = vi->endpoints; e; e = e->next)
		if (e->domain == domain && viommu_region(vi, e->id, start, last))
			return true;
	return false;
}

static uint8_t map(struct model_viommu *vi, const struct request *r)
{
	struct viommu_mapping mapping = {
		.start = get64(r, VIRTIO_IOMMU_MAP_VIRT_START),
		.last = get64(r, VIRTIO_IOMMU_MAP_VIRT_END),
		.phys = get64(r, VIRTIO_IOMMU_MAP_PHYS_START),
		.flags = get32(r, VIRTIO_IOMMU_MAP_FLAGS),
	};
	uint32_t known = VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE;
	uint32_t id = get32(r, VIRTIO_IOMMU_MAP_DOMAIN), count;
	struct viommu_domain *domain;

	if (model_virtio_has(vi->v, VIRTIO_IOMMU_F_MMIO))
		known |= VIRTIO_IOMMU_MAP_F_MMIO;
	if (mapping.flags & ~known) {
		reserved(vi, "5.13.6.5.1", "flags of MAP that are unknown or not negotiated",
			 mapping.flags);
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (mapping.last <= mapping.start) {
		illegal(vi, "5.13.6.5.1", "virt_end is not above virt_start", mapping.last);
		return VIRTIO_IOMMU_S_INVAL;
	}
	if ((mapping.start | mapping.phys | (mapping.last + 1)) & (vi->granule - 1))
		return VIRTIO_IOMMU_S_RANGE;
	if (!domain_in_range(vi, id) || !input_in_range(vi, mapping.start, mapping.last))
		return VIRTIO_IOMMU_S_RANGE;
	if (mapping.phys > UINT64_MAX - (mapping.last - mapping.start))
		return VIRTIO_IOMMU_S_FAULT;
	domain = viommu_domain(vi, id);
	if (!domain)
		return VIRTIO_IOMMU_S_NOENT;
	if (domain->bypass) {
		illegal(vi, "5.13.6.5.1", "MAP in a bypass domain", id);
		return VIRTIO_IOMMU_S_INVAL;
	}
	viommu_find(domain->mappings, domain->count, mapping.start, mapping.last, &count);
	if (count || over_region(vi, domain, mapping.start, mapping.last))
		return VIRTIO_IOMMU_S_INVAL;
	if (vi->config.max_mappings && vi->num_mappings >= vi->config.max_mappings)
		return VIRTIO_IOMMU_S_NOMEM;
	return viommu_map(vi, domain, &mapping) ? VIRTIO_IOMMU_S_NOMEM : VIRTIO_IOMMU_S_OK;
}

static uint8_t unmap(struct model_viommu *vi, const struct request *r)
{
	uint64_t start = get64(r, VIRTIO_IOMMU_UNMAP_VIRT_START);
	uint64_t last = get64(r, VIRTIO_IOMMU_UNMAP_VIRT_END);
	uint32_t id = get32(r, VIRTIO_IOMMU_UNMAP_DOMAIN), first, count;
	struct viommu_domain *domain;

	if (!zero(r, VIRTIO_IOMMU_UNMAP_RESERVED, 4)) {
		reserved(vi, "5.13.6.6.1", "the reserved field of UNMAP is not zero",
			 get32(r, VIRTIO_IOMMU_UNMAP_RESERVED));
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (last < start) {
		illegal(vi, "5.13.6.6", "virt_end is below virt_start", last);
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (!domain_in_range(vi, id) || !input_in_range(vi, start, last))
		return VIRTIO_IOMMU_S_RANGE;
	domain = viommu_domain(vi, id);
	if (!domain)
		return VIRTIO_IOMMU_S_NOENT;
	if (domain->bypass) {
		illegal(vi, "5.13.6.6.1", "UNMAP in a bypass domain", id);
		return VIRTIO_IOMMU_S_INVAL;
	}
	first = viommu_find(domain->mappings, domain->count, start, last, &count);
	if (count && (domain->mappings[first].start < start ||
		      domain->mappings[first + count - 1].last > last)) {
		illegal(vi, "5.13.6.6.1", "UNMAP would split a mapping",
			domain->mappings[first].start < start ? start : last);
		return VIRTIO_IOMMU_S_RANGE;
	}
	return viommu_unmap(vi, domain, first, count, r->cookie) ? VIRTIO_IOMMU_S_NOMEM :
								   VIRTIO_IOMMU_S_OK;
}

/* ---- PROBE (5.13.6.7) -------------------------------------------------------------------------- */

struct properties {
	struct model_viommu *vi;
	struct model_virtio_chain *chain;
	uint32_t at, size;
	bool failed;
};

/* One property with @length bytes of @value behind its header, if there is room for it. */
static void property(struct properties *p, unsigned int type, const uint8_t *value, uint16_t length)
{
	uint8_t header[VIRTIO_IOMMU_PROPERTY_HEADER_SIZE] = { (uint8_t)type, (uint8_t)(type >> 8),
							      (uint8_t)length,
							      (uint8_t)(length >> 8) };

	if (sizeof(header) + length > p->size - p->at)
		return;
	p->failed |= !model_virtio_write(p->vi->v, p->chain, p->at, header, sizeof(header)) ||
		     !model_virtio_write(p->vi->v, p->chain, p->at + sizeof(header), value, length);
	p->at += (uint32_t)sizeof(header) + length;
}

static void resv_mem(struct properties *p, unsigned int type, uint8_t subtype, uint8_t rest,
		     uint64_t start, uint64_t last)
{
	uint8_t value[VIRTIO_IOMMU_RESV_MEM_LENGTH] = { subtype, rest, rest, rest };

	for (unsigned int i = 0; i < 8; i++) {
		value[4 + i] = (uint8_t)(start >> 8 * i);
		value[12 + i] = (uint8_t)(last >> 8 * i);
	}
	property(p, type, value, sizeof(value));
}

/* What a driver has to pass over, or to believe in spite of how it looks (5.13.6.7.1, 5.13.6.8.1). */
static void odd_properties(struct properties *p)
{
	static const uint8_t odd[5] = { 1, 2, 3, 4, 5 };

	property(p, 0x7a1, odd, sizeof(odd)); /* of a type that nobody knows, and an odd length */
	property(p, 0x7a2, odd, 0);
	/* The whole address space, if the reserved bits are not looked at. */
	resv_mem(p, 0x8000 | VIRTIO_IOMMU_PROBE_T_RESV_MEM, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0, 0,
		 UINT64_MAX);
}

static uint8_t probe(struct model_viommu *vi, const struct request *r)
{
	uint32_t size = vi->config.probe_size;
	uint32_t id = get32(r, VIRTIO_IOMMU_PROBE_ENDPOINT);
	struct properties p = { .vi = vi, .chain = r->chain, .size = size };
	struct viommu_endpoint *endpoint;
	static const uint8_t none[64];

	if (!zero(r, VIRTIO_IOMMU_PROBE_ENDPOINT + 4, 64))
		reserved(vi, "5.13.6.7.1", "the reserved field of PROBE is not zero", id);
	if (model_virtio_writable(r->chain) < size + VIRTIO_IOMMU_TAIL_SIZE) {
		illegal(vi, "5.13.6.7.1", "the properties of PROBE are not probe_size bytes",
			model_virtio_writable(r->chain));
		return VIRTIO_IOMMU_S_INVAL;
	}
	if (!exists(vi, id))
		return VIRTIO_IOMMU_S_NOENT;
	endpoint = viommu_endpoint(vi, id, true);
	if (!endpoint)
		return VIRTIO_IOMMU_S_NOMEM;
	endpoint->probed = true;
	if (vi->config.unknown_properties)
		odd_properties(&p);
	for (uint32_t i = 0; i < vi->config.num_regions; i++) {
		const struct model_viommu_region *region = &vi->config.regions[i];

		if (region->endpoint == id || region->endpoint == MODEL_VIOMMU_ALL_ENDPOINTS)
			resv_mem(&p, VIRTIO_IOMMU_PROBE_T_RESV_MEM, region->subtype,
				 vi->config.unknown_properties ? 0x5a : 0, region->start,
				 region->last);
	}
	while (p.at < p.size) {
		uint32_t piece = p.size - p.at < sizeof(none) ? p.size - p.at : sizeof(none);

		p.failed |= !model_virtio_write(vi->v, r->chain, p.at, none, piece);
		p.at += piece;
	}
	return p.failed ? VIRTIO_IOMMU_S_FAULT : VIRTIO_IOMMU_S_OK;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static const struct {
	uint8_t size; /* of the readable part */
	uint64_t feature; /* 0: always there */
	uint8_t (*perform)(struct model_viommu *vi, const struct request *r);
} types[] = {
	[VIRTIO_IOMMU_T_ATTACH] = { VIRTIO_IOMMU_ATTACH_SIZE, 0, attach },
	[VIRTIO_IOMMU_T_DETACH] = { VIRTIO_IOMMU_DETACH_SIZE, 0, detach },
	[VIRTIO_IOMMU_T_MAP] = { VIRTIO_IOMMU_MAP_SIZE, VIRTIO_IOMMU_F_MAP_UNMAP, map },
	[VIRTIO_IOMMU_T_UNMAP] = { VIRTIO_IOMMU_UNMAP_SIZE, VIRTIO_IOMMU_F_MAP_UNMAP, unmap },
	[VIRTIO_IOMMU_T_PROBE] = { VIRTIO_IOMMU_PROBE_SIZE, VIRTIO_IOMMU_F_PROBE, probe },
};
#define NUM_TYPES (sizeof(types) / sizeof(types[0]))

/* The type of the request; 0: it cannot be parsed, and is returned unwritten. */
static uint8_t parse(struct model_viommu *vi, struct request *r)
{
	uint32_t readable = model_virtio_readable(r->chain);
	uint32_t writable = model_virtio_writable(r->chain);
	uint8_t type = 0;

	if (!readable) {
		illegal(vi, "5.13.6", "a request without a head", readable);
		return 0;
	}
	if (!model_virtio_read(vi->v, r->chain, 0, &type, 1))
		return 0;
	if (type >= NUM_TYPES || !types[type].perform ||
	    (type == VIRTIO_IOMMU_T_PROBE && !vi->config.f_probe)) {
		illegal(vi, "5.13.6", "a request of an unknown type", type);
		return 0;
	}
	if (readable < types[type].size || writable < VIRTIO_IOMMU_TAIL_SIZE) {
		illegal(vi, "5.13.6", "a request is too small for its type", type);
		return 0;
	}
	if (readable > types[type].size ||
	    writable > (type == VIRTIO_IOMMU_T_PROBE ? vi->config.probe_size : 0) +
			       VIRTIO_IOMMU_TAIL_SIZE)
		illegal(vi, "5.13.6", "a request is larger than its type", type);
	if (types[type].feature && !model_virtio_has(vi->v, types[type].feature))
		illegal(vi, "5.13.6", "a request whose feature was not negotiated", type);
	if (!model_virtio_read(vi->v, r->chain, 0, r->bytes, types[type].size))
		return 0;
	if (!zero(r, VIRTIO_IOMMU_HEAD_TYPE + 1, 3))
		reserved(vi, "5.13.6.1", "the reserved field of a request's head is not zero",
			 get32(r, 0));
	return type;
}

/* Where the status of a request goes. */
static uint32_t tail_of(const struct model_viommu *vi, const struct request *r, uint8_t type)
{
	uint32_t writable = model_virtio_writable(r->chain);
	uint32_t at = type == VIRTIO_IOMMU_T_PROBE ? vi->config.probe_size : 0;

	return at + VIRTIO_IOMMU_TAIL_SIZE <= writable ? at : writable - VIRTIO_IOMMU_TAIL_SIZE;
}

static void answer(struct model_viommu *vi, const struct request *r, uint8_t type, uint8_t status)
{
	uint8_t bytes[VIRTIO_IOMMU_TAIL_SIZE] = { status };
	uint32_t tail = tail_of(vi, r, type);

	if (model_virtio_write(vi->v, r->chain, tail, bytes, sizeof(bytes)))
		model_virtio_set_used(r->chain, tail + VIRTIO_IOMMU_TAIL_SIZE);
}

static bool meets_mishap(struct model_viommu *vi, uint8_t type)
{
	if (!vi->mishap.armed || (vi->mishap.type && vi->mishap.type != type))
		return false;
	if (vi->mishap.skip) {
		vi->mishap.skip--;
		return false;
	}
	vi->mishap.armed = false;
	return true;
}

static uint8_t perform(struct model_viommu *vi, const struct request *r, uint8_t type)
{
	if (types[type].feature && !model_virtio_has(vi->v, types[type].feature) &&
	    type != VIRTIO_IOMMU_T_PROBE)
		return VIRTIO_IOMMU_S_UNSUPP;
	return types[type].perform(vi, r);
}

static void mishap(struct model_viommu *vi, const struct request *r, uint8_t type)
{
	switch (vi->mishap.what) {
	case MODEL_VIOMMU_STATUS:
		answer(vi, r, type, vi->mishap.status);
		break;
	case MODEL_VIOMMU_UNWRITTEN:
		break;
	case MODEL_VIOMMU_SHORT:
		answer(vi, r, type, VIRTIO_IOMMU_S_OK);
		model_virtio_set_used(r->chain, tail_of(vi, r, type));
		break;
	case MODEL_VIOMMU_LOST:
		answer(vi, r, type, perform(vi, r, type));
		model_virtio_set_used(r->chain, 0);
		break;
	case MODEL_VIOMMU_NEVER:
		model_virtio_keep(r->chain);
		break;
	}
}

void viommu_execute(void *device, unsigned int queue, struct model_virtio_chain *chain)
{
	struct model_viommu *vi = device;
	struct request r = { .cookie = ++vi->requests, .chain = chain };
	uint8_t type;

	(void)queue; /* the event queue is held */
	*model_virtio_cookie(chain) = r.cookie;
	type = parse(vi, &r);
	vi->stats.requests[type]++;
	if (!type)
		return;
	if (meets_mishap(vi, type))
		mishap(vi, &r, type);
	else
		answer(vi, &r, type, perform(vi, &r, type));
}

void viommu_returned(void *device, unsigned int queue, struct model_virtio_chain *chain)
{
	(void)queue;
	viommu_gone(device, *model_virtio_cookie(chain));
}
