/* SPDX-License-Identifier: MIT */
/* formats.c - the page-table formats as the tests know them: see formats.h */
#include "formats.h"

#define K4 0x1000ull
#define K16 0x4000ull
#define K64 0x10000ull
#define M2 0x200000ull
#define M32 0x2000000ull
#define M512 0x20000000ull
#define G1 0x40000000ull
#define G16 0x400000000ull
#define G64 0x1000000000ull
#define T4 0x40000000000ull

#define OPS(F)                                                            \
	.init = uiommu_pt_##F##_init, .destroy = uiommu_pt_##F##_destroy, \
	.geometry = uiommu_pt_##F##_geometry, .map = uiommu_pt_##F##_map, \
	.map_sg = uiommu_pt_##F##_map_sg, .unmap = uiommu_pt_##F##_unmap, \
	.iova_to_phys = uiommu_pt_##F##_iova_to_phys,                     \
	.dirty = uiommu_pt_##F##_read_and_clear_dirty

/* ---- Intel: VT-d 9.8; SDM volume 3, 4.5 -------------------------------------------------------- */

/* R 0, W 1, SNP 11. */
static uint64_t ss_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	return (prot & 3) | (config->force_snoop ? 0x800 : 0);
}

/* P 0, R/W 1, U/S 2, A 5, D 6, XD 63. */
static uint64_t x86_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	return 0x25 | (prot & UIOMMU_WRITE ? 2 | (config->dirty ? 0 : 0x40) : 0) |
	       ((prot & UIOMMU_NOEXEC) && config->noexec ? 1ull << 63 : 0);
}

static const struct format vtd_ss = {
	OPS(vtd_ss),	     .present = 0x3,	      .kind = 0x80,
	.table_bits = 0x3,   .soft_bits = 1ull << 52, .large_bits = 0x80,
	.dirty_flip = 0x200, .leaf_bits = ss_leaf,
};
static const struct format x86_64 = {
	OPS(x86_64),	    .present = 0x1,	     .kind = 0x80,
	.table_bits = 0x27, .soft_bits = 1ull << 52, .large_bits = 0x80,
	.dirty_flip = 0x40, .leaf_bits = x86_leaf,   .sign = true,
};

/* ---- Arm: DDI 0487, D8.3 ----------------------------------------------------------------------- */

/* SH 9:8: 2 outer, 3 inner; with 52-bit descriptors the bits are not there. */
static uint64_t arm_sh(const struct uiommu_pt_config *config, unsigned int prot)
{
	bool inner = (prot & UIOMMU_CACHE) && !(prot & UIOMMU_MMIO);

	return config->arm.lpa2 ? 0 : inner ? 0x300 : 0x200;
}

/* Valid 0, AttrIndx 4:2, AP[1] 6 (unprivileged too), AP[2] 7 (read-only), AF 10, nG 11, DBM 51, PXN 53,
 * UXN 54. MAIR: 0 normal uncached, 1 normal cached, 2 device. */
static uint64_t s1_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	uint64_t e = 0xc01 | arm_sh(config, prot);

	if (prot & UIOMMU_MMIO)
		e |= 0x8;
	else if (prot & UIOMMU_CACHE)
		e |= 0x4;
	if (prot & UIOMMU_PRIV)
		e |= 1ull << 54;
	else
		e |= 0x40;
	if (!(prot & UIOMMU_WRITE))
		e |= 0x80;
	else if (config->dirty)
		e |= 0x80 | 1ull << 51;
	if (prot & UIOMMU_NOEXEC)
		e |= 3ull << 53;
	return e;
}

/* Valid 0, MemAttr 5:2, S2AP[0] 6 (read), S2AP[1] 7 (write), AF 10, DBM 51, XN[1] 54. MemAttr: 0b0001
 * Device-nGnRE; 0b0101 Normal non-cacheable; 0b1111 write-back, with FWB 0b0110. */
static uint64_t s2_leaf(const struct uiommu_pt_config *config, unsigned int prot)
{
	uint64_t e = 0x401 | arm_sh(config, prot) | (prot & UIOMMU_READ ? 0x40 : 0);

	if (prot & UIOMMU_MMIO)
		e |= 0x04;
	else if (!(prot & UIOMMU_CACHE))
		e |= 0x14;
	else
		e |= config->arm.fwb ? 0x18 : 0x3c;
	if (prot & UIOMMU_WRITE)
		e |= config->dirty ? 1ull << 51 : 0x80;
	if (prot & UIOMMU_NOEXEC)
		e |= 1ull << 54;
	return e;
}

static const struct format arm_s1 = {
	OPS(arm_lpae),	    .present = 0x1,	     .kind = 0x2,      .table_kind = 0x2,
	.table_bits = 0x3,  .soft_bits = 1ull << 55, .page_bits = 0x2, .run_bits = 1ull << 52,
	.dirty_flip = 0x80, .leaf_bits = s1_leaf,
};
static const struct format arm_s2 = {
	OPS(arm_lpae),	    .present = 0x1,	     .kind = 0x2,      .table_kind = 0x2,
	.table_bits = 0x3,  .soft_bits = 1ull << 55, .page_bits = 0x2, .run_bits = 1ull << 52,
	.dirty_flip = 0x80, .leaf_bits = s2_leaf,
};

/* ---- setups ------------------------------------------------------------------------------------ */

enum { FLUSH = 1, DIRTY = 2, SNOOP = 4, XD = 8, LPA2 = 16, FWB = 32, BBML2 = 64 };

#define SETUP(n, f, va, pa, sizes, flags)                                         \
	{                                                                         \
		n, &f,                                                            \
		{                                                                 \
			.va_bits = va, .pa_bits = pa, .pgsizes = sizes,           \
			.coherent = !(FLUSH & (flags)), .dirty = DIRTY & (flags), \
			.force_snoop = SNOOP & (flags), .noexec = XD & (flags),   \
		}                                                                 \
	}

#define ARM(n, s, g, va, pa, sizes, flags)                                        \
	{                                                                         \
		n, &arm_s##s,                                                     \
		{                                                                 \
			.va_bits = va, .pa_bits = pa, .pgsizes = sizes,           \
			.coherent = !(FLUSH & (flags)), .dirty = DIRTY & (flags), \
			.arm = { .granule = g,                                    \
				 .stage = s,                                      \
				 .lpa2 = LPA2 & (flags),                          \
				 .fwb = FWB & (flags),                            \
				 .bbml2 = BBML2 & (flags) },                      \
		}                                                                 \
	}

#define RUNS4 (16 * K4 | 16 * M2)
#define RUNS16 (128 * K16 | 32 * M32)
#define RUNS64 (32 * K64 | 32 * M512)

const struct setup setups[] = {
	SETUP("ss39", vtd_ss, 39, 39, K4 | M2 | G1, DIRTY),
	SETUP("ss48", vtd_ss, 48, 46, K4 | M2 | G1, DIRTY),
	SETUP("ss57", vtd_ss, 57, 52, K4 | M2 | G1, DIRTY),
	SETUP("ss48-snoop", vtd_ss, 48, 46, K4 | M2 | G1, SNOOP),
	SETUP("ss48-flush", vtd_ss, 48, 46, K4 | M2 | G1, FLUSH | DIRTY),
	SETUP("ss39-4k", vtd_ss, 39, 46, K4, 0),
	SETUP("ss57-4k-2m", vtd_ss, 57, 46, K4 | M2, 0),
	SETUP("ss48-4k-1g", vtd_ss, 48, 46, K4 | G1, DIRTY),
	SETUP("x48", x86_64, 48, 46, K4 | M2 | G1, DIRTY),
	SETUP("x57", x86_64, 57, 52, K4 | M2 | G1, DIRTY | XD),
	SETUP("x48-preset", x86_64, 48, 46, K4 | M2 | G1, XD),
	SETUP("x57-flush", x86_64, 57, 52, K4 | M2 | G1, FLUSH),
	SETUP("x48-4k", x86_64, 48, 46, K4, DIRTY),
	SETUP("x48-4k-2m-flush", x86_64, 48, 46, K4 | M2, FLUSH),
	/* Stage 1: each granule at each width of its levels, with runs and without. */
	ARM("s1-4k-48", 1, K4, 48, 48, K4 | M2 | G1, DIRTY),
	ARM("s1-4k-48-runs", 1, K4, 48, 48, K4 | M2 | G1 | RUNS4, 0),
	ARM("s1-4k-39-runs-bbml2", 1, K4, 39, 40, K4 | M2 | G1 | RUNS4, BBML2),
	ARM("s1-4k-33-flush", 1, K4, 33, 44, K4 | M2 | G1 | 16 * K4, FLUSH),
	ARM("s1-4k-48-pages", 1, K4, 48, 48, K4 | 16 * K4, BBML2),
	ARM("s1-4k-52", 1, K4, 52, 52, K4 | M2 | G1 | RUNS4, LPA2),
	ARM("s1-4k-52-bbml2-dirty", 1, K4, 52, 52, K4 | M2 | G1, LPA2 | BBML2 | DIRTY | FLUSH),
	ARM("s1-16k-47-runs", 1, K16, 47, 48, K16 | M32 | RUNS16, 0),
	ARM("s1-16k-48-bbml2", 1, K16, 48, 48, K16 | M32 | RUNS16, BBML2 | FLUSH),
	ARM("s1-16k-52", 1, K16, 52, 52, K16 | M32 | G64 | RUNS16, LPA2),
	ARM("s1-64k-48-runs", 1, K64, 48, 48, K64 | M512 | RUNS64, 0),
	ARM("s1-64k-52-bbml2", 1, K64, 52, 52, K64 | M512 | T4 | RUNS64, BBML2),
	ARM("s1-64k-52-dirty", 1, K64, 52, 52, K64 | M512 | T4, DIRTY | FLUSH),
	/* Stage 2: one table at the top, and 2 to 16 in a row. */
	ARM("s2-4k-39", 2, K4, 39, 40, K4 | M2 | G1, DIRTY | BBML2),
	ARM("s2-4k-40-runs", 2, K4, 40, 40, K4 | M2 | G1 | RUNS4, FWB),
	ARM("s2-4k-42-flush", 2, K4, 42, 42, K4 | M2 | G1 | 16 * M2, FLUSH),
	ARM("s2-4k-48-dirty", 2, K4, 48, 48, K4 | M2 | G1, DIRTY | FWB),
	ARM("s2-4k-52", 2, K4, 52, 52, K4 | M2 | G1 | RUNS4, LPA2 | BBML2),
	ARM("s2-16k-48-runs", 2, K16, 48, 48, K16 | M32 | RUNS16, FWB | BBML2),
	ARM("s2-16k-51-flush", 2, K16, 51, 52, K16 | M32 | G64, LPA2 | FLUSH),
	ARM("s2-64k-46-runs", 2, K64, 46, 48, K64 | M512 | RUNS64, 0),
	ARM("s2-64k-52-dirty", 2, K64, 52, 52, K64 | M512 | T4, DIRTY | BBML2),
};
const size_t num_setups = sizeof(setups) / sizeof(setups[0]);

unsigned int setup_bits(const struct setup *s)
{
	switch (s->config.arm.granule) {
	case 16384:
		return 11;
	case 65536:
		return 13;
	default:
		return 9;
	}
}

/* Bits 51:12 where they are; 64K granules: 51:48 in 15:12; 52-bit descriptors: 51:50 in 9:8. */
uint64_t setup_place(const struct setup *s, uint64_t phys)
{
	if (s->config.arm.granule == 65536)
		return (phys & ((1ull << 48) - 1)) | (phys >> 48) << 12;
	if (s->config.arm.lpa2)
		return (phys & ((1ull << 50) - 1)) | (phys >> 50) << 8;
	return phys;
}

uint64_t setup_addr(const struct setup *s, uint64_t e)
{
	if (s->config.arm.granule == 65536)
		return (e & 0xffffffff0000) | (e >> 12 & 15) << 48;
	if (s->config.arm.lpa2)
		return (e & 0x3fffffffff000) | (e >> 8 & 3) << 50;
	return s->config.arm.granule ? e & 0xfffffffff000 : e & 0xffffffffff000;
}

bool setup_keeps_tables(const struct setup *s)
{
	return s->config.arm.granule && !s->config.arm.bbml2;
}
