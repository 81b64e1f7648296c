/* SPDX-License-Identifier: MIT */
/*
 * devicetree.c - Devicetrees: QEMU's, one with everything, damaged ones, and a source that is no blob
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <libfdt.h>
#include <uiommu/fdt.h>
#include "tests/firmware/host.h"

enum { room = 16384 };

/* A blob from tests/data/dt, with room to grow. */
static void *load(const char *name)
{
	uint8_t *data = aligned_alloc(8, room), *wide = aligned_alloc(8, room);
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/dt/%s.dtb", TEST_DATA, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is missing", path);
	assert_in_range(fread(data, 1, room, file), 100, room - 1);
	fclose(file);
	assert_int_equal(fdt_open_into(data, wide, room), 0);
	free(data);
	return wide;
}

static struct uiommu_dt *parse_blob(struct test_host *host, const void *blob)
{
	struct uiommu_dt_error error = { .why = "" };
	struct uiommu_dt_source source;
	struct uiommu_dt *dt = NULL;
	int rc;

	assert_int_equal(uiommu_fdt_source(blob, room, &source, NULL), 0);
	rc = uiommu_dt_parse(host, &source, &dt, &error);
	if (rc)
		fail_msg("%d: %s %s cell %zu: %s", rc, error.path, error.property, error.cell,
			 error.why);
	return dt;
}

static struct uiommu_dt *parse(struct test_host *host, const char *name)
{
	void *blob = load(name);
	struct uiommu_dt *dt = parse_blob(host, blob);

	memset(blob, 0xee, room); /* nothing may point into it */
	free(blob);
	return dt;
}

static const struct uiommu_dt_master *master(const struct uiommu_dt *dt, const char *path)
{
	const struct uiommu_dt_master *found = uiommu_dt_master(dt, path);

	if (!found)
		fail_msg("%s is missing", path);
	return found;
}

static void test_iommus(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dt *dt = parse(&host, "full");
	const struct uiommu_dt_iommu *iommus = dt->iommus;

	(void)state;
	assert_int_equal(dt->num_iommus, 5);
	assert_string_equal(iommus[0].fwnode.name, "/soc/iommu@50000");
	assert_string_equal(iommus[0].compatible, "arm,smmu-v3");
	assert_int_equal(iommus[0].cells, 1);
	assert_true(iommus[0].available && iommus[0].coherent && !iommus[0].pci);
	assert_int_equal(iommus[0].base, 0x10050000);
	assert_int_equal(iommus[0].size, 0x20000);
	assert_int_equal(iommus[1].cells, 2);
	assert_int_equal(iommus[1].base, 0x400080000); /* the second window */
	assert_false(iommus[1].coherent);
	assert_false(iommus[2].available);
	assert_int_equal(iommus[3].size, 0); /* in no window */
	assert_string_equal(iommus[3].compatible, "");
	assert_true(iommus[4].pci);
	assert_int_equal(iommus[4].source_id, 0x18);
	assert_string_equal(iommus[4].path, "/pcie@40000000/iommu@3,0");
	uiommu_dt_free(dt);
	assert_int_equal(host.live, 0);
}

static void test_masters(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dt *dt = parse(&host, "full");
	const struct uiommu_dt_master *m;

	(void)state;
	assert_int_equal(dt->num_masters, 8);
	m = master(dt, "/soc/display@1000");
	assert_int_equal(m->num_references, 2);
	assert_ptr_equal(m->references[1].iommu, &dt->iommus[0]);
	assert_int_equal(m->references[0].ids[0], 5);
	assert_int_equal(m->references[1].ids[0], 7);
	assert_true(m->coherent && !m->pci && !m->stall && !m->has_map);
	assert_int_equal(m->num_regions, 2);
	assert_int_equal(m->regions[0].start, 0x88000000);
	assert_int_equal(m->regions[0].last, 0x881fffff);
	assert_true(m->regions[0].direct);
	assert_int_equal(m->regions[1].start, 0x1000);
	assert_int_equal(m->regions[1].last, 0x3fff);
	assert_false(m->regions[1].direct);

	m = master(dt, "/soc/gpu@2000");
	assert_int_equal(m->references[0].ids[1], 0x7f);
	assert_ptr_equal(m->references[0].iommu, &dt->iommus[1]);
	assert_int_equal(m->pasid_bits, 16);
	assert_true(m->stall && !m->coherent);

	m = master(dt, "/soc/dma-controller@3000"); /* only reserved memory names it */
	assert_int_equal(m->num_references, 0);
	assert_int_equal(m->num_regions, 1);
	assert_int_equal(m->regions[0].start, 0x1000000);
	assert_false(m->regions[0].direct);

	m = master(dt, "/soc/codec@4000");
	assert_ptr_equal(m->references[0].iommu, &dt->iommus[3]);
	assert_null(m->references[0].ids);
	assert_int_equal(master(dt, "/soc/camera@5000")->num_references, 1);
	assert_null(uiommu_dt_master(dt, "/soc/absent@6000"));
	assert_null(uiommu_dt_master(dt, "/soc/uart@7000"));

	m = master(dt, "/pcie@40000000/bridge@4,0/ethernet@0,0");
	assert_int_equal(m->regions[0].start, 0x100000000);
	assert_int_equal(m->regions[0].last, 0x10000ffff);
	uiommu_dt_free(dt);
}

static void test_pci(void **state)
{
	static const struct {
		uint16_t source_id;
		size_t iommu; /* SIZE_MAX: none */
		uint32_t id;
	} cases[] = {
		/* The mask takes the function away. */
		{ 0x0000, 0, 0x100 },  { 0x0007, 0, 0x100 }, { 0x0008, 0, 0x108 },
		{ 0x00ff, 0, 0x1f8 },  { 0x0100, 2, 0 },     { 0x0200, 4, 0x200 },
		{ 0xffff, 4, 0xfff8 },
	};
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dt *dt = parse(&host, "full");
	const struct uiommu_dt_master *bridge;
	uint32_t id = 0;

	(void)state;
	bridge = uiommu_dt_pci_host(dt, 1);
	assert_string_equal(bridge->path, "/pcie@40000000");
	assert_true(bridge->pci && bridge->ats && bridge->has_segment && bridge->has_map);
	assert_int_equal(bridge->num_maps, 3); /* that of length 0 is nothing */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ptr_equal(uiommu_dt_map_id(bridge, cases[i].source_id, &id),
				 &dt->iommus[cases[i].iommu]);
		assert_int_equal(id, cases[i].id);
	}
	bridge = uiommu_dt_pci_host(dt, 0);
	assert_string_equal(bridge->path, "/pcie@50000000");
	assert_false(bridge->has_map);
	assert_null(uiommu_dt_map_id(bridge, 0, &id));
	assert_null(uiommu_dt_pci_host(dt, 2));
	uiommu_dt_free(dt);
}

/* Without linux,pci-domain host bridges are counted; one that has it ends the counting. */
static void test_segments(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	void *blob = load("full");
	struct uiommu_dt *dt;

	(void)state;
	fdt_delprop(blob, fdt_path_offset(blob, "/pcie@40000000"), "linux,pci-domain");
	dt = parse_blob(&host, blob);
	assert_null(uiommu_dt_pci_host(dt, 1));
	uiommu_dt_free(dt);
	fdt_delprop(blob, fdt_path_offset(blob, "/pcie@50000000"), "linux,pci-domain");
	dt = parse_blob(&host, blob);
	assert_string_equal(uiommu_dt_pci_host(dt, 0)->path, "/pcie@40000000");
	assert_string_equal(uiommu_dt_pci_host(dt, 1)->path, "/pcie@50000000");
	assert_null(uiommu_dt_pci_host(dt, 2));
	uiommu_dt_free(dt);
	free(blob);
}

static void test_qemu(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	const struct uiommu_dt_master *bridge;
	struct uiommu_dt *dt;
	uint32_t id = 0;

	(void)state;
	dt = parse(&host, "qemu-smmuv3");
	assert_int_equal(dt->num_iommus, 1);
	assert_string_equal(dt->iommus[0].compatible, "arm,smmu-v3");
	assert_int_equal(dt->iommus[0].base, 0x9050000);
	assert_int_equal(dt->iommus[0].size, 0x20000);
	assert_true(dt->iommus[0].coherent);
	bridge = uiommu_dt_pci_host(dt, 0);
	assert_ptr_equal(uiommu_dt_map_id(bridge, 0xffff, &id), &dt->iommus[0]);
	assert_int_equal(id, 0xffff);
	uiommu_dt_free(dt);

	dt = parse(&host, "qemu-virtio");
	assert_int_equal(dt->num_iommus, 1);
	assert_true(dt->iommus[0].pci);
	assert_int_equal(dt->iommus[0].source_id, 0x28);
	bridge = uiommu_dt_pci_host(dt, 0);
	assert_ptr_equal(uiommu_dt_map_id(bridge, 0x27, &id), &dt->iommus[0]);
	assert_null(uiommu_dt_map_id(bridge, 0x28, &id)); /* not behind itself */
	assert_ptr_equal(uiommu_dt_map_id(bridge, 0x29, &id), &dt->iommus[0]);
	assert_int_equal(id, 0x29);
	uiommu_dt_free(dt);

	dt = parse(&host, "qemu-none");
	assert_int_equal(dt->num_iommus, 0);
	assert_null(uiommu_dt_map_id(uiommu_dt_pci_host(dt, 0), 0, &id));
	uiommu_dt_free(dt);
	assert_int_equal(host.live, 0);
}

/* Impossible contents: the node, the property, and what is said of it. */
static void test_refused(void **state)
{
	static const struct {
		const char *node, *property;
		uint32_t cells[8];
		int length; /* bytes */
		size_t cell;
		const char *why;
	} cases[] = {
		{ "/soc/iommu@50000", "#iommu-cells", { 1, 0 }, 8, 0, "has to be one 32-bit cell" },
		{ "/soc/iommu@50000", "#iommu-cells", { 9 }, 4, 0, "has to be 0 to 8" },
		{ "/soc/iommu@50000", "#iommu-cells", { 1 }, 3, 0, "has to consist of 32-bit cells" },
		{ "/soc/iommu@50000", "phandle", { UINT32_MAX }, 4, 0, "has to be 1 to 0xfffffffe" },
		{ "/soc/iommu@50000", "reg", { 0x50000 }, 4, 0, "ends in the middle of an entry" },
		{ "/soc/iommu@50000", "reg", { 0x50000, 0 }, 8, 1, "has to be larger than 0" },
		{ "/soc/iommu@50000", "compatible", { 0x41414141 }, 4, 0, "has to end with a NUL" },
		{ "/soc", "ranges", { 1, 2, 3 }, 12, 0, "ends in the middle of an entry" },
		{ "/soc", "#address-cells", { 4 }, 4, 0, "has to be 1 to 3" },
		{ "/soc", "#size-cells", { 0 }, 4, 0, "has to be 1 or 2" },
		{ "/soc/display@1000", "iommus", { 0x7777 }, 4, 0, "no node has this phandle" },
		{ "/soc/gpu@2000", "pasid-num-bits", { 21 }, 4, 0, "has to be 0 to 20" },
		{ "/soc/codec@4000", "iommus", { 0 }, 2, 0, "has to consist of 32-bit cells" },
		{ "/pcie@40000000", "linux,pci-domain", { 0x10000 }, 4, 0, "has to be 0 to 0xffff" },
		{ "/pcie@40000000", "iommu-map-mask", { 0, 0 }, 8, 0, "has to be one 32-bit cell" },
		{ "/pcie@40000000",
		  "iommu-map",
		  { 0, 1, 2, 3, 4 },
		  20,
		  4,
		  "ends in the middle of an entry" },
		{ "/pcie@40000000",
		  "iommu-map-mask",
		  { 0xff },
		  4,
		  4,
		  "has bits that iommu-map-mask takes away" },
		{ "/reserved-memory/framebuffer@88000000",
		  "reg",
		  { 0, 1, 0 },
		  12,
		  0,
		  "ends in the middle of an entry" },
		{ "/reserved-memory/hole",
		  "iommu-addresses",
		  { 0 },
		  4,
		  0,
		  "no node has this phandle" },
		{ "/reserved-memory/hole",
		  "iommu-addresses",
		  { 0x7777, 0, 1 },
		  12,
		  0,
		  "no node has this phandle" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		struct uiommu_dt_error error = { .why = "" };
		struct uiommu_dt_source source;
		struct uiommu_dt *dt = NULL;
		void *blob = load("full");
		uint32_t cells[8];
		int rc;

		for (size_t c = 0; c < 8; c++)
			cells[c] = cpu_to_fdt32(cases[i].cells[c]);
		assert_int_equal(fdt_setprop(blob, fdt_path_offset(blob, cases[i].node),
					     cases[i].property, cells, cases[i].length),
				 0);
		assert_int_equal(uiommu_fdt_source(blob, room, &source, NULL), 0);
		rc = uiommu_dt_parse(&host, &source, &dt, &error);
		if (rc != -UIOMMU_EINVAL || strcmp(error.why, cases[i].why) ||
		    strcmp(error.path, cases[i].node) || error.cell != cases[i].cell)
			fail_msg("case %zu: %d, %s %s cell %zu: %s", i, rc, error.path,
				 error.property, error.cell, error.why);
		assert_int_equal(host.live, 0);
		free(blob);
	}
}

/* One cell of a property changed to @value, or to the phandle of @phandle_of: refused like that. */
static void refused_cell(const char *node, const char *property, size_t at, uint32_t value,
			 const char *phandle_of, const char *why)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dt_error error = { .why = "" };
	struct uiommu_dt_source source;
	struct uiommu_dt *dt = NULL;
	void *blob = load("full");
	fdt32_t *cells;
	int length, rc;

	if (phandle_of)
		value = fdt_get_phandle(blob, fdt_path_offset(blob, phandle_of));
	cells = fdt_getprop_w(blob, fdt_path_offset(blob, node), property, &length);
	assert_true(cells && (int)(4 * at) < length);
	cells[at] = cpu_to_fdt32(value);
	assert_int_equal(uiommu_fdt_source(blob, room, &source, NULL), 0);
	rc = uiommu_dt_parse(&host, &source, &dt, &error);
	if (rc != -UIOMMU_EINVAL || strcmp(error.why, why) || strcmp(error.path, node) ||
	    strcmp(error.property, property))
		fail_msg("%s %s[%zu]: %d, %s %s cell %zu: %s", node, property, at, rc, error.path,
			 error.property, error.cell, error.why);
	assert_int_equal(host.live, 0);
	free(blob);
}

static void test_refused_cells(void **state)
{
	static const char host[] = "/pcie@40000000", display[] = "/soc/display@1000";
	static const char memory[] = "/reserved-memory/framebuffer@88000000";

	(void)state;
	refused_cell(host, "iommu-map", 1, 0, display,
		     "the node of this phandle has no #iommu-cells");
	refused_cell(host, "iommu-map", 1, 0x999, NULL, "no node has this phandle");
	refused_cell(host, "iommu-map", 1, 0, "/soc/iommu@20080000",
		     "the IOMMU has to have #iommu-cells = <1>");
	refused_cell(host, "iommu-map", 0, 1, NULL, "has bits that iommu-map-mask takes away");
	refused_cell(host, "iommu-map", 8 + 3, UINT32_MAX, NULL,
		     "requester IDs need more than 32 bits");
	refused_cell(host, "iommu-map", 2, 0xffffff01, NULL, "output IDs need more than 32 bits");
	refused_cell(display, "iommus", 2, 0, "/soc/iommu@20080000",
		     "ends in the middle of an entry");
	refused_cell(display, "iommus", 0, 0, display,
		     "the node of this phandle has no #iommu-cells");
	refused_cell(memory, "iommu-addresses", 2, 0, NULL, "has to be larger than 0");
}

/* Every byte of the blob changed in eight ways: refused or read, nothing leaks, no read outside. */
static void test_corrupted(void **state)
{
	static const uint8_t flips[] = { 1, 2, 4, 8, 16, 32, 64, 128, 255 };
	struct test_host host = { .fail_after = SIZE_MAX };
	size_t accepted = 0, refused = 0, unreadable = 0, size;
	uint8_t *blob = load("full"), *copy;

	(void)state;
	assert_int_equal(fdt_pack(blob), 0);
	size = fdt_totalsize(blob);
	copy = aligned_alloc(8, (size + 7) & ~(size_t)7);
	for (size_t at = 0; at < size; at++) {
		for (size_t i = 0; i < sizeof(flips); i++) {
			struct uiommu_dt_source source;
			struct uiommu_dt_error error;
			struct uiommu_dt *dt = NULL;
			const char *why = NULL;

			memcpy(copy, blob, size);
			copy[at] ^= flips[i];
			if (uiommu_fdt_source(copy, size, &source, &why)) {
				assert_non_null(why);
				unreadable++;
				continue;
			}
			if (uiommu_dt_parse(&host, &source, &dt, &error))
				refused++;
			else
				accepted++;
			uiommu_dt_free(dt);
			assert_int_equal(host.live, 0);
		}
	}
	assert_true(accepted > 1000 && refused > 100 && unreadable > 1000);
	free(copy);
	free(blob);
}

/* A blob that is cut off, misplaced, or none. */
static void test_blobs(void **state)
{
	struct uiommu_dt_source source;
	uint8_t *blob = load("full");
	const char *why = NULL;
	size_t size;

	(void)state;
	assert_int_equal(fdt_pack(blob), 0);
	size = fdt_totalsize(blob);
	assert_int_equal(uiommu_fdt_source(blob, size, &source, &why), 0);
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = aligned_alloc(8, (cut + 8) & ~(size_t)7);

		memcpy(copy, blob, cut);
		assert_int_equal(uiommu_fdt_source(copy, cut, &source, &why), -UIOMMU_EINVAL);
		assert_non_null(why);
		free(copy);
	}
	memmove(blob + 4, blob, size);
	assert_int_equal(uiommu_fdt_source(blob + 4, size, &source, NULL), -UIOMMU_EINVAL);
	free(blob);
}

/* Each allocation fails once: -UIOMMU_ENOMEM and nothing stays behind. */
static void test_no_memory(void **state)
{
	struct uiommu_dt_source source;
	void *blob = load("full");
	size_t n;

	(void)state;
	assert_int_equal(uiommu_fdt_source(blob, room, &source, NULL), 0);
	for (n = 0;; n++) {
		struct test_host host = { .fail_after = n };
		struct uiommu_dt *dt = NULL;
		int rc = uiommu_dt_parse(&host, &source, &dt, NULL);

		uiommu_dt_free(dt);
		assert_int_equal(host.live, 0);
		if (!rc)
			break;
		assert_int_equal(rc, -UIOMMU_ENOMEM);
	}
	assert_int_equal(n, 9); /* index, result, seven arrays */
	free(blob);
}

/* ---- a source of one's own: an array of nodes --------------------------------------------------- */

struct flat {
	unsigned int depth;
	const char *name;
	const char *property;
	uint8_t value[16];
	size_t length;
};

struct flat_tree {
	const struct flat *nodes;
	int count;
};

static int flat_next(void *context, int node, unsigned int *depth)
{
	const struct flat_tree *tree = context;

	if (node + 1 >= tree->count)
		return -1;
	*depth = tree->nodes[node + 1].depth;
	return node + 1;
}

static const char *flat_name(void *context, int node)
{
	return ((const struct flat_tree *)context)->nodes[node].name;
}

static const void *flat_property(void *context, int node, const char *name, size_t *length)
{
	const struct flat *flat = &((const struct flat_tree *)context)->nodes[node];

	if (flat->property && strstr(flat->property, name) == flat->property) {
		*length = flat->length;
		return flat->value;
	}
	/* Every IOMMU of these trees has phandle 1. */
	if (!strcmp(name, "phandle") && flat->property && !strcmp(flat->property, "#iommu-cells")) {
		*length = 4;
		return "\0\0\0\1";
	}
	return NULL;
}

static int flat_parse(const struct flat *nodes, int count, struct uiommu_dt **out,
		      struct uiommu_dt_error *error)
{
	static struct test_host host = { .fail_after = SIZE_MAX };
	struct flat_tree tree = { nodes, count };
	struct uiommu_dt_source source = { flat_next, flat_name, flat_property, &tree };

	return uiommu_dt_parse(&host, &source, out, error);
}

static void test_own_source(void **state)
{
	static const struct flat nodes[] = {
		{ .depth = 0, .name = "" },
		{ .depth = 1, .name = "bus" },
		{ 2, "iommu", "#iommu-cells", { 0, 0, 0, 1 }, 4 },
		{ 1, "device", "iommus", { 0, 0, 0, 1, 0, 0, 0, 9 }, 8 },
	};
	struct uiommu_dt_error error = { .why = "" };
	struct uiommu_dt *dt = NULL;

	(void)state;
	assert_int_equal(flat_parse(nodes, 4, &dt, NULL), 0);
	assert_int_equal(dt->num_iommus, 1);
	assert_string_equal(dt->iommus[0].path, "/bus/iommu");
	assert_int_equal(master(dt, "/device")->references[0].ids[0], 9);
	uiommu_dt_free(dt);

	assert_int_equal(flat_parse(nodes, 0, &dt, &error), -UIOMMU_EINVAL);
	assert_string_equal(error.why, "there is no root");
	/* Starting below the root, and a child without a parent. */
	assert_int_equal(flat_parse(nodes + 1, 2, &dt, &error), -UIOMMU_EINVAL);
	assert_int_equal(
		flat_parse((const struct flat[]){ { .name = "" }, { 2, "x", NULL, { 0 }, 0 } }, 2,
			   &dt, &error),
		-UIOMMU_EINVAL);
	assert_int_equal(flat_parse((const struct flat[]){ { .name = "" }, { .name = "" } }, 2, &dt,
				    &error),
			 -UIOMMU_EINVAL);
	assert_string_equal(error.why, "nodes are deeper than 32, or not in the order of a tree");
}

/* 31 nodes below each other are fine; the path of the last is cut in an error, at its start. */
static void test_depth(void **state)
{
	struct flat nodes[UIOMMU_DT_MAX_DEPTH + 1] = { { .name = "" } };
	struct uiommu_dt_error error = { .why = "" };
	struct uiommu_dt *dt = NULL;

	(void)state;
	for (unsigned int i = 1; i <= UIOMMU_DT_MAX_DEPTH; i++)
		nodes[i] = (struct flat){ .depth = i, .name = "abcdefghi" };
	assert_int_equal(flat_parse(nodes, UIOMMU_DT_MAX_DEPTH, &dt, &error), 0);
	uiommu_dt_free(dt);
	assert_int_equal(flat_parse(nodes, UIOMMU_DT_MAX_DEPTH + 1, &dt, &error), -UIOMMU_EINVAL);
	nodes[31].property = "iommus";
	nodes[31].length = 3;
	assert_int_equal(flat_parse(nodes, UIOMMU_DT_MAX_DEPTH, &dt, &error), -UIOMMU_EINVAL);
	assert_int_equal(strlen(error.path), sizeof(error.path) - 1);
	assert_memory_equal(error.path, "...", 3);
	assert_string_equal(error.path + 149, "/abcdefghi");
	assert_string_equal(error.property, "iommus");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iommus),	      cmocka_unit_test(test_masters),
		cmocka_unit_test(test_pci),	      cmocka_unit_test(test_segments),
		cmocka_unit_test(test_qemu),	      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_cells), cmocka_unit_test(test_corrupted),
		cmocka_unit_test(test_blobs),	      cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_own_source),    cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
