/* SPDX-License-Identifier: MIT */
/*
 * iort.c - the IORT table: reading its graph
 *
 * The table is copied, so that nobody changes it meanwhile, and walked twice by the same code.  The first
 * walk checks every length and counts; then memory is allocated; the second walk fills it in.  A third step
 * links the ID mappings to the nodes that they lead to, and refuses those that lead nowhere.
 *
 * The graph has no circles: an ID mapping goes only from a lower rank to a higher one (rank_of()).
 */
#include <uiommu/iort.h>
#include "spec/acpi.h"
#include "src/firmware/bytes.h"
#include "src/firmware/table.h"

struct parser {
	const uint8_t *table;
	size_t size; /* the table's own length, at most what may be read */
	struct uiommu_acpi_error *error;
	struct uiommu_iort *iort; /* counters, and arrays in the second walk */
	bool fill;
};

/* One node: bytes [start, start + length) of the table. */
struct span {
	const char *what;
	size_t start, length;
	const uint8_t *bytes;
	unsigned int revision;
};

static int damaged(struct parser *p, size_t offset, const char *what, const char *why)
{
	return uiommu_acpi_damaged(p->error, offset, what, why);
}

/* ---- parts of nodes ---------------------------------------------------------------------------- */

/*
 * An array inside a node: its count and its offset from the node's start are 32-bit fields.  @at: where it
 * starts in the table, untouched if it is empty.
 */
static int find_array(struct parser *p, const struct span *span, size_t count_at, size_t offset_at,
		      size_t item, size_t *count, size_t *at)
{
	size_t offset = bytes_le32(span->bytes + offset_at);

	*count = bytes_le32(span->bytes + count_at);
	if (!*count)
		return 0;
	if (offset < ACPI_IORT_NODE_HEADER_SIZE || offset > span->length)
		return damaged(p, span->start + offset_at, span->what,
			       "array starts outside of it");
	if (*count > (span->length - offset) / item)
		return damaged(p, span->start + count_at, span->what, "array reaches past its end");
	*at = span->start + offset;
	return 0;
}

static int parse_mappings(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	struct uiommu_iort *iort = p->iort;
	size_t count, at = 0;
	int rc;

	rc = find_array(p, span, ACPI_IORT_NODE_NUM_MAPPINGS, ACPI_IORT_NODE_MAPPINGS,
			ACPI_IORT_MAPPING_SIZE, &count, &at);
	if (rc)
		return rc;
	for (size_t i = 0; i < count; i++, at += ACPI_IORT_MAPPING_SIZE) {
		const uint8_t *bytes = p->table + at;
		struct uiommu_iort_mapping mapping = {
			.input = bytes_le32(bytes + ACPI_IORT_MAPPING_INPUT),
			.count_minus_1 = bytes_le32(bytes + ACPI_IORT_MAPPING_COUNT),
			.output = bytes_le32(bytes + ACPI_IORT_MAPPING_OUTPUT),
			.single = bytes_le32(bytes + ACPI_IORT_MAPPING_FLAGS) &
				  ACPI_IORT_MAPPING_SINGLE,
		};

		if (mapping.single)
			mapping.count_minus_1 = 0;
		else if (mapping.count_minus_1 > UINT32_MAX - mapping.input)
			return damaged(p, at, "ID mapping", "input IDs need more than 32 bits");
		if (mapping.count_minus_1 > UINT32_MAX - mapping.output)
			return damaged(p, at + ACPI_IORT_MAPPING_OUTPUT, "ID mapping",
				       "output IDs need more than 32 bits");
		if (p->fill)
			iort->mappings[iort->num_mappings + i] = mapping;
	}
	if (p->fill && count) {
		node->num_mappings = count;
		node->mappings = iort->mappings + iort->num_mappings;
	}
	iort->num_mappings += count;
	return 0;
}

static bool is_coherent(const uint8_t *access)
{
	return bytes_le32(access + ACPI_IORT_ACCESS_COHERENT) == 1;
}

/* ---- nodes, by type; @node is scratch in the first walk ---------------------------------------- */

/* "ITS group node" */
static int parse_its(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	size_t count = bytes_le32(span->bytes + ACPI_IORT_ITS_COUNT);
	struct uiommu_iort *iort = p->iort;

	if (count > (span->length - ACPI_IORT_ITS_IDS) / 4)
		return damaged(p, span->start + ACPI_IORT_ITS_COUNT, span->what,
			       "array reaches past its end");
	if (p->fill && count) {
		for (size_t i = 0; i < count; i++)
			iort->its[iort->num_its + i] =
				bytes_le32(span->bytes + ACPI_IORT_ITS_IDS + 4 * i);
		node->num_its = count;
		node->its = iort->its + iort->num_its;
	}
	iort->num_its += count;
	return 0;
}

/* "Named component node" */
static int parse_component(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	uint32_t flags = bytes_le32(span->bytes + ACPI_IORT_COMPONENT_FLAGS);
	const uint8_t *name = span->bytes + ACPI_IORT_COMPONENT_NAME;
	size_t room = span->length - ACPI_IORT_COMPONENT_NAME, length = 0;
	struct uiommu_iort *iort = p->iort;

	while (length < room && name[length])
		length++;
	if (length == room)
		return damaged(p, span->start + ACPI_IORT_COMPONENT_NAME, span->what,
			       "name does not end");
	node->coherent = is_coherent(span->bytes + ACPI_IORT_COMPONENT_ACCESS);
	node->address_bits = span->bytes[ACPI_IORT_COMPONENT_ADDRESS_BITS];
	node->stall = flags & ACPI_IORT_COMPONENT_STALL;
	node->pasid_bits = (flags & ACPI_IORT_COMPONENT_PASID) >> ACPI_IORT_COMPONENT_PASID_SHIFT;
	if (node->pasid_bits > 20)
		return damaged(p, span->start + ACPI_IORT_COMPONENT_FLAGS, span->what,
			       "PASIDs of more than 20 bits");
	if (p->fill) {
		char *copy = iort->strings + iort->string_bytes;

		for (size_t i = 0; i <= length; i++)
			copy[i] = (char)name[i];
		node->object = copy;
	}
	iort->string_bytes += length + 1;
	return 0;
}

/* "Root complex node" */
static int parse_root(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	uint32_t ats = bytes_le32(span->bytes + ACPI_IORT_ROOT_ATS);

	node->coherent = is_coherent(span->bytes + ACPI_IORT_ROOT_ACCESS);
	node->segment = bytes_le32(span->bytes + ACPI_IORT_ROOT_SEGMENT);
	node->ats = ats & ACPI_IORT_ROOT_ATS_SUPPORTED;
	node->pri = ats & ACPI_IORT_ROOT_ATS_PRI;
	if (span->revision >= 1) {
		if (span->length < ACPI_IORT_ROOT_SIZE_1)
			return damaged(p, span->start, span->what, "too short for its revision");
		node->address_bits = span->bytes[ACPI_IORT_ROOT_ADDRESS_BITS];
	}
	if (span->revision >= 4) {
		if (span->length < ACPI_IORT_ROOT_SIZE_4)
			return damaged(p, span->start, span->what, "too short for its revision");
		if (bytes_le32(span->bytes + ACPI_IORT_ROOT_FLAGS) & ACPI_IORT_ROOT_FLAGS_PASID)
			node->pasid_bits = bytes_le16(span->bytes + ACPI_IORT_ROOT_PASID) & 0x1f;
		if (node->pasid_bits > 20)
			return damaged(p, span->start + ACPI_IORT_ROOT_PASID, span->what,
				       "PASIDs of more than 20 bits");
	}
	return 0;
}

static int check_base(struct parser *p, const struct span *span, size_t at, uint64_t base)
{
	if (!base || base % 4096)
		return damaged(p, span->start + at, span->what,
			       "register base is 0 or not a multiple of 4096");
	return 0;
}

/* "SMMUv1 or SMMUv2 node" */
static int parse_smmu(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	node->base = bytes_le64(span->bytes + ACPI_IORT_SMMU_BASE);
	node->model = bytes_le32(span->bytes + ACPI_IORT_SMMU_MODEL);
	node->coherent = bytes_le32(span->bytes + ACPI_IORT_SMMU_FLAGS) & ACPI_IORT_SMMU_COHERENT;
	return check_base(p, span, ACPI_IORT_SMMU_BASE, node->base);
}

/* "SMMUv3 node" */
static int parse_smmuv3(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	uint32_t flags = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_FLAGS);

	node->base = bytes_le64(span->bytes + ACPI_IORT_SMMUV3_BASE);
	node->model = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_MODEL);
	node->event_irq = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_EVENT);
	node->pri_irq = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_PRI);
	node->gerror_irq = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_GERROR);
	node->sync_irq = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_SYNC);
	node->coherent = flags & ACPI_IORT_SMMUV3_COHERENT;
	node->httu = (flags & ACPI_IORT_SMMUV3_HTTU) >> ACPI_IORT_SMMUV3_HTTU_SHIFT;
	if (span->revision >= 1) {
		if (span->length < ACPI_IORT_SMMUV3_SIZE_1)
			return damaged(p, span->start, span->what, "too short for its revision");
		node->has_proximity = flags & ACPI_IORT_SMMUV3_PROXIMITY_VALID;
		node->proximity = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_PROXIMITY);
	}
	return check_base(p, span, ACPI_IORT_SMMUV3_BASE, node->base);
}

/*
 * Which ID mapping of an SMMUv3 gives the device ID of its own messages.  Until revision 5 the index counts
 * if an interrupt is not wired; firmware leaves 0 there also where nothing is meant, so that only a single
 * mapping is believed.
 */
static void find_own_mapping(const struct span *span, struct uiommu_iort_node *node)
{
	uint32_t flags, index;

	if (node->type != ACPI_IORT_SMMUV3 || span->revision < 1)
		return;
	flags = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_FLAGS);
	if (span->revision >= 5 ?
		    !(flags & ACPI_IORT_SMMUV3_MAPPING_VALID) :
		    node->event_irq && node->pri_irq && node->gerror_irq && node->sync_irq)
		return;
	index = bytes_le32(span->bytes + ACPI_IORT_SMMUV3_DEVICE_MAPPING);
	if (index < node->num_mappings && node->mappings[index].single)
		node->own = &node->mappings[index];
}

static unsigned int prot_of(uint32_t flags)
{
	uint32_t attribute = (flags & ACPI_IORT_RMR_ATTRIBUTE) >> ACPI_IORT_RMR_ATTRIBUTE_SHIFT;
	unsigned int prot = UIOMMU_READ | UIOMMU_WRITE;

	if (flags & ACPI_IORT_RMR_PRIVILEGED)
		prot |= UIOMMU_PRIV;
	if (attribute <= ACPI_IORT_RMR_DEVICE_GRE)
		prot |= UIOMMU_MMIO;
	else if (attribute == ACPI_IORT_RMR_NORMAL_WRITE_BACK)
		prot |= UIOMMU_CACHE;
	return prot;
}

/* "Reserved memory range node" */
static int parse_rmr(struct parser *p, const struct span *span, struct uiommu_iort_node *node)
{
	uint32_t flags = bytes_le32(span->bytes + ACPI_IORT_RMR_FLAGS);
	struct uiommu_iort *iort = p->iort;
	size_t count, at = 0;
	int rc;

	if (p->table[ACPI_TABLE_REVISION] < ACPI_IORT_REVISION_RMR)
		return 0;
	rc = find_array(p, span, ACPI_IORT_RMR_COUNT, ACPI_IORT_RMR_RANGES, ACPI_IORT_RANGE_SIZE,
			&count, &at);
	if (rc)
		return rc;
	node->prot = prot_of(flags);
	node->relaxable = flags & ACPI_IORT_RMR_REMAP;
	for (size_t i = 0; i < count; i++, at += ACPI_IORT_RANGE_SIZE) {
		uint64_t base = bytes_le64(p->table + at + ACPI_IORT_RANGE_BASE);
		uint64_t length = bytes_le64(p->table + at + ACPI_IORT_RANGE_LENGTH);

		if (!length)
			return damaged(p, at + ACPI_IORT_RANGE_LENGTH, "memory range", "is empty");
		if (base + length - 1 < base)
			return damaged(p, at + ACPI_IORT_RANGE_LENGTH, "memory range",
				       "wraps around the address space");
		if (p->fill)
			iort->ranges[iort->num_ranges + i] =
				(struct uiommu_iort_range){ base, base + length - 1 };
	}
	if (p->fill && count) {
		node->num_ranges = count;
		node->ranges = iort->ranges + iort->num_ranges;
	}
	iort->num_ranges += count;
	return 0;
}

/* What is understood, by type.  A node is at least @size long before @parse sees it. */
static const struct {
	const char *what;
	size_t size;
	unsigned int rank; /* ID mappings lead to higher ranks; 0: they lead nowhere */
	int (*parse)(struct parser *p, const struct span *span, struct uiommu_iort_node *node);
} types[] = {
	[ACPI_IORT_ITS_GROUP] = { "ITS group", ACPI_IORT_ITS_IDS, 3, parse_its },
	[ACPI_IORT_NAMED_COMPONENT] = { "named component", ACPI_IORT_COMPONENT_NAME + 1, 1,
					parse_component },
	[ACPI_IORT_ROOT_COMPLEX] = { "root complex", ACPI_IORT_ROOT_SIZE, 1, parse_root },
	[ACPI_IORT_SMMU] = { "SMMU", ACPI_IORT_SMMU_SIZE, 2, parse_smmu },
	[ACPI_IORT_SMMUV3] = { "SMMUv3", ACPI_IORT_SMMUV3_SIZE, 2, parse_smmuv3 },
	[ACPI_IORT_PMCG] = { "PMCG", ACPI_IORT_NODE_HEADER_SIZE, 1, NULL },
	[ACPI_IORT_RMR] = { "RMR", ACPI_IORT_RMR_SIZE, 1, parse_rmr },
};

#define NUM_TYPES (sizeof(types) / sizeof(types[0]))

/* A type that we do not know may take IDs, whatever it does with them. */
static unsigned int rank_of(unsigned int type)
{
	return type < NUM_TYPES ? types[type].rank : 3;
}

static void name_node(struct uiommu_iort_node *node, const char *prefix, size_t number)
{
	char digits[10]; /* a table of 4 GiB has at most 2^28 nodes */
	size_t n = 0, at = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number && n < sizeof(digits));
	while (prefix[at]) {
		node->name[at] = prefix[at];
		at++;
	}
	while (n)
		node->name[at++] = digits[--n];
	node->name[at] = 0;
	node->fwnode.name = node->name;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int parse_node(struct parser *p, struct span *span)
{
	unsigned int type = span->bytes[ACPI_IORT_NODE_TYPE];
	struct uiommu_iort *iort = p->iort;
	struct uiommu_iort_node none = { 0 };
	struct uiommu_iort_node *node = p->fill ? &iort->nodes[iort->num_nodes] : &none;
	int rc = 0;

	span->revision = span->bytes[ACPI_IORT_NODE_REVISION];
	node->type = type;
	node->revision = span->revision;
	node->offset = span->start;
	name_node(node, "iort", iort->num_nodes);
	if (uiommu_iort_is_smmu(node))
		name_node(node, "smmu", iort->num_smmus++);
	if (type < NUM_TYPES) {
		if (span->length < types[type].size)
			return damaged(p, span->start, span->what, "too short for its type");
		if (types[type].parse)
			rc = types[type].parse(p, span, node);
		if (!rc)
			rc = parse_mappings(p, span, node);
		if (!rc)
			find_own_mapping(span, node);
	}
	iort->num_nodes++;
	return rc;
}

static int walk(struct parser *p)
{
	size_t at = bytes_le32(p->table + ACPI_IORT_NODES);

	if (at < ACPI_IORT_HEADER_SIZE)
		return damaged(p, ACPI_IORT_NODES, "IORT", "nodes start inside the header");
	if (at > p->size)
		return damaged(p, ACPI_IORT_NODES, "IORT", "nodes start behind the table");
	for (uint32_t left = bytes_le32(p->table + ACPI_IORT_NUM_NODES); left; left--) {
		struct span span = { .what = "node", .start = at };
		unsigned int type;
		int rc;

		if (p->size - at < ACPI_IORT_NODE_HEADER_SIZE)
			return damaged(p, at, span.what, "cut off by the table's end");
		span.bytes = p->table + at;
		span.length = bytes_le16(span.bytes + ACPI_IORT_NODE_LENGTH);
		type = span.bytes[ACPI_IORT_NODE_TYPE];
		if (type < NUM_TYPES)
			span.what = types[type].what;
		if (span.length < ACPI_IORT_NODE_HEADER_SIZE)
			return damaged(p, at, span.what, "shorter than its header");
		if (span.length > p->size - at)
			return damaged(p, at, span.what, "longer than the table");
		rc = parse_node(p, &span);
		if (rc)
			return rc;
		at += span.length;
	}
	return 0;
}

/* The node at @offset; NULL: none starts there.  Nodes lie in the order of their offsets. */
static const struct uiommu_iort_node *node_at(const struct uiommu_iort *iort, size_t offset)
{
	size_t low = 0, high = iort->num_nodes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (iort->nodes[middle].offset == offset)
			return &iort->nodes[middle];
		if (iort->nodes[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int link_mappings(struct parser *p)
{
	struct uiommu_iort *iort = p->iort;

	for (size_t n = 0; n < iort->num_nodes; n++) {
		const struct uiommu_iort_node *node = &iort->nodes[n];
		const uint8_t *bytes = p->table + node->offset;
		size_t at = node->offset + bytes_le32(bytes + ACPI_IORT_NODE_MAPPINGS);

		for (size_t i = 0; i < node->num_mappings; i++, at += ACPI_IORT_MAPPING_SIZE) {
			size_t field = at + ACPI_IORT_MAPPING_REFERENCE;
			const struct uiommu_iort_node *to =
				node_at(iort, bytes_le32(p->table + field));

			if (!to)
				return damaged(p, field, "ID mapping", "no node starts there");
			if (rank_of(to->type) <= rank_of(node->type))
				return damaged(p, field, "ID mapping",
					       "leads to a node that takes no IDs from this one");
			/* The arrays are one piece of memory, ours to write. */
			iort->mappings[(size_t)(node->mappings - iort->mappings) + i].to = to;
		}
	}
	return 0;
}

/* An array of @count, or NULL with *ok = false; none for 0. */
static void *array(void *host, size_t count, size_t size, bool *ok)
{
	void *memory = count ? uiommu_port_alloc(host, count * size) : NULL;

	if (count && !memory)
		*ok = false;
	return memory;
}

static bool allocate(struct uiommu_iort *iort)
{
	bool ok = true;

	iort->nodes = array(iort->host, iort->num_nodes, sizeof(*iort->nodes), &ok);
	iort->mappings = array(iort->host, iort->num_mappings, sizeof(*iort->mappings), &ok);
	iort->its = array(iort->host, iort->num_its, sizeof(*iort->its), &ok);
	iort->ranges = array(iort->host, iort->num_ranges, sizeof(*iort->ranges), &ok);
	iort->strings = array(iort->host, iort->string_bytes, 1, &ok);
	return ok;
}

/* All walks over the parser's private copy. */
static int parse_copy(struct parser *p, void *host, struct uiommu_iort **out)
{
	struct uiommu_iort counts = { .host = host };
	struct uiommu_iort *iort;
	int rc;

	p->iort = &counts;
	rc = walk(p);
	if (rc)
		return rc;
	iort = uiommu_port_alloc(host, sizeof(*iort));
	if (!iort)
		return -UIOMMU_ENOMEM;
	*iort = counts;
	if (!allocate(iort)) {
		uiommu_iort_free(iort);
		return -UIOMMU_ENOMEM;
	}
	iort->revision = p->table[ACPI_TABLE_REVISION];
	/* The arrays stay; the second walk counts to the same numbers. */
	iort->num_nodes = 0;
	iort->num_smmus = 0;
	iort->num_mappings = 0;
	iort->num_its = 0;
	iort->num_ranges = 0;
	iort->string_bytes = 0;
	p->iort = iort;
	p->fill = true;
	walk(p);
	rc = link_mappings(p);
	if (rc) {
		uiommu_iort_free(iort);
		return rc;
	}
	*out = iort;
	return 0;
}

int uiommu_iort_parse(void *host, const void *table, size_t size, struct uiommu_iort **out,
		      struct uiommu_acpi_error *error)
{
	struct parser p = { .error = error };
	uint8_t *copy;
	int rc;

	rc = uiommu_acpi_table_copy(host, table, size, "IORT", ACPI_IORT_HEADER_SIZE, &copy,
				    &p.size, error);
	if (rc)
		return rc;
	p.table = copy;
	rc = parse_copy(&p, host, out);
	uiommu_port_free(host, copy, p.size);
	return rc;
}

void uiommu_iort_free(struct uiommu_iort *iort)
{
	void *host;

	if (!iort)
		return;
	host = iort->host;
	uiommu_port_free(host, iort->nodes, iort->num_nodes * sizeof(*iort->nodes));
	uiommu_port_free(host, iort->mappings, iort->num_mappings * sizeof(*iort->mappings));
	uiommu_port_free(host, iort->its, iort->num_its * sizeof(*iort->its));
	uiommu_port_free(host, iort->ranges, iort->num_ranges * sizeof(*iort->ranges));
	uiommu_port_free(host, iort->strings, iort->string_bytes);
	uiommu_port_free(host, iort, sizeof(*iort));
}
