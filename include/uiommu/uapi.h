/* SPDX-License-Identifier: MIT */
/*
 * uiommu/uapi.h - Linux's user ABI for devices (VFIO and iommufd) over a system, inside a process
 *
 * A struct uiommu_uapi is what stands behind /dev/iommu of one system; VFIO's files are not there yet.  A struct
 * uiommu_uapi_process is somebody who opens them: it has rights, a limit of locked memory, and a table of
 * file descriptors of its own.  The calls are those of a program: open, ioctl, read, write,
 * poll, close.  Commands, structures, results and the order of checks are Linux's; their numbers and layouts are
 * those of <linux/iommufd.h>, which a caller includes.
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

	/* Can the device's interrupts reach nobody else's handlers?  NULL: yes, of every device. */
	bool (*isolated_msi)(void *context, struct uiommu_device *dev);
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
 * What programs will reach of a device's own: configuration space and memory.  The core knows neither; a host that
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
	/* A function-level reset, with configuration space saved and restored; NULL: it has none. */
	int (*reset)(void *context);
	/*
	 * Interrupt messages of the device go to @deliver, by vector; NULL: it sends none.  0 @vectors: no longer.
	 * 0; so many there are, which is less; or an error.
	 */
	int (*set_msi)(void *context, unsigned int vectors,
		       void (*deliver)(void *token, unsigned int vector), void *token);
	/*
	 * The device asserts its interrupt pin, which configuration space's status shows as long as it lasts;
	 * NULL, both: nobody hears.  NULL, @deliver: no longer.
	 */
	int (*set_intx)(void *context, void (*deliver)(void *token), void *token);
	void *context; /* lives as long as the device has the driver */
};

/* ---- files ------------------------------------------------------------------------------------- */

/** uiommu_uapi_open() - "/dev/iommu": a descriptor >= 0; -UIOMMU_ENOENT: no such file; -UIOMMU_ENOMEM */
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
/** uiommu_uapi_poll() - POLLIN and POLLOUT of poll.h that hold now; never waits; -EBADF */
UIOMMU_API int uiommu_uapi_poll(struct uiommu_uapi_process *process, int fd);

#ifdef __cplusplus
}
#endif
#endif /* UIOMMU_UAPI_H */
