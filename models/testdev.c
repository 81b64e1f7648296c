/* SPDX-License-Identifier: MIT */
/* testdev.c - "iommu-testdev": writes a pattern through the IOMMU and looks where it arrived */
#include <string.h>

#include <uiommu/port.h>

#include "models/testdev.h"
#include "spec/iommu-testdev.h"

#define BAR_SIZE 0x1000u
#define REGISTERS 9u

struct testdev {
	struct model_pci_function *fn;
	struct model_memory *memory;
	struct uiommu_mutex lock;
	uint32_t reg[REGISTERS];
};

static uint64_t pair(const struct testdev *dev, unsigned int low, unsigned int high)
{
	return dev->reg[low / 4] | (uint64_t)dev->reg[high / 4] << 32;
}

static uint32_t run(struct testdev *dev)
{
	uint64_t phys = pair(dev, TESTDEV_REG_PHYS_LOW, TESTDEV_REG_PHYS_HIGH);
	uint32_t length = dev->reg[TESTDEV_REG_LENGTH / 4], pattern = TESTDEV_PATTERN, seen;
	struct model_pci_dma dma = {
		.type = MODEL_UNTRANSLATED,
		.address = pair(dev, TESTDEV_REG_IOVA_LOW, TESTDEV_REG_IOVA_HIGH),
		.size = 4,
		.access = MODEL_WRITE,
	};

	for (uint32_t done = 0; done + 4 <= length; done += 4, dma.address += 4) {
		uint8_t bytes[4];

		memcpy(bytes, &pattern, 4);
		if (model_pci_dma(dev->fn, &dma, bytes) != MODEL_OK)
			return TESTDEV_RESULT_REFUSED;
	}
	for (uint32_t done = 0; done + 4 <= length; done += 4)
		if (!model_memory_read(dev->memory, phys + done, &seen, 4) || seen != pattern)
			return TESTDEV_RESULT_MISMATCH;
	return TESTDEV_RESULT_OK;
}

static uint64_t mmio_read(void *device, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct testdev *dev = device;
	void *host = model_pci_host(dev->fn);
	uint32_t value;

	(void)bar;
	if (size != 4 || offset / 4 >= REGISTERS)
		return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
	uiommu_port_mutex_lock(host, &dev->lock);
	if (offset == TESTDEV_REG_TRIGGER &&
	    dev->reg[TESTDEV_REG_DOORBELL / 4] & TESTDEV_DOORBELL_ARM) {
		dev->reg[TESTDEV_REG_DOORBELL / 4] = 0;
		dev->reg[TESTDEV_REG_RESULT / 4] = run(dev);
	}
	value = dev->reg[offset / 4];
	uiommu_port_mutex_unlock(host, &dev->lock);
	return value;
}

static void mmio_write(void *device, unsigned int bar, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct testdev *dev = device;
	void *host = model_pci_host(dev->fn);

	(void)bar;
	if (size != 4 || offset / 4 >= REGISTERS || offset == TESTDEV_REG_TRIGGER ||
	    offset == TESTDEV_REG_RESULT)
		return;
	uiommu_port_mutex_lock(host, &dev->lock);
	dev->reg[offset / 4] = (uint32_t)value;
	uiommu_port_mutex_unlock(host, &dev->lock);
}

static void destroy(void *device)
{
	struct testdev *dev = device;
	void *host = model_pci_host(dev->fn);

	uiommu_port_mutex_destroy(host, &dev->lock);
	uiommu_port_free(host, dev, sizeof(*dev));
}

static const struct model_pci_device_ops testdev_ops = {
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.destroy = destroy,
};

void model_testdev_config(struct model_pci_config *config)
{
	config->vendor_id = TESTDEV_VENDOR_ID;
	config->device_id = TESTDEV_DEVICE_ID;
	if (!config->class_code)
		config->class_code = 0x00ff00;
	config->bar_size[0] = BAR_SIZE;
}

int model_testdev_create(struct model_pci_function *fn, struct model_memory *memory)
{
	void *host = model_pci_host(fn);
	struct testdev *dev = uiommu_port_alloc(host, sizeof(*dev));

	if (!dev)
		return -1;
	dev->fn = fn;
	dev->memory = memory;
	if (uiommu_port_mutex_init(host, &dev->lock)) {
		uiommu_port_free(host, dev, sizeof(*dev));
		return -1;
	}
	model_pci_set_device(fn, &testdev_ops, dev);
	return 0;
}
