/* SPDX-License-Identifier: MIT */
/* reset.c - resets of functions, and device TLBs that break the rules */
#include "tests/models/devices_bench.h"

#define DEVICE_CONTROL (PCI_CAP_FIRST + PCI_PCIE_DEVICE_CONTROL)

static struct model_pci_config asking(void)
{
	struct model_pci_config config = engine_config();

	config.pri = true;
	config.msi = true;
	return config;
}

static void set_extended(struct world *w, uint32_t id, unsigned int offset, uint32_t value)
{
	write_config(w, 0, 0x30, find_extended(w, id) + offset, 2, value);
}

static uint32_t extended(struct world *w, uint32_t id, unsigned int offset)
{
	return read_config(w, 0, 0x30, find_extended(w, id) + offset, 2);
}

static void test_flr(void **state)
{
	struct world *w = *state;
	unsigned int msi;

	add_engine_as(w, asking());
	assert_int_equal(read_config(w, 0, 0x30, PCI_CAP_FIRST + PCI_PCIE_DEVICE_CAPABILITIES, 4),
			 PCI_PCIE_DEVICE_FLR);
	msi = read_config(w, 0, 0x30, PCI_CAP_FIRST + PCI_CAP_NEXT, 1);
	write_config(w, 0, 0x30, msi + 2, 2, 1);
	write_config(w, 0, 0x30, DEVICE_CONTROL, 2, 0x0007);
	set_extended(w, PCI_EXT_CAP_ID_PASID, PCI_PASID_CONTROL, 7);
	set_extended(w, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL, PCI_ATS_ENABLE);
	set_extended(w, PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOCATION, 9);
	set_extended(w, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL, PCI_PRI_ENABLE);
	assert_non_null(w->atc.invalidate);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);
	put(w, DMA_ENGINE_WINDOW, 8, 77);

	/* The bit reads 0, and without it nothing happens. */
	write_config(w, 0, 0x30, DEVICE_CONTROL, 2, 0x0007);
	assert_non_null(w->atc.invalidate);
	write_config(w, 0, 0x30, DEVICE_CONTROL, 2, PCI_PCIE_DEVICE_CONTROL_FLR | 0x0007);
	assert_null(w->atc.invalidate);
	assert_int_equal(read_config(w, 0, 0x30, DEVICE_CONTROL, 2), PCI_PCIE_DEVICE_NO_SNOOP);
	assert_int_equal(read_config(w, 0, 0x30, PCI_COMMAND, 2), 0);
	assert_int_equal(read_config(w, 0, 0x30, PCI_BAR(0), 4), 0);
	assert_int_equal(read_config(w, 0, 0x30, msi + 2, 2) & 1, 0);
	assert_int_equal(extended(w, PCI_EXT_CAP_ID_PASID, PCI_PASID_CONTROL), 0);
	assert_int_equal(extended(w, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL), 0);
	assert_int_equal(extended(w, PCI_EXT_CAP_ID_PRI, PCI_PRI_CONTROL), 0);
	assert_int_equal(extended(w, PCI_EXT_CAP_ID_PRI, PCI_PRI_ALLOCATION), 0);
	assert_int_equal(extended(w, PCI_EXT_CAP_ID_PRI, PCI_PRI_STATUS),
			 PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID_REQUIRED);
	/* What it is has not changed. */
	assert_int_equal(read_config(w, 0, 0x30, PCI_VENDOR_ID, 2), DMA_ENGINE_VENDOR_ID);

	enable(w, 0, 0x30, BAR);
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_IDLE);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 0);
	assert_int_equal(get(w, DMA_ENGINE_SIZE, 4), 0);
	assert_true(get(w, DMA_ENGINE_IOVA, 8) == 0 && get(w, DMA_ENGINE_WINDOW, 8) == 0);
	assert_int_equal(get(w, DMA_ENGINE_ID, 4), DMA_ENGINE_ID_VALUE);
}

/* The upper byte alone, and the word with the status behind it. */
static void test_flr_widths(void **state)
{
	struct world *w = *state;

	add_engine_as(w, asking());
	write_config(w, 0, 0x30, DEVICE_CONTROL, 1, 0xff);
	assert_int_not_equal(read_config(w, 0, 0x30, PCI_COMMAND, 2), 0);
	write_config(w, 0, 0x30, DEVICE_CONTROL + 1, 1, 0x80);
	assert_int_equal(read_config(w, 0, 0x30, PCI_COMMAND, 2), 0);
	enable(w, 0, 0x30, BAR);
	write_config(w, 0, 0x30, DEVICE_CONTROL, 4, PCI_PCIE_DEVICE_CONTROL_FLR);
	assert_int_equal(read_config(w, 0, 0x30, PCI_COMMAND, 2), 0);
}

static void test_no_flr(void **state)
{
	struct world *w = *state;
	struct model_pci_config config = asking();

	config.flr = false;
	add_engine_as(w, config);
	assert_int_equal(read_config(w, 0, 0x30, PCI_CAP_FIRST + PCI_PCIE_DEVICE_CAPABILITIES, 4),
			 0);
	write_config(w, 0, 0x30, DEVICE_CONTROL, 2, PCI_PCIE_DEVICE_CONTROL_FLR);
	assert_int_equal(read_config(w, 0, 0x30, PCI_COMMAND, 2),
			 PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* A function of conventional PCI has another capability for it. */
static void test_advanced_features(void **state)
{
	struct world *w = *state;
	struct model_pci_config config = { .devfn = 0x30 };
	unsigned int at;

	model_dma_config(&config);
	add_engine_as(w, config);
	at = read_config(w, 0, 0x30, PCI_CAP_POINTER, 1);
	assert_true(read_config(w, 0, 0x30, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	assert_int_equal(read_config(w, 0, 0x30, at, 1), PCI_CAP_ID_AF);
	assert_int_equal(read_config(w, 0, 0x30, at + PCI_CAP_NEXT, 1), 0);
	assert_int_equal(read_config(w, 0, 0x30, at + PCI_AF_LENGTH, 1), PCI_AF_LENGTH_VALUE);
	assert_int_equal(read_config(w, 0, 0x30, at + PCI_AF_CAPABILITIES, 1),
			 PCI_AF_TP | PCI_AF_FLR);
	put(w, DMA_ENGINE_WINDOW, 8, 77);
	write_config(w, 0, 0x30, at + PCI_AF_CONTROL, 1, 0xfe);
	assert_int_equal(get(w, DMA_ENGINE_WINDOW, 8), 77);
	write_config(w, 0, 0x30, at + PCI_AF_CONTROL, 1, PCI_AF_INITIATE_FLR);
	assert_int_equal(read_config(w, 0, 0x30, at + PCI_AF_CONTROL, 1), 0);
	assert_int_equal(read_config(w, 0, 0x30, PCI_COMMAND, 2), 0);
	enable(w, 0, 0x30, BAR);
	assert_int_equal(get(w, DMA_ENGINE_WINDOW, 8), 0);
}

/* A stream is over; what it counted stays. */
static void test_stream(void **state)
{
	struct world *w = *state;
	struct model_pci_function *fn = add_engine(w);

	put(w, DMA_ENGINE_STREAM_SIZE, 8, 32);
	put(w, DMA_ENGINE_EXPECT_A, 8, 0);
	assert_int_equal(run(w, DMA_ENGINE_STREAM_START, IOVA, 0, 0), DMA_ENGINE_STREAMING);
	assert_true(model_pci_function_work(fn));
	assert_true(model_pci_function_work(fn));
	write_config(w, 0, 0x30, DEVICE_CONTROL, 2, PCI_PCIE_DEVICE_CONTROL_FLR);
	assert_false(model_pci_function_work(fn));
	enable(w, 0, 0x30, BAR);
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_IDLE);
	assert_int_equal(get(w, DMA_ENGINE_DONE, 8), 2);
	/* It asks for no pages. */
	put(w, DMA_ENGINE_STREAM_SIZE, 8, 32);
	assert_int_equal(run(w, DMA_ENGINE_STREAM_START, IOVA, 0, DMA_ENGINE_FLAG_PAGE_REQUEST),
			 DMA_ENGINE_REFUSED_BY_DEVICE);
}

/* ---- device TLBs that break the rules ---------------------------------------------------------- */

static bool invalidate(struct world *w)
{
	bool done;

	model_pci_lock(w->pci);
	done = w->atc.invalidate(w->atc.context, false, 0, IOVA, 0x1000, false);
	model_pci_unlock(w->pci);
	return done;
}

static void fill(struct world *w)
{
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);
}

static void test_silent(void **state)
{
	struct world *w = *state;

	add_engine(w);
	set_extended(w, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL, PCI_ATS_ENABLE);
	fill(w);
	put(w, DMA_ENGINE_MISBEHAVE, 4, DMA_ENGINE_MISBEHAVE_SILENT);
	for (unsigned int i = 0; i < 300; i++)
		assert_false(invalidate(w));
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);
	put(w, DMA_ENGINE_MISBEHAVE, 4, 0);
	assert_true(invalidate(w));
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 0);
	/* For so many times, and then as it should be. */
	put(w, DMA_ENGINE_MISBEHAVE, 4,
	    DMA_ENGINE_MISBEHAVE_SILENT | 2 << DMA_ENGINE_MISBEHAVE_COUNT_SHIFT);
	assert_false(invalidate(w));
	assert_int_equal(get(w, DMA_ENGINE_MISBEHAVE, 4),
			 DMA_ENGINE_MISBEHAVE_SILENT | 1 << DMA_ENGINE_MISBEHAVE_COUNT_SHIFT);
	assert_false(invalidate(w));
	assert_int_equal(get(w, DMA_ENGINE_MISBEHAVE, 4), 0);
	assert_true(invalidate(w));
}

static void test_deaf(void **state)
{
	struct world *w = *state;

	add_engine(w);
	set_extended(w, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL, PCI_ATS_ENABLE);
	fill(w);
	put(w, DMA_ENGINE_MISBEHAVE, 4,
	    DMA_ENGINE_MISBEHAVE_DEAF | 1 << DMA_ENGINE_MISBEHAVE_COUNT_SHIFT);
	assert_true(invalidate(w));
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);
	/* It goes on using what it was told to forget. */
	w->translations = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->translations, 0);
	assert_true(invalidate(w));
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 0);
	/* A reset makes it a good device, and so does the end of ATS what it keeps. */
	fill(w);
	put(w, DMA_ENGINE_MISBEHAVE, 4, DMA_ENGINE_MISBEHAVE_DEAF);
	set_extended(w, PCI_EXT_CAP_ID_ATS, PCI_ATS_CONTROL, 0);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 0);
	write_config(w, 0, 0x30, DEVICE_CONTROL, 2, PCI_PCIE_DEVICE_CONTROL_FLR);
	enable(w, 0, 0x30, BAR);
	assert_int_equal(get(w, DMA_ENGINE_MISBEHAVE, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_flr),	   TEST(test_flr_widths),
		TEST(test_no_flr), TEST(test_advanced_features),
		TEST(test_stream), TEST(test_silent),
		TEST(test_deaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
