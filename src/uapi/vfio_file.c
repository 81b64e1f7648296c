/* SPDX-License-Identifier: MIT */
/*
 * vfio_file.c - an open device: by way of its group, or by its own file and an iommufd
 *
 * A file that came from a group has access from the start.  A cdev's has none until BIND_IOMMUFD; only one of a
 * device's files can be bound, and none while the group is open.
 */
#include "src/uapi/abi.h"
#include "src/uapi/vfio.h"

/* ---- the way to memory ------------------------------------------------------------------------- */

/* The driver of an emulated device lets go. */
static void access_unmap(void *context, uint64_t iova, uint64_t length)
{
	struct vfio_device *device = context;

	if (device->driver->dma_unmap)
		device->driver->dma_unmap(device, iova, length);
}

static const struct iommufd_access_ops access_ops = {
	.needs_pin = true,
	.unmap = access_unmap,
};

/* device->lock is held. */
static int bind_iommufd(struct vfio_device *device, struct iommufd *ctx)
{
	int rc;

	if (device->flags & VFIO_EMULATED)
		rc = uiommu_iommufd_access_create(ctx, &access_ops, device, &device->access);
	else
		rc = uiommu_iommufd_device_bind(ctx, device->dev, &device->bound);
	if (!rc)
		device->iommufd = ctx;
	return rc;
}

static void unbind_iommufd(struct vfio_device *device)
{
	if (device->bound)
		uiommu_iommufd_device_unbind(device->bound);
	if (device->access)
		uiommu_iommufd_access_destroy(device->access);
	device->bound = NULL;
	device->access = NULL;
	device->iommufd = NULL;
	device->attached = false;
}

static uint32_t bound_id(const struct vfio_device *device)
{
	return device->bound ? device->bound->object.id : device->access->object.id;
}

static int attach_rid(struct vfio_device *device, uint32_t *pt_id)
{
	int rc = device->access ? uiommu_iommufd_access_attach(device->access, *pt_id) :
				  uiommu_iommufd_device_attach(device->bound, UIOMMU_RID, pt_id);

	if (!rc)
		device->attached = true;
	return rc;
}

static void detach_rid(struct vfio_device *device)
{
	if (!device->attached)
		return;
	if (device->access)
		uiommu_iommufd_access_attach(device->access, 0);
	else
		uiommu_iommufd_device_detach(device->bound, UIOMMU_RID);
	device->attached = false;
}

/* ---- first open and last close, by whichever way ------------------------------------------------- */

/* The first of the files that came from a group makes the way that the group has. */
static int group_first_open(struct uiommu_uapi_process *process, struct vfio_device *device)
{
	struct iommufd *ctx = device->group->iommufd;
	uint32_t ioas;
	int rc;

	if (device->group->container) {
		rc = uiommu_vfio_container_use(device->group, process);
		device->in_container = !rc;
		return rc;
	}
	if (!ctx)
		return -UIOMMU_EINVAL;
	/* By its number: the IOAS itself may go at any time. */
	rc = uiommu_iommufd_compat_ioas_id(ctx, &ioas);
	if (device->flags & VFIO_NOIOMMU)
		return !uapi_capable(process, UIOMMU_UAPI_CAP_SYS_RAWIO) || !rc ? -UIOMMU_EPERM : 0;
	if (rc)
		return rc;
	rc = bind_iommufd(device, ctx);
	if (rc)
		return rc;
	rc = attach_rid(device, &ioas);
	if (rc)
		unbind_iommufd(device);
	return rc;
}

static void end_way(struct vfio_device *device)
{
	if (device->in_container)
		uiommu_vfio_container_unuse(device->group);
	device->in_container = false;
	if (device->iommufd)
		unbind_iommufd(device);
}

static void last_close(struct vfio_device *device)
{
	device->driver->close(device);
	end_way(device);
}

/* ---- BIND, ATTACH, DETACH ------------------------------------------------------------------------ */

/* No group may be opened, nor is open, while one of its devices is bound by its cdev. */
static int exclude_group(struct vfio_group *group)
{
	int rc;

	uapi_lock(group->uapi, &group->lock);
	rc = group->opened ? -UIOMMU_EBUSY : 0;
	group->cdev_opens += !rc;
	uapi_unlock(group->uapi, &group->lock);
	return rc;
}

static void admit_group(struct vfio_group *group)
{
	uapi_lock(group->uapi, &group->lock);
	group->cdev_opens--;
	uapi_unlock(group->uapi, &group->lock);
}

/* device->lock is held. */
static int bind_locked(struct vfio_device_file *df, struct iommufd *ctx, uintptr_t argument)
{
	struct vfio_device *device = df->device;
	uint32_t id;
	int rc;

	if (df->access || device->opens)
		return -UIOMMU_EINVAL;
	rc = bind_iommufd(device, ctx);
	if (rc)
		return rc;
	rc = device->driver->open(device);
	if (rc)
		goto err;
	id = bound_id(device);
	rc = uapi_write_user(device->uapi,
			     argument + offsetof(struct abi_vfio_device_bind_iommufd, out_devid),
			     &id, sizeof(id));
	if (rc)
		goto err_close;
	device->opens = 1;
	atomic_store(&df->access, true);
	return 0;
err_close:
	device->driver->close(device);
err:
	unbind_iommufd(device);
	return rc;
}

static long cmd_bind(struct vfio_device_file *df, struct uiommu_uapi_process *caller,
		     uintptr_t argument)
{
	struct vfio_device *device = df->device;
	struct abi_vfio_device_bind_iommufd arg;
	struct uapi_file *file;
	struct iommufd *ctx;
	int rc;

	rc = uiommu_uapi_fetch(device->uapi, &arg, argument, sizeof(arg),
			       offsetof(struct abi_vfio_device_bind_iommufd, token_uuid_ptr));
	if (rc)
		return rc;
	if (arg.iommufd < 0 || arg.flags & ~(uint32_t)ABI_VFIO_DEVICE_BIND_FLAG_TOKEN || df->group)
		return -UIOMMU_EINVAL;
	rc = exclude_group(device->group);
	if (rc)
		return rc;
	/* No driver of ours has virtual functions, so none has a token. */
	rc = df->access || arg.flags ? -UIOMMU_EINVAL : 0;
	if (rc)
		goto out_group;
	file = uiommu_uapi_fd_get(caller, arg.iommufd);
	rc = file ? 0 : -UAPI_EBADF;
	if (rc)
		goto out_group;
	ctx = uiommu_iommufd_of_file(file);
	if (ctx) {
		uapi_lock(device->uapi, &device->lock);
		rc = bind_locked(df, ctx, argument);
		uapi_unlock(device->uapi, &device->lock);
	} else {
		rc = -UAPI_EBADFD;
	}
	uiommu_uapi_file_put(file);
	if (!rc)
		return 0;
out_group:
	admit_group(device->group);
	return rc;
}

/* An argument with a PASID that only its flag, the first, says is there. 1: with; 0: without; or an error. */
static int fetch_with_pasid(struct vfio_device *device, void *to, uintptr_t from, size_t size)
{
	uint32_t header[2];
	int rc = uiommu_uapi_fetch_argsz(device->uapi, to, from, size - sizeof(uint32_t));

	if (rc)
		return rc;
	memcpy(header, to, sizeof(header));
	if (header[1] & ~1u)
		return -UIOMMU_EINVAL;
	if (!header[1])
		return 0;
	if (header[0] < size)
		return -UIOMMU_EINVAL;
	if (uapi_read_user(device->uapi, to, from, size))
		return -UIOMMU_EFAULT;
	return device->driver->pasid && device->bound ? 1 : -UIOMMU_EOPNOTSUPP;
}

/* device->lock is held for these two. */
static long cmd_attach(struct vfio_device *device, uintptr_t argument)
{
	const uintptr_t result =
		argument + offsetof(struct abi_vfio_device_attach_iommufd_pt, pt_id);
	struct abi_vfio_device_attach_iommufd_pt arg = { 0 };
	int with_pasid = fetch_with_pasid(device, &arg, argument, sizeof(arg));
	int rc;

	if (with_pasid < 0)
		return with_pasid;
	/* Number 0 is what requests without PASID have inside; a program has ATTACH without the flag for them. */
	if (with_pasid && (!arg.pasid || arg.pasid > INT32_MAX))
		return arg.pasid ? -UIOMMU_ENOSPC : -UIOMMU_EINVAL;
	/* What cannot be answered is not done: after a replacement there would be no way back. */
	if (uapi_write_user(device->uapi, result, &arg.pt_id, sizeof(arg.pt_id)))
		return -UIOMMU_EFAULT;
	if (with_pasid)
		rc = uiommu_iommufd_device_attach(device->bound, arg.pasid, &arg.pt_id);
	else
		rc = attach_rid(device, &arg.pt_id);
	if (!rc && uapi_write_user(device->uapi, result, &arg.pt_id, sizeof(arg.pt_id)))
		rc = -UIOMMU_EFAULT;
	return rc;
}

static long cmd_detach(struct vfio_device *device, uintptr_t argument)
{
	struct abi_vfio_device_detach_iommufd_pt arg = { 0 };
	int with_pasid = fetch_with_pasid(device, &arg, argument, sizeof(arg));

	if (with_pasid < 0)
		return with_pasid;
	if (!with_pasid)
		detach_rid(device);
	else if (arg.pasid != UIOMMU_RID)
		uiommu_iommufd_device_detach(device->bound, arg.pasid);
	return 0;
}

/* ---- the file ---------------------------------------------------------------------------------- */

static long file_ioctl(struct uapi_file *file, struct uiommu_uapi_process *caller, uint32_t command,
		       uintptr_t argument)
{
	struct vfio_device_file *df = file->object;
	struct vfio_device *device = df->device;
	long rc;

	if (command == ABI_VFIO_DEVICE_BIND_IOMMUFD)
		return cmd_bind(df, caller, argument);
	if (!atomic_load(&df->access))
		return -UIOMMU_EINVAL;
	uapi_lock(device->uapi, &device->lock);
	if (!df->group && command == ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT)
		rc = cmd_attach(device, argument);
	else if (!df->group && command == ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT)
		rc = cmd_detach(device, argument);
	else
		rc = device->driver->ioctl(device, caller, command, argument);
	uapi_unlock(device->uapi, &device->lock);
	return rc;
}

static long file_read(struct uapi_file *file, void *buffer, size_t size, uint64_t offset)
{
	struct vfio_device_file *df = file->object;

	if (!atomic_load(&df->access) || !df->device->driver->read)
		return -UIOMMU_EINVAL;
	return df->device->driver->read(df->device, buffer, size, offset);
}

static long file_write(struct uapi_file *file, const void *buffer, size_t size, uint64_t offset)
{
	struct vfio_device_file *df = file->object;

	if (!atomic_load(&df->access) || !df->device->driver->write)
		return -UIOMMU_EINVAL;
	return df->device->driver->write(df->device, buffer, size, offset);
}

static int file_map(struct uapi_file *file, uint64_t offset, size_t size, void **out)
{
	struct vfio_device_file *df = file->object;

	if (!atomic_load(&df->access) || !df->device->driver->map)
		return -UIOMMU_EINVAL;
	*out = df->device->driver->map(df->device, offset, size);
	return *out ? 0 : -UIOMMU_EINVAL;
}

static void file_release(struct uapi_file *file)
{
	struct vfio_device_file *df = file->object;
	struct vfio_device *device = df->device;
	struct uiommu_uapi *uapi = device->uapi;
	struct vfio_group *group = device->group;

	if (atomic_load(&df->access)) {
		uapi_lock(uapi, &device->lock);
		if (!--device->opens)
			last_close(device);
		uapi_unlock(uapi, &device->lock);
		if (!df->group)
			admit_group(group);
	}
	uiommu_vfio_device_put(device);
	if (df->group)
		uiommu_uapi_file_put(df->group);
	uapi_free(uapi, df, sizeof(*df));
}

static const struct uapi_file_ops device_ops = {
	.name = "[vfio-device]",
	.seekable = true,
	.ioctl = file_ioctl,
	.read = file_read,
	.write = file_write,
	.map = file_map,
	.release = file_release,
};

/* The use of the device becomes the file's. */
static int create_file(struct vfio_device *device, struct uapi_file *group, struct uapi_file **out)
{
	struct uiommu_uapi *uapi = device->uapi;
	struct vfio_device_file *df = uapi_alloc(uapi, sizeof(*df));

	if (!df)
		return -UIOMMU_ENOMEM;
	df->device = device;
	df->group = group;
	*out = uiommu_uapi_file_create(uapi, &device_ops, df);
	if (!*out) {
		uapi_free(uapi, df, sizeof(*df));
		return -UIOMMU_ENOMEM;
	}
	if (group)
		uiommu_uapi_file_get(group);
	return 0;
}

int uiommu_vfio_cdev_open(struct vfio_device *device, struct uapi_file **out)
{
	return create_file(device, NULL, out);
}

/* ---- a group's devices ------------------------------------------------------------------------- */

static int matches(struct vfio_device *device, const char *name)
{
	if (device->driver->match)
		return device->driver->match(device, name);
	return !strcmp(device->name, name);
}

/* With a use of it. */
static int find_member(struct vfio_group *group, const char *name, struct vfio_device **out)
{
	struct uiommu_uapi *uapi = group->uapi;
	struct uapi_vfio *vfio = uapi->vfio;
	struct vfio_device *device;
	int rc = 0;

	uapi_lock(uapi, &vfio->lock);
	for (device = vfio->devices; device; device = device->next) {
		if (device->group != group)
			continue;
		rc = matches(device, name);
		if (rc)
			break;
	}
	if (rc > 0) {
		rc = device->leaving ? -UIOMMU_ENODEV : 0;
		device->refs += !rc;
	} else if (!rc) {
		rc = -UIOMMU_ENODEV;
	}
	uapi_unlock(uapi, &vfio->lock);
	*out = device;
	return rc;
}

/* device->lock is held. */
static int group_open(struct uiommu_uapi_process *process, struct vfio_device *device,
		      struct uapi_file *file)
{
	struct vfio_device_file *df = file->object;
	int rc;

	if (!device->opens) {
		rc = group_first_open(process, device);
		if (rc)
			return rc;
		rc = device->driver->open(device);
		if (rc) {
			end_way(device);
			return rc;
		}
	}
	device->opens++;
	atomic_store(&df->access, true);
	return 0;
}

int uiommu_vfio_group_device_fd(struct uiommu_uapi_process *process, struct vfio_group *group,
				struct uapi_file *group_file, const char *name)
{
	struct vfio_device *device;
	struct uapi_file *file;
	int rc = find_member(group, name, &device);

	if (rc)
		return rc;
	rc = create_file(device, group_file, &file);
	if (rc) {
		uiommu_vfio_device_put(device);
		return rc;
	}
	uapi_lock(device->uapi, &device->lock);
	rc = group_open(process, device, file);
	uapi_unlock(device->uapi, &device->lock);
	if (!rc)
		rc = uiommu_uapi_fd_install(process, file);
	if (rc < 0)
		uiommu_uapi_file_put(file);
	return rc;
}
