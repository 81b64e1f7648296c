/* SPDX-License-Identifier: MIT */
/* pasid.c - PASIDs with a life of their own beside the RID */
#include <string.h>

#include "conform/either.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASID 5u

struct work {
	struct machine_device *device;
	struct owner *owner;
	struct space *rid, *pasid, *other;
	struct subject_buffer buffer; /* a page for each space */
	struct uiommu_device *dev; /* for what is about the C API itself */
	struct uiommu_group *group;
};

static const struct subject_dma with_pasid = { PASID, MACHINE_DMA_WITH_PASID };

static struct work begin(struct subject *s)
{
	struct work w;

	subject_boot(s, 0);
	w.device = subject_machine_device(s, "pasid0");
	w.dev = subject_device(s, "pasid0");
	w.owner = subject_own(s, "pasid0");
	w.group = owner_group(w.owner);
	if (!owner_max_pasids(w.owner)) {
		owner_end(w.owner);
		conform_skip(s, "this hardware has no PASIDs");
	}
	w.buffer = subject_buffer(s, 4 * s->page);
	w.rid = owner_space(w.owner, UIOMMU_ALLOC_PASID);
	w.pasid = owner_space(w.owner, UIOMMU_ALLOC_PASID);
	w.other = owner_space(w.owner, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, space_map(w.rid, s->iova, w.buffer.phys, s->page, RW));
	CHECK_OK(s, space_map(w.pasid, s->iova, w.buffer.phys + s->page, s->page, RW));
	CHECK_OK(s, space_map(w.other, s->iova, w.buffer.phys + 2 * s->page, s->page, RW));
	return w;
}

static void end(struct subject *s, struct work *w)
{
	space_end(w->rid);
	space_end(w->pasid);
	space_end(w->other);
	subject_buffer_free(s, &w->buffer);
	owner_end(w->owner);
}

/* Which of the pages is reached; -1: none. */
static void rid_reaches(struct subject *s, struct work *w, int page)
{
	if (page < 0)
		subject_dma_blocked(s, w->device, s->iova, w->buffer.phys, NULL);
	else
		subject_dma_reaches(s, w->device, s->iova, w->buffer.phys + page * s->page, RW,
				    NULL);
}

static void pasid_reaches(struct subject *s, struct work *w, int page)
{
	if (page < 0)
		subject_dma_blocked(s, w->device, s->iova, w->buffer.phys + s->page, &with_pasid);
	else
		subject_dma_reaches(s, w->device, s->iova, w->buffer.phys + page * s->page, RW,
				    &with_pasid);
}

static void c095_rid_detach_keeps_pasid(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, owner_attach(w.owner, w.rid));
	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, PASID));
	rid_reaches(s, &w, 0);
	pasid_reaches(s, &w, 1);
	owner_detach(w.owner, w.rid);
	rid_reaches(s, &w, -1);
	pasid_reaches(s, &w, 1);
	owner_detach_pasid(w.owner, w.pasid, PASID);
	pasid_reaches(s, &w, -1);
	end(s, &w);
}

static void replace_by_identity(struct subject *s, struct work *w)
{
	struct uiommu_attach_handle handle = { 0 };
	struct uiommu_domain *identity = NULL;

	CHECK_OK(s, uiommu_domain_alloc_identity(w->dev, &identity));
	CHECK_OK(s, uiommu_replace_group_handle(w->group, identity, &handle));
	subject_dma_reaches(s, w->device, w->buffer.phys + 3 * s->page,
			    w->buffer.phys + 3 * s->page, RW, NULL);
	pasid_reaches(s, w, 1);
	uiommu_detach_group_handle(identity, w->group);
	uiommu_domain_free(identity);
}

static void c096_rid_replace_keeps_pasid(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, PASID));
	CHECK_OK(s, owner_attach(w.owner, w.rid));
	pasid_reaches(s, &w, 1);
	CHECK_OK(s, owner_replace(w.owner, w.other));
	rid_reaches(s, &w, 2);
	pasid_reaches(s, &w, 1);
	/* A program has no identity to attach. */
	if (w.group)
		replace_by_identity(s, &w);
	else
		owner_detach(w.owner, w.other);
	pasid_reaches(s, &w, 1);
	owner_detach_pasid(w.owner, w.pasid, PASID);
	end(s, &w);
}

static void c097_pasid_leaves_rid(struct subject *s)
{
	struct work w = begin(s);
	const uint32_t step = (owner_max_pasids(w.owner) - PASID) / 4;

	CHECK_OK(s, owner_attach(w.owner, w.rid));
	for (uint32_t pasid = PASID; pasid <= PASID + 3 * step; pasid += step) {
		rid_reaches(s, &w, 0);
		CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, pasid));
		rid_reaches(s, &w, 0);
		owner_detach_pasid(w.owner, w.pasid, pasid);
		rid_reaches(s, &w, 0);
	}
	owner_detach(w.owner, w.rid);
	end(s, &w);
}

static void c098_no_shared_table(struct subject *s)
{
	struct machine_device *second;
	struct owner *owner;
	struct work w = begin(s);
	int rc;

	second = subject_machine_device(s, "pasid1");
	owner = subject_own(s, "pasid1");
	CHECK_OK(s, owner_attach(w.owner, w.rid));
	rc = owner_attach(owner, w.rid);
	if (rc == -UIOMMU_EINVAL) {
		owner_detach(w.owner, w.rid);
		conform_skip(s, "the two devices' units share no format");
	}
	CHECK(s, rc == 0, "attach: %s", uiommu_strerror(rc));
	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, PASID));
	pasid_reaches(s, &w, 1);
	subject_dma_blocked(s, second, s->iova, w.buffer.phys + s->page, &with_pasid);
	CHECK_OK(s, owner_attach_pasid(owner, w.other, PASID));
	subject_dma_reaches(s, second, s->iova, w.buffer.phys + 2 * s->page, RW, &with_pasid);
	pasid_reaches(s, &w, 1);
	owner_detach_pasid(w.owner, w.pasid, PASID);
	subject_dma_reaches(s, second, s->iova, w.buffer.phys + 2 * s->page, RW, &with_pasid);
	pasid_reaches(s, &w, -1);
	owner_detach_pasid(owner, w.other, PASID);
	owner_detach(w.owner, w.rid);
	owner_detach(owner, w.rid);
	owner_end(owner);
	end(s, &w);
}

static void c100_arguments(struct subject *s)
{
	struct uiommu_attach_handle handle = { 0 };
	struct work w = begin(s);
	uint32_t max = owner_max_pasids(w.owner);

	CHECK_RC(s, owner_attach_pasid(w.owner, w.pasid, 0), -UIOMMU_EINVAL);
	CHECK_RC(s, owner_attach_pasid(w.owner, w.pasid, max), -UIOMMU_EINVAL);
	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, max - 1));
	CHECK_RC(s, owner_attach_pasid(w.owner, w.other, max - 1), -UIOMMU_EBUSY);
	CHECK_RC(s, uiommu_replace_device_pasid(space_domain(w.other), w.dev, max - 1, NULL),
		 -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_replace_device_pasid(space_domain(w.other), w.dev, PASID, &handle),
		 -UIOMMU_EINVAL);
	owner_detach_pasid(w.owner, w.pasid, max - 1);
	end(s, &w);
}

static void c100(struct subject *s)
{
	(s->kind->backend->user ? iommufd_pasid_arguments : c100_arguments)(s);
}

static void c101_no_pasids(struct subject *s)
{
	struct uiommu_domain *domain;
	struct uiommu_device *dev;

	subject_boot(s, 0);
	dev = subject_device(s, "solo0");
	CHECK(s, uiommu_device_max_pasids(dev) == 0, "an edu has PASIDs");
	domain = subject_domain(s, dev, 0);
	wrap_reset_counts(s->wrap);
	CHECK_RC(s, uiommu_attach_device_pasid(domain, dev, PASID, NULL), -UIOMMU_EOPNOTSUPP);
	CHECK(s, wrap_count(s->wrap, WRAP_PREPARE) == 0, "the driver was asked");
	uiommu_domain_free(domain);
}

/* Devices that only share the unit, as if nothing isolated them. */
static void one_group(struct wrap_call *call, void *context)
{
	(void)context;
	call->rc = uiommu_single_device_group(call->dev, &call->group_out);
}

static void watch_pasid_steps(struct wrap_call *call, void *context)
{
	unsigned int *without = context;

	*without += call->attach->pasid != UIOMMU_RID && !uiommu_device_max_pasids(call->dev);
	wrap_call(call);
}

static void c102_mixed_group(struct subject *s)
{
	static const char *const labels[] = { "pasid0", "pasid1", "solo0" };
	struct subject_buffer buffer;
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	struct uiommu_device *dev[3];
	struct machine_device *device[3];
	unsigned int without = 0;
	uint32_t least, most;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	wrap_set(s->wrap, WRAP_GROUP, one_group, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		device[i] = subject_machine_device(s, labels[i]);
		CHECK_OK(s, machine_add_device(s->machine, device[i]));
		dev[i] = subject_device(s, labels[i]);
	}
	wrap_set(s->wrap, WRAP_GROUP, NULL, NULL);
	most = uiommu_device_max_pasids(dev[0]);
	least = uiommu_device_max_pasids(dev[1]);
	if (!least)
		conform_skip(s, "this hardware has no PASIDs");
	/* The same where the IOMMU has fewer than both. */
	CHECK(s, most >= least && uiommu_device_max_pasids(dev[2]) == 0,
	      "the members have %u, %u and %u PASIDs", most, least,
	      uiommu_device_max_pasids(dev[2]));
	group = subject_claim(s, "pasid0");
	CHECK(s, uiommu_group_num_devices(group) == 3, "the group has %u members",
	      uiommu_group_num_devices(group));
	buffer = subject_buffer(s, s->page);
	domain = subject_domain(s, dev[0], UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));

	wrap_set(s->wrap, WRAP_PREPARE, watch_pasid_steps, &without);
	/* The least of those that have any is the limit, for each of them. */
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_RC(s, uiommu_attach_device_pasid(domain, dev[i], least, NULL),
			 -UIOMMU_EINVAL);
		CHECK_OK(s, uiommu_attach_device_pasid(domain, dev[i], least - 1, NULL));
		uiommu_detach_device_pasid(domain, dev[i], least - 1);
	}
	CHECK_RC(s, uiommu_attach_device_pasid(domain, dev[2], PASID, NULL), -UIOMMU_EOPNOTSUPP);
	CHECK_OK(s, uiommu_attach_device_pasid(domain, dev[0], PASID, NULL));
	for (unsigned int i = 0; i < 2; i++)
		subject_dma_reaches(s, device[i], s->iova, buffer.phys, RW, &with_pasid);
	for (unsigned int i = 0; i < 3; i++)
		subject_dma_blocked(s, device[i], s->iova, buffer.phys, NULL);
	uiommu_detach_device_pasid(domain, dev[1], PASID);
	for (unsigned int i = 0; i < 2; i++)
		subject_dma_blocked(s, device[i], s->iova, buffer.phys, &with_pasid);
	CHECK(s, without == 0, "the driver was asked %u times for a PASID of a device without any",
	      without);
	wrap_set(s->wrap, WRAP_PREPARE, NULL, NULL);

	uiommu_domain_free(domain);
	subject_buffer_free(s, &buffer);
	subject_release(s, group);
}

static void c103_member_fails(struct subject *s)
{
	struct work w = begin(s);

	wrap_fail(s->wrap, WRAP_PREPARE, w.dev, 1, UIOMMU_ENOMEM);
	CHECK(s, owner_attach_pasid(w.owner, w.pasid, PASID) == -UIOMMU_ENOMEM,
	      "the failure is not reported");
	pasid_reaches(s, &w, -1);
	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, PASID));
	pasid_reaches(s, &w, 1);
	owner_detach_pasid(w.owner, w.pasid, PASID);
	end(s, &w);
}

static void check_handle(struct subject *s, struct work *w, struct space *space)
{
	struct uiommu_attach_handle *found = NULL;

	if (!w->group)
		return;
	CHECK_OK(s, uiommu_attach_handle_get(w->group, PASID, UIOMMU_DOMAIN_AUTO, &found));
	CHECK(s, found->domain == space_domain(space), "another attachment's handle is found");
}

static void c104_replace_fails(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, PASID));
	wrap_fail(s->wrap, WRAP_PREPARE, w.dev, 1, UIOMMU_ENOSPC);
	CHECK(s, owner_replace_pasid(w.owner, w.other, PASID) == -UIOMMU_ENOSPC,
	      "the failure is not reported");
	pasid_reaches(s, &w, 1);
	check_handle(s, &w, w.pasid);
	CHECK_OK(s, owner_replace_pasid(w.owner, w.other, PASID));
	pasid_reaches(s, &w, 2);
	check_handle(s, &w, w.other);
	owner_detach_pasid(w.owner, w.other, PASID);
	end(s, &w);
}

static void c223_wrong_detach(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, PASID));
	subject_expect_warnings(s, 2);
	owner_detach_pasid(w.owner, w.other, PASID);
	pasid_reaches(s, &w, 1);
	owner_detach_pasid(w.owner, w.pasid, PASID + 1);
	pasid_reaches(s, &w, 1);
	owner_detach_pasid(w.owner, w.pasid, PASID);
	pasid_reaches(s, &w, -1);
	end(s, &w);
}

static void c224_pasid_unmap(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, owner_attach(w.owner, w.pasid));
	for (uint32_t p = 1; p < 4; p++)
		CHECK_OK(s, owner_attach_pasid(w.owner, w.pasid, p * 70));
	for (uint32_t p = 1; p < 4; p++) {
		struct subject_dma how = { p * 70, MACHINE_DMA_WITH_PASID };

		subject_dma_reaches(s, w.device, s->iova, w.buffer.phys + s->page, RW, &how);
	}
	rid_reaches(s, &w, 1);
	space_unmap_all(w.pasid, s->iova, s->page);
	for (uint32_t p = 1; p < 4; p++) {
		struct subject_dma how = { p * 70, MACHINE_DMA_WITH_PASID };

		subject_dma_blocked(s, w.device, s->iova, w.buffer.phys + s->page, &how);
		owner_detach_pasid(w.owner, w.pasid, p * 70);
	}
	subject_dma_blocked(s, w.device, s->iova, w.buffer.phys + s->page, NULL);
	owner_detach(w.owner, w.pasid);
	end(s, &w);
}

#define DMA CONFORM_HARDWARE
#define ANY CONFORM_ANY_BACKEND
#define NEEDS MACHINE_PASID_DMA

#define EITHER (CONFORM_UAPI | CONFORM_KAPI)

const struct conform_scenario conform_pasid[] = {
	{ "C095", "Detaching the RID's domain leaves a PASID translating",
	  "mailing list 2022-09, scenario (a)", AREA_PASID, DMA | ANY, NEEDS,
	  c095_rid_detach_keeps_pasid },
	{ "C096", "So does replacing it, by another domain or by identity",
	  "mailing list 2022-09, scenario (a)", AREA_PASID, DMA | ANY, NEEDS,
	  c096_rid_replace_keeps_pasid },
	{ "C097", "Attaching and detaching a PASID leaves the RID alone", "mailing list 2022-09",
	  AREA_PASID, DMA | ANY, NEEDS, c097_pasid_leaves_rid },
	{ "C098", "Two devices that share a domain do not share a PASID table",
	  "mailing list 2022-09", AREA_PASID, DMA | ANY, NEEDS, c098_no_shared_table },
	{ "C100", "PASID 0, too large, taken, or replaced without being attached: each its error",
	  "Linux iommu_attach_device_pasid", AREA_PASID, EITHER, NEEDS, c100 },
	{ "C101", "A device without PASIDs is refused one", "Linux succeeds and does nothing",
	  AREA_PASID, 0, 0, c101_no_pasids },
	{ "C102", "In a mixed group only members with PASIDs get one, and they alone set the limit",
	  "Linux iommu_attach_device_pasid", AREA_PASID, DMA, NEEDS, c102_mixed_group },
	{ "C103", "A PASID attach that fails leaves the PASID blocked and free",
	  "Linux __iommu_set_group_pasid", AREA_PASID, DMA | ANY, NEEDS, c103_member_fails },
	{ "C104", "A PASID replace that fails keeps the old translation and handle",
	  "Linux iommu_replace_device_pasid", AREA_PASID, DMA | ANY, NEEDS, c104_replace_fails },
	{ "C223", "Detaching a PASID with the wrong domain or number does nothing but a report",
	  "include/uiommu/uiommu.h", AREA_PASID, DMA, NEEDS, c223_wrong_detach },
	{ "C224", "Unmap reaches every PASID and the RID of a shared domain",
	  "Linux: invalidation guarantees", AREA_PASID, DMA | ANY, NEEDS, c224_pasid_unmap },
	{ 0 },
};
