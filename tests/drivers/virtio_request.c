/* SPDX-License-Identifier: MIT */
/*
 * virtio_request.c - the request queue, with a device that answers well, badly or not at all
 *
 * virtio 1.2, 5.13.6.  Requests are sent by the functions that the driver's other files use.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/drivers/virtio_fake.h"

#define DOMAIN 5u
#define SECOND 1000000000ull

static void start(struct fake *f, bool pci)
{
	fake_init(f, pci);
	assert_int_equal(fake_start(f), 0);
	/* MAP and UNMAP need a domain. */
	assert_int_equal(uiommu_viommu_attach_endpoint(f->viommu, DOMAIN, 0, 0), 0);
}

static int visit(const struct viommu_resv *resv, void *context)
{
	(void)resv;
	++*(unsigned int *)context;
	return 0;
}

/* One request of @type about endpoint 1; what it says, or what the mapping got. */
static int ask(struct fake *f, uint8_t type)
{
	struct viommu_binding binding = { .viommu = f->viommu, .id = DOMAIN };
	struct viommu_mapping mapping = { .start = 0x1000, .last = 0x1fff, .phys = 0x5000 };
	unsigned int regions = 0;
	int rc;

	switch (type) {
	case VIRTIO_IOMMU_T_ATTACH:
		return uiommu_viommu_attach_endpoint(f->viommu, DOMAIN, 1, 0);
	case VIRTIO_IOMMU_T_DETACH:
		return uiommu_viommu_detach_endpoint(f->viommu, DOMAIN, 1);
	case VIRTIO_IOMMU_T_PROBE:
		return uiommu_viommu_probe_endpoint(f->viommu, 1, visit, &regions);
	case VIRTIO_IOMMU_T_MAP:
		uiommu_viommu_send_map(&binding, &mapping);
		rc = uiommu_viommu_wait(f->viommu);
		return rc ? rc : mapping.error;
	default:
		uiommu_viommu_send_unmap(&binding, 0x1000, 0x1fff);
		return uiommu_viommu_wait(f->viommu);
	}
}

static const uint8_t types[] = { VIRTIO_IOMMU_T_ATTACH, VIRTIO_IOMMU_T_DETACH, VIRTIO_IOMMU_T_PROBE,
				 VIRTIO_IOMMU_T_MAP, VIRTIO_IOMMU_T_UNMAP };
#define NUM_TYPES (sizeof(types) / sizeof(types[0]))

static int expected(unsigned int status)
{
	static const int errors[] = {
		[VIRTIO_IOMMU_S_OK] = 0,
		[VIRTIO_IOMMU_S_IOERR] = -UIOMMU_EIO,
		[VIRTIO_IOMMU_S_UNSUPP] = -UIOMMU_EOPNOTSUPP,
		[VIRTIO_IOMMU_S_DEVERR] = -UIOMMU_EIO,
		[VIRTIO_IOMMU_S_INVAL] = -UIOMMU_EINVAL,
		[VIRTIO_IOMMU_S_RANGE] = -UIOMMU_ERANGE,
		[VIRTIO_IOMMU_S_NOENT] = -UIOMMU_ENOENT,
		[VIRTIO_IOMMU_S_FAULT] = -UIOMMU_EFAULT,
		[VIRTIO_IOMMU_S_NOMEM] = -UIOMMU_ENOMEM,
	};

	return status < sizeof(errors) / sizeof(errors[0]) ? errors[status] : -UIOMMU_EIO;
}

/* Every status there can be, in the answer to every request. */
static void statuses(void **state)
{
	static struct fake f;

	(void)state;
	start(&f, false);
	for (unsigned int i = 0; i < NUM_TYPES; i++) {
		for (unsigned int status = 0; status < 256; status++) {
			unsigned int errors = f.errors;
			int rc = expected(status);

			f.rules = 0;
			f.notes = 0;
			fake_script(&f, (struct fake_rule){ types[i], 0, 1, FAKE_STATUS,
							    (uint8_t)status });
			if (types[i] != VIRTIO_IOMMU_T_UNMAP) {
				assert_int_equal(ask(&f, types[i]), rc);
				assert_int_equal(f.errors, errors);
				continue;
			}
			/* Nobody is told but the log, with the range: a device may still reach it. */
			assert_int_equal(ask(&f, types[i]), 0);
			assert_int_equal(f.errors, errors + !!rc);
			assert_true(!rc || strstr(f.line, "0x1000 to 0x1fff in domain 5"));
		}
	}
	assert_false(f.viommu->requests.dead);
	fake_stop(&f);
}

/* What is on the queue is what was asked for, and every answer is of its own request. */
static void bytes(void **state)
{
	static struct fake f;

	(void)state;
	for (unsigned int pci = 0; pci < 2; pci++) {
		struct viommu_binding binding;
		struct viommu_mapping mapping = { .start = 0x123456789000,
						  .last = 0x1234567abfff,
						  .phys = 0xfedcba9876543000,
						  .flags = VIRTIO_IOMMU_MAP_F_READ |
							   VIRTIO_IOMMU_MAP_F_MMIO };
		const struct fake_note *n;

		start(&f, pci);
		binding = (struct viommu_binding){ .viommu = f.viommu, .id = 0x1f };
		n = &f.note[f.notes];
		assert_int_equal(uiommu_viommu_attach_endpoint(f.viommu, 0x1f, 3, 1), 0);
		assert_int_equal(n->type, VIRTIO_IOMMU_T_ATTACH);
		assert_int_equal(n->domain, 0x1f);
		assert_int_equal(n->endpoint, 3);
		assert_int_equal(n->flags, 1);
		uiommu_viommu_send_map(&binding, &mapping);
		uiommu_viommu_send_unmap(&binding, 0x123456789000, 0x1234567aafff);
		assert_int_equal(uiommu_viommu_wait(f.viommu), 0);
		n++;
		assert_int_equal(n->type, VIRTIO_IOMMU_T_MAP);
		assert_int_equal(n->domain, 0x1f);
		assert_int_equal(n->start, mapping.start);
		assert_int_equal(n->last, mapping.last);
		assert_int_equal(n->phys, mapping.phys);
		assert_int_equal(n->flags, mapping.flags);
		n++;
		assert_int_equal(n->type, VIRTIO_IOMMU_T_UNMAP);
		assert_int_equal(n->domain, 0x1f);
		assert_int_equal(n->start, 0x123456789000);
		assert_int_equal(n->last, 0x1234567aafff);
		assert_int_equal(n->status, VIRTIO_IOMMU_S_RANGE); /* a piece of it */
		assert_int_equal(f.errors, 1);
		assert_int_equal(uiommu_viommu_detach_endpoint(f.viommu, 0x1f, 3), 0);
		n++;
		assert_int_equal(n->type, VIRTIO_IOMMU_T_DETACH);
		assert_int_equal(n->domain, 0x1f);
		assert_int_equal(n->endpoint, 3);
		fake_stop(&f);
	}
}

/* A tail that was not written is no success, whatever lies there. */
static void no_answer(void **state)
{
	static const enum fake_answer answers[] = { FAKE_EMPTY, FAKE_SHORT };
	static struct fake f;

	(void)state;
	start(&f, false);
	for (unsigned int k = 0; k < 2; k++) {
		for (unsigned int i = 0; i < NUM_TYPES; i++) {
			unsigned int errors = f.errors;

			f.rules = 0;
			fake_script(&f, (struct fake_rule){ types[i], 0, 1, answers[k], 0 });
			if (types[i] == VIRTIO_IOMMU_T_UNMAP) {
				assert_int_equal(ask(&f, types[i]), 0);
				assert_int_equal(f.errors, errors + 1);
				assert_non_null(strstr(f.line, "no answer was written"));
			} else {
				assert_int_equal(ask(&f, types[i]), -UIOMMU_EIO);
			}
		}
	}
	/* And the next one has nothing of it. */
	assert_int_equal(ask(&f, VIRTIO_IOMMU_T_PROBE), 0);
	assert_int_equal(ask(&f, VIRTIO_IOMMU_T_ATTACH), 0);
	fake_stop(&f);
}

/* From now on nothing is asked, and nobody waits. */
static void is_dead(struct fake *f, const char *words)
{
	unsigned int notified = f->notified[VIRTIO_IOMMU_REQUESTQ];
	unsigned int errors = f->errors;
	uint64_t before = uiommu_port_now_ns(f->test);

	assert_true(f->viommu->requests.dead);
	assert_non_null(strstr(f->line, words));
	for (unsigned int i = 0; i < NUM_TYPES; i++)
		assert_int_equal(ask(f, types[i]), -UIOMMU_EIO);
	assert_int_equal(uiommu_port_now_ns(f->test), before);
	assert_int_equal(f->notified[VIRTIO_IOMMU_REQUESTQ], notified);
	assert_int_equal(f->errors, errors);
}

static void ids_that_are_not_ours(void **state)
{
	static const enum fake_answer answers[] = { FAKE_ODD, FAKE_BEYOND };
	static struct fake f;

	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		for (unsigned int i = 0; i < NUM_TYPES; i++) {
			start(&f, i % 2);
			fake_script(&f, (struct fake_rule){ types[i], 0, 1, answers[k], 0 });
			assert_int_equal(ask(&f, types[i]), -UIOMMU_EIO);
			assert_int_equal(f.errors, 1);
			is_dead(&f, "gives back a request that it does not have");
			fake_stop(&f);
		}
	}
}

/* The second time it is nobody's, or it is no answer to whoever has its place by then. */
static void the_same_id_twice(void **state)
{
	struct viommu_mapping mapping[3] = { { .start = 0x1000, .last = 0x1fff },
					     { .start = 0x2000, .last = 0x2fff },
					     { .start = 0x3000, .last = 0x3fff } };
	struct viommu_binding binding = { .id = DOMAIN };
	static struct fake f;

	(void)state;
	start(&f, false);
	binding.viommu = f.viommu;
	fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 1, 1, FAKE_TWICE, 0 });
	for (unsigned int i = 0; i < 3; i++)
		uiommu_viommu_send_map(&binding, &mapping[i]);
	assert_int_equal(uiommu_viommu_wait(f.viommu), -UIOMMU_EIO);
	assert_int_equal(f.errors, 1);
	is_dead(&f, "gives back a request that it does not have");
	fake_stop(&f);
}

/* The limit is a second of the host's clock, once. */
static void silence(void **state)
{
	static const struct {
		enum fake_answer answer;
		const char *words;
	} cases[] = {
		{ FAKE_SILENT, "does not answer a request" },
		{ FAKE_BROKEN, "wants to be reset" },
	};
	static struct fake f;

	(void)state;
	for (unsigned int k = 0; k < 2; k++) {
		for (unsigned int i = 0; i < NUM_TYPES; i++) {
			uint64_t before;

			start(&f, k);
			fake_script(&f, (struct fake_rule){ types[i], 0, 1, cases[k].answer, 0 });
			before = uiommu_port_now_ns(f.test);
			assert_int_equal(ask(&f, types[i]), -UIOMMU_EIO);
			assert_int_equal(uiommu_port_now_ns(f.test) - before, SECOND);
			assert_int_equal(f.errors, 1);
			is_dead(&f, cases[k].words);
			fake_stop(&f);
		}
	}
}

/* It answers after all, when whoever asked has given up: nothing of theirs is touched any more. */
static void an_answer_too_late(void **state)
{
	struct viommu_binding binding = { .id = DOMAIN };
	struct viommu_mapping *mapping;
	static struct fake f;

	(void)state;
	for (unsigned int status = 0; status < 9; status += 4) {
		start(&f, false);
		binding.viommu = f.viommu;
		mapping = uiommu_port_alloc(f.test, sizeof(*mapping));
		mapping->start = 0x1000;
		mapping->last = 0x1fff;
		fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 0, 1, FAKE_SILENT, 0 });
		uiommu_viommu_send_map(&binding, mapping);
		assert_int_equal(uiommu_viommu_wait(f.viommu), -UIOMMU_EIO);
		uiommu_port_free(f.test, mapping, sizeof(*mapping));
		fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 0, 1, FAKE_STATUS,
						    (uint8_t)status });
		fake_wake(&f);
		assert_int_equal(uiommu_viommu_wait(f.viommu), -UIOMMU_EIO);
		is_dead(&f, "does not answer a request");
		fake_stop(&f);
	}
}

/* Nobody waits for a batch before its end, or the end of the ring. */
static void a_batch(void **state)
{
	static struct viommu_mapping mapping[100];
	struct viommu_binding binding = { .id = DOMAIN };
	static struct fake f;
	unsigned int from, notified;

	(void)state;
	for (unsigned int most = 2; most <= 1024; most *= 2) {
		unsigned int slots = most / 2 > VIOMMU_MAX_SLOTS ? VIOMMU_MAX_SLOTS : most / 2;

		fake_init(&f, false);
		f.queue[VIRTIO_IOMMU_REQUESTQ].most = (uint16_t)most;
		assert_int_equal(fake_start(&f), 0);
		assert_int_equal(uiommu_viommu_attach_endpoint(f.viommu, DOMAIN, 0, 0), 0);
		binding.viommu = f.viommu;
		from = f.notes;
		notified = f.notified[VIRTIO_IOMMU_REQUESTQ];
		fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 77, 1, FAKE_STATUS,
						    VIRTIO_IOMMU_S_NOMEM });
		memset(mapping, 0, sizeof(mapping));
		for (unsigned int i = 0; i < 100; i++) {
			mapping[i].start = 0x1000ull * i;
			mapping[i].last = mapping[i].start + 0xfff;
			uiommu_viommu_send_map(&binding, &mapping[i]);
		}
		assert_int_equal(uiommu_viommu_wait(f.viommu), 0);
		assert_int_equal(fake_noted(&f, from, VIRTIO_IOMMU_T_MAP), 100);
		for (unsigned int i = 0; i < 100; i++) {
			assert_int_equal(f.note[from + i].start, mapping[i].start);
			assert_int_equal(mapping[i].error, i == 77 ? -UIOMMU_ENOMEM : 0);
		}
		assert_int_equal(f.notified[VIRTIO_IOMMU_REQUESTQ] - notified,
				 (100 + slots - 1) / slots);
		fake_stop(&f);
	}
}

/* A mapping that is told twice (two devices may have it) keeps the first error. */
static void the_first_error(void **state)
{
	struct viommu_mapping mapping = { .start = 0x1000, .last = 0x1fff };
	struct viommu_binding binding = { .id = DOMAIN };
	static struct fake f;

	(void)state;
	start(&f, false);
	binding.viommu = f.viommu;
	fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 0, 1, FAKE_STATUS,
					    VIRTIO_IOMMU_S_NOMEM });
	fake_script(&f, (struct fake_rule){ VIRTIO_IOMMU_T_MAP, 0, 1, FAKE_STATUS,
					    VIRTIO_IOMMU_S_RANGE });
	for (unsigned int i = 0; i < 3; i++)
		uiommu_viommu_send_map(&binding, &mapping);
	assert_int_equal(uiommu_viommu_wait(f.viommu), 0);
	assert_int_equal(mapping.error, -UIOMMU_ENOMEM);
	fake_stop(&f);
}

/* More requests than the index of the queue can count. */
static void indices_wrap(void **state)
{
	static struct fake f;

	(void)state;
	start(&f, false);
	for (unsigned int i = 0; i < 70000; i++) {
		f.notes = 0;
		assert_int_equal(ask(&f, i % 2 ? VIRTIO_IOMMU_T_DETACH : VIRTIO_IOMMU_T_ATTACH), 0);
	}
	fake_stop(&f);
}

/* A device that takes no notifications now looks by itself. */
static void not_notified(void **state)
{
	static struct fake f;
	unsigned char *used;

	(void)state;
	start(&f, false);
	used = uiommu_test_phys(f.test, f.queue[VIRTIO_IOMMU_REQUESTQ].used, 4);
	used[VIRTIO_USED_FLAGS] = VIRTIO_USED_F_NO_NOTIFY;
	assert_int_equal(ask(&f, VIRTIO_IOMMU_T_PROBE), -UIOMMU_EIO); /* this one does not */
	assert_int_equal(f.notified[VIRTIO_IOMMU_REQUESTQ], 1);
	fake_stop(&f);
}

/* ---- reports of faults ------------------------------------------------------------------------- */

static void faults(void **state)
{
	static const struct {
		uint32_t reason, flags, length;
		bool reported;
		unsigned int prot;
	} cases[] = {
		{ VIRTIO_IOMMU_FAULT_R_MAPPING,
		  VIRTIO_IOMMU_FAULT_F_READ | VIRTIO_IOMMU_FAULT_F_ADDRESS, 24, true, UIOMMU_READ },
		{ VIRTIO_IOMMU_FAULT_R_DOMAIN,
		  VIRTIO_IOMMU_FAULT_F_WRITE | VIRTIO_IOMMU_FAULT_F_ADDRESS, 24, true,
		  UIOMMU_WRITE },
		{ VIRTIO_IOMMU_FAULT_R_UNKNOWN, 0, 24, true, 0 },
		{ 77, VIRTIO_IOMMU_FAULT_F_ADDRESS, 24, true, 0 },
		{ VIRTIO_IOMMU_FAULT_R_MAPPING, VIRTIO_IOMMU_FAULT_F_ADDRESS, 23, false, 0 },
		{ VIRTIO_IOMMU_FAULT_R_MAPPING, VIRTIO_IOMMU_FAULT_F_ADDRESS, 0, false, 0 },
		/* Another kind of report: the bytes behind the reason are not 0. */
		{ VIRTIO_IOMMU_FAULT_R_MAPPING | 0x100, 0, 24, false, 0 },
		{ VIRTIO_IOMMU_FAULT_R_MAPPING | 0x10000, 0, 24, false, 0 },
		{ VIRTIO_IOMMU_FAULT_R_MAPPING | 0x1000000, 0, 24, false, 0 },
	};
	static struct fake f;

	(void)state;
	start(&f, true);
	/* Many times round the ring. */
	for (unsigned int i = 0; i < 600; i++) {
		const unsigned int k = i % (sizeof(cases) / sizeof(cases[0]));
		unsigned int before = f.faults;
		bool address = cases[k].flags & VIRTIO_IOMMU_FAULT_F_ADDRESS;

		assert_true(fake_fault(&f, cases[k].reason, cases[k].flags, i, 0x1234567890123000,
				       cases[k].length));
		uiommu_virtio_iommu_interrupt(f.viommu);
		assert_int_equal(f.faults, before + cases[k].reported);
		if (!cases[k].reported)
			continue;
		assert_ptr_equal(f.fault.instance, uiommu_virtio_iommu_instance(f.viommu));
		assert_int_equal(f.fault.source_id, i);
		assert_int_equal(f.fault.iova, address ? 0x1234567890123000 : 0);
		assert_int_equal(f.fault.prot, cases[k].prot);
		assert_int_equal(f.fault.code, cases[k].reason);
		assert_non_null(f.fault.reason);
	}
	fake_stop(&f);
}

/* All buffers at once; and each is there again afterwards. */
static void a_storm(void **state)
{
	static struct fake f;

	(void)state;
	start(&f, false);
	for (unsigned int round = 0; round < 3; round++) {
		unsigned int room = 0;

		f.faults = 0;
		while (fake_fault(&f, VIRTIO_IOMMU_FAULT_R_MAPPING, 0, room, 0, 24))
			room++;
		assert_int_equal(room, 16);
		uiommu_virtio_iommu_interrupt(f.viommu);
		assert_int_equal(f.faults, room);
	}
	fake_stop(&f);
}

/* Buffers that do not exist are said and passed over; a device that never stops does not hold its reader. */
static void events_that_are_not_ours(void **state)
{
	static struct fake f;

	(void)state;
	start(&f, false);
	fake_event_id(&f, 0x10000000);
	fake_event_id(&f, 16);
	assert_true(fake_fault(&f, VIRTIO_IOMMU_FAULT_R_MAPPING, 0, 9, 0, 24));
	uiommu_virtio_iommu_interrupt(f.viommu);
	assert_int_equal(f.errors, 2);
	assert_non_null(strstr(f.line, "an event buffer that does not exist"));
	assert_int_equal(f.faults, 1);
	assert_int_equal(f.fault.source_id, 9);
	for (unsigned int i = 0; i < 1000; i++)
		fake_event_id(&f, 3);
	uiommu_virtio_iommu_interrupt(f.viommu);
	assert_int_equal(f.faults, 1 + 16);
	fake_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(bytes),
		cmocka_unit_test(no_answer),
		cmocka_unit_test(ids_that_are_not_ours),
		cmocka_unit_test(the_same_id_twice),
		cmocka_unit_test(silence),
		cmocka_unit_test(an_answer_too_late),
		cmocka_unit_test(a_batch),
		cmocka_unit_test(the_first_error),
		cmocka_unit_test(indices_wrap),
		cmocka_unit_test(not_notified),
		cmocka_unit_test(faults),
		cmocka_unit_test(a_storm),
		cmocka_unit_test(events_that_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
