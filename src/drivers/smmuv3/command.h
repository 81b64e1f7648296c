/* SPDX-License-Identifier: MIT */
/* command.h - the commands that the driver sends (IHI 0070, chapter 4), each made by a function */
#ifndef SRC_DRIVERS_SMMUV3_COMMAND_H
#define SRC_DRIVERS_SMMUV3_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/smmuv3.h"

struct smmu_command {
	uint64_t word[2];
};

/* One STE; without @leaf the first-level descriptor too. Its CDs go with it (4.3.1). */
static inline struct smmu_command smmu_cfgi_ste(uint32_t sid, bool leaf)
{
	return (struct smmu_command){ { SMMUV3_CMD_CFGI_STE | smmuv3_set(sid, SMMUV3_CMD0_SID),
					leaf ? SMMUV3_CMD1_CFGI_LEAF : 0 } };
}

static inline struct smmu_command smmu_cfgi_all(void)
{
	return (struct smmu_command){ { SMMUV3_CMD_CFGI_STE_RANGE,
					smmuv3_set(SMMUV3_CFGI_RANGE_ALL,
						   SMMUV3_CMD1_CFGI_RANGE) } };
}

static inline struct smmu_command smmu_cfgi_cd(uint32_t sid, uint32_t ssid, bool leaf)
{
	return (struct smmu_command){ { SMMUV3_CMD_CFGI_CD | smmuv3_set(sid, SMMUV3_CMD0_SID) |
						smmuv3_set(ssid, SMMUV3_CMD0_SSID),
					leaf ? SMMUV3_CMD1_CFGI_LEAF : 0 } };
}

static inline struct smmu_command smmu_cfgi_cd_all(uint32_t sid)
{
	return (struct smmu_command){ { SMMUV3_CMD_CFGI_CD_ALL | smmuv3_set(sid, SMMUV3_CMD0_SID),
					0 } };
}

/* Everything but EL2's, and with IDR0.HYP everything of EL2. */
static inline struct smmu_command smmu_tlbi_nsnh_all(void)
{
	return (struct smmu_command){ { SMMUV3_CMD_TLBI_NSNH_ALL, 0 } };
}

static inline struct smmu_command smmu_tlbi_el2_all(void)
{
	return (struct smmu_command){ { SMMUV3_CMD_TLBI_EL2_ALL, 0 } };
}

static inline struct smmu_command smmu_tlbi_asid(uint16_t vmid, uint16_t asid)
{
	return (struct smmu_command){ { SMMUV3_CMD_TLBI_NH_ASID |
						smmuv3_set(vmid, SMMUV3_CMD0_TLBI_VMID) |
						smmuv3_set(asid, SMMUV3_CMD0_TLBI_ASID),
					0 } };
}

static inline struct smmu_command smmu_tlbi_vmid(uint16_t vmid)
{
	return (struct smmu_command){
		{ SMMUV3_CMD_TLBI_S12_VMALL | smmuv3_set(vmid, SMMUV3_CMD0_TLBI_VMID), 0 }
	};
}

/* Stage 1 of a VMID. */
static inline struct smmu_command smmu_tlbi_nh_all(uint16_t vmid)
{
	return (struct smmu_command){
		{ SMMUV3_CMD_TLBI_NH_ALL | smmuv3_set(vmid, SMMUV3_CMD0_TLBI_VMID), 0 }
	};
}

/* One address (@low: the leaf bit), or a range (with TG, NUM and SCALE as well) of stage 1 or 2. */
static inline struct smmu_command smmu_tlbi_va(uint16_t vmid, uint16_t asid, uint64_t address)
{
	return (struct smmu_command){ { SMMUV3_CMD_TLBI_NH_VA |
						smmuv3_set(vmid, SMMUV3_CMD0_TLBI_VMID) |
						smmuv3_set(asid, SMMUV3_CMD0_TLBI_ASID),
					address & SMMUV3_CMD1_TLBI_ADDR } };
}

static inline struct smmu_command smmu_tlbi_ipa(uint16_t vmid, uint64_t address)
{
	return (struct smmu_command){ { SMMUV3_CMD_TLBI_S2_IPA |
						smmuv3_set(vmid, SMMUV3_CMD0_TLBI_VMID),
					address & SMMUV3_CMD1_TLBI_IPA } };
}

/* 2^@order pages of 4096 bytes at @address; SSID 0: what was asked without PASID. */
static inline struct smmu_command smmu_atc_inv(uint32_t sid, uint32_t ssid, uint64_t address,
					       unsigned int order)
{
	return (struct smmu_command){
		{ SMMUV3_CMD_ATC_INV | smmuv3_set(sid, SMMUV3_CMD0_SID) |
			  smmuv3_set(ssid, SMMUV3_CMD0_SSID) | (ssid ? SMMUV3_CMD0_SSV : 0),
		  (address & SMMUV3_CMD1_ATC_ADDR) | smmuv3_set(order, SMMUV3_CMD1_ATC_SIZE) }
	};
}

/* Everything that was asked for with any PASID. */
static inline struct smmu_command smmu_atc_inv_pasids(uint32_t sid)
{
	return (struct smmu_command){ { SMMUV3_CMD_ATC_INV | smmuv3_set(sid, SMMUV3_CMD0_SID) |
						SMMUV3_CMD0_SSV | SMMUV3_CMD0_ATC_GLOBAL,
					SMMUV3_ATC_SIZE_ALL } };
}

/* End a stalled transaction: it is tried again, or aborted. */
static inline struct smmu_command smmu_resume(uint32_t sid, uint16_t stag, bool retry)
{
	return (struct smmu_command){
		{ SMMUV3_CMD_RESUME | (retry ? SMMUV3_CMD0_RESUME_AC : SMMUV3_CMD0_RESUME_AB) |
			  smmuv3_set(sid, SMMUV3_CMD0_SID),
		  smmuv3_set(stag, SMMUV3_CMD1_RESUME_STAG) }
	};
}

/* Abort all that is stalled of a stream. */
static inline struct smmu_command smmu_stall_term(uint32_t sid)
{
	return (struct smmu_command){ { SMMUV3_CMD_STALL_TERM | smmuv3_set(sid, SMMUV3_CMD0_SID),
					0 } };
}

/* Answer a group of page requests; @code: SMMUV3_PRI_x. */
static inline struct smmu_command smmu_pri_resp(uint32_t sid, bool has_ssid, uint32_t ssid,
						uint32_t group, unsigned int code)
{
	return (struct smmu_command){
		{ SMMUV3_CMD_PRI_RESP | smmuv3_set(sid, SMMUV3_CMD0_SID) |
			  (has_ssid ? SMMUV3_CMD0_SSV | smmuv3_set(ssid, SMMUV3_CMD0_SSID) : 0),
		  smmuv3_set(group, SMMUV3_CMD1_PRI_PRGINDEX) |
			  smmuv3_set(code, SMMUV3_CMD1_PRI_RESP) }
	};
}

/* Without a completion signal: the one that also stands in for a command that was refused. */
static inline struct smmu_command smmu_sync(void)
{
	return (struct smmu_command){ { SMMUV3_CMD_SYNC, 0 } };
}

/* With a write of @data to @address when all before it is done. */
static inline struct smmu_command smmu_sync_msi(uint64_t address, uint32_t data)
{
	return (struct smmu_command){
		{ SMMUV3_CMD_SYNC | smmuv3_set(SMMUV3_SYNC_IRQ, SMMUV3_CMD0_SYNC_CS) |
			  smmuv3_set(SMMUV3_SH_INNER, SMMUV3_CMD0_SYNC_MSH) |
			  smmuv3_set(SMMUV3_MEMATTR_NORMAL_WB, SMMUV3_CMD0_SYNC_MSIATTR) |
			  smmuv3_set(data, SMMUV3_CMD0_SYNC_MSIDATA),
		  address & SMMUV3_CMD1_SYNC_MSIADDR }
	};
}

#endif /* SRC_DRIVERS_SMMUV3_COMMAND_H */
