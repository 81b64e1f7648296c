/* SPDX-License-Identifier: MIT */
/* soft_world.c - a system with the software driver alone: see soft_world.h */
#include "tests/explore/soft_world.h"

#include <stdio.h>
#include <string.h>

#include "src/core/core.h"

/* The software driver's own checks. */
void conform_fail(struct subject *s, const char *file, int line, const char *format, ...)
{
	(void)s;
	explore_fail("%s, line %d: %s", file, line, format);
}

/* These races bind no processes: the software driver needs it to link. */
uiommu_phys_t uiommu_posix_mm_phys(struct uiommu_mm *mm, uint64_t address)
{
	(void)mm;
	explore_fail("a process's page at 0x%llx", (unsigned long long)address);
}

void soft_world_open(struct soft_world *w)
{
	const struct explore_host_config host = { 0 };
	struct uiommu_system_config config = { 0 };

	w->host = explore_host(&host);
	config.host = w->host;
	MUST(uiommu_system_create(&config, &w->sys) == 0);
	explore_name(&w->sys->probe, "sys->probe");
	explore_name(&w->sys->table, "sys->table");
	w->soft = soft_create(NULL, w->sys);
}

struct uiommu_device *soft_world_add(struct soft_world *w, unsigned int device, unsigned int group)
{
	struct uiommu_device *dev;

	w->soft->device[device].group = group;
	MUST(soft_add(w->soft, device) == 0);
	dev = w->soft->device[device].dev;
	explore_name(dev, device ? "device 1" : "device 0");
	if (dev->group)
		explore_name(&dev->group->mutex, "group->mutex");
	return dev;
}

struct uiommu_domain *soft_world_domain(struct soft_world *w, unsigned int device, uint64_t phys)
{
	struct uiommu_domain *domain;

	MUST(uiommu_domain_alloc_paging(w->soft->device[device].dev, 0, &domain) == 0);
	MUST(uiommu_map(domain, 0x1000, phys, 0x1000, RW) == 0);
	return domain;
}

void soft_world_close(struct soft_world *w, unsigned int warnings)
{
	const char *last;

	MUST(!w->soft->mixed_up);
	for (unsigned int d = 0; d < SOFT_DEVICES; d++)
		soft_remove(w->soft, d);
	MUST(w->soft->domains == 0);
	for (unsigned int i = 0; i < SOFT_INSTANCES; i++)
		soft_stop(w->soft, i);
	if (explore_warnings(w->host, &last) > warnings)
		explore_fail("a warning: %s", last);
	uiommu_system_destroy(w->sys);
}
