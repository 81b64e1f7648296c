/* SPDX-License-Identifier: MIT */
/*
 * device.c - devices of an iommufd context: binding, attaching, replacing
 *
 * The core attaches groups.  The first member of a group that attaches itself takes the whole group along; the
 * others then have to name the same HWPT, and the last one to detach ends it.  A PASID is likewise.
 */
#include "src/uapi/iommufd.h"

/* A PASID, or the RID, that the device has attached itself. */
struct iommufd_attachment {
	struct iommufd_attachment *next;
	uiommu_pasid_t pasid;
};

static struct uiommu_uapi *uapi_of(const struct iommufd_device *device)
{
	return device->object.ctx->uapi;
}

static struct iommufd_attach *find_attach(const struct iommufd_group *group, uiommu_pasid_t pasid)
{
	struct iommufd_attach *attach = group->attached;

	while (attach && attach->pasid != pasid)
		attach = attach->next;
	return attach;
}

static bool has_attached(const struct iommufd_device *device, uiommu_pasid_t pasid)
{
	for (const struct iommufd_attachment *a = device->attachments; a; a = a->next) {
		if (a->pasid == pasid)
			return true;
	}
	return false;
}

static bool any_pasid(const struct iommufd_group *group)
{
	for (const struct iommufd_attach *attach = group->attached; attach; attach = attach->next) {
		if (attach->pasid != UIOMMU_RID)
			return true;
	}
	return false;
}

/* A HWPT that devices share RID and PASIDs with has to be made for it, on either side. */
static int check_pasid(const struct iommufd_device *device, uiommu_pasid_t pasid,
		       const struct iommufd_hwpt *hwpt)
{
	const struct iommufd_attach *rid;
	int rc = uiommu_iommufd_viommu_check_attach(device, hwpt);

	if (!rc && hwpt->fault)
		rc = uiommu_iommufd_fault_check(device);
	if (rc)
		return rc;
	if (pasid == UIOMMU_RID)
		return hwpt->pasid || !any_pasid(device->group) ? 0 : -UIOMMU_EINVAL;
	rid = find_attach(device->group, UIOMMU_RID);
	return hwpt->pasid && (!rid || rid->hwpt->pasid) ? 0 : -UIOMMU_EINVAL;
}

struct iommufd_hwpt *uiommu_iommufd_device_hwpt(const struct iommufd_device *device,
						uiommu_pasid_t pasid)
{
	const struct iommufd_attach *attach = find_attach(device->group, pasid);

	return attach ? attach->hwpt : NULL;
}

/* ---- reserved regions -------------------------------------------------------------------------- */

static struct iommufd_ioas *ioas_of(const struct iommufd_hwpt *hwpt)
{
	return hwpt->ioas ? hwpt->ioas : hwpt->parent->ioas;
}

#define MAX_REGIONS 128u

/* Messages pass an IOMMU or are translated by it: a driver that says both would have us map what nobody reaches. */
static int check_windows(const struct uiommu_resv_region *regions, size_t count)
{
	unsigned int hardware = 0, software = 0;

	for (size_t i = 0; i < count; i++) {
		hardware += regions[i].type == UIOMMU_RESV_MSI;
		software += regions[i].type == UIOMMU_RESV_SW_MSI;
	}
	return software > 1 || (software && hardware) ? -UIOMMU_EINVAL : 0;
}

/*
 * What the group's devices may not have mapped.  The core tells regions by group; the device is the owner, so that
 * they go with it.
 */
static int reserve_regions(struct iommufd_device *device, struct iommufd_ioas *ioas)
{
	struct uiommu_resv_region regions[MAX_REGIONS];
	size_t count;
	int rc = uiommu_group_resv_regions(device->group->group, regions, MAX_REGIONS, &count);

	if (!rc && count > MAX_REGIONS)
		rc = -UIOMMU_ENOMEM;
	if (!rc)
		rc = check_windows(regions, count);
	for (size_t i = 0; !rc && i < count; i++) {
		if (regions[i].type == UIOMMU_RESV_DIRECT_RELAXABLE)
			continue;
		rc = uiommu_iommufd_reserve(ioas, regions[i].start, regions[i].last, device);
	}
	if (rc)
		uiommu_iommufd_unreserve(ioas, device);
	return rc;
}

/* ---- doorbells --------------------------------------------------------------------------------- */

/* A guest's stage sees them where the stage below has them. */
static struct uiommu_domain *doorbells_of(const struct iommufd_hwpt *hwpt)
{
	return hwpt->ioas ? hwpt->domain : hwpt->parent->domain;
}

static int map_doorbells(struct iommufd_device *device, const struct iommufd_hwpt *hwpt)
{
	const struct uapi_msi *msi = &device->object.ctx->msi;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < msi->count; i++) {
		if (device->group->doorbells >> i & 1)
			rc = uiommu_uapi_msi_map(msi, device->group->group, doorbells_of(hwpt), i);
	}
	return rc;
}

static int msi_locked(struct iommufd_device *device, uint64_t *address)
{
	const struct iommufd_attach *attach = find_attach(device->group, UIOMMU_RID);
	struct uiommu_group *group = device->group->group;
	struct uapi_msi *msi = &device->object.ctx->msi;
	uiommu_iova_t iova;
	int number, rc = 0;

	if (!uiommu_uapi_msi_iova(group, 0, &iova))
		return 0;
	number = uiommu_uapi_msi_number(msi, *address);
	if (number < 0 || !uiommu_uapi_msi_iova(group, (unsigned int)number, &iova))
		return -UIOMMU_EOVERFLOW;
	if (attach)
		rc = uiommu_uapi_msi_map(msi, group, doorbells_of(attach->hwpt),
					 (unsigned int)number);
	if (rc)
		return rc;
	device->group->doorbells |= UINT64_C(1) << number;
	*address = iova + *address % UAPI_PAGE;
	return 0;
}

int uiommu_iommufd_device_msi(struct iommufd_device *device, uint64_t *address)
{
	struct iommufd *ctx = device->object.ctx;
	int rc;

	iommufd_lock(ctx);
	rc = msi_locked(device, address);
	iommufd_unlock(ctx);
	return rc;
}

/* ---- attaching --------------------------------------------------------------------------------- */

static void put_hwpt(struct iommufd_hwpt *hwpt)
{
	hwpt->object.users--;
	if (hwpt->automatic && !hwpt->object.users)
		uiommu_iommufd_object_destroy(&hwpt->object);
}

/* Messages carry no PASID: their doorbells are needed where the RID goes. */
static int core_attach(struct iommufd_device *device, struct iommufd_attach *attach)
{
	struct uiommu_domain *domain = attach->hwpt->domain;
	int rc;

	if (attach->pasid != UIOMMU_RID)
		return uiommu_attach_device_pasid(domain, device->dev, attach->pasid,
						  &attach->handle);
	rc = map_doorbells(device, attach->hwpt);
	return rc ? rc : uiommu_attach_group_handle(domain, device->group->group, &attach->handle);
}

static int core_replace(struct iommufd_device *device, struct iommufd_attach *attach)
{
	struct uiommu_domain *domain = attach->hwpt->domain;
	int rc;

	if (attach->pasid != UIOMMU_RID)
		return uiommu_replace_device_pasid(domain, device->dev, attach->pasid,
						   &attach->handle);
	rc = map_doorbells(device, attach->hwpt);
	return rc ? rc : uiommu_replace_group_handle(device->group->group, domain, &attach->handle);
}

static void core_detach(struct iommufd_device *device, struct iommufd_attach *attach)
{
	if (attach->pasid == UIOMMU_RID)
		uiommu_detach_group_handle(attach->hwpt->domain, device->group->group);
	else
		uiommu_detach_device_pasid(attach->hwpt->domain, device->dev, attach->pasid);
}

/* The device's first attachment of this PASID. */
static int attach_hwpt(struct iommufd_device *device, uiommu_pasid_t pasid,
		       struct iommufd_hwpt *hwpt)
{
	struct iommufd_attach *attach = find_attach(device->group, pasid), *made = NULL;
	struct uiommu_uapi *uapi = uapi_of(device);
	struct iommufd_attachment *mine;
	int rc = check_pasid(device, pasid, hwpt);

	if (!rc && attach && attach->hwpt != hwpt)
		rc = -UIOMMU_EINVAL;
	if (rc)
		return rc;
	mine = uapi_alloc(uapi, sizeof(*mine));
	if (!mine)
		return -UIOMMU_ENOMEM;
	mine->pasid = pasid;
	if (pasid == UIOMMU_RID) {
		rc = reserve_regions(device, ioas_of(hwpt));
		if (rc)
			goto err;
	}
	if (!attach) {
		made = uapi_alloc(uapi, sizeof(*made));
		rc = made ? 0 : -UIOMMU_ENOMEM;
		if (!rc) {
			made->pasid = pasid;
			made->hwpt = hwpt;
			made->first = device->dev;
			rc = core_attach(device, made);
		}
		if (rc)
			goto err_resv;
		made->next = device->group->attached;
		device->group->attached = made;
		attach = made;
	}
	attach->devices++;
	hwpt->object.users++;
	mine->next = device->attachments;
	device->attachments = mine;
	return 0;
err_resv:
	uapi_free(uapi, made, sizeof(*made));
	if (pasid == UIOMMU_RID)
		uiommu_iommufd_unreserve(ioas_of(hwpt), device);
err:
	uapi_free(uapi, mine, sizeof(*mine));
	return rc;
}

/* Every device of the group that is attached to @attach's HWPT, which is the context's object. */
static struct iommufd_device *next_member(struct iommufd *ctx, const struct iommufd_group *group,
					  uiommu_pasid_t pasid, uint32_t *from)
{
	while (*from < ctx->capacity) {
		struct iommufd_object *object = ctx->objects[(*from)++];

		if (object && object->type == IOMMUFD_DEVICE &&
		    iommufd_to_device(object)->group == group &&
		    has_attached(iommufd_to_device(object), pasid))
			return iommufd_to_device(object);
	}
	return NULL;
}

static void unreserve_members(struct iommufd_device *device, struct iommufd_ioas *ioas)
{
	struct iommufd_device *member;
	uint32_t from = 0;

	while ((member = next_member(device->object.ctx, device->group, UIOMMU_RID, &from)))
		uiommu_iommufd_unreserve(ioas, member);
}

static int reserve_members(struct iommufd_device *device, struct iommufd_ioas *ioas)
{
	struct iommufd_device *member;
	uint32_t from = 0;
	int rc = 0;

	while (!rc && (member = next_member(device->object.ctx, device->group, UIOMMU_RID, &from)))
		rc = reserve_regions(member, ioas);
	if (rc)
		unreserve_members(device, ioas);
	return rc;
}

/* All attached members move from one HWPT to another, or none. */
static int replace_hwpt(struct iommufd_device *device, uiommu_pasid_t pasid,
			struct iommufd_hwpt *hwpt)
{
	struct iommufd_attach *attach = find_attach(device->group, pasid), *made, **link;
	struct iommufd_hwpt *old = attach->hwpt;
	struct uiommu_uapi *uapi = uapi_of(device);
	bool moves = ioas_of(hwpt) != ioas_of(old) && pasid == UIOMMU_RID;
	int rc;

	if (hwpt == old)
		return 0;
	rc = check_pasid(device, pasid, hwpt);
	if (rc)
		return rc;
	made = uapi_alloc(uapi, sizeof(*made));
	if (!made)
		return -UIOMMU_ENOMEM;
	*made = (struct iommufd_attach){
		.pasid = pasid,
		.hwpt = hwpt,
		.first = device->dev,
		.devices = attach->devices,
		.next = attach->next,
	};
	rc = moves ? reserve_members(device, ioas_of(hwpt)) : 0;
	if (!rc) {
		rc = core_replace(device, made);
		if (rc && moves)
			unreserve_members(device, ioas_of(hwpt));
	}
	if (rc) {
		uapi_free(uapi, made, sizeof(*made));
		return rc;
	}
	if (moves)
		unreserve_members(device, ioas_of(old));
	for (link = &device->group->attached; *link != attach; link = &(*link)->next)
		;
	*link = made;
	uapi_free(uapi, attach, sizeof(*attach));
	hwpt->object.users += made->devices;
	old->object.users -= made->devices - 1;
	put_hwpt(old);
	return 0;
}

static int change_hwpt(struct iommufd_device *device, uiommu_pasid_t pasid,
		       struct iommufd_hwpt *hwpt)
{
	return has_attached(device, pasid) ? replace_hwpt(device, pasid, hwpt) :
					     attach_hwpt(device, pasid, hwpt);
}

/* An automatic HWPT of the IOAS that takes the device, or a new one. */
static int change_auto(struct iommufd_device *device, uiommu_pasid_t pasid,
		       struct iommufd_ioas *ioas, uint32_t *pt_id)
{
	struct iommufd_hwpt *hwpt;
	int rc;

	for (hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		if (!hwpt->automatic)
			continue;
		rc = change_hwpt(device, pasid, hwpt);
		if (rc == -UIOMMU_EINVAL)
			continue;
		if (!rc)
			*pt_id = hwpt->object.id;
		return rc;
	}
	rc = uiommu_iommufd_hwpt_create(ioas, device, 0, true, &hwpt);
	if (rc)
		return rc;
	rc = change_hwpt(device, pasid, hwpt);
	if (rc)
		uiommu_iommufd_object_destroy(&hwpt->object);
	else
		*pt_id = hwpt->object.id;
	return rc;
}

int uiommu_iommufd_device_attach(struct iommufd_device *device, uiommu_pasid_t pasid,
				 uint32_t *pt_id)
{
	struct iommufd *ctx = device->object.ctx;
	struct iommufd_object *pt;
	int rc;

	iommufd_lock(ctx);
	pt = uiommu_iommufd_object_find(ctx, *pt_id, IOMMUFD_ANY);
	if (!pt)
		rc = -UIOMMU_ENOENT;
	else if (pt->type == IOMMUFD_IOAS)
		rc = change_auto(device, pasid, iommufd_to_ioas(pt), pt_id);
	else if (pt->type == IOMMUFD_HWPT_PAGING || pt->type == IOMMUFD_HWPT_NESTED)
		rc = change_hwpt(device, pasid, iommufd_to_hwpt(pt));
	else
		rc = -UIOMMU_EINVAL;
	iommufd_unlock(ctx);
	return rc;
}

static void detach_locked(struct iommufd_device *device, uiommu_pasid_t pasid)
{
	struct iommufd_attach *attach = find_attach(device->group, pasid), **link;
	struct iommufd_attachment **mine = &device->attachments, *gone;
	struct iommufd_hwpt *hwpt;

	while (*mine && (*mine)->pasid != pasid)
		mine = &(*mine)->next;
	gone = *mine;
	if (!gone)
		return;
	*mine = gone->next;
	uapi_free(uapi_of(device), gone, sizeof(*gone));
	hwpt = attach->hwpt;
	if (!--attach->devices) {
		core_detach(device, attach);
		for (link = &device->group->attached; *link != attach; link = &(*link)->next)
			;
		*link = attach->next;
		uapi_free(uapi_of(device), attach, sizeof(*attach));
	}
	if (pasid == UIOMMU_RID)
		uiommu_iommufd_unreserve(ioas_of(hwpt), device);
	put_hwpt(hwpt);
}

void uiommu_iommufd_device_detach(struct iommufd_device *device, uiommu_pasid_t pasid)
{
	struct iommufd *ctx = device->object.ctx;

	iommufd_lock(ctx);
	detach_locked(device, pasid);
	iommufd_unlock(ctx);
}

/* ---- binding ----------------------------------------------------------------------------------- */

static struct iommufd_group *group_get(struct iommufd *ctx, struct uiommu_group *core)
{
	struct iommufd_group *group = ctx->groups;

	while (group && group->group != core)
		group = group->next;
	if (!group) {
		group = uapi_alloc(ctx->uapi, sizeof(*group));
		if (!group)
			return NULL;
		group->group = core;
		group->next = ctx->groups;
		ctx->groups = group;
	}
	group->devices++;
	return group;
}

static void group_put(struct iommufd *ctx, struct iommufd_group *group)
{
	struct iommufd_group **link = &ctx->groups;

	if (--group->devices)
		return;
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	uapi_free(ctx->uapi, group, sizeof(*group));
}

/* A device lives until it is unbound: the number alone never ends it. */
static void device_destroy(struct iommufd_object *object)
{
	struct iommufd_device *device = iommufd_to_device(object);
	struct iommufd *ctx = object->ctx;
	struct uiommu_group *core = device->group->group;

	group_put(ctx, device->group);
	uiommu_device_release_dma_owner(device->dev);
	uiommu_group_put(core);
	uapi_free(ctx->uapi, device, sizeof(*device));
}

static int bind_locked(struct iommufd *ctx, struct uiommu_device *dev, struct uiommu_group *core,
		       struct iommufd_device **out)
{
	struct iommufd_device *device;
	int rc;

	device = uapi_alloc(ctx->uapi, sizeof(*device));
	if (!device)
		return -UIOMMU_ENOMEM;
	rc = uiommu_device_claim_dma_owner(dev, ctx);
	if (rc)
		goto err_free;
	device->dev = dev;
	device->object.ctx = ctx;
	device->group = group_get(ctx, core);
	rc = device->group ? 0 : -UIOMMU_ENOMEM;
	if (rc)
		goto err_owner;
	rc = uiommu_iommufd_object_add(ctx, &device->object, IOMMUFD_DEVICE, device_destroy);
	if (rc)
		goto err_group;
	/* The one who has bound it. */
	device->object.users = 1;
	*out = device;
	return 0;
err_group:
	group_put(ctx, device->group);
err_owner:
	uiommu_device_release_dma_owner(dev);
err_free:
	uapi_free(ctx->uapi, device, sizeof(*device));
	return rc;
}

static int visit_not_isolated(struct uiommu_device *dev, void *context)
{
	const struct uiommu_uapi_config *config = context;

	return !config->isolated_msi(config->context, dev);
}

/* Of all members: they can send each other's messages. */
static bool may_interrupt(struct uiommu_uapi *uapi, struct uiommu_group *core)
{
	return !uapi->config.isolated_msi || uapi_option(&uapi->config.allow_unsafe_interrupts) ||
	       !uiommu_group_for_each_device(core, visit_not_isolated, &uapi->config);
}

int uiommu_iommufd_device_bind(struct iommufd *ctx, struct uiommu_device *dev,
			       struct iommufd_device **out)
{
	struct uiommu_group *core;
	int rc;

	*out = NULL;
	if (!uiommu_device_capable(dev, UIOMMU_CAP_CACHE_COHERENCY))
		return -UIOMMU_EINVAL;
	core = uiommu_group_get(dev);
	if (!core)
		return -UIOMMU_ENODEV;
	if (!may_interrupt(ctx->uapi, core)) {
		uiommu_group_put(core);
		return -UIOMMU_EPERM;
	}
	iommufd_lock(ctx);
	rc = bind_locked(ctx, dev, core, out);
	if (!rc)
		iommufd_get(ctx);
	iommufd_unlock(ctx);
	if (rc)
		uiommu_group_put(core);
	return rc;
}

void uiommu_iommufd_device_unbind(struct iommufd_device *device)
{
	struct iommufd *ctx = device->object.ctx;

	iommufd_lock(ctx);
	for (struct iommufd_attachment *a = device->attachments, *next; a; a = next) {
		next = a->next;
		if (a->pasid != UIOMMU_RID)
			detach_locked(device, a->pasid);
	}
	detach_locked(device, UIOMMU_RID);
	uiommu_iommufd_vdevice_orphan(device);
	device->object.users--;
	uiommu_iommufd_object_destroy(&device->object);
	iommufd_unlock(ctx);
	iommufd_put(ctx);
}

/* As much of @length bytes as the program has room for, and zeros behind them. */
static int write_whole(struct uiommu_uapi *uapi, uint64_t to, uint32_t room, const void *data,
		       size_t length)
{
	static const unsigned char zeros[64];
	size_t done = length < room ? length : room;
	int rc = done ? uapi_write_user(uapi, to, data, done) : 0;

	while (!rc && done < room) {
		size_t piece = room - done < sizeof(zeros) ? room - done : sizeof(zeros);

		rc = uapi_write_user(uapi, to + done, zeros, piece);
		done += piece;
	}
	return rc;
}

int uiommu_iommufd_cmd_get_hw_info(struct iommufd_command *command)
{
	struct abi_iommu_hw_info *arg = command->argument;
	struct iommufd_object *object;
	struct uiommu_device *dev;
	unsigned char data[64];
	size_t length = sizeof(data);
	uint32_t pasids, bits = 0;
	int rc;

	if (arg->flags & ~(uint32_t)ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE || arg->reserved[0] ||
	    arg->reserved[1] || arg->reserved[2])
		return -UIOMMU_EOPNOTSUPP;
	if (!(arg->flags & ABI_IOMMU_HW_INFO_FLAG_INPUT_TYPE) && arg->data_type)
		return -UIOMMU_EOPNOTSUPP;
	object = uiommu_iommufd_object_find(command->ctx, arg->dev_id, IOMMUFD_DEVICE);
	if (!object)
		return -UIOMMU_ENOENT;
	dev = iommufd_to_device(object)->dev;
	rc = uiommu_device_hw_info(dev, &arg->data_type, data, &length);
	if (!rc)
		rc = write_whole(command->ctx->uapi, arg->data_uptr, arg->data_len, data, length);
	if (rc)
		return rc;
	pasids = uiommu_device_max_pasids(dev);
	while (pasids >> (bits + 1))
		bits++;
	arg->data_len = (uint32_t)length;
	arg->out_max_pasid_log2 = (uint8_t)bits;
	arg->out_capabilities = (uiommu_device_capable(dev, UIOMMU_CAP_DIRTY_TRACKING) ?
					 ABI_IOMMU_HW_CAP_DIRTY_TRACKING :
					 0) |
				(uiommu_device_capable(dev, UIOMMU_CAP_ATS) ?
					 0 :
					 ABI_IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED);
	return uiommu_iommufd_copy_back(command);
}
