/* SPDX-License-Identifier: MIT */
/*
 * attach.c - switching a device, or one of its PASIDs, from one domain to another
 *
 * Which invalidation reaches which device.  A domain's tags and links say where it may be cached.  They are
 * added in attach_prepare(), before hardware can walk the tables, and removed at the end of the commit
 * that switches hardware away: in between the domain invalidates for a device that may not use it, which
 * costs time and nothing else.
 *
 * A change of the tables, a full barrier, and a look at the tags (iotlb_sync) pairs with: a tag is
 * added, a full barrier (the lock), the entry is written.  So an unmap either sees the tag, or the
 * device walks the tables after the change.
 *
 * An ASID or VMID is given back only after an invalidation of all that is cached under it, so its next user
 * finds the caches clean.
 *
 * A nested domain has the tag of its parent, and a link there, so that whatever the parent invalidates reaches
 * its devices.  What stage 1 cached under the parent's VMID is invalidated when a nested domain is
 * left: the next one may use the same ASIDs for other tables.
 *
 * ATS is on while anything of the device is translated, since the SMMU answers no translation requests of a
 * stream that bypasses or is blocked (5.2, EATS), unless a guest has it off.  It changes under the lock of the one domain whose
 * invalidations it concerns: that through which the device begins to be translated, or ends (ats.c).
 */
#include "src/drivers/smmuv3/smmu.h"

/* ---- ASIDs and VMIDs --------------------------------------------------------------------------- */

static int id_alloc(struct uiommu_smmuv3 *smmu, struct smmu_ids *ids, uint16_t *out)
{
	int rc = -UIOMMU_ENOSPC;

	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	for (uint32_t i = 0; i < ids->count; i++) {
		const uint32_t id = (ids->next + i) % ids->count;

		if (id < SMMU_FIRST_ID || ids->bits[id / 64] >> (id % 64) & 1)
			continue;
		ids->bits[id / 64] |= 1ull << (id % 64);
		ids->next = id + 1;
		*out = (uint16_t)id;
		rc = 0;
		break;
	}
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
	return rc;
}

static void id_free(struct uiommu_smmuv3 *smmu, struct smmu_ids *ids, uint16_t id)
{
	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	ids->bits[id / 64] &= ~(1ull << (id % 64));
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
}

static struct smmu_ids *ids_of(struct uiommu_smmuv3 *smmu, const struct smmu_domain *domain)
{
	return domain->stage2 ? &smmu->vmids : &smmu->asids;
}

/* ---- tags and links ---------------------------------------------------------------------------- */

static int tag_get(struct smmu_domain *domain, struct uiommu_smmuv3 *smmu, struct smmu_tag **out)
{
	struct smmu_tag *tag;
	int rc;

	for (tag = domain->tags; tag; tag = tag->next)
		if (tag->smmu == smmu) {
			tag->links++;
			*out = tag;
			return 0;
		}
	tag = uiommu_port_alloc(domain->host, sizeof(*tag));
	if (!tag)
		return -UIOMMU_ENOMEM;
	rc = id_alloc(smmu, ids_of(smmu, domain), &tag->id);
	if (rc) {
		uiommu_port_free(domain->host, tag, sizeof(*tag));
		return rc;
	}
	tag->smmu = smmu;
	tag->links = 1;
	tag->next = domain->tags;
	domain->tags = tag;
	*out = tag;
	return 0;
}

static void tag_put(struct smmu_domain *domain, struct smmu_tag *tag)
{
	struct smmu_tag **at = &domain->tags;
	struct smmu_batch batch;

	if (--tag->links)
		return;
	while (*at != tag)
		at = &(*at)->next;
	*at = tag->next;
	smmu_batch_begin(&batch, tag->smmu);
	uiommu_smmuv3_tlbi_add(&batch, domain->stage2, tag->id, &uiommu_smmuv3_everything);
	uiommu_smmuv3_batch_end(&batch);
	id_free(tag->smmu, ids_of(tag->smmu, domain), tag->id);
	uiommu_port_free(domain->host, tag, sizeof(*tag));
}

static int link_add(struct smmu_domain *domain, const struct smmu_nested *nested,
		    struct smmu_device *device, uiommu_pasid_t pasid, struct smmu_link **out)
{
	struct smmu_link *link = uiommu_port_alloc(domain->host, sizeof(*link));
	int rc;

	if (!link)
		return -UIOMMU_ENOMEM;
	uiommu_port_mutex_lock(domain->host, &domain->lock);
	rc = tag_get(domain, device->smmu, &link->tag);
	if (rc == 0) {
		link->device = device;
		link->pasid = pasid;
		link->nested = nested;
		link->ats = !nested || uiommu_smmuv3_nested_ats(nested);
		link->next = domain->links;
		domain->links = link;
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	if (rc)
		uiommu_port_free(domain->host, link, sizeof(*link));
	*out = link;
	return rc;
}

static void link_remove(struct smmu_domain *domain, const struct smmu_nested *nested,
			const struct smmu_device *device, uiommu_pasid_t pasid)
{
	struct smmu_link **at, *link;

	uiommu_port_mutex_lock(domain->host, &domain->lock);
	for (at = &domain->links; *at; at = &(*at)->next)
		if ((*at)->device == device && (*at)->pasid == pasid && (*at)->nested == nested)
			break;
	link = *at;
	if (link) {
		*at = link->next;
		tag_put(domain, link->tag);
	}
	uiommu_port_mutex_unlock(domain->host, &domain->lock);
	if (link)
		uiommu_port_free(domain->host, link, sizeof(*link));
}

/* ---- prepare ----------------------------------------------------------------------------------- */

/* Attaching is refused silently: the caller tries another domain. */
bool uiommu_smmuv3_fits(const struct smmu_domain *domain, const struct uiommu_smmuv3 *smmu)
{
	const struct uiommu_pt_config *c = &domain->pt.config;
	const struct smmu_features *has = &smmu->has;

	if (domain->sva)
		return uiommu_smmuv3_sva_fits(&domain->mm, smmu);
	if (domain->stage2 ? !has->stage2 : !has->stage1)
		return false;
	if ((c->coherent && !has->coherent) || (c->dirty && !has->httu))
		return false;
	if (c->arm.bbml2 && !has->bbml2)
		return false;
	return c->arm.granule == 1u << has->granule_shift && c->arm.lpa2 == has->lpa2 &&
	       c->pa_bits <= has->output_bits &&
	       c->va_bits <= (domain->stage2 ? has->output_bits : has->input_bits);
}

static int check(const struct uiommu_attach *attach, const struct smmu_device *device,
		 const struct smmu_domain *domain)
{
	const struct smmu_nested *nested = smmu_nested(attach->domain);

	if (attach->pasid != UIOMMU_RID) {
		if (!device->cds.log2)
			return -UIOMMU_EOPNOTSUPP;
		/* Neither the second stage nor an untranslated PASID can be said in a CD. */
		if (!domain || domain->stage2 || attach->pasid >> device->cds.log2)
			return -UIOMMU_EINVAL;
		if (device->rid_stage2) /* there is no CD table beside the second stage */
			return -UIOMMU_EINVAL;
	} else if (domain && domain->sva) {
		return -UIOMMU_EINVAL;
	} else if (domain && domain->stage2 && device->num_pasids) {
		return -UIOMMU_EBUSY;
	}
	if (nested && !uiommu_smmuv3_nested_fits(nested, device->smmu))
		return -UIOMMU_EINVAL;
	return !domain || uiommu_smmuv3_fits(domain, device->smmu) ? 0 : -UIOMMU_EINVAL;
}

int uiommu_smmuv3_attach_prepare(struct uiommu_attach *attach)
{
	struct smmu_device *device = uiommu_device_priv(attach->dev);
	struct smmu_domain *domain = smmu_paging(attach->domain);
	struct uiommu_smmuv3 *smmu = device->smmu;
	struct smmu_link *link;
	int rc;

	attach->priv = NULL;
	if (attach->domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	rc = check(attach, device, domain);
	if (rc || !domain)
		return rc;
	if (!domain->stage2) {
		uiommu_port_mutex_lock(smmu->host, &smmu->lock);
		rc = uiommu_smmuv3_cds_alloc(device, attach->pasid);
		uiommu_port_mutex_unlock(smmu->host, &smmu->lock);
		if (rc)
			return rc;
	}
	rc = link_add(domain, smmu_nested(attach->domain), device, attach->pasid, &link);
	if (rc == 0)
		attach->priv = link;
	return rc;
}

void uiommu_smmuv3_attach_abort(struct uiommu_attach *attach)
{
	struct smmu_domain *domain = smmu_paging(attach->domain);

	if (domain)
		link_remove(domain, smmu_nested(attach->domain), uiommu_device_priv(attach->dev),
			    attach->pasid);
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

static void atc_forget(struct smmu_device *device, uiommu_pasid_t pasid,
		       const struct smmu_nested *old)
{
	struct smmu_batch batch;

	smmu_batch_begin(&batch, device->smmu);
	if (old)
		uiommu_smmuv3_atc_add_nested(&batch, device, old);
	else
		uiommu_smmuv3_atc_add(&batch, device, pasid, &uiommu_smmuv3_everything);
	uiommu_smmuv3_batch_end(&batch);
}

/* ---- commit; with the SMMU's lock held --------------------------------------------------------- */

static void lead_to_cds(struct smmu_device *device, unsigned int s1dss, bool ats)
{
	const struct uiommu_smmuv3 *smmu = device->smmu;

	device->ste = (struct smmu_ste){
		.kind = SMMU_STE_STAGE1,
		.incoming = smmu->has.shareability,
		.cds = smmu_phys(smmu, device->cds.table),
		.cd_log2 = device->cds.log2,
		.cds_two_level = device->cds.two_level,
		.s1dss = s1dss,
		.coherent = smmu->has.coherent,
		.ats = ats,
		.pri_pasid = device->pri_pasid,
		.no_stall = smmu->has.may_stall && !device->can_stall,
	};
	uiommu_smmuv3_streams_update(device);
}

/* CD 0 of a device whose requests without PASID do not use it: those with PASID 0 would. */
static void close_cd(struct smmu_device *device)
{
	const struct smmu_cd closed = { .stall = device->smmu->has.force_stall };

	if (device->cds.table)
		uiommu_smmuv3_cd_set(device, UIOMMU_RID, device->cds.log2 ? NULL : &closed);
}

void uiommu_smmuv3_set_cd(struct smmu_device *device, uiommu_pasid_t pasid,
			  const struct smmu_domain *domain, uint16_t asid)
{
	const bool force_stall = device->smmu->has.force_stall;
	struct smmu_cd cd = {
		.regs = &domain->regs,
		.asid = asid,
		.dirty = domain->pt.config.dirty,
		.stall = force_stall || (device->can_stall && uiommu_smmuv3_answers(domain)),
	};

	if (domain->exited)
		cd = (struct smmu_cd){ .asid = asid, .stall = force_stall, .quiet = true };

	uiommu_smmuv3_cd_set(device, pasid, &cd);
}

static void translate(struct smmu_device *device, const struct smmu_domain *domain,
		      const struct smmu_link *link, bool ats)
{
	const struct smmu_features *has = &device->smmu->has;

	if (!domain->stage2) {
		uiommu_smmuv3_set_cd(device, UIOMMU_RID, domain, link->tag->id);
		lead_to_cds(device, SMMUV3_S1DSS_SSID0, ats);
		return;
	}
	device->ste = (struct smmu_ste){
		.kind = SMMU_STE_STAGE2,
		.incoming = has->shareability,
		.ats = ats,
		.stall = has->force_stall ||
			 (!link->nested && device->can_stall && uiommu_smmuv3_answers(domain)),
		.dirty = domain->pt.config.dirty,
		.s2 = domain->regs,
		.vmid = link->tag->id,
	};
	if (link->nested) {
		device->ste.pri_pasid = device->pri_pasid;
		device->ste.no_stall = has->may_stall && !device->can_stall;
		uiommu_smmuv3_nested_ste(link->nested, &device->ste);
	}
	uiommu_smmuv3_streams_update(device);
	close_cd(device);
}

static void pass(struct smmu_device *device, bool ats)
{
	if (device->cds.log2) {
		lead_to_cds(device, SMMUV3_S1DSS_BYPASS, ats);
	} else {
		device->ste = (struct smmu_ste){
			.kind = SMMU_STE_BYPASS,
			.incoming = device->smmu->has.shareability,
		};
		uiommu_smmuv3_streams_update(device);
	}
	close_cd(device);
}

static void block(struct smmu_device *device, bool ats)
{
	if (device->cds.log2) {
		lead_to_cds(device, SMMUV3_S1DSS_TERMINATE, ats);
		close_cd(device);
	} else if (device->cds.table) {
		close_cd(device);
		lead_to_cds(device, SMMUV3_S1DSS_SSID0, ats);
	} else {
		device->ste = (struct smmu_ste){ .kind = SMMU_STE_REFUSE };
		uiommu_smmuv3_streams_update(device);
	}
}

static void commit_rid(struct smmu_device *device, const struct uiommu_attach *attach, bool ats)
{
	const struct smmu_domain *domain = smmu_paging(attach->domain);

	if (domain)
		translate(device, domain, attach->priv, ats);
	else if (attach->domain->type == UIOMMU_DOMAIN_IDENTITY)
		pass(device, ats);
	else
		block(device, ats);
}

static void commit_pasid(struct smmu_device *device, const struct uiommu_attach *attach, bool ats)
{
	const struct smmu_domain *domain = smmu_paging(attach->domain);

	const struct smmu_link *link = attach->priv;

	if (domain)
		uiommu_smmuv3_set_cd(device, attach->pasid, domain, link->tag->id);
	else if (device->cds.log2 && !(attach->pasid >> device->cds.log2))
		uiommu_smmuv3_cd_set(device, attach->pasid, NULL);
	if (device->ste.ats != ats) {
		device->ste.ats = ats;
		uiommu_smmuv3_streams_update(device);
	}
}

/* What the guest's stage 1 left under the parent's VMID. */
static void forget_nested(const struct smmu_device *device, const struct smmu_nested *nested)
{
	struct smmu_domain *parent = nested->parent;

	uiommu_port_mutex_lock(parent->host, &parent->lock);
	for (const struct smmu_tag *tag = parent->tags; tag; tag = tag->next)
		if (tag->smmu == device->smmu)
			uiommu_smmuv3_tlbi_nested(tag->smmu, tag->id);
	uiommu_port_mutex_unlock(parent->host, &parent->lock);
}

/* ---- commit ------------------------------------------------------------------------------------ */

void uiommu_smmuv3_attach_commit(struct uiommu_attach *attach)
{
	struct smmu_device *device = uiommu_device_priv(attach->dev);
	struct smmu_domain *domain = smmu_paging(attach->domain), *old = smmu_paging(attach->old);
	const struct smmu_nested *nested = smmu_nested(attach->domain);
	const struct smmu_nested *old_nested = smmu_nested(attach->old);
	struct uiommu_smmuv3 *smmu = device->smmu;
	bool ats;

	if (attach->pasid == UIOMMU_RID) {
		device->rid_attached = domain;
		device->rid_stage2 = domain && domain->stage2;
	} else {
		device->num_pasids += (domain ? 1u : 0) - (old ? 1u : 0);
	}
	/* Page requests that are still to be answered need ATS: it goes with them (request.c). */
	ats = device->can_ats && !device->quarantined &&
	      (device->rid_attached || device->num_pasids ||
	       (device->ats && device->requests && device->can_pri)) &&
	      (!nested || uiommu_smmuv3_nested_ats(nested));
	if (device->ats && !ats && old)
		uiommu_smmuv3_ats_disable(device, old);

	uiommu_port_mutex_lock(smmu->host, &smmu->lock);
	if (attach->pasid == UIOMMU_RID)
		commit_rid(device, attach, ats);
	else
		commit_pasid(device, attach, ats);
	uiommu_port_mutex_unlock(smmu->host, &smmu->lock);

	if (old_nested)
		forget_nested(device, old_nested);
	if (device->ats)
		atc_forget(device, attach->pasid, old_nested);
	else if (ats && domain)
		uiommu_smmuv3_ats_enable(device, domain);
	if (old && attach->old != attach->domain)
		link_remove(old, old_nested, device, attach->pasid);
}
