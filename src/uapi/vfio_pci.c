/* SPDX-License-Identifier: MIT */
/*
 * vfio_pci.c - vfio-pci: opening, regions, information, resets, features
 *
 * How a device is reached is its host's: struct uiommu_uapi_device_io.  BARs can be mapped where the host has memory
 * behind them.
 */
#include <unistd.h>

#include "src/uapi/abi.h"
#include "src/uapi/vfio_pci.h"

/* ---- regions ----------------------------------------------------------------------------------- */

static bool memory_bar(struct vfio_pci *pci, unsigned int bar)
{
	return !(pci->io.config_read(pci->io.context, PCI_BAR(bar), 4) & PCI_BAR_IO);
}

static bool in_msix_table(const struct vfio_pci *pci, unsigned int bar, uint64_t offset)
{
	return pci->msix && bar == pci->msix_bar && offset >= pci->msix_start &&
	       offset < pci->msix_end;
}

/* How far an access may go before it meets an end of the MSI-X table. */
static size_t stretch(const struct vfio_pci *pci, unsigned int bar, uint64_t offset, size_t left)
{
	uint64_t end = UINT64_MAX;

	if (!pci->msix || bar != pci->msix_bar)
		return left;
	if (offset < pci->msix_start)
		end = pci->msix_start;
	else if (offset < pci->msix_end)
		end = pci->msix_end;
	return end - offset < left ? (size_t)(end - offset) : left;
}

/* One of @in and @out. */
static long bar_access(struct vfio_pci *pci, unsigned int bar, uint8_t *in, const uint8_t *out,
		       size_t size, uint64_t offset)
{
	uint64_t length = pci->io.bar_size[bar];
	size_t done = 0;

	if (offset >= length)
		return -UIOMMU_EINVAL;
	if (size > length - offset)
		size = (size_t)(length - offset);
	if (memory_bar(pci, bar) && !uiommu_vfio_pci_memory_enabled(pci))
		return -UIOMMU_EIO;
	while (done < size) {
		uint64_t at = offset + done, value = 0;
		unsigned int step = uiommu_vfio_widest(at, stretch(pci, bar, at, size - done), 8);

		if (in_msix_table(pci, bar, at)) {
			if (in)
				memset(in + done, 0xff, step);
		} else if (in) {
			value = pci->io.bar_read(pci->io.context, bar, at, step);
			memcpy(in + done, &value, step);
		} else {
			memcpy(&value, out + done, step);
			pci->io.bar_write(pci->io.context, bar, at, step, value);
		}
		done += step;
	}
	return (long)size;
}

/* Out of low power: the eventfd that was to tell of it, -1: none.  It need not have been in. */
static int leave_low_power(struct vfio_pci *pci)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	int wakeup;

	uapi_lock(uapi, &pci->irq_lock);
	wakeup = pci->wakeup;
	pci->wakeup = -1;
	atomic_store(&pci->low_power, false);
	uapi_unlock(uapi, &pci->irq_lock);
	return wakeup;
}

/* Whoever touches a device that sleeps wakes it; if nobody is to be told, it sleeps on afterwards. */
static void wake(struct vfio_pci *pci)
{
	int wakeup;

	if (!atomic_load(&pci->low_power) || !atomic_load(&pci->tells))
		return;
	wakeup = leave_low_power(pci);
	if (wakeup < 0)
		return;
	uiommu_vfio_signal(wakeup);
	close(wakeup);
}

static long region_access(struct vfio_pci *pci, uint8_t *in, const uint8_t *out, size_t size,
			  uint64_t position)
{
	uint64_t index = position >> VFIO_PCI_REGION_SHIFT;
	uint64_t offset = position & ((UINT64_C(1) << VFIO_PCI_REGION_SHIFT) - 1);

	if (index >= VFIO_PCI_NUM_REGIONS)
		return -UIOMMU_EINVAL;
	if (!size)
		return 0;
	wake(pci);
	if (index < VFIO_PCI_NUM_BARS)
		return bar_access(pci, (unsigned int)index, in, out, size, offset);
	/* There is no ROM, and no VGA. */
	if (index != VFIO_PCI_CONFIG)
		return -UIOMMU_EINVAL;
	if (in)
		return uiommu_vfio_pci_config_read(pci, in, size, offset);
	return uiommu_vfio_pci_config_write(pci, out, size, offset);
}

static long read_device(struct vfio_device *device, void *buffer, size_t size, uint64_t offset)
{
	return region_access(to_pci(device), buffer, NULL, size, offset);
}

static long write_device(struct vfio_device *device, const void *buffer, size_t size,
			 uint64_t offset)
{
	return region_access(to_pci(device), NULL, buffer, size, offset);
}

static bool mappable(struct vfio_pci *pci, unsigned int bar)
{
	return bar < VFIO_PCI_NUM_BARS && pci->io.bar_map && pci->io.bar_size[bar] >= UAPI_PAGE &&
	       memory_bar(pci, bar) &&
	       pci->io.bar_map(pci->io.context, bar, 0, pci->io.bar_size[bar]);
}

static void *map_device(struct vfio_device *device, uint64_t position, size_t size)
{
	struct vfio_pci *pci = to_pci(device);
	uint64_t bar = position >> VFIO_PCI_REGION_SHIFT;
	uint64_t offset = position & ((UINT64_C(1) << VFIO_PCI_REGION_SHIFT) - 1);

	if (bar >= VFIO_PCI_NUM_BARS || !mappable(pci, (unsigned int)bar) ||
	    offset >= pci->io.bar_size[bar] || size > pci->io.bar_size[bar] - offset)
		return NULL;
	return pci->io.bar_map(pci->io.context, (unsigned int)bar, offset, size);
}

/* ---- information ------------------------------------------------------------------------------- */

static int fetch(struct vfio_pci *pci, void *to, uintptr_t from, uint32_t min)
{
	return uiommu_uapi_fetch_argsz(pci->device.uapi, to, from, min);
}

static long store(struct vfio_pci *pci, uintptr_t to, const void *from, uint32_t argsz, size_t size)
{
	return uiommu_uapi_store(pci->device.uapi, to, from, argsz, size);
}

static long get_info(struct vfio_pci *pci, uintptr_t argument)
{
	struct abi_vfio_device_info info = { 0 };
	int rc = fetch(pci, &info, argument, 16);

	if (rc)
		return rc;
	info.flags = ABI_VFIO_DEVICE_FLAGS_PCI | (pci->can_reset ? ABI_VFIO_DEVICE_FLAGS_RESET : 0);
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return store(pci, argument, &info, info.argsz, sizeof(info));
}

static long get_region_info(struct vfio_pci *pci, uintptr_t argument)
{
	/* The MSI-X table can be mapped with the rest of its BAR, and says so. */
	static const struct abi_vfio_info_cap_header table = {
		ABI_VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1, 0
	};
	struct abi_vfio_region_info info = { 0 };
	int rc = fetch(pci, &info, argument, sizeof(info));
	uint32_t room;

	if (rc)
		return rc;
	room = info.argsz;
	/* Of classes that are displays only. */
	if (info.index >= VFIO_PCI_NUM_REGIONS || info.index == VFIO_PCI_VGA)
		return -UIOMMU_EINVAL;
	info.offset = (uint64_t)info.index << VFIO_PCI_REGION_SHIFT;
	info.size = 0;
	info.flags = 0;
	if (info.index < VFIO_PCI_NUM_BARS)
		info.size = pci->io.bar_size[info.index];
	else if (info.index == VFIO_PCI_CONFIG)
		info.size = pci->config_size;
	if (info.size)
		info.flags = ABI_VFIO_REGION_INFO_FLAG_READ | ABI_VFIO_REGION_INFO_FLAG_WRITE;
	if (mappable(pci, info.index)) {
		info.flags |= ABI_VFIO_REGION_INFO_FLAG_MMAP;
		if (pci->msix && info.index == pci->msix_bar)
			info.flags |= ABI_VFIO_REGION_INFO_FLAG_CAPS;
	}
	if (!(info.flags & ABI_VFIO_REGION_INFO_FLAG_CAPS))
		return store(pci, argument, &info, room, sizeof(info));
	info.argsz = sizeof(info) + sizeof(table);
	info.cap_offset = room >= info.argsz ? sizeof(info) : 0;
	if (info.cap_offset &&
	    uapi_write_user(pci->device.uapi, argument + sizeof(info), &table, sizeof(table)))
		return -UIOMMU_EFAULT;
	if (info.cap_offset)
		info.argsz = room;
	return store(pci, argument, &info, room, sizeof(info));
}

static long get_irq_info(struct vfio_pci *pci, uintptr_t argument)
{
	struct abi_vfio_irq_info info = { 0 };
	int rc = fetch(pci, &info, argument, sizeof(info));

	if (rc)
		return rc;
	if (info.index >= VFIO_PCI_NUM_IRQS || (info.index == VFIO_PCI_ERR && !pci->pcie))
		return -UIOMMU_EINVAL;
	info.count = uiommu_vfio_pci_irq_count(pci, info.index);
	info.flags = ABI_VFIO_IRQ_INFO_EVENTFD;
	if (info.index == VFIO_PCI_INTX)
		info.flags |= ABI_VFIO_IRQ_INFO_MASKABLE | ABI_VFIO_IRQ_INFO_AUTOMASKED;
	else
		info.flags |= ABI_VFIO_IRQ_INFO_NORESIZE;
	return store(pci, argument, &info, info.argsz, sizeof(info));
}

/* ---- resets ------------------------------------------------------------------------------------ */

int uiommu_vfio_pci_reset(struct vfio_pci *pci)
{
	int rc;

	if (!pci->io.reset)
		return -UIOMMU_EINVAL;
	rc = uiommu_device_reset_prepare(pci->device.dev);
	if (rc)
		return rc;
	rc = pci->io.reset(pci->io.context);
	uiommu_device_reset_done(pci->device.dev);
	return rc;
}

/* ---- features ---------------------------------------------------------------------------------- */

#define FEATURE_OPS (ABI_VFIO_DEVICE_FEATURE_GET | ABI_VFIO_DEVICE_FEATURE_SET)

/* 1: do it; 0: it was a question, answered yes; -UIOMMU_EINVAL. */
static int feature_check(uint32_t argsz, uint32_t flags, uint32_t ops, uint32_t data)
{
	if (flags & FEATURE_OPS & ~ops)
		return -UIOMMU_EINVAL;
	if (flags & ABI_VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	if (!(flags & FEATURE_OPS) || argsz - 8 < data)
		return -UIOMMU_EINVAL;
	return 1;
}

static long low_power_entry(struct vfio_pci *pci, int wakeup)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	bool was;

	uapi_lock(uapi, &pci->irq_lock);
	was = atomic_load(&pci->low_power);
	if (!was) {
		pci->wakeup = wakeup;
		atomic_store(&pci->tells, wakeup >= 0);
		atomic_store(&pci->low_power, true);
	}
	uapi_unlock(uapi, &pci->irq_lock);
	if (was && wakeup >= 0)
		close(wakeup);
	return was ? -UIOMMU_EINVAL : 0;
}

static void low_power_exit(struct vfio_pci *pci)
{
	int wakeup = leave_low_power(pci);

	if (wakeup >= 0)
		close(wakeup);
}

static long low_power_wakeup(struct vfio_pci *pci, uintptr_t argument)
{
	int32_t data[2];
	int fd;

	if (uapi_read_user(pci->device.uapi, data, argument + 8, sizeof(data)))
		return -UIOMMU_EFAULT;
	if (data[0] < 0)
		return -UIOMMU_EINVAL;
	fd = uiommu_vfio_eventfd(data[0]);
	return fd < 0 ? fd : low_power_entry(pci, fd);
}

static long feature(struct vfio_pci *pci, uintptr_t argument)
{
	uint32_t header[2]; /* argsz, flags */
	int rc = fetch(pci, header, argument, sizeof(header));
	uint32_t flags = header[1];

	if (rc)
		return rc;
	if (flags & ~(ABI_VFIO_DEVICE_FEATURE_MASK | FEATURE_OPS | ABI_VFIO_DEVICE_FEATURE_PROBE))
		return -UIOMMU_EINVAL;
	if (!(flags & ABI_VFIO_DEVICE_FEATURE_PROBE) && (flags & FEATURE_OPS) == FEATURE_OPS)
		return -UIOMMU_EINVAL;
	switch (flags & ABI_VFIO_DEVICE_FEATURE_MASK) {
	case ABI_VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY:
		rc = feature_check(header[0], flags, ABI_VFIO_DEVICE_FEATURE_SET, 0);
		return rc == 1 ? low_power_entry(pci, -1) : rc;
	case ABI_VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP:
		rc = feature_check(header[0], flags, ABI_VFIO_DEVICE_FEATURE_SET, 8);
		return rc == 1 ? low_power_wakeup(pci, argument) : rc;
	case ABI_VFIO_DEVICE_FEATURE_LOW_POWER_EXIT:
		rc = feature_check(header[0], flags, ABI_VFIO_DEVICE_FEATURE_SET, 0);
		if (rc == 1)
			low_power_exit(pci);
		return rc == 1 ? 0 : rc;
	case ABI_VFIO_DEVICE_FEATURE_DMA_BUF:
		return -UIOMMU_EOPNOTSUPP;
	case ABI_VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOV2:
		return -UIOMMU_EINVAL;
	default:
		/* No virtual functions, no migration, no log of its DMA. */
		return -UAPI_ENOTTY;
	}
}

/* ---- the driver -------------------------------------------------------------------------------- */

static long command(struct vfio_device *device, struct uiommu_uapi_process *caller,
		    uint32_t command, uintptr_t argument)
{
	struct vfio_pci *pci = to_pci(device);

	switch (command) {
	case ABI_VFIO_DEVICE_GET_INFO:
		return get_info(pci, argument);
	case ABI_VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(pci, argument);
	case ABI_VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(pci, argument);
	case ABI_VFIO_DEVICE_SET_IRQS:
		return uiommu_vfio_pci_set_irqs(pci, device->uapi, argument);
	case ABI_VFIO_DEVICE_RESET:
		return pci->can_reset ? uiommu_vfio_pci_reset(pci) : -UIOMMU_EINVAL;
	case ABI_VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
		return uiommu_vfio_pci_hot_reset_info(pci, argument);
	case ABI_VFIO_DEVICE_PCI_HOT_RESET:
		return uiommu_vfio_pci_hot_reset(pci, caller, argument);
	case ABI_VFIO_DEVICE_IOEVENTFD:
		return uiommu_vfio_pci_ioeventfd(pci, argument);
	case ABI_VFIO_DEVICE_FEATURE:
		return feature(pci, argument);
	default:
		return -UAPI_ENOTTY;
	}
}

static void set_master(struct vfio_pci *pci, bool on)
{
	uint32_t value = pci->io.config_read(pci->io.context, PCI_COMMAND, 2);

	value = on ? value | PCI_COMMAND_MASTER : value & ~(uint32_t)PCI_COMMAND_MASTER;
	pci->io.config_write(pci->io.context, PCI_COMMAND, 2, value);
}

static int open_device(struct vfio_device *device)
{
	struct vfio_pci *pci = to_pci(device);
	int rc;

	set_master(pci, false);
	rc = uiommu_vfio_pci_reset(pci);
	if (rc == -UIOMMU_EAGAIN)
		return rc;
	pci->can_reset = !rc;
	rc = uiommu_vfio_pci_config_start(pci);
	if (rc)
		return rc;
	uiommu_vfio_pci_irq_start(pci);
	return 0;
}

static void close_device(struct vfio_device *device)
{
	struct vfio_pci *pci = to_pci(device);

	low_power_exit(pci);
	uiommu_vfio_pci_irq_stop(pci);
	uiommu_vfio_pci_ioeventfd_stop(pci);
	set_master(pci, false);
	uiommu_vfio_pci_config_stop(pci);
	if (pci->can_reset)
		uiommu_vfio_pci_reset(pci);
}

static long command_wakes(struct vfio_device *device, struct uiommu_uapi_process *caller,
			  uint32_t number, uintptr_t argument)
{
	if (number != ABI_VFIO_DEVICE_FEATURE)
		wake(to_pci(device));
	return command(device, caller, number, argument);
}

static void request_device(struct vfio_device *device, unsigned int count)
{
	(void)count;
	uiommu_vfio_pci_signal_req(to_pci(device));
}

/*
 * The device's name; what may follow it behind spaces is a token of virtual functions, and no function that we drive has
 * such, so that whatever follows is wrong.
 */
static int match_device(struct vfio_device *device, const char *name)
{
	size_t length = strlen(device->name);

	if (strncmp(name, device->name, length) != 0 || (name[length] && name[length] != ' '))
		return 0;
	name += length;
	return name[strspn(name, " ")] ? -UIOMMU_EINVAL : 1;
}

const struct vfio_driver uiommu_vfio_pci_driver = {
	.name = "vfio-pci",
	.open = open_device,
	.close = close_device,
	.ioctl = command_wakes,
	.read = read_device,
	.write = write_device,
	.map = map_device,
	.match = match_device,
	.request = request_device,
	.pasid = true,
};

/* ---- binding ----------------------------------------------------------------------------------- */

int uiommu_vfio_pci_create(struct uiommu_uapi *uapi, struct uiommu_device *dev,
			   const struct uiommu_uapi_device_io *io, struct vfio_pci **out)
{
	struct vfio_pci *pci = uapi_alloc(uapi, sizeof(*pci));

	if (!pci)
		return -UIOMMU_ENOMEM;
	pci->device.driver = &uiommu_vfio_pci_driver;
	pci->device.uapi = uapi;
	pci->device.name = uiommu_device_name(dev);
	pci->device.dev = dev;
	pci->device.flags = uiommu_device_status(dev) == UIOMMU_STATUS_NO_IOMMU ? VFIO_NOIOMMU : 0;
	pci->io = *io;
	pci->wakeup = -1;
	pci->irqs.active = VFIO_PCI_NO_IRQ;
	pci->irqs.err = -1;
	pci->irqs.req = -1;
	pci->can_reset = io->reset;
	if (uiommu_port_mutex_init(uapi->host, &pci->config_lock))
		goto err_free;
	if (uiommu_port_mutex_init(uapi->host, &pci->irq_lock))
		goto err_lock;
	if (uiommu_port_mutex_init(uapi->host, &pci->ioeventfd_lock))
		goto err_irq;
	pci->command = io->config_read(io->context, PCI_COMMAND, 2);
	uiommu_vfio_pci_config_probe(pci);
	*out = pci;
	return 0;
err_irq:
	uiommu_port_mutex_destroy(uapi->host, &pci->irq_lock);
err_lock:
	uiommu_port_mutex_destroy(uapi->host, &pci->config_lock);
err_free:
	uapi_free(uapi, pci, sizeof(*pci));
	return -UIOMMU_ENOMEM;
}

void uiommu_vfio_pci_destroy(struct vfio_pci *pci)
{
	struct uiommu_uapi *uapi = pci->device.uapi;

	pci->io.config_write(pci->io.context, PCI_COMMAND, 2, pci->command);
	uiommu_port_mutex_destroy(uapi->host, &pci->ioeventfd_lock);
	uiommu_port_mutex_destroy(uapi->host, &pci->irq_lock);
	uiommu_port_mutex_destroy(uapi->host, &pci->config_lock);
	uapi_free(uapi, pci, sizeof(*pci));
}
