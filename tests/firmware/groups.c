/* SPDX-License-Identifier: MIT */
/*
 * groups.c - PCI groups, aliases and capabilities, over the core with a driver that does nothing else
 *
 * The scenario that a test stands for is named beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uiommu/acpi.h>
#include "spec/pci.h"
#include "tests/firmware/bench.h"

#define SV PCI_ACS_SOURCE_VALIDATION
#define RR PCI_ACS_REQUEST_REDIRECT
#define CR PCI_ACS_COMPLETION_REDIRECT
#define UF PCI_ACS_UPSTREAM_FORWARDING
#define ALL (SV | RR | CR | UF)

static const struct uiommu_fwnode fwnode = { "iommu" };

static const struct uiommu_dmar *table; /* for the one test that needs regions */

static int regions(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	return table ? uiommu_dmar_resv_regions(table, uiommu_device_pci(dev), list) : 0;
}

static struct bench *bench_ready(void)
{
	struct bench *b = bench_new();

	b->ops.get_resv_regions = regions;
	bench_start(b, 0, &fwnode);
	return b;
}

#define assert_together(a, b) assert_int_equal(bench_group_of(a), bench_group_of(b))
#define assert_apart(a, b) assert_int_not_equal(bench_group_of(a), bench_group_of(b))

/* C034, C039: only a root port with all four services keeps what is below it to itself */
static void test_four_services(void **state)
{
	(void)state;
	for (unsigned int set = 0; set < 16; set++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *port, *end;
		uint16_t control = (uint16_t)((set & 1 ? SV : 0) | (set & 2 ? RR : 0) |
					      (set & 4 ? CR : 0) | (set & 8 ? UF : 0));

		port = test_pci_add(&b->pci, NULL, 0, 8, PCI_PCIE_ROOT_PORT, true);
		end = test_pci_add(&b->pci, port, 1, 0, PCI_PCIE_ENDPOINT, false);
		test_pci_acs(port, ALL, control);
		bench_add_all(b);
		if (control == ALL)
			assert_apart(port, end);
		else
			assert_together(port, end);
		bench_free(b);
	}
}

/* C035: a service that is not there counts as given; no capability is none; the others do not matter */
static void test_missing_services(void **state)
{
	static const struct {
		bool capability;
		uint16_t offered, control;
		bool isolated;
	} cases[] = {
		{ false, 0, 0, false },
		{ true, 0, 0, true },
		{ true, ALL & ~UF, ALL & ~UF, true },
		{ true, ALL, ALL & ~UF, false },
		{ true, ALL | PCI_ACS_TRANSLATION_BLOCKING | PCI_ACS_EGRESS_CONTROL, ALL, true },
	};
	static struct test_pci pci;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct uiommu_pci_function *port;

		test_pci_init(&pci);
		port = test_pci_add(&pci, NULL, 0, 8, PCI_PCIE_DOWNSTREAM_PORT, true);
		if (cases[i].capability)
			test_pci_acs(port, cases[i].offered, cases[i].control);
		assert_int_equal(uiommu_pci_isolated(port), cases[i].isolated);
	}
}

/* C037: a single upstream port does not matter; one of several functions without ACS does */
static void test_switch(void **state)
{
	(void)state;
	for (unsigned int multi = 0; multi < 2; multi++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *root, *up, *down0, *down1, *end0, *end1;

		root = test_pci_add(&b->pci, NULL, 0, 8, PCI_PCIE_ROOT_PORT, true);
		up = test_pci_add(&b->pci, root, 1, 0, PCI_PCIE_UPSTREAM_PORT, true);
		down0 = test_pci_add(&b->pci, up, 2, 0, PCI_PCIE_DOWNSTREAM_PORT, true);
		down1 = test_pci_add(&b->pci, up, 2, 8, PCI_PCIE_DOWNSTREAM_PORT, true);
		end0 = test_pci_add(&b->pci, down0, 3, 0, PCI_PCIE_ENDPOINT, false);
		end1 = test_pci_add(&b->pci, down1, 4, 0, PCI_PCIE_ENDPOINT, false);
		test_pci_acs(root, ALL, ALL);
		test_pci_acs(down0, ALL, ALL);
		test_pci_acs(down1, ALL, ALL);
		if (multi)
			test_pci_set(up, PCI_HEADER_TYPE, 1,
				     PCI_HEADER_TYPE_BRIDGE | PCI_HEADER_TYPE_MULTIFUNCTION);
		bench_add_all(b);
		if (multi) {
			assert_together(end0, end1);
			assert_together(end0, up);
			assert_apart(end0, root);
		} else {
			assert_apart(end0, end1);
			assert_apart(end0, down0);
		}
		bench_free(b);
	}
}

/* C038: of a device with four functions only those without ACS are together */
static void test_functions(void **state)
{
	(void)state;
	for (unsigned int isolated = 0; isolated < 16; isolated++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *fn[4];

		for (uint8_t f = 0; f < 4; f++) {
			fn[f] = test_pci_add(&b->pci, NULL, 0, (uint8_t)PCI_DEVFN(5, f),
					     PCI_PCIE_RC_ENDPOINT, false);
			test_pci_set(fn[f], PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_MULTIFUNCTION);
			if (isolated >> f & 1)
				test_pci_acs(fn[f], ALL, ALL);
		}
		bench_add_all(b);
		for (unsigned int i = 0; i < 4; i++) {
			for (unsigned int j = 0; j < i; j++) {
				if (!(isolated >> i & 1) && !(isolated >> j & 1))
					assert_together(fn[i], fn[j]);
				else
					assert_apart(fn[i], fn[j]);
			}
		}
		bench_free(b);
	}
}

/* C038: function 0 says that there are several; that the others do not repeat it changes nothing */
static void test_function_0(void **state)
{
	(void)state;
	for (unsigned int multi = 0; multi < 2; multi++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *port, *fn[2], *other;

		port = test_pci_add(&b->pci, NULL, 0, 8, PCI_PCIE_ROOT_PORT, true);
		test_pci_acs(port, ALL, ALL);
		for (uint8_t f = 0; f < 2; f++)
			fn[f] = test_pci_add(&b->pci, port, 1, f, PCI_PCIE_ENDPOINT, false);
		/* The same numbers on another bus: nothing to do with it. */
		other = test_pci_add(&b->pci, NULL, 0, 0, PCI_PCIE_RC_ENDPOINT, false);
		test_pci_set(multi ? fn[0] : other, PCI_HEADER_TYPE, 1,
			     PCI_HEADER_TYPE_MULTIFUNCTION);
		bench_add_all(b);
		assert_int_equal(bench_group_of(fn[0]) == bench_group_of(fn[1]), multi);
		assert_apart(fn[0], other);
		bench_free(b);
	}
}

struct ids {
	uint16_t id[300];
	unsigned int count;
};

static int collect(struct uiommu_pci_function *fn, uint16_t source_id, void *context)
{
	struct ids *ids = context;

	(void)fn;
	ids->id[ids->count++] = source_id;
	return 0;
}

/* C040, C041: behind a bridge to PCI: one group with it, seen as secondary bus:00.0, unless flagged */
static void test_bridge(void **state)
{
	struct uiommu_pci_quirk quirk = { .vendor = 0x1b36, .device = UIOMMU_PCI_ANY_ID };

	(void)state;
	for (unsigned int flagged = 0; flagged < 3; flagged++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *root, *bridge, *a, *c;
		struct ids ids = { .count = 0 };

		root = test_pci_add(&b->pci, NULL, 0, 8, PCI_PCIE_ROOT_PORT, true);
		bridge = test_pci_add(&b->pci, root, 1, 0, PCI_PCIE_TO_PCI_BRIDGE, true);
		test_pci_set(bridge, PCI_VENDOR_ID, 2, 0x1b36);
		test_pci_set(bridge, PCI_SECONDARY_BUS, 1, 2);
		a = test_pci_add(&b->pci, bridge, 2, PCI_DEVFN(1, 0), -1, false);
		c = test_pci_add(&b->pci, bridge, 2, PCI_DEVFN(2, 0), -1, false);
		test_pci_acs(root, ALL, ALL);
		quirk.flags = flagged == 1 ? UIOMMU_PCI_BRIDGE_NO_ALIAS | UIOMMU_PCI_ISOLATED :
					     UIOMMU_PCI_TRANSLATION_ROOT | UIOMMU_PCI_ISOLATED;
		b->pci.topology.quirks = &quirk;
		b->pci.topology.num_quirks = flagged ? 1 : 0;
		bench_add_all(b);
		uiommu_pci_for_each_alias(a, collect, &ids);
		assert_int_equal(ids.id[0], 0x208);
		if (flagged) {
			assert_int_equal(ids.count, 1);
			assert_apart(a, c);
			assert_apart(a, bridge);
		} else {
			assert_int_equal(ids.count, 2);
			assert_int_equal(ids.id[1], 0x200);
			assert_together(a, c);
			assert_together(a, bridge);
			assert_apart(a, root);
		}
		bench_free(b);
	}
}

/* Virtual functions lie in the slot of a device of several functions, and are devices of their own. */
static void test_virtual_functions(void **state)
{
	struct bench *b = bench_ready();
	struct uiommu_pci_function *fn[4];

	(void)state;
	for (uint8_t i = 0; i < 4; i++)
		fn[i] = test_pci_add(&b->pci, NULL, 0, (uint8_t)(8 + i), PCI_PCIE_RC_ENDPOINT,
				     false);
	test_pci_set(fn[0], PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_MULTIFUNCTION);
	for (unsigned int i = 2; i < 4; i++)
		test_pci_set(fn[i], PCI_VENDOR_ID, 4, 0xffffffffu);
	bench_add_all(b);
	assert_together(fn[0], fn[1]);
	assert_apart(fn[0], fn[2]);
	assert_apart(fn[2], fn[3]);
	bench_free(b);
}

/* C042, C043: aliases in a circle, and on one side only: one group, and the search ends */
static void test_aliases(void **state)
{
	static const struct uiommu_pci_quirk circle[] = {
		{ 1, 0xa, UIOMMU_PCI_ALIAS_DEVFN, 16, 16, 0 },
		{ 1, 0xb, UIOMMU_PCI_ALIAS_DEVFN, 24, 24, 0 },
		{ 1, 0xc, UIOMMU_PCI_ALIAS_DEVFN, 8, 8, 0 },
	};

	(void)state;
	for (unsigned int num = 0; num <= 3; num++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *fn[4];

		for (uint8_t i = 0; i < 4; i++) {
			fn[i] = test_pci_add(&b->pci, NULL, 0, (uint8_t)(8 + 8 * i),
					     PCI_PCIE_RC_ENDPOINT, false);
			test_pci_set(fn[i], PCI_DEVICE_ID, 2, 0xau + i);
		}
		b->pci.topology.quirks = circle;
		b->pci.topology.num_quirks = num;
		bench_add_all(b);
		assert_int_equal(bench_group_of(fn[0]) == bench_group_of(fn[1]), num >= 1);
		assert_int_equal(bench_group_of(fn[1]) == bench_group_of(fn[2]), num >= 2);
		assert_apart(fn[0], fn[3]);
		bench_free(b);
	}
}

/* All 256 aliases: each once, the own one first, and it ends */
static void test_all_aliases(void **state)
{
	static const struct uiommu_pci_quirk every = { 1, 1, UIOMMU_PCI_ALIAS_DEVFN, 0, 255, 0 };
	struct ids ids = { .count = 0 };
	static struct test_pci pci;
	struct uiommu_pci_function *fn;

	(void)state;
	test_pci_init(&pci);
	pci.topology.quirks = &every;
	pci.topology.num_quirks = 1;
	fn = test_pci_add(&pci, NULL, 3, 40, PCI_PCIE_ENDPOINT, false);
	uiommu_pci_for_each_alias(fn, collect, &ids);
	assert_int_equal(ids.count, 256);
	assert_int_equal(ids.id[0], 0x328);
}

/* C044: a quirk isolates without a capability, or denies it in spite of one */
static void test_quirks(void **state)
{
	static const struct uiommu_pci_quirk quirks[] = {
		{ 1, 0xa, UIOMMU_PCI_ISOLATED, 0, 0, 0 },
		{ 1, 0xb, UIOMMU_PCI_NOT_ISOLATED, 0, 0, 0 },
		{ 1, 0xc, 0, 0, 0, SV },
	};
	struct uiommu_pci_function *a, *b, *c;
	static struct test_pci pci;

	(void)state;
	test_pci_init(&pci);
	pci.topology.quirks = quirks;
	pci.topology.num_quirks = 3;
	a = test_pci_add(&pci, NULL, 0, 8, PCI_PCIE_ROOT_PORT, true);
	b = test_pci_add(&pci, NULL, 0, 16, PCI_PCIE_ROOT_PORT, true);
	c = test_pci_add(&pci, NULL, 0, 24, PCI_PCIE_ROOT_PORT, true);
	test_pci_set(a, PCI_DEVICE_ID, 2, 0xa);
	test_pci_set(b, PCI_DEVICE_ID, 2, 0xb);
	test_pci_set(c, PCI_DEVICE_ID, 2, 0xc);
	test_pci_acs(b, ALL, ALL);
	test_pci_acs(c, ALL, ALL & ~SV);
	assert_true(uiommu_pci_isolated(a));
	assert_false(uiommu_pci_isolated(b));
	assert_true(uiommu_pci_isolated(c));
}

/* Functions of one device without ACS, by a vendor whose root complexes keep them apart. */
static void test_integrated(void **state)
{
	static const struct uiommu_pci_quirk open = {
		0x8086, 0xe, UIOMMU_PCI_NOT_ISOLATED, 0, 0, 0
	};
	static const int types[] = { PCI_PCIE_RC_ENDPOINT, PCI_PCIE_ENDPOINT, -1 };

	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		int type = types[i % 3];
		bool intel = i / 3 % 2, quirk = i / 6;
		static struct test_pci pci;
		struct uiommu_pci_function *a, *b;

		test_pci_init(&pci);
		pci.topology.quirks = &open;
		pci.topology.num_quirks = quirk;
		a = test_pci_add(&pci, NULL, 0, PCI_DEVFN(3, 0), type, false);
		b = test_pci_add(&pci, NULL, 0, PCI_DEVFN(3, 1), type, false);
		test_pci_set(a, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_MULTIFUNCTION);
		test_pci_set(a, PCI_VENDOR_ID, 4, intel ? 0xe8086 : 0xe0001);
		test_pci_set(b, PCI_VENDOR_ID, 4, intel ? 0xe8086 : 0xe0001);
		assert_int_equal(uiommu_pci_joined(a, b, NULL),
				 type == PCI_PCIE_RC_ENDPOINT && intel && !quirk ?
					 UIOMMU_PCI_APART :
					 UIOMMU_PCI_SIBLINGS);
	}
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* A random tree: ports, bridges and endpoints, some with ACS, some with aliases. */
static void random_topology(struct test_pci *pci, uint32_t *seed)
{
	static const int types[] = { PCI_PCIE_ROOT_PORT, PCI_PCIE_DOWNSTREAM_PORT,
				     PCI_PCIE_UPSTREAM_PORT, PCI_PCIE_TO_PCI_BRIDGE, -1 };
	struct uiommu_pci_function *bridges[TEST_MAX_FUNCTIONS + 1] = { NULL };
	unsigned int num_bridges = 1;

	for (unsigned int i = 0; i < 14; i++) {
		unsigned int up = next(seed) % num_bridges;
		uint8_t bus = (uint8_t)(up ? 1 + up : 0);
		uint8_t devfn = (uint8_t)(PCI_DEVFN(next(seed) % 3, next(seed) % 3));
		bool bridge = next(seed) % 3 == 0, taken = false;
		struct uiommu_pci_function *fn;

		for (size_t k = 0; k < pci->topology.num_functions; k++)
			taken |= pci->list[k]->bus == bus && pci->list[k]->devfn == devfn;
		if (taken)
			continue;
		fn = test_pci_add(pci, bridges[up], bus, devfn,
				  bridge ? types[next(seed) % 5] :
					   (int)(next(seed) % 4 ? PCI_PCIE_ENDPOINT : -1),
				  bridge);
		if (bridge) {
			bridges[num_bridges++] = fn;
			test_pci_set(fn, PCI_SECONDARY_BUS, 1, num_bridges);
		}
		if (next(seed) % 3)
			test_pci_acs(fn, ALL, (uint16_t)(next(seed) % 4 ? ALL : RR));
		if (next(seed) % 2)
			test_pci_set(fn, PCI_HEADER_TYPE, 1,
				     PCI_HEADER_TYPE_MULTIFUNCTION | (bridge ? 1u : 0u));
		test_pci_set(fn, PCI_DEVICE_ID, 2, next(seed) % 6);
	}
}

/* C045: the partition is the same in whatever order the functions are added */
static void test_order(void **state)
{
	static const struct uiommu_pci_quirk aliases[] = {
		{ 1, 2, UIOMMU_PCI_ALIAS_DEVFN, 0, 3, 0 },
		{ 1, 3, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	};
	unsigned int merged = 0, split = 0;

	(void)state;
	for (uint32_t round = 1; round <= 300; round++) {
		bool first[TEST_MAX_FUNCTIONS][TEST_MAX_FUNCTIONS];

		for (unsigned int order = 0; order < 6; order++) {
			struct bench *b = bench_ready();
			uint32_t seed = round, shuffle = round * 77 + order;
			size_t count, todo[TEST_MAX_FUNCTIONS];

			random_topology(&b->pci, &seed);
			b->pci.topology.quirks = aliases;
			b->pci.topology.num_quirks = 2;
			count = b->pci.topology.num_functions;
			for (size_t i = 0; i < count; i++)
				todo[i] = i;
			for (size_t i = count; order && i > 1; i--) {
				size_t with = next(&shuffle) % i, old = todo[i - 1];

				todo[i - 1] = todo[with];
				todo[with] = old;
			}
			for (size_t i = 0; i < count; i++)
				bench_add_translated(b, &b->pci.functions[todo[i]].fn);
			for (size_t i = 0; i < count; i++) {
				for (size_t j = 0; j < i; j++) {
					bool same = bench_group_of(&b->pci.functions[i].fn) ==
						    bench_group_of(&b->pci.functions[j].fn);

					if (order && first[i][j] != same)
						fail_msg("round %u, order %u: %zu, %zu", round,
							 order, i, j);
					first[i][j] = same;
					merged += same;
					split += !same;
				}
			}
			bench_free(b);
		}
	}
	assert_true(merged > 1000 && split > 1000);
}

/* A capability list that runs in a circle, and one that points into the header, end the search */
static void test_capability_loops(void **state)
{
	struct uiommu_pci_function *fn;
	static struct test_pci pci;

	(void)state;
	test_pci_init(&pci);
	fn = test_pci_add(&pci, NULL, 0, 8, PCI_PCIE_ENDPOINT, false);
	test_pci_set(fn, 0x51, 1, 0x40); /* 0x40 -> 0x50 -> 0x40 */
	assert_int_equal(uiommu_pci_find_capability(fn, PCI_CAP_ID_MSI), 0);
	test_pci_set(fn, 0x51, 1, 0x04);
	assert_int_equal(uiommu_pci_find_capability(fn, PCI_CAP_ID_MSI), 0);
	test_pci_set(fn, 0x100, 4, PCI_EXT_CAP_ID_AER | 1u << 16 | 0x100u << 20);
	assert_int_equal(uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS), 0);
	test_pci_set(fn, 0x100, 4, UINT32_MAX);
	assert_int_equal(uiommu_pci_find_ext_capability(fn, PCI_EXT_CAP_ID_ATS), 0);
}

static void test_ats_and_pasid(void **state)
{
	struct uiommu_pci_function *fn, *none;
	static struct test_pci pci;

	(void)state;
	test_pci_init(&pci);
	fn = test_pci_add(&pci, NULL, 0, 8, PCI_PCIE_ENDPOINT, false);
	none = test_pci_add(&pci, NULL, 0, 16, PCI_PCIE_ENDPOINT, false);
	test_pci_set(fn, 0x100, 4, PCI_EXT_CAP_ID_ATS | 1u << 16 | 0x120u << 20);
	test_pci_set(fn, 0x120, 4, PCI_EXT_CAP_ID_PASID | 1u << 16);
	test_pci_set(fn, 0x124, 2, 20u << PCI_PASID_WIDTH_SHIFT);

	assert_true(uiommu_pci_ats_supported(fn));
	assert_false(uiommu_pci_ats_supported(none));
	assert_int_equal(uiommu_pci_ats_queue_depth(fn), 32);
	assert_int_equal(uiommu_pci_pasid_bits(fn), 20);
	assert_int_equal(uiommu_pci_pasid_bits(none), 0);
	assert_int_equal(uiommu_pci_enable_ats(none, 12), -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_pci_enable_ats(fn, 11), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_pci_enable_ats(fn, 13), 0);
	assert_int_equal(pci.topology.config_read(fn, 0x106, 2), 0x8001);
	assert_int_equal(uiommu_pci_enable_ats(fn, 13), -UIOMMU_EBUSY);
	assert_int_equal(uiommu_pci_enable_pasid(fn), -UIOMMU_EBUSY);
	uiommu_pci_disable_ats(fn);
	assert_int_equal(uiommu_pci_enable_pasid(fn), 0);
	assert_int_equal(pci.topology.config_read(fn, 0x126, 2), PCI_PASID_ENABLE);
	assert_int_equal(uiommu_pci_enable_pasid(none), -UIOMMU_EOPNOTSUPP);
	uiommu_pci_disable_pasid(fn);
	assert_int_equal(pci.topology.config_read(fn, 0x126, 2), 0);
}

static void test_page_requests(void **state)
{
	struct uiommu_pci_function *fn, *none;
	static struct test_pci pci;

	(void)state;
	test_pci_init(&pci);
	fn = test_pci_add(&pci, NULL, 0, 8, PCI_PCIE_ENDPOINT, false);
	none = test_pci_add(&pci, NULL, 0, 16, PCI_PCIE_ENDPOINT, false);
	test_pci_set(fn, 0x100, 4, PCI_EXT_CAP_ID_PRI | 1u << 16);
	test_pci_set(fn, 0x106, 2, PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID_REQUIRED);
	test_pci_set(fn, 0x108, 4, 64);

	assert_true(uiommu_pci_pri_supported(fn));
	assert_false(uiommu_pci_pri_supported(none));
	assert_true(uiommu_pci_pri_pasid_required(fn));
	assert_false(uiommu_pci_pri_pasid_required(none));
	assert_int_equal(uiommu_pci_enable_pri(none, 1), -UIOMMU_EOPNOTSUPP);
	/* As many as are wanted, if it can have so many; none would be too few. */
	assert_int_equal(uiommu_pci_enable_pri(fn, 100), 0);
	assert_int_equal(pci.topology.config_read(fn, 0x10c, 4), 64);
	assert_int_equal(pci.topology.config_read(fn, 0x104, 2), PCI_PRI_ENABLE);
	assert_int_equal(uiommu_pci_enable_pri(fn, 100), -UIOMMU_EBUSY);
	uiommu_pci_disable_pri(fn);
	assert_int_equal(pci.topology.config_read(fn, 0x104, 2), 0);
	assert_int_equal(uiommu_pci_enable_pri(fn, 0), 0);
	assert_int_equal(pci.topology.config_read(fn, 0x10c, 4), 1);
	uiommu_pci_disable_pri(fn);
	/* Disabled, and requests are still on their way. */
	test_pci_set(fn, 0x106, 2, 0);
	assert_false(uiommu_pci_pri_pasid_required(fn));
	assert_int_equal(uiommu_pci_enable_pri(fn, 1), -UIOMMU_EBUSY);
}

/* An RMRR becomes a region of exactly the devices it names; graphics and USB may give theirs up */
static void test_regions(void **state)
{
	static const uint16_t classes[] = { 0x0300, 0x0c03, 0x0200 };
	struct uiommu_dmar_step step = { 2, 0 };
	struct uiommu_dmar_scope scope = { UIOMMU_DMAR_ENDPOINT, 0, 0, 1, &step };
	struct uiommu_dmar_region region = { { 0, 1, &scope }, 0x78000800, 0x787ff7ff };
	struct uiommu_dmar dmar = { .num_regions = 1, .regions = &region };

	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct bench *b = bench_ready();
		struct uiommu_pci_function *named, *other;
		struct uiommu_resv_region found[2];
		struct uiommu_group *group;
		size_t count;

		named = test_pci_add(&b->pci, NULL, 0, PCI_DEVFN(2, 0), PCI_PCIE_RC_ENDPOINT,
				     false);
		other = test_pci_add(&b->pci, NULL, 0, PCI_DEVFN(3, 0), PCI_PCIE_RC_ENDPOINT,
				     false);
		test_pci_set(named, PCI_CLASS_DEVICE, 2, classes[i]);
		table = &dmar;
		bench_add_all(b);
		table = NULL;
		group = uiommu_group_get(named->dev);
		assert_int_equal(uiommu_group_resv_regions(group, found, 2, &count), 0);
		uiommu_group_put(group);
		assert_int_equal(count, 1);
		assert_int_equal(found[0].start, 0x78000000);
		assert_int_equal(found[0].last, 0x787fffff);
		assert_int_equal(found[0].type,
				 i < 2 ? UIOMMU_RESV_DIRECT_RELAXABLE : UIOMMU_RESV_DIRECT);
		group = uiommu_group_get(other->dev);
		assert_int_equal(uiommu_group_resv_regions(group, found, 2, &count), 0);
		uiommu_group_put(group);
		assert_int_equal(count, 0);
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_services),	 cmocka_unit_test(test_missing_services),
		cmocka_unit_test(test_switch),		 cmocka_unit_test(test_functions),
		cmocka_unit_test(test_function_0),	 cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_aliases),		 cmocka_unit_test(test_all_aliases),
		cmocka_unit_test(test_quirks),		 cmocka_unit_test(test_order),
		cmocka_unit_test(test_capability_loops), cmocka_unit_test(test_ats_and_pasid),
		cmocka_unit_test(test_page_requests),	 cmocka_unit_test(test_regions),
		cmocka_unit_test(test_integrated),	 cmocka_unit_test(test_virtual_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
