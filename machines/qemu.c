/* SPDX-License-Identifier: MIT */
/*
 * qemu.c - QEMU's q35 and virt machines as the hardware of a machine
 *
 * What is started comes from the machine's description: functions that are not "model-only", and the unit's
 * preset translated into QEMU's properties.  The firmware tables and the Devicetree are QEMU's own; where
 * PCI is in memory is a fact of the emulated machine, whatever the description says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machines/machine.h"
#include "machines/qemu.h"

/* Where QEMU's machines have PCI. */
static const struct platform {
	uint64_t ecam, window, window_size;
	size_t devicetree; /* RAM begins with one, padded to this size; 0: not */
} platforms[] = {
	[QTEST_X86_64] = { 0xb0000000, 0xe0000000, 0x10000000, 0 },
	[QTEST_AARCH64] = { 0x4010000000, 0x10000000, 0x2eff0000, 0x100000 },
};

struct qemu {
	struct machine_hardware hw;
	struct qtest *q;
	const struct platform *platform;
	struct describe *d;
	void *tables; /* etc/acpi/tables; NULL: not fetched yet */
	size_t tables_size;
	void *devicetree;
	struct qemu_command command;
};

static struct qemu *of(struct machine_hardware *hw)
{
	return (struct qemu *)(void *)hw;
}

/* ---- operations -------------------------------------------------------------------------------- */

static uint64_t ecam(const struct qemu *qemu, uint8_t bus, uint8_t devfn, unsigned int offset)
{
	return qemu->platform->ecam + ((uint64_t)bus << 20) + ((uint64_t)devfn << 12) + offset;
}

static uint32_t config_read(struct machine_hardware *hw, uint16_t segment, uint8_t bus,
			    uint8_t devfn, unsigned int offset, unsigned int size)
{
	return segment ? UINT32_MAX :
			 (uint32_t)qtest_read(of(hw)->q, ecam(of(hw), bus, devfn, offset), size);
}

static void config_write(struct machine_hardware *hw, uint16_t segment, uint8_t bus, uint8_t devfn,
			 unsigned int offset, unsigned int size, uint32_t value)
{
	if (!segment)
		qtest_post(of(hw)->q, ecam(of(hw), bus, devfn, offset), size, value);
}

static uint64_t mmio_read(struct machine_hardware *hw, uint64_t address, unsigned int size)
{
	return qtest_read(of(hw)->q, address, size);
}

static void mmio_write(struct machine_hardware *hw, uint64_t address, unsigned int size,
		       uint64_t value)
{
	qtest_write(of(hw)->q, address, size, value);
}

static void mmio_post(struct machine_hardware *hw, uint64_t address, unsigned int size,
		      uint64_t value)
{
	qtest_post(of(hw)->q, address, size, value);
}

static uint64_t find_inside(struct machine_hardware *hw, const char *name, const void *bytes,
			    size_t size)
{
	return qtest_find_inside(of(hw)->q, name, bytes, size);
}

static bool access_inside(struct machine_hardware *hw, uint64_t where, bool write, void *data,
			  size_t size)
{
	return write ? qtest_write_inside(of(hw)->q, where, data, size) :
		       qtest_read_inside(of(hw)->q, where, data, size);
}

static bool problem(struct machine_hardware *hw, char *text, size_t size)
{
	return qtest_problem(of(hw)->q, text, size);
}

/*
 * The tables come before firmware has linked them: only the checksum has to be filled in.  They are made when
 * they are asked for, from the bus numbers of that moment: not before PCI was enumerated.
 */
static const void *acpi_table(struct machine_hardware *hw, const char signature[4], size_t *size)
{
	struct qemu *qemu = of(hw);
	unsigned char *tables;

	if (!qemu->d->acpi)
		return NULL;
	if (!qemu->tables)
		qemu->tables = qtest_firmware_file(qemu->q, "etc/acpi/tables", &qemu->tables_size);
	tables = qemu->tables;
	for (size_t at = 0; tables && at + 36 <= qemu->tables_size; at++) {
		unsigned char sum = 0;
		uint32_t length;

		if (memcmp(tables + at, signature, 4))
			continue;
		memcpy(&length, tables + at + 4, sizeof(length));
		if (length < 36 || length > qemu->tables_size - at)
			continue;
		tables[at + 9] = 0;
		for (uint32_t i = 0; i < length; i++)
			sum = (unsigned char)(sum + tables[at + i]);
		tables[at + 9] = (unsigned char)-sum;
		*size = length;
		return tables + at;
	}
	return NULL;
}

static const void *devicetree(struct machine_hardware *hw, size_t *size)
{
	struct qemu *qemu = of(hw);

	*size = qemu->d->acpi ? 0 : qemu->platform->devicetree;
	return qemu->d->acpi ? NULL : qemu->devicetree;
}

static void settle(struct machine_hardware *hw)
{
	qtest_step(of(hw)->q, 100000000); /* the edu's timer */
}

static void expect_clean(struct machine_hardware *hw, bool clean)
{
	(void)hw;
	(void)clean;
}

static int start(struct machine_hardware *hw)
{
	(void)hw;
	return -UIOMMU_EOPNOTSUPP;
}

static void stop(struct machine_hardware *hw)
{
	(void)hw;
}

static void buffer(struct machine_hardware *hw, uiommu_phys_t phys, uint64_t size)
{
	(void)hw;
	(void)phys;
	(void)size;
}

static const struct uiommu_posix_hooks *hooks(struct machine_hardware *hw)
{
	(void)hw;
	return NULL;
}

static void destroy(struct machine_hardware *hw)
{
	struct qemu *qemu = of(hw);

	qtest_stop(qemu->q);
	describe_free(qemu->d);
	free(qemu->tables);
	free(qemu->devicetree);
	free(qemu);
}

static const struct machine_hardware_ops ops = {
	.name = "qemu",
	.config_read = config_read,
	.config_write = config_write,
	.mmio_read = mmio_read,
	.mmio_write = mmio_write,
	.mmio_post = mmio_post,
	.find_inside = find_inside,
	.access_inside = access_inside,
	.problem = problem,
	.acpi_table = acpi_table,
	.devicetree = devicetree,
	.settle = settle,
	.expect_clean = expect_clean,
	.start = start,
	.stop = stop,
	.buffer_added = buffer,
	.buffer_removed = buffer,
	.hooks = hooks,
	.destroy = destroy,
};

/* What the machine's own firmware would have done before software starts. */
static int prepare(struct qemu *qemu, char *error, size_t error_size)
{
	size_t size = qemu->platform->devicetree;

	if (qtest_architecture(qemu->q) == QTEST_X86_64) {
		/* PCIEXBAR: configuration space in memory (Q35 host bridge, 0:0.0 offset 0x60). */
		qtest_out(qemu->q, 0xcf8, 4, 0x80000060);
		qtest_out(qemu->q, 0xcfc, 4, (uint32_t)qemu->platform->ecam | 1);
		qtest_out(qemu->q, 0xcf8, 4, 0x80000064);
		qtest_out(qemu->q, 0xcfc, 4, 0);
	}
	if (!size)
		return 0;
	qemu->devicetree = malloc(size);
	if (!qemu->devicetree) {
		snprintf(error, error_size, "no memory");
		return -UIOMMU_ENOMEM;
	}
	memcpy(qemu->devicetree, qtest_ram(qemu->q), size);
	return 0;
}

int machine_hardware_qemu(const void *dtb, size_t dtb_size, uint64_t seed,
			  struct machine_hardware **out, char *error, size_t error_size)
{
	struct qemu *qemu = calloc(1, sizeof(*qemu));
	struct qtest_config config = { .arguments = qemu_arguments, .suits = qemu_suits };
	int rc;

	(void)seed; /* QEMU does nothing at random here */
	if (!qemu) {
		snprintf(error, error_size, "no memory");
		return -UIOMMU_ENOMEM;
	}
	rc = describe_read(dtb, dtb_size, &qemu->d, error, error_size);
	if (rc)
		goto free_qemu;
	if (!qemu_can_be(qemu->d)) {
		snprintf(error, error_size, "QEMU has no machine like this one (%s)",
			 qemu->d->summary);
		rc = -UIOMMU_EOPNOTSUPP;
		goto free_description;
	}
	qemu->command.d = qemu->d;
	config.context = &qemu->command;
	config.architecture = qemu_architecture(qemu->d);
	config.ram_size = qemu->d->ram_size;
	qemu->platform = &platforms[config.architecture];
	rc = qtest_start(&config, &qemu->q, error, error_size);
	if (rc)
		goto free_description;
	rc = prepare(qemu, error, error_size);
	if (rc)
		goto stop_qtest;
	qemu->hw.ops = &ops;
	qemu->hw.traits = MACHINE_FAULT_RECORDS | MACHINE_CACHES;
	snprintf(qemu->hw.version, sizeof(qemu->hw.version), "%s", qtest_version(qemu->q));
	qemu->hw.ram = qtest_ram(qemu->q);
	qemu->hw.ram_base = qtest_ram_base(qemu->q);
	qemu->hw.ram_size = qemu->d->ram_size;
	qemu->hw.reserve_below = qemu->d->reserve_below;
	qemu->hw.mmio_window = qemu->platform->window;
	qemu->hw.mmio_window_size = qemu->platform->window_size;
	qemu->hw.num_segments = 1;
	*out = &qemu->hw;
	return 0;

stop_qtest:
	qtest_stop(qemu->q);
free_description:
	describe_free(qemu->d);
free_qemu:
	free(qemu);
	return rc;
}
