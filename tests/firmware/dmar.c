/* SPDX-License-Identifier: MIT */
/* dmar.c - DMAR tables: QEMU's, one with everything, and every damaged form of them */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uiommu/acpi.h>
#include "spec/acpi.h"
#include "spec/pci.h"
#include "tests/firmware/host.h"

static const char *const files[] = { "full",	 "qemu-plain",	 "qemu-intremap",
				     "qemu-ats", "qemu-bridges", NULL };

static uint8_t *load(const char *name, size_t *size)
{
	char path[512];
	uint8_t *data = malloc(4096);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.aml", DMAR_DATA, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is missing", path);
	*size = fread(data, 1, 4096, file);
	fclose(file);
	assert_in_range(*size, ACPI_DMAR_HEADER_SIZE, 4095);
	return data;
}

static struct uiommu_dmar *parse(struct test_host *host, const char *name)
{
	struct uiommu_dmar *dmar = NULL;
	size_t size;
	uint8_t *data = load(name, &size);

	assert_int_equal(uiommu_dmar_parse(host, data, size, &dmar, NULL), 0);
	memset(data, 0xee, size); /* nothing may point into it */
	free(data);
	return dmar;
}

static void test_full(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dmar *dmar = parse(&host, "full");

	(void)state;
	assert_int_equal(dmar->host_width, 0x2e);
	assert_int_equal(dmar->flags, UIOMMU_DMAR_INTR_REMAP | UIOMMU_DMAR_PLATFORM_OPT_IN);
	assert_int_equal(dmar->num_units, 4);
	assert_string_equal(dmar->units[1].fwnode.name, "dmar1");
	assert_int_equal(dmar->units[1].base, 0xfed91000);
	assert_int_equal(dmar->units[1].size, 4096);
	assert_int_equal(dmar->units[1].scope.count, 2);
	assert_int_equal(dmar->units[1].scope.scopes[1].num_steps, 2);
	assert_int_equal(dmar->units[1].scope.scopes[1].steps[0].function, 4);
	assert_true(dmar->units[1].has_proximity);
	assert_int_equal(dmar->units[1].proximity, 5);
	assert_false(dmar->units[0].has_proximity);
	assert_true(dmar->units[2].include_all);
	assert_int_equal(dmar->units[2].scope.scopes[0].type, UIOMMU_DMAR_IOAPIC);
	assert_int_equal(dmar->units[2].scope.scopes[0].enumeration_id, 2);
	assert_int_equal(dmar->units[3].scope.segment, 1);
	assert_int_equal(dmar->num_regions, 1);
	assert_int_equal(dmar->regions[0].last, 0x787fffff);
	assert_int_equal(dmar->num_ports, 1);
	assert_int_equal(dmar->num_names, 1);
	assert_string_equal(dmar->names[0].name, "\\_SB.PCI0.I2C1");
	uiommu_dmar_free(dmar);
	assert_int_equal(host.live, 0);
}

static void test_units(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dmar *dmar = parse(&host, "full");
	struct uiommu_pci_function *gpu, *port, *below, *deep, *port4, *named, *other, *far;
	static struct test_pci pci;

	(void)state;
	test_pci_init(&pci);
	gpu = test_pci_add(&pci, NULL, 0, PCI_DEVFN(2, 0), PCI_PCIE_RC_ENDPOINT, false);
	port = test_pci_add(&pci, NULL, 0, PCI_DEVFN(0x1c, 0), PCI_PCIE_ROOT_PORT, true);
	below = test_pci_add(&pci, port, 1, 0, PCI_PCIE_UPSTREAM_PORT, true);
	deep = test_pci_add(&pci, below, 2, PCI_DEVFN(3, 1), PCI_PCIE_ENDPOINT, false);
	port4 = test_pci_add(&pci, NULL, 0, PCI_DEVFN(0x1c, 4), PCI_PCIE_ROOT_PORT, true);
	named = test_pci_add(&pci, port4, 7, 0, PCI_PCIE_ENDPOINT, false);
	other = test_pci_add(&pci, port4, 7, 1, PCI_PCIE_ENDPOINT, false);
	far = test_pci_add(&pci, NULL, 0, PCI_DEVFN(2, 0), PCI_PCIE_RC_ENDPOINT, false);
	far->segment = 1;

	assert_ptr_equal(uiommu_dmar_unit_of(dmar, gpu), &dmar->units[0]);
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, port), &dmar->units[1]);
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, deep), &dmar->units[1]);
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, named), &dmar->units[1]);
	/* The rest: the port itself is not in the scope that leads through it. */
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, port4), &dmar->units[2]);
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, other), &dmar->units[2]);
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, far), &dmar->units[3]);
	far->segment = 2;
	assert_null(uiommu_dmar_unit_of(dmar, far));
	/* The same device and function on another bus is another device. */
	gpu->bus = 9;
	assert_ptr_equal(uiommu_dmar_unit_of(dmar, gpu), &dmar->units[2]);
	uiommu_dmar_free(dmar);
}

static void test_ats(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dmar *dmar = parse(&host, "full"), *all = parse(&host, "qemu-ats");
	struct uiommu_pci_function *integrated, *port, *below, *port4, *under4, *bridge, *legacy;
	static struct test_pci pci;

	(void)state;
	test_pci_init(&pci);
	integrated = test_pci_add(&pci, NULL, 0, PCI_DEVFN(2, 0), PCI_PCIE_RC_ENDPOINT, false);
	port = test_pci_add(&pci, NULL, 0, PCI_DEVFN(0x1c, 0), PCI_PCIE_ROOT_PORT, true);
	below = test_pci_add(&pci, port, 1, 0, PCI_PCIE_ENDPOINT, false);
	port4 = test_pci_add(&pci, NULL, 0, PCI_DEVFN(0x1c, 4), PCI_PCIE_ROOT_PORT, true);
	under4 = test_pci_add(&pci, port4, 2, 0, PCI_PCIE_ENDPOINT, false);
	bridge = test_pci_add(&pci, port, 1, 8, PCI_PCIE_TO_PCI_BRIDGE, true);
	legacy = test_pci_add(&pci, bridge, 3, 0, -1, false);

	assert_true(uiommu_dmar_ats_allowed(dmar, integrated));
	assert_true(uiommu_dmar_ats_allowed(dmar, below));
	assert_false(uiommu_dmar_ats_allowed(dmar, under4));
	assert_false(uiommu_dmar_ats_allowed(dmar, legacy));
	assert_true(uiommu_dmar_ats_allowed(all, under4)); /* ALL_PORTS */
	below->segment = 1;
	assert_false(uiommu_dmar_ats_allowed(dmar, below));
	uiommu_dmar_free(dmar);
	uiommu_dmar_free(all);
	assert_int_equal(host.live, 0);
}

/* SATC, which this iasl does not know: @size bytes at the end of a table. */
static void test_satc(void **state)
{
	static const uint8_t satc[16] = { 5, 0, 16, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 2, 0, 0 };
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_pci_function *port, *fn;
	static struct test_pci pci;
	struct uiommu_dmar *dmar;
	size_t size;
	uint8_t *data = load("full", &size);

	(void)state;
	memcpy(data + size, satc, sizeof(satc));
	size += sizeof(satc);
	data[ACPI_TABLE_LENGTH] = (uint8_t)size;
	data[ACPI_TABLE_LENGTH + 1] = (uint8_t)(size >> 8);
	assert_int_equal(uiommu_dmar_parse(&host, data, size, &dmar, NULL), 0);
	assert_int_equal(dmar->num_caches, 1);
	assert_true(dmar->caches[0].required);

	test_pci_init(&pci);
	port = test_pci_add(&pci, NULL, 0, PCI_DEVFN(0x1c, 4), PCI_PCIE_ROOT_PORT, true);
	fn = test_pci_add(&pci, port, 2, 0, PCI_PCIE_ENDPOINT, false);
	assert_true(uiommu_dmar_ats_allowed(dmar, fn));
	fn->devfn = 1;
	assert_false(uiommu_dmar_ats_allowed(dmar, fn));
	uiommu_dmar_free(dmar);
	free(data);
}

static void test_namespace(void **state)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dmar *dmar = parse(&host, "full");
	const struct uiommu_dmar_unit *unit = NULL;
	uint16_t id = 0;

	(void)state;
	assert_int_equal(uiommu_dmar_namespace_device(dmar, "\\_SB.PCI0.I2C1", &unit, &id), 0);
	assert_ptr_equal(unit, &dmar->units[2]);
	assert_int_equal(id, PCI_DEVFN(0x15, 1));
	assert_int_equal(uiommu_dmar_namespace_device(dmar, "\\_SB.PCI0.I2C", &unit, &id),
			 -UIOMMU_ENOENT);
	uiommu_dmar_free(dmar);
}

static void test_qemu(void **state)
{
	(void)state;
	for (size_t i = 1; files[i]; i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		struct uiommu_dmar *dmar = parse(&host, files[i]);

		assert_int_equal(dmar->num_units, 1);
		assert_int_equal(dmar->units[0].base, 0xfed90000);
		assert_true(dmar->units[0].scope.count >= 1); /* the I/O APIC */
		assert_int_equal(dmar->num_ports,
				 strstr("qemu-ats qemu-bridges", files[i]) ? 1 : 0);
		uiommu_dmar_free(dmar);
		assert_int_equal(host.live, 0);
	}
}

/*
 * Every truncation: with the header's length left alone it is refused; with the length made to agree it
 * is refused or is a table that ends between two structures.  The copy has exactly the bytes, so that
 * AddressSanitizer sees a read behind them.
 */
static void test_truncated(void **state)
{
	(void)state;
	for (size_t i = 0; files[i]; i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		size_t size, accepted = 0;
		uint8_t *data = load(files[i], &size);

		for (size_t cut = 0; cut < size; cut++) {
			struct uiommu_acpi_error error = { .offset = SIZE_MAX };
			struct uiommu_dmar *dmar = NULL;
			uint8_t *copy = malloc(cut ? cut : 1);

			memcpy(copy, data, cut);
			assert_int_equal(uiommu_dmar_parse(&host, copy, cut, &dmar, &error),
					 -UIOMMU_EINVAL);
			assert_true(error.offset <= cut + 4 && error.what && error.why);
			if (cut >= ACPI_DMAR_HEADER_SIZE) {
				copy[ACPI_TABLE_LENGTH] = (uint8_t)cut;
				copy[ACPI_TABLE_LENGTH + 1] = (uint8_t)(cut >> 8);
				if (!uiommu_dmar_parse(&host, copy, cut, &dmar, &error))
					accepted++;
				uiommu_dmar_free(dmar);
			}
			free(copy);
			assert_int_equal(host.live, 0);
		}
		/* One for each structure: the cut before it. */
		assert_int_equal(accepted,
				 strcmp(files[i], "full") ?
					 (strstr("qemu-ats qemu-bridges", files[i]) ? 2 : 1) :
					 8);
		free(data);
	}
}

/* Every byte set to every value: accepted or refused, never out of bounds (sanitizers), nothing leaks. */
static void test_corrupted(void **state)
{
	size_t accepted = 0, refused = 0;

	(void)state;
	for (size_t i = 0; files[i]; i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		size_t size;
		uint8_t *data = load(files[i], &size), *copy = malloc(size);

		for (size_t at = 0; at < size; at++) {
			for (unsigned int value = 0; value < 256; value++) {
				struct uiommu_dmar *dmar = NULL;

				memcpy(copy, data, size);
				copy[at] = (uint8_t)value;
				if (uiommu_dmar_parse(&host, copy, size, &dmar, NULL))
					refused++;
				else
					accepted++;
				uiommu_dmar_free(dmar);
			}
		}
		assert_int_equal(host.live, 0);
		free(copy);
		free(data);
	}
	assert_true(accepted > 10000 && refused > 10000);
}

/* Impossible contents whose lengths are all right. */
static void test_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *what;
	} cases[] = {
		{ 0, 'X', "DMAR" },
		{ 48 + ACPI_DMAR_DRHD_BASE, 1, "DRHD" },
		{ 48 + ACPI_DMAR_DRHD_SCOPES + ACPI_SCOPE_LENGTH, 7, "device scope" },
		{ 48 + ACPI_DMAR_DRHD_SCOPES + ACPI_SCOPE_LENGTH, 6, "device scope" },
		{ 48 + ACPI_DMAR_SUB_LENGTH, 3, "DRHD" },
		{ 48 + ACPI_DMAR_SUB_LENGTH, 15, "DRHD" },
	};
	size_t size;
	uint8_t *data = load("full", &size);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test_host host = { .fail_after = SIZE_MAX };
		struct uiommu_acpi_error error = { 0 };
		struct uiommu_dmar *dmar;
		uint8_t old = data[cases[i].at];

		data[cases[i].at] = cases[i].value;
		assert_int_equal(uiommu_dmar_parse(&host, data, size, &dmar, &error),
				 -UIOMMU_EINVAL);
		assert_string_equal(error.what, cases[i].what);
		data[cases[i].at] = old;
	}
	free(data);
}

/* Each allocation fails once: -UIOMMU_ENOMEM and nothing stays behind. */
static void test_no_memory(void **state)
{
	size_t size, n;
	uint8_t *data = load("full", &size);

	(void)state;
	for (n = 0;; n++) {
		struct test_host host = { .fail_after = n };
		struct uiommu_dmar *dmar = NULL;
		int rc = uiommu_dmar_parse(&host, data, size, &dmar, NULL);

		uiommu_dmar_free(dmar);
		assert_int_equal(host.live, 0);
		if (!rc)
			break;
		assert_int_equal(rc, -UIOMMU_ENOMEM);
	}
	assert_int_equal(n, 9); /* copy, result, seven arrays: all but SATC */
	free(data);
}

static void checksum(uint8_t *data, size_t size, size_t at)
{
	uint8_t sum = 0;

	data[at] = 0;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + data[i]);
	data[at] = (uint8_t)-sum;
}

/* RSDP at 0, XSDT at 64 with two entries (one outside of the image), DMAR at 128. */
static void test_find(void **state)
{
	enum { base = 0x1000, size = 1024 };
	size_t length, found_length = 0;
	uint8_t *dmar = load("full", &length), *data = calloc(1, size);
	struct uiommu_acpi_image image = { data, base, size };
	struct uiommu_acpi_error error = { 0 };
	const void *found = NULL;

	(void)state;
	memcpy(data, ACPI_RSDP_SIGNATURE, 8);
	data[ACPI_RSDP_REVISION] = 2;
	data[ACPI_RSDP_LENGTH] = ACPI_RSDP_SIZE_V2;
	data[ACPI_RSDP_XSDT] = 64;
	data[ACPI_RSDP_XSDT + 1] = base >> 8;
	checksum(data, ACPI_RSDP_SIZE_V1, ACPI_RSDP_CHECKSUM);
	checksum(data, ACPI_RSDP_SIZE_V2, ACPI_RSDP_EXTENDED_CHECKSUM);
	memcpy(data + 64, "XSDT", 4);
	data[64 + ACPI_TABLE_LENGTH] = ACPI_TABLE_HEADER_SIZE + 16;
	data[64 + 36 + 7] = 0xff; /* far outside */
	data[64 + 36 + 8] = 128;
	data[64 + 36 + 9] = base >> 8;
	checksum(data + 64, ACPI_TABLE_HEADER_SIZE + 16, ACPI_TABLE_CHECKSUM);
	memcpy(data + 128, dmar, length);

	assert_int_equal(
		uiommu_acpi_find_table(&image, base, "DMAR", &found, &found_length, &error), 0);
	assert_ptr_equal(found, data + 128);
	assert_int_equal(found_length, length);
	assert_int_equal(uiommu_acpi_find_table(&image, base, "IVRS", &found, &found_length,
						&error),
			 -UIOMMU_ENOENT);

	for (size_t cut = 0; cut < 128 + length; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, data, cut);
		image = (struct uiommu_acpi_image){ copy, base, cut };
		assert_true(uiommu_acpi_find_table(&image, base, "DMAR", &found, &found_length,
						   &error) < 0);
		free(copy);
	}
	image = (struct uiommu_acpi_image){ data, base, size };
	data[128 + 100]++;
	assert_int_equal(uiommu_acpi_find_table(&image, base, "DMAR", &found, &found_length,
						&error),
			 -UIOMMU_EINVAL);
	assert_string_equal(error.why, "wrong checksum");
	assert_int_equal(error.offset, 128);
	free(data);
	free(dmar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),	  cmocka_unit_test(test_units),
		cmocka_unit_test(test_ats),	  cmocka_unit_test(test_satc),
		cmocka_unit_test(test_namespace), cmocka_unit_test(test_qemu),
		cmocka_unit_test(test_truncated), cmocka_unit_test(test_corrupted),
		cmocka_unit_test(test_refused),	  cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
