/* SPDX-License-Identifier: MIT */
/*
 * smmuv3.h - registers, tables, commands and records of the Arm SMMUv3
 *
 * Facts from the "Arm System Memory Management Unit Architecture Specification, SMMU architecture
 * version 3", ARM IHI 0070 revision G; the section stands beside each.  The Non-secure programming
 * interface only.  No behaviour, no state; usable by drivers and models.
 *
 * Conventions.  SMMUV3_REG_x is an offset in bytes from the base of register page 0; those of page 1
 * include the 64 KiB.  SMMUV3_x_y is a single bit or a mask in place: smmuv3_get() takes a field out,
 * smmuv3_set() puts it in.  Everything in memory is little-endian and named by 64-bit words: the
 * constants SMMUV3_STE1_x are for word 1 of an STE, where the specification counts bits 64 to 127.
 * Whatever is not named in a structure is RES0: software writes 0, hardware may treat other values as
 * invalid.  Addresses are given up to bit 51; with 56-bit addresses (v3.4) they go on to bit 55.
 */
#ifndef SPEC_SMMUV3_H
#define SPEC_SMMUV3_H

#include <stdint.h>

/** smmuv3_get() - the value of the field of @value that @mask covers */
static inline uint64_t smmuv3_get(uint64_t value, uint64_t mask)
{
	return (value & mask) / (mask & (~mask + 1));
}

/** smmuv3_set() - @field, moved to where @mask covers it */
static inline uint64_t smmuv3_set(uint64_t field, uint64_t mask)
{
	return (field * (mask & (~mask + 1))) & mask;
}

/* ---- register offsets (6.2, 6.3) --------------------------------------------------------------- */

#define SMMUV3_PAGE_SIZE 0x10000 /* of each register page; the base is aligned to that too (6.1) */
#define SMMUV3_REG_SIZE 0x20000 /* pages 0 and 1 */

#define SMMUV3_REG_IDR0 0x00 /* 32 bits, read-only, 6.3.1 */
#define SMMUV3_REG_IDR1 0x04 /* 32, read-only, 6.3.2 */
#define SMMUV3_REG_IDR2 0x08 /* 32, read-only, 6.3.3 */
#define SMMUV3_REG_IDR3 0x0c /* 32, read-only, 6.3.4 */
#define SMMUV3_REG_IDR4 0x10 /* 32, read-only, implementation defined, 6.3.5 */
#define SMMUV3_REG_IDR5 0x14 /* 32, read-only, 6.3.6 */
#define SMMUV3_REG_IIDR 0x18 /* 32, read-only, 6.3.7 */
#define SMMUV3_REG_AIDR 0x1c /* 32, read-only, 6.3.8 */
#define SMMUV3_REG_CR0 0x20 /* 32, 6.3.9 */
#define SMMUV3_REG_CR0ACK 0x24 /* 32, read-only, 6.3.10 */
#define SMMUV3_REG_CR1 0x28 /* 32, 6.3.11 */
#define SMMUV3_REG_CR2 \
	0x2c /* 32; writable while CR0.SMMUEN and its acknowledgement are 0, 6.3.12 */
#define SMMUV3_REG_STATUSR 0x40 /* 32, read-only, 6.3.13 */
#define SMMUV3_REG_GBPA 0x44 /* 32, 6.3.14 */
#define SMMUV3_REG_AGBPA 0x48 /* 32, implementation defined, 6.3.15 */
#define SMMUV3_REG_IRQ_CTRL 0x50 /* 32, 6.3.17 */
#define SMMUV3_REG_IRQ_CTRLACK 0x54 /* 32, read-only, 6.3.18 */
#define SMMUV3_REG_GERROR 0x60 /* 32, read-only, 6.3.19 */
#define SMMUV3_REG_GERRORN 0x64 /* 32, 6.3.20 */
#define SMMUV3_REG_GERROR_IRQ_CFG0 0x68 /* 64, 6.3.21 */
#define SMMUV3_REG_GERROR_IRQ_CFG1 0x70 /* 32 */
#define SMMUV3_REG_GERROR_IRQ_CFG2 0x74 /* 32 */
#define SMMUV3_REG_STRTAB_BASE 0x80 /* 64, 6.3.24 */
#define SMMUV3_REG_STRTAB_BASE_CFG 0x88 /* 32, 6.3.25 */
#define SMMUV3_REG_CMDQ_BASE 0x90 /* 64, 6.3.26 */
#define SMMUV3_REG_CMDQ_PROD 0x98 /* 32, 6.3.27 */
#define SMMUV3_REG_CMDQ_CONS 0x9c /* 32; software writes it before CMDQEN only, 6.3.28 */
#define SMMUV3_REG_EVENTQ_BASE 0xa0 /* 64, 6.3.29 */
#define SMMUV3_REG_EVENTQ_IRQ_CFG0 0xb0 /* 64, 6.3.32 */
#define SMMUV3_REG_EVENTQ_IRQ_CFG1 0xb8 /* 32 */
#define SMMUV3_REG_EVENTQ_IRQ_CFG2 0xbc /* 32 */
#define SMMUV3_REG_PRIQ_BASE 0xc0 /* 64, 6.3.35 */
#define SMMUV3_REG_PRIQ_IRQ_CFG0 0xd0 /* 64, 6.3.38 */
#define SMMUV3_REG_PRIQ_IRQ_CFG1 0xd8 /* 32 */
#define SMMUV3_REG_PRIQ_IRQ_CFG2 0xdc /* 32 */
#define SMMUV3_REG_GATOS_CTRL 0x100 /* 32, with IDR0.ATOS */
#define SMMUV3_REG_GATOS_SID 0x108 /* 64 */
#define SMMUV3_REG_GATOS_ADDR 0x110 /* 64 */
#define SMMUV3_REG_GATOS_PAR 0x118 /* 64 */
#define SMMUV3_REG_MPAMIDR 0x130 /* 32, with IDR3.MPAM */
#define SMMUV3_REG_VATOS_SEL 0x180 /* 32, with IDR0.VATOS */
#define SMMUV3_REG_IDR6 0x190 /* 32, with IDR1.ECMDQ */
#define SMMUV3_REG_ID_FIRST 0xfd0 /* to 0xffc: PIDR and CIDR, implementation defined */
/* Page 1.  A page 0 access to the same offset (0xa8 and so on) need not reach them. */
#define SMMUV3_REG_EVENTQ_PROD 0x100a8 /* 32, 6.3.30 */
#define SMMUV3_REG_EVENTQ_CONS 0x100ac /* 32, 6.3.31 */
#define SMMUV3_REG_PRIQ_PROD 0x100c8 /* 32, 6.3.36 */
#define SMMUV3_REG_PRIQ_CONS 0x100cc /* 32, 6.3.37 */

/* ---- IDR0 (6.3.1) ------------------------------------------------------------------------------ */

#define SMMUV3_IDR0_S2P (1u << 0) /* stage 2 */
#define SMMUV3_IDR0_S1P (1u << 1) /* stage 1 */
#define SMMUV3_IDR0_TTF (0x3u << 2) /* table formats: SMMUV3_TTF_x */
#define SMMUV3_IDR0_COHACC (1u << 4) /* walks, tables and queues can be coherent */
#define SMMUV3_IDR0_BTM (1u << 5) /* takes part in broadcast TLB maintenance */
#define SMMUV3_IDR0_HTTU (0x3u << 6) /* hardware updates of flags: SMMUV3_HTTU_x */
#define SMMUV3_IDR0_DORMHINT (1u << 8)
#define SMMUV3_IDR0_HYP (1u << 9) /* EL2 stage 1 (STE.STRW) */
#define SMMUV3_IDR0_ATS (1u << 10)
#define SMMUV3_IDR0_NS1ATS (1u << 11) /* split-stage ATS is not supported */
#define SMMUV3_IDR0_ASID16 (1u << 12) /* else ASIDs have 8 bits */
#define SMMUV3_IDR0_MSI (1u << 13) /* interrupts and CMD_SYNC can be written to memory */
#define SMMUV3_IDR0_SEV (1u << 14) /* CMD_SYNC can wake a WFE */
#define SMMUV3_IDR0_ATOS (1u << 15)
#define SMMUV3_IDR0_PRI (1u << 16)
#define SMMUV3_IDR0_VMW (1u << 17) /* VMID wildcards */
#define SMMUV3_IDR0_VMID16 (1u << 18) /* else VMIDs have 8 bits */
#define SMMUV3_IDR0_CD2L (1u << 19) /* 2-level CD tables */
#define SMMUV3_IDR0_VATOS (1u << 20)
#define SMMUV3_IDR0_TTENDIAN (0x3u << 21) /* SMMUV3_TTENDIAN_x */
#define SMMUV3_IDR0_ATSRECERR (1u << 23) /* CR2.REC_CFG_ATS exists */
#define SMMUV3_IDR0_STALL_MODEL (0x3u << 24) /* SMMUV3_STALL_MODEL_x */
#define SMMUV3_IDR0_TERM_MODEL (1u << 26) /* 1: terminated accesses always abort, CD.A must be 1 */
#define SMMUV3_IDR0_ST_LEVEL \
	(0x3u << 27) /* 1: 2-level stream tables besides linear ones; 2, 3 reserved */
#define SMMUV3_IDR0_RME_IMPL (1u << 30)

#define SMMUV3_TTF_AARCH32 1u
#define SMMUV3_TTF_AARCH64 2u
#define SMMUV3_TTF_BOTH 3u /* 0 is reserved */

#define SMMUV3_HTTU_NONE 0u
#define SMMUV3_HTTU_ACCESS 1u
#define SMMUV3_HTTU_DIRTY 2u /* access flag and dirty state */
#define SMMUV3_HTTU_TABLE 3u /* those, and the access flag of table descriptors */

#define SMMUV3_TTENDIAN_MIXED 0u
#define SMMUV3_TTENDIAN_LITTLE 2u
#define SMMUV3_TTENDIAN_BIG 3u

#define SMMUV3_STALL_MODEL_BOTH 0u /* stall and terminate */
#define SMMUV3_STALL_MODEL_TERMINATE 1u /* CD.S, STE.S2S must be 0; no CMD_RESUME, CMD_STALL_TERM */
#define SMMUV3_STALL_MODEL_FORCED 2u /* CD.S, STE.S2S must be 1 */

/* ---- IDR1 (6.3.2) ------------------------------------------------------------------------------ */

#define SMMUV3_IDR1_SIDSIZE 0x3fu /* bits of a StreamID, 0 to 32 */
#define SMMUV3_IDR1_SSIDSIZE (0x1fu << 6) /* bits of a SubstreamID, 0 to 20; 0: none */
#define SMMUV3_IDR1_PRIQS (0x1fu << 11) /* log2 of the most entries, at most 19 */
#define SMMUV3_IDR1_EVENTQS (0x1fu << 16) /* log2 of the most entries, at most 19 */
#define SMMUV3_IDR1_CMDQS (0x1fu << 21) /* log2 of the most entries, at most 19 */
#define SMMUV3_IDR1_ATTR_PERMS_OVR (1u << 26) /* INSTCFG and PRIVCFG have an effect */
#define SMMUV3_IDR1_ATTR_TYPES_OVR (1u << 27) /* MTCFG, SHCFG and ALLOCCFG have an effect */
#define SMMUV3_IDR1_REL (1u << 28) /* preset bases are relative to the registers */
#define SMMUV3_IDR1_QUEUES_PRESET (1u << 29) /* queue base registers are fixed */
#define SMMUV3_IDR1_TABLES_PRESET (1u << 30) /* stream table base registers are fixed */
#define SMMUV3_IDR1_ECMDQ (1u << 31) /* enhanced command queues */

/* ---- IDR2, IDR3 (6.3.3, 6.3.4) ----------------------------------------------------------------- */

#define SMMUV3_IDR2_BA_VATOS 0x3ffu

#define SMMUV3_IDR3_HAD (1u << 2) /* CD.HAD0 and HAD1 */
#define SMMUV3_IDR3_PBHA (1u << 3)
#define SMMUV3_IDR3_XNX (1u << 4) /* two XN bits in stage 2 */
#define SMMUV3_IDR3_PPS (1u << 5) /* STE.PPAR is taken as 1 */
#define SMMUV3_IDR3_MPAM (1u << 7)
#define SMMUV3_IDR3_FWB (1u << 8) /* STE.S2FWB */
#define SMMUV3_IDR3_STT (1u << 9) /* small translation tables */
#define SMMUV3_IDR3_RIL (1u << 10) /* TLBI by range and level hints */
#define SMMUV3_IDR3_BBML (0x3u << 11) /* break-before-make level 0 to 2 (3.21.1) */
#define SMMUV3_IDR3_E0PD (1u << 13)
#define SMMUV3_IDR3_PTWNNC (1u << 14) /* behaviour of STE.S2PTW = 0 */
#define SMMUV3_IDR3_DPT (1u << 15) /* device permission tables */
#define SMMUV3_IDR3_PASIDTT (1u << 16) /* PASIDs on translated transactions */
#define SMMUV3_IDR3_EPAN (1u << 17)
#define SMMUV3_IDR3_S1PI (1u << 18)
#define SMMUV3_IDR3_S2PI (1u << 19)
#define SMMUV3_IDR3_S2PO (1u << 20)
#define SMMUV3_IDR3_THE (1u << 21)
#define SMMUV3_IDR3_MTEPERM (1u << 22)
#define SMMUV3_IDR3_AIE (1u << 23)

/* ---- IDR5 (6.3.6) ------------------------------------------------------------------------------ */

#define SMMUV3_IDR5_OAS 0x7u /* output address size: SMMUV3_SIZE_x */
#define SMMUV3_IDR5_GRAN4K (1u << 4)
#define SMMUV3_IDR5_GRAN16K (1u << 5)
#define SMMUV3_IDR5_GRAN64K (1u << 6)
#define SMMUV3_IDR5_DS (1u << 7) /* 52-bit addresses with the 4K and 16K granules */
#define SMMUV3_IDR5_D128 (1u << 8)
#define SMMUV3_IDR5_VAX (0x3u << 10) /* virtual addresses: 0: 48, 1: 52, 2: 56 bits */
#define SMMUV3_IDR5_STALL_MAX (0xffffu << 16) /* most transactions stalled at once */

/* Address sizes, in IDR5.OAS, CD.IPS and STE.S2PS. */
#define SMMUV3_SIZE_32 0u
#define SMMUV3_SIZE_36 1u
#define SMMUV3_SIZE_40 2u
#define SMMUV3_SIZE_42 3u
#define SMMUV3_SIZE_44 4u
#define SMMUV3_SIZE_48 5u
#define SMMUV3_SIZE_52 6u /* since v3.1 */
#define SMMUV3_SIZE_56 7u /* since v3.4; before that taken as 52 */

/** smmuv3_size_bits() - bits of the address size encoded as @size, 0 to 7 */
static inline unsigned int smmuv3_size_bits(uint64_t size)
{
	static const uint8_t bits[8] = { 32, 36, 40, 42, 44, 48, 52, 56 };

	return bits[size & 7];
}

/* ---- IIDR, AIDR (6.3.7, 6.3.8) ----------------------------------------------------------------- */

#define SMMUV3_IIDR_IMPLEMENTER 0xfffu /* JEP106 */
#define SMMUV3_IIDR_REVISION (0xfu << 12)
#define SMMUV3_IIDR_VARIANT (0xfu << 16)
#define SMMUV3_IIDR_PRODUCT_ID (0xfffu << 20)
#define SMMUV3_AIDR_MINOR 0xfu /* v3.n: n */
#define SMMUV3_AIDR_MAJOR (0xfu << 4) /* 0: v3 */

/* ---- CR0, CR0ACK (6.3.9, 6.3.10): the same bits ------------------------------------------------ */

#define SMMUV3_CR0_SMMUEN (1u << 0)
#define SMMUV3_CR0_PRIQEN (1u << 1)
#define SMMUV3_CR0_EVENTQEN (1u << 2)
#define SMMUV3_CR0_CMDQEN (1u << 3)
#define SMMUV3_CR0_ATSCHK (1u << 4) /* translated transactions are checked against STE.EATS */
#define SMMUV3_CR0_VMW (0x7u << 6) /* VMIDs match without their VMW lowest bits; 0 to 4 */
#define SMMUV3_CR0_DPT_WALK_EN (1u << 10)
#define SMMUV3_CR0_VALID 0x5dfu

/* ---- CR1 (6.3.11) ------------------------------------------------------------------------------ */

/* Attributes of queue and table accesses.  Table fields change only with SMMUEN = 0, queue fields only
 * with all queues disabled. */
#define SMMUV3_CR1_QUEUE_IC 0x3u /* SMMUV3_CR1_CACHE_x */
#define SMMUV3_CR1_QUEUE_OC (0x3u << 2)
#define SMMUV3_CR1_QUEUE_SH (0x3u << 4) /* SMMUV3_SH_x */
#define SMMUV3_CR1_TABLE_IC (0x3u << 6)
#define SMMUV3_CR1_TABLE_OC (0x3u << 8)
#define SMMUV3_CR1_TABLE_SH (0x3u << 10)

#define SMMUV3_CR1_CACHE_NC 0u
#define SMMUV3_CR1_CACHE_WB 1u
#define SMMUV3_CR1_CACHE_WT 2u

/* Shareability, everywhere but in SHCFG, where 1 means as the access comes in. */
#define SMMUV3_SH_NON 0u
#define SMMUV3_SH_OUTER 2u
#define SMMUV3_SH_INNER 3u

/* ---- CR2, STATUSR (6.3.12, 6.3.13) ------------------------------------------------------------- */

#define SMMUV3_CR2_E2H (1u << 0)
#define SMMUV3_CR2_RECINVSID (1u << 1) /* C_BAD_STREAMID is recorded */
#define SMMUV3_CR2_PTM (1u << 2) /* broadcast TLB maintenance is not followed */
#define SMMUV3_CR2_REC_CFG_ATS (1u << 3)
#define SMMUV3_STATUSR_DORMANT (1u << 0)

/* ---- GBPA (6.3.14): what happens with SMMUEN = 0 ----------------------------------------------- */

#define SMMUV3_GBPA_MEMATTR 0xfu
#define SMMUV3_GBPA_MTCFG (1u << 4)
#define SMMUV3_GBPA_ALLOCCFG (0xfu << 8)
#define SMMUV3_GBPA_SHCFG (0x3u << 12) /* SMMUV3_SHCFG_x */
#define SMMUV3_GBPA_PRIVCFG (0x3u << 16)
#define SMMUV3_GBPA_INSTCFG (0x3u << 18)
#define SMMUV3_GBPA_ABORT (1u << 20) /* 1: everything is aborted; 0: everything passes */
#define SMMUV3_GBPA_UPDATE \
	(1u << 31) /* written as 1 with the rest, while it is 0; 0 again once it counts */

#define SMMUV3_SHCFG_NON 0u
#define SMMUV3_SHCFG_INCOMING 1u
#define SMMUV3_SHCFG_OUTER 2u
#define SMMUV3_SHCFG_INNER 3u

/* ---- IRQ_CTRL, IRQ_CTRLACK (6.3.17, 6.3.18): the same bits ------------------------------------- */

#define SMMUV3_IRQ_CTRL_GERROR_IRQEN (1u << 0)
#define SMMUV3_IRQ_CTRL_PRIQ_IRQEN (1u << 1)
#define SMMUV3_IRQ_CTRL_EVENTQ_IRQEN (1u << 2)

/* ---- GERROR, GERRORN (6.3.19, 6.3.20; 7.5): active where the two differ ------------------------ */

#define SMMUV3_GERROR_CMDQ_ERR (1u << 0) /* CMDQ_CONS.ERR says which; the queue stands still */
#define SMMUV3_GERROR_EVENTQ_ABT_ERR (1u << 2) /* records may be lost */
#define SMMUV3_GERROR_PRIQ_ABT_ERR (1u << 3)
#define SMMUV3_GERROR_MSI_CMDQ_ABT_ERR (1u << 4)
#define SMMUV3_GERROR_MSI_EVENTQ_ABT_ERR (1u << 5)
#define SMMUV3_GERROR_MSI_PRIQ_ABT_ERR (1u << 6)
#define SMMUV3_GERROR_MSI_GERROR_ABT_ERR (1u << 7)
#define SMMUV3_GERROR_SFM_ERR (1u << 8) /* service failure mode: everything is terminated */
#define SMMUV3_GERROR_CMDQP_ERR (1u << 9) /* enhanced command queues */
#define SMMUV3_GERROR_DPT_ERR (1u << 10)
#define SMMUV3_GERROR_VALID 0x7fdu

/* ---- x_IRQ_CFG0 to 2 (6.3.21 and on), with IDR0.MSI -------------------------------------------- */

#define SMMUV3_IRQ_CFG0_ADDR UINT64_C(0x000ffffffffffffc) /* 0: no MSI */
#define SMMUV3_IRQ_CFG2_MEMATTR 0xfu /* SMMUV3_MEMATTR_x */
#define SMMUV3_IRQ_CFG2_SH (0x3u << 4)
#define SMMUV3_PRIQ_IRQ_CFG2_LO \
	(1u << 31) /* only the last request of a group interrupts; counts without MSI too */

/* Memory types, here and in STE.MEMATTR, GBPA and CMD_SYNC. */
#define SMMUV3_MEMATTR_DEVICE_NGNRNE 0x0u
#define SMMUV3_MEMATTR_DEVICE_NGNRE 0x1u
#define SMMUV3_MEMATTR_NORMAL_NC 0x5u /* inner and outer non-cacheable */
#define SMMUV3_MEMATTR_NORMAL_WB 0xfu /* inner and outer write-back */

/* ---- STRTAB_BASE, STRTAB_BASE_CFG (6.3.24, 6.3.25) --------------------------------------------- */

/* A linear table is aligned to its size, the first level of a 2-level table to the larger of its size
 * and 64 bytes; address bits below that count as 0. */
#define SMMUV3_STRTAB_BASE_ADDR UINT64_C(0x000fffffffffffc0)
#define SMMUV3_STRTAB_BASE_RA (UINT64_C(1) << 62) /* read-allocate hint */
#define SMMUV3_STRTAB_BASE_CFG_LOG2SIZE \
	0x3fu /* StreamIDs at and above 2^this are invalid; at most SIDSIZE */
#define SMMUV3_STRTAB_BASE_CFG_SPLIT \
	(0x1fu << 6) /* 2-level: bits of a StreamID that index the second level */
#define SMMUV3_STRTAB_BASE_CFG_FMT (0x3u << 16) /* SMMUV3_STRTAB_x */

#define SMMUV3_STRTAB_LINEAR 0u
#define SMMUV3_STRTAB_2LEVEL 1u
#define SMMUV3_SPLIT_4K 6u /* leaf tables of 4 KiB: 64 STEs; other values but these are reserved */
#define SMMUV3_SPLIT_16K 8u
#define SMMUV3_SPLIT_64K 10u

/* ---- queues (3.5, 6.3.26 to 6.3.37) ------------------------------------------------------------ */

/*
 * A queue has 2^LOG2SIZE entries and is aligned to the larger of its size and 32 bytes.  PROD and CONS
 * have the index in bits LOG2SIZE - 1 to 0 and the wrap bit above it: equal indices mean empty with
 * equal wrap bits, else full.
 */
#define SMMUV3_Q_BASE_LOG2SIZE UINT64_C(0x1f)
#define SMMUV3_Q_BASE_ADDR UINT64_C(0x000fffffffffffe0)
#define SMMUV3_Q_BASE_HINT \
	(UINT64_C(1) << 62) /* command queue: read-allocate, others: write-allocate */
#define SMMUV3_Q_INDEX 0xfffffu /* index and wrap bit */
#define SMMUV3_Q_OVERFLOW \
	(1u << 31) /* event, PRI: OVFLG in PROD, OVACKFLG in CONS; overflow while they differ */
#define SMMUV3_CMDQ_CONS_ERR \
	(0x7fu << 24) /* enum smmuv3_cerror, valid while GERROR.CMDQ_ERR is active */

#define SMMUV3_CMDQ_ENTRY_SIZE 16
#define SMMUV3_EVENTQ_ENTRY_SIZE 32
#define SMMUV3_PRIQ_ENTRY_SIZE 16
#define SMMUV3_Q_LOG2_MAX 19

enum smmuv3_cerror { /* 7.1 */
		     SMMUV3_CERROR_NONE = 0,
		     SMMUV3_CERROR_ILL = 1, /* CONS.RD points to the command */
		     SMMUV3_CERROR_ABT = 2, /* the command could not be fetched */
		     SMMUV3_CERROR_ATC_INV_SYNC = 3, /* an ATC_INV before this CMD_SYNC timed out */
};

/* ---- L1STD (5.1): first level of a stream table, 8 bytes --------------------------------------- */

#define SMMUV3_L1STD_SIZE 8
#define SMMUV3_L1STD_SPAN \
	UINT64_C(0x1f) /* 0: invalid; n: 2^(n - 1) STEs, n at most 11 and at most SPLIT + 1 */
#define SMMUV3_L1STD_L2PTR \
	UINT64_C(0x000fffffffffffc0) /* aligned to the second level's size: lower bits count as 0 */

/* ---- STE (5.2): 8 words ------------------------------------------------------------------------ */

#define SMMUV3_STE_SIZE 64
#define SMMUV3_STE_WORDS 8

#define SMMUV3_STE0_V (UINT64_C(1) << 0)
#define SMMUV3_STE0_CONFIG (UINT64_C(0x7) << 1) /* enum smmuv3_config */
#define SMMUV3_STE0_S1FMT (UINT64_C(0x3) << 4) /* SMMUV3_S1FMT_x, ignored with S1CDMAX = 0 */
#define SMMUV3_STE0_S1CONTEXTPTR \
	UINT64_C(0x000fffffffffffc0) /* physical; intermediate physical where stage 2 translates */
#define SMMUV3_STE0_S1CDMAX \
	(UINT64_C(0x1f) << 59) /* log2 of CDs, at most SSIDSIZE; 0: one CD and no substreams */

enum smmuv3_config {
	SMMUV3_CONFIG_ABORT = 0, /* aborted without an event; 1 to 3 behave so too */
	SMMUV3_CONFIG_BYPASS = 4,
	SMMUV3_CONFIG_S1 = 5,
	SMMUV3_CONFIG_S2 = 6,
	SMMUV3_CONFIG_NESTED = 7,
};

#define SMMUV3_S1FMT_LINEAR 0u /* aligned to its size */
#define SMMUV3_S1FMT_4K 1u /* 2 levels: leaf tables of 64 CDs, 4 KiB */
#define SMMUV3_S1FMT_64K 2u /* 2 levels: leaf tables of 1024 CDs, 64 KiB; both need IDR0.CD2L */

#define SMMUV3_STE1_S1DSS \
	UINT64_C(0x3) /* accesses without SubstreamID: SMMUV3_S1DSS_x; with S1CDMAX > 0 */
#define SMMUV3_STE1_S1CIR (UINT64_C(0x3) << 2) /* CD fetches: inner cacheability, SMMUV3_CACHE_x */
#define SMMUV3_STE1_S1COR (UINT64_C(0x3) << 4) /* outer */
#define SMMUV3_STE1_S1CSH (UINT64_C(0x3) << 6) /* SMMUV3_SH_x */
#define SMMUV3_STE1_S2HWU59 (UINT64_C(1) << 8)
#define SMMUV3_STE1_S2HWU60 (UINT64_C(1) << 9)
#define SMMUV3_STE1_S2HWU61 (UINT64_C(1) << 10)
#define SMMUV3_STE1_S2HWU62 (UINT64_C(1) << 11)
#define SMMUV3_STE1_DRE (UINT64_C(1) << 12) /* destructive reads */
#define SMMUV3_STE1_CONT \
	(UINT64_C(0xf) << 13) /* 2^this STEs from an aligned StreamID on are the same */
#define SMMUV3_STE1_DCP (UINT64_C(1) << 17) /* directed cache prefetch */
#define SMMUV3_STE1_PPAR (UINT64_C(1) << 18) /* automatic PRI responses carry the PASID */
#define SMMUV3_STE1_MEV (UINT64_C(1) << 19) /* events may be merged */
#define SMMUV3_STE1_SW_RESERVED (UINT64_C(0xf) << 20) /* ignored by hardware */
#define SMMUV3_STE1_S1PIE (UINT64_C(1) << 24) /* with IDR3.S1PI */
#define SMMUV3_STE1_S2FWB (UINT64_C(1) << 25) /* with IDR3.FWB */
#define SMMUV3_STE1_S1MPAM (UINT64_C(1) << 26)
#define SMMUV3_STE1_S1STALLD \
	(UINT64_C(1) << 27) /* CD.S must be 0; only with SMMUV3_STALL_MODEL_BOTH */
#define SMMUV3_STE1_EATS (UINT64_C(0x3) << 28) /* SMMUV3_EATS_x */
#define SMMUV3_STE1_STRW \
	(UINT64_C(0x3) << 30) /* SMMUV3_STRW_x, ignored unless stage 1 translates */
#define SMMUV3_STE1_MEMATTR (UINT64_C(0xf) << 32)
#define SMMUV3_STE1_MTCFG (UINT64_C(1) << 36)
#define SMMUV3_STE1_ALLOCCFG (UINT64_C(0xf) << 37)
#define SMMUV3_STE1_SHCFG (UINT64_C(0x3) << 44) /* SMMUV3_SHCFG_x */
#define SMMUV3_STE1_NSCFG (UINT64_C(0x3) << 46) /* Secure streams only */
#define SMMUV3_STE1_PRIVCFG \
	(UINT64_C(0x3) << 48) /* 0: as it comes in, 2: unprivileged, 3: privileged */
#define SMMUV3_STE1_INSTCFG (UINT64_C(0x3) << 50) /* 0: as it comes in, 2: data, 3: instruction */

#define SMMUV3_S1DSS_TERMINATE 0u /* abort, F_STREAM_DISABLED */
#define SMMUV3_S1DSS_BYPASS 1u /* bypass stage 1 */
#define SMMUV3_S1DSS_SSID0 2u /* use CD 0; accesses with SubstreamID 0 are then aborted */

/* Cacheability of CD fetches and walks: S1CIR, S1COR, S2IR0, S2OR0, CD.IR0 and so on. */
#define SMMUV3_CACHE_NC 0u
#define SMMUV3_CACHE_WBRAWA 1u
#define SMMUV3_CACHE_WT 2u
#define SMMUV3_CACHE_WB 3u /* read-allocate, no write-allocate */

#define SMMUV3_EATS_ABORT 0u /* translation requests are answered with UR */
#define SMMUV3_EATS_FULL 1u /* illegal with stage 2 and S2S = 1 */
#define SMMUV3_EATS_SPLIT 2u /* nested only; needs IDR0.NS1ATS = 0, CR0.ATSCHK = 1, S2S = 0 */
#define SMMUV3_EATS_DPT 3u /* with IDR3.DPT */

#define SMMUV3_STRW_NSEL1 0u
#define SMMUV3_STRW_EL2 2u /* needs IDR0.HYP; stage 1 only */

#define SMMUV3_STE2_S2VMID \
	UINT64_C(0xffff) /* tags translations with stage 1 alone too, where IDR0.S2P */
#define SMMUV3_STE2_S2T0SZ (UINT64_C(0x3f) << 32)
#define SMMUV3_STE2_S2SL0 (UINT64_C(0x3) << 38) /* first level, as VTCR_EL2.SL0 */
#define SMMUV3_STE2_S2IR0 (UINT64_C(0x3) << 40)
#define SMMUV3_STE2_S2OR0 (UINT64_C(0x3) << 42)
#define SMMUV3_STE2_S2SH0 (UINT64_C(0x3) << 44)
#define SMMUV3_STE2_S2TG (UINT64_C(0x3) << 46) /* SMMUV3_TG0_x */
#define SMMUV3_STE2_S2PS (UINT64_C(0x7) << 48) /* SMMUV3_SIZE_x, capped to OAS */
#define SMMUV3_STE2_S2AA64 (UINT64_C(1) << 51)
#define SMMUV3_STE2_S2ENDI (UINT64_C(1) << 52)
#define SMMUV3_STE2_S2AFFD (UINT64_C(1) << 53) /* no access flag faults; ignored with S2HA */
#define SMMUV3_STE2_S2PTW \
	(UINT64_C(1) << 54) /* stage 1 walks and CD fetches to device memory fault */
#define SMMUV3_STE2_S2HD (UINT64_C(1) << 55) /* needs HTTU_DIRTY */
#define SMMUV3_STE2_S2HA (UINT64_C(1) << 56) /* needs HTTU_ACCESS */
#define SMMUV3_STE2_S2S (UINT64_C(1) << 57) /* stall */
#define SMMUV3_STE2_S2R (UINT64_C(1) << 58) /* record */
#define SMMUV3_STE2_S2HAFT (UINT64_C(1) << 59)
#define SMMUV3_STE2_S2PIE (UINT64_C(1) << 60)
#define SMMUV3_STE2_S2POE (UINT64_C(1) << 61)
#define SMMUV3_STE2_DPT_VMATCH (UINT64_C(0x3) << 62)

#define SMMUV3_STE3_S2NSW (UINT64_C(1) << 0) /* Secure streams only */
#define SMMUV3_STE3_S2NSA (UINT64_C(1) << 1) /* Secure streams only */
#define SMMUV3_STE3_S2SL0_2 (UINT64_C(1) << 2) /* with S2DS and the 4K granule */
#define SMMUV3_STE3_S2DS (UINT64_C(1) << 3) /* 52 bits with 4K and 16K; with IDR5.DS */
#define SMMUV3_STE3_S2TTB \
	UINT64_C(         \
		0x000ffffffffffff0) /* aligned to the table's size; with 52-bit S2PS at least to 64 */
/* Words 4 to 7: MPAM, Secure and Realm fields, and the virtual machine structure. */

/* S2SL0 (VTCR_EL2.SL0 of the A-profile architecture): the level where walks start, without S2SL0_2. */
#define SMMUV3_S2SL0_4K_LEVEL2 0u
#define SMMUV3_S2SL0_4K_LEVEL1 1u
#define SMMUV3_S2SL0_4K_LEVEL0 2u
#define SMMUV3_S2SL0_4K_LEVEL3 3u /* with IDR3.STT */
#define SMMUV3_S2SL0_16K_LEVEL3 0u
#define SMMUV3_S2SL0_16K_LEVEL2 1u
#define SMMUV3_S2SL0_16K_LEVEL1 2u
#define SMMUV3_S2SL0_16K_LEVEL0 3u /* with S2DS */
#define SMMUV3_S2SL0_64K_LEVEL3 0u
#define SMMUV3_S2SL0_64K_LEVEL2 1u
#define SMMUV3_S2SL0_64K_LEVEL1 2u

/* ---- L1CD (5.3): first level of a CD table, 8 bytes -------------------------------------------- */

#define SMMUV3_L1CD_SIZE 8
#define SMMUV3_L1CD_V (UINT64_C(1) << 0)
#define SMMUV3_L1CD_L2PTR UINT64_C(0x000ffffffffff000) /* SMMUV3_S1FMT_64K: bits 15:12 are RES0 */

/* ---- CD (5.4): 8 words ------------------------------------------------------------------------- */

#define SMMUV3_CD_SIZE 64
#define SMMUV3_CD_WORDS 8

#define SMMUV3_CD0_T0SZ \
	UINT64_C(0x3f) /* 16 to 39; down to 12 with 52 bits, up to 48 with IDR3.STT (64K: 47) */
#define SMMUV3_CD0_TG0 (UINT64_C(0x3) << 6) /* SMMUV3_TG0_x */
#define SMMUV3_CD0_IR0 (UINT64_C(0x3) << 8) /* SMMUV3_CACHE_x */
#define SMMUV3_CD0_OR0 (UINT64_C(0x3) << 10)
#define SMMUV3_CD0_SH0 (UINT64_C(0x3) << 12)
/* 1: no walks through TTB0, whose fields do not count; what the TLB has is used until it is invalidated. */
#define SMMUV3_CD0_EPD0 (UINT64_C(1) << 14)
#define SMMUV3_CD0_ENDI (UINT64_C(1) << 15) /* 1: big-endian */
#define SMMUV3_CD0_T1SZ (UINT64_C(0x3f) << 16)
#define SMMUV3_CD0_TG1 (UINT64_C(0x3) << 22) /* SMMUV3_TG1_x: not the encoding of TG0 */
#define SMMUV3_CD0_IR1 (UINT64_C(0x3) << 24)
#define SMMUV3_CD0_OR1 (UINT64_C(0x3) << 26)
#define SMMUV3_CD0_SH1 (UINT64_C(0x3) << 28)
#define SMMUV3_CD0_EPD1 (UINT64_C(1) << 30)
#define SMMUV3_CD0_V (UINT64_C(1) << 31)
#define SMMUV3_CD0_IPS (UINT64_C(0x7) << 32) /* SMMUV3_SIZE_x, capped to OAS */
#define SMMUV3_CD0_AFFD (UINT64_C(1) << 35) /* no access flag faults; ignored with HA */
#define SMMUV3_CD0_WXN (UINT64_C(1) << 36)
#define SMMUV3_CD0_UWXN (UINT64_C(1) << 37)
#define SMMUV3_CD0_TBI0 (UINT64_C(1) << 38)
#define SMMUV3_CD0_TBI1 (UINT64_C(1) << 39)
#define SMMUV3_CD0_PAN (UINT64_C(1) << 40)
#define SMMUV3_CD0_AA64 (UINT64_C(1) << 41)
#define SMMUV3_CD0_HD (UINT64_C(1) << 42) /* needs HTTU_DIRTY */
#define SMMUV3_CD0_HA (UINT64_C(1) << 43) /* needs HTTU_ACCESS */
#define SMMUV3_CD0_S (UINT64_C(1) << 44) /* stall (5.5) */
#define SMMUV3_CD0_R (UINT64_C(1) << 45) /* record */
#define SMMUV3_CD0_A (UINT64_C(1) << 46) /* abort; must be 1 with IDR0.TERM_MODEL */
#define SMMUV3_CD0_ASET (UINT64_C(1) << 47) /* 1: the ASID is not shared with processors */
#define SMMUV3_CD0_ASID (UINT64_C(0xffff) << 48)

#define SMMUV3_TG0_4K 0u
#define SMMUV3_TG0_64K 1u
#define SMMUV3_TG0_16K 2u
#define SMMUV3_TG1_16K 1u
#define SMMUV3_TG1_4K 2u
#define SMMUV3_TG1_64K 3u

#define SMMUV3_CD1_NSCFG0 (UINT64_C(1) << 0) /* Secure streams only */
#define SMMUV3_CD1_HAD0 (UINT64_C(1) << 1) /* with IDR3.HAD */
#define SMMUV3_CD1_E0PD0 (UINT64_C(1) << 2)
#define SMMUV3_CD1_HAFT (UINT64_C(1) << 3)
#define SMMUV3_CD1_TTB0 \
	UINT64_C(       \
		0x000ffffffffffff0) /* aligned to the table's size; with 52-bit IPS at least to 64 */
#define SMMUV3_CD1_PNCH (UINT64_C(1) << 58)
#define SMMUV3_CD1_EPAN (UINT64_C(1) << 59)
#define SMMUV3_CD1_HWU059 (UINT64_C(1) << 60)
#define SMMUV3_CD1_HWU060 (UINT64_C(1) << 61)
#define SMMUV3_CD1_HWU061 (UINT64_C(1) << 62)
#define SMMUV3_CD1_HWU062 (UINT64_C(1) << 63)

#define SMMUV3_CD2_NSCFG1 (UINT64_C(1) << 0)
#define SMMUV3_CD2_HAD1 (UINT64_C(1) << 1)
#define SMMUV3_CD2_E0PD1 (UINT64_C(1) << 2)
#define SMMUV3_CD2_AIE (UINT64_C(1) << 3)
#define SMMUV3_CD2_TTB1 UINT64_C(0x000ffffffffffff0)
#define SMMUV3_CD2_DS (UINT64_C(1) << 58) /* 52 bits with 4K and 16K; with IDR5.DS */
#define SMMUV3_CD2_PIE (UINT64_C(1) << 59)
#define SMMUV3_CD2_HWU159 (UINT64_C(1) << 60)
#define SMMUV3_CD2_HWU160 (UINT64_C(1) << 61)
#define SMMUV3_CD2_HWU161 (UINT64_C(1) << 62)
#define SMMUV3_CD2_HWU162 (UINT64_C(1) << 63)
/* Word 3: MAIR, attribute n in bits 8n+7 to 8n.  Word 4: AMAIR, 0 unless known better. */

/* Attributes in MAIR (VMSAv8-64). */
#define SMMUV3_MAIR_DEVICE_NGNRE UINT64_C(0x04)
#define SMMUV3_MAIR_NORMAL_NC UINT64_C(0x44)
#define SMMUV3_MAIR_NORMAL_WB UINT64_C(0xff) /* write-back, read- and write-allocate */

/* ---- commands (4.1): 2 words ------------------------------------------------------------------- */

enum smmuv3_command {
	SMMUV3_CMD_PREFETCH_CONFIG = 0x01, /* 4.2.1 */
	SMMUV3_CMD_PREFETCH_ADDR = 0x02, /* 4.2.2 */
	SMMUV3_CMD_CFGI_STE = 0x03, /* 4.3.1 */
	SMMUV3_CMD_CFGI_STE_RANGE = 0x04, /* 4.3.2; with RANGE 31: CFGI_ALL */
	SMMUV3_CMD_CFGI_CD = 0x05, /* 4.3.3 */
	SMMUV3_CMD_CFGI_CD_ALL = 0x06, /* 4.3.4 */
	SMMUV3_CMD_CFGI_VMS_PIDM = 0x07, /* with MPAM */
	SMMUV3_CMD_TLBI_NH_ALL = 0x10, /* 4.4.2; stage 1 of a VMID */
	SMMUV3_CMD_TLBI_NH_ASID = 0x11,
	SMMUV3_CMD_TLBI_NH_VA = 0x12,
	SMMUV3_CMD_TLBI_NH_VAA = 0x13, /* any ASID */
	SMMUV3_CMD_TLBI_EL3_ALL = 0x18, /* illegal in the Non-secure queue, as EL3_VA is */
	SMMUV3_CMD_TLBI_EL3_VA = 0x1a,
	SMMUV3_CMD_TLBI_EL2_ALL = 0x20, /* with IDR0.HYP, as all EL2 */
	SMMUV3_CMD_TLBI_EL2_ASID = 0x21, /* with CR2.E2H */
	SMMUV3_CMD_TLBI_EL2_VA = 0x22,
	SMMUV3_CMD_TLBI_EL2_VAA = 0x23, /* with CR2.E2H */
	SMMUV3_CMD_TLBI_S12_VMALL = 0x28, /* 4.4.3; both stages of a VMID */
	SMMUV3_CMD_TLBI_S2_IPA = 0x2a, /* not what nested walks combined: that needs NH_ALL too */
	SMMUV3_CMD_TLBI_NSNH_ALL = 0x30, /* 4.4.4; all but EL2 */
	SMMUV3_CMD_ATC_INV = 0x40, /* 4.5.1; with IDR0.ATS */
	SMMUV3_CMD_PRI_RESP = 0x41, /* 4.5.2; with IDR0.PRI */
	SMMUV3_CMD_RESUME = 0x44, /* 4.7.1; not with SMMUV3_STALL_MODEL_TERMINATE */
	SMMUV3_CMD_STALL_TERM = 0x45, /* 4.7.2; likewise */
	SMMUV3_CMD_SYNC = 0x46, /* 4.7.3 */
	SMMUV3_CMD_DPTI_ALL = 0x70, /* 4.6; with IDR3.DPT */
	SMMUV3_CMD_DPTI_PA = 0x73,
};

#define SMMUV3_CMD0_OP UINT64_C(0xff)
/* PREFETCH, CFGI, ATC_INV, PRI_RESP, RESUME, STALL_TERM. */
#define SMMUV3_CMD0_SSEC (UINT64_C(1) << 10) /* must be 0 in the Non-secure queue */
#define SMMUV3_CMD0_SSV (UINT64_C(1) << 11) /* the SubstreamID is valid */
#define SMMUV3_CMD0_SSID (UINT64_C(0xfffff) << 12)
#define SMMUV3_CMD0_SID UINT64_C(0xffffffff00000000)

/* PREFETCH_ADDR. */
#define SMMUV3_CMD1_PREFETCH_SIZE UINT64_C(0x1f)
#define SMMUV3_CMD1_PREFETCH_STRIDE (UINT64_C(0x1f) << 5)
#define SMMUV3_CMD1_PREFETCH_ADDR UINT64_C(0xfffffffffffff000)

/* CFGI_STE, CFGI_CD: LEAF = 0 covers first-level descriptors too. */
#define SMMUV3_CMD1_CFGI_LEAF (UINT64_C(1) << 0)
/* CFGI_STE_RANGE: 2^(RANGE + 1) StreamIDs from SID on, whose lower bits count as 0; 31: all. */
#define SMMUV3_CMD1_CFGI_RANGE UINT64_C(0x1f)
#define SMMUV3_CFGI_RANGE_ALL 31u

/* TLBI.  By address with TG != 0: (NUM + 1) * 2^SCALE granules from the address on (IDR3.RIL). */
#define SMMUV3_CMD0_TLBI_NUM (UINT64_C(0x1f) << 12)
#define SMMUV3_CMD0_TLBI_SCALE (UINT64_C(0x1f) << 20) /* to bit 25, 39 at most, with IDR5.DS */
#define SMMUV3_CMD0_TLBI_VMID (UINT64_C(0xffff) << 32)
#define SMMUV3_CMD0_TLBI_ASID (UINT64_C(0xffff) << 48)
#define SMMUV3_CMD1_TLBI_LEAF (UINT64_C(1) << 0) /* only last-level entries */
#define SMMUV3_CMD1_TLBI_TTL128 (UINT64_C(1) << 7)
#define SMMUV3_CMD1_TLBI_TTL (UINT64_C(0x3) << 8) /* level of the leaf, 0: any; with TG != 0 */
#define SMMUV3_CMD1_TLBI_TG (UINT64_C(0x3) << 10) /* SMMUV3_TLBI_TG_x */
#define SMMUV3_CMD1_TLBI_ADDR UINT64_C(0xfffffffffffff000)
#define SMMUV3_CMD1_TLBI_IPA UINT64_C(0x000ffffffffff000)

#define SMMUV3_TLBI_TG_NONE 0u /* one address, any granule; NUM, SCALE and TTL must be 0 */
#define SMMUV3_TLBI_TG_4K 1u
#define SMMUV3_TLBI_TG_16K 2u
#define SMMUV3_TLBI_TG_64K 3u

/* ATC_INV: 4096 * 2^SIZE bytes from the aligned address on; SIZE 52: all. */
#define SMMUV3_CMD0_ATC_GLOBAL (UINT64_C(1) << 9) /* with SSV = 1: for all PASIDs */
#define SMMUV3_CMD1_ATC_SIZE UINT64_C(0x3f)
#define SMMUV3_CMD1_ATC_ADDR UINT64_C(0xfffffffffffff000)
#define SMMUV3_ATC_SIZE_ALL 52u

/*
 * PRI_RESP: after the last request of a group, once; with SSV and the SubstreamID if the request had them and
 * STE.PPAR is 1.  Ignored with SMMUEN = 0.
 */
#define SMMUV3_CMD1_PRI_PRGINDEX UINT64_C(0x1ff)
#define SMMUV3_CMD1_PRI_RESP (UINT64_C(0x3) << 12)
#define SMMUV3_PRI_FAILURE 0u
#define SMMUV3_PRI_INVALID 1u
#define SMMUV3_PRI_SUCCESS 2u /* 3 is illegal */

/* RESUME: StreamID and STAG of a stall event, once; others have no effect. */
#define SMMUV3_CMD0_RESUME_AC (UINT64_C(1) << 12) /* 1: retry; 0: terminate */
#define SMMUV3_CMD0_RESUME_AB \
	(UINT64_C(1) << 13) /* terminate with an abort (else reads 0, ignores writes) */
#define SMMUV3_CMD1_RESUME_STAG UINT64_C(0xffff)

/* SYNC. */
#define SMMUV3_CMD0_SYNC_CS (UINT64_C(0x3) << 12) /* completion signal: SMMUV3_SYNC_x */
#define SMMUV3_CMD0_SYNC_MSH (UINT64_C(0x3) << 22) /* of the write: SMMUV3_SH_x */
#define SMMUV3_CMD0_SYNC_MSIATTR (UINT64_C(0xf) << 24) /* of the write: SMMUV3_MEMATTR_x */
#define SMMUV3_CMD0_SYNC_MSIDATA UINT64_C(0xffffffff00000000)
#define SMMUV3_CMD1_SYNC_MSIADDR \
	UINT64_C(0x000ffffffffffffc) /* with SMMUV3_SYNC_IRQ and IDR0.MSI; 0: no write */
#define SMMUV3_SYNC_NONE 0u
#define SMMUV3_SYNC_IRQ 1u
#define SMMUV3_SYNC_SEV 2u /* 3 is illegal */

/* ---- event records (7.3): 4 words -------------------------------------------------------------- */

enum smmuv3_event {
	SMMUV3_F_UUT = 0x01, /* 7.3.2; word 2: input address */
	SMMUV3_C_BAD_STREAMID = 0x02, /* 7.3.3 */
	SMMUV3_F_STE_FETCH = 0x03, /* 7.3.4; word 3: fetch address */
	SMMUV3_C_BAD_STE = 0x04, /* 7.3.5 */
	SMMUV3_F_BAD_ATS_TREQ = 0x05, /* 7.3.6; word 2: input address */
	SMMUV3_F_STREAM_DISABLED = 0x06, /* 7.3.7; no substream */
	SMMUV3_F_TRANSL_FORBIDDEN = 0x07, /* 7.3.8; word 2: input address; RNW */
	SMMUV3_C_BAD_SUBSTREAMID = 0x08, /* 7.3.9; the SubstreamID is valid without SSV */
	SMMUV3_F_CD_FETCH = 0x09, /* 7.3.10; word 3: fetch address */
	SMMUV3_C_BAD_CD = 0x0a, /* 7.3.11 */
	SMMUV3_F_WALK_EABT = 0x0b, /* 7.3.12; words 2, 3: input and fetch addresses */
	SMMUV3_F_TRANSLATION = 0x10, /* 7.3.13; words 2, 3: input address, IPA with S2 = 1 */
	SMMUV3_F_ADDR_SIZE = 0x11, /* 7.3.14; likewise, as the next two */
	SMMUV3_F_ACCESS = 0x12, /* 7.3.15 */
	SMMUV3_F_PERMISSION = 0x13, /* 7.3.16 */
	SMMUV3_F_TLB_CONFLICT = 0x20, /* 7.3.17 */
	SMMUV3_F_CFG_CONFLICT = 0x21, /* 7.3.18 */
	SMMUV3_E_PAGE_REQUEST = 0x24, /* 7.3.19 */
	SMMUV3_F_VMS_FETCH = 0x25, /* 7.3.20 */
};

#define SMMUV3_EVT0_TYPE UINT64_C(0xff)
#define SMMUV3_EVT0_SSV (UINT64_C(1) << 11)
#define SMMUV3_EVT0_SSID (UINT64_C(0xfffff) << 12)
#define SMMUV3_EVT0_SID UINT64_C(0xffffffff00000000)
/* Of 0x10 to 0x13: */
#define SMMUV3_EVT1_STAG UINT64_C(0xffff) /* with STALL */
#define SMMUV3_EVT1_STALL (UINT64_C(1) << 31)
/* Of F_UUT, F_STE_FETCH, F_CD_FETCH, F_WALK_EABT, F_VMS_FETCH and the conflicts: */
#define SMMUV3_EVT1_REASON UINT64_C(0xffff) /* implementation defined */
#define SMMUV3_EVT1_GPCF (UINT64_C(1) << 16) /* granule protection check; of those that fetch */
/* Of 0x0b and 0x10 to 0x13, the first three of F_UUT and F_TLB_CONFLICT too: */
#define SMMUV3_EVT1_PNU (UINT64_C(1) << 33) /* privileged */
#define SMMUV3_EVT1_IND (UINT64_C(1) << 34) /* instruction */
#define SMMUV3_EVT1_RNW (UINT64_C(1) << 35) /* read */
#define SMMUV3_EVT1_NSIPA (UINT64_C(1) << 38)
#define SMMUV3_EVT1_S2 (UINT64_C(1) << 39) /* stage 2 faulted */
#define SMMUV3_EVT1_CLASS (UINT64_C(0x3) << 40) /* SMMUV3_CLASS_x */
#define SMMUV3_EVT1_TTRNW \
	(UINT64_C(1)      \
	 << 44) /* F_PERMISSION with CLASS TT: 1: the walk's read, 0: its write faulted */
#define SMMUV3_EVT3_FETCHADDR UINT64_C(0x000ffffffffffff8)
#define SMMUV3_EVT3_IPA UINT64_C(0x000ffffffffff000)

#define SMMUV3_CLASS_CD 0u /* a CD fetch faulted in stage 2 */
#define SMMUV3_CLASS_TT 1u /* a stage 1 walk faulted in stage 2 */
#define SMMUV3_CLASS_IN 2u /* the input address */

/* E_PAGE_REQUEST: a hint; word 2: address. */
#define SMMUV3_EVT1_PAGE_UX (UINT64_C(1) << 33)
#define SMMUV3_EVT1_PAGE_UW (UINT64_C(1) << 34)
#define SMMUV3_EVT1_PAGE_UR (UINT64_C(1) << 35)
#define SMMUV3_EVT1_PAGE_PX (UINT64_C(1) << 37)
#define SMMUV3_EVT1_PAGE_PW (UINT64_C(1) << 38)
#define SMMUV3_EVT1_PAGE_PR (UINT64_C(1) << 39)
#define SMMUV3_EVT1_PAGE_SPAN (UINT64_C(0xff) << 44) /* pages */
#define SMMUV3_EVT2_PAGE_ADDR UINT64_C(0xfffffffffffff000)

/* ---- PRI queue records (8): 2 words ------------------------------------------------------------ */

/*
 * A request that meets a full queue turns OVFLG, and from then on until OVACKFLG follows nothing is queued: a
 * last request is answered with Success, others are dropped, and groups that began in the queue are over
 * (8.1).  With PRIQEN or SMMUEN 0 or GERROR.PRIQ_ABT_ERR active, all are answered with Response Failure and no
 * PASID (8.2).
 */
#define SMMUV3_PRI0_SID UINT64_C(0x00000000ffffffff)
#define SMMUV3_PRI0_SSID (UINT64_C(0xfffff) << 32) /* UNKNOWN with SSV = 0 */
#define SMMUV3_PRI0_PRIV (UINT64_C(1) << 58)
#define SMMUV3_PRI0_X (UINT64_C(1) << 59)
#define SMMUV3_PRI0_R (UINT64_C(1) << 60)
#define SMMUV3_PRI0_W (UINT64_C(1) << 61)
#define SMMUV3_PRI0_LAST (UINT64_C(1) << 62) /* alone, with SSV: a stop marker */
#define SMMUV3_PRI0_SSV (UINT64_C(1) << 63)
#define SMMUV3_PRI1_PRGINDEX UINT64_C(0x1ff)
#define SMMUV3_PRI1_ADDR UINT64_C(0xfffffffffffff000)

#endif /* SPEC_SMMUV3_H */
