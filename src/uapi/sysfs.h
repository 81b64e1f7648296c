/* SPDX-License-Identifier: MIT */
/*
 * sysfs.h - what the files of the tree under /sys and /dev share
 *
 * Nothing of the tree is kept.  Each call takes a view: a list of all directories that there are now, by their
 * paths, with copies of what they are about.  A directory's type has its files (a table of attributes) and its links;
 * its subdirectories are those of the list.  So looking a name up and listing a directory cannot disagree.
 *
 * Locks: a view is made, and files are read, with vfio->lock held: what a host has told of stays that long, and with it
 * the functions and callbacks that a view points to.  A write that changes something is done without it,
 * by names that the view has copied.
 */
#ifndef UIOMMU_SRC_UAPI_SYSFS_H
#define UIOMMU_SRC_UAPI_SYSFS_H

#include <stdarg.h>
#include <stdio.h>

#include <uiommu/pci.h>

#include "src/uapi/vfio.h"

/* Errors of files and paths; Linux's numbers. */
enum sysfs_error {
	SYSFS_ENOTDIR = 20,
	SYSFS_EISDIR = 21,
	SYSFS_ENAMETOOLONG = 36,
	SYSFS_ELOOP = 40,
};

#define SYSFS_PAGE 4096u /* the largest text */
#define SYSFS_PATH 4096u /* the longest path, with its NUL */
#define SYSFS_LINKS 40u /* on the way of one path */

/* Device numbers: 10 and 196 are Linux's for /dev/vfio/vfio, the rest is given out anew at each start of a kernel. */
#define SYSFS_MAJOR_MISC 10u
#define SYSFS_MINOR_IOMMU 261u
#define SYSFS_MINOR_VFIO 196u
#define SYSFS_MAJOR_GROUP 243u
#define SYSFS_MAJOR_CDEV 242u

struct sysfs_view;
struct sysfs_attr;

/* ---- what a view is about: copies, in the view's memory ---------------------------------------- */

enum sysfs_bus {
	SYSFS_BUS_PCI,
	SYSFS_BUS_PLATFORM,
	SYSFS_BUS_MDEV,
	SYSFS_BUS_VIRTIO,
	SYSFS_NUM_BUSES,
};

struct sysfs_instance {
	struct sysfs_instance *next;
	const void *identity; /* the instance, to be compared */
	const char *driver; /* a static string of the driver's */
	unsigned int number; /* of those of its driver */
	const char *name; /* in class iommu: "dmar0" */
	const char *path;
	uint64_t address;
	bool has_info;
	struct uiommu_instance_info info;
};

struct sysfs_driver {
	struct sysfs_driver *next;
	const char *name;
	enum sysfs_bus bus;
	const char *module; /* NULL: not known */
	bool fixed; /* of the library's own devices: it cannot be taken from them */
};

struct sysfs_group {
	struct sysfs_group *next;
	uint32_t id;
	struct uiommu_group *core; /* held; NULL: no IOMMU behind it */
	const char *path;
};

struct sysfs_device {
	struct sysfs_device *next;
	const char *name;
	const char *path;
	enum sysfs_bus bus;
	const struct sysfs_driver *driver; /* NULL: none */
	const struct sysfs_instance *instance; /* NULL: it is not translated */
	const struct sysfs_group *group; /* NULL: none */
	struct uiommu_device *dev; /* to be compared; NULL: the core does not know it */

	/* With vfio->lock only. */
	struct uiommu_uapi_device *known; /* NULL: no host told of it */
	const struct vfio_device *mediated; /* it is this one; NULL: it is none */
	const struct uiommu_uapi_mdev_type *type; /* of a mediated one */
	struct uiommu_pci_function *fn;

	const char *override; /* NULL: none */
	const char *vfio; /* "vfio0"; NULL: it has no cdev */
	struct sysfs_device *physical; /* a virtual function's; NULL: it is none */
	unsigned int virtual_index;
};

/* A file under /dev, and what stands for it in a class. */
struct sysfs_node {
	struct sysfs_node *next;
	const char *name; /* "7", "noiommu-0", "vfio0" */
	const char *path; /* of its directory under /sys/devices */
	const char *dev; /* under /dev: "vfio/7" */
	const char *class_name; /* "vfio", "vfio-dev", "misc" */
	unsigned int major, minor, mode;
	const struct sysfs_device *device; /* a cdev's */
};

/* ---- a view ------------------------------------------------------------------------------------ */

struct sysfs_scan;

struct sysfs_type {
	const struct sysfs_attr *attrs; /* ends with one without a name; NULL: none */
	void (*links)(struct sysfs_scan *scan, const void *object);
	const struct sysfs_attr *more; /* a second table */
};

struct sysfs_dir {
	struct sysfs_dir *next;
	const char *path;
	size_t length; /* of the path */
	const struct sysfs_type *type;
	const void *object;
};

struct sysfs_chunk;

struct sysfs_view {
	struct uiommu_uapi *uapi;
	struct sysfs_chunk *chunks;
	bool failed; /* no memory */
	bool knows_virtual; /* which functions are virtual ones of others */
	struct sysfs_dir *dirs, **dirs_end;
	struct sysfs_device *devices; /* by name */
	struct sysfs_driver *drivers, **drivers_end;
	struct sysfs_group *groups, **groups_end;
	struct sysfs_instance *instances, **instances_end;
	struct sysfs_node *nodes, **nodes_end;
};

/* A name in a directory. */
struct sysfs_entry {
	const char *name;
	enum uiommu_uapi_node_kind kind;
	const struct sysfs_dir *dir;
	const struct sysfs_attr *attr;
	const void *object; /* the directory's, of a file */
	const char *target; /* a link's: the path, absolute */
	const struct sysfs_node *node; /* a device node's */
};

struct sysfs_scan {
	struct sysfs_view *view;
	const struct sysfs_dir *dir;
	const char *want; /* only this name, of @want_length bytes; NULL: all */
	size_t want_length;
	struct sysfs_entry found; /* the name that is wanted; kind 0: not there */
	void (*each)(struct sysfs_scan *scan, const struct sysfs_entry *entry);
	void *context;
};

/* ---- attributes -------------------------------------------------------------------------------- */

struct sysfs_text {
	char data[SYSFS_PAGE];
	size_t length;
};

void uiommu_sysfs_print(struct sysfs_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What a write comes with.  @text ends with a NUL, and may end with a newline before it. */
struct sysfs_store {
	struct uiommu_uapi_process *process;
	struct uiommu_uapi *uapi;
	struct sysfs_view *view; /* as it was when the path was looked up */
	const struct sysfs_attr *attr;
	const void *object;
	const char *text;
	size_t size;
};

struct sysfs_attr {
	const char *name;
	unsigned int mode;
	/* NULL: always there.  vfio->lock is held. */
	bool (*present)(const struct sysfs_attr *attr, const void *object);
	/* Text; 0 or an error.  vfio->lock is held. */
	int (*show)(struct sysfs_text *text, struct sysfs_view *view, const struct sysfs_attr *attr,
		    const void *object);
	/* 0: all of it is taken, or an error.  No lock is held. */
	int (*store)(const struct sysfs_store *store);
	unsigned int argument, width; /* the table's */

	/* Files that are not text.  vfio->lock is held. */
	uint64_t (*size)(const struct sysfs_attr *attr, const void *object);
	long (*read)(const struct sysfs_attr *attr, const void *object,
		     struct uiommu_uapi_process *process, uint8_t *data, size_t size,
		     uint64_t offset);
	long (*write)(const struct sysfs_attr *attr, const void *object, const uint8_t *data,
		      size_t size, uint64_t offset);
	int (*map)(const struct sysfs_attr *attr, const void *object, uint64_t offset, size_t size,
		   void **out);
};

/* Is @text this word, with or without a newline? */
bool uiommu_sysfs_is(const char *text, const char *word);
/* A number in C's notation: 0 or -UIOMMU_EINVAL. */
int uiommu_sysfs_number(const char *text, unsigned long *out);
/* @text without the newline at its end, in @to: 0 or -UIOMMU_EINVAL: longer than @size. */
int uiommu_sysfs_word(const char *text, char *to, size_t size);

/* ---- sysfs_view.c ------------------------------------------------------------------------------ */

/* vfio->lock is held. 0 or -UIOMMU_ENOMEM; uiommu_sysfs_view_free() in either case. */
int uiommu_sysfs_view_make(struct sysfs_view *view, struct uiommu_uapi *uapi);
void uiommu_sysfs_view_free(struct sysfs_view *view);
/* Zeroed memory that lives as long as the view; NULL: view->failed. */
void *uiommu_sysfs_alloc(struct sysfs_view *view, size_t size);
/* A string likewise; "" without memory. */
const char *uiommu_sysfs_format(struct sysfs_view *view, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void uiommu_sysfs_add_dir(struct sysfs_view *view, const char *path, const struct sysfs_type *type,
			  const void *object);
struct sysfs_driver *uiommu_sysfs_driver(struct sysfs_view *view, enum sysfs_bus bus,
					 const char *name);
struct sysfs_device *uiommu_sysfs_add_device(struct sysfs_view *view, const char *name,
					     enum sysfs_bus bus);
const struct sysfs_device *uiommu_sysfs_find_device(const struct sysfs_view *view,
						    enum sysfs_bus bus, const char *name);

/* ---- sysfs_tree.c ------------------------------------------------------------------------------ */

/* All directories, once devices, drivers, groups, instances and nodes are there. */
void uiommu_sysfs_build(struct sysfs_view *view);
/* The directories on the way to @path that are not there. */
void uiommu_sysfs_build_parents(struct sysfs_view *view, const char *path);
const char *uiommu_sysfs_bus_name(enum sysfs_bus bus);

/* ---- sysfs_module.c ---------------------------------------------------------------------------- */

void uiommu_sysfs_build_modules(struct sysfs_view *view);

/* ---- sysfs_mdev.c ------------------------------------------------------------------------------ */

#define SYSFS_MDEV_PARENT "/sys/devices/virtual/mdma/mdma"

/* Mediated devices, and with them their parent, that they are created at. */
void uiommu_sysfs_see_mdevs(struct sysfs_view *view);
void uiommu_sysfs_build_mdevs(struct sysfs_view *view);

/* ---- sysfs_path.c ------------------------------------------------------------------------------ */

/* What is in a directory: to scan->each, or the one that is wanted to scan->found. */
void uiommu_sysfs_scan(struct sysfs_scan *scan);
void uiommu_sysfs_link(struct sysfs_scan *scan, const char *name, const char *target);
/* For those who would have to find out: is anything done with this name? */
bool uiommu_sysfs_wants(const struct sysfs_scan *scan, const char *name);

/* ---- sysfs_pci.c, sysfs_sriov.c, sysfs_driver.c, sysfs_group.c --------------------------------- */

uint32_t uiommu_sysfs_config(const struct sysfs_device *device, unsigned int offset,
			     unsigned int size);
/* Offset of a capability, 0 without it. */
unsigned int uiommu_sysfs_ext_capability(const struct sysfs_device *device, unsigned int id);
/* Which functions of the view are virtual ones of others. */
void uiommu_sysfs_find_virtual(struct sysfs_view *view);

extern const struct sysfs_attr uiommu_sysfs_pci_attrs[];
extern const struct sysfs_attr uiommu_sysfs_sriov_attrs[];
extern const struct sysfs_attr uiommu_sysfs_platform_attrs[];
extern const struct sysfs_attr uiommu_sysfs_mdev_attrs[];
extern const struct sysfs_attr uiommu_sysfs_pci_driver_attrs[];
extern const struct sysfs_attr uiommu_sysfs_platform_driver_attrs[];
extern const struct sysfs_attr uiommu_sysfs_bus_attrs[];
extern const struct sysfs_attr uiommu_sysfs_group_attrs[];
extern const struct sysfs_attr uiommu_sysfs_vtd_attrs[];

int uiommu_sysfs_show_override(struct sysfs_text *text, struct sysfs_view *view,
			       const struct sysfs_attr *attr, const void *object);
int uiommu_sysfs_store_override(const struct sysfs_store *store);
int uiommu_sysfs_store_uevent(const struct sysfs_store *store);

#endif /* UIOMMU_SRC_UAPI_SYSFS_H */
