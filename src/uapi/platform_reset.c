/* SPDX-License-Identifier: MIT */
/*
 * platform_reset.c - how platform devices are reset: functions by "compatible", ACPI's _RST, and who has which
 *
 * A device that finds a function keeps it, and the function cannot be unregistered as long.  Loading happens with no lock
 * held, for what is loaded registers itself.
 */
#include <stdio.h>

#include "src/uapi/platform.h"

#define MODULE_PREFIX "vfio-reset:"

/* uapi->lock, but for what never changes. */
struct platform_reset_entry {
	struct platform_reset_entry *next; /* the newest first */
	uiommu_uapi_platform_reset_fn function;
	unsigned int users; /* devices that have found it */
	bool noticed; /* the notice is out */
	char *compatible;
	char *notice; /* NULL: none */
};

/* What the library has itself. */
static const struct {
	const char *compatible;
	uiommu_uapi_platform_reset_fn function;
	const char *notice;
} own[] = {
	{ "amd,xgbe-seattle-v1a", uiommu_platform_reset_xgbe, NULL },
	{ "brcm,iproc-flexrm-mbox", uiommu_platform_reset_flexrm,
	  "the reset of FlexRM is deprecated: Linux is going to drop it" },
	{ "calxeda,hb-xgmac", uiommu_platform_reset_calxeda, NULL },
};

/* ---- the registry ------------------------------------------------------------------------------ */

static char *copy_text(struct uiommu_uapi *uapi, const char *text)
{
	char *copy = uapi_alloc(uapi, strlen(text) + 1);

	return copy ? strcpy(copy, text) : NULL;
}

static void free_text(struct uiommu_uapi *uapi, char *text)
{
	if (text)
		uapi_free(uapi, text, strlen(text) + 1);
}

static void free_entry(struct uiommu_uapi *uapi, struct platform_reset_entry *entry)
{
	if (!entry)
		return;
	free_text(uapi, entry->compatible);
	free_text(uapi, entry->notice);
	uapi_free(uapi, entry, sizeof(*entry));
}

static struct platform_reset_entry *create_entry(struct uiommu_uapi *uapi, const char *compatible,
						 uiommu_uapi_platform_reset_fn function,
						 const char *notice)
{
	struct platform_reset_entry *entry = uapi_alloc(uapi, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->function = function;
	entry->compatible = copy_text(uapi, compatible);
	entry->notice = notice ? copy_text(uapi, notice) : NULL;
	if (entry->compatible && (entry->notice || !notice))
		return entry;
	free_entry(uapi, entry);
	return NULL;
}

/* Where the newest of exactly this pair is linked, NULL there: nowhere. uapi->lock is held. */
static struct platform_reset_entry **find_pair(struct uiommu_uapi *uapi, const char *compatible,
					       uiommu_uapi_platform_reset_fn function)
{
	struct platform_reset_entry **link = &uapi->platform_resets;

	while (*link &&
	       ((*link)->function != function || strcmp((*link)->compatible, compatible) != 0))
		link = &(*link)->next;
	return link;
}

/* Unless @once and it is there. */
static int insert(struct uiommu_uapi *uapi, const char *compatible,
		  uiommu_uapi_platform_reset_fn function, const char *notice, bool once)
{
	struct platform_reset_entry *entry = create_entry(uapi, compatible, function, notice);

	if (!entry)
		return -UIOMMU_ENOMEM;
	uapi_lock(uapi, &uapi->lock);
	if (!once || !*find_pair(uapi, compatible, function)) {
		entry->next = uapi->platform_resets;
		uapi->platform_resets = entry;
		entry = NULL;
	}
	uapi_unlock(uapi, &uapi->lock);
	free_entry(uapi, entry);
	return 0;
}

int uiommu_uapi_register_platform_reset(struct uiommu_uapi *uapi, const char *compatible,
					uiommu_uapi_platform_reset_fn function, const char *notice)
{
	if (!compatible || !*compatible || !function)
		return -UIOMMU_EINVAL;
	return insert(uapi, compatible, function, notice, false);
}

int uiommu_uapi_unregister_platform_reset(struct uiommu_uapi *uapi, const char *compatible,
					  uiommu_uapi_platform_reset_fn function)
{
	struct platform_reset_entry **link, *entry;
	int rc = -UIOMMU_ENOENT;

	if (!compatible)
		return -UIOMMU_ENOENT;
	uapi_lock(uapi, &uapi->lock);
	link = find_pair(uapi, compatible, function);
	entry = *link;
	if (entry) {
		rc = entry->users ? -UIOMMU_EBUSY : 0;
		if (!rc)
			*link = entry->next;
	}
	uapi_unlock(uapi, &uapi->lock);
	if (!rc)
		free_entry(uapi, entry);
	return rc;
}

int uiommu_uapi_load_platform_reset(struct uiommu_uapi *uapi, const char *module)
{
	const size_t prefix = strlen(MODULE_PREFIX);

	if (!module || strncmp(module, MODULE_PREFIX, prefix) != 0)
		return -UIOMMU_ENOENT;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (!strcmp(module + prefix, own[i].compatible))
			return insert(uapi, own[i].compatible, own[i].function, own[i].notice,
				      true);
	}
	return -UIOMMU_ENOENT;
}

void uiommu_platform_reset_destroy(struct uiommu_uapi *uapi)
{
	struct platform_reset_entry *entry;

	while ((entry = uapi->platform_resets)) {
		uapi->platform_resets = entry->next;
		free_entry(uapi, entry);
	}
}

/* ---- a device's -------------------------------------------------------------------------------- */

static struct platform_reset_entry *get_entry(struct uiommu_uapi *uapi, const char *compatible)
{
	struct platform_reset_entry *entry;

	uapi_lock(uapi, &uapi->lock);
	entry = uapi->platform_resets;
	while (entry && strcmp(entry->compatible, compatible) != 0)
		entry = entry->next;
	if (entry)
		entry->users++;
	uapi_unlock(uapi, &uapi->lock);
	return entry;
}

static int load(struct uiommu_uapi *uapi, const char *compatible)
{
	const struct uiommu_uapi_config *config = &uapi->config;
	size_t size = strlen(MODULE_PREFIX) + strlen(compatible) + 1;
	char *module = uapi_alloc(uapi, size);
	int rc;

	if (!module)
		return -UIOMMU_ENOMEM;
	snprintf(module, size, MODULE_PREFIX "%s", compatible);
	if (config->load_platform_reset)
		rc = config->load_platform_reset(config->context, uapi, module);
	else
		rc = uiommu_uapi_load_platform_reset(uapi, module);
	uapi_free(uapi, module, size);
	return rc;
}

int uiommu_platform_reset_find(struct vfio_platform *platform)
{
	struct uiommu_uapi *uapi = platform->device.uapi;
	const struct uiommu_uapi_platform_io *io = platform->io;
	int rc;

	if (io->acpi_hid)
		return io->acpi_reset ? 0 : -UIOMMU_ENOENT;
	platform->reset = get_entry(uapi, io->compatible);
	if (platform->reset)
		return 0;
	rc = load(uapi, io->compatible);
	if (rc == -UIOMMU_ENOMEM)
		return rc;
	platform->reset = get_entry(uapi, io->compatible);
	return platform->reset ? 0 : -UIOMMU_ENOENT;
}

void uiommu_platform_reset_put(struct vfio_platform *platform)
{
	struct uiommu_uapi *uapi = platform->device.uapi;

	if (!platform->reset)
		return;
	uapi_lock(uapi, &uapi->lock);
	platform->reset->users--;
	uapi_unlock(uapi, &uapi->lock);
	platform->reset = NULL;
}

bool uiommu_platform_has_reset(const struct vfio_platform *platform)
{
	return platform->reset || (platform->io->acpi_hid && platform->io->acpi_reset);
}

/* ---- a call ------------------------------------------------------------------------------------ */

/* A function that goes past the end of a region finds nothing there. */
static bool inside(const struct vfio_platform *platform, unsigned int region, uint64_t offset)
{
	const struct uiommu_uapi_platform_io *io = platform->io;

	return region < io->num_regions && io->regions[region].size >= 4 &&
	       offset <= io->regions[region].size - 4;
}

static int reset_map(struct uiommu_uapi_platform_reset *reset, unsigned int region)
{
	return uiommu_vfio_platform_map(reset->context, region);
}

static uint32_t reset_read(struct uiommu_uapi_platform_reset *reset, unsigned int region,
			   uint64_t offset)
{
	struct vfio_platform *platform = reset->context;
	const struct uiommu_uapi_platform_io *io = platform->io;

	return inside(platform, region, offset) ? io->read(io->context, region, offset, 4) :
						  UINT32_MAX;
}

static void reset_write(struct uiommu_uapi_platform_reset *reset, unsigned int region,
			uint64_t offset, uint32_t value)
{
	struct vfio_platform *platform = reset->context;
	const struct uiommu_uapi_platform_io *io = platform->io;

	if (inside(platform, region, offset))
		io->write(io->context, region, offset, 4, value);
}

static uint32_t reset_read_relaxed(struct uiommu_uapi_platform_reset *reset, unsigned int region,
				   uint64_t offset)
{
	struct vfio_platform *platform = reset->context;
	const struct uiommu_uapi_platform_io *io = platform->io;

	if (!io->read_relaxed)
		return reset_read(reset, region, offset);
	return inside(platform, region, offset) ? io->read_relaxed(io->context, region, offset, 4) :
						  UINT32_MAX;
}

static void reset_write_relaxed(struct uiommu_uapi_platform_reset *reset, unsigned int region,
				uint64_t offset, uint32_t value)
{
	struct vfio_platform *platform = reset->context;
	const struct uiommu_uapi_platform_io *io = platform->io;

	if (!io->write_relaxed)
		reset_write(reset, region, offset, value);
	else if (inside(platform, region, offset))
		io->write_relaxed(io->context, region, offset, 4, value);
}

static void reset_delay(struct uiommu_uapi_platform_reset *reset, uint64_t ns)
{
	struct vfio_platform *platform = reset->context;
	void *host = platform->device.uapi->host;
	uint64_t start;

	if (platform->io->delay) {
		platform->io->delay(platform->io->context, ns);
		return;
	}
	start = uiommu_port_now_ns(host);
	while (uiommu_port_now_ns(host) - start < ns)
		uiommu_port_relax(host);
}

static void reset_log(struct uiommu_uapi_platform_reset *reset, enum uiommu_log_level level,
		      const char *line)
{
	struct vfio_platform *platform = reset->context;

	uiommu_log(platform->device.uapi->host, level, "vfio-platform: %s: %s", reset->name, line);
}

static void notice_once(struct vfio_platform *platform)
{
	struct uiommu_uapi *uapi = platform->device.uapi;
	struct platform_reset_entry *entry = platform->reset;
	bool first;

	uapi_lock(uapi, &uapi->lock);
	first = !entry->noticed;
	entry->noticed = true;
	uapi_unlock(uapi, &uapi->lock);
	if (first && entry->notice)
		uiommu_log(uapi->host, UIOMMU_LOG_INFO, "vfio-platform: %s", entry->notice);
}

int uiommu_platform_reset(struct vfio_platform *platform)
{
	const struct uiommu_uapi_platform_io *io = platform->io;
	struct uiommu_uapi_platform_reset reset = {
		.name = platform->device.name,
		.compatible = io->compatible,
		.regions = io->regions,
		.num_regions = io->num_regions,
		.map = reset_map,
		.read = reset_read,
		.write = reset_write,
		.read_relaxed = reset_read_relaxed,
		.write_relaxed = reset_write_relaxed,
		.delay = reset_delay,
		.log = reset_log,
		.context = platform,
	};

	if (platform->reset) {
		notice_once(platform);
		return platform->reset->function(&reset);
	}
	if (io->acpi_hid && io->acpi_reset)
		return io->acpi_reset(io->context);
	return -UIOMMU_EINVAL;
}
