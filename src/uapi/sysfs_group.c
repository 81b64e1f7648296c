/* SPDX-License-Identifier: MIT */
/* sysfs_group.c - the files of IOMMU groups, and of IOMMUs */
#include "src/uapi/sysfs.h"

/* ---- groups ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	enum uiommu_domain_type type;
} types[] = {
	{ "blocked", UIOMMU_DOMAIN_BLOCKED },  { "identity", UIOMMU_DOMAIN_IDENTITY },
	{ "unmanaged", UIOMMU_DOMAIN_PAGING }, { "DMA", UIOMMU_DOMAIN_DMA },
	{ "DMA-FQ", UIOMMU_DOMAIN_DMA_FQ },    { "auto", UIOMMU_DOMAIN_AUTO },
};

static int show_type(struct sysfs_text *text, struct sysfs_view *view,
		     const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_group *group = object;
	const char *name = "unknown";
	enum uiommu_domain_type type;

	(void)view;
	(void)attr;
	if (group->core) {
		type = uiommu_group_default_type(group->core);
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (types[i].type == type)
				name = types[i].name;
	}
	uiommu_sysfs_print(text, "%s\n", name);
	return 0;
}

/*
 * The core says whether a group may change: not with a driver bound, owned or empty, unless it is from DMA to DMA-FQ, and
 * never to what a member cannot have.
 */
static int store_type(const struct sysfs_store *store)
{
	const struct sysfs_group *group = store->object;

	if (!uapi_capable(store->process, UIOMMU_UAPI_CAP_SYS_ADMIN) ||
	    !uapi_capable(store->process, UIOMMU_UAPI_CAP_SYS_RAWIO))
		return -UAPI_EACCES;
	if (!group->core)
		return -UIOMMU_EINVAL;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (uiommu_sysfs_is(store->text, types[i].name))
			return uiommu_group_set_default_type(group->core, types[i].type);
	return -UIOMMU_EINVAL;
}

/* As many lines as fit on a page. */
static int show_regions(struct sysfs_text *text, struct sysfs_view *view,
			const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_group *group = object;
	struct uiommu_resv_region regions[SYSFS_PAGE / 44];
	size_t count = 0, max = sizeof(regions) / sizeof(regions[0]);
	int rc = 0;

	(void)view;
	(void)attr;
	if (group->core)
		rc = uiommu_group_resv_regions(group->core, regions, max, &count);
	if (rc == -UIOMMU_ENOMEM)
		return rc;
	for (size_t i = 0; !rc && i < count && i < max; i++)
		uiommu_sysfs_print(text, "0x%016llx 0x%016llx %s\n",
				   (unsigned long long)regions[i].start,
				   (unsigned long long)regions[i].last,
				   uiommu_resv_type_name(regions[i].type));
	return 0;
}

/* Groups of VFIO's own have a name. */
static bool has_name(const struct sysfs_attr *attr, const void *object)
{
	(void)attr;
	return !((const struct sysfs_group *)object)->core;
}

static int show_name(struct sysfs_text *text, struct sysfs_view *view,
		     const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)attr;
	(void)object;
	uiommu_sysfs_print(text, "vfio-noiommu\n");
	return 0;
}

const struct sysfs_attr uiommu_sysfs_group_attrs[] = {
	{ .name = "type", .mode = 0644, .show = show_type, .store = store_type },
	{ .name = "reserved_regions", .mode = 0444, .show = show_regions },
	{ .name = "name", .mode = 0444, .present = has_name, .show = show_name },
	{ 0 },
};

/* ---- VT-d -------------------------------------------------------------------------------------- */

enum vtd_field {
	VTD_VERSION,
	VTD_ADDRESS,
	VTD_CAP,
	VTD_ECAP,
	VTD_DOMAINS_SUPPORTED,
	VTD_DOMAINS_USED,
};

static int show_vtd(struct sysfs_text *text, struct sysfs_view *view, const struct sysfs_attr *attr,
		    const void *object)
{
	const struct sysfs_instance *instance = object;
	const struct uiommu_instance_info *info = &instance->info;
	const uint64_t values[] = {
		[VTD_ADDRESS] = instance->address,
		[VTD_CAP] = info->cap,
		[VTD_ECAP] = info->ecap,
		[VTD_DOMAINS_SUPPORTED] = info->domains_supported,
		[VTD_DOMAINS_USED] = info->domains_used,
	};

	(void)view;
	if (attr->argument == VTD_VERSION) /* 11.4.1: major in bits 7:4, minor in 3:0 */
		uiommu_sysfs_print(text, "%u:%u\n", info->version >> 4 & 0xf, info->version & 0xf);
	else if (attr->argument < VTD_DOMAINS_SUPPORTED)
		uiommu_sysfs_print(text, "%llx\n", (unsigned long long)values[attr->argument]);
	else
		uiommu_sysfs_print(text, "%llu\n", (unsigned long long)values[attr->argument]);
	return 0;
}

#define VTD(text, field)                                                             \
	{                                                                            \
		.name = (text), .mode = 0444, .show = show_vtd, .argument = (field), \
	}
const struct sysfs_attr uiommu_sysfs_vtd_attrs[] = {
	VTD("version", VTD_VERSION),
	VTD("address", VTD_ADDRESS),
	VTD("cap", VTD_CAP),
	VTD("ecap", VTD_ECAP),
	VTD("domains_supported", VTD_DOMAINS_SUPPORTED),
	VTD("domains_used", VTD_DOMAINS_USED),
	{ 0 },
};
