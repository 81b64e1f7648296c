/* SPDX-License-Identifier: MIT */
/*
 * groups_pci.c - which PCI functions belong together: bridges, services, functions, aliases, quirks
 *
 * The functions are configuration space in memory, the driver is the one in software (soft.h) with the
 * library's rule for PCI.  Nothing here depends on the subject's driver; what its own machine looks like
 * is C045's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform/saboteur.h"
#include "conform/soft.h"

#include <uiommu/pci.h>

/* What is needed of configuration space; sections of PCI Express 6.0. */
enum {
	VENDOR_ID = 0x00, /* 7.5.1.1 */
	DEVICE_ID = 0x02,
	STATUS = 0x06,
	STATUS_CAPABILITIES = 1 << 4,
	HEADER_TYPE = 0x0e,
	HEADER_MULTIFUNCTION = 1 << 7,
	SECONDARY_BUS = 0x19, /* 7.5.1.3 */
	CAPABILITY_POINTER = 0x34,
	CAPABILITY = 0x40, /* where we put the PCI Express capability (7.5.3) */
	CAPABILITY_EXPRESS = 0x10,
	CAPABILITY_TYPE_SHIFT = 4, /* of the register at 2 */
	ACS = 0x100, /* where we put access control services (7.7.11) */
	ACS_ID = 0x000d,
	ACS_OFFERED = ACS + 4,
	ACS_ENABLED = ACS + 6,
	CONFIG_SIZE = ACS + 8,
};

enum services {
	SV = 1 << 0, /* source validation */
	TB = 1 << 1, /* translation blocking */
	RR = 1 << 2, /* request redirect */
	CR = 1 << 3, /* completion redirect */
	UF = 1 << 4, /* upstream forwarding */
	EC = 1 << 5, /* egress control */
	DT = 1 << 6, /* direct translated requests */
	ALL = SV | RR | CR | UF,
};

enum type {
	CONVENTIONAL = -1,
	ENDPOINT = 0x0,
	ROOT_PORT = 0x4,
	UPSTREAM_PORT = 0x5,
	DOWNSTREAM_PORT = 0x6,
	TO_PCI_BRIDGE = 0x7,
	INTEGRATED = 0x9,
};

static uint8_t devfn(unsigned int slot, unsigned int function)
{
	return (uint8_t)(slot << 3 | function);
}

#define RW (UIOMMU_READ | UIOMMU_WRITE)

struct function {
	struct uiommu_pci_function fn;
	uint8_t config[CONFIG_SIZE];
};

/* At most as many functions as the soft driver has devices; each is a device. */
struct topology {
	struct soft *soft;
	struct uiommu_pci_topology pci;
	struct uiommu_pci_function *list[SOFT_DEVICES];
	struct function function[SOFT_DEVICES];
	unsigned int count;
};

static uint32_t config_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	const struct function *f = fn->context;
	uint32_t value = 0;

	for (unsigned int i = 0; i < size && offset + i < CONFIG_SIZE; i++)
		value |= (uint32_t)f->config[offset + i] << 8 * i;
	return value;
}

/* Nothing writes to it while groups are made. */
static void config_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	(void)fn;
	(void)offset;
	(void)size;
	(void)value;
	abort();
}

static void set(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
		uint32_t value)
{
	struct function *f = fn->context;

	for (unsigned int i = 0; i < size; i++)
		f->config[offset + i] = (uint8_t)(value >> 8 * i);
}

static struct topology *topology_create(struct subject *s)
{
	struct topology *t = calloc(1, sizeof(*t));

	CHECK(s, t, "no memory for the scenario");
	t->pci.functions = t->list;
	t->pci.config_read = config_read;
	t->pci.config_write = config_write;
	t->soft = soft_create(s, s->sys);
	t->soft->ops[0].device_group = s->saboteur && s->saboteur->group ? s->saboteur->group :
									   uiommu_pci_device_group;
	CHECK_OK(s, soft_start(t->soft, 0));
	return t;
}

static void topology_destroy(struct topology *t)
{
	soft_destroy(t->soft);
	free(t);
}

static struct uiommu_pci_function *function(struct topology *t, struct uiommu_pci_function *parent,
					    uint8_t bus, uint8_t number, enum type type)
{
	struct function *f = &t->function[t->count];
	struct uiommu_pci_function *fn = &f->fn;

	t->soft->device[t->count].pci = fn;
	t->list[t->count++] = fn;
	t->pci.num_functions = t->count;
	fn->bus = bus;
	fn->devfn = number;
	fn->parent = parent;
	fn->topology = &t->pci;
	fn->context = f;
	set(fn, VENDOR_ID, 4, 0x00010001);
	if (type != CONVENTIONAL) {
		set(fn, STATUS, 2, STATUS_CAPABILITIES);
		set(fn, CAPABILITY_POINTER, 1, CAPABILITY);
		set(fn, CAPABILITY, 1, CAPABILITY_EXPRESS);
		set(fn, CAPABILITY + 2, 2, (uint32_t)type << CAPABILITY_TYPE_SHIFT);
	}
	return fn;
}

static void acs(struct uiommu_pci_function *fn, uint16_t offered, uint16_t enabled)
{
	set(fn, ACS, 4, ACS_ID | 1u << 16);
	set(fn, ACS_OFFERED, 2, offered);
	set(fn, ACS_ENABLED, 2, enabled);
}

static void quirk(struct topology *t, const struct uiommu_pci_quirk *quirks, size_t count)
{
	t->pci.quirks = quirks;
	t->pci.num_quirks = count;
}

/* All come, the first one as number @first, the others behind it in a circle. */
static void arrive(struct subject *s, struct topology *t, unsigned int first)
{
	for (unsigned int i = 0; i < t->count; i++) {
		unsigned int which = (first + i) % t->count;

		CHECK_OK(s, soft_add(t->soft, which));
		CHECK(s, uiommu_device_is_translated(t->soft->device[which].dev),
		      "function %02x.%x did not get into a group: %s", t->list[which]->bus,
		      t->list[which]->devfn,
		      uiommu_strerror(uiommu_device_error(t->soft->device[which].dev)));
	}
}

static void leave(struct topology *t)
{
	for (unsigned int i = 0; i < t->count; i++)
		soft_remove(t->soft, i);
}

static bool together(const struct uiommu_pci_function *a, const struct uiommu_pci_function *b)
{
	struct uiommu_group *first = uiommu_group_get(a->dev), *second = uiommu_group_get(b->dev);
	bool same = first == second;

	uiommu_group_put(first);
	uiommu_group_put(second);
	return same;
}

/* ---- access control services ------------------------------------------------------------------- */

static void c034_all_four_services(struct subject *s)
{
	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (unsigned int i = 0; i < 16; i++) {
		uint16_t enabled = (uint16_t)((i & 1 ? SV : 0) | (i & 2 ? RR : 0) |
					      (i & 4 ? CR : 0) | (i & 8 ? UF : 0));
		struct topology *t = topology_create(s);
		struct uiommu_pci_function *port, *end;

		port = function(t, NULL, 0, devfn(1, 0), ROOT_PORT);
		end = function(t, port, 1, devfn(0, 0), ENDPOINT);
		acs(port, ALL, enabled);
		arrive(s, t, 0);
		CHECK(s, together(port, end) == (enabled != ALL),
		      "below a root port with services %02x of %02x enabled an endpoint is %s the "
		      "port's group",
		      enabled, ALL, together(port, end) ? "in" : "not in");
		topology_destroy(t);
	}
}

static void c035_services_that_are_not_there(struct subject *s)
{
	static const struct {
		bool capability;
		uint16_t offered, enabled;
		bool isolated;
		const char *what;
	} cases[] = {
		{ false, 0, 0, false, "no ACS capability" },
		{ true, 0, 0, true, "a capability that offers nothing" },
		{ true, RR | CR, RR | CR, true, "two services, both enabled" },
		{ true, RR | CR, RR, false, "two services, one enabled" },
		{ true, ALL & ~UF, ALL & ~UF, true, "no upstream forwarding" },
		{ true, ALL, ALL & ~SV, false, "source validation off" },
		{ true, ALL | TB, ALL, true, "translation blocking off" },
		{ true, ALL | EC | DT, ALL, true,
		  "egress control and direct translated requests off" },
	};

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct topology *t = topology_create(s);
		struct uiommu_pci_function *port, *end;

		port = function(t, NULL, 0, devfn(1, 0), DOWNSTREAM_PORT);
		end = function(t, port, 1, devfn(0, 0), ENDPOINT);
		if (cases[i].capability)
			acs(port, cases[i].offered, cases[i].enabled);
		arrive(s, t, 0);
		CHECK(s, together(port, end) == !cases[i].isolated, "a port with %s %s",
		      cases[i].what, cases[i].isolated ? "does not isolate" : "isolates");
		topology_destroy(t);
	}
}

static void c037_switches(struct subject *s)
{
	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (unsigned int multi = 0; multi < 2; multi++) {
		struct topology *t = topology_create(s);
		struct uiommu_pci_function *root, *up, *down[2], *end[2];

		root = function(t, NULL, 0, devfn(1, 0), ROOT_PORT);
		up = function(t, root, 1, devfn(0, 0), UPSTREAM_PORT);
		acs(root, ALL, ALL);
		if (multi)
			set(up, HEADER_TYPE, 1, HEADER_MULTIFUNCTION);
		for (uint8_t i = 0; i < 2; i++) {
			down[i] = function(t, up, 2, devfn(i, 0), DOWNSTREAM_PORT);
			acs(down[i], ALL, ALL);
			end[i] = function(t, down[i], (uint8_t)(3 + i), 0, ENDPOINT);
		}
		arrive(s, t, multi ? 5 : 0);
		CHECK(s, together(end[0], end[1]) == multi && together(end[0], up) == multi,
		      "below a switch whose upstream port is %s endpoints %s",
		      multi ? "one of several functions without ACS" : "a function of its own",
		      multi ? "are apart" : "share a group");
		CHECK(s, !together(end[0], root), "the root port isolates, and is in the group");
		topology_destroy(t);
	}
}

static void c038_functions_of_a_device(struct subject *s)
{
	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	/* Bits 3:0: which functions have ACS; bit 4: only function 0 says that there are several. */
	for (unsigned int i = 0; i < 32; i++) {
		struct topology *t = topology_create(s);
		struct uiommu_pci_function *fn[4];

		for (uint8_t f = 0; f < 4; f++) {
			fn[f] = function(t, NULL, 0, devfn(5, f), INTEGRATED);
			if (!(i & 16) || f == 0)
				set(fn[f], HEADER_TYPE, 1, HEADER_MULTIFUNCTION);
			if (i >> f & 1)
				acs(fn[f], ALL, ALL);
		}
		arrive(s, t, i % 4);
		for (unsigned int a = 0; a < 4; a++)
			for (unsigned int b = 0; b < a; b++)
				CHECK(s, together(fn[a], fn[b]) == !(i >> a & 1 || i >> b & 1),
				      "functions %u and %u %s; with ACS are (bits) %x", b, a,
				      together(fn[a], fn[b]) ? "share a group" : "are apart",
				      i & 15);
		topology_destroy(t);
	}
}

static void c039_single_function(struct subject *s)
{
	struct uiommu_pci_function *port, *end;
	struct topology *t;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	t = topology_create(s);
	port = function(t, NULL, 0, devfn(1, 0), ROOT_PORT);
	end = function(t, port, 1, devfn(0, 0), ENDPOINT);
	acs(port, ALL, ALL);
	arrive(s, t, 1);
	CHECK(s, !together(port, end), "an endpoint of one function needs no ACS of its own");
	topology_destroy(t);
}

/* ---- aliases ----------------------------------------------------------------------------------- */

struct bridged {
	struct topology *t;
	struct uiommu_pci_function *root, *bridge, *end[2];
};

static struct bridged bridged_create(struct subject *s)
{
	struct bridged b = { .t = topology_create(s) };

	b.root = function(b.t, NULL, 0, devfn(1, 0), ROOT_PORT);
	acs(b.root, ALL, ALL);
	b.bridge = function(b.t, b.root, 1, 0, TO_PCI_BRIDGE);
	set(b.bridge, VENDOR_ID, 4, 0x00070001);
	set(b.bridge, SECONDARY_BUS, 1, 2);
	for (uint8_t i = 0; i < 2; i++)
		b.end[i] = function(b.t, b.bridge, 2, devfn(1 + i, 0), CONVENTIONAL);
	return b;
}

/* On the subject's own hardware: requests under the bridge's ID and under the device's own. */
static void bridged_dma(struct subject *s)
{
	struct machine_device *device = machine_device(s->machine, "bridged0");
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_group *group;

	if (!device)
		return;
	CHECK_OK(s, machine_add_device(s->machine, device));
	group = subject_claim(s, "bridged0");
	domain = subject_domain(s, subject_device(s, "bridged0"), 0);
	buffer = subject_buffer(s, s->page);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_attach_group(domain, group));
	subject_dma_reaches(s, device, s->iova, buffer.phys, RW, NULL);
	uiommu_detach_group(domain, group);
	subject_dma_blocked(s, device, s->iova, buffer.phys, NULL);
	uiommu_domain_free(domain);
	subject_release(s, group);
	subject_buffer_free(s, &buffer);
}

static void c040_behind_a_bridge(struct subject *s)
{
	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (unsigned int first = 0; first < 4; first++) {
		struct bridged b = bridged_create(s);

		arrive(s, b.t, first);
		CHECK(s, together(b.end[0], b.end[1]) && together(b.end[0], b.bridge),
		      "devices behind a bridge to PCI, and the bridge, have different groups");
		CHECK(s, !together(b.end[0], b.root),
		      "the root port isolates, and is in the group");
		topology_destroy(b.t);
	}
	bridged_dma(s);
}

static void c041_flagged_bridges(struct subject *s)
{
	static const unsigned int flags[] = { UIOMMU_PCI_BRIDGE_NO_ALIAS,
					      UIOMMU_PCI_TRANSLATION_ROOT };

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (size_t i = 0; i < 2; i++) {
		/* Isolated too: otherwise it merges what is below, whatever the IDs are. */
		const struct uiommu_pci_quirk flagged = { 1, 7, flags[i] | UIOMMU_PCI_ISOLATED,
							  0, 0, 0 };
		struct bridged b = bridged_create(s);

		quirk(b.t, &flagged, 1);
		arrive(s, b.t, 0);
		CHECK(s, !together(b.end[0], b.end[1]) && !together(b.end[0], b.bridge),
		      "%s, and what is behind it shares a group",
		      i ? "the IOMMU is below the bridge" : "the bridge leaves IDs as they are");
		topology_destroy(b.t);
	}
}

/* Four functions, 0 to 3, of which function n also sends as n + 1, the last again as the first. */
static void alias_chain(struct subject *s, unsigned int links, unsigned int first)
{
	struct uiommu_pci_quirk quirks[4];
	struct topology *t = topology_create(s);
	struct uiommu_pci_function *fn[5];

	for (uint8_t i = 0; i < 5; i++) {
		fn[i] = function(t, NULL, 0, devfn(1 + i, 0), INTEGRATED);
		set(fn[i], DEVICE_ID, 2, 0x10u + i);
	}
	for (uint8_t i = 0; i < links; i++) {
		uint8_t alias = devfn(1 + (i + 1) % 4, 0);

		quirks[i] = (struct uiommu_pci_quirk){
			1, (uint16_t)(0x10 + i), UIOMMU_PCI_ALIAS_DEVFN, alias, alias, 0
		};
	}
	quirk(t, quirks, links);
	arrive(s, t, first);
	for (unsigned int i = 0; i < 3; i++)
		CHECK(s, together(fn[i], fn[i + 1]) == (i < links),
		      "function %u sends as %u%s, and they %s", i, i + 1, i < links ? "" : " never",
		      i < links ? "are apart" : "share a group");
	CHECK(s, !together(fn[0], fn[4]), "a function that nobody sends as is in the group");
	leave(t);
	topology_destroy(t);
}

static void c042_alias_circle(struct subject *s)
{
	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (unsigned int first = 0; first < 5; first++)
		alias_chain(s, 4, first);
}

static void c043_alias_on_one_side(struct subject *s)
{
	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (unsigned int links = 0; links < 3; links++)
		for (unsigned int first = 0; first < 2; first++)
			alias_chain(s, links, first);
}

static void c044_quirks(struct subject *s)
{
	static const struct uiommu_pci_quirk quirks[] = {
		{ 1, 0xa, UIOMMU_PCI_ISOLATED, 0, 0, 0 },
		{ 1, 0xb, UIOMMU_PCI_NOT_ISOLATED, 0, 0, 0 },
		{ 1, 0xc, 0, 0, 0, SV },
	};
	static const struct {
		const char *what;
		bool capability, together;
	} cases[] = {
		{ "isolates without a capability", false, false },
		{ "does not isolate, whatever its capability says", true, true },
		{ "needs no source validation, which is broken", true, false },
	};

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (uint8_t i = 0; i < 3; i++) {
		struct topology *t = topology_create(s);
		struct uiommu_pci_function *port, *end;

		port = function(t, NULL, 0, devfn(1, 0), ROOT_PORT);
		end = function(t, port, 1, 0, ENDPOINT);
		set(port, DEVICE_ID, 2, 0xau + i);
		if (cases[i].capability)
			acs(port, ALL, i == 2 ? ALL & ~SV : ALL);
		quirk(t, quirks, 3);
		arrive(s, t, 0);
		CHECK(s, together(port, end) == cases[i].together,
		      "a port is known to be one that %s, and what is below %s", cases[i].what,
		      cases[i].together ? "has a group of its own" : "is in its group");
		topology_destroy(t);
	}
}

/* ---- other devices ----------------------------------------------------------------------------- */

static void c047_ids_of_two_groups(struct subject *s)
{
	static const uint32_t ids[] = { 0x20, 0x21, 0x30, 0x21, 0x20, 0x30 };
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	soft->ops[0].device_group = uiommu_shared_id_device_group;
	/* 20; 21, 30; 21; and the one that has both 20 and 30. */
	for (unsigned int i = 0; i < 4; i++) {
		static const unsigned int at[] = { 0, 1, 3, 4 }, count[] = { 1, 2, 1, 2 };

		soft->device[i].ids = ids + at[i];
		soft->device[i].num_ids = count[i];
	}
	CHECK_OK(s, soft_start(soft, 0));
	for (unsigned int i = 0; i < 4; i++)
		CHECK_OK(s, soft_add(soft, i));
	for (unsigned int i = 0; i < 3; i++)
		CHECK(s, uiommu_device_is_translated(soft->device[i].dev),
		      "device %u was not translated: %s", i,
		      uiommu_strerror(uiommu_device_error(soft->device[i].dev)));
	CHECK(s,
	      uiommu_device_error(soft->device[3].dev) == -UIOMMU_EINVAL &&
		      !uiommu_device_has_group(soft->device[3].dev),
	      "a device with IDs of two groups was let into one: %s",
	      uiommu_strerror(uiommu_device_error(soft->device[3].dev)));
	for (unsigned int i = 0; i < 3; i++) {
		struct uiommu_group *group = uiommu_group_get(soft->device[i].dev);
		unsigned int members = uiommu_group_num_devices(group);

		uiommu_group_put(group);
		CHECK(s, members == (i ? 2 : 1), "device %u is one of %u in its group", i, members);
	}

	/* When one of the groups is gone it belongs to the other. */
	soft_remove(soft, 0);
	CHECK_OK(s, uiommu_device_probe(soft->device[3].dev));
	CHECK(s, uiommu_device_has_group(soft->device[3].dev), "it has no group");
	soft_destroy(soft);
}

static void c048_same_names(struct subject *s)
{
	enum { count = 4 };
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	for (unsigned int i = 0; i < count; i++) {
		soft->device[i].name = "same";
		soft->device[i].group = 1;
		CHECK_OK(s, soft_add(soft, i));
	}
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < count; i++) {
			const char *name = uiommu_device_name(soft->device[i].dev);

			CHECK(s, !strncmp(name, "same", 4) && (name[4] == '.' || !name[4]),
			      "a device called \"same\" has become \"%s\"", name);
			for (unsigned int j = 0; j < i; j++)
				CHECK(s, strcmp(name, uiommu_device_name(soft->device[j].dev)),
				      "two members of a group are called \"%s\"", name);
		}
		/* One with a suffix goes, and the one without; others take their places. */
		soft_remove(soft, 1);
		soft_remove(soft, 0);
		CHECK_OK(s, soft_add(soft, 1));
		CHECK_OK(s, soft_add(soft, 0));
	}
	soft_destroy(soft);
}

/* A line for each region, as sysfs has them. */
static void write_regions(struct subject *s, struct uiommu_group *group, char *text, size_t room)
{
	struct uiommu_resv_region region[SOFT_REGIONS * 2];
	size_t count = 0, at = 0;

	CHECK_OK(s, uiommu_group_resv_regions(group, region, SOFT_REGIONS * 2, &count));
	CHECK(s, count <= SOFT_REGIONS * 2, "%zu regions of %d", count, SOFT_REGIONS * 2);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(text + at, room - at, "0x%016llx 0x%016llx %s\n",
				       (unsigned long long)region[i].start,
				       (unsigned long long)region[i].last,
				       uiommu_resv_type_name(region[i].type));
}

static void c049_regions_in_words(struct subject *s)
{
	static const struct uiommu_resv_region regions[2][SOFT_REGIONS] = {
		{ { 0xfee00000, 0xfeefffff, 0, UIOMMU_RESV_MSI },
		  { 0x3000, 0x4fff, RW, UIOMMU_RESV_DIRECT },
		  { 0x8000000, 0x80fffff, RW, UIOMMU_RESV_SW_MSI },
		  { 0x10000, 0x1ffff, 0, UIOMMU_RESV_RESERVED } },
		{ { 0x4000, 0x5fff, RW, UIOMMU_RESV_DIRECT },
		  { 0x4000, 0x4fff, RW, UIOMMU_RESV_DIRECT_RELAXABLE },
		  { 0x18000, 0x2ffff, 0, UIOMMU_RESV_RESERVED },
		  { 0x8080000, 0x817ffff, RW, UIOMMU_RESV_SW_MSI } },
	};
	static const char expected[] = "0x0000000000003000 0x0000000000005fff direct\n"
				       "0x0000000000004000 0x0000000000004fff direct-relaxable\n"
				       "0x0000000000010000 0x000000000002ffff reserved\n"
				       "0x0000000008000000 0x000000000817ffff msi\n"
				       "0x00000000fee00000 0x00000000feefffff msi\n";
	struct uiommu_group *group;
	char text[512] = "";
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	for (unsigned int first = 0; first < 2; first++) {
		soft = soft_create(s, s->sys);
		CHECK_OK(s, soft_start(soft, 0));
		for (unsigned int i = 0; i < 2; i++) {
			struct soft_device *d = &soft->device[(first + i) % 2];

			d->group = 1;
			d->num_resv = SOFT_REGIONS;
			memcpy(d->resv, regions[(first + i) % 2], sizeof(d->resv));
			CHECK_OK(s, soft_add(soft, (first + i) % 2));
		}
		group = uiommu_group_get(soft->device[0].dev);
		CHECK(s, group && uiommu_group_num_devices(group) == 2, "two devices are no group");
		write_regions(s, group, text, sizeof(text));
		CHECK(s, !strcmp(text, expected), "the group's regions are\n%snot\n%s", text,
		      expected);
		uiommu_group_put(group);
		soft_destroy(soft);
	}
}

#define CORE "Linux iommu core: "

const struct conform_scenario conform_topology[] = {
	{ "C034", "Only a root port with all four services keeps what is below apart from itself",
	  "PCIe 6.0, 6.12.1; " CORE "REQ_ACS_FLAGS", AREA_GROUPS, 0, 0, c034_all_four_services },
	{ "C035", "A service that is not offered counts as given; no capability is no service",
	  "PCIe 6.0, 7.7.11.2; Linux PCI core: pci_acs_flags_enabled", AREA_GROUPS, 0, 0,
	  c035_services_that_are_not_there },
	{ "C037",
	  "An upstream port that is alone is transparent; one of several without ACS merges",
	  "Linux PCI core: pci_acs_enabled", AREA_GROUPS, 0, 0, c037_switches },
	{ "C038", "Of the functions of a device those without ACS share a group, and only they",
	  "PCIe 6.0, 6.12.1.2 and 7.5.1.1.9; " CORE "get_pci_function_alias_group", AREA_GROUPS, 0,
	  0, c038_functions_of_a_device },
	{ "C039", "An endpoint of one function below an isolating port has a group of its own",
	  "Linux PCI core: pci_acs_enabled", AREA_GROUPS, 0, 0, c039_single_function },
	{ "C040",
	  "What is behind a bridge to PCI shares a group with it; DMA under the bridge's ID is translated",
	  "PCI Express to PCI Bridge 1.0, 2.3; " CORE "pci_device_group", AREA_GROUPS,
	  CONFORM_HARDWARE, 0, c040_behind_a_bridge },
	{ "C041",
	  "A bridge known to leave IDs alone merges nothing; the IOMMU's place ends the search",
	  "Linux PCI core: pci_for_each_dma_alias", AREA_GROUPS, 0, 0, c041_flagged_bridges },
	{ "C042", "Aliases in a circle are one group, and the search for them ends",
	  CORE "get_pci_alias_group", AREA_GROUPS, 0, 0, c042_alias_circle },
	{ "C043", "An alias that only one side declares joins both", CORE "get_pci_alias_group",
	  AREA_GROUPS, 0, 0, c043_alias_on_one_side },
	{ "C044", "What is known of a device goes before what its capability says",
	  "Linux PCI core: pci_dev_specific_acs_enabled", AREA_GROUPS, 0, 0, c044_quirks },
	{ "C047", "A device whose IDs are those of two groups is refused, and gets neither",
	  CORE "arm_smmu_device_group", AREA_GROUPS, 0, 0, c047_ids_of_two_groups },
	{ "C048", "Devices of one name get different ones, and each of them can go",
	  CORE "iommu_group_alloc_device; the contract of struct uiommu_device_desc", AREA_GROUPS,
	  0, 0, c048_same_names },
	{ "C049",
	  "Reserved regions in words: sorted, merged by type, ends included, software's MSI as \"msi\"",
	  "Linux sysfs iommu_groups/*/reserved_regions", AREA_GROUPS, 0, 0, c049_regions_in_words },
	{ 0 },
};
