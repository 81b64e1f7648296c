/* SPDX-License-Identifier: MIT */
/*
 * vtd_internal.h - the state of the VT-d model, shared by its files
 *
 *   vtd.c            configuration, life, the way of a request through the unit
 *   vtd_regs.c       registers and the handshake of global commands
 *   vtd_walk.c       root, context and PASID structures
 *   vtd_paging.c     paging structures
 *   vtd_invalidate.c what each invalidation drops; the invalidation queue
 *   vtd_fault.c      fault records, events, reports
 *   vtd_prq.c        page requests and responses
 *   vtd_ats.c        what device TLBs may hold
 *
 * Everything here is called with the unit's lock held.
 */
#ifndef MODEL_VTD_INTERNAL_H
#define MODEL_VTD_INTERNAL_H

#include <uiommu/port.h>

#include "models/cache.h"
#include "models/memory.h"
#include "models/vtd.h"
#include "spec/vtd.h"

#define VTD_IRO 0x300u
#define VTD_FRO 0x400u
#define VTD_MAX_NFR 192u
#define VTD_NO_PASID UINT32_MAX

/* ---- caches ------------------------------------------------------------------------------------ */

/* Which mappings an entry of the IOTLB or of a paging-structure cache stands for (6.2.3). */
enum vtd_stage {
	VTD_STAGE_SECOND, /* tagged with the domain ID alone */
	VTD_STAGE_FIRST, /* domain ID and PASID */
	VTD_STAGE_NESTED, /* the same; drops with its second stage too */
};

/* One cached entry of any cache; the tags decide what drops it. */
struct vtd_node {
	struct model_cache_node node;
	uint32_t pasid;
	uint16_t sid, did;
	uint8_t stage; /* enum vtd_stage */
	uint8_t level; /* IOTLB: of the leaf; paging structures: of the table pointed to */
	uint8_t fault; /* CM: a cached fault, enum vtd_fault_reason */
	/* IOTLB and paging-structure caches. */
	uint8_t access; /* permissions down to here, enum model_access */
	uint8_t under; /* IOTLB, nested: of the second stage; else all */
	bool user, snoop, global, dirty;
	bool read_only; /* nested, paging structures: the second stage lets nobody write this table */
	uint64_t address; /* first input address */
	uint64_t phys; /* page, or table */
	/* Context and PASID caches: the entry as fetched. */
	uint64_t q[8];
};

static inline uint64_t vtd_map_tag(enum vtd_stage stage, uint16_t did, uint32_t pasid)
{
	return (uint64_t)stage << 62 | (uint64_t)did << 32 | pasid;
}

static inline uint64_t vtd_level_key(uint64_t address, unsigned int level)
{
	return address >> (12 + 9 * (level - 1)) << 3 | level;
}

static inline uint64_t vtd_level_size(unsigned int level)
{
	return UINT64_C(1) << (12 + 9 * (level - 1));
}

/* ---- the unit ---------------------------------------------------------------------------------- */

struct vtd_atc {
	bool set;
	struct model_atc atc;
};

/* A page request on its way to the queue. */
struct vtd_page_request {
	struct model_page_request request;
	uint32_t pasid; /* its own, or RID_PASID */
};

/* A page response on its way to a device. */
struct vtd_response {
	uint16_t sid;
	struct model_atc atc;
	bool has_pasid;
	uint32_t pasid;
	uint16_t group;
	enum model_page_response code;
};

struct vtd_answered {
	bool valid;
	uint64_t key;
	uint16_t group;
};

#define VTD_HELD 8u
#define VTD_RESPONSES 32u
#define VTD_ANSWERED 16u
#define VTD_MAX_FETCHED 3u

/* Groups whose last request was queued and not answered. */
struct vtd_group {
	struct model_cache_node node; /* source and PASID; group index */
	uint16_t sid;
	uint32_t pasid; /* RID_PASID for requests without */
	uint32_t due; /* answers */
	bool forgotten; /* by the device, which was reset */
};

/* A translation that was given to a device. */
struct vtd_grant {
	struct model_cache_node node; /* source, PASID, privilege; page */
	struct model_request request; /* as it was asked, of the first address */
	uint64_t phys, size;
	unsigned int access;
};

/* Who asked for pages, or may have. */
struct vtd_asker {
	struct model_cache_node node; /* source and PASID */
	uint16_t sid;
	uint32_t pasid;
	bool has_pasid;
	bool torn; /* the entry was seen not present since */
	bool drained; /* a wait descriptor with PD was done after that */
	uint64_t use[3]; /* of the entry: what the PASID stood for */
};

struct model_vtd {
	struct model_vtd_config config;
	struct model_memory *mem;
	void *host;
	struct uiommu_mutex lock;
	model_report_fn report;
	model_msi_fn msi;
	void *context;
	struct model_iommu iommu;

	uint64_t cap, ecap;
	uint64_t random;
	bool clean;

	uint32_t regs[MODEL_VTD_MMIO_SIZE / 4];
	uint64_t root; /* RTADDR as latched by SRTP */
	uint32_t gcmd_pending, gcmd_delay; /* a lazy global command */
	uint32_t next_record;

	struct model_cache contexts, pasids, iotlb, tables;
	struct model_cache groups, askers, grants;
	uint64_t misused;
	struct vtd_page_request held[VTD_HELD];
	uint32_t num_held, held_delay;
	struct vtd_response responses[VTD_RESPONSES];
	uint32_t num_responses, response_delay;
	uint32_t delivering; /* threads that are about it, without the lock */
	struct vtd_answered answered[VTD_ANSWERED];
	uint32_t next_answered;
	uint32_t fetched; /* descriptors that are still carried out with ITE */
	struct vtd_atc **atcs; /* [256] by bus, each [256] by devfn */
};

static inline uint32_t vtd_reg32(const struct model_vtd *v, uint32_t offset)
{
	return v->regs[offset / 4];
}

static inline uint64_t vtd_reg64(const struct model_vtd *v, uint32_t offset)
{
	return v->regs[offset / 4] | (uint64_t)v->regs[offset / 4 + 1] << 32;
}

static inline void vtd_set_reg64(struct model_vtd *v, uint32_t offset, uint64_t value)
{
	v->regs[offset / 4] = (uint32_t)value;
	v->regs[offset / 4 + 1] = (uint32_t)(value >> 32);
}

static inline bool vtd_scalable_root(const struct model_vtd *v)
{
	return vtd_get(v->root, VTD_RTADDR_TTM) == VTD_TTM_SCALABLE;
}

uint64_t vtd_random(struct model_vtd *v);

/* ---- walks ------------------------------------------------------------------------------------- */

/*
 * One translation under way.  With @fresh nothing cached is looked at, nothing is cached, no bit in
 * memory is set and nothing reported: what the tables say now.
 */
struct vtd_walk {
	const struct model_request *request;
	bool fresh;
	bool page_request; /* not of an access: recorded as such */
	uint32_t pasid; /* of the translation: that of the request, or RID_PASID */
	bool by_pasid; /* scalable mode: there is a PASID entry */
	bool fpd;
	uint16_t did;
	uint64_t ce[4], pe[8];
	/* Result: a fault (not 0), or a translation. */
	uint8_t fault;
	bool paging_fault; /* from the paging structures: a translation request gets "no access" */
	bool pass_through;
	uint64_t phys; /* of request->iova */
	uint8_t level;
	uint8_t access; /* of all stages in the end */
	uint8_t under; /* nested: of the second stage; else all */
	bool user, snoop, global, dirty;
};

/*
 * One word of a table.  False: not memory of tables; the walk ends there and nothing is followed.  Bits in
 * @ignored may be unflushed.
 */
bool vtd_fetch(struct model_vtd *v, const struct vtd_walk *w, uint64_t phys, bool incoherent,
	       uint64_t ignored, uint64_t *value);
/* Reports reserved bits at @at; false, with w->fault. */
bool vtd_fail_reserved(struct model_vtd *v, struct vtd_walk *w, uint8_t fault, uint64_t at,
		       const char *section);
/* Root, context and PASID structures into @w. False: w->fault. */
bool vtd_walk_context(struct model_vtd *v, struct vtd_walk *w);
/* Down to the PASID entry, whatever the request is: what the PASID stands for. False: w->fault. */
bool vtd_walk_pasid(struct model_vtd *v, struct vtd_walk *w);
/* What 7.1.3 checks of a page request. False: w->fault. */
bool vtd_walk_page_request(struct model_vtd *v, struct vtd_walk *w);
/* After vtd_walk_context(), the address. */
void vtd_walk_address(struct model_vtd *v, struct vtd_walk *w);

/* ---- invalidation ------------------------------------------------------------------------------ */

void vtd_invalidate_all(struct model_vtd *v);
/* 6.5.3.1: a page request drops what is cached of its page. */
void vtd_invalidate_requested_page(struct model_vtd *v, const struct vtd_walk *w);
void vtd_ccmd(struct model_vtd *v);
void vtd_iotlb_command(struct model_vtd *v);
/* Fetches and executes one descriptor. False: nothing to do, or the queue is stopped. */
bool vtd_queue_step(struct model_vtd *v);
/* After a write of the tail or of the fault status. */
void vtd_queue_run(struct model_vtd *v);

/* ---- page requests ----------------------------------------------------------------------------- */

bool vtd_page_request(void *context, const struct model_page_request *request);
/* The error for IQERCD, or -1. */
int vtd_page_response(struct model_vtd *v, const uint64_t *descriptor, bool wide);
bool vtd_responses_room(struct model_vtd *v);
bool vtd_responses_first(struct model_vtd *v, uint16_t sid);
/* Releases the unit's lock and delivers responses.  Everything that may cause one ends with this. */
void vtd_unlock(struct model_vtd *v);
bool vtd_prq_step(struct model_vtd *v);
/* PQH, PQT, PQA, PRS were written. */
void vtd_prq_written(struct model_vtd *v, uint32_t offset, uint32_t old);
void vtd_prq_pasid_used(struct model_vtd *v, uint16_t sid, uint32_t pasid);
void vtd_prq_pasid_dropped(struct model_vtd *v, const struct vtd_node *node);
void vtd_prq_pasids_dropped(struct model_vtd *v, bool by_pasid, uint32_t pasid);
void vtd_prq_drain(struct model_vtd *v);
void vtd_prq_device_gone(struct model_vtd *v, uint16_t sid);

/* ---- device TLBs ------------------------------------------------------------------------------- */

void vtd_ats_granted(struct model_vtd *v, const struct model_request *request,
		     const struct model_translation *translation);
void vtd_ats_invalidated(struct model_vtd *v, uint16_t sid, bool has_pasid, uint32_t pasid,
			 bool global, uint64_t iova, uint64_t size);
void vtd_ats_device_gone(struct model_vtd *v, uint16_t sid);
/* Software claims to be done: is all that devices may hold still true? */
void vtd_ats_judge_all(struct model_vtd *v);
/* A translated request goes through. */
void vtd_ats_used(struct model_vtd *v, const struct model_request *request);

/* ---- faults, events, reports ------------------------------------------------------------------- */

void vtd_record(struct model_vtd *v, const struct vtd_walk *w);
/* Sets bits of FSTS and raises the fault event. */
void vtd_fault_status(struct model_vtd *v, uint32_t bits);
void vtd_fault_records_written(struct model_vtd *v);
void vtd_completion_event(struct model_vtd *v);
/* Raises the event of this control register, or leaves it pending. */
void vtd_event(struct model_vtd *v, uint32_t ctl);
/* FECTL, IECTL, PECTL: the mask was written. */
void vtd_event_unmasked(struct model_vtd *v, uint32_t ctl);

/* A report about no particular request; @value is appended in hexadecimal. */
void vtd_complain(struct model_vtd *v, enum model_report_kind kind, const char *section,
		  const char *text, uint64_t value);
void vtd_complain_request(struct model_vtd *v, enum model_report_kind kind, const char *section,
			  const struct model_request *request, uint64_t used, uint64_t now,
			  const char *text);

#endif /* MODEL_VTD_INTERNAL_H */
