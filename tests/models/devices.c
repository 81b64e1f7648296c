/* SPDX-License-Identifier: MIT */
/* devices.c - PCI and the test devices, behind an IOMMU that the test plays itself */
#include "models/edu.h"
#include "models/testdev.h"
#include "spec/edu.h"
#include "spec/iommu-testdev.h"
#include "tests/models/devices_bench.h"

static void add_edu(struct world *w, struct model_pci_function *parent, uint8_t devfn)
{
	struct model_pci_config config = { .parent = parent, .devfn = devfn };

	model_edu_config(&config);
	assert_int_equal(model_edu_create(add(w, &config)), 0);
}

static struct model_pci_function *add_bridge(struct world *w, struct model_pci_function *parent,
					     uint8_t devfn, int type)
{
	struct model_pci_config config = { .parent = parent,
					   .devfn = devfn,
					   .bridge = true,
					   .vendor_id = 0x1b36,
					   .pcie = type >= 0,
					   .pcie_type = type >= 0 ? (unsigned int)type : 0 };

	return add(w, &config);
}

static void program_bridge(struct world *w, uint8_t bus, uint8_t devfn, uint8_t below, uint8_t last)
{
	write_config(w, bus, devfn, PCI_PRIMARY_BUS, 4, bus | below << 8 | last << 16);
	write_config(w, bus, devfn, PCI_MEMORY_BASE, 4, 0xe000e000);
	write_config(w, bus, devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void edu_dma(struct world *w, bool to_memory, uint64_t address, uint64_t count)
{
	put(w, EDU_REG_DMA_SOURCE, 8, to_memory ? EDU_BUFFER : address);
	put(w, EDU_REG_DMA_DESTINATION, 8, to_memory ? address : EDU_BUFFER);
	put(w, EDU_REG_DMA_COUNT, 8, count);
	put(w, EDU_REG_DMA_COMMAND, 8, EDU_DMA_RUN | (to_memory ? EDU_DMA_TO_MEMORY : 0));
	model_pci_settle(w->pci);
}

/* ---- PCI --------------------------------------------------------------------------------------- */

static void test_config(void **state)
{
	struct world *w = *state;
	struct model_pci_config again = { .devfn = 0x10 };
	struct model_pci_function *fn;

	add_edu(w, NULL, 0x10);
	assert_int_equal(model_pci_add(w->pci, &again, &fn), -1);
	assert_int_equal(read_config(w, 0, 0x10, PCI_VENDOR_ID, 4), 0x11e81234);
	assert_int_equal(read_config(w, 0, 0x18, PCI_VENDOR_ID, 4), 0xffffffff);
	assert_int_equal(read_config(w, 1, 0x10, PCI_VENDOR_ID, 2), 0xffff);
	write_config(w, 0, 0x10, PCI_VENDOR_ID, 4, 0);
	assert_int_equal(read_config(w, 0, 0x10, PCI_VENDOR_ID, 2), 0x1234);
	write_config(w, 0, 0x10, PCI_BAR(0), 4, 0xffffffff);
	assert_int_equal(read_config(w, 0, 0x10, PCI_BAR(0), 4), 0xfff00000);
	assert_int_equal(get(w, 0, 4), 0xffffffff);
	enable(w, 0, 0x10, BAR);
	assert_int_equal(get(w, EDU_REG_ID, 4), 0x010000ed);
	put(w, EDU_REG_LIVENESS, 4, 0x12345678);
	assert_int_equal(get(w, EDU_REG_LIVENESS, 4), (uint32_t)~0x12345678u);
}

static void test_capabilities(void **state)
{
	struct world *w = *state;
	struct model_pci_config config = { .devfn = 8, .pcie = true, .ats = true, .pasid_bits = 20 };
	uint32_t header;

	add(w, &config);
	header = read_config(w, 0, 8, PCI_EXT_CAP_FIRST, 4);
	assert_int_equal(header & PCI_EXT_CAP_ID_MASK, PCI_EXT_CAP_ID_ATS);
	header = read_config(w, 0, 8, header >> PCI_EXT_CAP_NEXT_SHIFT, 4);
	assert_int_equal(header & PCI_EXT_CAP_ID_MASK, PCI_EXT_CAP_ID_PASID);
	assert_int_equal(header >> PCI_EXT_CAP_NEXT_SHIFT, 0);
}

static void test_bridges(void **state)
{
	struct world *w = *state;
	struct model_pci_function *port = add_bridge(w, NULL, 0x18, PCI_PCIE_ROOT_PORT);
	struct model_pci_function *bridge = add_bridge(w, port, 0, PCI_PCIE_TO_PCI_BRIDGE);

	add_edu(w, bridge, 0x28);
	assert_int_equal(read_config(w, 1, 0, PCI_VENDOR_ID, 2), 0xffff);
	program_bridge(w, 0, 0x18, 5, 9);
	assert_int_equal(read_config(w, 5, 0, PCI_VENDOR_ID, 2), 0x1b36);
	program_bridge(w, 5, 0, 7, 7);
	assert_int_equal(read_config(w, 7, 0x28, PCI_VENDOR_ID, 2), 0x1234);
	enable(w, 7, 0x28, BAR);
	/* The bridge takes requests over: secondary bus, device 0, function 0. */
	edu_dma(w, true, IOVA, 4);
	assert_int_equal(w->last.source_id, 0x700);
	/* A closed window, and one that was never opened. */
	write_config(w, 0, 0x18, PCI_MEMORY_BASE, 4, 0x0000fff0);
	assert_int_equal(get(w, EDU_REG_ID, 4), 0xffffffff);
	program_bridge(w, 0, 0x18, 5, 9);
	assert_int_equal(get(w, EDU_REG_ID, 4), 0x010000ed);
	write_config(w, 0, 0x18, PCI_MEMORY_BASE, 4, 0xe010e010);
	assert_int_equal(get(w, EDU_REG_ID, 4), 0xffffffff);
	program_bridge(w, 0, 0x18, 5, 9);
	/* A bus above the port's range is out of reach. */
	program_bridge(w, 0, 0x18, 5, 6);
	assert_int_equal(read_config(w, 7, 0x28, PCI_VENDOR_ID, 2), 0xffff);
}

static void test_aliases(void **state)
{
	struct world *w = *state;
	struct model_pci_function *port = add_bridge(w, NULL, 0x18, PCI_PCIE_ROOT_PORT);
	struct model_pci_function *old = add_bridge(w, NULL, 0x20, -1);

	add_edu(w, port, 0);
	add_edu(w, old, 8);
	program_bridge(w, 0, 0x18, 1, 1);
	enable(w, 1, 0, BAR);
	edu_dma(w, true, IOVA, 4);
	assert_int_equal(w->last.source_id, 0x100);
	write_config(w, 1, 0, PCI_COMMAND, 2, 0);
	program_bridge(w, 0, 0x20, 2, 2);
	enable(w, 2, 8, BAR);
	edu_dma(w, true, IOVA, 4);
	assert_int_equal(w->last.source_id, 0x020);
}

static void test_mastering(void **state)
{
	struct world *w = *state;
	struct model_pci_function *port = add_bridge(w, NULL, 0x18, PCI_PCIE_ROOT_PORT);

	add_edu(w, port, 0);
	program_bridge(w, 0, 0x18, 1, 1);
	enable(w, 1, 0, BAR);
	edu_dma(w, true, IOVA, 4);
	assert_int_equal(w->requests, 1);
	write_config(w, 1, 0, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	edu_dma(w, true, IOVA, 4);
	assert_int_equal(w->requests, 1);
	enable(w, 1, 0, BAR);
	write_config(w, 0, 0x18, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	edu_dma(w, true, IOVA, 4);
	assert_int_equal(w->requests, 1);
}

/* ---- edu, iommu-testdev ------------------------------------------------------------------------ */

static void test_edu(void **state)
{
	struct world *w = *state;

	add_edu(w, NULL, 0x10);
	enable(w, 0, 0x10, BAR);
	memcpy(w->ram + 0xffc, "across a page", 14);
	edu_dma(w, false, IOVA + 0xffc, 14);
	assert_int_equal(w->requests, 2);
	assert_int_equal(get(w, EDU_REG_DMA_COMMAND, 4) & EDU_DMA_RUN, 0);
	edu_dma(w, true, IOVA + 0x100, 14);
	assert_memory_equal(w->ram + 0x100, "across a page", 14);
	/* A refused read has no data, a refused write changes nothing. */
	edu_dma(w, false, IOVA + 0x2000, 8);
	edu_dma(w, true, IOVA + 0x100, 8);
	assert_memory_equal(w->ram + 0x100, "\0\0\0\0\0\0\0\0 page", 14);
	w->access = MODEL_READ;
	edu_dma(w, false, IOVA + 0xffc, 8);
	edu_dma(w, true, IOVA + 0x200, 8);
	assert_int_equal(w->ram[0x200], 0);
	/* Past the end of the buffer nothing leaves the device. */
	w->requests = 0;
	edu_dma(w, false, IOVA, 4097);
	assert_int_equal(w->requests, 0);
}

static void test_edu_waits(void **state)
{
	struct world *w = *state;

	add_edu(w, NULL, 0x10);
	enable(w, 0, 0x10, BAR);
	put(w, EDU_REG_DMA_SOURCE, 8, EDU_BUFFER);
	put(w, EDU_REG_DMA_DESTINATION, 8, IOVA);
	put(w, EDU_REG_DMA_COUNT, 8, 4);
	put(w, EDU_REG_DMA_COMMAND, 8, EDU_DMA_RUN | EDU_DMA_TO_MEMORY | EDU_DMA_IRQ);
	put(w, EDU_REG_DMA_DESTINATION, 8, 0); /* ignored while it runs */
	assert_int_equal(w->requests, 0);
	assert_int_equal(get(w, EDU_REG_DMA_COMMAND, 8) & EDU_DMA_RUN, EDU_DMA_RUN);
	model_pci_settle(w->pci);
	assert_int_equal(w->requests, 1);
	assert_int_equal(w->last.iova, IOVA);
	assert_int_equal(get(w, EDU_REG_IRQ_STATUS, 4), EDU_IRQ_DMA);
	assert_int_equal(w->msis, 0); /* not enabled */
}

static void test_msi(void **state)
{
	struct world *w = *state;
	unsigned int at;

	add_edu(w, NULL, 0x10);
	enable(w, 0, 0x10, BAR);
	at = read_config(w, 0, 0x10, PCI_CAP_POINTER, 1);
	assert_int_equal(read_config(w, 0, 0x10, at, 1), PCI_CAP_ID_MSI);
	write_config(w, 0, 0x10, at + 4, 4, MSI + 0x1000);
	write_config(w, 0, 0x10, at + 12, 2, 0x4321);
	write_config(w, 0, 0x10, at + 2, 2, 1);
	put(w, EDU_REG_IRQ_RAISE, 4, 1);
	assert_int_equal(w->msis, 1);
	assert_int_equal(w->msi_address, MSI + 0x1000);
	assert_int_equal(w->msi_data, 0x4321);
	/* Anything but four bytes there is no message. */
	edu_dma(w, true, MSI, 8);
	edu_dma(w, false, MSI, 4);
	assert_int_equal(w->msis, 1);
}

static void test_wild(void **state)
{
	struct world *w = *state;

	add_edu(w, NULL, 0x10);
	enable(w, 0, 0x10, BAR);
	model_memory_remove(w->memory, RAM, 0x2000);
	edu_dma(w, true, IOVA + 8, 4);
	assert_int_equal(w->reports, 1);
	assert_int_equal(w->report.kind, MODEL_REPORT_WILD);
	assert_int_equal(w->report.iova, IOVA + 8);
	assert_int_equal(w->report.phys_used, RAM + 8);
	assert_string_equal(w->report.text,
			    "DMA of source ID 0x10 at IOVA 0x7000008 reached physical "
			    "address 0x100008, which is no buffer of any device");
}

static void test_testdev(void **state)
{
	struct world *w = *state;
	struct model_pci_config config = { .devfn = 0x20 };
	struct model_pci_function *fn;
	uint32_t word;

	model_testdev_config(&config);
	fn = add(w, &config);
	assert_int_equal(model_testdev_create(fn, w->memory), 0);
	enable(w, 0, 0x20, BAR);
	put(w, TESTDEV_REG_IOVA_LOW, 4, IOVA + 4);
	put(w, TESTDEV_REG_LENGTH, 4, 8);
	put(w, TESTDEV_REG_PHYS_LOW, 4, RAM + 4);
	get(w, TESTDEV_REG_TRIGGER, 4);
	assert_int_equal(w->requests, 0); /* not armed */
	put(w, TESTDEV_REG_DOORBELL, 4, TESTDEV_DOORBELL_ARM);
	get(w, TESTDEV_REG_TRIGGER, 4);
	assert_int_equal(get(w, TESTDEV_REG_RESULT, 4), TESTDEV_RESULT_OK);
	memcpy(&word, w->ram + 8, 4);
	assert_int_equal(word, TESTDEV_PATTERN);
	put(w, TESTDEV_REG_PHYS_LOW, 4, RAM + 0x100);
	put(w, TESTDEV_REG_DOORBELL, 4, TESTDEV_DOORBELL_ARM);
	get(w, TESTDEV_REG_TRIGGER, 4);
	assert_int_equal(get(w, TESTDEV_REG_RESULT, 4), TESTDEV_RESULT_MISMATCH);
	put(w, TESTDEV_REG_IOVA_LOW, 4, 0);
	put(w, TESTDEV_REG_DOORBELL, 4, TESTDEV_DOORBELL_ARM);
	get(w, TESTDEV_REG_TRIGGER, 4);
	assert_int_equal(get(w, TESTDEV_REG_RESULT, 4), TESTDEV_RESULT_REFUSED);
}

/* ---- the DMA engine ---------------------------------------------------------------------------- */

static void test_engine(void **state)
{
	struct world *w = *state;

	add_engine(w);
	assert_int_equal(get(w, DMA_ENGINE_ID, 4), DMA_ENGINE_ID_VALUE);
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_IDLE);
	put(w, DMA_ENGINE_WINDOW, 8, 0x8877665544332211);
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA + 0xffe, 8, DMA_ENGINE_FLAG_NO_SNOOP),
			 DMA_ENGINE_DONE_OK);
	assert_memory_equal(w->ram + 0xffe, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	assert_int_equal(w->requests, 2);
	assert_int_equal(w->last.access, MODEL_WRITE | MODEL_NO_SNOOP);
	put(w, DMA_ENGINE_WINDOW, 8, 0);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA + 0xffe, 8, 0), DMA_ENGINE_DONE_OK);
	assert_true(get(w, DMA_ENGINE_WINDOW, 8) == 0x8877665544332211);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA + 0x2000, 8, 0), DMA_ENGINE_REFUSED_BY_BUS);
	w->access = MODEL_READ;
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA, 8, 0), DMA_ENGINE_REFUSED_BY_BUS);
	w->requests = 0;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 4097, 0), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 0, 0), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, 0x40), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(run(w, 10, IOVA, 8, 0), DMA_ENGINE_REFUSED_BY_DEVICE);
	assert_int_equal(w->requests, 0);
}

static void on_wire(void *context, bool asserted)
{
	unsigned int *changes = context;

	assert_int_equal(*changes % 2, !asserted);
	++*changes;
}

/* The wire is asserted from the end of a DMA until that is acknowledged, while the interrupt is enabled. */
static void test_wire(void **state)
{
	const uint32_t enable = DMA_ENGINE_INTERRUPT_ENABLE, pending = DMA_ENGINE_INTERRUPT_PENDING;
	struct world *w = *state;
	unsigned int changes = 0;

	model_pci_set_wire(add_engine(w), on_wire, &changes);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, 0), DMA_ENGINE_DONE_OK);
	assert_int_equal(get(w, DMA_ENGINE_INTERRUPT, 4), pending);
	assert_int_equal(changes, 0);
	put(w, DMA_ENGINE_INTERRUPT, 4, enable);
	assert_int_equal(changes, 1);
	put(w, DMA_ENGINE_INTERRUPT, 4, 0);
	assert_int_equal(changes, 2);
	put(w, DMA_ENGINE_INTERRUPT, 4, enable | pending);
	assert_int_equal(get(w, DMA_ENGINE_INTERRUPT, 4), enable);
	assert_int_equal(changes, 2);
	/* Once, however many there are; a refused one is one. */
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA, 8, 0), DMA_ENGINE_DONE_OK);
	assert_int_equal(run(w, DMA_ENGINE_READ, 0, 8, 0), DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(changes, 3);
	put(w, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_RESET);
	assert_int_equal(changes, 4);
	assert_int_equal(get(w, DMA_ENGINE_INTERRUPT, 4), 0);
	assert_int_equal(get(w, DMA_ENGINE_STATUS, 4), DMA_ENGINE_IDLE);
	assert_int_equal(get(w, DMA_ENGINE_IOVA, 8), 0);
}

static void test_pasid(void **state)
{
	const uint32_t all = DMA_ENGINE_FLAG_PASID | DMA_ENGINE_FLAG_PRIVILEGED |
			     DMA_ENGINE_FLAG_EXECUTE;
	struct world *w = *state;
	unsigned int at;

	add_engine(w);
	at = find_extended(w, PCI_EXT_CAP_ID_PASID);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_REFUSED_BY_DEVICE);
	write_config(w, 0, 0x30, at + PCI_PASID_CONTROL, 2, PCI_PASID_ENABLE);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_PASID),
			 DMA_ENGINE_DONE_OK);
	assert_true(w->last.has_pasid && w->last.pasid == 77);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, all), DMA_ENGINE_REFUSED_BY_DEVICE);
	write_config(w, 0, 0x30, at + PCI_PASID_CONTROL, 2, 7);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, all), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->last.access, MODEL_READ | MODEL_PRIV | MODEL_EXEC);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, 0), DMA_ENGINE_DONE_OK);
	assert_false(w->last.has_pasid);
}

static void test_atc(void **state)
{
	struct world *w = *state;
	unsigned int at;

	add_engine(w);
	at = find_extended(w, PCI_EXT_CAP_ID_ATS);
	/* Without ATS an ordinary request is sent. */
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->last.type, MODEL_UNTRANSLATED);
	assert_null(w->atc.invalidate);
	write_config(w, 0, 0x30, at + PCI_ATS_CONTROL, 2, PCI_ATS_ENABLE);
	assert_non_null(w->atc.invalidate);
	assert_int_equal(w->atc_source_id, 0x30);

	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->translations, 1);
	assert_int_equal(w->last.type, MODEL_ATS_TRANSLATED);
	assert_int_equal(w->last.iova, RAM);
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA + 8, 8, DMA_ENGINE_FLAG_ATS),
			 DMA_ENGINE_DONE_OK);
	assert_int_equal(w->translations, 1);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);

	/* Exactly what is named is forgotten: not the next page, not a PASID's. */
	model_pci_lock(w->pci);
	w->atc.invalidate(w->atc.context, false, 0, IOVA + 0x1000, 0x1000, false);
	w->atc.invalidate(w->atc.context, false, 0, IOVA - 0x1000, 0x1000, false);
	w->atc.invalidate(w->atc.context, true, 77, IOVA, 0x1000, false);
	model_pci_unlock(w->pci);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);
	model_pci_lock(w->pci);
	w->atc.invalidate(w->atc.context, false, 0, IOVA - 0x1000, 0x2000, false);
	model_pci_unlock(w->pci);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 0);

	/* A translation without the right is no translation; one that has it now is asked for again. */
	w->access = MODEL_READ;
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA, 8, DMA_ENGINE_FLAG_ATS),
			 DMA_ENGINE_REFUSED_BY_BUS);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 8, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	w->access = MODEL_READ | MODEL_WRITE;
	assert_int_equal(run(w, DMA_ENGINE_WRITE, IOVA, 8, DMA_ENGINE_FLAG_ATS),
			 DMA_ENGINE_DONE_OK);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 1);

	/* The end of ATS is the end of all translations. */
	write_config(w, 0, 0x30, at + PCI_ATS_CONTROL, 2, 0);
	assert_null(w->atc.invalidate);
	assert_int_equal(get(w, DMA_ENGINE_ATC_ENTRIES, 4), 0);
}

static void test_atc_large(void **state)
{
	struct world *w = *state;
	unsigned int at;

	add_engine(w);
	at = find_extended(w, PCI_EXT_CAP_ID_ATS);
	write_config(w, 0, 0x30, at + PCI_ATS_CONTROL, 2, PCI_ATS_ENABLE);
	w->page_size = 0x2000;
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA + 0x1ffc, 4, DMA_ENGINE_FLAG_ATS),
			 DMA_ENGINE_DONE_OK);
	assert_int_equal(w->last.iova, RAM + 0x1ffc);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 4, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->translations, 1);
	/* One byte of it is enough. */
	model_pci_lock(w->pci);
	w->atc.invalidate(w->atc.context, false, 0, IOVA + 0x1000, 0x1000, false);
	model_pci_unlock(w->pci);
	assert_int_equal(run(w, DMA_ENGINE_READ, IOVA, 4, DMA_ENGINE_FLAG_ATS), DMA_ENGINE_DONE_OK);
	assert_int_equal(w->translations, 2);
}

static void test_stream(void **state)
{
	struct world *w = *state;
	struct model_pci_function *fn = add_engine(w);
	uint64_t words[4] = { 1, 2, 3, 1 };

	memcpy(w->ram, words, sizeof(words));
	put(w, DMA_ENGINE_STREAM_SIZE, 8, 32);
	put(w, DMA_ENGINE_EXPECT_A, 8, 1);
	put(w, DMA_ENGINE_EXPECT_B, 8, 2);
	assert_false(model_pci_function_work(fn));
	assert_int_equal(run(w, DMA_ENGINE_STREAM_START, IOVA, 0, 0), DMA_ENGINE_STREAMING);
	for (unsigned int i = 0; i < 8; i++)
		assert_true(model_pci_function_work(fn));
	w->access = MODEL_READ; /* words 1, 2 and 4 cannot be written back */
	for (unsigned int i = 0; i < 4; i++)
		assert_true(model_pci_function_work(fn));
	put(w, DMA_ENGINE_COMMAND, 4, DMA_ENGINE_STREAM_STOP);
	assert_false(model_pci_function_work(fn));
	assert_int_equal(get(w, DMA_ENGINE_DONE, 8), 12);
	assert_int_equal(get(w, DMA_ENGINE_WRONG, 8), 3);
	assert_int_equal(get(w, DMA_ENGINE_REFUSED, 8), 3);
	assert_memory_equal(w->ram, words, sizeof(words));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_config),    TEST(test_capabilities), TEST(test_bridges),
		TEST(test_aliases),   TEST(test_mastering),    TEST(test_edu),
		TEST(test_edu_waits), TEST(test_msi),	       TEST(test_wild),
		TEST(test_testdev),   TEST(test_engine),       TEST(test_pasid),
		TEST(test_wire),      TEST(test_atc),	       TEST(test_atc_large),
		TEST(test_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
