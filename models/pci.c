/* SPDX-License-Identifier: MIT */
/* pci.c - the bus: functions, accesses to configuration space, who is reached by an address, and DMA */
#include <string.h>

#include "models/pci_internal.h"

#define PAGE UINT64_C(4096)
#define MSI_RANGE_FIRST UINT64_C(0xfee00000)
#define MSI_RANGE_LAST UINT64_C(0xfeefffff)
#define STALE 0xa5 /* what memory held before a processor wrote, as far as its caches do not tell */

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

const struct model_pci_iommu *model_pci_iommu_of(const struct model_pci_function *fn)
{
	if (fn->config.untranslated)
		return NULL;
	for (const struct model_pci_function *up = fn; up; up = up->config.parent)
		if (up->iommu)
			return up->iommu;
	return fn->config.segment < PCI_SEGMENTS ? fn->pci->segment_iommu[fn->config.segment] :
						   NULL;
}

/* The source ID of requests: that of the highest bridge which takes ownership, or its own. */
uint16_t model_pci_source_id(const struct model_pci_function *fn)
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

static bool atc_invalidate(void *function, bool has_pasid, uint32_t pasid, uint64_t iova,
			   uint64_t size, bool global)
{
	struct model_pci_function *fn = function;

	return fn->config.ops->atc_invalidate(fn->config.device, has_pasid, pasid, iova, size,
					      global);
}

static void update_ats(struct model_pci_function *fn)
{
	const struct model_pci_device_ops *ops = fn->config.ops;
	bool enabled = pci_get(fn->space, fn->ats + PCI_ATS_CONTROL, 2) & PCI_ATS_ENABLE;

	if (!ops || !ops->atc_invalidate || enabled == fn->atc_registered)
		return;
	if (enabled) {
		struct model_atc atc = {
			.context = fn,
			.invalidate = atc_invalidate,
			.page_response = fn->pages ? model_pci_page_response : NULL,
		};

		fn->atc_iommu = model_pci_iommu_of(fn);
		fn->atc_source_id = model_pci_source_id(fn);
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

/* Everything that software set is gone, and what the device knew of it (PCIe 6.0, 6.6.2). */
static void reset_space(struct model_pci_function *fn)
{
	memcpy(fn->space, fn->power_on, sizeof(fn->space));
	if (fn->pages)
		model_pci_pages_reset(fn);
	if (fn->ats)
		update_ats(fn);
}

/* The secondary bus of a bridge is in reset for as long as a bit of its is set (PCIe 6.0, 7.5.1.3.13). */
static bool bus_in_reset(const struct model_pci_function *bridge)
{
	return bridge->config.bridge &&
	       pci_get(bridge->space, PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_BUS_RESET;
}

static bool is_behind(const struct model_pci_function *fn, const struct model_pci_function *bridge)
{
	const struct model_pci_function *up = fn->config.parent;

	while (up && up != bridge)
		up = up->config.parent;
	return up;
}

/* Whoever is behind @bridge, which has just begun or ended a reset of its bus. */
static void reset_bus(struct model_pci_function *bridge)
{
	bool held = bus_in_reset(bridge);

	for (struct model_pci_function *fn = bridge->pci->first; fn; fn = fn->next) {
		if (!is_behind(fn, bridge) || fn->held == held)
			continue;
		fn->held = held;
		if (held)
			reset_space(fn);
	}
}

static void tell_devices(struct model_pci_function *bridge)
{
	for (struct model_pci_function *fn = bridge->pci->first; fn; fn = fn->next) {
		if (is_behind(fn, bridge) && fn->config.ops && fn->config.ops->reset)
			fn->config.ops->reset(fn->config.device);
	}
}

uint32_t model_pci_config_read(struct model_pci *pci, uint16_t segment, uint8_t bus, uint8_t devfn,
			       unsigned int offset, unsigned int size)
{
	struct model_pci_function *fn;
	uint32_t value = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;

	if (offset + size > PCI_CONFIG_SIZE || offset % size)
		return value;
	model_pci_lock(pci);
	fn = find(pci, segment, bus, devfn);
	if (fn && !fn->held) {
		if (fn->config.ops && fn->config.ops->config_read)
			fn->config.ops->config_read(fn->config.device, offset, size);
		value = pci_get(fn->space, offset, size);
	}
	model_pci_unlock(pci);
	return value;
}

void model_pci_config_write(struct model_pci *pci, uint16_t segment, uint8_t bus, uint8_t devfn,
			    unsigned int offset, unsigned int size, uint32_t value)
{
	struct model_pci_function *fn;
	bool reset = false, bus_reset = false, was;

	if (offset + size > PCI_CONFIG_SIZE || offset % size)
		return;
	model_pci_lock(pci);
	fn = find(pci, segment, bus, devfn);
	if (fn && !fn->held) {
		uint32_t mask = pci_get(fn->writable, offset, size);
		unsigned int stu = fn->ats + PCI_ATS_CONTROL;

		/* The smallest translation unit is fixed while ATS is enabled (10.5.1.3). */
		if (fn->atc_registered && offset <= stu && offset + size > stu)
			mask &= ~(PCI_ATS_STU << 8 * (stu - offset));
		was = bus_in_reset(fn);
		pci_put(fn->space, offset, size,
			(pci_get(fn->space, offset, size) & ~mask) | (value & mask));
		if (fn->pages)
			model_pci_pages_written(fn, offset, size, value);
		reset = model_pci_wants_reset(fn, offset, size, value);
		if (reset)
			reset_space(fn);
		else if (fn->ats)
			update_ats(fn);
		if (bus_in_reset(fn) != was)
			reset_bus(fn);
		bus_reset = !was && bus_in_reset(fn);
		if (fn->config.ops && fn->config.ops->config_written)
			fn->config.ops->config_written(fn->config.device, offset, size);
	}
	model_pci_unlock(pci);
	/* Off the bus, so that a device may take its own lock first; it may master nothing by now. */
	if (reset && fn->config.ops && fn->config.ops->reset)
		fn->config.ops->reset(fn->config.device);
	if (bus_reset)
		tell_devices(fn);
}

/* Do all bridges above @fn forward this address? */
static bool window_open(const struct model_pci_function *fn, uint64_t address)
{
	for (const struct model_pci_function *up = fn->config.parent; up; up = up->config.parent) {
		uint64_t base = (uint64_t)(pci_get(up->space, PCI_MEMORY_BASE, 2) & 0xfff0u) << 16;
		uint64_t limit = (uint64_t)(pci_get(up->space, PCI_MEMORY_LIMIT, 2) & 0xfff0u)
					 << 16 |
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
			uint64_t base = pci_get(fn->space, PCI_BAR(i), 4) & PCI_BAR_MEMORY_MASK;
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

void model_pci_append(char *text, size_t size, const char *more)
{
	size_t at = strlen(text);

	while (*more && at + 1 < size)
		text[at++] = *more++;
	text[at] = '\0';
}

void model_pci_append_hex(char *text, size_t size, uint64_t value)
{
	char digits[19] = "0x";
	int shift = 60;
	unsigned int n = 2;

	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		digits[n++] = "0123456789abcdef"[value >> shift & 15];
	digits[n] = '\0';
	model_pci_append(text, size, digits);
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
	model_pci_append(report.text, sizeof(report.text), "DMA of source ID ");
	model_pci_append_hex(report.text, sizeof(report.text), request->source_id);
	model_pci_append(report.text, sizeof(report.text), " at IOVA ");
	model_pci_append_hex(report.text, sizeof(report.text), request->iova);
	model_pci_append(report.text, sizeof(report.text), " reached physical address ");
	model_pci_append_hex(report.text, sizeof(report.text), phys);
	model_pci_append(report.text, sizeof(report.text), ", which is no buffer of any device");
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
		fn->pci->msi(fn->pci->context, address, pci_get(data, 0, 4));
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
	const struct model_pci_iommu *above = model_pci_iommu_of(fn);

	if (!model_pci_may_master(fn))
		return MODEL_FAULT;
	request->segment = fn->config.segment;
	request->source_id = model_pci_source_id(fn);
	if (above)
		return above->iommu->translate(above->iommu->context, request, out);
	return model_pci_untranslated(request, out);
}

/*
 * A request that does not snoop misses what processors have in their caches: it reads what memory held before, and what
 * it writes is written over when they are emptied.  Nobody flushes the buffers of a program.
 */
static bool incoherent(const struct model_request *request, const struct model_translation *to)
{
	return request->access & MODEL_NO_SNOOP && !to->snoop;
}

/* One request that crosses no page. */
static enum model_status request_once(struct model_pci_function *fn, struct model_request *request,
				      void *data)
{
	struct model_translation to = { .phys = request->iova };
	enum model_status status = translate(fn, request, &to);
	uint8_t scratch[PAGE];
	bool done;

	if (status == MODEL_INTERRUPT)
		return message(fn, request, to.phys, data);
	if (status != MODEL_OK)
		return status;
	if (incoherent(request, &to)) {
		done = model_memory_read(fn->pci->memory, to.phys, scratch, request->size);
		if (!(request->access & MODEL_WRITE))
			memset(data, STALE, request->size);
	} else if (request->access & MODEL_WRITE) {
		done = model_memory_write(fn->pci->memory, to.phys, data, request->size);
	} else {
		done = model_memory_read(fn->pci->memory, to.phys, data, request->size);
	}
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
			.stall = dma->stall,
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
	if (fn->config.msi &&
	    pci_get(fn->space, PCI_AT_MSI + PCI_MSI_CONTROL, 2) & PCI_MSI_ENABLE) {
		dma.address = pci_get(fn->space, PCI_AT_MSI + PCI_MSI_ADDRESS_LOW, 4) |
			      (uint64_t)pci_get(fn->space, PCI_AT_MSI + PCI_MSI_ADDRESS_HIGH, 4)
				      << 32;
		pci_put(data, 0, 4, pci_get(fn->space, PCI_AT_MSI + PCI_MSI_DATA, 2));
		model_pci_dma_locked(fn, &dma, data);
	}
	model_pci_unlock(fn->pci);
}

void model_pci_set_wire(struct model_pci_function *fn,
			void (*changed)(void *context, bool asserted), void *context)
{
	fn->wire = changed;
	fn->wire_context = context;
}

void model_pci_drive_wire(struct model_pci_function *fn, bool asserted)
{
	if (fn->wire_asserted == asserted)
		return;
	fn->wire_asserted = asserted;
	if (fn->wire)
		fn->wire(fn->wire_context, asserted);
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
		if (fn->config.segment == segment && model_pci_iommu_of(fn) == iommu &&
		    reachable(fn, bus_of(fn)) &&
		    (model_pci_source_id(fn) == id || (bus_of(fn) << 8 | fn->config.devfn) == id))
			return true;
	return false;
}

uint16_t model_pci_ats_control(const struct model_pci_function *fn)
{
	return fn->ats ? (uint16_t)pci_get(fn->space, fn->ats + PCI_ATS_CONTROL, 2) : 0;
}

uint16_t model_pci_pasid_control(const struct model_pci_function *fn)
{
	return fn->pasid ? (uint16_t)pci_get(fn->space, fn->pasid + PCI_PASID_CONTROL, 2) : 0;
}

unsigned int model_pci_pasid_bits(const struct model_pci_function *fn)
{
	return fn->config.pasid_bits;
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

static void free_function(struct model_pci_function *fn)
{
	void *host = fn->pci->host;

	uiommu_port_free(host, fn->pages, sizeof(*fn->pages));
	uiommu_port_free(host, fn->power_on, PCI_CONFIG_SIZE);
	uiommu_port_free(host, fn, sizeof(*fn));
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
		free_function(fn);
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
	if (!model_pci_fill(fn))
		goto fail;
	if (fn->pri) {
		fn->pages = uiommu_port_alloc(pci->host, sizeof(*fn->pages));
		if (!fn->pages)
			goto fail;
		fn->pages->at = fn->pri;
	}
	*pci->end = fn;
	pci->end = &fn->next;
	*out = fn;
	return 0;

fail:
	free_function(fn);
	return -1;
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
	if (segment >= PCI_SEGMENTS)
		return -1;
	pci->segment_iommu[segment] = iommu;
	return 0;
}
