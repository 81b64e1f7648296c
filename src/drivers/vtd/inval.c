/* SPDX-License-Identifier: MIT */
/*
 * inval.c - what is invalidated, by queue or by register, at which granularity
 *
 * A range of pages is cut into naturally aligned blocks, because that is what a page-selective invalidation
 * names (6.5.2.3).  A few blocks cost less than losing the domain's whole IOTLB; beyond MAX_BLOCKS the
 * whole domain is cheaper.  Widening to a single block is done only up to twice the range: a range that
 * straddles a large power of two would otherwise flush almost everything.
 */
#include "src/drivers/vtd/unit.h"

#define MAX_BLOCKS 8

/* ---- arithmetic -------------------------------------------------------------------------------- */

static unsigned int order_of_cover(uiommu_iova_t start, uiommu_iova_t last)
{
	unsigned int order = 0;

	while (order < 52 &&
	       (start >> (VTD_PAGE_SHIFT + order)) != (last >> (VTD_PAGE_SHIFT + order)))
		order++;
	return order;
}

unsigned int uiommu_vtd_blocks(uiommu_iova_t start, uiommu_iova_t last, unsigned int max_order,
			       struct vtd_block *blocks, unsigned int capacity)
{
	uint64_t page = start >> VTD_PAGE_SHIFT, last_page = last >> VTD_PAGE_SHIFT;
	unsigned int cover = order_of_cover(start, last), count = 0;

	/* One block, if that is not more than twice what was asked for. */
	if (cover <= max_order && (1ull << cover) <= 2 * (last_page - page + 1)) {
		blocks[0] = (struct vtd_block){ page >> cover << cover << VTD_PAGE_SHIFT, cover };
		return 1;
	}
	for (;;) {
		unsigned int order = 0;

		while (order < max_order && !(page & ((2ull << order) - 1)) &&
		       last_page - page >= (2ull << order) - 1)
			order++;
		if (count == capacity)
			return 0;
		blocks[count++] = (struct vtd_block){ page << VTD_PAGE_SHIFT, order };
		if (last_page - page < (1ull << order) || last_page - page + 1 == 1ull << order)
			return count;
		page += 1ull << order;
	}
}

uint64_t uiommu_vtd_device_tlb_address(uiommu_iova_t start, uiommu_iova_t last)
{
	unsigned int order = order_of_cover(start, last);

	if (order == 0)
		return start & VTD_ADDR_MASK;
	/*
	 * S = 1 and the lowest zero bit above bit 11 tell the size (PCIe 10.3.1): for 2^order pages bits
	 * up to 10 + order are ones and the next one is zero.  Everything: only bit 63 is zero.
	 */
	if (order >= 51)
		return (VTD_ADDR_MASK & ~(1ull << 63)) | VTD_DESC_DTLB1_S;
	start &= ~((1ull << (VTD_PAGE_SHIFT + order)) - 1);
	return start | ((1ull << (VTD_PAGE_SHIFT + order - 1)) - VTD_PAGE_SIZE) | VTD_DESC_DTLB1_S;
}

/* ---- registers, where there is no queue -------------------------------------------------------- */

static void register_wait(struct uiommu_vtd *unit, uint32_t reg, uint64_t busy)
{
	struct uiommu_patience patience;

	uiommu_patience_begin(unit->host, &patience);
	while (vtd_read64(unit, reg) & busy)
		if (!uiommu_patience_turn(unit->host, &patience)) {
			if (!unit->dead)
				uiommu_log(unit->host, UIOMMU_LOG_ERROR,
					   "%s: register %x stays busy", unit->config.name, reg);
			unit->dead = true;
			return;
		}
}

static void register_context(struct uiommu_vtd *unit, unsigned int granularity, uint16_t did,
			     uint16_t source_id)
{
	if (unit->dead)
		return;
	uiommu_port_mutex_lock(unit->host, &unit->queue.lock);
	vtd_write64(unit, VTD_REG_CCMD,
		    VTD_CCMD_ICC | vtd_set(granularity, VTD_CCMD_CIRG) |
			    vtd_set(source_id, VTD_CCMD_SID) | vtd_set(did, VTD_CCMD_DID));
	register_wait(unit, VTD_REG_CCMD, VTD_CCMD_ICC);
	uiommu_port_mutex_unlock(unit->host, &unit->queue.lock);
}

static void register_iotlb(struct uiommu_vtd *unit, unsigned int granularity, uint16_t did,
			   uint64_t iva)
{
	uint32_t iro = vtd_ecap_iro(unit->ecap);
	uint64_t command = VTD_IOTLB_IVT | vtd_set(granularity, VTD_IOTLB_IIRG) |
			   vtd_set(did, VTD_IOTLB_DID);

	if (unit->dead)
		return;
	if (unit->cap & VTD_CAP_DRD)
		command |= VTD_IOTLB_DR;
	if (unit->cap & VTD_CAP_DWD)
		command |= VTD_IOTLB_DW;
	uiommu_port_mutex_lock(unit->host, &unit->queue.lock);
	if (granularity == VTD_IOTLB_GRAN_PAGE)
		vtd_write64(unit, iro + VTD_REG_IVA, iva);
	vtd_write64(unit, iro + VTD_REG_IOTLB, command);
	register_wait(unit, iro + VTD_REG_IOTLB, VTD_IOTLB_IVT);
	uiommu_port_mutex_unlock(unit->host, &unit->queue.lock);
}

/* ---- one kind each ----------------------------------------------------------------------------- */

void uiommu_vtd_write_buffer_flush(struct uiommu_vtd *unit)
{
	struct uiommu_patience patience;
	uint32_t gsts;

	if (!(unit->cap & VTD_CAP_RWBF))
		return;
	uiommu_port_mutex_lock(unit->host, &unit->queue.lock);
	gsts = vtd_read32(unit, VTD_REG_GSTS);
	vtd_write32(unit, VTD_REG_GCMD, (gsts & ~VTD_GCMD_ONE_SHOT) | VTD_GCMD_WBF);
	uiommu_patience_begin(unit->host, &patience);
	while ((vtd_read32(unit, VTD_REG_GSTS) & VTD_GSTS_WBFS) &&
	       uiommu_patience_turn(unit->host, &patience))
		;
	uiommu_port_mutex_unlock(unit->host, &unit->queue.lock);
}

static void context(struct uiommu_vtd *unit, unsigned int granularity, uint16_t did,
		    uint16_t source_id)
{
	const uint64_t desc[1][2] = { { VTD_DESC_CONTEXT | vtd_set(granularity, VTD_DESC_G) |
						vtd_set(did, VTD_DESC_DID) |
						vtd_set(source_id, VTD_DESC_CC_SID),
					0 } };

	uiommu_vtd_write_buffer_flush(unit);
	if (unit->queued)
		uiommu_vtd_queue_submit(unit, desc, 1);
	else
		register_context(unit, granularity, did, source_id);
}

void uiommu_vtd_flush_context_global(struct uiommu_vtd *unit)
{
	context(unit, VTD_CC_GLOBAL, 0, 0);
}

void uiommu_vtd_flush_context_device(struct uiommu_vtd *unit, uint16_t did, uint16_t source_id)
{
	context(unit, VTD_CC_DEVICE, did, source_id);
}

static void pasid_cache(struct uiommu_vtd *unit, unsigned int granularity, uint16_t did,
			uiommu_pasid_t pasid)
{
	const uint64_t desc[1][2] = { { VTD_DESC_PASID_CACHE | vtd_set(granularity, VTD_DESC_G) |
						vtd_set(did, VTD_DESC_DID) |
						vtd_set(pasid, VTD_DESC_PASID),
					0 } };

	uiommu_vtd_queue_submit(unit, desc, 1);
}

void uiommu_vtd_flush_pasid_cache(struct uiommu_vtd *unit, uint16_t did, uiommu_pasid_t pasid)
{
	pasid_cache(unit, VTD_PC_PASID, did, pasid);
}

void uiommu_vtd_flush_pasid_cache_global(struct uiommu_vtd *unit)
{
	pasid_cache(unit, VTD_PC_GLOBAL, 0, 0);
}

static uint64_t iotlb_low(const struct uiommu_vtd *unit, unsigned int granularity, uint16_t did)
{
	uint64_t low = VTD_DESC_IOTLB | vtd_set(granularity, VTD_DESC_G) |
		       vtd_set(did, VTD_DESC_DID);

	if (unit->cap & VTD_CAP_DRD)
		low |= VTD_DESC_IOTLB_DR;
	if (unit->cap & VTD_CAP_DWD)
		low |= VTD_DESC_IOTLB_DW;
	return low;
}

static void iotlb(struct uiommu_vtd *unit, unsigned int granularity, uint16_t did)
{
	const uint64_t desc[1][2] = { { iotlb_low(unit, granularity, did), 0 } };

	uiommu_vtd_write_buffer_flush(unit);
	if (unit->queued)
		uiommu_vtd_queue_submit(unit, desc, 1);
	else
		register_iotlb(unit, granularity, did, 0);
}

void uiommu_vtd_flush_iotlb_global(struct uiommu_vtd *unit)
{
	iotlb(unit, VTD_IOTLB_GRAN_GLOBAL, 0);
}

void uiommu_vtd_flush_iotlb_domain(struct uiommu_vtd *unit, uint16_t did)
{
	iotlb(unit, VTD_IOTLB_GRAN_DOMAIN, did);
}

static uint64_t piotlb_low(unsigned int granularity, uint16_t did, uiommu_pasid_t pasid)
{
	return VTD_DESC_PASID_IOTLB | vtd_set(granularity, VTD_DESC_G) |
	       vtd_set(did, VTD_DESC_DID) | vtd_set(pasid, VTD_DESC_PASID);
}

void uiommu_vtd_flush_iotlb_pasid(struct uiommu_vtd *unit, uint16_t did, uiommu_pasid_t pasid)
{
	uint64_t desc[1][2];

	uiommu_vtd_piotlb_all(did, pasid, desc[0]);
	uiommu_vtd_queue_submit(unit, (const uint64_t(*)[2])desc, 1);
}

/* ---- a range ----------------------------------------------------------------------------------- */

void uiommu_vtd_flush_tag(const struct vtd_tag *tag, bool first, const struct vtd_range *range)
{
	struct uiommu_vtd *unit = tag->unit;
	unsigned int max_order = (unsigned int)vtd_get(unit->cap, VTD_CAP_MAMV), count = 0;
	uint64_t hint = range->tables ? 0 : VTD_DESC_IOTLB1_IH;
	struct vtd_block blocks[MAX_BLOCKS];
	uint64_t desc[MAX_BLOCKS][2];

	if (range->last - range->start != UINT64_MAX && (unit->cap & VTD_CAP_PSI))
		count = uiommu_vtd_blocks(range->start, range->last, max_order, blocks, MAX_BLOCKS);
	uiommu_vtd_write_buffer_flush(unit);
	if (!count && first) {
		uiommu_vtd_flush_iotlb_pasid(unit, tag->did, tag->pasid);
		return;
	}
	if (!count) {
		uiommu_vtd_flush_iotlb_domain(unit, tag->did);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		desc[i][0] = first ? piotlb_low(VTD_PIOTLB_PAGE, tag->did, tag->pasid) :
				     iotlb_low(unit, VTD_IOTLB_GRAN_PAGE, tag->did);
		desc[i][1] = blocks[i].start | hint | blocks[i].order;
		if (!unit->queued)
			register_iotlb(unit, VTD_IOTLB_GRAN_PAGE, tag->did, desc[i][1]);
	}
	if (unit->queued)
		uiommu_vtd_queue_submit(unit, (const uint64_t(*)[2])desc, count);
}

void uiommu_vtd_piotlb_all(uint16_t did, uiommu_pasid_t pasid, uint64_t desc[2])
{
	desc[0] = piotlb_low(VTD_PIOTLB_PASID, did, pasid);
	desc[1] = 0;
}

void uiommu_vtd_device_tlb(const struct vtd_device *device, uiommu_pasid_t pasid,
			   const struct vtd_range *range, uint64_t desc[2])
{
	uint64_t address = uiommu_vtd_device_tlb_address(range->start, range->last);
	uint16_t source_id = device->source_id[0];
	uint64_t pending = device->ats_queue_depth & 0x1f; /* 0 stands for 32 */

	if (pasid == UIOMMU_RID) {
		desc[0] = VTD_DESC_DEVICE_TLB | vtd_set(pending, VTD_DESC_DTLB_MIP) |
			  vtd_set(source_id, VTD_DESC_DTLB_SID);
		desc[1] = address;
		return;
	}
	/* The descriptor's type has its higher bits elsewhere (6.5.2.6): 8 fits into the low four. */
	desc[0] = VTD_DESC_PASID_DEVICE_TLB | vtd_set(pending, VTD_DESC_PDTLB_MIP) |
		  vtd_set(source_id, VTD_DESC_PDTLB_SID) | vtd_set(pasid, VTD_DESC_PASID);
	desc[1] = (address & VTD_DESC_PDTLB1_ADDR) |
		  (address & VTD_DESC_DTLB1_S ? VTD_DESC_PDTLB1_S : 0);
}

void uiommu_vtd_flush_device_tlb(struct vtd_device *device, uiommu_pasid_t pasid,
				 const struct vtd_range *range, bool locked)
{
	uint64_t desc[1][2];

	if (!device->ats)
		return;
	uiommu_vtd_device_tlb(device, pasid, range, desc[0]);
	if (uiommu_vtd_queue_submit(device->unit, (const uint64_t(*)[2])desc, 1))
		uiommu_vtd_quarantine(device, locked);
}
