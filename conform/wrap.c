/* SPDX-License-Identifier: MIT */
/*
 * wrap.c - a layer between the core and a driver
 *
 * The core finds the layer through the operations' addresses: each wrapped table is part of a larger
 * structure that leads back to the layer and to the driver's own table.  The order of a call: the
 * count, the rule that makes it fail, the scenario's hook, the saboteur's hook, the driver.
 */
#include "conform/wrap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TABLES 8
#define MAX_DOMAIN_TABLES 32

struct wrapped_domain_ops {
	struct uiommu_domain_ops ops;
	const struct uiommu_domain_ops *real;
	struct wrap *wrap;
};

struct wrapped_ops {
	struct uiommu_ops ops;
	const struct uiommu_ops *real;
	struct wrap *wrap;
	struct uiommu_domain identity, blocked, release, fallback;
};

#define MAX_UNITS 32 /* windows of registers: a unit over PCI has several */

/* One unit's registers, behind the layer. */
struct wrapped_registers {
	struct wrap *wrap;
	struct uiommu_mmio real;
};

struct wrap {
	pthread_mutex_t lock; /* domain tables */
	pthread_mutex_t tables_lock; /* taken before @lock */
	struct wrapped_registers registers[MAX_UNITS];
	void (*watch)(void *context);
	void *watch_context;
	void (*writes)(void *context, unsigned int window, uint64_t offset, uint64_t value);
	void *writes_context;
	wrap_access_hook access;
	void *access_context;
	struct wrapped_ops *tables[MAX_TABLES];
	struct wrapped_domain_ops *domain_tables[MAX_DOMAIN_TABLES];
	unsigned int num_tables, num_domain_tables;
	bool one_phase, hide_blocked;

	struct {
		wrap_hook hook, saboteur;
		void *context, *saboteur_context;
		_Atomic(unsigned int) count;
		const struct uiommu_device *fail_dev;
		_Atomic(int) fail_in;
		int fail_error;
	} op[WRAP_OPS];
};

#define container(ptr, type, member) \
	((type *)(void *)&((char *)(ptr))[-(ptrdiff_t)offsetof(type, member)])

static struct wrapped_ops *of_instance(struct uiommu_instance *instance)
{
	return container((void *)(uintptr_t)instance->ops, struct wrapped_ops, ops);
}

static struct wrapped_ops *of_device(struct uiommu_device *dev)
{
	return of_instance(uiommu_device_instance(dev));
}

static struct wrapped_domain_ops *of_domain(struct uiommu_domain *domain)
{
	return container((void *)(uintptr_t)domain->ops, struct wrapped_domain_ops, ops);
}

/* ---- one call ---------------------------------------------------------------------------------- */

static void wrap_domain(struct wrap *wrap, struct uiommu_domain *domain);

static void call_device_op(struct wrap_call *call)
{
	const struct uiommu_ops *real = call->driver;

	switch (call->op) {
	case WRAP_PROBE:
		call->rc = real->probe_device(call->instance, call->dev);
		break;
	case WRAP_RELEASE:
		real->release_device(call->dev);
		break;
	case WRAP_FINALIZE:
		real->probe_finalize(call->dev);
		break;
	case WRAP_GROUP:
		call->rc = real->device_group(call->dev, &call->group_out);
		break;
	case WRAP_CAPABLE:
		call->rc = real->capable(call->dev, call->cap);
		break;
	case WRAP_RESV:
		call->rc = real->get_resv_regions(call->dev, call->resv);
		break;
	case WRAP_DEF_TYPE:
		call->type_out = real->def_domain_type ? real->def_domain_type(call->dev) :
							 UIOMMU_DOMAIN_AUTO;
		break;
	case WRAP_DEFERRED:
		call->rc = real->is_attach_deferred ? real->is_attach_deferred(call->dev) : 0;
		break;
	case WRAP_ALLOC_PAGING:
		call->rc = real->domain_alloc_paging(call->dev, call->prot, &call->domain_out);
		break;
	case WRAP_ALLOC_NESTED:
		call->rc = real->domain_alloc_nested(call->dev, call->parent, call->nested,
						     call->data, call->size, &call->domain_out);
		break;
	case WRAP_ALLOC_IDENTITY:
		call->rc = real->domain_alloc_identity(call->dev, &call->domain_out);
		break;
	case WRAP_ALLOC_SVA:
		call->rc = real->domain_alloc_sva(call->dev, call->mm, call->mm_info,
						  &call->domain_out);
		break;
	case WRAP_REQUESTS_ENABLE:
		call->rc = real->page_requests_enable(call->dev);
		break;
	case WRAP_REQUESTS_DISABLE:
		real->page_requests_disable(call->dev);
		break;
	case WRAP_REQUESTS_DRAIN:
		real->page_requests_drain(call->dev, call->pasid);
		break;
	case WRAP_RESPONSE:
		real->page_response(call->instance, call->request, call->code);
		break;
	case WRAP_RESET_DONE:
		real->reset_done(call->dev);
		break;
	case WRAP_POLL:
		call->rc = (int)real->poll(call->instance);
		break;
	default:
		break;
	}
}

static void call_domain_op(struct wrap_call *call)
{
	const struct uiommu_domain_ops *real = call->driver;

	switch (call->op) {
	case WRAP_PREPARE:
		/* A driver that attaches at once has nothing to prepare; all is in its commit. */
		call->rc = real->attach_prepare ? real->attach_prepare(call->attach) : 0;
		break;
	case WRAP_COMMIT:
		if (real->attach_commit)
			real->attach_commit(call->attach);
		else
			call->rc = real->attach_single(call->attach);
		break;
	case WRAP_ABORT:
		real->attach_abort(call->attach);
		break;
	case WRAP_MAP:
		call->rc = real->map(call->domain, call->iova, call->paddr, call->size, call->prot,
				     &call->value, call->gather);
		break;
	case WRAP_MAP_SG:
		call->rc = real->map_sg(call->domain, call->iova, call->sg, call->sg_count,
					call->prot, &call->value, call->gather);
		break;
	case WRAP_SYNC_MAP:
		call->rc = real->iotlb_sync_map ?
				   real->iotlb_sync_map(call->domain, call->iova, call->size) :
				   0;
		break;
	case WRAP_UNMAP:
		call->value = real->unmap(call->domain, call->iova, call->size, call->gather);
		break;
	case WRAP_SYNC:
		real->iotlb_sync(call->domain, call->gather);
		break;
	case WRAP_FLUSH_ALL:
		real->flush_iotlb_all(call->domain);
		break;
	case WRAP_TO_PHYS:
		call->value = real->iova_to_phys(call->domain, call->iova);
		break;
	case WRAP_ENFORCE:
		call->rc = real->enforce_cache_coherency(call->domain);
		break;
	case WRAP_SET_DIRTY:
		call->rc = real->set_dirty_tracking(call->domain, call->enable);
		break;
	case WRAP_READ_DIRTY:
		call->rc = real->read_and_clear_dirty(call->domain, call->iova, call->size,
						      call->prot, call->bitmap, call->gather);
		break;
	case WRAP_CACHE_INVALIDATE: {
		size_t count = call->value;

		call->rc = real->cache_invalidate(call->domain, call->nested, call->data,
						  call->size, &count);
		call->value = count;
		break;
	}
	case WRAP_MM_INVALIDATE:
		real->mm_invalidate(call->domain, call->iova, call->iova + call->size);
		break;
	case WRAP_MM_EXIT:
		real->mm_exit(call->domain);
		break;
	case WRAP_FREE:
		real->free(call->domain);
		break;
	default:
		break;
	}
}

void wrap_call(struct wrap_call *call)
{
	struct wrap *wrap = call->wrap;

	if (call->stage == 0 && wrap->op[call->op].saboteur) {
		call->stage = 1;
		wrap->op[call->op].saboteur(call, wrap->op[call->op].saboteur_context);
		call->stage = 0;
	} else if (call->op < WRAP_PREPARE) {
		call_device_op(call);
	} else {
		call_domain_op(call);
	}
}

static void enter(struct wrap_call *call)
{
	struct wrap *wrap = call->wrap;
	const struct uiommu_device *dev = call->attach ? call->attach->dev : call->dev;

	/* Relaxed: counting must not order for ThreadSanitizer what the library leaves unordered. */
	atomic_fetch_add_explicit(&wrap->op[call->op].count, 1, memory_order_relaxed);
	if (atomic_load_explicit(&wrap->op[call->op].fail_in, memory_order_relaxed) > 0 &&
	    (!wrap->op[call->op].fail_dev || wrap->op[call->op].fail_dev == dev) &&
	    atomic_fetch_sub(&wrap->op[call->op].fail_in, 1) == 1) {
		call->rc = -wrap->op[call->op].fail_error;
		return;
	}
	if (wrap->op[call->op].hook)
		wrap->op[call->op].hook(call, wrap->op[call->op].context);
	else
		wrap_call(call);
}

/* ---- device operations ------------------------------------------------------------------------- */

static struct wrap_call device_call(enum wrap_op op, struct uiommu_device *dev)
{
	struct wrapped_ops *w = of_device(dev);

	return (struct wrap_call){ .wrap = w->wrap, .op = op, .dev = dev, .driver = w->real };
}

static int w_probe(struct uiommu_instance *instance, struct uiommu_device *dev)
{
	struct wrapped_ops *w = of_instance(instance);
	struct wrap_call call = { .wrap = w->wrap,
				  .op = WRAP_PROBE,
				  .instance = instance,
				  .dev = dev,
				  .driver = w->real };

	enter(&call);
	return call.rc;
}

static void w_release(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_RELEASE, dev);

	enter(&call);
}

static void w_finalize(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_FINALIZE, dev);

	enter(&call);
}

static int w_group(struct uiommu_device *dev, struct uiommu_group **out)
{
	struct wrap_call call = device_call(WRAP_GROUP, dev);

	enter(&call);
	*out = call.group_out;
	return call.rc;
}

static bool w_capable(struct uiommu_device *dev, enum uiommu_cap cap)
{
	struct wrap_call call = device_call(WRAP_CAPABLE, dev);

	call.cap = cap;
	enter(&call);
	return call.rc != 0;
}

static int w_resv(struct uiommu_device *dev, struct uiommu_resv_list *list)
{
	struct wrap_call call = device_call(WRAP_RESV, dev);

	call.resv = list;
	enter(&call);
	return call.rc;
}

static enum uiommu_domain_type w_def_type(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_DEF_TYPE, dev);

	call.type_out = UIOMMU_DOMAIN_AUTO;
	enter(&call);
	return call.type_out;
}

static bool w_deferred(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_DEFERRED, dev);

	enter(&call);
	return call.rc != 0;
}

static int w_alloc_paging(struct uiommu_device *dev, unsigned int flags, struct uiommu_domain **out)
{
	struct wrap_call call = device_call(WRAP_ALLOC_PAGING, dev);

	call.prot = flags;
	enter(&call);
	if (call.rc == 0) {
		wrap_domain(call.wrap, call.domain_out);
		*out = call.domain_out;
	}
	return call.rc;
}

static int w_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
			  enum uiommu_nested_type type, const void *data, size_t size,
			  struct uiommu_domain **out)
{
	struct wrap_call call = device_call(WRAP_ALLOC_NESTED, dev);

	call.parent = parent;
	call.nested = type;
	call.data = data;
	call.size = size;
	enter(&call);
	if (call.rc == 0) {
		wrap_domain(call.wrap, call.domain_out);
		*out = call.domain_out;
	}
	return call.rc;
}

static int w_alloc_identity(struct uiommu_device *dev, struct uiommu_domain **out)
{
	struct wrap_call call = device_call(WRAP_ALLOC_IDENTITY, dev);

	enter(&call);
	if (call.rc == 0) {
		wrap_domain(call.wrap, call.domain_out);
		*out = call.domain_out;
	}
	return call.rc;
}

static int w_alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
		       const struct uiommu_mm_format_info *info, struct uiommu_domain **out)
{
	struct wrap_call call = device_call(WRAP_ALLOC_SVA, dev);

	call.mm = mm;
	call.mm_info = info;
	enter(&call);
	if (call.rc == 0) {
		wrap_domain(call.wrap, call.domain_out);
		*out = call.domain_out;
	}
	return call.rc;
}

static int w_requests_enable(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_REQUESTS_ENABLE, dev);

	enter(&call);
	return call.rc;
}

static void w_requests_disable(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_REQUESTS_DISABLE, dev);

	enter(&call);
}

static void w_requests_drain(struct uiommu_device *dev, uiommu_pasid_t pasid)
{
	struct wrap_call call = device_call(WRAP_REQUESTS_DRAIN, dev);

	call.pasid = pasid;
	enter(&call);
}

static void w_response(struct uiommu_instance *instance, const struct uiommu_page_request *last,
		       enum uiommu_page_response_code code)
{
	struct wrapped_ops *w = of_instance(instance);
	struct wrap_call call = {
		.wrap = w->wrap,
		.op = WRAP_RESPONSE,
		.instance = instance,
		.request = last,
		.code = code,
		.driver = w->real,
	};

	enter(&call);
}

static void w_reset_done(struct uiommu_device *dev)
{
	struct wrap_call call = device_call(WRAP_RESET_DONE, dev);

	enter(&call);
}

static unsigned int w_poll(struct uiommu_instance *instance)
{
	struct wrapped_ops *w = of_instance(instance);
	struct wrap_call call = {
		.wrap = w->wrap, .op = WRAP_POLL, .instance = instance, .driver = w->real
	};

	enter(&call);
	return (unsigned int)call.rc;
}

/* ---- domain operations ------------------------------------------------------------------------- */

static struct wrap_call domain_call(enum wrap_op op, struct uiommu_domain *domain)
{
	struct wrapped_domain_ops *w = of_domain(domain);

	return (struct wrap_call){ .wrap = w->wrap, .op = op, .domain = domain, .driver = w->real };
}

static struct wrap_call attach_call(enum wrap_op op, struct uiommu_attach *attach)
{
	struct wrap_call call = domain_call(op, attach->domain);

	call.attach = attach;
	call.dev = attach->dev;
	return call;
}

static int w_prepare(struct uiommu_attach *attach)
{
	struct wrap_call call = attach_call(WRAP_PREPARE, attach);

	enter(&call);
	return call.rc;
}

static int commit(struct uiommu_attach *attach)
{
	struct wrap_call call = attach_call(WRAP_COMMIT, attach);

	enter(&call);
	return call.rc;
}

static void w_commit(struct uiommu_attach *attach)
{
	commit(attach);
}

static void w_abort(struct uiommu_attach *attach)
{
	struct wrap_call call = attach_call(WRAP_ABORT, attach);

	enter(&call);
}

static int w_single(struct uiommu_attach *attach)
{
	int rc = w_prepare(attach);

	return rc ? rc : commit(attach);
}

static int w_map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,
		 uint64_t size, unsigned int prot, uint64_t *mapped,
		 struct uiommu_iotlb_gather *gather)
{
	struct wrap_call call = domain_call(WRAP_MAP, domain);

	call.iova = iova;
	call.paddr = paddr;
	call.size = size;
	call.prot = prot;
	call.gather = gather;
	enter(&call);
	*mapped = call.value;
	return call.rc;
}

static int w_map_sg(struct uiommu_domain *domain, uiommu_iova_t iova, const struct uiommu_sg *sg,
		    size_t count, unsigned int prot, uint64_t *mapped,
		    struct uiommu_iotlb_gather *gather)
{
	struct wrap_call call = domain_call(WRAP_MAP_SG, domain);

	call.iova = iova;
	call.sg = sg;
	call.sg_count = count;
	call.prot = prot;
	call.gather = gather;
	enter(&call);
	*mapped = call.value;
	return call.rc;
}

static int w_sync_map(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size)
{
	struct wrap_call call = domain_call(WRAP_SYNC_MAP, domain);

	call.iova = iova;
	call.size = size;
	enter(&call);
	return call.rc;
}

static uint64_t w_unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			struct uiommu_iotlb_gather *gather)
{
	struct wrap_call call = domain_call(WRAP_UNMAP, domain);

	call.iova = iova;
	call.size = size;
	call.gather = gather;
	enter(&call);
	return call.value;
}

static void w_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	struct wrap_call call = domain_call(WRAP_SYNC, domain);

	call.gather = gather;
	enter(&call);
}

static void w_flush_all(struct uiommu_domain *domain)
{
	struct wrap_call call = domain_call(WRAP_FLUSH_ALL, domain);

	enter(&call);
}

static uiommu_phys_t w_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	struct wrap_call call = domain_call(WRAP_TO_PHYS, domain);

	call.iova = iova;
	enter(&call);
	return call.value;
}

static bool w_enforce(struct uiommu_domain *domain)
{
	struct wrap_call call = domain_call(WRAP_ENFORCE, domain);

	enter(&call);
	return call.rc != 0;
}

static int w_set_dirty(struct uiommu_domain *domain, bool enable)
{
	struct wrap_call call = domain_call(WRAP_SET_DIRTY, domain);

	call.enable = enable;
	enter(&call);
	return call.rc;
}

static int w_read_dirty(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			unsigned int flags, const struct uiommu_dirty_bitmap *bitmap,
			struct uiommu_iotlb_gather *gather)
{
	struct wrap_call call = domain_call(WRAP_READ_DIRTY, domain);

	call.iova = iova;
	call.size = size;
	call.prot = flags;
	call.bitmap = bitmap;
	call.gather = gather;
	enter(&call);
	return call.rc;
}

static int w_cache_invalidate(struct uiommu_domain *domain, enum uiommu_nested_type type,
			      const void *entries, size_t entry_size, size_t *count)
{
	struct wrap_call call = domain_call(WRAP_CACHE_INVALIDATE, domain);

	call.nested = type;
	call.data = entries;
	call.size = entry_size;
	call.value = *count;
	enter(&call);
	*count = call.value;
	return call.rc;
}

static void w_mm_invalidate(struct uiommu_domain *domain, uint64_t start, uint64_t last)
{
	struct wrap_call call = domain_call(WRAP_MM_INVALIDATE, domain);

	call.iova = start;
	call.size = last - start;
	enter(&call);
}

static void w_mm_exit(struct uiommu_domain *domain)
{
	struct wrap_call call = domain_call(WRAP_MM_EXIT, domain);

	enter(&call);
}

static void w_free(struct uiommu_domain *domain)
{
	struct wrap_call call = domain_call(WRAP_FREE, domain);

	enter(&call);
}

/* ---- tables ------------------------------------------------------------------------------------ */

static const struct uiommu_domain_ops *domain_table(struct wrap *wrap,
						    const struct uiommu_domain_ops *real)
{
	struct wrapped_domain_ops *w = NULL;

	pthread_mutex_lock(&wrap->lock);
	for (unsigned int i = 0; i < wrap->num_domain_tables; i++)
		if (wrap->domain_tables[i]->real == real)
			w = wrap->domain_tables[i];
	if (!w && wrap->num_domain_tables < MAX_DOMAIN_TABLES && (w = calloc(1, sizeof(*w)))) {
		w->wrap = wrap;
		w->real = real;
		w->ops.pasid = real->pasid;
		if (real->attach_prepare && !wrap->one_phase) {
			w->ops.attach_prepare = w_prepare;
			w->ops.attach_commit = w_commit;
			w->ops.attach_abort = w_abort;
		} else {
			w->ops.attach_single = w_single;
		}
		w->ops.map = real->map ? w_map : NULL;
		w->ops.map_sg = real->map_sg ? w_map_sg : NULL;
		/* Also where the driver has none, so that a scenario can make it fail. */
		w->ops.iotlb_sync_map = real->map ? w_sync_map : NULL;
		w->ops.unmap = real->unmap ? w_unmap : NULL;
		w->ops.iotlb_sync = real->iotlb_sync ? w_sync : NULL;
		w->ops.flush_iotlb_all = real->flush_iotlb_all ? w_flush_all : NULL;
		w->ops.iova_to_phys = real->iova_to_phys ? w_to_phys : NULL;
		w->ops.enforce_cache_coherency = real->enforce_cache_coherency ? w_enforce : NULL;
		w->ops.set_dirty_tracking = real->set_dirty_tracking ? w_set_dirty : NULL;
		w->ops.read_and_clear_dirty = real->read_and_clear_dirty ? w_read_dirty : NULL;
		w->ops.cache_invalidate = real->cache_invalidate ? w_cache_invalidate : NULL;
		w->ops.mm_invalidate = real->mm_invalidate ? w_mm_invalidate : NULL;
		w->ops.mm_exit = real->mm_exit ? w_mm_exit : NULL;
		w->ops.free = real->free ? w_free : NULL;
		wrap->domain_tables[wrap->num_domain_tables++] = w;
	}
	pthread_mutex_unlock(&wrap->lock);
	if (!w)
		abort(); /* a driver with more tables than this layer was made for */
	return &w->ops;
}

static void wrap_domain(struct wrap *wrap, struct uiommu_domain *domain)
{
	domain->ops = domain_table(wrap, domain->ops);
}

static const struct uiommu_domain *wrap_static(struct wrap *wrap, struct uiommu_domain *copy,
					       const struct uiommu_domain *real)
{
	if (!real)
		return NULL;
	*copy = *real;
	wrap_domain(wrap, copy);
	return copy;
}

const struct uiommu_ops *wrap_ops(void *context, const struct uiommu_ops *real)
{
	struct wrap *wrap = context;
	struct wrapped_ops *w = NULL;

	pthread_mutex_lock(&wrap->tables_lock);
	for (unsigned int i = 0; i < wrap->num_tables && !w; i++)
		if (wrap->tables[i]->real == real)
			w = wrap->tables[i];
	if (w)
		goto out;
	if (wrap->num_tables == MAX_TABLES || !(w = calloc(1, sizeof(*w))))
		abort();
	w->wrap = wrap;
	w->real = real;
	w->ops = *real;
	w->ops.identity_domain = wrap_static(wrap, &w->identity, real->identity_domain);
	w->ops.blocked_domain = wrap_static(wrap, &w->blocked, real->blocked_domain);
	/* One object may serve as several: it must stay one. */
	w->ops.release_domain = real->release_domain == real->blocked_domain ?
					w->ops.blocked_domain :
				real->release_domain == real->identity_domain ?
					w->ops.identity_domain :
					wrap_static(wrap, &w->release, real->release_domain);
	w->ops.default_domain = real->default_domain == real->blocked_domain ?
					w->ops.blocked_domain :
				real->default_domain == real->identity_domain ?
					w->ops.identity_domain :
					wrap_static(wrap, &w->fallback, real->default_domain);
	/* Parking a device that leaves is another matter: that stays as it is. */
	if (wrap->hide_blocked)
		w->ops.blocked_domain = NULL;
	w->ops.probe_device = w_probe;
	w->ops.release_device = real->release_device ? w_release : NULL;
	w->ops.probe_finalize = real->probe_finalize ? w_finalize : NULL;
	w->ops.device_group = w_group;
	w->ops.capable = real->capable ? w_capable : NULL;
	w->ops.get_resv_regions = real->get_resv_regions ? w_resv : NULL;
	w->ops.def_domain_type = w_def_type;
	w->ops.is_attach_deferred = w_deferred;
	w->ops.domain_alloc_paging = real->domain_alloc_paging ? w_alloc_paging : NULL;
	w->ops.domain_alloc_nested = real->domain_alloc_nested ? w_alloc_nested : NULL;
	w->ops.domain_alloc_identity = real->domain_alloc_identity ? w_alloc_identity : NULL;
	w->ops.domain_alloc_sva = real->domain_alloc_sva ? w_alloc_sva : NULL;
	w->ops.page_requests_enable = real->page_requests_enable ? w_requests_enable : NULL;
	w->ops.page_requests_disable = real->page_requests_disable ? w_requests_disable : NULL;
	w->ops.page_requests_drain = real->page_requests_drain ? w_requests_drain : NULL;
	w->ops.page_response = real->page_response ? w_response : NULL;
	w->ops.reset_done = real->reset_done ? w_reset_done : NULL;
	w->ops.poll = real->poll ? w_poll : NULL;
	wrap->tables[wrap->num_tables++] = w;
out:
	pthread_mutex_unlock(&wrap->tables_lock);
	return &w->ops;
}

int wrap_create(struct wrap **out)
{
	struct wrap *wrap = calloc(1, sizeof(*wrap));

	if (!wrap)
		return -UIOMMU_ENOMEM;
	pthread_mutex_init(&wrap->lock, NULL);
	pthread_mutex_init(&wrap->tables_lock, NULL);
	*out = wrap;
	return 0;
}

void wrap_destroy(struct wrap *wrap)
{
	if (!wrap)
		return;
	for (unsigned int i = 0; i < wrap->num_tables; i++)
		free(wrap->tables[i]);
	for (unsigned int i = 0; i < wrap->num_domain_tables; i++)
		free(wrap->domain_tables[i]);
	pthread_mutex_destroy(&wrap->tables_lock);
	pthread_mutex_destroy(&wrap->lock);
	free(wrap);
}

/* ---- registers --------------------------------------------------------------------------------- */

static void watched(struct wrap *wrap)
{
	void (*watch)(void *context) = wrap->watch;

	if (!watch)
		return;
	wrap->watch = NULL;
	watch(wrap->watch_context);
	wrap->watch = watch;
}

void wrap_access_call(struct wrap_access *access)
{
	const struct uiommu_mmio *m = access->registers;

	switch (access->size | (access->write ? 16u : 0u)) {
	case 1:
		access->value = m->read8(m->context, access->offset);
		break;
	case 2:
		access->value = m->read16(m->context, access->offset);
		break;
	case 4:
		access->value = m->read32(m->context, access->offset);
		break;
	case 8:
		access->value = m->read64(m->context, access->offset);
		break;
	case 16 | 1:
		m->write8(m->context, access->offset, (uint8_t)access->value);
		break;
	case 16 | 2:
		m->write16(m->context, access->offset, (uint16_t)access->value);
		break;
	case 16 | 4:
		m->write32(m->context, access->offset, (uint32_t)access->value);
		break;
	default:
		m->write64(m->context, access->offset, access->value);
		break;
	}
}

static uint64_t watched_access(const struct wrapped_registers *r, uint64_t offset,
			       unsigned int size, bool write, uint64_t value)
{
	struct wrap *wrap = r->wrap;
	struct wrap_access access = {
		.window = (unsigned int)(r - wrap->registers),
		.offset = offset,
		.size = size,
		.write = write,
		.value = value,
		.registers = &r->real,
	};

	watched(wrap);
	if (write && wrap->writes)
		wrap->writes(wrap->writes_context, access.window, offset, value);
	if (wrap->access)
		wrap->access(&access, wrap->access_context);
	else
		wrap_access_call(&access);
	watched(wrap);
	if (access.after)
		access.after(access.after_context);
	return access.value;
}

static uint8_t watched_read8(void *context, uint64_t offset)
{
	return (uint8_t)watched_access(context, offset, 1, false, 0);
}

static void watched_write8(void *context, uint64_t offset, uint8_t value)
{
	watched_access(context, offset, 1, true, value);
}

static uint16_t watched_read16(void *context, uint64_t offset)
{
	return (uint16_t)watched_access(context, offset, 2, false, 0);
}

static void watched_write16(void *context, uint64_t offset, uint16_t value)
{
	watched_access(context, offset, 2, true, value);
}

static uint32_t watched_read32(void *context, uint64_t offset)
{
	return (uint32_t)watched_access(context, offset, 4, false, 0);
}

static void watched_write32(void *context, uint64_t offset, uint32_t value)
{
	watched_access(context, offset, 4, true, value);
}

static uint64_t watched_read64(void *context, uint64_t offset)
{
	return watched_access(context, offset, 8, false, 0);
}

static void watched_write64(void *context, uint64_t offset, uint64_t value)
{
	watched_access(context, offset, 8, true, value);
}

void wrap_mmio(void *context, unsigned int unit, struct uiommu_mmio *mmio)
{
	struct wrap *wrap = context;

	if (unit >= MAX_UNITS)
		return;
	wrap->registers[unit] = (struct wrapped_registers){ wrap, *mmio };
	*mmio = (struct uiommu_mmio){
		.read32 = watched_read32,
		.read64 = watched_read64,
		.write32 = watched_write32,
		.write64 = watched_write64,
		.context = &wrap->registers[unit],
		.read8 = watched_read8,
		.read16 = watched_read16,
		.write8 = watched_write8,
		.write16 = watched_write16,
	};
}

void wrap_watch_registers(struct wrap *wrap, void (*watch)(void *context), void *context)
{
	wrap->watch_context = context;
	wrap->watch = watch;
}

void wrap_watch_writes(struct wrap *wrap,
		       void (*watch)(void *context, unsigned int window, uint64_t offset,
				     uint64_t value),
		       void *context)
{
	wrap->writes_context = context;
	wrap->writes = watch;
}

void wrap_set_access(struct wrap *wrap, wrap_access_hook hook, void *context)
{
	wrap->access_context = context;
	wrap->access = hook;
}

void wrap_set(struct wrap *wrap, enum wrap_op op, wrap_hook hook, void *context)
{
	wrap->op[op].context = context;
	wrap->op[op].hook = hook;
}

void wrap_set_saboteur(struct wrap *wrap, enum wrap_op op, wrap_hook hook, void *context)
{
	wrap->op[op].saboteur_context = context;
	wrap->op[op].saboteur = hook;
}

unsigned int wrap_count(const struct wrap *wrap, enum wrap_op op)
{
	return atomic_load(&((struct wrap *)(uintptr_t)wrap)->op[op].count);
}

void wrap_reset_counts(struct wrap *wrap)
{
	for (unsigned int op = 0; op < WRAP_OPS; op++)
		atomic_store(&wrap->op[op].count, 0);
}

void wrap_fail(struct wrap *wrap, enum wrap_op op, const struct uiommu_device *dev,
	       unsigned int nth, int error)
{
	wrap->op[op].fail_dev = dev;
	wrap->op[op].fail_error = error;
	atomic_store(&wrap->op[op].fail_in, (int)nth);
}

void wrap_one_phase(struct wrap *wrap, bool on)
{
	wrap->one_phase = on;
}

void wrap_hide_blocked(struct wrap *wrap, bool on)
{
	wrap->hide_blocked = on;
}
