/* SPDX-License-Identifier: MIT */
/*
 * vtd_invalidate.c - what each invalidation drops (6.5), through registers and through the queue
 *
 * An entry is dropped only if an invalidation of its kind names it exactly:
 *
 *   context cache      SID and domain ID (domain ID 0 in scalable mode, where entries have none)
 *   PASID cache        SID, PASID and domain ID
 *   IOTLB, paging      second stage: domain ID; first stage and nested: domain ID and PASID
 *
 * An IOTLB invalidation of pages cannot tell which nested entries stand on those pages and drops all
 * nested ones of the domain; it leaves first-stage entries.  A PASID-based one leaves second-stage
 * entries.  The hint IH keeps everything that is not a leaf.
 */
#include "models/vtd_internal.h"

/* What to drop; a field counts if its flag is set. */
struct selection {
	bool by_did, by_pasid, by_page, by_sid;
	bool first, second, nested;
	bool leaves_only;
	uint16_t did, sid, sid_mask;
	uint32_t pasid;
	uint64_t from, last;
};

/*
 * A present entry of several 16-byte pieces may only change through not-present: hardware reads piece
 * by piece (6.5.3, 9.4, 9.6).  Found when the copy that was in use is dropped.
 */
static void check_torn(struct model_vtd *v, const struct vtd_node *node, unsigned int words,
		       const char *section)
{
	unsigned int changed = 0;
	uint64_t now[8] = { 0 };
	bool unflushed;

	if (node->fault || !node->phys)
		return;
	for (unsigned int i = 0; i < words; i++)
		if (!model_memory_fetch(v->mem, node->phys + 8 * i, false, &now[i], &unflushed))
			return;
	if (!(now[0] & VTD_CE0_P))
		return;
	for (unsigned int i = 0; i < words; i += 2)
		changed += now[i] != node->q[i] || now[i + 1] != node->q[i + 1];
	if (changed > 1)
		vtd_complain(v, MODEL_REPORT_TORN, section,
			     "a present entry was changed in several pieces without a "
			     "not-present state in between",
			     node->phys);
}

static void drop_contexts(struct model_vtd *v, const struct selection *s)
{
	for (uint32_t i = 0; i < v->contexts.used; i++) {
		struct vtd_node *node = model_cache_at(&v->contexts, i);

		if (!node || (s->by_did && node->did != s->did) ||
		    (s->by_sid && ((node->sid ^ s->sid) & ~s->sid_mask)))
			continue;
		check_torn(v, node, vtd_scalable_root(v) ? 4 : 2, "9.4");
		model_cache_drop(&v->contexts, node);
	}
}

static void drop_pasids(struct model_vtd *v, const struct selection *s)
{
	for (uint32_t i = 0; i < v->pasids.used; i++) {
		struct vtd_node *node = model_cache_at(&v->pasids, i);

		if (!node || (s->by_did && node->did != s->did) ||
		    (s->by_pasid && node->pasid != s->pasid))
			continue;
		check_torn(v, node, 8, "9.6");
		vtd_prq_pasid_dropped(v, node);
		model_cache_drop(&v->pasids, node);
	}
}

static bool selected(const struct selection *s, const struct vtd_node *node, unsigned int level)
{
	uint64_t last = node->address + (vtd_level_size(level) - 1);

	if (s->by_did && node->did != s->did)
		return false;
	switch (node->stage) {
	case VTD_STAGE_SECOND:
		if (!s->second)
			return false;
		break;
	case VTD_STAGE_FIRST:
		if (!s->first || (s->by_pasid && node->pasid != s->pasid))
			return false;
		break;
	default:
		if (!s->nested || (s->by_pasid && node->pasid != s->pasid))
			return false;
		if (!s->by_pasid)
			return true; /* second-stage pages: every nested entry may stand on them */
		break;
	}
	return !s->by_page || (node->address <= s->last && last >= s->from);
}

static void drop_mappings(struct model_vtd *v, const struct selection *s)
{
	for (uint32_t i = 0; i < v->iotlb.used; i++) {
		struct vtd_node *node = model_cache_at(&v->iotlb, i);

		if (node && selected(s, node, node->level))
			model_cache_drop(&v->iotlb, node);
	}
	if (s->leaves_only)
		return;
	for (uint32_t i = 0; i < v->tables.used; i++) {
		struct vtd_node *node = model_cache_at(&v->tables, i);

		if (node && selected(s, node, node->level + 1u))
			model_cache_drop(&v->tables, node);
	}
}

void vtd_invalidate_all(struct model_vtd *v)
{
	model_cache_clear(&v->contexts);
	model_cache_clear(&v->pasids);
	model_cache_clear(&v->iotlb);
	model_cache_clear(&v->tables);
}

void vtd_invalidate_requested_page(struct model_vtd *v, const struct vtd_walk *w)
{
	const struct vtd_node *cached =
		model_cache_find(&v->pasids, (uint64_t)w->request->source_id << 20 | w->pasid, 0);
	struct selection s = {
		.by_did = true,
		.by_pasid = true,
		.by_page = true,
		.first = true,
		.nested = true,
		.pasid = w->pasid,
		.from = w->request->iova,
		.last = w->request->iova + VTD_PAGE_SIZE - 1,
	};
	struct vtd_walk now = { .request = w->request, .fresh = true };

	if (cached)
		s.did = cached->did;
	else if (vtd_walk_pasid(v, &now))
		s.did = (uint16_t)(now.pe[1] & VTD_PE1_DID);
	else
		return;
	drop_mappings(v, &s);
}

static void check_did(struct model_vtd *v, uint16_t did)
{
	if (did >= vtd_cap_nd(v->cap))
		vtd_complain(v, MODEL_REPORT_ILLEGAL, "6.5", "domain ID beyond CAP.ND", did);
}

/* False: a reserved granularity. */
static bool invalidate_context(struct model_vtd *v, unsigned int granularity, uint16_t did,
			       uint16_t sid, unsigned int mask)
{
	static const uint16_t functions[] = { 0, 4, 6, 7 }; /* FM: bits of the function ignored */
	struct selection s = { .did = did, .sid = sid, .sid_mask = functions[mask] };

	switch (granularity) {
	case VTD_CC_GLOBAL:
		break;
	case VTD_CC_DEVICE:
		s.by_sid = true;
		/* fall through */
	case VTD_CC_DOMAIN:
		s.by_did = !vtd_scalable_root(v) || granularity == VTD_CC_DOMAIN;
		check_did(v, did);
		break;
	default:
		return false;
	}
	drop_contexts(v, &s);
	return true;
}

/* The pages of an address and mask; false: the mask is more than CAP.MAMV or address unaligned. */
static bool page_range(struct model_vtd *v, uint64_t address, unsigned int am, struct selection *s)
{
	uint64_t size = UINT64_C(1) << (12 + (am > 51 ? 51 : am));

	if (am > v->config.mamv) {
		vtd_complain(v, MODEL_REPORT_ILLEGAL, "6.5.2.3", "address mask beyond CAP.MAMV",
			     am);
		return false;
	}
	if (address & (size - 1))
		vtd_complain(v, MODEL_REPORT_ILLEGAL, "6.5.2.3",
			     "address is not aligned to its mask; the low bits are ignored",
			     address);
	s->by_page = true;
	s->from = address & ~(size - 1);
	s->last = s->from + size - 1;
	return true;
}

static bool invalidate_iotlb(struct model_vtd *v, unsigned int granularity, uint16_t did,
			     uint64_t page)
{
	struct selection s = { .second = true, .nested = true, .first = true, .did = did };

	switch (granularity) {
	case VTD_IOTLB_GRAN_GLOBAL:
		break;
	case VTD_IOTLB_GRAN_PAGE:
		if (!v->config.psi) {
			vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.2",
				     "page-selective invalidation without CAP.PSI", page);
			return false;
		}
		s.first = false;
		s.leaves_only = page & VTD_IVA_IH;
		if (!page_range(v, page & VTD_IVA_ADDR, page & VTD_IVA_AM, &s))
			return false;
		/* fall through */
	case VTD_IOTLB_GRAN_DOMAIN:
		s.by_did = true;
		check_did(v, did);
		break;
	default:
		return false;
	}
	drop_mappings(v, &s);
	return true;
}

/* ---- registers (6.5.1) ------------------------------------------------------------------------- */

static bool registers_usable(struct model_vtd *v, uint64_t value)
{
	if (!(vtd_reg32(v, VTD_REG_GSTS) & VTD_GSTS_QIES))
		return true;
	vtd_complain(v, MODEL_REPORT_ILLEGAL, "6.5.1",
		     "register-based invalidation while queued invalidation is enabled", value);
	return false;
}

void vtd_ccmd(struct model_vtd *v)
{
	uint64_t ccmd = vtd_reg64(v, VTD_REG_CCMD);
	unsigned int granularity = (unsigned int)vtd_get(ccmd, VTD_CCMD_CIRG), done = 0;

	if (registers_usable(v, ccmd)) {
		if (invalidate_context(v, granularity, (uint16_t)(ccmd & VTD_CCMD_DID),
				       (uint16_t)vtd_get(ccmd, VTD_CCMD_SID),
				       (unsigned int)vtd_get(ccmd, VTD_CCMD_FM)))
			done = granularity;
		else
			vtd_complain(v, MODEL_REPORT_RESERVED, "11.4.6",
				     "reserved granularity in CCMD", ccmd);
	}
	ccmd &= ~(VTD_CCMD_ICC | VTD_CCMD_CAIG);
	vtd_set_reg64(v, VTD_REG_CCMD, ccmd | vtd_set(done, VTD_CCMD_CAIG));
}

void vtd_iotlb_command(struct model_vtd *v)
{
	uint64_t command = vtd_reg64(v, VTD_IRO + VTD_REG_IOTLB);
	unsigned int granularity = (unsigned int)vtd_get(command, VTD_IOTLB_IIRG), done = 0;

	if (registers_usable(v, command)) {
		if (invalidate_iotlb(v, granularity, (uint16_t)vtd_get(command, VTD_IOTLB_DID),
				     vtd_reg64(v, VTD_IRO + VTD_REG_IVA)))
			done = granularity;
		else
			vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.6",
				     "IOTLB invalidation that cannot be done", command);
	}
	command &= ~(VTD_IOTLB_IVT | VTD_IOTLB_IAIG);
	vtd_set_reg64(v, VTD_IRO + VTD_REG_IOTLB, command | vtd_set(done, VTD_IOTLB_IAIG));
}

/* ---- descriptors (6.5.2) ----------------------------------------------------------------------- */

/* Each returns the error for IQERCD, or -1 if the descriptor was carried out. */
#define DONE (-1)

static int do_context(struct model_vtd *v, const uint64_t *d)
{
	if ((d[0] & VTD_DESC_CC_RSVD0) || d[1] ||
	    !invalidate_context(v, (unsigned int)vtd_get(d[0], VTD_DESC_G),
				(uint16_t)vtd_get(d[0], VTD_DESC_DID),
				(uint16_t)vtd_get(d[0], VTD_DESC_CC_SID),
				(unsigned int)vtd_get(d[0], VTD_DESC_CC_FM)))
		return VTD_IQEI_RSVD;
	return DONE;
}

static int do_iotlb(struct model_vtd *v, const uint64_t *d)
{
	if ((d[0] & VTD_DESC_IOTLB_RSVD0) || (d[1] & VTD_DESC_IOTLB_RSVD1) ||
	    !invalidate_iotlb(v, (unsigned int)vtd_get(d[0], VTD_DESC_G),
			      (uint16_t)vtd_get(d[0], VTD_DESC_DID), d[1]))
		return VTD_IQEI_RSVD;
	return DONE;
}

static int do_pasid_cache(struct model_vtd *v, const uint64_t *d)
{
	struct selection s = {
		.did = (uint16_t)vtd_get(d[0], VTD_DESC_DID),
		.pasid = (uint32_t)vtd_get(d[0], VTD_DESC_PASID),
	};

	if ((d[0] & VTD_DESC_PC_RSVD0) || d[1])
		return VTD_IQEI_RSVD;
	switch (vtd_get(d[0], VTD_DESC_G)) {
	case VTD_PC_GLOBAL:
		break;
	case VTD_PC_PASID:
		s.by_pasid = true;
		/* fall through */
	case VTD_PC_DOMAIN:
		s.by_did = true;
		check_did(v, s.did);
		break;
	default:
		return VTD_IQEI_RSVD;
	}
	drop_pasids(v, &s);
	vtd_prq_pasids_dropped(v, s.by_pasid, s.pasid);
	return DONE;
}

static int do_pasid_iotlb(struct model_vtd *v, const uint64_t *d)
{
	struct selection s = {
		.by_did = true,
		.by_pasid = true,
		.first = true,
		.nested = true,
		.did = (uint16_t)vtd_get(d[0], VTD_DESC_DID),
		.pasid = (uint32_t)vtd_get(d[0], VTD_DESC_PASID),
	};
	unsigned int granularity = (unsigned int)vtd_get(d[0], VTD_DESC_G);

	if ((d[0] & VTD_DESC_PIOTLB_RSVD0) || (d[1] & VTD_DESC_IOTLB_RSVD1))
		return VTD_IQEI_RSVD;
	check_did(v, s.did);
	if (granularity == VTD_PIOTLB_PAGE) {
		if (!page_range(v, d[1] & VTD_DESC_IOTLB1_ADDR, d[1] & VTD_DESC_IOTLB1_AM, &s))
			return VTD_IQEI_RSVD;
		s.leaves_only = d[1] & VTD_DESC_IOTLB1_IH;
	} else if (granularity != VTD_PIOTLB_PASID) {
		return VTD_IQEI_RSVD;
	}
	drop_mappings(v, &s);
	return DONE;
}

static uint16_t device_of(const uint64_t *d, bool by_pasid)
{
	return (uint16_t)vtd_get(d[0], by_pasid ? VTD_DESC_PDTLB_SID : VTD_DESC_DTLB_SID);
}

/*
 * Device TLBs (6.5.2.5, 6.5.2.6).  With S, the lowest clear bit of the address from 12 on tells the
 * size (PCIe 10.3.1.1).  A device that does not answer stops the queue with ITE.
 */
static int do_device_tlb(struct model_vtd *v, const uint64_t *d, bool by_pasid)
{
	uint16_t sid = device_of(d, by_pasid);
	bool many = d[1] & (by_pasid ? VTD_DESC_PDTLB1_S : VTD_DESC_DTLB1_S);
	bool global = by_pasid && (d[1] & VTD_DESC_PDTLB1_G);
	uint32_t pasid = by_pasid ? (uint32_t)vtd_get(d[0], VTD_DESC_PASID) : 0;
	uint64_t address = d[1] & VTD_ADDR_MASK, size = 4096;
	const struct vtd_atc *atc = NULL;

	if (!v->config.dt)
		return VTD_IQEI_TYPE;
	if (by_pasid ? d[1] & VTD_DESC_PDTLB_RSVD1 :
		       (d[0] & VTD_DESC_DTLB_RSVD0) || (d[1] & VTD_DESC_DTLB_RSVD1))
		return VTD_IQEI_RSVD;
	if (many) {
		unsigned int bit = 12;

		while (bit < 63 && address >> bit & 1)
			bit++;
		if (bit >= 63) {
			address = 0;
			size = UINT64_MAX;
		} else {
			size = UINT64_C(1) << (bit + 1);
			address &= ~(size - 1);
		}
	}
	if (v->atcs && v->atcs[sid >> 8])
		atc = &v->atcs[sid >> 8][sid & 0xff];
	if (atc && atc->set &&
	    atc->atc.invalidate(atc->atc.context, by_pasid, pasid, address, size, global)) {
		vtd_ats_invalidated(v, sid, by_pasid, pasid, global, address, size);
		return DONE;
	}
	if (!(vtd_reg32(v, VTD_REG_FSTS) & VTD_FSTS_ITE))
		vtd_set_reg64(v, VTD_REG_IQERCD,
			      (vtd_reg64(v, VTD_REG_IQERCD) & ~VTD_IQERCD_ITESID) |
				      vtd_set(sid, VTD_IQERCD_ITESID));
	vtd_fault_status(v, VTD_FSTS_ITE);
	return DONE;
}

static int do_wait(struct model_vtd *v, const uint64_t *d)
{
	uint64_t address = d[1] & VTD_DESC_WAIT1_ADDR;

	if ((d[0] & VTD_DESC_WAIT_RSVD0) || (d[1] & VTD_DESC_WAIT_RSVD1) ||
	    ((d[0] & VTD_DESC_WAIT_PD) && !v->config.pds))
		return VTD_IQEI_RSVD;
	if (d[0] & VTD_DESC_WAIT_PD)
		vtd_prq_drain(v);
	if ((d[0] & VTD_DESC_WAIT_SW) &&
	    !model_memory_store(v->mem, address, vtd_get(d[0], VTD_DESC_WAIT_DATA), 4))
		vtd_complain(
			v, MODEL_REPORT_WILD, "6.5.2.8",
			"the status of a wait descriptor goes to memory that is not for tables",
			address);
	if (d[0] & VTD_DESC_WAIT_IF)
		vtd_completion_event(v);
	return DONE;
}

static int do_iec(const struct model_vtd *v, const uint64_t *d)
{
	(void)v;
	return (d[0] & VTD_DESC_IEC_RSVD0) || d[1] ? VTD_IQEI_RSVD : DONE;
}

static int carry_out(struct model_vtd *v, const uint64_t *d, bool wide)
{
	unsigned int type = vtd_desc_type(d[0]);

	if (wide && (d[2] || d[3]))
		return VTD_IQEI_RSVD;
	if (type >= VTD_DESC_PASID_IOTLB && type <= VTD_DESC_PAGE_RESPONSE && !vtd_scalable_root(v))
		return v->config.scalable ? VTD_IQEI_TTM : VTD_IQEI_TYPE;
	switch (type) {
	case VTD_DESC_CONTEXT:
		return do_context(v, d);
	case VTD_DESC_IOTLB:
		return do_iotlb(v, d);
	case VTD_DESC_DEVICE_TLB:
		return do_device_tlb(v, d, false);
	case VTD_DESC_IEC:
		return do_iec(v, d);
	case VTD_DESC_WAIT:
		return do_wait(v, d);
	case VTD_DESC_PASID_IOTLB:
		return do_pasid_iotlb(v, d);
	case VTD_DESC_PASID_CACHE:
		return do_pasid_cache(v, d);
	case VTD_DESC_PASID_DEVICE_TLB:
		return do_device_tlb(v, d, true);
	case VTD_DESC_PAGE_RESPONSE:
		return vtd_page_response(v, d, wide);
	default:
		return VTD_IQEI_TYPE;
	}
}

/* ---- the queue --------------------------------------------------------------------------------- */

static void queue_error(struct model_vtd *v, int info, uint64_t d0)
{
	static const char *const words[] = {
		[VTD_IQEI_UNKNOWN] = "invalidation queue error",
		[VTD_IQEI_TAIL] = "tail beyond the invalidation queue",
		[VTD_IQEI_FETCH] = "a descriptor lies in memory that is not for tables",
		[VTD_IQEI_TYPE] = "invalid descriptor type",
		[VTD_IQEI_RSVD] = "reserved bits or an invalid field in a descriptor",
		[VTD_IQEI_WIDTH] = "descriptor needs 256 bits",
		[VTD_IQEI_TAIL_ALIGN] = "tail is not aligned to the descriptors",
		[VTD_IQEI_TTM] = "descriptor does not fit the translation table mode",
	};
	enum model_report_kind kind = info == VTD_IQEI_RSVD  ? MODEL_REPORT_RESERVED :
				      info == VTD_IQEI_FETCH ? MODEL_REPORT_WILD :
							       MODEL_REPORT_ILLEGAL;

	vtd_complain(v, kind, "6.5.2", words[info], d0);
	vtd_set_reg64(v, VTD_REG_IQERCD,
		      (vtd_reg64(v, VTD_REG_IQERCD) & ~VTD_IQERCD_IQEI) | (uint64_t)info);
	vtd_fault_status(v, VTD_FSTS_IQE);
}

static bool queue_runs(const struct model_vtd *v)
{
	uint32_t fsts = vtd_reg32(v, VTD_REG_FSTS);

	return (vtd_reg32(v, VTD_REG_GSTS) & VTD_GSTS_QIES) && !(fsts & VTD_FSTS_IQE) &&
	       (!(fsts & VTD_FSTS_ITE) || v->fetched);
}

/* With @left more in the queue. */
static uint32_t fetched_ahead(struct model_vtd *v, uint64_t left)
{
	uint64_t n = vtd_random(v) % (VTD_MAX_FETCHED + 1);

	return (uint32_t)(n < left ? n : left);
}

/*
 * 6.5.2.10: a device that does not answer sets ITE, and nothing more is fetched until software clears it.
 * What had been fetched before is carried out, but for waits: these are given up.
 */
bool vtd_queue_step(struct model_vtd *v)
{
	uint64_t iqa = vtd_reg64(v, VTD_REG_IQA);
	uint64_t head = vtd_reg64(v, VTD_REG_IQH), tail = vtd_reg64(v, VTD_REG_IQT);
	uint64_t bytes = (uint64_t)VTD_PAGE_SIZE << (iqa & VTD_IQA_QS);
	bool wide = iqa & VTD_IQA_DW, unflushed;
	uint64_t size = wide ? VTD_DESC_SIZE_256 : VTD_DESC_SIZE_128;
	uint64_t d[4] = { 0 };
	bool ite = vtd_reg32(v, VTD_REG_FSTS) & VTD_FSTS_ITE;
	unsigned int type;
	int info;

	if (!queue_runs(v) || head == tail || !vtd_responses_room(v))
		return false;
	if (wide && (tail & 16)) {
		queue_error(v, VTD_IQEI_TAIL_ALIGN, tail);
		return false;
	}
	if (tail >= bytes) {
		queue_error(v, VTD_IQEI_TAIL, tail);
		return false;
	}
	for (unsigned int i = 0; i < size / 8; i++) {
		/* ECAP.C is about tables; the queue is always coherent (11.4.3). */
		if (!model_memory_fetch(v->mem, (iqa & VTD_IQA_IQA) + head + 8 * i, false, &d[i],
					&unflushed)) {
			queue_error(v, VTD_IQEI_FETCH, (iqa & VTD_IQA_IQA) + head);
			return false;
		}
	}
	type = vtd_desc_type(d[0]);
	if ((type == VTD_DESC_DEVICE_TLB || type == VTD_DESC_PASID_DEVICE_TLB) &&
	    vtd_responses_first(v, device_of(d, type == VTD_DESC_PASID_DEVICE_TLB)))
		return false;
	if (ite && type == VTD_DESC_WAIT)
		info = DONE; /* given up: neither its status nor its interrupt ever comes */
	else
		info = carry_out(v, d, wide);
	if (info != DONE) {
		queue_error(v, info, d[0]); /* the head stays at the bad descriptor */
		return false;
	}
	head = (head + size) % bytes;
	vtd_set_reg64(v, VTD_REG_IQH, head);
	/* How many had been fetched when a device turned out not to answer, nobody knows. */
	if (!ite && (vtd_reg32(v, VTD_REG_FSTS) & VTD_FSTS_ITE))
		v->fetched = fetched_ahead(v, (tail - head) % bytes / size);
	else if (ite)
		v->fetched--;
	return head != tail;
}

void vtd_queue_run(struct model_vtd *v)
{
	if (!v->config.lazy)
		while (vtd_queue_step(v))
			;
}
