/* SPDX-License-Identifier: MIT */
/* hwpt.c - domains of an iommufd context, and the areas of their address space in them */
#include "src/uapi/access.h"
#include "src/uapi/iommufd.h"

static size_t first_page(const struct iommufd_area *area)
{
	return area->offset / UAPI_PAGE;
}

static size_t num_pages(const struct iommufd_area *area)
{
	return (area->offset + (area->last - area->iova)) / UAPI_PAGE - first_page(area) + 1;
}

/* ---- areas in domains -------------------------------------------------------------------------- */

/* Whatever has a domain is made of whole pages: the IOAS's alignment sees to that. */
int uiommu_iommufd_area_map(const struct iommufd_area *area, struct iommufd_hwpt *hwpt)
{
	const size_t first = first_page(area), count = num_pages(area);
	const unsigned int prot = area->prot | UIOMMU_CACHE;

	for (size_t done = 0; done < count;) {
		size_t run =
			hwpt->ioas->small_pages ?
				1 :
				uiommu_iommufd_pages_run(area->pages, first + done, count - done);
		int rc = uiommu_map(hwpt->domain, area->iova + done * UAPI_PAGE,
				    area->pages->phys[first + done], run * UAPI_PAGE, prot);

		if (rc) {
			for (size_t at = 0; at < done;) {
				uint64_t gone = uiommu_unmap(hwpt->domain,
							     area->iova + at * UAPI_PAGE,
							     (done - at) * UAPI_PAGE);

				if (!gone)
					break;
				at += gone / UAPI_PAGE;
			}
			return rc;
		}
		done += run;
	}
	return 0;
}

void uiommu_iommufd_area_unmap(const struct iommufd_area *area, struct iommufd_hwpt *hwpt)
{
	uint64_t size = area->last - area->iova + 1;

	if (uiommu_unmap(hwpt->domain, area->iova, size) != size)
		uiommu_log(hwpt->object.ctx->uapi->host, UIOMMU_LOG_ERROR,
			   "iommufd: an area was not wholly mapped in a domain of its IOAS");
}

int uiommu_iommufd_area_fill(struct iommufd_ioas *ioas, struct iommufd_area *area)
{
	struct iommufd_hwpt *hwpt, *failed;
	int rc;

	if (!ioas->hwpts)
		return 0;
	rc = uiommu_iommufd_pages_pin(area->pages, first_page(area), num_pages(area));
	if (rc)
		return rc;
	for (hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		rc = uiommu_iommufd_area_map(area, hwpt);
		if (rc)
			break;
	}
	failed = hwpt;
	if (!rc) {
		area->mapped = true;
		return 0;
	}
	for (hwpt = ioas->hwpts; hwpt != failed; hwpt = hwpt->next)
		uiommu_iommufd_area_unmap(area, hwpt);
	uiommu_iommufd_pages_unpin(area->pages, first_page(area), num_pages(area));
	return rc;
}

void uiommu_iommufd_area_drain(struct iommufd_ioas *ioas, struct iommufd_area *area)
{
	if (!area->mapped)
		return;
	for (struct iommufd_hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		uiommu_iommufd_area_unmap(area, hwpt);
	/* No device reaches them any more. */
	uiommu_iommufd_pages_unpin(area->pages, first_page(area), num_pages(area));
	area->mapped = false;
}

/* Everything of the IOAS into its newest domain, which is the only one if @first. */
static int fill_domain(struct iommufd_ioas *ioas, struct iommufd_hwpt *hwpt, bool first)
{
	struct iommufd_area *area, *failed;
	int rc = 0;

	for (area = uiommu_iommufd_area_from(ioas, 0); area;
	     area = uiommu_iommufd_area_next(area)) {
		rc = first ? uiommu_iommufd_pages_pin(area->pages, first_page(area),
						      num_pages(area)) :
			     0;
		if (rc)
			break;
		rc = uiommu_iommufd_area_map(area, hwpt);
		if (rc) {
			if (first)
				uiommu_iommufd_pages_unpin(area->pages, first_page(area),
							   num_pages(area));
			break;
		}
		area->mapped = true;
	}
	failed = area;
	if (!rc)
		return 0;
	for (area = uiommu_iommufd_area_from(ioas, 0); area != failed;
	     area = uiommu_iommufd_area_next(area)) {
		uiommu_iommufd_area_unmap(area, hwpt);
		if (!first)
			continue;
		uiommu_iommufd_pages_unpin(area->pages, first_page(area), num_pages(area));
		area->mapped = false;
	}
	return rc;
}

/* ---- domains and the limits that they set ------------------------------------------------------ */

static uint64_t granule(const struct uiommu_domain *domain)
{
	uint64_t sizes = uiommu_domain_pgsizes(domain);

	return sizes & -sizes;
}

void uiommu_iommufd_ioas_update_alignment(struct iommufd_ioas *ioas)
{
	/* Entries of one page each can only show whole ones. */
	ioas->alignment = ioas->small_pages ? UAPI_PAGE : 1;
	for (const struct iommufd_hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		uint64_t size = granule(hwpt->domain);

		/* A domain with smaller pages still gets whole ones: that is what can be pinned. */
		if (size < UAPI_PAGE)
			size = UAPI_PAGE;
		if (ioas->alignment < size)
			ioas->alignment = size;
	}
	/* Accesses that pin do so by pages. */
	for (const struct iommufd_access *access = ioas->accesses; access; access = access->next) {
		if (access->ops->needs_pin && ioas->alignment < UAPI_PAGE)
			ioas->alignment = UAPI_PAGE;
	}
}

int uiommu_iommufd_ioas_check_alignment(struct iommufd_ioas *ioas, uint64_t alignment)
{
	for (struct iommufd_area *area = uiommu_iommufd_area_from(ioas, 0); area;
	     area = uiommu_iommufd_area_next(area)) {
		if ((area->iova | (area->last + 1) | area->offset) & (alignment - 1))
			return -UIOMMU_EADDRINUSE;
		if (area->busy)
			return -UIOMMU_EBUSY;
	}
	return 0;
}

/* What the domain cannot express is reserved in its name. */
static int reserve_outside(struct iommufd_ioas *ioas, struct iommufd_hwpt *hwpt)
{
	struct uiommu_geometry geometry;
	uint64_t from = 0;
	int rc = 0;

	uiommu_domain_geometry(hwpt->domain, &geometry);
	for (unsigned int i = 0; i < geometry.ranges && !rc; i++) {
		if (geometry.range[i].start > from)
			rc = uiommu_iommufd_reserve(ioas, from, geometry.range[i].start - 1, hwpt);
		from = geometry.range[i].last + 1;
	}
	if (!rc && from)
		rc = uiommu_iommufd_reserve(ioas, from, UINT64_MAX, hwpt);
	if (rc)
		uiommu_iommufd_unreserve(ioas, hwpt);
	return rc;
}

static void hwpt_free(struct iommufd_hwpt *hwpt)
{
	uiommu_domain_free(hwpt->domain);
	if (hwpt->fault)
		hwpt->fault->users--;
	uapi_free(hwpt->object.ctx->uapi, hwpt, sizeof(*hwpt));
}

static void leave_ioas(struct iommufd_hwpt *hwpt)
{
	struct iommufd_ioas *ioas = hwpt->ioas;
	struct iommufd_hwpt **link = &ioas->hwpts;

	while (*link != hwpt)
		link = &(*link)->next;
	*link = hwpt->next;
	uiommu_iommufd_unreserve(ioas, hwpt);
	uiommu_iommufd_ioas_update_alignment(ioas);
	ioas->object.users--;
}

static void paging_destroy(struct iommufd_object *object)
{
	struct iommufd_hwpt *hwpt = iommufd_to_hwpt(object);
	struct iommufd_ioas *ioas = hwpt->ioas;

	leave_ioas(hwpt);
	uiommu_domain_free(hwpt->domain);
	hwpt->domain = NULL;
	/* The last domain has gone, and with it the reason to pin. */
	for (struct iommufd_area *area = ioas->hwpts ? NULL : uiommu_iommufd_area_from(ioas, 0);
	     area; area = uiommu_iommufd_area_next(area)) {
		uiommu_iommufd_pages_unpin(area->pages, first_page(area), num_pages(area));
		area->mapped = false;
	}
	hwpt_free(hwpt);
}

int uiommu_iommufd_hwpt_create(struct iommufd_ioas *ioas, struct iommufd_device *device,
			       unsigned int alloc_flags, bool automatic, struct iommufd_hwpt **out)
{
	struct iommufd *ctx = ioas->object.ctx;
	struct iommufd_hwpt *hwpt = uapi_alloc(ctx->uapi, sizeof(*hwpt)), **link = &ioas->hwpts;
	int rc;

	*out = NULL;
	if (!hwpt)
		return -UIOMMU_ENOMEM;
	hwpt->object.ctx = ctx;
	hwpt->ioas = ioas;
	hwpt->automatic = automatic;
	hwpt->nest_parent = alloc_flags & UIOMMU_ALLOC_NEST_PARENT;
	hwpt->pasid = alloc_flags & UIOMMU_ALLOC_PASID;
	rc = uiommu_domain_alloc_paging(device->dev, alloc_flags, &hwpt->domain);
	if (rc)
		goto err_free;
	if (uiommu_device_capable(device->dev, UIOMMU_CAP_ENFORCE_CACHE_COHERENCY))
		hwpt->enforces = uiommu_enforce_cache_coherency(hwpt->domain);
	rc = granule(hwpt->domain) > UAPI_PAGE ?
		     -UIOMMU_EINVAL :
		     uiommu_iommufd_ioas_check_alignment(ioas, UAPI_PAGE);
	if (!rc)
		rc = reserve_outside(ioas, hwpt);
	if (rc)
		goto err_free;
	while (*link)
		link = &(*link)->next;
	*link = hwpt;
	ioas->object.users++;
	uiommu_iommufd_ioas_update_alignment(ioas);
	rc = fill_domain(ioas, hwpt, ioas->hwpts == hwpt);
	if (rc)
		goto err_leave;
	rc = uiommu_iommufd_object_add(ctx, &hwpt->object, IOMMUFD_HWPT_PAGING, paging_destroy);
	if (rc) {
		paging_destroy(&hwpt->object);
		return rc;
	}
	*out = hwpt;
	return 0;
err_leave:
	leave_ioas(hwpt);
err_free:
	hwpt_free(hwpt);
	return rc;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int check_data(const struct abi_iommu_hwpt_alloc *arg)
{
	if (arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	if ((arg->data_type == ABI_IOMMU_HWPT_DATA_NONE) != !arg->data_len)
		return -UIOMMU_EINVAL;
	return 0;
}

static int alloc_paging(struct iommufd_ioas *ioas, struct iommufd_device *device,
			const struct abi_iommu_hwpt_alloc *arg, struct iommufd_hwpt **out)
{
	const uint32_t known = ABI_IOMMU_HWPT_ALLOC_NEST_PARENT |
			       ABI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING | ABI_IOMMU_HWPT_FAULT_ID_VALID |
			       ABI_IOMMU_HWPT_ALLOC_PASID;
	unsigned int flags = 0;

	if (arg->flags & ~known || arg->data_len)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->flags & ABI_IOMMU_HWPT_ALLOC_DIRTY_TRACKING) {
		if (!uiommu_device_capable(device->dev, UIOMMU_CAP_DIRTY_TRACKING))
			return -UIOMMU_EOPNOTSUPP;
		flags |= UIOMMU_ALLOC_DIRTY_TRACKING;
	}
	if (arg->flags & ABI_IOMMU_HWPT_ALLOC_NEST_PARENT) {
		if (arg->flags & ABI_IOMMU_HWPT_FAULT_ID_VALID)
			return -UIOMMU_EOPNOTSUPP;
		flags |= UIOMMU_ALLOC_NEST_PARENT;
	}
	if (arg->flags & ABI_IOMMU_HWPT_ALLOC_PASID)
		flags |= UIOMMU_ALLOC_PASID;
	return uiommu_iommufd_hwpt_create(ioas, device, flags, false, out);
}

int uiommu_iommufd_cmd_hwpt_alloc(struct iommufd_command *command)
{
	struct abi_iommu_hwpt_alloc *arg = command->argument;
	struct iommufd_object *device, *pt;
	struct iommufd_hwpt *hwpt = NULL;
	int rc = check_data(arg);

	if (rc)
		return rc;
	device = uiommu_iommufd_object_find(command->ctx, arg->dev_id, IOMMUFD_DEVICE);
	if (!device)
		return -UIOMMU_ENOENT;
	pt = uiommu_iommufd_object_find(command->ctx, arg->pt_id, IOMMUFD_ANY);
	if (!pt)
		return -UIOMMU_EINVAL;
	if (pt->type == IOMMUFD_IOAS)
		rc = alloc_paging(iommufd_to_ioas(pt), iommufd_to_device(device), arg, &hwpt);
	else if (pt->type == IOMMUFD_HWPT_PAGING)
		rc = uiommu_iommufd_nested_alloc(iommufd_to_hwpt(pt), iommufd_to_device(device),
						 arg, &hwpt);
	else if (pt->type == IOMMUFD_VIOMMU)
		rc = uiommu_iommufd_viommu_nested_alloc(pt, iommufd_to_device(device), arg, &hwpt);
	else
		rc = -UIOMMU_EINVAL;
	if (!rc && arg->flags & ABI_IOMMU_HWPT_FAULT_ID_VALID)
		rc = uiommu_iommufd_fault_use(hwpt, arg->fault_id);
	if (!rc) {
		arg->out_hwpt_id = hwpt->object.id;
		rc = uiommu_iommufd_copy_back(command);
	}
	if (rc && hwpt)
		uiommu_iommufd_object_destroy(&hwpt->object);
	return rc;
}

static struct iommufd_hwpt *find_paging(const struct iommufd_command *command, uint32_t id)
{
	return iommufd_to_hwpt(uiommu_iommufd_object_find(command->ctx, id, IOMMUFD_HWPT_PAGING));
}

int uiommu_iommufd_cmd_hwpt_set_dirty_tracking(struct iommufd_command *command)
{
	const struct abi_iommu_hwpt_set_dirty_tracking *arg = command->argument;
	struct iommufd_hwpt *hwpt;

	if (arg->flags & ~(uint32_t)ABI_IOMMU_HWPT_DIRTY_TRACKING_ENABLE)
		return -UIOMMU_EOPNOTSUPP;
	hwpt = find_paging(command, arg->hwpt_id);
	if (!hwpt)
		return -UIOMMU_ENOENT;
	return uiommu_set_dirty_tracking(hwpt->domain,
					 arg->flags & ABI_IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
}

/* Areas are looked at one by one; bits are ORed into the program's bitmap through a buffer of 4096 of them. */
#define DIRTY_WORDS 64u

struct dirty_read {
	struct iommufd *ctx;
	struct iommufd_hwpt *hwpt;
	const struct abi_iommu_hwpt_get_dirty_bitmap *arg;
	uint64_t page; /* bytes that a bit stands for */
	unsigned int flags;
};

/* Bits [first, first + count) of the program's bitmap; a page of it that is not there is passed over. */
static void dirty_merge(const struct dirty_read *read, uint64_t first, uint64_t count,
			const uint64_t *bits)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t bit = first + i;
		uint8_t byte;

		if (!(bits[i / 64] >> (i % 64) & 1))
			continue;
		if (uapi_read_user(read->ctx->uapi, &byte, read->arg->data + bit / 8, 1))
			continue;
		byte |= (uint8_t)(1u << (bit % 8));
		uapi_write_user(read->ctx->uapi, read->arg->data + bit / 8, &byte, 1);
	}
}

static void dirty_range(const struct dirty_read *read, uint64_t start, uint64_t last)
{
	const uint64_t step = read->page > UAPI_PAGE ? read->page : UAPI_PAGE;

	while (start <= last) {
		uint64_t words[DIRTY_WORDS] = { 0 };
		uint64_t span = step * DIRTY_WORDS * 64, size = last - start + 1;
		struct uiommu_dirty_bitmap bitmap = {
			.iova = start & ~(step - 1),
			.page_size = step,
			.num_bits = DIRTY_WORDS * 64,
			.bits = words,
		};

		if (size > bitmap.iova + span - start)
			size = bitmap.iova + span - start;
		/* The ABI swallows what goes wrong in here. */
		uiommu_read_and_clear_dirty(read->hwpt->domain, start, size, read->flags, &bitmap);
		dirty_merge(read, (bitmap.iova - read->arg->iova) / step, DIRTY_WORDS * 64, words);
		if (last - start < size)
			break;
		start += size;
	}
}

int uiommu_iommufd_cmd_hwpt_get_dirty_bitmap(struct iommufd_command *command)
{
	const struct abi_iommu_hwpt_get_dirty_bitmap *arg = command->argument;
	struct dirty_read read = { .ctx = command->ctx, .arg = arg };
	struct iommufd_area *area;
	uint64_t last;

	if (arg->flags & ~(uint32_t)ABI_IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR || arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	read.hwpt = find_paging(command, arg->hwpt_id);
	if (!read.hwpt)
		return -UIOMMU_ENOENT;
	last = arg->iova + arg->length - 1;
	if (last < arg->iova)
		return -UIOMMU_EOVERFLOW;
	read.page = arg->page_size & -arg->page_size;
	if (!read.page || (arg->iova | (last + 1)) & (read.hwpt->ioas->alignment - 1) ||
	    (arg->iova | (last + 1)) & (read.page - 1))
		return -UIOMMU_EINVAL;
	if (!read.hwpt->domain->ops->read_and_clear_dirty)
		return -UIOMMU_EOPNOTSUPP;
	read.flags = arg->flags & ABI_IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR ? UIOMMU_DIRTY_NO_CLEAR :
									     0;
	for (area = uiommu_iommufd_area_from(read.hwpt->ioas, arg->iova);
	     area && area->iova <= last; area = uiommu_iommufd_area_next(area))
		dirty_range(&read, area->iova > arg->iova ? area->iova : arg->iova,
			    area->last < last ? area->last : last);
	return 0;
}
