/* SPDX-License-Identifier: MIT */
/*
 * minimal.c - uiommu/port.h in two hundred lines
 *
 * Memory comes in blocks of a power of two, each aligned to its size, so one allocator serves pages and
 * small objects.  A freed block goes to the list of its size.  A missing one is taken from memory that
 * was never used, or cut from the smallest larger one that is free; halves are not joined again.
 */
#include "ports/minimal/minimal.h"

#define PAGE_SHIFT 12
#define MAX_ORDER 10
#define TURN_NS 1000 /* what a turn of waiting is taken for */

/* ---- blocks ------------------------------------------------------------------------------------ */

static void give(struct uiommu_minimal *host, void *block, unsigned int shift)
{
	*(void **)block = host->free[shift];
	host->free[shift] = block;
}

static void *take(struct uiommu_minimal *host, unsigned int shift)
{
	void *block = host->free[shift];

	if (block)
		host->free[shift] = *(void **)block;
	return block;
}

/* A block of memory that was never used; what the alignment leaves over is given to the lists. */
static void *fresh(struct uiommu_minimal *host, unsigned int shift)
{
	uintptr_t size = (uintptr_t)1 << shift, start = (host->next + size - 1) & ~(size - 1);

	if (start < host->next || start > host->end || host->end - start < size)
		return NULL;
	while (host->next != start) {
		unsigned int low = UIOMMU_MINIMAL_FIRST_SHIFT;

		while (!(host->next >> low & 1))
			low++;
		give(host, (void *)host->next, low);
		host->next += (uintptr_t)1 << low;
	}
	host->next += size;
	return (void *)start;
}

/* A block that is too large, cut down. */
static void *cut(struct uiommu_minimal *host, unsigned int shift)
{
	unsigned int have = shift + 1;
	char *block = NULL;

	while (have <= UIOMMU_MINIMAL_LAST_SHIFT && !(block = take(host, have)))
		have++;
	while (block && have > shift) {
		have--;
		give(host, block + ((size_t)1 << have), have);
	}
	return block;
}

static void *alloc_block(struct uiommu_minimal *host, unsigned int shift)
{
	void *block = take(host, shift);
	uint64_t *word;

	if (!block)
		block = fresh(host, shift);
	if (!block)
		block = cut(host, shift);
	if (!block)
		return NULL;
	word = block;
	for (size_t i = 0; i < ((size_t)1 << shift) / sizeof(*word); i++)
		word[i] = 0;
	host->in_use += (uint64_t)1 << shift;
	return block;
}

static void free_block(struct uiommu_minimal *host, void *block, unsigned int shift)
{
	host->in_use -= (uint64_t)1 << shift;
	give(host, block, shift);
}

/* The smallest block for @size bytes; beyond the largest if there is none. */
static unsigned int shift_for(size_t size)
{
	unsigned int shift = UIOMMU_MINIMAL_FIRST_SHIFT;

	while (shift <= UIOMMU_MINIMAL_LAST_SHIFT && (size_t)1 << shift < size)
		shift++;
	return shift;
}

void uiommu_minimal_init(struct uiommu_minimal *host, void *memory, size_t size)
{
	uintptr_t unit = (uintptr_t)1 << UIOMMU_MINIMAL_FIRST_SHIFT;

	host->next = ((uintptr_t)memory + unit - 1) & ~(unit - 1);
	host->end = (uintptr_t)memory + size;
}

/* ---- memory ------------------------------------------------------------------------------------ */

void *uiommu_port_alloc_pages(void *host, unsigned int order)
{
	return order <= MAX_ORDER ? alloc_block(host, PAGE_SHIFT + order) : NULL;
}

void uiommu_port_free_pages(void *host, void *pages, unsigned int order)
{
	free_block(host, pages, PAGE_SHIFT + order);
}

uintptr_t uiommu_port_direct_map(void *host)
{
	return ((struct uiommu_minimal *)host)->direct_map;
}

void *uiommu_port_alloc(void *host, size_t size)
{
	unsigned int shift = shift_for(size);

	return shift <= UIOMMU_MINIMAL_LAST_SHIFT ? alloc_block(host, shift) : NULL;
}

void uiommu_port_free(void *host, void *mem, size_t size)
{
	if (mem)
		free_block(host, mem, shift_for(size));
}

/* ---- the processor ----------------------------------------------------------------------------- */

#if defined(__x86_64__)

#define CACHE_LINE 64u /* at most; CPUID.1:EBX[15:8] has the true one */

static void write_back(uintptr_t line)
{
	__asm__ volatile("clflush %0" : : "m"(*(const char *)line) : "memory");
}

static void written_back(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

static void pause_processor(void)
{
	__asm__ volatile("pause");
}

#elif defined(__aarch64__)

#define CACHE_LINE 16u /* at least; CTR_EL0.DminLine has the true one */

static void write_back(uintptr_t line)
{
	__asm__ volatile("dc cvac, %0" : : "r"(line) : "memory");
}

static void written_back(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

static void pause_processor(void)
{
	__asm__ volatile("yield");
}

#elif defined(__riscv)

#define CACHE_LINE 64u

/* Without Zicbom there is no such instruction: then the platform's IOMMU has to snoop. */
static void write_back(uintptr_t line)
{
#ifdef __riscv_zicbom
	__asm__ volatile("cbo.clean (%0)" : : "r"(line) : "memory");
#else
	(void)line;
#endif
}

static void written_back(void)
{
	__asm__ volatile("fence iorw, iorw" : : : "memory");
}

static void pause_processor(void)
{
	__asm__ volatile("nop");
}

#else
#error "this processor's cache instructions are missing here"
#endif

void uiommu_port_cache_flush(void *host, const void *start, size_t size)
{
	uintptr_t end = (uintptr_t)start + size;

	(void)host;
	for (uintptr_t at = (uintptr_t)start & ~(uintptr_t)(CACHE_LINE - 1); at < end;
	     at += CACHE_LINE)
		write_back(at);
	written_back();
}

/* ---- one thread: no locks ---------------------------------------------------------------------- */

int uiommu_port_mutex_init(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	(void)mutex;
	return 0;
}

void uiommu_port_mutex_destroy(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	(void)mutex;
}

void uiommu_port_mutex_lock(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	(void)mutex;
}

void uiommu_port_mutex_unlock(void *host, struct uiommu_mutex *mutex)
{
	(void)host;
	(void)mutex;
}

/* ---- time -------------------------------------------------------------------------------------- */

/* Time passes with each turn of waiting only: enough for limits, and no timer is needed. */
uint64_t uiommu_port_now_ns(void *host)
{
	return ((struct uiommu_minimal *)host)->now;
}

void uiommu_port_relax(void *host)
{
	((struct uiommu_minimal *)host)->now += TURN_NS;
	pause_processor();
}

/* ---- no interrupts ----------------------------------------------------------------------------- */

int uiommu_port_irq_request(void *host, void (*handler)(void *arg), void *arg,
			    struct uiommu_msi *msi)
{
	(void)host;
	(void)handler;
	(void)arg;
	(void)msi;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_irq_free(void *host, int irq)
{
	(void)host;
	(void)irq;
}

/* ---- no processes ------------------------------------------------------------------------------ */

/* Without an address space to describe, none of the others is ever called. */
int uiommu_port_mm_describe(void *host, struct uiommu_mm *mm, struct uiommu_mm_format_info *info)
{
	(void)host;
	(void)mm;
	(void)info;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_mm_get(void *host, struct uiommu_mm *mm)
{
	(void)host;
	(void)mm;
}

void uiommu_port_mm_put(void *host, struct uiommu_mm *mm)
{
	(void)host;
	(void)mm;
}

int uiommu_port_mm_subscribe(void *host, struct uiommu_mm *mm,
			     struct uiommu_mm_subscriber *subscriber)
{
	(void)host;
	(void)mm;
	(void)subscriber;
	return -UIOMMU_EOPNOTSUPP;
}

void uiommu_port_mm_unsubscribe(void *host, struct uiommu_mm *mm,
				struct uiommu_mm_subscriber *subscriber)
{
	(void)host;
	(void)mm;
	(void)subscriber;
}

int uiommu_port_mm_fault(void *host, struct uiommu_mm *mm, uint64_t address, unsigned int prot)
{
	(void)host;
	(void)mm;
	(void)address;
	(void)prot;
	return -UIOMMU_EOPNOTSUPP;
}

/* ---- words ------------------------------------------------------------------------------------- */

void uiommu_port_log(void *host, enum uiommu_log_level level, const char *line)
{
	const struct uiommu_minimal *minimal = host;

	if (minimal->print && level <= UIOMMU_LOG_INFO)
		minimal->print(line);
}
