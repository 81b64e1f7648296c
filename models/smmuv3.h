/* SPDX-License-Identifier: MIT */
/*
 * smmuv3.h - a model of the Arm SMMUv3, as adverse as its specification permits
 *
 * Section numbers are those of the Arm System Memory Management Unit Architecture Specification, version
 * 3, ARM IHI 0070 revision G.  The Non-secure programming interface; translation tables are VMSAv8-64.
 *
 * How it is used by whoever builds a machine:
 *
 *   model_smmuv3_preset("nested", &config); config.doorbell = ...;
 *   model_smmuv3_create(&config, memory, report, msi, context, &smmu);
 *   registers: MODEL_SMMUV3_MMIO_SIZE bytes, model_smmuv3_read32() and the three others;
 *   model_smmuv3_port_init(&port, smmu, stream_base) for each bus, then &port.iommu and
 *   model_smmuv3_set_atc(smmu, stream_base + source_id, ...) go to struct model_pci_iommu;
 *   model_smmuv3_step() from where time passes, model_smmuv3_expect_clean() from where a test says so.
 *
 * The StreamID of a request is the stream_base of the port that it comes through, plus its segment (as bits
 * 31:16) and source ID.
 *
 * A write whose output address lies in the doorbell (the page of an interrupt controller) is answered with
 * MODEL_INTERRUPT, and then @out->phys says where in it: unlike on VT-d, an interrupt message is an
 * ordinary write that is translated.
 *
 * Thread-safety: one lock inside; every function may be called from any thread.  Reports, MSIs, wired
 * interrupts, calls of device TLBs and of stalled requests happen with the lock held and must not call back into
 * the model.
 */
#ifndef MODEL_SMMUV3_H
#define MODEL_SMMUV3_H

#include "models/model.h"

#define MODEL_SMMUV3_MMIO_SIZE 0x20000u

struct model_smmuv3;

/* What the hardware has.  Fields are named after those of IDR0 to IDR5 (6.3.1 to 6.3.6). */
struct model_smmuv3_config {
	bool s1p, s2p; /* stages; nested with both */
	uint8_t ttf; /* bit 0: AArch32 (accepted by the checks, never walked), bit 1: AArch64 */
	bool cohacc;
	uint8_t httu; /* 0 none, 1 access flag, 2 dirty state too */
	bool hyp;
	bool ats, ns1ats, pri;
	bool pps; /* automatic responses have the PASID, whatever STE.PPAR says */
	bool asid16, vmid16;
	bool sev, msi;
	uint8_t stall_model; /* 0 both, 1 terminate only, 2 forced */
	uint16_t stall_max; /* unless terminate only: 1 to 64 events that software has not answered */
	bool term_model;
	bool st_level; /* two-level stream tables */
	bool cd2l; /* two-level CD tables */
	uint8_t sidsize, ssidsize; /* bits */
	uint8_t cmdqs, eventqs, priqs; /* log2 of the most entries */
	bool attr_types_ovr, attr_perms_ovr;
	bool had, xnx, fwb, stt, ril;
	uint8_t bbml;
	bool gran4k, gran16k, gran64k;
	uint8_t oas; /* bits: 32, 36, 40, 42, 44, 48, 52 */
	uint8_t vax; /* bits: 48, 52 (64K granule only) */
	uint8_t minor; /* AIDR: version 3.minor */

	/* How the system and the hardware are where the specification leaves them free. */
	uint64_t doorbell, doorbell_size; /* MSIs of devices; size 0: none */
	bool gbpa_abort; /* GBPA.ABORT after reset */
	bool wired; /* interrupts also have wires: model_smmuv3_set_irq() */
	uint64_t seed;
	bool lazy; /* asynchronous work waits for model_smmuv3_step() or a few register reads */
	bool eager; /* invalidations take effect when consumed, not only at the CMD_SYNC */
	bool merge_stalls; /* no second event of a page that an event is outstanding of (3.12.2.1) */
	bool early_retry; /* what is stalled may succeed before software answers (3.12.2.2) */
	uint32_t evict_one_in; /* 0: nothing is ever forgotten; n: each nth fill forgets an entry */
};

/*
 * "nested" (both stages, nearly everything), "s1", "s2", "s1-linear" (no two-level tables), "nested-ats",
 * "nested-pri" (ATS and page requests), "s1-noril" (SMMUv3.1, no ranges, BBML 0), "s1-httu", "s1-incoherent", "s1-16k", "s1-64k", "s1-52" (64K
 * granule, 52 bits), "s1-small" (8-bit ASIDs, no substreams, small queues), "nested-stall", "s1-lazy".
 * False: no such preset, @config is untouched.
 */
bool model_smmuv3_preset(const char *name, struct model_smmuv3_config *config);
/* The names above, ending with NULL. */
const char *const *model_smmuv3_presets(void);

/*
 * @config is copied; @memory is used until destroy.  @report and @msi may be NULL.  A write of the SMMU's
 * own (an MSI, CMD_SYNC) goes to memory if it is registered for tables there, else to @msi.
 * 0, or -1: no memory, or a configuration that no hardware can have.
 */
int model_smmuv3_create(const struct model_smmuv3_config *config, struct model_memory *memory,
			model_report_fn report, model_msi_fn msi, void *context,
			struct model_smmuv3 **out);
void model_smmuv3_destroy(struct model_smmuv3 *smmu);
/* Power-on state: registers at their defaults, or at random where these are UNKNOWN; caches empty. */
void model_smmuv3_reset(struct model_smmuv3 *smmu);

enum model_smmuv3_irq {
	MODEL_SMMUV3_IRQ_EVENTQ,
	MODEL_SMMUV3_IRQ_PRIQ,
	MODEL_SMMUV3_IRQ_SYNC,
	MODEL_SMMUV3_IRQ_GERROR,
};
/* With config.wired: @irq is called at each edge (3.18). NULL: none. */
typedef void (*model_smmuv3_irq_fn)(void *context, enum model_smmuv3_irq irq);
void model_smmuv3_set_irq(struct model_smmuv3 *smmu, model_smmuv3_irq_fn irq, void *context);

/* Offsets from page 0; page 1 starts at 0x10000. 64-bit registers may be accessed in halves (6.2). */
uint32_t model_smmuv3_read32(struct model_smmuv3 *smmu, uint32_t offset);
uint64_t model_smmuv3_read64(struct model_smmuv3 *smmu, uint32_t offset);
void model_smmuv3_write32(struct model_smmuv3 *smmu, uint32_t offset, uint32_t value);
void model_smmuv3_write64(struct model_smmuv3 *smmu, uint32_t offset, uint64_t value);

/* The unit as a bus or a device sees it: what is in here belongs to the caller and has to stay. */
struct model_smmuv3_port {
	struct model_iommu iommu;
	struct model_smmuv3 *smmu;
	uint32_t stream_base;
};
void model_smmuv3_port_init(struct model_smmuv3_port *port, struct model_smmuv3 *smmu,
			    uint32_t stream_base);

/* Registers the TLB of a device (copied), or removes it with NULL. 0 or -1: no memory. */
int model_smmuv3_set_atc(struct model_smmuv3 *smmu, uint32_t stream_id,
			 const struct model_atc *atc);

/*
 * A device with this StreamID exists: its STE and CDs are fetched now and after each invalidation, as
 * hardware may at any time, and every change of them is judged.  Without this it starts with the first
 * request or the first CFGI command of the stream.
 */
void model_smmuv3_watch(struct model_smmuv3 *smmu, uint32_t stream_id);

/* Lets pending asynchronous work go one step on. Returns whether anything is still pending. */
bool model_smmuv3_step(struct model_smmuv3 *smmu);

/*
 * Software claims that from now on no stale translation may be used (true), or it is in the middle of
 * a change (false, the initial state).  While claimed, each use of a stale entry is reported; the stale
 * translation is used either way.  The claim itself is checked against what device TLBs may hold.
 */
void model_smmuv3_expect_clean(struct model_smmuv3 *smmu, bool clean);

#endif /* MODEL_SMMUV3_H */
