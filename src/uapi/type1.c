/* SPDX-License-Identifier: MIT */
/*
 * type1.c - mappings of a container: MAP_DMA and UNMAP_DMA, of both versions
 *
 * The order of the checks is the ABI's.  Ranges are compared by their last byte: one may end with the last byte of
 * the address space.
 *
 * An unmap takes everything out of all domains first, then invalidates once for each domain, and only then lets
 * the pages go.  Version 2 removes what lies wholly inside of the range.  Version 1 is older: it ends at the first
 * mapping that begins before the range, and takes every other one as a whole, even what lies behind the range.
 */
#include "src/uapi/container.h"

/* How often a mediated device is asked to let go of pages. */
#define REVOKE_TRIES 10u
/* Programs have their memory below this: no list of pages is made for what cannot be there. */
#define USER_BITS 48

static int compare(const struct type1_mapping *a, const struct type1_mapping *b)
{
	return a->iova < b->iova ? -1 : a->iova > b->iova;
}

RB_PROTOTYPE_INTERNAL(type1_mappings, type1_mapping, node, compare, static __attribute__((unused)));
RB_GENERATE_INTERNAL(type1_mappings, type1_mapping, node, compare, static __attribute__((unused)))

struct type1_mapping *uiommu_type1_from(struct type1 *t, uint64_t iova)
{
	struct type1_mapping *mapping = RB_ROOT(&t->mappings), *best = NULL;

	while (mapping) {
		if (mapping->last < iova) {
			mapping = RB_RIGHT(mapping, node);
		} else {
			best = mapping;
			mapping = RB_LEFT(mapping, node);
		}
	}
	return best;
}

struct type1_mapping *uiommu_type1_next(struct type1_mapping *mapping)
{
	return RB_NEXT(type1_mappings, NULL, mapping);
}

/* ---- domains ----------------------------------------------------------------------------------- */

/* Into its gather: nothing is invalidated yet. */
static void take_out(struct type1 *t, const struct type1_mapping *mapping,
		     struct type1_domain *domain, size_t pages)
{
	if (pages && uiommu_unmap_gather(domain->domain, mapping->iova, pages * UAPI_PAGE,
					 &domain->gather) != pages * UAPI_PAGE)
		uiommu_log(t->uapi->host, UIOMMU_LOG_ERROR,
			   "type1: a mapping was not wholly in a domain of its container");
}

static void sync_domains(struct type1 *t)
{
	for (struct type1_domain *d = t->domains; d; d = d->next)
		uiommu_iotlb_sync(d->domain, &d->gather);
}

static int map_runs(struct type1 *t, const struct type1_mapping *mapping,
		    struct type1_domain *domain)
{
	const struct iommufd_pages *pages = mapping->pages;
	const uint64_t sizes = uiommu_domain_pgsizes(domain->domain), least = sizes & -sizes;
	size_t most = pages->count;

	if (uapi_option(&t->uapi->config.disable_hugepages))
		most = least > UAPI_PAGE ? least / UAPI_PAGE : 1;
	for (size_t done = 0; done < pages->count;) {
		size_t left = pages->count - done;
		size_t run = uiommu_iommufd_pages_run(pages, done, left < most ? left : most);
		int rc = uiommu_map(domain->domain, mapping->iova + done * UAPI_PAGE,
				    pages->phys[done], run * UAPI_PAGE,
				    mapping->prot | UIOMMU_CACHE);

		if (rc) {
			take_out(t, mapping, domain, done);
			uiommu_iotlb_sync(domain->domain, &domain->gather);
			/* Pages of a program that a domain with larger ones cannot express. */
			return rc == -UIOMMU_ENXIO ? -UIOMMU_EINVAL : rc;
		}
		done += run;
	}
	return 0;
}

static int pin(struct type1_mapping *mapping)
{
	const struct iommufd_pages *pages = mapping->pages;

	if ((pages->address + (pages->count - 1) * UAPI_PAGE) >> USER_BITS)
		return -UIOMMU_EFAULT;
	return uiommu_iommufd_pages_pin(mapping->pages, 0, pages->count);
}

int uiommu_type1_fill_domain(struct type1 *t, struct type1_mapping *mapping,
			     struct type1_domain *domain, bool first)
{
	int rc = first ? pin(mapping) : 0;

	if (rc)
		return rc;
	rc = map_runs(t, mapping, domain);
	if (rc && first)
		uiommu_iommufd_pages_unpin(mapping->pages, 0, mapping->pages->count);
	return rc;
}

int uiommu_type1_fill(struct type1 *t, struct type1_mapping *mapping)
{
	struct type1_domain *domain, *failed;
	int rc;

	if (!t->domains)
		return 0;
	rc = pin(mapping);
	if (rc)
		return rc;
	for (domain = t->domains; domain; domain = domain->next) {
		rc = map_runs(t, mapping, domain);
		if (rc)
			break;
	}
	failed = domain;
	if (!rc) {
		mapping->mapped = true;
		return 0;
	}
	for (domain = t->domains; domain != failed; domain = domain->next)
		take_out(t, mapping, domain, mapping->pages->count);
	sync_domains(t);
	uiommu_iommufd_pages_unpin(mapping->pages, 0, mapping->pages->count);
	return rc;
}

/* ---- the end of mappings ----------------------------------------------------------------------- */

/* No device reaches it any more. */
static void mapping_free(struct type1 *t, struct type1_mapping *mapping)
{
	if (mapping->mapped)
		uiommu_iommufd_pages_unpin(mapping->pages, 0, mapping->pages->count);
	uiommu_type1_forget(t, mapping);
	uiommu_iommufd_pages_put(mapping->pages);
	uapi_free(t->uapi, mapping, sizeof(*mapping));
}

/* Out of the tree and of all domains; what is left is to invalidate and to free. */
static void remove_mapping(struct type1 *t, struct type1_mapping *mapping,
			   struct type1_mapping **removed)
{
	RB_REMOVE(type1_mappings, &t->mappings, mapping);
	t->available++;
	t->num_stale -= mapping->stale;
	if (mapping->mapped) {
		for (struct type1_domain *d = t->domains; d; d = d->next)
			take_out(t, mapping, d, mapping->pages->count);
	}
	mapping->next_removed = *removed;
	*removed = mapping;
}

static void free_removed(struct type1 *t, struct type1_mapping *removed)
{
	sync_domains(t);
	while (removed) {
		struct type1_mapping *next = removed->next_removed;

		mapping_free(t, removed);
		removed = next;
	}
}

void uiommu_type1_open(struct vfio_container *container, bool v2)
{
	const uint32_t limit =
		__atomic_load_n(&container->uapi->config.dma_entry_limit, __ATOMIC_RELAXED);

	container->type1 = (struct type1){
		.uapi = container->uapi,
		.v2 = v2,
		.available = limit ? limit : 65535,
		.page = UAPI_PAGE,
		.pgsizes = ~(UAPI_PAGE - 1),
	};
	RB_INIT(&container->type1.mappings);
}

/* What a device that is closed by now has never unpinned. */
static void drop_pins(struct type1 *t, struct type1_mapping *mapping)
{
	if (!mapping->pins)
		return;
	uiommu_log(t->uapi->host, UIOMMU_LOG_WARN,
		   "type1: %zu pages at 0x%llx are still pinned by a mediated device",
		   mapping->pins, (unsigned long long)mapping->iova);
	for (size_t page = 0; page < mapping->pages->count; page++) {
		for (; uiommu_type1_is_pinned(mapping, page); mapping->pins--)
			uiommu_iommufd_pages_unpin(mapping->pages, page, 1);
	}
}

void uiommu_type1_close(struct vfio_container *container)
{
	struct type1 *t = &container->type1;
	struct type1_mapping *mapping, *removed = NULL;

	while ((mapping = RB_MIN(type1_mappings, &t->mappings))) {
		drop_pins(t, mapping);
		remove_mapping(t, mapping, &removed);
	}
	free_removed(t, removed);
	uapi_free(t->uapi, t->ranges, t->max_ranges * sizeof(*t->ranges));
	*t = (struct type1){ 0 };
}

/* ---- MAP_DMA ----------------------------------------------------------------------------------- */

static int check_map(const struct type1 *t, const struct abi_vfio_iommu_type1_dma_map *arg)
{
	const uint32_t access = ABI_VFIO_DMA_MAP_FLAG_READ | ABI_VFIO_DMA_MAP_FLAG_WRITE;

	if (arg->argsz < sizeof(*arg) || arg->flags & ~(access | ABI_VFIO_DMA_MAP_FLAG_VADDR))
		return -UIOMMU_EINVAL;
	if (!arg->size)
		return -UIOMMU_EINVAL;
	if (arg->iova > UINT64_MAX - (arg->size - 1) || arg->vaddr > UINT64_MAX - (arg->size - 1))
		return -UIOMMU_EOVERFLOW;
	if (!(arg->flags & access) == !(arg->flags & ABI_VFIO_DMA_MAP_FLAG_VADDR))
		return -UIOMMU_EINVAL;
	if ((arg->iova | arg->vaddr | arg->size) & (t->page - 1))
		return -UIOMMU_EINVAL;
	return 0;
}

static bool is_valid_range(const struct type1 *t, uint64_t iova, uint64_t last)
{
	for (size_t i = 0; i < t->num_ranges; i++) {
		if (iova >= t->ranges[i].start && last <= t->ranges[i].last)
			return true;
	}
	return !t->num_ranges;
}

/* The program's memory, which it is also charged for, is somewhere else from now on: another process's, maybe. */
static int set_address(struct type1 *t, struct type1_mapping *mapping,
		       struct uiommu_uapi_process *caller, uint64_t address)
{
	struct iommufd_pages *pages = mapping->pages;
	const bool exempt = uapi_capable(caller, UIOMMU_UAPI_CAP_IPC_LOCK);
	int rc = 0;

	if (pages->process != caller && mapping->mapped) {
		rc = uiommu_uapi_charge(caller, pages->account, pages->count, exempt);
		if (!rc)
			uiommu_uapi_uncharge(pages->process, pages->account, pages->count);
	}
	if (rc)
		return rc;
	if (pages->process != caller) {
		uiommu_uapi_process_get(caller);
		uiommu_uapi_process_put(pages->process);
		pages->process = caller;
		pages->exempt = exempt;
	}
	pages->address = address;
	mapping->stale = false;
	t->num_stale--;
	return 0;
}

static int create_mapping(struct type1 *t, struct uiommu_uapi_process *caller,
			  const struct abi_vfio_iommu_type1_dma_map *arg)
{
	struct type1_mapping *mapping = uapi_alloc(t->uapi, sizeof(*mapping));
	int rc;

	if (!mapping)
		return -UIOMMU_ENOMEM;
	mapping->iova = arg->iova;
	mapping->last = arg->iova + arg->size - 1;
	mapping->prot = (arg->flags & ABI_VFIO_DMA_MAP_FLAG_READ ? UIOMMU_READ : 0) |
			(arg->flags & ABI_VFIO_DMA_MAP_FLAG_WRITE ? UIOMMU_WRITE : 0);
	mapping->pages = uiommu_iommufd_pages_create(caller, UAPI_ACCOUNT_PROCESS, arg->vaddr,
						     arg->size / UAPI_PAGE,
						     mapping->prot & UIOMMU_WRITE);
	rc = mapping->pages ? 0 : -UIOMMU_ENOMEM;
	if (!rc && t->tracking)
		rc = uiommu_type1_record(t, mapping);
	if (!rc)
		rc = uiommu_type1_fill(t, mapping);
	if (rc)
		goto err;
	RB_INSERT(type1_mappings, &t->mappings, mapping);
	t->available--;
	return 0;
err:
	uiommu_type1_forget(t, mapping);
	if (mapping->pages)
		uiommu_iommufd_pages_put(mapping->pages);
	uapi_free(t->uapi, mapping, sizeof(*mapping));
	return rc;
}

long uiommu_type1_map(struct vfio_container *container, struct uiommu_uapi_process *caller,
		      const struct abi_vfio_iommu_type1_dma_map *arg)
{
	struct type1 *t = &container->type1;
	struct type1_mapping *there;
	uint64_t last;
	int rc = check_map(t, arg);

	if (rc)
		return rc;
	last = arg->iova + arg->size - 1;
	there = uiommu_type1_from(t, arg->iova);
	if (there && there->iova > last)
		there = NULL;
	if (arg->flags & ABI_VFIO_DMA_MAP_FLAG_VADDR) {
		if (!there)
			return -UIOMMU_ENOENT;
		if (!there->stale || there->iova != arg->iova || there->last != last)
			return -UIOMMU_EINVAL;
		return set_address(t, there, caller, arg->vaddr);
	}
	if (there)
		return -UIOMMU_EEXIST;
	if (!t->available)
		return -UIOMMU_ENOSPC;
	if (!is_valid_range(t, arg->iova, last))
		return -UIOMMU_EINVAL;
	return create_mapping(t, caller, arg);
}

/* ---- UNMAP_DMA --------------------------------------------------------------------------------- */

static int check_unmap(const struct vfio_container *container,
		       const struct abi_vfio_iommu_type1_dma_unmap *arg,
		       const struct abi_vfio_bitmap *bitmap)
{
	const struct type1 *t = &container->type1;

	if (arg->flags & ABI_VFIO_DMA_UNMAP_FLAG_VADDR && container_emulated(container))
		return -UIOMMU_EBUSY;
	if (arg->iova & (t->page - 1))
		return -UIOMMU_EINVAL;
	if (arg->flags & ABI_VFIO_DMA_UNMAP_FLAG_ALL)
		return arg->iova || arg->size ? -UIOMMU_EINVAL : 0;
	if (!arg->size || arg->size & (t->page - 1))
		return -UIOMMU_EINVAL;
	if (arg->iova > UINT64_MAX - (arg->size - 1))
		return -UIOMMU_EOVERFLOW;
	if (bitmap && (!t->tracking || bitmap->pgsize != t->page))
		return -UIOMMU_EINVAL;
	return 0;
}

/* Does a mapping continue across the edge of the range, at its beginning or behind its end? */
static bool bisects(struct type1 *t, uint64_t iova, uint64_t last)
{
	const struct type1_mapping *mapping = uiommu_type1_from(t, iova);

	if (mapping && mapping->iova < iova)
		return true;
	mapping = uiommu_type1_from(t, last);
	return mapping && mapping->iova <= last && mapping->last > last;
}

/* What an unmap of [iova, last] concerns at or behind @at, by the version's rules. */
static struct type1_mapping *concerned(struct type1 *t, uint64_t iova, uint64_t last,
				       struct type1_mapping *mapping)
{
	if (!mapping || mapping->iova > last || mapping->iova < iova)
		return NULL;
	return t->v2 && mapping->last > last ? NULL : mapping;
}

/* Invalidates or, if one was that already, leaves all as they were. */
static int take_back(struct type1 *t, uint64_t iova, uint64_t last, uint64_t *bytes)
{
	struct type1_mapping *first = concerned(t, iova, last, uiommu_type1_from(t, iova)), *m;

	for (m = first; m; m = concerned(t, iova, last, uiommu_type1_next(m))) {
		if (m->stale)
			return -UIOMMU_EINVAL;
	}
	for (m = first; m; m = concerned(t, iova, last, uiommu_type1_next(m))) {
		m->stale = true;
		t->num_stale++;
		*bytes += m->last - m->iova + 1;
	}
	return 0;
}

/* No mediated device keeps a page in the range, or one that was asked often enough still does. */
static int revoke_range(struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct type1 *t = &container->type1;
	struct type1_mapping *m = concerned(t, iova, last, uiommu_type1_from(t, iova));
	unsigned int tries = 0;
	uint64_t asked = 0;

	while (m) {
		uint64_t start = m->iova;

		if (!m->pins) {
			m = concerned(t, iova, last, uiommu_type1_next(m));
			continue;
		}
		tries = asked == start ? tries : 0;
		asked = start;
		if (tries++ == REVOKE_TRIES) {
			uiommu_log(
				t->uapi->host, UIOMMU_LOG_WARN,
				"type1: a mediated device keeps %zu pages at 0x%llx, asked %u times",
				m->pins, (unsigned long long)start, REVOKE_TRIES);
			return -UAPI_EDEADLK;
		}
		uiommu_type1_revoke(container, start, m->last);
		/* Whatever was here may have gone. */
		m = concerned(t, iova, last, uiommu_type1_from(t, start));
	}
	return 0;
}

static int report_range(struct type1 *t, uint64_t iova, uint64_t last,
			const struct abi_vfio_bitmap *bitmap)
{
	struct type1_mapping *m = concerned(t, iova, last, uiommu_type1_from(t, iova));
	int rc = 0;

	for (; m && !rc; m = concerned(t, iova, last, uiommu_type1_next(m)))
		rc = uiommu_type1_report(t, m, iova, bitmap);
	return rc;
}

static uint64_t remove_range(struct type1 *t, uint64_t iova, uint64_t last)
{
	struct type1_mapping *m = concerned(t, iova, last, uiommu_type1_from(t, iova)), *next;
	struct type1_mapping *removed = NULL;
	uint64_t bytes = 0;

	for (; m; m = next) {
		next = concerned(t, iova, last, uiommu_type1_next(m));
		/* Pinned since it was last looked at, by a device that goes on. */
		if (m->pins)
			continue;
		bytes += m->last - m->iova + 1;
		remove_mapping(t, m, &removed);
	}
	free_removed(t, removed);
	return bytes;
}

long uiommu_type1_unmap(struct vfio_container *container,
			struct abi_vfio_iommu_type1_dma_unmap *arg,
			const struct abi_vfio_bitmap *bitmap)
{
	struct type1 *t = &container->type1;
	const bool all = arg->flags & ABI_VFIO_DMA_UNMAP_FLAG_ALL;
	uint64_t last, bytes = 0;
	int rc = check_unmap(container, arg, bitmap);

	if (rc)
		return rc;
	last = all ? UINT64_MAX : arg->iova + arg->size - 1;
	if (t->v2 && bisects(t, arg->iova, last))
		return -UIOMMU_EINVAL;
	if (arg->flags & ABI_VFIO_DMA_UNMAP_FLAG_VADDR) {
		rc = take_back(t, arg->iova, last, &bytes);
	} else {
		rc = revoke_range(container, arg->iova, last);
		if (!rc && bitmap)
			rc = report_range(t, arg->iova, last, bitmap);
		if (!rc)
			bytes = remove_range(t, arg->iova, last);
	}
	if (!rc)
		arg->size = bytes;
	return rc;
}
