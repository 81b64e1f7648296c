/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_fake.h - registers of an SMMUv3 that do what the test says
 *
 * No model: no tables are walked.  Commands are noted, and errors of the queue happen where the script wants
 * them.  Memory is that of the test port, so each address that hardware is told of is checked.
 */
#ifndef TESTS_DRIVERS_SMMUV3_FAKE_H
#define TESTS_DRIVERS_SMMUV3_FAKE_H

#include "ports/test/test.h"
#include "spec/pci.h"
#include "src/drivers/smmuv3/smmu.h"

#define FAKE_NOTES 4096
#define FAKE_FAULTS 64
#define FAKE_PCI 3 /* functions */
/* Extended capabilities of each. */
#define FAKE_ATS 0x100u
#define FAKE_PRI 0x120u
#define FAKE_PASID 0x140u

enum fake_trouble {
	FAKE_GOOD,
	FAKE_ILLEGAL, /* CERROR_ILL, until something else stands there */
	FAKE_ABORT, /* CERROR_ABT, once each */
	FAKE_ATC_TIMEOUT, /* CERROR_ATC_INV_SYNC, once each */
	FAKE_STUCK, /* nothing moves any more */
};

struct fake {
	struct uiommu_test *test;
	uint32_t idr0, idr1, idr3, idr5;
	uint32_t cr0, cr1, cr2, gbpa, irq_ctrl, gerror, gerrorn;
	uint32_t strtab_cfg, cmdq_prod, cmdq_cons, eventq_prod, eventq_cons, priq_prod, priq_cons;
	uint64_t strtab, cmdq_base, eventq_base, priq_base;
	struct uiommu_msi msi[3]; /* of events, errors and page requests */
	bool stuck, msi_abort;
	bool open; /* SMMUEN was once 0 while GBPA let everything pass */

	/* The script: commands with opcode @op are in @trouble, after @good of them, @times times. */
	unsigned int op, good, times;
	enum fake_trouble trouble;
	/* ATC_INV of this StreamID is not answered, @silent times: the CMD_SYNC after it says so. */
	uint32_t silent_sid;
	unsigned int silent;
	bool unanswered;

	struct smmu_command note[FAKE_NOTES]; /* what was carried out, CMD_SYNC left out */
	unsigned int notes, syncs, errors; /* errors: lines logged at that level */
	struct uiommu_fault fault[FAKE_FAULTS];
	unsigned int faults;

	struct uiommu_system *sys;
	struct uiommu_fwnode node;
	struct uiommu_smmuv3_config config;
	struct uiommu_smmuv3 *smmu;
	uint32_t sids[2]; /* of the device that fake_add() adds */
	unsigned int num_sids;
	unsigned int fwspec_flags; /* likewise */

	struct uiommu_pci_topology topology;
	struct uiommu_pci_function fn[FAKE_PCI], *fns[FAKE_PCI];
	uint8_t config_space[FAKE_PCI][PCI_CONFIG_SIZE];
};

/* A host and the registers of a usual SMMU; change what is to be otherwise, then start. */
void fake_init(struct fake *fake);
int fake_start(struct fake *fake);
/* SMMU, system and host gone; no violation is allowed. */
void fake_stop(struct fake *fake);
/* A device with the fake's StreamIDs. */
struct uiommu_device *fake_add(struct fake *fake, const char *name, uint32_t pasid_bits);
/* A PCI function with ATS, page requests and PASIDs: StreamID 0x208 + 8 * @index. */
struct uiommu_device *fake_add_pci(struct fake *fake, unsigned int index);
uint16_t fake_config(const struct fake *fake, unsigned int index, unsigned int offset);
/* The STE of a StreamID, as hardware finds it. */
const uint64_t *fake_ste(struct fake *fake, uint32_t sid);
/* The CD that an STE leads to; NULL: there is none. */
const uint64_t *fake_cd(struct fake *fake, uint32_t sid, uint32_t ssid);
/* A page request, which makes the queue overflow if it is full. */
void fake_request(struct fake *fake, uint64_t word0, uint64_t word1);
/* An event record, lost if the queue is full. */
void fake_event(struct fake *fake, const uint64_t event[4]);
/* An error becomes active. */
void fake_error(struct fake *fake, uint32_t bit);

#endif /* TESTS_DRIVERS_SMMUV3_FAKE_H */
