/* SPDX-License-Identifier: MIT */
/*
 * vtd_fault.c - fault records, fault and completion events (7.2, 7.3, 11.4.7), and reports
 *
 * A fault that repeats a pending record exactly (source, reason, type, page) is collapsed into it, as
 * 7.2.1 permits; any other takes the next record in turn, and when that one is still pending the fault
 * is lost with PFO, after which nothing is recorded until software clears PFO.
 */
#include "models/vtd_internal.h"

/* ---- events ------------------------------------------------------------------------------------ */

#define FSTS_CONDITIONS (VTD_FSTS_W1C | VTD_FSTS_PPF)

/* An event register group: control, data, address, upper address, 4 bytes each (11.4.7.2-5). */
void vtd_event(struct model_vtd *v, uint32_t ctl)
{
	uint32_t *regs = &v->regs[ctl / 4];

	if (regs[0] & VTD_ECTL_IM) {
		regs[0] |= VTD_ECTL_IP;
		return;
	}
	regs[0] &= ~VTD_ECTL_IP;
	if (v->msi)
		v->msi(v->context, regs[2] | (uint64_t)regs[3] << 32, regs[1]);
}

void vtd_event_unmasked(struct model_vtd *v, uint32_t ctl)
{
	uint32_t *regs = &v->regs[ctl / 4];

	if ((regs[0] & VTD_ECTL_IP) && !(regs[0] & VTD_ECTL_IM))
		vtd_event(v, ctl);
}

/* 7.3: a condition raises an event only if software has served all earlier ones. */
void vtd_fault_status(struct model_vtd *v, uint32_t bits)
{
	uint32_t *fsts = &v->regs[VTD_REG_FSTS / 4];
	bool quiet = !(*fsts & FSTS_CONDITIONS);

	if ((*fsts & bits) == bits)
		return;
	*fsts |= bits;
	if (quiet)
		vtd_event(v, VTD_REG_FECTL);
}

void vtd_completion_event(struct model_vtd *v)
{
	uint32_t *ics = &v->regs[VTD_REG_ICS / 4];

	if (*ics & VTD_ICS_IWC)
		return;
	*ics |= VTD_ICS_IWC;
	vtd_event(v, VTD_REG_IECTL);
}

/* ---- records ----------------------------------------------------------------------------------- */

static uint32_t record_offset(uint32_t index)
{
	return VTD_FRO + index * VTD_FRCD_SIZE;
}

void vtd_fault_records_written(struct model_vtd *v)
{
	uint32_t *fsts = &v->regs[VTD_REG_FSTS / 4];
	bool pending = false;

	for (uint32_t i = 0; i < v->config.nfr; i++)
		pending |= !!(vtd_reg64(v, record_offset(i) + 8) & VTD_FRCD1_F);
	if (!pending)
		*fsts &= ~(VTD_FSTS_PPF | VTD_FSTS_FRI);
	if (!(*fsts & FSTS_CONDITIONS))
		v->regs[VTD_REG_FECTL / 4] &= ~VTD_ECTL_IP;
}

/* 7.1.3: faults that FPD does not silence concern structures that FPD is not in, or is not valid in. */
static bool qualified(uint8_t reason)
{
	switch (reason) {
	case VTD_FR_ROOT_NOT_PRESENT:
	case VTD_FR_ROOT_ACCESS:
	case VTD_FR_CONTEXT_ACCESS:
	case VTD_FR_ROOT_RSVD:
	case VTD_FR_CONTEXT_RSVD:
	case VTD_FR_RTADDR_TTM:
	case VTD_FR_RTADDR_LEGACY_PASID:
	case VTD_FR_RTADDR_LEGACY_PAGE_REQUEST:
	case VTD_FR_SM_ROOT_ACCESS:
	case VTD_FR_SM_ROOT_NOT_PRESENT:
	case VTD_FR_SM_ROOT_RSVD:
	case VTD_FR_SM_CONTEXT_ACCESS:
	case VTD_FR_SM_CONTEXT_RSVD:
	case VTD_FR_PASID_DIR_ACCESS:
	case VTD_FR_PASID_ACCESS:
		return false;
	default:
		return true;
	}
}

void vtd_record(struct model_vtd *v, const struct vtd_walk *w)
{
	static const uint8_t address_type[] = {
		[MODEL_UNTRANSLATED] = VTD_AT_UNTRANSLATED,
		[MODEL_ATS_TRANSLATION] = VTD_AT_TRANSLATION_REQUEST,
		[MODEL_ATS_TRANSLATED] = VTD_AT_TRANSLATED,
	};
	const struct model_request *r = w->request;
	uint32_t *fsts = &v->regs[VTD_REG_FSTS / 4];
	bool read = r->access & MODEL_READ, write = r->access & MODEL_WRITE;
	uint64_t low = r->iova & VTD_FRCD0_FI;
	uint64_t high = VTD_FRCD1_F | r->source_id | vtd_set(w->fault, VTD_FRCD1_FR) |
			vtd_set(address_type[r->type], VTD_FRCD1_AT);
	uint32_t at;

	if (w->fpd && qualified(w->fault))
		return;
	if (read)
		high |= VTD_FRCD1_T1;
	if (w->page_request)
		high = (high & ~VTD_FRCD1_T1) | VTD_FRCD1_T2;
	else if (read && write)
		high |= VTD_FRCD1_T2; /* atomic */
	if (r->has_pasid) {
		high |= VTD_FRCD1_PP | vtd_set(r->pasid, VTD_FRCD1_PV);
		if (r->access & MODEL_EXEC)
			high |= VTD_FRCD1_EXE;
		if (r->access & MODEL_PRIV)
			high |= VTD_FRCD1_PRIV;
	}
	if (*fsts & VTD_FSTS_PFO)
		return;
	for (uint32_t i = 0; i < v->config.nfr; i++) {
		at = record_offset(i);
		if (vtd_reg64(v, at) == low && vtd_reg64(v, at + 8) == high)
			return;
	}
	at = record_offset(v->next_record);
	if (vtd_reg64(v, at + 8) & VTD_FRCD1_F) {
		vtd_fault_status(v, VTD_FSTS_PFO);
		return;
	}
	vtd_set_reg64(v, at, low);
	vtd_set_reg64(v, at + 8, high);
	if (!(*fsts & VTD_FSTS_PPF))
		*fsts = (*fsts & ~VTD_FSTS_FRI) | v->next_record << VTD_FSTS_FRI_SHIFT;
	v->next_record = (v->next_record + 1) % v->config.nfr;
	vtd_fault_status(v, VTD_FSTS_PPF);
}

/* ---- reports ----------------------------------------------------------------------------------- */

static void append(struct model_report *report, size_t *at, const char *text)
{
	while (*text && *at < sizeof(report->text) - 1)
		report->text[(*at)++] = *text++;
	report->text[*at] = 0;
}

static void append_hex(struct model_report *report, size_t *at, uint64_t value)
{
	char digits[19] = "0x";
	int n = 2;

	for (int shift = 60; shift >= 0; shift -= 4)
		if (value >> shift || !shift)
			digits[n++] = "0123456789abcdef"[value >> shift & 15];
	digits[n] = 0;
	append(report, at, digits);
}

void vtd_complain(struct model_vtd *v, enum model_report_kind kind, const char *section,
		  const char *text, uint64_t value)
{
	struct model_report report = {
		.kind = kind,
		.model = "vtd",
		.section = section,
		.phys_used = value,
		.phys_now = UINT64_MAX,
	};
	size_t at = 0;

	if (!v->report)
		return;
	append(&report, &at, text);
	append(&report, &at, ": ");
	append_hex(&report, &at, value);
	v->report(v->context, &report);
}

void vtd_complain_request(struct model_vtd *v, enum model_report_kind kind, const char *section,
			  const struct model_request *request, uint64_t used, uint64_t now,
			  const char *text)
{
	struct model_report report = {
		.kind = kind,
		.model = "vtd",
		.section = section,
		.source_id = request->source_id,
		.has_pasid = request->has_pasid,
		.pasid = request->pasid,
		.iova = request->iova,
		.phys_used = used,
		.phys_now = now,
	};
	size_t at = 0;

	if (!v->report)
		return;
	append(&report, &at, text);
	append(&report, &at, " (iova ");
	append_hex(&report, &at, request->iova);
	append(&report, &at, ", used ");
	append_hex(&report, &at, used);
	append(&report, &at, ", now ");
	if (now == UINT64_MAX)
		append(&report, &at, "nothing)");
	else {
		append_hex(&report, &at, now);
		append(&report, &at, ")");
	}
	v->report(v->context, &report);
}
