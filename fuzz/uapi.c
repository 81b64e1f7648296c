/* SPDX-License-Identifier: MIT */
/*
 * uapi.c - any sequence of commands on /dev/iommu over live objects, against a naive model of what must hold
 *
 * An input is a list of operations, each a byte and its parameters.  After each of them the areas of every address
 * space are those of the model, page tables map them and nothing beside them, and as many pages are pinned as
 * the model says.  At the end everything is closed, and nothing may be left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/null_driver.h"
#include "src/uapi/access.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE UINT64_C(4096)
#define R ABI_IOMMU_IOAS_MAP_READABLE
#define W ABI_IOMMU_IOAS_MAP_WRITEABLE
#define F ABI_IOMMU_IOAS_MAP_FIXED_IOVA
#define HIGH (UINT64_C(1) << 48) /* what the domains cannot translate begins here */

enum { ARENA = 64, BACKINGS = 128, AREAS = 96, IDS = 48, DEVICES = 3, ACCESSES = 2, PINS = 8 };

/* Memory as MAP was given it: at most ARENA pages. */
struct backing {
	uint64_t address; /* of the first page */
	uint64_t pages;
	bool writable;
};

struct area {
	bool used;
	uint32_t ioas;
	uint64_t iova, last, offset;
	unsigned int backing, prot;
};

enum kind { NONE, IOAS, HWPT, DEVICE, ACCESS };

struct id {
	enum kind kind;
	uint32_t ioas; /* of a HWPT */
	bool automatic;
};

struct device {
	struct uiommu_device *dev;
	struct iommufd_device *bound;
	uint32_t id, hwpt; /* hwpt 0: not attached */
};

struct pin {
	uint64_t iova, length;
};

struct access {
	struct iommufd_access *access;
	uint32_t id, ioas;
	bool stubborn;
	struct pin pin[PINS];
	struct {
		unsigned int backing;
		uint64_t mask;
		unsigned int pin;
	} part[AREAS];
	unsigned int parts;
};

/* What is kept over all inputs; each leaves it as it was. */
static struct world {
	struct null_iommu iommu;
	struct uiommu_device *dev[DEVICES];
	uint8_t *arena;
} world;

struct run {
	const uint8_t *data;
	size_t size;
	struct uiommu_uapi *uapi;
	struct uiommu_uapi_process *process;
	struct uapi_file *file;
	int fd;
	struct id id[IDS];
	struct backing backing[BACKINGS];
	unsigned int backings;
	struct area area[AREAS];
	struct abi_iommu_iova_range allowed[IDS][4];
	unsigned int num_allowed[IDS];
	struct device device[DEVICES];
	struct access access[ACCESSES];
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz-uapi: %s\n", what);
	abort();
}

static uint64_t take(struct run *r, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes && r->size; i++, r->data++, r->size--)
		value |= (uint64_t)*r->data << 8 * i;
	return value;
}

static long call(struct run *r, uint32_t command, void *argument)
{
	return uiommu_uapi_ioctl(r->process, r->fd, command, (uintptr_t)argument);
}

/* ---- the naive model --------------------------------------------------------------------------- */

static enum kind kind_of(const struct run *r, uint32_t id)
{
	return id < IDS ? r->id[id].kind : NONE;
}

static bool has_domain(const struct run *r, uint32_t ioas)
{
	for (uint32_t i = 1; i < IDS; i++) {
		if (r->id[i].kind == HWPT && r->id[i].ioas == ioas)
			return true;
	}
	return false;
}

static bool pinning(const struct run *r, uint32_t ioas)
{
	for (unsigned int i = 0; i < ACCESSES; i++) {
		if (r->access[i].access && r->access[i].ioas == ioas)
			return true;
	}
	return false;
}

static unsigned int users_of(const struct run *r, uint32_t id)
{
	unsigned int users = r->id[id].kind == DEVICE || r->id[id].kind == ACCESS;

	for (uint32_t i = 1; i < IDS; i++)
		users += r->id[i].kind == HWPT && r->id[i].ioas == id;
	for (unsigned int i = 0; i < DEVICES; i++)
		users += r->device[i].bound && r->device[i].hwpt == id;
	for (unsigned int i = 0; i < ACCESSES; i++)
		users += r->access[i].access && r->access[i].ioas == id;
	return users;
}

static void add(struct run *r, uint32_t id, enum kind kind, uint32_t ioas, bool automatic)
{
	for (uint32_t i = 1; i < id && i < IDS; i++)
		must(r->id[i].kind != NONE, "a number is not the lowest free one");
	must(id && kind_of(r, id) == NONE && id < IDS, "a number is given twice");
	r->id[id] = (struct id){ kind, ioas, automatic };
	r->num_allowed[id] = 0;
}

static struct area *at(struct run *r, uint32_t ioas, uint64_t from)
{
	struct area *best = NULL;

	for (struct area *a = r->area; a < r->area + AREAS; a++) {
		if (a->used && a->ioas == ioas && a->last >= from &&
		    (!best || a->iova < best->iova))
			best = a;
	}
	return best;
}

static bool is_free(struct run *r, uint32_t ioas, uint64_t iova, uint64_t length)
{
	const struct area *a = at(r, ioas, iova);

	return !a || (a->iova > iova && a->iova - iova >= length);
}

static unsigned int room(const struct run *r)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < AREAS; i++)
		count += !r->area[i].used;
	return count;
}

static void place(struct run *r, struct area area)
{
	struct area *a = r->area;

	while (a->used)
		a++;
	area.used = true;
	*a = area;
}

static uint64_t mask_of(uint64_t first, uint64_t count)
{
	return (count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX) << first;
}

static uint64_t area_mask(const struct area *a, uint64_t from, uint64_t last)
{
	uint64_t first = (a->offset + (from - a->iova)) / PAGE;

	return mask_of(first, (a->offset + (last - a->iova)) / PAGE - first + 1);
}

static uint64_t expected_pins(struct run *r)
{
	uint64_t count = 0, mask[BACKINGS] = { 0 };

	for (struct area *a = r->area; a < r->area + AREAS; a++) {
		if (a->used && has_domain(r, a->ioas))
			mask[a->backing] |= area_mask(a, a->iova, a->last);
	}
	for (unsigned int i = 0; i < ACCESSES; i++) {
		for (unsigned int k = 0; k < r->access[i].parts; k++)
			mask[r->access[i].part[k].backing] |= r->access[i].part[k].mask;
	}
	for (unsigned int i = 0; i < r->backings; i++)
		count += (uint64_t)__builtin_popcountll(mask[i]);
	return count;
}

static uiommu_phys_t phys_of(const struct run *r, const struct area *a, uint64_t iova)
{
	return uiommu_posix_ptr_to_phys(
		world.iommu.host,
		(void *)(uintptr_t)(r->backing[a->backing].address + a->offset + (iova - a->iova)));
}

static void check_domain(struct run *r, struct iommufd *ctx, uint32_t id, const struct area *a)
{
	struct iommufd_hwpt *hwpt =
		iommufd_to_hwpt(uiommu_iommufd_object_find(ctx, id, IOMMUFD_HWPT_PAGING));

	must(hwpt, "a HWPT is gone");
	if (r->id[id].ioas != a->ioas)
		return;
	must(uiommu_iova_to_phys(hwpt->domain, a->iova) == phys_of(r, a, a->iova) &&
		     uiommu_iova_to_phys(hwpt->domain, a->last) == phys_of(r, a, a->last),
	     "an area is not mapped to its memory");
	if (a->last + 1 < HIGH && is_free(r, a->ioas, a->last + 1, 1))
		must(!uiommu_iova_to_phys(hwpt->domain, a->last + 1), "mapped beyond an area");
	if (a->iova && is_free(r, a->ioas, a->iova - 1, 1))
		must(!uiommu_iova_to_phys(hwpt->domain, a->iova - 1), "mapped before an area");
}

static void check(struct run *r)
{
	struct iommufd *ctx = uiommu_iommufd_of_file(r->file);
	struct uiommu_posix_usage usage;
	uint32_t objects = 0;

	uiommu_posix_usage(world.iommu.host, &usage);
	must(usage.pins == expected_pins(r), "pins are not those of the model");
	must(uiommu_uapi_process_pinned(r->process) == usage.pins * PAGE, "charged is not pinned");
	for (uint32_t i = 1; i < IDS; i++) {
		struct iommufd_area *have;
		uint64_t from = 0;

		objects += r->id[i].kind != NONE;
		if (r->id[i].kind != IOAS)
			continue;
		have = uiommu_iommufd_area_from(
			iommufd_to_ioas(uiommu_iommufd_object_find(ctx, i, IOMMUFD_IOAS)), 0);
		for (;; have = uiommu_iommufd_area_next(have)) {
			struct area *a = at(r, i, from);

			must(!a == !have, "areas are missing or too many");
			if (!a)
				break;
			must(a->iova == have->iova && a->last == have->last &&
				     a->prot == have->prot,
			     "an area is not where it was put");
			for (uint32_t k = 1; k < IDS; k++) {
				if (r->id[k].kind == HWPT)
					check_domain(r, ctx, k, a);
			}
			if (a->last == UINT64_MAX)
				break;
			from = a->last + 1;
		}
	}
	must(ctx->num_objects == objects, "objects are not those of the model");
}

/* ---- accesses ---------------------------------------------------------------------------------- */

static void forget_pin(struct access *x, unsigned int pin)
{
	unsigned int kept = 0;

	x->pin[pin].length = 0;
	for (unsigned int i = 0; i < x->parts; i++) {
		if (x->part[i].pin != pin)
			x->part[kept++] = x->part[i];
	}
	x->parts = kept;
}

static void unpin(struct access *x, unsigned int pin)
{
	uiommu_iommufd_access_unpin(x->access, x->pin[pin].iova, x->pin[pin].length);
	forget_pin(x, pin);
}

static void let_go(void *context, uint64_t iova, uint64_t length)
{
	struct access *x = context;

	if (x->stubborn && length != UINT64_MAX)
		return;
	for (unsigned int i = 0; i < PINS; i++) {
		const struct pin *p = &x->pin[i];

		if (p->length && p->iova <= iova + (length - 1) &&
		    iova <= p->iova + (p->length - 1))
			unpin(x, i);
	}
}

static const struct iommufd_access_ops access_ops = { .needs_pin = true, .unmap = let_go };

static void op_access(struct run *r)
{
	struct access *x = &r->access[take(r, 1) % ACCESSES];
	uint32_t ioas;
	bool aligned = true;
	int rc;

	if (!x->access) {
		must(!uiommu_iommufd_access_create(uiommu_iommufd_of_file(r->file), &access_ops, x,
						   &x->access),
		     "no access");
		x->id = x->access->object.id;
		add(r, x->id, ACCESS, 0, false);
		return;
	}
	ioas = (uint32_t)take(r, 1) % 8;
	x->stubborn = take(r, 1) & 1;
	for (struct area *a = r->area; a < r->area + AREAS; a++) {
		if (a->used && a->ioas == ioas)
			aligned &= !((a->iova | (a->last + 1) | a->offset) % PAGE);
	}
	rc = uiommu_iommufd_access_attach(x->access, ioas);
	must(rc == (ioas && kind_of(r, ioas) != IOAS ? -UIOMMU_ENOENT :
		    aligned			     ? 0 :
						       -UIOMMU_EADDRINUSE),
	     "access attach");
	if (!rc)
		x->ioas = ioas;
}

static void destroy_access(struct run *r, struct access *x)
{
	if (!x->access)
		return;
	uiommu_iommufd_access_destroy(x->access);
	r->id[x->id].kind = NONE;
	memset(x, 0, sizeof(*x));
}

static void op_pin(struct run *r)
{
	struct access *x = &r->access[take(r, 1) % ACCESSES];
	const uint64_t iova = take(r, 1) * PAGE, length = (take(r, 1) % 32 + 1) * PAGE;
	const unsigned int pin = (unsigned int)take(r, 1) % PINS, write = pin & 1;
	uiommu_phys_t phys[32];
	uint64_t from = iova, last = iova + length - 1, page = 0;
	int rc, want = 0;

	if (!x->access)
		return;
	if (x->pin[pin].length) {
		unpin(x, pin);
		return;
	}
	if (x->parts > AREAS - 32)
		return;
	rc = uiommu_iommufd_access_pin(x->access, iova, length, phys,
				       write ? IOMMUFD_ACCESS_WRITE : 0);
	want = x->ioas ? 0 : -UIOMMU_ENOENT;
	for (struct area *a = NULL; !want && from <= last; from = a->last + 1) {
		a = at(r, x->ioas, from);
		if (!a || a->iova > from)
			want = -UIOMMU_ENOENT;
		else if (!(a->prot & UIOMMU_READ) || (write && !(a->prot & UIOMMU_WRITE)))
			want = -UIOMMU_EPERM;
		if (want)
			break;
		if (rc)
			continue;
		x->part[x->parts].backing = a->backing;
		x->part[x->parts].pin = pin;
		x->part[x->parts++].mask = area_mask(a, from, a->last < last ? a->last : last);
		for (uint64_t i = from; i <= last && i <= a->last; i += PAGE)
			must(phys[page++] == phys_of(r, a, i), "pinned something else");
	}
	must(rc == want, "access pin");
	if (!rc)
		x->pin[pin] = (struct pin){ iova, length };
}

static void op_rw(struct run *r)
{
	struct access *x = &r->access[take(r, 1) % ACCESSES];
	uint64_t iova = take(r, 3), length = take(r, 2) % 9000 + 1;
	const bool write = take(r, 1) & 1;
	static uint8_t buffer[9000];
	int rc, want;

	if (!x->access)
		return;
	memset(buffer, (int)(iova & 0xff) ^ 0x5a, sizeof(buffer));
	rc = uiommu_iommufd_access_rw(x->access, iova, buffer, length,
				      write ? IOMMUFD_ACCESS_WRITE : 0);
	want = x->ioas ? 0 : -UIOMMU_ENOENT;
	for (uint64_t i = 0; !want && i < length; i++) {
		struct area *a = at(r, x->ioas, iova + i);

		if (!a || a->iova > iova + i)
			want = -UIOMMU_ENOENT;
		else if (!(a->prot & UIOMMU_READ) || (write && !(a->prot & UIOMMU_WRITE)))
			want = -UIOMMU_EPERM;
		else if (!write || !rc)
			must(write || rc ||
				     buffer[i] ==
					     *(uint8_t *)uiommu_posix_phys_to_ptr(
						     world.iommu.host, phys_of(r, a, iova + i)),
			     "read something else");
	}
	must(rc == want, "access rw");
}

/* ---- commands ---------------------------------------------------------------------------------- */

static uint32_t some_id(struct run *r)
{
	return (uint32_t)take(r, 1) % 16;
}

/* So many objects that there are just enough numbers left for devices, accesses and automatic HWPTs. */
static bool crowded(const struct run *r)
{
	unsigned int live = 0;

	for (unsigned int i = 1; i < IDS; i++)
		live += r->id[i].kind != NONE;
	return live > IDS - 16;
}

static void op_alloc(struct run *r)
{
	struct abi_iommu_ioas_alloc arg = { .size = sizeof(arg) };

	if (crowded(r))
		return;
	must(!call(r, ABI_IOMMU_IOAS_ALLOC, &arg), "ioas alloc");
	add(r, arg.out_ioas_id, IOAS, 0, false);
}

static long unmap(struct run *r, uint32_t ioas, uint64_t iova, uint64_t last, uint64_t *gone)
{
	struct area *a;

	*gone = 0;
	while ((a = at(r, ioas, iova)) && a->iova <= last) {
		if (a->iova < iova || a->last > last)
			return -UIOMMU_ENOENT;
		*gone += a->last - a->iova + 1;
		a->used = false;
	}
	return *gone || (!iova && last == UINT64_MAX) ? 0 : -UIOMMU_ENOENT;
}

/* Some stubborn access holds on to the first area of the range that has pins. */
static bool held(struct run *r, uint32_t ioas)
{
	for (unsigned int i = 0; i < ACCESSES; i++) {
		if (r->access[i].stubborn && r->access[i].ioas == ioas && r->access[i].parts)
			return true;
	}
	return false;
}

static void op_unmap(struct run *r)
{
	struct abi_iommu_ioas_unmap arg = { sizeof(arg), some_id(r), 0, UINT64_MAX };
	const uint64_t what = take(r, 1);
	uint64_t gone;
	long rc, want;

	if (what & 0x0f) {
		arg.iova = take(r, 1) * PAGE + (what & 0x10 ? take(r, 1) : 0);
		arg.length = (take(r, 1) % 64 + 1) * PAGE - (what & 0x20 ? take(r, 1) : 0);
	}
	/* What a stubborn access forbids depends on the order of areas: not asked for. */
	if (held(r, arg.ioas_id))
		for (unsigned int i = 0; i < ACCESSES; i++)
			r->access[i].stubborn = false;
	want = kind_of(r, arg.ioas_id) != IOAS ?
		       -UIOMMU_ENOENT :
		       unmap(r, arg.ioas_id, arg.iova,
			     arg.length == UINT64_MAX ? UINT64_MAX : arg.iova + arg.length - 1,
			     &gone);
	rc = call(r, ABI_IOMMU_IOAS_UNMAP, &arg);
	must(rc == want && (rc || arg.length == gone), "unmap");
}

static void op_stubborn(struct run *r)
{
	struct abi_iommu_ioas_unmap arg = { .size = sizeof(arg) };
	struct access *x = &r->access[take(r, 1) % ACCESSES];
	struct area *a;

	/* One area with a pin, which is not let go. */
	if (!x->access || !x->ioas || !x->parts)
		return;
	for (unsigned int i = 0; i < PINS; i++) {
		if (!x->pin[i].length)
			continue;
		a = at(r, x->ioas, x->pin[i].iova);
		arg.ioas_id = x->ioas;
		arg.iova = a->iova;
		arg.length = a->last - a->iova + 1;
		x->stubborn = true;
		must(call(r, ABI_IOMMU_IOAS_UNMAP, &arg) == -UAPI_EDEADLK, "a pinned area went");
		return;
	}
}

/* The lowest place by trying all that can be it; 0: none. */
static uint64_t lowest(struct run *r, uint32_t ioas, uint64_t length, uint64_t va)
{
	uint64_t align = 1, best = 0, end = has_domain(r, ioas) ? HIGH - 1 : UINT64_MAX - PAGE;
	const struct abi_iommu_iova_range all = { 0, UINT64_MAX };
	const unsigned int ranges = r->num_allowed[ioas] ? r->num_allowed[ioas] : 1;

	while (align < length)
		align *= 2;
	while (va && align > 1 && va & (align - 1))
		align /= 2;
	align = align < PAGE ? PAGE : align > 512 * PAGE ? 512 * PAGE : align;
	for (unsigned int i = 0; i < ranges; i++) {
		const struct abi_iommu_iova_range *a = r->num_allowed[ioas] ? &r->allowed[ioas][i] :
									      &all;
		const uint64_t low = a->start > PAGE ? a->start : PAGE;
		const uint64_t high = a->last < end ? a->last : end;

		for (int k = -1; k < AREAS; k++) {
			uint64_t try = low;

			if (k >= 0 && (!r->area[k].used || r->area[k].ioas != ioas))
				continue;
			if (k >= 0)
				try = r->area[k].last + 1;
			if (try < low)
				continue;
			try += (va % PAGE - try) & (align - 1);
			if (try > high || high - try < length - 1 || (best && try >= best))
				continue;
			if (is_free(r, ioas, try, length))
				best = try;
		}
	}
	return best;
}

static bool fits(const struct run *r, uint32_t ioas, uint64_t iova, uint64_t length,
		 uint64_t offset)
{
	if (!has_domain(r, ioas) && !pinning(r, ioas))
		return true;
	return !((iova | length | offset) % PAGE);
}

static void op_map(struct run *r)
{
	struct abi_iommu_ioas_map arg = { .size = sizeof(arg), .ioas_id = some_id(r) };
	const uint64_t what = take(r, 1), first = take(r, 1) % (ARENA / 2);
	uint64_t odd = what & 0x80 ? take(r, 2) % PAGE : 0, place_at = 0;
	const unsigned int prot = (what & 1 ? UIOMMU_READ : 0) | (what & 2 ? UIOMMU_WRITE : 0);
	long rc, want = 0;

	arg.flags = (what & 1 ? R : 0) | (what & 2 ? W : 0) | (what & 4 ? F : 0);
	arg.user_va = (uintptr_t)world.arena + first * PAGE + odd;
	arg.length = (take(r, 1) % (ARENA / 2) + 1) * PAGE - (what & 0x40 ? odd : 0);
	arg.iova = what & 4 ? take(r, 1) * PAGE + (what & 0x20 ? odd : 0) : 0;
	if (first * PAGE + odd + arg.length > ARENA * PAGE || r->backings == BACKINGS || !room(r))
		return;
	if (!prot)
		want = -UIOMMU_EINVAL;
	else if (kind_of(r, arg.ioas_id) != IOAS)
		want = -UIOMMU_ENOENT;
	else if (!fits(r, arg.ioas_id, what & 4 ? arg.iova : 0, arg.length, odd))
		want = -UIOMMU_EINVAL;
	else if (what & 4)
		want = is_free(r, arg.ioas_id, arg.iova, arg.length) ? 0 : -UIOMMU_EEXIST;
	else
		place_at = lowest(r, arg.ioas_id, arg.length, arg.user_va);
	if (!want && !(what & 4))
		want = place_at ? 0 : -UIOMMU_ENOSPC;
	rc = call(r, ABI_IOMMU_IOAS_MAP, &arg);
	must(!want == !rc, "map");
	if (rc)
		return;
	must(what & 4 || arg.iova == place_at, "not the lowest place");
	r->backing[r->backings] = (struct backing){
		(uintptr_t)world.arena + first * PAGE,
		(odd + arg.length + PAGE - 1) / PAGE,
		what & 2,
	};
	place(r, (struct area){ .ioas = arg.ioas_id,
				.iova = arg.iova,
				.last = arg.iova + arg.length - 1,
				.offset = odd,
				.backing = r->backings++,
				.prot = prot });
}

static void op_copy(struct run *r)
{
	struct abi_iommu_ioas_copy arg = { .size = sizeof(arg),
					   .src_ioas_id = some_id(r),
					   .dst_ioas_id = some_id(r) };
	const uint64_t what = take(r, 1);
	const unsigned int prot = (what & 1 ? UIOMMU_READ : 0) | (what & 2 ? UIOMMU_WRITE : 0);
	struct area piece[AREAS];
	unsigned int pieces = 0;
	uint64_t from, last;
	long rc;

	arg.flags = (what & 1 ? R : 0) | (what & 2 ? W : 0) | (what & 4 ? F : 0);
	arg.src_iova = take(r, 1) * PAGE + (what & 0x40 ? take(r, 1) : 0);
	arg.dst_iova = what & 4 ? take(r, 1) * PAGE : 0;
	arg.length = (take(r, 1) % 32 + 1) * PAGE - (what & 0x20 ? take(r, 1) : 0);
	from = arg.src_iova;
	last = from + arg.length - 1;
	while (from <= last) {
		struct area *a = at(r, arg.src_ioas_id, from);

		if (!a || a->iova > from)
			break;
		piece[pieces] = *a;
		piece[pieces].iova = from;
		piece[pieces].offset = a->offset + (from - a->iova);
		piece[pieces].last = a->last < last ? a->last : last;
		piece[pieces].prot = prot;
		if (what & 2 && !r->backing[a->backing].writable)
			break;
		from = piece[pieces++].last + 1;
	}
	if (pieces > room(r))
		return;
	rc = call(r, ABI_IOMMU_IOAS_COPY, &arg);
	if (rc)
		return; /* and check() sees that nothing has changed */
	must(kind_of(r, arg.src_ioas_id) == IOAS && kind_of(r, arg.dst_ioas_id) == IOAS && prot &&
		     from > last && is_free(r, arg.dst_ioas_id, arg.dst_iova, arg.length),
	     "copied what is not there, or to what is not free");
	for (unsigned int i = 0; i < pieces; i++) {
		must(fits(r, arg.dst_ioas_id, piece[i].iova - arg.src_iova + arg.dst_iova,
			  piece[i].last + 1 - piece[i].iova, piece[i].offset),
		     "copied without alignment");
		piece[i].ioas = arg.dst_ioas_id;
		piece[i].last += arg.dst_iova - arg.src_iova;
		piece[i].iova += arg.dst_iova - arg.src_iova;
		place(r, piece[i]);
	}
}

static void op_allow(struct run *r)
{
	struct abi_iommu_ioas_allow_iovas arg = { .size = sizeof(arg), .ioas_id = some_id(r) };
	struct abi_iommu_iova_range range[4];

	arg.num_iovas = (uint32_t)take(r, 1) % 5;
	arg.allowed_iovas = (uintptr_t)range;
	for (unsigned int i = 0; i < arg.num_iovas; i++) {
		range[i].start = take(r, 1) * PAGE;
		range[i].last = range[i].start + take(r, 2) * 16;
	}
	if (call(r, ABI_IOMMU_IOAS_ALLOW_IOVAS, &arg))
		return;
	must(kind_of(r, arg.ioas_id) == IOAS, "allowed where nothing is");
	r->num_allowed[arg.ioas_id] = arg.num_iovas;
	memcpy(r->allowed[arg.ioas_id], range, arg.num_iovas * sizeof(range[0]));
}

static void op_destroy(struct run *r)
{
	struct abi_iommu_destroy arg = { sizeof(arg), some_id(r) };
	long rc = call(r, ABI_IOMMU_DESTROY, &arg);
	uint64_t gone;

	must(rc == (kind_of(r, arg.id) == NONE ? -UIOMMU_ENOENT :
		    users_of(r, arg.id)	       ? -UIOMMU_EBUSY :
						 0),
	     "destroy");
	if (rc)
		return;
	unmap(r, arg.id, 0, UINT64_MAX, &gone);
	r->id[arg.id].kind = NONE;
}

static void op_bind(struct run *r)
{
	struct device *d = &r->device[take(r, 1) % DEVICES];

	if (d->bound)
		return;
	must(!uiommu_iommufd_device_bind(uiommu_iommufd_of_file(r->file), d->dev, &d->bound),
	     "bind");
	d->id = d->bound->object.id;
	add(r, d->id, DEVICE, 0, false);
}

static void drop_automatic(struct run *r, uint32_t hwpt)
{
	if (hwpt && r->id[hwpt].automatic && !users_of(r, hwpt))
		r->id[hwpt].kind = NONE;
}

static void op_attach(struct run *r)
{
	struct device *d = &r->device[take(r, 1) % DEVICES], *other = NULL;
	uint32_t pt = some_id(r), id = pt, old = d->hwpt;

	if (!d->bound)
		return;
	/* Devices 1 and 2 share a group. */
	if (d != &r->device[0])
		other = d == &r->device[1] ? &r->device[2] : &r->device[1];
	if (uiommu_iommufd_device_attach(d->bound, UIOMMU_RID, &id))
		return;
	must(kind_of(r, pt) == IOAS || kind_of(r, pt) == HWPT, "attached to nothing");
	must(kind_of(r, pt) == IOAS || id == pt, "another HWPT");
	if (!old && other && other->hwpt)
		must(id == other->hwpt, "a group is attached to two");
	if (kind_of(r, id) == NONE)
		add(r, id, HWPT, pt, true);
	must(kind_of(r, id) == HWPT && (id == pt || (r->id[id].ioas == pt && r->id[id].automatic)),
	     "not a HWPT of the IOAS");
	d->hwpt = id;
	if (old && other && other->hwpt)
		other->hwpt = id;
	drop_automatic(r, old);
}

static void detach(struct run *r, struct device *d)
{
	uint32_t old = d->hwpt;

	uiommu_iommufd_device_detach(d->bound, UIOMMU_RID);
	d->hwpt = 0;
	drop_automatic(r, old);
}

static void unbind(struct run *r, struct device *d)
{
	uint32_t old = d->hwpt;

	if (!d->bound)
		return;
	uiommu_iommufd_device_unbind(d->bound);
	d->bound = NULL;
	d->hwpt = 0;
	r->id[d->id].kind = NONE;
	drop_automatic(r, old);
}

static void op_detach(struct run *r)
{
	const uint64_t what = take(r, 1);
	struct device *d = &r->device[what % DEVICES];

	if (d->bound && what & 0x80)
		unbind(r, d);
	else if (d->bound)
		detach(r, d);
}

static void op_hwpt(struct run *r)
{
	const struct device *d = &r->device[take(r, 1) % DEVICES];
	struct abi_iommu_hwpt_alloc arg = { .size = sizeof(arg), .pt_id = some_id(r) };

	arg.dev_id = d->bound ? d->id : 0;
	if (crowded(r) || users_of(r, arg.pt_id) > 8 || call(r, ABI_IOMMU_HWPT_ALLOC, &arg))
		return;
	must(kind_of(r, arg.pt_id) == IOAS && d->bound, "a HWPT of nothing");
	add(r, arg.out_hwpt_id, HWPT, arg.pt_id, false);
}

static void op_dup(struct run *r)
{
	int fd = uiommu_uapi_dup(r->process, r->fd);

	must(fd >= 0 && fd != r->fd && !uiommu_uapi_close(r->process, r->fd), "dup");
	must(uiommu_uapi_close(r->process, r->fd) == -UAPI_EBADF, "closed twice");
	r->fd = fd;
}

/* Any bytes as a command that changes nothing, or as one that is wrong. */
static void op_raw(struct run *r)
{
	static const uint32_t quiet[] = {
		ABI_IOMMU_IOAS_IOVA_RANGES,
		ABI_IOMMU_HWPT_SET_DIRTY_TRACKING,
		ABI_IOMMU_HWPT_GET_DIRTY_BITMAP,
		ABI_IOMMU_HWPT_INVALIDATE,
		ABI_IOMMU_OPTION,
		ABI_IOMMU_VFIO_IOAS,
		ABI_IOMMU_GET_HW_INFO,
		0x3b95,
		0x3b00,
	};
	const uint32_t command = quiet[take(r, 1) % (sizeof(quiet) / sizeof(quiet[0]))];
	static uint8_t memory[1 << 16];
	_Alignas(8) uint8_t bytes[96];
	uint64_t pointer = take(r, 1) & 1 ? 0 : (uintptr_t)memory;
	uint32_t size = (uint32_t)take(r, 1) % sizeof(bytes), word;

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i < size ? (uint8_t)take(r, 1) : 0;
	memcpy(bytes, &size, sizeof(size));
	/* Pointers and lengths stay in what there is to point at. */
	if (command == ABI_IOMMU_IOAS_IOVA_RANGES || command == ABI_IOMMU_GET_HW_INFO)
		memcpy(bytes + 16, &pointer, sizeof(pointer));
	if (command == ABI_IOMMU_HWPT_GET_DIRTY_BITMAP)
		memcpy(bytes + 40, &pointer, sizeof(pointer));
	if (command == ABI_IOMMU_HWPT_INVALIDATE)
		memcpy(bytes + 8, &pointer, sizeof(pointer));
	if (command == ABI_IOMMU_GET_HW_INFO) {
		memcpy(&word, bytes + 12, 4);
		word %= sizeof(memory);
		memcpy(bytes + 12, &word, 4);
	}
	call(r, command, bytes);
}

static void (*const operations[])(struct run *r) = {
	op_alloc,   op_map,  op_map,	op_map,	   op_copy,	op_unmap, op_allow,
	op_destroy, op_bind, op_attach, op_attach, op_detach,	op_hwpt,  op_access,
	op_pin,	    op_rw,   op_dup,	op_raw,	   op_stubborn,
};

/* ---- the frame --------------------------------------------------------------------------------- */

static void start_world(void)
{
	must(!null_iommu_create(&world.iommu, UINT64_C(16) << 20), "the system");
	world.iommu.pgsizes = 0x40201000;
	world.dev[0] = world.iommu.dev;
	must(!null_iommu_add(&world.iommu, "one", NULL, &world.dev[1]), "a device");
	must(!null_iommu_add(&world.iommu, "two", world.dev[1], &world.dev[2]), "a device");
	world.arena = uiommu_posix_alloc_ram(world.iommu.host, ARENA * PAGE, ARENA * PAGE, NULL);
	must(world.arena, "memory");
}

static void finish(struct run *r, bool by_exit)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		unbind(r, &r->device[i]);
	for (unsigned int i = 0; i < ACCESSES; i++)
		destroy_access(r, &r->access[i]);
	check(r);
	uiommu_uapi_file_put(r->file);
	if (!by_exit)
		must(!uiommu_uapi_close(r->process, r->fd), "close");
	uiommu_uapi_process_destroy(r->process);
	uiommu_uapi_destroy(r->uapi);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct uiommu_uapi_process_config process = {
		.capabilities = UIOMMU_UAPI_CAP_ALL,
		.memlock = UINT64_MAX,
	};
	struct uiommu_uapi_config config = { 0 };
	struct uiommu_posix_usage before, after;
	static struct run run;
	struct run *r = &run;

	if (!world.arena)
		start_world();
	memset(r, 0, sizeof(*r));
	r->data = data;
	r->size = size;
	uiommu_posix_usage(world.iommu.host, &before);
	config.sys = world.iommu.sys;
	must(!uiommu_uapi_create(&config, &r->uapi) &&
		     !uiommu_uapi_process_create(r->uapi, &process, &r->process),
	     "a process");
	r->fd = uiommu_uapi_open(r->process, "/dev/iommu");
	r->file = uiommu_uapi_fd_get(r->process, r->fd);
	must(r->file, "open");
	for (unsigned int i = 0; i < DEVICES; i++)
		r->device[i].dev = world.dev[i];
	for (unsigned int i = 0; r->size && i < 200; i++) {
		operations[take(r, 1) % (sizeof(operations) / sizeof(operations[0]))](r);
		check(r);
	}
	finish(r, size & 1);
	uiommu_posix_usage(world.iommu.host, &after);
	must(!memcmp(&before, &after, sizeof(before)), "something is left");
	return 0;
}
