/* SPDX-License-Identifier: MIT */
/* world.h - a modelled machine with the user ABI on top, for the tests of that */
#ifndef TESTS_UAPI_WORLD_H
#define TESTS_UAPI_WORLD_H

#include <uiommu/uapi.h>

#include "machines/machine.h"

#define WORLD_MEMORY UINT64_C(0x800000)

struct world {
	struct machine *machine;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process *process;
	unsigned char *memory; /* the program's: WORLD_MEMORY bytes that devices can be let at */
	struct uiommu_posix_usage before;
};

/* A booted machine; with @config its other fields are used. */
void world_start(struct world *w, const char *machine, const struct uiommu_uapi_config *config);
/* The same, with a listener to the host's hooks. */
void world_start_hooked(struct world *w, const char *machine,
			const struct uiommu_uapi_config *config,
			const struct uiommu_posix_hooks *hooks);
/* The same, of a machine with wrappers and hooks. */
void world_start_machine(struct world *w, const struct machine_options *options,
			 const struct uiommu_uapi_config *config);
/* Also checks that nothing has leaked and that no model has anything to report. */
void world_stop(struct world *w);
/* The device with this label, taken from whatever driver it has. */
struct machine_device *world_device(struct world *w, const char *label);

#endif /* TESTS_UAPI_WORLD_H */
