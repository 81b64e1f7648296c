/* SPDX-License-Identifier: MIT */
/* where.c - places and objects in words, for traces and failures */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ports/explore/internal.h"

extern const char __executable_start[];

const char *explore_kind_name(enum explore_kind kind)
{
	static const char *const names[] = {
		[EXPLORE_START] = "begins",  [EXPLORE_LOCK] = "lock",
		[EXPLORE_UNLOCK] = "unlock", [EXPLORE_LOAD] = "load",
		[EXPLORE_STORE] = "store",   [EXPLORE_RMW] = "update",
		[EXPLORE_HARDWARE] = "step", [EXPLORE_RELAX] = "waits",
		[EXPLORE_LOOK] = "looks",    [EXPLORE_CHANGE] = "changes",
		[EXPLORE_READ] = "read",     [EXPLORE_WRITE] = "write",
	};

	return names[kind];
}

/* "function (file.c:12)" where addr2line is installed, else the offset in the program. */
void explore_where(uintptr_t pc, char *text, size_t size)
{
	const size_t offset = (size_t)(pc - (uintptr_t)__executable_start) - 1;
	char command[128], function[128], place[256];
	FILE *pipe;

	snprintf(text, size, "+0x%zx", offset);
	snprintf(command, sizeof(command), "addr2line -ife /proc/%ld/exe 0x%zx 2>/dev/null",
		 (long)getpid(), offset);
	pipe = popen(command, "r");
	if (!pipe)
		return;
	/* What is inlined from a header says little: the first place in a source. */
	while (fgets(function, sizeof(function), pipe) && fgets(place, sizeof(place), pipe)) {
		const char *file = strrchr(place, '/');

		function[strcspn(function, "\n")] = '\0';
		place[strcspn(place, "\n ")] = '\0';
		if (function[0] != '?')
			snprintf(text, size, "%s (%s)", function, file ? file + 1 : place);
		if (strstr(place, ".c:"))
			break;
	}
	while (fgets(place, sizeof(place), pipe))
		;
	pclose(pipe);
}

/* The nearest named address at or before @object, within 4096 bytes. */
void explore_object_name(struct explore *e, uintptr_t object, char *text, size_t size)
{
	const struct explore_object *best = NULL;

	if (object == EXPLORE_THE_HARDWARE) {
		snprintf(text, size, "the hardware");
		return;
	}
	for (size_t i = 0; i < e->max_objects; i++) {
		const struct explore_object *o = &e->objects[i];

		if (o->name && o->address <= object && object - o->address < 4096 &&
		    (!best || o->address > best->address))
			best = o;
	}
	if (best && best->address == object)
		snprintf(text, size, "%s", best->name);
	else if (best)
		snprintf(text, size, "%s+0x%zx", best->name, (size_t)(object - best->address));
	else
		snprintf(text, size, "memory+0x%zx", (size_t)(object - (uintptr_t)e->base));
}
