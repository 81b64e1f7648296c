/* SPDX-License-Identifier: MIT */
/*
 * saboteurs_uapi.c - an ABI that breaks one rule each
 *
 * They stand where a program's calls go in: a call's arguments, its answer and its copied-out results are altered,
 * and calls are made that nobody asked for.  Where a rule is about what the ABI does below, the driver's operations
 * are altered while a command of a certain kind goes on.
 */
#include <string.h>

#include <uiommu/port.h>

#include "conform/saboteur.h"

/* The command's struct, if the call is that command; NULL: it is something else. */
static void *argument_of(const struct abi_call *call, unsigned long command)
{
	return call->op == ABI_IOCTL && call->command == command && call->argument > 0xffff ?
		       (void *)call->argument :
		       NULL;
}

/* The same descriptor, another command. */
static long other_ioctl(const struct abi_call *call, unsigned long command, void *argument)
{
	struct abi_call other = *call;

	other.command = command;
	other.argument = (uintptr_t)argument;
	return abi_call_real(&other);
}

static void *host_of(const struct abi_call *call)
{
	return machine_host(call->s->machine);
}

static struct abi_device *device_of(const struct abi_call *call)
{
	struct abi *a = call->s->abi;

	for (unsigned int i = 0; i < a->num_devices; i++)
		if (a->devices[i].cdev == call->fd)
			return &a->devices[i];
	return NULL;
}

/* ---- pins -------------------------------------------------------------------------------------- */

/* One more pin of a mapping's first page, for ever. */
static void pin_twice(struct abi_call *call, void *state)
{
	const struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	uiommu_phys_t phys;

	(void)state;
	if (!abi_call_real(call) && map)
		uiommu_port_user_pin(host_of(call), map->user_va & ~(ABI_PAGE - 1), 1, true, &phys);
}

/* A MAP that fails leaves its first page pinned. */
static void pin_of_failed_map(struct abi_call *call, void *state)
{
	const struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	uiommu_phys_t phys;

	(void)state;
	if (abi_call_real(call) && map)
		uiommu_port_user_pin(host_of(call), map->user_va & ~(ABI_PAGE - 1), 1, true, &phys);
}

/* During UNMAP the caches keep what they have; afterwards, when the pages are given back, they are flushed. */
struct late {
	bool unmapping;
	struct uiommu_domain *domain[8];
	unsigned int count;
};

static void hold_sync(struct wrap_call *call, void *state)
{
	struct late *late = state;
	bool known = false;

	if (!late->unmapping) {
		wrap_call(call);
		return;
	}
	for (unsigned int i = 0; i < late->count; i++)
		known |= late->domain[i] == call->domain;
	if (!known && late->count < 8)
		late->domain[late->count++] = call->domain;
}

static void flush_after_unpin(struct abi_call *call, void *state)
{
	struct late *late = state;

	late->unmapping = argument_of(call, ABI_IOMMU_IOAS_UNMAP) ||
			  argument_of(call, ABI_VFIO_IOMMU_UNMAP_DMA);
	abi_call_real(call);
	late->unmapping = false;
	for (unsigned int i = 0; i < late->count; i++)
		uiommu_flush_iotlb_all(late->domain[i]);
	late->count = 0;
}

static void never_sync(struct wrap_call *call, void *state)
{
	(void)call;
	(void)state;
}

/* Where the limit is reached it is raised; no memory for another reason is left alone. */
static void ignore_limit(struct abi_call *call, void *state)
{
	(void)state;
	if (abi_call_real(call) != -UIOMMU_ENOMEM || call->s->fail_at ||
	    !(argument_of(call, ABI_IOMMU_IOAS_MAP) || argument_of(call, ABI_VFIO_IOMMU_MAP_DMA)))
		return;
	uiommu_uapi_process_set_capabilities(call->process, UIOMMU_UAPI_CAP_ALL);
	abi_call_real(call);
}

/* Whatever is mapped is pinned, and charged, a second time: in an address space that nobody knows of. */
struct shadow {
	uint32_t ioas; /* 0: not made yet */
};

static void charge_twice(struct abi_call *call, void *state)
{
	struct shadow *shadow = state;
	const struct abi_iommu_hwpt_alloc *alloc = argument_of(call, ABI_IOMMU_HWPT_ALLOC);
	const struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	const struct abi_iommu_ioas_unmap *unmap = argument_of(call, ABI_IOMMU_IOAS_UNMAP);
	struct abi_iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct abi_iommu_hwpt_alloc hwpt = { .size = sizeof(hwpt) };

	if (unmap && shadow->ioas) {
		struct abi_iommu_ioas_unmap more = *unmap;

		more.ioas_id = shadow->ioas;
		other_ioctl(call, ABI_IOMMU_IOAS_UNMAP, &more);
	}
	if (abi_call_real(call))
		return;
	if (alloc && !shadow->ioas && !other_ioctl(call, ABI_IOMMU_IOAS_ALLOC, &ioas)) {
		hwpt.dev_id = alloc->dev_id;
		hwpt.pt_id = ioas.out_ioas_id;
		other_ioctl(call, ABI_IOMMU_HWPT_ALLOC, &hwpt);
		shadow->ioas = ioas.out_ioas_id;
	}
	if (map && shadow->ioas) {
		struct abi_iommu_ioas_map more = *map;

		more.ioas_id = shadow->ioas;
		more.flags |= ABI_IOMMU_IOAS_MAP_FIXED_IOVA;
		other_ioctl(call, ABI_IOMMU_IOAS_MAP, &more);
	}
}

/* ---- mappings ---------------------------------------------------------------------------------- */

static void unmap_past_the_end(struct abi_call *call, void *state)
{
	struct abi_iommu_ioas_unmap *unmap = argument_of(call, ABI_IOMMU_IOAS_UNMAP);
	uint64_t length;

	(void)state;
	if (!unmap || !unmap->length || unmap->length > UINT64_MAX - ABI_PAGE) {
		abi_call_real(call);
		return;
	}
	length = unmap->length;
	unmap->length += ABI_PAGE;
	if (!abi_call_real(call)) {
		unmap->length = length;
		return;
	}
	unmap->length = length;
	abi_call_real(call);
}

static void say_more_is_gone(struct abi_call *call, void *state)
{
	struct abi_iommu_ioas_unmap *unmap = argument_of(call, ABI_IOMMU_IOAS_UNMAP);

	(void)state;
	if (!abi_call_real(call) && unmap)
		unmap->length += ABI_PAGE;
}

static void say_all_is_gone(struct abi_call *call, void *state)
{
	struct abi_iommu_ioas_unmap *unmap = argument_of(call, ABI_IOMMU_IOAS_UNMAP);
	uint64_t length = unmap ? unmap->length : 0;

	(void)state;
	/* Everything has another length than what is there. */
	if (!abi_call_real(call) && unmap)
		unmap->length = length;
}

/* Nothing is unmapped where something is mapped that does not fit, and that is a success. */
static void cut_pretends(struct abi_call *call, void *state)
{
	const struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	const struct abi_iommu_ioas_unmap *unmap = argument_of(call, ABI_IOMMU_IOAS_UNMAP);
	struct abi_iommu_ioas_map probe = {
		.size = sizeof(probe),
		.flags = ABI_R | ABI_IOMMU_IOAS_MAP_FIXED_IOVA,
	};
	uint64_t *user_va = state;

	abi_call_real(call);
	if (map && !call->rc)
		*user_va = map->user_va & ~(ABI_PAGE - 1);
	if (!unmap || call->rc != -UIOMMU_ENOENT)
		return;
	probe.ioas_id = unmap->ioas_id;
	probe.user_va = *user_va;
	probe.iova = unmap->iova;
	probe.length = unmap->length;
	if (other_ioctl(call, ABI_IOMMU_IOAS_MAP, &probe) == -UIOMMU_EEXIST)
		call->rc = 0;
}

/* What is in the way is taken away. */
static void overwrite(struct abi_call *call, void *state)
{
	const struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	struct abi_iommu_ioas_unmap unmap = { .size = sizeof(unmap) };

	(void)state;
	if (abi_call_real(call) != -UIOMMU_EEXIST || !map)
		return;
	unmap.ioas_id = map->ioas_id;
	unmap.iova = map->iova;
	unmap.length = map->length;
	other_ioctl(call, ABI_IOMMU_IOAS_UNMAP, &unmap);
	abi_call_real(call);
}

static void map_writable(struct abi_call *call, void *state)
{
	const struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	struct abi_iommu_ioas_map more;

	(void)state;
	if (!map || map->size != sizeof(*map) || !(map->flags & ABI_R)) {
		abi_call_real(call);
		return;
	}
	more = *map;
	more.flags |= ABI_W;
	call->rc = other_ioctl(call, ABI_IOMMU_IOAS_MAP, &more);
	if (!call->rc)
		((struct abi_iommu_ioas_map *)call->argument)->iova = more.iova;
}

static void copy_writable(struct abi_call *call, void *state)
{
	const struct abi_iommu_ioas_copy *copy = argument_of(call, ABI_IOMMU_IOAS_COPY);
	struct abi_iommu_ioas_copy more;

	(void)state;
	if (!copy || !(copy->flags & ABI_R)) {
		abi_call_real(call);
		return;
	}
	more = *copy;
	more.flags |= ABI_W;
	call->rc = other_ioctl(call, ABI_IOMMU_IOAS_COPY, &more);
}

/* A chosen address is not told. */
static void forget_choice(struct abi_call *call, void *state)
{
	struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	uint64_t iova = map ? map->iova : 0;

	(void)state;
	if (!abi_call_real(call) && map && !(map->flags & ABI_IOMMU_IOAS_MAP_FIXED_IOVA))
		map->iova = iova;
}

/* The last page below what is usable first, where that is reserved: one page beyond what is usable. */
static void choose_reserved(struct abi_call *call, void *state)
{
	struct abi_iommu_ioas_map *map = argument_of(call, ABI_IOMMU_IOAS_MAP);
	struct abi_iommu_iova_range range[64];
	struct abi_iommu_ioas_iova_ranges ask = {
		.size = sizeof(ask),
		.num_iovas = 64,
		.allowed_iovas = (uintptr_t)range,
	};

	(void)state;
	if (abi_call_real(call) || !map || map->flags & ABI_IOMMU_IOAS_MAP_FIXED_IOVA)
		return;
	ask.ioas_id = map->ioas_id;
	if (!other_ioctl(call, ABI_IOMMU_IOAS_IOVA_RANGES, &ask) && range[0].last != UINT64_MAX)
		map->iova = range[0].last + 1;
}

/* One range, with everything in it. */
static void hide_reserved(struct abi_call *call, void *state)
{
	struct abi_iommu_ioas_iova_ranges *ranges = argument_of(call, ABI_IOMMU_IOAS_IOVA_RANGES);
	struct abi_iommu_iova_range *range;

	(void)state;
	if (abi_call_real(call) || !ranges || !ranges->num_iovas)
		return;
	range = (void *)(uintptr_t)ranges->allowed_iovas;
	range[0].last = range[ranges->num_iovas - 1].last;
	ranges->num_iovas = 1;
}

/* ---- several domains of one address space ------------------------------------------------------- */

struct several {
	unsigned long command; /* that goes on */
	struct uiommu_domain *first;
};

static void note_command(struct abi_call *call, void *state)
{
	struct several *several = state;

	several->command = call->op == ABI_IOCTL ? call->command : 0;
	several->first = NULL;
	abi_call_real(call);
	several->command = 0;
}

/* Everything but the first domain is passed over, and said to be done. */
static bool passed_over(struct wrap_call *call, struct several *several)
{
	if (!several->first)
		several->first = call->domain;
	return call->domain != several->first;
}

static void map_first_domain(struct wrap_call *call, void *state)
{
	struct several *several = state;
	bool mapping = several->command == ABI_IOMMU_IOAS_MAP ||
		       several->command == ABI_VFIO_IOMMU_MAP_DMA;

	if (mapping && passed_over(call, several))
		call->value = call->size;
	else
		wrap_call(call);
}

static void unmap_first_domain(struct wrap_call *call, void *state)
{
	struct several *several = state;
	bool unmapping = several->command == ABI_IOMMU_IOAS_UNMAP ||
			 several->command == ABI_VFIO_IOMMU_UNMAP_DMA;

	if (unmapping && passed_over(call, several))
		call->value = call->size;
	else
		wrap_call(call);
}

/* A domain that comes to an address space finds nothing in it. */
static void replay_nothing(struct wrap_call *call, void *state)
{
	const struct several *several = state;

	if (several->command == ABI_IOMMU_HWPT_ALLOC ||
	    several->command == ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT)
		call->value = call->size;
	else
		wrap_call(call);
}

/* ---- attachment -------------------------------------------------------------------------------- */

/* Detached first: in between there is nothing, and after a failure too. */
static void replace_in_two_steps(struct abi_call *call, void *state)
{
	const struct abi_vfio_device_attach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	struct abi_vfio_device_detach_iommufd_pt detach = { .argsz = 8 };

	(void)state;
	if (at) {
		detach.flags = at->flags & ABI_VFIO_DEVICE_ATTACH_PASID;
		if (detach.flags) {
			detach.argsz = sizeof(detach);
			detach.pasid = at->pasid;
		}
		other_ioctl(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
	}
	abi_call_real(call);
}

/* Nothing happens to who is attached already. */
static void replace_pretends(struct abi_call *call, void *state)
{
	bool *attached = state;
	const struct abi_vfio_device_attach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT);

	if (at && at->flags == 0 && *attached) {
		call->rc = 0;
		return;
	}
	abi_call_real(call);
	if (at && at->flags == 0)
		*attached |= call->rc == 0;
	else if (argument_of(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT))
		*attached = false;
}

static void detach_pretends(struct abi_call *call, void *state)
{
	(void)state;
	if (argument_of(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT))
		call->rc = 0;
	else
		abi_call_real(call);
}

static void pasid_takes_rid_along(struct abi_call *call, void *state)
{
	const struct abi_vfio_device_detach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT);
	struct abi_vfio_device_detach_iommufd_pt rid = { .argsz = 8 };

	(void)state;
	abi_call_real(call);
	if (at && at->flags & ABI_VFIO_DEVICE_DETACH_PASID)
		other_ioctl(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &rid);
}

static void rid_takes_pasid_along(struct abi_call *call, void *state)
{
	uint32_t *pasid = state;
	const struct abi_vfio_device_attach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	const struct abi_vfio_device_detach_iommufd_pt *detach =
		argument_of(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT);
	struct abi_vfio_device_detach_iommufd_pt along = {
		.argsz = sizeof(along),
		.flags = ABI_VFIO_DEVICE_DETACH_PASID,
	};

	abi_call_real(call);
	if (at && at->flags)
		*pasid = at->pasid;
	along.pasid = *pasid;
	if (detach && !detach->flags && *pasid)
		other_ioctl(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT, &along);
}

/* The HWPT that was made or found for an IOAS is not told. */
static void forget_hwpt(struct abi_call *call, void *state)
{
	struct abi_vfio_device_attach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	uint32_t pt_id = at ? at->pt_id : 0;

	(void)state;
	if (!abi_call_real(call) && at)
		at->pt_id = pt_id;
}

/* Attached to an IOAS, a device gets a HWPT that stays when it leaves. */
static void keep_auto(struct abi_call *call, void *state)
{
	const struct abi_device *d = device_of(call);
	int32_t *iommufd = state; /* 1 more */
	const struct abi_vfio_device_bind_iommufd *bind =
		argument_of(call, ABI_VFIO_DEVICE_BIND_IOMMUFD);
	const struct abi_vfio_device_attach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_ATTACH_IOMMUFD_PT);
	struct abi_iommu_hwpt_alloc alloc = { .size = sizeof(alloc) };
	struct abi_call other = *call;

	if (at && !at->flags && d && *iommufd) {
		alloc.dev_id = d->devid;
		alloc.pt_id = at->pt_id;
		other.fd = *iommufd - 1;
		if (!other_ioctl(&other, ABI_IOMMU_HWPT_ALLOC, &alloc)) {
			((struct abi_vfio_device_attach_iommufd_pt *)call->argument)->pt_id =
				alloc.out_hwpt_id;
		}
	}
	abi_call_real(call);
	if (bind && !call->rc)
		*iommufd = bind->iommufd + 1;
}

/* ---- ownership --------------------------------------------------------------------------------- */

/* Bound, and the group's default domain is back. */
static void drop_ownership(struct abi_call *call, void *state)
{
	const struct abi_device *d = device_of(call);

	(void)state;
	if (!abi_call_real(call) && d && argument_of(call, ABI_VFIO_DEVICE_BIND_IOMMUFD))
		uiommu_device_release_dma_owner(d->dev);
}

/* The same once nothing is attached any more, although the file is still open. */
static void drop_ownership_at_detach(struct abi_call *call, void *state)
{
	const struct abi_vfio_device_detach_iommufd_pt *at =
		argument_of(call, ABI_VFIO_DEVICE_DETACH_IOMMUFD_PT);
	const struct abi_device *d = device_of(call);

	(void)state;
	if (!abi_call_real(call) && d && at && !at->flags)
		uiommu_device_release_dma_owner(d->dev);
}

/* ---- dirty pages ------------------------------------------------------------------------------- */

static void shift_dirty(struct abi_call *call, void *state)
{
	const struct abi_iommu_hwpt_get_dirty_bitmap *get =
		argument_of(call, ABI_IOMMU_HWPT_GET_DIRTY_BITMAP);
	unsigned char *bits, carry = 0;

	(void)state;
	if (abi_call_real(call) || !get || !get->page_size)
		return;
	bits = (void *)(uintptr_t)get->data;
	for (uint64_t i = 0; i < (get->length / get->page_size + 7) / 8; i++) {
		unsigned char was = bits[i];

		bits[i] = (unsigned char)(was << 1 | carry);
		carry = was >> 7;
	}
}

static void clear_always(struct abi_call *call, void *state)
{
	const struct abi_iommu_hwpt_get_dirty_bitmap *get =
		argument_of(call, ABI_IOMMU_HWPT_GET_DIRTY_BITMAP);
	struct abi_iommu_hwpt_get_dirty_bitmap other;

	(void)state;
	if (!get) {
		abi_call_real(call);
		return;
	}
	other = *get;
	other.flags = 0;
	call->rc = other_ioctl(call, ABI_IOMMU_HWPT_GET_DIRTY_BITMAP, &other);
}

/* ---- page requests ----------------------------------------------------------------------------- */

static bool is_response(const struct abi_call *call)
{
	return call->op == ABI_WRITE && call->size == sizeof(struct abi_iommu_hwpt_page_response) &&
	       (uintptr_t)call->buffer > 0xffff;
}

/* A response to one group goes to the next, or to nobody. */
static void answer_another(struct abi_call *call, void *state)
{
	const struct abi_iommu_hwpt_page_response *response = call->buffer;
	struct abi_iommu_hwpt_page_response other;
	struct abi_call wrong = *call;

	(void)state;
	if (!is_response(call)) {
		abi_call_real(call);
		return;
	}
	other = *response;
	other.cookie ^= 1;
	wrong.buffer = &other;
	call->rc = abi_call_real(&wrong);
}

static void answer_success(struct abi_call *call, void *state)
{
	const struct abi_iommu_hwpt_page_response *response = call->buffer;
	struct abi_iommu_hwpt_page_response other;
	struct abi_call wrong = *call;

	(void)state;
	if (!is_response(call) || response->code > 1) {
		abi_call_real(call);
		return;
	}
	other = *response;
	other.code = 0;
	wrong.buffer = &other;
	call->rc = abi_call_real(&wrong);
}

/* ---- files ------------------------------------------------------------------------------------- */

/* A group that is open is opened once more: a copy of its descriptor. */
struct opened {
	int fd; /* 1 more */
};

static void open_group_again(struct abi_call *call, void *state)
{
	struct opened *group = state;
	bool is_group = call->op == ABI_OPEN && !strncmp(call->path, "/dev/vfio/", 10) &&
			call->path[10] >= '0' && call->path[10] <= '9';
	struct abi_call dup = *call;

	abi_call_real(call);
	if (!is_group)
		return;
	if (call->rc >= 0) {
		group->fd = (int)call->rc + 1;
	} else if (call->rc == -UIOMMU_EBUSY && group->fd) {
		dup.op = ABI_DUP;
		dup.fd = group->fd - 1;
		call->rc = abi_call_real(&dup);
	}
}

/* What a struct has beyond what is known is not looked at. */
static void ignore_tail(struct abi_call *call, void *state)
{
	unsigned char copy[4096];
	uint32_t size;

	(void)state;
	abi_call_real(call);
	if (call->rc != -UIOMMU_E2BIG || call->op != ABI_IOCTL)
		return;
	memcpy(&size, (void *)call->argument, sizeof(size));
	if (size > sizeof(copy))
		return;
	/* The smallest size that is taken is what is known. */
	memcpy(copy, (void *)call->argument, size);
	for (uint32_t less = size - 4; less >= 8 && call->rc == -UIOMMU_E2BIG; less -= 4) {
		memcpy(copy, &less, sizeof(less));
		call->rc = other_ioctl(call, call->command, copy);
	}
}

/* ---- containers -------------------------------------------------------------------------------- */

static void type1_says_more(struct abi_call *call, void *state)
{
	struct abi_vfio_iommu_type1_dma_unmap *unmap = argument_of(call, ABI_VFIO_IOMMU_UNMAP_DMA);

	(void)state;
	if (!abi_call_real(call) && unmap)
		unmap->size += ABI_PAGE;
}

static void type1_pin_leak(struct abi_call *call, void *state)
{
	const struct abi_vfio_iommu_type1_dma_map *map = argument_of(call, ABI_VFIO_IOMMU_MAP_DMA);
	uiommu_phys_t phys;

	(void)state;
	if (!abi_call_real(call) && map && map->flags & 3)
		uiommu_port_user_pin(host_of(call), map->vaddr, 1, true, &phys);
}

#define USER .user = true
#define FRONT(call) USER, .front = call
#define ANSWER(what, from, to)                                                               \
	USER, .answer = {                                                                    \
		.op = ABI_IOCTL, .command = ABI_##what, .right = -UIOMMU_##from, .wrong = to \
	}
#define HOOK(operation, call) .hooks = { { .op = WRAP_##operation, .hook = call } }, .num_hooks = 1
#define STATE(type) .state_size = sizeof(type)
/* Where pages that were written are recorded, devices have PASIDs, or ask for pages. */
#define DIRTY                                   \
	{                                       \
		{ "vtd@*", "scalable-second" }, \
		{                               \
			"smmuv3@*", "dirty"     \
		}                               \
	}
#define PASID                                   \
	{                                       \
		{ "vtd@*", "scalable-second" }, \
		{                               \
			"smmuv3@*", "stage1"    \
		}                               \
	}
#define ASKS                              \
	{                                 \
		{ "vtd@*", "pri" },       \
		{                         \
			"smmuv3@*", "pri" \
		}                         \
	}

const struct conform_saboteur conform_saboteurs_uapi[] = {
	{ "uapi-pin-leak", "every page that a mapping pins is unpinned with it", "legacy",
	  FRONT(pin_twice) },
	{ "uapi-pin-leak-failed-map", "a MAP that fails leaves no page pinned", "legacy",
	  FRONT(pin_of_failed_map) },
	{ "uapi-unpin-before-flush", "pages are unpinned when no cache leads to them any more",
	  "legacy", FRONT(flush_after_unpin), HOOK(SYNC, hold_sync), STATE(struct late) },
	{ "uapi-unmap-no-flush", "after UNMAP no cache leads to what was mapped", "legacy", USER,
	  HOOK(SYNC, never_sync) },
	{ "uapi-charged-twice", "a page that is mapped once is pinned and charged once", "legacy",
	  FRONT(charge_twice), STATE(struct shadow) },
	{ "uapi-limit-ignored", "no more memory is pinned than the limit says", "legacy",
	  FRONT(ignore_limit) },
	{ "uapi-unmap-past-end", "UNMAP takes away what is in its range and no more", "legacy",
	  FRONT(unmap_past_the_end) },
	{ "uapi-unmap-says-more", "UNMAP copies back how many bytes went", "legacy",
	  FRONT(say_more_is_gone) },
	{ "uapi-unmap-says-all", "a hole in UNMAP's range does not count as unmapped", "legacy",
	  FRONT(say_all_is_gone) },
	{ "uapi-unmap-cut-pretends", "a range that cuts a mapping is refused", "legacy",
	  FRONT(cut_pretends), STATE(uint64_t) },
	{ "uapi-map-overwrites", "MAP does not take the place of what is mapped", "legacy",
	  FRONT(overwrite) },
	{ "uapi-map-writable", "what is mapped for reading cannot be written", "legacy",
	  FRONT(map_writable) },
	{ "uapi-copy-writable", "nor can a copy of it", "legacy", FRONT(copy_writable) },
	{ "uapi-map-no-iova", "MAP copies back the address that it chose", "legacy",
	  FRONT(forget_choice) },
	{ "uapi-map-chooses-reserved", "MAP chooses no address that is reserved", "legacy",
	  FRONT(choose_reserved) },
	{ "uapi-map-reserved-pretends", "MAP at a reserved address is refused", "legacy",
	  ANSWER(IOMMU_IOAS_MAP, EINVAL, 0) },
	{ "uapi-ranges-reserved", "IOVA_RANGES leaves out what is reserved", "legacy",
	  FRONT(hide_reserved) },
	{ "uapi-map-first-domain", "MAP reaches every domain of the IOAS", "legacy",
	  FRONT(note_command), HOOK(MAP, map_first_domain), STATE(struct several) },
	{ "uapi-unmap-first-domain", "so does UNMAP", "legacy", FRONT(note_command),
	  HOOK(UNMAP, unmap_first_domain), STATE(struct several) },
	{ "uapi-no-replay", "a domain that comes to an IOAS gets what is mapped in it", "legacy",
	  FRONT(note_command), HOOK(MAP, replay_nothing), STATE(struct several) },
	{ "uapi-replace-two-steps", "replacing has no moment, and no failure, without translation",
	  "legacy", FRONT(replace_in_two_steps) },
	{ "uapi-replace-pretends", "an ATTACH over another one takes its place", "legacy",
	  FRONT(replace_pretends), STATE(bool) },
	{ "uapi-detach-pretends", "after DETACH nothing is reached", "legacy",
	  FRONT(detach_pretends) },
	{ "uapi-pasid-takes-rid", "detaching a PASID leaves the RID alone", NULL,
	  FRONT(pasid_takes_rid_along), .places = PASID },
	{ "uapi-rid-takes-pasid", "detaching the RID leaves PASIDs alone", NULL,
	  FRONT(rid_takes_pasid_along), STATE(uint32_t), .places = PASID },
	{ "uapi-attach-no-hwpt", "ATTACH to an IOAS copies back which HWPT it took", "legacy",
	  FRONT(forget_hwpt) },
	{ "uapi-auto-hwpt-stays", "an automatic HWPT goes with its last device", "legacy",
	  FRONT(keep_auto), STATE(int32_t) },
	{ "uapi-owner-dropped", "while a device is bound its group is nobody else's", "legacy",
	  FRONT(drop_ownership) },
	{ "uapi-owner-dropped-at-detach", "also when nothing is attached any more", "legacy",
	  FRONT(drop_ownership_at_detach) },
	{ "uapi-destroy-in-use", "what somebody uses is not destroyed", "legacy",
	  ANSWER(IOMMU_DESTROY, EBUSY, 0) },
	{ "uapi-dirty-shifted", "bit n of the bitmap is the nth page of the range", NULL,
	  FRONT(shift_dirty), .places = DIRTY },
	{ "uapi-dirty-cleared", "with NO_CLEAR pages stay recorded", NULL, FRONT(clear_always),
	  .places = DIRTY },
	{ "uapi-dirty-anyway", "without the flag a HWPT records nothing", "legacy",
	  ANSWER(IOMMU_HWPT_SET_DIRTY_TRACKING, EOPNOTSUPP, 0) },
	{ "uapi-answer-another", "a response is for the group that it names", NULL,
	  FRONT(answer_another), .places = ASKS },
	{ "uapi-answer-success", "a response has the code that it was given", NULL,
	  FRONT(answer_success), .places = ASKS },
	{ "uapi-ebadf", "BIND says EBADFD to a file that is no iommufd", "legacy", USER,
	  .answer = { ABI_IOCTL, ABI_VFIO_DEVICE_BIND_IOMMUFD, -ABI_EBADFD, -ABI_EBADF } },
	{ "uapi-bind-twice", "a device is bound once", "legacy",
	  ANSWER(VFIO_DEVICE_BIND_IOMMUFD, EINVAL, 0) },
	{ "uapi-tail-ignored", "what a struct says beyond what is known is refused", "legacy",
	  FRONT(ignore_tail) },
	{ "uapi-flags-ignored", "an unknown flag of MAP is refused", "legacy",
	  ANSWER(IOMMU_IOAS_MAP, EOPNOTSUPP, 0) },
	{ "uapi-driver-beside-owner", "no other driver gets a device of an owned group", "legacy",
	  USER, .answer = { ABI_BIND_DRIVER, 0, -UIOMMU_EBUSY, 0 } },
	{ "uapi-group-twice", "a group is opened once", "legacy", FRONT(open_group_again),
	  STATE(struct opened) },
	{ "uapi-container-mixed", "real groups and those without IOMMU share no container",
	  "legacy", ANSWER(VFIO_GROUP_SET_CONTAINER, EPERM, 0) },
	{ "uapi-container-anyway", "a group that does not fit a container's mappings stays out",
	  "legacy", ANSWER(VFIO_GROUP_SET_CONTAINER, EINVAL, 0) },
	{ "uapi-set-iommu-twice", "a container gets one IOMMU", "legacy",
	  ANSWER(VFIO_SET_IOMMU, EINVAL, 0) },
	{ "uapi-type1-overlap", "MAP_DMA does not take the place of what is mapped", "legacy",
	  ANSWER(VFIO_IOMMU_MAP_DMA, EEXIST, 0) },
	{ "uapi-type1-entries", "a container has so many mappings at most", "legacy",
	  ANSWER(VFIO_IOMMU_MAP_DMA, ENOSPC, 0) },
	{ "uapi-type1-cut-pretends", "a range that cuts a mapping is refused", "legacy",
	  ANSWER(VFIO_IOMMU_UNMAP_DMA, EINVAL, 0) },
	{ "uapi-type1-says-more", "UNMAP_DMA copies back how many bytes went", "legacy",
	  FRONT(type1_says_more) },
	{ "uapi-type1-pin-leak", "every page that MAP_DMA pins is unpinned with it", "legacy",
	  FRONT(type1_pin_leak) },
	{ 0 },
};
