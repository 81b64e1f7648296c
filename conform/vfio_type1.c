/* SPDX-License-Identifier: MIT */
/* vfio_type1.c - containers of type 1: mappings, limits, pages that stay pinned, the ends of the address space */
#include <string.h>

#include "conform/vfio.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* ---- C200: what MAP and UNMAP refuse ------------------------------------------------------------- */

/* Neither a part of a mapping goes, nor a mapping and a part of the next. */
static void bisect(struct subject *s, struct box *b, uint64_t iova)
{
	const struct {
		int64_t from;
		uint64_t count;
	} parts[] = { { 0, 1 }, { 1, 1 }, { 1, 2 }, { -1, 2 }, { 0, 3 }, { -1, 4 } };

	/* Two pages from @iova on, and two more right behind them. */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const uint64_t size = parts[i].count * s->page;
		uint64_t gone;

		CHECK_RC(s,
			 abi_unmap_dma(b->abi, b->container,
				       iova + (uint64_t)parts[i].from * s->page, size, 0, &gone),
			 -UIOMMU_EINVAL);
		CHECK(s, gone == size, "a refused UNMAP wrote back a size");
		box_reaches(b, iova, 0, 4);
	}
}

/* Two mappings of two pages are there; four are the limit, and seven pages for who has no right to lock more. */
static void limits(struct subject *s, struct abi *a, struct box *b)
{
	const uint64_t iova = s->iova + 64 * s->page;

	CHECK_OK(s, box_map(b, iova, 4, 1));
	CHECK_OK(s, box_map(b, iova + s->page, 5, 1));
	CHECK_RC(s, box_map(b, iova + 2 * s->page, 6, 1), -UIOMMU_ENOSPC);
	box_blocked(b, iova + 2 * s->page, 6, 1);
	/* Who is wrong twice hears of the overlap first. */
	CHECK_RC(s, box_map(b, iova, 6, 1), -UIOMMU_EEXIST);
	box_unmap(b, iova, 2);
	box_pinned(b, 4, "after two mappings of one page went");

	uiommu_uapi_process_set_capabilities(a->process, 0);
	CHECK_RC(s, box_map(b, iova, 4, 4), -UIOMMU_ENOMEM);
	box_pinned(b, 4, "after a refused MAP");
	CHECK(s, uiommu_uapi_process_pinned(a->process) == 4 * s->page, "a refused MAP is charged");
	box_blocked(b, iova, 4, 4);
	CHECK_OK(s, box_map(b, iova, 4, 3));
	box_reaches(b, iova, 4, 3);
	CHECK(s, uiommu_uapi_process_pinned(a->process) == 7 * s->page,
	      "seven pages are charged as %llu bytes",
	      (unsigned long long)uiommu_uapi_process_pinned(a->process));
	CHECK_RC(s, box_map(b, iova + 8 * s->page, 7, 1), -UIOMMU_ENOMEM);
	/* With CAP_IPC_LOCK there is no limit; it is counted all the same. */
	uiommu_uapi_process_set_capabilities(a->process, UIOMMU_UAPI_CAP_IPC_LOCK);
	CHECK_OK(s, box_map(b, iova + 8 * s->page, 7, 1));
	CHECK(s, uiommu_uapi_process_pinned(a->process) == 8 * s->page, "it is not counted");
	box_unmap(b, iova, 3);
	box_unmap(b, iova + 8 * s->page, 1);
	CHECK(s, uiommu_uapi_process_pinned(a->process) == 4 * s->page,
	      "what is unmapped is still charged");
}

static void c200_refused(struct subject *s)
{
	const struct uiommu_uapi_config config = { .dma_entry_limit = 4 };
	struct abi *a = vfio_start(s, &config, false);
	uint64_t pins;
	struct box b;

	abi_become(a, abi_process(a, UIOMMU_UAPI_CAP_ALL, 7 * s->page, 1000));
	b = box_begin(a, 8);
	box_add(&b, "solo0");
	CHECK_OK(s, box_map(&b, s->iova, 0, 2));
	CHECK_OK(s, box_map(&b, s->iova + 2 * s->page, 2, 2));
	bisect(s, &b, s->iova);
	for (uint64_t at = 0; at < 4; at++)
		CHECK_RC(s, box_map(&b, s->iova + at * s->page, 4, 1), -UIOMMU_EEXIST);
	CHECK_RC(s, box_map(&b, s->iova - s->page, 4, 2), -UIOMMU_EEXIST);
	CHECK_RC(s, box_map(&b, s->iova + 3 * s->page, 4, 2), -UIOMMU_EEXIST);
	box_reaches(&b, s->iova, 0, 4);
	box_one_blocked(&b, 0, s->iova - s->page, 4);
	box_one_blocked(&b, 0, s->iova + 4 * s->page, 5);
	box_pinned(&b, 4, "after refused maps");
	limits(s, a, &b);

	/* No memory of the program's, no mapping, and nothing in its place. */
	pins = abi_pins(a);
	CHECK_RC(s,
		 abi_map_dma(a, b.container, s->iova + 64 * s->page,
			     (const void *)(uintptr_t)0x100000, s->page, DMA_RW),
		 -UIOMMU_EFAULT);
	/* The driver fails when the pages are pinned already. */
	wrap_fail(s->wrap, WRAP_MAP, NULL, 1, UIOMMU_ENOMEM);
	wrap_fail(s->wrap, WRAP_MAP_SG, NULL, 1, UIOMMU_ENOMEM);
	CHECK(s, box_map(&b, s->iova + 64 * s->page, 4, 2) == -UIOMMU_ENOMEM,
	      "the driver's failure is not reported");
	wrap_fail(s->wrap, WRAP_MAP, NULL, 0, 0);
	wrap_fail(s->wrap, WRAP_MAP_SG, NULL, 0, 0);
	CHECK(s, abi_pins(a) == pins, "refused maps left pages pinned");
	box_blocked(&b, s->iova + 64 * s->page, 4, 2);
	CHECK_OK(s, box_map(&b, s->iova + 64 * s->page, 4, 2));
	box_reaches(&b, s->iova + 64 * s->page, 4, 2);

	/* Both go at once where the range ends where they end. */
	box_unmap(&b, s->iova, 4);
	box_blocked(&b, s->iova, 0, 4);
	box_reaches(&b, s->iova + 64 * s->page, 4, 2);
	box_end(&b);
	abi_end(a);
}

/* ---- C149: the ends of the address space --------------------------------------------------------- */

static uint64_t last_page(struct subject *s, const struct uiommu_geometry *g)
{
	uint64_t last = 0;

	for (unsigned int i = 0; i < g->ranges; i++)
		if (g->range[i].last > last)
			last = g->range[i].last;
	return last - (s->page - 1);
}

static void c149_the_end(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, false);
	struct uiommu_geometry geometry;
	struct uiommu_domain *domain;
	struct box b = box_begin(a, 4);
	const uint64_t top = UINT64_MAX - (s->page - 1);
	uint64_t end, gone;
	int iommufd;
	uint32_t ioas;

	box_add(&b, "solo0");
	domain = subject_domain(s, subject_device(s, "solo0"), 0);
	uiommu_domain_geometry(domain, &geometry);
	uiommu_domain_free(domain);
	end = last_page(s, &geometry);

	/* What wraps is an overflow; what ends with the last byte is looked at like anything else. */
	CHECK_RC(s, box_map(&b, top, 0, 2), -UIOMMU_EOVERFLOW);
	CHECK_RC(s,
		 abi_map_dma(a, b.container, s->iova, (void *)(uintptr_t)top, 2 * s->page, DMA_RW),
		 -UIOMMU_EOVERFLOW);
	if (end != top) {
		CHECK_RC(s, box_map(&b, top, 0, 1), -UIOMMU_EINVAL);
		CHECK_RC(s, box_map(&b, end + s->page, 0, 1), -UIOMMU_EINVAL);
		CHECK_RC(s, box_map(&b, end, 0, 2), -UIOMMU_EINVAL);
	}
	CHECK_RC(s, abi_unmap_dma(a, b.container, top, 2 * s->page, 0, &gone), -UIOMMU_EOVERFLOW);
	CHECK_RC(s, abi_unmap_dma(a, b.container, top, s->page, 0, &gone), 0);
	CHECK(s, gone == 0, "an UNMAP of nothing at the end unmapped 0x%llx bytes",
	      (unsigned long long)gone);
	CHECK_RC(s, abi_unmap_dma(a, b.container, 0, s->page, 0, &gone), 0);

	/* The last page that the hardware has. */
	CHECK_OK(s, box_map(&b, end, 0, 1));
	box_reaches(&b, end, 0, 1);
	CHECK_RC(s, box_map(&b, end, 1, 1), -UIOMMU_EEXIST);
	CHECK_RC(s, box_map(&b, end - s->page, 1, 2), -UIOMMU_EEXIST);
	CHECK_OK(s, box_map(&b, end - s->page, 1, 1));
	box_unmap(&b, end, 1);
	box_blocked(&b, end, 0, 1);
	box_reaches(&b, end - s->page, 1, 1);
	/* From the page before it to the last byte that there is. */
	CHECK_OK(s, box_map(&b, end, 0, 1));
	CHECK_OK(s, abi_unmap_dma(a, b.container, end - s->page, UINT64_MAX - (end - s->page) + 1,
				  0, &gone));
	CHECK(s, gone == 2 * s->page, "two pages at the end went as 0x%llx bytes",
	      (unsigned long long)gone);
	box_blocked(&b, end - s->page, 1, 1);
	box_blocked(&b, end, 0, 1);

	/* Everything: the flag, with nothing else said, and the range that has all but the last page. */
	for (unsigned int way = 0; way < 2; way++) {
		CHECK_OK(s, box_map(&b, end, 0, 1));
		CHECK_OK(s, box_map(&b, s->iova, 1, 2));
		CHECK_RC(s,
			 abi_unmap_dma(a, b.container, s->page, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL,
				       &gone),
			 -UIOMMU_EINVAL);
		CHECK_RC(s,
			 abi_unmap_dma(a, b.container, 0, s->page, ABI_VFIO_DMA_UNMAP_FLAG_ALL,
				       &gone),
			 -UIOMMU_EINVAL);
		CHECK_RC(s, abi_unmap_dma(a, b.container, 0, 0, 0, &gone), -UIOMMU_EINVAL);
		if (way)
			CHECK_OK(s, abi_unmap_dma(a, b.container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL,
						  &gone));
		else
			CHECK_OK(s, abi_unmap_dma(a, b.container, 0, UINT64_MAX - (s->page - 1), 0,
						  &gone));
		/* The first way leaves what lies in the very last page, where the hardware has that. */
		if (!way && end == top) {
			CHECK(s, gone == 2 * s->page, "0x%llx bytes went",
			      (unsigned long long)gone);
			box_unmap(&b, end, 1);
		} else {
			CHECK(s, gone == 3 * s->page, "all was 0x%llx bytes",
			      (unsigned long long)gone);
		}
		box_blocked(&b, end, 0, 1);
		box_blocked(&b, s->iova, 1, 2);
		box_pinned(&b, 0, "after everything was unmapped");
	}
	box_end(&b);

	/* An IOAS without a device reaches to the last byte. */
	b.buffer = subject_buffer(s, 2 * s->page);
	iommufd = abi_iommufd(a);
	ioas = abi_ioas(a, iommufd);
	CHECK_RC(s, abi_map(a, iommufd, ioas, top, b.buffer.mem, 2 * s->page, ABI_RW),
		 -UIOMMU_EOVERFLOW);
	CHECK_OK(s, abi_map(a, iommufd, ioas, top, b.buffer.mem, s->page, ABI_RW));
	CHECK_RC(s, abi_map(a, iommufd, ioas, top, b.buffer.mem, s->page, ABI_RW), -UIOMMU_EEXIST);
	CHECK_RC(s, abi_unmap(a, iommufd, ioas, top, 2 * s->page, &gone), -UIOMMU_EOVERFLOW);
	CHECK_RC(s, abi_unmap(a, iommufd, ioas, top - s->page, s->page, &gone), -UIOMMU_ENOENT);
	CHECK_OK(s, abi_unmap(a, iommufd, ioas, top, s->page, &gone));
	CHECK(s, gone == s->page, "0x%llx bytes went", (unsigned long long)gone);
	CHECK_OK(s, abi_map(a, iommufd, ioas, top, b.buffer.mem, s->page, ABI_RW));
	CHECK_OK(s, abi_map(a, iommufd, ioas, 0, b.buffer.mem, s->page, ABI_RW));
	CHECK_OK(s, abi_unmap(a, iommufd, ioas, 0, UINT64_MAX, &gone));
	CHECK(s, gone == 2 * s->page, "all was 0x%llx bytes", (unsigned long long)gone);
	CHECK_OK(s, abi_destroy(a, iommufd, ioas));
	CHECK_OK(s, abi_close(a, iommufd));
	subject_buffer_free(s, &b.buffer);
	abi_end(a);
}

/* ---- C169: pinned until nothing can reach it ----------------------------------------------------- */

/* Between an unmap and the invalidation after it a page is not let go. */
struct oracle {
	struct subject *s;
	struct box *b;
	uint64_t iova; /* of page 0 of the buffer */
	uint64_t pending; /* bytes out of the tables and not out of the caches */
	uint64_t let_go; /* pages */
	unsigned int early, reached;
};

static void on_unmap(struct wrap_call *call, void *context)
{
	struct oracle *o = context;

	wrap_call(call);
	o->pending += call->value;
}

static void on_sync(struct wrap_call *call, void *context)
{
	struct oracle *o = context;

	wrap_call(call);
	o->pending = 0;
}

/* Called while the page is let go: whatever the caches have, the device must not get to it. */
static void on_unpin(void *context, uint64_t phys, uint64_t size)
{
	struct oracle *o = context;
	struct subject *s = o->s;

	for (uint64_t at = phys; at < phys + size; at += ABI_PAGE) {
		uint64_t offset = at - o->b->buffer.phys;

		o->let_go++;
		o->early += o->pending != 0;
		if (offset % s->page || offset >= o->b->buffer.size)
			continue;
		for (unsigned int i = 0; i < o->b->groups; i++) {
			uint64_t word = 0, there;

			memcpy(&there, o->b->buffer.mem + offset, sizeof(there));
			o->reached += machine_dma_read(o->b->device[i]->machine, o->iova + offset,
						       &word, sizeof(word), 0,
						       0) != MACHINE_DMA_REFUSED &&
				      word == there;
		}
	}
}

static void judge(struct oracle *o, uint64_t pages, const char *what)
{
	struct subject *s = o->s;

	CHECK(s, o->let_go == pages * (s->page / ABI_PAGE),
	      "%s: %llu pages were let go and not %llu", what, (unsigned long long)o->let_go,
	      (unsigned long long)(pages * (s->page / ABI_PAGE)));
	CHECK(s, !o->early, "%s: %u pages were let go before the caches were told", what, o->early);
	CHECK(s, !o->reached, "%s: %u reads reached a page when it was let go", what, o->reached);
	o->let_go = 0;
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
}

static void c169_oracle(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, false);
	struct box b = box_begin(a, 16);
	struct oracle o = { .s = s, .b = &b, .iova = s->iova };
	const uint64_t far = s->iova + 4 * s->large;
	uint64_t gone;

	box_add(&b, "solo0");
	box_add(&b, "solo1");
	wrap_set(s->wrap, WRAP_UNMAP, on_unmap, &o);
	wrap_set(s->wrap, WRAP_SYNC, on_sync, &o);
	wrap_set(s->wrap, WRAP_FLUSH_ALL, on_sync, &o);
	abi_watch_unpin(a, on_unpin, &o);

	/* One mapping, which caches know. */
	CHECK_OK(s, box_map(&b, s->iova, 0, 8));
	box_reaches(&b, s->iova, 0, 8);
	box_unmap(&b, s->iova, 8);
	judge(&o, 8, "UNMAP");
	/* Several that go at once. */
	for (uint64_t i = 0; i < 8; i++)
		CHECK_OK(s, box_map(&b, s->iova + i * s->page, i, 1));
	box_reaches(&b, s->iova, 0, 8);
	box_unmap(&b, s->iova, 8);
	judge(&o, 8, "UNMAP of eight mappings");
	/* A page that two mappings have is let go with the second one. */
	CHECK_OK(s, box_map(&b, s->iova, 0, 8));
	CHECK_OK(s, box_map(&b, far, 0, 8));
	box_unmap(&b, far, 8);
	judge(&o, 0, "UNMAP of one of two");
	box_reaches(&b, s->iova, 0, 8);
	CHECK_OK(s, abi_unmap_dma(a, b.container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL, &gone));
	judge(&o, 8, "UNMAP of all");
	/* The group that leaves takes its caches with it; the last one the mappings. */
	CHECK_OK(s, box_map(&b, s->iova, 0, 8));
	box_reaches(&b, s->iova, 0, 8);
	CHECK_OK(s, box_leave(&b, 0));
	judge(&o, 0, "UNSET_CONTAINER of one of two");
	box_reaches(&b, s->iova, 0, 8);
	CHECK_OK(s, box_leave(&b, 1));
	/* The domain goes whole: nothing is owed to caches that name nobody. */
	o.early = 0;
	judge(&o, 8, "UNSET_CONTAINER of the last");
	abi_watch_unpin(a, NULL, NULL);
	for (unsigned int op = WRAP_UNMAP; op <= WRAP_FLUSH_ALL; op++)
		wrap_set(s->wrap, (enum wrap_op)op, NULL, NULL);
	box_end(&b);
	abi_end(a);
}

/* ---- C171: no-snoop ------------------------------------------------------------------------------ */

static void c171_no_snoop(struct subject *s)
{
	const struct subject_dma how = { 0, MACHINE_DMA_NO_SNOOP_ATTR };
	struct abi *a = vfio_start(s, NULL, false);
	struct box b = box_begin(a, 2);
	bool enforced;

	CHECK_RC(s,
		 abi_ioctl_number(a, b.container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_DMA_CC_IOMMU),
		 0);
	box_add(&b, "pasid0");
	enforced = uiommu_device_capable(subject_device(s, "pasid0"),
					 UIOMMU_CAP_ENFORCE_CACHE_COHERENCY);
	CHECK_RC(s,
		 abi_ioctl_number(a, b.container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_DMA_CC_IOMMU),
		 enforced);
	CHECK_OK(s, box_map(&b, s->iova, 0, 2));
	box_reaches(&b, s->iova, 0, 2);
	for (uint64_t i = 0; enforced && i < 2; i++)
		subject_dma_reaches(s, b.device[0]->machine, s->iova + i * s->page,
				    b.buffer.phys + i * s->page, RW, &how);
	box_unmap(&b, s->iova, 2);
	if (enforced)
		subject_dma_blocked(s, b.device[0]->machine, s->iova, b.buffer.phys, &how);
	box_end(&b);
	abi_end(a);
	if (!enforced)
		conform_skip(s, "no domain of this hardware makes DMA snoop, and DMA_CC says so");
}

/* ---- C210: memory that moves to another address -------------------------------------------------- */

/* Another address of the program for what is mapped: 0 or an errno. */
static int update(struct box *b, uint64_t iova, uint64_t page, uint64_t count)
{
	return abi_map_dma(b->abi, b->container, iova, b->buffer.mem + page * b->s->page,
			   count * b->s->page, ABI_VFIO_DMA_MAP_FLAG_VADDR);
}

static int invalidate(struct box *b, uint64_t iova, uint64_t count, uint64_t *marked)
{
	return abi_unmap_dma(b->abi, b->container, iova, count * b->s->page,
			     ABI_VFIO_DMA_UNMAP_FLAG_VADDR, marked);
}

static void c210_vaddr(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, false);
	struct box b = box_begin(a, 16);
	const uint64_t first = s->iova, second = s->iova + 2 * s->page;
	unsigned int other;
	uint64_t marked;

	CHECK_RC(s,
		 abi_ioctl_number(a, b.container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_UPDATE_VADDR),
		 0);
	box_add(&b, "solo0");
	CHECK_RC(s,
		 abi_ioctl_number(a, b.container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_UPDATE_VADDR),
		 1);
	other = box_open(&b, "solo1");
	CHECK_OK(s, box_map(&b, first, 0, 2));
	CHECK_OK(s, box_map(&b, second, 2, 2));

	/* One of them: marked, and no more than that. */
	CHECK_OK(s, invalidate(&b, first, 2, &marked));
	CHECK(s, marked == 2 * s->page, "0x%llx bytes were marked", (unsigned long long)marked);
	box_pinned(&b, 4, "while one address is invalid");
	box_reaches(&b, first, 0, 4);
	/* Not twice; and what was marked on the way to the refusal is not marked. */
	CHECK_RC(s, invalidate(&b, first, 2, &marked), -UIOMMU_EINVAL);
	CHECK_RC(s, invalidate(&b, first, 4, &marked), -UIOMMU_EINVAL);
	CHECK(s, marked == 4 * s->page, "a refused UNMAP wrote back a size");
	CHECK_RC(s,
		 abi_unmap_dma(a, b.container, 0, 0,
			       ABI_VFIO_DMA_UNMAP_FLAG_ALL | ABI_VFIO_DMA_UNMAP_FLAG_VADDR,
			       &marked),
		 -UIOMMU_EINVAL);
	CHECK(s, marked == 0, "a refused UNMAP wrote back a size");
	CHECK_RC(s, update(&b, second, 4, 2), -UIOMMU_EINVAL);
	/* Nobody joins, and nothing else is in the way. */
	CHECK_RC(s, box_enter(&b, other), -UIOMMU_EBUSY);
	vfio_is_free(s, "solo1");
	CHECK_OK(s, box_map(&b, s->iova + 8 * s->page, 8, 1));
	box_unmap(&b, s->iova + 8 * s->page, 1);

	/* The whole of it, and exactly that; neither flag with permissions. */
	CHECK_RC(s, update(&b, first, 4, 1), -UIOMMU_EINVAL);
	CHECK_RC(s, update(&b, first + s->page, 4, 1), -UIOMMU_EINVAL);
	CHECK_RC(s, update(&b, first, 4, 4), -UIOMMU_EINVAL);
	CHECK_RC(s, update(&b, s->iova + 8 * s->page, 4, 2), -UIOMMU_ENOENT);
	CHECK_RC(s,
		 abi_map_dma(a, b.container, first, b.buffer.mem + 4 * s->page, 2 * s->page,
			     ABI_VFIO_DMA_MAP_FLAG_VADDR | DMA_RW),
		 -UIOMMU_EINVAL);
	CHECK_RC(s,
		 abi_unmap_dma(a, b.container, first, 2 * s->page,
			       ABI_VFIO_DMA_UNMAP_FLAG_VADDR |
				       ABI_VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
			       &marked),
		 -UIOMMU_EINVAL);
	CHECK_OK(s, update(&b, first, 4, 2));
	CHECK_RC(s, update(&b, first, 4, 2), -UIOMMU_EINVAL);
	/* The pages are the old ones: memory does not move by being called something else. */
	box_reaches(&b, first, 0, 4);
	box_pinned(&b, 4, "after the update");

	/* All of them, and then others join again. */
	CHECK_OK(s, abi_unmap_dma(a, b.container, 0, 0,
				  ABI_VFIO_DMA_UNMAP_FLAG_ALL | ABI_VFIO_DMA_UNMAP_FLAG_VADDR,
				  &marked));
	CHECK(s, marked == 4 * s->page, "all was 0x%llx bytes", (unsigned long long)marked);
	CHECK_OK(s, update(&b, first, 0, 2));
	CHECK_RC(s, box_enter(&b, other), -UIOMMU_EBUSY);
	CHECK_OK(s, update(&b, second, 2, 2));
	CHECK_OK(s, box_enter(&b, other));
	box_reaches(&b, first, 0, 4);
	/* A mapping with an invalid address may go as any other. */
	CHECK_OK(s, invalidate(&b, first, 4, &marked));
	box_unmap(&b, first, 2);
	box_blocked(&b, first, 0, 2);
	box_reaches(&b, second, 2, 2);
	/* What is gone is not in the way any more. */
	CHECK_OK(s, update(&b, second, 2, 2));
	CHECK_OK(s, box_leave(&b, other));
	CHECK_OK(s, box_enter(&b, other));
	box_end(&b);
	abi_end(a);
}

#define DMA CONFORM_HARDWARE
#define ABI CONFORM_UAPI

const struct conform_scenario conform_vfio_type1[] = {
	{ "C200",
	  "A refused MAP or UNMAP of a container changes nothing: no part of a mapping, no pin",
	  "CS 8.6; Linux vfio_iommu_type1", AREA_VFIO, DMA | ABI, 0, c200_refused },
	{ "C149", "MAP and UNMAP work up to the last byte of the address space, and wrap nowhere",
	  "CS 8.6: iova + size - 1 == max is legal", AREA_VFIO, DMA | ABI, 0, c149_the_end },
	{ "C169", "A page stays pinned until no cache leads to it", "CS 6.17, 8.6", AREA_VFIO,
	  DMA | ABI, MACHINE_DMA_STATUS, c169_oracle },
	{ "C171", "Where DMA_CC is 1, no-snoop DMA sees what the processor wrote", "CS 6.12",
	  AREA_VFIO, DMA | ABI, MACHINE_NO_SNOOP, c171_no_snoop },
	{ "C210",
	  "A mapping's address in the program is taken back and given anew, and DMA goes on",
	  "CS 8.6; Linux VFIO_UPDATE_VADDR", AREA_VFIO, DMA | ABI, 0, c210_vaddr },
	{ 0 },
};
