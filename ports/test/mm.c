/* SPDX-License-Identifier: MIT */
/* mm.c - see mm.h */
#include "ports/test/mm.h"

static void lock(struct uiommu_mm *mm, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_lock(mm->host, mutex);
}

static void unlock(struct uiommu_mm *mm, struct uiommu_mutex *mutex)
{
	uiommu_port_mutex_unlock(mm->host, mutex);
}

struct uiommu_mm *uiommu_test_mm_create(void *host, uint64_t start, uint64_t last,
					unsigned int prot)
{
	struct uiommu_mm *mm = uiommu_port_alloc(host, sizeof(*mm));

	if (!mm)
		return NULL;
	if (uiommu_port_mutex_init(host, &mm->lock))
		goto err_free;
	if (uiommu_port_mutex_init(host, &mm->calling))
		goto err_lock;
	mm->host = host;
	mm->info.format = UIOMMU_MM_X86_64;
	mm->info.va_bits = 48;
	mm->info.granule_shift = 12;
	mm->info.phys_bits = 46;
	mm->refs = 1;
	mm->start = start;
	mm->last = last;
	mm->prot = prot;
	return mm;

err_lock:
	uiommu_port_mutex_destroy(host, &mm->lock);
err_free:
	uiommu_port_free(host, mm, sizeof(*mm));
	return NULL;
}

void uiommu_test_mm_invalidate(struct uiommu_mm *mm, uint64_t start, uint64_t last)
{
	lock(mm, &mm->lock);
	lock(mm, &mm->calling);
	for (struct uiommu_mm_subscriber *s = mm->subscribers; s; s = s->next)
		s->invalidate(s, start, last);
	unlock(mm, &mm->calling);
	unlock(mm, &mm->lock);
}

void uiommu_test_mm_exit(struct uiommu_mm *mm)
{
	lock(mm, &mm->lock);
	mm->exited = true;
	unlock(mm, &mm->lock);
	lock(mm, &mm->calling);
	for (struct uiommu_mm_subscriber *s = mm->subscribers; s; s = s->next)
		s->exit(s);
	unlock(mm, &mm->calling);
}

int uiommu_port_mm_describe(void *host, struct uiommu_mm *mm, struct uiommu_mm_format_info *info)
{
	int rc;

	(void)host;
	lock(mm, &mm->lock);
	rc = mm->exited ? -UIOMMU_ENOENT : 0;
	*info = mm->info;
	unlock(mm, &mm->lock);
	if (mm->on_describe)
		mm->on_describe(mm);
	return rc;
}

void uiommu_port_mm_get(void *host, struct uiommu_mm *mm)
{
	(void)host;
	lock(mm, &mm->lock);
	mm->refs++;
	unlock(mm, &mm->lock);
}

void uiommu_port_mm_put(void *host, struct uiommu_mm *mm)
{
	bool last;

	lock(mm, &mm->lock);
	last = --mm->refs == 0;
	unlock(mm, &mm->lock);
	if (!last)
		return;
	while (mm->subscribers) {
		struct uiommu_mm_subscriber *s = mm->subscribers;

		mm->subscribers = s->next;
		s->gone(s);
	}
	uiommu_port_mutex_destroy(host, &mm->calling);
	uiommu_port_mutex_destroy(host, &mm->lock);
	uiommu_port_free(host, mm, sizeof(*mm));
}

int uiommu_port_mm_subscribe(void *host, struct uiommu_mm *mm,
			     struct uiommu_mm_subscriber *subscriber)
{
	int rc = -UIOMMU_ENOENT;

	(void)host;
	lock(mm, &mm->lock);
	lock(mm, &mm->calling);
	if (!mm->exited) {
		subscriber->next = mm->subscribers;
		mm->subscribers = subscriber;
		rc = 0;
	}
	unlock(mm, &mm->calling);
	unlock(mm, &mm->lock);
	return rc;
}

void uiommu_port_mm_unsubscribe(void *host, struct uiommu_mm *mm,
				struct uiommu_mm_subscriber *subscriber)
{
	struct uiommu_mm_subscriber **link;

	(void)host;
	lock(mm, &mm->calling);
	for (link = &mm->subscribers; *link && *link != subscriber; link = &(*link)->next)
		;
	if (*link)
		*link = subscriber->next;
	unlock(mm, &mm->calling);
}

int uiommu_port_mm_fault(void *host, struct uiommu_mm *mm, uint64_t address, unsigned int prot)
{
	const unsigned int need = prot & (UIOMMU_READ | UIOMMU_WRITE | UIOMMU_PRIV);
	int rc = 0;

	(void)host;
	if (mm->on_fault)
		mm->on_fault(mm, address, prot);
	lock(mm, &mm->lock);
	mm->faults++;
	if (mm->exited)
		rc = -UIOMMU_ENOENT;
	else if (address < mm->start || address > mm->last || (need & ~mm->prot))
		rc = -UIOMMU_EFAULT;
	unlock(mm, &mm->lock);
	return rc;
}
