/* SPDX-License-Identifier: MIT */
/* sysfs_tree.c - the directories of the tree, and the links in them */
#include "src/uapi/sysfs.h"

static const char *const bus_names[SYSFS_NUM_BUSES] = {
	[SYSFS_BUS_PCI] = "pci",
	[SYSFS_BUS_PLATFORM] = "platform",
	[SYSFS_BUS_MDEV] = "mdev",
	[SYSFS_BUS_VIRTIO] = "virtio",
};

const char *uiommu_sysfs_bus_name(enum sysfs_bus bus)
{
	return bus_names[bus];
}

static const char *driver_path(struct sysfs_view *view, const struct sysfs_driver *driver)
{
	return uiommu_sysfs_format(view, "/sys/bus/%s/drivers/%s", bus_names[driver->bus],
				   driver->name);
}

/* ---- buses and drivers ------------------------------------------------------------------------- */

/* An object that a directory is about: one of the indices of this. */
static const unsigned int bus_objects[SYSFS_NUM_BUSES] = {
	SYSFS_BUS_PCI,
	SYSFS_BUS_PLATFORM,
	SYSFS_BUS_MDEV,
	SYSFS_BUS_VIRTIO,
};

static void list_bus_devices(struct sysfs_scan *scan, const void *object)
{
	const unsigned int *bus = object;

	for (const struct sysfs_device *d = scan->view->devices; d; d = d->next)
		if (d->bus == *bus)
			uiommu_sysfs_link(scan, d->name, d->path);
}

static void list_driver(struct sysfs_scan *scan, const void *object)
{
	const struct sysfs_driver *driver = object;

	for (const struct sysfs_device *d = scan->view->devices; d; d = d->next)
		if (d->driver == driver)
			uiommu_sysfs_link(scan, d->name, d->path);
	if (driver->module)
		uiommu_sysfs_link(scan, "module",
				  uiommu_sysfs_format(scan->view, "/sys/module/%s",
						      driver->module));
}

static const struct sysfs_type bus_type = { .attrs = uiommu_sysfs_bus_attrs };
static const struct sysfs_type bus_devices_type = { .links = list_bus_devices };
static const struct sysfs_type pci_driver_type = {
	.attrs = uiommu_sysfs_pci_driver_attrs,
	.links = list_driver,
};
static const struct sysfs_type platform_driver_type = {
	.attrs = uiommu_sysfs_platform_driver_attrs,
	.links = list_driver,
};
static const struct sysfs_type fixed_driver_type = { .links = list_driver };

static void build_buses(struct sysfs_view *view)
{
	bool here[SYSFS_NUM_BUSES] = {
		[SYSFS_BUS_PCI] = true,
		[SYSFS_BUS_PLATFORM] = true,
		[SYSFS_BUS_MDEV] = true,
	};

	for (const struct sysfs_device *d = view->devices; d; d = d->next)
		here[d->bus] = true;
	for (unsigned int bus = 0; bus < SYSFS_NUM_BUSES; bus++) {
		const char *path = uiommu_sysfs_format(view, "/sys/bus/%s", bus_names[bus]);

		if (!here[bus])
			continue;
		uiommu_sysfs_add_dir(view, path,
				     bus == SYSFS_BUS_PCI || bus == SYSFS_BUS_PLATFORM ? &bus_type :
											 NULL,
				     &bus_objects[bus]);
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/devices", path),
				     &bus_devices_type, &bus_objects[bus]);
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/drivers", path), NULL,
				     NULL);
	}
	for (const struct sysfs_driver *d = view->drivers; d; d = d->next) {
		const struct sysfs_type *type = d->bus == SYSFS_BUS_PCI ? &pci_driver_type :
									  &platform_driver_type;

		uiommu_sysfs_add_dir(view, driver_path(view, d),
				     d->fixed ? &fixed_driver_type : type, d);
	}
}

/* ---- devices ----------------------------------------------------------------------------------- */

/* Configuration spaces are read for these. */
static bool wants_virtual(const struct sysfs_scan *scan)
{
	return uiommu_sysfs_wants(scan, "physfn") ||
	       (scan->want_length > 6 && !memcmp(scan->want, "virtfn", 6));
}

static void list_virtual(struct sysfs_scan *scan, const struct sysfs_device *device)
{
	struct sysfs_view *view = scan->view;

	if (!view->knows_virtual)
		uiommu_sysfs_find_virtual(view);
	view->knows_virtual = true;
	if (device->physical)
		uiommu_sysfs_link(scan, "physfn", device->physical->path);
	for (const struct sysfs_device *d = view->devices; d; d = d->next)
		if (d->physical == device)
			uiommu_sysfs_link(scan,
					  uiommu_sysfs_format(view, "virtfn%u", d->virtual_index),
					  d->path);
}

static void list_device(struct sysfs_scan *scan, const void *object)
{
	const struct sysfs_device *device = object;
	struct sysfs_view *view = scan->view;

	if (uiommu_sysfs_wants(scan, "subsystem"))
		uiommu_sysfs_link(scan, "subsystem",
				  uiommu_sysfs_format(view, "/sys/bus/%s", bus_names[device->bus]));
	if (device->driver && uiommu_sysfs_wants(scan, "driver"))
		uiommu_sysfs_link(scan, "driver", driver_path(view, device->driver));
	if (device->instance)
		uiommu_sysfs_link(scan, "iommu", device->instance->path);
	if (device->group)
		uiommu_sysfs_link(scan, "iommu_group", device->group->path);
	if (device->type)
		uiommu_sysfs_link(scan, "mdev_type",
				  uiommu_sysfs_format(view,
						      SYSFS_MDEV_PARENT "/mdev_supported_types/%s",
						      device->type->id));
	if (device->bus == SYSFS_BUS_PCI && wants_virtual(scan))
		list_virtual(scan, device);
}

static int show_virtio(struct sysfs_text *text, struct sysfs_view *view,
		       const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)object;
	uiommu_sysfs_print(text, "0x%04x\n", attr->argument);
	return 0;
}

static const struct sysfs_attr virtio_attrs[] = {
	{ .name = "device", .mode = 0444, .show = show_virtio, .argument = 23 }, /* 1.2, 5.13.1 */
	{ .name = "vendor", .mode = 0444, .show = show_virtio, .argument = 0x1af4 },
	{ 0 },
};

static const struct sysfs_type device_types[SYSFS_NUM_BUSES] = {
	[SYSFS_BUS_PCI] = { uiommu_sysfs_pci_attrs, list_device, uiommu_sysfs_sriov_attrs },
	[SYSFS_BUS_PLATFORM] = { .attrs = uiommu_sysfs_platform_attrs, .links = list_device },
	[SYSFS_BUS_MDEV] = { .attrs = uiommu_sysfs_mdev_attrs, .links = list_device },
	[SYSFS_BUS_VIRTIO] = { .attrs = virtio_attrs, .links = list_device },
};

static bool is_there(const struct sysfs_view *view, const char *path, size_t length)
{
	const struct sysfs_dir *dir = view->dirs;

	while (dir && (dir->length != length || memcmp(dir->path, path, length) != 0))
		dir = dir->next;
	return dir;
}

/* Upwards: what is above a directory that is there, is there. */
void uiommu_sysfs_build_parents(struct sysfs_view *view, const char *path)
{
	for (size_t length = strlen(path); length > 1;) {
		while (path[--length] != '/')
			;
		if (!length || is_there(view, path, length))
			return;
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%.*s", (int)length, path),
				     NULL, NULL);
	}
}

static void build_devices(struct sysfs_view *view)
{
	for (const struct sysfs_device *d = view->devices; d; d = d->next)
		uiommu_sysfs_add_dir(view, d->path, &device_types[d->bus], d);
	for (const struct sysfs_device *d = view->devices; d; d = d->next)
		uiommu_sysfs_build_parents(view, d->path);
}

/* ---- groups ------------------------------------------------------------------------------------ */

static void list_members(struct sysfs_scan *scan, const void *object)
{
	for (const struct sysfs_device *d = scan->view->devices; d; d = d->next)
		if (d->group == object)
			uiommu_sysfs_link(scan, d->name, d->path);
}

static const struct sysfs_type group_type = { .attrs = uiommu_sysfs_group_attrs };
static const struct sysfs_type members_type = { .links = list_members };

static void build_groups(struct sysfs_view *view)
{
	for (const struct sysfs_group *g = view->groups; g; g = g->next) {
		uiommu_sysfs_add_dir(view, g->path, &group_type, g);
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/devices", g->path),
				     &members_type, g);
	}
}

/* ---- IOMMUs ------------------------------------------------------------------------------------ */

static void list_instance_devices(struct sysfs_scan *scan, const void *object)
{
	for (const struct sysfs_device *d = scan->view->devices; d; d = d->next)
		if (d->instance == object)
			uiommu_sysfs_link(scan, d->name, d->path);
}

static void list_instance(struct sysfs_scan *scan, const void *object)
{
	(void)object;
	uiommu_sysfs_link(scan, "subsystem", "/sys/class/iommu");
}

static int show_nothing(struct sysfs_text *text, struct sysfs_view *view,
			const struct sysfs_attr *attr, const void *object)
{
	(void)text;
	(void)view;
	(void)attr;
	(void)object;
	return 0;
}

static const struct sysfs_attr instance_attrs[] = {
	{
		.name = "uevent",
		.mode = 0644,
		.show = show_nothing,
		.store = uiommu_sysfs_store_uevent,
	},
	{ 0 },
};
static const struct sysfs_type instance_type = { .attrs = instance_attrs, .links = list_instance };
static const struct sysfs_type instance_devices_type = { .links = list_instance_devices };
static const struct sysfs_type vtd_type = { .attrs = uiommu_sysfs_vtd_attrs };

static void build_instances(struct sysfs_view *view)
{
	for (const struct sysfs_instance *i = view->instances; i; i = i->next) {
		uiommu_sysfs_build_parents(view, i->path);
		uiommu_sysfs_add_dir(view, i->path, &instance_type, i);
		uiommu_sysfs_add_dir(view, uiommu_sysfs_format(view, "%s/devices", i->path),
				     &instance_devices_type, i);
		if (i->has_info)
			uiommu_sysfs_add_dir(view,
					     uiommu_sysfs_format(view, "%s/intel-iommu", i->path),
					     &vtd_type, i);
	}
}

/* ---- nodes: misc, groups, cdevs ---------------------------------------------------------------- */

static int show_dev(struct sysfs_text *text, struct sysfs_view *view, const struct sysfs_attr *attr,
		    const void *object)
{
	const struct sysfs_node *node = object;

	(void)view;
	(void)attr;
	uiommu_sysfs_print(text, "%u:%u\n", node->major, node->minor);
	return 0;
}

static int show_node_uevent(struct sysfs_text *text, struct sysfs_view *view,
			    const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_node *node = object;

	(void)view;
	(void)attr;
	uiommu_sysfs_print(text, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", node->major, node->minor,
			   node->dev);
	if (!strcmp(node->class_name, "misc") && node->mode != 0600)
		uiommu_sysfs_print(text, "DEVMODE=0%o\n", node->mode);
	return 0;
}

static const struct sysfs_attr node_attrs[] = {
	{ .name = "dev", .mode = 0444, .show = show_dev },
	{
		.name = "uevent",
		.mode = 0644,
		.show = show_node_uevent,
		.store = uiommu_sysfs_store_uevent,
	},
	{ 0 },
};

static void list_node(struct sysfs_scan *scan, const void *object)
{
	const struct sysfs_node *node = object;

	uiommu_sysfs_link(scan, "subsystem",
			  uiommu_sysfs_format(scan->view, "/sys/class/%s", node->class_name));
	if (node->device)
		uiommu_sysfs_link(scan, "device", node->device->path);
}

static const struct sysfs_type node_type = { .attrs = node_attrs, .links = list_node };

static void list_class(struct sysfs_scan *scan, const void *object)
{
	for (const struct sysfs_node *node = scan->view->nodes; node; node = node->next)
		if (!strcmp(node->class_name, object))
			uiommu_sysfs_link(scan, node->name, node->path);
}

static void list_class_iommu(struct sysfs_scan *scan, const void *object)
{
	(void)object;
	for (const struct sysfs_instance *i = scan->view->instances; i; i = i->next)
		uiommu_sysfs_link(scan, i->name, i->path);
}

/* /sys/dev/char and /dev/char: by number. */
static void list_numbers(struct sysfs_scan *scan, const void *object)
{
	struct sysfs_view *view = scan->view;

	for (const struct sysfs_node *node = view->nodes; node; node = node->next) {
		const char *name = uiommu_sysfs_format(view, "%u:%u", node->major, node->minor);
		const char *target = node->path;

		if (object)
			target =
				uiommu_sysfs_format(view, "%s/%s", (const char *)object, node->dev);
		uiommu_sysfs_link(scan, name, target);
	}
}

static const struct sysfs_type class_type = { .links = list_class };
static const struct sysfs_type class_iommu_type = { .links = list_class_iommu };
static const struct sysfs_type numbers_type = { .links = list_numbers };

static void build_nodes(struct sysfs_view *view)
{
	for (const struct sysfs_node *node = view->nodes; node; node = node->next) {
		uiommu_sysfs_add_dir(view, node->path, &node_type, node);
		uiommu_sysfs_build_parents(view, node->path);
		uiommu_sysfs_build_parents(view, uiommu_sysfs_format(view, "/dev/%s", node->dev));
	}
}

/* ---- the rest ---------------------------------------------------------------------------------- */

void uiommu_sysfs_build(struct sysfs_view *view)
{
	static const struct {
		const char *path;
		const struct sysfs_type *type;
		const void *object;
	} fixed[] = {
		{ "/", NULL, NULL },
		{ "/dev", NULL, NULL },
		{ "/dev/char", &numbers_type, "/dev" },
		{ "/sys", NULL, NULL },
		{ "/sys/bus", NULL, NULL },
		{ "/sys/class", NULL, NULL },
		{ "/sys/class/iommu", &class_iommu_type, NULL },
		{ "/sys/class/misc", &class_type, "misc" },
		{ "/sys/class/vfio", &class_type, "vfio" },
		{ "/sys/class/vfio-dev", &class_type, "vfio-dev" },
		{ "/sys/dev", NULL, NULL },
		{ "/sys/dev/char", &numbers_type, NULL },
		{ "/sys/devices", NULL, NULL },
		{ "/sys/devices/platform", NULL, NULL },
		{ "/sys/devices/virtual", NULL, NULL },
		{ "/sys/kernel", NULL, NULL },
		{ "/sys/kernel/iommu_groups", NULL, NULL },
		{ "/sys/module", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		uiommu_sysfs_add_dir(view, fixed[i].path, fixed[i].type, fixed[i].object);
	build_buses(view);
	build_devices(view);
	build_groups(view);
	build_instances(view);
	build_nodes(view);
	uiommu_sysfs_build_modules(view);
	uiommu_sysfs_build_mdevs(view);
}
