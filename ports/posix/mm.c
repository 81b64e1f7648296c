/* SPDX-License-Identifier: MIT */
/*
 * mm.c - the address space of a process
 *
 * Locks: mm->lock covers areas, table and pages, and is held over the subscribers' invalidate(), so that a page
 * is not given back before they have let go of it.  mm->subs covers the list of subscribers and is held over
 * every call of theirs, so that unsubscribing waits for it; it is taken inside mm->lock.  A subscriber's exit() is
 * called without mm->lock.
 *
 * A page knows in how many address spaces it is (uiommu_posix_page_users); one that is alone is given
 * back when it is unmapped, filled with a pattern.
 */
#include <stdatomic.h>
#include <string.h>

#include "ports/posix/internal.h"
#include "ports/posix/mm_table.h"

#define GONE_PATTERN 0xa5
#define RW ((unsigned int)(UIOMMU_READ | UIOMMU_WRITE))
#define KNOWN_PROT (RW | UIOMMU_NOEXEC)

struct area {
	struct area *next; /* by address */
	uint64_t start, last;
	unsigned int prot;
};

struct uiommu_mm {
	struct uiommu_posix *host;
	struct uiommu_posix_mm_config config;
	struct uiommu_mutex lock, subs;
	_Atomic(unsigned int) refs;
	bool creators; /* the creator has not put it yet */
	_Atomic(bool) exiting; /* faults and new subscribers are refused */
	bool exited; /* areas and tables are gone */
	struct mm_table table;
	uiommu_phys_t root; /* for describe, which takes no lock */
	struct area *areas;
	struct uiommu_mm_subscriber *subscribers;
};

static void lock(struct uiommu_mm *mm)
{
	uiommu_port_mutex_lock(mm->host, &mm->lock);
}

static void unlock(struct uiommu_mm *mm)
{
	uiommu_port_mutex_unlock(mm->host, &mm->lock);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static void *page_alloc(struct uiommu_mm *mm, uiommu_phys_t *phys)
{
	const struct uiommu_posix_hooks *h = uiommu_posix_hooks_of(mm->host);
	uint64_t size = mm_table_granule(&mm->table);
	void *page = uiommu_posix_alloc_ram(mm->host, size, size, phys);

	if (!page)
		return NULL;
	memset(page, 0, size);
	uiommu_posix_page_users(mm->host, *phys, 1);
	if (h->user_pages_added)
		h->user_pages_added(h->context, *phys, size);
	return page;
}

/* Out of one address space. */
static void page_drop(struct uiommu_mm *mm, uiommu_phys_t phys)
{
	const struct uiommu_posix_hooks *h = uiommu_posix_hooks_of(mm->host);
	uint64_t size = mm_table_granule(&mm->table);
	void *page = uiommu_posix_phys_to_ptr(mm->host, phys);

	if (uiommu_posix_page_users(mm->host, phys, -1))
		return;
	if (h->user_pages_removed)
		h->user_pages_removed(h->context, phys, size);
	memset(page, GONE_PATTERN, size);
	uiommu_posix_free_ram(mm->host, page, size);
}

/* ---- subscribers ------------------------------------------------------------------------------- */

static void tell(struct uiommu_mm *mm, uint64_t start, uint64_t last)
{
	uiommu_port_mutex_lock(mm->host, &mm->subs);
	for (struct uiommu_mm_subscriber *s = mm->subscribers; s; s = s->next)
		s->invalidate(s, start, last);
	uiommu_port_mutex_unlock(mm->host, &mm->subs);
}

int uiommu_port_mm_subscribe(void *host, struct uiommu_mm *mm,
			     struct uiommu_mm_subscriber *subscriber)
{
	int rc = 0;

	lock(mm);
	uiommu_port_mutex_lock(host, &mm->subs);
	if (mm->exiting) {
		rc = -UIOMMU_ENOENT;
	} else {
		subscriber->next = mm->subscribers;
		mm->subscribers = subscriber;
	}
	uiommu_port_mutex_unlock(host, &mm->subs);
	unlock(mm);
	return rc;
}

void uiommu_port_mm_unsubscribe(void *host, struct uiommu_mm *mm,
				struct uiommu_mm_subscriber *subscriber)
{
	struct uiommu_mm_subscriber **link = &mm->subscribers;

	uiommu_port_mutex_lock(host, &mm->subs);
	while (*link && *link != subscriber)
		link = &(*link)->next;
	if (*link)
		*link = subscriber->next;
	uiommu_port_mutex_unlock(host, &mm->subs);
}

/* ---- areas ------------------------------------------------------------------------------------- */

static bool check_range(const struct uiommu_mm *mm, uint64_t address, uint64_t size)
{
	uint64_t limit = uiommu_mm_table_limit(&mm->table);

	return size && !((address | size) & (mm_table_granule(&mm->table) - 1)) &&
	       address < limit && size <= limit - address;
}

static struct area *area_at(struct uiommu_mm *mm, uint64_t address)
{
	struct area *area = mm->areas;

	while (area && area->last < address)
		area = area->next;
	return area && area->start <= address ? area : NULL;
}

static void area_insert(struct uiommu_mm *mm, struct area *area)
{
	struct area **link = &mm->areas;

	while (*link && (*link)->start < area->start)
		link = &(*link)->next;
	area->next = *link;
	*link = area;
}

/* No area reaches over @at: one that does becomes two.  0 or -UIOMMU_ENOMEM. */
static int split(struct uiommu_mm *mm, uint64_t at)
{
	struct area *area = area_at(mm, at), *upper;

	if (!area || area->start == at)
		return 0;
	upper = uiommu_port_alloc(mm->host, sizeof(*upper));
	if (!upper)
		return -UIOMMU_ENOMEM;
	*upper = *area;
	upper->start = at;
	area->last = at - 1;
	area->next = upper;
	return 0;
}

static int split_both(struct uiommu_mm *mm, uint64_t start, uint64_t last)
{
	int rc = split(mm, start);

	return rc ? rc : split(mm, last + 1);
}

int uiommu_posix_mm_map(struct uiommu_mm *mm, uint64_t address, uint64_t size, unsigned int prot)
{
	uint64_t last = address + size - 1;
	struct area *area;
	int rc = 0;

	if (!check_range(mm, address, size) || prot & ~KNOWN_PROT || !(prot & RW))
		return -UIOMMU_EINVAL;
	area = uiommu_port_alloc(mm->host, sizeof(*area));
	if (!area)
		return -UIOMMU_ENOMEM;
	*area = (struct area){ .start = address, .last = last, .prot = prot };
	lock(mm);
	if (mm->exiting)
		rc = -UIOMMU_ENOENT;
	for (const struct area *other = mm->areas; other && !rc; other = other->next) {
		if (other->start <= last && address <= other->last)
			rc = -UIOMMU_EEXIST;
	}
	if (!rc)
		area_insert(mm, area);
	unlock(mm);
	if (rc)
		uiommu_port_free(mm->host, area, sizeof(*area));
	return rc;
}

/* Everything in [start, last] goes: entries, then whoever walked them, then tables and pages. */
static void zap(struct uiommu_mm *mm, uint64_t start, uint64_t last)
{
	uint64_t *tables = NULL, at = start, *entry;
	uiommu_phys_t batch[64];
	unsigned int n = 0;
	bool any = false;

	/* Pages go in batches: each is told of before its pages are given back. */
	for (;;) {
		entry = uiommu_mm_table_next(&mm->table, &at, last);
		if (entry) {
			uint64_t leaf = __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);

			batch[n++] = uiommu_mm_table_leaf_phys(&mm->table, leaf);
			any = true;
			at += mm_table_granule(&mm->table);
		}
		if (entry && at <= last && n < sizeof(batch) / sizeof(batch[0]))
			continue;
		if (!entry || at > last)
			uiommu_mm_table_prune(&mm->table, start, last, &tables);
		if (any)
			tell(mm, start, last);
		while (n)
			page_drop(mm, batch[--n]);
		if (!entry || at > last)
			break;
	}
	uiommu_mm_table_free_list(&mm->table, tables);
}

int uiommu_posix_mm_unmap(struct uiommu_mm *mm, uint64_t address, uint64_t size)
{
	uint64_t last = address + size - 1;
	struct area **link = &mm->areas;
	int rc;

	if (!check_range(mm, address, size))
		return -UIOMMU_EINVAL;
	lock(mm);
	rc = mm->exiting ? -UIOMMU_ENOENT : split_both(mm, address, last);
	if (rc)
		goto out;
	while (*link) {
		struct area *area = *link;

		if (area->last < address || area->start > last) {
			link = &area->next;
			continue;
		}
		*link = area->next;
		uiommu_port_free(mm->host, area, sizeof(*area));
	}
	zap(mm, address, last);
out:
	unlock(mm);
	return rc;
}

int uiommu_posix_mm_protect(struct uiommu_mm *mm, uint64_t address, uint64_t size,
			    unsigned int prot)
{
	uint64_t last = address + size - 1, at = address, *entry;
	int rc;

	if (!check_range(mm, address, size) || prot & ~KNOWN_PROT)
		return -UIOMMU_EINVAL;
	lock(mm);
	rc = mm->exiting ? -UIOMMU_ENOENT : split_both(mm, address, last);
	if (rc)
		goto out;
	for (struct area *area = mm->areas; area; area = area->next) {
		if (area->start >= address && area->last <= last)
			area->prot = prot;
	}
	/* What is there takes the new rights, but for the right to write, which a fault brings. */
	while ((entry = uiommu_mm_table_next(&mm->table, &at, last))) {
		uint64_t old = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
		uiommu_phys_t phys = uiommu_mm_table_leaf_phys(&mm->table, old);
		unsigned int keep = prot & ~UIOMMU_WRITE;

		if (!(prot & RW)) {
			__atomic_store_n(entry, 0, __ATOMIC_SEQ_CST);
			tell(mm, at, at + mm_table_granule(&mm->table) - 1);
			page_drop(mm, phys);
		} else {
			if (prot & UIOMMU_WRITE && uiommu_mm_table_leaf_writable(&mm->table, old))
				keep |= UIOMMU_WRITE;
			__atomic_store_n(entry, uiommu_mm_table_leaf(&mm->table, phys, keep),
					 __ATOMIC_SEQ_CST);
		}
		at += mm_table_granule(&mm->table);
		if (at > last)
			break;
	}
	tell(mm, address, last);
out:
	unlock(mm);
	return rc;
}

/* ---- faults ------------------------------------------------------------------------------------ */

/* A page that is shared is copied for who writes; one that is not becomes writable in place. */
static int make_writable(struct uiommu_mm *mm, uint64_t address, uint64_t *entry, unsigned int prot)
{
	uint64_t size = mm_table_granule(&mm->table), page = address & ~(size - 1);
	uint64_t leaf = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	uiommu_phys_t old = uiommu_mm_table_leaf_phys(&mm->table, leaf), phys = old;

	if (uiommu_posix_page_users(mm->host, old, 0) > 1) {
		void *copy = page_alloc(mm, &phys);

		if (!copy)
			return -UIOMMU_ENOMEM;
		memcpy(copy, uiommu_posix_phys_to_ptr(mm->host, old), size);
	}
	/* Break before make: nobody may have two translations (Arm DDI 0487, D8.14). */
	__atomic_store_n(entry, 0, __ATOMIC_SEQ_CST);
	tell(mm, page, page + size - 1);
	__atomic_store_n(entry, uiommu_mm_table_leaf(&mm->table, phys, prot), __ATOMIC_SEQ_CST);
	if (phys != old)
		page_drop(mm, old);
	return 0;
}

static int fault_locked(struct uiommu_mm *mm, uint64_t address, unsigned int prot)
{
	const struct area *area;
	uint64_t *entry, leaf;
	uiommu_phys_t phys;

	if (mm->exiting)
		return -UIOMMU_ENOENT;
	area = area_at(mm, address);
	if (!area || prot & UIOMMU_PRIV || !(area->prot & RW) ||
	    (prot & UIOMMU_WRITE && !(area->prot & UIOMMU_WRITE)) ||
	    (!(prot & UIOMMU_NOEXEC) && area->prot & UIOMMU_NOEXEC))
		return -UIOMMU_EFAULT;
	entry = uiommu_mm_table_entry(&mm->table, address, true);
	if (!entry)
		return -UIOMMU_ENOMEM;
	leaf = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
	if (leaf & 1) {
		if (prot & UIOMMU_WRITE && !uiommu_mm_table_leaf_writable(&mm->table, leaf))
			return make_writable(mm, address, entry, area->prot);
		return 0;
	}
	if (!page_alloc(mm, &phys))
		return -UIOMMU_ENOMEM;
	__atomic_store_n(entry, uiommu_mm_table_leaf(&mm->table, phys, area->prot),
			 __ATOMIC_SEQ_CST);
	return 0;
}

int uiommu_port_mm_fault(void *host, struct uiommu_mm *mm, uint64_t address, unsigned int prot)
{
	int rc;

	(void)host;
	/* A subscriber that is told of the exit may still be asked for pages: it must not wait for anybody. */
	if (mm->exiting)
		return -UIOMMU_ENOENT;
	lock(mm);
	rc = fault_locked(mm, address, prot);
	unlock(mm);
	return rc;
}

static int access_memory(struct uiommu_mm *mm, uint64_t address, void *data, size_t size,
			 bool write)
{
	uint64_t granule = mm_table_granule(&mm->table);
	unsigned char *bytes = data;
	int rc = 0;

	lock(mm);
	while (size && !rc) {
		size_t piece = granule - (address & (granule - 1));
		unsigned char *at;

		if (piece > size)
			piece = size;
		rc = fault_locked(mm, address,
				  UIOMMU_NOEXEC | (write ? UIOMMU_WRITE : UIOMMU_READ));
		if (rc)
			break;
		at = uiommu_posix_phys_to_ptr(
			mm->host,
			uiommu_mm_table_leaf_phys(
				&mm->table, *uiommu_mm_table_entry(&mm->table, address, false)));
		at += address & (granule - 1);
		if (write)
			memcpy(at, bytes, piece);
		else
			memcpy(bytes, at, piece);
		bytes += piece;
		address += piece;
		size -= piece;
	}
	unlock(mm);
	/* A process that has exited has no signals to get: for whoever asks it is the same. */
	return rc == -UIOMMU_ENOENT ? -UIOMMU_EFAULT : rc;
}

int uiommu_posix_mm_read(struct uiommu_mm *mm, uint64_t address, void *data, size_t size)
{
	return access_memory(mm, address, data, size, false);
}

int uiommu_posix_mm_write(struct uiommu_mm *mm, uint64_t address, const void *data, size_t size)
{
	return access_memory(mm, address, (void *)(uintptr_t)data, size, true);
}

uiommu_phys_t uiommu_posix_mm_phys(struct uiommu_mm *mm, uint64_t address)
{
	uiommu_phys_t phys = 0;
	uint64_t *entry, leaf;

	lock(mm);
	if (!mm->exiting && address < uiommu_mm_table_limit(&mm->table)) {
		entry = uiommu_mm_table_entry(&mm->table, address, false);
		leaf = entry ? __atomic_load_n(entry, __ATOMIC_ACQUIRE) : 0;
		if (leaf & 1)
			phys = uiommu_mm_table_leaf_phys(&mm->table, leaf) |
			       (address & (mm_table_granule(&mm->table) - 1));
	}
	unlock(mm);
	return phys;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void free_areas(struct uiommu_mm *mm)
{
	while (mm->areas) {
		struct area *area = mm->areas;

		mm->areas = area->next;
		uiommu_port_free(mm->host, area, sizeof(*area));
	}
}

/* All pages of an address space that nobody walks any more. */
static void free_pages(struct uiommu_mm *mm)
{
	uint64_t at = 0, last = uiommu_mm_table_limit(&mm->table) - 1, *entry;

	while (at <= last && (entry = uiommu_mm_table_next(&mm->table, &at, last))) {
		uint64_t leaf = __atomic_exchange_n(entry, 0, __ATOMIC_SEQ_CST);

		page_drop(mm, uiommu_mm_table_leaf_phys(&mm->table, leaf));
		at += mm_table_granule(&mm->table);
	}
}

int uiommu_posix_mm_create(struct uiommu_posix *host, const struct uiommu_posix_mm_config *config,
			   struct uiommu_mm **out)
{
	struct uiommu_mm *mm = uiommu_port_alloc(host, sizeof(*mm));
	int rc = -UIOMMU_ENOMEM;

	*out = NULL;
	if (!mm)
		return rc;
	mm->host = host;
	mm->config = *config;
	mm->refs = 1;
	mm->creators = true;
	if (uiommu_port_mutex_init(host, &mm->lock))
		goto err_mm;
	if (uiommu_port_mutex_init(host, &mm->subs))
		goto err_lock;
	rc = uiommu_mm_table_init(&mm->table, host, config);
	if (rc)
		goto err_subs;
	mm->root = uiommu_posix_ptr_to_phys(host, mm->table.root);
	*out = mm;
	return 0;
err_subs:
	uiommu_port_mutex_destroy(host, &mm->subs);
err_lock:
	uiommu_port_mutex_destroy(host, &mm->lock);
err_mm:
	uiommu_port_free(host, mm, sizeof(*mm));
	return rc;
}

void uiommu_posix_mm_exit(struct uiommu_mm *mm)
{
	bool first;

	lock(mm);
	first = !mm->exiting;
	mm->exiting = true;
	unlock(mm);
	if (!first)
		return;
	uiommu_port_mutex_lock(mm->host, &mm->subs);
	for (struct uiommu_mm_subscriber *s = mm->subscribers; s; s = s->next)
		s->exit(s);
	uiommu_port_mutex_unlock(mm->host, &mm->subs);
	lock(mm);
	free_areas(mm);
	free_pages(mm);
	uiommu_mm_table_destroy(&mm->table);
	mm->exited = true;
	unlock(mm);
}

void uiommu_port_mm_get(void *host, struct uiommu_mm *mm)
{
	(void)host;
	mm->refs++;
}

void uiommu_port_mm_put(void *host, struct uiommu_mm *mm)
{
	(void)host;
	if (--mm->refs)
		return;
	/* The creator's reference went with an exit, so nothing is left but who wants to know. */
	while (mm->subscribers) {
		struct uiommu_mm_subscriber *s = mm->subscribers;

		mm->subscribers = s->next;
		s->gone(s);
	}
	uiommu_port_mutex_destroy(mm->host, &mm->subs);
	uiommu_port_mutex_destroy(mm->host, &mm->lock);
	uiommu_port_free(mm->host, mm, sizeof(*mm));
}

void uiommu_posix_mm_put(struct uiommu_mm *mm)
{
	if (!mm)
		return;
	uiommu_posix_mm_exit(mm);
	uiommu_port_mm_put(mm->host, mm);
}

static int copy_areas(struct uiommu_mm *mm, struct uiommu_mm *child)
{
	for (const struct area *area = mm->areas; area; area = area->next) {
		struct area *copy = uiommu_port_alloc(mm->host, sizeof(*copy));

		if (!copy)
			return -UIOMMU_ENOMEM;
		*copy = *area;
		area_insert(child, copy);
	}
	return 0;
}

/* Every page into both, and writable in neither. */
static int share_pages(struct uiommu_mm *mm, struct uiommu_mm *child)
{
	const uint64_t granule = mm_table_granule(&mm->table);

	for (const struct area *area = mm->areas; area; area = area->next) {
		uint64_t at = area->start, *entry;

		while (at <= area->last &&
		       (entry = uiommu_mm_table_next(&mm->table, &at, area->last))) {
			uint64_t *twin = uiommu_mm_table_entry(&child->table, at, true);
			uint64_t leaf = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
			uiommu_phys_t phys = uiommu_mm_table_leaf_phys(&mm->table, leaf);

			if (!twin)
				return -UIOMMU_ENOMEM;
			uiommu_posix_page_users(mm->host, phys, 1);
			*twin = uiommu_mm_table_leaf(&child->table, phys,
						     area->prot & ~(unsigned int)UIOMMU_WRITE);
			uiommu_mm_table_write_protect(&mm->table, entry);
			at += granule;
		}
		tell(mm, area->start, area->last);
	}
	return 0;
}

int uiommu_posix_mm_fork(struct uiommu_mm *mm, struct uiommu_mm **out)
{
	struct uiommu_mm *child;
	int rc = uiommu_posix_mm_create(mm->host, &mm->config, &child);

	*out = NULL;
	if (rc)
		return rc;
	lock(mm);
	rc = mm->exiting ? -UIOMMU_ENOENT : copy_areas(mm, child);
	if (!rc)
		rc = share_pages(mm, child);
	unlock(mm);
	/* Pages that are shared no longer cost the parent one fault each, and nothing else. */
	if (rc)
		uiommu_posix_mm_put(child);
	else
		*out = child;
	return rc;
}

int uiommu_port_mm_describe(void *host, struct uiommu_mm *mm, struct uiommu_mm_format_info *info)
{
	bool exiting;

	(void)host;
	lock(mm);
	exiting = mm->exiting;
	unlock(mm);
	if (exiting)
		return -UIOMMU_ENOENT;
	*info = (struct uiommu_mm_format_info){
		.format = mm->config.format,
		.va_bits = mm->table.va_bits,
		.granule_shift = mm->table.granule_shift,
		.phys_bits = 48,
		.root = mm->root,
		.mair = 0xff, /* attribute 0: normal memory, write-back */
		.tagged_pointers = mm->config.tagged_pointers,
	};
	return 0;
}
