/* SPDX-License-Identifier: MIT */
/*
 * default_domain.c - what a group has when nobody has asked for anything
 *
 * Chosen from all members at once, before any of them is attached.  The domain is made, gets the direct
 * mappings of all members (devices that firmware left running never miss one), and is then attached.
 * The old one of a change is freed last.  group->mutex is held throughout.
 */
#include "src/core/core.h"

static bool is_dma(enum uiommu_domain_type type)
{
	return type == UIOMMU_DOMAIN_DMA || type == UIOMMU_DOMAIN_DMA_FQ;
}

/* What the driver demands for one device; AUTO: nothing. */
int uiommu_device_demand(struct uiommu_device *dev)
{
	const struct uiommu_ops *ops = dev->instance->ops;

	if (ops->default_domain)
		return ops->default_domain->type;
	return ops->def_domain_type ? ops->def_domain_type(dev) : UIOMMU_DOMAIN_AUTO;
}

static bool all_can_flush_later(struct uiommu_group *group)
{
	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		if (dev->desc.untrusted || !uiommu_device_capable(dev, UIOMMU_CAP_DEFERRED_FLUSH))
			return false;
	}
	return true;
}

/*
 * @target: AUTO or a wish of the user.  Members win over the system's default; a wish must agree with
 * them.  *@forced: no other type will do.
 */
static int choose(struct uiommu_group *group, int target, int *type, bool *forced)
{
	int demand = UIOMMU_DOMAIN_AUTO;
	bool untrusted = false;

	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		int wish = uiommu_device_demand(dev);

		untrusted = untrusted || dev->desc.untrusted;
		if (wish == UIOMMU_DOMAIN_AUTO || wish == demand)
			continue;
		if (demand != UIOMMU_DOMAIN_AUTO) {
			uiommu_log(
				group->sys->host, UIOMMU_LOG_ERROR,
				"%s: demands a default domain of type %s, its group %u of type %s",
				dev->name, uiommu_domain_type_name(wish), group->id,
				uiommu_domain_type_name(demand));
			wish = UIOMMU_DOMAIN_IDENTITY;
		}
		demand = wish;
	}
	if (untrusted) {
		if (demand != UIOMMU_DOMAIN_AUTO && demand != UIOMMU_DOMAIN_DMA)
			return -UIOMMU_EINVAL;
		demand = UIOMMU_DOMAIN_DMA;
	}
	*forced = demand != UIOMMU_DOMAIN_AUTO;
	if (target == UIOMMU_DOMAIN_AUTO) {
		*type = *forced ? demand : (int)group->sys->config.default_type;
		/* Nobody insisted on a flush queue. */
		if (*type == UIOMMU_DOMAIN_DMA_FQ && !all_can_flush_later(group))
			*type = UIOMMU_DOMAIN_DMA;
		return 0;
	}
	/* A demand for DMA is one for translation: the flush queue is a matter of trust. */
	if (*forced && target != demand &&
	    !(demand == UIOMMU_DOMAIN_DMA && target == UIOMMU_DOMAIN_DMA_FQ && !untrusted))
		return -UIOMMU_EINVAL;
	if (target == UIOMMU_DOMAIN_DMA_FQ && !all_can_flush_later(group))
		return -UIOMMU_EINVAL;
	*forced = true;
	*type = target;
	return 0;
}

static int alloc_type(struct uiommu_group *group, int type, struct uiommu_domain **out)
{
	struct uiommu_device *dev = group->members;
	const struct uiommu_ops *ops = uiommu_group_ops(group);
	unsigned int flags = dev->max_pasids ? (unsigned int)UIOMMU_ALLOC_PASID : 0;
	int rc;

	if (ops->default_domain) {
		if ((int)ops->default_domain->type != type)
			return -UIOMMU_EINVAL;
		*out = uiommu_static_domain(ops->default_domain);
		return 0;
	}
	if (type == UIOMMU_DOMAIN_IDENTITY)
		return uiommu_domain_identity_for(dev, out);
	if (!is_dma((enum uiommu_domain_type)type))
		return -UIOMMU_EINVAL;
	rc = uiommu_domain_alloc_for(dev, flags, out);
	if (rc == -UIOMMU_EOPNOTSUPP && flags)
		rc = uiommu_domain_alloc_for(dev, 0, out);
	if (!rc)
		uiommu_domain_set_type(*out, (enum uiommu_domain_type)type);
	return rc;
}

static int alloc_default(struct uiommu_group *group, int type, bool forced,
			 struct uiommu_domain **out)
{
	int rc = alloc_type(group, type, out);

	if (rc && !forced && type != UIOMMU_DOMAIN_DMA) {
		uiommu_log(group->sys->host, UIOMMU_LOG_WARN,
			   "group %u: no default domain of type %s (%s), using DMA", group->id,
			   uiommu_domain_type_name((enum uiommu_domain_type)type),
			   uiommu_strerror(rc));
		rc = alloc_type(group, UIOMMU_DOMAIN_DMA, out);
	}
	if (!rc)
		uiommu_domain_hold(*out);
	return rc;
}

/* @domain is no group's default any more. */
void uiommu_default_drop(struct uiommu_domain *domain)
{
	if (!domain)
		return;
	uiommu_domain_unhold(domain);
	uiommu_domain_free(domain);
}

static int map_direct_all(struct uiommu_group *group, struct uiommu_domain *domain)
{
	int rc = 0;

	for (struct uiommu_device *dev = group->members; dev; dev = dev->group_next) {
		int failed = uiommu_resv_map_direct(dev, domain);

		rc = rc ? rc : failed;
	}
	return rc;
}

/*
 * The first default domain of a new group.  The caller attaches the members, one by one, because one
 * that fails must not keep the others from being translated.
 */
int uiommu_default_setup(struct uiommu_group *group)
{
	struct uiommu_domain *domain = NULL;
	bool forced;
	int type, rc;

	rc = choose(group, UIOMMU_DOMAIN_AUTO, &type, &forced);
	if (!rc)
		rc = alloc_default(group, type, forced, &domain);
	if (rc)
		return rc;
	/* What fails now is tried again by the caller after the attach. */
	map_direct_all(group, domain);
	group->default_domain = domain;
	uiommu_group_set_domain(group, domain);
	return 0;
}

static int change_default(struct uiommu_group *group, int type)
{
	struct uiommu_domain *old = group->default_domain, *domain = NULL;
	int rc, map_rc;

	rc = alloc_default(group, type, true, &domain);
	if (rc)
		return rc;
	if (domain == old) {
		uiommu_domain_unhold(domain);
		return 0;
	}
	map_rc = map_direct_all(group, domain);
	/* First the default, then the switch: a deferred member is still passed over. */
	group->default_domain = domain;
	rc = uiommu_group_switch(group, domain, UIOMMU_MAY_FAIL);
	if (rc)
		goto err;
	if (map_rc)
		rc = map_direct_all(group, domain);
	if (rc) {
		group->default_domain = old;
		uiommu_group_switch(group, old, UIOMMU_MUST_SUCCEED);
		goto err;
	}
	uiommu_default_drop(old);
	return 0;
err:
	group->default_domain = old;
	uiommu_default_drop(domain);
	return rc;
}

static int set_type(struct uiommu_group *group, int target)
{
	bool forced;
	int type, rc, now;

	if (target != UIOMMU_DOMAIN_IDENTITY && !is_dma((enum uiommu_domain_type)target) &&
	    target != UIOMMU_DOMAIN_AUTO)
		return -UIOMMU_EINVAL;
	if (!group->members || !group->default_domain || group->owner)
		return -UIOMMU_EPERM;
	now = (int)uiommu_domain_type(group->default_domain);
	if (group->users && !(now == UIOMMU_DOMAIN_DMA && target == UIOMMU_DOMAIN_DMA_FQ))
		return -UIOMMU_EPERM;
	rc = choose(group, target, &type, &forced);
	if (rc)
		return rc;
	if (type == now)
		return 0;
	if (now == UIOMMU_DOMAIN_DMA && type == UIOMMU_DOMAIN_DMA_FQ) {
		/* The same address space; only when its invalidations come changes. */
		uiommu_domain_set_type(group->default_domain, UIOMMU_DOMAIN_DMA_FQ);
		return 0;
	}
	if (group->domain != group->default_domain || group->num_slots)
		return -UIOMMU_EBUSY;
	return change_default(group, type);
}

int uiommu_group_set_default_type(struct uiommu_group *group, enum uiommu_domain_type type)
{
	int rc;

	uiommu_lock(group->sys, &group->mutex);
	rc = set_type(group, (int)type);
	uiommu_unlock(group->sys, &group->mutex);
	return rc;
}

enum uiommu_domain_type uiommu_group_default_type(struct uiommu_group *group)
{
	enum uiommu_domain_type type = UIOMMU_DOMAIN_BLOCKED;

	uiommu_lock(group->sys, &group->mutex);
	if (group->default_domain)
		type = uiommu_domain_type(group->default_domain);
	uiommu_unlock(group->sys, &group->mutex);
	return type;
}
