/* SPDX-License-Identifier: MIT */
/*
 * uapi_io.c - a machine's devices, as the user ABI hands them to programs: PCI, and all of it
 *
 * Interrupts are messages to the host's own controller.  VT-d lets them pass; an SMMUv3 translates them, and who
 * owns the device says where it has mapped their doorbell.  Behind a virtio-iommu that says nothing of messages there
 * would have to be a controller behind the translation, which the model does not have: none are sent.
 */
#include <stdlib.h>
#include <string.h>

#include <uiommu/port.h>

#include "machines/internal.h"
#include "machines/uapi_io.h"
#include "spec/pci.h"

#define MSI_CONTROL 2u
#define MSI_ENABLE 1u
#define MSI_64BIT 0x80u
#define MSI_ADDRESS 4u

static uint32_t config_read(void *context, unsigned int offset, unsigned int size)
{
	struct machine_device *device = ((struct machine_uapi_io *)context)->device;

	return device->fn->topology->config_read(device->fn, offset, size);
}

static void config_write(void *context, unsigned int offset, unsigned int size, uint32_t value)
{
	struct machine_device *device = ((struct machine_uapi_io *)context)->device;

	device->fn->topology->config_write(device->fn, offset, size, value);
}

static uint64_t bar_read(void *context, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct machine_uapi_io *io = context;

	return machine_mmio_read(io->device->machine, io->bar[bar] + offset, size);
}

static void bar_write(void *context, unsigned int bar, uint64_t offset, unsigned int size,
		      uint64_t value)
{
	struct machine_uapi_io *io = context;

	machine_mmio_write(io->device->machine, io->bar[bar] + offset, size, value);
}

static int reset(void *context)
{
	return machine_device_reset(((struct machine_uapi_io *)context)->device);
}

static int bus_reset(void *context)
{
	return machine_bus_reset(((struct machine_uapi_io *)context)->device);
}

static unsigned int bus_reset_devices(void *context, struct uiommu_device **devices,
				      unsigned int room)
{
	struct machine_device *on_bus[16];
	unsigned int count =
		machine_bus_reset_devices(((struct machine_uapi_io *)context)->device, on_bus, 16);

	if (count > 16)
		return 0;
	for (unsigned int i = 0; i < count; i++) {
		struct uiommu_device *dev = machine_device_uiommu(on_bus[i]);

		/* The library does not know it, and nobody can own it. */
		if (!dev)
			return 0;
		if (i < room)
			devices[i] = dev;
	}
	return count;
}

static void on_interrupt(void *context)
{
	struct machine_uapi_io *io = context;

	io->deliver(io->token, 0);
}

static void stop_msi(struct machine_uapi_io *io)
{
	struct uiommu_posix *host = machine_host(io->device->machine);

	if (!io->deliver)
		return;
	config_write(io, io->msi + MSI_CONTROL, 2,
		     config_read(io, io->msi + MSI_CONTROL, 2) & ~(uint32_t)MSI_ENABLE);
	uiommu_port_irq_free(host, io->irq);
	io->deliver = NULL;
}

/* One message is all that a modelled function sends. */
static int set_msi(void *context, unsigned int vectors,
		   void (*deliver)(void *token, unsigned int vector), void *token)
{
	struct machine_uapi_io *io = context;
	struct uiommu_msi msi;
	uint32_t control;
	unsigned int data;

	stop_msi(io);
	if (!vectors)
		return 0;
	if (vectors > 1)
		return 1;
	io->token = token;
	io->deliver = deliver;
	io->irq =
		uiommu_port_irq_request(machine_host(io->device->machine), on_interrupt, io, &msi);
	if (io->irq < 0) {
		io->deliver = NULL;
		return io->irq;
	}
	if (io->msi_address)
		msi.address = io->msi_address;
	control = config_read(io, io->msi + MSI_CONTROL, 2);
	data = io->msi + MSI_ADDRESS + 4;
	config_write(io, io->msi + MSI_ADDRESS, 4, (uint32_t)msi.address);
	if (control & MSI_64BIT) {
		config_write(io, data, 4, (uint32_t)(msi.address >> 32));
		data += 4;
	}
	config_write(io, data, 2, msi.data & 0xffff);
	config_write(io, io->msi + MSI_CONTROL, 2, control | MSI_ENABLE);
	return 0;
}

static void set_msi_address(void *context, uint64_t address)
{
	((struct machine_uapi_io *)context)->msi_address = address;
}

static void nothing(void *context)
{
	(void)context;
}

/* Where the host's controller takes messages: it tells with an interrupt. */
static int find_doorbell(struct machine_uapi_io *io, uint64_t *doorbell)
{
	struct uiommu_posix *host = machine_host(io->device->machine);
	struct uiommu_msi msi;
	int irq = uiommu_port_irq_request(host, nothing, NULL, &msi);

	if (irq < 0)
		return irq;
	uiommu_port_irq_free(host, irq);
	*doorbell = msi.address;
	return 0;
}

/* Do messages reach the controller? */
static bool messages(struct machine_device *device)
{
	struct machine *m = device->machine;
	const struct uiommu_instance *instance = device->dev ? uiommu_device_instance(device->dev) :
							       NULL;

	if (m->dmar)
		return true;
	for (unsigned int i = 0; instance && i < m->num_units; i++)
		if (machine_unit_instance(m, i) == instance)
			return m->units[i].driver == &machine_driver_smmuv3 &&
			       m->hw->traits & MACHINE_REPORTS;
	return false;
}

static void find_bars(struct machine_uapi_io *io, struct uiommu_uapi_device_io *out)
{
	uint32_t command = config_read(io, PCI_COMMAND, 2);

	/* Nobody looks at the BARs while they are tried out. */
	config_write(io, PCI_COMMAND, 2,
		     command &
			     ~(uint32_t)(PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER));
	for (unsigned int bar = 0; bar < 6; bar++) {
		uint32_t was = config_read(io, PCI_BAR(bar), 4), mask;

		config_write(io, PCI_BAR(bar), 4, UINT32_MAX);
		mask = config_read(io, PCI_BAR(bar), 4) & PCI_BAR_MEMORY_MASK;
		config_write(io, PCI_BAR(bar), 4, was);
		if (!mask || was & PCI_BAR_IO)
			continue;
		io->bar[bar] = was & PCI_BAR_MEMORY_MASK;
		out->bar_address[bar] = io->bar[bar];
		out->bar_size[bar] = (uint64_t)~mask + 1;
	}
	config_write(io, PCI_COMMAND, 2, command);
}

int machine_device_io(struct machine_device *device, struct machine_uapi_io *io,
		      struct uiommu_uapi_device_io *out)
{
	memset(io, 0, sizeof(*io));
	memset(out, 0, sizeof(*out));
	if (!device->fn)
		return -UIOMMU_EINVAL;
	io->device = device;
	io->msi = uiommu_pci_find_capability(device->fn, PCI_CAP_ID_MSI);
	out->config_read = config_read;
	out->config_write = config_write;
	out->bar_read = bar_read;
	out->bar_write = bar_write;
	out->context = io;
	if (device->traits & MACHINE_RESET)
		out->reset = reset;
	out->bus_reset = bus_reset;
	out->bus_reset_devices = bus_reset_devices;
	find_bars(io, out);
	if (!io->msi || !messages(device))
		return 0;
	out->set_msi = set_msi;
	out->set_msi_address = set_msi_address;
	return find_doorbell(io, &out->msi_doorbell);
}

/* ---- all of it --------------------------------------------------------------------------------- */

/* The driver that a device has when no program has it: one that uses the DMA API, and does nothing. */
static int native_bind(void *context)
{
	return uiommu_device_bind_driver(machine_device_uiommu(context), 0);
}

static void native_unbind(void *context)
{
	uiommu_device_unbind_driver(machine_device_uiommu(context));
}

int machine_uapi_add(struct machine_device *device, struct uiommu_uapi *uapi,
		     struct uiommu_uapi_device **out)
{
	struct uiommu_uapi_device_config config = {
		.dev = machine_device_uiommu(device),
		.native_driver = "machine-dma",
		.native_bind = native_bind,
		.native_unbind = native_unbind,
		.context = device,
	};
	struct uiommu_uapi_device_io io;
	int rc;

	*out = NULL;
	if (!config.dev)
		return -UIOMMU_ENODEV;
	if (device->platform) {
		config.bus = UIOMMU_UAPI_PLATFORM;
		rc = machine_platform_io(device, &config.platform);
		return rc ? rc : uiommu_uapi_add_device(uapi, &config, out);
	}
	if (!device->uapi_io)
		device->uapi_io = calloc(1, sizeof(*device->uapi_io));
	if (!device->uapi_io)
		return -UIOMMU_ENOMEM;
	rc = machine_device_io(device, device->uapi_io, &io);
	if (rc)
		return rc;
	config.io = &io;
	return uiommu_uapi_add_device(uapi, &config, out);
}
