/* SPDX-License-Identifier: MIT */
/* dirty.c - enforced coherency and dirty tracking */
#include <string.h>

#include "conform/either.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

struct work {
	struct machine_device *device;
	struct owner *owner;
	struct space *space;
	uint64_t iova; /* a large leaf fits there */
};

static struct work begin(struct subject *s)
{
	struct work w;

	subject_boot(s, 0);
	w.iova = s->base + s->huge;
	w.device = subject_machine_device(s, "solo0");
	w.owner = subject_own(s, "solo0");
	if (!owner_capable(w.owner, UIOMMU_CAP_DIRTY_TRACKING)) {
		owner_end(w.owner);
		conform_skip(s, "this hardware has no dirty tracking");
	}
	w.space = owner_space(w.owner, UIOMMU_ALLOC_DIRTY_TRACKING);
	CHECK_OK(s, owner_attach(w.owner, w.space));
	return w;
}

static void end(struct work *w)
{
	owner_detach(w->owner, w->space);
	space_end(w->space);
	owner_end(w->owner);
}

static void write_byte(struct subject *s, struct work *w, uint64_t iova)
{
	unsigned char word[4] = { 1, 2, 3, 4 };

	machine_dma_write(w->device, iova, word, sizeof(word), 0, 0);
	machine_settle(s->machine);
}

/* The bits of @pages pages of @page_size at @iova, in @bits. */
static void read_dirty(struct subject *s, struct work *w, uint64_t iova, uint64_t size,
		       uint64_t page_size, unsigned int flags, uint64_t bits[8])
{
	struct uiommu_dirty_bitmap bitmap = { iova, page_size, size / page_size, bits };

	memset(bits, 0, 8 * sizeof(bits[0]));
	CHECK_OK(s, space_read_dirty(w->space, iova, size, flags, &bitmap));
}

static void expect_bits(struct subject *s, const uint64_t bits[8], uint64_t expected,
			const char *when)
{
	CHECK(s, bits[0] == expected, "%s: the bits are 0x%llx and not 0x%llx", when,
	      (unsigned long long)bits[0], (unsigned long long)expected);
	for (int i = 1; i < 8; i++)
		CHECK(s, bits[i] == 0, "%s: a bit far away is set", when);
}

static void c170_enforced_coherency(struct subject *s)
{
	struct uiommu_device *dev, *other;
	struct uiommu_domain *domain;
	struct uiommu_group *group, *group2;
	bool can;

	subject_boot(s, 0);
	dev = subject_device(s, "solo0");
	can = uiommu_device_capable(dev, UIOMMU_CAP_ENFORCE_CACHE_COHERENCY);
	domain = subject_domain(s, dev, 0);
	group = subject_claim(s, "solo0");
	CHECK_OK(s, uiommu_attach_group(domain, group));
	CHECK(s, uiommu_enforce_cache_coherency(domain) == can,
	      "enforcing says %d, the capability %d", !can, can);
	other = subject_device(s, "solo1");
	group2 = subject_claim(s, "solo1");
	if (can && !uiommu_device_capable(other, UIOMMU_CAP_ENFORCE_CACHE_COHERENCY))
		CHECK_RC(s, uiommu_attach_group(domain, group2), -UIOMMU_EINVAL);
	else if (uiommu_device_instance(other) == uiommu_device_instance(dev)) {
		CHECK_OK(s, uiommu_attach_group(domain, group2));
		uiommu_detach_group(domain, group2);
	}
	uiommu_detach_group(domain, group);
	uiommu_domain_free(domain);
	subject_release(s, group);
	subject_release(s, group2);
}

static void c170(struct subject *s)
{
	(s->kind->backend->user ? iommufd_coherency : c170_enforced_coherency)(s);
}

static void c172_capability(struct subject *s)
{
	struct owner *owner;
	struct space *space;

	subject_boot(s, 0);
	owner = subject_own(s, "solo0");
	if (!owner_capable(owner, UIOMMU_CAP_DIRTY_TRACKING)) {
		CHECK_RC(s, owner_create(owner, UIOMMU_ALLOC_DIRTY_TRACKING, &space),
			 -UIOMMU_EOPNOTSUPP);
	} else {
		space = owner_space(owner, UIOMMU_ALLOC_DIRTY_TRACKING);
		CHECK_OK(s, space_set_dirty_tracking(space, true));
		CHECK_OK(s, space_set_dirty_tracking(space, true));
		CHECK_OK(s, space_set_dirty_tracking(space, false));
		CHECK_OK(s, space_set_dirty_tracking(space, false));
		space_end(space);
	}
	space = owner_space(owner, 0);
	CHECK_RC(s, space_set_dirty_tracking(space, true), -UIOMMU_EOPNOTSUPP);
	space_end(space);
	owner_end(owner);
}

static void c172(struct subject *s)
{
	(s->kind->backend->user ? iommufd_dirty_flag : c172_capability)(s);
}

static void c173_exact_bits(struct subject *s)
{
	struct work w = begin(s);
	struct subject_buffer b = subject_buffer(s, 64 * s->page);
	uint64_t bits[8];

	/* One page further, so that only pages fit. */
	CHECK_OK(s, space_map(w.space, w.iova, b.phys, 63 * s->page, RW));
	CHECK_OK(s, space_set_dirty_tracking(w.space, true));
	read_dirty(s, &w, w.iova, 63 * s->page, s->page, 0, bits);
	expect_bits(s, bits, 0, "nothing was written");
	write_byte(s, &w, w.iova + 5 * s->page + 8);
	read_dirty(s, &w, w.iova, 63 * s->page, s->page, UIOMMU_DIRTY_NO_CLEAR, bits);
	expect_bits(s, bits, 1ull << 5, "page 5 was written");
	read_dirty(s, &w, w.iova, 63 * s->page, s->page, 0, bits);
	expect_bits(s, bits, 1ull << 5, "after a look without clearing");
	read_dirty(s, &w, w.iova, 63 * s->page, s->page, 0, bits);
	expect_bits(s, bits, 0, "after clearing");
	write_byte(s, &w, w.iova + 9 * s->page);
	read_dirty(s, &w, w.iova, 56 * s->page, 8 * s->page, 0, bits);
	expect_bits(s, bits, 1ull << 1, "a bit for eight pages");
	/* A read is no write. */
	CHECK(s, subject_dma_sees(s, w.device, w.iova + 20 * s->page, b.phys + 20 * s->page, NULL),
	      "read");
	read_dirty(s, &w, w.iova, 63 * s->page, s->page, 0, bits);
	expect_bits(s, bits, 0, "a page was only read");
	subject_buffer_free(s, &b);
	end(&w);
}

static void c174_large_leaf(struct subject *s)
{
	struct work w = begin(s);
	struct subject_span b = subject_span(s, s->large);
	uint64_t bits[8];

	CHECK_OK(s, space_map(w.space, w.iova, b.phys, s->large, RW));
	CHECK_OK(s, space_set_dirty_tracking(w.space, true));
	write_byte(s, &w, w.iova + b.at + 100 * s->page);
	read_dirty(s, &w, w.iova + b.at + 96 * s->page, 16 * s->page, s->page,
		   UIOMMU_DIRTY_NO_CLEAR, bits);
	if (space_page_sizes(w.space) & s->large)
		expect_bits(s, bits, 0xffff, "part of a large leaf");
	else
		expect_bits(s, bits, 1ull << 4, "a page of its own");
	subject_span_free(s, &b);
	end(&w);
}

static void c175_nothing_lost(struct subject *s)
{
	struct work w = begin(s);
	struct subject_buffer b = subject_buffer(s, 4 * s->page);
	uint64_t bits[8];

	CHECK_OK(s, space_map(w.space, w.iova, b.phys, 4 * s->page, RW));
	CHECK_OK(s, space_set_dirty_tracking(w.space, true));
	for (unsigned int i = 0; i < 10; i++) {
		write_byte(s, &w, w.iova + s->page);
		read_dirty(s, &w, w.iova, 4 * s->page, s->page, 0, bits);
		expect_bits(s, bits, 2, "written again after each look");
	}
	subject_buffer_free(s, &b);
	end(&w);
}

static void c176_all_or_none(struct subject *s)
{
	struct work w = begin(s);
	struct subject_buffer b = subject_buffer(s, 2 * s->page);
	uint64_t bits[8];

	CHECK_OK(s, space_map(w.space, w.iova, b.phys, 2 * s->page, RW));
	wrap_fail(s->wrap, WRAP_SET_DIRTY, NULL, 1, UIOMMU_EIO);
	CHECK(s, space_set_dirty_tracking(w.space, true) < 0, "the failure is not reported");
	write_byte(s, &w, w.iova);
	CHECK_OK(s, space_set_dirty_tracking(w.space, true));
	read_dirty(s, &w, w.iova, 2 * s->page, s->page, 0, bits);
	expect_bits(s, bits, 0, "starting begins clean");
	write_byte(s, &w, w.iova + s->page);
	read_dirty(s, &w, w.iova, 2 * s->page, s->page, 0, bits);
	expect_bits(s, bits, 2, "after the second try");
	subject_buffer_free(s, &b);
	end(&w);
}

static void c177_arguments(struct subject *s)
{
	struct work w = begin(s);
	uint64_t word = 0;
	struct uiommu_dirty_bitmap bitmap = { w.iova, s->page, 16, &word };
	struct uiommu_dirty_bitmap bad;

	CHECK_OK(s, space_set_dirty_tracking(w.space, true));
	CHECK_OK(s, space_read_dirty(w.space, w.iova, 16 * s->page, 0, &bitmap));
	bad = bitmap;
	bad.page_size = 0;
	CHECK_RC(s, space_read_dirty(w.space, w.iova, s->page, 0, &bad), -UIOMMU_EINVAL);
	bad.page_size = 3 * s->page;
	CHECK_RC(s, space_read_dirty(w.space, w.iova, s->page, 0, &bad), -UIOMMU_EINVAL);
	CHECK_RC(s, space_read_dirty(w.space, w.iova + 1, s->page, 0, &bitmap), -UIOMMU_EINVAL);
	CHECK_RC(s, space_read_dirty(w.space, w.iova, s->page + 1, 0, &bitmap), -UIOMMU_EINVAL);
	CHECK_RC(s, space_read_dirty(w.space, w.iova, 17 * s->page, 0, &bitmap), -UIOMMU_EINVAL);
	CHECK_RC(s, space_read_dirty(w.space, w.iova - s->page, s->page, 0, &bitmap),
		 -UIOMMU_EINVAL);
	CHECK_RC(s, space_read_dirty(w.space, UINT64_MAX - (s->page - 1), 2 * s->page, 0, &bitmap),
		 -UIOMMU_EOVERFLOW);
	end(&w);
}

static void c178_pasid(struct subject *s)
{
	struct subject_dma how = { 5, MACHINE_DMA_WITH_PASID };
	unsigned char word[4] = { 9 };
	struct machine_device *device;
	struct subject_buffer b;
	struct owner *owner;
	struct space *space;
	struct uiommu_dirty_bitmap bitmap;
	uint64_t bits = 0;

	subject_boot(s, 0);
	bitmap = (struct uiommu_dirty_bitmap){ s->iova, s->page, 4, &bits };
	device = subject_machine_device(s, "pasid0");
	owner = subject_own(s, "pasid0");
	if (!owner_capable(owner, UIOMMU_CAP_DIRTY_TRACKING) || !owner_max_pasids(owner)) {
		bool dirty = owner_capable(owner, UIOMMU_CAP_DIRTY_TRACKING);

		owner_end(owner);
		conform_skip(s, "this hardware has no %s", dirty ? "PASIDs" : "dirty tracking");
	}
	space = owner_space(owner, UIOMMU_ALLOC_DIRTY_TRACKING | UIOMMU_ALLOC_PASID);
	b = subject_buffer(s, 4 * s->page);
	CHECK_OK(s, space_map(space, s->iova, b.phys, 4 * s->page, RW));
	CHECK_OK(s, owner_attach_pasid(owner, space, how.pasid));
	CHECK_OK(s, space_set_dirty_tracking(space, true));
	machine_dma_write(device, s->iova + 3 * s->page, word, sizeof(word), how.pasid, how.flags);
	machine_settle(s->machine);
	CHECK_OK(s, space_read_dirty(space, s->iova, 4 * s->page, 0, &bitmap));
	CHECK(s, bits == 8, "a write with PASID set the bits 0x%llx", (unsigned long long)bits);
	owner_detach_pasid(owner, space, how.pasid);
	space_end(space);
	owner_end(owner);
	subject_buffer_free(s, &b);
}

#define EITHER (CONFORM_UAPI | CONFORM_KAPI)

const struct conform_scenario conform_dirty[] = {
	{ "C170", "After coherency was enforced, a device that cannot do it is refused",
	  "Linux enforce_cache_coherency contract", AREA_DIRTY, EITHER, 0, c170 },
	{ "C172", "Dirty tracking needs the capability and the flag; switching it twice is fine",
	  "Linux IOMMU_HWPT_ALLOC_DIRTY_TRACKING", AREA_DIRTY, CONFORM_ANY_BACKEND, 0, c172 },
	{ "C173", "A write sets the bit of its page and no other; clearing and looking are exact",
	  "Linux iommu_dirty_ops.read_and_clear_dirty", AREA_DIRTY,
	  CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0, c173_exact_bits },
	{ "C174", "A large leaf sets bits inside the range that was asked about, and none outside",
	  "Linux: iova_bitmap, recording beyond the mapped pages", AREA_DIRTY,
	  CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0, c174_large_leaf },
	{ "C175", "A write after a look is recorded anew", "Linux iommu_dirty_bitmap gather",
	  AREA_DIRTY, CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0, c175_nothing_lost },
	{ "C176", "Enabling that fails leaves tracking off; starting begins clean",
	  "Linux set_dirty_tracking contract", AREA_DIRTY, CONFORM_HARDWARE | CONFORM_ANY_BACKEND,
	  0, c176_all_or_none },
	{ "C177", "Bitmaps that wrap, have no page size or do not fit are refused",
	  "Linux: overflow during division for dirty tracking", AREA_DIRTY, 0, 0, c177_arguments },
	{ "C178", "Writes with a PASID are tracked too", "Linux dirty tracking on PASIDs",
	  AREA_DIRTY, CONFORM_HARDWARE | CONFORM_ANY_BACKEND, MACHINE_PASID_DMA, c178_pasid },
	{ 0 },
};
