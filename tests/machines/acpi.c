/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - the tables DMAR and VIOT of every built-in machine say what its description says
 *
 * They are read back by the library's parsers, and by iasl where it is installed: it finds no error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/acpi.h>
#include <uiommu/posix.h>
#include <uiommu/viot.h>

#include "machines/acpi.h"
#include "machines/machine.h"
#include "spec/acpi.h"

static struct describe *described(const char *name)
{
	struct describe *d;
	char error[256] = "";

	for (const struct machine_builtin *b = machine_builtins(); b->name; b++)
		if (strcmp(b->name, name) == 0) {
			if (describe_read(b->dtb, b->dtb_size, &d, error, sizeof(error)))
				fail_msg("%s: %s", name, error);
			return d;
		}
	fail_msg("there is no %s", name);
	return NULL;
}

static void check_scope(const struct describe *d, const struct uiommu_dmar_scope *scope,
			unsigned int function)
{
	unsigned int steps = scope->num_steps;

	assert_int_equal(scope->type, describe_is_bridge(d->functions[function].kind) ?
					      UIOMMU_DMAR_BRIDGE :
					      UIOMMU_DMAR_ENDPOINT);
	for (; function != DESCRIBE_NONE; function = d->functions[function].parent) {
		assert_true(steps > 0);
		steps--;
		assert_int_equal(scope->steps[steps].device << 3 | scope->steps[steps].function,
				 d->functions[function].devfn);
	}
	assert_int_equal(steps, 0);
}

static unsigned int vtd_units(const struct describe *d)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < d->num_units; i++)
		count += d->units[i].kind == DESCRIBE_UNIT_VTD;
	return count;
}

static void check_table(const char *name, const struct describe *d, const struct uiommu_dmar *dmar)
{
	unsigned int caches = 0, ports = 0;

	if (dmar->num_units != vtd_units(d))
		fail_msg("%s: %zu units and not %u", name, dmar->num_units, vtd_units(d));
	for (unsigned int i = 0, u = 0; i < d->num_units; i++) {
		const struct uiommu_dmar_unit *unit = &dmar->units[u];

		if (d->units[i].kind != DESCRIBE_UNIT_VTD)
			continue;
		u++;
		assert_true(unit->base == d->units[i].base);
		assert_int_equal(unit->include_all, d->units[i].include_all);
		assert_int_equal(unit->scope.count, d->units[i].num_scopes);
		for (unsigned int s = 0; s < d->units[i].num_scopes; s++)
			check_scope(d, &unit->scope.scopes[s], d->units[i].scopes[s]);
	}
	assert_int_equal(dmar->num_regions, d->num_regions);
	for (unsigned int i = 0; i < d->num_regions; i++) {
		assert_true(dmar->regions[i].base == d->regions[i].base);
		assert_true(dmar->regions[i].last == d->regions[i].last);
		assert_int_equal(dmar->regions[i].scope.count, d->regions[i].num_functions);
		for (unsigned int f = 0; f < d->regions[i].num_functions; f++)
			check_scope(d, &dmar->regions[i].scope.scopes[f],
				    d->regions[i].functions[f]);
	}
	for (unsigned int i = 0; i < d->num_functions; i++)
		caches += d->functions[i].satc;
	for (unsigned int i = 0; i < d->num_hosts; i++)
		ports += d->hosts[i].atsr;
	assert_int_equal(dmar->num_caches, caches);
	assert_int_equal(dmar->num_ports, ports);
}

static void test_tables(void **state)
{
	struct uiommu_posix_config config = { .ram_size = 1 << 20, .ram_base = 4096, .ram_fd = -1 };
	struct uiommu_posix *host;

	(void)state;
	assert_int_equal(uiommu_posix_create(&config, &host), 0);
	for (const struct machine_builtin *b = machine_builtins(); b->name; b++) {
		struct describe *d = described(b->name);
		struct uiommu_acpi_error error = { 0 };
		struct uiommu_dmar *dmar;
		unsigned char *table, sum = 0;
		size_t size;

		if (!vtd_units(d)) {
			describe_free(d);
			continue;
		}
		table = machine_acpi_dmar(d, &size);
		assert_non_null(table);
		for (size_t i = 0; i < size; i++)
			sum = (unsigned char)(sum + table[i]);
		assert_int_equal(sum, 0);
		if (uiommu_dmar_parse(host, table, size, &dmar, &error))
			fail_msg("%s: byte %zu: %s: %s", b->name, error.offset, error.what,
				 error.why);
		check_table(b->name, d, dmar);
		uiommu_dmar_free(dmar);
		free(table);
		describe_free(d);
	}
	uiommu_posix_destroy(host);
}

/* A scope behind two bridges, and structures that no built-in machine has all of. */
static void test_everything(void **state)
{
	struct uiommu_posix_config config = { .ram_size = 1 << 20, .ram_base = 4096, .ram_fd = -1 };
	struct describe_host hosts[] = { { .last_bus = 255 },
					 { .segment = 3, .first_bus = 0x20, .atsr = true } };
	struct describe_function functions[] = {
		{ .kind = DESCRIBE_ROOT_PORT, .parent = DESCRIBE_NONE, .host = 1, .devfn = 0x18 },
		{ .kind = DESCRIBE_PCIE_PCI_BRIDGE, .parent = 0, .host = 1, .devfn = 0x01 },
		{ .kind = DESCRIBE_EDU, .parent = 1, .host = 1, .devfn = 0xfa, .satc = true },
	};
	unsigned int deep[] = { 2 }, bridge[] = { 1, 0 };
	struct describe_unit units[] = {
		{ .base = 0x1234567000, .segment = 3, .include_all = true },
		{ .base = 0x1234568000, .segment = 3, .scopes = bridge, .num_scopes = 2 },
	};
	struct describe_region regions[] = { { 0x100000, 0x100fff, deep, 1 } };
	struct describe d = {
		.hosts = hosts,
		.functions = functions,
		.units = units,
		.regions = regions,
		.num_hosts = 2,
		.num_functions = 3,
		.num_units = 2,
		.num_regions = 1,
	};
	struct uiommu_posix *host;
	struct uiommu_dmar *dmar;
	size_t size;
	unsigned char *table = machine_acpi_dmar(&d, &size);

	(void)state;
	assert_int_equal(uiommu_posix_create(&config, &host), 0);
	assert_int_equal(uiommu_dmar_parse(host, table, size, &dmar, NULL), 0);
	/* The unit that takes the rest comes last. */
	assert_true(dmar->units[0].base == 0x1234568000);
	assert_true(dmar->units[1].include_all);
	assert_int_equal(dmar->units[0].scope.segment, 3);
	check_scope(&d, &dmar->units[0].scope.scopes[0], 1);
	check_scope(&d, &dmar->units[0].scope.scopes[1], 0);
	assert_int_equal(dmar->units[0].scope.scopes[0].start_bus, 0x20);
	check_scope(&d, &dmar->regions[0].scope.scopes[0], 2);
	assert_int_equal(dmar->regions[0].scope.segment, 3);
	assert_int_equal(dmar->num_ports, 1);
	assert_true(dmar->ports[0].all);
	check_scope(&d, &dmar->caches[0].scope.scopes[0], 2);
	uiommu_dmar_free(dmar);
	uiommu_posix_destroy(host);
	free(table);
}

/* Takes a table apart, puts it together again, and compares: nothing may be lost or unknown. */
static void iasl_agrees(const char *kind, unsigned int header, unsigned char *table, size_t size)
{
	char directory[] = "/tmp/uiommu-acpi-XXXXXX", name[64], command[320];
	FILE *file;

	if (system("command -v iasl >/dev/null 2>&1")) {
		free(table);
		skip(); /* iasl is not installed */
	}
	assert_non_null(mkdtemp(directory));
	snprintf(name, sizeof(name), "%s/%s.dat", directory, kind);
	file = fopen(name, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(table, 1, size, file), size);
	fclose(file);
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d %s.dat >log 2>&1 && grep -q 'Unknown ACPI table signature' log",
		 directory, kind);
	if (system(command) == 0) {
		snprintf(command, sizeof(command), "rm -r %s", directory);
		assert_int_equal(system(command), 0);
		free(table);
		skip(); /* this iasl is older than the table */
	}
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d %s.dat >log 2>&1 && ! grep -iq 'error\\|invalid' %s.dsl && "
		 "mv %s.dat was.dat && iasl -p %s %s.dsl >>log 2>&1 && "
		 "tail -c +%u was.dat >was && tail -c +%u %s.aml >is && cmp was is",
		 directory, kind, kind, kind, kind, kind, header + 1, header + 1, kind);
	if (system(command))
		fail_msg("iasl does not agree: see %s", directory);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	free(table);
}

static void test_iasl_dmar(void **state)
{
	struct describe *d = described("q35-vtd-two");
	size_t size;
	unsigned char *table = machine_acpi_dmar(d, &size);

	(void)state;
	describe_free(d);
	iasl_agrees("dmar", 56, table, size);
}

static void test_iasl_viot(void **state)
{
	struct describe *d = described("q35-mixed");
	size_t size;
	unsigned char *table = machine_acpi_viot(d, &size);

	(void)state;
	describe_free(d);
	iasl_agrees("viot", ACPI_TABLE_HEADER_SIZE, table, size);
}

/* ---- VIOT -------------------------------------------------------------------------------------- */

/* Each requester goes where the iommu-map sends it, by the table alone; the IOMMU itself goes nowhere. */
static void check_viot(const struct machine_builtin *b, const struct describe *d,
		       const struct uiommu_viot *viot)
{
	unsigned int units = 0;

	for (unsigned int i = 0; i < d->num_units; i++)
		units += d->units[i].kind == DESCRIBE_UNIT_VIRTIO;
	if (viot->num_iommus != units)
		fail_msg("%s: %zu IOMMUs and not %u", b->name, viot->num_iommus, units);
	for (unsigned int requester = 0; requester < 0x10000; requester++) {
		uint32_t endpoint = 0, id = 0;
		const struct describe_map *map =
			describe_map(&d->hosts[0], (uint16_t)requester, &id);
		const struct uiommu_viot_iommu *iommu =
			uiommu_viot_pci(viot, 0, (uint16_t)requester, &endpoint);

		if (!iommu != !map || endpoint != id)
			fail_msg("%s: requester 0x%x is endpoint 0x%x and not 0x%x", b->name,
				 requester, endpoint, id);
		if (iommu)
			assert_int_equal(iommu->source_id,
					 d->functions[d->units[map->unit].function].devfn);
	}
}

static void test_viot(void **state)
{
	struct uiommu_posix_config config = { .ram_size = 1 << 20, .ram_base = 4096, .ram_fd = -1 };
	struct uiommu_posix *host;
	unsigned int count = 0;

	(void)state;
	assert_int_equal(uiommu_posix_create(&config, &host), 0);
	for (const struct machine_builtin *b = machine_builtins(); b->name; b++) {
		struct describe *d = described(b->name);
		struct uiommu_acpi_error error = { 0 };
		struct uiommu_viot *viot;
		unsigned char *table, sum = 0;
		size_t size;

		if (!d->acpi || !d->hosts[0].num_maps) {
			describe_free(d);
			continue;
		}
		count++;
		table = machine_acpi_viot(d, &size);
		assert_non_null(table);
		for (size_t i = 0; i < size; i++)
			sum = (unsigned char)(sum + table[i]);
		assert_int_equal(sum, 0);
		if (uiommu_viot_parse(host, table, size, &viot, &error))
			fail_msg("%s: byte %zu: %s: %s", b->name, error.offset, error.what,
				 error.why);
		check_viot(b, d, viot);
		uiommu_viot_free(viot);
		free(table);
		describe_free(d);
	}
	assert_int_equal(count, 9);
	uiommu_posix_destroy(host);
}

/* The registers of a unit over MMIO, which no machine with ACPI has. */
static void test_viot_mmio(void **state)
{
	struct uiommu_posix_config config = { .ram_size = 1 << 20, .ram_base = 4096, .ram_fd = -1 };
	struct describe *d = described("virt-virtio");
	struct uiommu_acpi_error error = { 0 };
	struct uiommu_posix *host;
	struct uiommu_viot *viot;
	unsigned char *table;
	unsigned int found = 0;
	size_t size;

	(void)state;
	assert_int_equal(uiommu_posix_create(&config, &host), 0);
	table = machine_acpi_viot(d, &size);
	assert_non_null(table);
	assert_int_equal(uiommu_viot_parse(host, table, size, &viot, &error), 0);
	assert_int_equal(viot->num_iommus, 2);
	for (size_t i = 0; i < 2; i++)
		found += !viot->iommus[i].pci && viot->iommus[i].base == 0x0a000000;
	assert_int_equal(found, 1);
	assert_int_equal(viot->num_ranges, d->hosts[0].num_maps);
	uiommu_viot_free(viot);
	free(table);
	describe_free(d);
	uiommu_posix_destroy(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),	  cmocka_unit_test(test_everything),
		cmocka_unit_test(test_iasl_dmar), cmocka_unit_test(test_iasl_viot),
		cmocka_unit_test(test_viot),	  cmocka_unit_test(test_viot_mmio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
