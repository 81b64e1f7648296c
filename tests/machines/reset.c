/* SPDX-License-Identifier: MIT */
/* reset.c - which labels devices have on machines with page requests, what they can do, and what a reset leaves */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/machine.h"
#include "models/model.h"
#include "spec/pci.h"

#define IOVA 0x40000000u

static struct machine *booted(const char *name)
{
	struct machine_options options = { .name = name, .hardware = "model", .seed = 1 };
	struct machine *m;
	char error[256] = "";

	if (machine_create(&options, &m, error, sizeof(error)) ||
	    machine_boot(m, 0, error, sizeof(error)))
		fail_msg("%s: %s", name, error);
	return m;
}

static void finish(struct machine *m)
{
	machine_settle(m);
	if (machine_num_reports(m))
		fail_msg("%s: model: %s", machine_name(m), machine_report(m, 0)->text);
	if (machine_num_warnings(m))
		fail_msg("%s: library: %s", machine_name(m), machine_warning(m, 0));
	machine_destroy(m);
}

static struct machine_device *device(struct machine *m, const char *label)
{
	struct machine_device *found = machine_device(m, label);

	if (!found)
		fail_msg("%s: there is no \"%s\"", machine_name(m), label);
	return found;
}

static size_t members(struct machine *m, const char *label, unsigned int *id)
{
	struct uiommu_group *group = uiommu_group_get(machine_device_uiommu(device(m, label)));
	size_t count;

	assert_non_null(group);
	count = uiommu_group_num_devices(group);
	*id = uiommu_group_id(group);
	uiommu_group_put(group);
	return count;
}

static const char *const pci_machines[] = { "q35-vtd-pri", "virt-smmuv3-pri" };

static void test_labels(void **state)
{
	static const struct {
		const char *label;
		size_t members;
		const char *like; /* in the same group */
		unsigned int traits, pasid_bits;
	} rows[] = {
		{ "pri0", 1, "pri0", MACHINE_PASID_DMA | MACHINE_ATS | MACHINE_MISBEHAVE, 20 },
		{ "pri1", 1, "pri1", MACHINE_PASID_DMA | MACHINE_ATS | MACHINE_MISBEHAVE, 8 },
		{ "pripair0", 2, "pripair1", MACHINE_PASID_DMA | MACHINE_ATS, 20 },
		{ "pripair1", 2, "pripair0", MACHINE_PASID_DMA | MACHINE_ATS, 20 },
		{ "mixed0", 2, "mixed1", MACHINE_PASID_DMA, 20 },
		{ "mixed1", 2, "mixed0", 0, 0 },
		{ "alias0", 2, "alias1", 0, 0 },
		{ "alias1", 2, "alias0", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pci_machines) / sizeof(pci_machines[0]); i++) {
		struct machine *m = booted(pci_machines[i]);

		for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
			struct uiommu_device_desc desc;
			unsigned int id, like;

			assert_int_equal(members(m, rows[r].label, &id), rows[r].members);
			members(m, rows[r].like, &like);
			assert_int_equal(id, like);
			machine_device_desc(device(m, rows[r].label), &desc);
			assert_int_equal(desc.pasid_bits, rows[r].pasid_bits);
			assert_int_equal(machine_device_traits(device(m, rows[r].label)) &
						 (rows[r].traits | MACHINE_RESET),
					 rows[r].traits | MACHINE_RESET);
		}
		assert_false(
			uiommu_pci_pri_pasid_required(machine_device_function(device(m, "pri1"))));
		assert_true(
			uiommu_pci_pri_pasid_required(machine_device_function(device(m, "pri0"))));
		/* What cannot be reset says so. */
		assert_false(machine_device_traits(device(m, "solo0")) & MACHINE_RESET);
		assert_int_equal(machine_device_reset(device(m, "solo0")), -UIOMMU_EOPNOTSUPP);
		finish(m);
	}
}

static void test_platforms(void **state)
{
	struct machine *m = booted("virt-smmuv3-stall");
	struct uiommu_device_desc desc;
	unsigned int id, other;

	(void)state;
	assert_true(machine_device_traits(device(m, "pri0")) & MACHINE_STALL);
	assert_true(machine_device_traits(device(m, "pri0")) & MACHINE_PASID_DMA);
	assert_false(machine_device_traits(device(m, "pri0")) & MACHINE_PAGE_REQUESTS);
	assert_null(machine_device_function(device(m, "pri0")));
	machine_device_desc(device(m, "pri0"), &desc);
	assert_int_equal(desc.pasid_bits, 16);
	machine_device_desc(device(m, "pri1"), &desc);
	assert_int_equal(desc.pasid_bits, 8);
	assert_int_equal(members(m, "pri0", &id), 1);
	assert_int_equal(members(m, "pri1", &other), 1);
	assert_int_not_equal(id, other);
	assert_int_equal(machine_device_reset(device(m, "pri0")), -UIOMMU_EOPNOTSUPP);
	finish(m);
}

static uint32_t control(struct machine_device *d, unsigned int cap, unsigned int offset)
{
	struct uiommu_pci_function *fn = machine_device_function(d);

	return fn->topology->config_read(fn, uiommu_pci_find_ext_capability(fn, cap) + offset, 2);
}

static void set_control(struct machine_device *d, unsigned int cap, unsigned int offset,
			uint32_t value)
{
	struct uiommu_pci_function *fn = machine_device_function(d);

	fn->topology->config_write(fn, uiommu_pci_find_ext_capability(fn, cap) + offset, 2, value);
}

/* Of everything that software had set nothing is left in between, and everything afterwards. */
static void reset_one(const char *machine, const char *label)
{
	struct machine *m = booted(machine);
	struct machine_device *d = device(m, label);
	struct uiommu_pci_function *fn = machine_device_function(d);
	struct uiommu_device *dev = machine_device_uiommu(d);
	struct uiommu_group *group = uiommu_group_get(dev);
	bool extended = machine_device_traits(d) & MACHINE_ATS;
	struct uiommu_domain *domain;
	uint32_t command, bar, ats = 0, pasid = 0, word = 0;
	uint64_t phys, *buffer = machine_buffer(m, 4096, 4096, &phys);

	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	assert_int_equal(
		uiommu_map(domain, IOVA, phys, 4096, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE), 0);
	assert_int_equal(uiommu_attach_group(domain, group), 0);
	buffer[0] = 0x600dcafe;
	assert_int_equal(machine_dma_read(d, IOVA, &word, 4, 0, MACHINE_DMA_USE_ATS),
			 MACHINE_DMA_DONE);
	command = fn->topology->config_read(fn, PCI_COMMAND, 2);
	bar = fn->topology->config_read(fn, PCI_BAR(0), 4);
	if (extended) {
		ats = control(d, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL);
		assert_true(ats & PCI_ATS_ENABLE);
		set_control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOCATION, 5);
		set_control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL, PCI_PRI_ENABLE);
		pasid = control(d, PCI_EXT_CAP_ID_PASID, PCI_PASID_CONTROL);
	}

	assert_int_equal(machine_device_reset_begin(d), 0);
	assert_int_equal(machine_device_reset_begin(d), -UIOMMU_EBUSY);
	assert_int_equal(fn->topology->config_read(fn, PCI_COMMAND, 2), 0);
	assert_int_equal(fn->topology->config_read(fn, PCI_BAR(0), 4), 0);
	if (extended) {
		assert_int_equal(control(d, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL), 0);
		assert_int_equal(control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL), 0);
		assert_int_equal(control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOCATION), 0);
		assert_int_equal(control(d, PCI_EXT_CAP_ID_PASID, PCI_PASID_CONTROL), 0);
	}
	machine_device_reset_end(d);
	assert_int_equal(fn->topology->config_read(fn, PCI_COMMAND, 2), command);
	assert_int_equal(fn->topology->config_read(fn, PCI_BAR(0), 4), bar);
	if (extended) {
		assert_int_equal(control(d, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL), ats);
		assert_int_equal(control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL), PCI_PRI_ENABLE);
		assert_int_equal(control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOCATION), 5);
		assert_int_equal(control(d, PCI_EXT_CAP_ID_PASID, PCI_PASID_CONTROL), pasid);
		set_control(d, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL, 0);
	}
	/* It is the same device as before, with nothing in its memory. */
	word = 0;
	assert_int_equal(machine_dma_read(d, IOVA, &word, 4, 0, MACHINE_DMA_USE_ATS),
			 MACHINE_DMA_DONE);
	assert_int_equal(word, 0x600dcafe);

	uiommu_detach_group(domain, group);
	uiommu_group_put(group);
	uiommu_domain_free(domain);
	machine_buffer_free(m, buffer, 4096);
	finish(m);
}

static void test_reset(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pci_machines) / sizeof(pci_machines[0]); i++) {
		reset_one(pci_machines[i], "pri0");
		reset_one(pci_machines[i], "pripair1");
		reset_one(pci_machines[i], "alias0");
	}
}

/* A stream ends with a reset, can be stopped and counted, and the next one starts. */
static void test_stream(void **state)
{
	struct machine *m = booted("q35-vtd-pri");
	struct machine_device *d = device(m, "pri0");
	struct machine_stream_stats stats = { 0 };

	(void)state;
	assert_int_equal(machine_stream_start(d, IOVA, 4096, 0, 0, 0, 1), 0);
	while (!stats.refused)
		machine_stream_stats(d, &stats);
	assert_int_equal(machine_device_reset(d), 0);
	machine_stream_stats(d, &stats);
	machine_stream_stop(d, &stats);
	assert_true(stats.refused);
	assert_int_equal(machine_stream_start(d, IOVA, 4096, 0, 0, 0, 1), 0);
	machine_stream_stop(d, &stats);
	machine_settle(m);
	machine_clear_faults(m);
	finish(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
