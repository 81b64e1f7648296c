/* SPDX-License-Identifier: MIT */
/*
 * sysfs_pci.c - the files of a PCI device: what its configuration space and its host say
 *
 * A function that no host told of, a bridge mostly, is read through its topology; the sizes of its BARs are not known.
 */
#include <unistd.h>

#include "spec/pci.h"
#include "src/uapi/sysfs.h"

/* Bits of the third column of "resource". */
#define RESOURCE_IO 0x100u
#define RESOURCE_MEMORY 0x200u
#define RESOURCE_PREFETCH 0x2000u
#define RESOURCE_SIZE_ALIGN 0x40000u
#define RESOURCE_START_ALIGN 0x80000u
#define RESOURCE_64BIT 0x100000u

/* Lines of "resource": 6 BARs, the ROM, 6 BARs of virtual functions, and 4 windows of a bridge. */
#define RESOURCE_LINES 13u

#define PCI_CONFIG_UNPRIVILEGED 64u /* bytes of configuration space that everybody may read */

/* ---- configuration space ----------------------------------------------------------------------- */

uint32_t uiommu_sysfs_config(const struct sysfs_device *device, unsigned int offset,
			     unsigned int size)
{
	if (device->known)
		return device->known->io.config_read(device->known->io.context, offset, size);
	return device->fn->topology->config_read(device->fn, offset, size);
}

static void config_write(const struct sysfs_device *device, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	if (device->known)
		device->known->io.config_write(device->known->io.context, offset, size, value);
	else
		device->fn->topology->config_write(device->fn, offset, size, value);
}

static unsigned int capability(const struct sysfs_device *device, unsigned int id)
{
	unsigned int at = 0;

	if (uiommu_sysfs_config(device, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST)
		at = uiommu_sysfs_config(device, PCI_CAP_POINTER, 1) & ~3u;
	/* At most as many as fit: a list may run in circles. */
	for (unsigned int i = 0; at >= PCI_CAP_FIRST && i < 48; i++) {
		if (uiommu_sysfs_config(device, at + PCI_CAP_ID, 1) == id)
			return at;
		at = uiommu_sysfs_config(device, at + PCI_CAP_NEXT, 1) & ~3u;
	}
	return 0;
}

unsigned int uiommu_sysfs_ext_capability(const struct sysfs_device *device, unsigned int id)
{
	unsigned int at = PCI_EXT_CAP_FIRST;

	if (!capability(device, PCI_CAP_ID_PCIE))
		return 0;
	for (unsigned int i = 0; at >= PCI_EXT_CAP_FIRST && i < 960; i++) {
		uint32_t header = uiommu_sysfs_config(device, at, 4);

		if (!header || header == UINT32_MAX)
			return 0;
		if ((header & PCI_EXT_CAP_ID_MASK) == id)
			return at;
		at = header >> PCI_EXT_CAP_NEXT_SHIFT & ~3u;
	}
	return 0;
}

static bool is_bridge(const struct sysfs_device *device)
{
	return (uiommu_sysfs_config(device, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK) ==
	       PCI_HEADER_TYPE_BRIDGE;
}

static uint64_t config_size(const struct sysfs_attr *attr, const void *object)
{
	(void)attr;
	return capability(object, PCI_CAP_ID_PCIE) ? PCI_CONFIG_SIZE : PCI_CONFIG_SIZE_CONVENTIONAL;
}

/* The widest access that is aligned and fits. */
static unsigned int widest(uint64_t offset, size_t left)
{
	unsigned int size = 4;

	while (size > left || offset % size)
		size /= 2;
	return size;
}

static long read_config(const struct sysfs_attr *attr, const void *object,
			struct uiommu_uapi_process *process, uint8_t *data, size_t size,
			uint64_t offset)
{
	uint64_t end = config_size(attr, object);

	if (!uapi_capable(process, UIOMMU_UAPI_CAP_SYS_ADMIN))
		end = PCI_CONFIG_UNPRIVILEGED;
	if (offset >= end)
		return 0;
	if (size > end - offset)
		size = (size_t)(end - offset);
	for (size_t done = 0; done < size;) {
		unsigned int step = widest(offset + done, size - done);
		uint32_t value = uiommu_sysfs_config(object, (unsigned int)(offset + done), step);

		for (unsigned int i = 0; i < step; i++)
			data[done + i] = (uint8_t)(value >> 8 * i);
		done += step;
	}
	return (long)size;
}

static long write_config(const struct sysfs_attr *attr, const void *object, const uint8_t *data,
			 size_t size, uint64_t offset)
{
	uint64_t end = config_size(attr, object);

	if (offset >= end)
		return 0;
	if (size > end - offset)
		size = (size_t)(end - offset);
	for (size_t done = 0; done < size;) {
		unsigned int step = widest(offset + done, size - done);
		uint32_t value = 0;

		for (unsigned int i = 0; i < step; i++)
			value |= (uint32_t)data[done + i] << 8 * i;
		config_write(object, (unsigned int)(offset + done), step, value);
		done += step;
	}
	return (long)size;
}

/* ---- what it is -------------------------------------------------------------------------------- */

struct identity {
	unsigned int vendor, device, subsystem_vendor, subsystem_device, class_code, revision;
};

/* A bridge has no subsystem here, but perhaps a capability that says it (SSVID); that is not looked at. */
static struct identity identify(const struct sysfs_device *device)
{
	struct identity id = {
		.vendor = uiommu_sysfs_config(device, PCI_VENDOR_ID, 2),
		.device = uiommu_sysfs_config(device, PCI_DEVICE_ID, 2),
		.class_code = uiommu_sysfs_config(device, PCI_REVISION, 4) >> 8,
		.revision = uiommu_sysfs_config(device, PCI_REVISION, 1),
	};

	if (!is_bridge(device)) {
		id.subsystem_vendor = uiommu_sysfs_config(device, PCI_SUBSYSTEM_VENDOR_ID, 2);
		id.subsystem_device = uiommu_sysfs_config(device, PCI_SUBSYSTEM_ID, 2);
	}
	return id;
}

enum identity_field {
	ID_VENDOR,
	ID_DEVICE,
	ID_SUBSYSTEM_VENDOR,
	ID_SUBSYSTEM_DEVICE,
	ID_CLASS,
	ID_REVISION,
};

static int show_id(struct sysfs_text *text, struct sysfs_view *view, const struct sysfs_attr *attr,
		   const void *object)
{
	const struct identity id = identify(object);
	const unsigned int values[] = {
		[ID_VENDOR] = id.vendor,
		[ID_DEVICE] = id.device,
		[ID_SUBSYSTEM_VENDOR] = id.subsystem_vendor,
		[ID_SUBSYSTEM_DEVICE] = id.subsystem_device,
		[ID_CLASS] = id.class_code,
		[ID_REVISION] = id.revision,
	};

	(void)view;
	uiommu_sysfs_print(text, "0x%0*x\n", (int)attr->width, values[attr->argument]);
	return 0;
}

static void print_modalias(struct sysfs_text *text, const struct sysfs_device *device)
{
	const struct identity id = identify(device);

	uiommu_sysfs_print(text, "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", id.vendor,
			   id.device, id.subsystem_vendor, id.subsystem_device, id.class_code >> 16,
			   id.class_code >> 8 & 0xff, id.class_code & 0xff);
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
	const struct identity id = identify(device);

	(void)view;
	(void)attr;
	if (device->driver)
		uiommu_sysfs_print(text, "DRIVER=%s\n", device->driver->name);
	uiommu_sysfs_print(text, "PCI_CLASS=%04X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n",
			   id.class_code, id.vendor, id.device, id.subsystem_vendor,
			   id.subsystem_device);
	uiommu_sysfs_print(text, "PCI_SLOT_NAME=%s\nMODALIAS=", device->name);
	print_modalias(text, device);
	return 0;
}

/* ---- where it is ------------------------------------------------------------------------------- */

static uint64_t bar_flags(const struct sysfs_device *device, unsigned int bar)
{
	uint32_t low = uiommu_sysfs_config(device, PCI_BAR(bar), 4);

	if (low & PCI_BAR_IO)
		return RESOURCE_SIZE_ALIGN | RESOURCE_IO | PCI_BAR_IO;
	return RESOURCE_SIZE_ALIGN | RESOURCE_MEMORY | (low & ~PCI_BAR_MEMORY_MASK) |
	       ((low & PCI_BAR_TYPE) == PCI_BAR_TYPE_64 ? RESOURCE_64BIT : 0) |
	       (low & PCI_BAR_PREFETCH ? RESOURCE_PREFETCH : 0);
}

static void print_range(struct sysfs_text *text, uint64_t start, uint64_t last, uint64_t flags)
{
	uiommu_sysfs_print(text, "0x%016llx 0x%016llx 0x%016llx\n", (unsigned long long)start,
			   (unsigned long long)last, (unsigned long long)flags);
}

/* PCI-to-PCI Bridge 1.2, 3.2.5: I/O in 4 KiB, memory in 1 MiB; a limit below its base closes a window. */
static void print_windows(struct sysfs_text *text, const struct sysfs_device *device)
{
	uint64_t base = (uint64_t)(uiommu_sysfs_config(device, PCI_IO_BASE, 1) & 0xf0) << 8;
	uint64_t last = (uint64_t)(uiommu_sysfs_config(device, PCI_IO_LIMIT, 1) & 0xf0) << 8 |
			0xfff;

	if (last > base && base)
		print_range(text, base, last, RESOURCE_IO | 1);
	else
		print_range(text, 0, 0, 0);
	base = (uint64_t)(uiommu_sysfs_config(device, PCI_MEMORY_BASE, 2) & 0xfff0) << 16;
	last = (uint64_t)(uiommu_sysfs_config(device, PCI_MEMORY_LIMIT, 2) & 0xfff0) << 16 |
	       0xfffff;
	if (last > base && base)
		print_range(text, base, last, RESOURCE_MEMORY);
	else
		print_range(text, 0, 0, 0);
	base = (uint64_t)(uiommu_sysfs_config(device, PCI_PREFETCH_BASE, 2) & 0xfff0) << 16 |
	       (uint64_t)uiommu_sysfs_config(device, PCI_PREFETCH_BASE_UPPER, 4) << 32;
	last = (uint64_t)(uiommu_sysfs_config(device, PCI_PREFETCH_LIMIT, 2) & 0xfff0) << 16 |
	       (uint64_t)uiommu_sysfs_config(device, PCI_PREFETCH_LIMIT_UPPER, 4) << 32 | 0xfffff;
	if (last > base && base)
		print_range(text, base, last, RESOURCE_MEMORY | RESOURCE_PREFETCH | RESOURCE_64BIT);
	else
		print_range(text, 0, 0, 0);
	print_range(text, 0, 0, 0);
}

static int show_resource(struct sysfs_text *text, struct sysfs_view *view,
			 const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_device *device = object;

	(void)view;
	(void)attr;
	for (unsigned int i = 0; i < RESOURCE_LINES; i++) {
		uint64_t size = device->known && i < 6 ? device->known->io.bar_size[i] : 0;
		uint64_t start = size ? device->known->io.bar_address[i] : 0;

		if (size)
			print_range(text, start, start + size - 1, bar_flags(device, i));
		else
			print_range(text, 0, 0, 0);
	}
	if (is_bridge(device))
		print_windows(text, device);
	return 0;
}

/* ---- resourceN --------------------------------------------------------------------------------- */

static uint64_t bar_size(const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_device *device = object;

	return device->known ? device->known->io.bar_size[attr->argument] : 0;
}

static bool has_bar(const struct sysfs_attr *attr, const void *object)
{
	return bar_size(attr, object);
}

static int map_bar(const struct sysfs_attr *attr, const void *object, uint64_t offset, size_t size,
		   void **out)
{
	const struct sysfs_device *device = object;
	const struct uiommu_uapi_device_io *io = &device->known->io;
	uint64_t length = bar_size(attr, object);

	if (!size || offset % UAPI_PAGE || offset >= length || size > length - offset)
		return -UIOMMU_EINVAL;
	if (!io->bar_map || bar_flags(device, attr->argument) & RESOURCE_IO)
		return -UIOMMU_ENODEV;
	*out = io->bar_map(io->context, attr->argument, offset, size);
	return *out ? 0 : -UIOMMU_ENODEV;
}

static long io_access(const struct sysfs_attr *attr, const struct sysfs_device *device, uint8_t *in,
		      const uint8_t *out, size_t size, uint64_t offset)
{
	const struct uiommu_uapi_device_io *io = &device->known->io;
	uint64_t length = bar_size(attr, device), value = 0;

	/* Memory is there to be mapped, and only ports are read and written, one access of 1, 2 or 4 bytes at a time. */
	if (!(bar_flags(device, attr->argument) & RESOURCE_IO))
		return -UIOMMU_EIO;
	if (offset >= length)
		return 0;
	if (size > length - offset || (size != 1 && size != 2 && size != 4) || offset % size)
		return -UIOMMU_EINVAL;
	if (in) {
		value = io->bar_read(io->context, attr->argument, offset, (unsigned int)size);
		memcpy(in, &value, size);
	} else {
		memcpy(&value, out, size);
		io->bar_write(io->context, attr->argument, offset, (unsigned int)size, value);
	}
	return (long)size;
}

static long read_bar(const struct sysfs_attr *attr, const void *object,
		     struct uiommu_uapi_process *process, uint8_t *data, size_t size,
		     uint64_t offset)
{
	(void)process;
	return io_access(attr, object, data, NULL, size, offset);
}

static long write_bar(const struct sysfs_attr *attr, const void *object, const uint8_t *data,
		      size_t size, uint64_t offset)
{
	return io_access(attr, object, NULL, data, size, offset);
}

/* ---- interrupts, processors -------------------------------------------------------------------- */

static int show_irq(struct sysfs_text *text, struct sysfs_view *view, const struct sysfs_attr *attr,
		    const void *object)
{
	unsigned int line = 0;

	(void)view;
	(void)attr;
	if (uiommu_sysfs_config(object, PCI_INTERRUPT_PIN, 1))
		line = uiommu_sysfs_config(object, PCI_INTERRUPT_LINE, 1);
	uiommu_sysfs_print(text, "%u\n", line);
	return 0;
}

/* No node is nearer than another: all processors are local. */
static int show_cpus(struct sysfs_text *text, struct sysfs_view *view,
		     const struct sysfs_attr *attr, const void *object)
{
	long configured = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int cpus = configured > 0 ? (unsigned int)configured : 1;
	unsigned int words = (cpus + 31) / 32, first = cpus - 32 * (words - 1);

	(void)view;
	(void)object;
	if (attr->argument) {
		uiommu_sysfs_print(text, cpus > 1 ? "0-%u\n" : "%u\n", cpus - 1);
		return 0;
	}
	uiommu_sysfs_print(text, "%x", first == 32 ? UINT32_MAX : (1u << first) - 1);
	while (--words)
		uiommu_sysfs_print(text, ",ffffffff");
	uiommu_sysfs_print(text, "\n");
	return 0;
}

static int show_number(struct sysfs_text *text, struct sysfs_view *view,
		       const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)object;
	uiommu_sysfs_print(text, "%d\n", (int)attr->argument);
	return 0;
}

static int show_power_state(struct sysfs_text *text, struct sysfs_view *view,
			    const struct sysfs_attr *attr, const void *object)
{
	static const char *const names[] = { "D0", "D1", "D2", "D3hot" };
	unsigned int pm = capability(object, PCI_CAP_ID_PM);

	(void)view;
	(void)attr;
	/* Without the capability there is one state. PCI PM 1.2, 3.2.4: PMCSR at 4. */
	uiommu_sysfs_print(text, "%s\n",
			   names[pm ? uiommu_sysfs_config(object, pm + 4, 2) & 3 : 0]);
	return 0;
}

/* ---- the link ---------------------------------------------------------------------------------- */

/* PCIe 6.0, 7.5.3.6 and 7.5.3.8: speed in bits 3:0, width in bits 9:4. */
#define PCIE_LINK_CAPABILITIES 0x0cu
#define PCIE_LINK_STATUS 0x12u

enum link_field {
	LINK_MAX_SPEED,
	LINK_MAX_WIDTH,
	LINK_SPEED,
	LINK_WIDTH,
};

static bool is_express(const struct sysfs_attr *attr, const void *object)
{
	(void)attr;
	return capability(object, PCI_CAP_ID_PCIE);
}

static int show_link(struct sysfs_text *text, struct sysfs_view *view,
		     const struct sysfs_attr *attr, const void *object)
{
	static const char *const speeds[] = {
		[1] = "2.5", [2] = "5.0", [3] = "8.0", [4] = "16.0", [5] = "32.0", [6] = "64.0",
	};
	unsigned int cap = capability(object, PCI_CAP_ID_PCIE);
	uint32_t link = attr->argument <= LINK_MAX_WIDTH ?
				uiommu_sysfs_config(object, cap + PCIE_LINK_CAPABILITIES, 4) :
				uiommu_sysfs_config(object, cap + PCIE_LINK_STATUS, 2);
	unsigned int speed = link & 0xf;

	(void)view;
	if (attr->argument == LINK_MAX_WIDTH || attr->argument == LINK_WIDTH)
		uiommu_sysfs_print(text, "%u\n", link >> 4 & 0x3f);
	else if (speed >= 1 && speed <= 6)
		uiommu_sysfs_print(text, "%s GT/s PCIe\n", speeds[speed]);
	else
		uiommu_sysfs_print(text, "Unknown\n");
	return 0;
}

/* ---- enable, reset ----------------------------------------------------------------------------- */

static uint32_t decoding(const struct sysfs_device *device)
{
	return uiommu_sysfs_config(device, PCI_COMMAND, 2) & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
}

static int show_enable(struct sysfs_text *text, struct sysfs_view *view,
		       const struct sysfs_attr *attr, const void *object)
{
	(void)view;
	(void)attr;
	uiommu_sysfs_print(text, "%u\n", decoding(object) ? 1u : 0u);
	return 0;
}

/* @device is there, and vfio->lock held. */
static int enable(const struct sysfs_device *device, bool on)
{
	uint32_t command = uiommu_sysfs_config(device, PCI_COMMAND, 2), bits = 0;

	if (!on && !decoding(device))
		return -UIOMMU_EIO;
	if (!on)
		command &= ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	for (unsigned int i = 0; on && device->known && i < 6; i++)
		if (device->known->io.bar_size[i])
			bits |= bar_flags(device, i) & RESOURCE_IO ? PCI_COMMAND_IO :
								     PCI_COMMAND_MEMORY;
	config_write(device, PCI_COMMAND, 2, command | bits);
	return 0;
}

static int store_enable(const struct sysfs_store *store)
{
	const struct sysfs_device *then = store->object;
	struct uiommu_uapi *uapi = store->uapi;
	const struct sysfs_device *device;
	struct sysfs_view view;
	unsigned long value;
	int rc;

	if (!uapi_capable(store->process, UIOMMU_UAPI_CAP_SYS_ADMIN))
		return -UIOMMU_EPERM;
	rc = uiommu_sysfs_number(store->text, &value);
	if (rc)
		return rc;
	uapi_lock(uapi, &uapi->vfio->lock);
	rc = uiommu_sysfs_view_make(&view, uapi);
	if (!rc) {
		device = uiommu_sysfs_find_device(&view, SYSFS_BUS_PCI, then->name);
		if (!device)
			rc = -UIOMMU_ENODEV;
		else if (device->driver)
			rc = -UIOMMU_EBUSY;
		else
			rc = enable(device, value);
	}
	uapi_unlock(uapi, &uapi->vfio->lock);
	uiommu_sysfs_view_free(&view);
	return rc;
}

static bool can_reset(const struct sysfs_attr *attr, const void *object)
{
	const struct sysfs_device *device = object;

	(void)attr;
	return device->known && device->known->io.reset;
}

static int reset(struct uiommu_uapi_device *device)
{
	int rc;

	if (device->gone || !device->io.reset)
		return -UIOMMU_ENODEV;
	rc = uiommu_device_reset_prepare(device->config.dev);
	if (rc)
		return rc;
	rc = device->io.reset(device->io.context);
	uiommu_device_reset_done(device->config.dev);
	return rc;
}

/* Not while it changes hands, nor beside a reset that its user asks for. */
static int store_reset(const struct sysfs_store *store)
{
	const struct sysfs_device *then = store->object;
	struct uiommu_uapi_device *device;
	unsigned long value;
	int rc = uiommu_sysfs_number(store->text, &value);

	if (rc || value != 1)
		return -UIOMMU_EINVAL;
	device = uiommu_vfio_known_get(store->uapi, then->name);
	if (!device)
		return -UIOMMU_ENODEV;
	uapi_lock(store->uapi, &device->lock);
	if (device->vfio)
		uapi_lock(store->uapi, &device->vfio->lock);
	rc = reset(device);
	if (device->vfio)
		uapi_unlock(store->uapi, &device->vfio->lock);
	uapi_unlock(store->uapi, &device->lock);
	uiommu_vfio_known_put(device);
	return rc;
}

static bool is_known(const struct sysfs_attr *attr, const void *object)
{
	(void)attr;
	return ((const struct sysfs_device *)object)->known;
}

/* ---- all of them ------------------------------------------------------------------------------- */

#define ID(text, field, digits)                                                     \
	{                                                                           \
		.name = (text), .mode = 0444, .show = show_id, .argument = (field), \
		.width = (digits),                                                  \
	}
#define LINK(text, field)                                                               \
	{                                                                               \
		.name = (text), .mode = 0444, .present = is_express, .show = show_link, \
		.argument = (field),                                                    \
	}
#define RESOURCE(text, bar)                                                             \
	{                                                                               \
		.name = (text), .mode = 0600, .present = has_bar, .argument = (bar),    \
		.size = bar_size, .read = read_bar, .write = write_bar, .map = map_bar, \
	}

const struct sysfs_attr uiommu_sysfs_pci_attrs[] = {
	ID("vendor", ID_VENDOR, 4),
	ID("device", ID_DEVICE, 4),
	ID("subsystem_vendor", ID_SUBSYSTEM_VENDOR, 4),
	ID("subsystem_device", ID_SUBSYSTEM_DEVICE, 4),
	ID("class", ID_CLASS, 6),
	ID("revision", ID_REVISION, 2),
	{
		.name = "config",
		.mode = 0644,
		.size = config_size,
		.read = read_config,
		.write = write_config,
	},
	{ .name = "resource", .mode = 0444, .show = show_resource },
	RESOURCE("resource0", 0),
	RESOURCE("resource1", 1),
	RESOURCE("resource2", 2),
	RESOURCE("resource3", 3),
	RESOURCE("resource4", 4),
	RESOURCE("resource5", 5),
	{ .name = "modalias", .mode = 0444, .show = show_modalias },
	{
		.name = "uevent",
		.mode = 0644,
		.show = show_uevent,
		.store = uiommu_sysfs_store_uevent,
	},
	{
		.name = "driver_override",
		.mode = 0644,
		.present = is_known,
		.show = uiommu_sysfs_show_override,
		.store = uiommu_sysfs_store_override,
	},
	{ .name = "enable", .mode = 0644, .show = show_enable, .store = store_enable },
	{ .name = "reset", .mode = 0200, .present = can_reset, .store = store_reset },
	{ .name = "irq", .mode = 0444, .show = show_irq },
	{ .name = "msi_bus", .mode = 0444, .show = show_number, .argument = 1 },
	{ .name = "numa_node", .mode = 0444, .show = show_number, .argument = (unsigned int)-1 },
	{ .name = "local_cpus", .mode = 0444, .show = show_cpus, .argument = 0 },
	{ .name = "local_cpulist", .mode = 0444, .show = show_cpus, .argument = 1 },
	{ .name = "power_state", .mode = 0444, .show = show_power_state },
	LINK("max_link_speed", LINK_MAX_SPEED),
	LINK("max_link_width", LINK_MAX_WIDTH),
	LINK("current_link_speed", LINK_SPEED),
	LINK("current_link_width", LINK_WIDTH),
	{ 0 },
};
