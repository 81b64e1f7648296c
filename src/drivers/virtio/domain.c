/* SPDX-License-Identifier: MIT */
/*
 * domain.c - address spaces, their mappings, and attaching them
 *
 * Attaching cannot be prepared: a domain exists in the device once an endpoint is in it, so mappings can be
 * told only after the switch.  Until they are, the endpoint reaches nothing; if the device refuses one,
 * the endpoint goes back to where it was, whose mappings are told again if it had been alone there.
 *
 * A mapping and an attach at the same time: both hold the domain's lock, so that each mapping is told by
 * the one or by the other.
 */
#include "src/drivers/virtio/viommu.h"

/* ---- bindings ---------------------------------------------------------------------------------- */

/* The lowest domain ID that is free, and its place in the list by ID. */
static int take_id(struct uiommu_virtio_iommu *viommu, struct viommu_binding *binding)
{
	struct viommu_binding **at = &viommu->bindings;
	uint64_t id = viommu->first_id;
	int rc = -UIOMMU_ENOSPC;

	uiommu_port_mutex_lock(viommu->host, &viommu->lock);
	if (viommu->has_bypass && id == viommu->bypass_id)
		id++;
	for (; *at && (*at)->id == id; at = &(*at)->next_id)
		id++;
	if (id <= viommu->last_id) {
		binding->id = (uint32_t)id;
		binding->next_id = *at;
		*at = binding;
		rc = 0;
	}
	uiommu_port_mutex_unlock(viommu->host, &viommu->lock);
	return rc;
}

static void give_back_id(struct viommu_binding *binding)
{
	struct uiommu_virtio_iommu *viommu = binding->viommu;
	struct viommu_binding **at = &viommu->bindings;

	uiommu_port_mutex_lock(viommu->host, &viommu->lock);
	while (*at != binding)
		at = &(*at)->next_id;
	*at = binding->next_id;
	uiommu_port_mutex_unlock(viommu->host, &viommu->lock);
}

static struct viommu_binding *find_binding(struct viommu_domain *domain,
					   const struct uiommu_virtio_iommu *viommu)
{
	struct viommu_binding *binding = domain->bindings;

	while (binding && binding->viommu != viommu)
		binding = binding->next;
	return binding;
}

/* The domain's binding to a device; it comes without endpoints if it is new. */
static int get_binding(struct viommu_domain *domain, struct uiommu_virtio_iommu *viommu,
		       struct viommu_binding **out)
{
	struct viommu_binding *binding = find_binding(domain, viommu);
	int rc;

	*out = binding;
	if (binding)
		return 0;
	binding = uiommu_port_alloc(domain->host, sizeof(*binding));
	if (!binding)
		return -UIOMMU_ENOMEM;
	binding->viommu = viommu;
	binding->domain = domain;
	rc = take_id(viommu, binding);
	if (rc) {
		uiommu_port_free(domain->host, binding, sizeof(*binding));
		return rc;
	}
	binding->next = domain->bindings;
	domain->bindings = binding;
	*out = binding;
	return 0;
}

static void unlink_binding(struct viommu_domain *domain, struct viommu_binding *binding)
{
	struct viommu_binding **at = &domain->bindings;

	while (*at != binding)
		at = &(*at)->next;
	*at = binding->next;
}

/* With nothing attached the device has forgotten the domain. */
static void drop_binding(struct viommu_domain *domain, struct viommu_binding *binding)
{
	if (!binding || binding->endpoints)
		return;
	unlink_binding(domain, binding);
	give_back_id(binding);
	uiommu_port_free(domain->host, binding, sizeof(*binding));
}

void uiommu_viommu_forget_bindings(struct uiommu_virtio_iommu *viommu)
{
	while (viommu->bindings) {
		struct viommu_binding *binding = viommu->bindings;
		struct viommu_domain *domain = binding->domain;

		if (domain) {
			uiommu_port_mutex_lock(domain->host, &domain->lock);
			unlink_binding(domain, binding);
			uiommu_port_mutex_unlock(domain->host, &domain->lock);
		}
		viommu->bindings = binding->next_id;
		uiommu_port_free(viommu->host, binding, sizeof(*binding));
	}
}

/* ---- waiting ----------------------------------------------------------------------------------- */

/* Until every device has answered all requests about this domain. */
static int wait_all(struct viommu_domain *domain)
{
	int rc = 0;

	for (const struct viommu_binding *b = domain->bindings; b; b = b->next) {
		int failed = uiommu_viommu_wait(b->viommu);

		if (!rc)
			rc = failed;
	}
	domain->maps_sent = false;
	domain->unmaps_sent = false;
	return rc;
}

/* The first mapping that a device has refused, in a range; its error is taken. */
static int take_error(struct viommu_domain *domain, uiommu_iova_t start, uiommu_iova_t last)
{
	struct viommu_mapping *m;
	int rc = 0;

	for (uiommu_iova_t at = start;; at = m->last + 1) {
		m = uiommu_viommu_mapping_at_or_after(domain->mappings, at);
		if (!m || m->start > last)
			return rc;
		if (!rc)
			rc = m->error;
		m->error = 0;
		if (m->last >= last)
			return rc;
	}
}

/* ---- attach ------------------------------------------------------------------------------------ */

/* Tell a device, that has just made the domain, what is mapped in it. */
static int replay(struct viommu_domain *domain, const struct viommu_binding *binding)
{
	struct viommu_mapping *m;
	int rc;

	if (!domain->mappings)
		return 0;
	for (uiommu_iova_t at = 0;; at = m->last + 1) {
		m = uiommu_viommu_mapping_at_or_after(domain->mappings, at);
		if (!m)
			break;
		uiommu_viommu_send_map(binding, m);
		if (m->last == UINT64_MAX)
			break;
	}
	rc = uiommu_viommu_wait(binding->viommu);
	return rc ? rc : take_error(domain, 0, UINT64_MAX);
}

/* One endpoint to another place, if it is not there. */
static int move(struct uiommu_virtio_iommu *viommu, struct viommu_endpoint *endpoint,
		const struct viommu_place *to)
{
	const struct viommu_place from = endpoint->place;
	int rc = 0;

	if (to->attached == from.attached && (!to->attached || to->id == from.id))
		return 0;
	if (to->attached)
		rc = uiommu_viommu_attach_endpoint(viommu, to->id, endpoint->id, to->flags);
	else
		rc = uiommu_viommu_detach_endpoint(viommu, from.id, endpoint->id);
	if (rc)
		return rc;
	endpoint->place = *to;
	if (from.binding)
		from.binding->endpoints--;
	if (to->binding)
		to->binding->endpoints++;
	return 0;
}

/* Back to where they were; what cannot be undone ends in an endpoint that reaches nothing. */
static void go_back(struct viommu_device *device, const struct viommu_place *from,
		    unsigned int count, struct viommu_domain *old)
{
	struct uiommu_virtio_iommu *viommu = device->viommu;

	while (count--) {
		struct viommu_endpoint *endpoint = device->endpoint[count];
		bool forgotten = from[count].binding && !from[count].binding->endpoints;
		int rc = move(viommu, endpoint, &from[count]);

		if (rc == 0 && forgotten)
			rc = replay(old, from[count].binding);
		if (rc)
			uiommu_log(
				viommu->host, UIOMMU_LOG_ERROR,
				"%s: endpoint %u cannot go back to domain %u (%s): it may be blocked",
				viommu->config.name, endpoint->id, from[count].id,
				uiommu_strerror(rc));
	}
}

/* Both domains' locks are held, of those that are paging domains. */
static int switch_device(struct viommu_device *device, struct viommu_domain *domain,
			 struct viommu_domain *old, const struct viommu_place *to)
{
	bool fresh = to->binding && !to->binding->endpoints;
	struct viommu_place from[VIOMMU_MAX_ENDPOINTS];
	unsigned int done;
	int rc = 0;

	/* What is still on its way to the old domain must not find it gone. */
	if (old)
		wait_all(old);
	for (done = 0; done < device->num_endpoints; done++) {
		struct viommu_endpoint *endpoint = device->endpoint[done];

		from[done] = endpoint->place;
		/* Another member of the group still sends under it. */
		if (!to->attached && endpoint->attached_devices > device->attached)
			continue;
		rc = move(device->viommu, endpoint, to);
		if (rc)
			break;
	}
	if (!rc && fresh)
		rc = replay(domain, to->binding);
	if (rc) {
		go_back(device, from, done, old);
		return rc;
	}
	for (unsigned int i = 0; i < device->num_endpoints; i++)
		device->endpoint[i]->attached_devices += to->attached - device->attached;
	device->attached = to->attached;
	return 0;
}

/* Attaching is refused silently: the caller tries another domain. */
static bool fits(const struct viommu_domain *domain, const struct uiommu_virtio_iommu *viommu)
{
	uint64_t granule = viommu->pgsizes & -viommu->pgsizes;
	const struct uiommu_geometry *g = &domain->domain.geometry;

	return !(domain->domain.pgsizes & (granule - 1)) && g->range[0].start >= viommu->first &&
	       g->range[0].last <= viommu->last &&
	       domain->mmio == !!(viommu->features & VIRTIO_IOMMU_F_MMIO);
}

static void lock_both(struct viommu_domain *a, struct viommu_domain *b)
{
	struct viommu_domain *first = a < b ? a : b, *second = a < b ? b : a;

	if (first)
		uiommu_port_mutex_lock(first->host, &first->lock);
	if (second && second != first)
		uiommu_port_mutex_lock(second->host, &second->lock);
}

static void unlock_both(struct viommu_domain *a, struct viommu_domain *b)
{
	if (a)
		uiommu_port_mutex_unlock(a->host, &a->lock);
	if (b && b != a)
		uiommu_port_mutex_unlock(b->host, &b->lock);
}

static int attach_paging(struct viommu_device *device, struct viommu_domain *domain,
			 struct viommu_domain *old)
{
	struct viommu_place to = { .attached = true };
	int rc;

	if (!fits(domain, device->viommu))
		return -UIOMMU_EINVAL;
	lock_both(domain, old);
	rc = get_binding(domain, device->viommu, &to.binding);
	if (rc == 0) {
		to.id = to.binding->id;
		rc = switch_device(device, domain, old, &to);
		drop_binding(domain, to.binding);
	}
	if (old)
		drop_binding(old, find_binding(old, device->viommu));
	unlock_both(domain, old);
	return rc;
}

static int attach_static(struct viommu_device *device, const struct viommu_place *to,
			 struct viommu_domain *old)
{
	int rc;

	lock_both(old, NULL);
	rc = switch_device(device, NULL, old, to);
	if (old)
		drop_binding(old, find_binding(old, device->viommu));
	unlock_both(old, NULL);
	return rc;
}

/* The domain with mappings that stands behind a domain of the core; NULL: blocked, or it bypasses. */
static struct viommu_domain *mapped(const struct viommu_device *device,
				    struct uiommu_domain *domain)
{
	return domain && domain->type == UIOMMU_DOMAIN_IDENTITY ? device->viommu->identity :
								  viommu_paging(domain);
}

static int attach_single(struct uiommu_attach *attach)
{
	struct viommu_device *device = uiommu_device_priv(attach->dev);
	struct viommu_domain *domain = mapped(device, attach->domain);
	struct viommu_domain *old = mapped(device, attach->old);
	struct viommu_place to = { 0 };

	if (attach->pasid != UIOMMU_RID)
		return -UIOMMU_EOPNOTSUPP;
	if (domain == old && domain)
		return 0;
	if (domain)
		return attach_paging(device, domain, old);
	if (attach->domain->type == UIOMMU_DOMAIN_IDENTITY) {
		to.attached = true;
		to.id = device->viommu->bypass_id;
		to.flags = VIRTIO_IOMMU_ATTACH_F_BYPASS;
	}
	return attach_static(device, &to, old);
}

/* ---- mappings ---------------------------------------------------------------------------------- */

static uint32_t map_flags(const struct viommu_domain *domain, unsigned int prot)
{
	return (prot & UIOMMU_READ ? VIRTIO_IOMMU_MAP_F_READ : 0) |
	       (prot & UIOMMU_WRITE ? VIRTIO_IOMMU_MAP_F_WRITE : 0) |
	       (prot & UIOMMU_MMIO && domain->mmio ? VIRTIO_IOMMU_MAP_F_MMIO : 0);
}

static int map(struct uiommu_domain *d, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
	       unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather)
{
	struct viommu_domain *domain = to_viommu_domain(d);
	struct viommu_mapping *mapping, *other;
	int rc = 0;

	(void)gather;
	*mapped = 0;
	mapping = uiommu_port_alloc(domain->host, sizeof(*mapping));
	if (!mapping)
		return -UIOMMU_ENOMEM;
	mapping->start = iova;
	mapping->last = iova + (size - 1);
	mapping->phys = paddr;
	mapping->flags = map_flags(domain, prot);
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	other = uiommu_viommu_mapping_at_or_after(domain->mappings, iova);
	if (other && other->start <= mapping->last) {
		rc = -UIOMMU_EADDRINUSE;
	} else {
		/* A device that is still busy with an unmap might meet the new mapping there. */
		if (domain->unmaps_sent)
			wait_all(domain);
		uiommu_viommu_mapping_insert(&domain->mappings, mapping);
		for (const struct viommu_binding *b = domain->bindings; b; b = b->next) {
			uiommu_viommu_send_map(b, mapping);
			domain->maps_sent = true;
		}
		*mapped = size;
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	if (rc)
		uiommu_port_free(domain->host, mapping, sizeof(*mapping));
	return rc;
}

static int iotlb_sync_map(struct uiommu_domain *d, uiommu_iova_t iova, uint64_t size)
{
	struct viommu_domain *domain = to_viommu_domain(d);
	int rc, refused;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	rc = domain->maps_sent ? wait_all(domain) : 0;
	refused = take_error(domain, iova, iova + (size - 1));
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	return rc ? rc : refused;
}

static uint64_t unmap(struct uiommu_domain *d, uiommu_iova_t iova, uint64_t size,
		      struct uiommu_iotlb_gather *gather)
{
	struct viommu_domain *domain = to_viommu_domain(d);
	uiommu_iova_t next = iova, last = iova + (size - 1);
	uint64_t done = 0;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	/* Only after a map that failed half-way: its requests are still on their way. */
	if (domain->maps_sent)
		wait_all(domain);
	for (;;) {
		struct viommu_mapping *m =
			uiommu_viommu_mapping_at_or_after(domain->mappings, next);
		bool end;

		if (!m || m->start != next)
			break;
		uiommu_viommu_mapping_remove(&domain->mappings, m);
		done += m->last - m->start + 1;
		next = m->last + 1;
		end = m->last >= last;
		uiommu_port_free(domain->host, m, sizeof(*m));
		if (end)
			break;
	}
	for (const struct viommu_binding *b = domain->bindings; b && done; b = b->next) {
		uiommu_viommu_send_unmap(b, iova, iova + (done - 1));
		domain->unmaps_sent = true;
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	if (done)
		uiommu_iotlb_gather_add(gather, iova, done);
	return done;
}

static void flush_iotlb_all(struct uiommu_domain *d)
{
	struct viommu_domain *domain = to_viommu_domain(d);

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	wait_all(domain);
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
}

/* The requests were sent by unmap(); what is left is to wait for them. */
static void iotlb_sync(struct uiommu_domain *d, struct uiommu_iotlb_gather *gather)
{
	(void)gather;
	flush_iotlb_all(d);
}

static uiommu_phys_t iova_to_phys(struct uiommu_domain *d, uiommu_iova_t iova)
{
	struct viommu_domain *domain = to_viommu_domain(d);
	const struct viommu_mapping *m;
	uiommu_phys_t phys = 0;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	m = uiommu_viommu_mapping_at_or_after(domain->mappings, iova);
	if (m && m->start <= iova)
		phys = m->phys + (iova - m->start);
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	return phys;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void forget_mappings(struct viommu_domain *domain)
{
	while (domain->mappings) {
		struct viommu_mapping *m = domain->mappings;

		uiommu_viommu_mapping_remove(&domain->mappings, m);
		uiommu_port_free(domain->host, m, sizeof(*m));
	}
}

static void domain_free(struct uiommu_domain *d)
{
	struct viommu_domain *domain = to_viommu_domain(d);

	/* A device that refused to let an endpoint go keeps its ID until it is reset. */
	for (struct viommu_binding *b = domain->bindings; b; b = b->next)
		b->domain = NULL;
	forget_mappings(domain);
	uiommu_port_mutex_destroy(domain->host, &domain->lock);
	uiommu_port_free(domain->host, domain, sizeof(*domain));
}

static const struct uiommu_domain_ops paging_ops = {
	.attach_single = attach_single,
	.map = map,
	.iotlb_sync_map = iotlb_sync_map,
	.unmap = unmap,
	.iotlb_sync = iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys = iova_to_phys,
	.free = domain_free,
};

static const struct uiommu_domain_ops static_ops = {
	.attach_single = attach_single,
};

const struct uiommu_domain uiommu_viommu_identity_domain = {
	.type = UIOMMU_DOMAIN_IDENTITY,
	.ops = &static_ops,
};

const struct uiommu_domain uiommu_viommu_blocked_domain = {
	.type = UIOMMU_DOMAIN_BLOCKED,
	.ops = &static_ops,
};

static struct viommu_domain *new_domain(const struct uiommu_virtio_iommu *viommu)
{
	uint64_t granule = viommu->pgsizes & -viommu->pgsizes;
	struct viommu_domain *domain = uiommu_port_alloc(viommu->host, sizeof(*domain));
	struct uiommu_geometry *g;

	if (!domain)
		return NULL;
	if (uiommu_port_mutex_init(viommu->host, &domain->lock)) {
		uiommu_port_free(viommu->host, domain, sizeof(*domain));
		return NULL;
	}
	domain->host = viommu->host;
	domain->mmio = viommu->features & VIRTIO_IOMMU_F_MMIO;
	domain->domain.type = UIOMMU_DOMAIN_PAGING;
	domain->domain.ops = &paging_ops;
	/* Above the granule the mask gives hints only: a mapping has any multiple of it (5.13.4). */
	domain->domain.pgsizes = viommu->pgsizes;
	g = &domain->domain.geometry;
	g->ranges = 1;
	g->range[0].start = (viommu->first + granule - 1) & ~(granule - 1);
	g->range[0].last = viommu->last == UINT64_MAX ? UINT64_MAX :
							((viommu->last + 1) & ~(granule - 1)) - 1;
	g->last_phys = UINT64_MAX; /* the device says if it is less */
	return domain;
}

int uiommu_viommu_domain_alloc(struct uiommu_device *dev, unsigned int flags,
			       struct uiommu_domain **out)
{
	const struct viommu_device *device = uiommu_device_priv(dev);
	struct viommu_domain *domain;

	if (flags)
		return -UIOMMU_EOPNOTSUPP;
	domain = new_domain(device->viommu);
	if (!domain)
		return -UIOMMU_ENOMEM;
	*out = &domain->domain;
	return 0;
}

/* ---- identity without bypass ------------------------------------------------------------------- */

struct viommu_domain *uiommu_viommu_identity_alloc(struct uiommu_virtio_iommu *viommu)
{
	return new_domain(viommu);
}

void uiommu_viommu_identity_free(struct viommu_domain *domain)
{
	if (domain)
		domain_free(&domain->domain);
}

/* The lowest region that reaches @at or beyond; NULL: none. */
static const struct viommu_resv *next_region(const struct viommu_device *device, uiommu_iova_t at)
{
	const struct viommu_resv *next = NULL;

	for (unsigned int i = 0; i < device->num_resv; i++)
		if (device->resv[i].last >= at && (!next || device->resv[i].start < next->start))
			next = &device->resv[i];
	return next;
}

static int map_one_to_one(struct viommu_domain *domain, uiommu_iova_t start, uiommu_iova_t last)
{
	struct viommu_mapping *m = uiommu_port_alloc(domain->host, sizeof(*m));

	if (!m)
		return -UIOMMU_ENOMEM;
	m->start = start;
	m->last = last;
	m->phys = start;
	m->flags = VIRTIO_IOMMU_MAP_F_READ | VIRTIO_IOMMU_MAP_F_WRITE;
	uiommu_viommu_mapping_insert(&domain->mappings, m);
	return 0;
}

static int fill(struct viommu_domain *domain, const struct viommu_device *device)
{
	uint64_t granule = domain->domain.pgsizes & -domain->domain.pgsizes;
	uiommu_iova_t at = domain->domain.geometry.range[0].start;
	uiommu_iova_t end = domain->domain.geometry.range[0].last;
	int rc = 0;

	while (!rc) {
		const struct viommu_resv *region = next_region(device, at);
		uiommu_iova_t hole = region ? region->start & ~(granule - 1) : 0;

		if (!region || hole > end)
			return map_one_to_one(domain, at, end);
		if (hole > at)
			rc = map_one_to_one(domain, at, hole - 1);
		if (region->last >= end)
			break;
		at = (region->last | (granule - 1)) + 1;
		if (!at || at > end)
			break;
	}
	return rc;
}

int uiommu_viommu_identity_fill(struct viommu_domain *domain, const struct viommu_device *device)
{
	int rc = 0;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	if (!domain->mappings)
		rc = fill(domain, device);
	if (rc)
		forget_mappings(domain);
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	return rc;
}
