/* SPDX-License-Identifier: MIT */
/*
 * streams.c - the stream table (5.1, 5.2): linear, or in two levels
 *
 * Streams without a device have no valid entry: their requests are aborted, and recorded as C_BAD_STE or,
 * where there is no second level, as C_BAD_STREAMID.
 *
 * A first-level descriptor is written once and stays until the end.  Second levels hold 256 entries, so that
 * a PCI bus has one of its own.
 */
#include "src/drivers/smmuv3/smmu.h"

#define SPLIT SMMUV3_SPLIT_16K
#define LINEAR_LOG2 16u /* 4 MiB, the largest piece of memory that a port gives */
#define L1_LOG2 17u /* 1 MiB of descriptors: 2^25 streams */

static unsigned int order_of(uint64_t size)
{
	unsigned int order = 0;

	while ((uint64_t)SMMU_PAGE_SIZE << order < size)
		order++;
	return order;
}

int uiommu_smmuv3_streams_init(struct uiommu_smmuv3 *smmu)
{
	struct smmu_streams *s = &smmu->streams;
	uint64_t size;

	s->log2 = smmu->has.sid_bits;
	s->split = smmu->has.two_level_streams && s->log2 > SPLIT ? SPLIT : 0;
	if (s->split) {
		if (s->log2 > L1_LOG2 + SPLIT)
			s->log2 = L1_LOG2 + SPLIT;
		size = (uint64_t)SMMUV3_L1STD_SIZE << (s->log2 - s->split);
	} else {
		if (s->log2 > LINEAR_LOG2)
			s->log2 = LINEAR_LOG2;
		size = (uint64_t)SMMUV3_STE_SIZE << s->log2;
	}
	s->order = order_of(size);
	s->table = uiommu_port_alloc_pages(smmu->host, s->order);
	if (!s->table)
		return -UIOMMU_ENOMEM;
	smmu_clean(smmu, s->table, (size_t)SMMU_PAGE_SIZE << s->order);
	return 0;
}

static uint64_t *second_level(const struct uiommu_smmuv3 *smmu, uint64_t descriptor)
{
	return descriptor & SMMUV3_L1STD_SPAN ? smmu_ptr(smmu, descriptor & SMMUV3_L1STD_L2PTR) :
						NULL;
}

static unsigned int second_order(const struct smmu_streams *s)
{
	return order_of((uint64_t)SMMUV3_STE_SIZE << s->split);
}

void uiommu_smmuv3_streams_destroy(struct uiommu_smmuv3 *smmu)
{
	struct smmu_streams *s = &smmu->streams;

	for (uint32_t i = 0; s->split && i < 1u << (s->log2 - s->split); i++) {
		uint64_t *second = second_level(smmu, s->table[i]);

		if (second)
			uiommu_port_free_pages(smmu->host, second, second_order(s));
	}
	uiommu_port_free_pages(smmu->host, s->table, s->order);
}

int uiommu_smmuv3_streams_alloc(struct uiommu_smmuv3 *smmu, uint32_t sid)
{
	struct smmu_streams *s = &smmu->streams;
	struct smmu_command cfgi = smmu_cfgi_ste(sid, false);
	uint64_t *slot, *second;

	if ((uint64_t)sid >> s->log2)
		return -UIOMMU_EINVAL;
	if (!s->split)
		return 0;
	slot = &s->table[sid >> s->split];
	if (second_level(smmu, *slot))
		return 0;
	second = uiommu_port_alloc_pages(smmu->host, second_order(s));
	if (!second)
		return -UIOMMU_ENOMEM;
	smmu_clean(smmu, second, (size_t)SMMU_PAGE_SIZE << second_order(s));
	__atomic_store_n(slot,
			 smmu_phys(smmu, second) | smmuv3_set(s->split + 1, SMMUV3_L1STD_SPAN),
			 __ATOMIC_RELEASE);
	smmu_clean(smmu, slot, sizeof(*slot));
	/* That there was nothing may be cached. */
	uiommu_smmuv3_submit(smmu, &cfgi, 1);
	return 0;
}

/* ---- entries ----------------------------------------------------------------------------------- */

struct ste_place {
	struct uiommu_smmuv3 *smmu;
	uint32_t sid;
	uint64_t *entry;
};

static void store(void *context, unsigned int qword, uint64_t value)
{
	const struct ste_place *place = context;

	__atomic_store_n(&place->entry[qword], value, __ATOMIC_RELEASE);
	smmu_clean(place->smmu, &place->entry[qword], sizeof(value));
}

static void sync(void *context)
{
	const struct ste_place *place = context;
	const struct smmu_command cfgi = smmu_cfgi_ste(place->sid, true);

	uiommu_smmuv3_submit(place->smmu, &cfgi, 1);
}

static const struct smmu_entry_ops ste_ops = {
	.used = uiommu_smmuv3_ste_used,
	.refuse = SMMU_STE_REFUSING,
	.store = store,
	.sync = sync,
};

static uint64_t *find(const struct uiommu_smmuv3 *smmu, uint32_t sid)
{
	const struct smmu_streams *s = &smmu->streams;
	uint64_t *second;

	if (!s->split)
		return &s->table[(size_t)SMMU_QWORDS * sid];
	second = second_level(smmu, s->table[sid >> s->split]);
	return &second[(size_t)SMMU_QWORDS * (sid & ((1u << s->split) - 1))];
}

static bool has_sid(const struct smmu_device *device, uint32_t sid)
{
	for (unsigned int i = 0; i < device->num_sids; i++)
		if (device->sids[i] == sid)
			return true;
	return false;
}

/* Whom a StreamID follows; NULL: nobody. */
static const struct smmu_device *leader(const struct uiommu_smmuv3 *smmu, uint32_t sid)
{
	for (const struct smmu_device *d = smmu->devices; d; d = d->next)
		if (d->ste.kind != SMMU_STE_REFUSE && has_sid(d, sid))
			return d;
	return NULL;
}

void uiommu_smmuv3_streams_update(struct smmu_device *device)
{
	static const struct smmu_ste refuse = { .kind = SMMU_STE_REFUSE };
	struct uiommu_smmuv3 *smmu = device->smmu;

	for (unsigned int i = 0; i < device->num_sids; i++) {
		const uint32_t sid = device->sids[i];
		const struct smmu_device *who = leader(smmu, sid);
		struct smmu_ste ste = who ? who->ste : refuse;
		struct ste_place place = { smmu, sid, find(smmu, sid) };
		uint64_t now[SMMU_QWORDS], target[SMMU_QWORDS];

		if (who && (sid != who->sids[0] || who->quarantined))
			ste.ats = false;
		for (unsigned int q = 0; q < SMMU_QWORDS; q++)
			now[q] = place.entry[q];
		uiommu_smmuv3_ste_make(&ste, target);
		uiommu_smmuv3_entry_write(&ste_ops, &place, now, target);
	}
}
