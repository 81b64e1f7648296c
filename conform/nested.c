/* SPDX-License-Identifier: MIT */
/*
 * nested.c - a guest's first stage on top of a second one of the host
 *
 * The scenario is the guest: it writes a context descriptor and tables (IHI 0070, 5.4; DDI 0487, D8) into memory
 * that the parent maps, and asks for the invalidations that a guest would ask for.
 */
#include <string.h>

#include "conform/either.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)
#define ASID 7u
/* Pages of the guest's memory, whose first is at s->iova for it. */
enum { CD, TABLES, DATA = TABLES + 3, OTHER, PAGES };

#define STE_V 1ull
#define STE_BYPASS (4ull << 1)
#define STE_S1 (5ull << 1)
#define STE1_CACHED (1ull << 2 | 1ull << 4 | 3ull << 6) /* S1CIR, S1COR, S1CSH */
#define CMD_CFGI_CD 0x05ull
#define CMD_NH_ASID (0x11ull | (uint64_t)ASID << 48)
#define CMD_NH_ALL 0x10ull
#define CMD_SYNC 0x46ull
#define CMD_ATC_INV 0x40ull

struct work {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct uiommu_domain *parent, *nested;
	uint64_t *tables; /* the guest's memory up to DATA: of the kind that IOMMUs read tables from */
	unsigned int order; /* of it */
	struct subject_buffer memory; /* the rest of it */
	unsigned int shift;
	uint64_t iova; /* the guest's: of its page DATA */
	bool ats;
};

static uint64_t ipa(const struct subject *s, unsigned int page)
{
	return s->iova + page * s->page;
}

static uint64_t phys(const struct subject *s, const struct work *w, unsigned int page)
{
	return w->memory.phys + (page - DATA) * s->page;
}

static uint64_t *at(const struct subject *s, const struct work *w, unsigned int page)
{
	return w->tables + page * s->page / sizeof(uint64_t);
}

static int alloc(struct work *w, struct uiommu_domain *parent, const uint64_t ste[2],
		 struct uiommu_domain **out)
{
	return uiommu_domain_alloc_nested(w->dev, parent, UIOMMU_NESTED_SMMUV3, ste,
					  2 * sizeof(ste[0]), 0, out);
}

/* The guest's leaf for @iova leads to @page of its memory; returns the leaf. */
static void guest_map(struct subject *s, struct work *w, unsigned int page)
{
	const unsigned int bits = w->shift - 3, levels = w->shift == 12 ? 3 : 2;
	unsigned int level = levels;

	while (level-- > 0) {
		uint64_t *table = at(s, w, TABLES + levels - 1 - level);
		const uint64_t index = w->iova >> (w->shift + level * bits) & ((1ull << bits) - 1);
		/* AF, nG, SH inner, AP: not privileged; or the next table. */
		const uint64_t entry = level ? ipa(s, TABLES + levels - level) | 3 :
					       ipa(s, page) | 3 | 1ull << 6 | 3ull << 8 |
						       1ull << 10 | 1ull << 11;

		__atomic_store_n(&table[index], entry, __ATOMIC_SEQ_CST);
	}
}

static void guest_cd(struct subject *s, struct work *w)
{
	static const uint64_t tg[] = { [12] = 0, [14] = 2, [16] = 1 };
	const unsigned int levels = w->shift == 12 ? 3 : 2;
	const uint64_t t0sz = 64 - (w->shift + levels * (w->shift - 3));
	uint64_t *cd = at(s, w, CD);

	cd[1] = ipa(s, TABLES);
	cd[3] = 0xff;
	/* EPD1, V, IPS of 48 bits, AA64, R, A, ASET. */
	__atomic_store_n(&cd[0],
			 t0sz | tg[w->shift] << 6 | 1ull << 8 | 1ull << 10 | 3ull << 12 |
				 1ull << 30 | 1ull << 31 | 5ull << 32 | 1ull << 41 | 1ull << 45 |
				 1ull << 46 | 1ull << 47 | (uint64_t)ASID << 48,
			 __ATOMIC_SEQ_CST);
}

static void invalidate(struct subject *s, struct work *w)
{
	const uint64_t commands[][2] = { { CMD_NH_ASID, 0 }, { CMD_ATC_INV, 52 } };
	size_t count = w->ats ? 2 : 1;

	CHECK_OK(s, uiommu_domain_cache_invalidate(w->nested, UIOMMU_NESTED_SMMUV3, commands,
						   sizeof(commands[0]), &count));
}

static struct work begin(struct subject *s)
{
	uint64_t ste[2] = { STE_V | STE_S1, STE1_CACHED };
	struct work w = { 0 };
	void *host;
	int rc;

	subject_boot(s, 0);
	host = machine_host(s->machine);
	w.device = subject_machine_device(s, "solo0");
	w.dev = subject_device(s, "solo0");
	if (strcmp(uiommu_device_instance(w.dev)->ops->name, "smmuv3"))
		conform_skip(s, "the guest that this scenario plays has an SMMUv3");
	rc = uiommu_domain_alloc_paging(w.dev, UIOMMU_ALLOC_NEST_PARENT, &w.parent);
	if (rc == -UIOMMU_EOPNOTSUPP)
		conform_skip(s, "this hardware has one stage");
	while (rc == -UIOMMU_ENOMEM && !w.parent)
		rc = uiommu_domain_alloc_paging(w.dev, UIOMMU_ALLOC_NEST_PARENT, &w.parent);
	CHECK(s, rc == 0, "a parent: %s", uiommu_strerror(rc));
	if (!uiommu_device_capable(w.dev, UIOMMU_CAP_CACHE_COHERENCY)) {
		uiommu_domain_free(w.parent);
		conform_skip(s, "this hardware does not see what a guest writes into its tables");
	}
	w.ats = uiommu_device_capable(w.dev, UIOMMU_CAP_ATS);
	if (w.ats)
		ste[1] |= 1ull << 28;
	w.shift = (unsigned int)__builtin_ctzll(s->page);
	w.iova = 3 * s->large + 5 * s->page;
	w.group = subject_claim(s, "solo0");
	w.memory = subject_buffer(s, (PAGES - DATA) * s->page);
	w.order = w.shift - 12 + 2;
	/* Twice: the sweep may make one fail. */
	for (unsigned int i = 0; i < 2 && !w.tables; i++)
		w.tables = uiommu_port_alloc_pages(host, w.order);
	CHECK(s, w.tables, "no memory for the guest's tables");
	CHECK_OK(s, uiommu_map(w.parent, ipa(s, CD),
			       (uintptr_t)w.tables - uiommu_port_direct_map(host), DATA * s->page,
			       RW));
	CHECK_OK(s, uiommu_map(w.parent, ipa(s, DATA), w.memory.phys, w.memory.size, RW));
	ste[0] |= ipa(s, CD);
	CHECK_OK(s, alloc(&w, w.parent, ste, &w.nested));
	guest_map(s, &w, DATA);
	guest_cd(s, &w);
	return w;
}

static void end(struct subject *s, struct work *w)
{
	uiommu_domain_free(w->nested);
	uiommu_domain_free(w->parent);
	subject_release(s, w->group);
	uiommu_port_free_pages(machine_host(s->machine), w->tables, w->order);
	subject_buffer_free(s, &w->memory);
}

static void c179_parents(struct subject *s)
{
	const uint64_t bypass[2] = { STE_V | STE_BYPASS, 0 };
	static const uint64_t bad[][2] = {
		{ STE_V | 6ull << 1, 0 }, /* stage 2 is not the guest's */
		{ STE_V | 7ull << 1, 0 },
		{ STE_V | STE_S1, 1ull << 30 }, /* STRW */
		{ STE_V | STE_S1, 2ull << 28 }, /* split ATS */
		{ STE_V | STE_S1 | 31ull << 59, 0 }, /* more CDs than there can be */
		{ STE_V | STE_S1 | 1ull << 52, 0 }, /* reserved */
	};
	struct work w = begin(s);
	struct uiommu_domain *plain = subject_domain(s, w.dev, 0), *out;

	CHECK_RC(s, alloc(&w, plain, bypass, &out), -UIOMMU_EINVAL);
	CHECK_RC(s, alloc(&w, NULL, bypass, &out), -UIOMMU_EINVAL);
	CHECK_RC(s, alloc(&w, w.nested, bypass, &out), -UIOMMU_EINVAL);
	CHECK_RC(s, alloc(&w, uiommu_domain_blocked(w.dev), bypass, &out), -UIOMMU_EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(s, alloc(&w, w.parent, bad[i], &out) == -UIOMMU_EIO,
		      "bad entry %zu of a guest was not refused with -EIO", i);
	CHECK_RC(s, uiommu_map(w.nested, w.iova, w.memory.phys, s->page, RW), -UIOMMU_EINVAL);
	/* With a child the parent stays: it still translates after this. */
	uiommu_domain_free(w.parent);
	subject_expect_warnings(s, 1);
	CHECK(s, uiommu_iova_to_phys(w.parent, ipa(s, DATA)) == w.memory.phys,
	      "the parent is gone");
	uiommu_domain_free(plain);
	end(s, &w);
}

static void c179(struct subject *s)
{
	(s->kind->backend->user ? iommufd_nested_parents : c179_parents)(s);
}

static void c180_parent_changes(struct subject *s)
{
	struct work w = begin(s);

	CHECK_OK(s, uiommu_attach_group(w.nested, w.group));
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, DATA), RW, NULL);
	CHECK(s, uiommu_unmap(w.parent, ipa(s, DATA), s->page) == s->page, "unmap");
	subject_dma_blocked(s, w.device, w.iova, phys(s, &w, DATA), NULL);
	CHECK_OK(s, uiommu_map(w.parent, ipa(s, DATA), phys(s, &w, OTHER), s->page, RW));
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, OTHER), RW, NULL);
	uiommu_detach_group(w.nested, w.group);
	subject_dma_blocked(s, w.device, w.iova, phys(s, &w, OTHER), NULL);
	end(s, &w);
}

static void c181_array(struct subject *s)
{
	/* The third is not the guest's to send. */
	const uint64_t commands[][2] = {
		{ CMD_CFGI_CD, 1 }, { CMD_NH_ASID, 0 }, { CMD_SYNC, 0 }, { CMD_NH_ALL, 0 }
	};
	const uint64_t large[3] = { CMD_NH_ALL, 0, 1 };
	struct work w = begin(s);
	size_t count = 4;

	CHECK_OK(s, uiommu_attach_group(w.nested, w.group));
	CHECK_RC(s,
		 uiommu_domain_cache_invalidate(w.nested, UIOMMU_NESTED_SMMUV3, commands, 16,
						&count),
		 -UIOMMU_EIO);
	CHECK(s, count == 2, "%zu entries are said to be done", count);
	count = 1;
	CHECK_RC(s,
		 uiommu_domain_cache_invalidate(w.nested, UIOMMU_NESTED_SMMUV3, commands, 8,
						&count),
		 -UIOMMU_EINVAL);
	CHECK(s, count == 0, "%zu entries are said to be done", count);
	count = 1;
	CHECK_RC(s,
		 uiommu_domain_cache_invalidate(w.nested, UIOMMU_NESTED_SMMUV3, large, 24, &count),
		 -UIOMMU_E2BIG);
	count = 1;
	CHECK_RC(s,
		 uiommu_domain_cache_invalidate(w.parent, UIOMMU_NESTED_SMMUV3, commands, 16,
						&count),
		 -UIOMMU_EINVAL);
	/* What was done before counts: the tables have changed, the first two commands are enough. */
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, DATA), RW, NULL);
	guest_map(s, &w, OTHER);
	invalidate(s, &w);
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, OTHER), RW, NULL);
	uiommu_detach_group(w.nested, w.group);
	end(s, &w);
}

static void c181(struct subject *s)
{
	(s->kind->backend->user ? iommufd_nested_array : c181_array)(s);
}

static void c250_replace(struct subject *s)
{
	const uint64_t bypass[2] = { STE_V | STE_BYPASS, 0 }, invalid[2] = { 0, 0 };
	struct uiommu_attach_handle handle[6];
	struct uiommu_domain *pass, *none;
	struct work w = begin(s);

	memset(handle, 0, sizeof(handle));
	CHECK_OK(s, alloc(&w, w.parent, bypass, &pass));
	CHECK_OK(s, alloc(&w, w.parent, invalid, &none));
	CHECK_OK(s, uiommu_attach_group_handle(w.parent, w.group, &handle[0]));
	subject_dma_reaches(s, w.device, ipa(s, DATA), phys(s, &w, DATA), RW, NULL);
	CHECK_OK(s, uiommu_replace_group_handle(w.group, w.nested, &handle[1]));
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, DATA), RW, NULL);
	CHECK_OK(s, uiommu_replace_group_handle(w.group, pass, &handle[2]));
	subject_dma_reaches(s, w.device, ipa(s, OTHER), phys(s, &w, OTHER), RW, NULL);
	subject_dma_blocked(s, w.device, w.iova, phys(s, &w, DATA), NULL);
	CHECK_OK(s, uiommu_replace_group_handle(w.group, none, &handle[3]));
	CHECK(s, !subject_dma_sees(s, w.device, ipa(s, DATA), phys(s, &w, DATA), NULL),
	      "an entry that is not valid lets requests through");
	/* It was left: what its tables say now counts, without a command of the guest. */
	guest_map(s, &w, OTHER);
	CHECK_OK(s, uiommu_replace_group_handle(w.group, w.nested, &handle[4]));
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, OTHER), RW, NULL);
	/* Refused: the guest's translation stays. */
	CHECK(s, uiommu_replace_group_handle(w.group, w.parent, &handle[4]) == -UIOMMU_EINVAL,
	      "a handle in use");
	subject_dma_reaches(s, w.device, w.iova, phys(s, &w, OTHER), RW, NULL);
	CHECK_OK(s, uiommu_replace_group_handle(w.group, w.parent, &handle[5]));
	subject_dma_reaches(s, w.device, ipa(s, DATA), phys(s, &w, DATA), RW, NULL);
	subject_dma_blocked(s, w.device, w.iova, phys(s, &w, OTHER), NULL);
	uiommu_detach_group_handle(w.parent, w.group);
	uiommu_domain_free(pass);
	uiommu_domain_free(none);
	end(s, &w);
}

#define EITHER (CONFORM_UAPI | CONFORM_KAPI)

const struct conform_scenario conform_nested[] = {
	{ "C179",
	  "Nested domains stand on parents that were made for it, which stay as long as they do",
	  "Linux IOMMU_HWPT_ALLOC with a parent", AREA_ATTACH, EITHER | CONFORM_HARDWARE, 0, c179 },
	{ "C180", "What is unmapped in the parent is gone for nested domains at once",
	  "Linux: nested parent invalidation", AREA_MAPPING, CONFORM_HARDWARE, 0,
	  c180_parent_changes },
	{ "C181", "A guest's invalidations are done in order up to the first bad one, and counted",
	  "Linux IOMMU_HWPT_INVALIDATE", AREA_MAPPING, EITHER | CONFORM_HARDWARE, 0, c181 },
	{ "C250", "Nested and paging domains replace one another as any others do",
	  "Linux iommu_replace_group_handle", AREA_ATTACH, CONFORM_HARDWARE, 0, c250_replace },
	{ 0 },
};
