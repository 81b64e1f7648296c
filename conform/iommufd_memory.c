/* SPDX-License-Identifier: MIT */
/*
 * iommufd_memory.c - every allocation of a command of iommufd fails once
 *
 * The sweep of failing allocations looks for what a failure leaves behind.  Here it is also looked at what programs and
 * devices have afterwards: the same as before, and the command works the next time.
 */
#include <string.h>

#include "conform/iommufd.h"
#include "spec/mdma.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASID 5u
#define PAGES 3

enum { MDEV_OPENED, MDEV_BOUND, MDEV_ATTACHED, MDEVS };

/* ---- what commands work on ----------------------------------------------------------------------- */

struct work {
	struct abi *a;
	int iommufd;
	struct abi_device *d, *other; /* the latter is opened and not bound */
	int cdev; /* the latter's */
	struct subject_buffer memory[2]; /* of A and B, at s->iova */
	uint32_t ioas[3]; /* A, B, and one without HWPT, which pins nothing of A's */
	uint32_t hwpt[2];
	int rid, pasid; /* which memory is reached, -1: none */
	/* Mediated devices, which pin pages for themselves: not bound; bound; attached to the IOAS without HWPT. */
	struct uiommu_uapi_mdev *mdev[MDEVS];
	int mdev_fd[MDEVS];
	/* Of the command that was made. */
	uint32_t id;
	int fd;
};

static int attach(struct work *w, uint32_t pt)
{
	return abi_attach(w->a, w->d->cdev, &pt);
}

static int attach_pasid(struct work *w, uint32_t pt)
{
	return abi_attach_pasid(w->a, w->d->cdev, PASID, &pt);
}

/* Devices reach what the scenario believes. */
static void look(struct work *w)
{
	const uint64_t iova = w->a->s->iova;

	if (w->rid < 0)
		abi_blocked(w->d, iova, w->memory[0].mem);
	else
		abi_reaches(w->d, iova, w->memory[w->rid].mem, RW);
	if (w->pasid >= 0)
		abi_pasid_reaches(w->d, PASID, iova, w->memory[w->pasid].mem, RW);
	else if (uiommu_device_max_pasids(w->d->dev))
		abi_pasid_blocked(w->d, PASID, iova, w->memory[0].mem);
}

static void set(struct work *w, int rid, int pasid)
{
	struct subject *s = w->a->s;

	if (rid < 0)
		CHECK_OK(s, abi_detach(w->a, w->d->cdev));
	else
		CHECK_OK(s, attach(w, w->hwpt[rid]));
	if (pasid >= 0)
		CHECK_OK(s, attach_pasid(w, w->hwpt[pasid]));
	else if (w->pasid >= 0)
		CHECK_OK(s, abi_detach_pasid(w->a, w->d->cdev, PASID));
	w->rid = rid;
	w->pasid = pasid;
}

/* ---- commands: made, and undone so that they can come again -------------------------------------- */

static int open_context(struct work *w)
{
	w->fd = abi_open(w->a, "/dev/iommu");
	return w->fd < 0 ? w->fd : 0;
}

static int open_device(struct work *w)
{
	w->fd = abi_open_cdev(w->other);
	return w->fd < 0 ? w->fd : 0;
}

static void close_it(struct work *w)
{
	CHECK_OK(w->a->s, abi_close(w->a, w->fd));
}

static int bind_device(struct work *w)
{
	return abi_bind_iommufd(w->a, w->cdev, w->iommufd, &w->id);
}

static void unbind_device(struct work *w)
{
	CHECK_OK(w->a->s, abi_close(w->a, w->cdev));
	CHECK_FD(w->a->s, abi_open_cdev(w->other), &w->cdev);
}

static int new_ioas(struct work *w)
{
	struct abi_iommu_ioas_alloc arg = { .size = sizeof(arg) };
	int rc = abi_ioctl(w->a, w->iommufd, ABI_IOMMU_IOAS_ALLOC, &arg);

	w->id = arg.out_ioas_id;
	return rc;
}

static int new_hwpt(struct work *w)
{
	return abi_hwpt(w->a, w->iommufd, w->d->devid, w->ioas[0], 0, &w->id);
}

static int first_hwpt(struct work *w)
{
	return abi_hwpt(w->a, w->iommufd, w->d->devid, w->ioas[2], 0, &w->id);
}

static void destroy_it(struct work *w)
{
	CHECK_OK(w->a->s, abi_destroy(w->a, w->iommufd, w->id));
}

static int new_queue(struct work *w)
{
	return iommufd_fault_alloc(w->a, w->iommufd, &w->id, &w->fd);
}

static void destroy_queue(struct work *w)
{
	close_it(w);
	destroy_it(w);
}

static int to_first(struct work *w)
{
	return attach(w, w->hwpt[0]);
}

static int to_second(struct work *w)
{
	return attach(w, w->hwpt[1]);
}

static int to_automatic(struct work *w)
{
	return attach(w, w->ioas[1]);
}

static int pasid_to_first(struct work *w)
{
	return attach_pasid(w, w->hwpt[0]);
}

static int pasid_to_second(struct work *w)
{
	return attach_pasid(w, w->hwpt[1]);
}

/* Where A has nothing yet, behind a boundary of tables, into all of its domains. */
static uint64_t elsewhere(const struct work *w)
{
	return w->a->s->iova + 2 * w->a->s->huge - w->a->s->page;
}

static int map_more(struct work *w)
{
	return abi_map(w->a, w->iommufd, w->ioas[0], elsewhere(w), w->memory[1].mem,
		       w->memory[1].size, ABI_RW);
}

static int copy(struct work *w)
{
	return abi_copy(w->a, w->iommufd, w->ioas[0], elsewhere(w), w->ioas[1], w->a->s->iova,
			w->memory[1].size, ABI_RW);
}

static void unmap_more(struct work *w)
{
	CHECK_OK(w->a->s,
		 abi_unmap(w->a, w->iommufd, w->ioas[0], elsewhere(w), w->memory[1].size, NULL));
}

/* ---- the same of mediated devices: engines that copy ---------------------------------------------- */

static void mdev_open(struct work *w, unsigned int i)
{
	char path[64];

	uiommu_uapi_mdev_cdev_path(w->mdev[i], path, sizeof(path));
	CHECK_FD(w->a->s, abi_open(w->a, path), &w->mdev_fd[i]);
}

static int mdev_bind(struct work *w)
{
	return abi_bind_iommufd(w->a, w->mdev_fd[MDEV_OPENED], w->iommufd, &w->id);
}

static void mdev_unbind(struct work *w)
{
	CHECK_OK(w->a->s, abi_close(w->a, w->mdev_fd[MDEV_OPENED]));
	mdev_open(w, MDEV_OPENED);
}

static int mdev_attach(struct work *w)
{
	uint32_t pt = w->ioas[0];

	return abi_attach(w->a, w->mdev_fd[MDEV_BOUND], &pt);
}

static void mdev_detach(struct work *w)
{
	CHECK_OK(w->a->s, abi_detach(w->a, w->mdev_fd[MDEV_BOUND]));
}

static void mdev_write(struct work *w, uint64_t reg, const void *value, size_t size)
{
	CHECK_RC(w->a->s, abi_pwrite(w->a, w->mdev_fd[MDEV_ATTACHED], value, size, reg), (int)size);
}

static uint32_t mdev_read(struct work *w, uint64_t reg)
{
	uint32_t value = 0;

	CHECK_RC(w->a->s, abi_pread(w->a, w->mdev_fd[MDEV_ATTACHED], &value, sizeof(value), reg),
		 (int)sizeof(value));
	return value;
}

/* From the first page to the second: both are pinned, or it says why not. */
static int mdev_copy(struct work *w)
{
	const uint64_t from = w->a->s->iova, to = from + w->a->s->page;
	const uint32_t length = 64, command = MDMA_COPY, drop = MDMA_DROP;
	const unsigned char *mem = w->memory[0].mem;
	int rc;

	mdev_write(w, MDMA_SOURCE, &from, sizeof(from));
	mdev_write(w, MDMA_DESTINATION, &to, sizeof(to));
	mdev_write(w, MDMA_LENGTH, &length, sizeof(length));
	mdev_write(w, MDMA_COMMAND, &command, sizeof(command));
	rc = -(int)mdev_read(w, MDMA_ERROR);
	/* The page that it has got it keeps. */
	if (rc)
		mdev_write(w, MDMA_COMMAND, &drop, sizeof(drop));
	CHECK(w->a->s, rc || !memcmp(mem, mem + w->a->s->page, length), "nothing was copied");
	return rc;
}

static void mdev_drop(struct work *w)
{
	const uint32_t command = MDMA_DROP;

	CHECK(w->a->s, mdev_read(w, MDMA_PINNED) == 2, "%u pages are pinned for the copy",
	      mdev_read(w, MDMA_PINNED));
	mdev_write(w, MDMA_COMMAND, &command, sizeof(command));
}

static void mdev_begin(struct work *w)
{
	static const char *const uuid[MDEVS] = { "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
						 "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002",
						 "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003" };
	uint32_t devid, pt = w->ioas[2];

	for (unsigned int i = 0; i < MDEVS; i++) {
		CHECK_OK(w->a->s,
			 uiommu_uapi_mdev_create(w->a->uapi, "mdma-8", uuid[i], &w->mdev[i]));
		mdev_open(w, i);
		if (i != MDEV_OPENED)
			CHECK_OK(w->a->s,
				 abi_bind_iommufd(w->a, w->mdev_fd[i], w->iommufd, &devid));
	}
	CHECK_OK(w->a->s, abi_attach(w->a, w->mdev_fd[MDEV_ATTACHED], &pt));
}

static void mdev_end(struct work *w)
{
	for (unsigned int i = 0; i < MDEVS; i++) {
		CHECK_OK(w->a->s, abi_close(w->a, w->mdev_fd[i]));
		uiommu_uapi_mdev_remove(w->mdev[i]);
	}
}

static void stay(struct work *w)
{
	(void)w;
}

struct command {
	const char *name;
	int (*make)(struct work *w);
	void (*undo)(struct work *w); /* the attachments are set back besides */
	int rid, pasid; /* before */
	int rid_after, pasid_after;
};

static const struct command commands[] = {
	{ "open /dev/iommu", open_context, close_it, 0, -1, 0, -1 },
	{ "open a device", open_device, close_it, 0, -1, 0, -1 },
	{ "BIND", bind_device, unbind_device, 0, -1, 0, -1 },
	{ "IOAS_ALLOC", new_ioas, destroy_it, -1, -1, -1, -1 },
	{ "HWPT_ALLOC", new_hwpt, destroy_it, 0, -1, 0, -1 },
	{ "HWPT_ALLOC that pins", first_hwpt, destroy_it, 0, -1, 0, -1 },
	{ "FAULT_QUEUE_ALLOC", new_queue, destroy_queue, -1, -1, -1, -1 },
	{ "attach", to_first, stay, -1, -1, 0, -1 },
	{ "attach to an IOAS", to_automatic, stay, -1, -1, 1, -1 },
	{ "replace", to_second, stay, 0, -1, 1, -1 },
	{ "replace by an IOAS", to_automatic, stay, 0, -1, 1, -1 },
	{ "MAP", map_more, unmap_more, 0, -1, 0, -1 },
	{ "COPY", copy, unmap_more, 0, -1, 0, -1 },
	{ "BIND of a mediated device", mdev_bind, mdev_unbind, 0, -1, 0, -1 },
	{ "attach of a mediated device", mdev_attach, mdev_detach, 0, -1, 0, -1 },
	{ "pins of a mediated device", mdev_copy, mdev_drop, 0, -1, 0, -1 },
	{ "attach a PASID", pasid_to_first, stay, 1, -1, 1, 0 },
	{ "replace a PASID's", pasid_to_second, stay, 0, 0, 0, 1 },
	{ "replace beside a PASID", to_second, stay, 0, 0, 1, 0 },
};

/* ---- one of them --------------------------------------------------------------------------------- */

static struct uiommu_posix_usage usage(struct work *w)
{
	struct uiommu_posix_usage u;

	uiommu_posix_usage(machine_host(w->a->s->machine), &u);
	return u;
}

/* The @nth allocation of it fails; false: it has not so many. */
static bool fail_nth(struct work *w, const struct command *c, uint64_t nth, bool warm)
{
	struct subject *s = w->a->s;
	struct uiommu_posix_usage before, after;
	uint64_t pinned, now;
	bool failed;
	int rc;

	set(w, c->rid, c->pasid);
	before = usage(w);
	pinned = uiommu_uapi_process_pinned(w->a->process);
	subject_fail_allocation(s, nth);
	rc = c->make(w);
	failed = subject_allocation_failed(s);
	subject_fail_allocation(s, 0);
	CHECK(s, !rc || (failed && rc == -UIOMMU_ENOMEM), "%s, allocation %llu fails: %s", c->name,
	      (unsigned long long)nth, uiommu_strerror(rc));
	if (!rc) {
		/* All of it is there, whatever it could do without. */
		w->rid = c->rid_after;
		w->pasid = c->pasid_after;
		look(w);
		c->undo(w);
		set(w, c->rid, c->pasid);
	}
	look(w);
	after = usage(w);
	now = uiommu_uapi_process_pinned(w->a->process);
	CHECK(s, after.pins == before.pins && now == pinned,
	      "%s, allocation %llu fails: %llu pages are pinned and were %llu", c->name,
	      (unsigned long long)nth, (unsigned long long)after.pins,
	      (unsigned long long)before.pins);
	/* What is kept for the next time was there before, once it has come through. */
	CHECK(s, !warm || (after.objects == before.objects && after.bytes == before.bytes),
	      "%s, allocation %llu fails: %lld objects, %lld bytes are left", c->name,
	      (unsigned long long)nth, (long long)(after.objects - before.objects),
	      (long long)(after.bytes - before.bytes));
	return failed;
}

static bool none_left(void *context, enum uiommu_posix_step step, size_t size)
{
	(void)context;
	(void)step;
	(void)size;
	return true;
}

/* What gives things back needs nothing for it. */
static void without_memory(struct work *w)
{
	struct subject *s = w->a->s;
	bool (*saved)(void *, enum uiommu_posix_step, size_t) = s->hooks.fail;
	uint64_t gone = 0;

	set(w, 1, -1);
	CHECK_OK(s, map_more(w));
	CHECK_OK(s, new_hwpt(w));
	CHECK_OK(s, mdev_copy(w));
	CHECK_OK(s, mdev_attach(w));
	s->hooks.fail = none_left;
	mdev_drop(w);
	mdev_detach(w);
	CHECK_OK(s, abi_detach(w->a, w->mdev_fd[MDEV_ATTACHED]));
	CHECK_OK(s,
		 abi_unmap(w->a, w->iommufd, w->ioas[0], elsewhere(w), w->memory[1].size, &gone));
	CHECK(s, gone == w->memory[1].size, "%llu bytes are gone", (unsigned long long)gone);
	CHECK_OK(s, abi_unmap(w->a, w->iommufd, w->ioas[0], s->iova, w->memory[0].size, NULL));
	CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->id));
	CHECK_OK(s, abi_detach(w->a, w->d->cdev));
	w->rid = -1;
	look(w);
	CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->hwpt[1]));
	CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->hwpt[0]));
	for (unsigned int i = 0; i < 3; i++)
		CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->ioas[i]));
	s->hooks.fail = saved;
	mdev_end(w);
	/* Not so the device: its default domain is attached again. */
	abi_unbind(w->d);
	CHECK_OK(s, abi_close(w->a, w->iommufd));
}

static void begin(struct subject *s, struct work *w)
{
	unsigned int flags = 0;

	memset(w, 0, sizeof(*w));
	subject_boot(s, 0);
	w->a = iommufd_start(s, machine_device(s->machine, "pasid0") ? "pasid0" : "solo0",
			     &w->iommufd, &w->d);
	w->other = abi_vfio_device(w->a, "solo1");
	CHECK_FD(s, abi_open_cdev(w->other), &w->cdev);
	w->rid = w->pasid = -1;
	if (uiommu_device_max_pasids(w->d->dev))
		flags |= ABI_IOMMU_HWPT_ALLOC_PASID;
	for (unsigned int i = 0; i < 3; i++) {
		w->ioas[i] = abi_ioas(w->a, w->iommufd);
		if (i < 2)
			w->memory[i] = subject_buffer(s, PAGES * s->page);
		iommufd_map(w->a, w->iommufd, w->ioas[i], s->iova, &w->memory[i % 2]);
	}
	for (unsigned int i = 0; i < 2; i++)
		w->hwpt[i] = iommufd_hwpt(w->d, w->iommufd, w->ioas[i], flags);
	mdev_begin(w);
}

static void c084_no_memory(struct subject *s)
{
	struct work w;

	begin(s, &w);
	for (unsigned int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
			uint64_t nth = 1;

			if ((commands[i].pasid_after >= 0) && !uiommu_device_max_pasids(w.d->dev))
				continue;
			while (fail_nth(&w, &commands[i], nth, pass > 0))
				CHECK(s, ++nth < 1000, "%s has no end", commands[i].name);
			CHECK(s, nth > 1 || commands[i].make == mdev_attach, "%s needs no memory",
			      commands[i].name);
		}
	without_memory(&w);
	for (unsigned int i = 0; i < 2; i++)
		subject_buffer_free(s, &w.memory[i]);
	CHECK_OK(s, abi_close(w.a, w.cdev));
	abi_end(w.a);
}

/* It is a sweep itself. */
const struct conform_scenario conform_iommufd_memory[] = {
	{ "C084", "A command that finds no memory says so, and nothing else has happened",
	  "Linux: fail_nth of the selftests of iommufd", AREA_IOMMUFD,
	  CONFORM_HARDWARE | CONFORM_UAPI | CONFORM_NO_SWEEP, 0, c084_no_memory },
	{ 0 },
};
