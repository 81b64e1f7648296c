/* SPDX-License-Identifier: MIT */
/*
 * configure.c - from firmware's words to a translated device: IDs, deferral and replay, reserved regions
 *
 * The same for the three kinds of firmware: a device whose IOMMU is not there yet is told to wait, and is
 * adopted when it comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <uiommu/fdt.h>
#include <uiommu/iort.h>
#include <uiommu/viot.h>
#include "spec/pci.h"
#include "tests/firmware/bench.h"

/* ---- firmware ---------------------------------------------------------------------------------- */

static struct uiommu_iort *iort;
static struct uiommu_viot *viot;
static struct uiommu_dt *dt;
static struct test_host firmware_host = { .fail_after = SIZE_MAX };

static void *load(const char *name, size_t *size)
{
	void *data = aligned_alloc(8, 4096);
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
	file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is missing", path);
	*size = fread(data, 1, 4096, file);
	fclose(file);
	return data;
}

static int load_firmware(void **state)
{
	struct uiommu_dt_source source;
	size_t size;
	void *data;

	(void)state;
	data = load("iort/nodes.aml", &size);
	assert_int_equal(uiommu_iort_parse(&firmware_host, data, size, &iort, NULL), 0);
	free(data);
	data = load("viot/full.aml", &size);
	assert_int_equal(uiommu_viot_parse(&firmware_host, data, size, &viot, NULL), 0);
	free(data);
	data = load("dt/full.dtb", &size);
	assert_int_equal(uiommu_fdt_source(data, size, &source, NULL), 0);
	assert_int_equal(uiommu_dt_parse(&firmware_host, &source, &dt, NULL), 0);
	free(data);
	return 0;
}

static int free_firmware(void **state)
{
	(void)state;
	uiommu_iort_free(iort);
	uiommu_viot_free(viot);
	uiommu_dt_free(dt);
	return firmware_host.live ? -1 : 0;
}

/* What a device is told, as a configure operation. */
enum asked {
	IORT_PCI,
	IORT_COMPONENT,
	VIOT_PCI,
	VIOT_MMIO,
	DT_PCI,
	DT_DEVICE,
};

struct question {
	enum asked asked;
	const char *name; /* a component or node */
	uint64_t base;
};

static int answer(struct uiommu_device *dev, void *context)
{
	const struct question *q = context;

	switch (q->asked) {
	case IORT_PCI:
		return uiommu_iort_configure_pci(iort, dev);
	case IORT_COMPONENT:
		return uiommu_iort_configure_component(iort, dev, q->name);
	case VIOT_PCI:
		return uiommu_viot_configure_pci(viot, dev);
	case VIOT_MMIO:
		return uiommu_viot_configure_mmio(viot, dev, q->base);
	case DT_PCI:
		return uiommu_dt_configure_pci(uiommu_dt_master(dt, q->name), dev);
	case DT_DEVICE:
		return uiommu_dt_configure(uiommu_dt_master(dt, q->name), dev);
	}
	return -UIOMMU_EINVAL;
}

/* ---- devices ----------------------------------------------------------------------------------- */

static struct bench *bench_asking(const struct question *q)
{
	struct bench *b = bench_new();

	b->configure = answer;
	b->context = (void *)(uintptr_t)q;
	b->ops.device_group = uiommu_generic_device_group;
	return b;
}

/* Deferred before its IOMMU is there, translated by it afterwards, with exactly these IDs. */
static void is_adopted(struct bench *b, struct uiommu_pci_function *fn,
		       const struct uiommu_fwnode *fwnode, unsigned int num_ids,
		       const uint32_t *ids, unsigned int flags)
{
	static const struct uiommu_fwnode other = { "another one" };
	const struct uiommu_fwspec *spec;
	struct uiommu_device *dev = bench_add(b, fn);

	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_DEFERRED);
	assert_int_equal(uiommu_device_error(dev), -UIOMMU_EPROBE_DEFER);
	assert_null(uiommu_device_fwspec(dev)); /* nothing is left of the try */
	bench_start(b, 1, &other);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_DEFERRED);
	bench_start(b, 0, fwnode);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_TRANSLATED);
	assert_ptr_equal(uiommu_device_instance(dev), &b->instance[0]);
	spec = uiommu_device_fwspec(dev);
	assert_ptr_equal(spec->fwnode, fwnode);
	assert_int_equal(spec->num_ids, num_ids);
	for (unsigned int i = 0; i < num_ids; i++)
		assert_int_equal(spec->ids[i], ids[i]);
	assert_int_equal(spec->flags, flags);
	bench_free(b);
}

static struct uiommu_pci_function *endpoint(struct bench *b, uint16_t segment, uint16_t source_id)
{
	struct uiommu_pci_function *fn = test_pci_add(&b->pci, NULL, (uint8_t)(source_id >> 8),
						      (uint8_t)source_id, PCI_PCIE_RC_ENDPOINT,
						      false);

	fn->segment = segment;
	return fn;
}

/*
 * Conventional PCI behind a bridge, whose own ID and the function's first alias are known too.  Function
 * 0 of device 0 sends under the same ID as the bridge does for it: it has the ID once.
 */
static struct uiommu_pci_function *bridged(struct bench *b, uint16_t segment, uint8_t devfn)
{
	struct uiommu_pci_function *bridge, *fn;

	bridge = test_pci_add(&b->pci, NULL, 0, PCI_DEVFN(4, 0), PCI_PCIE_TO_PCI_BRIDGE, true);
	bridge->segment = segment;
	test_pci_set(bridge, PCI_SECONDARY_BUS, 1, 2);
	fn = test_pci_add(&b->pci, bridge, 2, devfn, -1, false);
	fn->segment = segment;
	return fn;
}

static void test_iort(void **state)
{
	const struct question pci = { .asked = IORT_PCI };
	const struct question dma = { .asked = IORT_COMPONENT, .name = "\\_SB.DMA0" };
	const struct question gpu = { .asked = IORT_COMPONENT, .name = "\\_SB.GPU0" };
	struct bench *b;

	(void)state;
	b = bench_asking(&pci);
	is_adopted(b, endpoint(b, 0, 0x7fff), &iort->nodes[1].fwnode, 1, (uint32_t[]){ 0x8fff }, 0);
	b = bench_asking(&pci);
	is_adopted(b, endpoint(b, 1, 0x0010), &iort->nodes[1].fwnode, 1, (uint32_t[]){ 0x10010 },
		   UIOMMU_FWSPEC_ATS);
	b = bench_asking(&pci);
	is_adopted(b, bridged(b, 0, 0x18), &iort->nodes[1].fwnode, 2,
		   (uint32_t[]){ 0x1218, 0x1200 }, 0);
	b = bench_asking(&pci);
	is_adopted(b, bridged(b, 0, 0), &iort->nodes[1].fwnode, 1, (uint32_t[]){ 0x1200 }, 0);
	b = bench_asking(&dma);
	is_adopted(b, NULL, &iort->nodes[1].fwnode, 2, (uint32_t[]){ 0x41, 0x43 }, 0);
	b = bench_asking(&gpu);
	is_adopted(b, NULL, &iort->nodes[2].fwnode, 4, (uint32_t[]){ 0x20, 0x21, 0x22, 0x23 },
		   UIOMMU_FWSPEC_STALL);
}

static void test_viot(void **state)
{
	const struct question pci = { .asked = VIOT_PCI };
	const struct question mmio = { .asked = VIOT_MMIO, .base = 0xfe000000 };
	struct bench *b;

	(void)state;
	b = bench_asking(&pci);
	is_adopted(b, endpoint(b, 1, 0x0018), &viot->iommus[0].fwnode, 1, (uint32_t[]){ 0x10118 },
		   0);
	b = bench_asking(&pci);
	is_adopted(b, endpoint(b, 2, 0x0321), &viot->iommus[1].fwnode, 1,
		   (uint32_t[]){ UINT32_MAX }, 0);
	b = bench_asking(&pci);
	is_adopted(b, bridged(b, 1, 8), &viot->iommus[0].fwnode, 2,
		   (uint32_t[]){ 0x10308, 0x10300 }, 0);
	b = bench_asking(&mmio);
	is_adopted(b, NULL, &viot->iommus[1].fwnode, 1, (uint32_t[]){ 0x42 }, 0);
}

static void test_dt(void **state)
{
	const struct question pci = { .asked = DT_PCI, .name = "/pcie@40000000" };
	const struct question display = { .asked = DT_DEVICE, .name = "/soc/display@1000" };
	const struct question gpu = { .asked = DT_DEVICE, .name = "/soc/gpu@2000" };
	const struct question codec = { .asked = DT_DEVICE, .name = "/soc/codec@4000" };
	struct bench *b;

	(void)state;
	b = bench_asking(&pci);
	is_adopted(b, endpoint(b, 1, 0x0009), &dt->iommus[0].fwnode, 1, (uint32_t[]){ 0x108 },
		   UIOMMU_FWSPEC_ATS);
	b = bench_asking(&pci);
	is_adopted(b, bridged(b, 1, 0x18), &dt->iommus[4].fwnode, 2, (uint32_t[]){ 0x218, 0x200 },
		   UIOMMU_FWSPEC_ATS);
	/* The mask makes one ID of both. */
	b = bench_asking(&pci);
	is_adopted(b, bridged(b, 1, 7), &dt->iommus[4].fwnode, 1, (uint32_t[]){ 0x200 },
		   UIOMMU_FWSPEC_ATS);
	b = bench_asking(&display);
	is_adopted(b, NULL, &dt->iommus[0].fwnode, 2, (uint32_t[]){ 5, 7 }, 0);
	b = bench_asking(&gpu);
	is_adopted(b, NULL, &dt->iommus[1].fwnode, 2, (uint32_t[]){ 1, 0x7f }, UIOMMU_FWSPEC_STALL);
	b = bench_asking(&codec);
	is_adopted(b, NULL, &dt->iommus[3].fwnode, 0, NULL, 0);
}

/* Not behind an IOMMU: told so, whether or not there is one, and left untranslated. */
static void test_not_behind(void **state)
{
	static const struct {
		struct question q;
		int segment, source_id; /* segment -1: not PCI */
	} cases[] = {
		{ { IORT_PCI, NULL, 0 }, 0, 0x8000 }, /* straight to the ITS */
		{ { IORT_PCI, NULL, 0 }, 0, 0x9000 }, /* mapped to nothing */
		{ { IORT_PCI, NULL, 0 }, 7, 0 }, /* a segment without root complex */
		{ { IORT_COMPONENT, "\\_SB.NONE", 0 }, -1, 0 },
		{ { VIOT_PCI, NULL, 0 }, 0, 0x18 }, /* the virtio-iommu itself */
		{ { VIOT_PCI, NULL, 0 }, 3, 0 }, /* an IOMMU of a type that we do not know */
		{ { VIOT_MMIO, NULL, 0xfe100000 }, -1, 0 },
		{ { VIOT_MMIO, NULL, 0x1234 }, -1, 0 },
		{ { DT_PCI, "/pcie@40000000", 0 }, 1, 0x100 }, /* a disabled IOMMU */
		{ { DT_PCI, "/pcie@50000000", 0 }, 0, 0 }, /* no iommu-map */
		{ { DT_DEVICE, "/soc/camera@5000", 0 }, -1, 0 }, /* a disabled IOMMU */
		{ { DT_DEVICE, "/soc/dma-controller@3000", 0 }, -1, 0 }, /* no iommus */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench *b = bench_asking(&cases[i].q);
		struct uiommu_pci_function *fn = cases[i].segment < 0 ?
							 NULL :
							 endpoint(b, (uint16_t)cases[i].segment,
								  (uint16_t)cases[i].source_id);
		struct uiommu_device *dev = bench_add(b, fn);

		if (uiommu_device_status(dev) != UIOMMU_STATUS_NO_IOMMU ||
		    uiommu_device_error(dev) != -UIOMMU_ENODEV)
			fail_msg("case %zu: status %d, error %d", i, uiommu_device_status(dev),
				 uiommu_device_error(dev));
		bench_free(b);
	}
}

/* A PCI question about a device that is not PCI. */
static void test_not_pci(void **state)
{
	static const struct question questions[] = { { IORT_PCI, NULL, 0 },
						     { VIOT_PCI, NULL, 0 },
						     { DT_PCI, "/pcie@40000000", 0 } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bench *b = bench_asking(&questions[i]);
		struct uiommu_device *dev = bench_add(b, NULL);

		assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_FAILED);
		assert_int_equal(uiommu_device_error(dev), -UIOMMU_EINVAL);
		bench_free(b);
	}
}

/* No more drivers will come: what waited for one is untranslated, not waiting. */
static void test_policy(void **state)
{
	const struct question display = { .asked = DT_DEVICE, .name = "/soc/display@1000" };
	struct bench *b = bench_asking(&display);
	struct uiommu_device *dev = bench_add(b, NULL);

	(void)state;
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_DEFERRED);
	uiommu_system_set_defer_policy(b->sys, UIOMMU_DEFER_NEVER);
	assert_int_equal(uiommu_device_probe(dev), -UIOMMU_ENODEV);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_NO_IOMMU);
	bench_free(b);
}

/* ---- reserved regions -------------------------------------------------------------------------- */

static struct uiommu_iort *rmr;

static int rmr_regions(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	return uiommu_iort_resv_regions(rmr, uiommu_device_fwspec(dev), list);
}

static int rmr_answer(struct uiommu_device *dev, void *context)
{
	(void)context;
	return uiommu_iort_configure_pci(rmr, dev);
}

static int dt_regions(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	(void)dev;
	return uiommu_dt_resv_regions(uiommu_dt_master(dt, "/soc/display@1000"), list);
}

/* The regions of the one device of @b: @count of them in @found. */
static void regions_of(struct uiommu_device *dev, struct uiommu_resv_region *found, size_t count)
{
	struct uiommu_group *group = uiommu_group_get(dev);
	size_t n = 0;

	assert_int_equal(uiommu_group_resv_regions(group, found, count, &n), 0);
	assert_int_equal(n, count);
	uiommu_group_put(group);
}

static void test_rmr(void **state)
{
	const unsigned int rw = UIOMMU_READ | UIOMMU_WRITE;
	struct uiommu_resv_region found[2];
	struct bench *b = bench_new();
	size_t size;
	void *data = load("iort/rmr.aml", &size);

	(void)state;
	assert_int_equal(uiommu_iort_parse(&firmware_host, data, size, &rmr, NULL), 0);
	free(data);
	b->configure = rmr_answer;
	b->ops.device_group = uiommu_generic_device_group;
	b->ops.get_resv_regions = rmr_regions;
	bench_start(b, 0, &rmr->nodes[0].fwnode);

	regions_of(bench_add(b, endpoint(b, 0, 0x10)), found, 2);
	assert_int_equal(found[0].start, 0x87c00000);
	assert_int_equal(found[0].last, 0x87c0ffff);
	assert_int_equal(found[0].type, UIOMMU_RESV_DIRECT);
	assert_int_equal(found[0].prot, rw | UIOMMU_PRIV | UIOMMU_MMIO);
	assert_int_equal(found[1].start, 0x88000000);
	/* Stream IDs 18 to 1f, both ends. */
	for (uint16_t id = 0x18; id < 0x20; id += 7) {
		regions_of(bench_add(b, endpoint(b, 0, id)), found, 1);
		assert_int_equal(found[0].start, 0xa0000000);
		assert_int_equal(found[0].last, 0xa01fffff);
		assert_int_equal(found[0].type, UIOMMU_RESV_DIRECT_RELAXABLE);
		assert_int_equal(found[0].prot, rw | UIOMMU_CACHE);
	}
	regions_of(bench_add(b, endpoint(b, 0, 0x11)), found, 0);
	regions_of(bench_add(b, endpoint(b, 0, 0x17)), found, 0);
	regions_of(bench_add(b, endpoint(b, 0, 0x20)), found, 0);
	bench_free(b);
	uiommu_iort_free(rmr);
}

static void test_dt_regions(void **state)
{
	const struct question display = { .asked = DT_DEVICE, .name = "/soc/display@1000" };
	struct bench *b = bench_asking(&display);
	struct uiommu_resv_region found[2];

	(void)state;
	b->ops.get_resv_regions = dt_regions;
	bench_start(b, 0, &dt->iommus[0].fwnode);
	regions_of(bench_add(b, NULL), found, 2);
	assert_int_equal(found[0].start, 0x1000);
	assert_int_equal(found[0].last, 0x3fff);
	assert_int_equal(found[0].type, UIOMMU_RESV_RESERVED);
	assert_int_equal(found[1].start, 0x88000000);
	assert_int_equal(found[1].last, 0x881fffff);
	assert_int_equal(found[1].type, UIOMMU_RESV_DIRECT);
	assert_int_equal(found[1].prot, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE);
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iort),	cmocka_unit_test(test_viot),
		cmocka_unit_test(test_dt),	cmocka_unit_test(test_not_behind),
		cmocka_unit_test(test_not_pci), cmocka_unit_test(test_policy),
		cmocka_unit_test(test_rmr),	cmocka_unit_test(test_dt_regions),
	};

	return cmocka_run_group_tests(tests, load_firmware, free_firmware);
}
