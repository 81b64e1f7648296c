/* SPDX-License-Identifier: MIT */
/*
 * sysfs_module.c - the modules that Linux's implementation consists of, and their parameters
 *
 * A parameter that can be written holds from the next time that it is asked for: for the next device, container or
 * mapping.
 */
#include <errno.h>
#include <stdlib.h>

#include "src/uapi/sysfs.h"

enum option {
	OPTION_NO, /* there is no such thing here */
	OPTION_YES,
	OPTION_NOIOMMU,
	OPTION_IOMMUFD_INTERRUPTS,
	OPTION_TYPE1_INTERRUPTS,
	OPTION_NO_HUGEPAGES,
	OPTION_NO_RESET, /* shown as its opposite */
};

static bool *option(struct uiommu_uapi *uapi, unsigned int which)
{
	struct uiommu_uapi_config *config = &uapi->config;
	bool *const options[] = {
		[OPTION_NOIOMMU] = &config->enable_unsafe_noiommu_mode,
		[OPTION_IOMMUFD_INTERRUPTS] = &config->allow_unsafe_interrupts,
		[OPTION_TYPE1_INTERRUPTS] = &config->type1_allow_unsafe_interrupts,
		[OPTION_NO_HUGEPAGES] = &config->disable_hugepages,
		[OPTION_NO_RESET] = &config->platform_reset_not_required,
	};

	return options[which];
}

static int show_option(struct sysfs_text *text, struct sysfs_view *view,
		       const struct sysfs_attr *attr, const void *object)
{
	bool value = attr->argument == OPTION_YES;

	(void)object;
	if (attr->argument > OPTION_YES)
		value = uapi_option(option(view->uapi, attr->argument));
	uiommu_sysfs_print(text, "%c\n", value != (attr->argument == OPTION_NO_RESET) ? 'Y' : 'N');
	return 0;
}

/* "y", "n", "1", "0", "t", "f", "on", "off", in letters of either size. */
static int parse_bool(const char *text, bool *value)
{
	char first = *text, second = first ? text[1] : 0;

	if (first && strchr("yY1tT", first))
		*value = true;
	else if (first && strchr("nN0fF", first))
		*value = false;
	else if (first && strchr("oO", first) && second && strchr("nN", second))
		*value = true;
	else if (first && strchr("oO", first) && second && strchr("fF", second))
		*value = false;
	else
		return -UIOMMU_EINVAL;
	return 0;
}

static int store_option(const struct sysfs_store *store)
{
	bool value;
	int rc = parse_bool(store->text, &value);

	if (!rc)
		__atomic_store_n(option(store->uapi, store->attr->argument), value,
				 __ATOMIC_RELAXED);
	return rc;
}

static int show_entries(struct sysfs_text *text, struct sysfs_view *view,
			const struct sysfs_attr *attr, const void *object)
{
	uint32_t limit = __atomic_load_n(&view->uapi->config.dma_entry_limit, __ATOMIC_RELAXED);

	(void)attr;
	(void)object;
	uiommu_sysfs_print(text, "%u\n", limit ? limit : 65535u);
	return 0;
}

/* None at all cannot be said. */
static int store_entries(const struct sysfs_store *store)
{
	unsigned long limit;
	int rc = uiommu_sysfs_number(store->text, &limit);

	if (rc || !limit)
		return -UIOMMU_EINVAL;
	if (limit > UINT32_MAX)
		return -UIOMMU_ERANGE;
	__atomic_store_n(&store->uapi->config.dma_entry_limit, (uint32_t)limit, __ATOMIC_RELAXED);
	return 0;
}

#define FIXED(text, value)                                                              \
	{                                                                               \
		.name = (text), .mode = 0444, .show = show_option, .argument = (value), \
	}
#define OPTION(text, value)                                                               \
	{                                                                                 \
		.name = (text), .mode = 0644, .show = show_option, .store = store_option, \
		.argument = (value),                                                      \
	}
static const struct sysfs_attr vfio_options[] = {
	OPTION("enable_unsafe_noiommu_mode", OPTION_NOIOMMU),
	{ 0 },
};
static const struct sysfs_attr type1_options[] = {
	OPTION("allow_unsafe_interrupts", OPTION_TYPE1_INTERRUPTS),
	OPTION("disable_hugepages", OPTION_NO_HUGEPAGES),
	{
		.name = "dma_entry_limit",
		.mode = 0644,
		.show = show_entries,
		.store = store_entries,
	},
	{ 0 },
};
static const struct sysfs_attr iommufd_options[] = {
	OPTION("allow_unsafe_interrupts", OPTION_IOMMUFD_INTERRUPTS),
	{ 0 },
};
static const struct sysfs_attr pci_options[] = {
	FIXED("disable_denylist", OPTION_YES), FIXED("disable_idle_d3", OPTION_YES),
	FIXED("disable_vga", OPTION_YES),      FIXED("enable_sriov", OPTION_NO),
	FIXED("nointxmask", OPTION_NO),	       { 0 },
};
static const struct sysfs_attr platform_options[] = {
	FIXED("reset_required", OPTION_NO_RESET),
	{ 0 },
};

static const struct module {
	const char *name;
	struct sysfs_type parameters;
	const char *bus, *driver; /* NULL: it has none */
	bool type1; /* not there where iommufd serves containers */
} modules[] = {
	{ .name = "vfio", .parameters = { .attrs = vfio_options } },
	{ .name = "vfio_iommu_type1", .parameters = { .attrs = type1_options }, .type1 = true },
	{ .name = "iommufd", .parameters = { .attrs = iommufd_options } },
	{
		.name = "vfio_pci",
		.parameters = { .attrs = pci_options },
		.bus = "pci",
		.driver = "vfio-pci",
	},
	{
		.name = "vfio_platform",
		.parameters = { .attrs = platform_options },
		.bus = "platform",
		.driver = "vfio-platform",
	},
};

static int show_initstate(struct sysfs_text *text, struct sysfs_view *view,
			  const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)attr;
	(void)object;
	uiommu_sysfs_print(text, "live\n");
	return 0;
}

static const struct sysfs_attr module_attrs[] = {
	{ .name = "initstate", .mode = 0444, .show = show_initstate },
	{ 0 },
};

static void list_module_drivers(struct sysfs_scan *scan, const void *object)
{
	const struct module *module = object;

	uiommu_sysfs_link(scan,
			  uiommu_sysfs_format(scan->view, "%s:%s", module->bus, module->driver),
			  uiommu_sysfs_format(scan->view, "/sys/bus/%s/drivers/%s", module->bus,
					      module->driver));
}

static const struct sysfs_type module_type = { .attrs = module_attrs };
static const struct sysfs_type module_drivers_type = { .links = list_module_drivers };
void uiommu_sysfs_build_modules(struct sysfs_view *view)
{
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		const char *path = uiommu_sysfs_format(view, "/sys/module/%s", modules[i].name);

		if (modules[i].type1 && view->uapi->config.vfio_container_by_iommufd)
			continue;
		uiommu_sysfs_add_dir(view, path, &module_type, NULL);
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/parameters", path),
				     &modules[i].parameters, NULL);
		if (modules[i].driver)
			uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/drivers", path),
					     &module_drivers_type, &modules[i]);
	}
}
