/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_command.c - the command queue (3.5, 7.1) and its commands (chapter 4)
 *
 * A command that must not be is reported, and stops the queue with CERROR_ILL where the specification says
 * so: unknown, of another Security state, of a feature that is not there, or with a value that is called
 * illegal.  Bits that have to be 0 are reported and else ignored.
 */
#include "models/smmuv3_internal.h"

/* What becomes of a command. */
enum verdict {
	DONE,
	ILLEGAL,
	FAILED, /* CMD_SYNC after an ATC_INV that timed out */
};

#define REGIMES_EL1 (1u << SMMU_EL1)
#define REGIMES_EL2 (1u << SMMU_EL2 | 1u << SMMU_EL2_E2H)
#define REGIMES_S2 (1u << SMMU_S2)

#define SYNC_RSVD0 UINT64_C(0x00000000f03fcf00) /* 31:28, 21:14, 11:8 */
#define SYNC_RSVD1 UINT64_C(0xfff0000000000003)

static unsigned int field(uint64_t word, uint64_t mask)
{
	return (unsigned int)smmuv3_get(word, mask);
}

static void reserved(struct model_smmuv3 *s, const uint64_t *c, uint64_t used0, uint64_t used1)
{
	if ((c[0] & ~(used0 | SMMUV3_CMD0_OP)) || (c[1] & ~used1))
		smmu_complain(s, MODEL_REPORT_RESERVED, "4.1", "reserved bits in a command",
			      c[0] & ~(used0 | SMMUV3_CMD0_OP) ? c[0] : c[1]);
}

static enum verdict illegal(struct model_smmuv3 *s, const char *section, const char *text,
			    const uint64_t *c)
{
	smmu_complain(s, MODEL_REPORT_ILLEGAL, section, text, c[0]);
	return ILLEGAL;
}

static uint32_t stream_of(const uint64_t *c)
{
	return field(c[0], SMMUV3_CMD0_SID);
}

/* StreamIDs that cannot be: the command does nothing, and nobody can have meant it (4.1.1). */
static bool check_stream(struct model_smmuv3 *s, const uint64_t *c)
{
	if (s->config.sidsize >= 32 || !(stream_of(c) >> s->config.sidsize))
		return true;
	smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.1", "a StreamID beyond IDR1.SIDSIZE",
		      stream_of(c));
	return false;
}

/* ---- configuration (4.3), prefetch (4.2) ------------------------------------------------------- */

static enum verdict do_cfgi_ste(struct model_smmuv3 *s, const uint64_t *c)
{
	struct smmu_selection d = { .what = SMMU_DROP_STE,
				    .sid = stream_of(c),
				    .last_sid = stream_of(c),
				    .leaf = c[1] & SMMUV3_CMD1_CFGI_LEAF };

	reserved(s, c, SMMUV3_CMD0_SID | SMMUV3_CMD0_SSEC, SMMUV3_CMD1_CFGI_LEAF);
	if (check_stream(s, c))
		smmu_invalidate(s, &d);
	return DONE;
}

static enum verdict do_cfgi_range(struct model_smmuv3 *s, const uint64_t *c)
{
	unsigned int range = field(c[1], SMMUV3_CMD1_CFGI_RANGE);
	uint64_t streams = range == SMMUV3_CFGI_RANGE_ALL ? UINT64_C(1) << 32 :
							    UINT64_C(2) << range;
	struct smmu_selection d = { .what = SMMU_DROP_STE };

	reserved(s, c, SMMUV3_CMD0_SID | SMMUV3_CMD0_SSEC, SMMUV3_CMD1_CFGI_RANGE);
	d.sid = stream_of(c) & (uint32_t) ~(streams - 1);
	d.last_sid = d.sid + (uint32_t)(streams - 1);
	if (range == SMMUV3_CFGI_RANGE_ALL)
		s->config_all = true;
	smmu_invalidate(s, &d);
	return DONE;
}

static enum verdict do_cfgi_cd(struct model_smmuv3 *s, const uint64_t *c)
{
	bool all = field(c[0], SMMUV3_CMD0_OP) == SMMUV3_CMD_CFGI_CD_ALL;
	struct smmu_selection d = { .what = SMMU_DROP_CD,
				    .sid = stream_of(c),
				    .last_sid = stream_of(c),
				    .ssid = field(c[0], SMMUV3_CMD0_SSID),
				    .all_cds = all,
				    .leaf = !all && (c[1] & SMMUV3_CMD1_CFGI_LEAF) };

	if (!s->config.s1p)
		return illegal(s, "4.3.3", "a command about CDs without stage 1", c);
	reserved(s, c, SMMUV3_CMD0_SID | SMMUV3_CMD0_SSEC | (all ? 0 : SMMUV3_CMD0_SSID),
		 all ? 0 : SMMUV3_CMD1_CFGI_LEAF);
	if (!all && d.ssid >> s->config.ssidsize)
		return illegal(s, "4.3.3", "a SubstreamID beyond IDR1.SSIDSIZE", c);
	if (check_stream(s, c))
		smmu_invalidate(s, &d);
	return DONE;
}

static enum verdict do_prefetch(struct model_smmuv3 *s, const uint64_t *c)
{
	if ((c[0] & SMMUV3_CMD0_SSV) && !s->config.ssidsize)
		return illegal(s, "4.2.1", "a SubstreamID without support for substreams", c);
	if (check_stream(s, c))
		smmu_prefetch(s, stream_of(c));
	return DONE;
}

/* ---- translations (4.4) ------------------------------------------------------------------------ */

struct tlbi {
	uint8_t op;
	uint8_t regimes;
	bool vmid, asid, keep_global, address, intermediate, needs_s1, needs_s2, needs_el2,
		needs_e2h;
};

static const struct tlbi tlbis[] = {
	{ .op = SMMUV3_CMD_TLBI_NH_ALL, .regimes = REGIMES_EL1, .vmid = true, .needs_s1 = true },
	{ .op = SMMUV3_CMD_TLBI_NH_ASID,
	  .regimes = REGIMES_EL1,
	  .vmid = true,
	  .asid = true,
	  .keep_global = true,
	  .needs_s1 = true },
	{ .op = SMMUV3_CMD_TLBI_NH_VA,
	  .regimes = REGIMES_EL1,
	  .vmid = true,
	  .asid = true,
	  .address = true,
	  .needs_s1 = true },
	{ .op = SMMUV3_CMD_TLBI_NH_VAA,
	  .regimes = REGIMES_EL1,
	  .vmid = true,
	  .address = true,
	  .needs_s1 = true },
	{ .op = SMMUV3_CMD_TLBI_EL2_ALL, .regimes = REGIMES_EL2, .needs_el2 = true },
	{ .op = SMMUV3_CMD_TLBI_EL2_ASID,
	  .regimes = REGIMES_EL2,
	  .asid = true,
	  .keep_global = true,
	  .needs_el2 = true,
	  .needs_e2h = true },
	{ .op = SMMUV3_CMD_TLBI_EL2_VA,
	  .regimes = REGIMES_EL2,
	  .asid = true,
	  .address = true,
	  .needs_el2 = true },
	{ .op = SMMUV3_CMD_TLBI_EL2_VAA,
	  .regimes = REGIMES_EL2,
	  .address = true,
	  .needs_el2 = true,
	  .needs_e2h = true },
	{ .op = SMMUV3_CMD_TLBI_S12_VMALL,
	  .regimes = REGIMES_EL1 | REGIMES_S2,
	  .vmid = true,
	  .needs_s2 = true },
	{ .op = SMMUV3_CMD_TLBI_S2_IPA,
	  .regimes = REGIMES_S2,
	  .vmid = true,
	  .address = true,
	  .intermediate = true,
	  .needs_s2 = true },
	{ .op = SMMUV3_CMD_TLBI_NSNH_ALL, .regimes = REGIMES_EL1 | REGIMES_S2 },
};

static const struct tlbi *find_tlbi(unsigned int op)
{
	for (size_t i = 0; i < sizeof(tlbis) / sizeof(tlbis[0]); i++)
		if (tlbis[i].op == op)
			return &tlbis[i];
	return NULL;
}

static bool granule_exists(const struct model_smmuv3 *s, unsigned int tg)
{
	return tg == 12 ? s->config.gran4k : tg == 14 ? s->config.gran16k : s->config.gran64k;
}

/* 4.4.1.1: a range with RIL, else one address. False: the command does nothing that can be relied on. */
static bool select_addresses(struct model_smmuv3 *s, const struct tlbi *t, const uint64_t *c,
			     struct smmu_selection *d)
{
	unsigned int tg = s->config.ril ? field(c[1], SMMUV3_CMD1_TLBI_TG) : 0;
	unsigned int num = field(c[0], SMMUV3_CMD0_TLBI_NUM);
	unsigned int scale = field(c[0], SMMUV3_CMD0_TLBI_SCALE);
	unsigned int ttl = field(c[1], SMMUV3_CMD1_TLBI_TTL);
	uint64_t address = c[1] & (t->intermediate ? SMMUV3_CMD1_TLBI_IPA : SMMUV3_CMD1_TLBI_ADDR);
	uint64_t size;

	d->by_address = true;
	d->leaf = c[1] & SMMUV3_CMD1_TLBI_LEAF;
	if (!tg) {
		if (num || scale || ttl || (c[1] & SMMUV3_CMD1_TLBI_TG))
			smmu_complain(s, MODEL_REPORT_RESERVED, "4.4.1",
				      "a range or a level in a TLBI that has none", c[0]);
		d->from = address;
		d->last = address;
		return true;
	}
	d->tg = (uint8_t)smmu_tlbi_granule(tg);
	d->ttl = (uint8_t)ttl;
	if (!granule_exists(s, d->tg)) {
		smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.4.1.1",
			      "a TLBI for a granule that this unit does not have", c[1]);
		return false;
	}
	if (!num && !scale && !ttl) {
		smmu_complain(s, MODEL_REPORT_RESERVED, "4.4.1.1",
			      "a TLBI with TG and with NUM, SCALE and TTL 0", c[1]);
		return false;
	}
	if (ttl == 1 && d->tg == 14)
		smmu_complain(s, MODEL_REPORT_RESERVED, "4.4.1.1",
			      "a level that has no leaves with this granule", c[1]);
	if (address & smmu_mask(d->tg))
		smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.4.1.1",
			      "the address of a TLBI is not aligned to its granule", c[1]);
	/* SCALE has 5 bits, more would shift everything out; 2^39 granules are everything. */
	size = ((uint64_t)num + 1) << scale;
	d->from = address & ~smmu_mask(d->tg);
	d->last = size << d->tg >> d->tg == size ? d->from + (size << d->tg) - 1 : UINT64_MAX;
	if (d->last < d->from)
		d->last = UINT64_MAX;
	return true;
}

static enum verdict do_tlbi(struct model_smmuv3 *s, const struct tlbi *t, const uint64_t *c)
{
	struct smmu_selection d = { .what = SMMU_DROP_TLB,
				    .regimes = t->regimes,
				    .by_vmid = t->vmid,
				    .by_asid = t->asid,
				    .keep_global = t->keep_global,
				    .vmid_mask = UINT16_MAX };
	uint64_t used0 = (t->vmid ? SMMUV3_CMD0_TLBI_VMID : 0) |
			 (t->asid ? SMMUV3_CMD0_TLBI_ASID : 0);
	uint64_t used1 = 0;

	if ((t->needs_s1 && !s->config.s1p) || (t->needs_s2 && !s->config.s2p) ||
	    (t->needs_el2 && !s->config.hyp) || (t->needs_e2h && !(s->cr2 & SMMUV3_CR2_E2H)))
		return illegal(s, "4.4", "a TLBI of a stage or a regime that is not there", c);
	if (t->address) {
		used0 |= SMMUV3_CMD0_TLBI_NUM | SMMUV3_CMD0_TLBI_SCALE;
		used1 = SMMUV3_CMD1_TLBI_LEAF | SMMUV3_CMD1_TLBI_TTL | SMMUV3_CMD1_TLBI_TG |
			(t->intermediate ? SMMUV3_CMD1_TLBI_IPA : SMMUV3_CMD1_TLBI_ADDR);
	}
	reserved(s, c, used0, used1);
	d.vmid = (uint16_t)field(c[0], SMMUV3_CMD0_TLBI_VMID);
	d.asid = (uint16_t)field(c[0], SMMUV3_CMD0_TLBI_ASID);
	if (t->vmid && ((!s->config.s2p && d.vmid) || (!s->config.vmid16 && d.vmid > 0xff)))
		smmu_complain(s, MODEL_REPORT_RESERVED, "4.4.1", "a VMID that cannot be", c[0]);
	if (t->asid && !s->config.asid16 && d.asid > 0xff)
		smmu_complain(s, MODEL_REPORT_RESERVED, "4.4.1", "an ASID that cannot be", c[0]);
	/* Without stage 2 there is one VMID, 0; without E2H, EL2 has no ASIDs. */
	if (!s->config.s2p)
		d.by_vmid = false;
	if (t->needs_el2 && !(s->cr2 & SMMUV3_CR2_E2H))
		d.by_asid = false;
	if (t->address && !select_addresses(s, t, c, &d))
		return DONE;
	if (t->op == SMMUV3_CMD_TLBI_NSNH_ALL)
		s->tlb_all = true;
	smmu_invalidate(s, &d);
	return DONE;
}

/* ---- ATS, PRI, stalls -------------------------------------------------------------------------- */

static enum verdict do_atc_inv(struct model_smmuv3 *s, const uint64_t *c)
{
	unsigned int size = field(c[1], SMMUV3_CMD1_ATC_SIZE);
	bool has_ssid = c[0] & SMMUV3_CMD0_SSV, global = c[0] & SMMUV3_CMD0_ATC_GLOBAL;
	uint32_t ssid = has_ssid ? field(c[0], SMMUV3_CMD0_SSID) : 0, sid = stream_of(c);
	uint64_t from = c[1] & SMMUV3_CMD1_ATC_ADDR, last;
	const struct smmu_atc *atc;
	bool answered;

	if (!s->config.ats)
		return illegal(s, "4.5.1", "CMD_ATC_INV without ATS", c);
	if (size > SMMUV3_ATC_SIZE_ALL)
		return illegal(s, "4.5.1", "a size of CMD_ATC_INV beyond 52", c);
	if (has_ssid && ssid >> s->config.ssidsize)
		return illegal(s, "4.5.1", "a SubstreamID beyond IDR1.SSIDSIZE", c);
	if (global && !has_ssid)
		smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.5.1",
			      "Global in CMD_ATC_INV without a SubstreamID has no effect", c[0]);
	reserved(s, c,
		 SMMUV3_CMD0_SID | SMMUV3_CMD0_SSID | SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSEC |
			 SMMUV3_CMD0_ATC_GLOBAL,
		 SMMUV3_CMD1_ATC_SIZE | SMMUV3_CMD1_ATC_ADDR);
	if (size == SMMUV3_ATC_SIZE_ALL) {
		from = 0;
		last = UINT64_MAX;
	} else {
		uint64_t bytes = UINT64_C(4096) << size;

		if (from & (bytes - 1))
			smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.5.1",
				      "the address of CMD_ATC_INV is not aligned to its size",
				      c[1]);
		from &= ~(bytes - 1);
		last = from + bytes - 1;
	}
	if (!smmu_enabled(s, SMMUV3_CR0_SMMUEN))
		return DONE;
	s->atc_pending = true;
	atc = smmu_atc_slot(s, sid, false);
	answered = atc && atc->set &&
		   atc->atc.invalidate(atc->atc.context, has_ssid, ssid, from,
				       last == UINT64_MAX && !from ? UINT64_MAX : last - from + 1,
				       global && has_ssid);
	smmu_atc_invalidated(s, sid, has_ssid, ssid, global && has_ssid, from, last, answered);
	if (!answered)
		s->atc_failed = true;
	return DONE;
}

static enum verdict do_pri_resp(struct model_smmuv3 *s, const uint64_t *c)
{
	static const enum model_page_response codes[] = {
		[SMMUV3_PRI_FAILURE] = MODEL_PAGE_FAILURE,
		[SMMUV3_PRI_INVALID] = MODEL_PAGE_INVALID,
		[SMMUV3_PRI_SUCCESS] = MODEL_PAGE_SUCCESS,
	};
	unsigned int code = field(c[1], SMMUV3_CMD1_PRI_RESP);
	bool has_ssid = c[0] & SMMUV3_CMD0_SSV;
	uint32_t ssid = has_ssid ? field(c[0], SMMUV3_CMD0_SSID) : 0;

	if (!s->config.pri)
		return illegal(s, "4.5.2", "CMD_PRI_RESP without PRI", c);
	if (code > SMMUV3_PRI_SUCCESS)
		return illegal(s, "4.5.2", "a reserved response in CMD_PRI_RESP", c);
	reserved(s, c, SMMUV3_CMD0_SID | SMMUV3_CMD0_SSID | SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSEC,
		 SMMUV3_CMD1_PRI_RESP | SMMUV3_CMD1_PRI_PRGINDEX);
	if (has_ssid && ssid >> s->config.ssidsize)
		smmu_complain(s, MODEL_REPORT_ILLEGAL, "4.5.2",
			      "CMD_PRI_RESP with a SubstreamID beyond IDR1.SSIDSIZE", c[0]);
	if (!s->config.ssidsize)
		has_ssid = false;
	/* 6.3.9.6: ignored then. */
	if (check_stream(s, c) && smmu_enabled(s, SMMUV3_CR0_SMMUEN))
		smmu_page_response(s, stream_of(c), has_ssid, ssid,
				   (uint16_t)field(c[1], SMMUV3_CMD1_PRI_PRGINDEX), codes[code]);
	return DONE;
}

static enum verdict do_resume(struct model_smmuv3 *s, const uint64_t *c)
{
	if (s->config.stall_model == SMMUV3_STALL_MODEL_TERMINATE)
		return illegal(s, "4.7.1", "CMD_RESUME on a unit that does not stall", c);
	reserved(s, c,
		 SMMUV3_CMD0_SID | SMMUV3_CMD0_SSEC | SMMUV3_CMD0_RESUME_AC | SMMUV3_CMD0_RESUME_AB,
		 SMMUV3_CMD1_RESUME_STAG);
	if (check_stream(s, c))
		smmu_resume(s, stream_of(c), (uint16_t)field(c[1], SMMUV3_CMD1_RESUME_STAG),
			    c[0] & SMMUV3_CMD0_RESUME_AC);
	return DONE;
}

static enum verdict do_stall_term(struct model_smmuv3 *s, const uint64_t *c)
{
	if (s->config.stall_model == SMMUV3_STALL_MODEL_TERMINATE)
		return illegal(s, "4.7.2", "CMD_STALL_TERM on a unit that does not stall", c);
	reserved(s, c, SMMUV3_CMD0_SID | SMMUV3_CMD0_SSEC, 0);
	if (check_stream(s, c))
		smmu_stall_term(s, stream_of(c));
	return DONE;
}

/* ---- CMD_SYNC (4.7.3) -------------------------------------------------------------------------- */

static enum verdict do_sync(struct model_smmuv3 *s, const uint64_t *c)
{
	unsigned int signal = field(c[0], SMMUV3_CMD0_SYNC_CS);
	uint64_t address = c[1] & SMMUV3_CMD1_SYNC_MSIADDR;

	if (signal > SMMUV3_SYNC_SEV)
		return illegal(s, "4.7.3", "a reserved completion signal in CMD_SYNC", c);
	if ((c[0] & SYNC_RSVD0) || (c[1] & SYNC_RSVD1))
		smmu_complain(s, MODEL_REPORT_RESERVED, "4.7.3", "reserved bits in CMD_SYNC",
			      c[0] & SYNC_RSVD0 ? c[0] : c[1]);
	/* Then nothing is complete, before another CMD_SYNC is. */
	if (s->atc_failed) {
		s->atc_failed = false;
		return FAILED;
	}
	s->atc_pending = false;
	smmu_complete(s);
	if (signal != SMMUV3_SYNC_IRQ)
		return DONE;
	if (s->config.msi && address) {
		if (!smmu_write_message(s, address,
					(uint32_t)field(c[0], SMMUV3_CMD0_SYNC_MSIDATA)))
			smmu_global_error(s, SMMUV3_GERROR_MSI_CMDQ_ABT_ERR);
	} else {
		smmu_interrupt(s, MODEL_SMMUV3_IRQ_SYNC);
	}
	return DONE;
}

/* ---- the queue --------------------------------------------------------------------------------- */

static enum verdict carry_out(struct model_smmuv3 *s, const uint64_t *c)
{
	unsigned int op = field(c[0], SMMUV3_CMD0_OP);
	const struct tlbi *tlbi = find_tlbi(op);

	if (tlbi)
		return do_tlbi(s, tlbi, c);
	if (op < SMMUV3_CMD_SYNC && op != SMMUV3_CMD_TLBI_EL3_ALL && op != SMMUV3_CMD_TLBI_EL3_VA &&
	    (c[0] & SMMUV3_CMD0_SSEC))
		return illegal(s, "4.1.6", "a command for a Secure stream", c);
	switch (op) {
	case SMMUV3_CMD_PREFETCH_CONFIG:
	case SMMUV3_CMD_PREFETCH_ADDR:
		return do_prefetch(s, c);
	case SMMUV3_CMD_CFGI_STE:
		return do_cfgi_ste(s, c);
	case SMMUV3_CMD_CFGI_STE_RANGE:
		return do_cfgi_range(s, c);
	case SMMUV3_CMD_CFGI_CD:
	case SMMUV3_CMD_CFGI_CD_ALL:
		return do_cfgi_cd(s, c);
	case SMMUV3_CMD_ATC_INV:
		return do_atc_inv(s, c);
	case SMMUV3_CMD_PRI_RESP:
		return do_pri_resp(s, c);
	case SMMUV3_CMD_RESUME:
		return do_resume(s, c);
	case SMMUV3_CMD_STALL_TERM:
		return do_stall_term(s, c);
	case SMMUV3_CMD_SYNC:
		return do_sync(s, c);
	default:
		return illegal(s, "4.1.3", "an opcode that this unit does not have", c);
	}
}

static void stop(struct model_smmuv3 *s, enum smmuv3_cerror error)
{
	s->cmdq_cons = (s->cmdq_cons & ~SMMUV3_CMDQ_CONS_ERR) |
		       (uint32_t)smmuv3_set(error, SMMUV3_CMDQ_CONS_ERR);
	smmu_global_error(s, SMMUV3_GERROR_CMDQ_ERR);
}

bool smmu_queue_step(struct model_smmuv3 *s)
{
	unsigned int bits = (unsigned int)(s->cmdq_base & SMMUV3_Q_BASE_LOG2SIZE);
	uint32_t wrap = (uint32_t)smmu_mask(bits + 1), mask = wrap >> 1;
	uint32_t cons = s->cmdq_cons & wrap;
	uint64_t at = (s->cmdq_base & SMMUV3_Q_BASE_ADDR & ~smmu_mask(bits + 4)) +
		      (uint64_t)(cons & mask) * SMMUV3_CMDQ_ENTRY_SIZE;
	uint64_t c[2];
	bool unflushed;

	if (!smmu_enabled(s, SMMUV3_CR0_CMDQEN) ||
	    ((s->gerror ^ s->gerrorn) & SMMUV3_GERROR_CMDQ_ERR) || cons == (s->cmdq_prod & wrap))
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		if (!model_memory_fetch(s->mem, at + 8 * i, !s->config.cohacc, &c[i], &unflushed)) {
			smmu_complain(s, MODEL_REPORT_WILD, "3.5",
				      "the command queue lies in memory that is not for tables",
				      at);
			stop(s, SMMUV3_CERROR_ABT);
			return false;
		}
		if (unflushed)
			smmu_complain(s, MODEL_REPORT_UNFLUSHED, "3.15",
				      "a command was not written back to memory", at);
	}
	switch (carry_out(s, c)) {
	case ILLEGAL:
		stop(s, SMMUV3_CERROR_ILL);
		return false;
	case FAILED:
		stop(s, SMMUV3_CERROR_ATC_INV_SYNC);
		return false;
	default:
		break;
	}
	s->cmdq_cons = (s->cmdq_cons & ~wrap & ~SMMUV3_CMDQ_CONS_ERR) | ((cons + 1) & wrap);
	return ((cons + 1) & wrap) != (s->cmdq_prod & wrap);
}

void smmu_queue_run(struct model_smmuv3 *s)
{
	if (!s->config.lazy)
		while (smmu_queue_step(s))
			;
}
