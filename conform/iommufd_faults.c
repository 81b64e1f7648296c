/* SPDX-License-Identifier: MIT */
/*
 * iommufd_faults.c - page requests that a program reads from a file and answers by writing to it
 *
 * The device asks by PRI, with a PASID and in groups of several requests; or because the SMMU stalls it, which is a group of one:
 * such a device is on no bus, and VFIO lets those have no PASIDs.
 */
#include <poll.h>
#include <string.h>

#include "conform/either.h"
#include "conform/iommufd.h"

#define PASID 5u
#define RECORD (int)sizeof(struct abi_iommu_hwpt_pgfault)
#define RESPONSE (int)sizeof(struct abi_iommu_hwpt_page_response)
#define READY (POLLIN | POLLRDNORM)

struct work {
	struct abi *a;
	int iommufd;
	struct abi_device *d;
	bool pri;
	uint32_t pasid; /* 0: none */
	struct subject_buffer memory;
	uint32_t ioas;
	uint32_t fault[2], hwpt[2];
	int queue[2];
};

static struct work begin(struct subject *s)
{
	struct work w = { 0 };

	subject_boot(s, 0);
	if (!(machine_hardware(s->machine)->traits & (MACHINE_PAGE_REQUESTS | MACHINE_STALL)))
		conform_skip(s, "nothing on this hardware asks for a page");
	w.a = iommufd_start(s, "pri0", &w.iommufd, &w.d);
	w.pri = machine_device_traits(w.d->machine) & MACHINE_PAGE_REQUESTS;
	w.pasid = uiommu_device_pci(w.d->dev) ? PASID : 0;
	w.memory = subject_buffer(s, s->page);
	w.ioas = abi_ioas(w.a, w.iommufd);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, iommufd_fault_alloc(w.a, w.iommufd, &w.fault[i], &w.queue[i]));
		CHECK_OK(s, iommufd_hwpt_with_queue(w.d, w.iommufd, w.ioas,
						    w.pasid ? ABI_IOMMU_HWPT_ALLOC_PASID : 0,
						    w.fault[i], &w.hwpt[i]));
	}
	return w;
}

static void end(struct subject *s, struct work *w)
{
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	abi_unbind(w->d);
	for (unsigned int i = 0; i < 2; i++) {
		/* An HWPT and the file, each of them keeps the queue. */
		CHECK_RC(s, abi_destroy(w->a, w->iommufd, w->fault[i]), -UIOMMU_EBUSY);
		CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->hwpt[i]));
		CHECK_RC(s, abi_destroy(w->a, w->iommufd, w->fault[i]), -UIOMMU_EBUSY);
		CHECK_OK(s, abi_close(w->a, w->queue[i]));
		CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->fault[i]));
	}
	CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->ioas));
	subject_buffer_free(s, &w->memory);
	abi_end(w->a);
}

static int attach(struct work *w, uint32_t hwpt)
{
	return w->pasid ? abi_attach_pasid(w->a, w->d->cdev, w->pasid, &hwpt) :
			  abi_attach(w->a, w->d->cdev, &hwpt);
}

static int detach(struct work *w)
{
	return w->pasid ? abi_detach_pasid(w->a, w->d->cdev, w->pasid) :
			  abi_detach(w->a, w->d->cdev);
}

/* A DMA that finds its page missing, and waits. */
static void start(struct subject *s, struct work *w, unsigned int page)
{
	const unsigned int flags = w->pasid ? MACHINE_DMA_WITH_PASID : 0;

	CHECK_OK(s, machine_dma_start(w->d->machine, false, s->iova + page * s->page, NULL, 8,
				      w->pasid, flags | MACHINE_DMA_PAGE_REQUEST));
	machine_settle(s->machine);
}

static enum machine_dma_status finish(struct subject *s, struct work *w, uint64_t *word)
{
	enum machine_dma_status status;
	unsigned int rounds = 0;

	do {
		machine_settle(s->machine);
		status = machine_dma_finish(w->d->machine, word, sizeof(*word));
	} while (status == MACHINE_DMA_WAITING && ++rounds < 200);
	return status;
}

#define ANY (-1)

/* The next response that reached the device; with PRI of this group. */
static void got(struct subject *s, struct work *w, int group, unsigned int code)
{
	struct machine_page_response response;

	machine_settle(s->machine);
	CHECK(s, machine_page_response(w->d->machine, &response), "no response came");
	CHECK(s, response.stall || group == ANY || response.group == group,
	      "a response for group %u and not %d", response.group, group);
	CHECK(s, response.code == code, "group %u: code %u and not %u", response.group,
	      response.code, code);
}

static void got_nothing(struct subject *s, struct work *w)
{
	struct machine_page_response response;

	machine_settle(s->machine);
	CHECK(s, !machine_page_response(w->d->machine, &response), "a response that nobody gave");
}

static int take(struct work *w, unsigned int queue, struct abi_iommu_hwpt_pgfault *records,
		size_t count)
{
	return abi_read(w->a, w->queue[queue], records, count * sizeof(*records));
}

static int answer(struct work *w, unsigned int queue, uint32_t cookie, uint32_t code)
{
	const struct abi_iommu_hwpt_page_response response = { cookie, code };
	int rc = abi_write(w->a, w->queue[queue], &response, sizeof(response));

	return rc == RESPONSE ? 0 : rc;
}

/* What the file says of itself: it can always be written, and read when there is something. */
static void ready(struct subject *s, struct work *w, unsigned int queue, bool expected)
{
	const int events = abi_poll(w->a, w->queue[queue]);

	CHECK(s, events == (POLLOUT | (expected ? READY : 0)), "poll says 0x%x, with %s to read",
	      events, expected ? "a group" : "nothing");
}

/* ---- C129 -------------------------------------------------------------------------------------- */

/* One request, of which the record says everything. */
static void one_request(struct subject *s, struct work *w)
{
	struct abi_iommu_hwpt_pgfault r[4] = { { 0 } };
	const struct abi_iommu_hwpt_pgfault *f = &r[0];
	unsigned char *mem = w->memory.mem;
	uint64_t word = 0, expected;

	ready(s, w, 0, false);
	CHECK_RC(s, take(w, 0, r, 4), 0); /* never waits */
	start(s, w, 0);
	ready(s, w, 0, true);
	ready(s, w, 1, false);
	/* Not so: it stays where it is. */
	CHECK_RC(s, abi_read(w->a, w->queue[0], r, 4 * sizeof(r[0]) - 1), -ABI_ESPIPE);
	CHECK_RC(s, abi_read(w->a, w->queue[0], r, 1), -ABI_ESPIPE);
	CHECK_RC(s, abi_pread(w->a, w->queue[0], r, sizeof(r), sizeof(r[0])), -ABI_ESPIPE);
	CHECK_RC(s, abi_read(w->a, w->queue[0], (void *)(uintptr_t)ABI_NOWHERE, sizeof(r)),
		 -UIOMMU_EFAULT);
	CHECK_RC(s, take(w, 0, r, 0), 0);
	ready(s, w, 0, true);
	CHECK_RC(s, take(w, 0, r, 4), RECORD);
	ready(s, w, 0, false);
	CHECK(s,
	      f->flags == ((w->pasid ? ABI_IOMMU_PGFAULT_FLAGS_PASID_VALID : 0) |
			   ABI_IOMMU_PGFAULT_FLAGS_LAST_PAGE),
	      "the flags are 0x%x", f->flags);
	CHECK(s, f->dev_id == w->d->devid && f->pasid == w->pasid && f->cookie == 1,
	      "device %u, PASID %u, cookie %u", f->dev_id, f->pasid, f->cookie);
	CHECK(s, f->addr == s->iova && f->perm == ABI_IOMMU_PGFAULT_PERM_READ,
	      "address 0x%llx, permissions 0x%x", (unsigned long long)f->addr, f->perm);
	CHECK(s, !f->reserved && !f->length, "something is in reserved fields");

	/* Which answers are none. */
	CHECK_RC(s, answer(w, 0, 0, 0), -UIOMMU_EINVAL);
	CHECK_RC(s, answer(w, 0, 2, 0), -UIOMMU_EINVAL);
	CHECK_RC(s, answer(w, 1, 1, 0), -UIOMMU_EINVAL); /* the other queue's */
	for (uint32_t code = 2; code; code <<= 1)
		CHECK_RC(s, answer(w, 0, 1, code), -UIOMMU_EINVAL);
	CHECK_RC(s, abi_write(w->a, w->queue[0], r, sizeof(r[0]) - 1), -ABI_ESPIPE);
	CHECK_RC(s, abi_pwrite(w->a, w->queue[0], r, 8, 8), -ABI_ESPIPE);
	CHECK_RC(s, abi_write(w->a, w->queue[0], (void *)(uintptr_t)ABI_NOWHERE, 8),
		 -UIOMMU_EFAULT);
	got_nothing(s, w);
	CHECK(s, machine_dma_finish(w->d->machine, &word, 8) == MACHINE_DMA_WAITING,
	      "the DMA did not wait");

	/* With the page there, the DMA goes on. */
	CHECK_OK(s, abi_map(w->a, w->iommufd, w->ioas, s->iova, mem, s->page, ABI_R));
	CHECK_OK(s, answer(w, 0, 1, 0));
	CHECK(s, finish(s, w, &word) == MACHINE_DMA_DONE, "SUCCESS does not let a DMA go on");
	memcpy(&expected, mem, sizeof(expected));
	CHECK(s, word == expected, "it read 0x%llx", (unsigned long long)word);
	got(s, w, (int)f->grpid, 0);
	CHECK_RC(s, answer(w, 0, 1, 0), -UIOMMU_EINVAL); /* answered */
	CHECK_OK(s, abi_unmap(w->a, w->iommufd, w->ioas, s->iova, s->page, NULL));

	/* Told that there is none, it ends. */
	start(s, w, 0);
	CHECK_RC(s, take(w, 0, r, 1), RECORD);
	CHECK(s, f->cookie == 2, "the second group has the cookie %u", f->cookie);
	CHECK_OK(s, answer(w, 0, 2, 1));
	CHECK(s, finish(s, w, &word) == MACHINE_DMA_REFUSED, "INVALID lets a DMA go on");
	got(s, w, (int)f->grpid, 1);
	got_nothing(s, w);
}

static void ask(struct subject *s, struct work *w, uint16_t group, unsigned int page, bool last)
{
	const struct machine_page_request request = {
		.iova = s->iova + page * s->page,
		.pasid = w->pasid,
		.flags = MACHINE_DMA_WITH_PASID,
		.prot = page & 1 ? UIOMMU_WRITE | UIOMMU_READ : UIOMMU_READ,
		.group = group,
		.last = last,
	};

	CHECK_OK(s, machine_page_request(w->d->machine, &request));
}

/* Groups are read whole, as many as fit, in their order. */
static void groups(struct subject *s, struct work *w)
{
	struct abi_iommu_hwpt_page_response answers[3];
	struct abi_iommu_hwpt_pgfault r[8];

	for (unsigned int i = 0; i < 3; i++)
		ask(s, w, 9, i, i == 2);
	machine_settle(s->machine);
	ask(s, w, 10, 4, true);
	machine_settle(s->machine);
	ask(s, w, 11, 5, false);
	machine_settle(s->machine);
	/* The first one does not fit; then it does, and the next one too, and a part is nobody's yet. */
	CHECK_RC(s, take(w, 0, r, 2), -UIOMMU_EINVAL);
	CHECK_RC(s, take(w, 0, r, 3), 3 * RECORD);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(s, r[i].grpid == 9 && r[i].cookie == 3 && r[i].addr == s->iova + i * s->page,
		      "request %u: group %u, cookie %u, address 0x%llx", i, r[i].grpid, r[i].cookie,
		      (unsigned long long)r[i].addr);
		CHECK(s, !(r[i].flags & ABI_IOMMU_PGFAULT_FLAGS_LAST_PAGE) == (i < 2),
		      "the last one is not the last one");
		CHECK(s,
		      r[i].perm == (ABI_IOMMU_PGFAULT_PERM_READ |
				    (i & 1 ? ABI_IOMMU_PGFAULT_PERM_WRITE : 0)),
		      "request %u: permissions 0x%x", i, r[i].perm);
	}
	CHECK_RC(s, take(w, 0, r, 8), RECORD);
	CHECK(s, r[0].grpid == 10 && r[0].cookie == 4, "group %u, cookie %u", r[0].grpid,
	      r[0].cookie);
	ready(s, w, 0, false);
	ask(s, w, 11, 6, true);
	machine_settle(s->machine);
	ask(s, w, 12, 7, true);
	machine_settle(s->machine);
	/* Room for one and a part of the next. */
	CHECK_RC(s, take(w, 0, r, 2), 2 * RECORD);
	CHECK(s, r[0].grpid == 11 && r[1].grpid == 11 && r[0].cookie == 5 && r[1].cookie == 5,
	      "groups %u and %u", r[0].grpid, r[1].grpid);
	ready(s, w, 0, true);
	CHECK_RC(s, take(w, 0, r, 8), RECORD);
	CHECK(s, r[0].grpid == 12 && r[0].cookie == 6, "group %u", r[0].grpid);
	/* Answers, up to the first that is none. */
	answers[0] = (struct abi_iommu_hwpt_page_response){ 4, 1 };
	answers[1] = (struct abi_iommu_hwpt_page_response){ 4, 0 };
	answers[2] = (struct abi_iommu_hwpt_page_response){ 3, 0 };
	CHECK_RC(s, abi_write(w->a, w->queue[0], answers, sizeof(answers)), RESPONSE);
	got(s, w, 10, 1);
	got_nothing(s, w);
	answers[0] = (struct abi_iommu_hwpt_page_response){ 6, 0 };
	answers[1] = (struct abi_iommu_hwpt_page_response){ 3, 0 };
	answers[2] = (struct abi_iommu_hwpt_page_response){ 5, 1 };
	CHECK_RC(s, abi_write(w->a, w->queue[0], answers, sizeof(answers)), 3 * RESPONSE);
	got(s, w, 12, 0);
	got(s, w, 9, 0);
	got(s, w, 11, 1);
	got_nothing(s, w);
}

void iommufd_fault_file(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, attach(&w, w.hwpt[0]));
	one_request(s, &w);
	if (w.pri)
		groups(s, &w);
	end(s, &w);
}

/* ---- C130 -------------------------------------------------------------------------------------- */

void iommufd_fault_replace(struct subject *s)
{
	struct abi_iommu_hwpt_pgfault r[4];
	struct work w = begin(s);
	uint64_t word;

	CHECK_OK(s, attach(&w, w.hwpt[0]));
	/* Read and not answered: it ends with the HWPT, and its cookie is nobody's. */
	start(s, &w, 0);
	CHECK_RC(s, take(&w, 0, r, 4), RECORD);
	CHECK_OK(s, attach(&w, w.hwpt[1]));
	CHECK(s, finish(s, &w, &word) == MACHINE_DMA_REFUSED,
	      "a DMA waits for the answer of an HWPT that was replaced");
	got(s, &w, (int)r[0].grpid, 1);
	CHECK_RC(s, answer(&w, 0, r[0].cookie, 0), -UIOMMU_EINVAL);
	CHECK_RC(s, answer(&w, 1, r[0].cookie, 0), -UIOMMU_EINVAL);
	got_nothing(s, &w);
	/* What comes now is the new one's. */
	start(s, &w, 1);
	ready(s, &w, 0, false);
	ready(s, &w, 1, true);
	CHECK_RC(s, take(&w, 1, r, 4), RECORD);
	CHECK(s, r[0].cookie == 1 && r[0].addr == s->iova + s->page && r[0].dev_id == w.d->devid,
	      "cookie %u, address 0x%llx, device %u", r[0].cookie, (unsigned long long)r[0].addr,
	      r[0].dev_id);
	CHECK_OK(s, answer(&w, 1, 1, 1));
	CHECK(s, finish(s, &w, &word) == MACHINE_DMA_REFUSED, "INVALID lets a DMA go on");
	got(s, &w, (int)r[0].grpid, 1);
	/* Not even read: it is taken out of the queue. */
	start(s, &w, 2);
	ready(s, &w, 1, true);
	CHECK_OK(s, attach(&w, w.hwpt[0]));
	ready(s, &w, 1, false);
	CHECK_RC(s, take(&w, 1, r, 4), 0);
	CHECK(s, finish(s, &w, &word) == MACHINE_DMA_REFUSED,
	      "a DMA waits for what was never read");
	CHECK_RC(s, answer(&w, 1, 2, 0), -UIOMMU_EINVAL);
	got(s, &w, ANY, 1);
	got_nothing(s, &w);
	/* And by a detach, in either state. */
	for (unsigned int read = 0; read < 2; read++) {
		start(s, &w, 3);
		ready(s, &w, 0, true);
		if (read)
			CHECK_RC(s, take(&w, 0, r, 4), RECORD);
		CHECK_OK(s, detach(&w));
		CHECK(s, finish(s, &w, &word) == MACHINE_DMA_REFUSED,
		      "a DMA waits for an HWPT that was detached");
		ready(s, &w, 0, false);
		got(s, &w, ANY, 1);
		got_nothing(s, &w);
		if (read)
			CHECK_RC(s, answer(&w, 0, r[0].cookie, 0), -UIOMMU_EINVAL);
		else
			CHECK_OK(s, attach(&w, w.hwpt[0]));
	}
	end(s, &w);
}
