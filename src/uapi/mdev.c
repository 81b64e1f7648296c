/* SPDX-License-Identifier: MIT */
/* mdev.c - mediated devices come and go: types, UUIDs, and how many there may be */
#include <stdio.h>

#include "src/uapi/mdev.h"

static const struct uiommu_uapi_mdev_type types[] = {
	{ "mdma-8", "DMA engine, 8 pages", "copies memory; keeps up to 8 pages pinned",
	  "vfio-platform", 8 },
	{ "mdma-256", "DMA engine, 256 pages", "copies memory; keeps up to 256 pages pinned",
	  "vfio-platform", 256 },
	{ 0 },
};

const struct uiommu_uapi_mdev_type *uiommu_uapi_mdev_types(void)
{
	return types;
}

static const struct uiommu_uapi_mdev_type *find_type(const char *id)
{
	const struct uiommu_uapi_mdev_type *type = types;

	while (type->id && strcmp(type->id, id) != 0)
		type++;
	return type->id ? type : NULL;
}

/* 8-4-4-4-12 hexadecimal digits, into small letters. */
static bool parse_uuid(const char *text, char *uuid)
{
	unsigned int i;

	for (i = 0; i < MDEV_UUID; i++) {
		char c = text[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		uuid[i] = c;
	}
	uuid[i] = '\0';
	return !text[i];
}

/* ---- the list; vfio->lock is held --------------------------------------------------------------- */

static struct uiommu_uapi_mdev *find(struct uapi_vfio *vfio, const char *uuid)
{
	struct uiommu_uapi_mdev *mdev = vfio->mdevs;

	while (mdev && strcmp(mdev->uuid, uuid) != 0)
		mdev = mdev->next;
	return mdev;
}

static unsigned int count(const struct uapi_vfio *vfio)
{
	unsigned int n = 0;

	for (const struct uiommu_uapi_mdev *mdev = vfio->mdevs; mdev; mdev = mdev->next)
		n++;
	return n;
}

static int add(struct uapi_vfio *vfio, struct uiommu_uapi_mdev *mdev)
{
	if (find(vfio, mdev->uuid))
		return -UIOMMU_EEXIST;
	if (count(vfio) >= UIOMMU_MDEV_MAX)
		return -UAPI_EUSERS;
	mdev->next = vfio->mdevs;
	vfio->mdevs = mdev;
	return 0;
}

static bool take(struct uiommu_uapi *uapi, struct uiommu_uapi_mdev *mdev)
{
	struct uiommu_uapi_mdev **link = &uapi->vfio->mdevs;
	bool here;

	uapi_lock(uapi, &uapi->vfio->lock);
	while (*link && *link != mdev)
		link = &(*link)->next;
	here = *link;
	if (here)
		*link = mdev->next;
	uapi_unlock(uapi, &uapi->vfio->lock);
	return here;
}

/* ---- devices ----------------------------------------------------------------------------------- */

static void free_mdev(struct uiommu_uapi_mdev *mdev)
{
	struct uiommu_uapi *uapi = mdev->device.uapi;

	uapi_free(uapi, mdev->pins, mdev->type->pages * sizeof(*mdev->pins));
	uiommu_port_mutex_destroy(uapi->host, &mdev->lock);
	uapi_free(uapi, mdev, sizeof(*mdev));
}

static struct uiommu_uapi_mdev *alloc_mdev(struct uiommu_uapi *uapi,
					   const struct uiommu_uapi_mdev_type *type)
{
	struct uiommu_uapi_mdev *mdev = uapi_alloc(uapi, sizeof(*mdev));

	if (!mdev)
		return NULL;
	mdev->device.driver = &uiommu_mdev_driver;
	mdev->device.uapi = uapi;
	mdev->device.name = mdev->uuid;
	mdev->device.flags = VFIO_EMULATED;
	mdev->type = type;
	mdev->eventfd = -1;
	if (uiommu_port_mutex_init(uapi->host, &mdev->lock)) {
		uapi_free(uapi, mdev, sizeof(*mdev));
		return NULL;
	}
	mdev->pins = uapi_alloc(uapi, type->pages * sizeof(*mdev->pins));
	if (mdev->pins)
		return mdev;
	free_mdev(mdev);
	return NULL;
}

int uiommu_uapi_mdev_create(struct uiommu_uapi *uapi, const char *type_id, const char *uuid,
			    struct uiommu_uapi_mdev **out)
{
	const struct uiommu_uapi_mdev_type *type = find_type(type_id);
	struct uiommu_uapi_mdev *mdev;
	int rc;

	*out = NULL;
	if (!type)
		return -UIOMMU_ENOENT;
	mdev = alloc_mdev(uapi, type);
	if (!mdev)
		return -UIOMMU_ENOMEM;
	if (!parse_uuid(uuid, mdev->uuid)) {
		free_mdev(mdev);
		return -UIOMMU_EINVAL;
	}
	uapi_lock(uapi, &uapi->vfio->lock);
	rc = add(uapi->vfio, mdev);
	uapi_unlock(uapi, &uapi->vfio->lock);
	if (rc)
		goto err;
	rc = uiommu_vfio_register(&mdev->device);
	if (rc)
		goto err_take;
	*out = mdev;
	return 0;
err_take:
	take(uapi, mdev);
err:
	free_mdev(mdev);
	return rc;
}

void uiommu_uapi_mdev_remove(struct uiommu_uapi_mdev *mdev)
{
	struct uiommu_uapi *uapi = mdev->device.uapi;

	/* The UUID is free when nobody has the device any more. */
	uiommu_vfio_unregister(&mdev->device);
	take(uapi, mdev);
	free_mdev(mdev);
}

int uiommu_mdev_remove_named(struct uiommu_uapi *uapi, const char *uuid)
{
	struct uiommu_uapi_mdev *mdev;

	/* Of several who want it gone, one does it. */
	uapi_lock(uapi, &uapi->vfio->lock);
	mdev = find(uapi->vfio, uuid);
	if (mdev && (mdev->device.leaving || !mdev->device.group))
		mdev = NULL;
	if (mdev)
		mdev->device.leaving = true;
	uapi_unlock(uapi, &uapi->vfio->lock);
	if (!mdev)
		return -UIOMMU_ENODEV;
	uiommu_uapi_mdev_remove(mdev);
	return 0;
}

void uiommu_mdev_destroy(struct uiommu_uapi *uapi)
{
	while (uapi->vfio->mdevs)
		uiommu_uapi_mdev_remove(uapi->vfio->mdevs);
}

/* ---- questions --------------------------------------------------------------------------------- */

struct uiommu_uapi_mdev *uiommu_uapi_mdev_find(struct uiommu_uapi *uapi, const char *uuid)
{
	struct uiommu_uapi_mdev *mdev;

	uapi_lock(uapi, &uapi->vfio->lock);
	mdev = find(uapi->vfio, uuid);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return mdev;
}

unsigned int uiommu_uapi_mdev_available(struct uiommu_uapi *uapi)
{
	unsigned int left;

	uapi_lock(uapi, &uapi->vfio->lock);
	left = UIOMMU_MDEV_MAX - count(uapi->vfio);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return left;
}

const struct uiommu_uapi_mdev_type *uiommu_uapi_mdev_type(const struct uiommu_uapi_mdev *mdev)
{
	return mdev->type;
}

int uiommu_uapi_mdev_group_path(const struct uiommu_uapi_mdev *mdev, char *path, size_t size)
{
	return snprintf(path, size, "/dev/vfio/%u", mdev->device.group->id);
}

int uiommu_uapi_mdev_cdev_path(const struct uiommu_uapi_mdev *mdev, char *path, size_t size)
{
	return snprintf(path, size, "/dev/vfio/devices/vfio%u", mdev->device.cdev);
}
