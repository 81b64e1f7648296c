/* SPDX-License-Identifier: MIT */
/*
 * ioas.c - address spaces of an iommufd context: what is mapped where, and the commands that say so
 *
 * The order of the checks is the ABI's: a program that makes two mistakes at once is told the same one.
 */
#include "src/uapi/access.h"
#include "src/uapi/iommufd.h"

static void ioas_destroy(struct iommufd_object *object)
{
	struct iommufd_ioas *ioas = iommufd_to_ioas(object);
	struct iommufd *ctx = object->ctx;
	uint64_t unmapped;

	if (ctx->vfio_ioas == ioas)
		ctx->vfio_ioas = NULL;
	uiommu_iommufd_ioas_unmap(ioas, 0, UINT64_MAX, &unmapped);
	uapi_free(ctx->uapi, ioas->allowed, ioas->num_allowed * sizeof(*ioas->allowed));
	uapi_free(ctx->uapi, ioas, sizeof(*ioas));
}

int uiommu_iommufd_ioas_create(struct iommufd *ctx, struct iommufd_ioas **out)
{
	struct iommufd_ioas *ioas = uapi_alloc(ctx->uapi, sizeof(*ioas));
	int rc;

	*out = NULL;
	if (!ioas)
		return -UIOMMU_ENOMEM;
	RB_INIT(&ioas->areas);
	ioas->alignment = 1;
	rc = uiommu_iommufd_object_add(ctx, &ioas->object, IOMMUFD_IOAS, ioas_destroy);
	if (rc) {
		uapi_free(ctx->uapi, ioas, sizeof(*ioas));
		return rc;
	}
	*out = ioas;
	return 0;
}

static struct iommufd_ioas *find(const struct iommufd_command *command, uint32_t id)
{
	return iommufd_to_ioas(uiommu_iommufd_object_find(command->ctx, id, IOMMUFD_IOAS));
}

/* ---- areas ------------------------------------------------------------------------------------- */

static void area_free(struct iommufd_ioas *ioas, struct iommufd_area *area)
{
	uiommu_iommufd_pages_put(area->pages);
	uapi_free(ioas->object.ctx->uapi, area, sizeof(*area));
}

static int check_fixed(struct iommufd_ioas *ioas, uint64_t iova, uint64_t length)
{
	const struct iommufd_area *area;

	if (iova & (ioas->alignment - 1))
		return -UIOMMU_EINVAL;
	if (iova > UINT64_MAX - (length - 1))
		return -UIOMMU_EOVERFLOW;
	if (uiommu_iommufd_is_reserved(ioas, iova, iova + length - 1))
		return -UIOMMU_EINVAL;
	area = uiommu_iommufd_area_from(ioas, iova);
	return area && area->iova <= iova + length - 1 ? -UIOMMU_EEXIST : 0;
}

int uiommu_iommufd_ioas_map_pages(struct iommufd_ioas *ioas, struct iommufd_pages *pages,
				  uint64_t offset, uint64_t length, unsigned int prot, bool fixed,
				  uint64_t *iova)
{
	struct iommufd_area *area;
	int rc;

	if (length & (ioas->alignment - 1))
		return -UIOMMU_EINVAL;
	rc = fixed ? check_fixed(ioas, *iova, length) :
		     uiommu_iommufd_find_place(ioas, length, pages->address + offset, iova);
	if (rc)
		return rc;
	if (offset & (ioas->alignment - 1))
		return -UIOMMU_EINVAL;
	area = uapi_alloc(ioas->object.ctx->uapi, sizeof(*area));
	if (!area)
		return -UIOMMU_ENOMEM;
	area->iova = *iova;
	area->last = *iova + length - 1;
	area->pages = pages;
	area->offset = offset;
	area->prot = prot;
	rc = uiommu_iommufd_area_fill(ioas, area);
	if (rc) {
		uapi_free(ioas->object.ctx->uapi, area, sizeof(*area));
		return rc;
	}
	uiommu_iommufd_area_insert(ioas, area);
	return 0;
}

int uiommu_iommufd_ioas_map_user(struct iommufd_ioas *ioas, struct uiommu_uapi_process *process,
				 uint64_t address, uint64_t length, unsigned int prot, bool fixed,
				 uint64_t *iova)
{
	const uint64_t offset = address & (UAPI_PAGE - 1);
	struct iommufd_pages *pages;
	int rc;

	if (address > UINT64_MAX - length)
		return -UIOMMU_EOVERFLOW;
	if (!length || length > UINT64_MAX - UAPI_PAGE)
		return -UIOMMU_EINVAL;
	pages = uiommu_iommufd_pages_create(process, ioas->object.ctx->account, address - offset,
					    (offset + length + UAPI_PAGE - 1) / UAPI_PAGE,
					    prot & UIOMMU_WRITE);
	if (!pages)
		return -UIOMMU_ENOMEM;
	rc = uiommu_iommufd_ioas_map_pages(ioas, pages, offset, length, prot, fixed, iova);
	if (rc)
		uiommu_iommufd_pages_put(pages);
	return rc;
}

int uiommu_iommufd_ioas_unmap(struct iommufd_ioas *ioas, uint64_t iova, uint64_t last,
			      uint64_t *unmapped)
{
	const bool everything = iova == 0 && last == UINT64_MAX;
	struct iommufd_area *area;
	int rc;

	*unmapped = 0;
	while ((area = uiommu_iommufd_area_from(ioas, iova)) && area->iova <= last) {
		if (area->iova < iova || area->last > last)
			return -UIOMMU_ENOENT;
		if (area->busy)
			return -UIOMMU_EBUSY;
		if (area->accesses) {
			/* The lock goes: whatever was seen of the tree has to be looked at again. */
			rc = uiommu_iommufd_access_revoke(ioas, area);
			if (rc)
				return rc;
			continue;
		}
		uiommu_iommufd_area_drain(ioas, area);
		uiommu_iommufd_area_remove(ioas, area);
		*unmapped += area->last - area->iova + 1;
		area_free(ioas, area);
	}
	/* A length of 2^64 cannot be said: everything of it counts as one less. */
	return *unmapped || everything ? 0 : -UIOMMU_ENOENT;
}

int uiommu_iommufd_ioas_split(struct iommufd_ioas *ioas, uint64_t iova)
{
	struct iommufd_area *area = uiommu_iommufd_area_from(ioas, iova), *upper;
	struct uiommu_uapi *uapi = ioas->object.ctx->uapi;
	uint64_t lower_bytes;
	size_t first, boundary, end;
	int rc = 0;

	if (!area || area->iova >= iova)
		return 0;
	if (area->busy || area->accesses)
		return -UIOMMU_EBUSY;
	lower_bytes = iova - area->iova;
	if ((area->offset + lower_bytes) & (UAPI_PAGE - 1))
		return -UIOMMU_EINVAL;
	upper = uapi_alloc(uapi, sizeof(*upper));
	if (!upper)
		return -UIOMMU_ENOMEM;
	*upper = *area;
	upper->iova = iova;
	upper->offset = area->offset + lower_bytes;
	first = area->offset / UAPI_PAGE;
	boundary = upper->offset / UAPI_PAGE;
	end = (upper->offset + (area->last - iova)) / UAPI_PAGE + 1;
	/* Each half is a user of its own pages; the whole stays pinned in between. */
	if (area->mapped) {
		rc = uiommu_iommufd_pages_pin(area->pages, first, boundary - first);
		if (!rc) {
			rc = uiommu_iommufd_pages_pin(area->pages, boundary, end - boundary);
			if (rc)
				uiommu_iommufd_pages_unpin(area->pages, first, boundary - first);
		}
		if (!rc)
			uiommu_iommufd_pages_unpin(area->pages, first, end - first);
	}
	if (rc) {
		uapi_free(uapi, upper, sizeof(*upper));
		return rc;
	}
	uiommu_iommufd_pages_get(area->pages);
	uiommu_iommufd_area_remove(ioas, area);
	area->last = iova - 1;
	uiommu_iommufd_area_insert(ioas, area);
	uiommu_iommufd_area_insert(ioas, upper);
	return 0;
}

/* ---- commands ---------------------------------------------------------------------------------- */

int uiommu_iommufd_cmd_ioas_alloc(struct iommufd_command *command)
{
	struct abi_iommu_ioas_alloc *arg = command->argument;
	struct iommufd_ioas *ioas;
	int rc;

	if (arg->flags)
		return -UIOMMU_EOPNOTSUPP;
	rc = uiommu_iommufd_ioas_create(command->ctx, &ioas);
	if (rc)
		return rc;
	arg->out_ioas_id = ioas->object.id;
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		uiommu_iommufd_object_destroy(&ioas->object);
	return rc;
}

int uiommu_iommufd_cmd_ioas_iova_ranges(struct iommufd_command *command)
{
	struct abi_iommu_ioas_iova_ranges *arg = command->argument;
	struct uiommu_uapi *uapi = command->ctx->uapi;
	struct iommufd_ioas *ioas;
	struct abi_iommu_iova_range range;
	uint32_t room = arg->num_iovas, count = 0;
	uint64_t from = 0;
	int rc = 0;

	if (arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	ioas = find(command, arg->ioas_id);
	if (!ioas)
		return -UIOMMU_ENOENT;
	while (uiommu_iommufd_usable_range(ioas, from, &range.start, &range.last)) {
		if (count < room)
			rc = uapi_write_user(uapi, arg->allowed_iovas + count * sizeof(range),
					     &range, sizeof(range));
		if (rc)
			return rc;
		count++;
		if (range.last == UINT64_MAX)
			break;
		from = range.last + 1;
	}
	arg->num_iovas = count;
	arg->out_iova_alignment = ioas->alignment;
	rc = uiommu_iommufd_copy_back(command);
	return rc ? rc : count > room ? -UAPI_EMSGSIZE : 0;
}

static void sort_ranges(struct abi_iommu_iova_range *ranges, size_t count)
{
	/* The list is a program's own and short; in order it costs one pass. */
	for (size_t i = 1; i < count; i++) {
		struct abi_iommu_iova_range range = ranges[i];
		size_t at = i;

		while (at && ranges[at - 1].start > range.start) {
			ranges[at] = ranges[at - 1];
			at--;
		}
		ranges[at] = range;
	}
}

static int read_allowed(struct iommufd_ioas *ioas, uint64_t address,
			struct abi_iommu_iova_range *ranges, uint32_t count)
{
	int rc = uapi_read_user(ioas->object.ctx->uapi, ranges, address, count * sizeof(*ranges));

	if (rc)
		return rc;
	for (uint32_t i = 0; i < count; i++) {
		if (ranges[i].start >= ranges[i].last)
			return -UIOMMU_EINVAL;
	}
	sort_ranges(ranges, count);
	for (uint32_t i = 1; i < count; i++) {
		if (ranges[i].start <= ranges[i - 1].last)
			return -UIOMMU_EINVAL;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (uiommu_iommufd_is_reserved(ioas, ranges[i].start, ranges[i].last))
			return -UIOMMU_EADDRINUSE;
	}
	return 0;
}

/* More than any program says, and little enough that their list cannot be a burden. */
#define MAX_ALLOWED 65536u

int uiommu_iommufd_cmd_ioas_allow_iovas(struct iommufd_command *command)
{
	const struct abi_iommu_ioas_allow_iovas *arg = command->argument;
	struct uiommu_uapi *uapi = command->ctx->uapi;
	struct abi_iommu_iova_range *ranges = NULL;
	struct iommufd_ioas *ioas;
	int rc = 0;

	if (arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	ioas = find(command, arg->ioas_id);
	if (!ioas)
		return -UIOMMU_ENOENT;
	if (arg->num_iovas > MAX_ALLOWED)
		return -UIOMMU_ENOMEM;
	if (arg->num_iovas) {
		ranges = uapi_alloc(uapi, arg->num_iovas * sizeof(*ranges));
		if (!ranges)
			return -UIOMMU_ENOMEM;
		rc = read_allowed(ioas, arg->allowed_iovas, ranges, arg->num_iovas);
	}
	if (rc) {
		uapi_free(uapi, ranges, arg->num_iovas * sizeof(*ranges));
		return rc;
	}
	uapi_free(uapi, ioas->allowed, ioas->num_allowed * sizeof(*ioas->allowed));
	ioas->allowed = ranges;
	ioas->num_allowed = arg->num_iovas;
	return 0;
}

int uiommu_iommufd_cmd_ioas_map(struct iommufd_command *command)
{
	struct abi_iommu_ioas_map *arg = command->argument;
	const bool fixed = arg->flags & ABI_IOMMU_IOAS_MAP_FIXED_IOVA;
	struct iommufd_ioas *ioas;
	uint64_t iova = arg->iova, unmapped;
	int rc;

	if (arg->flags & ~(uint32_t)IOMMUFD_MAP_FLAGS || arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->iova == UINT64_MAX || arg->length == UINT64_MAX)
		return -UIOMMU_EOVERFLOW;
	if (!iommufd_map_prot(arg->flags))
		return -UIOMMU_EINVAL;
	ioas = find(command, arg->ioas_id);
	if (!ioas)
		return -UIOMMU_ENOENT;
	rc = uiommu_iommufd_ioas_map_user(ioas, command->caller, arg->user_va, arg->length,
					  iommufd_map_prot(arg->flags), fixed, &iova);
	if (rc)
		return rc;
	arg->iova = iova;
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		uiommu_iommufd_ioas_unmap(ioas, iova, iova + arg->length - 1, &unmapped);
	return rc;
}

/* The areas of the source that cover the range without a hole; how many, 0: they do not. */
static size_t cover(struct iommufd_ioas *src, uint64_t iova, uint64_t last)
{
	struct iommufd_area *area = uiommu_iommufd_area_from(src, iova);
	size_t count = 0;

	if (!area || area->iova > iova)
		return 0;
	for (;;) {
		count++;
		if (area->busy)
			return 0;
		if (area->last >= last)
			return count;
		iova = area->last + 1;
		area = uiommu_iommufd_area_next(area);
		if (!area || area->iova != iova)
			return 0;
	}
}

/* A piece of a copy: a part of an area's pages. */
struct piece {
	struct iommufd_pages *pages;
	uint64_t offset, length;
};

static int collect(struct iommufd_ioas *src, uint64_t iova, uint64_t last, struct piece *pieces,
		   size_t count, unsigned int prot)
{
	struct iommufd_area *area = uiommu_iommufd_area_from(src, iova);

	for (size_t i = 0; i < count; i++, area = uiommu_iommufd_area_next(area)) {
		uint64_t from = area->iova > iova ? area->iova : iova;
		uint64_t to = area->last < last ? area->last : last;

		if (prot & UIOMMU_WRITE && !area->pages->writable)
			return -UIOMMU_EPERM;
		pieces[i] = (struct piece){ area->pages, area->offset + (from - area->iova),
					    to - from + 1 };
	}
	return 0;
}

static int place_pieces(struct iommufd_ioas *dst, const struct piece *pieces, size_t count,
			unsigned int prot, uint64_t iova)
{
	uint64_t at = iova, unmapped;

	for (size_t i = 0; i < count; i++) {
		uint64_t where = at;
		int rc;

		uiommu_iommufd_pages_get(pieces[i].pages);
		rc = uiommu_iommufd_ioas_map_pages(dst, pieces[i].pages, pieces[i].offset,
						   pieces[i].length, prot, true, &where);
		if (rc) {
			uiommu_iommufd_pages_put(pieces[i].pages);
			if (i)
				uiommu_iommufd_ioas_unmap(dst, iova, at - 1, &unmapped);
			return rc;
		}
		at += pieces[i].length;
	}
	return 0;
}

int uiommu_iommufd_cmd_ioas_copy(struct iommufd_command *command)
{
	struct abi_iommu_ioas_copy *arg = command->argument;
	struct uiommu_uapi *uapi = command->ctx->uapi;
	struct iommufd_ioas *src, *dst;
	struct piece *pieces;
	uint64_t iova = arg->dst_iova, last, unmapped;
	unsigned int prot;
	size_t count;
	int rc;

	if (arg->flags & ~(uint32_t)IOMMUFD_MAP_FLAGS)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->length == UINT64_MAX || arg->dst_iova == UINT64_MAX || arg->src_iova == UINT64_MAX)
		return -UIOMMU_EOVERFLOW;
	prot = iommufd_map_prot(arg->flags);
	if (!prot)
		return -UIOMMU_EINVAL;
	src = find(command, arg->src_ioas_id);
	if (!src)
		return -UIOMMU_ENOENT;
	if (!arg->length)
		return -UIOMMU_EINVAL;
	if (arg->src_iova > UINT64_MAX - (arg->length - 1))
		return -UIOMMU_EOVERFLOW;
	last = arg->src_iova + arg->length - 1;
	count = cover(src, arg->src_iova, last);
	if (!count)
		return -UIOMMU_ENOENT;
	dst = find(command, arg->dst_ioas_id);
	if (!dst)
		return -UIOMMU_ENOENT;
	pieces = uapi_alloc(uapi, count * sizeof(*pieces));
	if (!pieces)
		return -UIOMMU_ENOMEM;
	rc = collect(src, arg->src_iova, last, pieces, count, prot);
	/* Several areas become as many again, side by side. */
	if (!rc && !(arg->flags & ABI_IOMMU_IOAS_MAP_FIXED_IOVA))
		rc = uiommu_iommufd_find_place(dst, arg->length,
					       pieces[0].pages->address + pieces[0].offset, &iova);
	else if (!rc)
		rc = arg->length & (dst->alignment - 1) ? -UIOMMU_EINVAL :
							  check_fixed(dst, iova, arg->length);
	if (!rc)
		rc = place_pieces(dst, pieces, count, prot, iova);
	uapi_free(uapi, pieces, count * sizeof(*pieces));
	if (rc)
		return rc;
	arg->dst_iova = iova;
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		uiommu_iommufd_ioas_unmap(dst, iova, iova + arg->length - 1, &unmapped);
	return rc;
}

int uiommu_iommufd_cmd_ioas_unmap(struct iommufd_command *command)
{
	struct abi_iommu_ioas_unmap *arg = command->argument;
	struct iommufd_ioas *ioas = find(command, arg->ioas_id);
	uint64_t last = UINT64_MAX;
	int rc;

	if (!ioas)
		return -UIOMMU_ENOENT;
	if (arg->iova || arg->length != UINT64_MAX) {
		if (arg->iova == UINT64_MAX || arg->length == UINT64_MAX)
			return -UIOMMU_EOVERFLOW;
		if (!arg->length)
			return -UIOMMU_EINVAL;
		if (arg->iova > UINT64_MAX - (arg->length - 1))
			return -UIOMMU_EOVERFLOW;
		last = arg->iova + arg->length - 1;
	}
	rc = uiommu_iommufd_ioas_unmap(ioas, arg->iova, last, &arg->length);
	return rc ? rc : uiommu_iommufd_copy_back(command);
}

static int option_account(const struct iommufd_command *command, struct abi_iommu_option *arg)
{
	struct iommufd *ctx = command->ctx;

	if (arg->object_id)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->op == ABI_IOMMU_OPTION_OP_GET) {
		arg->val64 = ctx->account == UAPI_ACCOUNT_PROCESS;
		return 0;
	}
	if (!uapi_capable(command->caller, UIOMMU_UAPI_CAP_SYS_RESOURCE))
		return -UIOMMU_EPERM;
	if (ctx->num_objects)
		return -UIOMMU_EBUSY;
	if (arg->val64 > 1)
		return -UIOMMU_EINVAL;
	ctx->account = arg->val64 ? UAPI_ACCOUNT_PROCESS : UAPI_ACCOUNT_USER;
	return 0;
}

/* Without large pages every area has to consist of whole pages. */
int uiommu_iommufd_ioas_small_pages(struct iommufd_ioas *ioas)
{
	if (ioas->small_pages)
		return 0;
	if (ioas->hwpts && ioas->num_areas)
		return -UIOMMU_EINVAL;
	for (struct iommufd_area *area = uiommu_iommufd_area_from(ioas, 0); area;
	     area = uiommu_iommufd_area_next(area)) {
		if ((area->iova | (area->last + 1) | area->offset) & (UAPI_PAGE - 1))
			return -UIOMMU_EADDRINUSE;
	}
	ioas->small_pages = true;
	uiommu_iommufd_ioas_update_alignment(ioas);
	return 0;
}

static int option_huge_pages(const struct iommufd_command *command, struct abi_iommu_option *arg)
{
	struct iommufd_ioas *ioas = find(command, arg->object_id);

	if (!ioas)
		return -UIOMMU_ENOENT;
	if (arg->op == ABI_IOMMU_OPTION_OP_GET) {
		arg->val64 = !ioas->small_pages;
		return 0;
	}
	if (arg->val64 > 1)
		return -UIOMMU_EINVAL;
	if (!arg->val64)
		return uiommu_iommufd_ioas_small_pages(ioas);
	ioas->small_pages = false;
	uiommu_iommufd_ioas_update_alignment(ioas);
	return 0;
}

int uiommu_iommufd_cmd_option(struct iommufd_command *command)
{
	struct abi_iommu_option *arg = command->argument;
	int rc;

	if (arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->op > ABI_IOMMU_OPTION_OP_GET)
		return -UIOMMU_EOPNOTSUPP;
	if (arg->option_id == ABI_IOMMU_OPTION_RLIMIT_MODE)
		rc = option_account(command, arg);
	else if (arg->option_id == ABI_IOMMU_OPTION_HUGE_PAGES)
		rc = option_huge_pages(command, arg);
	else
		rc = -UIOMMU_EOPNOTSUPP;
	return rc ? rc : uiommu_iommufd_copy_back(command);
}

int uiommu_iommufd_cmd_vfio_ioas(struct iommufd_command *command)
{
	struct abi_iommu_vfio_ioas *arg = command->argument;
	struct iommufd *ctx = command->ctx;
	struct iommufd_ioas *ioas;

	if (arg->reserved)
		return -UIOMMU_EOPNOTSUPP;
	switch (arg->op) {
	case ABI_IOMMU_VFIO_IOAS_GET:
		if (!ctx->vfio_ioas)
			return -UIOMMU_ENODEV;
		arg->ioas_id = ctx->vfio_ioas->object.id;
		return uiommu_iommufd_copy_back(command);
	case ABI_IOMMU_VFIO_IOAS_SET:
		ioas = find(command, arg->ioas_id);
		if (!ioas)
			return -UIOMMU_ENOENT;
		ctx->vfio_ioas = ioas;
		return 0;
	case ABI_IOMMU_VFIO_IOAS_CLEAR:
		ctx->vfio_ioas = NULL;
		return 0;
	default:
		return -UIOMMU_EOPNOTSUPP;
	}
}
