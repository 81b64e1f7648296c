/* SPDX-License-Identifier: MIT */
/*
 * domain.c - address spaces, what they are cached under, and attaching them
 *
 * Which invalidation reaches which device.  A domain's tags and links say where it may be cached.  They are
 * added in attach_prepare(), before hardware can walk the tables, and removed at the end of the commit
 * that switches hardware away, after everything cached has been invalidated: in between the domain
 * invalidates for a device that may not use it, which costs time and nothing else.
 *
 * A change of the tables, a full barrier, and a look at the tags (iotlb_sync) pairs with: a tag is
 * added, a full barrier (the lock), the entry is written.  So an unmap either sees the tag, or the
 * device walks the tables after the change.
 *
 * A device that goes from one first stage to another without a gap needs, for the time of it, a domain ID that
 * nobody else uses with this PASID (table.c).  So it gets a tag of its own, which others may share afterwards.
 * Without a spare domain ID there is a gap, rather than no attachment.
 *
 * A domain ID is given back only after the domain-wide invalidation of the last switch away from it, so
 * its next user finds the caches clean.
 */
#include "src/drivers/vtd/unit.h"

/* ---- domain IDs -------------------------------------------------------------------------------- */

static int did_alloc(struct uiommu_vtd *unit, uint16_t *out)
{
	int rc = -UIOMMU_ENOSPC;

	uiommu_port_mutex_lock(unit->host, &unit->lock);
	for (uint32_t did = VTD_FIRST_DID; did < unit->num_dids; did++) {
		if (unit->dids[did / 64] >> (did % 64) & 1)
			continue;
		unit->dids[did / 64] |= 1ull << (did % 64);
		*out = (uint16_t)did;
		rc = 0;
		break;
	}
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
	return rc;
}

static void did_free(struct uiommu_vtd *unit, uint16_t did)
{
	uiommu_port_mutex_lock(unit->host, &unit->lock);
	unit->dids[did / 64] &= ~(1ull << (did % 64));
	uiommu_port_mutex_unlock(unit->host, &unit->lock);
}

/* ---- tags and links ---------------------------------------------------------------------------- */

static struct vtd_tag *tag_add(struct vtd_domain *domain, struct uiommu_vtd *unit,
			       uiommu_pasid_t pasid, uint16_t did)
{
	struct vtd_tag *tag = uiommu_port_alloc(domain->host, sizeof(*tag));

	if (!tag)
		return NULL;
	tag->unit = unit;
	tag->did = did;
	tag->pasid = pasid;
	tag->next = domain->tags;
	domain->tags = tag;
	return tag;
}

/* The domain's tag for @pasid, or at least one whose domain ID would serve for it; NULL: none. */
static struct vtd_tag *tag_find(struct vtd_domain *domain, const struct uiommu_vtd *unit,
				uiommu_pasid_t pasid)
{
	struct vtd_tag *tag, *same_unit = NULL;

	for (tag = domain->tags; tag; tag = tag->next) {
		if (tag->unit != unit || tag->alone)
			continue;
		if (tag->pasid == pasid)
			return tag;
		same_unit = tag;
	}
	return same_unit;
}

/*
 * Second-stage entries are cached by domain ID alone; first-stage ones by domain ID and PASID, so each
 * PASID is a tag of its own, with the unit's one domain ID for this domain where it is not @alone.
 */
static int tag_get(struct vtd_domain *domain, struct uiommu_vtd *unit, uiommu_pasid_t pasid,
		   bool alone, struct vtd_tag **out)
{
	struct vtd_tag *tag, *found = NULL;
	uint16_t did = VTD_DID_NONE;
	int rc;

	if (!domain->first)
		pasid = UIOMMU_RID;
	if (alone && did_alloc(unit, &did))
		alone = false;
	if (!alone)
		found = tag_find(domain, unit, pasid);
	tag = found && found->pasid == pasid ? found : NULL;
	if (!tag) {
		if (!alone && found) {
			did = found->did;
		} else if (!alone) {
			rc = did_alloc(unit, &did);
			if (rc)
				return rc;
		}
		tag = tag_add(domain, unit, pasid, did);
		if (!tag) {
			if (alone || !found)
				did_free(unit, did);
			return -UIOMMU_ENOMEM;
		}
		tag->alone = alone;
	}
	tag->links++;
	*out = tag;
	return 0;
}

static void tag_put(struct vtd_domain *domain, struct vtd_tag *tag)
{
	struct vtd_tag **at = &domain->tags, *other;

	if (--tag->links)
		return;
	while (*at != tag)
		at = &(*at)->next;
	*at = tag->next;
	for (other = domain->tags; other; other = other->next)
		if (other->unit == tag->unit && other->did == tag->did)
			break;
	if (!other)
		did_free(tag->unit, tag->did);
	uiommu_port_free(domain->host, tag, sizeof(*tag));
}

static bool eager(const struct uiommu_vtd *unit)
{
	return unit->cap & (VTD_CAP_CM | VTD_CAP_RWBF);
}

static int link_add(struct vtd_domain *domain, struct vtd_device *device, uiommu_pasid_t pasid,
		    bool alone, struct vtd_link **out)
{
	struct vtd_link *link = uiommu_port_alloc(domain->host, sizeof(*link));
	int rc;

	if (!link)
		return -UIOMMU_ENOMEM;
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	rc = domain->exited ? -UIOMMU_ENOENT :
			      tag_get(domain, device->unit, pasid, alone, &link->tag);
	if (rc == 0) {
		link->device = device;
		link->pasid = pasid;
		link->next = domain->links;
		domain->links = link;
		if (eager(device->unit))
			atomic_fetch_add(&domain->eager_links, 1);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	if (rc)
		uiommu_port_free(domain->host, link, sizeof(*link));
	*out = link;
	return rc;
}

static void link_remove(struct vtd_domain *domain, const struct vtd_device *device,
			uiommu_pasid_t pasid)
{
	struct vtd_link **at, *link;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	for (at = &domain->links; *at; at = &(*at)->next)
		if ((*at)->device == device && (*at)->pasid == pasid)
			break;
	link = *at;
	if (link) {
		*at = link->next;
		if (eager(device->unit))
			atomic_fetch_sub(&domain->eager_links, 1);
		tag_put(domain, link->tag);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	if (link)
		uiommu_port_free(domain->host, link, sizeof(*link));
}

/* ---- does it fit? ------------------------------------------------------------------------------ */

static unsigned int top_bit(uiommu_iova_t last)
{
	unsigned int bits = 0;

	while (last >> bits && bits < 63)
		bits++;
	return bits;
}

static bool walks_coherent(const struct uiommu_vtd *unit)
{
	return unit->scalable ? unit->ecap & VTD_ECAP_SMPWCS : unit->ecap & VTD_ECAP_C;
}

static uint64_t second_stage_sizes(const struct uiommu_vtd *unit)
{
	uint64_t code = vtd_get(unit->cap, VTD_CAP_SSLPS);

	return 1ull << 12 | (code & VTD_SSLPS_2M ? 1ull << 21 : 0) |
	       (code & VTD_SSLPS_1G ? 1ull << 30 : 0);
}

static uint64_t first_stage_sizes(const struct uiommu_vtd *unit)
{
	return 1ull << 12 | 1ull << 21 | (unit->cap & VTD_CAP_FS1GP ? 1ull << 30 : 0);
}

static uint64_t width_bit(unsigned int bits)
{
	return bits == 57 ? VTD_SAGAW_57 : bits == 48 ? VTD_SAGAW_48 : VTD_SAGAW_39;
}

/* Attaching is refused silently: the caller tries another domain. */
bool uiommu_vtd_fits(const struct vtd_domain *domain, const struct uiommu_vtd *unit)
{
	const struct uiommu_pt_config *c = &domain->pt.config;

	if (domain->parent &&
	    !((unit->ecap & VTD_ECAP_NEST) && uiommu_vtd_fits(domain->parent, unit)))
		return false;
	if (c->coherent && !walks_coherent(unit))
		return false;
	if (domain->snoop && !(unit->ecap & VTD_ECAP_SC))
		return false;
	if (domain->first)
		return unit->scalable && (unit->ecap & VTD_ECAP_FSTS) &&
		       !(c->pgsizes & ~first_stage_sizes(unit)) &&
		       (c->va_bits == 48 || (unit->cap & VTD_CAP_FS5LP));
	if (unit->scalable && !(unit->ecap & VTD_ECAP_SSTS))
		return false;
	if (c->dirty && !vtd_tracks_dirty(unit))
		return false;
	return (vtd_get(unit->cap, VTD_CAP_SAGAW) & width_bit(c->va_bits)) &&
	       !(c->pgsizes & ~second_stage_sizes(unit)) &&
	       top_bit(domain->domain.geometry.range[0].last) <= vtd_cap_mgaw(unit->cap);
}

/* ---- attach ------------------------------------------------------------------------------------ */

/* From one first stage to another on a device that is attached: without a gap, if it can be had. */
static bool wants_alone(const struct uiommu_attach *attach, const struct uiommu_vtd *unit)
{
	const struct vtd_domain *domain = vtd_paging(attach->domain);
	const struct vtd_domain *old = vtd_paging(attach->old);

	return unit->scalable && domain->first && old && old->first && old != domain &&
	       old->parent == domain->parent && uiommu_vtd_stores_pairs();
}

int uiommu_vtd_attach_prepare(struct uiommu_attach *attach)
{
	struct vtd_device *device = uiommu_device_priv(attach->dev);
	struct vtd_domain *domain = vtd_paging(attach->domain);
	struct uiommu_vtd *unit = device->unit;
	struct vtd_link *link;
	int rc;

	attach->priv = NULL;
	if (attach->domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	if (attach->pasid != UIOMMU_RID && !device->pasid)
		return -UIOMMU_EOPNOTSUPP;
	if (attach->domain->type == UIOMMU_DOMAIN_SVA && attach->pasid == UIOMMU_RID)
		return -UIOMMU_EINVAL;
	if (domain ? !uiommu_vtd_fits(domain, unit) : !(unit->ecap & VTD_ECAP_PT))
		return -UIOMMU_EINVAL;
	if (unit->scalable) {
		uiommu_port_mutex_lock(unit->host, &unit->lock);
		rc = uiommu_vtd_pasid_table_alloc(device, attach->pasid);
		uiommu_port_mutex_unlock(unit->host, &unit->lock);
		if (rc)
			return rc;
	}
	if (!domain)
		return 0;
	rc = link_add(domain, device, attach->pasid, wants_alone(attach, unit), &link);
	if (rc == 0)
		attach->priv = link;
	return rc;
}

void uiommu_vtd_attach_abort(struct uiommu_attach *attach)
{
	struct vtd_domain *domain = vtd_paging(attach->domain);

	if (domain)
		link_remove(domain, uiommu_device_priv(attach->dev), attach->pasid);
}

/* An address space that exits meanwhile is not walked: it does so under the domain's lock too (sva.c). */
static void commit_walk(struct vtd_domain *domain, struct vtd_link *link)
{
	struct vtd_target target = { .domain = domain };

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	target.kind = domain->exited ? VTD_SILENT : VTD_WALK;
	target.did = link->tag->did;
	target.alone = link->tag->alone;
	uiommu_vtd_entry_set(link->device, link->pasid, &target);
	link->live = true;
	link->tag->alone = false;
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
}

void uiommu_vtd_attach_commit(struct uiommu_attach *attach)
{
	struct vtd_device *device = uiommu_device_priv(attach->dev);
	struct vtd_domain *domain = vtd_paging(attach->domain), *old = vtd_paging(attach->old);
	struct vtd_target target = { .kind = VTD_BLOCK };

	if (domain) {
		commit_walk(domain, attach->priv);
	} else {
		if (attach->domain->type == UIOMMU_DOMAIN_IDENTITY)
			target = (struct vtd_target){ .kind = VTD_PASS,
						      .did = VTD_DID_PASS_THROUGH };
		uiommu_vtd_entry_set(device, attach->pasid, &target);
	}
	if (!old || old == domain)
		return;
	link_remove(old, device, attach->pasid);
	/* The core drains for domains that somebody answers for; the PASID must not be used again before (7.11). */
	if (device->page_requests && !attach->old->page_handler)
		uiommu_vtd_page_requests_drain(attach->dev, attach->pasid);
}

/* ---- mappings ---------------------------------------------------------------------------------- */

static int ss_map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,
		  uint64_t size, unsigned int prot, uint64_t *mapped,
		  struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_vtd_ss_map(&to_vtd_domain(domain)->pt, iova, paddr, size, prot, mapped,
				    gather);
}

static int ss_map_sg(struct uiommu_domain *domain, uiommu_iova_t iova, const struct uiommu_sg *sg,
		     size_t count, unsigned int prot, uint64_t *mapped,
		     struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_vtd_ss_map_sg(&to_vtd_domain(domain)->pt, iova, sg, count, prot, mapped,
				       gather);
}

static uint64_t ss_unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			 struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_vtd_ss_unmap(&to_vtd_domain(domain)->pt, iova, size, gather);
}

static uiommu_phys_t ss_iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	return uiommu_pt_vtd_ss_iova_to_phys(&to_vtd_domain(domain)->pt, iova);
}

static int ss_read_and_clear_dirty(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
				   unsigned int flags, const struct uiommu_dirty_bitmap *bitmap,
				   struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_vtd_ss_read_and_clear_dirty(&to_vtd_domain(domain)->pt, iova, size, flags,
						     bitmap, gather);
}

static int fs_map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr,
		  uint64_t size, unsigned int prot, uint64_t *mapped,
		  struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_x86_64_map(&to_vtd_domain(domain)->pt, iova, paddr, size, prot, mapped,
				    gather);
}

static int fs_map_sg(struct uiommu_domain *domain, uiommu_iova_t iova, const struct uiommu_sg *sg,
		     size_t count, unsigned int prot, uint64_t *mapped,
		     struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_x86_64_map_sg(&to_vtd_domain(domain)->pt, iova, sg, count, prot, mapped,
				       gather);
}

static uint64_t fs_unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
			 struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_x86_64_unmap(&to_vtd_domain(domain)->pt, iova, size, gather);
}

static uiommu_phys_t fs_iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	return uiommu_pt_x86_64_iova_to_phys(&to_vtd_domain(domain)->pt, iova);
}

/* ---- invalidation ------------------------------------------------------------------------------ */

void uiommu_vtd_flush_range(struct vtd_domain *domain, const struct vtd_range *range)
{
	for (const struct vtd_tag *tag = domain->tags; tag; tag = tag->next)
		uiommu_vtd_flush_tag(tag, domain->first, range);
	/* A device refills its TLB from the IOTLB: so that one has to be clean before (6.5.2.5). */
	for (const struct vtd_link *link = domain->links; link; link = link->next)
		uiommu_vtd_flush_device_tlb(link->device, link->pasid, range, false);
}

static void flush_range(struct vtd_domain *domain, const struct vtd_range *range)
{
	/* Table entries first; pairs with link_add() before the entry is written. */
	atomic_thread_fence(memory_order_seq_cst);
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	uiommu_vtd_flush_range(domain, range);
	uiommu_vtd_flush_nested(domain);
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
}

static void iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	const struct vtd_range range = { gather->start, gather->last, gather->tables };

	flush_range(to_vtd_domain(domain), &range);
}

static void flush_iotlb_all(struct uiommu_domain *domain)
{
	const struct vtd_range range = { 0, UINT64_MAX, true };

	flush_range(to_vtd_domain(domain), &range);
}

/* Only hardware that caches what is not there, or that buffers writes, needs to hear of new entries. */
static int iotlb_sync_map(struct uiommu_domain *d, uiommu_iova_t iova, uint64_t size)
{
	struct vtd_domain *domain = to_vtd_domain(d);
	const struct vtd_range range = { iova, iova + (size - 1), true };

	if (!atomic_load_explicit(&domain->eager_links, memory_order_relaxed))
		return 0;
	atomic_thread_fence(memory_order_seq_cst);
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	for (const struct vtd_tag *tag = domain->tags; tag; tag = tag->next) {
		if (tag->unit->cap & VTD_CAP_CM)
			uiommu_vtd_flush_tag(tag, domain->first, &range);
		else
			uiommu_vtd_write_buffer_flush(tag->unit);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	return 0;
}

/* ---- coherency and dirty tracking -------------------------------------------------------------- */

/* Only of those that have been switched: the entry of the others is still another domain's. */
static void update_links(struct vtd_domain *domain)
{
	for (const struct vtd_link *link = domain->links; link; link = link->next)
		if (link->live)
			uiommu_vtd_entry_update(link->device, link->pasid, domain, link->tag->did);
}

static bool enforce_cache_coherency(struct uiommu_domain *d)
{
	struct vtd_domain *domain = to_vtd_domain(d);
	bool can = true;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	for (const struct vtd_tag *tag = domain->tags; tag && can; tag = tag->next)
		can = tag->unit->ecap & VTD_ECAP_SC;
	if (can && !domain->snoop) {
		domain->snoop = true;
		domain->pt.config.force_snoop = true;
		if (domain->first)
			update_links(domain);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	return can;
}

static int set_dirty_tracking(struct uiommu_domain *d, bool enable)
{
	struct vtd_domain *domain = to_vtd_domain(d);

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	if (domain->dirty != enable) {
		/* Only units that can are attached (fits()), so nothing is left to fail. */
		domain->dirty = enable;
		update_links(domain);
		for (struct vtd_domain *n = domain->nested; n; n = n->nested_next) {
			uiommu_port_mutex_lock(n->host, &n->lock);
			update_links(n);
			uiommu_port_mutex_unlock(n->host, &n->lock);
		}
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	return 0;
}

/* ---- life -------------------------------------------------------------------------------------- */

struct vtd_domain *uiommu_vtd_domain_new(void *host)
{
	struct vtd_domain *domain = uiommu_port_alloc(host, sizeof(*domain));

	if (!domain)
		return NULL;
	domain->host = host;
	if (uiommu_port_mutex_init(host, &domain->lock) == 0)
		return domain;
	uiommu_port_free(host, domain, sizeof(*domain));
	return NULL;
}

void uiommu_vtd_domain_delete(struct vtd_domain *domain)
{
	uiommu_port_mutex_destroy(domain->host, &domain->lock);
	uiommu_port_free(domain->host, domain, sizeof(*domain));
}

static void domain_free(struct uiommu_domain *d)
{
	struct vtd_domain *domain = to_vtd_domain(d);

	if (domain->first)
		uiommu_pt_x86_64_destroy(&domain->pt);
	else
		uiommu_pt_vtd_ss_destroy(&domain->pt);
	uiommu_vtd_domain_delete(domain);
}

static const struct uiommu_domain_ops second_stage_ops = {
	.pasid = true,
	.attach_prepare = uiommu_vtd_attach_prepare,
	.attach_commit = uiommu_vtd_attach_commit,
	.attach_abort = uiommu_vtd_attach_abort,
	.map = ss_map,
	.map_sg = ss_map_sg,
	.iotlb_sync_map = iotlb_sync_map,
	.unmap = ss_unmap,
	.iotlb_sync = iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys = ss_iova_to_phys,
	.enforce_cache_coherency = enforce_cache_coherency,
	.free = domain_free,
};

static const struct uiommu_domain_ops second_stage_dirty_ops = {
	.pasid = true,
	.attach_prepare = uiommu_vtd_attach_prepare,
	.attach_commit = uiommu_vtd_attach_commit,
	.attach_abort = uiommu_vtd_attach_abort,
	.map = ss_map,
	.map_sg = ss_map_sg,
	.iotlb_sync_map = iotlb_sync_map,
	.unmap = ss_unmap,
	.iotlb_sync = iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys = ss_iova_to_phys,
	.enforce_cache_coherency = enforce_cache_coherency,
	.set_dirty_tracking = set_dirty_tracking,
	.read_and_clear_dirty = ss_read_and_clear_dirty,
	.free = domain_free,
};

static const struct uiommu_domain_ops first_stage_ops = {
	.pasid = true,
	.attach_prepare = uiommu_vtd_attach_prepare,
	.attach_commit = uiommu_vtd_attach_commit,
	.attach_abort = uiommu_vtd_attach_abort,
	.map = fs_map,
	.map_sg = fs_map_sg,
	.iotlb_sync_map = iotlb_sync_map,
	.unmap = fs_unmap,
	.iotlb_sync = iotlb_sync,
	.flush_iotlb_all = flush_iotlb_all,
	.iova_to_phys = fs_iova_to_phys,
	.enforce_cache_coherency = enforce_cache_coherency,
	.free = domain_free,
};

static const struct uiommu_domain_ops static_ops = {
	.pasid = true,
	.attach_prepare = uiommu_vtd_attach_prepare,
	.attach_commit = uiommu_vtd_attach_commit,
	.attach_abort = uiommu_vtd_attach_abort,
};

const struct uiommu_domain uiommu_vtd_identity_domain = {
	.type = UIOMMU_DOMAIN_IDENTITY,
	.ops = &static_ops,
};

const struct uiommu_domain uiommu_vtd_blocked_domain = {
	.type = UIOMMU_DOMAIN_BLOCKED,
	.ops = &static_ops,
};

/* 48 bits where there is a choice: one level less than 57, and more room than 39. */
static unsigned int second_stage_width(const struct uiommu_vtd *unit)
{
	uint64_t sagaw = vtd_get(unit->cap, VTD_CAP_SAGAW);

	return sagaw & VTD_SAGAW_48 ? 48 : sagaw & VTD_SAGAW_39 ? 39 : 57;
}

bool uiommu_vtd_choose_first(const struct uiommu_vtd *unit, unsigned int flags)
{
	bool second = unit->ecap & VTD_ECAP_SSTS;

	if (!unit->scalable || !(unit->ecap & VTD_ECAP_FSTS))
		return false;
	if (!second)
		return true;
	/* What a nested domain stands on is a second stage; without one there is no such parent. */
	return !(flags & (UIOMMU_ALLOC_DIRTY_TRACKING | UIOMMU_ALLOC_NEST_PARENT)) &&
	       !(unit->config.flags & UIOMMU_VTD_PREFER_SECOND_STAGE);
}

int uiommu_vtd_domain_alloc(struct uiommu_device *dev, unsigned int flags,
			    struct uiommu_domain **out)
{
	struct vtd_device *device = uiommu_device_priv(dev);
	struct uiommu_vtd *unit = device->unit;
	struct uiommu_pt_config config = {
		.host = unit->host,
		.pa_bits = 52,
		.coherent = walks_coherent(unit),
		.noexec = true, /* PASID entries have NXE */
		.dirty = flags & UIOMMU_ALLOC_DIRTY_TRACKING,
	};
	struct vtd_domain *domain;
	uiommu_iova_t mgaw_last;
	int rc;

	if ((flags & UIOMMU_ALLOC_DIRTY_TRACKING) &&
	    !(vtd_tracks_dirty(unit) && (unit->ecap & VTD_ECAP_SSTS)))
		return -UIOMMU_EOPNOTSUPP;
	if ((flags & UIOMMU_ALLOC_PASID) && !unit->instance.max_pasids)
		return -UIOMMU_EOPNOTSUPP;
	if ((flags & UIOMMU_ALLOC_NEST_PARENT) && !uiommu_vtd_nests(unit))
		return -UIOMMU_EOPNOTSUPP;
	domain = uiommu_vtd_domain_new(unit->host);
	if (!domain)
		return -UIOMMU_ENOMEM;
	domain->first = uiommu_vtd_choose_first(unit, flags);
	if (domain->first) {
		config.va_bits = unit->cap & VTD_CAP_FS5LP ? 57 : 48;
		config.pgsizes = first_stage_sizes(unit);
	} else {
		config.va_bits = second_stage_width(unit);
		config.pgsizes = second_stage_sizes(unit);
	}
	if (unit->config.flags & UIOMMU_VTD_NO_SUPERPAGES)
		config.pgsizes = 1ull << 12;
	rc = domain->first ? uiommu_pt_x86_64_init(&domain->pt, &config) :
			     uiommu_pt_vtd_ss_init(&domain->pt, &config);
	if (rc) {
		uiommu_vtd_domain_delete(domain);
		return rc;
	}

	domain->domain.type = UIOMMU_DOMAIN_PAGING;
	domain->domain.pgsizes = config.pgsizes;
	domain->domain.alloc_flags = flags;
	if (domain->first) {
		domain->domain.ops = &first_stage_ops;
		domain->first_stage =
			uiommu_vtd_first_stage(uiommu_pt_root(&domain->pt), domain->pt.levels);
		uiommu_pt_x86_64_geometry(&domain->pt, &domain->domain.geometry);
	} else {
		domain->domain.ops = config.dirty ? &second_stage_dirty_ops : &second_stage_ops;
		uiommu_pt_vtd_ss_geometry(&domain->pt, &domain->domain.geometry);
		/* Addresses above MGAW are refused whatever the tables say (3.6). */
		mgaw_last = vtd_cap_mgaw(unit->cap) >= 64 ? UINT64_MAX :
							    (1ull << vtd_cap_mgaw(unit->cap)) - 1;
		if (domain->domain.geometry.range[0].last > mgaw_last)
			domain->domain.geometry.range[0].last = mgaw_last;
	}
	*out = &domain->domain;
	return 0;
}
