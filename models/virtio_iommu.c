/* SPDX-License-Identifier: MIT */
/* virtio_iommu.c - the virtio IOMMU model: life, configuration (5.13.4), presets, mishaps */
#include <string.h>

#include "models/virtio_iommu_internal.h"

/* ---- the configuration ------------------------------------------------------------------------- */

static const struct {
	uint8_t offset, size;
	uint64_t feature;
} fields[] = {
	{ VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK, 8, 0 },
	{ VIRTIO_IOMMU_CONFIG_INPUT_START, 8, VIRTIO_IOMMU_F_INPUT_RANGE },
	{ VIRTIO_IOMMU_CONFIG_INPUT_END, 8, VIRTIO_IOMMU_F_INPUT_RANGE },
	{ VIRTIO_IOMMU_CONFIG_DOMAIN_START, 4, VIRTIO_IOMMU_F_DOMAIN_RANGE },
	{ VIRTIO_IOMMU_CONFIG_DOMAIN_END, 4, VIRTIO_IOMMU_F_DOMAIN_RANGE },
	{ VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4, VIRTIO_IOMMU_F_PROBE },
	{ VIRTIO_IOMMU_CONFIG_BYPASS, 1, VIRTIO_IOMMU_F_BYPASS_CONFIG },
};
#define NUM_FIELDS (sizeof(fields) / sizeof(fields[0]))

/* The field that has @offset in it; NUM_FIELDS: none, it is padding. */
static size_t field_at(uint32_t offset)
{
	size_t i;

	for (i = 0; i < NUM_FIELDS; i++)
		if (offset - fields[i].offset < fields[i].size)
			break;
	return i;
}

static uint64_t field_value(const struct model_viommu *vi, size_t field)
{
	const struct model_viommu_config *c = &vi->config;

	switch (fields[field].offset) {
	case VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK:
		return c->page_size_mask;
	case VIRTIO_IOMMU_CONFIG_INPUT_START:
		return c->input_start;
	case VIRTIO_IOMMU_CONFIG_INPUT_END:
		return c->input_last;
	case VIRTIO_IOMMU_CONFIG_DOMAIN_START:
		return c->domain_start;
	case VIRTIO_IOMMU_CONFIG_DOMAIN_END:
		return c->domain_last;
	case VIRTIO_IOMMU_CONFIG_PROBE_SIZE:
		return c->probe_size;
	default:
		return vi->bypass;
	}
}

static uint32_t config_read(void *device, uint32_t offset, unsigned int size)
{
	struct model_viommu *vi = device;
	size_t field = field_at(offset);

	if (field == NUM_FIELDS)
		return 0;
	/* 4.1.3.1, 4.2.2.2: as wide as the field, and halves of 64 bits. */
	if (size != (fields[field].size > 4 ? 4 : fields[field].size))
		model_virtio_complain(
			vi->v, MODEL_REPORT_ILLEGAL, "4.1.3.1",
			"a field of the configuration is read in another size than its own",
			offset);
	/* Without its feature a field has no meaning: anything may be there. */
	if (fields[field].feature & ~vi->features)
		return 0xa5a5a5a5u & (size == 4 ? UINT32_MAX : (1u << 8 * size) - 1);
	return (uint32_t)(field_value(vi, field) >> 8 * (offset - fields[field].offset));
}

static void config_write(void *device, uint32_t offset, unsigned int size, uint32_t value)
{
	struct model_viommu *vi = device;

	if (offset != VIRTIO_IOMMU_CONFIG_BYPASS || size != 1 ||
	    !model_virtio_has(vi->v, VIRTIO_IOMMU_F_BYPASS_CONFIG)) {
		model_virtio_complain(
			vi->v, MODEL_REPORT_ILLEGAL, "5.13.4.1",
			"a field of the configuration is written that is not writable", offset);
		return;
	}
	if (value > 1) {
		model_virtio_complain(vi->v, MODEL_REPORT_ILLEGAL, "5.13.4.1", "bypass is 0 or 1",
				      value);
		return;
	}
	vi->bypass = value;
}

static uint64_t config_feature(void *device, uint32_t offset)
{
	size_t field = field_at(offset);

	(void)device;
	return field == NUM_FIELDS ? 0 : fields[field].feature;
}

/* 5.13.4.2: the field bypass stays as it is. */
static void reset(void *device)
{
	viommu_forget(device);
}

static const struct model_virtio_ops ops = {
	.config_read = config_read,
	.config_write = config_write,
	.config_feature = config_feature,
	.reset = reset,
	.execute = viommu_execute,
	.returned = viommu_returned,
};

/* ---- presets ----------------------------------------------------------------------------------- */

#define MSI_X86_START UINT64_C(0xfee00000)
#define MSI_X86_LAST UINT64_C(0xfeefffff)
#define MASK_4K (~UINT64_C(0xfff))

/* What all presets have; each changes some of it. */
static const struct model_viommu_config common = {
	.f_input_range = true,
	.f_domain_range = true,
	.f_map_unmap = true,
	.f_probe = true,
	.f_mmio = true,
	.f_bypass_config = true,
	.f_indirect_desc = true,
	.f_event_idx = true,
	.page_size_mask = MASK_4K,
	.input_last = UINT64_MAX,
	.domain_last = UINT32_MAX,
	.probe_size = 512,
	.bypass = true,
	.request_queue = 256,
	.event_queue = 64,
	.regions = { { MSI_X86_START, MSI_X86_LAST, VIRTIO_IOMMU_RESV_MEM_T_MSI,
		       MODEL_VIOMMU_ALL_ENDPOINTS } },
	.num_regions = 1,
};

static void strict(struct model_viommu_config *c)
{
	c->f_indirect_desc = c->f_event_idx = false;
	c->bypass = false;
	c->input_start = 0x1000;
	c->input_last = (UINT64_C(1) << 39) - 1;
	c->domain_start = 5;
	c->domain_last = 36;
	c->probe_size = 100;
	c->unknown_properties = true;
	c->request_queue = 16;
	c->event_queue = 4;
}

static void no_move(struct model_viommu_config *c)
{
	c->no_move = true;
}

static void minimal(struct model_viommu_config *c)
{
	c->f_input_range = c->f_domain_range = c->f_probe = c->f_mmio = c->f_bypass_config = false;
	c->f_indirect_desc = c->f_event_idx = false;
	c->page_size_mask = 0x1000;
	c->num_regions = 0;
	c->request_queue = 8;
	c->event_queue = 8;
}

static void f_bypass(struct model_viommu_config *c)
{
	c->f_bypass_config = false;
	c->f_bypass = true;
}

static void lazy(struct model_viommu_config *c)
{
	c->lazy = true;
	c->suppress = true;
	c->order = MODEL_VIRTIO_USED_ANY;
	c->unknown_properties = true;
}

/* Where IN_ORDER is not negotiated the device may even execute in any order. */
static void any_order(struct model_viommu_config *c)
{
	lazy(c);
	c->order = MODEL_VIRTIO_ANY;
	c->request_queue = 32;
	c->suppress = false;
}

static void in_order(struct model_viommu_config *c)
{
	lazy(c);
	c->f_in_order = true;
}

static void granule_16k(struct model_viommu_config *c)
{
	c->page_size_mask = UINT64_C(0x2000000) | 0x4000;
}

static void granule_64k(struct model_viommu_config *c)
{
	c->page_size_mask = UINT64_C(0x20000000) | 0x10000;
}

static void standard(struct model_viommu_config *c)
{
	(void)c;
}

static const struct {
	const char *name;
	void (*change)(struct model_viommu_config *c);
} presets[] = {
	{ "standard", standard },	{ "strict", strict },	{ "minimal", minimal },
	{ "f-bypass", f_bypass },	{ "lazy", lazy },	{ "any-order", any_order },
	{ "in-order", in_order },	{ "no-move", no_move }, { "granule-16k", granule_16k },
	{ "granule-64k", granule_64k },
};
#define NUM_PRESETS (sizeof(presets) / sizeof(presets[0]))

bool model_viommu_preset(const char *name, struct model_viommu_config *config)
{
	for (size_t i = 0; i < NUM_PRESETS; i++) {
		if (strcmp(presets[i].name, name))
			continue;
		*config = common;
		presets[i].change(config);
		return true;
	}
	return false;
}

const char *const *model_viommu_presets(void)
{
	static const char *const names[] = {
		"standard", "strict",  "minimal",     "f-bypass",    "lazy", "any-order",
		"in-order", "no-move", "granule-16k", "granule-64k", NULL,
	};

	return names;
}

/* ---- life -------------------------------------------------------------------------------------- */

static uint64_t features_of(const struct model_viommu_config *c)
{
	return (c->f_input_range ? VIRTIO_IOMMU_F_INPUT_RANGE : 0) |
	       (c->f_domain_range ? VIRTIO_IOMMU_F_DOMAIN_RANGE : 0) |
	       (c->f_map_unmap ? VIRTIO_IOMMU_F_MAP_UNMAP : 0) |
	       (c->f_bypass ? VIRTIO_IOMMU_F_BYPASS : 0) | (c->f_probe ? VIRTIO_IOMMU_F_PROBE : 0) |
	       (c->f_mmio ? VIRTIO_IOMMU_F_MMIO : 0) |
	       (c->f_bypass_config ? VIRTIO_IOMMU_F_BYPASS_CONFIG : 0) |
	       (c->f_indirect_desc ? VIRTIO_F_INDIRECT_DESC : 0) |
	       (c->f_event_idx ? VIRTIO_F_EVENT_IDX : 0) | (c->f_in_order ? VIRTIO_F_IN_ORDER : 0);
}

/* 5.13.3.2, 5.13.4.2, 5.13.6.8.2. */
static bool possible(const struct model_viommu_config *c)
{
	uint64_t granule = c->page_size_mask & -c->page_size_mask;

	if (!c->page_size_mask || (c->f_bypass && c->f_bypass_config) ||
	    c->num_regions > MODEL_VIOMMU_MAX_REGIONS || c->order > MODEL_VIRTIO_ANY ||
	    (c->f_probe && c->probe_size > 0x10000))
		return false;
	if (c->f_input_range && (c->input_start > c->input_last || c->input_start % granule ||
				 (c->input_last + 1) % granule))
		return false;
	if (c->f_domain_range && c->domain_start > c->domain_last)
		return false;
	for (uint32_t i = 0; i < c->num_regions; i++)
		if (c->regions[i].start > c->regions[i].last)
			return false;
	return true;
}

int model_viommu_create(const struct model_viommu_config *config, struct model_memory *memory,
			model_report_fn report, model_msi_fn msi, model_viommu_behind_fn behind,
			void *context, struct model_viommu **out)
{
	void *host = model_memory_host(memory);
	struct model_virtio_config virtio = {
		.name = "virtio-iommu",
		.device_id = VIRTIO_ID_IOMMU,
		.features = features_of(config),
		.num_queues = 2,
		.queue_size = { config->request_queue, config->event_queue },
		.held = { false, true },
		.config_size = VIRTIO_IOMMU_CONFIG_SIZE,
		.behaviour = { config->seed, config->lazy, config->suppress,
			       (enum model_virtio_order)config->order },
		.ops = &ops,
	};
	struct model_viommu *vi;

	if (!possible(config))
		return -1;
	vi = uiommu_port_alloc(host, sizeof(*vi));
	if (!vi)
		return -1;
	vi->config = *config;
	vi->host = host;
	vi->report = report;
	vi->behind = behind;
	vi->context = context;
	vi->features = virtio.features;
	vi->granule = config->page_size_mask & -config->page_size_mask;
	vi->bypass = config->bypass;
	vi->iommu = (struct model_iommu){ .context = vi, .translate = viommu_translate };
	virtio.device = vi;
	if (model_virtio_create(&virtio, memory, report, msi, context, &vi->v)) {
		uiommu_port_free(host, vi, sizeof(*vi));
		return -1;
	}
	*out = vi;
	return 0;
}

void model_viommu_destroy(struct model_viommu *vi)
{
	if (!vi)
		return;
	viommu_free(vi);
	model_virtio_destroy(vi->v);
	uiommu_port_free(vi->host, vi, sizeof(*vi));
}

struct model_virtio *model_viommu_virtio(struct model_viommu *vi)
{
	return vi->v;
}

const struct model_iommu *model_viommu_iommu(struct model_viommu *vi)
{
	return &vi->iommu;
}

bool model_viommu_step(struct model_viommu *vi)
{
	return model_virtio_step(vi->v);
}

void model_viommu_expect_clean(struct model_viommu *vi, bool clean)
{
	model_virtio_lock(vi->v);
	vi->clean = clean;
	model_virtio_unlock(vi->v);
}

void model_viommu_mishap(struct model_viommu *vi, uint8_t type, unsigned int skip,
			 enum model_viommu_mishap mishap, uint8_t status)
{
	model_virtio_lock(vi->v);
	vi->mishap.armed = true;
	vi->mishap.type = type;
	vi->mishap.skip = skip;
	vi->mishap.what = mishap;
	vi->mishap.status = status;
	model_virtio_unlock(vi->v);
}

void model_viommu_break(struct model_viommu *vi)
{
	model_virtio_lock(vi->v);
	model_virtio_break(vi->v);
	model_virtio_unlock(vi->v);
}

void model_viommu_stats(struct model_viommu *vi, struct model_viommu_stats *out)
{
	model_virtio_lock(vi->v);
	*out = vi->stats;
	out->notifications = model_virtio_notifications(vi->v, VIRTIO_IOMMU_REQUESTQ);
	out->domains = vi->num_domains;
	out->mappings = vi->num_mappings;
	model_virtio_unlock(vi->v);
}

bool model_viommu_domain_of(struct model_viommu *vi, uint32_t id, uint32_t *domain)
{
	const struct viommu_endpoint *endpoint;
	bool attached;

	model_virtio_lock(vi->v);
	endpoint = viommu_endpoint(vi, id, false);
	attached = endpoint && endpoint->domain;
	if (attached)
		*domain = endpoint->domain->id;
	model_virtio_unlock(vi->v);
	return attached;
}
