/* SPDX-License-Identifier: MIT */
/*
 * mdev_dma.c - the mediated DMA engine: registers, copies, the pages that it keeps pinned, its interrupt
 *
 * A page of a copy is reached by a pin, or not at all: so whoever takes memory away waits for the copy that uses it,
 * and no later one can.
 */
#include <unistd.h>

#include "src/uapi/abi.h"
#include "src/uapi/mdev.h"
#include "src/uapi/vfio_irq.h"

#define REGION_SHIFT 40

static struct uiommu_uapi_mdev *to_mdev(struct vfio_device *device)
{
	return (struct uiommu_uapi_mdev *)(void *)device;
}

static void lock(struct uiommu_uapi_mdev *mdev)
{
	uapi_lock(mdev->device.uapi, &mdev->lock);
}

static void unlock(struct uiommu_uapi_mdev *mdev)
{
	uapi_unlock(mdev->device.uapi, &mdev->lock);
}

static uint64_t pair(const struct uiommu_uapi_mdev *mdev, unsigned int at)
{
	return mdev->reg[at / 4] | (uint64_t)mdev->reg[at / 4 + 1] << 32;
}

/* ---- pins -------------------------------------------------------------------------------------- */

static void unpin(struct uiommu_uapi_mdev *mdev, struct mdev_pin *pin)
{
	if (!pin->valid)
		return;
	uiommu_vfio_unpin_pages(&mdev->device, pin->iova, 1);
	pin->valid = false;
	mdev->reg[MDMA_PINNED / 4]--;
}

/* All that is in [iova, last]. */
static void unpin_range(struct uiommu_uapi_mdev *mdev, uint64_t iova, uint64_t last)
{
	for (unsigned int i = 0; i < mdev->type->pages; i++) {
		struct mdev_pin *pin = &mdev->pins[i];

		if (pin->iova <= last && pin->iova + (UAPI_PAGE - 1) >= iova)
			unpin(mdev, pin);
	}
}

static struct mdev_pin *find_pin(struct uiommu_uapi_mdev *mdev, uint64_t iova, bool write)
{
	for (unsigned int i = 0; i < mdev->type->pages; i++) {
		struct mdev_pin *pin = &mdev->pins[i];

		if (pin->valid && pin->iova == iova && (pin->write || !write))
			return pin;
	}
	return NULL;
}

/* The oldest goes, but not @keep. */
static struct mdev_pin *make_room(struct uiommu_uapi_mdev *mdev, const struct mdev_pin *keep)
{
	struct mdev_pin *pin;

	do { /* there are at least two */
		pin = &mdev->pins[mdev->next_pin];
		mdev->next_pin = (mdev->next_pin + 1) % mdev->type->pages;
	} while (pin == keep);
	unpin(mdev, pin);
	return pin;
}

/* The page of @iova, pinned for what is asked. */
static int get_page(struct uiommu_uapi_mdev *mdev, uint64_t iova, bool write,
		    const struct mdev_pin *keep, struct mdev_pin **out)
{
	struct mdev_pin *pin;
	int rc;

	iova -= iova % UAPI_PAGE;
	*out = find_pin(mdev, iova, write);
	if (*out)
		return 0;
	/* One that was pinned to be read only is pinned anew, also if that is @keep: as the same page. */
	pin = find_pin(mdev, iova, false);
	if (!pin)
		pin = make_room(mdev, keep);
	unpin(mdev, pin);
	rc = uiommu_vfio_pin_pages(&mdev->device, iova, 1, UIOMMU_READ | (write ? UIOMMU_WRITE : 0),
				   &pin->phys);
	if (rc)
		return rc;
	pin->valid = true;
	pin->write = write;
	pin->iova = iova;
	mdev->reg[MDMA_PINNED / 4]++;
	*out = pin;
	return 0;
}

/* ---- copies ------------------------------------------------------------------------------------ */

static unsigned char *pointer(struct uiommu_uapi_mdev *mdev, const struct mdev_pin *pin,
			      uint64_t iova)
{
	unsigned char *page = uiommu_port_user_ptr(mdev->device.uapi->host, pin->phys);

	return page + iova % UAPI_PAGE;
}

static int copy_pinned(struct uiommu_uapi_mdev *mdev, uint64_t to, uint64_t from, size_t size)
{
	struct mdev_pin *source, *destination;
	int rc = get_page(mdev, from, false, NULL, &source);

	if (!rc)
		rc = get_page(mdev, to, true, source, &destination);
	if (!rc)
		memmove(pointer(mdev, destination, to), pointer(mdev, source, from), size);
	return rc;
}

static int copy_buffered(struct uiommu_uapi_mdev *mdev, uint64_t to, uint64_t from, size_t size)
{
	int rc = uiommu_vfio_dma_rw(&mdev->device, from, mdev->buffer, size, false);

	return rc ? rc : uiommu_vfio_dma_rw(&mdev->device, to, mdev->buffer, size, true);
}

static size_t in_page(uint64_t iova, size_t size)
{
	size_t left = UAPI_PAGE - iova % UAPI_PAGE;

	return left < size ? left : size;
}

static int copy(struct uiommu_uapi_mdev *mdev)
{
	uint64_t from = pair(mdev, MDMA_SOURCE), to = pair(mdev, MDMA_DESTINATION);
	size_t left = mdev->reg[MDMA_LENGTH / 4];
	uint32_t flags = mdev->reg[MDMA_FLAGS / 4];

	if (!left || left > MDMA_LENGTH_MAX || flags & ~MDMA_FLAGS_ALL)
		return -UIOMMU_EINVAL;
	if (from > UINT64_MAX - (left - 1) || to > UINT64_MAX - (left - 1))
		return -UIOMMU_EOVERFLOW;
	while (left) {
		size_t piece = in_page(to, in_page(from, left));
		int rc = flags & MDMA_FLAG_BUFFER ? copy_buffered(mdev, to, from, piece) :
						    copy_pinned(mdev, to, from, piece);

		if (rc)
			return rc;
		from += piece;
		to += piece;
		left -= piece;
	}
	return 0;
}

static void command(struct uiommu_uapi_mdev *mdev, uint32_t value)
{
	int rc = -UIOMMU_EINVAL;

	if (value == MDMA_DROP) {
		unpin_range(mdev, 0, UINT64_MAX);
		rc = 0;
	} else if (value == MDMA_COPY) {
		rc = copy(mdev);
	}
	mdev->reg[MDMA_ERROR / 4] = (uint32_t)-rc;
	mdev->reg[MDMA_STATUS / 4] = rc ? MDMA_FAILED : MDMA_DONE;
	if (value == MDMA_COPY && mdev->eventfd >= 0)
		uiommu_vfio_signal(mdev->eventfd);
}

/* ---- registers --------------------------------------------------------------------------------- */

static void reset_locked(struct uiommu_uapi_mdev *mdev)
{
	uint32_t asked = mdev->reg[MDMA_ASKED / 4];

	unpin_range(mdev, 0, UINT64_MAX);
	memset(mdev->reg, 0, sizeof(mdev->reg));
	mdev->reg[MDMA_ID / 4] = MDMA_ID_VALUE;
	mdev->reg[MDMA_ASKED / 4] = asked;
}

static void write_register(struct uiommu_uapi_mdev *mdev, uint64_t at, uint32_t value)
{
	switch (at) {
	case MDMA_COMMAND:
		command(mdev, value);
		break;
	case MDMA_SOURCE:
	case MDMA_SOURCE + 4:
	case MDMA_DESTINATION:
	case MDMA_DESTINATION + 4:
	case MDMA_LENGTH:
	case MDMA_FLAGS:
	case MDMA_MISBEHAVE:
		mdev->reg[at / 4] = value;
		break;
	default:
		break;
	}
}

/* What is left of an access at @position, in region 0; 0: nothing. */
static size_t in_region(uint64_t *position, size_t size)
{
	if (*position >> REGION_SHIFT || *position >= MDMA_REGION_SIZE)
		return 0;
	return size < MDMA_REGION_SIZE - *position ? size : MDMA_REGION_SIZE - (size_t)*position;
}

static long read_region(struct vfio_device *device, void *buffer, size_t size, uint64_t position)
{
	struct uiommu_uapi_mdev *mdev = to_mdev(device);
	size_t have = 0;

	if (!size)
		return 0;
	size = in_region(&position, size);
	if (!size)
		return -UIOMMU_EINVAL;
	lock(mdev);
	if (position < sizeof(mdev->reg)) {
		have = sizeof(mdev->reg) - position < size ? sizeof(mdev->reg) - position : size;
		memcpy(buffer, (uint8_t *)mdev->reg + position, have);
	}
	unlock(mdev);
	memset((uint8_t *)buffer + have, 0, size - have);
	return (long)size;
}

static long write_region(struct vfio_device *device, const void *buffer, size_t size,
			 uint64_t position)
{
	struct uiommu_uapi_mdev *mdev = to_mdev(device);

	if (!size)
		return 0;
	if (in_region(&position, size) != size || position % 4 || size % 4)
		return -UIOMMU_EINVAL;
	lock(mdev);
	for (size_t done = 0; done < size; done += 4) {
		uint32_t value;

		memcpy(&value, (const uint8_t *)buffer + done, sizeof(value));
		write_register(mdev, position + done, value);
	}
	unlock(mdev);
	return (long)size;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static long get_info(struct uiommu_uapi *uapi, uintptr_t argument)
{
	struct abi_vfio_device_info info = { 0 };
	int rc = uiommu_uapi_fetch_argsz(uapi, &info, argument, 16);

	if (rc)
		return rc;
	info.flags = ABI_VFIO_DEVICE_FLAGS_PLATFORM | ABI_VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 1;
	info.num_irqs = 1;
	return uiommu_uapi_store(uapi, argument, &info, info.argsz, sizeof(info));
}

static long get_region_info(struct uiommu_uapi *uapi, uintptr_t argument)
{
	struct abi_vfio_region_info info = { 0 };
	int rc = uiommu_uapi_fetch_argsz(uapi, &info, argument, sizeof(info));

	if (rc)
		return rc;
	if (info.index)
		return -UIOMMU_EINVAL;
	info.flags = ABI_VFIO_REGION_INFO_FLAG_READ | ABI_VFIO_REGION_INFO_FLAG_WRITE;
	info.size = MDMA_REGION_SIZE;
	info.offset = 0;
	return uiommu_uapi_store(uapi, argument, &info, info.argsz, sizeof(info));
}

static long get_irq_info(struct uiommu_uapi *uapi, uintptr_t argument)
{
	struct abi_vfio_irq_info info = { 0 };
	int rc = uiommu_uapi_fetch_argsz(uapi, &info, argument, sizeof(info));

	if (rc)
		return rc;
	if (info.index)
		return -UIOMMU_EINVAL;
	info.flags = ABI_VFIO_IRQ_INFO_EVENTFD | ABI_VFIO_IRQ_INFO_NORESIZE;
	info.count = 1;
	return uiommu_uapi_store(uapi, argument, &info, info.argsz, sizeof(info));
}

static void set_eventfd(struct uiommu_uapi_mdev *mdev, int fd)
{
	int was;

	lock(mdev);
	was = mdev->eventfd;
	mdev->eventfd = fd;
	unlock(mdev);
	if (was >= 0)
		close(was);
}

static long trigger(struct uiommu_uapi_mdev *mdev, const struct vfio_irq_request *r)
{
	int fd = -1;

	if (uiommu_vfio_irq_has_fds(r)) {
		if (r->count != 1)
			return -UIOMMU_EINVAL;
		if (r->fds[0] >= 0) {
			fd = uiommu_vfio_eventfd(r->fds[0]);
			if (fd < 0)
				return fd;
		}
		set_eventfd(mdev, fd);
		return 0;
	}
	if (!r->count) {
		set_eventfd(mdev, -1);
		return 0;
	}
	lock(mdev);
	if (uiommu_vfio_irq_is_set(r, 0) && mdev->eventfd >= 0)
		uiommu_vfio_signal(mdev->eventfd);
	unlock(mdev);
	return 0;
}

static unsigned int one_irq(void *context, unsigned int index)
{
	(void)context;
	(void)index;
	return 1;
}

static long set_irqs(struct uiommu_uapi_mdev *mdev, uintptr_t argument)
{
	const uint32_t actions = ABI_VFIO_IRQ_SET_ACTION_MASK | ABI_VFIO_IRQ_SET_ACTION_UNMASK |
				 ABI_VFIO_IRQ_SET_ACTION_TRIGGER;
	struct uiommu_uapi *uapi = mdev->device.uapi;
	struct vfio_irq_request r;
	long rc = uiommu_vfio_irq_request(uapi, argument, 1, one_irq, NULL, &r);

	if (rc)
		return rc;
	rc = (r.flags & actions) == ABI_VFIO_IRQ_SET_ACTION_TRIGGER ? trigger(mdev, &r) :
								      -UAPI_ENOTTY;
	uiommu_vfio_irq_request_free(uapi, &r);
	return rc;
}

static long reset(struct uiommu_uapi_mdev *mdev)
{
	lock(mdev);
	reset_locked(mdev);
	unlock(mdev);
	return 0;
}

static long device_command(struct vfio_device *device, struct uiommu_uapi_process *caller,
			   uint32_t number, uintptr_t argument)
{
	(void)caller;
	switch (number) {
	case ABI_VFIO_DEVICE_GET_INFO:
		return get_info(device->uapi, argument);
	case ABI_VFIO_DEVICE_GET_REGION_INFO:
		return get_region_info(device->uapi, argument);
	case ABI_VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(device->uapi, argument);
	case ABI_VFIO_DEVICE_SET_IRQS:
		return set_irqs(to_mdev(device), argument);
	case ABI_VFIO_DEVICE_RESET:
		return reset(to_mdev(device));
	default:
		return -UAPI_ENOTTY;
	}
}

/* ---- the driver -------------------------------------------------------------------------------- */

static int open_device(struct vfio_device *device)
{
	struct uiommu_uapi_mdev *mdev = to_mdev(device);

	lock(mdev);
	mdev->reg[MDMA_ASKED / 4] = 0;
	reset_locked(mdev);
	unlock(mdev);
	return 0;
}

static void close_device(struct vfio_device *device)
{
	reset(to_mdev(device));
	set_eventfd(to_mdev(device), -1);
}

/* What takes a whole address space away cannot be withstood: nobody could unpin there later. */
static void dma_unmap(struct vfio_device *device, uint64_t iova, uint64_t length)
{
	struct uiommu_uapi_mdev *mdev = to_mdev(device);
	bool whole = !iova && length == UINT64_MAX;

	lock(mdev);
	mdev->reg[MDMA_ASKED / 4]++;
	if (whole || !(mdev->reg[MDMA_MISBEHAVE / 4] & MDMA_MISBEHAVE_DEAF))
		unpin_range(mdev, iova, whole ? UINT64_MAX : iova + (length - 1));
	unlock(mdev);
}

const struct vfio_driver uiommu_mdev_driver = {
	.name = "mdma",
	.open = open_device,
	.close = close_device,
	.ioctl = device_command,
	.read = read_region,
	.write = write_region,
	.dma_unmap = dma_unmap,
};
