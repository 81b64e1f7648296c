/* SPDX-License-Identifier: MIT */
/*
 * vtd_life.c - a VT-d unit's whole life on the model, over the port that polices the library
 *
 * In every configuration of the model: nothing that port.h forbids happens, hardware is told of live pages
 * only, walks that do not snoop find what was flushed, no stale translation is used.  In some of them
 * once more for each step of the host that fails: the call in which it does says so and changes nothing.
 *
 * Not checked: failures of the hardware (vtd_queue.c), threads (the suite's races).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "models/vtd.h"
#include "ports/test/test.h"
#include "spec/pci.h"
#include "src/drivers/vtd/unit.h"
#include "tests/ports/try.h"

#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))
#define SID 0x0008u /* 00:01.0 */
#define RAM (32ull << 20)
#define BUFFER 0x140000000ull /* where devices' buffers would be: nobody looks at what is there */
#define EXPRESS_AT 0x40u
#define PASID_AT 0x100u
#define ATS_AT 0x110u

struct life {
	struct uiommu_test *test, *own; /* the library's host, the model's */
	struct model_vtd_config config;
	struct model_memory *memory;
	struct model_vtd *vtd;
	struct uiommu_system *sys;
	struct uiommu_fwnode node;
	struct uiommu_vtd *unit;

	struct uiommu_pci_topology topology;
	struct uiommu_pci_function fn, *fns[1];
	unsigned char space[4096]; /* configuration space */
	struct uiommu_device *dev;

	unsigned int reports, faults, forgotten; /* forgotten: invalidations of the device's TLB */
	struct model_report report;
	struct uiommu_fault fault;
};

/* ---- hardware ---------------------------------------------------------------------------------- */

static void on_report(void *context, const struct model_report *report)
{
	struct life *l = context;

	if (!l->reports++)
		l->report = *report;
}

static void on_msi(void *context, uint64_t address, uint32_t data)
{
	uiommu_test_msi(((struct life *)context)->test, address, data);
}

static bool on_invalidate(void *context, bool has_pasid, uint32_t pasid, uint64_t iova,
			  uint64_t size, bool global)
{
	(void)has_pasid;
	(void)pasid;
	(void)iova;
	(void)size;
	(void)global;
	((struct life *)context)->forgotten++;
	return true;
}

static void pages_added(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_add(((struct life *)context)->memory, phys, size, MODEL_MEMORY_TABLES);
}

static void pages_removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	model_memory_remove(((struct life *)context)->memory, phys, size);
}

static void flushed(void *context, uiommu_phys_t phys, size_t size)
{
	model_memory_flush(((struct life *)context)->memory, phys, size);
}

static void relax(void *context)
{
	model_vtd_step(((struct life *)context)->vtd);
}

static uint32_t read32(void *context, uint64_t offset)
{
	return model_vtd_read32(((struct life *)context)->vtd, (uint32_t)offset);
}

static uint64_t read64(void *context, uint64_t offset)
{
	return model_vtd_read64(((struct life *)context)->vtd, (uint32_t)offset);
}

static void write32(void *context, uint64_t offset, uint32_t value)
{
	model_vtd_write32(((struct life *)context)->vtd, (uint32_t)offset, value);
}

static void write64(void *context, uint64_t offset, uint64_t value)
{
	model_vtd_write64(((struct life *)context)->vtd, (uint32_t)offset, value);
}

static uint32_t config_read(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size)
{
	const struct life *l = fn->context;
	uint32_t value = 0;

	memcpy(&value, l->space + offset, size);
	return value;
}

static void config_write(struct uiommu_pci_function *fn, unsigned int offset, unsigned int size,
			 uint32_t value)
{
	struct life *l = fn->context;

	memcpy(l->space + offset, &value, size);
}

static void plug_in(struct life *l)
{
	const struct uiommu_pci_function fn = { .devfn = SID & 0xff,
						.topology = &l->topology,
						.context = l };
	const uint32_t pasid = PCI_EXT_CAP_ID_PASID | ATS_AT << PCI_EXT_CAP_NEXT_SHIFT;
	const uint32_t ats = PCI_EXT_CAP_ID_ATS;
	const struct model_atc atc = { .context = l, .invalidate = on_invalidate };

	l->fn = fn;
	l->fns[0] = &l->fn;
	l->topology = (struct uiommu_pci_topology){ .functions = l->fns,
						    .num_functions = 1,
						    .config_read = config_read,
						    .config_write = config_write };
	l->space[PCI_STATUS] = PCI_STATUS_CAP_LIST;
	l->space[PCI_CAP_POINTER] = EXPRESS_AT;
	l->space[EXPRESS_AT] = PCI_CAP_ID_PCIE; /* version and type 0: an endpoint */
	memcpy(l->space + PASID_AT, &pasid, 4);
	l->space[PASID_AT + PCI_PASID_CAPABILITY + 1] = 8; /* bits of PASID */
	memcpy(l->space + ATS_AT, &ats, 4);
	assert_int_equal(model_vtd_set_atc(l->vtd, SID, &atc), 0);
}

static void power_on(struct life *l, const char *preset)
{
	const struct uiommu_test_config config = {
		.ram_size = RAM,
		.pages_added = pages_added,
		.pages_removed = pages_removed,
		.flushed = flushed,
		.relax = relax,
		.context = l,
	};
	uiommu_phys_t base;
	uint64_t size;
	void *ram;

	memset(l, 0, sizeof(*l));
	assert_int_equal(uiommu_test_create(&config, &l->test), 0);
	assert_int_equal(uiommu_test_create(NULL, &l->own), 0);
	ram = uiommu_test_ram(l->test, &base, &size);
	assert_true(model_vtd_preset(preset, &l->config));
	assert_int_equal(model_memory_create(l->own, base, ram, size, &l->memory), 0);
	assert_int_equal(model_vtd_create(&l->config, l->memory, on_report, on_msi, l, &l->vtd), 0);
	plug_in(l);
}

static void power_off(struct life *l)
{
	if (l->reports)
		fail_msg("the model reports: %s (%s)", l->report.text, l->report.section);
	assert_int_equal(uiommu_test_destroy(l->test), 0);
	model_vtd_destroy(l->vtd);
	model_memory_destroy(l->memory);
	assert_int_equal(uiommu_test_destroy(l->own), 0);
}

/* ---- DMA --------------------------------------------------------------------------------------- */

/* Where a write arrives; 0: refused. */
static uint64_t reaches(struct life *l, uiommu_pasid_t pasid, uint64_t iova)
{
	const struct model_iommu *iommu = model_vtd_iommu(l->vtd);
	struct model_request request = {
		.source_id = SID,
		.has_pasid = pasid != UIOMMU_RID,
		.pasid = pasid,
		.iova = iova,
		.size = 4,
		.access = MODEL_WRITE,
	};
	struct model_translation t;

	return iommu->translate(iommu->context, &request, &t) == MODEL_OK ? t.phys : 0;
}

/* Refused, recorded, and told to whom it concerns. */
static void refuses(struct life *l, uiommu_pasid_t pasid, uint64_t iova)
{
	unsigned int before = l->faults;

	assert_int_equal(reaches(l, pasid, iova), 0);
	assert_int_equal(uiommu_test_deliver(l->test), 1);
	assert_int_equal(l->faults, before + 1);
	assert_ptr_equal(l->fault.device, l->dev);
	assert_int_equal(l->fault.iova, iova);
	assert_int_equal(l->fault.has_pasid ? l->fault.pasid : 0, pasid);
}

/* ---- software ---------------------------------------------------------------------------------- */

static void on_fault(void *context, const struct uiommu_fault *fault)
{
	struct life *l = context;

	uiommu_test_callback(l->test, "in on_fault");
	l->fault = *fault;
	l->faults++;
}

static bool ats_allowed(void *context, struct uiommu_device *dev)
{
	(void)context;
	(void)dev;
	return true;
}

static int configure(struct uiommu_device *dev, void *context)
{
	const uint32_t source_id = SID;
	int rc = uiommu_fwspec_init(dev, &((struct life *)context)->node);

	return rc ? rc : uiommu_fwspec_add_ids(dev, &source_id, 1);
}

static void start(struct life *l)
{
	const struct uiommu_system_config system = { .host = l->test,
						     .on_fault = on_fault,
						     .context = l };
	const struct uiommu_vtd_config unit = {
		.fwnode = &l->node,
		.name = "dmar0",
		.mmio = { .read32 = read32,
			  .read64 = read64,
			  .write32 = write32,
			  .write64 = write64,
			  .context = l },
		.ats_allowed = ats_allowed,
	};

	TRY(l->test, uiommu_system_create(&system, &l->sys));
	TRY(l->test, uiommu_vtd_create(l->sys, &unit, &l->unit));
	model_vtd_expect_clean(l->vtd, true);
}

static void add(struct life *l)
{
	const struct uiommu_device_desc desc = {
		.name = "0000:00:01.0",
		.bus = "pci",
		.configure = configure,
		.context = l,
		.pci = &l->fn,
		.pasid_bits = l->config.pasid ? 8 : 0,
	};

	TRY(l->test, uiommu_device_add(l->sys, &desc, &l->dev));
	if (!uiommu_device_is_translated(l->dev)) {
		assert_non_null(uiommu_test_failed(l->test));
		assert_int_equal(uiommu_device_error(l->dev), -UIOMMU_ENOMEM);
		assert_int_equal(uiommu_device_probe(l->dev), 0);
	}
	assert_int_equal(uiommu_device_capable(l->dev, UIOMMU_CAP_ATS), l->config.dt);
	assert_int_equal(uiommu_device_max_pasids(l->dev) != 0, l->config.pasid);
}

/* Small and large leaves, pieces; everything is reached, then nothing. */
static void use_domain(struct life *l, struct uiommu_domain *domain, uiommu_pasid_t pasid)
{
	const struct uiommu_sg sg[] = { { BUFFER, 0x1000 }, { BUFFER + 0x9000, 0x2000 } };
	unsigned int forgotten;
	uint64_t mapped;

	TRY(l->test, uiommu_map(domain, 0x1f0000, BUFFER + 0x1f0000, 0x220000, RW));
	TRY(l->test, uiommu_map_sg(domain, 0x40000000, sg, 2, RW, &mapped));
	assert_int_equal(reaches(l, pasid, 0x1f0000), BUFFER + 0x1f0000);
	assert_int_equal(reaches(l, pasid, 0x345678), BUFFER + 0x345678);
	assert_int_equal(reaches(l, pasid, 0x40fffc), BUFFER + 0x40fffc);
	assert_int_equal(reaches(l, pasid, 0x40002000), BUFFER + 0xa000);
	refuses(l, pasid, 0x410000);

	uiommu_test_forbid(l->test, UIOMMU_TEST_NO_ALLOC, "unmap may not allocate");
	forgotten = l->forgotten;
	assert_int_equal(uiommu_unmap(domain, 0x1f0000, 0x220000), 0x220000);
	assert_int_equal(uiommu_unmap(domain, 0x40000000, 0x3000), 0x3000);
	assert_int_equal(l->forgotten > forgotten, l->config.dt);
	uiommu_test_forbid(l->test, 0, NULL);
	refuses(l, pasid, 0x1f0000);
	refuses(l, pasid, 0x345000);
	refuses(l, pasid, 0x40002000);
}

static void use_pasids(struct life *l, struct uiommu_domain *a, struct uiommu_domain *b)
{
	static const uiommu_pasid_t pasids[] = { 1, 2, 70, 255 }; /* of three tables */
	struct uiommu_attach_handle handle = { 0 };

	for (unsigned int i = 0; i < 4; i++)
		TRY(l->test, uiommu_attach_device_pasid(a, l->dev, pasids[i], NULL));
	use_domain(l, a, 70);
	TRY(l->test, uiommu_replace_device_pasid(b, l->dev, 70, &handle));
	use_domain(l, b, 70);
	use_domain(l, a, 255);
	for (unsigned int i = 0; i < 4; i++) {
		uiommu_detach_device_pasid(i == 2 ? b : a, l->dev, pasids[i]);
		refuses(l, pasids[i], 0x1000);
	}
}

static void use_dirty(struct life *l, struct uiommu_group *group)
{
	uint64_t bits = 0;
	const struct uiommu_dirty_bitmap bitmap = { 0x10000, 0x1000, 4, &bits };
	struct uiommu_attach_handle handle = { 0 };
	struct uiommu_domain *domain;

	TRY(l->test, uiommu_domain_alloc_paging(l->dev, UIOMMU_ALLOC_DIRTY_TRACKING, &domain));
	TRY(l->test, uiommu_replace_group_handle(group, domain, &handle));
	TRY(l->test, uiommu_map(domain, 0x10000, BUFFER, 0x4000, RW));
	TRY(l->test, uiommu_set_dirty_tracking(domain, true));
	assert_int_equal(reaches(l, UIOMMU_RID, 0x12000), BUFFER + 0x2000);
	TRY(l->test, uiommu_read_and_clear_dirty(domain, 0x10000, 0x4000, 0, &bitmap));
	assert_int_equal(bits, 4);
	uiommu_detach_group_handle(domain, group);
	uiommu_domain_free(domain);
}

static void run_life(struct life *l, const char *preset, unsigned long nth)
{
	struct uiommu_attach_handle first = { 0 }, second = { 0 };
	struct uiommu_domain *a = NULL, *b = NULL;
	struct uiommu_group *group;

	power_on(l, preset);
	uiommu_test_fail_nth(l->test, nth);
	start(l);
	add(l);
	group = uiommu_group_get(l->dev);
	refuses(l, UIOMMU_RID, 0x1000);

	TRY(l->test, uiommu_group_claim_dma_owner(group, l));
	TRY(l->test, uiommu_domain_alloc_paging(l->dev, 0, &a));
	TRY(l->test, uiommu_domain_alloc_paging(l->dev, 0, &b));
	TRY(l->test, uiommu_attach_group_handle(a, group, &first));
	use_domain(l, a, UIOMMU_RID);
	TRY(l->test, uiommu_replace_group_handle(group, b, &second));
	use_domain(l, b, UIOMMU_RID);
	if (l->config.pasid)
		use_pasids(l, a, b);
	uiommu_detach_group_handle(b, group);
	refuses(l, UIOMMU_RID, 0x1f0000);
	if (uiommu_device_capable(l->dev, UIOMMU_CAP_DIRTY_TRACKING))
		use_dirty(l, group);
	uiommu_domain_free(a);
	uiommu_domain_free(b);
	uiommu_group_release_dma_owner(group);
	TRY(l->test, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
	assert_int_equal(reaches(l, UIOMMU_RID, BUFFER), BUFFER);
	uiommu_group_put(group);

	uiommu_device_remove(l->dev);
	assert_int_equal(reaches(l, UIOMMU_RID, BUFFER), 0);
	uiommu_test_deliver(l->test);
	uiommu_vtd_destroy(l->unit);
	uiommu_system_destroy(l->sys);
	uiommu_test_deliver(l->test);
}

static void every_configuration(void **state)
{
	const char *const *presets = model_vtd_presets();

	(void)state;
	for (; *presets; presets++) {
		struct life l;

		print_message("# %s\n", *presets);
		run_life(&l, *presets, 0);
		power_off(&l);
	}
}

static void sweep(void **state)
{
	unsigned long steps = 0;

	for (unsigned long nth = 0;; nth++) {
		struct life l;
		bool failed;

		run_life(&l, *state, nth);
		failed = uiommu_test_failed(l.test);
		if (nth == 0)
			steps = uiommu_test_steps(l.test, UIOMMU_TEST_STEPS);
		power_off(&l);
		if (nth && !failed) {
			assert_true(nth > steps);
			print_message("# %lu steps\n", nth - 1);
			break;
		}
	}
	assert_true(steps > 30);
}

#define SWEEP(preset)                                                        \
	{                                                                    \
		"each_step_fails_once_in_" preset, sweep, NULL, NULL, preset \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_configuration), SWEEP("legacy-noqi"),  SWEEP("legacy-cm"),
		SWEEP("scalable-incoherent"),	       SWEEP("scalable-ats"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
