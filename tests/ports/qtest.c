/* SPDX-License-Identifier: MIT */
/*
 * qtest.c - the port that drives QEMU: what it says when there is none, when it dies, and what it reaches
 *
 * What needs QEMU is skipped where there is none.  The programs that die are shell scripts round the real one.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <uiommu/types.h>

#include "ports/qtest/internal.h"
#include "spec/edu.h"
#include "spec/pci.h"
#include "spec/smmuv3.h"
#include "spec/virtio-iommu.h"
#include "spec/virtio.h"
#include "spec/vtd.h"

#define PC_ECAM 0xb0000000u
#define PC_WINDOW 0xe0000000u
#define ARM_ECAM UINT64_C(0x4010000000)
#define ARM_WINDOW 0x10000000u
#define SMMU 0x09050000u
#define VTD 0xfed90000u
#define VIRTIO_CAP_ID 0x09u /* vendor-specific: virtio 1.2, 4.1.4 */

static const char *pc[] = { "-M",      "q35,memory-backend=ram,pit=off", "-device", "intel-iommu",
			    "-device", "edu,addr=4,dma_mask=0xffffffff", NULL };
static const char *pc_virtio[] = { "-M", "q35,memory-backend=ram,pit=off", "-device",
				   "virtio-iommu-pci,addr=3", NULL };
static const char *arm_smmu[] = { "-M", "virt,gic-version=3,iommu=smmuv3,memory-backend=ram",
				  NULL };
static const char *arm_virtio[] = { "-M", "virt,gic-version=3,memory-backend=ram", "-device",
				    "virtio-iommu-pci,addr=3", NULL };

static unsigned int arguments(void *context, const struct qtest *q, char **argv, unsigned int room)
{
	const char *const *from = context;
	unsigned int n = 0;

	(void)q;
	for (; from[n]; n++) {
		assert_true(n < room);
		argv[n] = (char *)(uintptr_t)from[n];
	}
	return n;
}

static int start(const char *program, enum qtest_architecture architecture, const char **line,
		 struct qtest **q, char *error, size_t size)
{
	struct qtest_config config = {
		.architecture = architecture,
		.program = program,
		.ram_size = 64u << 20,
		.arguments = arguments,
		.context = line,
	};

	return qtest_start(&config, q, error, size);
}

/* Running, or the test is skipped because this machine has no QEMU for it. */
static struct qtest *started(enum qtest_architecture architecture, const char **line)
{
	struct qtest *q = NULL;
	char error[512] = "";
	int rc = start(NULL, architecture, line, &q, error, sizeof(error));

	if (rc == -UIOMMU_ENOENT)
		skip();
	if (rc)
		fail_msg("%s", error);
	return q;
}

static void assert_says(const char *text, const char *word)
{
	if (!strstr(text, word))
		fail_msg("\"%s\" does not say \"%s\"", text, word);
	assert_null(strchr(text, '\n'));
}

/* A program of two lines; the caller unlinks it. */
static void script(char *path, const char *text)
{
	int fd;

	strcpy(path, "/tmp/uiommu-qtest-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
}

static const char *real_program(void)
{
	const char *named = getenv("UIOMMU_QEMU");

	return named && named[0] ? named : "qemu-system-x86_64";
}

/* ---- none, or no good -------------------------------------------------------------------------- */

static void missing_program(void **state)
{
	struct qtest *q = NULL;
	char error[512] = "";

	(void)state;
	assert_int_equal(start("/nonexistent/qemu", QTEST_X86_64, pc, &q, error, sizeof(error)),
			 -UIOMMU_ENOENT);
	assert_says(error, "/nonexistent/qemu");
	assert_says(error, "qemu-system-x86");
	assert_says(error, "UIOMMU_QEMU");
	assert_int_equal(start("no-such-emulator", QTEST_AARCH64, arm_smmu, &q, error,
			       sizeof(error)),
			 -UIOMMU_ENOENT);
	assert_says(error, "no-such-emulator");
	assert_says(error, "UIOMMU_QEMU_AARCH64");
}

static void other_program(void **state)
{
	char error[512] = "", path[64];
	struct qtest *q = NULL;

	(void)state;
	script(path, "echo hello");
	assert_int_equal(start(path, QTEST_X86_64, pc, &q, error, sizeof(error)), -UIOMMU_EIO);
	unlink(path);
	assert_says(error, path);
	assert_says(error, "not QEMU");
}

static void dies_at_once(void **state)
{
	char error[512] = "", path[64], text[512];
	struct qtest *q = NULL;

	(void)state;
	qtest_stop(started(QTEST_X86_64, pc)); /* there is one, or this is skipped */
	snprintf(
		text, sizeof(text),
		"case \"$*\" in *'-M none'*) exec %s \"$@\";; esac; echo no luck today >&2; exit 3",
		real_program());
	script(path, text);
	assert_int_equal(start(path, QTEST_X86_64, pc, &q, error, sizeof(error)), -UIOMMU_EIO);
	unlink(path);
	assert_says(error, path);
	assert_says(error, "exit status 3");
	assert_says(error, "no luck today");
}

static void dies_later(void **state)
{
	struct qtest *q = started(QTEST_X86_64, pc);
	char text[512] = "";

	(void)state;
	assert_false(qtest_problem(q, text, sizeof(text)));
	qtest_post(q, 0x1000, 4, 1);
	kill(q->pid, SIGABRT);
	for (unsigned int i = 0; i < 100 && !qtest_dead(q); i++)
		qtest_read(q, 0x1000, 4);
	assert_true(qtest_dead(q));
	assert_int_equal(qtest_read(q, 0x1000, 4), UINT64_MAX);
	assert_true(qtest_problem(q, text, sizeof(text)));
	assert_says(text, qtest_version(q));
	assert_says(text, "died");
	assert_says(text, "Aborted");
	qtest_stop(q);
	/* And the next one is a new one. */
	q = started(QTEST_X86_64, pc);
	assert_false(qtest_dead(q));
	qtest_stop(q);
}

static void unknown_device(void **state)
{
	static const char *line[] = { "-M", "q35,memory-backend=ram", "-device", "no-such-device",
				      NULL };
	char error[512] = "";
	struct qtest *q = NULL;

	(void)state;
	qtest_stop(started(QTEST_X86_64, pc));
	assert_int_equal(start(NULL, QTEST_X86_64, line, &q, error, sizeof(error)), -UIOMMU_EIO);
	assert_says(error, "no-such-device");
}

static void knows_properties(void **state)
{
	struct qtest *q = started(QTEST_X86_64, pc);

	(void)state;
	assert_true(qtest_has(q, "edu", NULL));
	assert_true(qtest_has(q, "edu", "dma_mask"));
	assert_true(qtest_has(q, "intel-iommu", "aw-bits"));
	assert_false(qtest_has(q, "intel-iommu", "aw-bit"));
	assert_false(qtest_has(q, "intel-iommu", "dma_mask"));
	assert_false(qtest_has(q, "no-such-device", NULL));
	assert_true(qtest_major(q) >= 7);
	qtest_stop(q);
}

/* ---- used again -------------------------------------------------------------------------------- */

static void used_again(void **state)
{
	struct qtest *q = started(QTEST_X86_64, pc);
	unsigned char *ram = qtest_ram(q);
	pid_t pid = q->pid;
	uint64_t version = qtest_read(q, VTD + VTD_REG_VER, 4);

	(void)state;
	assert_int_not_equal((uint32_t)version, UINT32_MAX);
	qtest_write(q, VTD + VTD_REG_RTADDR, 8, 0x123000);
	assert_int_equal(qtest_read(q, VTD + VTD_REG_RTADDR, 8), 0x123000);
	ram[0x200000] = 1;
	qtest_stop(q);
	q = started(QTEST_X86_64, pc);
	assert_int_equal(q->pid, pid);
	assert_int_equal(qtest_read(q, VTD + VTD_REG_RTADDR, 8), 0);
	assert_int_equal(((unsigned char *)qtest_ram(q))[0x200000], 0);
	assert_int_equal(qtest_read(q, 0x200000, 1), 0);
	/* Another machine is another process. */
	qtest_stop(q);
	q = started(QTEST_X86_64, pc_virtio);
	assert_int_not_equal(q->pid, pid);
	qtest_stop(q);
}

static void order_of_posted_writes(void **state)
{
	struct qtest *q = started(QTEST_X86_64, pc);
	const unsigned char *ram = qtest_ram(q);

	(void)state;
	/* More than are held back at once. */
	for (uint32_t i = 0; i < 1000; i++)
		qtest_post(q, 0x200000 + 4 * i, 4, i);
	for (uint32_t i = 0; i < 1000; i++)
		qtest_post(q, 0x300000, 4, i);
	assert_int_equal(qtest_read(q, 0x300000, 4), 999);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t word;

		memcpy(&word, ram + 0x200000 + 4 * i, sizeof(word));
		assert_int_equal(word, i);
	}
	qtest_stop(q);
}

/* ---- PCI, as far as these tests need it -------------------------------------------------------- */

struct function {
	struct qtest *q;
	uint64_t config;
};

static uint32_t config_read(const struct function *fn, unsigned int offset, unsigned int size)
{
	return (uint32_t)qtest_read(fn->q, fn->config + offset, size);
}

static void open_pc_ecam(struct qtest *q)
{
	qtest_out(q, 0xcf8, 4, 0x80000060);
	qtest_out(q, 0xcfc, 4, PC_ECAM | 1);
}

static void enable(const struct function *fn, unsigned int bar, uint64_t address)
{
	qtest_post(fn->q, fn->config + PCI_BAR(bar), 4, address);
	qtest_post(fn->q, fn->config + PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void finds_the_edu_inside(void **state)
{
	struct qtest *q = started(QTEST_X86_64, pc);
	struct function edu = { q, PC_ECAM + (4 << 15) };
	static const char bytes[] = "these bytes stand nowhere else, or so we hope";
	char got[sizeof(bytes)], path[64];
	uint64_t where;
	int memory;

	(void)state;
	open_pc_ecam(q);
	assert_int_equal(config_read(&edu, PCI_VENDOR_ID, 2), EDU_VENDOR_ID);
	enable(&edu, 0, PC_WINDOW);
	memcpy((char *)qtest_ram(q) + 0x200000, bytes, sizeof(bytes));
	qtest_post(q, PC_WINDOW + EDU_REG_DMA_SOURCE, 8, 0x200000);
	qtest_post(q, PC_WINDOW + EDU_REG_DMA_DESTINATION, 8, EDU_BUFFER);
	qtest_post(q, PC_WINDOW + EDU_REG_DMA_COUNT, 8, sizeof(bytes));
	qtest_post(q, PC_WINDOW + EDU_REG_DMA_COMMAND, 8, EDU_DMA_RUN);
	for (unsigned int i = 0; i < 10000; i++) {
		qtest_step(q, 100000000);
		if (!(qtest_read(q, PC_WINDOW + EDU_REG_DMA_COMMAND, 8) & EDU_DMA_RUN))
			break;
	}
	where = qtest_find_inside(q, "edu", bytes, sizeof(bytes));
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)q->pid);
	memory = open(path, O_RDONLY);
	if (memory < 0) {
		qtest_stop(q);
		skip(); /* this system lets nobody look into a process */
	}
	close(memory);
	assert_int_not_equal(where, 0);
	assert_true(qtest_read_inside(q, where, got, sizeof(got)));
	assert_memory_equal(got, bytes, sizeof(bytes));
	qtest_stop(q);
}

/* ---- firmware's files -------------------------------------------------------------------------- */

static void assert_has_table(const void *tables, size_t size, const char *signature)
{
	if (!memmem(tables, size, signature, 4))
		fail_msg("no table \"%s\"", signature);
}

static void firmware_files(void **state)
{
	static const struct {
		enum qtest_architecture architecture;
		const char **line;
		const char *table;
	} cases[] = {
		{ QTEST_X86_64, pc, "DMAR" },
		{ QTEST_X86_64, pc_virtio, "VIOT" },
		{ QTEST_AARCH64, arm_smmu, "IORT" },
		{ QTEST_AARCH64, arm_virtio, "VIOT" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qtest *q = started(cases[i].architecture, cases[i].line);
		size_t size = 0;
		void *tables = qtest_firmware_file(q, "etc/acpi/tables", &size);

		assert_non_null(tables);
		assert_has_table(tables, size, cases[i].table);
		assert_null(qtest_firmware_file(q, "etc/no-such-file", &size));
		free(tables);
		qtest_stop(q);
	}
}

/* The "virt" machine leaves its Devicetree at the start of RAM. */
static void devicetree(void **state)
{
	struct qtest *q = started(QTEST_AARCH64, arm_smmu);
	static const unsigned char magic[] = { 0xd0, 0x0d, 0xfe, 0xed };

	(void)state;
	assert_memory_equal(qtest_ram(q), magic, sizeof(magic));
	assert_non_null(memmem(qtest_ram(q), 0x100000, "arm,smmu-v3", 12));
	qtest_stop(q);
	/* It is there after a reset too. */
	q = started(QTEST_AARCH64, arm_smmu);
	assert_memory_equal(qtest_ram(q), magic, sizeof(magic));
	qtest_stop(q);
}

/* ---- the other IOMMUs answer ------------------------------------------------------------------- */

static void smmu_registers(void **state)
{
	struct qtest *q = started(QTEST_AARCH64, arm_smmu);
	uint32_t idr0, idr1, idr5;

	(void)state;
	idr0 = (uint32_t)qtest_read(q, SMMU + SMMUV3_REG_IDR0, 4);
	idr1 = (uint32_t)qtest_read(q, SMMU + SMMUV3_REG_IDR1, 4);
	idr5 = (uint32_t)qtest_read(q, SMMU + SMMUV3_REG_IDR5, 4);
	assert_true(idr0 & SMMUV3_IDR0_S1P);
	assert_true(idr0 & SMMUV3_IDR0_COHACC);
	assert_int_not_equal(idr1 & SMMUV3_IDR1_SIDSIZE, 0);
	assert_int_not_equal(idr1 & SMMUV3_IDR1_CMDQS, 0);
	assert_true(idr5 & SMMUV3_IDR5_GRAN4K);
	/* Off after reset, and a register keeps what is written. */
	assert_int_equal(qtest_read(q, SMMU + SMMUV3_REG_CR0ACK, 4), 0);
	qtest_write(q, SMMU + SMMUV3_REG_STRTAB_BASE, 8, 0x40200000);
	assert_int_equal(qtest_read(q, SMMU + SMMUV3_REG_STRTAB_BASE, 8), 0x40200000);
	qtest_stop(q);
}

/* Where a vendor-specific capability of this type says that its structure is: offset in BAR @bar. */
static bool virtio_capability(const struct function *fn, unsigned int type, unsigned int *bar,
			      uint32_t *offset)
{
	unsigned int at = config_read(fn, PCI_CAP_POINTER, 1);

	for (unsigned int i = 0; at >= PCI_CAP_FIRST && i < 48; i++) {
		if (config_read(fn, at + PCI_CAP_ID, 1) == VIRTIO_CAP_ID &&
		    config_read(fn, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) == type) {
			*bar = config_read(fn, at + VIRTIO_PCI_CAP_BAR, 1);
			*offset = config_read(fn, at + VIRTIO_PCI_CAP_OFFSET, 4);
			return true;
		}
		at = config_read(fn, at + PCI_CAP_NEXT, 1);
	}
	return false;
}

static void virtio_config(enum qtest_architecture architecture, const char **line, uint64_t ecam,
			  uint64_t window)
{
	struct qtest *q = started(architecture, line);
	struct function fn = { q, ecam + (3 << 15) };
	unsigned int bar = 0;
	uint32_t offset = 0;
	uint64_t config, mask, first, last;

	if (architecture == QTEST_X86_64)
		open_pc_ecam(q);
	assert_int_equal(config_read(&fn, PCI_VENDOR_ID, 2), VIRTIO_PCI_VENDOR);
	assert_int_equal(config_read(&fn, PCI_DEVICE_ID, 2),
			 VIRTIO_PCI_DEVICE_BASE + VIRTIO_ID_IOMMU);
	assert_true(virtio_capability(&fn, VIRTIO_PCI_CFG_DEVICE, &bar, &offset));
	enable(&fn, bar, window);
	qtest_post(q, fn.config + PCI_BAR(bar + 1), 4, 0);
	config = window + offset;
	mask = qtest_read(q, config + VIRTIO_IOMMU_CONFIG_PAGE_SIZE_MASK, 8);
	first = qtest_read(q, config + VIRTIO_IOMMU_CONFIG_INPUT_START, 8);
	last = qtest_read(q, config + VIRTIO_IOMMU_CONFIG_INPUT_END, 8);
	assert_true(mask & 0x1000);
	assert_int_equal(first, 0);
	assert_true(last >= UINT32_MAX);
	assert_int_not_equal(qtest_read(q, config + VIRTIO_IOMMU_CONFIG_PROBE_SIZE, 4), 0);
	qtest_stop(q);
}

static void virtio_on_a_pc(void **state)
{
	(void)state;
	virtio_config(QTEST_X86_64, pc_virtio, PC_ECAM, PC_WINDOW);
}

static void virtio_on_arm(void **state)
{
	(void)state;
	virtio_config(QTEST_AARCH64, arm_virtio, ARM_ECAM, ARM_WINDOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_program),	cmocka_unit_test(other_program),
		cmocka_unit_test(dies_at_once),		cmocka_unit_test(dies_later),
		cmocka_unit_test(unknown_device),	cmocka_unit_test(knows_properties),
		cmocka_unit_test(used_again),		cmocka_unit_test(order_of_posted_writes),
		cmocka_unit_test(finds_the_edu_inside), cmocka_unit_test(firmware_files),
		cmocka_unit_test(devicetree),		cmocka_unit_test(smmu_registers),
		cmocka_unit_test(virtio_on_a_pc),	cmocka_unit_test(virtio_on_arm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
