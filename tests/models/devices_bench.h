/* SPDX-License-Identifier: MIT */
/*
 * devices_bench.h - PCI and a DMA engine on the bench, behind an IOMMU that the test plays itself
 *
 * The IOMMU maps [IOVA, IOVA + 2 pages) to RAM with rights that a test sets, says what it was asked, and
 * keeps what devices register with it.
 */
#ifndef TEST_DEVICES_BENCH_H
#define TEST_DEVICES_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/dma.h"
#include "spec/dma-engine.h"
#include "spec/pci.h"

#define RAM 0x100000u
#define RAM_SIZE 0x10000u
#define IOVA 0x7000000u
#define MSI 0xfee00000u
#define BAR 0xe0000000u

struct world {
	int host;
	unsigned char *ram;
	struct model_memory *memory;
	struct model_pci *pci;
	struct model_pci_iommu iommu;
	struct model_iommu table;

	unsigned int access; /* what is permitted */
	uint64_t page_size;
	bool stalls; /* what it would refuse, if the device agrees */
	unsigned int translations, requests; /* of ATS, and all others */
	struct model_request last;
	struct model_atc atc;
	uint16_t atc_source_id;
	unsigned int pages; /* requests for pages, stop markers with them */
	struct model_page_request page; /* the last of them */
	bool no_pages; /* takes none */
	int answer; /* at once, with this enum model_page_response; -1: not at all */
	unsigned int grant; /* added to @access before a request for a page is answered */
	unsigned int stalled;
	struct model_stall stall; /* the last one */
	unsigned int reports, msis;
	struct model_report report;
	uint64_t msi_address;
	uint32_t msi_data;
};

static inline enum model_status translate(void *context, const struct model_request *request,
					  struct model_translation *out)
{
	struct world *w = context;

	w->last = *request;
	if (request->type == MODEL_ATS_TRANSLATED) {
		w->requests++;
		*out = (struct model_translation){ request->iova, 4096, request->access, true,
						   false };
		return MODEL_OK;
	}
	if (request->type == MODEL_ATS_TRANSLATION)
		w->translations++;
	else
		w->requests++;
	if (request->iova >> 20 == MSI >> 20)
		return MODEL_INTERRUPT;
	if (request->iova < IOVA || request->iova >= IOVA + 0x2000)
		return MODEL_FAULT;
	if (w->stalls && request->stall &&
	    request->access & ~w->access & (MODEL_READ | MODEL_WRITE)) {
		w->stalled++;
		w->stall = *request->stall;
		return MODEL_STALLED;
	}
	*out = (struct model_translation){ RAM + (request->iova - IOVA), w->page_size, w->access,
					   true, false };
	if (request->type == MODEL_ATS_TRANSLATION)
		return MODEL_OK;
	return request->access & ~w->access & (MODEL_READ | MODEL_WRITE) ? MODEL_FAULT : MODEL_OK;
}

/* With the bus held, as an IOMMU sends it. */
static inline void answer_locked(struct world *w, bool has_pasid, uint32_t pasid, uint16_t group,
				 enum model_page_response code)
{
	w->atc.page_response(w->atc.context, has_pasid, pasid, group, code);
}

static inline bool take_page_request(void *context, const struct model_page_request *request)
{
	struct world *w = context;

	if (w->no_pages)
		return false;
	w->pages++;
	w->page = *request;
	w->access |= w->grant;
	if (w->answer >= 0)
		answer_locked(w, request->has_pasid, request->pasid, request->group,
			      (enum model_page_response)w->answer);
	return true;
}

static inline int set_atc(void *context, uint16_t source_id, const struct model_atc *atc)
{
	struct world *w = context;

	w->atc_source_id = source_id;
	if (atc)
		w->atc = *atc;
	else
		memset(&w->atc, 0, sizeof(w->atc));
	return 0;
}

static inline void on_report(void *context, const struct model_report *report)
{
	struct world *w = context;

	w->reports++;
	w->report = *report;
}

static inline void on_msi(void *context, uint64_t address, uint32_t data)
{
	struct world *w = context;

	w->msis++;
	w->msi_address = address;
	w->msi_data = data;
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->ram = aligned_alloc(4096, RAM_SIZE);
	memset(w->ram, 0, RAM_SIZE);
	w->access = MODEL_READ | MODEL_WRITE;
	w->page_size = 4096;
	w->answer = -1;
	assert_int_equal(model_memory_create(&w->host, RAM, w->ram, RAM_SIZE, &w->memory), 0);
	model_memory_add(w->memory, RAM, 0x2000, MODEL_MEMORY_DMA);
	assert_int_equal(model_pci_create(&w->host, w->memory, on_report, on_msi, w, &w->pci), 0);
	w->table = (struct model_iommu){ .context = w,
					 .translate = translate,
					 .page_request = take_page_request };
	w->iommu = (struct model_pci_iommu){ &w->table, set_atc, w };
	model_pci_set_segment_iommu(w->pci, 0, &w->iommu);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;
	int left;

	model_pci_destroy(w->pci);
	model_memory_destroy(w->memory);
	left = w->host;
	free(w->ram);
	free(w);
	return left; /* allocations that are still alive */
}

static inline struct model_pci_function *add(struct world *w, struct model_pci_config *config)
{
	struct model_pci_function *fn;

	assert_int_equal(model_pci_add(w->pci, config, &fn), 0);
	return fn;
}

static inline uint32_t read_config(struct world *w, uint8_t bus, uint8_t devfn, unsigned int offset,
				   unsigned int size)
{
	return model_pci_config_read(w->pci, 0, bus, devfn, offset, size);
}

static inline void write_config(struct world *w, uint8_t bus, uint8_t devfn, unsigned int offset,
				unsigned int size, uint32_t value)
{
	model_pci_config_write(w->pci, 0, bus, devfn, offset, size, value);
}

static inline uint64_t get(struct world *w, uint64_t offset, unsigned int size)
{
	return model_pci_mmio_read(w->pci, BAR + offset, size);
}

static inline void put(struct world *w, uint64_t offset, unsigned int size, uint64_t value)
{
	model_pci_mmio_write(w->pci, BAR + offset, size, value);
}

static inline void enable(struct world *w, uint8_t bus, uint8_t devfn, uint32_t bar)
{
	write_config(w, bus, devfn, PCI_BAR(0), 4, bar);
	write_config(w, bus, devfn, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* ---- the DMA engine ---------------------------------------------------------------------------- */

/* One with all that a function can have, but for page requests. */
static inline struct model_pci_config engine_config(void)
{
	struct model_pci_config config = {
		.devfn = 0x30,
		.pcie = true,
		.pcie_type = PCI_PCIE_RC_ENDPOINT,
		.ats = true,
		.pasid_bits = 20,
		.pasid_execute = true,
		.pasid_privileged = true,
	};

	model_dma_config(&config);
	return config;
}

static inline struct model_pci_function *add_engine_as(struct world *w,
						       struct model_pci_config config)
{
	struct model_pci_function *fn = add(w, &config);

	assert_int_equal(model_dma_create(fn), 0);
	enable(w, 0, 0x30, BAR);
	return fn;
}

static inline struct model_pci_function *add_engine(struct world *w)
{
	return add_engine_as(w, engine_config());
}

static inline unsigned int find_extended(struct world *w, uint32_t id)
{
	unsigned int at = PCI_EXT_CAP_FIRST;

	while (at && (read_config(w, 0, 0x30, at, 4) & PCI_EXT_CAP_ID_MASK) != id)
		at = read_config(w, 0, 0x30, at, 4) >> PCI_EXT_CAP_NEXT_SHIFT;
	assert_int_not_equal(at, 0);
	return at;
}

static inline uint64_t run(struct world *w, uint32_t command, uint64_t iova, uint32_t size,
			   uint32_t flags)
{
	put(w, DMA_ENGINE_IOVA, 8, iova);
	put(w, DMA_ENGINE_SIZE, 4, size);
	put(w, DMA_ENGINE_PASID, 4, 77);
	put(w, DMA_ENGINE_FLAGS, 4, flags);
	put(w, DMA_ENGINE_COMMAND, 4, command);
	return get(w, DMA_ENGINE_STATUS, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* TEST_DEVICES_BENCH_H */
