/* SPDX-License-Identifier: MIT */
/*
 * ats.c - ATS in configuration space, and devices that do not answer (3.9, 4.5.1, 7.1)
 *
 * A device that does not answer ATC_INV in time may go on using translations that are no more.  So it is put into
 * quarantine: its STE permits no ATS, so that the SMMU refuses what it has translated itself (CR0.ATSCHK) and its
 * translation requests, and ATS is off in its configuration space.  What it sends untranslated goes on
 * being translated by the SMMU.  A reset of the function ends it.
 *
 * CERROR_ATC_INV_SYNC tells that some ATC_INV since the last CMD_SYNC was not answered, and not which.  With
 * several devices in question each is asked again, alone.  All that was asked of the others, and of the SMMU's own
 * caches, is done by then.  The wait is that of the hardware, once or twice for each device that is silent.
 */
#include "src/drivers/smmuv3/smmu.h"

/* ---- configuration space ----------------------------------------------------------------------- */

/* With the SMMU's lock held.  The device forgets its translations with it (PCIe 6.0, 10.5.1.3). */
static void stop(struct smmu_device *device)
{
	uiommu_smmuv3_pri_stop(device);
	uiommu_pci_disable_ats(device->pci);
	device->ats = false;
}

/* The same for a device that nothing is attached to; with the SMMU's lock held. */
void uiommu_smmuv3_ats_forget(struct smmu_device *device)
{
	if (device->ste.ats) {
		device->ste.ats = false;
		uiommu_smmuv3_streams_update(device);
	}
	stop(device);
}

void uiommu_smmuv3_ats_disable(struct smmu_device *device, struct smmu_domain *old)
{
	struct uiommu_smmuv3 *smmu = device->smmu;

	uiommu_port_mutex_lock(smmu->host, &old->lock);
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	stop(device);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	uiommu_port_mutex_unlock(smmu->host, &old->lock);
}

/* With the SMMU's lock held; the STE permits it. */
static int start(struct smmu_device *device)
{
	int rc = uiommu_pci_enable_ats(device->pci, device->smmu->has.granule_shift);

	device->ats = rc == 0;
	if (rc == 0 && device->requests && device->can_pri)
		uiommu_smmuv3_pri_start(device);
	return rc;
}

void uiommu_smmuv3_ats_enable(struct smmu_device *device, struct smmu_domain *domain)
{
	struct uiommu_smmuv3 *smmu = device->smmu;
	int rc;

	uiommu_port_mutex_lock(smmu->host, &domain->lock);
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	rc = device->quarantined ? 0 : start(device);
	if (rc) {
		uiommu_log(smmu->host, UIOMMU_LOG_WARN, "%s: ATS of %s cannot be enabled",
			   smmu->config.name, uiommu_device_name(device->dev));
		device->can_ats = false;
		device->ste.ats = false;
		uiommu_smmuv3_streams_update(device);
	}
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	uiommu_port_mutex_unlock(smmu->host, &domain->lock);
}

/* ---- quarantine -------------------------------------------------------------------------------- */

/* ATC_INV goes to the first StreamID of a device. */
static struct smmu_device *find(const struct uiommu_smmuv3 *smmu, uint32_t sid)
{
	for (struct smmu_device *d = smmu->devices; d; d = d->next)
		if (d->num_sids && d->sids[0] == sid && d->can_ats)
			return d;
	return NULL;
}

static void quarantine(struct uiommu_smmuv3 *smmu, uint32_t sid)
{
	struct smmu_device *device;
	bool news;

	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	device = find(smmu, sid);
	news = device && !device->quarantined;
	if (news) {
		device->quarantined = true;
		uiommu_smmuv3_streams_update(device);
		stop(device);
	}
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	if (news)
		uiommu_report_quarantine(&smmu->instance, sid,
					 "an invalidation of its device TLB was not answered");
}

static uint32_t sid_of(const struct smmu_command *command)
{
	return (uint32_t)smmuv3_get(command->word[0], SMMUV3_CMD0_SID);
}

static bool is_atc(const struct smmu_command *command)
{
	return (command->word[0] & SMMUV3_CMD0_OP) == SMMUV3_CMD_ATC_INV;
}

/* Only what is for @sid; how many. */
static unsigned int select(const struct smmu_command *commands, unsigned int count, uint32_t sid,
			   struct smmu_command out[SMMU_BATCH])
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < count; i++)
		if (is_atc(&commands[i]) && sid_of(&commands[i]) == sid)
			out[found++] = commands[i];
	return found;
}

void uiommu_smmuv3_atc_timeout(struct uiommu_smmuv3 *smmu, const struct smmu_command *commands,
			       unsigned int count)
{
	struct smmu_command again[SMMU_BATCH];
	unsigned int total = 0;

	for (unsigned int i = 0; i < count; i++)
		total += is_atc(&commands[i]);
	for (unsigned int i = 0; i < count; i++) {
		const uint32_t sid = sid_of(&commands[i]);
		unsigned int found;

		/* Each device once, at its first command. */
		if (!is_atc(&commands[i]) || select(commands, i, sid, again))
			continue;
		found = select(commands, count, sid, again);
		if (found == total || uiommu_smmuv3_submit(smmu, again, found) == -UIOMMU_ETIMEDOUT)
			quarantine(smmu, sid);
	}
}

/* ---- reset ------------------------------------------------------------------------------------- */

void uiommu_smmuv3_reset_done(struct uiommu_device *dev)
{
	struct smmu_device *device = uiommu_device_priv(dev);
	struct uiommu_smmuv3 *smmu = device->smmu;
	const bool ats = device->ats;

	if (!device->pci)
		return;
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	/* What is in configuration space is what the reset left, or what was saved before and written back. */
	uiommu_pci_disable_pri(device->pci);
	device->pri_enabled = false;
	uiommu_pci_disable_ats(device->pci);
	device->ats = false;
	if (device->pasid_enabled) {
		uiommu_pci_disable_pasid(device->pci);
		uiommu_pci_enable_pasid(device->pci);
	}
	if (device->quarantined) {
		device->quarantined = false;
		uiommu_smmuv3_streams_update(device);
	}
	/* Nobody has to be invalidated from here to there: the device has forgotten everything. */
	if (ats)
		start(device);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
}
