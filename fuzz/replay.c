/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over stored inputs, without libFuzzer, so that every input which once failed
 * is part of the ordinary tests: replay-NAME FOLDER.
 *
 * The empty input is always run, so a target without stored inputs is still checked to start.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns 0, or -1 if the file cannot be read. */
static int run_file(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = NULL;
	long size = -1;
	int ret = -1;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -1;
	file = fopen(path, "rb");
	if (!file)
		return -1;
	if (fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
		goto out_close;

	/* An allocation of exactly this size lets AddressSanitizer see an overrun by one byte. */
	data = malloc(size ? (size_t)size : 1);
	if (!data || fread(data, 1, (size_t)size, file) != (size_t)size)
		goto out_free;
	LLVMFuzzerTestOneInput(data, (size_t)size);
	ret = 0;

out_free:
	free(data);
out_close:
	fclose(file);
	return ret;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int count = 1;
	DIR *dir;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);

	dir = opendir(argv[1]);
	if (!dir && errno != ENOENT) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (run_file(argv[1], entry->d_name)) {
			fprintf(stderr, "%s/%s: cannot be read\n", argv[1], entry->d_name);
			closedir(dir);
			return 2;
		}
		count++;
	}
	if (dir)
		closedir(dir);
	printf("%d inputs\n", count);
	return 0;
}
