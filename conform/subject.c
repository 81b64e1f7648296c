/* SPDX-License-Identifier: MIT */
/* subject.c - one scenario on one subject: boot, checks, DMA that tells, and the reckoning at the end */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform/abi.h"
#include "conform/conform.h"
#include "conform/saboteur.h"
#include "models/model.h"

/* ---- ends of a scenario ------------------------------------------------------------------------ */

static _Noreturn void finish(struct subject *s, enum conform_result result)
{
	s->result = result;
	longjmp(s->end, 1);
}

/* An allocation failed on purpose somewhere before: what follows may honestly be different. */
static bool injected(const struct subject *s)
{
	return s->fail_at && atomic_load(&s->steps) >= s->fail_at;
}

/* Is the hardware itself at an end (an emulator that died)? */
static bool hardware_problem(struct subject *s, char *text, size_t size)
{
	struct machine_hardware *hw = s->machine ? machine_hardware(s->machine) : NULL;

	return hw && hw->ops->problem && hw->ops->problem(hw, text, size);
}

void conform_fail(struct subject *s, const char *file, int line, const char *format, ...)
{
	char problem[400];
	va_list args;
	int n;

	n = snprintf(s->message, sizeof(s->message), "%s:%d: ", file, line);
	va_start(args, format);
	vsnprintf(s->message + n, sizeof(s->message) - (size_t)n, format, args);
	va_end(args);
	/* What the hardware or the library said often explains it. */
	n = (int)strlen(s->message);
	if (s->machine && machine_num_reports(s->machine))
		n += snprintf(s->message + n, sizeof(s->message) - (size_t)n, "; model: %s",
			      machine_report(s->machine, 0)->text);
	if (s->machine && n < (int)sizeof(s->message) - 1 && machine_num_warnings(s->machine))
		n += snprintf(s->message + n, sizeof(s->message) - (size_t)n, "; library: %s",
			      machine_warning(s->machine, 0));
	if (s->machine && n < (int)sizeof(s->message) - 1 && machine_num_faults(s->machine)) {
		const struct uiommu_fault *f =
			machine_fault(s->machine, machine_num_faults(s->machine) - 1);

		n += snprintf(s->message + n, sizeof(s->message) - (size_t)n,
			      "; last fault: 0x%llx, %s", (unsigned long long)f->iova,
			      f->reason ? f->reason : "no reason given");
	}
	if (n < (int)sizeof(s->message) - 1 && hardware_problem(s, problem, sizeof(problem)))
		snprintf(s->message + n, sizeof(s->message) - (size_t)n, "; hardware: %s", problem);
	finish(s, injected(s) ? CONFORM_INJECTED : CONFORM_FAIL);
}

void conform_skip(struct subject *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->message, sizeof(s->message), format, args);
	va_end(args);
	finish(s, injected(s) ? CONFORM_INJECTED : CONFORM_SKIP);
}

static struct uiommu_posix_usage usage_of(struct subject *s)
{
	struct uiommu_posix_usage usage = { 0 };

	if (s->machine)
		uiommu_posix_usage(machine_host(s->machine), &usage);
	return usage;
}

void conform_call_begin(struct subject *s, struct conform_call *call)
{
	call->before = usage_of(s);
	call->armed = s->fail_at && atomic_load(&s->steps) < s->fail_at;
}

bool conform_call_again(struct subject *s, struct conform_call *call, const char *file, int line,
			const char *text, int got, int expected)
{
	if (call->armed && injected(s) && got == -UIOMMU_ENOMEM && expected != got) {
		struct uiommu_posix_usage now = usage_of(s);

		/*
		 * Page tables may keep empty pages for the next map, and a file of the user ABI its
		 * tables of objects; the end of the scenario sees them.
		 */
		bool kept = !s->kind->backend->user && (now.bytes != call->before.bytes ||
							now.objects != call->before.objects ||
							now.mutexes != call->before.mutexes);

		if (kept || now.irqs != call->before.irqs || now.pins != call->before.pins) {
			snprintf(
				s->message, sizeof(s->message),
				"%s:%d: %s failed for want of memory and left %lld objects, %lld bytes, %lld pins",
				file, line, text, (long long)(now.objects - call->before.objects),
				(long long)(now.bytes - call->before.bytes),
				(long long)(now.pins - call->before.pins));
			finish(s, CONFORM_FAIL);
		}
		s->retried++;
		return true;
	}
	if (got != expected)
		conform_fail(s, file, line, "%s: %s expected, got %s (%d)", text,
			     expected ? uiommu_strerror(expected) : "success",
			     got ? uiommu_strerror(got) : "success", got);
	return false;
}

uint64_t subject_random(struct subject *s)
{
	/* splitmix64: one addition and three mixing steps, no state but the counter. */
	uint64_t z = s->random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

void subject_fail_allocation(struct subject *s, uint64_t nth)
{
	s->fail_at = nth ? atomic_load(&s->steps) + nth : 0;
}

bool subject_allocation_failed(const struct subject *s)
{
	return injected(s);
}

/* ---- machine ----------------------------------------------------------------------------------- */

static bool fail_step(void *context, enum uiommu_posix_step step, size_t size)
{
	struct subject *s = context;

	(void)step;
	(void)size;
	/* Relaxed: counting orders nothing that the library leaves unordered. */
	return atomic_fetch_add_explicit(&s->steps, 1, memory_order_relaxed) + 1 == s->fail_at;
}

/* What one more device can do is left of what the others can. */
static void layout_narrow(struct subject_layout *layout, struct uiommu_device *dev)
{
	struct uiommu_geometry geometry;
	struct uiommu_domain *domain;
	uint64_t page;

	if (uiommu_domain_alloc_paging(dev, 0, &domain))
		return;
	uiommu_domain_geometry(domain, &geometry);
	page = uiommu_domain_pgsizes(domain);
	page &= -page;
	if (page > layout->page)
		layout->page = page;
	if (geometry.range[0].start > layout->base)
		layout->base = geometry.range[0].start;
	uiommu_domain_free(domain);
}

/*
 * Scenarios also boot machines in which no device is translated yet, and count what a driver is asked: so a
 * machine of its own is asked, once for each configuration.
 */
static void layout_find(struct subject *s)
{
	struct machine_options options = {
		.name = s->config->machine,
		.hardware = s->kind->hardware,
		.seed = s->seed,
		.driver_flags = s->config->driver_flags,
	};
	struct subject_layout layout = { .config = s->config, .page = 4096 };
	struct machine *machine;
	char error[256];

	if (s->layout.config != s->config) {
		/* A machine that does not come up is the scenario's to report. */
		if (machine_create(&options, &machine, error, sizeof(error)))
			return;
		if (!machine_boot(machine, 0, error, sizeof(error)))
			for (unsigned int i = 0; i < machine_num_devices(machine); i++) {
				struct uiommu_device *dev =
					machine_device_uiommu(machine_device_at(machine, i));

				if (dev && uiommu_device_is_translated(dev))
					layout_narrow(&layout, dev);
			}
		machine_shutdown(machine);
		machine_destroy(machine);
		/* A table is a page of entries of 8 bytes in each format. */
		layout.large = layout.page * (layout.page / 8);
		layout.huge = layout.large * (layout.page / 8);
		layout.base = (layout.base + layout.huge - 1) & ~(layout.huge - 1);
		s->layout = layout;
	}
	s->page = s->layout.page;
	s->large = s->layout.large;
	s->huge = s->layout.huge;
	s->base = s->layout.base;
	s->iova = s->base + 0x7654 * s->page;
}

void subject_boot(struct subject *s, unsigned int flags)
{
	unsigned int missing;
	char error[256] = "";
	bool again, created;
	int rc;

	layout_find(s);
	if (!s->wrap && wrap_create(&s->wrap))
		conform_fail(s, __FILE__, __LINE__, "no memory for the layer");
	/* Some scenarios bring a layer of their own. */
	if (!s->sabotage)
		saboteur_install(s);
	s->options.name = s->config->machine;
	s->options.hardware = s->kind->hardware;
	s->options.seed = s->seed;
	s->options.driver_flags |= s->config->driver_flags;
	s->options.wrap_ops = wrap_ops;
	s->options.wrap_mmio = wrap_mmio;
	s->options.context = s->wrap;
	s->hooks.context = s;
	s->hooks.fail = fail_step;
	s->options.hooks = &s->hooks;
	do {
		bool before = injected(s);

		rc = machine_create(&s->options, &s->machine, error, sizeof(error));
		created = !rc;
		if (rc) {
			s->machine = NULL;
		} else {
			rc = machine_boot(s->machine, flags, error, sizeof(error));
			if (rc) {
				machine_shutdown(s->machine);
				machine_destroy(s->machine);
				s->machine = NULL;
			}
		}
		again = rc && !before && injected(s);
		s->retried += again;
	} while (again);
	/* Hardware that is not there, or cannot be set up so: nothing is wrong, and nothing is shown. */
	if (!created && (rc == -UIOMMU_EOPNOTSUPP || rc == -UIOMMU_ENOENT))
		conform_skip(s, "%s", error);
	if (rc)
		conform_fail(s, __FILE__, __LINE__, "the machine does not boot: %s (%s)", error,
			     uiommu_strerror(rc));
	s->sys = machine_system(s->machine);
	memcpy(s->version, machine_hardware(s->machine)->version, sizeof(s->version));
	missing = s->scenario->traits & ~machine_hardware(s->machine)->traits;
	if (missing) {
		static const char *const names[] = { "sends requests with PASID",
						     "uses ATS",
						     "streams DMA from a thread",
						     "reports violations",
						     "records faults",
						     "keeps stale translations",
						     "reports the end of its DMA",
						     "sends no-snoop requests",
						     "makes page requests",
						     "can be stalled",
						     "can be reset",
						     "misbehaves when told to" };

		conform_skip(s, "nothing on this hardware %s", names[__builtin_ctz(missing)]);
	}
	if (s->scenario->flags & CONFORM_ASKS &&
	    !(machine_hardware(s->machine)->traits & (MACHINE_PAGE_REQUESTS | MACHINE_STALL)))
		conform_skip(s, "nothing on this hardware asks for a page");
}

struct machine_device *subject_machine_device(struct subject *s, const char *label)
{
	struct machine_device *device = machine_device(s->machine, label);

	if (!device)
		conform_skip(s, "no device \"%s\" on this machine", label);
	return device;
}

struct uiommu_device *subject_device(struct subject *s, const char *label)
{
	struct uiommu_device *dev = machine_device_uiommu(subject_machine_device(s, label));

	CHECK(s, dev, "%s was not added", label);
	CHECK(s, uiommu_device_is_translated(dev), "%s is not translated: %s", label,
	      uiommu_strerror(uiommu_device_error(dev)));
	return dev;
}

struct uiommu_group *subject_group(struct subject *s, const char *label)
{
	struct uiommu_group *group = uiommu_group_get(subject_device(s, label));

	CHECK(s, group, "%s has no group", label);
	return group;
}

struct uiommu_group *subject_claim(struct subject *s, const char *label)
{
	struct uiommu_group *group = subject_group(s, label);

	CHECK_OK(s, uiommu_group_claim_dma_owner(group, s));
	return group;
}

void subject_release(struct subject *s, struct uiommu_group *group)
{
	(void)s;
	uiommu_group_release_dma_owner(group);
	uiommu_group_put(group);
}

struct uiommu_domain *subject_domain(struct subject *s, struct uiommu_device *dev,
				     unsigned int alloc_flags)
{
	struct uiommu_domain *domain = NULL;

	CHECK_OK(s, uiommu_domain_alloc_paging(dev, alloc_flags, &domain));
	return domain;
}

void subject_expect_warnings(struct subject *s, unsigned int at_least)
{
	s->any_warnings = true;
	s->expected_warnings += at_least;
}

void subject_expect_reports(struct subject *s, unsigned int at_least)
{
	s->any_reports = true;
	s->expected_reports += at_least;
}

/* ---- DMA --------------------------------------------------------------------------------------- */

#define DMA_BYTES 16

struct subject_buffer subject_buffer(struct subject *s, uint64_t size)
{
	struct subject_buffer buffer = { .size = size };
	uint64_t align = size > s->page ? size : s->page;

	if (s->kind->backend->user)
		buffer.mem =
			uiommu_posix_alloc_ram(machine_host(s->machine), size, align, &buffer.phys);
	else
		buffer.mem = machine_buffer(s->machine, size, align, &buffer.phys);
	CHECK(s, buffer.mem, "the machine's RAM has no room for a buffer of %llu bytes",
	      (unsigned long long)size);
	for (uint64_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = subject_random(s);

		memcpy(buffer.mem + i, &word, sizeof(word));
	}
	return buffer;
}

void subject_buffer_free(struct subject *s, struct subject_buffer *buffer)
{
	if (s->kind->backend->user)
		uiommu_posix_free_ram(machine_host(s->machine), buffer->mem, buffer->size);
	else
		machine_buffer_free(s->machine, buffer->mem, buffer->size);
	buffer->mem = NULL;
}

struct subject_span subject_span(struct subject *s, uint64_t size)
{
	const uint64_t most = 8ull << 20;
	struct subject_span span = { .size = size };

	span.buffer = subject_buffer(s, size < most ? size : most);
	span.phys = span.buffer.phys & ~(s->large - 1);
	span.at = span.buffer.phys - span.phys;
	return span;
}

void subject_span_free(struct subject *s, struct subject_span *span)
{
	subject_buffer_free(s, &span->buffer);
}

static void expect_clean(struct subject *s, bool clean)
{
	struct machine_hardware *hw = machine_hardware(s->machine);

	if (hw->ops->expect_clean)
		hw->ops->expect_clean(hw, clean);
}

static void fresh(struct subject *s, unsigned char *bytes)
{
	uint64_t words[DMA_BYTES / sizeof(uint64_t)];

	for (size_t i = 0; i < DMA_BYTES / sizeof(uint64_t); i++)
		words[i] = subject_random(s);
	memcpy(bytes, words, DMA_BYTES);
}

static unsigned char *memory_at(struct subject *s, uint64_t phys)
{
	return uiommu_posix_phys_to_ptr(machine_host(s->machine), phys);
}

static void request(const struct subject_dma *how, uint32_t *pasid, unsigned int *flags)
{
	*pasid = how ? how->pasid : 0;
	*flags = how ? how->flags : 0;
}

/* For who has to find out why it is not what was expected: the first bytes of both. */
static void say_bytes(struct subject *s, const unsigned char *got, const unsigned char *want)
{
	uint32_t g, w;

	memcpy(&g, got, sizeof(g));
	memcpy(&w, want, sizeof(w));
	snprintf(s->last_read, sizeof(s->last_read), "%08x instead of %08x", g, w);
}

bool subject_dma_sees(struct subject *s, struct machine_device *dev, uint64_t iova, uint64_t phys,
		      const struct subject_dma *how)
{
	unsigned char got[DMA_BYTES], want[DMA_BYTES];
	unsigned int flags;
	uint32_t pasid;

	request(how, &pasid, &flags);
	fresh(s, want);
	memset(got, 0, sizeof(got));
	memcpy(memory_at(s, phys), want, DMA_BYTES);
	if (machine_dma_read(dev, iova, got, DMA_BYTES, pasid, flags) == MACHINE_DMA_REFUSED) {
		snprintf(s->last_read, sizeof(s->last_read), "refused");
		return false;
	}
	say_bytes(s, got, want);
	return memcmp(got, want, DMA_BYTES) == 0;
}

static bool dma_lands(struct subject *s, struct machine_device *dev, uint64_t iova, uint64_t phys,
		      const struct subject_dma *how)
{
	unsigned char want[DMA_BYTES];
	unsigned int flags;
	uint32_t pasid;

	request(how, &pasid, &flags);
	fresh(s, want);
	machine_dma_write(dev, iova, want, DMA_BYTES, pasid, flags);
	machine_settle(s->machine);
	return memcmp(memory_at(s, phys), want, DMA_BYTES) == 0;
}

void subject_dma_reaches(struct subject *s, struct machine_device *dev, uint64_t iova,
			 uint64_t phys, unsigned int prot, const struct subject_dma *how)
{
	bool sees, lands;

	expect_clean(s, true);
	sees = subject_dma_sees(s, dev, iova, phys, how);
	lands = dma_lands(s, dev, iova, phys, how);
	expect_clean(s, false);
	if (sees != !!(prot & UIOMMU_READ) || lands != !!(prot & UIOMMU_WRITE))
		machine_settle(s->machine); /* a fault tells why */
	CHECK(s, sees == !!(prot & UIOMMU_READ), "%s %s at 0x%llx (physical 0x%llx): %s",
	      machine_device_label(dev), sees ? "may read and must not" : "cannot read",
	      (unsigned long long)iova, (unsigned long long)phys, s->last_read);
	CHECK(s, lands == !!(prot & UIOMMU_WRITE), "%s %s at 0x%llx (physical 0x%llx)",
	      machine_device_label(dev), lands ? "may write and must not" : "cannot write",
	      (unsigned long long)iova, (unsigned long long)phys);
	if ((prot & (UIOMMU_READ | UIOMMU_WRITE)) != (UIOMMU_READ | UIOMMU_WRITE)) {
		machine_settle(s->machine);
		machine_clear_faults(s->machine);
	}
}

static void check_fault(struct subject *s, struct machine_device *dev, uint64_t iova,
			const struct subject_dma *how)
{
	const struct uiommu_fault *fault = NULL;

	if (!(machine_hardware(s->machine)->traits & MACHINE_FAULT_RECORDS))
		return;
	/* A device that asks is answered "no access": that is a completion and no fault (PCIe 10.2.3). */
	if (how && (how->flags & MACHINE_DMA_USE_ATS))
		return;
	for (size_t i = 0; i < machine_num_faults(s->machine) && !fault; i++) {
		const struct uiommu_fault *f = machine_fault(s->machine, i);

		if (f->device == machine_device_uiommu(dev))
			fault = f;
	}
	CHECK(s, fault, "a request of %s at 0x%llx was refused and no fault was reported for it",
	      machine_device_label(dev), (unsigned long long)iova);
	CHECK(s, (fault->iova & ~0xfffull) == (iova & ~0xfffull) || fault->iova == 0,
	      "the fault says 0x%llx and not 0x%llx", (unsigned long long)fault->iova,
	      (unsigned long long)iova);
	CHECK(s, fault->reason && fault->reason[0], "fault 0x%x has no reason in words",
	      fault->code);
	if (how && (how->flags & MACHINE_DMA_WITH_PASID) && fault->has_pasid)
		CHECK(s, fault->pasid == how->pasid, "the fault says PASID %u and not %u",
		      fault->pasid, how->pasid);
}

void subject_dma_blocked(struct subject *s, struct machine_device *dev, uint64_t iova,
			 uint64_t phys, const struct subject_dma *how)
{
	bool sees = false, lands = false;
	unsigned char scratch[DMA_BYTES];
	unsigned int flags;
	uint32_t pasid;

	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	request(how, &pasid, &flags);
	expect_clean(s, true);
	if (phys) {
		sees = subject_dma_sees(s, dev, iova, phys, how);
		lands = dma_lands(s, dev, iova, phys, how);
	} else {
		CHECK(s,
		      machine_dma_read(dev, iova, scratch, DMA_BYTES, pasid, flags) !=
				      MACHINE_DMA_DONE ||
			      !(machine_device_traits(dev) & MACHINE_DMA_STATUS),
		      "%s may read at 0x%llx and must not", machine_device_label(dev),
		      (unsigned long long)iova);
	}
	machine_settle(s->machine);
	expect_clean(s, false);
	CHECK(s, !sees, "%s may read at 0x%llx (physical 0x%llx) and must not",
	      machine_device_label(dev), (unsigned long long)iova, (unsigned long long)phys);
	CHECK(s, !lands, "%s may write at 0x%llx (physical 0x%llx) and must not",
	      machine_device_label(dev), (unsigned long long)iova, (unsigned long long)phys);
	check_fault(s, dev, iova, how);
	machine_clear_faults(s->machine);
}

/* ---- one scenario ------------------------------------------------------------------------------ */

static void reckon(struct subject *s)
{
	size_t reports, warnings;
	struct uiommu_posix_usage usage;
	char problem[400];

	machine_settle(s->machine);
	if (s->abi)
		abi_end(s->abi);
	machine_shutdown(s->machine);
	CHECK(s, !hardware_problem(s, problem, sizeof(problem)), "the hardware is gone");
	reports = machine_num_reports(s->machine);
	warnings = machine_num_warnings(s->machine);
	CHECK(s, reports == 0 || s->any_reports, "the model reported %zu violations", reports);
	CHECK(s, warnings == 0 || s->any_warnings || s->fail_at, "the library logged %zu warnings",
	      warnings);
	CHECK(s, reports >= s->expected_reports, "%u reports of the model were due, %zu came",
	      s->expected_reports, reports);
	CHECK(s, warnings >= s->expected_warnings, "%u warnings of the library were due, %zu came",
	      s->expected_warnings, warnings);
	usage = usage_of(s);
	CHECK(s, !usage.objects && !usage.pages && !usage.mutexes && !usage.irqs && !usage.pins,
	      "left behind: %llu objects (%llu bytes), %llu pages, %llu pins, %llu mutexes, "
	      "%llu interrupts",
	      (unsigned long long)usage.objects, (unsigned long long)usage.bytes,
	      (unsigned long long)usage.pages, (unsigned long long)usage.pins,
	      (unsigned long long)usage.mutexes, (unsigned long long)usage.irqs);
}

void subject_run(struct subject *s)
{
	/* Scenarios that use no machine of the subject are possible: nothing is booted for them. */
	s->random_state = s->seed ^ 0x75696f6d6d75ull;
	s->result = CONFORM_PASS;
	s->message[0] = '\0';
	if (setjmp(s->end) == 0) {
		s->scenario->run(s);
		if (s->machine)
			reckon(s);
	}
	if (s->abi && s->result == CONFORM_SKIP)
		abi_stop(s);
	/* After a failure the library's objects stay where they are; only the hardware is put away. */
	if (s->machine && (s->result == CONFORM_PASS || s->result == CONFORM_SKIP))
		machine_destroy(s->machine);
	else if (s->machine)
		machine_hardware(s->machine)->ops->destroy(machine_hardware(s->machine));
	s->machine = NULL;
	if (s->result == CONFORM_PASS || s->result == CONFORM_SKIP)
		wrap_destroy(s->wrap);
	s->wrap = NULL;
}
