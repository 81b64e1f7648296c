/* SPDX-License-Identifier: MIT */
/*
 * vtd.c - the VT-d model: configurations, life, and the way of a request through the unit
 */
#include <string.h>

#include "models/vtd_internal.h"

/* ---- presets ----------------------------------------------------------------------------------- */

#define COMMON                                                                         \
	.psi = true, .mamv = 18, .nd = 6, .nfr = 8, .zlr = true, .pass_through = true, \
	.snoop_control = true, .seed = 1
#define WIDTH_39 .sagaw = VTD_SAGAW_39, .mgaw = 39, .haw = 39
#define WIDTH_48 .sagaw = VTD_SAGAW_39 | VTD_SAGAW_48, .mgaw = 48, .haw = 46, .sllps = 3
#define WIDTH_57 \
	.sagaw = VTD_SAGAW_39 | VTD_SAGAW_48 | VTD_SAGAW_57, .mgaw = 57, .haw = 52, .sllps = 3
#define LEGACY COMMON, .qi = true
#define SCALABLE                                                                          \
	LEGACY, .scalable = true, .ssads = true, .pasid = true, .pss = 19, .fl1gp = true, \
		.srs = true, .ers = true, .esrtps = true
#define SNOOPS .coherent = true, .smpwcs = true
#define BOTH_STAGES .first_stage = true, .second_stage = true

static const struct {
	const char *name;
	struct model_vtd_config config;
} presets[] = {
	{ "legacy", { LEGACY, WIDTH_48, .coherent = true } },
	{ "legacy-39", { LEGACY, WIDTH_39, .coherent = true } },
	{ "legacy-57", { LEGACY, WIDTH_57, .coherent = true } },
	{ "legacy-cm", { LEGACY, WIDTH_48, .coherent = true, .caching_mode = true } },
	{ "legacy-incoherent", { LEGACY, WIDTH_48 } },
	{ "legacy-noqi", { COMMON, WIDTH_48, .coherent = true } },
	{ "legacy-rwbf", { LEGACY, WIDTH_48, .coherent = true, .rwbf = true } },
	{ "legacy-ats", { LEGACY, WIDTH_48, .coherent = true, .dt = true } },
	{ "scalable", { SCALABLE, WIDTH_48, SNOOPS, BOTH_STAGES, .nested = true } },
	{ "scalable-first", { SCALABLE, WIDTH_48, SNOOPS, .first_stage = true } },
	{ "scalable-second", { SCALABLE, WIDTH_48, SNOOPS, .second_stage = true } },
	{ "scalable-nested", { SCALABLE, WIDTH_48, SNOOPS, BOTH_STAGES, .nested = true } },
	{ "scalable-cm", { SCALABLE, WIDTH_48, SNOOPS, BOTH_STAGES, .caching_mode = true } },
	{ "scalable-incoherent", { SCALABLE, WIDTH_48, BOTH_STAGES } },
	{ "scalable-ats", { SCALABLE, WIDTH_48, SNOOPS, BOTH_STAGES, .nested = true, .dt = true } },
	{ "scalable-pri",
	  { SCALABLE, WIDTH_48, SNOOPS, BOTH_STAGES, .nested = true, .dt = true, .prs = true,
	    .pds = true, .sms = true } },
	{ "scalable-57",
	  { SCALABLE, WIDTH_57, SNOOPS, BOTH_STAGES, .nested = true, .fl5lp = true } },
};

#define NUM_PRESETS (sizeof(presets) / sizeof(presets[0]))

bool model_vtd_preset(const char *name, struct model_vtd_config *config)
{
	for (size_t i = 0; i < NUM_PRESETS; i++) {
		if (!strcmp(presets[i].name, name)) {
			*config = presets[i].config;
			return true;
		}
	}
	return false;
}

const char *const *model_vtd_presets(void)
{
	static const char *const names[] = {
		"legacy",	  "legacy-39",		 "legacy-57",
		"legacy-cm",	  "legacy-incoherent",	 "legacy-noqi",
		"legacy-rwbf",	  "legacy-ats",		 "scalable",
		"scalable-first", "scalable-second",	 "scalable-nested",
		"scalable-cm",	  "scalable-incoherent", "scalable-ats",
		"scalable-pri",	  "scalable-57",	 NULL,
	};

	return names;
}

/* ---- life -------------------------------------------------------------------------------------- */

static uint64_t capabilities(const struct model_vtd_config *c)
{
	return vtd_set(c->nd, VTD_CAP_ND) | (c->rwbf ? VTD_CAP_RWBF : 0) |
	       (c->plmr ? VTD_CAP_PLMR : 0) | (c->phmr ? VTD_CAP_PHMR : 0) |
	       (c->caching_mode ? VTD_CAP_CM : 0) | vtd_set(c->sagaw, VTD_CAP_SAGAW) |
	       vtd_set(c->mgaw - 1u, VTD_CAP_MGAW) | (c->zlr ? VTD_CAP_ZLR : 0) |
	       vtd_set(VTD_FRO / 16, VTD_CAP_FRO) | vtd_set(c->sllps, VTD_CAP_SSLPS) |
	       (c->psi ? VTD_CAP_PSI : 0) | vtd_set(c->nfr - 1u, VTD_CAP_NFR) |
	       vtd_set(c->mamv, VTD_CAP_MAMV) | VTD_CAP_DWD | VTD_CAP_DRD |
	       (c->fl1gp ? VTD_CAP_FS1GP : 0) | (c->fl5lp ? VTD_CAP_FS5LP : 0) |
	       (c->esrtps ? VTD_CAP_ESRTPS : 0);
}

static uint64_t extended_capabilities(const struct model_vtd_config *c)
{
	uint64_t ecap = vtd_set(VTD_IRO / 16, VTD_ECAP_IRO) | (c->coherent ? VTD_ECAP_C : 0) |
			(c->qi ? VTD_ECAP_QI : 0) | (c->dt ? VTD_ECAP_DT : 0) |
			(c->pass_through ? VTD_ECAP_PT : 0) | (c->snoop_control ? VTD_ECAP_SC : 0);

	if (!c->scalable)
		return ecap;
	return ecap | VTD_ECAP_SMTS | VTD_ECAP_RPS | (c->nested ? VTD_ECAP_NEST : 0) |
	       (c->prs ? VTD_ECAP_PRS : 0) | (c->ers ? VTD_ECAP_ERS : 0) |
	       (c->srs ? VTD_ECAP_SRS : 0) | (c->eafs ? VTD_ECAP_EAFS : 0) |
	       (c->pasid ? VTD_ECAP_PASID | vtd_set(c->pss, VTD_ECAP_PSS) : 0) |
	       (c->pds ? VTD_ECAP_PDS : 0) | (c->ssads ? VTD_ECAP_SSADS : 0) |
	       (c->second_stage ? VTD_ECAP_SSTS : 0) | (c->first_stage ? VTD_ECAP_FSTS : 0) |
	       (c->smpwcs ? VTD_ECAP_SMPWCS : 0) | (c->sms ? VTD_ECAP_SMS : 0) |
	       (c->dt ? VTD_ECAP_NWFS : 0);
}

static bool config_possible(const struct model_vtd_config *c)
{
	return c->nfr && c->nfr <= VTD_MAX_NFR && c->nd <= 6 && c->sagaw && !(c->sagaw & ~14u) &&
	       c->mgaw >= 39 && c->mgaw <= 57 && c->haw >= 32 && c->haw <= 52 &&
	       (!c->scalable || c->qi) && (c->scalable || !(c->first_stage || c->nested)) &&
	       (!c->nested || (c->first_stage && c->second_stage)) && (!c->dt || c->qi) &&
	       (!c->prs || (c->scalable && c->dt)) && (!(c->pds || c->sms) || c->prs);
}

uint64_t vtd_random(struct model_vtd *v)
{
	v->random ^= v->random << 13;
	v->random ^= v->random >> 7;
	v->random ^= v->random << 17;
	return v->random;
}

static void reset(struct model_vtd *v)
{
	memset(v->regs, 0, sizeof(v->regs));
	v->regs[VTD_REG_VER / 4] = 0x60;
	vtd_set_reg64(v, VTD_REG_CAP, v->cap);
	vtd_set_reg64(v, VTD_REG_ECAP, v->ecap);
	v->regs[VTD_REG_FECTL / 4] = VTD_ECTL_IM;
	v->regs[VTD_REG_IECTL / 4] = VTD_ECTL_IM;
	v->regs[VTD_REG_PECTL / 4] = VTD_ECTL_IM;
	v->root = 0;
	v->num_held = 0;
	v->num_responses = 0;
	v->fetched = 0;
	model_cache_clear(&v->grants);
	v->misused = 0;
	model_cache_clear(&v->groups);
	model_cache_clear(&v->askers);
	memset(v->answered, 0, sizeof(v->answered));
	v->gcmd_delay = 0;
	v->next_record = 0;
	v->random = v->config.seed * 2 + 1;
	vtd_invalidate_all(v);
}

static enum model_status translate(void *context, const struct model_request *request,
				   struct model_translation *out);

int model_vtd_create(const struct model_vtd_config *config, struct model_memory *memory,
		     model_report_fn report, model_msi_fn msi, void *context,
		     struct model_vtd **out)
{
	void *host = model_memory_host(memory);
	struct model_vtd *v;

	if (!config_possible(config))
		return -1;
	v = uiommu_port_alloc(host, sizeof(*v));
	if (!v)
		return -1;
	v->config = *config;
	v->mem = memory;
	v->host = host;
	v->report = report;
	v->msi = msi;
	v->context = context;
	v->cap = capabilities(config);
	model_cache_init(&v->contexts, host, sizeof(struct vtd_node));
	model_cache_init(&v->pasids, host, sizeof(struct vtd_node));
	model_cache_init(&v->iotlb, host, sizeof(struct vtd_node));
	model_cache_init(&v->tables, host, sizeof(struct vtd_node));
	model_cache_init(&v->grants, host, sizeof(struct vtd_grant));
	model_cache_init(&v->groups, host, sizeof(struct vtd_group));
	model_cache_init(&v->askers, host, sizeof(struct vtd_asker));
	v->ecap = extended_capabilities(config);
	v->iommu = (struct model_iommu){ .context = v,
					 .translate = translate,
					 .page_request = vtd_page_request };
	if ((!config->coherent || (config->scalable && !config->smpwcs)) &&
	    model_memory_enable_shadow(memory))
		goto free;
	if (uiommu_port_mutex_init(host, &v->lock))
		goto free;
	reset(v);
	*out = v;
	return 0;

free:
	uiommu_port_free(host, v, sizeof(*v));
	return -1;
}

void model_vtd_destroy(struct model_vtd *v)
{
	if (!v)
		return;
	model_cache_free(&v->contexts);
	model_cache_free(&v->pasids);
	model_cache_free(&v->iotlb);
	model_cache_free(&v->tables);
	model_cache_free(&v->grants);
	model_cache_free(&v->groups);
	model_cache_free(&v->askers);
	if (v->atcs) {
		for (unsigned int i = 0; i < 256; i++)
			if (v->atcs[i])
				uiommu_port_free(v->host, v->atcs[i], 256 * sizeof(**v->atcs));
		uiommu_port_free(v->host, v->atcs, 256 * sizeof(*v->atcs));
	}
	uiommu_port_mutex_destroy(v->host, &v->lock);
	uiommu_port_free(v->host, v, sizeof(*v));
}

void model_vtd_reset(struct model_vtd *v)
{
	uiommu_port_mutex_lock(v->host, &v->lock);
	reset(v);
	uiommu_port_mutex_unlock(v->host, &v->lock);
}

const struct model_iommu *model_vtd_iommu(struct model_vtd *v)
{
	return &v->iommu;
}

static struct vtd_atc *atc_slot(struct model_vtd *v, uint16_t sid)
{
	if (!v->atcs)
		v->atcs = uiommu_port_alloc(v->host, 256 * sizeof(*v->atcs));
	if (!v->atcs)
		return NULL;
	if (!v->atcs[sid >> 8])
		v->atcs[sid >> 8] = uiommu_port_alloc(v->host, 256 * sizeof(**v->atcs));
	return v->atcs[sid >> 8] ? &v->atcs[sid >> 8][sid & 0xff] : NULL;
}

int model_vtd_set_atc(struct model_vtd *v, uint16_t source_id, const struct model_atc *atc)
{
	struct vtd_atc *slot;

	uiommu_port_mutex_lock(v->host, &v->lock);
	slot = atc_slot(v, source_id);
	if (slot) {
		slot->set = atc;
		if (!atc) {
			vtd_prq_device_gone(v, source_id);
			vtd_ats_device_gone(v, source_id);
		}
		if (atc)
			slot->atc = *atc;
	}
	uiommu_port_mutex_unlock(v->host, &v->lock);
	return slot ? 0 : -1;
}

void model_vtd_expect_clean(struct model_vtd *v, bool clean)
{
	uiommu_port_mutex_lock(v->host, &v->lock);
	v->clean = clean;
	if (clean)
		vtd_ats_judge_all(v);
	uiommu_port_mutex_unlock(v->host, &v->lock);
}

uint64_t model_vtd_misused(struct model_vtd *v)
{
	uint64_t misused;

	uiommu_port_mutex_lock(v->host, &v->lock);
	misused = v->misused;
	uiommu_port_mutex_unlock(v->host, &v->lock);
	return misused;
}

/* ---- requests ---------------------------------------------------------------------------------- */

static bool in_interrupt_range(uint64_t address)
{
	return address >= VTD_INTERRUPT_FIRST && address <= VTD_INTERRUPT_LAST;
}

/* 11.4.8: while enabled, nothing that is not translated reaches these regions. */
static bool in_protected_memory(const struct model_vtd *v, uint64_t phys, uint64_t size)
{
	uint64_t last = phys + (size ? size - 1 : 0);

	if (!(vtd_reg32(v, VTD_REG_PMEN) & VTD_PMEN_PRS))
		return false;
	if (v->config.plmr && phys <= (vtd_reg32(v, VTD_REG_PLMLIMIT) | UINT64_C(0xfff)) &&
	    last >= (vtd_reg32(v, VTD_REG_PLMBASE) & ~UINT32_C(0xfff)))
		return true;
	return v->config.phmr && phys <= (vtd_reg64(v, VTD_REG_PHMLIMIT) | UINT64_C(0xfff)) &&
	       last >= (vtd_reg64(v, VTD_REG_PHMBASE) & VTD_ADDR_MASK);
}

/* Which cache is at fault: the outermost whose entry is not what memory holds. */
static const char *missing_invalidation(const struct vtd_walk *used, const struct vtd_walk *now)
{
	if (memcmp(used->ce, now->ce, sizeof(used->ce)))
		return "stale context entry: a context-cache invalidation of this source is missing";
	if (memcmp(used->pe, now->pe, sizeof(used->pe)))
		return "stale PASID entry: a PASID-cache invalidation of this PASID is missing";
	if (used->fault)
		return "cached denial or not-present entry: an IOTLB invalidation of this page is "
		       "missing";
	return "stale translation: an IOTLB invalidation of this page (for a freed table: with its "
	       "paging structures, IH = 0) is missing";
}

static void walk(struct model_vtd *v, struct vtd_walk *w)
{
	if (vtd_walk_context(v, w))
		vtd_walk_address(v, w);
}

/* 6.2: what was used against what memory says; only while software claims to be done. */
static void check_stale(struct model_vtd *v, const struct vtd_walk *w)
{
	struct vtd_walk now = { .request = w->request, .fresh = true };

	walk(v, &now);
	if (!w->fault == !now.fault &&
	    (w->fault || (w->phys == now.phys && !(w->access & ~now.access))))
		return;
	vtd_complain_request(v, MODEL_REPORT_STALE, "6.5.3", w->request,
			     w->fault ? UINT64_MAX : w->phys, now.fault ? UINT64_MAX : now.phys,
			     missing_invalidation(w, &now));
}

static enum model_status deliver(struct model_vtd *v, const struct model_request *request,
				 const struct vtd_walk *w, struct model_translation *out)
{
	uint64_t size = vtd_level_size(w->level);

	*out = (struct model_translation){
		.phys = w->phys,
		.size = size,
		.access = w->access,
		.snoop = w->snoop || !(request->access & MODEL_NO_SNOOP),
		.global = w->global,
	};
	if (request->type == MODEL_ATS_TRANSLATED)
		vtd_ats_used(v, request);
	if (request->type != MODEL_ATS_TRANSLATION)
		return MODEL_OK;
	/* Of a translation request the whole page is told, from its start (4.1). */
	out->phys = w->phys & ~(size - 1);
	/* A request that wants no write (NW) does not make the page dirty, and may not write (4.1.2). */
	if (!(request->access & MODEL_WRITE) && !w->dirty)
		out->access &= ~(unsigned int)MODEL_WRITE;
	/* 3.6.1: nor may it execute for the supervisor what is a user's. */
	if (!(request->access & MODEL_EXEC) ||
	    (w->by_pasid && (request->access & MODEL_PRIV) && w->user && (w->pe[2] & VTD_PE2_SMEP)))
		out->access &= ~(unsigned int)MODEL_EXEC;
	vtd_ats_granted(v, request, out);
	return MODEL_OK;
}

static enum model_status translate_locked(struct model_vtd *v, const struct model_request *request,
					  struct model_translation *out)
{
	struct vtd_walk w = { .request = request };

	if (request->type == MODEL_UNTRANSLATED && !request->has_pasid &&
	    in_interrupt_range(request->iova))
		return request->access & MODEL_READ ? MODEL_FAULT : MODEL_INTERRUPT;
	if (!(vtd_reg32(v, VTD_REG_GSTS) & VTD_GSTS_TES)) {
		if (request->type != MODEL_UNTRANSLATED || request->has_pasid ||
		    in_protected_memory(v, request->iova, request->size))
			return MODEL_FAULT;
		w.phys = request->iova;
		w.level = 1;
		w.access = MODEL_READ | MODEL_WRITE;
		w.dirty = true;
		return deliver(v, request, &w, out);
	}
	if (vtd_get(v->root, VTD_RTADDR_TTM) == VTD_TTM_ABORT)
		return MODEL_FAULT; /* all are aborted, nothing is recorded (11.4.5) */
	walk(v, &w);
	if (v->clean)
		check_stale(v, &w);
	if (w.fault && request->type == MODEL_ATS_TRANSLATION && w.paging_fault) {
		*out = (struct model_translation){ .size = 4096 };
		return MODEL_OK; /* "no access" is an answer, not a fault (4.1.3) */
	}
	if (w.fault) {
		vtd_record(v, &w);
		return MODEL_FAULT;
	}
	return deliver(v, request, &w, out);
}

static enum model_status translate(void *context, const struct model_request *request,
				   struct model_translation *out)
{
	struct model_vtd *v = context;
	enum model_status status;

	uiommu_port_mutex_lock(v->host, &v->lock);
	status = translate_locked(v, request, out);
	uiommu_port_mutex_unlock(v->host, &v->lock);
	return status;
}
