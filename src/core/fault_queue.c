/* SPDX-License-Identifier: MIT */
/*
 * fault_queue.c - who answers for a domain: a handler, or a queue that is read later
 *
 * A queue is a handler of the core's own that puts groups on a list.  A group in it is unread or read, always
 * pending, and belongs to the queue: whoever answers it takes it off the list and frees it.  Everything of a
 * queue is covered by sys->table.
 */
#include "src/core/faults.h"

struct list {
	struct uiommu_fault_group *first;
	struct uiommu_fault_group **end; /* NULL: as if &first */
};

struct uiommu_fault_queue {
	struct uiommu_system *sys;
	void (*notify)(void *token);
	void *token;
	unsigned int domains;
	uint32_t last_cookie;
	struct list unread, read;
};

static void append(struct list *list, struct uiommu_fault_group *group)
{
	group->queue_next = NULL;
	*(list->end ? list->end : &list->first) = group;
	list->end = &group->queue_next;
}

static void prepend(struct list *list, struct uiommu_fault_group *group)
{
	group->queue_next = list->first;
	if (!list->first)
		list->end = &group->queue_next;
	list->first = group;
}

static bool unlink_from(struct list *list, const struct uiommu_fault_group *group)
{
	struct uiommu_fault_group **link = &list->first;

	while (*link && *link != group)
		link = &(*link)->queue_next;
	if (!*link)
		return false;
	*link = group->queue_next;
	if (!*link)
		list->end = link;
	return true;
}

void uiommu_fault_queue_remove(struct uiommu_fault_group *group)
{
	struct uiommu_fault_queue *queue = group->queue;

	if (!unlink_from(&queue->unread, group))
		unlink_from(&queue->read, group);
	group->queue = NULL;
}

static struct uiommu_fault_group *find_read(struct uiommu_fault_queue *queue, uint32_t cookie)
{
	struct uiommu_fault_group *group = queue->read.first;

	while (group && group->cookie != cookie)
		group = group->queue_next;
	return group;
}

static bool cookie_taken(const struct list *list, uint32_t cookie)
{
	for (const struct uiommu_fault_group *group = list->first; group;
	     group = group->queue_next) {
		if (group->cookie == cookie)
			return true;
	}
	return false;
}

/* As a page request handler: the group was pending before it gets here, so a detach finds it. */
static int take(struct uiommu_fault_group *group, void *token)
{
	struct uiommu_fault_queue *queue = token;
	struct uiommu_system *sys = queue->sys;

	uiommu_lock(sys, &sys->table);
	group->queue = queue;
	/* The first round of 2^32 needs no look at the others, and later ones meet few. */
	do {
		queue->last_cookie++;
	} while (!queue->last_cookie || cookie_taken(&queue->read, queue->last_cookie) ||
		 cookie_taken(&queue->unread, queue->last_cookie));
	group->cookie = queue->last_cookie;
	append(&queue->unread, group);
	uiommu_unlock(sys, &sys->table);
	if (queue->notify)
		queue->notify(queue->token);
	return 0;
}

int uiommu_fault_queue_create(struct uiommu_system *sys, void (*notify)(void *token), void *token,
			      struct uiommu_fault_queue **out)
{
	struct uiommu_fault_queue *queue = uiommu_zalloc(sys, sizeof(*queue));

	*out = queue;
	if (!queue)
		return -UIOMMU_ENOMEM;
	queue->sys = sys;
	queue->notify = notify;
	queue->token = token;
	return 0;
}

int uiommu_fault_queue_destroy(struct uiommu_fault_queue *queue)
{
	struct uiommu_system *sys;
	bool busy;

	if (!queue)
		return 0;
	sys = queue->sys;
	uiommu_lock(sys, &sys->table);
	busy = queue->domains;
	uiommu_unlock(sys, &sys->table);
	if (busy)
		return -UIOMMU_EBUSY;
	uiommu_free(sys, queue, sizeof(*queue));
	return 0;
}

static int set_consumer(struct uiommu_domain *domain,
			int (*handler)(struct uiommu_fault_group *group, void *token), void *token)
{
	enum uiommu_domain_type type;
	struct uiommu_system *sys;
	int rc = 0;

	if (!domain || !domain->users)
		return -UIOMMU_EINVAL;
	type = uiommu_domain_type(domain);
	if (type != UIOMMU_DOMAIN_PAGING && type != UIOMMU_DOMAIN_NESTED)
		return -UIOMMU_EINVAL;
	sys = domain->sys;
	uiommu_lock(sys, &sys->table);
	if (__atomic_load_n(domain->users, __ATOMIC_ACQUIRE)) {
		rc = -UIOMMU_EBUSY;
	} else {
		if (domain->page_handler == take)
			((struct uiommu_fault_queue *)domain->page_token)->domains--;
		domain->page_handler = handler;
		domain->page_token = token;
		if (handler == take)
			((struct uiommu_fault_queue *)token)->domains++;
	}
	uiommu_unlock(sys, &sys->table);
	return rc;
}

int uiommu_set_page_request_handler(struct uiommu_domain *domain,
				    int (*handler)(struct uiommu_fault_group *group, void *token),
				    void *token)
{
	return set_consumer(domain, handler, token);
}

int uiommu_set_fault_queue(struct uiommu_domain *domain, struct uiommu_fault_queue *queue)
{
	if (queue && domain && domain->users && queue->sys != domain->sys)
		return -UIOMMU_EINVAL;
	return set_consumer(domain, queue ? take : NULL, queue);
}

static void fill(struct uiommu_fault_record *record, const struct uiommu_fault_group *group,
		 const struct uiommu_page_request *request)
{
	record->request = *request;
	/* Unanswered, so the device is there. */
	record->device = group->faults->dev;
	record->cookie = group->cookie;
	record->handle = group->handle;
}

int uiommu_fault_queue_read(struct uiommu_fault_queue *queue, struct uiommu_fault_record *records,
			    size_t capacity, size_t *count)
{
	struct uiommu_system *sys = queue->sys;
	struct uiommu_fault_group *group;
	int rc = 0;

	*count = 0;
	uiommu_lock(sys, &sys->table);
	group = queue->unread.first;
	if (group && group->count > capacity) {
		rc = -UIOMMU_EINVAL;
	} else if (group) {
		for (const struct uiommu_partial *partial = group->first; partial;
		     partial = partial->next)
			fill(&records[(*count)++], group, &partial->request);
		fill(&records[(*count)++], group, &group->last);
		unlink_from(&queue->unread, group);
		append(&queue->read, group);
	}
	uiommu_unlock(sys, &sys->table);
	return rc;
}

void uiommu_fault_queue_unread(struct uiommu_fault_queue *queue, uint32_t cookie)
{
	struct uiommu_system *sys = queue->sys;
	struct uiommu_fault_group *group;

	uiommu_lock(sys, &sys->table);
	group = find_read(queue, cookie);
	if (group) {
		unlink_from(&queue->read, group);
		prepend(&queue->unread, group);
	}
	uiommu_unlock(sys, &sys->table);
}

bool uiommu_fault_queue_pending(struct uiommu_fault_queue *queue)
{
	struct uiommu_system *sys = queue->sys;
	bool pending;

	uiommu_lock(sys, &sys->table);
	pending = queue->unread.first;
	uiommu_unlock(sys, &sys->table);
	return pending;
}

int uiommu_fault_queue_respond(struct uiommu_fault_queue *queue, uint32_t cookie,
			       enum uiommu_page_response_code code)
{
	struct uiommu_system *sys = queue->sys;
	struct uiommu_fault_group *group;
	struct uiommu_faults *faults = NULL;

	if (code != UIOMMU_PAGE_SUCCESS && code != UIOMMU_PAGE_INVALID)
		return -UIOMMU_EINVAL;
	uiommu_lock(sys, &sys->table);
	group = find_read(queue, cookie);
	if (group) {
		faults = group->faults;
		faults->refs++;
	}
	uiommu_unlock(sys, &sys->table);
	if (!faults)
		return -UIOMMU_EINVAL;

	/* Look again with the mutex that keeps it from being answered by others. */
	uiommu_lock(sys, &faults->responding);
	uiommu_lock(sys, &sys->table);
	group = find_read(queue, cookie);
	if (group) {
		uiommu_fault_queue_remove(group);
		uiommu_fault_group_claim(group);
	}
	uiommu_unlock(sys, &sys->table);
	if (group)
		uiommu_faults_send(faults->instance, &group->last, code);
	uiommu_unlock(sys, &faults->responding);
	if (group)
		uiommu_fault_group_free(group);
	uiommu_faults_put(faults);
	return group ? 0 : -UIOMMU_EINVAL;
}
