/* SPDX-License-Identifier: MIT */
/*
 * vtd.h - a model of Intel VT-d remapping hardware, as adverse as its specification permits
 *
 * Section numbers are those of the Intel Virtualization Technology for Directed I/O Architecture
 * Specification, revision 4.x.
 *
 * Thread-safety: one lock inside; every function may be called from any thread.  Reports, MSIs and
 * invalidations of device TLBs happen with the lock held and must not call back into the model.  Page responses
 * are delivered without it, before the call that caused them returns.
 */
#ifndef MODEL_VTD_H
#define MODEL_VTD_H

#include "models/model.h"

#define MODEL_VTD_MMIO_SIZE 0x1000u

struct model_vtd;

/* What the hardware has.  Fields are named after those of CAP_REG (11.4.2) and ECAP_REG (11.4.3). */
struct model_vtd_config {
	bool scalable; /* ECAP.SMTS */
	bool second_stage; /* ECAP.SSTS, with scalable; legacy mode always has it */
	bool first_stage; /* ECAP.FSTS */
	bool nested; /* ECAP.NEST */
	uint8_t sagaw; /* bit 1: 39 bits, bit 2: 48, bit 3: 57 */
	uint8_t mgaw; /* width of input addresses in bits: 39, 48, 57 */
	uint8_t haw; /* host address width in bits */
	uint8_t sllps; /* CAP.SSLPS: bit 0: 2M, bit 1: 1G */
	bool fl1gp; /* CAP.FS1GP */
	bool fl5lp; /* CAP.FS5LP */
	bool caching_mode; /* CAP.CM */
	bool rwbf; /* CAP.RWBF */
	bool coherent; /* ECAP.C: walks in legacy mode snoop */
	bool smpwcs; /* ECAP.SMPWCS: walks in scalable mode snoop where PWSNP says so */
	bool qi; /* ECAP.QI */
	bool psi; /* CAP.PSI */
	uint8_t mamv; /* CAP.MAMV */
	uint8_t nd; /* CAP.ND: 4 + 2 * nd bits of domain ID */
	uint8_t nfr; /* fault recording registers, 1..256 (CAP.NFR is one less) */
	bool zlr; /* CAP.ZLR */
	bool plmr, phmr; /* CAP.PLMR, CAP.PHMR */
	bool esrtps; /* CAP.ESRTPS */
	bool dt; /* ECAP.DT */
	bool pass_through; /* ECAP.PT */
	bool snoop_control; /* ECAP.SC */
	bool ssads; /* ECAP.SSADS */
	bool pasid; /* ECAP.PASID */
	uint8_t pss; /* ECAP.PSS: pss + 1 bits of PASID */
	bool pds; /* ECAP.PDS: drain of page requests */
	bool ers, prs, eafs, srs; /* of ECAP */
	bool sms; /* ECAP.SMS: stop markers are put in the page request queue */

	/* How the hardware behaves where the specification leaves it free. */
	uint64_t seed;
	bool lazy; /* asynchronous work waits for model_vtd_step() or a few register reads */
	uint32_t evict_one_in; /* 0: nothing is ever forgotten; n: each nth fill forgets an entry */
	bool page_request_walk; /* page requests are checked against PASID tables too, not contexts alone */
};

/*
 * "legacy", "legacy-39", "legacy-57", "legacy-cm", "legacy-incoherent", "legacy-noqi", "legacy-rwbf",
 * "legacy-ats", "scalable", "scalable-first", "scalable-second", "scalable-nested", "scalable-cm",
 * "scalable-incoherent", "scalable-ats", "scalable-pri", "scalable-57".  False: no such preset, @config is untouched.
 */
bool model_vtd_preset(const char *name, struct model_vtd_config *config);
/* The names above, ending with NULL. */
const char *const *model_vtd_presets(void);

/*
 * @config is copied; @memory is used until destroy.  @report and @msi may be NULL.
 * 0, or -1: no memory, or a configuration that no hardware can have.
 */
int model_vtd_create(const struct model_vtd_config *config, struct model_memory *memory,
		     model_report_fn report, model_msi_fn msi, void *context,
		     struct model_vtd **out);
void model_vtd_destroy(struct model_vtd *vtd);
/* Power-on state: registers at their defaults, caches empty. */
void model_vtd_reset(struct model_vtd *vtd);

/* Offsets within the unit's 4K page. 64-bit registers may be accessed in halves (11.2). */
uint32_t model_vtd_read32(struct model_vtd *vtd, uint32_t offset);
uint64_t model_vtd_read64(struct model_vtd *vtd, uint32_t offset);
void model_vtd_write32(struct model_vtd *vtd, uint32_t offset, uint32_t value);
void model_vtd_write64(struct model_vtd *vtd, uint32_t offset, uint64_t value);

/* The unit as devices see it; valid until destroy. */
const struct model_iommu *model_vtd_iommu(struct model_vtd *vtd);

/* Registers the TLB of a device (copied), or removes it with NULL. 0 or -1: no memory. */
int model_vtd_set_atc(struct model_vtd *vtd, uint16_t source_id, const struct model_atc *atc);

/* Lets pending asynchronous work go one step on. Returns whether anything is still pending. */
bool model_vtd_step(struct model_vtd *vtd);

/*
 * Software claims that from now on no stale translation may be used (true), or it is in the middle of
 * a change (false, the initial state).  While claimed, each use of a stale entry is reported; the stale
 * translation is used either way.
 */
void model_vtd_expect_clean(struct model_vtd *vtd, bool clean);

/*
 * Translated requests that were let through with an address that the device did not get from this unit, or was
 * told to forget, since reset.  Hardware cannot know, and software is not to blame: a device breaks the rules.
 */
uint64_t model_vtd_misused(struct model_vtd *vtd);

#endif /* MODEL_VTD_H */
