/* SPDX-License-Identifier: MIT */
/*
 * iommufd.c - contexts: their objects, and how a command finds its handler
 *
 * Every command's struct begins with its size as the program knows it.  A program may be older than we are (the rest
 * counts as zero) or newer (what we do not know has to be zero).
 */
#include "src/uapi/vfio.h"
#include "src/uapi/viommu.h"

/* ---- objects ----------------------------------------------------------------------------------- */

int uiommu_iommufd_object_add(struct iommufd *ctx, struct iommufd_object *object,
			      enum iommufd_type type,
			      void (*destroy)(struct iommufd_object *object))
{
	uint32_t id = ctx->lowest ? ctx->lowest : 1;

	while (id < ctx->capacity && ctx->objects[id])
		id++;
	if (id > INT32_MAX)
		return -UIOMMU_ENOSPC;
	if (id >= ctx->capacity) {
		uint32_t capacity = ctx->capacity ? 2 * ctx->capacity : 16;
		struct iommufd_object **grown =
			uapi_alloc(ctx->uapi, capacity * sizeof(struct iommufd_object *));

		if (!grown)
			return -UIOMMU_ENOMEM;
		if (ctx->capacity)
			memcpy(grown, ctx->objects, ctx->capacity * sizeof(*grown));
		uapi_free(ctx->uapi, ctx->objects, ctx->capacity * sizeof(*grown));
		ctx->objects = grown;
		ctx->capacity = capacity;
	}
	object->ctx = ctx;
	object->type = type;
	object->id = id;
	object->destroy = destroy;
	ctx->objects[id] = object;
	ctx->num_objects++;
	ctx->lowest = id + 1;
	return 0;
}

void uiommu_iommufd_object_remove(struct iommufd_object *object)
{
	struct iommufd *ctx = object->ctx;

	ctx->objects[object->id] = NULL;
	ctx->num_objects--;
	if (object->id < ctx->lowest)
		ctx->lowest = object->id;
}

struct iommufd_object *uiommu_iommufd_object_find(struct iommufd *ctx, uint32_t id,
						  enum iommufd_type type)
{
	struct iommufd_object *object = id < ctx->capacity ? ctx->objects[id] : NULL;

	if (!object || object->type == IOMMUFD_TOMBSTONE)
		return NULL;
	return type == IOMMUFD_ANY || object->type == type ? object : NULL;
}

int uiommu_iommufd_object_destroy(struct iommufd_object *object)
{
	if (object->users)
		return -UIOMMU_EBUSY;
	uiommu_iommufd_object_remove(object);
	object->destroy(object);
	return 0;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int cmd_destroy(struct iommufd_command *command)
{
	const struct abi_iommu_destroy *arg = command->argument;
	struct iommufd_object *object =
		uiommu_iommufd_object_find(command->ctx, arg->id, IOMMUFD_ANY);

	return object ? uiommu_iommufd_object_destroy(object) : -UIOMMU_ENOENT;
}

int uiommu_iommufd_copy_back(const struct iommufd_command *command)
{
	return uapi_write_user(command->ctx->uapi, command->user_argument, command->argument,
			       command->user_size);
}

/* What a command's struct is: its size here, and the least that a program has to give. */
struct entry {
	uint32_t size, min;
	int (*handle)(struct iommufd_command *command);
};

#define ENTRY(type, last, function)                                                              \
	{                                                                                        \
		sizeof(struct type),                                                             \
			offsetof(struct type, last) + sizeof(((struct type *)0)->last), function \
	}
#define INDEX(command) [(command)-ABI_IOMMU_DESTROY]

static const struct entry table[] = {
	INDEX(ABI_IOMMU_DESTROY) = ENTRY(abi_iommu_destroy, id, cmd_destroy),
	INDEX(ABI_IOMMU_IOAS_ALLOC) =
		ENTRY(abi_iommu_ioas_alloc, out_ioas_id, uiommu_iommufd_cmd_ioas_alloc),
	INDEX(ABI_IOMMU_IOAS_ALLOW_IOVAS) = ENTRY(abi_iommu_ioas_allow_iovas, allowed_iovas,
						  uiommu_iommufd_cmd_ioas_allow_iovas),
	INDEX(ABI_IOMMU_IOAS_COPY) =
		ENTRY(abi_iommu_ioas_copy, src_iova, uiommu_iommufd_cmd_ioas_copy),
	INDEX(ABI_IOMMU_IOAS_IOVA_RANGES) = ENTRY(abi_iommu_ioas_iova_ranges, out_iova_alignment,
						  uiommu_iommufd_cmd_ioas_iova_ranges),
	INDEX(ABI_IOMMU_IOAS_MAP) = ENTRY(abi_iommu_ioas_map, iova, uiommu_iommufd_cmd_ioas_map),
	INDEX(ABI_IOMMU_IOAS_UNMAP) =
		ENTRY(abi_iommu_ioas_unmap, length, uiommu_iommufd_cmd_ioas_unmap),
	INDEX(ABI_IOMMU_OPTION) = ENTRY(abi_iommu_option, val64, uiommu_iommufd_cmd_option),
	INDEX(ABI_IOMMU_VFIO_IOAS) =
		ENTRY(abi_iommu_vfio_ioas, reserved, uiommu_iommufd_cmd_vfio_ioas),
	INDEX(ABI_IOMMU_HWPT_ALLOC) =
		ENTRY(abi_iommu_hwpt_alloc, reserved, uiommu_iommufd_cmd_hwpt_alloc),
	INDEX(ABI_IOMMU_GET_HW_INFO) =
		ENTRY(abi_iommu_hw_info, reserved, uiommu_iommufd_cmd_get_hw_info),
	INDEX(ABI_IOMMU_HWPT_SET_DIRTY_TRACKING) =
		ENTRY(abi_iommu_hwpt_set_dirty_tracking, reserved,
		      uiommu_iommufd_cmd_hwpt_set_dirty_tracking),
	INDEX(ABI_IOMMU_HWPT_GET_DIRTY_BITMAP) = ENTRY(abi_iommu_hwpt_get_dirty_bitmap, data,
						       uiommu_iommufd_cmd_hwpt_get_dirty_bitmap),
	INDEX(ABI_IOMMU_HWPT_INVALIDATE) =
		ENTRY(abi_iommu_hwpt_invalidate, reserved, uiommu_iommufd_cmd_hwpt_invalidate),
	INDEX(ABI_IOMMU_VIOMMU_ALLOC) =
		ENTRY(abi_iommu_viommu_alloc, out_viommu_id, uiommu_iommufd_cmd_viommu_alloc),
	INDEX(ABI_IOMMU_VDEVICE_ALLOC) =
		ENTRY(abi_iommu_vdevice_alloc, virt_id, uiommu_iommufd_cmd_vdevice_alloc),
	INDEX(ABI_IOMMU_IOAS_MAP_FILE) =
		ENTRY(abi_iommu_ioas_map_file, iova, uiommu_iommufd_cmd_ioas_map_file),
	INDEX(ABI_IOMMU_IOAS_CHANGE_PROCESS) = ENTRY(abi_iommu_ioas_change_process, reserved,
						     uiommu_iommufd_cmd_ioas_change_process),
	INDEX(ABI_IOMMU_VEVENTQ_ALLOC) =
		ENTRY(abi_iommu_veventq_alloc, out_veventq_fd, uiommu_iommufd_cmd_veventq_alloc),
	INDEX(ABI_IOMMU_HW_QUEUE_ALLOC) =
		ENTRY(abi_iommu_hw_queue_alloc, length, uiommu_iommufd_cmd_hw_queue_alloc),
	INDEX(ABI_IOMMU_FAULT_QUEUE_ALLOC) =
		ENTRY(abi_iommu_fault_alloc, out_fault_fd, uiommu_iommufd_cmd_fault_queue_alloc),
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))
#define MAX_ARGUMENT 64

/* What a newer program knows and we do not has to be zero. */
static int check_tail(struct iommufd *ctx, uint64_t address, uint32_t from, uint32_t to)
{
	unsigned char bytes[64];

	while (from < to) {
		uint32_t piece = to - from < sizeof(bytes) ? to - from : (uint32_t)sizeof(bytes);
		int rc = uapi_read_user(ctx->uapi, bytes, address + from, piece);

		if (rc)
			return rc;
		for (uint32_t i = 0; i < piece; i++) {
			if (bytes[i])
				return -UIOMMU_E2BIG;
		}
		from += piece;
	}
	return 0;
}

static long dispatch(struct iommufd *ctx, struct uiommu_uapi_process *caller, uint32_t number,
		     uintptr_t argument)
{
	_Alignas(8) unsigned char copy[MAX_ARGUMENT] = { 0 };
	struct iommufd_command command = {
		.ctx = ctx,
		.caller = caller,
		.argument = copy,
		.user_argument = argument,
	};
	const struct entry *entry;
	uint32_t size;
	int rc;

	/* The size is read before the number is looked at: a bad pointer wins over an unknown command. */
	rc = uapi_read_user(ctx->uapi, &size, argument, sizeof(size));
	if (rc)
		return rc;
	entry = &table[number - ABI_IOMMU_DESTROY];
	if (number - ABI_IOMMU_DESTROY >= TABLE_SIZE || !entry->handle)
		return -UAPI_ENOTTY;
	if (size < entry->min)
		return -UIOMMU_EINVAL;
	if (size > entry->size) {
		rc = check_tail(ctx, argument, entry->size, size);
		if (rc)
			return rc;
	}
	command.user_size = size < entry->size ? size : entry->size;
	rc = uapi_read_user(ctx->uapi, copy, argument, command.user_size);
	if (rc)
		return rc;
	iommufd_lock(ctx);
	rc = entry->handle(&command);
	iommufd_unlock(ctx);
	return rc;
}

static long iommufd_ioctl(struct uapi_file *file, struct uiommu_uapi_process *caller,
			  uint32_t command, uintptr_t argument)
{
	if (command - ABI_IOMMU_DESTROY < TABLE_SIZE)
		return dispatch(file->object, caller, command, argument);
	return uiommu_iommufd_compat_ioctl(file->object, caller, command, argument);
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* Leaves first: whatever is not used goes, until nothing is left. */
static void destroy_objects(struct iommufd *ctx)
{
	bool progress = true;

	while (ctx->num_objects && progress) {
		progress = false;
		for (uint32_t id = 0; id < ctx->capacity; id++) {
			struct iommufd_object *object = ctx->objects[id];

			if (object && !uiommu_iommufd_object_destroy(object))
				progress = true;
		}
	}
	if (ctx->num_objects)
		uiommu_log(ctx->uapi->host, UIOMMU_LOG_ERROR,
			   "iommufd: %u objects are still in use at the end of their context",
			   ctx->num_objects);
}

static void iommufd_release(struct uapi_file *file)
{
	struct iommufd *ctx = file->object;
	struct uiommu_uapi *uapi = ctx->uapi;

	iommufd_lock(ctx);
	destroy_objects(ctx);
	iommufd_unlock(ctx);
	uapi_free(uapi, ctx->objects, ctx->capacity * sizeof(struct iommufd_object *));
	uiommu_port_mutex_destroy(uapi->host, &ctx->lock);
	uapi_free(uapi, ctx, sizeof(*ctx));
}

/* Pages of a guest's IOMMU would be here, which none of our hardware has. */
static int iommufd_map(struct uapi_file *file, uint64_t offset, size_t size, void **out)
{
	(void)file;
	*out = NULL;
	return (offset | size) & (UAPI_PAGE - 1) ? -UIOMMU_EINVAL : -UIOMMU_ENXIO;
}

static const struct uapi_file_ops iommufd_ops = {
	.name = "iommufd",
	.ioctl = iommufd_ioctl,
	.map = iommufd_map,
	.release = iommufd_release,
};

struct iommufd *uiommu_iommufd_of_file(struct uapi_file *file)
{
	return file->ops == &iommufd_ops ? file->object : NULL;
}

int uiommu_uapi_iommufd_open(struct uiommu_uapi_process *process, bool as_container,
			     struct uapi_file **out)
{
	struct uiommu_uapi *uapi = process->uapi;
	struct iommufd *ctx = uapi_alloc(uapi, sizeof(*ctx));

	*out = NULL;
	if (!ctx)
		return -UIOMMU_ENOMEM;
	ctx->uapi = uapi;
	ctx->account = as_container ? UAPI_ACCOUNT_PROCESS : UAPI_ACCOUNT_USER;
	if (uiommu_port_mutex_init(uapi->host, &ctx->lock))
		goto err;
	ctx->file = uiommu_uapi_file_create(uapi, &iommufd_ops, ctx);
	if (!ctx->file)
		goto err_lock;
	*out = ctx->file;
	return 0;
err_lock:
	uiommu_port_mutex_destroy(uapi->host, &ctx->lock);
err:
	uapi_free(uapi, ctx, sizeof(*ctx));
	return -UIOMMU_ENOMEM;
}
