/* SPDX-License-Identifier: MIT */
/*
 * edu.c - the "edu" device
 *
 * A DMA is finished when time passes (settle), or after the command register was read a few times: software
 * that does not wait for it finds old data.  Only the registers of the DMA engine, identification, liveness and
 * interrupts are there; the factorial unit computes at once.  Beyond what QEMU's device does, the buffer can be
 * read and written at EDU_BUFFER in BAR 0.
 */
#include <string.h>

#include <uiommu/port.h>

#include "models/edu.h"
#include "spec/edu.h"

#define READS_UNTIL_DONE 2u

struct edu {
	struct model_pci_function *fn;
	struct uiommu_mutex lock;
	uint32_t liveness, factorial, irq_status;
	uint64_t source, destination, count, command;
	unsigned int reads;
	uint8_t buffer[EDU_BUFFER_SIZE];
};

static void lock(struct edu *edu)
{
	uiommu_port_mutex_lock(model_pci_host(edu->fn), &edu->lock);
}

static void unlock(struct edu *edu)
{
	uiommu_port_mutex_unlock(model_pci_host(edu->fn), &edu->lock);
}

/* The stretch of the buffer that @address and the count name, NULL if it is not inside. */
static uint8_t *buffer_at(struct edu *edu, uint64_t address)
{
	if (address < EDU_BUFFER || address - EDU_BUFFER > EDU_BUFFER_SIZE ||
	    edu->count > EDU_BUFFER_SIZE - (address - EDU_BUFFER))
		return NULL;
	return edu->buffer + (address - EDU_BUFFER);
}

/* With the lock held. Returns whether an interrupt is to be raised. */
static bool finish(struct edu *edu)
{
	bool to_memory = edu->command & EDU_DMA_TO_MEMORY;
	uint8_t *data = buffer_at(edu, to_memory ? edu->source : edu->destination);
	struct model_pci_dma dma = {
		.type = MODEL_UNTRANSLATED,
		.address = to_memory ? edu->destination : edu->source,
		.size = edu->count,
		.access = to_memory ? MODEL_WRITE : MODEL_READ,
	};

	if (!(edu->command & EDU_DMA_RUN))
		return false;
	/* The device does not look at the result, and a request that fails has no data. */
	if (data && model_pci_dma(edu->fn, &dma, data) != MODEL_OK && !to_memory)
		memset(data, 0, edu->count);
	edu->command &= ~(uint64_t)EDU_DMA_RUN;
	if (!(edu->command & EDU_DMA_IRQ))
		return false;
	edu->irq_status |= EDU_IRQ_DMA;
	return true;
}

static void settle(void *device)
{
	struct edu *edu = device;
	bool interrupt;

	lock(edu);
	interrupt = finish(edu);
	unlock(edu);
	if (interrupt)
		model_pci_raise_msi(edu->fn);
}

static uint64_t read_register(struct edu *edu, uint64_t offset)
{
	switch (offset) {
	case EDU_REG_ID:
		return 0x010000edu;
	case EDU_REG_LIVENESS:
		return edu->liveness;
	case EDU_REG_FACTORIAL:
		return edu->factorial;
	case EDU_REG_IRQ_STATUS:
		return edu->irq_status;
	case EDU_REG_DMA_SOURCE:
		return edu->source;
	case EDU_REG_DMA_DESTINATION:
		return edu->destination;
	case EDU_REG_DMA_COUNT:
		return edu->count;
	case EDU_REG_DMA_COMMAND:
		return edu->command;
	case EDU_REG_STATUS:
		return 0;
	default:
		return UINT64_MAX;
	}
}

static uint64_t mmio_read(void *device, unsigned int bar, uint64_t offset, unsigned int size)
{
	struct edu *edu = device;
	bool interrupt = false;
	uint64_t value = UINT64_MAX;

	(void)bar;
	lock(edu);
	if (offset >= EDU_BUFFER && offset - EDU_BUFFER <= EDU_BUFFER_SIZE - size)
		memcpy(&value, edu->buffer + (offset - EDU_BUFFER), size);
	else if (size == 4 || (size == 8 && offset >= 0x80))
		value = read_register(edu, offset);
	if (offset == EDU_REG_DMA_COMMAND && value & EDU_DMA_RUN &&
	    ++edu->reads >= READS_UNTIL_DONE)
		interrupt = finish(edu);
	unlock(edu);
	if (interrupt)
		model_pci_raise_msi(edu->fn);
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static uint32_t factorial(uint32_t n)
{
	uint32_t result = 1;

	for (; n > 1 && result; n--)
		result *= n;
	return result;
}

static void write_dma(struct edu *edu, uint64_t offset, uint64_t value)
{
	if (edu->command & EDU_DMA_RUN)
		return;
	if (offset == EDU_REG_DMA_SOURCE) {
		edu->source = value;
	} else if (offset == EDU_REG_DMA_DESTINATION) {
		edu->destination = value;
	} else if (offset == EDU_REG_DMA_COUNT) {
		edu->count = value;
	} else if (offset == EDU_REG_DMA_COMMAND) {
		edu->command = value & (EDU_DMA_RUN | EDU_DMA_TO_MEMORY | EDU_DMA_IRQ);
		edu->reads = 0;
	}
}

static void mmio_write(void *device, unsigned int bar, uint64_t offset, unsigned int size,
		       uint64_t value)
{
	struct edu *edu = device;
	bool interrupt = false;

	(void)bar;
	if (size != 4 && !(size == 8 && offset >= 0x80))
		return;
	lock(edu);
	if (offset >= EDU_BUFFER && offset - EDU_BUFFER <= EDU_BUFFER_SIZE - size) {
		memcpy(edu->buffer + (offset - EDU_BUFFER), &value, size);
		unlock(edu);
		return;
	}
	switch (offset) {
	case EDU_REG_LIVENESS:
		edu->liveness = ~(uint32_t)value;
		break;
	case EDU_REG_FACTORIAL:
		edu->factorial = factorial((uint32_t)value);
		break;
	case EDU_REG_IRQ_RAISE:
		edu->irq_status |= (uint32_t)value;
		interrupt = true;
		break;
	case EDU_REG_IRQ_ACK:
		edu->irq_status &= ~(uint32_t)value;
		break;
	default:
		write_dma(edu, offset, value);
	}
	unlock(edu);
	if (interrupt)
		model_pci_raise_msi(edu->fn);
}

static void destroy(void *device)
{
	struct edu *edu = device;
	void *host = model_pci_host(edu->fn);

	uiommu_port_mutex_destroy(host, &edu->lock);
	uiommu_port_free(host, edu, sizeof(*edu));
}

static const struct model_pci_device_ops edu_ops = {
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.settle = settle,
	.destroy = destroy,
};

void model_edu_config(struct model_pci_config *config)
{
	config->vendor_id = EDU_VENDOR_ID;
	config->device_id = EDU_DEVICE_ID;
	if (!config->class_code)
		config->class_code = 0x00ff00;
	config->revision = 0x10;
	config->bar_size[0] = EDU_BAR_SIZE;
	config->msi = true;
}

int model_edu_create(struct model_pci_function *fn)
{
	void *host = model_pci_host(fn);
	struct edu *edu = uiommu_port_alloc(host, sizeof(*edu));

	if (!edu)
		return -1;
	edu->fn = fn;
	if (uiommu_port_mutex_init(host, &edu->lock)) {
		uiommu_port_free(host, edu, sizeof(*edu));
		return -1;
	}
	model_pci_set_device(fn, &edu_ops, edu);
	return 0;
}
