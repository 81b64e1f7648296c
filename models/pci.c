/* SPDX-License-Identifier: MIT */
/* pci.c - the bus: functions, configuration space, who is reached by an address, and DMA */
#include <string.h>

#include <uiommu/port.h>

#include "models/pci.h"
#include "spec/pci.h"

#define PAGE UINT64_C(4096)
#define MAX_SEGMENTS 16u
#define MSI_RANGE_FIRST UINT64_C(0xfee00000)
#define MSI_RANGE_LAST UINT64_C(0xfeefffff)

/* Offsets of the capabilities in every function that has them. */
#define CAP_PCIE 0x40u
#define CAP_MSI 0x80u
#define CAP_OTHERS \
	0x98u /* from here on those of the device, or from PCI_CAP_FIRST if it has no others */
#define EXT_CAP_SIZE 0x20u /* room for each extended capability */

#define MSI_CONTROL 0x02u /* PCI 3.0, 6.8.1 */
#define MSI_ENABLE 1u
#define MSI_64BIT (1u << 7)
#define MSI_ADDRESS_LOW 0x04u
#define MSI_ADDRESS_HIGH 0x08u
#define MSI_DATA 0x0cu

struct model_pci_function {
	struct model_pci *pci;
	struct model_pci_config config;
	struct model_pci_function *next;
	const struct model_pci_iommu *iommu;
	bool atc_registered;
	uint16_t atc_source_id;
	const struct model_pci_iommu *atc_iommu;
	unsigned int ats, pasid; /* where these capabilities are; 0: nowhere */
	uint8_t space[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE];
};

struct model_pci {
	void *host;
	struct model_memory *memory;
	model_report_fn report;
	model_msi_fn msi;
	void *context;
	struct uiommu_mutex lock;
	struct model_pci_function *first, **end;
	const struct model_pci_iommu *segment_iommu[MAX_SEGMENTS];
};

/* ---- configuration space ----------------------------------------------------------------------- */

static uint32_t get(const uint8_t *bytes, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)bytes[offset + i] << 8 * i;
	return value;
}

static void put(uint8_t *bytes, unsigned int offset, unsigned int size, uint32_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

static void fill_header(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	uint8_t *s = fn->space, *w = fn->writable;

	put(s, PCI_VENDOR_ID, 2, c->vendor_id);
	put(s, PCI_DEVICE_ID, 2, c->device_id);
	put(w, PCI_COMMAND, 2,
	    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	put(s, PCI_REVISION, 1, c->revision);
	put(s, PCI_CLASS_PROG, 1, c->class_code & 0xff);
	put(s, PCI_CLASS_DEVICE, 2, c->class_code >> 8);
	put(s, PCI_HEADER_TYPE, 1,
	    (c->bridge ? PCI_HEADER_TYPE_BRIDGE : PCI_HEADER_TYPE_NORMAL) |
		    (c->multifunction ? PCI_HEADER_TYPE_MULTIFUNCTION : 0));
	put(w, PCI_INTERRUPT_LINE, 1, 0xff);
	put(s, PCI_INTERRUPT_PIN, 1, c->interrupt_pin);
	for (unsigned int i = 0; i < (c->bridge ? 2u : 6u); i++)
		if (c->bar_size[i])
			put(w, PCI_BAR(i), 4, ~(c->bar_size[i] - 1) & PCI_BAR_MEMORY_MASK);
	if (c->bridge) {
		put(w, PCI_PRIMARY_BUS, 4, 0x00ffffffu);
		put(w, PCI_MEMORY_BASE, 4, 0xfff0fff0u);
		put(w, PCI_BRIDGE_CONTROL, 2, 0xffff);
		/* No prefetchable and no I/O window: their registers read as zero. */
	} else {
		put(s, PCI_SUBSYSTEM_VENDOR_ID, 2, c->subsystem_vendor_id);
		put(s, PCI_SUBSYSTEM_ID, 2, c->subsystem_id);
	}
}

static void fill_capabilities(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	uint8_t *s = fn->space, *w = fn->writable;
	unsigned int link = PCI_CAP_POINTER;

	if (c->pcie || c->msi)
		put(s, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	if (c->pcie) {
		put(s, link, 1, CAP_PCIE);
		link = CAP_PCIE + PCI_CAP_NEXT;
		put(s, CAP_PCIE, 1, PCI_CAP_ID_PCIE);
		put(s, CAP_PCIE + PCI_PCIE_CAPABILITIES, 2,
		    2u | c->pcie_type << PCI_PCIE_TYPE_SHIFT);
		put(w, CAP_PCIE + PCI_PCIE_DEVICE_CONTROL, 2, 0x7fff);
		put(s, CAP_PCIE + PCI_PCIE_DEVICE_CONTROL, 2, PCI_PCIE_DEVICE_NO_SNOOP);
	}
	if (c->msi) {
		put(s, link, 1, CAP_MSI);
		put(s, CAP_MSI, 1, PCI_CAP_ID_MSI);
		put(s, CAP_MSI + MSI_CONTROL, 2, MSI_64BIT);
		put(w, CAP_MSI + MSI_CONTROL, 2, MSI_ENABLE);
		put(w, CAP_MSI + MSI_ADDRESS_LOW, 4, 0xfffffffcu);
		put(w, CAP_MSI + MSI_ADDRESS_HIGH, 4, 0xffffffffu);
		put(w, CAP_MSI + MSI_DATA, 2, 0xffff);
	}
}

/* The device's own, behind the others. False: there is no room. */
static bool fill_others(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	unsigned int at = c->pcie || c->msi ? CAP_OTHERS : PCI_CAP_FIRST;
	unsigned int link = c->msi  ? CAP_MSI + PCI_CAP_NEXT :
			    c->pcie ? CAP_PCIE + PCI_CAP_NEXT :
				      PCI_CAP_POINTER;

	for (unsigned int i = 0; i < c->num_capabilities; i++) {
		const struct model_pci_capability *cap = &c->capabilities[i];

		if (at + cap->size > PCI_CONFIG_SIZE_CONVENTIONAL)
			return false;
		put(fn->space, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
		put(fn->space, link, 1, at);
		memcpy(fn->space + at, cap->bytes, cap->size);
		if (cap->writable)
			memcpy(fn->writable + at, cap->writable, cap->size);
		link = at + PCI_CAP_NEXT;
		put(fn->space, link, 1, 0);
		at += (cap->size + 3u) & ~3u;
	}
	return true;
}

/* The next extended capability, linked to the one before it. */
static unsigned int extended(struct model_pci_function *fn, unsigned int *next, uint32_t id)
{
	unsigned int at = *next;

	if (at != PCI_EXT_CAP_FIRST)
		put(fn->space, at - EXT_CAP_SIZE, 4,
		    get(fn->space, at - EXT_CAP_SIZE, 4) | at << PCI_EXT_CAP_NEXT_SHIFT);
	put(fn->space, at, 4, id | 1u << 16);
	*next = at + EXT_CAP_SIZE;
	return at;
}

static void fill_extended(struct model_pci_function *fn)
{
	const struct model_pci_config *c = &fn->config;
	uint8_t *s = fn->space, *w = fn->writable;
	unsigned int next = PCI_EXT_CAP_FIRST, at;

	if (!c->pcie)
		return;
	if (c->acs) {
		at = extended(fn, &next, PCI_EXT_CAP_ID_ACS);
		put(s, at + PCI_ACS_CAPABILITY, 2, c->acs_capability);
		put(w, at + PCI_ACS_CONTROL, 2, c->acs_capability);
	}
	if (c->ats) {
		at = extended(fn, &next, PCI_EXT_CAP_ID_ATS);
		put(s, at + PCI_ATS_CAPABILITY, 2,
		    PCI_ATS_PAGE_ALIGNED | PCI_ATS_GLOBAL_INVALIDATE);
		put(w, at + PCI_ATS_CONTROL, 2, PCI_ATS_STU | PCI_ATS_ENABLE);
		fn->ats = at;
	}
	if (c->pri) {
		at = extended(fn, &next, PCI_EXT_CAP_ID_PRI);
		put(w, at + PCI_PRI_CONTROL, 2, PCI_PRI_ENABLE);
		put(s, at + PCI_PRI_STATUS, 2, PCI_PRI_STATUS_STOPPED);
		put(s, at + PCI_PRI_CAPACITY, 4, 32);
		put(w, at + PCI_PRI_ALLOCATION, 4, 0xffffffffu);
	}
	if (c->pasid_bits) {
		uint32_t modes = (c->pasid_execute ? PCI_PASID_EXECUTE : 0) |
				 (c->pasid_privileged ? PCI_PASID_PRIVILEGED : 0);

		at = extended(fn, &next, PCI_EXT_CAP_ID_PASID);
		put(s, at + PCI_PASID_CAPABILITY, 2,
		    modes | (uint32_t)c->pasid_bits << PCI_PASID_WIDTH_SHIFT);
		/* The bits of the modes stand at the same places in both registers. */
		put(w, at + PCI_PASID_CONTROL, 2, PCI_PASID_ENABLE | modes);
		fn->pasid = at;
	}
}

static uint8_t secondary(const struct model_pci_function *bridge)
{
	return bridge->space[PCI_SECONDARY_BUS];
}

static bool routes(const struct model_pci_function *bridge, uint8_t bus)
{
	return secondary(bridge) && secondary(bridge) <= bus &&
	       bus <= bridge->space[PCI_SUBORDINATE_BUS];
}

/* The bus on which the function is now; 0 below a bridge that has no number yet. */
static uint8_t bus_of(const struct model_pci_function *fn)
{
	return fn->config.parent ? secondary(fn->config.parent) : fn->config.root_bus;
}

static bool reachable(const struct model_pci_function *fn, uint8_t bus)
{
	const struct model_pci_function *up = fn->config.parent;

	if (bus_of(fn) != bus || (up && !secondary(up)))
		return false;
	for (; up; up = up->config.parent)
		if (!routes(up, bus))
			return false;
	return true;
}

static struct model_pci_function *find(struct model_pci *pci, uint16_t segment, uint8_t bus,
				       uint8_t devfn)
{
	for (struct model_pci_function *fn = pci->first; fn; fn = fn->next)
		if (fn->config.segment == segment && fn->config.devfn == devfn &&
		    reachable(fn, bus))
			return fn;
	return NULL;
}

/* ---- ATS: the device's TLB is known to the IOMMU while the capability is enabled --------------- */

static const struct model_pci_iommu *iommu_of(const struct model_pci_function *fn)
{
	if (fn->config.untranslated)
		return NULL;
	for (const struct model_pci_function *up = fn; up; up = up->config.parent)
		if (up->iommu)
			return up->iommu;
	return fn->config.segment < MAX_SEGMENTS ? fn->pci->segment_iommu[fn->config.segment] :
						   NULL;
}

/* The source ID of requests: that of the highest bridge which takes ownership, or its own. */
static uint16_t source_id(const struct model_pci_function *fn)
{
	uint16_t id = (uint16_t)(bus_of(fn) << 8 | fn->config.devfn);

	for (const struct model_pci_function *up = fn->config.parent; up; up = up->config.parent) {
		const struct model_pci_config *c = &up->config;

		if (c->pcie && c->pcie_type == PCI_PCIE_TO_PCI_BRIDGE)
			id = (uint16_t)(secondary(up) << 8);
		else if (!c->pcie)
			id = (uint16_t)(bus_of(up) << 8 | c->devfn);
	}
	return id;
}

static void update_ats(struct model_pci_function *fn)
{
	const struct model_pci_device_ops *ops = fn->config.ops;
	bool enabled = get(fn->space, fn->ats + PCI_ATS_CONTROL, 2) & PCI_ATS_ENABLE;

	if (!ops || !ops->atc_invalidate || enabled == fn->atc_registered)
		return;
	if (enabled) {
		struct model_atc atc = { .context = fn->config.device,
					 .invalidate = ops->atc_invalidate };

		fn->atc_iommu = iommu_of(fn);
		fn->atc_source_id = source_id(fn);
		if (!fn->atc_iommu || !fn->atc_iommu->set_atc ||
		    fn->atc_iommu->set_atc(fn->atc_iommu->context, fn->atc_source_id, &atc))
			return;
	} else {
		if (ops->atc_reset)
			ops->atc_reset(fn->config.device);
		fn->atc_iommu->set_atc(fn->atc_iommu->context, fn->atc_source_id, NULL);
	}
	fn->atc_registered = enabled;
}

/* ---- access by software ------------------------------------------------------------------------ */

uint32_t model_pci_config_read(struct model_pci *pci, uint16_t segment, uint8_t bus, uint8_t devfn,
			       unsigned int offset, unsigned int size)
{
	struct model_pci_function *fn;
	uint32_t value = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;

	if (offset + size > PCI_CONFIG_SIZE || offset % size)
		return value;
	model_pci_lock(pci);
	fn = find(pci, segment, bus, devfn);
	if (fn) {
		if (fn->config.ops && fn->config.ops->config_read)
			fn->config.ops->config_read(fn->config.device, offset, size);
		value = get(fn->space, offset, size);
	}
	model_pci_unlock(pci);
	return value;
}

void model_pci_config_write(struct model_pci *pci, uint16_t segment, uint8_t bus, uint8_t devfn,
			    unsigned int offset, unsigned int size, uint32_t value)
{
	struct model_pci_function *fn;

	if (offset + size > PCI_CONFIG_SIZE || offset % size)
		return;
	model_pci_lock(pci);
	fn = find(pci, segment, bus, devfn);
	if (fn) {
		uint32_t mask = get(fn->writable, offset, size);
		unsigned int stu = fn->ats + PCI_ATS_CONTROL;

		/* The smallest translation unit is fixed while ATS is enabled (10.5.1.3). */
		if (fn->atc_registered && offset <= stu && offset + size > stu)
			mask &= ~(PCI_ATS_STU << 8 * (stu - offset));
		put(fn->space, offset, size,
		    (get(fn->space, offset, size) & ~mask) | (value & mask));
		if (fn->ats)
			update_ats(fn);
		if (fn->config.ops && fn->config.ops->config_written)
			fn->config.ops->config_written(fn->config.device, offset, size);
	}
	model_pci_unlock(pci);
}

/* Do all bridges above @fn forward this address? */
static bool window_open(const struct model_pci_function *fn, uint64_t address)
{
	for (const struct model_pci_function *up = fn->config.parent; up; up = up->config.parent) {
		uint64_t base = (uint64_t)(get(up->space, PCI_MEMORY_BASE, 2) & 0xfff0u) << 16;
		uint64_t limit = (uint64_t)(get(up->space, PCI_MEMORY_LIMIT, 2) & 0xfff0u) << 16 |
				 0xfffffu;

		if (!(up->space[PCI_COMMAND] & PCI_COMMAND_MEMORY) || address < base ||
		    address > limit)
			return false;
	}
	return true;
}

static struct model_pci_function *find_bar(struct model_pci *pci, uint64_t address,
					   unsigned int size, unsigned int *bar, uint64_t *offset)
{
	for (struct model_pci_function *fn = pci->first; fn; fn = fn->next) {
		if (!(fn->space[PCI_COMMAND] & PCI_COMMAND_MEMORY))
			continue;
		for (unsigned int i = 0; i < 6; i++) {
			uint64_t base = get(fn->space, PCI_BAR(i), 4) & PCI_BAR_MEMORY_MASK;
			uint64_t length = fn->config.bar_size[i];

			if (!length || address < base || address - base > length - size ||
			    !window_open(fn, address))
				continue;
			*bar = i;
			*offset = address - base;
			return fn;
		}
	}
	return NULL;
}

uint64_t model_pci_mmio_read(struct model_pci *pci, uint64_t address, unsigned int size)
{
	struct model_pci_function *fn;
	unsigned int bar;
	uint64_t offset;

	model_pci_lock(pci);
	fn = find_bar(pci, address, size, &bar, &offset);
	model_pci_unlock(pci);
	if (!fn || !fn->config.ops || !fn->config.ops->mmio_read)
		return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
	return fn->config.ops->mmio_read(fn->config.device, bar, offset, size);
}

void model_pci_mmio_write(struct model_pci *pci, uint64_t address, unsigned int size,
			  uint64_t value)
{
	struct model_pci_function *fn;
	unsigned int bar;
	uint64_t offset;

	model_pci_lock(pci);
	fn = find_bar(pci, address, size, &bar, &offset);
	model_pci_unlock(pci);
	if (fn && fn->config.ops && fn->config.ops->mmio_write)
		fn->config.ops->mmio_write(fn->config.device, bar, offset, size, value);
}

/* ---- DMA --------------------------------------------------------------------------------------- */

bool model_pci_may_master(const struct model_pci_function *fn)
{
	for (; fn; fn = fn->config.parent)
		if (!(fn->space[PCI_COMMAND] & PCI_COMMAND_MASTER))
			return false;
	return true;
}

static void append(char *text, size_t size, const char *more)
{
	size_t at = strlen(text);

	while (*more && at + 1 < size)
		text[at++] = *more++;
	text[at] = '\0';
}

static void append_hex(char *text, size_t size, uint64_t value)
{
	char digits[19] = "0x";
	int shift = 60;
	unsigned int n = 2;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		digits[n++] = "0123456789abcdef"[value >> shift & 15];
	digits[n] = '\0';
	append(text, size, digits);
}

static void report_wild(struct model_pci_function *fn, const struct model_request *request,
			uint64_t phys)
{
	struct model_report report = {
		.kind = MODEL_REPORT_WILD,
		.model = "pci",
		.section = "",
		.source_id = request->source_id,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.iova = request->iova,
		.phys_used = phys,
		.phys_now = UINT64_MAX,
	};

	if (!fn->pci->report)
		return;
	append(report.text, sizeof(report.text), "DMA of source ID ");
	append_hex(report.text, sizeof(report.text), request->source_id);
	append(report.text, sizeof(report.text), " at IOVA ");
	append_hex(report.text, sizeof(report.text), request->iova);
	append(report.text, sizeof(report.text), " reached physical address ");
	append_hex(report.text, sizeof(report.text), phys);
	append(report.text, sizeof(report.text), ", which is no buffer of any device");
	fn->pci->report(fn->pci->context, &report);
}

/* @address: the request's own, or where an IOMMU that translates messages sent it. */
static enum model_status message(struct model_pci_function *fn, const struct model_request *request,
				 uint64_t address, const void *data)
{
	/* An interrupt message is a write of four bytes to a multiple of four. */
	if (request->access & MODEL_READ || request->size != 4 || address % 4)
		return MODEL_FAULT;
	if (fn->pci->msi)
		fn->pci->msi(fn->pci->context, address, get(data, 0, 4));
	return MODEL_OK;
}

enum model_status model_pci_untranslated(const struct model_request *request,
					 struct model_translation *out)
{
	if (request->type == MODEL_ATS_TRANSLATION)
		return MODEL_FAULT;
	if (request->iova >= MSI_RANGE_FIRST && request->iova <= MSI_RANGE_LAST)
		return MODEL_INTERRUPT;
	*out = (struct model_translation){ .phys = request->iova,
					   .size = PAGE,
					   .access = MODEL_READ | MODEL_WRITE,
					   .snoop = true };
	return MODEL_OK;
}

static enum model_status translate(struct model_pci_function *fn, struct model_request *request,
				   struct model_translation *out)
{
	const struct model_pci_iommu *above = iommu_of(fn);

	if (!model_pci_may_master(fn))
		return MODEL_FAULT;
	request->segment = fn->config.segment;
	request->source_id = source_id(fn);
	if (above)
		return above->iommu->translate(above->iommu->context, request, out);
	return model_pci_untranslated(request, out);
}

/* One request that crosses no page. */
static enum model_status request_once(struct model_pci_function *fn, struct model_request *request,
				      void *data)
{
	struct model_translation to = { .phys = request->iova };
	enum model_status status = translate(fn, request, &to);
	bool done;

	if (status == MODEL_INTERRUPT)
		return message(fn, request, to.phys, data);
	if (status != MODEL_OK)
		return status;
	if (request->access & MODEL_WRITE)
		done = model_memory_write(fn->pci->memory, to.phys, data, request->size);
	else
		done = model_memory_read(fn->pci->memory, to.phys, data, request->size);
	if (!done) {
		report_wild(fn, request, to.phys);
		return MODEL_FAULT;
	}
	return MODEL_OK;
}

enum model_status model_pci_dma_locked(struct model_pci_function *fn,
				       const struct model_pci_dma *dma, void *data)
{
	uint64_t done = 0;

	while (done < dma->size) {
		uint64_t at = dma->address + done;
		uint64_t piece = PAGE - at % PAGE;
		struct model_request request = {
			.type = dma->type,
			.has_pasid = dma->has_pasid,
			.pasid = dma->pasid,
			.iova = at,
			.access = dma->access,
		};
		enum model_status status;

		request.size = piece < dma->size - done ? piece : dma->size - done;
		status = request_once(fn, &request, (uint8_t *)data + done);
		if (status != MODEL_OK)
			return status;
		done += request.size;
	}
	return MODEL_OK;
}

enum model_status model_pci_dma(struct model_pci_function *fn, const struct model_pci_dma *dma,
				void *data)
{
	enum model_status status;

	model_pci_lock(fn->pci);
	status = model_pci_dma_locked(fn, dma, data);
	model_pci_unlock(fn->pci);
	return status;
}

enum model_status model_pci_translate_locked(struct model_pci_function *fn,
					     const struct model_pci_dma *dma,
					     struct model_translation *out)
{
	struct model_request request = {
		.type = MODEL_ATS_TRANSLATION,
		.has_pasid = dma->has_pasid,
		.pasid = dma->pasid,
		.iova = dma->address & ~(PAGE - 1),
		.size = PAGE,
		.access = dma->access,
	};

	return translate(fn, &request, out);
}

void model_pci_raise_msi(struct model_pci_function *fn)
{
	struct model_pci_dma dma = { .type = MODEL_UNTRANSLATED, .size = 4, .access = MODEL_WRITE };
	uint8_t data[4] = { 0 };

	model_pci_lock(fn->pci);
	if (fn->config.msi && get(fn->space, CAP_MSI + MSI_CONTROL, 2) & MSI_ENABLE) {
		dma.address = get(fn->space, CAP_MSI + MSI_ADDRESS_LOW, 4) |
			      (uint64_t)get(fn->space, CAP_MSI + MSI_ADDRESS_HIGH, 4) << 32;
		put(data, 0, 4, get(fn->space, CAP_MSI + MSI_DATA, 2));
		model_pci_dma_locked(fn, &dma, data);
	}
	model_pci_unlock(fn->pci);
}

/* ---- for devices and the machine --------------------------------------------------------------- */

void *model_pci_host(struct model_pci_function *fn)
{
	return fn->pci->host;
}

uint8_t *model_pci_space(struct model_pci_function *fn)
{
	return fn->space;
}

bool model_pci_behind(struct model_pci *pci, const struct model_pci_iommu *iommu, uint16_t segment,
		      uint16_t id)
{
	for (const struct model_pci_function *fn = pci->first; fn; fn = fn->next)
		if (fn->config.segment == segment && iommu_of(fn) == iommu &&
		    reachable(fn, bus_of(fn)) &&
		    (source_id(fn) == id || (bus_of(fn) << 8 | fn->config.devfn) == id))
			return true;
	return false;
}

uint16_t model_pci_ats_control(const struct model_pci_function *fn)
{
	return fn->ats ? (uint16_t)get(fn->space, fn->ats + PCI_ATS_CONTROL, 2) : 0;
}

uint16_t model_pci_pasid_control(const struct model_pci_function *fn)
{
	return fn->pasid ? (uint16_t)get(fn->space, fn->pasid + PCI_PASID_CONTROL, 2) : 0;
}

void model_pci_lock(struct model_pci *pci)
{
	uiommu_port_mutex_lock(pci->host, &pci->lock);
}

void model_pci_unlock(struct model_pci *pci)
{
	uiommu_port_mutex_unlock(pci->host, &pci->lock);
}

void model_pci_bus_lock(struct model_pci_function *fn)
{
	model_pci_lock(fn->pci);
}

void model_pci_bus_unlock(struct model_pci_function *fn)
{
	model_pci_unlock(fn->pci);
}

struct model_pci_function *model_pci_next(struct model_pci *pci, struct model_pci_function *fn)
{
	return fn ? fn->next : pci->first;
}

void model_pci_settle(struct model_pci *pci)
{
	for (struct model_pci_function *fn = pci->first; fn; fn = fn->next)
		if (fn->config.ops && fn->config.ops->settle)
			fn->config.ops->settle(fn->config.device);
}

bool model_pci_function_has_work(const struct model_pci_function *fn)
{
	return fn->config.ops && fn->config.ops->work;
}

bool model_pci_function_work(struct model_pci_function *fn)
{
	return model_pci_function_has_work(fn) && fn->config.ops->work(fn->config.device);
}

/* ---- building ---------------------------------------------------------------------------------- */

int model_pci_create(void *host, struct model_memory *memory, model_report_fn report,
		     model_msi_fn msi, void *context, struct model_pci **out)
{
	struct model_pci *pci = uiommu_port_alloc(host, sizeof(*pci));

	if (!pci)
		return -1;
	pci->host = host;
	pci->memory = memory;
	pci->report = report;
	pci->msi = msi;
	pci->context = context;
	pci->end = &pci->first;
	if (uiommu_port_mutex_init(host, &pci->lock)) {
		uiommu_port_free(host, pci, sizeof(*pci));
		return -1;
	}
	*out = pci;
	return 0;
}

void model_pci_destroy(struct model_pci *pci)
{
	if (!pci)
		return;
	while (pci->first) {
		struct model_pci_function *fn = pci->first;

		pci->first = fn->next;
		if (fn->config.ops && fn->config.ops->destroy)
			fn->config.ops->destroy(fn->config.device);
		uiommu_port_free(pci->host, fn, sizeof(*fn));
	}
	uiommu_port_mutex_destroy(pci->host, &pci->lock);
	uiommu_port_free(pci->host, pci, sizeof(*pci));
}

int model_pci_add(struct model_pci *pci, const struct model_pci_config *config,
		  struct model_pci_function **out)
{
	struct model_pci_function *fn;

	if (config->parent && !config->parent->config.bridge)
		return -1;
	for (fn = pci->first; fn; fn = fn->next)
		if (fn->config.parent == config->parent && fn->config.devfn == config->devfn &&
		    fn->config.segment == config->segment &&
		    fn->config.root_bus == config->root_bus)
			return -1;
	fn = uiommu_port_alloc(pci->host, sizeof(*fn));
	if (!fn)
		return -1;
	fn->pci = pci;
	fn->config = *config;
	fill_header(fn);
	fill_capabilities(fn);
	fill_extended(fn);
	if (!fill_others(fn)) {
		uiommu_port_free(pci->host, fn, sizeof(*fn));
		return -1;
	}
	*pci->end = fn;
	pci->end = &fn->next;
	*out = fn;
	return 0;
}

void model_pci_set_device(struct model_pci_function *fn, const struct model_pci_device_ops *ops,
			  void *device)
{
	fn->config.ops = ops;
	fn->config.device = device;
}

void model_pci_set_iommu(struct model_pci_function *fn, const struct model_pci_iommu *iommu)
{
	fn->iommu = iommu;
}

int model_pci_set_segment_iommu(struct model_pci *pci, uint16_t segment,
				const struct model_pci_iommu *iommu)
{
	if (segment >= MAX_SEGMENTS)
		return -1;
	pci->segment_iommu[segment] = iommu;
	return 0;
}
