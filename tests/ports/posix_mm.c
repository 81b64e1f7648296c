/* SPDX-License-Identifier: MIT */
/*
 * posix_mm.c - address spaces of processes: what a walker with eyes of its own finds in their tables, what
 * their subscribers are told, and when pages go back
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <pthread.h>
#include <string.h>
#include <cmocka.h>
#include <uiommu/posix.h>

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x2000000)
#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))

struct world {
	struct uiommu_posix_hooks hooks;
	struct uiommu_posix *host;
	int64_t user_bytes;
	uint64_t table_bytes;
	long fail_after; /* allocations that still succeed; -1: all */
	struct uiommu_mm_subscriber subscriber;
	unsigned int told, exits, gones;
	uint64_t start, last; /* of the last invalidation */
	uint64_t watched; /* an address that must not be mapped any more when it is told */
	struct uiommu_mm *mm;
	bool lost; /* ... it was still there */
	unsigned char *page; /* and whose page must not be reused yet */
	unsigned char byte;
};

static bool on_step(void *context, enum uiommu_posix_step step, size_t size)
{
	struct world *w = context;

	(void)step;
	(void)size;
	return w->fail_after >= 0 && w->fail_after-- == 0;
}

static void added(void *context, uiommu_phys_t phys, uint64_t size)
{
	struct world *w = context;

	assert_true(phys >= RAM_BASE && phys + size <= RAM_BASE + RAM_SIZE);
	w->user_bytes += (int64_t)size;
}

static void removed(void *context, uiommu_phys_t phys, uint64_t size)
{
	struct world *w = context;

	(void)phys;
	w->user_bytes -= (int64_t)size;
	assert_true(w->user_bytes >= 0);
}

static struct world *world_of(struct uiommu_mm_subscriber *s)
{
	return (struct world *)(void *)((char *)s - offsetof(struct world, subscriber));
}

static void on_invalidate(struct uiommu_mm_subscriber *s, uint64_t start, uint64_t last)
{
	struct world *w = world_of(s);

	w->told++;
	w->start = start;
	w->last = last;
	if (w->page && start <= w->watched && w->watched <= last)
		w->lost |= *w->page != w->byte;
}

static void on_exit_mm(struct uiommu_mm_subscriber *s)
{
	struct world *w = world_of(s);

	w->exits++;
	assert_int_equal(uiommu_port_mm_fault(w->host, w->mm, 0x1000, UIOMMU_READ | UIOMMU_NOEXEC),
			 -UIOMMU_ENOENT);
	assert_true(w->user_bytes > 0); /* pages are there until it returns */
}

static void on_gone(struct uiommu_mm_subscriber *s)
{
	world_of(s)->gones++;
}

static void start(struct world *w)
{
	struct uiommu_posix_config config = {
		.ram_base = RAM_BASE,
		.ram_size = RAM_SIZE,
		.ram_fd = -1,
		.hooks = &w->hooks,
	};

	memset(w, 0, sizeof(*w));
	w->fail_after = -1;
	w->hooks = (struct uiommu_posix_hooks){
		.context = w,
		.fail = on_step,
		.user_pages_added = added,
		.user_pages_removed = removed,
	};
	w->subscriber = (struct uiommu_mm_subscriber){
		.invalidate = on_invalidate,
		.exit = on_exit_mm,
		.gone = on_gone,
	};
	assert_int_equal(uiommu_posix_create(&config, &w->host), 0);
}

static void stop(struct world *w)
{
	struct uiommu_posix_usage usage;

	uiommu_posix_usage(w->host, &usage);
	assert_int_equal(usage.objects, 0);
	assert_int_equal(usage.pages, 0);
	assert_int_equal(usage.mutexes, 0);
	assert_int_equal(w->user_bytes, 0);
	uiommu_posix_destroy(w->host);
}

static struct uiommu_mm *create(struct world *w, enum uiommu_mm_format format, unsigned int va,
				unsigned int granule)
{
	struct uiommu_posix_mm_config config = { format, va, granule, false };

	assert_int_equal(uiommu_posix_mm_create(w->host, &config, &w->mm), 0);
	return w->mm;
}

/* Bits of a leaf as the manuals have them: Intel SDM vol. 3, table 4-20; DDI 0487, D8.3. */
struct leaf {
	uint64_t phys;
	bool present, user, writable, executable;
};

static struct leaf walk(struct world *w, struct uiommu_mm *mm, uint64_t va)
{
	struct uiommu_mm_format_info info;
	struct leaf leaf = { 0 };
	unsigned int shift, width;
	uint64_t entry, table;

	assert_int_equal(uiommu_port_mm_describe(w->host, mm, &info), 0);
	width = info.granule_shift - 3;
	for (shift = info.granule_shift; shift + width < info.va_bits; shift += width)
		;
	table = info.root;
	for (;; shift -= width) {
		const uint64_t *entries = uiommu_posix_phys_to_ptr(w->host, table);

		assert_non_null(entries);
		entry = entries[va >> shift & ((UINT64_C(1) << width) - 1)];
		if (!(entry & 1))
			return leaf;
		if (info.format == UIOMMU_MM_ARM64)
			assert_int_equal(entry & 3, 3);
		table = entry & UINT64_C(0xfffffffff000) &
			~((UINT64_C(1) << info.granule_shift) - 1);
		if (shift == info.granule_shift)
			break;
		if (info.format == UIOMMU_MM_X86_64)
			assert_int_equal(entry & 6, 6);
	}
	leaf.present = true;
	leaf.phys = table | (va & ((UINT64_C(1) << info.granule_shift) - 1));
	if (info.format == UIOMMU_MM_X86_64) {
		leaf.user = entry >> 2 & 1;
		leaf.writable = entry >> 1 & 1;
		leaf.executable = !(entry >> 63);
	} else {
		leaf.user = entry >> 6 & 1;
		leaf.writable = !(entry >> 7 & 1);
		leaf.executable = !(entry >> 54 & 1);
		assert_true(entry >> 10 & 1);
		assert_true(entry >> 11 & 1);
	}
	return leaf;
}

/* What is written can be found by a walk, in every format, at both ends of what can be mapped. */
static void test_formats(void **state)
{
	static const struct {
		enum uiommu_mm_format format;
		unsigned int va, granule;
		uint64_t limit;
	} f[] = {
		{ UIOMMU_MM_X86_64, 48, 12, UINT64_C(1) << 47 },
		{ UIOMMU_MM_X86_64, 57, 12, UINT64_C(1) << 56 },
		{ UIOMMU_MM_ARM64, 48, 12, UINT64_C(1) << 48 },
		{ UIOMMU_MM_ARM64, 39, 12, UINT64_C(1) << 39 },
		{ UIOMMU_MM_ARM64, 48, 14, UINT64_C(1) << 48 },
		{ UIOMMU_MM_ARM64, 48, 16, UINT64_C(1) << 48 },
		{ UIOMMU_MM_ARM64, 42, 16, UINT64_C(1) << 42 },
	};
	struct uiommu_posix_mm_config bad = { UIOMMU_MM_X86_64, 39, 12, false };
	struct uiommu_mm *mm;
	struct world w;

	(void)state;
	start(&w);
	assert_int_equal(uiommu_posix_mm_create(w.host, &bad, &mm), -UIOMMU_EINVAL);
	bad = (struct uiommu_posix_mm_config){ UIOMMU_MM_ARM64, 48, 13, false };
	assert_int_equal(uiommu_posix_mm_create(w.host, &bad, &mm), -UIOMMU_EINVAL);
	for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
		const uint64_t page = UINT64_C(1) << f[i].granule;
		const uint64_t at[] = { page, f[i].limit / 2 - page, f[i].limit - page };
		struct leaf leaf;

		mm = create(&w, f[i].format, f[i].va, f[i].granule);
		assert_int_equal(uiommu_posix_mm_map(mm, f[i].limit, page, RW), -UIOMMU_EINVAL);
		assert_int_equal(uiommu_posix_mm_map(mm, f[i].limit - page, 2 * page, RW),
				 -UIOMMU_EINVAL);
		for (unsigned int j = 0; j < 3; j++) {
			uint64_t word = 0x1122334455667788 + j, seen = 0;

			assert_int_equal(uiommu_posix_mm_map(mm, at[j], page, RW | UIOMMU_NOEXEC),
					 0);
			assert_false(walk(&w, mm, at[j]).present);
			assert_int_equal(uiommu_posix_mm_write(mm, at[j] + page - 8, &word, 8), 0);
			leaf = walk(&w, mm, at[j] + page - 8);
			assert_true(leaf.present && leaf.user && leaf.writable && !leaf.executable);
			assert_int_equal(uiommu_posix_mm_phys(mm, at[j] + page - 8), leaf.phys);
			memcpy(&seen, uiommu_posix_phys_to_ptr(w.host, leaf.phys), 8);
			assert_true(seen == word);
			assert_int_equal(uiommu_posix_mm_read(mm, at[j], &seen, 8), 0);
			assert_true(seen == 0);
		}
		uiommu_posix_mm_put(mm);
	}
	stop(&w);
}

/* Areas: overlaps, holes, splitting, rights */
static void test_areas(void **state)
{
	struct uiommu_mm *mm;
	struct world w;
	char c = 'x';

	(void)state;
	start(&w);
	mm = create(&w, UIOMMU_MM_X86_64, 0, 0);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x10000, 0x4000, RW), 0);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x13000, 0x1000, RW), -UIOMMU_EEXIST);
	assert_int_equal(uiommu_posix_mm_map(mm, 0xf000, 0x2000, RW), -UIOMMU_EEXIST);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x14800, 0x1000, RW), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x14000, 0, RW), -UIOMMU_EINVAL);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x14000, 0x1000, 0), -UIOMMU_EINVAL);
	for (uint64_t at = 0x10000; at < 0x14000; at += 0x1000)
		assert_int_equal(uiommu_posix_mm_write(mm, at, &c, 1), 0);
	assert_int_equal(uiommu_posix_mm_unmap(mm, 0x11000, 0x1000), 0);
	assert_int_equal(uiommu_posix_mm_write(mm, 0x11000, &c, 1), -UIOMMU_EFAULT);
	assert_int_equal(uiommu_posix_mm_read(mm, 0x12000, &c, 1), 0);
	assert_int_equal(c, 'x');
	assert_int_equal(uiommu_posix_mm_protect(mm, 0x12000, 0x1000, UIOMMU_READ), 0);
	assert_false(walk(&w, mm, 0x12000).writable);
	assert_true(walk(&w, mm, 0x13000).writable);
	assert_int_equal(uiommu_posix_mm_write(mm, 0x12000, &c, 1), -UIOMMU_EFAULT);
	assert_int_equal(uiommu_port_mm_fault(w.host, mm, 0x12000, UIOMMU_READ), 0);
	assert_int_equal(uiommu_port_mm_fault(w.host, mm, 0x12000,
					      UIOMMU_READ | UIOMMU_NOEXEC | UIOMMU_PRIV),
			 -UIOMMU_EFAULT);
	assert_int_equal(uiommu_posix_mm_protect(mm, 0x13000, 0x1000, RW | UIOMMU_NOEXEC), 0);
	assert_int_equal(uiommu_port_mm_fault(w.host, mm, 0x13000, UIOMMU_READ), -UIOMMU_EFAULT);
	assert_int_equal(uiommu_posix_mm_protect(mm, 0x12000, 0x1000, RW), 0);
	assert_int_equal(uiommu_posix_mm_write(mm, 0x12000, &c, 1), 0);
	assert_true(walk(&w, mm, 0x12000).writable);
	assert_int_equal(uiommu_posix_mm_protect(mm, 0x12000, 0x1000, 0), 0);
	assert_false(walk(&w, mm, 0x12000).present);
	assert_int_equal(uiommu_posix_mm_read(mm, 0x12000, &c, 1), -UIOMMU_EFAULT);
	uiommu_posix_mm_put(mm);
	stop(&w);
}

/* Exact ranges, before pages are used for anything else, and the end of it. */
static void test_subscriber(void **state)
{
	const uint64_t top = (UINT64_C(1) << 47) - 0x1000;
	struct uiommu_posix_usage before, after;
	struct uiommu_mm *mm;
	struct world w;

	(void)state;
	start(&w);
	mm = create(&w, UIOMMU_MM_X86_64, 0, 0);
	assert_int_equal(uiommu_port_mm_subscribe(w.host, mm, &w.subscriber), 0);
	assert_int_equal(uiommu_posix_mm_map(mm, top, 0x1000, RW), 0);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x200000, 0x3000, RW), 0);
	uiommu_posix_usage(w.host, &before);
	w.byte = 'b';
	assert_int_equal(uiommu_posix_mm_write(mm, top, &w.byte, 1), 0);
	assert_int_equal(uiommu_posix_mm_write(mm, 0x202000, &w.byte, 1), 0);
	assert_int_equal(w.told, 0); /* something in place of nothing */
	w.watched = top;
	w.page = uiommu_posix_phys_to_ptr(w.host, uiommu_posix_mm_phys(mm, top));
	assert_int_equal(uiommu_posix_mm_unmap(mm, top, 0x1000), 0);
	assert_int_equal(w.told, 1);
	assert_true(w.start == top && w.last == top + 0xfff);
	assert_false(w.lost);
	assert_int_not_equal(*w.page, w.byte); /* and now it is somebody else's */
	w.page = NULL;
	assert_int_equal(uiommu_posix_mm_unmap(mm, 0x201000, 0x2000), 0);
	assert_true(w.told == 2 && w.start == 0x201000 && w.last == 0x202fff);
	uiommu_posix_usage(w.host, &after);
	assert_int_equal(after.pages, before.pages); /* tables went with the last page under them */
	assert_int_equal(uiommu_posix_mm_protect(mm, 0x200000, 0x1000, UIOMMU_READ), 0);
	assert_true(w.start == 0x200000 && w.last == 0x200fff);

	assert_int_equal(uiommu_posix_mm_protect(mm, 0x200000, 0x1000, RW), 0);
	assert_int_equal(uiommu_posix_mm_write(mm, 0x200000, &w.byte, 1), 0);
	uiommu_port_mm_get(w.host, mm);
	uiommu_posix_mm_put(mm);
	assert_true(w.exits == 1 && w.gones == 0 && w.user_bytes == 0);
	assert_int_equal(uiommu_posix_mm_map(mm, 0x300000, 0x1000, RW), -UIOMMU_ENOENT);
	assert_int_equal(uiommu_port_mm_subscribe(w.host, mm, &w.subscriber), -UIOMMU_ENOENT);
	uiommu_port_mm_put(w.host, mm);
	assert_int_equal(w.gones, 1);
	stop(&w);
}

/* Both have the pages until one writes; who writes last keeps the original. */
static void test_fork(void **state)
{
	struct uiommu_mm *mm, *child;
	struct world w;
	uint64_t phys;
	char c = 'p';

	(void)state;
	for (int arm = 0; arm < 2; arm++) {
		start(&w);
		mm = create(&w, arm ? UIOMMU_MM_ARM64 : UIOMMU_MM_X86_64, 0, 0);
		assert_int_equal(uiommu_port_mm_subscribe(w.host, mm, &w.subscriber), 0);
		assert_int_equal(uiommu_posix_mm_map(mm, 0x10000, 0x3000, RW), 0);
		c = 'p';
		assert_int_equal(uiommu_posix_mm_write(mm, 0x11000, &c, 1), 0);
		phys = uiommu_posix_mm_phys(mm, 0x11000);
		assert_int_equal(uiommu_posix_mm_fork(mm, &child), 0);
		assert_true(w.told == 1 && w.start == 0x10000 && w.last == 0x12fff);
		assert_int_equal(uiommu_posix_mm_phys(child, 0x11000), phys);
		assert_false(walk(&w, mm, 0x11000).writable);
		assert_false(walk(&w, child, 0x11000).writable);
		c = 'q';
		assert_int_equal(uiommu_posix_mm_write(mm, 0x11000, &c, 1), 0);
		assert_true(w.told == 2 && w.start == 0x11000 && w.last == 0x11fff);
		assert_int_not_equal(uiommu_posix_mm_phys(mm, 0x11000), phys);
		assert_int_equal(uiommu_posix_mm_read(child, 0x11000, &c, 1), 0);
		assert_int_equal(c, 'p');
		c = 'r';
		assert_int_equal(uiommu_posix_mm_write(child, 0x11000, &c, 1), 0);
		assert_int_equal(uiommu_posix_mm_phys(child, 0x11000), phys);
		assert_true(walk(&w, child, 0x11000).writable);
		assert_int_equal(uiommu_posix_mm_read(mm, 0x11000, &c, 1), 0);
		assert_int_equal(c, 'q');
		uiommu_port_mm_unsubscribe(w.host, mm, &w.subscriber);
		uiommu_posix_mm_put(mm);
		assert_int_equal(w.exits + w.gones, 0);
		assert_int_equal(uiommu_posix_mm_read(child, 0x11000, &c, 1), 0);
		assert_int_equal(c, 'r');
		uiommu_posix_mm_put(child);
		stop(&w);
	}
}

static int whole_life(struct world *w)
{
	struct uiommu_posix_mm_config config = { UIOMMU_MM_ARM64, 48, 14, false };
	struct uiommu_mm *mm, *child;
	char c = 1;
	int rc = uiommu_posix_mm_create(w->host, &config, &mm);

	if (rc)
		return rc;
	rc = uiommu_posix_mm_map(mm, 0, 0x40000, RW);
	if (!rc)
		rc = uiommu_posix_mm_write(mm, 0x3ffff, &c, 1);
	if (!rc)
		rc = uiommu_posix_mm_fork(mm, &child);
	if (!rc) {
		rc = uiommu_posix_mm_write(child, 0x3ffff, &c, 1);
		if (!rc)
			rc = uiommu_posix_mm_unmap(child, 0x4000, 0x4000);
		uiommu_posix_mm_put(child);
	}
	uiommu_posix_mm_put(mm);
	return rc;
}

static void test_alloc_sweep(void **state)
{
	struct world w;
	int rc;

	(void)state;
	for (long n = 0;; n++) {
		start(&w);
		w.fail_after = n;
		rc = whole_life(&w);
		assert_true(rc == 0 || rc == -UIOMMU_ENOMEM);
		stop(&w);
		if (!rc)
			break;
	}
}

/* Threads that touch, unmap and fork one address space: nothing is lost, nothing is used after its end. */
struct work {
	struct uiommu_mm *mm;
	unsigned int number;
};

static void *worker(void *context)
{
	struct work *work = context;
	const uint64_t at = 0x100000 + 0x10000ull * work->number;

	for (unsigned int i = 0; i < 200; i++) {
		unsigned int value = i, seen = 0;

		assert_int_equal(uiommu_posix_mm_map(work->mm, at, 0x4000, RW), 0);
		for (uint64_t page = 0; page < 0x4000; page += 0x1000)
			assert_int_equal(uiommu_posix_mm_write(work->mm, at + page, &value, 4), 0);
		if (work->number == 0) {
			struct uiommu_mm *child;

			assert_int_equal(uiommu_posix_mm_fork(work->mm, &child), 0);
			assert_int_equal(uiommu_posix_mm_read(child, at + 0x1000, &seen, 4), 0);
			assert_int_equal(seen, i);
			uiommu_posix_mm_put(child);
		}
		assert_int_equal(uiommu_posix_mm_read(work->mm, at + 0x3000, &seen, 4), 0);
		assert_int_equal(seen, i);
		assert_int_equal(uiommu_posix_mm_unmap(work->mm, at, 0x4000), 0);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct work work[3];
	pthread_t thread[3];
	struct world w;

	(void)state;
	start(&w);
	w.hooks = (struct uiommu_posix_hooks){ 0 };
	create(&w, UIOMMU_MM_X86_64, 0, 0);
	for (unsigned int i = 0; i < 3; i++) {
		work[i] = (struct work){ w.mm, i };
		assert_int_equal(pthread_create(&thread[i], NULL, worker, &work[i]), 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	uiommu_posix_mm_put(w.mm);
	stop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),	    cmocka_unit_test(test_areas),
		cmocka_unit_test(test_subscriber),  cmocka_unit_test(test_fork),
		cmocka_unit_test(test_alloc_sweep), cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
