/* SPDX-License-Identifier: MIT */
/* device_tlb.c - what a device keeps in a TLB of its own, for requests with PASID */
#include "conform/conform.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASID 5u

static void c240_pasid_and_ats(struct subject *s)
{
	static const struct subject_dma how = { PASID,
						MACHINE_DMA_WITH_PASID | MACHINE_DMA_USE_ATS };
	struct machine_device *device;
	struct uiommu_device *dev;
	struct subject_buffer b;
	struct owner *owner;
	struct space *space;

	subject_boot(s, 0);
	device = subject_machine_device(s, "ats0");
	dev = subject_device(s, "ats0");
	CHECK(s, uiommu_device_capable(dev, UIOMMU_CAP_ATS), "ats0 may not use ATS");
	owner = subject_own(s, "ats0");
	if (owner_max_pasids(owner) <= PASID) {
		owner_end(owner);
		conform_skip(s, "ats0 cannot send requests with PASID here");
	}
	b = subject_buffer(s, 5 * s->page);
	space = owner_space(owner, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, owner_attach_pasid(owner, space, PASID));
	CHECK_OK(s, space_map(space, s->iova, b.phys, b.size, RW));
	for (uint64_t at = 0; at < b.size; at += s->page)
		subject_dma_reaches(s, device, s->iova + at, b.phys + at, RW, &how);
	CHECK(s, space_unmap(space, s->iova, b.size) == b.size, "not all of it is unmapped");
	for (uint64_t at = 0; at < b.size; at += s->page)
		subject_dma_blocked(s, device, s->iova + at, b.phys + at, &how);
	owner_detach_pasid(owner, space, PASID);
	space_end(space);
	subject_buffer_free(s, &b);
	owner_end(owner);
}

const struct conform_scenario conform_device_tlb[] = {
	{ "C240", "Nor, with a PASID, through the device's own TLB",
	  "PCIe 10.3; VT-d 6.5.2.6; SMMUv3 4.5.1", AREA_MAPPING,
	  CONFORM_HARDWARE | CONFORM_ANY_BACKEND, MACHINE_ATS | MACHINE_PASID_DMA,
	  c240_pasid_and_ats },
	{ 0 },
};
