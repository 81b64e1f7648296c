/* SPDX-License-Identifier: MIT */
/* platform.c - devices on no bus: how a machine hands them out, their interrupt, the ring managers */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/machine.h"
#include "machines/uapi_io.h"
#include "models/model.h"
#include "spec/dma-engine.h"
#include "spec/flexrm.h"

static int boot(void **state)
{
	struct machine_options options = { .name = "virt-smmuv3-flexrm",
					   .hardware = "model",
					   .seed = 5 };
	struct machine *m;
	char error[256];

	assert_int_equal(machine_create(&options, &m, error, sizeof(error)), 0);
	assert_int_equal(machine_boot(m, 0, error, sizeof(error)), 0);
	*state = m;
	return 0;
}

static int finish(void **state)
{
	struct machine *m = *state;
	size_t reports = machine_num_reports(m), warnings = machine_num_warnings(m);

	machine_destroy(m);
	return reports || warnings;
}

static const struct uiommu_uapi_platform_io *io_of(struct machine *m, const char *label)
{
	const struct uiommu_uapi_platform_io *io, *again;

	assert_int_equal(machine_platform_io(machine_device(m, label), &io), 0);
	assert_int_equal(machine_platform_io(machine_device(m, label), &again), 0);
	assert_ptr_equal(io, again);
	return io;
}

/* ---- what there is ----------------------------------------------------------------------------- */

static void test_names(void **state)
{
	struct machine *m = *state;
	const struct uiommu_uapi_platform_io *io = io_of(m, "flexrm4");

	assert_string_equal(uiommu_device_name(machine_device_uiommu(machine_device(m, "flexrm4"))),
			    "9480000.mbox");
	assert_int_equal(io->num_regions, 1);
	assert_int_equal(io->regions[0].address, 0x9480000);
	assert_int_equal(io->regions[0].size, 0x28000);
	assert_int_equal(io->num_irqs, 0);
	assert_string_equal(io->compatible, FLEXRM_COMPATIBLE);
	io = io_of(m, "platform0");
	assert_int_equal(io->num_irqs, 1);
	assert_true(io->irqs[0].level);
	assert_string_equal(io->compatible, "uiommu,platform-dma");
	assert_int_equal(machine_platform_io(machine_device(m, "solo0"), &io), -UIOMMU_EINVAL);
	assert_null(io);

	assert_true(
		uiommu_device_is_translated(machine_device_uiommu(machine_device(m, "flexrm0"))));
	assert_false(
		uiommu_device_is_translated(machine_device_uiommu(machine_device(m, "hidden0"))));
}

static unsigned int count_rings(const struct uiommu_uapi_platform_io *io)
{
	unsigned int count = 0;

	for (uint64_t at = 0; at < io->regions[0].size; at += FLEXRM_WINDOW)
		count += io->read(io->context, 0, at + FLEXRM_VERSION, 4) == FLEXRM_VERSION_VALUE;
	return count;
}

static void test_rings(void **state)
{
	struct machine *m = *state;

	assert_int_equal(count_rings(io_of(m, "flexrm0")), 4);
	assert_int_equal(count_rings(io_of(m, "flexrm1")), 0);
	assert_int_equal(count_rings(io_of(m, "flexrm2")), 32);
	assert_int_equal(count_rings(io_of(m, "flexrm3")), 7);
	assert_int_equal(count_rings(io_of(m, "flexrm4")), 2);
}

/* ---- the interrupt ----------------------------------------------------------------------------- */

static void on_irq(void *token, unsigned int irq)
{
	assert_int_equal(irq, 0);
	++*(unsigned int *)token;
}

static void poke(const struct uiommu_uapi_platform_io *io, uint64_t offset, uint32_t value)
{
	io->write(io->context, 0, offset, 4, value);
}

static void test_interrupt(void **state)
{
	const struct uiommu_uapi_platform_io *io = io_of(*state, "hidden0");
	const uint32_t acknowledge = DMA_ENGINE_INTERRUPT_ENABLE | DMA_ENGINE_INTERRUPT_PENDING;
	unsigned int irqs = 0;

	poke(io, DMA_ENGINE_INTERRUPT, DMA_ENGINE_INTERRUPT_ENABLE);
	poke(io, DMA_ENGINE_COMMAND, DMA_ENGINE_READ);
	/* Asserted already, and masked at first. */
	assert_int_equal(io->set_irq(io->context, 0, on_irq, &irqs), 0);
	assert_int_equal(irqs, 0);
	io->mask_irq(io->context, 0, false);
	assert_int_equal(irqs, 1);
	/* It has masked itself; nobody served the device. */
	poke(io, DMA_ENGINE_COMMAND, DMA_ENGINE_READ);
	assert_int_equal(irqs, 1);
	io->mask_irq(io->context, 0, false);
	assert_int_equal(irqs, 2);
	/* Served: there is nothing to deliver, until there is. */
	poke(io, DMA_ENGINE_INTERRUPT, acknowledge);
	io->mask_irq(io->context, 0, false);
	assert_int_equal(irqs, 2);
	poke(io, DMA_ENGINE_COMMAND, DMA_ENGINE_READ);
	assert_int_equal(irqs, 3);
	/* Served, and asserted anew, while masked. */
	poke(io, DMA_ENGINE_INTERRUPT, acknowledge);
	poke(io, DMA_ENGINE_COMMAND, DMA_ENGINE_READ);
	assert_int_equal(irqs, 3);
	poke(io, DMA_ENGINE_INTERRUPT, acknowledge);
	io->mask_irq(io->context, 0, true);
	io->mask_irq(io->context, 0, true);
	poke(io, DMA_ENGINE_COMMAND, DMA_ENGINE_READ);
	assert_int_equal(irqs, 3);
	io->mask_irq(io->context, 0, false);
	assert_int_equal(irqs, 4);

	assert_int_equal(io->set_irq(io->context, 0, NULL, NULL), 0);
	io->mask_irq(io->context, 0, false);
	assert_int_equal(irqs, 4);
}

/* ---- a ring's DMA goes through the IOMMU ------------------------------------------------------- */

static void test_ring(void **state)
{
	struct machine *m = *state;
	const struct uiommu_uapi_platform_io *io = io_of(m, "flexrm0");
	struct uiommu_device *dev = machine_device_uiommu(machine_device(m, "flexrm0"));
	const uint64_t iova = 0x7000000, ring = 2 * (uint64_t)FLEXRM_WINDOW;
	struct uiommu_domain *domain;
	struct uiommu_group *group = uiommu_group_get(dev);
	uint64_t phys, *memory = machine_buffer(m, 0x4000, 0x4000, &phys);

	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	assert_int_equal(uiommu_map(domain, iova, phys, 0x4000,
				    UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE),
			 0);
	assert_int_equal(uiommu_attach_group(domain, group), 0);
	poke(io, ring + FLEXRM_BD_START, iova >> FLEXRM_BD_START_SHIFT);
	poke(io, ring + FLEXRM_COMPLETION_START, (iova + 0x2000) >> FLEXRM_COMPLETION_START_SHIFT);
	poke(io, ring + FLEXRM_CONTROL, FLEXRM_CONTROL_ACTIVE);
	machine_settle(m);
	assert_true(memory[0x400] == (UINT64_C(2) << 48 | 1));
	assert_int_equal(machine_num_faults(m), 0);

	/* A ring that nobody stops is seen when its memory is taken away. */
	uiommu_detach_group(domain, group);
	machine_settle(m);
	machine_settle(m);
	assert_true(machine_num_faults(m) > 0);
	assert_ptr_equal(machine_fault(m, 0)->device, dev);
	machine_clear_faults(m);

	io->delay(io->context, 1500);
	io->delay(io->context, 500);
	assert_int_equal(machine_platform_delayed(machine_device(m, "flexrm0")), 2000);

	/* Out of turn. */
	poke(io, ring + FLEXRM_CONTROL, FLEXRM_CONTROL_FLUSH);
	assert_int_equal(machine_num_reports(m), 1);
	assert_string_equal(machine_report(m, 0)->model, "flexrm");
	machine_clear_reports(m);
	uiommu_group_put(group);
	uiommu_domain_free(domain);
	machine_buffer_free(m, memory, 0x4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, boot, finish),
		cmocka_unit_test_setup_teardown(test_rings, boot, finish),
		cmocka_unit_test_setup_teardown(test_interrupt, boot, finish),
		cmocka_unit_test_setup_teardown(test_ring, boot, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
