/* SPDX-License-Identifier: MIT */
/*
 * partition.c - the partition into groups, against an independent statement of the rules (C045)
 *
 * A random machine is written down as plain facts.  From the facts the naive rules say which two functions
 * belong together, pair by pair; the closure of that is the expected partition.  From the same facts
 * configuration space is made, functions are added in a random order, some bridges not at all, and the
 * groups have to be the expected ones.
 *
 * The naive rules are those of Linux's pci_device_group() in words: everything that shares a requester ID,
 * everything below a bridge that does not isolate all the way up, functions of a device that do not
 * isolate, aliases on a bus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "spec/pci.h"
#include "tests/firmware/bench.h"

#define TOPOLOGIES 10000
#define MAX 20
#define SV PCI_ACS_SOURCE_VALIDATION
#define RR PCI_ACS_REQUEST_REDIRECT
#define CR PCI_ACS_COMPLETION_REDIRECT
#define UF PCI_ACS_UPSTREAM_FORWARDING

enum quirk {
	PLAIN,
	ISOLATED,
	NOT_ISOLATED,
	NO_ALIAS, /* and isolated: otherwise the bridge merges what is below all the same */
	SECONDARY,
	ROOT, /* and isolated, likewise */
	ALIAS_LOW, /* devfns 0 to 3 */
	ALIAS_HIGH, /* devfns 8 to 17 */
	ALIAS_ONE, /* function 1 of its slot */
	BROKEN_SV, /* source validation is announced and does not work */
	NUM_QUIRKS,
};

static const struct uiommu_pci_quirk quirks[] = {
	{ 1, ISOLATED, UIOMMU_PCI_ISOLATED, 0, 0, 0 },
	{ 1, NOT_ISOLATED, UIOMMU_PCI_NOT_ISOLATED, 0, 0, 0 },
	{ 1, NO_ALIAS, UIOMMU_PCI_BRIDGE_NO_ALIAS | UIOMMU_PCI_ISOLATED, 0, 0, 0 },
	{ 1, SECONDARY, UIOMMU_PCI_BRIDGE_SECONDARY, 0, 0, 0 },
	{ 1, ROOT, UIOMMU_PCI_TRANSLATION_ROOT | UIOMMU_PCI_ISOLATED, 0, 0, 0 },
	{ 1, ALIAS_LOW, UIOMMU_PCI_ALIAS_DEVFN, 0, 3, 0 },
	{ 1, ALIAS_HIGH, UIOMMU_PCI_ALIAS_DEVFN, 8, 17, 0 },
	{ 1, ALIAS_ONE, UIOMMU_PCI_ALIAS_FUNCTION, 1, 1, 0 },
	{ 1, BROKEN_SV, 0, 0, 0, SV },
};

/* The facts about one function. */
struct fact {
	int parent; /* -1: on a root bus */
	int requester; /* -1: itself */
	uint16_t segment;
	uint8_t bus, slot, function;
	int type; /* -1: conventional */
	bool bridge, multi, added;
	bool acs;
	uint16_t offered, enabled;
	enum quirk quirk;
};

struct machine {
	struct fact fact[MAX];
	int count;
};

static uint32_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33);
}

/* ---- the naive rules --------------------------------------------------------------------------- */

static bool services(const struct fact *f)
{
	static const uint16_t needed[] = { SV, RR, CR, UF };

	if (!f->acs)
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (f->quirk == BROKEN_SV && needed[i] == SV)
			continue;
		if (f->offered & needed[i] && !(f->enabled & needed[i]))
			return false;
	}
	return true;
}

static bool isolated(const struct fact *f)
{
	if (f->quirk == NOT_ISOLATED)
		return false;
	if (f->quirk == ISOLATED || f->quirk == NO_ALIAS || f->quirk == ROOT)
		return true;
	switch (f->type) {
	case -1:
	case PCI_PCIE_TO_PCI_BRIDGE:
	case PCI_PCI_TO_PCIE_BRIDGE:
	case PCI_PCIE_RC_EVENT_COLLECTOR:
		return false;
	case PCI_PCIE_ROOT_PORT:
	case PCI_PCIE_DOWNSTREAM_PORT:
		return services(f);
	case PCI_PCIE_ENDPOINT:
	case PCI_PCIE_LEGACY_ENDPOINT:
	case PCI_PCIE_RC_ENDPOINT:
	case PCI_PCIE_UPSTREAM_PORT:
		return !f->multi || services(f);
	default:
		return true;
	}
}

static bool path_isolated(const struct machine *m, int i)
{
	for (; i >= 0; i = m->fact[i].parent) {
		if (!isolated(&m->fact[i]))
			return false;
	}
	return true;
}

static bool same_bus(const struct fact *a, const struct fact *b)
{
	return a->segment == b->segment && a->bus == b->bus;
}

static bool is_alias(const struct fact *f, const struct fact *of)
{
	int devfn = of->slot * 8 + of->function;

	switch (f->quirk) {
	case ALIAS_LOW:
		return devfn <= 3;
	case ALIAS_HIGH:
		return devfn >= 8 && devfn <= 17;
	case ALIAS_ONE:
		return of->slot == f->slot && of->function == 1;
	default:
		return false;
	}
}

static bool takes_over(const struct fact *bridge)
{
	return bridge->quirk != NO_ALIAS &&
	       (bridge->type == -1 || bridge->type == PCI_PCIE_TO_PCI_BRIDGE ||
		bridge->type == PCI_PCI_TO_PCIE_BRIDGE);
}

static void expect(const struct machine *m, bool together[MAX][MAX])
{
	memset(together, 0, sizeof(bool[MAX][MAX]));
	for (int i = 0; i < m->count; i++) {
		const struct fact *f = &m->fact[i];
		int sender = f->requester < 0 ? i : f->requester;

		together[i][i] = true;
		together[i][sender] = true;
		for (int up = m->fact[sender].parent; up >= 0; up = m->fact[up].parent) {
			if (m->fact[up].quirk == ROOT)
				break;
			if (takes_over(&m->fact[up]))
				together[i][up] = true;
		}
		for (int up = f->parent; up >= 0 && !path_isolated(m, up); up = m->fact[up].parent)
			together[i][up] = true;
		for (int j = 0; j < m->count; j++) {
			const struct fact *o = &m->fact[j];

			if (i == j || !same_bus(f, o))
				continue;
			if (is_alias(f, o))
				together[i][j] = true;
			if (f->slot == o->slot && f->multi && !isolated(f) && !isolated(o))
				together[i][j] = true;
		}
	}
	for (int i = 0; i < m->count; i++) {
		for (int j = 0; j < m->count; j++)
			together[i][j] = together[j][i] = together[i][j] || together[j][i];
	}
	for (int k = 0; k < m->count; k++) {
		for (int i = 0; i < m->count; i++) {
			for (int j = 0; j < m->count; j++)
				together[i][j] |= together[i][k] && together[k][j];
		}
	}
}

/* ---- random machines --------------------------------------------------------------------------- */

/* Sometimes all that is needed, sometimes one bit is missing, in one register or the other. */
static void random_acs(struct fact *f, uint64_t *seed)
{
	f->acs = next(seed) % 4;
	f->offered = SV | RR | CR | UF | PCI_ACS_TRANSLATION_BLOCKING;
	f->enabled = SV | RR | CR | UF;
	if (next(seed) % 4 == 0)
		f->enabled &= (uint16_t) ~(1u << next(seed) % 5);
	if (next(seed) % 8 == 0)
		f->offered &= (uint16_t) ~(1u << next(seed) % 5);
}

static int type_of(bool bridge, bool below, uint64_t *seed)
{
	static const int bridges[] = { PCI_PCIE_DOWNSTREAM_PORT, PCI_PCIE_UPSTREAM_PORT,
				       PCI_PCIE_DOWNSTREAM_PORT, PCI_PCIE_TO_PCI_BRIDGE,
				       PCI_PCI_TO_PCIE_BRIDGE,	 -1 };
	static const int ends[] = { PCI_PCIE_ENDPOINT,
				    PCI_PCIE_ENDPOINT,
				    PCI_PCIE_LEGACY_ENDPOINT,
				    PCI_PCIE_RC_ENDPOINT,
				    PCI_PCIE_RC_EVENT_COLLECTOR,
				    -1,
				    0xb };

	if (!bridge)
		return ends[next(seed) % 7];
	return below || next(seed) % 4 == 0 ? bridges[next(seed) % 6] : PCI_PCIE_ROOT_PORT;
}

static bool taken(const struct machine *m, const struct fact *f)
{
	for (int i = 0; i < m->count; i++) {
		const struct fact *o = &m->fact[i];

		if (same_bus(f, o) && f->slot == o->slot && f->function == o->function)
			return true;
	}
	return false;
}

/* One device of one to three functions below @parent; bridges get buses of their own. */
static void random_device(struct machine *m, int parent, uint64_t *seed)
{
	struct fact first = { .parent = parent };
	int functions = next(seed) % 3 ? 1 : 2 + (int)(next(seed) % 2);
	bool bridge = next(seed) % 2;

	first.segment = parent < 0 ? (uint16_t)(next(seed) % 8 == 0) : m->fact[parent].segment;
	first.bus = parent < 0 ? 0 : (uint8_t)(parent + 1);
	first.slot = (uint8_t)(next(seed) % 4);
	first.multi = functions > 1 || next(seed) % 8 == 0;
	if (taken(m, &first))
		return;
	for (int n = 0; n < functions && m->count < MAX; n++) {
		struct fact *f = &m->fact[m->count];

		*f = first;
		f->function = (uint8_t)(n ? n + (int)(next(seed) % 2) * 2 : 0);
		if (taken(m, f))
			continue;
		f->bridge = bridge && next(seed) % 8;
		f->type = type_of(f->bridge, parent >= 0, seed);
		f->requester = m->count && next(seed) % 24 == 0 ?
				       (int)(next(seed) % (uint32_t)m->count) :
				       -1;
		f->quirk = next(seed) % 3 ? PLAIN : (enum quirk)(next(seed) % NUM_QUIRKS);
		f->added = !f->bridge || next(seed) % 4;
		random_acs(f, seed);
		m->count++;
	}
}

static void random_machine(struct machine *m, uint64_t *seed)
{
	int devices = 4 + (int)(next(seed) % 10);

	m->count = 0;
	for (int d = 0; d < devices; d++) {
		int parent = -1;

		/* Often below the newest bridge: chains, too, not only bushes. */
		for (int i = m->count - 1; i >= 0 && parent < 0; i--) {
			if (m->fact[i].bridge && next(seed) % 2)
				parent = i;
		}
		random_device(m, parent, seed);
	}
}

/* Configuration space that says the same. */
static void build(struct bench *b, const struct machine *m, uint64_t *seed)
{
	struct test_pci *pci = &b->pci;

	pci->topology.quirks = quirks;
	pci->topology.num_quirks = sizeof(quirks) / sizeof(quirks[0]);
	for (int i = 0; i < m->count; i++) {
		const struct fact *f = &m->fact[i];
		struct uiommu_pci_function *fn;
		unsigned int header = f->bridge;

		fn = test_pci_add(pci, f->parent < 0 ? NULL : &pci->functions[f->parent].fn, f->bus,
				  (uint8_t)PCI_DEVFN(f->slot, f->function), f->type, f->bridge);
		fn->segment = f->segment;
		/* Only function 0 has to say it. */
		if (f->multi && (!f->function || next(seed) % 2))
			header |= PCI_HEADER_TYPE_MULTIFUNCTION;
		test_pci_set(fn, PCI_HEADER_TYPE, 1, header);
		test_pci_set(fn, PCI_DEVICE_ID, 2, f->quirk);
		if (f->bridge)
			test_pci_set(fn, PCI_SECONDARY_BUS, 1, (uint32_t)i + 1);
		if (f->acs && f->type >= 0)
			test_pci_acs(fn, f->offered, f->enabled);
	}
	for (int i = 0; i < m->count; i++) {
		if (m->fact[i].requester >= 0)
			pci->functions[i].fn.requester = &pci->functions[m->fact[i].requester].fn;
	}
}

static void add_in_any_order(struct bench *b, const struct machine *m, uint64_t *seed)
{
	int order[MAX];

	for (int i = 0; i < m->count; i++)
		order[i] = i;
	for (int i = m->count; i > 1; i--) {
		int with = (int)(next(seed) % (uint32_t)i), old = order[i - 1];

		order[i - 1] = order[with];
		order[with] = old;
	}
	for (int i = 0; i < m->count; i++) {
		if (m->fact[order[i]].added)
			bench_add_translated(b, &b->pci.functions[order[i]].fn);
	}
}

static void print(const struct machine *m)
{
	for (int i = 0; i < m->count; i++) {
		const struct fact *f = &m->fact[i];

		fprintf(stderr,
			"%2d %04x:%02x:%02x.%x below %2d type %2d multi %d quirk %d acs %d %x/%x as %d%s\n",
			i, f->segment, f->bus, f->slot, f->function, f->parent, f->type, f->multi,
			f->quirk, f->acs, f->enabled, f->offered, f->requester,
			f->added ? "" : ", not added");
	}
}

static void test_partition(void **state)
{
	static const struct uiommu_fwnode fwnode = { "iommu" };
	unsigned int merged = 0, split = 0;

	(void)state;
	for (uint64_t round = 1; round <= TOPOLOGIES; round++) {
		struct bench *b = bench_new();
		uint64_t seed = round * 0x9e3779b97f4a7c15u;
		bool together[MAX][MAX];
		struct machine m;

		random_machine(&m, &seed);
		expect(&m, together);
		bench_start(b, 0, &fwnode);
		build(b, &m, &seed);
		add_in_any_order(b, &m, &seed);
		for (int i = 0; i < m.count; i++) {
			for (int j = 0; j < i; j++) {
				bool same;

				if (!m.fact[i].added || !m.fact[j].added)
					continue;
				same = bench_group_of(&b->pci.functions[i].fn) ==
				       bench_group_of(&b->pci.functions[j].fn);
				merged += same;
				split += !same;
				if (same == together[i][j])
					continue;
				print(&m);
				fail_msg("machine %u: %d and %d are %s", (unsigned int)round, i, j,
					 same ? "together" : "apart");
			}
		}
		bench_free(b);
	}
	/* Neither answer is rare. */
	assert_true(merged > 10 * TOPOLOGIES && split > 10 * TOPOLOGIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
