/* SPDX-License-Identifier: MIT */
/*
 * type1_dirty.c - which pages may have been written: DIRTY_PAGES, and the bitmap of an unmap
 *
 * Type 1 does not ask hardware.  While one group with an IOMMU is there, everything that is mapped counts as
 * written.  With mediated devices alone it is what these have pinned or written to; what is still
 * pinned when it is reported counts again the next time.  Each mapping has a bitmap of its pages for that, and
 * such containers have pages of 4096 bytes.
 *
 * The program's bitmap is written in words of 64 bits, those that a mapping has bits in.  What stands before its
 * first bit stays; what stands behind its last becomes 0.
 */
#include "src/uapi/container.h"

#define MAX_BITMAP_BYTES UINT64_C(0x10000000)
#define MAX_PAGES ((uint64_t)INT32_MAX)
/* Programs have their memory below this. */
#define USER_END (UINT64_C(1) << 63)

static size_t num_words(const struct type1_mapping *mapping)
{
	return (mapping->pages->count + 63) / 64;
}

static void mark_pinned(struct type1_mapping *mapping)
{
	size_t left = mapping->pins;

	for (size_t page = 0; left && page < mapping->pages->count; page++) {
		if (uiommu_type1_is_pinned(mapping, page)) {
			mapping->written[page / 64] |= UINT64_C(1) << (page % 64);
			left--;
		}
	}
}

int uiommu_type1_record(struct type1 *t, struct type1_mapping *mapping)
{
	if (mapping->pages->count > MAX_PAGES)
		return -UIOMMU_EINVAL;
	mapping->written = uapi_alloc(t->uapi, num_words(mapping) * sizeof(*mapping->written));
	if (!mapping->written)
		return -UIOMMU_ENOMEM;
	mark_pinned(mapping);
	return 0;
}

void uiommu_type1_forget(struct type1 *t, struct type1_mapping *mapping)
{
	if (mapping->written)
		uapi_free(t->uapi, mapping->written,
			  num_words(mapping) * sizeof(*mapping->written));
	mapping->written = NULL;
}

int uiommu_type1_check_bitmap(const struct abi_vfio_bitmap *bitmap, uint64_t size)
{
	uint64_t page = bitmap->pgsize & -bitmap->pgsize, bits;

	if (!page || bitmap->size > USER_END || bitmap->data > USER_END - bitmap->size)
		return -UIOMMU_EINVAL;
	bits = size / page;
	if (!bits || !bitmap->size || bitmap->size > MAX_BITMAP_BYTES)
		return -UIOMMU_EINVAL;
	return bitmap->size < ((bits - 1) / 64 + 1) * 8 ? -UIOMMU_EINVAL : 0;
}

/* ---- reporting --------------------------------------------------------------------------------- */

/* Bits [64 * n, 64 * n + 63] of the mapping in units of @page; those that it has not are 0. */
static uint64_t source_word(const struct type1 *t, const struct type1_mapping *mapping, uint64_t n,
			    uint64_t bits)
{
	uint64_t word;

	if (64 * n >= bits)
		return 0;
	/* In a domain of the hardware's everything counts; there alone are pages larger. */
	word = t->domains ? UINT64_MAX : mapping->written[n];
	return bits - 64 * n < 64 ? word & ((UINT64_C(1) << (bits - 64 * n)) - 1) : word;
}

int uiommu_type1_report(struct type1 *t, const struct type1_mapping *mapping, uint64_t base,
			const struct abi_vfio_bitmap *bitmap)
{
	const uint64_t first = (mapping->iova - base) / t->page;
	const uint64_t bits = (mapping->last - mapping->iova) / t->page + 1;
	const unsigned int shift = first % 64;
	const uint64_t words = (shift + bits - 1) / 64 + 1;
	uint64_t to = bitmap->data + first / 64 * 8, below = 0, buffer[64];
	int rc = 0;

	if (shift) {
		rc = uapi_read_user(t->uapi, &below, to, sizeof(below));
		below &= (UINT64_C(1) << shift) - 1;
	}
	for (uint64_t n = 0; n < words && !rc;) {
		size_t count = 0;

		for (; count < 64 && n < words; count++, n++) {
			uint64_t word = source_word(t, mapping, n, bits);

			buffer[count] = below | word << shift;
			below = shift ? word >> (64 - shift) : 0;
		}
		rc = uapi_write_user(t->uapi, to, buffer, count * sizeof(*buffer));
		to += count * sizeof(*buffer);
	}
	return rc;
}

/* ---- DIRTY_PAGES ------------------------------------------------------------------------------- */

static void stop(struct type1 *t)
{
	t->tracking = false;
	for (struct type1_mapping *m = uiommu_type1_from(t, 0); m; m = uiommu_type1_next(m))
		uiommu_type1_forget(t, m);
}

static int start(struct type1 *t)
{
	struct type1_mapping *m;
	int rc = 0;

	if (t->tracking)
		return 0;
	for (m = uiommu_type1_from(t, 0); m && !rc; m = uiommu_type1_next(m))
		rc = uiommu_type1_record(t, m);
	if (rc)
		stop(t);
	else
		t->tracking = true;
	return rc;
}

static int get_bitmap(struct type1 *t, const struct abi_vfio_iommu_type1_dirty_bitmap_get *get)
{
	const uint64_t last = get->iova + get->size - 1;
	struct type1_mapping *first, *end, *m;
	int rc;

	if (!get->size)
		return -UIOMMU_EINVAL;
	if (last < get->iova)
		return -UIOMMU_EOVERFLOW;
	rc = uiommu_type1_check_bitmap(&get->bitmap, get->size);
	if (rc)
		return rc;
	if (get->bitmap.pgsize != t->page || (get->iova | get->size) & (t->page - 1) ||
	    !t->tracking)
		return -UIOMMU_EINVAL;
	first = uiommu_type1_from(t, get->iova);
	end = uiommu_type1_from(t, last);
	if ((first && first->iova < get->iova) || (end && end->iova <= last && end->last > last))
		return -UIOMMU_EINVAL;
	for (m = first; m && m->iova <= last && !rc; m = uiommu_type1_next(m)) {
		rc = uiommu_type1_report(t, m, get->iova, &get->bitmap);
		if (!rc) {
			memset(m->written, 0, num_words(m) * sizeof(*m->written));
			mark_pinned(m);
		}
	}
	return rc;
}

long uiommu_type1_dirty_pages(struct vfio_container *container, uintptr_t argument)
{
	struct type1 *t = &container->type1;
	struct {
		struct abi_vfio_iommu_type1_dirty_bitmap head;
		struct abi_vfio_iommu_type1_dirty_bitmap_get get;
	} arg;
	int rc;

	if (!t->v2)
		return -UAPI_EACCES;
	rc = uapi_read_user(t->uapi, &arg.head, argument, sizeof(arg.head));
	if (rc)
		return rc;
	if (arg.head.argsz < sizeof(arg.head))
		return -UIOMMU_EINVAL;
	switch (arg.head.flags) {
	case ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return start(t);
	case ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		stop(t);
		return 0;
	case ABI_VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		break;
	default:
		return -UIOMMU_EINVAL;
	}
	if (arg.head.argsz < sizeof(arg))
		return -UIOMMU_EINVAL;
	rc = uapi_read_user(t->uapi, &arg.get, argument + sizeof(arg.head), sizeof(arg.get));
	return rc ? rc : get_bitmap(t, &arg.get);
}
