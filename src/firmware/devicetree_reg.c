/* SPDX-License-Identifier: MIT */
/* devicetree_reg.c - addresses in a Devicetree: registers of IOMMUs, and reserved memory */
#include "src/firmware/devicetree.h"

/* ---- reserved memory --------------------------------------------------------------------------- */

/* What "reg" and "iommu-addresses" entries of the children of a node are made of. */
struct bus {
	uint32_t address, size; /* cells */
};

static int read_bus(struct uiommu_dt_parser *p, size_t index, struct bus *bus)
{
	int rc;

	/* Devicetree Specification 2.3.5: what they are if nothing is said. */
	bus->address = 2;
	bus->size = 1;
	rc = uiommu_dt_read_number(p, index, "#address-cells", &bus->address);
	if (!rc)
		rc = uiommu_dt_read_number(p, index, "#size-cells", &bus->size);
	if (rc)
		return rc;
	if (bus->address < 1 || bus->address > 3)
		return uiommu_dt_damaged(p, index, "#address-cells", 0, "has to be 1 to 3");
	if (bus->size < 1 || bus->size > 2)
		return uiommu_dt_damaged(p, index, "#size-cells", 0, "has to be 1 or 2");
	return 0;
}

/* A number of up to two cells; of three, which PCI addresses have, the first is about its space. */
static uint64_t wide(const struct uiommu_dt_cells *cells, size_t at, uint32_t count)
{
	uint64_t value = 0;

	for (uint32_t i = count > 2 ? count - 2 : 0; i < count; i++)
		value = value << 32 | uiommu_dt_cell(cells, at + i);
	return value;
}

/* An address and a size, not empty, not past the end of the address space. */
static int read_range(struct uiommu_dt_parser *p, size_t index, const char *name,
		      const struct uiommu_dt_cells *cells, size_t at, const struct bus *bus,
		      uint64_t *start, uint64_t *last)
{
	uint64_t size;

	if (cells->count - at < bus->address + bus->size)
		return uiommu_dt_damaged(p, index, name, at, UIOMMU_DT_CUT_OFF);
	*start = wide(cells, at, bus->address);
	size = wide(cells, at + bus->address, bus->size);
	if (!size)
		return uiommu_dt_damaged(p, index, name, at + bus->address,
					 "has to be larger than 0");
	*last = *start + size - 1;
	if (*last < *start)
		return uiommu_dt_damaged(p, index, name, at + bus->address,
					 "reaches past the end of the address space");
	return 0;
}

/* The memory of a reserved-memory node; *found = false: it has none, and only keeps IOVAs free. */
static int read_memory(struct uiommu_dt_parser *p, size_t index, uint64_t *start, uint64_t *last,
		       bool *found)
{
	struct uiommu_dt_cells reg;
	struct bus bus;
	int rc;

	rc = uiommu_dt_read_cells(p, index, "reg", &reg);
	*found = reg.count;
	if (rc || !*found)
		return rc;
	rc = read_bus(p, p->entries[index].parent, &bus);
	return rc ? rc : read_range(p, index, "reg", &reg, 0, &bus, start, last);
}

/*
 * The entries of one node's iommu-addresses.  With @wanted UIOMMU_DT_NONE: check all and mark their devices;
 * otherwise those of the device @wanted are added.
 */
static int parse_addresses(struct uiommu_dt_parser *p, size_t index, size_t wanted)
{
	uint64_t start, last, memory_start = 0, memory_last = 0;
	struct uiommu_dt *dt = p->dt;
	struct uiommu_dt_cells cells;
	bool memory = false;
	int rc;

	rc = uiommu_dt_read_cells(p, index, "iommu-addresses", &cells);
	if (rc || !cells.data)
		return rc;
	rc = read_memory(p, index, &memory_start, &memory_last, &memory);
	for (size_t at = 0; !rc && at < cells.count;) {
		size_t device = uiommu_dt_find_phandle(p, uiommu_dt_cell(&cells, at));
		struct bus bus;

		if (device == UIOMMU_DT_NONE || !uiommu_dt_cell(&cells, at))
			return uiommu_dt_damaged(p, index, "iommu-addresses", at,
						 "no node has this phandle");
		if (p->entries[device].parent == UIOMMU_DT_NONE)
			return uiommu_dt_damaged(p, index, "iommu-addresses", at,
						 "the root does no DMA");
		rc = read_bus(p, p->entries[device].parent, &bus);
		if (!rc)
			rc = read_range(p, index, "iommu-addresses", &cells, at + 1, &bus, &start,
					&last);
		if (rc)
			return rc;
		at += 1 + bus.address + bus.size;
		if (wanted == UIOMMU_DT_NONE)
			p->entries[device].reserved = true;
		if (device != wanted)
			continue;
		if (p->fill)
			dt->regions[dt->num_regions] = (struct uiommu_dt_region){
				.start = start,
				.last = last,
				.direct = memory && start == memory_start && last == memory_last,
			};
		dt->num_regions++;
	}
	return rc;
}

int uiommu_dt_parse_memory(struct uiommu_dt_parser *p, size_t wanted)
{
	int rc = 0;

	if (p->memory == UIOMMU_DT_NONE)
		return 0;
	for (size_t i = p->memory + 1; !rc && i < p->num_entries; i++) {
		if (p->entries[i].parent == p->memory && p->entries[i].available)
			rc = parse_addresses(p, i, wanted);
	}
	return rc;
}

/* ---- registers --------------------------------------------------------------------------------- */

/* One entry of a bus's "ranges": does it take [*start, *last]?  Then these are the parent's addresses. */
static bool translate_entry(const struct uiommu_dt_cells *ranges, size_t at,
			    const struct bus *child, const struct bus *parent, uint64_t *start,
			    uint64_t *last)
{
	uint64_t from = wide(ranges, at, child->address);
	uint64_t to = wide(ranges, at + child->address, parent->address);
	uint64_t size = wide(ranges, at + child->address + parent->address, child->size);

	if (!size || *start < from || *last - from > size - 1 || to + (*last - from) < to)
		return false;
	*last = *last - from + to;
	*start = *start - from + to;
	return true;
}

/* From addresses on the bus of node @index to the bus above; *found = false: it has no such window. */
static int translate(struct uiommu_dt_parser *p, size_t index, uint64_t *start, uint64_t *last,
		     bool *found)
{
	struct uiommu_dt_cells ranges;
	struct bus child, parent;
	size_t entry;
	int rc;

	rc = uiommu_dt_read_cells(p, index, "ranges", &ranges);
	if (rc)
		return rc;
	*found = ranges.data && !ranges.count; /* empty: the same addresses */
	if (!ranges.count)
		return 0;
	rc = read_bus(p, index, &child);
	if (!rc)
		rc = read_bus(p, p->entries[index].parent, &parent);
	if (rc)
		return rc;
	entry = child.address + parent.address + child.size;
	if (ranges.count % entry)
		return uiommu_dt_damaged(p, index, "ranges", ranges.count - ranges.count % entry,
					 UIOMMU_DT_CUT_OFF);
	for (size_t at = 0; !*found && at < ranges.count; at += entry)
		*found = translate_entry(&ranges, at, &child, &parent, start, last);
	return 0;
}

int uiommu_dt_read_reg(struct uiommu_dt_parser *p, size_t index, struct uiommu_dt_iommu *iommu)
{
	size_t bus_index = p->entries[index].parent;
	uint64_t start = 0, last = 0;
	struct uiommu_dt_cells reg;
	bool found = true;
	struct bus bus;
	int rc;

	rc = uiommu_dt_read_cells(p, index, "reg", &reg);
	if (rc || !reg.count || bus_index == UIOMMU_DT_NONE)
		return rc;
	if (uiommu_dt_is_text(p, bus_index, "device_type", "pci")) {
		/* IEEE 1275, PCI binding: bits 23:8 of the first cell. */
		iommu->pci = true;
		iommu->source_id = (uint16_t)(uiommu_dt_cell(&reg, 0) >> 8);
		return 0;
	}
	rc = read_bus(p, bus_index, &bus);
	if (!rc)
		rc = read_range(p, index, "reg", &reg, 0, &bus, &start, &last);
	while (!rc && found && p->entries[bus_index].parent != UIOMMU_DT_NONE) {
		rc = translate(p, bus_index, &start, &last, &found);
		bus_index = p->entries[bus_index].parent;
	}
	if (!rc && found) {
		iommu->base = start;
		iommu->size = last - start + 1;
	}
	return rc;
}
