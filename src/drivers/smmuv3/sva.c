/* SPDX-License-Identifier: MIT */
/*
 * sva.c - domains that walk the tables of a process (5.4)
 *
 * A context descriptor says everything about a set of tables, so a process's are as good as our own, if the SMMU
 * has their granule and widths and its walks see what the processor writes (IDR0.COHACC).  The ASID is the
 * SMMU's own (ASET = 1): invalidations come from mm_invalidate, not from the processors.
 *
 * The process's access flags and dirty states are its operating system's: without HA and HD a leaf that lacks its
 * access flag faults, and the request for the page makes the system set it.
 *
 * Exit.  The CD is replaced by one that permits no walks and records nothing (EPD0, R = 0), one store; then all that
 * is cached under the ASID goes.  An attachment that is under way has its link already, and writes its CD
 * under the SMMU's lock: if it was first its CD is replaced, and if it comes later it sees that the process has exited.
 */
#include "src/drivers/smmuv3/smmu.h"

static uint32_t granule_bit(unsigned int shift)
{
	return shift == 12 ? SMMUV3_IDR5_GRAN4K :
	       shift == 14 ? SMMUV3_IDR5_GRAN16K :
	       shift == 16 ? SMMUV3_IDR5_GRAN64K :
			     0;
}

/* The least size of which CD.IPS can tell. */
static unsigned int size_for(unsigned int bits)
{
	unsigned int size = SMMUV3_SIZE_32;

	while (size < SMMUV3_SIZE_52 && smmuv3_size_bits(size) < bits)
		size++;
	return size;
}

bool uiommu_smmuv3_sva_fits(const struct uiommu_mm_format_info *info,
			    const struct uiommu_smmuv3 *smmu)
{
	/* 52-bit descriptors of the smaller granules are another format (CD.DS). */
	const bool wide = info->granule_shift == 16;
	const unsigned int input = wide && smmuv3_get(smmu->idr5, SMMUV3_IDR5_VAX) ? 52 : 48;
	const unsigned int output = smmuv3_size_bits(smmuv3_get(smmu->idr5, SMMUV3_IDR5_OAS));

	return info->format == UIOMMU_MM_ARM64 && smmu->has.stage1 && smmu->has.coherent &&
	       (smmu->idr5 & granule_bit(info->granule_shift)) && info->va_bits >= 25 &&
	       info->va_bits <= input && info->phys_bits <= output &&
	       info->phys_bits <= (wide ? 52u : 48u);
}

/* ---- changes of the tables --------------------------------------------------------------------- */

static void mm_invalidate(struct uiommu_domain *d, uint64_t start, uint64_t last)
{
	struct smmu_domain *domain = to_smmu_domain(d);
	const struct smmu_range range = {
		.start = start,
		.last = last,
		.tables = true,
		.granule_shift = domain->mm.granule_shift,
	};

	uiommu_smmuv3_flush(domain, &range);
}

static void mm_exit(struct uiommu_domain *d)
{
	struct smmu_domain *domain = to_smmu_domain(d);

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	domain->exited = true;
	for (const struct smmu_link *link = domain->links; link; link = link->next) {
		struct uiommu_smmuv3 *smmu = link->tag->smmu;

		uiommu_port_mutex_lock(smmu->host, &smmu->lock);
		/* Prepared, or replaced already: then it is not this domain's. */
		if (uiommu_smmuv3_cd_has_asid(link->device, link->pasid, link->tag->id))
			uiommu_smmuv3_set_cd(link->device, link->pasid, domain, link->tag->id);
		uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	uiommu_smmuv3_flush(domain, &uiommu_smmuv3_everything);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void sva_free(struct uiommu_domain *d)
{
	struct smmu_domain *domain = to_smmu_domain(d);

	uiommu_port_mutex_destroy(domain->host, &domain->lock);
	uiommu_port_free(domain->host, domain, sizeof(*domain));
}

static const struct uiommu_domain_ops sva_ops = {
	.pasid = true,
	.attach_prepare = uiommu_smmuv3_attach_prepare,
	.attach_commit = uiommu_smmuv3_attach_commit,
	.attach_abort = uiommu_smmuv3_attach_abort,
	.mm_invalidate = mm_invalidate,
	.mm_exit = mm_exit,
	.free = sva_free,
};

int uiommu_smmuv3_domain_alloc_sva(struct uiommu_device *dev, struct uiommu_mm *mm,
				   const struct uiommu_mm_format_info *info,
				   struct uiommu_domain **out)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	const struct uiommu_smmuv3 *smmu = device->smmu;
	struct smmu_domain *domain;
	int rc;

	(void)mm; /* the core holds it */
	if (!device->cds.log2 || !uiommu_smmuv3_sva_fits(info, smmu))
		return -UIOMMU_EOPNOTSUPP;
	domain = uiommu_port_alloc(smmu->host, sizeof(*domain));
	if (!domain)
		return -UIOMMU_ENOMEM;
	rc = uiommu_port_mutex_init(smmu->host, &domain->lock);
	if (rc) {
		uiommu_port_free(smmu->host, domain, sizeof(*domain));
		return rc;
	}
	domain->host = smmu->host;
	domain->sva = true;
	domain->mm = *info;
	domain->regs = (struct uiommu_pt_arm_regs){
		.ttb = info->root,
		.mair = info->mair,
		.tsz = (uint8_t)(64 - info->va_bits),
		.tg = info->granule_shift == 12 ? SMMUV3_TG0_4K :
		      info->granule_shift == 14 ? SMMUV3_TG0_16K :
						  SMMUV3_TG0_64K,
		.irgn = SMMUV3_CACHE_WBRAWA,
		.orgn = SMMUV3_CACHE_WBRAWA,
		.sh = SMMUV3_SH_INNER,
		.ps = (uint8_t)size_for(info->phys_bits),
	};
	domain->domain.type = UIOMMU_DOMAIN_SVA;
	domain->domain.ops = &sva_ops;
	*out = &domain->domain;
	return 0;
}
