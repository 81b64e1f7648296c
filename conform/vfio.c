/* SPDX-License-Identifier: MIT */
/* vfio.c - groups in a container: see vfio.h */
#include "conform/vfio.h"

#include <uiommu/pci.h>

#include "conform/script.h"
#include "spec/pci.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

const char *vfio_refusal(struct subject *s, bool cdevs)
{
	if (cdevs && s->page > ABI_PAGE)
		return "iommufd refuses domains with larger pages than the processor's";
	if (!uiommu_device_capable(subject_device(s, "solo0"), UIOMMU_CAP_CACHE_COHERENCY))
		return "VFIO refuses devices whose DMA is not coherent";
	return NULL;
}

struct abi *vfio_start(struct subject *s, const struct uiommu_uapi_config *config, bool cdevs)
{
	const char *refusal;

	if (!s->machine)
		subject_boot(s, 0);
	refusal = vfio_refusal(s, cdevs);
	if (refusal)
		conform_skip(s, "%s", refusal);
	return abi_start(s, config);
}

struct box box_begin(struct abi *a, uint64_t pages)
{
	struct box b = { .abi = a, .s = a->s, .container = -1 };

	b.buffer = subject_buffer(a->s, pages * a->s->page);
	CHECK_FD(a->s, abi_open(a, "/dev/vfio/vfio"), &b.container);
	return b;
}

unsigned int box_open(struct box *b, const char *label)
{
	unsigned int group = b->groups++;

	CHECK(b->s, group < BOX_GROUPS, "a box has room for %d groups", BOX_GROUPS);
	b->device[group] = abi_vfio_device(b->abi, label);
	CHECK_FD(b->s, abi_open_group(b->device[group]), &b->group[group]);
	return group;
}

static unsigned int inside(const struct box *b)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < b->groups; i++)
		count += b->inside[i];
	return count;
}

int box_enter(struct box *b, unsigned int group)
{
	int rc = abi_set_container(b->abi, b->group[group], b->container);

	if (rc)
		return rc;
	if (!inside(b)) {
		rc = abi_set_iommu(b->abi, b->container, ABI_VFIO_TYPE1V2_IOMMU);
		if (rc) {
			CHECK_OK(b->s, abi_unset_container(b->abi, b->group[group]));
			return rc;
		}
	}
	b->inside[group] = true;
	return 0;
}

int box_leave(struct box *b, unsigned int group)
{
	int rc = abi_unset_container(b->abi, b->group[group]);

	if (!rc)
		b->inside[group] = false;
	return rc;
}

unsigned int box_add(struct box *b, const char *label)
{
	unsigned int group = box_open(b, label);

	CHECK_OK(b->s, box_enter(b, group));
	return group;
}

void box_end(struct box *b)
{
	for (unsigned int i = 0; i < b->groups; i++)
		if (b->group[i] >= 0)
			CHECK_OK(b->s, abi_close(b->abi, b->group[i]));
	if (b->container >= 0)
		CHECK_OK(b->s, abi_close(b->abi, b->container));
	box_pinned(b, 0, "after everything was closed");
	subject_buffer_free(b->s, &b->buffer);
}

static unsigned char *page_of(const struct box *b, uint64_t page)
{
	return b->buffer.mem + page * b->s->page;
}

int box_map(struct box *b, uint64_t iova, uint64_t page, uint64_t count)
{
	return abi_map_dma(b->abi, b->container, iova, page_of(b, page), count * b->s->page,
			   DMA_RW);
}

void box_unmap(struct box *b, uint64_t iova, uint64_t count)
{
	uint64_t gone = 0;

	CHECK_OK(b->s, abi_unmap_dma(b->abi, b->container, iova, count * b->s->page, 0, &gone));
	CHECK(b->s, gone == count * b->s->page, "0x%llx bytes were unmapped and not 0x%llx",
	      (unsigned long long)gone, (unsigned long long)(count * b->s->page));
}

void box_one_reaches(struct box *b, unsigned int group, uint64_t iova, uint64_t page)
{
	abi_reaches(b->device[group], iova, page_of(b, page), RW);
}

void box_one_blocked(struct box *b, unsigned int group, uint64_t iova, uint64_t page)
{
	abi_blocked(b->device[group], iova, page_of(b, page));
}

void box_reaches(struct box *b, uint64_t iova, uint64_t page, uint64_t count)
{
	for (unsigned int i = 0; i < b->groups; i++)
		for (uint64_t n = 0; b->inside[i] && n < count; n++)
			box_one_reaches(b, i, iova + n * b->s->page, page + n);
}

void box_blocked(struct box *b, uint64_t iova, uint64_t page, uint64_t count)
{
	for (unsigned int i = 0; i < b->groups; i++)
		for (uint64_t n = 0; b->inside[i] && n < count; n++)
			box_one_blocked(b, i, iova + n * b->s->page, page + n);
}

void box_pinned(struct box *b, uint64_t pages, const char *when)
{
	uint64_t pins = abi_pins(b->abi), expected = pages * (b->s->page / ABI_PAGE);

	CHECK(b->s, pins == expected, "%llu pages are pinned %s, and not %llu",
	      (unsigned long long)pins, when, (unsigned long long)expected);
}

void vfio_is_free(struct subject *s, const char *label)
{
	struct uiommu_group *group = subject_group(s, label);

	CHECK(s, !uiommu_group_dma_owner_claimed(group), "%s's group has an owner", label);
	uiommu_group_put(group);
	script_default_dma(s, label);
}

bool vfio_same_domain(struct subject *s, const char *a, const char *b)
{
	struct uiommu_group *group[2] = { subject_group(s, a), subject_group(s, b) };
	const struct uiommu_domain *domain[2];

	for (unsigned int i = 0; i < 2; i++) {
		domain[i] = uiommu_group_domain(group[i]);
		CHECK(s, domain[i] && uiommu_domain_type(domain[i]) == UIOMMU_DOMAIN_PAGING,
		      "%s is attached to no address space", i ? b : a);
		uiommu_group_put(group[i]);
	}
	return domain[0] == domain[1];
}

void vfio_go(struct subject *s, const char *label)
{
	struct uiommu_pci_function *fn = machine_device_function(subject_machine_device(s, label));
	uint32_t command = fn->topology->config_read(fn, PCI_COMMAND, 2);

	fn->topology->config_write(fn, PCI_COMMAND, 2,
				   command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}
