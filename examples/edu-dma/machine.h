/* SPDX-License-Identifier: MIT */
/* machine.h - where the example runs: a modelled PC with VT-d, and the user ABI on it */
#ifndef EXAMPLES_EDU_DMA_MACHINE_H
#define EXAMPLES_EDU_DMA_MACHINE_H

#include <uiommu/posix.h>
#include <uiommu/uapi.h>

struct machine;

struct program {
	struct machine *machine;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process *process;
	struct uiommu_uapi_device *translated; /* an edu behind an IOMMU, with vfio-pci */
	struct uiommu_uapi_device *untranslated; /* one that is behind none */
	char *memory; /* two pages that devices can be let at */
	uint64_t physical; /* where they are, for a device without an IOMMU; on Linux: /proc/self/pagemap */
};

/* Ends the process if it cannot be had. */
void program_start(struct program *p);
/* Says what the hardware found wrong, if anything: an exit status. */
int program_end(struct program *p);

#endif /* EXAMPLES_EDU_DMA_MACHINE_H */
