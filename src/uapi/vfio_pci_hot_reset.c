/* SPDX-License-Identifier: MIT */
/*
 * vfio_pci_hot_reset.c - resets of a whole bus or slot, which reach other devices too
 *
 * Whoever asks must own them all: by naming their groups, or with a cdev by having them bound to the same iommufd.
 */
#include <stdio.h>

#include "src/uapi/abi.h"
#include "src/uapi/vfio_pci.h"

/* Everyone that a reset reaches. */
struct reach {
	struct uiommu_device **devices;
	unsigned int count;
};

static int find_reach(struct vfio_pci *pci, struct reach *reach)
{
	const struct uiommu_uapi_device_io *io = &pci->io;
	unsigned int again;

	reach->count = io->bus_reset && io->bus_reset_devices ?
			       io->bus_reset_devices(io->context, NULL, 0) :
			       0;
	if (!reach->count)
		return -UIOMMU_ENODEV;
	reach->devices = uapi_alloc(pci->device.uapi, reach->count * sizeof(*reach->devices));
	if (!reach->devices)
		return -UIOMMU_ENOMEM;
	again = io->bus_reset_devices(io->context, reach->devices, reach->count);
	if (again == reach->count)
		return 0;
	uapi_free(pci->device.uapi, reach->devices, reach->count * sizeof(*reach->devices));
	return -UIOMMU_EAGAIN;
}

static void free_reach(struct vfio_pci *pci, struct reach *reach)
{
	uapi_free(pci->device.uapi, reach->devices, reach->count * sizeof(*reach->devices));
}

static bool by_cdev(const struct vfio_pci *pci)
{
	return pci->device.group->cdev_opens;
}

/* With a VFIO driver, or NULL; vfio->lock is held. */
static struct vfio_device *find_vfio(struct uiommu_uapi *uapi, const struct uiommu_device *dev)
{
	struct vfio_device *device = uapi->vfio->devices;

	while (device && device->dev != dev)
		device = device->next;
	return device;
}

/* What @dev is in @ctx: its number, or how it is owned without having one. */
static int32_t devid(struct iommufd *ctx, struct uiommu_device *dev)
{
	struct uiommu_group *core = uiommu_group_get(dev);
	int32_t id = ABI_VFIO_PCI_DEVID_NOT_OWNED;

	iommufd_lock(ctx);
	for (const struct iommufd_group *group = ctx->groups; group; group = group->next) {
		if (core && group->group == core)
			id = ABI_VFIO_PCI_DEVID_OWNED;
	}
	for (uint32_t i = 0; i < ctx->capacity; i++) {
		struct iommufd_object *object = ctx->objects[i];

		if (object && object->type == IOMMUFD_DEVICE &&
		    iommufd_to_device(object)->dev == dev)
			id = (int32_t)object->id;
	}
	iommufd_unlock(ctx);
	if (core)
		uiommu_group_put(core);
	return id;
}

/* The group that a program would name for it: false, there is none. */
static bool find_group_id(struct uiommu_uapi *uapi, struct uiommu_device *dev, uint32_t *id)
{
	struct uiommu_group *core = uiommu_group_get(dev);
	const struct vfio_device *other;

	if (core) {
		*id = uiommu_group_id(core);
		uiommu_group_put(core);
		return true;
	}
	uapi_lock(uapi, &uapi->vfio->lock);
	other = find_vfio(uapi, dev);
	if (other)
		*id = other->group->id;
	uapi_unlock(uapi, &uapi->vfio->lock);
	return other;
}

static bool has_vfio_driver(struct uiommu_uapi *uapi, const struct uiommu_device *dev)
{
	bool has;

	uapi_lock(uapi, &uapi->vfio->lock);
	has = find_vfio(uapi, dev);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return has;
}

/* 0, -UIOMMU_EPERM: it has no group to be named by. */
static int describe(struct vfio_pci *pci, struct uiommu_device *dev,
		    struct abi_vfio_pci_dependent_device *entry)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	unsigned int segment, bus, slot, function;

	if (by_cdev(pci))
		entry->group_id = (uint32_t)(has_vfio_driver(uapi, dev) ?
						     devid(pci->device.iommufd, dev) :
						     ABI_VFIO_PCI_DEVID_NOT_OWNED);
	else if (!find_group_id(uapi, dev, &entry->group_id))
		return -UIOMMU_EPERM;
	if (sscanf(uiommu_device_name(dev), "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return -UIOMMU_EINVAL;
	entry->segment = (uint16_t)segment;
	entry->bus = (uint8_t)bus;
	entry->devfn = (uint8_t)(slot << 3 | function);
	return 0;
}

static long write_reach(struct vfio_pci *pci, const struct reach *reach,
			struct abi_vfio_pci_hot_reset_info *info, uintptr_t argument)
{
	uintptr_t to = argument + sizeof(*info);
	int rc = 0;

	info->flags = by_cdev(pci) ? ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID |
					     ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED :
				     0;
	info->count = reach->count;
	if (info->argsz <
	    sizeof(*info) + reach->count * sizeof(struct abi_vfio_pci_dependent_device)) {
		rc = -UIOMMU_ENOSPC;
	} else {
		for (unsigned int i = 0; i < reach->count; i++) {
			struct abi_vfio_pci_dependent_device entry = { 0 };

			rc = describe(pci, reach->devices[i], &entry);
			if (rc)
				return rc;
			if (info->flags && entry.group_id == (uint32_t)ABI_VFIO_PCI_DEVID_NOT_OWNED)
				info->flags &= ~(uint32_t)ABI_VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
			if (uapi_write_user(pci->device.uapi, to + i * sizeof(entry), &entry,
					    sizeof(entry)))
				return -UIOMMU_EFAULT;
		}
	}
	if (uapi_write_user(pci->device.uapi, argument, info, sizeof(*info)))
		return -UIOMMU_EFAULT;
	return rc;
}

long uiommu_vfio_pci_hot_reset_info(struct vfio_pci *pci, uintptr_t argument)
{
	struct abi_vfio_pci_hot_reset_info info;
	struct reach reach;
	long rc = uiommu_uapi_fetch_argsz(pci->device.uapi, &info, argument, sizeof(info));

	if (rc)
		return rc;
	rc = find_reach(pci, &reach);
	if (rc)
		return rc;
	rc = write_reach(pci, &reach, &info, argument);
	free_reach(pci, &reach);
	return rc;
}

/* ---- the reset --------------------------------------------------------------------------------- */

/* Groups that a program has named by their files. */
struct named {
	struct uapi_file **files;
	unsigned int count;
};

static void free_named(struct vfio_pci *pci, struct named *named, unsigned int room)
{
	for (unsigned int i = 0; i < named->count; i++)
		uiommu_uapi_file_put(named->files[i]);
	uapi_free(pci->device.uapi, named->files, room * sizeof(*named->files));
}

static int read_named(struct vfio_pci *pci, struct uiommu_uapi_process *caller, uintptr_t from,
		      unsigned int count, struct named *named)
{
	named->count = 0;
	named->files = uapi_alloc(pci->device.uapi, count * sizeof(*named->files));
	if (!named->files)
		return -UIOMMU_ENOMEM;
	while (named->count < count) {
		int32_t fd;

		if (uapi_read_user(pci->device.uapi, &fd, from + named->count * sizeof(fd),
				   sizeof(fd)))
			return -UIOMMU_EFAULT;
		named->files[named->count] = uiommu_uapi_fd_get(caller, fd);
		if (!named->files[named->count])
			return -UAPI_EBADF;
		if (!uiommu_vfio_group_of_file(named->files[named->count++]))
			return -UIOMMU_EINVAL;
	}
	return 0;
}

static bool is_owned(struct vfio_pci *pci, const struct named *named, struct uiommu_device *dev)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	struct vfio_device *other;
	bool owned = false;

	uapi_lock(uapi, &uapi->vfio->lock);
	other = find_vfio(uapi, dev);
	for (unsigned int i = 0; other && i < named->count; i++)
		owned |= uiommu_vfio_group_of_file(named->files[i]) == other->group;
	uapi_unlock(uapi, &uapi->vfio->lock);
	if (by_cdev(pci))
		return other && devid(pci->device.iommufd, dev) != ABI_VFIO_PCI_DEVID_NOT_OWNED;
	return owned;
}

static long reset_all(struct vfio_pci *pci, const struct reach *reach)
{
	unsigned int prepared = 0;
	int rc = 0;

	while (!rc && prepared < reach->count) {
		rc = uiommu_device_reset_prepare(reach->devices[prepared]);
		prepared += !rc;
	}
	if (!rc)
		rc = pci->io.bus_reset(pci->io.context);
	while (prepared)
		uiommu_device_reset_done(reach->devices[--prepared]);
	return rc;
}

static long reset_named(struct vfio_pci *pci, struct uiommu_uapi_process *caller,
			const struct abi_vfio_pci_hot_reset *arg, uintptr_t argument,
			const struct reach *reach)
{
	struct named named = { 0 };
	long rc = 0;

	if (arg->count > reach->count)
		return -UIOMMU_EINVAL;
	if (arg->count)
		rc = read_named(pci, caller, argument + sizeof(*arg), arg->count, &named);
	for (unsigned int i = 0; !rc && i < reach->count; i++) {
		if (!is_owned(pci, &named, reach->devices[i]))
			rc = -UIOMMU_EINVAL;
	}
	if (!rc)
		rc = reset_all(pci, reach);
	free_named(pci, &named, arg->count);
	return rc;
}

long uiommu_vfio_pci_hot_reset(struct vfio_pci *pci, struct uiommu_uapi_process *caller,
			       uintptr_t argument)
{
	struct abi_vfio_pci_hot_reset arg;
	struct reach reach;
	long rc = uiommu_uapi_fetch_argsz(pci->device.uapi, &arg, argument, sizeof(arg));

	if (rc)
		return rc;
	if (arg.flags || !arg.count != by_cdev(pci))
		return -UIOMMU_EINVAL;
	rc = find_reach(pci, &reach);
	if (rc)
		return rc;
	rc = reset_named(pci, caller, &arg, argument, &reach);
	free_reach(pci, &reach);
	return rc;
}
