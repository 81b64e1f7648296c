/* SPDX-License-Identifier: MIT */
/*
 * vfio_pci_config.c - configuration space as a program sees it
 *
 * Two masks say for each bit whether it lives in the shadow or in the device, and whether it may be written; what
 * is forbidden is dropped.  Bytes in no capability that is shown are the device's own.  What a write
 * sets off besides comes after it, written().
 */
#include "src/uapi/vfio_pci.h"

#define MAX_STANDARD 48u
#define MAX_EXTENDED 960u
#define CAP_MAX 0x14u
#define EXT_CAP_MAX 0x31u

/* Standard capabilities without a name in spec/. */
enum {
	CAP_AGP = 0x02,
	CAP_VPD = 0x03,
	CAP_SLOT_ID = 0x04,
	CAP_HOTSWAP = 0x06,
	CAP_HT = 0x08,
	CAP_DEBUG = 0x0a,
	CAP_SECURE = 0x0f,
	CAP_SATA = 0x12,
	CAP_EA = 0x14,
};

enum {
	PM_CAPABILITIES = 2,
	PM_CONTROL = 4,
	PM_STATE = 3, /* D3hot */
	MSI_CONTROL = 2,
	MSI_ENABLE = 1,
	MSI_QUEUE_SHIFT = 4,
	MSI_64BIT = 0x80,
	MSI_MASKABLE = 0x100,
	DEVCTL2 = 0x28,
	DEVCTL_MPS_SHIFT = 5,
	DEVCTL_MRRS_SHIFT = 12,
};

static uint32_t hw_read(struct vfio_pci *pci, unsigned int offset, unsigned int size)
{
	return pci->io.config_read(pci->io.context, offset, size);
}

static void hw_write(struct vfio_pci *pci, unsigned int offset, unsigned int size, uint32_t value)
{
	pci->io.config_write(pci->io.context, offset, size, value);
}

static uint32_t get(const uint8_t *bytes, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, bytes + offset, size);
	return value;
}

static void put(uint8_t *bytes, unsigned int offset, unsigned int size, uint32_t value)
{
	memcpy(bytes + offset, &value, size);
}

/* ---- masks ------------------------------------------------------------------------------------- */

static void set_masks(struct vfio_pci *pci, unsigned int offset, unsigned int size,
		      uint32_t is_virtual, uint32_t writable)
{
	put(pci->is_virtual, offset, size, is_virtual);
	put(pci->writable, offset, size, writable);
}

static void make_read_only(struct vfio_pci *pci, unsigned int offset, unsigned int size)
{
	for (unsigned int i = offset; i < offset + size && i < pci->config_size; i++)
		pci->writable[i] = 0;
}

static void build_bars(struct vfio_pci *pci)
{
	bool upper = false;

	for (unsigned int bar = 0; bar < VFIO_PCI_NUM_BARS; bar++) {
		uint32_t flags = hw_read(pci, PCI_BAR(bar), 4);

		set_masks(pci, PCI_BAR(bar), 4, UINT32_MAX, UINT32_MAX);
		if (upper) {
			put(pci->shadow, PCI_BAR(bar), 4,
			    (uint32_t)(pci->io.bar_address[bar - 1] >> 32));
			upper = false;
			continue;
		}
		flags &= flags & PCI_BAR_IO ? 0x3u : 0xfu;
		if (!pci->io.bar_size[bar])
			flags = 0;
		put(pci->shadow, PCI_BAR(bar), 4, (uint32_t)pci->io.bar_address[bar] | flags);
		upper = !(flags & PCI_BAR_IO) && (flags & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;
	}
}

static void build_header(struct vfio_pci *pci)
{
	make_read_only(pci, 0, PCI_CAP_FIRST);
	for (unsigned int i = 0; i < PCI_CAP_FIRST; i += 4)
		put(pci->shadow, i, 4, hw_read(pci, i, 4));
	set_masks(pci, PCI_VENDOR_ID, 4, UINT32_MAX, 0);
	set_masks(pci, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE, 0xffff);
	set_masks(pci, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0);
	set_masks(pci, 0x0c, 2, 0, 0xffff); /* cache line size, latency timer */
	set_masks(pci, 0x0f, 1, 0, 0xff); /* BIST */
	build_bars(pci);
	set_masks(pci, 0x30, 4, UINT32_MAX, 0); /* a ROM that is not there */
	put(pci->shadow, 0x30, 4, 0);
	set_masks(pci, PCI_CAP_POINTER, 1, 0xff, 0);
	set_masks(pci, PCI_INTERRUPT_LINE, 1, 0xff, 0xff);
	set_masks(pci, PCI_INTERRUPT_PIN, 1, 0xff, 0);
	/* A pin without a line behind it is none. */
	if (!pci->io.set_intx)
		put(pci->shadow, PCI_INTERRUPT_PIN, 1, 0);
}

/* ---- standard capabilities --------------------------------------------------------------------- */

static bool is_hidden(unsigned int id)
{
	return !id || id > CAP_MAX || id == CAP_SLOT_ID || id == CAP_HOTSWAP ||
	       (id >= CAP_DEBUG && id <= CAP_SECURE) || id == CAP_EA;
}

static void build_msi(struct vfio_pci *pci, unsigned int at)
{
	uint32_t control = hw_read(pci, at + MSI_CONTROL, 2);
	unsigned int data = at + (control & MSI_64BIT ? 0xcu : 0x8u);

	make_read_only(pci, at, control & MSI_64BIT ? 14 : 10);
	put(pci->shadow, at + MSI_CONTROL, 1, control & 0xff & ~(uint32_t)(MSI_ENABLE | 0x70));
	set_masks(pci, at + MSI_CONTROL, 1, 0xff, 0x71);
	for (unsigned int i = at + 4; i < data; i += 4)
		set_masks(pci, i, 4, UINT32_MAX, UINT32_MAX);
	set_masks(pci, data, 2, 0xffff, 0xffff);
	if (control & MSI_MASKABLE) {
		set_masks(pci, data + 4, 4, 0, UINT32_MAX);
		make_read_only(pci, data + 8, 4);
	}
}

static void build_pcie(struct vfio_pci *pci, unsigned int at)
{
	uint32_t version = hw_read(pci, at + PCI_PCIE_CAPABILITIES, 2) & PCI_PCIE_VERSION;
	unsigned int control = at + PCI_PCIE_DEVICE_CONTROL;

	make_read_only(pci, at, version > 1 ? 0x3c : 0x14);
	/* Virtual: maximum payload, maximum read request, FLR. Not for programs: phantom functions. */
	put(pci->shadow, control, 2, hw_read(pci, control, 2) & 0x7fff);
	set_masks(pci, control, 2, 0xf0e0, 0xfdff);
	if (version > 1)
		set_masks(pci, at + DEVCTL2, 2, 0, 0xffdf); /* less ARI */
}

static void build_standard(struct vfio_pci *pci, unsigned int at, unsigned int id)
{
	switch (id) {
	case PCI_CAP_ID_PM:
		make_read_only(pci, at, 8);
		/* No PME: its support, enable and status. */
		set_masks(pci, at + PM_CAPABILITIES, 2, 0xf800, 0);
		set_masks(pci, at + PM_CONTROL, 2, 0x8100, 0x7eff);
		break;
	case CAP_VPD:
		make_read_only(pci, at, 2);
		break;
	case PCI_CAP_ID_MSI:
		build_msi(pci, at);
		break;
	case PCI_CAP_ID_MSIX:
		make_read_only(pci, at, 12);
		break;
	case PCI_CAP_ID_PCIX:
		make_read_only(pci, at, 8);
		set_masks(pci, at + 2, 2, 0, 0x000e); /* relaxed ordering, max read */
		break;
	case PCI_CAP_ID_VENDOR:
		make_read_only(pci, at, 2);
		break;
	case PCI_CAP_ID_PCIE:
		build_pcie(pci, at);
		break;
	case PCI_CAP_ID_AF:
		make_read_only(pci, at, 6);
		set_masks(pci, at + PCI_AF_CONTROL, 1, PCI_AF_INITIATE_FLR, PCI_AF_INITIATE_FLR);
		break;
	default: /* AGP, HyperTransport, SATA */
		make_read_only(pci, at, 8);
	}
}

static void build_capabilities(struct vfio_pci *pci)
{
	unsigned int link = PCI_CAP_POINTER, at = 0;
	bool any = false;

	if (hw_read(pci, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST)
		at = hw_read(pci, PCI_CAP_POINTER, 1) & 0xfcu;
	put(pci->shadow, link, 1, 0);
	for (unsigned int i = 0; i < MAX_STANDARD && at >= PCI_CAP_FIRST; i++) {
		unsigned int id = hw_read(pci, at + PCI_CAP_ID, 1);

		if (!is_hidden(id)) {
			build_standard(pci, at, id);
			put(pci->shadow, link, 1, at);
			link = at + PCI_CAP_NEXT;
			set_masks(pci, link, 1, 0xff, 0);
			put(pci->shadow, link, 1, 0);
			any = true;
		}
		at = hw_read(pci, at + PCI_CAP_NEXT, 1) & 0xfcu;
	}
	put(pci->shadow, PCI_STATUS, 2, any ? PCI_STATUS_CAP_LIST : 0);
}

/* ---- extended capabilities --------------------------------------------------------------------- */

static bool is_extended_hidden(unsigned int id)
{
	switch (id) {
	case 0x05: /* root complex link declaration, internal link control, event collector */
	case 0x06:
	case 0x07:
	case 0x0a: /* root complex register block */
	case 0x0c: /* configuration access correlation */
	case 0x11: /* multi-root I/O virtualisation */
	case 0x14: /* reserved for AMD */
	case 0x19: /* secondary PCI Express */
	case 0x1a: /* protocol multiplexing */
	case PCI_EXT_CAP_ID_PASID:
		return true;
	default:
		return !id || id > EXT_CAP_MAX;
	}
}

static unsigned int extended_size(struct vfio_pci *pci, unsigned int at, unsigned int id)
{
	switch (id) {
	case PCI_EXT_CAP_ID_AER:
		return 0x48;
	case 0x03: /* serial number */
		return 12;
	case PCI_EXT_CAP_ID_ACS:
	case PCI_EXT_CAP_ID_ARI:
	case PCI_EXT_CAP_ID_ATS:
	case 0x18: /* latency tolerance */
		return 8;
	case PCI_EXT_CAP_ID_SRIOV:
		return 0x40;
	case 0x12: /* multicast */
		return 0x30;
	case 0x15: /* resizable BARs: how many stands in the first control register */
		return 4 + 8 * (hw_read(pci, at + 8, 4) >> 5 & 7u);
	default:
		return 16;
	}
}

static void build_extended(struct vfio_pci *pci, unsigned int at, unsigned int id)
{
	/* Of vendors: the header stays. */
	if (id == 0x0b || id == 0x23)
		return;
	make_read_only(pci, at, extended_size(pci, at, id));
	if (id == PCI_EXT_CAP_ID_AER) {
		for (unsigned int i = 0x04; i <= 0x14; i += 4)
			set_masks(pci, at + i, 4, 0, UINT32_MAX);
		set_masks(pci, at + 0x18, 4, 0, 0x140); /* ECRC generation and check */
	} else if (id == 0x04) {
		set_masks(pci, at + 4, 1, 0, 0xff); /* power budgeting: the selector */
	}
}

static void link_extended(struct vfio_pci *pci, unsigned int from, unsigned int to)
{
	put(pci->shadow, from, 4,
	    (get(pci->shadow, from, 4) & 0x000fffffu) | to << PCI_EXT_CAP_NEXT_SHIFT);
}

static void build_extended_capabilities(struct vfio_pci *pci)
{
	unsigned int at = PCI_EXT_CAP_FIRST, last = PCI_EXT_CAP_FIRST;

	if (pci->config_size <= PCI_EXT_CAP_FIRST)
		return;
	for (unsigned int i = 0; i < MAX_EXTENDED && at >= PCI_EXT_CAP_FIRST; i++) {
		uint32_t header = hw_read(pci, at, 4);
		unsigned int id = header & PCI_EXT_CAP_ID_MASK;
		bool hidden = is_extended_hidden(id);

		/* The first header stands where it is, shown or not. */
		if (!hidden || at == PCI_EXT_CAP_FIRST) {
			set_masks(pci, at, 4, UINT32_MAX, 0);
			put(pci->shadow, at, 4, hidden ? 0 : header & 0x000fffffu);
		}
		if (!hidden) {
			build_extended(pci, at, id);
			if (at != PCI_EXT_CAP_FIRST)
				link_extended(pci, last, at);
			last = at;
		} else if (id == PCI_EXT_CAP_ID_PASID) {
			/* The library's. */
			make_read_only(pci, at, 8);
		}
		at = header >> PCI_EXT_CAP_NEXT_SHIFT & ~3u;
	}
}

/* ---- life -------------------------------------------------------------------------------------- */

static unsigned int find(struct vfio_pci *pci, unsigned int id)
{
	unsigned int at;

	if (!(hw_read(pci, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = hw_read(pci, PCI_CAP_POINTER, 1) & 0xfcu;
	for (unsigned int i = 0; i < MAX_STANDARD && at >= PCI_CAP_FIRST; i++) {
		if (hw_read(pci, at + PCI_CAP_ID, 1) == id)
			return at;
		at = hw_read(pci, at + PCI_CAP_NEXT, 1) & 0xfcu;
	}
	return 0;
}

void uiommu_vfio_pci_config_probe(struct vfio_pci *pci)
{
	uint32_t table;

	pci->pm = find(pci, PCI_CAP_ID_PM);
	pci->msi = find(pci, PCI_CAP_ID_MSI);
	pci->msix = find(pci, PCI_CAP_ID_MSIX);
	pci->pcie = find(pci, PCI_CAP_ID_PCIE);
	pci->af = find(pci, PCI_CAP_ID_AF);
	pci->config_size = PCI_CONFIG_SIZE_CONVENTIONAL;
	if (pci->pcie && hw_read(pci, PCI_EXT_CAP_FIRST, 4) != UINT32_MAX)
		pci->config_size = PCI_CONFIG_SIZE;
	if (!pci->msix)
		return;
	table = hw_read(pci, pci->msix + PCI_MSIX_TABLE, 4);
	pci->msix_bar = table & PCI_MSIX_BAR;
	pci->msix_start = table & ~(uint32_t)PCI_MSIX_BAR;
	pci->msix_end = pci->msix_start + (uint64_t)PCI_MSIX_ENTRY_SIZE *
						  uiommu_vfio_pci_irq_count(pci, VFIO_PCI_MSIX);
}

int uiommu_vfio_pci_config_start(struct vfio_pci *pci)
{
	uint8_t *all = uapi_alloc(pci->device.uapi, (size_t)3 * PCI_CONFIG_SIZE);

	if (!all)
		return -UIOMMU_ENOMEM;
	pci->shadow = all;
	pci->is_virtual = all + PCI_CONFIG_SIZE;
	pci->writable = all + 2 * PCI_CONFIG_SIZE;
	memset(pci->writable, 0xff, PCI_CONFIG_SIZE);
	pci->msi_queue = 0;
	for (unsigned int bar = 0; bar < VFIO_PCI_NUM_BARS; bar++)
		pci->bars[bar] = hw_read(pci, PCI_BAR(bar), 4);
	build_header(pci);
	build_capabilities(pci);
	build_extended_capabilities(pci);
	return 0;
}

void uiommu_vfio_pci_config_stop(struct vfio_pci *pci)
{
	uapi_free(pci->device.uapi, pci->shadow, (size_t)3 * PCI_CONFIG_SIZE);
	pci->shadow = NULL;
}

/* ---- accesses ---------------------------------------------------------------------------------- */

static uint32_t read_piece(struct vfio_pci *pci, unsigned int offset, unsigned int size)
{
	uint32_t is_virtual = get(pci->is_virtual, offset, size);
	uint32_t all = size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1;
	uint32_t value = get(pci->shadow, offset, size) & is_virtual;

	if (is_virtual != all)
		value |= hw_read(pci, offset, size) & ~is_virtual;
	return value;
}

/* Bytes that may not be written are not even written back: reading and writing one may clear it. */
static void write_hw(struct vfio_pci *pci, unsigned int offset, unsigned int size, uint32_t value)
{
	uint32_t mask = get(pci->writable, offset, size) & ~get(pci->is_virtual, offset, size);
	uint32_t all = size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1;
	unsigned int half = size / 2;

	if (!mask)
		return;
	if (half && (!(mask >> 8 * half) || !(mask & ((UINT32_C(1) << 8 * half) - 1)))) {
		write_hw(pci, offset, half, value);
		write_hw(pci, offset + half, half, value >> 8 * half);
		return;
	}
	if (mask != all)
		value = (value & mask) | (hw_read(pci, offset, size) & ~mask);
	hw_write(pci, offset, size, value);
}

static bool touches(unsigned int offset, unsigned int size, unsigned int at, unsigned int length)
{
	return offset < at + length && at < offset + size;
}

/* A BAR keeps the address bits above its size. */
static void bar_written(struct vfio_pci *pci, unsigned int bar)
{
	uint32_t value = get(pci->shadow, PCI_BAR(bar), 4), flags = pci->bars[bar];
	uint64_t size = pci->io.bar_size[bar];
	bool wide = bar && pci->io.bar_size[bar - 1] && !(pci->bars[bar - 1] & PCI_BAR_IO) &&
		    (pci->bars[bar - 1] & PCI_BAR_TYPE) == PCI_BAR_TYPE_64;

	if (wide)
		value &= (uint32_t)(~(pci->io.bar_size[bar - 1] - 1) >> 32);
	else if (!size)
		value = 0;
	else
		value = (value & (uint32_t) ~(size - 1)) |
			(flags & (flags & PCI_BAR_IO ? 3u : 15u));
	put(pci->shadow, PCI_BAR(bar), 4, value);
}

static void command_written(struct vfio_pci *pci)
{
	uint32_t command = hw_read(pci, PCI_COMMAND, 2);

	/* Somebody reset it behind our back: it has forgotten where its memory is. */
	if (command & (PCI_COMMAND_MEMORY | PCI_COMMAND_IO)) {
		for (unsigned int bar = 0; bar < VFIO_PCI_NUM_BARS; bar++) {
			if (hw_read(pci, PCI_BAR(bar), 4) != pci->bars[bar])
				hw_write(pci, PCI_BAR(bar), 4, pci->bars[bar]);
		}
	}
	uiommu_vfio_pci_intx_disable(pci,
				     get(pci->shadow, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
}

static void msi_written(struct vfio_pci *pci)
{
	unsigned int at = pci->msi + MSI_CONTROL;
	uint32_t control = get(pci->shadow, at, 1);
	unsigned int queue = control >> MSI_QUEUE_SHIFT & 7u;

	if (!uiommu_vfio_pci_irq_active(pci, VFIO_PCI_MSI))
		control &= ~(uint32_t)MSI_ENABLE;
	if (queue > pci->msi_queue)
		queue = pci->msi_queue;
	put(pci->shadow, at, 1, (control & ~(uint32_t)0x70) | queue << MSI_QUEUE_SHIFT);
}

/* Whether the function shall be reset now. */
static bool devctl_written(struct vfio_pci *pci)
{
	unsigned int at = pci->pcie + PCI_PCIE_DEVICE_CONTROL;
	uint32_t control = get(pci->shadow, at, 2), hw = hw_read(pci, at, 2);
	uint32_t request = control >> DEVCTL_MRRS_SHIFT & 7u, payload = hw >> DEVCTL_MPS_SHIFT & 7u;

	if (request < payload)
		request = payload;
	if (request != (hw >> DEVCTL_MRRS_SHIFT & 7u))
		hw_write(pci, at, 2,
			 (hw & ~(uint32_t)(7u << DEVCTL_MRRS_SHIFT)) |
				 request << DEVCTL_MRRS_SHIFT);
	put(pci->shadow, at, 2, control & ~(uint32_t)PCI_PCIE_DEVICE_CONTROL_FLR);
	return control & PCI_PCIE_DEVICE_CONTROL_FLR &&
	       hw_read(pci, pci->pcie + PCI_PCIE_DEVICE_CAPABILITIES, 4) & PCI_PCIE_DEVICE_FLR;
}

static bool af_written(struct vfio_pci *pci)
{
	unsigned int at = pci->af + PCI_AF_CONTROL;
	uint32_t control = get(pci->shadow, at, 1);

	put(pci->shadow, at, 1, 0);
	return control & PCI_AF_INITIATE_FLR &&
	       hw_read(pci, pci->af + PCI_AF_CAPABILITIES, 1) & PCI_AF_FLR;
}

static bool written(struct vfio_pci *pci, unsigned int offset, unsigned int size)
{
	for (unsigned int bar = 0; bar < VFIO_PCI_NUM_BARS; bar++) {
		if (touches(offset, size, PCI_BAR(bar), 4))
			bar_written(pci, bar);
	}
	if (touches(offset, size, PCI_COMMAND, 2))
		command_written(pci);
	if (pci->msi && touches(offset, size, pci->msi + MSI_CONTROL, 1))
		msi_written(pci);
	if (pci->pcie && touches(offset, size, pci->pcie + PCI_PCIE_DEVICE_CONTROL, 2))
		return devctl_written(pci);
	return pci->af && touches(offset, size, pci->af + PCI_AF_CONTROL, 1) && af_written(pci);
}

/* Whether the function shall be reset now. */
static bool write_piece(struct vfio_pci *pci, unsigned int offset, unsigned int size,
			uint32_t value)
{
	uint32_t mask = get(pci->writable, offset, size) & get(pci->is_virtual, offset, size);

	put(pci->shadow, offset, size, (value & mask) | (get(pci->shadow, offset, size) & ~mask));
	write_hw(pci, offset, size, value);
	return written(pci, offset, size);
}

/* The aligned piece that comes next; 0: it reaches past the end. */
static unsigned int next_piece(const struct vfio_pci *pci, uint64_t offset, size_t left)
{
	unsigned int size = 4;

	while (size > left || offset % size)
		size /= 2;
	return offset < pci->config_size && size <= pci->config_size - offset ? size : 0;
}

long uiommu_vfio_pci_config_read(struct vfio_pci *pci, uint8_t *buffer, size_t size,
				 uint64_t offset)
{
	struct uiommu_uapi *uapi = pci->device.uapi;
	size_t done = 0;

	uapi_lock(uapi, &pci->config_lock);
	while (done < size) {
		unsigned int step = next_piece(pci, offset + done, size - done);

		if (!step)
			break;
		put(buffer, (unsigned int)done, step,
		    read_piece(pci, (unsigned int)(offset + done), step));
		done += step;
	}
	uapi_unlock(uapi, &pci->config_lock);
	return done < size ? -UIOMMU_EFAULT : (long)size;
}

long uiommu_vfio_pci_config_write(struct vfio_pci *pci, const uint8_t *buffer, size_t size,
				  uint64_t offset)
{
	struct uiommu_uapi *uapi = pci->device.uapi;

	for (size_t done = 0; done < size;) {
		unsigned int step = next_piece(pci, offset + done, size - done);
		bool reset;

		if (!step)
			return -UIOMMU_EFAULT;
		uapi_lock(uapi, &pci->config_lock);
		reset = write_piece(pci, (unsigned int)(offset + done), step,
				    get(buffer, (unsigned int)done, step));
		uapi_unlock(uapi, &pci->config_lock);
		if (reset)
			uiommu_vfio_pci_reset(pci);
		done += step;
	}
	return (long)size;
}

/* ---- questions of the other files -------------------------------------------------------------- */

bool uiommu_vfio_pci_memory_enabled(struct vfio_pci *pci)
{
	if (pci->pm && (hw_read(pci, pci->pm + PM_CONTROL, 2) & PM_STATE) == PM_STATE)
		return false;
	return hw_read(pci, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

bool uiommu_vfio_pci_config_intx_disabled(struct vfio_pci *pci)
{
	return get(pci->shadow, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE;
}

void uiommu_vfio_pci_config_msi(struct vfio_pci *pci, unsigned int vectors)
{
	struct uiommu_uapi *uapi = pci->device.uapi;

	if (!pci->msi)
		return;
	uapi_lock(uapi, &pci->config_lock);
	pci->msi_queue = 0;
	while (1u << pci->msi_queue < vectors)
		pci->msi_queue++;
	msi_written(pci);
	uapi_unlock(uapi, &pci->config_lock);
}
