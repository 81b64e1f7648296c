/* SPDX-License-Identifier: MIT */
/*
 * vfio_irq.h - what drivers of devices share: SET_IRQS as it is read, and the eventfds of interrupts
 *
 * A driver keeps its own copy of a descriptor, so that a program which closes its own goes on being signalled by
 * nobody and no other file is hit.
 */
#ifndef UIOMMU_SRC_UAPI_VFIO_IRQ_H
#define UIOMMU_SRC_UAPI_VFIO_IRQ_H

#include <uiommu/abi_vfio.h>
#include "src/uapi/uapi.h"

/* ---- commands ---------------------------------------------------------------------------------- */

/* The widest access that is aligned and fits. */
static inline unsigned int uiommu_vfio_widest(uint64_t offset, size_t left, unsigned int most)
{
	unsigned int size = most;

	while (size > left || offset % size)
		size /= 2;
	return size;
}

/* What a program asks for by SET_IRQS, checked against the index; data as its flags say. */
struct vfio_irq_request {
	uint32_t flags;
	unsigned int index, start, count;
	const uint8_t *bools; /* NULL with a count of 0, as the next */
	const int32_t *fds;
	void *data;
	size_t size; /* of data */
};

/* Interrupts of an index; -UIOMMU_EINVAL of the request if it has fewer. */
typedef unsigned int (*vfio_irq_count_fn)(void *context, unsigned int index);

/* 0 and @r, until _free(); -UIOMMU_EFAULT, -UIOMMU_EINVAL, -UIOMMU_ENOMEM. */
int uiommu_vfio_irq_request(struct uiommu_uapi *uapi, uintptr_t argument, unsigned int indexes,
			    vfio_irq_count_fn count, void *context, struct vfio_irq_request *r);
void uiommu_vfio_irq_request_free(struct uiommu_uapi *uapi, struct vfio_irq_request *r);

static inline bool uiommu_vfio_irq_has_fds(const struct vfio_irq_request *r)
{
	return r->flags & ABI_VFIO_IRQ_SET_DATA_EVENTFD;
}

static inline bool uiommu_vfio_irq_is_set(const struct vfio_irq_request *r, unsigned int i)
{
	return !r->bools || r->bools[i];
}

static inline bool uiommu_vfio_is_one_bit(uint32_t value)
{
	return value && !(value & (value - 1));
}

/* ---- eventfds ---------------------------------------------------------------------------------- */

/* A copy of an eventfd: a descriptor, -UAPI_EBADF, -UIOMMU_EINVAL: it is something else, -UIOMMU_ENOMEM. */
int uiommu_vfio_eventfd(int fd);
void uiommu_vfio_signal(int eventfd);

/* ---- vfio_watch.c: eventfds that a program signals --------------------------------------------- */

struct vfio_watch;

/*
 * @signalled runs each time that the program signals @fd, in a thread.  Errors of uiommu_vfio_eventfd();
 * -UIOMMU_EBUSY: *@slot is not NULL.
 */
int uiommu_vfio_watch_start(struct uiommu_uapi *uapi, int fd, void (*signalled)(void *context),
			    void *context, struct vfio_watch **slot);
/* Then @signalled does not run any more, and *@slot is NULL; if it is, does nothing. */
void uiommu_vfio_watch_stop(struct vfio_watch **slot);

#endif /* UIOMMU_SRC_UAPI_VFIO_IRQ_H */
