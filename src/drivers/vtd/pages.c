/* SPDX-License-Identifier: MIT */
/*
 * pages.c - page requests: from the unit's queue to the core, and the responses (7.4 to 7.10)
 *
 * Whoever finds descriptors - the interrupt, a poll, a drain - takes them out one by one and reports each
 * with no lock held, since a report may run a handler that attaches or maps.  So several threads can
 * report at the same time.  The core needs the requests of a group in their order, and a
 * drain has to know that nothing that was taken out is still unreported.  Therefore each descriptor that is being
 * reported is on a list (struct vtd_page_reader, on its reporter's stack):
 *
 * - Nobody takes a descriptor while one that is not the last of its group is being reported.  That is short:
 *   the core only notes it.  Behind a last one nothing of the same group can follow before its response.
 * - A drain waits for the last ones of its own (device, PASID) alone.  Their handlers are those
 *   that the core itself waits for; a handler for another PASID may want the lock that the drain's
 *   caller holds.
 *
 * Interrupts.  PPR is cleared before the tail is read: a descriptor that comes in later sets it again and
 * raises the next interrupt (7.4.1).
 *
 * Overflow.  While PRO is set hardware queues nothing: it drops requests and answers the last of each
 * group itself (7.4.1).  The device will ask again.  So the queue is emptied, the core forgets the
 * groups whose end may be among what was dropped, and PRO is cleared; there is no request left that waits for
 * an answer of software.
 */
#include "src/drivers/vtd/unit.h"

#define RING_ORDER 0 /* 128 descriptors: four devices at their most; PQA.PQS */
#define DRAIN_ROUNDS 4

static void lock(struct uiommu_vtd *unit)
{
	uiommu_port_mutex_lock(unit->host, &unit->pages.lock);
}

static void unlock(struct uiommu_vtd *unit)
{
	uiommu_port_mutex_unlock(unit->host, &unit->pages.lock);
}

static unsigned int ring_tail(const struct uiommu_vtd *unit)
{
	uint64_t tail = vtd_read64(unit, VTD_REG_PQT) & VTD_PQ_PTR;

	return (unsigned int)(tail / VTD_PRQ_SIZE) % unit->pages.entries;
}

static bool answers(const struct vtd_page_reader *reader, const struct vtd_device *device,
		    uiommu_pasid_t pasid)
{
	for (unsigned int i = 0; reader->pasid == pasid && i < device->num_source_ids; i++)
		if (device->source_id[i] == reader->source_id)
			return true;
	return false;
}

/* Is a request being reported that @device (NULL: nobody) and @pasid wait for?  With the lock. */
static bool busy(const struct vtd_page_queue *q, const struct vtd_device *device,
		 uiommu_pasid_t pasid)
{
	for (const struct vtd_page_reader *r = q->readers; r; r = r->next)
		if (!r->last || (device && answers(r, device, pasid)))
			return true;
	return false;
}

/* Take the lock when there is no such request. */
static void lock_when_quiet(struct uiommu_vtd *unit, const struct vtd_device *device,
			    uiommu_pasid_t pasid)
{
	lock(unit);
	while (busy(&unit->pages, device, pasid)) {
		unlock(unit);
		uiommu_port_relax(unit->host);
		lock(unit);
	}
}

/* ---- one descriptor ---------------------------------------------------------------------------- */

static bool is_request(const uint64_t desc[4])
{
	return (desc[0] & VTD_PRQ0_TYPE) == VTD_PRQ0_TYPE_REQUEST;
}

static void decode(const uint64_t desc[4], struct uiommu_page_request *request)
{
	*request = (struct uiommu_page_request){
		.source_id = (uint32_t)vtd_get(desc[0], VTD_PRQ0_RID),
		.flags = desc[1] & VTD_PRQ1_LPIG ? UIOMMU_PAGE_REQUEST_LAST : 0,
		.group = (uint32_t)vtd_get(desc[1], VTD_PRQ1_PRGI),
		.address = desc[1] & VTD_PRQ1_ADDR,
		.prot = (desc[1] & VTD_PRQ1_RD ? UIOMMU_READ : 0u) |
			(desc[1] & VTD_PRQ1_WR ? UIOMMU_WRITE : 0u) |
			(desc[0] & VTD_PRQ0_PRIV ? UIOMMU_PRIV : 0u),
		.execute = desc[0] & VTD_PRQ0_EXE,
		.private_data = { desc[2], desc[3] },
	};
	if (desc[0] & VTD_PRQ0_PP) {
		request->flags |= UIOMMU_PAGE_REQUEST_PASID;
		request->pasid = (uiommu_pasid_t)vtd_get(desc[0], VTD_PRQ0_PASID);
	}
}

/* PCIe 6.0, 10.4.1.2.1: it says that nothing with this PASID comes any more, and is not answered. */
static bool is_stop_marker(const uint64_t desc[4])
{
	return (desc[1] & (VTD_PRQ1_RD | VTD_PRQ1_WR | VTD_PRQ1_LPIG)) == VTD_PRQ1_LPIG;
}

static void report(struct uiommu_vtd *unit, const uint64_t desc[4])
{
	struct uiommu_page_request request;

	if (is_request(desc) && is_stop_marker(desc))
		return;
	decode(desc, &request);
	if (is_request(desc) && !(desc[0] & VTD_PRQ0_RSVD)) {
		uiommu_report_page_request(&unit->instance, &request);
		return;
	}
	uiommu_log(unit->host, UIOMMU_LOG_ERROR, "%s: page request %llx %llx is of no known form",
		   unit->config.name, (unsigned long long)desc[0], (unsigned long long)desc[1]);
	/* Whoever sent it waits. */
	if (is_request(desc) && (request.flags & UIOMMU_PAGE_REQUEST_LAST))
		uiommu_vtd_page_response(&unit->instance, &request, UIOMMU_PAGE_INVALID);
}

/* ---- the queue --------------------------------------------------------------------------------- */

/* Take the oldest one out; false: there is none, or @until of them have been taken. */
static bool take(struct uiommu_vtd *unit, uint64_t until, uint64_t desc[4],
		 struct vtd_page_reader *reader)
{
	struct vtd_page_queue *q = &unit->pages;
	bool found;

	lock_when_quiet(unit, NULL, 0);
	found = q->taken < until && ring_tail(unit) != q->head;
	if (found) {
		/* The tail before what it covers. */
		atomic_thread_fence(memory_order_acquire);
		for (unsigned int i = 0; i < 4; i++)
			desc[i] = q->ring[q->head][i];
		q->head = (q->head + 1) % q->entries;
		q->taken++;
		vtd_write64(unit, VTD_REG_PQH, (uint64_t)q->head * VTD_PRQ_SIZE);
		*reader = (struct vtd_page_reader){
			.next = q->readers,
			.source_id = (uint16_t)vtd_get(desc[0], VTD_PRQ0_RID),
			.pasid = desc[0] & VTD_PRQ0_PP ?
					 (uiommu_pasid_t)vtd_get(desc[0], VTD_PRQ0_PASID) :
					 UIOMMU_RID,
			.last = (desc[1] & VTD_PRQ1_LPIG) || !is_request(desc),
		};
		q->readers = reader;
	}
	unlock(unit);
	return found;
}

static void done(struct uiommu_vtd *unit, struct vtd_page_reader *reader)
{
	struct vtd_page_reader **at = &unit->pages.readers;

	lock(unit);
	while (*at != reader)
		at = &(*at)->next;
	*at = reader->next;
	unlock(unit);
}

/* What is in the queue now, by us or by somebody else who is at it; false: it was empty. */
static bool read_queue(struct uiommu_vtd *unit)
{
	struct vtd_page_queue *q = &unit->pages;
	struct vtd_page_reader reader;
	uint64_t desc[4], until, had;

	lock(unit);
	had = q->taken;
	until = had + (ring_tail(unit) + q->entries - q->head) % q->entries;
	unlock(unit);
	while (take(unit, until, desc, &reader)) {
		report(unit, desc);
		done(unit, &reader);
	}
	return until != had;
}

static void recover(struct uiommu_vtd *unit)
{
	struct vtd_page_queue *q = &unit->pages;
	bool ours;

	lock(unit);
	ours = !q->recovering && (vtd_read32(unit, VTD_REG_PRS) & VTD_PRS_PRO);
	if (ours)
		q->recovering = true;
	unlock(unit);
	if (!ours)
		return;
	read_queue(unit);
	lock_when_quiet(unit, NULL, 0);
	unlock(unit);
	uiommu_log(unit->host, UIOMMU_LOG_WARN, "%s: the queue of page requests overflowed",
		   unit->config.name);
	uiommu_page_requests_lost(&unit->instance);
	lock(unit);
	q->recovering = false;
	vtd_write32(unit, VTD_REG_PRS, VTD_PRS_PRO);
	unlock(unit);
}

void uiommu_vtd_pages_poll(struct uiommu_vtd *unit)
{
	if (!unit->pages.ring)
		return;
	vtd_write32(unit, VTD_REG_PRS, VTD_PRS_PPR);
	read_queue(unit);
	recover(unit);
}

static void on_interrupt(void *unit)
{
	uiommu_vtd_pages_poll(unit);
}

/* ---- draining (7.10) --------------------------------------------------------------------------- */

/*
 * What the device has sent is in the queue when this returns.  The invalidation of the device TLB pushes its
 * requests ahead of the answer; the wait with PD pushes those out of the unit.  It may be of any granularity, and
 * of the IOTLB likewise: both were cleaned already when the attachment ended.
 */
static void push(struct vtd_device *device, uiommu_pasid_t pasid)
{
	static const struct vtd_range page = { 0, VTD_PAGE_SIZE - 1, true };
	struct uiommu_vtd *unit = device->unit;
	uint64_t desc[3][2] = { { VTD_DESC_WAIT | VTD_DESC_WAIT_FN, 0 } };

	uiommu_vtd_piotlb_all(VTD_DID_PASS_THROUGH, pasid, desc[1]);
	uiommu_vtd_device_tlb(device, pasid, &page, desc[2]);
	if (uiommu_vtd_queue_submit_wait(unit, (const uint64_t(*)[2])desc, 3,
					 unit->ecap & VTD_ECAP_PDS ? VTD_DESC_WAIT_PD : 0))
		uiommu_vtd_quarantine(device, false);
}

void uiommu_vtd_page_requests_drain(struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd *unit = device->unit;

	if (!unit->pages.ring)
		return;
	if (device->ats)
		push(device, pasid);
	/* Others may go on to ask: not for ever. */
	for (unsigned int i = 0; i < DRAIN_ROUNDS && read_queue(unit); i++)
		if (unit->ecap & VTD_ECAP_PDS)
			break; /* it was all there already */
	recover(unit);
	lock_when_quiet(unit, device, pasid);
	unlock(unit);
}

/* ---- responses (7.6) --------------------------------------------------------------------------- */

/* A function that does not ask for the PASID in responses must not get it (PCIe 6.0, 10.5.2.3). */
static bool wants_pasid(struct uiommu_vtd *unit, uint32_t source_id)
{
	bool wants = true;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	for (const struct vtd_device *d = unit->devices; d; d = d->next)
		if (d->source_id[0] == source_id)
			wants = d->response_pasid;
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
	return wants;
}

void uiommu_vtd_page_response(struct uiommu_instance *instance,
			      const struct uiommu_page_request *last,
			      enum uiommu_page_response_code code)
{
	static const unsigned int codes[] = {
		[UIOMMU_PAGE_SUCCESS] = VTD_PR_SUCCESS,
		[UIOMMU_PAGE_INVALID] = VTD_PR_INVALID,
		[UIOMMU_PAGE_FAILURE] = VTD_PR_FAILURE,
	};
	struct uiommu_vtd *unit = to_vtd(instance);
	uint64_t desc[1][2] = {
		{ VTD_DESC_PAGE_RESPONSE | vtd_set(codes[code], VTD_DESC_PR_RC) |
			  vtd_set(last->source_id, VTD_DESC_PR_RID),
		  VTD_DESC_PR1_LPIG | vtd_set(last->group, VTD_DESC_PR1_PRGI) },
	};

	if ((last->flags & UIOMMU_PAGE_REQUEST_PASID) && wants_pasid(unit, last->source_id))
		desc[0][0] |= VTD_DESC_PR_PP | vtd_set(last->pasid, VTD_DESC_PASID);
	uiommu_vtd_queue_submit(unit, (const uint64_t(*)[2])desc, 1);
}

/* ---- life -------------------------------------------------------------------------------------- */

int uiommu_vtd_pages_init(struct uiommu_vtd *unit)
{
	struct vtd_page_queue *q = &unit->pages;
	struct uiommu_msi msi;
	int rc;

	q->irq = -1;
	if (!unit->scalable || !(unit->ecap & VTD_ECAP_PRS) || !(unit->ecap & VTD_ECAP_DT))
		return 0;
	rc = uiommu_port_mutex_init(unit->host, &q->lock);
	if (rc)
		return rc;
	/* Hardware's accesses to this queue always snoop (11.4.3, C). */
	q->ring = uiommu_port_alloc_pages(unit->host, RING_ORDER);
	if (!q->ring) {
		rc = -UIOMMU_ENOMEM;
		goto destroy_lock;
	}
	q->entries = (VTD_PAGE_SIZE << RING_ORDER) / VTD_PRQ_SIZE;
	q->head = 0;
	vtd_write64(unit, VTD_REG_PQH, 0);
	vtd_write64(unit, VTD_REG_PQT, 0);
	vtd_write64(unit, VTD_REG_PQA, vtd_phys(unit, q->ring) | vtd_set(RING_ORDER, VTD_PQA_PQS));
	vtd_write32(unit, VTD_REG_PRS, VTD_PRS_PPR | VTD_PRS_PRO);

	q->irq = uiommu_port_irq_request(unit->host, on_interrupt, unit, &msi);
	if (q->irq == -UIOMMU_EOPNOTSUPP)
		return 0;
	if (q->irq < 0) {
		rc = q->irq;
		goto free_ring;
	}
	vtd_write32(unit, VTD_REG_PEDATA, msi.data);
	vtd_write32(unit, VTD_REG_PEADDR, (uint32_t)msi.address & VTD_EADDR_MASK);
	vtd_write32(unit, VTD_REG_PEUADDR, (uint32_t)(msi.address >> 32));
	vtd_write32(unit, VTD_REG_PECTL, 0);
	return 0;

free_ring:
	vtd_write64(unit, VTD_REG_PQA, 0);
	uiommu_port_free_pages(unit->host, q->ring, RING_ORDER);
	q->ring = NULL;
destroy_lock:
	uiommu_port_mutex_destroy(unit->host, &q->lock);
	return rc;
}

void uiommu_vtd_pages_exit(struct uiommu_vtd *unit)
{
	struct vtd_page_queue *q = &unit->pages;

	if (!q->ring)
		return;
	if (q->irq >= 0) {
		vtd_write32(unit, VTD_REG_PECTL, VTD_ECTL_IM);
		uiommu_port_irq_free(unit->host, q->irq);
		q->irq = -1;
	}
	vtd_write64(unit, VTD_REG_PQA, 0);
	uiommu_port_free_pages(unit->host, q->ring, RING_ORDER);
	q->ring = NULL;
	uiommu_port_mutex_destroy(unit->host, &q->lock);
}
