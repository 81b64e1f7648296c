/* SPDX-License-Identifier: MIT */
/* races.c - what a thread saw, and how devices go through a domain: see races.h */
#include "conform/races.h"

#include <stdio.h>
#include <string.h>

void note_wrong(struct note *n, const char *format, ...)
{
	va_list args;

	if (n->text[0])
		return;
	va_start(args, format);
	vsnprintf(n->text, sizeof(n->text), format, args);
	va_end(args);
}

void note_judge(struct subject *s, const struct note *n, const char *what, unsigned int at)
{
	CHECK(s, !n->text[0], "%s, point %u: %s", what, at, n->text);
}
bool lane_open(struct subject *s, struct lane *lane, const char *label, struct subject_dma how)
{
	*lane = (struct lane){ .device = machine_device(s->machine, label), .how = how };
	if (!lane->device)
		return false;
	lane->dev = subject_device(s, label);
	if (how.pasid && uiommu_device_max_pasids(lane->dev) <= how.pasid)
		return false;
	lane->group = subject_claim(s, label);
	return true;
}

int lane_attach(struct lane *lane, struct uiommu_domain *domain)
{
	return lane->how.pasid ?
		       uiommu_attach_device_pasid(domain, lane->dev, lane->how.pasid, NULL) :
		       uiommu_attach_group(domain, lane->group);
}

void lane_detach(struct lane *lane, struct uiommu_domain *domain)
{
	if (lane->how.pasid)
		uiommu_detach_device_pasid(domain, lane->dev, lane->how.pasid);
	else
		uiommu_detach_group(domain, lane->group);
}

unsigned int lane_alloc_flags(const struct lane *lane)
{
	return lane->how.pasid ? UIOMMU_ALLOC_PASID : 0;
}

/* The word at @iova; false: refused. */
static bool lane_read(struct lane *lane, uint64_t iova, uint64_t *word)
{
	*word = 0;
	return machine_dma_read(lane->device, iova, word, sizeof(*word), lane->how.pasid,
				lane->how.flags) == MACHINE_DMA_DONE;
}

void lane_refused(struct lane *lane, uint64_t iova, struct note *n, const char *when)
{
	uint64_t word;

	if (lane_read(lane, iova, &word))
		note_wrong(n, "%s reads 0x%llx at 0x%llx %s", machine_device_label(lane->device),
			   (unsigned long long)word, (unsigned long long)iova, when);
}

void lane_reads(struct lane *lane, uint64_t iova, uint64_t expected, struct note *n,
		const char *when)
{
	uint64_t word;

	if (!lane_read(lane, iova, &word))
		note_wrong(n, "%s is refused at 0x%llx %s", machine_device_label(lane->device),
			   (unsigned long long)iova, when);
	else if (word != expected)
		note_wrong(n, "%s reads 0x%llx at 0x%llx %s, and not 0x%llx",
			   machine_device_label(lane->device), (unsigned long long)word,
			   (unsigned long long)iova, when, (unsigned long long)expected);
}

/* Refused, or the word: both are right while a switch goes on.  True if it was read. */
bool lane_may_read(struct lane *lane, uint64_t iova, uint64_t expected, struct note *n)
{
	uint64_t word;

	if (!lane_read(lane, iova, &word))
		return false;
	if (word != expected)
		note_wrong(n, "%s reads 0x%llx at 0x%llx, and not 0x%llx",
			   machine_device_label(lane->device), (unsigned long long)word,
			   (unsigned long long)iova, (unsigned long long)expected);
	return true;
}

void race_fill(struct subject *s, const struct subject_buffer *buffer, uint64_t page, uint64_t word)
{
	for (uint64_t at = 0; at < s->page; at += sizeof(word))
		memcpy(buffer->mem + page * s->page + at, &word, sizeof(word));
}

/* Requests that were refused on purpose left faults behind. */
void race_forget_faults(struct subject *s)
{
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
}
static bool two_drivers(struct subject *s)
{
	return machine_device(s->machine, "pasid1") &&
	       strcmp(uiommu_device_instance(subject_device(s, "pasid0"))->ops->name,
		      uiommu_device_instance(subject_device(s, "pasid1"))->ops->name) != 0;
}

/* Each way in which a device of this machine can go through a domain. */
void lane_for_each(struct subject *s, struct interleave *i,
		   void (*run)(struct subject *s, struct interleave *i, struct lane lane))
{
	static const struct {
		const char *label;
		struct subject_dma how;
	} ways[] = {
		{ "pasid0", { 0, 0 } },
		{ "pasid0", { PASID, MACHINE_DMA_WITH_PASID } },
		{ "pasid1", { 0, 0 } },
		{ "ats0", { 0, MACHINE_DMA_USE_ATS } },
	};
	unsigned int ran = 0;
	struct lane lane;

	for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++) {
		/* The second engine shows something only where another driver serves it. */
		if (!strcmp(ways[w].label, "pasid1") && !two_drivers(s))
			continue;
		if (!lane_open(s, &lane, ways[w].label, ways[w].how))
			continue;
		run(s, i, lane);
		subject_release(s, lane.group);
		ran++;
	}
	CHECK(s, ran, "no device of this machine streams DMA");
}
