/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - the DMAR table of every built-in machine says what its description says
 *
 * The table is read back by the library's parser, and by iasl where it is installed: it finds no error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/acpi.h>
#include <uiommu/posix.h>

#include "machines/acpi.h"
#include "machines/machine.h"

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

static void test_iasl(void **state)
{
	char directory[] = "/tmp/uiommu-acpi-XXXXXX", name[64], command[256];
	struct describe *d = described("q35-vtd-two");
	size_t size;
	unsigned char *table = machine_acpi_dmar(d, &size);
	FILE *file;
	int rc;

	(void)state;
	if (system("command -v iasl >/dev/null 2>&1")) {
		free(table);
		describe_free(d);
		skip(); /* iasl is not installed */
	}
	assert_non_null(mkdtemp(directory));
	snprintf(name, sizeof(name), "%s/dmar.dat", directory);
	file = fopen(name, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(table, 1, size, file), size);
	fclose(file);
	/* Takes it apart, puts it together again, and compares: nothing may be lost or unknown. */
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d dmar.dat >log 2>&1 && ! grep -iq 'error\\|invalid' dmar.dsl && "
		 "mv dmar.dat was.dat && iasl -p dmar dmar.dsl >>log 2>&1 && "
		 "tail -c +57 was.dat >was && tail -c +57 dmar.aml >is && cmp was is",
		 directory);
	rc = system(command);
	if (rc)
		fail_msg("iasl does not agree: see %s", directory);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	free(table);
	describe_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_iasl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
