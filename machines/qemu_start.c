/* SPDX-License-Identifier: MIT */
/*
 * qemu_start.c - what QEMU is asked to be: a machine's description in the words of its command line
 *
 * The unit's preset is translated into properties of QEMU's device; a preset that is not here is something that QEMU
 * has no device for.  What a program does not know by any of its names makes the machine
 * impossible with it, and the reason is told.
 */
#include <stdio.h>
#include <string.h>

#include "machines/qemu.h"

/* A property, by its newer name and an older one; the one that the program has is taken. */
struct property {
	const char *names[2], *value;
};

/* Each IOMMU that QEMU has for one of our units. */
struct preset {
	enum describe_unit_kind kind;
	const char *name;
	const char *machine; /* for "-M" */
	const char *machine_without; /* the same for programs without the last property; NULL: none */
	struct property properties[4];
};

#define PC "q35,memory-backend=ram,pit=off"
#define ARM ",gic-version=3,memory-backend=ram"

#define ON(...)                       \
	{                             \
		{ __VA_ARGS__ }, "on" \
	}
#define SET(name, value)        \
	{                       \
		{ name }, value \
	}

static const struct preset presets[] = {
	{ DESCRIBE_UNIT_VTD, "legacy", PC, NULL, { SET("aw-bits", "48"), ON("snoop-control") } },
	{ DESCRIBE_UNIT_VTD, "legacy-39", PC, NULL, { SET("aw-bits", "39") } },
	{ DESCRIBE_UNIT_VTD, "legacy-cm", PC, NULL, { SET("aw-bits", "48"), ON("caching-mode") } },
	{ DESCRIBE_UNIT_VTD,
	  "scalable",
	  PC,
	  NULL,
	  { SET("aw-bits", "48"), ON("scalable-mode", "x-scalable-mode") } },
	{ DESCRIBE_UNIT_VTD,
	  "scalable-first",
	  PC,
	  NULL,
	  { SET("aw-bits", "48"), ON("scalable-mode", "x-scalable-mode"), ON("fsts", "x-flts") } },
	/* From version 10 on the newest machine has both stages whatever is asked; 9.1's obeys. */
	{ DESCRIBE_UNIT_SMMUV3,
	  "nested",
	  "virt" ARM ",iommu=smmuv3",
	  NULL,
	  { SET("stage", "nested") } },
	{ DESCRIBE_UNIT_SMMUV3,
	  "s1",
	  "virt-9.1" ARM ",iommu=smmuv3",
	  "virt" ARM ",iommu=smmuv3",
	  { SET("stage", "1") } },
	{ DESCRIBE_UNIT_SMMUV3, "s2", "virt-9.1" ARM ",iommu=smmuv3", NULL, { SET("stage", "2") } },
	/* A device that blocks after reset could not be used before its driver starts. */
	{ DESCRIBE_UNIT_VIRTIO, "standard", NULL, NULL, { ON("boot-bypass") } },
};

static const struct {
	const char *type;
	bool global; /* the machine makes the device: properties are set for all of the type */
} kinds[] = {
	[DESCRIBE_UNIT_VTD] = { "intel-iommu", false },
	[DESCRIBE_UNIT_SMMUV3] = { "arm-smmuv3", true },
	[DESCRIBE_UNIT_VIRTIO] = { "virtio-iommu-pci", false },
};

static const struct preset *find_preset(const struct describe_unit *unit)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (presets[i].kind == unit->kind && unit->preset &&
		    !strcmp(presets[i].name, unit->preset))
			return &presets[i];
	return NULL;
}

enum qtest_architecture qemu_architecture(const struct describe *d)
{
	return d->ram_base ? QTEST_AARCH64 : QTEST_X86_64;
}

bool qemu_can_be(const struct describe *d)
{
	const struct describe_unit *unit = &d->units[0];

	return d->num_units == 1 && d->num_hosts == 1 && find_preset(unit) &&
	       (unit->kind != DESCRIBE_UNIT_VIRTIO || unit->function != DESCRIBE_NONE);
}

static const char *spelling(const struct qtest *q, const struct preset *preset,
			    const struct property *p)
{
	for (unsigned int i = 0; i < 2 && p->names[i]; i++)
		if (qtest_has(q, kinds[preset->kind].type, p->names[i]))
			return p->names[i];
	return NULL;
}

bool qemu_suits(void *context, const struct qtest *q, char *error, size_t error_size)
{
	const struct qemu_command *command = context;
	const struct preset *preset = find_preset(&command->d->units[0]);
	const char *type = kinds[preset->kind].type;

	if (!qtest_has(q, type, NULL)) {
		snprintf(error, error_size, "%s has no %s", qtest_version(q), type);
		return false;
	}
	for (const struct property *p = preset->properties; p->names[0]; p++) {
		if (spelling(q, preset, p) || preset->machine_without)
			continue;
		snprintf(error, error_size, "the %s of %s has no %s%s%s", type, qtest_version(q),
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
	case DESCRIBE_VIRTIO_IOMMU:
		return "virtio-iommu-pci";
	default:
		return NULL;
	}
}

static bool can_start(const struct describe *d, const struct qtest *q, unsigned int i)
{
	if (d->functions[i].kind == DESCRIBE_TESTDEV && !qtest_has(q, "iommu-testdev", NULL))
		return false;
	for (; i != DESCRIBE_NONE; i = d->functions[i].parent)
		if (d->functions[i].model_only || !device_name(d->functions[i].kind))
			return false;
	return true;
}

/* The command line as it grows. */
struct line {
	struct qemu_command *command;
	const struct qtest *q;
	char **argv;
	unsigned int count, room, texts;
};

static void add(struct line *line, const char *option, const char *value)
{
	if (line->count + 2 > line->room)
		return;
	line->argv[line->count++] = (char *)(uintptr_t)option;
	line->argv[line->count++] = (char *)(uintptr_t)value;
}

/* The next free text; the last one again and again when there are no more, which no machine here needs. */
static char *text(struct line *line)
{
	char *next = line->command->text[line->texts];

	if (line->texts < QEMU_TEXTS - 1)
		line->texts++;
	next[0] = '\0';
	return next;
}

static __attribute__((format(printf, 2, 3))) void append(char *to, const char *format, ...)
{
	size_t length = strlen(to);
	va_list args;

	va_start(args, format);
	vsnprintf(to + length, QEMU_TEXT_SIZE - length, format, args);
	va_end(args);
}

static void add_function(struct line *line, unsigned int i)
{
	const struct describe_function *f = &line->command->d->functions[i];
	char *to = text(line);

	append(to, "%s,id=f%u,addr=%x.%x", device_name(f->kind), i, f->devfn >> 3, f->devfn & 7);
	if (f->parent == DESCRIBE_NONE)
		append(to, ",bus=pcie.0");
	else
		append(to, ",bus=f%u", f->parent);
	if (f->multifunction)
		append(to, ",multifunction=on");
	if (f->kind == DESCRIBE_EDU)
		append(to, ",dma_mask=0xffffffffffffffff");
	if (f->kind == DESCRIBE_ROOT_PORT)
		append(to, ",chassis=%u,slot=%u", i + 1, i + 1);
	add(line, "-device", to);
}

/* The IOMMU comes first: it has to be there when the devices look for it. */
static void add_unit(struct line *line)
{
	const struct describe_unit *unit = &line->command->d->units[0];
	const struct preset *preset = find_preset(unit);
	const char *machine = preset->machine;
	bool global = kinds[preset->kind].global;
	char *device = NULL;

	for (const struct property *p = preset->properties; p->names[0]; p++)
		if (!spelling(line->q, preset, p))
			machine = preset->machine_without;
	if (!machine) /* a device that is at home on every machine */
		machine = qemu_architecture(line->command->d) == QTEST_AARCH64 ? "virt" ARM : PC;
	add(line, "-M", machine);
	if (unit->function != DESCRIBE_NONE) {
		add_function(line, unit->function);
		device = line->argv[line->count - 1];
	} else if (!global) {
		device = text(line);
		append(device, "%s", kinds[preset->kind].type);
		add(line, "-device", device);
	}
	for (const struct property *p = preset->properties; p->names[0]; p++) {
		const char *name = spelling(line->q, preset, p);
		char *to = device;

		if (!name)
			continue;
		if (global) {
			to = text(line);
			append(to, "%s.%s=%s", kinds[preset->kind].type, name, p->value);
			add(line, "-global", to);
		} else {
			append(to, ",%s=%s", name, p->value);
		}
	}
}

unsigned int qemu_arguments(void *context, const struct qtest *q, char **argv, unsigned int room)
{
	struct line line = { .command = context, .q = q, .argv = argv, .room = room };
	const struct describe *d = line.command->d;

	add_unit(&line);
	for (unsigned int i = 0; i < d->num_functions; i++)
		if (i != d->units[0].function && can_start(d, q, i))
			add_function(&line, i);
	return line.count;
}
