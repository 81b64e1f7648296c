/* SPDX-License-Identifier: MIT */
/*
 * devicetree.c - reading what a Devicetree says about IOMMUs
 *
 * First the source is walked into an index: nodes, parents, phandles, IOMMUs.  Then the same code goes over
 * the index twice: the first time it checks every property and counts, the second time it fills in what was
 * allocated meanwhile, and finds nothing wrong that the first did not.
 */
#include "src/firmware/devicetree.h"

/* The IOMMU that cell @at of a property names. */
static int find_iommu(struct uiommu_dt_parser *p, size_t index, const char *name,
		      const struct uiommu_dt_cells *cells, size_t at,
		      const struct uiommu_dt_entry **out)
{
	size_t found = uiommu_dt_find_phandle(p, uiommu_dt_cell(cells, at));

	if (found == UIOMMU_DT_NONE)
		return uiommu_dt_damaged(p, index, name, at, "no node has this phandle");
	if (p->entries[found].iommu == UIOMMU_DT_NONE)
		return uiommu_dt_damaged(p, index, name, at,
					 "the node of this phandle has no #iommu-cells");
	*out = &p->entries[found];
	return 0;
}

/* ---- masters ------------------------------------------------ */

static int parse_references(struct uiommu_dt_parser *p, size_t index,
			    struct uiommu_dt_master *master)
{
	struct uiommu_dt *dt = p->dt;
	size_t first = dt->num_references;
	struct uiommu_dt_cells cells;
	int rc;

	rc = uiommu_dt_read_cells(p, index, "iommus", &cells);
	for (size_t at = 0; !rc && at < cells.count;) {
		const struct uiommu_dt_entry *iommu = NULL;

		if (!uiommu_dt_cell(&cells, at)) { /* nothing there, by convention */
			at++;
			continue;
		}
		rc = find_iommu(p, index, "iommus", &cells, at, &iommu);
		if (rc)
			return rc;
		if (cells.count - at - 1 < iommu->cells)
			return uiommu_dt_damaged(p, index, "iommus", at, UIOMMU_DT_CUT_OFF);
		if (p->fill) {
			dt->references[dt->num_references] = (struct uiommu_dt_reference){
				.iommu = &dt->iommus[iommu->iommu],
				.ids = iommu->cells ? dt->ids + dt->num_ids : NULL,
			};
			for (size_t i = 0; i < iommu->cells; i++)
				dt->ids[dt->num_ids + i] = uiommu_dt_cell(&cells, at + 1 + i);
		}
		dt->num_references++;
		dt->num_ids += iommu->cells;
		at += 1 + iommu->cells;
	}
	master->num_references = dt->num_references - first;
	if (p->fill && master->num_references)
		master->references = dt->references + first;
	return rc;
}

/* One entry of iommu-map, from cell @at on; the mask is known. */
static int parse_map(struct uiommu_dt_parser *p, size_t index, const struct uiommu_dt_cells *cells,
		     size_t at, const struct uiommu_dt_master *master)
{
	uint32_t first = uiommu_dt_cell(cells, at), id = uiommu_dt_cell(cells, at + 2),
		 length = uiommu_dt_cell(cells, at + 3);
	const struct uiommu_dt_entry *iommu = NULL;
	struct uiommu_dt *dt = p->dt;
	int rc;

	rc = find_iommu(p, index, "iommu-map", cells, at + 1, &iommu);
	if (rc)
		return rc;
	if (iommu->cells != 1)
		return uiommu_dt_damaged(p, index, "iommu-map", at + 1,
					 "the IOMMU has to have #iommu-cells = <1>");
	if (first & ~master->map_mask)
		return uiommu_dt_damaged(p, index, "iommu-map", at,
					 "has bits that iommu-map-mask takes away");
	if (!length)
		return 0;
	if (length - 1 > UINT32_MAX - first)
		return uiommu_dt_damaged(p, index, "iommu-map", at + 3,
					 "requester IDs need more than 32 bits");
	if (length - 1 > UINT32_MAX - id)
		return uiommu_dt_damaged(p, index, "iommu-map", at + 3,
					 "output IDs need more than 32 bits");
	if (p->fill)
		dt->maps[dt->num_maps] = (struct uiommu_dt_map){
			.first = first,
			.last = first + (length - 1),
			.iommu = &dt->iommus[iommu->iommu],
			.id = id,
		};
	dt->num_maps++;
	return 0;
}

static int parse_maps(struct uiommu_dt_parser *p, size_t index, struct uiommu_dt_master *master)
{
	size_t start = p->dt->num_maps;
	struct uiommu_dt_cells cells;
	int rc;

	master->map_mask = UINT32_MAX;
	rc = uiommu_dt_read_number(p, index, "iommu-map-mask", &master->map_mask);
	if (!rc)
		rc = uiommu_dt_read_cells(p, index, "iommu-map", &cells);
	if (rc)
		return rc;
	master->has_map = cells.data;
	if (cells.count % 4)
		return uiommu_dt_damaged(p, index, "iommu-map", cells.count - cells.count % 4,
					 UIOMMU_DT_CUT_OFF);
	for (size_t at = 0; !rc && at < cells.count; at += 4)
		rc = parse_map(p, index, &cells, at, master);
	master->num_maps = p->dt->num_maps - start;
	if (p->fill && master->num_maps)
		master->maps = p->dt->maps + start;
	return rc;
}

static bool is_pci(struct uiommu_dt_parser *p, size_t index)
{
	return uiommu_dt_is_text(p, index, "device_type", "pci");
}

static bool is_coherent(struct uiommu_dt_parser *p, size_t index)
{
	for (; index != UIOMMU_DT_NONE; index = p->entries[index].parent) {
		if (uiommu_dt_has(p, index, "dma-coherent"))
			return true;
		if (uiommu_dt_has(p, index, "dma-noncoherent"))
			return false;
	}
	return false;
}

static int parse_traits(struct uiommu_dt_parser *p, size_t index, struct uiommu_dt_master *master)
{
	uint32_t segment = 0, pasid_bits = 0;
	int rc;

	master->node = p->entries[index].node;
	master->phandle = p->entries[index].phandle;
	master->coherent = is_coherent(p, index);
	master->ats = uiommu_dt_has(p, index, "ats-supported");
	master->stall = uiommu_dt_has(p, index, "dma-can-stall");
	/* A bridge below a host bridge has the same device_type. */
	master->pci = is_pci(p, index) && p->entries[index].parent != UIOMMU_DT_NONE &&
		      !is_pci(p, p->entries[index].parent);
	rc = uiommu_dt_read_number(p, index, "pasid-num-bits", &pasid_bits);
	if (!rc)
		rc = uiommu_dt_read_number(p, index, "linux,pci-domain", &segment);
	if (rc)
		return rc;
	if (pasid_bits > 20)
		return uiommu_dt_damaged(p, index, "pasid-num-bits", 0, "has to be 0 to 20");
	if (segment > 0xffff)
		return uiommu_dt_damaged(p, index, "linux,pci-domain", 0, "has to be 0 to 0xffff");
	master->pasid_bits = pasid_bits;
	master->has_segment = uiommu_dt_has(p, index, "linux,pci-domain");
	master->segment = (uint16_t)segment;
	return 0;
}

static int parse_regions(struct uiommu_dt_parser *p, size_t index, struct uiommu_dt_master *master)
{
	size_t first = p->dt->num_regions;
	int rc;

	if (!p->entries[index].reserved)
		return 0;
	rc = uiommu_dt_parse_memory(p, index);
	master->num_regions = p->dt->num_regions - first;
	if (p->fill && master->num_regions)
		master->regions = p->dt->regions + first;
	return rc;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static const char *add_path(struct uiommu_dt_parser *p, size_t index)
{
	struct uiommu_dt *dt = p->dt;
	size_t length = uiommu_dt_write_path(p, index, NULL, 0);
	char *path = p->fill ? dt->strings + dt->string_bytes : NULL;

	if (path)
		uiommu_dt_write_path(p, index, path, length + 1);
	dt->string_bytes += length + 1;
	return path;
}

/* The first of the strings in "compatible". */
static int add_compatible(struct uiommu_dt_parser *p, size_t index, const char **out)
{
	struct uiommu_dt *dt = p->dt;
	size_t room = 0, length = 0;
	const uint8_t *text = uiommu_dt_property(p, index, "compatible", &room);
	char *copy = p->fill ? dt->strings + dt->string_bytes : NULL;

	while (text && length < room && text[length])
		length++;
	if (text && length == room)
		return uiommu_dt_damaged(p, index, "compatible", 0, "has to end with a NUL");
	for (size_t i = 0; copy && i < length; i++)
		copy[i] = (char)text[i];
	*out = copy;
	dt->string_bytes += length + 1; /* fresh memory is zeroed */
	return 0;
}

static int parse_iommu(struct uiommu_dt_parser *p, size_t index)
{
	const struct uiommu_dt_entry *entry = &p->entries[index];
	struct uiommu_dt_iommu none = { 0 };
	struct uiommu_dt_iommu *iommu = p->fill ? &p->dt->iommus[entry->iommu] : &none;
	int rc;

	p->dt->num_iommus++;
	iommu->path = add_path(p, index);
	iommu->fwnode.name = iommu->path;
	iommu->node = entry->node;
	iommu->cells = entry->cells;
	iommu->available = entry->available;
	iommu->coherent = is_coherent(p, index);
	rc = add_compatible(p, index, &iommu->compatible);
	/* Of a disabled one nothing is used. */
	return rc || !entry->available ? rc : uiommu_dt_read_reg(p, index, iommu);
}

/* A node is known to be a master only after some of it was read: there is no place for others. */
static int parse_master(struct uiommu_dt_parser *p, size_t index)
{
	struct uiommu_dt *dt = p->dt;
	struct uiommu_dt_master master = { 0 };
	int rc;

	if (!p->entries[index].available)
		return 0;
	rc = parse_traits(p, index, &master);
	if (rc)
		return rc;
	if (!master.pci && !p->entries[index].reserved && !uiommu_dt_has(p, index, "iommus") &&
	    !uiommu_dt_has(p, index, "iommu-map"))
		return 0;
	master.path = add_path(p, index);
	rc = parse_references(p, index, &master);
	if (!rc)
		rc = parse_maps(p, index, &master);
	if (!rc)
		rc = parse_regions(p, index, &master);
	if (p->fill)
		dt->masters[dt->num_masters] = master;
	dt->num_masters++;
	return rc;
}

static int walk(struct uiommu_dt_parser *p)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->num_entries; i++) {
		if (p->entries[i].iommu != UIOMMU_DT_NONE)
			rc = parse_iommu(p, i);
		if (!rc)
			rc = parse_master(p, i);
	}
	return rc;
}

/* An array of @count, or NULL with *ok = false; none for 0. */
static void *array(void *host, size_t count, size_t size, bool *ok)
{
	void *memory = count ? uiommu_port_alloc(host, count * size) : NULL;

	if (count && !memory)
		*ok = false;
	return memory;
}

static bool allocate(struct uiommu_dt *dt)
{
	bool ok = true;

	dt->iommus = array(dt->host, dt->num_iommus, sizeof(*dt->iommus), &ok);
	dt->masters = array(dt->host, dt->num_masters, sizeof(*dt->masters), &ok);
	dt->references = array(dt->host, dt->num_references, sizeof(*dt->references), &ok);
	dt->ids = array(dt->host, dt->num_ids, sizeof(*dt->ids), &ok);
	dt->maps = array(dt->host, dt->num_maps, sizeof(*dt->maps), &ok);
	dt->regions = array(dt->host, dt->num_regions, sizeof(*dt->regions), &ok);
	dt->strings = array(dt->host, dt->string_bytes, 1, &ok);
	return ok;
}

/* With the index: both walks. */
static int parse_index(struct uiommu_dt_parser *p, void *host, struct uiommu_dt **out)
{
	struct uiommu_dt counts = { .host = host }, *dt;
	int rc;

	p->dt = &counts;
	rc = uiommu_dt_parse_memory(p, UIOMMU_DT_NONE);
	if (!rc)
		rc = walk(p);
	if (rc)
		return rc;
	dt = uiommu_port_alloc(host, sizeof(*dt));
	if (!dt)
		return -UIOMMU_ENOMEM;
	*dt = counts;
	if (!allocate(dt)) {
		uiommu_dt_free(dt);
		return -UIOMMU_ENOMEM;
	}
	/* The arrays stay; the second walk counts to the same numbers. */
	dt->num_iommus = 0;
	dt->num_masters = 0;
	dt->num_references = 0;
	dt->num_ids = 0;
	dt->num_maps = 0;
	dt->num_regions = 0;
	dt->string_bytes = 0;
	p->dt = dt;
	p->fill = true;
	walk(p);
	*out = dt;
	return 0;
}

static int no_tree(struct uiommu_dt_error *error, const char *why)
{
	if (error)
		*error = (struct uiommu_dt_error){ .path = "/", .property = "", .why = why };
	return -UIOMMU_EINVAL;
}

int uiommu_dt_parse(void *host, const struct uiommu_dt_source *source, struct uiommu_dt **out,
		    struct uiommu_dt_error *error)
{
	struct uiommu_dt_parser p = { .source = source, .error = error, .memory = UIOMMU_DT_NONE };
	size_t count = 0, num_iommus = 0;
	int rc;

	rc = uiommu_dt_index(&p, NULL, &count, NULL);
	if (!rc && !count)
		return no_tree(error, "there is no root");
	if (!rc) {
		p.entries = uiommu_port_alloc(host, count * sizeof(*p.entries));
		if (!p.entries)
			return -UIOMMU_ENOMEM;
		rc = uiommu_dt_index(&p, p.entries, &count, &num_iommus);
	}
	if (rc == -UIOMMU_E2BIG)
		rc = no_tree(error, "nodes are deeper than 32, or not in the order of a tree");
	if (!rc)
		rc = parse_index(&p, host, out);
	uiommu_port_free(host, p.entries, count * sizeof(*p.entries));
	return rc;
}

void uiommu_dt_free(struct uiommu_dt *dt)
{
	void *host;

	if (!dt)
		return;
	host = dt->host;
	uiommu_port_free(host, dt->iommus, dt->num_iommus * sizeof(*dt->iommus));
	uiommu_port_free(host, dt->masters, dt->num_masters * sizeof(*dt->masters));
	uiommu_port_free(host, dt->references, dt->num_references * sizeof(*dt->references));
	uiommu_port_free(host, dt->ids, dt->num_ids * sizeof(*dt->ids));
	uiommu_port_free(host, dt->maps, dt->num_maps * sizeof(*dt->maps));
	uiommu_port_free(host, dt->regions, dt->num_regions * sizeof(*dt->regions));
	uiommu_port_free(host, dt->strings, dt->string_bytes);
	uiommu_port_free(host, dt, sizeof(*dt));
}
