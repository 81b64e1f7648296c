/* SPDX-License-Identifier: MIT */
/*
 * uapi.h - what the files of the user ABI share: the front, processes, open files
 *
 * Locks, outermost first, all of them outside the core's: a process's descriptor table is a leaf and never held
 * over a file's operation; the locks of iommufd contexts, containers and groups are said in their headers.
 */
#ifndef UIOMMU_SRC_UAPI_UAPI_H
#define UIOMMU_SRC_UAPI_UAPI_H

#include <stdatomic.h>
#include <string.h>

#include <uiommu/driver.h>
#include <uiommu/uapi.h>

/* Errors of the ABI that the library itself does not have; Linux's numbers. */
enum uapi_error {
	UAPI_EACCES = 13,
	UAPI_EBADF = 9,
	UAPI_ENOTTY = 25,
	UAPI_EMFILE = 24,
	UAPI_ESPIPE = 29,
	UAPI_EDEADLK = 35,
	UAPI_EUSERS = 87,
	UAPI_EMSGSIZE = 90,
	UAPI_EBADFD = 77,
};

/* What poll tells, as Linux does. */
enum uapi_poll {
	UAPI_POLLIN = 0x1 | 0x40, /* POLLRDNORM */
	UAPI_POLLOUT = 0x4,
};

#define UAPI_PAGE UINT64_C(4096)
#define UAPI_MAX_FILES 1024

struct uapi_file;

struct platform_reset_entry;

struct uapi_file_ops {
	const char *name; /* for people: "[iommufd-pgfault]" */
	bool seekable; /* read and write move a position; else they are at 0 */
	long (*ioctl)(struct uapi_file *file, struct uiommu_uapi_process *caller, uint32_t command,
		      uintptr_t argument);
	/* NULL: -EINVAL. */
	long (*read)(struct uapi_file *file, void *buffer, size_t size, uint64_t offset);
	long (*write)(struct uapi_file *file, const void *buffer, size_t size, uint64_t offset);
	/* A pointer to what is there: 0, -EINVAL. NULL: -ENODEV. */
	int (*map)(struct uapi_file *file, uint64_t offset, size_t size, void **out);
	/* NULL: always ready. */
	int (*poll)(struct uapi_file *file);
	/* The last descriptor and the last reference are gone. */
	void (*release)(struct uapi_file *file);
};

/* An open file; @object is what its operations work on. */
struct uapi_file {
	const struct uapi_file_ops *ops;
	struct uiommu_uapi *uapi;
	void *object;
	_Atomic(unsigned int) refs;
	_Atomic(uint64_t) position;
};

/* Pages that processes of one user have pinned, for limits that are a user's. */
struct uapi_user {
	struct uapi_user *next;
	uint32_t id;
	unsigned int refs;
	uint64_t pinned; /* pages */
};

struct uiommu_uapi {
	struct uiommu_uapi_config config;
	struct uiommu_system *sys;
	void *host;
	struct uiommu_mutex lock; /* users, and what is listed here; a leaf */
	struct uapi_user *users;
	_Atomic(unsigned int) processes;
	struct uapi_vfio *vfio; /* devices and groups with a VFIO driver */
	struct platform_reset_entry *platform_resets; /* platform_reset.c */
};

struct uiommu_uapi_process {
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process_config config;
	_Atomic(unsigned int) capabilities;
	_Atomic(unsigned int) refs; /* itself, and everything that is charged to it */
	struct uapi_user *user;
	struct uiommu_mutex lock; /* files; a leaf */
	uint64_t locked; /* pages charged to the process; uapi->lock */
	struct uapi_file *files[UAPI_MAX_FILES];
};

static inline void *uapi_alloc(struct uiommu_uapi *uapi, size_t size)
{
	return uiommu_port_alloc(uapi->host, size);
}

static inline void uapi_free(struct uiommu_uapi *uapi, void *mem, size_t size)
{
	if (mem)
		uiommu_port_free(uapi->host, mem, size);
}

static inline void uapi_lock(struct uiommu_uapi *uapi, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_lock(uapi->host, mutex);
}

static inline void uapi_unlock(struct uiommu_uapi *uapi, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_unlock(uapi->host, mutex);
}

static inline int uapi_read_user(struct uiommu_uapi *uapi, void *to, uint64_t from, size_t size)
{
	return uiommu_port_user_read(uapi->host, to, from, size);
}

static inline int uapi_write_user(struct uiommu_uapi *uapi, uint64_t to, const void *from,
				  size_t size)
{
	return uiommu_port_user_write(uapi->host, to, from, size);
}

/* Options of the configuration that a write to their file under /sys may change at any time. */
static inline bool uapi_option(const bool *option)
{
	return __atomic_load_n(option, __ATOMIC_RELAXED);
}

static inline bool uapi_capable(struct uiommu_uapi_process *process, unsigned int capability)
{
	return atomic_load(&process->capabilities) & capability;
}

/* ---- process.c: files and descriptors ---------------------------------------------------------- */

/* A file with one reference, the caller's. NULL: no memory. */
struct uapi_file *uiommu_uapi_file_create(struct uiommu_uapi *uapi, const struct uapi_file_ops *ops,
					  void *object);
void uiommu_uapi_file_get(struct uapi_file *file);
void uiommu_uapi_file_put(struct uapi_file *file);
/* The descriptor's file with a reference; NULL: none is open there. */
struct uapi_file *uiommu_uapi_fd_get(struct uiommu_uapi_process *process, int fd);
/* Gives @file, whose reference becomes the descriptor's, the lowest free descriptor. -EMFILE: untouched. */
int uiommu_uapi_fd_install(struct uiommu_uapi_process *process, struct uapi_file *file);

void uiommu_uapi_process_get(struct uiommu_uapi_process *process);
void uiommu_uapi_process_put(struct uiommu_uapi_process *process);

/* ---- account.c: locked memory ------------------------------------------------------------------ */

enum uapi_account {
	UAPI_ACCOUNT_NONE,
	UAPI_ACCOUNT_USER, /* iommufd's default: a limit per user */
	UAPI_ACCOUNT_PROCESS, /* VFIO's: a limit per process */
};

/* 0 or -UIOMMU_ENOMEM: over the limit.  @exempt: with CAP_IPC_LOCK, counted and not limited. */
int uiommu_uapi_charge(struct uiommu_uapi_process *process, enum uapi_account account,
		       uint64_t pages, bool exempt);
void uiommu_uapi_uncharge(struct uiommu_uapi_process *process, enum uapi_account account,
			  uint64_t pages);
/* Both at once, from one process to another. */
int uiommu_uapi_charge_move(struct uiommu_uapi_process *from, struct uiommu_uapi_process *to,
			    enum uapi_account account, uint64_t pages, bool exempt);

/* ---- the device files -------------------------------------------------------------------------- */

/* iommufd.c */
int uiommu_uapi_iommufd_open(struct uiommu_uapi_process *process, bool as_container,
			     struct uapi_file **out);

#endif /* UIOMMU_SRC_UAPI_UAPI_H */
