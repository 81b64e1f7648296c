/* SPDX-License-Identifier: MIT */
/*
 * vtd_fake.h - registers of a VT-d unit that do what the test says
 *
 * No model: no tables are walked.  Commands are carried out at once, descriptors are noted, and errors of
 * the queue happen where the script wants them.  Memory is that of the test port, so each address that
 * hardware is told of is checked.
 */
#ifndef TESTS_DRIVERS_VTD_FAKE_H
#define TESTS_DRIVERS_VTD_FAKE_H

#include "ports/test/test.h"
#include "src/drivers/vtd/unit.h"

#define FAKE_NOTES 4096

enum fake_trouble {
	FAKE_GOOD,
	FAKE_REFUSE, /* IQE: this descriptor is invalid, until it is replaced */
	FAKE_TIMEOUT, /* ITE, the wait that follows is dropped (6.5.2.10) */
	FAKE_TIMEOUT_UNNAMED, /* the same, and IQERCD does not say who it was */
	FAKE_TIMEOUT_BEFORE_WAIT, /* ITE, the queue stands before the wait until it is cleared */
	FAKE_WRONG_ANSWER, /* ICE, the wait that follows is dropped */
	FAKE_STUCK, /* nothing moves any more */
};

struct fake {
	struct uiommu_test *test;
	uint64_t cap, ecap;
	uint32_t gsts, fsts;
	uint64_t rtaddr, iqa, iqh, iqt, iqercd, ccmd, iotlb, iva;
	uint64_t pqa, pqh, pqt;
	uint32_t prs;
	bool tail_seen_pending; /* the tail of page requests was read with PPR set */
	bool note_waits; /* note wait descriptors too */
	bool stuck, drop_wait, stands;
	bool refuse_all; /* even what is put in the place of a refused one */

	/* The script: descriptors of @type are in @trouble, after @good of them, @times times. */
	unsigned int type, good, times;
	uint16_t silent; /* whom IQERCD names; 0: whom the descriptor was for */
	enum fake_trouble trouble;

	/* What was carried out, waits left out; registers' commands as descriptors. */
	struct {
		uint64_t q[2];
	} note[FAKE_NOTES];
	unsigned int notes, errors; /* errors: lines logged at that level */
	char line[256]; /* the latest of them */
	void (*on_note)(struct fake *fake, const uint64_t q[2]);
	void *context;

	struct uiommu_system *sys;
	struct uiommu_fwnode node;
	struct uiommu_vtd *unit;

	/* The one PCI function, with PASIDs, ATS and page requests. */
	struct uiommu_pci_topology topology;
	struct uiommu_pci_function fn, *fns[1];
	unsigned char space[4096];
};

#define FAKE_PCI_SID 0x0010u /* 00:02.0 */
/* Where its capabilities are. */
#define FAKE_PASID_AT 0x100u
#define FAKE_ATS_AT 0x110u
#define FAKE_PRI_AT 0x120u

/* Capabilities of a plain unit: 48 bits, 2M and 1G, page-selective, 256 domains; and its queue. */
uint64_t fake_cap(void);
uint64_t fake_ecap(void);

/* A host, quiet or not, and the registers; set @cap, @ecap and the script, then start. */
void fake_init(struct fake *fake);
int fake_start(struct fake *fake, enum uiommu_domain_type type, unsigned int flags);
/* Unit, system and host gone; no violation is allowed. */
void fake_stop(struct fake *fake);

struct uiommu_device *fake_add(struct fake *fake, const char *name, const uint32_t *source_id);

struct uiommu_device *fake_add_pci(struct fake *fake);
/* Hardware queues a page request; false: there is no room, or an overflow was not cleared. */
bool fake_page_request(struct fake *fake, uint64_t q0, uint64_t q1);

/* From note @from on: one of @type with this granularity and domain ID? */
bool fake_noted(const struct fake *fake, unsigned int from, unsigned int type,
		unsigned int granularity, unsigned int did);

/* The legacy context entry of @source_id, NULL if there is no table for it. */
const uint64_t *fake_context_entry(struct fake *fake, uint16_t source_id);

#endif
