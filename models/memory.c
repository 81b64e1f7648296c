/* SPDX-License-Identifier: MIT */
/*
 * memory.c - physical memory: what is registered, and what an incoherent walker sees of it
 *
 * One record for each 4K page counts the stretches that cover it, so that overlapping registrations (a
 * buffer pinned twice) are fine and a question about an access is answered by the one or two pages that
 * it touches.  A stretch that covers part of a page makes the whole page accessible: the granularity of
 * translation, and so of protection, is the page.
 *
 * The shadow is what memory contains as far as a walker that does not snoop can tell: it is created
 * when a page is first registered as tables, with a pattern that was never stored there; it follows
 * memory only where software flushed (64-byte lines) or where hardware wrote; and it outlives the
 * registration, so that a page that comes back shows what it held in its last life.
 */
#include <stdatomic.h>
#include <string.h>

#include <uiommu/port.h>

#include "models/memory.h"

#define PAGE UINT64_C(4096)
#define LINE UINT64_C(64)
#define POISON 0xa5 /* reserved bits and garbage addresses in every structure of every IOMMU */

struct memory_page {
	uint32_t uses[2]; /* by enum model_memory_kind */
	uint8_t *shadow;
};

struct model_memory {
	void *host;
	uint64_t base, size;
	uint8_t *ram;
	bool shadowed;
	struct uiommu_mutex lock; /* changes of pages */
	struct memory_page *pages;
};

int model_memory_create(void *host, uint64_t base, void *ram, uint64_t size,
			struct model_memory **out)
{
	struct model_memory *mem;

	if (base % PAGE || size % PAGE || base + size < base)
		return -1;
	mem = uiommu_port_alloc(host, sizeof(*mem));
	if (!mem)
		return -1;
	mem->host = host;
	mem->base = base;
	mem->size = size;
	mem->ram = ram;
	mem->pages = uiommu_port_alloc(host, size / PAGE * sizeof(*mem->pages));
	if (!mem->pages)
		goto free_mem;
	if (uiommu_port_mutex_init(host, &mem->lock))
		goto free_pages;
	*out = mem;
	return 0;

free_pages:
	uiommu_port_free(host, mem->pages, size / PAGE * sizeof(*mem->pages));
free_mem:
	uiommu_port_free(host, mem, sizeof(*mem));
	return -1;
}

void model_memory_destroy(struct model_memory *mem)
{
	if (!mem)
		return;
	if (mem->shadowed) {
		for (uint64_t i = 0; i < mem->size / PAGE; i++)
			if (mem->pages[i].shadow)
				uiommu_port_free(mem->host, mem->pages[i].shadow, PAGE);
	}
	uiommu_port_mutex_destroy(mem->host, &mem->lock);
	uiommu_port_free(mem->host, mem->pages, mem->size / PAGE * sizeof(*mem->pages));
	uiommu_port_free(mem->host, mem, sizeof(*mem));
}

void *model_memory_host(const struct model_memory *mem)
{
	return mem->host;
}

static bool in_ram(const struct model_memory *mem, uint64_t phys, uint64_t size)
{
	return phys >= mem->base && phys - mem->base < mem->size &&
	       size <= mem->size - (phys - mem->base);
}

/* The pages that [phys, phys + size) touches, cut to RAM; false: none. */
static bool page_range(const struct model_memory *mem, uint64_t phys, uint64_t size,
		       uint64_t *first, uint64_t *last)
{
	uint64_t end = phys + size < phys ? UINT64_MAX : phys + size;

	if (phys < mem->base)
		phys = mem->base;
	if (end > mem->base + mem->size)
		end = mem->base + mem->size;
	if (phys >= end)
		return false;
	*first = (phys - mem->base) / PAGE;
	*last = (end - 1 - mem->base) / PAGE;
	return true;
}

static bool add_shadow(struct model_memory *mem, struct memory_page *page)
{
	if (page->shadow)
		return true;
	page->shadow = uiommu_port_alloc(mem->host, PAGE);
	if (!page->shadow)
		return false;
	memset(page->shadow, POISON, PAGE);
	return true;
}

int model_memory_enable_shadow(struct model_memory *mem)
{
	int result = 0;

	uiommu_port_mutex_lock(mem->host, &mem->lock);
	mem->shadowed = true;
	for (uint64_t i = 0; i < mem->size / PAGE; i++)
		if (mem->pages[i].uses[MODEL_MEMORY_TABLES] && !add_shadow(mem, &mem->pages[i]))
			result = -1;
	uiommu_port_mutex_unlock(mem->host, &mem->lock);
	return result;
}

void model_memory_add(struct model_memory *mem, uint64_t phys, uint64_t size,
		      enum model_memory_kind kind)
{
	uint64_t first, last;

	if (!page_range(mem, phys, size, &first, &last))
		return;
	uiommu_port_mutex_lock(mem->host, &mem->lock);
	for (uint64_t i = first; i <= last; i++) {
		mem->pages[i].uses[kind]++;
		if (mem->shadowed && kind == MODEL_MEMORY_TABLES)
			add_shadow(mem, &mem->pages[i]);
	}
	uiommu_port_mutex_unlock(mem->host, &mem->lock);
}

void model_memory_remove(struct model_memory *mem, uint64_t phys, uint64_t size)
{
	uint64_t first, last;

	if (!page_range(mem, phys, size, &first, &last))
		return;
	uiommu_port_mutex_lock(mem->host, &mem->lock);
	for (uint64_t i = first; i <= last; i++) {
		struct memory_page *page = &mem->pages[i];

		/* A stretch is of one kind; tables are never buffers at the same time. */
		if (page->uses[MODEL_MEMORY_TABLES])
			page->uses[MODEL_MEMORY_TABLES]--;
		else if (page->uses[MODEL_MEMORY_DMA])
			page->uses[MODEL_MEMORY_DMA]--;
	}
	uiommu_port_mutex_unlock(mem->host, &mem->lock);
}

/* 16 bytes in one piece; where processors have no such load, until two looks are the same. */
static void load_pair(_Atomic uint64_t *at, uint64_t value[2])
{
	uint64_t again;

#if defined(__x86_64__)
	/* Stores only what is there already: 0 where 0 was found. */
	value[0] = 0;
	value[1] = 0;
	__asm__ volatile("lock cmpxchg16b %0"
			 : "+m"(*(uint64_t(*)[2])(void *)at), "+a"(value[0]), "+d"(value[1])
			 : "b"(UINT64_C(0)), "c"(UINT64_C(0))
			 : "cc");
	/* For tools that look for races and do not see into the instruction above. */
	again = atomic_load_explicit(&at[0], memory_order_acquire);
	again = atomic_load_explicit(&at[1], memory_order_acquire);
	(void)again;
#else
	do {
		value[0] = atomic_load_explicit(&at[0], memory_order_acquire);
		value[1] = atomic_load_explicit(&at[1], memory_order_acquire);
		again = atomic_load_explicit(&at[0], memory_order_acquire);
	} while (again != value[0]);
#endif
}

/* One line, in pieces: other processors may be writing to neighbouring entries of it. */
static void write_back(_Atomic uint64_t *shadow, _Atomic uint64_t *ram)
{
	uint64_t pair[2];

	for (unsigned int i = 0; i < LINE / sizeof(*shadow); i += 2) {
		load_pair(&ram[i], pair);
		atomic_store_explicit(&shadow[i], pair[0], memory_order_relaxed);
		atomic_store_explicit(&shadow[i + 1], pair[1], memory_order_relaxed);
	}
}

void model_memory_flush(struct model_memory *mem, uint64_t phys, uint64_t size)
{
	uint64_t end;

	if (!mem->shadowed || !size || !in_ram(mem, phys, size))
		return;
	end = (phys + size + LINE - 1) & ~(LINE - 1);
	uiommu_port_mutex_lock(mem->host, &mem->lock);
	for (uint64_t at = phys & ~(LINE - 1); at < end; at += LINE) {
		uint64_t offset = at - mem->base;
		uint8_t *shadow = mem->pages[offset / PAGE].shadow;

		if (shadow)
			write_back((_Atomic uint64_t *)(void *)(shadow + offset % PAGE),
				   (_Atomic uint64_t *)(void *)(mem->ram + offset));
	}
	uiommu_port_mutex_unlock(mem->host, &mem->lock);
}

void *model_memory_pointer(struct model_memory *mem, uint64_t phys, uint64_t size,
			   enum model_memory_kind kind)
{
	uint64_t first, last;

	if (!size || !in_ram(mem, phys, size))
		return NULL;
	first = (phys - mem->base) / PAGE;
	last = (phys + size - 1 - mem->base) / PAGE;
	for (uint64_t i = first; i <= last; i++)
		if (!mem->pages[i].uses[kind])
			return NULL;
	return mem->ram + (phys - mem->base);
}

static _Atomic uint64_t *shadow_word(struct model_memory *mem, uint64_t phys)
{
	uint64_t offset = phys - mem->base;
	uint8_t *shadow = mem->pages[offset / PAGE].shadow;

	return shadow ? (_Atomic uint64_t *)(void *)(shadow + offset % PAGE) : NULL;
}

bool model_memory_fetch(struct model_memory *mem, uint64_t phys, bool incoherent, uint64_t *value,
			bool *unflushed)
{
	_Atomic uint64_t *word = model_memory_pointer(mem, phys, 8, MODEL_MEMORY_TABLES);

	*unflushed = false;
	if (!word || phys % 8)
		return false;
	*value = atomic_load_explicit(word, memory_order_acquire);
	if (incoherent) {
		_Atomic uint64_t *shadow = shadow_word(mem, phys);

		if (shadow) {
			uint64_t old = atomic_load_explicit(shadow, memory_order_relaxed);

			*unflushed = old != *value;
			*value = old;
		}
	}
	return true;
}

bool model_memory_fetch_pair(struct model_memory *mem, uint64_t phys, bool incoherent,
			     uint64_t value[2], bool *unflushed)
{
	_Atomic uint64_t *words = model_memory_pointer(mem, phys, 16, MODEL_MEMORY_TABLES);
	_Atomic uint64_t *shadow;
	uint64_t old[2];

	*unflushed = false;
	if (!words || phys % 16)
		return false;
	load_pair(words, value);
	shadow = incoherent ? shadow_word(mem, phys) : NULL;
	if (!shadow)
		return true;
	/* With the lock, since a line is written back in two steps for each pair. */
	uiommu_port_mutex_lock(mem->host, &mem->lock);
	old[0] = atomic_load_explicit(&shadow[0], memory_order_relaxed);
	old[1] = atomic_load_explicit(&shadow[1], memory_order_relaxed);
	uiommu_port_mutex_unlock(mem->host, &mem->lock);
	*unflushed = old[0] != value[0] || old[1] != value[1];
	value[0] = old[0];
	value[1] = old[1];
	return true;
}

bool model_memory_store(struct model_memory *mem, uint64_t phys, uint64_t value, unsigned int size)
{
	void *word = model_memory_pointer(mem, phys, size, MODEL_MEMORY_TABLES);
	uint64_t offset = phys - mem->base;

	if (!word || phys % size)
		return false;
	if (size == 4)
		atomic_store_explicit((_Atomic uint32_t *)word, (uint32_t)value,
				      memory_order_release);
	else
		atomic_store_explicit((_Atomic uint64_t *)word, value, memory_order_release);
	if (mem->pages[offset / PAGE].shadow)
		memcpy(mem->pages[offset / PAGE].shadow + offset % PAGE, &value, size);
	return true;
}

bool model_memory_set_bits(struct model_memory *mem, uint64_t phys, uint64_t expected,
			   uint64_t bits)
{
	_Atomic uint64_t *word = model_memory_pointer(mem, phys, 8, MODEL_MEMORY_TABLES);
	_Atomic uint64_t *shadow;

	if (!word || !atomic_compare_exchange_strong(word, &expected, expected | bits))
		return false;
	shadow = shadow_word(mem, phys);
	if (shadow)
		atomic_fetch_or(shadow, bits);
	return true;
}

bool model_memory_update(struct model_memory *mem, uint64_t phys, uint64_t expected,
			 uint64_t desired)
{
	_Atomic uint64_t *word = model_memory_pointer(mem, phys, 8, MODEL_MEMORY_TABLES);
	_Atomic uint64_t *shadow;

	if (!word || phys % 8 || !atomic_compare_exchange_strong(word, &expected, desired))
		return false;
	shadow = shadow_word(mem, phys);
	if (shadow)
		atomic_store(shadow, desired);
	return true;
}

bool model_memory_read(struct model_memory *mem, uint64_t phys, void *data, uint64_t size)
{
	const void *from = model_memory_pointer(mem, phys, size, MODEL_MEMORY_DMA);

	if (!from)
		return false;
	memcpy(data, from, size);
	return true;
}

bool model_memory_write(struct model_memory *mem, uint64_t phys, const void *data, uint64_t size)
{
	void *to = model_memory_pointer(mem, phys, size, MODEL_MEMORY_DMA);

	if (!to)
		return false;
	memcpy(to, data, size);
	return true;
}
