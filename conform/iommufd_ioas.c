/* SPDX-License-Identifier: MIT */
/* iommufd_ioas.c - address spaces of iommufd: what MAP, COPY and UNMAP leave, in domains and in pins */
#include <string.h>

#include "conform/iommufd.h"

#define PAGES 4u

struct work {
	struct abi *a;
	int iommufd;
	uint32_t ioas;
	struct abi_device *d[2];
	unsigned int devices;
	struct subject_buffer buffer; /* PAGES of them */
};

static struct work begin(struct subject *s)
{
	struct work w = { 0 };

	w.a = iommufd_start(s, "solo0", &w.iommufd, &w.d[0]);
	w.devices = 1;
	w.ioas = abi_ioas(w.a, w.iommufd);
	w.buffer = subject_buffer(s, PAGES * ABI_PAGE);
	return w;
}

static void end(struct subject *s, struct work *w)
{
	for (unsigned int i = 0; i < w->devices; i++)
		abi_unbind(w->d[i]);
	CHECK_OK(s, abi_close(w->a, w->iommufd));
	abi_end(w->a);
	subject_buffer_free(s, &w->buffer);
}

static void check_pins(struct subject *s, struct work *w, uint64_t pages, const char *when)
{
	CHECK(s, abi_pins(w->a) == pages, "%s: %llu pages are pinned and not %llu", when,
	      (unsigned long long)abi_pins(w->a), (unsigned long long)pages);
}

/* Page @page of the buffer at s->iova + the same, by the first @devices. */
static void reaches(struct subject *s, struct work *w, unsigned int page, bool yes)
{
	const unsigned char *mem = w->buffer.mem + page * ABI_PAGE;

	for (unsigned int i = 0; i < w->devices; i++) {
		if (yes)
			abi_reaches(w->d[i], s->iova + page * ABI_PAGE, mem,
				    UIOMMU_READ | UIOMMU_WRITE);
		else
			abi_blocked(w->d[i], s->iova + page * ABI_PAGE, mem);
	}
}

static int map_page(struct subject *s, struct work *w, unsigned int page)
{
	return abi_map(w->a, w->iommufd, w->ioas, s->iova + page * ABI_PAGE,
		       w->buffer.mem + page * ABI_PAGE, ABI_PAGE, ABI_RW);
}

static void unmap(struct subject *s, struct work *w, uint64_t iova, uint64_t length, uint64_t there)
{
	uint64_t gone = 0;

	CHECK_OK(s, abi_unmap(w->a, w->iommufd, w->ioas, iova, length, &gone));
	CHECK(s, gone == there, "UNMAP of 0x%llx bytes says 0x%llx, and 0x%llx were there",
	      (unsigned long long)length, (unsigned long long)gone, (unsigned long long)there);
}

static void c270_every_domain(struct subject *s)
{
	struct work w = begin(s);

	/* Before there is a domain, with one, with two. */
	CHECK_OK(s, map_page(s, &w, 0));
	check_pins(s, &w, 0, "without a domain");
	abi_attached(w.d[0], iommufd_hwpt(w.d[0], w.iommufd, w.ioas, 0));
	check_pins(s, &w, 1, "with one domain");
	CHECK_OK(s, map_page(s, &w, 1));
	reaches(s, &w, 0, true);
	reaches(s, &w, 1, true);
	w.d[1] = iommufd_device(w.a, w.iommufd, "solo1");
	w.devices = 2;
	abi_attached(w.d[1], iommufd_hwpt(w.d[1], w.iommufd, w.ioas, 0));
	CHECK_OK(s, map_page(s, &w, 2));
	for (unsigned int i = 0; i < 3; i++)
		reaches(s, &w, i, true);
	check_pins(s, &w, 3, "with two domains");
	for (unsigned int i = 0; i < 3; i++) {
		unmap(s, &w, s->iova + i * ABI_PAGE, ABI_PAGE, ABI_PAGE);
		reaches(s, &w, i, false);
		check_pins(s, &w, 2 - i, "after UNMAP");
	}
	end(s, &w);
}

static bool is_usable(struct subject *s, struct work *w, uint64_t iova)
{
	struct abi_iommu_iova_range range[64];
	struct abi_iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = w->ioas,
		.num_iovas = 64,
		.allowed_iovas = (uintptr_t)range,
	};

	CHECK_OK(s, abi_ioctl(w->a, w->iommufd, ABI_IOMMU_IOAS_IOVA_RANGES, &arg));
	for (uint32_t i = 0; i < arg.num_iovas; i++)
		if (iova >= range[i].start && iova + ABI_PAGE - 1 <= range[i].last)
			return true;
	return false;
}

/* Everything but what is being refused is right. */
static void refused(struct subject *s, struct work *w)
{
	struct {
		struct abi_iommu_ioas_map arg;
		uint64_t more;
	} map = { .arg = { .size = sizeof(map.arg),
			   .flags = ABI_RW | ABI_IOMMU_IOAS_MAP_FIXED_IOVA,
			   .ioas_id = w->ioas,
			   .user_va = (uintptr_t)w->buffer.mem,
			   .length = ABI_PAGE,
			   .iova = s->iova } };

	map.arg.flags |= 1u << 31;
	CHECK_RC(s, abi_ioctl(w->a, w->iommufd, ABI_IOMMU_IOAS_MAP, &map), -UIOMMU_EOPNOTSUPP);
	map.arg.flags &= ~(1u << 31);
	map.arg.size = sizeof(map);
	map.more = 1;
	CHECK_RC(s, abi_ioctl(w->a, w->iommufd, ABI_IOMMU_IOAS_MAP, &map), -UIOMMU_E2BIG);
	map.arg.size = sizeof(map.arg) - 1;
	CHECK_RC(s, abi_ioctl(w->a, w->iommufd, ABI_IOMMU_IOAS_MAP, &map), -UIOMMU_EINVAL);
	map.arg.size = sizeof(map);
	map.more = 0;
	map.arg.user_va = ABI_NOWHERE;
	CHECK_RC(s, abi_ioctl(w->a, w->iommufd, ABI_IOMMU_IOAS_MAP, &map), -UIOMMU_EFAULT);
	check_pins(s, w, 0, "after a MAP that was refused");
	reaches(s, w, 0, false);
}

static void c271_exact(struct subject *s)
{
	struct work w = begin(s);
	uint64_t iova = 0;

	abi_attached(w.d[0], w.ioas);
	refused(s, &w);
	/* Two pages in one, a hole, one page. */
	CHECK_OK(s, abi_map(w.a, w.iommufd, w.ioas, s->iova, w.buffer.mem, 2 * ABI_PAGE, ABI_RW));
	CHECK_OK(s, map_page(s, &w, 3));
	CHECK_RC(s, map_page(s, &w, 1), -UIOMMU_EEXIST);
	CHECK_RC(s, abi_unmap(w.a, w.iommufd, w.ioas, s->iova + ABI_PAGE, ABI_PAGE, NULL),
		 -UIOMMU_ENOENT);
	CHECK_RC(s, abi_unmap(w.a, w.iommufd, w.ioas, s->iova, ABI_PAGE, NULL), -UIOMMU_ENOENT);
	CHECK_RC(s, abi_unmap(w.a, w.iommufd, w.ioas, s->iova + 2 * ABI_PAGE, ABI_PAGE, NULL),
		 -UIOMMU_ENOENT);
	reaches(s, &w, 0, true);
	reaches(s, &w, 1, true);
	reaches(s, &w, 2, false);
	reaches(s, &w, 3, true);
	check_pins(s, &w, 3, "mapped");
	unmap(s, &w, s->iova, PAGES * ABI_PAGE, 3 * ABI_PAGE);
	for (unsigned int i = 0; i < PAGES; i++)
		reaches(s, &w, i, false);
	check_pins(s, &w, 0, "unmapped");
	/* Where the address is chosen: usable, said, and reached there. */
	for (unsigned int i = 0; i < PAGES; i++) {
		const unsigned char *mem = w.buffer.mem + i * ABI_PAGE;

		iova = UINT64_MAX - ABI_PAGE;
		CHECK_OK(s, abi_map_anywhere(w.a, w.iommufd, w.ioas, mem, ABI_PAGE, ABI_RW, &iova));
		CHECK(s, is_usable(s, &w, iova), "MAP chose 0x%llx, which is reserved",
		      (unsigned long long)iova);
		abi_reaches(w.d[0], iova, mem, UIOMMU_READ | UIOMMU_WRITE);
	}
	unmap(s, &w, 0, UINT64_MAX, PAGES * ABI_PAGE);
	abi_blocked(w.d[0], iova, w.buffer.mem + (PAGES - 1) * ABI_PAGE);
	end(s, &w);
}

static void c272_copy(struct subject *s)
{
	struct work w = begin(s);
	const uint64_t other = s->iova + s->large;
	uint32_t source = abi_ioas(w.a, w.iommufd);

	abi_attached(w.d[0], w.ioas);
	CHECK_OK(s, abi_map(w.a, w.iommufd, source, s->iova, w.buffer.mem, 2 * ABI_PAGE, ABI_RW));
	check_pins(s, &w, 0, "in an IOAS without a domain");
	CHECK_OK(s,
		 abi_copy(w.a, w.iommufd, w.ioas, s->iova, source, s->iova, 2 * ABI_PAGE, ABI_RW));
	CHECK_OK(s, abi_copy(w.a, w.iommufd, w.ioas, other, source, s->iova + ABI_PAGE, ABI_PAGE,
			     ABI_R));
	check_pins(s, &w, 2, "two copies, one of a part");
	reaches(s, &w, 0, true);
	reaches(s, &w, 1, true);
	abi_reaches(w.d[0], other, w.buffer.mem + ABI_PAGE, UIOMMU_READ);
	CHECK_RC(s, abi_copy(w.a, w.iommufd, w.ioas, other, source, s->iova, ABI_PAGE, ABI_RW),
		 -UIOMMU_EEXIST);
	/* What it came from goes: copies stay, and so do their pins. */
	CHECK_OK(s, abi_destroy(w.a, w.iommufd, source));
	reaches(s, &w, 0, true);
	unmap(s, &w, s->iova, 2 * ABI_PAGE, 2 * ABI_PAGE);
	check_pins(s, &w, 1, "one copy of a part");
	abi_reaches(w.d[0], other, w.buffer.mem + ABI_PAGE, UIOMMU_READ);
	reaches(s, &w, 1, false);
	unmap(s, &w, other, ABI_PAGE, ABI_PAGE);
	check_pins(s, &w, 0, "no copy");
	end(s, &w);
}

struct watch {
	struct subject *s;
	struct work *w;
	uint64_t pages, early; /* that were given back, of these still reached */
};

/* The page is the kernel's to give to anybody now. */
static void look(void *context, uint64_t phys, uint64_t size)
{
	struct watch *watch = context;
	struct work *w = watch->w;
	uint64_t first = (phys - w->buffer.phys) / ABI_PAGE;

	for (uint64_t i = first; i < first + size / ABI_PAGE && i < PAGES; i++) {
		watch->pages++;
		watch->early += subject_dma_sees(watch->s, w->d[0]->machine,
						 watch->s->iova + i * ABI_PAGE,
						 w->buffer.phys + i * ABI_PAGE, NULL);
	}
}

static void c273_pinned_until_flushed(struct subject *s)
{
	struct work w = begin(s);
	struct watch watch = { s, &w, 0, 0 };
	uint32_t hwpt = iommufd_hwpt(w.d[0], w.iommufd, w.ioas, 0);

	for (unsigned int way = 0; way < 3; way++) {
		abi_attached(w.d[0], hwpt);
		CHECK_OK(s, abi_map(w.a, w.iommufd, w.ioas, s->iova, w.buffer.mem, PAGES * ABI_PAGE,
				    ABI_RW));
		for (unsigned int i = 0; i < PAGES; i++)
			reaches(s, &w, i, true);
		watch.pages = 0;
		abi_watch_unpin(w.a, look, &watch);
		/* Unmapped; detached, and the last domain gone; and with it the whole program. */
		if (way == 0) {
			unmap(s, &w, s->iova, PAGES * ABI_PAGE, PAGES * ABI_PAGE);
		} else if (way == 1) {
			CHECK_OK(s, abi_detach(w.a, w.d[0]->cdev));
			CHECK_OK(s, abi_destroy(w.a, w.iommufd, hwpt));
			abi_watch_unpin(w.a, NULL, NULL);
			unmap(s, &w, s->iova, PAGES * ABI_PAGE, PAGES * ABI_PAGE);
			hwpt = iommufd_hwpt(w.d[0], w.iommufd, w.ioas, 0);
		} else {
			abi_exit(w.a, w.a->process);
		}
		abi_watch_unpin(w.a, NULL, NULL);
		CHECK(s, watch.pages == PAGES, "way %u: %llu pages were unpinned", way,
		      (unsigned long long)watch.pages);
		CHECK(s, !watch.early, "%llu pages were unpinned while the device still had them",
		      (unsigned long long)watch.early);
		machine_settle(s->machine);
		machine_clear_faults(s->machine);
	}
	abi_end(w.a);
	subject_buffer_free(s, &w.buffer);
}

static void c274_limit(struct subject *s)
{
	struct work w = begin(s);
	struct uiommu_uapi_process *rich, *poor;
	uint32_t hwpt[2], copy;

	/* The file, and the limit of whoever uses it. */
	poor = abi_process(w.a, UIOMMU_UAPI_CAP_ALL & ~(unsigned int)UIOMMU_UAPI_CAP_IPC_LOCK,
			   3 * ABI_PAGE, 7);
	abi_unbind(w.d[0]);
	rich = abi_become(w.a, poor);
	w.iommufd = abi_iommufd(w.a);
	w.d[0] = iommufd_device(w.a, w.iommufd, "solo0");
	w.ioas = abi_ioas(w.a, w.iommufd);
	/* Twice the domains, and the price of one. */
	for (unsigned int i = 0; i < 2; i++)
		hwpt[i] = iommufd_hwpt(w.d[0], w.iommufd, w.ioas, 0);
	abi_attached(w.d[0], hwpt[0]);
	CHECK_OK(s, abi_map(w.a, w.iommufd, w.ioas, s->iova, w.buffer.mem, 2 * ABI_PAGE, ABI_RW));
	CHECK_RC(s,
		 abi_map(w.a, w.iommufd, w.ioas, s->iova + 2 * ABI_PAGE,
			 w.buffer.mem + 2 * ABI_PAGE, 2 * ABI_PAGE, ABI_RW),
		 -UIOMMU_ENOMEM);
	check_pins(s, &w, 2, "beyond the limit");
	reaches(s, &w, 1, true);
	reaches(s, &w, 2, false);
	CHECK_OK(s, map_page(s, &w, 2));
	/* Nor does a copy cost anything. */
	copy = abi_ioas(w.a, w.iommufd);
	CHECK_OK(s, abi_copy(w.a, w.iommufd, copy, s->iova, w.ioas, s->iova, 2 * ABI_PAGE, ABI_RW));
	iommufd_hwpt(w.d[0], w.iommufd, copy, 0);
	CHECK_RC(s, map_page(s, &w, 3), -UIOMMU_ENOMEM);
	unmap(s, &w, s->iova + 2 * ABI_PAGE, ABI_PAGE, ABI_PAGE);
	CHECK_OK(s, map_page(s, &w, 3));
	reaches(s, &w, 3, true);
	abi_unbind(w.d[0]);
	CHECK_OK(s, abi_close(w.a, w.iommufd));
	abi_become(w.a, rich);
	abi_exit(w.a, poor);
	check_pins(s, &w, 0, "the file is closed");
	abi_end(w.a);
	subject_buffer_free(s, &w.buffer);
}

#define DMA (CONFORM_HARDWARE | CONFORM_UAPI)

const struct conform_scenario conform_iommufd_ioas[] = {
	{ "C270",
	  "What is mapped is in every domain of an IOAS, whichever came first, and pinned once",
	  "Linux iommufd: iopt_map_pages, iopt_table_add_domain", AREA_IOMMUFD, DMA, 0,
	  c270_every_domain },
	{ "C271", "MAP and UNMAP do what they say, in full or not at all, where it is permitted",
	  "Linux iommufd_ioas_map, iommufd_ioas_unmap", AREA_IOMMUFD, DMA, 0, c271_exact },
	{ "C272",
	  "A copy permits no more than it was asked to, and lives without what it came from",
	  "Linux iommufd_ioas_copy", AREA_IOMMUFD, DMA, 0, c272_copy },
	{ "C273", "A page of an IOAS stays pinned until no device can reach it, however it goes",
	  "Linux iopt_area_unfill_domain, iommu_unmap", AREA_IOMMUFD, DMA, 0,
	  c273_pinned_until_flushed },
	{ "C274", "A program's limit of locked memory counts each page once, and holds",
	  "Linux iopt_pages accounting; RLIMIT_MEMLOCK", AREA_IOMMUFD, DMA, 0, c274_limit },
	{ 0 },
};
