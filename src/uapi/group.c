/* SPDX-License-Identifier: MIT */
/*
 * group.c - /dev/vfio/N and /dev/vfio/noiommu-N: a group's one open file, and what it has for a container
 *
 * Files of devices that were opened through it hold the group's file: it is released when the last of them is, and
 * with it goes the group's place in its container.
 */
#include <uiommu/abi_vfio.h>

#include "src/uapi/vfio.h"

#define MAX_NAME 4096u

/* ---- commands ---------------------------------------------------------------------------------- */

static long get_status(struct vfio_group *group, uintptr_t argument)
{
	struct abi_vfio_group_status status;
	int rc = uapi_read_user(group->uapi, &status, argument, sizeof(status));

	if (rc)
		return rc;
	if (status.argsz < sizeof(status))
		return -UIOMMU_EINVAL;
	if (group->deserted)
		return -UIOMMU_ENODEV;
	status.flags = 0;
	if (group->container || group->iommufd)
		status.flags = ABI_VFIO_GROUP_FLAGS_VIABLE | ABI_VFIO_GROUP_FLAGS_CONTAINER_SET;
	else if (!group->core || uiommu_group_dma_is_free(group->core))
		status.flags = ABI_VFIO_GROUP_FLAGS_VIABLE;
	return uapi_write_user(group->uapi, argument, &status, sizeof(status));
}

/* The group's devices are bound to the context, and its DMA claimed, when they are opened. */
static int set_iommufd(struct vfio_group *group, struct uiommu_uapi_process *caller,
		       struct iommufd *ctx)
{
	uint32_t ioas;
	int rc;

	if (!(group->flags & VFIO_NOIOMMU))
		rc = uiommu_iommufd_compat_ioas(ctx, &ioas);
	else if (!uapi_capable(caller, UIOMMU_UAPI_CAP_SYS_RAWIO))
		rc = -UIOMMU_EPERM;
	else
		rc = uiommu_iommufd_compat_no_iommu(ctx);
	if (rc)
		return rc;
	iommufd_get(ctx);
	group->iommufd = ctx;
	return 0;
}

static long set_container(struct vfio_group *group, struct uiommu_uapi_process *caller,
			  uintptr_t argument)
{
	struct vfio_container *container;
	struct uapi_file *file;
	struct iommufd *ctx;
	int32_t fd;
	long rc = uapi_read_user(group->uapi, &fd, argument, sizeof(fd));

	if (rc)
		return rc;
	file = uiommu_uapi_fd_get(caller, fd);
	if (!file)
		return -UAPI_EBADF;
	container = uiommu_vfio_container_of_file(file);
	ctx = uiommu_iommufd_of_file(file);
	if (group->container || group->iommufd)
		rc = -UIOMMU_EINVAL;
	else if (group->deserted)
		rc = -UIOMMU_ENODEV;
	else if (container)
		rc = uiommu_vfio_container_attach(container, group, caller);
	else if (ctx)
		rc = set_iommufd(group, caller, ctx);
	else
		rc = -UAPI_EBADFD;
	uiommu_uapi_file_put(file);
	return rc;
}

static void drop_container(struct vfio_group *group)
{
	if (group->container)
		uiommu_vfio_container_detach(group);
	if (group->iommufd)
		iommufd_put(group->iommufd);
	group->iommufd = NULL;
}

static long unset_container(struct vfio_group *group)
{
	if (!group->container && !group->iommufd)
		return -UIOMMU_EINVAL;
	if (group->container && uiommu_vfio_container_in_use(group))
		return -UIOMMU_EBUSY;
	drop_container(group);
	return 0;
}

/* A string of the program's, with its end inside @size bytes; not a byte behind that is touched. */
static int read_string(struct uiommu_uapi *uapi, char *to, uint64_t from, size_t size)
{
	for (size_t at = 0; at < size; at++) {
		int rc = uapi_read_user(uapi, to + at, from + at, 1);

		if (rc || !to[at])
			return rc;
	}
	return -UIOMMU_EINVAL;
}

static long get_device_fd(struct uapi_file *file, struct uiommu_uapi_process *caller,
			  uintptr_t argument)
{
	struct vfio_group *group = file->object;
	char *name = uapi_alloc(group->uapi, MAX_NAME);
	long rc;

	if (!name)
		return -UIOMMU_ENOMEM;
	rc = read_string(group->uapi, name, argument, MAX_NAME);
	if (!rc)
		rc = uiommu_vfio_group_device_fd(caller, group, file, name);
	uapi_free(group->uapi, name, MAX_NAME);
	return rc;
}

static long locked_command(struct uapi_file *file, struct uiommu_uapi_process *caller,
			   uint32_t command, uintptr_t argument)
{
	struct vfio_group *group = file->object;

	switch (command) {
	case ABI_VFIO_GROUP_GET_STATUS:
		return get_status(group, argument);
	case ABI_VFIO_GROUP_SET_CONTAINER:
		return set_container(group, caller, argument);
	case ABI_VFIO_GROUP_UNSET_CONTAINER:
		return unset_container(group);
	case ABI_VFIO_GROUP_GET_DEVICE_FD:
		return get_device_fd(file, caller, argument);
	default:
		return -UAPI_ENOTTY;
	}
}

static long group_ioctl(struct uapi_file *file, struct uiommu_uapi_process *caller,
			uint32_t command, uintptr_t argument)
{
	struct vfio_group *group = file->object;
	long rc;

	uapi_lock(group->uapi, &group->lock);
	rc = locked_command(file, caller, command, argument);
	uapi_unlock(group->uapi, &group->lock);
	return rc;
}

void uiommu_vfio_group_desert(struct vfio_group *group)
{
	uapi_lock(group->uapi, &group->lock);
	group->deserted = true;
	if (group->container)
		uiommu_vfio_container_detach(group);
	uapi_unlock(group->uapi, &group->lock);
}

/* ---- the file ---------------------------------------------------------------------------------- */

static void group_release(struct uapi_file *file)
{
	struct vfio_group *group = file->object;

	uapi_lock(group->uapi, &group->lock);
	drop_container(group);
	group->opened = NULL;
	uapi_unlock(group->uapi, &group->lock);
	uiommu_vfio_group_put(group);
}

static const struct uapi_file_ops group_ops = {
	.name = "vfio group",
	.ioctl = group_ioctl,
	.release = group_release,
};

struct vfio_group *uiommu_vfio_group_of_file(struct uapi_file *file)
{
	return file->ops == &group_ops ? file->object : NULL;
}

int uiommu_vfio_group_open(struct uiommu_uapi_process *process, struct vfio_group *group,
			   struct uapi_file **out)
{
	struct uiommu_uapi *uapi = group->uapi;
	int rc = 0;

	*out = NULL;
	if (group->flags & VFIO_NOIOMMU && !uapi_capable(process, UIOMMU_UAPI_CAP_SYS_RAWIO))
		return -UIOMMU_EPERM;
	uiommu_vfio_group_get(group);
	uapi_lock(uapi, &group->lock);
	if (group->deserted)
		rc = -UIOMMU_ENODEV;
	else if (group->opened || group->cdev_opens)
		rc = -UIOMMU_EBUSY;
	if (!rc) {
		group->opened = uiommu_uapi_file_create(uapi, &group_ops, group);
		rc = group->opened ? 0 : -UIOMMU_ENOMEM;
	}
	*out = rc ? NULL : group->opened;
	uapi_unlock(uapi, &group->lock);
	if (rc)
		uiommu_vfio_group_put(group);
	return rc;
}
