/* SPDX-License-Identifier: MIT */
/* vfio_mediated.c - devices without an IOMMU that reach a program's memory by pages that they pin */
#include "conform/vfio.h"

#include <stdio.h>
#include <string.h>

#include "spec/mdma.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* ---- a mediated DMA engine ------------------------------------------------------------------------- */

void mediated_create(struct abi *a, struct mediated *m, unsigned int number)
{
	char uuid[] = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1000";

	uuid[sizeof(uuid) - 2] = (char)('0' + number);
	*m = (struct mediated){ .abi = a, .file = -1, .group = -1 };
	CHECK_OK(a->s, uiommu_uapi_mdev_create(a->uapi, "mdma-8", uuid, &m->mdev));
	memcpy(m->uuid, uuid, sizeof(uuid));
}

void mediated_open_group(struct mediated *m)
{
	char path[64];

	CHECK(m->abi->s, uiommu_uapi_mdev_group_path(m->mdev, path, sizeof(path)) > 0, "no path");
	CHECK_FD(m->abi->s, abi_open(m->abi, path), &m->group);
}

void mediated_open_cdev(struct mediated *m)
{
	char path[64];

	CHECK(m->abi->s, uiommu_uapi_mdev_cdev_path(m->mdev, path, sizeof(path)) > 0, "no path");
	CHECK_FD(m->abi->s, abi_open(m->abi, path), &m->file);
}

/* By its group, which is in a container. */
void mediated_open_device(struct mediated *m)
{
	CHECK_FD(m->abi->s, abi_ioctl(m->abi, m->group, ABI_VFIO_GROUP_GET_DEVICE_FD, m->uuid),
		 &m->file);
}

void mediated_close(struct mediated *m)
{
	if (m->file >= 0)
		CHECK_OK(m->abi->s, abi_close(m->abi, m->file));
	if (m->group >= 0)
		CHECK_OK(m->abi->s, abi_close(m->abi, m->group));
	m->file = -1;
	m->group = -1;
}

void mediated_end(struct mediated *m)
{
	mediated_close(m);
	uiommu_uapi_mdev_remove(m->mdev);
}

static void put(struct mediated *m, uint64_t reg, const void *value, size_t size)
{
	CHECK_RC(m->abi->s, abi_pwrite(m->abi, m->file, value, size, reg), (int)size);
}

static void put32(struct mediated *m, uint64_t reg, uint32_t value)
{
	put(m, reg, &value, sizeof(value));
}

static uint32_t get32(struct mediated *m, uint64_t reg)
{
	uint32_t value = 0;

	CHECK_RC(m->abi->s, abi_pread(m->abi, m->file, &value, sizeof(value), reg),
		 (int)sizeof(value));
	return value;
}

int mediated_copy(struct mediated *m, uint64_t to, uint64_t from, uint32_t length)
{
	put(m, MDMA_SOURCE, &from, sizeof(from));
	put(m, MDMA_DESTINATION, &to, sizeof(to));
	put32(m, MDMA_LENGTH, length);
	put32(m, MDMA_COMMAND, MDMA_COPY);
	return -(int)get32(m, MDMA_ERROR);
}

/* ---- C203: one that does not let go ----------------------------------------------------------------- */

static int by_container(struct box *b, uint64_t iova, uint64_t *gone)
{
	return abi_unmap_dma(b->abi, b->container, iova, 2 * b->s->page, 0, gone);
}

/* The device copies a page to the next one, which then are pinned. */
static void copies(struct box *b, struct mediated *m, uint64_t iova)
{
	struct subject *s = b->s;
	unsigned char *mem = b->buffer.mem;

	mem[0]++;
	CHECK_OK(s, mediated_copy(m, iova + s->page, iova, 64));
	CHECK(s, !memcmp(mem, mem + s->page, 64), "it copied something else");
	CHECK(s, get32(m, MDMA_PINNED) == 2, "%u pages are pinned by it", get32(m, MDMA_PINNED));
}

static void asked(struct subject *s, struct mediated *m, uint32_t before, unsigned int times,
		  const char *what)
{
	uint32_t now = get32(m, MDMA_ASKED) - before;

	CHECK(s, now == times, "%s: it was asked %u times to let go, and not %u", what, now, times);
}

/* The log names the mapping for whoever has to find the driver. */
static void is_told(struct subject *s, uint64_t iova)
{
	size_t count = machine_num_warnings(s->machine);
	char where[32];

	CHECK(s, count, "nobody is told that a device keeps pages");
	snprintf(where, sizeof(where), "2 pages at 0x%llx", (unsigned long long)iova);
	CHECK(s, strstr(machine_warning(s->machine, count - 1), where), "the log says: %s",
	      machine_warning(s->machine, count - 1));
}

static void deaf_in_a_container(struct subject *s, struct box *b, bool translated)
{
	const uint64_t other = s->iova + 8 * s->page;
	const char *what = translated ? "beside a translated group" : "alone";
	struct mediated m;
	uint64_t gone;
	uint32_t before;

	mediated_create(b->abi, &m, 1);
	mediated_open_group(&m);
	if (translated)
		box_add(b, "solo0");
	CHECK_OK(s, abi_set_container(b->abi, m.group, b->container));
	if (!translated)
		CHECK_OK(s, abi_set_iommu(b->abi, b->container, ABI_VFIO_TYPE1V2_IOMMU));
	mediated_open_device(&m);
	CHECK_OK(s, box_map(b, s->iova, 0, 2));
	CHECK_OK(s, box_map(b, other, 2, 2));
	/* Nothing is pinned for it before it asks. */
	box_pinned(b, translated ? 4 : 0, what);

	copies(b, &m, s->iova);
	before = get32(&m, MDMA_ASKED);
	CHECK_OK(s, by_container(b, s->iova, &gone));
	asked(s, &m, before, 1, what);
	CHECK(s, gone == 2 * s->page, "0x%llx bytes went", (unsigned long long)gone);
	CHECK(s, get32(&m, MDMA_PINNED) == 0, "it still has pages of what is unmapped");
	CHECK_RC(s, mediated_copy(&m, s->iova + s->page, s->iova, 64), -UIOMMU_ENOENT);
	CHECK_OK(s, box_map(b, s->iova, 0, 2));

	/* It does not hear: the mapping stays, for it and for all others. */
	copies(b, &m, s->iova);
	put32(&m, MDMA_MISBEHAVE, MDMA_MISBEHAVE_DEAF);
	before = get32(&m, MDMA_ASKED);
	CHECK_RC(s, by_container(b, s->iova, &gone), -ABI_EDEADLK);
	asked(s, &m, before, 10, what);
	is_told(s, s->iova);
	box_reaches(b, s->iova, 0, 2);
	copies(b, &m, s->iova);
	/* Another mapping is none of its business. */
	before = get32(&m, MDMA_ASKED);
	box_unmap(b, other, 2);
	asked(s, &m, before, 0, what);
	/* Not even with all the rest does it go. */
	CHECK_RC(s, abi_unmap_dma(b->abi, b->container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL, &gone),
		 -ABI_EDEADLK);
	copies(b, &m, s->iova);
	put32(&m, MDMA_MISBEHAVE, 0);
	CHECK_OK(s, by_container(b, s->iova, &gone));
	box_pinned(b, 0, what);
	/* Its last close ends all that it has, deaf or not. */
	CHECK_OK(s, box_map(b, s->iova, 0, 2));
	copies(b, &m, s->iova);
	put32(&m, MDMA_MISBEHAVE, MDMA_MISBEHAVE_DEAF);
	mediated_end(&m);
	box_pinned(b, translated ? 2 : 0, "after the device was closed");
	if (translated) {
		box_reaches(b, s->iova, 0, 2);
		box_unmap(b, s->iova, 2);
		CHECK_OK(s, box_leave(b, 0));
	}
}

static void deaf_in_an_iommufd(struct subject *s, struct box *b)
{
	struct abi *a = b->abi;
	int iommufd = abi_iommufd(a);
	uint32_t ioas = abi_ioas(a, iommufd), id, pt = ioas, before;
	struct mediated m;
	uint64_t gone;

	mediated_create(a, &m, 2);
	mediated_open_cdev(&m);
	CHECK_OK(s, abi_bind_iommufd(a, m.file, iommufd, &id));
	CHECK_OK(s, abi_attach(a, m.file, &pt));
	CHECK_OK(s, abi_map(a, iommufd, ioas, s->iova, b->buffer.mem, 2 * s->page, ABI_RW));
	copies(b, &m, s->iova);
	before = get32(&m, MDMA_ASKED);
	CHECK_OK(s, abi_unmap(a, iommufd, ioas, s->iova, 2 * s->page, &gone));
	asked(s, &m, before, 1, "iommufd");
	CHECK_OK(s, abi_map(a, iommufd, ioas, s->iova, b->buffer.mem, 2 * s->page, ABI_RW));
	copies(b, &m, s->iova);
	put32(&m, MDMA_MISBEHAVE, MDMA_MISBEHAVE_DEAF);
	before = get32(&m, MDMA_ASKED);
	CHECK_RC(s, abi_unmap(a, iommufd, ioas, s->iova, 2 * s->page, &gone), -ABI_EDEADLK);
	asked(s, &m, before, 100, "iommufd");
	copies(b, &m, s->iova);
	put32(&m, MDMA_MISBEHAVE, 0);
	CHECK_OK(s, abi_unmap(a, iommufd, ioas, s->iova, 2 * s->page, &gone));
	CHECK(s, gone == 2 * s->page, "0x%llx bytes went", (unsigned long long)gone);
	mediated_end(&m);
	CHECK_OK(s, abi_close(a, iommufd));
	box_pinned(b, 0, "after everything was closed");
}

static void c203_deaf(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, false);
	struct box b = box_begin(a, 4);

	/* Each time that a device is given up on, somebody is told. */
	subject_expect_warnings(s, 4);
	deaf_in_a_container(s, &b, true);
	deaf_in_a_container(s, &b, false);
	deaf_in_an_iommufd(s, &b);
	box_end(&b);
	abi_end(a);
}

/* ---- C027, C149, C210: no IOMMU is told of them ------------------------------------------------------ */

void mediated_not_translated(struct subject *s, struct abi *a)
{
	struct box b = box_begin(a, 2);
	const uint64_t top = UINT64_MAX - (s->page - 1);
	struct abi_iommu_hw_info info = { .size = sizeof(info) };
	uint32_t ioas, id, pt, hwpt;
	struct mediated m;
	int iommufd;
	uint64_t gone;

	/* A container of such devices has no IOMMU to ask for bounds, pages or coherency, and pins nothing. */
	mediated_create(a, &m, 3);
	mediated_open_group(&m);
	CHECK_OK(s, abi_set_container(a, m.group, b.container));
	CHECK_RC(s, abi_set_iommu(a, b.container, ABI_VFIO_NOIOMMU_IOMMU), -UIOMMU_ENODEV);
	CHECK_OK(s, abi_set_iommu(a, b.container, ABI_VFIO_TYPE1V2_IOMMU));
	CHECK_RC(s,
		 abi_ioctl_number(a, b.container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_UPDATE_VADDR),
		 0);
	CHECK_OK(s, box_map(&b, top, 0, 1));
	CHECK_RC(s, box_map(&b, top, 1, 1), -UIOMMU_EEXIST);
	CHECK_OK(s, box_map(&b, 0, 1, 1));
	box_pinned(&b, 0, "for a device that has asked for none");
	mediated_open_device(&m);
	b.buffer.mem[0]++;
	CHECK_OK(s, mediated_copy(&m, 0, top, 64));
	CHECK(s, !memcmp(b.buffer.mem, b.buffer.mem + s->page, 64), "it copied something else");
	CHECK_RC(s, mediated_copy(&m, s->page, top, 64), -UIOMMU_ENOENT);
	/* Its memory does not move: the addresses are all that it has. */
	CHECK_RC(s,
		 abi_unmap_dma(a, b.container, top, s->page, ABI_VFIO_DMA_UNMAP_FLAG_VADDR, &gone),
		 -UIOMMU_EBUSY);
	box_unmap(&b, top, 1);
	CHECK_RC(s, mediated_copy(&m, 0, top, 64), -UIOMMU_ENOENT);
	CHECK_OK(s, abi_unmap_dma(a, b.container, 0, 0, ABI_VFIO_DMA_UNMAP_FLAG_ALL, &gone));
	CHECK(s, gone == s->page, "all was 0x%llx bytes", (unsigned long long)gone);
	mediated_close(&m);

	/* In an iommufd it is attached to addresses, and to no domain. */
	iommufd = abi_iommufd(a);
	ioas = abi_ioas(a, iommufd);
	CHECK_OK(s, abi_map(a, iommufd, ioas, 0, b.buffer.mem, s->page, ABI_RW));
	mediated_open_cdev(&m);
	CHECK_OK(s, abi_bind_iommufd(a, m.file, iommufd, &id));
	info.dev_id = id;
	CHECK_RC(s, abi_ioctl(a, iommufd, ABI_IOMMU_GET_HW_INFO, &info), -UIOMMU_ENOENT);
	CHECK_RC(s, abi_hwpt(a, iommufd, id, ioas, 0, &hwpt), -UIOMMU_ENOENT);
	pt = id;
	CHECK(s, abi_attach(a, m.file, &pt) < 0, "it is attached to itself");
	pt = ioas;
	CHECK_OK(s, abi_attach(a, m.file, &pt));
	CHECK_RC(s, abi_attach_pasid(a, m.file, 1, &pt), -UIOMMU_EOPNOTSUPP);
	box_pinned(&b, 0, "for a device that has asked for none");
	CHECK_OK(s, mediated_copy(&m, 64, 0, 64));
	CHECK_OK(s, abi_detach(a, m.file));
	CHECK_RC(s, mediated_copy(&m, 64, 0, 64), -UIOMMU_ENOENT);
	mediated_end(&m);
	CHECK_OK(s, abi_close(a, iommufd));
	box_end(&b);
}

const struct conform_scenario conform_vfio_mediated[] = {
	{ "C203",
	  "A device that does not let go of pages is asked so often and no more, and UNMAP fails",
	  "CS 8.8", AREA_VFIO, CONFORM_HARDWARE | CONFORM_UAPI, 0, c203_deaf },
	{ 0 },
};
