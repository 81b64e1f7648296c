/* SPDX-License-Identifier: MIT */
/* iommufd_nested.c - a guest's stage through HWPT_ALLOC and HWPT_INVALIDATE, whichever IOMMU the guest has */
#include <string.h>

#include "conform/either.h"
#include "conform/iommufd.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define NEST ABI_IOMMU_HWPT_ALLOC_NEST_PARENT
#define VTD ABI_IOMMU_HWPT_DATA_VTD_S1
#define SMMU ABI_IOMMU_HWPT_DATA_ARM_SMMUV3
#define UNKNOWN 99u /* no such number */

struct work {
	struct abi *a;
	int iommufd;
	struct abi_device *d;
	struct guest g;
	uint32_t stage; /* the guest's, as an HWPT; the device is attached to it */
};

static struct work begin(struct subject *s)
{
	struct work w = { 0 };

	w.a = iommufd_start(s, "solo0", &w.iommufd, &w.d);
	if (!guest_begin(w.d, w.iommufd, &w.g)) {
		abi_end(w.a);
		conform_skip(s, "this hardware has no stage of a guest's on top of the host's");
	}
	CHECK_OK(s, guest_stage(&w.g, 0, &w.stage));
	abi_attached(w.d, w.stage);
	return w;
}

static void end(struct subject *s, struct work *w)
{
	CHECK_RC(s, abi_destroy(w->a, w->iommufd, w->stage), -UIOMMU_EBUSY);
	CHECK_OK(s, abi_detach(w->a, w->d->cdev));
	abi_blocked(w->d, w->g.iova, guest_memory(&w->g, 0));
	CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->stage));
	guest_end(&w->g);
	abi_unbind(w->d);
	abi_end(w->a);
}

/* The guest's address leads to this page of its memory. */
static void translates(struct work *w, unsigned int page)
{
	abi_reaches(w->d, w->g.iova, guest_memory(&w->g, page), RW);
}

/* ---- C179 -------------------------------------------------------------------------------------- */

/* HWPT_ALLOC of what would be a good stage of the guest's, but for what is said. */
static void refused(struct subject *s, struct work *w, uint32_t pt, unsigned int flags,
		    uint32_t type, uint32_t size, int error)
{
	uint32_t id = 0;

	CHECK_RC(s,
		 iommufd_nested(w->d, w->iommufd, pt, flags, type,
				type || size ? &w->g.stage : NULL, size, &id),
		 error);
}

/* Entries that a guest may not have. */
static void bad_stages(struct subject *s, struct work *w)
{
	static const struct abi_iommu_hwpt_vtd_s1 vtd[] = {
		{ .pgtbl_addr = 0x40000000, .addr_width = 12 },
		{ .pgtbl_addr = 0x40000008, .addr_width = 48 },
		{ .pgtbl_addr = 0x40000000, .addr_width = 48, .flags = 1u << 3 },
		{ .pgtbl_addr = 0x40000000, .addr_width = 48, .reserved = 1 },
	};
	static const struct abi_iommu_hwpt_arm_smmuv3 smmu[] = {
		{ { 1 | 6ull << 1, 0 } }, /* stage 2 is not the guest's */
		{ { 1 | 7ull << 1, 0 } },
		{ { 1 | 5ull << 1, 1ull << 30 } }, /* STRW */
		{ { 1 | 5ull << 1, 2ull << 28 } }, /* EATS */
		{ { 1 | 5ull << 1 | 1ull << 52, 0 } }, /* reserved */
	};
	const bool is_vtd = w->g.type == VTD;
	uint32_t id;

	for (size_t i = 0; is_vtd && i < sizeof(vtd) / sizeof(vtd[0]); i++)
		CHECK_RC(s,
			 iommufd_nested(w->d, w->iommufd, w->g.base, 0, VTD, &vtd[i],
					sizeof(vtd[i]), &id),
			 -UIOMMU_EINVAL);
	for (size_t i = 0; !is_vtd && i < sizeof(smmu) / sizeof(smmu[0]); i++)
		CHECK_RC(s,
			 iommufd_nested(w->d, w->iommufd, w->g.base, 0, SMMU, &smmu[i],
					sizeof(smmu[i]), &id),
			 -UIOMMU_EIO);
}

/* What a stage on an HWPT itself may stand on: a VT-d's. */
static void parents_vtd(struct subject *s, struct work *w, uint32_t plain, uint32_t automatic)
{
	const uint32_t size = w->g.stage_size;

	refused(s, w, plain, 0, VTD, size, -UIOMMU_EINVAL);
	refused(s, w, automatic, 0, VTD, size, -UIOMMU_EINVAL);
	refused(s, w, w->stage, 0, VTD, size, -UIOMMU_EINVAL);
	refused(s, w, w->g.parent, NEST, VTD, size, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.parent, 0, 0, 0, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.parent, 0, SMMU, 16, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.parent, 0, VTD, size - 1, -UIOMMU_EINVAL);
	refused(s, w, w->g.parent, 0, VTD, size + 1, -UIOMMU_EINVAL);
}

/* And what a vIOMMU may: an SMMUv3's, whose stages stand on it and on nothing else. */
static void parents_smmuv3(struct subject *s, struct work *w, uint32_t plain, uint32_t automatic)
{
	const uint32_t type = ABI_IOMMU_VIOMMU_TYPE_ARM_SMMUV3, size = w->g.stage_size;
	uint32_t id;

	CHECK_RC(s, iommufd_viommu(w->d, w->iommufd, type, plain, &id), -UIOMMU_EINVAL);
	CHECK_RC(s, iommufd_viommu(w->d, w->iommufd, type, automatic, &id), -UIOMMU_EINVAL);
	CHECK_RC(s, iommufd_viommu(w->d, w->iommufd, type, w->stage, &id), -UIOMMU_ENOENT);
	CHECK_RC(s, iommufd_viommu(w->d, w->iommufd, type, UNKNOWN, &id), -UIOMMU_ENOENT);
	CHECK_RC(s, iommufd_viommu(w->d, w->iommufd, 0, w->g.parent, &id), -UIOMMU_EOPNOTSUPP);
	CHECK_RC(s, iommufd_viommu(w->d, w->iommufd, 77, w->g.parent, &id), -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.parent, 0, SMMU, size, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.base, NEST, SMMU, size, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.base, ABI_IOMMU_HWPT_ALLOC_PASID, SMMU, size, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.base, 0, 0, 0, -UIOMMU_EOPNOTSUPP);
	refused(s, w, w->g.base, 0, VTD, size, -UIOMMU_EINVAL);
	refused(s, w, w->g.base, 0, SMMU, size - 1, -UIOMMU_EINVAL);
	refused(s, w, w->g.base, 0, SMMU, size + 1, -UIOMMU_EINVAL);
	/* One name for one device. */
	CHECK_RC(s, iommufd_vdevice(w->d, w->iommufd, w->g.viommu, w->g.virt_id + 1, &id),
		 -UIOMMU_EEXIST);
	CHECK_RC(s, abi_destroy(w->a, w->iommufd, w->g.viommu), -UIOMMU_EBUSY);
}

/* A stage that translates wants a device that the vIOMMU knows; the old one goes on until then. */
static void unknown_device(struct subject *s, struct work *w)
{
	uint32_t pt = w->stage;

	CHECK_OK(s, abi_attach(w->a, w->d->cdev, &w->g.parent));
	abi_reaches(w->d, guest_address(&w->g, 1), guest_memory(&w->g, 1), RW);
	CHECK_OK(s, abi_destroy(w->a, w->iommufd, w->g.vdevice));
	CHECK_RC(s, abi_attach(w->a, w->d->cdev, &pt), -UIOMMU_ENOENT);
	abi_reaches(w->d, guest_address(&w->g, 1), guest_memory(&w->g, 1), RW);
	CHECK_OK(s, iommufd_vdevice(w->d, w->iommufd, w->g.viommu, w->g.virt_id, &w->g.vdevice));
	CHECK_OK(s, abi_attach(w->a, w->d->cdev, &pt));
}

void iommufd_nested_parents(struct subject *s)
{
	struct work w = begin(s);
	struct abi_device *other = iommufd_device(w.a, w.iommufd, "solo1");
	const uint32_t size = w.g.stage_size;
	uint32_t plain, automatic, ioas;

	ioas = abi_ioas(w.a, w.iommufd);
	plain = iommufd_hwpt(w.d, w.iommufd, ioas, 0);
	automatic = abi_attached(other, ioas);
	translates(&w, 0);

	/* Not to be had of anything else. */
	refused(s, &w, UNKNOWN, 0, w.g.type, size, -UIOMMU_EINVAL);
	refused(s, &w, w.d->devid, 0, w.g.type, size, -UIOMMU_EINVAL);
	refused(s, &w, ioas, 0, w.g.type, size, -UIOMMU_EOPNOTSUPP); /* a paging one, with data */
	refused(s, &w, w.g.base, 0, 0, size, -UIOMMU_EINVAL);
	refused(s, &w, w.g.base, 0, w.g.type, 0, -UIOMMU_EINVAL);
	if (w.g.type == VTD)
		parents_vtd(s, &w, plain, automatic);
	else
		parents_smmuv3(s, &w, plain, automatic);
	bad_stages(s, &w);
	translates(&w, 0);
	if (w.g.vdevice)
		unknown_device(s, &w);
	translates(&w, 0);

	/* Each stays as long as what stands on it. */
	CHECK_RC(s, abi_destroy(w.a, w.iommufd, w.g.parent), -UIOMMU_EBUSY);
	CHECK_RC(s, abi_destroy(w.a, w.iommufd, w.g.ioas), -UIOMMU_EBUSY);
	CHECK_RC(s, abi_destroy(w.a, w.iommufd, w.stage), -UIOMMU_EBUSY);
	translates(&w, 0);
	abi_unbind(other);
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, plain));
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, ioas));
	end(s, &w);
}

/* ---- C181 -------------------------------------------------------------------------------------- */

static void invalidate(struct subject *s, struct work *w, const struct guest_entries *e,
		       uint32_t type, uint32_t size, uint32_t count, int error, uint32_t expected)
{
	uint32_t done = UNKNOWN;

	CHECK_RC(s,
		 iommufd_invalidate(w->a, w->iommufd, e->id, type, count ? &e->entry : NULL, size,
				    count, &done),
		 error);
	CHECK(s, done == expected, "%u of %u entries are said to be done, and %u are", done, count,
	      expected);
}

/* Entry @to of @e becomes entry @from of @of. */
static void put(struct guest_entries *e, unsigned int to, const struct guest_entries *of,
		unsigned int from)
{
	memmove((unsigned char *)&e->entry + to * e->size,
		(const unsigned char *)&of->entry + from * of->size, e->size);
}

/* The @which bad entry in the second place, behind one that does nothing to the page's; false: no more of them. */
static bool bad_entry(const struct guest_entries *good, unsigned int which, struct guest_entries *e,
		      int *error)
{
	static const struct {
		struct abi_iommu_hwpt_vtd_s1_invalidate entry;
		int error;
	} vtd[] = {
		{ { .addr = 1, .npages = 1 }, -UIOMMU_EINVAL },
		{ { .addr = ABI_PAGE, .npages = UINT64_MAX }, -UIOMMU_EINVAL },
		{ { .flags = 2 }, -UIOMMU_EOPNOTSUPP },
		{ { .reserved = 1 }, -UIOMMU_EOPNOTSUPP },
	};
	const bool is_vtd = good->size == sizeof(good->entry.vtd[0]);

	if (which >= (is_vtd ? sizeof(vtd) / sizeof(vtd[0]) : 2))
		return false;
	*e = *good;
	if (is_vtd) {
		e->entry.vtd[1] = vtd[which].entry;
		*error = vtd[which].error;
	} else {
		/* CMD_SYNC is not the guest's to send; and a device that it does not have. */
		e->entry.smmuv3[1] = good->entry.smmuv3[0];
		if (which)
			e->entry.smmuv3[1].cmd[0] ^= UINT64_C(1) << 32;
		else
			e->entry.smmuv3[1].cmd[0] = 0x46;
		*error = -UIOMMU_EIO;
	}
	return true;
}

/* How many entries the driver did. */
static void see_entries(struct wrap_call *call, void *context)
{
	uint64_t *carried_out = context;

	wrap_call(call);
	*carried_out += call->value;
}

void iommufd_nested_array(struct subject *s)
{
	struct work w = begin(s);
	struct guest_entries good = guest_entries(&w.g, w.stage), e;
	const uint32_t most = 1u << 19;
	uint64_t carried_out = 0;
	uint32_t done;
	int error;

	translates(&w, 0);
	/* No entry: is the type known? */
	invalidate(s, &w, &good, good.type, good.size, 0, 0, 0);
	invalidate(s, &w, &good, good.type ^ 1, good.size, 0, -UIOMMU_EINVAL, 0);
	invalidate(s, &w, &good, good.type ^ 1, good.size, 2, -UIOMMU_EINVAL, 0);
	/* Sizes and numbers. */
	invalidate(s, &w, &good, good.type, 0, 2, -UIOMMU_EINVAL, 0);
	invalidate(s, &w, &good, good.type, good.size - 1, 2, -UIOMMU_EINVAL, 0);
	invalidate(s, &w, &good, good.type, (uint32_t)ABI_PAGE + 1, 2, -UIOMMU_EINVAL, 0);
	invalidate(s, &w, &good, good.type, good.size, most + 1, -UIOMMU_EINVAL, 0);
	invalidate(s, &w, &good, good.type, good.size, UINT32_MAX, -UIOMMU_EINVAL, 0);
	CHECK_RC(s,
		 iommufd_invalidate(w.a, w.iommufd, good.id, good.type, NULL, good.size, 2, &done),
		 -UIOMMU_EINVAL);
	CHECK(s, done == 0, "%u entries of nothing are done", done);
	/* Not of a guest's. */
	e = good;
	e.id = w.g.parent;
	invalidate(s, &w, &e, e.type, e.size, 2, -UIOMMU_EINVAL, 0);
	e.id = UNKNOWN;
	invalidate(s, &w, &e, e.type, e.size, 2, -UIOMMU_ENOENT, 0);
	if (w.g.viommu) {
		e.id = w.stage;
		invalidate(s, &w, &e, e.type, e.size, 2, -UIOMMU_EOPNOTSUPP, 0);
	}
	translates(&w, 0);

	/* The guest unmaps its page, and its IOMMU may go on with what was. */
	guest_unmap(&w.g);
	wrap_set(s->wrap, WRAP_CACHE_INVALIDATE, see_entries, &carried_out);
	for (unsigned int i = 0; bad_entry(&good, i, &e, &error); i++) {
		/* What comes behind a bad one is not carried out, which the count says. */
		put(&e, 2, &good, 1);
		invalidate(s, &w, &e, e.type, e.size, 3, error, 1);
		put(&e, 0, &e, 1);
		invalidate(s, &w, &e, e.type, e.size, 3, error, 0);
		CHECK(s, carried_out == i + 1, "entries behind a bad one were carried out");
	}
	/* What comes before it is: it need not be given again. */
	bad_entry(&good, 0, &e, &error);
	put(&e, 0, &good, 1);
	invalidate(s, &w, &e, e.type, e.size, 3, error, 1);
	abi_blocked(w.d, w.g.iova, guest_memory(&w.g, 0));
	guest_map(&w.g, 1);
	invalidate(s, &w, &good, good.type, good.size, 2, 0, 2);
	translates(&w, 1);
	end(s, &w);
}
