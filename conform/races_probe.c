/* SPDX-License-Identifier: MIT */
/* races_probe.c - devices and instances that appear while others look for them */
#include "conform/races.h"

#include "conform/script.h"
#include "conform/soft.h"

/* ---- probing ----------------------------------------------------------------------------------- */

/* A real device that is probed through hooks which count. */
struct probed {
	struct subject *s;
	struct interleave i;
	struct soft *soft; /* NULL: the real driver is at work */
	struct uiommu_device *dev;
	struct machine_device *device;
	uint64_t phys;
	uint64_t word;
	bool refuse; /* the driver says that the device is not its own */
	bool ask_again; /* the client does not bind but asks for a probe */
	unsigned int probes, early; /* of the driver, under the core's lock */
	int first_rc, second_rc;
	struct note note;
};

static void count_probe(struct wrap_call *call, void *context)
{
	struct probed *p = context;

	p->early += !call->instance->ready;
	if (p->refuse) {
		call->rc = -UIOMMU_ENODEV;
		return;
	}
	p->probes++;
	wrap_call(call);
}

static void probed_boot(struct subject *s, struct probed *p, bool units)
{
	*p = (struct probed){ .s = s };
	interleave_install(s, &p->i);
	p->i.context = p;
	subject_boot(s,
		     MACHINE_BOOT_NO_DEVICES | (units ? 0u : (unsigned int)MACHINE_BOOT_NO_UNITS));
	wrap_set(s->wrap, WRAP_PROBE, count_probe, p);
}

static void register_instance(void *context)
{
	struct probed *p = context;

	if (p->soft) {
		p->first_rc = soft_start(p->soft, 0);
		return;
	}
	p->first_rc = 0;
	for (unsigned int u = 0; !p->first_rc && u < machine_num_units(p->s->machine); u++)
		p->first_rc = machine_start_unit(p->s->machine, u);
}

/* Whoever may bind is translated by then. */
static void check_bound(struct probed *p)
{
	struct uiommu_group *group = uiommu_group_get(p->dev);
	struct uiommu_domain *domain = group ? uiommu_group_domain(group) : NULL;
	int rc;

	if (!uiommu_device_is_translated(p->dev) || !uiommu_device_instance(p->dev) || !domain ||
	    uiommu_domain_type(domain) != UIOMMU_DOMAIN_DMA) {
		note_wrong(&p->note, "a driver was bound to a device that is not translated yet");
	} else if (p->device) {
		struct lane lane = { .device = p->device, .dev = p->dev };

		lane_refused(&lane, p->phys, &p->note, "without a mapping");
		rc = uiommu_map(domain, p->s->iova, p->phys, p->s->page, RW);
		if (rc)
			note_wrong(&p->note, "map: %s", uiommu_strerror(rc));
		else
			lane_reads(&lane, p->s->iova, p->word, &p->note,
				   "through its default domain");
		if (!rc && uiommu_unmap(domain, p->s->iova, p->s->page) != p->s->page)
			note_wrong(&p->note, "unmap gave back less than a page");
	}
	uiommu_group_put(group);
}

static void client(void *context)
{
	struct probed *p = context;

	if (p->ask_again) {
		p->second_rc = uiommu_device_probe(p->dev);
		if (p->second_rc)
			return;
	}
	p->second_rc = uiommu_device_bind_driver(p->dev, 0);
	if (p->second_rc)
		return;
	check_bound(p);
	uiommu_device_unbind_driver(p->dev);
}

static void c011_listed_not_ready(struct subject *s)
{
	unsigned int deferred = 0;
	struct subject_buffer buffer;
	struct probed p;

	probed_boot(s, &p, false);
	p.i.first = register_instance;
	p.i.second = client;

	/* The second driver has no hardware to start: every point of its registration. */
	p.soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_add(p.soft, 0));
	p.dev = p.soft->device[0].dev;
	for (unsigned int at = 1; at; at = interleave_next(&p.i, at, 1000)) {
		p.ask_again = at % 2;
		p.soft->device[0].probes = 0;
		interleave_run(&p.i, at);
		note_judge(s, &p.note, "registration", at);
		CHECK(s, p.first_rc == 0 && (!p.second_rc || p.second_rc == -UIOMMU_EPROBE_DEFER),
		      "point %u: registration %s, the client %s", at, uiommu_strerror(p.first_rc),
		      uiommu_strerror(p.second_rc));
		deferred += p.second_rc != 0;
		CHECK(s, !p.soft->too_early && p.soft->device[0].probes == 1,
		      "point %u: probed %u times%s", at, p.soft->device[0].probes,
		      p.soft->too_early ? ", through an instance that was not ready" : "");
		CHECK_OK(s, uiommu_device_bind_driver(p.dev, 0));
		uiommu_device_unbind_driver(p.dev);
		soft_stop(p.soft, 0);
	}
	CHECK(s, deferred && deferred < p.i.beside + p.i.alone,
	      "of %u clients %u were deferred: neither none nor all were due",
	      p.i.beside + p.i.alone, deferred);
	soft_destroy(p.soft);
	p.soft = NULL;

	/* The subject's own units, from cold hardware on. */
	p.device = subject_machine_device(s, "pasid0");
	buffer = subject_buffer(s, s->page);
	p.phys = buffer.phys;
	p.word = subject_random(s);
	race_fill(s, &buffer, 0, p.word);
	CHECK_OK(s, machine_add_device(s->machine, p.device));
	p.dev = machine_device_uiommu(p.device);
	for (unsigned int at = 1; at; at = interleave_next(&p.i, at, POINTS)) {
		p.ask_again = at % 2;
		p.probes = 0;
		interleave_run(&p.i, at);
		note_judge(s, &p.note, "registration", at);
		CHECK(s, p.first_rc == 0 && (!p.second_rc || p.second_rc == -UIOMMU_EPROBE_DEFER),
		      "point %u: registration %s, the client %s", at, uiommu_strerror(p.first_rc),
		      uiommu_strerror(p.second_rc));
		CHECK(s, !p.early && p.probes == 1, "point %u: probed %u times, %u times early", at,
		      p.probes, p.early);
		CHECK_OK(s, uiommu_device_bind_driver(p.dev, 0));
		check_bound(&p);
		note_judge(s, &p.note, "after registration", at);
		uiommu_device_unbind_driver(p.dev);
		race_forget_faults(s);
		script_stop_units(s);
	}
	wrap_set(s->wrap, WRAP_PROBE, NULL, NULL);
	subject_buffer_free(s, &buffer);
}

static void probe_first(void *context)
{
	struct probed *p = context;

	p->first_rc = uiommu_device_probe(p->dev);
}

static void probe_second(void *context)
{
	struct probed *p = context;

	p->second_rc = uiommu_device_probe(p->dev);
	if (!p->second_rc)
		check_bound(p);
}

static void check_probed_once(struct subject *s, struct probed *p, unsigned int at)
{
	unsigned int probes = p->soft ? p->soft->device[0].probes : p->probes;
	struct uiommu_group *group = uiommu_group_get(p->dev);

	note_judge(s, &p->note, "probe", at);
	CHECK(s, p->first_rc == 0 && p->second_rc == 0, "point %u: %s and %s", at,
	      uiommu_strerror(p->first_rc), uiommu_strerror(p->second_rc));
	CHECK(s, probes == 1, "point %u: the driver was asked %u times", at, probes);
	CHECK(s, group && uiommu_group_num_devices(group) == 1, "point %u: not alone in its group",
	      at);
	uiommu_group_put(group);
}

static void *probe_freely(void *context)
{
	struct {
		struct probed *p;
		pthread_barrier_t *start;
		int rc;
	} *arg = context;

	pthread_barrier_wait(arg->start);
	arg->rc = uiommu_device_probe(arg->p->dev);
	return NULL;
}

static void c024_one_device_two_threads(struct subject *s)
{
	struct subject_buffer buffer;
	struct probed p;

	probed_boot(s, &p, true);
	p.i.first = probe_first;
	p.i.second = probe_second;
	p.soft = soft_create(s, s->sys);
	CHECK_OK(s, soft_start(p.soft, 0));
	for (unsigned int at = 1; at; at = interleave_next(&p.i, at, 1000)) {
		/* Known to the core, and not wanted by the driver yet. */
		p.soft->device[0].probe_error = -UIOMMU_ENODEV;
		CHECK_OK(s, soft_add(p.soft, 0));
		p.soft->device[0].probe_error = 0;
		p.soft->device[0].probes = 0;
		p.dev = p.soft->device[0].dev;
		interleave_run(&p.i, at);
		check_probed_once(s, &p, at);
		soft_remove(p.soft, 0);
	}
	soft_destroy(p.soft);
	p.soft = NULL;

	p.device = subject_machine_device(s, "pasid0");
	buffer = subject_buffer(s, s->page);
	p.phys = buffer.phys;
	p.word = subject_random(s);
	race_fill(s, &buffer, 0, p.word);
	for (unsigned int at = 1; at; at = interleave_next(&p.i, at, POINTS)) {
		p.refuse = true;
		CHECK_OK(s, machine_add_device(s->machine, p.device));
		p.refuse = false;
		p.probes = 0;
		p.dev = machine_device_uiommu(p.device);
		interleave_run(&p.i, at);
		check_probed_once(s, &p, at);
		race_forget_faults(s);
		machine_remove_device(s->machine, p.device);
	}

	/* Three at once, without a conductor. */
	for (unsigned int round = 0; round < 10; round++) {
		struct {
			struct probed *p;
			pthread_barrier_t *start;
			int rc;
		} arg[3];
		pthread_barrier_t start;
		pthread_t thread[2];

		p.refuse = true;
		CHECK_OK(s, machine_add_device(s->machine, p.device));
		p.refuse = false;
		p.probes = 0;
		p.dev = machine_device_uiommu(p.device);
		pthread_barrier_init(&start, NULL, 3);
		for (unsigned int i = 0; i < 3; i++) {
			arg[i].p = &p;
			arg[i].start = &start;
		}
		for (unsigned int i = 0; i < 2; i++)
			CHECK(s, !pthread_create(&thread[i], NULL, probe_freely, &arg[i]),
			      "no thread");
		probe_freely(&arg[2]);
		for (unsigned int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		pthread_barrier_destroy(&start);
		for (unsigned int i = 0; i < 3; i++)
			CHECK(s, arg[i].rc == 0, "probe: %s", uiommu_strerror(arg[i].rc));
		check_probed_once(s, &p, 0);
		machine_remove_device(s->machine, p.device);
	}
	wrap_set(s->wrap, WRAP_PROBE, NULL, NULL);
	subject_buffer_free(s, &buffer);
}

static void start_first(void *context)
{
	struct probed *p = context;

	p->first_rc = machine_start_unit(p->s->machine, 0);
}

static void start_second(void *context)
{
	struct probed *p = context;

	if (machine_num_units(p->s->machine) > 1)
		p->second_rc = machine_start_unit(p->s->machine, 1);
	else
		p->second_rc = soft_start(p->soft, 1);
}

static void start_soft_second(void *context)
{
	struct probed *p = context;

	p->second_rc = soft_start(p->soft, 1);
}

static void stop_soft_first(void *context)
{
	soft_stop(((struct probed *)context)->soft, 0);
}

static void stop_soft_second(void *context)
{
	soft_stop(((struct probed *)context)->soft, 1);
}

#define SCANNED 4 /* soft devices, on two instances by turns */

static void check_scanned(struct subject *s, struct probed *p, unsigned int instances,
			  unsigned int at)
{
	CHECK(s, p->first_rc == 0 && p->second_rc == 0, "point %u: registrations %s and %s", at,
	      uiommu_strerror(p->first_rc), uiommu_strerror(p->second_rc));
	for (unsigned int d = 0; d < SCANNED; d++) {
		struct soft_device *device = &p->soft->device[d];

		if (!(instances & 1u << device->instance))
			continue;
		CHECK(s, uiommu_device_is_translated(device->dev), "point %u: device %u was missed",
		      at, d);
		CHECK(s, device->probes == 1 && device->finalizes == 1,
		      "point %u: device %u was probed %u and finalized %u times", at, d,
		      device->probes, device->finalizes);
		CHECK(s, device->probed_by == &p->soft->instance[device->instance].instance,
		      "point %u: device %u went to the other instance", at, d);
		device->probes = 0;
		device->finalizes = 0;
	}
	CHECK(s, !p->soft->too_early, "point %u: probed through an instance that was not ready",
	      at);
}

static void check_waiting(struct subject *s, struct probed *p, unsigned int at)
{
	for (unsigned int d = 0; d < SCANNED; d++)
		CHECK(s,
		      uiommu_device_status(p->soft->device[d].dev) == UIOMMU_STATUS_DEFERRED &&
			      !uiommu_device_has_group(p->soft->device[d].dev),
		      "point %u: device %u is not waiting after its instance has left", at, d);
}

static void c025_two_instances_at_once(struct subject *s)
{
	unsigned int added = 0;
	struct probed p;

	probed_boot(s, &p, false);
	p.soft = soft_create(s, s->sys);
	for (unsigned int d = 0; d < SCANNED; d++) {
		p.soft->device[d].instance = d % 2;
		CHECK_OK(s, soft_add(p.soft, d));
	}
	for (unsigned int at = 1; at; at = interleave_next(&p.i, at, 100)) {
		p.i.first = register_instance;
		p.i.second = start_soft_second;
		interleave_run(&p.i, at);
		check_scanned(s, &p, 3, at);
		p.i.first = stop_soft_first;
		p.i.second = stop_soft_second;
		interleave_run(&p.i, at);
		check_waiting(s, &p, at);
	}

	/* Hardware: the machine's two units, or its one and an instance of the second driver. */
	for (unsigned int d = 0; d < machine_num_devices(s->machine); d++) {
		CHECK_OK(s, machine_add_device(s->machine, machine_device_at(s->machine, d)));
		added++;
	}
	p.i.points = 0;
	p.i.first = start_first;
	p.i.second = start_second;
	for (unsigned int at = 1; at; at = interleave_next(&p.i, at, POINTS)) {
		unsigned int served = 0;

		p.probes = 0;
		interleave_run(&p.i, at);
		check_scanned(s, &p, machine_num_units(s->machine) > 1 ? 0 : 2, at);
		for (unsigned int d = 0; d < added; d++) {
			struct uiommu_device *dev =
				machine_device_uiommu(machine_device_at(s->machine, d));

			served += uiommu_device_is_translated(dev);
			CHECK(s, uiommu_device_status(dev) != UIOMMU_STATUS_DEFERRED,
			      "point %u: %s was missed", at, uiommu_device_name(dev));
		}
		CHECK(s, served && p.probes == served && !p.early,
		      "point %u: %u devices are translated after %u probes, %u of them early", at,
		      served, p.probes, p.early);
		script_stop_units(s);
		soft_stop(p.soft, 1);
	}
	wrap_set(s->wrap, WRAP_PROBE, NULL, NULL);
	soft_destroy(p.soft);
}
const struct conform_scenario conform_races_probe[] = {
	{ "C011",
	  "A driver that binds while its IOMMU registers waits, or finds it ready: never half made",
	  "Linux iommu_device_register, iommu_fwspec_init (ready)", AREA_RACES, RACE,
	  MACHINE_STREAM, c011_listed_not_ready },
	{ "C024", "However many threads probe a device, its driver is asked once",
	  "Linux iommu_probe_device_lock", AREA_RACES, RACE, MACHINE_STREAM,
	  c024_one_device_two_threads },
	{ "C025",
	  "Two instances register and leave at once; each device is probed once, by its own",
	  "Linux iommu_device_register, bus probing", AREA_RACES, RACE, MACHINE_STREAM,
	  c025_two_instances_at_once },
	{ 0 },
};
