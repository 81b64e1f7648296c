/* SPDX-License-Identifier: MIT */
/* mock.c - see mock.h */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/core/mock.h"

/* ---- domains ---- */

static struct mock *mock_of(struct uiommu_device *dev)
{
	return uiommu_device_instance(dev)->fwnode->name ?
		       (struct mock *)(uintptr_t)uiommu_device_instance(dev)->fwnode->name :
		       NULL;
}

static struct mock_script *script_of(struct uiommu_device *dev)
{
	return uiommu_device_priv(dev);
}

static int refuse(struct mock_script *script, const struct uiommu_attach *attach)
{
	if (!script->attach_error || !script->attach_error_count)
		return 0;
	if (script->attach_error_domain ? script->attach_error_domain != attach->domain :
					  !attach->domain->users)
		return 0;
	if (script->attach_error_count > 0)
		script->attach_error_count--;
	return script->attach_error;
}

static int prepare(struct uiommu_attach *attach)
{
	struct mock_script *script = script_of(attach->dev);
	struct uiommu_domain *have = attach->pasid ? script->pasids[attach->pasid] : script->rid;

	/* The core has to know what is attached. */
	if (attach->old && attach->old != have)
		abort();
	return refuse(script, attach);
}

static void commit(struct uiommu_attach *attach)
{
	struct mock_script *script = script_of(attach->dev);

	script->attaches++;
	if (!attach->pasid)
		script->rid = attach->domain;
	else
		script->pasids[attach->pasid] = attach->domain == &mock_blocked ? NULL :
										  attach->domain;
	if (mock_of(attach->dev)->on_commit)
		mock_of(attach->dev)->on_commit(mock_of(attach->dev), attach);
}

static void abort_attach(struct uiommu_attach *attach)
{
	script_of(attach->dev)->aborts++;
}

static int attach_single(struct uiommu_attach *attach)
{
	int rc = prepare(attach);

	if (!rc)
		commit(attach);
	return rc;
}

static const struct uiommu_domain_ops static_ops = {
	.pasid = true,
	.attach_prepare = prepare,
	.attach_commit = commit,
	.attach_abort = abort_attach,
};
const struct uiommu_domain mock_blocked = { .type = UIOMMU_DOMAIN_BLOCKED, .ops = &static_ops };
const struct uiommu_domain mock_identity = { .type = UIOMMU_DOMAIN_IDENTITY, .ops = &static_ops };

static struct mock_domain *paging(struct uiommu_domain *domain)
{
	return (struct mock_domain *)domain;
}

static int find_page(struct mock_domain *d, uiommu_iova_t iova)
{
	for (int i = 0; i < MOCK_PAGES; i++) {
		if (d->page[i].used && d->page[i].iova == iova)
			return i;
	}
	return -1;
}

static int map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
	       unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather)
{
	struct mock_domain *d = paging(domain);
	struct mock *mock = d->mock;

	(void)prot;
	(void)gather;
	*mapped = 0;
	if (mock->map_nothing)
		return 0;
	while (*mapped < size) {
		int at = 0;

		if (mock->map_limit && *mapped == mock->map_limit * 4096)
			return 0;
		if (find_page(d, iova + *mapped) >= 0)
			return -UIOMMU_EADDRINUSE;
		if (mock->map_fail_after == 0)
			return -UIOMMU_ENOMEM;
		if (mock->map_fail_after > 0)
			mock->map_fail_after--;
		while (at < MOCK_PAGES && d->page[at].used)
			at++;
		if (at == MOCK_PAGES)
			return -UIOMMU_ENOMEM;
		d->page[at].used = true;
		d->page[at].iova = iova + *mapped;
		d->page[at].paddr = paddr + *mapped;
		*mapped += 4096;
	}
	return 0;
}

static uint64_t unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
		      struct uiommu_iotlb_gather *gather)
{
	struct mock_domain *d = paging(domain);
	uint64_t done = 0;

	while (done < size) {
		int at = find_page(d, iova + done);

		if (at < 0)
			break;
		d->page[at].used = false;
		done += 4096;
	}
	if (done && !d->mock->lazy_gather)
		uiommu_iotlb_gather_add(gather, iova, done);
	return done;
}

static int sync_map(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size)
{
	(void)iova;
	(void)size;
	return paging(domain)->mock->sync_map_error;
}

static void iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	struct mock *mock = paging(domain)->mock;

	mock->syncs++;
	mock->sync_start = gather->start;
	mock->sync_last = gather->last;
}

static void flush_all(struct uiommu_domain *domain)
{
	paging(domain)->mock->flushes++;
}

static uiommu_phys_t iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	int at = find_page(paging(domain), iova & ~4095ull);

	return at < 0 ? 0 : paging(domain)->page[at].paddr + (iova & 4095);
}

static void domain_free(struct uiommu_domain *domain)
{
	uiommu_port_free(paging(domain)->mock->host.port, domain, sizeof(struct mock_domain));
}

#define PAGING_OPS                                                                              \
	.pasid = true, .map = map, .unmap = unmap, .iotlb_sync = iotlb_sync,                    \
	.iotlb_sync_map = sync_map, .flush_iotlb_all = flush_all, .iova_to_phys = iova_to_phys, \
	.free = domain_free

static const struct uiommu_domain_ops two_phase_ops = {
	PAGING_OPS,
	.attach_prepare = prepare,
	.attach_commit = commit,
	.attach_abort = abort_attach,
};
static const struct uiommu_domain_ops single_ops = {
	PAGING_OPS,
	.attach_single = attach_single,
};

static int alloc_paging(struct uiommu_device *dev, unsigned int flags, struct uiommu_domain **out)
{
	struct mock *mock = mock_of(dev);
	struct mock_domain *d;

	if (flags & ~(unsigned int)(UIOMMU_ALLOC_PASID | UIOMMU_ALLOC_NEST_PARENT))
		return -UIOMMU_EOPNOTSUPP;
	d = uiommu_port_alloc(mock->host.port, sizeof(*d));
	if (!d)
		return -UIOMMU_ENOMEM;
	d->mock = mock;
	d->domain.type = UIOMMU_DOMAIN_PAGING;
	d->domain.ops = mock->single ? &single_ops : &two_phase_ops;
	d->domain.pgsizes = 4096;
	d->domain.alloc_flags = flags;
	d->domain.geometry = (struct uiommu_geometry){
		.ranges = 2,
		.range = { { 0, (1ull << 47) - 1 }, { ~0ull << 47, UINT64_MAX } },
		.last_phys = (1ull << 46) - 1,
	};
	*out = &d->domain;
	return 0;
}

/* Entries are bytes: 1 is good, everything else bad. */
static int cache_invalidate(struct uiommu_domain *domain, enum uiommu_nested_type type,
			    const void *entries, size_t entry_size, size_t *count)
{
	const unsigned char *byte = entries;
	const size_t asked = *count;

	(void)domain;
	*count = 0;
	if (type != UIOMMU_NESTED_SMMUV3)
		return -UIOMMU_EOPNOTSUPP;
	while (*count < asked && byte[*count * entry_size] == 1)
		++*count;
	return *count == asked ? 0 : -UIOMMU_EIO;
}

static const struct uiommu_domain_ops nested_ops = {
	.attach_prepare = prepare,
	.attach_commit = commit,
	.attach_abort = abort_attach,
	.cache_invalidate = cache_invalidate,
	.free = domain_free,
};

static int alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
			enum uiommu_nested_type type, const void *data, size_t size,
			struct uiommu_domain **out)
{
	struct mock *mock = mock_of(dev);
	struct mock_domain *d;

	(void)parent;
	mock->nested_allocs++;
	if (type != UIOMMU_NESTED_SMMUV3)
		return -UIOMMU_EOPNOTSUPP;
	if (*(const unsigned char *)data != 1 || size != 1)
		return -UIOMMU_EIO;
	d = uiommu_port_alloc(mock->host.port, sizeof(*d));
	if (!d)
		return -UIOMMU_ENOMEM;
	d->mock = mock;
	d->domain.type = UIOMMU_DOMAIN_NESTED;
	d->domain.ops = &nested_ops;
	*out = &d->domain;
	return 0;
}

/* ---- address spaces of processes ---- */

static void mm_invalidate(struct uiommu_domain *domain, uint64_t start, uint64_t last)
{
	struct mock *mock = paging(domain)->mock;

	mock->invalidates++;
	mock->invalidate_start = start;
	mock->invalidate_last = last;
}

static void mm_exit(struct uiommu_domain *domain)
{
	paging(domain)->mock->exits++;
}

static void sva_free(struct uiommu_domain *domain)
{
	paging(domain)->mock->sva_live--;
	domain_free(domain);
}

static const struct uiommu_domain_ops sva_ops = {
	.pasid = true,
	.attach_prepare = prepare,
	.attach_commit = commit,
	.attach_abort = abort_attach,
	.mm_invalidate = mm_invalidate,
	.mm_exit = mm_exit,
	.free = sva_free,
};

static int alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
		     const struct uiommu_mm_format_info *info, struct uiommu_domain **out)
{
	struct mock *mock = mock_of(dev);
	struct mock_domain *d;

	(void)mm;
	mock->sva_allocs++;
	if (mock->sva_error)
		return mock->sva_error;
	if (info->format != UIOMMU_MM_X86_64)
		return -UIOMMU_EOPNOTSUPP;
	d = uiommu_port_alloc(mock->host.port, sizeof(*d));
	if (!d)
		return -UIOMMU_ENOMEM;
	mock->sva_live++;
	d->mock = mock;
	d->domain.type = UIOMMU_DOMAIN_SVA;
	d->domain.ops = &sva_ops;
	*out = &d->domain;
	return 0;
}

/* ---- page requests ---- */

static int page_enable(struct uiommu_device *dev)
{
	struct mock_script *script = script_of(dev);

	if (script->page_enable_error)
		return script->page_enable_error;
	if (script->page_requests)
		abort(); /* twice */
	script->page_requests = true;
	script->enables++;
	return 0;
}

static void page_disable(struct uiommu_device *dev)
{
	if (!script_of(dev)->page_requests)
		abort();
	script_of(dev)->page_requests = false;
}

static void page_drain(struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	struct mock_script *script = script_of(dev);
	struct mock *mock = mock_of(dev);

	script->drains++;
	if (mock->on_drain)
		mock->on_drain(mock, dev, pasid);
}

static void page_response(struct uiommu_instance *instance, const struct uiommu_page_request *last,
			  enum uiommu_page_response_code code)
{
	struct mock *mock = (struct mock *)(uintptr_t)instance->fwnode->name;

	pthread_mutex_lock(&mock->host.lock);
	if (mock->num_responses < MOCK_RESPONSES)
		mock->response[mock->num_responses] =
			(struct mock_response){ .last = *last, .code = code };
	mock->num_responses++;
	pthread_mutex_unlock(&mock->host.lock);
	if (mock->on_response)
		mock->on_response(mock, last);
}

/* ---- devices ---- */

static int probe(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	struct mock *mock = (struct mock *)(uintptr_t)instance->fwnode->name;
	unsigned int index = uiommu_device_fwspec(dev)->ids[0];
	struct mock_script *script = &mock->script[index];

	script->probes++;
	if (script->probe_error)
		return script->probe_error;
	script->dev = dev;
	uiommu_device_set_priv(dev, script);
	return 0;
}

static void release(struct uiommu_device *dev)
{
	struct mock_script *script = script_of(dev);

	script->releases++;
	script->parked = script->rid;
	script->rid = NULL;
	script->dev = NULL;
}

static void finalize(struct uiommu_device *dev)
{
	script_of(dev)->finalizes++;
}

static int device_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct mock *mock = mock_of(dev);
	struct mock_script *script = script_of(dev);

	if (script->no_group)
		return 0;
	if (!script->group)
		return uiommu_generic_device_group(dev, out);
	for (unsigned int i = 0; i < MOCK_DEVICES; i++) {
		struct mock_script *other = &mock->script[i];

		if (other != script && other->group == script->group && other->dev) {
			*out = uiommu_group_get_locked(other->dev);
			if (*out)
				return 0;
		}
	}
	return uiommu_generic_device_group(dev, out);
}

static bool capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	if (cap == UIOMMU_CAP_ATS)
		return script_of(dev)->ats;
	return cap == UIOMMU_CAP_DEFERRED_FLUSH && !script_of(dev)->no_flush_queue;
}

static int get_resv(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	struct uiommu_resv_region *r = &script_of(dev)->resv;

	if (r->last <= r->start)
		return 0;
	return uiommu_resv_add(list, r->start, r->last - r->start + 1, r->prot, r->type);
}

static enum uiommu_domain_type demand(struct uiommu_device *dev)
{
	return script_of(dev)->demand;
}

static bool deferred(struct uiommu_device *dev)
{
	return script_of(dev)->deferred;
}

static void reset_done(struct uiommu_device *dev)
{
	script_of(dev)->resets++;
}

static int configure(struct uiommu_device *dev, void *context)
{
	struct mock_script *script = context;
	int rc;

	if (!script->fwnode)
		return -UIOMMU_ENODEV;
	rc = uiommu_fwspec_init(dev, script->fwnode);
	if (!rc)
		rc = uiommu_fwspec_add_ids(dev, &script->id, 1);
	if (!rc && script->alias)
		rc = uiommu_fwspec_add_ids(dev, &script->alias, 1);
	return rc;
}

static void on_fault(void *context, const struct uiommu_fault *fault)
{
	struct mock *mock = context;

	mock_host_callback(&mock->host, "in on_fault");
	mock->fault = *fault;
	mock->faults++;
}

void mock_init(struct mock *mock)
{
	memset(mock, 0, sizeof(*mock));
	pthread_mutex_init(&mock->host.lock, NULL);
	mock->host.fail_after = -1;
	mock_host_init(&mock->host);
	mock->map_fail_after = -1;
	for (unsigned int i = 0; i < 2; i++) {
		mock->fwnode[i].name = (const char *)mock;
		mock->ops[i] = (struct uiommu_ops){
			.name = "mock",
			.identity_domain = &mock_identity,
			.blocked_domain = &mock_blocked,
			.release_domain = &mock_blocked,
			.probe_device = probe,
			.release_device = release,
			.probe_finalize = finalize,
			.device_group = device_group,
			.capable = capable,
			.get_resv_regions = get_resv,
			.def_domain_type = demand,
			.is_attach_deferred = deferred,
			.domain_alloc_paging = alloc_paging,
			.domain_alloc_nested = alloc_nested,
			.domain_alloc_sva = alloc_sva,
			.page_requests_enable = page_enable,
			.page_requests_disable = page_disable,
			.page_requests_drain = page_drain,
			.page_response = page_response,
			.reset_done = reset_done,
		};
		mock->instance[i].ops = &mock->ops[i];
		mock->instance[i].fwnode = &mock->fwnode[i];
		mock->instance[i].name = "mock0";
		mock->instance[i].max_pasids = 16;
	}
	for (unsigned int i = 0; i < MOCK_DEVICES; i++) {
		mock->script[i].fwnode = &mock->fwnode[0];
		mock->script[i].id = i;
		mock->script[i].demand = UIOMMU_DOMAIN_AUTO;
		mock->script[i].attach_error_count = -1;
	}
}

int mock_start(struct mock *mock, enum uiommu_domain_type type)
{
	struct uiommu_system_config config = {
		.host = mock->host.port,
		.default_type = type,
		.on_fault = on_fault,
		.context = mock,
	};

	return uiommu_system_create(&config, &mock->sys);
}

void mock_desc(struct mock *mock, unsigned int index, struct uiommu_device_desc *desc)
{
	*desc = (struct uiommu_device_desc){
		.name = "dev",
		.bus = index & 1 ? "platform" : "pci",
		.configure = configure,
		.context = &mock->script[index],
		.pasid_bits = mock->script[index].pasid_bits ? mock->script[index].pasid_bits : 4,
	};
}

struct uiommu_device *mock_add(struct mock *mock, unsigned int index)
{
	struct uiommu_device_desc desc;
	struct uiommu_device *dev = NULL;

	mock_desc(mock, index, &desc);
	assert_int_equal(uiommu_device_add(mock->sys, &desc, &dev), 0);
	return dev;
}

void mock_stop(struct mock *mock)
{
	uiommu_system_destroy(mock->sys);
	mock_host_exit(&mock->host);
}
