/* SPDX-License-Identifier: MIT */
/* iommufd_calls.c - commands of iommufd that only its own scenarios give */
#include "conform/iommufd.h"

static int command(struct abi *a, int iommufd, unsigned long number, void *argument)
{
	return abi_ioctl(a, iommufd, number, argument);
}

/* What VFIO and iommufd refuse; that they do is checked here, once for all scenarios. */
static void check_coherent(struct abi *a, int iommufd, const char *label)
{
	struct abi_device *d = abi_device(a, label);
	struct subject *s = a->s;

	if (uiommu_device_capable(d->dev, UIOMMU_CAP_CACHE_COHERENCY))
		return;
	CHECK_RC(s, abi_bind_driver(d, "vfio-pci"), -UIOMMU_EINVAL);
	CHECK_OK(s, abi_close(a, iommufd));
	abi_end(a);
	conform_skip(s, "VFIO and iommufd refuse devices whose DMA is not coherent");
}

static void check_pages(struct abi_device *d, int iommufd)
{
	struct abi *a = d->abi;
	struct subject *s = a->s;
	uint32_t ioas, hwpt;

	if (s->page <= ABI_PAGE)
		return;
	ioas = abi_ioas(a, iommufd);
	CHECK_RC(s, abi_hwpt(a, iommufd, d->devid, ioas, 0, &hwpt), -UIOMMU_EINVAL);
	CHECK_OK(s, abi_destroy(a, iommufd, ioas));
	abi_unbind(d);
	CHECK_OK(s, abi_close(a, iommufd));
	abi_end(a);
	conform_skip(s, "iommufd refuses domains with pages larger than a program's 4K");
}

struct abi *iommufd_start(struct subject *s, const char *label, int *iommufd, struct abi_device **d)
{
	/* Devices on no bus: models of them need no reset. */
	const struct uiommu_uapi_config config = { .platform_reset_not_required = true };
	struct abi *a;

	if (!s->machine)
		subject_boot(s, 0);
	subject_device(s, label);
	a = abi_start(s, &config);
	*iommufd = abi_iommufd(a);
	check_coherent(a, *iommufd, label);
	*d = abi_bind(a, *iommufd, label);
	check_pages(*d, *iommufd);
	return a;
}

struct abi_device *iommufd_device(struct abi *a, int iommufd, const char *label)
{
	return abi_bind(a, iommufd, label);
}

uint32_t iommufd_hwpt(struct abi_device *d, int iommufd, uint32_t pt, unsigned int flags)
{
	uint32_t hwpt = 0;

	CHECK_OK(d->abi->s, abi_hwpt(d->abi, iommufd, d->devid, pt, flags, &hwpt));
	return hwpt;
}

void iommufd_map(struct abi *a, int iommufd, uint32_t ioas, uint64_t iova,
		 const struct subject_buffer *buffer)
{
	CHECK_OK(a->s, abi_map(a, iommufd, ioas, iova, buffer->mem, buffer->size, ABI_RW));
}

struct abi_iommu_hw_info iommufd_hw_info(struct abi_device *d, int iommufd)
{
	struct abi_iommu_hw_info arg = { .size = sizeof(arg), .dev_id = d->devid };

	CHECK_OK(d->abi->s, command(d->abi, iommufd, ABI_IOMMU_GET_HW_INFO, &arg));
	return arg;
}

/* ---- page requests ----------------------------------------------------------------------------- */

int iommufd_fault_alloc(struct abi *a, int iommufd, uint32_t *id, int *fd)
{
	struct abi_iommu_fault_alloc arg = { .size = sizeof(arg) };
	int rc = command(a, iommufd, ABI_IOMMU_FAULT_QUEUE_ALLOC, &arg);

	if (!rc) {
		*id = arg.out_fault_id;
		*fd = (int)arg.out_fault_fd;
	}
	return rc;
}

int iommufd_hwpt_with_queue(struct abi_device *d, int iommufd, uint32_t pt, unsigned int flags,
			    uint32_t fault, uint32_t *hwpt)
{
	struct abi_iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags | ABI_IOMMU_HWPT_FAULT_ID_VALID,
		.dev_id = d->devid,
		.pt_id = pt,
		.fault_id = fault,
	};
	int rc = command(d->abi, iommufd, ABI_IOMMU_HWPT_ALLOC, &arg);

	if (!rc)
		*hwpt = arg.out_hwpt_id;
	return rc;
}

/* ---- nested ------------------------------------------------------------------------------------ */

int iommufd_nested(struct abi_device *d, int iommufd, uint32_t pt, unsigned int flags,
		   uint32_t type, const void *data, uint32_t size, uint32_t *hwpt)
{
	struct abi_iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dev_id = d->devid,
		.pt_id = pt,
		.data_type = type,
		.data_len = size,
		.data_uptr = (uintptr_t)data,
	};
	int rc = command(d->abi, iommufd, ABI_IOMMU_HWPT_ALLOC, &arg);

	if (!rc)
		*hwpt = arg.out_hwpt_id;
	return rc;
}

int iommufd_invalidate(struct abi *a, int iommufd, uint32_t id, uint32_t type, const void *entries,
		       uint32_t entry_size, uint32_t count, uint32_t *done)
{
	struct abi_iommu_hwpt_invalidate arg = {
		.size = sizeof(arg),
		.hwpt_id = id,
		.data_uptr = (uintptr_t)entries,
		.data_type = type,
		.entry_len = entry_size,
		.entry_num = count,
	};
	int rc = command(a, iommufd, ABI_IOMMU_HWPT_INVALIDATE, &arg);

	*done = arg.entry_num;
	return rc;
}

int iommufd_viommu(struct abi_device *d, int iommufd, uint32_t type, uint32_t hwpt, uint32_t *id)
{
	struct abi_iommu_viommu_alloc arg = {
		.size = sizeof(arg),
		.type = type,
		.dev_id = d->devid,
		.hwpt_id = hwpt,
	};
	int rc = command(d->abi, iommufd, ABI_IOMMU_VIOMMU_ALLOC, &arg);

	if (!rc)
		*id = arg.out_viommu_id;
	return rc;
}

int iommufd_vdevice(struct abi_device *d, int iommufd, uint32_t viommu, uint64_t virt_id,
		    uint32_t *id)
{
	struct abi_iommu_vdevice_alloc arg = {
		.size = sizeof(arg),
		.viommu_id = viommu,
		.dev_id = d->devid,
		.virt_id = virt_id,
	};
	int rc = command(d->abi, iommufd, ABI_IOMMU_VDEVICE_ALLOC, &arg);

	if (!rc)
		*id = arg.out_vdevice_id;
	return rc;
}
