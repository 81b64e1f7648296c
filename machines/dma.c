/* SPDX-License-Identifier: MIT */
/*
 * dma.c - makes devices do DMA: a small driver for each kind of test device
 *
 * QEMU's edu hands out its buffer by DMA alone.  Using the translation under test for that, or switching it off
 * meanwhile, would change what the IOMMU has cached: QEMU's VT-d forgets everything when translation is
 * switched.  So the buffer is looked for in the emulator's own memory.  Only where the system forbids to look there,
 * translation is switched off for a transfer between buffer and scratch page, and some stale
 * translations escape notice.
 */
#include <string.h>
#include <time.h>

#include "machines/internal.h"
#include "spec/dma-engine.h"
#include "spec/edu.h"
#include "spec/iommu-testdev.h"
#include "spec/pci.h"
#include "spec/vtd.h"

#define EDU_POLLS 10000u /* without a break; a model needs a few */
#define EDU_PATIENCE_S 20 /* for an emulator, whose threads may have to wait for a processor */
#define EDU_CHUNK 2048u
#define SCRATCH_SIZE 4096u
#define SWITCH_POLLS 1000u

uint64_t machine_device_get(struct machine_device *device, uint64_t offset, unsigned int size)
{
	return machine_mmio_read(device->machine, device->bar + offset, size);
}

void machine_device_put(struct machine_device *device, uint64_t offset, unsigned int size,
			uint64_t value)
{
	struct machine_hardware *hw = device->machine->hw;

	if (hw->ops->mmio_post)
		hw->ops->mmio_post(hw, device->bar + offset, size, value);
	else
		hw->ops->mmio_write(hw, device->bar + offset, size, value);
}

void machine_device_copy(struct machine_device *device, uint64_t offset, bool in, void *data,
			 size_t size, unsigned int step)
{
	for (size_t done = 0; done < size; done += step) {
		size_t piece = size - done < step ? size - done : step;
		uint64_t word = 0;

		if (in) {
			memcpy(&word, (char *)data + done, piece);
			machine_device_put(device, offset + done, step, word);
		} else {
			word = machine_device_get(device, offset + done, step);
			memcpy((char *)data + done, &word, piece);
		}
	}
}

/* ---- edu --------------------------------------------------------------------------------------- */

static bool edu_ended(struct machine_device *device)
{
	struct machine_hardware *hw = device->machine->hw;

	hw->ops->settle(hw);
	return !(machine_device_get(device, EDU_REG_DMA_COMMAND, 4) & EDU_DMA_RUN);
}

/* The emulator's clock stands still while its processor thread does not come to run. */
static bool edu_ends_late(struct machine_device *device)
{
	struct machine_hardware *hw = device->machine->hw;
	const struct timespec nap = { .tv_nsec = 100000 };
	struct timespec start, now;
	char why[256];

	if (!hw->ops->problem)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (edu_ended(device))
			return true;
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < EDU_PATIENCE_S &&
		 !hw->ops->problem(hw, why, sizeof(why)));
	return false;
}

/* One DMA between the bus and the start of the buffer; false if it never ends. */
static bool edu_run(struct machine_device *device, bool to_memory, uint64_t address, size_t size)
{
	machine_device_put(device, EDU_REG_DMA_SOURCE, 8, to_memory ? EDU_BUFFER : address);
	machine_device_put(device, EDU_REG_DMA_DESTINATION, 8, to_memory ? address : EDU_BUFFER);
	machine_device_put(device, EDU_REG_DMA_COUNT, 8, size);
	machine_device_put(device, EDU_REG_DMA_COMMAND, 8,
			   EDU_DMA_RUN | (to_memory ? EDU_DMA_TO_MEMORY : 0));
	for (unsigned int i = 0; i < EDU_POLLS; i++)
		if (edu_ended(device))
			return true;
	return edu_ends_late(device);
}

static bool switch_translation(struct machine *m, uint64_t base, bool on)
{
	uint32_t status = (uint32_t)machine_mmio_read(m, base + VTD_REG_GSTS, 4);
	uint32_t command = status & ~(uint32_t)VTD_GCMD_ONE_SHOT;

	command = on ? command | VTD_GCMD_TE : command & ~(uint32_t)VTD_GCMD_TE;
	machine_mmio_write(m, base + VTD_REG_GCMD, 4, command);
	for (unsigned int i = 0; i < SWITCH_POLLS; i++)
		if (!!(machine_mmio_read(m, base + VTD_REG_GSTS, 4) & VTD_GSTS_TES) == on)
			return true;
	return false;
}

static bool get_scratch(struct machine *m)
{
	if (!m->scratch)
		m->scratch = machine_buffer(m, SCRATCH_SIZE, SCRATCH_SIZE, &m->scratch_phys);
	return m->scratch;
}

/* The buffer and the scratch page change contents, past any translation. */
static bool edu_scratch(struct machine_device *device, bool to_memory, size_t size)
{
	struct machine *m = device->machine;
	uint64_t base = machine_vtd_base(m, device->fn);
	bool translating, done;

	translating = base && machine_mmio_read(m, base + VTD_REG_GSTS, 4) & VTD_GSTS_TES;
	if (translating && !switch_translation(m, base, false))
		return false;
	done = edu_run(device, to_memory, m->scratch_phys, size);
	return (!translating || switch_translation(m, base, true)) && done;
}

static enum machine_dma_status edu_chunk(struct machine_device *device, bool write, uint64_t iova,
					 void *data, size_t size)
{
	struct machine *m = device->machine;
	struct machine_hardware *hw = m->hw;

	if (device->edu_inside) {
		if (write)
			hw->ops->access_inside(hw, device->edu_inside, true, data, size);
		edu_run(device, write, iova, size);
		if (!write)
			hw->ops->access_inside(hw, device->edu_inside, false, data, size);
		return MACHINE_DMA_UNKNOWN;
	}
	if (!device->edu_window && !get_scratch(m))
		return MACHINE_DMA_UNKNOWN;
	if (write && device->edu_window) {
		machine_device_copy(device, EDU_BUFFER, true, data, size, 4);
	} else if (write) {
		memcpy(m->scratch, data, size);
		if (!edu_scratch(device, false, size))
			return MACHINE_DMA_UNKNOWN;
	}
	if (!edu_run(device, write, iova, size))
		return MACHINE_DMA_UNKNOWN;
	if (!write && device->edu_window) {
		machine_device_copy(device, EDU_BUFFER, false, data, size, 4);
	} else if (!write) {
		if (edu_scratch(device, true, size))
			memcpy(data, m->scratch, size);
	}
	return MACHINE_DMA_UNKNOWN;
}

static enum machine_dma_status edu_transfer(struct machine_device *device, bool write,
					    uint64_t iova, void *data, size_t size, uint32_t pasid,
					    unsigned int flags)
{
	(void)pasid;
	/* It can send nothing but plain requests: what asks for more does not go out. */
	if (flags & ~(unsigned int)MACHINE_DMA_USE_ATS)
		return MACHINE_DMA_REFUSED;
	for (size_t done = 0; done < size; done += EDU_CHUNK)
		edu_chunk(device, write, iova + done, (char *)data + done,
			  size - done < EDU_CHUNK ? size - done : EDU_CHUNK);
	return MACHINE_DMA_UNKNOWN;
}

/* ---- iommu-testdev: writes its own pattern and nothing else ------------------------------------ */

static enum machine_dma_status testdev_transfer(struct machine_device *device, bool write,
						uint64_t iova, void *data, size_t size,
						uint32_t pasid, unsigned int flags)
{
	uint32_t result, word;

	(void)pasid;
	if (!write || flags & ~(unsigned int)MACHINE_DMA_USE_ATS || size % sizeof(word))
		return MACHINE_DMA_REFUSED;
	for (size_t done = 0; done < size; done += sizeof(word)) {
		memcpy(&word, (char *)data + done, sizeof(word));
		if (word != TESTDEV_PATTERN)
			return MACHINE_DMA_REFUSED;
	}
	machine_device_put(device, TESTDEV_REG_IOVA_LOW, 4, iova & UINT32_MAX);
	machine_device_put(device, TESTDEV_REG_IOVA_HIGH, 4, iova >> 32);
	machine_device_put(device, TESTDEV_REG_LENGTH, 4, size);
	machine_device_put(device, TESTDEV_REG_ATTRIBUTES, 4, TESTDEV_ATTRIBUTES_NON_SECURE);
	machine_device_put(device, TESTDEV_REG_DOORBELL, 4, TESTDEV_DOORBELL_ARM);
	machine_device_get(device, TESTDEV_REG_TRIGGER, 4);
	result = (uint32_t)machine_device_get(device, TESTDEV_REG_RESULT, 4);
	/* It was not told where the bytes should arrive: a mismatch means that they went somewhere. */
	return result == TESTDEV_RESULT_REFUSED ? MACHINE_DMA_REFUSED : MACHINE_DMA_DONE;
}

/* ---- which is which ---------------------------------------------------------------------------- */

static const struct machine_stimulus stimuli[] = {
	{ EDU_VENDOR_ID, EDU_DEVICE_ID, 0, edu_transfer },
	{ TESTDEV_VENDOR_ID, TESTDEV_DEVICE_ID, MACHINE_DMA_STATUS, testdev_transfer },
	{ DMA_ENGINE_VENDOR_ID, DMA_ENGINE_DEVICE_ID,
	  MACHINE_DMA_STATUS | MACHINE_STREAM | MACHINE_NO_SNOOP, machine_engine_transfer },
};

/* Only the model's buffer answers in the BAR. */
static bool edu_has_window(struct machine_device *device)
{
	machine_device_put(device, EDU_BUFFER, 4, 0x5aa5c33cu);
	if (machine_device_get(device, EDU_BUFFER, 4) != 0x5aa5c33cu)
		return false;
	machine_device_put(device, EDU_BUFFER, 4, 0);
	return machine_device_get(device, EDU_BUFFER, 4) == 0;
}

/*
 * Where the buffer stands inside the hardware: a first DMA, while nothing is translated yet, puts bytes into it that
 * can be looked for, and a second one shows that what is changed there is the buffer and no copy.  Then it is
 * as empty as after power-on.
 */
static uint64_t edu_find_inside(struct machine_device *device)
{
	struct machine *m = device->machine;
	struct machine_hardware *hw = m->hw;
	unsigned char bytes[sizeof(device->name) + 16], zero[EDU_CHUNK] = { 0 };
	uint64_t where;

	if (!hw->ops->find_inside || !get_scratch(m))
		return 0;
	memcpy(bytes, device->name, sizeof(device->name));
	memcpy(bytes + sizeof(device->name), "uiommu edu \1\2\3\4", 16);
	memcpy(m->scratch, bytes, sizeof(bytes));
	if (!edu_run(device, false, m->scratch_phys, sizeof(bytes)))
		return 0;
	where = hw->ops->find_inside(hw, device->name, bytes, sizeof(bytes));
	bytes[sizeof(bytes) - 2] ^= 0xff;
	if (!where || !hw->ops->access_inside(hw, where, true, bytes, sizeof(bytes)) ||
	    !edu_run(device, true, m->scratch_phys, sizeof(bytes)) ||
	    memcmp(m->scratch, bytes, sizeof(bytes)) ||
	    !hw->ops->access_inside(hw, where, true, zero, sizeof(zero)))
		return 0;
	return where;
}

void machine_find_stimulus(struct machine_device *device)
{
	struct uiommu_pci_function *fn = device->fn;
	/* On no bus there is one kind of device that can be driven. */
	uint32_t vendor = DMA_ENGINE_VENDOR_ID, id = DMA_ENGINE_DEVICE_ID;

	if (fn) {
		vendor = fn->topology->config_read(fn, PCI_VENDOR_ID, 2);
		id = fn->topology->config_read(fn, PCI_DEVICE_ID, 2);
	} else if (device->platform->kind != DESCRIBE_PLATFORM_DMA) {
		return;
	}

	for (size_t i = 0; i < sizeof(stimuli) / sizeof(stimuli[0]); i++)
		if (stimuli[i].vendor_id == vendor && stimuli[i].device_id == id)
			device->stimulus = &stimuli[i];
	if (!device->stimulus)
		return;
	device->traits = device->stimulus->traits |
			 (device->machine->hw->traits &
			  (MACHINE_REPORTS | MACHINE_FAULT_RECORDS | MACHINE_CACHES));
	if (device->pasid_bits)
		device->traits |= MACHINE_PASID_DMA;
	if (fn && uiommu_pci_ats_supported(fn))
		device->traits |= MACHINE_ATS;
	if (machine_can_reset(device))
		device->traits |= MACHINE_RESET;
	if (device->stimulus->transfer == machine_engine_transfer)
		machine_engine_traits(device);
	if (device->stimulus->transfer == edu_transfer)
		device->edu_window = edu_has_window(device);
	if (device->stimulus->transfer == edu_transfer && !device->edu_window)
		device->edu_inside = edu_find_inside(device);
}

static enum machine_dma_status transfer(struct machine_device *device, bool write, uint64_t iova,
					void *data, size_t size, uint32_t pasid, unsigned int flags)
{
	if (!device->stimulus || size < 1 || size > 4096)
		return MACHINE_DMA_REFUSED;
	return device->stimulus->transfer(device, write, iova, data, size, pasid, flags);
}

enum machine_dma_status machine_dma_read(struct machine_device *device, uint64_t iova, void *data,
					 size_t size, uint32_t pasid, unsigned int flags)
{
	return transfer(device, false, iova, data, size, pasid, flags);
}

enum machine_dma_status machine_dma_write(struct machine_device *device, uint64_t iova,
					  const void *data, size_t size, uint32_t pasid,
					  unsigned int flags)
{
	/* A write only looks at the data; the table's functions serve both directions. */
	return transfer(device, true, iova, (void *)(uintptr_t)data, size, pasid, flags);
}
