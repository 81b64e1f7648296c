/* SPDX-License-Identifier: MIT */
/*
 * unit_virtio.c - a virtio IOMMU of a modelled machine: over MMIO, or a PCI function
 *
 * Its node may have reserved-regions: groups of 5 cells, subtype, first and last address; "none" is made by an
 * empty property.
 */
#include <stdio.h>

#include <libfdt.h>
#include <uiommu/types.h>

#include "machines/unit.h"
#include "models/virtio_iommu.h"
#include "spec/virtio.h"

static uint64_t read(struct unit *unit, uint32_t offset, unsigned int size)
{
	return model_virtio_mmio_read(model_viommu_virtio(unit->model), offset, size);
}

static void write(struct unit *unit, uint32_t offset, unsigned int size, uint64_t value)
{
	model_virtio_mmio_write(model_viommu_virtio(unit->model), offset, size, value);
}

static bool step(struct unit *unit)
{
	return model_viommu_step(unit->model);
}

static void expect_clean(struct unit *unit, bool clean)
{
	model_viommu_expect_clean(unit->model, clean);
}

static void configure(struct unit *unit, struct model_pci_config *config)
{
	model_virtio_pci_config(config, VIRTIO_ID_IOMMU, unit->intx);
	config->untranslated = true;
}

static int attach(struct unit *unit, struct model_pci_function *fn)
{
	return model_virtio_pci_create(fn, model_viommu_virtio(unit->model));
}

static void destroy(struct unit *unit)
{
	model_viommu_destroy(unit->model);
}

static const struct unit_ops virtio_ops = {
	.read = read,
	.write = write,
	.step = step,
	.expect_clean = expect_clean,
	.configure = configure,
	.attach = attach,
	.destroy = destroy,
};

#define FIELD(name) \
	offsetof(struct model_viommu_config, name), sizeof(((struct model_viommu_config *)0)->name)
static const struct unit_field fields[] = {
	{ "f-input-range", FIELD(f_input_range) },
	{ "f-domain-range", FIELD(f_domain_range) },
	{ "f-map-unmap", FIELD(f_map_unmap) },
	{ "f-bypass", FIELD(f_bypass) },
	{ "f-probe", FIELD(f_probe) },
	{ "f-mmio", FIELD(f_mmio) },
	{ "f-bypass-config", FIELD(f_bypass_config) },
	{ "f-indirect-desc", FIELD(f_indirect_desc) },
	{ "f-event-idx", FIELD(f_event_idx) },
	{ "f-in-order", FIELD(f_in_order) },
	{ "page-size-mask", FIELD(page_size_mask) },
	{ "input-start", FIELD(input_start) },
	{ "input-last", FIELD(input_last) },
	{ "domain-start", FIELD(domain_start) },
	{ "domain-last", FIELD(domain_last) },
	{ "probe-size", FIELD(probe_size) },
	{ "bypass", FIELD(bypass) },
	{ "request-queue", FIELD(request_queue) },
	{ "event-queue", FIELD(event_queue) },
	{ "one-endpoint", FIELD(one_endpoint) },
	{ "no-move", FIELD(no_move) },
	{ "max-domains", FIELD(max_domains) },
	{ "max-mappings", FIELD(max_mappings) },
	{ "write-implies-read", FIELD(write_implies_read) },
	{ "unknown-properties", FIELD(unknown_properties) },
	{ "no-fault-address", FIELD(no_fault_address) },
	{ "lazy", FIELD(lazy) },
	{ "suppress", FIELD(suppress) },
	{ "order", FIELD(order) },
};

static uint64_t two_cells(const fdt32_t *at)
{
	return (uint64_t)fdt32_to_cpu(at[0]) << 32 | fdt32_to_cpu(at[1]);
}

/* False: more than the model can have, or no groups of 5 cells. */
static bool regions(const void *dtb, int node, struct model_viommu_config *config)
{
	int length;
	const fdt32_t *value = fdt_getprop(dtb, node, "reserved-regions", &length);

	if (!value)
		return true;
	if (length % 20 || length / 20 > (int)MODEL_VIOMMU_MAX_REGIONS)
		return false;
	config->num_regions = (uint32_t)length / 20;
	for (uint32_t i = 0; i < config->num_regions; i++, value += 5)
		config->regions[i] = (struct model_viommu_region){
			.subtype = (uint8_t)fdt32_to_cpu(value[0]),
			.start = two_cells(value + 1),
			.last = two_cells(value + 3),
			.endpoint = MODEL_VIOMMU_ALL_ENDPOINTS,
		};
	return true;
}

static bool behind(void *context, uint32_t endpoint)
{
	const struct unit *unit = context;

	return unit->behind(unit->context, unit, endpoint);
}

/* The model knows one context for all that it tells: the unit. */
static void on_report(void *context, const struct model_report *report)
{
	const struct unit *unit = context;

	unit->report(unit->context, report);
}

static void on_msi(void *context, uint64_t address, uint32_t data)
{
	const struct unit *unit = context;

	unit->msi(unit->context, address, data);
}

int machine_unit_virtio(const struct unit_build *build, struct unit *unit)
{
	const struct describe_unit *from = build->from;
	struct model_viommu_config config = { 0 };
	struct model_viommu *vi;
	char path[128];
	int length;

	fdt_get_path(build->d->dtb, from->node, path, sizeof(path));
	if (!model_viommu_preset(from->preset, &config)) {
		snprintf(build->error, build->error_size, "%s: there is no preset \"%s\"", path,
			 from->preset);
		return -UIOMMU_EINVAL;
	}
	machine_unit_fields(build->d->dtb, from->node, fields, sizeof(fields) / sizeof(fields[0]),
			    &config);
	config.seed = build->seed;
	unit->intx = fdt_getprop(build->d->dtb, from->node, "intx", &length);
	if (!regions(build->d->dtb, from->node, &config) ||
	    model_viommu_create(&config, build->memory, on_report, on_msi, behind, unit, &vi)) {
		snprintf(build->error, build->error_size, "%s: no device can have these properties",
			 path);
		return -UIOMMU_EINVAL;
	}
	unit->ops = &virtio_ops;
	unit->model = vi;
	unit->iommu.iommu = model_viommu_iommu(vi);
	unit->iommu.context = unit;
	return 0;
}
