/* SPDX-License-Identifier: MIT */
/* dma_engine.c - drives the project's own device: transfers, page requests, misbehaviour, streams */
#include "machines/internal.h"
#include "spec/dma-engine.h"

#define ROUNDS 1000u /* that a DMA may wait for a page */
#define FIRST_GROUP 0x100u /* of page requests on behalf of a DMA; those below are for bare ones */

static bool is_engine(const struct machine_device *device)
{
	return device->stimulus && device->stimulus->transfer == machine_engine_transfer;
}

void machine_engine_traits(struct machine_device *device)
{
	struct uiommu_pci_function *fn = device->fn;
	unsigned int possible = device->machine->hw->traits;

	if (device->traits & MACHINE_ATS)
		device->traits |= MACHINE_MISBEHAVE;
	if (fn && uiommu_pci_ats_supported(fn) && uiommu_pci_pri_supported(fn))
		device->traits |= possible & MACHINE_PAGE_REQUESTS;
	if (device->can_stall)
		device->traits |= possible & MACHINE_STALL;
}

/* ---- transfers --------------------------------------------------------------------------------- */

static void engine_request(struct machine_device *device, uint64_t iova, uint32_t pasid,
			   unsigned int flags)
{
	static const struct {
		unsigned int machine, engine;
	} map[] = {
		{ MACHINE_DMA_WITH_PASID, DMA_ENGINE_FLAG_PASID },
		{ MACHINE_DMA_USE_ATS, DMA_ENGINE_FLAG_ATS },
		{ MACHINE_DMA_NO_SNOOP_ATTR, DMA_ENGINE_FLAG_NO_SNOOP },
		{ MACHINE_DMA_PRIVILEGED, DMA_ENGINE_FLAG_PRIVILEGED },
		{ MACHINE_DMA_EXECUTE, DMA_ENGINE_FLAG_EXECUTE },
		{ MACHINE_DMA_PAGE_REQUEST, DMA_ENGINE_FLAG_PAGE_REQUEST },
	};
	uint32_t bits = 0;

	/* What asks for pages finds out by ATS that they are missing. */
	if (flags & MACHINE_DMA_PAGE_REQUEST && device->traits & MACHINE_PAGE_REQUESTS)
		flags |= MACHINE_DMA_USE_ATS;
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (flags & map[i].machine)
			bits |= map[i].engine;
	machine_device_put(device, DMA_ENGINE_IOVA, 8, iova);
	machine_device_put(device, DMA_ENGINE_PASID, 4, pasid);
	machine_device_put(device, DMA_ENGINE_FLAGS, 4, bits);
}

int machine_dma_start(struct machine_device *device, bool write, uint64_t iova, const void *data,
		      size_t size, uint32_t pasid, unsigned int flags)
{
	if (!is_engine(device))
		return -UIOMMU_EOPNOTSUPP;
	if (size < 1 || size > DMA_ENGINE_WINDOW_SIZE)
		return -UIOMMU_EINVAL;
	if (machine_device_get(device, DMA_ENGINE_STATUS, 4) == DMA_ENGINE_WAITING)
		return -UIOMMU_EBUSY;
	engine_request(device, iova, pasid, flags);
	machine_device_put(device, DMA_ENGINE_SIZE, 4, size);
	if (flags & MACHINE_DMA_PAGE_REQUEST) {
		device->group = (device->group + 1) % FIRST_GROUP;
		machine_device_put(device, DMA_ENGINE_GROUP, 4, FIRST_GROUP + device->group);
	}
	/* A write only looks at the data; the copy serves both directions. */
	if (write)
		machine_device_copy(device, DMA_ENGINE_WINDOW, true, (void *)(uintptr_t)data, size,
				    8);
	device->reads = !write;
	machine_device_put(device, DMA_ENGINE_COMMAND, 4,
			   write ? DMA_ENGINE_WRITE : DMA_ENGINE_READ);
	return 0;
}

enum machine_dma_status machine_dma_finish(struct machine_device *device, void *data, size_t size)
{
	uint64_t status;

	if (!is_engine(device))
		return MACHINE_DMA_UNKNOWN;
	status = machine_device_get(device, DMA_ENGINE_STATUS, 4);
	if (status == DMA_ENGINE_WAITING)
		return MACHINE_DMA_WAITING;
	if (status != DMA_ENGINE_DONE_OK)
		return MACHINE_DMA_REFUSED;
	if (device->reads && data)
		machine_device_copy(device, DMA_ENGINE_WINDOW, false, data, size, 8);
	return MACHINE_DMA_DONE;
}

void machine_dma_cancel(struct machine_device *device)
{
	if (is_engine(device))
		machine_device_put(device, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_CANCEL);
}

enum machine_dma_status machine_engine_transfer(struct machine_device *device, bool write,
						uint64_t iova, void *data, size_t size,
						uint32_t pasid, unsigned int flags)
{
	enum machine_dma_status status;

	if (machine_dma_start(device, write, iova, data, size, pasid, flags))
		return MACHINE_DMA_REFUSED;
	status = machine_dma_finish(device, data, size);
	for (unsigned int i = 0; status == MACHINE_DMA_WAITING && i < ROUNDS; i++) {
		machine_settle(device->machine);
		status = machine_dma_finish(device, data, size);
	}
	if (status != MACHINE_DMA_WAITING)
		return status;
	machine_dma_cancel(device);
	return MACHINE_DMA_UNKNOWN;
}

/* ---- page requests ----------------------------------------------------------------------------- */

static int send_request(struct machine_device *device, enum dma_engine_command command)
{
	uint64_t sent = machine_device_get(device, DMA_ENGINE_SENT, 4);

	machine_device_put(device, DMA_ENGINE_COMMAND, 4, command);
	return machine_device_get(device, DMA_ENGINE_SENT, 4) == sent ? -UIOMMU_EINVAL : 0;
}

int machine_page_request(struct machine_device *device, const struct machine_page_request *request)
{
	uint32_t group = request->group & DMA_ENGINE_GROUP_INDEX;

	if (!(device->traits & MACHINE_PAGE_REQUESTS))
		return -UIOMMU_EOPNOTSUPP;
	if (request->last)
		group |= DMA_ENGINE_GROUP_LAST;
	if (request->prot & UIOMMU_READ)
		group |= DMA_ENGINE_GROUP_READ;
	if (request->prot & UIOMMU_WRITE)
		group |= DMA_ENGINE_GROUP_WRITE;
	engine_request(device, request->iova, request->pasid, request->flags);
	machine_device_put(device, DMA_ENGINE_GROUP, 4, group);
	return send_request(device, DMA_ENGINE_PAGE_REQUEST);
}

int machine_stop_marker(struct machine_device *device, uint32_t pasid, unsigned int flags)
{
	if (!(device->traits & MACHINE_PAGE_REQUESTS))
		return -UIOMMU_EOPNOTSUPP;
	engine_request(device, 0, pasid, flags | MACHINE_DMA_WITH_PASID);
	return send_request(device, DMA_ENGINE_STOP_MARKER);
}

bool machine_page_response(struct machine_device *device, struct machine_page_response *response)
{
	uint64_t word;

	if (!is_engine(device) || !machine_device_get(device, DMA_ENGINE_RESPONSES, 4))
		return false;
	word = machine_device_get(device, DMA_ENGINE_RESPONSE, 8);
	*response = (struct machine_page_response){
		.has_pasid = word & DMA_ENGINE_RESPONSE_PASID_VALID,
		.stall = word & DMA_ENGINE_RESPONSE_STALL,
		.pasid = (uint32_t)(word >> DMA_ENGINE_RESPONSE_PASID_SHIFT),
		.group = (uint16_t)((word & DMA_ENGINE_RESPONSE_GROUP) >>
				    DMA_ENGINE_RESPONSE_GROUP_SHIFT),
		.code = (unsigned int)(word & DMA_ENGINE_RESPONSE_CODE),
	};
	return true;
}

int machine_misbehave(struct machine_device *device, enum machine_misbehaviour how,
		      unsigned int count)
{
	static const uint32_t bits[] = {
		[MACHINE_BEHAVES] = 0,
		[MACHINE_ATC_SILENT] = DMA_ENGINE_MISBEHAVE_SILENT,
		[MACHINE_ATC_DEAF] = DMA_ENGINE_MISBEHAVE_DEAF,
	};

	if (!(device->traits & MACHINE_MISBEHAVE))
		return -UIOMMU_EOPNOTSUPP;
	if (count > DMA_ENGINE_MISBEHAVE_COUNT >> DMA_ENGINE_MISBEHAVE_COUNT_SHIFT)
		return -UIOMMU_EINVAL;
	machine_device_put(device, DMA_ENGINE_MISBEHAVE, 4,
			   bits[how] | (how ? count << DMA_ENGINE_MISBEHAVE_COUNT_SHIFT : 0));
	return 0;
}

/* ---- streams ----------------------------------------------------------------------------------- */

int machine_stream_start(struct machine_device *device, uint64_t iova, uint64_t size,
			 uint32_t pasid, unsigned int flags, uint64_t expect_a, uint64_t expect_b)
{
	struct machine_hardware *hw = device->machine->hw;

	if (!(device->traits & MACHINE_STREAM))
		return -UIOMMU_EOPNOTSUPP;
	engine_request(device, iova, pasid, flags);
	machine_device_put(device, DMA_ENGINE_STREAM_SIZE, 8, size);
	machine_device_put(device, DMA_ENGINE_EXPECT_A, 8, expect_a);
	machine_device_put(device, DMA_ENGINE_EXPECT_B, 8, expect_b);
	machine_device_put(device, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_STREAM_START);
	if (machine_device_get(device, DMA_ENGINE_STATUS, 4) != DMA_ENGINE_STREAMING)
		return -UIOMMU_EINVAL;
	return hw->ops->start(hw);
}

void machine_stream_stats(struct machine_device *device, struct machine_stream_stats *stats)
{
	stats->done = machine_device_get(device, DMA_ENGINE_DONE, 8);
	stats->refused = machine_device_get(device, DMA_ENGINE_REFUSED, 8);
	stats->wrong = machine_device_get(device, DMA_ENGINE_WRONG, 8);
}

void machine_stream_stop(struct machine_device *device, struct machine_stream_stats *stats)
{
	struct machine_hardware *hw = device->machine->hw;

	machine_device_put(device, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_STREAM_STOP);
	hw->ops->stop(hw);
	machine_stream_stats(device, stats);
}
