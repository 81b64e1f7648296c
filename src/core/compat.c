/* SPDX-License-Identifier: MIT */
/*
 * compat.c - may this domain be attached behind these ops?
 *
 * The one owner check.  Attach, replace, PASID attach, PASID replace and nested allocation all pass
 * through it, before any operation of a driver sees the domain: a driver casts the domains it is given to
 * its own structure.
 */
#include "src/core/core.h"

int uiommu_check_domain(const struct uiommu_ops *ops, const struct uiommu_system *sys,
			const struct uiommu_domain *domain)
{
	if (!domain)
		return -UIOMMU_EINVAL;
	/* Static domains carry no owner: they are known by their address. */
	if (domain == ops->identity_domain || domain == ops->blocked_domain ||
	    domain == ops->release_domain || domain == ops->default_domain)
		return 0;
	if (!domain->owner || domain->owner != ops || domain->sys != sys)
		return -UIOMMU_EINVAL;
	return 0;
}
