/* SPDX-License-Identifier: MIT */
/*
 * viot.c - the VIOT table: which virtio-iommu a device is behind
 *
 * The table is copied, so that nobody changes it meanwhile, and walked by the same code for each pass.  The
 * first pass checks every node and counts; then memory is allocated; the second fills in the IOMMUs, and
 * the third, which knows them, what is behind them.  Only the third can still find something wrong: a
 * reference that leads nowhere.
 */
#include <uiommu/pci.h>
#include <uiommu/viot.h>
#include "spec/acpi.h"
#include "src/firmware/bytes.h"
#include "src/firmware/ids.h"
#include "src/firmware/table.h"

enum pass {
	PASS_COUNT,
	PASS_IOMMUS,
	PASS_ENDPOINTS,
};

struct parser {
	const uint8_t *table;
	size_t size; /* the table's own length, at most what may be read */
	struct uiommu_acpi_error *error;
	struct uiommu_viot *viot; /* counters, and arrays after the first pass */
	enum pass pass;
};

static int damaged(struct parser *p, size_t offset, const char *what, const char *why)
{
	return uiommu_acpi_damaged(p->error, offset, what, why);
}

/* ---- IOMMUs ------------------------------------------------------------------------------------ */

static void name_iommu(struct uiommu_viot_iommu *iommu, size_t number)
{
	static const char prefix[] = "viommu";
	char digits[8]; /* a table whose offsets have 16 bits has at most 4 */
	size_t n = 0, at = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number && n < sizeof(digits));
	while (prefix[at]) {
		iommu->name[at] = prefix[at];
		at++;
	}
	while (n)
		iommu->name[at++] = digits[--n];
	iommu->name[at] = 0;
	iommu->fwnode.name = iommu->name;
}

static int parse_iommu(struct parser *p, size_t at)
{
	struct uiommu_viot *viot = p->viot;
	const uint8_t *bytes = p->table + at;
	bool pci = bytes[ACPI_VIOT_NODE_TYPE] == ACPI_VIOT_VIRTIO_PCI;
	struct uiommu_viot_iommu *iommu;

	if (!pci && !bytes_le64(bytes + ACPI_VIOT_VIRTIO_MMIO_BASE))
		return damaged(p, at + ACPI_VIOT_VIRTIO_MMIO_BASE, "virtio-iommu",
			       "register base is 0");
	if (p->pass == PASS_COUNT)
		viot->num_iommus++;
	if (p->pass != PASS_IOMMUS)
		return 0;
	iommu = &viot->iommus[viot->num_iommus];
	name_iommu(iommu, viot->num_iommus++);
	iommu->offset = at;
	iommu->pci = pci;
	if (pci) {
		iommu->segment = bytes_le16(bytes + ACPI_VIOT_VIRTIO_PCI_SEGMENT);
		iommu->source_id = bytes_le16(bytes + ACPI_VIOT_VIRTIO_PCI_BDF);
	} else {
		iommu->base = bytes_le64(bytes + ACPI_VIOT_VIRTIO_MMIO_BASE);
	}
	return 0;
}

/* ---- what is behind them ----------------------------------------------------------------------- */

/* Does a node of a type that we do not know start at @offset?  All lengths were checked. */
static bool unknown_node_at(struct parser *p, size_t offset)
{
	size_t at = bytes_le16(p->table + ACPI_VIOT_NODES);

	for (unsigned int left = bytes_le16(p->table + ACPI_VIOT_NUM_NODES); left; left--) {
		uint8_t type = p->table[at + ACPI_VIOT_NODE_TYPE];

		if (at == offset)
			return type < ACPI_VIOT_PCI_RANGE || type > ACPI_VIOT_VIRTIO_MMIO;
		at += bytes_le16(p->table + at + ACPI_VIOT_NODE_LENGTH);
	}
	return false;
}

/* The IOMMU that the output field at @at leads to; NULL: one that we do not know. */
static int find_output(struct parser *p, size_t at, const char *what,
		       const struct uiommu_viot_iommu **out)
{
	size_t offset = bytes_le16(p->table + at);

	for (size_t i = 0; i < p->viot->num_iommus; i++) {
		if (p->viot->iommus[i].offset == offset) {
			*out = &p->viot->iommus[i];
			return 0;
		}
	}
	if (!unknown_node_at(p, offset))
		return damaged(p, at, what, "output is not the offset of an IOMMU's node");
	*out = NULL;
	return 0;
}

static int parse_range(struct parser *p, size_t at)
{
	const uint8_t *bytes = p->table + at;
	struct uiommu_viot_range range = {
		.segment_first = bytes_le16(bytes + ACPI_VIOT_RANGE_SEGMENT_FIRST),
		.segment_last = bytes_le16(bytes + ACPI_VIOT_RANGE_SEGMENT_LAST),
		.source_first = bytes_le16(bytes + ACPI_VIOT_RANGE_BDF_FIRST),
		.source_last = bytes_le16(bytes + ACPI_VIOT_RANGE_BDF_LAST),
		.endpoint = bytes_le32(bytes + ACPI_VIOT_RANGE_ENDPOINT),
	};
	uint64_t span = (uint64_t)(uint16_t)(range.segment_last - range.segment_first) << 16 |
			(uint16_t)(range.source_last - range.source_first);
	int rc;

	if (range.segment_last < range.segment_first)
		return damaged(p, at + ACPI_VIOT_RANGE_SEGMENT_LAST, "PCI range",
			       "last segment is before the first");
	if (range.source_last < range.source_first)
		return damaged(p, at + ACPI_VIOT_RANGE_BDF_LAST, "PCI range",
			       "last function is before the first");
	if (range.endpoint + span > UINT32_MAX)
		return damaged(p, at + ACPI_VIOT_RANGE_ENDPOINT, "PCI range",
			       "endpoint IDs need more than 32 bits");
	if (p->pass == PASS_COUNT)
		p->viot->num_ranges++;
	if (p->pass != PASS_ENDPOINTS)
		return 0;
	rc = find_output(p, at + ACPI_VIOT_RANGE_OUTPUT, "PCI range", &range.iommu);
	if (!rc)
		p->viot->ranges[p->viot->num_ranges++] = range;
	return rc;
}

static int parse_endpoint(struct parser *p, size_t at)
{
	const uint8_t *bytes = p->table + at;
	struct uiommu_viot_endpoint endpoint = {
		.base = bytes_le64(bytes + ACPI_VIOT_MMIO_ENDPOINT_BASE),
		.endpoint = bytes_le32(bytes + ACPI_VIOT_MMIO_ENDPOINT_ID),
	};
	int rc;

	if (p->pass == PASS_COUNT)
		p->viot->num_endpoints++;
	if (p->pass != PASS_ENDPOINTS)
		return 0;
	rc = find_output(p, at + ACPI_VIOT_MMIO_ENDPOINT_OUTPUT, "MMIO endpoint", &endpoint.iommu);
	if (!rc)
		p->viot->endpoints[p->viot->num_endpoints++] = endpoint;
	return rc;
}

/* What is understood, by type.  A node is at least @size long before @parse sees it. */
static const struct {
	const char *what;
	size_t size;
	int (*parse)(struct parser *p, size_t at);
} nodes[] = {
	[ACPI_VIOT_PCI_RANGE] = { "PCI range", ACPI_VIOT_RANGE_SIZE, parse_range },
	[ACPI_VIOT_MMIO_ENDPOINT] = { "MMIO endpoint", ACPI_VIOT_MMIO_ENDPOINT_SIZE,
				      parse_endpoint },
	[ACPI_VIOT_VIRTIO_PCI] = { "virtio-iommu", ACPI_VIOT_VIRTIO_PCI_SIZE, parse_iommu },
	[ACPI_VIOT_VIRTIO_MMIO] = { "virtio-iommu", ACPI_VIOT_VIRTIO_MMIO_SIZE, parse_iommu },
};

/* ---- the whole --------------------------------------------------------------------------------- */

static int walk(struct parser *p, enum pass pass)
{
	size_t at = bytes_le16(p->table + ACPI_VIOT_NODES);

	p->pass = pass;
	for (unsigned int left = bytes_le16(p->table + ACPI_VIOT_NUM_NODES); left; left--) {
		const char *what = "node";
		size_t type, length;
		int rc;

		if (p->size - at < ACPI_VIOT_NODE_HEADER_SIZE)
			return damaged(p, at, what, "cut off by the table's end");
		type = p->table[at + ACPI_VIOT_NODE_TYPE];
		length = bytes_le16(p->table + at + ACPI_VIOT_NODE_LENGTH);
		if (type < sizeof(nodes) / sizeof(nodes[0]) && nodes[type].what)
			what = nodes[type].what;
		if (length < ACPI_VIOT_NODE_HEADER_SIZE)
			return damaged(p, at, what, "shorter than its header");
		if (length > p->size - at)
			return damaged(p, at, what, "longer than the table");
		if (type < sizeof(nodes) / sizeof(nodes[0]) && nodes[type].parse) {
			if (length < nodes[type].size)
				return damaged(p, at, what, "too short for its type");
			rc = nodes[type].parse(p, at);
			if (rc)
				return rc;
		}
		at += length;
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

static int parse_copy(struct parser *p, void *host, struct uiommu_viot **out)
{
	struct uiommu_viot counts = { .host = host };
	struct uiommu_viot *viot;
	bool ok = true;
	int rc;

	p->viot = &counts;
	rc = walk(p, PASS_COUNT);
	if (rc)
		return rc;
	viot = uiommu_port_alloc(host, sizeof(*viot));
	if (!viot)
		return -UIOMMU_ENOMEM;
	*viot = counts;
	viot->iommus = array(host, counts.num_iommus, sizeof(*viot->iommus), &ok);
	viot->ranges = array(host, counts.num_ranges, sizeof(*viot->ranges), &ok);
	viot->endpoints = array(host, counts.num_endpoints, sizeof(*viot->endpoints), &ok);
	if (!ok) {
		rc = -UIOMMU_ENOMEM;
		goto err;
	}

	p->viot = viot;
	viot->num_iommus = 0;
	walk(p, PASS_IOMMUS);
	viot->num_ranges = 0;
	viot->num_endpoints = 0;
	rc = walk(p, PASS_ENDPOINTS);
	if (rc) {
		/* Freeing needs the sizes that were allocated. */
		viot->num_ranges = counts.num_ranges;
		viot->num_endpoints = counts.num_endpoints;
		goto err;
	}
	*out = viot;
	return 0;
err:
	uiommu_viot_free(viot);
	return rc;
}

int uiommu_viot_parse(void *host, const void *table, size_t size, struct uiommu_viot **out,
		      struct uiommu_acpi_error *error)
{
	struct parser p = { .error = error };
	uint8_t *copy;
	int rc;

	rc = uiommu_acpi_table_copy(host, table, size, "VIOT", ACPI_VIOT_HEADER_SIZE, &copy,
				    &p.size, error);
	if (rc)
		return rc;
	p.table = copy;
	if (bytes_le16(copy + ACPI_VIOT_NODES) < ACPI_VIOT_HEADER_SIZE)
		rc = damaged(&p, ACPI_VIOT_NODES, "VIOT", "nodes start inside the header");
	else if (bytes_le16(copy + ACPI_VIOT_NODES) > p.size)
		rc = damaged(&p, ACPI_VIOT_NODES, "VIOT", "nodes start behind the table");
	else
		rc = parse_copy(&p, host, out);
	uiommu_port_free(host, copy, p.size);
	return rc;
}

void uiommu_viot_free(struct uiommu_viot *viot)
{
	void *host;

	if (!viot)
		return;
	host = viot->host;
	uiommu_port_free(host, viot->iommus, viot->num_iommus * sizeof(*viot->iommus));
	uiommu_port_free(host, viot->ranges, viot->num_ranges * sizeof(*viot->ranges));
	uiommu_port_free(host, viot->endpoints, viot->num_endpoints * sizeof(*viot->endpoints));
	uiommu_port_free(host, viot, sizeof(*viot));
}

/* ---- questions --------------------------------------------------------------------------------- */

const struct uiommu_viot_iommu *uiommu_viot_pci(const struct uiommu_viot *viot, uint16_t segment,
						uint16_t source_id, uint32_t *endpoint)
{
	for (size_t i = 0; i < viot->num_ranges; i++) {
		const struct uiommu_viot_range *range = &viot->ranges[i];
		const struct uiommu_viot_iommu *iommu = range->iommu;

		if (segment < range->segment_first || segment > range->segment_last ||
		    source_id < range->source_first || source_id > range->source_last)
			continue;
		/* QEMU's ranges go over the IOMMU's own function: it is not behind itself. */
		if (!iommu ||
		    (iommu->pci && iommu->segment == segment && iommu->source_id == source_id))
			return NULL;
		*endpoint = range->endpoint + ((uint32_t)(segment - range->segment_first) << 16) +
			    (uint32_t)(source_id - range->source_first);
		return iommu;
	}
	return NULL;
}

const struct uiommu_viot_iommu *uiommu_viot_mmio(const struct uiommu_viot *viot, uint64_t base,
						 uint32_t *endpoint)
{
	for (size_t i = 0; i < viot->num_endpoints; i++) {
		if (viot->endpoints[i].base != base || !viot->endpoints[i].iommu)
			continue;
		*endpoint = viot->endpoints[i].endpoint;
		return viot->endpoints[i].iommu;
	}
	return NULL;
}

struct configure {
	const struct uiommu_viot *viot;
	struct uiommu_device *dev;
};

static int configure_alias(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	struct configure *c = context;
	const struct uiommu_viot_iommu *iommu;
	uint32_t endpoint;

	iommu = uiommu_viot_pci(c->viot, fn->segment, source_id, &endpoint);
	return iommu ? uiommu_firmware_add_id(c->dev, &iommu->fwnode, endpoint) : -UIOMMU_ENODEV;
}

int uiommu_viot_configure_pci(const struct uiommu_viot *viot, struct uiommu_device *dev)
{
	struct uiommu_pci_function *fn = uiommu_device_pci(dev);
	struct configure c = { viot, dev };

	return fn ? uiommu_pci_for_each_alias(fn, configure_alias, &c) : -UIOMMU_EINVAL;
}

int uiommu_viot_configure_mmio(const struct uiommu_viot *viot, struct uiommu_device *dev,
			       uint64_t base)
{
	const struct uiommu_viot_iommu *iommu;
	uint32_t endpoint;

	iommu = uiommu_viot_mmio(viot, base, &endpoint);
	return iommu ? uiommu_firmware_add_id(dev, &iommu->fwnode, endpoint) : -UIOMMU_ENODEV;
}
