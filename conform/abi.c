/* SPDX-License-Identifier: MIT */
/* abi.c - a program's calls, with a saboteur in between where there is one, and what is behind the files */
#include <stdlib.h>
#include <string.h>

#include "conform/abi.h"
#include "conform/saboteur.h"
#include "machines/uapi_io.h"

/* ---- calls ------------------------------------------------------------------------------------- */

long abi_call_real(struct abi_call *call)
{
	struct uiommu_uapi_process *process = call->process;

	switch (call->op) {
	case ABI_OPEN:
		call->rc = uiommu_uapi_open(process, call->path);
		break;
	case ABI_CLOSE:
		call->rc = uiommu_uapi_close(process, call->fd);
		break;
	case ABI_DUP:
		call->rc = uiommu_uapi_dup(process, call->fd);
		break;
	case ABI_IOCTL:
		call->rc = uiommu_uapi_ioctl(process, call->fd, call->command, call->argument);
		break;
	case ABI_READ:
		call->rc = uiommu_uapi_read(process, call->fd, call->buffer, call->size);
		break;
	case ABI_WRITE:
		call->rc = uiommu_uapi_write(process, call->fd, call->buffer, call->size);
		break;
	case ABI_PREAD:
		call->rc = uiommu_uapi_pread(process, call->fd, call->buffer, call->size,
					     call->offset);
		break;
	case ABI_PWRITE:
		call->rc = uiommu_uapi_pwrite(process, call->fd, call->buffer, call->size,
					      call->offset);
		break;
	case ABI_MMAP:
		call->rc = uiommu_uapi_mmap(process, call->fd, call->offset, call->size,
					    &call->mapped);
		break;
	case ABI_POLL:
		call->rc = uiommu_uapi_poll(process, call->fd);
		break;
	case ABI_BIND_DRIVER:
		call->rc = uiommu_uapi_bind_driver(call->device, call->path);
		break;
	case ABI_UNBIND_DRIVER:
		call->rc = uiommu_uapi_unbind_driver(call->device);
		break;
	}
	return call->rc;
}

long abi_call(struct abi_call *call)
{
	const struct conform_saboteur *saboteur = call->s->saboteur;

	if (saboteur && saboteur->front)
		saboteur->front(call, saboteur_state(call->s));
	else
		abi_call_real(call);
	if (saboteur && saboteur->answer.right && call->op == saboteur->answer.op &&
	    call->command == saboteur->answer.command && call->rc == saboteur->answer.right)
		call->rc = saboteur->answer.wrong;
	return call->rc;
}

static int by(struct abi *a, struct abi_call call)
{
	call.s = a->s;
	call.process = a->process;
	return (int)abi_call(&call);
}

int abi_open(struct abi *a, const char *path)
{
	return by(a, (struct abi_call){ .op = ABI_OPEN, .path = path });
}

int abi_close(struct abi *a, int fd)
{
	return by(a, (struct abi_call){ .op = ABI_CLOSE, .fd = fd });
}

int abi_dup(struct abi *a, int fd)
{
	return by(a, (struct abi_call){ .op = ABI_DUP, .fd = fd });
}

int abi_ioctl(struct abi *a, int fd, unsigned long command, const void *argument)
{
	return abi_ioctl_number(a, fd, command, (uintptr_t)argument);
}

int abi_ioctl_number(struct abi *a, int fd, unsigned long command, uint64_t argument)
{
	return by(a, (struct abi_call){ .op = ABI_IOCTL,
					.fd = fd,
					.command = command,
					.argument = (uintptr_t)argument });
}

int abi_read(struct abi *a, int fd, void *buffer, size_t size)
{
	return by(a, (struct abi_call){ .op = ABI_READ, .fd = fd, .buffer = buffer, .size = size });
}

int abi_write(struct abi *a, int fd, const void *buffer, size_t size)
{
	return by(a, (struct abi_call){ .op = ABI_WRITE,
					.fd = fd,
					.buffer = (void *)(uintptr_t)buffer,
					.size = size });
}

int abi_pread(struct abi *a, int fd, void *buffer, size_t size, uint64_t offset)
{
	return by(a, (struct abi_call){ .op = ABI_PREAD,
					.fd = fd,
					.buffer = buffer,
					.size = size,
					.offset = offset });
}

int abi_pwrite(struct abi *a, int fd, const void *buffer, size_t size, uint64_t offset)
{
	return by(a, (struct abi_call){ .op = ABI_PWRITE,
					.fd = fd,
					.buffer = (void *)(uintptr_t)buffer,
					.size = size,
					.offset = offset });
}

int abi_mmap(struct abi *a, int fd, uint64_t offset, size_t size, void **out)
{
	struct abi_call call = {
		.s = a->s,
		.op = ABI_MMAP,
		.process = a->process,
		.fd = fd,
		.size = size,
		.offset = offset,
	};
	long rc = abi_call(&call);

	*out = call.mapped;
	return (int)rc;
}

int abi_poll(struct abi *a, int fd)
{
	return by(a, (struct abi_call){ .op = ABI_POLL, .fd = fd });
}

/* ---- the whole --------------------------------------------------------------------------------- */

static bool write_fails(void *context, uint64_t to, size_t size)
{
	const struct abi *a = ((struct subject *)context)->abi;
	uint64_t start = (uintptr_t)a->read_only;

	return a->read_only && to < start + a->read_only_size && start < to + size;
}

static void unpinned(void *context, uiommu_phys_t phys, uint64_t size)
{
	const struct abi *a = ((struct subject *)context)->abi;

	if (a->on_unpin)
		a->on_unpin(a->on_unpin_context, phys, size);
}

static void process_create(struct abi *a, const struct uiommu_uapi_process_config *config,
			   struct uiommu_uapi_process **out)
{
	CHECK_OK(a->s, uiommu_uapi_process_create(a->uapi, config, out));
}

struct abi *abi_start(struct subject *s, const struct uiommu_uapi_config *config)
{
	struct uiommu_uapi_config mine = { 0 };
	struct abi *a = calloc(1, sizeof(*a));

	CHECK(s, a, "no memory for the user ABI");
	if (!s->machine)
		subject_boot(s, 0);
	if (config)
		mine = *config;
	mine.sys = s->sys;
	if (!mine.load_platform_reset)
		mine.load_platform_reset = machine_load_platform_reset;
	a->s = s;
	CHECK_OK(s, uiommu_uapi_create(&mine, &a->uapi));
	s->abi = a;
	s->hooks.user_write_fails = write_fails;
	s->hooks.user_pages_removed = unpinned;
	a->process = abi_process(a, UIOMMU_UAPI_CAP_ALL, UINT64_MAX, 0);
	return a;
}

void abi_stop(struct subject *s)
{
	struct abi *a = s->abi;

	for (size_t i = 0; i < sizeof(a->processes) / sizeof(a->processes[0]); i++)
		uiommu_uapi_process_destroy(a->processes[i]);
	/* Devices that are still known go with it. */
	uiommu_uapi_destroy(a->uapi);
	s->hooks.user_write_fails = NULL;
	s->hooks.user_pages_removed = NULL;
	s->abi = NULL;
	free(a);
}

void abi_end(struct abi *a)
{
	struct subject *s = a->s;
	struct uiommu_posix_usage usage;

	abi_stop(s);
	uiommu_posix_usage(machine_host(s->machine), &usage);
	CHECK(s, !usage.pins, "no process is left, and %llu pages are still pinned",
	      (unsigned long long)usage.pins);
}

struct uiommu_uapi_process *abi_process(struct abi *a, unsigned int capabilities, uint64_t memlock,
					uint32_t user)
{
	struct uiommu_uapi_process_config config = {
		.capabilities = capabilities,
		.memlock = memlock,
		.user = user,
	};
	size_t i = 0, most = sizeof(a->processes) / sizeof(a->processes[0]);

	while (i < most && a->processes[i])
		i++;
	CHECK(a->s, i < most, "more than %zu processes at a time", most);
	process_create(a, &config, &a->processes[i]);
	return a->processes[i];
}

struct uiommu_uapi_process *abi_become(struct abi *a, struct uiommu_uapi_process *process)
{
	struct uiommu_uapi_process *was = a->process;

	a->process = process;
	return was;
}

void abi_exit(struct abi *a, struct uiommu_uapi_process *process)
{
	for (size_t i = 0; i < sizeof(a->processes) / sizeof(a->processes[0]); i++)
		if (a->processes[i] == process)
			a->processes[i] = NULL;
	if (a->process == process)
		a->process = NULL;
	uiommu_uapi_process_destroy(process);
}

void abi_read_only(struct abi *a, const void *mem, uint64_t size)
{
	a->read_only = mem;
	a->read_only_size = size;
}

void abi_watch_unpin(struct abi *a, void (*seen)(void *context, uint64_t phys, uint64_t size),
		     void *context)
{
	a->on_unpin = seen;
	a->on_unpin_context = context;
}

uint64_t abi_pins(struct abi *a)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(machine_host(a->s->machine), &usage);
	return usage.pins;
}

/* ---- devices and drivers ----------------------------------------------------------------------- */

struct abi_device *abi_device(struct abi *a, const char *label)
{
	struct machine_device *machine = subject_machine_device(a->s, label);
	struct abi_device *d = NULL;

	for (unsigned int i = 0; i < a->num_devices; i++)
		if (a->devices[i].machine == machine)
			d = &a->devices[i];
	if (d && d->device)
		return d;
	if (!d) {
		CHECK(a->s, a->num_devices < ABI_DEVICES, "more than %d devices", ABI_DEVICES);
		d = &a->devices[a->num_devices++];
	}
	*d = (struct abi_device){
		.abi = a,
		.label = label,
		.machine = machine,
		.dev = machine_device_uiommu(machine),
		.cdev = -1,
	};
	CHECK_OK(a->s, machine_uapi_add(machine, a->uapi, &d->device));
	return d;
}

void abi_remove_device(struct abi_device *d)
{
	uiommu_uapi_remove_device(d->device);
	d->device = NULL;
}

int abi_bind_driver(struct abi_device *d, const char *driver)
{
	return by(d->abi,
		  (struct abi_call){ .op = ABI_BIND_DRIVER, .path = driver, .device = d->device });
}

int abi_unbind_driver(struct abi_device *d)
{
	return by(d->abi, (struct abi_call){ .op = ABI_UNBIND_DRIVER, .device = d->device });
}

const char *abi_vfio_driver(const struct abi_device *d)
{
	return uiommu_device_pci(d->dev) ? "vfio-pci" : "vfio-platform";
}

struct abi_device *abi_vfio_device(struct abi *a, const char *label)
{
	struct abi_device *d = abi_device(a, label);

	if (!uiommu_uapi_device_driver(d->device))
		CHECK_OK(a->s, abi_bind_driver(d, abi_vfio_driver(d)));
	return d;
}

void abi_enable(struct abi_device *d, int fd)
{
	const uint64_t config = (UINT64_C(7) << 40) + 4;
	uint16_t command = 0;

	if (!uiommu_device_pci(d->dev))
		return;
	CHECK_RC(d->abi->s, abi_pread(d->abi, fd, &command, 2, config), 2);
	command |= 6; /* memory, bus master */
	CHECK_RC(d->abi->s, abi_pwrite(d->abi, fd, &command, 2, config), 2);
}

/* ---- iommufd, and devices by their cdev -------------------------------------------------------- */

int abi_iommufd(struct abi *a)
{
	int fd;

	CHECK_FD(a->s, abi_open(a, "/dev/iommu"), &fd);
	return fd;
}

uint32_t abi_ioas(struct abi *a, int iommufd)
{
	struct abi_iommu_ioas_alloc arg = { .size = sizeof(arg) };

	CHECK_OK(a->s, abi_ioctl(a, iommufd, ABI_IOMMU_IOAS_ALLOC, &arg));
	return arg.out_ioas_id;
}

int abi_destroy(struct abi *a, int iommufd, uint32_t id)
{
	const struct abi_iommu_destroy arg = { sizeof(arg), id };

	return abi_ioctl(a, iommufd, ABI_IOMMU_DESTROY, &arg);
}

int abi_open_cdev(struct abi_device *d)
{
	char path[64];
	int rc = uiommu_uapi_device_cdev_path(d->device, path, sizeof(path));

	return rc < 0 ? rc : abi_open(d->abi, path);
}

int abi_bind_iommufd(struct abi *a, int cdev, int iommufd, uint32_t *devid)
{
	struct abi_vfio_device_bind_iommufd arg = { .argsz = sizeof(arg), .iommufd = iommufd };
	int rc = abi_ioctl(a, cdev, ABI_VFIO_DEVICE_BIND_IOMMUFD, &arg);

	if (!rc)
		*devid = arg.out_devid;
	return rc;
}

struct abi_device *abi_bind(struct abi *a, int iommufd, const char *label)
{
	struct abi_device *d = abi_vfio_device(a, label);

	CHECK_FD(a->s, abi_open_cdev(d), &d->cdev);
	CHECK_OK(a->s, abi_bind_iommufd(a, d->cdev, iommufd, &d->devid));
	abi_enable(d, d->cdev);
	return d;
}

void abi_unbind(struct abi_device *d)
{
	CHECK_OK(d->abi->s, abi_close(d->abi, d->cdev));
	d->cdev = -1;
}

static int attach(struct abi *a, int cdev, unsigned int flags, uint32_t pasid, uint32_t *pt_id)
{
	struct abi_vfio_device_attach_iommufd_pt arg = {
		.argsz = flags ? sizeof(arg) : 12,
		.flags = flags,
		.pt_id = *pt_id,
		.pasid = pasid,
	};
	int rc = abi_ioctl(a, cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);

	if (!rc)
		*pt_id = arg.pt_id;
	return rc;
}

int abi_attach(struct abi *a, int cdev, uint32_t *pt_id)
{
	return attach(a, cdev, 0, 0, pt_id);
}

int abi_attach_pasid(struct abi *a, int cdev, uint32_t pasid, uint32_t *pt_id)
{
	return attach(a, cdev, ABI_VFIO_DEVICE_ATTACH_PASID, pasid, pt_id);
}

int abi_detach(struct abi *a, int cdev)
{
	const struct abi_vfio_device_detach_iommufd_pt arg = { .argsz = 8 };

	return abi_ioctl(a, cdev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

int abi_detach_pasid(struct abi *a, int cdev, uint32_t pasid)
{
	const struct abi_vfio_device_detach_iommufd_pt arg = {
		.argsz = sizeof(arg),
		.flags = ABI_VFIO_DEVICE_DETACH_PASID,
		.pasid = pasid,
	};

	return abi_ioctl(a, cdev, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

uint32_t abi_attached(struct abi_device *d, uint32_t pt_id)
{
	uint32_t hwpt = pt_id;

	CHECK_OK(d->abi->s, abi_attach(d->abi, d->cdev, &hwpt));
	return hwpt;
}

/* ---- address spaces ---------------------------------------------------------------------------- */

static int map(struct abi *a, int iommufd, uint32_t ioas, uint64_t *iova, const void *mem,
	       uint64_t length, unsigned int flags)
{
	struct abi_iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = (uintptr_t)mem,
		.length = length,
		.iova = *iova,
	};
	int rc = abi_ioctl(a, iommufd, ABI_IOMMU_IOAS_MAP, &arg);

	if (!rc)
		*iova = arg.iova;
	return rc;
}

int abi_map(struct abi *a, int iommufd, uint32_t ioas, uint64_t iova, const void *mem,
	    uint64_t length, unsigned int flags)
{
	return map(a, iommufd, ioas, &iova, mem, length, flags | ABI_IOMMU_IOAS_MAP_FIXED_IOVA);
}

int abi_map_anywhere(struct abi *a, int iommufd, uint32_t ioas, const void *mem, uint64_t length,
		     unsigned int flags, uint64_t *iova)
{
	return map(a, iommufd, ioas, iova, mem, length, flags);
}

int abi_unmap(struct abi *a, int iommufd, uint32_t ioas, uint64_t iova, uint64_t length,
	      uint64_t *gone)
{
	struct abi_iommu_ioas_unmap arg = { sizeof(arg), ioas, iova, length };
	int rc = abi_ioctl(a, iommufd, ABI_IOMMU_IOAS_UNMAP, &arg);

	if (gone)
		*gone = arg.length;
	return rc;
}

int abi_copy(struct abi *a, int iommufd, uint32_t to, uint64_t to_iova, uint32_t from,
	     uint64_t from_iova, uint64_t length, unsigned int flags)
{
	const struct abi_iommu_ioas_copy arg = {
		.size = sizeof(arg),
		.flags = flags | ABI_IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = to,
		.src_ioas_id = from,
		.length = length,
		.dst_iova = to_iova,
		.src_iova = from_iova,
	};

	return abi_ioctl(a, iommufd, ABI_IOMMU_IOAS_COPY, &arg);
}

int abi_hwpt(struct abi *a, int iommufd, uint32_t devid, uint32_t ioas, unsigned int flags,
	     uint32_t *hwpt)
{
	struct abi_iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dev_id = devid,
		.pt_id = ioas,
	};
	int rc = abi_ioctl(a, iommufd, ABI_IOMMU_HWPT_ALLOC, &arg);

	if (!rc)
		*hwpt = arg.out_hwpt_id;
	return rc;
}

int abi_set_dirty_tracking(struct abi *a, int iommufd, uint32_t hwpt, bool on)
{
	const struct abi_iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.flags = on ? ABI_IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return abi_ioctl(a, iommufd, ABI_IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
}

int abi_get_dirty(struct abi *a, int iommufd, uint32_t hwpt, uint64_t iova, uint64_t length,
		  uint64_t page_size, unsigned int flags, void *bitmap)
{
	const struct abi_iommu_hwpt_get_dirty_bitmap arg = {
		.size = sizeof(arg),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)bitmap,
	};

	return abi_ioctl(a, iommufd, ABI_IOMMU_HWPT_GET_DIRTY_BITMAP, &arg);
}

int abi_option(struct abi *a, int iommufd, uint32_t option, uint32_t object, uint16_t op,
	       uint64_t *value)
{
	struct abi_iommu_option arg = {
		.size = sizeof(arg),
		.option_id = option,
		.op = op,
		.object_id = object,
		.val64 = *value,
	};
	int rc = abi_ioctl(a, iommufd, ABI_IOMMU_OPTION, &arg);

	*value = arg.val64;
	return rc;
}

/* ---- groups and containers --------------------------------------------------------------------- */

int abi_open_group(struct abi_device *d)
{
	char path[64];
	int rc = uiommu_uapi_device_group_path(d->device, path, sizeof(path));

	return rc < 0 ? rc : abi_open(d->abi, path);
}

int abi_group(struct abi *a, const char *label)
{
	struct abi_device *d = abi_vfio_device(a, label);
	int fd;

	CHECK_FD(a->s, abi_open_group(d), &fd);
	return fd;
}

int abi_container(struct abi *a, int group, unsigned int type)
{
	int fd;

	CHECK_FD(a->s, abi_open(a, "/dev/vfio/vfio"), &fd);
	CHECK_OK(a->s, abi_set_container(a, group, fd));
	CHECK_OK(a->s, abi_set_iommu(a, fd, type));
	return fd;
}

int abi_set_container(struct abi *a, int group, int container)
{
	const int32_t fd = container;

	return abi_ioctl(a, group, ABI_VFIO_GROUP_SET_CONTAINER, &fd);
}

int abi_unset_container(struct abi *a, int group)
{
	return abi_ioctl_number(a, group, ABI_VFIO_GROUP_UNSET_CONTAINER, 0);
}

int abi_set_iommu(struct abi *a, int container, unsigned int type)
{
	return abi_ioctl_number(a, container, ABI_VFIO_SET_IOMMU, type);
}

int abi_group_flags(struct abi *a, int group, uint32_t *flags)
{
	struct abi_vfio_group_status arg = { .argsz = sizeof(arg) };
	int rc = abi_ioctl(a, group, ABI_VFIO_GROUP_GET_STATUS, &arg);

	if (!rc)
		*flags = arg.flags;
	return rc;
}

int abi_group_device(struct abi *a, int group, const struct abi_device *d)
{
	return abi_ioctl(a, group, ABI_VFIO_GROUP_GET_DEVICE_FD, uiommu_device_name(d->dev));
}

int abi_map_dma(struct abi *a, int container, uint64_t iova, const void *mem, uint64_t size,
		unsigned int flags)
{
	const struct abi_vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = size,
	};

	return abi_ioctl(a, container, ABI_VFIO_IOMMU_MAP_DMA, &arg);
}

int abi_unmap_dma(struct abi *a, int container, uint64_t iova, uint64_t size, unsigned int flags,
		  uint64_t *gone)
{
	struct abi_vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.iova = iova,
		.size = size,
	};
	int rc = abi_ioctl(a, container, ABI_VFIO_IOMMU_UNMAP_DMA, &arg);

	if (gone)
		*gone = arg.size;
	return rc;
}

/* ---- DMA --------------------------------------------------------------------------------------- */

static uint64_t phys_of(struct abi *a, const void *mem)
{
	return uiommu_posix_ptr_to_phys(machine_host(a->s->machine), mem);
}

void abi_reaches(struct abi_device *d, uint64_t iova, const void *mem, unsigned int prot)
{
	subject_dma_reaches(d->abi->s, d->machine, iova, phys_of(d->abi, mem), prot, NULL);
}

void abi_blocked(struct abi_device *d, uint64_t iova, const void *mem)
{
	subject_dma_blocked(d->abi->s, d->machine, iova, phys_of(d->abi, mem), NULL);
}

void abi_pasid_reaches(struct abi_device *d, uint32_t pasid, uint64_t iova, const void *mem,
		       unsigned int prot)
{
	const struct subject_dma how = { pasid, MACHINE_DMA_WITH_PASID };

	subject_dma_reaches(d->abi->s, d->machine, iova, phys_of(d->abi, mem), prot, &how);
}

void abi_pasid_blocked(struct abi_device *d, uint32_t pasid, uint64_t iova, const void *mem)
{
	const struct subject_dma how = { pasid, MACHINE_DMA_WITH_PASID };

	subject_dma_blocked(d->abi->s, d->machine, iova, phys_of(d->abi, mem), &how);
}
