/* SPDX-License-Identifier: MIT */
/*
 * features.c - what is enabled in a device: PASIDs, its device TLB, page requests
 *
 * In the order that PCI Express asks for: PASIDs before ATS, ATS before page requests, and back.  The unit's
 * entries allow a kind of request before the device is told to make it, and the device is told to stop
 * before they forbid it.
 *
 * Quarantine.  A device that does not answer an invalidation may go on to use what it was to forget, so
 * the unit has to refuse what it sends as translated, and everything that it has translated from then on:
 * its entries lose DTE (in legacy mode: TT), which is invalidated in the context cache, before anybody
 * who waited for the invalidation returns.  The device's own enables follow, for what that is worth.
 * Until a reset nothing is sent to its device TLB; its untranslated requests go on as before.
 */
#include "src/drivers/vtd/unit.h"

/* Requests of one device that are not answered: a fair part of the queue. */
#define PAGE_REQUESTS_MOST 32

void uiommu_vtd_enable_features(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;
	const struct uiommu_vtd_config *config = &unit->config;

	if (!device->pci)
		return;
	/* PASID before ATS: a function may not change it while ATS is enabled (PCIe 10.5.1). */
	if (unit->instance.max_pasids && uiommu_device_pasid_bits(device->dev) &&
	    uiommu_pci_pasid_bits(device->pci))
		device->pasid = uiommu_pci_enable_pasid(device->pci) == 0;
	if ((unit->ecap & VTD_ECAP_DT) && unit->queued && config->ats_allowed &&
	    config->ats_allowed(config->context, device->dev) &&
	    uiommu_pci_ats_supported(device->pci)) {
		device->ats = uiommu_pci_enable_ats(device->pci, VTD_PAGE_SHIFT) == 0;
		device->ats_queue_depth = uiommu_pci_ats_queue_depth(device->pci);
	}
}

void uiommu_vtd_disable_features(struct vtd_device *device)
{
	if (device->page_requests)
		uiommu_pci_disable_pri(device->pci);
	if (device->ats)
		uiommu_pci_disable_ats(device->pci);
	if (device->pasid)
		uiommu_pci_disable_pasid(device->pci);
	device->page_requests = false;
	device->ats = false;
	device->pasid = false;
}

/* ---- page requests ----------------------------------------------------------------------------- */

/* The unit's lock is held. */
static int page_requests_on(struct vtd_device *device)
{
	int rc;

	device->page_requests = true;
	uiommu_vtd_context_update(device);
	rc = uiommu_pci_enable_pri(device->pci, PAGE_REQUESTS_MOST);
	if (rc) {
		device->page_requests = false;
		uiommu_vtd_context_update(device);
		return rc;
	}
	device->response_pasid = uiommu_pci_pri_pasid_required(device->pci);
	return 0;
}

int uiommu_vtd_page_requests_enable(struct uiommu_device *dev)
{
	struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd *unit = device->unit;
	struct uiommu_patience patience;
	int rc;

	if (!unit->pages.ring || !device->pci || !uiommu_pci_pri_supported(device->pci))
		return -UIOMMU_EOPNOTSUPP;
	uiommu_patience_begin(unit->host, &patience);
	do {
		uiommu_port_mutex_lock(unit->host, &unit->lock);
		rc = device->ats ? page_requests_on(device) : -UIOMMU_EOPNOTSUPP;
		device->wants_page_requests = rc == 0;
		uiommu_port_mutex_unlock(unit->host, &unit->lock);
		/* What it asked when they were last enabled is answered; it takes its time to see that. */
	} while (rc == -UIOMMU_EBUSY && uiommu_patience_turn(unit->host, &patience));
	return rc;
}

void uiommu_vtd_page_requests_disable(struct uiommu_device *dev)
{
	struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd *unit = device->unit;
	bool enabled;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	enabled = device->page_requests;
	device->wants_page_requests = false;
	if (enabled)
		uiommu_pci_disable_pri(device->pci);
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
	if (!enabled)
		return;
	/* What it has asked before is still answered. */
	uiommu_vtd_page_requests_drain(dev, UIOMMU_RID);
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	device->page_requests = false;
	uiommu_vtd_context_update(device);
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

/* ---- quarantine and reset ---------------------------------------------------------------------- */

void uiommu_vtd_quarantine(struct vtd_device *device, bool locked)
{
	struct uiommu_vtd *unit = device->unit;
	bool asked;

	if (!locked)
		uiommu_port_mutex_lock(unit->host, &unit->lock);
	if (device->ats) {
		asked = device->page_requests;
		device->ats = false;
		device->page_requests = false;
		uiommu_vtd_context_update(device);
		if (asked)
			uiommu_pci_disable_pri(device->pci);
		uiommu_pci_disable_ats(device->pci);
		uiommu_report_quarantine(&unit->instance, device->source_id[0],
					 "no answer to an invalidation of its device TLB");
	}
	if (!locked)
		uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

/* The host has put back what was enabled before: what is said here does not depend on that. */
void uiommu_vtd_reset_done(struct uiommu_device *dev)
{
	struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd *unit = device->unit;
	int rc;

	if (!device->pci)
		return;
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	if (uiommu_pci_pri_supported(device->pci))
		uiommu_pci_disable_pri(device->pci);
	if (uiommu_pci_ats_supported(device->pci))
		uiommu_pci_disable_ats(device->pci);
	if (uiommu_pci_pasid_bits(device->pci))
		uiommu_pci_disable_pasid(device->pci);
	device->page_requests = false;
	uiommu_vtd_enable_features(device);
	if (device->wants_page_requests && device->ats) {
		rc = page_requests_on(device);
		if (rc)
			uiommu_log(unit->host, UIOMMU_LOG_ERROR,
				   "%s: no page requests after a reset: %s", unit->config.name,
				   uiommu_strerror(rc));
	}
	uiommu_vtd_context_update(device);
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}
