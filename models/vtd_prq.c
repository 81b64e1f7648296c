/* SPDX-License-Identifier: MIT */
/*
 * vtd_prq.c - page requests: what becomes of one, the queue, responses, and who may reuse a PASID (7.4 to 7.11)
 *
 * A request is checked against the structures when it arrives.  What is wrong there is recorded as a fault
 * and answered by the unit itself.  A good one may be held for a while (7.7 lets it be under way until a
 * wait descriptor with PD), and then goes to the queue in memory.  If that is full, PRO is set; while it is,
 * requests are not queued: one that is the last of its group is answered with success, so that the device
 * asks again, and others vanish.
 *
 * The unit remembers
 *
 *   groups   a last request that software was given and has not answered: a response must be for one of them
 *   askers   (source, PASID) that asked for pages, or may have when the PASID was torn down: what it stood
 *            for, and whether it was torn down and drained since
 *
 * Responses go to devices after the unit's lock is released, in order: a device may ask at once for the
 * translation that it waited for.  They may be under way for a while too, but no longer than until an
 * invalidation of the device's TLB.
 */
#include <string.h>

#include "models/vtd_internal.h"

static bool is_stop_marker(const struct model_page_request *r)
{
	return r->has_pasid && r->last && !(r->access & (MODEL_READ | MODEL_WRITE));
}

static uint64_t asker_key(uint16_t sid, uint32_t pasid)
{
	return (uint64_t)sid << 20 | pasid;
}

static uint64_t group_key(uint16_t sid, bool has_pasid, uint32_t pasid)
{
	return asker_key(sid, has_pasid ? pasid : 0) | (uint64_t)has_pasid << 36;
}

/* ---- responses --------------------------------------------------------------------------------- */

static void respond(struct model_vtd *v, uint16_t sid, const struct vtd_response *response)
{
	const struct vtd_atc *atc = v->atcs && v->atcs[sid >> 8] ? &v->atcs[sid >> 8][sid & 0xff] :
								   NULL;

	if (!atc || !atc->set || !atc->atc.page_response)
		return;
	if (!v->num_responses)
		v->response_delay = v->config.lazy ? (uint32_t)(vtd_random(v) % 4) : 0;
	/* vtd_responses_room() keeps this from ever being full. */
	v->responses[v->num_responses] = *response;
	v->responses[v->num_responses].sid = sid;
	v->responses[v->num_responses++].atc = atc->atc;
}

/* The unit answers itself; stop markers and requests that are not the last get no response. */
static void respond_itself(struct model_vtd *v, const struct model_page_request *r,
			   enum model_page_response code)
{
	struct vtd_response response = {
		.has_pasid = r->has_pasid,
		.pasid = r->pasid,
		.group = r->group,
		.code = code,
	};

	if (r->last && !is_stop_marker(r))
		respond(v, r->source_id, &response);
}

/* One descriptor answers one group; held requests that leave together may be answered each. */
bool vtd_responses_room(struct model_vtd *v)
{
	if (v->num_responses + VTD_HELD + 1 < VTD_RESPONSES)
		return true;
	v->response_delay = 0;
	return false;
}

/*
 * 7.8: an invalidation of a device's TLB does not pass responses to the device, which is how software knows that
 * they arrived.  True: one is still under way.
 */
bool vtd_responses_first(struct model_vtd *v, uint16_t sid)
{
	if (v->delivering)
		return true;
	for (uint32_t i = 0; i < v->num_responses; i++) {
		if (v->responses[i].sid == sid) {
			v->response_delay = 0;
			return true;
		}
	}
	return false;
}

void vtd_unlock(struct model_vtd *v)
{
	while (v->num_responses && !v->response_delay) {
		struct vtd_response responses[VTD_RESPONSES];
		uint32_t n = v->num_responses;

		memcpy(responses, v->responses, n * sizeof(*responses));
		v->num_responses = 0;
		v->delivering++;
		uiommu_port_mutex_unlock(v->host, &v->lock);
		for (uint32_t i = 0; i < n; i++) {
			const struct vtd_response *r = &responses[i];

			r->atc.page_response(r->atc.context, r->has_pasid, r->pasid, r->group,
					     r->code);
		}
		uiommu_port_mutex_lock(v->host, &v->lock);
		v->delivering--;
		vtd_queue_run(v);
	}
	uiommu_port_mutex_unlock(v->host, &v->lock);
}

/* A response without PASID: of a function that takes none, whose group has that of its requests (PCIe 6.0, 10.5.2.3). */
static struct vtd_group *group_by_index(struct model_vtd *v, uint16_t sid, uint16_t index)
{
	for (uint32_t i = 0; i < v->groups.used; i++) {
		struct vtd_group *g = model_cache_at(&v->groups, i);

		if (g && g->sid == sid && g->node.key[1] == index)
			return g;
	}
	return NULL;
}

static bool same_asker(uint64_t key, uint64_t response, bool has_pasid)
{
	return key == response || (!has_pasid && (key >> 20 & 0xffff) == response >> 20);
}

/* Which mistake a response to no group is. */
static const char *wrong_response(struct model_vtd *v, uint16_t sid, bool has_pasid, uint32_t pasid,
				  uint16_t group)
{
	uint64_t key = group_key(sid, has_pasid, pasid);

	for (unsigned int i = 0; i < VTD_ANSWERED; i++)
		if (v->answered[i].valid && v->answered[i].group == group &&
		    same_asker(v->answered[i].key, key, has_pasid))
			return "a page request group is answered a second time";
	for (uint32_t i = 0; i < v->groups.used; i++) {
		const struct vtd_group *g = model_cache_at(&v->groups, i);

		if (!g || g->sid != sid)
			continue;
		if (g->node.key[0] == key)
			return "a page response with a wrong group index: other groups of this "
			       "device and PASID wait";
		if (g->node.key[1] == group)
			return "a page response with a wrong PASID: this group of the device has "
			       "another";
	}
	return "a page response to a group that no last request was queued of";
}

int vtd_page_response(struct model_vtd *v, const uint64_t *d, bool wide)
{
	uint16_t sid = (uint16_t)vtd_get(d[0], VTD_DESC_PR_RID);
	unsigned int code = (unsigned int)vtd_get(d[0], VTD_DESC_PR_RC);
	struct vtd_response response = {
		.has_pasid = d[0] & VTD_DESC_PR_PP,
		.pasid = (uint32_t)vtd_get(d[0], VTD_DESC_PASID),
		.group = (uint16_t)vtd_get(d[1], VTD_DESC_PR1_PRGI),
		.code = (enum model_page_response)code,
	};
	struct vtd_group *group;
	uint64_t key = group_key(sid, response.has_pasid, response.pasid);

	if (!v->config.prs)
		return VTD_IQEI_TYPE;
	if (!wide)
		return VTD_IQEI_WIDTH;
	if ((d[0] & VTD_DESC_PR_RSVD0) || (d[1] & VTD_DESC_PR_RSVD1) || d[2] || d[3] ||
	    (code != VTD_PR_SUCCESS && code != VTD_PR_INVALID && code != VTD_PR_FAILURE) ||
	    response.pasid >> (response.has_pasid ? vtd_ecap_pasid_bits(v->ecap) : 0))
		return VTD_IQEI_RSVD;
	group = model_cache_find(&v->groups, key, response.group);
	if (!group && !response.has_pasid)
		group = group_by_index(v, sid, response.group);
	if (group) {
		key = group->node.key[0];
		if (!--group->due)
			model_cache_drop(&v->groups, group);
		v->answered[v->next_answered] = (struct vtd_answered){ true, key, response.group };
		v->next_answered = (v->next_answered + 1) % VTD_ANSWERED;
	} else {
		struct model_request r = {
			.source_id = sid,
			.has_pasid = response.has_pasid,
			.pasid = response.pasid,
		};

		vtd_complain_request(v, MODEL_REPORT_ILLEGAL, "7.6", &r, response.group, UINT64_MAX,
				     wrong_response(v, sid, response.has_pasid, response.pasid,
						    response.group));
	}
	respond(v, sid, &response);
	return -1;
}

/* ---- the queue in memory ----------------------------------------------------------------------- */

static uint64_t queue_bytes(const struct model_vtd *v)
{
	return (uint64_t)VTD_PAGE_SIZE << (vtd_reg64(v, VTD_REG_PQA) & VTD_PQA_PQS);
}

/* 7.5: one event until software has cleared both conditions. */
static void status(struct model_vtd *v, uint32_t bit)
{
	uint32_t *prs = &v->regs[VTD_REG_PRS / 4];
	bool quiet = !(*prs & (VTD_PRS_PPR | VTD_PRS_PRO));

	*prs |= bit;
	if (quiet)
		vtd_event(v, VTD_REG_PECTL);
}

static bool write_descriptor(struct model_vtd *v, const struct model_page_request *r, uint64_t at)
{
	const uint64_t d[4] = {
		VTD_PRQ0_TYPE_REQUEST | vtd_set(r->source_id, VTD_PRQ0_RID) |
			(r->has_pasid ? VTD_PRQ0_PP | vtd_set(r->pasid, VTD_PRQ0_PASID) : 0) |
			(r->has_pasid && (r->access & MODEL_EXEC) ? VTD_PRQ0_EXE : 0) |
			(r->has_pasid && (r->access & MODEL_PRIV) ? VTD_PRQ0_PRIV : 0),
		(r->address & VTD_PRQ1_ADDR) | (r->access & MODEL_READ ? VTD_PRQ1_RD : 0) |
			(r->access & MODEL_WRITE ? VTD_PRQ1_WR : 0) |
			(r->last ? VTD_PRQ1_LPIG : 0) | vtd_set(r->group, VTD_PRQ1_PRGI),
	};

	for (unsigned int i = 0; i < 4; i++)
		if (!model_memory_store(v->mem, at + 8 * i, d[i], 8))
			return false;
	return true;
}

static void enqueue(struct model_vtd *v, const struct vtd_page_request *held)
{
	const struct model_page_request *r = &held->request;
	uint64_t head = vtd_reg64(v, VTD_REG_PQH), tail = vtd_reg64(v, VTD_REG_PQT);
	uint64_t base = vtd_reg64(v, VTD_REG_PQA) & VTD_PQA_PQA;
	uint64_t next = (tail + VTD_PRQ_SIZE) % queue_bytes(v);
	struct vtd_group *group;

	if (next == head)
		status(v, VTD_PRS_PRO);
	if (vtd_reg32(v, VTD_REG_PRS) & VTD_PRS_PRO) {
		respond_itself(v, r, MODEL_PAGE_SUCCESS);
		return;
	}
	if (!write_descriptor(v, r, base + tail)) {
		vtd_complain(v, MODEL_REPORT_WILD, "7.4",
			     "the page request queue lies in memory that is not for tables",
			     base + tail);
		respond_itself(v, r, MODEL_PAGE_FAILURE);
		return;
	}
	vtd_set_reg64(v, VTD_REG_PQT, next);
	if (r->last && !is_stop_marker(r)) {
		uint64_t key = group_key(r->source_id, r->has_pasid, r->pasid);
		uint32_t due;

		group = model_cache_find(&v->groups, key, r->group);
		due = group ? group->due : 0;
		group = model_cache_put(&v->groups, key, r->group);
		if (group) {
			group->sid = r->source_id;
			group->pasid = held->pasid;
			group->due = due + 1;
		}
	}
	status(v, VTD_PRS_PPR);
}

/* The oldest of the held requests goes to the queue. False: none. */
static bool release(struct model_vtd *v)
{
	struct vtd_page_request first = v->held[0];

	if (!v->num_held)
		return false;
	v->num_held--;
	memmove(v->held, v->held + 1, v->num_held * sizeof(*v->held));
	enqueue(v, &first);
	return true;
}

bool vtd_prq_step(struct model_vtd *v)
{
	bool responses = v->num_responses;

	if (v->response_delay)
		v->response_delay--;
	if (!v->num_held || !vtd_responses_room(v))
		return responses;
	if (v->held_delay)
		v->held_delay--;
	else
		release(v);
	return true;
}

/* Registers: software consumes, clears, or moves the queue (11.4.11). */
void vtd_prq_written(struct model_vtd *v, uint32_t offset, uint32_t old)
{
	uint64_t bytes = queue_bytes(v), head, tail = vtd_reg64(v, VTD_REG_PQT);
	uint32_t *prs = &v->regs[VTD_REG_PRS / 4];

	switch (offset) {
	case VTD_REG_PQH:
		head = vtd_reg64(v, VTD_REG_PQH);
		if (head >= bytes || (head - old) % bytes > (tail - old) % bytes)
			vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.11",
				     "the head of the page request queue passes its tail", head);
		break;
	case VTD_REG_PQT:
		if (old != tail && vtd_reg64(v, VTD_REG_PQH) != old)
			vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.11",
				     "the tail of the page request queue is written while "
				     "requests are in it",
				     tail);
		break;
	case VTD_REG_PQA:
	case VTD_REG_PQA + 4:
		if (old != v->regs[offset / 4] && vtd_reg64(v, VTD_REG_PQH) != tail)
			vtd_complain(v, MODEL_REPORT_ILLEGAL, "11.4.11",
				     "the page request queue is moved while requests are in it",
				     vtd_reg64(v, VTD_REG_PQA));
		break;
	case VTD_REG_PRS:
		if (!(*prs & (VTD_PRS_PPR | VTD_PRS_PRO)))
			v->regs[VTD_REG_PECTL / 4] &= ~VTD_ECTL_IP;
		break;
	default:
		break;
	}
}

/* ---- PASIDs and their former uses (7.10, 7.11) ------------------------------------------------- */

static void use_of(const uint64_t *pe, uint64_t use[3])
{
	use[0] = pe[0] & (VTD_PE0_PGTT | VTD_PE0_SSPTPTR);
	use[1] = pe[1] & VTD_PE1_DID;
	use[2] = pe[2] & VTD_PE2_FSPTPTR;
}

/* What the PASID stands for by its table entry in memory. False: not present. */
static bool use_now(struct model_vtd *v, uint16_t sid, bool has_pasid, uint32_t pasid,
		    uint64_t use[3])
{
	struct model_request r = { .source_id = sid, .has_pasid = has_pasid, .pasid = pasid };
	struct vtd_walk w = { .request = &r, .fresh = true };

	if (!vtd_walk_pasid(v, &w))
		return false;
	use_of(w.pe, use);
	return true;
}

static bool in_queue(struct model_vtd *v, uint16_t sid, uint32_t pasid, bool has_pasid)
{
	uint64_t base = vtd_reg64(v, VTD_REG_PQA) & VTD_PQA_PQA, bytes = queue_bytes(v);
	uint64_t at = vtd_reg64(v, VTD_REG_PQH), tail = vtd_reg64(v, VTD_REG_PQT), d;
	bool unflushed;

	for (; at != tail && at < bytes; at = (at + VTD_PRQ_SIZE) % bytes) {
		if (!model_memory_fetch(v->mem, base + at, false, &d, &unflushed))
			return false;
		if (vtd_get(d, VTD_PRQ0_RID) == sid && !!(d & VTD_PRQ0_PP) == has_pasid &&
		    (!has_pasid || vtd_get(d, VTD_PRQ0_PASID) == pasid))
			return true;
	}
	for (uint32_t i = 0; i < v->num_held; i++)
		if (v->held[i].request.source_id == sid && v->held[i].pasid == pasid)
			return true;
	return false;
}

static bool unanswered(const struct model_vtd *v, uint16_t sid, uint32_t pasid)
{
	for (uint32_t i = 0; i < v->groups.used; i++) {
		const struct vtd_group *g = model_cache_at(&v->groups, i);

		if (g && g->sid == sid && g->pasid == pasid && !g->forgotten)
			return true;
	}
	return false;
}

/* Hardware finds a present entry for this PASID: is it for another use, and was the former one drained? */
void vtd_prq_pasid_used(struct model_vtd *v, uint16_t sid, uint32_t pasid)
{
	struct vtd_asker *asker = model_cache_find(&v->askers, asker_key(sid, pasid), 0);
	struct model_request r = { .source_id = sid, .has_pasid = true, .pasid = pasid };
	const char *text = NULL;
	uint64_t use[3];

	if (!asker || !asker->torn || !use_now(v, sid, asker->has_pasid, pasid, use))
		return;
	if (memcmp(use, asker->use, sizeof(use))) {
		if (in_queue(v, sid, pasid, asker->has_pasid))
			text = "a PASID has a new use while page requests of its former one are "
			       "in the queue";
		else if (unanswered(v, sid, pasid))
			text = "a PASID has a new use while a page request of its former one is "
			       "not answered";
		else if (v->config.pds && !asker->drained)
			text = "a PASID has a new use, and no wait descriptor drained page "
			       "requests since its former one ended";
	}
	if (text)
		vtd_complain_request(v, MODEL_REPORT_ILLEGAL, "7.11", &r, asker->use[1], use[1],
				     text);
	model_cache_drop(&v->askers, asker);
}

/*
 * An entry that was in use leaves the PASID cache.  A device that may ask for pages may have done so without
 * anybody having seen it yet.
 */
void vtd_prq_pasid_dropped(struct model_vtd *v, const struct vtd_node *node)
{
	struct model_request r = { .source_id = node->sid,
				   .has_pasid = true,
				   .pasid = node->pasid };
	uint64_t key = asker_key(node->sid, node->pasid);
	struct vtd_walk w = { .request = &r, .fresh = true };
	struct vtd_asker *asker;

	if (node->fault || !v->config.prs || model_cache_find(&v->askers, key, 0))
		return;
	vtd_walk_pasid(v, &w);
	if (!(w.ce[0] & VTD_SCE0_P) || !(w.ce[0] & VTD_SCE0_PRE) ||
	    (w.ce[1] & VTD_SCE1_RID_PASID) == node->pasid || (w.pe[0] & VTD_PE0_P))
		return;
	asker = model_cache_put(&v->askers, key, 0);
	if (!asker)
		return;
	asker->sid = node->sid;
	asker->pasid = node->pasid;
	asker->has_pasid = true;
	use_of(node->q, asker->use);
}

/* A PASID-cache invalidation: from now on hardware sees what memory says. */
void vtd_prq_pasids_dropped(struct model_vtd *v, bool by_pasid, uint32_t pasid)
{
	for (uint32_t i = 0; i < v->askers.used; i++) {
		struct vtd_asker *asker = model_cache_at(&v->askers, i);

		if (!asker || (by_pasid && asker->pasid != pasid) || asker->torn)
			continue;
		if (!use_now(v, asker->sid, asker->has_pasid, asker->pasid, asker->use))
			asker->torn = true;
	}
}

/* 6.5.2.8: a wait descriptor with PD is done when all that was received before it is in the queue. */
void vtd_prq_drain(struct model_vtd *v)
{
	while (release(v))
		;
	for (uint32_t i = 0; i < v->askers.used; i++) {
		struct vtd_asker *asker = model_cache_at(&v->askers, i);

		if (!asker || !asker->torn)
			continue;
		asker->drained = true;
		if (!unanswered(v, asker->sid, asker->pasid) &&
		    !in_queue(v, asker->sid, asker->pasid, asker->has_pasid))
			model_cache_drop(&v->askers, asker);
	}
}

/* The device was reset or no longer uses ATS: it does not wait for responses, but may still get them. */
void vtd_prq_device_gone(struct model_vtd *v, uint16_t sid)
{
	for (uint32_t i = 0; i < v->groups.used; i++) {
		struct vtd_group *g = model_cache_at(&v->groups, i);

		if (g && g->sid == sid)
			g->forgotten = true;
	}
}

static void remember_asker(struct model_vtd *v, const struct model_page_request *r, uint32_t pasid)
{
	uint64_t key = asker_key(r->source_id, pasid), use[3];
	struct vtd_asker *asker;

	vtd_prq_pasid_used(v, r->source_id, pasid);
	if (model_cache_find(&v->askers, key, 0) ||
	    !use_now(v, r->source_id, r->has_pasid, pasid, use))
		return;
	asker = model_cache_put(&v->askers, key, 0);
	if (!asker)
		return;
	asker->sid = r->source_id;
	asker->pasid = pasid;
	asker->has_pasid = r->has_pasid;
	memcpy(asker->use, use, sizeof(use));
}

/* ---- a request arrives ------------------------------------------------------------------------- */

/*
 * Table of 7.1.3, as far as it is about page requests.  What no page will mend in this configuration is
 * "invalid request"; structures that cannot be read or are malformed are a failure, after which the
 * device asks no more.
 */
static enum model_page_response response_for(uint8_t fault)
{
	switch (fault) {
	case VTD_FR_SM_CONTEXT_PASIDE:
	case VTD_FR_SM_PASID_BEYOND:
	case VTD_FR_SM_CONTEXT_PRE:
	case VTD_FR_SM_RID_PASID:
	case VTD_FR_PASID_DIR_NOT_PRESENT:
	case VTD_FR_PASID_NOT_PRESENT:
	case VTD_FR_PASID_ERE:
	case VTD_FR_PASID_SRE:
		return MODEL_PAGE_INVALID;
	default:
		return MODEL_PAGE_FAILURE;
	}
}

static bool request_locked(struct model_vtd *v, const struct model_page_request *r)
{
	struct model_request as = {
		.type = MODEL_UNTRANSLATED,
		.segment = r->segment,
		.source_id = r->source_id,
		.has_pasid = r->has_pasid,
		.pasid = r->pasid,
		.iova = r->address,
		.size = VTD_PAGE_SIZE,
		.access = r->access,
	};
	struct vtd_walk w = { .request = &as, .page_request = true };

	if (!v->config.prs || !(vtd_reg32(v, VTD_REG_GSTS) & VTD_GSTS_TES) ||
	    vtd_get(v->root, VTD_RTADDR_TTM) == VTD_TTM_ABORT)
		return false;
	vtd_responses_room(v);
	if (!vtd_walk_page_request(v, &w)) {
		vtd_record(v, &w);
		respond_itself(v, r, response_for(w.fault));
		return true;
	}
	if (is_stop_marker(r) && !v->config.sms)
		return true;
	if (!is_stop_marker(r)) {
		vtd_invalidate_requested_page(v, &w);
		remember_asker(v, r, w.pasid);
	}
	if (v->num_held == VTD_HELD)
		release(v);
	if (!v->num_held)
		v->held_delay = v->config.lazy ? (uint32_t)(vtd_random(v) % 4) : 0;
	v->held[v->num_held++] = (struct vtd_page_request){ *r, w.pasid };
	if (!v->held_delay && !v->config.lazy)
		release(v);
	return true;
}

bool vtd_page_request(void *context, const struct model_page_request *request)
{
	struct model_vtd *v = context;
	bool taken;

	uiommu_port_mutex_lock(v->host, &v->lock);
	taken = request_locked(v, request);
	vtd_unlock(v);
	return taken;
}
