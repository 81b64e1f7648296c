/* SPDX-License-Identifier: MIT */
/*
 * sysfs_view.c - what there is now: devices, drivers, groups, IOMMUs and nodes, copied for one call
 *
 * The core is asked first.  Devices are those that a host has told of; all other functions of the same PCI topologies,
 * bridges mostly, which stand on the way to them; and what else the core knows on no bus.  Functions and callbacks
 * are used only of devices that were told of and of their topologies: these stay while vfio->lock is held.
 */
#include "src/uapi/sysfs.h"

#define CHUNK ((size_t)2048) /* so small that a listing needs some, which tests let fail */

struct sysfs_chunk {
	struct sysfs_chunk *next;
	size_t size, used; /* of @data */
	_Alignas(16) unsigned char data[];
};

/* What the core knows of a device. */
struct core_device {
	struct core_device *next;
	struct uiommu_device *dev;
	struct uiommu_pci_function *pci; /* to be compared */
	const char *name;
	struct sysfs_instance *instance;
	struct sysfs_group *group;
	bool shown;
};

struct core_scan {
	struct sysfs_view *view;
	struct core_device *devices, **end;
};

/* ---- memory ------------------------------------------------------------------------------------ */

void *uiommu_sysfs_alloc(struct sysfs_view *view, size_t size)
{
	struct sysfs_chunk *chunk = view->chunks;
	void *mem;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK ? size : CHUNK;

		chunk = uapi_alloc(view->uapi, sizeof(*chunk) + room);
		if (!chunk) {
			view->failed = true;
			return NULL;
		}
		chunk->size = room;
		chunk->next = view->chunks;
		view->chunks = chunk;
	}
	mem = chunk->data + chunk->used;
	chunk->used += size;
	return mem;
}

const char *uiommu_sysfs_format(struct sysfs_view *view, const char *format, ...)
{
	va_list args, again;
	char first[256], *text;
	int length;

	/* Nearly all are short: they are made once. */
	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(first, sizeof(first), format, args);
	text = uiommu_sysfs_alloc(view, (size_t)length + 1);
	if (text && (size_t)length < sizeof(first))
		memcpy(text, first, (size_t)length + 1);
	else if (text)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(args);
	return text ? text : "";
}

void uiommu_sysfs_add_dir(struct sysfs_view *view, const char *path, const struct sysfs_type *type,
			  const void *object)
{
	struct sysfs_dir *dir = uiommu_sysfs_alloc(view, sizeof(*dir));

	if (!dir)
		return;
	dir->path = path;
	dir->length = strlen(path);
	dir->type = type;
	dir->object = object;
	*view->dirs_end = dir;
	view->dirs_end = &dir->next;
}

/* ---- IOMMUs ------------------------------------------------------------------------------------ */

static bool instance_name_taken(const struct sysfs_view *view, const char *name)
{
	const struct sysfs_instance *i = view->instances;

	while (i && strcmp(i->name, name))
		i = i->next;
	return i;
}

/* Drivers have names in more than one form ("/soc/iommu@9050000"); an entry of a directory has no slash. */
static const char *without_slashes(struct sysfs_view *view, const char *name)
{
	char *text = (char *)(uintptr_t)uiommu_sysfs_format(view, "%s", name);

	for (char *c = text; *c; c++)
		if (*c == '/')
			*c = '!';
	return text;
}

/* The device that an IOMMU on no bus is: "9050000.iommu" for "/soc/iommu@9050000". */
static const char *platform_name(struct sysfs_view *view, const char *name, uint64_t address,
				 const char *otherwise, unsigned int number)
{
	const char *last = strrchr(name, '/'), *at;

	last = last ? last + 1 : name;
	at = strchr(last, '@');
	if (at && at != last)
		return uiommu_sysfs_format(view, "%s.%.*s", at + 1, (int)(at - last), last);
	if (!strcmp(otherwise, "virtio-mmio"))
		return uiommu_sysfs_format(view, "%llx.virtio_mmio", (unsigned long long)address);
	return uiommu_sysfs_format(view, "%s.%u.auto", otherwise, number);
}

struct sysfs_device *uiommu_sysfs_add_device(struct sysfs_view *view, const char *name,
					     enum sysfs_bus bus)
{
	struct sysfs_device *device = uiommu_sysfs_alloc(view, sizeof(*device));
	struct sysfs_device **link = &view->devices;

	if (!device)
		return NULL;
	device->name = name;
	device->bus = bus;
	/* By name: a listing does not depend on who was told of first. */
	while (*link && strcmp((*link)->name, name) <= 0)
		link = &(*link)->next;
	device->next = *link;
	*link = device;
	return device;
}

struct sysfs_driver *uiommu_sysfs_driver(struct sysfs_view *view, enum sysfs_bus bus,
					 const char *name)
{
	struct sysfs_driver *driver = view->drivers;

	while (driver && (driver->bus != bus || strcmp(driver->name, name)))
		driver = driver->next;
	if (driver)
		return driver;
	driver = uiommu_sysfs_alloc(view, sizeof(*driver));
	if (!driver)
		return NULL;
	driver->name = uiommu_sysfs_format(view, "%s", name);
	driver->bus = bus;
	*view->drivers_end = driver;
	view->drivers_end = &driver->next;
	return driver;
}

static struct sysfs_driver *own_driver(struct sysfs_view *view, enum sysfs_bus bus,
				       const char *name)
{
	struct sysfs_driver *driver = uiommu_sysfs_driver(view, bus, name);

	if (driver)
		driver->fixed = true;
	return driver;
}

/* A device of the library's own, by the name that it gives; its path is known at once. */
static struct sysfs_device *own_platform_device(struct sysfs_view *view, const char *name,
						const char *driver)
{
	struct sysfs_device *device = uiommu_sysfs_add_device(view, name, SYSFS_BUS_PLATFORM);

	if (!device)
		return NULL;
	device->path = uiommu_sysfs_format(view, "/sys/devices/platform/%s", name);
	device->driver = own_driver(view, SYSFS_BUS_PLATFORM, driver);
	return device;
}

/* A function has its path only when all of them are there: see place_virtio(). */
static void add_virtio(struct sysfs_view *view, struct sysfs_instance *out,
		       const struct uiommu_instance *instance)
{
	const char *name = uiommu_sysfs_format(view, "virtio%u", out->number), *parent;
	struct sysfs_device *device = uiommu_sysfs_add_device(view, name, SYSFS_BUS_VIRTIO), *bus;

	if (!device)
		return;
	device->driver = own_driver(view, SYSFS_BUS_VIRTIO, "virtio_iommu");
	device->instance = NULL;
	if (instance->pci) {
		const struct uiommu_pci_function *fn = instance->pci;

		device->fn = instance->pci;
		out->name = uiommu_sysfs_format(view, "%04x:%02x:%02x.%x", fn->segment, fn->bus,
						(unsigned int)fn->devfn >> 3, fn->devfn & 7u);
		out->path = name; /* until then */
		return;
	}
	parent = platform_name(view, instance->name ? instance->name : "", out->address,
			       "virtio-mmio", out->number);
	bus = own_platform_device(view, parent, "virtio-mmio");
	if (!bus)
		return;
	device->path = uiommu_sysfs_format(view, "%s/%s", bus->path, name);
	out->name = parent;
	out->path = uiommu_sysfs_format(view, "%s/iommu/%s", device->path, out->name);
}

static void name_instance(struct sysfs_view *view, struct sysfs_instance *out,
			  const struct uiommu_instance *instance)
{
	const char *driver = instance->ops->name, *name = instance->name ? instance->name : driver;

	if (!strcmp(driver, "virtio-iommu")) {
		add_virtio(view, out, instance);
		return;
	}
	if (!strcmp(driver, "smmuv3")) {
		const struct sysfs_device *platform = own_platform_device(
			view, platform_name(view, name, out->address, "arm-smmu-v3", out->number),
			"arm-smmu-v3");

		if (!platform)
			return;
		out->name = uiommu_sysfs_format(view, "smmu3.0x%016llx",
						(unsigned long long)out->address);
		out->path = uiommu_sysfs_format(view, "%s/iommu/%s", platform->path, out->name);
		return;
	}
	out->name = without_slashes(view, name);
	if (instance_name_taken(view, out->name))
		out->name = uiommu_sysfs_format(view, "%s.%u", out->name, out->number);
	out->path = uiommu_sysfs_format(view, "/sys/devices/virtual/iommu/%s", out->name);
}

static int see_instance(struct uiommu_instance *instance, void *context)
{
	struct sysfs_view *view = context;
	struct sysfs_instance *out = uiommu_sysfs_alloc(view, sizeof(*out));

	if (!out)
		return -UIOMMU_ENOMEM;
	out->name = "";
	out->path = "";
	out->identity = instance;
	out->address = instance->address;
	out->driver = instance->ops->name;
	for (const struct sysfs_instance *i = view->instances; i; i = i->next)
		out->number += !strcmp(i->driver, out->driver);
	if (instance->ops->info) {
		instance->ops->info(instance, &out->info);
		out->has_info = true;
	}
	name_instance(view, out, instance);
	*view->instances_end = out;
	view->instances_end = &out->next;
	return view->failed ? -UIOMMU_ENOMEM : 0;
}

/* ---- what the core knows of devices ------------------------------------------------------------ */

static struct sysfs_group *add_group(struct sysfs_view *view, uint32_t id)
{
	struct sysfs_group *group = uiommu_sysfs_alloc(view, sizeof(*group));

	if (!group)
		return NULL;
	group->id = id;
	group->path = uiommu_sysfs_format(view, "/sys/kernel/iommu_groups/%u", id);
	*view->groups_end = group;
	view->groups_end = &group->next;
	return group;
}

/* The device's group; the view keeps one reference to it. */
static struct sysfs_group *core_group(struct sysfs_view *view, struct uiommu_device *dev)
{
	struct uiommu_group *core = uiommu_group_get(dev);
	struct sysfs_group *group = view->groups;

	if (!core)
		return NULL;
	while (group && group->core != core)
		group = group->next;
	if (!group) {
		group = add_group(view, uiommu_group_id(core));
		if (group) {
			group->core = core;
			return group;
		}
	}
	uiommu_group_put(core);
	return group;
}

static int see_core_device(struct uiommu_device *dev, void *context)
{
	struct core_scan *scan = context;
	struct sysfs_view *view = scan->view;
	struct core_device *out = uiommu_sysfs_alloc(view, sizeof(*out));

	if (!out)
		return -UIOMMU_ENOMEM;
	out->dev = dev;
	out->pci = uiommu_device_pci(dev);
	out->name = uiommu_sysfs_format(view, "%s", uiommu_device_name(dev));
	out->group = core_group(view, dev);
	if (uiommu_device_is_translated(dev)) {
		const void *identity = uiommu_device_instance(dev);

		out->instance = view->instances;
		while (out->instance && out->instance->identity != identity)
			out->instance = out->instance->next;
	}
	*scan->end = out;
	scan->end = &out->next;
	return view->failed ? -UIOMMU_ENOMEM : 0;
}

static void take_core(struct sysfs_device *device, struct core_device *core)
{
	device->dev = core->dev;
	device->instance = core->instance;
	device->group = core->group;
	core->shown = true;
}

/* ---- devices ----------------------------------------------------------------------------------- */

static bool is_seen(const struct sysfs_view *view, const struct uiommu_pci_function *fn)
{
	const struct sysfs_device *device = view->devices;

	while (device && (device->bus != SYSFS_BUS_PCI || device->fn != fn))
		device = device->next;
	return device;
}

static void see_known(struct sysfs_view *view, struct core_scan *core,
		      struct uiommu_uapi_device *known)
{
	const struct uiommu_uapi_device_config *config = &known->config;
	enum sysfs_bus bus = config->bus == UIOMMU_UAPI_PCI ? SYSFS_BUS_PCI : SYSFS_BUS_PLATFORM;
	struct sysfs_device *device;
	const char *driver = NULL;

	device = uiommu_sysfs_add_device(
		view, uiommu_sysfs_format(view, "%s", uiommu_device_name(config->dev)), bus);
	if (!device)
		return;
	for (struct core_device *c = core->devices; c; c = c->next)
		if (c->dev == config->dev)
			take_core(device, c);
	device->known = known;
	device->fn = uiommu_device_pci(config->dev);
	if (known->driver_override)
		device->override = uiommu_sysfs_format(view, "%s", known->driver_override);
	if (config->native_driver)
		uiommu_sysfs_driver(view, bus, config->native_driver);
	if (known->vfio)
		driver = known->vfio->driver->name;
	else if (known->native)
		driver = config->native_driver;
	if (driver)
		device->driver = uiommu_sysfs_driver(view, bus, driver);
}

static void see_functions(struct sysfs_view *view, struct core_scan *core,
			  const struct uiommu_pci_topology *topology)
{
	for (size_t i = 0; i < topology->num_functions; i++) {
		struct uiommu_pci_function *fn = topology->functions[i];
		struct sysfs_device *device;

		if (is_seen(view, fn))
			continue;
		device = uiommu_sysfs_add_device(
			view,
			uiommu_sysfs_format(view, "%04x:%02x:%02x.%x", fn->segment, fn->bus,
					    (unsigned int)fn->devfn >> 3, fn->devfn & 7u),
			SYSFS_BUS_PCI);
		if (!device)
			return;
		device->fn = fn;
		for (struct core_device *c = core->devices; c; c = c->next)
			if (c->pci == fn)
				take_core(device, c);
	}
}

static void see_devices(struct sysfs_view *view, struct core_scan *core)
{
	struct uapi_vfio *vfio = view->uapi->vfio;

	for (struct uiommu_uapi_device *known = vfio->known; known; known = known->next)
		see_known(view, core, known);
	/* The first device of a topology brings all of it. */
	for (struct uiommu_uapi_device *known = vfio->known; known; known = known->next) {
		const struct uiommu_pci_function *fn = uiommu_device_pci(known->config.dev);

		if (fn && fn->topology)
			see_functions(view, core, fn->topology);
	}
	for (struct core_device *c = core->devices; c; c = c->next) {
		struct sysfs_device *device;

		if (c->shown || c->pci)
			continue;
		device = uiommu_sysfs_add_device(view, c->name, SYSFS_BUS_PLATFORM);
		if (device)
			take_core(device, c);
	}
}

/* ---- where devices are ------------------------------------------------------------------------- */

static struct sysfs_device *function_of(const struct sysfs_view *view,
					const struct uiommu_pci_function *fn)
{
	struct sysfs_device *device = view->devices;

	while (device && (device->bus != SYSFS_BUS_PCI || device->fn != fn))
		device = device->next;
	return device;
}

/* "pci0000:00": a function without a bridge above it is on a root bus. */
static const char *root_bus(struct sysfs_view *view, const struct sysfs_device *device)
{
	if (device->fn)
		return uiommu_sysfs_format(view, "pci%04x:%02x", device->fn->segment,
					   device->fn->bus);
	if (strlen(device->name) > 7 && device->name[4] == ':' && device->name[7] == ':')
		return uiommu_sysfs_format(view, "pci%.7s", device->name);
	return "pci0000:00";
}

static void place(struct sysfs_view *view, struct sysfs_device *device)
{
	struct sysfs_device *parent = NULL;

	if (device->path)
		return;
	if (device->bus == SYSFS_BUS_PLATFORM) {
		device->path = uiommu_sysfs_format(view, "/sys/devices/platform/%s", device->name);
		return;
	}
	if (device->bus == SYSFS_BUS_VIRTIO)
		parent = function_of(view, device->fn);
	else if (device->fn && device->fn->parent)
		parent = function_of(view, device->fn->parent);
	if (parent)
		place(view, parent);
	if (parent)
		device->path = uiommu_sysfs_format(view, "%s/%s", parent->path, device->name);
	else if (device->bus == SYSFS_BUS_VIRTIO)
		device->path = uiommu_sysfs_format(view, "/sys/devices/virtual/%s", device->name);
	else
		device->path = uiommu_sysfs_format(view, "/sys/devices/%s/%s",
						   root_bus(view, device), device->name);
}

/* An IOMMU that is a function: the function's driver is the library, and its entry is below the function. */
static void place_virtio(struct sysfs_view *view, struct sysfs_device *device)
{
	struct sysfs_device *function = function_of(view, device->fn);

	if (function && !function->driver)
		function->driver = own_driver(view, SYSFS_BUS_PCI, "virtio-pci");
	for (struct sysfs_instance *i = view->instances; i; i = i->next)
		if (i->path == device->name)
			i->path = uiommu_sysfs_format(view, "%s/iommu/%s", device->path, i->name);
}

/* ---- groups and nodes of VFIO ------------------------------------------------------------------ */

static struct sysfs_node *add_node(struct sysfs_view *view, const char *class_name,
				   const char *name, const char *dev)
{
	struct sysfs_node *node = uiommu_sysfs_alloc(view, sizeof(*node));

	if (!node)
		return NULL;
	node->name = name;
	node->dev = dev;
	node->class_name = class_name;
	node->path = uiommu_sysfs_format(view, "/sys/devices/virtual/%s/%s", class_name, name);
	*view->nodes_end = node;
	view->nodes_end = &node->next;
	return node;
}

static void see_misc(struct sysfs_view *view)
{
	static const struct {
		const char *name, *dev;
		unsigned int minor, mode;
	} misc[] = {
		{ "iommu", "iommu", SYSFS_MINOR_IOMMU, 0660 },
		{ "vfio", "vfio/vfio", SYSFS_MINOR_VFIO, 0666 },
	};

	for (size_t i = 0; i < sizeof(misc) / sizeof(misc[0]); i++) {
		struct sysfs_node *node = add_node(view, "misc", misc[i].name, misc[i].dev);

		if (!node)
			return;
		node->major = SYSFS_MAJOR_MISC;
		node->minor = misc[i].minor;
		node->mode = misc[i].mode;
	}
}

static struct sysfs_group *see_vfio_group(struct sysfs_view *view, const struct vfio_group *group)
{
	bool noiommu = group->flags & VFIO_NOIOMMU;
	const char *name = uiommu_sysfs_format(view, "%s%u", noiommu ? "noiommu-" : "", group->id);
	struct sysfs_node *node =
		add_node(view, "vfio", name, uiommu_sysfs_format(view, "vfio/%s", name));

	if (!node)
		return NULL;
	node->major = SYSFS_MAJOR_GROUP;
	node->minor = group->id;
	node->mode = 0600;
	return group->core ? NULL : add_group(view, group->id);
}

static void see_vfio_device(struct sysfs_view *view, struct sysfs_device *device,
			    const struct vfio_device *vfio)
{
	struct sysfs_node *node;
	const char *name;

	if (vfio->flags & VFIO_NOIOMMU)
		return;
	name = uiommu_sysfs_format(view, "vfio%u", vfio->cdev);
	node = add_node(view, "vfio-dev", name, uiommu_sysfs_format(view, "vfio/devices/%s", name));
	if (!node)
		return;
	node->path = uiommu_sysfs_format(view, "%s/vfio-dev/%s", device->path, name);
	node->major = SYSFS_MAJOR_CDEV;
	node->minor = vfio->cdev;
	node->mode = 0600;
	node->device = device;
	device->vfio = name;
}

static struct sysfs_device *device_of(const struct sysfs_view *view, const struct vfio_device *vfio)
{
	struct sysfs_device *device = view->devices;

	while (device && device->mediated != vfio &&
	       (!vfio->dev || !device->known || device->known->config.dev != vfio->dev))
		device = device->next;
	return device;
}

static void see_vfio(struct sysfs_view *view)
{
	struct uapi_vfio *vfio = view->uapi->vfio;

	for (const struct vfio_group *g = vfio->groups; g; g = g->next) {
		struct sysfs_group *group = g->devices ? see_vfio_group(view, g) : NULL;

		for (const struct vfio_device *v = vfio->devices; group && v; v = v->next) {
			struct sysfs_device *d = v->group == g ? device_of(view, v) : NULL;

			if (d)
				d->group = group;
		}
	}
	/* Those that leave are still used by programs, and cannot be found any more. */
	for (struct sysfs_device *d = view->devices; d; d = d->next) {
		if (d->known && d->known->vfio)
			see_vfio_device(view, d, d->known->vfio);
		if (d->mediated && d->mediated->group && !d->mediated->leaving)
			see_vfio_device(view, d, d->mediated);
	}
}

/* ---- the whole --------------------------------------------------------------------------------- */

static const struct {
	enum sysfs_bus bus;
	const char *name, *module;
} vfio_drivers[] = {
	{ SYSFS_BUS_PCI, "vfio-pci", "vfio_pci" },
	{ SYSFS_BUS_PLATFORM, "vfio-platform", "vfio_platform" },
};

int uiommu_sysfs_view_make(struct sysfs_view *view, struct uiommu_uapi *uapi)
{
	struct core_scan core = { .view = view };

	memset(view, 0, sizeof(*view));
	view->uapi = uapi;
	view->dirs_end = &view->dirs;
	view->drivers_end = &view->drivers;
	view->groups_end = &view->groups;
	view->instances_end = &view->instances;
	view->nodes_end = &view->nodes;
	core.end = &core.devices;

	for (size_t i = 0; i < sizeof(vfio_drivers) / sizeof(vfio_drivers[0]); i++) {
		struct sysfs_driver *driver =
			uiommu_sysfs_driver(view, vfio_drivers[i].bus, vfio_drivers[i].name);

		if (driver)
			driver->module = vfio_drivers[i].module;
	}
	uiommu_system_walk_instances(uapi->sys, see_instance, view);
	if (!view->failed)
		uiommu_system_walk_devices(uapi->sys, see_core_device, &core);
	if (!view->failed)
		see_devices(view, &core);
	if (!view->failed)
		uiommu_sysfs_see_mdevs(view);
	for (struct sysfs_device *d = view->devices; d && !view->failed; d = d->next)
		place(view, d);
	for (struct sysfs_device *d = view->devices; d && !view->failed; d = d->next)
		if (d->bus == SYSFS_BUS_VIRTIO && d->fn)
			place_virtio(view, d);
	if (!view->failed)
		see_misc(view);
	if (!view->failed)
		see_vfio(view);
	if (!view->failed)
		uiommu_sysfs_build(view);
	return view->failed ? -UIOMMU_ENOMEM : 0;
}

void uiommu_sysfs_view_free(struct sysfs_view *view)
{
	struct sysfs_chunk *chunk = view->chunks;

	for (struct sysfs_group *group = view->groups; group; group = group->next)
		uiommu_group_put(group->core);
	while (chunk) {
		struct sysfs_chunk *next = chunk->next;

		uapi_free(view->uapi, chunk, sizeof(*chunk) + chunk->size);
		chunk = next;
	}
	view->chunks = NULL;
	view->groups = NULL;
}

const struct sysfs_device *uiommu_sysfs_find_device(const struct sysfs_view *view,
						    enum sysfs_bus bus, const char *name)
{
	const struct sysfs_device *device = view->devices;

	while (device && (device->bus != bus || strcmp(device->name, name)))
		device = device->next;
	return device;
}
