/* SPDX-License-Identifier: MIT */
/* viommu.c - a virtio IOMMU's life: reset, features, configuration, queues (3.1.1, 5.13.5) */
#include "src/drivers/virtio/viommu.h"

#define WANTED                                                                                 \
	(VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_ORDER_PLATFORM |             \
	 VIRTIO_IOMMU_F_INPUT_RANGE | VIRTIO_IOMMU_F_DOMAIN_RANGE | VIRTIO_IOMMU_F_MAP_UNMAP | \
	 VIRTIO_IOMMU_F_PROBE | VIRTIO_IOMMU_F_MMIO | VIRTIO_IOMMU_F_BYPASS_CONFIG)

static int fail(const struct uiommu_virtio_iommu *viommu, int rc, const char *what)
{
	uiommu_log(viommu->host, UIOMMU_LOG_ERROR, "%s: %s", viommu->config.name, what);
	return rc;
}

/*
 * F_BYPASS is not among what is wanted: without it, unattached endpoints are blocked (5.13.6.3.1), which is
 * what "attached to nothing" means here.
 */
static int negotiate(struct uiommu_virtio_iommu *viommu)
{
	uint64_t offered = uiommu_viommu_device_features(viommu);

	if (!(offered & VIRTIO_F_VERSION_1))
		return fail(viommu, -UIOMMU_EOPNOTSUPP, "a legacy virtio device (no VERSION_1)");
	if (!(offered & VIRTIO_IOMMU_F_MAP_UNMAP))
		return fail(viommu, -UIOMMU_EOPNOTSUPP,
			    "it has no MAP and UNMAP requests (F_MAP_UNMAP)");
	viommu->features = offered & WANTED;
	uiommu_viommu_set_driver_features(viommu, viommu->features);
	uiommu_viommu_set_status(viommu, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
						 VIRTIO_STATUS_FEATURES_OK);
	if (!(uiommu_viommu_status(viommu) & VIRTIO_STATUS_FEATURES_OK))
		return fail(viommu, -UIOMMU_EOPNOTSUPP, "it refuses the features of this driver");
	return 0;
}

static uint64_t config64(struct uiommu_virtio_iommu *viommu, uint32_t offset)
{
	uint64_t low = uiommu_viommu_config32(viommu, offset);

	return low | (uint64_t)uiommu_viommu_config32(viommu, offset + 4) << 32;
}

static void read_fields(struct uiommu_virtio_iommu *viommu)
{
	viommu->pgsizes = config64(viommu, VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK);
	viommu->first = 0;
	viommu->last = UINT64_MAX;
	if (viommu->features & VIRTIO_IOMMU_F_INPUT_RANGE) {
		viommu->first = config64(viommu, VIRTIO_IOMMU_CONFIG_INPUT_START);
		viommu->last = config64(viommu, VIRTIO_IOMMU_CONFIG_INPUT_END);
	}
	viommu->first_id = 0;
	viommu->last_id = UINT32_MAX;
	if (viommu->features & VIRTIO_IOMMU_F_DOMAIN_RANGE) {
		viommu->first_id = uiommu_viommu_config32(viommu, VIRTIO_IOMMU_CONFIG_DOMAIN_START);
		viommu->last_id = uiommu_viommu_config32(viommu, VIRTIO_IOMMU_CONFIG_DOMAIN_END);
	}
	viommu->probe_size = 0;
	if (viommu->features & VIRTIO_IOMMU_F_PROBE)
		viommu->probe_size = uiommu_viommu_config32(viommu, VIRTIO_IOMMU_CONFIG_PROBE_SIZE);
}

/* Fields of more than 32 bits are read as of one moment (2.5.1). */
static int read_config(struct uiommu_virtio_iommu *viommu)
{
	struct uiommu_patience patience;
	uint8_t before;

	uiommu_patience_begin(viommu->host, &patience);
	do {
		before = uiommu_viommu_config_generation(viommu);
		read_fields(viommu);
		if (uiommu_viommu_config_generation(viommu) == before)
			break;
	} while (uiommu_patience_turn(viommu->host, &patience));
	if (uiommu_viommu_config_generation(viommu) != before)
		return fail(viommu, -UIOMMU_ETIMEDOUT, "its configuration does not stand still");
	if (!viommu->pgsizes)
		return fail(viommu, -UIOMMU_EIO, "its page size mask is 0");
	if (viommu->first > viommu->last ||
	    viommu->last - viommu->first < (viommu->pgsizes & -viommu->pgsizes) - 1)
		return fail(viommu, -UIOMMU_EIO, "its range of addresses is empty");
	if (viommu->first_id > viommu->last_id)
		return fail(viommu, -UIOMMU_EIO, "its range of domain IDs is empty");
	/* One ID for all endpoints that bypass; a device with a single one keeps it for mappings. */
	viommu->has_bypass = (viommu->features & VIRTIO_IOMMU_F_BYPASS_CONFIG) &&
			     viommu->first_id < viommu->last_id;
	viommu->bypass_id = viommu->first_id;
	return 0;
}

static int start(struct uiommu_virtio_iommu *viommu)
{
	int rc = uiommu_viommu_reset(viommu);

	if (rc)
		return rc;
	uiommu_viommu_set_status(viommu, VIRTIO_STATUS_ACKNOWLEDGE);
	uiommu_viommu_set_status(viommu, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	rc = negotiate(viommu);
	if (!rc)
		rc = read_config(viommu);
	if (rc)
		goto failed;
	rc = uiommu_viommu_requests_init(viommu);
	if (rc)
		goto failed;
	rc = uiommu_viommu_events_init(viommu);
	if (rc)
		goto destroy_requests;
	if (viommu->features & VIRTIO_IOMMU_F_BYPASS_CONFIG)
		uiommu_viommu_set_config8(viommu, VIRTIO_IOMMU_CONFIG_BYPASS, 0);
	uiommu_viommu_set_status(viommu, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
						 VIRTIO_STATUS_FEATURES_OK |
						 VIRTIO_STATUS_DRIVER_OK);
	/* The event buffers were made available before the device listened. */
	uiommu_viommu_notify(viommu, VIRTIO_IOMMU_EVENTQ);
	return 0;

destroy_requests:
	/* The queues are enabled: their memory is the device's until it is reset. */
	uiommu_viommu_requests_destroy(viommu, uiommu_viommu_reset(viommu) != 0);
failed:
	/* Beside what is there: only a reset clears bits (2.1.1). */
	uiommu_viommu_set_status(viommu, uiommu_viommu_status(viommu) | VIRTIO_STATUS_FAILED);
	return rc;
}

static void stop(struct uiommu_virtio_iommu *viommu)
{
	bool lost = uiommu_viommu_reset(viommu) != 0;

	uiommu_viommu_events_destroy(viommu, lost);
	uiommu_viommu_requests_destroy(viommu, lost);
}

int uiommu_virtio_iommu_create(struct uiommu_system *sys,
			       const struct uiommu_virtio_iommu_config *config,
			       struct uiommu_virtio_iommu **out)
{
	void *host = uiommu_system_host(sys);
	struct uiommu_virtio_iommu *viommu = uiommu_port_alloc(host, sizeof(*viommu));
	char text[160];
	int rc;

	if (!viommu)
		return -UIOMMU_ENOMEM;
	viommu->config = *config;
	viommu->host = host;
	viommu->direct_map = uiommu_port_direct_map(host);
	rc = uiommu_port_mutex_init(host, &viommu->lock);
	if (rc)
		goto free_viommu;
	rc = uiommu_viommu_transport_init(viommu);
	if (!rc)
		rc = start(viommu);
	if (rc)
		goto destroy_lock;
	if (!viommu->has_bypass) {
		rc = -UIOMMU_ENOMEM;
		viommu->identity = uiommu_viommu_identity_alloc(viommu);
		if (!viommu->identity)
			goto stop;
	}
	viommu->instance.ops = config->ops ? config->ops : &uiommu_viommu_driver_ops;
	viommu->instance.fwnode = config->fwnode;
	viommu->instance.name = config->name;
	viommu->instance.address = config->address;
	viommu->instance.pci = config->pci;
	rc = uiommu_instance_register(sys, &viommu->instance);
	if (rc)
		goto free_identity;
	uiommu_virtio_iommu_describe(viommu, text, sizeof(text));
	uiommu_log(host, UIOMMU_LOG_INFO, "%s: %s", config->name, text);
	*out = viommu;
	return 0;

free_identity:
	uiommu_viommu_identity_free(viommu->identity);
stop:
	stop(viommu);
destroy_lock:
	uiommu_port_mutex_destroy(host, &viommu->lock);
free_viommu:
	uiommu_port_free(host, viommu, sizeof(*viommu));
	return rc;
}

void uiommu_virtio_iommu_destroy(struct uiommu_virtio_iommu *viommu)
{
	void *host;

	if (!viommu)
		return;
	host = viommu->host;
	uiommu_instance_unregister(&viommu->instance);
	stop(viommu);
	uiommu_viommu_forget_endpoints(viommu);
	uiommu_viommu_forget_bindings(viommu);
	uiommu_viommu_identity_free(viommu->identity);
	uiommu_port_mutex_destroy(host, &viommu->lock);
	uiommu_port_free(host, viommu, sizeof(*viommu));
}

const struct uiommu_ops *uiommu_virtio_iommu_ops(void)
{
	return &uiommu_viommu_driver_ops;
}

struct uiommu_instance *uiommu_virtio_iommu_instance(struct uiommu_virtio_iommu *viommu)
{
	return &viommu->instance;
}

void uiommu_virtio_iommu_interrupt(struct uiommu_virtio_iommu *viommu)
{
	uiommu_viommu_acknowledge(viommu);
	uiommu_viommu_poll(&viommu->instance);
}

/* ---- in words ---------------------------------------------------------------------------------- */

static void say(char *text, size_t size, size_t *at, const char *word)
{
	for (; *word && *at + 1 < size; word++)
		text[(*at)++] = *word;
	if (size)
		text[*at] = '\0';
}

static void say_number(char *text, size_t size, size_t *at, uint64_t number)
{
	char digits[21];
	unsigned int i = sizeof(digits) - 1;

	digits[i] = '\0';
	do
		digits[--i] = (char)('0' + number % 10);
	while (number /= 10);
	say(text, size, at, digits + i);
}

void uiommu_virtio_iommu_describe(const struct uiommu_virtio_iommu *viommu, char *text, size_t size)
{
	unsigned int bits = 0;
	size_t at = 0;

	while (bits < 64 && viommu->last >> bits)
		bits++;
	say(text, size, &at, viommu->transport.pci ? "over PCI, " : "over MMIO, ");
	say_number(text, size, &at, bits);
	say(text, size, &at, " bits, granule ");
	say_number(text, size, &at, viommu->pgsizes & -viommu->pgsizes);
	say(text, size, &at, viommu->has_bypass ? ", bypass domains" : ", identity by mappings");
	if (viommu->features & VIRTIO_IOMMU_F_PROBE)
		say(text, size, &at, ", properties");
	if (viommu->features & VIRTIO_IOMMU_F_MMIO)
		say(text, size, &at, ", MMIO mappings");
}
