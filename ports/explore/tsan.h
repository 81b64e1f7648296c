/* SPDX-License-Identifier: MIT */
/* tsan.h - entry points of explored code that need no macro (tsan.c has all) */
#ifndef EXPLORE_TSAN_H
#define EXPLORE_TSAN_H

#include <stddef.h>

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(void *mem, size_t size);
void __tsan_write_range(void *mem, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memset(void *to, int byte, size_t size);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);

/* -Dmemcpy=explore_memcpy and so on, for explored code */
void *explore_memcpy(void *to, const void *from, size_t size);
void *explore_memmove(void *to, const void *from, size_t size);
void *explore_memset(void *to, int byte, size_t size);
int explore_memcmp(const void *a, const void *b, size_t size);

#endif /* EXPLORE_TSAN_H */
