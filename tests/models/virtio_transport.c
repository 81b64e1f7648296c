/* SPDX-License-Identifier: MIT */
/*
 * virtio_transport.c - initialisation, configuration and interrupts of a virtio device, over both transports
 *
 * Virtio 1.2: 2.1 and 3.1 (status), 2.2 (features), 2.5 (configuration), 4.1 (PCI), 4.2 (MMIO).
 */
#include "virtio_bench.h"

#define ALL UINT64_MAX
#define ACK VIRTIO_STATUS_ACKNOWLEDGE
#define DRIVER (ACK | VIRTIO_STATUS_DRIVER)
#define FEATURES (DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define OK (FEATURES | VIRTIO_STATUS_DRIVER_OK)
#define EP 8u

static struct bench bench;

static int open_mmio(void **state)
{
	*state = &bench;
	open_preset(&bench, MMIO, "standard");
	return 0;
}

static int open_pci(void **state)
{
	*state = &bench;
	open_preset(&bench, PCI, "standard");
	return 0;
}

static int open_intx(void **state)
{
	struct model_viommu_config config;
	struct bench *b = &bench;

	open_preset(b, MMIO, "standard");
	assert_int_equal(bench_close(b), 0);
	model_viommu_preset("standard", &config);
	bench_open(b, MMIO, &config);
	b->transport = PCI;
	b->intx = true;
	add_function(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return bench_close(&bench);
}

/* ---- status (2.1, 3.1.1) ----------------------------------------------------------------------- */

static void test_initialisation(void **state)
{
	struct bench *b = *state;

	assert_int_equal(get_status(b), 0);
	start(b, ALL);
	assert_int_equal(get_status(b), OK);
	assert_int_equal(probe(b, EP, 512, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	expect_quiet(b);
	/* And all over again: nothing of before is left. */
	start(b, ALL);
	assert_int_equal(detach(b, 1, EP), VIRTIO_IOMMU_S_INVAL);
	expect_quiet(b);
}

static void test_status_order(void **state)
{
	struct bench *b = *state;

	set_status(b, VIRTIO_STATUS_DRIVER);
	expect_report(b, MODEL_REPORT_ILLEGAL, "3.1.1");
	set_status(b, 0);
	assert_int_equal(get_status(b), 0);
	set_status(b, ACK);
	set_status(b, FEATURES & ~VIRTIO_STATUS_DRIVER);
	assert_true(b->reports >= 1);
	b->reports = 0;
	set_status(b, 0);
	assert_int_equal(get_status(b), 0);
	/* DRIVER_OK without having looked whether the features were taken. */
	set_status(b, ACK);
	set_status(b, DRIVER);
	set_accepted(b, get_offered(b));
	set_status(b, FEATURES);
	set_status(b, OK);
	expect_report(b, MODEL_REPORT_ILLEGAL, "3.1.1");
}

static void test_status_bits(void **state)
{
	struct bench *b = *state;

	start(b, ALL);
	set_status(b, OK & ~VIRTIO_STATUS_DRIVER);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.1.1");
	assert_int_equal(get_status(b), OK);
	set_status(b, OK | 0x10);
	expect_report(b, MODEL_REPORT_RESERVED, "2.1");
	set_status(b, OK | VIRTIO_STATUS_NEEDS_RESET);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.1");
	assert_int_equal(get_status(b), OK);
	set_status(b, OK | VIRTIO_STATUS_FAILED);
	expect_quiet(b);
	set_status(b, OK | VIRTIO_STATUS_FAILED);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.1.1");
}

/* ---- features (2.2) ---------------------------------------------------------------------------- */

static void test_features(void **state)
{
	struct bench *b = *state;
	uint64_t offered = get_offered(b);

	assert_true(offered & VIRTIO_F_VERSION_1);
	assert_true(offered & VIRTIO_IOMMU_F_MAP_UNMAP);
	assert_false(offered & VIRTIO_IOMMU_F_BYPASS);
	set_status(b, ACK);
	set_accepted(b, 0);
	assert_int_equal(b->reports, 2); /* before DRIVER, both words */
	b->reports = 0;
	set_status(b, DRIVER);
	/* Without VERSION_1 the device refuses; so it does with what was not offered. */
	set_accepted(b, offered & ~VIRTIO_F_VERSION_1);
	set_status(b, FEATURES);
	expect_report(b, MODEL_REPORT_ILLEGAL, "6.1");
	assert_int_equal(get_status(b), DRIVER);
	set_accepted(b, VIRTIO_F_VERSION_1 | VIRTIO_IOMMU_F_BYPASS);
	set_status(b, FEATURES);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.2.1");
	assert_int_equal(get_status(b), DRIVER);
	set_accepted(b, VIRTIO_F_VERSION_1);
	set_status(b, FEATURES);
	assert_int_equal(get_status(b), FEATURES);
	expect_quiet(b);
	assert_true(model_virtio_features(b->v) == VIRTIO_F_VERSION_1);
	set_accepted(b, offered);
	assert_int_equal(b->reports, 2);
	assert_true(model_virtio_features(b->v) == VIRTIO_F_VERSION_1);
}

/* ---- reset (2.4) ------------------------------------------------------------------------------- */

static void test_slow_reset(void **state)
{
	struct bench *b = *state;
	enum transport transport = b->transport;
	unsigned int reads = 0;

	bench_close(b);
	open_preset(b, transport, "lazy");
	for (unsigned int i = 0; i < 8; i++) {
		start(b, ALL);
		set_status(b, 0);
		while (get_status(b)) {
			reads++;
			assert_true(reads < 100);
		}
		expect_quiet(b);
	}
	assert_true(reads > 4);
	/* PCI: it has to be waited for (4.1.4.3.2). */
	start(b, ALL);
	set_status(b, 0);
	set_status(b, ACK);
	if (transport == PCI)
		expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3.2");
	else
		expect_quiet(b);
}

/* ---- queues (4.1.4.3, 4.2.2) ------------------------------------------------------------------- */

static void test_queue_setup(void **state)
{
	struct bench *b = *state;

	negotiate(b, ALL);
	select_queue(b, 2);
	assert_int_equal(get_queue_max(b), 0);
	enable_queue(b);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3");
	select_queue(b, 0);
	assert_int_equal(get_queue_max(b), 256);
	set_queue_size(b, 12);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3.2");
	set_queue_size(b, 512);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3.2");
	set_up_queue(b, 0, 8);
	expect_quiet(b);
	set_queue_size(b, 16);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3.2");
	set_up_queue(b, 1, 4);
	drive(b);
	expect_quiet(b);
	select_queue(b, 1);
	set_queue_area(b, 0, RAM_BASE);
	assert_true(b->reports >= 2);
}

static void test_queue_alignment(void **state)
{
	struct bench *b = *state;

	negotiate(b, ALL);
	place_ring(b, 0, 8);
	select_queue(b, 0);
	set_queue_size(b, 8);
	set_queue_area(b, 0, b->ring[0].desc + 8);
	set_queue_area(b, 1, b->ring[0].avail);
	set_queue_area(b, 2, b->ring[0].used);
	enable_queue(b);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.6");
	assert_true(get_status(b) & VIRTIO_STATUS_NEEDS_RESET);
}

static void test_queue_memory(void **state)
{
	struct bench *b = *state;

	negotiate(b, ALL);
	place_ring(b, 0, 8);
	select_queue(b, 0);
	set_queue_size(b, 8);
	set_queue_area(b, 0, UNREGISTERED - 64); /* half of it */
	set_queue_area(b, 1, b->ring[0].avail);
	set_queue_area(b, 2, b->ring[0].used);
	enable_queue(b);
	expect_report(b, MODEL_REPORT_WILD, "2.6");
}

static void test_used_ring_not_zero(void **state)
{
	struct bench *b = *state;

	negotiate(b, ALL);
	place_ring(b, 0, 8);
	put16(b, b->ring[0].used + VIRTIO_USED_IDX, 5);
	select_queue(b, 0);
	set_queue_size(b, 8);
	set_queue_area(b, 0, b->ring[0].desc);
	set_queue_area(b, 1, b->ring[0].avail);
	set_queue_area(b, 2, b->ring[0].used);
	enable_queue(b);
	expect_report(b, MODEL_REPORT_ILLEGAL, "2.7.10.1");
}

static void test_queue_before_features(void **state)
{
	struct bench *b = *state;

	set_status(b, ACK);
	set_status(b, DRIVER);
	select_queue(b, 0);
	set_queue_size(b, 8);
	expect_report(b, MODEL_REPORT_ILLEGAL, "3.1.1");
}

/* ---- notifications ----------------------------------------------------------------------------- */

static void test_notify_early(void **state)
{
	struct bench *b = *state;

	negotiate(b, ALL);
	b->ring[1].notify = b->notify + b->multiplier * 3;
	set_up_queue(b, 0, 8);
	notify(b, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "3.1.1");
	notify(b, 1);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.5.2");
}

/* ---- interrupts: MSI-X of PCI ------------------------------------------------------------------ */

#define VECTOR_REQUEST 1u
#define VECTOR_CONFIG 3u

static uint64_t table_entry(struct bench *b, unsigned int i)
{
	uint32_t where = cfg_read(b, b->msix + PCI_MSIX_TABLE, 4);

	return (cfg_read(b, PCI_BAR(where & PCI_MSIX_BAR), 4) & ~0xfu) + (where & ~PCI_MSIX_BAR) +
	       PCI_MSIX_ENTRY_SIZE * i;
}

static void set_vector(struct bench *b, unsigned int i, bool masked)
{
	mem_write(b, table_entry(b, i) + PCI_MSIX_ENTRY_ADDRESS_LOW, 4, 0xfee00000u + 0x1000 * i);
	mem_write(b, table_entry(b, i) + PCI_MSIX_ENTRY_ADDRESS_HIGH, 4, 0);
	mem_write(b, table_entry(b, i) + PCI_MSIX_ENTRY_DATA, 4, 0x40 + i);
	mem_write(b, table_entry(b, i) + PCI_MSIX_ENTRY_CONTROL, 4, masked);
}

static void start_msix(struct bench *b)
{
	uint64_t field = b->common + VIRTIO_PCI_COMMON_QUEUE_MSIX_VECTOR;

	set_vector(b, VECTOR_REQUEST, false);
	set_vector(b, VECTOR_CONFIG, false);
	cfg_write(b, b->msix + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
	negotiate(b, ALL & ~VIRTIO_F_EVENT_IDX);
	mem_write(b, b->common + VIRTIO_PCI_COMMON_CONFIG_MSIX_VECTOR, 2, VECTOR_CONFIG);
	assert_int_equal(mem_read(b, b->common + VIRTIO_PCI_COMMON_CONFIG_MSIX_VECTOR, 2),
			 VECTOR_CONFIG);
	set_up_queue(b, 0, 8);
	set_up_queue(b, 1, 4);
	select_queue(b, 0);
	mem_write(b, field, 2, VECTOR_REQUEST);
	assert_int_equal(mem_read(b, field, 2), VECTOR_REQUEST);
	drive(b);
	expect_quiet(b);
}

static void test_msix(void **state)
{
	struct bench *b = *state;

	start_msix(b);
	assert_int_equal(probe(b, EP, 512, NULL), VIRTIO_IOMMU_S_OK);
	assert_int_equal(b->msis, 1);
	assert_true(b->msi_address == 0xfee00000u + 0x1000 * VECTOR_REQUEST);
	assert_int_equal(b->msi_data, 0x40 + VECTOR_REQUEST);
	assert_int_equal(mem_read(b, b->isr, 1), 0);
	/* Masked: pending, and sent with the end of it, once. */
	set_vector(b, VECTOR_REQUEST, true);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(detach(b, 1, EP), VIRTIO_IOMMU_S_OK);
	assert_int_equal(b->msis, 1);
	set_vector(b, VECTOR_REQUEST, false);
	assert_int_equal(b->msis, 2);
	cfg_write(b, b->msix + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
	assert_int_equal(attach(b, 1, EP, 0), VIRTIO_IOMMU_S_OK);
	assert_int_equal(b->msis, 2);
	cfg_write(b, b->msix + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
	assert_int_equal(b->msis, 3);
	/* A queue without a vector does not interrupt (4.1.5.1.2): there is none for events. */
	offer_events(b, 1);
	expect_refused(b, EP, 0x1000, MODEL_READ);
	assert_int_equal(b->msis, 3);
	model_viommu_break(b->vi);
	assert_int_equal(b->msis, 4);
	assert_int_equal(b->msi_data, 0x40 + VECTOR_CONFIG);
	expect_quiet(b);
}

static void test_msix_vector(void **state)
{
	struct bench *b = *state;
	uint64_t field = b->common + VIRTIO_PCI_COMMON_QUEUE_MSIX_VECTOR;

	negotiate(b, ALL);
	select_queue(b, 0);
	mem_write(b, field, 2, 200);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.5.1.2.2");
	assert_int_equal(mem_read(b, field, 2), VIRTIO_MSI_NO_VECTOR);
}

/* 4.1.4.5: the ISR is cleared by reading it, and so is the line. */
static void test_intx(void **state)
{
	struct bench *b = *state;

	assert_int_equal(b->msix, 0);
	assert_int_equal(cfg_read(b, PCI_INTERRUPT_PIN, 1), 1);
	start(b, ALL & ~VIRTIO_F_EVENT_IDX);
	assert_int_equal(mem_read(b, b->isr, 1), 0);
	assert_int_equal(probe(b, EP, 512, NULL), VIRTIO_IOMMU_S_OK);
	assert_true(model_virtio_line(b->v));
	assert_true(cfg_read(b, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	assert_int_equal(mem_read(b, b->isr, 1), VIRTIO_PCI_ISR_QUEUE);
	assert_int_equal(mem_read(b, b->isr, 1), 0);
	assert_false(model_virtio_line(b->v));
	assert_false(cfg_read(b, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	model_viommu_break(b->vi);
	assert_int_equal(mem_read(b, b->isr, 1), VIRTIO_PCI_ISR_CONFIG);
	expect_quiet(b);
}

/* ---- PCI alone --------------------------------------------------------------------------------- */

static void test_pci_identity(void **state)
{
	struct bench *b = *state;

	assert_int_equal(cfg_read(b, PCI_VENDOR_ID, 2), VIRTIO_PCI_VENDOR);
	assert_int_equal(cfg_read(b, PCI_DEVICE_ID, 2), 0x1057);
	assert_true(cfg_read(b, PCI_REVISION, 1) >= 1);
	assert_true(b->common && b->isr && b->device && b->notify && b->window && b->msix);
	assert_true(b->multiplier > 0);
}

static void test_pci_field_sizes(void **state)
{
	struct bench *b = *state;

	mem_read(b, b->common + VIRTIO_PCI_COMMON_DEVICE_STATUS, 4);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.3.1");
	mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_SELECT, 4, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.3.1");
	mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_DESC, 8, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.3.1");
	mem_write(b, b->common + VIRTIO_PCI_COMMON_NUM_QUEUES, 2, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3.2");
	negotiate(b, ALL);
	select_queue(b, 0);
	mem_write(b, b->common + VIRTIO_PCI_COMMON_QUEUE_ENABLE, 2, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.3.2");
	mem_read(b, b->device + 0x300, 4);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4");
}

static void test_pci_notify_place(void **state)
{
	struct bench *b = *state;

	start(b, ALL);
	mem_write(b, b->ring[1].notify, 2, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.4");
	mem_write(b, b->ring[0].notify, 4, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.5.2");
}

static void test_pci_bus_master(void **state)
{
	struct bench *b = *state;

	start(b, ALL);
	cfg_write(b, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	notify(b, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1");
}

/* 4.1.4.9: all of it through configuration space, without BARs. */
static void window(struct bench *b, unsigned int type, uint32_t offset, unsigned int size)
{
	unsigned int cap = cfg_read(b, PCI_CAP_POINTER, 1);

	while (cfg_read(b, cap + VIRTIO_PCI_CAP_CFG_TYPE, 1) != type ||
	       cfg_read(b, cap + VIRTIO_PCI_CAP_BAR, 1) > 5 ||
	       cfg_read(b, cap, 1) != PCI_CAP_ID_VENDOR)
		cap = cfg_read(b, cap + PCI_CAP_NEXT, 1);
	cfg_write(b, b->window + VIRTIO_PCI_CAP_BAR, 1, cfg_read(b, cap + VIRTIO_PCI_CAP_BAR, 1));
	cfg_write(b, b->window + VIRTIO_PCI_CAP_OFFSET, 4,
		  cfg_read(b, cap + VIRTIO_PCI_CAP_OFFSET, 4) + offset);
	cfg_write(b, b->window + VIRTIO_PCI_CAP_LENGTH, 4, size);
}

static void test_pci_window(void **state)
{
	struct bench *b = *state;
	unsigned int data = b->window + VIRTIO_PCI_CAP_PCI_DATA;

	cfg_write(b, PCI_COMMAND, 2, 0);
	/* Nobody has said where it is: reading it is what lists of configuration space do, writing is wrong. */
	cfg_read(b, data, 4);
	expect_quiet(b);
	cfg_write(b, data, 4, 0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.9.2");
	window(b, VIRTIO_PCI_CFG_COMMON, VIRTIO_PCI_COMMON_NUM_QUEUES, 2);
	assert_int_equal(cfg_read(b, data, 2), 2);
	window(b, VIRTIO_PCI_CFG_COMMON, VIRTIO_PCI_COMMON_DEVICE_STATUS, 1);
	cfg_write(b, data, 1, ACK);
	assert_int_equal(cfg_read(b, data, 1), ACK);
	window(b, VIRTIO_PCI_CFG_DEVICE, VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4);
	assert_int_equal(cfg_read(b, data, 4), 512);
	expect_quiet(b);
	window(b, VIRTIO_PCI_CFG_COMMON, VIRTIO_PCI_COMMON_QUEUE_SELECT, 3);
	cfg_read(b, data, 4);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.1.4.9.2");
}

/* ---- MMIO alone (4.2.2) ------------------------------------------------------------------------ */

static void test_mmio_registers(void **state)
{
	struct bench *b = *state;

	assert_int_equal(reg_read(b, VIRTIO_MMIO_MAGIC_VALUE), VIRTIO_MMIO_MAGIC);
	assert_int_equal(reg_read(b, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(reg_read(b, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_IOMMU);
	expect_quiet(b);
	reg_read(b, VIRTIO_MMIO_DEVICE_FEATURES);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.2.2.2"); /* no word is selected */
	reg_read(b, VIRTIO_MMIO_QUEUE_SEL);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.2.2.2");
	reg_write(b, VIRTIO_MMIO_MAGIC_VALUE, 1);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.2.2.2");
	reg_read(b, 0x200 - 0x1a0);
	reg_read(b, 0x0d0);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.2.2.2");
	model_virtio_mmio_read(b->v, VIRTIO_MMIO_STATUS, 1);
	expect_report(b, MODEL_REPORT_ILLEGAL, "4.2.2.2");
	reg_write(b, VIRTIO_MMIO_INTERRUPT_ACK, 4);
	expect_report(b, MODEL_REPORT_RESERVED, "4.2.2.2");
}

#define MMIO_TEST(name) cmocka_unit_test_setup_teardown(name, open_mmio, teardown)
#define PCI_TEST(name) cmocka_unit_test_setup_teardown(name, open_pci, teardown)
#define BOTH(name) MMIO_TEST(name), PCI_TEST(name)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		BOTH(test_initialisation),
		BOTH(test_status_order),
		BOTH(test_status_bits),
		BOTH(test_features),
		BOTH(test_slow_reset),
		BOTH(test_queue_setup),
		BOTH(test_queue_alignment),
		BOTH(test_queue_memory),
		BOTH(test_used_ring_not_zero),
		BOTH(test_queue_before_features),
		BOTH(test_notify_early),
		PCI_TEST(test_msix),
		PCI_TEST(test_msix_vector),
		cmocka_unit_test_setup_teardown(test_intx, open_intx, teardown),
		cmocka_unit_test_setup_teardown(test_initialisation, open_intx, teardown),
		PCI_TEST(test_pci_identity),
		PCI_TEST(test_pci_field_sizes),
		PCI_TEST(test_pci_notify_place),
		PCI_TEST(test_pci_bus_master),
		PCI_TEST(test_pci_window),
		MMIO_TEST(test_mmio_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
