/* SPDX-License-Identifier: MIT */
/* process.c - the front of the user ABI: processes, their descriptors, open files */
#include "src/uapi/platform.h"
#include "src/uapi/uapi.h"
#include "src/uapi/mdev.h"
#include "src/uapi/vfio.h"

/* ---- the front --------------------------------------------------------------------------------- */

int uiommu_uapi_create(const struct uiommu_uapi_config *config, struct uiommu_uapi **out)
{
	struct uiommu_uapi *uapi;
	void *host;

	*out = NULL;
	if (!config->sys)
		return -UIOMMU_EINVAL;
	host = uiommu_system_host(config->sys);
	uapi = uiommu_port_alloc(host, sizeof(*uapi));
	if (!uapi)
		return -UIOMMU_ENOMEM;
	uapi->config = *config;
	uapi->sys = config->sys;
	uapi->host = host;
	if (uiommu_port_mutex_init(host, &uapi->lock))
		goto err;
	if (uiommu_vfio_create(uapi))
		goto err_lock;
	*out = uapi;
	return 0;
err_lock:
	uiommu_port_mutex_destroy(host, &uapi->lock);
err:
	uiommu_port_free(host, uapi, sizeof(*uapi));
	return -UIOMMU_ENOMEM;
}

void uiommu_uapi_destroy(struct uiommu_uapi *uapi)
{
	void *host;

	if (!uapi)
		return;
	host = uapi->host;
	if (uapi->processes || uapi->users)
		uiommu_log(host, UIOMMU_LOG_WARN, "the user ABI goes while processes use it");
	while (uapi->vfio->known)
		uiommu_uapi_remove_device(uapi->vfio->known);
	uiommu_mdev_destroy(uapi);
	uiommu_sysfs_destroy(uapi);
	uiommu_vfio_destroy(uapi);
	uiommu_platform_reset_destroy(uapi);
	uiommu_port_mutex_destroy(host, &uapi->lock);
	uiommu_port_free(host, uapi, sizeof(*uapi));
}

/* ---- processes --------------------------------------------------------------------------------- */

/* uapi->lock is held. */
static struct uapi_user *user_get(struct uiommu_uapi *uapi, uint32_t id)
{
	struct uapi_user *user = uapi->users;

	while (user && user->id != id)
		user = user->next;
	if (!user)
		user = uapi_alloc(uapi, sizeof(*user));
	if (!user)
		return NULL;
	if (!user->refs++) {
		user->id = id;
		user->next = uapi->users;
		uapi->users = user;
	}
	return user;
}

static void user_put(struct uiommu_uapi *uapi, struct uapi_user *user)
{
	struct uapi_user **link = &uapi->users;

	if (--user->refs)
		return;
	while (*link != user)
		link = &(*link)->next;
	*link = user->next;
	uapi_free(uapi, user, sizeof(*user));
}

int uiommu_uapi_process_create(struct uiommu_uapi *uapi,
			       const struct uiommu_uapi_process_config *config,
			       struct uiommu_uapi_process **out)
{
	struct uiommu_uapi_process *process = uapi_alloc(uapi, sizeof(*process));

	*out = NULL;
	if (!process)
		return -UIOMMU_ENOMEM;
	process->uapi = uapi;
	process->config = *config;
	process->capabilities = config->capabilities;
	process->refs = 1;
	if (uiommu_port_mutex_init(uapi->host, &process->lock))
		goto err;
	uapi_lock(uapi, &uapi->lock);
	process->user = user_get(uapi, config->user);
	uapi_unlock(uapi, &uapi->lock);
	if (!process->user)
		goto err_lock;
	uapi->processes++;
	*out = process;
	return 0;
err_lock:
	uiommu_port_mutex_destroy(uapi->host, &process->lock);
err:
	uapi_free(uapi, process, sizeof(*process));
	return -UIOMMU_ENOMEM;
}

void uiommu_uapi_process_get(struct uiommu_uapi_process *process)
{
	process->refs++;
}

void uiommu_uapi_process_put(struct uiommu_uapi_process *process)
{
	struct uiommu_uapi *uapi = process->uapi;

	if (--process->refs)
		return;
	uapi_lock(uapi, &uapi->lock);
	user_put(uapi, process->user);
	uapi_unlock(uapi, &uapi->lock);
	uiommu_port_mutex_destroy(uapi->host, &process->lock);
	uapi_free(uapi, process, sizeof(*process));
	uapi->processes--;
}

void uiommu_uapi_process_destroy(struct uiommu_uapi_process *process)
{
	if (!process)
		return;
	for (int fd = 0; fd < UAPI_MAX_FILES; fd++)
		uiommu_uapi_close(process, fd);
	uiommu_uapi_process_put(process);
}

void uiommu_uapi_process_set_capabilities(struct uiommu_uapi_process *process,
					  unsigned int capabilities)
{
	atomic_store(&process->capabilities, capabilities);
}

uint64_t uiommu_uapi_process_pinned(struct uiommu_uapi_process *process)
{
	struct uiommu_uapi *uapi = process->uapi;
	uint64_t pages;

	uapi_lock(uapi, &uapi->lock);
	pages = process->locked;
	uapi_unlock(uapi, &uapi->lock);
	return pages * UAPI_PAGE;
}

/* ---- files ------------------------------------------------------------------------------------- */

struct uapi_file *uiommu_uapi_file_create(struct uiommu_uapi *uapi, const struct uapi_file_ops *ops,
					  void *object)
{
	struct uapi_file *file = uapi_alloc(uapi, sizeof(*file));

	if (!file)
		return NULL;
	file->ops = ops;
	file->uapi = uapi;
	file->object = object;
	file->refs = 1;
	return file;
}

void uiommu_uapi_file_get(struct uapi_file *file)
{
	file->refs++;
}

void uiommu_uapi_file_put(struct uapi_file *file)
{
	struct uiommu_uapi *uapi = file->uapi;

	if (--file->refs)
		return;
	if (file->ops->release)
		file->ops->release(file);
	uapi_free(uapi, file, sizeof(*file));
}

struct uapi_file *uiommu_uapi_fd_get(struct uiommu_uapi_process *process, int fd)
{
	struct uapi_file *file;

	if (fd < 0 || fd >= UAPI_MAX_FILES)
		return NULL;
	uapi_lock(process->uapi, &process->lock);
	file = process->files[fd];
	if (file)
		uiommu_uapi_file_get(file);
	uapi_unlock(process->uapi, &process->lock);
	return file;
}

int uiommu_uapi_fd_install(struct uiommu_uapi_process *process, struct uapi_file *file)
{
	int fd;

	uapi_lock(process->uapi, &process->lock);
	for (fd = 0; fd < UAPI_MAX_FILES && process->files[fd]; fd++)
		;
	if (fd < UAPI_MAX_FILES)
		process->files[fd] = file;
	uapi_unlock(process->uapi, &process->lock);
	return fd < UAPI_MAX_FILES ? fd : -UAPI_EMFILE;
}

int uiommu_uapi_open(struct uiommu_uapi_process *process, const char *path)
{
	struct uapi_file *file = NULL;
	int rc = -UIOMMU_ENOENT;

	if (!strcmp(path, "/dev/iommu"))
		rc = uiommu_uapi_iommufd_open(process, false, &file);
	else if (!strncmp(path, "/dev/vfio/", strlen("/dev/vfio/")))
		rc = uiommu_vfio_open(process, path, &file);
	if (rc)
		return rc;
	rc = uiommu_uapi_fd_install(process, file);
	if (rc < 0)
		uiommu_uapi_file_put(file);
	return rc;
}

int uiommu_uapi_close(struct uiommu_uapi_process *process, int fd)
{
	struct uapi_file *file;

	if (fd < 0 || fd >= UAPI_MAX_FILES)
		return -UAPI_EBADF;
	uapi_lock(process->uapi, &process->lock);
	file = process->files[fd];
	process->files[fd] = NULL;
	uapi_unlock(process->uapi, &process->lock);
	if (!file)
		return -UAPI_EBADF;
	uiommu_uapi_file_put(file);
	return 0;
}

int uiommu_uapi_dup(struct uiommu_uapi_process *process, int fd)
{
	struct uapi_file *file = uiommu_uapi_fd_get(process, fd);
	int rc;

	if (!file)
		return -UAPI_EBADF;
	rc = uiommu_uapi_fd_install(process, file);
	if (rc < 0)
		uiommu_uapi_file_put(file);
	return rc;
}

long uiommu_uapi_ioctl(struct uiommu_uapi_process *process, int fd, unsigned long command,
		       uintptr_t argument)
{
	struct uapi_file *file = uiommu_uapi_fd_get(process, fd);
	long rc = -UAPI_ENOTTY;

	if (!file)
		return -UAPI_EBADF;
	/* A command is 32 bits, and one with more was meant for nobody here. */
	if (file->ops->ioctl && command <= UINT32_MAX)
		rc = file->ops->ioctl(file, process, (uint32_t)command, argument);
	uiommu_uapi_file_put(file);
	return rc;
}

static long transfer(struct uiommu_uapi_process *process, int fd, bool write, void *buffer,
		     size_t size, const uint64_t *offset)
{
	struct uapi_file *file = uiommu_uapi_fd_get(process, fd);
	long rc = -UIOMMU_EINVAL;
	uint64_t at;

	if (!file)
		return -UAPI_EBADF;
	at = offset ? *offset : file->position;
	if (write && file->ops->write)
		rc = file->ops->write(file, buffer, size, at);
	else if (!write && file->ops->read)
		rc = file->ops->read(file, buffer, size, at);
	if (rc > 0 && !offset && file->ops->seekable)
		file->position = at + (uint64_t)rc;
	uiommu_uapi_file_put(file);
	return rc;
}

long uiommu_uapi_read(struct uiommu_uapi_process *process, int fd, void *buffer, size_t size)
{
	return transfer(process, fd, false, buffer, size, NULL);
}

long uiommu_uapi_write(struct uiommu_uapi_process *process, int fd, const void *buffer, size_t size)
{
	return transfer(process, fd, true, (void *)(uintptr_t)buffer, size, NULL);
}

long uiommu_uapi_pread(struct uiommu_uapi_process *process, int fd, void *buffer, size_t size,
		       uint64_t offset)
{
	return transfer(process, fd, false, buffer, size, &offset);
}

long uiommu_uapi_pwrite(struct uiommu_uapi_process *process, int fd, const void *buffer,
			size_t size, uint64_t offset)
{
	return transfer(process, fd, true, (void *)(uintptr_t)buffer, size, &offset);
}

int uiommu_uapi_mmap(struct uiommu_uapi_process *process, int fd, uint64_t offset, size_t size,
		     void **out)
{
	struct uapi_file *file = uiommu_uapi_fd_get(process, fd);
	int rc = -UIOMMU_ENODEV;

	*out = NULL;
	if (!file)
		return -UAPI_EBADF;
	if (file->ops->map)
		rc = size ? file->ops->map(file, offset, size, out) : -UIOMMU_EINVAL;
	uiommu_uapi_file_put(file);
	return rc;
}

int uiommu_uapi_poll(struct uiommu_uapi_process *process, int fd)
{
	struct uapi_file *file = uiommu_uapi_fd_get(process, fd);
	int events;

	if (!file)
		return -UAPI_EBADF;
	events = file->ops->poll ? file->ops->poll(file) : 0x1 | 0x4; /* POLLIN, POLLOUT */
	uiommu_uapi_file_put(file);
	return events;
}
