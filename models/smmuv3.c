/* SPDX-License-Identifier: MIT */
/*
 * smmuv3.c - the SMMUv3 model: configurations, life, and the way of a request through the unit (3.3, 15)
 */
#include <string.h>

#include "models/smmuv3_internal.h"

/* ---- presets ----------------------------------------------------------------------------------- */

#define COMMON                                                                                  \
	.ttf = SMMUV3_TTF_AARCH64, .msi = true, .attr_types_ovr = true, .attr_perms_ovr = true, \
	.seed = 1
#define TERMINATES .stall_model = SMMUV3_STALL_MODEL_TERMINATE, .term_model = true
#define QUEUES .cmdqs = 8, .eventqs = 7, .priqs = 7
#define LARGE                                                                            \
	COMMON, QUEUES, .asid16 = true, .vmid16 = true, .sidsize = 16, .st_level = true, \
			.cd2l = true, .had = true, .minor = 2
#define MODERN LARGE, .ril = true, .bbml = 2, .xnx = true, .fwb = true, .stt = true, .sev = true
#define SIZES_48 .oas = 48, .vax = 48
#define ONLY_4K .gran4k = true, SIZES_48
#define GRANULES .gran4k = true, .gran16k = true, .gran64k = true, SIZES_48
#define STAGE_1 .s1p = true, .ssidsize = 20
#define BOTH_STAGES STAGE_1, .s2p = true
#define SNOOPS .cohacc = true

static const struct {
	const char *name;
	struct model_smmuv3_config config;
} presets[] = {
	{ "nested", { MODERN, TERMINATES, GRANULES, SNOOPS, BOTH_STAGES } },
	{ "s1", { MODERN, TERMINATES, GRANULES, SNOOPS, STAGE_1 } },
	{ "s2", { MODERN, TERMINATES, GRANULES, SNOOPS, .s2p = true } },
	{ "s1-linear",
	  { COMMON, TERMINATES, QUEUES, ONLY_4K, SNOOPS, .sidsize = 12, .asid16 = true, .ril = true,
	    .s1p = true, .ssidsize = 17 } },
	{ "nested-ats", { MODERN, TERMINATES, GRANULES, SNOOPS, BOTH_STAGES, .ats = true } },
	{ "nested-pri",
	  { MODERN, TERMINATES, GRANULES, SNOOPS, BOTH_STAGES, .ats = true, .pri = true } },
	{ "s1-noril", { LARGE, TERMINATES, GRANULES, SNOOPS, STAGE_1 } },
	{ "s1-httu", { MODERN, TERMINATES, GRANULES, SNOOPS, STAGE_1, .httu = SMMUV3_HTTU_DIRTY } },
	{ "s1-incoherent", { LARGE, TERMINATES, GRANULES, STAGE_1 } },
	{ "s1-16k", { MODERN, TERMINATES, SIZES_48, SNOOPS, STAGE_1, .gran16k = true } },
	{ "s1-64k", { MODERN, TERMINATES, SIZES_48, SNOOPS, STAGE_1, .gran64k = true } },
	{ "s1-52", { MODERN, TERMINATES, SNOOPS, STAGE_1, .gran64k = true, .oas = 52, .vax = 52 } },
	{ "s1-small",
	  { COMMON, TERMINATES, ONLY_4K, SNOOPS, .sidsize = 12, .s1p = true, .cmdqs = 4,
	    .eventqs = 3 } },
	{ "nested-stall", { MODERN, GRANULES, SNOOPS, BOTH_STAGES, .stall_max = 16 } },
	{ "s1-lazy", { MODERN, TERMINATES, GRANULES, SNOOPS, STAGE_1, .lazy = true } },
};

#define NUM_PRESETS (sizeof(presets) / sizeof(presets[0]))

bool model_smmuv3_preset(const char *name, struct model_smmuv3_config *config)
{
	for (size_t i = 0; i < NUM_PRESETS; i++) {
		if (!strcmp(presets[i].name, name)) {
			*config = presets[i].config;
			return true;
		}
	}
	return false;
}

const char *const *model_smmuv3_presets(void)
{
	static const char *const names[] = {
		"nested",	 "s1",		 "s2",	     "s1-linear",
		"nested-ats",	 "nested-pri",	 "s1-noril", "s1-httu",
		"s1-incoherent", "s1-16k",	 "s1-64k",   "s1-52",
		"s1-small",	 "nested-stall", "s1-lazy",  NULL,
	};

	return names;
}

/* ---- life -------------------------------------------------------------------------------------- */

static uint32_t oas_field(uint8_t bits)
{
	for (uint32_t i = SMMUV3_SIZE_32; i <= SMMUV3_SIZE_52; i++)
		if (smmuv3_size_bits(i) == bits)
			return i;
	return UINT32_MAX;
}

static bool config_possible(const struct model_smmuv3_config *c)
{
	return (c->s1p || c->s2p) && (c->ttf & SMMUV3_TTF_AARCH64) && c->ttf <= SMMUV3_TTF_BOTH &&
	       c->httu <= SMMUV3_HTTU_DIRTY && (!c->httu || c->cohacc) && (!c->hyp || c->s1p) &&
	       (!c->pri || c->ats) && c->stall_model <= SMMUV3_STALL_MODEL_FORCED &&
	       (c->stall_model == SMMUV3_STALL_MODEL_TERMINATE ||
		(c->stall_max && c->stall_max <= SMMU_STALLS)) &&
	       c->sidsize <= 32 && c->ssidsize <= 20 && (!c->ssidsize || c->s1p) &&
	       (!c->st_level || c->sidsize > SMMUV3_SPLIT_4K) && c->cmdqs <= SMMUV3_Q_LOG2_MAX &&
	       c->eventqs <= SMMUV3_Q_LOG2_MAX && c->priqs <= SMMUV3_Q_LOG2_MAX && c->bbml <= 2 &&
	       (c->gran4k || c->gran16k || c->gran64k) && oas_field(c->oas) != UINT32_MAX &&
	       (c->vax == 48 || (c->vax == 52 && c->gran64k)) && (c->oas < 52 || c->gran64k);
}

static uint32_t flag(bool set, uint32_t bit)
{
	return set ? bit : 0;
}

static uint32_t put(uint32_t value, uint32_t mask)
{
	return (uint32_t)smmuv3_set(value, mask);
}

static void identify(struct model_smmuv3 *s)
{
	const struct model_smmuv3_config *c = &s->config;

	s->idr[0] = flag(c->s2p, SMMUV3_IDR0_S2P) | flag(c->s1p, SMMUV3_IDR0_S1P) |
		    put(c->ttf, SMMUV3_IDR0_TTF) | flag(c->cohacc, SMMUV3_IDR0_COHACC) |
		    put(c->httu, SMMUV3_IDR0_HTTU) | flag(c->hyp, SMMUV3_IDR0_HYP) |
		    flag(c->ats, SMMUV3_IDR0_ATS) | flag(c->ns1ats, SMMUV3_IDR0_NS1ATS) |
		    flag(c->asid16, SMMUV3_IDR0_ASID16) | flag(c->msi, SMMUV3_IDR0_MSI) |
		    flag(c->sev, SMMUV3_IDR0_SEV) | flag(c->pri, SMMUV3_IDR0_PRI) |
		    flag(c->vmid16 && c->s2p, SMMUV3_IDR0_VMID16) |
		    flag(c->cd2l && c->ssidsize, SMMUV3_IDR0_CD2L) |
		    put(SMMUV3_TTENDIAN_LITTLE, SMMUV3_IDR0_TTENDIAN) |
		    put(c->stall_model, SMMUV3_IDR0_STALL_MODEL) |
		    flag(c->term_model, SMMUV3_IDR0_TERM_MODEL) |
		    put(c->st_level, SMMUV3_IDR0_ST_LEVEL);
	s->idr[1] = put(c->sidsize, SMMUV3_IDR1_SIDSIZE) | put(c->ssidsize, SMMUV3_IDR1_SSIDSIZE) |
		    put(c->pri ? c->priqs : 0, SMMUV3_IDR1_PRIQS) |
		    put(c->eventqs, SMMUV3_IDR1_EVENTQS) | put(c->cmdqs, SMMUV3_IDR1_CMDQS) |
		    flag(c->attr_perms_ovr, SMMUV3_IDR1_ATTR_PERMS_OVR) |
		    flag(c->attr_types_ovr, SMMUV3_IDR1_ATTR_TYPES_OVR);
	s->idr[3] = flag(c->had, SMMUV3_IDR3_HAD) | flag(c->pps && c->pri, SMMUV3_IDR3_PPS) |
		    flag(c->xnx && c->s2p, SMMUV3_IDR3_XNX) |
		    flag(c->fwb && c->s2p, SMMUV3_IDR3_FWB) | flag(c->stt, SMMUV3_IDR3_STT) |
		    flag(c->ril, SMMUV3_IDR3_RIL) | put(c->bbml, SMMUV3_IDR3_BBML);
	s->idr[5] = put(oas_field(c->oas), SMMUV3_IDR5_OAS) | flag(c->gran4k, SMMUV3_IDR5_GRAN4K) |
		    flag(c->gran16k, SMMUV3_IDR5_GRAN16K) | flag(c->gran64k, SMMUV3_IDR5_GRAN64K) |
		    put(c->vax == 52, SMMUV3_IDR5_VAX) |
		    put(c->stall_model == SMMUV3_STALL_MODEL_TERMINATE ? 0 : c->stall_max,
			SMMUV3_IDR5_STALL_MAX);
}

uint64_t smmu_random(struct model_smmuv3 *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* 6.3: what the specification calls UNKNOWN after reset is not 0. */
static void reset(struct model_smmuv3 *s)
{
	s->random = s->config.seed * 2 + 1;
	s->cr0 = 0;
	s->cr0ack = 0;
	s->cr1 = (uint32_t)smmu_random(s) & 0xfff;
	s->cr2 = (uint32_t)smmu_random(s) & (SMMUV3_CR2_RECINVSID | SMMUV3_CR2_PTM);
	s->gbpa = s->config.gbpa_abort ? SMMUV3_GBPA_ABORT : 0;
	s->gbpa |= put(SMMUV3_SHCFG_INCOMING, SMMUV3_GBPA_SHCFG);
	s->gbpa_active = s->gbpa;
	s->irq_ctrl = 0;
	s->irq_ctrlack = 0;
	s->gerror = 0;
	s->gerrorn = 0;
	s->strtab_base = smmu_random(s) & SMMUV3_STRTAB_BASE_ADDR;
	s->strtab_cfg = (uint32_t)smmu_random(s) & 0x307ff;
	s->cmdq_base = smmu_random(s) & SMMUV3_Q_BASE_ADDR;
	s->eventq_base = smmu_random(s) & SMMUV3_Q_BASE_ADDR;
	s->priq_base = smmu_random(s) & SMMUV3_Q_BASE_ADDR;
	s->cmdq_prod = (uint32_t)smmu_random(s) & SMMUV3_Q_INDEX;
	s->cmdq_cons = (uint32_t)smmu_random(s) & SMMUV3_Q_INDEX;
	s->eventq_prod = (uint32_t)smmu_random(s) & SMMUV3_Q_INDEX;
	s->eventq_cons = (uint32_t)smmu_random(s) & SMMUV3_Q_INDEX;
	s->priq_prod = s->config.pri ? (uint32_t)smmu_random(s) & SMMUV3_Q_INDEX : 0;
	s->priq_cons = s->config.pri ? (uint32_t)smmu_random(s) & SMMUV3_Q_INDEX : 0;
	memset(&s->gerror_irq, 0, sizeof(s->gerror_irq));
	memset(&s->eventq_irq, 0, sizeof(s->eventq_irq));
	memset(&s->priq_irq, 0, sizeof(s->priq_irq));
	s->cr0_delay = 0;
	s->irq_delay = 0;
	s->gbpa_delay = 0;
	s->config_clean = false;
	s->tlb_clean = false;
	s->num_pending = 0;
	s->atc_pending = false;
	s->config_all = false;
	s->tlb_all = false;
	s->atc_failed = false;
	smmu_stalls_end_all(s);
	s->next_tag = (uint16_t)smmu_random(s);
	s->num_groups = 0;
	s->num_grants = 0;
	smmu_forget_all(s);
	model_cache_clear(&s->watch_stes);
	model_cache_clear(&s->watch_cds);
}

static struct model_cache *cache_of(struct model_smmuv3 *s, unsigned int i)
{
	struct model_cache *caches[] = { &s->l1stds, &s->stes,	&s->l1cds,	&s->cds,
					 &s->tlb,    &s->walks, &s->watch_stes, &s->watch_cds };

	return i < sizeof(caches) / sizeof(caches[0]) ? caches[i] : NULL;
}

static void init_caches(struct model_smmuv3 *s)
{
	for (unsigned int i = 0; cache_of(s, i); i++)
		model_cache_init(cache_of(s, i), s->host, sizeof(struct smmu_node));
}

static void free_caches(struct model_smmuv3 *s)
{
	for (unsigned int i = 0; cache_of(s, i); i++)
		model_cache_free(cache_of(s, i));
}

int model_smmuv3_create(const struct model_smmuv3_config *config, struct model_memory *memory,
			model_report_fn report, model_msi_fn msi, void *context,
			struct model_smmuv3 **out)
{
	void *host = model_memory_host(memory);
	struct model_smmuv3 *s;

	if (!config_possible(config))
		return -1;
	s = uiommu_port_alloc(host, sizeof(*s));
	if (!s)
		return -1;
	s->config = *config;
	s->mem = memory;
	s->host = host;
	s->report = report;
	s->msi = msi;
	s->context = context;
	init_caches(s);
	identify(s);
	if (!config->cohacc && model_memory_enable_shadow(memory))
		goto free;
	if (uiommu_port_mutex_init(host, &s->lock))
		goto free;
	reset(s);
	*out = s;
	return 0;

free:
	uiommu_port_free(host, s, sizeof(*s));
	return -1;
}

void model_smmuv3_destroy(struct model_smmuv3 *s)
{
	if (!s)
		return;
	free_caches(s);
	if (s->max_grants)
		uiommu_port_free(s->host, s->grants, s->max_grants * sizeof(*s->grants));
	uiommu_port_mutex_destroy(s->host, &s->lock);
	uiommu_port_free(s->host, s, sizeof(*s));
}

void model_smmuv3_reset(struct model_smmuv3 *s)
{
	uiommu_port_mutex_lock(s->host, &s->lock);
	reset(s);
	uiommu_port_mutex_unlock(s->host, &s->lock);
}

void model_smmuv3_set_irq(struct model_smmuv3 *s, model_smmuv3_irq_fn irq, void *context)
{
	uiommu_port_mutex_lock(s->host, &s->lock);
	s->irq = irq;
	s->irq_context = context;
	uiommu_port_mutex_unlock(s->host, &s->lock);
}

int model_smmuv3_set_atc(struct model_smmuv3 *s, uint32_t sid, const struct model_atc *atc)
{
	struct smmu_atc *slot;

	uiommu_port_mutex_lock(s->host, &s->lock);
	slot = smmu_atc_slot(s, sid, true);
	if (slot) {
		slot->set = atc;
		if (atc)
			slot->atc = *atc;
		else
			smmu_atc_forget(s, sid);
		if (!atc)
			smmu_pri_abandon(s, sid);
	}
	uiommu_port_mutex_unlock(s->host, &s->lock);
	return slot ? 0 : -1;
}

void model_smmuv3_watch(struct model_smmuv3 *s, uint32_t sid)
{
	uiommu_port_mutex_lock(s->host, &s->lock);
	smmu_watch_stream(s, sid);
	uiommu_port_mutex_unlock(s->host, &s->lock);
}

void model_smmuv3_expect_clean(struct model_smmuv3 *s, bool clean)
{
	uiommu_port_mutex_lock(s->host, &s->lock);
	s->clean = clean;
	if (clean) {
		if (s->num_pending)
			smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.7.3",
				      "invalidation commands that no CMD_SYNC followed",
				      s->num_pending);
		if (s->atc_pending)
			smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.5.1",
				      "a CMD_ATC_INV that no CMD_SYNC completed", 0);
		smmu_check_grants(s);
	}
	uiommu_port_mutex_unlock(s->host, &s->lock);
}

/* ---- requests ---------------------------------------------------------------------------------- */

static bool unfinished(const struct model_smmuv3 *s)
{
	return s->num_pending;
}

/* Which cache is at fault: the outermost whose entry is not what memory holds. */
static const char *missing_invalidation(const struct model_smmuv3 *s, const struct smmu_walk *used,
					const struct smmu_walk *now)
{
	if (unfinished(s))
		return "stale: the invalidation was queued, but no CMD_SYNC followed it";
	if (memcmp(used->ste, now->ste, sizeof(used->ste)))
		return "stale STE: a CMD_CFGI_STE of this StreamID is missing";
	if (memcmp(used->cd, now->cd, sizeof(used->cd)))
		return "stale CD: a CMD_CFGI_CD of this SubstreamID is missing";
	return "stale translation: a TLBI of this address, ASID and VMID is missing (for a freed "
	       "table: with Leaf = 0)";
}

static unsigned int granted(const struct smmu_walk *w)
{
	unsigned int p = w->permissions;

	return (p & (w->privileged ? SMMU_PR : SMMU_UR) ? MODEL_READ : 0) |
	       (p & (w->privileged ? SMMU_PW : SMMU_UW) ? MODEL_WRITE : 0) |
	       (p & (w->privileged ? SMMU_PX : SMMU_UX) ? MODEL_EXEC : 0);
}

/* Two live translations of one address must not differ but by what D8.14 allows without a break. */
static void check_break(struct model_smmuv3 *s, const struct smmu_walk *used,
			const struct smmu_walk *now)
{
	bool size = used->declared != now->declared, moved = used->phys != now->phys;

	if (unfinished(s) || smmu_failed(used) || smmu_failed(now) || !(used->s1 || used->s2) ||
	    memcmp(used->ste, now->ste, sizeof(used->ste)) ||
	    memcmp(used->cd, now->cd, sizeof(used->cd)))
		return;
	if (moved && ((granted(used) | granted(now)) & MODEL_WRITE))
		smmu_complain_request(s, MODEL_REPORT_ILLEGAL, "DDI 0487 D8.14.1", used->request,
				      used->phys, now->phys,
				      "break before make: a valid descriptor got another address "
				      "while the old one could be cached");
	else if (size && !moved && !s->config.bbml)
		smmu_complain_request(s, MODEL_REPORT_ILLEGAL, "3.21.1", used->request, used->phys,
				      now->phys,
				      "break before make: the size of a mapping changed while the "
				      "old one could be cached, and IDR3.BBML is 0");
}

/* What was used against what memory says. */
static void compare(struct model_smmuv3 *s, const struct smmu_walk *w)
{
	struct smmu_walk now = { .request = w->request, .sid = w->sid, .fresh = true };

	smmu_walk(s, &now);
	check_break(s, w, &now);
	if (!s->clean)
		return;
	if (smmu_failed(w) == smmu_failed(&now) &&
	    (smmu_failed(w) || (w->phys == now.phys && !(granted(w) & ~granted(&now)))))
		return;
	smmu_complain_request(s, MODEL_REPORT_STALE, "3.21", w->request,
			      smmu_failed(w) ? UINT64_MAX : w->phys,
			      smmu_failed(&now) ? UINT64_MAX : now.phys,
			      missing_invalidation(s, w, &now));
}

static bool is_message(const struct model_smmuv3 *s, const struct model_request *request,
		       uint64_t phys)
{
	return (request->access & MODEL_WRITE) && s->config.doorbell_size &&
	       phys - s->config.doorbell < s->config.doorbell_size;
}

/* 6.3.14, 3.11: what happens without translation. */
static enum model_status pass(struct model_smmuv3 *s, const struct model_request *request,
			      struct model_translation *out)
{
	if ((s->gbpa_active & SMMUV3_GBPA_ABORT) || request->type != MODEL_UNTRANSLATED ||
	    (request->iova & ~smmu_mask(s->config.oas)))
		return MODEL_FAULT;
	*out = (struct model_translation){
		.phys = request->iova,
		.size = 4096,
		.access = MODEL_READ | MODEL_WRITE,
		.snoop = !(request->access & MODEL_NO_SNOOP),
	};
	return is_message(s, request, out->phys) ? MODEL_INTERRUPT : MODEL_OK;
}

/* 3.9: is this kind of ATS traffic allowed at all?  After the STE; false: w->fault. */
static bool ats_allowed(struct model_smmuv3 *s, struct smmu_walk *w)
{
	unsigned int eats = (unsigned int)smmuv3_get(w->ste[1], SMMUV3_STE1_EATS);
	unsigned int config = (unsigned int)smmuv3_get(w->ste[0], SMMUV3_STE0_CONFIG);
	bool allowed = s->config.ats && config != SMMUV3_CONFIG_BYPASS &&
		       (eats == SMMUV3_EATS_FULL ||
			(eats == SMMUV3_EATS_SPLIT && smmu_enabled(s, SMMUV3_CR0_ATSCHK)));

	w->split = allowed && eats == SMMUV3_EATS_SPLIT;
	if (allowed)
		return true;
	return smmu_fail(w, w->request->type == MODEL_ATS_TRANSLATION ? SMMUV3_F_BAD_ATS_TREQ :
									SMMUV3_F_TRANSL_FORBIDDEN);
}

bool smmu_translated_pass(struct model_smmuv3 *s, uint32_t sid)
{
	static const struct model_request translated = { .type = MODEL_ATS_TRANSLATED };
	struct smmu_walk now = { .request = &translated, .sid = sid, .fresh = true };
	struct smmu_walk cached = { .request = &translated, .sid = sid, .quiet = true };

	if (!smmu_enabled(s, SMMUV3_CR0_SMMUEN))
		return false;
	return !smmu_enabled(s, SMMUV3_CR0_ATSCHK) ||
	       (smmu_find_ste(s, &now) && ats_allowed(s, &now)) ||
	       (smmu_find_ste(s, &cached) && ats_allowed(s, &cached));
}

void smmu_run(struct model_smmuv3 *s, struct smmu_walk *w)
{
	bool translated = w->request->type == MODEL_ATS_TRANSLATED;

	if (!smmu_find_ste(s, w))
		return;
	if (w->request->type != MODEL_UNTRANSLATED && !ats_allowed(s, w))
		return;
	if (!smmu_find_cd(s, w))
		return;
	if (translated && !w->split)
		w->s2 = false;
	if (w->request->type == MODEL_ATS_TRANSLATION && w->split)
		w->s2 = true; /* walks of stage 1 still go through stage 2; the result does not */
	smmu_translate(s, w);
}

static enum model_status deliver(struct model_smmuv3 *s, const struct smmu_walk *w,
				 struct model_translation *out)
{
	const struct model_request *request = w->request;
	unsigned int shift = w->shift;

	*out = (struct model_translation){
		.phys = w->phys,
		.size = UINT64_C(1) << (shift > 30 ? 30 : shift),
		.access = granted(w),
		.snoop = w->snoop,
		.global = w->global,
	};
	if (request->type == MODEL_ATS_TRANSLATION) {
		if (!w->writable_now && !(request->access & MODEL_WRITE))
			out->access &= ~(unsigned int)MODEL_WRITE;
		out->phys = w->phys & ~(out->size - 1);
		if (!(out->access & (MODEL_READ | MODEL_WRITE)))
			*out = (struct model_translation){ .size = 4096 };
		else
			smmu_granted(s, w, out);
		return MODEL_OK;
	}
	return is_message(s, request, w->phys) ? MODEL_INTERRUPT : MODEL_OK;
}

static bool of_tables(uint8_t type)
{
	return type >= SMMUV3_F_TRANSLATION && type <= SMMUV3_F_PERMISSION;
}

static enum model_status translate_locked(struct model_smmuv3 *s, uint32_t sid,
					  const struct model_request *request,
					  struct model_translation *out)
{
	struct smmu_walk w = { .request = request, .sid = sid };
	enum smmu_stalling stalling;

	if (!smmu_enabled(s, SMMUV3_CR0_SMMUEN))
		return pass(s, request, out);
	if (request->type == MODEL_ATS_TRANSLATED) {
		/* 6.3.9: unchecked, they go past all tables. */
		if (!smmu_enabled(s, SMMUV3_CR0_ATSCHK)) {
			smmu_check_translated(s, sid, request);
			w.phys = request->iova;
			w.shift = 12;
			w.permissions = SMMU_ALL_PERMISSIONS;
			w.snoop = !(request->access & MODEL_NO_SNOOP);
			return deliver(s, &w, out);
		}
	}
	smmu_watch_stream(s, sid);
	smmu_run(s, &w);
	if (request->type == MODEL_UNTRANSLATED)
		compare(s, &w);
	if (!smmu_failed(&w)) {
		if (request->type == MODEL_ATS_TRANSLATED)
			smmu_check_translated(s, sid, request);
		return deliver(s, &w, out);
	}
	if (request->type == MODEL_ATS_TRANSLATION && of_tables(w.fault.type)) {
		*out = (struct model_translation){ .size = 4096 };
		return MODEL_OK; /* "no access" is an answer, not a fault (3.9.1) */
	}
	stalling = smmu_stall(s, &w);
	if (stalling == SMMU_STALLED)
		return MODEL_STALLED;
	smmu_record(s, &w, stalling == SMMU_TERMINATED_RECORDED);
	return MODEL_FAULT;
}

static enum model_status translate(void *context, const struct model_request *request,
				   struct model_translation *out)
{
	const struct model_smmuv3_port *port = context;
	struct model_smmuv3 *s = port->smmu;
	enum model_status status;

	uiommu_port_mutex_lock(s->host, &s->lock);
	status = translate_locked(
		s, port->stream_base + ((uint32_t)request->segment << 16 | request->source_id),
		request, out);
	uiommu_port_mutex_unlock(s->host, &s->lock);
	return status;
}

static bool page_request(void *context, const struct model_page_request *request)
{
	const struct model_smmuv3_port *port = context;
	struct model_smmuv3 *s = port->smmu;
	bool taken;

	uiommu_port_mutex_lock(s->host, &s->lock);
	taken = smmu_page_request(
		s, port->stream_base + ((uint32_t)request->segment << 16 | request->source_id),
		request);
	uiommu_port_mutex_unlock(s->host, &s->lock);
	return taken;
}

void model_smmuv3_port_init(struct model_smmuv3_port *port, struct model_smmuv3 *smmu,
			    uint32_t stream_base)
{
	*port = (struct model_smmuv3_port){
		.iommu = { .context = port, .translate = translate, .page_request = page_request },
		.smmu = smmu,
		.stream_base = stream_base,
	};
}
