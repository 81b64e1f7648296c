/* SPDX-License-Identifier: MIT */
/* vfio_pci_ioeventfd.c - IOEVENTFD: a program signals an eventfd, and a register is written */
#include <uiommu/abi_vfio.h>
#include "src/uapi/vfio_pci.h"

struct vfio_pci_ioeventfd {
	struct vfio_pci_ioeventfd *next;
	struct vfio_pci *pci;
	struct vfio_watch *watch;
	unsigned int bar, width;
	uint64_t offset, data;
};

static void write_bar(void *context)
{
	const struct vfio_pci_ioeventfd *io = context;
	struct vfio_pci *pci = io->pci;

	if (uiommu_vfio_pci_memory_enabled(pci))
		pci->io.bar_write(pci->io.context, io->bar, io->offset, io->width, io->data);
}

static bool overlaps_table(const struct vfio_pci *pci, unsigned int bar, uint64_t offset,
			   unsigned int width)
{
	return pci->msix && bar == pci->msix_bar && offset < pci->msix_end &&
	       offset + width > pci->msix_start;
}

/* ioeventfd_lock is held. */
static long add_or_remove(struct vfio_pci *pci, const struct vfio_pci_ioeventfd *wanted, int fd)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	struct vfio_pci_ioeventfd **link = &pci->ioeventfds, *io;
	unsigned int count = 0;
	int rc;

	for (; *link; link = &(*link)->next, count++) {
		io = *link;
		if (io->bar != wanted->bar || io->offset != wanted->offset ||
		    io->width != wanted->width || io->data != wanted->data)
			continue;
		if (fd >= 0)
			return -UIOMMU_EEXIST;
		*link = io->next;
		uiommu_vfio_watch_stop(&io->watch);
		uapi_free(uapi, io, sizeof(*io));
		return 0;
	}
	if (fd < 0)
		return -UIOMMU_ENODEV;
	if (count >= VFIO_PCI_IOEVENTFDS)
		return -UIOMMU_ENOSPC;
	io = uapi_alloc(uapi, sizeof(*io));
	if (!io)
		return -UIOMMU_ENOMEM;
	*io = *wanted;
	rc = uiommu_vfio_watch_start(uapi, fd, write_bar, io, &io->watch);
	if (rc) {
		uapi_free(uapi, io, sizeof(*io));
		return rc;
	}
	*link = io;
	return 0;
}

long uiommu_vfio_pci_ioeventfd(struct vfio_pci *pci, uintptr_t argument)
{
	struct abi_vfio_device_ioeventfd arg = { 0 };
	struct uiommu_uapi *uapi = pci->device.uapi;
	struct vfio_pci_ioeventfd wanted = { .pci = pci };
	uint64_t index;
	long rc;

	if (uapi_read_user(uapi, &arg, argument, 28))
		return -UIOMMU_EFAULT;
	/* One width, and none of 8 bytes. */
	if (arg.argsz < 28 || arg.fd < -1 || (arg.flags != 1 && arg.flags != 2 && arg.flags != 4))
		return -UIOMMU_EINVAL;
	index = arg.offset >> VFIO_PCI_REGION_SHIFT;
	if (index >= VFIO_PCI_NUM_BARS)
		return -UIOMMU_EINVAL;
	wanted.bar = (unsigned int)index;
	wanted.width = arg.flags;
	wanted.offset = arg.offset & ((UINT64_C(1) << VFIO_PCI_REGION_SHIFT) - 1);
	wanted.data = arg.data;
	if (wanted.offset >= pci->io.bar_size[index] ||
	    wanted.width > pci->io.bar_size[index] - wanted.offset ||
	    wanted.offset % wanted.width ||
	    overlaps_table(pci, wanted.bar, wanted.offset, wanted.width))
		return -UIOMMU_EINVAL;
	uapi_lock(uapi, &pci->ioeventfd_lock);
	rc = add_or_remove(pci, &wanted, arg.fd);
	uapi_unlock(uapi, &pci->ioeventfd_lock);
	return rc;
}

void uiommu_vfio_pci_ioeventfd_stop(struct vfio_pci *pci)
{
	struct vfio_pci_ioeventfd *io;

	while ((io = pci->ioeventfds)) {
		pci->ioeventfds = io->next;
		uiommu_vfio_watch_stop(&io->watch);
		uapi_free(pci->device.uapi, io, sizeof(*io));
	}
}
