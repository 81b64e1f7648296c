/* SPDX-License-Identifier: MIT */
/*
 * devicetree.h - what the files about Devicetrees share
 *
 * devicetree.c       the parser: masters, and the order of things
 * devicetree_index.c the source: properties, paths, errors, and an index of the nodes
 * devicetree_reg.c   addresses: registers of IOMMUs, reserved memory
 * devicetree_map.c   questions about the result
 */
#ifndef SRC_FIRMWARE_DEVICETREE_H
#define SRC_FIRMWARE_DEVICETREE_H

#include <uiommu/devicetree.h>
#include "src/firmware/bytes.h"

#define UIOMMU_DT_NONE SIZE_MAX

/* What has to be known of a node while others are read. */
struct uiommu_dt_entry {
	int node;
	size_t parent; /* UIOMMU_DT_NONE: the root */
	uint32_t phandle; /* 0: none */
	size_t iommu; /* its number; UIOMMU_DT_NONE: it is none */
	unsigned int cells; /* #iommu-cells of an IOMMU */
	bool available; /* it and everything above it */
	bool reserved; /* reserved memory names it */
};

struct uiommu_dt_parser {
	const struct uiommu_dt_source *source;
	struct uiommu_dt_error *error;
	struct uiommu_dt_entry *entries;
	size_t num_entries;
	size_t memory; /* the entry of /reserved-memory, or UIOMMU_DT_NONE */
	struct uiommu_dt *dt; /* counters, and arrays when filling */
	bool fill;
};

/* A property as 32-bit cells. */
struct uiommu_dt_cells {
	const uint8_t *data; /* NULL: the property is not there */
	size_t count;
};

static inline uint32_t uiommu_dt_cell(const struct uiommu_dt_cells *cells, size_t at)
{
	return bytes_be32(cells->data + 4 * at);
}

#define UIOMMU_DT_CUT_OFF "ends in the middle of an entry"

/* Fill in the error; -UIOMMU_EINVAL. */
int uiommu_dt_damaged(struct uiommu_dt_parser *p, size_t index, const char *property, size_t cell,
		      const char *why);

/*
 * The path of a node: as much of its end as fits into @room with a NUL.  Returns its whole length; @out
 * may be NULL.
 */
size_t uiommu_dt_write_path(struct uiommu_dt_parser *p, size_t index, char *out, size_t room);

const uint8_t *uiommu_dt_property(struct uiommu_dt_parser *p, size_t index, const char *name,
				  size_t *length);
bool uiommu_dt_has(struct uiommu_dt_parser *p, size_t index, const char *name);
/* Is the property this text, with its NUL? */
bool uiommu_dt_is_text(struct uiommu_dt_parser *p, size_t index, const char *name,
		       const char *text);
int uiommu_dt_read_cells(struct uiommu_dt_parser *p, size_t index, const char *name,
			 struct uiommu_dt_cells *out);
/* A number of one cell; @value keeps what it is without the property. */
int uiommu_dt_read_number(struct uiommu_dt_parser *p, size_t index, const char *name,
			  uint32_t *value);

/* Count the nodes, with @entries NULL, or fill in the index.  -UIOMMU_E2BIG: not the order of a tree. */
int uiommu_dt_index(struct uiommu_dt_parser *p, struct uiommu_dt_entry *entries, size_t *count,
		    size_t *num_iommus);
size_t uiommu_dt_find_phandle(const struct uiommu_dt_parser *p, uint32_t phandle);

/* Where the registers of an IOMMU are: what of struct uiommu_dt_iommu is about that. */
int uiommu_dt_read_reg(struct uiommu_dt_parser *p, size_t index, struct uiommu_dt_iommu *iommu);

/*
 * All entries of all iommu-addresses.  With @wanted UIOMMU_DT_NONE: check them and mark their devices;
 * otherwise those of the device @wanted are added to the regions.
 */
int uiommu_dt_parse_memory(struct uiommu_dt_parser *p, size_t wanted);

#endif /* SRC_FIRMWARE_DEVICETREE_H */
