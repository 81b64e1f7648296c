/* SPDX-License-Identifier: MIT */
/* registration.c - instances and devices come and go: who serves whom, and who is left out and told why */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "conform/script.h"
#include "conform/soft.h"

#define RW (UIOMMU_READ | UIOMMU_WRITE)

/* A real device with a domain of the scenario's own, and a page mapped. */
struct user {
	const char *label;
	struct machine_device *device;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
};

static void user_open(struct subject *s, struct user *user, const char *label)
{
	user->label = label;
	user->device = subject_machine_device(s, label);
	user->dev = subject_device(s, label);
	user->group = subject_claim(s, label);
	user->domain = subject_domain(s, user->dev, 0);
	user->buffer = subject_buffer(s, s->page);
	CHECK_OK(s, uiommu_attach_group(user->domain, user->group));
	CHECK_OK(s, uiommu_map(user->domain, s->iova, user->buffer.phys, s->page, RW));
}

static void user_works(struct subject *s, struct user *user)
{
	subject_dma_reaches(s, user->device, s->iova, user->buffer.phys, RW, NULL);
	subject_dma_blocked(s, user->device, s->iova + s->page, user->buffer.phys, NULL);
}

static void user_close(struct subject *s, struct user *user)
{
	uiommu_detach_group(user->domain, user->group);
	uiommu_domain_free(user->domain);
	subject_buffer_free(s, &user->buffer);
	subject_release(s, user->group);
}

/* A soft device's group, claimed; its domain attached, with one page at s->iova. */
static void soft_open(struct subject *s, struct soft *soft, unsigned int device,
		      struct uiommu_group **group, struct uiommu_domain **domain, uint64_t paddr)
{
	*group = uiommu_group_get(soft->device[device].dev);
	CHECK(s, *group, "a device of the second driver has no group");
	CHECK_OK(s, uiommu_group_claim_dma_owner(*group, soft));
	CHECK_OK(s, uiommu_domain_alloc_paging(soft->device[device].dev, 0, domain));
	CHECK_OK(s, uiommu_attach_group(*domain, *group));
	CHECK_OK(s, uiommu_map(*domain, s->iova, paddr, SOFT_GRANULE, RW));
}

static void soft_close(struct uiommu_group *group, struct uiommu_domain *domain)
{
	uiommu_detach_group(domain, group);
	uiommu_domain_free(domain);
	uiommu_group_release_dma_owner(group);
	uiommu_group_put(group);
}

static void check_status(struct subject *s, struct uiommu_device *dev,
			 enum uiommu_device_status status, int error)
{
	CHECK(s, uiommu_device_status(dev) == status && uiommu_device_error(dev) == error,
	      "%s: status %d and error %d, expected %d and %d", uiommu_device_name(dev),
	      uiommu_device_status(dev), uiommu_device_error(dev), status, error);
	CHECK(s, uiommu_device_is_translated(dev) == (status == UIOMMU_STATUS_TRANSLATED),
	      "%s: uiommu_device_is_translated() contradicts its status", uiommu_device_name(dev));
	if (status == UIOMMU_STATUS_TRANSLATED)
		CHECK(s, uiommu_device_has_group(dev) && uiommu_device_instance(dev),
		      "%s is translated without a group or an instance", uiommu_device_name(dev));
	else
		CHECK(s, !uiommu_device_has_group(dev) && !uiommu_device_instance(dev),
		      "%s is not translated and has a group or an instance",
		      uiommu_device_name(dev));
}

/* ---- several instances, several drivers -------------------------------------------------------- */

static void each_its_own_instance(struct subject *s)
{
	unsigned int served = 0, counted = 0;
	struct soft *soft;

	subject_boot(s, 0);
	for (unsigned int i = 0; i < machine_num_devices(s->machine); i++) {
		struct machine_device *device = machine_device_at(s->machine, i);
		struct uiommu_device *dev = machine_device_uiommu(device);
		struct uiommu_instance *instance = dev ? uiommu_device_instance(dev) : NULL;

		if (!instance)
			continue;
		served++;
		CHECK(s, uiommu_device_fwspec(dev)->fwnode == instance->fwnode,
		      "firmware gives %s to %s, %s serves it", uiommu_device_name(dev),
		      uiommu_device_fwspec(dev)->fwnode->name, instance->name);
	}
	for (unsigned int i = 0; i < machine_num_units(s->machine); i++)
		counted += uiommu_instance_num_devices(machine_unit_instance(s->machine, i));
	CHECK(s, served && served == counted, "%u devices have an instance, the instances count %u",
	      served, counted);

	soft = soft_create(s, s->sys);
	soft->device[1].instance = 1;
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, soft_start(soft, i));
		CHECK_OK(s, soft_add(soft, i));
	}
	for (unsigned int i = 0; i < 2; i++) {
		check_status(s, soft->device[i].dev, UIOMMU_STATUS_TRANSLATED, 0);
		CHECK(s,
		      soft->device[i].probed_by == &soft->instance[i].instance &&
			      uiommu_device_instance(soft->device[i].dev) ==
				      &soft->instance[i].instance,
		      "a device went to another instance than its firmware names");
		CHECK(s, soft->device[i].probes == 1 && soft->device[i].finalizes == 1,
		      "device %u: probed %u times, finalized %u times", i, soft->device[i].probes,
		      soft->device[i].finalizes);
		CHECK(s, uiommu_instance_num_devices(&soft->instance[i].instance) == 1,
		      "instance %u counts %u devices and has one", i,
		      uiommu_instance_num_devices(&soft->instance[i].instance));
	}
	script_default_dma(s, "solo0");
	soft_destroy(soft);
}

static void two_drivers_side_by_side(struct subject *s)
{
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	unsigned int probes;
	struct soft *soft;
	struct user user;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	probes = wrap_count(s->wrap, WRAP_PROBE);
	soft->device[0].bus = "pci"; /* the same bus: nothing is decided by it */
	CHECK_OK(s, soft_add(soft, 0));
	check_status(s, soft->device[0].dev, UIOMMU_STATUS_TRANSLATED, 0);
	CHECK(s, wrap_count(s->wrap, WRAP_PROBE) == probes,
	      "the first driver was asked about a device that firmware gives to the second");
	CHECK(s, uiommu_device_instance(soft->device[0].dev)->ops == &soft->ops[0],
	      "a device has another driver than its instance");

	user_open(s, &user, "solo0");
	/* The same address in both, elsewhere in memory. */
	soft_open(s, soft, 0, &group, &domain, 0x7000);
	user_works(s, &user);
	CHECK(s, soft_translate(soft, 0, 0, s->iova + 5) == 0x7005,
	      "the second driver's device is not translated");
	CHECK(s, uiommu_unmap(user.domain, s->iova, s->page) == s->page,
	      "unmap gave back less than a page");
	subject_dma_blocked(s, user.device, s->iova, user.buffer.phys, NULL);
	CHECK(s, soft_translate(soft, 0, 0, s->iova + 5) == 0x7005,
	      "an unmap at one driver went through to the other");
	CHECK_OK(s, uiommu_map(user.domain, s->iova, user.buffer.phys, s->page, RW));
	soft_close(group, domain);
	user_works(s, &user);
	CHECK(s, !soft->mixed_up, "the second driver was given an object that is not its own");
	user_close(s, &user);
	soft_destroy(soft);
}

static void second_driver_registers(struct subject *s)
{
	struct script script = { 0 };
	struct soft *soft;
	struct user user;

	/* The soft driver is first once ... */
	script_boot(s, &script, false);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_add(soft, 0));
	script_add(&script, "solo0");
	script_start_units(s);
	check_status(s, soft->device[0].dev, UIOMMU_STATUS_TRANSLATED, 0);
	user_open(s, &user, "solo0");
	user_works(s, &user);
	/* ... and second once, while the other one is in use. */
	soft_stop(soft, 0);
	check_status(s, soft->device[0].dev, UIOMMU_STATUS_DEFERRED, -UIOMMU_EPROBE_DEFER);
	user_works(s, &user);
	CHECK_OK(s, soft_start(soft, 0));
	check_status(s, soft->device[0].dev, UIOMMU_STATUS_TRANSLATED, 0);
	user_works(s, &user);
	user_close(s, &user);
	soft_destroy(soft);
	script_end(&script);
}

static void foreign_domain_refused(struct subject *s)
{
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	unsigned int prepared, attaches;
	struct soft *soft;
	struct user user;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_add(soft, 0));
	user_open(s, &user, "solo0");
	soft_open(s, soft, 0, &group, &domain, 0x7000);
	uiommu_detach_group(user.domain, user.group);
	uiommu_detach_group(domain, group);
	prepared = wrap_count(s->wrap, WRAP_PREPARE);
	attaches = soft->device[0].attaches;
	CHECK_RC(s, uiommu_attach_group(domain, user.group), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_attach_device(domain, user.dev), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_attach_group(user.domain, group), -UIOMMU_EINVAL);
	CHECK(s,
	      wrap_count(s->wrap, WRAP_PREPARE) == prepared &&
		      soft->device[0].attaches == attaches && !soft->mixed_up,
	      "a driver was called with another driver's domain");
	subject_dma_blocked(s, user.device, s->iova, user.buffer.phys, NULL);
	/* Both are as usable as before. */
	CHECK_OK(s, uiommu_attach_group(user.domain, user.group));
	CHECK_OK(s, uiommu_attach_group(domain, group));
	user_works(s, &user);
	CHECK(s, soft_translate(soft, 0, 0, s->iova) == 0x7000,
	      "the second driver's device is lost");
	soft_close(group, domain);
	user_close(s, &user);
	soft_destroy(soft);
}

static void static_domains_are_their_drivers(struct subject *s)
{
	struct uiommu_domain *identity;
	struct soft *soft;
	struct user user;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_add(soft, 0));
	CHECK_OK(s, uiommu_domain_alloc_identity(soft->device[0].dev, &identity));
	user_open(s, &user, "solo0");
	uiommu_detach_group(user.domain, user.group);
	CHECK_RC(s, uiommu_attach_group(identity, user.group), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_attach_group(uiommu_domain_blocked(soft->device[0].dev), user.group),
		 -UIOMMU_EINVAL);
	subject_dma_blocked(s, user.device, user.buffer.phys, user.buffer.phys, NULL);
	uiommu_domain_free(identity);

	/* Its own ones, although nobody allocated them. */
	if (uiommu_domain_blocked(user.dev))
		CHECK_OK(s, uiommu_attach_group(uiommu_domain_blocked(user.dev), user.group));
	if (script_has_identity(s, user.dev)) {
		CHECK_OK(s, uiommu_domain_alloc_identity(user.dev, &identity));
		CHECK_OK(s, uiommu_attach_group(identity, user.group));
		subject_dma_reaches(s, user.device, user.buffer.phys, user.buffer.phys, RW, NULL);
		uiommu_detach_group(identity, user.group);
		uiommu_domain_free(identity);
	}
	subject_dma_blocked(s, user.device, user.buffer.phys, user.buffer.phys, NULL);
	CHECK_OK(s, uiommu_attach_group(user.domain, user.group));
	user_works(s, &user);
	user_close(s, &user);
	soft_destroy(soft);
}

static void two_tables_of_one_driver(struct subject *s)
{
	struct uiommu_system_config config = { 0 };
	struct uiommu_domain *domain[2];
	struct uiommu_group *group[2];
	struct soft *soft, *elsewhere;
	struct uiommu_system *sys;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	soft->table[1] = 1;
	soft->device[1].instance = 1;
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, soft_start(soft, i));
		CHECK_OK(s, soft_add(soft, i));
		soft_open(s, soft, i, &group[i], &domain[i], 0x7000 + i * 0x1000);
		uiommu_detach_group(domain[i], group[i]);
	}
	CHECK_RC(s, uiommu_attach_group(domain[0], group[1]), -UIOMMU_EINVAL);
	CHECK_RC(s, uiommu_attach_group(domain[1], group[0]), -UIOMMU_EINVAL);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK(s, soft_translate(soft, i, 0, s->iova) == SOFT_BLOCKED,
		      "a refused attach left a translation");
		CHECK_OK(s, uiommu_attach_group(domain[i], group[i]));
		soft_close(group[i], domain[i]);
		soft_remove(soft, i);
		soft_stop(soft, i);
	}

	/* With one table the same is no problem: a domain may serve two instances. */
	soft->table[1] = 0;
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_OK(s, soft_start(soft, i));
		CHECK_OK(s, soft_add(soft, i));
		soft_open(s, soft, i, &group[i], &domain[i], 0x7000 + i * 0x1000);
	}
	uiommu_detach_group(domain[1], group[1]);
	CHECK_OK(s, uiommu_attach_group(domain[0], group[1]));
	CHECK(s, soft_translate(soft, 1, 0, s->iova) == 0x7000,
	      "a domain does not serve the second instance of its driver");
	uiommu_detach_group(domain[0], group[1]);
	CHECK_OK(s, uiommu_attach_group(domain[1], group[1]));
	for (unsigned int i = 0; i < 2; i++)
		soft_close(group[i], domain[i]);

	/* The same table in another system is another machine. */
	config.host = machine_host(s->machine);
	CHECK_OK(s, uiommu_system_create(&config, &sys));
	elsewhere = soft_create(s, sys);
	elsewhere->instance[0].instance = (struct uiommu_instance){
		.ops = &soft->ops[0],
		.fwnode = &elsewhere->fwnode[0],
	};
	CHECK_OK(s, uiommu_instance_register(sys, &elsewhere->instance[0].instance));
	CHECK_OK(s, soft_add(elsewhere, 0));
	CHECK_OK(s, uiommu_domain_alloc_paging(elsewhere->device[0].dev, 0, &domain[0]));
	group[0] = uiommu_group_get(soft->device[0].dev);
	CHECK_RC(s, uiommu_attach_group(domain[0], group[0]), -UIOMMU_EINVAL);
	CHECK(s, !soft->mixed_up, "the driver was called with another system's domain");
	uiommu_domain_free(domain[0]);
	uiommu_group_put(group[0]);
	soft_destroy(elsewhere);
	uiommu_system_destroy(sys);
	soft_destroy(soft);
}

static void replace_with_foreign_domain(struct subject *s)
{
	struct uiommu_attach_handle handle = { 0 }, other = { 0 }, *got;
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	unsigned int prepared;
	struct soft *soft;
	struct user user;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_add(soft, 0));
	user_open(s, &user, "solo0");
	soft_open(s, soft, 0, &group, &domain, 0x7000);
	CHECK_OK(s, uiommu_replace_group_handle(user.group, user.domain, &handle));
	prepared = wrap_count(s->wrap, WRAP_PREPARE);
	CHECK_RC(s, uiommu_replace_group_handle(user.group, domain, &other), -UIOMMU_EINVAL);
	CHECK(s, wrap_count(s->wrap, WRAP_PREPARE) == prepared,
	      "the driver was called with another driver's domain");
	CHECK_OK(s, uiommu_attach_handle_get(user.group, UIOMMU_RID, UIOMMU_DOMAIN_AUTO, &got));
	CHECK(s, got == &handle && got->domain == user.domain,
	      "a refused replace took the old handle away");
	CHECK(s, uiommu_group_domain(user.group) == user.domain,
	      "a refused replace changed the group's domain");
	user_works(s, &user);
	soft_close(group, domain);
	user_close(s, &user);
	soft_destroy(soft);
}

/* ---- order of arrival -------------------------------------------------------------------------- */

static void device_before_its_iommu(struct subject *s)
{
	struct script script = { 0 };
	struct uiommu_device *dev;

	script_boot(s, &script, false);
	dev = script_add(&script, "solo0");
	check_status(s, dev, UIOMMU_STATUS_DEFERRED, -UIOMMU_EPROBE_DEFER);
	CHECK_RC(s, uiommu_device_probe(dev), -UIOMMU_EPROBE_DEFER);
	CHECK_RC(s, uiommu_device_bind_driver(dev, 0), -UIOMMU_EPROBE_DEFER);
	CHECK(s, !uiommu_device_capable(dev, UIOMMU_CAP_CACHE_COHERENCY),
	      "a device without an instance is capable of something");
	script_start_units(s);
	check_status(s, dev, UIOMMU_STATUS_TRANSLATED, 0);
	CHECK_OK(s, uiommu_device_bind_driver(dev, 0));
	script_default_dma(s, "solo0");
	uiommu_device_unbind_driver(dev);
	script_end(&script);
}

static void deferral_exhausted(struct subject *s)
{
	struct script script = { 0 };
	struct machine_device *device;
	struct subject_buffer buffer;
	struct uiommu_device *dev;
	bool open; /* before any driver comes */

	s->options.system.defer_policy = UIOMMU_DEFER_NEVER;
	script_boot(s, &script, false);
	device = subject_machine_device(s, "solo0");
	buffer = subject_buffer(s, s->page);
	open = subject_dma_sees(s, device, buffer.phys, buffer.phys, NULL);
	dev = script_add(&script, "solo0");
	check_status(s, dev, UIOMMU_STATUS_NO_IOMMU, -UIOMMU_ENODEV);
	CHECK_RC(s, uiommu_device_probe(dev), -UIOMMU_ENODEV);
	uiommu_system_set_defer_policy(s->sys, UIOMMU_DEFER_TIMED_OUT);
	CHECK_RC(s, uiommu_device_probe(dev), -UIOMMU_ENODEV);
	check_status(s, dev, UIOMMU_STATUS_NO_IOMMU, -UIOMMU_ETIMEDOUT);

	/* Its driver runs, and its DMA goes where hardware lets it go that nobody has touched. */
	CHECK_OK(s, uiommu_device_bind_driver(dev, 0));
	if (open)
		subject_dma_reaches(s, device, buffer.phys, buffer.phys, RW, NULL);
	else
		CHECK(s, !subject_dma_sees(s, device, buffer.phys, buffer.phys, NULL),
		      "hardware that blocks at reset lets the device through");
	subject_buffer_free(s, &buffer);
	uiommu_device_unbind_driver(dev);

	/* Back to patience: only the policy has changed. */
	uiommu_system_set_defer_policy(s->sys, UIOMMU_DEFER);
	CHECK_RC(s, uiommu_device_probe(dev), -UIOMMU_EPROBE_DEFER);
	CHECK_RC(s, uiommu_device_bind_driver(dev, 0), -UIOMMU_EPROBE_DEFER);
	script_start_units(s);
	check_status(s, dev, UIOMMU_STATUS_TRANSLATED, 0);
	script_default_dma(s, "solo0");
	script_end(&script);
}

static void firmware_names_two(struct subject *s)
{
	struct soft *soft;

	subject_boot(s, 0);
	subject_device(s, "solo0");
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_start(soft, 1));
	soft->device[0].second = &soft->fwnode[1];
	soft->device[1].second = machine_unit_instance(s->machine, 0)->fwnode;
	for (unsigned int i = 0; i < 2; i++) {
		const struct uiommu_fwspec *spec;

		CHECK_OK(s, soft_add(soft, i));
		check_status(s, soft->device[i].dev, UIOMMU_STATUS_TRANSLATED, 0);
		spec = uiommu_device_fwspec(soft->device[i].dev);
		CHECK(s,
		      spec->fwnode == &soft->fwnode[0] && spec->num_ids == 1 && spec->ids[0] == i,
		      "the second IOMMU changed what firmware said of the first");
		CHECK(s, soft->device[i].probed_by == &soft->instance[0].instance,
		      "the second IOMMU got the device");
	}
	CHECK(s, soft->device[0].second_rc == 0,
	      "a second IOMMU of the same driver was refused: %s",
	      uiommu_strerror(soft->device[0].second_rc));
	CHECK(s, soft->device[1].second_rc == -UIOMMU_EINVAL,
	      "a second IOMMU of another driver: %s, and not an invalid argument",
	      uiommu_strerror(soft->device[1].second_rc));
	soft_destroy(soft);
}

/* ---- one device that cannot -------------------------------------------------------------------- */

static void one_is_not_ours(struct subject *s)
{
	struct script script = { .device = {
					 { .label = "solo0", .probe_error = -UIOMMU_ENODEV } } };
	struct uiommu_device *dev, *sibling;

	script_boot(s, &script, false);
	dev = script_add(&script, "solo0");
	sibling = script_add(&script, "solo1");
	script_start_units(s);
	CHECK(s, script.device[0].probes > 0, "the driver was never asked about solo0");
	check_status(s, dev, UIOMMU_STATUS_NO_IOMMU, -UIOMMU_ENODEV);
	check_status(s, sibling, UIOMMU_STATUS_TRANSLATED, 0);
	CHECK_OK(s, uiommu_device_bind_driver(dev, 0));
	uiommu_device_unbind_driver(dev);
	script_default_dma(s, "solo1");
	script.device[0].probe_error = 0;
	CHECK_OK(s, uiommu_device_probe(dev));
	check_status(s, dev, UIOMMU_STATUS_TRANSLATED, 0);
	script_default_dma(s, "solo0");
	script_end(&script);
}

static void one_fails(struct subject *s)
{
	struct script script = { .device = {
					 { .label = "solo0", .probe_error = -UIOMMU_ENOMEM } } };
	struct uiommu_device *dev, *sibling;

	subject_expect_warnings(s, 1);
	script_boot(s, &script, false);
	dev = script_add(&script, "solo0");
	sibling = script_add(&script, "solo1");
	script_start_units(s);
	check_status(s, dev, UIOMMU_STATUS_FAILED, -UIOMMU_ENOMEM);
	check_status(s, sibling, UIOMMU_STATUS_TRANSLATED, 0);
	script_default_dma(s, "solo1");
	/* The same when it comes alone. */
	script_remove(&script, "solo0");
	dev = script_add(&script, "solo0");
	check_status(s, dev, UIOMMU_STATUS_FAILED, -UIOMMU_ENOMEM);
	check_status(s, sibling, UIOMMU_STATUS_TRANSLATED, 0);
	script.device[0].probe_error = 0;
	CHECK_OK(s, uiommu_device_probe(dev));
	check_status(s, dev, UIOMMU_STATUS_TRANSLATED, 0);
	script_default_dma(s, "solo0");
	script_end(&script);
}

static void no_group_given(struct subject *s)
{
	struct script script = { .device = { { .label = "solo0", .no_group = true } } };
	unsigned int probes, releases;
	struct uiommu_device *dev;

	subject_expect_warnings(s, 0);
	script_boot(s, &script, true);
	probes = wrap_count(s->wrap, WRAP_PROBE);
	releases = wrap_count(s->wrap, WRAP_RELEASE);
	dev = script_add(&script, "solo0");
	check_status(s, dev, UIOMMU_STATUS_FAILED, -UIOMMU_EINVAL);
	CHECK(s,
	      wrap_count(s->wrap, WRAP_PROBE) == probes + 1 &&
		      wrap_count(s->wrap, WRAP_RELEASE) == releases + 1,
	      "probed %u times, released %u times; once each was due",
	      wrap_count(s->wrap, WRAP_PROBE) - probes,
	      wrap_count(s->wrap, WRAP_RELEASE) - releases);
	CHECK(s, !uiommu_device_fwspec(dev) && !uiommu_device_max_pasids(dev),
	      "something of the failed probe is left");
	CHECK(s, script.device[0].commits == 0, "a device without a group was attached");
	script.device[0].no_group = false;
	CHECK_OK(s, uiommu_device_probe(dev));
	check_status(s, dev, UIOMMU_STATUS_TRANSLATED, 0);
	script_default_dma(s, "solo0");
	script_end(&script);
}

static void first_attach_fails(struct subject *s)
{
	struct script script = { .device = {
					 { .label = "trio1", .attach_error = -UIOMMU_ENOSPC } } };
	struct uiommu_device *dev, *sibling;
	struct uiommu_group *group;

	subject_expect_warnings(s, 1);
	script_boot(s, &script, false);
	sibling = script_add(&script, "trio0");
	dev = script_add(&script, "trio1");
	script_start_units(s);
	/* Once among others when the IOMMU comes, once alone. */
	for (unsigned int late = 0; late < 2; late++) {
		check_status(s, dev, UIOMMU_STATUS_FAILED, -UIOMMU_ENOSPC);
		check_status(s, sibling, UIOMMU_STATUS_TRANSLATED, 0);
		group = subject_group(s, "trio0");
		CHECK(s, uiommu_group_num_devices(group) == 1,
		      "the failed device is still a member of its group");
		uiommu_group_put(group);
		CHECK(s, !uiommu_device_fwspec(dev), "something of the failed probe is left");
		script_default_dma(s, "trio0");
		script_remove(&script, "trio1");
		dev = script_add(&script, "trio1");
	}
	script.device[0].attach_error = 0;
	CHECK_OK(s, uiommu_device_probe(dev));
	group = subject_group(s, "trio1");
	CHECK(s, uiommu_group_num_devices(group) == 2, "the device did not join its group");
	uiommu_group_put(group);
	script_default_dma(s, "trio1");
	script_default_dma(s, "trio0");
	script_end(&script);
}

/* ---- leaving, and joining what runs ------------------------------------------------------------ */

static void released_with_direct_region(struct subject *s)
{
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	soft->device[0].resv[0] =
		(struct uiommu_resv_region){ 0x5000, 0x5fff, RW, UIOMMU_RESV_DIRECT };
	soft->device[1].resv[0] =
		(struct uiommu_resv_region){ 0x5000, 0x5fff, RW, UIOMMU_RESV_DIRECT_RELAXABLE };
	soft->device[0].num_resv = 1;
	soft->device[1].num_resv = 1;
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_OK(s, soft_add(soft, i));
		check_status(s, soft->device[i].dev, UIOMMU_STATUS_TRANSLATED, 0);
		CHECK(s, soft_translate(soft, i, 0, 0x5123) == (i < 2 ? 0x5123 : SOFT_BLOCKED),
		      "the region is not mapped for those who have it, or is for who has not");
		soft_remove(soft, i);
		CHECK(s, soft->device[i].releases == 1, "released %u times",
		      soft->device[i].releases);
	}
	CHECK(s, soft->device[0].parked == UIOMMU_DOMAIN_IDENTITY,
	      "a device that may never be blocked was released on a domain of type %s",
	      uiommu_domain_type_name(soft->device[0].parked));
	for (unsigned int i = 1; i < 3; i++)
		CHECK(s, soft->device[i].parked == UIOMMU_DOMAIN_BLOCKED,
		      "a device was released on a domain of type %s, its driver says blocked",
		      uiommu_domain_type_name(soft->device[i].parked));
	soft_destroy(soft);
}

struct direct_watch {
	struct subject *s;
	const char *label;
	uint64_t phys;
	unsigned int switches, untranslated;
};

/* Before the hardware switches, the domain that it will use has the region. */
static void watch_direct(struct wrap_call *call, void *context)
{
	struct direct_watch *watch = context;

	if (script_is(watch->s, call->dev, watch->label) &&
	    uiommu_domain_type(call->domain) == UIOMMU_DOMAIN_DMA) {
		watch->switches++;
		if (uiommu_iova_to_phys(call->domain, watch->phys) != watch->phys)
			watch->untranslated++;
	}
	wrap_call(call);
}

static void newcomer_with_direct_region(struct subject *s)
{
	struct script script = { .device = { { .label = "trio1", .num_resv = 1 } } };
	struct direct_watch watch = { .s = s, .label = "trio1" };
	struct subject_buffer buffer;

	script_boot(s, &script, true);
	buffer = subject_buffer(s, 2 * s->page);
	script.device[0].resv[0] = script_region(&buffer, 0, s->page, UIOMMU_RESV_DIRECT);
	script_add(&script, "trio0");
	script_default_dma(s, "trio0");
	watch.phys = buffer.phys;
	wrap_set(s->wrap, WRAP_COMMIT, watch_direct, &watch);
	script_add(&script, "trio1");
	CHECK(s, watch.switches == 1, "the newcomer was attached %u times to the default domain",
	      watch.switches);
	CHECK(s, !watch.untranslated, "the newcomer was attached before its region was mapped");
	subject_dma_reaches(s, subject_machine_device(s, "trio1"), buffer.phys, buffer.phys, RW,
			    NULL);
	subject_dma_blocked(s, subject_machine_device(s, "trio1"), buffer.phys + s->page,
			    buffer.phys + s->page, NULL);
	script_default_dma(s, "trio1");
	script_end(&script);
	script_remove(&script, "trio1");
	subject_buffer_free(s, &buffer);
}

static void newcomer_and_pasids(struct subject *s)
{
	struct script script = { .device = { { .label = "pasid1", .join = "pasid0" } } };
	struct subject_dma how = { .pasid = 5, .flags = MACHINE_DMA_WITH_PASID };
	struct machine_device *device, *newcomer;
	struct uiommu_domain *domain;
	struct subject_buffer buffer;
	struct uiommu_device *dev;
	struct uiommu_group *group;
	struct soft *soft;
	bool alike;

	script_boot(s, &script, true);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	for (unsigned int i = 0; i < 2; i++) {
		soft->device[i].group = 1;
		soft->device[i].pasid_bits = 3;
	}
	CHECK_OK(s, soft_add(soft, 0));
	CHECK_OK(s, uiommu_domain_alloc_paging(soft->device[0].dev, UIOMMU_ALLOC_PASID, &domain));
	CHECK_OK(s, uiommu_map(domain, s->iova, 0x7000, SOFT_GRANULE, RW));
	CHECK_OK(s, uiommu_attach_device_pasid(domain, soft->device[0].dev, 5, NULL));
	CHECK_OK(s, soft_add(soft, 1));
	check_status(s, soft->device[1].dev, UIOMMU_STATUS_TRANSLATED, 0);
	CHECK(s, soft_translate(soft, 0, 5, s->iova) == 0x7000, "the first member lost its PASID");
	CHECK(s, soft_translate(soft, 1, 5, s->iova) == SOFT_BLOCKED,
	      "a newcomer reaches what was attached to a PASID before it came");
	uiommu_detach_device_pasid(domain, soft->device[0].dev, 5);
	/* From now on it is a member like any other. */
	CHECK_OK(s, uiommu_attach_device_pasid(domain, soft->device[0].dev, 5, NULL));
	CHECK(s, soft_translate(soft, 1, 5, s->iova) == 0x7000,
	      "a PASID that was attached after the newcomer came is not attached for it");
	soft_remove(soft, 1);
	CHECK(s, !soft->device[1].pasids_left && soft_translate(soft, 0, 5, s->iova) == 0x7000,
	      "a member left: it took its PASID along, or took it from the other one");
	uiommu_detach_device_pasid(domain, soft->device[0].dev, 5);
	uiommu_domain_free(domain);
	soft_destroy(soft);

	/* The same by DMA, where devices can send PASIDs. */
	device = machine_device(s->machine, "pasid0");
	newcomer = machine_device(s->machine, "pasid1");
	if (!device || !newcomer || !(machine_hardware(s->machine)->traits & MACHINE_PASID_DMA))
		goto out;
	dev = script_add(&script, "pasid0");
	if (uiommu_device_max_pasids(dev) <= how.pasid)
		goto out;
	/* Behind IOMMUs of two drivers they cannot share a group. */
	script.device[0].join = NULL;
	alike = !strcmp(uiommu_device_instance(dev)->ops->name,
			uiommu_device_instance(script_add(&script, "pasid1"))->ops->name);
	script_remove(&script, "pasid1");
	script.device[0].join = "pasid0";
	if (!alike)
		goto out;
	buffer = subject_buffer(s, s->page);
	domain = subject_domain(s, dev, UIOMMU_ALLOC_PASID);
	CHECK_OK(s, uiommu_map(domain, s->iova, buffer.phys, s->page, RW));
	CHECK_OK(s, uiommu_attach_device_pasid(domain, dev, how.pasid, NULL));
	subject_dma_reaches(s, device, s->iova, buffer.phys, RW, &how);
	script_add(&script, "pasid1");
	group = subject_group(s, "pasid1");
	CHECK(s, uiommu_group_num_devices(group) == 2, "the newcomer is not in the group");
	uiommu_group_put(group);
	subject_dma_blocked(s, newcomer, s->iova, buffer.phys, &how);
	subject_dma_reaches(s, device, s->iova, buffer.phys, RW, &how);
	uiommu_detach_device_pasid(domain, dev, how.pasid);
	subject_dma_blocked(s, device, s->iova, buffer.phys, &how);
	uiommu_domain_free(domain);
	subject_buffer_free(s, &buffer);
out:
	script_end(&script);
}

static void newcomer_in_conflict(struct subject *s)
{
	struct script script = { .device = { { .label = "trio1", .demand = UIOMMU_DOMAIN_IDENTITY },
					     { .label = "trio2", .untrusted = true } } };
	struct uiommu_device *dev, *untrusted;
	struct uiommu_group *group;
	unsigned int commits;

	subject_expect_warnings(s, 1);
	script_boot(s, &script, true);
	script_add(&script, "trio0");
	group = subject_group(s, "trio0");
	dev = script_add(&script, "trio1");
	check_status(s, dev, UIOMMU_STATUS_CONFLICT, -UIOMMU_EPERM);
	CHECK(s, uiommu_group_num_devices(group) == 1 && script.device[0].commits == 0,
	      "a device in conflict with its group joined it or was attached");
	CHECK_RC(s, uiommu_device_probe(dev), -UIOMMU_EPERM);
	CHECK_RC(s, uiommu_device_bind_driver(dev, 0), -UIOMMU_EPERM);
	script_default_dma(s, "trio0");

	/* Without the demand it is welcome: only the demand kept it out. */
	script.device[0].demand = UIOMMU_DOMAIN_BLOCKED;
	CHECK_OK(s, uiommu_device_probe(dev));
	check_status(s, dev, UIOMMU_STATUS_TRANSLATED, 0);
	script_default_dma(s, "trio1");

	/* An untrusted one gets strict DMA, or nothing. */
	if (script_has_identity(s, dev)) {
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_IDENTITY));
		commits = script.device[1].commits;
		untrusted = script_add(&script, "trio2");
		check_status(s, untrusted, UIOMMU_STATUS_CONFLICT, -UIOMMU_EPERM);
		CHECK(s, script.device[1].commits == commits,
		      "an untrusted device was attached to an identity domain");
		CHECK_OK(s, uiommu_group_set_default_type(group, UIOMMU_DOMAIN_DMA));
		CHECK_OK(s, uiommu_device_probe(untrusted));
		check_status(s, untrusted, UIOMMU_STATUS_TRANSLATED, 0);
		script_default_dma(s, "trio2");
	}
	uiommu_group_put(group);
	script_end(&script);
}

static void one_instance_leaves(struct subject *s)
{
	struct uiommu_group *group;
	unsigned int gone, units;
	struct soft *soft;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	for (unsigned int i = 0; i < 3; i++) {
		soft->device[i].single = true;
		soft->device[i].instance = i == 2;
	}
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_start(soft, 1));
	for (unsigned int i = 0; i < 3; i++)
		CHECK_OK(s, soft_add(soft, i));
	group = uiommu_group_get(soft->device[0].dev);
	CHECK(s, group && uiommu_group_num_devices(group) == 2,
	      "the devices of one instance do not share its group");
	uiommu_group_put(group);
	soft_stop(soft, 0);
	for (unsigned int i = 0; i < 2; i++) {
		check_status(s, soft->device[i].dev, UIOMMU_STATUS_DEFERRED, -UIOMMU_EPROBE_DEFER);
		CHECK(s,
		      soft->device[i].releases == 1 &&
			      soft->device[i].parked == UIOMMU_DOMAIN_BLOCKED,
		      "released %u times, on a domain of type %s", soft->device[i].releases,
		      uiommu_domain_type_name(soft->device[i].parked));
	}
	check_status(s, soft->device[2].dev, UIOMMU_STATUS_TRANSLATED, 0);
	CHECK(s, soft->device[2].releases == 0 && soft->domains == 1,
	      "%u domains of the second driver are left, one was due", soft->domains);
	script_default_dma(s, "solo0");
	CHECK_OK(s, soft_start(soft, 0));
	check_status(s, soft->device[0].dev, UIOMMU_STATUS_TRANSLATED, 0);
	check_status(s, soft->device[1].dev, UIOMMU_STATUS_TRANSLATED, 0);
	soft_destroy(soft);

	/* Real hardware with several units. */
	units = machine_num_units(s->machine);
	for (gone = 0; units > 1 && gone < units; gone++)
		if (uiommu_device_instance(subject_device(s, "solo0")) !=
		    machine_unit_instance(s->machine, gone))
			break;
	if (units > 1 && gone < units) {
		struct uiommu_instance *left = machine_unit_instance(s->machine, gone);

		for (unsigned int i = 0; i < machine_num_devices(s->machine); i++) {
			struct uiommu_device *dev =
				machine_device_uiommu(machine_device_at(s->machine, i));

			CHECK(s,
			      !dev || uiommu_device_instance(dev) != left ||
				      uiommu_device_is_translated(dev),
			      "%s has an instance and is not translated", uiommu_device_name(dev));
		}
		machine_stop_unit(s->machine, gone);
		for (unsigned int i = 0; i < machine_num_devices(s->machine); i++) {
			struct uiommu_device *dev =
				machine_device_uiommu(machine_device_at(s->machine, i));

			CHECK(s, !dev || uiommu_device_instance(dev) != left,
			      "%s is still on an instance that has left", uiommu_device_name(dev));
		}
		script_default_dma(s, "solo0");
	}
}

/* ---- questions about one device ---------------------------------------------------------------- */

static void capability_of_each_device(struct subject *s)
{
	struct machine_device *hidden;
	struct soft *soft;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	CHECK_OK(s, soft_start(soft, 1));
	soft->device[1].instance = 1;
	soft->device[1].incoherent = true;
	soft->device[2].incoherent = true;
	soft->device[3].no_iommu = true;
	for (unsigned int i = 0; i < 4; i++) {
		CHECK_OK(s, soft_add(soft, i));
		CHECK(s,
		      uiommu_device_capable(soft->device[i].dev, UIOMMU_CAP_CACHE_COHERENCY) ==
			      (i == 0),
		      "device %u: coherency is not what its driver says of this device", i);
	}
	check_status(s, soft->device[3].dev, UIOMMU_STATUS_NO_IOMMU, -UIOMMU_ENODEV);
	hidden = machine_device(s->machine, "hidden0");
	for (unsigned int cap = 0; hidden && cap <= UIOMMU_CAP_WRITE_ONLY; cap++)
		CHECK(s,
		      !uiommu_device_capable(machine_device_uiommu(hidden), (enum uiommu_cap)cap),
		      "a device behind no IOMMU has capability %u", cap);
	soft_destroy(soft);
}

static void host_driver_and_owner(struct subject *s)
{
	struct machine_device *device;
	struct uiommu_device *dev[2];
	struct subject_buffer buffer;
	struct uiommu_group *group;

	subject_boot(s, 0);
	device = subject_machine_device(s, "trio1");
	dev[0] = subject_device(s, "trio0");
	dev[1] = subject_device(s, "trio1");
	buffer = subject_buffer(s, s->page);
	group = subject_claim(s, "trio0");
	CHECK_RC(s, uiommu_device_bind_driver(dev[1], 0), -UIOMMU_EBUSY);
	CHECK_OK(s, uiommu_device_bind_driver(dev[1], UIOMMU_BIND_MANAGED_DMA));
	subject_dma_blocked(s, device, buffer.phys, buffer.phys, NULL);
	uiommu_device_unbind_driver(dev[1]);
	uiommu_group_release_dma_owner(group);

	CHECK_OK(s, uiommu_device_bind_driver(dev[1], 0));
	CHECK_RC(s, uiommu_device_bind_driver(dev[1], 0), -UIOMMU_EBUSY);
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_EPERM);
	CHECK_RC(s, uiommu_device_claim_dma_owner(dev[0], s), -UIOMMU_EPERM);
	script_default_dma(s, "trio1");
	for (unsigned int i = 0; i < 1000; i++) {
		CHECK_OK(s, uiommu_device_bind_driver(dev[0], 0));
		uiommu_device_unbind_driver(dev[0]);
	}
	/* Still one: it alone keeps the owner out, and after it nothing does. */
	CHECK_RC(s, uiommu_group_claim_dma_owner(group, s), -UIOMMU_EPERM);
	uiommu_device_unbind_driver(dev[1]);
	for (unsigned int i = 0; i < 20; i++) {
		CHECK_OK(s, uiommu_group_claim_dma_owner(group, s));
		CHECK_RC(s, uiommu_device_bind_driver(dev[0], 0), -UIOMMU_EBUSY);
		uiommu_group_release_dma_owner(group);
		CHECK_OK(s, uiommu_device_bind_driver(dev[0], 0));
		uiommu_device_unbind_driver(dev[0]);
	}
	script_default_dma(s, "trio0");
	subject_buffer_free(s, &buffer);
	uiommu_group_put(group);
}

struct early_bind {
	struct script *script;
	struct uiommu_device *dev;
	pthread_t thread;
	bool started;
	atomic_bool calling, done, attached;
	bool attached_then;
	enum uiommu_domain_type type_then;
	int rc;
};

static void *bind_early(void *context)
{
	struct early_bind *early = context;

	atomic_store(&early->calling, true);
	early->rc = uiommu_device_bind_driver(early->dev, 0);
	early->attached_then = atomic_load(&early->attached);
	if (early->rc == 0) {
		struct uiommu_group *group = uiommu_group_get(early->dev);

		if (group)
			early->type_then = uiommu_group_default_type(group);
		uiommu_group_put(group);
	}
	atomic_store(&early->done, true);
	return NULL;
}

/* The device is in its group, and the group's default domain is about to be made. */
static void before_default_domain(struct wrap_call *call, void *context)
{
	struct early_bind *early = context;

	if (!early->started) {
		early->started = pthread_create(&early->thread, NULL, bind_early, early) == 0;
		/* If it can get through it does so in this time; if it waits for us, we go on. */
		for (unsigned int i = 0; i < 2000 && !atomic_load(&early->done); i++)
			sched_yield();
	}
	wrap_call(call);
}

static void after_attach(struct wrap_call *call, void *context)
{
	struct early_bind *early = context;

	wrap_call(call);
	atomic_store(&early->attached, true);
}

static void bind_before_default_domain(struct subject *s)
{
	struct early_bind early = { 0 };
	struct script script = { 0 };

	script_boot(s, &script, false);
	early.dev = script_add(&script, "solo0");
	wrap_set(s->wrap, WRAP_ALLOC_PAGING, before_default_domain, &early);
	wrap_set(s->wrap, WRAP_COMMIT, after_attach, &early);
	script_start_units(s);
	CHECK(s, early.started, "no default domain was allocated for solo0, or no thread started");
	pthread_join(early.thread, NULL);
	if (early.rc == 0) {
		CHECK(s, early.attached_then && early.type_then != UIOMMU_DOMAIN_BLOCKED,
		      "a driver was bound before its device's default domain was attached");
		uiommu_device_unbind_driver(early.dev);
	} else {
		CHECK(s, early.rc == -UIOMMU_EPROBE_DEFER,
		      "bind before the default domain: %s, and not 'retry later'",
		      uiommu_strerror(early.rc));
	}
	script_end(&script);
	CHECK_OK(s, uiommu_device_bind_driver(early.dev, 0));
	script_default_dma(s, "solo0");
	uiommu_device_unbind_driver(early.dev);
}

/* ---- bad calls --------------------------------------------------------------------------------- */

static void registration_is_checked(struct subject *s)
{
	struct uiommu_instance stranger = { 0 };
	struct uiommu_ops ops;
	struct soft *soft;

	subject_boot(s, 0);
	soft = soft_create(s, s->sys);
	for (unsigned int missing = 0; missing < 4; missing++) {
		ops = soft->ops[0];
		stranger = (struct uiommu_instance){ .ops = &ops, .fwnode = &soft->fwnode[0] };
		if (missing == 0)
			ops.probe_device = NULL;
		else if (missing == 1)
			ops.device_group = NULL;
		else if (missing == 2)
			ops.name = NULL;
		else
			stranger.fwnode = NULL;
		CHECK_RC(s, uiommu_instance_register(s->sys, &stranger), -UIOMMU_EINVAL);
		uiommu_instance_unregister(&stranger); /* was not registered: nothing happens */
	}
	stranger = (struct uiommu_instance){
		.ops = &soft->ops[0],
		.fwnode = machine_unit_instance(s->machine, 0)->fwnode,
	};
	CHECK_RC(s, uiommu_instance_register(s->sys, &stranger), -UIOMMU_EEXIST);
	uiommu_instance_unregister(&stranger);
	CHECK(s, uiommu_instance_num_devices(machine_unit_instance(s->machine, 0)) > 0,
	      "a refused registration took the devices of the one that is there");
	CHECK_OK(s, soft_start(soft, 0));
	script_default_dma(s, "solo0");
	soft_destroy(soft);
}

static void names_are_unique(struct subject *s)
{
	struct uiommu_device_desc desc = { .name = "", .bus = "soft" };
	struct uiommu_device *dev;
	struct soft *soft;

	subject_boot(s, MACHINE_BOOT_NO_DEVICES);
	soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(soft, 0));
	for (unsigned int i = 0; i < 3; i++)
		CHECK_OK(s, soft_add(soft, i));
	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int j = 0; j < i; j++)
			CHECK(s,
			      strcmp(uiommu_device_name(soft->device[i].dev),
				     uiommu_device_name(soft->device[j].dev)) != 0,
			      "two devices are called \"%s\"",
			      uiommu_device_name(soft->device[i].dev));
	CHECK(s,
	      !strcmp(uiommu_device_name(soft->device[0].dev), "soft") &&
		      !strncmp(uiommu_device_name(soft->device[2].dev), "soft.", 5),
	      "the first device lost its name, or the next has no suffix");
	soft_remove(soft, 0);
	CHECK_OK(s, soft_add(soft, 3));
	CHECK(s, !strcmp(uiommu_device_name(soft->device[3].dev), "soft"),
	      "a name that is free again was not used");
	CHECK_RC(s, uiommu_device_add(s->sys, &desc, &dev), -UIOMMU_EINVAL);
	CHECK(s, !dev, "a device was made in spite of the error");
	desc.name = "wide";
	desc.pasid_bits = 21;
	CHECK_RC(s, uiommu_device_add(s->sys, &desc, &dev), -UIOMMU_EINVAL);
	soft_destroy(soft);
}

#define CORE "Linux iommu core: "

const struct conform_scenario conform_registration[] = {
	{ "C001",
	  "Each device is served by the instance that its firmware names, with that instance's operations",
	  CORE "iommu_device_register, iommu_fwspec_ops", AREA_REGISTRATION, CONFORM_HARDWARE, 0,
	  each_its_own_instance },
	{ "C002",
	  "Two drivers serve devices of one bus at the same time, and neither is asked about the other's",
	  "seed discussion of 2022-06 (several IOMMU drivers in one machine)", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, two_drivers_side_by_side },
	{ "C003",
	  "A second driver registers, before or after the first, without disturbing what is in use",
	  "seed discussion of 2022-06; Linux 6.1 still answered EBUSY", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, second_driver_registers },
	{ "C005",
	  "A domain of one driver cannot be attached to a device of another, and no driver sees it",
	  "seed discussion of 2022-06; " CORE "the owner check of attach", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, foreign_domain_refused },
	{ "C006", "A driver's static domains can be attached to its own devices and to no other's",
	  CORE "the owner check of attach, static identity and blocked domains", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, static_domains_are_their_drivers },
	{ "C007",
	  "A domain moves between instances of one table of operations, not between two tables or systems",
	  "seed discussion of 2022-06; Linux s390 has two tables", AREA_REGISTRATION, 0, 0,
	  two_tables_of_one_driver },
	{ "C008", "Replace refuses another driver's domain; handle, domain and translation stay",
	  "the contract of uiommu_replace_group_handle; Linux leaves it to the driver",
	  AREA_REGISTRATION, CONFORM_HARDWARE, 0, replace_with_foreign_domain },
	{ "C009",
	  "A device that comes before its IOMMU waits, is adopted when that registers, and is translated then",
	  CORE "iommu_fwspec_init, deferred probing", AREA_REGISTRATION, CONFORM_HARDWARE, 0,
	  device_before_its_iommu },
	{ "C010",
	  "When nobody waits for an IOMMU any more, the device's driver runs untranslated and is told why",
	  "Linux driver core: driver_deferred_probe_check_state", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, deferral_exhausted },
	{ "C012",
	  "Firmware may name a second IOMMU of the same driver and not of another; the first one stays",
	  CORE "iommu_fwspec_init", AREA_REGISTRATION, 0, 0, firmware_names_two },
	{ "C013",
	  "A device that the driver disclaims during registration runs untranslated; the others are adopted",
	  CORE "bus probing at iommu_device_register", AREA_REGISTRATION, CONFORM_HARDWARE, 0,
	  one_is_not_ours },
	{ "C014",
	  "A device that fails to probe is reported, during registration and alone; the others are adopted",
	  "the contract of uiommu_instance_register; Linux aborts the registration",
	  AREA_REGISTRATION, CONFORM_HARDWARE, 0, one_fails },
	{ "C015",
	  "A driver that gives no group makes the probe fail; the device is released once and can be tried again",
	  CORE "iommu_init_device", AREA_REGISTRATION, CONFORM_HARDWARE, 0, no_group_given },
	{ "C016",
	  "A device whose first attach fails is in no group; the other members do not notice",
	  CORE "iommu_setup_default_domain, __iommu_probe_device", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, first_attach_fails },
	{ "C019",
	  "A device with a DIRECT region is released on identity where its driver's release domain would block it",
	  CORE "iommu_deinit_device", AREA_REGISTRATION, 0, 0, released_with_direct_region },
	{ "C020",
	  "The DIRECT regions of a device that joins a running group are mapped before it is attached",
	  CORE "__iommu_probe_device, iommu_create_device_direct_mappings", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, newcomer_with_direct_region },
	{ "C022",
	  "A device that joins a group with PASID attachments does not get them; later ones it does",
	  CORE "iommu_attach_device_pasid (the group's array is not replayed)", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, newcomer_and_pasids },
	{ "C023",
	  "A newcomer that demands another default type, or is not trusted with it, is left out and told so",
	  "seed discussion of 2020-01; the contract of uiommu_device_add", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, newcomer_in_conflict },
	{ "C026",
	  "When an instance leaves, its devices are released and its group is freed; nobody else's are",
	  CORE "iommu_device_unregister, generic_single_device_group", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, one_instance_leaves },
	{ "C030",
	  "A capability is the answer for this device, and no device without an IOMMU has one",
	  "seed discussion of 2017-07; " CORE "device_iommu_capable", AREA_REGISTRATION, 0, 0,
	  capability_of_each_device },
	{ "C031",
	  "A host driver cannot bind in an owned group nor an owner claim a used one; the counts stay balanced",
	  CORE "iommu_device_use_default_domain, iommu_group_claim_dma_owner", AREA_REGISTRATION,
	  CONFORM_HARDWARE, 0, host_driver_and_owner },
	{ "C032",
	  "A driver that binds while the default domain is made waits for it, or is told to come again",
	  CORE "iommu_device_use_default_domain", AREA_REGISTRATION,
	  CONFORM_HARDWARE | CONFORM_RACE, 0, bind_before_default_domain },
	{ "C218", "An incomplete or second registration of an IOMMU is refused and changes nothing",
	  "the contract of uiommu_instance_register", AREA_REGISTRATION, CONFORM_HARDWARE, 0,
	  registration_is_checked },
	{ "C219",
	  "Device names are unique in a system; a name in use gets a suffix, a free one does not",
	  "the contract of uiommu_device_desc; Linux iommu_group_add_device", AREA_REGISTRATION, 0,
	  0, names_are_unique },
	{ 0 },
};
