/* SPDX-License-Identifier: MIT */
/*
 * tsan.c - what code compiled with -fsanitize=thread calls, for the exploration
 *
 * Compilers put one of these calls before each plain access and instead of each atomic operation.  The
 * names and signatures are those that gcc and clang emit; the sanitizer's own runtime is not linked.
 * There is one processor: an atomic operation needs no more than plain accesses once it is its turn.
 */
#include <string.h>

#include "ports/explore/internal.h"
#include "ports/explore/tsan.h"

/* What is not in the block is nobody else's: constants, and the stack of set-up and check. */
static bool watched(const struct explore *e, uintptr_t address)
{
	return e && e->running && address - (uintptr_t)e->base < EXPLORE_SIZE;
}

#define PC ((uintptr_t)__builtin_return_address(0))

/* ---- plain accesses ---------------------------------------------------------------------------- */

static void plain(const void *mem, size_t size, bool write, uintptr_t pc)
{
	struct explore *e = explore_now;
	const uintptr_t address = (uintptr_t)mem;

	if (!size || !watched(e, address))
		return;
	explore_access(e, address, size, write, pc);
	if (write ? explore_is_table(e, address) : explore_is_written(e, address)) {
		const struct explore_op op = { .kind = write ? EXPLORE_WRITE : EXPLORE_READ,
					       .pc = pc,
					       .hardware = true };

		explore_event(e, &op);
	}
}

#define PLAIN(name, size)                                  \
	void __tsan_read##name(void *mem);                 \
	void __tsan_read##name(void *mem)                  \
	{                                                  \
		plain(mem, size, false, PC);               \
	}                                                  \
	void __tsan_write##name(void *mem);                \
	void __tsan_write##name(void *mem)                 \
	{                                                  \
		plain(mem, size, true, PC);                \
	}                                                  \
	void __tsan_unaligned_read##name(void *mem);       \
	void __tsan_unaligned_read##name(void *mem)        \
	{                                                  \
		plain(mem, size, false, PC);               \
	}                                                  \
	void __tsan_unaligned_write##name(void *mem);      \
	void __tsan_unaligned_write##name(void *mem)       \
	{                                                  \
		plain(mem, size, true, PC);                \
	}                                                  \
	void __tsan_read_write##name(void *mem);           \
	void __tsan_read_write##name(void *mem)            \
	{                                                  \
		plain(mem, size, true, PC);                \
	}                                                  \
	void __tsan_unaligned_read_write##name(void *mem); \
	void __tsan_unaligned_read_write##name(void *mem)  \
	{                                                  \
		plain(mem, size, true, PC);                \
	}                                                  \
	void __tsan_volatile_read##name(void *mem);        \
	void __tsan_volatile_read##name(void *mem)         \
	{                                                  \
		plain(mem, size, false, PC);               \
	}                                                  \
	void __tsan_volatile_write##name(void *mem);       \
	void __tsan_volatile_write##name(void *mem)        \
	{                                                  \
		plain(mem, size, true, PC);                \
	}
PLAIN(1, 1)
PLAIN(2, 2)
PLAIN(4, 4)
PLAIN(8, 8)
PLAIN(16, 16)

void __tsan_read_range(void *mem, size_t size)
{
	plain(mem, size, false, PC);
}

void __tsan_write_range(void *mem, size_t size)
{
	plain(mem, size, true, PC);
}

/* Explored code calls these instead of the C library's, which nothing is known of. */
void *explore_memcpy(void *to, const void *from, size_t size)
{
	plain(from, size, false, PC);
	plain(to, size, true, PC);
	return memcpy(to, from, size);
}

void *explore_memmove(void *to, const void *from, size_t size)
{
	plain(from, size, false, PC);
	plain(to, size, true, PC);
	return memmove(to, from, size);
}

void *explore_memset(void *to, int byte, size_t size)
{
	plain(to, size, true, PC);
	return memset(to, byte, size);
}

int explore_memcmp(const void *a, const void *b, size_t size)
{
	plain(a, size, false, PC);
	plain(b, size, false, PC);
	return memcmp(a, b, size);
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
	return explore_memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size)
{
	return explore_memmove(to, from, size);
}

void *__tsan_memset(void *to, int byte, size_t size)
{
	return explore_memset(to, byte, size);
}

/* ---- frames: of no interest -------------------------------------------------------------------- */

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

/* ---- atomic operations ------------------------------------------------------------------------- */

static bool acquires(int order)
{
	return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

/* An atomic object is its first byte; in tables there are accesses of 4, 8 and 16 bytes to one place. */
static uintptr_t object_of(const struct explore *e, uintptr_t address)
{
	return explore_is_table(e, address) ? address & ~(uintptr_t)15 : address;
}

/* Its turn has come when this returns. */
static void atomic_point(const volatile void *mem, size_t size, enum explore_kind kind,
			 uintptr_t pc)
{
	struct explore *e = explore_now;
	const uintptr_t address = (uintptr_t)mem;
	struct explore_op op = { .kind = kind, .pc = pc, .changes = kind != EXPLORE_LOAD };

	if (!watched(e, address))
		return;
	op.object = object_of(e, address);
	op.hardware = op.changes ? explore_is_table(e, address) : explore_is_written(e, address);
	explore_point(e, &op);
	explore_atomic_access(e, address, size, op.changes, pc);
}

static void atomic_order(const volatile void *mem, enum explore_kind kind, int order)
{
	struct explore *e = explore_now;
	uintptr_t object;

	if (!watched(e, (uintptr_t)mem))
		return;
	object = object_of(e, (uintptr_t)mem);
	if (kind != EXPLORE_STORE)
		explore_acquire(e, object, !acquires(order));
	if (kind != EXPLORE_LOAD)
		explore_release(e, object, !releases(order), kind == EXPLORE_RMW);
}

#define RMW(bits, type, name, expression)                                             \
	type __tsan_atomic##bits##_##name(volatile type *mem, type value, int order); \
	type __tsan_atomic##bits##_##name(volatile type *mem, type value, int order)  \
	{                                                                             \
		type old;                                                             \
                                                                                      \
		atomic_point(mem, sizeof(*mem), EXPLORE_RMW, PC);                     \
		old = *mem;                                                           \
		*mem = (type)(expression);                                            \
		atomic_order(mem, EXPLORE_RMW, order);                                \
		return old;                                                           \
	}

#define ATOMIC(bits, type)                                                                    \
	type __tsan_atomic##bits##_load(const volatile type *mem, int order);                 \
	type __tsan_atomic##bits##_load(const volatile type *mem, int order)                  \
	{                                                                                     \
		atomic_point(mem, sizeof(*mem), EXPLORE_LOAD, PC);                            \
		atomic_order(mem, EXPLORE_LOAD, order);                                       \
		return *mem;                                                                  \
	}                                                                                     \
	void __tsan_atomic##bits##_store(volatile type *mem, type value, int order);          \
	void __tsan_atomic##bits##_store(volatile type *mem, type value, int order)           \
	{                                                                                     \
		atomic_point(mem, sizeof(*mem), EXPLORE_STORE, PC);                           \
		*mem = value;                                                                 \
		atomic_order(mem, EXPLORE_STORE, order);                                      \
	}                                                                                     \
	RMW(bits, type, exchange, value)                                                      \
	RMW(bits, type, fetch_add, old + value)                                               \
	RMW(bits, type, fetch_sub, old - value)                                               \
	RMW(bits, type, fetch_and, old &value)                                                \
	RMW(bits, type, fetch_or, old | value)                                                \
	RMW(bits, type, fetch_xor, old ^ value)                                               \
	RMW(bits, type, fetch_nand, ~(old & value))                                           \
	static type compare##bits(volatile type *mem, type expected, type desired, int good,  \
				  int bad, uintptr_t pc)                                      \
	{                                                                                     \
		type old;                                                                     \
                                                                                              \
		atomic_point(mem, sizeof(*mem), EXPLORE_RMW, pc);                             \
		old = *mem;                                                                   \
		if (old != expected) {                                                        \
			atomic_order(mem, EXPLORE_LOAD, bad);                                 \
			return old;                                                           \
		}                                                                             \
		*mem = desired;                                                               \
		atomic_order(mem, EXPLORE_RMW, good);                                         \
		return old;                                                                   \
	}                                                                                     \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *mem, type *expected, \
							  type desired, int good, int bad);   \
	int __tsan_atomic##bits##_compare_exchange_strong(volatile type *mem, type *expected, \
							  type desired, int good, int bad)    \
	{                                                                                     \
		const type wanted = *expected;                                                \
                                                                                              \
		*expected = compare##bits(mem, wanted, desired, good, bad, PC);               \
		return *expected == wanted;                                                   \
	}                                                                                     \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile type *mem, type *expected,   \
							type desired, int good, int bad);     \
	int __tsan_atomic##bits##_compare_exchange_weak(volatile type *mem, type *expected,   \
							type desired, int good, int bad)      \
	{                                                                                     \
		const type wanted = *expected;                                                \
                                                                                              \
		*expected = compare##bits(mem, wanted, desired, good, bad, PC);               \
		return *expected == wanted;                                                   \
	}                                                                                     \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *mem, type expected,    \
							type desired, int good, int bad);     \
	type __tsan_atomic##bits##_compare_exchange_val(volatile type *mem, type expected,    \
							type desired, int good, int bad)      \
	{                                                                                     \
		return compare##bits(mem, expected, desired, good, bad, PC);                  \
	}
ATOMIC(8, uint8_t)
ATOMIC(16, uint16_t)
ATOMIC(32, uint32_t)
ATOMIC(64, uint64_t)
#ifdef __SIZEOF_INT128__
ATOMIC(128, unsigned __int128)
#endif

/* Sequential consistency needs no fence: it only tells what is ordered. */
void __tsan_atomic_thread_fence(int order)
{
	struct explore *e = explore_now;

	if (e && e->running)
		explore_fence(e, acquires(order), releases(order));
}

void __tsan_atomic_signal_fence(int order)
{
	(void)order;
}
