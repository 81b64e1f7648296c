/* SPDX-License-Identifier: MIT */
/*
 * vtd_nested.c - guests' first stages behind the VT-d driver, on modelled hardware
 *
 * A guest of one page of memory for each level of its tables and two for data; its physical addresses are not
 * the host's.  The model reports whatever is used after it should be gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <uiommu/vtd.h>

#include "machines/machine.h"
#include "models/model.h"
#include "spec/vtd.h"

#define PAGE 4096u
#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define LEVELS 4
#define DATA LEVELS /* guest pages: tables from the top down, then two of data */
#define GUEST 0x40000000ull /* where the guest's memory begins, for the guest */
#define VA 0x1234567000ull
#define TABLE (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define PASID 9

struct guest {
	struct machine *m;
	struct machine_device *md;
	struct uiommu_device *dev;
	uint64_t (*memory)[PAGE / 8]; /* its tables */
	uint64_t *data;
	uint64_t phys; /* of the data */
	struct uiommu_domain *parent, *nested;
};

static uint64_t guest_address(unsigned int page)
{
	return GUEST + (uint64_t)page * PAGE;
}

static unsigned int slot(unsigned int level)
{
	return (unsigned int)(VA >> (12 + 9 * (LEVELS - 1 - level))) & 511;
}

static struct uiommu_vtd_s1 first_stage(void)
{
	return (struct uiommu_vtd_s1){ .pgtbl_addr = GUEST, .addr_width = 48 };
}

static void start(struct guest *g)
{
	struct machine_options options = { .name = "q35-vtd-pri", .hardware = "model", .seed = 1 };
	const struct uiommu_vtd_s1 s1 = first_stage();
	char error[256] = "";

	memset(g, 0, sizeof(*g));
	if (machine_create(&options, &g->m, error, sizeof(error)) ||
	    machine_boot(g->m, 0, error, sizeof(error)))
		fail_msg("%s", error);
	g->md = machine_device(g->m, "pri0");
	g->dev = machine_device_uiommu(g->md);
	/* Of the kind that IOMMUs read tables from, and of the other. */
	g->memory = uiommu_port_alloc_pages(machine_host(g->m), 2);
	g->data = machine_buffer(g->m, 2 * PAGE, PAGE, &g->phys);
	for (unsigned int level = 0; level < LEVELS; level++)
		g->memory[level][slot(level)] = guest_address(level + 1) | TABLE;
	g->data[0] = 0xd0;
	g->data[PAGE / 8] = 0xd1;
	assert_int_equal(uiommu_domain_alloc_paging(g->dev, UIOMMU_ALLOC_NEST_PARENT, &g->parent),
			 0);
	assert_int_equal(uiommu_map(g->parent, GUEST,
				    uiommu_posix_ptr_to_phys(machine_host(g->m), g->memory),
				    LEVELS * PAGE, RW),
			 0);
	assert_int_equal(uiommu_map(g->parent, guest_address(DATA), g->phys, 2 * PAGE, RW), 0);
	assert_int_equal(uiommu_domain_alloc_nested(g->dev, g->parent, UIOMMU_NESTED_VTD_S1, &s1,
						    sizeof(s1), 0, &g->nested),
			 0);
}

static void stop(struct guest *g)
{
	machine_settle(g->m);
	if (machine_num_reports(g->m))
		fail_msg("model %s, %s: %s", machine_report(g->m, 0)->model,
			 machine_report(g->m, 0)->section, machine_report(g->m, 0)->text);
	if (machine_num_warnings(g->m))
		fail_msg("library: %s", machine_warning(g->m, 0));
	uiommu_domain_free(g->nested);
	uiommu_domain_free(g->parent);
	machine_buffer_free(g->m, g->data, 2 * PAGE);
	uiommu_port_free_pages(machine_host(g->m), g->memory, 2);
	machine_destroy(g->m);
}

/* What the device finds at VA; 0: it was refused. */
static uint64_t found(struct guest *g, uint32_t pasid, unsigned int flags)
{
	uint64_t value = 0;

	if (machine_dma_read(g->md, VA, &value, sizeof(value), pasid,
			     flags | (pasid ? MACHINE_DMA_WITH_PASID : 0)) != MACHINE_DMA_DONE)
		return 0;
	return value;
}

static int invalidate(struct guest *g, uint64_t addr, uint64_t npages, uint32_t flags)
{
	const struct uiommu_vtd_s1_invalidate entry = { .addr = addr,
							.npages = npages,
							.flags = flags };
	size_t count = 1;
	int rc = uiommu_domain_cache_invalidate(g->nested, UIOMMU_NESTED_VTD_S1, &entry,
						sizeof(entry), &count);

	assert_int_equal(count, rc == 0);
	return rc;
}

static void attach(struct guest *g, uint32_t pasid, struct uiommu_attach_handle *handle)
{
	struct uiommu_group *group = uiommu_group_get(g->dev);

	if (pasid)
		assert_int_equal(uiommu_attach_device_pasid(g->nested, g->dev, pasid, handle), 0);
	else
		assert_int_equal(uiommu_attach_group_handle(g->nested, group, handle), 0);
	uiommu_group_put(group);
}

static void detach(struct guest *g, uint32_t pasid)
{
	struct uiommu_group *group = uiommu_group_get(g->dev);

	if (pasid)
		uiommu_detach_device_pasid(g->nested, g->dev, pasid);
	else
		uiommu_detach_group_handle(g->nested, group);
	uiommu_group_put(group);
}

static void run(uint32_t pasid, unsigned int flags)
{
	struct uiommu_attach_handle handle = { 0 };
	struct guest g;
	uint64_t *leaf;

	start(&g);
	leaf = &g.memory[LEVELS - 1][slot(LEVELS - 1)];
	attach(&g, pasid, &handle);
	assert_int_equal(found(&g, pasid, flags), 0xd0);
	/* The guest changes its mind. */
	*leaf = guest_address(DATA + 1) | TABLE;
	assert_int_equal(invalidate(&g, VA, 1, UIOMMU_VTD_S1_INVALIDATE_LEAF), 0);
	assert_int_equal(found(&g, pasid, flags), 0xd1);
	g.memory[1][slot(1)] = 0;
	assert_int_equal(invalidate(&g, 0, UINT64_MAX, 0), 0);
	assert_int_equal(found(&g, pasid, flags), 0);
	g.memory[1][slot(1)] = guest_address(2) | TABLE;
	assert_int_equal(found(&g, pasid, flags), 0xd1);
	/* The host does: a page of data, then a table. */
	assert_int_equal(uiommu_unmap(g.parent, guest_address(DATA + 1), PAGE), PAGE);
	assert_int_equal(found(&g, pasid, flags), 0);
	assert_int_equal(uiommu_map(g.parent, guest_address(DATA + 1), g.phys, PAGE, RW), 0);
	assert_int_equal(found(&g, pasid, flags), 0xd0);
	assert_int_equal(uiommu_unmap(g.parent, guest_address(2), PAGE), PAGE);
	assert_int_equal(found(&g, pasid, flags), 0);
	detach(&g, pasid);
	assert_int_equal(found(&g, pasid, flags), 0);
	stop(&g);
}

static void with_pasid(void **state)
{
	(void)state;
	run(PASID, 0);
}

static void without_pasid(void **state)
{
	(void)state;
	run(UIOMMU_RID, 0);
}

static void with_a_device_tlb(void **state)
{
	(void)state;
	run(PASID, MACHINE_DMA_USE_ATS);
	run(UIOMMU_RID, MACHINE_DMA_USE_ATS);
}

/* From the parent to the guest's domain and back, and from one first stage to another. */
static void replaced(void **state)
{
	struct uiommu_attach_handle handle[2] = { { 0 } };
	struct uiommu_vtd_s1 s1 = first_stage();
	struct uiommu_domain *other;
	struct guest g;

	(void)state;
	start(&g);
	s1.pgtbl_addr = guest_address(1); /* its second table for its first: nothing is at VA */
	assert_int_equal(uiommu_domain_alloc_nested(g.dev, g.parent, UIOMMU_NESTED_VTD_S1, &s1,
						    sizeof(s1), 0, &other),
			 0);
	for (unsigned int i = 0; i < 4; i++) {
		attach(&g, PASID, &handle[0]);
		assert_int_equal(found(&g, PASID, 0), 0xd0);
		assert_int_equal(uiommu_replace_device_pasid(other, g.dev, PASID, &handle[1]), 0);
		assert_int_equal(found(&g, PASID, 0), 0);
		assert_int_equal(uiommu_replace_device_pasid(g.nested, g.dev, PASID, &handle[0]),
				 0);
		assert_int_equal(found(&g, PASID, 0), 0xd0);
		assert_int_equal(uiommu_replace_device_pasid(g.parent, g.dev, PASID, &handle[1]),
				 0);
		assert_int_equal(found(&g, PASID, 0), 0);
		assert_int_equal(uiommu_replace_device_pasid(g.nested, g.dev, PASID, &handle[0]),
				 0);
		assert_int_equal(found(&g, PASID, 0), 0xd0);
		detach(&g, PASID);
	}
	uiommu_domain_free(other);
	stop(&g);
}

static void what_a_guest_cannot_have(void **state)
{
	struct uiommu_vtd_s1 s1 = first_stage();
	unsigned char larger[sizeof(s1) + 8] = { 0 };
	struct uiommu_domain *domain;
	struct guest g;
	static const struct uiommu_vtd_s1 bad[] = {
		{ .pgtbl_addr = GUEST + 8, .addr_width = 48 },
		{ .pgtbl_addr = GUEST, .addr_width = 39 },
		{ .pgtbl_addr = GUEST, .addr_width = 48, .reserved = 1 },
		{ .pgtbl_addr = GUEST, .addr_width = 48, .flags = 8 },
	};

	(void)state;
	start(&g);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(uiommu_domain_alloc_nested(g.dev, g.parent, UIOMMU_NESTED_VTD_S1,
							    &bad[i], sizeof(bad[i]), 0, &domain),
				 -UIOMMU_EIO);
	assert_int_equal(uiommu_domain_alloc_nested(g.dev, g.parent, UIOMMU_NESTED_SMMUV3, &s1,
						    sizeof(s1), 0, &domain),
			 -UIOMMU_EOPNOTSUPP);
	assert_int_equal(uiommu_domain_alloc_nested(g.dev, g.parent, UIOMMU_NESTED_VTD_S1, &s1,
						    sizeof(s1) - 1, 0, &domain),
			 -UIOMMU_EINVAL);
	memcpy(larger, &s1, sizeof(s1));
	larger[sizeof(larger) - 1] = 1;
	assert_int_equal(uiommu_domain_alloc_nested(g.dev, g.parent, UIOMMU_NESTED_VTD_S1, larger,
						    sizeof(larger), 0, &domain),
			 -UIOMMU_E2BIG);
	assert_int_equal(invalidate(&g, 8, 1, 0), -UIOMMU_EIO);
	assert_int_equal(invalidate(&g, PAGE, UINT64_MAX, 0), -UIOMMU_EIO);
	assert_int_equal(invalidate(&g, PAGE, 1ull << 52, 0), -UIOMMU_EIO);
	assert_int_equal(invalidate(&g, 0, 1, 2), -UIOMMU_EIO);
	assert_int_equal(invalidate(&g, 0, 0, 0), 0);
	assert_int_equal(invalidate(&g, 0, 1ull << 52, 0), 0);
	stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_pasid),
		cmocka_unit_test(without_pasid),
		cmocka_unit_test(with_a_device_tlb),
		cmocka_unit_test(replaced),
		cmocka_unit_test(what_a_guest_cannot_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
