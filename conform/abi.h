/* SPDX-License-Identifier: MIT */
/*
 * abi.h - Linux's user ABI, as a scenario about it uses it
 *
 * A scenario with the flag CONFORM_UAPI makes the calls of a program: it opens files, gives commands, and
 * looks at what devices reach.  subject_boot() (or abi_start(), which does that if nobody has) makes the machine,
 * abi_start() what stands behind /dev/iommu and /dev/vfio, and a process with all rights and no limits; abi_end()
 * takes it away, and checks that no pin and no object of it stays.
 *
 * Two kinds of helpers.  Those with a result that is not an int errno, or said to "fail the scenario", check for
 * themselves (and make a call once more that the sweep of failing allocations made fail).  The others return
 * 0, or what the call returns, or a negative errno, and stand inside of CHECK_OK(), CHECK_RC() or CHECK_FD(), which
 * make the call again under the sweep: so arguments are values, never read-and-written structs of the scenario's.
 *
 * Every call goes through abi_call(), where a saboteur may stand in between.  Memory of the program that
 * devices may reach comes from subject_buffer(): with a :uapi subject it is plain memory until somebody pins it, and a
 * strict model reports a DMA to what is not pinned.
 *
 * Thread-safety: calls that name a process may come from any thread (struct abi_call, abi_call()); those with a
 * struct abi use its current process, which is changed by abi_become() and by nobody else.
 */
#ifndef CONFORM_ABI_H
#define CONFORM_ABI_H

#include <uiommu/abi_iommufd.h>
#include <uiommu/abi_vfio.h>
#include <uiommu/uapi.h>

#include "conform/conform.h"

/* Numbers of Linux that the library's enum uiommu_error has not. */
enum abi_errno {
	ABI_EBADF = 9,
	ABI_EACCES = 13,
	ABI_EMFILE = 24,
	ABI_ENOTTY = 25,
	ABI_ESPIPE = 29,
	ABI_EDEADLK = 35,
	ABI_EBADFD = 77,
	ABI_EMSGSIZE = 90,
};

#define ABI_PAGE UINT64_C(4096)
#define ABI_DEVICES 16

#define ABI_R ABI_IOMMU_IOAS_MAP_READABLE
#define ABI_W ABI_IOMMU_IOAS_MAP_WRITEABLE
#define ABI_RW (ABI_R | ABI_W)

/* A machine's device, as the user ABI knows it. */
struct abi_device {
	struct abi *abi;
	const char *label;
	struct machine_device *machine; /* does the DMA */
	struct uiommu_device *dev;
	struct uiommu_uapi_device *device;
	int cdev; /* abi_bind()'s descriptor; -1: none */
	uint32_t devid; /* its number in the iommufd */
};

struct abi {
	struct subject *s;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process *process; /* who makes the calls; see abi_become() */

	/* The helpers' own. */
	struct uiommu_uapi_process *processes[8];
	struct abi_device devices[ABI_DEVICES];
	unsigned int num_devices;
	struct uiommu_posix_usage before;
	const void *read_only; /* abi_read_only() */
	uint64_t read_only_size;
	void (*on_unpin)(void *context, uint64_t phys, uint64_t size); /* abi_watch_unpin() */
	void *on_unpin_context;
};

/* ---- the whole --------------------------------------------------------------------------------- */

/* What stands behind the files; @config's sys is filled in, NULL: all defaults.  Fails the scenario. */
struct abi *abi_start(struct subject *s, const struct uiommu_uapi_config *config);
/* Processes exit, devices are removed, all is gone; fails the scenario if anything stays. */
void abi_end(struct abi *a);
/* The same without a check; for the runner, where a scenario ends early. */
void abi_stop(struct subject *s);

/* One more process, which does not become the current one.  abi_end() and abi_exit() end it.  Fails the scenario. */
struct uiommu_uapi_process *abi_process(struct abi *a, unsigned int capabilities, uint64_t memlock,
					uint32_t user);
/* The process makes the calls from now on; returns who did so far. */
struct uiommu_uapi_process *abi_become(struct abi *a, struct uiommu_uapi_process *process);
void abi_exit(struct abi *a, struct uiommu_uapi_process *process);

/*
 * From now on writes to [@mem, @mem + size) of the program's memory fail, as those to a page that may only be
 * read: what the ABI copies out there does not arrive.  NULL: no longer.
 */
void abi_read_only(struct abi *a, const void *mem, uint64_t size);
/* A page that is not there: for -EFAULT. */
#define ABI_NOWHERE UINT64_C(0x1000)

/*
 * @seen is called when pages of the program have just been given back: so it may look whether a device still gets
 * there.  Locks of the library are held: DMA and checks only.
 */
void abi_watch_unpin(struct abi *a, void (*seen)(void *context, uint64_t phys, uint64_t size),
		     void *context);

/* ---- calls ------------------------------------------------------------------------------------- */

enum abi_op {
	ABI_OPEN,
	ABI_CLOSE,
	ABI_DUP,
	ABI_IOCTL,
	ABI_READ,
	ABI_WRITE,
	ABI_PREAD,
	ABI_PWRITE,
	ABI_MMAP,
	ABI_POLL,
	ABI_BIND_DRIVER, /* of a device, by the host or by sysfs */
	ABI_UNBIND_DRIVER,
};

/* One call on its way; a saboteur alters it, makes it (once, never, or others beside), and sets @rc. */
struct abi_call {
	struct subject *s;
	enum abi_op op;
	struct uiommu_uapi_process *process;
	int fd;
	const char *path; /* open; bind: the driver's name */
	unsigned long command; /* ioctl */
	uintptr_t argument;
	void *buffer; /* read, write */
	size_t size;
	uint64_t offset; /* pread, pwrite, mmap */
	void *mapped; /* mmap: result */
	struct uiommu_uapi_device *device; /* bind, unbind */
	long rc;
};

/* The call with the saboteur in between; returns rc. */
long abi_call(struct abi_call *call);
/* The call itself. */
long abi_call_real(struct abi_call *call);

int abi_open(struct abi *a, const char *path); /* a descriptor, -errno */
int abi_close(struct abi *a, int fd);
int abi_dup(struct abi *a, int fd);
/* @argument: the command's struct, which may be changed by the call, as far as the command says so. */
int abi_ioctl(struct abi *a, int fd, unsigned long command, const void *argument);
/* For commands whose argument is a number, and for pointers that lead nowhere. */
int abi_ioctl_number(struct abi *a, int fd, unsigned long command, uint64_t argument);
int abi_read(struct abi *a, int fd, void *buffer, size_t size);
int abi_write(struct abi *a, int fd, const void *buffer, size_t size);
int abi_pread(struct abi *a, int fd, void *buffer, size_t size, uint64_t offset);
int abi_pwrite(struct abi *a, int fd, const void *buffer, size_t size, uint64_t offset);
int abi_mmap(struct abi *a, int fd, uint64_t offset, size_t size, void **out);
int abi_poll(struct abi *a, int fd);

/* CHECK_FD(s, abi_open(a, path), &fd): the call returns a descriptor. */
#define CHECK_FD(s, call, fd)                                                          \
	do {                                                                           \
		struct conform_call conform_call;                                      \
		do                                                                     \
			conform_call_begin(s, &conform_call);                          \
		while (conform_call_again(s, &conform_call, __FILE__, __LINE__, #call, \
					  (*(fd) = (call)) < 0 ? *(fd) : 0, 0));       \
	} while (0)

/* ---- devices and drivers ----------------------------------------------------------------------- */

/* The ABI is told of the machine's device, which no driver has then; the same one again later.  Fails the scenario. */
struct abi_device *abi_device(struct abi *a, const char *label);
int abi_bind_driver(struct abi_device *d, const char *driver); /* "vfio-pci", "machine-dma" */
int abi_unbind_driver(struct abi_device *d);
/* Which of VFIO's drivers is for its bus. */
const char *abi_vfio_driver(const struct abi_device *d);
/* It is unplugged, as far as the ABI is concerned; waits for its users. */
void abi_remove_device(struct abi_device *d);
/* Memory and bus master on, through an open device: off is how it comes.  abi_bind() has done it.  Fails the scenario. */
void abi_enable(struct abi_device *d, int fd);
/*
 * The device with vfio-pci, or vfio-platform if it is on no bus, which it gets if it has no driver: the latter only without
 * reset function if the configuration says so.  Fails the scenario.
 */
struct abi_device *abi_vfio_device(struct abi *a, const char *label);

/* ---- iommufd, and devices by their cdev -------------------------------------------------------- */

int abi_iommufd(struct abi *a); /* /dev/iommu; fails the scenario */
uint32_t abi_ioas(struct abi *a, int iommufd); /* IOAS_ALLOC; fails the scenario */
int abi_destroy(struct abi *a, int iommufd, uint32_t id);

/* vfio-pci, the cdev opened and bound to the iommufd: d->cdev, d->devid.  Fails the scenario. */
struct abi_device *abi_bind(struct abi *a, int iommufd, const char *label);
/* Close the cdev that abi_bind() opened: detached and unbound.  Fails the scenario. */
void abi_unbind(struct abi_device *d);
/* The steps of it. */
int abi_open_cdev(struct abi_device *d); /* a descriptor; -UIOMMU_ENODEV */
int abi_bind_iommufd(struct abi *a, int cdev, int iommufd, uint32_t *devid);
/* *pt_id: an IOAS or HWPT; after success the HWPT; untouched after an error. */
int abi_attach(struct abi *a, int cdev, uint32_t *pt_id);
int abi_detach(struct abi *a, int cdev);
int abi_attach_pasid(struct abi *a, int cdev, uint32_t pasid, uint32_t *pt_id);
int abi_detach_pasid(struct abi *a, int cdev, uint32_t pasid);
/* Attach to @pt_id; fails the scenario; the HWPT. */
uint32_t abi_attached(struct abi_device *d, uint32_t pt_id);

/* IOAS_MAP with FIXED_IOVA; @flags: ABI_R, ABI_W. */
int abi_map(struct abi *a, int iommufd, uint32_t ioas, uint64_t iova, const void *mem,
	    uint64_t length, unsigned int flags);
/* Without: *iova is chosen. */
int abi_map_anywhere(struct abi *a, int iommufd, uint32_t ioas, const void *mem, uint64_t length,
		     unsigned int flags, uint64_t *iova);
/* @gone: bytes that are, also after an error as far as the command says; may be NULL. */
int abi_unmap(struct abi *a, int iommufd, uint32_t ioas, uint64_t iova, uint64_t length,
	      uint64_t *gone);
int abi_copy(struct abi *a, int iommufd, uint32_t to, uint64_t to_iova, uint32_t from,
	     uint64_t from_iova, uint64_t length, unsigned int flags);
/* HWPT_ALLOC of a paging one; @flags: enum abi_iommu_hwpt_alloc_flags. */
int abi_hwpt(struct abi *a, int iommufd, uint32_t devid, uint32_t ioas, unsigned int flags,
	     uint32_t *hwpt);
int abi_set_dirty_tracking(struct abi *a, int iommufd, uint32_t hwpt, bool on);
int abi_get_dirty(struct abi *a, int iommufd, uint32_t hwpt, uint64_t iova, uint64_t length,
		  uint64_t page_size, unsigned int flags, void *bitmap);
int abi_option(struct abi *a, int iommufd, uint32_t option, uint32_t object, uint16_t op,
	       uint64_t *value);

/* ---- groups and containers --------------------------------------------------------------------- */

/* The device's group's file opened, after vfio-pci got the device: a descriptor.  Fails the scenario. */
int abi_group(struct abi *a, const char *label);
int abi_open_group(struct abi_device *d); /* a descriptor; -errno */
/* /dev/vfio/vfio with the group in it and an IOMMU of @type (3: type1 v2): a descriptor.  Fails the scenario. */
int abi_container(struct abi *a, int group, unsigned int type);
int abi_set_container(struct abi *a, int group, int container);
int abi_unset_container(struct abi *a, int group);
int abi_set_iommu(struct abi *a, int container, unsigned int type);
int abi_group_flags(struct abi *a, int group, uint32_t *flags); /* GROUP_GET_STATUS */
/* GROUP_GET_DEVICE_FD: a descriptor; -errno. */
int abi_group_device(struct abi *a, int group, const struct abi_device *d);
/* @flags: enum abi_vfio_dma_map_flags */
int abi_map_dma(struct abi *a, int container, uint64_t iova, const void *mem, uint64_t size,
		unsigned int flags);
int abi_unmap_dma(struct abi *a, int container, uint64_t iova, uint64_t size, unsigned int flags,
		  uint64_t *gone);

/* ---- DMA --------------------------------------------------------------------------------------- */

/* subject_dma_reaches() and blocked() with an address in the program. */
void abi_reaches(struct abi_device *d, uint64_t iova, const void *mem, unsigned int prot);
void abi_blocked(struct abi_device *d, uint64_t iova, const void *mem);
void abi_pasid_reaches(struct abi_device *d, uint32_t pasid, uint64_t iova, const void *mem,
		       unsigned int prot);
void abi_pasid_blocked(struct abi_device *d, uint32_t pasid, uint64_t iova, const void *mem);
/* 4096-byte pages that are pinned now, by whomever. */
uint64_t abi_pins(struct abi *a);

#endif /* CONFORM_ABI_H */
