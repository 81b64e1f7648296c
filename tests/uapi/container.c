/* SPDX-License-Identifier: MIT */
/* container.c - groups in containers, and type 1: the whole way to DMA, domains, what is refused and undone */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/uapi/legacy.h"

#define TYPE1 ABI_VFIO_TYPE1_IOMMU
#define TYPE1V2 ABI_VFIO_TYPE1V2_IOMMU

static const char *const machines[] = { "q35-vtd", "q35-vtd-scalable", "virt-smmuv3",
					"q35-virtio" };

/* Open, SET_CONTAINER, SET_IOMMU, MAP, DMA, UNMAP: on each kind of hardware */
static void test_whole_way(void **state)
{
	struct legacy_device d;
	struct world w;
	uint64_t gone;
	int container;

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		world_start(&w, machines[i], NULL);
		container = legacy_container(&w);
		legacy_start(&d, &w, "solo0", container, TYPE1V2);
		assert_false(legacy_reaches(&d, 0x100000, w.memory));
		assert_int_equal(
			legacy_map(&w, container, 0x100000, w.memory, 16 * PAGE, LEGACY_RW), 0);
		assert_int_equal(legacy_pins(&w), 16);
		assert_int_equal(uiommu_uapi_process_pinned(w.process), 16 * PAGE);
		assert_true(legacy_reaches(&d, 0x100000, w.memory));
		assert_true(legacy_reaches(&d, 0x10fffc, w.memory + 16 * PAGE - 4));
		assert_false(legacy_reaches(&d, 0x110000, w.memory + 16 * PAGE));
		assert_int_equal(legacy_unmap(&w, container, 0x100000, 16 * PAGE, 0, &gone), 0);
		assert_int_equal(gone, 16 * PAGE);
		assert_int_equal(legacy_pins(&w), 0);
		assert_false(legacy_reaches(&d, 0x100000, w.memory));
		legacy_stop(&d);
		world_stop(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
