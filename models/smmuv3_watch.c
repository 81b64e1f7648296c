/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_watch.c - STEs and CDs that change: whatever hardware may see on the way is judged (3.21.3)
 *
 * Hardware fetches the 64-bit words of a structure in any order and at any time.  What it may still have of
 * an old content ends with a CMD_CFGI_x of the structure and the CMD_SYNC behind it.  So between two such
 * points every mixture of old and new words can be seen, and each has to mean the same as the old
 * content or the same as the new one: then a change is legal, either because all but one of the changed
 * words do not count in one of the two, or because one of the two is not valid.
 *
 * "Means the same" is compared in normal form, where fields that do not count are 0, and everything that
 * aborts is 0 altogether.
 */
#include <string.h>

#include "models/smmuv3_internal.h"

typedef void (*normal_fn)(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *from,
			  uint64_t *out);

static void normal_ste(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *from,
		       uint64_t *out)
{
	(void)ste;
	smmu_ste_normal(s, from, out);
}

static void normal_cd(const struct model_smmuv3 *s, const uint64_t *ste, const uint64_t *from,
		      uint64_t *out)
{
	smmu_cd_normal(s, ste, from, out);
}

static bool is_one_of(const uint64_t *mixture, const uint64_t *a, const uint64_t *b)
{
	return !memcmp(mixture, a, 64) || !memcmp(mixture, b, 64);
}

/* False: some mixture of the two means something else than either. */
static bool change_legal(const struct model_smmuv3 *s, const uint64_t *ste, normal_fn normal,
			 const uint64_t *from, const uint64_t *to, uint64_t *bad)
{
	uint64_t mixture[8], a[8], b[8], m[8];
	unsigned int changed[8], count = 0;

	for (unsigned int i = 0; i < 8; i++)
		if (from[i] != to[i])
			changed[count++] = i;
	if (count < 2)
		return true;
	normal(s, ste, from, a);
	normal(s, ste, to, b);
	for (unsigned int subset = 1; subset + 1 < 1u << count; subset++) {
		memcpy(mixture, from, sizeof(mixture));
		for (unsigned int i = 0; i < count; i++)
			if (subset >> i & 1)
				mixture[changed[i]] = to[changed[i]];
		normal(s, ste, mixture, m);
		if (is_one_of(m, a, b))
			continue;
		*bad = changed[0];
		return false;
	}
	return true;
}

/* ---- STEs -------------------------------------------------------------------------------------- */

static void look_at_ste(struct model_smmuv3 *s, uint32_t sid, uint64_t *at, uint64_t *ste)
{
	if (smmu_locate_ste(s, sid, at) && smmu_read_words(s, *at, ste, 8))
		return;
	*at = 0;
	memset(ste, 0, 64);
}

void smmu_watch_stream(struct model_smmuv3 *s, uint32_t sid)
{
	struct smmu_node *node;
	uint64_t at, ste[8];

	if (model_cache_find(&s->watch_stes, sid, 0))
		return;
	look_at_ste(s, sid, &at, ste);
	node = model_cache_put(&s->watch_stes, sid, 0);
	if (!node)
		return;
	node->sid = sid;
	node->at = at;
	memcpy(node->q, ste, sizeof(node->q));
	smmu_prefetch(s, sid);
}

static void judge_ste(struct model_smmuv3 *s, struct smmu_node *node)
{
	uint64_t at, now[8], bad = 0;

	look_at_ste(s, node->sid, &at, now);
	/* Another place: what was there before has no words in common with this. */
	if (at == node->at && !change_legal(s, now, normal_ste, node->q, now, &bad))
		smmu_complain_stream(s, MODEL_REPORT_TORN, "3.21.3",
				     "an STE in use was changed so that hardware may see a mixture "
				     "of old and new words; the first changed word",
				     node->sid, bad);
	node->at = at;
	memcpy(node->q, now, sizeof(node->q));
	node->named = 0;
}

/* ---- CDs --------------------------------------------------------------------------------------- */

void smmu_watch_cd(struct model_smmuv3 *s, uint32_t sid, uint32_t ssid, const uint64_t *ste)
{
	uint64_t key = (uint64_t)sid << 32 | ssid, at, cd[8];
	struct smmu_node *node;

	if (model_cache_find(&s->watch_cds, key, 0) || !smmu_locate_cd(s, ste, ssid, &at) ||
	    !smmu_read_words(s, at, cd, 8))
		return;
	node = model_cache_put(&s->watch_cds, key, 0);
	if (!node)
		return;
	node->sid = sid;
	node->ssid = ssid;
	node->at = at;
	memcpy(node->q, cd, sizeof(node->q));
}

/* False: there is no such CD any more. */
static bool judge_cd(struct model_smmuv3 *s, struct smmu_node *node)
{
	uint64_t ste_at, ste[8], at, now[8], bad = 0;

	look_at_ste(s, node->sid, &ste_at, ste);
	if (!smmu_locate_cd(s, ste, node->ssid, &at) || !smmu_read_words(s, at, now, 8))
		return false;
	if (at == node->at && !change_legal(s, ste, normal_cd, node->q, now, &bad))
		smmu_complain_stream(s, MODEL_REPORT_TORN, "3.21.3",
				     "a CD in use was changed so that hardware may see a mixture "
				     "of old and new words; its SubstreamID",
				     node->sid, node->ssid);
	node->at = at;
	memcpy(node->q, now, sizeof(node->q));
	node->named = 0;
	return true;
}

/* ---- when -------------------------------------------------------------------------------------- */

void smmu_watch_named(struct model_smmuv3 *s, const struct smmu_selection *d)
{
	bool stes = d->what == SMMU_DROP_STE;

	if (stes && d->sid == d->last_sid)
		smmu_watch_stream(s, d->sid);
	for (uint32_t i = 0; stes && i < s->watch_stes.used; i++) {
		struct smmu_node *node = model_cache_at(&s->watch_stes, i);

		if (node && node->sid >= d->sid && node->sid <= d->last_sid)
			node->named = 1;
	}
	for (uint32_t i = 0; i < s->watch_cds.used; i++) {
		struct smmu_node *node = model_cache_at(&s->watch_cds, i);

		if (node && node->sid >= d->sid && node->sid <= d->last_sid &&
		    (stes || d->all_cds || node->ssid == d->ssid))
			node->named = 1;
	}
}

void smmu_watch_sync(struct model_smmuv3 *s)
{
	bool again = false;

	for (uint32_t i = 0; i < s->watch_cds.used; i++) {
		struct smmu_node *node = model_cache_at(&s->watch_cds, i);

		if (!node || !node->named)
			continue;
		again = true;
		if (!judge_cd(s, node))
			model_cache_drop(&s->watch_cds, node);
	}
	for (uint32_t i = 0; i < s->watch_stes.used; i++) {
		struct smmu_node *node = model_cache_at(&s->watch_stes, i);

		if (!node || !node->named)
			continue;
		again = true;
		judge_ste(s, node);
	}
	/* Hardware may fetch all of it again at once. */
	for (uint32_t i = 0; again && i < s->watch_stes.used; i++) {
		const struct smmu_node *node = model_cache_at(&s->watch_stes, i);

		if (node)
			smmu_prefetch(s, node->sid);
	}
}

void smmu_watch_enabled(struct model_smmuv3 *s)
{
	model_cache_clear(&s->watch_cds);
	smmu_prefetch_first_level(s);
	for (uint32_t i = 0; i < s->watch_stes.used; i++) {
		struct smmu_node *node = model_cache_at(&s->watch_stes, i);

		if (!node)
			continue;
		look_at_ste(s, node->sid, &node->at, node->q);
		smmu_prefetch(s, node->sid);
	}
}
