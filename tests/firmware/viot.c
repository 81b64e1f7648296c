/* SPDX-License-Identifier: MIT */
/* viot.c - VIOT tables: QEMU's, one with everything, and every damaged form of them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uiommu/viot.h>
#include "spec/acpi.h"
#include "tests/firmware/table.h"

static const char *const files[] = { "full", "qemu-q35", "qemu-virt", "qemu-bypass", NULL };

static int parse(void *host, const void *table, size_t size, void **out,
		 struct uiommu_acpi_error *error)
{
	struct uiommu_viot *viot = NULL;
	int rc = uiommu_viot_parse(host, table, size, &viot, error);

	*out = viot;
	return rc;
}

static void free_viot(void *result)
{
	uiommu_viot_free(result);
}

static void ask(const void *result)
{
	static const uint16_t ids[] = { 0, 1, 0x18, 0xff, 0x100, 0x321, 0x7ff, 0x800, 0xffff };
	const struct uiommu_viot *viot = result;
	const struct uiommu_viot_iommu *iommu;
	uint32_t endpoint;

	for (uint16_t segment = 0; segment < 4; segment++) {
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			iommu = uiommu_viot_pci(viot, segment, ids[i], &endpoint);
			assert_true(!iommu || (iommu >= viot->iommus &&
					       iommu < viot->iommus + viot->num_iommus));
		}
	}
	for (size_t i = 0; i < viot->num_endpoints; i++)
		uiommu_viot_mmio(viot, viot->endpoints[i].base, &endpoint);
}

static const struct test_parser parser = { "viot", ACPI_VIOT_HEADER_SIZE, parse, free_viot, ask };

static struct uiommu_viot *load(struct test_host *host, const char *name)
{
	struct uiommu_viot *viot = NULL;
	size_t size;
	uint8_t *data = test_table_load(&parser, name, &size);

	assert_int_equal(uiommu_viot_parse(host, data, size, &viot, NULL), 0);
	memset(data, 0xee, size); /* nothing may point into it */
	free(data);
	return viot;
}

static void test_full(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_viot *viot = load(&host, "full");

	(void)state;
	assert_int_equal(viot->num_iommus, 2);
	assert_string_equal(viot->iommus[0].fwnode.name, "viommu0");
	assert_true(viot->iommus[0].pci);
	assert_int_equal(viot->iommus[0].segment, 0);
	assert_int_equal(viot->iommus[0].source_id, 0x18);
	assert_string_equal(viot->iommus[1].fwnode.name, "viommu1");
	assert_false(viot->iommus[1].pci);
	assert_int_equal(viot->iommus[1].base, 0xa003e00);
	assert_int_equal(viot->num_ranges, 3);
	assert_int_equal(viot->ranges[0].segment_last, 1);
	assert_int_equal(viot->ranges[0].source_last, 0x7ff);
	assert_ptr_equal(viot->ranges[0].iommu, &viot->iommus[0]);
	assert_null(viot->ranges[2].iommu); /* an IOMMU of a type that we do not know */
	assert_int_equal(viot->num_endpoints, 2);
	uiommu_viot_free(viot);
	assert_int_equal(host.live, 0);
}

/* Which IOMMU, and which endpoint. */
static void test_devices(void **state)
{
	static const struct {
		uint16_t segment, source_id;
		size_t iommu; /* SIZE_MAX: none */
		uint32_t endpoint;
	} cases[] = {
		{ 0, 0x0000, 0, 0x100 },    { 0, 0x07ff, 0, 0x8ff },
		{ 0, 0x0800, SIZE_MAX, 0 }, { 1, 0x0000, 0, 0x10100 },
		{ 1, 0x0018, 0, 0x10118 },  { 1, 0x07ff, 0, 0x108ff },
		{ 2, 0x0320, SIZE_MAX, 0 }, { 2, 0x0321, 1, UINT32_MAX },
		{ 2, 0x0322, SIZE_MAX, 0 }, { 3, 0x0000, SIZE_MAX, 0 },
		{ 0, 0x0018, SIZE_MAX, 0 }, /* the virtio-iommu itself */
	};
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_viot *viot = load(&host, "full");
	uint32_t endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct uiommu_viot_iommu *iommu;

		endpoint = 0x5555;
		iommu = uiommu_viot_pci(viot, cases[i].segment, cases[i].source_id, &endpoint);
		assert_ptr_equal(iommu,
				 cases[i].iommu == SIZE_MAX ? NULL : &viot->iommus[cases[i].iommu]);
		assert_int_equal(endpoint, iommu ? cases[i].endpoint : 0x5555);
	}
	assert_ptr_equal(uiommu_viot_mmio(viot, 0xfe000000, &endpoint), &viot->iommus[1]);
	assert_int_equal(endpoint, 0x42);
	assert_null(uiommu_viot_mmio(viot, 0xfe000001, &endpoint));
	assert_null(uiommu_viot_mmio(viot, 0xfe100000, &endpoint)); /* behind the unknown one */
	uiommu_viot_free(viot);
}

static void test_qemu(void **state)
{
	static const struct {
		const char *name;
		uint16_t self;
	} cases[] = { { "qemu-q35", 0x18 }, { "qemu-virt", 0x28 }, { "qemu-bypass", 0x18 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		struct uiommu_viot *viot = load(&host, cases[i].name);
		uint32_t endpoint = 0;

		assert_int_equal(viot->num_iommus, 1);
		assert_int_equal(viot->iommus[0].source_id, cases[i].self);
		assert_ptr_equal(uiommu_viot_pci(viot, 0, 0x8, &endpoint), &viot->iommus[0]);
		assert_int_equal(endpoint, 8);
		assert_null(uiommu_viot_pci(viot, 0, cases[i].self, &endpoint));
		assert_null(uiommu_viot_pci(viot, 1, 0x8, &endpoint));
		uiommu_viot_free(viot);
		assert_int_equal(host.live, 0);
	}
}

static void test_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; files[i]; i++) {
		assert_int_equal(test_table_truncated(&parser, files[i]), 0);
		test_table_corrupted(&parser, files[i]);
	}
}

/* Impossible contents: what is said of each. */
static void test_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned int width;
		uint64_t value;
		const char *what, *why;
	} cases[] = {
		{ 0, 1, 'X', "VIOT", "wrong signature" },
		{ ACPI_TABLE_LENGTH, 4, 0xd1, "VIOT", "impossible length" },
		{ ACPI_VIOT_NODES, 2, 47, "VIOT", "nodes start inside the header" },
		{ ACPI_VIOT_NODES, 2, 0xd0, "node", "cut off by the table's end" },
		{ ACPI_VIOT_NODES, 2, 0xffff, "VIOT", "nodes start behind the table" },
		{ ACPI_VIOT_NUM_NODES, 2, 9, "node", "cut off by the table's end" },
		{ 0x30 + ACPI_VIOT_NODE_LENGTH, 2, 3, "PCI range", "shorter than its header" },
		{ 0x30 + ACPI_VIOT_NODE_LENGTH, 2, 23, "PCI range", "too short for its type" },
		{ 0x48 + ACPI_VIOT_NODE_LENGTH, 2, 23, "MMIO endpoint", "too short for its type" },
		{ 0x78 + ACPI_VIOT_NODE_LENGTH, 2, 15, "virtio-iommu", "too short for its type" },
		{ 0x88 + ACPI_VIOT_NODE_LENGTH, 2, 0x49, "virtio-iommu", "longer than the table" },
		{ 0x98 + ACPI_VIOT_NODE_LENGTH, 2, 3, "node", "shorter than its header" },
		{ 0x88 + ACPI_VIOT_VIRTIO_MMIO_BASE, 8, 0, "virtio-iommu", "register base is 0" },
		{ 0x30 + ACPI_VIOT_RANGE_SEGMENT_FIRST, 2, 2, "PCI range",
		  "last segment is before the first" },
		{ 0x30 + ACPI_VIOT_RANGE_BDF_FIRST, 2, 0x800, "PCI range",
		  "last function is before the first" },
		{ 0x30 + ACPI_VIOT_RANGE_ENDPOINT, 4, 0xfffef801, "PCI range",
		  "endpoint IDs need more than 32 bits" },
		{ 0x30 + ACPI_VIOT_RANGE_OUTPUT, 2, 0x79, "PCI range",
		  "output is not the offset of an IOMMU's node" },
		{ 0x30 + ACPI_VIOT_RANGE_OUTPUT, 2, 0x48, "PCI range",
		  "output is not the offset of an IOMMU's node" },
		{ 0x48 + ACPI_VIOT_MMIO_ENDPOINT_OUTPUT, 2, 0, "MMIO endpoint",
		  "output is not the offset of an IOMMU's node" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_table_refused(&parser, "full", cases[i].at, cases[i].width, cases[i].value,
				   cases[i].what, cases[i].why);
}

static void test_no_memory(void **state)
{
	(void)state;
	/* copy, result, three arrays */
	assert_int_equal(test_table_no_memory(&parser, "full"), 5);
	assert_int_equal(test_table_no_memory(&parser, "qemu-q35"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),	cmocka_unit_test(test_devices),
		cmocka_unit_test(test_qemu),	cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
