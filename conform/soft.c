/* SPDX-License-Identifier: MIT */
/* soft.c - a second driver, in software: see soft.h */
#include "conform/soft.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

struct soft_domain {
	struct uiommu_domain domain;
	struct soft *soft;
	struct soft_domain *parent; /* of a nested one */
	struct uiommu_mm *mm; /* of one that is a process's */
	_Atomic(bool) exited;
	struct {
		uiommu_iova_t iova;
		uiommu_phys_t paddr;
		bool used;
	} page[SOFT_PAGES];
};

static struct soft *soft_of(struct uiommu_device *dev)
{
	/* The instance is the first member of its soft_instance. */
	return ((struct soft_instance *)(void *)uiommu_device_instance(dev))->soft;
}

static struct soft_domain *paging(struct uiommu_domain *domain)
{
	return (struct soft_domain *)(void *)domain;
}

/* ---- domains ----------------------------------------------------------------------------------- */

static bool ours(const struct soft *soft, const struct uiommu_domain *domain);

static uint32_t source_id(const struct soft_device *d)
{
	return d->ids ? d->ids[0] : (uint32_t)(d - d->soft->device);
}

static void note(struct soft *soft, enum soft_step step, uint32_t source, uiommu_pasid_t pasid)
{
	unsigned int at = atomic_fetch_add(&soft->events, 1);

	if (at < SOFT_EVENTS)
		soft->event[at] = (struct soft_event){ step, source, pasid };
}

static int prepare(struct uiommu_attach *attach)
{
	struct soft *soft = soft_of(attach->dev);
	struct soft_device *d = uiommu_device_priv(attach->dev);

	if (!d || d->soft != soft || !ours(soft, attach->domain)) {
		soft->mixed_up = true;
		return -UIOMMU_EINVAL;
	}
	if (attach->pasid >= SOFT_PASIDS)
		return -UIOMMU_ENOSPC;
	return attach->domain->type == UIOMMU_DOMAIN_BLOCKED ? 0 : d->attach_error;
}

static void commit(struct uiommu_attach *attach)
{
	struct soft_device *d = uiommu_device_priv(attach->dev);

	note(d->soft, attach->domain->type == UIOMMU_DOMAIN_BLOCKED ? SOFT_BLOCK : SOFT_COMMIT,
	     source_id(d), attach->pasid);
	d->attaches++;
	if (!attach->pasid)
		d->domain = attach->domain;
	else
		d->pasid[attach->pasid] =
			attach->domain->type == UIOMMU_DOMAIN_BLOCKED ? NULL : attach->domain;
}

static const struct uiommu_domain_ops static_ops = {
	.pasid = true,
	.attach_prepare = prepare,
	.attach_commit = commit,
};
static const struct uiommu_domain soft_blocked = { .type = UIOMMU_DOMAIN_BLOCKED,
						   .ops = &static_ops };
static const struct uiommu_domain soft_identity = { .type = UIOMMU_DOMAIN_IDENTITY,
						    .ops = &static_ops };

static int find_page(const struct soft_domain *d, uiommu_iova_t iova)
{
	for (int i = 0; i < SOFT_PAGES; i++)
		if (d->page[i].used && d->page[i].iova == iova)
			return i;
	return -1;
}

static int map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
	       unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather)
{
	struct soft_domain *d = paging(domain);

	(void)prot;
	(void)gather;
	for (*mapped = 0; *mapped < size; *mapped += SOFT_GRANULE) {
		int at = 0;

		if (find_page(d, iova + *mapped) >= 0)
			return -UIOMMU_EADDRINUSE;
		while (at < SOFT_PAGES && d->page[at].used)
			at++;
		if (at == SOFT_PAGES)
			return -UIOMMU_ENOMEM;
		d->page[at].used = true;
		d->page[at].iova = iova + *mapped;
		d->page[at].paddr = paddr + *mapped;
	}
	return 0;
}

static uint64_t unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
		      struct uiommu_iotlb_gather *gather)
{
	struct soft_domain *d = paging(domain);
	uint64_t done = 0;

	while (done < size) {
		int at = find_page(d, iova + done);

		if (at < 0)
			break;
		d->page[at].used = false;
		done += SOFT_GRANULE;
	}
	if (done)
		uiommu_iotlb_gather_add(gather, iova, done);
	return done;
}

/* This hardware has no cache. */
static void iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	(void)domain;
	(void)gather;
}

static void flush_all(struct uiommu_domain *domain)
{
	(void)domain;
}

static uiommu_phys_t iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	const struct soft_domain *d = paging(domain);
	int at = find_page(d, iova & ~4095ull);

	return at < 0 ? 0 : d->page[at].paddr + (iova & 4095);
}

static void domain_free(struct uiommu_domain *domain)
{
	struct soft *soft = paging(domain)->soft;

	note(soft, SOFT_FREE, 0, 0);
	soft->domains--;
	uiommu_port_free(soft->host, domain, sizeof(struct soft_domain));
}

static const struct uiommu_domain_ops paging_ops = {
	.pasid = true,
	.attach_prepare = prepare,
	.attach_commit = commit,
	.map = map,
	.unmap = unmap,
	.iotlb_sync = iotlb_sync,
	.flush_iotlb_all = flush_all,
	.iova_to_phys = iova_to_phys,
	.free = domain_free,
};

/* Its first stage leaves addresses as they are. */
static const struct uiommu_domain_ops nested_ops = {
	.pasid = true,
	.attach_prepare = prepare,
	.attach_commit = commit,
	.free = domain_free,
};

static void mm_invalidate(struct uiommu_domain *domain, uint64_t start, uint64_t last)
{
	struct soft *soft = paging(domain)->soft;
	unsigned int at = atomic_fetch_add(&soft->changes, 1);

	if (at < SOFT_RESPONSES) {
		soft->change[at].start = start;
		soft->change[at].last = last;
	}
}

static void mm_exit(struct uiommu_domain *domain)
{
	atomic_store(&paging(domain)->exited, true);
	atomic_fetch_add(&paging(domain)->soft->exits, 1);
}

static const struct uiommu_domain_ops sva_ops = {
	.pasid = true,
	.attach_prepare = prepare,
	.attach_commit = commit,
	.mm_invalidate = mm_invalidate,
	.mm_exit = mm_exit,
	.free = domain_free,
};

static bool ours(const struct soft *soft, const struct uiommu_domain *domain)
{
	if (domain == &soft_blocked || domain == &soft_identity)
		return true;
	return (domain->ops == &paging_ops || domain->ops == &nested_ops ||
		domain->ops == &sva_ops) &&
	       ((const struct soft_domain *)(const void *)domain)->soft == soft;
}

static int alloc_paging(struct uiommu_device *dev, unsigned int flags, struct uiommu_domain **out)
{
	struct soft *soft = soft_of(dev);
	struct soft_domain *d;

	if (flags & ~(unsigned int)(UIOMMU_ALLOC_PASID | UIOMMU_ALLOC_NEST_PARENT))
		return -UIOMMU_EOPNOTSUPP;
	d = uiommu_port_alloc(soft->host, sizeof(*d));
	if (!d)
		return -UIOMMU_ENOMEM;
	soft->domains++;
	d->soft = soft;
	d->domain.type = UIOMMU_DOMAIN_PAGING;
	d->domain.ops = &paging_ops;
	d->domain.pgsizes = SOFT_GRANULE;
	d->domain.alloc_flags = flags;
	d->domain.geometry = (struct uiommu_geometry){
		.ranges = 1,
		.range = { { 0, (1ull << 48) - 1 } },
		.last_phys = (1ull << 52) - 1,
	};
	*out = &d->domain;
	return 0;
}

static int alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
			enum uiommu_nested_type type, const void *data, size_t size,
			struct uiommu_domain **out)
{
	struct soft *soft = soft_of(dev);
	struct soft_domain *d;

	(void)type;
	(void)data;
	(void)size;
	d = uiommu_port_alloc(soft->host, sizeof(*d));
	if (!d)
		return -UIOMMU_ENOMEM;
	soft->domains++;
	d->soft = soft;
	d->parent = paging(parent);
	d->domain.type = UIOMMU_DOMAIN_NESTED;
	d->domain.ops = &nested_ops;
	d->domain.alloc_flags = UIOMMU_ALLOC_PASID;
	*out = &d->domain;
	return 0;
}

static int alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
		     const struct uiommu_mm_format_info *info, struct uiommu_domain **out)
{
	struct soft *soft = soft_of(dev);
	struct soft_domain *d;

	(void)info;
	if (!((struct soft_device *)uiommu_device_priv(dev))->sva)
		return -UIOMMU_EOPNOTSUPP;
	d = uiommu_port_alloc(soft->host, sizeof(*d));
	if (!d)
		return -UIOMMU_ENOMEM;
	soft->domains++;
	d->soft = soft;
	d->mm = mm;
	d->domain.type = UIOMMU_DOMAIN_SVA;
	d->domain.ops = &sva_ops;
	d->domain.alloc_flags = UIOMMU_ALLOC_PASID;
	*out = &d->domain;
	return 0;
}

static int alloc_identity(struct uiommu_device *dev, struct uiommu_domain **out)
{
	(void)out;
	return soft_of(dev)->identity_error;
}

/* ---- devices ----------------------------------------------------------------------------------- */

/* Its ID is its number, unless the script gives it others. */
static struct soft_device *scripted(struct soft *soft, struct uiommu_device *dev)
{
	for (unsigned int i = 0; i < SOFT_DEVICES; i++)
		if (soft->device[i].ids && soft->device[i].dev == dev)
			return &soft->device[i];
	return &soft->device[uiommu_device_fwspec(dev)->ids[0]];
}

static int probe(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	struct soft *soft = ((struct soft_instance *)(void *)instance)->soft;
	struct soft_device *d = scripted(soft, dev);

	d->probes++;
	soft->too_early |= !instance->ready;
	if (d->probe_error)
		return d->probe_error;
	d->probed_by = instance;
	d->dev = dev; /* siblings look for its group */
	uiommu_device_set_priv(dev, d);
	return 0;
}

static void release(struct uiommu_device *dev)
{
	struct soft_device *d = uiommu_device_priv(dev);

	d->releases++;
	d->parked = d->domain ? d->domain->type : UIOMMU_DOMAIN_AUTO;
	d->pasids_left = 0;
	for (unsigned int i = 0; i < SOFT_PASIDS; i++)
		d->pasids_left += d->pasid[i] != NULL;
	d->domain = NULL;
	memset(d->pasid, 0, sizeof(d->pasid));
}

static void finalize(struct uiommu_device *dev)
{
	((struct soft_device *)uiommu_device_priv(dev))->finalizes++;
}

static int device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct soft_device *d = uiommu_device_priv(dev);

	if (d->single)
		return uiommu_single_device_group(dev, out);
	for (unsigned int i = 0; d->group && i < SOFT_DEVICES; i++) {
		struct soft_device *other = &d->soft->device[i];

		if (other == d || other->group != d->group || !other->dev)
			continue;
		*out = uiommu_group_get_locked(other->dev);
		if (*out)
			return 0;
	}
	return uiommu_generic_device_group(dev, out);
}

static bool capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	const struct soft_device *d = uiommu_device_priv(dev);

	switch (cap) {
	case UIOMMU_CAP_CACHE_COHERENCY:
		return !d->incoherent;
	case UIOMMU_CAP_DEFERRED_FLUSH:
		return d->flush_queue;
	default:
		return false;
	}
}

static int get_resv(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	const struct soft_device *d = uiommu_device_priv(dev);
	int rc = 0;

	for (unsigned int i = 0; !rc && i < d->num_resv; i++)
		rc = uiommu_resv_add(list, d->resv[i].start, d->resv[i].last - d->resv[i].start + 1,
				     d->resv[i].prot, d->resv[i].type);
	return rc;
}

static enum uiommu_domain_type demand(struct uiommu_device *dev)
{
	const struct soft_device *d = uiommu_device_priv(dev);

	return d->demand == UIOMMU_DOMAIN_BLOCKED ? UIOMMU_DOMAIN_AUTO : d->demand;
}

static int configure(struct uiommu_device *dev, void *context)
{
	struct soft_device *d = context;
	const uint32_t id = (uint32_t)(d - d->soft->device);
	int rc;

	if (d->no_iommu)
		return -UIOMMU_ENODEV;
	if (d->ids)
		d->dev = dev; /* how it is found again */
	rc = uiommu_fwspec_init(dev, &d->soft->fwnode[d->instance]);
	if (!rc)
		rc = uiommu_fwspec_add_ids(dev, d->ids ? d->ids : &id, d->ids ? d->num_ids : 1);
	if (!rc && d->second)
		d->second_rc = uiommu_fwspec_init(dev, d->second);
	return rc;
}

/* ---- page requests ----------------------------------------------------------------------------- */

static int requests_enable(struct uiommu_device *dev)
{
	struct soft_device *d = uiommu_device_priv(dev);

	if (!d->asks)
		return -UIOMMU_EOPNOTSUPP;
	if (d->enable_error)
		return d->enable_error;
	note(d->soft, SOFT_ENABLE, source_id(d), 0);
	d->enables++;
	d->asking = true;
	return 0;
}

static void requests_disable(struct uiommu_device *dev)
{
	struct soft_device *d = uiommu_device_priv(dev);

	note(d->soft, SOFT_DISABLE, source_id(d), 0);
	d->disables++;
	d->asking = false;
}

/* Those of @d, or all; what is reported may make the core ask for something. */
static unsigned int report_waiting(struct soft *soft, const struct soft_device *d)
{
	unsigned int reported = 0;

	for (unsigned int i = 0; i < soft->num_waiting;) {
		struct uiommu_page_request request = soft->waiting[i];

		if (d && request.source_id != source_id(d)) {
			i++;
			continue;
		}
		soft->num_waiting--;
		memmove(&soft->waiting[i], &soft->waiting[i + 1],
			(soft->num_waiting - i) * sizeof(request));
		for (unsigned int j = 0; j < SOFT_DEVICES; j++)
			if (soft->device[j].dev && source_id(&soft->device[j]) == request.source_id)
				soft_ask(soft, j, &request);
		reported++;
	}
	return reported;
}

static void requests_drain(struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	struct soft_device *d = uiommu_device_priv(dev);

	if (d->soft->on_drain)
		d->soft->on_drain(d->soft, (unsigned int)(d - d->soft->device), d->soft->context);
	report_waiting(d->soft, d);
	note(d->soft, SOFT_DRAIN, source_id(d), pasid);
}

static void page_response(struct uiommu_instance *instance, const struct uiommu_page_request *last,
			  enum uiommu_page_response_code code)
{
	struct soft *soft = ((struct soft_instance *)(void *)instance)->soft;
	unsigned int at = atomic_fetch_add(&soft->responses, 1);

	if (at < SOFT_RESPONSES)
		soft->response[at] = (struct soft_response){ *last, code };
	note(soft, SOFT_RESPONSE, last->source_id,
	     last->flags & UIOMMU_PAGE_REQUEST_PASID ? last->pasid : 0);
}

static void reset_done(struct uiommu_device *dev)
{
	((struct soft_device *)uiommu_device_priv(dev))->resets++;
}

static unsigned int poll(struct uiommu_instance *instance)
{
	report_waiting(((struct soft_instance *)(void *)instance)->soft, NULL);
	return 0;
}

struct uiommu_page_request soft_page(const struct soft *soft, unsigned int device,
				     uiommu_pasid_t pasid, uint32_t group, uint64_t address,
				     unsigned int prot, bool last)
{
	return (struct uiommu_page_request){
		.source_id = source_id(&soft->device[device]),
		.flags = (pasid ? (unsigned int)UIOMMU_PAGE_REQUEST_PASID : 0u) |
			 (last ? (unsigned int)UIOMMU_PAGE_REQUEST_LAST : 0u),
		.pasid = pasid,
		.group = group,
		.address = address,
		.prot = prot,
		.private_data = { address ^ 0x5a5a, ~address },
	};
}

int soft_ask(struct soft *soft, unsigned int device, const struct uiommu_page_request *request)
{
	return uiommu_report_page_request(&soft->instance[soft->device[device].instance].instance,
					  request);
}

void soft_ask_later(struct soft *soft, const struct uiommu_page_request *request)
{
	if (soft->num_waiting < SOFT_WAITING)
		soft->waiting[soft->num_waiting++] = *request;
}

void soft_poll(struct soft *soft)
{
	for (unsigned int i = 0; i < SOFT_INSTANCES; i++)
		if (soft->instance[i].instance.sys)
			uiommu_instance_poll(&soft->instance[i].instance);
}

unsigned int soft_answers(const struct soft *soft, unsigned int device, uiommu_pasid_t pasid,
			  uint32_t group, enum uiommu_page_response_code *code)
{
	unsigned int responses = atomic_load(&((struct soft *)(uintptr_t)soft)->responses);
	unsigned int count = 0;

	for (unsigned int i = 0; i < responses && i < SOFT_RESPONSES; i++) {
		const struct uiommu_page_request *last = &soft->response[i].last;
		uiommu_pasid_t with = last->flags & UIOMMU_PAGE_REQUEST_PASID ? last->pasid : 0;

		if (last->source_id != source_id(&soft->device[device]) || with != pasid ||
		    last->group != group)
			continue;
		if (code)
			*code = soft->response[i].code;
		count++;
	}
	return count;
}

unsigned int soft_find(const struct soft *soft, unsigned int from, enum soft_step step,
		       unsigned int device, uiommu_pasid_t pasid)
{
	unsigned int events = atomic_load(&((struct soft *)(uintptr_t)soft)->events);

	for (unsigned int i = from; i < events && i < SOFT_EVENTS; i++)
		if (soft->event[i].step == step &&
		    (step == SOFT_FREE ||
		     (soft->event[i].source_id == source_id(&soft->device[device]) &&
		      soft->event[i].pasid == pasid)))
			return i;
	return UINT_MAX;
}

/* ---- from outside ------------------------------------------------------------------------------ */

struct soft *soft_create(struct subject *s, struct uiommu_system *sys)
{
	void *host = uiommu_system_host(sys);
	struct soft *soft = uiommu_port_alloc(host, sizeof(*soft));

	/* One allocation of a run may be made to fail, and only one. */
	if (!soft)
		soft = uiommu_port_alloc(host, sizeof(*soft));
	CHECK(s, soft, "no memory for the second driver");
	soft->sys = sys;
	soft->host = host;
	soft->identity_error = -UIOMMU_EOPNOTSUPP;
	for (unsigned int i = 0; i < SOFT_INSTANCES; i++) {
		static const char *const names[SOFT_INSTANCES] = { "soft0", "soft1" };

		soft->fwnode[i].name = names[i];
		soft->instance[i].soft = soft;
		soft->ops[i] = (struct uiommu_ops){
			.name = "soft",
			.identity_domain = &soft_identity,
			.blocked_domain = &soft_blocked,
			.release_domain = &soft_blocked,
			.probe_device = probe,
			.release_device = release,
			.probe_finalize = finalize,
			.device_group = device_group,
			.capable = capable,
			.get_resv_regions = get_resv,
			.def_domain_type = demand,
			.domain_alloc_paging = alloc_paging,
			.domain_alloc_identity = alloc_identity,
			.domain_alloc_nested = alloc_nested,
			.domain_alloc_sva = alloc_sva,
			.page_requests_enable = requests_enable,
			.page_requests_disable = requests_disable,
			.page_requests_drain = requests_drain,
			.page_response = page_response,
			.reset_done = reset_done,
			.poll = poll,
		};
	}
	for (unsigned int i = 0; i < SOFT_DEVICES; i++)
		soft->device[i].soft = soft;
	return soft;
}

void soft_destroy(struct soft *soft)
{
	for (unsigned int i = 0; i < SOFT_DEVICES; i++)
		soft_remove(soft, i);
	for (unsigned int i = 0; i < SOFT_INSTANCES; i++)
		soft_stop(soft, i);
	uiommu_port_free(soft->host, soft, sizeof(*soft));
}

int soft_start(struct soft *soft, unsigned int instance)
{
	struct uiommu_instance *registered = &soft->instance[instance].instance;

	*registered = (struct uiommu_instance){
		.ops = &soft->ops[soft->table[instance]],
		.fwnode = &soft->fwnode[instance],
		.name = soft->fwnode[instance].name,
		.max_pasids = SOFT_PASIDS,
	};
	return uiommu_instance_register(soft->sys, registered);
}

void soft_stop(struct soft *soft, unsigned int instance)
{
	uiommu_instance_unregister(&soft->instance[instance].instance);
}

int soft_add(struct soft *soft, unsigned int device)
{
	struct soft_device *d = &soft->device[device];
	const struct uiommu_device_desc desc = {
		.name = d->name ? d->name : "soft",
		.bus = d->bus ? d->bus : "soft",
		.configure = configure,
		.context = d,
		.pci = d->pci,
		.pasid_bits = d->pasid_bits,
		.untrusted = d->untrusted,
	};

	return uiommu_device_add(soft->sys, &desc, &d->dev);
}

void soft_remove(struct soft *soft, unsigned int device)
{
	uiommu_device_remove(soft->device[device].dev);
	soft->device[device].dev = NULL;
}

uint64_t soft_translate(const struct soft *soft, unsigned int device, uiommu_pasid_t pasid,
			uiommu_iova_t iova)
{
	const struct soft_device *d = &soft->device[device];
	const struct uiommu_domain *domain = pasid ? d->pasid[pasid] : d->domain;
	const struct soft_domain *pages = (const struct soft_domain *)(const void *)domain;
	int at;

	if (!domain || domain->type == UIOMMU_DOMAIN_BLOCKED)
		return SOFT_BLOCKED;
	if (domain->type == UIOMMU_DOMAIN_IDENTITY)
		return iova;
	if (domain->type == UIOMMU_DOMAIN_SVA) {
		struct soft_domain *process = (struct soft_domain *)(uintptr_t)pages;
		uiommu_phys_t phys = atomic_load(&process->exited) || !soft->mm_phys ?
					     0 :
					     soft->mm_phys(process->mm, iova);

		return phys ? phys : SOFT_BLOCKED;
	}
	if (domain->type == UIOMMU_DOMAIN_NESTED)
		pages = pages->parent;
	at = find_page(pages, iova & ~4095ull);
	return at < 0 ? SOFT_BLOCKED : pages->page[at].paddr + (iova & 4095);
}
