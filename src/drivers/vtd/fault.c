/* SPDX-License-Identifier: MIT */
/*
 * fault.c - refused translations: from the fault recording registers to the core
 *
 * Hardware fills the records as a ring (7.3.1); FSTS.FRI names the oldest.  Each is reported and then given
 * back by clearing F.  FSTS.PFO says that some were lost: it is cleared after the records, since
 * nothing new is recorded before.
 */
#include "src/drivers/vtd/unit.h"

static const struct {
	uint8_t code;
	const char *words;
} reasons[] = {
	{ VTD_FR_ROOT_NOT_PRESENT, "no root entry for this bus" },
	{ VTD_FR_CONTEXT_NOT_PRESENT, "the device is blocked: no context entry" },
	{ VTD_FR_CONTEXT_INVALID, "invalid context entry" },
	{ VTD_FR_ADDRESS_BEYOND, "address beyond the width of the domain" },
	{ VTD_FR_WRITE, "write without permission" },
	{ VTD_FR_READ, "read without permission" },
	{ VTD_FR_PAGING_ACCESS, "a page table could not be read" },
	{ VTD_FR_ROOT_ACCESS, "the root table could not be read" },
	{ VTD_FR_CONTEXT_ACCESS, "the context table could not be read" },
	{ VTD_FR_ROOT_RSVD, "reserved bits in the root entry" },
	{ VTD_FR_CONTEXT_RSVD, "reserved bits in the context entry" },
	{ VTD_FR_PAGING_RSVD, "reserved bits in a page-table entry" },
	{ VTD_FR_CONTEXT_TT, "ATS request of a device that may not use ATS" },
	{ VTD_FR_INTERRUPT_ADDRESS, "translated into the interrupt range" },
	{ VTD_FR_RTADDR_TTM, "invalid translation table mode" },
	{ VTD_FR_RTADDR_LEGACY_PASID, "request with PASID in legacy mode" },
	{ VTD_FR_SM_ROOT_ACCESS, "the root table could not be read" },
	{ VTD_FR_SM_ROOT_NOT_PRESENT, "no root entry for this bus" },
	{ VTD_FR_SM_ROOT_RSVD, "reserved bits in the root entry" },
	{ VTD_FR_SM_CONTEXT_ACCESS, "the context table could not be read" },
	{ VTD_FR_SM_CONTEXT_NOT_PRESENT, "no context entry for this device" },
	{ VTD_FR_SM_CONTEXT_RSVD, "reserved bits in the context entry" },
	{ VTD_FR_SM_CONTEXT_INVALID, "invalid context entry" },
	{ VTD_FR_SM_CONTEXT_DTE, "ATS request of a device that may not use ATS" },
	{ VTD_FR_SM_CONTEXT_PASIDE, "request with PASID of a device that has none" },
	{ VTD_FR_SM_CONTEXT_PRE, "page request of a device that may not make any" },
	{ VTD_FR_SM_PASID_BEYOND, "PASID beyond the device's directory" },
	{ VTD_FR_PASID_DIR_ACCESS, "the PASID directory could not be read" },
	{ VTD_FR_PASID_DIR_NOT_PRESENT, "nothing is attached to the PASID" },
	{ VTD_FR_PASID_DIR_RSVD, "reserved bits in the PASID directory" },
	{ VTD_FR_PASID_ACCESS, "the PASID table could not be read" },
	{ VTD_FR_PASID_NOT_PRESENT, "blocked, or nothing is attached to the PASID" },
	{ VTD_FR_PASID_RSVD, "reserved bits in the PASID entry" },
	{ VTD_FR_PASID_INVALID, "invalid PASID entry" },
	{ VTD_FR_PASID_ERE, "execute requests are not enabled" },
	{ VTD_FR_PASID_SRE, "supervisor requests are not enabled" },
	{ VTD_FR_FS_ACCESS, "a first-stage table could not be read" },
	{ VTD_FR_FS_NOT_PRESENT, "not mapped" },
	{ VTD_FR_FS_RSVD, "reserved bits in a first-stage entry" },
	{ VTD_FR_FS_ROOT_ACCESS, "the first-stage top table could not be read" },
	{ VTD_FR_FS_NESTED_BEYOND, "a guest's table lies beyond the second stage" },
	{ VTD_FR_FS_NESTED_ROOT_READ, "the guest's top table is not mapped in the second stage" },
	{ VTD_FR_FS_NESTED_READ, "a guest's table is not mapped in the second stage" },
	{ VTD_FR_FS_NESTED_WRITE, "a guest's table cannot be written in the second stage" },
	{ VTD_FR_SS_ACCESS, "a second-stage table could not be read" },
	{ VTD_FR_SS_PERMISSION, "the second stage forbids it" },
	{ VTD_FR_SS_RSVD, "reserved bits in a second-stage entry" },
	{ VTD_FR_SS_ROOT, "the second-stage top table could not be read" },
	{ VTD_FR_SM_NOT_CANONICAL, "the address is not canonical" },
	{ VTD_FR_SM_USER, "user request to a supervisor page" },
	{ VTD_FR_SM_EXECUTE, "execute without permission" },
	{ VTD_FR_SM_ADDRESS_BEYOND, "address beyond the width of the domain" },
	{ VTD_FR_SM_NESTED_BEYOND, "the guest's address lies beyond the second stage" },
	{ VTD_FR_SM_WRITE, "write without permission" },
	{ VTD_FR_SM_READ, "read without permission" },
	{ VTD_FR_SM_INTERRUPT_ADDRESS, "translated into the interrupt range" },
};

static const char *reason(unsigned int code)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].words;
	return "refused for a reason that this driver does not know";
}

static void report(struct uiommu_vtd *unit, uint64_t low, uint64_t high, bool lost)
{
	unsigned int type = (high & VTD_FRCD1_T1 ? 2u : 0) | (high & VTD_FRCD1_T2 ? 1u : 0);
	struct uiommu_fault fault = {
		.instance = &unit->instance,
		.source_id = (uint32_t)(high & VTD_FRCD1_SID),
		.has_pasid = high & VTD_FRCD1_PP,
		.iova = low & VTD_FRCD0_FI,
		.prot = type == VTD_FAULT_TYPE_WRITE ? UIOMMU_WRITE : UIOMMU_READ,
		.code = (unsigned int)vtd_get(high, VTD_FRCD1_FR),
		.lost = lost,
	};

	if (fault.has_pasid)
		fault.pasid = (uiommu_pasid_t)vtd_get(high, VTD_FRCD1_PV);
	if (type == VTD_FAULT_TYPE_ATOMIC)
		fault.prot = UIOMMU_READ | UIOMMU_WRITE;
	fault.reason = reason(fault.code);
	uiommu_report_fault(&unit->instance, &fault);
}

static unsigned int poll_faults(struct uiommu_vtd *unit)
{
	unsigned int count = vtd_cap_nfr(unit->cap), reported = 0, index;
	uint32_t fsts = vtd_read32(unit, VTD_REG_FSTS);
	bool lost = fsts & VTD_FSTS_PFO;

	if (!(fsts & (VTD_FSTS_PPF | VTD_FSTS_PFO)))
		return 0;
	index = (unsigned int)vtd_get(fsts, VTD_FSTS_FRI) % count;
	/* Once round the ring: what arrives meanwhile comes with the next interrupt or poll. */
	for (unsigned int i = 0; i < count; i++, index = (index + 1) % count) {
		uint32_t record = vtd_cap_fro(unit->cap) + index * VTD_FRCD_SIZE;
		uint64_t high = vtd_read64(unit, record + 8);

		if (!(high & VTD_FRCD1_F))
			break;
		report(unit, vtd_read64(unit, record), high, lost);
		vtd_write32(unit, record + 12, (uint32_t)(VTD_FRCD1_F >> 32));
		reported++;
	}
	if (lost)
		vtd_write32(unit, VTD_REG_FSTS, VTD_FSTS_PFO);
	return reported;
}

unsigned int uiommu_vtd_poll(struct uiommu_instance *instance)
{
	struct uiommu_vtd *unit = to_vtd(instance);
	unsigned int reported = poll_faults(unit);

	uiommu_vtd_pages_poll(unit);
	return reported;
}

void uiommu_vtd_fault_interrupt(void *unit)
{
	poll_faults(unit);
}

int uiommu_vtd_fault_init(struct uiommu_vtd *unit)
{
	struct uiommu_msi msi;

	/* What firmware left behind is nobody's. */
	for (unsigned int i = 0; i < vtd_cap_nfr(unit->cap); i++)
		vtd_write32(unit, vtd_cap_fro(unit->cap) + i * VTD_FRCD_SIZE + 12,
			    (uint32_t)(VTD_FRCD1_F >> 32));
	vtd_write32(unit, VTD_REG_FSTS, VTD_FSTS_W1C);

	unit->irq = uiommu_port_irq_request(unit->host, uiommu_vtd_fault_interrupt, unit, &msi);
	if (unit->irq < 0)
		return unit->irq == -UIOMMU_EOPNOTSUPP ? 0 : unit->irq;
	vtd_write32(unit, VTD_REG_FEDATA, msi.data);
	vtd_write32(unit, VTD_REG_FEADDR, (uint32_t)msi.address & VTD_EADDR_MASK);
	vtd_write32(unit, VTD_REG_FEUADDR, (uint32_t)(msi.address >> 32));
	vtd_write32(unit, VTD_REG_FECTL, 0);
	return 0;
}

void uiommu_vtd_fault_exit(struct uiommu_vtd *unit)
{
	if (unit->irq < 0)
		return;
	vtd_write32(unit, VTD_REG_FECTL, VTD_ECTL_IM);
	uiommu_port_irq_free(unit->host, unit->irq);
	unit->irq = -1;
}
