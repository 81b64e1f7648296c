/* SPDX-License-Identifier: MIT */
/*
 * devices.c - the devices that a host has told of, and which driver has each
 *
 * A device's lock is held while it changes hands; who has it can be asked meanwhile.
 */
#include <stdio.h>

#include "src/uapi/platform.h"
#include "src/uapi/vfio.h"
#include "src/uapi/vfio_pci.h"

static bool reachable(const struct uiommu_uapi_device_config *config)
{
	const struct uiommu_uapi_device_io *io = config->io;

	if (!config->dev)
		return false;
	if (config->bus == UIOMMU_UAPI_PLATFORM)
		return uiommu_vfio_platform_reachable(config->platform);
	return io && io->config_read && io->config_write && io->bar_read && io->bar_write;
}

/* vfio->lock is held. */
static struct uiommu_uapi_device *find(struct uapi_vfio *vfio, const char *name)
{
	struct uiommu_uapi_device *device = vfio->known;

	while (device && strcmp(uiommu_device_name(device->config.dev), name) != 0)
		device = device->next;
	return device;
}

int uiommu_uapi_add_device(struct uiommu_uapi *uapi, const struct uiommu_uapi_device_config *config,
			   struct uiommu_uapi_device **out)
{
	struct uapi_vfio *vfio = uapi->vfio;
	struct uiommu_uapi_device *device;
	bool known;

	*out = NULL;
	if (!reachable(config))
		return -UIOMMU_EINVAL;
	device = uapi_alloc(uapi, sizeof(*device));
	if (!device)
		return -UIOMMU_ENOMEM;
	if (uiommu_port_mutex_init(uapi->host, &device->lock)) {
		uapi_free(uapi, device, sizeof(*device));
		return -UIOMMU_ENOMEM;
	}
	device->uapi = uapi;
	device->refs = 1;
	device->config = *config;
	if (config->bus == UIOMMU_UAPI_PCI) {
		device->io = *config->io;
		device->config.io = &device->io;
	}
	device->native = config->native_driver && config->native_bound;

	uapi_lock(uapi, &vfio->lock);
	known = find(vfio, uiommu_device_name(config->dev));
	if (!known) {
		device->next = vfio->known;
		vfio->known = device;
	}
	uapi_unlock(uapi, &vfio->lock);
	if (known) {
		uiommu_port_mutex_destroy(uapi->host, &device->lock);
		uapi_free(uapi, device, sizeof(*device));
		return -UIOMMU_EEXIST;
	}
	*out = device;
	return 0;
}

struct uiommu_uapi_device *uiommu_uapi_find_device(struct uiommu_uapi *uapi, const char *name)
{
	struct uiommu_uapi_device *device;

	uapi_lock(uapi, &uapi->vfio->lock);
	device = find(uapi->vfio, name);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return device;
}

/* ---- who has it -------------------------------------------------------------------------------- */

static void set_owner(struct uiommu_uapi_device *device, bool native, struct vfio_device *vfio)
{
	struct uiommu_uapi *uapi = device->uapi;

	uapi_lock(uapi, &uapi->vfio->lock);
	device->native = native;
	device->vfio = vfio;
	uapi_unlock(uapi, &uapi->vfio->lock);
}

static int bind_vfio(struct uiommu_uapi_device *device, const char *driver,
		     struct vfio_device **vfio)
{
	if (device->config.bus == UIOMMU_UAPI_PCI && !strcmp(driver, uiommu_vfio_pci_driver.name))
		return uiommu_vfio_pci_bind(device->uapi, device->config.dev, &device->io, vfio);
	if (device->config.bus == UIOMMU_UAPI_PLATFORM &&
	    !strcmp(driver, uiommu_vfio_platform_driver.name))
		return uiommu_vfio_platform_bind(device, vfio);
	return -UIOMMU_ENODEV;
}

static void unbind_vfio(struct vfio_device *vfio)
{
	if (vfio->driver == &uiommu_vfio_platform_driver)
		uiommu_vfio_platform_unbind(vfio);
	else
		uiommu_vfio_pci_unbind(vfio);
}

static int bind_locked(struct uiommu_uapi_device *device, const char *driver)
{
	const struct uiommu_uapi_device_config *config = &device->config;
	struct vfio_device *vfio = NULL;
	bool native = config->native_driver && !strcmp(driver, config->native_driver);
	int rc;

	if (device->gone)
		return -UIOMMU_ENODEV;
	if (device->native || device->vfio)
		return -UIOMMU_EBUSY;
	if (native)
		rc = config->native_bind ? config->native_bind(config->context) : -UIOMMU_ENODEV;
	else
		rc = bind_vfio(device, driver, &vfio);
	if (!rc)
		set_owner(device, native, vfio);
	return rc;
}

int uiommu_uapi_bind_driver(struct uiommu_uapi_device *device, const char *driver)
{
	int rc;

	uapi_lock(device->uapi, &device->lock);
	rc = bind_locked(device, driver);
	uapi_unlock(device->uapi, &device->lock);
	return rc;
}

static const char *driver_of(const struct uiommu_uapi_device *device)
{
	if (device->vfio)
		return device->vfio->driver->name;
	return device->native ? device->config.native_driver : NULL;
}

/* device->lock is held. */
static int unbind_locked(struct uiommu_uapi_device *device, const char *driver)
{
	const struct uiommu_uapi_device_config *config = &device->config;
	const char *has = driver_of(device);
	struct vfio_device *vfio = device->vfio;
	bool native = device->native;

	if (!has || (driver && strcmp(driver, has) != 0))
		return -UIOMMU_ENODEV;
	/* It still is in the list of VFIO's devices while its users are waited for, and no longer ours to name. */
	set_owner(device, false, NULL);
	if (vfio)
		unbind_vfio(vfio);
	else if (native && config->native_unbind)
		config->native_unbind(config->context);
	return 0;
}

int uiommu_vfio_unbind_named(struct uiommu_uapi_device *device, const char *driver)
{
	int rc;

	uapi_lock(device->uapi, &device->lock);
	rc = unbind_locked(device, driver);
	uapi_unlock(device->uapi, &device->lock);
	return rc;
}

int uiommu_uapi_unbind_driver(struct uiommu_uapi_device *device)
{
	return uiommu_vfio_unbind_named(device, NULL);
}

struct uiommu_uapi_device *uiommu_vfio_known_get(struct uiommu_uapi *uapi, const char *name)
{
	struct uiommu_uapi_device *device;

	uapi_lock(uapi, &uapi->vfio->lock);
	device = find(uapi->vfio, name);
	if (device)
		device->refs++;
	uapi_unlock(uapi, &uapi->vfio->lock);
	return device;
}

void uiommu_vfio_known_put(struct uiommu_uapi_device *device)
{
	struct uiommu_uapi *uapi = device->uapi;
	bool last;

	uapi_lock(uapi, &uapi->vfio->lock);
	last = !--device->refs;
	uapi_unlock(uapi, &uapi->vfio->lock);
	if (!last)
		return;
	if (device->driver_override)
		uapi_free(uapi, device->driver_override, strlen(device->driver_override) + 1);
	uiommu_port_mutex_destroy(uapi->host, &device->lock);
	uapi_free(uapi, device, sizeof(*device));
}

void uiommu_uapi_remove_device(struct uiommu_uapi_device *device)
{
	struct uiommu_uapi_device **link;
	struct uiommu_uapi *uapi;

	if (!device)
		return;
	uapi = device->uapi;
	/* Nobody binds it again who had found it before. */
	uapi_lock(uapi, &device->lock);
	unbind_locked(device, NULL);
	device->gone = true;
	uapi_unlock(uapi, &device->lock);
	uapi_lock(uapi, &uapi->vfio->lock);
	for (link = &uapi->vfio->known; *link != device; link = &(*link)->next)
		;
	*link = device->next;
	uapi_unlock(uapi, &uapi->vfio->lock);
	uiommu_vfio_known_put(device);
}

/* ---- questions --------------------------------------------------------------------------------- */

const char *uiommu_uapi_device_name(const struct uiommu_uapi_device *device)
{
	return uiommu_device_name(device->config.dev);
}

const char *uiommu_uapi_device_driver(const struct uiommu_uapi_device *device)
{
	struct uiommu_uapi *uapi = device->uapi;
	const char *name;

	uapi_lock(uapi, &uapi->vfio->lock);
	name = driver_of(device);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return name;
}

int uiommu_uapi_device_group_path(const struct uiommu_uapi_device *device, char *path, size_t size)
{
	struct uiommu_uapi *uapi = device->uapi;
	int rc = -UIOMMU_ENODEV;

	uapi_lock(uapi, &uapi->vfio->lock);
	if (device->vfio) {
		const struct vfio_group *group = device->vfio->group;

		rc = snprintf(path, size, "/dev/vfio/%s%u",
			      group->flags & VFIO_NOIOMMU ? "noiommu-" : "", group->id);
	}
	uapi_unlock(uapi, &uapi->vfio->lock);
	return rc;
}

int uiommu_uapi_device_cdev_path(const struct uiommu_uapi_device *device, char *path, size_t size)
{
	struct uiommu_uapi *uapi = device->uapi;
	int rc = -UIOMMU_ENODEV;

	uapi_lock(uapi, &uapi->vfio->lock);
	if (device->vfio && !(device->vfio->flags & VFIO_NOIOMMU))
		rc = snprintf(path, size, "/dev/vfio/devices/vfio%u", device->vfio->cdev);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return rc;
}
