/* SPDX-License-Identifier: MIT */
/*
 * vfio_pci.h - what the files of vfio-pci share
 *
 * Locks: device->lock of the frame, config (the shadow, and what is written to the device), irq (vectors).
 * irq is a leaf: nothing of the host's is called with it held, for interrupts arrive in the midst of accesses.
 */
#ifndef UIOMMU_SRC_UAPI_VFIO_PCI_H
#define UIOMMU_SRC_UAPI_VFIO_PCI_H

#include <uiommu/pci.h>

#include "spec/pci.h"
#include "src/uapi/vfio.h"
#include "src/uapi/vfio_irq.h"

#define VFIO_PCI_REGION_SHIFT 40
#define VFIO_PCI_NUM_REGIONS 9u
#define VFIO_PCI_NUM_IRQS 5u
#define VFIO_PCI_NUM_BARS 6u
#define VFIO_PCI_IOEVENTFDS 1000u

enum vfio_pci_region {
	VFIO_PCI_ROM = 6,
	VFIO_PCI_CONFIG = 7,
	VFIO_PCI_VGA = 8,
};

enum vfio_pci_irq {
	VFIO_PCI_INTX,
	VFIO_PCI_MSI,
	VFIO_PCI_MSIX,
	VFIO_PCI_ERR,
	VFIO_PCI_REQ,
	VFIO_PCI_NO_IRQ,
};

struct vfio_pci_ioeventfd;

/* Something that is signalled: our own copy of the descriptor, -1: none. */
struct vfio_pci_irqs {
	enum vfio_pci_irq active; /* INTx, MSI, MSI-X, or VFIO_PCI_NO_IRQ */
	int *vectors;
	unsigned int count; /* of vectors */
	bool masked; /* INTx */
	bool disabled; /* INTx disable, as the program wrote it last; config_lock */
	int err, req;
};

struct vfio_pci {
	struct vfio_device device; /* first */
	struct uiommu_uapi_device_io io;
	bool can_reset;
	_Atomic(bool) low_power; /* LOW_POWER_ENTRY; irq_lock to change */
	_Atomic(bool) tells; /* with a wakeup */
	int wakeup; /* its eventfd, or -1; irq_lock */
	uint32_t command; /* as the device had it when the driver came */

	struct uiommu_mutex config_lock;
	unsigned int config_size;
	uint8_t *shadow; /* what is virtual; 0 while it is closed, as the two below */
	uint8_t *is_virtual; /* its bits: read from the shadow, and written there */
	uint8_t *writable; /* its bits: may be written */
	uint32_t bars[VFIO_PCI_NUM_BARS]; /* of the device, when it was opened */
	unsigned int msi_queue; /* log2 of the vectors that SET_IRQS has asked for */
	unsigned int pm, msi, msix, pcie, af; /* offsets, 0: not there */
	unsigned int msix_bar;
	uint64_t msix_start, msix_end; /* of the table in that BAR */

	struct uiommu_mutex irq_lock;
	struct vfio_pci_irqs irqs;
	struct vfio_watch *unmask; /* an eventfd that unmasks INTx; device->lock */

	struct uiommu_mutex ioeventfd_lock;
	struct vfio_pci_ioeventfd *ioeventfds;
};

static inline struct vfio_pci *to_pci(struct vfio_device *device)
{
	return (struct vfio_pci *)device;
}

/* ---- vfio_pci.c -------------------------------------------------------------------------------- */

extern const struct vfio_driver uiommu_vfio_pci_driver;

/* Not yet registered, or no more. */
int uiommu_vfio_pci_create(struct uiommu_uapi *uapi, struct uiommu_device *dev,
			   const struct uiommu_uapi_device_io *io, struct vfio_pci **out);
void uiommu_vfio_pci_destroy(struct vfio_pci *pci);

/* Function reset with the library told of it. 0; -UIOMMU_EINVAL: it has none; what the host says. */
int uiommu_vfio_pci_reset(struct vfio_pci *pci);

/* ---- vfio_pci_hot_reset.c ---------------------------------------------------------------------- */

/* device->lock is held. */
long uiommu_vfio_pci_hot_reset_info(struct vfio_pci *pci, uintptr_t argument);
long uiommu_vfio_pci_hot_reset(struct vfio_pci *pci, struct uiommu_uapi_process *caller,
			       uintptr_t argument);

/* ---- vfio_pci_config.c ------------------------------------------------------------------------- */

/* The shadow of a device that is opened, its capabilities found. 0, -UIOMMU_ENOMEM. */
int uiommu_vfio_pci_config_start(struct vfio_pci *pci);
void uiommu_vfio_pci_config_stop(struct vfio_pci *pci);
/* Find capabilities and sizes; once, when it is bound. */
void uiommu_vfio_pci_config_probe(struct vfio_pci *pci);
long uiommu_vfio_pci_config_read(struct vfio_pci *pci, uint8_t *buffer, size_t size,
				 uint64_t offset);
long uiommu_vfio_pci_config_write(struct vfio_pci *pci, const uint8_t *buffer, size_t size,
				  uint64_t offset);
bool uiommu_vfio_pci_config_intx_disabled(struct vfio_pci *pci);
bool uiommu_vfio_pci_memory_enabled(struct vfio_pci *pci);
/* What SET_IRQS tells: MSI is on with room for @vectors, or off (0). */
void uiommu_vfio_pci_config_msi(struct vfio_pci *pci, unsigned int vectors);

/* ---- vfio_pci_irq.c ---------------------------------------------------------------------------- */

void uiommu_vfio_pci_irq_start(struct vfio_pci *pci);
/* Everything off: at close. */
void uiommu_vfio_pci_irq_stop(struct vfio_pci *pci);
unsigned int uiommu_vfio_pci_irq_count(struct vfio_pci *pci, unsigned int index);
long uiommu_vfio_pci_set_irqs(struct vfio_pci *pci, struct uiommu_uapi *uapi, uintptr_t argument);
/* The program has written INTx disable. */
void uiommu_vfio_pci_intx_disable(struct vfio_pci *pci, bool disable);
bool uiommu_vfio_pci_irq_active(struct vfio_pci *pci, enum vfio_pci_irq irq);
void uiommu_vfio_pci_signal_req(struct vfio_pci *pci);

/* ---- vfio_pci_ioeventfd.c ---------------------------------------------------------------------- */

long uiommu_vfio_pci_ioeventfd(struct vfio_pci *pci, uintptr_t argument);
/* All of them: at close. */
void uiommu_vfio_pci_ioeventfd_stop(struct vfio_pci *pci);

#endif /* UIOMMU_SRC_UAPI_VFIO_PCI_H */
