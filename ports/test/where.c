/* SPDX-License-Identifier: MIT */
/*
 * where.c - places in the program, in words
 *
 * Return addresses become "function+0x12 < its caller+0x34", from the symbol table of the program itself:
 * the library's functions are hidden or static, so the dynamic linker does not know them.
 */
#define _GNU_SOURCE
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ports/test/internal.h"

/* The program's symbols; read once, never changed afterwards. */
static struct {
	pthread_once_t once;
	uintptr_t bias;
	const ElfW(Sym) * symbols;
	size_t count;
	const char *names;
} program = { .once = PTHREAD_ONCE_INIT };

static int first_object(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	*(uintptr_t *)context = info->dlpi_addr;
	return 1;
}

static void read_program(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	const unsigned char *file;
	const ElfW(Ehdr) * head;
	const ElfW(Shdr) * sections;

	if (fd < 0)
		return;
	if (fstat(fd, &st) || (size_t)st.st_size < sizeof(*head)) {
		close(fd);
		return;
	}
	file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return;
	dl_iterate_phdr(first_object, &program.bias);
	head = (const void *)file;
	sections = (const void *)(file + head->e_shoff);
	for (unsigned int i = 0; i < head->e_shnum; i++) {
		if (sections[i].sh_type != SHT_SYMTAB)
			continue;
		program.symbols = (const void *)(file + sections[i].sh_offset);
		program.count = sections[i].sh_size / sizeof(*program.symbols);
		program.names = (const char *)file + sections[sections[i].sh_link].sh_offset;
	}
}

static void describe(const void *address, char *text, size_t size)
{
	uintptr_t at = (uintptr_t)address - program.bias;

	for (size_t i = 0; i < program.count; i++) {
		const ElfW(Sym) *s = &program.symbols[i];

		/* A return address may lie just behind the function that it belongs to. */
		if ((s->st_info & 0xf) == STT_FUNC && at > s->st_value &&
		    at - s->st_value <= s->st_size) {
			snprintf(text, size, "%s+0x%zx", program.names + s->st_name,
				 (size_t)(at - s->st_value));
			return;
		}
	}
	snprintf(text, size, "%p", address);
}

struct place uiommu_test_here(void *caller)
{
	struct place place = { .frame = { caller } };
	void *frames[16];
	int count = backtrace(frames, 16), at = 0;

	while (at < count && frames[at] != caller)
		at++;
	for (int i = 0; i < PLACE_DEPTH && at + i < count; i++)
		place.frame[i] = frames[at + i];
	return place;
}

void uiommu_test_place(const struct place *place, char *text, size_t size)
{
	size_t used = 0;

	pthread_once(&program.once, read_program);
	text[0] = '\0';
	for (int i = 0; i < PLACE_DEPTH && place->frame[i] && used + 1 < size; i++) {
		char name[96];

		describe(place->frame[i], name, sizeof(name));
		/* What called main() is of no interest, nor is what has no name, but for the first. */
		if (i > 0 && !strncmp(name, "0x", 2))
			break;
		snprintf(text + used, size - used, "%s%s", i ? " < " : "", name);
		used += strlen(text + used);
	}
}
