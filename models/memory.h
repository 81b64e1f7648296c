/* SPDX-License-Identifier: MIT */
/*
 * memory.h - physical memory as models read and write it
 *
 * The life of the registry (create, add, remove, flush) is in model.h; this is the side of the hardware.
 *
 * Thread-safety: reads and writes of RAM need no lock; the registry has one of its own.  A page is
 * looked up in O(1).
 */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include "models/model.h"

/* The host that this memory was created with. */
void *model_memory_host(const struct model_memory *mem);

/* From now on keep a second copy of table memory: what was last flushed. 0 or -1: no memory. */
int model_memory_enable_shadow(struct model_memory *mem);

/* Where @phys is in RAM if all of [phys, phys + size) is registered for @kind, else NULL. */
void *model_memory_pointer(struct model_memory *mem, uint64_t phys, uint64_t size,
			   enum model_memory_kind kind);

/*
 * One aligned 64-bit word of a table, fetched in one piece.  False: not registered as tables.  With
 * @incoherent the value is what was last flushed, and *unflushed says whether memory differs.
 */
bool model_memory_fetch(struct model_memory *mem, uint64_t phys, bool incoherent, uint64_t *value,
			bool *unflushed);

/*
 * The same for 16 aligned bytes, in one piece too: a writer that changes both words at once is seen
 * before or after, never between.
 */
bool model_memory_fetch_pair(struct model_memory *mem, uint64_t phys, bool incoherent,
			     uint64_t value[2], bool *unflushed);

/* Hardware writes @size (4 or 8) bytes of a table or queue: memory and last flushed copy. */
bool model_memory_store(struct model_memory *mem, uint64_t phys, uint64_t value, unsigned int size);

/* Sets @bits in a table word atomically, if it is still @expected; both copies. False: it changed. */
bool model_memory_set_bits(struct model_memory *mem, uint64_t phys, uint64_t expected,
			   uint64_t bits);

/* The same for any change of the word: from @expected to @desired. */
bool model_memory_update(struct model_memory *mem, uint64_t phys, uint64_t expected,
			 uint64_t desired);

/* DMA: copy between RAM and a device. False: some of it is not registered for DMA, nothing done. */
bool model_memory_read(struct model_memory *mem, uint64_t phys, void *data, uint64_t size);
bool model_memory_write(struct model_memory *mem, uint64_t phys, const void *data, uint64_t size);

#endif /* MODEL_MEMORY_H */
