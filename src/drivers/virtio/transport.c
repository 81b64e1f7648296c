/* SPDX-License-Identifier: MIT */
/*
 * transport.c - the device's registers, over PCI (4.1) or MMIO (4.2)
 *
 * Each field is accessed with its own width, 64-bit ones as two of 32 bits (4.1.3.1).
 */
#include "src/drivers/virtio/viommu.h"

#include "spec/pci.h"

#define VENDOR_CAP_ID 0x09u /* a vendor-specific PCI capability */
#define MAX_CAPABILITIES 48 /* 192 bytes of configuration space, 4 bytes each at least */

static uint8_t read8(const struct viommu_window *w, uint32_t at)
{
	return w->regs->read8(w->regs->context, w->offset + at);
}

static uint16_t read16(const struct viommu_window *w, uint32_t at)
{
	return w->regs->read16(w->regs->context, w->offset + at);
}

static uint32_t read32(const struct viommu_window *w, uint32_t at)
{
	return w->regs->read32(w->regs->context, w->offset + at);
}

static void write8(const struct viommu_window *w, uint32_t at, uint8_t value)
{
	w->regs->write8(w->regs->context, w->offset + at, value);
}

static void write16(const struct viommu_window *w, uint32_t at, uint16_t value)
{
	w->regs->write16(w->regs->context, w->offset + at, value);
}

static void write32(const struct viommu_window *w, uint32_t at, uint32_t value)
{
	w->regs->write32(w->regs->context, w->offset + at, value);
}

static void write64(const struct viommu_window *w, uint32_t at, uint64_t value)
{
	write32(w, at, (uint32_t)value);
	write32(w, at + 4, (uint32_t)(value >> 32));
}

/* ---- finding it -------------------------------------------------------------------------------- */

static uint32_t config(struct uiommu_pci_function *fn, unsigned int at, unsigned int size)
{
	return fn->topology->config_read(fn, at, size);
}

static int fail(const struct uiommu_virtio_iommu *viommu, int rc, const char *what)
{
	uiommu_log(viommu->host, UIOMMU_LOG_ERROR, "%s: %s", viommu->config.name, what);
	return rc;
}

/* A structure that @cap tells of; false if this driver cannot use it (then another may come). */
static bool window(struct uiommu_virtio_iommu *viommu, unsigned int cap, uint32_t least,
		   uint32_t align, struct viommu_window *out)
{
	struct uiommu_pci_function *fn = viommu->config.pci;
	unsigned int bar = config(fn, cap + VIRTIO_PCI_CAP_BAR, 1);
	struct viommu_window w;

	if (out->regs || bar >= UIOMMU_VIRTIO_BARS || !viommu->config.regs[bar].read32)
		return false;
	w.regs = &viommu->config.regs[bar];
	w.offset = config(fn, cap + VIRTIO_PCI_CAP_OFFSET, 4);
	w.length = config(fn, cap + VIRTIO_PCI_CAP_LENGTH, 4);
	if (w.length < least || w.offset % align)
		return false;
	*out = w;
	return true;
}

static int find_structures(struct uiommu_virtio_iommu *viommu)
{
	struct uiommu_pci_function *fn = viommu->config.pci;
	struct viommu_transport *t = &viommu->transport;
	unsigned int at = config(fn, PCI_CAP_POINTER, 1) & ~3u;

	for (unsigned int i = 0; i < MAX_CAPABILITIES && at >= PCI_CAP_FIRST; i++) {
		if (config(fn, at + PCI_CAP_ID, 1) == VENDOR_CAP_ID &&
		    config(fn, at + VIRTIO_PCI_CAP_LEN, 1) >= VIRTIO_PCI_CAP_SIZE)
			switch (config(fn, at + VIRTIO_PCI_CAP_CFG_TYPE, 1)) {
			case VIRTIO_PCI_CFG_COMMON:
				window(viommu, at, VIRTIO_PCI_COMMON_SIZE, 4, &t->common);
				break;
			case VIRTIO_PCI_CFG_NOTIFY:
				if (window(viommu, at, 2, 2, &t->notify))
					t->notify_multiplier = config(
						fn, at + VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER, 4);
				break;
			case VIRTIO_PCI_CFG_ISR:
				window(viommu, at, 1, 1, &t->isr);
				break;
			case VIRTIO_PCI_CFG_DEVICE:
				window(viommu, at, VIRTIO_IOMMU_CONFIG_SIZE, 4, &t->device);
				break;
			}
		at = config(fn, at + PCI_CAP_NEXT, 1) & ~3u;
	}
	if (!t->common.regs || !t->notify.regs || !t->isr.regs || !t->device.regs)
		return fail(viommu, -UIOMMU_EIO,
			    "its capabilities do not lead to all of its registers");
	return 0;
}

static int init_pci(struct uiommu_virtio_iommu *viommu)
{
	struct uiommu_pci_function *fn = viommu->config.pci;

	if (config(fn, PCI_VENDOR_ID, 2) != VIRTIO_PCI_VENDOR ||
	    config(fn, PCI_DEVICE_ID, 2) != VIRTIO_PCI_DEVICE_BASE + VIRTIO_ID_IOMMU)
		return fail(viommu, -UIOMMU_ENODEV, "the PCI function is no virtio IOMMU");
	viommu->transport.pci = true;
	return find_structures(viommu);
}

static int init_mmio(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_transport *t = &viommu->transport;

	t->common = (struct viommu_window){ &viommu->config.regs[0], 0, VIRTIO_MMIO_CONFIG };
	t->device = (struct viommu_window){ &viommu->config.regs[0], VIRTIO_MMIO_CONFIG,
					    VIRTIO_IOMMU_CONFIG_SIZE };
	if (read32(&t->common, VIRTIO_MMIO_MAGIC_VALUE) != VIRTIO_MMIO_MAGIC)
		return fail(viommu, -UIOMMU_ENODEV, "there is no virtio device at its registers");
	if (read32(&t->common, VIRTIO_MMIO_DEVICE_ID) != VIRTIO_ID_IOMMU)
		return fail(viommu, -UIOMMU_ENODEV, "the virtio device is no IOMMU");
	if (read32(&t->common, VIRTIO_MMIO_VERSION) != VIRTIO_MMIO_VERSION_1)
		return fail(viommu, -UIOMMU_EOPNOTSUPP,
			    "a legacy virtio device (version 1 of the registers)");
	return 0;
}

int uiommu_viommu_transport_init(struct uiommu_virtio_iommu *viommu)
{
	return viommu->config.pci ? init_pci(viommu) : init_mmio(viommu);
}

/* ---- status and features ----------------------------------------------------------------------- */

uint8_t uiommu_viommu_status(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_transport *t = &viommu->transport;

	return t->pci ? read8(&t->common, VIRTIO_PCI_COMMON_DEVICE_STATUS) :
			(uint8_t)read32(&t->common, VIRTIO_MMIO_STATUS);
}

void uiommu_viommu_set_status(struct uiommu_virtio_iommu *viommu, uint8_t status)
{
	struct viommu_transport *t = &viommu->transport;

	if (t->pci)
		write8(&t->common, VIRTIO_PCI_COMMON_DEVICE_STATUS, status);
	else
		write32(&t->common, VIRTIO_MMIO_STATUS, status);
}

/* The device is reset once it says 0 (4.1.4.3.2, 4.2.2.2). */
int uiommu_viommu_reset(struct uiommu_virtio_iommu *viommu)
{
	struct uiommu_patience patience;

	uiommu_viommu_set_status(viommu, 0);
	uiommu_patience_begin(viommu->host, &patience);
	while (uiommu_viommu_status(viommu))
		if (!uiommu_patience_turn(viommu->host, &patience))
			return fail(viommu, -UIOMMU_ETIMEDOUT, "it does not come out of reset");
	return 0;
}

uint64_t uiommu_viommu_device_features(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_transport *t = &viommu->transport;
	uint32_t select = t->pci ? VIRTIO_PCI_COMMON_DEVICE_FEATURE_SELECT :
				   VIRTIO_MMIO_DEVICE_FEATURES_SEL;
	uint32_t at = t->pci ? VIRTIO_PCI_COMMON_DEVICE_FEATURE : VIRTIO_MMIO_DEVICE_FEATURES;
	uint64_t low;

	write32(&t->common, select, 0);
	low = read32(&t->common, at);
	write32(&t->common, select, 1);
	return low | (uint64_t)read32(&t->common, at) << 32;
}

void uiommu_viommu_set_driver_features(struct uiommu_virtio_iommu *viommu, uint64_t features)
{
	struct viommu_transport *t = &viommu->transport;
	uint32_t select = t->pci ? VIRTIO_PCI_COMMON_DRIVER_FEATURE_SELECT :
				   VIRTIO_MMIO_DRIVER_FEATURES_SEL;
	uint32_t at = t->pci ? VIRTIO_PCI_COMMON_DRIVER_FEATURE : VIRTIO_MMIO_DRIVER_FEATURES;

	write32(&t->common, select, 0);
	write32(&t->common, at, (uint32_t)features);
	write32(&t->common, select, 1);
	write32(&t->common, at, (uint32_t)(features >> 32));
}

/* ---- queues ------------------------------------------------------------------------------------ */

static void select_queue(struct viommu_transport *t, uint16_t queue)
{
	if (t->pci)
		write16(&t->common, VIRTIO_PCI_COMMON_QUEUE_SELECT, queue);
	else
		write32(&t->common, VIRTIO_MMIO_QUEUE_SEL, queue);
}

uint16_t uiommu_viommu_queue_max(struct uiommu_virtio_iommu *viommu, uint16_t queue)
{
	struct viommu_transport *t = &viommu->transport;
	uint32_t most;

	select_queue(t, queue);
	most = t->pci ? read16(&t->common, VIRTIO_PCI_COMMON_QUEUE_SIZE) :
			read32(&t->common, VIRTIO_MMIO_QUEUE_NUM_MAX);
	return (uint16_t)(most > VIRTIO_QUEUE_MAX ? VIRTIO_QUEUE_MAX : most);
}

static int enable_pci(struct uiommu_virtio_iommu *viommu, uint16_t queue,
		      const struct viommu_ring *ring)
{
	struct viommu_transport *t = &viommu->transport;
	uint64_t notify;

	write16(&t->common, VIRTIO_PCI_COMMON_QUEUE_SIZE, ring->size);
	write64(&t->common, VIRTIO_PCI_COMMON_QUEUE_DESC, viommu_phys(viommu, ring->desc));
	write64(&t->common, VIRTIO_PCI_COMMON_QUEUE_DRIVER, viommu_phys(viommu, ring->avail));
	write64(&t->common, VIRTIO_PCI_COMMON_QUEUE_DEVICE, viommu_phys(viommu, ring->used));
	t->notify_offset[queue] = read16(&t->common, VIRTIO_PCI_COMMON_QUEUE_NOTIFY_OFF);
	notify = (uint64_t)t->notify_offset[queue] * t->notify_multiplier;
	if (notify + 2 > t->notify.length)
		return fail(viommu, -UIOMMU_EIO,
			    "a queue's notification lies outside of its structure");
	write16(&t->common, VIRTIO_PCI_COMMON_QUEUE_ENABLE, 1);
	return 0;
}

int uiommu_viommu_queue_enable(struct uiommu_virtio_iommu *viommu, uint16_t queue,
			       const struct viommu_ring *ring)
{
	struct viommu_transport *t = &viommu->transport;

	select_queue(t, queue);
	if (t->pci)
		return enable_pci(viommu, queue, ring);
	write32(&t->common, VIRTIO_MMIO_QUEUE_NUM, ring->size);
	write64(&t->common, VIRTIO_MMIO_QUEUE_DESC_LOW, viommu_phys(viommu, ring->desc));
	write64(&t->common, VIRTIO_MMIO_QUEUE_DRIVER_LOW, viommu_phys(viommu, ring->avail));
	write64(&t->common, VIRTIO_MMIO_QUEUE_DEVICE_LOW, viommu_phys(viommu, ring->used));
	write32(&t->common, VIRTIO_MMIO_QUEUE_READY, 1);
	return 0;
}

void uiommu_viommu_notify(struct uiommu_virtio_iommu *viommu, uint16_t queue)
{
	struct viommu_transport *t = &viommu->transport;

	if (t->pci)
		write16(&t->notify, t->notify_offset[queue] * t->notify_multiplier, queue);
	else
		write32(&t->common, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

/* ---- the IOMMU's configuration ----------------------------------------------------------------- */

uint32_t uiommu_viommu_config32(struct uiommu_virtio_iommu *viommu, uint32_t offset)
{
	return read32(&viommu->transport.device, offset);
}

void uiommu_viommu_set_config8(struct uiommu_virtio_iommu *viommu, uint32_t offset, uint8_t value)
{
	write8(&viommu->transport.device, offset, value);
}

uint8_t uiommu_viommu_config_generation(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_transport *t = &viommu->transport;

	return t->pci ? read8(&t->common, VIRTIO_PCI_COMMON_CONFIG_GENERATION) :
			(uint8_t)read32(&t->common, VIRTIO_MMIO_CONFIG_GENERATION);
}

/* Reading clears over PCI (4.1.4.5), writing over MMIO (4.2.2). */
void uiommu_viommu_acknowledge(struct uiommu_virtio_iommu *viommu)
{
	struct viommu_transport *t = &viommu->transport;
	uint32_t pending;

	if (t->pci) {
		read8(&t->isr, 0);
		return;
	}
	pending = read32(&t->common, VIRTIO_MMIO_INTERRUPT_STATUS);
	if (pending)
		write32(&t->common, VIRTIO_MMIO_INTERRUPT_ACK, pending);
}
