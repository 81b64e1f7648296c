/* SPDX-License-Identifier: MIT */
/* device.c - devices behind a virtio IOMMU: probing, properties, groups, capabilities */
#include "src/drivers/virtio/viommu.h"

/* Where Linux and others put the doorbells if the device names no place for them. */
#define SOFTWARE_MSI_START 0x8000000ull
#define SOFTWARE_MSI_SIZE 0x100000ull

struct count {
	unsigned int number;
	struct viommu_resv *resv; /* room, or NULL: count only */
	unsigned int room;
};

static int add_region(const struct viommu_resv *resv, void *context)
{
	struct count *count = context;

	if (count->resv && count->number < count->room)
		count->resv[count->number] = *resv;
	count->number++;
	return 0;
}

static void remove_endpoint(struct uiommu_virtio_iommu *viommu, struct viommu_endpoint *endpoint)
{
	struct viommu_endpoint **at = &viommu->endpoints;

	while (*at != endpoint)
		at = &(*at)->next;
	*at = endpoint->next;
}

/* One that was parked in the identity domain is still there, and remembered as long as it is. */
static void put_endpoint(struct uiommu_virtio_iommu *viommu, struct viommu_endpoint *endpoint,
			 bool attached)
{
	bool forget;

	uiommu_port_mutex_lock(viommu->host, &viommu->lock);
	endpoint->attached_devices -= attached;
	forget = --endpoint->devices == 0 && !endpoint->place.attached;
	if (forget)
		remove_endpoint(viommu, endpoint);
	uiommu_port_mutex_unlock(viommu->host, &viommu->lock);
	if (forget)
		uiommu_port_free(viommu->host, endpoint, sizeof(*endpoint));
}

/*
 * Below a bridge that answers for what is behind it the IOMMU may know the bridge's ID alone: no request ever carries
 * the device's own.
 */
static void drop_endpoint(struct viommu_device *device, unsigned int index)
{
	put_endpoint(device->viommu, device->endpoint[index], false);
	device->num_endpoints--;
	for (unsigned int i = index; i < device->num_endpoints; i++)
		device->endpoint[i] = device->endpoint[i + 1];
}

/* Ask twice: for the number of regions, and, with room for them, for the regions. */
static int ask(struct viommu_device *device, struct count *count)
{
	int rc = 0;

	count->number = 0;
	for (unsigned int i = 0; i < device->num_endpoints && !rc;) {
		rc = uiommu_viommu_probe_endpoint(device->viommu, device->endpoint[i]->id,
						  add_region, count);
		if (rc == -UIOMMU_ENOENT && device->num_endpoints > 1) {
			drop_endpoint(device, i);
			rc = 0;
		} else {
			i++;
		}
	}
	return rc;
}

static int read_properties(struct viommu_device *device)
{
	struct count count = { 0 };
	int rc;

	if (!(device->viommu->features & VIRTIO_IOMMU_F_PROBE))
		return 0;
	rc = ask(device, &count);
	if (rc || !count.number)
		return rc;
	count.room = count.number;
	count.resv = uiommu_port_alloc(device->viommu->host, count.room * sizeof(*count.resv));
	if (!count.resv)
		return -UIOMMU_ENOMEM;
	device->resv = count.resv;
	device->num_resv = count.room;
	rc = ask(device, &count);
	return rc == 0 && count.number != count.room ? -UIOMMU_EIO : rc;
}

static int get_endpoint(struct uiommu_virtio_iommu *viommu, uint32_t id,
			struct viommu_endpoint **out)
{
	struct viommu_endpoint *endpoint, *fresh;

	fresh = uiommu_port_alloc(viommu->host, sizeof(*fresh));
	if (!fresh)
		return -UIOMMU_ENOMEM;
	uiommu_port_mutex_lock(viommu->host, &viommu->lock);
	for (endpoint = viommu->endpoints; endpoint && endpoint->id != id;)
		endpoint = endpoint->next;
	if (!endpoint) {
		endpoint = fresh;
		fresh = NULL;
		endpoint->id = id;
		endpoint->next = viommu->endpoints;
		viommu->endpoints = endpoint;
	}
	endpoint->devices++;
	uiommu_port_mutex_unlock(viommu->host, &viommu->lock);
	uiommu_port_free(viommu->host, fresh, sizeof(*fresh));
	*out = endpoint;
	return 0;
}

void uiommu_viommu_forget_endpoints(struct uiommu_virtio_iommu *viommu)
{
	while (viommu->endpoints) {
		struct viommu_endpoint *endpoint = viommu->endpoints;

		if (endpoint->place.binding)
			endpoint->place.binding->endpoints--;
		remove_endpoint(viommu, endpoint);
		uiommu_port_free(viommu->host, endpoint, sizeof(*endpoint));
	}
}

/* Each ID of the firmware spec once. */
static int get_endpoints(struct viommu_device *device)
{
	const struct uiommu_fwspec *spec = uiommu_device_fwspec(device->dev);
	int rc = 0;

	for (unsigned int i = 0; i < spec->num_ids && !rc; i++) {
		bool known = false;

		for (unsigned int k = 0; k < device->num_endpoints; k++)
			known |= device->endpoint[k]->id == spec->ids[i];
		if (known)
			continue;
		if (device->num_endpoints == VIOMMU_MAX_ENDPOINTS)
			return -UIOMMU_EINVAL;
		rc = get_endpoint(device->viommu, spec->ids[i],
				  &device->endpoint[device->num_endpoints]);
		if (rc == 0)
			device->num_endpoints++;
	}
	return rc ? rc : device->num_endpoints ? 0 : -UIOMMU_EINVAL;
}

static void free_device(struct viommu_device *device)
{
	void *host = device->viommu->host;

	for (unsigned int i = 0; i < device->num_endpoints; i++)
		put_endpoint(device->viommu, device->endpoint[i], device->attached);
	if (device->resv)
		uiommu_port_free(host, device->resv, device->num_resv * sizeof(*device->resv));
	uiommu_port_free(host, device, sizeof(*device));
}

static int probe_device(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	struct uiommu_virtio_iommu *viommu = to_viommu(instance);
	struct viommu_device *device = uiommu_port_alloc(viommu->host, sizeof(*device));
	int rc;

	if (!device)
		return -UIOMMU_ENOMEM;
	device->dev = dev;
	device->viommu = viommu;
	rc = get_endpoints(device);
	if (rc) {
		free_device(device);
		return rc;
	}
	rc = read_properties(device);
	if (rc) {
		uiommu_log(viommu->host, UIOMMU_LOG_ERROR,
			   "%s: the properties of endpoint %u cannot be read: %s",
			   viommu->config.name, device->endpoint[0]->id, uiommu_strerror(rc));
		free_device(device);
		return rc;
	}
	if (viommu->identity)
		rc = uiommu_viommu_identity_fill(viommu->identity, device);
	if (rc) {
		free_device(device);
		return rc;
	}
	uiommu_device_set_priv(dev, device);
	return 0;
}

/* The core parked it in the blocked or in the identity domain, or never attached it. */
static void release_device(struct uiommu_device *dev)
{
	struct viommu_device *device = uiommu_device_priv(dev);

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
	(void)dev;
	return cap == UIOMMU_CAP_CACHE_COHERENCY || cap == UIOMMU_CAP_DEFERRED_FLUSH ||
	       cap == UIOMMU_CAP_WRITE_ONLY;
}

static int get_resv_regions(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	const struct viommu_device *device = uiommu_device_priv(dev);
	const struct uiommu_virtio_iommu_config *config = &device->viommu->config;
	bool msi = false;
	int rc = 0;

	for (unsigned int i = 0; i < device->num_resv && !rc; i++) {
		const struct viommu_resv *r = &device->resv[i];

		/* All 2^64 bytes have no length: two halves do. */
		if (r->last - r->start == UINT64_MAX)
			rc = uiommu_resv_add(list, 0, 1ull << 63, 0, UIOMMU_RESV_RESERVED);
		if (!rc && r->last - r->start == UINT64_MAX)
			rc = uiommu_resv_add(list, 1ull << 63, 1ull << 63, 0, UIOMMU_RESV_RESERVED);
		else if (!rc)
			rc = uiommu_resv_add(list, r->start, r->last - r->start + 1,
					     r->msi ? UIOMMU_WRITE : 0,
					     r->msi ? UIOMMU_RESV_MSI : UIOMMU_RESV_RESERVED);
		msi |= r->msi;
	}
	/* Interrupts are translated then, and their doorbells need a place (5.13.6.8.1). */
	if (!rc && !msi)
		rc = uiommu_resv_add(list, SOFTWARE_MSI_START, SOFTWARE_MSI_SIZE, UIOMMU_WRITE,
				     UIOMMU_RESV_SW_MSI);
	if (!rc && config->get_resv_regions)
		rc = config->get_resv_regions(config->context, dev, list);
	return rc;
}

const struct uiommu_ops uiommu_viommu_driver_ops = {
	.name = "virtio-iommu",
	.identity_domain = &uiommu_viommu_identity_domain,
	.blocked_domain = &uiommu_viommu_blocked_domain,
	.release_domain = &uiommu_viommu_blocked_domain,
	.probe_device = probe_device,
	.release_device = release_device,
	.device_group = device_group,
	.capable = capable,
	.get_resv_regions = get_resv_regions,
	.domain_alloc_paging = uiommu_viommu_domain_alloc,
	.poll = uiommu_viommu_poll,
};
