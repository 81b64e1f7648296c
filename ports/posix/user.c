/* SPDX-License-Identifier: MIT */
/*
 * user.c - memory of the program that calls, for Linux's user ABI
 *
 * The program is this process.  Its pointers are used as they are, but for those into the first pages, which
 * every system leaves unmapped.  Devices reach the host's RAM alone, so what is to be pinned has to come
 * from uiommu_posix_alloc_ram().
 */
#include <string.h>

#include "ports/posix/internal.h"

#define PAGE UINT64_C(4096)
#define NULL_PAGES UINT64_C(65536)

static bool is_null(uint64_t address, size_t size)
{
	return address < NULL_PAGES || address + size < address;
}

int uiommu_port_user_read(void *host, void *to, uint64_t from, size_t size)
{
	(void)host;
	if (is_null(from, size))
		return -UIOMMU_EFAULT;
	memcpy(to, (const void *)(uintptr_t)from, size);
	return 0;
}

int uiommu_port_user_write(void *host, uint64_t to, const void *from, size_t size)
{
	const struct uiommu_posix_hooks *h = uiommu_posix_hooks_of(host);

	if (is_null(to, size) || (h->user_write_fails && h->user_write_fails(h->context, to, size)))
		return -UIOMMU_EFAULT;
	memcpy((void *)(uintptr_t)to, from, size);
	return 0;
}

static void tell(struct uiommu_posix *host, bool pinned, uiommu_phys_t phys, size_t count)
{
	const struct uiommu_posix_hooks *h = uiommu_posix_hooks_of(host);

	if (!count)
		return;
	if (pinned && h->user_pages_added)
		h->user_pages_added(h->context, phys, count * PAGE);
	if (!pinned && h->user_pages_removed)
		h->user_pages_removed(h->context, phys, count * PAGE);
}

/* @count pages that follow each other. */
static bool change_run(struct uiommu_posix *host, uiommu_phys_t phys, size_t count, int change)
{
	bool ok = true;

	uiommu_posix_pin_lock(host, true);
	while (count && ok) {
		size_t edge, same;

		ok = uiommu_posix_pin_pages(host, phys, count, change, &edge, &same);
		if (ok)
			tell(host, change > 0, phys, edge);
		phys += (edge + same) * PAGE;
		count -= edge + same;
	}
	uiommu_posix_pin_lock(host, false);
	return ok;
}

int uiommu_port_user_pin(void *host, uint64_t address, size_t count, bool write,
			 uiommu_phys_t *phys)
{
	uiommu_phys_t first = uiommu_posix_ptr_to_phys(host, (const void *)(uintptr_t)address);

	(void)write; /* RAM is writable */
	if (is_null(address, 1) || count > (UINT64_MAX - address) / PAGE + 1 ||
	    !uiommu_posix_phys_to_ptr(host, first) ||
	    !uiommu_posix_phys_to_ptr(host, first + count * PAGE - 1) ||
	    !change_run(host, first, count, 1))
		return -UIOMMU_EFAULT;
	for (size_t i = 0; i < count; i++)
		phys[i] = first + i * PAGE;
	return 0;
}

void uiommu_port_user_unpin(void *host, const uiommu_phys_t *phys, size_t count)
{
	for (size_t i = 0; i < count;) {
		size_t run = 1;

		while (i + run < count && phys[i + run] == phys[i] + run * PAGE)
			run++;
		change_run(host, phys[i], run, -1);
		i += run;
	}
}

void *uiommu_port_user_ptr(void *host, uiommu_phys_t phys)
{
	return uiommu_posix_phys_to_ptr(host, phys);
}
