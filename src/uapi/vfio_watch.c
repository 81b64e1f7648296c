/* SPDX-License-Identifier: MIT */
/*
 * vfio_watch.c - eventfds that a program signals: IOEVENTFD, and those that mask and unmask interrupts
 *
 * Each has a thread that waits for it.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/uapi/vfio_irq.h"

struct vfio_watch {
	int fd; /* our copy */
	int stop; /* signalled when it shall end */
	pthread_t thread;
	struct uiommu_uapi *uapi;
	void (*signalled)(void *context);
	void *context;
};

static void *wait_for(void *context)
{
	struct vfio_watch *watch = context;
	struct pollfd fds[2] = {
		{ .fd = watch->fd, .events = POLLIN },
		{ .fd = watch->stop, .events = POLLIN },
	};
	uint64_t count;
	struct iovec to = { &count, sizeof(count) };

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			return NULL;
		/* Another reader may be faster, and this one must not sleep for the next signal then. */
		if (fds[0].revents & POLLIN && preadv2(watch->fd, &to, 1, -1, RWF_NOWAIT) > 0)
			watch->signalled(watch->context);
	}
}

int uiommu_vfio_watch_start(struct uiommu_uapi *uapi, int fd, void (*signalled)(void *context),
			    void *context, struct vfio_watch **slot)
{
	struct vfio_watch *watch;
	int copy = uiommu_vfio_eventfd(fd);
	int rc = -UIOMMU_ENOMEM;

	if (copy < 0)
		return copy;
	if (*slot) {
		rc = -UIOMMU_EBUSY;
		goto err_close;
	}
	watch = uapi_alloc(uapi, sizeof(*watch));
	if (!watch)
		goto err_close;
	*watch = (struct vfio_watch){ .fd = copy,
				      .stop = eventfd(0, EFD_CLOEXEC),
				      .uapi = uapi,
				      .signalled = signalled,
				      .context = context };
	if (watch->stop < 0)
		goto err_free;
	if (pthread_create(&watch->thread, NULL, wait_for, watch))
		goto err_stop;
	*slot = watch;
	return 0;
err_stop:
	close(watch->stop);
err_free:
	uapi_free(uapi, watch, sizeof(*watch));
err_close:
	close(copy);
	return rc;
}

void uiommu_vfio_watch_stop(struct vfio_watch **slot)
{
	struct vfio_watch *watch = *slot;

	if (!watch)
		return;
	uiommu_vfio_signal(watch->stop);
	pthread_join(watch->thread, NULL);
	close(watch->stop);
	close(watch->fd);
	uapi_free(watch->uapi, watch, sizeof(*watch));
	*slot = NULL;
}
