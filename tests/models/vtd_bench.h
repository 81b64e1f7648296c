/* SPDX-License-Identifier: MIT */
/*
 * vtd_bench.h - a VT-d model on the bench: RAM, tables written by hand, registers poked
 */
#ifndef TEST_VTD_BENCH_H
#define TEST_VTD_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/memory.h"
#include "models/vtd.h"
#include "spec/vtd.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x400000)
#define DMA_BASE (RAM_BASE + 0x200000) /* upper half: buffers */
#define SID 0x0108u /* 01:01.0 */

struct bench {
	int allocations;
	uint8_t *ram;
	struct model_memory *mem;
	struct model_vtd *vtd;
	const struct model_iommu *iommu;
	uint64_t next; /* free page for tables */
	uint64_t root, context, queue, status;
	uint32_t tail;
	unsigned int reports[6], msis;
	struct model_report last;
	uint32_t msi_data;
};

static inline void bench_report(void *context, const struct model_report *report)
{
	struct bench *b = context;

	b->reports[report->kind]++;
	b->last = *report;
}

static inline void bench_msi(void *context, uint64_t address, uint32_t data)
{
	struct bench *b = context;

	(void)address;
	b->msis++;
	b->msi_data = data;
}

static inline uint64_t *word(struct bench *b, uint64_t phys)
{
	return (uint64_t *)(void *)(b->ram + (phys - RAM_BASE));
}

static inline uint64_t page(struct bench *b)
{
	uint64_t phys = b->next;

	b->next += 4096;
	model_memory_add(b->mem, phys, 4096, MODEL_MEMORY_TABLES);
	memset(word(b, phys), 0, 4096);
	model_memory_flush(b->mem, phys, 4096);
	return phys;
}

static inline void put(struct bench *b, uint64_t phys, uint64_t value)
{
	*word(b, phys) = value;
	model_memory_flush(b->mem, phys, 8);
}

static inline unsigned int all_reports(const struct bench *b)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 6; i++)
		n += b->reports[i];
	return n;
}

static inline void forget(struct bench *b)
{
	memset(b->reports, 0, sizeof(b->reports));
	b->msis = 0;
}

static inline void bench_open(struct bench *b, const struct model_vtd_config *config)
{
	memset(b, 0, sizeof(*b));
	b->ram = aligned_alloc(4096, RAM_SIZE);
	assert_non_null(b->ram);
	b->next = RAM_BASE;
	assert_int_equal(model_memory_create(&b->allocations, RAM_BASE, b->ram, RAM_SIZE, &b->mem),
			 0);
	assert_int_equal(model_vtd_create(config, b->mem, bench_report, bench_msi, b, &b->vtd), 0);
	b->iommu = model_vtd_iommu(b->vtd);
	model_memory_add(b->mem, DMA_BASE, RAM_BASE + RAM_SIZE - DMA_BASE, MODEL_MEMORY_DMA);
	b->root = page(b);
	b->context = page(b);
	b->queue = page(b);
	b->status = page(b);
}

static inline void bench_close(struct bench *b)
{
	model_vtd_destroy(b->vtd);
	model_memory_destroy(b->mem);
	free(b->ram);
	assert_int_equal(b->allocations, 0);
}

static inline void gcmd(struct bench *b, uint32_t bits)
{
	uint32_t keep = model_vtd_read32(b->vtd, VTD_REG_GSTS) & (VTD_GSTS_TES | VTD_GSTS_QIES);

	model_vtd_write32(b->vtd, VTD_REG_GCMD, keep | bits);
}

/* Root table, queue and translation on. */
static inline void bench_enable(struct bench *b, bool scalable, bool queue)
{
	put(b, b->root + (SID >> 8) * 16, b->context | VTD_RE0_P);
	model_vtd_write64(b->vtd, VTD_REG_RTADDR, b->root | vtd_set(scalable, VTD_RTADDR_TTM));
	gcmd(b, VTD_GCMD_SRTP);
	if (queue) {
		model_vtd_write64(b->vtd, VTD_REG_IQT, 0);
		model_vtd_write64(b->vtd, VTD_REG_IQA, b->queue);
		gcmd(b, VTD_GCMD_QIE);
	}
	gcmd(b, VTD_GCMD_TE);
}

static inline void submit(struct bench *b, uint64_t q0, uint64_t q1)
{
	*word(b, b->queue + b->tail) = q0;
	*word(b, b->queue + b->tail + 8) = q1;
	b->tail = (b->tail + 16) % 4096;
	model_vtd_write64(b->vtd, VTD_REG_IQT, b->tail);
}

/* Scalable mode with a queue of 256-bit descriptors. */
static inline void bench_enable_wide(struct bench *b)
{
	put(b, b->root + (SID >> 8) * 16, b->context | VTD_RE0_P);
	model_vtd_write64(b->vtd, VTD_REG_RTADDR, b->root | vtd_set(1, VTD_RTADDR_TTM));
	gcmd(b, VTD_GCMD_SRTP);
	model_vtd_write64(b->vtd, VTD_REG_IQT, 0);
	model_vtd_write64(b->vtd, VTD_REG_IQA, b->queue | VTD_IQA_DW);
	gcmd(b, VTD_GCMD_QIE);
	gcmd(b, VTD_GCMD_TE);
}

static inline void submit_wide(struct bench *b, uint64_t q0, uint64_t q1)
{
	*word(b, b->queue + b->tail) = q0;
	*word(b, b->queue + b->tail + 8) = q1;
	*word(b, b->queue + b->tail + 16) = 0;
	*word(b, b->queue + b->tail + 24) = 0;
	b->tail = (b->tail + 32) % 4096;
	model_vtd_write64(b->vtd, VTD_REG_IQT, b->tail);
}

static inline void flush_contexts(struct bench *b)
{
	submit(b, VTD_DESC_CONTEXT | vtd_set(VTD_CC_GLOBAL, VTD_DESC_G), 0);
}

static inline void flush_iotlb(struct bench *b)
{
	submit(b, VTD_DESC_IOTLB | vtd_set(VTD_IOTLB_GRAN_GLOBAL, VTD_DESC_G), 0);
}

/* Tables down to the entry of @level for @iova, made as needed: its address. */
static inline uint64_t entry(struct bench *b, uint64_t top, unsigned int levels, uint64_t iova,
			     unsigned int level, uint64_t flags)
{
	for (unsigned int l = levels; l > level; l--) {
		uint64_t at = top + (iova >> (12 + 9 * (l - 1)) & 511) * 8;

		if (!*word(b, at))
			put(b, at, page(b) | flags);
		top = *word(b, at) & VTD_SS_ADDR;
	}
	return top + (iova >> (12 + 9 * (level - 1)) & 511) * 8;
}

/* A 4-level second stage entry for legacy and scalable mode. */
static inline uint64_t second(struct bench *b, uint64_t top, uint64_t iova, unsigned int level)
{
	return entry(b, top, 4, iova, level, VTD_SS_R | VTD_SS_W);
}

static inline enum model_status dma(struct bench *b, uint64_t iova, unsigned int access,
				    struct model_translation *out)
{
	struct model_request r = {
		.type = MODEL_UNTRANSLATED,
		.source_id = SID,
		.iova = iova,
		.size = 4,
		.access = access,
	};

	memset(out, 0, sizeof(*out));
	return b->iommu->translate(b->iommu->context, &r, out);
}

/* The reason in the first pending record, which is cleared; 0: none. */
static inline unsigned int fault(struct bench *b)
{
	uint32_t fro = vtd_cap_fro(model_vtd_read64(b->vtd, VTD_REG_CAP));
	uint32_t fsts = model_vtd_read32(b->vtd, VTD_REG_FSTS);
	uint64_t high;

	if (!(fsts & VTD_FSTS_PPF))
		return 0;
	fro += ((fsts & VTD_FSTS_FRI) >> VTD_FSTS_FRI_SHIFT) * 16;
	high = model_vtd_read64(b->vtd, fro + 8);
	model_vtd_write32(b->vtd, fro + 12, 0x80000000);
	return (unsigned int)vtd_get(high, VTD_FRCD1_FR);
}

#endif /* TEST_VTD_BENCH_H */
