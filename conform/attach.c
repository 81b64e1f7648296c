/* SPDX-License-Identifier: MIT */
/* attach.c - attach, detach, replace, ownership, handles */
#include <string.h>

#include "conform/conform.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* Three devices of one group, and two spaces that map the same address to different pages. */
struct trio {
	struct machine_device *device[3];
	struct uiommu_device *dev[3];
	struct owner *owner;
	struct space *space[2];
	struct subject_buffer buffer;
	/* Behind these, for what is about the C API itself. */
	struct uiommu_group *group;
	struct uiommu_domain *domain[2];
};

static const char *const trio_labels[] = { "trio0", "trio1", "trio2" };

static struct trio trio_begin(struct subject *s)
{
	struct trio t;

	subject_boot(s, 0);
	for (int i = 0; i < 3; i++) {
		t.device[i] = subject_machine_device(s, trio_labels[i]);
		t.dev[i] = subject_device(s, trio_labels[i]);
	}
	t.owner = subject_own(s, "trio0");
	t.group = owner_group(t.owner);
	CHECK(s, !t.group || uiommu_group_num_devices(t.group) == 3,
	      "the trio's group has %u members", uiommu_group_num_devices(t.group));
	t.buffer = subject_buffer(s, 2 * s->page);
	for (int i = 0; i < 2; i++) {
		t.space[i] = owner_space(t.owner, 0);
		t.domain[i] = space_domain(t.space[i]);
		CHECK_OK(s,
			 space_map(t.space[i], s->iova, t.buffer.phys + i * s->page, s->page, RW));
	}
	return t;
}

static void trio_reaches(struct subject *s, struct trio *t, int domain)
{
	for (int i = 0; i < 3; i++) {
		if (domain < 0)
			subject_dma_blocked(s, t->device[i], s->iova, t->buffer.phys, NULL);
		else
			subject_dma_reaches(s, t->device[i], s->iova,
					    t->buffer.phys + domain * s->page, RW, NULL);
	}
}

static void trio_end(struct subject *s, struct trio *t)
{
	for (int i = 0; i < 2; i++)
		space_end(t->space[i]);
	subject_buffer_free(s, &t->buffer);
	owner_end(t->owner);
}

/* A device alone in its group, and two spaces that map the same address to different pages. */
struct solo {
	struct machine_device *device;
	struct uiommu_device *dev;
	struct owner *owner;
	struct space *space[2];
	struct subject_buffer buffer;
	/* Behind these, for what is about the C API itself. */
	struct uiommu_group *group;
	struct uiommu_domain *domain[2];
};

static struct solo solo_begin(struct subject *s)
{
	struct solo o;

	if (!s->machine)
		subject_boot(s, 0);
	o.device = subject_machine_device(s, "solo0");
	o.dev = subject_device(s, "solo0");
	o.owner = subject_own(s, "solo0");
	o.group = owner_group(o.owner);
	o.buffer = subject_buffer(s, 2 * s->page);
	for (int i = 0; i < 2; i++) {
		o.space[i] = owner_space(o.owner, 0);
		o.domain[i] = space_domain(o.space[i]);
		CHECK_OK(s,
			 space_map(o.space[i], s->iova, o.buffer.phys + i * s->page, s->page, RW));
	}
	return o;
}

static void solo_reaches(struct subject *s, struct solo *o, int domain)
{
	if (domain < 0)
		subject_dma_blocked(s, o->device, s->iova, o->buffer.phys, NULL);
	else
		subject_dma_reaches(s, o->device, s->iova, o->buffer.phys + domain * s->page, RW,
				    NULL);
}

static void solo_end(struct subject *s, struct solo *o)
{
	for (int i = 0; i < 2; i++)
		space_end(o->space[i]);
	subject_buffer_free(s, &o->buffer);
	owner_end(o->owner);
}

/* ---- failures ---------------------------------------------------------------------------------- */

static void c068_third_member_fails(struct subject *s)
{
	struct trio t = trio_begin(s);

	CHECK_OK(s, owner_attach(t.owner, t.space[0]));
	trio_reaches(s, &t, 0);
	for (int member = 0; member < 3; member++) {
		wrap_fail(s->wrap, WRAP_PREPARE, t.dev[member], 1, UIOMMU_ENOMEM);
		CHECK(s, owner_replace(t.owner, t.space[1]) == -UIOMMU_ENOMEM,
		      "the failure of member %d is not reported", member);
		CHECK(s, !t.group || uiommu_group_domain(t.group) == t.domain[0],
		      "the group's domain changed");
		trio_reaches(s, &t, 0);
	}
	owner_detach(t.owner, t.space[0]);
	trio_reaches(s, &t, -1);
	trio_end(s, &t);
}

static void c069_incompatible(struct subject *s)
{
	struct solo o = solo_begin(s);
	struct uiommu_device *other = subject_device(s, "solo1");
	struct owner *owner = subject_own(s, "solo1");
	struct space *foreign = owner_space(owner, 0);

	CHECK_OK(s, owner_attach(o.owner, o.space[0]));
	solo_reaches(s, &o, 0);
	wrap_fail(s->wrap, WRAP_PREPARE, o.dev, 1, UIOMMU_EINVAL);
	CHECK(s, owner_replace(o.owner, o.space[1]) == -UIOMMU_EINVAL,
	      "an incompatible domain is accepted");
	solo_reaches(s, &o, 0);
	/* A domain of another unit fits, or leaves the old translation. */
	if (uiommu_device_instance(other) != uiommu_device_instance(o.dev) &&
	    owner_replace(o.owner, foreign) == 0) {
		owner_detach(o.owner, foreign);
	} else {
		solo_reaches(s, &o, 0);
		owner_detach(o.owner, o.space[0]);
	}
	space_end(foreign);
	owner_end(owner);
	solo_end(s, &o);
}

static void c070_rollback_fails(struct subject *s)
{
	struct trio t;

	CHECK(s, wrap_create(&s->wrap) == 0, "no memory for the layer");
	wrap_one_phase(s->wrap, true);
	t = trio_begin(s);
	CHECK_OK(s, owner_attach(t.owner, t.space[0]));
	wrap_fail(s->wrap, WRAP_PREPARE, t.dev[2], 1, UIOMMU_ENOMEM);
	CHECK(s, owner_replace(t.owner, t.space[1]) == -UIOMMU_ENOMEM,
	      "the failure is not reported");
	/* The first two went back to the old domain; the third never left it. */
	trio_reaches(s, &t, 0);
	owner_detach(t.owner, t.space[0]);
	trio_reaches(s, &t, -1);
	trio_end(s, &t);
}

static void c071_single_and_busy(struct subject *s)
{
	struct trio t = trio_begin(s);

	CHECK_RC(s, uiommu_attach_device(t.domain[0], t.dev[0]), -UIOMMU_EINVAL);
	trio_reaches(s, &t, -1);
	CHECK_OK(s, uiommu_attach_group(t.domain[0], t.group));
	CHECK_RC(s, uiommu_attach_group(t.domain[1], t.group), -UIOMMU_EBUSY);
	trio_reaches(s, &t, 0);
	uiommu_detach_group(t.domain[0], t.group);
	trio_end(s, &t);
}

static void c072_twice(struct subject *s)
{
	struct solo o = solo_begin(s);

	CHECK_OK(s, uiommu_attach_group(o.domain[0], o.group));
	wrap_reset_counts(s->wrap);
	CHECK_OK(s, uiommu_attach_group(o.domain[0], o.group));
	CHECK(s, wrap_count(s->wrap, WRAP_PREPARE) == 0 && wrap_count(s->wrap, WRAP_COMMIT) == 0,
	      "the driver was asked again");
	solo_reaches(s, &o, 0);
	uiommu_detach_group(o.domain[0], o.group);
	solo_end(s, &o);
}

static void c073_detach_while_owned(struct subject *s)
{
	struct solo o;

	s->options.system.default_type = UIOMMU_DOMAIN_IDENTITY;
	o = solo_begin(s);
	CHECK_OK(s, uiommu_attach_group(o.domain[0], o.group));
	solo_reaches(s, &o, 0);
	uiommu_detach_group(o.domain[0], o.group);
	solo_reaches(s, &o, -1);
	subject_dma_blocked(s, o.device, o.buffer.phys, o.buffer.phys, NULL);
	uiommu_group_release_dma_owner(o.group);
	if (uiommu_group_default_type(o.group) == UIOMMU_DOMAIN_IDENTITY)
		subject_dma_reaches(s, o.device, o.buffer.phys, o.buffer.phys, RW, NULL);
	CHECK_OK(s, uiommu_group_claim_dma_owner(o.group, s));
	solo_end(s, &o);
}

/* ---- replace ----------------------------------------------------------------------------------- */

static void c075_replace(struct subject *s)
{
	struct solo o = solo_begin(s);

	CHECK_OK(s, owner_attach(o.owner, o.space[0]));
	for (int i = 0; i < 6; i++) {
		solo_reaches(s, &o, i % 2);
		CHECK_OK(s, owner_replace(o.owner, o.space[(i + 1) % 2]));
	}
	solo_reaches(s, &o, 0);
	owner_detach(o.owner, o.space[0]);
	solo_reaches(s, &o, -1);
	solo_end(s, &o);
}

struct between {
	struct subject *s;
	struct solo *o;
	unsigned int looks, third, gaps;
};

/* What a refused read leaves in a buffer of 0xee, on one device or another. */
static bool nothing(unsigned char got)
{
	return got == 0xee || got == 0 || got == 0xff;
}

/* What a device sees at this moment must be page A, page B or nothing. */
static void look(struct wrap_call *call, void *context)
{
	struct between *b = context;
	unsigned char got[4] = { 0 };

	for (int when = 0; when < 2; when++) {
		enum machine_dma_status status;

		memset(got, 0xee, sizeof(got));
		status = machine_dma_read(b->o->device, b->s->iova, got, sizeof(got), 0, 0);
		if (status == MACHINE_DMA_REFUSED || nothing(got[0]))
			b->gaps++;
		else if (got[0] != 'A' && got[0] != 'B')
			b->third++;
		memset(got, 0xee, sizeof(got));
		/* The physical address itself leads nowhere under either domain. */
		status = machine_dma_read(b->o->device, b->o->buffer.phys, got, sizeof(got), 0, 0);
		if (status != MACHINE_DMA_REFUSED && (got[0] == 'A' || got[0] == 'B'))
			b->third++;
		if (when == 0)
			wrap_call(call);
	}
}

static void c076_no_third_translation(struct subject *s)
{
	struct solo o = solo_begin(s);
	struct between b = { .s = s, .o = &o };

	memset(o.buffer.mem, 'A', s->page);
	memset(o.buffer.mem + s->page, 'B', s->page);
	CHECK_OK(s, owner_attach(o.owner, o.space[0]));
	wrap_set(s->wrap, WRAP_PREPARE, look, &b);
	wrap_set(s->wrap, WRAP_COMMIT, look, &b);
	CHECK_OK(s, owner_replace(o.owner, o.space[1]));
	CHECK(s, b.third == 0, "%u looks during the switch saw a third translation", b.third);
	CHECK(s, b.gaps == 0, "%u looks before and after each step of a replace saw nothing",
	      b.gaps);
	owner_detach(o.owner, o.space[1]);
	wrap_set(s->wrap, WRAP_PREPARE, NULL, NULL);
	wrap_set(s->wrap, WRAP_COMMIT, NULL, NULL);
	CHECK(s, b.third == 0, "%u looks during the detach saw a third translation", b.third);
	machine_settle(s->machine);
	machine_clear_faults(s->machine);
	solo_end(s, &o);
}

/* The DMA of one device between any two accesses of the driver to its unit's registers. */
static void look_between(void *context)
{
	struct between *b = context;
	unsigned char got[4];

	memset(got, 0xee, sizeof(got));
	/* Beside the bytes that solo_reaches() uses. */
	if (machine_dma_read(b->o->device, b->s->iova + 64, got, sizeof(got), 0, 0) ==
		    MACHINE_DMA_REFUSED ||
	    nothing(got[0]))
		b->gaps++;
	else if (got[0] != 'A' && got[0] != 'B')
		b->third++;
	b->looks++;
}

static void no_gap(struct subject *s, struct between *b)
{
	wrap_watch_registers(s->wrap, NULL, NULL);
	CHECK(s, b->looks, "the driver touched no register");
	CHECK(s, !b->third, "%u of %u looks saw a third translation", b->third, b->looks);
	CHECK(s, !b->gaps, "%u of %u looks during a replace saw no translation", b->gaps, b->looks);
}

static void c236_no_gap(struct subject *s)
{
	struct solo o = solo_begin(s);
	struct between b = { .s = s, .o = &o };

	memset(o.buffer.mem, 'A', s->page);
	memset(o.buffer.mem + s->page, 'B', s->page);
	CHECK_OK(s, owner_attach(o.owner, o.space[0]));
	if (!owner_capable(o.owner, UIOMMU_CAP_HITLESS_REPLACE)) {
		owner_detach(o.owner, o.space[0]);
		solo_end(s, &o);
		conform_skip(s, "this driver claims no replace without a gap on this hardware");
	}
	for (int i = 0; i < 4; i++) {
		wrap_watch_registers(s->wrap, look_between, &b);
		CHECK_OK(s, owner_replace(o.owner, o.space[(i + 1) % 2]));
		no_gap(s, &b);
		solo_reaches(s, &o, (i + 1) % 2);
	}
	owner_detach(o.owner, o.space[0]);
	solo_reaches(s, &o, -1);
	solo_end(s, &o);
}

/* ---- ownership --------------------------------------------------------------------------------- */

static void c077_owners(struct subject *s)
{
	struct uiommu_device *dev[3];
	struct uiommu_group *group;
	int a, b;

	subject_boot(s, 0);
	for (int i = 0; i < 3; i++)
		dev[i] = subject_device(s, trio_labels[i]);
	group = subject_group(s, "trio0");
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, NULL), -UIOMMU_EINVAL);
	CHECK_OK(s, uiommu_device_claim_dma_owner(dev[0], &a));
	CHECK_RC(s, uiommu_device_claim_dma_owner(dev[1], &b), -UIOMMU_EPERM);
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, &a), -UIOMMU_EPERM);
	CHECK_OK(s, uiommu_device_claim_dma_owner(dev[1], &a));
	CHECK_OK(s, uiommu_device_claim_dma_owner(dev[2], &a));
	CHECK_RC(s, uiommu_device_bind_driver(dev[2], 0), -UIOMMU_EBUSY);
	uiommu_device_release_dma_owner(dev[1]);
	uiommu_device_release_dma_owner(dev[0]);
	CHECK(s, uiommu_group_dma_owner_claimed(group), "released before the last claim");
	uiommu_device_release_dma_owner(dev[2]);
	CHECK(s, !uiommu_group_dma_owner_claimed(group), "still claimed");
	CHECK(s, uiommu_domain_type(uiommu_group_domain(group)) == uiommu_group_default_type(group),
	      "the default domain is not back");
	CHECK_OK(s, uiommu_device_bind_driver(dev[2], 0));
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, &b), -UIOMMU_EPERM);
	uiommu_device_unbind_driver(dev[2]);
	uiommu_group_put(group);
}

static void c078_owner_and_pasids(struct subject *s)
{
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	struct uiommu_device *dev;

	subject_boot(s, 0);
	dev = subject_device(s, "pasid0");
	if (!uiommu_device_max_pasids(dev))
		conform_skip(s, "this hardware has no PASIDs");
	group = subject_group(s, "pasid0");
	domain = subject_domain(s, dev, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_attach_device_pasid(domain, dev, 3, NULL));
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_EBUSY);
	uiommu_detach_device_pasid(domain, dev, 3);
	CHECK_OK(s, uiommu_group_claim_dma_owner(group, s));
	CHECK_OK(s, uiommu_attach_device_pasid(domain, dev, 3, NULL));
	subject_expect_warnings(s, 1);
	uiommu_group_release_dma_owner(group);
	CHECK(s, uiommu_group_dma_owner_claimed(group), "released with a PASID attached");
	uiommu_detach_device_pasid(domain, dev, 3);
	uiommu_group_release_dma_owner(group);
	CHECK(s, !uiommu_group_dma_owner_claimed(group), "not released");
	uiommu_domain_free(domain);
	uiommu_group_put(group);
}

static void c079_driver_and_pasids(struct subject *s)
{
	struct uiommu_domain *domain;
	struct uiommu_device *dev;

	subject_boot(s, 0);
	dev = subject_device(s, "pasid0");
	if (!uiommu_device_max_pasids(dev))
		conform_skip(s, "this hardware has no PASIDs");
	domain = subject_domain(s, dev, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_attach_device_pasid(domain, dev, 3, NULL));
	CHECK_RC(s, uiommu_device_bind_driver(dev, 0), -UIOMMU_EBUSY);
	uiommu_detach_device_pasid(domain, dev, 3);
	CHECK_OK(s, uiommu_device_bind_driver(dev, 0));
	uiommu_device_unbind_driver(dev);
	uiommu_domain_free(domain);
}

static void c080_no_blocked_domain(struct subject *s)
{
	struct solo o;

	CHECK(s, wrap_create(&s->wrap) == 0, "no memory for the layer");
	wrap_hide_blocked(s->wrap, true);
	o = solo_begin(s);
	CHECK(s, !uiommu_domain_blocked(o.dev), "the driver has a blocked domain after all");
	solo_reaches(s, &o, -1);
	CHECK_OK(s, owner_attach(o.owner, o.space[0]));
	solo_reaches(s, &o, 0);
	owner_detach(o.owner, o.space[0]);
	solo_reaches(s, &o, -1);
	solo_end(s, &o);
}

/* ---- handles ----------------------------------------------------------------------------------- */

static bool visible(struct uiommu_group *group)
{
	struct uiommu_attach_handle *found;

	return uiommu_attach_handle_get(group, UIOMMU_RID, UIOMMU_DOMAIN_AUTO, &found) == 0;
}

static void c081_handle_after_hardware(struct subject *s)
{
	struct uiommu_attach_handle handle = { 0 }, *found = NULL;
	struct solo o = solo_begin(s);

	wrap_fail(s->wrap, WRAP_PREPARE, o.dev, 1, UIOMMU_ENOMEM);
	CHECK(s, uiommu_attach_group_handle(o.domain[0], o.group, &handle) == -UIOMMU_ENOMEM,
	      "the failure is not reported");
	CHECK(s, !visible(o.group), "a handle is visible though its attach failed");
	CHECK_OK(s, uiommu_attach_group_handle(o.domain[0], o.group, &handle));
	CHECK_OK(s, uiommu_attach_handle_get(o.group, UIOMMU_RID, UIOMMU_DOMAIN_PAGING, &found));
	CHECK(s, found == &handle && found->domain == o.domain[0], "another handle is found");
	CHECK_RC(s, uiommu_attach_handle_get(o.group, UIOMMU_RID, UIOMMU_DOMAIN_SVA, &found),
		 -UIOMMU_EBUSY);
	uiommu_detach_group_handle(o.domain[0], o.group);
	CHECK_RC(s, uiommu_attach_handle_get(o.group, UIOMMU_RID, UIOMMU_DOMAIN_AUTO, &found),
		 -UIOMMU_ENOENT);
	solo_end(s, &o);
}

static void c082_live_handle(struct subject *s)
{
	struct uiommu_attach_handle handle = { 0 };
	struct solo o = solo_begin(s);

	CHECK_OK(s, uiommu_attach_group_handle(o.domain[0], o.group, &handle));
	CHECK_RC(s, uiommu_replace_group_handle(o.group, o.domain[1], &handle), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_replace_group_handle(o.group, o.domain[1], NULL), -UIOMMU_EINVAL);
	solo_reaches(s, &o, 0);
	uiommu_detach_group_handle(o.domain[0], o.group);
	solo_end(s, &o);
}

static void c094_odd_errors(struct subject *s)
{
	static const struct {
		int driver, caller;
	} table[] = {
		{ UIOMMU_EINVAL, UIOMMU_EINVAL }, { UIOMMU_ENOMEM, UIOMMU_ENOMEM },
		{ UIOMMU_ENOSPC, UIOMMU_ENOSPC }, { UIOMMU_EBUSY, UIOMMU_EBUSY },
		{ UIOMMU_ENODEV, UIOMMU_ENODEV }, { UIOMMU_EIO, UIOMMU_ENODEV },
		{ UIOMMU_EEXIST, UIOMMU_ENODEV }, { 4242, UIOMMU_ENODEV },
	};
	struct solo o = solo_begin(s);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int rc;

		wrap_fail(s->wrap, WRAP_PREPARE, o.dev, 1, table[i].driver);
		rc = owner_attach(o.owner, o.space[0]);
		CHECK(s, rc == -table[i].caller, "the driver says %d, the caller hears %d",
		      -table[i].driver, rc);
		solo_reaches(s, &o, -1);
	}
	solo_end(s, &o);
}

static void c220_one_domain_many_groups(struct subject *s)
{
	struct machine_device *other;
	struct owner *owner;
	struct solo o = solo_begin(s);
	int rc;

	other = subject_machine_device(s, "solo1");
	owner = subject_own(s, "solo1");
	CHECK_OK(s, owner_attach(o.owner, o.space[0]));
	rc = owner_attach(owner, o.space[0]);
	if (rc == -UIOMMU_EINVAL) {
		owner_detach(o.owner, o.space[0]);
		conform_skip(s, "the two devices' units share no format");
	}
	CHECK(s, rc == 0, "the second attach: %s", uiommu_strerror(rc));
	subject_dma_reaches(s, other, s->iova, o.buffer.phys, RW, NULL);
	owner_detach(o.owner, o.space[0]);
	solo_reaches(s, &o, -1);
	subject_dma_reaches(s, other, s->iova, o.buffer.phys, RW, NULL);
	space_unmap_all(o.space[0], s->iova, s->page);
	subject_dma_blocked(s, other, s->iova, o.buffer.phys, NULL);
	owner_detach(owner, o.space[0]);
	owner_end(owner);
	solo_end(s, &o);
}

static void c221_free_while_attached(struct subject *s)
{
	struct solo o = solo_begin(s);

	CHECK_OK(s, uiommu_attach_group(o.domain[0], o.group));
	subject_expect_warnings(s, 1);
	uiommu_domain_free(o.domain[0]);
	solo_reaches(s, &o, 0);
	uiommu_detach_group(o.domain[0], o.group);
	solo_end(s, &o);
}

static void c222_bridge(struct subject *s)
{
	struct machine_device *device[2];
	struct subject_buffer b;
	struct owner *owner;
	struct space *space;

	subject_boot(s, 0);
	device[0] = subject_machine_device(s, "bridged0");
	device[1] = subject_machine_device(s, "bridged1");
	owner = subject_own(s, "bridged0");
	b = subject_buffer(s, s->page);
	space = owner_space(owner, 0);
	CHECK_OK(s, space_map(space, s->iova, b.phys, s->page, RW));
	CHECK_OK(s, owner_attach(owner, space));
	for (int i = 0; i < 2; i++)
		subject_dma_reaches(s, device[i], s->iova, b.phys, RW, NULL);
	owner_detach(owner, space);
	for (int i = 0; i < 2; i++)
		CHECK(s, !subject_dma_sees(s, device[i], s->iova, b.phys, NULL),
		      "bridged%d still translates after detach", i);
	machine_settle(s->machine);
	space_end(space);
	subject_buffer_free(s, &b);
	owner_end(owner);
}

#define DMA CONFORM_HARDWARE
#define ANY CONFORM_ANY_BACKEND

const struct conform_scenario conform_attach[] = {
	{ "C068", "When one member of a group fails to attach, every member keeps its old domain",
	  "Linux __iommu_group_set_domain", AREA_ATTACH, DMA | ANY, 0, c068_third_member_fails },
	{ "C069", "Attaching an incompatible domain fails and leaves the old translation working",
	  "Linux attach_dev contract; mailing list 2022-10", AREA_ATTACH, DMA | ANY, 0,
	  c069_incompatible },
	{ "C070", "A one-phase driver's group is rolled back to the old domain",
	  "Linux __iommu_group_set_domain", AREA_ATTACH, DMA | ANY, 0, c070_rollback_fails },
	{ "C071", "A device that is not alone needs its group; a group with a domain is busy",
	  "Linux iommu_attach_device, iommu_attach_group", AREA_ATTACH, DMA, 0,
	  c071_single_and_busy },
	{ "C072", "Attaching the same domain again succeeds without asking the driver",
	  "Linux __iommu_group_set_domain", AREA_ATTACH, DMA, 0, c072_twice },
	{ "C073", "Detached while owned, a group is blocked; released, it has its default back",
	  "Linux iommu_detach_group, DMA ownership", AREA_ATTACH, DMA, 0, c073_detach_while_owned },
	{ "C075", "After replace returns, only the new domain's page is reached",
	  "Linux iommu_replace_group_handle", AREA_ATTACH, DMA | ANY, 0, c075_replace },
	{ "C076",
	  "Between any two steps of a switch a device sees the old or the new, never a third",
	  "Linux attach_dev contract", AREA_ATTACH, DMA | ANY, 0, c076_no_third_translation },
	{ "C236", "Where the driver claims it, a replace has no moment without a translation",
	  "include/uiommu/uiommu.h: UIOMMU_CAP_HITLESS_REPLACE", AREA_ATTACH, DMA | ANY,
	  MACHINE_REPORTS, c236_no_gap },
	{ "C077", "One owner at a time, counted by device; the last release restores the default",
	  "Linux iommu_device_claim_dma_owner", AREA_ATTACH, 0, 0, c077_owners },
	{ "C078", "Ownership is neither taken nor given back while a PASID is attached",
	  "Linux; mailing list 2022-09: the PASID table must be empty", AREA_ATTACH, 0, 0,
	  c078_owner_and_pasids },
	{ "C079", "A client driver does not bind while a PASID is attached",
	  "Linux iommu_device_use_default_domain", AREA_ATTACH, 0, 0, c079_driver_and_pasids },
	{ "C080", "Without a static blocked domain a claimed group is on an empty one",
	  "Linux __iommu_group_alloc_blocking_domain", AREA_ATTACH, DMA | ANY, 0,
	  c080_no_blocked_domain },
	{ "C081", "A handle is found only after the hardware was switched, and of the right type",
	  "Linux iommu_attach_group_handle", AREA_ATTACH, 0, 0, c081_handle_after_hardware },
	{ "C082", "A handle in use is refused", "Linux iommu_replace_group_handle", AREA_ATTACH,
	  DMA, 0, c082_live_handle },
	{ "C094", "A driver's odd error reaches the caller as no device",
	  "Linux attach_dev error codes", AREA_ATTACH, DMA | ANY, 0, c094_odd_errors },
	{ "C220", "A domain serves two groups; leaving one leaves the other",
	  "include/uiommu/uiommu.h", AREA_ATTACH, DMA | ANY, 0, c220_one_domain_many_groups },
	{ "C221", "Freeing an attached domain is reported and does nothing",
	  "include/uiommu/uiommu.h", AREA_ATTACH, DMA, 0, c221_free_while_attached },
	{ "C222", "Devices behind a conventional bridge are one group, and switch together",
	  "PCIe-to-PCI Bridge 2.3: ownership of requests", AREA_ATTACH, DMA | ANY, 0, c222_bridge },
	{ 0 },
};
