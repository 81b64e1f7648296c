/* SPDX-License-Identifier: MIT */
/*
 * pasid_orders.c - RID and PASIDs switched in every order, against a table of what must be reached
 *
 * A walk over the states of a RID and two PASIDs: every switch from every state to every other one of one of the
 * three.  After each, DMA through all three is compared with a table that knows nothing but what was asked for.
 * What a driver refuses with -EBUSY or -EINVAL must have changed nothing.
 */
#include <string.h>

#include "conform/process.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

enum rid { RID_BLOCKED, RID_PAGING, RID_IDENTITY, RIDS };
#define WHO 3 /* the RID, a PASID for a domain, a PASID that is free or a process's */

struct table {
	struct subject *s;
	struct process p;
	struct uiommu_group *group;
	struct uiommu_domain *paging, *identity, *other;
	struct uiommu_attach_handle handle[2];
	unsigned int turn;
	struct subject_buffer buffer;
	bool sva; /* this hardware has it */
	/* What was asked for. */
	enum rid rid;
	bool bound, attached;
	unsigned int refused;
};

#define PASID 9u

static void check(struct table *t)
{
	struct subject *s = t->s;
	const struct subject_dma fixed = { PASID, MACHINE_DMA_WITH_PASID };
	const uint64_t mine = t->buffer.phys, others = t->buffer.phys + s->page;

	if (t->rid == RID_PAGING)
		subject_dma_reaches(s, t->p.device, s->iova, mine, RW, NULL);
	else if (t->rid == RID_BLOCKED)
		subject_dma_blocked(s, t->p.device, s->iova, mine, NULL);
	if (t->rid == RID_IDENTITY)
		subject_dma_reaches(s, t->p.device, mine, mine, RW, NULL);
	else
		CHECK(s, !subject_dma_sees(s, t->p.device, mine, mine, NULL),
		      "the RID is not on identity and reaches memory as it lies");
	if (t->attached)
		subject_dma_reaches(s, t->p.device, s->iova, others, RW, &fixed);
	else
		CHECK(s, !subject_dma_sees(s, t->p.device, s->iova, others, &fixed),
		      "PASID %u is not attached and reaches a page", PASID);
	if (t->bound)
		process_shares(s, &t->p, t->p.base, RW, &t->p.way[t->p.ways - 1]);
	else if (t->sva)
		process_refused(s, &t->p, t->p.base, &t->p.way[0]);
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
}

/* 0, or refused before anything was changed. */
static bool may(struct table *t, int rc)
{
	CHECK(t->s, rc == 0 || rc == -UIOMMU_EBUSY || rc == -UIOMMU_EINVAL, "refused with %s",
	      uiommu_strerror(rc));
	t->refused += rc != 0;
	return rc == 0;
}

/* The sweep's one failure may come from the call, which is then made again. */
static bool again(struct table *t, int rc)
{
	return rc == -UIOMMU_ENOMEM && t->s->fail_at && !t->s->retried++;
}

static void set_rid(struct table *t, enum rid to)
{
	struct uiommu_domain *domain = to == RID_PAGING ? t->paging : t->identity;
	int rc;

	if (to == t->rid)
		return;
	if (to == RID_BLOCKED) {
		uiommu_detach_group_handle(t->rid == RID_PAGING ? t->paging : t->identity,
					   t->group);
		t->rid = to;
		return;
	}
	do
		rc = uiommu_replace_group_handle(t->group, domain, &t->handle[t->turn]);
	while (again(t, rc));
	if (!may(t, rc))
		return;
	t->turn = !t->turn;
	t->rid = to;
}

static void set_attached(struct table *t, bool to)
{
	int rc;

	if (to == t->attached)
		return;
	if (to) {
		do
			rc = uiommu_attach_device_pasid(t->other, t->p.dev, PASID, NULL);
		while (again(t, rc));
		if (!may(t, rc))
			return;
	} else {
		uiommu_detach_device_pasid(t->other, t->p.dev, PASID);
	}
	t->attached = to;
}

static void set_bound(struct table *t, bool to)
{
	int rc;

	if (to == t->bound || !t->sva)
		return;
	if (to) {
		do
			rc = uiommu_sva_bind_device(t->p.dev, t->p.mm, &t->p.sva);
		while (again(t, rc));
		if (!may(t, rc))
			return;
	} else {
		uiommu_sva_unbind_device(t->p.sva);
		t->p.sva = NULL;
	}
	t->bound = to;
}

/* Straight to a state, without looking. */
static void go(struct table *t, enum rid rid, bool attached, bool bound)
{
	set_rid(t, rid);
	set_attached(t, attached);
	set_bound(t, bound);
}

static void c099_any_order(struct subject *s)
{
	struct table t = { .s = s };
	const char *label;
	int rc;

	subject_boot(s, 0);
	label = process_label(s);
	t.p.device = subject_machine_device(s, label);
	t.p.dev = subject_device(s, label);
	if (!uiommu_device_max_pasids(t.p.dev))
		conform_skip(s, "this hardware has no PASIDs");
	t.group = subject_claim(s, label);
	/* With processes where the hardware walks their tables; bound once, to learn the PASID. */
	rc = machine_mm_create(s->machine, t.p.device, &t.p.mm);
	if (rc == -UIOMMU_ENOMEM)
		rc = machine_mm_create(s->machine, t.p.device, &t.p.mm);
	if (!rc) {
		struct uiommu_mm *mm = t.p.mm;

		rc = process_bind(s, label, mm, &t.p);
		if (rc == -UIOMMU_ENOMEM)
			rc = process_bind(s, label, mm, &t.p);
		t.p.mm = mm;
		t.sva = !rc;
	}
	CHECK(s, rc == 0 || rc == -UIOMMU_EOPNOTSUPP, "a process: %s", uiommu_strerror(rc));
	if (t.sva) {
		process_map(s, &t.p, t.p.base, 1, RW);
		t.bound = true;
	}
	t.buffer = subject_buffer(s, 2 * s->page);
	t.paging = subject_domain(s, t.p.dev, UIOMMU_ALLOC_PASID);
	t.other = subject_domain(s, t.p.dev, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_domain_alloc_identity(t.p.dev, &t.identity));
	CHECK_OK(s, uiommu_map(t.paging, s->iova, t.buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_map(t.other, s->iova, t.buffer.phys + s->page, s->page, RW));
	check(&t);
	/* Every step of one of the three, from every state. */
	for (unsigned int state = 0; state < RIDS * 4; state++) {
		const enum rid rid = (enum rid)(state / 4);
		const bool attached = state & 1, bound = state >> 1 & 1;

		if (bound && !t.sva)
			continue;
		for (unsigned int step = 0; step < RIDS + 2; step++) {
			go(&t, rid, attached, bound);
			if (step < RIDS)
				set_rid(&t, (enum rid)step);
			else if (step == RIDS)
				set_attached(&t, !t.attached);
			else
				set_bound(&t, !t.bound);
			check(&t);
		}
	}
	/* Every order of leaving, from all attached. */
	for (unsigned int order = 0; order < 6; order++) {
		static const unsigned char who[6][WHO] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
							   { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

		for (unsigned int up = 0; up < 2; up++)
			for (unsigned int i = 0; i < WHO; i++) {
				const bool on = !up;

				if (who[order][i] == 0)
					set_rid(&t, on ? RID_PAGING : RID_BLOCKED);
				else if (who[order][i] == 1)
					set_attached(&t, on);
				else
					set_bound(&t, on);
				check(&t);
			}
	}
	go(&t, RID_BLOCKED, false, false);
	check(&t);
	/* A driver may refuse some pairs; one that refuses most of them has no PASIDs. */
	CHECK(s, t.refused <= 20, "%u steps were refused", t.refused);
	uiommu_domain_free(t.paging);
	uiommu_domain_free(t.other);
	uiommu_domain_free(t.identity);
	subject_buffer_free(s, &t.buffer);
	if (t.p.mm)
		uiommu_posix_mm_put(t.p.mm);
	subject_release(s, t.group);
}

const struct conform_scenario conform_pasid_orders[] = {
	{ "C099", "RID and PASID attachments give the same in any order", "mailing list 2022-09",
	  AREA_PASID, CONFORM_HARDWARE, MACHINE_PASID_DMA, c099_any_order },
	{ 0 },
};
