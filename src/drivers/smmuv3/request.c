/* SPDX-License-Identifier: MIT */
/*
 * request.c - page requests: PRI (chapter 8), answers to them and to stalls, and the end of them
 *
 * The requests of a device have to reach the core in their order, since a group ends with its last.  So one
 * thread at a time reports what is in the PRI queue; another one that comes by leaves it to the first, which
 * looks again before it goes.
 *
 * When a request finds no place, hardware ignores it, or answers it by itself with SUCCESS if it is the last of
 * its group (8.1): the device will ask again.  Groups that lack such a request will never be complete.  While the
 * overflow is not acknowledged nothing is written, so between the last record and the acknowledgement the core
 * can forget the incomplete groups, and no newer ones.
 *
 * The end.  Invalidation and CMD_SYNC come first (attach.c).  A CMD_SYNC that is complete has made visible the
 * records of all requests that were affected by what is invalidated; an ATC_INV that is complete has
 * pushed the page requests of its device in front of it (PCIe 6.0, 2.4).  Stalls for which there was no place in the event
 * queue are recorded as soon as there is some (7.4), so the queue is read until it is empty.
 */
#include "src/drivers/smmuv3/smmu.h"

#define PRI_QWORDS (SMMUV3_PRIQ_ENTRY_SIZE / sizeof(uint64_t))
#define MAX_OUTSTANDING 32u /* requests of one device that are not answered */

struct smmu_device *uiommu_smmuv3_find_device(const struct uiommu_smmuv3 *smmu, uint32_t sid)
{
	for (struct smmu_device *d = smmu->devices; d; d = d->next)
		for (unsigned int i = 0; i < d->num_sids; i++)
			if (d->sids[i] == sid)
				return d;
	return NULL;
}

bool uiommu_smmuv3_answers(const struct smmu_domain *domain)
{
	return domain->sva || domain->domain.page_handler;
}

/* ---- PRI --------------------------------------------------------------------------------------- */

int uiommu_smmuv3_pri_start(struct smmu_device *device)
{
	int rc;

	if (device->pri_enabled)
		return 0;
	rc = uiommu_pci_enable_pri(device->pci, MAX_OUTSTANDING);
	device->pri_enabled = rc == 0;
	if (rc)
		uiommu_log(device->smmu->host, UIOMMU_LOG_WARN,
			   "%s: page requests of %s cannot be enabled: %s",
			   device->smmu->config.name, uiommu_device_name(device->dev),
			   uiommu_strerror(rc));
	return rc;
}

void uiommu_smmuv3_pri_stop(struct smmu_device *device)
{
	if (device->pri_enabled)
		uiommu_pci_disable_pri(device->pci);
	device->pri_enabled = false;
}

static void report(struct uiommu_smmuv3 *smmu, const uint64_t record[PRI_QWORDS])
{
	const uint64_t rights = SMMUV3_PRI0_R | SMMUV3_PRI0_W | SMMUV3_PRI0_X | SMMUV3_PRI0_PRIV;
	const bool last = record[0] & SMMUV3_PRI0_LAST, pasid = record[0] & SMMUV3_PRI0_SSV;
	struct uiommu_page_request request = {
		.source_id = (uint32_t)smmuv3_get(record[0], SMMUV3_PRI0_SID),
		.flags = (last ? UIOMMU_PAGE_REQUEST_LAST : 0) |
			 (pasid ? UIOMMU_PAGE_REQUEST_PASID : 0),
		.group = (uint32_t)smmuv3_get(record[1], SMMUV3_PRI1_PRGINDEX),
		.address = record[1] & SMMUV3_PRI1_ADDR,
		.prot = (record[0] & SMMUV3_PRI0_R ? UIOMMU_READ : 0) |
			(record[0] & SMMUV3_PRI0_W ? UIOMMU_WRITE : 0) |
			(record[0] & SMMUV3_PRI0_PRIV ? UIOMMU_PRIV : 0),
		.execute = record[0] & SMMUV3_PRI0_X,
	};
	const struct smmu_device *device;

	/* A stop marker: what was asked for with this PASID came before it; nobody waits for an answer. */
	if (last && pasid && !(record[0] & rights))
		return;
	if (pasid)
		request.pasid = (uiommu_pasid_t)smmuv3_get(record[0], SMMUV3_PRI0_SSID);
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	device = uiommu_smmuv3_find_device(smmu, request.source_id);
	request.private_data[0] = pasid && device && device->pri_pasid;
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	uiommu_report_page_request(&smmu->instance, &request);
}

/* One more step as the one that reports; false: all is done, and another may do it. */
static bool step(struct uiommu_smmuv3 *smmu)
{
	struct smmu_inbox *inbox = &smmu->requests;
	uint64_t record[SMMU_RECORD_QWORDS];
	struct smmu_report taken;
	bool more, overflow;

	uiommu_port_mutex_lock(smmu->host, &inbox->lock);
	more = uiommu_smmuv3_inbox_take(smmu, inbox, record, &taken);
	overflow = !more && uiommu_smmuv3_inbox_overflowed(smmu, inbox);
	if (!more && !overflow)
		inbox->busy = false;
	uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
	if (more) {
		report(smmu, record);
		uiommu_smmuv3_inbox_reported(smmu, inbox, &taken);
	} else if (overflow) {
		uiommu_log(smmu->host, UIOMMU_LOG_WARN, "%s: page requests were lost",
			   smmu->config.name);
		uiommu_page_requests_lost(&smmu->instance);
		uiommu_port_mutex_lock(smmu->host, &inbox->lock);
		uiommu_smmuv3_inbox_acknowledge(smmu, inbox);
		uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
	}
	return more || overflow;
}

static bool begin(struct uiommu_smmuv3 *smmu)
{
	struct smmu_inbox *inbox = &smmu->requests;
	bool busy;

	uiommu_port_mutex_lock(smmu->host, &inbox->lock);
	busy = inbox->busy;
	inbox->busy = true;
	uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
	return !busy;
}

/* As the one that reports. */
static void take_all(struct uiommu_smmuv3 *smmu)
{
	struct smmu_inbox *inbox = &smmu->requests;

	/* Twice the queue: what arrives meanwhile comes with the next interrupt or poll. */
	for (uint32_t i = 0; i < 2u << inbox->q.log2; i++)
		if (!step(smmu))
			return;
	uiommu_port_mutex_lock(smmu->host, &inbox->lock);
	inbox->busy = false;
	uiommu_port_mutex_unlock(smmu->host, &inbox->lock);
}

void uiommu_smmuv3_requests_take(struct uiommu_smmuv3 *smmu)
{
	if (smmu->has.pri && begin(smmu))
		take_all(smmu);
}

/* What is in the queue now has been reported when it returns, by whomever. */
static void drain_pri(struct uiommu_smmuv3 *smmu)
{
	struct smmu_patience patience;

	uiommu_smmuv3_patience_begin(smmu, &patience);
	patience.limit_ns = SMMU_HANDLER_PATIENCE_NS;
	while (!begin(smmu))
		if (!uiommu_smmuv3_patience_turn(smmu, &patience)) {
			uiommu_log(smmu->host, UIOMMU_LOG_WARN,
				   "%s: a page request is being handled for too long",
				   smmu->config.name);
			return;
		}
	take_all(smmu);
}

static void drain_stalls(struct uiommu_smmuv3 *smmu)
{
	struct smmu_patience patience;

	uiommu_smmuv3_patience_begin(smmu, &patience);
	do {
		uiommu_smmuv3_events_take(smmu);
	} while (!uiommu_smmuv3_inbox_empty(smmu, &smmu->events) &&
		 uiommu_smmuv3_patience_turn(smmu, &patience));
}

/* ---- operations -------------------------------------------------------------------------------- */

int uiommu_smmuv3_requests_enable(struct uiommu_device *dev)
{
	struct smmu_device *device = uiommu_device_priv(dev);
	struct uiommu_smmuv3 *smmu = device->smmu;
	int rc = 0;

	if (!device->can_stall && !(device->can_pri && device->can_ats))
		return -UIOMMU_EOPNOTSUPP;
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	/* Where ATS is off PRI follows when it is enabled. */
	if (device->can_pri && device->ats)
		rc = uiommu_smmuv3_pri_start(device);
	device->requests = rc == 0;
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	return rc;
}

void uiommu_smmuv3_requests_disable(struct uiommu_device *dev)
{
	struct smmu_device *device = uiommu_device_priv(dev);
	struct uiommu_smmuv3 *smmu = device->smmu;

	/* What stalls from now on is aborted when its event is read. */
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	device->requests = false;
	uiommu_smmuv3_pri_stop(device);
	/* The last attachment has gone before: no domain invalidates for the device any more. */
	if (device->ats && !device->rid_attached && !device->num_pasids)
		uiommu_smmuv3_ats_forget(device);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
}

void uiommu_smmuv3_requests_drain(struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	struct uiommu_smmuv3 *smmu = device->smmu;

	(void)pasid; /* its records are among those of others */
	if (!device->can_stall && !device->can_pri)
		return;
	uiommu_smmuv3_sync(smmu);
	if (device->can_stall) {
		drain_stalls(smmu);
		uiommu_smmuv3_inbox_wait(smmu, &smmu->events, device);
	} else {
		drain_pri(smmu);
	}
}

void uiommu_smmuv3_page_response(struct uiommu_instance *instance,
				 const struct uiommu_page_request *last,
				 enum uiommu_page_response_code code)
{
	static const uint8_t codes[] = {
		[UIOMMU_PAGE_SUCCESS] = SMMUV3_PRI_SUCCESS,
		[UIOMMU_PAGE_INVALID] = SMMUV3_PRI_INVALID,
		[UIOMMU_PAGE_FAILURE] = SMMUV3_PRI_FAILURE,
	};
	struct smmu_command command;

	if (last->flags & UIOMMU_PAGE_REQUEST_STALL)
		command = smmu_resume(last->source_id, (uint16_t)last->group,
				      code == UIOMMU_PAGE_SUCCESS);
	else
		command = smmu_pri_resp(last->source_id, last->private_data[0], last->pasid,
					last->group, codes[code]);
	uiommu_smmuv3_submit(to_smmu(instance), &command, 1);
}
