/* SPDX-License-Identifier: MIT */
/*
 * type1_group.c - groups come into a container and leave it: domains, and where mappings may be
 *
 * Which domains a group's hardware can share is not ours to know: each is tried, and the core's owner check and the
 * driver say no with -EINVAL.  A group that none takes gets a new domain, which has all mappings before the group
 * is let into it.  So at each moment a group is either blocked or in a domain that is complete, and what fails
 * leaves nothing behind.
 *
 * The new domain is made while the core holds the group together (uiommu_group_for_each_device()): a member
 * that is just leaving is either still there for all of that, or not there at all.
 */
#include "src/uapi/container.h"

#define MAX_REGIONS 128u
/* What the geometry of a domain can forbid: before, between and behind its two ranges. */
#define MAX_OUTSIDE 3u

/* ---- what a group's hardware asks for ---------------------------------------------------------- */

struct allocation {
	struct uiommu_domain *domain;
	int rc;
};

/* For the first member: the format has to suit all of them, which attaching will tell. */
static int visit_alloc(struct uiommu_device *dev, void *context)
{
	struct allocation *allocation = context;

	allocation->rc = uiommu_domain_alloc_paging(dev, 0, &allocation->domain);
	return 1;
}

static int visit_coherent(struct uiommu_device *dev, void *context)
{
	(void)context;
	return !uiommu_device_capable(dev, UIOMMU_CAP_ENFORCE_CACHE_COHERENCY);
}

static int visit_isolated(struct uiommu_device *dev, void *context)
{
	const struct uiommu_uapi_config *config = context;

	return !config->isolated_msi(config->context, dev);
}

static bool all_isolated(struct uiommu_uapi *uapi, struct uiommu_group *group)
{
	return !uapi->config.isolated_msi ||
	       !uiommu_group_for_each_device(group, visit_isolated, &uapi->config);
}

static void domain_free(struct type1 *t, struct type1_domain *domain)
{
	uiommu_domain_free(domain->domain);
	uapi_free(t->uapi, domain, sizeof(*domain));
}

static int domain_create(struct type1 *t, struct uiommu_group *group, struct type1_domain **out)
{
	struct allocation allocation = { .rc = -UIOMMU_ENODEV };
	struct type1_domain *domain = uapi_alloc(t->uapi, sizeof(*domain));

	if (!domain)
		return -UIOMMU_ENOMEM;
	uiommu_group_for_each_device(group, visit_alloc, &allocation);
	if (allocation.rc) {
		uapi_free(t->uapi, domain, sizeof(*domain));
		return allocation.rc;
	}
	domain->domain = allocation.domain;
	domain->coherent = !uiommu_group_for_each_device(group, visit_coherent, NULL);
	if (domain->coherent)
		domain->enforces = uiommu_enforce_cache_coherency(domain->domain);
	uiommu_iotlb_gather_init(&domain->gather, false);
	*out = domain;
	return 0;
}

static void forbid(struct container_group *member, uint64_t start, uint64_t last)
{
	member->forbidden[member->num_forbidden++] = (struct type1_range){ start, last };
}

/* What lies outside of a domain's address space. */
static void forbid_outside(struct container_group *member, const struct uiommu_domain *domain)
{
	struct uiommu_geometry geometry;
	uint64_t from = 0;

	uiommu_domain_geometry(domain, &geometry);
	for (unsigned int i = 0; i < geometry.ranges; i++) {
		if (geometry.range[i].start > from)
			forbid(member, from, geometry.range[i].start - 1);
		from = geometry.range[i].last + 1;
	}
	if (from)
		forbid(member, from, UINT64_MAX);
}

/* With room for the domain that the group will have besides the one that was made for it. */
static int forbid_all(struct type1 *t, struct container_group *member,
		      const struct type1_domain *domain)
{
	struct uiommu_resv_region *regions =
		uapi_alloc(t->uapi, MAX_REGIONS * sizeof(struct uiommu_resv_region));
	size_t count = 0;
	int rc = -UIOMMU_ENOMEM;

	if (!regions)
		return rc;
	rc = uiommu_group_resv_regions(member->group->core, regions, MAX_REGIONS, &count);
	if (!rc && count > MAX_REGIONS)
		rc = -UIOMMU_ENOMEM;
	if (rc)
		goto out;
	member->max_forbidden = count + 2 * MAX_OUTSIDE;
	member->forbidden = uapi_alloc(t->uapi, member->max_forbidden * sizeof(*member->forbidden));
	rc = member->forbidden ? 0 : -UIOMMU_ENOMEM;
	for (size_t i = 0; !rc && i < count; i++) {
		if (regions[i].type != UIOMMU_RESV_DIRECT_RELAXABLE)
			forbid(member, regions[i].start, regions[i].last);
	}
	if (!rc)
		forbid_outside(member, domain->domain);
out:
	uapi_free(t->uapi, regions, MAX_REGIONS * sizeof(*regions));
	return rc;
}

static void forget_forbidden(struct type1 *t, struct container_group *member)
{
	uapi_free(t->uapi, member->forbidden, member->max_forbidden * sizeof(*member->forbidden));
	member->forbidden = NULL;
	member->num_forbidden = 0;
	member->max_forbidden = 0;
}

/* ---- where mappings may be --------------------------------------------------------------------- */

/* What @member forbids: moves @from past what lies over it, and @last before what comes next. */
static bool narrow(const struct container_group *member, uint64_t *from, uint64_t *last,
		   bool *moved)
{
	for (size_t i = 0; i < member->num_forbidden; i++) {
		const struct type1_range *f = &member->forbidden[i];

		if (f->last < *from)
			continue;
		if (f->start > *from) {
			if (f->start - 1 < *last)
				*last = f->start - 1;
			continue;
		}
		if (f->last == UINT64_MAX)
			return false;
		*from = f->last + 1;
		*last = UINT64_MAX;
		*moved = true;
	}
	return true;
}

/* The first range at or behind @from that nobody forbids: neither a group of the list nor @extra. */
static bool next_range(const struct container_group *groups, const struct container_group *extra,
		       uint64_t from, struct type1_range *range)
{
	bool moved = true;

	range->last = UINT64_MAX;
	while (moved) {
		moved = false;
		range->last = UINT64_MAX;
		for (const struct container_group *m = groups; m; m = m->next) {
			if (!narrow(m, &from, &range->last, &moved))
				return false;
		}
		if (extra && !narrow(extra, &from, &range->last, &moved))
			return false;
	}
	range->start = from;
	return true;
}

/* There is room for as many as there can be (make_room). */
static size_t list_ranges(const struct container_group *groups, const struct container_group *extra,
			  struct type1_range *ranges)
{
	uint64_t from = 0;
	size_t count = 0;

	while (next_range(groups, extra, from, &ranges[count])) {
		from = ranges[count++].last + 1;
		if (!from)
			break;
	}
	return count;
}

/* Each forbidden range leaves at most one more behind it, so what a group's leaving gives back fits, too. */
static struct type1_range *make_room(struct type1 *t, const struct container_group *groups,
				     const struct container_group *extra, size_t *room)
{
	*room = 1 + extra->max_forbidden;
	for (const struct container_group *m = groups; m; m = m->next)
		*room += m->max_forbidden;
	return uapi_alloc(t->uapi, *room * sizeof(struct type1_range));
}

static void update_ranges(struct vfio_container *container)
{
	struct type1 *t = &container->type1;

	/* Without domains there are no bounds, which an empty list says. */
	t->num_ranges = t->domains ? list_ranges(container->groups, NULL, t->ranges) : 0;
}

/* Pages that all domains have; where they have none in common, the largest of their smallest ones does. */
static void update_pages(struct type1 *t)
{
	uint64_t sizes = UINT64_MAX, largest = UAPI_PAGE;

	for (const struct type1_domain *d = t->domains; d; d = d->next) {
		uint64_t own = uiommu_domain_pgsizes(d->domain);

		sizes &= own;
		if ((own & -own) > largest)
			largest = own & -own;
	}
	if (sizes & (UAPI_PAGE - 1))
		sizes = (sizes & ~(UAPI_PAGE - 1)) | UAPI_PAGE;
	t->pgsizes = sizes ? sizes : largest;
	t->page = t->pgsizes & -t->pgsizes;
}

/* ---- coming ------------------------------------------------------------------------------------ */

/* Nothing that is mapped is where the group's hardware forbids it, or too small for it. */
static int check_mappings(struct type1 *t, const struct container_group *member,
			  const struct type1_domain *fresh)
{
	const uint64_t sizes = uiommu_domain_pgsizes(fresh->domain);
	struct type1_mapping *m;

	for (size_t i = 0; i < member->num_forbidden; i++) {
		m = uiommu_type1_from(t, member->forbidden[i].start);
		if (m && m->iova <= member->forbidden[i].last)
			return -UIOMMU_EINVAL;
	}
	for (m = (sizes & -sizes) > t->page ? uiommu_type1_from(t, 0) : NULL; m;
	     m = uiommu_type1_next(m)) {
		if ((m->iova | (m->last + 1)) & ((sizes & -sizes) - 1))
			return -UIOMMU_EINVAL;
	}
	return 0;
}

/* A domain that is there already.  0 and NULL: none takes the group. */
static int share(struct type1 *t, struct uiommu_group *group, const struct type1_domain *fresh,
		 struct type1_domain **out)
{
	*out = NULL;
	for (struct type1_domain *d = t->domains; d; d = d->next) {
		int rc;

		if (d->coherent != fresh->coherent)
			continue;
		rc = uiommu_attach_group(d->domain, group);
		if (rc == -UIOMMU_EINVAL)
			continue;
		if (!rc)
			*out = d;
		return rc;
	}
	return 0;
}

/* Of all mappings before @end. */
static void undo_pins(struct type1 *t, const struct type1_mapping *end)
{
	for (struct type1_mapping *m = uiommu_type1_from(t, 0); m != end;
	     m = uiommu_type1_next(m)) {
		uiommu_iommufd_pages_unpin(m->pages, 0, m->pages->count);
		m->mapped = false;
	}
}

/* All mappings, and then the group.  The domain is the caller's to free if it fails: no device has seen it. */
static int replay(struct type1 *t, struct uiommu_group *group, struct type1_domain *fresh)
{
	const bool first = !t->domains;
	struct type1_mapping *m;
	int rc = 0;

	for (m = uiommu_type1_from(t, 0); m; m = uiommu_type1_next(m)) {
		rc = uiommu_type1_fill_domain(t, m, fresh, first);
		if (rc)
			break;
		m->mapped = true;
	}
	if (!rc)
		rc = uiommu_attach_group(fresh->domain, group);
	if (rc && first)
		undo_pins(t, m);
	return rc;
}

static void add_domain(struct type1 *t, struct type1_domain *domain)
{
	struct type1_domain **link = &t->domains;

	while (*link)
		link = &(*link)->next;
	*link = domain;
	update_pages(t);
}

static int attach_translated(struct vfio_container *container, struct container_group *member,
			     struct type1_domain *fresh)
{
	const struct container_group *others = container->groups;
	struct uiommu_group *group = member->group->core;
	struct type1 *t = &container->type1;
	struct type1_range *ranges;
	size_t room;
	int rc = check_mappings(t, member, fresh);

	if (rc)
		return rc;
	ranges = make_room(t, others, member, &room);
	if (!ranges)
		return -UIOMMU_ENOMEM;
	rc = list_ranges(others, member, ranges) ? 0 : -UIOMMU_EINVAL;
	if (!rc && !all_isolated(t->uapi, group) &&
	    !uapi_option(&t->uapi->config.type1_allow_unsafe_interrupts))
		rc = -UIOMMU_EPERM;
	if (!rc)
		rc = share(t, group, fresh, &member->domain);
	if (!rc && !member->domain) {
		rc = replay(t, group, fresh);
		if (!rc) {
			add_domain(t, fresh);
			member->domain = fresh;
		}
	} else if (!rc) {
		/* Its bounds stay for as long as this group, too. */
		forbid_outside(member, member->domain->domain);
	}
	if (rc) {
		uapi_free(t->uapi, ranges, room * sizeof(*ranges));
		return rc;
	}
	member->domain->groups++;
	uapi_free(t->uapi, t->ranges, t->max_ranges * sizeof(*t->ranges));
	t->ranges = ranges;
	t->max_ranges = room;
	t->num_ranges = list_ranges(others, member, ranges);
	return 0;
}

int uiommu_type1_attach(struct vfio_container *container, struct container_group *member)
{
	struct type1 *t = &container->type1;
	struct type1_domain *fresh = NULL;
	int rc;

	if (t->num_stale)
		return -UIOMMU_EBUSY;
	if (!member->group->core)
		return 0;
	rc = domain_create(t, member->group->core, &fresh);
	if (rc)
		return rc;
	rc = forbid_all(t, member, fresh);
	if (!rc)
		rc = attach_translated(container, member, fresh);
	if (rc)
		forget_forbidden(t, member);
	if (rc || member->domain != fresh)
		domain_free(t, fresh);
	return rc;
}

/* ---- leaving ----------------------------------------------------------------------------------- */

static void remove_domain(struct type1 *t, struct type1_domain *domain)
{
	struct type1_domain **link = &t->domains;

	while (*link != domain)
		link = &(*link)->next;
	*link = domain->next;
	domain_free(t, domain);
	/* Nothing translates any more: there is no reason to keep more than mediated devices use. */
	if (!t->domains)
		undo_pins(t, NULL);
	update_pages(t);
}

void uiommu_type1_detach(struct vfio_container *container, struct container_group *member)
{
	struct type1 *t = &container->type1;
	struct type1_domain *domain = member->domain;

	if (!domain)
		return;
	uiommu_detach_group(domain->domain, member->group->core);
	member->domain = NULL;
	forget_forbidden(t, member);
	if (!--domain->groups)
		remove_domain(t, domain);
	update_ranges(container);
}

/* ---- interrupt messages ------------------------------------------------------------------------ */

/* The group stays in its domain as long as a device of it is open, and so the doorbell where it is. */
int uiommu_type1_msi(struct vfio_container *container, const struct container_group *member,
		     uint64_t *address)
{
	struct uiommu_group *group = member->group->core;
	struct uapi_msi *msi = &container->type1.msi;
	uiommu_iova_t iova;
	int number, rc;

	if (!member->domain || !uiommu_uapi_msi_iova(group, 0, &iova))
		return 0;
	number = uiommu_uapi_msi_number(msi, *address);
	if (number < 0 || !uiommu_uapi_msi_iova(group, (unsigned int)number, &iova))
		return -UIOMMU_EOVERFLOW;
	rc = uiommu_uapi_msi_map(msi, group, member->domain->domain, (unsigned int)number);
	if (!rc)
		*address = iova + *address % UAPI_PAGE;
	return rc;
}
