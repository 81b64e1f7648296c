/* SPDX-License-Identifier: MIT */
/* kernel.c - registers, a unit, devices, domains: the example of docs/PORTING.md */
#include "ports/minimal/kernel.h"

/* ---- registers --------------------------------------------------------------------------------- */

static uint32_t read32(void *context, uint64_t offset)
{
	return *(volatile uint32_t *)((volatile char *)context + offset);
}

static uint64_t read64(void *context, uint64_t offset)
{
	return *(volatile uint64_t *)((volatile char *)context + offset);
}

static void write32(void *context, uint64_t offset, uint32_t value)
{
	*(volatile uint32_t *)((volatile char *)context + offset) = value;
}

static void write64(void *context, uint64_t offset, uint64_t value)
{
	*(volatile uint64_t *)((volatile char *)context + offset) = value;
}

struct uiommu_mmio kernel_mmio(volatile void *base)
{
	return (struct uiommu_mmio){
		.read32 = read32,
		.read64 = read64,
		.write32 = write32,
		.write64 = write64,
		.context = (void *)base,
	};
}

/* ---- a system and its IOMMU -------------------------------------------------------------------- */

static void on_fault(void *context, const struct uiommu_fault *fault)
{
	struct kernel *kernel = context;

	kernel->last_fault = *fault;
	kernel->faults++;
}

int kernel_start(struct kernel *kernel, const struct uiommu_mmio *registers)
{
	const struct uiommu_system_config system = {
		.host = &kernel->host,
		.on_fault = on_fault,
		.context = kernel,
	};
	struct uiommu_vtd_config unit = {
		.fwnode = &kernel->unit_node,
		.name = "dmar0",
		.mmio = *registers,
	};
	int rc = uiommu_system_create(&system, &kernel->sys);

	if (rc)
		return rc;
	rc = uiommu_vtd_create(kernel->sys, &unit, &kernel->unit);
	if (rc)
		uiommu_system_destroy(kernel->sys);
	return rc;
}

void kernel_stop(struct kernel *kernel)
{
	uiommu_vtd_destroy(kernel->unit);
	uiommu_system_destroy(kernel->sys);
}

/* ---- devices ----------------------------------------------------------------------------------- */

/* Which IOMMU is @dev behind, and what does that call it? */
static int configure(struct uiommu_device *dev, void *context)
{
	struct kernel_device *device = context;
	int rc = uiommu_fwspec_init(dev, &device->kernel->unit_node);

	return rc ? rc : uiommu_fwspec_add_ids(dev, &device->source_id, 1);
}

int kernel_device_open(struct kernel_device *device, const char *name)
{
	const struct uiommu_device_desc desc = {
		.name = name,
		.bus = "platform",
		.configure = configure,
		.context = device,
	};
	int rc = uiommu_device_add(device->kernel->sys, &desc, &device->dev);

	if (rc)
		return rc;
	rc = uiommu_device_error(device->dev);
	if (rc)
		goto remove;
	rc = uiommu_domain_alloc_paging(device->dev, 0, &device->domain);
	if (rc)
		goto remove;
	rc = uiommu_attach_device(device->domain, device->dev);
	if (rc == 0)
		return 0;
	uiommu_domain_free(device->domain);
remove:
	uiommu_device_remove(device->dev);
	return rc;
}

void kernel_device_close(struct kernel_device *device)
{
	uiommu_detach_device(device->domain, device->dev);
	uiommu_domain_free(device->domain);
	uiommu_device_remove(device->dev);
}
