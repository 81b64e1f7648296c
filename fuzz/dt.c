/* SPDX-License-Identifier: MIT */
/*
 * dt.c - any bytes as a flattened Devicetree, and every question about the result
 *
 * The blob lies in memory of exactly its size, so that a read outside of it is seen. What was allocated
 * has to be given back, accepted or not.
 */
#include <stdlib.h>
#include <string.h>
#include <uiommu/fdt.h>
#include "tests/firmware/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct uiommu_dt *dt, const struct uiommu_dt_iommu *iommu)
{
	if (iommu && (iommu < dt->iommus || iommu >= dt->iommus + dt->num_iommus))
		abort();
}

static void ask(const struct uiommu_dt *dt)
{
	uint32_t id;

	for (size_t n = 0; n < dt->num_masters; n++) {
		const struct uiommu_dt_master *master = &dt->masters[n];

		if (!uiommu_dt_master(dt, master->path))
			abort();
		uiommu_dt_pci_host(dt, (uint16_t)n);
		for (size_t i = 0; i < master->num_references; i++)
			check(dt, master->references[i].iommu);
		for (size_t i = 0; i < master->num_maps; i++) {
			check(dt, uiommu_dt_map_id(master, (uint16_t)master->maps[i].first, &id));
			check(dt, uiommu_dt_map_id(master, (uint16_t)master->maps[i].last, &id));
		}
		for (size_t i = 0; i < master->num_regions; i++) {
			if (master->regions[i].last < master->regions[i].start)
				abort();
		}
	}
	for (size_t i = 0; i < dt->num_iommus; i++) {
		if (dt->iommus[i].fwnode.name != dt->iommus[i].path || !dt->iommus[i].compatible)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_dt_error error = { .path = "" };
	struct uiommu_dt_source source;
	struct uiommu_dt *dt = NULL;
	uint8_t *blob = malloc(size ? size : 1); /* aligned for any type */
	int rc;

	if (!blob)
		abort();
	if (size)
		memcpy(blob, data, size);
	if (uiommu_fdt_source(blob, size, &source, NULL) == 0) {
		rc = uiommu_dt_parse(&host, &source, &dt, &error);
		if (rc && (rc != -UIOMMU_EINVAL || error.path[0] == 0 || !error.why))
			abort();
	}
	free(blob);
	if (dt)
		ask(dt);
	uiommu_dt_free(dt);
	if (host.live)
		abort();
	return 0;
}
