/* SPDX-License-Identifier: MIT */
/*
 * vfio_pci_irq.c - interrupts of vfio-pci: SET_IRQS, and what signals the program's eventfds
 *
 * INTx masks itself each time it comes.
 */
#include <unistd.h>

#include <uiommu/abi_vfio.h>
#include "src/uapi/vfio_pci.h"

#define ACTION_FLAGS                                                     \
	(ABI_VFIO_IRQ_SET_ACTION_MASK | ABI_VFIO_IRQ_SET_ACTION_UNMASK | \
	 ABI_VFIO_IRQ_SET_ACTION_TRIGGER)
#define MSI_QUEUE_CAPABLE 0x0eu /* of the message control register (PCIe 6.0, 7.7.1.2) */

/* ---- eventfds ---------------------------------------------------------------------------------- */

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void irq_lock(struct vfio_pci *pci)
{
	uapi_lock(pci->device.uapi, &pci->irq_lock);
}

static void irq_unlock(struct vfio_pci *pci)
{
	uapi_unlock(pci->device.uapi, &pci->irq_lock);
}

/* ---- arrivals ---------------------------------------------------------------------------------- */

static void on_message(void *token, unsigned int vector)
{
	struct vfio_pci *pci = token;
	struct vfio_pci_irqs *irqs = &pci->irqs;

	irq_lock(pci);
	if ((irqs->active == VFIO_PCI_MSI || irqs->active == VFIO_PCI_MSIX) &&
	    vector < irqs->count && irqs->vectors[vector] >= 0)
		uiommu_vfio_signal(irqs->vectors[vector]);
	irq_unlock(pci);
}

/* The irq lock is held. */
static void signal_vector(struct vfio_pci *pci, unsigned int vector)
{
	if (vector < pci->irqs.count && pci->irqs.vectors[vector] >= 0)
		uiommu_vfio_signal(pci->irqs.vectors[vector]);
}

static void on_intx(void *token)
{
	struct vfio_pci *pci = token;

	irq_lock(pci);
	if (pci->irqs.active == VFIO_PCI_INTX && !pci->irqs.masked) {
		pci->irqs.masked = true;
		signal_vector(pci, 0);
	}
	irq_unlock(pci);
}

static bool intx_asserted(struct vfio_pci *pci)
{
	return pci->io.config_read(pci->io.context, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

static void intx_mask(struct vfio_pci *pci)
{
	irq_lock(pci);
	pci->irqs.masked = true;
	irq_unlock(pci);
}

/* A line that is still asserted is another interrupt; looked at last, so that one that comes meanwhile is not lost. */
static void intx_unmask(struct vfio_pci *pci)
{
	bool was;

	irq_lock(pci);
	was = pci->irqs.masked;
	pci->irqs.masked = false;
	irq_unlock(pci);
	if (was && intx_asserted(pci))
		on_intx(pci);
}

void uiommu_vfio_pci_intx_disable(struct vfio_pci *pci, bool disable)
{
	if (!uiommu_vfio_pci_irq_active(pci, VFIO_PCI_INTX) || disable == pci->irqs.disabled)
		return;
	pci->irqs.disabled = disable;
	if (disable)
		intx_mask(pci);
	else
		intx_unmask(pci);
}

bool uiommu_vfio_pci_irq_active(struct vfio_pci *pci, enum vfio_pci_irq irq)
{
	bool active;

	irq_lock(pci);
	active = pci->irqs.active == irq;
	irq_unlock(pci);
	return active;
}

void uiommu_vfio_pci_signal_req(struct vfio_pci *pci)
{
	irq_lock(pci);
	if (pci->irqs.req >= 0)
		uiommu_vfio_signal(pci->irqs.req);
	irq_unlock(pci);
}

/* ---- on and off -------------------------------------------------------------------------------- */

static void disable(struct vfio_pci *pci)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	struct vfio_pci_irqs *irqs = &pci->irqs;
	enum vfio_pci_irq was;
	unsigned int count;
	int *vectors;

	irq_lock(pci);
	was = irqs->active;
	vectors = irqs->vectors;
	count = irqs->count;
	irqs->active = VFIO_PCI_NO_IRQ;
	irqs->vectors = NULL;
	irqs->count = 0;
	irqs->masked = false;
	irq_unlock(pci);
	if (was == VFIO_PCI_NO_IRQ)
		return;
	if (was == VFIO_PCI_INTX) {
		uiommu_vfio_watch_stop(&pci->unmask);
		pci->io.set_intx(pci->io.context, NULL, NULL);
	} else {
		if (pci->io.set_msi)
			pci->io.set_msi(pci->io.context, 0, NULL, NULL);
		uiommu_vfio_pci_config_msi(pci, 0);
	}
	for (unsigned int i = 0; i < count; i++)
		drop(&vectors[i]);
	uapi_free(uapi, vectors, count * sizeof(*vectors));
}

/* 0; so many vectors there are, which are too few; an error. */
static int start_messages(struct vfio_pci *pci, unsigned int count)
{
	uint64_t address;
	int rc;

	if (pci->io.set_msi_address) {
		rc = uiommu_vfio_msi_address(&pci->device, pci->io.msi_doorbell, &address);
		if (rc)
			return rc;
		pci->io.set_msi_address(pci->io.context, address);
	}
	return pci->io.set_msi(pci->io.context, count, on_message, pci);
}

/* 0; so many vectors there are, which are too few; an error. */
static long enable(struct vfio_pci *pci, enum vfio_pci_irq irq, unsigned int count)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	struct vfio_pci_irqs *irqs = &pci->irqs;
	int *vectors, rc = 0;

	if (!count)
		return -UIOMMU_ERANGE;
	vectors = uapi_alloc(uapi, count * sizeof(*vectors));
	if (!vectors)
		return -UIOMMU_ENOMEM;
	for (unsigned int i = 0; i < count; i++)
		vectors[i] = -1;
	irqs->disabled = irq == VFIO_PCI_INTX && uiommu_vfio_pci_config_intx_disabled(pci);
	irq_lock(pci);
	irqs->active = irq;
	irqs->vectors = vectors;
	irqs->count = count;
	irqs->masked = irqs->disabled;
	irq_unlock(pci);
	if (irq == VFIO_PCI_INTX)
		rc = pci->io.set_intx(pci->io.context, on_intx, pci);
	else if (pci->io.set_msi)
		rc = start_messages(pci, count);
	if (rc) {
		disable(pci);
		return rc;
	}
	if (irq == VFIO_PCI_MSI)
		uiommu_vfio_pci_config_msi(pci, count);
	return 0;
}

void uiommu_vfio_pci_irq_start(struct vfio_pci *pci)
{
	pci->irqs = (struct vfio_pci_irqs){ .active = VFIO_PCI_NO_IRQ, .err = -1, .req = -1 };
}

void uiommu_vfio_pci_irq_stop(struct vfio_pci *pci)
{
	disable(pci);
	irq_lock(pci);
	drop(&pci->irqs.err);
	drop(&pci->irqs.req);
	irq_unlock(pci);
}

/* ---- the actions ------------------------------------------------------------------------------- */

/* -1 or a descriptor of the program's instead of what is there. */
static long replace(struct vfio_pci *pci, int *slot, int fd)
{
	int copy = fd < 0 ? -1 : uiommu_vfio_eventfd(fd);

	if (fd >= 0 && copy < 0)
		return copy;
	irq_lock(pci);
	drop(slot);
	*slot = copy;
	irq_unlock(pci);
	return 0;
}

static long intx_trigger(struct vfio_pci *pci, const struct vfio_irq_request *r)
{
	bool active = uiommu_vfio_pci_irq_active(pci, VFIO_PCI_INTX), enabled = false;
	long rc = 0;

	if (active && !r->count && r->flags & ABI_VFIO_IRQ_SET_DATA_NONE) {
		disable(pci);
		return 0;
	}
	if (r->start || r->count != 1 ||
	    (!active && !uiommu_vfio_pci_irq_active(pci, VFIO_PCI_NO_IRQ)))
		return -UIOMMU_EINVAL;
	if (uiommu_vfio_irq_has_fds(r)) {
		if (!active) {
			rc = enable(pci, VFIO_PCI_INTX, 1);
			enabled = !rc;
		}
		if (!rc)
			rc = replace(pci, &pci->irqs.vectors[0], r->fds[0]);
		if (rc && enabled)
			disable(pci);
		return rc;
	}
	if (!active)
		return -UIOMMU_EINVAL;
	irq_lock(pci);
	if (uiommu_vfio_irq_is_set(r, 0))
		signal_vector(pci, 0);
	irq_unlock(pci);
	return 0;
}

static void unmask_signalled(void *context)
{
	intx_unmask(context);
}

static long watch_unmask(struct vfio_pci *pci, int fd)
{
	if (fd < 0) {
		uiommu_vfio_watch_stop(&pci->unmask);
		return 0;
	}
	return uiommu_vfio_watch_start(pci->device.uapi, fd, unmask_signalled, pci, &pci->unmask);
}

static long intx_masking(struct vfio_pci *pci, const struct vfio_irq_request *r)
{
	bool mask = r->flags & ABI_VFIO_IRQ_SET_ACTION_MASK;

	if (!uiommu_vfio_pci_irq_active(pci, VFIO_PCI_INTX) || r->start || r->count != 1)
		return -UIOMMU_EINVAL;
	if (uiommu_vfio_irq_has_fds(r))
		return mask ? -UAPI_ENOTTY : watch_unmask(pci, r->fds[0]);
	if (!uiommu_vfio_irq_is_set(r, 0))
		return 0;
	if (mask)
		intx_mask(pci);
	else
		intx_unmask(pci);
	return 0;
}

static long set_block(struct vfio_pci *pci, const struct vfio_irq_request *r)
{
	struct vfio_pci_irqs *irqs = &pci->irqs;
	long rc = 0;

	if (r->start >= irqs->count || r->count > irqs->count - r->start)
		return -UIOMMU_EINVAL;
	for (unsigned int i = 0; !rc && i < r->count; i++) {
		rc = replace(pci, &irqs->vectors[r->start + i], r->fds[i]);
		if (!rc)
			continue;
		irq_lock(pci);
		for (unsigned int j = 0; j <= i; j++)
			drop(&irqs->vectors[r->start + j]);
		irq_unlock(pci);
	}
	return rc;
}

static long msi_trigger(struct vfio_pci *pci, const struct vfio_irq_request *r)
{
	bool active = uiommu_vfio_pci_irq_active(pci, r->index);
	long rc;

	if (active && !r->count && r->flags & ABI_VFIO_IRQ_SET_DATA_NONE) {
		disable(pci);
		return 0;
	}
	if (!active && !uiommu_vfio_pci_irq_active(pci, VFIO_PCI_NO_IRQ))
		return -UIOMMU_EINVAL;
	if (uiommu_vfio_irq_has_fds(r)) {
		if (active)
			return set_block(pci, r);
		rc = enable(pci, r->index, r->start + r->count);
		if (rc)
			return rc;
		rc = set_block(pci, r);
		if (rc)
			disable(pci);
		return rc;
	}
	if (!active)
		return -UIOMMU_EINVAL;
	irq_lock(pci);
	for (unsigned int i = 0; i < r->count; i++) {
		if (uiommu_vfio_irq_is_set(r, i))
			signal_vector(pci, r->start + i);
	}
	irq_unlock(pci);
	return 0;
}

/* ERR and REQ. */
static long single_trigger(struct vfio_pci *pci, const struct vfio_irq_request *r)
{
	int *slot = r->index == VFIO_PCI_ERR ? &pci->irqs.err : &pci->irqs.req;
	long rc = 0;

	if (r->start || r->count > 1)
		return -UIOMMU_EINVAL;
	if (!(r->flags & ABI_VFIO_IRQ_SET_DATA_NONE) && !r->count)
		return -UIOMMU_EINVAL;
	if (uiommu_vfio_irq_has_fds(r))
		return r->fds[0] < -1 ? -UIOMMU_EINVAL : replace(pci, slot, r->fds[0]);
	irq_lock(pci);
	if (r->bools) {
		if (r->bools[0] && *slot >= 0)
			uiommu_vfio_signal(*slot);
	} else if (*slot < 0) {
		rc = -UIOMMU_EINVAL;
	} else if (r->count) {
		uiommu_vfio_signal(*slot);
	} else {
		drop(slot);
	}
	irq_unlock(pci);
	return rc;
}

/* ---- the command ------------------------------------------------------------------------------- */

unsigned int uiommu_vfio_pci_irq_count(struct vfio_pci *pci, unsigned int index)
{
	const struct uiommu_uapi_device_io *io = &pci->io;

	switch (index) {
	case VFIO_PCI_INTX:
		return io->set_intx && io->config_read(io->context, PCI_INTERRUPT_PIN, 1) ? 1 : 0;
	case VFIO_PCI_MSI:
		if (!pci->msi)
			return 0;
		return 1u << ((io->config_read(io->context, pci->msi + 2, 2) & MSI_QUEUE_CAPABLE) >>
			      1);
	case VFIO_PCI_MSIX:
		if (!pci->msix)
			return 0;
		return (io->config_read(io->context, pci->msix + PCI_MSIX_CONTROL, 2) &
			PCI_MSIX_SIZE) +
		       1;
	case VFIO_PCI_ERR:
		return pci->pcie ? 1 : 0;
	case VFIO_PCI_REQ:
		return 1;
	default:
		return 0;
	}
}

static long act(struct vfio_pci *pci, const struct vfio_irq_request *r)
{
	uint32_t action = r->flags & ACTION_FLAGS;

	if (!uiommu_vfio_is_one_bit(action) ||
	    (r->index != VFIO_PCI_INTX && action != ABI_VFIO_IRQ_SET_ACTION_TRIGGER))
		return -UAPI_ENOTTY;
	if (action != ABI_VFIO_IRQ_SET_ACTION_TRIGGER)
		return intx_masking(pci, r);
	if (r->index == VFIO_PCI_INTX)
		return intx_trigger(pci, r);
	if (r->index == VFIO_PCI_MSI || r->index == VFIO_PCI_MSIX)
		return msi_trigger(pci, r);
	return single_trigger(pci, r);
}

static unsigned int irq_count(void *context, unsigned int index)
{
	return uiommu_vfio_pci_irq_count(context, index);
}

long uiommu_vfio_pci_set_irqs(struct vfio_pci *pci, struct uiommu_uapi *uapi, uintptr_t argument)
{
	struct vfio_irq_request r;
	long rc = uiommu_vfio_irq_request(uapi, argument, VFIO_PCI_NUM_IRQS, irq_count, pci, &r);

	if (rc)
		return rc;
	rc = act(pci, &r);
	uiommu_vfio_irq_request_free(uapi, &r);
	return rc;
}
