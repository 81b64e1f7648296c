/* SPDX-License-Identifier: MIT */
/*
 * platform.c - vfio-platform: binding, opening, regions, information
 *
 * How a device is reached is its host's: struct uiommu_uapi_platform_io.  A pointer that a program gets cannot be read-only,
 * so regions that are read-only are not mapped, which Linux does with a mapping that is.
 */
#include "src/uapi/abi.h"
#include "src/uapi/platform.h"

static void *host_of(const struct vfio_platform *platform)
{
	return platform->device.uapi->host;
}

/* ---- regions ----------------------------------------------------------------------------------- */

int uiommu_vfio_platform_map(struct vfio_platform *platform, unsigned int region)
{
	const struct uiommu_uapi_platform_io *io = platform->io;
	struct uiommu_uapi *uapi = platform->device.uapi;
	int rc = 0;

	if (region >= io->num_regions || io->regions[region].port)
		return -UIOMMU_EINVAL;
	if (atomic_load(&platform->mapped[region]))
		return 0;
	uapi_lock(uapi, &platform->map_lock);
	if (!atomic_load(&platform->mapped[region])) {
		rc = io->map_registers ? io->map_registers(io->context, region) : 0;
		if (!rc)
			atomic_store(&platform->mapped[region], true);
	}
	uapi_unlock(uapi, &platform->map_lock);
	return rc;
}

/* Nobody accesses them any more. */
static void unmap_all(struct vfio_platform *platform)
{
	const struct uiommu_uapi_platform_io *io = platform->io;

	for (unsigned int i = 0; i < io->num_regions; i++) {
		if (atomic_exchange(&platform->mapped[i], false) && io->unmap_registers)
			io->unmap_registers(io->context, i);
	}
}

static uint64_t offset_in_region(uint64_t position)
{
	return position & ((UINT64_C(1) << PLATFORM_REGION_SHIFT) - 1);
}

/* -UIOMMU_EINVAL: there is no region at @position, or it does not allow @flag. */
static int find_region(const struct vfio_platform *platform, uint64_t position, uint32_t flag,
		       unsigned int *region)
{
	uint64_t index = position >> PLATFORM_REGION_SHIFT;

	if (index >= platform->io->num_regions || !(platform->region_flags[index] & flag))
		return -UIOMMU_EINVAL;
	*region = (unsigned int)index;
	return 0;
}

/* One of @in and @out. */
static long region_access(struct vfio_platform *platform, uint8_t *in, const uint8_t *out,
			  size_t size, uint64_t position)
{
	const struct uiommu_uapi_platform_io *io = platform->io;
	uint64_t offset = offset_in_region(position), length;
	unsigned int region = 0;
	size_t done = 0;
	int rc;

	rc = find_region(platform, position,
			 in ? ABI_VFIO_REGION_INFO_FLAG_READ : ABI_VFIO_REGION_INFO_FLAG_WRITE,
			 &region);
	if (rc)
		return rc;
	length = io->regions[region].size;
	if (offset >= length)
		return -UIOMMU_EINVAL;
	if (size > length - offset)
		size = (size_t)(length - offset);
	rc = uiommu_vfio_platform_map(platform, region);
	if (rc)
		return rc;
	while (done < size) {
		uint64_t at = offset + done;
		unsigned int step = uiommu_vfio_widest(at, size - done, 4);
		uint32_t value = 0;

		if (in) {
			value = io->read(io->context, region, at, step);
			memcpy(in + done, &value, step);
		} else {
			memcpy(&value, out + done, step);
			io->write(io->context, region, at, step, value);
		}
		done += step;
	}
	return (long)size;
}

static long read_device(struct vfio_device *device, void *buffer, size_t size, uint64_t offset)
{
	return region_access(to_platform(device), buffer, NULL, size, offset);
}

static long write_device(struct vfio_device *device, const void *buffer, size_t size,
			 uint64_t offset)
{
	return region_access(to_platform(device), NULL, buffer, size, offset);
}

/* A program maps pages, whatever size it says. */
static void *map_device(struct vfio_device *device, uint64_t position, size_t size)
{
	struct vfio_platform *platform = to_platform(device);
	const struct uiommu_uapi_platform_io *io = platform->io;
	uint64_t offset = offset_in_region(position), length;
	unsigned int region;

	if (find_region(platform, position, ABI_VFIO_REGION_INFO_FLAG_MMAP, &region))
		return NULL;
	length = io->regions[region].size;
	if (!size || offset % UAPI_PAGE || offset >= length || size > length - offset)
		return NULL;
	return io->map(io->context, region, offset, size);
}

/* Only whole pages are mapped, for on the others is somebody else's. */
static uint32_t flags_of(const struct uiommu_uapi_platform_io *io, unsigned int index)
{
	const struct uiommu_uapi_platform_region *region = &io->regions[index];
	uint32_t flags = ABI_VFIO_REGION_INFO_FLAG_READ;

	if (region->port)
		return 0;
	if (region->read_only)
		return flags;
	flags |= ABI_VFIO_REGION_INFO_FLAG_WRITE;
	if (region->address % UAPI_PAGE == 0 && region->size % UAPI_PAGE == 0 && io->map &&
	    io->map(io->context, index, 0, region->size))
		flags |= ABI_VFIO_REGION_INFO_FLAG_MMAP;
	return flags;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static long get_info(struct vfio_platform *platform, uintptr_t argument)
{
	struct uiommu_uapi *uapi = platform->device.uapi;
	struct abi_vfio_device_info info = { 0 };
	const size_t min = offsetof(struct abi_vfio_device_info, cap_offset);
	int rc = uiommu_uapi_fetch_argsz(uapi, &info, argument, min);

	if (rc)
		return rc;
	info.flags = ABI_VFIO_DEVICE_FLAGS_PLATFORM;
	if (uiommu_platform_has_reset(platform))
		info.flags |= ABI_VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = platform->io->num_regions;
	info.num_irqs = platform->io->num_irqs;
	return uiommu_uapi_store(uapi, argument, &info, info.argsz, min);
}

static long get_region_info(struct vfio_platform *platform, uintptr_t argument)
{
	struct uiommu_uapi *uapi = platform->device.uapi;
	struct abi_vfio_region_info info = { 0 };
	int rc = uiommu_uapi_fetch_argsz(uapi, &info, argument, sizeof(info));

	if (rc)
		return rc;
	if (info.index >= platform->io->num_regions)
		return -UIOMMU_EINVAL;
	info.offset = (uint64_t)info.index << PLATFORM_REGION_SHIFT;
	info.size = platform->io->regions[info.index].size;
	info.flags = platform->region_flags[info.index];
	return uiommu_uapi_store(uapi, argument, &info, info.argsz, sizeof(info));
}

static long get_irq_info(struct vfio_platform *platform, uintptr_t argument)
{
	struct uiommu_uapi *uapi = platform->device.uapi;
	struct abi_vfio_irq_info info = { 0 };
	int rc = uiommu_uapi_fetch_argsz(uapi, &info, argument, sizeof(info));

	if (rc)
		return rc;
	if (info.index >= platform->io->num_irqs)
		return -UIOMMU_EINVAL;
	info.flags = ABI_VFIO_IRQ_INFO_EVENTFD;
	if (platform->io->irqs[info.index].level)
		info.flags |= ABI_VFIO_IRQ_INFO_MASKABLE | ABI_VFIO_IRQ_INFO_AUTOMASKED;
	info.count = 1;
	return uiommu_uapi_store(uapi, argument, &info, info.argsz, sizeof(info));
}

static long command(struct vfio_device *device, struct uiommu_uapi_process *caller, uint32_t number,
		    uintptr_t argument)
{
	struct vfio_platform *platform = to_platform(device);

	(void)caller;
	switch (number) {
	case ABI_VFIO_DEVICE_GET_INFO:
		return get_info(platform, argument);
	case ABI_VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(platform, argument);
	case ABI_VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(platform, argument);
	case ABI_VFIO_DEVICE_SET_IRQS:
		return uiommu_vfio_platform_set_irqs(platform, argument);
	case ABI_VFIO_DEVICE_RESET:
		return uiommu_platform_reset(platform);
	default:
		return -UAPI_ENOTTY;
	}
}

/* ---- open and close ---------------------------------------------------------------------------- */

static int open_device(struct vfio_device *device)
{
	struct vfio_platform *platform = to_platform(device);
	int rc;

	uiommu_vfio_platform_irq_start(platform);
	rc = uiommu_platform_has_reset(platform) ? uiommu_platform_reset(platform) : -UIOMMU_ENOENT;
	if (!rc || !platform->reset_required)
		return 0;
	uiommu_log(host_of(platform), UIOMMU_LOG_WARN,
		   "vfio-platform: %s: not opened, for its reset failed (%d)", device->name, rc);
	uiommu_vfio_platform_irq_stop(platform);
	unmap_all(platform);
	return rc;
}

static void close_device(struct vfio_device *device)
{
	struct vfio_platform *platform = to_platform(device);
	int rc = uiommu_platform_has_reset(platform) ? uiommu_platform_reset(platform) : 0;

	if (rc)
		uiommu_log(host_of(platform), UIOMMU_LOG_WARN,
			   "vfio-platform: %s: closed, and its reset failed (%d)", device->name,
			   rc);
	uiommu_vfio_platform_irq_stop(platform);
	unmap_all(platform);
}

const struct vfio_driver uiommu_vfio_platform_driver = {
	.name = "vfio-platform",
	.open = open_device,
	.close = close_device,
	.ioctl = command,
	.read = read_device,
	.write = write_device,
	.map = map_device,
};

/* ---- binding ----------------------------------------------------------------------------------- */

bool uiommu_vfio_platform_reachable(const struct uiommu_uapi_platform_io *io)
{
	if (!io || !io->read != !io->write || !io->read_relaxed != !io->write_relaxed ||
	    !io->set_irq != !io->mask_irq || !io->map_registers != !io->unmap_registers)
		return false;
	if ((io->num_regions && (!io->regions || !io->read)) ||
	    (io->num_irqs && (!io->irqs || !io->set_irq)))
		return false;
	for (unsigned int i = 0; i < io->num_regions; i++) {
		if (!io->regions[i].size || io->regions[i].size > UINT64_C(1)
									  << PLATFORM_REGION_SHIFT)
			return false;
	}
	return true;
}

/* Room for nothing is something to free, too. */
static size_t room(unsigned int count, size_t size)
{
	return (count + (size_t)1) * size;
}

static int create_locks(struct vfio_platform *platform)
{
	void *host = host_of(platform);

	if (uiommu_port_mutex_init(host, &platform->map_lock))
		return -UIOMMU_ENOMEM;
	if (uiommu_port_mutex_init(host, &platform->line_lock))
		goto err_map;
	if (uiommu_port_mutex_init(host, &platform->irq_lock))
		goto err_line;
	return 0;
err_line:
	uiommu_port_mutex_destroy(host, &platform->line_lock);
err_map:
	uiommu_port_mutex_destroy(host, &platform->map_lock);
	return -UIOMMU_ENOMEM;
}

static void free_all(struct vfio_platform *platform)
{
	struct uiommu_uapi *uapi = platform->device.uapi;
	const struct uiommu_uapi_platform_io *io = platform->io;

	uiommu_platform_reset_put(platform);
	uapi_free(uapi, platform->irqs, room(io->num_irqs, sizeof(*platform->irqs)));
	uapi_free(uapi, platform->mapped, room(io->num_regions, sizeof(*platform->mapped)));
	uapi_free(uapi, platform->region_flags,
		  room(io->num_regions, sizeof(*platform->region_flags)));
	uapi_free(uapi, platform, sizeof(*platform));
}

int uiommu_vfio_platform_create(struct uiommu_uapi *uapi, struct uiommu_device *dev,
				const struct uiommu_uapi_platform_io *io,
				struct vfio_platform **out)
{
	struct vfio_platform *platform;
	int rc;

	if (!uiommu_vfio_platform_reachable(io) || (!io->acpi_hid && !io->compatible))
		return -UIOMMU_EINVAL;
	platform = uapi_alloc(uapi, sizeof(*platform));
	if (!platform)
		return -UIOMMU_ENOMEM;
	platform->device.driver = &uiommu_vfio_platform_driver;
	platform->device.uapi = uapi;
	platform->device.name = uiommu_device_name(dev);
	platform->device.dev = dev;
	platform->io = io;
	platform->reset_required = !uapi->config.platform_reset_not_required;
	platform->region_flags =
		uapi_alloc(uapi, room(io->num_regions, sizeof(*platform->region_flags)));
	platform->mapped = uapi_alloc(uapi, room(io->num_regions, sizeof(*platform->mapped)));
	platform->irqs = uapi_alloc(uapi, room(io->num_irqs, sizeof(*platform->irqs)));
	rc = -UIOMMU_ENOMEM;
	if (!platform->region_flags || !platform->mapped || !platform->irqs)
		goto err;
	for (unsigned int i = 0; i < io->num_regions; i++)
		platform->region_flags[i] = flags_of(io, i);
	rc = uiommu_platform_reset_find(platform);
	if (rc && platform->reset_required) {
		uiommu_log(uapi->host, UIOMMU_LOG_WARN,
			   "vfio-platform: %s: nobody knows how to reset it",
			   platform->device.name);
		goto err;
	}
	rc = create_locks(platform);
	if (rc)
		goto err;
	*out = platform;
	return 0;
err:
	free_all(platform);
	return rc;
}

void uiommu_vfio_platform_destroy(struct vfio_platform *platform)
{
	void *host = host_of(platform);

	uiommu_port_mutex_destroy(host, &platform->irq_lock);
	uiommu_port_mutex_destroy(host, &platform->line_lock);
	uiommu_port_mutex_destroy(host, &platform->map_lock);
	free_all(platform);
}

int uiommu_vfio_platform_bind(struct uiommu_uapi_device *device, struct vfio_device **out)
{
	struct vfio_platform *platform;
	int rc = uiommu_vfio_platform_create(device->uapi, device->config.dev,
					     device->config.platform, &platform);

	if (rc)
		return rc;
	rc = uiommu_vfio_register(&platform->device);
	if (rc)
		uiommu_vfio_platform_destroy(platform);
	else
		*out = &platform->device;
	return rc;
}

void uiommu_vfio_platform_unbind(struct vfio_device *device)
{
	uiommu_vfio_unregister(device);
	uiommu_vfio_platform_destroy(to_platform(device));
}
