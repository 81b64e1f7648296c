/* SPDX-License-Identifier: MIT */
/*
 * null_driver.h - a driver without hardware: what remains is the core and the page tables
 *
 * One device behind one instance, or several. Nothing is ever invalidated, because nothing caches.
 */
#ifndef BENCH_NULL_DRIVER_H
#define BENCH_NULL_DRIVER_H

#include <uiommu/driver.h>
#include <uiommu/posix.h>

#include "src/pgtable/pgtable.h"

struct null_format {
	const char *name;
	unsigned int pa_bits;
	struct uiommu_pt_arm arm; /* of arm_lpae */
	int (*init)(struct uiommu_pt *pt, const struct uiommu_pt_config *config);
	void (*geometry)(const struct uiommu_pt *pt, struct uiommu_geometry *out);
	struct uiommu_domain_ops ops;
};

extern const struct null_format null_vtd_ss, null_x86_64, null_arm_lpae_s1, null_arm_lpae_s2;

struct null_iommu {
	struct uiommu_instance instance;
	struct uiommu_fwnode fwnode;
	struct uiommu_posix *host;
	struct uiommu_system *sys;
	struct uiommu_device *dev;
	const struct null_format *format; /* of the domains to come, with */
	uint64_t pgsizes; /* these leaf sizes */
	struct uiommu_device *beside; /* in whose group the next device is; NULL: one of its own */
};

/** null_iommu_create() - 0, or a negative error and nothing is left */
int null_iommu_create(struct null_iommu *iommu, uint64_t ram_size);
/** null_iommu_create_watched() - the same with hooks on the host, which are not copied */
int null_iommu_create_watched(struct null_iommu *iommu, uint64_t ram_size,
			      const struct uiommu_posix_hooks *hooks);
/** null_iommu_add() - one device more, in the group of @beside or in one of its own */
int null_iommu_add(struct null_iommu *iommu, const char *name, struct uiommu_device *beside,
		   struct uiommu_device **out);
void null_iommu_destroy(struct null_iommu *iommu);

#endif /* BENCH_NULL_DRIVER_H */
