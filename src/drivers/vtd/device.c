/* SPDX-License-Identifier: MIT */
/* device.c - the driver's operations on devices */
#include "src/drivers/vtd/unit.h"

static int add_source_id(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	struct vtd_device *device = context;

	(void)fn;
	for (unsigned int i = 0; i < device->num_source_ids; i++)
		if (device->source_id[i] == source_id)
			return 0;
	if (device->num_source_ids == VTD_MAX_SOURCE_IDS)
		return -UIOMMU_ENOSPC;
	device->source_id[device->num_source_ids++] = source_id;
	return 0;
}

/* PCI: the function's own and those of bridges; otherwise what firmware says. */
static int find_source_ids(struct vtd_device *device)
{
	const struct uiommu_fwspec *spec = uiommu_device_fwspec(device->dev);
	int rc = 0;

	if (device->pci)
		return uiommu_pci_for_each_alias(device->pci, add_source_id, device);
	for (unsigned int i = 0; i < spec->num_ids && rc == 0; i++)
		rc = add_source_id(NULL, (uint16_t)spec->ids[i], device);
	return device->num_source_ids ? rc : -UIOMMU_ENODEV;
}

static void unlink_device(struct vtd_device *device)
{
	struct uiommu_vtd *unit = device->unit;
	struct vtd_device **at = &unit->devices;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	while (*at != device)
		at = &(*at)->next;
	*at = device->next;
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

static int probe_device(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	struct uiommu_vtd *unit = to_vtd(instance);
	struct vtd_device *device = uiommu_port_alloc(unit->host, sizeof(*device));
	int rc;

	if (!device)
		return -UIOMMU_ENOMEM;
	device->dev = dev;
	device->unit = unit;
	device->pci = uiommu_device_pci(dev);
	rc = find_source_ids(device);
	if (rc)
		goto free_device;
	uiommu_vtd_enable_features(device);
	rc = uiommu_vtd_tables_alloc(device);
	if (rc)
		goto free_tables;
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	device->next = unit->devices;
	unit->devices = device;
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
	uiommu_vtd_context_connect(device);
	uiommu_device_set_priv(dev, device);
	return 0;

free_tables:
	uiommu_vtd_disable_features(device);
	uiommu_vtd_tables_free(device);
free_device:
	uiommu_port_free(unit->host, device, sizeof(*device));
	return rc;
}

static void release_device(struct uiommu_device *dev)
{
	struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd *unit = device->unit;

	/* ATS off first: no new translations while the entry goes. */
	uiommu_vtd_disable_features(device);
	uiommu_vtd_context_disconnect(device);
	unlink_device(device);
	uiommu_vtd_tables_free(device);
	uiommu_device_set_priv(dev, NULL);
	uiommu_port_free(unit->host, device, sizeof(*device));
}

static int device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	return uiommu_device_pci(dev) ? uiommu_pci_device_group(dev, out) :
					uiommu_generic_device_group(dev, out);
}

static bool capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	const struct vtd_device *device = uiommu_device_priv(dev);
	const struct uiommu_vtd *unit = device->unit;

	switch (cap) {
	case UIOMMU_CAP_CACHE_COHERENCY:
		return true; /* DMA snoops unless a device asks otherwise */
	case UIOMMU_CAP_ENFORCE_CACHE_COHERENCY:
		return unit->ecap & VTD_ECAP_SC;
	case UIOMMU_CAP_DEFERRED_FLUSH:
		return true;
	case UIOMMU_CAP_DIRTY_TRACKING:
		return vtd_tracks_dirty(unit) && (unit->ecap & VTD_ECAP_SSTS);
	case UIOMMU_CAP_ATS:
		return device->ats;
	case UIOMMU_CAP_HITLESS_REPLACE:
		/* Of the first stage as long as domain IDs last: see table.c. */
		return uiommu_vtd_stores_pairs();
	case UIOMMU_CAP_WRITE_ONLY:
		return !uiommu_vtd_choose_first(unit, 0);
	case UIOMMU_CAP_NOEXEC:
	case UIOMMU_CAP_PRE_BOOT_PROTECTION:
		return false;
	}
	return false;
}

/* The registers as they are, whatever this driver makes of them. */
static int hw_info(struct uiommu_device *dev, uint32_t *type, void *data, size_t *size)
{
	const struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd_hw_info *info = data;

	if (*type != UIOMMU_HW_INFO_NONE && *type != UIOMMU_HW_INFO_VTD)
		return -UIOMMU_EOPNOTSUPP;
	*info = (struct uiommu_vtd_hw_info){
		.cap_reg = device->unit->cap,
		.ecap_reg = device->unit->ecap,
	};
	*type = UIOMMU_HW_INFO_VTD;
	*size = sizeof(*info);
	return 0;
}

static void info(struct uiommu_instance *instance, struct uiommu_instance_info *out)
{
	struct uiommu_vtd *unit = to_vtd(instance);

	out->version = vtd_read32(unit, VTD_REG_VER);
	out->cap = unit->cap;
	out->ecap = unit->ecap;
	out->domains_supported = unit->num_dids;
	out->domains_used = 0;
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	for (uint32_t i = 0; i < unit->num_dids; i += 64)
		for (uint64_t left = unit->dids[i / 64]; left; left &= left - 1)
			out->domains_used++;
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

static int get_resv_regions(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	const struct vtd_device *device = uiommu_device_priv(dev);
	const struct uiommu_vtd_config *config = &device->unit->config;
	int rc = uiommu_resv_add(list, VTD_INTERRUPT_FIRST,
				 VTD_INTERRUPT_LAST - VTD_INTERRUPT_FIRST + 1, UIOMMU_WRITE,
				 UIOMMU_RESV_MSI);

	if (rc == 0 && config->get_resv_regions)
		rc = config->get_resv_regions(config->context, dev, list);
	return rc;
}

/* Without pass-through (ECAP.PT) there is no identity. */
static enum uiommu_domain_type def_domain_type(struct uiommu_device *dev)
{
	const struct vtd_device *device = uiommu_device_priv(dev);

	return device->unit->ecap & VTD_ECAP_PT ? UIOMMU_DOMAIN_AUTO : UIOMMU_DOMAIN_DMA;
}

const struct uiommu_ops uiommu_vtd_driver_ops = {
	.name = "vtd",
	.identity_domain = &uiommu_vtd_identity_domain,
	.blocked_domain = &uiommu_vtd_blocked_domain,
	.release_domain = &uiommu_vtd_blocked_domain,
	.probe_device = probe_device,
	.release_device = release_device,
	.device_group = device_group,
	.capable = capable,
	.hw_info = hw_info,
	.get_resv_regions = get_resv_regions,
	.def_domain_type = def_domain_type,
	.domain_alloc_paging = uiommu_vtd_domain_alloc,
	.domain_alloc_nested = uiommu_vtd_domain_alloc_nested,
	.domain_alloc_sva = uiommu_vtd_domain_alloc_sva,
	.page_requests_enable = uiommu_vtd_page_requests_enable,
	.page_requests_disable = uiommu_vtd_page_requests_disable,
	.page_requests_drain = uiommu_vtd_page_requests_drain,
	.page_response = uiommu_vtd_page_response,
	.reset_done = uiommu_vtd_reset_done,
	.poll = uiommu_vtd_poll,
	.info = info,
};
