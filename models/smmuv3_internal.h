/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_internal.h - the state of the SMMUv3 model, shared by its files
 *
 *   smmuv3.c            configuration, life, the way of a request through the unit
 *   smmuv3_regs.c       registers, guards and the handshake of updates
 *   smmuv3_config.c     stream tables and CD tables: fetch, cache
 *   smmuv3_legal.c      which STEs and CDs are ILLEGAL; which of their bits count
 *   smmuv3_watch.c      STEs and CDs that change: each state that hardware may see is judged
 *   smmuv3_walk.c       translation tables of both stages
 *   smmuv3_command.c    the command queue and its commands
 *   smmuv3_invalidate.c what each invalidation drops
 *   smmuv3_ats.c        what device TLBs may hold
 *   smmuv3_stall.c      transactions that wait for software
 *   smmuv3_pri.c        page requests, the PRI queue, its responses
 *   smmuv3_event.c      event records, global errors, interrupts, reports
 *
 * Everything here is called with the unit's lock held.
 */
#ifndef MODEL_SMMUV3_INTERNAL_H
#define MODEL_SMMUV3_INTERNAL_H

#include <uiommu/port.h>

#include "models/cache.h"
#include "models/memory.h"
#include "models/smmuv3.h"
#include "spec/smmuv3.h"

#define SMMU_NONE UINT32_MAX
#define SMMU_NO_SSID UINT32_MAX
#define SMMU_PENDING 64u

/* ---- caches ------------------------------------------------------------------------------------ */

/* Which lookups an entry of the TLB or of a walk cache answers (3.17). */
enum smmu_regime {
	SMMU_EL1, /* stage 1, or both combined: VMID and ASID */
	SMMU_EL2, /* stage 1, no ASID */
	SMMU_EL2_E2H, /* ASID */
	SMMU_S2, /* IPAs of a VMID */
};

/* Permissions in a leaf. */
#define SMMU_UR 1u
#define SMMU_UW 2u
#define SMMU_UX 4u
#define SMMU_PR 8u
#define SMMU_PW 16u
#define SMMU_PX 32u
#define SMMU_ALL_PERMISSIONS 63u

/* One cached entry of any cache; the tags decide what drops it. */
struct smmu_node {
	struct model_cache_node node;
	/* Configuration caches. */
	uint32_t sid, ssid;
	uint64_t at; /* where it was fetched from */
	uint64_t q[8];
	uint32_t named; /* watch: named by a command since the last CMD_SYNC */
	/* TLB and walk caches. */
	uint8_t regime; /* enum smmu_regime */
	uint8_t tg; /* log2 of the granule: 12, 14, 16 */
	uint8_t level; /* of the descriptor */
	uint8_t shift; /* log2 of what it answers for */
	uint8_t declared; /* log2 of what its descriptor says it maps, right or wrong */
	uint8_t span; /* log2 of what the descriptor of its own stage maps: an address there drops it */
	unsigned int permissions; /* of its own stage; walk caches: what tables still permit */
	unsigned int permissions2; /* of stage 2, where both are combined */
	bool global, nested, dirty, dirty2;
	uint16_t vmid, asid;
	uint64_t address; /* first input address */
	uint64_t phys, ipa;
};

/* ---- the unit ---------------------------------------------------------------------------------- */

/* An invalidation that was consumed and is not complete before the next CMD_SYNC (4.7.3). */
struct smmu_selection {
	enum { SMMU_DROP_STE, SMMU_DROP_CD, SMMU_DROP_TLB } what;
	/* STE: sid to last_sid, with descriptors of the first level unless @leaf; CD: of sid. */
	uint32_t sid, last_sid, ssid;
	bool all_cds, leaf;
	/* TLB. */
	uint8_t regimes; /* bits by enum smmu_regime */
	bool by_vmid, by_asid, by_address, keep_global;
	uint16_t vmid, vmid_mask, asid;
	uint64_t from, last;
	uint8_t tg, ttl; /* 0: any */
};

/* A translation that was given to a device. */
struct smmu_grant {
	uint32_t sid;
	struct model_request request; /* as it was asked */
	bool has_pasid, global, privileged;
	uint32_t pasid;
	uint64_t iova, size, phys;
	unsigned int access;
	bool unanswered; /* an invalidation named it, which the device never completed (3.9.1.4) */
};

struct smmu_atc {
	uint32_t sid;
	bool set;
	struct model_atc atc;
};
#define SMMU_ATCS 64u

enum smmu_stall_state {
	SMMU_STALL_FREE,
	SMMU_STALL_WAITS,
	SMMU_STALL_RECORDED,
	SMMU_STALL_SHADOW,
	SMMU_STALL_ANSWERED,
	SMMU_STALL_ENDS,
};

struct smmu_stall {
	enum smmu_stall_state state;
	uint32_t sid;
	uint16_t tag; /* SHADOW: of the event that stands for it */
	bool invalidated; /* before its event was recorded */
	bool retry; /* ENDS: how */
	uint32_t delay; /* ENDS: steps */
	struct model_request request;
	struct model_stall waiter;
	uint64_t record[4];
};
#define SMMU_STALLS 64u

/* A page request group that software knows of. */
struct smmu_group {
	uint32_t sid, pasid;
	uint16_t index;
	bool has_pasid, complete, abandoned;
};
#define SMMU_GROUPS 512u

struct model_smmuv3 {
	struct model_smmuv3_config config;
	struct model_memory *mem;
	void *host;
	struct uiommu_mutex lock;
	model_report_fn report;
	model_msi_fn msi;
	void *context;
	model_smmuv3_irq_fn irq;
	void *irq_context;

	uint32_t idr[6];
	uint64_t random;
	bool clean;

	/* Registers. */
	uint32_t cr0, cr0ack, cr1, cr2, gbpa, gbpa_active, irq_ctrl, irq_ctrlack, gerror, gerrorn;
	uint32_t strtab_cfg, cmdq_prod, cmdq_cons, eventq_prod, eventq_cons, priq_prod, priq_cons;
	uint64_t strtab_base, cmdq_base, eventq_base, priq_base;
	struct smmu_irq_cfg {
		uint64_t address;
		uint32_t data, attributes;
	} gerror_irq, eventq_irq, priq_irq;
	uint32_t cr0_delay, irq_delay, gbpa_delay; /* lazy updates */
	bool config_clean, tlb_clean; /* everything was invalidated since reset */

	/* Invalidations under way. */
	struct smmu_selection pending[SMMU_PENDING];
	uint32_t num_pending;
	bool atc_pending, atc_failed, config_all, tlb_all;

	struct model_cache l1stds, stes, l1cds, cds; /* configuration */
	struct model_cache tlb, walks;
	struct model_cache watch_stes, watch_cds;
	uint64_t tlb_shifts; /* bits: sizes that the TLB has had */
	uint32_t fills;
	struct smmu_atc atcs[SMMU_ATCS];
	uint32_t num_atcs;
	struct smmu_grant *grants;
	uint32_t num_grants, max_grants;
	struct smmu_stall stalls[SMMU_STALLS];
	uint16_t next_tag;
	struct smmu_group groups[SMMU_GROUPS];
	uint32_t num_groups;
};

static inline bool smmu_enabled(const struct model_smmuv3 *s, uint32_t field)
{
	return s->cr0ack & field;
}

static inline uint64_t smmu_mask(unsigned int bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

uint64_t smmu_random(struct model_smmuv3 *s);

/* ---- requests ---------------------------------------------------------------------------------- */

struct smmu_fault {
	uint8_t type; /* enum smmuv3_event; 0: none */
	bool silent; /* terminated, nothing is recorded */
	bool stage2;
	uint8_t class; /* SMMUV3_CLASS_x */
	bool walk_write; /* F_PERMISSION, CLASS TT: the write of a walk */
	bool maskable; /* CD.R, STE.S2R decide about the record, CD.S, S2S about a stall */
	uint64_t address; /* IPA or fetch address */
};

/*
 * One translation under way.  With @fresh nothing cached is looked at, nothing is cached, no bit in
 * memory is set and nothing reported: what the tables say now.  With @quiet, a prefetch: as hardware
 * does it, but nothing is recorded or reported.
 */
struct smmu_walk {
	const struct model_request *request;
	bool fresh, quiet;
	uint32_t sid;
	bool has_ssid;
	uint32_t ssid; /* index of the CD */
	uint64_t ste[8], cd[8];
	bool s1, s2; /* stages that translate */
	bool split; /* translation request for stage 1 only, or translated request to stage 2 */
	enum smmu_regime regime;
	uint16_t vmid, asid;
	bool privileged, execute;
	/* Result: a fault, or a translation. */
	struct smmu_fault fault;
	uint64_t phys; /* of request->iova */
	uint8_t shift, declared;
	unsigned int permissions; /* of both stages */
	bool snoop, global, writable_now; /* the dirty state needs no more update */
};

static inline bool smmu_failed(const struct smmu_walk *w)
{
	return w->fault.type || w->fault.silent;
}

/* The fault, and false. */
bool smmu_fail(struct smmu_walk *w, uint8_t type);

/* One aligned word of a structure; false: not memory of tables. */
bool smmu_fetch(struct model_smmuv3 *s, const struct smmu_walk *w, uint64_t phys, uint64_t *value);

/* STE of w->sid. False: w->fault. */
bool smmu_find_ste(struct model_smmuv3 *s, struct smmu_walk *w);
/* ... and what it means for the request: stages, CD, tags.  False: w->fault. */
bool smmu_find_cd(struct model_smmuv3 *s, struct smmu_walk *w);
/* Where the STE or CD lies in memory now; false: nowhere. Looks at no cache, reports nothing. */
bool smmu_locate_ste(struct model_smmuv3 *s, uint32_t sid, uint64_t *at);
bool smmu_locate_cd(struct model_smmuv3 *s, const uint64_t *ste, uint32_t ssid, uint64_t *at);
bool smmu_read_words(struct model_smmuv3 *s, uint64_t at, uint64_t *q, unsigned int words);
/* Fetch of everything reachable from the STE of @sid, as hardware may do. */
void smmu_prefetch(struct model_smmuv3 *s, uint32_t sid);
/* ... and of the first level of a stream table. */
void smmu_prefetch_first_level(struct model_smmuv3 *s);

bool smmu_ste_illegal(const struct model_smmuv3 *s, const uint64_t *ste);
bool smmu_cd_illegal(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *cd);
/* RES0 bits that are set; 0: none. */
uint64_t smmu_ste_reserved(const struct model_smmuv3 *s, const uint64_t *ste);
uint64_t smmu_cd_reserved(const struct model_smmuv3 *s, const uint64_t *cd);
/* The bits that matter, others cleared.  @out all 0: it aborts. */
void smmu_ste_normal(const struct model_smmuv3 *s, const uint64_t *ste, uint64_t *out);
void smmu_cd_normal(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *cd,
		    uint64_t *out);
unsigned int smmu_s1cdmax(const struct model_smmuv3 *s, const uint64_t *ste);
unsigned int smmu_s2_levels(const uint64_t *ste, unsigned int *first);

/* After smmu_find_cd(): the address.  w->phys or w->fault. */
void smmu_translate(struct model_smmuv3 *s, struct smmu_walk *w);
/* Stage 2 alone: @ipa for a fetch of @class, which @write needs to be written. False: w->fault. */
bool smmu_stage2(struct model_smmuv3 *s, struct smmu_walk *w, uint64_t ipa, uint8_t class,
		 bool write, uint64_t *phys);

/* ---- changes of structures --------------------------------------------------------------------- */

void smmu_watch_stream(struct model_smmuv3 *s, uint32_t sid);
void smmu_watch_cd(struct model_smmuv3 *s, uint32_t sid, uint32_t ssid, const uint64_t *ste);
/* A CFGI command names these: what changed since the last CMD_SYNC is judged. */
void smmu_watch_named(struct model_smmuv3 *s, const struct smmu_selection *selection);
void smmu_watch_sync(struct model_smmuv3 *s);
void smmu_watch_enabled(struct model_smmuv3 *s);

/* ---- commands ---------------------------------------------------------------------------------- */

/* Fetches and executes one command. False: nothing to do, or the queue is stopped. */
bool smmu_queue_step(struct model_smmuv3 *s);
/* After anything that may let the queue run. */
void smmu_queue_run(struct model_smmuv3 *s);
void smmu_invalidate(struct model_smmuv3 *s, const struct smmu_selection *selection);
void smmu_complete(struct model_smmuv3 *s);
void smmu_forget_all(struct model_smmuv3 *s);
/* An entry is about to be added: another may be forgotten. */
void smmu_evict(struct model_smmuv3 *s);
/* log2 of the granule of a TG field as in TLBI commands: 0: none. */
static inline unsigned int smmu_tlbi_granule(unsigned int tg)
{
	return tg ? 10 + 2 * tg : 0;
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

void smmu_granted(struct model_smmuv3 *s, const struct smmu_walk *w,
		  const struct model_translation *t);
void smmu_atc_invalidated(struct model_smmuv3 *s, uint32_t sid, bool has_pasid, uint32_t pasid,
			  bool global, uint64_t from, uint64_t last, bool answered);
void smmu_atc_forget(struct model_smmuv3 *s, uint32_t sid);
void smmu_check_grants(struct model_smmuv3 *s);
void smmu_check_translated(struct model_smmuv3 *s, uint32_t sid,
			   const struct model_request *request);
/* Does STE.EATS let translated requests of this stream through?  False: none get through. */
bool smmu_translated_pass(struct model_smmuv3 *s, uint32_t sid);
struct smmu_atc *smmu_atc_slot(struct model_smmuv3 *s, uint32_t sid, bool create);
/* STE, CD, address.  w->fault, or the translation. */
void smmu_walk(struct model_smmuv3 *s, struct smmu_walk *w);
/* ... as for a request that arrives: with the rules of ATS. */
void smmu_run(struct model_smmuv3 *s, struct smmu_walk *w);

/* ---- stalls ------------------------------------------------------------------------------------ */

enum smmu_stalling {
	SMMU_TERMINATED,
	SMMU_TERMINATED_RECORDED, /* configured to stall, so recorded in any case (5.5) */
	SMMU_STALLED,
};

/* After a fault. */
enum smmu_stalling smmu_stall(struct model_smmuv3 *s, const struct smmu_walk *w);
/* The event queue may be written again, or tags came free. */
void smmu_stalls_go_on(struct model_smmuv3 *s);
/* An invalidation is complete. */
void smmu_stalls_invalidated(struct model_smmuv3 *s);
/* Time passes. Returns whether anything is pending. */
bool smmu_stalls_step(struct model_smmuv3 *s);
void smmu_resume(struct model_smmuv3 *s, uint32_t sid, uint16_t tag, bool retry);
void smmu_stall_term(struct model_smmuv3 *s, uint32_t sid);
void smmu_stalls_end_all(struct model_smmuv3 *s);

/* ---- page requests ----------------------------------------------------------------------------- */

/* False: there is nobody for it. */
bool smmu_page_request(struct model_smmuv3 *s, uint32_t sid,
		       const struct model_page_request *request);
void smmu_page_response(struct model_smmuv3 *s, uint32_t sid, bool has_pasid, uint32_t pasid,
			uint16_t index, enum model_page_response code);
/* The device of @sid does not wait for responses any more. */
void smmu_pri_abandon(struct model_smmuv3 *s, uint32_t sid);
/* SMMUEN falls. */
void smmu_pri_disabled(struct model_smmuv3 *s);

/* ---- events, errors, reports ------------------------------------------------------------------- */

/* Of a transaction that ends; @always: whatever CD.R or STE.S2R say. */
void smmu_record(struct model_smmuv3 *s, const struct smmu_walk *w, bool always);
/* The words of the event of w->fault, with STALL 0. */
void smmu_event_of(const struct smmu_walk *w, uint64_t *record);
bool smmu_event_writable(const struct model_smmuv3 *s);
void smmu_add_event(struct model_smmuv3 *s, const uint64_t *record);
void smmu_global_error(struct model_smmuv3 *s, uint32_t bits);
/* A write of the SMMU's own. False: aborted. */
bool smmu_write_message(struct model_smmuv3 *s, uint64_t address, uint32_t data);
void smmu_interrupt(struct model_smmuv3 *s, enum model_smmuv3_irq irq);

/* A report about no particular request; @value is appended in hexadecimal. */
void smmu_complain(struct model_smmuv3 *s, enum model_report_kind kind, const char *section,
		   const char *text, uint64_t value);
void smmu_complain_stream(struct model_smmuv3 *s, enum model_report_kind kind, const char *section,
			  const char *text, uint32_t sid, uint64_t value);
void smmu_complain_request(struct model_smmuv3 *s, enum model_report_kind kind, const char *section,
			   const struct model_request *request, uint64_t used, uint64_t now,
			   const char *text);

#endif /* MODEL_SMMUV3_INTERNAL_H */
