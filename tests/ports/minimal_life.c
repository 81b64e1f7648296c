/* SPDX-License-Identifier: MIT */
/*
 * minimal_life.c - the example kernel of ports/minimal on a model of VT-d, with or without a libc
 *
 * Freestanding: no header of a libc, no function of one but the four that compilers call.
 */
#include "tests/ports/minimal_life.h"

#include "models/vtd.h"
#include "ports/minimal/kernel.h"

#define BASE 0x40000000u /* physical address of the RAM */
#define RAM (8u << 20)
#define BUFFERS (RAM - (1u << 20)) /* from here on devices' buffers; below the kernel's */
#define FIRST 0x0108u /* source IDs: 01:01.0, 01:02.0 */
#define SECOND 0x0110u
#define IOVA 0x12345000u
#define BUFFER (BASE + BUFFERS + 0x3000u)

#define TRY(condition)                             \
	do {                                       \
		if (!(condition))                  \
			return "not: " #condition; \
	} while (0)

const char *const minimal_presets[] = { "legacy",	   "legacy-noqi",    "legacy-cm",
					"scalable-second", "scalable-first", NULL };

struct machine {
	struct uiommu_minimal host; /* of the model's own */
	struct model_memory *memory;
	struct model_vtd *vtd;
	unsigned int reports;
};

static unsigned char ram[RAM] __attribute__((aligned(1u << 22)));
static unsigned char models_own[4u << 20];

static uint32_t read32(void *vtd, uint64_t offset)
{
	return model_vtd_read32(vtd, (uint32_t)offset);
}

static uint64_t read64(void *vtd, uint64_t offset)
{
	return model_vtd_read64(vtd, (uint32_t)offset);
}

static void write32(void *vtd, uint64_t offset, uint32_t value)
{
	model_vtd_write32(vtd, (uint32_t)offset, value);
}

static void write64(void *vtd, uint64_t offset, uint64_t value)
{
	model_vtd_write64(vtd, (uint32_t)offset, value);
}

static void on_report(void *context, const struct model_report *report)
{
	struct machine *m = context;

	(void)report;
	m->reports++;
}

static const char *power_on(struct machine *m, const char *preset)
{
	struct model_vtd_config config = { 0 };

	*m = (struct machine){ 0 };
	uiommu_minimal_init(&m->host, models_own, sizeof(models_own));
	TRY(model_vtd_preset(preset, &config));
	TRY(!model_memory_create(&m->host, BASE, ram, RAM, &m->memory));
	model_memory_add(m->memory, BASE, BUFFERS, MODEL_MEMORY_TABLES);
	model_memory_add(m->memory, BASE + BUFFERS, RAM - BUFFERS, MODEL_MEMORY_DMA);
	TRY(!model_vtd_create(&config, m->memory, on_report, NULL, m, &m->vtd));
	return NULL;
}

static const char *power_off(struct machine *m)
{
	model_vtd_destroy(m->vtd);
	model_memory_destroy(m->memory);
	TRY(m->host.in_use == 0);
	return NULL;
}

/* Where a write of a device arrives; 0: refused. */
static uint64_t reaches(struct machine *m, uint16_t source_id, uint64_t iova)
{
	const struct model_iommu *iommu = model_vtd_iommu(m->vtd);
	const struct model_request request = {
		.source_id = source_id,
		.iova = iova,
		.size = 4,
		.access = MODEL_WRITE,
	};
	struct model_translation t;

	return iommu->translate(iommu->context, &request, &t) == MODEL_OK ? t.phys : 0;
}

static const char *use(struct kernel *kernel, struct machine *m)
{
	struct kernel_device first = { .kernel = kernel, .source_id = FIRST };
	struct kernel_device second = { .kernel = kernel, .source_id = SECOND };

	TRY(!kernel_device_open(&first, "disk"));
	TRY(!kernel_device_open(&second, "net"));
	model_vtd_expect_clean(m->vtd, true);
	TRY(!reaches(m, FIRST, IOVA));
	TRY(uiommu_instance_poll(uiommu_vtd_instance(kernel->unit)) == 1 && kernel->faults == 1);
	TRY(kernel->last_fault.device == first.dev && kernel->last_fault.iova == IOVA);

	TRY(!uiommu_map(first.domain, IOVA, BUFFER, 0x4000, UIOMMU_READ | UIOMMU_WRITE));
	TRY(reaches(m, FIRST, IOVA + 0x3ffc) == BUFFER + 0x3ffc);
	TRY(uiommu_iova_to_phys(first.domain, IOVA + 0x3ffc) == BUFFER + 0x3ffc);
	TRY(!reaches(m, SECOND, IOVA) && !reaches(m, FIRST, IOVA + 0x4000));
	TRY(uiommu_unmap(first.domain, IOVA, 0x4000) == 0x4000);
	TRY(!reaches(m, FIRST, IOVA));

	TRY(!uiommu_map(second.domain, IOVA, BUFFER, 0x1000, UIOMMU_READ | UIOMMU_WRITE));
	TRY(reaches(m, SECOND, IOVA) == BUFFER);
	kernel_device_close(&second);
	kernel_device_close(&first);
	TRY(!reaches(m, SECOND, IOVA));
	return NULL;
}

const char *minimal_life(const char *preset)
{
	struct machine machine;
	struct kernel kernel = { .host.direct_map = (uintptr_t)ram - BASE };
	struct uiommu_mmio registers;
	const char *wrong = power_on(&machine, preset);

	if (wrong)
		return wrong;
	registers = (struct uiommu_mmio){
		.read32 = read32,
		.read64 = read64,
		.write32 = write32,
		.write64 = write64,
		.context = machine.vtd,
	};
	uiommu_minimal_init(&kernel.host, ram, BUFFERS);
	TRY(!kernel_start(&kernel, &registers));
	TRY(kernel.host.in_use > 0);
	wrong = use(&kernel, &machine);
	if (wrong)
		return wrong;
	kernel_stop(&kernel);
	TRY(kernel.host.in_use == 0);
	TRY(machine.reports == 0);
	return power_off(&machine);
}
