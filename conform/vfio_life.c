/* SPDX-License-Identifier: MIT */
/* vfio_life.c - who may open what, who waits for whom, and devices that come and go under their users */
#include "conform/vfio.h"

#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "conform/races.h"
#include "conform/script.h"

/* ---- C198: one way at a time ------------------------------------------------------------------------ */

/* What a file without access to its device says to everything but BIND. */
static void no_access(struct subject *s, struct abi *a, int cdev, uint32_t ioas)
{
	struct abi_vfio_device_info info = { .argsz = sizeof(info) };
	unsigned char byte;
	uint32_t pt = ioas;
	void *memory;

	CHECK_RC(s, abi_ioctl(a, cdev, ABI_VFIO_DEVICE_GET_INFO, &info), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_ioctl_number(a, cdev, ABI_VFIO_DEVICE_RESET, 0), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_attach(a, cdev, &pt), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_detach(a, cdev), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_pread(a, cdev, &byte, 1, 7ull << 40), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_pwrite(a, cdev, &byte, 1, 7ull << 40), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_mmap(a, cdev, 0, ABI_PAGE, &memory), -UIOMMU_EINVAL);
}

static void by_group_then_cdev(struct subject *s, struct abi *a, int iommufd, uint32_t ioas)
{
	struct abi_device *d = abi_vfio_device(a, "solo0");
	int group, copy, container, cdev, second, device;
	uint32_t id, pt = ioas;

	/* One opener, whoever has copies of its file. */
	CHECK_FD(s, abi_open_group(d), &group);
	CHECK_RC(s, abi_open_group(d), -UIOMMU_EBUSY);
	CHECK_FD(s, abi_dup(a, group), &copy);
	CHECK_OK(s, abi_close(a, group));
	CHECK_RC(s, abi_open_group(d), -UIOMMU_EBUSY);

	/* The cdev's file opens, and that is all. */
	CHECK_FD(s, abi_open_cdev(d), &cdev);
	no_access(s, a, cdev, ioas);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EBUSY);

	/* The device's file by way of the group never binds, nor attaches. */
	container = abi_container(a, copy, ABI_VFIO_TYPE1V2_IOMMU);
	CHECK_FD(s, abi_group_device(a, copy, d), &device);
	CHECK_RC(s, abi_bind_iommufd(a, device, iommufd, &id), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_attach(a, device, &pt), -ABI_ENOTTY);
	CHECK_RC(s, abi_detach(a, device), -ABI_ENOTTY);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EBUSY);
	/* It keeps the group's file open. */
	CHECK_OK(s, abi_close(a, container));
	CHECK_OK(s, abi_close(a, copy));
	CHECK_RC(s, abi_open_group(d), -UIOMMU_EBUSY);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_close(a, device));

	/* And now the other way. */
	CHECK_RC(s, abi_bind_iommufd(a, cdev, 1000, &id), -ABI_EBADF);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, -1, &id), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, cdev, &id), -ABI_EBADFD);
	CHECK_OK(s, abi_bind_iommufd(a, cdev, iommufd, &id));
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EINVAL);
	CHECK_FD(s, abi_open_cdev(d), &second);
	no_access(s, a, second, ioas);
	CHECK_RC(s, abi_bind_iommufd(a, second, iommufd, &id), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_open_group(d), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_close(a, cdev));
	CHECK_FD(s, abi_open_group(d), &group);
	CHECK_RC(s, abi_bind_iommufd(a, second, iommufd, &id), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_bind_iommufd(a, second, iommufd, &id));
	CHECK_OK(s, abi_close(a, second));
}

/* A group has one owner, by whichever member it came. */
static void by_members(struct subject *s, struct abi *a, int iommufd, uint32_t ioas,
		       struct subject_buffer *buffer)
{
	struct abi_device *d[2] = { abi_vfio_device(a, "trio0"), abi_vfio_device(a, "trio1") };
	int other = abi_iommufd(a), cdev, group, container;
	uint32_t id;

	abi_bind(a, iommufd, "trio0");
	abi_blocked(d[0], s->iova, buffer->mem);
	CHECK_RC(s, abi_open_group(d[1]), -UIOMMU_EBUSY);
	CHECK_FD(s, abi_open_cdev(d[1]), &cdev);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, other, &id), -UIOMMU_EPERM);
	abi_attached(d[0], ioas);
	abi_reaches(d[0], s->iova, buffer->mem, RW);
	CHECK_OK(s, abi_bind_iommufd(a, cdev, iommufd, &id));
	CHECK_OK(s, abi_close(a, cdev));
	abi_reaches(d[0], s->iova, buffer->mem, RW);
	abi_unbind(d[0]);

	CHECK_FD(s, abi_open_group(d[1]), &group);
	container = abi_container(a, group, ABI_VFIO_TYPE1V2_IOMMU);
	CHECK_FD(s, abi_open_cdev(d[0]), &cdev);
	CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_close(a, cdev));
	CHECK_RC(s, abi_set_container(a, group, container), -UIOMMU_EINVAL);
	CHECK_OK(s, abi_unset_container(a, group));
	CHECK_RC(s, abi_unset_container(a, group), -UIOMMU_EINVAL);
	/* Files of other kinds are no containers. */
	CHECK_RC(s, abi_set_container(a, group, 1000), -ABI_EBADF);
	CHECK_RC(s, abi_set_container(a, group, group), -ABI_EBADFD);
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, container));
	CHECK_OK(s, abi_close(a, other));
}

static void c198_one_way(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, true);
	struct subject_buffer buffer = subject_buffer(s, s->page);
	int iommufd = abi_iommufd(a);
	uint32_t ioas = abi_ioas(a, iommufd);

	CHECK_OK(s, abi_map(a, iommufd, ioas, s->iova, buffer.mem, s->page, ABI_RW));
	by_group_then_cdev(s, a, iommufd, ioas);
	by_members(s, a, iommufd, ioas, &buffer);
	CHECK_OK(s, abi_destroy(a, iommufd, ioas));
	CHECK_OK(s, abi_close(a, iommufd));
	subject_buffer_free(s, &buffer);
	abi_end(a);
}

/* ---- somebody who takes a device away, in a thread --------------------------------------------------- */

struct taker {
	struct abi_device *d;
	struct machine *machine; /* not NULL: it is pulled */
	pthread_t thread;
	_Atomic int done;
	int rc;
};

static void *take_main(void *context)
{
	struct taker *t = context;

	if (t->machine) {
		abi_remove_device(t->d);
		machine_remove_device(t->machine, t->d->machine);
		t->rc = 0;
	} else {
		t->rc = abi_unbind_driver(t->d);
	}
	atomic_store(&t->done, 1);
	return NULL;
}

static void take(struct subject *s, struct taker *t, struct abi_device *d, bool pull)
{
	*t = (struct taker){ .d = d, .machine = pull ? s->machine : NULL };
	CHECK(s, pthread_create(&t->thread, NULL, take_main, t) == 0, "no thread");
}

static void taken(struct subject *s, struct taker *t)
{
	struct interleave_wait wait = { 0 };

	while (!atomic_load(&t->done))
		CHECK(s, interleave_wait(&wait), "nobody has it open, and its driver still waits");
	pthread_join(t->thread, NULL);
	CHECK(s, t->rc == 0, "unbind: %s", uiommu_strerror(t->rc));
}

/* Somebody has it open: long enough for a driver that does not wait. */
static void waits(struct subject *s, struct taker *t, const char *why)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	nanosleep(&pause, NULL);
	CHECK(s, !atomic_load(&t->done), "unbind did not wait for %s", why);
}

/* The device's file tells its program by @event that somebody wants it back. */
static void ask_by(struct subject *s, struct abi *a, int device, int event)
{
	struct {
		struct abi_vfio_irq_set set;
		int32_t fd;
	} irq = {
		.set = { .argsz = sizeof(irq),
			 .flags = ABI_VFIO_IRQ_SET_DATA_EVENTFD | ABI_VFIO_IRQ_SET_ACTION_TRIGGER,
			 .index = 4,
			 .count = 1 },
		.fd = event,
	};

	CHECK_OK(s, abi_ioctl(a, device, ABI_VFIO_DEVICE_SET_IRQS, &irq));
}

static void asked(struct subject *s, int event)
{
	struct pollfd fd = { .fd = event, .events = POLLIN };
	uint64_t count;

	CHECK(s, poll(&fd, 1, 10000) == 1 && read(event, &count, sizeof(count)) == sizeof(count),
	      "somebody wants the device, and its program was not told");
}

/* ---- C199: unbind waits ------------------------------------------------------------------------------ */

enum which { DEVICE, DEVICE_TOO, GROUP, CONTAINER, FILES };

static const char *const names[FILES] = { "a device", "the other device", "the group",
					  "the container" };

/* Everything is open, the driver is taken away, and @order is that in which the program closes. */
static void closed_in_order(struct subject *s, struct abi *a, const unsigned int order[FILES],
			    struct subject_buffer *buffer)
{
	struct abi_device *d = abi_vfio_device(a, "solo0");
	int fd[FILES], event = eventfd(0, 0);
	struct abi_vfio_device_info info;
	unsigned int devices = 2;
	struct taker t;
	int rc;

	CHECK(s, event >= 0, "no eventfd");
	CHECK_FD(s, abi_open_group(d), &fd[GROUP]);
	fd[CONTAINER] = abi_container(a, fd[GROUP], ABI_VFIO_TYPE1V2_IOMMU);
	CHECK_OK(s, abi_map_dma(a, fd[CONTAINER], s->iova, buffer->mem, s->page, DMA_RW));
	CHECK_FD(s, abi_group_device(a, fd[GROUP], d), &fd[DEVICE]);
	CHECK_FD(s, abi_group_device(a, fd[GROUP], d), &fd[DEVICE_TOO]);
	vfio_go(s, "solo0");
	abi_reaches(d, s->iova, buffer->mem, RW);
	CHECK_RC(s, abi_unset_container(a, fd[GROUP]), -UIOMMU_EBUSY);
	ask_by(s, a, fd[DEVICE], event);

	take(s, &t, d, false);
	asked(s, event);
	/* Nothing new, and what there is works on. */
	CHECK_RC(s, abi_group_device(a, fd[GROUP], d), -UIOMMU_ENODEV);
	CHECK_RC(s, abi_open_cdev(d), -UIOMMU_ENODEV);
	for (unsigned int i = 0; i < FILES; i++) {
		if (devices)
			waits(s, &t, names[order[i]]);
		info = (struct abi_vfio_device_info){ .argsz = sizeof(info) };
		for (unsigned int n = i; n < FILES; n++)
			if (order[n] == DEVICE || order[n] == DEVICE_TOO)
				CHECK_OK(s, abi_ioctl(a, fd[order[n]], ABI_VFIO_DEVICE_GET_INFO,
						      &info));
		if (devices)
			abi_reaches(d, s->iova, buffer->mem, RW);
		CHECK_OK(s, abi_close(a, fd[order[i]]));
		if (order[i] != DEVICE && order[i] != DEVICE_TOO)
			continue;
		if (--devices)
			continue;
		/* The last device is closed: the driver goes, whatever else is open. */
		taken(s, &t);
		vfio_go(s, "solo0");
		abi_blocked(d, s->iova, buffer->mem);
	}
	CHECK(s, abi_pins(a) == 0, "something is still pinned");
	vfio_is_free(s, "solo0");
	rc = abi_open_group(d);
	CHECK(s, rc == -UIOMMU_ENOENT || rc == -UIOMMU_ENODEV,
	      "a group without a device with a VFIO driver was opened: %d", rc);
	close(event);
}

/* A file of a group whose devices have gone. */
static void group_stays(struct subject *s, struct abi *a)
{
	struct abi_device *d = abi_vfio_device(a, "solo0");
	uint32_t flags = 0;
	int group, container;

	CHECK_FD(s, abi_open_group(d), &group);
	container = abi_container(a, group, ABI_VFIO_TYPE1V2_IOMMU);
	CHECK_OK(s, abi_unbind_driver(d));
	vfio_is_free(s, "solo0");
	CHECK_RC(s, abi_group_flags(a, group, &flags), -UIOMMU_ENODEV);
	CHECK_RC(s, abi_group_device(a, group, d), -UIOMMU_ENODEV);
	CHECK_OK(s, abi_close(a, group));
	CHECK_OK(s, abi_close(a, container));
	/* And it comes again. */
	d = abi_vfio_device(a, "solo0");
	CHECK_FD(s, abi_open_group(d), &group);
	CHECK_OK(s, abi_group_flags(a, group, &flags));
	CHECK(s, flags == ABI_VFIO_GROUP_FLAGS_VIABLE, "the group's flags are 0x%x", flags);
	CHECK_OK(s, abi_close(a, group));
}

static void by_cdev(struct subject *s, struct abi *a, struct subject_buffer *buffer)
{
	int iommufd = abi_iommufd(a), event = eventfd(0, 0), unbound;
	uint32_t ioas = abi_ioas(a, iommufd);
	struct abi_device *d;
	struct taker t;

	CHECK(s, event >= 0, "no eventfd");
	CHECK_OK(s, abi_map(a, iommufd, ioas, s->iova, buffer->mem, s->page, ABI_RW));
	d = abi_bind(a, iommufd, "solo0");
	abi_attached(d, ioas);
	ask_by(s, a, d->cdev, event);
	CHECK_FD(s, abi_open_cdev(d), &unbound);
	take(s, &t, d, false);
	asked(s, event);
	abi_reaches(d, s->iova, buffer->mem, RW);
	waits(s, &t, "a bound device");
	CHECK_RC(s, abi_open_cdev(d), -UIOMMU_ENODEV);
	abi_unbind(d);
	vfio_go(s, "solo0");
	abi_blocked(d, s->iova, buffer->mem);
	CHECK_OK(s, abi_close(a, unbound));
	taken(s, &t);
	vfio_is_free(s, "solo0");
	CHECK(s, abi_pins(a) == 0, "something is still pinned");
	CHECK_OK(s, abi_destroy(a, iommufd, ioas));
	CHECK_OK(s, abi_close(a, iommufd));
	close(event);
}

static void c199_unbind_waits(struct subject *s)
{
	static const unsigned int orders[][FILES] = {
		{ DEVICE, DEVICE_TOO, GROUP, CONTAINER }, { DEVICE_TOO, DEVICE, CONTAINER, GROUP },
		{ GROUP, DEVICE, DEVICE_TOO, CONTAINER }, { GROUP, CONTAINER, DEVICE_TOO, DEVICE },
		{ CONTAINER, DEVICE, GROUP, DEVICE_TOO }, { DEVICE, CONTAINER, DEVICE_TOO, GROUP },
	};
	struct abi *a = vfio_start(s, NULL, false);
	struct subject_buffer buffer = subject_buffer(s, s->page);

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		closed_in_order(s, a, orders[i], &buffer);
	group_stays(s, a);
	if (s->page == ABI_PAGE)
		by_cdev(s, a, &buffer);
	subject_buffer_free(s, &buffer);
	abi_end(a);
}

/* ---- C017: the last one leaves, and comes again ------------------------------------------------------ */

static void c017_last_leaves(struct subject *s)
{
	struct uiommu_group *group;
	struct abi_device *d;
	enum uiommu_domain_type booted;
	char path[64];
	struct abi *a = vfio_start(s, NULL, false);
	unsigned int id, again;
	int fd;

	group = subject_group(s, "solo0");
	booted = uiommu_group_default_type(group);
	id = uiommu_group_id(group);
	/* What somebody chose for the group that was is not for the one that will be. */
	if (booted == UIOMMU_DOMAIN_DMA)
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
	uiommu_group_put(group);
	d = abi_vfio_device(a, "solo0");
	CHECK_FD(s, abi_open_group(d), &fd);
	CHECK(s, uiommu_uapi_device_group_path(d->device, path, sizeof(path)) > 0, "no path");
	CHECK_OK(s, abi_close(a, fd));
	abi_remove_device(d);
	machine_remove_device(s->machine, d->machine);
	CHECK_RC(s, abi_open(a, path), -UIOMMU_ENOENT);
	/* Its number is free: whoever comes next may have it, and is not the old one. */
	CHECK_OK(s, machine_add_device(s->machine, d->machine));
	group = subject_group(s, "solo0");
	again = uiommu_group_id(group);
	CHECK(s, again == id, "the number %u is free and the group has %u", id, again);
	CHECK(s, uiommu_group_default_type(group) == booted,
	      "the default type is not that with which the machine came up");
	uiommu_group_put(group);
	CHECK_RC(s, abi_open(a, path), -UIOMMU_ENOENT);
	vfio_is_free(s, "solo0");
	d = abi_vfio_device(a, "solo0");
	CHECK_FD(s, abi_open(a, path), &fd);
	CHECK_OK(s, abi_close(a, fd));
	abi_end(a);
}

/* ---- C018: pulled under DMA -------------------------------------------------------------------------- */

/* The device goes on with its stream for a while. */
static void go_on(struct subject *s, struct machine_device *device,
		  struct machine_stream_stats *stats)
{
	struct machine_stream_stats before;
	struct interleave_wait wait = { 0 };

	machine_stream_stats(device, &before);
	do {
		machine_stream_stats(device, stats);
		if (stats->done + stats->refused >= before.done + before.refused + 16)
			return;
	} while (interleave_wait(&wait));
	CHECK(s, false, "the device does not go on with its stream");
}

static void pulled(struct subject *s, bool opened)
{
	const uint64_t word = subject_random(s), other = ~word;
	struct abi *a = vfio_start(s, NULL, false);
	struct machine_stream_stats stats, late;
	struct box b = box_begin(a, 2);
	int event = eventfd(0, 0), device = -1;
	struct abi_device *d;
	struct taker t;

	CHECK(s, event >= 0, "no eventfd");
	box_add(&b, "pasid0");
	d = b.device[0];
	race_fill(s, &b.buffer, 0, word);
	CHECK_OK(s, box_map(&b, s->iova, 0, 1));
	if (opened) {
		CHECK_FD(s, abi_group_device(a, b.group[0], d), &device);
		ask_by(s, a, device, event);
		vfio_go(s, "pasid0");
	}
	CHECK_OK(s, machine_stream_start(d->machine, s->iova, s->page, 0, 0, word, word));
	go_on(s, d->machine, &stats);
	CHECK(s, stats.done && !stats.refused, "%llu words were refused before anything happened",
	      (unsigned long long)stats.refused);
	take(s, &t, d, true);
	if (opened) {
		asked(s, event);
		/* Its program has been told and has done nothing yet: all goes on. */
		go_on(s, d->machine, &stats);
		CHECK(s, !stats.refused, "%llu words were refused while the device was in use",
		      (unsigned long long)stats.refused);
		CHECK_OK(s, abi_close(a, device));
	}
	taken(s, &t);
	if (opened) {
		/* Closing it has reset it: it begins again, with nobody to tell it not to. */
		machine_stream_stop(d->machine, &stats);
		CHECK(s, !stats.wrong, "%llu words were not those of the program",
		      (unsigned long long)stats.wrong);
		vfio_go(s, "pasid0");
		CHECK_OK(s, machine_stream_start(d->machine, s->iova, s->page, 0, 0, word, word));
	}
	/* Nothing is pinned, and the memory is the program's: the device sees and changes none of it. */
	CHECK(s, abi_pins(a) == 0, "%llu pages of a device that is gone are pinned",
	      (unsigned long long)abi_pins(a));
	race_fill(s, &b.buffer, 0, other);
	go_on(s, d->machine, &stats);
	go_on(s, d->machine, &late);
	CHECK(s, late.done == stats.done, "a device that is gone reads on");
	machine_stream_stop(d->machine, &stats);
	CHECK(s, !stats.wrong, "%llu words were not those of the program",
	      (unsigned long long)stats.wrong);
	for (uint64_t at = 0; at < s->page; at += sizeof(word))
		CHECK(s, !memcmp(b.buffer.mem + at, &other, sizeof(other)),
		      "a device that is gone wrote to the program's memory");
	race_forget_faults(s);
	box_end(&b);
	close(event);
	CHECK_OK(s, machine_add_device(s->machine, d->machine));
	vfio_is_free(s, "pasid0");
	abi_end(a);
}

static void c018_pulled(struct subject *s)
{
	subject_boot(s, 0);
	pulled(s, true);
	pulled(s, false);
}

/* ---- C021: one more member for a group that a program has --------------------------------------------- */

static void c021_joins_a_used_group(struct subject *s)
{
	struct uiommu_device *dev;
	struct abi_device *d;
	struct abi *a;
	uint32_t flags;
	struct box b;
	int device;

	subject_boot(s, 0);
	subject_machine_device(s, "trio2");
	machine_remove_device(s->machine, machine_device(s->machine, "trio2"));
	a = vfio_start(s, NULL, false);
	b = box_begin(a, 2);
	box_add(&b, "trio0");
	CHECK_OK(s, box_map(&b, s->iova, 0, 2));
	box_reaches(&b, s->iova, 0, 2);

	CHECK_OK(s, machine_add_device(s->machine, machine_device(s->machine, "trio2")));
	d = abi_device(a, "trio2");
	dev = subject_device(s, "trio2");
	/* It is where its group is: what the program has mapped, and nothing else. */
	for (uint64_t i = 0; i < 2; i++)
		abi_reaches(d, s->iova + i * s->page, b.buffer.mem + i * s->page, RW);
	abi_blocked(d, s->iova + 2 * s->page, b.buffer.mem);
	/* No driver of the system's may have it. */
	CHECK_RC(s, uiommu_device_bind_driver(dev, 0), -UIOMMU_EBUSY);
	CHECK_RC(s, abi_bind_driver(d, "machine-dma"), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_group_flags(a, b.group[0], &flags));
	CHECK(s, flags == (ABI_VFIO_GROUP_FLAGS_VIABLE | ABI_VFIO_GROUP_FLAGS_CONTAINER_SET),
	      "the group's flags are 0x%x", flags);
	CHECK_RC(s, abi_group_device(a, b.group[0], d), -UIOMMU_ENODEV);
	/* One of VFIO's may, and then the program can have it. */
	CHECK_OK(s, abi_bind_driver(d, "vfio-pci"));
	CHECK_FD(s, abi_group_device(a, b.group[0], d), &device);
	vfio_go(s, "trio2");
	box_unmap(&b, s->iova, 2);
	box_blocked(&b, s->iova, 0, 1);
	abi_blocked(d, s->iova, b.buffer.mem);
	CHECK_OK(s, box_map(&b, s->iova, 0, 2));
	abi_reaches(d, s->iova, b.buffer.mem, RW);
	CHECK_OK(s, abi_close(a, device));
	CHECK_OK(s, abi_unbind_driver(d));
	box_reaches(&b, s->iova, 0, 2);
	box_end(&b);
	/* The group is nobody's: now it may. */
	CHECK_OK(s, abi_bind_driver(d, "machine-dma"));
	CHECK_OK(s, abi_unbind_driver(d));
	abi_end(a);
}

#define DMA CONFORM_HARDWARE
#define ABI CONFORM_UAPI

const struct conform_scenario conform_vfio_life[] = {
	{ "C017",
	  "A group whose last device leaves is gone, and comes again as the machine booted it",
	  "CS 2.9", AREA_VFIO, DMA | ABI, 0, c017_last_leaves },
	{ "C018", "A device that is pulled during its DMA reaches nothing of what its program had",
	  "CS 1.12", AREA_VFIO, RACE | ABI, MACHINE_STREAM, c018_pulled },
	{ "C021",
	  "A device that joins a program's group sees what the program mapped, and no other driver gets it",
	  "CS 1.11, 1.14", AREA_VFIO, DMA | ABI, 0, c021_joins_a_used_group },
	{ "C198", "A device is opened by its group or by its own file, by one program, bound once",
	  "CS 8.2, 8.10", AREA_VFIO, DMA | ABI, 0, c198_one_way },
	{ "C199", "Unbind waits for the device's files to be closed, in whatever order that is",
	  "CS 8.3", AREA_VFIO, RACE | ABI, 0, c199_unbind_waits },
	{ 0 },
};
