/* SPDX-License-Identifier: MIT */
/* device.c - the driver's operations on devices */
#include "src/drivers/smmuv3/smmu.h"

/* Where interrupt doorbells are mapped, unless the host says otherwise. */
#define SW_MSI_START 0x8000000u
#define SW_MSI_SIZE 0x100000u

static bool has_sid(const struct smmu_device *device, uint32_t sid)
{
	for (unsigned int i = 0; i < device->num_sids; i++)
		if (device->sids[i] == sid)
			return true;
	return false;
}

static int find_sids(struct smmu_device *device)
{
	const struct uiommu_fwspec *spec = uiommu_device_fwspec(device->dev);
	struct uiommu_smmuv3 *smmu = device->smmu;

	if (!spec->num_ids)
		return -UIOMMU_ENODEV;
	device->sids = uiommu_port_alloc(smmu->host, spec->num_ids * sizeof(*device->sids));
	if (!device->sids)
		return -UIOMMU_ENOMEM;
	device->max_sids = spec->num_ids;
	for (unsigned int i = 0; i < spec->num_ids; i++) {
		if ((uint64_t)spec->ids[i] >> smmu->streams.log2) {
			uiommu_log(smmu->host, UIOMMU_LOG_ERROR,
				   "%s: StreamID %x of %s is beyond the stream table of %u bits",
				   smmu->config.name, spec->ids[i], uiommu_device_name(device->dev),
				   smmu->streams.log2);
			return -UIOMMU_EINVAL;
		}
		if (!has_sid(device, spec->ids[i]))
			device->sids[device->num_sids++] = spec->ids[i];
	}
	return 0;
}

/* Transactions of PCI must not stall (3.12). */
static bool may_stall(const struct smmu_device *device)
{
	return device->smmu->has.resume && !device->pci &&
	       (uiommu_device_fwspec(device->dev)->flags & UIOMMU_FWSPEC_STALL);
}

static bool may_use_ats(const struct smmu_device *device)
{
	const struct uiommu_smmuv3_config *config = &device->smmu->config;
	const struct smmu_features *has = &device->smmu->has;

	/* A transaction of PCI must not stall (3.12), and EATS is illegal where stage 2 does (5.2). */
	if (!has->ats || has->force_stall || !device->pci || !uiommu_pci_ats_supported(device->pci))
		return false;
	if (config->ats_allowed)
		return config->ats_allowed(config->context, device->dev);
	return uiommu_device_fwspec(device->dev)->flags & UIOMMU_FWSPEC_ATS;
}

/* log2 of the CDs that the device can use, 0: that of the RID. */
static unsigned int enable_pasids(struct smmu_device *device)
{
	const unsigned int most = device->smmu->has.ssid_bits;
	unsigned int bits = uiommu_device_pasid_bits(device->dev);

	if (!bits || !most)
		return 0;
	if (device->pci) {
		if (!uiommu_pci_pasid_bits(device->pci))
			return 0;
		device->pasid_enabled = uiommu_pci_enable_pasid(device->pci) == 0;
		if (!device->pasid_enabled)
			return 0;
	}
	return bits < most ? bits : most;
}

static int alloc_tables(struct smmu_device *device)
{
	struct uiommu_smmuv3 *smmu = device->smmu;
	const unsigned int cds = enable_pasids(device);
	int rc = 0;

	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	for (unsigned int i = 0; i < device->num_sids && rc == 0; i++)
		rc = uiommu_smmuv3_streams_alloc(smmu, device->sids[i]);
	if (rc == 0 && smmu->has.stage1)
		rc = uiommu_smmuv3_cds_init(device, cds);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	return rc;
}

static void free_device(struct smmu_device *device)
{
	struct uiommu_smmuv3 *smmu = device->smmu;

	if (device->pasid_enabled)
		uiommu_pci_disable_pasid(device->pci);
	uiommu_smmuv3_cds_destroy(device);
	uiommu_port_free(smmu->host, device->sids, device->max_sids * sizeof(*device->sids));
	uiommu_port_free(smmu->host, device, sizeof(*device));
}

static int probe_device(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	struct uiommu_smmuv3 *smmu = to_smmu(instance);
	struct smmu_device *device = uiommu_port_alloc(smmu->host, sizeof(*device)), **at;
	int rc;

	if (!device)
		return -UIOMMU_ENOMEM;
	device->dev = dev;
	device->smmu = smmu;
	device->pci = uiommu_device_pci(dev);
	rc = find_sids(device);
	if (rc == 0)
		rc = alloc_tables(device);
	if (rc) {
		free_device(device);
		return rc;
	}
	device->can_ats = may_use_ats(device);
	device->can_pri = device->can_ats && smmu->has.pri && uiommu_pci_pri_supported(device->pci);
	device->pri_pasid = device->can_pri && uiommu_pci_pri_pasid_required(device->pci);
	device->can_stall = may_stall(device);
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	for (at = &smmu->devices; *at; at = &(*at)->next)
		;
	*at = device;
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	uiommu_device_set_priv(dev, device);
	return 0;
}

/* It is blocked: its ATS is off. */
static void release_device(struct uiommu_device *dev)
{
	struct smmu_device *device = uiommu_device_priv(dev), **at;
	struct uiommu_smmuv3 *smmu = device->smmu;
	struct smmu_batch batch;

	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	device->ste = (struct smmu_ste){ .kind = SMMU_STE_REFUSE };
	uiommu_smmuv3_streams_update(device);
	for (at = &smmu->devices; *at != device; at = &(*at)->next)
		;
	*at = device->next;
	/* What would wait for an answer that nobody gives; the STE lets nothing new in (4.7.2). */
	smmu_batch_begin(&batch, smmu);
	for (unsigned int i = 0; device->can_stall && i < device->num_sids; i++)
		if (!uiommu_smmuv3_find_device(smmu, device->sids[i]))
			uiommu_smmuv3_batch_add(&batch, smmu_stall_term(device->sids[i]));
	uiommu_smmuv3_batch_end(&batch);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	uiommu_device_set_priv(dev, NULL);
	free_device(device);
}

static int device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	return uiommu_device_pci(dev) ? uiommu_pci_device_group(dev, out) :
					uiommu_generic_device_group(dev, out);
}

static bool capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	const struct uiommu_smmuv3 *smmu = device->smmu;

	switch (cap) {
	case UIOMMU_CAP_CACHE_COHERENCY:
		return smmu->has.coherent;
	case UIOMMU_CAP_NOEXEC:
	case UIOMMU_CAP_DEFERRED_FLUSH:
		return true;
	case UIOMMU_CAP_DIRTY_TRACKING:
		return smmu->has.httu;
	case UIOMMU_CAP_ATS:
		return device->can_ats;
	case UIOMMU_CAP_HITLESS_REPLACE:
		/* The second stage's VMID and table lie in different quadwords of one STE: entry.c. */
		return !uiommu_smmuv3_choose_stage2(smmu, 0);
	case UIOMMU_CAP_WRITE_ONLY:
		/* AP[2:1] of the first stage has no such value. */
		return uiommu_smmuv3_choose_stage2(smmu, 0);
	case UIOMMU_CAP_ENFORCE_CACHE_COHERENCY:
	case UIOMMU_CAP_PRE_BOOT_PROTECTION:
		return false;
	}
	return false;
}

/* The registers as they are, whatever this driver makes of them. */
static int hw_info(struct uiommu_device *dev, uint32_t *type, void *data, size_t *size)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	struct uiommu_smmuv3_hw_info *info = data;

	if (*type != UIOMMU_HW_INFO_NONE && *type != UIOMMU_HW_INFO_SMMUV3)
		return -UIOMMU_EOPNOTSUPP;
	info->flags = info->reserved = 0;
	for (uint32_t i = 0; i < 6; i++)
		info->idr[i] = smmu_read32(device->smmu, SMMUV3_REG_IDR0 + 4 * i);
	info->iidr = smmu_read32(device->smmu, SMMUV3_REG_IIDR);
	info->aidr = smmu_read32(device->smmu, SMMUV3_REG_AIDR);
	*type = UIOMMU_HW_INFO_SMMUV3;
	*size = sizeof(*info);
	return 0;
}

static int get_resv_regions(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	const struct uiommu_smmuv3_config *config = &device->smmu->config;
	const bool given = config->sw_msi_size;
	int rc = uiommu_resv_add(list, given ? config->sw_msi_start : SW_MSI_START,
				 given ? config->sw_msi_size : SW_MSI_SIZE, UIOMMU_WRITE,
				 UIOMMU_RESV_SW_MSI);

	if (rc == 0 && config->get_resv_regions)
		rc = config->get_resv_regions(config->context, dev, list);
	return rc;
}

const struct uiommu_ops uiommu_smmuv3_driver_ops = {
	.name = "smmuv3",
	.identity_domain = &uiommu_smmuv3_identity_domain,
	.blocked_domain = &uiommu_smmuv3_blocked_domain,
	.release_domain = &uiommu_smmuv3_blocked_domain,
	.probe_device = probe_device,
	.release_device = release_device,
	.device_group = device_group,
	.capable = capable,
	.hw_info = hw_info,
	.get_resv_regions = get_resv_regions,
	.domain_alloc_paging = uiommu_smmuv3_domain_alloc,
	.domain_alloc_nested = uiommu_smmuv3_domain_alloc_nested,
	.domain_alloc_sva = uiommu_smmuv3_domain_alloc_sva,
	.page_requests_enable = uiommu_smmuv3_requests_enable,
	.page_requests_disable = uiommu_smmuv3_requests_disable,
	.page_requests_drain = uiommu_smmuv3_requests_drain,
	.page_response = uiommu_smmuv3_page_response,
	.user_pasid_table = true,
	.reset_done = uiommu_smmuv3_reset_done,
	.poll = uiommu_smmuv3_poll,
};
