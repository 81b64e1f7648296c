/* SPDX-License-Identifier: MIT */
/*
 * uiommu/uapi.h - Linux's user ABI for devices (VFIO and iommufd) over a system, inside a process
 *
 * A struct uiommu_uapi is what stands behind /dev/iommu and /dev/vfio of one system.  A host tells it of the
 * devices that there are (uiommu_uapi_add_device()) and binds them to a VFIO driver.  A struct
 * uiommu_uapi_process is somebody who opens the files: it has rights, a limit of locked memory, and a table of
 * file descriptors of its own.  The calls are those of a program: open, ioctl, read, write, mmap, poll, close.
 * Commands, structures, results and the order of checks are Linux's; numbers and layouts are in
 * uiommu/abi_vfio.h and uiommu/abi_iommufd.h, or in the system's <linux/vfio.h> and <linux/iommufd.h>.
 *
 * Addresses in commands are the caller's.  They are read, written and pinned through uiommu/port.h
 * (uiommu_port_user_*); a host says which memory devices can reach.
 *
 * Results: 0 or positive as the command says, or a negative errno with Linux's numbers (uiommu/types.h has
 * those of the library; the ABI has some more).
 *
 * Thread-safety: any call from any thread.  Commands on one iommufd context exclude each other; those on
 * different contexts run in parallel.
 */
#ifndef UIOMMU_UAPI_H
#define UIOMMU_UAPI_H

#include <uiommu/port.h>
#include <uiommu/uiommu.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_uapi;
struct uiommu_uapi_process;

/* What Linux takes as parameters of its modules, by their names there. */
struct uiommu_uapi_config {
	struct uiommu_system *sys; /* outlives it */
	bool allow_unsafe_interrupts; /* iommufd: MSIs need not be isolated */
	bool type1_allow_unsafe_interrupts; /* vfio_iommu_type1: the same */
	bool enable_unsafe_noiommu_mode; /* vfio: devices without an IOMMU may be had */
	bool disable_hugepages; /* vfio_iommu_type1: map page by page */
	uint32_t dma_entry_limit; /* vfio_iommu_type1: mappings of a container; 0: 65535 */
	bool vfio_container_by_iommufd; /* /dev/vfio/vfio is served by iommufd */

	bool platform_reset_not_required; /* vfio_platform: reset_required=0; it is 1 by default */

	/* Can the device's interrupts reach nobody else's handlers?  NULL: yes, of every device. */
	bool (*isolated_msi)(void *context, struct uiommu_device *dev);
	/*
	 * Nobody has registered a reset function for a platform device that vfio-platform is to have: request_module() of
	 * "vfio-reset:COMPATIBLE".  It may register one, with any of the calls below that do; then there is one more
	 * lookup.  NULL: uiommu_uapi_load_platform_reset().  0, or an error: -UIOMMU_ENOMEM fails the bind, any other
	 * is as if there were nothing to load.
	 */
	int (*load_platform_reset)(void *context, struct uiommu_uapi *uapi, const char *module);
	void *context;
};

/** uiommu_uapi_create() - 0, -UIOMMU_ENOMEM, -UIOMMU_EINVAL (no system) */
UIOMMU_API int uiommu_uapi_create(const struct uiommu_uapi_config *config,
				  struct uiommu_uapi **out);
/** uiommu_uapi_destroy() - all processes are gone; NULL does nothing */
UIOMMU_API void uiommu_uapi_destroy(struct uiommu_uapi *uapi);

/* Capabilities that are asked for, by Linux's names. */
enum uiommu_uapi_capability {
	UIOMMU_UAPI_CAP_SYS_RAWIO = 1u << 0,
	UIOMMU_UAPI_CAP_IPC_LOCK = 1u << 1, /* no limit of locked memory */
	UIOMMU_UAPI_CAP_SYS_RESOURCE = 1u << 2,
	UIOMMU_UAPI_CAP_SYS_ADMIN = 1u << 3,
	UIOMMU_UAPI_CAP_ALL = 0xfu,
};

struct uiommu_uapi_process_config {
	unsigned int capabilities; /* enum uiommu_uapi_capability */
	uint64_t memlock; /* bytes that may be pinned; UINT64_MAX: no limit */
	uint32_t user; /* processes of one user share the limit of iommufd's default mode */
};

UIOMMU_API int uiommu_uapi_process_create(struct uiommu_uapi *uapi,
					  const struct uiommu_uapi_process_config *config,
					  struct uiommu_uapi_process **out);
/** uiommu_uapi_process_destroy() - it exits: its files are closed */
UIOMMU_API void uiommu_uapi_process_destroy(struct uiommu_uapi_process *process);
UIOMMU_API void uiommu_uapi_process_set_capabilities(struct uiommu_uapi_process *process,
						     unsigned int capabilities);
/** uiommu_uapi_process_pinned() - bytes that count against its limit now */
UIOMMU_API uint64_t uiommu_uapi_process_pinned(struct uiommu_uapi_process *process);

/* ---- drivers ----------------------------------------------------------------------------------- */

/*
 * What programs will reach of a PCI device's own: configuration space and memory.  The core knows neither; a host that
 * offers devices to VFIO does (src/uapi/vfio_pci.c).  Offsets in bytes; sizes 1, 2, 4 (and 8 for BARs), naturally aligned.
 */
struct uiommu_uapi_device_io {
	uint32_t (*config_read)(void *context, unsigned int offset, unsigned int size);
	void (*config_write)(void *context, unsigned int offset, unsigned int size, uint32_t value);
	uint64_t (*bar_read)(void *context, unsigned int bar, uint64_t offset, unsigned int size);
	void (*bar_write)(void *context, unsigned int bar, uint64_t offset, unsigned int size,
			  uint64_t value);
	uint64_t bar_size[6]; /* 0: not there */
	uint64_t bar_address[6]; /* on the bus; what a guest reads at first */
	/* Memory behind a BAR that a program may use directly; NULL, or it returns NULL: only read and write. */
	void *(*bar_map)(void *context, unsigned int bar, uint64_t offset, uint64_t size);
	/* A function-level reset, with configuration space saved and restored; NULL: it has none. */
	int (*reset)(void *context);
	/*
	 * A reset of the bus or slot that it is on, likewise saved and restored, and the devices that this would reset,
	 * itself among them: at most @room, and how many there are, 0: not now. NULL, both: it has none.
	 */
	int (*bus_reset)(void *context);
	unsigned int (*bus_reset_devices)(void *context, struct uiommu_device **devices,
					  unsigned int room);
	/*
	 * Interrupt messages of the device go to @deliver, by vector; NULL: it sends none.  0 @vectors: no longer.
	 * 0; so many there are, which is less; or an error.
	 */
	int (*set_msi)(void *context, unsigned int vectors,
		       void (*deliver)(void *token, unsigned int vector), void *token);
	/*
	 * Messages go to @msi_doorbell on the bus, and an IOMMU may be in between: before messages are started
	 * the function is told at which address its device reaches that.  NULL: no IOMMU translates them.
	 */
	uint64_t msi_doorbell;
	void (*set_msi_address)(void *context, uint64_t address);
	/*
	 * The device asserts its interrupt pin, which configuration space's status shows as long as it lasts;
	 * NULL, both: nobody hears.  NULL, @deliver: no longer.
	 */
	int (*set_intx)(void *context, void (*deliver)(void *token), void *token);
	void *context; /* lives as long as the device has the driver */
};

/* A part of the bus that a platform device answers at. */
struct uiommu_uapi_platform_region {
	uint64_t address; /* physical */
	uint64_t size; /* bytes, at least 1 */
	bool read_only;
	bool port; /* I/O ports: listed, and neither read, written nor mapped */
};

struct uiommu_uapi_platform_irq {
	bool level; /* asserted until the device is served; else an edge */
};

/*
 * The same for a platform device.  Offsets count from the region's start, in bytes; accesses have 1, 2 or 4 bytes,
 * naturally aligned, inside the region.
 */
struct uiommu_uapi_platform_io {
	const struct uiommu_uapi_platform_region *regions;
	unsigned int num_regions;
	const struct uiommu_uapi_platform_irq *irqs;
	unsigned int num_irqs;

	/*
	 * Make a region's registers reachable: before the first of all accesses since the device was opened, once, until
	 * @unmap_registers.  0 or -UIOMMU_ENOMEM; NULL, both: they always are.
	 */
	int (*map_registers)(void *context, unsigned int region);
	void (*unmap_registers)(void *context, unsigned int region);
	/* Ordered with memory, as readl() and writel() are. */
	uint32_t (*read)(void *context, unsigned int region, uint64_t offset, unsigned int size);
	void (*write)(void *context, unsigned int region, uint64_t offset, unsigned int size,
		      uint32_t value);
	/* In order among themselves, and with nothing else; NULL, both: the two above are used. */
	uint32_t (*read_relaxed)(void *context, unsigned int region, uint64_t offset,
				 unsigned int size);
	void (*write_relaxed)(void *context, unsigned int region, uint64_t offset,
			      unsigned int size, uint32_t value);
	/* Registers that a program may use directly; NULL, or it returns NULL: only read and write. */
	void *(*map)(void *context, unsigned int region, uint64_t offset, uint64_t size);

	/*
	 * From now on interrupt @irq goes to @deliver, which may be called from any thread and takes no lock that is held
	 * over calls of these functions.  NULL, @deliver: no longer, and none runs when this returns.  It is masked
	 * first.  0, or an error: the program gets it when it asks for this interrupt.
	 */
	int (*set_irq)(void *context, unsigned int irq,
		       void (*deliver)(void *token, unsigned int irq), void *token);
	/*
	 * At the interrupt controller.  A level interrupt masks itself when it is delivered (before @deliver is called),
	 * and is delivered anew if it is unmasked while still asserted; an edge that comes while masked is delivered
	 * once afterwards.  Both may happen inside this call.  Masking twice is masking.
	 */
	void (*mask_irq)(void *context, unsigned int irq, bool masked);

	const char *compatible; /* the first string of the property; NULL: none */
	const char *acpi_hid; /* the device is ACPI's: _HID; then @compatible is not looked at */
	int (*acpi_reset)(void *context); /* evaluates _RST; NULL: there is no such method */
	/* Waits so long, for reset functions; NULL: by uiommu_port_now_ns() and uiommu_port_relax(). */
	void (*delay)(void *context, uint64_t ns);
	void *context;
};

/* Where a device is; says how it is named, and which drivers can have it. */
enum uiommu_uapi_bus {
	UIOMMU_UAPI_PCI, /* "0000:00:04.0"; "vfio-pci" */
	UIOMMU_UAPI_PLATFORM, /* "fed00000.dma"; "vfio-platform" */
};

struct uiommu_uapi_device_config {
	struct uiommu_device *dev; /* outlives it; its name is the device's */
	enum uiommu_uapi_bus bus;
	const struct uiommu_uapi_device_io *io; /* PCI; copied */
	const struct uiommu_uapi_platform_io
		*platform; /* platform; outlives it, with all it points to */

	/*
	 * The driver that the device has without us.  @native_unbind and @native_bind let go of it and take it
	 * back (uiommu_device_unbind_driver(), _bind_driver()) where somebody asks for that; NULL: it has none.
	 */
	const char *native_driver;
	bool native_bound; /* it has the device now */
	int (*native_bind)(void *context);
	void (*native_unbind)(void *context);
	void *context;
};

struct uiommu_uapi_device; /* a device that the ABI knows */

/** uiommu_uapi_add_device() - 0; -UIOMMU_EINVAL: no way to it; -UIOMMU_EEXIST: it is known; -UIOMMU_ENOMEM */
UIOMMU_API int uiommu_uapi_add_device(struct uiommu_uapi *uapi,
				      const struct uiommu_uapi_device_config *config,
				      struct uiommu_uapi_device **out);
/** uiommu_uapi_remove_device() - it is unplugged: waits as uiommu_uapi_unbind_driver() does; NULL does nothing */
UIOMMU_API void uiommu_uapi_remove_device(struct uiommu_uapi_device *device);
/** uiommu_uapi_find_device() - by its name; NULL: there is none */
UIOMMU_API struct uiommu_uapi_device *uiommu_uapi_find_device(struct uiommu_uapi *uapi,
							      const char *name);

/**
 * uiommu_uapi_bind_driver() - let @driver have the device
 * @driver: "vfio-pci", "vfio-platform", or the device's own
 *
 * With a VFIO driver the device's group, and its cdev unless it has no IOMMU, can be opened from now on.
 *
 * Return: 0; -UIOMMU_EBUSY: it has a driver; -UIOMMU_ENODEV: no driver of that name for this bus; -UIOMMU_EINVAL: there is no
 * IOMMU and no-IOMMU mode is off, or DMA would not be coherent; errors of uiommu_device_bind_driver().
 */
UIOMMU_API int uiommu_uapi_bind_driver(struct uiommu_uapi_device *device, const char *driver);
/**
 * uiommu_uapi_unbind_driver() - take the device back
 *
 * Waits until its last user has closed it, asking by the REQ interrupt at once and every ten seconds; so another
 * thread has to close.  Return: 0; -UIOMMU_ENODEV: it has no driver.
 */
UIOMMU_API int uiommu_uapi_unbind_driver(struct uiommu_uapi_device *device);
/** uiommu_uapi_device_name() - as programs know it: what GET_DEVICE_FD takes */
UIOMMU_API const char *uiommu_uapi_device_name(const struct uiommu_uapi_device *device);
/** uiommu_uapi_device_driver() - the name of its driver, NULL: none */
UIOMMU_API const char *uiommu_uapi_device_driver(const struct uiommu_uapi_device *device);
/** uiommu_uapi_device_group_path() - its group's file, "/dev/vfio/7": bytes without NUL; -UIOMMU_ENODEV: no VFIO driver */
UIOMMU_API int uiommu_uapi_device_group_path(const struct uiommu_uapi_device *device, char *path,
					     size_t size);
/** uiommu_uapi_device_cdev_path() - its own file, "/dev/vfio/devices/vfio0"; likewise, and without IOMMU there is none */
UIOMMU_API int uiommu_uapi_device_cdev_path(const struct uiommu_uapi_device *device, char *path,
					    size_t size);

/* ---- mediated devices -------------------------------------------------------------------------- */

/*
 * Devices that exist in software only: a driver of the library plays them, and reaches a program's memory by pages that it
 * pins.  Each is in a group of its own that no IOMMU stands behind; programs open it by that group, whose container has to have
 * an IOMMU type, or by its cdev and an iommufd.  The only driver is a DMA engine that copies memory; its registers are those of
 * spec/mdma.h.
 */
struct uiommu_uapi_mdev;

struct uiommu_uapi_mdev_type {
	const char *id; /* "mdma-8" */
	const char *name;
	const char *description;
	const char *device_api; /* "vfio-platform" */
	unsigned int pages; /* that it keeps pinned at most; at least 2 */
};

/** uiommu_uapi_mdev_types() - all that there are; the last has no id */
UIOMMU_API const struct uiommu_uapi_mdev_type *uiommu_uapi_mdev_types(void);
/** uiommu_uapi_mdev_available() - so many more can be created, of whatever type */
UIOMMU_API unsigned int uiommu_uapi_mdev_available(struct uiommu_uapi *uapi);
/**
 * uiommu_uapi_mdev_create() - what a write to a type's "create" does
 * @uuid: "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", in letters of either size; the device's name is in small ones
 *
 * Return: 0; -UIOMMU_ENOENT: no such type; -UIOMMU_EINVAL: not a UUID; -UIOMMU_EEXIST: there is such a device; -87 (EUSERS): no
 * more are available; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_uapi_mdev_create(struct uiommu_uapi *uapi, const char *type, const char *uuid,
				       struct uiommu_uapi_mdev **out);
/** uiommu_uapi_mdev_remove() - its end; waits until its last user has closed it, so another thread has to */
UIOMMU_API void uiommu_uapi_mdev_remove(struct uiommu_uapi_mdev *mdev);
/** uiommu_uapi_mdev_find() - by its UUID, in small letters; NULL: there is none */
UIOMMU_API struct uiommu_uapi_mdev *uiommu_uapi_mdev_find(struct uiommu_uapi *uapi,
							  const char *uuid);
UIOMMU_API const struct uiommu_uapi_mdev_type *
uiommu_uapi_mdev_type(const struct uiommu_uapi_mdev *mdev);
/** uiommu_uapi_mdev_group_path() - its group's file: bytes without NUL, as snprintf() */
UIOMMU_API int uiommu_uapi_mdev_group_path(const struct uiommu_uapi_mdev *mdev, char *path,
					   size_t size);
/** uiommu_uapi_mdev_cdev_path() - its own file; likewise */
UIOMMU_API int uiommu_uapi_mdev_cdev_path(const struct uiommu_uapi_mdev *mdev, char *path,
					  size_t size);

/* ---- resets of platform devices ---------------------------------------------------------------- */

/*
 * No standard says how a platform device is reset, so functions are registered by the device's "compatible".  vfio-platform
 * looks for one when it binds, and calls it at the first open, after the last close, and for VFIO_DEVICE_RESET.
 */

/* The device that a function resets, valid during the call. */
struct uiommu_uapi_platform_reset {
	const char *name;
	const char *compatible;
	const struct uiommu_uapi_platform_region *regions;
	unsigned int num_regions;
	/* A region's registers, before they are accessed; as often as one likes.  0 or -UIOMMU_ENOMEM. */
	int (*map)(struct uiommu_uapi_platform_reset *reset, unsigned int region);
	/* 32 bits. */
	uint32_t (*read)(struct uiommu_uapi_platform_reset *reset, unsigned int region,
			 uint64_t offset);
	void (*write)(struct uiommu_uapi_platform_reset *reset, unsigned int region,
		      uint64_t offset, uint32_t value);
	uint32_t (*read_relaxed)(struct uiommu_uapi_platform_reset *reset, unsigned int region,
				 uint64_t offset);
	void (*write_relaxed)(struct uiommu_uapi_platform_reset *reset, unsigned int region,
			      uint64_t offset, uint32_t value);
	void (*delay)(struct uiommu_uapi_platform_reset *reset, uint64_t ns);
	/* One line, the device's name is put before it. */
	void (*log)(struct uiommu_uapi_platform_reset *reset, enum uiommu_log_level level,
		    const char *line);
	void *context; /* the library's */
};

/* 0, or a negative error, which fails the open of a device that has to be reset. */
typedef int (*uiommu_uapi_platform_reset_fn)(struct uiommu_uapi_platform_reset *reset);

/**
 * uiommu_uapi_register_platform_reset() - a function for devices of this kind
 * @compatible: copied
 * @function: called with a device opened or closed, not twice at once for one device
 * @notice: logged once, when a device is first reset by it: that it is deprecated, say; copied; NULL: none
 *
 * Of several for one @compatible the newest is found.  Devices that are bound keep the one that they have found.
 *
 * Return: 0; -UIOMMU_EINVAL: no name or function; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_uapi_register_platform_reset(struct uiommu_uapi *uapi, const char *compatible,
						   uiommu_uapi_platform_reset_fn function,
						   const char *notice);
/**
 * uiommu_uapi_unregister_platform_reset() - the newest registration of exactly this pair ends
 *
 * Return: 0; -UIOMMU_ENOENT: there is none, and nothing is done; -UIOMMU_EBUSY: a device with vfio-platform has it, and
 * nothing is done.
 */
UIOMMU_API int uiommu_uapi_unregister_platform_reset(struct uiommu_uapi *uapi,
						     const char *compatible,
						     uiommu_uapi_platform_reset_fn function);
/**
 * uiommu_uapi_load_platform_reset() - register the library's own function
 * @module: "vfio-reset:brcm,iproc-flexrm-mbox", "vfio-reset:calxeda,hb-xgmac", "vfio-reset:amd,xgbe-seattle-v1a"
 *
 * Return: 0, also when it has been registered before; -UIOMMU_ENOENT: it has none of this name; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_uapi_load_platform_reset(struct uiommu_uapi *uapi, const char *module);

/* ---- files ------------------------------------------------------------------------------------- */

/**
 * uiommu_uapi_open() - open a file of the ABI
 * @path: "/dev/iommu", "/dev/vfio/vfio", "/dev/vfio/N", "/dev/vfio/noiommu-N", "/dev/vfio/devices/vfioN"
 *
 * Return: a descriptor; -UIOMMU_ENOENT: no such file; -UIOMMU_ENODEV, -UIOMMU_EPERM, -UIOMMU_EBUSY as the file says; -UIOMMU_ENOMEM.
 */
UIOMMU_API int uiommu_uapi_open(struct uiommu_uapi_process *process, const char *path);
UIOMMU_API int uiommu_uapi_close(struct uiommu_uapi_process *process, int fd);
UIOMMU_API int uiommu_uapi_dup(struct uiommu_uapi_process *process, int fd);

/** uiommu_uapi_ioctl() - @argument is the command's: a pointer or a number */
UIOMMU_API long uiommu_uapi_ioctl(struct uiommu_uapi_process *process, int fd,
				  unsigned long command, uintptr_t argument);
UIOMMU_API long uiommu_uapi_read(struct uiommu_uapi_process *process, int fd, void *buffer,
				 size_t size);
UIOMMU_API long uiommu_uapi_write(struct uiommu_uapi_process *process, int fd, const void *buffer,
				  size_t size);
UIOMMU_API long uiommu_uapi_pread(struct uiommu_uapi_process *process, int fd, void *buffer,
				  size_t size, uint64_t offset);
UIOMMU_API long uiommu_uapi_pwrite(struct uiommu_uapi_process *process, int fd, const void *buffer,
				   size_t size, uint64_t offset);
/**
 * uiommu_uapi_mmap() - a pointer to what is at @offset of a file
 *
 * It is the device's memory, not a mapping: valid until the descriptor's last copy is closed.
 *
 * Return: 0; -UIOMMU_ENODEV: files of this kind are not mapped; -UIOMMU_EINVAL: nothing there that can be, which REGION_INFO
 * tells; -UIOMMU_ENXIO: there is nothing in /dev/iommu.
 */
UIOMMU_API int uiommu_uapi_mmap(struct uiommu_uapi_process *process, int fd, uint64_t offset,
				size_t size, void **out);
/** uiommu_uapi_poll() - POLLIN and POLLOUT of poll.h that hold now; never waits; -EBADF */
UIOMMU_API int uiommu_uapi_poll(struct uiommu_uapi_process *process, int fd);

/* ---- /sys and /dev ----------------------------------------------------------------------------- */

/*
 * The files that tell programs what devices there are and give these to a driver: those of Linux's sysfs, and the
 * nodes under /dev, as far as they are about devices, their IOMMUs, groups and VFIO.  They are generated at each call from what
 * there is then; nothing is opened or kept, so that two calls may see two states, as with files.
 *
 * Paths are absolute and may have ".", "..", repeated slashes and links on the way.  Files belong to user 0
 * (struct uiommu_uapi_process_config) and others get what their mode says.  docs/USER-ABI.md lists what is there.
 *
 * Errors of all: -ENOENT: no such path, or not absolute; -ENOTDIR: a file is taken for a directory; -ELOOP; -ENAMETOOLONG (from
 * 4096 bytes); -UIOMMU_ENOMEM.
 */
enum uiommu_uapi_node_kind {
	UIOMMU_UAPI_NODE_DIRECTORY = 1,
	UIOMMU_UAPI_NODE_FILE,
	UIOMMU_UAPI_NODE_LINK,
	UIOMMU_UAPI_NODE_CHAR_DEVICE, /* what uiommu_uapi_open() opens */
};

struct uiommu_uapi_stat {
	enum uiommu_uapi_node_kind kind;
	unsigned int mode; /* permissions, without the kind: 0644 */
	uint64_t size; /* bytes; a text file says 4096 whatever it holds */
	uint64_t inode; /* another for each path that is not a link's, the same as long as the path is there */
	unsigned int device_major, device_minor; /* of a character device */
};

/** uiommu_uapi_sysfs_stat() - what is at @path, at the end of links; 0 */
UIOMMU_API int uiommu_uapi_sysfs_stat(struct uiommu_uapi *uapi, const char *path,
				      struct uiommu_uapi_stat *out);
/** uiommu_uapi_sysfs_lstat() - the same of a link itself, if the last part of @path is one */
UIOMMU_API int uiommu_uapi_sysfs_lstat(struct uiommu_uapi *uapi, const char *path,
				       struct uiommu_uapi_stat *out);

/**
 * uiommu_uapi_sysfs_readlink() - a link's text, relative to where it is
 *
 * Return: bytes, without a NUL, as many as fit; -UIOMMU_EINVAL: not a link, or @size is 0.
 */
UIOMMU_API long uiommu_uapi_sysfs_readlink(struct uiommu_uapi *uapi, const char *path, char *buffer,
					   size_t size);
/**
 * uiommu_uapi_sysfs_realpath() - the same place without links, dots and repeated slashes
 *
 * Return: bytes, without the NUL that follows them; -UIOMMU_ERANGE: they do not fit.
 */
UIOMMU_API long uiommu_uapi_sysfs_realpath(struct uiommu_uapi *uapi, const char *path, char *buffer,
					   size_t size);

struct uiommu_uapi_entry {
	const char *name; /* valid during the call */
	enum uiommu_uapi_node_kind kind;
	uint64_t inode;
};

/**
 * uiommu_uapi_sysfs_list() - what is in a directory, without "." and ".."
 * @visit: called in an order that stays as long as nothing changes, with no lock held; a value other than 0 ends it
 *
 * Return: what @visit returned last, 0 for an empty directory.
 */
UIOMMU_API int uiommu_uapi_sysfs_list(struct uiommu_uapi *uapi, const char *path,
				      int (*visit)(const struct uiommu_uapi_entry *entry,
						   void *context),
				      void *context);

enum uiommu_uapi_access {
	UIOMMU_UAPI_MAY_WRITE = 2, /* W_OK and R_OK of unistd.h */
	UIOMMU_UAPI_MAY_READ = 4,
};

/** uiommu_uapi_sysfs_access() - may it be opened so: 0; -EACCES; 0 in @mode: is it there */
UIOMMU_API int uiommu_uapi_sysfs_access(struct uiommu_uapi_process *process, const char *path,
					unsigned int mode);

/**
 * uiommu_uapi_sysfs_read() - pread() of a file
 *
 * Return: bytes, 0 at the end; -EACCES; -EISDIR; -UIOMMU_EINVAL: a device node; what the file says.
 */
UIOMMU_API long uiommu_uapi_sysfs_read(struct uiommu_uapi_process *process, const char *path,
				       void *buffer, size_t size, uint64_t offset);
/**
 * uiommu_uapi_sysfs_write() - pwrite() of a file; a text file takes the whole text at once, whatever @offset
 *
 * Taking a driver's device away waits until its last user has closed it.  Return: bytes; -EACCES; -EISDIR;
 * -UIOMMU_EINVAL: a device node; what the file says.
 */
UIOMMU_API long uiommu_uapi_sysfs_write(struct uiommu_uapi_process *process, const char *path,
					const void *data, size_t size, uint64_t offset);
/**
 * uiommu_uapi_sysfs_mmap() - a pointer to a device's memory, by way of resourceN
 *
 * Valid as long as the device is there.  Return: 0; -EACCES; -UIOMMU_ENODEV: not such a file, or its host lets nobody use
 * the memory directly; -UIOMMU_EINVAL: beyond the end.
 */
UIOMMU_API int uiommu_uapi_sysfs_mmap(struct uiommu_uapi_process *process, const char *path,
				      uint64_t offset, size_t size, void **out);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_UAPI_H */
