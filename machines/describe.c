/* SPDX-License-Identifier: MIT */
/* describe.c - reads a machine's Devicetree into a struct describe */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libfdt.h>
#include <uiommu/types.h>

#include "machines/describe.h"
#include "spec/dma-engine.h"
#include "spec/flexrm.h"

struct reader {
	struct describe *d;
	const void *dtb;
	char *error;
	size_t error_size;
	int rc;
};

static const struct {
	const char *compatible;
	enum describe_kind kind;
	bool bridge;
} kinds[] = {
	{ "uiommu,host-bridge", DESCRIBE_HOST_BRIDGE, false },
	{ "uiommu,root-port", DESCRIBE_ROOT_PORT, true },
	{ "uiommu,switch-upstream", DESCRIBE_SWITCH_UPSTREAM, true },
	{ "uiommu,switch-downstream", DESCRIBE_SWITCH_DOWNSTREAM, true },
	{ "uiommu,pcie-pci-bridge", DESCRIBE_PCIE_PCI_BRIDGE, true },
	{ "uiommu,pci-bridge", DESCRIBE_PCI_BRIDGE, true },
	{ "qemu,edu", DESCRIBE_EDU, false },
	{ "qemu,iommu-testdev", DESCRIBE_TESTDEV, false },
	{ "uiommu,dma-engine", DESCRIBE_DMA_ENGINE, false },
	{ "virtio,pci-iommu", DESCRIBE_VIRTIO_IOMMU, false },
};
#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

bool describe_is_bridge(enum describe_kind kind)
{
	for (size_t i = 0; i < NUM_KINDS; i++)
		if (kinds[i].kind == kind)
			return kinds[i].bridge;
	return false;
}

/* ---- properties -------------------------------------------------------------------------------- */

static __attribute__((format(printf, 3, 4))) int bad(struct reader *r, int node, const char *format,
						     ...)
{
	char path[128] = "/";
	va_list args;
	int n;

	if (r->rc)
		return r->rc;
	if (node > 0)
		fdt_get_path(r->dtb, node, path, sizeof(path));
	n = snprintf(r->error, r->error_size, "%s: ", path);
	va_start(args, format);
	if (n >= 0 && (size_t)n < r->error_size)
		vsnprintf(r->error + n, r->error_size - (size_t)n, format, args);
	va_end(args);
	r->rc = -UIOMMU_EINVAL;
	return r->rc;
}

static bool has(struct reader *r, int node, const char *name)
{
	return fdt_getprop(r->dtb, node, name, NULL) != NULL;
}

/* One cell, or @missing if the property is not there. */
static uint32_t cell(struct reader *r, int node, const char *name, uint32_t missing)
{
	int length;
	const fdt32_t *value = fdt_getprop(r->dtb, node, name, &length);

	if (!value)
		return missing;
	if (length != 4) {
		bad(r, node, "%s must be one number", name);
		return missing;
	}
	return fdt32_to_cpu(*value);
}

static uint64_t two_cells(const fdt32_t *at)
{
	return (uint64_t)fdt32_to_cpu(at[0]) << 32 | fdt32_to_cpu(at[1]);
}

static void region(struct reader *r, int node, uint64_t *base, uint64_t *size)
{
	int length;
	const fdt32_t *value = fdt_getprop(r->dtb, node, "reg", &length);

	*base = 0;
	*size = 0;
	if (!value || length != 16) {
		bad(r, node, "reg must be an address and a size of two cells each");
		return;
	}
	*base = two_cells(value);
	*size = two_cells(value + 2);
	if (!*size || *base + *size < *base)
		bad(r, node, "reg is empty or wraps around");
}

static const char *text(struct reader *r, int node, const char *name)
{
	int length;
	const char *value = fdt_getprop(r->dtb, node, name, &length);

	if (value && (length < 1 || value[length - 1])) {
		bad(r, node, "%s must be a string", name);
		return NULL;
	}
	return value;
}

/* An array grown by one zeroed element; NULL: no memory, which is noted. */
static void *grow(struct reader *r, void *array, unsigned int *count, size_t size)
{
	void **where = array;
	char *bigger = realloc(*where, (*count + 1) * size);

	if (!bigger) {
		snprintf(r->error, r->error_size, "no memory");
		r->rc = -UIOMMU_ENOMEM;
		return NULL;
	}
	*where = bigger;
	memset(bigger + *count * size, 0, size);
	return bigger + (*count)++ * size;
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static void read_functions(struct reader *r, int node, unsigned int host, unsigned int parent);

/* A unit that is a PCI function. */
static void add_function_unit(struct reader *r, int node, unsigned int function)
{
	struct describe *d = r->d;
	struct describe_unit *unit = grow(r, &d->units, &d->num_units, sizeof(*unit));

	if (!unit)
		return;
	unit->kind = DESCRIBE_UNIT_VIRTIO;
	unit->function = function;
	unit->segment = d->hosts[d->functions[function].host].segment;
	unit->driver_flags = cell(r, node, "driver-flags", 0);
	unit->preset = text(r, node, "preset");
	unit->node = node;
	if (!unit->preset)
		bad(r, node, "preset is missing");
}

static void read_function(struct reader *r, int node, unsigned int host, unsigned int parent)
{
	struct describe *d = r->d;
	struct describe_function *fn;
	unsigned int index = d->num_functions;
	const char *compatible = text(r, node, "compatible");
	const fdt32_t *reg;
	int length;
	size_t kind;

	for (kind = 0; kind < NUM_KINDS; kind++)
		if (compatible && strcmp(compatible, kinds[kind].compatible) == 0)
			break;
	if (kind == NUM_KINDS) {
		bad(r, node, "no device or bridge is compatible with \"%s\"",
		    compatible ? compatible : "");
		return;
	}
	reg = fdt_getprop(r->dtb, node, "reg", &length);
	if (!reg || length < 4 || fdt32_to_cpu(*reg) & 0xffff00ffu) {
		bad(r, node, "reg must begin with device << 11 | function << 8");
		return;
	}
	fn = grow(r, &d->functions, &d->num_functions, sizeof(*fn));
	if (!fn)
		return;
	fn->kind = kinds[kind].kind;
	fn->label = text(r, node, "label");
	fn->parent = parent;
	fn->host = host;
	fn->devfn = (uint8_t)(fdt32_to_cpu(*reg) >> 8);
	fn->phandle = fdt_get_phandle(r->dtb, node);
	fn->class_code = cell(r, node, "class-code", 0);
	fn->multifunction = has(r, node, "multifunction");
	fn->acs = has(r, node, "acs");
	fn->acs_bits = (uint16_t)cell(r, node, "acs", 0);
	fn->ats = has(r, node, "ats");
	fn->pri = has(r, node, "pri");
	fn->pri_plain_responses = has(r, node, "pri-plain-responses");
	fn->satc = has(r, node, "satc");
	fn->model_only = has(r, node, "model-only");
	fn->pasid_bits = (uint8_t)cell(r, node, "pasid-bits", 0);
	fn->pasid_execute = has(r, node, "pasid-execute");
	fn->pasid_privileged = has(r, node, "pasid-privileged");
	if (fn->pasid_bits > 20)
		bad(r, node, "pasid-bits is at most 20");
	for (unsigned int i = 0; i < index; i++) {
		if (d->functions[i].parent == parent && d->functions[i].host == host &&
		    d->functions[i].devfn == fn->devfn)
			bad(r, node, "another function has this place");
		if (fn->label && d->functions[i].label &&
		    strcmp(fn->label, d->functions[i].label) == 0)
			bad(r, node, "another device has the label \"%s\"", fn->label);
	}
	if (kinds[kind].bridge)
		read_functions(r, node, host, index);
	else if (fdt_first_subnode(r->dtb, node) >= 0)
		bad(r, node, "only bridges can have devices below them");
	if (kinds[kind].kind == DESCRIBE_VIRTIO_IOMMU && parent != DESCRIBE_NONE)
		bad(r, node, "an IOMMU must be on the root bus: firmware has to name it");
	else if (kinds[kind].kind == DESCRIBE_VIRTIO_IOMMU)
		add_function_unit(r, node, index);
}

static void read_functions(struct reader *r, int node, unsigned int host, unsigned int parent)
{
	int child;

	fdt_for_each_subnode(child, r->dtb, node)
	{
		if (r->rc)
			return;
		read_function(r, child, host, parent);
	}
}

static void read_host(struct reader *r, int node)
{
	unsigned int index = r->d->num_hosts;
	struct describe_host *host = grow(r, &r->d->hosts, &r->d->num_hosts, sizeof(*host));
	const fdt32_t *value;
	int length;

	if (!host)
		return;
	host->segment = (uint16_t)cell(r, node, "linux,pci-domain", 0);
	host->last_bus = 255;
	host->node = node;
	host->atsr = has(r, node, "atsr");
	value = fdt_getprop(r->dtb, node, "bus-range", &length);
	if (value && length == 8) {
		host->first_bus = (uint8_t)fdt32_to_cpu(value[0]);
		host->last_bus = (uint8_t)fdt32_to_cpu(value[1]);
	}
	value = fdt_getprop(r->dtb, node, "ranges", &length);
	if (!value || length != 28) {
		bad(r, node, "ranges must be one memory window of 7 cells");
		return;
	}
	host->window = two_cells(value + 3);
	host->window_size = two_cells(value + 5);
	for (unsigned int i = 0; i < index; i++)
		if (r->d->hosts[i].segment == host->segment)
			bad(r, node, "another host bridge has PCI domain %u", host->segment);
	read_functions(r, node, index, DESCRIBE_NONE);
}

/* The functions that a list of phandles names. */
static void read_list(struct reader *r, int node, const char *name, unsigned int **list,
		      unsigned int *count)
{
	int length = 0;
	const fdt32_t *value = fdt_getprop(r->dtb, node, name, &length);

	for (int i = 0; value && i < length / 4; i++) {
		uint32_t phandle = fdt32_to_cpu(value[i]);
		unsigned int f, *entry;

		for (f = 0; f < r->d->num_functions; f++)
			if (phandle && r->d->functions[f].phandle == phandle)
				break;
		if (f == r->d->num_functions) {
			bad(r, node, "entry %d of %s is no PCI function", i, name);
			return;
		}
		entry = grow(r, list, count, sizeof(*entry));
		if (!entry)
			return;
		*entry = f;
	}
}

/* What units with registers have in common; NULL: no memory. */
static struct describe_unit *add_unit(struct reader *r, int node, enum describe_unit_kind kind)
{
	struct describe *d = r->d;
	struct describe_unit *unit = grow(r, &d->units, &d->num_units, sizeof(*unit));

	if (!unit)
		return NULL;
	unit->kind = kind;
	unit->function = DESCRIBE_NONE;
	region(r, node, &unit->base, &unit->size);
	unit->driver_flags = cell(r, node, "driver-flags", 0);
	unit->preset = text(r, node, "preset");
	unit->node = node;
	if (!unit->preset)
		bad(r, node, "preset is missing");
	return unit;
}

static void read_vtd(struct reader *r, int node)
{
	struct describe_unit *unit = add_unit(r, node, DESCRIBE_UNIT_VTD);

	if (!unit)
		return;
	if (unit->base % 4096 || unit->size % 4096)
		bad(r, node, "registers must be whole pages");
	unit->segment = (uint16_t)cell(r, node, "segment", 0);
	unit->include_all = has(r, node, "include-all");
	read_list(r, node, "scopes", &unit->scopes, &unit->num_scopes);
	if (!unit->include_all && !unit->num_scopes)
		bad(r, node, "neither include-all nor scopes: nothing is behind this unit");
}

static void read_smmuv3(struct reader *r, int node)
{
	const struct describe_unit *unit = add_unit(r, node, DESCRIBE_UNIT_SMMUV3);

	if (unit && (unit->base % 0x10000 || unit->size != 0x20000))
		bad(r, node, "registers must be two pages of 64 KiB");
}

/* Other devices have this transport, too: an IOMMU is one that has endpoints. */
static void read_virtio_mmio(struct reader *r, int node)
{
	if (has(r, node, "#iommu-cells"))
		add_unit(r, node, DESCRIBE_UNIT_VIRTIO);
}

/* The unit at a node with this phandle; num_units: none. */
static unsigned int find_unit(struct reader *r, uint32_t phandle)
{
	const struct describe *d = r->d;
	unsigned int i;

	for (i = 0; i < d->num_units; i++)
		if (phandle && fdt_get_phandle(r->dtb, d->units[i].node) == phandle)
			break;
	return i;
}

/* NULL: no memory. */
static struct describe_platform *read_platform(struct reader *r, int node)
{
	struct describe *d = r->d;
	struct describe_platform *platform =
		grow(r, &d->platforms, &d->num_platforms, sizeof(*platform));
	const fdt32_t *value;
	int length;

	if (!platform)
		return NULL;
	region(r, node, &platform->base, &platform->size);
	platform->name = fdt_get_name(r->dtb, node, NULL);
	platform->compatible = text(r, node, "compatible");
	platform->label = text(r, node, "label");
	platform->unit = d->num_units;
	platform->pasid_bits = (uint8_t)cell(r, node, "pasid-num-bits", 0);
	platform->stall = has(r, node, "dma-can-stall");
	if (platform->pasid_bits > 20)
		bad(r, node, "pasid-num-bits is at most 20");
	if (!platform->label)
		bad(r, node, "label is missing");
	if (platform->base >> 32 || platform->base % 4096 || d->num_platforms > 32)
		bad(r, node, "registers must be in pages below 4 GiB, of at most 32 devices");
	value = fdt_getprop(r->dtb, node, "iommus", &length);
	if (!value)
		return platform;
	if (length != 8 || find_unit(r, fdt32_to_cpu(value[0])) == d->num_units) {
		bad(r, node, "iommus must be one IOMMU and one ID");
		return platform;
	}
	platform->unit = find_unit(r, fdt32_to_cpu(value[0]));
	platform->id = fdt32_to_cpu(value[1]);
	return platform;
}

static void read_platform_dma(struct reader *r, int node)
{
	struct describe_platform *platform = read_platform(r, node);

	if (!platform)
		return;
	platform->wire = has(r, node, "interrupts");
	if (platform->size != DMA_ENGINE_BAR_SIZE)
		bad(r, node, "registers must be of 0x%x bytes", DMA_ENGINE_BAR_SIZE);
}

static void read_flexrm(struct reader *r, int node)
{
	struct describe_platform *platform = read_platform(r, node);
	uint64_t space = 4096, windows;

	if (!platform)
		return;
	platform->kind = DESCRIBE_PLATFORM_FLEXRM;
	platform->rings = cell(r, node, "rings", 0);
	platform->active = cell(r, node, "active-rings", 0);
	platform->stuck_flush = cell(r, node, "stuck-in-flush", 0);
	platform->stuck_clear = cell(r, node, "stuck-in-clear", 0);
	platform->fixed_polls = has(r, node, "flush-polls");
	platform->polls = cell(r, node, "flush-polls", 0);
	while (space < platform->size && space)
		space <<= 1;
	if (!space || platform->base % space)
		bad(r, node, "registers must be at a multiple of their size");
	windows = (platform->size + FLEXRM_WINDOW - 1) / FLEXRM_WINDOW;
	if (windows > FLEXRM_RINGS_MAX)
		bad(r, node, "there are at most %u rings", FLEXRM_RINGS_MAX);
	else if ((uint64_t)platform->rings >> windows)
		bad(r, node, "a ring is beyond the registers");
	if ((platform->active | platform->stuck_flush | platform->stuck_clear) & ~platform->rings)
		bad(r, node, "only rings that are there can be active or stuck");
}

static void read_map(struct reader *r, struct describe_host *host)
{
	int length = 0;
	const fdt32_t *value = fdt_getprop(r->dtb, host->node, "iommu-map", &length);

	host->map_mask = (uint16_t)cell(r, host->node, "iommu-map-mask", 0xffff);
	if (value && length % 16)
		bad(r, host->node, "iommu-map must be groups of 4 cells");
	for (int i = 0; value && !r->rc && i < length / 16; i++) {
		struct describe_map *map = grow(r, &host->maps, &host->num_maps, sizeof(*map));

		if (!map)
			return;
		map->first = fdt32_to_cpu(value[4 * i]);
		map->unit = find_unit(r, fdt32_to_cpu(value[4 * i + 1]));
		map->id = fdt32_to_cpu(value[4 * i + 2]);
		map->count = fdt32_to_cpu(value[4 * i + 3]);
		if (map->unit == r->d->num_units)
			bad(r, host->node, "entry %d of iommu-map names no IOMMU", i);
		if (!map->count || map->first > 0xffff || map->count > 0x10000 - map->first)
			bad(r, host->node, "entry %d of iommu-map has no requester IDs", i);
	}
}

const struct describe_map *describe_map(const struct describe_host *host, uint16_t requester,
					uint32_t *id)
{
	uint32_t masked = requester & host->map_mask;

	for (unsigned int i = 0; i < host->num_maps; i++) {
		const struct describe_map *map = &host->maps[i];

		if (masked - map->first >= map->count)
			continue;
		*id = map->id + (masked - map->first);
		return map;
	}
	return NULL;
}

static void read_memory(struct reader *r, int node)
{
	struct describe *d = r->d;

	if (d->ram_size) {
		bad(r, node, "only one memory node is possible");
		return;
	}
	region(r, node, &d->ram_base, &d->ram_size);
	d->reserve_below = cell(r, node, "reserve-below", 0);
	if (d->ram_base % 4096 || d->ram_size % 4096)
		bad(r, node, "RAM must be whole pages");
}

static void read_reserved(struct reader *r, int parent)
{
	struct describe *d = r->d;
	int node;

	fdt_for_each_subnode(node, r->dtb, parent)
	{
		struct describe_region *reg;
		uint64_t size;

		reg = grow(r, &d->regions, &d->num_regions, sizeof(*reg));
		if (!reg)
			return;
		region(r, node, &reg->base, &size);
		reg->last = reg->base + size - 1;
		if (reg->base % 4096 || size % 4096)
			bad(r, node, "a reserved region must be whole pages");
		if (reg->base < d->ram_base || reg->last > d->ram_base + d->ram_size - 1)
			bad(r, node, "a reserved region must be in RAM");
		else if (reg->last >= d->reserve_below)
			bad(r, node, "a reserved region must be under reserve-below");
		read_list(r, node, "devices", &reg->functions, &reg->num_functions);
	}
}

static void for_each_compatible(struct reader *r, const char *compatible,
				void (*read)(struct reader *r, int node))
{
	for (int node = fdt_node_offset_by_compatible(r->dtb, -1, compatible); node >= 0;
	     node = fdt_node_offset_by_compatible(r->dtb, node, compatible))
		if (!r->rc)
			read(r, node);
}

static void read_all(struct reader *r)
{
	struct describe *d = r->d;
	int node;

	d->summary = text(r, 0, "model");
	d->acpi = has(r, 0, "acpi");
	fdt_for_each_subnode(node, r->dtb, 0)
	{
		const char *type = text(r, node, "device_type");

		if (type && strcmp(type, "memory") == 0)
			read_memory(r, node);
	}
	if (!d->ram_size)
		bad(r, 0, "there is no memory");
	for_each_compatible(r, "pci-host-ecam-generic", read_host);
	if (!d->num_hosts)
		bad(r, 0, "there is no PCI host bridge (compatible \"pci-host-ecam-generic\")");
	for_each_compatible(r, "intel,vtd", read_vtd);
	for_each_compatible(r, "virtio,mmio", read_virtio_mmio);
	for_each_compatible(r, "arm,smmu-v3", read_smmuv3);
	for (unsigned int i = 0; i < d->num_hosts && !r->rc; i++)
		read_map(r, &d->hosts[i]);
	for_each_compatible(r, "uiommu,platform-dma", read_platform_dma);
	for_each_compatible(r, FLEXRM_COMPATIBLE, read_flexrm);
	node = fdt_subnode_offset(r->dtb, 0, "reserved-memory");
	if (node >= 0 && !r->rc)
		read_reserved(r, node);
}

int describe_read(const void *dtb, size_t size, struct describe **out, char *error,
		  size_t error_size)
{
	struct reader r = { .dtb = dtb, .error = error, .error_size = error_size };
	int rc;

	rc = size < 40 ? -FDT_ERR_TRUNCATED : fdt_check_full(dtb, size);
	if (rc) {
		snprintf(error, error_size, "not a Devicetree: %s", fdt_strerror(rc));
		return -UIOMMU_EINVAL;
	}
	r.d = calloc(1, sizeof(*r.d));
	if (!r.d) {
		snprintf(error, error_size, "no memory");
		return -UIOMMU_ENOMEM;
	}
	r.d->dtb = dtb;
	r.d->dtb_size = size;
	read_all(&r);
	if (r.rc) {
		describe_free(r.d);
		return r.rc;
	}
	*out = r.d;
	return 0;
}

void describe_free(struct describe *d)
{
	if (!d)
		return;
	for (unsigned int i = 0; i < d->num_units; i++)
		free(d->units[i].scopes);
	for (unsigned int i = 0; i < d->num_regions; i++)
		free(d->regions[i].functions);
	for (unsigned int i = 0; i < d->num_hosts; i++)
		free(d->hosts[i].maps);
	free(d->hosts);
	free(d->functions);
	free(d->units);
	free(d->regions);
	free(d->platforms);
	free(d);
}
