/* SPDX-License-Identifier: MIT */
/*
 * smmuv3_stall.c - transactions that wait for software (3.12.2, 4.7.1, 4.7.2, 7.2.1)
 *
 * A stalled transaction is held until a CMD_RESUME names its tag, a CMD_STALL_TERM its stream, or SMMUEN falls.
 * Its event is never lost.  It goes this way:
 *
 *   WAITS     no event yet: the queue cannot be written, or IDR5.STALL_MAX events are unanswered.  Once an
 *             invalidation is completed meanwhile, an event of the old state must not be recorded any
 *             more, and the transaction is translated anew before (7.2.1, 4.7.3).
 *   RECORDED  software knows the tag.
 *   SHADOW    its event was left out as a duplicate of a recorded one (3.12.2.1); it is translated anew when that
 *             one is answered.
 *   ANSWERED  it succeeded by itself (3.12.2.2), software does not know and still has to answer the tag.
 *   ENDS      answered; on a lazy unit that takes effect later.
 *
 * Tags run on, so that an answer given twice never hits another transaction, but is reported.
 */
#include <string.h>

#include "models/smmuv3_internal.h"

/* 5.5: does the configuration that this fault was found with say that the transaction stalls? */
static bool configured(const struct model_smmuv3 *s, const struct smmu_walk *w)
{
	if (!w->fault.maskable || (!w->fault.stage2 && !w->s1) ||
	    s->config.stall_model == SMMUV3_STALL_MODEL_TERMINATE ||
	    w->request->type != MODEL_UNTRANSLATED)
		return false;
	return w->fault.stage2 ? !!(w->ste[2] & SMMUV3_STE2_S2S) : !!(w->cd[0] & SMMUV3_CD0_S);
}

/* Tags that software has to answer. */
static unsigned int unanswered(const struct model_smmuv3 *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < SMMU_STALLS; i++)
		n += s->stalls[i].state == SMMU_STALL_RECORDED ||
		     s->stalls[i].state == SMMU_STALL_ANSWERED;
	return n;
}

static struct smmu_stall *by_tag(struct model_smmuv3 *s, uint16_t tag)
{
	for (unsigned int i = 0; i < SMMU_STALLS; i++)
		if ((s->stalls[i].state == SMMU_STALL_RECORDED ||
		     s->stalls[i].state == SMMU_STALL_ANSWERED) &&
		    s->stalls[i].tag == tag)
			return &s->stalls[i];
	return NULL;
}

static void let_go(struct smmu_stall *stall, bool retry)
{
	struct smmu_stall was = *stall;

	stall->state = SMMU_STALL_FREE;
	was.waiter.resume(was.waiter.context, was.tag, retry);
}

/* Answered: now, or on a lazy unit soon. */
static void end(struct model_smmuv3 *s, struct smmu_stall *stall, bool retry)
{
	if (stall->state == SMMU_STALL_ANSWERED) {
		stall->state = SMMU_STALL_FREE;
	} else if (s->config.lazy) {
		stall->state = SMMU_STALL_ENDS;
		stall->delay = 1 + (uint32_t)(smmu_random(s) % 3);
		stall->retry = retry;
	} else {
		let_go(stall, retry);
	}
}

static void record(struct model_smmuv3 *s, struct smmu_stall *stall)
{
	uint64_t words[4];

	if (unanswered(s) >= s->config.stall_max || !smmu_event_writable(s))
		return;
	do
		stall->tag = s->next_tag++;
	while (by_tag(s, stall->tag));
	memcpy(words, stall->record, sizeof(words));
	words[1] |= SMMUV3_EVT1_STALL | stall->tag;
	stall->state = SMMU_STALL_RECORDED;
	smmu_add_event(s, words);
}

/* 3.12.2.1: the same page, access and substream, and of the first one software has an event to answer. */
static const struct smmu_stall *first_of(const struct model_smmuv3 *s,
					 const struct smmu_stall *stall)
{
	const uint64_t page = ~UINT64_C(0xfff);

	for (unsigned int i = 0; s->config.merge_stalls && i < SMMU_STALLS; i++) {
		const struct smmu_stall *other = &s->stalls[i];

		if (other->state == SMMU_STALL_RECORDED && other->record[0] == stall->record[0] &&
		    other->record[1] == stall->record[1] &&
		    !((other->record[2] ^ stall->record[2]) & page))
			return other;
	}
	return NULL;
}

enum smmu_stalling smmu_stall(struct model_smmuv3 *s, const struct smmu_walk *w)
{
	const struct smmu_stall *first;
	struct smmu_stall *stall = NULL;

	if (!configured(s, w))
		return SMMU_TERMINATED;
	if (!w->request->stall) {
		if (s->config.stall_model != SMMUV3_STALL_MODEL_FORCED)
			smmu_complain_stream(s, MODEL_REPORT_ILLEGAL, "3.12",
					     "CD.S or STE.S2S is set for a stream whose "
					     "transactions cannot stall, as those of PCIe",
					     w->sid, w->request->iova);
		return SMMU_TERMINATED_RECORDED;
	}
	for (unsigned int i = 0; i < SMMU_STALLS && !stall; i++)
		if (s->stalls[i].state == SMMU_STALL_FREE)
			stall = &s->stalls[i];
	/* More devices wait than the bus has room for: this one is refused. */
	if (!stall)
		return SMMU_TERMINATED_RECORDED;
	*stall = (struct smmu_stall){
		.state = SMMU_STALL_WAITS,
		.sid = w->sid,
		.request = *w->request,
		.waiter = *w->request->stall,
	};
	stall->request.stall = &stall->waiter;
	smmu_event_of(w, stall->record);
	first = first_of(s, stall);
	if (first) {
		stall->state = SMMU_STALL_SHADOW;
		stall->tag = first->tag;
	} else {
		record(s, stall);
	}
	return SMMU_STALLED;
}

/* As if it had just arrived; what it meets now takes the place of its old fault. */
static void translate_anew(struct model_smmuv3 *s, struct smmu_stall *stall)
{
	struct smmu_walk w = { .request = &stall->request, .sid = stall->sid };

	smmu_run(s, &w);
	stall->invalidated = false;
	if (!smmu_failed(&w)) {
		let_go(stall, true);
	} else if (configured(s, &w)) {
		smmu_event_of(&w, stall->record);
		record(s, stall);
	} else {
		smmu_record(s, &w, false);
		let_go(stall, false);
	}
}

void smmu_stalls_go_on(struct model_smmuv3 *s)
{
	for (unsigned int i = 0; i < SMMU_STALLS && smmu_event_writable(s); i++) {
		struct smmu_stall *stall = &s->stalls[i];

		if (stall->state != SMMU_STALL_WAITS)
			continue;
		if (stall->invalidated)
			translate_anew(s, stall);
		else
			record(s, stall);
	}
}

void smmu_stalls_invalidated(struct model_smmuv3 *s)
{
	for (unsigned int i = 0; i < SMMU_STALLS; i++)
		if (s->stalls[i].state == SMMU_STALL_WAITS)
			s->stalls[i].invalidated = true;
}

bool smmu_stalls_step(struct model_smmuv3 *s)
{
	bool pending = false;

	for (unsigned int i = 0; i < SMMU_STALLS; i++) {
		struct smmu_stall *stall = &s->stalls[i];
		struct smmu_walk w = { .request = &stall->request,
				       .sid = stall->sid,
				       .quiet = true };

		if (stall->state == SMMU_STALL_ENDS) {
			pending = true;
			if (!--stall->delay)
				let_go(stall, stall->retry);
		} else if (stall->state == SMMU_STALL_RECORDED && s->config.early_retry) {
			smmu_run(s, &w);
			if (smmu_failed(&w))
				continue;
			stall->state = SMMU_STALL_ANSWERED;
			stall->waiter.resume(stall->waiter.context, stall->tag, true);
		}
	}
	return pending;
}

/* What was left out because of this one speaks for itself now. */
static void release_shadows(struct model_smmuv3 *s, uint16_t tag)
{
	for (unsigned int i = 0; i < SMMU_STALLS; i++) {
		if (s->stalls[i].state != SMMU_STALL_SHADOW || s->stalls[i].tag != tag)
			continue;
		s->stalls[i].state = SMMU_STALL_WAITS;
		s->stalls[i].invalidated = true;
	}
}

void smmu_resume(struct model_smmuv3 *s, uint32_t sid, uint16_t tag, bool retry)
{
	struct smmu_stall *stall = by_tag(s, tag);

	/* 4.7.1: without effect, but software may only send what an event gave it, and once. */
	if (!stall || stall->sid != sid) {
		smmu_complain_stream(
			s, MODEL_REPORT_ILLEGAL, "4.7.1",
			stall ? "CMD_RESUME of a transaction of another stream; STAG" :
				"CMD_RESUME of a transaction that is not stalled (never "
				"was, or was answered already); STAG",
			sid, tag);
		return;
	}
	release_shadows(s, tag);
	end(s, stall, retry);
	smmu_stalls_go_on(s);
}

static bool terminates(struct model_smmuv3 *s, uint32_t sid, bool fresh)
{
	static const struct model_request none = { 0 };
	struct smmu_walk w = { .request = &none, .sid = sid, .fresh = fresh, .quiet = true };

	return !smmu_find_ste(s, &w);
}

void smmu_stall_term(struct model_smmuv3 *s, uint32_t sid)
{
	/* 4.7.2: else it is UNPREDICTABLE whether anything is ended; here nothing is. */
	if (smmu_enabled(s, SMMUV3_CR0_SMMUEN) &&
	    (!terminates(s, sid, true) || !terminates(s, sid, false))) {
		smmu_complain_stream(s, MODEL_REPORT_ILLEGAL, "4.7.2",
				     "CMD_STALL_TERM before the STE ends new transactions and a "
				     "CMD_CFGI_STE with CMD_SYNC says so",
				     sid, sid);
		return;
	}
	for (unsigned int i = 0; i < SMMU_STALLS; i++)
		if (s->stalls[i].sid == sid && s->stalls[i].state != SMMU_STALL_FREE &&
		    s->stalls[i].state != SMMU_STALL_ENDS)
			end(s, &s->stalls[i], false);
	smmu_stalls_go_on(s);
}

void smmu_stalls_end_all(struct model_smmuv3 *s)
{
	for (unsigned int i = 0; i < SMMU_STALLS; i++) {
		struct smmu_stall *stall = &s->stalls[i];

		if (stall->state == SMMU_STALL_ANSWERED)
			stall->state = SMMU_STALL_FREE;
		else if (stall->state != SMMU_STALL_FREE)
			let_go(stall, false);
	}
}
