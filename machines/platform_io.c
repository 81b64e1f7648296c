/* SPDX-License-Identifier: MIT */
/*
 * platform_io.c - a machine's device on no bus, as the user ABI hands it to programs
 *
 * The interrupt controller is here: it has one input, the device's wire, and masks it when it delivers.  Its lock
 * is held over deliveries, so that none runs any more when set_irq() has returned.
 */
#include <stdlib.h>

#include "machines/internal.h"
#include "machines/uapi_io.h"

struct machine_platform_io {
	struct machine_device *device;
	struct uiommu_uapi_platform_region region;
	struct uiommu_uapi_platform_irq irq;
	struct uiommu_uapi_platform_io io;
	_Atomic(uint64_t) delayed; /* ns */

	pthread_mutex_t lock;
	bool asserted, masked;
	void (*deliver)(void *token, unsigned int irq);
	void *token;
};

/* ---- registers --------------------------------------------------------------------------------- */

static uint32_t read_region(void *context, unsigned int region, uint64_t offset, unsigned int size)
{
	struct machine_platform_io *io = context;

	(void)region;
	return (uint32_t)machine_mmio_read(io->device->machine, io->region.address + offset, size);
}

static void write_region(void *context, unsigned int region, uint64_t offset, unsigned int size,
			 uint32_t value)
{
	struct machine_platform_io *io = context;

	(void)region;
	machine_mmio_write(io->device->machine, io->region.address + offset, size, value);
}

static void delay(void *context, uint64_t ns)
{
	struct machine_platform_io *io = context;

	io->delayed += ns;
	uiommu_port_relax(machine_host(io->device->machine));
}

/* ---- the interrupt controller ------------------------------------------------------------------ */

static void deliver(struct machine_platform_io *io)
{
	if (!io->deliver || !io->asserted || io->masked)
		return;
	io->masked = true;
	io->deliver(io->token, 0);
}

static void on_wire(void *context, bool asserted)
{
	struct machine_platform_io *io = context;

	pthread_mutex_lock(&io->lock);
	io->asserted = asserted;
	deliver(io);
	pthread_mutex_unlock(&io->lock);
}

static int set_irq(void *context, unsigned int irq, void (*to)(void *token, unsigned int irq),
		   void *token)
{
	struct machine_platform_io *io = context;

	(void)irq;
	pthread_mutex_lock(&io->lock);
	io->masked = true;
	io->deliver = to;
	io->token = token;
	pthread_mutex_unlock(&io->lock);
	return 0;
}

static void mask_irq(void *context, unsigned int irq, bool masked)
{
	struct machine_platform_io *io = context;

	(void)irq;
	pthread_mutex_lock(&io->lock);
	io->masked = masked;
	deliver(io);
	pthread_mutex_unlock(&io->lock);
}

/* ---- the device -------------------------------------------------------------------------------- */

static void watch(struct machine_device *device, void (*changed)(void *context, bool asserted))
{
	struct machine *m = device->machine;

	if (device->platform->wire && m->hw->ops->watch_wire)
		m->hw->ops->watch_wire(m->hw, (unsigned int)(device->platform - m->d->platforms),
				       changed, device->platform_io);
}

int machine_platform_io(struct machine_device *device, const struct uiommu_uapi_platform_io **out)
{
	const struct describe_platform *from = device->platform;
	struct machine_platform_io *io = device->platform_io;

	*out = NULL;
	if (!from)
		return -UIOMMU_EINVAL;
	if (io) {
		*out = &io->io;
		return 0;
	}
	io = calloc(1, sizeof(*io));
	if (!io)
		return -UIOMMU_ENOMEM;
	pthread_mutex_init(&io->lock, NULL);
	io->device = device;
	io->masked = true;
	io->region.address = from->base;
	io->region.size = from->size;
	io->irq.level = true;
	io->io = (struct uiommu_uapi_platform_io){
		.regions = &io->region,
		.num_regions = 1,
		.irqs = &io->irq,
		.num_irqs = from->wire,
		.read = read_region,
		.write = write_region,
		.set_irq = set_irq,
		.mask_irq = mask_irq,
		.compatible = from->compatible,
		.delay = delay,
		.context = io,
	};
	device->platform_io = io;
	watch(device, on_wire);
	*out = &io->io;
	return 0;
}

void machine_forget_platform_io(struct machine_device *device)
{
	struct machine_platform_io *io = device->platform_io;

	if (!io)
		return;
	watch(device, NULL);
	device->platform_io = NULL;
	pthread_mutex_destroy(&io->lock);
	free(io);
}

uint64_t machine_platform_delayed(const struct machine_device *device)
{
	return device->platform_io ? device->platform_io->delayed : 0;
}
