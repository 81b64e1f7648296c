/* SPDX-License-Identifier: MIT */
/* platform_reset.c - how devices on no bus are reset, for those who hand them to programs */
#include <string.h>

#include "machines/uapi_io.h"
#include "spec/dma-engine.h"

#define ENGINE_COMPATIBLE "uiommu,platform-dma"

int machine_platform_reset(struct uiommu_uapi_platform_reset *reset)
{
	int rc = reset->map(reset, 0);

	if (!rc)
		reset->write(reset, 0, DMA_ENGINE_COMMAND, DMA_ENGINE_RESET);
	return rc;
}

int machine_load_platform_reset(void *context, struct uiommu_uapi *uapi, const char *module)
{
	(void)context;
	if (strcmp(module, "vfio-reset:" ENGINE_COMPATIBLE) == 0)
		return uiommu_uapi_register_platform_reset(uapi, ENGINE_COMPATIBLE,
							   machine_platform_reset, NULL);
	return uiommu_uapi_load_platform_reset(uapi, module);
}
