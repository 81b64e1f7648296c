/* SPDX-License-Identifier: MIT */
/*
 * virtio_transport.c - taking a virtio IOMMU into service, over MMIO and PCI, in order and damaged
 *
 * virtio 1.2: 3.1.1 (initialisation), 4.1.4 (capabilities), 4.2.2 (MMIO), 5.13.4 (configuration).  After
 * each failure: one line in the log, the queues are disabled, all memory is back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "spec/pci.h"
#include "tests/drivers/virtio_fake.h"

/* Where fake_init() has the capabilities, and where another one fits. */
#define COMMON 0x40u
#define ISR 0x50u
#define DEVICE 0x60u
#define NOTIFY 0x70u
#define ANOTHER 0x90u

static void refused(struct fake *f, int rc, const char *words)
{
	assert_int_equal(fake_start(f), rc);
	assert_int_equal(f->errors, 1);
	assert_non_null(strstr(f->line, words));
}

static void in_order(void **state)
{
	static struct fake f;
	char text[200];

	(void)state;
	for (unsigned int pci = 0; pci < 2; pci++) {
		fake_init(&f, pci);
		assert_int_equal(fake_start(&f), 0);
		assert_int_equal(f.status, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER |
						   VIRTIO_STATUS_FEATURES_OK |
						   VIRTIO_STATUS_DRIVER_OK);
		assert_int_equal(f.accepted, f.features);
		assert_int_equal(f.bypass, 0);
		assert_true(f.queue[0].enabled && f.queue[1].enabled);
		assert_int_equal(f.notified[VIRTIO_IOMMU_EVENTQ], 1);
		assert_int_equal(f.errors, 0);
		uiommu_virtio_iommu_describe(f.viommu, text, sizeof(text));
		assert_non_null(strstr(text, pci ? "over PCI, 48 bits" : "over MMIO, 48 bits"));
		fake_stop(&f);
	}
}

/* Features that nobody asked for are not taken, F_BYPASS neither: unattached endpoints are blocked. */
static void features(void **state)
{
	static struct fake f;
	uint64_t wanted;

	(void)state;
	fake_init(&f, false);
	wanted = f.features;
	f.features = UINT64_MAX & ~VIRTIO_F_ORDER_PLATFORM;
	assert_int_equal(fake_start(&f), 0);
	assert_int_equal(f.accepted, wanted);
	fake_stop(&f);

	/* The least that is enough. */
	fake_init(&f, false);
	f.features = VIRTIO_F_VERSION_1 | VIRTIO_IOMMU_F_MAP_UNMAP;
	assert_int_equal(fake_start(&f), 0);
	assert_int_equal(f.accepted, f.features);
	assert_int_equal(f.bypass, 1); /* not a field of this device */
	fake_stop(&f);
}

static void no_virtio_iommu(void **state)
{
	static struct fake f;

	(void)state;
	fake_init(&f, false);
	f.magic = 0;
	refused(&f, -UIOMMU_ENODEV, "no virtio device");
	fake_init(&f, false);
	f.id = VIRTIO_ID_NET;
	refused(&f, -UIOMMU_ENODEV, "no IOMMU");
	fake_init(&f, false);
	f.id = VIRTIO_ID_NONE;
	refused(&f, -UIOMMU_ENODEV, "no IOMMU");
	fake_init(&f, false);
	f.version = 1;
	refused(&f, -UIOMMU_EOPNOTSUPP, "legacy");
	fake_init(&f, true);
	f.space[PCI_VENDOR_ID] ^= 1;
	refused(&f, -UIOMMU_ENODEV, "no virtio IOMMU");
	fake_init(&f, true);
	f.space[PCI_DEVICE_ID] ^= 1;
	refused(&f, -UIOMMU_ENODEV, "no virtio IOMMU");
}

static void it_does_not_suit(void **state)
{
	static struct fake f;

	(void)state;
	for (unsigned int pci = 0; pci < 2; pci++) {
		fake_init(&f, pci);
		f.features &= ~VIRTIO_F_VERSION_1;
		refused(&f, -UIOMMU_EOPNOTSUPP, "legacy");
		assert_true(f.status & VIRTIO_STATUS_FAILED);
		fake_init(&f, pci);
		f.features &= ~VIRTIO_IOMMU_F_MAP_UNMAP;
		refused(&f, -UIOMMU_EOPNOTSUPP, "F_MAP_UNMAP");
		fake_init(&f, pci);
		f.refuse_features = true;
		refused(&f, -UIOMMU_EOPNOTSUPP, "refuses the features");
		fake_init(&f, pci);
		f.stuck_in_reset = true;
		refused(&f, -UIOMMU_ETIMEDOUT, "does not come out of reset");
		fake_init(&f, pci);
		f.unsteady = UINT32_MAX;
		refused(&f, -UIOMMU_ETIMEDOUT, "does not stand still");
		fake_init(&f, pci);
		f.unsteady = 7;
		assert_int_equal(fake_start(&f), 0);
		fake_stop(&f);
	}
}

static void configuration(void **state)
{
	static struct fake f;

	(void)state;
	fake_init(&f, false);
	f.page_size_mask = 0;
	refused(&f, -UIOMMU_EIO, "page size mask");
	fake_init(&f, false);
	f.first = f.last + 1;
	refused(&f, -UIOMMU_EIO, "range of addresses");
	fake_init(&f, false);
	f.first = 0x1000;
	f.last = 0x1ffe; /* less than a granule */
	refused(&f, -UIOMMU_EIO, "range of addresses");
	fake_init(&f, false);
	f.first_id = 32;
	refused(&f, -UIOMMU_EIO, "range of domain IDs");

	/* Without the feature the field is not looked at. */
	fake_init(&f, false);
	f.features &= ~(VIRTIO_IOMMU_F_INPUT_RANGE | VIRTIO_IOMMU_F_DOMAIN_RANGE);
	f.first = 7;
	f.last = 3;
	f.first_id = 9;
	f.last_id = 8;
	assert_int_equal(fake_start(&f), 0);
	assert_int_equal(f.viommu->last, UINT64_MAX);
	assert_int_equal(f.viommu->last_id, UINT32_MAX);
	fake_stop(&f);
}

static void queues(void **state)
{
	static struct fake f;

	(void)state;
	for (unsigned int pci = 0; pci < 2; pci++) {
		for (uint16_t most = 0; most < 2; most++) {
			fake_init(&f, pci);
			f.queue[VIRTIO_IOMMU_REQUESTQ].most = most;
			refused(&f, -UIOMMU_EIO, "no room for a request");
		}
		fake_init(&f, pci);
		f.queue[VIRTIO_IOMMU_EVENTQ].most = 0;
		refused(&f, -UIOMMU_EIO, "no event queue");
		fake_init(&f, pci);
		/* More than there can be, which only 32 bits can say. */
		f.queue[VIRTIO_IOMMU_REQUESTQ].most = pci ? VIRTIO_QUEUE_MAX : 0x10000;
		f.queue[VIRTIO_IOMMU_EVENTQ].most = VIRTIO_QUEUE_MAX;
		assert_int_equal(fake_start(&f), 0);
		fake_stop(&f);
	}
}

/* ---- PCI capabilities -------------------------------------------------------------------------- */

static void a_structure_is_missing(void **state)
{
	static const unsigned int all[] = { COMMON, ISR, DEVICE, NOTIFY };
	static struct fake f;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		/* Another kind, another capability, too short to be one. */
		fake_init(&f, true);
		f.space[all[i] + VIRTIO_PCI_CAP_CFG_TYPE] = VIRTIO_PCI_CFG_VENDOR;
		refused(&f, -UIOMMU_EIO, "capabilities");
		fake_init(&f, true);
		f.space[all[i] + PCI_CAP_ID] = 0x05;
		refused(&f, -UIOMMU_EIO, "capabilities");
		fake_init(&f, true);
		f.space[all[i] + VIRTIO_PCI_CAP_LEN] = VIRTIO_PCI_CAP_SIZE - 1;
		refused(&f, -UIOMMU_EIO, "capabilities");
		/* A BAR that there cannot be, one that this function does not have. */
		fake_init(&f, true);
		f.space[all[i] + VIRTIO_PCI_CAP_BAR] = 7;
		refused(&f, -UIOMMU_EIO, "capabilities");
		fake_init(&f, true);
		f.space[all[i] + VIRTIO_PCI_CAP_BAR] = UIOMMU_VIRTIO_BARS;
		refused(&f, -UIOMMU_EIO, "capabilities");
		fake_init(&f, true);
		f.space[all[i] + VIRTIO_PCI_CAP_BAR] = 2;
		refused(&f, -UIOMMU_EIO, "capabilities");
	}
	fake_init(&f, true);
	f.space[PCI_CAP_POINTER] = 0;
	refused(&f, -UIOMMU_EIO, "capabilities");
}

static void a_structure_lies_badly(void **state)
{
	static const struct {
		unsigned int cap;
		uint32_t offset, length;
	} cases[] = {
		{ COMMON, 0x0002, 0x38 }, { COMMON, 0x0001, 0x38 }, { COMMON, 0x0000, 0x37 },
		{ ISR, 0x1000, 0 },	  { DEVICE, 0x2002, 40 },   { DEVICE, 0x2000, 39 },
		{ NOTIFY, 0x3001, 16 },	  { NOTIFY, 0x3000, 1 },
	};
	static struct fake f;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned int type, next;

		fake_init(&f, true);
		type = f.space[cases[i].cap + VIRTIO_PCI_CAP_CFG_TYPE];
		next = f.space[cases[i].cap + PCI_CAP_NEXT];
		fake_capability(&f, cases[i].cap, next, (uint8_t)type, 4, cases[i].offset,
				cases[i].length);
		refused(&f, -UIOMMU_EIO, "capabilities");
	}
}

/* Several of a kind: the first that can be used (4.1.4). */
static void several(void **state)
{
	static const struct {
		unsigned int cap;
		uint32_t offset, length;
	} good[] = { { COMMON, 0, 0x38 },
		     { ISR, 0x1000, 1 },
		     { DEVICE, 0x2000, 40 },
		     { NOTIFY, 0x3000, 16 } };
	static struct fake f;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int bad_first = 0; bad_first < 2; bad_first++) {
			unsigned int next, bad;
			uint8_t type;

			fake_init(&f, true);
			next = f.space[good[i].cap + PCI_CAP_NEXT];
			type = f.space[good[i].cap + VIRTIO_PCI_CAP_CFG_TYPE];
			bad = bad_first ? good[i].cap : ANOTHER;
			fake_capability(&f, bad_first ? ANOTHER : good[i].cap,
					bad_first ? next : ANOTHER, type, 4, good[i].offset,
					good[i].length);
			/* The first: nowhere.  The second: elsewhere, in order but for being second. */
			fake_capability(&f, bad, bad_first ? ANOTHER : next, type,
					bad_first ? 7 : 4, 0x8000, good[i].length);
			assert_int_equal(fake_start(&f), 0);
			assert_int_equal(f.stray, 0);
			assert_int_equal(uiommu_viommu_attach_endpoint(f.viommu, 5, 1, 0), 0);
			fake_stop(&f);
		}
	}
}

/* A list that never ends is left; what it led to counts. */
static void a_list_in_a_ring(void **state)
{
	static struct fake f;

	(void)state;
	fake_init(&f, true);
	f.space[NOTIFY + PCI_CAP_NEXT] = COMMON;
	assert_int_equal(fake_start(&f), 0);
	fake_stop(&f);
	fake_init(&f, true);
	f.space[DEVICE + PCI_CAP_NEXT] = DEVICE;
	refused(&f, -UIOMMU_EIO, "capabilities");
	/* The two low bits of a pointer are not part of it. */
	fake_init(&f, true);
	f.space[PCI_CAP_POINTER] |= 3;
	f.space[ISR + PCI_CAP_NEXT] |= 1;
	assert_int_equal(fake_start(&f), 0);
	fake_stop(&f);
}

static void notifications(void **state)
{
	static const struct {
		uint32_t offset, step, multiplier, length;
		int rc;
	} cases[] = {
		{ 0, 1, 4, 6, 0 }, /* queue 1 at 4, 2 bytes */
		{ 0, 1, 4, 5, -UIOMMU_EIO },
		{ 2, 1, 4, 14, 0 },
		{ 2, 1, 4, 13, -UIOMMU_EIO },
		{ 3, 1, 4, 16, -UIOMMU_EIO },
		{ 0, 1, 0, 2, 0 }, /* one place for all queues */
		{ 7, 1, 0, 2, 0 },
		{ 0, 1, 2, 4, 0 },
		/* What would wrap in 32 bits. */
		{ 0x8000, 1, 0x20000, 16, -UIOMMU_EIO },
		{ 0x8000, 0, 0x20000, 16, -UIOMMU_EIO },
		{ 3, 0, 4, 14, 0 },
		{ 0xfffe, 1, 0xffffffff, 16, -UIOMMU_EIO },
	};
	static struct fake f;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_init(&f, true);
		f.notify_offset = cases[i].offset;
		f.notify_step = cases[i].step;
		f.notify_multiplier = cases[i].multiplier;
		fake_capability(&f, NOTIFY, 0, VIRTIO_PCI_CFG_NOTIFY, 4, 0x3000, cases[i].length);
		if (cases[i].rc) {
			refused(&f, cases[i].rc, "notification lies outside");
			continue;
		}
		assert_int_equal(fake_start(&f), 0);
		assert_int_equal(uiommu_viommu_attach_endpoint(f.viommu, 5, 1, 0), 0);
		fake_stop(&f);
	}
}

/* ---- what the host refuses --------------------------------------------------------------------- */

static void each_step_of_the_host(void **state)
{
	static struct fake f;
	unsigned long nth = 0;

	(void)state;
	for (unsigned int pass = 0; pass < 2; pass++) {
		int rc;

		nth = 0;
		do {
			fake_init(&f, true);
			if (pass) /* identity by mappings */
				f.features &= ~VIRTIO_IOMMU_F_BYPASS_CONFIG;
			f.fail_nth = ++nth;
			rc = fake_start(&f);
			assert_int_equal(!!rc, !!*f.failed);
			assert_true(rc == 0 || rc == -UIOMMU_ENOMEM);
		} while (*f.failed);
		fake_stop(&f);
		assert_true(nth > 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(features),
		cmocka_unit_test(no_virtio_iommu),
		cmocka_unit_test(it_does_not_suit),
		cmocka_unit_test(configuration),
		cmocka_unit_test(queues),
		cmocka_unit_test(a_structure_is_missing),
		cmocka_unit_test(a_structure_lies_badly),
		cmocka_unit_test(several),
		cmocka_unit_test(a_list_in_a_ring),
		cmocka_unit_test(notifications),
		cmocka_unit_test(each_step_of_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
