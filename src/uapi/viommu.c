/* SPDX-License-Identifier: MIT */
/*
 * viommu.c - a guest's SMMUv3: its streams are devices of the host's, and its commands name them by its own StreamIDs
 *
 * A vIOMMU is a slice of one instance on top of one HWPT, whose addresses are what the guest takes for physical.
 * A vDEVICE says which device a StreamID of the guest's is.  Every vIOMMU has a nested domain of its own, which
 * ends all streams and is attached nowhere: it judges commands for which no device's domain can be asked, and
 * those about translations, which mean all domains on one parent, reach the hardware through it.
 */
#include <uiommu/smmuv3.h>

#include "spec/smmuv3.h"
#include "src/uapi/viommu.h"

/* ---- the vIOMMU -------------------------------------------------------------------------------- */

static void viommu_destroy(struct iommufd_object *object)
{
	struct iommufd_viommu *viommu = iommufd_to_viommu(object);

	uiommu_domain_free(viommu->idle);
	viommu->parent->object.users--;
	uiommu_port_mutex_destroy(object->ctx->uapi->host, &viommu->lock);
	uapi_free(object->ctx->uapi, viommu, sizeof(*viommu));
}

static int viommu_create(struct iommufd_device *device, struct iommufd_hwpt *parent,
			 struct iommufd_viommu **out)
{
	static const uint64_t no_streams[2] = { 0, 0 }; /* V is 0 */
	struct iommufd *ctx = device->object.ctx;
	struct iommufd_viommu *viommu = uapi_alloc(ctx->uapi, sizeof(*viommu));
	int rc;

	if (!viommu)
		return -UIOMMU_ENOMEM;
	if (uiommu_port_mutex_init(ctx->uapi->host, &viommu->lock)) {
		uapi_free(ctx->uapi, viommu, sizeof(*viommu));
		return -UIOMMU_ENOMEM;
	}
	viommu->parent = parent;
	viommu->instance = uiommu_device_instance(device->dev);
	rc = uiommu_domain_alloc_nested(device->dev, parent->domain, UIOMMU_NESTED_SMMUV3,
					no_streams, sizeof(no_streams), 0, &viommu->idle);
	if (!rc)
		rc = uiommu_iommufd_object_add(ctx, &viommu->object, IOMMUFD_VIOMMU,
					       viommu_destroy);
	if (rc) {
		uiommu_domain_free(viommu->idle);
		uiommu_port_mutex_destroy(ctx->uapi->host, &viommu->lock);
		uapi_free(ctx->uapi, viommu, sizeof(*viommu));
		return rc;
	}
	parent->object.users++;
	*out = viommu;
	return 0;
}

/* Is it behind an SMMUv3? */
static bool is_smmuv3(struct uiommu_device *dev)
{
	uint32_t type = UIOMMU_HW_INFO_SMMUV3;
	struct uiommu_smmuv3_hw_info info;
	size_t size = sizeof(info);

	return !uiommu_device_hw_info(dev, &type, &info, &size);
}

int uiommu_iommufd_cmd_viommu_alloc(struct iommufd_command *command)
{
	struct abi_iommu_viommu_alloc *arg = command->argument;
	struct iommufd_object *device, *hwpt;
	struct iommufd_viommu *viommu;
	int rc;

	if (arg->flags || arg->type == ABI_IOMMU_VIOMMU_TYPE_DEFAULT)
		return -UIOMMU_EOPNOTSUPP;
	device = uiommu_iommufd_object_find(command->ctx, arg->dev_id, IOMMUFD_DEVICE);
	if (!device)
		return -UIOMMU_ENOENT;
	if (arg->type != ABI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3 ||
	    !is_smmuv3(iommufd_to_device(device)->dev))
		return -UIOMMU_EOPNOTSUPP;
	hwpt = uiommu_iommufd_object_find(command->ctx, arg->hwpt_id, IOMMUFD_HWPT_PAGING);
	if (!hwpt)
		return -UIOMMU_ENOENT;
	if (!iommufd_to_hwpt(hwpt)->nest_parent)
		return -UIOMMU_EINVAL;
	rc = viommu_create(iommufd_to_device(device), iommufd_to_hwpt(hwpt), &viommu);
	if (rc)
		return rc;
	arg->out_viommu_id = viommu->object.id;
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		uiommu_iommufd_object_destroy(&viommu->object);
	return rc;
}

/* ---- stages of the guest's --------------------------------------------------------------------- */

static bool translates(const uint64_t ste[2])
{
	return (ste[0] & SMMUV3_STE0_V) &&
	       smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) == SMMUV3_CONFIG_S1;
}

int uiommu_iommufd_viommu_nested_alloc(struct iommufd_object *object, struct iommufd_device *device,
				       const struct abi_iommu_hwpt_alloc *arg,
				       struct iommufd_hwpt **out)
{
	struct iommufd_viommu *viommu = iommufd_to_viommu(object);
	uint64_t ste[2];
	int rc;

	if (uiommu_device_instance(device->dev) != viommu->instance)
		return -UIOMMU_EINVAL;
	if (arg->flags & ~(uint32_t)ABI_IOMMU_HWPT_FAULT_ID_VALID || !arg->data_len)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->data_type != ABI_IOMMU_HWPT_DATA_ARM_SMMUV3 || arg->data_len != sizeof(ste))
		return -UIOMMU_EINVAL;
	rc = uapi_read_user(object->ctx->uapi, ste, arg->data_uptr, sizeof(ste));
	if (rc)
		return rc;
	rc = uiommu_iommufd_nested_create(viommu->parent, device, UIOMMU_NESTED_SMMUV3, ste,
					  sizeof(ste), out);
	if (rc)
		return rc;
	(*out)->viommu = object;
	(*out)->needs_vdevice = translates(ste);
	object->users++;
	/* Until the domain goes, which waits for the last call. */
	uiommu_set_fault_handler((*out)->domain, uiommu_iommufd_viommu_fault, viommu);
	return 0;
}

int uiommu_iommufd_viommu_check_attach(const struct iommufd_device *device,
				       const struct iommufd_hwpt *hwpt)
{
	if (!hwpt->needs_vdevice)
		return 0;
	return device->vdevice && &device->vdevice->viommu->object == hwpt->viommu ? 0 :
										     -UIOMMU_ENOENT;
}

/* ---- its queues -------------------------------------------------------------------------------- */

/* None of our hardware has queues that a guest could have for itself. */
int uiommu_iommufd_cmd_hw_queue_alloc(struct iommufd_command *command)
{
	const struct abi_iommu_hw_queue_alloc *arg = command->argument;

	if (arg->flags || arg->type == ABI_IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -UIOMMU_EOPNOTSUPP;
	if (!arg->length)
		return -UIOMMU_EINVAL;
	if (arg->nesting_parent_iova > UINT64_MAX - (arg->length - 1))
		return -UIOMMU_EOVERFLOW;
	if (!uiommu_iommufd_object_find(command->ctx, arg->viommu_id, IOMMUFD_VIOMMU))
		return -UIOMMU_ENOENT;
	return -UIOMMU_EOPNOTSUPP;
}

/* ---- its devices ------------------------------------------------------------------------------- */

static struct iommufd_vdevice *find_vdevice(const struct iommufd_viommu *viommu, uint64_t virt_id)
{
	struct iommufd_vdevice *vdevice = viommu->devices;

	while (vdevice && vdevice->virt_id != virt_id)
		vdevice = vdevice->next;
	return vdevice;
}

/* Its vIOMMU and its device do not know it any more. */
static void vdevice_leave(struct iommufd_vdevice *vdevice)
{
	struct iommufd_vdevice **link = &vdevice->viommu->devices;

	viommu_lock(vdevice->viommu);
	while (*link != vdevice)
		link = &(*link)->next;
	*link = vdevice->next;
	viommu_unlock(vdevice->viommu);
	vdevice->viommu->object.users--;
	vdevice->device->vdevice = NULL;
	vdevice->viommu = NULL;
}

static void vdevice_destroy(struct iommufd_object *object)
{
	struct iommufd_vdevice *vdevice = (struct iommufd_vdevice *)(void *)object;

	if (vdevice->viommu)
		vdevice_leave(vdevice);
	uapi_free(object->ctx->uapi, vdevice, sizeof(*vdevice));
}

void uiommu_iommufd_vdevice_orphan(struct iommufd_device *device)
{
	struct iommufd_vdevice *vdevice = device->vdevice;

	if (!vdevice)
		return;
	vdevice_leave(vdevice);
	/* Whoever made it may still name it: the number is nobody else's while the context lives. */
	vdevice->object.type = IOMMUFD_TOMBSTONE;
}

int uiommu_iommufd_cmd_vdevice_alloc(struct iommufd_command *command)
{
	struct abi_iommu_vdevice_alloc *arg = command->argument;
	struct iommufd *ctx = command->ctx;
	struct iommufd_object *found =
		uiommu_iommufd_object_find(ctx, arg->viommu_id, IOMMUFD_VIOMMU);
	struct iommufd_object *named = uiommu_iommufd_object_find(ctx, arg->dev_id, IOMMUFD_DEVICE);
	struct iommufd_vdevice *vdevice;
	struct iommufd_viommu *viommu;
	struct iommufd_device *device;
	int rc;

	if (!found || !named)
		return -UIOMMU_ENOENT;
	viommu = iommufd_to_viommu(found);
	device = iommufd_to_device(named);
	if (uiommu_device_instance(device->dev) != viommu->instance)
		return -UIOMMU_EINVAL;
	if (device->vdevice || find_vdevice(viommu, arg->virt_id))
		return -UIOMMU_EEXIST;
	/* One StreamID of the guest's cannot stand for several. */
	if (uiommu_device_fwspec(device->dev)->num_ids != 1)
		return -UIOMMU_EOPNOTSUPP;
	vdevice = uapi_alloc(ctx->uapi, sizeof(*vdevice));
	if (!vdevice)
		return -UIOMMU_ENOMEM;
	rc = uiommu_iommufd_object_add(ctx, &vdevice->object, IOMMUFD_VDEVICE, vdevice_destroy);
	if (rc) {
		uapi_free(ctx->uapi, vdevice, sizeof(*vdevice));
		return rc;
	}
	vdevice->viommu = viommu;
	vdevice->device = device;
	vdevice->virt_id = arg->virt_id;
	viommu_lock(viommu);
	vdevice->next = viommu->devices;
	viommu->devices = vdevice;
	viommu_unlock(viommu);
	viommu->object.users++;
	device->vdevice = vdevice;
	arg->out_vdevice_id = vdevice->object.id;
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		uiommu_iommufd_object_destroy(&vdevice->object);
	return rc;
}

/* ---- the guest's commands ---------------------------------------------------------------------- */

static bool names_stream(uint64_t word)
{
	switch (word & SMMUV3_CMD0_OP) {
	case SMMUV3_CMD_CFGI_CD:
	case SMMUV3_CMD_CFGI_CD_ALL:
	case SMMUV3_CMD_ATC_INV:
		return true;
	default:
		return false;
	}
}

/*
 * Whose domain carries a command out: of the device that it names, as far as it is attached to a stage of this guest;
 * otherwise there is nothing of the guest's to invalidate for it.
 */
static int target(const struct iommufd_viommu *viommu, uint64_t word, struct uiommu_domain **out)
{
	const struct iommufd_vdevice *vdevice;
	const struct iommufd_hwpt *hwpt;

	*out = viommu->idle;
	if (!names_stream(word))
		return 0;
	vdevice = find_vdevice(viommu, smmuv3_get(word, SMMUV3_CMD0_SID));
	if (!vdevice)
		return -UIOMMU_EIO;
	hwpt = uiommu_iommufd_device_hwpt(vdevice->device, UIOMMU_RID);
	if (hwpt && hwpt->viommu == &viommu->object)
		*out = hwpt->domain;
	return 0;
}

int uiommu_iommufd_viommu_invalidate(struct iommufd_object *object, uint64_t (*commands)[2],
				     size_t *count)
{
	const struct iommufd_viommu *viommu = iommufd_to_viommu(object);
	const size_t asked = *count;
	int rc = 0;

	*count = 0;
	while (!rc && *count < asked) {
		struct uiommu_domain *domain, *next;
		size_t run = 1;

		rc = target(viommu, commands[*count][0], &domain);
		if (rc)
			break;
		/* As many as one call can do: each ends with a wait for the hardware. */
		while (*count + run < asked && !target(viommu, commands[*count + run][0], &next) &&
		       next == domain)
			run++;
		rc = uiommu_domain_cache_invalidate(domain, UIOMMU_NESTED_SMMUV3, commands[*count],
						    sizeof(commands[0]), &run);
		*count += run;
	}
	return rc;
}
