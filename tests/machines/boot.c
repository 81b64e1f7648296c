/* SPDX-License-Identifier: MIT */
/* boot.c - every built-in machine boots, translates, refuses what is not mapped, and leaves nothing */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machines/machine.h"
#include "models/model.h"
#include "spec/dma-engine.h"
#include "spec/pci.h"

#define IOVA 0x40000000u

static struct machine *created(const char *name)
{
	struct machine_options options = { .name = name, .hardware = "model", .seed = 1 };
	struct machine *m;
	char error[256] = "";

	if (machine_create(&options, &m, error, sizeof(error)))
		fail_msg("%s: %s", name, error);
	return m;
}

static void assert_quiet(struct machine *m)
{
	if (machine_num_reports(m))
		fail_msg("%s: model: %s", machine_name(m), machine_report(m, 0)->text);
	if (machine_num_warnings(m))
		fail_msg("%s: library: %s", machine_name(m), machine_warning(m, 0));
}

static struct machine *booted(const char *name)
{
	struct machine *m = created(name);
	char error[256] = "";

	if (machine_boot(m, 0, error, sizeof(error)))
		fail_msg("%s: %s", name, error);
	assert_quiet(m);
	return m;
}

static void finish(struct machine *m)
{
	struct uiommu_posix_usage usage;

	machine_settle(m);
	machine_shutdown(m);
	assert_quiet(m);
	uiommu_posix_usage(machine_host(m), &usage);
	assert_int_equal(usage.bytes, 0);
	assert_int_equal(usage.objects, 0);
	assert_int_equal(usage.pages, 0);
	assert_int_equal(usage.mutexes, 0);
	assert_int_equal(usage.irqs, 0);
	machine_destroy(m);
}

/* A word that the device reads and one that it writes, through one mapped page and past it. */
static void check_device(struct machine *m, struct machine_device *device)
{
	struct uiommu_device *dev = machine_device_uiommu(device);
	struct uiommu_domain *domain;
	struct uiommu_group *group;
	uint64_t phys, page, got = 0, word = UINT64_C(0x1122334455667788);
	uint64_t *buffer;

	group = uiommu_group_get(dev);
	assert_non_null(group);
	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	page = uiommu_domain_pgsizes(domain);
	page &= -page;
	buffer = machine_buffer(m, page, page, &phys);
	assert_int_equal(
		uiommu_map(domain, IOVA, phys, page, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE), 0);
	assert_int_equal(uiommu_attach_group(domain, group), 0);
	buffer[1] = word;
	machine_dma_read(device, IOVA + 8, &got, 8, 0, 0);
	if (got != word)
		fail_msg("%s: %s does not read", machine_name(m), machine_device_label(device));
	machine_dma_write(device, IOVA + 16, &word, 8, 0, 0);
	if (buffer[2] != word)
		fail_msg("%s: %s does not write", machine_name(m), machine_device_label(device));
	machine_settle(m);
	assert_int_equal(machine_num_faults(m), 0);
	machine_dma_write(device, IOVA + page, &word, 8, 0, 0);
	machine_settle(m);
	if (machine_num_faults(m) != 1)
		fail_msg("%s: %s: %zu faults and not 1", machine_name(m),
			 machine_device_label(device), machine_num_faults(m));
	assert_true(machine_fault(m, 0)->iova == IOVA + page);
	assert_non_null(machine_fault(m, 0)->device);
	machine_clear_faults(m);
	assert_quiet(m);
	uiommu_detach_group(domain, group);
	uiommu_group_put(group);
	uiommu_domain_free(domain);
	machine_buffer_free(m, buffer, page);
}

static void test_all(void **state)
{
	static const char *const labels[] = { "solo0",	   "solo1",	"solo2",  "bridged0",
					      "rmrr0",	   "pasid0",	"pasid1", "ats0",
					      "platform0", "platform1", "pri0",	  "pri1",
					      "mixed0",	   "mixed1",	"alias0" };

	(void)state;
	for (const struct machine_builtin *b = machine_builtins(); b->name; b++) {
		struct machine *m = booted(b->name);

		assert_true(strlen(b->summary) > 10);
		assert_true(machine_num_units(m) >= 1);
		for (unsigned int i = 0; i < machine_num_devices(m); i++) {
			struct machine_device *device = machine_device_at(m, i);

			if (strncmp(machine_device_label(device), "hidden", 6) == 0)
				assert_false(
					uiommu_device_is_translated(machine_device_uiommu(device)));
			else if (!uiommu_device_is_translated(machine_device_uiommu(device)))
				fail_msg("%s: %s is not translated: %s", b->name,
					 machine_device_label(device),
					 uiommu_strerror(uiommu_device_error(
						 machine_device_uiommu(device))));
		}
		for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
			if (machine_device(m, labels[i]))
				check_device(m, machine_device(m, labels[i]));
		finish(m);
	}
}

static unsigned int group_of(struct machine *m, const char *label)
{
	struct uiommu_group *group =
		uiommu_group_get(machine_device_uiommu(machine_device(m, label)));
	unsigned int id = uiommu_group_id(group);

	uiommu_group_put(group);
	return id;
}

static void test_groups(void **state)
{
	struct machine *m = booted("q35-vtd");
	static const char *const alone[] = {
		"solo0", "solo1", "solo2", "pasid0", "pasid1", "rmrr0"
	};

	(void)state;
	assert_int_equal(group_of(m, "trio0"), group_of(m, "trio1"));
	assert_int_equal(group_of(m, "trio0"), group_of(m, "trio2"));
	assert_int_equal(group_of(m, "bridged0"), group_of(m, "bridged1"));
	assert_int_not_equal(group_of(m, "bridged0"), group_of(m, "trio0"));
	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		struct uiommu_group *group =
			uiommu_group_get(machine_device_uiommu(machine_device(m, alone[i])));

		assert_int_equal(uiommu_group_num_devices(group), 1);
		uiommu_group_put(group);
	}
	finish(m);
}

/* A port with ACS is told to send everything upstream. */
static void test_acs(void **state)
{
	struct machine *m = booted("q35-vtd");
	struct uiommu_pci_function *port =
		machine_device_function(machine_device(m, "solo1"))->parent;
	uint32_t header = port->topology->config_read(port, PCI_EXT_CAP_FIRST, 4);

	(void)state;
	assert_int_equal(header & PCI_EXT_CAP_ID_MASK, PCI_EXT_CAP_ID_ACS);
	assert_int_equal(port->topology->config_read(port, PCI_EXT_CAP_FIRST + PCI_ACS_CONTROL, 2),
			 PCI_ACS_SOURCE_VALIDATION | PCI_ACS_REQUEST_REDIRECT |
				 PCI_ACS_COMPLETION_REDIRECT | PCI_ACS_UPSTREAM_FORWARDING);
	finish(m);
}

static void test_two_units(void **state)
{
	struct machine *m = booted("q35-vtd-two");

	(void)state;
	assert_int_equal(machine_num_units(m), 2);
	assert_ptr_not_equal(
		uiommu_device_instance(machine_device_uiommu(machine_device(m, "solo0"))),
		uiommu_device_instance(machine_device_uiommu(machine_device(m, "solo1"))));
	finish(m);
}

/* The reserved memory of rmrr0 is reached from the start, and that of others is not. */
static void test_reserved(void **state)
{
	struct machine *m = booted("q35-vtd");
	uint32_t word = 0x600dcafe, got = 0;
	unsigned char *ram = uiommu_posix_phys_to_ptr(machine_host(m), 0x100000);

	(void)state;
	memcpy(ram, &word, 4);
	assert_int_equal(machine_dma_read(machine_device(m, "rmrr0"), 0x100000, &got, 4, 0, 0),
			 MACHINE_DMA_DONE);
	assert_int_equal(got, word);
	assert_int_equal(machine_dma_read(machine_device(m, "pasid0"), 0x100000, &got, 4, 0, 0),
			 MACHINE_DMA_REFUSED);
	finish(m);
}

static uint64_t counter(struct machine_device *device, uint64_t offset)
{
	struct uiommu_pci_function *fn = machine_device_function(device);
	struct machine *m = fn->context;
	struct machine_hardware *hw = machine_hardware(m);
	uint64_t bar = fn->topology->config_read(fn, PCI_BAR(0), 4) & PCI_BAR_MEMORY_MASK;

	return hw->ops->mmio_read(hw, bar + offset, 8);
}

static void test_stream(void **state)
{
	struct machine *m = booted("q35-vtd");
	struct machine_device *device = machine_device(m, "pasid0");
	struct uiommu_device *dev = machine_device_uiommu(device);
	struct uiommu_group *group = uiommu_group_get(dev);
	struct machine_stream_stats stats;
	struct uiommu_domain *domain;
	uint64_t phys, *buffer = machine_buffer(m, 4096, 4096, &phys);

	(void)state;
	assert_int_equal(uiommu_domain_alloc_paging(dev, 0, &domain), 0);
	assert_int_equal(
		uiommu_map(domain, IOVA, phys, 4096, UIOMMU_READ | UIOMMU_WRITE | UIOMMU_CACHE), 0);
	assert_int_equal(uiommu_attach_group(domain, group), 0);
	buffer[3] = 7;
	assert_int_equal(machine_stream_start(device, IOVA, 4096, 0, 0, 0, 1), 0);
	/* The device goes round by itself: it meets the word that is neither 0 nor 1, then a hole. */
	while (counter(device, DMA_ENGINE_WRONG) < 2)
		sched_yield();
	assert_int_equal(counter(device, DMA_ENGINE_REFUSED), 0);
	uiommu_unmap(domain, IOVA, 4096);
	while (counter(device, DMA_ENGINE_REFUSED) < 2)
		sched_yield();
	machine_stream_stop(device, &stats);
	assert_true(stats.wrong >= 2 && stats.done > 512 && stats.refused >= 2);
	assert_int_equal(buffer[3], 7);
	machine_settle(m);
	uiommu_detach_group(domain, group);
	uiommu_group_put(group);
	uiommu_domain_free(domain);
	machine_buffer_free(m, buffer, 4096);
	finish(m);
}

static void test_boot_order(void **state)
{
	struct machine *m = created("q35-vtd");
	char error[256] = "";

	(void)state;
	assert_int_equal(machine_boot(m, MACHINE_BOOT_NO_UNITS, error, sizeof(error)), 0);
	assert_int_equal(uiommu_device_status(machine_device_uiommu(machine_device(m, "solo0"))),
			 UIOMMU_STATUS_DEFERRED);
	assert_int_equal(machine_start_unit(m, 0), 0);
	assert_int_equal(uiommu_device_status(machine_device_uiommu(machine_device(m, "solo0"))),
			 UIOMMU_STATUS_TRANSLATED);
	machine_shutdown(m);
	assert_int_equal(machine_boot(m, MACHINE_BOOT_DEVICES_FIRST, error, sizeof(error)), 0);
	check_device(m, machine_device(m, "solo1"));
	finish(m);
}

static void refused(const char *name, const char *hardware, const char *words)
{
	struct machine_options options = { .name = name, .hardware = hardware };
	struct machine *m;
	char error[256] = "";

	assert_true(machine_create(&options, &m, error, sizeof(error)) < 0);
	if (!strstr(error, words))
		fail_msg("\"%s\" does not say \"%s\"", error, words);
}

static void refused_text(const char *text, const char *words)
{
	char name[] = "/tmp/uiommu-machine-XXXXXX.dts";
	int fd = mkstemps(name, 4);
	FILE *file = fdopen(fd, "w");

	fputs("/dts-v1/;\n/ { ", file);
	fputs(text, file);
	fputs(" };\n", file);
	fclose(file);
	refused(name, "model", words);
	remove(name);
}

#define MEMORY "memory@0 { device_type = \"memory\"; reg = <0 0 0 0x100000>; };"
#define HOST(children)                                   \
	"pcie { compatible = \"pci-host-ecam-generic\";" \
	" ranges = <0 0 0 0 0xe0000000 0 0x100000>; " children " };"

static void test_bad_descriptions(void **state)
{
	(void)state;
	refused("q36", "model", "there is no machine \"q36\"");
	refused("/nowhere/x.dtb", "model", "No such file");
	refused("q35-vtd", "marble", "there is no hardware \"marble\"");
	refused_text("x = <", "syntax error");
	refused_text("", "no memory");
	refused_text(MEMORY, "no PCI host bridge");
	refused_text(MEMORY HOST("d { compatible = \"marble\"; reg = <0>; };"), "\"marble\"");
	refused_text(MEMORY HOST("d { compatible = \"qemu,edu\"; };"), "reg must begin");
	refused_text(MEMORY HOST("d { compatible = \"qemu,edu\"; reg = <0>; };"
				 "e { compatible = \"qemu,edu\"; reg = <0>; };"),
		     "another function has this place");
	refused_text(MEMORY HOST("d { compatible = \"qemu,edu\"; reg = <0>; e { }; };"),
		     "only bridges");
	refused_text(MEMORY HOST("") "i { compatible = \"intel,vtd\"; include-all;"
				     " reg = <0 0x1000 0 0x1000>; preset = \"marble\"; };",
		     "no preset \"marble\"");
	refused_text(MEMORY HOST("") "i { compatible = \"intel,vtd\";"
				     " reg = <0 0x1000 0 0x1000>; preset = \"legacy\"; };",
		     "neither include-all nor scopes");
#define FLEXRM(base, size, more)                                                            \
	MEMORY HOST("") "f { compatible = \"brcm,iproc-flexrm-mbox\"; label = \"flexrm0\";" \
			" reg = <0 " base " 0 " size ">; " more "};"
	refused_text(FLEXRM("0x100000", "0x20000", "rings = <4>; "), "a ring is beyond");
	refused_text(FLEXRM("0x110000", "0x20000", "rings = <1>; "), "multiple of their size");
	refused_text(FLEXRM("0x400000", "0x210000", ""), "at most 32 rings");
	refused_text(FLEXRM("0x100000", "0x20000", "rings = <1>; stuck-in-flush = <2>; "),
		     "only rings that are there");
	refused_text(FLEXRM("0x100000", "0x20000", "rings = <1 2>; "), "must be one number");
	refused_text(MEMORY HOST("") "d { compatible = \"uiommu,platform-dma\"; label = \"p\";"
				     " reg = <0 0x100000 0 0x1000>; };",
		     "0x2000 bytes");
}

/* Devices on no bus: firmware names their unit and ID, and the memory that one of them needs. */
static void test_platform(void **state)
{
	struct machine *m = booted("virt-smmuv3-platform");
	struct machine_device *device = machine_device(m, "platform1");
	uint64_t word = 0;

	(void)state;
	assert_non_null(device);
	assert_null(machine_device_function(device));
	assert_string_equal(uiommu_device_name(machine_device_uiommu(device)), "9074000.dma");
	assert_int_not_equal(group_of(m, "platform0"), group_of(m, "platform1"));
	assert_int_equal(machine_dma_read(device, 0x40110000, &word, 8, 0, 0), MACHINE_DMA_DONE);
	assert_int_equal(machine_dma_read(machine_device(m, "platform0"), 0x40110000, &word, 8, 0,
					  0),
			 MACHINE_DMA_REFUSED);
	machine_settle(m);
	assert_int_equal(machine_num_faults(m), 1);
	machine_clear_faults(m);
	finish(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_platform),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_acs),
		cmocka_unit_test(test_two_units),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_boot_order),
		cmocka_unit_test(test_bad_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
