/* SPDX-License-Identifier: MIT */
/*
 * viot.c - any bytes as a VIOT, and every question about the result
 *
 * The table lies in memory of exactly its size, so that a read outside of it is seen. What was allocated
 * has to be given back, accepted or not.
 */
#include <stdlib.h>
#include <string.h>
#include <uiommu/viot.h>
#include "tests/firmware/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct uiommu_viot *viot, const struct uiommu_viot_iommu *iommu)
{
	if (iommu && (iommu < viot->iommus || iommu >= viot->iommus + viot->num_iommus))
		abort();
}

/* The corners of every range, inside and outside. */
static void ask(const struct uiommu_viot *viot)
{
	uint32_t endpoint;

	for (size_t i = 0; i < viot->num_ranges; i++) {
		const struct uiommu_viot_range *range = &viot->ranges[i];
		uint16_t segments[] = { range->segment_first, range->segment_last };
		uint16_t ids[] = { range->source_first, range->source_last };

		for (size_t k = 0; k < 4; k++) {
			check(viot, uiommu_viot_pci(viot, segments[k / 2], ids[k % 2], &endpoint));
			check(viot, uiommu_viot_pci(viot, (uint16_t)(segments[k / 2] + 1),
						    (uint16_t)(ids[k % 2] + 1), &endpoint));
		}
	}
	for (size_t i = 0; i < viot->num_endpoints; i++)
		check(viot, uiommu_viot_mmio(viot, viot->endpoints[i].base, &endpoint));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_acpi_error error = { 0 };
	struct uiommu_viot *viot = NULL;
	uint8_t *table = malloc(size ? size : 1);
	int rc;

	if (!table)
		abort();
	if (size)
		memcpy(table, data, size);
	rc = uiommu_viot_parse(&host, table, size, &viot, &error);
	free(table);
	if (rc == 0)
		ask(viot);
	else if (rc != -UIOMMU_EINVAL || !error.what || !error.why || error.offset > size + 8)
		abort();
	uiommu_viot_free(viot);
	if (host.live)
		abort();
	return 0;
}
