/* SPDX-License-Identifier: MIT */
/*
 * smmu.h - what the files of the SMMUv3 driver share
 *
 * Section numbers are those of the Arm System Memory Management Unit Architecture Specification, SMMU
 * architecture version 3 (IHI 0070).
 *
 * Objects.  An SMMU has a stream table.  A device has one or more StreamIDs and, where stage 1 is there,
 * one table of context descriptors (CDs), which belongs to it and to nothing else: CD 0 is the RID's, CD
 * n that of PASID n.  So RID and PASID attachments cannot disturb one another.  What its RID does is said
 * by the stream table entry (STE): that of a device with PASIDs always leads to the CD table, unless the
 * RID is on stage 2, and S1DSS says whether requests without PASID use CD 0, bypass or are terminated.
 * The RID of a device without PASIDs is blocked by a CD that permits no walks, so that refused requests
 * are recorded with their address.
 *
 * A domain has a tag for each SMMU on which it is attached: the ASID or VMID under which that one caches
 * it; and a link for each (device, PASID), by which device TLBs (ATCs) are found.  The tables of a domain may be
 * those of a process (sva.c).
 *
 * Devices ask for pages by PRI or by stalling (request.c, event.c).  One that does not answer an invalidation of
 * its ATC uses ATS no more, until it has been reset (ats.c).
 *
 * Locks, outermost first: the domain's (tags, links), the SMMU's (tables, IDs, devices, ATS and quarantine),
 * those of the event and PRI queues, the command queue's.  The core's group mutex lies outside of all of them.
 */
#ifndef SRC_DRIVERS_SMMUV3_SMMU_H
#define SRC_DRIVERS_SMMUV3_SMMU_H

#include <stdatomic.h>

#include <uiommu/pci.h>
#include <uiommu/smmuv3.h>

#include "spec/smmuv3.h"
#include "src/drivers/smmuv3/command.h"
#include "src/drivers/smmuv3/entry.h"
#include "src/pgtable/arm_lpae.h"
#include "src/pgtable/pgtable.h"

#define SMMU_PAGE_SIZE 4096u
#define SMMU_MAX_ORDER 10u /* of the port's pages */
/* ID 0 is never given to a domain: VMID 0 is that of all STEs without stage 2, ASID 0 that of CDs which
 * permit no walks, so that nothing is ever cached under it. */
#define SMMU_FIRST_ID 1u

/* A set of ASIDs or VMIDs. */
struct smmu_ids {
	uint64_t *bits;
	uint32_t count,
		next; /* @next: where the search starts, so that an ID rests before its reuse */
};

struct smmu_queue {
	uint64_t *ring;
	unsigned int order; /* of the ring's memory */
	unsigned int log2; /* entries */
	uint32_t prod, cons; /* index and wrap bit */
};

struct smmu_cmdq {
	struct uiommu_mutex lock; /* also of GERRORN */
	struct smmu_queue q;
	uint32_t *status; /* where a CMD_SYNC writes; NULL: completion is read from CONS */
	uint32_t ticket; /* the last value that was asked for */
	uint32_t gerrorn; /* what GERRORN says */
};

/* A record that was taken from a queue and has not reached the core yet; on the stack of who took it. */
struct smmu_report {
	struct smmu_report *next;
	uint32_t sid;
	uint64_t number; /* in the order of taking */
};

/* A queue that hardware fills: of events, or of page requests. */
struct smmu_inbox {
	struct uiommu_mutex lock;
	struct smmu_queue q;
	uint32_t prod_reg, cons_reg;
	unsigned int qwords; /* of a record */
	struct smmu_report *reports;
	uint64_t taken;
	bool busy; /* page requests: somebody reports them, in their order */
};
#define SMMU_RECORD_QWORDS 4u /* the most */

struct smmu_streams {
	uint64_t *table; /* STEs, or L1 descriptors */
	unsigned int order;
	unsigned int log2; /* StreamIDs */
	unsigned int split; /* 2-level: StreamID bits of the second level; linear: 0 */
};

/* What the hardware has, less what config.flags take away. */
struct smmu_features {
	bool stage1, stage2;
	bool coherent;
	bool ats, pri, msi, sync_msi, range, httu, hyp;
	bool resume; /* requests can be stalled; then */
	bool force_stall, may_stall; /* all that fault are, or as CD.S says */
	bool shareability; /* SHCFG has an effect */
	bool two_level_streams, two_level_cds;
	unsigned int sid_bits, ssid_bits, asid_bits, vmid_bits;
	unsigned int output_bits, input_bits; /* @input_bits: of stage 1 */
	unsigned int granule_shift;
	bool lpa2, bbml2;
};

/*
 * The context descriptors of a device: 2^log2, in one table or in leaves of 64.  @spare is as large as a
 * table or leaf: a CD whose change is not possible in place is changed in a copy, and one store leads
 * hardware from the original to the copy.
 */
struct smmu_cd_table {
	uint64_t *table; /* CDs, or L1 descriptors; NULL: no stage 1 */
	uint64_t *spare;
	unsigned int order; /* of @table; linear: of both, one after the other */
	unsigned int log2;
	bool two_level;
};

/* What a stream table entry shall do. */
struct smmu_ste {
	enum smmu_ste_kind {
		SMMU_STE_REFUSE, /* not valid: requests are refused and recorded */
		SMMU_STE_BYPASS,
		SMMU_STE_STAGE1,
		SMMU_STE_STAGE2,
		SMMU_STE_NESTED, /* a guest's stage 1, and stage 2 */
		SMMU_STE_ABORT, /* requests are refused in silence */
	} kind;
	bool incoming; /* SHCFG has an effect: keep the shareability of requests */
	uiommu_phys_t cds; /* stage 1: the CD table */
	unsigned int cd_log2, s1dss;
	bool cds_two_level;
	bool coherent; /* of fetches of CDs */
	bool ats;
	bool pri_pasid; /* automatic responses carry the PASID */
	bool no_stall; /* whatever CDs say */
	bool stall; /* stage 2 */
	bool dirty; /* stage 2 */
	struct uiommu_pt_arm_regs s2; /* stage 2 */
	uint16_t vmid;
	uint64_t guest[2]; /* nested: what is the guest's in the first two quadwords */
};

/* What a context descriptor shall do; without @regs: refuse, and record with the address unless @quiet. */
struct smmu_cd {
	const struct uiommu_pt_arm_regs *regs;
	uint16_t asid;
	bool dirty;
	bool stall;
	bool quiet;
};

struct smmu_device {
	struct uiommu_device *dev;
	struct uiommu_smmuv3 *smmu;
	struct smmu_device *next; /* on the SMMU, in order of arrival */
	struct uiommu_pci_function *pci;
	unsigned int num_sids, max_sids;
	uint32_t *sids; /* those of the firmware spec, each once; ATS is under the first */
	bool can_ats;
	bool can_pri, can_stall; /* how it can ask for pages; not both */
	bool pri_pasid; /* responses carry the PASID */
	bool pasid_enabled; /* in configuration space */
	bool pri_enabled; /* in configuration space */
	_Atomic(bool) requests; /* it may ask for pages */
	_Atomic(bool) quarantined; /* it did not answer: no ATS until it has been reset */
	_Atomic(bool) ats; /* it is enabled, or about to be: its ATC has to be invalidated */
	bool rid_attached; /* the RID is translated */
	bool rid_stage2; /* by the second stage */
	unsigned int num_pasids; /* attached now */
	struct smmu_cd_table cds;
	struct smmu_ste ste; /* what its STEs shall do; see uiommu_smmuv3_streams_update() */
};

struct uiommu_smmuv3 {
	struct uiommu_instance instance;
	struct uiommu_smmuv3_config config;
	struct uiommu_system *sys;
	void *host;
	uintptr_t direct_map;
	uint32_t idr0, idr1, idr3, idr5;
	struct smmu_features has;
	_Atomic(bool) dead; /* it once did not answer: reported, not waited for again */

	struct uiommu_mutex lock;
	struct smmu_streams streams;
	struct smmu_device *devices;
	struct smmu_ids asids, vmids;

	struct smmu_cmdq cmdq;
	struct smmu_inbox events, requests;
	int event_irq, error_irq, request_irq; /* negative: none */
};

struct smmu_tag {
	struct smmu_tag *next;
	struct uiommu_smmuv3 *smmu;
	uint16_t id; /* ASID of stage 1, VMID of stage 2 */
	unsigned int links;
};

struct smmu_link {
	struct smmu_link *next;
	struct smmu_device *device;
	uiommu_pasid_t pasid;
	struct smmu_tag *tag;
	const struct smmu_nested *nested; /* through this one on top of the domain; NULL: directly */
	bool ats; /* its entry permits ATS */
};

struct smmu_domain {
	struct uiommu_domain domain;
	void *host;
	struct uiommu_pt pt;
	struct uiommu_pt_arm_regs regs;
	bool stage2;
	bool sva; /* the tables are those of a process, and @pt is empty */
	struct uiommu_mm_format_info mm; /* with @sva */
	_Atomic(bool) exited; /* with @sva: they must not be walked any more */
	struct uiommu_mutex lock;
	struct smmu_tag *tags;
	struct smmu_link *links;
};

/* What a guest knows of its SMMU: that for which its nested domain was made. */
struct smmu_view {
	uint32_t idr0, idr1, idr3, idr5;
	struct smmu_features has;
};

/* A guest's stage 1 on top of a stage 2; tags and links are those of its parent. */
struct smmu_nested {
	struct uiommu_domain domain;
	struct smmu_domain *parent;
	struct smmu_view view; /* the guest's entry and commands are judged by it */
	uint64_t ste[2]; /* the guest's */
};

static inline struct smmu_domain *to_smmu_domain(struct uiommu_domain *domain)
{
	return (struct smmu_domain *)(void *)((char *)domain -
					      offsetof(struct smmu_domain, domain));
}

static inline struct uiommu_smmuv3 *to_smmu(struct uiommu_instance *instance)
{
	return (struct uiommu_smmuv3 *)(void *)((char *)instance -
						offsetof(struct uiommu_smmuv3, instance));
}

static inline struct smmu_nested *smmu_nested(struct uiommu_domain *domain)
{
	if (!domain || domain->type != UIOMMU_DOMAIN_NESTED)
		return NULL;
	return (struct smmu_nested *)(void *)((char *)domain -
					      offsetof(struct smmu_nested, domain));
}

/*
 * The domain with tables, tags and links: of a nested one its parent.  Static domains may be copies that a
 * wrapper made: they are known by their type.
 */
static inline struct smmu_domain *smmu_paging(struct uiommu_domain *domain)
{
	if (!domain || domain->type == UIOMMU_DOMAIN_BLOCKED ||
	    domain->type == UIOMMU_DOMAIN_IDENTITY)
		return NULL;
	if (domain->type == UIOMMU_DOMAIN_NESTED)
		return smmu_nested(domain)->parent;
	return to_smmu_domain(domain);
}

static inline uiommu_phys_t smmu_phys(const struct uiommu_smmuv3 *smmu, const void *ptr)
{
	return (uintptr_t)ptr - smmu->direct_map;
}

static inline void *smmu_ptr(const struct uiommu_smmuv3 *smmu, uiommu_phys_t phys)
{
	return (void *)(uintptr_t)(phys + smmu->direct_map);
}

/* What hardware reads without snooping is written back at once. */
static inline void smmu_clean(const struct uiommu_smmuv3 *smmu, const void *start, size_t size)
{
	if (!smmu->has.coherent)
		uiommu_port_cache_flush(smmu->host, start, size);
}

static inline uint32_t smmu_read32(const struct uiommu_smmuv3 *smmu, uint32_t reg)
{
	return smmu->config.mmio.read32(smmu->config.mmio.context, reg);
}

static inline void smmu_write32(const struct uiommu_smmuv3 *smmu, uint32_t reg, uint32_t value)
{
	smmu->config.mmio.write32(smmu->config.mmio.context, reg, value);
}

static inline void smmu_write64(const struct uiommu_smmuv3 *smmu, uint32_t reg, uint64_t value)
{
	smmu->config.mmio.write64(smmu->config.mmio.context, reg, value);
}

/* Commands and table entries are in memory before hardware is told of them. */
static inline void smmu_barrier(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/* ---- reset.c: registers, from whatever firmware left to translation, and back ------------------ */

/* A limit for waiting: one second, unless changed; or a number of turns on a host whose clock stands still. */
struct smmu_patience {
	uint64_t start, limit_ns;
	uint32_t turns;
};
#define SMMU_PATIENCE_NS 1000000000ull
/* A function has 1 minute, and half of it more, to answer an invalidation (PCIe 6.0, 10.3.1). */
#define SMMU_ATC_PATIENCE_NS 100000000000ull
/* Whoever answers a page request may have to read the page from somewhere. */
#define SMMU_HANDLER_PATIENCE_NS 10000000000ull
void uiommu_smmuv3_patience_begin(struct uiommu_smmuv3 *smmu, struct smmu_patience *p);
/* Takes a turn; false when it has been too long. */
bool uiommu_smmuv3_patience_turn(struct uiommu_smmuv3 *smmu, struct smmu_patience *p);
/* Write a register that has an acknowledgement, and wait for it. */
int uiommu_smmuv3_write_ack(struct uiommu_smmuv3 *smmu, uint32_t reg, uint32_t ack, uint32_t value);

int uiommu_smmuv3_reset(struct uiommu_smmuv3 *smmu);
void uiommu_smmuv3_disable(struct uiommu_smmuv3 *smmu);

/* ---- feature.c: what it has, and whether that is enough ---------------------------------------- */

int uiommu_smmuv3_features(struct uiommu_smmuv3 *smmu);

/* ---- config.c: the contents of entries --------------------------------------------------------- */

void uiommu_smmuv3_ste_make(const struct smmu_ste *ste, uint64_t out[SMMU_QWORDS]);
void uiommu_smmuv3_ste_used(const uint64_t ste[SMMU_QWORDS], uint64_t used[SMMU_QWORDS]);
void uiommu_smmuv3_cd_make(const struct smmu_cd *cd, uint64_t out[SMMU_QWORDS]);
void uiommu_smmuv3_cd_used(const uint64_t cd[SMMU_QWORDS], uint64_t used[SMMU_QWORDS]);
/* Quadword 0 of entries that refuse everything: an STE that aborts in silence, a CD that is not valid. */
#define SMMU_STE_REFUSING SMMUV3_STE0_V
#define SMMU_CD_REFUSING UINT64_C(0)

/* ---- streams.c, cds.c: the tables; with the SMMU's lock held ----------------------------------- */

int uiommu_smmuv3_streams_init(struct uiommu_smmuv3 *smmu);
void uiommu_smmuv3_streams_destroy(struct uiommu_smmuv3 *smmu);
/* A place for the STE of @sid; -UIOMMU_EINVAL: the table cannot have one, -UIOMMU_ENOMEM. */
int uiommu_smmuv3_streams_alloc(struct uiommu_smmuv3 *smmu, uint32_t sid);
/*
 * Make the STEs of the device do what device->ste says.  A StreamID that several devices share follows the
 * first of them that does not refuse everything: they are in one group, which has one translation.
 */
void uiommu_smmuv3_streams_update(struct smmu_device *device);

int uiommu_smmuv3_cds_init(struct smmu_device *device, unsigned int log2);
void uiommu_smmuv3_cds_destroy(struct smmu_device *device);
/* A place for the CD of @pasid; -UIOMMU_ENOMEM. */
int uiommu_smmuv3_cds_alloc(struct smmu_device *device, uiommu_pasid_t pasid);
/* Change a CD; NULL: not valid.  Cannot fail: the place is there. */
void uiommu_smmuv3_cd_set(struct smmu_device *device, uiommu_pasid_t pasid,
			  const struct smmu_cd *cd);
/* Does a CD that is valid have this ASID? */
bool uiommu_smmuv3_cd_has_asid(const struct smmu_device *device, uiommu_pasid_t pasid,
			       uint16_t asid);

/* ---- queue.c ----------------------------------------------------------------------------------- */

int uiommu_smmuv3_queue_alloc(struct uiommu_smmuv3 *smmu, struct smmu_queue *q,
			      unsigned int entry_size, unsigned int log2);
void uiommu_smmuv3_queue_free(struct uiommu_smmuv3 *smmu, struct smmu_queue *q);
int uiommu_smmuv3_cmdq_init(struct uiommu_smmuv3 *smmu);
void uiommu_smmuv3_cmdq_destroy(struct uiommu_smmuv3 *smmu);
/* @count commands and a CMD_SYNC, and wait for it: 0 or a negative error, which has been logged. */
int uiommu_smmuv3_submit(struct uiommu_smmuv3 *smmu, const struct smmu_command *commands,
			 unsigned int count);
/* A CMD_SYNC alone: what was recorded before is in the queues. */
int uiommu_smmuv3_sync(struct uiommu_smmuv3 *smmu);
/* Acknowledge all errors that nobody waits for, and say which. */
void uiommu_smmuv3_errors(struct uiommu_smmuv3 *smmu);

/* An index with its wrap bit, one further. */
static inline uint32_t smmu_queue_next(const struct smmu_queue *q, uint32_t index)
{
	return (index + 1) & ((2u << q->log2) - 1);
}

static inline uint32_t smmu_queue_slot(const struct smmu_queue *q, uint32_t index)
{
	return index & ((1u << q->log2) - 1);
}

/* ---- inval.c ----------------------------------------------------------------------------------- */

struct smmu_range {
	uiommu_iova_t start, last;
	uint64_t leaf; /* smallest leaf in it; 0: not known */
	bool tables; /* tables were removed: not only last-level entries */
	unsigned int granule_shift; /* of the tables; 0: the SMMU's usual one */
};
extern const struct smmu_range uiommu_smmuv3_everything;

/* Collects commands and submits them when it is full. */
#define SMMU_BATCH 32
struct smmu_batch {
	struct uiommu_smmuv3 *smmu;
	unsigned int count;
	int error; /* the first */
	struct smmu_command commands[SMMU_BATCH];
};
static inline void smmu_batch_begin(struct smmu_batch *batch, struct uiommu_smmuv3 *smmu)
{
	batch->smmu = smmu;
	batch->count = 0;
	batch->error = 0;
}
void uiommu_smmuv3_batch_add(struct smmu_batch *batch, struct smmu_command command);
/* What is left, and wait for all of it. */
int uiommu_smmuv3_batch_end(struct smmu_batch *batch);

/* The cheapest commands that cover @range of what is cached under @id. */
void uiommu_smmuv3_tlbi_add(struct smmu_batch *batch, bool stage2, uint16_t id,
			    const struct smmu_range *range);
/* What first stages on top of this VMID's second have combined with it. */
void uiommu_smmuv3_tlbi_nested(struct uiommu_smmuv3 *smmu, uint16_t vmid);
/* Everything of a device that is under a guest, for all its PASIDs. */
void uiommu_smmuv3_atc_add_nested(struct smmu_batch *batch, const struct smmu_device *device,
				  const struct smmu_nested *nested);
/* Invalidate a range in the device's TLB. */
void uiommu_smmuv3_atc_add(struct smmu_batch *batch, const struct smmu_device *device,
			   uiommu_pasid_t pasid, const struct smmu_range *range);

/* ---- inbox.c: queues that hardware fills --------------------------------------------------------- */

int uiommu_smmuv3_inbox_init(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
			     unsigned int entry_size, unsigned int log2);
void uiommu_smmuv3_inbox_destroy(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox);
/*
 * With the inbox's lock held: the next record, if there is one.  It is @report until
 * uiommu_smmuv3_inbox_reported(), which is called without the lock.
 */
bool uiommu_smmuv3_inbox_take(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
			      uint64_t record[SMMU_RECORD_QWORDS], struct smmu_report *report);
void uiommu_smmuv3_inbox_reported(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
				  struct smmu_report *report);
bool uiommu_smmuv3_inbox_empty(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox);
/* With its lock held: is it empty, and did records find no place since it was last acknowledged? */
bool uiommu_smmuv3_inbox_overflowed(struct uiommu_smmuv3 *smmu, const struct smmu_inbox *inbox);
void uiommu_smmuv3_inbox_acknowledge(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox);
/* All that was taken of the device's records so far has been reported, or it took too long. */
void uiommu_smmuv3_inbox_wait(struct uiommu_smmuv3 *smmu, struct smmu_inbox *inbox,
			      const struct smmu_device *device);

/* ---- ats.c: ATS in configuration space, and devices that do not answer --------------------------- */

void uiommu_smmuv3_ats_enable(struct smmu_device *device, struct smmu_domain *domain);
void uiommu_smmuv3_ats_forget(struct smmu_device *device);
void uiommu_smmuv3_ats_disable(struct smmu_device *device, struct smmu_domain *old);
/*
 * One of the devices of these commands did not answer ATC_INV in time: find it, and let it keep no translations
 * any more.  Without the SMMU's lock.
 */
void uiommu_smmuv3_atc_timeout(struct uiommu_smmuv3 *smmu, const struct smmu_command *commands,
			       unsigned int count);
void uiommu_smmuv3_reset_done(struct uiommu_device *dev);

/* ---- request.c: page requests ------------------------------------------------------------------ */

/* The device that has a StreamID; NULL: none.  With the SMMU's lock held. */
struct smmu_device *uiommu_smmuv3_find_device(const struct uiommu_smmuv3 *smmu, uint32_t sid);
/* Page requests in configuration space; with the SMMU's lock held. */
int uiommu_smmuv3_pri_start(struct smmu_device *device);
void uiommu_smmuv3_pri_stop(struct smmu_device *device);
/* Report what is in the PRI queue, unless somebody else does. */
void uiommu_smmuv3_requests_take(struct uiommu_smmuv3 *smmu);
/* Does a domain answer page requests, so that a device may stall for it? */
bool uiommu_smmuv3_answers(const struct smmu_domain *domain);
int uiommu_smmuv3_requests_enable(struct uiommu_device *dev);
void uiommu_smmuv3_requests_disable(struct uiommu_device *dev);
void uiommu_smmuv3_requests_drain(struct uiommu_device *dev, uiommu_pasid_t pasid);
void uiommu_smmuv3_page_response(struct uiommu_instance *instance,
				 const struct uiommu_page_request *last,
				 enum uiommu_page_response_code code);

/* ---- sva.c: the tables of processes ------------------------------------------------------------ */

int uiommu_smmuv3_domain_alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
				   const struct uiommu_mm_format_info *info,
				   struct uiommu_domain **out);
/* Can @smmu walk such tables? */
bool uiommu_smmuv3_sva_fits(const struct uiommu_mm_format_info *info,
			    const struct uiommu_smmuv3 *smmu);

/* ---- domain.c ---------------------------------------------------------------------------------- */

extern const struct uiommu_domain uiommu_smmuv3_identity_domain, uiommu_smmuv3_blocked_domain;
/* Does a domain that is allocated with these flags (enum uiommu_alloc_flags) use stage 2? */
bool uiommu_smmuv3_choose_stage2(const struct uiommu_smmuv3 *smmu, unsigned int flags);
int uiommu_smmuv3_domain_alloc(struct uiommu_device *dev, unsigned int flags,
			       struct uiommu_domain **out);
/* Nothing of the range is cached when it returns, by any SMMU or device that it is attached through. */
void uiommu_smmuv3_flush(struct smmu_domain *domain, const struct smmu_range *range);

/* ---- nested.c ---------------------------------------------------------------------------------- */

int uiommu_smmuv3_domain_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
				      enum uiommu_nested_type type, const void *data, size_t size,
				      struct uiommu_domain **out);
bool uiommu_smmuv3_nested_fits(const struct smmu_nested *nested, const struct uiommu_smmuv3 *smmu);
/* Does the guest's entry permit ATS, and requests with PASID? */
bool uiommu_smmuv3_nested_ats(const struct smmu_nested *nested);
bool uiommu_smmuv3_nested_pasids(const struct smmu_nested *nested);
/* Make an entry for the parent one for the nested domain. */
void uiommu_smmuv3_nested_ste(const struct smmu_nested *nested, struct smmu_ste *ste);

/* ---- attach.c ---------------------------------------------------------------------------------- */

int uiommu_smmuv3_attach_prepare(struct uiommu_attach *attach);
void uiommu_smmuv3_attach_commit(struct uiommu_attach *attach);
void uiommu_smmuv3_attach_abort(struct uiommu_attach *attach);
/* Can @smmu walk the tables of @domain? */
bool uiommu_smmuv3_fits(const struct smmu_domain *domain, const struct uiommu_smmuv3 *smmu);
/* With the SMMU's lock held: the CD that leads to a stage 1, or to nothing once its process has exited. */
void uiommu_smmuv3_set_cd(struct smmu_device *device, uiommu_pasid_t pasid,
			  const struct smmu_domain *domain, uint16_t asid);

/* ---- device.c, event.c ------------------------------------------------------------------------- */

extern const struct uiommu_ops uiommu_smmuv3_driver_ops;
unsigned int uiommu_smmuv3_poll(struct uiommu_instance *instance);
int uiommu_smmuv3_inboxes_init(struct uiommu_smmuv3 *smmu);
void uiommu_smmuv3_inboxes_destroy(struct uiommu_smmuv3 *smmu);
/* Report what is in the event queue; how many faults. */
unsigned int uiommu_smmuv3_events_take(struct uiommu_smmuv3 *smmu);
/* Tell the hardware where interrupts go, and enable them. */
int uiommu_smmuv3_irqs_enable(struct uiommu_smmuv3 *smmu);
void uiommu_smmuv3_irqs_disable(struct uiommu_smmuv3 *smmu);

#endif /* SRC_DRIVERS_SMMUV3_SMMU_H */
