/* SPDX-License-Identifier: MIT */
/*
 * arm_lpae.c - Arm VMSAv8-64 tables: which instance of the walker, and what hardware is told
 *
 * Arm Architecture Reference Manual (DDI 0487), D8.1 to D8.3; the fields that describe a table are those
 * of TCR_EL1, VTCR_EL2 and MAIR_EL1 (D24), which an SMMU has in its descriptors.
 */
#include "src/pgtable/arm_lpae.h"

#include "src/pgtable/arm_lpae_variant.h"

#define SIZE(bits) (1ull << (bits))

struct uiommu_pt_arm_variant {
	uint32_t granule;
	bool lpa2;
	uint8_t tg;
	uint64_t leaves; /* sizes of pages and blocks */
	uint64_t leaves_52; /* and of a block that takes 52-bit addresses */
	uint64_t runs;
	int (*init)(struct uiommu_pt *pt, const struct uiommu_pt_config *config);
	void (*destroy)(struct uiommu_pt *pt);
	void (*geometry)(const struct uiommu_pt *pt, struct uiommu_geometry *out);
	int (*map)(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
		   unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather);
	int (*map_sg)(struct uiommu_pt *pt, uiommu_iova_t iova, const struct uiommu_sg *sg,
		      size_t count, unsigned int prot, uint64_t *mapped,
		      struct uiommu_iotlb_gather *gather);
	uint64_t (*unmap)(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
			  struct uiommu_iotlb_gather *gather);
	uiommu_phys_t (*iova_to_phys)(const struct uiommu_pt *pt, uiommu_iova_t iova);
	int (*read_and_clear_dirty)(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
				    unsigned int flags, const struct uiommu_dirty_bitmap *bitmap,
				    struct uiommu_iotlb_gather *gather);
};

#define FUNCTIONS(F)                                                      \
	.init = uiommu_pt_##F##_init, .destroy = uiommu_pt_##F##_destroy, \
	.geometry = uiommu_pt_##F##_geometry, .map = uiommu_pt_##F##_map, \
	.map_sg = uiommu_pt_##F##_map_sg, .unmap = uiommu_pt_##F##_unmap, \
	.iova_to_phys = uiommu_pt_##F##_iova_to_phys,                     \
	.read_and_clear_dirty = uiommu_pt_##F##_read_and_clear_dirty

/* D8.3.1 (block sizes), D8.7.1 (runs). Blocks of 512G (4K with LPA2) are not used. */
static const struct uiommu_pt_arm_variant variants[] = {
	{
		.granule = 4096,
		.tg = 0,
		.leaves = SIZE(12) | SIZE(21) | SIZE(30),
		.runs = SIZE(16) | SIZE(25),
		FUNCTIONS(arm_lpae_4k),
	},
	{
		.granule = 16384,
		.tg = 2,
		.leaves = SIZE(14) | SIZE(25),
		.runs = SIZE(21) | SIZE(30),
		FUNCTIONS(arm_lpae_16k),
	},
	{
		.granule = 65536,
		.tg = 1,
		.leaves = SIZE(16) | SIZE(29),
		.leaves_52 = SIZE(42),
		.runs = SIZE(21) | SIZE(34),
		FUNCTIONS(arm_lpae_64k),
	},
	{
		.granule = 4096,
		.lpa2 = true,
		.tg = 0,
		.leaves = SIZE(12) | SIZE(21) | SIZE(30),
		.runs = SIZE(16) | SIZE(25),
		FUNCTIONS(arm_lpae_4k_lpa2),
	},
	{
		.granule = 16384,
		.lpa2 = true,
		.tg = 2,
		.leaves = SIZE(14) | SIZE(25) | SIZE(36),
		.runs = SIZE(21) | SIZE(30),
		FUNCTIONS(arm_lpae_16k_lpa2),
	},
};

/* Output widths and their codes (IPS, PS). */
static const uint8_t widths[] = { 32, 36, 40, 42, 44, 48, 52 };
enum { WIDTHS = sizeof(widths) / sizeof(widths[0]) };

static const struct uiommu_pt_arm_variant *find_variant(const struct uiommu_pt_arm *arm)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
		if (variants[i].granule == arm->granule && variants[i].lpa2 == arm->lpa2)
			return &variants[i];
	return NULL;
}

/* WIDTHS: there is no such code. */
static uint8_t width_code(unsigned int bits)
{
	uint8_t code = 0;

	while (code < WIDTHS && widths[code] != bits)
		code++;
	return code;
}

static uint64_t leaf_sizes(const struct uiommu_pt_arm_variant *v, unsigned int pa_bits)
{
	return v->leaves | (pa_bits == 52 ? v->leaves_52 : 0);
}

uint64_t uiommu_pt_arm_lpae_sizes(const struct uiommu_pt_config *config, bool contiguous)
{
	const struct uiommu_pt_arm_variant *v = find_variant(&config->arm);

	return v ? leaf_sizes(v, config->pa_bits) | (contiguous ? v->runs : 0) : 0;
}

/* A run needs the size of its entries, which is the next smaller of pages and blocks. */
static bool runs_have_entries(const struct uiommu_pt_arm_variant *v, uint64_t sizes)
{
	uint64_t page = v->leaves & -v->leaves, block = v->leaves & ~page;

	block &= -block;
	for (uint64_t left = sizes & v->runs; left; left &= left - 1) {
		uint64_t run = left & -left;

		if (!(sizes & (run < block ? page : block)))
			return false;
	}
	return true;
}

static bool config_is_good(const struct uiommu_pt_arm_variant *v, const struct uiommu_pt_config *c)
{
	const unsigned int widest = v->lpa2 || v->granule == 65536 ? 52 : 48;

	return (c->arm.stage == 1 || c->arm.stage == 2) && c->va_bits >= 32 &&
	       c->va_bits <= widest && c->pa_bits <= widest && width_code(c->pa_bits) < WIDTHS &&
	       !(c->pgsizes & ~(leaf_sizes(v, c->pa_bits) | v->runs)) &&
	       runs_have_entries(v, c->pgsizes) && !(c->dirty && (c->pgsizes & v->runs));
}

int uiommu_pt_arm_lpae_init(struct uiommu_pt *pt, const struct uiommu_pt_config *config)
{
	const struct uiommu_pt_arm_variant *v = find_variant(&config->arm);
	int rc;

	if (!v || !config_is_good(v, config))
		return -UIOMMU_EINVAL;
	rc = v->init(pt, config);
	if (rc == 0)
		pt->arm = v;
	return rc;
}

void uiommu_pt_arm_lpae_regs(const struct uiommu_pt *pt, struct uiommu_pt_arm_regs *out)
{
	const bool coherent = pt->config.coherent, second = pt->config.arm.stage == 2;
	/* Levels from the bottom, 4K: level 2 is 0, level 1 is 1, level 0 is 2; others: one more. */
	const unsigned int start = pt->levels - (pt->config.arm.granule == 4096 ? 2 : 1);

	*out = (struct uiommu_pt_arm_regs){
		.ttb = uiommu_pt_root(pt),
		.mair = second ? 0 :
				 0x44ull << 8 * UIOMMU_PT_ARM_ATTR_UNCACHED |
					 0xffull << 8 * UIOMMU_PT_ARM_ATTR_CACHED |
					 0x04ull << 8 * UIOMMU_PT_ARM_ATTR_DEVICE,
		.tsz = (uint8_t)(64 - pt->config.va_bits),
		.tg = pt->arm->tg,
		.irgn = coherent,
		.orgn = coherent,
		.sh = coherent ? 3 : 2,
		.ps = width_code(pt->config.pa_bits),
		.sl0 = (uint8_t)(second ? start & 3 : 0),
		.ds = pt->arm->lpa2,
	};
}

/* ---- to the instance --------------------------------------------------------------------------- */

void uiommu_pt_arm_lpae_destroy(struct uiommu_pt *pt)
{
	pt->arm->destroy(pt);
}

void uiommu_pt_arm_lpae_geometry(const struct uiommu_pt *pt, struct uiommu_geometry *out)
{
	pt->arm->geometry(pt, out);
}

int uiommu_pt_arm_lpae_map(struct uiommu_pt *pt, uiommu_iova_t iova, uiommu_phys_t paddr,
			   uint64_t size, unsigned int prot, uint64_t *mapped,
			   struct uiommu_iotlb_gather *gather)
{
	return pt->arm->map(pt, iova, paddr, size, prot, mapped, gather);
}

int uiommu_pt_arm_lpae_map_sg(struct uiommu_pt *pt, uiommu_iova_t iova, const struct uiommu_sg *sg,
			      size_t count, unsigned int prot, uint64_t *mapped,
			      struct uiommu_iotlb_gather *gather)
{
	return pt->arm->map_sg(pt, iova, sg, count, prot, mapped, gather);
}

uint64_t uiommu_pt_arm_lpae_unmap(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
				  struct uiommu_iotlb_gather *gather)
{
	return pt->arm->unmap(pt, iova, size, gather);
}

uiommu_phys_t uiommu_pt_arm_lpae_iova_to_phys(const struct uiommu_pt *pt, uiommu_iova_t iova)
{
	return pt->arm->iova_to_phys(pt, iova);
}

int uiommu_pt_arm_lpae_read_and_clear_dirty(struct uiommu_pt *pt, uiommu_iova_t iova, uint64_t size,
					    unsigned int flags,
					    const struct uiommu_dirty_bitmap *bitmap,
					    struct uiommu_iotlb_gather *gather)
{
	return pt->arm->read_and_clear_dirty(pt, iova, size, flags, bitmap, gather);
}
