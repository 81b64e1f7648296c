/* SPDX-License-Identifier: MIT */
/* file.c - finds a machine's description: built in, a .dtb file, or a .dts file that dtc compiles */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machines/internal.h"

#define MAX_SIZE (16u << 20)

static bool ends_with(const char *name, const char *ending)
{
	size_t n = strlen(name), e = strlen(ending);

	return n > e && strcmp(name + n - e, ending) == 0;
}

/* All of a stream; NULL: no memory, an error, or too large. */
static void *read_all(FILE *file, size_t *size)
{
	size_t room = 65536, got = 0;
	char *data = malloc(room);

	while (data) {
		char *bigger;

		got += fread(data + got, 1, room - got, file);
		if (got < room)
			break;
		bigger = room < MAX_SIZE ? realloc(data, 2 * room) : NULL;
		if (!bigger)
			free(data);
		data = bigger;
		room *= 2;
	}
	if (data && ferror(file)) {
		free(data);
		data = NULL;
	}
	*size = got;
	return data;
}

static void *read_dtb(const char *name, size_t *size, char *error, size_t error_size)
{
	FILE *file = fopen(name, "rb");
	void *data = file ? read_all(file, size) : NULL;

	if (!data)
		machine_error(error, error_size, 0, "%s: %s", name,
			      file ? "cannot be read" : strerror(errno));
	if (file)
		fclose(file);
	return data;
}

static void *compile_dts(const char *name, size_t *size, char *error, size_t error_size)
{
	char *directory = strdup(name), *slash = directory ? strrchr(directory, '/') : NULL;
	void *data = NULL;
	FILE *file;
	int ends[2], status = -1;
	char why[160] = "";
	int messages;
	pid_t child;

	if (access(name, R_OK)) {
		machine_error(error, error_size, 0, "%s: %s", name, strerror(errno));
		free(directory);
		return NULL;
	}
	messages = memfd_create("dtc", 0);
	if (slash)
		*slash = '\0';
	if (!directory || pipe(ends)) {
		machine_error(error, error_size, 0, "%s: %s", name, strerror(errno));
		free(directory);
		return NULL;
	}
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(messages, STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("dtc", "dtc", "-q", "-I", "dts", "-O", "dtb", "-i", slash ? directory : ".",
		       "-o", "-", name, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	file = fdopen(ends[0], "rb");
	if (child > 0 && file)
		data = read_all(file, size);
	if (file)
		fclose(file);
	else
		close(ends[0]);
	if (child > 0)
		waitpid(child, &status, 0);
	if (messages >= 0) {
		ssize_t n = pread(messages, why, sizeof(why) - 1, 0);

		why[n > 0 ? n : 0] = '\0';
		why[strcspn(why, "\n")] = '\0';
		close(messages);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) || !data) {
		machine_error(error, error_size, 0, "%s: %s", name,
			      WIFEXITED(status) && WEXITSTATUS(status) == 127 ?
				      "dtc, which compiles it, is not installed" :
			      why[0] ? why :
				       "dtc could not compile it");
		free(data);
		data = NULL;
	}
	free(directory);
	return data;
}

int machine_load(const char *name, const void **dtb, size_t *size, void **file, char *error,
		 size_t error_size)
{
	*file = NULL;
	for (const struct machine_builtin *b = machine_builtins(); b->name; b++)
		if (strcmp(b->name, name) == 0) {
			*dtb = b->dtb;
			*size = b->dtb_size;
			return 0;
		}
	if (ends_with(name, ".dts"))
		*file = compile_dts(name, size, error, error_size);
	else if (ends_with(name, ".dtb"))
		*file = read_dtb(name, size, error, error_size);
	else
		return machine_error(error, error_size, -UIOMMU_ENOENT,
				     "there is no machine \"%s\", and it is no .dts or .dtb file",
				     name);
	*dtb = *file;
	return *file ? 0 : -UIOMMU_EINVAL;
}
