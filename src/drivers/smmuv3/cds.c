/* SPDX-License-Identifier: MIT */
/*
 * cds.c - tables of context descriptors (5.3, 5.4): linear, or in leaves of 64
 *
 * A CD that leads from one translation to another changes in its ASID and its TTB0, two quadwords, so there
 * is no order of stores that never shows a mixture.  But tables belong to one device and are small: the change
 * is made in a copy of the table or leaf, and one store of 8 bytes, in the STE or in the first-level
 * descriptor, leads hardware to the copy.  The original becomes the spare for the next change, after the
 * invalidation of what was fetched from it.
 */
#include "src/drivers/smmuv3/smmu.h"

#define LEAF_LOG2 6u /* SMMUV3_S1FMT_4K */

static size_t bytes(unsigned int log2)
{
	return (size_t)SMMUV3_CD_SIZE << log2;
}

/* CDs in the unit that is copied. */
static unsigned int unit_log2(const struct smmu_cd_table *cds)
{
	return cds->two_level ? LEAF_LOG2 : cds->log2;
}

static unsigned int order_of(size_t size)
{
	unsigned int order = 0;

	while ((size_t)SMMU_PAGE_SIZE << order < size)
		order++;
	return order;
}

static uint64_t *pages(const struct uiommu_smmuv3 *smmu, unsigned int order)
{
	uint64_t *p = uiommu_port_alloc_pages(smmu->host, order);

	if (p)
		smmu_clean(smmu, p, (size_t)SMMU_PAGE_SIZE << order);
	return p;
}

int uiommu_smmuv3_cds_init(struct smmu_device *device, unsigned int log2)
{
	const struct uiommu_smmuv3 *smmu = device->smmu;
	struct smmu_cd_table *cds = &device->cds;

	cds->log2 = log2;
	cds->two_level = smmu->has.two_level_cds && log2 > LEAF_LOG2;
	cds->order = order_of(cds->two_level ? (size_t)SMMUV3_L1CD_SIZE << (log2 - LEAF_LOG2) :
					       2 * bytes(log2));
	cds->table = pages(smmu, cds->order);
	if (!cds->table)
		return -UIOMMU_ENOMEM;
	cds->spare = cds->two_level ? pages(smmu, 0) : cds->table + bytes(log2) / sizeof(uint64_t);
	if (!cds->spare || uiommu_smmuv3_cds_alloc(device, UIOMMU_RID))
		return -UIOMMU_ENOMEM;
	return 0;
}

static uint64_t *leaf_of(const struct uiommu_smmuv3 *smmu, uint64_t descriptor)
{
	return descriptor & SMMUV3_L1CD_V ? smmu_ptr(smmu, descriptor & SMMUV3_L1CD_L2PTR) : NULL;
}

/* After a failed init too. */
void uiommu_smmuv3_cds_destroy(struct smmu_device *device)
{
	const struct uiommu_smmuv3 *smmu = device->smmu;
	struct smmu_cd_table *cds = &device->cds;
	uint64_t *start = cds->table;

	if (!cds->table)
		return;
	for (uint32_t i = 0; cds->two_level && i < 1u << (cds->log2 - LEAF_LOG2); i++) {
		uint64_t *leaf = leaf_of(smmu, cds->table[i]);

		if (leaf)
			uiommu_port_free_pages(smmu->host, leaf, 0);
	}
	if (cds->two_level && cds->spare)
		uiommu_port_free_pages(smmu->host, cds->spare, 0);
	if (!cds->two_level && cds->spare < start)
		start = cds->spare;
	uiommu_port_free_pages(smmu->host, start, cds->order);
	cds->table = NULL;
}

/* Under all StreamIDs of the device. */
static void invalidate(struct smmu_device *device, uiommu_pasid_t pasid, bool leaf, bool all)
{
	struct smmu_batch batch;

	smmu_batch_begin(&batch, device->smmu);
	for (unsigned int i = 0; i < device->num_sids; i++)
		uiommu_smmuv3_batch_add(&batch, all ? smmu_cfgi_cd_all(device->sids[i]) :
						      smmu_cfgi_cd(device->sids[i], pasid, leaf));
	uiommu_smmuv3_batch_end(&batch);
}

static void set_l1(const struct uiommu_smmuv3 *smmu, uint64_t *slot, const uint64_t *leaf)
{
	__atomic_store_n(slot, smmu_phys(smmu, leaf) | SMMUV3_L1CD_V, __ATOMIC_RELEASE);
	smmu_clean(smmu, slot, sizeof(*slot));
}

int uiommu_smmuv3_cds_alloc(struct smmu_device *device, uiommu_pasid_t pasid)
{
	const struct smmu_cd_table *cds = &device->cds;
	uint64_t *slot, *leaf;

	if (pasid >> cds->log2)
		return -UIOMMU_EINVAL;
	if (!cds->two_level)
		return 0;
	slot = &cds->table[pasid >> LEAF_LOG2];
	if (leaf_of(device->smmu, *slot))
		return 0;
	leaf = pages(device->smmu, 0);
	if (!leaf)
		return -UIOMMU_ENOMEM;
	set_l1(device->smmu, slot, leaf);
	/* That there was nothing may be cached. */
	invalidate(device, pasid, false, false);
	return 0;
}

/* ---- changes ----------------------------------------------------------------------------------- */

struct cd_place {
	struct smmu_device *device;
	uiommu_pasid_t pasid;
	uint64_t *entry;
};

static void store(void *context, unsigned int qword, uint64_t value)
{
	const struct cd_place *place = context;

	__atomic_store_n(&place->entry[qword], value, __ATOMIC_RELEASE);
	smmu_clean(place->device->smmu, &place->entry[qword], sizeof(value));
}

static void sync(void *context)
{
	const struct cd_place *place = context;

	invalidate(place->device, place->pasid, true, false);
}

static const struct smmu_entry_ops cd_ops = {
	.used = uiommu_smmuv3_cd_used,
	.refuse = SMMU_CD_REFUSING,
	.store = store,
	.sync = sync,
};

static uint64_t *unit_of(const struct smmu_device *device, uiommu_pasid_t pasid)
{
	const struct smmu_cd_table *cds = &device->cds;

	return cds->two_level ? leaf_of(device->smmu, cds->table[pasid >> LEAF_LOG2]) : cds->table;
}

/* Change the CD in a copy of its table or leaf, and lead hardware there. */
static void change_copy(struct smmu_device *device, uiommu_pasid_t pasid,
			const uint64_t target[SMMU_QWORDS])
{
	const struct uiommu_smmuv3 *smmu = device->smmu;
	struct smmu_cd_table *cds = &device->cds;
	const size_t size = bytes(unit_log2(cds));
	const uiommu_pasid_t index = pasid & ((1u << unit_log2(cds)) - 1);
	uint64_t *old = unit_of(device, pasid), *copy = cds->spare;

	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		copy[i] = i / SMMU_QWORDS == index ? target[i % SMMU_QWORDS] : old[i];
	smmu_clean(smmu, copy, size);
	if (cds->two_level) {
		set_l1(smmu, &cds->table[pasid >> LEAF_LOG2], copy);
		invalidate(device, pasid, false, true);
	} else {
		cds->table = copy;
		device->ste.cds = smmu_phys(smmu, copy);
		/* CDs that were found through an STE go with it (4.3.1). */
		uiommu_smmuv3_streams_update(device);
	}
	cds->spare = old;
}

bool uiommu_smmuv3_cd_has_asid(const struct smmu_device *device, uiommu_pasid_t pasid,
			       uint16_t asid)
{
	const uint64_t *unit = unit_of(device, pasid);
	uint64_t word;

	if (!unit)
		return false;
	word = unit[(size_t)SMMU_QWORDS * (pasid & ((1u << unit_log2(&device->cds)) - 1))];
	return (word & SMMUV3_CD0_V) && smmuv3_get(word, SMMUV3_CD0_ASID) == asid;
}

void uiommu_smmuv3_cd_set(struct smmu_device *device, uiommu_pasid_t pasid,
			  const struct smmu_cd *cd)
{
	uint64_t now[SMMU_QWORDS], target[SMMU_QWORDS] = { 0 };
	uint64_t *unit = unit_of(device, pasid);
	struct cd_place place = { device, pasid, NULL };

	if (!unit)
		return; /* never attached: not valid */
	place.entry = unit + (size_t)SMMU_QWORDS * (pasid & ((1u << unit_log2(&device->cds)) - 1));
	for (unsigned int q = 0; q < SMMU_QWORDS; q++)
		now[q] = place.entry[q];
	if (cd)
		uiommu_smmuv3_cd_make(cd, target);
	if (uiommu_smmuv3_entry_hitless(&cd_ops, now, target))
		uiommu_smmuv3_entry_write(&cd_ops, &place, now, target);
	else
		change_copy(device, pasid, target);
}
