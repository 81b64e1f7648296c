/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/abi_vfio.h>

#include "tests/uapi/platform_bank.h"

/* ---- registers --------------------------------------------------------------------------------- */

static void keep(struct bank *b, bool write, bool relaxed, unsigned int region, uint64_t offset,
		 unsigned int size, uint32_t value)
{
	assert_true(region < b->io.num_regions);
	assert_true(size == 1 || size == 2 || size == 4);
	assert_true(offset % size == 0 && offset + size <= b->regions[region].size);
	/* Reachable first: nobody touches what has not been mapped, or is not any more. */
	assert_int_equal(b->maps[region], b->unmaps[region] + 1);
	assert_true(b->accesses < BANK_ACCESSES);
	b->access[b->accesses++] = (struct bank_access){ .write = write,
							 .relaxed = relaxed,
							 .region = region,
							 .size = size,
							 .offset = offset,
							 .at = b->now,
							 .value = value };
}

static uint32_t do_read(struct bank *b, bool relaxed, unsigned int region, uint64_t offset,
			unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, b->memory[region] + offset, size);
	if (b->on_read)
		value = b->on_read(b, region, offset, value);
	keep(b, false, relaxed, region, offset, size, value);
	return value;
}

static void do_write(struct bank *b, bool relaxed, unsigned int region, uint64_t offset,
		     unsigned int size, uint32_t value)
{
	keep(b, true, relaxed, region, offset, size, value);
	memcpy(b->memory[region] + offset, &value, size);
	if (b->on_write)
		b->on_write(b, region, offset, value);
}

static uint32_t bank_read(void *context, unsigned int region, uint64_t offset, unsigned int size)
{
	return do_read(context, false, region, offset, size);
}

static void bank_write(void *context, unsigned int region, uint64_t offset, unsigned int size,
		       uint32_t value)
{
	do_write(context, false, region, offset, size, value);
}

static uint32_t bank_read_relaxed(void *context, unsigned int region, uint64_t offset,
				  unsigned int size)
{
	return do_read(context, true, region, offset, size);
}

static void bank_write_relaxed(void *context, unsigned int region, uint64_t offset,
			       unsigned int size, uint32_t value)
{
	do_write(context, true, region, offset, size, value);
}

static int bank_map(void *context, unsigned int region)
{
	struct bank *b = context;

	assert_int_equal(b->maps[region], b->unmaps[region]);
	if (!b->map_result)
		b->maps[region]++;
	return b->map_result;
}

static void bank_unmap(void *context, unsigned int region)
{
	struct bank *b = context;

	b->unmaps[region]++;
	assert_int_equal(b->maps[region], b->unmaps[region]);
}

static void bank_delay(void *context, uint64_t ns)
{
	((struct bank *)context)->now += ns;
}

/* ---- interrupts -------------------------------------------------------------------------------- */

/* The lock is held, and is not when the driver is told. */
static void settle(struct bank *b, unsigned int irq)
{
	struct bank_line *line = &b->lines[irq];
	bool level = b->irqs[irq].level;
	bool comes = !line->masked && line->deliver && (level ? line->asserted : line->pending);
	void (*deliver)(void *token, unsigned int irq) = line->deliver;
	void *token = line->token;

	if (comes) {
		line->pending = false;
		line->masked = level;
	}
	pthread_mutex_unlock(&b->lock);
	if (comes)
		deliver(token, irq);
}

static int bank_set_irq(void *context, unsigned int irq,
			void (*deliver)(void *token, unsigned int irq), void *token)
{
	struct bank *b = context;
	struct bank_line *line = &b->lines[irq];

	assert_true(irq < b->io.num_irqs);
	if (deliver && line->error)
		return line->error;
	pthread_mutex_lock(&b->lock);
	assert_int_equal(!line->deliver, !!deliver);
	line->deliver = deliver;
	line->token = token;
	line->masked = true;
	line->pending = false;
	pthread_mutex_unlock(&b->lock);
	return 0;
}

static void bank_mask_irq(void *context, unsigned int irq, bool masked)
{
	struct bank *b = context;

	assert_true(irq < b->io.num_irqs);
	pthread_mutex_lock(&b->lock);
	assert_non_null(b->lines[irq].deliver);
	b->lines[irq].masked = masked;
	settle(b, irq);
}

void bank_raise(struct bank *b, unsigned int irq)
{
	pthread_mutex_lock(&b->lock);
	b->lines[irq].asserted = true;
	b->lines[irq].pending = true;
	settle(b, irq);
}

void bank_drop(struct bank *b, unsigned int irq)
{
	pthread_mutex_lock(&b->lock);
	b->lines[irq].asserted = false;
	pthread_mutex_unlock(&b->lock);
}

bool bank_masked(struct bank *b, unsigned int irq)
{
	bool masked;

	pthread_mutex_lock(&b->lock);
	masked = b->lines[irq].masked;
	pthread_mutex_unlock(&b->lock);
	return masked;
}

/* ---- the device -------------------------------------------------------------------------------- */

static void keep_line(void *context, enum uiommu_log_level level, const char *line)
{
	struct bank *b = context;

	(void)level;
	if (strncmp(line, "vfio-platform", 13) != 0)
		return;
	assert_true(b->logged < BANK_LINES);
	strncpy(b->log[b->logged++], line, sizeof(b->log[0]) - 1);
}

bool bank_said(struct bank *b, const char *one, const char *two)
{
	for (unsigned int i = 0; i < b->logged; i++) {
		if (strstr(b->log[i], one) && strstr(b->log[i], two))
			return true;
	}
	return false;
}

void bank_start(struct bank *b, const struct uiommu_uapi_config *config)
{
	memset(b, 0, sizeof(*b));
	pthread_mutex_init(&b->lock, NULL);
	b->hooks = (struct uiommu_posix_hooks){ .context = b, .log = keep_line };
	world_start_hooked(&b->w, "virt-smmuv3-platform", config, &b->hooks);
	b->io = (struct uiommu_uapi_platform_io){
		.regions = b->regions,
		.irqs = b->irqs,
		.map_registers = bank_map,
		.unmap_registers = bank_unmap,
		.read = bank_read,
		.write = bank_write,
		.read_relaxed = bank_read_relaxed,
		.write_relaxed = bank_write_relaxed,
		.set_irq = bank_set_irq,
		.mask_irq = bank_mask_irq,
		.delay = bank_delay,
		.compatible = "test,bank",
		.context = b,
	};
	b->iommufd = -1;
	b->cdev = -1;
}

void bank_add_region(struct bank *b, uint64_t address, uint64_t size)
{
	unsigned int i = b->io.num_regions++;

	assert_true(i < BANK_REGIONS);
	b->regions[i] = (struct uiommu_uapi_platform_region){ .address = address, .size = size };
	b->memory[i] = calloc(1, size);
	assert_non_null(b->memory[i]);
}

void bank_add_irq(struct bank *b, bool level)
{
	assert_true(b->io.num_irqs < BANK_IRQS);
	b->irqs[b->io.num_irqs++].level = level;
}

int bank_add(struct bank *b)
{
	struct uiommu_uapi_device_config config = {
		.dev = machine_device_uiommu(world_device(&b->w, "platform0")),
		.bus = UIOMMU_UAPI_PLATFORM,
		.platform = &b->io,
	};

	return uiommu_uapi_add_device(b->w.uapi, &config, &b->known);
}

int bank_bind(struct bank *b)
{
	int rc = b->known ? 0 : bank_add(b);

	return rc ? rc : uiommu_uapi_bind_driver(b->known, "vfio-platform");
}

long bank_open(struct bank *b)
{
	struct abi_vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	char path[64];
	long rc;

	assert_true(uiommu_uapi_device_cdev_path(b->known, path, sizeof(path)) > 0);
	if (b->iommufd < 0)
		b->iommufd = uiommu_uapi_open(b->w.process, "/dev/iommu");
	b->cdev = uiommu_uapi_open(b->w.process, path);
	assert_true(b->iommufd >= 0 && b->cdev >= 0);
	bind.iommufd = b->iommufd;
	rc = bank_call(b, ABI_VFIO_DEVICE_BIND_IOMMUFD, &bind);
	b->devid = bind.out_devid;
	if (rc)
		bank_close(b);
	return rc;
}

void bank_close(struct bank *b)
{
	assert_int_equal(uiommu_uapi_close(b->w.process, b->cdev), 0);
	b->cdev = -1;
}

long bank_call(struct bank *b, unsigned long command, void *argument)
{
	return uiommu_uapi_ioctl(b->w.process, b->cdev, command, (uintptr_t)argument);
}

void bank_stop(struct bank *b)
{
	if (b->cdev >= 0)
		bank_close(b);
	for (unsigned int i = 0; i < BANK_IRQS; i++)
		assert_null(b->lines[i].deliver);
	for (unsigned int i = 0; i < BANK_REGIONS; i++) {
		assert_int_equal(b->maps[i], b->unmaps[i]);
		free(b->memory[i]);
	}
	/* What vfio-platform said is in log. */
	for (size_t i = 0; i < machine_num_warnings(b->w.machine); i++)
		assert_non_null(strstr(machine_warning(b->w.machine, i), "vfio-platform"));
	machine_clear_warnings(b->w.machine);
	world_stop(&b->w);
	pthread_mutex_destroy(&b->lock);
}
