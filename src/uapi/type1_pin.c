/* SPDX-License-Identifier: MIT */
/*
 * type1_pin.c - how devices without an IOMMU reach memory: by pages that their driver pins
 *
 * The driver says an IOVA, and which way the device is open decides who knows it: a type 1 container, here, or an
 * access object of an iommufd (access.c).  Pages are pinned one by one, so that they can be unpinned in
 * other pieces than they were pinned in.
 *
 * An unmap of pinned pages asks every such device of the container to let go of them, with the container
 * unlocked, since the driver unpins from there.
 */
#include "src/uapi/container.h"

/* A driver may pin so many at once. */
#define MAX_PIN 512u

bool uiommu_type1_is_pinned(const struct type1_mapping *mapping, size_t page)
{
	const struct iommufd_pages *pages = mapping->pages;

	/* The only page of a mapping is counted as the whole of it. */
	if (pages->count == 1)
		return pages->whole > mapping->mapped;
	return pages->partial && pages->partial[page];
}

static void mark(struct type1_mapping *mapping, size_t page)
{
	if (mapping->written)
		mapping->written[page / 64] |= UINT64_C(1) << (page % 64);
}

static size_t page_of(const struct type1_mapping *mapping, uint64_t iova)
{
	return (iova - mapping->iova) / UAPI_PAGE;
}

static struct type1_mapping *find(struct type1 *t, uint64_t iova)
{
	struct type1_mapping *mapping = uiommu_type1_from(t, iova);

	return mapping && mapping->iova <= iova ? mapping : NULL;
}

/* The container by which the device is open. NULL: it has an iommufd, whatever its group has by now. */
static struct vfio_container *container_of_device(const struct vfio_device *device)
{
	return device->in_container ? device->group->container : NULL;
}

/* ---- a container's ----------------------------------------------------------------------------- */

static void unpin_locked(struct type1 *t, uint64_t iova, size_t count)
{
	for (; count; count--, iova += UAPI_PAGE) {
		struct type1_mapping *m = find(t, iova);

		if (!m || !uiommu_type1_is_pinned(m, page_of(m, iova)))
			continue;
		uiommu_iommufd_pages_unpin(m->pages, page_of(m, iova), 1);
		m->pins--;
	}
}

static int pin_locked(struct type1 *t, uint64_t iova, size_t count, unsigned int prot,
		      uiommu_phys_t *phys)
{
	int rc = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		struct type1_mapping *m = find(t, iova + i * UAPI_PAGE);
		size_t page;

		if (!m) {
			rc = -UIOMMU_ENOENT;
			break;
		}
		if ((m->prot & prot) != prot) {
			rc = -UIOMMU_EPERM;
			break;
		}
		page = page_of(m, iova + i * UAPI_PAGE);
		rc = uiommu_iommufd_pages_pin(m->pages, page, 1);
		if (rc)
			break;
		m->pins++;
		mark(m, page);
		phys[i] = m->pages->phys[page];
	}
	if (rc)
		unpin_locked(t, iova, i);
	return rc;
}

static int check_range(uint64_t iova, size_t count)
{
	if (!count || count > MAX_PIN || iova % UAPI_PAGE)
		return -UIOMMU_EINVAL;
	return iova > UINT64_MAX - (count * UAPI_PAGE - 1) ? -UIOMMU_EOVERFLOW : 0;
}

static int container_pin(struct vfio_container *container, uint64_t iova, size_t count,
			 unsigned int prot, uiommu_phys_t *phys)
{
	int rc;

	container_lock(container);
	rc = container->type1.num_stale ? -UIOMMU_EBUSY :
					  pin_locked(&container->type1, iova, count, prot, phys);
	container_unlock(container);
	return rc;
}

/* @size bytes inside one page.  Nobody is charged for so short a time. */
static int copy_page(struct type1 *t, struct type1_mapping *m, uint64_t iova, unsigned char *data,
		     size_t size, bool write)
{
	const size_t page = page_of(m, iova);
	const bool pinned = m->mapped || uiommu_type1_is_pinned(m, page);
	uiommu_phys_t phys = pinned ? m->pages->phys[page] : 0;
	unsigned char *at;
	int rc = 0;

	if (!pinned)
		rc = uiommu_port_user_pin(t->uapi->host, m->pages->address + page * UAPI_PAGE, 1,
					  write, &phys);
	if (rc)
		return rc;
	at = uiommu_port_user_ptr(t->uapi->host, phys);
	at += iova % UAPI_PAGE;
	if (write)
		memcpy(at, data, size);
	else
		memcpy(data, at, size);
	if (write)
		mark(m, page);
	if (!pinned)
		uiommu_port_user_unpin(t->uapi->host, &phys, 1);
	return 0;
}

static int copy_locked(struct type1 *t, uint64_t iova, unsigned char *data, size_t size, bool write)
{
	const unsigned int prot = UIOMMU_READ | (write ? UIOMMU_WRITE : 0);

	while (size) {
		struct type1_mapping *m = find(t, iova);
		size_t piece = UAPI_PAGE - iova % UAPI_PAGE;
		int rc;

		if (!m)
			return -UIOMMU_ENOENT;
		if ((m->prot & prot) != prot)
			return -UIOMMU_EPERM;
		if (piece > size)
			piece = size;
		rc = copy_page(t, m, iova, data, piece, write);
		if (rc)
			return rc;
		data += piece;
		iova += piece;
		size -= piece;
	}
	return 0;
}

static int container_rw(struct vfio_container *container, uint64_t iova, void *data, size_t size,
			bool write)
{
	int rc;

	container_lock(container);
	rc = container->type1.num_stale ? -UIOMMU_EBUSY :
					  copy_locked(&container->type1, iova, data, size, write);
	container_unlock(container);
	return rc;
}

/* ---- what drivers call ------------------------------------------------------------------------- */

int uiommu_vfio_pin_pages(struct vfio_device *device, uint64_t iova, size_t count,
			  unsigned int prot, uiommu_phys_t *phys)
{
	struct vfio_container *container = container_of_device(device);
	int rc = check_range(iova, count);

	if (rc)
		return rc;
	if (container)
		return container_pin(container, iova, count, prot, phys);
	if (!device->access)
		return -UIOMMU_EINVAL;
	return uiommu_iommufd_access_pin(device->access, iova, count * UAPI_PAGE, phys,
					 prot & UIOMMU_WRITE ? IOMMUFD_ACCESS_WRITE : 0);
}

void uiommu_vfio_unpin_pages(struct vfio_device *device, uint64_t iova, size_t count)
{
	struct vfio_container *container = container_of_device(device);

	if (check_range(iova, count))
		return;
	if (container) {
		container_lock(container);
		unpin_locked(&container->type1, iova, count);
		container_unlock(container);
	} else if (device->access) {
		uiommu_iommufd_access_unpin(device->access, iova, count * UAPI_PAGE);
	}
}

int uiommu_vfio_dma_rw(struct vfio_device *device, uint64_t iova, void *data, size_t size,
		       bool write)
{
	struct vfio_container *container = container_of_device(device);

	if (!size)
		return -UIOMMU_EINVAL;
	if (iova > UINT64_MAX - (size - 1))
		return -UIOMMU_EOVERFLOW;
	if (container)
		return container_rw(container, iova, data, size, write);
	if (!device->access)
		return -UIOMMU_EINVAL;
	return uiommu_iommufd_access_rw(device->access, iova, data, size,
					write ? IOMMUFD_ACCESS_WRITE : 0);
}

/* ---- letting go -------------------------------------------------------------------------------- */

static bool has_group(struct vfio_container *container, const struct vfio_group *group)
{
	bool has = false;

	container_lock(container);
	for (const struct container_group *m = container->groups; m; m = m->next)
		has |= m->group == group && m->users;
	container_unlock(container);
	return has;
}

/* The n-th open mediated device of the container, held; NULL: there are not so many. */
static struct vfio_device *nth_device(struct vfio_container *container, unsigned int n)
{
	struct uapi_vfio *vfio = container->uapi->vfio;
	struct vfio_device *device;

	uapi_lock(container->uapi, &vfio->lock);
	for (device = vfio->devices; device; device = device->next) {
		if (device->refs && device->driver->dma_unmap &&
		    has_group(container, device->group) && !n--)
			break;
	}
	if (device)
		device->refs++;
	uapi_unlock(container->uapi, &vfio->lock);
	return device;
}

void uiommu_type1_revoke(struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct vfio_device *device;

	container_unlock(container);
	for (unsigned int n = 0; (device = nth_device(container, n)); n++) {
		device->driver->dma_unmap(device, iova, last - iova + 1);
		uiommu_vfio_device_put(device);
	}
	container_lock(container);
}
