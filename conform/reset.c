/* SPDX-License-Identifier: MIT */
/* reset.c - a function is reset: what its IOMMU does before, meanwhile and afterwards */
#include <string.h>

#include "conform/interleave.h"
#include "conform/script.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define PASIDS 2

/* Page 0 of the buffer is the RID's, the next ones are those of the PASIDs, the last one is spare. */
struct work {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct uiommu_domain *domain[1 + PASIDS];
	struct subject_buffer buffer;
	unsigned int domains; /* with the RID's */
	bool ats;
};

static const uint32_t pasids[1 + PASIDS] = { 0, 5, 9 };

static uint64_t phys(const struct subject *s, const struct work *w, unsigned int page)
{
	return w->buffer.phys + page * s->page;
}

/* The most able of the machine's devices that can be reset, or that is there at all. */
static const char *choose(struct subject *s, bool reset)
{
	static const char *const labels[] = { "pri0", "pasid0", "ats0", "solo0" };

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct machine_device *device = machine_device(s->machine, labels[i]);

		if (device && (!reset || machine_device_traits(device) & MACHINE_RESET))
			return labels[i];
	}
	conform_skip(s, "no device of this machine can be reset");
}

static struct work begin(struct subject *s, bool reset)
{
	struct work w = { .domains = 1 };
	const char *label;

	subject_boot(s, 0);
	label = choose(s, reset);
	w.device = subject_machine_device(s, label);
	w.dev = subject_device(s, label);
	w.group = subject_claim(s, label);
	w.buffer = subject_buffer(s, (2 + PASIDS) * s->page);
	w.ats = uiommu_device_capable(w.dev, UIOMMU_CAP_ATS) &&
		machine_device_traits(w.device) & MACHINE_ATS;
	if (uiommu_device_max_pasids(w.dev) > pasids[PASIDS])
		w.domains += PASIDS;
	for (unsigned int i = 0; i < w.domains; i++) {
		w.domain[i] = subject_domain(s, w.dev, w.domains > 1 ? UIOMMU_ALLOC_PASID : 0);
		CHECK_OK(s, uiommu_map(w.domain[i], s->iova, phys(s, &w, i), s->page, RW));
	}
	return w;
}

static void attach(struct subject *s, struct work *w)
{
	CHECK_OK(s, uiommu_attach_group(w->domain[0], w->group));
	for (unsigned int i = 1; i < w->domains; i++)
		CHECK_OK(s, uiommu_attach_device_pasid(w->domain[i], w->dev, pasids[i], NULL));
}

static void detach(struct work *w)
{
	uiommu_detach_group(w->domain[0], w->group);
	for (unsigned int i = 1; i < w->domains; i++)
		uiommu_detach_device_pasid(w->domain[i], w->dev, pasids[i]);
}

/* The RID and every PASID, without and (where there is one) through the device's own TLB. */
static void all_reach(struct subject *s, struct work *w, bool reach)
{
	for (unsigned int i = 0; i < w->domains; i++)
		for (unsigned int ats = 0; ats < (w->ats ? 2u : 1u); ats++) {
			const struct subject_dma how = {
				pasids[i],
				(i ? (unsigned int)MACHINE_DMA_WITH_PASID : 0u) |
					(ats ? (unsigned int)MACHINE_DMA_USE_ATS : 0u),
			};

			if (reach)
				subject_dma_reaches(s, w->device, s->iova, phys(s, w, i), RW, &how);
			else
				subject_dma_blocked(s, w->device, s->iova, phys(s, w, i), &how);
		}
}

static void end(struct subject *s, struct work *w)
{
	for (unsigned int i = 0; i < w->domains; i++)
		uiommu_domain_free(w->domain[i]);
	subject_buffer_free(s, &w->buffer);
	subject_release(s, w->group);
}

static void c086_during_dma(struct subject *s)
{
	struct work w = begin(s, true);
	const bool streams = machine_device_traits(w.device) & MACHINE_STREAM;
	struct interleave_wait wait = { 0 };
	struct machine_stream_stats stats;
	uint64_t word;

	attach(s, &w);
	all_reach(s, &w, true);
	if (streams) {
		memcpy(&word, w.buffer.mem, sizeof(word));
		CHECK_OK(s, machine_stream_start(w.device, s->iova, sizeof(word), 0,
						 w.ats ? MACHINE_DMA_USE_ATS : 0, word, word));
		do
			machine_stream_stats(w.device, &stats);
		while (!stats.done && interleave_wait(&wait));
		CHECK(s, stats.done, "the stream does not run");
	}
	CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
	if (streams) {
		/* What goes on is refused from now on. */
		wait = (struct interleave_wait){ 0 };
		do
			machine_stream_stats(w.device, &stats);
		while (!stats.refused && interleave_wait(&wait));
		machine_stream_stop(w.device, &stats);
		CHECK(s, stats.refused, "the stream was never refused");
		CHECK(s, !stats.wrong, "the stream read %llu words from elsewhere",
		      (unsigned long long)stats.wrong);
	}
	all_reach(s, &w, false);
	/* In the middle of it the function sends nothing, and the IOMMU has nothing to refuse. */
	CHECK_OK(s, machine_device_reset_begin(w.device));
	CHECK(s, !subject_dma_sees(s, w.device, s->iova, phys(s, &w, 0), NULL),
	      "a function in reset reads memory");
	machine_device_reset_end(w.device);
	all_reach(s, &w, false);
	/* Nobody tells a device TLB of what changes now. */
	CHECK(s, uiommu_unmap(w.domain[0], s->iova, s->page) == s->page, "unmap");
	CHECK_OK(s, uiommu_map(w.domain[0], s->iova, phys(s, &w, 1 + PASIDS), s->page, RW));
	uiommu_device_reset_done(w.dev);
	subject_dma_reaches(s, w.device, s->iova, phys(s, &w, 1 + PASIDS), RW, NULL);
	CHECK(s, uiommu_unmap(w.domain[0], s->iova, s->page) == s->page, "unmap");
	CHECK_OK(s, uiommu_map(w.domain[0], s->iova, phys(s, &w, 0), s->page, RW));
	all_reach(s, &w, true);
	detach(&w);
	all_reach(s, &w, false);
	end(s, &w);
}

static void c087_nesting(struct subject *s)
{
	struct work w = begin(s, false);

	attach(s, &w);
	CHECK(s, !uiommu_device_in_reset(w.dev), "in reset from the start");
	CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
	wrap_reset_counts(s->wrap);
	CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
	CHECK(s, uiommu_device_in_reset(w.dev), "not in reset");
	uiommu_device_reset_done(w.dev);
	CHECK(s, !wrap_count(s->wrap, WRAP_COMMIT), "the inner reset asked the driver");
	CHECK(s, uiommu_device_in_reset(w.dev), "the inner done ended the outer reset");
	all_reach(s, &w, false);
	uiommu_device_reset_done(w.dev);
	CHECK(s, !uiommu_device_in_reset(w.dev), "still in reset");
	all_reach(s, &w, true);

	/* One too many is reported and counts for nothing. */
	subject_expect_warnings(s, 1);
	uiommu_device_reset_done(w.dev);
	all_reach(s, &w, true);
	CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
	all_reach(s, &w, false);
	uiommu_device_reset_done(w.dev);
	all_reach(s, &w, true);
	detach(&w);
	end(s, &w);
}

static void c088_busy(struct subject *s)
{
	struct uiommu_attach_handle handle[3];
	struct work w = begin(s, false);

	memset(handle, 0, sizeof(handle));
	CHECK_OK(s, uiommu_attach_group_handle(w.domain[0], w.group, &handle[0]));
	if (w.domains > 1)
		CHECK_OK(s, uiommu_attach_device_pasid(w.domain[1], w.dev, pasids[1], &handle[1]));
	CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
	wrap_reset_counts(s->wrap);
	CHECK_RC(s, uiommu_replace_group_handle(w.group, w.domain[w.domains - 1], &handle[2]),
		 w.domains > 1 ? -UIOMMU_EBUSY : 0);
	if (w.domains > 1) {
		CHECK_RC(s, uiommu_attach_device_pasid(w.domain[2], w.dev, pasids[2], NULL),
			 -UIOMMU_EBUSY);
		CHECK_RC(s, uiommu_replace_device_pasid(w.domain[2], w.dev, pasids[1], &handle[2]),
			 -UIOMMU_EBUSY);
	}
	CHECK(s, !wrap_count(s->wrap, WRAP_PREPARE), "the driver was asked");
	/* Leaving is possible; what is left comes back. */
	uiommu_detach_group_handle(w.domain[0], w.group);
	CHECK_RC(s, uiommu_attach_group(w.domain[0], w.group), -UIOMMU_EBUSY);
	all_reach(s, &w, false);
	uiommu_device_reset_done(w.dev);
	subject_dma_blocked(s, w.device, s->iova, phys(s, &w, 0), NULL);
	if (w.domains > 1) {
		const struct subject_dma how = { pasids[1], MACHINE_DMA_WITH_PASID };

		subject_dma_reaches(s, w.device, s->iova, phys(s, &w, 1), RW, &how);
		CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
		uiommu_detach_device_pasid(w.domain[1], w.dev, pasids[1]);
		uiommu_device_reset_done(w.dev);
		subject_dma_blocked(s, w.device, s->iova, phys(s, &w, 1), &how);
	}
	attach(s, &w);
	all_reach(s, &w, true);
	detach(&w);
	end(s, &w);
}

static void c089_group_goes_on(struct subject *s)
{
	static const char *const labels[] = { "trio0", "trio1", "trio2" };
	struct machine_device *device[3];
	struct uiommu_device *dev[3];
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;

	subject_boot(s, 0);
	for (unsigned int i = 0; i < 3; i++) {
		device[i] = subject_machine_device(s, labels[i]);
		dev[i] = subject_device(s, labels[i]);
	}
	group = subject_claim(s, "trio0");
	buffer = subject_buffer(s, s->page);
	domain = subject_domain(s, dev[0], 0);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_attach_group(domain, group));

	/* One is reset, the others work; the group leaves its domain: they leave it at once. */
	CHECK_OK(s, uiommu_device_reset_prepare(dev[0]));
	subject_dma_blocked(s, device[0], s->iova, buffer.phys, NULL);
	for (unsigned int i = 1; i < 3; i++)
		subject_dma_reaches(s, device[i], s->iova, buffer.phys, RW, NULL);
	CHECK(s, uiommu_group_domain(group) == domain, "the group has another domain");
	CHECK(s,
	      uiommu_device_domain(dev[0]) != domain &&
		      uiommu_domain_type(uiommu_device_domain(dev[0])) != UIOMMU_DOMAIN_IDENTITY,
	      "the device in reset is said to be translated");
	CHECK(s, uiommu_device_domain(dev[1]) == domain, "its sibling is said not to be");
	uiommu_detach_group(domain, group);
	for (unsigned int i = 0; i < 3; i++)
		subject_dma_blocked(s, device[i], s->iova, buffer.phys, NULL);
	uiommu_device_reset_done(dev[0]);
	subject_dma_blocked(s, device[0], s->iova, buffer.phys, NULL);
	CHECK(s, uiommu_device_domain(dev[0]) == uiommu_group_domain(group),
	      "after its reset the device is not on its group's domain");

	/* The owner gives the group back meanwhile: the others have their default, and it at the end. */
	CHECK_OK(s, uiommu_attach_group(domain, group));
	CHECK_OK(s, uiommu_device_reset_prepare(dev[2]));
	uiommu_detach_group(domain, group);
	subject_release(s, group);
	script_default_dma(s, "trio0");
	script_default_dma(s, "trio1");
	CHECK(s, uiommu_device_in_reset(dev[2]), "the reset has ended by itself");
	subject_dma_blocked(s, device[2], buffer.phys, buffer.phys, NULL);
	uiommu_device_reset_done(dev[2]);
	script_default_dma(s, "trio2");
	uiommu_domain_free(domain);
	subject_buffer_free(s, &buffer);
}

/* A fault names the source ID, so it may be said to be the other one's. */
static void alias_blocked(struct subject *s, struct machine_device *device, uint64_t phys)
{
	CHECK(s, !subject_dma_sees(s, device, s->iova, phys, NULL), "%s may read and must not",
	      machine_device_label(device));
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
}

static void c090_aliases(struct subject *s)
{
	struct machine_device *device[2];
	struct uiommu_device *dev[2];
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;

	subject_boot(s, 0);
	device[0] = subject_machine_device(s, "bridged0");
	device[1] = subject_machine_device(s, "bridged1");
	dev[0] = subject_device(s, "bridged0");
	dev[1] = subject_device(s, "bridged1");
	group = subject_claim(s, "bridged0");
	buffer = subject_buffer(s, s->page);
	domain = subject_domain(s, dev[0], 0);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_attach_group(domain, group));
	/* Each order of two resets that overlap. */
	for (unsigned int order = 0; order < 4; order++) {
		const unsigned int first = order & 1, out = order >> 1;

		CHECK_OK(s, uiommu_device_reset_prepare(dev[first]));
		for (unsigned int i = 0; i < 2; i++) {
			CHECK(s, uiommu_device_in_reset(dev[i]),
			      "%s: its source ID is in reset and it is not",
			      machine_device_label(device[i]));
			alias_blocked(s, device[i], buffer.phys);
		}
		CHECK_OK(s, uiommu_device_reset_prepare(dev[!first]));
		uiommu_device_reset_done(dev[out]);
		for (unsigned int i = 0; i < 2; i++)
			alias_blocked(s, device[i], buffer.phys);
		uiommu_device_reset_done(dev[!out]);
		for (unsigned int i = 0; i < 2; i++) {
			CHECK(s, !uiommu_device_in_reset(dev[i]), "%s is still in reset",
			      machine_device_label(device[i]));
			subject_dma_reaches(s, device[i], s->iova, buffer.phys, RW, NULL);
		}
	}
	/* One of them is unplugged in the middle of its reset: the other one comes back. */
	CHECK_OK(s, uiommu_device_reset_prepare(dev[1]));
	alias_blocked(s, device[0], buffer.phys);
	machine_remove_device(s->machine, device[1]);
	CHECK(s, !uiommu_device_in_reset(dev[0]), "it waits for a device that is gone");
	subject_dma_reaches(s, device[0], s->iova, buffer.phys, RW, NULL);
	/* And one that is plugged in beside a reset is blocked from the start. */
	CHECK_OK(s, uiommu_device_reset_prepare(dev[0]));
	CHECK_OK(s, machine_add_device(s->machine, device[1]));
	alias_blocked(s, device[1], buffer.phys);
	uiommu_device_reset_done(dev[0]);
	for (unsigned int i = 0; i < 2; i++)
		subject_dma_reaches(s, device[i], s->iova, buffer.phys, RW, NULL);
	uiommu_detach_group(domain, group);
	uiommu_domain_free(domain);
	subject_buffer_free(s, &buffer);
	subject_release(s, group);
}

static void c251_silent(struct subject *s)
{
	struct work w = begin(s, true);
	const struct uiommu_fault *said = NULL;
	const struct subject_dma ats = { 0, MACHINE_DMA_USE_ATS };

	if (!w.ats || !(machine_device_traits(w.device) & MACHINE_MISBEHAVE)) {
		end(s, &w);
		conform_skip(s, "no device here has a device TLB that can be told to be silent");
	}
	attach(s, &w);
	all_reach(s, &w, true);
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	subject_expect_warnings(s, 1);
	CHECK_OK(s, machine_misbehave(w.device, MACHINE_ATC_SILENT, 0));
	CHECK(s, uiommu_unmap(w.domain[0], s->iova, s->page) == s->page, "unmap");
	CHECK(s, uiommu_device_quarantined(w.dev), "a silent device is not in quarantine");
	/* Nothing of what it still holds gets through, nor does it get anything new. */
	CHECK(s, !subject_dma_sees(s, w.device, s->iova, phys(s, &w, 0), &ats),
	      "a device in quarantine uses what it has kept");
	machine_settle(s->machine);
	for (size_t i = 0; i < machine_num_faults(s->machine); i++)
		if (machine_fault(s->machine, i)->device == w.dev &&
		    !machine_fault(s->machine, i)->iova)
			said = machine_fault(s->machine, i);
	CHECK(s, said && said->reason && said->reason[0], "nobody was told of the quarantine");
	/* The others' work goes on, with this device attached. */
	CHECK_OK(s, uiommu_map(w.domain[0], s->iova, phys(s, &w, 0), s->page, RW));
	CHECK(s, uiommu_unmap(w.domain[0], s->iova, s->page) == s->page, "unmap");
	CHECK_OK(s, uiommu_map(w.domain[0], s->iova, phys(s, &w, 1 + PASIDS), s->page, RW));
	/* A reset cures it. */
	CHECK_OK(s, uiommu_device_reset_prepare(w.dev));
	CHECK_OK(s, machine_device_reset(w.device));
	uiommu_device_reset_done(w.dev);
	CHECK(s, !uiommu_device_quarantined(w.dev), "a reset does not end the quarantine");
	subject_dma_reaches(s, w.device, s->iova, phys(s, &w, 1 + PASIDS), RW, &ats);
	CHECK(s, uiommu_unmap(w.domain[0], s->iova, s->page) == s->page, "unmap");
	subject_dma_blocked(s, w.device, s->iova, phys(s, &w, 1 + PASIDS), &ats);
	CHECK_OK(s, uiommu_map(w.domain[0], s->iova, phys(s, &w, 0), s->page, RW));
	all_reach(s, &w, true);
	detach(&w);
	end(s, &w);
}

#define DMA CONFORM_HARDWARE
#define LINUX "Linux pci_dev_reset_iommu_prepare, pci_dev_reset_iommu_done"

const struct conform_scenario conform_reset[] = {
	{ "C086", "Nothing is translated for a function in reset, and everything is afterwards",
	  LINUX, AREA_ATTACH, DMA, MACHINE_RESET, c086_during_dma },
	{ "C087", "Resets nest, and one done too many does nothing but a report", LINUX,
	  AREA_ATTACH, DMA, 0, c087_nesting },
	{ "C088", "In reset nothing can be attached; what is detached does not come back", LINUX,
	  AREA_ATTACH, DMA, 0, c088_busy },
	{ "C089", "A reset member's group goes on; the member follows when its reset is done",
	  LINUX, AREA_ATTACH, DMA, 0, c089_group_goes_on },
	{ "C090", "Devices with one source ID are blocked while any of them is in reset",
	  "the contract of uiommu_device_reset_prepare; Linux warns", AREA_ATTACH, DMA, 0,
	  c090_aliases },
	{ "C251",
	  "A device that does not answer invalidations is put in quarantine, not waited for",
	  "VT-d 6.5.2.11; SMMUv3 4.5.1; PCIe 10.3.1", AREA_ATTACH, DMA,
	  MACHINE_RESET | MACHINE_MISBEHAVE, c251_silent },
	{ 0 },
};
