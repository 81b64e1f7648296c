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
#include "src/drivers/smmuv3/smmu.h"

#define FAKE_NOTES 4096
#define FAKE_FAULTS 64

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
	uint32_t strtab_cfg, cmdq_prod, cmdq_cons, eventq_prod, eventq_cons;
	uint64_t strtab, cmdq_base, eventq_base;
	struct uiommu_msi msi[2]; /* of events and errors */
	bool stuck, msi_abort;
	bool open; /* SMMUEN was once 0 while GBPA let everything pass */

	/* The script: commands with opcode @op are in @trouble, after @good of them, @times times. */
	unsigned int op, good, times;
	enum fake_trouble trouble;

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
};

/* A host and the registers of a usual SMMU; change what is to be otherwise, then start. */
void fake_init(struct fake *fake);
int fake_start(struct fake *fake);
/* SMMU, system and host gone; no violation is allowed. */
void fake_stop(struct fake *fake);
/* A device with the fake's StreamIDs. */
struct uiommu_device *fake_add(struct fake *fake, const char *name, uint32_t pasid_bits);
/* An event record, lost if the queue is full. */
void fake_event(struct fake *fake, const uint64_t event[4]);
/* An error becomes active. */
void fake_error(struct fake *fake, uint32_t bit);

#endif /* TESTS_DRIVERS_SMMUV3_FAKE_H */
