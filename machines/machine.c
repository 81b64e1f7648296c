/* SPDX-License-Identifier: MIT */
/* machine.c - a machine's life, and what can be asked of it */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machines/events.h"

/* Every kind of hardware under a machine. */
static const struct {
	const char *name;
	int (*create)(const void *dtb, size_t dtb_size, uint64_t seed,
		      struct machine_hardware **out, char *error, size_t error_size);
} hardware[] = {
	{ "model", machine_hardware_model },
	{ "qemu", machine_hardware_qemu },
};
#define NUM_HARDWARE (sizeof(hardware) / sizeof(hardware[0]))

int machine_error(char *error, size_t error_size, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, error_size, format, args);
	va_end(args);
	return rc;
}

static int create_hardware(struct machine *m, const void *dtb, size_t size, char *error,
			   size_t error_size)
{
	const char *name = m->options.hardware ? m->options.hardware : "model";

	for (size_t i = 0; i < NUM_HARDWARE; i++)
		if (strcmp(hardware[i].name, name) == 0)
			return hardware[i].create(dtb, size, m->options.seed, &m->hw, error,
						  error_size);
	return machine_error(error, error_size, -UIOMMU_ENOENT, "there is no hardware \"%s\"",
			     name);
}

static int create_host(struct machine *m, char *error, size_t error_size)
{
	struct uiommu_posix_config config = {
		.ram_base = m->hw->ram_base,
		.ram_size = m->hw->ram_size,
		.ram = m->hw->ram,
		.ram_private = m->hw->ram_private,
		.ram_fd = -1,
		.reserve_below = m->hw->reserve_below,
		.hooks = &m->hooks,
	};
	int rc;

	machine_connect(m);
	rc = uiommu_posix_create(&config, &m->host);
	if (rc)
		return machine_error(error, error_size, rc, "the host: %s", uiommu_strerror(rc));
	m->hw->host = m->host;
	return 0;
}

int machine_create(const struct machine_options *options, struct machine **out, char *error,
		   size_t error_size)
{
	struct machine *m = calloc(1, sizeof(*m));
	const void *dtb;
	size_t size;
	int rc;

	if (!m)
		return machine_error(error, error_size, -UIOMMU_ENOMEM, "no memory");
	pthread_mutex_init(&m->lock, NULL);
	m->options = *options;
	m->name = strdup(options->name ? options->name : "");
	rc = m->name ? machine_load(m->name, &dtb, &size, &m->file, error, error_size) :
		       machine_error(error, error_size, -UIOMMU_ENOMEM, "no memory");
	if (!rc)
		rc = describe_read(dtb, size, &m->d, error, error_size);
	if (!rc)
		rc = create_hardware(m, dtb, size, error, error_size);
	if (!rc)
		rc = create_host(m, error, error_size);
	if (rc) {
		machine_destroy(m);
		return rc;
	}
	*out = m;
	return 0;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	machine_shutdown(m);
	if (m->scratch)
		machine_buffer_free(m, m->scratch, 4096);
	machine_forget_pci(m);
	/* Hardware first: it may still deliver interrupts to the host. */
	if (m->hw) {
		m->hw->host = NULL;
		m->hw->report = NULL;
	}
	uiommu_posix_destroy(m->host);
	if (m->hw)
		m->hw->ops->destroy(m->hw);
	describe_free(m->d);
	pthread_mutex_destroy(&m->lock);
	free(m->file);
	free(m->name);
	free(m);
}

/* ---- questions --------------------------------------------------------------------------------- */

struct uiommu_system *machine_system(struct machine *m)
{
	return m->sys;
}

struct uiommu_posix *machine_host(struct machine *m)
{
	return m->host;
}

struct machine_hardware *machine_hardware(struct machine *m)
{
	return m->hw;
}

const char *machine_name(struct machine *m)
{
	return m->name;
}

struct uiommu_pci_topology *machine_topology(struct machine *m)
{
	return &m->topology;
}

struct machine_device *machine_device(struct machine *m, const char *label)
{
	for (unsigned int i = 0; i < m->num_devices; i++)
		if (strcmp(m->devices[i].label, label) == 0)
			return &m->devices[i];
	return NULL;
}

struct machine_device *machine_device_at(struct machine *m, unsigned int index)
{
	return index < m->num_devices ? &m->devices[index] : NULL;
}

unsigned int machine_num_devices(struct machine *m)
{
	return m->num_devices;
}

const char *machine_device_label(const struct machine_device *device)
{
	return device->label;
}

struct uiommu_pci_function *machine_device_function(struct machine_device *device)
{
	return device->fn;
}

struct uiommu_device *machine_device_uiommu(struct machine_device *device)
{
	return device->dev;
}

void machine_device_set_uiommu(struct machine_device *device, struct uiommu_device *dev)
{
	device->dev = dev;
}

unsigned int machine_device_traits(struct machine_device *device)
{
	return device->traits;
}

/* ---- buffers and registers --------------------------------------------------------------------- */

void *machine_buffer(struct machine *m, uint64_t size, uint64_t align, uint64_t *phys)
{
	void *buffer;

	size = (size + 4095) & ~UINT64_C(4095);
	buffer = uiommu_posix_alloc_ram(m->host, size, align, phys);
	if (!buffer)
		return NULL;
	memset(buffer, 0, size);
	if (m->hw->ops->buffer_added)
		m->hw->ops->buffer_added(m->hw, *phys, size);
	return buffer;
}

void machine_buffer_free(struct machine *m, void *buffer, uint64_t size)
{
	if (!buffer)
		return;
	size = (size + 4095) & ~UINT64_C(4095);
	if (m->hw->ops->buffer_removed)
		m->hw->ops->buffer_removed(m->hw, uiommu_posix_ptr_to_phys(m->host, buffer), size);
	uiommu_posix_free_ram(m->host, buffer, size);
}

uint64_t machine_mmio_read(struct machine *m, uint64_t address, unsigned int size)
{
	return m->hw->ops->mmio_read(m->hw, address, size);
}

void machine_mmio_write(struct machine *m, uint64_t address, unsigned int size, uint64_t value)
{
	m->hw->ops->mmio_write(m->hw, address, size, value);
}
