/* SPDX-License-Identifier: MIT */
/*
 * vtd.h - registers, tables and descriptors of Intel VT-d
 *
 * Facts from the "Intel Virtualization Technology for Directed I/O Architecture Specification",
 * revision 4.x; the section stands beside each.  No behaviour, no state; usable by drivers and models.
 *
 * Conventions.  VTD_REG_x is an offset in bytes from a unit's register base.  VTD_x_y is a single bit
 * or a mask in place; VTD_x_y_SHIFT is where a field of several bits starts, and vtd_get() takes it out.
 * A table entry or descriptor of several quadwords names them 0, 1, ...: VTD_PE0_P is in quadword 0.
 * VTD_x_RSVD are the bits that must be 0 while the entry is present.  "HAW" is the host address width:
 * address bits at and above it are reserved too, which no constant can say (see vtd_addr_rsvd()).
 */
#ifndef SPEC_VTD_H
#define SPEC_VTD_H

#include <stdint.h>

/** vtd_get() - the value of the field of @value that @mask covers */
static inline uint64_t vtd_get(uint64_t value, uint64_t mask)
{
	return (value & mask) / (mask & (~mask + 1));
}

/** vtd_set() - @field, moved to where @mask covers it */
static inline uint64_t vtd_set(uint64_t field, uint64_t mask)
{
	return (field * (mask & (~mask + 1))) & mask;
}

/** vtd_addr_rsvd() - bits 51 down to @haw: reserved in every address field of tables */
static inline uint64_t vtd_addr_rsvd(unsigned int haw)
{
	return haw >= 52 ? 0 : ((UINT64_C(1) << 52) - 1) & ~((UINT64_C(1) << haw) - 1);
}

#define VTD_PAGE_SHIFT 12
#define VTD_PAGE_SIZE 4096
#define VTD_ADDR_MASK UINT64_C(0xfffffffffffff000) /* bits 63:12 of pointers in tables, registers */

/* Requests to this range are interrupts and never translated (3.14, 3.15). */
#define VTD_INTERRUPT_FIRST UINT64_C(0xfee00000)
#define VTD_INTERRUPT_LAST UINT64_C(0xfeefffff)

/* ---- register offsets (11.2, 11.4) ------------------------------------------------------------- */

#define VTD_REG_VER 0x00 /* 32 bits, 11.4.1 */
#define VTD_REG_CAP 0x08 /* 64, 11.4.2 */
#define VTD_REG_ECAP 0x10 /* 64, 11.4.3 */
#define VTD_REG_GCMD 0x18 /* 32, write-only, 11.4.4.1 */
#define VTD_REG_GSTS 0x1c /* 32, read-only, 11.4.4.2 */
#define VTD_REG_RTADDR 0x20 /* 64, 11.4.5 */
#define VTD_REG_CCMD 0x28 /* 64, context command, 11.4.6 */
#define VTD_REG_FSTS 0x34 /* 32, fault status, 11.4.7.1 */
#define VTD_REG_FECTL 0x38 /* 32, fault event control, 11.4.7.2 */
#define VTD_REG_FEDATA 0x3c /* 32, 11.4.7.3 */
#define VTD_REG_FEADDR 0x40 /* 32, 11.4.7.4 */
#define VTD_REG_FEUADDR 0x44 /* 32, 11.4.7.5 */
#define VTD_REG_AFLOG 0x58 /* 64, advanced fault log, with CAP.AFL */
#define VTD_REG_PMEN 0x64 /* 32, protected memory enable, 11.4.8 */
#define VTD_REG_PLMBASE 0x68 /* 32 */
#define VTD_REG_PLMLIMIT 0x6c /* 32 */
#define VTD_REG_PHMBASE 0x70 /* 64 */
#define VTD_REG_PHMLIMIT 0x78 /* 64 */
#define VTD_REG_IQH 0x80 /* 64, invalidation queue head, 11.4.9 */
#define VTD_REG_IQT 0x88 /* 64, tail */
#define VTD_REG_IQA 0x90 /* 64, address */
#define VTD_REG_ICS 0x9c /* 32, invalidation completion status */
#define VTD_REG_IECTL 0xa0 /* 32, invalidation event control */
#define VTD_REG_IEDATA 0xa4 /* 32 */
#define VTD_REG_IEADDR 0xa8 /* 32 */
#define VTD_REG_IEUADDR 0xac /* 32 */
#define VTD_REG_IQERCD 0xb0 /* 64, invalidation queue error record */
#define VTD_REG_IRTA 0xb8 /* 64, interrupt remapping table address, 11.4.10 */
#define VTD_REG_PQH 0xc0 /* 64, page request queue head, 11.4.11 */
#define VTD_REG_PQT 0xc8 /* 64, tail */
#define VTD_REG_PQA 0xd0 /* 64, address */
#define VTD_REG_PRS 0xdc /* 32, page request status */
#define VTD_REG_PECTL 0xe0 /* 32, page request event control */
#define VTD_REG_PEDATA 0xe4 /* 32 */
#define VTD_REG_PEADDR 0xe8 /* 32 */
#define VTD_REG_PEUADDR 0xec /* 32 */
#define VTD_REG_MTRRCAP 0x100 /* 64, with ECAP.MTS */
/* From vtd_ecap_iro(): */
#define VTD_REG_IVA 0x00 /* 64, invalidate address, write-only, 11.4.6 */
#define VTD_REG_IOTLB 0x08 /* 64, IOTLB invalidate, 11.4.6 */
/* From vtd_cap_fro(), vtd_cap_nfr() records of this size: */
#define VTD_FRCD_SIZE 16 /* 11.4.7.6 */

/* ---- VER (11.4.1) ------------------------------------------------------------------------------ */

#define VTD_VER_MIN 0x0fu
#define VTD_VER_MAX 0xf0u

/* ---- CAP (11.4.2) ------------------------------------------------------------------------------ */

#define VTD_CAP_ND UINT64_C(0x7) /* number of domain IDs: 2^(4 + 2 * ND); 7 is reserved */
#define VTD_CAP_AFL (UINT64_C(1) << 3) /* advanced fault logging */
#define VTD_CAP_RWBF (UINT64_C(1) << 4) /* write buffers must be flushed (GCMD.WBF) */
#define VTD_CAP_PLMR (UINT64_C(1) << 5) /* protected low memory region */
#define VTD_CAP_PHMR (UINT64_C(1) << 6) /* protected high memory region */
#define VTD_CAP_CM (UINT64_C(1) << 7) /* caching mode: not-present entries may be cached (6.1) */
#define VTD_CAP_SAGAW_SHIFT 8
#define VTD_CAP_SAGAW (UINT64_C(0x1f) << 8) /* second-stage widths; see VTD_SAGAW_x */
#define VTD_CAP_MGAW_SHIFT 16
#define VTD_CAP_MGAW (UINT64_C(0x3f) << 16) /* maximum guest address width, minus 1 */
#define VTD_CAP_ZLR (UINT64_C(1) << 22) /* zero-length reads of write-only pages work */
#define VTD_CAP_FRO_SHIFT 24
#define VTD_CAP_FRO (UINT64_C(0x3ff) << 24) /* fault records' offset, in 16 bytes */
#define VTD_CAP_SSLPS_SHIFT 34
#define VTD_CAP_SSLPS (UINT64_C(0xf) << 34) /* second-stage large pages; see VTD_SSLPS_x */
#define VTD_CAP_PSI (UINT64_C(1) << 39) /* page-selective invalidation of second-stage entries */
#define VTD_CAP_NFR_SHIFT 40
#define VTD_CAP_NFR (UINT64_C(0xff) << 40) /* number of fault records, minus 1 */
#define VTD_CAP_MAMV_SHIFT 48
#define VTD_CAP_MAMV \
	(UINT64_C(0x3f) << 48) /* largest address mask of page-selective invalidations */
#define VTD_CAP_DWD (UINT64_C(1) << 54) /* write draining with invalidations */
#define VTD_CAP_DRD (UINT64_C(1) << 55) /* read draining with invalidations */
#define VTD_CAP_FS1GP (UINT64_C(1) << 56) /* 1 GiB pages in the first stage */
#define VTD_CAP_PI (UINT64_C(1) << 59) /* posted interrupts */
#define VTD_CAP_FS5LP (UINT64_C(1) << 60) /* 5 levels in the first stage */
#define VTD_CAP_ECMDS (UINT64_C(1) << 61) /* enhanced commands */
#define VTD_CAP_ESIRTPS (UINT64_C(1) << 62) /* SIRTP invalidates the interrupt entry cache itself */
#define VTD_CAP_ESRTPS \
	(UINT64_C(1) << 63) /* SRTP invalidates context, PASID and IOTLB caches itself */
#define VTD_CAP_RSVD \
	((UINT64_C(7) << 13) | (UINT64_C(1) << 23) | (UINT64_C(1) << 38) | (UINT64_C(3) << 57))

/* Bits of CAP.SAGAW after vtd_get(); bit n says that AW encoding n is supported. */
#define VTD_SAGAW_39 (1u << 1) /* 3 levels */
#define VTD_SAGAW_48 (1u << 2) /* 4 levels */
#define VTD_SAGAW_57 (1u << 3) /* 5 levels */

/* Bits of CAP.SSLPS after vtd_get(). */
#define VTD_SSLPS_2M (1u << 0)
#define VTD_SSLPS_1G (1u << 1)

/* Encodings of AW in context entries (9.3) and PASID table entries (9.6): levels are AW + 2. */
#define VTD_AW_39 1u
#define VTD_AW_48 2u
#define VTD_AW_57 3u

/** vtd_cap_nd() - how many domain IDs there are: 16 to 65536 */
static inline uint32_t vtd_cap_nd(uint64_t cap)
{
	return UINT32_C(1) << (4 + 2 * vtd_get(cap, VTD_CAP_ND));
}

/** vtd_cap_mgaw() - bits of an input address, at most 64 */
static inline unsigned int vtd_cap_mgaw(uint64_t cap)
{
	return (unsigned int)vtd_get(cap, VTD_CAP_MGAW) + 1;
}

/** vtd_cap_fro() - offset of the first fault record in bytes */
static inline uint32_t vtd_cap_fro(uint64_t cap)
{
	return (uint32_t)vtd_get(cap, VTD_CAP_FRO) * 16;
}

/** vtd_cap_nfr() - number of fault records, 1 to 256 */
static inline unsigned int vtd_cap_nfr(uint64_t cap)
{
	return (unsigned int)vtd_get(cap, VTD_CAP_NFR) + 1;
}

/* ---- ECAP (11.4.3) ----------------------------------------------------------------------------- */

#define VTD_ECAP_C (UINT64_C(1) << 0) /* page walks are coherent (in scalable mode: see SMPWCS) */
#define VTD_ECAP_QI (UINT64_C(1) << 1) /* queued invalidation */
#define VTD_ECAP_DT (UINT64_C(1) << 2) /* device TLBs (ATS) */
#define VTD_ECAP_IR (UINT64_C(1) << 3) /* interrupt remapping */
#define VTD_ECAP_EIM (UINT64_C(1) << 4) /* 32-bit interrupt destinations */
#define VTD_ECAP_PT (UINT64_C(1) << 6) /* pass-through */
#define VTD_ECAP_SC (UINT64_C(1) << 7) /* snoop control: SNP in second-stage leaves, PGSNP */
#define VTD_ECAP_IRO_SHIFT 8
#define VTD_ECAP_IRO (UINT64_C(0x3ff) << 8) /* offset of IVA and IOTLB, in 16 bytes */
#define VTD_ECAP_MHMV_SHIFT 20
#define VTD_ECAP_MHMV (UINT64_C(0xf) << 20) /* largest mask of interrupt entry invalidations */
#define VTD_ECAP_MTS (UINT64_C(1) << 25) /* memory types */
#define VTD_ECAP_NEST (UINT64_C(1) << 26) /* nested translation */
#define VTD_ECAP_PRS (UINT64_C(1) << 29) /* page requests */
#define VTD_ECAP_ERS (UINT64_C(1) << 30) /* execute requests */
#define VTD_ECAP_SRS (UINT64_C(1) << 31) /* supervisor requests */
#define VTD_ECAP_NWFS (UINT64_C(1) << 33) /* no-write flag of ATS requests is honoured */
#define VTD_ECAP_EAFS (UINT64_C(1) << 34) /* extended accessed flag in the first stage */
#define VTD_ECAP_PSS_SHIFT 35
#define VTD_ECAP_PSS (UINT64_C(0x1f) << 35) /* width of PASIDs, minus 1 */
#define VTD_ECAP_PASID (UINT64_C(1) << 40) /* requests with PASID */
#define VTD_ECAP_DIT (UINT64_C(1) << 41) /* device TLB invalidations can be throttled */
#define VTD_ECAP_PDS (UINT64_C(1) << 42) /* page request draining by a wait descriptor */
#define VTD_ECAP_SMTS (UINT64_C(1) << 43) /* scalable mode */
#define VTD_ECAP_VCS (UINT64_C(1) << 44) /* virtual commands */
#define VTD_ECAP_SSADS (UINT64_C(1) << 45) /* accessed and dirty in the second stage */
#define VTD_ECAP_SSTS (UINT64_C(1) << 46) /* second stage in scalable mode (PGTT 2) */
#define VTD_ECAP_FSTS (UINT64_C(1) << 47) /* first stage in scalable mode (PGTT 1) */
#define VTD_ECAP_SMPWCS (UINT64_C(1) << 48) /* scalable-mode page walks can be coherent (PWSNP) */
#define VTD_ECAP_RPS (UINT64_C(1) << 49) /* RID_PASID is supported; without it it is taken as 0 */
#define VTD_ECAP_PMS (UINT64_C(1) << 51) /* performance monitoring */
#define VTD_ECAP_ADMS (UINT64_C(1) << 52) /* abort-DMA mode (RTADDR.TTM 3) */
#define VTD_ECAP_RPRIVS (UINT64_C(1) << 53) /* RID_PRIV is supported */
#define VTD_ECAP_SMS (UINT64_C(1) << 58) /* stop marker */

/** vtd_ecap_iro() - offset of IVA; IOTLB is 8 bytes further */
static inline uint32_t vtd_ecap_iro(uint64_t ecap)
{
	return (uint32_t)vtd_get(ecap, VTD_ECAP_IRO) * 16;
}

/** vtd_ecap_pasid_bits() - width of PASIDs; meaningful with VTD_ECAP_PASID */
static inline unsigned int vtd_ecap_pasid_bits(uint64_t ecap)
{
	return (unsigned int)vtd_get(ecap, VTD_ECAP_PSS) + 1;
}

/* ---- GCMD (11.4.4.1) and GSTS (11.4.4.2): the same bits ---------------------------------------- */

#define VTD_GCMD_TE (1u << 31) /* translation enable */
#define VTD_GCMD_SRTP (1u << 30) /* set root table pointer: one-shot */
#define VTD_GCMD_SFL (1u << 29) /* set fault log: one-shot */
#define VTD_GCMD_EAFL (1u << 28) /* enable advanced fault logging */
#define VTD_GCMD_WBF (1u << 27) /* write buffer flush: one-shot */
#define VTD_GCMD_QIE (1u << 26) /* queued invalidation enable */
#define VTD_GCMD_IRE (1u << 25) /* interrupt remapping enable */
#define VTD_GCMD_SIRTP (1u << 24) /* set interrupt remap table pointer: one-shot */
#define VTD_GCMD_CFI (1u << 23) /* compatibility format interrupts pass */
/* Only one bit may change with a write; these are cleared from GSTS before it is written back. */
#define VTD_GCMD_ONE_SHOT (VTD_GCMD_SRTP | VTD_GCMD_SFL | VTD_GCMD_WBF | VTD_GCMD_SIRTP)

#define VTD_GSTS_TES (1u << 31)
#define VTD_GSTS_RTPS (1u << 30) /* 1: the pointer was taken over */
#define VTD_GSTS_FLS (1u << 29)
#define VTD_GSTS_AFLS (1u << 28)
#define VTD_GSTS_WBFS (1u << 27) /* 1: flush in progress */
#define VTD_GSTS_QIES (1u << 26)
#define VTD_GSTS_IRES (1u << 25)
#define VTD_GSTS_IRTPS (1u << 24)
#define VTD_GSTS_CFIS (1u << 23)

/* ---- RTADDR (11.4.5) --------------------------------------------------------------------------- */

#define VTD_RTADDR_RTA VTD_ADDR_MASK
#define VTD_RTADDR_TTM_SHIFT 10
#define VTD_RTADDR_TTM (UINT64_C(3) << 10)
#define VTD_TTM_LEGACY 0u
#define VTD_TTM_SCALABLE 1u
#define VTD_TTM_ABORT 3u /* with ECAP.ADMS; 2 is reserved */
#define VTD_RTADDR_RSVD UINT64_C(0x3ff)

/* ---- CCMD (11.4.6) ----------------------------------------------------------------------------- */

#define VTD_CCMD_ICC (UINT64_C(1) << 63) /* invalidate; reads 1 until done */
#define VTD_CCMD_CIRG_SHIFT 61
#define VTD_CCMD_CIRG (UINT64_C(3) << 61) /* granularity asked for: VTD_CC_x */
#define VTD_CCMD_CAIG_SHIFT 59
#define VTD_CCMD_CAIG (UINT64_C(3) << 59) /* granularity done; 0: refused */
#define VTD_CCMD_FM_SHIFT 32
#define VTD_CCMD_FM \
	(UINT64_C(3) << 32) /* function mask: low bits of the function that do not count */
#define VTD_CCMD_SID_SHIFT 16
#define VTD_CCMD_SID (UINT64_C(0xffff) << 16)
#define VTD_CCMD_DID UINT64_C(0xffff)

/* ---- IOTLB and IVA (11.4.6) -------------------------------------------------------------------- */

#define VTD_IOTLB_IVT (UINT64_C(1) << 63) /* invalidate; reads 1 until done */
#define VTD_IOTLB_IIRG_SHIFT 60
#define VTD_IOTLB_IIRG (UINT64_C(3) << 60) /* granularity asked for: VTD_IOTLB_GRAN_x */
#define VTD_IOTLB_IAIG_SHIFT 57
#define VTD_IOTLB_IAIG (UINT64_C(3) << 57) /* granularity done; 0: refused */
#define VTD_IOTLB_DR (UINT64_C(1) << 49) /* drain reads */
#define VTD_IOTLB_DW (UINT64_C(1) << 48) /* drain writes */
#define VTD_IOTLB_DID_SHIFT 32
#define VTD_IOTLB_DID (UINT64_C(0xffff) << 32)

#define VTD_IVA_ADDR VTD_ADDR_MASK
#define VTD_IVA_IH (UINT64_C(1) << 6) /* hint: only leaves changed */
#define VTD_IVA_AM UINT64_C(0x3f) /* 2^AM pages, address aligned to that */

/* Granularities of CCMD and of context-cache descriptors. */
#define VTD_CC_GLOBAL 1u
#define VTD_CC_DOMAIN 2u
#define VTD_CC_DEVICE 3u
/* Granularities of IOTLB and of IOTLB descriptors. */
#define VTD_IOTLB_GRAN_GLOBAL 1u
#define VTD_IOTLB_GRAN_DOMAIN 2u
#define VTD_IOTLB_GRAN_PAGE 3u

/* ---- faults (11.4.7) --------------------------------------------------------------------------- */

/* FSTS (11.4.7.1).  Clear by writing 1: PFO, AFO, APF, IQE, ICE, ITE. */
#define VTD_FSTS_PFO (1u << 0) /* a fault was lost: the next record was in use */
#define VTD_FSTS_PPF (1u << 1) /* some record has F set; read-only */
#define VTD_FSTS_AFO (1u << 2)
#define VTD_FSTS_APF (1u << 3)
#define VTD_FSTS_IQE (1u << 4) /* invalidation queue error: the queue stands still */
#define VTD_FSTS_ICE (1u << 5) /* a device answered an invalidation wrongly */
#define VTD_FSTS_ITE (1u << 6) /* a device did not answer an invalidation */
#define VTD_FSTS_PRO (1u << 7) /* page request overflow (older revisions; now PRS.PRO) */
#define VTD_FSTS_FRI_SHIFT 8
#define VTD_FSTS_FRI (0xffu << 8) /* index of the first pending record; valid with PPF */
#define VTD_FSTS_W1C \
	(VTD_FSTS_PFO | VTD_FSTS_AFO | VTD_FSTS_APF | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE)

/* FECTL (11.4.7.2), IECTL (11.4.9), PECTL (11.4.11) are alike. */
#define VTD_ECTL_IM (1u << 31) /* interrupt mask; 1 at reset */
#define VTD_ECTL_IP (1u << 30) /* interrupt pending; read-only */
/* FEADDR, IEADDR, PEADDR: bits 1:0 are reserved. */
#define VTD_EADDR_MASK 0xfffffffcu

/* Fault record (11.4.7.6): quadword 0 ... */
#define VTD_FRCD0_FI VTD_ADDR_MASK /* page of the address */
/* ... and quadword 1. */
#define VTD_FRCD1_SID UINT64_C(0xffff)
#define VTD_FRCD1_T2 (UINT64_C(1) << 28) /* type, second bit: see VTD_FAULT_TYPE_x */
#define VTD_FRCD1_PRIV (UINT64_C(1) << 29) /* supervisor privilege was asked for; with PP */
#define VTD_FRCD1_EXE (UINT64_C(1) << 30) /* execute was asked for; with PP */
#define VTD_FRCD1_PP (UINT64_C(1) << 31) /* the request had a PASID */
#define VTD_FRCD1_FR_SHIFT 32
#define VTD_FRCD1_FR (UINT64_C(0xff) << 32) /* enum vtd_fault_reason */
#define VTD_FRCD1_PV_SHIFT 40
#define VTD_FRCD1_PV (UINT64_C(0xfffff) << 40) /* the PASID; with PP */
#define VTD_FRCD1_AT_SHIFT 60
#define VTD_FRCD1_AT (UINT64_C(3) << 60) /* address type of the request: VTD_AT_x */
#define VTD_FRCD1_T1 (UINT64_C(1) << 62) /* type, first bit */
#define VTD_FRCD1_F (UINT64_C(1) << 63) /* a fault is recorded; write 1 to clear */

/* T1 << 1 | T2. */
#define VTD_FAULT_TYPE_WRITE 0u
#define VTD_FAULT_TYPE_PAGE_REQUEST 1u
#define VTD_FAULT_TYPE_READ 2u
#define VTD_FAULT_TYPE_ATOMIC 3u

/* Address type of a request (PCI Express). */
#define VTD_AT_UNTRANSLATED 0u
#define VTD_AT_TRANSLATION_REQUEST 1u
#define VTD_AT_TRANSLATED 2u

/*
 * Fault reasons (7.1.3, tables of non-recoverable address translation faults).  The name of the
 * condition stands first.  [Q]: qualified, that is, not recorded if FPD is set in the context entry or
 * PASID entry that was used.
 */
enum vtd_fault_reason {
	/* Legacy mode. */
	VTD_FR_ROOT_NOT_PRESENT = 0x01, /* LRT.2: P = 0 in the root entry */
	VTD_FR_CONTEXT_NOT_PRESENT = 0x02, /* LCT.2 [Q]: P = 0 in the context entry */
	VTD_FR_CONTEXT_INVALID = 0x03, /* LCT.4 [Q]: AW or TT unsupported or reserved */
	VTD_FR_ADDRESS_BEYOND = 0x04, /* LGN.1 [Q]: address above MGAW or above the width of AW */
	VTD_FR_WRITE = 0x05, /* LGN.2 [Q]: write without W */
	VTD_FR_READ = 0x06, /* LGN.3 [Q]: read without R */
	VTD_FR_PAGING_ACCESS = 0x07, /* LSL.1 [Q]: a paging entry could not be read */
	VTD_FR_ROOT_ACCESS = 0x08, /* LRT.1: the root entry could not be read */
	VTD_FR_CONTEXT_ACCESS = 0x09, /* LCT.1: the context entry could not be read */
	VTD_FR_ROOT_RSVD = 0x0a, /* LRT.3: reserved bits in the root entry */
	VTD_FR_CONTEXT_RSVD = 0x0b, /* LCT.3: reserved bits in the context entry */
	VTD_FR_PAGING_RSVD = 0x0c, /* LSL.2 [Q]: reserved bits in a paging entry */
	VTD_FR_CONTEXT_TT = 0x0d, /* LCT.5 [Q]: TT blocks translation and translated requests */
	VTD_FR_INTERRUPT_ADDRESS = 0x0e, /* LGN.4 [Q]: result lies in the interrupt range */

	/* Interrupt remapping (7.1.4). */
	VTD_FR_IR_REQUEST_RSVD = 0x20, /* reserved bits in the interrupt request */
	VTD_FR_IR_INDEX = 0x21, /* index beyond the table */
	VTD_FR_IR_NOT_PRESENT = 0x22, /* P = 0 in the entry [Q] */
	VTD_FR_IR_ACCESS = 0x23, /* the entry could not be read */
	VTD_FR_IR_RSVD = 0x24, /* reserved bits in the entry [Q] */
	VTD_FR_IR_COMPATIBILITY = 0x25, /* compatibility format interrupt blocked */
	VTD_FR_IR_SOURCE = 0x26, /* source validation failed [Q] */
	VTD_FR_IR_PID_ACCESS = 0x27, /* posted interrupt descriptor could not be accessed [Q] */
	VTD_FR_IR_PID_RSVD = 0x28, /* reserved bits in the posted interrupt descriptor [Q] */

	/* Scalable mode: the root table address register. */
	VTD_FR_RTADDR_TTM = 0x30, /* RTA.1: TTM unsupported or reserved */
	VTD_FR_RTADDR_LEGACY_PASID = 0x31, /* RTA.2: request with PASID while TTM is legacy */
	VTD_FR_RTADDR_LEGACY_PAGE_REQUEST = 0x32, /* RTA.3: page request while TTM is legacy */
	VTD_FR_RTADDR_4 = 0x33, /* RTA.4 */
	/* Scalable mode: root entries. */
	VTD_FR_SM_ROOT_ACCESS = 0x38, /* SRT.1: could not be read */
	VTD_FR_SM_ROOT_NOT_PRESENT = 0x39, /* SRT.2: LP or UP = 0 */
	VTD_FR_SM_ROOT_RSVD = 0x3a, /* SRT.3: reserved bits */
	/* Scalable mode: context entries. */
	VTD_FR_SM_CONTEXT_ACCESS = 0x40, /* SCT.1: could not be read */
	VTD_FR_SM_CONTEXT_NOT_PRESENT = 0x41, /* SCT.2 [Q]: P = 0 */
	VTD_FR_SM_CONTEXT_RSVD = 0x42, /* SCT.3: reserved bits */
	VTD_FR_SM_CONTEXT_INVALID = 0x43, /* SCT.4 [Q]: unsupported fields are set */
	VTD_FR_SM_CONTEXT_DTE = 0x44, /* SCT.5 [Q]: translation or translated request, DTE = 0 */
	VTD_FR_SM_CONTEXT_PASIDE = 0x45, /* SCT.6 [Q]: request with PASID, PASIDE = 0 */
	VTD_FR_SM_PASID_BEYOND = 0x46, /* SCT.7 [Q]: PASID beyond the directory (PDTS) */
	VTD_FR_SM_CONTEXT_PRE = 0x47, /* SCT.8 [Q]: page request, PRE = 0 */
	VTD_FR_SM_RID_PASID = 0x48, /* SCT.9 [Q]: RID_PASID beyond the directory */
	/* Scalable mode: PASID directory entries. */
	VTD_FR_PASID_DIR_ACCESS = 0x50, /* SPD.1: could not be read */
	VTD_FR_PASID_DIR_NOT_PRESENT = 0x51, /* SPD.2 [Q]: P = 0 */
	VTD_FR_PASID_DIR_RSVD = 0x52, /* SPD.3 [Q]: reserved bits */
	/* Scalable mode: PASID table entries. */
	VTD_FR_PASID_ACCESS = 0x58, /* SPT.1: could not be read */
	VTD_FR_PASID_NOT_PRESENT = 0x59, /* SPT.2 [Q]: P = 0 */
	VTD_FR_PASID_RSVD = 0x5a, /* SPT.3 [Q]: reserved bits */
	VTD_FR_PASID_INVALID = 0x5b, /* SPT.4 [Q]: PGTT, AW, FSPM... unsupported or reserved */
	VTD_FR_PASID_ERE = 0x5c, /* SPT.5 [Q]: execute request, ERE = 0 */
	VTD_FR_PASID_SRE = 0x5d, /* SPT.6 [Q]: supervisor request, SRE = 0 */
	/* Scalable mode: first-stage paging entries. */
	VTD_FR_FS_ACCESS = 0x70, /* SFS.1 [Q]: a paging entry could not be read */
	VTD_FR_FS_NOT_PRESENT = 0x71, /* SFS.2 [Q]: P = 0 */
	VTD_FR_FS_RSVD = 0x72, /* SFS.3 [Q]: reserved bits */
	VTD_FR_FS_ROOT_ACCESS = 0x73, /* SFS.4 [Q]: the top table could not be read (FSPTPTR) */
	VTD_FR_FS_NESTED_BEYOND =
		0x74, /* SFS.5 [Q]: nested: table address beyond the second stage */
	VTD_FR_FS_NESTED_ROOT_READ =
		0x75, /* SFS.6 [Q]: nested: top table not readable in the second stage */
	VTD_FR_FS_NESTED_READ = 0x76, /* SFS.7 [Q]: nested: lower table not readable there */
	VTD_FR_FS_NESTED_WRITE =
		0x77, /* SFS.8 [Q]: nested: A/D update of a table not writable there */
	VTD_FR_FS_AD_NO_SNOOP = 0x90, /* SFS.9 [Q]: A/D update needed, but walks do not snoop */
	VTD_FR_FS_AD_FAILED = 0x91, /* SFS.10 [Q]: A/D update failed */
	/* Scalable mode: second-stage paging entries. */
	VTD_FR_SS_ACCESS = 0x78, /* SSS.1 [Q]: a paging entry could not be read */
	VTD_FR_SS_PERMISSION = 0x79, /* SSS.2 [Q]: nested: the second stage denies it (R/W) */
	VTD_FR_SS_RSVD = 0x7a, /* SSS.3 [Q]: reserved bits */
	VTD_FR_SS_ROOT = 0x7b, /* SSS.4 [Q]: SSPTPTR is invalid */
	VTD_FR_SS_AD_NO_SNOOP = 0x7c, /* SSS.5 [Q]: A/D update needed, but walks do not snoop */
	VTD_FR_SS_AD_FAILED = 0x7d, /* SSS.6 [Q]: A/D update failed */
	/* Scalable mode: everything else. */
	VTD_FR_SM_NOT_CANONICAL = 0x80, /* SGN.1 [Q]: first stage: address is not canonical */
	VTD_FR_SM_USER = 0x81, /* SGN.2 [Q]: user request to an entry with U/S = 0 */
	VTD_FR_SM_EXECUTE = 0x82, /* SGN.3 [Q]: execute not permitted */
	VTD_FR_SM_ADDRESS_BEYOND =
		0x83, /* SGN.4 [Q]: address above MGAW or above the width of AW */
	VTD_FR_SM_NESTED_BEYOND = 0x84, /* SGN.5 [Q]: nested: result of the first stage above AW */
	VTD_FR_SM_WRITE = 0x85, /* SGN.6 [Q]: write or atomic not permitted */
	VTD_FR_SM_READ = 0x86, /* SGN.7 [Q]: read or atomic not permitted */
	VTD_FR_SM_INTERRUPT_ADDRESS = 0x87, /* SGN.8 [Q]: result lies in the interrupt range */
	VTD_FR_SM_9 = 0x88, /* SGN.9 */
	VTD_FR_SM_10 = 0x89, /* SGN.10 */
};

/* ---- protected memory (11.4.8) ----------------------------------------------------------------- */

#define VTD_PMEN_EPM (1u << 31) /* enable */
#define VTD_PMEN_PRS (1u << 0) /* status; read-only */

/* ---- queued invalidation registers (11.4.9) ---------------------------------------------------- */

#define VTD_IQ_PTR UINT64_C(0x7fff0) /* IQH, IQT: offset in bytes; bit 4 is reserved with IQA.DW */
#define VTD_IQA_IQA VTD_ADDR_MASK
#define VTD_IQA_DW (UINT64_C(1) << 11) /* descriptors of 256 bits */
#define VTD_IQA_QS UINT64_C(0x7) /* 2^QS pages of descriptors */
#define VTD_IQA_RSVD UINT64_C(0x7f8)
#define VTD_ICS_IWC (1u << 0) /* a wait descriptor with IF is done; write 1 to clear */
#define VTD_IQERCD_IQEI UINT64_C(0xf) /* enum vtd_iqe_info */
#define VTD_IQERCD_ITESID_SHIFT 32
#define VTD_IQERCD_ITESID (UINT64_C(0xffff) << 32) /* who did not answer */
#define VTD_IQERCD_ICESID_SHIFT 48
#define VTD_IQERCD_ICESID (UINT64_C(0xffff) << 48) /* who answered wrongly */

/*
 * ITE (6.5.2.10, 11.4.7.1): a device did not answer an invalidation of its TLB; ITESID says which.  Nothing more
 * is fetched until software clears ITE, then the queue goes on at IQH, behind the device's descriptor.  Of the
 * descriptors that had been fetched already, and IQH is behind those too, waits are given up (no status, no
 * interrupt) and others are carried out.
 */
enum vtd_iqe_info {
	VTD_IQEI_UNKNOWN = 0, /* nothing is known, or an older revision */
	VTD_IQEI_TAIL = 1, /* tail beyond the queue */
	VTD_IQEI_FETCH = 2, /* a descriptor could not be read */
	VTD_IQEI_TYPE = 3, /* invalid descriptor type */
	VTD_IQEI_RSVD = 4, /* reserved bits in a descriptor, or an invalid field */
	VTD_IQEI_WIDTH = 5, /* descriptor type needs 256 bits, DW = 0 */
	VTD_IQEI_TAIL_ALIGN = 6, /* tail not aligned to the descriptor size */
	VTD_IQEI_TTM = 7, /* descriptor type does not fit RTADDR.TTM */
};

/* ---- interrupt remapping table (11.4.10) ------------------------------------------------------- */

#define VTD_IRTA_ADDR VTD_ADDR_MASK
#define VTD_IRTA_EIME (UINT64_C(1) << 11) /* 32-bit destinations */
#define VTD_IRTA_S UINT64_C(0xf) /* 2^(S + 1) entries of 16 bytes */

/* ---- page requests (11.4.11, 7.4, 7.5) --------------------------------------------------------- */

#define VTD_PQ_PTR UINT64_C(0x7ffe0) /* PQH, PQT: offset in bytes, descriptors of 32 */
#define VTD_PQ_RSVD (~VTD_PQ_PTR)
#define VTD_PQA_PQA VTD_ADDR_MASK
#define VTD_PQA_PQS UINT64_C(0x7) /* 2^PQS pages */
#define VTD_PQA_RSVD UINT64_C(0xff8)
/*
 * The queue is empty if head and tail are equal, and full if the tail would reach the head.  A request that
 * finds it full sets PRO; while PRO is set nothing is queued: a last request is answered with success
 * by the unit, others are dropped.  One event (PECTL) when PPR or PRO is set while both were 0.
 */
#define VTD_PRS_PPR (1u << 0) /* page requests pending; write 1 to clear */
#define VTD_PRS_PRO (1u << 1) /* page request overflow; write 1 to clear */

#define VTD_PRQ_SIZE 32
/*
 * A page request drops what the IOTLB and paging-structure caches hold for its PASID and page, of the first stage
 * and nested (6.5.3.1): software that permits more need not invalidate.
 */
/* Page request descriptor, quadword 0 ... */
#define VTD_PRQ0_TYPE UINT64_C(0xff)
#define VTD_PRQ0_TYPE_REQUEST UINT64_C(0x01)
#define VTD_PRQ0_PP (UINT64_C(1) << 8) /* with PASID */
#define VTD_PRQ0_RID_SHIFT 16
#define VTD_PRQ0_RID (UINT64_C(0xffff) << 16)
#define VTD_PRQ0_PASID_SHIFT 32
#define VTD_PRQ0_PASID (UINT64_C(0xfffff) << 32)
#define VTD_PRQ0_EXE (UINT64_C(1) << 52)
#define VTD_PRQ0_PRIV (UINT64_C(1) << 53)
#define VTD_PRQ0_RSVD UINT64_C(0xffc000000000fe00)
/* ... and 1.  Quadwords 2 and 3 hold private data, or 0.  LPIG with neither RD nor WR, with PASID: a stop marker. */
#define VTD_PRQ1_RD (UINT64_C(1) << 0)
#define VTD_PRQ1_WR (UINT64_C(1) << 1)
#define VTD_PRQ1_LPIG (UINT64_C(1) << 2) /* last of its group */
#define VTD_PRQ1_PRGI_SHIFT 3
#define VTD_PRQ1_PRGI (UINT64_C(0x1ff) << 3)
#define VTD_PRQ1_ADDR VTD_ADDR_MASK

/* ---- root entries (9.1, 9.2): 256 of 2 quadwords, by bus --------------------------------------- */

#define VTD_ROOT_ENTRY_SIZE 16
/* Legacy: quadword 0; quadword 1 is reserved. */
#define VTD_RE0_P (UINT64_C(1) << 0)
#define VTD_RE0_CTP VTD_ADDR_MASK
#define VTD_RE0_RSVD UINT64_C(0xffe)
#define VTD_RE1_RSVD UINT64_MAX
/* Scalable: quadword 0 for devices 0 to 15, quadword 1 for devices 16 to 31; same layout. */
#define VTD_SRE_P (UINT64_C(1) << 0)
#define VTD_SRE_CTP VTD_ADDR_MASK
#define VTD_SRE_RSVD UINT64_C(0xffe)

/* ---- context entries, legacy (9.3): 256 of 2 quadwords, by devfn ------------------------------- */

#define VTD_CONTEXT_ENTRY_SIZE 16
#define VTD_CE0_P (UINT64_C(1) << 0)
#define VTD_CE0_FPD (UINT64_C(1) << 1) /* fault processing disabled */
#define VTD_CE0_TT_SHIFT 2
#define VTD_CE0_TT (UINT64_C(3) << 2)
#define VTD_CE0_SSPTPTR VTD_ADDR_MASK /* ignored with TT pass-through */
#define VTD_CE0_RSVD UINT64_C(0xff0)
#define VTD_CE1_AW UINT64_C(0x7) /* VTD_AW_x; pass-through: the largest supported */
#define VTD_CE1_AVAIL (UINT64_C(0xf) << 3) /* ignored by hardware */
#define VTD_CE1_DID_SHIFT 8
#define VTD_CE1_DID (UINT64_C(0xffff) << 8) /* not 0 with CAP.CM */
#define VTD_CE1_RSVD (UINT64_C(0xffffffffff000000) | (UINT64_C(1) << 7))

#define VTD_TT_TRANSLATE 0u /* untranslated requests through the tables, others blocked */
#define VTD_TT_DEVICE_TLB 1u /* all kinds of requests; needs ECAP.DT */
#define VTD_TT_PASS_THROUGH 2u /* untranslated requests pass, others blocked; needs ECAP.PT */

/* ---- context entries, scalable (9.4): 128 of 4 quadwords, by devfn & 127 ----------------------- */

#define VTD_SCONTEXT_ENTRY_SIZE 32
#define VTD_SCE0_P (UINT64_C(1) << 0)
#define VTD_SCE0_FPD (UINT64_C(1) << 1)
#define VTD_SCE0_DTE (UINT64_C(1) << 2) /* device TLB enable; needs ECAP.DT */
#define VTD_SCE0_PASIDE (UINT64_C(1) << 3) /* requests with PASID; needs ECAP.PASID */
#define VTD_SCE0_PRE (UINT64_C(1) << 4) /* page requests; needs ECAP.PRS */
#define VTD_SCE0_PDTS_SHIFT 9
#define VTD_SCE0_PDTS (UINT64_C(7) << 9) /* 2^(PDTS + 7) directory entries */
#define VTD_SCE0_PASIDDIRPTR VTD_ADDR_MASK
#define VTD_SCE0_RSVD UINT64_C(0x1e0)
#define VTD_SCE1_RID_PASID UINT64_C(0xfffff) /* PASID of requests without one; needs ECAP.RPS */
#define VTD_SCE1_RID_PRIV (UINT64_C(1) << 20) /* those are supervisor requests; needs ECAP.RPRIVS */
#define VTD_SCE1_RSVD UINT64_C(0xffffffffffe00000)
#define VTD_SCE2_RSVD UINT64_MAX
#define VTD_SCE3_RSVD UINT64_MAX

/* ---- PASID directory (9.5): 1 quadword, by PASID >> 6 ------------------------------------------ */

#define VTD_PDE_SIZE 8
#define VTD_PDE_P (UINT64_C(1) << 0)
#define VTD_PDE_FPD (UINT64_C(1) << 1)
#define VTD_PDE_SMPTBLPTR VTD_ADDR_MASK
#define VTD_PDE_RSVD UINT64_C(0xffc)

#define VTD_PASID_TABLE_BITS 6 /* a table is one page of 64 entries */

/** vtd_pdts_entries() - entries of a PASID directory; each is for 64 PASIDs */
static inline uint32_t vtd_pdts_entries(uint64_t sce0)
{
	return UINT32_C(1) << (vtd_get(sce0, VTD_SCE0_PDTS) + 7);
}

/* ---- PASID table entries (9.6): 8 quadwords, by PASID & 63 ------------------------------------- */

#define VTD_PASID_ENTRY_SIZE 64
#define VTD_PE0_P (UINT64_C(1) << 0)
#define VTD_PE0_FPD (UINT64_C(1) << 1)
#define VTD_PE0_AW_SHIFT 2
#define VTD_PE0_AW (UINT64_C(7) << 2) /* VTD_AW_x, of the second stage */
#define VTD_PE0_SSEE (UINT64_C(1) << 5) /* second-stage execute enable */
#define VTD_PE0_PGTT_SHIFT 6
#define VTD_PE0_PGTT (UINT64_C(7) << 6)
#define VTD_PE0_SSADE (UINT64_C(1) << 9) /* second-stage accessed/dirty; needs ECAP.SSADS */
#define VTD_PE0_SSPTPTR VTD_ADDR_MASK
#define VTD_PE0_RSVD (UINT64_C(3) << 10)
#define VTD_PE1_DID UINT64_C(0xffff)
#define VTD_PE1_PWSNP (UINT64_C(1) << 23) /* walks snoop; needs ECAP.SMPWCS */
#define VTD_PE1_PGSNP (UINT64_C(1) << 24) /* accesses snoop; needs ECAP.SC */
#define VTD_PE1_CD (UINT64_C(1) << 25) /* cache disable; with ECAP.MTS, as all up to PAT */
#define VTD_PE1_EMTE (UINT64_C(1) << 26) /* extended memory type enable */
#define VTD_PE1_EMT_SHIFT 27
#define VTD_PE1_EMT (UINT64_C(7) << 27)
#define VTD_PE1_PWT (UINT64_C(1) << 30)
#define VTD_PE1_PCD (UINT64_C(1) << 31)
#define VTD_PE1_PAT_SHIFT 32
#define VTD_PE1_PAT (UINT64_C(0xffffffff) << 32)
#define VTD_PE1_RSVD (UINT64_C(0x7f) << 16)
#define VTD_PE2_SRE (UINT64_C(1) << 0) /* supervisor requests; needs ECAP.SRS */
#define VTD_PE2_ERE (UINT64_C(1) << 1) /* execute requests; needs ECAP.ERS */
#define VTD_PE2_FSPM_SHIFT 2
#define VTD_PE2_FSPM (UINT64_C(3) << 2) /* first-stage paging mode */
#define VTD_PE2_WPE (UINT64_C(1) << 4) /* supervisor writes obey R/W */
#define VTD_PE2_NXE (UINT64_C(1) << 5) /* XD in first-stage entries counts; else reserved */
#define VTD_PE2_SMEP (UINT64_C(1) << 6) /* supervisor may not execute user pages */
#define VTD_PE2_EAFE (UINT64_C(1) << 7) /* extended accessed flag; needs ECAP.EAFS */
#define VTD_PE2_FSPTPTR VTD_ADDR_MASK
#define VTD_PE2_RSVD (UINT64_C(0xf) << 8)
/* Quadwords 3 to 7 are reserved. */

#define VTD_PGTT_FIRST 1u
#define VTD_PGTT_SECOND 2u
#define VTD_PGTT_NESTED 3u
#define VTD_PGTT_PASS_THROUGH 4u

#define VTD_FSPM_4_LEVELS 0u
#define VTD_FSPM_5_LEVELS 1u

/* ---- first-stage paging entries (9.7) ---------------------------------------------------------- */

#define VTD_FS_P (UINT64_C(1) << 0)
#define VTD_FS_RW (UINT64_C(1) << 1)
#define VTD_FS_US \
	(UINT64_C(1) << 2) /* 1: user requests may; those without PASID are user requests */
#define VTD_FS_PWT (UINT64_C(1) << 3)
#define VTD_FS_PCD (UINT64_C(1) << 4)
#define VTD_FS_A (UINT64_C(1) << 5) /* set by hardware in every entry of a walk */
#define VTD_FS_D (UINT64_C(1) << 6) /* set by hardware in the leaf of a write */
#define VTD_FS_PS (UINT64_C(1) << 7) /* leaf, at the 2 MiB and 1 GiB levels; reserved above */
#define VTD_FS_PAT_4K (UINT64_C(1) << 7) /* in 4 KiB leaves */
#define VTD_FS_G \
	(UINT64_C(1) << 8) /* global: kept by PASID-selective invalidations with that hint */
#define VTD_FS_EA (UINT64_C(1) << 10) /* extended accessed, with EAFE */
#define VTD_FS_PAT_LARGE (UINT64_C(1) << 12) /* in 2 MiB and 1 GiB leaves */
#define VTD_FS_ADDR UINT64_C(0x000ffffffffff000)
#define VTD_FS_XD (UINT64_C(1) << 63)
#define VTD_FS_IGNORED (UINT64_C(0x7ff0000000000000) | (UINT64_C(1) << 11) | (UINT64_C(1) << 9))
#define VTD_FS_RSVD_2M UINT64_C(0x1fe000) /* bits 20:13 of a 2 MiB leaf */
#define VTD_FS_RSVD_1G UINT64_C(0x3fffe000) /* bits 29:13 of a 1 GiB leaf */

/* ---- second-stage paging entries (9.8) --------------------------------------------------------- */

#define VTD_SS_R (UINT64_C(1) << 0) /* not present: R = W = 0 (and X = 0 where it counts) */
#define VTD_SS_W (UINT64_C(1) << 1)
#define VTD_SS_X (UINT64_C(1) << 2) /* execute; ignored without SSEE */
#define VTD_SS_EMT_SHIFT 3
#define VTD_SS_EMT (UINT64_C(7) << 3) /* memory type, in leaves, with ECAP.MTS and EMTE */
#define VTD_SS_IPAT (UINT64_C(1) << 6) /* the same */
#define VTD_SS_PS (UINT64_C(1) << 7) /* leaf, where CAP.SSLPS has that size; else reserved */
#define VTD_SS_A (UINT64_C(1) << 8) /* with SSADE; else ignored */
#define VTD_SS_D (UINT64_C(1) << 9) /* in leaves with SSADE; else ignored */
#define VTD_SS_SNP \
	(UINT64_C(1) << 11) /* in leaves: snoop; reserved without ECAP.SC, and in tables */
#define VTD_SS_ADDR UINT64_C(0x000ffffffffff000)
#define VTD_SS_RSVD_62 \
	(UINT64_C(1) << 62) /* older revisions: transient mapping, in leaves with DT */
#define VTD_SS_IGNORED (UINT64_C(0xbff0000000000000) | (UINT64_C(1) << 10)) /* in every entry */
#define VTD_SS_IGNORED_TABLE \
	UINT64_C(0x678) /* besides: bits 10:9 and 6:3 of an entry for a table */
#define VTD_SS_RSVD_TABLE VTD_SS_SNP /* bit 7 is PS there; with PS = 1 it is a leaf or reserved */
#define VTD_SS_RSVD_2M UINT64_C(0x1ff000) /* bits 20:12 of a 2 MiB leaf */
#define VTD_SS_RSVD_1G UINT64_C(0x3ffff000) /* bits 29:12 of a 1 GiB leaf */

/* ---- invalidation descriptors (6.5.2) ---------------------------------------------------------- */

/*
 * 128 bits with IQA.DW = 0, 256 bits with DW = 1, of which quadwords 2 and 3 are reserved.  The type is
 * bits 11:9 (high) and 3:0 (low) of quadword 0.  Types 6 to 9 need scalable mode.
 */
#define VTD_DESC_SIZE_128 16
#define VTD_DESC_SIZE_256 32
#define VTD_DESC_TYPE_LOW UINT64_C(0xf)
#define VTD_DESC_TYPE_HIGH (UINT64_C(7) << 9)

enum vtd_desc_type {
	VTD_DESC_CONTEXT = 1, /* 6.5.2.1 context cache */
	VTD_DESC_IOTLB = 2, /* 6.5.2.3 */
	VTD_DESC_DEVICE_TLB = 3, /* 6.5.2.5 */
	VTD_DESC_IEC = 4, /* 6.5.2.7 interrupt entry cache */
	VTD_DESC_WAIT = 5, /* 6.5.2.8 */
	VTD_DESC_PASID_IOTLB = 6, /* 6.5.2.4 */
	VTD_DESC_PASID_CACHE = 7, /* 6.5.2.2 */
	VTD_DESC_PASID_DEVICE_TLB = 8, /* 6.5.2.6 */
	VTD_DESC_PAGE_RESPONSE = 9, /* 7.6 page group response; needs IQA.DW = 1 */
};

/** vtd_desc_type() - the type of a descriptor, from its quadword 0 */
static inline unsigned int vtd_desc_type(uint64_t q0)
{
	return (unsigned int)((q0 & VTD_DESC_TYPE_HIGH) >> 5 | (q0 & VTD_DESC_TYPE_LOW));
}

/* Granularity of all but wait, device TLB and response; of IEC only bit 4. */
#define VTD_DESC_G_SHIFT 4
#define VTD_DESC_G (UINT64_C(3) << 4)
/* Domain ID of types 1, 2, 6, 7. */
#define VTD_DESC_DID_SHIFT 16
#define VTD_DESC_DID (UINT64_C(0xffff) << 16)
/* PASID of types 6, 7, 8, 9. */
#define VTD_DESC_PASID_SHIFT 32
#define VTD_DESC_PASID (UINT64_C(0xfffff) << 32)

/* Context cache: VTD_CC_x; quadword 1 is reserved. */
#define VTD_DESC_CC_SID_SHIFT 32
#define VTD_DESC_CC_SID (UINT64_C(0xffff) << 32)
#define VTD_DESC_CC_FM_SHIFT 48
#define VTD_DESC_CC_FM (UINT64_C(3) << 48)
#define VTD_DESC_CC_RSVD0 UINT64_C(0xfffc00000000f1c0)

/* PASID cache; quadword 1 is reserved. */
#define VTD_PC_DOMAIN 0u /* all PASIDs of a domain */
#define VTD_PC_PASID 1u
#define VTD_PC_GLOBAL 3u
#define VTD_DESC_PC_RSVD0 UINT64_C(0xfff000000000f1c0)

/* IOTLB: VTD_IOTLB_GRAN_x. */
#define VTD_DESC_IOTLB_DW (UINT64_C(1) << 6)
#define VTD_DESC_IOTLB_DR (UINT64_C(1) << 7)
#define VTD_DESC_IOTLB_RSVD0 UINT64_C(0xffffffff0000f100)
#define VTD_DESC_IOTLB1_AM UINT64_C(0x3f)
#define VTD_DESC_IOTLB1_IH (UINT64_C(1) << 6)
#define VTD_DESC_IOTLB1_ADDR VTD_ADDR_MASK
#define VTD_DESC_IOTLB_RSVD1 UINT64_C(0xf80)

/* PASID-based IOTLB; quadword 1 as for IOTLB. */
#define VTD_PIOTLB_PASID 2u /* everything of the PASID */
#define VTD_PIOTLB_PAGE 3u /* pages of the PASID */
#define VTD_DESC_PIOTLB_RSVD0 UINT64_C(0xfff000000000f1c0)

/* Device TLB. */
#define VTD_DESC_DTLB_PFSID_LOW_SHIFT 12
#define VTD_DESC_DTLB_PFSID_LOW (UINT64_C(0xf) << 12) /* bits 3:0 of the physical function's ID */
#define VTD_DESC_DTLB_MIP_SHIFT 16
#define VTD_DESC_DTLB_MIP (UINT64_C(0x1f) << 16) /* most invalidations pending, 0: 32 */
#define VTD_DESC_DTLB_SID_SHIFT 32
#define VTD_DESC_DTLB_SID (UINT64_C(0xffff) << 32)
#define VTD_DESC_DTLB_PFSID_HIGH_SHIFT 52
#define VTD_DESC_DTLB_PFSID_HIGH (UINT64_C(0xfff) << 52) /* bits 15:4; both need ECAP.DIT */
#define VTD_DESC_DTLB_RSVD0 UINT64_C(0x000f0000ffe001f0)
#define VTD_DESC_DTLB1_S (UINT64_C(1) << 0) /* more than one page: size from the address */
#define VTD_DESC_DTLB1_ADDR VTD_ADDR_MASK
#define VTD_DESC_DTLB_RSVD1 UINT64_C(0xffe)

/* PASID-based device TLB. */
#define VTD_DESC_PDTLB_MIP_SHIFT 4
#define VTD_DESC_PDTLB_MIP (UINT64_C(0x1f) << 4)
#define VTD_DESC_PDTLB_PFSID_LOW_SHIFT 12
#define VTD_DESC_PDTLB_PFSID_LOW (UINT64_C(0xf) << 12)
#define VTD_DESC_PDTLB_SID_SHIFT 16
#define VTD_DESC_PDTLB_SID (UINT64_C(0xffff) << 16)
#define VTD_DESC_PDTLB_PFSID_HIGH_SHIFT 52
#define VTD_DESC_PDTLB_PFSID_HIGH (UINT64_C(0xfff) << 52)
#define VTD_DESC_PDTLB1_G (UINT64_C(1) << 0) /* all PASIDs */
#define VTD_DESC_PDTLB1_S (UINT64_C(1) << 11)
#define VTD_DESC_PDTLB1_ADDR VTD_ADDR_MASK
#define VTD_DESC_PDTLB_RSVD1 UINT64_C(0x7fe)

/* Interrupt entry cache; quadword 1 is reserved. */
#define VTD_DESC_IEC_G (UINT64_C(1) << 4) /* 0: all; 1: 2^IM entries at IIDX */
#define VTD_DESC_IEC_IM_SHIFT 27
#define VTD_DESC_IEC_IM (UINT64_C(0x1f) << 27)
#define VTD_DESC_IEC_IIDX_SHIFT 32
#define VTD_DESC_IEC_IIDX (UINT64_C(0xffff) << 32)
#define VTD_DESC_IEC_RSVD0 UINT64_C(0xffff000007fff1e0)

/* Wait. */
#define VTD_DESC_WAIT_IF (UINT64_C(1) << 4) /* set ICS.IWC, raise the interrupt */
#define VTD_DESC_WAIT_SW (UINT64_C(1) << 5) /* write the status */
#define VTD_DESC_WAIT_FN (UINT64_C(1) << 6) /* fence: later ones start after the earlier are done */
#define VTD_DESC_WAIT_PD (UINT64_C(1) << 7) /* drain page requests; needs ECAP.PDS */
/*
 * PD: the wait is done when all page requests that the unit received before are in the queue, or lost to
 * overflow.  To drain a PASID that ends (7.10, 7.11): its entry not present and invalidated, a wait with PD, the
 * queue worked off up to the tail after that, every group answered, then an invalidation of the device TLB with
 * a wait: it does not pass responses (7.8).  Only then may the PASID get a new use.
 */
#define VTD_DESC_WAIT_DATA_SHIFT 32
#define VTD_DESC_WAIT_DATA (UINT64_C(0xffffffff) << 32)
#define VTD_DESC_WAIT_RSVD0 UINT64_C(0xfffff100)
#define VTD_DESC_WAIT1_ADDR UINT64_C(0xfffffffffffffffc)
#define VTD_DESC_WAIT_RSVD1 UINT64_C(0x3)

/* Page group response. */
/*
 * With PASID.  Not for a function whose PRI status does not say that responses need it: such a function must not
 * get one, whatever its request had (PCIe 6.0, 10.5.2.3), and its group indices tell groups apart without.
 */
#define VTD_DESC_PR_PP (UINT64_C(1) << 4)
#define VTD_DESC_PR_RC_SHIFT 12
#define VTD_DESC_PR_RC (UINT64_C(0xf) << 12) /* VTD_PR_x */
#define VTD_DESC_PR_RID_SHIFT 16
#define VTD_DESC_PR_RID (UINT64_C(0xffff) << 16)
#define VTD_DESC_PR_RSVD0 UINT64_C(0xfff00000000001e0)
#define VTD_DESC_PR1_LPIG (UINT64_C(1) << 2)
#define VTD_DESC_PR1_PRGI_SHIFT 3
#define VTD_DESC_PR1_PRGI (UINT64_C(0x1ff) << 3)
#define VTD_DESC_PR_RSVD1 UINT64_C(0xfffffffffffff003)
#define VTD_PR_SUCCESS 0x0u
#define VTD_PR_INVALID 0x1u
#define VTD_PR_FAILURE 0xfu

#endif /* SPEC_VTD_H */
