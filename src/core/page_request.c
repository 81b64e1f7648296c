/* SPDX-License-Identifier: MIT */
/*
 * page_request.c - page requests come in, find their consumer, and are answered once
 *
 * Reporting.  A request that is not the last of its group is kept.  The last one takes the others of its
 * group, the consumer is looked up, and the group becomes pending: all in one hold of sys->table, and with
 * faults->handling held until the consumer's handler has returned.  So whoever holds faults->handling
 * knows that no handler runs, and that the next group will be looked up again.
 *
 * Ending.  After the hardware was switched the core drains the driver's queue and then takes
 * faults->handling: what is pending for the attachment by then is all there will be.  It is answered
 * INVALID; the slot and the domain go only afterwards.  The drain itself reports on the detaching thread, which
 * holds group->mutex but not faults->handling.
 *
 * Between.  From before the hardware is touched until the outcome of an attach, replace or detach is
 * published, no group is handed to a consumer: the old one is going, and the new one's attach may still
 * fail.  A detach answers INVALID.  Otherwise the answer is SUCCESS, which tells the device to try again;
 * it then meets what was published.  A slot that is only reserved is treated in the same way.
 *
 * Whether a domain has a consumer cannot change while it is attached or being attached (uiommu_domain_pin()).
 * So a device's page requests are wanted exactly as long as something with a consumer is attached to it.
 */
#include "src/core/faults.h"

/* A consumer for one request, or the answer without one. */
struct consumer {
	int (*handler)(struct uiommu_fault_group *group, void *token);
	void *token;
	struct uiommu_attach_handle *handle;
	uiommu_pasid_t at;
	enum uiommu_page_response_code answer; /* without a handler */
	int error; /* without a handler: what the report returns */
};

static bool wants(const struct uiommu_domain *domain)
{
	return domain && domain->users && domain->page_handler;
}

static struct uiommu_fault_key key_of(const struct uiommu_page_request *request)
{
	bool has_pasid = request->flags & UIOMMU_PAGE_REQUEST_PASID;

	return (struct uiommu_fault_key){
		.has_pasid = has_pasid,
		.pasid = has_pasid ? request->pasid : 0,
		.group = request->group,
	};
}

static bool same_key(struct uiommu_fault_key a, struct uiommu_fault_key b)
{
	return a.has_pasid == b.has_pasid && a.pasid == b.pasid && a.group == b.group;
}

/* ---- the object -------------------------------------------------------------------------------- */

static int faults_create(struct uiommu_device *dev)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_faults *faults = uiommu_zalloc(sys, sizeof(*faults));

	if (!faults)
		return -UIOMMU_ENOMEM;
	if (uiommu_port_mutex_init(sys->host, &faults->handling))
		goto err_free;
	if (uiommu_port_mutex_init(sys->host, &faults->responding))
		goto err_handling;
	faults->sys = sys;
	faults->instance = dev->instance;
	faults->iommu_group = dev->group;
	faults->dev = dev;
	faults->refs = 1;
	faults->partials_end = &faults->partials;
	faults->pending_end = &faults->pending;
	uiommu_lock(sys, &sys->table);
	dev->group->refs++;
	dev->faults = faults;
	uiommu_unlock(sys, &sys->table);
	return 0;

err_handling:
	uiommu_port_mutex_destroy(sys->host, &faults->handling);
err_free:
	uiommu_free(sys, faults, sizeof(*faults));
	return -UIOMMU_ENOMEM;
}

void uiommu_faults_put(struct uiommu_faults *faults)
{
	struct uiommu_system *sys = faults->sys;
	struct uiommu_group *group = faults->iommu_group;
	bool last;

	uiommu_lock(sys, &sys->table);
	last = --faults->refs == 0;
	uiommu_unlock(sys, &sys->table);
	if (!last)
		return;
	uiommu_port_mutex_destroy(sys->host, &faults->responding);
	uiommu_port_mutex_destroy(sys->host, &faults->handling);
	uiommu_free(sys, faults, sizeof(*faults));
	uiommu_group_put(group);
}

static void free_partials(struct uiommu_system *sys, struct uiommu_partial *list)
{
	while (list) {
		struct uiommu_partial *next = list->next;

		uiommu_free(sys, list, sizeof(*list));
		list = next;
	}
}

void uiommu_fault_group_free(struct uiommu_fault_group *group)
{
	struct uiommu_faults *faults = group->faults;

	free_partials(faults->sys, group->first);
	uiommu_free(faults->sys, group, sizeof(*group));
	uiommu_faults_put(faults);
}

/* ---- answering --------------------------------------------------------------------------------- */

void uiommu_faults_send(struct uiommu_instance *instance, const struct uiommu_page_request *last,
			enum uiommu_page_response_code code)
{
	if (instance->ops->page_response)
		instance->ops->page_response(instance, last, code);
}

bool uiommu_fault_group_claim(struct uiommu_fault_group *group)
{
	struct uiommu_faults *faults = group->faults;
	struct uiommu_fault_group **link = &faults->pending;

	if (!group->pending)
		return false;
	while (*link != group)
		link = &(*link)->next;
	*link = group->next;
	if (!group->next)
		faults->pending_end = link;
	group->next = NULL;
	group->pending = false;
	faults->num_pending--;
	return true;
}

void uiommu_page_response(struct uiommu_fault_group *group, enum uiommu_page_response_code code)
{
	struct uiommu_faults *faults = group->faults;
	struct uiommu_system *sys = faults->sys;
	bool ours;

	uiommu_lock(sys, &faults->responding);
	uiommu_lock(sys, &sys->table);
	ours = uiommu_fault_group_claim(group);
	uiommu_unlock(sys, &sys->table);
	/* While a group is pending its device is there, and so is the instance. */
	if (ours)
		uiommu_faults_send(faults->instance, &group->last, code);
	uiommu_unlock(sys, &faults->responding);
	uiommu_fault_group_free(group);
}

/* The partials of one attachment, or all; sys->table held, the caller frees them. */
static struct uiommu_partial *take_partials(struct uiommu_faults *faults, bool all,
					    uiommu_pasid_t at)
{
	struct uiommu_partial *taken = NULL, **end = &taken;
	struct uiommu_partial **link = &faults->partials;

	while (*link) {
		struct uiommu_partial *partial = *link;

		if (!all && partial->at != at) {
			link = &partial->next;
			continue;
		}
		*link = partial->next;
		partial->next = NULL;
		*end = partial;
		end = &partial->next;
		faults->num_partials--;
	}
	faults->partials_end = link;
	return taken;
}

/* Those of one group, in order of arrival. */
static struct uiommu_partial *take_group(struct uiommu_faults *faults, struct uiommu_fault_key key,
					 unsigned int *count)
{
	struct uiommu_partial *taken = NULL, **end = &taken;
	struct uiommu_partial **link = &faults->partials;

	while (*link) {
		struct uiommu_partial *partial = *link;

		if (!same_key(key_of(&partial->request), key)) {
			link = &partial->next;
			continue;
		}
		*link = partial->next;
		partial->next = NULL;
		*end = partial;
		end = &partial->next;
		faults->num_partials--;
		++*count;
	}
	faults->partials_end = link;
	return taken;
}

/*
 * Wait for the handler that is at work, forget what is incomplete, answer INVALID what nobody has
 * answered: for one attachment or for all.
 */
static void flush(struct uiommu_faults *faults, bool all, uiommu_pasid_t at)
{
	struct uiommu_system *sys = faults->sys;
	struct uiommu_partial *partials;

	uiommu_lock(sys, &faults->handling);
	/* Also if nothing is pending: a response may be under way. */
	uiommu_lock(sys, &faults->responding);
	for (;;) {
		struct uiommu_fault_group *group;
		bool queued = false;

		uiommu_lock(sys, &sys->table);
		group = faults->pending;
		while (group && !all && group->at != at)
			group = group->next;
		if (group) {
			uiommu_fault_group_claim(group);
			queued = group->queue;
			if (queued)
				uiommu_fault_queue_remove(group);
		}
		uiommu_unlock(sys, &sys->table);
		if (!group)
			break;
		/* It cannot be freed by its consumer before responding is released. */
		uiommu_faults_send(faults->instance, &group->last, UIOMMU_PAGE_INVALID);
		if (queued)
			uiommu_fault_group_free(group);
	}
	uiommu_unlock(sys, &faults->responding);
	uiommu_lock(sys, &sys->table);
	partials = take_partials(faults, all, at);
	if (all)
		faults->num_lost = 0;
	uiommu_unlock(sys, &sys->table);
	uiommu_unlock(sys, &faults->handling);
	free_partials(sys, partials);
}

/* ---- attachments ------------------------------------------------------------------------------- */

/*
 * Before anything is done about (@group, @pasid), and after everything is published.  Calls nest, with
 * the same PASID.  A device's page requests stay enabled in between, so that one that goes back to
 * where it was has lost nothing.
 */
void uiommu_faults_changing(struct uiommu_group *group, uiommu_pasid_t pasid, bool leaving)
{
	struct uiommu_system *sys = group->sys;

	uiommu_lock(sys, &sys->table);
	if (!group->changing.depth++) {
		group->changing.pasid = pasid;
		group->changing.leaving = leaving;
	}
	uiommu_unlock(sys, &sys->table);
}

static bool wanted_by(const struct uiommu_device *dev)
{
	const struct uiommu_group *group = dev->group;

	if (wants(dev->domain))
		return true;
	for (unsigned int i = 0; i < group->num_slots; i++) {
		if (uiommu_pasid_has(dev, &group->slots[i]) && wants(group->slots[i].domain))
			return true;
	}
	return false;
}

static void disable_unwanted(struct uiommu_device *dev)
{
	struct uiommu_faults *faults = dev->faults;

	if (!faults || !faults->enabled || wanted_by(dev))
		return;
	faults->enabled = false;
	if (dev->instance->ops->page_requests_disable)
		dev->instance->ops->page_requests_disable(dev);
}

void uiommu_faults_changed(struct uiommu_group *group)
{
	struct uiommu_system *sys = group->sys;
	bool done;

	uiommu_lock(sys, &sys->table);
	done = --group->changing.depth == 0;
	uiommu_unlock(sys, &sys->table);
	for (struct uiommu_device *dev = group->members; done && dev; dev = dev->group_next)
		disable_unwanted(dev);
}

static int enable(struct uiommu_device *dev)
{
	const struct uiommu_ops *ops = dev->instance->ops;

	if (!ops->page_response)
		return -UIOMMU_EOPNOTSUPP;
	return ops->page_requests_enable ? ops->page_requests_enable(dev) : 0;
}

/* Before the driver prepares an attachment: page requests are enabled, if it wants them. */
int uiommu_faults_prepare(struct uiommu_device *dev, const struct uiommu_domain *domain)
{
	int rc = 0;

	if (!wants(domain))
		return 0;
	if (!dev->faults)
		rc = faults_create(dev);
	if (rc)
		return rc;
	if (!dev->faults->enabled) {
		rc = enable(dev);
		dev->faults->enabled = !rc;
	}
	/* A process's address space is of use without: the device keeps to pages that are there. */
	if (rc == -UIOMMU_EOPNOTSUPP && uiommu_domain_type(domain) == UIOMMU_DOMAIN_SVA)
		rc = 0;
	return uiommu_driver_error(rc);
}

/* The hardware of @dev does not use @old for @pasid any more. */
void uiommu_faults_ended(struct uiommu_device *dev, uiommu_pasid_t pasid,
			 const struct uiommu_domain *old)
{
	const struct uiommu_ops *ops = dev->instance->ops;

	if (!dev->faults || !wants(old))
		return;
	if (dev->faults->enabled && ops->page_requests_drain)
		ops->page_requests_drain(dev, pasid);
	flush(dev->faults, false, pasid);
}

/* The same domain with another handle: what belongs to the old handle is answered. */
void uiommu_faults_forget(struct uiommu_group *group, uiommu_pasid_t pasid)
{
	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		if (dev->faults)
			flush(dev->faults, false, pasid);
	}
}

/* While a device leaves, or is in reset, all its page requests are answered INVALID. */
void uiommu_faults_close(struct uiommu_device *dev, bool closed)
{
	uiommu_lock(dev->sys, &dev->sys->table);
	dev->requests_closed = closed;
	uiommu_unlock(dev->sys, &dev->sys->table);
}

/* The device leaves its group, parked or not: nothing of its page requests remains but references. */
void uiommu_faults_remove(struct uiommu_device *dev)
{
	struct uiommu_faults *faults = dev->faults;
	const struct uiommu_ops *ops = dev->instance->ops;
	struct uiommu_system *sys = dev->sys;

	if (!faults)
		return;
	/* A driver that parks its devices itself still has it attached. */
	if (faults->enabled && wants(dev->domain) && ops->page_requests_drain)
		ops->page_requests_drain(dev, UIOMMU_RID);
	if (faults->enabled && ops->page_requests_disable)
		ops->page_requests_disable(dev);
	faults->enabled = false;
	uiommu_lock(sys, &sys->table);
	dev->faults = NULL;
	faults->dev = NULL;
	uiommu_unlock(sys, &sys->table);
	flush(faults, true, 0);
	uiommu_faults_put(faults);
}

/* ---- reporting --------------------------------------------------------------------------------- */

static struct uiommu_faults *faults_get(struct uiommu_instance *instance, uint32_t source_id)
{
	struct uiommu_system *sys = instance->sys;
	struct uiommu_faults *faults = NULL;
	struct uiommu_device *dev;

	uiommu_lock(sys, &sys->table);
	dev = uiommu_device_by_id(instance, source_id);
	if (dev && dev->faults) {
		faults = dev->faults;
		faults->refs++;
	}
	uiommu_unlock(sys, &sys->table);
	return faults;
}

static bool changing(const struct uiommu_group *group, uiommu_pasid_t pasid)
{
	return group->changing.depth && group->changing.pasid == pasid;
}

static void try_again(struct consumer *consumer, bool leaving)
{
	consumer->answer = leaving ? UIOMMU_PAGE_INVALID : UIOMMU_PAGE_SUCCESS;
	consumer->error = 0;
}

static void use_domain(struct consumer *consumer, const struct uiommu_domain *domain,
		       struct uiommu_attach_handle *handle, uiommu_pasid_t at)
{
	if (!wants(domain))
		return;
	consumer->handler = domain->page_handler;
	consumer->token = domain->page_token;
	consumer->handle = handle;
	consumer->at = at;
}

/* Who answers @request?  sys->table held. */
static void find_consumer(const struct uiommu_faults *faults,
			  const struct uiommu_page_request *request, struct consumer *consumer)
{
	const bool has_pasid = request->flags & UIOMMU_PAGE_REQUEST_PASID;
	const uiommu_pasid_t pasid = has_pasid ? request->pasid : UIOMMU_RID;
	const struct uiommu_device *dev = faults->dev;
	struct uiommu_group *group = dev ? dev->group : NULL;
	const struct uiommu_slot *rid;

	*consumer = (struct consumer){
		.answer = UIOMMU_PAGE_INVALID,
		.error = -UIOMMU_EINVAL,
	};
	if (!group || dev->requests_closed)
		return;
	if (changing(group, pasid)) {
		try_again(consumer, group->changing.leaving);
		return;
	}
	if (pasid != UIOMMU_RID) {
		const struct uiommu_slot *slot = uiommu_pasid_find(group, pasid);

		if (slot && uiommu_pasid_has(dev, slot)) {
			if (slot->live)
				use_domain(consumer, slot->domain, slot->handle, pasid);
			else
				try_again(consumer, false);
			return;
		}
		/* A guest's own PASID table: what is not attached is the guest's. */
		if (!dev->instance->ops->user_pasid_table || !dev->domain ||
		    uiommu_domain_type(dev->domain) != UIOMMU_DOMAIN_NESTED)
			return;
		if (changing(group, UIOMMU_RID)) {
			try_again(consumer, group->changing.leaving);
			return;
		}
	}
	rid = &group->rid;
	use_domain(consumer, dev->domain,
		   rid->live && rid->domain == dev->domain ? rid->handle : NULL, UIOMMU_RID);
}

/*
 * A request could not be kept.  The oldest of too many is forgotten: its group then reaches the consumer
 * without the request, for which the device asks again.
 */
static void remember_lost(struct uiommu_faults *faults, struct uiommu_fault_key key)
{
	for (unsigned int i = 0; i < faults->num_lost; i++) {
		if (same_key(faults->lost[i], key))
			return;
	}
	if (faults->num_lost < UIOMMU_FAULTS_LOST) {
		faults->lost[faults->num_lost++] = key;
		return;
	}
	faults->lost[faults->next_lost] = key;
	faults->next_lost = (faults->next_lost + 1) % UIOMMU_FAULTS_LOST;
}

static bool was_lost(struct uiommu_faults *faults, struct uiommu_fault_key key)
{
	for (unsigned int i = 0; i < faults->num_lost; i++) {
		if (same_key(faults->lost[i], key)) {
			faults->lost[i] = faults->lost[--faults->num_lost];
			return true;
		}
	}
	return false;
}

static int report_partial(struct uiommu_faults *faults, const struct uiommu_page_request *request)
{
	struct uiommu_system *sys = faults->sys;
	struct uiommu_partial *partial = uiommu_zalloc(sys, sizeof(*partial));
	struct consumer consumer;
	int rc = 0;

	uiommu_lock(sys, &sys->table);
	find_consumer(faults, request, &consumer);
	if (!consumer.handler) {
		rc = consumer.error;
	} else if (!partial || faults->num_partials >= UIOMMU_FAULTS_PARTIALS) {
		remember_lost(faults, key_of(request));
		rc = -UIOMMU_ENOMEM;
	} else {
		partial->at = consumer.at;
		partial->request = *request;
		*faults->partials_end = partial;
		faults->partials_end = &partial->next;
		faults->num_partials++;
		partial = NULL;
	}
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, partial, sizeof(*partial));
	return rc;
}

/* @group is ready to be handed over; sys->table held. */
static void make_pending(struct uiommu_faults *faults, struct uiommu_fault_group *group)
{
	faults->refs++;
	group->faults = faults;
	group->pending = true;
	*faults->pending_end = group;
	faults->pending_end = &group->next;
	faults->num_pending++;
}

static int report_last(struct uiommu_faults *faults, struct uiommu_instance *instance,
		       const struct uiommu_page_request *request)
{
	const bool stall = request->flags & UIOMMU_PAGE_REQUEST_STALL;
	struct uiommu_system *sys = faults->sys;
	struct uiommu_fault_group *group = uiommu_zalloc(sys, sizeof(*group));
	struct uiommu_partial *before = NULL;
	struct consumer consumer;
	unsigned int count = 1;
	bool lost = false;
	int rc = 0;

	uiommu_lock(sys, &faults->handling);
	uiommu_lock(sys, &sys->table);
	find_consumer(faults, request, &consumer);
	if (!stall) {
		before = take_group(faults, key_of(request), &count);
		lost = was_lost(faults, key_of(request));
		if (faults->num_pending >= UIOMMU_FAULTS_PENDING)
			lost = true;
	}
	if (!consumer.handler) {
		rc = consumer.error;
	} else if (lost || !group) {
		consumer.handler = NULL;
		consumer.answer = UIOMMU_PAGE_FAILURE;
	} else {
		group->first = before;
		group->count = count;
		group->last = *request;
		group->at = consumer.at;
		group->handle = consumer.handle;
		make_pending(faults, group);
	}
	uiommu_unlock(sys, &sys->table);

	if (consumer.handler) {
		if (consumer.handler(group, consumer.token))
			uiommu_page_response(group, UIOMMU_PAGE_FAILURE);
	} else {
		uiommu_lock(sys, &faults->responding);
		uiommu_faults_send(instance, request, consumer.answer);
		uiommu_unlock(sys, &faults->responding);
		free_partials(sys, before);
		uiommu_free(sys, group, sizeof(*group));
	}
	uiommu_unlock(sys, &faults->handling);
	return rc;
}

int uiommu_report_page_request(struct uiommu_instance *instance,
			       const struct uiommu_page_request *request)
{
	const bool last = request->flags & (UIOMMU_PAGE_REQUEST_LAST | UIOMMU_PAGE_REQUEST_STALL);
	struct uiommu_faults *faults = instance->sys ? faults_get(instance, request->source_id) :
						       NULL;
	int rc;

	if (!faults) {
		if (last)
			uiommu_faults_send(instance, request, UIOMMU_PAGE_INVALID);
		return -UIOMMU_EINVAL;
	}
	rc = last ? report_last(faults, instance, request) : report_partial(faults, request);
	uiommu_faults_put(faults);
	return rc;
}

void uiommu_page_requests_lost(struct uiommu_instance *instance)
{
	struct uiommu_system *sys = instance->sys;
	struct uiommu_partial *taken = NULL;

	if (!sys)
		return;
	uiommu_lock(sys, &sys->table);
	for (struct uiommu_device *dev = sys->devices; dev; dev = dev->next) {
		struct uiommu_partial *of_one, **end = &of_one;

		if (dev->instance != instance || !dev->faults)
			continue;
		of_one = take_partials(dev->faults, true, 0);
		while (*end)
			end = &(*end)->next;
		*end = taken;
		taken = of_one;
		dev->faults->num_lost = 0;
	}
	uiommu_unlock(sys, &sys->table);
	free_partials(sys, taken);
}

/* ---- consumers --------------------------------------------------------------------------------- */

unsigned int uiommu_fault_group_count(const struct uiommu_fault_group *group)
{
	return group->count;
}

const struct uiommu_page_request *uiommu_fault_group_request(const struct uiommu_fault_group *group,
							     unsigned int index)
{
	const struct uiommu_partial *partial = group->first;

	if (index >= group->count)
		return NULL;
	while (partial && index--)
		partial = partial->next;
	return partial ? &partial->request : &group->last;
}

struct uiommu_device *uiommu_fault_group_device(const struct uiommu_fault_group *group)
{
	struct uiommu_faults *faults = group->faults;
	struct uiommu_device *dev;

	uiommu_lock(faults->sys, &faults->sys->table);
	dev = faults->dev;
	uiommu_unlock(faults->sys, &faults->sys->table);
	return dev;
}
