/* SPDX-License-Identifier: MIT */
/* devicetree_index.c - nodes and properties of a Devicetree's source */
#include "src/firmware/devicetree.h"

#define MAX_CELLS 8 /* of an IOMMU reference; bindings have up to 4 */

static const char *const cell_size = "has to consist of 32-bit cells";
static const char *const one_cell = "has to be one 32-bit cell";

/* ---- the source -------------------------------------------------------------------------------- */

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static const char *name_of(struct uiommu_dt_parser *p, size_t index)
{
	return p->source->name(p->source->context, p->entries[index].node);
}

/*
 * The path of a node: as much of its end as fits into @room with a NUL.  Returns its whole length; @out
 * may be NULL.
 */
size_t uiommu_dt_write_path(struct uiommu_dt_parser *p, size_t index, char *out, size_t room)
{
	size_t total = 0, skip, at;

	for (size_t i = index; p->entries[i].parent != UIOMMU_DT_NONE; i = p->entries[i].parent)
		total += 1 + length_of(name_of(p, i));
	if (!total)
		total = 1; /* the root: "/" */
	if (!out)
		return total;

	skip = total < room ? 0 : total - (room - 1);
	at = total;
	out[total - skip] = 0;
	if (p->entries[index].parent == UIOMMU_DT_NONE)
		out[0] = '/';
	for (size_t i = index; p->entries[i].parent != UIOMMU_DT_NONE; i = p->entries[i].parent) {
		const char *name = name_of(p, i);

		for (size_t n = length_of(name) + 1; n--;) {
			if (--at >= skip)
				out[at - skip] = n ? name[n - 1] : '/';
		}
	}
	return total;
}

int uiommu_dt_damaged(struct uiommu_dt_parser *p, size_t index, const char *property, size_t cell,
		      const char *why)
{
	struct uiommu_dt_error *error = p->error;

	if (!error)
		return -UIOMMU_EINVAL;
	if (uiommu_dt_write_path(p, index, error->path, sizeof(error->path)) >=
	    sizeof(error->path)) {
		for (size_t i = 0; i < 3; i++)
			error->path[i] = '.';
	}
	error->property = property;
	error->cell = cell;
	error->why = why;
	return -UIOMMU_EINVAL;
}

const uint8_t *uiommu_dt_property(struct uiommu_dt_parser *p, size_t index, const char *name,
				  size_t *length)
{
	return p->source->property(p->source->context, p->entries[index].node, name, length);
}

bool uiommu_dt_has(struct uiommu_dt_parser *p, size_t index, const char *name)
{
	size_t length;

	return uiommu_dt_property(p, index, name, &length);
}

/* Is the property this text, with its NUL? */
bool uiommu_dt_is_text(struct uiommu_dt_parser *p, size_t index, const char *name, const char *text)
{
	size_t length;
	const uint8_t *data = uiommu_dt_property(p, index, name, &length);

	return data && length == length_of(text) + 1 && bytes_equal(data, text, length);
}

int uiommu_dt_read_cells(struct uiommu_dt_parser *p, size_t index, const char *name,
			 struct uiommu_dt_cells *out)
{
	size_t length = 0;

	out->data = uiommu_dt_property(p, index, name, &length);
	out->count = out->data ? length / 4 : 0;
	if (out->data && length % 4)
		return uiommu_dt_damaged(p, index, name, length / 4, cell_size);
	return 0;
}

/* A number of one cell; @value keeps what it is without the property. */
int uiommu_dt_read_number(struct uiommu_dt_parser *p, size_t index, const char *name,
			  uint32_t *value)
{
	struct uiommu_dt_cells cells;
	int rc = uiommu_dt_read_cells(p, index, name, &cells);

	if (rc || !cells.data)
		return rc;
	if (cells.count != 1)
		return uiommu_dt_damaged(p, index, name, 0, one_cell);
	*value = uiommu_dt_cell(&cells, 0);
	return 0;
}

/* ---- the index --------------------------------------------------------------------------------- */

static bool is_available(struct uiommu_dt_parser *p, size_t index)
{
	return !uiommu_dt_has(p, index, "status") ||
	       uiommu_dt_is_text(p, index, "status", "okay") ||
	       uiommu_dt_is_text(p, index, "status", "ok");
}

static int index_node(struct uiommu_dt_parser *p, size_t index, size_t *num_iommus)
{
	struct uiommu_dt_entry *entry = &p->entries[index];
	uint32_t cells = 0;
	int rc;

	entry->iommu = UIOMMU_DT_NONE;
	entry->available = is_available(p, index) &&
			   (entry->parent == UIOMMU_DT_NONE || p->entries[entry->parent].available);
	rc = uiommu_dt_read_number(p, index, "phandle", &entry->phandle);
	if (!rc && !entry->phandle)
		rc = uiommu_dt_read_number(p, index, "linux,phandle", &entry->phandle);
	if (!rc)
		rc = uiommu_dt_read_number(p, index, "#iommu-cells", &cells);
	if (rc)
		return rc;
	if (entry->phandle == UINT32_MAX)
		return uiommu_dt_damaged(p, index, "phandle", 0, "has to be 1 to 0xfffffffe");
	if (!uiommu_dt_has(p, index, "#iommu-cells"))
		return 0;
	if (cells > MAX_CELLS)
		return uiommu_dt_damaged(p, index, "#iommu-cells", 0, "has to be 0 to 8");
	entry->cells = cells;
	entry->iommu = (*num_iommus)++;
	return 0;
}

/* Fill in the index, or only count with @entries NULL. */
int uiommu_dt_index(struct uiommu_dt_parser *p, struct uiommu_dt_entry *entries, size_t *count,
		    size_t *num_iommus)
{
	size_t above[UIOMMU_DT_MAX_DEPTH] = { 0 }; /* the newest node of each depth */
	unsigned int depth = 0, last = 0;
	size_t n = 0;
	int node = -1, rc;

	while ((node = p->source->next(p->source->context, node, &depth)) >= 0) {
		bool root = n == 0;

		/* The root is the only node of its depth; a child comes after its parent. */
		if (depth >= UIOMMU_DT_MAX_DEPTH ||
		    (root ? depth != 0 : !depth || depth > last + 1))
			return -UIOMMU_E2BIG;
		if (entries) {
			if (n == *count)
				return -UIOMMU_E2BIG;
			p->num_entries = n + 1;
			entries[n].node = node;
			entries[n].parent = root ? UIOMMU_DT_NONE : above[depth - 1];
			rc = index_node(p, n, num_iommus);
			if (rc)
				return rc;
			if (depth == 1 && p->memory == UIOMMU_DT_NONE &&
			    bytes_text_is(name_of(p, n), "reserved-memory"))
				p->memory = n;
		}
		above[depth] = n;
		last = depth;
		n++;
	}
	*count = n;
	return 0;
}

size_t uiommu_dt_find_phandle(const struct uiommu_dt_parser *p, uint32_t phandle)
{
	for (size_t i = 0; i < p->num_entries; i++) {
		if (p->entries[i].phandle == phandle)
			return i;
	}
	return UIOMMU_DT_NONE;
}
