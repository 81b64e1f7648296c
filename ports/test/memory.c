/* SPDX-License-Identifier: MIT */
/*
 * memory.c - pages and small allocations, each with a wall behind it
 *
 * The host reserves a range of addresses that cannot be touched and opens as many pages of it as an
 * allocation needs, with at least one closed page behind them.  A small allocation ends where its last
 * page ends, but for the alignment; what is left of its pages is filled with FILL and looked at when it
 * is freed.  Freed pages are filled with UIOMMU_TEST_POISON and closed, and their addresses are used again
 * only when all others are used up.
 *
 * Physical addresses begin at PHYS_BASE, so a pointer that is taken for one is noticed.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "ports/test/internal.h"

#define FILL 0xc5
#define PHYS_BASE 0x100000000ull
#define MAX_ORDER 10
#define MAX_HOSTS 16

/* ---- stray accesses ---------------------------------------------------------------------------- */

/* The hosts whose memory the handler of SIGSEGV knows. */
static struct {
	pthread_mutex_t lock;
	_Atomic(struct uiommu_test *) host[MAX_HOSTS];
	struct sigaction before;
	unsigned int count;
} known = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *program_counter(const void *context)
{
#if defined(__x86_64__)
	return (void *)(uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[16 /* RIP */];
#elif defined(__aarch64__)
	return (void *)(uintptr_t)((const ucontext_t *)context)->uc_mcontext.pc;
#else
	(void)context;
	return NULL;
#endif
}

static void stray(struct uiommu_test *test, const unsigned char *address, void *pc)
{
	uint32_t page = (uint32_t)((uint64_t)(address - test->ram) / PAGE);
	struct place here = uiommu_test_here(pc);
	char where[300], allocated[300], freed[300];
	struct block *b;

	/* Places are return addresses, so the one behind the access. */
	if (pc)
		here.frame[0] = (char *)pc + 1;
	test_lock(test);
	uiommu_test_place(&here, where, sizeof(where));
	b = test->owner[page];
	/* The wall belongs to what lies before it. */
	while (!b && page > 0)
		b = test->owner[--page];
	if (b) {
		uiommu_test_place(&b->allocated, allocated, sizeof(allocated));
		uiommu_test_place(&b->freed, freed, sizeof(freed));
	}
	if (!b)
		uiommu_test_violation(test, UIOMMU_TEST_OVERRUN, "%p, by %s", (void *)address,
				      where);
	else if (b->live)
		uiommu_test_violation(test, UIOMMU_TEST_OVERRUN,
				      "%td bytes behind the first of %llu, by %s, allocated by %s",
				      address - b->mem, (unsigned long long)b->size, where,
				      allocated);
	else
		uiommu_test_violation(test, UIOMMU_TEST_USE_AFTER_FREE,
				      "byte %td of %llu, by %s, allocated by %s, freed by %s",
				      address - b->mem, (unsigned long long)b->size, where,
				      allocated, freed);
	mprotect(test->ram + (uint64_t)(address - test->ram) / PAGE * PAGE, PAGE,
		 PROT_READ | PROT_WRITE);
	test_unlock(test);
}

static void on_segv(int signal, siginfo_t *info, void *context)
{
	const unsigned char *address = info->si_addr;

	(void)signal;
	for (int i = 0; i < MAX_HOSTS; i++) {
		struct uiommu_test *test = known.host[i];

		if (test && address >= test->ram && address < test->ram + test->ram_size) {
			stray(test, address, program_counter(context));
			return;
		}
	}
	/* Not ours: once more, with the handler that was there before. */
	sigaction(SIGSEGV, &known.before, NULL);
}

static int make_known(struct uiommu_test *test)
{
	const struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	struct sigaction before;
	int rc = -UIOMMU_ENOMEM;

	pthread_mutex_lock(&known.lock);
	for (int i = 0; i < MAX_HOSTS && rc; i++) {
		if (known.host[i])
			continue;
		known.host[i] = test;
		known.count++;
		/* Always: a test framework may have put its own handler over an older one of ours. */
		sigaction(SIGSEGV, &action, &before);
		if (before.sa_sigaction != on_segv)
			known.before = before;
		rc = 0;
	}
	pthread_mutex_unlock(&known.lock);
	return rc;
}

static void make_unknown(struct uiommu_test *test)
{
	pthread_mutex_lock(&known.lock);
	for (int i = 0; i < MAX_HOSTS; i++) {
		if (known.host[i] == test)
			known.host[i] = NULL;
	}
	if (--known.count == 0)
		sigaction(SIGSEGV, &known.before, NULL);
	pthread_mutex_unlock(&known.lock);
}

/* ---- addresses --------------------------------------------------------------------------------- */

static bool all_free(const struct uiommu_test *test, uint32_t first, uint32_t pages)
{
	for (uint32_t i = first; i < first + pages; i++) {
		if (test->owner[i] && test->owner[i]->live)
			return false;
	}
	return true;
}

/* The first of @pages pages that nobody uses, aligned, with a wall before and behind; 0: none. */
static uint32_t find_pages(struct uiommu_test *test, uint32_t pages, uint32_t align)
{
	uint32_t first = (test->next_page + align - 1) & ~(align - 1);

	for (int round = 0; round < 2; round++, first = align) {
		for (; first + pages + 1 < test->ram_size / PAGE; first += align) {
			if (all_free(test, first - 1, pages + 2)) {
				test->next_page = first + pages + 1;
				return first;
			}
		}
	}
	return 0;
}

static struct block *block_alloc(struct uiommu_test *test, uint32_t pages, uint32_t align,
				 const struct place *here)
{
	struct block *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->first = find_pages(test, pages, align);
	if (!b->first ||
	    mprotect(test->ram + b->first * PAGE, pages * PAGE, PROT_READ | PROT_WRITE)) {
		free(b);
		return NULL;
	}
	memset(test->ram + b->first * PAGE, 0, pages * PAGE);
	b->pages = pages;
	b->live = true;
	b->allocated = *here;
	b->next = test->blocks;
	test->blocks = b;
	for (uint32_t i = 0; i < pages; i++)
		test->owner[b->first + i] = b;
	/* The wall may be what was freed long ago and opened by a stray access. */
	mprotect(test->ram + (b->first + pages) * PAGE, PAGE, PROT_NONE);
	test->owner[b->first + pages] = NULL;
	test->live_blocks++;
	return b;
}

/* What lies beside a small allocation on its pages is as it was. */
static void check_slack(struct uiommu_test *test, const struct block *b)
{
	const unsigned char *at = test->ram + b->first * PAGE, *end = at + b->pages * PAGE;
	char allocated[300];

	for (; at < end; at++) {
		if (at == b->mem)
			at += b->size;
		if (at == end || *at == FILL)
			continue;
		uiommu_test_place(&b->allocated, allocated, sizeof(allocated));
		uiommu_test_violation(test, UIOMMU_TEST_OVERRUN,
				      "byte %td of %llu was written, allocated by %s", at - b->mem,
				      (unsigned long long)b->size, allocated);
		return;
	}
}

static void block_free(struct uiommu_test *test, struct block *b, const struct place *here)
{
	unsigned char *start = test->ram + b->first * PAGE;

	uiommu_test_mutex_inside(test, b->mem, b->size, here);
	if (b->small)
		check_slack(test, b);
	memset(start, UIOMMU_TEST_POISON, b->pages * PAGE);
	mprotect(start, b->pages * PAGE, PROT_NONE);
	b->live = false;
	b->freed = *here;
	test->live_blocks--;
}

/* The block that a free means; what is wrong with the free is reported.  NULL: nothing is freed. */
static struct block *check_free(struct uiommu_test *test, const void *mem, bool small,
				uint64_t size, const struct place *here)
{
	uint64_t page = ((uintptr_t)mem - (uintptr_t)test->ram) / PAGE;
	struct block *b = page < test->ram_size / PAGE ? test->owner[page] : NULL;
	char where[300], allocated[300], freed[300];

	if (b && b->mem == mem && b->small == small && b->live && b->size == size)
		return b;
	uiommu_test_place(here, where, sizeof(where));
	if (!b || b->mem != mem || b->small != small) {
		uiommu_test_violation(
			test, UIOMMU_TEST_WILD_FREE, "%p, by %s%s", mem, where,
			b && b->mem == mem ? ", which was allocated by the other function" : "");
		return NULL;
	}
	uiommu_test_place(&b->allocated, allocated, sizeof(allocated));
	if (!b->live) {
		uiommu_test_place(&b->freed, freed, sizeof(freed));
		uiommu_test_violation(test, UIOMMU_TEST_DOUBLE_FREE,
				      "by %s, before by %s, allocated by %s", where, freed,
				      allocated);
		return NULL;
	}
	uiommu_test_violation(test, UIOMMU_TEST_WRONG_SIZE,
			      "%llu bytes instead of %llu, by %s, allocated by %s",
			      (unsigned long long)size, (unsigned long long)b->size, where,
			      allocated);
	return b;
}

/* ---- port.h ------------------------------------------------------------------------------------ */

static void bad_size(struct uiommu_test *test, const char *what, unsigned long long value,
		     const struct place *here)
{
	char where[300];

	uiommu_test_place(here, where, sizeof(where));
	uiommu_test_violation(test, UIOMMU_TEST_BAD_SIZE, "%s %llu, by %s", what, value, where);
}

void *uiommu_port_alloc_pages(void *host, unsigned int order)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct block *b = NULL;

	if (uiommu_test_must_fail(test, UIOMMU_TEST_ALLOC_PAGES, &here))
		return NULL;
	test_lock(test);
	uiommu_test_may_sleep(test, UIOMMU_TEST_NO_ALLOC | UIOMMU_TEST_NO_SLEEP, "alloc_pages",
			      &here);
	if (order > MAX_ORDER)
		bad_size(test, "order", order, &here);
	else
		b = block_alloc(test, 1u << order, 1u << order, &here);
	if (b) {
		b->mem = test->ram + b->first * PAGE;
		b->size = PAGE << order;
		b->order = order;
	}
	test_unlock(test);
	if (b && test->config.pages_added)
		test->config.pages_added(test->config.context,
					 (uintptr_t)b->mem - uiommu_test_constant(test), b->size);
	return b ? b->mem : NULL;
}

void uiommu_port_free_pages(void *host, void *pages, unsigned int order)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct block *b;

	test_lock(test);
	b = check_free(test, pages, false, order <= MAX_ORDER ? PAGE << order : 0, &here);
	if (b && !test->config.pages_removed)
		block_free(test, b, &here);
	test_unlock(test);
	if (!b || !test->config.pages_removed)
		return;
	test->config.pages_removed(test->config.context,
				   (uintptr_t)pages - uiommu_test_constant(test), b->size);
	/* Once more: another thread may have freed it meanwhile. */
	test_lock(test);
	b = check_free(test, pages, false, PAGE << order, &here);
	if (b)
		block_free(test, b, &here);
	test_unlock(test);
}

void *uiommu_port_alloc(void *host, size_t size)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct block *b = NULL;
	uint64_t room = (size + 15) & ~15ull;

	if (uiommu_test_must_fail(test, UIOMMU_TEST_ALLOC, &here))
		return NULL;
	test_lock(test);
	uiommu_test_may_sleep(test, UIOMMU_TEST_NO_ALLOC | UIOMMU_TEST_NO_SLEEP, "alloc", &here);
	if (size == 0)
		bad_size(test, "bytes", size, &here);
	else if (size < test->ram_size / 2)
		b = block_alloc(test, (uint32_t)((room + PAGE - 1) / PAGE), 1, &here);
	if (b) {
		unsigned char *start = test->ram + b->first * PAGE;

		b->small = true;
		b->size = size;
		b->mem = start + b->pages * PAGE - room;
		memset(start, FILL, (size_t)(b->mem - start));
		memset(b->mem + size, FILL, room - size);
	}
	test_unlock(test);
	return b ? b->mem : NULL;
}

void uiommu_port_free(void *host, void *mem, size_t size)
{
	struct uiommu_test *test = host;
	struct place here = HERE();
	struct block *b;

	if (!mem)
		return;
	test_lock(test);
	b = check_free(test, mem, true, size, &here);
	if (b)
		block_free(test, b, &here);
	test_unlock(test);
}

uintptr_t uiommu_port_direct_map(void *host)
{
	return uiommu_test_constant(host);
}

/* The live pages that [ptr, ptr + size) lies in. */
static const struct block *inside(const struct uiommu_test *test, const void *ptr, uint64_t size)
{
	uint64_t offset = (uintptr_t)ptr - (uintptr_t)test->ram;
	const struct block *b = offset < test->ram_size ? test->owner[offset / PAGE] : NULL;

	if (!b || !b->live || b->small)
		return NULL;
	offset = (uintptr_t)ptr - (uintptr_t)b->mem;
	return size <= b->size && offset <= b->size - size ? b : NULL;
}

void uiommu_port_cache_flush(void *host, const void *start, size_t size)
{
	struct uiommu_test *test = host;
	struct place here = HERE();

	test_lock(test);
	if (!size || !inside(test, start, size)) {
		char where[300];

		uiommu_test_place(&here, where, sizeof(where));
		uiommu_test_violation(test, UIOMMU_TEST_FLUSH, "%zu bytes at %p, by %s", size,
				      start, where);
	}
	test_unlock(test);
	if (test->config.flushed)
		test->config.flushed(test->config.context,
				     (uintptr_t)start - uiommu_test_constant(test), size);
}

void *uiommu_test_phys(struct uiommu_test *test, uiommu_phys_t phys, uint64_t size)
{
	unsigned char *mem = (unsigned char *)(uintptr_t)(phys + uiommu_test_constant(test));
	bool ok;

	test_lock(test);
	ok = inside(test, mem, size);
	if (!ok) {
		uint64_t offset = phys - (uintptr_t)test->ram;

		uiommu_test_violation(test, UIOMMU_TEST_PHYS, "%llu bytes at %llx%s",
				      (unsigned long long)size, (unsigned long long)phys,
				      offset < test->ram_size ? ", which is a pointer" : "");
	}
	test_unlock(test);
	return ok ? mem : NULL;
}

/* ---- the host's -------------------------------------------------------------------------------- */

void *uiommu_test_ram(struct uiommu_test *test, uiommu_phys_t *phys, uint64_t *size)
{
	*phys = PHYS_BASE;
	*size = test->ram_size;
	return test->ram;
}

uintptr_t uiommu_test_constant(const struct uiommu_test *test)
{
	return (uintptr_t)test->ram - (uintptr_t)PHYS_BASE;
}

void uiommu_test_memory_leaks(struct uiommu_test *test)
{
	char allocated[300];

	for (struct block *b = test->blocks; b; b = b->next) {
		if (!b->live || b->reported)
			continue;
		b->reported = true;
		uiommu_test_place(&b->allocated, allocated, sizeof(allocated));
		uiommu_test_violation(test, UIOMMU_TEST_MEMORY_LEAK,
				      "%llu bytes%s, allocated by %s", (unsigned long long)b->size,
				      b->small ? "" : " of pages", allocated);
	}
}

int uiommu_test_memory_init(struct uiommu_test *test)
{
	/* Aligned to the largest block, so that physical addresses are as aligned as pointers. */
	uint64_t align = PAGE << MAX_ORDER;
	unsigned char *all;
	uint64_t before;

	test->ram_size = test->config.ram_size ? test->config.ram_size : RAM_SIZE;
	all = mmap(NULL, test->ram_size + align, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		return -UIOMMU_ENOMEM;
	before = -(uintptr_t)all & (align - 1);
	if (before)
		munmap(all, before);
	test->ram = all + before;
	munmap(test->ram + test->ram_size, align - before);
	test->next_page = 1;
	test->owner = calloc(test->ram_size / PAGE, sizeof(test->owner[0]));
	if (test->owner && make_known(test) == 0)
		return 0;
	free(test->owner);
	munmap(test->ram, test->ram_size);
	return -UIOMMU_ENOMEM;
}

void uiommu_test_memory_exit(struct uiommu_test *test)
{
	make_unknown(test);
	while (test->blocks) {
		struct block *b = test->blocks;

		test->blocks = b->next;
		free(b);
	}
	free(test->owner);
	munmap(test->ram, test->ram_size);
}
