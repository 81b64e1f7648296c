/* SPDX-License-Identifier: MIT */
/* domain.c - address spaces: their tables, their invalidation, their life */
#include "src/drivers/smmuv3/smmu.h"

/* ---- mappings ---------------------------------------------------------------------------------- */

static int map(struct uiommu_domain *domain, uiommu_iova_t iova, uiommu_phys_t paddr, uint64_t size,
	       unsigned int prot, uint64_t *mapped, struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_arm_lpae_map(&to_smmu_domain(domain)->pt, iova, paddr, size, prot, mapped,
				      gather);
}

static int map_sg(struct uiommu_domain *domain, uiommu_iova_t iova, const struct uiommu_sg *sg,
		  size_t count, unsigned int prot, uint64_t *mapped,
		  struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_arm_lpae_map_sg(&to_smmu_domain(domain)->pt, iova, sg, count, prot, mapped,
					 gather);
}

static uint64_t unmap(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
		      struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_arm_lpae_unmap(&to_smmu_domain(domain)->pt, iova, size, gather);
}

static uiommu_phys_t iova_to_phys(struct uiommu_domain *domain, uiommu_iova_t iova)
{
	return uiommu_pt_arm_lpae_iova_to_phys(&to_smmu_domain(domain)->pt, iova);
}

/* ---- invalidation ------------------------------------------------------------------------------ */

/* A device refills its ATC from the SMMU's TLB: so that one has to be clean before (3.9.1). */
static void flush_atcs(const struct smmu_domain *domain, const struct smmu_tag *tag,
		       const struct smmu_range *range)
{
	struct smmu_batch batch;

	smmu_batch_begin(&batch, tag->smmu);
	for (const struct smmu_link *link = domain->links; link; link = link->next) {
		if (link->tag != tag || !link->ats || !link->device->ats)
			continue;
		if (link->nested) /* by addresses of the guest's, which nobody here knows */
			uiommu_smmuv3_atc_add_nested(&batch, link->device, link->nested);
		else
			uiommu_smmuv3_atc_add(&batch, link->device, link->pasid, range);
	}
	uiommu_smmuv3_batch_end(&batch);
}

static bool has_nested(const struct smmu_domain *domain, const struct smmu_tag *tag)
{
	for (const struct smmu_link *link = domain->links; link; link = link->next)
		if (link->tag == tag && link->nested)
			return true;
	return false;
}

void uiommu_smmuv3_flush(struct smmu_domain *domain, const struct smmu_range *range)
{
	/* Table entries first; pairs with link_add() before the entry is written: see attach.c. */
	smmu_barrier();
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	for (const struct smmu_tag *tag = domain->tags; tag; tag = tag->next) {
		struct smmu_batch batch;

		smmu_batch_begin(&batch, tag->smmu);
		uiommu_smmuv3_tlbi_add(&batch, domain->stage2, tag->id, range);
		uiommu_smmuv3_batch_end(&batch);
		/* After it: what was combined could be combined again from what was stale. */
		if (has_nested(domain, tag))
			uiommu_smmuv3_tlbi_nested(tag->smmu, tag->id);
		flush_atcs(domain, tag, range);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
}

static void iotlb_sync(struct uiommu_domain *domain, struct uiommu_iotlb_gather *gather)
{
	const struct smmu_range range = {
		.start = gather->start,
		.last = gather->last,
		.leaf = gather->pgsize,
		.tables = gather->tables,
	};

	uiommu_smmuv3_flush(to_smmu_domain(domain), &range);
}

static void flush_iotlb_all(struct uiommu_domain *domain)
{
	uiommu_smmuv3_flush(to_smmu_domain(domain), &uiommu_smmuv3_everything);
}

/* ---- dirty tracking ---------------------------------------------------------------------------- */

/*
 * Writable leaves of such a domain are written as clean and become dirty by hardware: without hardware's help
 * they could not be written to.  So it helps all the time (CD.HD, STE.S2HD), and the core clears what
 * was recorded before somebody asked for it.
 */
static int set_dirty_tracking(struct uiommu_domain *domain, bool enable)
{
	(void)domain;
	(void)enable;
	return 0;
}

static int read_and_clear_dirty(struct uiommu_domain *domain, uiommu_iova_t iova, uint64_t size,
				unsigned int flags, const struct uiommu_dirty_bitmap *bitmap,
				struct uiommu_iotlb_gather *gather)
{
	return uiommu_pt_arm_lpae_read_and_clear_dirty(&to_smmu_domain(domain)->pt, iova, size,
						       flags, bitmap, gather);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void domain_free(struct uiommu_domain *d)
{
	struct smmu_domain *domain = to_smmu_domain(d);

	uiommu_pt_arm_lpae_destroy(&domain->pt);
	uiommu_port_mutex_destroy(domain->host, &domain->lock);
	uiommu_port_free(domain->host, domain, sizeof(*domain));
}

#define PAGING_OPS                                                                                \
	.attach_prepare = uiommu_smmuv3_attach_prepare,                                           \
	.attach_commit = uiommu_smmuv3_attach_commit, .attach_abort = uiommu_smmuv3_attach_abort, \
	.map = map, .map_sg = map_sg, .unmap = unmap, .iotlb_sync = iotlb_sync,                   \
	.flush_iotlb_all = flush_iotlb_all, .iova_to_phys = iova_to_phys, .free = domain_free

static const struct uiommu_domain_ops stage1_ops = {
	.pasid = true,
	PAGING_OPS,
};

static const struct uiommu_domain_ops stage1_dirty_ops = {
	.pasid = true,
	.set_dirty_tracking = set_dirty_tracking,
	.read_and_clear_dirty = read_and_clear_dirty,
	PAGING_OPS,
};

static const struct uiommu_domain_ops stage2_ops = {
	PAGING_OPS,
};

static const struct uiommu_domain_ops stage2_dirty_ops = {
	.set_dirty_tracking = set_dirty_tracking,
	.read_and_clear_dirty = read_and_clear_dirty,
	PAGING_OPS,
};

static const struct uiommu_domain_ops identity_ops = {
	.attach_prepare = uiommu_smmuv3_attach_prepare,
	.attach_commit = uiommu_smmuv3_attach_commit,
	.attach_abort = uiommu_smmuv3_attach_abort,
};

static const struct uiommu_domain_ops blocked_ops = {
	.pasid = true,
	.attach_prepare = uiommu_smmuv3_attach_prepare,
	.attach_commit = uiommu_smmuv3_attach_commit,
	.attach_abort = uiommu_smmuv3_attach_abort,
};

const struct uiommu_domain uiommu_smmuv3_identity_domain = {
	.type = UIOMMU_DOMAIN_IDENTITY,
	.ops = &identity_ops,
};

const struct uiommu_domain uiommu_smmuv3_blocked_domain = {
	.type = UIOMMU_DOMAIN_BLOCKED,
	.ops = &blocked_ops,
};

static int check_flags(const struct uiommu_smmuv3 *smmu, unsigned int flags)
{
	const struct smmu_features *has = &smmu->has;

	if ((flags & UIOMMU_ALLOC_DIRTY_TRACKING) && !has->httu)
		return -UIOMMU_EOPNOTSUPP;
	if ((flags & UIOMMU_ALLOC_PASID) && !has->ssid_bits)
		return -UIOMMU_EOPNOTSUPP;
	if (!(flags & UIOMMU_ALLOC_NEST_PARENT))
		return 0;
	return has->stage1 && has->stage2 && !(flags & UIOMMU_ALLOC_PASID) ? 0 : -UIOMMU_EOPNOTSUPP;
}

bool uiommu_smmuv3_choose_stage2(const struct uiommu_smmuv3 *smmu, unsigned int flags)
{
	if (!smmu->has.stage1 || !smmu->has.stage2)
		return !smmu->has.stage1;
	if (flags & UIOMMU_ALLOC_NEST_PARENT)
		return true;
	return (smmu->config.flags & UIOMMU_SMMUV3_PREFER_STAGE2) && !(flags & UIOMMU_ALLOC_PASID);
}

static void choose_sizes(const struct uiommu_smmuv3 *smmu, struct uiommu_pt_config *config)
{
	const unsigned int flags = smmu->config.flags;

	/* Hardware may mark any entry of a run as dirty: no runs then. */
	config->pgsizes = uiommu_pt_arm_lpae_sizes(
		config, !config->dirty &&
				!(flags & (UIOMMU_SMMUV3_NO_CONTIGUOUS | UIOMMU_SMMUV3_NO_BLOCKS)));
	if (flags & UIOMMU_SMMUV3_NO_BLOCKS)
		config->pgsizes = config->arm.granule;
}

int uiommu_smmuv3_domain_alloc(struct uiommu_device *dev, unsigned int flags,
			       struct uiommu_domain **out)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	const struct uiommu_smmuv3 *smmu = device->smmu;
	const bool stage2 = uiommu_smmuv3_choose_stage2(smmu, flags);
	struct uiommu_pt_config config = {
		.host = smmu->host,
		.va_bits = stage2 ? smmu->has.output_bits : smmu->has.input_bits,
		.pa_bits = smmu->has.output_bits,
		.coherent = smmu->has.coherent,
		.dirty = flags & UIOMMU_ALLOC_DIRTY_TRACKING,
		.arm = {
			.granule = 1u << smmu->has.granule_shift,
			.stage = stage2 ? 2 : 1,
			.lpa2 = smmu->has.lpa2,
			.bbml2 = smmu->has.bbml2,
		},
	};
	struct smmu_domain *domain;
	int rc = check_flags(smmu, flags);

	if (rc)
		return rc;
	domain = uiommu_port_alloc(smmu->host, sizeof(*domain));
	if (!domain)
		return -UIOMMU_ENOMEM;
	rc = uiommu_port_mutex_init(smmu->host, &domain->lock);
	if (rc)
		goto free_domain;
	choose_sizes(smmu, &config);
	rc = uiommu_pt_arm_lpae_init(&domain->pt, &config);
	if (rc)
		goto destroy_lock;
	uiommu_pt_arm_lpae_regs(&domain->pt, &domain->regs);
	domain->host = smmu->host;
	domain->stage2 = stage2;
	domain->domain.type = UIOMMU_DOMAIN_PAGING;
	domain->domain.pgsizes = config.pgsizes;
	domain->domain.alloc_flags = flags;
	uiommu_pt_arm_lpae_geometry(&domain->pt, &domain->domain.geometry);
	if (stage2)
		domain->domain.ops = config.dirty ? &stage2_dirty_ops : &stage2_ops;
	else
		domain->domain.ops = config.dirty ? &stage1_dirty_ops : &stage1_ops;
	*out = &domain->domain;
	return 0;

destroy_lock:
	uiommu_port_mutex_destroy(smmu->host, &domain->lock);
free_domain:
	uiommu_port_free(smmu->host, domain, sizeof(*domain));
	return rc;
}
