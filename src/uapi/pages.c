/* SPDX-License-Identifier: MIT */
/*
 * pages.c - pieces of a program's memory or of files that areas show, pinned once for all who need them
 *
 * Nearly every user needs all pages of a piece; those are only counted.  Users of a part (an area that was
 * copied from a part of another, an access) are counted page by page in an array that exists only
 * while there are some.  A page is pinned, and charged, while either count is above 0.
 */
#include "src/uapi/iommufd.h"

struct iommufd_pages *uiommu_iommufd_pages_create(struct uiommu_uapi_process *process,
						  enum uapi_account account, uint64_t address,
						  size_t count, bool writable)
{
	struct iommufd_pages *pages = uapi_alloc(process->uapi, sizeof(*pages));

	if (!pages)
		return NULL;
	pages->uapi = process->uapi;
	pages->refs = 1;
	pages->process = process;
	uiommu_uapi_process_get(process);
	pages->account = account;
	pages->exempt = uapi_capable(process, UIOMMU_UAPI_CAP_IPC_LOCK);
	pages->writable = writable;
	pages->address = address;
	pages->count = count;
	pages->file = -1;
	return pages;
}

struct iommufd_pages *uiommu_iommufd_pages_of_file(struct uiommu_uapi_process *process,
						   enum uapi_account account, int file,
						   uint64_t address, size_t count, bool writable)
{
	struct iommufd_pages *pages =
		uiommu_iommufd_pages_create(process, account, address, count, writable);

	if (pages)
		pages->file = file;
	return pages;
}

void uiommu_iommufd_pages_get(struct iommufd_pages *pages)
{
	pages->refs++;
}

/* Nothing is pinned, or was to be. */
static void drop_phys(struct iommufd_pages *pages)
{
	uiommu_iommufd_file_unmap(pages);
	if (pages->phys != &pages->phys_inline)
		uapi_free(pages->uapi, pages->phys, pages->count * sizeof(*pages->phys));
	pages->phys = NULL;
}

void uiommu_iommufd_pages_put(struct iommufd_pages *pages)
{
	if (--pages->refs)
		return;
	drop_phys(pages);
	uiommu_iommufd_file_close(pages);
	uapi_free(pages->uapi, pages->partial, pages->count * sizeof(*pages->partial));
	uiommu_uapi_process_put(pages->process);
	uapi_free(pages->uapi, pages, sizeof(*pages));
}

static bool is_pinned(const struct iommufd_pages *pages, size_t at)
{
	return pages->whole || (pages->partial && pages->partial[at]);
}

/* The pages that follow @at with the same answer to is_pinned(), up to @end. */
static size_t same_until(const struct iommufd_pages *pages, size_t at, size_t end)
{
	bool pinned = is_pinned(pages, at);

	if (!pages->partial)
		return end;
	while (at < end && is_pinned(pages, at) == pinned)
		at++;
	return at;
}

static int pin_run(struct iommufd_pages *pages, size_t at, size_t count)
{
	const uint64_t address = pages->file < 0 ? pages->address : pages->file_address;
	int rc = uiommu_uapi_charge(pages->process, pages->account, count, pages->exempt);

	if (rc)
		return rc;
	rc = uiommu_port_user_pin(pages->uapi->host, address + at * UAPI_PAGE, count,
				  pages->writable, pages->phys + at);
	if (rc)
		uiommu_uapi_uncharge(pages->process, pages->account, count);
	return rc;
}

static void unpin_run(struct iommufd_pages *pages, size_t at, size_t count)
{
	uiommu_port_user_unpin(pages->uapi->host, pages->phys + at, count);
	uiommu_uapi_uncharge(pages->process, pages->account, count);
}

/* What nobody uses in [first, end). */
static void unpin_unused(struct iommufd_pages *pages, size_t first, size_t end)
{
	for (size_t at = first; at < end;) {
		size_t next = same_until(pages, at, end);

		if (!is_pinned(pages, at))
			unpin_run(pages, at, next - at);
		at = next;
	}
}

static int pin_unused(struct iommufd_pages *pages, size_t first, size_t end)
{
	for (size_t at = first; at < end;) {
		size_t next = same_until(pages, at, end);
		int rc = is_pinned(pages, at) ? 0 : pin_run(pages, at, next - at);

		if (rc) {
			unpin_unused(pages, first, at);
			return rc;
		}
		at = next;
	}
	return 0;
}

static int make_room(struct iommufd_pages *pages, bool partial)
{
	if (!pages->phys)
		pages->phys = pages->count == 1 ?
				      &pages->phys_inline :
				      uapi_alloc(pages->uapi, pages->count * sizeof(*pages->phys));
	if (partial && pages->phys && !pages->partial)
		pages->partial = uapi_alloc(pages->uapi, pages->count * sizeof(*pages->partial));
	return pages->phys && (!partial || pages->partial) ? 0 : -UIOMMU_ENOMEM;
}

/* What is kept for users that there are none of. */
static void drop_unused(struct iommufd_pages *pages)
{
	if (!pages->num_partial && pages->partial) {
		uapi_free(pages->uapi, pages->partial, pages->count * sizeof(*pages->partial));
		pages->partial = NULL;
	}
	if (!pages->whole && !pages->num_partial)
		drop_phys(pages);
}

int uiommu_iommufd_pages_pin(struct iommufd_pages *pages, size_t first, size_t count)
{
	const bool whole = first == 0 && count == pages->count;
	int rc = make_room(pages, !whole);

	if (!rc && pages->file >= 0)
		rc = uiommu_iommufd_file_open(pages, first + count);
	if (!rc)
		rc = pin_unused(pages, first, first + count);
	if (rc) {
		drop_unused(pages);
		return rc;
	}
	if (whole) {
		pages->whole++;
		return 0;
	}
	pages->num_partial++;
	for (size_t i = first; i < first + count; i++)
		pages->partial[i]++;
	return 0;
}

void uiommu_iommufd_pages_unpin(struct iommufd_pages *pages, size_t first, size_t count)
{
	if (first == 0 && count == pages->count) {
		pages->whole--;
	} else {
		pages->num_partial--;
		for (size_t i = first; i < first + count; i++)
			pages->partial[i]--;
	}
	unpin_unused(pages, first, first + count);
	drop_unused(pages);
}

size_t uiommu_iommufd_pages_run(const struct iommufd_pages *pages, size_t at, size_t count)
{
	size_t run = 1;

	while (run < count && pages->phys[at + run] == pages->phys[at] + run * UAPI_PAGE)
		run++;
	return run;
}

static uint64_t num_pinned(const struct iommufd_pages *pages)
{
	uint64_t pinned = 0;

	if (pages->whole)
		return pages->count;
	for (size_t i = 0; pages->partial && i < pages->count; i++)
		pinned += pages->partial[i] > 0;
	return pinned;
}

int uiommu_iommufd_pages_charge_to(struct iommufd_pages *pages, struct uiommu_uapi_process *process,
				   bool exempt)
{
	int rc = uiommu_uapi_charge_move(pages->process, process, pages->account, num_pinned(pages),
					 exempt);

	if (rc)
		return rc;
	uiommu_uapi_process_get(process);
	uiommu_uapi_process_put(pages->process);
	pages->process = process;
	pages->exempt = exempt;
	return 0;
}
