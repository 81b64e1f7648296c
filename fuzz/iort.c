/* SPDX-License-Identifier: MIT */
/*
 * iort.c - any bytes as an IORT, and every question about the result
 *
 * The table lies in memory of exactly its size, so that a read outside of it is seen. What was allocated
 * has to be given back, accepted or not.
 */
#include <stdlib.h>
#include <string.h>
#include <uiommu/iort.h>
#include "tests/firmware/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* From each node with each ID: two steps at most, and only to nodes of the table. */
static void ask(const struct uiommu_iort *iort)
{
	static const uint32_t ids[] = { 0, 1, 0x10, 0xff, 0x100, 0xffff, 0x10000, UINT32_MAX };

	for (size_t n = 0; n < iort->num_nodes; n++) {
		const struct uiommu_iort_node *node = &iort->nodes[n];

		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			const struct uiommu_iort_node *at = node;
			unsigned int steps = 0;
			uint32_t id = ids[i];

			uiommu_iort_root_complex(iort, node->segment, id);
			while ((at = uiommu_iort_map(at, id, &id))) {
				if (at < iort->nodes || at >= iort->nodes + iort->num_nodes ||
				    ++steps > 2)
					abort();
			}
		}
		if (node->object && !uiommu_iort_named_component(iort, node->object))
			abort();
		for (size_t i = 0; i < node->num_ranges; i++) {
			if (node->ranges[i].last < node->ranges[i].base)
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct test_host host = { .fail_after = SIZE_MAX };
	struct uiommu_acpi_error error = { 0 };
	struct uiommu_iort *iort = NULL;
	uint8_t *table = malloc(size ? size : 1);
	int rc;

	if (!table)
		abort();
	if (size)
		memcpy(table, data, size);
	rc = uiommu_iort_parse(&host, table, size, &iort, &error);
	free(table);
	if (rc == 0)
		ask(iort);
	else if (rc != -UIOMMU_EINVAL || !error.what || !error.why || error.offset > size + 8)
		abort();
	uiommu_iort_free(iort);
	if (host.live)
		abort();
	return 0;
}
