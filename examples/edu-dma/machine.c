/* SPDX-License-Identifier: MIT */
/* machine.c - what an operating system does before the example starts: the machine, and vfio-pci on its devices */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/edu-dma/machine.h"
#include "machines/machine.h"
#include "machines/uapi_io.h"
#include "models/model.h"

#define MEMORY 8192u

static void check(const char *what, int rc)
{
	if (!rc)
		return;
	fprintf(stderr, "edu-dma: %s: %s\n", what, strerror(-rc));
	exit(1);
}

/* On Linux: echo vfio-pci > driver_override, echo its address > bind. */
static struct uiommu_uapi_device *bind_device(struct program *p, const char *label)
{
	struct uiommu_uapi_device *device;

	check(label, machine_uapi_add(machine_device(p->machine, label), p->uapi, &device));
	check(label, uiommu_uapi_bind_driver(device, "vfio-pci"));
	return device;
}

void program_start(struct program *p)
{
	const struct machine_options options = { .name = "q35-vtd-two", .hardware = "model" };
	const struct uiommu_uapi_process_config process = {
		.capabilities = UIOMMU_UAPI_CAP_SYS_RAWIO, /* for devices without an IOMMU */
		.memlock = 1u << 20,
	};
	struct uiommu_uapi_config config = { .enable_unsafe_noiommu_mode = true };
	char error[256];

	if (machine_create(&options, &p->machine, error, sizeof(error)) ||
	    machine_boot(p->machine, 0, error, sizeof(error))) {
		fprintf(stderr, "edu-dma: %s\n", error);
		exit(1);
	}
	config.sys = machine_system(p->machine);
	check("the user ABI", uiommu_uapi_create(&config, &p->uapi));
	check("a process", uiommu_uapi_process_create(p->uapi, &process, &p->process));
	p->memory = machine_buffer(p->machine, MEMORY, MEMORY, &p->physical);
	if (!p->memory)
		check("memory", -UIOMMU_ENOMEM);
	p->translated = bind_device(p, "solo0");
	p->untranslated = bind_device(p, "hidden1");
}

int program_end(struct program *p)
{
	size_t reports = machine_num_reports(p->machine);

	for (size_t i = 0; i < reports; i++)
		fprintf(stderr, "edu-dma: %s\n", machine_report(p->machine, i)->text);
	uiommu_uapi_process_destroy(p->process);
	uiommu_uapi_destroy(p->uapi);
	machine_buffer_free(p->machine, p->memory, MEMORY);
	machine_shutdown(p->machine);
	machine_destroy(p->machine);
	return reports ? 1 : 0;
}
