/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_bench.h - an SMMUv3 model on the bench: RAM, tables written by hand, registers poked
 *
 * One stream, SID, in a linear table of 2^STREAM_BITS; 64 CDs in a linear table; 4K granule, 39-bit
 * input addresses in TTB0, 3 levels.
 */
#ifndef TEST_SMMUV3_BENCH_H
#define TEST_SMMUV3_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/memory.h"
#include "models/smmuv3.h"
#include "spec/smmuv3.h"

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x800000)
#define DMA_BASE (RAM_BASE + 0x400000) /* upper half: buffers */
#define STREAM_BITS 6
#define SID 0x15u
#define ASID 7u
#define VMID 3u
#define QUEUE_BITS 4

#define PTE_TABLE UINT64_C(3)
#define PTE_PAGE UINT64_C(3)
#define PTE_BLOCK UINT64_C(1)
#define PTE_AF (UINT64_C(1) << 10)
#define PTE_NG (UINT64_C(1) << 11)
#define PTE_USER (UINT64_C(1) << 6)
#define PTE_RO (UINT64_C(1) << 7)
#define PTE_DBM (UINT64_C(1) << 51)
#define PTE_CONT (UINT64_C(1) << 52)
#define PTE_RW (PTE_AF | PTE_NG | PTE_USER)
#define S2_RW (PTE_AF | UINT64_C(0xc0) | UINT64_C(0x3c))

struct bench {
	int allocations;
	uint8_t *ram;
	struct model_memory *mem;
	struct model_smmuv3 *smmu;
	struct model_smmuv3_port port;
	struct model_smmuv3_config config;
	uint64_t next; /* free memory for tables */
	uint64_t strtab, cds, cmdq, eventq, message;
	uint32_t cmd_prod, event_cons;
	unsigned int reports[6], msis;
	struct model_report last;
	uint32_t msi_data;
	uint64_t msi_address;
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

	b->msis++;
	b->msi_address = address;
	b->msi_data = data;
}

static inline uint64_t *word(struct bench *b, uint64_t phys)
{
	return (uint64_t *)(void *)(b->ram + (phys - RAM_BASE));
}

/* Zeroed memory for tables, aligned to its size. */
static inline uint64_t table(struct bench *b, uint64_t size)
{
	uint64_t phys = (b->next + size - 1) & ~(size - 1);

	assert_true(phys + size <= DMA_BASE);
	b->next = phys + size;
	model_memory_add(b->mem, phys, size, MODEL_MEMORY_TABLES);
	memset(word(b, phys), 0, size);
	model_memory_flush(b->mem, phys, size);
	return phys;
}

static inline uint64_t page(struct bench *b)
{
	return table(b, 4096);
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

#define assert_clean(b)                                                \
	do {                                                           \
		if (all_reports(b))                                    \
			print_error("reported: %s\n", (b)->last.text); \
		assert_int_equal(all_reports(b), 0);                   \
	} while (0)

/* ---- registers and commands -------------------------------------------------------------------- */

static inline uint32_t rd(struct bench *b, uint32_t offset)
{
	return model_smmuv3_read32(b->smmu, offset);
}

static inline void wr(struct bench *b, uint32_t offset, uint32_t value)
{
	model_smmuv3_write32(b->smmu, offset, value);
}

static inline void cr0(struct bench *b, uint32_t value)
{
	wr(b, SMMUV3_REG_CR0, value);
	for (unsigned int i = 0; i < 8 && rd(b, SMMUV3_REG_CR0ACK) != value; i++)
		;
	assert_int_equal(rd(b, SMMUV3_REG_CR0ACK), value);
}

static inline void queue(struct bench *b, uint64_t c0, uint64_t c1)
{
	uint64_t at = b->cmdq + (b->cmd_prod & ((1u << QUEUE_BITS) - 1)) * 16;

	put(b, at, c0);
	put(b, at + 8, c1);
	b->cmd_prod = (b->cmd_prod + 1) & ((2u << QUEUE_BITS) - 1);
	wr(b, SMMUV3_REG_CMDQ_PROD, b->cmd_prod);
}

static inline void sync(struct bench *b)
{
	queue(b, SMMUV3_CMD_SYNC, 0);
	for (unsigned int i = 0; i < 100 && rd(b, SMMUV3_REG_CMDQ_CONS) != b->cmd_prod; i++)
		;
	assert_int_equal(rd(b, SMMUV3_REG_CMDQ_CONS), b->cmd_prod);
}

static inline void cfgi_ste(struct bench *b)
{
	queue(b, SMMUV3_CMD_CFGI_STE | smmuv3_set(SID, SMMUV3_CMD0_SID), SMMUV3_CMD1_CFGI_LEAF);
	sync(b);
}

static inline void cfgi_cd(struct bench *b, uint32_t ssid)
{
	queue(b,
	      SMMUV3_CMD_CFGI_CD | smmuv3_set(SID, SMMUV3_CMD0_SID) |
		      smmuv3_set(ssid, SMMUV3_CMD0_SSID),
	      SMMUV3_CMD1_CFGI_LEAF);
	sync(b);
}

/* TLBI_NH_VA or S2_IPA without a range. */
static inline void tlbi(struct bench *b, unsigned int op, uint64_t address, bool leaf)
{
	uint64_t tags = op == SMMUV3_CMD_TLBI_NH_VA ? smmuv3_set(ASID, SMMUV3_CMD0_TLBI_ASID) : 0;

	queue(b, op | tags | smmuv3_set(b->config.s2p ? VMID : 0, SMMUV3_CMD0_TLBI_VMID),
	      address | (leaf ? SMMUV3_CMD1_TLBI_LEAF : 0));
}

/* ---- life -------------------------------------------------------------------------------------- */

static inline void bench_create(struct bench *b, const struct model_smmuv3_config *config)
{
	memset(b, 0, sizeof(*b));
	b->config = *config;
	b->ram = aligned_alloc(4096, RAM_SIZE);
	assert_non_null(b->ram);
	b->next = RAM_BASE;
	assert_int_equal(model_memory_create(&b->allocations, RAM_BASE, b->ram, RAM_SIZE, &b->mem),
			 0);
	assert_int_equal(model_smmuv3_create(config, b->mem, bench_report, bench_msi, b, &b->smmu),
			 0);
	model_smmuv3_port_init(&b->port, b->smmu, 0);
	model_memory_add(b->mem, DMA_BASE, RAM_BASE + RAM_SIZE - DMA_BASE, MODEL_MEMORY_DMA);
	b->strtab = table(b, 64u << STREAM_BITS);
	b->cds = page(b);
	b->cmdq = page(b);
	b->eventq = page(b);
	b->message = page(b);
}

static inline void bench_queues(struct bench *b)
{
	unsigned int bits = QUEUE_BITS < b->config.eventqs ? QUEUE_BITS : b->config.eventqs;

	wr(b, SMMUV3_REG_CR1, 0xd75); /* write-back, inner shareable, for tables and queues */
	wr(b, SMMUV3_REG_CR2, SMMUV3_CR2_RECINVSID | SMMUV3_CR2_PTM);
	model_smmuv3_write64(b->smmu, SMMUV3_REG_STRTAB_BASE, b->strtab);
	wr(b, SMMUV3_REG_STRTAB_BASE_CFG, STREAM_BITS);
	model_smmuv3_write64(b->smmu, SMMUV3_REG_CMDQ_BASE, b->cmdq | QUEUE_BITS);
	wr(b, SMMUV3_REG_CMDQ_PROD, 0);
	wr(b, SMMUV3_REG_CMDQ_CONS, 0);
	model_smmuv3_write64(b->smmu, SMMUV3_REG_EVENTQ_BASE, b->eventq | bits);
	wr(b, SMMUV3_REG_EVENTQ_PROD, 0);
	wr(b, SMMUV3_REG_EVENTQ_CONS, 0);
	cr0(b, SMMUV3_CR0_CMDQEN);
	cr0(b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN);
	queue(b, SMMUV3_CMD_CFGI_STE_RANGE, SMMUV3_CFGI_RANGE_ALL);
	queue(b, SMMUV3_CMD_TLBI_NSNH_ALL, 0);
	sync(b);
}

static inline void bench_enable(struct bench *b)
{
	bench_queues(b);
	cr0(b, SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_SMMUEN);
}

static inline void bench_open(struct bench *b, const char *preset)
{
	struct model_smmuv3_config config;

	assert_true(model_smmuv3_preset(preset, &config));
	bench_create(b, &config);
	bench_enable(b);
}

static inline void bench_close(struct bench *b)
{
	model_smmuv3_destroy(b->smmu);
	model_memory_destroy(b->mem);
	free(b->ram);
	assert_int_equal(b->allocations, 0);
}

/* ---- structures -------------------------------------------------------------------------------- */

static inline uint64_t ste_at(const struct bench *b)
{
	return b->strtab + SID * 64u;
}

/* Words of an STE, the valid one last, with the invalidations that this takes. */
static inline void set_ste(struct bench *b, const uint64_t *ste)
{
	put(b, ste_at(b), 0);
	cfgi_ste(b);
	for (unsigned int i = 1; i < 8; i++)
		put(b, ste_at(b) + 8 * i, ste[i]);
	cfgi_ste(b);
	put(b, ste_at(b), ste[0]);
	cfgi_ste(b);
}

static inline void ste_stage1(struct bench *b, uint64_t *ste, unsigned int cd_bits)
{
	memset(ste, 0, 64);
	ste[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_S1, SMMUV3_STE0_CONFIG) | b->cds |
		 smmuv3_set(cd_bits, SMMUV3_STE0_S1CDMAX);
	ste[1] = smmuv3_set(SMMUV3_S1DSS_SSID0, SMMUV3_STE1_S1DSS) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE1_S1CIR) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE1_S1COR) |
		 smmuv3_set(SMMUV3_SH_INNER, SMMUV3_STE1_S1CSH) |
		 smmuv3_set(SMMUV3_SHCFG_INCOMING, SMMUV3_STE1_SHCFG);
	ste[2] = b->config.s2p ? VMID : 0;
}

static inline void ste_stage2(struct bench *b, uint64_t *ste, uint64_t root)
{
	(void)b;
	memset(ste, 0, 64);
	ste[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_S2, SMMUV3_STE0_CONFIG);
	ste[1] = smmuv3_set(SMMUV3_SHCFG_INCOMING, SMMUV3_STE1_SHCFG);
	ste[2] = VMID | smmuv3_set(25, SMMUV3_STE2_S2T0SZ) |
		 smmuv3_set(SMMUV3_S2SL0_4K_LEVEL1, SMMUV3_STE2_S2SL0) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE2_S2IR0) |
		 smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_STE2_S2OR0) |
		 smmuv3_set(SMMUV3_SH_INNER, SMMUV3_STE2_S2SH0) |
		 smmuv3_set(SMMUV3_TG0_4K, SMMUV3_STE2_S2TG) |
		 smmuv3_set(SMMUV3_SIZE_48, SMMUV3_STE2_S2PS) | SMMUV3_STE2_S2AA64 |
		 SMMUV3_STE2_S2R;
	ste[3] = root;
}

static inline void cd_words(uint64_t *cd, uint64_t root, uint16_t asid)
{
	memset(cd, 0, 64);
	cd[0] = smmuv3_set(25, SMMUV3_CD0_T0SZ) | smmuv3_set(SMMUV3_TG0_4K, SMMUV3_CD0_TG0) |
		smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_CD0_IR0) |
		smmuv3_set(SMMUV3_CACHE_WBRAWA, SMMUV3_CD0_OR0) |
		smmuv3_set(SMMUV3_SH_INNER, SMMUV3_CD0_SH0) | SMMUV3_CD0_EPD1 | SMMUV3_CD0_V |
		smmuv3_set(SMMUV3_SIZE_48, SMMUV3_CD0_IPS) | SMMUV3_CD0_AA64 | SMMUV3_CD0_R |
		SMMUV3_CD0_A | SMMUV3_CD0_ASET | smmuv3_set(asid, SMMUV3_CD0_ASID);
	cd[1] = root;
	cd[3] = SMMUV3_MAIR_NORMAL_WB;
}

static inline void set_cd(struct bench *b, uint32_t ssid, const uint64_t *cd)
{
	uint64_t at = b->cds + ssid * 64u;

	put(b, at, 0);
	cfgi_cd(b, ssid);
	for (unsigned int i = 1; i < 8; i++)
		put(b, at + 8 * i, cd[i]);
	cfgi_cd(b, ssid);
	put(b, at, cd[0]);
	cfgi_cd(b, ssid);
}

/* An empty 3-level table in SSID 0's CD, and the stream on it. */
static inline uint64_t stage1(struct bench *b)
{
	uint64_t ste[8], cd[8], root = page(b);

	cd_words(cd, root, ASID);
	for (unsigned int i = 0; i < 8; i++)
		put(b, b->cds + 8 * i, cd[i]);
	ste_stage1(b, ste, 0);
	set_ste(b, ste);
	return root;
}

/* Where the descriptor of @iova at @level is (4K granule, first level 1), making tables. */
static inline uint64_t pte_at(struct bench *b, uint64_t root, uint64_t iova, unsigned int level)
{
	uint64_t at = root;

	for (unsigned int l = 1; l < level; l++) {
		uint64_t entry = at + (iova >> (12 + 9 * (3 - l)) & 511) * 8;

		if (!(*word(b, entry) & 1))
			put(b, entry, page(b) | PTE_TABLE);
		at = *word(b, entry) & UINT64_C(0xfffffffff000);
	}
	return at + (iova >> (12 + 9 * (3 - level)) & 511) * 8;
}

static inline void map(struct bench *b, uint64_t root, uint64_t iova, uint64_t phys, uint64_t bits)
{
	put(b, pte_at(b, root, iova, 3), phys | PTE_PAGE | bits);
}

/* ---- requests ---------------------------------------------------------------------------------- */

static inline enum model_status ask(struct bench *b, uint64_t iova, unsigned int access,
				    struct model_translation *t)
{
	struct model_request request = {
		.source_id = SID, .iova = iova, .size = 4, .access = access
	};

	return b->port.iommu.translate(b->port.iommu.context, &request, t);
}

static inline enum model_status ask_pasid(struct bench *b, uint32_t pasid, uint64_t iova,
					  unsigned int access, struct model_translation *t)
{
	struct model_request request = {
		.source_id = SID,
		.iova = iova,
		.size = 4,
		.access = access,
		.has_pasid = true,
		.pasid = pasid,
	};

	return b->port.iommu.translate(b->port.iommu.context, &request, t);
}

static inline enum model_status ask_ats(struct bench *b, enum model_request_type type,
					uint64_t iova, unsigned int access,
					struct model_translation *t)
{
	struct model_request request = {
		.type = type, .source_id = SID, .iova = iova, .size = 4096, .access = access
	};

	return b->port.iommu.translate(b->port.iommu.context, &request, t);
}

/* The address where a read goes, or ~0. */
static inline uint64_t to(struct bench *b, uint64_t iova)
{
	struct model_translation t;

	return ask(b, iova, MODEL_READ, &t) == MODEL_OK ? t.phys : UINT64_MAX;
}

/* The next event record, if there is one. */
static inline bool event(struct bench *b, uint64_t *record)
{
	unsigned int bits = QUEUE_BITS < b->config.eventqs ? QUEUE_BITS : b->config.eventqs;
	uint32_t prod = rd(b, SMMUV3_REG_EVENTQ_PROD) & ((2u << bits) - 1);

	if (prod == b->event_cons)
		return false;
	memcpy(record, word(b, b->eventq + (b->event_cons & ((1u << bits) - 1)) * 32), 32);
	b->event_cons = (b->event_cons + 1) & ((2u << bits) - 1);
	wr(b, SMMUV3_REG_EVENTQ_CONS,
	   b->event_cons | (rd(b, SMMUV3_REG_EVENTQ_PROD) & SMMUV3_Q_OVERFLOW));
	return true;
}

static inline unsigned int event_type(struct bench *b, uint64_t *record)
{
	memset(record, 0, 32);
	return event(b, record) ? (unsigned int)(record[0] & SMMUV3_EVT0_TYPE) : 0;
}

#endif /* TEST_SMMUV3_BENCH_H */
