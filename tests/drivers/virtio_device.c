/* SPDX-License-Identifier: MIT */
/*
 * virtio_device.c - devices behind a virtio IOMMU: their endpoints, and properties in order and damaged
 *
 * virtio 1.2, 5.13.6.7 and 5.13.6.8.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/virtio_fake.h"

#define RESV VIRTIO_IOMMU_PROBE_T_RESV_MEM
#define MAX_REGIONS 16

static void start(struct fake *f)
{
	fake_init(f, false);
	assert_int_equal(fake_start(f), 0);
}

static struct uiommu_device *add_good(struct fake *f, uint32_t id)
{
	struct uiommu_device *dev = fake_add(f, "good", &id, 1);

	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_TRANSLATED);
	return dev;
}

/* It fails, says so once, and nothing of it stays. */
static void add_bad(struct fake *f, uint32_t id, int rc)
{
	unsigned int errors = f->errors;
	struct uiommu_device *dev = fake_add(f, "bad", &id, 1);

	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_FAILED);
	assert_int_equal(uiommu_device_error(dev), rc);
	assert_true(f->errors > errors);
	assert_null(f->viommu->endpoints);
	uiommu_device_remove(dev);
}

struct expected {
	uiommu_iova_t start, last;
	enum uiommu_resv_type type;
};

static void has_regions(struct uiommu_device *dev, const struct expected *expected, size_t count)
{
	struct uiommu_resv_region regions[MAX_REGIONS];
	struct uiommu_group *group = uiommu_group_get(dev);
	size_t found;

	assert_int_equal(uiommu_group_resv_regions(group, regions, MAX_REGIONS, &found), 0);
	uiommu_group_put(group);
	assert_int_equal(found, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(regions[i].start, expected[i].start);
		assert_int_equal(regions[i].last, expected[i].last);
		assert_int_equal(regions[i].type, expected[i].type);
	}
}

#define DOORBELLS                                        \
	{                                                \
		0x8000000, 0x80fffff, UIOMMU_RESV_SW_MSI \
	}

static void no_properties(void **state)
{
	static const struct expected expected[] = { DOORBELLS };
	static struct fake f;

	(void)state;
	start(&f);
	has_regions(add_good(&f, 3), expected, 1);
	fake_stop(&f);
	/* A device that has none does not get asked. */
	fake_init(&f, false);
	f.features &= ~VIRTIO_IOMMU_F_PROBE;
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
	assert_int_equal(fake_start(&f), 0);
	has_regions(add_good(&f, 3), expected, 1);
	assert_int_equal(fake_noted(&f, 0, VIRTIO_IOMMU_T_PROBE), 0);
	fake_stop(&f);
}

static void regions(void **state)
{
	static const struct expected expected[] = {
		{ 0x1000, 0x2fff, UIOMMU_RESV_RESERVED },
		{ 0x7000, 0x7000, UIOMMU_RESV_RESERVED },
		{ 0xfee00000, 0xfeefffff, UIOMMU_RESV_MSI },
		{ 0xffffffffffff0000, UINT64_MAX, UIOMMU_RESV_RESERVED },
	};
	static struct fake f;

	(void)state;
	start(&f);
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_MSI, 0xfee00000, 0xfeefffff);
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x2fff);
	fake_resv(&f, 3, 77, 0x7000, 0x7000); /* an unknown kind is reserved too */
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0xffffffffffff0000, UINT64_MAX);
	has_regions(add_good(&f, 3), expected, 4);
	fake_stop(&f);
}

static void all_addresses(void **state)
{
	static const struct expected expected[] = { { 0, INT64_MAX, UIOMMU_RESV_RESERVED },
						    DOORBELLS,
						    { 1ull << 63, UINT64_MAX,
						      UIOMMU_RESV_RESERVED } };
	static struct fake f;

	(void)state;
	start(&f);
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0, UINT64_MAX);
	has_regions(add_good(&f, 3), expected, 3);
	fake_stop(&f);
}

/* What this driver does not know is passed over by its length; the end is the end. */
static void unknown_properties(void **state)
{
	static const struct expected expected[] = { { 0x1000, 0x1fff, UIOMMU_RESV_RESERVED },
						    { 0x3000, 0x3fff, UIOMMU_RESV_RESERVED },
						    DOORBELLS };
	static struct fake f;

	(void)state;
	start(&f);
	fake_property(&f, 3, 2, 5, 5); /* of an odd length */
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
	fake_property(&f, 3, 0xfff, 0, 0);
	/* RESV_MEM but for a reserved bit; its contents would be wrong. */
	fake_property(&f, 3, RESV | 0x1000, 20, 20);
	fake_property(&f, 3, RESV | 0x8000, 1, 1);
	/* Longer than this driver knows it. */
	fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x3000, 0x3fff);
	f.properties[3][f.next_property[3] - 22] = 24;
	f.next_property[3] += 4;
	/* The end; behind it lies anything. */
	fake_property(&f, 3, VIRTIO_IOMMU_PROBE_T_NONE, 0xffff, 0);
	fake_property(&f, 3, RESV, 0xffff, 30);
	has_regions(add_good(&f, 3), expected, 3);
	fake_stop(&f);
}

/* A list may end with its room: exactly, or with less than a property's header left. */
static void a_full_list(void **state)
{
	static const struct expected expected[] = { { 0x1000, 0x1fff, UIOMMU_RESV_RESERVED },
						    DOORBELLS };
	static struct fake f;

	(void)state;
	for (unsigned int left = 0; left < 5; left++) {
		const uint16_t rest = (uint16_t)(FAKE_PROPERTIES - 4 - 24 - left);

		start(&f);
		fake_property(&f, 3, 9, rest, rest);
		fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
		/* What is left reads as a property of some type. */
		memset(&f.properties[3][FAKE_PROPERTIES - left], left == 4 ? 0 : 0x01, left);
		has_regions(add_good(&f, 3), expected, 2);
		fake_stop(&f);
	}
}

static void damaged_properties(void **state)
{
	static struct fake f;

	(void)state;
	start(&f);
	/* Longer than the list: by far, by one byte, of an unknown type. */
	fake_property(&f, 1, RESV, 0xffff, 20);
	fake_property(&f, 2, RESV, FAKE_PROPERTIES - 4 + 1, 20);
	fake_property(&f, 3, 9, FAKE_PROPERTIES - 3, 0);
	fake_resv(&f, 4, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
	fake_property(&f, 4, 9, FAKE_PROPERTIES - 24 - 3, 0);
	/* Too short for what they say. */
	fake_property(&f, 5, RESV, 19, 19);
	memset(&f.properties[5][VIRTIO_IOMMU_RESV_MEM_START], 0, 8);
	fake_property(&f, 6, RESV, 0, 0);
	/* The end before the start. */
	fake_resv(&f, 7, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x2000, 0x1fff);
	fake_resv(&f, 8, VIRTIO_IOMMU_RESV_MEM_T_MSI, UINT64_MAX, 0);
	/* The last header's length. */
	fake_property(&f, 9, 9, FAKE_PROPERTIES - 8, FAKE_PROPERTIES - 8);
	fake_property(&f, 9, 9, 1, 0);
	for (uint32_t id = 1; id < 10; id++)
		add_bad(&f, id, -UIOMMU_EIO);
	assert_int_equal(fake_noted(&f, 0, VIRTIO_IOMMU_T_ATTACH), 0);
	add_good(&f, 10);
	fake_stop(&f);
}

/* Every status is the reason for which the device is left out. */
static void probing_fails(void **state)
{
	static const struct {
		uint8_t status;
		int rc;
	} cases[] = { { VIRTIO_IOMMU_S_NOENT, -UIOMMU_ENOENT },
		      { VIRTIO_IOMMU_S_DEVERR, -UIOMMU_EIO },
		      { VIRTIO_IOMMU_S_NOMEM, -UIOMMU_ENOMEM } };
	static struct fake f;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		for (unsigned int good = 0; good < 2; good++) { /* it is asked twice */
			start(&f);
			fake_resv(&f, 3, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
			fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_PROBE, good, 1,
							    FAKE_STATUS, cases[i].status });
			add_bad(&f, 3, cases[i].rc);
			add_good(&f, 3);
			fake_stop(&f);
		}
	}
}

/* Of a device behind a bridge the IOMMU may know the bridge's ID only. */
static void some_ids_unknown(void **state)
{
	static const struct expected expected[] = { { 0x1000, 0x1fff, UIOMMU_RESV_RESERVED },
						    DOORBELLS };
	static const uint32_t ids[] = { 99, 4, 98 }, none[] = { 99, 98 };
	static struct fake f;
	struct uiommu_device *dev;

	(void)state;
	start(&f);
	fake_resv(&f, 4, VIRTIO_IOMMU_RESV_MEM_T_RESERVED, 0x1000, 0x1fff);
	dev = fake_add(&f, "behind", ids, 3);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_TRANSLATED);
	has_regions(dev, expected, 2);
	assert_true(f.attached[4]);
	assert_int_equal(fake_noted(&f, 0, VIRTIO_IOMMU_T_ATTACH), 1);
	uiommu_device_remove(dev);
	assert_null(f.viommu->endpoints);
	dev = fake_add(&f, "nowhere", none, 2);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_FAILED);
	assert_int_equal(uiommu_device_error(dev), -UIOMMU_ENOENT);
	assert_null(f.viommu->endpoints);
	fake_stop(&f);
}

/* An ID that firmware names twice is one endpoint; more than there is room for are refused. */
static void many_ids(void **state)
{
	static const uint32_t ids[] = { 7, 3, 7, 5, 3, 9 }, five[] = { 1, 2, 3, 4, 5 };
	static struct fake f;
	struct uiommu_device *dev;

	(void)state;
	start(&f);
	dev = fake_add(&f, "four", ids, 6);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_TRANSLATED);
	assert_int_equal(fake_noted(&f, 0, VIRTIO_IOMMU_T_ATTACH), 4);
	assert_true(f.attached[7] && f.attached[3] && f.attached[5] && f.attached[9]);
	uiommu_device_remove(dev);
	dev = fake_add(&f, "five", five, 5);
	assert_int_equal(uiommu_device_status(dev), UIOMMU_STATUS_FAILED);
	assert_int_equal(uiommu_device_error(dev), -UIOMMU_EINVAL);
	assert_null(f.viommu->endpoints);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_properties), cmocka_unit_test(regions),
		cmocka_unit_test(all_addresses), cmocka_unit_test(unknown_properties),
		cmocka_unit_test(a_full_list),	 cmocka_unit_test(damaged_properties),
		cmocka_unit_test(probing_fails), cmocka_unit_test(some_ids_unknown),
		cmocka_unit_test(many_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
