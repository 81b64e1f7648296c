/* SPDX-License-Identifier: MIT */
/* sysfs_mdev.c - mediated devices, and the types that they are created of */
#include "src/uapi/mdev.h"
#include "src/uapi/sysfs.h"

void uiommu_sysfs_see_mdevs(struct sysfs_view *view)
{
	struct sysfs_driver *driver = uiommu_sysfs_driver(view, SYSFS_BUS_MDEV, "mdma");

	/* It has all of them for as long as they are. */
	if (driver)
		driver->fixed = true;
	for (const struct uiommu_uapi_mdev *m = view->uapi->vfio->mdevs; m; m = m->next) {
		const char *uuid = uiommu_sysfs_format(view, "%s", m->uuid);
		struct sysfs_device *device = uiommu_sysfs_add_device(view, uuid, SYSFS_BUS_MDEV);

		if (!device)
			return;
		device->path = uiommu_sysfs_format(view, SYSFS_MDEV_PARENT "/%s", uuid);
		device->mediated = &m->device;
		device->type = m->type;
		device->driver = driver;
	}
}

/* ---- a device ---------------------------------------------------------------------------------- */

static int store_remove(const struct sysfs_store *store)
{
	const struct sysfs_device *device = store->object;
	unsigned long value;
	int rc = uiommu_sysfs_number(store->text, &value);

	if (rc || !value)
		return rc;
	return uiommu_mdev_remove_named(store->uapi, device->name);
}

static int show_uevent(struct sysfs_text *text, struct sysfs_view *view,
		       const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_device *device = object;

	(void)view;
	(void)attr;
	uiommu_sysfs_print(text, "DRIVER=%s\nMODALIAS=mdev:c\n", device->driver->name);
	return 0;
}

const struct sysfs_attr uiommu_sysfs_mdev_attrs[] = {
	{ .name = "remove", .mode = 0200, .store = store_remove },
	{
		.name = "uevent",
		.mode = 0644,
		.show = show_uevent,
		.store = uiommu_sysfs_store_uevent,
	},
	{ 0 },
};

/* ---- a type ------------------------------------------------------------------------------------ */

enum type_field {
	TYPE_AVAILABLE,
	TYPE_API,
	TYPE_NAME,
	TYPE_DESCRIPTION,
};

static int show_type(struct sysfs_text *text, struct sysfs_view *view,
		     const struct sysfs_attr *attr, const void *object)
{
	const struct uiommu_uapi_mdev_type *type = object;
	const char *const texts[] = {
		[TYPE_API] = type->device_api,
		[TYPE_NAME] = type->name,
		[TYPE_DESCRIPTION] = type->description,
	};
	unsigned int left = UIOMMU_MDEV_MAX;

	if (attr->argument != TYPE_AVAILABLE) {
		uiommu_sysfs_print(text, "%s\n", texts[attr->argument]);
		return 0;
	}
	for (const struct uiommu_uapi_mdev *m = view->uapi->vfio->mdevs; m; m = m->next)
		left--;
	uiommu_sysfs_print(text, "%u\n", left);
	return 0;
}

static int store_create(const struct sysfs_store *store)
{
	const struct uiommu_uapi_mdev_type *type = store->object;
	struct uiommu_uapi_mdev *mdev;
	char uuid[MDEV_UUID + 1];

	if (uiommu_sysfs_word(store->text, uuid, sizeof(uuid)))
		return -UIOMMU_EINVAL;
	return uiommu_uapi_mdev_create(store->uapi, type->id, uuid, &mdev);
}

static const struct sysfs_attr type_attrs[] = {
	{ .name = "create", .mode = 0200, .store = store_create },
	{
		.name = "available_instances",
		.mode = 0444,
		.show = show_type,
		.argument = TYPE_AVAILABLE,
	},
	{ .name = "device_api", .mode = 0444, .show = show_type, .argument = TYPE_API },
	{ .name = "name", .mode = 0444, .show = show_type, .argument = TYPE_NAME },
	{ .name = "description", .mode = 0444, .show = show_type, .argument = TYPE_DESCRIPTION },
	{ 0 },
};

static void list_type_devices(struct sysfs_scan *scan, const void *object)
{
	for (const struct sysfs_device *d = scan->view->devices; d; d = d->next)
		if (d->type == object)
			uiommu_sysfs_link(scan, d->name, d->path);
}

static void list_parents(struct sysfs_scan *scan, const void *object)
{
	(void)object;
	uiommu_sysfs_link(scan, "mdma", SYSFS_MDEV_PARENT);
}

static const struct sysfs_type type_type = { .attrs = type_attrs };
static const struct sysfs_type type_devices_type = { .links = list_type_devices };
static const struct sysfs_type parents_type = { .links = list_parents };

void uiommu_sysfs_build_mdevs(struct sysfs_view *view)
{
	const char *types = SYSFS_MDEV_PARENT "/mdev_supported_types";

	uiommu_sysfs_add_dir(view, "/sys/class/mdev_bus", &parents_type, NULL);
	for (const struct uiommu_uapi_mdev_type *t = uiommu_uapi_mdev_types(); t->id; t++) {
		const char *path = uiommu_sysfs_format(view, "%s/%s", types, t->id);

		uiommu_sysfs_add_dir(view, path, &type_type, t);
		uiommu_sysfs_build_parents(view, path);
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/devices", path),
				     &type_devices_type, t);
	}
}
