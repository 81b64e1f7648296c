/* SPDX-License-Identifier: MIT */
/* iommufd_pasid.c - PASIDs through iommufd and a device's own file */
#include <string.h>

#include "conform/either.h"
#include "conform/iommufd.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASID 5u
#define OTHER 9u
#define MEMORIES 3

struct work {
	struct abi *a;
	int iommufd;
	struct abi_device *d;
	struct subject_buffer memory[MEMORIES];
	uint32_t ioas[MEMORIES]; /* each with its memory at s->iova */
	uint32_t hwpt[MEMORIES]; /* with PASIDs, but for the last one */
};

static struct work begin(struct subject *s)
{
	struct work w = { 0 };

	w.a = iommufd_start(s, "pasid0", &w.iommufd, &w.d);
	if (!uiommu_device_max_pasids(w.d->dev)) {
		abi_end(w.a);
		conform_skip(s, "the IOMMU above this device has no PASIDs");
	}
	for (unsigned int i = 0; i < MEMORIES; i++) {
		w.memory[i] = subject_buffer(s, s->page);
		w.ioas[i] = abi_ioas(w.a, w.iommufd);
		iommufd_map(w.a, w.iommufd, w.ioas[i], s->iova, &w.memory[i]);
		w.hwpt[i] = iommufd_hwpt(w.d, w.iommufd, w.ioas[i],
					 i + 1 < MEMORIES ? ABI_IOMMU_HWPT_ALLOC_PASID : 0);
	}
	return w;
}

/* Without the device nothing uses the HWPTs any more. */
static void end(struct subject *s, struct work *w)
{
	if (w->d->cdev >= 0)
		abi_unbind(w->d);
	for (unsigned int i = 0; i < MEMORIES; i++) {
		CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->hwpt[i]));
		CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->ioas[i]));
		subject_buffer_free(s, &w->memory[i]);
	}
	abi_end(w->a);
}

static int attach(struct work *w, uint32_t pt)
{
	return abi_attach(w->a, w->d->cdev, &pt);
}

static int attach_pasid(struct work *w, uint32_t pasid, uint32_t pt)
{
	return abi_attach_pasid(w->a, w->d->cdev, pasid, &pt);
}

/* Requests without PASID reach this memory; -1: none. */
static void rid(struct subject *s, struct work *w, int memory)
{
	if (memory < 0)
		abi_blocked(w->d, s->iova, w->memory[0].mem);
	else
		abi_reaches(w->d, s->iova, w->memory[memory].mem, RW);
}

/* The same for requests with it. */
static void pasid(struct subject *s, struct work *w, uint32_t number, int memory)
{
	if (memory < 0)
		abi_pasid_blocked(w->d, number, s->iova, w->memory[0].mem);
	else
		abi_pasid_reaches(w->d, number, s->iova, w->memory[memory].mem, RW);
}

/* ---- scenarios --------------------------------------------------------------------------------- */

void iommufd_pasid_arguments(struct subject *s)
{
	struct work w = begin(s);
	const uint32_t most = uiommu_device_max_pasids(w.d->dev);
	struct abi_device *without;
	uint32_t pt = w.hwpt[0];

	/* Not a PASID; nothing is attached by it, to the RID least of all. */
	CHECK_RC(s, attach_pasid(&w, 0, w.hwpt[0]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach_pasid(&w, most, w.hwpt[0]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach_pasid(&w, INT32_MAX, w.hwpt[0]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach_pasid(&w, (uint32_t)INT32_MAX + 1, w.hwpt[0]), -UIOMMU_ENOSPC);
	CHECK_RC(s, attach_pasid(&w, PASID, 99), -UIOMMU_ENOENT);
	CHECK_RC(s, attach_pasid(&w, PASID, w.d->devid), -UIOMMU_EINVAL);
	rid(s, &w, -1);
	pasid(s, &w, PASID, -1);
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, w.hwpt[0]));
	w.hwpt[0] = iommufd_hwpt(w.d, w.iommufd, w.ioas[0], ABI_IOMMU_HWPT_ALLOC_PASID);
	CHECK(s, w.hwpt[0] == pt, "a number that is free was not given again");

	/* The last one there is; one that is taken is replaced. */
	CHECK_OK(s, attach_pasid(&w, most - 1, w.hwpt[0]));
	pasid(s, &w, most - 1, 0);
	CHECK_OK(s, attach_pasid(&w, most - 1, w.hwpt[1]));
	pasid(s, &w, most - 1, 1);
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, w.hwpt[0]));
	w.hwpt[0] = iommufd_hwpt(w.d, w.iommufd, w.ioas[0], ABI_IOMMU_HWPT_ALLOC_PASID);
	CHECK_RC(s, attach_pasid(&w, most - 1, w.hwpt[2]), -UIOMMU_EINVAL);
	pasid(s, &w, most - 1, 1);

	/* A device that cannot send any. */
	without = iommufd_device(w.a, w.iommufd, "solo0");
	if (!uiommu_device_max_pasids(without->dev)) {
		pt = w.hwpt[0];
		CHECK_RC(s, abi_attach_pasid(w.a, without->cdev, PASID, &pt), -UIOMMU_EOPNOTSUPP);
	}
	abi_unbind(without);
	end(s, &w);
}

static void c106_flag(struct subject *s)
{
	struct work w = begin(s);

	/* The PASID's HWPT has to have it. */
	CHECK_RC(s, attach_pasid(&w, PASID, w.hwpt[2]), -UIOMMU_EINVAL);
	pasid(s, &w, PASID, -1);
	/* So has the RID's, whichever is first. */
	CHECK_OK(s, attach(&w, w.hwpt[2]));
	CHECK_RC(s, attach_pasid(&w, PASID, w.hwpt[0]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach_pasid(&w, PASID, w.ioas[0]), -UIOMMU_EINVAL);
	pasid(s, &w, PASID, -1);
	rid(s, &w, 2);
	CHECK_OK(s, attach(&w, w.hwpt[0]));
	rid(s, &w, 0);
	CHECK_OK(s, attach_pasid(&w, PASID, w.hwpt[1]));
	CHECK_RC(s, attach(&w, w.hwpt[2]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach(&w, w.ioas[2]), -UIOMMU_EINVAL); /* an automatic one has none */
	rid(s, &w, 0);
	pasid(s, &w, PASID, 1);
	/* Also a RID that has nothing yet. */
	CHECK_OK(s, abi_detach(w.a, w.d->cdev));
	CHECK_RC(s, attach(&w, w.hwpt[2]), -UIOMMU_EINVAL);
	rid(s, &w, -1);
	pasid(s, &w, PASID, 1);
	CHECK_OK(s, attach(&w, w.hwpt[1]));
	CHECK_OK(s, attach_pasid(&w, PASID, w.hwpt[0]));
	CHECK_RC(s, attach_pasid(&w, PASID, w.hwpt[2]), -UIOMMU_EINVAL);
	rid(s, &w, 1);
	pasid(s, &w, PASID, 0);
	/* When the last PASID has gone the RID is free again. */
	CHECK_OK(s, attach_pasid(&w, OTHER, w.hwpt[0]));
	CHECK_OK(s, abi_detach_pasid(w.a, w.d->cdev, PASID));
	CHECK_RC(s, attach(&w, w.hwpt[2]), -UIOMMU_EINVAL);
	CHECK_OK(s, abi_detach_pasid(w.a, w.d->cdev, OTHER));
	CHECK_OK(s, attach(&w, w.hwpt[2]));
	rid(s, &w, 2);
	end(s, &w);
}

static void c107_wrong_detach(struct subject *s)
{
	struct work w = begin(s);
	const uint32_t wrong[] = { 0,
				   PASID + 1,
				   uiommu_device_max_pasids(w.d->dev),
				   INT32_MAX,
				   (uint32_t)INT32_MAX + 1,
				   UINT32_MAX };

	for (unsigned int round = 0; round < 3; round++) {
		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
			CHECK_OK(s, abi_detach_pasid(w.a, w.d->cdev, wrong[i]));
		rid(s, &w, round > 0 ? 0 : -1);
		pasid(s, &w, PASID, round > 1 ? 1 : -1);
		if (round == 0)
			CHECK_OK(s, attach(&w, w.hwpt[0]));
		if (round == 1)
			CHECK_OK(s, attach_pasid(&w, PASID, w.hwpt[1]));
	}
	/* One each time, whichever is first; and again. */
	CHECK_OK(s, abi_detach(w.a, w.d->cdev));
	CHECK_OK(s, abi_detach(w.a, w.d->cdev));
	rid(s, &w, -1);
	pasid(s, &w, PASID, 1);
	CHECK_OK(s, attach(&w, w.hwpt[0]));
	CHECK_OK(s, abi_detach_pasid(w.a, w.d->cdev, PASID));
	CHECK_OK(s, abi_detach_pasid(w.a, w.d->cdev, PASID));
	rid(s, &w, 0);
	pasid(s, &w, PASID, -1);
	end(s, &w);
}

/* ATTACH with an argument that cannot be written. */
static void attach_read_only(struct subject *s, struct work *w, bool with_pasid, uint32_t pt)
{
	struct abi_vfio_device_attach_iommufd_pt arg = {
		.argsz = sizeof(arg),
		.flags = with_pasid ? ABI_VFIO_DEVICE_ATTACH_PASID : 0,
		.pt_id = pt,
		.pasid = with_pasid ? PASID : 0,
	};

	abi_read_only(w->a, &arg, sizeof(arg));
	CHECK_RC(s, abi_ioctl(w->a, w->d->cdev, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg),
		 -UIOMMU_EFAULT);
	abi_read_only(w->a, NULL, 0);
	CHECK(s, arg.pt_id == pt, "what cannot be written was");
}

static void c108_no_answer(struct subject *s)
{
	struct work w = begin(s);
	uint32_t automatic;

	CHECK_OK(s, attach(&w, w.hwpt[0]));
	/* A first attachment of the PASID is not made. */
	attach_read_only(s, &w, true, w.hwpt[1]);
	rid(s, &w, 0);
	pasid(s, &w, PASID, -1);
	attach_read_only(s, &w, true, w.ioas[1]);
	pasid(s, &w, PASID, -1);
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, w.hwpt[1]));
	w.hwpt[1] = iommufd_hwpt(w.d, w.iommufd, w.ioas[1], ABI_IOMMU_HWPT_ALLOC_PASID);
	/* One that is there is not replaced. */
	CHECK_OK(s, attach_pasid(&w, PASID, w.hwpt[0]));
	attach_read_only(s, &w, true, w.hwpt[1]);
	rid(s, &w, 0);
	pasid(s, &w, PASID, 0);
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, w.hwpt[1]));
	w.hwpt[1] = iommufd_hwpt(w.d, w.iommufd, w.ioas[1], ABI_IOMMU_HWPT_ALLOC_PASID);
	/* The RID's likewise, and the PASID stays what it was. */
	attach_read_only(s, &w, false, w.hwpt[1]);
	rid(s, &w, 0);
	pasid(s, &w, PASID, 0);
	CHECK_OK(s, abi_detach_pasid(w.a, w.d->cdev, PASID));
	attach_read_only(s, &w, false, w.ioas[1]);
	rid(s, &w, 0);
	CHECK_OK(s, abi_detach(w.a, w.d->cdev));
	attach_read_only(s, &w, false, w.ioas[1]);
	rid(s, &w, -1);
	/* No automatic HWPT was left behind: the next one has the number that is free. */
	automatic = abi_attached(w.d, w.ioas[1]);
	CHECK(s, automatic == 1 + 1 + 2 * MEMORIES, "an automatic HWPT has the number %u",
	      automatic);
	rid(s, &w, 1);
	end(s, &w);
}

#define PASIDS 3
static const uint32_t pasids[PASIDS] = { PASID, OTHER, 300 };

/* When each of a device's attachments ended for the last time: a reset ends them too, and brings them back. */
struct order {
	struct uiommu_device *dev;
	unsigned int now, rid, pasid[PASIDS];
};

static void see_commit(struct wrap_call *call, void *context)
{
	const struct uiommu_attach *attach = call->attach;
	struct order *order = context;

	if (attach->dev == order->dev &&
	    uiommu_domain_type(attach->domain) == UIOMMU_DOMAIN_BLOCKED) {
		order->now++;
		if (attach->pasid == UIOMMU_RID)
			order->rid = order->now;
		for (unsigned int i = 0; i < PASIDS; i++)
			if (attach->pasid == pasids[i])
				order->pasid[i] = order->now;
	}
	wrap_call(call);
}

static void c109_unbind(struct subject *s)
{
	struct work w = begin(s);
	struct order order = { .dev = w.d->dev };
	struct uiommu_group *group;
	struct uiommu_domain *now;
	int second, cdev;
	uint32_t id;

	group = uiommu_group_get(w.d->dev);
	second = abi_iommufd(w.a);
	CHECK_OK(s, attach(&w, w.hwpt[0]));
	for (unsigned int i = 0; i < PASIDS; i++)
		CHECK_OK(s, attach_pasid(&w, pasids[i], w.hwpt[i % 2]));
	rid(s, &w, 0);
	for (unsigned int i = 0; i < PASIDS; i++)
		pasid(s, &w, pasids[i], (int)(i % 2));
	CHECK_RC(s, abi_destroy(w.a, w.iommufd, w.hwpt[1]), -UIOMMU_EBUSY);
	CHECK_RC(s, abi_destroy(w.a, w.iommufd, w.d->devid), -UIOMMU_EBUSY);
	/* It is one context's, and another file cannot have it for another. */
	CHECK_FD(s, abi_open_cdev(w.d), &cdev);
	CHECK_RC(s, abi_bind_iommufd(w.a, cdev, second, &id), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_EPERM);

	wrap_set(s->wrap, WRAP_COMMIT, see_commit, &order);
	abi_unbind(w.d);
	wrap_set(s->wrap, WRAP_COMMIT, NULL, NULL);
	for (unsigned int i = 0; i < PASIDS; i++)
		CHECK(s, order.pasid[i] && order.pasid[i] < order.rid,
		      "PASID %u was ended as number %u, the RID as number %u", pasids[i],
		      order.pasid[i], order.rid);
	now = uiommu_device_domain(w.d->dev);
	CHECK(s, now && uiommu_domain_type(now) == uiommu_group_default_type(group),
	      "the group has not got its default domain back");
	uiommu_group_put(group);
	/* Now another context can have it, and finds nothing there. */
	CHECK_OK(s, abi_bind_iommufd(w.a, cdev, second, &id));
	abi_enable(w.d, cdev);
	for (unsigned int i = 0; i < PASIDS; i++)
		pasid(s, &w, pasids[i], -1);
	rid(s, &w, -1);
	CHECK_OK(s, abi_close(w.a, cdev));
	CHECK_OK(s, abi_close(w.a, second));
	end(s, &w);
}

#define DMA (CONFORM_HARDWARE | CONFORM_UAPI)
#define NEEDS MACHINE_PASID_DMA

const struct conform_scenario conform_iommufd_pasid[] = {
	{ "C106", "RID and PASIDs are attached together only to HWPTs that were made for it",
	  "Linux IOMMU_HWPT_ALLOC_PASID", AREA_IOMMUFD, DMA, NEEDS, c106_flag },
	{ "C107", "Detaching a PASID that is not attached is no error and does nothing",
	  "Linux VFIO_DEVICE_DETACH_IOMMUFD_PT", AREA_IOMMUFD, DMA, NEEDS, c107_wrong_detach },
	{ "C108", "An attach whose result cannot be told changes nothing, of RID or PASID",
	  "Linux detaches the RID in its place", AREA_IOMMUFD, DMA, NEEDS, c108_no_answer },
	{ "C109", "Closing a device's file ends its PASIDs, then its RID, then the ownership",
	  "Linux vfio_df_unbind_iommufd", AREA_IOMMUFD, DMA, NEEDS, c109_unbind },
	{ 0 },
};
