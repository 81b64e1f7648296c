/* SPDX-License-Identifier: MIT */
/* fwspec.c - what firmware says of a device: its IOMMU and what that calls it */
#include "src/core/core.h"

int uiommu_fwspec_init(struct uiommu_device *dev, const struct uiommu_fwnode *fwnode)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_instance *instance, *first;
	int rc = 0;

	uiommu_lock(sys, &sys->table);
	instance = uiommu_instance_find(sys, fwnode);
	if (!instance || !instance->ready) {
		/* One that is known and not ready is on its way, whatever the policy. */
		rc = instance ? -UIOMMU_EPROBE_DEFER : uiommu_defer_error(sys);
	} else if (dev->has_fwspec) {
		first = uiommu_instance_find(sys, dev->fwspec.fwnode);
		if (!first || first->ops != instance->ops)
			rc = -UIOMMU_EINVAL;
	} else {
		dev->fwspec.fwnode = fwnode;
		dev->has_fwspec = true;
	}
	uiommu_unlock(sys, &sys->table);
	return rc;
}

int uiommu_fwspec_add_ids(struct uiommu_device *dev, const uint32_t *ids, unsigned int count)
{
	struct uiommu_system *sys = dev->sys;
	unsigned int had = dev->fwspec.num_ids;
	uint32_t *grown, *old = dev->ids;

	if (!dev->has_fwspec)
		return -UIOMMU_EINVAL;
	if (!count)
		return 0;
	grown = uiommu_zalloc(sys, (had + (size_t)count) * sizeof(*grown));
	if (!grown)
		return -UIOMMU_ENOMEM;
	if (had)
		memcpy(grown, old, had * sizeof(*grown));
	memcpy(grown + had, ids, count * sizeof(*grown));
	uiommu_lock(sys, &sys->table);
	dev->ids = grown;
	dev->fwspec.ids = grown;
	dev->fwspec.num_ids = had + count;
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, old, had * sizeof(*old));
	return 0;
}

void uiommu_fwspec_set_flags(struct uiommu_device *dev, unsigned int flags)
{
	dev->fwspec.flags |= flags;
}

const struct uiommu_fwspec *uiommu_device_fwspec(const struct uiommu_device *dev)
{
	return dev->has_fwspec ? &dev->fwspec : NULL;
}

/* Forgotten between two tries: the next one reads firmware again. */
void uiommu_fwspec_clear(struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	uint32_t *ids = dev->ids;
	unsigned int count = dev->fwspec.num_ids;

	uiommu_lock(sys, &sys->table);
	memset(&dev->fwspec, 0, sizeof(dev->fwspec));
	dev->ids = NULL;
	dev->has_fwspec = false;
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, ids, count * sizeof(*ids));
}
