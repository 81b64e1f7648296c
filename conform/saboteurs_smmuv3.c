/* SPDX-License-Identifier: MIT */
/*
 * saboteurs_smmuv3.c - what a driver tells an SMMUv3, altered on its way
 *
 * Commands are altered in the queue when the driver moves the producer index, table entries when it names
 * them in a CFGI.  A command is dropped by putting an invalidation of an ASID that nobody has in its place,
 * so that indices stay what the driver believes.
 */
#include <string.h>

#include "conform/saboteur.h"
#include "spec/smmuv3.h"

#define MAX_BATCH 512
#define MAX_STES 64
#define STRANGER UINT64_C(0xfd) /* an ASID and a VMID that are not in use */

/* An STE as it was when it was last named, and what is kept back of it. */
struct known_ste {
	uint64_t sid, *live;
	uint64_t words[SMMUV3_STE_WORDS];
};

struct smmu {
	uint64_t queue, table; /* CMDQ_BASE, STRTAB_BASE */
	uint32_t table_config;
	uint32_t prod;
	uint64_t ats_sid; /* of the last ATC_INV */
	uint64_t last_asid,
		ats_asid; /* of the last TLBI by address, and of the last before an ATC_INV */
	bool ats;
	struct known_ste ste[MAX_STES];
	unsigned int num_stes;
	uint64_t *late; /* a word to be written after the access */
	uint64_t late_value;
};

static unsigned int op_of(const uint64_t *cmd)
{
	return (unsigned int)(cmd[0] & SMMUV3_CMD0_OP);
}

static void drop(uint64_t *cmd)
{
	/* VMID 0 is there with and without stage 2. */
	cmd[0] = SMMUV3_CMD_TLBI_NH_ASID | smmuv3_set(STRANGER, SMMUV3_CMD0_TLBI_ASID);
	cmd[1] = 0;
}

static uint64_t field(uint64_t value, uint64_t mask, uint64_t now)
{
	return (value & ~mask) | smmuv3_set(now, mask);
}

/* ---- the driver's side of the registers -------------------------------------------------------- */

static void write_late(void *context)
{
	struct smmu *smmu = context;

	if (smmu->late)
		*smmu->late = smmu->late_value;
	smmu->late = NULL;
}

static void watch_commands(struct wrap_access *access, struct subject *s, void *state)
{
	struct smmu *smmu = state;
	uint64_t *batch[MAX_BATCH];
	uint32_t mask, index;
	unsigned int count = 0, log2;

	if (!access->write || access->offset != SMMUV3_REG_CMDQ_PROD) {
		if (access->write && access->offset == SMMUV3_REG_CMDQ_BASE)
			smmu->queue = access->value;
		if (access->write && access->offset == SMMUV3_REG_STRTAB_BASE)
			smmu->table = access->value;
		if (access->write && access->offset == SMMUV3_REG_STRTAB_BASE_CFG)
			smmu->table_config = (uint32_t)access->value;
		wrap_access_call(access);
		return;
	}
	log2 = (unsigned int)(smmu->queue & SMMUV3_Q_BASE_LOG2SIZE);
	mask = (UINT32_C(2) << log2) - 1; /* with the wrap bit */
	for (index = smmu->prod; index != ((uint32_t)access->value & mask) && count < MAX_BATCH;
	     index = (index + 1) & mask) {
		uint64_t at = (smmu->queue & SMMUV3_Q_BASE_ADDR) +
			      (uint64_t)(index & mask >> 1) * SMMUV3_CMDQ_ENTRY_SIZE;

		batch[count] = saboteur_ram(s, at);
		if (batch[count])
			count++;
	}
	smmu->prod = (uint32_t)access->value & mask;
	if (count)
		s->saboteur->edit(s, smmu, batch, count);
	wrap_access_call(access);
	access->after = write_late;
	access->after_context = smmu;
}

/* The STE of a stream, NULL if the tables do not reach so far. */
static uint64_t *find_ste(struct subject *s, const struct smmu *smmu, uint64_t sid)
{
	uint64_t base = smmu->table & SMMUV3_STRTAB_BASE_ADDR, *l1, span;
	uint64_t split = smmuv3_get(smmu->table_config, SMMUV3_STRTAB_BASE_CFG_SPLIT);

	if (sid >> (smmu->table_config & SMMUV3_STRTAB_BASE_CFG_LOG2SIZE))
		return NULL;
	if (smmuv3_get(smmu->table_config, SMMUV3_STRTAB_BASE_CFG_FMT) == SMMUV3_STRTAB_LINEAR)
		return saboteur_ram(s, base + sid * SMMUV3_STE_SIZE);
	l1 = saboteur_ram(s, base + (sid >> split) * SMMUV3_L1STD_SIZE);
	if (!l1)
		return NULL;
	span = *l1 & SMMUV3_L1STD_SPAN;
	sid &= (UINT64_C(1) << split) - 1;
	if (!span || sid >> (span - 1))
		return NULL;
	return saboteur_ram(s, (*l1 & SMMUV3_L1STD_L2PTR) + sid * SMMUV3_STE_SIZE);
}

/* The CD of substream @ssid behind an STE that translates in stage 1. */
static uint64_t *find_cd(struct subject *s, const uint64_t *ste, uint64_t ssid)
{
	uint64_t format = smmuv3_get(ste[0], SMMUV3_STE0_S1FMT);
	uint64_t base = ste[0] & SMMUV3_STE0_S1CONTEXTPTR, *l1;

	if (smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) != SMMUV3_CONFIG_S1)
		return NULL;
	if (!smmuv3_get(ste[0], SMMUV3_STE0_S1CDMAX) || format == SMMUV3_S1FMT_LINEAR)
		return saboteur_ram(s, base + ssid * SMMUV3_CD_SIZE);
	l1 = saboteur_ram(s, base + (ssid >> (format == SMMUV3_S1FMT_4K ? 6 : 10)) * 8);
	if (!l1 || !(*l1 & SMMUV3_L1CD_V))
		return NULL;
	return saboteur_ram(s, (*l1 & SMMUV3_L1CD_L2PTR) +
				       (ssid & (format == SMMUV3_S1FMT_4K ? 63 : 1023)) *
					       SMMUV3_CD_SIZE);
}

/* ---- invalidations that are not there ---------------------------------------------------------- */

static void drop_op(uint64_t *const *cmd, unsigned int count, unsigned int op)
{
	for (unsigned int i = 0; i < count; i++)
		if (op_of(cmd[i]) == op)
			drop(cmd[i]);
}

#define DROP(name, op)                                                                         \
	static void name(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n) \
	{                                                                                      \
		(void)s;                                                                       \
		(void)state;                                                                   \
		drop_op(cmd, n, op);                                                           \
	}

DROP(drop_tlbi_va, SMMUV3_CMD_TLBI_NH_VA)
DROP(drop_tlbi_asid, SMMUV3_CMD_TLBI_NH_ASID)
DROP(drop_tlbi_ipa, SMMUV3_CMD_TLBI_S2_IPA)
DROP(drop_tlbi_vmid, SMMUV3_CMD_TLBI_S12_VMALL)
DROP(drop_cfgi_ste, SMMUV3_CMD_CFGI_STE)
DROP(drop_cfgi_cd, SMMUV3_CMD_CFGI_CD)
DROP(drop_atc_inv, SMMUV3_CMD_ATC_INV)

/* ---- invalidations of something else ----------------------------------------------------------- */

static bool by_address(const uint64_t *cmd)
{
	return op_of(cmd) == SMMUV3_CMD_TLBI_NH_VA || op_of(cmd) == SMMUV3_CMD_TLBI_S2_IPA;
}

static bool by_range(const uint64_t *cmd)
{
	return by_address(cmd) && cmd[1] & SMMUV3_CMD1_TLBI_TG;
}

static void wrong_asid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (op_of(cmd[i]) == SMMUV3_CMD_TLBI_NH_VA)
			cmd[i][0] ^= smmuv3_set(1, SMMUV3_CMD0_TLBI_ASID);
}

static void wrong_vmid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (op_of(cmd[i]) == SMMUV3_CMD_TLBI_S2_IPA)
			cmd[i][0] ^= smmuv3_set(1, SMMUV3_CMD0_TLBI_VMID);
}

static void range_one_less(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (by_range(cmd[i]) && cmd[i][0] & SMMUV3_CMD0_TLBI_NUM)
			cmd[i][0] -= smmuv3_set(1, SMMUV3_CMD0_TLBI_NUM);
}

static void range_half(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (by_range(cmd[i]) && cmd[i][0] & SMMUV3_CMD0_TLBI_SCALE)
			cmd[i][0] -= smmuv3_set(1, SMMUV3_CMD0_TLBI_SCALE);
}

static void next_page(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (by_address(cmd[i]))
			cmd[i][1] += 4096;
}

static void leaf_hint(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (by_address(cmd[i]))
			cmd[i][1] |= SMMUV3_CMD1_TLBI_LEAF;
}

static void level_hint(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	/* As if every leaf were a page. */
	for (unsigned int i = 0; i < n; i++)
		if (by_range(cmd[i]))
			cmd[i][1] = field(cmd[i][1], SMMUV3_CMD1_TLBI_TTL, 3);
}

static void cfgi_wrong_sid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (op_of(cmd[i]) == SMMUV3_CMD_CFGI_STE)
			cmd[i][0] ^= smmuv3_set(1, SMMUV3_CMD0_SID);
}

static void cfgi_wrong_ssid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (op_of(cmd[i]) == SMMUV3_CMD_CFGI_CD)
			cmd[i][0] ^= smmuv3_set(1, SMMUV3_CMD0_SSID);
}

/* ---- device TLBs ------------------------------------------------------------------------------- */

static void atc_half(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t size = cmd[i][1] & SMMUV3_CMD1_ATC_SIZE;

		if (op_of(cmd[i]) == SMMUV3_CMD_ATC_INV && size)
			cmd[i][1]--;
	}
}

static void atc_without_pasid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (op_of(cmd[i]) == SMMUV3_CMD_ATC_INV)
			cmd[i][0] &= ~(SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSID | SMMUV3_CMD0_ATC_GLOBAL);
}

static void atc_wrong_sid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)s;
	(void)state;
	for (unsigned int i = 0; i < n; i++)
		if (op_of(cmd[i]) == SMMUV3_CMD_ATC_INV)
			cmd[i][0] ^= smmuv3_set(8, SMMUV3_CMD0_SID);
}

static void atc_before_tlb(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	struct smmu *smmu = state;

	(void)s;
	/* All of the device's TLB where the SMMU's is meant, and all of that where the device's is. */
	for (unsigned int i = 0; i < n; i++) {
		if (op_of(cmd[i]) == SMMUV3_CMD_ATC_INV) {
			smmu->ats_sid = smmuv3_get(cmd[i][0], SMMUV3_CMD0_SID);
			smmu->ats_asid = smmu->last_asid;
			smmu->ats = true;
			cmd[i][0] = SMMUV3_CMD_TLBI_NSNH_ALL;
			cmd[i][1] = 0;
		} else if (by_address(cmd[i])) {
			smmu->last_asid = cmd[i][0] & SMMUV3_CMD0_TLBI_ASID;
			if (!smmu->ats || smmu->last_asid != smmu->ats_asid)
				continue;
			cmd[i][0] = SMMUV3_CMD_ATC_INV | smmuv3_set(smmu->ats_sid, SMMUV3_CMD0_SID);
			cmd[i][1] = SMMUV3_ATC_SIZE_ALL;
		}
	}
}

/* ---- completion -------------------------------------------------------------------------------- */

static void sync_answered(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	(void)state;
	/* The driver's word of memory says "done" whether or not anything is. */
	for (unsigned int i = 0; i < n; i++) {
		uint32_t *word;

		if (op_of(cmd[i]) != SMMUV3_CMD_SYNC ||
		    smmuv3_get(cmd[i][0], SMMUV3_CMD0_SYNC_CS) != SMMUV3_SYNC_IRQ)
			continue;
		word = saboteur_ram(s, cmd[i][1] & SMMUV3_CMD1_SYNC_MSIADDR);
		if (!word)
			continue;
		*word = (uint32_t)smmuv3_get(cmd[i][0], SMMUV3_CMD0_SYNC_MSIDATA);
		drop(cmd[i]);
	}
}

/* ---- table entries ----------------------------------------------------------------------------- */

/* Does something to each STE that a command names. */
static void each_ste(struct subject *s, struct smmu *smmu, uint64_t *const *cmd, unsigned int n,
		     void (*what)(struct subject *s, struct smmu *smmu, uint64_t sid,
				  uint64_t *ste))
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t sid = smmuv3_get(cmd[i][0], SMMUV3_CMD0_SID), *ste;

		if (op_of(cmd[i]) != SMMUV3_CMD_CFGI_STE)
			continue;
		ste = find_ste(s, smmu, sid);
		if (ste)
			what(s, smmu, sid, ste);
	}
}

static struct known_ste *remembered(struct smmu *smmu, uint64_t sid)
{
	for (unsigned int i = 0; i < smmu->num_stes; i++)
		if (smmu->ste[i].sid == sid)
			return &smmu->ste[i];
	if (smmu->num_stes == MAX_STES)
		return NULL;
	smmu->ste[smmu->num_stes].sid = sid;
	return &smmu->ste[smmu->num_stes++];
}

static void one_word_late(struct subject *s, struct smmu *smmu, uint64_t sid, uint64_t *ste)
{
	struct known_ste *k = remembered(smmu, sid);

	(void)s;
	/* Hardware is told to look while one word is still the old one; then the new one comes. */
	for (unsigned int w = 1; k && w < SMMUV3_STE_WORDS && !smmu->late; w++) {
		if (ste[w] == k->words[w])
			continue;
		smmu->late = &ste[w];
		smmu->late_value = ste[w];
		ste[w] = k->words[w];
		k->words[w] = smmu->late_value;
	}
	for (unsigned int w = 0; k && w < SMMUV3_STE_WORDS; w++)
		if (&ste[w] != smmu->late)
			k->words[w] = ste[w];
}

static void ste_late(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_ste(s, state, cmd, n, one_word_late);
}

static void valid_first(struct subject *s, struct smmu *smmu, uint64_t sid, uint64_t *ste)
{
	struct known_ste *k = remembered(smmu, sid);

	(void)s;
	/* The first word has gone live; the others are yet to come. */
	if (k && ste[0] != k->words[0] && ste[0] & SMMUV3_STE0_V && !smmu->late) {
		smmu->late = &ste[1];
		smmu->late_value = ste[1];
		ste[1] = k->words[1] == ste[1] ? 0 : k->words[1];
	}
	if (k)
		memcpy(k->words, ste, sizeof(k->words));
}

static void ste_valid_first(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_ste(s, state, cmd, n, valid_first);
}

static void lets_through(struct subject *s, struct smmu *smmu, uint64_t sid, uint64_t *ste)
{
	(void)s;
	(void)smmu;
	(void)sid;
	if (smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) == SMMUV3_CONFIG_S1 &&
	    smmuv3_get(ste[0], SMMUV3_STE0_S1CDMAX) &&
	    smmuv3_get(ste[1], SMMUV3_STE1_S1DSS) == SMMUV3_S1DSS_TERMINATE)
		ste[1] = field(ste[1], SMMUV3_STE1_S1DSS, SMMUV3_S1DSS_BYPASS);
}

static void blocked_passes(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_ste(s, state, cmd, n, lets_through);
}

static void abort_passes(struct subject *s, struct smmu *smmu, uint64_t sid, uint64_t *ste)
{
	(void)s;
	(void)smmu;
	(void)sid;
	if (ste[0] & SMMUV3_STE0_V && smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) != SMMUV3_CONFIG_ABORT)
		return;
	/* The driver may use the other bits of the word again. */
	ste[1] = field(ste[1], SMMUV3_STE1_SHCFG, SMMUV3_SHCFG_INCOMING);
	ste[0] = SMMUV3_STE0_V | smmuv3_set(SMMUV3_CONFIG_BYPASS, SMMUV3_STE0_CONFIG);
}

static void ste_bypass(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_ste(s, state, cmd, n, abort_passes);
}

static void one_vmid(struct subject *s, struct smmu *smmu, uint64_t sid, uint64_t *ste)
{
	(void)s;
	(void)smmu;
	(void)sid;
	if (smmuv3_get(ste[0], SMMUV3_STE0_CONFIG) == SMMUV3_CONFIG_S2)
		ste[2] = field(ste[2], SMMUV3_STE2_S2VMID, 1);
}

static void ste_one_vmid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_ste(s, state, cmd, n, one_vmid);
}

/* Each CD that a command names, or that came with its STE. */
static void each_cd(struct subject *s, struct smmu *smmu, uint64_t *const *cmd, unsigned int n,
		    void (*what)(struct smmu *smmu, uint64_t *cd))
{
	for (unsigned int i = 0; i < n; i++) {
		uint64_t sid = smmuv3_get(cmd[i][0], SMMUV3_CMD0_SID), *ste, *cd;
		uint64_t ssid = 0;

		if (op_of(cmd[i]) == SMMUV3_CMD_CFGI_CD)
			ssid = smmuv3_get(cmd[i][0], SMMUV3_CMD0_SSID);
		else if (op_of(cmd[i]) != SMMUV3_CMD_CFGI_STE)
			continue;
		ste = find_ste(s, smmu, sid);
		cd = ste ? find_cd(s, ste, ssid) : NULL;
		if (cd && cd[0] & SMMUV3_CD0_V)
			what(smmu, cd);
	}
}

static void one_asid(struct smmu *smmu, uint64_t *cd)
{
	(void)smmu;
	cd[0] = field(cd[0], SMMUV3_CD0_ASID, 1);
}

static void cd_one_asid(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_cd(s, state, cmd, n, one_asid);
}

static void table_late(struct smmu *smmu, uint64_t *cd)
{
	/* Only a CD that changes from one table to another has anything to be torn. */
	for (unsigned int i = 0; i < smmu->num_stes; i++)
		if (smmu->ste[i].live == cd) {
			if (smmu->ste[i].words[1] != cd[1] && !smmu->late) {
				smmu->late = &cd[1];
				smmu->late_value = cd[1];
				cd[1] = smmu->ste[i].words[1];
				smmu->ste[i].words[1] = smmu->late_value;
			}
			return;
		}
	if (smmu->num_stes < MAX_STES) {
		smmu->ste[smmu->num_stes].live = cd;
		smmu->ste[smmu->num_stes++].words[1] = cd[1];
	}
}

static void cd_late(struct subject *s, void *state, uint64_t *const *cmd, unsigned int n)
{
	each_cd(s, state, cmd, n, table_late);
}

/* ---- registers --------------------------------------------------------------------------------- */

static void events_not_taken(struct wrap_access *access, struct subject *s, void *state)
{
	(void)s;
	(void)state;
	/* What was read of the queue is never given back. */
	if (!access->write || access->offset != SMMUV3_REG_EVENTQ_CONS)
		wrap_access_call(access);
}

static void events_off(struct wrap_access *access, struct subject *s, void *state)
{
	(void)s;
	(void)state;
	if (access->write && access->offset == SMMUV3_REG_EVENTQ_BASE)
		return;
	wrap_access_call(access);
}

static void attributes_default(struct wrap_access *access, struct subject *s, void *state)
{
	(void)s;
	(void)state;
	/* Tables and queues are read past the caches that the driver writes to. */
	if (access->write && access->offset == SMMUV3_REG_CR1)
		access->value = 0;
	wrap_access_call(access);
}

#define STAGE1 NULL, .places = { { "smmuv3@model", "stage1" } }
#define STAGE2 NULL, .places = { { "smmuv3@model", "stage2" } }
#define ATS NULL, .places = { { "smmuv3@model", "ats" } }
#define NO_RANGE NULL, .places = { { "smmuv3@model", "no-range" } }
#define PRI NULL, .places = { { "smmuv3@model", "pri" } }
#define LAZY NULL, .places = { { "smmuv3@model", "lazy" } }
#define EDIT(function) .state_size = sizeof(struct smmu), .access = watch_commands, .edit = function

const struct conform_saboteur conform_saboteurs_smmuv3[] = {
	{ "smmu-drop-tlbi-va", "stage 1 forgets an unmapped range before unmap returns", STAGE1,
	  EDIT(drop_tlbi_va) },
	{ "smmu-drop-tlbi-asid", "an ASID is forgotten before it is given to another domain",
	  STAGE1, EDIT(drop_tlbi_asid) },
	{ "smmu-drop-tlbi-ipa", "stage 2 forgets an unmapped range before unmap returns", STAGE2,
	  EDIT(drop_tlbi_ipa) },
	{ "smmu-drop-tlbi-vmid", "a VMID is forgotten before it is given to another domain", STAGE2,
	  EDIT(drop_tlbi_vmid) },
	{ "smmu-drop-cfgi-ste", "a changed stream table entry is fetched again", STAGE1,
	  EDIT(drop_cfgi_ste) },
	{ "smmu-drop-cfgi-cd", "a changed context descriptor is fetched again", STAGE1,
	  EDIT(drop_cfgi_cd) },
	{ "smmu-drop-atc-inv", "a device's own TLB forgets what is unmapped", ATS,
	  EDIT(drop_atc_inv) },
	{ "smmu-wrong-asid", "an invalidation names the domain's own ASID", STAGE1,
	  EDIT(wrong_asid) },
	{ "smmu-wrong-vmid", "an invalidation names the domain's own VMID", STAGE2,
	  EDIT(wrong_vmid) },
	{ "smmu-range-one-less", "an invalidated range has all its granules", STAGE1,
	  EDIT(range_one_less) },
	{ "smmu-range-half", "an invalidated range has the scale that its length needs", STAGE1,
	  EDIT(range_half) },
	{ "smmu-next-page", "without ranges each page is named by its own address", NO_RANGE,
	  EDIT(next_page) },
	{ "smmu-leaf-hint", "the hint \"leaves only\" is not given where tables were freed", STAGE1,
	  EDIT(leaf_hint) },
	{ "smmu-level-hint", "the level of an invalidation is that of the leaf", STAGE1,
	  EDIT(level_hint) },
	{ "smmu-cfgi-wrong-sid", "the stream whose entry changed is the one that is named", STAGE1,
	  EDIT(cfgi_wrong_sid) },
	{ "smmu-cfgi-wrong-ssid", "the PASID whose descriptor changed is the one that is named",
	  STAGE1, EDIT(cfgi_wrong_ssid) },
	{ "smmu-atc-half", "a device's TLB forgets the whole range", ATS, EDIT(atc_half) },
	{ "smmu-atc-without-pasid", "a device's TLB forgets a PASID's translations too", ATS,
	  EDIT(atc_without_pasid) },
	{ "smmu-atc-wrong-sid", "the device that keeps translations is the one that is named", ATS,
	  EDIT(atc_wrong_sid) },
	{ "smmu-atc-before-tlb",
	  "the SMMU's TLB is invalidated before the device's, which it fills", ATS,
	  EDIT(atc_before_tlb) },
	{ "smmu-sync-answered", "commands are done before the driver goes on", LAZY,
	  EDIT(sync_answered) },
	{ "smmu-ste-late", "a stream table entry is complete when hardware is told to look", STAGE1,
	  EDIT(ste_late) },
	{ "smmu-ste-valid-first", "the word that makes an entry valid is written last", STAGE1,
	  EDIT(ste_valid_first) },
	{ "smmu-ste-dss-bypass", "without a PASID nothing passes where only PASIDs are attached",
	  STAGE1, EDIT(blocked_passes) },
	{ "smmu-ste-bypass", "a blocked stream is aborted, not passed on", STAGE1,
	  EDIT(ste_bypass) },
	{ "smmu-ste-one-vmid", "domains that are stage 2 have VMIDs of their own", STAGE2,
	  EDIT(ste_one_vmid) },
	{ "smmu-cd-one-asid", "domains that are stage 1 have ASIDs of their own", STAGE1,
	  EDIT(cd_one_asid) },
	{ "smmu-cd-late", "a context descriptor is complete when hardware is told to look", STAGE1,
	  EDIT(cd_late) },
	{ "smmu-pri-drop-atc-inv", "a device's TLB loses what the process loses", PRI,
	  EDIT(drop_atc_inv) },
	{ "smmu-pri-drop-cfgi-cd", "a PASID's entry is forgotten with its bond", PRI,
	  EDIT(drop_cfgi_cd) },
	{ "smmu-pri-drop-tlbi-asid", "a process's ASID is forgotten before another one has it", PRI,
	  EDIT(drop_tlbi_asid) },
	{ "smmu-pri-atc-without-pasid", "a process's PASID is named to the device's TLB", PRI,
	  EDIT(atc_without_pasid) },
	{ "smmu-events-not-taken", "the event queue is given back as it is read", STAGE1,
	  .access = events_not_taken },
	{ "smmu-events-off", "faults are recorded where the driver reads them", STAGE1,
	  .access = events_off },
	{ "smmu-attributes-default", "tables are read with the attributes they are written with",
	  STAGE1, .access = attributes_default },
	{ 0 },
};
