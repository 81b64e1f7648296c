/* SPDX-License-Identifier: MIT */
/*
 * domain.c - domains are made for a device, counted while attached, and freed
 *
 * domain->users counts what would notice if the domain vanished: each RID and PASID that uses it, each
 * group of which it is the default or blocking domain, and each nested domain on top of it.
 */
#include "src/core/core.h"

#define KNOWN_FLAGS                                                        \
	((unsigned int)(UIOMMU_ALLOC_PASID | UIOMMU_ALLOC_DIRTY_TRACKING | \
			UIOMMU_ALLOC_NEST_PARENT))

void uiommu_domain_hold(struct uiommu_domain *domain)
{
	if (domain && domain->users)
		__atomic_add_fetch(domain->users, 1, __ATOMIC_ACQ_REL);
}

void uiommu_domain_unhold(struct uiommu_domain *domain)
{
	if (domain && domain->users)
		__atomic_sub_fetch(domain->users, 1, __ATOMIC_ACQ_REL);
}

/* As hold, but in one order with the question whether the domain is attached anywhere. */
void uiommu_domain_pin(struct uiommu_system *sys, struct uiommu_domain *domain)
{
	uiommu_lock(sys, &sys->table);
	uiommu_domain_hold(domain);
	uiommu_unlock(sys, &sys->table);
}

/* The type of a default domain changes from DMA to DMA_FQ while it is in use. */
void uiommu_domain_set_type(struct uiommu_domain *domain, enum uiommu_domain_type type)
{
	__atomic_store_n(&domain->type, type, __ATOMIC_RELEASE);
}

enum uiommu_domain_type uiommu_domain_type(const struct uiommu_domain *domain)
{
	return __atomic_load_n(&domain->type, __ATOMIC_ACQUIRE);
}

/* Fill in the core's block of what a driver has allocated; it is freed if that fails. */
int uiommu_domain_adopt(struct uiommu_system *sys, const struct uiommu_ops *ops,
			struct uiommu_domain *domain)
{
	const struct uiommu_domain_ops *dops = domain->ops;

	if (domain->type == UIOMMU_DOMAIN_PAGING &&
	    (!dops->map || !dops->unmap || !dops->iotlb_sync || !dops->flush_iotlb_all ||
	     !dops->iova_to_phys || !domain->pgsizes || !domain->geometry.ranges)) {
		uiommu_log(sys->host, UIOMMU_LOG_ERROR,
			   "driver %s: a paging domain lacks a required operation", ops->name);
		if (dops->free)
			dops->free(domain);
		return -UIOMMU_EOPNOTSUPP;
	}
	if (domain->type == UIOMMU_DOMAIN_SVA && (!dops->mm_invalidate || !dops->mm_exit)) {
		uiommu_log(sys->host, UIOMMU_LOG_ERROR,
			   "driver %s: an SVA domain lacks a required operation", ops->name);
		if (dops->free)
			dops->free(domain);
		return -UIOMMU_EOPNOTSUPP;
	}
	domain->users = uiommu_zalloc(sys, sizeof(*domain->users));
	if (!domain->users) {
		if (dops->free)
			dops->free(domain);
		return -UIOMMU_ENOMEM;
	}
	domain->parent = NULL;
	domain->owner = ops;
	domain->sys = sys;
	domain->fault_handler = NULL;
	domain->fault_token = NULL;
	domain->faults = 0;
	domain->page_handler = NULL;
	domain->page_token = NULL;
	domain->mm = NULL;
	return 0;
}

int uiommu_domain_alloc_for(struct uiommu_device *dev, unsigned int flags,
			    struct uiommu_domain **out)
{
	const struct uiommu_ops *ops;
	struct uiommu_domain *domain = NULL;
	struct uiommu_instance *instance = uiommu_device_instance(dev);
	int rc;

	*out = NULL;
	if (flags & ~KNOWN_FLAGS)
		return -UIOMMU_EINVAL;
	if (!instance)
		return -UIOMMU_ENODEV;
	ops = instance->ops;
	if (!ops->domain_alloc_paging)
		return -UIOMMU_EOPNOTSUPP;
	rc = ops->domain_alloc_paging(dev, flags, &domain);
	if (rc)
		return rc;
	rc = uiommu_domain_adopt(dev->sys, ops, domain);
	if (!rc)
		*out = domain;
	return rc;
}

int uiommu_domain_alloc_paging(struct uiommu_device *dev, unsigned int flags,
			       struct uiommu_domain **out)
{
	return uiommu_domain_alloc_for(dev, flags, out);
}

int uiommu_domain_identity_for(struct uiommu_device *dev, struct uiommu_domain **out)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);
	struct uiommu_domain *domain = NULL;
	const struct uiommu_ops *ops;
	int rc;

	*out = NULL;
	if (!instance)
		return -UIOMMU_ENODEV;
	ops = instance->ops;
	if (ops->identity_domain) {
		*out = uiommu_static_domain(ops->identity_domain);
		return 0;
	}
	if (!ops->domain_alloc_identity)
		return -UIOMMU_EOPNOTSUPP;
	rc = ops->domain_alloc_identity(dev, &domain);
	if (rc)
		return rc;
	domain->type = UIOMMU_DOMAIN_IDENTITY;
	rc = uiommu_domain_adopt(dev->sys, ops, domain);
	if (!rc)
		*out = domain;
	return rc;
}

int uiommu_domain_alloc_identity(struct uiommu_device *dev, struct uiommu_domain **out)
{
	return uiommu_domain_identity_for(dev, out);
}

/* Can nested domains of @dev stand on it? */
static int check_parent(const struct uiommu_ops *ops, const struct uiommu_system *sys,
			const struct uiommu_domain *parent)
{
	int rc = uiommu_check_domain(ops, sys, parent);

	if (rc)
		return rc;
	/* The default domain of a group was not allocated for this, nor was a nested or static one. */
	return uiommu_domain_type(parent) == UIOMMU_DOMAIN_PAGING &&
			       (parent->alloc_flags & UIOMMU_ALLOC_NEST_PARENT) ?
		       0 :
		       -UIOMMU_EINVAL;
}

int uiommu_domain_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
			       enum uiommu_nested_type type, const void *data, size_t size,
			       unsigned int flags, struct uiommu_domain **out)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);
	struct uiommu_domain *domain = NULL;
	const struct uiommu_ops *ops;
	int rc;

	*out = NULL;
	if (!instance)
		return -UIOMMU_ENODEV;
	ops = instance->ops;
	if (flags || !ops->domain_alloc_nested)
		return -UIOMMU_EOPNOTSUPP;
	rc = check_parent(ops, dev->sys, parent);
	if (rc)
		return rc;
	if (!data || !size)
		return -UIOMMU_EINVAL;
	/* Before the driver keeps a pointer to it. */
	uiommu_domain_hold(parent);
	rc = ops->domain_alloc_nested(dev, parent, type, data, size, &domain);
	if (!rc)
		rc = uiommu_domain_adopt(dev->sys, ops, domain);
	if (rc) {
		uiommu_domain_unhold(parent);
		return rc;
	}
	domain->parent = parent;
	*out = domain;
	return 0;
}

int uiommu_domain_cache_invalidate(struct uiommu_domain *domain, enum uiommu_nested_type type,
				   const void *entries, size_t entry_size, size_t *count)
{
	const size_t asked = *count;
	int rc;

	*count = 0;
	if (!domain || uiommu_domain_type(domain) != UIOMMU_DOMAIN_NESTED)
		return -UIOMMU_EINVAL;
	if (!domain->ops->cache_invalidate)
		return -UIOMMU_EOPNOTSUPP;
	if (asked && !entries)
		return -UIOMMU_EINVAL;
	*count = asked;
	rc = domain->ops->cache_invalidate(domain, type, entries, entry_size, count);
	if (*count > asked)
		*count = asked;
	return rc;
}

struct uiommu_domain *uiommu_domain_blocked(struct uiommu_device *dev)
{
	struct uiommu_instance *instance = uiommu_device_instance(dev);

	return instance ? uiommu_static_domain(instance->ops->blocked_domain) : NULL;
}

void uiommu_domain_free(struct uiommu_domain *domain)
{
	struct uiommu_system *sys;
	struct uiommu_domain *parent;
	unsigned int *users;

	if (!domain || !domain->users)
		return; /* static ones stay */
	sys = domain->sys;
	parent = domain->parent;
	users = domain->users;
	if (__atomic_load_n(users, __ATOMIC_ACQUIRE)) {
		uiommu_log(sys->host, UIOMMU_LOG_WARN,
			   "a domain of %s was to be freed while in use: left alone",
			   domain->owner->name);
		return;
	}
	uiommu_set_fault_queue(domain, NULL);
	uiommu_set_fault_handler(domain, NULL, NULL);
	if (domain->ops->free)
		domain->ops->free(domain);
	uiommu_domain_unhold(parent);
	uiommu_free(sys, users, sizeof(*users));
}

uint64_t uiommu_domain_pgsizes(const struct uiommu_domain *domain)
{
	return domain->pgsizes;
}

void uiommu_domain_geometry(const struct uiommu_domain *domain, struct uiommu_geometry *geometry)
{
	*geometry = domain->geometry;
}

const char *uiommu_domain_type_name(enum uiommu_domain_type type)
{
	static const char *const names[] = {
		[UIOMMU_DOMAIN_BLOCKED] = "blocked", [UIOMMU_DOMAIN_IDENTITY] = "identity",
		[UIOMMU_DOMAIN_PAGING] = "paging",   [UIOMMU_DOMAIN_DMA] = "DMA",
		[UIOMMU_DOMAIN_DMA_FQ] = "DMA-FQ",   [UIOMMU_DOMAIN_NESTED] = "nested",
		[UIOMMU_DOMAIN_SVA] = "SVA",	     [UIOMMU_DOMAIN_AUTO] = "auto",
	};

	return (unsigned int)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}
