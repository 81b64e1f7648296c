/* SPDX-License-Identifier: MIT */
/*
 * nested.c - a guest's stage 1 on top of a stage 2 of the host (3.2, 5.2), and the commands of the guest
 *
 * The guest's stream table entry says where its context descriptors lie, as an intermediate physical address,
 * and the SMMU fetches them, and the tables that they lead to, through the parent.  Nothing else of the
 * guest's is taken over: VMID and stage 2 are the parent's, StreamIDs those of the devices that the
 * domain is attached to.
 *
 * All nested domains of one parent are the streams of one SMMU of one guest: they share its VMID, and so
 * the guest's ASIDs have one meaning for all of them.  Invalidations of translations therefore reach all
 * of them, while those of context descriptors and device TLBs are about the domain's own devices.
 *
 * The guest's CMD_SYNCs stay with whoever plays the SMMU for it: what was asked for is complete when
 * cache_invalidate() returns.  CDs, translations and device TLBs are invalidated in the order of the entries,
 * with a CMD_SYNC where one kind follows another, since a cache that refills from one that is still
 * stale would be stale for ever (3.9.1).
 *
 * A command that is wrong stops the command queue for everybody (CERROR_ILL, 7.1).  So each field that
 * a guest has set is checked by what this SMMU has, and nothing unknown passes.
 */
#include "src/drivers/smmuv3/smmu.h"

#define ENTRY_WORDS 2
#define ENTRY_SIZE (ENTRY_WORDS * sizeof(uint64_t))

static const uint64_t guest_ste0 = SMMUV3_STE0_V | SMMUV3_STE0_CONFIG | SMMUV3_STE0_S1FMT |
				   SMMUV3_STE0_S1CONTEXTPTR | SMMUV3_STE0_S1CDMAX;
static const uint64_t guest_ste1 = SMMUV3_STE1_S1DSS | SMMUV3_STE1_S1CIR | SMMUV3_STE1_S1COR |
				   SMMUV3_STE1_S1CSH | SMMUV3_STE1_S1STALLD | SMMUV3_STE1_EATS;

/* Two words from the caller's structure, which may be larger if it is zero there. */
static int take(uint64_t word[ENTRY_WORDS], const void *data, size_t size)
{
	const unsigned char *byte = data;

	if (size < ENTRY_SIZE)
		return -UIOMMU_EINVAL;
	for (size_t i = ENTRY_SIZE; i < size; i++)
		if (byte[i])
			return -UIOMMU_E2BIG;
	for (unsigned int i = 0; i < ENTRY_WORDS; i++) {
		word[i] = 0;
		for (unsigned int b = 0; b < 8; b++)
			word[i] |= (uint64_t)byte[8 * i + b] << 8 * b;
	}
	return 0;
}

/* ---- the guest's stream table entry ------------------------------------------------------------ */

/* Is this an entry that the guest can have on @smmu? */
static bool legal_stage1(const struct smmu_view *smmu, const uint64_t ste[ENTRY_WORDS])
{
	const uint64_t cd_log2 = smmuv3_get(ste[0], SMMUV3_STE0_S1CDMAX);
	const uint64_t format = smmuv3_get(ste[0], SMMUV3_STE0_S1FMT);

	if (cd_log2 > smmu->has.ssid_bits)
		return false;
	if (cd_log2 && (format > SMMUV3_S1FMT_64K ||
			(format != SMMUV3_S1FMT_LINEAR && !(smmu->idr0 & SMMUV3_IDR0_CD2L))))
		return false;
	if (cd_log2 && smmuv3_get(ste[1], SMMUV3_STE1_S1DSS) > SMMUV3_S1DSS_SSID0)
		return false;
	return !(ste[1] & SMMUV3_STE1_S1STALLD) ||
	       smmuv3_get(smmu->idr0, SMMUV3_IDR0_STALL_MODEL) == SMMUV3_STALL_MODEL_BOTH;
}

static bool legal(const struct smmu_view *smmu, const uint64_t ste[ENTRY_WORDS])
{
	const uint64_t config = smmuv3_get(ste[0], SMMUV3_STE0_CONFIG);

	if ((ste[0] & ~guest_ste0) || (ste[1] & ~guest_ste1) ||
	    smmuv3_get(ste[1], SMMUV3_STE1_EATS) > SMMUV3_EATS_FULL)
		return false;
	if (!(ste[0] & SMMUV3_STE0_V) || config == SMMUV3_CONFIG_ABORT ||
	    config == SMMUV3_CONFIG_BYPASS)
		return true;
	return config == SMMUV3_CONFIG_S1 && legal_stage1(smmu, ste);
}

static enum smmu_ste_kind kind_of(const struct smmu_nested *nested)
{
	if (!(nested->ste[0] & SMMUV3_STE0_V))
		return SMMU_STE_REFUSE;
	switch (smmuv3_get(nested->ste[0], SMMUV3_STE0_CONFIG)) {
	case SMMUV3_CONFIG_BYPASS:
		return SMMU_STE_STAGE2;
	case SMMUV3_CONFIG_S1:
		return SMMU_STE_NESTED;
	default:
		return SMMU_STE_ABORT;
	}
}

bool uiommu_smmuv3_nested_ats(const struct smmu_nested *nested)
{
	return kind_of(nested) == SMMU_STE_NESTED && (nested->ste[1] & SMMUV3_STE1_EATS);
}

bool uiommu_smmuv3_nested_pasids(const struct smmu_nested *nested)
{
	return nested->ste[0] & SMMUV3_STE0_S1CDMAX;
}

/* What the guest was told of its SMMU has to be true of this one. */
bool uiommu_smmuv3_nested_fits(const struct smmu_nested *nested, const struct uiommu_smmuv3 *smmu)
{
	const struct smmu_view *view = &nested->view;

	return smmu->idr0 == view->idr0 && smmu->idr1 == view->idr1 && smmu->idr3 == view->idr3 &&
	       smmu->idr5 == view->idr5 && smmu->has.ssid_bits == view->has.ssid_bits &&
	       smmu->has.ats == view->has.ats;
}

/* @ste is for the second stage alone: add the guest's first. */
void uiommu_smmuv3_nested_ste(const struct smmu_nested *nested, struct smmu_ste *ste)
{
	ste->kind = kind_of(nested);
	ste->guest[0] = nested->ste[0] &
			(SMMUV3_STE0_S1FMT | SMMUV3_STE0_S1CONTEXTPTR | SMMUV3_STE0_S1CDMAX);
	ste->guest[1] = nested->ste[1] & ~SMMUV3_STE1_EATS;
}

/* ---- the guest's commands ---------------------------------------------------------------------- */

enum kind { KIND_CD, KIND_TLB, KIND_ATC, KIND_BAD };

static bool good_ssid(const struct smmu_view *smmu, uint64_t word)
{
	return smmuv3_get(word, SMMUV3_CMD0_SSID) >> smmu->has.ssid_bits == 0;
}

/* A range, or a granule with its level, becomes what covers it with nothing that could be reserved. */
static bool by_address(const struct smmu_view *smmu, uint64_t word[ENTRY_WORDS])
{
	static const struct {
		uint32_t idr5;
		unsigned int shift;
	} granule[] = {
		[SMMUV3_TLBI_TG_4K] = { SMMUV3_IDR5_GRAN4K, 12 },
		[SMMUV3_TLBI_TG_16K] = { SMMUV3_IDR5_GRAN16K, 14 },
		[SMMUV3_TLBI_TG_64K] = { SMMUV3_IDR5_GRAN64K, 16 },
	};
	const uint64_t range = SMMUV3_CMD0_TLBI_NUM | SMMUV3_CMD0_TLBI_SCALE;
	const uint64_t tg = smmuv3_get(word[1], SMMUV3_CMD1_TLBI_TG);

	if (word[1] & ~(SMMUV3_CMD1_TLBI_LEAF | SMMUV3_CMD1_TLBI_TTL | SMMUV3_CMD1_TLBI_TG |
			SMMUV3_CMD1_TLBI_ADDR))
		return false;
	if (tg == SMMUV3_TLBI_TG_NONE)
		return !(word[0] & range) && !(word[1] & SMMUV3_CMD1_TLBI_TTL);
	if (!(smmu->idr3 & SMMUV3_IDR3_RIL) || !(smmu->idr5 & granule[tg].idr5) ||
	    (!(word[0] & range) && !(word[1] & SMMUV3_CMD1_TLBI_TTL)))
		return false;
	/* TTL says which leaves are not meant; without it they all are. */
	word[1] &= ~(SMMUV3_CMD1_TLBI_TTL | ((UINT64_C(1) << granule[tg].shift) - 4096));
	if (!(word[0] & range))
		word[1] &= ~SMMUV3_CMD1_TLBI_TG;
	return true;
}

static enum kind tlbi(const struct smmu_view *smmu, uint64_t word[ENTRY_WORDS])
{
	const uint64_t op = word[0] & SMMUV3_CMD0_OP;
	const uint64_t asid = smmuv3_get(word[0], SMMUV3_CMD0_TLBI_ASID);
	const bool address = op == SMMUV3_CMD_TLBI_NH_VA || op == SMMUV3_CMD_TLBI_NH_VAA;
	uint64_t known = SMMUV3_CMD0_OP | SMMUV3_CMD0_TLBI_VMID;

	if (op == SMMUV3_CMD_TLBI_NH_VA || op == SMMUV3_CMD_TLBI_NH_ASID)
		known |= SMMUV3_CMD0_TLBI_ASID;
	if (address)
		known |= SMMUV3_CMD0_TLBI_NUM | SMMUV3_CMD0_TLBI_SCALE;
	if ((word[0] & ~known) || asid >> smmu->has.asid_bits)
		return KIND_BAD;
	if (address ? !by_address(smmu, word) : word[1] != 0)
		return KIND_BAD;
	/* All of the guest's is one VMID's. */
	if (op == SMMUV3_CMD_TLBI_NSNH_ALL)
		word[0] = SMMUV3_CMD_TLBI_NH_ALL;
	word[0] &= ~SMMUV3_CMD0_TLBI_VMID;
	return KIND_TLB;
}

static enum kind cfgi(const struct smmu_view *smmu, uint64_t word[ENTRY_WORDS])
{
	const bool one = (word[0] & SMMUV3_CMD0_OP) == SMMUV3_CMD_CFGI_CD;
	const uint64_t known = SMMUV3_CMD0_OP | SMMUV3_CMD0_SID | (one ? SMMUV3_CMD0_SSID : 0);

	if ((word[0] & ~known) || (word[1] & ~(one ? SMMUV3_CMD1_CFGI_LEAF : 0)) ||
	    !good_ssid(smmu, word[0]))
		return KIND_BAD;
	word[0] &= ~SMMUV3_CMD0_SID;
	return KIND_CD;
}

static enum kind atc_inv(const struct smmu_view *smmu, uint64_t word[ENTRY_WORDS])
{
	const uint64_t size = smmuv3_get(word[1], SMMUV3_CMD1_ATC_SIZE);

	if ((word[0] & ~(SMMUV3_CMD0_OP | SMMUV3_CMD0_SID | SMMUV3_CMD0_SSID | SMMUV3_CMD0_SSV |
			 SMMUV3_CMD0_ATC_GLOBAL)) ||
	    (word[1] & ~(SMMUV3_CMD1_ATC_SIZE | SMMUV3_CMD1_ATC_ADDR)) || !smmu->has.ats ||
	    size > SMMUV3_ATC_SIZE_ALL || !good_ssid(smmu, word[0]) ||
	    (!(word[0] & SMMUV3_CMD0_SSV) &&
	     (word[0] & (SMMUV3_CMD0_SSID | SMMUV3_CMD0_ATC_GLOBAL))))
		return KIND_BAD;
	word[0] &= ~SMMUV3_CMD0_SID;
	word[1] = size | (size == SMMUV3_ATC_SIZE_ALL ?
				  0 :
				  (word[1] & SMMUV3_CMD1_ATC_ADDR) >> (12 + size) << (12 + size));
	return KIND_ATC;
}

/* Make it one that can be sent, but for StreamID and VMID. */
static enum kind judge(const struct smmu_view *smmu, uint64_t word[ENTRY_WORDS])
{
	switch (word[0] & SMMUV3_CMD0_OP) {
	case SMMUV3_CMD_CFGI_CD:
	case SMMUV3_CMD_CFGI_CD_ALL:
		return cfgi(smmu, word);
	case SMMUV3_CMD_TLBI_NH_ALL:
	case SMMUV3_CMD_TLBI_NSNH_ALL:
	case SMMUV3_CMD_TLBI_NH_ASID:
	case SMMUV3_CMD_TLBI_NH_VA:
	case SMMUV3_CMD_TLBI_NH_VAA:
		return tlbi(smmu, word);
	case SMMUV3_CMD_ATC_INV:
		return atc_inv(smmu, word);
	default:
		return KIND_BAD;
	}
}

struct run {
	enum kind kind;
	unsigned int count;
	struct smmu_command commands[SMMU_BATCH];
};

/* To one SMMU; the parent's lock is held. */
static int send(const struct smmu_nested *nested, const struct smmu_tag *tag, const struct run *run)
{
	struct smmu_batch batch;

	smmu_batch_begin(&batch, tag->smmu);
	for (unsigned int i = 0; i < run->count; i++) {
		struct smmu_command c = run->commands[i];

		if (run->kind == KIND_TLB) {
			c.word[0] |= smmuv3_set(tag->id, SMMUV3_CMD0_TLBI_VMID);
			uiommu_smmuv3_batch_add(&batch, c);
			continue;
		}
		for (const struct smmu_link *l = nested->parent->links; l; l = l->next) {
			const struct smmu_device *device = l->device;
			unsigned int sids = run->kind == KIND_CD ? device->num_sids : 1;

			if (l->tag != tag || l->nested != nested ||
			    (run->kind == KIND_ATC && !(l->ats && device->ats)))
				continue;
			for (unsigned int s = 0; s < sids; s++) {
				c.word[0] &= ~SMMUV3_CMD0_SID;
				c.word[0] |= smmuv3_set(device->sids[s], SMMUV3_CMD0_SID);
				uiommu_smmuv3_batch_add(&batch, c);
			}
		}
	}
	return uiommu_smmuv3_batch_end(&batch);
}

/* As many entries of one kind as there are; the first that is not taken is bad if *rc says so. */
static void collect(const struct smmu_nested *nested, struct run *run, const void *entries,
		    size_t entry_size, size_t count, int *rc)
{
	run->count = 0;
	for (size_t i = 0; i < count && run->count < SMMU_BATCH; i++) {
		struct smmu_command *c = &run->commands[run->count];
		enum kind kind;

		*rc = take(c->word, (const unsigned char *)entries + i * entry_size, entry_size);
		if (*rc)
			return;
		kind = judge(&nested->view, c->word);
		if (kind == KIND_BAD)
			*rc = -UIOMMU_EIO;
		if (kind == KIND_BAD || (run->count && kind != run->kind))
			return;
		run->kind = kind;
		run->count++;
	}
}

static int cache_invalidate(struct uiommu_domain *domain, enum uiommu_nested_type type,
			    const void *entries, size_t entry_size, size_t *count)
{
	const struct smmu_nested *nested = smmu_nested(domain);
	struct smmu_domain *parent = nested->parent;
	const size_t asked = *count;
	int rc = 0;

	*count = 0;
	if (type != UIOMMU_NESTED_SMMUV3)
		return -UIOMMU_EOPNOTSUPP;
	uiommu_port_mutex_lock(parent->host, &parent->lock);
	while (!rc && *count < asked) {
		struct run run;
		int error = 0;

		collect(nested, &run, (const unsigned char *)entries + *count * entry_size,
			entry_size, asked - *count, &rc);
		for (const struct smmu_tag *tag = parent->tags; tag && !error; tag = tag->next)
			error = send(nested, tag, &run);
		if (error)
			rc = error;
		else
			*count += run.count;
	}
	uiommu_port_mutex_unlock(parent->host, &parent->lock);
	return rc;
}

/* ---- life -------------------------------------------------------------------------------------- */

static void nested_free(struct uiommu_domain *domain)
{
	struct smmu_nested *nested = smmu_nested(domain);

	uiommu_port_free(nested->parent->host, nested, sizeof(*nested));
}

static const struct uiommu_domain_ops nested_ops = {
	.attach_prepare = uiommu_smmuv3_attach_prepare,
	.attach_commit = uiommu_smmuv3_attach_commit,
	.attach_abort = uiommu_smmuv3_attach_abort,
	.cache_invalidate = cache_invalidate,
	.free = nested_free,
};

int uiommu_smmuv3_domain_alloc_nested(struct uiommu_device *dev, struct uiommu_domain *parent,
				      enum uiommu_nested_type type, const void *data, size_t size,
				      struct uiommu_domain **out)
{
	const struct smmu_device *device = uiommu_device_priv(dev);
	const struct uiommu_smmuv3 *smmu = device->smmu;
	const struct smmu_view view = { smmu->idr0, smmu->idr1, smmu->idr3, smmu->idr5, smmu->has };
	struct smmu_nested *nested;
	uint64_t ste[ENTRY_WORDS];
	int rc;

	if (type != UIOMMU_NESTED_SMMUV3 || !smmu->has.stage1)
		return -UIOMMU_EOPNOTSUPP;
	if (!uiommu_smmuv3_fits(to_smmu_domain(parent), smmu))
		return -UIOMMU_EINVAL;
	rc = take(ste, data, size);
	if (rc)
		return rc;
	if (!legal(&view, ste))
		return -UIOMMU_EIO;
	nested = uiommu_port_alloc(smmu->host, sizeof(*nested));
	if (!nested)
		return -UIOMMU_ENOMEM;
	nested->parent = to_smmu_domain(parent);
	nested->view = view;
	nested->ste[0] = ste[0];
	nested->ste[1] = ste[1];
	nested->domain.type = UIOMMU_DOMAIN_NESTED;
	nested->domain.ops = &nested_ops;
	nested->domain.owns_pasids = true;
	*out = &nested->domain;
	return 0;
}
