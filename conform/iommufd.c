/* SPDX-License-Identifier: MIT */
/* iommufd.c - attaching, replacing and detaching through iommufd: numbers, references, groups */
#include <stdlib.h>
#include <string.h>

#include "conform/iommufd.h"
#include "conform/script.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* ---- C083: from everything to everything ------------------------------------------------------- */

enum way { NOTHING, AUTO_A, HWPT_A, OTHER_A, AUTO_B, HWPT_B, NESTED, WAYS };

static const char *const way_name[WAYS] = { "nothing",		 "IOAS A", "an HWPT of A",
					    "another HWPT of A", "IOAS B", "an HWPT of B",
					    "a guest's stage" };

#define NUMBERS 64

struct matrix {
	struct abi *a;
	int iommufd;
	struct abi_device *d;
	struct subject_buffer memory[2]; /* of A and B, at s->iova in each */
	struct guest guest;
	bool nests; /* there is one */
	uint32_t ioas[2];
	uint32_t pt[WAYS]; /* what ATTACH is given */
	uint32_t current; /* the HWPT that is attached, 0: none */
	bool used[NUMBERS]; /* numbers of the context */
};

static uint32_t lowest_free(const struct matrix *m)
{
	uint32_t id = 1;

	while (m->used[id])
		id++;
	return id;
}

static bool is_auto(enum way way)
{
	return way == AUTO_A || way == AUTO_B;
}

/* The device reaches what @way says; at the same address the other IOAS has other memory. */
static void reaches(struct subject *s, struct matrix *m, enum way way)
{
	if (way == NOTHING)
		abi_blocked(m->d, s->iova, m->memory[0].mem);
	else if (way == NESTED)
		abi_reaches(m->d, m->guest.iova, guest_memory(&m->guest, 0), RW);
	else
		abi_reaches(m->d, s->iova, m->memory[way == AUTO_B || way == HWPT_B].mem, RW);
}

static int destroy(struct matrix *m, uint32_t id)
{
	return abi_destroy(m->a, m->iommufd, id);
}

/* From @from, which is attached, to @to: what ATTACH answers, and what numbers say afterwards. */
static void move(struct subject *s, struct matrix *m, enum way from, enum way to)
{
	const uint32_t before = m->current;
	uint32_t got = m->pt[to], expected = m->pt[to];

	if (to == NOTHING) {
		CHECK_OK(s, abi_detach(m->a, m->d->cdev));
		m->current = 0;
	} else {
		/* The automatic HWPT serves again; a new one gets the lowest number, while the old one has its. */
		if (is_auto(to))
			expected = from == to ? before : lowest_free(m);
		CHECK_OK(s, abi_attach(m->a, m->d->cdev, &got));
		CHECK(s, got == expected, "from %s to %s: ATTACH says %u and not %u",
		      way_name[from], way_name[to], got, expected);
		m->current = got;
		m->used[got] = true;
	}
	if (is_auto(from) && from != to) {
		CHECK_RC(s, destroy(m, before), -UIOMMU_ENOENT);
		m->used[before] = false;
	}
	reaches(s, m, to);
}

/* Whatever has a number is in use if and only if it is attached, or something stands on it. */
static void check_references(struct subject *s, struct matrix *m)
{
	static const enum way plain[] = { HWPT_A, OTHER_A, HWPT_B };
	uint32_t id;

	if (m->current)
		CHECK_RC(s, destroy(m, m->current), -UIOMMU_EBUSY);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_RC(s, destroy(m, m->ioas[i]), -UIOMMU_EBUSY);
	CHECK_RC(s, destroy(m, m->d->devid), -UIOMMU_EBUSY);
	for (unsigned int i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const uint32_t old = m->pt[plain[i]];

		if (old == m->current)
			continue;
		CHECK_OK(s, destroy(m, old));
		m->used[old] = false;
		id = iommufd_hwpt(m->d, m->iommufd, m->ioas[plain[i] == HWPT_B], 0);
		CHECK(s, id == lowest_free(m), "a new HWPT has the number %u and not %u", id,
		      lowest_free(m));
		m->used[id] = true;
		m->pt[plain[i]] = id;
	}
}

/* An ATTACH that fails leaves the argument alone. */
static void refused(struct subject *s, struct matrix *m, uint32_t pt, int error)
{
	uint32_t got = pt;

	CHECK_RC(s, abi_attach(m->a, m->d->cdev, &got), error);
	CHECK(s, got == pt, "a refused ATTACH says %u", got);
}

static void matrix_begin(struct subject *s, struct matrix *m)
{
	memset(m, 0, sizeof(*m));
	m->a = iommufd_start(s, "solo0", &m->iommufd, &m->d);
	for (unsigned int i = 0; i < 2; i++) {
		m->memory[i] = subject_buffer(s, s->page);
		m->ioas[i] = abi_ioas(m->a, m->iommufd);
		iommufd_map(m->a, m->iommufd, m->ioas[i], s->iova, &m->memory[i]);
	}
	m->pt[AUTO_A] = m->ioas[0];
	m->pt[AUTO_B] = m->ioas[1];
	m->pt[HWPT_A] = iommufd_hwpt(m->d, m->iommufd, m->ioas[0], 0);
	m->pt[OTHER_A] = iommufd_hwpt(m->d, m->iommufd, m->ioas[0], 0);
	m->pt[HWPT_B] = iommufd_hwpt(m->d, m->iommufd, m->ioas[1], 0);
	CHECK(s, m->pt[HWPT_B] == 6, "the sixth object has the number %u", m->pt[HWPT_B]);
	m->nests = guest_begin(m->d, m->iommufd, &m->guest);
	if (m->nests)
		CHECK_OK(s, guest_stage(&m->guest, 0, &m->pt[NESTED]));
	/* Numbers were given from 1 on, without a hole: the last one tells of all. */
	for (uint32_t id = 1; id <= (m->nests ? m->pt[NESTED] : m->pt[HWPT_B]); id++)
		m->used[id] = true;
}

static void matrix_end(struct subject *s, struct matrix *m)
{
	if (m->nests) {
		CHECK_OK(s, destroy(m, m->pt[NESTED]));
		guest_end(&m->guest);
	}
	abi_unbind(m->d);
	CHECK_OK(s, destroy(m, m->pt[HWPT_A]));
	CHECK_OK(s, destroy(m, m->pt[OTHER_A]));
	CHECK_OK(s, destroy(m, m->pt[HWPT_B]));
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, destroy(m, m->ioas[i]));
		subject_buffer_free(s, &m->memory[i]);
	}
	abi_end(m->a);
}

static void c083_matrix(struct subject *s)
{
	struct matrix m;

	matrix_begin(s, &m);
	reaches(s, &m, NOTHING);
	for (enum way from = NOTHING; from < WAYS; from++) {
		for (enum way to = NOTHING; to < WAYS; to++) {
			if ((from == NESTED || to == NESTED) && !m.nests)
				continue;
			if (from != NOTHING)
				move(s, &m, NOTHING, from);
			move(s, &m, from, to);
			check_references(s, &m);
			/* What cannot be attached changes nothing. */
			refused(s, &m, NUMBERS - 1, -UIOMMU_ENOENT);
			refused(s, &m, m.d->devid, -UIOMMU_EINVAL);
			reaches(s, &m, to);
			if (to != NOTHING)
				move(s, &m, to, NOTHING);
			/* Nothing is attached: that is no error. */
			CHECK_OK(s, abi_detach(m.a, m.d->cdev));
		}
	}
	matrix_end(s, &m);
}

/* ---- C085: two devices of one group ------------------------------------------------------------- */

/* Is the address one that IOVA_RANGES says can be mapped? */
static bool usable(struct abi *a, int iommufd, uint32_t ioas, uint64_t address)
{
	struct abi_iommu_iova_range range[32];
	struct abi_iommu_ioas_iova_ranges arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.num_iovas = sizeof(range) / sizeof(range[0]),
		.allowed_iovas = (uintptr_t)range,
	};

	CHECK_OK(a->s, abi_ioctl(a, iommufd, ABI_IOMMU_IOAS_IOVA_RANGES, &arg));
	for (uint32_t i = 0; i < arg.num_iovas; i++)
		if (range[i].start <= address && address <= range[i].last)
			return true;
	return false;
}

struct pair {
	struct abi *a;
	int iommufd;
	struct abi_device *d[2], *third; /* of one group */
	struct subject_buffer memory[2];
	uint32_t ioas[2], hwpt[2];
	struct script script; /* each has a region of its own that may not be mapped */
};

static int attach(struct pair *p, unsigned int device, uint32_t pt)
{
	return abi_attach(p->a, p->d[device]->cdev, &pt);
}

static void all_reach(struct pair *p, unsigned int memory)
{
	for (unsigned int i = 0; i < 2; i++)
		abi_reaches(p->d[i], p->a->s->iova, p->memory[memory].mem, RW);
	abi_reaches(p->third, p->a->s->iova, p->memory[memory].mem, RW);
}

static uint64_t region(const struct subject *s, unsigned int device)
{
	return s->iova + (0x100 + 0x100 * device) * s->page;
}

/* The regions of both are left out in the IOAS, or not. */
static void reserved(struct pair *p, unsigned int ioas, bool expected, const char *when)
{
	struct subject *s = p->a->s;

	for (unsigned int i = 0; i < 2; i++)
		CHECK(s, !usable(p->a, p->iommufd, p->ioas[ioas], region(s, i)) == expected,
		      "%s: what %s may not have mapped can%s be mapped", when, p->d[i]->label,
		      expected ? "" : "not");
}

static void pair_begin(struct subject *s, struct pair *p)
{
	static const char *const labels[] = { "trio0", "trio1", "trio2" };

	for (unsigned int i = 0; i < 2; i++)
		p->script.device[i] = (struct script_device){ .label = labels[i], .num_resv = 1 };
	script_boot(s, &p->script, true);
	for (unsigned int i = 0; i < 2; i++)
		p->script.device[i].resv[0] = (struct uiommu_resv_region){
			.start = region(s, i),
			.last = region(s, i) + 2 * s->page - 1,
			.type = UIOMMU_RESV_RESERVED,
		};
	for (unsigned int i = 0; i < 3; i++)
		script_add(&p->script, labels[i]);
	p->a = iommufd_start(s, labels[0], &p->iommufd, &p->d[0]);
	p->d[1] = iommufd_device(p->a, p->iommufd, labels[1]);
	p->third = abi_vfio_device(p->a, labels[2]);
	for (unsigned int i = 0; i < 2; i++) {
		p->memory[i] = subject_buffer(s, s->page);
		p->ioas[i] = abi_ioas(p->a, p->iommufd);
		iommufd_map(p->a, p->iommufd, p->ioas[i], s->iova, &p->memory[i]);
		p->hwpt[i] = iommufd_hwpt(p->d[0], p->iommufd, p->ioas[i], 0);
	}
}

static void pair_end(struct subject *s, struct pair *p)
{
	for (unsigned int i = 0; i < 2; i++)
		subject_buffer_free(s, &p->memory[i]);
	abi_end(p->a);
	for (unsigned int i = 3; i-- > 0;)
		script_remove(&p->script, i > 1 ? "trio2" : p->script.device[i].label);
	script_end(&p->script);
}

/* A mapping where one of them may have none keeps both from coming, and what they have stays. */
static void in_the_way(struct subject *s, struct pair *p, unsigned int has)
{
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, abi_map(p->a, p->iommufd, p->ioas[!has], region(s, i) + s->page,
				    p->memory[!has].mem, s->page, ABI_RW));
		for (unsigned int device = 0; device < 2; device++) {
			CHECK_RC(s, attach(p, device, p->hwpt[!has]), -UIOMMU_EADDRINUSE);
			CHECK_RC(s, attach(p, device, p->ioas[!has]), -UIOMMU_EADDRINUSE);
		}
		all_reach(p, has);
		CHECK_OK(s, abi_unmap(p->a, p->iommufd, p->ioas[!has], region(s, i) + s->page,
				      s->page, NULL));
	}
	reserved(p, !has, false, "a replacement was refused");
}

static void c085_one_group(struct subject *s)
{
	/* Not on the stack: a skip leaves this function with the script in use. */
	struct pair *p = calloc(1, sizeof(*p));
	uint32_t got[2];

	CHECK(s, p, "no memory for a pair");
	pair_begin(s, p);
	reserved(p, 0, false, "nothing is attached");

	/* The first one takes all of the group along; whoever comes next has to name the same. */
	CHECK_OK(s, attach(p, 0, p->hwpt[0]));
	abi_reaches(p->third, s->iova, p->memory[0].mem, RW);
	CHECK_RC(s, attach(p, 1, p->hwpt[1]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach(p, 1, p->ioas[0]), -UIOMMU_EINVAL);
	CHECK_RC(s, attach(p, 1, p->ioas[1]), -UIOMMU_EINVAL);
	reserved(p, 1, false, "an attach was refused");
	CHECK_OK(s, attach(p, 1, p->hwpt[0]));
	all_reach(p, 0);

	/* What they may not have mapped stays so until the last one has gone. */
	reserved(p, 0, true, "two devices are attached");
	CHECK_OK(s, abi_detach(p->a, p->d[0]->cdev));
	reserved(p, 0, true, "the second device is attached");
	for (unsigned int i = 0; i < 2; i++)
		CHECK_RC(s,
			 abi_map(p->a, p->iommufd, p->ioas[0], region(s, i), p->memory[0].mem,
				 s->page, ABI_RW),
			 -UIOMMU_EINVAL);
	abi_reaches(p->third, s->iova, p->memory[0].mem, RW);
	CHECK_RC(s, abi_destroy(p->a, p->iommufd, p->hwpt[0]), -UIOMMU_EBUSY);
	CHECK_OK(s, attach(p, 0, p->hwpt[0]));

	/* Replaced by one of them, all move. */
	in_the_way(s, p, 0);
	CHECK_OK(s, attach(p, 1, p->hwpt[1]));
	all_reach(p, 1);
	reserved(p, 0, false, "the group has moved to another IOAS");
	reserved(p, 1, true, "the group has moved to this IOAS");
	CHECK_OK(s, abi_destroy(p->a, p->iommufd, p->hwpt[0]));
	CHECK_OK(s, abi_detach(p->a, p->d[1]->cdev));
	reserved(p, 1, true, "the first device is attached");
	CHECK_OK(s, abi_detach(p->a, p->d[0]->cdev));
	reserved(p, 1, false, "both are detached");
	abi_blocked(p->third, s->iova, p->memory[1].mem);

	/* One automatic HWPT for both; it goes with the second. */
	for (unsigned int i = 0; i < 2; i++)
		got[i] = abi_attached(p->d[i], p->ioas[0]);
	CHECK(s, got[0] == got[1], "one device has HWPT %u, the other one %u", got[0], got[1]);
	abi_unbind(p->d[0]);
	CHECK_RC(s, abi_destroy(p->a, p->iommufd, got[0]), -UIOMMU_EBUSY);
	abi_reaches(p->third, s->iova, p->memory[0].mem, RW);
	abi_unbind(p->d[1]);
	CHECK_RC(s, abi_destroy(p->a, p->iommufd, got[0]), -UIOMMU_ENOENT);
	pair_end(s, p);
	free(p);
}

#define DMA (CONFORM_HARDWARE | CONFORM_UAPI)
/* Every allocation of 49 moves would be tried again: C084 has each of these commands once. */
#define LONG CONFORM_NO_SWEEP

const struct conform_scenario conform_iommufd[] = {
	{ "C083", "From everything that can be attached to everything: DMA, numbers and references",
	  "Linux iommufd_device_attach, _replace, _detach; the selftests of iommufd", AREA_IOMMUFD,
	  DMA | LONG, 0, c083_matrix },
	{ "C085", "Two devices of a group have one HWPT, and what either may not map is reserved",
	  "Linux iommufd_hw_pagetable_attach", AREA_IOMMUFD, DMA, 0, c085_one_group },
	{ 0 },
};
