/* SPDX-License-Identifier: MIT */
/*
 * vfio.h - devices with a VFIO driver, their groups, and the two ways to them: container and group, or cdev
 *
 * A device is registered when a VFIO driver binds to it and unregistered when that driver leaves, which waits for
 * all its users.  "Has a group" and "is translated" are different questions: a device with an IOMMU is in the
 * group of the core; one without, in no-IOMMU mode or mediated, gets a group of its own that no core group
 * stands behind (group->core is NULL), whatever bus it is on.
 *
 * Locks, outermost first: group->lock, device->lock, vfio->lock (lists, and group->devices), container's, a context's.
 */
#ifndef UIOMMU_SRC_UAPI_VFIO_H
#define UIOMMU_SRC_UAPI_VFIO_H

#include "src/uapi/access.h"
#include "src/uapi/iommufd.h"
#include "src/uapi/uapi.h"

struct vfio_device;
struct vfio_group;
struct vfio_container; /* container.c */

/* What a driver of devices implements: vfio-pci, vfio-platform, a mediated device. */
struct vfio_driver {
	const char *name; /* "vfio-pci" */
	/* First open, last close of the device, by whichever way; device->lock is held. */
	int (*open)(struct vfio_device *device);
	void (*close)(struct vfio_device *device);
	/* -UAPI_ENOTTY: not the driver's command. */
	long (*ioctl)(struct vfio_device *device, struct uiommu_uapi_process *caller,
		      uint32_t command, uintptr_t argument);
	long (*read)(struct vfio_device *device, void *buffer, size_t size, uint64_t offset);
	long (*write)(struct vfio_device *device, const void *buffer, size_t size, uint64_t offset);
	/* A pointer to what is at @offset of the device file, NULL: it cannot be mapped. */
	void *(*map)(struct vfio_device *device, uint64_t offset, size_t size);
	/* Is this the name by which GET_DEVICE_FD means it?  NULL: compare device->name. 1; 0: no; -EINVAL, ... */
	int (*match)(struct vfio_device *device, const char *name);
	/* Somebody wants the device back: tell its user (the REQ interrupt). */
	void (*request)(struct vfio_device *device, unsigned int count);
	/* A device without IOMMU: whoever gives the memory away says so; see access.h. */
	void (*dma_unmap)(struct vfio_device *device, uint64_t iova, uint64_t length);
	bool pasid; /* PASIDs may be attached */
};

enum vfio_device_flags {
	VFIO_EMULATED = 1u << 0, /* mediated: reaches memory by pages that it pins */
	VFIO_NOIOMMU = 1u << 1, /* real, with nothing between it and memory */
};

/* Embedded in the driver's own structure. */
struct vfio_device {
	struct vfio_device *next; /* vfio->devices */
	const struct vfio_driver *driver;
	struct uiommu_uapi *uapi;
	const char *name; /* as user space knows it: "0000:00:04.0", a UUID */
	struct uiommu_device *dev; /* NULL: mediated */
	unsigned int flags;
	struct vfio_group *group;
	unsigned int cdev; /* N of /dev/vfio/devices/vfioN; a device without IOMMU has none */
	unsigned int refs; /* open files; vfio->lock */
	bool leaving; /* being unregistered: nothing new; vfio->lock */
	struct uiommu_mutex lock;
	unsigned int opens; /* open files that have access, by either way */

	/* The way to memory while it is open, beside its group's container. */
	bool in_container; /* counts as a use of it */
	struct iommufd *iommufd;
	struct iommufd_device *bound; /* with an IOMMU */
	struct iommufd_access *access; /* emulated */
	bool attached;
};

/* An open device file, of either way: the object behind. */
struct vfio_device_file {
	struct vfio_device *device;
	struct uapi_file *group; /* opened through this, and holds it; NULL: a cdev */
	_Atomic(bool) access; /* open: a cdev's once it is bound; device->lock */
};

/* A group as /dev/vfio shows it. */
struct vfio_group {
	struct vfio_group *next; /* vfio->groups */
	struct uiommu_uapi *uapi;
	struct uiommu_group *core; /* NULL: there is no IOMMU */
	unsigned int flags; /* VFIO_EMULATED, VFIO_NOIOMMU, of its devices */
	unsigned int id; /* of /dev/vfio/N or /dev/vfio/noiommu-N */
	unsigned int refs; /* devices and the open file */
	unsigned int devices; /* registered ones; vfio->lock */
	struct uiommu_mutex lock;
	bool deserted; /* the last of them has left, and nothing can be done with it any more */
	struct uapi_file *opened; /* the one open file; not counted */
	unsigned int cdev_opens; /* members that are bound through their cdev */
	struct vfio_container *container;
	struct iommufd *iommufd; /* as its container, with a reference */
};

/* uapi->vfio */
struct uapi_vfio {
	struct uiommu_mutex lock;
	struct vfio_device *devices;
	struct vfio_group *groups;
	struct uiommu_uapi_device *known;
	struct sysfs_id *ids; /* what drivers were told of by new_id */
	struct uiommu_uapi_mdev *mdevs; /* mdev.c */
	bool tainted; /* a no-IOMMU device was registered */
};

/* A device that a host has told of (devices.c). */
struct uiommu_uapi_device {
	struct uiommu_uapi_device *next; /* vfio->known */
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_device_config config;
	struct uiommu_uapi_device_io io;
	char *driver_override; /* sysfs's; vfio->lock */
	unsigned int refs; /* itself, and whoever has found it by name; vfio->lock */
	struct uiommu_mutex lock; /* who has it: held over bind and unbind */
	bool gone; /* removed: no driver any more */
	/* Written with vfio->lock held too: either lock is enough to read them. */
	bool native; /* its own driver has it */
	struct vfio_device *vfio; /* a VFIO driver has it, and is not about to leave */
};

/* ---- vfio.c: registration ------------------------------------------------------------------------ */

/* With uapi_create and destroy. */
int uiommu_vfio_create(struct uiommu_uapi *uapi);
void uiommu_vfio_destroy(struct uiommu_uapi *uapi);

/*
 * A VFIO driver has bound: driver, uapi, name, dev and flags are set, the rest is zero.
 * 0; -UIOMMU_EINVAL: no IOMMU and no-IOMMU mode is off, or DMA would not be coherent; -UIOMMU_EBUSY, -UIOMMU_EPERM of
 * uiommu_device_bind_driver(); -UIOMMU_ENOMEM.
 */
int uiommu_vfio_register(struct vfio_device *device);
/* Asks its users to let go until the last has closed it; then it is in no list. */
void uiommu_vfio_unregister(struct vfio_device *device);

/* Opens: paths "/dev/vfio/vfio", "/dev/vfio/N", "/dev/vfio/noiommu-N", "/dev/vfio/devices/vfioN". */
int uiommu_vfio_open(struct uiommu_uapi_process *process, const char *path, struct uapi_file **out);

/* A use of a registered device, that it is not unregistered under: false, it is leaving; and the end of that. */
bool uiommu_vfio_device_get(struct vfio_device *device);
void uiommu_vfio_device_put(struct vfio_device *device);
void uiommu_vfio_group_get(struct vfio_group *group);
void uiommu_vfio_group_put(struct vfio_group *group);

/* ---- sysfs_driver.c ---------------------------------------------------------------------------- */

void uiommu_sysfs_destroy(struct uiommu_uapi *uapi);

/* ---- devices.c --------------------------------------------------------------------------------- */

/* As uiommu_uapi_find_device(), but it can be named until it is put, also when it was removed; NULL: there is none. */
struct uiommu_uapi_device *uiommu_vfio_known_get(struct uiommu_uapi *uapi, const char *name);
void uiommu_vfio_known_put(struct uiommu_uapi_device *device);
/* As uiommu_uapi_unbind_driver(); -UIOMMU_ENODEV: @driver does not have it. */
int uiommu_vfio_unbind_named(struct uiommu_uapi_device *device, const char *driver);

/* ---- vfio_file.c: the file that all devices' users have ------------------------------------------ */

int uiommu_vfio_cdev_open(struct vfio_device *device, struct uapi_file **out);
/* A descriptor for a device of @group, which @file is; group->lock is held. -errno. */
int uiommu_vfio_group_device_fd(struct uiommu_uapi_process *process, struct vfio_group *group,
				struct uapi_file *file, const char *name);

/* ---- group.c ----------------------------------------------------------------------------------- */

/* With a reference of the file's own. 0; -UIOMMU_ENODEV: no device is left; -UIOMMU_EPERM, -UIOMMU_EBUSY. */
int uiommu_vfio_group_open(struct uiommu_uapi_process *process, struct vfio_group *group,
			   struct uapi_file **out);
/* Its last device has left: it leaves its container, and its file, if one is open, says -UIOMMU_ENODEV from now on. */
void uiommu_vfio_group_desert(struct vfio_group *group);
/* The group behind a file, NULL if it is none (hot reset takes group descriptors). */
struct vfio_group *uiommu_vfio_group_of_file(struct uapi_file *file);

/* Memory for emulated devices, whichever way it is open: errors of access.h. */
int uiommu_vfio_pin_pages(struct vfio_device *device, uint64_t iova, size_t count,
			  unsigned int prot, uiommu_phys_t *phys);
void uiommu_vfio_unpin_pages(struct vfio_device *device, uint64_t iova, size_t count);
int uiommu_vfio_dma_rw(struct vfio_device *device, uint64_t iova, void *data, size_t size,
		       bool write);

/* ---- container.c ---------------------------------------------------------------------- */

int uiommu_vfio_container_open(struct uiommu_uapi_process *process, struct uapi_file **out);
/* The container behind a file, NULL if it is none. */
struct vfio_container *uiommu_vfio_container_of_file(struct uapi_file *file);
/* SET_CONTAINER and UNSET_CONTAINER; group->lock is held. */
int uiommu_vfio_container_attach(struct vfio_container *container, struct vfio_group *group,
				 struct uiommu_uapi_process *caller);
void uiommu_vfio_container_detach(struct vfio_group *group);
/* A device of it is opened (-UIOMMU_EINVAL: no IOMMU is set yet) and closed. */
int uiommu_vfio_container_use(struct vfio_group *group, struct uiommu_uapi_process *caller);
void uiommu_vfio_container_unuse(struct vfio_group *group);
bool uiommu_vfio_container_in_use(struct vfio_group *group);
/* Of an open device's group: where it reaches the doorbell at *address. 0 or -errno. */
int uiommu_vfio_container_msi(struct vfio_group *group, uint64_t *address);

/* ---- compat.c: VFIO's commands on an iommufd --------------------------------------------------- */

long uiommu_iommufd_compat_ioctl(struct iommufd *ctx, struct uiommu_uapi_process *caller,
				 uint32_t command, uintptr_t argument);
/* The IOAS that these commands mean, made if there is none. -UIOMMU_EINVAL: a no-IOMMU group has been here. */
int uiommu_iommufd_compat_ioas(struct iommufd *ctx, uint32_t *id);
/* The same, which a device is attached to: -UIOMMU_ENODEV: there is none (any more). */
int uiommu_iommufd_compat_ioas_id(struct iommufd *ctx, uint32_t *id);
/* A no-IOMMU group has the context as its container: -UIOMMU_EINVAL: there is such an IOAS. */
int uiommu_iommufd_compat_no_iommu(struct iommufd *ctx);

/* ---- msi.c ------------------------------------------------------------------------------------- */

/* Where the device, which is open, reaches the doorbell of its messages: as uiommu_iommufd_device_msi(). */
int uiommu_vfio_msi_address(struct vfio_device *device, uint64_t doorbell, uint64_t *address);

/* ---- vfio_pci.c -------------------------------------------------------------------------------- */

/* vfio-pci for @dev: created and registered. The way that a sysfs bind takes. */
int uiommu_vfio_pci_bind(struct uiommu_uapi *uapi, struct uiommu_device *dev,
			 const struct uiommu_uapi_device_io *io, struct vfio_device **out);
void uiommu_vfio_pci_unbind(struct vfio_device *device);

/* ---- platform.c -------------------------------------------------------------------------------- */

/* vfio-platform for @device. Errors of uiommu_vfio_platform_create(), uiommu_vfio_register(). */
int uiommu_vfio_platform_bind(struct uiommu_uapi_device *device, struct vfio_device **out);
void uiommu_vfio_platform_unbind(struct vfio_device *device);

#endif /* UIOMMU_SRC_UAPI_VFIO_H */
