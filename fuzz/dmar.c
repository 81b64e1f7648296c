/* SPDX-License-Identifier: MIT */
/*
 * dmar.c - any bytes as a DMAR table, and every question about the result
 *
 * The table lies in memory of exactly its size, so that a read outside of it is seen. What was allocated
 * has to be given back, accepted or not.
 */
#include <stdlib.h>
#include <string.h>
#include <uiommu/acpi.h>
#include "spec/pci.h"
#include "tests/firmware/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct uiommu_dmar *dmar)
{
	struct uiommu_pci_function *root, *port, *end, *legacy, *last;
	const struct uiommu_dmar_unit *unit;
	static struct test_pci pci;
	uint16_t source_id;

	test_pci_init(&pci);
	root = test_pci_add(&pci, NULL, 0, PCI_DEVFN(0x1c, 0), PCI_PCIE_ROOT_PORT, true);
	port = test_pci_add(&pci, root, 1, 0, PCI_PCIE_UPSTREAM_PORT, true);
	end = test_pci_add(&pci, port, 2, PCI_DEVFN(2, 0), PCI_PCIE_ENDPOINT, false);
	legacy = test_pci_add(&pci, NULL, 0, PCI_DEVFN(2, 0), -1, false);
	last = test_pci_add(&pci, NULL, 255, 255, PCI_PCIE_RC_ENDPOINT, false);
	last->segment = 1;

	for (size_t i = 0; i < pci.topology.num_functions; i++) {
		struct uiommu_pci_function *fn = pci.list[i];

		unit = uiommu_dmar_unit_of(dmar, fn);
		if (unit && (unit < dmar->units || unit >= dmar->units + dmar->num_units))
			abort();
		uiommu_dmar_ats_allowed(dmar, fn);
	}
	(void)end;
	(void)legacy;
	for (size_t i = 0; i < dmar->num_names; i++)
		uiommu_dmar_namespace_device(dmar, dmar->names[i].name, &unit, &source_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_acpi_error error = { 0 };
	struct uiommu_dmar *dmar = NULL;
	uint8_t *table = malloc(size ? size : 1);
	int rc;

	if (!table)
		abort();
	if (size)
		memcpy(table, data, size);
	rc = uiommu_dmar_parse(&host, table, size, &dmar, &error);
	free(table);
	if (rc == 0)
		ask(dmar);
	else if (rc != -UIOMMU_EINVAL || !error.what || !error.why || error.offset > size + 8)
		abort();
	uiommu_dmar_free(dmar);
	if (host.live)
		abort();
	return 0;
}
