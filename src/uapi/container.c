/* SPDX-License-Identifier: MIT */
/*
 * container.c - /dev/vfio/vfio: groups, the choice of a backend for them, and which command goes where
 *
 * Groups with an IOMMU or of mediated devices, and groups of devices that nothing stands behind, never meet in one
 * container.  A group's DMA is the container's from SET_CONTAINER on, and blocked until a backend has it.
 */
#include "src/uapi/container.h"

static void put(struct vfio_container *container)
{
	struct uiommu_uapi *uapi = container->uapi;

	if (--container->refs)
		return;
	uiommu_port_mutex_destroy(uapi->host, &container->lock);
	uapi_free(uapi, container, sizeof(*container));
}

static struct container_group *find_member(struct vfio_container *container,
					   const struct vfio_group *group)
{
	struct container_group *member = container->groups;

	while (member && member->group != group)
		member = member->next;
	return member;
}

/* ---- backends ---------------------------------------------------------------------------------- */

static void close_backend(struct vfio_container *container)
{
	if (container->backend != CONTAINER_NOIOMMU)
		uiommu_type1_close(container);
	container->backend = CONTAINER_UNSET;
}

static int attach_backend(struct vfio_container *container, struct container_group *member)
{
	if (container->backend == CONTAINER_UNSET || container->backend == CONTAINER_NOIOMMU)
		return 0;
	return uiommu_type1_attach(container, member);
}

static void detach_backend(struct vfio_container *container, struct container_group *member)
{
	if (container->backend == CONTAINER_UNSET || container->backend == CONTAINER_NOIOMMU)
		return;
	uiommu_type1_detach(container, member);
}

static long extension_type1(const struct vfio_container *container, uintptr_t extension)
{
	const bool open = container->backend != CONTAINER_UNSET;

	switch (extension) {
	case ABI_VFIO_TYPE1_IOMMU:
	case ABI_VFIO_TYPE1V2_IOMMU:
	case ABI_VFIO_UNMAP_ALL:
		return 1;
	case ABI_VFIO_UPDATE_VADDR:
		return open && !container_emulated(container);
	case ABI_VFIO_DMA_CC_IOMMU:
		for (const struct type1_domain *d = container->type1.domains; d; d = d->next) {
			if (!d->enforces)
				return 0;
		}
		return open;
	default:
		return 0;
	}
}

static long extension_noiommu(const struct vfio_container *container, uintptr_t extension)
{
	return extension == ABI_VFIO_NOIOMMU_IOMMU &&
	       uapi_option(&container->uapi->config.enable_unsafe_noiommu_mode);
}

static long check_extension(const struct vfio_container *container, uintptr_t extension)
{
	long answer;

	if (container->backend == CONTAINER_NOIOMMU || (container->groups && container->noiommu))
		return extension_noiommu(container, extension);
	answer = extension_type1(container, extension);
	return answer || container->groups ? answer : extension_noiommu(container, extension);
}

static long set_type1(struct vfio_container *container, bool v2)
{
	struct container_group *member, *failed;
	int rc = 0;

	uiommu_type1_open(container, v2);
	container->backend = v2 ? CONTAINER_TYPE1V2 : CONTAINER_TYPE1;
	for (member = container->groups; member; member = member->next) {
		rc = uiommu_type1_attach(container, member);
		if (rc)
			break;
	}
	failed = member;
	if (!rc)
		return 0;
	for (member = container->groups; member != failed; member = member->next)
		uiommu_type1_detach(container, member);
	close_backend(container);
	return rc;
}

static long set_iommu(struct vfio_container *container, struct uiommu_uapi_process *caller,
		      uintptr_t type)
{
	if (!container->groups || container->backend != CONTAINER_UNSET)
		return -UIOMMU_EINVAL;
	if (!container->noiommu)
		return type == ABI_VFIO_TYPE1_IOMMU || type == ABI_VFIO_TYPE1V2_IOMMU ?
			       set_type1(container, type == ABI_VFIO_TYPE1V2_IOMMU) :
			       -UIOMMU_ENODEV;
	if (!extension_noiommu(container, type))
		return -UIOMMU_ENODEV;
	if (!uapi_capable(caller, UIOMMU_UAPI_CAP_SYS_RAWIO))
		return -UIOMMU_EPERM;
	container->backend = CONTAINER_NOIOMMU;
	return 0;
}

/* ---- groups ------------------------------------------------------------------------------------ */

static int attach_locked(struct vfio_container *container, struct vfio_group *group)
{
	const bool noiommu = group->flags & VFIO_NOIOMMU;
	struct container_group *member;
	int rc;

	if (container->groups && container->noiommu != noiommu)
		return -UIOMMU_EPERM;
	member = uapi_alloc(container->uapi, sizeof(*member));
	if (!member)
		return -UIOMMU_ENOMEM;
	member->group = group;
	rc = group->core ? uiommu_group_claim_dma_owner(group->core, group) : 0;
	if (rc)
		goto err_free;
	rc = attach_backend(container, member);
	if (rc)
		goto err_release;
	container->noiommu = noiommu;
	member->next = container->groups;
	container->groups = member;
	return 0;
err_release:
	if (group->core)
		uiommu_group_release_dma_owner(group->core);
err_free:
	uapi_free(container->uapi, member, sizeof(*member));
	return rc;
}

int uiommu_vfio_container_attach(struct vfio_container *container, struct vfio_group *group,
				 struct uiommu_uapi_process *caller)
{
	int rc;

	if (group->flags & VFIO_NOIOMMU && !uapi_capable(caller, UIOMMU_UAPI_CAP_SYS_RAWIO))
		return -UIOMMU_EPERM;
	container_lock(container);
	rc = attach_locked(container, group);
	container_unlock(container);
	if (rc)
		return rc;
	container->refs++;
	group->container = container;
	return 0;
}

void uiommu_vfio_container_detach(struct vfio_group *group)
{
	struct vfio_container *container = group->container;
	struct container_group **link = &container->groups, *member;

	container_lock(container);
	while ((*link)->group != group)
		link = &(*link)->next;
	member = *link;
	*link = member->next;
	detach_backend(container, member);
	if (!container->groups && container->backend != CONTAINER_UNSET)
		close_backend(container);
	container_unlock(container);
	if (group->core)
		uiommu_group_release_dma_owner(group->core);
	uapi_free(container->uapi, member, sizeof(*member));
	group->container = NULL;
	put(container);
}

int uiommu_vfio_container_use(struct vfio_group *group, struct uiommu_uapi_process *caller)
{
	struct vfio_container *container = group->container;
	int rc = 0;

	container_lock(container);
	if (container->backend == CONTAINER_UNSET)
		rc = -UIOMMU_EINVAL;
	else if (container->noiommu && !uapi_capable(caller, UIOMMU_UAPI_CAP_SYS_RAWIO))
		rc = -UIOMMU_EPERM;
	else
		find_member(container, group)->users++;
	container_unlock(container);
	return rc;
}

void uiommu_vfio_container_unuse(struct vfio_group *group)
{
	struct vfio_container *container = group->container;

	container_lock(container);
	find_member(container, group)->users--;
	container_unlock(container);
}

bool uiommu_vfio_container_in_use(struct vfio_group *group)
{
	struct vfio_container *container = group->container;
	bool used;

	container_lock(container);
	used = find_member(container, group)->users;
	container_unlock(container);
	return used;
}

int uiommu_vfio_container_msi(struct vfio_group *group, uint64_t *address)
{
	struct vfio_container *container = group->container;
	int rc = 0;

	container_lock(container);
	if (container->backend != CONTAINER_NOIOMMU)
		rc = uiommu_type1_msi(container, find_member(container, group), address);
	container_unlock(container);
	return rc;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static long cmd_map(struct vfio_container *container, struct uiommu_uapi_process *caller,
		    uintptr_t argument)
{
	struct abi_vfio_iommu_type1_dma_map arg;
	int rc = uapi_read_user(container->uapi, &arg, argument, sizeof(arg));

	return rc ? rc : uiommu_type1_map(container, caller, &arg);
}

static long cmd_unmap(struct vfio_container *container, uintptr_t argument)
{
	const uint32_t known = ABI_VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP |
			       ABI_VFIO_DMA_UNMAP_FLAG_ALL | ABI_VFIO_DMA_UNMAP_FLAG_VADDR;
	struct abi_vfio_iommu_type1_dma_unmap arg;
	struct abi_vfio_bitmap bitmap;
	long rc = uapi_read_user(container->uapi, &arg, argument, sizeof(arg));
	bool report;

	if (rc)
		return rc;
	report = arg.flags & ABI_VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (arg.argsz < sizeof(arg) || arg.flags & ~known)
		return -UIOMMU_EINVAL;
	if (report && arg.flags & (ABI_VFIO_DMA_UNMAP_FLAG_ALL | ABI_VFIO_DMA_UNMAP_FLAG_VADDR))
		return -UIOMMU_EINVAL;
	if (report && arg.argsz < sizeof(arg) + sizeof(bitmap))
		return -UIOMMU_EINVAL;
	if (report) {
		rc = uapi_read_user(container->uapi, &bitmap, argument + sizeof(arg),
				    sizeof(bitmap));
		if (!rc)
			rc = uiommu_type1_check_bitmap(&bitmap, arg.size);
		if (rc)
			return rc;
	}
	rc = uiommu_type1_unmap(container, &arg, report ? &bitmap : NULL);
	return rc ? rc : uapi_write_user(container->uapi, argument, &arg, sizeof(arg));
}

static long type1_command(struct vfio_container *container, struct uiommu_uapi_process *caller,
			  uint32_t command, uintptr_t argument)
{
	switch (command) {
	case ABI_VFIO_IOMMU_MAP_DMA:
		return cmd_map(container, caller, argument);
	case ABI_VFIO_IOMMU_UNMAP_DMA:
		return cmd_unmap(container, argument);
	case ABI_VFIO_IOMMU_GET_INFO:
		return uiommu_type1_get_info(container, argument);
	case ABI_VFIO_IOMMU_DIRTY_PAGES:
		return uiommu_type1_dirty_pages(container, argument);
	default:
		return -UAPI_ENOTTY;
	}
}

static long locked_command(struct vfio_container *container, struct uiommu_uapi_process *caller,
			   uint32_t command, uintptr_t argument)
{
	if (command == ABI_VFIO_CHECK_EXTENSION)
		return check_extension(container, argument);
	if (command == ABI_VFIO_SET_IOMMU)
		return set_iommu(container, caller, argument);
	switch (container->backend) {
	case CONTAINER_TYPE1:
	case CONTAINER_TYPE1V2:
		return type1_command(container, caller, command, argument);
	case CONTAINER_NOIOMMU:
		return -UAPI_ENOTTY;
	case CONTAINER_UNSET:
		break;
	}
	return -UIOMMU_EINVAL;
}

static long container_ioctl(struct uapi_file *file, struct uiommu_uapi_process *caller,
			    uint32_t command, uintptr_t argument)
{
	struct vfio_container *container = file->object;
	long rc;

	if (command == ABI_VFIO_GET_API_VERSION)
		return ABI_VFIO_API_VERSION;
	container_lock(container);
	rc = locked_command(container, caller, command, argument);
	container_unlock(container);
	return rc;
}

/* ---- the file ---------------------------------------------------------------------------------- */

static void container_release(struct uapi_file *file)
{
	put(file->object);
}

static const struct uapi_file_ops container_ops = {
	.name = "vfio",
	.ioctl = container_ioctl,
	.release = container_release,
};

struct vfio_container *uiommu_vfio_container_of_file(struct uapi_file *file)
{
	return file->ops == &container_ops ? file->object : NULL;
}

int uiommu_vfio_container_open(struct uiommu_uapi_process *process, struct uapi_file **out)
{
	struct uiommu_uapi *uapi = process->uapi;
	struct vfio_container *container = uapi_alloc(uapi, sizeof(*container));

	*out = NULL;
	if (!container)
		return -UIOMMU_ENOMEM;
	container->uapi = uapi;
	container->refs = 1;
	if (uiommu_port_mutex_init(uapi->host, &container->lock))
		goto err;
	*out = uiommu_uapi_file_create(uapi, &container_ops, container);
	if (*out)
		return 0;
	uiommu_port_mutex_destroy(uapi->host, &container->lock);
err:
	uapi_free(uapi, container, sizeof(*container));
	return -UIOMMU_ENOMEM;
}
