/* SPDX-License-Identifier: MIT */
/* vfio_groups.c - several groups in a container: which domains they share, and what happens when one cannot join */
#include "conform/vfio.h"

#include "conform/script.h"

/* ---- the hooks that keep two devices' domains apart ----------------------------------------------- */

#define DOMAINS 8

/* For whom each domain was made; with @apart a domain is refused by every device of another group. */
struct makers {
	struct {
		const struct uiommu_domain *domain;
		const struct uiommu_device *dev;
	} made[DOMAINS];
	bool apart;
	const struct uiommu_device *careless; /* nothing makes its DMA snoop; NULL: none */
	const struct uiommu_device *narrow; /* its domains end early; NULL: none */
	uint64_t last; /* here */
	unsigned int refused;
};

static const struct uiommu_device *maker(const struct makers *m, const struct uiommu_domain *domain)
{
	for (unsigned int i = 0; i < DOMAINS; i++)
		if (m->made[i].domain == domain)
			return m->made[i].dev;
	return NULL;
}

static void on_alloc(struct wrap_call *call, void *context)
{
	struct makers *m = context;

	wrap_call(call);
	for (unsigned int i = 0; !call->rc && i < DOMAINS; i++)
		if (!m->made[i].domain) {
			m->made[i].domain = call->domain_out;
			m->made[i].dev = call->dev;
			break;
		}
	if (!call->rc && m->last && call->dev == m->narrow) {
		call->domain_out->geometry.ranges = 1;
		call->domain_out->geometry.range[0].last = m->last;
	}
}

static void on_free(struct wrap_call *call, void *context)
{
	struct makers *m = context;

	for (unsigned int i = 0; i < DOMAINS; i++)
		if (m->made[i].domain == call->domain)
			m->made[i].domain = NULL;
	wrap_call(call);
}

static bool same_group(const struct uiommu_device *a, struct uiommu_device *b)
{
	struct uiommu_group *group[2] = {
		uiommu_group_get((struct uiommu_device *)(uintptr_t)a),
		uiommu_group_get(b),
	};
	bool same = group[0] == group[1];

	for (unsigned int i = 0; i < 2; i++)
		uiommu_group_put(group[i]);
	return same;
}

static void on_prepare(struct wrap_call *call, void *context)
{
	struct makers *m = context;
	const struct uiommu_device *dev = maker(m, call->attach->domain);

	if (m->apart && dev && !same_group(dev, call->attach->dev)) {
		call->rc = -UIOMMU_EINVAL;
		m->refused++;
		return;
	}
	wrap_call(call);
}

static void on_capable(struct wrap_call *call, void *context)
{
	struct makers *m = context;

	if (call->cap == UIOMMU_CAP_ENFORCE_CACHE_COHERENCY && call->dev == m->careless)
		call->rc = false;
	else
		wrap_call(call);
}

static void makers_watch(struct subject *s, struct makers *m)
{
	static const struct {
		enum wrap_op op;
		wrap_hook hook;
	} hooks[] = { { WRAP_ALLOC_PAGING, on_alloc },
		      { WRAP_FREE, on_free },
		      { WRAP_PREPARE, on_prepare },
		      { WRAP_CAPABLE, on_capable } };

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		wrap_set(s->wrap, hooks[i].op, m ? hooks[i].hook : NULL, m);
}

/* ---- C195: one domain or two ---------------------------------------------------------------------- */

/* Does one domain do for both, made as a container makes it?  Asked by way of the C API. */
static bool one_domain_does(struct subject *s, const char *const label[2])
{
	struct uiommu_domain *domain[2];
	struct uiommu_group *group[2];
	bool coherent[2];
	int rc;

	for (unsigned int i = 0; i < 2; i++) {
		group[i] = subject_claim(s, label[i]);
		domain[i] = subject_domain(s, subject_device(s, label[i]), 0);
		coherent[i] = uiommu_device_capable(subject_device(s, label[i]),
						    UIOMMU_CAP_ENFORCE_CACHE_COHERENCY);
		CHECK(s, !coherent[i] || uiommu_enforce_cache_coherency(domain[i]),
		      "what a domain of %s says of coherency is not what the device says",
		      label[i]);
	}
	CHECK_OK(s, uiommu_attach_group(domain[0], group[0]));
	rc = uiommu_attach_group(domain[0], group[1]);
	CHECK(s, rc == 0 || rc == -UIOMMU_EINVAL, "a second group: %s", uiommu_strerror(rc));
	if (!rc)
		uiommu_detach_group(domain[0], group[1]);
	uiommu_detach_group(domain[0], group[0]);
	for (unsigned int i = 0; i < 2; i++) {
		uiommu_domain_free(domain[i]);
		subject_release(s, group[i]);
	}
	return !rc && coherent[0] == coherent[1];
}

static void both_translated(struct subject *s, struct abi *a, const char *const label[2],
			    bool shared, const char *what)
{
	struct box b = box_begin(a, 4);
	bool all = true;

	/* The second one comes when there is something already, and sees all of it. */
	box_add(&b, label[0]);
	CHECK_OK(s, box_map(&b, s->iova, 0, 2));
	box_add(&b, label[1]);
	CHECK(s, vfio_same_domain(s, label[0], label[1]) == shared, "%s: %s and %s have %s", what,
	      label[0], label[1], shared ? "a domain each" : "one domain");
	box_reaches(&b, s->iova, 0, 2);
	CHECK_OK(s, box_map(&b, s->iova + 8 * s->page, 2, 2));
	box_reaches(&b, s->iova + 8 * s->page, 2, 2);
	box_unmap(&b, s->iova, 2);
	box_blocked(&b, s->iova, 0, 2);
	box_reaches(&b, s->iova + 8 * s->page, 2, 2);
	box_pinned(&b, 2, "which two domains may share");
	/* All DMA is coherent if that of each of them is. */
	for (unsigned int i = 0; i < 2; i++)
		all &= uiommu_device_capable(b.device[i]->dev, UIOMMU_CAP_ENFORCE_CACHE_COHERENCY);
	CHECK_RC(s,
		 abi_ioctl_number(a, b.container, ABI_VFIO_CHECK_EXTENSION, ABI_VFIO_DMA_CC_IOMMU),
		 all);
	box_end(&b);
}

static void c195_one_or_two(struct subject *s)
{
	static const char *const pairs[][2] = { { "solo0", "solo1" },
						{ "solo0", "trio0" },
						{ "solo1", "bridged0" } };
	struct makers m = { .apart = false };
	unsigned int shared = 0, refused = 0;
	struct abi *a = vfio_start(s, NULL, false);

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bool does = one_domain_does(s, pairs[i]);

		both_translated(s, a, pairs[i], does, "as they are");
		shared += does;
		makers_watch(s, &m);
		/* A driver that refuses the first one's domain gets one of its own. */
		m.apart = true;
		both_translated(s, a, pairs[i], false, "kept apart by their driver");
		m.apart = false;
		refused += m.refused;
		/* So does a device whose DMA nothing makes snoop, though the hardware would take the other. */
		if (does && uiommu_device_capable(subject_device(s, pairs[i][1]),
						  UIOMMU_CAP_ENFORCE_CACHE_COHERENCY)) {
			m.careless = subject_device(s, pairs[i][1]);
			both_translated(s, a, pairs[i], false, "of which one cannot be coherent");
			m.careless = NULL;
		}
		makers_watch(s, NULL);
		m = (struct makers){ .apart = false };
	}
	CHECK(s, shared == 0 || refused, "the driver was never asked to share a domain");
	abi_end(a);
}

/* ---- C004: two drivers ------------------------------------------------------------------------------ */

void vfio_two_drivers(struct subject *s, const char *const label[2])
{
	struct abi *a = s->abi;
	struct box b = box_begin(a, 4);

	CHECK(s, !one_domain_does(s, label), "one domain does for %s and %s", label[0], label[1]);
	box_add(&b, label[0]);
	box_add(&b, label[1]);
	CHECK(s, !vfio_same_domain(s, label[0], label[1]), "two drivers have one domain");
	CHECK_OK(s, box_map(&b, s->iova, 0, 4));
	box_reaches(&b, s->iova, 0, 4);
	box_pinned(&b, 4, "for two domains");
	box_unmap(&b, s->iova, 4);
	box_blocked(&b, s->iova, 0, 4);
	/* One that leaves leaves the other's mappings, and finds them when it comes again. */
	CHECK_OK(s, box_map(&b, s->iova, 0, 4));
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, box_leave(&b, i));
		box_one_blocked(&b, i, s->iova, 0);
		box_one_reaches(&b, !i, s->iova, 0);
		CHECK_OK(s, box_enter(&b, i));
		box_reaches(&b, s->iova, 0, 4);
	}
	box_end(&b);
}

/* ---- C196: a second group that does not fit -------------------------------------------------------- */

/* Two pages at @iova are the first one's, and the second one is not let in. */
static void refused(struct subject *s, struct box *b, unsigned int second, uint64_t iova)
{
	CHECK_RC(s, box_enter(b, second), -UIOMMU_EINVAL);
	box_reaches(b, iova, 0, 2);
	box_pinned(b, 2, "after a group was refused");
	box_one_blocked(b, second, iova, 0);
	vfio_is_free(s, "solo1");
}

/* Where requests of the second one do not arrive, nothing is mapped. */
static void reserved(struct subject *s, struct box *b, unsigned int second)
{
	const uint64_t iova = s->iova, region = s->iova + s->page, end = region + 2 * s->page;

	CHECK_OK(s, box_map(b, iova, 0, 2));
	refused(s, b, second, iova);
	/* When there is nothing in it they are together, and nothing comes into it. */
	box_unmap(b, iova, 2);
	CHECK_OK(s, box_enter(b, second));
	CHECK_RC(s, box_map(b, iova, 0, 2), -UIOMMU_EINVAL);
	CHECK_RC(s, box_map(b, region, 0, 1), -UIOMMU_EINVAL);
	CHECK_RC(s, box_map(b, region + s->page, 0, 1), -UIOMMU_EINVAL);
	CHECK_RC(s, box_map(b, region + s->page, 0, 2), -UIOMMU_EINVAL);
	CHECK_OK(s, box_map(b, iova, 0, 1));
	CHECK_OK(s, box_map(b, end, 1, 1));
	box_reaches(b, iova, 0, 1);
	box_reaches(b, end, 1, 1);
	box_unmap(b, iova, 1);
	box_unmap(b, end, 1);
	/* What is reserved for it is not for the one who stays. */
	CHECK_OK(s, box_leave(b, second));
	CHECK_OK(s, box_map(b, iova, 0, 2));
	box_reaches(b, iova, 0, 2);
	box_unmap(b, iova, 2);
}

/* A domain of its own that ends somewhere. */
static void aperture(struct subject *s, struct box *b, unsigned int second)
{
	const uint64_t iova = s->iova + 16 * s->page;
	struct makers m = { .apart = true, .narrow = b->device[second]->dev };

	makers_watch(s, &m);
	CHECK_OK(s, box_map(b, iova, 0, 2));
	m.last = iova - 1;
	refused(s, b, second, iova);
	m.last = iova + s->page - 1;
	refused(s, b, second, iova);
	m.last = iova + 2 * s->page - 1;
	CHECK_OK(s, box_enter(b, second));
	box_reaches(b, iova, 0, 2);
	CHECK_RC(s, box_map(b, iova + 2 * s->page, 2, 1), -UIOMMU_EINVAL);
	CHECK_OK(s, box_leave(b, second));
	CHECK_OK(s, box_map(b, iova + 2 * s->page, 2, 1));
	box_reaches(b, iova + 2 * s->page, 2, 1);
	makers_watch(s, NULL);
}

static void c196_conflict(struct subject *s)
{
	struct script script = { .device = { { .label = "solo1", .num_resv = 1 } } };
	const char *refusal;
	unsigned int second;
	struct abi *a;
	struct box b;

	script_boot(s, &script, true);
	script.device[0].resv[0] = (struct uiommu_resv_region){
		.start = s->iova + s->page,
		.last = s->iova + 3 * s->page - 1,
		.type = UIOMMU_RESV_RESERVED,
	};
	script_add(&script, "solo0");
	script_add(&script, "solo1");
	refusal = vfio_refusal(s, false);
	if (refusal) {
		script_end(&script);
		conform_skip(s, "%s", refusal);
	}
	a = abi_start(s, NULL);
	b = box_begin(a, 4);
	box_add(&b, "solo0");
	second = box_open(&b, "solo1");
	reserved(s, &b, second);
	aperture(s, &b, second);
	box_end(&b);
	abi_end(a);
	script_end(&script);
}

/* ---- C201: one leaves ------------------------------------------------------------------------------- */

static void leaves_in_turn(struct subject *s, struct abi *a, bool apart)
{
	struct makers m = { .apart = apart };
	struct box b = box_begin(a, 4);

	makers_watch(s, &m);
	box_add(&b, "solo0");
	box_add(&b, "solo1");
	for (unsigned int first = 0; first < 2; first++) {
		CHECK_OK(s, box_map(&b, s->iova, 0, 4));
		box_reaches(&b, s->iova, 0, 4);
		CHECK_OK(s, box_leave(&b, first));
		box_one_blocked(&b, first, s->iova, 0);
		vfio_is_free(s, first ? "solo1" : "solo0");
		box_reaches(&b, s->iova, 0, 4);
		box_pinned(&b, 4, "by the one who stays");
		CHECK_OK(s, box_leave(&b, !first));
		box_pinned(&b, 0, "after the last one left");
		CHECK(s, uiommu_uapi_process_pinned(a->process) == 0, "something is still charged");
		for (unsigned int i = 0; i < 2; i++)
			box_one_blocked(&b, i, s->iova, 0);
		/* It is a container as it was at first: no IOMMU, no mappings. */
		CHECK_RC(s, box_map(&b, s->iova, 0, 1), -UIOMMU_EINVAL);
		CHECK_RC(s, abi_set_iommu(a, b.container, ABI_VFIO_TYPE1V2_IOMMU), -UIOMMU_EINVAL);
		for (unsigned int i = 0; i < 2; i++) {
			CHECK_OK(s, box_enter(&b, i));
			box_blocked(&b, s->iova, 0, 4);
		}
	}
	/* The container's own file may be closed first: what is mapped stays so while a group has it. */
	CHECK_OK(s, box_map(&b, s->iova, 0, 4));
	CHECK_OK(s, abi_close(a, b.container));
	b.container = -1;
	box_reaches(&b, s->iova, 0, 4);
	CHECK_OK(s, abi_close(a, b.group[0]));
	b.group[0] = -1;
	b.inside[0] = false;
	box_one_blocked(&b, 0, s->iova, 0);
	box_reaches(&b, s->iova, 0, 4);
	box_end(&b);
	makers_watch(s, NULL);
}

static void c201_one_leaves(struct subject *s)
{
	struct abi *a = vfio_start(s, NULL, false);

	leaves_in_turn(s, a, false);
	leaves_in_turn(s, a, true);
	abi_end(a);
}

/* ---- C202: a second domain that cannot have the mappings -------------------------------------------- */

/* The @nth map that a driver is asked for, by whichever operation. */
static void fail_map(struct subject *s, unsigned int nth)
{
	wrap_fail(s->wrap, WRAP_MAP, NULL, nth, nth ? UIOMMU_ENOMEM : 0);
	wrap_fail(s->wrap, WRAP_MAP_SG, NULL, nth, nth ? UIOMMU_ENOMEM : 0);
}

static void c202_replay_fails(struct subject *s)
{
	struct makers m = { .apart = true };
	struct abi *a = vfio_start(s, NULL, false);
	struct box b = box_begin(a, 12);
	unsigned int second, maps;

	makers_watch(s, &m);
	box_add(&b, "solo0");
	second = box_open(&b, "solo1");
	/* Three mappings that cannot be one. */
	for (uint64_t i = 0; i < 3; i++)
		CHECK_OK(s, box_map(&b, s->iova + 4 * i * s->page, 4 * i, 2));
	wrap_reset_counts(s->wrap);
	CHECK_OK(s, box_enter(&b, second));
	maps = wrap_count(s->wrap, WRAP_MAP) + wrap_count(s->wrap, WRAP_MAP_SG);
	CHECK(s, maps >= 3, "three mappings were replayed by %u calls", maps);
	for (uint64_t i = 0; i < 3; i++)
		box_reaches(&b, s->iova + 4 * i * s->page, 4 * i, 2);
	CHECK_OK(s, box_leave(&b, second));

	for (unsigned int nth = 1; nth <= maps; nth++) {
		fail_map(s, nth);
		CHECK(s, box_enter(&b, second) == -UIOMMU_ENOMEM,
		      "map %u of the replay fails, and that is not reported", nth);
		fail_map(s, 0);
		box_pinned(&b, 6, "after a failed replay");
		for (uint64_t i = 0; i < 3; i++) {
			box_reaches(&b, s->iova + 4 * i * s->page, 4 * i, 2);
			box_one_blocked(&b, second, s->iova + 4 * i * s->page, 4 * i);
		}
		vfio_is_free(s, "solo1");
		/* Nor does it get what is mapped later. */
		CHECK_OK(s, box_map(&b, s->iova + 2 * s->page, 2, 1));
		box_one_blocked(&b, second, s->iova + 2 * s->page, 2);
		box_unmap(&b, s->iova + 2 * s->page, 1);
	}
	CHECK_OK(s, box_enter(&b, second));
	for (uint64_t i = 0; i < 3; i++)
		box_reaches(&b, s->iova + 4 * i * s->page, 4 * i, 2);

	/* A map that the second domain refuses is not in the first one either. */
	for (unsigned int nth = 1; nth <= 2; nth++) {
		fail_map(s, nth);
		CHECK(s, box_map(&b, s->iova + 2 * s->page, 2, 1) == -UIOMMU_ENOMEM,
		      "domain %u fails, and that is not reported", nth);
		fail_map(s, 0);
		box_blocked(&b, s->iova + 2 * s->page, 2, 1);
		box_pinned(&b, 6, "after a failed map");
	}
	makers_watch(s, NULL);
	box_end(&b);
	abi_end(a);
}

/* ---- C205: interrupts that are not isolated ---------------------------------------------------------- */

static bool isolated_but_one(void *context, struct uiommu_device *dev)
{
	return !script_is(context, dev, "trio1");
}

static void c205_msi(struct subject *s)
{
	static const char *const label[2] = { "solo0", "trio0" };

	/* Bit 0: type 1 takes it all the same, bit 1: iommufd does. */
	for (unsigned int unsafe = 0; unsafe < 4; unsafe++) {
		const struct uiommu_uapi_config config = {
			.type1_allow_unsafe_interrupts = unsafe & 1,
			.allow_unsafe_interrupts = unsafe & 2,
			.isolated_msi = isolated_but_one,
			.context = s,
		};
		struct abi *a = vfio_start(s, &config, false);
		struct box b = box_begin(a, 1);
		int iommufd = abi_iommufd(a), cdev;
		uint32_t id;

		abi_ioas(a,
			 iommufd); /* its first object: what a bind that fails leaves is no table */
		/* A device that is isolated, alone in its group. */
		box_add(&b, label[0]);
		CHECK_OK(s, box_map(&b, s->iova, 0, 1));
		/* One that is, beside another in its group that is not. */
		box_open(&b, label[1]);
		if (unsafe & 1) {
			CHECK_OK(s, box_enter(&b, 1));
			box_reaches(&b, s->iova, 0, 1);
			CHECK_OK(s, box_leave(&b, 1));
		} else {
			CHECK_RC(s, box_enter(&b, 1), -UIOMMU_EPERM);
			box_one_blocked(&b, 1, s->iova, 0);
			vfio_is_free(s, label[1]);
		}
		box_reaches(&b, s->iova, 0, 1);
		CHECK_OK(s, abi_close(a, b.group[1]));
		b.group[1] = -1;

		CHECK_FD(s, abi_open_cdev(b.device[1]), &cdev);
		CHECK_RC(s, abi_bind_iommufd(a, cdev, iommufd, &id),
			 unsafe & 2 ? 0 : -UIOMMU_EPERM);
		CHECK_OK(s, abi_close(a, cdev));
		vfio_go(s, label[1]);
		vfio_is_free(s, label[1]);
		CHECK_OK(s, abi_close(a, iommufd));
		box_end(&b);
		abi_end(a);
	}
}

#define DMA CONFORM_HARDWARE
#define ABI CONFORM_UAPI

const struct conform_scenario conform_vfio_groups[] = {
	{ "C195",
	  "Groups of a container share a domain where their driver takes it, and are translated where not",
	  "CS 8.5; mailing list 2022-06: domains are not compared, the attach decides", AREA_VFIO,
	  DMA | ABI, 0, c195_one_or_two },
	{ "C196",
	  "A group that cannot have what is mapped is refused, and the first one unaffected",
	  "CS 8.5", AREA_VFIO, DMA | ABI, 0, c196_conflict },
	{ "C201", "A group that leaves a container leaves the others; the last one lets go of all",
	  "CS 8.4, 8.5", AREA_VFIO, DMA | ABI, 0, c201_one_leaves },
	{ "C202",
	  "A replay that fails half-way leaves the group out and the first domain as it was",
	  "CS 8.5", AREA_VFIO, DMA | ABI, 0, c202_replay_fails },
	{ "C205", "A group whose interrupts are not isolated is refused unless the option says so",
	  "CS 8.5, 8.10", AREA_VFIO, ABI, 0, c205_msi },
	{ 0 },
};
