/* SPDX-License-Identifier: MIT */
/*
 * platform_flexrm.c - reset of Broadcom's FlexRM ring manager ("brcm,iproc-flexrm-mbox")
 *
 * Region 0 is an array of windows of 64 KiB.  One with the magic in its first word is a ring; those between that are
 * not are holes.  Every ring is switched off and flushed, and stays off: whoever opens the device starts the rings
 * that he wants.  A ring that does not answer costs two seconds and keeps no other from being shut down, for each of
 * them may do DMA.
 */
#include <stdio.h>

#include "src/uapi/platform.h"

#define RING_SIZE UINT64_C(0x10000)
#define RING_VERSION 0x000u
#define RING_VERSION_MAGIC 0x76303031u
#define RING_CONTROL 0x034u
#define RING_CONTROL_FLUSH (1u << 5)
#define RING_FLUSH_DONE 0x038u
#define RING_FLUSH_DONE_BIT 1u

#define POLLS 1000u
#define POLL_NS UINT64_C(1000000)

/* @ring: offset of its window. */
static int wait_for_flush(struct uiommu_uapi_platform_reset *reset, uint64_t ring, uint32_t state)
{
	for (unsigned int i = 0; i < POLLS; i++) {
		uint32_t done = reset->read_relaxed(reset, 0, ring + RING_FLUSH_DONE);

		if ((done & RING_FLUSH_DONE_BIT) == state)
			return 0;
		reset->delay(reset, POLL_NS);
	}
	return -UIOMMU_ETIMEDOUT;
}

static int shut_down(struct uiommu_uapi_platform_reset *reset, uint64_t ring, const char **where)
{
	int rc;

	*where = "flush";
	reset->write_relaxed(reset, 0, ring + RING_CONTROL, 0);
	reset->write_relaxed(reset, 0, ring + RING_CONTROL, RING_CONTROL_FLUSH);
	rc = wait_for_flush(reset, ring, RING_FLUSH_DONE_BIT);
	if (rc)
		return rc;
	*where = "clear";
	reset->write_relaxed(reset, 0, ring + RING_CONTROL, 0);
	return wait_for_flush(reset, ring, 0);
}

int uiommu_platform_reset_flexrm(struct uiommu_uapi_platform_reset *reset)
{
	unsigned int number = 0;
	int result = reset->map(reset, 0);

	if (result)
		return result;
	for (uint64_t ring = 0; ring < reset->regions[0].size; ring += RING_SIZE) {
		const char *where;
		char line[64];
		int rc;

		if (reset->read_relaxed(reset, 0, ring + RING_VERSION) != RING_VERSION_MAGIC)
			continue;
		rc = shut_down(reset, ring, &where);
		if (rc) {
			snprintf(line, sizeof(line), "ring %u is stuck in %s: error %d", number,
				 where, rc);
			reset->log(reset, UIOMMU_LOG_WARN, line);
			result |= rc;
		}
		number++;
	}
	return result;
}
