/* SPDX-License-Identifier: MIT */
/* sva.c - devices that share the address space of a process, and lose what the process loses */
#include <string.h>

#include "conform/faults.h"
#include "conform/interleave.h"
#include "conform/process.h"
#include "conform/soft.h"
#include "spec/smmuv3.h"
#include "spec/vtd.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

static void c091_reset(struct subject *s)
{
	struct process p = process_begin(s, NULL);
	struct uiommu_sva *other;
	struct uiommu_mm *second;

	if (!(machine_device_traits(p.device) & MACHINE_RESET)) {
		process_end(s, &p);
		conform_skip(s, "the device that shares address spaces cannot be reset");
	}
	process_map(s, &p, p.base, 2, RW);
	process_shares_all(s, &p, p.base, RW);
	CHECK_OK(s, uiommu_device_reset_prepare(p.dev));
	process_refused_all(s, &p, p.base);
	CHECK_OK(s, machine_device_reset(p.device));
	process_refused_all(s, &p, p.base);
	second = process_create(s, process_label(s));
	CHECK_RC(s, uiommu_sva_bind_device(p.dev, second, &other), -UIOMMU_EBUSY);
	uiommu_posix_mm_put(second);
	/* Nobody tells a device in reset of this. */
	process_unmap(s, &p, p.base, 1);
	uiommu_device_reset_done(p.dev);
	process_refused_all(s, &p, p.base);
	process_map(s, &p, p.base, 1, RW);
	process_shares_all(s, &p, p.base, RW);
	process_shares_all(s, &p, p.base + s->page, RW);
	/* Unbound in reset it does not come back. */
	CHECK_OK(s, uiommu_device_reset_prepare(p.dev));
	uiommu_sva_unbind_device(p.sva);
	p.sva = NULL;
	uiommu_device_reset_done(p.dev);
	process_refused(s, &p, p.base, &p.way[0]);
	process_end(s, &p);
}

static void c110_counted(struct subject *s)
{
	struct process p = process_begin(s, NULL);
	struct uiommu_sva *again = NULL;

	process_map(s, &p, p.base, 2, RW);
	process_shares_all(s, &p, p.base, RW);
	CHECK_OK(s, uiommu_sva_bind_device(p.dev, p.mm, &again));
	CHECK(s, again == p.sva, "bound again it is another bond");
	CHECK(s, uiommu_sva_pasid(again) == p.pasid && p.pasid, "PASID %u and then %u", p.pasid,
	      uiommu_sva_pasid(again));
	uiommu_sva_unbind_device(again);
	process_shares_all(s, &p, p.base, RW);
	process_shares_all(s, &p, p.base + s->page, RW);
	uiommu_sva_unbind_device(p.sva);
	p.sva = NULL;
	for (unsigned int i = 0; i < p.ways; i++)
		process_refused(s, &p, p.base, &p.way[i]);
	/* And once more: the PASID stays with the process. */
	CHECK_OK(s, uiommu_sva_bind_device(p.dev, p.mm, &p.sva));
	CHECK(s, uiommu_sva_pasid(p.sva) == p.pasid, "a process has two PASIDs");
	process_shares_all(s, &p, p.base, RW);
	/* It is not for anybody else while it is bound. */
	{
		struct uiommu_domain *domain = subject_domain(s, p.dev, UIOMMU_ALLOC_PASID);

		CHECK_RC(s, uiommu_attach_device_pasid(domain, p.dev, p.pasid, NULL),
			 -UIOMMU_EBUSY);
		uiommu_domain_free(domain);
	}
	process_end(s, &p);
}

/* ---- PASIDs: over the driver in software, which has few ---------------------------------------- */

static struct soft *few_pasids(struct subject *s)
{
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	soft->mm_phys = uiommu_posix_mm_phys;
	for (unsigned int i = 0; i < 3; i++) {
		soft->device[i].pasid_bits = i ? 2 : 3;
		soft->device[i].sva = i < 2;
	}
	CHECK_OK(s, soft_start(soft, 0));
	for (unsigned int i = 0; i < 3; i++)
		CHECK_OK(s, soft_add(soft, i));
	return soft;
}

static struct uiommu_mm *new_mm(struct subject *s, bool tagged)
{
	const struct uiommu_posix_mm_config config = { .format = UIOMMU_MM_X86_64,
						       .tagged_pointers = tagged };
	struct uiommu_mm *mm;

	CHECK_OK(s, uiommu_posix_mm_create(machine_host(s->machine), &config, &mm));
	return mm;
}

static void c111_widths(struct subject *s)
{
	struct soft *soft = few_pasids(s);
	struct uiommu_mm *mm = new_mm(s, false), *tagged = new_mm(s, true);
	struct uiommu_sva *sva, *other;
	uiommu_pasid_t pasid[3];

	/* What the narrow device can send is taken: the process gets one beyond. */
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_OK(s, uiommu_pasid_alloc(soft->device[0].dev, &pasid[i]));
		CHECK(s, pasid[i] == i + 1, "PASID %u is not the lowest that is free", pasid[i]);
	}
	CHECK_OK(s, uiommu_sva_bind_device(soft->device[0].dev, mm, &sva));
	CHECK(s, uiommu_sva_pasid(sva) == 4, "the process has PASID %u", uiommu_sva_pasid(sva));
	CHECK_RC(s, uiommu_sva_bind_device(soft->device[1].dev, mm, &other), -UIOMMU_EOVERFLOW);
	CHECK(s, !soft->device[1].attaches || !soft->device[1].pasid[0], "attached all the same");
	CHECK_RC(s, uiommu_sva_bind_device(soft->device[2].dev, mm, &other), -UIOMMU_EOVERFLOW);
	uiommu_sva_unbind_device(sva);
	uiommu_posix_mm_put(mm);
	uiommu_pasid_free(s->sys, pasid[1]);
	mm = new_mm(s, false);
	CHECK_OK(s, uiommu_sva_bind_device(soft->device[1].dev, mm, &sva));
	CHECK(s, uiommu_sva_pasid(sva) == 2, "the PASID that was freed is not used");
	CHECK_OK(s, uiommu_sva_bind_device(soft->device[0].dev, mm, &other));
	CHECK(s, uiommu_sva_pasid(other) == 2 && other != sva, "one process, two PASIDs");
	uiommu_sva_unbind_device(other);
	uiommu_sva_unbind_device(sva);
	/* What cannot be bound at all. */
	CHECK_RC(s, uiommu_sva_bind_device(soft->device[2].dev, mm, &sva), -UIOMMU_EOPNOTSUPP);
	CHECK_RC(s, uiommu_sva_bind_device(soft->device[0].dev, tagged, &sva), -UIOMMU_EBUSY);
	uiommu_posix_mm_exit(mm);
	CHECK_RC(s, uiommu_sva_bind_device(soft->device[0].dev, mm, &sva), -UIOMMU_ENOENT);
	uiommu_posix_mm_put(mm);
	uiommu_posix_mm_put(tagged);
	uiommu_pasid_free(s->sys, pasid[0]);
	uiommu_pasid_free(s->sys, pasid[2]);
	soft_destroy(soft);
}

static void c116_exhausted(struct subject *s)
{
	struct soft *soft = few_pasids(s);
	struct uiommu_device *narrow = soft->device[1].dev;
	struct uiommu_mm *mm = new_mm(s, false);
	struct uiommu_sva *sva;
	uiommu_pasid_t pasid[3], more = 0;

	for (unsigned int i = 0; i < 3; i++)
		CHECK_OK(s, uiommu_pasid_alloc(narrow, &pasid[i]));
	CHECK_RC(s, uiommu_pasid_alloc(narrow, &more), -UIOMMU_ENOSPC);
	CHECK(s, more == UIOMMU_PASID_INVALID, "PASID %u in spite of an error", more);
	CHECK_RC(s, uiommu_sva_bind_device(narrow, mm, &sva), -UIOMMU_ENOSPC);
	uiommu_pasid_free(s->sys, pasid[1]);
	CHECK_OK(s, uiommu_sva_bind_device(narrow, mm, &sva));
	CHECK(s, uiommu_sva_pasid(sva) == pasid[1], "not the one that is free");
	CHECK_RC(s, uiommu_pasid_alloc(narrow, &more), -UIOMMU_ENOSPC);
	/* The wider device has more. */
	CHECK_OK(s, uiommu_pasid_alloc(soft->device[0].dev, &more));
	CHECK(s, more > 3, "PASID %u is given out twice", more);
	uiommu_pasid_free(s->sys, more);
	/* Bound no more, but the process's still. */
	uiommu_sva_unbind_device(sva);
	CHECK_RC(s, uiommu_pasid_alloc(narrow, &more), -UIOMMU_ENOSPC);
	uiommu_posix_mm_put(mm);
	CHECK_OK(s, uiommu_pasid_alloc(narrow, &more));
	CHECK(s, more == pasid[1], "the PASID of a process that is gone is not free");
	subject_expect_warnings(s, 1);
	uiommu_pasid_free(s->sys, more);
	uiommu_pasid_free(s->sys, more);
	uiommu_pasid_free(s->sys, pasid[0]);
	uiommu_pasid_free(s->sys, pasid[2]);
	soft_destroy(soft);
}

/* ---- the process changes ----------------------------------------------------------------------- */

static void c112_exit(struct subject *s)
{
	struct process p = process_begin(s, NULL);
	/* A stream cannot wait, so it is nothing for one whose requests may be stalled. */
	const bool streams = machine_device_traits(p.device) & MACHINE_STREAM && (!p.asks || p.pri);
	struct interleave_wait wait = { 0 };
	struct machine_stream_stats stats;
	const uint64_t word = 0x1122334455667788ull;
	struct uiommu_sva *other;

	process_map(s, &p, p.base, 4, RW);
	for (unsigned int page = 0; page < 3; page++)
		process_shares_all(s, &p, p.base + page * s->page, RW);
	CHECK_OK(s, uiommu_posix_mm_write(p.mm, p.base, &word, sizeof(word)));
	if (streams) {
		CHECK_OK(s,
			 machine_stream_start(p.device, p.base, sizeof(word), p.pasid,
					      p.way[p.ways > 1].flags & ~MACHINE_DMA_PAGE_REQUEST,
					      word, word));
		do
			machine_stream_stats(p.device, &stats);
		while (!stats.done && interleave_wait(&wait));
		CHECK(s, stats.done, "the stream does not run");
	}
	uiommu_posix_mm_exit(p.mm);
	if (streams) {
		wait = (struct interleave_wait){ 0 };
		do
			machine_stream_stats(p.device, &stats);
		while (!stats.refused && interleave_wait(&wait));
		machine_stream_stop(p.device, &stats);
		CHECK(s, stats.refused, "the stream goes on after the process has exited");
		CHECK(s, !stats.wrong, "the stream read %llu words that are not the process's",
		      (unsigned long long)stats.wrong);
	}
	for (unsigned int page = 0; page < 4; page++)
		process_refused_all(s, &p, p.base + page * s->page);
	CHECK_RC(s, uiommu_sva_bind_device(p.dev, p.mm, &other), -UIOMMU_ENOENT);
	uiommu_sva_unbind_device(p.sva);
	p.sva = NULL;
	process_refused(s, &p, p.base, &p.way[0]);
	process_end(s, &p);
}

#define AREA 40u

/* Every page of the area in every cache: of the device, too. */
static void warm(struct subject *s, struct process *p, uint64_t address, uint64_t pages)
{
	for (uint64_t page = 0; page < pages; page++)
		process_shares_all(s, p, address + page * s->page, RW);
}

static void c113_unmap(struct subject *s)
{
	/* Ranges within the area, each with one page between it and the next one. */
	static const struct {
		unsigned int first, count;
	} gone[] = { { 1, 1 }, { 3, 2 }, { 6, 3 }, { 10, 5 }, { 16, 8 }, { 25, 13 } };
	struct process p = process_begin(s, NULL);
	/* Over the end of a table. */
	const uint64_t base = p.base + s->large - 21 * s->page;

	process_map(s, &p, base, AREA, RW);
	warm(s, &p, base, AREA);
	for (unsigned int i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
		process_unmap(s, &p, base + gone[i].first * s->page, gone[i].count);
		for (unsigned int page = gone[i].first - 1; page <= gone[i].first + gone[i].count;
		     page++) {
			if (page < gone[i].first || page == gone[i].first + gone[i].count)
				process_shares_all(s, &p, base + page * s->page, RW);
			else
				process_refused_all(s, &p, base + page * s->page);
		}
	}
	/* The rest at once, holes and all; then the same addresses with other pages. */
	process_unmap(s, &p, base, AREA);
	for (unsigned int page = 0; page < AREA; page += 3)
		process_refused_all(s, &p, base + page * s->page);
	process_map(s, &p, base, AREA, RW);
	warm(s, &p, base, AREA);
	process_end(s, &p);
}

static void c252_protect(struct subject *s)
{
	struct process p = process_begin(s, NULL);

	process_map(s, &p, p.base, 8, RW);
	warm(s, &p, p.base, 8);
	CHECK_OK(s, uiommu_posix_mm_protect(p.mm, p.base + 2 * s->page, 3 * s->page, UIOMMU_READ));
	for (unsigned int page = 1; page < 6; page++)
		process_shares_all(s, &p, p.base + page * s->page,
				   page >= 2 && page < 5 ? UIOMMU_READ : RW);
	/* Given back, the device has it back, once the page was written or asked for. */
	CHECK_OK(s, uiommu_posix_mm_protect(p.mm, p.base + 2 * s->page, 3 * s->page, RW));
	warm(s, &p, p.base, 8);
	process_end(s, &p);
}

static void c253_fork(struct subject *s)
{
	struct process p = process_begin(s, NULL);
	uint64_t seen, mark = 0xfeedfacecafef00dull;
	struct uiommu_mm *child = NULL;

	process_map(s, &p, p.base, 4, RW);
	warm(s, &p, p.base, 4);
	for (unsigned int page = 0; page < 4; page++)
		CHECK_OK(s,
			 uiommu_posix_mm_write(p.mm, p.base + page * s->page, &mark, sizeof(mark)));
	CHECK_OK(s, uiommu_posix_mm_fork(p.mm, &child));
	/*
	 * The pages are shared until somebody writes: a device that still has the right to write from before would
	 * write into the child.
	 */
	for (unsigned int i = 0; i < p.ways; i++) {
		const uint64_t at = p.base + i * s->page, word = subject_random(s);
		const struct subject_dma *how = &p.way[i];
		enum machine_dma_status status = machine_dma_write(
			p.device, at, &word, sizeof(word), how->pasid, how->flags);

		machine_settle(s->machine);
		CHECK_OK(s, uiommu_posix_mm_read(child, at, &seen, sizeof(seen)));
		CHECK(s, seen == mark, "what the device wrote for the parent is in the child");
		CHECK_OK(s, uiommu_posix_mm_read(p.mm, at, &seen, sizeof(seen)));
		if (how->flags & MACHINE_DMA_PAGE_REQUEST)
			CHECK(s, status == MACHINE_DMA_DONE && seen == word,
			      "a device that may ask for its copy has none");
		else
			CHECK(s, status != MACHINE_DMA_DONE && seen == mark,
			      "a device wrote to a page that is shared with a child");
		machine_clear_faults(s->machine);
	}
	/* The parent writes, and has pages of its own: the device sees these and no others. */
	warm(s, &p, p.base, 4);
	mark = ~mark;
	for (unsigned int page = 0; page < 4; page++)
		CHECK_OK(s, uiommu_posix_mm_write(child, p.base + page * s->page, &mark,
						  sizeof(mark)));
	warm(s, &p, p.base, 4);
	for (unsigned int page = 0; page < 4; page++) {
		CHECK_OK(s,
			 uiommu_posix_mm_read(child, p.base + page * s->page, &seen, sizeof(seen)));
		CHECK(s, seen == mark, "the child's page changed");
	}
	uiommu_posix_mm_put(child);
	warm(s, &p, p.base, 4);
	process_end(s, &p);
}

static void c114_last_page(struct subject *s)
{
	struct process p = process_begin(s, NULL);
	const uint64_t last = p.last + 1 - s->page;

	process_map(s, &p, last - 2 * s->page, 3, RW);
	warm(s, &p, last - 2 * s->page, 3);
	process_unmap(s, &p, last, 1);
	process_refused_all(s, &p, last);
	process_shares_all(s, &p, last - s->page, RW);
	process_map(s, &p, last, 1, RW);
	warm(s, &p, last - 2 * s->page, 3);
	process_unmap(s, &p, last - 2 * s->page, 3);
	for (unsigned int page = 0; page < 3; page++)
		process_refused_all(s, &p, last - page * s->page);
	process_end(s, &p);
}

static void c115_one_pasid(struct subject *s)
{
	struct process p = process_begin(s, NULL), q, r;
	const char *second = "pasid1";
	struct uiommu_mm *other;
	uiommu_pasid_t pasid;
	int rc;

	subject_machine_device(s, second);
	process_map(s, &p, p.base, 2, RW);
	process_shares_all(s, &p, p.base, RW);
	do
		rc = process_bind(s, second, p.mm, &q);
	while (rc == -UIOMMU_ENOMEM && s->fail_at && !s->retried++);
	if (rc == -UIOMMU_EOPNOTSUPP) {
		process_end(s, &p);
		conform_skip(s, "%s's unit does not walk the tables of a process", second);
	}
	CHECK(s, rc == 0, "bind %s: %s", second, uiommu_strerror(rc));
	CHECK(s, q.pasid == p.pasid, "one process has PASIDs %u and %u", p.pasid, q.pasid);
	process_shares_all(s, &q, p.base, RW);
	process_shares_all(s, &q, p.base + s->page, RW);
	process_shares_all(s, &p, p.base + s->page, RW);
	/* Both lose what the process loses. */
	process_unmap(s, &p, p.base, 1);
	process_refused_all(s, &p, p.base);
	process_refused_all(s, &q, p.base);
	/* One leaves, the other stays. */
	uiommu_sva_unbind_device(p.sva);
	p.sva = NULL;
	process_refused(s, &p, p.base + s->page, &p.way[0]);
	process_shares_all(s, &q, p.base + s->page, RW);
	uiommu_sva_unbind_device(q.sva);
	q.sva = NULL;
	/* The PASID is the process's while that is there. */
	pasid = p.pasid;
	other = process_create(s, process_label(s));
	rc = process_bind(s, process_label(s), other, &r);
	CHECK(s, rc == 0, "bind: %s", uiommu_strerror(rc));
	CHECK(s, r.pasid != pasid, "two processes have PASID %u", pasid);
	process_end(s, &r);
	process_end(s, &p);
	r = process_begin(s, NULL);
	CHECK(s, r.pasid == pasid, "PASID %u of a process that is gone is not used again", pasid);
	process_end(s, &r);
}

static void c117_reused(struct subject *s)
{
	struct process p = process_begin(s, NULL), next;
	uint64_t base = p.base;
	uiommu_pasid_t pasid = p.pasid;

	process_map(s, &p, base, 8, RW);
	warm(s, &p, base, 8);
	process_end(s, &p);
	next = process_begin(s, NULL);
	CHECK(s, next.pasid == pasid, "PASID %u and not %u: nothing can be seen", next.pasid,
	      pasid);
	/* The next process has half of it, and reaches nothing of the other half. */
	process_map(s, &next, base, 4, RW);
	for (unsigned int page = 4; page < 8; page++)
		process_refused_all(s, &next, base + page * s->page);
	warm(s, &next, base, 4);
	/* The same when it dies with its device bound. */
	uiommu_posix_mm_exit(next.mm);
	process_end(s, &next);
	p = process_begin(s, NULL);
	CHECK(s, p.pasid == pasid, "PASID %u and not %u: nothing can be seen", p.pasid, pasid);
	for (unsigned int page = 0; page < 8; page++)
		process_refused_all(s, &p, base + page * s->page);
	process_map(s, &p, base, 8, RW);
	warm(s, &p, base, 8);
	process_end(s, &p);
}

/* Commands that a driver gives to its unit. */
struct effort {
	bool smmu;
	uint64_t tail, commands, queue;
};

static void count_commands(void *context, unsigned int window, uint64_t offset, uint64_t value)
{
	struct effort *e = context;
	uint64_t size;

	(void)window;
	if (e->smmu) {
		if (offset != SMMUV3_REG_CMDQ_PROD)
			return;
		e->commands += (value - e->tail) & 0xfffff;
		e->tail = value;
		return;
	}
	if (offset == VTD_REG_IQA)
		e->queue = value;
	if (offset != VTD_REG_IQT)
		return;
	size = UINT64_C(4096) << (e->queue & VTD_IQA_QS);
	e->commands += ((value - e->tail) & (size - 1)) / VTD_DESC_SIZE_128;
	e->tail = value;
}

static void c118_bounded(struct subject *s)
{
	struct effort effort = { 0 };
	struct process p = process_begin(s, NULL);
	const uint64_t pages = 1ull << 20;
	uint64_t one, all;

	effort.smmu = !strcmp(uiommu_device_instance(p.dev)->ops->name, "smmuv3");
	/* A million pages, of which three are there. */
	process_map(s, &p, p.base, pages, RW);
	for (uint64_t page = 0; page < pages; page += pages / 2 - 1)
		process_shares_all(s, &p, p.base + page * s->page, RW);
	wrap_watch_writes(s->wrap, count_commands, &effort);
	process_unmap(s, &p, p.base, 1);
	effort.commands = 0; /* the first one finds out where the queue is */
	process_unmap(s, &p, p.base + s->page, 1);
	process_unmap(s, &p, p.base + (pages / 2 - 1) * s->page, 1);
	one = effort.commands;
	CHECK(s, one > 0, "unmapping a page asks nothing of the hardware");
	effort.commands = 0;
	process_unmap(s, &p, p.base + 2 * s->page, pages - 2);
	all = effort.commands;
	wrap_watch_writes(s->wrap, NULL, NULL);
	CHECK(s, all > 0, "unmapping a million pages asks nothing of the hardware");
	CHECK(s, all <= 64 * one, "%llu commands for a million pages, %llu for one",
	      (unsigned long long)all, (unsigned long long)one);
	for (uint64_t page = 0; page < pages; page += pages / 2 - 1)
		process_refused_all(s, &p, p.base + page * s->page);
	process_end(s, &p);
}

/* ---- the process's pages come as they are asked for -------------------------------------------- */

static struct process asking(struct subject *s)
{
	struct process p;

	subject_boot(s, 0);
	p = process_begin(s, NULL);
	if (!p.asks) {
		process_end(s, &p);
		conform_skip(s, "no device of this machine asks for pages");
	}
	return p;
}

static void c119_single(struct subject *s)
{
	struct process p = asking(s);
	const struct subject_dma *ask = &p.way[p.ways - 1];
	unsigned int invalid, total;
	uint64_t word = subject_random(s), seen = 1;

	process_map(s, &p, p.base, 8, RW);
	process_map(s, &p, p.base + 8 * s->page, 4, UIOMMU_READ);
	process_map(s, &p, p.base + 12 * s->page, 4, UIOMMU_READ | UIOMMU_NOEXEC);
	process_responses(&p, 0, NULL);
	/* Never touched: a page of zeros comes. */
	CHECK(s,
	      machine_dma_read(p.device, p.base, &seen, sizeof(seen), p.pasid, ask->flags) ==
			      MACHINE_DMA_DONE &&
		      seen == 0,
	      "a page that was never touched is not read as zeros");
	total = process_responses(&p, 0, &invalid);
	CHECK(s, total == 1 && invalid == 1, "%u responses, %u of them SUCCESS, to one request",
	      total, invalid);
	CHECK(s,
	      machine_dma_write(p.device, p.base + 3 * s->page, &word, sizeof(word), p.pasid,
				ask->flags) == MACHINE_DMA_DONE,
	      "a page that was never touched cannot be written");
	machine_settle(s->machine);
	CHECK_OK(s, uiommu_posix_mm_read(p.mm, p.base + 3 * s->page, &seen, sizeof(seen)));
	CHECK(s, seen == word, "the process does not see what the device wrote");
	/* There already: nothing is asked for. */
	process_responses(&p, 0, NULL);
	process_shares(s, &p, p.base + 3 * s->page, RW, ask);
	CHECK(s, !process_responses(&p, 0, NULL), "a page that is there was asked for");
	/* Read only: read yes, write no. */
	CHECK(s,
	      machine_dma_write(p.device, p.base + 8 * s->page, &word, sizeof(word), p.pasid,
				ask->flags) == MACHINE_DMA_REFUSED,
	      "a device writes to what its process may only read");
	total = process_responses(&p, 1, &invalid);
	CHECK(s, total == 1 && invalid == 1, "%u responses, %u of them a refusal, to one request",
	      total, invalid);
	process_shares(s, &p, p.base + 8 * s->page, UIOMMU_READ, ask);
	/* Nothing there. */
	process_responses(&p, 1, NULL);
	CHECK(s,
	      machine_dma_read(p.device, p.base + 20 * s->page, &word, sizeof(word), p.pasid,
			       ask->flags) == MACHINE_DMA_REFUSED,
	      "a device reads where its process has nothing");
	total = process_responses(&p, 1, &invalid);
	CHECK(s, total == 1 && invalid == 1, "%u responses, %u of them a refusal, to one request",
	      total, invalid);
	/* The process is no kernel, and what is data is not code. */
	CHECK(s,
	      machine_dma_read(p.device, p.base + 5 * s->page, &word, sizeof(word), p.pasid,
			       ask->flags | MACHINE_DMA_PRIVILEGED) != MACHINE_DMA_DONE ||
		      !(machine_device_traits(p.device) & MACHINE_PAGE_REQUESTS),
	      "a privileged request was given a page of a process");
	CHECK(s,
	      machine_dma_read(p.device, p.base + 12 * s->page, &word, sizeof(word), p.pasid,
			       ask->flags | MACHINE_DMA_EXECUTE) != MACHINE_DMA_DONE,
	      "code was read from what is data only");
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	process_end(s, &p);
}

static void c126_unbind_with_requests(struct subject *s)
{
	struct process p = asking(s), next;
	const struct subject_dma *ask = &p.way[p.ways - 1];
	const uiommu_pasid_t pasid = p.pasid;
	enum machine_dma_status status;
	unsigned int refused, total, rounds = 0;
	uint64_t word = 0;

	process_map(s, &p, p.base, 8, RW);
	process_shares_all(s, &p, p.base + 7 * s->page, RW);
	process_responses(&p, 0, NULL);
	/* Nobody has looked at hardware's queue when the bond ends. */
	CHECK_OK(s,
		 machine_dma_start(p.device, false, p.base, NULL, sizeof(word), pasid, ask->flags));
	uiommu_sva_unbind_device(p.sva);
	p.sva = NULL;
	do {
		machine_settle(s->machine);
		status = machine_dma_finish(p.device, &word, sizeof(word));
	} while (status == MACHINE_DMA_WAITING && ++rounds < 200);
	CHECK(s, status == MACHINE_DMA_REFUSED,
	      status == MACHINE_DMA_WAITING ? "a device waits for ever for a bond that has ended" :
					      "a device was served after its bond had ended");
	total = process_responses(&p, 1, &refused);
	CHECK(s, total == 1 && refused == 1, "%u responses, %u of them a refusal", total, refused);
	/* The next one with this PASID has nothing to do with it. */
	process_end(s, &p);
	next = process_begin(s, NULL);
	CHECK(s, next.pasid == pasid, "PASID %u and not %u: nothing can be seen", next.pasid,
	      pasid);
	machine_settle(s->machine);
	CHECK(s, !process_responses(&next, 0, NULL), "answered in the name of the next process");
	process_map(s, &next, next.base, 2, RW);
	process_shares_all(s, &next, next.base, RW);
	process_end(s, &next);
	machine_clear_faults(s->machine);
}

#define DMA CONFORM_HARDWARE
#define ASKS (CONFORM_HARDWARE | CONFORM_ASKS)
#define NEEDS MACHINE_PASID_DMA
#define SVA "Linux iommu_sva_bind_device; "
#define MM "Linux mmu_notifier arch_invalidate_secondary_tlbs; "

const struct conform_scenario conform_sva[] = {
	{ "C091", "A reset leaves the bond to a process: blocked meanwhile, there afterwards",
	  "Linux pci_dev_reset_iommu_done with SVA domains", AREA_ATTACH, DMA,
	  MACHINE_PASID_DMA | MACHINE_RESET, c091_reset },
	{ "C110", "Bound twice, a process is bound until it was unbound twice", SVA, AREA_PASID,
	  DMA, NEEDS, c110_counted },
	{ "C111", "A process has one PASID: a device that cannot send it is refused", SVA,
	  AREA_PASID, CONFORM_ONCE, 0, c111_widths },
	{ "C112", "When a process exits its devices reach nothing more, and unbinding is fine",
	  SVA "mm release", AREA_PASID, DMA, NEEDS, c112_exit },
	{ "C113", "What a process unmaps its devices lose, to the exact page",
	  MM "its end is exclusive", AREA_PASID, DMA, NEEDS, c113_unmap },
	{ "C114", "The last page of the address space is unmapped like any other",
	  MM "its end is exclusive", AREA_PASID, DMA, NEEDS, c114_last_page },
	{ "C115", "Two devices of one process use one PASID, which is its own until it is gone",
	  SVA, AREA_PASID, DMA, NEEDS, c115_one_pasid },
	{ "C116", "PASIDs run out, and are used again when they are free",
	  "Linux iommu_alloc_global_pasid", AREA_PASID, CONFORM_ONCE, 0, c116_exhausted },
	{ "C117", "The next process with a PASID sees nothing of the one before",
	  "Linux set_dev_pasid contract", AREA_PASID, DMA, NEEDS, c117_reused },
	{ "C118", "Unmapping a million pages is a bounded number of commands",
	  "Linux: soft lockup triggered by mm_invalidate_range", AREA_PASID, DMA, NEEDS,
	  c118_bounded },
	{ "C252", "What a process may only read its devices may only read from then on", MM,
	  AREA_PASID, DMA, NEEDS, c252_protect },
	{ "C253", "After a fork a device writes to its own process's copy, or not at all", MM,
	  AREA_PASID, DMA, NEEDS, c253_fork },
	{ "C119", "A page that may be had comes when it is asked for; others are refused",
	  "Linux iommu_sva_handle_mm", AREA_FAULTS, ASKS, NEEDS, c119_single },
	{ "C126",
	  "Unbinding answers what the device still asks for, before its PASID is used again",
	  "Linux iommu_sva_unbind_device, iopf_queue_flush_dev", AREA_FAULTS, ASKS, NEEDS,
	  c126_unbind_with_requests },
	{ 0 },
};
