/* SPDX-License-Identifier: MIT */
/* smoke.c - the three scenarios without which no other means anything */
#include "conform/conform.h"

/* A mapped page is reached, and nothing beside it. */
static void map_translates(struct subject *s)
{
	struct machine_device *device;
	struct subject_buffer buffer;
	struct owner *owner;
	struct space *space;
	uint64_t iova;

	subject_boot(s, 0);
	iova = s->iova;
	device = subject_machine_device(s, "solo0");
	owner = subject_own(s, "solo0");
	space = owner_space(owner, 0);
	buffer = subject_buffer(s, s->page);
	CHECK_OK(s, owner_attach(owner, space));
	CHECK_OK(s, space_map(space, iova, buffer.phys, s->page, UIOMMU_READ | UIOMMU_WRITE));
	subject_dma_reaches(s, device, iova, buffer.phys, UIOMMU_READ | UIOMMU_WRITE, NULL);
	subject_dma_blocked(s, device, iova + s->page, buffer.phys, NULL);
	subject_dma_blocked(s, device, iova - s->page, buffer.phys, NULL);
	space_unmap_all(space, iova, s->page);
	subject_dma_blocked(s, device, iova, buffer.phys, NULL);
	owner_detach(owner, space);
	space_end(space);
	subject_buffer_free(s, &buffer);
	owner_end(owner);
}

/* A claimed group does no DMA, and has its default translation back after release. */
static void claim_blocks(struct subject *s)
{
	struct machine_device *device;
	struct uiommu_group *group;
	struct subject_buffer buffer;

	s->options.system.default_type = UIOMMU_DOMAIN_IDENTITY;
	subject_boot(s, 0);
	device = subject_machine_device(s, "solo0");
	buffer = subject_buffer(s, s->page);
	group = subject_group(s, "solo0");
	if (uiommu_group_default_type(group) == UIOMMU_DOMAIN_IDENTITY)
		subject_dma_reaches(s, device, buffer.phys, buffer.phys, UIOMMU_READ | UIOMMU_WRITE,
				    NULL);
	CHECK_OK(s, uiommu_group_claim_dma_owner(group, s));
	subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
	uiommu_group_release_dma_owner(group);
	if (uiommu_group_default_type(group) == UIOMMU_DOMAIN_IDENTITY)
		subject_dma_reaches(s, device, buffer.phys, buffer.phys, UIOMMU_READ | UIOMMU_WRITE,
				    NULL);
	subject_buffer_free(s, &buffer);
	uiommu_group_put(group);
}

/* Two devices with domains of their own do not see each other's mappings. */
static void domains_are_apart(struct subject *s)
{
	struct machine_device *device[2];
	struct subject_buffer buffer[2];
	struct owner *owner[2];
	struct space *space[2];
	static const char *const label[2] = { "solo0", "solo1" };

	subject_boot(s, 0);
	for (int i = 0; i < 2; i++) {
		device[i] = subject_machine_device(s, label[i]);
		owner[i] = subject_own(s, label[i]);
		space[i] = owner_space(owner[i], 0);
		buffer[i] = subject_buffer(s, s->page);
		CHECK_OK(s, owner_attach(owner[i], space[i]));
		CHECK_OK(s, space_map(space[i], s->iova, buffer[i].phys, s->page,
				      UIOMMU_READ | UIOMMU_WRITE));
	}
	for (int i = 0; i < 2; i++)
		subject_dma_reaches(s, device[i], s->iova, buffer[i].phys,
				    UIOMMU_READ | UIOMMU_WRITE, NULL);
	space_unmap_all(space[0], s->iova, s->page);
	subject_dma_blocked(s, device[0], s->iova, buffer[0].phys, NULL);
	subject_dma_reaches(s, device[1], s->iova, buffer[1].phys, UIOMMU_READ | UIOMMU_WRITE,
			    NULL);
	for (int i = 0; i < 2; i++) {
		owner_detach(owner[i], space[i]);
		space_end(space[i]);
		subject_buffer_free(s, &buffer[i]);
		owner_end(owner[i]);
	}
}

const struct conform_scenario conform_smoke[] = {
	{ "C230",
	  "A mapped page is reached byte for byte, its neighbours are not, and after unmap nothing is",
	  "the contract of iommu_map and iommu_unmap", AREA_MAPPING,
	  CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0, map_translates },
	{ "C231", "A claimed group does no DMA; released, it has its default translation back",
	  "the contract of iommu_group_claim_dma_owner", AREA_ATTACH, CONFORM_HARDWARE, 0,
	  claim_blocks },
	{ "C232", "Two devices with domains of their own do not see each other's mappings",
	  "what an IOMMU is for", AREA_MAPPING, CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0,
	  domains_are_apart },
	{ 0 },
};
