/* SPDX-License-Identifier: MIT */
/* hw_world.c - a driver over a model of its hardware: see hw_world.h */
#include "tests/explore/hw_world.h"

#include <string.h>

#include <uiommu/smmuv3.h>
#include <uiommu/vtd.h>

#include "models/smmuv3.h"
#include "models/vtd.h"
#include "src/core/core.h"

/* ---- the model --------------------------------------------------------------------------------- */

static void on_report(void *context, const struct model_report *report)
{
	(void)context;
	explore_fail("the model reports: %s (%s)", report->text, report->section);
}

static void on_msi(void *context, uint64_t address, uint32_t data)
{
	(void)context;
	(void)address;
	(void)data;
}

static void pages_added(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_add(((struct hw_world *)context)->memory, phys, size, MODEL_MEMORY_TABLES);
}

static void pages_removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_remove(((struct hw_world *)context)->memory, phys, size);
}

static void flushed(void *context, uiommu_phys_t phys, size_t size)
{
	model_memory_flush(((struct hw_world *)context)->memory, phys, size);
}

static void relax(void *context)
{
	struct hw_world *w = context;

	if (w->vtd)
		model_vtd_step(w->vtd);
	else
		model_smmuv3_step(w->smmu);
}

/* Every write of a model goes through one of these, which the linker leads here (--wrap). */
bool __real_model_memory_store(struct model_memory *mem, uint64_t phys, uint64_t value,
			       unsigned int size);
bool __wrap_model_memory_store(struct model_memory *mem, uint64_t phys, uint64_t value,
			       unsigned int size);
bool __wrap_model_memory_store(struct model_memory *mem, uint64_t phys, uint64_t value,
			       unsigned int size)
{
	explore_hardware_writes(phys);
	return __real_model_memory_store(mem, phys, value, size);
}

bool __real_model_memory_set_bits(struct model_memory *mem, uint64_t phys, uint64_t expected,
				  uint64_t bits);
bool __wrap_model_memory_set_bits(struct model_memory *mem, uint64_t phys, uint64_t expected,
				  uint64_t bits);
bool __wrap_model_memory_set_bits(struct model_memory *mem, uint64_t phys, uint64_t expected,
				  uint64_t bits)
{
	explore_hardware_writes(phys);
	return __real_model_memory_set_bits(mem, phys, expected, bits);
}

bool __real_model_memory_update(struct model_memory *mem, uint64_t phys, uint64_t expected,
				uint64_t desired);
bool __wrap_model_memory_update(struct model_memory *mem, uint64_t phys, uint64_t expected,
				uint64_t desired);
bool __wrap_model_memory_update(struct model_memory *mem, uint64_t phys, uint64_t expected,
				uint64_t desired)
{
	explore_hardware_writes(phys);
	return __real_model_memory_update(mem, phys, expected, desired);
}

/* ---- registers --------------------------------------------------------------------------------- */

static uint32_t vtd_read32(void *context, uint64_t offset)
{
	explore_hardware();
	return model_vtd_read32(((struct hw_world *)context)->vtd, (uint32_t)offset);
}

static uint64_t vtd_read64(void *context, uint64_t offset)
{
	explore_hardware();
	return model_vtd_read64(((struct hw_world *)context)->vtd, (uint32_t)offset);
}

static void vtd_write32(void *context, uint64_t offset, uint32_t value)
{
	explore_hardware();
	model_vtd_write32(((struct hw_world *)context)->vtd, (uint32_t)offset, value);
}

static void vtd_write64(void *context, uint64_t offset, uint64_t value)
{
	explore_hardware();
	model_vtd_write64(((struct hw_world *)context)->vtd, (uint32_t)offset, value);
}

static uint32_t smmu_read32(void *context, uint64_t offset)
{
	explore_hardware();
	return model_smmuv3_read32(((struct hw_world *)context)->smmu, (uint32_t)offset);
}

static uint64_t smmu_read64(void *context, uint64_t offset)
{
	explore_hardware();
	return model_smmuv3_read64(((struct hw_world *)context)->smmu, (uint32_t)offset);
}

static void smmu_write32(void *context, uint64_t offset, uint32_t value)
{
	explore_hardware();
	model_smmuv3_write32(((struct hw_world *)context)->smmu, (uint32_t)offset, value);
}

static void smmu_write64(void *context, uint64_t offset, uint64_t value)
{
	explore_hardware();
	model_smmuv3_write64(((struct hw_world *)context)->smmu, (uint32_t)offset, value);
}

/* ---- the units --------------------------------------------------------------------------------- */

static void start_vtd(struct hw_world *w, const char *preset)
{
	const struct uiommu_vtd_config unit = {
		.fwnode = &w->node,
		.name = "dmar0",
		.mmio = { .read32 = vtd_read32,
			  .read64 = vtd_read64,
			  .write32 = vtd_write32,
			  .write64 = vtd_write64,
			  .context = w },
	};
	struct model_vtd_config config;

	MUST(model_vtd_preset(preset, &config));
	MUST(model_vtd_create(&config, w->memory, on_report, on_msi, w, &w->vtd) == 0);
	MUST(uiommu_vtd_create(w->sys, &unit, &w->vtd_unit) == 0);
	w->iommu = model_vtd_iommu(w->vtd);
}

static void start_smmu(struct hw_world *w, const char *preset)
{
	const struct uiommu_smmuv3_config unit = {
		.fwnode = &w->node,
		.name = "smmu0",
		.mmio = { .read32 = smmu_read32,
			  .read64 = smmu_read64,
			  .write32 = smmu_write32,
			  .write64 = smmu_write64,
			  .context = w },
		.irq = UIOMMU_SMMUV3_IRQ_POLL,
		.queue_log2 = 6,
	};
	struct model_smmuv3_port *port = explore_alloc(sizeof(*port));
	struct model_smmuv3_config config;

	MUST(model_smmuv3_preset(preset, &config));
	MUST(model_smmuv3_create(&config, w->memory, on_report, on_msi, w, &w->smmu) == 0);
	MUST(uiommu_smmuv3_start(w->sys, &unit, &w->smmu_unit) == 0);
	model_smmuv3_port_init(port, w->smmu, 0);
	w->iommu = &port->iommu;
}

static int configure(struct uiommu_device *dev, void *context)
{
	struct hw_world *w = ((struct hw_world **)context)[0];
	unsigned int i = 0;
	int rc = uiommu_fwspec_init(dev, &w->node);

	while (context != &w->device[i])
		i++;
	return rc ? rc : uiommu_fwspec_add_ids(dev, &w->device[i].id, 1);
}

void hw_world_open(struct hw_world *w, const char *model, const char *preset)
{
	const struct explore_host_config own = { .own = true };
	struct explore_host_config host = {
		.context = w,
		.pages_added = pages_added,
		.pages_removed = pages_removed,
		.flushed = flushed,
		.relax = relax,
	};
	struct uiommu_system_config system = { 0 };
	uint64_t size;
	void *ram = explore_memory(&size);

	w->own = explore_host(&own);
	w->host = explore_host(&host);
	MUST(model_memory_create(w->own, EXPLORE_PHYS, ram, size, &w->memory) == 0);
	system.host = w->host;
	MUST(uiommu_system_create(&system, &w->sys) == 0);
	explore_name(&w->sys->probe, "sys->probe");
	explore_name(&w->sys->table, "sys->table");
	if (strcmp(model, "vtd") == 0)
		start_vtd(w, preset);
	else
		start_smmu(w, preset);
	for (unsigned int i = 0; i < HW_DEVICES; i++) {
		struct uiommu_device_desc desc = { .name = i ? "second" : "first",
						   .configure = configure,
						   .context = &w->device[i] };

		w->device[i].w = w;
		w->device[i].id = 8 * (i + 1);
		MUST(uiommu_device_add(w->sys, &desc, &w->device[i].dev) == 0);
		MUST(uiommu_device_is_translated(w->device[i].dev));
		explore_name(&w->device[i].dev->group->mutex,
			     i ? "second group->mutex" : "first group->mutex");
	}
}

void hw_world_close(struct hw_world *w)
{
	const char *last;

	for (unsigned int i = 0; i < HW_DEVICES; i++)
		uiommu_device_remove(w->device[i].dev);
	uiommu_vtd_destroy(w->vtd_unit);
	uiommu_smmuv3_stop(w->smmu_unit);
	if (explore_warnings(w->host, &last))
		explore_fail("a warning: %s", last);
	uiommu_system_destroy(w->sys);
}

/* ---- use --------------------------------------------------------------------------------------- */

struct uiommu_domain *hw_domain(struct hw_world *w)
{
	struct uiommu_domain *domain;

	MUST(uiommu_domain_alloc_paging(w->device[0].dev, 0, &domain) == 0);
	return domain;
}

uint64_t hw_reads(struct hw_world *w, unsigned int device, uint64_t iova)
{
	const struct model_request request = {
		.source_id = (uint16_t)w->device[device].id,
		.iova = iova,
		.size = 4,
		.access = MODEL_READ,
	};
	struct model_translation t;

	explore_hardware();
	return w->iommu->translate(w->iommu->context, &request, &t) == MODEL_OK ? t.phys : 0;
}

void hw_quiet(struct hw_world *w)
{
	if (w->vtd)
		model_vtd_expect_clean(w->vtd, true);
	else
		model_smmuv3_expect_clean(w->smmu, true);
}
