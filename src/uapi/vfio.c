/* SPDX-License-Identifier: MIT */
/*
 * vfio.c - devices with a VFIO driver, and the groups that they are in: who is registered, under which name
 *
 * A device's file cannot be opened before it is in the list, nor once it is leaving; unregistering waits until
 * those that were opened before are closed.  So a driver never sees a call for a device that it has given up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "src/uapi/vfio.h"

/* How often the users of a device that leaves are asked. */
#define REQUEST_INTERVAL_NS UINT64_C(10000000000)

/*
 * Numbers of groups that no core group stands behind begin here, where those of the core, which count from 0, do
 * not come.
 */
#define FIRST_OWN_GROUP 0x10000u
#define NO_CDEV UINT32_MAX

int uiommu_vfio_create(struct uiommu_uapi *uapi)
{
	struct uapi_vfio *vfio = uapi_alloc(uapi, sizeof(*vfio));

	if (!vfio)
		return -UIOMMU_ENOMEM;
	if (uiommu_port_mutex_init(uapi->host, &vfio->lock)) {
		uapi_free(uapi, vfio, sizeof(*vfio));
		return -UIOMMU_ENOMEM;
	}
	uapi->vfio = vfio;
	return 0;
}

void uiommu_vfio_destroy(struct uiommu_uapi *uapi)
{
	uiommu_port_mutex_destroy(uapi->host, &uapi->vfio->lock);
	uapi_free(uapi, uapi->vfio, sizeof(*uapi->vfio));
}

/* ---- groups ------------------------------------------------------------------------------------ */

static struct vfio_group *find_group(struct uapi_vfio *vfio, const struct uiommu_group *core)
{
	struct vfio_group *group = vfio->groups;

	while (group && group->core != core)
		group = group->next;
	return group;
}

static uint32_t lowest_own_id(const struct uapi_vfio *vfio)
{
	uint32_t id = FIRST_OWN_GROUP;
	const struct vfio_group *group = vfio->groups;

	while (group) {
		if (group->id == id) {
			id++;
			group = vfio->groups;
		} else {
			group = group->next;
		}
	}
	return id;
}

/* With a reference of the caller's; @core's becomes the group's. vfio->lock is held. */
static struct vfio_group *create_group(struct uiommu_uapi *uapi, struct uiommu_group *core,
				       unsigned int flags)
{
	struct vfio_group *group = uapi_alloc(uapi, sizeof(*group));

	if (!group)
		return NULL;
	if (uiommu_port_mutex_init(uapi->host, &group->lock)) {
		uapi_free(uapi, group, sizeof(*group));
		return NULL;
	}
	group->uapi = uapi;
	group->core = core;
	group->flags = flags;
	group->id = core ? uiommu_group_id(core) : lowest_own_id(uapi->vfio);
	group->refs = 1;
	group->next = uapi->vfio->groups;
	uapi->vfio->groups = group;
	return group;
}

static void put_group(struct vfio_group *group)
{
	struct uiommu_uapi *uapi = group->uapi;

	if (--group->refs)
		return;
	if (group->core)
		uiommu_group_put(group->core);
	uiommu_port_mutex_destroy(uapi->host, &group->lock);
	uapi_free(uapi, group, sizeof(*group));
}

/* Its last device has left: who opens or registers something now finds another one. vfio->lock is held. */
static void unlist_group(struct vfio_group *group)
{
	struct vfio_group **link = &group->uapi->vfio->groups;

	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
}

void uiommu_vfio_group_get(struct vfio_group *group)
{
	uapi_lock(group->uapi, &group->uapi->vfio->lock);
	group->refs++;
	uapi_unlock(group->uapi, &group->uapi->vfio->lock);
}

void uiommu_vfio_group_put(struct vfio_group *group)
{
	struct uiommu_uapi *uapi = group->uapi;

	uapi_lock(uapi, &uapi->vfio->lock);
	put_group(group);
	uapi_unlock(uapi, &uapi->vfio->lock);
}

/* ---- registration ------------------------------------------------------------------------------ */

static uint32_t lowest_cdev(const struct uapi_vfio *vfio)
{
	uint32_t number = 0;
	const struct vfio_device *device = vfio->devices;

	while (device) {
		if (device->cdev == number) {
			number++;
			device = vfio->devices;
		} else {
			device = device->next;
		}
	}
	return number;
}

/* What the device is to have between it and memory, and whether it has that. */
static int check_translation(struct vfio_device *device, struct uiommu_group *core)
{
	struct uiommu_uapi *uapi = device->uapi;

	if (device->flags & VFIO_EMULATED)
		return 0;
	if (core)
		return uiommu_device_is_translated(device->dev) &&
				       uiommu_device_capable(device->dev,
							     UIOMMU_CAP_CACHE_COHERENCY) ?
			       0 :
			       -UIOMMU_EINVAL;
	if (!uapi_option(&uapi->config.enable_unsafe_noiommu_mode))
		return -UIOMMU_EINVAL;
	device->flags |= VFIO_NOIOMMU;
	uiommu_log(uapi->host, UIOMMU_LOG_INFO,
		   "vfio: %s has no IOMMU: whoever opens it can reach all memory through it",
		   device->name);
	return 0;
}

static int join_group(struct vfio_device *device, struct uiommu_group *core)
{
	struct uiommu_uapi *uapi = device->uapi;
	struct uapi_vfio *vfio = uapi->vfio;
	struct vfio_group *group;

	uapi_lock(uapi, &vfio->lock);
	group = core ? find_group(vfio, core) : NULL;
	if (group) {
		group->refs++;
		uiommu_group_put(core);
	} else {
		group = create_group(uapi, core, device->flags);
	}
	if (group) {
		group->devices++;
		device->group = group;
		device->cdev = device->flags & VFIO_NOIOMMU ? NO_CDEV : lowest_cdev(vfio);
		device->next = vfio->devices;
		vfio->devices = device;
		vfio->tainted |= device->flags & VFIO_NOIOMMU;
	}
	uapi_unlock(uapi, &vfio->lock);
	return group ? 0 : -UIOMMU_ENOMEM;
}

int uiommu_vfio_register(struct vfio_device *device)
{
	struct uiommu_uapi *uapi = device->uapi;
	struct uiommu_group *core = NULL;
	int rc;

	if (device->dev) {
		rc = uiommu_device_bind_driver(device->dev, UIOMMU_BIND_MANAGED_DMA);
		if (rc)
			return rc;
		core = uiommu_group_get(device->dev);
	}
	rc = check_translation(device, core);
	if (rc)
		goto err;
	rc = uiommu_port_mutex_init(uapi->host, &device->lock);
	if (rc) {
		rc = -UIOMMU_ENOMEM;
		goto err;
	}
	rc = join_group(device, core);
	if (!rc)
		return 0;
	uiommu_port_mutex_destroy(uapi->host, &device->lock);
err:
	if (core)
		uiommu_group_put(core);
	if (device->dev)
		uiommu_device_unbind_driver(device->dev);
	return rc;
}

static bool is_used(struct vfio_device *device)
{
	struct uapi_vfio *vfio = device->uapi->vfio;
	bool used;

	uapi_lock(device->uapi, &vfio->lock);
	used = device->refs;
	uapi_unlock(device->uapi, &vfio->lock);
	return used;
}

/* Its users are programs, which take their time. */
static void wait_for_users(struct vfio_device *device)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	void *host = device->uapi->host;
	uint64_t next = uiommu_port_now_ns(host);
	unsigned int count = 0;

	while (is_used(device)) {
		if (uiommu_port_now_ns(host) >= next) {
			if (device->driver->request)
				device->driver->request(device, count++);
			next += REQUEST_INTERVAL_NS;
		}
		nanosleep(&pause, NULL);
	}
}

void uiommu_vfio_unregister(struct vfio_device *device)
{
	struct uiommu_uapi *uapi = device->uapi;
	struct uapi_vfio *vfio = uapi->vfio;
	struct vfio_group *group = device->group;
	struct vfio_device **link;
	bool last;

	uapi_lock(uapi, &vfio->lock);
	device->leaving = true;
	uapi_unlock(uapi, &vfio->lock);
	wait_for_users(device);

	uapi_lock(uapi, &vfio->lock);
	for (link = &vfio->devices; *link != device; link = &(*link)->next)
		;
	*link = device->next;
	last = !--group->devices;
	if (last)
		unlist_group(group);
	uapi_unlock(uapi, &vfio->lock);
	if (last)
		uiommu_vfio_group_desert(group);
	uiommu_vfio_group_put(group);
	uiommu_port_mutex_destroy(uapi->host, &device->lock);
	if (device->dev)
		uiommu_device_unbind_driver(device->dev);
}

bool uiommu_vfio_device_get(struct vfio_device *device)
{
	struct uapi_vfio *vfio = device->uapi->vfio;
	bool here;

	uapi_lock(device->uapi, &vfio->lock);
	here = !device->leaving;
	device->refs += here;
	uapi_unlock(device->uapi, &vfio->lock);
	return here;
}

void uiommu_vfio_device_put(struct vfio_device *device)
{
	struct uapi_vfio *vfio = device->uapi->vfio;
	struct uiommu_uapi *uapi = device->uapi;

	/* From here on the device may be gone. */
	uapi_lock(uapi, &vfio->lock);
	device->refs--;
	uapi_unlock(uapi, &vfio->lock);
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* The number behind @prefix, in @path: only digits, and as few as it takes. */
static bool parse_number(const char *path, const char *prefix, uint32_t *number)
{
	size_t length = strlen(prefix);
	unsigned long long value;
	char *end;

	if (strncmp(path, prefix, length) != 0)
		return false;
	path += length;
	if (*path < '0' || *path > '9' || (*path == '0' && path[1]))
		return false;
	value = strtoull(path, &end, 10);
	*number = (uint32_t)value;
	return !*end && value <= UINT32_MAX && end - path <= 10;
}

static int open_cdev(struct uiommu_uapi *uapi, uint32_t number, struct uapi_file **out)
{
	struct uapi_vfio *vfio = uapi->vfio;
	struct vfio_device *device;
	int rc = -UIOMMU_ENOENT;

	uapi_lock(uapi, &vfio->lock);
	device = vfio->devices;
	while (device && device->cdev != number)
		device = device->next;
	if (device) {
		rc = device->leaving ? -UIOMMU_ENODEV : 0;
		device->refs += !rc;
	}
	uapi_unlock(uapi, &vfio->lock);
	if (rc)
		return rc;
	rc = uiommu_vfio_cdev_open(device, out);
	if (rc)
		uiommu_vfio_device_put(device);
	return rc;
}

static int open_group(struct uiommu_uapi_process *process, uint32_t id, unsigned int flags,
		      struct uapi_file **out)
{
	struct uiommu_uapi *uapi = process->uapi;
	struct uapi_vfio *vfio = uapi->vfio;
	struct vfio_group *group;
	int rc;

	uapi_lock(uapi, &vfio->lock);
	group = vfio->groups;
	while (group && (group->id != id || (group->flags & VFIO_NOIOMMU) != flags))
		group = group->next;
	if (group)
		group->refs++;
	uapi_unlock(uapi, &vfio->lock);
	if (!group)
		return -UIOMMU_ENOENT;
	rc = uiommu_vfio_group_open(process, group, out);
	uiommu_vfio_group_put(group);
	return rc;
}

int uiommu_vfio_open(struct uiommu_uapi_process *process, const char *path, struct uapi_file **out)
{
	struct uiommu_uapi *uapi = process->uapi;
	uint32_t number;

	if (!strcmp(path, "/dev/vfio/vfio"))
		return uapi->config.vfio_container_by_iommufd ?
			       uiommu_uapi_iommufd_open(process, true, out) :
			       uiommu_vfio_container_open(process, out);
	if (parse_number(path, "/dev/vfio/devices/vfio", &number) && number != NO_CDEV)
		return open_cdev(uapi, number, out);
	if (parse_number(path, "/dev/vfio/noiommu-", &number))
		return open_group(process, number, VFIO_NOIOMMU, out);
	if (parse_number(path, "/dev/vfio/", &number))
		return open_group(process, number, 0, out);
	return -UIOMMU_ENOENT;
}
