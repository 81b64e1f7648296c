/* SPDX-License-Identifier: MIT */
/*
 * model.c - hardware made of models: RAM, PCI, devices, IOMMUs, firmware tables
 *
 * Locks: the bus of models/pci.h is taken for each access to a unit's registers, so that a DMA is either
 * before or after what the access does.  The workers' lock guards the list of threads only.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "machines/acpi.h"
#include "machines/describe.h"
#include "machines/hardware.h"
#include "machines/unit.h"
#include "models/dma.h"
#include "models/edu.h"
#include "models/flexrm.h"
#include "models/pci.h"
#include "models/testdev.h"
#include "spec/pci.h"

#define OWN_RAM 0x10000u /* the models' own host needs small memory only */
#define MAX_STEPS 10000u
#define YIELD_EVERY 8u

struct model_machine;

/* What stands above the functions of a host bridge that has an iommu-map. */
struct model_route {
	struct model_machine *machine;
	unsigned int host;
	struct model_iommu table;
	struct model_pci_iommu iommu;
};

/* What stands above a device on no bus; to the models it is a function of a segment that nobody scans. */
struct model_platform {
	struct model_machine *machine;
	const struct describe_platform *from;
	struct model_iommu table;
	struct model_pci_iommu iommu;
	pthread_mutex_t lock; /* of its wire */
	bool asserted;
	void (*changed)(void *context, bool asserted);
	void *context;
};

struct worker {
	struct model_pci_function *fn;
	pthread_t thread;
	struct worker *next;
};

struct model_machine {
	struct machine_hardware hw;
	struct describe *d;
	struct uiommu_posix *own; /* where models allocate */
	struct model_memory *memory;
	struct model_pci *pci;
	struct unit *units; /* as described; what is not made yet has no operations */
	struct model_route *routes; /* one for each host */
	struct model_platform *platforms;
	unsigned char *dmar, *viot; /* NULL: not on this machine */
	size_t dmar_size, viot_size;
	struct uiommu_posix_hooks hooks;
	struct worker *workers;
	pthread_mutex_t workers_lock;
};

static struct model_machine *to_model(struct machine_hardware *hw)
{
	return (struct model_machine *)hw;
}

/* ---- what models tell -------------------------------------------------------------------------- */

static void on_report(void *context, const struct model_report *report)
{
	struct model_machine *m = context;

	if (m->hw.report)
		m->hw.report(m->hw.report_context, report);
}

static void on_msi(void *context, uint64_t address, uint32_t data)
{
	struct model_machine *m = context;

	if (m->hw.host)
		uiommu_posix_msi(m->hw.host, address, data);
}

/* ---- accesses ---------------------------------------------------------------------------------- */

static uint32_t config_read(struct machine_hardware *hw, uint16_t segment, uint8_t bus,
			    uint8_t devfn, unsigned int offset, unsigned int size)
{
	return model_pci_config_read(to_model(hw)->pci, segment, bus, devfn, offset, size);
}

static void config_write(struct machine_hardware *hw, uint16_t segment, uint8_t bus, uint8_t devfn,
			 unsigned int offset, unsigned int size, uint32_t value)
{
	model_pci_config_write(to_model(hw)->pci, segment, bus, devfn, offset, size, value);
}

static struct unit *unit_at(struct model_machine *m, uint64_t address)
{
	for (unsigned int i = 0; i < m->d->num_units; i++)
		if (address - m->d->units[i].base < m->d->units[i].size)
			return &m->units[i];
	return NULL;
}

static uint64_t mmio_read(struct machine_hardware *hw, uint64_t address, unsigned int size)
{
	struct model_machine *m = to_model(hw);
	struct unit *unit = unit_at(m, address);
	uint64_t value;

	if (!unit)
		return model_pci_mmio_read(m->pci, address, size);
	model_pci_lock(m->pci);
	value = unit->ops->read(unit, (uint32_t)(address - unit->from->base), size);
	model_pci_unlock(m->pci);
	return value;
}

static void mmio_write(struct machine_hardware *hw, uint64_t address, unsigned int size,
		       uint64_t value)
{
	struct model_machine *m = to_model(hw);
	struct unit *unit = unit_at(m, address);

	if (!unit) {
		model_pci_mmio_write(m->pci, address, size, value);
		return;
	}
	model_pci_lock(m->pci);
	unit->ops->write(unit, (uint32_t)(address - unit->from->base), size, value);
	model_pci_unlock(m->pci);
}

static const void *acpi_table(struct machine_hardware *hw, const char signature[4], size_t *size)
{
	struct model_machine *m = to_model(hw);

	if (m->dmar && !memcmp(signature, "DMAR", 4)) {
		*size = m->dmar_size;
		return m->dmar;
	}
	if (m->viot && !memcmp(signature, "VIOT", 4)) {
		*size = m->viot_size;
		return m->viot;
	}
	return NULL;
}

static const void *devicetree(struct machine_hardware *hw, size_t *size)
{
	const struct describe *d = to_model(hw)->d;

	*size = d->acpi ? 0 : d->dtb_size;
	return d->acpi ? NULL : d->dtb;
}

/* ---- time -------------------------------------------------------------------------------------- */

static bool step(struct model_machine *m)
{
	bool pending = false;

	model_pci_lock(m->pci);
	for (unsigned int i = 0; i < m->d->num_units; i++)
		pending |= m->units[i].ops->step && m->units[i].ops->step(&m->units[i]);
	model_pci_unlock(m->pci);
	return pending;
}

static void settle(struct machine_hardware *hw)
{
	struct model_machine *m = to_model(hw);

	model_pci_settle(m->pci);
	for (unsigned int i = 0; i < MAX_STEPS && step(m); i++)
		;
}

static void expect_clean(struct machine_hardware *hw, bool clean)
{
	struct model_machine *m = to_model(hw);

	model_pci_lock(m->pci);
	for (unsigned int i = 0; i < m->d->num_units; i++)
		if (m->units[i].ops->expect_clean)
			m->units[i].ops->expect_clean(&m->units[i], clean);
	model_pci_unlock(m->pci);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (unsigned int i = 1; model_pci_function_work(worker->fn); i++)
		if (i % YIELD_EVERY == 0)
			sched_yield();
	return NULL;
}

/* A thread for each device that has work and none yet. */
static int start(struct machine_hardware *hw)
{
	struct model_machine *m = to_model(hw);
	struct model_pci_function *fn = NULL;
	int rc = 0;

	pthread_mutex_lock(&m->workers_lock);
	while (!rc && (fn = model_pci_next(m->pci, fn))) {
		struct worker *worker = m->workers;

		while (worker && worker->fn != fn)
			worker = worker->next;
		if (worker || !model_pci_function_work(fn))
			continue;
		worker = calloc(1, sizeof(*worker));
		if (!worker) {
			rc = -UIOMMU_ENOMEM;
			break;
		}
		worker->fn = fn;
		if (pthread_create(&worker->thread, NULL, work, worker)) {
			free(worker);
			rc = -UIOMMU_EAGAIN;
			break;
		}
		worker->next = m->workers;
		m->workers = worker;
	}
	pthread_mutex_unlock(&m->workers_lock);
	return rc;
}

/* Ends the threads of devices that have no work any more. */
static void stop(struct machine_hardware *hw)
{
	struct model_machine *m = to_model(hw);
	struct worker **link;

	pthread_mutex_lock(&m->workers_lock);
	for (link = &m->workers; *link;) {
		struct worker *worker = *link;

		if (model_pci_function_work(worker->fn)) {
			link = &worker->next;
			continue;
		}
		pthread_join(worker->thread, NULL);
		*link = worker->next;
		free(worker);
	}
	pthread_mutex_unlock(&m->workers_lock);
}

static void on_wire(void *context, bool asserted)
{
	struct model_platform *platform = context;

	pthread_mutex_lock(&platform->lock);
	platform->asserted = asserted;
	if (platform->changed)
		platform->changed(platform->context, asserted);
	pthread_mutex_unlock(&platform->lock);
}

static void watch_wire(struct machine_hardware *hw, unsigned int index,
		       void (*changed)(void *context, bool asserted), void *context)
{
	struct model_platform *platform = &to_model(hw)->platforms[index];

	pthread_mutex_lock(&platform->lock);
	platform->changed = changed;
	platform->context = context;
	if (changed)
		changed(context, platform->asserted);
	pthread_mutex_unlock(&platform->lock);
}

/* ---- memory ------------------------------------------------------------------------------------ */

static void buffer_added(struct machine_hardware *hw, uiommu_phys_t phys, uint64_t size)
{
	model_memory_add(to_model(hw)->memory, phys, size, MODEL_MEMORY_DMA);
}

static void buffer_removed(struct machine_hardware *hw, uiommu_phys_t phys, uint64_t size)
{
	model_memory_remove(to_model(hw)->memory, phys, size);
}

static void pages_added(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_add(to_model(context)->memory, phys, size, MODEL_MEMORY_TABLES);
}

static void pages_removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_remove(to_model(context)->memory, phys, size);
}

/* To devices the pages of a process are buffers like any others. */
static void user_pages_added(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_add(to_model(context)->memory, phys, size, MODEL_MEMORY_DMA);
}

static void cache_flush(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_flush(to_model(context)->memory, phys, size);
}

static void relax(void *context)
{
	step(to_model(context));
	sched_yield();
}

static const struct uiommu_posix_hooks *hooks(struct machine_hardware *hw)
{
	return &to_model(hw)->hooks;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void destroy(struct machine_hardware *hw)
{
	struct model_machine *m = to_model(hw);

	/* Devices that still stream have nobody left to stop them: their functions go away below. */
	while (m->workers) {
		struct worker *worker = m->workers;

		m->workers = worker->next;
		pthread_cancel(worker->thread);
		pthread_join(worker->thread, NULL);
		free(worker);
	}
	model_pci_destroy(m->pci);
	for (unsigned int i = 0; m->units && i < m->d->num_units; i++)
		if (m->units[i].ops)
			m->units[i].ops->destroy(&m->units[i]);
	free(m->units);
	free(m->routes);
	for (unsigned int i = 0; m->platforms && i < m->d->num_platforms; i++)
		pthread_mutex_destroy(&m->platforms[i].lock);
	free(m->platforms);
	model_memory_destroy(m->memory);
	if (m->own)
		uiommu_posix_destroy(m->own);
	if (m->hw.ram)
		munmap(m->hw.ram, m->hw.ram_size);
	free(m->dmar);
	free(m->viot);
	describe_free(m->d);
	pthread_mutex_destroy(&m->workers_lock);
	free(m);
}

static const struct machine_hardware_ops model_ops = {
	.name = "model",
	.config_read = config_read,
	.config_write = config_write,
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.acpi_table = acpi_table,
	.devicetree = devicetree,
	.settle = settle,
	.expect_clean = expect_clean,
	.start = start,
	.stop = stop,
	.watch_wire = watch_wire,
	.buffer_added = buffer_added,
	.buffer_removed = buffer_removed,
	.hooks = hooks,
	.destroy = destroy,
};

/* ---- which unit a request goes to: an iommu-map ------------------------------------------------ */

static struct unit *routed(const struct model_route *route, uint16_t requester, uint32_t *id)
{
	const struct describe_map *map =
		describe_map(&route->machine->d->hosts[route->host], requester, id);

	return map ? &route->machine->units[map->unit] : NULL;
}

static enum model_status route_translate(void *context, const struct model_request *request,
					 struct model_translation *out)
{
	struct model_route *route = context;
	struct model_request mapped = *request;
	uint32_t id;
	struct unit *unit = routed(route, request->source_id, &id);

	if (!unit)
		return model_pci_untranslated(request, out);
	mapped.segment = (uint16_t)(id >> 16);
	mapped.source_id = (uint16_t)id;
	return unit->iommu.iommu->translate(unit->iommu.iommu->context, &mapped, out);
}

static bool request_page(const struct unit *unit, const struct model_page_request *request,
			 uint32_t id)
{
	struct model_page_request mapped = *request;
	const struct model_iommu *iommu = unit->iommu.iommu;

	mapped.segment = (uint16_t)(id >> 16);
	mapped.source_id = (uint16_t)id;
	return iommu->page_request && iommu->page_request(iommu->context, &mapped);
}

static bool route_page_request(void *context, const struct model_page_request *request)
{
	uint32_t id;
	const struct unit *unit = routed(context, request->source_id, &id);

	return unit && request_page(unit, request, id);
}

static int route_set_atc(void *context, uint16_t source_id, const struct model_atc *atc)
{
	uint32_t id;
	struct unit *unit = routed(context, source_id, &id);

	if (!unit || !unit->iommu.set_atc || id > UINT16_MAX)
		return -1;
	return unit->iommu.set_atc(unit->iommu.context, (uint16_t)id, atc);
}

/* On the bus: a request of some function would come out of a map with this ID. */
static bool behind(void *context, const struct unit *unit, uint32_t id)
{
	struct model_machine *m = context;

	for (unsigned int h = 0; h < m->d->num_hosts; h++) {
		const struct describe_host *host = &m->d->hosts[h];

		for (unsigned int i = 0; i < host->num_maps; i++) {
			const struct describe_map *map = &host->maps[i];

			if (&m->units[map->unit] == unit && id - map->id < map->count &&
			    model_pci_behind(m->pci, &m->routes[h].iommu, host->segment,
					     (uint16_t)(map->first + (id - map->id))))
				return true;
		}
	}
	return false;
}

static void build_routes(struct model_machine *m)
{
	for (unsigned int h = 0; h < m->d->num_hosts; h++) {
		struct model_route *route = &m->routes[h];

		if (!m->d->hosts[h].num_maps)
			continue;
		route->machine = m;
		route->host = h;
		route->table = (struct model_iommu){ .context = route,
						     .translate = route_translate,
						     .page_request = route_page_request };
		route->iommu = (struct model_pci_iommu){ &route->table, route_set_atc, route };
		model_pci_set_segment_iommu(m->pci, m->d->hosts[h].segment, &route->iommu);
	}
}

/* ---- devices on no bus ------------------------------------------------------------------------- */

static enum model_status platform_translate(void *context, const struct model_request *request,
					    struct model_translation *out)
{
	const struct model_platform *platform = context;
	const struct model_iommu *iommu;
	struct model_request mapped = *request;

	if (platform->from->unit == platform->machine->d->num_units)
		return model_pci_untranslated(request, out);
	iommu = platform->machine->units[platform->from->unit].iommu.iommu;
	mapped.segment = (uint16_t)(platform->from->id >> 16);
	mapped.source_id = (uint16_t)platform->from->id;
	return iommu->translate(iommu->context, &mapped, out);
}

static int platform_set_atc(void *context, uint16_t source_id, const struct model_atc *atc)
{
	(void)context;
	(void)source_id;
	(void)atc;
	return -1;
}

static int build_flexrm(struct model_machine *m, const struct describe_platform *from,
			struct model_pci_function *fn, uint64_t seed)
{
	struct model_flexrm_config config = {
		.size = from->size,
		.rings = from->rings,
		.active = from->active,
		.stuck_flush = from->stuck_flush,
		.stuck_clear = from->stuck_clear,
		.fixed_polls = from->fixed_polls,
		.polls = from->polls,
		.seed = seed,
		.report = on_report,
		.context = m,
	};
	struct model_flexrm *flexrm;

	return model_flexrm_create(fn, &config, &flexrm);
}

static int build_platform(struct model_machine *m, unsigned int index, uint64_t seed)
{
	struct model_platform *platform = &m->platforms[index];
	uint8_t devfn = (uint8_t)(index << 3);
	const struct describe_platform *from = &m->d->platforms[index];
	/* Its PASIDs are there from the start: on no bus nobody enables them. */
	struct model_pci_config config = {
		.segment = m->hw.num_segments,
		.devfn = devfn,
		.pcie = from->pasid_bits,
		.pasid_bits = from->pasid_bits,
		.pasid_execute = true,
		.pasid_privileged = true,
		.pasid_always = true,
	};
	struct model_pci_function *fn;

	if (from->kind == DESCRIBE_PLATFORM_FLEXRM)
		model_flexrm_config(&config, from->size);
	else
		model_dma_config(&config);
	platform->machine = m;
	platform->from = from;
	platform->table =
		(struct model_iommu){ .context = platform, .translate = platform_translate };
	platform->iommu = (struct model_pci_iommu){ &platform->table, platform_set_atc, platform };
	if (model_pci_add(m->pci, &config, &fn))
		return -1;
	if (from->kind == DESCRIBE_PLATFORM_FLEXRM ? build_flexrm(m, from, fn, seed + index) :
						     model_dma_create(fn))
		return -1;
	if (from->wire)
		model_pci_set_wire(fn, on_wire, platform);
	model_pci_set_iommu(fn, &platform->iommu);
	model_pci_config_write(m->pci, config.segment, 0, devfn, PCI_BAR(0), 4,
			       (uint32_t)platform->from->base);
	model_pci_config_write(m->pci, config.segment, 0, devfn, PCI_COMMAND, 2,
			       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (from->kind == DESCRIBE_PLATFORM_DMA)
		m->hw.traits |= MACHINE_STREAM | MACHINE_DMA_STATUS | MACHINE_NO_SNOOP |
				(from->pasid_bits ? MACHINE_PASID_DMA : 0) |
				(from->stall ? MACHINE_STALL : 0);
	return 0;
}

static int build_platforms(struct model_machine *m, uint64_t seed)
{
	for (unsigned int i = 0; i < m->d->num_platforms; i++)
		if (build_platform(m, i, seed))
			return -1;
	return 0;
}

/* ---- building ---------------------------------------------------------------------------------- */

static int build_unit(struct model_machine *m, unsigned int index, uint64_t seed, char *error,
		      size_t error_size)
{
	static int (*const make[])(const struct unit_build *build, struct unit *unit) = {
		[DESCRIBE_UNIT_VTD] = machine_unit_vtd,
		[DESCRIBE_UNIT_VIRTIO] = machine_unit_virtio,
		[DESCRIBE_UNIT_SMMUV3] = machine_unit_smmuv3,
	};
	struct unit *unit = &m->units[index];
	struct unit_build build = {
		.d = m->d,
		.from = &m->d->units[index],
		.memory = m->memory,
		.seed = seed + index,
		.error = error,
		.error_size = error_size,
	};

	unit->from = build.from;
	unit->behind = behind;
	unit->report = on_report;
	unit->msi = on_msi;
	unit->context = m;
	return make[build.from->kind](&build, unit);
}

static void place_bridge(const struct describe_function *from, struct model_pci_config *config)
{
	static const unsigned int types[] = {
		[DESCRIBE_ROOT_PORT] = PCI_PCIE_ROOT_PORT,
		[DESCRIBE_SWITCH_UPSTREAM] = PCI_PCIE_UPSTREAM_PORT,
		[DESCRIBE_SWITCH_DOWNSTREAM] = PCI_PCIE_DOWNSTREAM_PORT,
		[DESCRIBE_PCIE_PCI_BRIDGE] = PCI_PCIE_TO_PCI_BRIDGE,
	};

	config->bridge = true;
	config->vendor_id = 0x1b36;
	config->device_id = (uint16_t)(0x000c + from->kind);
	config->class_code = PCI_CLASS_BRIDGE_PCI << 8;
	config->pcie = from->kind != DESCRIBE_PCI_BRIDGE;
	if (config->pcie)
		config->pcie_type = types[from->kind];
}

/* The unit that this function is. */
static struct unit *unit_of(struct model_machine *m, unsigned int function)
{
	unsigned int i = 0;

	while (m->d->units[i].function != function || m->d->units[i].size)
		i++;
	return &m->units[i];
}

/* On a bus of conventional PCI. */
static bool below_pci(const struct model_machine *m, const struct describe_function *from)
{
	enum describe_kind kind;

	if (from->parent == DESCRIBE_NONE)
		return false;
	kind = m->d->functions[from->parent].kind;
	return kind == DESCRIBE_PCIE_PCI_BRIDGE || kind == DESCRIBE_PCI_BRIDGE;
}

static bool takes_page_requests(const struct model_machine *m)
{
	for (unsigned int i = 0; i < m->d->num_units; i++)
		if (m->units[i].iommu.iommu->page_request)
			return true;
	return false;
}

static int build_function(struct model_machine *m, unsigned int index,
			  struct model_pci_function **built)
{
	const struct describe_function *from = &m->d->functions[index];
	const struct describe_host *host = &m->d->hosts[from->host];
	struct unit *unit = NULL;
	struct model_pci_config config = {
		.segment = host->segment,
		.root_bus = host->first_bus,
		.devfn = from->devfn,
		.parent = from->parent == DESCRIBE_NONE ? NULL : built[from->parent],
		.class_code = from->class_code,
		.multifunction = from->multifunction,
		.acs = from->acs,
		.acs_capability = from->acs_bits,
		.ats = from->ats,
		.pri = from->pri,
		.pri_plain_responses = from->pri_plain_responses,
		.pasid_bits = from->pasid_bits,
		.pasid_execute = from->pasid_execute,
		.pasid_privileged = from->pasid_privileged,
	};

	switch (from->kind) {
	case DESCRIBE_HOST_BRIDGE:
		config.vendor_id = 0x8086;
		config.device_id = 0x29c0;
		config.class_code = PCI_CLASS_BRIDGE_HOST << 8;
		break;
	case DESCRIBE_EDU:
		model_edu_config(&config);
		break;
	case DESCRIBE_TESTDEV:
		model_testdev_config(&config);
		break;
	case DESCRIBE_DMA_ENGINE:
		model_dma_config(&config);
		config.pcie = !below_pci(m, from);
		config.pcie_type = config.parent ? PCI_PCIE_ENDPOINT : PCI_PCIE_RC_ENDPOINT;
		m->hw.traits |= MACHINE_STREAM | MACHINE_DMA_STATUS | MACHINE_NO_SNOOP |
				MACHINE_RESET | (from->pasid_bits ? MACHINE_PASID_DMA : 0) |
				(from->ats ? MACHINE_ATS | MACHINE_MISBEHAVE : 0) |
				(from->pri && takes_page_requests(m) ? MACHINE_PAGE_REQUESTS : 0);
		break;
	case DESCRIBE_VIRTIO_IOMMU:
		unit = unit_of(m, index);
		unit->ops->configure(unit, &config);
		break;
	default:
		place_bridge(from, &config);
		break;
	}
	if (model_pci_add(m->pci, &config, &built[index]))
		return -1;
	if (from->kind == DESCRIBE_EDU)
		return model_edu_create(built[index]);
	if (from->kind == DESCRIBE_TESTDEV)
		return model_testdev_create(built[index], m->memory);
	if (from->kind == DESCRIBE_DMA_ENGINE)
		return model_dma_create(built[index]);
	return unit ? unit->ops->attach(unit, built[index]) : 0;
}

static int build_pci(struct model_machine *m, char *error, size_t error_size)
{
	struct model_pci_function **built = calloc(m->d->num_functions + 1, sizeof(*built));
	int rc = 0;

	for (unsigned int i = 0; built && !rc && i < m->d->num_functions; i++)
		rc = build_function(m, i, built);
	if (!built || rc) {
		snprintf(error, error_size, "no memory for the devices");
		free(built);
		return -UIOMMU_ENOMEM;
	}
	build_routes(m);
	for (unsigned int i = 0; i < m->d->num_units; i++) {
		const struct describe_unit *unit = &m->d->units[i];

		if (unit->include_all)
			model_pci_set_segment_iommu(m->pci, unit->segment, &m->units[i].iommu);
		for (unsigned int f = 0; f < unit->num_scopes; f++)
			model_pci_set_iommu(built[unit->scopes[f]], &m->units[i].iommu);
	}
	free(built);
	return 0;
}

static int build_memory(struct model_machine *m)
{
	const struct describe *d = m->d;
	struct uiommu_posix_config own = { .ram_base = 0x1000, .ram_size = OWN_RAM, .ram_fd = -1 };

	m->hw.ram_base = d->ram_base;
	m->hw.ram_size = d->ram_size;
	m->hw.reserve_below = d->reserve_below;
	m->hw.ram_private = true;
	m->hw.ram = mmap(NULL, d->ram_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->hw.ram == MAP_FAILED) {
		m->hw.ram = NULL;
		return -1;
	}
	if (uiommu_posix_create(&own, &m->own))
		return -1;
	if (model_memory_create(m->own, d->ram_base, m->hw.ram, d->ram_size, &m->memory))
		return -1;
	for (unsigned int i = 0; i < d->num_regions; i++)
		model_memory_add(m->memory, d->regions[i].base,
				 d->regions[i].last - d->regions[i].base + 1, MODEL_MEMORY_DMA);
	return model_pci_create(m->own, m->memory, on_report, on_msi, m, &m->pci);
}

static bool has_unit(const struct describe *d, enum describe_unit_kind kind)
{
	for (unsigned int i = 0; i < d->num_units; i++)
		if (d->units[i].kind == kind)
			return true;
	return false;
}

static int build_tables(struct model_machine *m)
{
	if (has_unit(m->d, DESCRIBE_UNIT_VTD)) {
		m->dmar = machine_acpi_dmar(m->d, &m->dmar_size);
		if (!m->dmar)
			return -1;
	}
	if (m->d->acpi && has_unit(m->d, DESCRIBE_UNIT_VIRTIO)) {
		m->viot = machine_acpi_viot(m->d, &m->viot_size);
		if (!m->viot)
			return -1;
	}
	return 0;
}

int machine_hardware_model(const void *dtb, size_t dtb_size, uint64_t seed,
			   struct machine_hardware **out, char *error, size_t error_size)
{
	struct model_machine *m = calloc(1, sizeof(*m));
	int rc;

	if (!m) {
		snprintf(error, error_size, "no memory");
		return -UIOMMU_ENOMEM;
	}
	pthread_mutex_init(&m->workers_lock, NULL);
	rc = describe_read(dtb, dtb_size, &m->d, error, error_size);
	if (rc)
		goto fail;
	m->units = calloc(m->d->num_units + 1, sizeof(*m->units));
	m->routes = calloc(m->d->num_hosts, sizeof(*m->routes));
	m->platforms = calloc(m->d->num_platforms + 1, sizeof(*m->platforms));
	for (unsigned int i = 0; m->platforms && i < m->d->num_platforms; i++)
		pthread_mutex_init(&m->platforms[i].lock, NULL);
	rc = -UIOMMU_ENOMEM;
	if (!m->units || !m->routes || !m->platforms || build_tables(m) || build_memory(m)) {
		snprintf(error, error_size, "no memory for the models");
		goto fail;
	}
	m->hw.ops = &model_ops;
	m->hw.traits = MACHINE_REPORTS | MACHINE_FAULT_RECORDS | MACHINE_CACHES;
	snprintf(m->hw.version, sizeof(m->hw.version), "model");
	m->hw.mmio_window = m->d->hosts[0].window;
	m->hw.mmio_window_size = m->d->hosts[0].window_size;
	for (unsigned int i = 0; i < m->d->num_hosts; i++)
		if (m->d->hosts[i].segment >= m->hw.num_segments)
			m->hw.num_segments = (uint16_t)(m->d->hosts[i].segment + 1);
	m->hooks = (struct uiommu_posix_hooks){
		.context = m,
		.pages_added = pages_added,
		.pages_removed = pages_removed,
		.user_pages_added = user_pages_added,
		.user_pages_removed = pages_removed,
		.cache_flush = cache_flush,
		.relax = relax,
	};
	for (unsigned int i = 0; i < m->d->num_units; i++) {
		rc = build_unit(m, i, seed, error, error_size);
		if (rc)
			goto fail;
	}
	rc = build_pci(m, error, error_size);
	if (rc)
		goto fail;
	if (build_platforms(m, seed)) {
		rc = -UIOMMU_ENOMEM;
		snprintf(error, error_size, "no memory for the devices on no bus");
		goto fail;
	}
	*out = &m->hw;
	return 0;

fail:
	destroy(&m->hw);
	return rc;
}
