/* SPDX-License-Identifier: MIT */
/* fdt.c - a flattened Devicetree as a source for the library, over libfdt */
#include <libfdt.h>

#include <uiommu/fdt.h>

/* The whole blob was checked, so that the functions below meet nothing damaged. */

static int next(void *context, int node, unsigned int *depth)
{
	int level = node < 0 ? -1 : (int)*depth;
	int found = fdt_next_node(context, node, &level);

	/* Behind the last node libfdt goes on to where the root ends. */
	if (found < 0 || level < 0)
		return -1;
	*depth = (unsigned int)level;
	return found;
}

static const char *name(void *context, int node)
{
	const char *found = fdt_get_name(context, node, NULL);

	return found ? found : "";
}

static const void *property(void *context, int node, const char *wanted, size_t *length)
{
	int bytes;
	const void *found = fdt_getprop(context, node, wanted, &bytes);

	if (found)
		*length = (size_t)bytes;
	return found;
}

int uiommu_fdt_source(const void *blob, size_t size, struct uiommu_dt_source *out, const char **why)
{
	int rc;

	if ((uintptr_t)blob % 8)
		rc = -FDT_ERR_ALIGNMENT;
	else if (size < sizeof(struct fdt_header))
		rc = -FDT_ERR_TRUNCATED;
	else
		rc = fdt_check_full(blob, size);
	if (rc) {
		if (why)
			*why = fdt_strerror(rc);
		return -UIOMMU_EINVAL;
	}
	/* The source's context is not const, but nothing writes to the blob. */
	*out = (struct uiommu_dt_source){ next, name, property, (void *)(uintptr_t)blob };
	return 0;
}
