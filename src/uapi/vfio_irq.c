/* SPDX-License-Identifier: MIT */
/* vfio_irq.c - what drivers of devices share of interrupts: SET_IRQS as it is read, and eventfds */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "src/uapi/vfio_irq.h"

#define DATA_FLAGS \
	(ABI_VFIO_IRQ_SET_DATA_NONE | ABI_VFIO_IRQ_SET_DATA_BOOL | ABI_VFIO_IRQ_SET_DATA_EVENTFD)
#define ACTION_FLAGS                                                     \
	(ABI_VFIO_IRQ_SET_ACTION_MASK | ABI_VFIO_IRQ_SET_ACTION_UNMASK | \
	 ABI_VFIO_IRQ_SET_ACTION_TRIGGER)
#define MIN_SIZE 20u /* of the command, before its data */

/* ---- eventfds ---------------------------------------------------------------------------------- */

int uiommu_vfio_eventfd(int fd)
{
	char path[40], target[40];
	ssize_t length;

	if (fd < 0 || fcntl(fd, F_GETFD) < 0)
		return -UAPI_EBADF;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -UIOMMU_EINVAL;
	target[length] = 0;
	if (strcmp(target, "anon_inode:[eventfd]") != 0)
		return -UIOMMU_EINVAL;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -UIOMMU_ENOMEM : fd;
}

void uiommu_vfio_signal(int eventfd)
{
	struct pollfd full = { .fd = eventfd, .events = POLLOUT };
	const uint64_t one = 1;

	/* Whoever does not read loses events, and delays nobody. */
	if (poll(&full, 1, 0) == 1 && full.revents & POLLOUT &&
	    write(eventfd, &one, sizeof(one)) != sizeof(one))
		return;
}

/* ---- the command ------------------------------------------------------------------------------- */

int uiommu_vfio_irq_request(struct uiommu_uapi *uapi, uintptr_t argument, unsigned int indexes,
			    vfio_irq_count_fn count, void *context, struct vfio_irq_request *r)
{
	struct abi_vfio_irq_set set;
	unsigned int max;

	memset(r, 0, sizeof(*r));
	if (uapi_read_user(uapi, &set, argument, MIN_SIZE))
		return -UIOMMU_EFAULT;
	if (set.argsz < MIN_SIZE || set.index >= indexes || set.count >= UINT32_MAX - set.start ||
	    set.flags & ~(uint32_t)(DATA_FLAGS | ACTION_FLAGS))
		return -UIOMMU_EINVAL;
	max = count(context, set.index);
	if (set.start >= max || set.start + set.count > max ||
	    !uiommu_vfio_is_one_bit(set.flags & DATA_FLAGS))
		return -UIOMMU_EINVAL;
	if (set.flags & ABI_VFIO_IRQ_SET_DATA_BOOL)
		r->size = set.count;
	else if (set.flags & ABI_VFIO_IRQ_SET_DATA_EVENTFD)
		r->size = set.count * sizeof(int32_t);
	if (set.argsz - MIN_SIZE < r->size)
		return -UIOMMU_EINVAL;
	if (r->size) {
		r->data = uapi_alloc(uapi, r->size);
		if (!r->data)
			return -UIOMMU_ENOMEM;
		if (uapi_read_user(uapi, r->data, argument + MIN_SIZE, r->size)) {
			uiommu_vfio_irq_request_free(uapi, r);
			return -UIOMMU_EFAULT;
		}
	}
	r->flags = set.flags;
	r->index = set.index;
	r->start = set.start;
	r->count = set.count;
	if (set.flags & ABI_VFIO_IRQ_SET_DATA_BOOL)
		r->bools = r->data;
	if (set.flags & ABI_VFIO_IRQ_SET_DATA_EVENTFD)
		r->fds = r->data;
	return 0;
}

void uiommu_vfio_irq_request_free(struct uiommu_uapi *uapi, struct vfio_irq_request *r)
{
	uapi_free(uapi, r->data, r->size);
}
