/* SPDX-License-Identifier: MIT */
/*
 * platform_irq.c - interrupts of vfio-platform: SET_IRQS, masks, and what signals the program's eventfds
 *
 * All interrupts are asked for when the device is opened; one that the host refuses is an error for whoever wants to
 * use that one.  A level interrupt is masked each time it comes, by the interrupt controller, until UNMASK; edges are not
 * masked by programs.  What the controller is told follows from two facts, trigger and masked, and is told with the
 * line lock held, so that the last word is about the last state.
 */
#include <unistd.h>

#include "src/uapi/platform.h"

#define ACTION_FLAGS                                                     \
	(ABI_VFIO_IRQ_SET_ACTION_MASK | ABI_VFIO_IRQ_SET_ACTION_UNMASK | \
	 ABI_VFIO_IRQ_SET_ACTION_TRIGGER)

static struct uiommu_uapi *uapi_of(struct vfio_platform *platform)
{
	return platform->device.uapi;
}

static bool is_level(const struct vfio_platform *platform, unsigned int index)
{
	return platform->io->irqs[index].level;
}

/* It has come. irq_lock is held. */
static void raise_irq(struct vfio_platform *platform, unsigned int index)
{
	struct platform_irq *irq = &platform->irqs[index];

	if (irq->masked)
		return;
	irq->masked = is_level(platform, index);
	if (irq->trigger >= 0)
		uiommu_vfio_signal(irq->trigger);
}

/* With no trigger nobody takes notice: the controller keeps it, masked, until somebody is there. */
static void deliver(void *token, unsigned int index)
{
	struct vfio_platform *platform = token;

	uapi_lock(uapi_of(platform), &platform->irq_lock);
	if (platform->irqs[index].trigger >= 0)
		raise_irq(platform, index);
	uapi_unlock(uapi_of(platform), &platform->irq_lock);
}

/* ---- the interrupt controller ------------------------------------------------------------------ */

/* line_lock is held. */
static void tell_controller(struct vfio_platform *platform, unsigned int index)
{
	const struct uiommu_uapi_platform_io *io = platform->io;
	struct platform_irq *irq = &platform->irqs[index];
	bool masked;

	uapi_lock(uapi_of(platform), &platform->irq_lock);
	masked = irq->masked || irq->trigger < 0;
	uapi_unlock(uapi_of(platform), &platform->irq_lock);
	io->mask_irq(io->context, index, masked);
}

static void set_masked(struct vfio_platform *platform, unsigned int index, bool masked)
{
	uapi_lock(uapi_of(platform), &platform->line_lock);
	uapi_lock(uapi_of(platform), &platform->irq_lock);
	platform->irqs[index].masked = masked;
	uapi_unlock(uapi_of(platform), &platform->irq_lock);
	tell_controller(platform, index);
	uapi_unlock(uapi_of(platform), &platform->line_lock);
}

/* @trigger is ours from now on; -1: off. */
static void set_trigger(struct vfio_platform *platform, unsigned int index, int trigger)
{
	struct platform_irq *irq = &platform->irqs[index];
	int was;

	uapi_lock(uapi_of(platform), &platform->line_lock);
	uapi_lock(uapi_of(platform), &platform->irq_lock);
	was = irq->trigger;
	irq->trigger = trigger;
	uapi_unlock(uapi_of(platform), &platform->irq_lock);
	tell_controller(platform, index);
	uapi_unlock(uapi_of(platform), &platform->line_lock);
	if (was >= 0)
		close(was);
}

/* As if the device had raised it. */
static void loop_back(struct vfio_platform *platform, unsigned int index)
{
	uapi_lock(uapi_of(platform), &platform->line_lock);
	uapi_lock(uapi_of(platform), &platform->irq_lock);
	raise_irq(platform, index);
	uapi_unlock(uapi_of(platform), &platform->irq_lock);
	tell_controller(platform, index);
	uapi_unlock(uapi_of(platform), &platform->line_lock);
}

/* ---- the actions ------------------------------------------------------------------------------- */

/* What a watch is about. */
static unsigned int index_of(const struct platform_irq *irq)
{
	return (unsigned int)(irq - irq->platform->irqs);
}

static void mask_signalled(void *context)
{
	struct platform_irq *irq = context;

	set_masked(irq->platform, index_of(irq), true);
}

static void unmask_signalled(void *context)
{
	struct platform_irq *irq = context;

	set_masked(irq->platform, index_of(irq), false);
}

static long masking(struct vfio_platform *platform, const struct vfio_irq_request *r, bool mask)
{
	struct platform_irq *irq = &platform->irqs[r->index];
	struct vfio_watch **watch = mask ? &irq->mask : &irq->unmask;

	if (r->start || r->count != 1 || !is_level(platform, r->index))
		return -UIOMMU_EINVAL;
	if (!uiommu_vfio_irq_has_fds(r)) {
		if (uiommu_vfio_irq_is_set(r, 0))
			set_masked(platform, r->index, mask);
		return 0;
	}
	if (r->fds[0] >= 0)
		return uiommu_vfio_watch_start(uapi_of(platform), r->fds[0],
					       mask ? mask_signalled : unmask_signalled, irq,
					       watch);
	uiommu_vfio_watch_stop(watch);
	return 0;
}

static long trigger(struct vfio_platform *platform, const struct vfio_irq_request *r)
{
	int fd = -1;

	if (!r->count && r->flags & ABI_VFIO_IRQ_SET_DATA_NONE) {
		set_trigger(platform, r->index, -1);
		return 0;
	}
	if (r->start || r->count != 1)
		return -UIOMMU_EINVAL;
	if (!uiommu_vfio_irq_has_fds(r)) {
		if (uiommu_vfio_irq_is_set(r, 0))
			loop_back(platform, r->index);
		return 0;
	}
	if (r->fds[0] >= 0) {
		fd = uiommu_vfio_eventfd(r->fds[0]);
		if (fd < 0)
			return fd;
	}
	set_trigger(platform, r->index, fd);
	return 0;
}

static long act(struct vfio_platform *platform, const struct vfio_irq_request *r)
{
	if (platform->irqs[r->index].error)
		return platform->irqs[r->index].error;
	switch (r->flags & ACTION_FLAGS) {
	case ABI_VFIO_IRQ_SET_ACTION_MASK:
		return masking(platform, r, true);
	case ABI_VFIO_IRQ_SET_ACTION_UNMASK:
		return masking(platform, r, false);
	case ABI_VFIO_IRQ_SET_ACTION_TRIGGER:
		return trigger(platform, r);
	default:
		return -UAPI_ENOTTY;
	}
}

/* ---- the command ------------------------------------------------------------------------------- */

/* Linux compares start and count with the number of indexes here; each has one interrupt. */
static unsigned int irq_count(void *context, unsigned int index)
{
	(void)index;
	return ((struct vfio_platform *)context)->io->num_irqs;
}

long uiommu_vfio_platform_set_irqs(struct vfio_platform *platform, uintptr_t argument)
{
	struct vfio_irq_request r;
	long rc = uiommu_vfio_irq_request(uapi_of(platform), argument, platform->io->num_irqs,
					  irq_count, platform, &r);

	if (rc)
		return rc;
	rc = act(platform, &r);
	uiommu_vfio_irq_request_free(uapi_of(platform), &r);
	return rc;
}

void uiommu_vfio_platform_irq_start(struct vfio_platform *platform)
{
	const struct uiommu_uapi_platform_io *io = platform->io;

	for (unsigned int i = 0; i < io->num_irqs; i++)
		platform->irqs[i] = (struct platform_irq){ .platform = platform, .trigger = -1 };
	for (unsigned int i = 0; i < io->num_irqs; i++)
		platform->irqs[i].error = io->set_irq(io->context, i, deliver, platform);
}

void uiommu_vfio_platform_irq_stop(struct vfio_platform *platform)
{
	const struct uiommu_uapi_platform_io *io = platform->io;

	for (unsigned int i = 0; i < io->num_irqs; i++) {
		struct platform_irq *irq = &platform->irqs[i];

		uiommu_vfio_watch_stop(&irq->mask);
		uiommu_vfio_watch_stop(&irq->unmask);
		if (irq->error)
			continue;
		set_trigger(platform, i, -1);
		io->set_irq(io->context, i, NULL, NULL);
	}
}
