/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_invalidate.c - what each invalidation drops (4.3, 4.4), and when
 *
 * A command that was consumed is complete no earlier than the CMD_SYNC behind it (4.7.3); until then,
 * unless the unit is an eager one, everything stays cached.  An entry is dropped only if a command names it:
 *
 *   L1STD           CFGI_STE, CFGI_STE_RANGE with Leaf = 0, of any StreamID that it stands for
 *   STE, its CDs    CFGI_STE, CFGI_STE_RANGE
 *   L1CD            CFGI_CD with Leaf = 0, CFGI_CD_ALL, or with the STE
 *   CD              CFGI_CD, CFGI_CD_ALL, or with the STE
 *   TLB             regime, VMID, ASID unless it is global, address
 *   walk caches     the same, and Leaf = 0
 */
#include "models/smmuv3_internal.h"

static bool of_streams(const struct smmu_selection *d, uint32_t sid)
{
	return sid >= d->sid && sid <= d->last_sid;
}

static void drop_configuration(struct model_smmuv3 *s, const struct smmu_selection *d)
{
	bool of_stes = d->what == SMMU_DROP_STE;

	for (uint32_t i = 0; of_stes && i < s->stes.used; i++) {
		struct smmu_node *node = model_cache_at(&s->stes, i);

		if (node && of_streams(d, node->sid))
			model_cache_drop(&s->stes, node);
	}
	for (uint32_t i = 0; of_stes && !d->leaf && i < s->l1stds.used; i++) {
		struct smmu_node *node = model_cache_at(&s->l1stds, i);

		/* Its key is the StreamID without the bits of the second level. */
		if (node && node->node.key[0] >= d->sid >> node->shift &&
		    node->node.key[0] <= d->last_sid >> node->shift)
			model_cache_drop(&s->l1stds, node);
	}
	for (uint32_t i = 0; i < s->cds.used; i++) {
		struct smmu_node *node = model_cache_at(&s->cds, i);

		if (node && of_streams(d, node->sid) &&
		    (of_stes || d->all_cds || node->ssid == d->ssid))
			model_cache_drop(&s->cds, node);
	}
	for (uint32_t i = 0; (of_stes || d->all_cds || !d->leaf) && i < s->l1cds.used; i++) {
		struct smmu_node *node = model_cache_at(&s->l1cds, i);

		if (node && of_streams(d, node->sid) &&
		    (of_stes || d->all_cds || (node->ssid ^ d->ssid) >> node->shift == 0))
			model_cache_drop(&s->l1cds, node);
	}
}

static bool names(const struct smmu_selection *d, const struct smmu_node *node)
{
	uint64_t first = node->address & ~smmu_mask(node->span);

	if (!(d->regimes >> node->regime & 1))
		return false;
	if (d->by_vmid && ((node->vmid ^ d->vmid) & d->vmid_mask))
		return false;
	if (d->by_asid && node->asid != d->asid && !(node->global && !d->keep_global))
		return false;
	if (d->by_asid && d->keep_global && node->global)
		return false;
	if (!d->by_address)
		return true;
	if (d->tg && node->tg != d->tg)
		return false;
	return d->from <= first + smmu_mask(node->span) && d->last >= first;
}

static void drop_translations(struct model_smmuv3 *s, const struct smmu_selection *d)
{
	for (uint32_t i = 0; i < s->tlb.used; i++) {
		struct smmu_node *node = model_cache_at(&s->tlb, i);

		if (node && names(d, node) && (!d->ttl || node->level == d->ttl))
			model_cache_drop(&s->tlb, node);
	}
	if (d->leaf)
		return;
	for (uint32_t i = 0; i < s->walks.used; i++) {
		struct smmu_node *node = model_cache_at(&s->walks, i);

		if (node && names(d, node))
			model_cache_drop(&s->walks, node);
	}
}

static void drop(struct model_smmuv3 *s, const struct smmu_selection *d)
{
	if (d->what == SMMU_DROP_TLB)
		drop_translations(s, d);
	else
		drop_configuration(s, d);
}

void smmu_invalidate(struct model_smmuv3 *s, const struct smmu_selection *d)
{
	if (d->what != SMMU_DROP_TLB)
		smmu_watch_named(s, d);
	if (s->config.eager)
		drop(s, d);
	/* Hardware may finish any of them early. */
	if (s->num_pending == SMMU_PENDING) {
		drop(s, &s->pending[0]);
		for (uint32_t i = 1; i < s->num_pending; i++)
			s->pending[i - 1] = s->pending[i];
		s->num_pending--;
	}
	s->pending[s->num_pending++] = *d;
}

void smmu_complete(struct model_smmuv3 *s)
{
	if (s->num_pending)
		smmu_stalls_invalidated(s);
	for (uint32_t i = 0; i < s->num_pending; i++)
		drop(s, &s->pending[i]);
	s->num_pending = 0;
	s->config_clean |= s->config_all;
	s->tlb_clean |= s->tlb_all;
	smmu_watch_sync(s);
}

void smmu_forget_all(struct model_smmuv3 *s)
{
	model_cache_clear(&s->l1stds);
	model_cache_clear(&s->stes);
	model_cache_clear(&s->l1cds);
	model_cache_clear(&s->cds);
	model_cache_clear(&s->tlb);
	model_cache_clear(&s->walks);
	s->tlb_shifts = 0;
}

void smmu_evict(struct model_smmuv3 *s)
{
	struct smmu_node *node;

	if (!s->config.evict_one_in || ++s->fills % s->config.evict_one_in || !s->tlb.used)
		return;
	node = model_cache_at(&s->tlb, (uint32_t)(smmu_random(s) % s->tlb.used));
	if (node)
		model_cache_drop(&s->tlb, node);
}
