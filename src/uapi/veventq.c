/* SPDX-License-Identifier: MIT */
/*
 * veventq.c - events of a guest's IOMMU: a queue for each type, and the file that it is read through
 *
 * The hardware's records of faults in a guest's own stage go to the guest, with the StreamID that it knows the
 * device by; those of the stage below are the host's business.  Events are numbered, also the ones that find no
 * room: instead of these, however many, a header stands at the end of the queue, and nothing stays behind it.
 */
#include "spec/smmuv3.h"
#include "src/uapi/viommu.h"

#define MAX_DEPTH (1u << 19)
#define HEADER sizeof(struct abi_iommufd_vevent_header)

struct vevent {
	struct vevent *next;
	struct abi_iommufd_vevent_header header;
	struct abi_iommu_vevent_arm_smmuv3 data;
};

/* With viommu->lock, but for what does not change. */
struct iommufd_veventq {
	struct iommufd_object object;
	struct iommufd_veventq *next; /* viommu->queues */
	struct iommufd_viommu *viommu;
	uint32_t type, depth;
	uint32_t count; /* of events; there may be a mark behind them */
	uint32_t sequence; /* of the next one */
	struct vevent *first, **end;
	bool lost; /* the mark is there: */
	struct abi_iommufd_vevent_header mark;
};

static struct iommufd_veventq *to_queue(struct iommufd_object *object)
{
	return (struct iommufd_veventq *)(void *)object;
}

/* ---- events come ------------------------------------------------------------------------------- */

static void put_event(struct iommufd_veventq *queue, const void *data)
{
	struct uiommu_uapi *uapi = queue->object.ctx->uapi;
	struct vevent *event = queue->count < queue->depth ? uapi_alloc(uapi, sizeof(*event)) :
							     NULL;
	struct abi_iommufd_vevent_header *header = event ? &event->header : &queue->mark;

	*header = (struct abi_iommufd_vevent_header){
		.flags = event ? 0 : ABI_IOMMU_VEVENTQ_FLAG_LOST_EVENTS,
		.sequence = queue->sequence,
	};
	queue->sequence = (queue->sequence + 1) & INT32_MAX;
	queue->lost = !event;
	if (!event)
		return;
	memcpy(&event->data, data, sizeof(event->data));
	*queue->end = event;
	queue->end = &event->next;
	queue->count++;
}

/* Is it about what the guest has written itself, and does nobody else wait for an answer? */
static bool is_guests(const uint64_t *event)
{
	switch (event[0] & SMMUV3_EVT0_TYPE) {
	case SMMUV3_C_BAD_STE:
	case SMMUV3_F_STREAM_DISABLED:
	case SMMUV3_C_BAD_SUBSTREAMID:
	case SMMUV3_C_BAD_CD:
		return true;
	case SMMUV3_F_TRANSLATION:
	case SMMUV3_F_ADDR_SIZE:
	case SMMUV3_F_ACCESS:
	case SMMUV3_F_PERMISSION:
		return !(event[1] & (SMMUV3_EVT1_S2 | SMMUV3_EVT1_STALL));
	default:
		return false;
	}
}

void uiommu_iommufd_viommu_fault(const struct uiommu_fault *fault, void *token)
{
	struct iommufd_viommu *viommu = token;
	const struct iommufd_vdevice *vdevice;
	struct iommufd_veventq *queue;
	struct abi_iommu_vevent_arm_smmuv3 event;

	if (!fault->record || fault->record_words != sizeof(event) / sizeof(uint64_t) ||
	    !is_guests(fault->record))
		return;
	memcpy(&event, fault->record, sizeof(event));
	viommu_lock(viommu);
	for (vdevice = viommu->devices; vdevice; vdevice = vdevice->next) {
		if (vdevice->device->dev == fault->device)
			break;
	}
	for (queue = viommu->queues; vdevice && queue; queue = queue->next) {
		if (queue->type != ABI_IOMMU_VEVENTQ_TYPE_ARM_SMMUV3)
			continue;
		event.evt[0] &= ~SMMUV3_EVT0_SID;
		event.evt[0] |= smmuv3_set(vdevice->virt_id, SMMUV3_EVT0_SID);
		put_event(queue, &event);
	}
	viommu_unlock(viommu);
}

/* ---- the file ---------------------------------------------------------------------------------- */

/* The oldest event out of the queue, as it is read: its bytes, 0: there is none, -UIOMMU_EINVAL: larger than @room. */
static long take(struct iommufd_veventq *queue, size_t room, struct vevent **out,
		 struct abi_iommufd_vevent_header *mark)
{
	struct vevent *event = queue->first;
	size_t size = HEADER + sizeof(event->data);

	*out = NULL;
	if (!event && !queue->lost)
		return 0;
	if (!event)
		size = HEADER;
	if (room < size)
		return -UIOMMU_EINVAL;
	*mark = queue->mark;
	*out = event;
	if (!event) {
		queue->lost = false;
		return (long)size;
	}
	queue->first = event->next;
	if (!queue->first)
		queue->end = &queue->first;
	queue->count--;
	return (long)size;
}

/* The program could not be told: as if nobody had asked. */
static void put_back(struct iommufd_veventq *queue, struct vevent *event,
		     const struct abi_iommufd_vevent_header *mark)
{
	if (!event) {
		/* One that has come meanwhile counts the same losses, and more. */
		if (!queue->first && !queue->lost) {
			queue->lost = true;
			queue->mark = *mark;
		}
		return;
	}
	event->next = queue->first;
	if (!queue->first)
		queue->end = &event->next;
	queue->first = event;
	queue->count++;
}

static long read_one(struct iommufd_veventq *queue, uint64_t to, size_t room)
{
	struct uiommu_uapi *uapi = queue->object.ctx->uapi;
	struct abi_iommufd_vevent_header mark;
	struct vevent *event;
	long size;
	int rc;

	viommu_lock(queue->viommu);
	size = take(queue, room, &event, &mark);
	viommu_unlock(queue->viommu);
	if (size <= 0)
		return size;
	rc = uapi_write_user(uapi, to, event ? &event->header : &mark, HEADER);
	if (!rc && event)
		rc = uapi_write_user(uapi, to + HEADER, &event->data, sizeof(event->data));
	if (rc) {
		viommu_lock(queue->viommu);
		put_back(queue, event, &mark);
		viommu_unlock(queue->viommu);
		return rc;
	}
	uapi_free(uapi, event, sizeof(*event));
	return size;
}

static long veventq_read(struct uapi_file *file, void *buffer, size_t size, uint64_t offset)
{
	size_t done = 0;
	long rc = 1;

	if (offset)
		return -UAPI_ESPIPE;
	while (rc > 0 && done < size) {
		rc = read_one(file->object, (uintptr_t)buffer + done, size - done);
		if (rc > 0)
			done += (size_t)rc;
	}
	return done || rc > 0 ? (long)done : rc;
}

static int veventq_poll(struct uapi_file *file)
{
	struct iommufd_veventq *queue = file->object;
	int events;

	viommu_lock(queue->viommu);
	events = queue->first || queue->lost ? UAPI_POLLIN : 0;
	viommu_unlock(queue->viommu);
	return events;
}

static void veventq_release(struct uapi_file *file)
{
	struct iommufd_veventq *queue = file->object;
	struct iommufd *ctx = queue->object.ctx;

	iommufd_lock(ctx);
	queue->object.users--;
	iommufd_unlock(ctx);
	iommufd_put(ctx);
}

static const struct uapi_file_ops veventq_ops = {
	.name = "[iommufd-viommu-event]",
	.read = veventq_read,
	.poll = veventq_poll,
	.release = veventq_release,
};

/* ---- the object -------------------------------------------------------------------------------- */

static void veventq_destroy(struct iommufd_object *object)
{
	struct iommufd_veventq *queue = to_queue(object), **link = &queue->viommu->queues;
	struct uiommu_uapi *uapi = object->ctx->uapi;

	viommu_lock(queue->viommu);
	while (*link != queue)
		link = &(*link)->next;
	*link = queue->next;
	viommu_unlock(queue->viommu);
	while (queue->first) {
		struct vevent *event = queue->first;

		queue->first = event->next;
		uapi_free(uapi, event, sizeof(*event));
	}
	queue->viommu->object.users--;
	uapi_free(uapi, queue, sizeof(*queue));
}

static int veventq_create(struct iommufd_viommu *viommu, const struct abi_iommu_veventq_alloc *arg,
			  struct iommufd_veventq **out)
{
	struct iommufd *ctx = viommu->object.ctx;
	struct iommufd_veventq *queue;
	int rc;

	for (queue = viommu->queues; queue; queue = queue->next) {
		if (queue->type == arg->type)
			return -UIOMMU_EEXIST;
	}
	queue = uapi_alloc(ctx->uapi, sizeof(*queue));
	if (!queue)
		return -UIOMMU_ENOMEM;
	rc = uiommu_iommufd_object_add(ctx, &queue->object, IOMMUFD_VEVENTQ, veventq_destroy);
	if (rc) {
		uapi_free(ctx->uapi, queue, sizeof(*queue));
		return rc;
	}
	queue->viommu = viommu;
	queue->type = arg->type;
	queue->depth = arg->veventq_depth;
	queue->end = &queue->first;
	viommu->object.users++;
	viommu_lock(viommu);
	queue->next = viommu->queues;
	viommu->queues = queue;
	viommu_unlock(viommu);
	*out = queue;
	return 0;
}

int uiommu_iommufd_cmd_veventq_alloc(struct iommufd_command *command)
{
	struct abi_iommu_veventq_alloc *arg = command->argument;
	struct iommufd *ctx = command->ctx;
	struct iommufd_object *viommu;
	struct iommufd_veventq *queue;
	struct uapi_file *file;
	int rc;

	if (arg->flags || arg->reserved || arg->type == ABI_IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -UIOMMU_EOPNOTSUPP;
	if (!arg->veventq_depth || arg->veventq_depth > MAX_DEPTH)
		return -UIOMMU_EINVAL;
	viommu = uiommu_iommufd_object_find(ctx, arg->viommu_id, IOMMUFD_VIOMMU);
	if (!viommu)
		return -UIOMMU_ENOENT;
	/* Any other type has its queue, in which nothing ever comes. */
	rc = veventq_create(iommufd_to_viommu(viommu), arg, &queue);
	if (rc)
		return rc;
	arg->out_veventq_id = queue->object.id;
	/* As of a fault queue: a descriptor that others may have seen cannot be taken back. */
	rc = uiommu_iommufd_copy_back(command);
	if (rc)
		goto err;
	file = uiommu_uapi_file_create(ctx->uapi, &veventq_ops, queue);
	rc = file ? uiommu_uapi_fd_install(command->caller, file) : -UIOMMU_ENOMEM;
	if (rc < 0)
		goto err_file;
	queue->object.users++;
	iommufd_get(ctx);
	arg->out_veventq_fd = (uint32_t)rc;
	return uiommu_iommufd_copy_back(command);
err_file:
	uapi_free(ctx->uapi, file, sizeof(*file));
err:
	uiommu_iommufd_object_destroy(&queue->object);
	return rc;
}
