/* SPDX-License-Identifier: MIT */
/* default_domain.c - what a group is attached to when nobody has asked: chosen, made, changed, direct */
#include <string.h>

#include "conform/script.h"
#include "conform/soft.h"
#include "conform/vfio.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

static const char *const trio[3] = { "trio0", "trio1", "trio2" };

/* A page below the 39 bits of the narrowest hardware, above all RAM and reserved regions. */
static uint64_t far(struct subject *s)
{
	return s->base + 0x3f00000 * s->page;
}

static void check_type(struct subject *s, struct uiommu_group *group, enum uiommu_domain_type type)
{
	enum uiommu_domain_type got = uiommu_group_default_type(group);

	CHECK(s, got == type, "the default domain is of type %s, %s was due",
	      uiommu_domain_type_name(got), uiommu_domain_type_name(type));
}

static struct uiommu_group *trio_up(struct subject *s, struct script *script)
{
	struct uiommu_group *group;

	for (int i = 0; i < 3; i++)
		script_add(script, trio[i]);
	script_start_units(s);
	group = subject_group(s, "trio0");
	CHECK(s, uiommu_group_num_devices(group) == 3, "the group of trio0 has %u members",
	      uiommu_group_num_devices(group));
	return group;
}

/* The group on the soft driver that devices 0 to @count - 1 share. */
static struct uiommu_group *soft_group(struct subject *s, struct soft *soft, unsigned int count)
{
	struct uiommu_group *group;

	for (unsigned int i = 0; i < count; i++) {
		soft->device[i].group = 1;
		CHECK_OK(s, soft_add(soft, i));
	}
	CHECK_OK(s, soft_start(soft, 0));
	group = uiommu_group_get(soft->device[0].dev);
	CHECK(s, group && uiommu_group_num_devices(group) == count,
	      "the group has not %u members: %s", count,
	      uiommu_strerror(uiommu_device_error(soft->device[0].dev)));
	return group;
}

static void soft_empty(struct soft *soft)
{
	for (unsigned int i = 0; i < SOFT_DEVICES; i++) {
		soft_remove(soft, i);
		soft->device[i] = (struct soft_device){ .soft = soft };
	}
	soft_stop(soft, 0);
}

/* ---- the choice -------------------------------------------------------------------------------- */

static void one_demands_dma(struct subject *s)
{
	struct script script = {
		.device = { { .label = "trio0" }, { .label = "trio1" }, { .label = "trio2" } }
	};
	struct uiommu_group *group;
	struct soft *soft;

	s->options.system.default_type = UIOMMU_DOMAIN_IDENTITY;
	/* Hardware without identity says that other groups get DMA. */
	subject_expect_warnings(s, 0);
	script_boot(s, &script, false);
	soft = soft_create(s, s->sys);
	for (unsigned int who = 0; who < 3; who++) {
		soft->device[who].demand = UIOMMU_DOMAIN_DMA;
		group = soft_group(s, soft, 3);
		check_type(s, group, UIOMMU_DOMAIN_DMA);
		uiommu_group_put(group);
		soft_empty(soft);
		script.device[who].demand = UIOMMU_DOMAIN_DMA;
		if (who == 0) {
			group = trio_up(s, &script);
		} else {
			script_start_units(s);
			group = subject_group(s, "trio0");
		}
		check_type(s, group, UIOMMU_DOMAIN_DMA);
		for (int i = 0; i < 3; i++)
			script_default_dma(s, trio[i]);
		uiommu_group_put(group);
		script_stop_units(s);
		script.device[who].demand = UIOMMU_DOMAIN_BLOCKED;
	}
	/* Nobody demands anything: the system's type. */
	group = soft_group(s, soft, 3);
	check_type(s, group, UIOMMU_DOMAIN_IDENTITY);
	uiommu_group_put(group);
	soft_destroy(soft);
	script_end(&script);
}

static void identity_wins(struct subject *s)
{
	struct script script = { .device = {
					 { .label = "trio0", .demand = UIOMMU_DOMAIN_DMA },
					 { .label = "trio2", .demand = UIOMMU_DOMAIN_IDENTITY } } };
	struct uiommu_group *group;
	struct uiommu_device *dev;
	struct soft *soft;

	subject_expect_warnings(s, 1);
	script_boot(s, &script, false);
	soft = soft_create(s, s->sys);
	for (unsigned int who = 0; who < 2; who++) {
		machine_clear_warnings(s->machine);
		soft->device[who].demand = UIOMMU_DOMAIN_IDENTITY;
		soft->device[2 - 2 * who].demand = UIOMMU_DOMAIN_DMA;
		group = soft_group(s, soft, 3);
		check_type(s, group, UIOMMU_DOMAIN_IDENTITY);
		CHECK(s, machine_num_warnings(s->machine) > 0,
		      "members demand different types and nobody was told");
		for (unsigned int i = 0; i < 3; i++)
			CHECK(s, soft_translate(soft, i, 0, 0x1234567) == 0x1234567,
			      "member %u is not on the identity domain", i);
		uiommu_group_put(group);
		soft_empty(soft);
	}
	soft_destroy(soft);

	script_start_units(s);
	dev = script_add(&script, "solo0");
	if (script_has_identity(s, dev)) {
		script_stop_units(s);
		group = trio_up(s, &script);
		check_type(s, group, UIOMMU_DOMAIN_IDENTITY);
		for (int i = 0; i < 3; i++)
			script_default_dma(s, trio[i]);
		uiommu_group_put(group);
	}
	/* The runner looks for the error that was announced. */
	CHECK(s, uiommu_device_is_translated(dev), "solo0 suffered from its neighbours");
	if (machine_num_warnings(s->machine) == 0)
		conform_fail(s, __FILE__, __LINE__, "the conflict was not logged");
	script_end(&script);
}

static void untrusted_and_identity(struct subject *s)
{
	struct script script = { .device = { { .label = "trio0", .demand = UIOMMU_DOMAIN_IDENTITY },
					     { .label = "trio1", .untrusted = true } } };

	subject_expect_warnings(s, 1);
	script_boot(s, &script, false);
	for (int i = 0; i < 3; i++)
		script_add(&script, trio[i]);
	script_add(&script, "solo0");
	script_start_units(s);
	for (int i = 0; i < 3; i++) {
		struct uiommu_device *dev =
			machine_device_uiommu(subject_machine_device(s, trio[i]));

		CHECK(s,
		      uiommu_device_status(dev) == UIOMMU_STATUS_FAILED &&
			      uiommu_device_error(dev) == -UIOMMU_EINVAL,
		      "%s: status %d, error %d", trio[i], uiommu_device_status(dev),
		      uiommu_device_error(dev));
		CHECK(s, !uiommu_device_has_group(dev), "%s is in a group", trio[i]);
	}
	CHECK(s, script.device[0].commits == 0 && script.device[1].commits == 0,
	      "a member was attached although the group was refused");
	script_default_dma(s, "solo0");

	/* Without the demand it is a group, on strict DMA. */
	script.device[0].demand = UIOMMU_DOMAIN_BLOCKED;
	for (int i = 0; i < 3; i++)
		CHECK_OK(s, uiommu_device_probe(
				    machine_device_uiommu(subject_machine_device(s, trio[i]))));
	for (int i = 0; i < 3; i++)
		script_default_dma(s, trio[i]);
	script_end(&script);
}

static void types_of_the_system(struct subject *s)
{
	static const struct {
		enum uiommu_domain_type wish;
		bool encrypted, on_purpose, queue, untrusted;
		enum uiommu_domain_type type;
	} table[] = {
		{ UIOMMU_DOMAIN_BLOCKED, false, false, true, false, UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_DMA, false, false, true, false, UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_DMA_FQ, false, false, true, false, UIOMMU_DOMAIN_DMA_FQ },
		{ UIOMMU_DOMAIN_DMA_FQ, false, false, false, false, UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_DMA_FQ, false, false, true, true, UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_DMA_FQ, true, false, true, false, UIOMMU_DOMAIN_DMA_FQ },
		{ UIOMMU_DOMAIN_IDENTITY, false, false, true, false, UIOMMU_DOMAIN_IDENTITY },
		{ UIOMMU_DOMAIN_IDENTITY, true, false, true, false, UIOMMU_DOMAIN_DMA },
		{ UIOMMU_DOMAIN_IDENTITY, true, true, true, false, UIOMMU_DOMAIN_IDENTITY },
		{ UIOMMU_DOMAIN_IDENTITY, false, false, true, true, UIOMMU_DOMAIN_DMA },
	};
	static const enum uiommu_domain_type impossible[] = {
		UIOMMU_DOMAIN_PAGING, UIOMMU_DOMAIN_NESTED, UIOMMU_DOMAIN_SVA, UIOMMU_DOMAIN_AUTO
	};
	struct uiommu_system_config config = { 0 };
	struct machine_device *device;
	struct subject_buffer buffer;
	struct uiommu_system *sys;
	struct uiommu_group *group;
	struct soft *soft;

	s->options.system.default_type = UIOMMU_DOMAIN_IDENTITY;
	s->options.system.memory_encrypted = true;
	subject_boot(s, 0);
	config.host = machine_host(s->machine);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		config.default_type = table[i].wish;
		config.memory_encrypted = table[i].encrypted;
		config.identity_on_purpose = table[i].on_purpose;
		CHECK_OK(s, uiommu_system_create(&config, &sys));
		soft = soft_create(s, sys);
		/* One member that does not care, and one with the properties. */
		soft->device[0].flush_queue = true;
		soft->device[1].flush_queue = table[i].queue;
		soft->device[1].untrusted = table[i].untrusted;
		group = soft_group(s, soft, 2);
		CHECK(s, uiommu_group_default_type(group) == table[i].type,
		      "row %zu of the table: %s and not %s", i,
		      uiommu_domain_type_name(uiommu_group_default_type(group)),
		      uiommu_domain_type_name(table[i].type));
		uiommu_group_put(group);
		soft_destroy(soft);
		uiommu_system_destroy(sys);
	}
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		config.default_type = impossible[i];
		CHECK_RC(s, uiommu_system_create(&config, &sys), -UIOMMU_EINVAL);
		CHECK(s, !sys, "a system was made in spite of the error");
	}

	/* Memory is encrypted on the real machine: no untranslated DMA that nobody asked for. */
	device = subject_machine_device(s, "solo0");
	group = subject_group(s, "solo0");
	check_type(s, group, UIOMMU_DOMAIN_DMA);
	uiommu_group_put(group);
	buffer = subject_buffer(s, s->page);
	subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
	subject_buffer_free(s, &buffer);
	script_default_dma(s, "solo0");
}

static void fall_back_to_dma(struct subject *s)
{
	struct script script = { 0 };
	struct uiommu_system_config config = { .default_type = UIOMMU_DOMAIN_IDENTITY };
	struct uiommu_system *sys;
	struct uiommu_group *group;
	struct uiommu_device *dev;
	struct soft *soft;

	subject_expect_warnings(s, 1);
	script_boot(s, &script, true);
	config.host = machine_host(s->machine);
	CHECK_OK(s, uiommu_system_create(&config, &sys));
	soft = soft_create(s, sys);
	soft->ops[0].identity_domain = NULL;
	soft->identity_error = -UIOMMU_ENOSPC;
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_add(soft, 0));
	group = uiommu_group_get(soft->device[0].dev);
	CHECK(s, group, "no identity domain, and no fall-back: %s",
	      uiommu_strerror(uiommu_device_error(soft->device[0].dev)));
	check_type(s, group, UIOMMU_DOMAIN_DMA);
	uiommu_group_put(group);
	/* A demand has no fall-back. */
	soft->device[1].demand = UIOMMU_DOMAIN_IDENTITY;
	CHECK_OK(s, soft_add(soft, 1));
	CHECK(s,
	      uiommu_device_status(soft->device[1].dev) == UIOMMU_STATUS_FAILED &&
		      uiommu_device_error(soft->device[1].dev) == -UIOMMU_ENOSPC,
	      "a device that works with identity only: status %d, error %d",
	      uiommu_device_status(soft->device[1].dev), uiommu_device_error(soft->device[1].dev));
	soft_destroy(soft);
	uiommu_system_destroy(sys);

	/* DMA has none either. */
	CHECK(s, machine_num_warnings(s->machine) > 0, "the fall-back was not reported");
	wrap_fail(s->wrap, WRAP_ALLOC_PAGING, NULL, 1, UIOMMU_ENOSPC);
	dev = script_add(&script, "solo0");
	CHECK(s,
	      uiommu_device_status(dev) == UIOMMU_STATUS_FAILED &&
		      uiommu_device_error(dev) == -UIOMMU_ENOSPC && !uiommu_device_has_group(dev),
	      "without a default domain: status %d, error %d", uiommu_device_status(dev),
	      uiommu_device_error(dev));
	CHECK_OK(s, uiommu_device_probe(dev));
	script_default_dma(s, "solo0");
	script_end(&script);
}

/* ---- changes ----------------------------------------------------------------------------------- */

static void demand_against_change(struct subject *s)
{
	struct script script = { .device = { { .label = "trio1", .demand = UIOMMU_DOMAIN_DMA } } };
	struct machine_device *device;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_group *group;
	unsigned int commits;

	script_boot(s, &script, false);
	group = trio_up(s, &script);
	device = subject_machine_device(s, "trio1");
	buffer = subject_buffer(s, s->page);
	domain = uiommu_group_domain(group);
	CHECK_OK(s, uiommu_map(domain, far(s), buffer.phys, s->page, RW));
	commits = script.device[0].commits;
	CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY), -UIOMMU_EINVAL);
	CHECK(s, uiommu_group_domain(group) == domain && script.device[0].commits == commits,
	      "a refused change switched the group");
	check_type(s, group, UIOMMU_DOMAIN_DMA);
	subject_dma_reaches(s, device, far(s), buffer.phys, RW, NULL);
	subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
	/* What agrees with the demand is no error. */
	CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA));
	CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_AUTO));
	subject_dma_reaches(s, device, far(s), buffer.phys, RW, NULL);
	CHECK(s, uiommu_unmap(uiommu_group_domain(group), far(s), s->page) == s->page,
	      "the mapping has gone");
	subject_buffer_free(s, &buffer);
	uiommu_group_put(group);
	script_end(&script);
}

static void change_fails_in_the_middle(struct subject *s, bool one_phase)
{
	struct script script = {
		.device = { { .label = "trio2" }, { .label = "trio0" }, { .label = "trio1" } }
	};
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_group *group;
	unsigned int freed;

	script_boot(s, &script, false);
	wrap_one_phase(s->wrap, one_phase);
	group = trio_up(s, &script);
	if (!script_has_identity(s, subject_device(s, "trio0"))) {
		uiommu_group_put(group);
		conform_skip(s, "this driver has no identity domain to change to");
	}
	buffer = subject_buffer(s, s->page);
	domain = uiommu_group_domain(group);
	CHECK_OK(s, uiommu_map(domain, far(s), buffer.phys, s->page, RW));
	freed = wrap_count(s->wrap, WRAP_FREE);
	script.device[0].attach_error = -UIOMMU_ENOSPC;
	CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY), -UIOMMU_ENOSPC);
	script.device[0].attach_error = 0;
	for (int i = 1; i < 3 && !one_phase; i++)
		CHECK(s,
		      script.device[i].prepared ==
			      script.device[i].commits + script.device[i].aborts,
		      "%s was prepared %u times, committed %u and aborted %u times",
		      script.device[i].label, script.device[i].prepared, script.device[i].commits,
		      script.device[i].aborts);
	CHECK(s, wrap_count(s->wrap, WRAP_FREE) == freed, "the old default domain was freed");
	CHECK(s, uiommu_group_domain(group) == domain, "the group has another domain");
	check_type(s, group, UIOMMU_DOMAIN_DMA);
	for (int i = 0; i < 3; i++) {
		struct machine_device *device = subject_machine_device(s, trio[i]);

		subject_dma_reaches(s, device, far(s), buffer.phys, RW, NULL);
		subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
	}
	/* Nothing stands in the way of trying again. */
	CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
	CHECK(s, wrap_count(s->wrap, WRAP_FREE) == freed + 1,
	      "the old default domain was not freed");
	check_type(s, group, UIOMMU_DOMAIN_IDENTITY);
	for (int i = 0; i < 3; i++)
		script_default_dma(s, trio[i]);
	CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA));
	for (int i = 0; i < 3; i++)
		script_default_dma(s, trio[i]);
	subject_buffer_free(s, &buffer);
	uiommu_group_put(group);
	script_end(&script);
}

static void change_fails_two_phases(struct subject *s)
{
	change_fails_in_the_middle(s, false);
}

static void change_fails_one_phase(struct subject *s)
{
	change_fails_in_the_middle(s, true);
}

static void flush_queue_rules(struct subject *s)
{
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	for (unsigned int bad = 0; bad < 3; bad++) {
		soft->device[0].flush_queue = true;
		soft->device[1].flush_queue = bad != 1;
		soft->device[1].untrusted = bad == 2;
		group = soft_group(s, soft, 2);
		check_type(s, group, UIOMMU_DOMAIN_DMA);
		domain = uiommu_group_domain(group);
		CHECK_OK(s, uiommu_map(domain, far(s), 0x7000, SOFT_GRANULE, RW));
		CHECK_OK(s, uiommu_device_bind_driver(soft->device[0].dev, 0));
		if (bad) {
			CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA_FQ),
				 -UIOMMU_EINVAL);
			check_type(s, group, UIOMMU_DOMAIN_DMA);
		} else {
			/* Under a running driver: the address space stays. */
			CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA_FQ));
			check_type(s, group, UIOMMU_DOMAIN_DMA_FQ);
			CHECK(s,
			      uiommu_group_domain(group) == domain &&
				      soft_translate(soft, 1, 0, far(s)) == 0x7000,
			      "the switch to a flush queue lost a mapping");
			/* The way back needs the drivers gone. */
			CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA),
				 -UIOMMU_EPERM);
			check_type(s, group, UIOMMU_DOMAIN_DMA_FQ);
			CHECK(s, soft_translate(soft, 1, 0, far(s)) == 0x7000,
			      "a refused change lost a mapping");
		}
		uiommu_device_unbind_driver(soft->device[0].dev);
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA));
		check_type(s, group, UIOMMU_DOMAIN_DMA);
		uiommu_group_put(group);
		soft_empty(soft);
	}
	soft_destroy(soft);
}

static void change_needs_an_idle_group(struct subject *s)
{
	static const enum uiommu_domain_type no_default[] = {
		UIOMMU_DOMAIN_BLOCKED, UIOMMU_DOMAIN_PAGING, UIOMMU_DOMAIN_NESTED, UIOMMU_DOMAIN_SVA
	};
	struct machine_device *device;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_group *group;
	struct uiommu_device *dev;

	subject_boot(s, 0);
	device = subject_machine_device(s, "solo0");
	dev = subject_device(s, "solo0");
	group = subject_group(s, "solo0");
	buffer = subject_buffer(s, s->page);
	domain = uiommu_group_domain(group);
	CHECK_OK(s, uiommu_map(domain, far(s), buffer.phys, s->page, RW));
	for (size_t i = 0; i < sizeof(no_default) / sizeof(no_default[0]); i++)
		CHECK_RC(s, uiommu_group_set_default_type(group, no_default[i]), -UIOMMU_EINVAL);
	CHECK_OK(s, uiommu_device_bind_driver(dev, 0));
	CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY), -UIOMMU_EPERM);
	CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_AUTO), -UIOMMU_EPERM);
	uiommu_device_unbind_driver(dev);
	subject_dma_reaches(s, device, far(s), buffer.phys, RW, NULL);
	CHECK(s, uiommu_unmap(domain, far(s), s->page) == s->page, "the mapping has gone");

	CHECK_OK(s, uiommu_group_claim_dma_owner(group, s));
	CHECK_RC(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY), -UIOMMU_EPERM);
	subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
	uiommu_group_release_dma_owner(group);
	check_type(s, group, UIOMMU_DOMAIN_DMA);
	script_default_dma(s, "solo0");
	if (script_has_identity(s, dev)) {
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
		script_default_dma(s, "solo0");
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_AUTO));
		check_type(s, group, UIOMMU_DOMAIN_DMA);
		script_default_dma(s, "solo0");
	}
	subject_buffer_free(s, &buffer);
	uiommu_group_put(group);
}

/* ---- direct regions ---------------------------------------------------------------------------- */

/* Looks through the device's eyes at each step of each switch. */
struct continuity {
	struct subject *s;
	struct machine_device *device;
	uint64_t phys;
	bool up; /* it was attached once */
	unsigned int looks, gaps;
};

static void look(struct continuity *c)
{
	c->looks++;
	if (!subject_dma_sees(c->s, c->device, c->phys, c->phys, NULL))
		c->gaps++;
}

static void look_after_prepare(struct wrap_call *call, void *context)
{
	struct continuity *c = context;

	wrap_call(call);
	if (c->up)
		look(c);
}

static void look_after_commit(struct wrap_call *call, void *context)
{
	struct continuity *c = context;

	wrap_call(call);
	if (uiommu_device_pci(call->dev) == machine_device_function(c->device))
		c->up = true;
	if (c->up)
		look(c);
}

static void direct_without_a_gap(struct subject *s)
{
	struct script script = { .device = { { .label = "trio0", .num_resv = 1 } } };
	struct continuity c = { .s = s };
	struct subject_buffer buffer;
	struct uiommu_group *group;
	struct uiommu_device *dev;

	script_boot(s, &script, false);
	buffer = subject_buffer(s, s->page);
	script.device[0].resv[0] = script_region(&buffer, 0, s->page, UIOMMU_RESV_DIRECT);
	c.device = subject_machine_device(s, "trio0");
	c.phys = buffer.phys;
	wrap_set(s->wrap, WRAP_PREPARE, look_after_prepare, &c);
	wrap_set(s->wrap, WRAP_COMMIT, look_after_commit, &c);
	dev = script_add(&script, "trio0");
	script_add(&script, "trio1");
	script_start_units(s);
	CHECK(s, c.up && c.looks && !c.gaps, "at the first attach: %u looks, %u without the region",
	      c.looks, c.gaps);
	group = subject_group(s, "trio0");
	if (script_has_identity(s, dev)) {
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
		CHECK(s, !c.gaps, "DMA to identity: %u of %u looks without the region", c.gaps,
		      c.looks);
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA));
		CHECK(s, !c.gaps, "identity to DMA: %u of %u looks without the region", c.gaps,
		      c.looks);
	}
	script_add(&script, "trio2");
	CHECK(s, !c.gaps, "a sibling was probed: %u of %u looks without the region", c.gaps,
	      c.looks);
	script_remove(&script, "trio1");
	CHECK(s, !c.gaps, "a sibling was removed: %u of %u looks without the region", c.gaps,
	      c.looks);
	subject_dma_reaches(s, c.device, buffer.phys, buffer.phys, RW, NULL);
	script_default_dma(s, "trio2");
	uiommu_group_put(group);
	script_end(&script);
	script_remove(&script, "trio0");
	subject_buffer_free(s, &buffer);
}

static void direct_not_aligned(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .num_resv = 1 } } };
	struct machine_device *device;
	struct subject_buffer buffer;
	uint64_t start, end;

	script_boot(s, &script, true);
	buffer = subject_buffer(s, 5 * s->page);
	/* From the middle of page 1 to the middle of page 3. */
	start = s->page + s->page / 2 + 0x230;
	end = 3 * s->page + s->page / 2 - 0x1d0;
	script.device[0].resv[0] = script_region(&buffer, start, end - start, UIOMMU_RESV_DIRECT);
	script_add(&script, "solo0");
	subject_device(s, "solo0");
	device = subject_machine_device(s, "solo0");
	for (uint64_t at = start; at < end; at += (end - start) / 16)
		subject_dma_reaches(s, device, buffer.phys + at, buffer.phys + at, RW, NULL);
	subject_dma_reaches(s, device, buffer.phys + end - 16, buffer.phys + end - 16, RW, NULL);
	subject_dma_blocked(s, device, buffer.phys + s->page - 16, buffer.phys + s->page - 16,
			    NULL);
	subject_dma_blocked(s, device, buffer.phys + 4 * s->page, buffer.phys + 4 * s->page, NULL);
	script_end(&script);
	script_remove(&script, "solo0");
	subject_buffer_free(s, &buffer);
}

static void direct_overlapping(struct subject *s)
{
	struct script script = { .device = { { .label = "trio0", .num_resv = 1 },
					     { .label = "trio1", .num_resv = 1 },
					     { .label = "trio2", .num_resv = 1 } } };
	struct subject_buffer buffer;
	struct uiommu_group *group;

	script_boot(s, &script, false);
	buffer = subject_buffer(s, 5 * s->page);
	script.device[0].resv[0] = script_region(&buffer, 0, 2 * s->page, UIOMMU_RESV_DIRECT);
	script.device[1].resv[0] =
		script_region(&buffer, 0x1000, 2 * s->page, UIOMMU_RESV_DIRECT_RELAXABLE);
	script.device[1].resv[0].prot = UIOMMU_READ;
	script.device[2].resv[0] = script_region(&buffer, 0, 4 * s->page, UIOMMU_RESV_DIRECT);
	script_add(&script, "trio0");
	script_add(&script, "trio1");
	script_start_units(s);
	/* The third one comes later, over everything that is there already. */
	script_add(&script, "trio2");
	group = subject_group(s, "trio2");
	CHECK(s, uiommu_group_num_devices(group) == 3, "the group has %u members",
	      uiommu_group_num_devices(group));
	for (int i = 0; i < 3; i++) {
		struct machine_device *device = subject_machine_device(s, trio[i]);

		for (unsigned int page = 0; page < 4; page++) {
			uint64_t phys = buffer.phys + page * s->page;

			CHECK(s, subject_dma_sees(s, device, phys, phys, NULL),
			      "%s cannot read page %u of the regions", trio[i], page);
		}
		subject_dma_reaches(s, device, buffer.phys, buffer.phys, RW, NULL);
		subject_dma_blocked(s, device, buffer.phys + 4 * s->page, buffer.phys + 4 * s->page,
				    NULL);
	}
	uiommu_group_put(group);
	script_end(&script);
	for (int i = 0; i < 3; i++)
		script_remove(&script, trio[i]);
	subject_buffer_free(s, &buffer);
}

static void direct_is_not_for_claims(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .num_resv = 1 },
					     { .label = "solo1", .num_resv = 1 } } };
	struct uiommu_domain *domain;
	struct machine_device *device[2];
	struct subject_buffer buffer;
	struct uiommu_group *group;
	struct uiommu_device *dev;
	unsigned int commits;

	/* Also when an attach of a blocking domain is refused with a word about it. */
	subject_expect_warnings(s, 0);
	script_boot(s, &script, true);
	buffer = subject_buffer(s, s->page);
	script.device[0].resv[0] = script_region(&buffer, 0, s->page, UIOMMU_RESV_DIRECT);
	script.device[1].resv[0] = script_region(&buffer, 0, s->page, UIOMMU_RESV_DIRECT_RELAXABLE);
	dev = script_add(&script, "solo0");
	script_add(&script, "solo1");
	for (int i = 0; i < 2; i++) {
		device[i] = subject_machine_device(s, i ? "solo1" : "solo0");
		subject_dma_reaches(s, device[i], buffer.phys, buffer.phys, RW, NULL);
	}

	group = subject_group(s, "solo0");
	commits = script.device[0].commits;
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_device_claim_dma_owner(dev, s), -UIOMMU_EINVAL);
	CHECK(s, !uiommu_group_dma_owner_claimed(group), "a refused claim left an owner");
	if (uiommu_domain_blocked(dev))
		CHECK_RC(s, uiommu_attach_group(uiommu_domain_blocked(dev), group), -UIOMMU_EINVAL);
	CHECK(s, script.device[0].commits == commits, "a refused claim switched the device");
	subject_dma_reaches(s, device[0], buffer.phys, buffer.phys, RW, NULL);
	/* Its host driver still works. */
	CHECK_OK(s, uiommu_device_bind_driver(dev, 0));
	uiommu_device_unbind_driver(dev);
	script_default_dma(s, "solo0");
	uiommu_group_put(group);

	/* A relaxable one gives way, and is there again afterwards. */
	group = subject_claim(s, "solo1");
	subject_dma_blocked(s, device[1], buffer.phys, buffer.phys, NULL);
	domain = subject_domain(s, subject_device(s, "solo1"), 0);
	CHECK_OK(s, uiommu_attach_group(domain, group));
	subject_dma_blocked(s, device[1], buffer.phys, buffer.phys, NULL);
	uiommu_detach_group(domain, group);
	uiommu_domain_free(domain);
	subject_release(s, group);
	subject_dma_reaches(s, device[1], buffer.phys, buffer.phys, RW, NULL);
	script_end(&script);

	/* Those that firmware lists itself, where the machine has them. */
	if (machine_device(s->machine, "rmrr0")) {
		script_add(&script, "rmrr0");
		group = subject_group(s, "rmrr0");
		CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_EINVAL);
		uiommu_group_put(group);
	}
	if (machine_device(s->machine, "relaxed0")) {
		script_add(&script, "relaxed0");
		subject_release(s, subject_claim(s, "relaxed0"));
	}
	script_remove(&script, "solo0");
	script_remove(&script, "solo1");
	subject_buffer_free(s, &buffer);
}

/* By the C API; a program claims groups by way of a container or an iommufd. */
static void direct_is_not_for_owners(struct subject *s)
{
	if (s->kind->backend->user)
		vfio_direct_regions(s);
	else
		direct_is_not_for_claims(s);
}

/* A driver whose domains take mappings only when something is attached. */
struct late_map {
	bool attached;
	unsigned int early, late;
};

static void map_when_attached(struct wrap_call *call, void *context)
{
	struct late_map *late = context;

	if (late->attached) {
		late->late++;
		wrap_call(call);
	} else {
		late->early++;
		call->rc = -UIOMMU_EINVAL;
	}
}

static void note_attach(struct wrap_call *call, void *context)
{
	struct late_map *late = context;

	wrap_call(call);
	late->attached = true;
}

static void direct_after_attach(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .num_resv = 1 } } };
	struct late_map late = { 0 };
	struct machine_device *device;
	struct subject_buffer buffer;

	script_boot(s, &script, true);
	device = subject_machine_device(s, "solo0");
	buffer = subject_buffer(s, 2 * s->page);
	script.device[0].resv[0] = script_region(&buffer, 0, s->page, UIOMMU_RESV_DIRECT);
	wrap_set(s->wrap, WRAP_MAP, map_when_attached, &late);
	wrap_set(s->wrap, WRAP_COMMIT, note_attach, &late);
	script_add(&script, "solo0");
	subject_device(s, "solo0");
	CHECK(s, late.early > 0, "the region was not mapped before the attach, nor tried");
	CHECK(s, late.late > 0, "the region was not tried again after the attach");
	subject_dma_reaches(s, device, buffer.phys, buffer.phys, RW, NULL);
	subject_dma_blocked(s, device, buffer.phys + s->page, buffer.phys + s->page, NULL);
	script_remove(&script, "solo0");

	/* If it fails then too, the device must not come up without its region. */
	late = (struct late_map){ 0 };
	wrap_set(s->wrap, WRAP_COMMIT, NULL, NULL);
	subject_expect_warnings(s, 1);
	CHECK(s, uiommu_device_status(script_add(&script, "solo0")) == UIOMMU_STATUS_FAILED,
	      "a device is in service and its DIRECT region is not mapped");
	script_remove(&script, "solo0");
	script_end(&script);
	subject_buffer_free(s, &buffer);
}

#define CORE "Linux iommu core: "

const struct conform_scenario conform_default_domain[] = {
	{ "C051",
	  "One member that demands DMA decides for its group, whichever it is and whenever it came",
	  "seed discussion of 2020-01 (default domain type); " CORE "iommu_get_default_domain_type",
	  AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0, one_demands_dma },
	{ "C052", "Members that demand identity and DMA get identity, and the conflict is logged",
	  CORE "iommu_get_def_domain_type", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0,
	  identity_wins },
	{ "C053",
	  "A group with an untrusted member and one that demands identity is refused; nothing is attached",
	  "seed discussion of 2020-01; " CORE "iommu_get_default_domain_type", AREA_DEFAULT_DOMAIN,
	  CONFORM_HARDWARE, 0, untrusted_and_identity },
	{ "C055",
	  "The system's default type, encrypted memory, trust and flush queues give the types of the table",
	  CORE "iommu_subsys_init, iommu.passthrough and iommu.strict", AREA_DEFAULT_DOMAIN,
	  CONFORM_HARDWARE, 0, types_of_the_system },
	{ "C056",
	  "A default type that cannot be had becomes DMA with a warning; DMA and a demand do not fall back",
	  CORE "iommu_group_alloc_default_domain", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0,
	  fall_back_to_dma },
	{ "C061",
	  "A change of type against a member's demand is refused, and the old domain stays in use",
	  CORE "iommu_change_dev_def_domain", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0,
	  demand_against_change },
	{ "C062",
	  "A change of type that fails at the third member leaves all three on the old domain",
	  CORE "iommu_setup_default_domain, __iommu_group_set_domain", AREA_DEFAULT_DOMAIN,
	  CONFORM_HARDWARE, 0, change_fails_two_phases },
	{ "C063",
	  "A DIRECT region is translated 1:1 at every step of attach, change of type, and a sibling's coming and going",
	  CORE "iommu_setup_default_domain (continuity with firmware's DMA)", AREA_DEFAULT_DOMAIN,
	  CONFORM_HARDWARE, 0, direct_without_a_gap },
	{ "C064", "Every byte of a DIRECT region that begins or ends inside a page is translated",
	  "the contract of UIOMMU_RESV_DIRECT; Linux rounds the start up", AREA_DEFAULT_DOMAIN,
	  CONFORM_HARDWARE, 0, direct_not_aligned },
	{ "C065", "DIRECT regions of several members may overlap, with different permissions",
	  CORE "iommu_create_device_direct_mappings", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0,
	  direct_overlapping },
	{ "C066",
	  "A group with a DIRECT region cannot be claimed and stays translated; a relaxable one gives way",
	  CORE "iommu_group_claim_dma_owner, require_direct", AREA_DEFAULT_DOMAIN,
	  CONFORM_HARDWARE | CONFORM_ANY_BACKEND, 0, direct_is_not_for_owners },
	{ "C067",
	  "DIRECT regions that a driver takes only after the attach are mapped then; else the probe fails",
	  CORE "iommu_setup_default_domain (direct_failed)", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE,
	  0, direct_after_attach },
	{ "C213",
	  "As C062, with a driver that attaches in one step: the members already switched go back",
	  CORE "__iommu_group_set_domain_internal", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0,
	  change_fails_one_phase },
	{ "C216",
	  "DMA becomes DMA-FQ under a bound driver if all members can and are trusted, and not otherwise",
	  "the contract of uiommu_group_set_default_type; Linux sysfs type skips the checks",
	  AREA_DEFAULT_DOMAIN, 0, 0, flush_queue_rules },
	{ "C217",
	  "The default type changes only while no driver is bound and nobody owns the group",
	  "Linux sysfs iommu_groups/*/type", AREA_DEFAULT_DOMAIN, CONFORM_HARDWARE, 0,
	  change_needs_an_idle_group },
	{ 0 },
};
