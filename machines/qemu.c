/* SPDX-License-Identifier: MIT */
/*
 * qemu.c - QEMU's q35 with its intel-iommu as the hardware of a machine
 *
 * What is started comes from the machine's description: functions that are not "model-only", and the unit's
 * preset translated into QEMU's properties.  The firmware tables are QEMU's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machines/describe.h"
#include "machines/machine.h"
#include "ports/qtest/qtest.h"

#define ECAM 0xb0000000u
#define ARGUMENT_SIZE 128
#define MAX_DEVICES 48

struct qemu {
	struct machine_hardware hw;
	struct qtest *q;
	struct describe *d;
	void *tables; /* etc/acpi/tables */
	size_t tables_size;
	char arguments[MAX_DEVICES][ARGUMENT_SIZE];
};

static struct qemu *of(struct machine_hardware *hw)
{
	return (struct qemu *)(void *)hw;
}

/* ---- what to start ----------------------------------------------------------------------------- */

/*
 * A preset of the models in QEMU's words.  Two words for one thing: the newer first; the one that the program
 * has is taken.
 */
struct property {
	const char *names[2], *value;
};

static const struct preset {
	const char *name;
	struct property properties[4];
} presets[] = {
	{ "legacy", { { { "aw-bits" }, "48" } } },
	{ "legacy-39", { { { "aw-bits" }, "39" } } },
	{ "legacy-cm", { { { "aw-bits" }, "48" }, { { "caching-mode" }, "on" } } },
	{ "scalable",
	  { { { "aw-bits" }, "48" }, { { "scalable-mode", "x-scalable-mode" }, "on" } } },
	{ "scalable-second",
	  { { { "aw-bits" }, "48" }, { { "scalable-mode", "x-scalable-mode" }, "on" } } },
	{ "scalable-first",
	  { { { "aw-bits" }, "48" },
	    { { "scalable-mode", "x-scalable-mode" }, "on" },
	    { { "fsts", "x-flts" }, "on" } } },
};

static const struct preset *find_preset(const char *name)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (name && !strcmp(presets[i].name, name))
			return &presets[i];
	return NULL;
}

static const char *spelling(const struct qtest *q, const struct property *p)
{
	for (unsigned int i = 0; i < 2 && p->names[i]; i++)
		if (qtest_has(q, "intel-iommu", p->names[i]))
			return p->names[i];
	return NULL;
}

static bool suits(void *context, const struct qtest *q, char *error, size_t error_size)
{
	const struct qemu *qemu = context;
	const struct preset *preset = find_preset(qemu->d->units[0].preset);

	for (const struct property *p = preset->properties; p->names[0]; p++) {
		if (spelling(q, p))
			continue;
		snprintf(error, error_size, "the intel-iommu of %s has no %s%s%s", qtest_version(q),
			 p->names[0], p->names[1] ? " or " : "", p->names[1] ? p->names[1] : "");
		return false;
	}
	return true;
}

static const char *device_name(enum describe_kind kind)
{
	switch (kind) {
	case DESCRIBE_ROOT_PORT:
		return "pcie-root-port";
	case DESCRIBE_PCIE_PCI_BRIDGE:
		return "pcie-pci-bridge";
	case DESCRIBE_EDU:
		return "edu";
	case DESCRIBE_TESTDEV:
		return "iommu-testdev";
	default:
		return NULL;
	}
}

static bool can_start(const struct describe *d, unsigned int i)
{
	while (i != DESCRIBE_NONE) {
		if (d->functions[i].model_only || !device_name(d->functions[i].kind))
			return false;
		i = d->functions[i].parent;
	}
	return true;
}

static unsigned int arguments(void *context, const struct qtest *q, char **argv, unsigned int room)
{
	struct qemu *qemu = context;
	const struct describe *d = qemu->d;
	unsigned int n = 0, text = 0, at;

	at = (unsigned int)snprintf(qemu->arguments[text], ARGUMENT_SIZE, "intel-iommu");
	for (const struct property *p = find_preset(d->units[0].preset)->properties; p->names[0];
	     p++)
		at += (unsigned int)snprintf(qemu->arguments[text] + at, ARGUMENT_SIZE - at,
					     ",%s=%s", spelling(q, p), p->value);
	argv[n++] = "-M";
	argv[n++] = "q35,memory-backend=ram,pit=off";
	argv[n++] = "-device";
	argv[n++] = qemu->arguments[text++];
	for (unsigned int i = 0; i < d->num_functions && text < MAX_DEVICES && n + 2 < room; i++) {
		const struct describe_function *f = &d->functions[i];
		char bus[16] = "pcie.0";

		if (!can_start(d, i) ||
		    (f->kind == DESCRIBE_TESTDEV && !qtest_has(q, "iommu-testdev", NULL)))
			continue;
		if (f->parent != DESCRIBE_NONE)
			snprintf(bus, sizeof(bus), "f%u", f->parent);
		snprintf(qemu->arguments[text], ARGUMENT_SIZE, "%s,id=f%u,bus=%s,addr=%x.%x%s%s",
			 device_name(f->kind), i, bus, f->devfn >> 3, f->devfn & 7,
			 f->multifunction ? ",multifunction=on" : "",
			 f->kind == DESCRIBE_EDU ? ",dma_mask=0xffffffffffffffff" : "");
		if (f->kind == DESCRIBE_ROOT_PORT) {
			at = (unsigned int)strlen(qemu->arguments[text]);
			snprintf(qemu->arguments[text] + at, ARGUMENT_SIZE - at,
				 ",chassis=%u,slot=%u", i + 1, i + 1);
		}
		argv[n++] = "-device";
		argv[n++] = qemu->arguments[text++];
	}
	return n;
}

/* ---- operations -------------------------------------------------------------------------------- */

static uint64_t ecam(uint8_t bus, uint8_t devfn, unsigned int offset)
{
	return ECAM + ((uint64_t)bus << 20) + ((uint64_t)devfn << 12) + offset;
}

static uint32_t config_read(struct machine_hardware *hw, uint16_t segment, uint8_t bus,
			    uint8_t devfn, unsigned int offset, unsigned int size)
{
	return segment ? UINT32_MAX :
			 (uint32_t)qtest_read(of(hw)->q, ecam(bus, devfn, offset), size);
}

static void config_write(struct machine_hardware *hw, uint16_t segment, uint8_t bus, uint8_t devfn,
			 unsigned int offset, unsigned int size, uint32_t value)
{
	if (!segment)
		qtest_post(of(hw)->q, ecam(bus, devfn, offset), size, value);
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

/* The tables come before firmware has linked them: only the checksum has to be filled in. */
static const void *acpi_table(struct machine_hardware *hw, const char signature[4], size_t *size)
{
	struct qemu *qemu = of(hw);
	unsigned char *tables = qemu->tables;

	for (size_t at = 0; at + 36 <= qemu->tables_size; at++) {
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
	(void)hw;
	*size = 0;
	return NULL;
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

int machine_hardware_qemu(const void *dtb, size_t dtb_size, uint64_t seed,
			  struct machine_hardware **out, char *error, size_t error_size)
{
	struct qemu *qemu = calloc(1, sizeof(*qemu));
	struct qtest_config config = {
		.architecture = QTEST_X86_64,
		.arguments = arguments,
		.suits = suits,
		.context = qemu,
	};
	int rc;

	(void)seed; /* QEMU does nothing at random here */
	if (!qemu) {
		snprintf(error, error_size, "no memory");
		return -UIOMMU_ENOMEM;
	}
	rc = describe_read(dtb, dtb_size, &qemu->d, error, error_size);
	if (rc)
		goto free_qemu;
	if (qemu->d->num_units != 1 || !find_preset(qemu->d->units[0].preset)) {
		snprintf(error, error_size, "QEMU has no machine like this one (%s)",
			 qemu->d->summary);
		rc = -UIOMMU_EOPNOTSUPP;
		goto free_description;
	}
	config.ram_size = qemu->d->ram_size;
	rc = qtest_start(&config, &qemu->q, error, error_size);
	if (rc)
		goto free_description;
	/* PCIEXBAR: configuration space in memory (Q35 host bridge, 0:0.0 offset 0x60). */
	qtest_out(qemu->q, 0xcf8, 4, 0x80000060);
	qtest_out(qemu->q, 0xcfc, 4, ECAM | 1);
	qtest_out(qemu->q, 0xcf8, 4, 0x80000064);
	qtest_out(qemu->q, 0xcfc, 4, 0);
	qemu->tables = qtest_firmware_file(qemu->q, "etc/acpi/tables", &qemu->tables_size);
	if (!qemu->tables) {
		snprintf(error, error_size, "%s gives no ACPI tables", qtest_version(qemu->q));
		rc = -UIOMMU_EIO;
		goto stop_qtest;
	}
	qemu->hw.ops = &ops;
	qemu->hw.traits = MACHINE_FAULT_RECORDS | MACHINE_CACHES;
	snprintf(qemu->hw.version, sizeof(qemu->hw.version), "%s", qtest_version(qemu->q));
	qemu->hw.ram = qtest_ram(qemu->q);
	qemu->hw.ram_base = qemu->d->ram_base;
	qemu->hw.ram_size = qemu->d->ram_size;
	qemu->hw.reserve_below = qemu->d->reserve_below;
	qemu->hw.mmio_window = qemu->d->hosts[0].window;
	qemu->hw.mmio_window_size = qemu->d->hosts[0].window_size;
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
