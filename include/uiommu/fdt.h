/* SPDX-License-Identifier: MIT */
/*
 * uiommu/fdt.h - hosted only: a flattened Devicetree as a source for uiommu/devicetree.h, over libfdt
 *
 * Thread-safety: everything only reads.  Stability: 0.x, may change with any minor release.
 */
#ifndef UIOMMU_FDT_H
#define UIOMMU_FDT_H

#include <uiommu/devicetree.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * uiommu_fdt_source() - read a blob through libfdt
 * @blob: at an address that is a multiple of 8; stays in place as long as the source is used
 * @size: bytes that may be read
 * @out: the source on success
 * @why: what libfdt says is wrong, a static string; may be NULL
 *
 * The whole blob is checked first, so that damaged ones are refused here.
 *
 * Return: 0; -UIOMMU_EINVAL: not a flattened Devicetree, damaged, or misplaced.
 */
UIOMMU_API int uiommu_fdt_source(const void *blob, size_t size, struct uiommu_dt_source *out,
				 const char **why);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_FDT_H */
