/* SPDX-License-Identifier: MIT */
/*
 * sysfs_driver.c - files that give devices to drivers: bind, unbind, new_id, remove_id, drivers_probe, driver_override
 *
 * Which driver can have a device: if driver_override names one, that one and no other.  Otherwise its own, and drivers that were
 * told of its ID by new_id.  vfio-pci and vfio-platform take nothing by themselves.
 */
#include <stdlib.h>

#include "spec/pci.h"
#include "src/uapi/sysfs.h"

#define WORD 256u /* longest name of a device or driver, with its NUL */
#define ANY UINT32_MAX

/* An ID that a driver was told of. vfio->lock. */
struct sysfs_id {
	struct sysfs_id *next;
	char driver[WORD];
	uint32_t vendor, device, subsystem_vendor, subsystem_device, class_code, class_mask;
};

void uiommu_sysfs_destroy(struct uiommu_uapi *uapi)
{
	struct sysfs_id *id = uapi->vfio->ids;

	while (id) {
		struct sysfs_id *next = id->next;

		uapi_free(uapi, id, sizeof(*id));
		id = next;
	}
	uapi->vfio->ids = NULL;
}

/* ---- which driver can have it ------------------------------------------------------------------ */

static uint32_t config(const struct uiommu_uapi_device *device, unsigned int offset,
		       unsigned int size)
{
	return device->io.config_read(device->io.context, offset, size);
}

static bool fits(uint32_t wanted, uint32_t is)
{
	return wanted == ANY || wanted == is;
}

/* vfio->lock is held. */
static bool id_matches(const struct sysfs_id *id, const struct uiommu_uapi_device *device)
{
	uint32_t class_code = config(device, PCI_REVISION, 4) >> 8;

	return fits(id->vendor, config(device, PCI_VENDOR_ID, 2)) &&
	       fits(id->device, config(device, PCI_DEVICE_ID, 2)) &&
	       fits(id->subsystem_vendor, config(device, PCI_SUBSYSTEM_VENDOR_ID, 2)) &&
	       fits(id->subsystem_device, config(device, PCI_SUBSYSTEM_ID, 2)) &&
	       !((id->class_code ^ class_code) & id->class_mask);
}

static bool was_told(const struct uiommu_uapi_device *device, const char *driver)
{
	const struct sysfs_id *id = device->uapi->vfio->ids;

	if (device->config.bus != UIOMMU_UAPI_PCI)
		return false;
	while (id && (strcmp(id->driver, driver) != 0 || !id_matches(id, device)))
		id = id->next;
	return id;
}

/* vfio->lock is held. */
static bool matches(const struct uiommu_uapi_device *device, const char *driver)
{
	const char *native = device->config.native_driver;

	if (device->driver_override)
		return !strcmp(device->driver_override, driver);
	return (native && !strcmp(native, driver)) || was_told(device, driver);
}

static bool can_have(struct uiommu_uapi_device *device, const char *driver)
{
	struct uiommu_uapi *uapi = device->uapi;
	bool can;

	uapi_lock(uapi, &uapi->vfio->lock);
	can = matches(device, driver);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return can;
}

/* The device of this name on this bus, to be put; NULL: there is none that a driver could have. */
static struct uiommu_uapi_device *get(struct uiommu_uapi *uapi, enum sysfs_bus bus,
				      const char *name)
{
	struct uiommu_uapi_device *device = uiommu_vfio_known_get(uapi, name);
	enum uiommu_uapi_bus want = bus == SYSFS_BUS_PCI ? UIOMMU_UAPI_PCI : UIOMMU_UAPI_PLATFORM;

	if (device && device->config.bus != want) {
		uiommu_vfio_known_put(device);
		return NULL;
	}
	return device;
}

/* ---- bind and unbind --------------------------------------------------------------------------- */

static int store_bind(const struct sysfs_store *store)
{
	const struct sysfs_driver *driver = store->object;
	struct uiommu_uapi_device *device;
	char name[WORD];
	int rc = -UIOMMU_ENODEV;

	if (uiommu_sysfs_word(store->text, name, sizeof(name)))
		return rc;
	device = get(store->uapi, driver->bus, name);
	if (!device)
		return rc;
	if (can_have(device, driver->name))
		rc = uiommu_uapi_bind_driver(device, driver->name);
	uiommu_vfio_known_put(device);
	return rc == -UIOMMU_EPROBE_DEFER ? -UIOMMU_EAGAIN : rc;
}

static int store_unbind(const struct sysfs_store *store)
{
	const struct sysfs_driver *driver = store->object;
	struct uiommu_uapi_device *device;
	char name[WORD];
	int rc;

	if (uiommu_sysfs_word(store->text, name, sizeof(name)))
		return -UIOMMU_ENODEV;
	device = get(store->uapi, driver->bus, name);
	if (!device)
		return -UIOMMU_ENODEV;
	rc = uiommu_vfio_unbind_named(device, driver->name);
	uiommu_vfio_known_put(device);
	return rc;
}

/* ---- looking for a driver ---------------------------------------------------------------------- */

/* The first driver that can have it, in @name; false: there is none. */
static bool choose(struct uiommu_uapi_device *device, char *name, bool *native)
{
	struct uiommu_uapi *uapi = device->uapi;
	const char *own = device->config.native_driver, *choice = NULL;

	uapi_lock(uapi, &uapi->vfio->lock);
	if (device->native || device->vfio)
		choice = NULL;
	else if (device->driver_override)
		choice = device->driver_override;
	else if (own)
		choice = own;
	else
		for (const struct sysfs_id *id = uapi->vfio->ids; id && !choice; id = id->next)
			if (was_told(device, id->driver))
				choice = id->driver;
	if (choice)
		snprintf(name, WORD, "%s", choice);
	*native = choice && own && !strcmp(choice, own);
	uapi_unlock(uapi, &uapi->vfio->lock);
	return choice;
}

/*
 * 0 also if nobody takes it: what a driver's own probe says is nobody's affair.  That the gate of DMA ownership is
 * closed to a device's own driver is told.
 */
static int probe(struct uiommu_uapi_device *device)
{
	char name[WORD];
	bool native;
	int rc;

	if (!choose(device, name, &native))
		return 0;
	rc = uiommu_uapi_bind_driver(device, name);
	return rc && native ? -UIOMMU_EINVAL : 0;
}

static int store_drivers_probe(const struct sysfs_store *store)
{
	enum sysfs_bus bus = *(const unsigned int *)store->object;
	struct uiommu_uapi_device *device;
	char name[WORD];
	int rc = 0;

	if (uiommu_sysfs_word(store->text, name, sizeof(name)) ||
	    !uiommu_sysfs_find_device(store->view, bus, name))
		return -UIOMMU_ENODEV;
	device = get(store->uapi, bus, name);
	if (!device)
		return 0;
	rc = probe(device);
	uiommu_vfio_known_put(device);
	return rc;
}

/* ---- new_id and remove_id ---------------------------------------------------------------------- */

/* Hexadecimal numbers: how many there are, at most 7; the last one is the driver's. */
static unsigned int parse_id(const char *text, struct sysfs_id *id)
{
	unsigned int values[7] = { 0, 0, ANY, ANY, 0, 0, 0 };
	int count = sscanf(text, "%x %x %x %x %x %x %x", &values[0], &values[1], &values[2],
			   &values[3], &values[4], &values[5], &values[6]);

	id->vendor = values[0];
	id->device = values[1];
	id->subsystem_vendor = values[2];
	id->subsystem_device = values[3];
	id->class_code = values[4];
	id->class_mask = values[5];
	return count > 0 ? (unsigned int)count : 0;
}

static bool is_same(const struct sysfs_id *a, const struct sysfs_id *b)
{
	return a->vendor == b->vendor && a->device == b->device &&
	       a->subsystem_vendor == b->subsystem_vendor &&
	       a->subsystem_device == b->subsystem_device &&
	       !((a->class_code ^ b->class_code) & a->class_mask) && !strcmp(a->driver, b->driver);
}

/* Does the driver know of all that @id means? vfio->lock is held. */
static bool is_covered(const struct sysfs_id *known, const struct sysfs_id *id)
{
	for (; known; known = known->next)
		if (!strcmp(known->driver, id->driver) && fits(known->vendor, id->vendor) &&
		    fits(known->device, id->device) &&
		    fits(known->subsystem_vendor, id->subsystem_vendor) &&
		    fits(known->subsystem_device, id->subsystem_device) &&
		    !((known->class_code ^ id->class_code) & known->class_mask))
			return true;
	return false;
}

/* All devices that have no driver and could have this one. */
static void probe_all(const struct sysfs_store *store, const char *driver)
{
	for (const struct sysfs_device *d = store->view->devices; d; d = d->next) {
		struct uiommu_uapi_device *device;

		if (d->bus != SYSFS_BUS_PCI || d->driver)
			continue;
		device = get(store->uapi, SYSFS_BUS_PCI, d->name);
		if (!device)
			continue;
		if (can_have(device, driver))
			uiommu_uapi_bind_driver(device, driver);
		uiommu_vfio_known_put(device);
	}
}

static int store_new_id(const struct sysfs_store *store)
{
	const struct sysfs_driver *driver = store->object;
	struct uapi_vfio *vfio = store->uapi->vfio;
	struct sysfs_id *id = uapi_alloc(store->uapi, sizeof(*id)), **link;
	int rc = 0;

	if (!id)
		return -UIOMMU_ENOMEM;
	snprintf(id->driver, sizeof(id->driver), "%s", driver->name);
	if (parse_id(store->text, id) < 2) {
		uapi_free(store->uapi, id, sizeof(*id));
		return -UIOMMU_EINVAL;
	}
	uapi_lock(store->uapi, &vfio->lock);
	if (is_covered(vfio->ids, id))
		rc = -UIOMMU_EEXIST;
	for (link = &vfio->ids; *link; link = &(*link)->next)
		;
	if (!rc)
		*link = id;
	uapi_unlock(store->uapi, &vfio->lock);
	if (rc)
		uapi_free(store->uapi, id, sizeof(*id));
	else
		probe_all(store, driver->name);
	return rc;
}

static int store_remove_id(const struct sysfs_store *store)
{
	const struct sysfs_driver *driver = store->object;
	struct uapi_vfio *vfio = store->uapi->vfio;
	struct sysfs_id id, *found, **link;

	snprintf(id.driver, sizeof(id.driver), "%s", driver->name);
	if (parse_id(store->text, &id) < 2)
		return -UIOMMU_EINVAL;
	uapi_lock(store->uapi, &vfio->lock);
	for (link = &vfio->ids; *link && !is_same(*link, &id); link = &(*link)->next)
		;
	found = *link;
	if (found)
		*link = found->next;
	uapi_unlock(store->uapi, &vfio->lock);
	uapi_free(store->uapi, found, sizeof(*found));
	return found ? 0 : -UIOMMU_ENODEV;
}

/* ---- driver_override --------------------------------------------------------------------------- */

int uiommu_sysfs_show_override(struct sysfs_text *text, struct sysfs_view *view,
			       const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_device *device = object;

	(void)view;
	(void)attr;
	uiommu_sysfs_print(text, "%s\n", device->override ? device->override : "(null)");
	return 0;
}

static void free_string(struct uiommu_uapi *uapi, char *text)
{
	if (text)
		uapi_free(uapi, text, strlen(text) + 1);
}

/* The first line; an empty one takes the override away. */
int uiommu_sysfs_store_override(const struct sysfs_store *store)
{
	const struct sysfs_device *then = store->object;
	size_t length = strcspn(store->text, "\n");
	struct uiommu_uapi_device *device;
	char *name = NULL, *old;

	/* What is read has a newline more. */
	if (store->size >= SYSFS_PAGE - 1)
		return -UIOMMU_EINVAL;
	device = uiommu_vfio_known_get(store->uapi, then->name);
	if (!device)
		return -UIOMMU_ENODEV;
	if (length) {
		name = uapi_alloc(store->uapi, length + 1);
		if (!name) {
			uiommu_vfio_known_put(device);
			return -UIOMMU_ENOMEM;
		}
		memcpy(name, store->text, length);
	}
	uapi_lock(store->uapi, &store->uapi->vfio->lock);
	old = device->driver_override;
	device->driver_override = name;
	uapi_unlock(store->uapi, &store->uapi->vfio->lock);
	free_string(store->uapi, old);
	uiommu_vfio_known_put(device);
	return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------- */

/* What a program may ask to be told to all listeners; here are none. */
int uiommu_sysfs_store_uevent(const struct sysfs_store *store)
{
	static const char *const actions[] = {
		"add", "remove", "change", "move", "online", "offline", "bind", "unbind",
	};

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (uiommu_sysfs_is(store->text, actions[i]))
			return 0;
	return -UIOMMU_EINVAL;
}

static int show_autoprobe(struct sysfs_text *text, struct sysfs_view *view,
			  const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)attr;
	(void)object;
	uiommu_sysfs_print(text, "1\n");
	return 0;
}

const struct sysfs_attr uiommu_sysfs_bus_attrs[] = {
	{ .name = "drivers_probe", .mode = 0200, .store = store_drivers_probe },
	{ .name = "drivers_autoprobe", .mode = 0444, .show = show_autoprobe },
	{ 0 },
};

#define BIND                                                      \
	{                                                         \
		.name = "bind", .mode = 0200, .store = store_bind \
	}
#define UNBIND                                                        \
	{                                                             \
		.name = "unbind", .mode = 0200, .store = store_unbind \
	}
#define UEVENT                                                                     \
	{                                                                          \
		.name = "uevent", .mode = 0200, .store = uiommu_sysfs_store_uevent \
	}

const struct sysfs_attr uiommu_sysfs_pci_driver_attrs[] = {
	BIND,
	UNBIND,
	UEVENT,
	{ .name = "new_id", .mode = 0200, .store = store_new_id },
	{ .name = "remove_id", .mode = 0200, .store = store_remove_id },
	{ 0 },
};

const struct sysfs_attr uiommu_sysfs_platform_driver_attrs[] = { BIND, UNBIND, UEVENT, { 0 } };

/* ---- platform devices -------------------------------------------------------------------------- */

static bool is_known(const struct sysfs_attr *attr, const void *object)
{
	(void)attr;
	return ((const struct sysfs_device *)object)->known;
}

static const struct uiommu_uapi_platform_io *platform(const struct sysfs_device *device)
{
	return device->known ? device->known->config.platform : NULL;
}

/* By ACPI's identifier, by Devicetree's string, or by the name that it was registered with. */
static void print_modalias(struct sysfs_text *text, const struct sysfs_device *device)
{
	const struct uiommu_uapi_platform_io *io = platform(device);
	const char *dot = strrchr(device->name, '.');

	if (io && io->acpi_hid)
		uiommu_sysfs_print(text, "acpi:%s:\n", io->acpi_hid);
	else if (io && io->compatible)
		uiommu_sysfs_print(text, "of:N%sT(null)C%s\n", dot ? dot + 1 : device->name,
				   io->compatible);
	else
		uiommu_sysfs_print(text, "platform:%s\n", device->name);
}

static int show_modalias(struct sysfs_text *text, struct sysfs_view *view,
			 const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)attr;
	print_modalias(text, object);
	return 0;
}

static int show_uevent(struct sysfs_text *text, struct sysfs_view *view,
		       const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_device *device = object;
	const struct uiommu_uapi_platform_io *io = platform(device);

	(void)view;
	(void)attr;
	if (device->driver)
		uiommu_sysfs_print(text, "DRIVER=%s\n", device->driver->name);
	if (io && io->compatible && !io->acpi_hid)
		uiommu_sysfs_print(text, "OF_COMPATIBLE_0=%s\nOF_COMPATIBLE_N=1\n", io->compatible);
	uiommu_sysfs_print(text, "MODALIAS=");
	print_modalias(text, device);
	return 0;
}

const struct sysfs_attr uiommu_sysfs_platform_attrs[] = {
	{
		.name = "driver_override",
		.mode = 0644,
		.present = is_known,
		.show = uiommu_sysfs_show_override,
		.store = uiommu_sysfs_store_override,
	},
	{ .name = "modalias", .mode = 0444, .show = show_modalias },
	{
		.name = "uevent",
		.mode = 0644,
		.show = show_uevent,
		.store = uiommu_sysfs_store_uevent,
	},
	{ 0 },
};
