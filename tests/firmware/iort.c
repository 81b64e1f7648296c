/* SPDX-License-Identifier: MIT */
/* iort.c - IORT tables: QEMU's, two with everything, and every damaged form of them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uiommu/iort.h>
#include "spec/acpi.h"
#include "tests/firmware/table.h"

static const char *const files[] = {
	"nodes", "rmr", "qemu-its", "qemu-smmuv3", "qemu-bypass", NULL
};

static int parse(void *host, const void *table, size_t size, void **out,
		 struct uiommu_acpi_error *error)
{
	struct uiommu_iort *iort = NULL;
	int rc = uiommu_iort_parse(host, table, size, &iort, error);

	*out = iort;
	return rc;
}

static void free_iort(void *result)
{
	uiommu_iort_free(result);
}

static void ask(const void *result)
{
	static const uint32_t ids[] = {
		0, 1, 0x10, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, UINT32_MAX
	};
	const struct uiommu_iort *iort = result;
	size_t smmus = 0;

	for (size_t n = 0; n < iort->num_nodes; n++) {
		const struct uiommu_iort_node *node = &iort->nodes[n], *at, *next;

		smmus += uiommu_iort_is_smmu(node);
		assert_ptr_equal(node->fwnode.name, node->name);
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			uint32_t id = ids[i];
			unsigned int steps = 0;

			for (at = node; (next = uiommu_iort_map(at, id, &id)); at = next)
				assert_true(++steps <= 2);
			uiommu_iort_root_complex(iort, node->segment, ids[i]);
		}
		if (node->object)
			assert_non_null(uiommu_iort_named_component(iort, node->object));
	}
	assert_int_equal(smmus, iort->num_smmus);
}

static const struct test_parser parser = { "iort", ACPI_IORT_HEADER_SIZE, parse, free_iort, ask };

static struct uiommu_iort *load(struct test_host *host, const char *name)
{
	struct uiommu_iort *iort = NULL;
	size_t size;
	uint8_t *data = test_table_load(&parser, name, &size);

	assert_int_equal(uiommu_iort_parse(host, data, size, &iort, NULL), 0);
	memset(data, 0xee, size); /* nothing may point into it */
	free(data);
	ask(iort);
	return iort;
}

static void test_nodes(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_iort *iort = load(&host, "nodes");
	const struct uiommu_iort_node *nodes = iort->nodes;

	(void)state;
	assert_int_equal(iort->num_nodes, 8);
	assert_int_equal(iort->num_smmus, 2);

	assert_int_equal(nodes[0].type, UIOMMU_IORT_ITS_GROUP);
	assert_string_equal(nodes[0].name, "iort0");
	assert_int_equal(nodes[0].num_its, 2);
	assert_int_equal(nodes[0].its[1], 4);

	assert_int_equal(nodes[1].type, UIOMMU_IORT_SMMUV3);
	assert_string_equal(nodes[1].fwnode.name, "smmu0");
	assert_int_equal(nodes[1].base, 0x9050000);
	assert_true(nodes[1].coherent);
	assert_int_equal(nodes[1].httu, 2);
	assert_true(nodes[1].has_proximity);
	assert_int_equal(nodes[1].proximity, 5);
	assert_int_equal(nodes[1].event_irq, 0x60);
	assert_int_equal(nodes[1].pri_irq, 0x61);
	assert_int_equal(nodes[1].gerror_irq, 0x62);
	assert_int_equal(nodes[1].sync_irq, 0);
	assert_ptr_equal(nodes[1].own, &nodes[1].mappings[0]);
	assert_int_equal(nodes[1].own->output, 0x77);

	assert_int_equal(nodes[2].type, UIOMMU_IORT_SMMU);
	assert_string_equal(nodes[2].name, "smmu1");
	assert_int_equal(nodes[2].base, 0x2b400000);
	assert_int_equal(nodes[2].model, 1);
	assert_true(nodes[2].coherent);
	assert_null(nodes[2].own);

	assert_string_equal(nodes[3].object, "\\_SB.DMA0");
	assert_true(nodes[3].coherent);
	assert_int_equal(nodes[3].address_bits, 40);
	assert_false(nodes[3].stall);
	assert_int_equal(nodes[3].pasid_bits, 0);
	assert_int_equal(nodes[3].num_mappings, 2);
	assert_ptr_equal(nodes[3].mappings[1].to, &nodes[1]);

	assert_int_equal(nodes[4].segment, 0);
	assert_int_equal(nodes[4].address_bits, 48);
	assert_false(nodes[4].ats);
	assert_int_equal(nodes[5].segment, 1);
	assert_int_equal(nodes[5].address_bits, 0); /* revision 0 has no such field */
	assert_true(nodes[5].ats);
	assert_false(nodes[5].coherent);

	assert_string_equal(nodes[6].object, "\\_SB.GPU0");
	assert_true(nodes[6].stall);
	assert_int_equal(nodes[6].pasid_bits, 16);
	assert_int_equal(nodes[7].type, UIOMMU_IORT_PMCG);
	uiommu_iort_free(iort);
	assert_int_equal(host.live, 0);
}

static void test_rmr(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_iort *iort = load(&host, "rmr");
	const struct uiommu_iort_node *nodes = iort->nodes;

	(void)state;
	assert_int_equal(iort->revision, 5);
	assert_int_equal(iort->num_nodes, 5);
	assert_int_equal(nodes[1].address_bits, 64);
	assert_int_equal(nodes[1].pasid_bits, 20);
	assert_true(nodes[1].ats && nodes[1].pri);
	assert_int_equal(nodes[2].num_ranges, 2);
	assert_int_equal(nodes[2].ranges[1].base, 0x88000000);
	assert_int_equal(nodes[2].ranges[1].last, 0x880fffff);
	assert_int_equal(nodes[2].prot, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_PRIV | UIOMMU_MMIO);
	assert_false(nodes[2].relaxable);
	assert_int_equal(nodes[3].num_ranges, 1);
	assert_int_equal(nodes[3].ranges[0].last, 0xa01fffff);
	assert_int_equal(nodes[3].prot, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE);
	assert_true(nodes[3].relaxable);
	assert_int_equal(nodes[4].type, 0x42);
	uiommu_iort_free(iort);
}

/* Before revision 5 RMR nodes had another form: they are there, and say nothing. */
static void test_old_rmr(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_iort *iort = NULL;
	size_t size;
	uint8_t *data = test_table_load(&parser, "rmr", &size);

	(void)state;
	data[ACPI_TABLE_REVISION] = 3;
	assert_int_equal(uiommu_iort_parse(&host, data, size, &iort, NULL), 0);
	assert_int_equal(iort->nodes[2].type, UIOMMU_IORT_RMR);
	assert_int_equal(iort->nodes[2].num_ranges, 0);
	uiommu_iort_free(iort);
	free(data);
}

/* From a PCI function to the SMMU, and on to the translation service. */
static void test_pci(void **state)
{
	static const struct {
		uint32_t segment, source_id;
		size_t root, to; /* nodes; SIZE_MAX: none */
		uint32_t id;
	} cases[] = {
		{ 0, 0x0000, 4, 1, 0x1000 },   { 0, 0x7fff, 4, 1, 0x8fff },
		{ 0, 0x8000, 4, 0, 0x9000 },   { 0, 0x8fff, 4, 0, 0x9fff },
		{ 0, 0x9000, 4, SIZE_MAX, 0 }, { 1, 0xffff, 5, 1, 0x1ffff },
		{ 2, 0x0000, SIZE_MAX, 0, 0 },
	};
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_iort *iort = load(&host, "nodes");
	uint32_t id = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct uiommu_iort_node *root, *to;

		root = uiommu_iort_root_complex(iort, cases[i].segment, cases[i].source_id);
		assert_ptr_equal(root,
				 cases[i].root == SIZE_MAX ? NULL : &iort->nodes[cases[i].root]);
		to = root ? uiommu_iort_map(root, cases[i].source_id, &id) : NULL;
		if (!root)
			continue;
		assert_ptr_equal(to, cases[i].to == SIZE_MAX ? NULL : &iort->nodes[cases[i].to]);
		if (to)
			assert_int_equal(id, cases[i].id);
	}
	/* The SMMU's own message comes first in its list, and takes no stream ID. */
	assert_ptr_equal(uiommu_iort_map(&iort->nodes[1], 0x1234, &id), &iort->nodes[0]);
	assert_int_equal(id, 0x11234);
	/* A single mapping takes every input; of two, the first. */
	assert_ptr_equal(uiommu_iort_map(&iort->nodes[3], 0xdead, &id), &iort->nodes[1]);
	assert_int_equal(id, 0x41);
	assert_null(uiommu_iort_named_component(iort, "\\_SB.DMA"));
	assert_null(uiommu_iort_named_component(iort, "\\_SB.DMA01"));
	assert_ptr_equal(uiommu_iort_named_component(iort, "\\_SB.GPU0"), &iort->nodes[6]);
	uiommu_iort_free(iort);
}

/* Which mapping of an SMMUv3 is its own depends on revision, interrupts and flag. */
static void test_own_mapping(void **state)
{
	enum { smmu = 0x4c };
	static const struct {
		uint8_t revision, sync, flags, index;
		bool own;
	} cases[] = {
		{ 1, 0, 0, 0, true },
		{ 0, 0, 0, 0, false },
		{ 1, 9, 0, 0, false },
		{ 1, 0, 0, 1, false },
		{ 1, 0, 0, 2, false },
		{ 5, 0, 0, 0, false },
		{ 5, 9, ACPI_IORT_SMMUV3_MAPPING_VALID, 0, true },
	};
	size_t size;
	uint8_t *data = test_table_load(&parser, "nodes", &size);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		struct uiommu_iort *iort = NULL;

		data[smmu + ACPI_IORT_NODE_REVISION] = cases[i].revision;
		data[smmu + ACPI_IORT_SMMUV3_SYNC] = cases[i].sync;
		data[smmu + ACPI_IORT_SMMUV3_FLAGS] = cases[i].flags;
		data[smmu + ACPI_IORT_SMMUV3_DEVICE_MAPPING] = cases[i].index;
		assert_int_equal(uiommu_iort_parse(&host, data, size, &iort, NULL), 0);
		assert_int_equal(iort->nodes[1].own != NULL, cases[i].own);
		uiommu_iort_free(iort);
	}
	free(data);
}

/* QEMU's count is too large by one: bus 1 starts with the ID that ends bus 0's range (7.2). */
static void test_qemu(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_iort *its = load(&host, "qemu-its"), *smmu = load(&host, "qemu-smmuv3");
	struct uiommu_iort *bypass = load(&host, "qemu-bypass");
	const struct uiommu_iort_node *root;
	uint32_t id = 0;

	(void)state;
	root = uiommu_iort_root_complex(its, 0, 0x18);
	assert_int_equal(uiommu_iort_map(root, 0x18, &id)->type, UIOMMU_IORT_ITS_GROUP);
	assert_int_equal(id, 0x18);
	assert_int_equal(its->num_smmus, 0);

	assert_int_equal(smmu->num_smmus, 1);
	root = uiommu_iort_root_complex(smmu, 0, 0);
	assert_true(root->coherent);
	assert_int_equal(root->address_bits, 64);
	assert_int_equal(uiommu_iort_map(root, 0xff, &id)->type, UIOMMU_IORT_SMMUV3);
	assert_int_equal(uiommu_iort_map(root, 0xff, &id)->base, 0x9050000);
	assert_null(uiommu_iort_map(root, 0xff, &id)->own); /* its interrupts are wired */
	assert_int_equal(uiommu_iort_map(root, 0x100, &id)->type, UIOMMU_IORT_ITS_GROUP);
	assert_int_equal(id, 0x100);
	root = uiommu_iort_root_complex(bypass, 0, 0);
	assert_int_equal(uiommu_iort_map(root, 0x10ff, &id)->type, UIOMMU_IORT_SMMUV3);
	assert_int_equal(uiommu_iort_map(root, 0x1100, &id)->type, UIOMMU_IORT_ITS_GROUP);
	uiommu_iort_free(its);
	uiommu_iort_free(smmu);
	uiommu_iort_free(bypass);
	assert_int_equal(host.live, 0);
}

/* In the other order, too, and an ID that only one range has keeps it. */
static void test_overlap(void **state)
{
	struct uiommu_iort_node a = { .name = "a" }, b = { .name = "b" };
	struct uiommu_iort_mapping mappings[] = {
		{ .input = 0x100, .count_minus_1 = 0x100, .output = 0x1100, .to = &b },
		{ .input = 0, .count_minus_1 = 0x100, .output = 0, .to = &a },
	};
	struct uiommu_iort_node root = { .num_mappings = 2, .mappings = mappings };
	uint32_t id = 0;

	(void)state;
	for (unsigned int swap = 0; swap < 2; swap++) {
		assert_ptr_equal(uiommu_iort_map(&root, 0xff, &id), &a);
		assert_int_equal(id, 0xff);
		assert_ptr_equal(uiommu_iort_map(&root, 0x100, &id), &b);
		assert_int_equal(id, 0x1100);
		assert_ptr_equal(uiommu_iort_map(&root, 0x200, &id), &b);
		assert_int_equal(id, 0x1200);
		assert_null(uiommu_iort_map(&root, 0x201, &id));
		struct uiommu_iort_mapping first = mappings[0];

		mappings[0] = mappings[1];
		mappings[1] = first;
	}
	/* One ID in two ranges of one each: the first. */
	mappings[0] = (struct uiommu_iort_mapping){ .input = 5, .output = 50, .to = &a };
	mappings[1] = (struct uiommu_iort_mapping){ .input = 5, .output = 60, .to = &b };
	assert_ptr_equal(uiommu_iort_map(&root, 5, &id), &a);
	assert_int_equal(id, 50);
}

static void test_damaged(void **state)
{
	(void)state;
	/* Cut before the last node, and there were more to come. */
	for (size_t i = 0; files[i]; i++) {
		assert_int_equal(test_table_truncated(&parser, files[i]), 0);
		test_table_corrupted(&parser, files[i]);
	}
}

/* Impossible contents: what is said of each. */
static void test_refused(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		unsigned int width;
		uint64_t value;
		const char *what, *why;
	} cases[] = {
		{ "nodes", 0, 1, 'X', "IORT", "wrong signature" },
		{ "nodes", ACPI_TABLE_LENGTH, 4, 0x265, "IORT", "impossible length" },
		{ "nodes", ACPI_TABLE_LENGTH, 4, 47, "IORT", "impossible length" },
		{ "nodes", ACPI_IORT_NODES, 4, 47, "IORT", "nodes start inside the header" },
		{ "nodes", ACPI_IORT_NODES, 4, 0x264, "node", "cut off by the table's end" },
		{ "nodes", ACPI_IORT_NODES, 4, UINT32_MAX, "IORT", "nodes start behind the table" },
		{ "nodes", ACPI_IORT_NUM_NODES, 4, 9, "node", "cut off by the table's end" },
		{ "nodes", 0x30 + ACPI_IORT_NODE_LENGTH, 2, 15, "ITS group",
		  "shorter than its header" },
		{ "nodes", 0x30 + ACPI_IORT_NODE_LENGTH, 2, 19, "ITS group",
		  "too short for its type" },
		{ "nodes", 0x228 + ACPI_IORT_NODE_LENGTH, 2, 0x3d, "PMCG",
		  "longer than the table" },
		{ "nodes", 0x30 + ACPI_IORT_ITS_COUNT, 4, 3, "ITS group",
		  "array reaches past its end" },
		{ "nodes", 0x30 + ACPI_IORT_ITS_COUNT, 4, UINT32_MAX, "ITS group",
		  "array reaches past its end" },
		{ "nodes", 0x4c + ACPI_IORT_NODE_NUM_MAPPINGS, 4, 3, "SMMUv3",
		  "array reaches past its end" },
		{ "nodes", 0x4c + ACPI_IORT_NODE_NUM_MAPPINGS, 4, UINT32_MAX, "SMMUv3",
		  "array reaches past its end" },
		{ "nodes", 0x4c + ACPI_IORT_NODE_MAPPINGS, 4, 15, "SMMUv3",
		  "array starts outside of it" },
		{ "nodes", 0x4c + ACPI_IORT_NODE_MAPPINGS, 4, 0x6d, "SMMUv3",
		  "array starts outside of it" },
		{ "nodes", 0x4c + ACPI_IORT_SMMUV3_BASE, 8, 0x9050800, "SMMUv3",
		  "register base is 0 or not a multiple of 4096" },
		{ "nodes", 0xb8 + ACPI_IORT_SMMU_BASE, 8, 0, "SMMU",
		  "register base is 0 or not a multiple of 4096" },
		{ "nodes", 0x118 + ACPI_IORT_COMPONENT_FLAGS, 4, 21 << 1, "named component",
		  "PASIDs of more than 20 bits" },
		{ "nodes", 0x168 + 0x24 + ACPI_IORT_MAPPING_INPUT, 4, 0xffff8001, "ID mapping",
		  "input IDs need more than 32 bits" },
		{ "nodes", 0x168 + 0x24 + ACPI_IORT_MAPPING_OUTPUT, 4, 0xffff8001, "ID mapping",
		  "output IDs need more than 32 bits" },
		{ "nodes", 0x168 + 0x24 + ACPI_IORT_MAPPING_REFERENCE, 4, 0x4d, "ID mapping",
		  "no node starts there" },
		{ "nodes", 0x168 + 0x24 + ACPI_IORT_MAPPING_REFERENCE, 4, 0x168, "ID mapping",
		  "leads to a node that takes no IDs from this one" },
		{ "nodes", 0x4c + 0x44 + ACPI_IORT_MAPPING_REFERENCE, 4, 0xb8, "ID mapping",
		  "leads to a node that takes no IDs from this one" },
		{ "rmr", 0xb0 + ACPI_IORT_RMR_COUNT, 4, 4, "RMR", "array reaches past its end" },
		{ "rmr", 0xb0 + ACPI_IORT_RMR_RANGES, 4, 0x59, "RMR",
		  "array starts outside of it" },
		{ "rmr", 0xb0 + 0x1c + ACPI_IORT_RANGE_LENGTH, 8, 0, "memory range", "is empty" },
		{ "rmr", 0xb0 + 0x1c + ACPI_IORT_RANGE_LENGTH, 8, UINT64_MAX, "memory range",
		  "wraps around the address space" },
		{ "rmr", 0x74 + ACPI_IORT_ROOT_PASID, 2, 21, "root complex",
		  "PASIDs of more than 20 bits" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_table_refused(&parser, cases[i].name, cases[i].at, cases[i].width,
				   cases[i].value, cases[i].what, cases[i].why);
}

/* A component whose name has no end, and nodes too short for what their revision has. */
static void test_refused_sizes(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_acpi_error error = { 0 };
	struct uiommu_iort *iort = NULL;
	size_t size;
	uint8_t *data = test_table_load(&parser, "nodes", &size);

	(void)state;
	for (size_t at = 0x118 + ACPI_IORT_COMPONENT_NAME; at < 0x168; at++)
		data[at] = 'A';
	data[0x118 + ACPI_IORT_NODE_NUM_MAPPINGS] = 0;
	assert_int_equal(uiommu_iort_parse(&host, data, size, &iort, &error), -UIOMMU_EINVAL);
	assert_string_equal(error.why, "name does not end");
	assert_int_equal(error.offset, 0x118 + ACPI_IORT_COMPONENT_NAME);
	free(data);

	/* The whole table is one root complex of 32, 36 and 40 bytes, then one SMMUv3 of 60 to 68. */
	for (unsigned int type = ACPI_IORT_ROOT_COMPLEX; type <= ACPI_IORT_SMMUV3; type += 2) {
		for (uint8_t revision = 0; revision < 6; revision++) {
			for (uint8_t length = 28; length < 72; length++) {
				uint8_t table[ACPI_IORT_HEADER_SIZE + 72] = "IORT";
				uint8_t *node = table + ACPI_IORT_HEADER_SIZE;
				size_t needed = type == ACPI_IORT_SMMUV3 ? (revision ? 68 : 60) :
						revision >= 4		 ? 40 :
						revision		 ? 36 :
									   32;
				int rc;

				table[ACPI_TABLE_LENGTH] =
					(uint8_t)(ACPI_IORT_HEADER_SIZE + length);
				table[ACPI_IORT_NUM_NODES] = 1;
				table[ACPI_IORT_NODES] = ACPI_IORT_HEADER_SIZE;
				node[ACPI_IORT_NODE_TYPE] = (uint8_t)type;
				node[ACPI_IORT_NODE_LENGTH] = length;
				node[ACPI_IORT_NODE_REVISION] = revision;
				node[ACPI_IORT_SMMUV3_BASE + 1] = 0x10;
				rc = uiommu_iort_parse(&host, table, sizeof(table), &iort, NULL);
				assert_int_equal(rc, length < needed ? -UIOMMU_EINVAL : 0);
				if (!rc)
					uiommu_iort_free(iort);
			}
		}
	}
	assert_int_equal(host.live, 0);
}

static void test_no_memory(void **state)
{
	(void)state;
	/* copy, result, nodes, mappings, ITS numbers, strings */
	assert_int_equal(test_table_no_memory(&parser, "nodes"), 6);
	assert_int_equal(test_table_no_memory(&parser, "rmr"), 5); /* ranges; no ITS, no strings */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),	    cmocka_unit_test(test_rmr),
		cmocka_unit_test(test_old_rmr),	    cmocka_unit_test(test_pci),
		cmocka_unit_test(test_own_mapping), cmocka_unit_test(test_qemu),
		cmocka_unit_test(test_overlap),	    cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_refused),	    cmocka_unit_test(test_refused_sizes),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
