/* SPDX-License-Identifier: MIT */
/*
 * sva.c - devices on the page tables of processes
 *
 * For each address space that was ever bound there is one record: its PASID, the SVA domains that walk it
 * (one for each kind of hardware that needed one), and the bonds of groups to it.  The record is the
 * host's subscriber.  It lives until the host says that the address space's structure is gone; then the
 * PASID returns to the pool.  Each domain holds the structure, a record does not.
 *
 * sys->sva serialises binding and unbinding.  The host's callbacks do not take it, because the host may call
 * them with locks that the port's functions take under sys->sva:
 *   invalidate, exit   take the record's mutex, which covers its list of domains and whether it has exited
 *   gone               takes sys->table, which covers the list of records.  It comes when nobody holds
 *                      the structure any more: then no domain is left, and nobody can bind.
 * The last hold may be a domain's, so it is given back after sys->sva was released, and the record is not
 * touched after that.
 */
#include "src/core/faults.h"

/* A domain that walks the tables of the record's address space. */
struct walker {
	struct walker *next;
	struct uiommu_domain *domain;
};

struct uiommu_sva_mm {
	struct uiommu_mm_subscriber subscriber; /* first: the host hands it back */
	struct uiommu_sva_mm *next;
	struct uiommu_system *sys;
	struct uiommu_mm *mm;
	uiommu_pasid_t pasid;
	struct uiommu_sva *bonds; /* sys->sva */
	struct uiommu_mutex mutex;
	struct walker *walkers; /* changed with sys->sva too */
	bool exited;
};

struct uiommu_sva {
	struct uiommu_sva *next;
	struct uiommu_system *sys;
	struct uiommu_sva_mm *record; /* NULL: the system was destroyed */
	struct uiommu_group *group; /* a reference */
	struct uiommu_domain *domain;
	struct uiommu_attach_handle handle;
	uiommu_pasid_t pasid;
	unsigned int users;
};

/* ---- page requests ----------------------------------------------------------------------------- */

static int bring(struct uiommu_domain *domain, const struct uiommu_page_request *request)
{
	unsigned int prot = request->prot & (UIOMMU_READ | UIOMMU_WRITE | UIOMMU_PRIV);

	/* What is only announced will be read. */
	if (!(prot & (UIOMMU_READ | UIOMMU_WRITE)))
		prot |= UIOMMU_READ;
	if (!request->execute)
		prot |= UIOMMU_NOEXEC;
	return uiommu_port_mm_fault(domain->sys->host, domain->mm, request->address, prot);
}

/* In order; after the first that fails the others are not tried. */
static int answer_from_mm(struct uiommu_fault_group *group, void *token)
{
	struct uiommu_domain *domain = token;
	int rc = 0;

	for (const struct uiommu_partial *partial = group->first; partial && !rc;
	     partial = partial->next)
		rc = bring(domain, &partial->request);
	if (!rc)
		rc = bring(domain, &group->last);
	uiommu_page_response(group, rc ? UIOMMU_PAGE_INVALID : UIOMMU_PAGE_SUCCESS);
	return 0;
}

/* ---- the host's callbacks ---------------------------------------------------------------------- */

static void on_invalidate(struct uiommu_mm_subscriber *subscriber, uint64_t start, uint64_t last)
{
	struct uiommu_sva_mm *record = (struct uiommu_sva_mm *)subscriber;

	uiommu_lock(record->sys, &record->mutex);
	for (struct walker *walker = record->walkers; walker && !record->exited;
	     walker = walker->next)
		walker->domain->ops->mm_invalidate(walker->domain, start, last);
	uiommu_unlock(record->sys, &record->mutex);
}

static void on_exit(struct uiommu_mm_subscriber *subscriber)
{
	struct uiommu_sva_mm *record = (struct uiommu_sva_mm *)subscriber;

	uiommu_lock(record->sys, &record->mutex);
	record->exited = true;
	for (struct walker *walker = record->walkers; walker; walker = walker->next)
		walker->domain->ops->mm_exit(walker->domain);
	uiommu_unlock(record->sys, &record->mutex);
}

static bool has_exited(struct uiommu_sva_mm *record)
{
	bool exited;

	uiommu_lock(record->sys, &record->mutex);
	exited = record->exited;
	uiommu_unlock(record->sys, &record->mutex);
	return exited;
}

/* ---- records ----------------------------------------------------------------------------------- */

bool uiommu_sva_owns_pasid(const struct uiommu_system *sys, uiommu_pasid_t pasid)
{
	const struct uiommu_sva_mm *record = sys->mms;

	while (record && record->pasid != pasid)
		record = record->next;
	return record;
}

/* The host knows the record no more; its PASID can be used again. */
static void record_free(struct uiommu_sva_mm *record)
{
	struct uiommu_system *sys = record->sys;
	struct uiommu_sva_mm **link = &sys->mms;
	uint64_t *empty;
	size_t size;

	uiommu_lock(sys, &sys->table);
	while (*link && *link != record)
		link = &(*link)->next;
	if (*link)
		*link = record->next;
	uiommu_pasid_give(sys, record->pasid, &empty, &size);
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, empty, size);
	uiommu_port_mutex_destroy(sys->host, &record->mutex);
	uiommu_free(sys, record, sizeof(*record));
}

static void on_gone(struct uiommu_mm_subscriber *subscriber)
{
	record_free((struct uiommu_sva_mm *)subscriber);
}

static struct uiommu_sva_mm *record_find(struct uiommu_system *sys, const struct uiommu_mm *mm)
{
	struct uiommu_sva_mm *record;

	uiommu_lock(sys, &sys->table);
	for (record = sys->mms; record && record->mm != mm; record = record->next)
		;
	uiommu_unlock(sys, &sys->table);
	return record;
}

static int record_create(struct uiommu_system *sys, struct uiommu_mm *mm, uint32_t limit,
			 struct uiommu_sva_mm **out)
{
	struct uiommu_sva_mm *record = uiommu_zalloc(sys, sizeof(*record));
	uint64_t *empty;
	size_t size;
	int rc;

	if (!record)
		return -UIOMMU_ENOMEM;
	record->subscriber.invalidate = on_invalidate;
	record->subscriber.exit = on_exit;
	record->subscriber.gone = on_gone;
	record->sys = sys;
	record->mm = mm;
	rc = uiommu_port_mutex_init(sys->host, &record->mutex);
	if (rc)
		goto err_free;
	rc = uiommu_pasid_take(sys, limit, &record->pasid);
	if (rc)
		goto err_mutex;
	rc = uiommu_port_mm_subscribe(sys->host, mm, &record->subscriber);
	if (rc)
		goto err_pasid;
	uiommu_lock(sys, &sys->table);
	record->next = sys->mms;
	sys->mms = record;
	uiommu_unlock(sys, &sys->table);
	*out = record;
	return 0;

err_pasid:
	uiommu_lock(sys, &sys->table);
	uiommu_pasid_give(sys, record->pasid, &empty, &size);
	uiommu_unlock(sys, &sys->table);
	uiommu_free(sys, empty, size);
err_mutex:
	uiommu_port_mutex_destroy(sys->host, &record->mutex);
err_free:
	uiommu_free(sys, record, sizeof(*record));
	return rc;
}

static void record_destroy(struct uiommu_sva_mm *record)
{
	uiommu_port_mm_unsubscribe(record->sys->host, record->mm, &record->subscriber);
	record_free(record);
}

/* ---- domains ----------------------------------------------------------------------------------- */

static int walker_create(struct uiommu_sva_mm *record, struct uiommu_device *dev,
			 const struct uiommu_ops *ops, const struct uiommu_mm_format_info *info,
			 struct walker **out)
{
	struct uiommu_system *sys = record->sys;
	struct walker *walker = uiommu_zalloc(sys, sizeof(*walker));
	int rc;

	if (!walker)
		return -UIOMMU_ENOMEM;
	uiommu_port_mm_get(sys->host, record->mm);
	rc = ops->domain_alloc_sva(dev, record->mm, info, &walker->domain);
	if (!rc)
		rc = uiommu_domain_adopt(sys, ops, walker->domain);
	if (rc)
		goto err;
	walker->domain->mm = record->mm;
	walker->domain->page_handler = answer_from_mm;
	walker->domain->page_token = walker->domain;
	/* From here on it hears of changes, before anything can have been cached. */
	uiommu_lock(sys, &record->mutex);
	if (record->exited) {
		rc = -UIOMMU_ENOENT;
	} else {
		walker->next = record->walkers;
		record->walkers = walker;
	}
	uiommu_unlock(sys, &record->mutex);
	if (rc) {
		uiommu_domain_free(walker->domain);
		goto err;
	}
	*out = walker;
	return 0;

err:
	/* Not the last: the caller of bind has one. */
	uiommu_port_mm_put(sys->host, record->mm);
	uiommu_free(sys, walker, sizeof(*walker));
	return rc;
}

static bool is_bonded(const struct uiommu_sva_mm *record, const struct uiommu_domain *domain)
{
	const struct uiommu_sva *bond = record->bonds;

	while (bond && bond->domain != domain)
		bond = bond->next;
	return bond;
}

/* Free @domain if nobody needs it.  True: the caller gives back its hold on the address space. */
static bool walker_release(struct uiommu_sva_mm *record, struct uiommu_domain *domain)
{
	struct uiommu_system *sys = record->sys;
	struct walker **link = &record->walkers, *walker;

	/* In use without a bond: it could not be blocked, so it has to hear of changes on. */
	if (is_bonded(record, domain) || __atomic_load_n(domain->users, __ATOMIC_ACQUIRE))
		return false;
	uiommu_lock(sys, &record->mutex);
	while ((*link)->domain != domain)
		link = &(*link)->next;
	walker = *link;
	*link = walker->next;
	uiommu_unlock(sys, &record->mutex);
	uiommu_domain_free(domain);
	uiommu_free(sys, walker, sizeof(*walker));
	return true;
}

/* ---- bonds ------------------------------------------------------------------------------------- */

/* How many PASIDs all members of @group know that know any. */
static uint32_t group_limit(struct uiommu_group *group)
{
	uint32_t limit = UINT32_MAX;

	uiommu_lock(group->sys, &group->mutex);
	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		uint32_t max = uiommu_device_max_pasids(dev);

		if (max && max < limit)
			limit = max;
	}
	uiommu_unlock(group->sys, &group->mutex);
	return limit;
}

enum attachment {
	ABSENT, /* its members have left, and with them what they were attached to */
	ELSEWHERE, /* @dev has joined the group later and does not have it */
	PRESENT,
};

static enum attachment bond_attachment(struct uiommu_sva *bond, const struct uiommu_device *dev)
{
	struct uiommu_system *sys = bond->sys;
	enum attachment result = ABSENT;
	const struct uiommu_slot *slot;

	uiommu_lock(sys, &sys->table);
	slot = uiommu_pasid_find(bond->group, bond->pasid);
	if (slot && slot->handle == &bond->handle)
		result = uiommu_pasid_has(dev, slot) ? PRESENT : ELSEWHERE;
	uiommu_unlock(sys, &sys->table);
	return result;
}

static int bond_attach(struct uiommu_sva *bond, struct uiommu_device *dev,
		       struct uiommu_domain *domain)
{
	int rc = uiommu_attach_device_pasid(domain, dev, bond->pasid, &bond->handle);

	if (rc == -UIOMMU_EINVAL)
		rc = -UIOMMU_EOPNOTSUPP; /* it does not fit: there is no other to try */
	if (rc)
		return rc;
	/* The device has changed its group, or the process has exited, since we looked. */
	if (bond_attachment(bond, dev) != PRESENT)
		rc = -UIOMMU_ENODEV;
	else if (has_exited(bond->record))
		rc = -UIOMMU_ENOENT;
	if (rc == -UIOMMU_ENODEV)
		uiommu_detach_device_pasid(domain, dev, bond->pasid);
	else if (rc)
		uiommu_pasid_detach_handle(bond->group, bond->pasid, &bond->handle);
	return rc;
}

static int bond_attach_any(struct uiommu_sva *bond, struct uiommu_device *dev,
			   const struct uiommu_ops *ops, const struct uiommu_mm_format_info *info)
{
	struct uiommu_sva_mm *record = bond->record;
	struct walker *walker;
	int rc;

	/* Whatever the reason, the next one may do. */
	for (walker = record->walkers; walker; walker = walker->next) {
		if (walker->domain->owner == ops && !bond_attach(bond, dev, walker->domain)) {
			bond->domain = walker->domain;
			return 0;
		}
	}
	rc = walker_create(record, dev, ops, info, &walker);
	if (rc)
		return rc;
	rc = bond_attach(bond, dev, walker->domain);
	if (!rc)
		bond->domain = walker->domain;
	else if (walker_release(record, walker->domain))
		uiommu_port_mm_put(record->sys->host, record->mm); /* not the last either */
	return rc;
}

static int bond_create(struct uiommu_sva_mm *record, struct uiommu_device *dev,
		       struct uiommu_group *group, const struct uiommu_mm_format_info *info,
		       struct uiommu_sva **out)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);
	struct uiommu_system *sys = record->sys;
	struct uiommu_sva *bond;
	int rc;

	if (!instance)
		return -UIOMMU_ENODEV;
	bond = uiommu_zalloc(sys, sizeof(*bond));
	if (!bond)
		return -UIOMMU_ENOMEM;
	bond->sys = sys;
	bond->record = record;
	bond->group = group;
	bond->pasid = record->pasid;
	bond->users = 1;
	rc = bond_attach_any(bond, dev, instance->ops, info);
	if (rc) {
		uiommu_free(sys, bond, sizeof(*bond));
		return rc;
	}
	uiommu_lock(sys, &sys->table);
	group->refs++;
	uiommu_unlock(sys, &sys->table);
	bond->next = record->bonds;
	record->bonds = bond;
	*out = bond;
	return 0;
}

static int bind_record(struct uiommu_sva_mm *record, struct uiommu_device *dev,
		       struct uiommu_group *group, const struct uiommu_mm_format_info *info,
		       struct uiommu_sva **out)
{
	for (struct uiommu_sva *bond = record->bonds; bond; bond = bond->next) {
		if (bond->group != group)
			continue;
		switch (bond_attachment(bond, dev)) {
		case PRESENT:
			bond->users++;
			*out = bond;
			return 0;
		case ELSEWHERE:
			return -UIOMMU_EBUSY;
		case ABSENT:
			break;
		}
	}
	return bond_create(record, dev, group, info, out);
}

static int bind_locked(struct uiommu_device *dev, struct uiommu_group *group, struct uiommu_mm *mm,
		       struct uiommu_sva **out)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);
	struct uiommu_system *sys = dev->sys;
	struct uiommu_mm_format_info info = { 0 };
	struct uiommu_sva_mm *record;
	uint32_t limit;
	bool fresh;
	int rc;

	if (!instance)
		return -UIOMMU_ENODEV;
	if (!instance->ops->domain_alloc_sva || !uiommu_device_max_pasids(dev))
		return -UIOMMU_EOPNOTSUPP;
	rc = uiommu_port_mm_describe(sys->host, mm, &info);
	if (rc)
		return rc;
	if (info.tagged_pointers)
		return -UIOMMU_EBUSY;
	limit = group_limit(group);
	record = record_find(sys, mm);
	fresh = !record;
	if (fresh) {
		rc = record_create(sys, mm, limit, &record);
		if (rc)
			return rc;
	}
	if (has_exited(record))
		rc = -UIOMMU_ENOENT;
	else if (record->pasid >= limit)
		rc = -UIOMMU_EOVERFLOW;
	else
		rc = bind_record(record, dev, group, &info, out);
	if (rc && fresh && !record->walkers)
		record_destroy(record);
	return rc;
}

int uiommu_sva_bind_device(struct uiommu_device *dev, struct uiommu_mm *mm, struct uiommu_sva **out)
{
	struct uiommu_system *sys = dev->sys;
	struct uiommu_group *group = uiommu_group_get(dev);
	int rc;

	*out = NULL;
	if (!group)
		return -UIOMMU_ENODEV;
	uiommu_lock(sys, &sys->sva);
	rc = bind_locked(dev, group, mm, out);
	uiommu_unlock(sys, &sys->sva);
	uiommu_group_put(group);
	return rc;
}

static void bond_free(struct uiommu_sva *bond)
{
	struct uiommu_group *group = bond->group;

	uiommu_free(bond->sys, bond, sizeof(*bond));
	uiommu_group_put(group);
}

void uiommu_sva_unbind_device(struct uiommu_sva *sva)
{
	struct uiommu_sva_mm *record;
	struct uiommu_system *sys;
	struct uiommu_mm *mm = NULL;
	struct uiommu_sva **link;

	if (!sva)
		return;
	sys = sva->sys;
	uiommu_lock(sys, &sys->sva);
	if (--sva->users) {
		uiommu_unlock(sys, &sys->sva);
		return;
	}
	record = sva->record;
	if (record) {
		uiommu_pasid_detach_handle(sva->group, sva->pasid, &sva->handle);
		for (link = &record->bonds; *link != sva; link = &(*link)->next)
			;
		*link = sva->next;
		if (walker_release(record, sva->domain))
			mm = record->mm;
	}
	uiommu_unlock(sys, &sys->sva);
	bond_free(sva);
	/* Perhaps the last: then the record goes too, from inside. */
	if (mm)
		uiommu_port_mm_put(sys->host, mm);
}

uiommu_pasid_t uiommu_sva_pasid(const struct uiommu_sva *sva)
{
	return sva->pasid;
}

/* The system is destroyed; its devices have been removed.  Bonds that were forgotten stay to be unbound. */
void uiommu_sva_end(struct uiommu_system *sys)
{
	while (sys->mms) {
		struct uiommu_sva_mm *record = sys->mms;
		struct uiommu_mm *mm = record->mm;
		unsigned int holds = 0;

		/* Nothing may call back into what is freed below. */
		uiommu_port_mm_unsubscribe(sys->host, mm, &record->subscriber);
		if (record->bonds)
			uiommu_log(sys->host, UIOMMU_LOG_WARN,
				   "system destroyed while PASID %u is still bound", record->pasid);
		while (record->bonds) {
			struct uiommu_sva *bond = record->bonds;

			record->bonds = bond->next;
			bond->record = NULL;
			holds += walker_release(record, bond->domain);
		}
		record_free(record);
		while (holds--)
			uiommu_port_mm_put(sys->host, mm);
	}
}
