/* SPDX-License-Identifier: MIT */
/*
 * sva.c - domains that walk the page tables of a process (3.6, 6.5.2.4)
 *
 * They are first-stage tables that somebody else writes.  Hardware sets accessed and dirty bits in them, and
 * the processor may have changed them in its cache: so its walks have to snoop (ECAP.SMPWCS, PWSNP).
 *
 * The end of the address space.  mm_exit() and the commit of an attachment both hold the domain's lock: the
 * one that comes second sees what the other has done.  Before: the entries of all links are taken away.  After:
 * the commit writes an entry that is not present, and prepare refuses.  Either way FPD is set, since
 * the device has done nothing wrong; the entry goes with the detachment.
 */
#include "src/drivers/vtd/unit.h"

static void mm_invalidate(struct uiommu_domain *d, uint64_t start, uint64_t last)
{
	struct vtd_domain *domain = to_vtd_domain(d);
	/* The host frees tables too, and says no more than the range. */
	const struct vtd_range range = { start, last, true };

	/* The entries before; pairs with link_add() before the PASID entry is written. */
	atomic_thread_fence(memory_order_seq_cst);
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	if (!domain->exited)
		uiommu_vtd_flush_range(domain, &range);
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
}

static void mm_exit(struct uiommu_domain *d)
{
	struct vtd_domain *domain = to_vtd_domain(d);

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	domain->exited = true;
	for (const struct vtd_link *link = domain->links; link; link = link->next) {
		const struct vtd_target target = { .kind = VTD_SILENT, .did = link->tag->did };

		/* That of a link which is only prepared is still another domain's. */
		if (link->live)
			uiommu_vtd_entry_set(link->device, link->pasid, &target);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
}

static void sva_free(struct uiommu_domain *d)
{
	uiommu_vtd_domain_delete(to_vtd_domain(d));
}

static const struct uiommu_domain_ops sva_ops = {
	.pasid = true,
	.attach_prepare = uiommu_vtd_attach_prepare,
	.attach_commit = uiommu_vtd_attach_commit,
	.attach_abort = uiommu_vtd_attach_abort,
	.mm_invalidate = mm_invalidate,
	.mm_exit = mm_exit,
	.free = sva_free,
};

int uiommu_vtd_domain_alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
				const struct uiommu_mm_format_info *info,
				struct uiommu_domain **out)
{
	const struct vtd_device *device = uiommu_device_priv(dev);
	const struct uiommu_vtd *unit = device->unit;
	struct vtd_domain *domain;

	(void)mm; /* the core keeps it; its tables are all that hardware sees */
	if (!device->pasid || !(unit->ecap & VTD_ECAP_SMPWCS) || info->format != UIOMMU_MM_X86_64 ||
	    info->granule_shift != VTD_PAGE_SHIFT || (info->va_bits != 48 && info->va_bits != 57))
		return -UIOMMU_EOPNOTSUPP;
	/* A process adds pages without telling; hardware that keeps what was not there would not see them (6.1). */
	if (unit->cap & VTD_CAP_CM)
		return -UIOMMU_EOPNOTSUPP;
	domain = uiommu_vtd_domain_new(unit->host);
	if (!domain)
		return -UIOMMU_ENOMEM;
	domain->first = true;
	domain->first_stage = uiommu_vtd_first_stage(info->root, info->va_bits == 57 ? 5 : 4);
	domain->pt.config.va_bits = info->va_bits;
	domain->pt.config.pgsizes = VTD_PAGE_SIZE;
	domain->pt.config.coherent = true;
	if (!uiommu_vtd_fits(domain, unit)) {
		uiommu_vtd_domain_delete(domain);
		return -UIOMMU_EOPNOTSUPP;
	}
	domain->domain.type = UIOMMU_DOMAIN_SVA;
	domain->domain.ops = &sva_ops;
	*out = &domain->domain;
	return 0;
}
