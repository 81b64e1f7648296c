/* SPDX-License-Identifier: MIT */
/* process.c - a process whose address space devices share: see process.h */
#include "conform/process.h"

#include <string.h>

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define BYTES 16

const char *process_label(struct subject *s)
{
	return machine_device(s->machine, "pri0") ? "pri0" : "pasid0";
}

struct uiommu_mm *process_create(struct subject *s, const char *label)
{
	struct machine_device *device = subject_machine_device(s, label);
	struct uiommu_mm *mm = NULL;
	int rc;

	do
		rc = machine_mm_create(s->machine, device, &mm);
	while (rc == -UIOMMU_ENOMEM && s->fail_at && !s->retried++);
	if (rc == -UIOMMU_EOPNOTSUPP)
		conform_skip(s, "this hardware does not walk the tables of a process");
	CHECK(s, rc == 0, "a process: %s", uiommu_strerror(rc));
	return mm;
}

int process_bind(struct subject *s, const char *label, struct uiommu_mm *mm, struct process *p)
{
	struct uiommu_mm_format_info info;
	unsigned int traits, bits;
	int rc;

	memset(p, 0, sizeof(*p));
	p->device = subject_machine_device(s, label);
	p->dev = subject_device(s, label);
	p->mm = mm;
	traits = machine_device_traits(p->device);
	rc = uiommu_sva_bind_device(p->dev, mm, &p->sva);
	if (rc)
		return rc;
	p->pasid = uiommu_sva_pasid(p->sva);
	p->pri = traits & MACHINE_PAGE_REQUESTS;
	p->asks = p->pri || traits & MACHINE_STALL;
	/* Whose requests may be stalled has no others. */
	if (!p->asks || p->pri)
		p->way[p->ways++] = (struct subject_dma){ p->pasid, MACHINE_DMA_WITH_PASID };
	if (uiommu_device_capable(p->dev, UIOMMU_CAP_ATS) && traits & MACHINE_ATS)
		p->way[p->ways++] = (struct subject_dma){ p->pasid, MACHINE_DMA_WITH_PASID |
									    MACHINE_DMA_USE_ATS };
	if (p->asks)
		p->way[p->ways++] = (struct subject_dma){
			p->pasid, MACHINE_DMA_WITH_PASID | MACHINE_DMA_PAGE_REQUEST |
					  (p->pri ? (unsigned int)MACHINE_DMA_USE_ATS : 0u)
		};
	rc = uiommu_port_mm_describe(machine_host(s->machine), mm, &info);
	CHECK(s, rc == 0, "describe: %s", uiommu_strerror(rc));
	/* The lower half: x86-64 counts the bit that tells the halves apart. */
	bits = info.format == UIOMMU_MM_X86_64 ? info.va_bits - 1 : info.va_bits;
	p->last = (1ull << bits) - 1;
	p->base = 3 * s->large;
	return 0;
}

struct process process_begin(struct subject *s, const char *label)
{
	struct uiommu_mm *mm;
	struct process p;
	int rc;

	if (!s->machine)
		subject_boot(s, 0);
	if (!label)
		label = process_label(s);
	if (!uiommu_device_max_pasids(subject_device(s, label)))
		conform_skip(s, "this hardware has no PASIDs");
	mm = process_create(s, label);
	rc = process_bind(s, label, mm, &p);
	if (rc == -UIOMMU_EOPNOTSUPP) {
		uiommu_posix_mm_put(mm);
		conform_skip(s, "this hardware does not walk the tables of a process");
	}
	if (rc == -UIOMMU_ENOMEM) /* the sweep: once only */
		rc = process_bind(s, label, mm, &p);
	CHECK(s, rc == 0, "bind: %s", uiommu_strerror(rc));
	return p;
}

void process_end(struct subject *s, struct process *p)
{
	(void)s;
	if (p->sva)
		uiommu_sva_unbind_device(p->sva);
	if (p->mm)
		uiommu_posix_mm_put(p->mm);
	p->sva = NULL;
	p->mm = NULL;
}

void process_map(struct subject *s, struct process *p, uint64_t address, uint64_t pages,
		 unsigned int prot)
{
	CHECK_OK(s, uiommu_posix_mm_map(p->mm, address, pages * s->page, prot));
}

void process_unmap(struct subject *s, struct process *p, uint64_t address, uint64_t pages)
{
	CHECK_OK(s, uiommu_posix_mm_unmap(p->mm, address, pages * s->page));
}

/* ---- what they see of each other --------------------------------------------------------------- */

static void expect_clean(struct subject *s, bool clean)
{
	struct machine_hardware *hw = machine_hardware(s->machine);

	if (hw->ops->expect_clean)
		hw->ops->expect_clean(hw, clean);
}

static void fresh(struct subject *s, unsigned char *bytes)
{
	for (size_t i = 0; i < BYTES; i += sizeof(uint64_t)) {
		uint64_t word = subject_random(s);

		memcpy(bytes + i, &word, sizeof(word));
	}
}

static const char *way_name(const struct subject_dma *how)
{
	if (how->flags & MACHINE_DMA_PAGE_REQUEST)
		return "asking for pages";
	return how->flags & MACHINE_DMA_USE_ATS ? "through its TLB" : "untranslated";
}

void process_shares(struct subject *s, struct process *p, uint64_t address, unsigned int prot,
		    const struct subject_dma *how)
{
	unsigned char want[BYTES], got[BYTES];
	enum machine_dma_status status;
	int rc;

	fresh(s, want);
	memset(got, 0, sizeof(got));
	/* Its own writing is also what brings the page for a device that cannot ask. */
	do
		rc = prot & UIOMMU_WRITE ? uiommu_posix_mm_write(p->mm, address, want, BYTES) :
					   uiommu_posix_mm_read(p->mm, address, want, BYTES);
	while (rc == -UIOMMU_ENOMEM && s->fail_at && !s->retried++);
	CHECK(s, rc == 0, "the process cannot use 0x%llx itself: %s", (unsigned long long)address,
	      uiommu_strerror(rc));
	expect_clean(s, true);
	status = machine_dma_read(p->device, address, got, BYTES, how->pasid, how->flags);
	CHECK(s, status == MACHINE_DMA_DONE && !memcmp(got, want, BYTES),
	      "%s (%s) %s the process has at 0x%llx", machine_device_label(p->device),
	      way_name(how),
	      status == MACHINE_DMA_DONE ? "reads something else than" : "cannot read what",
	      (unsigned long long)address);
	fresh(s, want);
	status = machine_dma_write(p->device, address, want, BYTES, how->pasid, how->flags);
	machine_settle(s->machine);
	expect_clean(s, false);
	rc = uiommu_posix_mm_read(p->mm, address, got, BYTES);
	CHECK(s, rc == 0, "the process cannot read 0x%llx itself: %s", (unsigned long long)address,
	      uiommu_strerror(rc));
	if (prot & UIOMMU_WRITE)
		CHECK(s, status == MACHINE_DMA_DONE && !memcmp(got, want, BYTES),
		      "%s (%s) writes at 0x%llx, and the process does not see it",
		      machine_device_label(p->device), way_name(how), (unsigned long long)address);
	else
		CHECK(s, status != MACHINE_DMA_DONE && memcmp(got, want, BYTES) != 0,
		      "%s (%s) writes to what the process may only read, at 0x%llx",
		      machine_device_label(p->device), way_name(how), (unsigned long long)address);
	machine_clear_faults(s->machine);
}

void process_shares_all(struct subject *s, struct process *p, uint64_t address, unsigned int prot)
{
	for (unsigned int i = 0; i < p->ways; i++)
		process_shares(s, p, address, prot, &p->way[i]);
}

void process_refused(struct subject *s, struct process *p, uint64_t address,
		     const struct subject_dma *how)
{
	unsigned char bytes[BYTES], before[BYTES], after[BYTES];
	enum machine_dma_status status[2];
	bool readable;

	fresh(s, bytes);
	readable = p->mm && !uiommu_posix_mm_read(p->mm, address, before, BYTES);
	expect_clean(s, true);
	status[0] = machine_dma_write(p->device, address, bytes, BYTES, how->pasid, how->flags);
	status[1] = machine_dma_read(p->device, address, bytes, BYTES, how->pasid, how->flags);
	machine_settle(s->machine);
	expect_clean(s, false);
	CHECK(s, status[0] == MACHINE_DMA_REFUSED, "%s (%s) writes at 0x%llx and must not",
	      machine_device_label(p->device), way_name(how), (unsigned long long)address);
	CHECK(s, status[1] == MACHINE_DMA_REFUSED, "%s (%s) reads at 0x%llx and must not",
	      machine_device_label(p->device), way_name(how), (unsigned long long)address);
	if (readable && !uiommu_posix_mm_read(p->mm, address, after, BYTES))
		CHECK(s, !memcmp(before, after, BYTES), "what the process has at 0x%llx changed",
		      (unsigned long long)address);
	machine_clear_faults(s->machine);
}

void process_refused_all(struct subject *s, struct process *p, uint64_t address)
{
	for (unsigned int i = 0; i < p->ways; i++)
		process_refused(s, p, address, &p->way[i]);
}

unsigned int process_responses(struct process *p, unsigned int code, unsigned int *with_code)
{
	struct machine_page_response response;
	unsigned int count = 0;

	if (with_code)
		*with_code = 0;
	while (machine_page_response(p->device, &response)) {
		count++;
		if (with_code)
			*with_code += response.code == code;
	}
	return count;
}
