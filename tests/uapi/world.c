/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "models/model.h"
#include "tests/uapi/world.h"

void world_start(struct world *w, const char *machine, const struct uiommu_uapi_config *config)
{
	world_start_hooked(w, machine, config, NULL);
}

void world_start_hooked(struct world *w, const char *machine,
			const struct uiommu_uapi_config *config,
			const struct uiommu_posix_hooks *hooks)
{
	const struct machine_options options = {
		.name = machine,
		.hardware = "model",
		.seed = 1,
		.hooks = hooks,
	};

	world_start_machine(w, &options, config);
}

void world_start_machine(struct world *w, const struct machine_options *options,
			 const struct uiommu_uapi_config *config)
{
	struct uiommu_uapi_config mine = { 0 };
	struct uiommu_uapi_process_config process = {
		.capabilities = UIOMMU_UAPI_CAP_ALL,
		.memlock = UINT64_MAX,
	};
	char error[256] = "";

	memset(w, 0, sizeof(*w));
	if (machine_create(options, &w->machine, error, sizeof(error)) ||
	    machine_boot(w->machine, 0, error, sizeof(error)))
		fail_msg("%s: %s", options->name, error);
	w->memory =
		uiommu_posix_alloc_ram(machine_host(w->machine), WORLD_MEMORY, WORLD_MEMORY, NULL);
	assert_non_null(w->memory);
	memset(w->memory, 0, WORLD_MEMORY);
	uiommu_posix_usage(machine_host(w->machine), &w->before);
	if (config)
		mine = *config;
	mine.sys = machine_system(w->machine);
	assert_int_equal(uiommu_uapi_create(&mine, &w->uapi), 0);
	assert_int_equal(uiommu_uapi_process_create(w->uapi, &process, &w->process), 0);
}

void world_stop(struct world *w)
{
	struct uiommu_posix_usage after;

	uiommu_uapi_process_destroy(w->process);
	uiommu_uapi_destroy(w->uapi);
	uiommu_posix_usage(machine_host(w->machine), &after);
	assert_int_equal(after.pins, 0);
	assert_int_equal(after.objects, w->before.objects);
	assert_int_equal(after.pages, w->before.pages);
	for (size_t i = 0; i < machine_num_reports(w->machine); i++)
		fail_msg("%s", machine_report(w->machine, i)->text);
	for (size_t i = 0; i < machine_num_warnings(w->machine); i++)
		fail_msg("%s", machine_warning(w->machine, i));
	uiommu_posix_free_ram(machine_host(w->machine), w->memory, WORLD_MEMORY);
	machine_shutdown(w->machine);
	machine_destroy(w->machine);
}

struct machine_device *world_device(struct world *w, const char *label)
{
	struct machine_device *device = machine_device(w->machine, label);

	assert_non_null(device);
	return device;
}
