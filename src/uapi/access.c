/* SPDX-License-Identifier: MIT */
/*
 * access.c - devices without an IOMMU of their own reach memory through an IOAS, by their driver
 *
 * A pin is counted in every area that it touches.  An area with pins cannot go: its unmap asks all accesses of
 * the IOAS to let go, without the context's lock, and gives up after a bounded number of requests.
 */
#include "src/uapi/access.h"

#define REVOKE_TRIES 100u

static void access_end(struct iommufd_object *object)
{
	struct iommufd_access *access = (struct iommufd_access *)(void *)object;

	uapi_free(object->ctx->uapi, access, sizeof(*access));
}

int uiommu_iommufd_access_create(struct iommufd *ctx, const struct iommufd_access_ops *ops,
				 void *context, struct iommufd_access **out)
{
	struct iommufd_access *access = uapi_alloc(ctx->uapi, sizeof(*access));
	int rc;

	*out = NULL;
	if (!access)
		return -UIOMMU_ENOMEM;
	access->ops = ops;
	access->context = context;
	access->object.ctx = ctx;
	iommufd_lock(ctx);
	rc = uiommu_iommufd_object_add(ctx, &access->object, IOMMUFD_ACCESS, access_end);
	if (!rc) {
		access->object.users = 1; /* its driver */
		iommufd_get(ctx);
	}
	iommufd_unlock(ctx);
	if (rc)
		uapi_free(ctx->uapi, access, sizeof(*access));
	else
		*out = access;
	return rc;
}

/* The context is unlocked in between: what the driver has pinned there belongs to nobody any more. */
static void leave(struct iommufd_access *access)
{
	struct iommufd *ctx = access->object.ctx;
	struct iommufd_ioas *ioas = access->ioas;
	struct iommufd_access **link = &ioas->accesses;

	access->ioas = NULL;
	access->leaving = ioas;
	if (access->ops->unmap) {
		iommufd_unlock(ctx);
		access->ops->unmap(access->context, 0, UINT64_MAX);
		iommufd_lock(ctx);
	}
	while (*link != access)
		link = &(*link)->next;
	*link = access->next;
	access->leaving = NULL;
	uiommu_iommufd_ioas_update_alignment(ioas);
	ioas->object.users--;
}

static void enter(struct iommufd_access *access, struct iommufd_ioas *ioas)
{
	access->ioas = ioas;
	access->next = ioas->accesses;
	ioas->accesses = access;
	ioas->object.users++;
	uiommu_iommufd_ioas_update_alignment(ioas);
}

int uiommu_iommufd_access_attach(struct iommufd_access *access, uint32_t ioas_id)
{
	struct iommufd *ctx = access->object.ctx;
	struct iommufd_ioas *ioas = NULL;
	int rc = 0;

	iommufd_lock(ctx);
	if (ioas_id) {
		ioas = iommufd_to_ioas(uiommu_iommufd_object_find(ctx, ioas_id, IOMMUFD_IOAS));
		rc = ioas ? 0 : -UIOMMU_ENOENT;
	}
	if (!rc && ioas && access->ops->needs_pin)
		rc = uiommu_iommufd_ioas_check_alignment(ioas, UAPI_PAGE);
	if (!rc && ioas != access->ioas) {
		/* Held, since leaving the old one lets the lock go. */
		if (ioas)
			ioas->object.users++;
		if (access->ioas)
			leave(access);
		if (ioas) {
			enter(access, ioas);
			ioas->object.users--;
		}
	}
	iommufd_unlock(ctx);
	return rc;
}

void uiommu_iommufd_access_destroy(struct iommufd_access *access)
{
	struct iommufd *ctx = access->object.ctx;

	uiommu_iommufd_access_attach(access, 0);
	iommufd_lock(ctx);
	access->object.users--;
	uiommu_iommufd_object_destroy(&access->object);
	iommufd_unlock(ctx);
	iommufd_put(ctx);
}

/* ---- pages ------------------------------------------------------------------------------------- */

static int check_access(const struct iommufd_area *area, unsigned int flags)
{
	if (area->busy)
		return -UIOMMU_ENOENT;
	if (!(area->prot & UIOMMU_READ) ||
	    (flags & IOMMUFD_ACCESS_WRITE && !(area->prot & UIOMMU_WRITE)))
		return -UIOMMU_EPERM;
	return 0;
}

/* The part of an area that lies in [iova, last], as pages of its pages. */
static void part_of(const struct iommufd_area *area, uint64_t iova, uint64_t last, size_t *first,
		    size_t *count)
{
	uint64_t from = area->iova > iova ? area->iova : iova;
	uint64_t to = area->last < last ? area->last : last;

	*first = (area->offset + (from - area->iova)) / UAPI_PAGE;
	*count = (area->offset + (to - area->iova)) / UAPI_PAGE - *first + 1;
}

static void unpin_range(struct iommufd_ioas *ioas, uint64_t iova, uint64_t last)
{
	for (struct iommufd_area *area = uiommu_iommufd_area_from(ioas, iova);
	     area && area->iova <= last; area = uiommu_iommufd_area_next(area)) {
		size_t first, count;

		part_of(area, iova, last, &first, &count);
		area->accesses--;
		uiommu_iommufd_pages_unpin(area->pages, first, count);
	}
}

static int pin_range(struct iommufd_ioas *ioas, uint64_t iova, uint64_t last, uiommu_phys_t *phys,
		     unsigned int flags)
{
	uint64_t at = iova;
	int rc = 0;

	while (!rc) {
		struct iommufd_area *area = uiommu_iommufd_area_from(ioas, at);
		size_t first, count;

		rc = area && area->iova <= at ? check_access(area, flags) : -UIOMMU_ENOENT;
		if (rc)
			break;
		part_of(area, at, last, &first, &count);
		rc = uiommu_iommufd_pages_pin(area->pages, first, count);
		if (rc)
			break;
		area->accesses++;
		memcpy(phys, area->pages->phys + first, count * sizeof(*phys));
		phys += count;
		if (area->last >= last)
			return 0;
		at = area->last + 1;
	}
	if (at > iova)
		unpin_range(ioas, iova, at - 1);
	return rc;
}

int uiommu_iommufd_access_pin(struct iommufd_access *access, uint64_t iova, uint64_t length,
			      uiommu_phys_t *phys, unsigned int flags)
{
	struct iommufd *ctx = access->object.ctx;
	int rc;

	if (!length || iova > UINT64_MAX - (length - 1))
		return !length ? -UIOMMU_EINVAL : -UIOMMU_EOVERFLOW;
	iommufd_lock(ctx);
	rc = access->ioas ? pin_range(access->ioas, iova, iova + length - 1, phys, flags) :
			    -UIOMMU_ENOENT;
	iommufd_unlock(ctx);
	return rc;
}

void uiommu_iommufd_access_unpin(struct iommufd_access *access, uint64_t iova, uint64_t length)
{
	struct iommufd *ctx = access->object.ctx;
	struct iommufd_ioas *ioas;

	iommufd_lock(ctx);
	ioas = access->ioas ? access->ioas : access->leaving;
	if (ioas)
		unpin_range(ioas, iova, iova + length - 1);
	iommufd_unlock(ctx);
}

/* @size bytes inside one page. */
static int copy_page(struct iommufd *ctx, struct iommufd_pages *pages, uint64_t offset, void *data,
		     size_t size, unsigned int flags)
{
	int rc = uiommu_iommufd_pages_pin(pages, offset / UAPI_PAGE, 1);
	unsigned char *at;

	if (rc)
		return rc;
	at = uiommu_port_user_ptr(ctx->uapi->host, pages->phys[offset / UAPI_PAGE]);
	at += offset % UAPI_PAGE;
	if (flags & IOMMUFD_ACCESS_WRITE)
		memcpy(at, data, size);
	else
		memcpy(data, at, size);
	uiommu_iommufd_pages_unpin(pages, offset / UAPI_PAGE, 1);
	return 0;
}

static int copy_locked(struct iommufd *ctx, struct iommufd_ioas *ioas, uint64_t iova, void *data,
		       size_t size, unsigned int flags)
{
	unsigned char *bytes = data;

	while (size) {
		struct iommufd_area *area = uiommu_iommufd_area_from(ioas, iova);
		uint64_t offset;
		size_t piece;
		int rc = area && area->iova <= iova ? check_access(area, flags) : -UIOMMU_ENOENT;

		if (rc)
			return rc;
		offset = area->offset + (iova - area->iova);
		piece = UAPI_PAGE - offset % UAPI_PAGE;
		if (piece > size)
			piece = size;
		if (piece - 1 > area->last - iova)
			piece = area->last - iova + 1;
		rc = copy_page(ctx, area->pages, offset, bytes, piece, flags);
		if (rc)
			return rc;
		bytes += piece;
		iova += piece;
		size -= piece;
	}
	return 0;
}

int uiommu_iommufd_access_rw(struct iommufd_access *access, uint64_t iova, void *data, size_t size,
			     unsigned int flags)
{
	struct iommufd *ctx = access->object.ctx;
	int rc;

	if (!size)
		return -UIOMMU_EINVAL;
	if (iova > UINT64_MAX - (size - 1))
		return -UIOMMU_EOVERFLOW;
	iommufd_lock(ctx);
	rc = access->ioas ? copy_locked(ctx, access->ioas, iova, data, size, flags) :
			    -UIOMMU_ENOENT;
	iommufd_unlock(ctx);
	return rc;
}

/* ---- letting go -------------------------------------------------------------------------------- */

static struct iommufd_access *nth_access(struct iommufd_ioas *ioas, unsigned int n)
{
	struct iommufd_access *access = ioas->accesses;

	while (access && n--)
		access = access->next;
	return access;
}

int uiommu_iommufd_access_revoke(struct iommufd_ioas *ioas, struct iommufd_area *area)
{
	struct iommufd *ctx = ioas->object.ctx;
	struct iommufd_access *access;

	area->busy = true;
	ioas->object.users++;
	for (unsigned int tries = 0; area->accesses && tries < REVOKE_TRIES; tries++) {
		for (unsigned int n = 0; area->accesses && (access = nth_access(ioas, n)); n++) {
			if (!access->ops->unmap)
				continue;
			access->object.users++;
			iommufd_unlock(ctx);
			access->ops->unmap(access->context, area->iova,
					   area->last - area->iova + 1);
			iommufd_lock(ctx);
			access->object.users--;
		}
	}
	ioas->object.users--;
	area->busy = false;
	return area->accesses ? -UAPI_EDEADLK : 0;
}
