/* SPDX-License-Identifier: MIT */
/*
 * lspci.c - functions from a dump of lspci -xxxx, or from this machine, both read by libpci
 *
 * libpci gives up on a bad dump without saying where; so each line is looked at here first.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pci/pci.h>

#include "apps/uiommu/groups/groups.h"

/* These names mean the library's (spec/pci.h) elsewhere; here libpci's are in sight. */
#define CONFIG_BYTES 4096

/* ---- looking at a dump ------------------------------------------------------------------------- */

static int bad(const char *file, unsigned int line, const char *what, const char *field)
{
	fprintf(stderr,
		"uiommu groups: %s:%u: %s: \"%.40s\"; make dumps with lspci -xxxx, as root\n", file,
		line, what, field);
	return -1;
}

static unsigned int hex_digits(const char *text)
{
	unsigned int count = 0;

	while (isxdigit((unsigned char)text[count]))
		count++;
	return count;
}

/* "0000:00:1f.0 " or "00:1f.0 ". */
static bool is_slot(const char *text)
{
	unsigned int digits = hex_digits(text);

	if (digits >= 4 && digits <= 8 && text[digits] == ':') {
		text += digits + 1;
		digits = hex_digits(text);
	}
	return digits == 2 && text[2] == ':' && hex_digits(text + 3) == 2 && text[5] == '.' &&
	       text[6] >= '0' && text[6] <= '7' && !isxdigit((unsigned char)text[7]);
}

/* "10: 00 01 ...": @expected is the offset that has to come, and moves on. */
static int check_bytes(const char *file, unsigned int line, const char *text,
		       unsigned int *expected)
{
	char *at;
	unsigned long offset = strtoul(text, &at, 16);
	unsigned int bytes = 0;

	if (offset != *expected || offset >= CONFIG_BYTES)
		return bad(file, line, "this is not the offset that follows", text);
	for (at++; *at; bytes++) {
		if (*at != ' ')
			return bad(file, line, "a blank is missing between bytes", at);
		while (*at == ' ')
			at++;
		if (!*at)
			break;
		if (hex_digits(at) != 2)
			return bad(file, line, "this is not a byte of two hexadecimal digits", at);
		at += 2;
	}
	if (bytes != 16)
		return bad(file, line, "a line does not have 16 bytes", text);
	*expected += 16;
	return 0;
}

static int check_size(const char *file, unsigned int line, bool any, unsigned int bytes)
{
	if (!any || bytes == 64 || bytes == 256 || bytes == CONFIG_BYTES)
		return 0;
	fprintf(stderr,
		"uiommu groups: %s:%u: the function before this line has %u bytes of configuration "
		"space; whole ones have 64, 256 or 4096: make dumps with lspci -xxxx, as root\n",
		file, line, bytes);
	return -1;
}

static int check_dump(const char *file)
{
	FILE *in = fopen(file, "r");
	char *text = NULL;
	size_t room = 0;
	unsigned int line = 0, expected = 0;
	bool any = false;
	int rc = 0;

	if (!in) {
		fprintf(stderr, "uiommu groups: %s: %s\n", file, strerror(errno));
		return -1;
	}
	while (!rc && getline(&text, &room, in) >= 0) {
		text[strcspn(text, "\r\n")] = '\0';
		line++;
		if (is_slot(text)) {
			rc = check_size(file, line, any, expected);
			any = true;
			expected = 0;
		} else if (!text[0] || isspace((unsigned char)text[0])) {
			continue; /* what lspci -v says in words */
		} else if (hex_digits(text) >= 2 && hex_digits(text) <= 3 &&
			   text[hex_digits(text)] == ':') {
			rc = any ? check_bytes(file, line, text, &expected) :
				   bad(file, line, "bytes come before the first function", text);
		} else {
			rc = bad(file, line, "this is neither a function nor bytes", text);
		}
	}
	if (!rc)
		rc = check_size(file, line + 1, any, expected);
	if (!rc && !any) {
		fprintf(stderr,
			"uiommu groups: %s: there is no function in it; make dumps with lspci -xxxx, "
			"as root\n",
			file);
		rc = -1;
	}
	free(text);
	fclose(in);
	return rc;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static jmp_buf give_up;

__attribute__((noreturn, format(printf, 1, 2))) static void on_error(char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("uiommu groups: libpci: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	longjmp(give_up, 1);
}

static void on_warning(char *format, ...)
{
	(void)format; /* a function that cannot be read in full: known by its size */
}

static void take(struct pci_access *access, struct pci_dev *dev, struct groups_world *world)
{
	struct groups_function *f;
	char class[64], name[96];

	pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS);
	f = groups_add(world, (unsigned int)dev->domain, dev->bus, dev->dev, dev->func);
	for (f->config_size = CONFIG_BYTES; f->config_size >= 64; f->config_size /= 4) {
		if (f->config_size == 1024)
			f->config_size = 256;
		if (pci_read_block(dev, 0, f->config, (int)f->config_size))
			break;
	}
	if (f->config_size < 64)
		f->config_size = 0;
	pci_lookup_name(access, class, sizeof(class), PCI_LOOKUP_CLASS, dev->device_class);
	pci_lookup_name(access, name, sizeof(name), PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE,
			dev->vendor_id, dev->device_id);
	snprintf(f->what, sizeof(f->what), "%.40s: %.80s", class, name);
}

static int read_functions(unsigned int method, const char *file, struct groups_world *world)
{
	struct pci_access *access = pci_alloc();

	access->method = method;
	access->error = on_error;
	access->warning = on_warning;
	/* The names of pci.ids are enough; udev's database costs memory that libpci never gives back. */
	pci_set_param(access, "hwdb.disable", "1");
	if (setjmp(give_up))
		return -1; /* libpci's state is lost; the program ends */
	if (file)
		pci_set_param(access, "dump.name", (char *)(uintptr_t)file);
	pci_init(access);
	pci_scan_bus(access);
	/* Its list has the last function first. */
	for (struct pci_dev *dev = access->devices; dev; dev = dev->next)
		take(access, dev, world);
	pci_cleanup(access);
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return strcmp(((const struct groups_function *)a)->name,
		      ((const struct groups_function *)b)->name);
}

static void warn_of_short_ones(const struct groups_world *world)
{
	unsigned int count = 0;
	const char *first = NULL;

	for (unsigned int i = 0; i < world->count; i++) {
		const struct groups_function *f = &world->function[i];

		if (f->config_size > 256)
			continue;
		/* Conventional functions have no more; with 64 bytes nobody can tell. */
		if (f->config_size == 256 && uiommu_pci_express_type(&world->function[i].fn) < 0)
			continue;
		if (!count++)
			first = f->name;
	}
	if (count)
		fprintf(stderr,
			"uiommu groups: %u functions (%s first) lack a part of their configuration "
			"space, and so seem to have no ACS; read it as root (lspci -xxxx)\n",
			count, first);
}

static int finish(struct groups_world *world)
{
	qsort(world->function, world->count, sizeof(*world->function), by_address);
	if (groups_connect(world))
		return -1;
	warn_of_short_ones(world);
	return 0;
}

int groups_from_lspci(const char *file, struct groups_world *world)
{
	if (check_dump(file) || read_functions(PCI_ACCESS_DUMP, file, world))
		return -1;
	return finish(world);
}

/* ---- this machine ------------------------------------------------------------------------------ */

/* /sys/bus/pci/devices/NAME/iommu_group leads to .../iommu_groups/NUMBER. */
static int linux_group(const char *name)
{
	char path[96], target[256];
	const char *number;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return GROUPS_NONE;
	target[length] = '\0';
	number = strrchr(target, '/');
	return number && isdigit((unsigned char)number[1]) ? atoi(number + 1) : GROUPS_NONE;
}

int groups_from_sysfs(struct groups_world *world)
{
	if (access("/sys/bus/pci/devices", R_OK)) {
		fputs("uiommu groups: this machine shows no PCI functions (/sys/bus/pci/devices): use "
		      "--lspci with a dump of one that does\n",
		      stderr);
		return -1;
	}
	if (read_functions(PCI_ACCESS_SYS_BUS_PCI, NULL, world))
		return -1;
	for (unsigned int i = 0; i < world->count; i++) {
		world->function[i].reported = linux_group(world->function[i].name);
		if (world->function[i].reported != GROUPS_NONE)
			world->reporter = "Linux on this machine";
	}
	return finish(world);
}
