/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "machines/uapi_io.h"
#include "tests/uapi/tree.h"

void tree_start(struct tree *t, const char *machine, const struct uiommu_uapi_config *config)
{
	tree_start_hooked(t, machine, config, NULL);
}

void tree_start_hooked(struct tree *t, const char *machine, const struct uiommu_uapi_config *config,
		       const struct uiommu_posix_hooks *hooks)
{
	const struct uiommu_uapi_process_config nobody = { .user = 1000 };

	world_start_hooked(&t->w, machine, config, hooks);
	assert_int_equal(uiommu_uapi_process_create(t->w.uapi, &nobody, &t->nobody), 0);
	for (unsigned int i = 0; i < machine_num_devices(t->w.machine); i++) {
		struct machine_device *device = machine_device_at(t->w.machine, i);
		struct uiommu_uapi_device *known;

		if (machine_device_function(device))
			assert_int_equal(machine_uapi_add(device, t->w.uapi, &known), 0);
	}
}

void tree_stop(struct tree *t)
{
	uiommu_uapi_process_destroy(t->nobody);
	world_stop(&t->w);
}

const char *tree_name(struct tree *t, const char *label)
{
	return uiommu_device_name(machine_device_uiommu(world_device(&t->w, label)));
}

struct uiommu_uapi_device *tree_device(struct tree *t, const char *label)
{
	struct uiommu_uapi_device *device = uiommu_uapi_find_device(t->w.uapi, tree_name(t, label));

	assert_non_null(device);
	return device;
}

#define MAKE_PATH(path, format)                                                    \
	do {                                                                       \
		va_list args;                                                      \
                                                                                   \
		va_start(args, format);                                            \
		assert_true(vsnprintf(path, TREE_PATH, format, args) < TREE_PATH); \
		va_end(args);                                                      \
	} while (0)

const char *tree_path(char path[TREE_PATH], const char *format, ...)
{
	MAKE_PATH(path, format);
	return path;
}

void tree_says(struct tree *t, const char *expected, const char *format, ...)
{
	char path[TREE_PATH], text[4097];
	long size;

	MAKE_PATH(path, format);
	size = uiommu_uapi_sysfs_read(t->w.process, path, text, sizeof(text), 0);
	if (size < 0)
		fail_msg("%s: %ld", path, size);
	text[size] = 0;
	if (strcmp(text, expected) != 0)
		fail_msg("%s says \"%s\", not \"%s\"", path, text, expected);
}

void tree_links(struct tree *t, const char *expected, const char *format, ...)
{
	char path[TREE_PATH], text[TREE_PATH];
	struct uiommu_uapi_stat stat;
	long size;

	MAKE_PATH(path, format);
	size = uiommu_uapi_sysfs_readlink(t->w.uapi, path, text, sizeof(text) - 1);
	if (size < 0)
		fail_msg("%s: %ld", path, size);
	text[size] = 0;
	if (strcmp(text, expected) != 0)
		fail_msg("%s -> %s, not %s", path, text, expected);
	assert_int_equal(uiommu_uapi_sysfs_stat(t->w.uapi, path, &stat), 0);
}

bool tree_exists(struct tree *t, const char *format, ...)
{
	char path[TREE_PATH];
	struct uiommu_uapi_stat stat;
	int rc;

	MAKE_PATH(path, format);
	rc = uiommu_uapi_sysfs_lstat(t->w.uapi, path, &stat);
	if (rc && rc != -UIOMMU_ENOENT)
		fail_msg("%s: %d", path, rc);
	return !rc;
}

long tree_write(struct tree *t, const char *word, const char *format, ...)
{
	char path[TREE_PATH];
	long rc;

	MAKE_PATH(path, format);
	rc = uiommu_uapi_sysfs_write(t->w.process, path, word, strlen(word), 0);
	if (rc >= 0)
		assert_int_equal(rc, strlen(word));
	return rc < 0 ? rc : 0;
}

static int count(const struct uiommu_uapi_entry *entry, void *context)
{
	(void)entry;
	++*(unsigned int *)context;
	return 0;
}

unsigned int tree_count(struct tree *t, const char *format, ...)
{
	unsigned int entries = 0;
	char path[TREE_PATH];
	int rc;

	MAKE_PATH(path, format);
	rc = uiommu_uapi_sysfs_list(t->w.uapi, path, count, &entries);
	if (rc)
		fail_msg("%s: %d", path, rc);
	return entries;
}
