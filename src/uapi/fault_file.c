/* SPDX-License-Identifier: MIT */
/*
 * fault_file.c - page requests that a program answers: a queue, and the file that it is read through
 *
 * HWPTs refer to the queue, and so does its file, which keeps the context too.  Reading is covered by the
 * context's mutex, so nothing is detached while records say who asks; what is ended takes its groups out of the queue
 * itself and answers them (the core does).
 */
#include "src/uapi/iommufd.h"

struct iommufd_fault {
	struct iommufd_object object;
	struct uiommu_fault_queue *queue;
};

static struct iommufd_fault *to_fault(struct iommufd_object *object)
{
	return (struct iommufd_fault *)(void *)object;
}

int uiommu_iommufd_fault_use(struct iommufd_hwpt *hwpt, uint32_t fault_id)
{
	struct iommufd_object *fault =
		uiommu_iommufd_object_find(hwpt->object.ctx, fault_id, IOMMUFD_FAULT);
	int rc;

	if (!fault)
		return -UIOMMU_ENOENT;
	rc = uiommu_set_fault_queue(hwpt->domain, to_fault(fault)->queue);
	if (rc)
		return rc;
	hwpt->fault = fault;
	fault->users++;
	return 0;
}

/* ---- the file ---------------------------------------------------------------------------------- */

#define RECORD sizeof(struct abi_iommu_hwpt_pgfault)
#define RESPONSE sizeof(struct abi_iommu_hwpt_page_response)
/* More requests than a device can have in groups that are not complete, and the last one. */
#define MOST_RECORDS 4097u

static uint32_t number_of(const struct iommufd *ctx, const struct uiommu_device *dev)
{
	for (uint32_t id = 0; id < ctx->capacity; id++) {
		struct iommufd_object *object = ctx->objects[id];

		if (object && object->type == IOMMUFD_DEVICE &&
		    iommufd_to_device(object)->dev == dev)
			return id;
	}
	return 0;
}

/* Who asks; of a group's other members, which nobody has bound here, the one that took them along. */
static uint32_t who(const struct iommufd *ctx, const struct uiommu_fault_record *record)
{
	const struct iommufd_attach *attach = (const void *)record->handle;
	uint32_t id = number_of(ctx, record->device);

	return id || !attach ? id : number_of(ctx, attach->first);
}

static void compose(const struct iommufd *ctx, const struct uiommu_fault_record *record,
		    struct abi_iommu_hwpt_pgfault *out)
{
	const struct uiommu_page_request *request = &record->request;
	const bool pasid = request->flags & UIOMMU_PAGE_REQUEST_PASID;

	*out = (struct abi_iommu_hwpt_pgfault){
		.flags = (pasid ? ABI_IOMMU_PGFAULT_FLAGS_PASID_VALID : 0) |
			 (request->flags & UIOMMU_PAGE_REQUEST_LAST ?
				  ABI_IOMMU_PGFAULT_FLAGS_LAST_PAGE :
				  0),
		.dev_id = who(ctx, record),
		.pasid = pasid ? request->pasid : 0,
		.grpid = request->group,
		.perm = (request->prot & UIOMMU_READ ? ABI_IOMMU_PGFAULT_PERM_READ : 0) |
			(request->prot & UIOMMU_WRITE ? ABI_IOMMU_PGFAULT_PERM_WRITE : 0) |
			(request->execute ? ABI_IOMMU_PGFAULT_PERM_EXEC : 0) |
			(request->prot & UIOMMU_PRIV ? ABI_IOMMU_PGFAULT_PERM_PRIV : 0),
		.addr = request->address,
		.cookie = record->cookie,
	};
}

/* The oldest group, to the program at @to: its bytes, 0 if there is none, or an error, with it still the oldest. */
static long read_group(struct iommufd_fault *fault, struct uiommu_fault_record *records,
		       size_t room, uint64_t to)
{
	struct iommufd *ctx = fault->object.ctx;
	size_t count;
	int rc = uiommu_fault_queue_read(fault->queue, records, room, &count);

	for (size_t i = 0; !rc && i < count; i++) {
		struct abi_iommu_hwpt_pgfault out;

		compose(ctx, &records[i], &out);
		rc = uapi_write_user(ctx->uapi, to + i * RECORD, &out, RECORD);
		if (rc)
			uiommu_fault_queue_unread(fault->queue, records[0].cookie);
	}
	return rc ? rc : (long)(count * RECORD);
}

static long fault_read(struct uapi_file *file, void *buffer, size_t size, uint64_t offset)
{
	struct iommufd_fault *fault = file->object;
	const size_t most = size / RECORD < MOST_RECORDS ? size / RECORD : MOST_RECORDS;
	struct uiommu_fault_record *records;
	size_t done = 0;
	long rc = 1;

	if (offset || size % RECORD)
		return -UAPI_ESPIPE;
	if (!most)
		return 0;
	records = uapi_alloc(file->uapi, most * sizeof(*records));
	if (!records)
		return -UIOMMU_ENOMEM;
	iommufd_lock(fault->object.ctx);
	while (rc > 0 && done < size) {
		const size_t room = (size - done) / RECORD;

		rc = read_group(fault, records, room < most ? room : most,
				(uintptr_t)buffer + done);
		if (rc > 0)
			done += (size_t)rc;
	}
	iommufd_unlock(fault->object.ctx);
	uapi_free(file->uapi, records, most * sizeof(*records));
	return done ? (long)done : rc;
}

/* Without the context's mutex: an answer may have to wait for hardware. */
static long fault_write(struct uapi_file *file, const void *buffer, size_t size, uint64_t offset)
{
	struct iommufd_fault *fault = file->object;
	size_t done = 0;
	int rc = 0;

	if (offset || size % RESPONSE)
		return -UAPI_ESPIPE;
	while (!rc && done < size) {
		struct abi_iommu_hwpt_page_response response;

		rc = uapi_read_user(file->uapi, &response, (uintptr_t)buffer + done, RESPONSE);
		if (!rc && response.code > 1)
			rc = -UIOMMU_EINVAL;
		if (!rc)
			rc = uiommu_fault_queue_respond(fault->queue, response.cookie,
							response.code ? UIOMMU_PAGE_INVALID :
									UIOMMU_PAGE_SUCCESS);
		if (!rc)
			done += RESPONSE;
	}
	return done ? (long)done : rc;
}

static int fault_poll(struct uapi_file *file)
{
	struct iommufd_fault *fault = file->object;

	return UAPI_POLLOUT | (uiommu_fault_queue_pending(fault->queue) ? UAPI_POLLIN : 0);
}

static void fault_release(struct uapi_file *file)
{
	struct iommufd_fault *fault = file->object;
	struct iommufd *ctx = fault->object.ctx;

	iommufd_lock(ctx);
	fault->object.users--;
	iommufd_unlock(ctx);
	iommufd_put(ctx);
}

static const struct uapi_file_ops fault_ops = {
	.name = "[iommufd-pgfault]",
	.read = fault_read,
	.write = fault_write,
	.poll = fault_poll,
	.release = fault_release,
};

/* ---- the object -------------------------------------------------------------------------------- */

static void fault_destroy(struct iommufd_object *object)
{
	struct iommufd_fault *fault = to_fault(object);

	uiommu_fault_queue_destroy(fault->queue);
	uapi_free(object->ctx->uapi, fault, sizeof(*fault));
}

static int fault_create(struct iommufd *ctx, struct iommufd_fault **out)
{
	struct iommufd_fault *fault = uapi_alloc(ctx->uapi, sizeof(*fault));
	int rc;

	if (!fault)
		return -UIOMMU_ENOMEM;
	rc = uiommu_fault_queue_create(ctx->uapi->sys, NULL, NULL, &fault->queue);
	if (!rc)
		rc = uiommu_iommufd_object_add(ctx, &fault->object, IOMMUFD_FAULT, fault_destroy);
	if (rc) {
		uiommu_fault_queue_destroy(fault->queue);
		uapi_free(ctx->uapi, fault, sizeof(*fault));
		return rc;
	}
	*out = fault;
	return 0;
}

int uiommu_iommufd_cmd_fault_queue_alloc(struct iommufd_command *command)
{
	struct abi_iommu_fault_alloc *arg = command->argument;
	struct iommufd *ctx = command->ctx;
	struct iommufd_fault *fault;
	struct uapi_file *file;
	int rc;

	if (arg->flags)
		return -UIOMMU_EOPNOTSUPP;
	rc = fault_create(ctx, &fault);
	if (rc)
		return rc;
	arg->out_fault_id = fault->object.id;
	/* A descriptor cannot be taken back once others may have seen it: so first, can we tell of it? */
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		goto err;
	file = uiommu_uapi_file_create(ctx->uapi, &fault_ops, fault);
	rc = file ? uiommu_uapi_fd_install(command->caller, file) : -UIOMMU_ENOMEM;
	if (rc < 0)
		goto err_file;
	fault->object.users++;
	iommufd_get(ctx);
	arg->out_fault_fd = (uint32_t)rc;
	return uiommu_iommufd_copy_back(command);
err_file:
	uapi_free(ctx->uapi, file, sizeof(*file));
err:
	uiommu_iommufd_object_destroy(&fault->object);
	return rc;
}
