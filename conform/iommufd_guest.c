/* SPDX-License-Identifier: MIT */
/*
 * iommufd_guest.c - whoever runs a guest with a VT-d or an SMMUv3 of its own, through iommufd
 *
 * The guest has a few pages of memory, which an IOAS shows at GUEST; in the first ones are its tables (VT-d 9.7; DDI
 * 0487, D8) and, for an SMMUv3, a context descriptor before them (IHI 0070, 5.4).  Pages are of 4K.
 */
#include <string.h>

#include "conform/iommufd.h"

#define PAGE UINT64_C(4096)
#define GUEST UINT64_C(0x40000000)
#define VA UINT64_C(0x1234567000) /* inside the 39 bits of three levels */
#define LEVELS 4u
/* Tables from the top down, of an SMMUv3's the first is the descriptor; then data. */
enum { TABLES, DATA = LEVELS, PAGES = DATA + 2 };
#define ORDER 2u /* of the pages up to DATA */

#define ASID UINT64_C(7)
#define VSID UINT64_C(0x1234)

static uint64_t address(unsigned int page)
{
	return GUEST + page * PAGE;
}

uint64_t guest_address(const struct guest *g, unsigned int page)
{
	(void)g;
	return address(DATA + page);
}

const void *guest_memory(const struct guest *g, unsigned int page)
{
	return g->data.mem + page * PAGE;
}

static uint64_t *table(const struct guest *g, unsigned int page)
{
	return (uint64_t *)(void *)(g->tables + page * PAGE);
}

static void entry(const struct guest *g, unsigned int page, unsigned int level, uint64_t value)
{
	__atomic_store_n(&table(g, page)[g->iova >> (12 + 9 * level) & 511], value,
			 __ATOMIC_SEQ_CST);
}

/* ---- VT-d -------------------------------------------------------------------------------------- */

#define VTD_ENTRY UINT64_C(7) /* present, writable, user */

static void vtd_begin(struct guest *g)
{
	for (unsigned int page = 0; page < LEVELS; page++)
		entry(g, TABLES + page, LEVELS - 1 - page, address(TABLES + page + 1) | VTD_ENTRY);
	g->stage.vtd =
		(struct abi_iommu_hwpt_vtd_s1){ .pgtbl_addr = address(TABLES), .addr_width = 48 };
	g->stage_size = sizeof(g->stage.vtd);
	g->base = g->parent;
}

/* ---- SMMUv3 ------------------------------------------------------------------------------------ */

#define STE_V 1ull
#define STE_S1 (5ull << 1)
#define STE1_CACHED (1ull << 2 | 1ull << 4 | 3ull << 6) /* S1CIR, S1COR, S1CSH */
#define CFGI_CD 0x05ull
#define NH_ASID (0x11ull | ASID << 48)

/* AF, nG, SH inner, AP: not privileged */
static uint64_t smmuv3_leaf(unsigned int page)
{
	return address(page) | 3 | 1ull << 6 | 3ull << 8 | 1ull << 10 | 1ull << 11;
}

static void smmuv3_begin(struct guest *g)
{
	struct subject *s = g->d->abi->s;
	uint64_t *cd = table(g, TABLES);

	/* 39 bits: three levels, below the descriptor. */
	entry(g, TABLES + 1, 2, address(TABLES + 2) | 3);
	entry(g, TABLES + 2, 1, address(TABLES + 3) | 3);
	entry(g, TABLES + 3, 0, smmuv3_leaf(DATA));
	cd[1] = address(TABLES + 1);
	cd[3] = 0xff;
	/* T0SZ; EPD1, V, IPS of 48 bits, AA64, R, A, ASET */
	__atomic_store_n(&cd[0],
			 25 | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 30 | 1ull << 31 |
				 5ull << 32 | 1ull << 41 | 1ull << 45 | 1ull << 46 | 1ull << 47 |
				 ASID << 48,
			 __ATOMIC_SEQ_CST);
	g->stage.smmuv3 = (struct abi_iommu_hwpt_arm_smmuv3){ { STE_V | STE_S1 | address(TABLES),
								STE1_CACHED } };
	g->stage_size = sizeof(g->stage.smmuv3);
	g->virt_id = VSID;
	CHECK_OK(s, iommufd_viommu(g->d, g->iommufd, ABI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3, g->parent,
				   &g->viommu));
	CHECK_OK(s, iommufd_vdevice(g->d, g->iommufd, g->viommu, VSID, &g->vdevice));
	g->base = g->viommu;
}

/* ---- either ------------------------------------------------------------------------------------ */

void guest_map(struct guest *g, unsigned int page)
{
	if (g->type == ABI_IOMMU_HWPT_DATA_VTD_S1)
		entry(g, TABLES + 3, 0, address(DATA + page) | VTD_ENTRY);
	else
		entry(g, TABLES + 3, 0, smmuv3_leaf(DATA + page));
}

void guest_unmap(struct guest *g)
{
	entry(g, TABLES + 3, 0, 0);
}

struct guest_entries guest_entries(const struct guest *g, uint32_t hwpt)
{
	struct guest_entries e = { .id = hwpt };

	if (g->type == ABI_IOMMU_HWPT_DATA_VTD_S1) {
		e.type = ABI_IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
		e.size = sizeof(e.entry.vtd[0]);
		e.entry.vtd[1] = (struct abi_iommu_hwpt_vtd_s1_invalidate){ .addr = g->iova,
									    .npages = 1,
									    .flags = 1 };
	} else {
		e.id = g->viommu;
		e.type = ABI_IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3;
		e.size = sizeof(e.entry.smmuv3[0]);
		e.entry.smmuv3[0].cmd[0] = CFGI_CD | g->virt_id << 32;
		e.entry.smmuv3[0].cmd[1] = 1;
		e.entry.smmuv3[1].cmd[0] = NH_ASID;
	}
	return e;
}

int guest_stage(struct guest *g, unsigned int flags, uint32_t *hwpt)
{
	return iommufd_nested(g->d, g->iommufd, g->base, flags, g->type, &g->stage, g->stage_size,
			      hwpt);
}

/* The hardware's kind of first stage; 0: none that anybody can have. */
static uint32_t format_of(struct abi_device *d, int iommufd)
{
	switch (iommufd_hw_info(d, iommufd).data_type) {
	case ABI_IOMMU_HW_INFO_TYPE_INTEL_VTD:
		return ABI_IOMMU_HWPT_DATA_VTD_S1;
	case ABI_IOMMU_HW_INFO_TYPE_ARM_SMMUV3:
		return ABI_IOMMU_HWPT_DATA_ARM_SMMUV3;
	default:
		return ABI_IOMMU_HWPT_DATA_NONE;
	}
}

bool guest_begin(struct abi_device *d, int iommufd, struct guest *g)
{
	struct subject *s = d->abi->s;
	void *host = machine_host(s->machine);
	int rc;

	*g = (struct guest){ .d = d, .iommufd = iommufd, .iova = VA };
	g->type = format_of(d, iommufd);
	if (!g->type)
		return false;
	g->ioas = abi_ioas(d->abi, iommufd);
	do
		rc = abi_hwpt(d->abi, iommufd, d->devid, g->ioas, ABI_IOMMU_HWPT_ALLOC_NEST_PARENT,
			      &g->parent);
	while (rc == -UIOMMU_ENOMEM && s->fail_at);
	if (rc == -UIOMMU_EOPNOTSUPP) {
		CHECK_OK(s, abi_destroy(d->abi, iommufd, g->ioas));
		return false;
	}
	CHECK(s, !rc, "a parent: %s", uiommu_strerror(rc));
	for (unsigned int tries = 0; tries < 2 && !g->tables; tries++) /* the sweep fails one */
		g->tables = uiommu_port_alloc_pages(host, ORDER);
	CHECK(s, g->tables, "no memory for the guest's tables");
	g->data = subject_buffer(s, (PAGES - DATA) * PAGE);
	CHECK_OK(s, abi_map(d->abi, iommufd, g->ioas, address(TABLES), g->tables, DATA * PAGE,
			    ABI_RW));
	iommufd_map(d->abi, iommufd, g->ioas, address(DATA), &g->data);
	if (g->type == ABI_IOMMU_HWPT_DATA_VTD_S1)
		vtd_begin(g);
	else
		smmuv3_begin(g);
	return true;
}

void guest_end(struct guest *g)
{
	struct subject *s = g->d->abi->s;
	struct abi *a = g->d->abi;

	if (g->viommu) {
		CHECK_RC(s, abi_destroy(a, g->iommufd, g->viommu), -UIOMMU_EBUSY);
		CHECK_OK(s, abi_destroy(a, g->iommufd, g->vdevice));
		CHECK_OK(s, abi_destroy(a, g->iommufd, g->viommu));
	}
	CHECK_OK(s, abi_destroy(a, g->iommufd, g->parent));
	CHECK_OK(s, abi_destroy(a, g->iommufd, g->ioas));
	uiommu_port_free_pages(machine_host(s->machine), g->tables, ORDER);
	subject_buffer_free(s, &g->data);
}
