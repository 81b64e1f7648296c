/* SPDX-License-Identifier: MIT */
/*
 * nested.c - HWPTs that are a guest's stage on top of one of the host's, and the guest's invalidations
 *
 * The driver makes and judges them; what the ABI says of sizes and of the order of errors is here.
 */
#include <uiommu/vtd.h>

#include "src/uapi/iommufd.h"

/* ---- allocation -------------------------------------------------------------------------------- */

static void nested_destroy(struct iommufd_object *object)
{
	struct iommufd_hwpt *hwpt = iommufd_to_hwpt(object);

	uiommu_domain_free(hwpt->domain);
	if (hwpt->fault)
		hwpt->fault->users--;
	if (hwpt->viommu)
		hwpt->viommu->users--;
	hwpt->parent->object.users--;
	uapi_free(object->ctx->uapi, hwpt, sizeof(*hwpt));
}

int uiommu_iommufd_nested_create(struct iommufd_hwpt *parent, struct iommufd_device *device,
				 enum uiommu_nested_type type, const void *data, size_t size,
				 struct iommufd_hwpt **out)
{
	struct iommufd *ctx = parent->object.ctx;
	struct iommufd_hwpt *hwpt = uapi_alloc(ctx->uapi, sizeof(*hwpt));
	int rc;

	if (!hwpt)
		return -UIOMMU_ENOMEM;
	hwpt->parent = parent;
	hwpt->enforces = parent->enforces;
	rc = uiommu_domain_alloc_nested(device->dev, parent->domain, type, data, size, 0,
					&hwpt->domain);
	if (!rc)
		rc = uiommu_iommufd_object_add(ctx, &hwpt->object, IOMMUFD_HWPT_NESTED,
					       nested_destroy);
	if (rc) {
		uiommu_domain_free(hwpt->domain);
		uapi_free(ctx->uapi, hwpt, sizeof(*hwpt));
		return rc;
	}
	parent->object.users++;
	*out = hwpt;
	return 0;
}

/* On an HWPT itself: VT-d.  Whoever plays an SMMUv3 has a vIOMMU. */
int uiommu_iommufd_nested_alloc(struct iommufd_hwpt *parent, struct iommufd_device *device,
				const struct abi_iommu_hwpt_alloc *arg, struct iommufd_hwpt **out)
{
	const uint32_t known = ABI_IOMMU_HWPT_FAULT_ID_VALID | ABI_IOMMU_HWPT_ALLOC_PASID;
	const struct uiommu_instance *instance = uiommu_device_instance(device->dev);
	struct abi_iommu_hwpt_vtd_s1 data;
	int rc;

	if (arg->flags & ~known || !arg->data_len || !instance->ops->domain_alloc_nested)
		return -UIOMMU_EOPNOTSUPP;
	if (parent->automatic || !parent->nest_parent || parent->domain->owner != instance->ops)
		return -UIOMMU_EINVAL;
	if (arg->data_type != ABI_IOMMU_HWPT_DATA_VTD_S1)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->data_len != sizeof(data))
		return -UIOMMU_EINVAL;
	rc = uapi_read_user(parent->object.ctx->uapi, &data, arg->data_uptr, sizeof(data));
	if (rc)
		return rc;
	rc = uiommu_iommufd_nested_create(parent, device, UIOMMU_NESTED_VTD_S1, &data, sizeof(data),
					  out);
	if (!rc)
		(*out)->pasid = arg->flags & ABI_IOMMU_HWPT_ALLOC_PASID;
	return rc == -UIOMMU_EIO ? -UIOMMU_EINVAL : rc;
}

/* ---- invalidation ------------------------------------------------------------------------------ */

/* Entries are read and carried out so many at a time. */
#define BATCH 64u

union entries {
	struct abi_iommu_hwpt_vtd_s1_invalidate vtd[BATCH];
	uint64_t smmuv3[BATCH][2];
};

static int check_vtd(const struct abi_iommu_hwpt_vtd_s1_invalidate *entry)
{
	if (entry->flags & ~(uint32_t)UIOMMU_VTD_S1_INVALIDATE_LEAF || entry->reserved)
		return -UIOMMU_EOPNOTSUPP;
	if (entry->addr % UAPI_PAGE || (entry->npages == UINT64_MAX && entry->addr))
		return -UIOMMU_EINVAL;
	return 0;
}

/* The good ones at the beginning, then the error of the first bad one. */
static int invalidate_vtd(struct iommufd_hwpt *hwpt,
			  const struct abi_iommu_hwpt_vtd_s1_invalidate *entries, size_t *count)
{
	size_t good = 0;
	int bad = 0, rc;

	while (good < *count && !bad) {
		bad = check_vtd(&entries[good]);
		if (!bad)
			good++;
	}
	*count = good;
	rc = uiommu_domain_cache_invalidate(hwpt->domain, UIOMMU_NESTED_VTD_S1, entries,
					    sizeof(*entries), count);
	return rc ? rc : bad;
}

static int invalidate(struct iommufd_object *object, union entries *entries, size_t *count)
{
	return object->type == IOMMUFD_VIOMMU ?
		       uiommu_iommufd_viommu_invalidate(object, entries->smmuv3, count) :
		       invalidate_vtd(iommufd_to_hwpt(object), entries->vtd, count);
}

static int invalidate_all(struct iommufd_object *object,
			  const struct abi_iommu_hwpt_invalidate *arg, uint32_t entries,
			  uint32_t *done)
{
	const size_t size = object->type == IOMMUFD_VIOMMU ?
				    sizeof(struct abi_iommu_viommu_arm_smmuv3_invalidate) :
				    sizeof(struct abi_iommu_hwpt_vtd_s1_invalidate);
	union entries batch;
	int rc = 0;

	if (entries && arg->entry_len != size)
		return -UIOMMU_EINVAL;
	while (!rc && *done < entries) {
		size_t count = entries - *done < BATCH ? entries - *done : BATCH;

		rc = uapi_read_user(object->ctx->uapi, &batch, arg->data_uptr + *done * size,
				    count * size);
		if (rc)
			break;
		rc = invalidate(object, &batch, &count);
		*done += (uint32_t)count;
	}
	return rc;
}

/* What a type of data is for. */
static int check_type(const struct iommufd_object *object, uint32_t type)
{
	switch (object->type) {
	case IOMMUFD_HWPT_NESTED:
		/* One that was made through a vIOMMU takes none itself. */
		if (iommufd_to_hwpt((struct iommufd_object *)(uintptr_t)object)->viommu)
			return -UIOMMU_EOPNOTSUPP;
		return type == ABI_IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 ? 0 : -UIOMMU_EINVAL;
	case IOMMUFD_VIOMMU:
		return type == ABI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 ? 0 : -UIOMMU_EINVAL;
	default:
		return -UIOMMU_EINVAL;
	}
}

int uiommu_iommufd_cmd_hwpt_invalidate(struct iommufd_command *command)
{
	struct abi_iommu_hwpt_invalidate *arg = command->argument;
	const uint32_t entries = arg->entry_num;
	struct iommufd_object *object;
	uint32_t done = 0;
	int rc = 0, back;

	if (arg->reserved)
		rc = -UIOMMU_EOPNOTSUPP;
	else if (entries && (!arg->data_uptr || !arg->entry_len || arg->entry_len > UAPI_PAGE ||
			     entries > 1u << 19))
		rc = -UIOMMU_EINVAL;
	if (!rc) {
		object = uiommu_iommufd_object_find(command->ctx, arg->hwpt_id, IOMMUFD_ANY);
		rc = object ? check_type(object, arg->data_type) : -UIOMMU_ENOENT;
		if (!rc)
			rc = invalidate_all(object, arg, entries, &done);
	}
	/* Also with an error: how far it got. */
	arg->entry_num = done;
	back = uiommu_iommufd_copy_back(command);
	return back ? back : rc;
}
